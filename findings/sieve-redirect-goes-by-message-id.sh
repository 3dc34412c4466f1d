#!/usr/bin/env bash
# Guess: a Sieve script with `redirect :copy "archive@..."` sends each message that comes to the archive.
# Really: Dovecot's sends one message of a Message-ID to an address in 12 hours: another with the same one, whatever its
#   subject and text, is kept in the mailbox only, with exit code 0 and one line of level info.
#   A message without a Message-ID goes always, but gets one on the way, so the archive has not what came.
# Versions: Pigeonhole 0.5.19 for Dovecot 2.3.19.1 (Debian 1:2.3.19.1+dfsg1-2.1+deb12u7)
# Found in: pigeonhole, lib-sieve/cmd-redirect.c (a guard against loops); plugin setting sieve_redirect_duplicate_period.
# Why care: programs that send each of their mails with one Message-ID, or a corrected mail with the first one's, are in
#   the archive once; who compares mailbox and archive by Message-ID sees nothing missing.
set -uo pipefail
version=1:2.3.19.1+dfsg1-2.1+deb12u7
[ "$(id -u)" = 0 ] || { echo 'not tried: needs root'; exit 2; }
dir=$(mktemp -d) || exit 2
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/pkg"
have() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }
libs=$(apt-cache depends dovecot-core dovecot-sieve 2>/dev/null | sed -n 's/^ *Depends: \(lib.*\)/\1/p' | sort -u |
  while read -r lib; do have "$lib" || echo "$lib"; done)
(cd "$dir" && apt-get download -q "dovecot-core=$version" "dovecot-sieve=$version" $libs >/dev/null 2>&1 &&
  for deb in *.deb; do dpkg -x "$deb" pkg || exit 1; done) ||
  { echo "not tried: the packages dovecot-core and dovecot-sieve $version cannot be had"; exit 2; }
cd "$dir" || exit 2
mkdir -p home/mail/new home/mail/cur home/mail/tmp
cat >try.py <<'PY'
import glob, re, socket, subprocess, sys, threading
archive = []
def converse(connection):
    lines = connection.makefile("rb")
    connection.sendall(b"220 archive.example ESMTP\r\n")
    while line := lines.readline():
        if line[:4].upper() == b"DATA":
            connection.sendall(b"354 go on\r\n")
            message = b""
            while (line := lines.readline()) not in (b".\r\n", b""):
                message += line
            archive.append(message)
            connection.sendall(b"250 taken\r\n")
        elif line[:4].upper() == b"QUIT":
            connection.sendall(b"221 bye\r\n")
            return
        else:
            connection.sendall(b"250 ok\r\n")
server = socket.create_server(("127.0.0.1", 0))
def listen():
    while True:
        threading.Thread(target=converse, args=(server.accept()[0],), daemon=True).start()
threading.Thread(target=listen, daemon=True).start()
home, port = sys.argv[1], server.getsockname()[1]
with open("lda.conf", "w") as file:
    file.write(f"""mail_location = maildir:{home}/mail
mail_uid = 65534
mail_gid = 65534
first_valid_uid = 1
mail_home = {home}
base_dir = {home}
state_dir = {home}
log_path = {home}/log
postmaster_address = postmaster@mx.example
submission_host = 127.0.0.1:{port}
protocol lda {{
  mail_plugins = sieve
}}
plugin {{
  sieve = {home}/archive.sieve
}}
""")
with open(f"{home}/archive.sieve", "w") as file:
    file.write('require "copy";\nredirect :copy "all@archive.example";\n')
user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "env", "USER=nobody", f"HOME={home}"]
def deliver(name, sender, message_id):
    text = f"From: {sender}\nSubject: {name}\n" + (f"Message-ID: {message_id}\n" if message_id else "") + f"\nThis is {name}.\n"
    lda = [*user, "timeout", "30", "/usr/lib/dovecot/dovecot-lda", "-c", "lda.conf", "-f", sender, "-a", "b@mx.example"]
    code = subprocess.run(lda, input=text.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    sent = sum(f"This is {name}.".encode() in message for message in archive)
    kept = sum(f"This is {name}." in open(file).read() for file in glob.glob(f"{home}/mail/new/*"))
    print(f"{name} (from {sender}, Message-ID {message_id}): exit {code}, in the mailbox {kept}, in the archive {sent}")
    return code, kept, sent
same = "<report@app.example>"
outcome = [
    deliver("report 1", "a@app.example", same),
    deliver("report 2", "a@app.example", same),
    deliver("other", "a@app.example", "<other@app.example>"),
    deliver("nameless", "a@app.example", None),
]
added = [line for message in archive if b"This is nameless." in message for line in message.split(b"\r\n") if line[:11] == b"Message-ID:"]
print("Message-ID of the nameless one in the archive:", *(line.decode() for line in added))
log = open(f"{home}/log").read()
for line in re.findall("Info: sieve: (.*duplicate.*)", log):
    print("log:", line)
if any(code for code, kept, sent in outcome):
    print("not tried: dovecot-lda failed")
    print(log)
    sys.exit(2)
stated = [sent for code, kept, sent in outcome] == [1, 0, 1, 1] and all(kept == 1 for code, kept, sent in outcome) and len(added) == 1
print("as stated: the archive has the first message of a Message-ID only" if stated else "changed: the archive has other messages")
sys.exit(0 if stated else 1)
PY
chown -R 65534:65534 home
unshare --mount --pid --fork --kill-child --mount-proc sh -c '
  for folder in usr etc; do
    mkdir -p "$0/up/$folder" "$0/work/$folder"
    mount -t overlay overlay -o "lowerdir=$0/pkg/$folder:/$folder,upperdir=$0/up/$folder,workdir=$0/work/$folder" "/$folder" || exit 2
  done
  for name in dovecot dovenull; do
    grep -q "^$name:" /etc/group || echo "$name:x:$((31000 + ${#name})):" >>/etc/group
    grep -q "^$name:" /etc/passwd || echo "$name:x:$((31000 + ${#name})):$((31000 + ${#name}))::/nonexistent:/bin/false" >>/etc/passwd
  done
  echo "Dovecot $(dovecot --version)"
  exec python3 try.py "$0/home"' "$dir"
