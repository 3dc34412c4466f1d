#!/usr/bin/env bash
# Guess: with user= in smtp.ini Haraka makes a missing queue directory as root and gives it to that user, as the
#         code that makes it says.
# Really: the code looks for `user` beside [main], where it never stands, and runs after the process has become
#         that user. In a directory of root the server says that it listens, takes connections, and ends.
# Versions: haraka 3.3.4
# Found in: haraka/outbound/queue.js, ensure_queue_dir (`cfg.user` of smtp.ini); haraka/server.js, Server.listening
# Why care: `haraka -i` as root makes no queue directory; the obvious next step, user=, gives a server that a
#         supervisor starts for ever, each time for as long as it takes to be found healthy by its port.
set -uo pipefail
[ "$(id -u)" = 0 ] || { echo 'could not be tried: only root can become another user'; exit 2; }
id -u nobody >/dev/null 2>&1 || { echo 'could not be tried: there is no user nobody'; exit 2; }
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder" || exit 2
export HOME=$folder
# Without the override a registry that lags cannot serve libmime's dependencies.
echo '{"private":true,"dependencies":{"haraka":"3.3.4"},"overrides":{"libmime":"5.4.8"}}' >package.json
timeout 120 npm install --ignore-scripts --omit=optional --no-audit --no-fund --silent >npm.log 2>&1 || { tail -3 npm.log; echo 'could not be installed'; exit 2; }
echo "node $(node --version)  haraka $(node -p 'require("./node_modules/haraka/package.json").version')"

# start FOLDER: a server in it, for ten seconds at most; prints whether it listened and whether it ended by itself.
start() {
  local log=$1.log
  timeout --signal=KILL 10 node node_modules/haraka/bin/haraka -c "$1" >"$log" 2>&1
  local code=$? listened=no ended=yes
  grep -q 'Listening on 127.0.0.1' "$log" && listened=yes
  [ $code = 137 ] && ended=no
  echo "$2: listened $listened, ended by itself $ended"
  grep -o 'Error creating queue directory: .*EACCES\|Loading queue failed.*' "$log" | sed "s,$folder,...,"
  [ "$listened $ended" = "$3" ]
}

for each in root-made users; do
  node node_modules/haraka/bin/haraka -i "$folder/$each" >/dev/null 2>&1 || { echo 'could not be tried: haraka -i'; exit 2; }
  printf '[main]\nlisten=127.0.0.1:0\nnodes=0\nuser=nobody\n' >"$folder/$each/config/smtp.ini"
  printf 'rcpt_to.in_host_list\n' >"$folder/$each/config/plugins"
  printf 'mx.example\n' >"$folder/$each/config/me"
done
mkdir "$folder/users/queue" && chown nobody "$folder/users/queue"

as_stated=0
start "$folder/users" 'queue directory made beforehand' 'yes no' || as_stated=1
start "$folder/root-made" 'as haraka -i leaves it' 'yes yes' || as_stated=1
[ $as_stated = 0 ] && echo 'as stated' || echo 'changed: the queue directory is made for the user, or the server goes on'
exit $as_stated
