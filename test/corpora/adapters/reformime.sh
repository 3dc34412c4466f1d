dpkg-query -W -f '${Version}\n' maildrop
for path in "$1"/*.eml; do
  out=$2/$(basename "$path" .eml)
  reformime -e -s 1.1 <"$path" >"$out.text"
  reformime -e -s 1.2 <"$path" >"$out.original"
done
