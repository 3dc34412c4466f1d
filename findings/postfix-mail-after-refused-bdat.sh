#!/usr/bin/env bash
# Guess: a command that Postfix refuses changes nothing. BDAT without a recipient is answered with 503,
#   its chunk is read and thrown away, and the next MAIL begins a transaction.
# Really: MAIL is refused too, "503 5.5.1 Error: MAIL after BDAT", and so is every other one until RSET,
#   although the client never had a transaction. MAIL behind a refused DATA is fine.
# Versions: Postfix 3.7.11 (Debian 3.7.11-0+deb12u1).
# Found in: smtpd.c, bdat_cmd: the BDAT state is set for a chunk that is skipped, too; only RSET, EHLO or a
#   finished message clears it.
# Why care: a pipelining client that goes on with the next message loses that one as well.
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
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])') || exit 2
cat >"$dir/etc/main.cf" <<CF
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
maillog_file = $dir/log
maillog_file_prefixes = $dir
myhostname = mx.example
mydestination = mx.example
local_recipient_maps =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
alias_maps =
CF
cat >"$dir/etc/master.cf" <<CF
127.0.0.1:$port inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
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
python3 - "$port" "$version" <<'PY'
import socket, sys, time
port, version = int(sys.argv[1]), sys.argv[2]
for attempt in range(100):
    try:
        s = socket.create_connection(("127.0.0.1", port), timeout=10)
        break
    except OSError:
        time.sleep(0.1)
else:
    print("not tried: Postfix does not listen")
    sys.exit(2)
f = s.makefile("rb")
def reply():
    while True:
        line = f.readline().decode().rstrip()
        if line[3:4] != "-":
            return line
print("Postfix", version, "says", reply())
def say(text):
    s.sendall(text.encode())
    answer = reply()
    print(f"{text!r:40} -> {answer}")
    return answer
say("EHLO client.example\r\n")
bdat = say("BDAT 2\r\nXX")
mail = say("MAIL FROM:<a@example.com>\r\n")
again = say("MAIL FROM:<a@example.com>\r\n")
say("RSET\r\n")
after = say("MAIL FROM:<a@example.com>\r\n")
say("RSET\r\n")
say("DATA\r\n")
data = say("MAIL FROM:<a@example.com>\r\n")
as_stated = (
    bdat.startswith("503") and mail.startswith("503") and "MAIL after BDAT" in mail
    and again.startswith("503") and after.startswith("250") and data.startswith("250")
)
print("as stated: MAIL is refused until RSET" if as_stated else "changed: MAIL behind a refused BDAT is taken")
sys.exit(0 if as_stated else 1)
PY
result=$?
[ $result = 2 ] && cat "$dir/out"
exit $result
