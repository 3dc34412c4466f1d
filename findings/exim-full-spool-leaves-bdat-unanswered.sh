#!/usr/bin/env bash
# Guess: a mail server whose disk is full says so to each message, with 4xx.
# Really: to one by BDAT that fits into a buffer of stdio (4,096 octets) Exim says nothing; the next reply is that to
#   the next command. The same by DATA, and a larger one by BDAT, gets "451 Error while writing spool file".
# Versions: Exim 4.96 (Debian 4.96-15+deb12u10); check_spool_space = 0, or the disk fills up behind that check.
# Found in: receive.c, read_message_bdat_smtp: it goes back one octet to look for a line end; this fseek writes the
#   buffer, fails, and passes for a protocol error, "response already sent".
# Why care: who pipelines takes the 250 to RSET or NOOP for the message's; who does not waits for it in vain.
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
tls_advertise_hosts =
host_lookup =
keep_environment = LD_LIBRARY_PATH
queue_only = true
check_spool_space = 0
check_spool_inodes = 0
acl_smtp_rcpt = all
begin acl
all:
  accept
CF
# Exim resolves the name of its user: Debian's is given here, in a mount namespace that ends with this script. So is a spool of
# 64 KB, which is filled as soon as Exim has taken one message and so made its folders.
for file in passwd group; do
  grep -v '^Debian-exim:' "/etc/$file" >"$dir/$file"
done
echo 'Debian-exim:x:31009:31009::/nonexistent:/bin/false' >>"$dir/passwd"
echo 'Debian-exim:x:31009:' >>"$dir/group"
unshare --mount --pid --fork sh -c '
  for file in passwd group; do mount --bind "$0/$file" "/etc/$file" || exit 9; done
  mount -t tmpfs -o size=64k,mode=755,uid=65534,gid=65534 tmpfs "$0/spool" || exit 9
  exec "$0/pkg/usr/sbin/exim4" -C "$0/exim.conf" -bdf' "$dir" >"$dir/out" 2>&1 &
server=$!
python3 - "$port" "$version" "$server" "$dir" <<'PY'
import socket, sys, time
port, version, server, dir = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
class Session:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.lines = self.socket.makefile("rb")
        self.greeting = self.reply()
    def reply(self):
        while True:
            line = self.lines.readline().decode().rstrip()
            if line[3:4] != "-":
                return line
    def say(self, octets):
        self.socket.sendall(octets)
        return self.reply()
    def send(self, message, chunked):
        """The next two replies behind the text: to it, and to the NOOP that follows it."""
        self.say(b"MAIL FROM:<a@client.example>\r\n")
        self.say(b"RCPT TO:<b@mx.example>\r\n")
        if chunked:
            message = b"BDAT %d LAST\r\n" % len(message) + message
        else:
            self.say(b"DATA\r\n")
            message += b".\r\n"
        first = self.say(message + b"NOOP\r\n")
        self.socket.settimeout(2)
        try:
            return [first, self.reply()]
        except socket.timeout:
            return [first, "nothing"]
for attempt in range(100):
    try:
        greeting = Session().greeting
        break
    except OSError:
        time.sleep(0.1)
else:
    print("not tried: Exim does not listen")
    sys.exit(2)
print("Exim", version, "says", greeting)
def message(lines):
    return b"Subject: a message\r\n\r\n" + b"This is a line of the text.\r\n" * lines
def send(lines, chunked):
    session = Session()
    session.say(b"EHLO client.example\r\n")
    replies = session.send(message(lines), chunked)
    print(f"{'BDAT' if chunked else 'DATA'} {len(message(lines))}, NOOP: {' | '.join(replies)}")
    session.socket.close()
    return replies
print("There is room:")
if not send(10, True)[0].startswith("250 OK id="):
    print("not tried: Exim does not take a message")
    sys.exit(2)
print("The spool is full:")
inner = open(f"/proc/{server}/task/{server}/children").read().split()[0]
with open(f"/proc/{inner}/root{dir}/spool/filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(b"x" * 4096)
    except OSError:
        pass
refused = ["451 Error while writing spool file", "250 OK"]
outcome = [send(10, True), send(10, False), send(1000, True)]
if outcome == [["250 OK", "nothing"], refused, refused]:
    print("as stated: the small message by BDAT has no reply")
    sys.exit(0)
print("changed: the small message by BDAT has a reply, or the others have none")
sys.exit(1)
PY
result=$?
[ $result = 0 ] || { cat "$dir/out"; cat "$dir"/log/* 2>/dev/null | head -20; }
exit $result
