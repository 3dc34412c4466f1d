#!/usr/bin/env bash
# Guess: a message that a mail server answered with 250 and a queue id is in its queue, whatever ends the server.
# Really: SIGTERM that reaches the receiving process while it takes a message over TLS is remembered, not obeyed: the
#   message gets "250 OK id=..." and its line in the log; at the next command Exim ends and unlinks its spool files.
# Versions: Exim 4.96 with GnuTLS (Debian 4.96-15+deb12u10).
# Found in: receive.c, receive_msg: neither had_data_sigint nor spool_name is reset once the message is safe; then
#   tls-gnu.c, tls_refill: smtp_data_sigint_exit calls receive_bomb_out for a message that has its 250.
# Why care: who stops Exim by a signal to all of its processes (a control group's KillMode) loses mail that it took.
set -uo pipefail
version=4.96-15+deb12u10
[ "$(id -u)" = 0 ] || { echo 'not tried: needs root'; exit 2; }
dir=$(mktemp -d) || exit 2
chmod 755 "$dir"
cleanup() {
  # Exim is the first process of its namespace, so all others end with it.
  [ -n "${server:-}" ] && kill -9 $(cat "/proc/$server/task/$server/children") 2>/dev/null
  [ -n "${server:-}" ] && wait "$server" 2>/dev/null
  rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$dir/pkg" "$dir/spool" "$dir/log"
have() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }
libs=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
  exim4-daemon-light 2>/dev/null | grep '^lib' | sort -u | while read -r lib; do have "$lib" || echo "$lib"; done)
(cd "$dir" && apt-get download -q "exim4-daemon-light=$version" $libs >/dev/null 2>&1 &&
  for deb in *.deb; do dpkg -x "$deb" pkg || exit 1; done) ||
  { echo "not tried: the package exim4-daemon-light=$version cannot be had"; exit 2; }
export LD_LIBRARY_PATH="$dir/pkg/usr/lib/$(uname -m)-linux-gnu:$dir/pkg/lib/$(uname -m)-linux-gnu"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])') || exit 2
chown 65534:65534 "$dir/spool" "$dir/log"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mx.example -keyout "$dir/key.pem" -out "$dir/cert.pem" \
  2>/dev/null || { echo 'not tried: openssl is missing'; exit 2; }
chown 65534:65534 "$dir/key.pem"
# The signal comes while the message is taken, each time: its ACL sends it to the process that it runs in.
cat >"$dir/exim.conf" <<CF
primary_hostname = mx.example
exim_user = 65534
exim_group = 65534
never_users =
spool_directory = $dir/spool
log_file_path = $dir/log/%slog
pid_file_path = $dir/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = $port
tls_advertise_hosts = *
tls_certificate = $dir/cert.pem
tls_privatekey = $dir/key.pem
host_lookup =
keep_environment = LD_LIBRARY_PATH
queue_only = true
acl_smtp_rcpt = all
acl_smtp_data = told_to_end
begin acl
all:
  accept
told_to_end:
  accept condition = \${if match{\$h_subject:}{signal}}
         set acl_m0 = \${run{/bin/kill -TERM \$pid}}
  accept
CF
# Exim resolves the name of its user: Debian's is given here, in a mount namespace that ends with this script.
for file in passwd group; do
  grep -v '^Debian-exim:' "/etc/$file" >"$dir/$file"
done
echo 'Debian-exim:x:31009:31009::/nonexistent:/bin/false' >>"$dir/passwd"
echo 'Debian-exim:x:31009:' >>"$dir/group"
unshare --mount --pid --fork sh -c '
  for file in passwd group; do mount --bind "$0/$file" "/etc/$file" || exit 9; done
  exec "$0/pkg/usr/sbin/exim4" -C "$0/exim.conf" -bdf' "$dir" >"$dir/out" 2>&1 &
server=$!
python3 - "$port" "$version" "$dir" <<'PY'
import os, smtplib, ssl, sys, time
port, version, dir = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
def spooled():
    return sorted(os.listdir(f"{dir}/spool/input")) if os.path.isdir(f"{dir}/spool/input") else []
def send(subject, tls):
    for attempt in range(100):
        try:
            session = smtplib.SMTP("127.0.0.1", port, timeout=20)
            break
        except OSError:
            time.sleep(0.1)
    else:
        print("not tried: Exim does not listen")
        sys.exit(2)
    if tls:
        session.starttls(context=context)
    session.ehlo("client.example")
    session.mail("a@client.example")
    session.rcpt("b@mx.example")
    code, text = session.data(f"Subject: {subject}\r\n\r\nThis is the text.\r\n")
    said = f"{code} {text.decode()}"
    id = text.decode().rpartition("id=")[2]
    before = any(name.startswith(id) for name in spooled())
    try:
        quit = session.quit()[0]
    except smtplib.SMTPServerDisconnected:
        # Its 421 is in plain text, which no TLS can read.
        quit = "ended"
    time.sleep(0.5)
    after = any(name.startswith(id) for name in spooled())
    print(f"{subject}, {'TLS' if tls else 'plain text'}: {said}; in the spool: {before}; QUIT: {quit}; in the spool: {after}")
    return code, before, quit, after
print("Exim", version)
usual = send("usual", True)
plain = send("signal", False)
lost = send("signal", True)
log = open(f"{dir}/log/mainlog").read()
print("\n".join(line for line in log.split("\n") if "<=" in line or "SIGTERM" in line))
if usual != (250, True, 221, True):
    print("not tried: Exim does not keep an ordinary message")
    sys.exit(2)
if lost == (250, True, "ended", False) and plain[3]:
    print("as stated: the message has its 250 and is gone at the next command")
    sys.exit(0)
print("changed: the message is still there, or was not taken")
sys.exit(1)
PY
result=$?
[ $result = 0 ] || { cat "$dir/out"; cat "$dir"/log/* 2>/dev/null | head -20; }
exit $result
