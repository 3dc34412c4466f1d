#!/usr/bin/env bash
# Guess: IMAP SEARCH BODY looks at all that is not the message's own header, so at an attached message from its first
#   octet to its last; SEARCH TEXT is that and the header.
# Really: Dovecot's BODY leaves out the header of every part, that of an attached message with it: its text is found,
#   its From, Subject and Message-ID are not. TEXT finds all. In message/global, which is text to it, BODY finds both.
# Versions: Dovecot 2.3.19.1 (Debian 1:2.3.19.1+dfsg1-2.1+deb12u7)
# Found in: lib-mail/message-search.c, message_search_more_get_decoded (MESSAGE_SEARCH_FLAG_SKIP_HEADERS)
# Why care: "search in the body" of a mailbox of journals or reported mail says that a message never came.
set -uo pipefail
version=1:2.3.19.1+dfsg1-2.1+deb12u7
[ "$(id -u)" = 0 ] || { echo 'not tried: needs root'; exit 2; }
dir=$(mktemp -d) || exit 2
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/pkg"
have() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }
libs=$(apt-cache depends dovecot-core 2>/dev/null | sed -n 's/^ *Depends: \(lib.*\)/\1/p' |
  while read -r lib; do have "$lib" || echo "$lib"; done)
(cd "$dir" && apt-get download -q "dovecot-core=$version" "dovecot-imapd=$version" $libs >/dev/null 2>&1 &&
  for deb in *.deb; do dpkg -x "$deb" pkg || exit 1; done) ||
  { echo "not tried: the packages dovecot-core and dovecot-imapd $version cannot be had"; exit 2; }
cd "$dir" || exit 2
mkdir -p mail/new mail/cur mail/tmp base
cat >imap.conf <<CF
mail_location = maildir:$dir/mail
mail_uid = 65534
mail_gid = 65534
first_valid_uid = 1
mail_home = $dir/base
base_dir = $dir/base
state_dir = $dir/base
log_path = $dir/base/log
CF
report() {
  sed 's/$/\r/' <<MAIL
From: gateway@mx.example
Subject: report
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer

A copy is attached.
--outer
Content-Type: $1

From: Ann <ann@client.example>
To: hidden@mx.example
Subject: the invoice
Message-ID: <invoice-1@client.example>

Pay within ten days.

--outer--
MAIL
}
report message/rfc822 >mail/new/1.rfc822
report message/global >mail/new/2.global
printf 'a SELECT INBOX\r\n' >session
number=0
for words in 'ten days' 'the invoice' 'ann@client.example' '<invoice-1@client.example>' 'A copy'; do
  for key in BODY TEXT; do
    number=$((number + 1))
    echo "$key \"$words\"" >>searches
    printf 's%s SEARCH %s "%s"\r\n' "$number" "$key" "$words" >>session
  done
done
printf 'z LOGOUT\r\n' >>session
chown -R 65534:65534 mail base
cat session | unshare --mount --pid --fork --kill-child --mount-proc sh -c '
  for folder in usr etc; do
    mkdir -p "$0/up/$folder" "$0/work/$folder"
    mount -t overlay overlay -o "lowerdir=$0/pkg/$folder:/$folder,upperdir=$0/up/$folder,workdir=$0/work/$folder" "/$folder" || exit 2
  done
  for name in dovecot dovenull; do
    grep -q "^$name:" /etc/group || echo "$name:x:$((31000 + ${#name})):" >>/etc/group
    grep -q "^$name:" /etc/passwd || echo "$name:x:$((31000 + ${#name})):$((31000 + ${#name}))::/nonexistent:/bin/false" >>/etc/passwd
  done
  echo "Dovecot $(dovecot --version)"
  exec setpriv --reuid 65534 --regid 65534 --clear-groups env USER=nobody timeout 30 /usr/lib/dovecot/imap -c "$0/imap.conf"
' "$dir" >answer 2>err
tr -d '\r' <answer | sed -n '/^Dovecot/p'
tr -d '\r' <answer | sed -n 's/^\* SEARCH *//p' >found
[ "$(wc -l <found)" = "$number" ] || { echo 'not tried: not every search was answered'; cat answer err; exit 2; }
echo 'Message 1 has the original as message/rfc822, message 2 as message/global. Found in:'
paste -d '|' searches found | sed 's/|/ -> /' | tee lines
stated='BODY "ten days" -> 1 2
TEXT "ten days" -> 1 2
BODY "the invoice" -> 2
TEXT "the invoice" -> 1 2
BODY "ann@client.example" -> 2
TEXT "ann@client.example" -> 1 2
BODY "<invoice-1@client.example>" -> 2
TEXT "<invoice-1@client.example>" -> 1 2
BODY "A copy" -> 1 2
TEXT "A copy" -> 1 2'
if [ "$(cat lines)" = "$stated" ]; then
  echo 'as stated: SEARCH BODY does not see the header of an attached message'
  exit 0
fi
echo 'changed: the searches find other messages'
exit 1
