#!/usr/bin/env bash
# Guess: what Exim refuses leaves no trace: the next message of the connection is a message like any other.
# Really: behind a BDAT that is refused while it is read (552 too big; 451 disk full) the next are answered with
#   "250 OK id=", kept whole, and delivered to a maildir as a header without a body. Behind a DATA they are whole.
# Versions: Exim 4.96 (Debian 4.96-15+deb12u10).
# Found in: receive.c, read_message_bdat_smtp_wire, by which the rest is swallowed: it sets f.spool_file_wireformat,
#   which nothing clears; transport.c, internal_transport_write_message, whose sendfile of such a file copies 0 octets.
# Why care: a sender that goes on with its connection loses the text of what was taken.
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
mkdir "$dir/pkg" "$dir/spool" "$dir/log" "$dir/mail"
have() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }
libs=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
  exim4-daemon-light 2>/dev/null | grep '^lib' | sort -u | while read -r lib; do have "$lib" || echo "$lib"; done)
(cd "$dir" && apt-get download -q "exim4-daemon-light=$version" $libs >/dev/null 2>&1 &&
  for deb in *.deb; do dpkg -x "$deb" pkg || exit 1; done) ||
  { echo "not tried: the package exim4-daemon-light=$version cannot be had"; exit 2; }
export LD_LIBRARY_PATH="$dir/pkg/usr/lib/$(uname -m)-linux-gnu:$dir/pkg/lib/$(uname -m)-linux-gnu"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])') || exit 2
chown 65534:65534 "$dir/spool" "$dir/log" "$dir/mail"
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
deliver_drop_privilege = true
keep_environment = LD_LIBRARY_PATH
message_size_limit = 4K
check_spool_space = 0
check_spool_inodes = 0
acl_smtp_rcpt = all
begin acl
all:
  accept
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = $dir/mail
  maildir_format
  user = 65534
  group = 65534
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
import glob, re, socket, sys, time
port, version, dir = int(sys.argv[1]), sys.argv[2], sys.argv[3]
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
        self.say(b"MAIL FROM:<a@client.example>\r\n")
        self.say(b"RCPT TO:<b@mx.example>\r\n")
        if chunked:
            return self.say(b"BDAT %d LAST\r\n" % len(message) + message)
        self.say(b"DATA\r\n")
        return self.say(message + b".\r\n")
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
def message(subject, lines):
    return b"Subject: " + subject.encode() + b"\r\n\r\n" + b"".join(b"This is line %d of the text.\r\n" % n for n in range(lines))
def delivered(subject):
    for attempt in range(200):
        for file in glob.glob(f"{dir}/mail/new/*"):
            header, _, body = open(file, "rb").read().partition(b"\n\n")
            if header.endswith(b"Subject: " + subject.encode()):
                return len(body.splitlines())
        time.sleep(0.05)
    return None
outcome = {}
for name, before, chunked in (("bdat-alone", None, True), ("bdat-after-bdat", True, True),
                              ("data-after-bdat", True, False), ("bdat-after-data", False, True)):
    session = Session()
    session.say(b"EHLO client.example\r\n")
    if before is not None:
        print(f"{name}: too big:", session.send(message("too big", 200), before))
    reply = session.send(message(name, 10), chunked)
    outcome[name] = (reply[:9], delivered(name))
    kept = re.search(reply.split("id=")[-1] + " <= .* S=([0-9]+)", open(f"{dir}/log/mainlog").read())
    print(f"{name}: 10 lines: {reply}; octets kept: {kept and kept[1]}; lines delivered: {outcome[name][1]}")
    session.say(b"QUIT\r\n")
whole, empty = ("250 OK id", 10), ("250 OK id", 0)
stated = {"bdat-alone": whole, "bdat-after-bdat": empty, "data-after-bdat": empty, "bdat-after-data": whole}
if outcome == stated:
    print("as stated: behind a BDAT that was refused, messages are delivered without their body")
    sys.exit(0)
print("changed: the outcome is", outcome)
sys.exit(1)
PY
result=$?
[ $result = 0 ] || { cat "$dir/out"; cat "$dir"/log/* 2>/dev/null | head -20; }
exit $result
