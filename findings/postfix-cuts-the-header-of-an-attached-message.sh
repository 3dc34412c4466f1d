#!/usr/bin/env bash
# Guess: header_size_limit (100 KB) is for a message's own header; a message attached as message/rfc822 is body, and
#   where the next hop offers 8BITMIME, so that nothing is to be converted, it goes on as it came.
# Really: Postfix reads attached headers as it does its own: of a longer field, such as a To of 5,000 recipients, it
#   leaves the rest out, answers 250, and writes nothing in its log; and "Subject : x" goes on as "Subject: x".
# Versions: Postfix 3.7.11 (Debian 3.7.11-0+deb12u1)
# Found in: cleanup_message.c and mime_state.c, mime_state_update. disable_mime_input_processing = yes ends both.
# Why care: journals and reported mail through a Postfix lose recipients from the evidence, and its DKIM signature.
set -uo pipefail
version=3.7.11-0+deb12u1
[ "$(id -u)" = 0 ] || { echo 'not tried: needs root'; exit 2; }
dir=$(mktemp -d) || exit 2
chmod 755 "$dir"
cleanup() {
  [ -n "${server:-}" ] && kill -9 "$server" 2>/dev/null && wait "$server" 2>/dev/null
  rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$dir/pkg" "$dir/etc" "$dir/queue" "$dir/data"
(cd "$dir" && apt-get download -q "postfix=$version" >/dev/null 2>&1 && dpkg -x postfix_*.deb pkg) ||
  { echo "not tried: the package postfix=$version cannot be had"; exit 2; }
read -r port whole next < <(python3 -c '
import socket
all = [socket.socket() for each in range(3)]
for s in all:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in all))') || exit 2
cat >"$dir/etc/main.cf" <<CF
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
maillog_file = $dir/log
maillog_file_prefixes = $dir
myhostname = mx.example
mydestination =
relayhost = [127.0.0.1]:$next
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_connection_cache_on_demand = no
local_recipient_maps =
alias_maps =
CF
cat >"$dir/etc/master.cf" <<CF
127.0.0.1:$port inet n - n - - smtpd
127.0.0.1:$whole inet n - n - - smtpd
  -o cleanup_service_name=whole
cleanup unix n - n - 0 cleanup
whole unix n - n - 0 cleanup
  -o disable_mime_input_processing=yes
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
smtp unix - - n - - smtp
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
CF
# The package lies over /usr and /etc in namespaces of their own, which end with this script.
unshare --mount --pid --fork --kill-child --mount-proc sh -c '
  for folder in usr etc; do
    mkdir -p "$0/up/$folder" "$0/work/$folder"
    mount -t overlay overlay -o "lowerdir=$0/pkg/$folder:/$folder,upperdir=$0/up/$folder,workdir=$0/work/$folder" "/$folder" || exit 9
  done
  for name in postfix postdrop; do
    grep -q "^$name:" /etc/group || echo "$name:x:$((31000 + ${#name})):" >>/etc/group
  done
  grep -q "^postfix:" /etc/passwd || echo "postfix:x:31007:31007::/nonexistent:/bin/false" >>/etc/passwd
  chown postfix "$0/data"
  exec postfix -c "$0/etc" start-fg' "$dir" >"$dir/out" 2>&1 &
server=$!
python3 - "$port" "$whole" "$next" "$version" "$dir/log" <<'PY'
import queue, smtplib, socket, sys, threading, time
port, whole, next_hop, version, log = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
got = queue.Queue()
def converse(connection):
    lines = connection.makefile("rb")
    connection.sendall(b"220 next.example ESMTP\r\n")
    while line := lines.readline():
        if line[:4].upper() == b"EHLO":
            connection.sendall(b"250-next.example\r\n250 8BITMIME\r\n")
        elif line[:4].upper() == b"DATA":
            connection.sendall(b"354 go on\r\n")
            message = b""
            while (line := lines.readline()) not in (b".\r\n", b""):
                message += line[1:] if line[:1] == b"." else line
            got.put(message)
            connection.sendall(b"250 taken\r\n")
        elif line[:4].upper() == b"QUIT":
            connection.sendall(b"221 bye\r\n")
            return
        else:
            connection.sendall(b"250 ok\r\n")
def listen():
    with socket.create_server(("127.0.0.1", next_hop)) as server:
        while True:
            threading.Thread(target=converse, args=(server.accept()[0],), daemon=True).start()
threading.Thread(target=listen, daemon=True).start()
recipients = [b"recipient%04d@mx.example" % number for number in range(5000)]
original = (
    b"From: a@client.example\r\nTo: " + b",\r\n ".join(b", ".join(recipients[at:at + 10]) for at in range(0, 5000, 10))
    + b"\r\nSubject : all of you\r\n\r\nHello.\r\n"
)
report = (
    b"From: gateway@mx.example\r\nTo: intake@next.example\r\nSubject: report\r\nDate: Sat, 28 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@mx.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n"
    b"--outer\r\n\r\nA copy is attached.\r\n--outer\r\nContent-Type: message/rfc822\r\n\r\n" + original + b"\r\n--outer--\r\n"
)
print(f"Postfix {version}; the attached original has {len(original)} octets and {len(recipients)} recipients in To")
def through(name, port):
    for attempt in range(100):
        try:
            client = smtplib.SMTP("127.0.0.1", port, timeout=20)
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    else:
        raise OSError("Postfix does not listen")
    client.sendmail("a@client.example", ["intake@next.example"], report, ["BODY=8BITMIME"])
    client.quit()
    message = got.get(timeout=30)
    attached = message.split(b"Content-Type: message/rfc822\r\n\r\n")[1].rsplit(b"\r\n--outer--", 1)[0]
    subject = next(line for line in attached.split(b"\r\n") if line.startswith(b"Subject"))
    print(f"{name}: {len(attached)} octets, {attached.count(b'@mx.example')} recipients, {subject.decode()!r}")
    return attached, subject
try:
    cut, subject = through("as installed", port)
    kept, _ = through("disable_mime_input_processing", whole)
except (OSError, queue.Empty, smtplib.SMTPException) as error:
    print("not tried:", error)
    sys.exit(2)
lines = open(log).read().splitlines()
said = [line for line in lines if any(word in line for word in ("limit", "header", "truncat", "warning: cleanup"))]
print(f"lines in the log: {len(lines)}, about it: {len(said)}, deliveries: {sum('status=sent' in line for line in lines)}")
stated = (
    len(cut) < len(original) and cut.count(b"@mx.example") < 5000 and cut.endswith(b"\r\n\r\nHello.\r\n")
    and subject == b"Subject: all of you" and kept == original and not said
)
print("as stated: the attached header is cut without a word" if stated else "changed: the attached header is treated otherwise")
sys.exit(0 if stated else 1)
PY
result=$?
[ $result = 2 ] && cat "$dir/out" && cat "$dir/log"
exit $result
