dpkg-query -W -f '${Version}\n' mblaze
for path in "$1"/*.eml; do
  out=$2/$(basename "$path" .eml)
  mshow -O "$path" 2 >"$out.text"
  mshow -O "$path" 3 >"$out.original"
  mhdr -h "$3" "$out.original" >"$out.client"
done
