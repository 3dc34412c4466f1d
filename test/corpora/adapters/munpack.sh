dpkg-query -W -f '${Version}\n' mpack
for path in "$1"/*.eml; do
  name=$(basename "$path" .eml)
  folder=$(mktemp -d)
  munpack -q -t -C "$folder" "$path" >/dev/null 2>&1
  if [ -f "$folder/part1" ]; then cp "$folder/part1" "$2/$name.text"; fi
  if [ -f "$folder/part2" ]; then cp "$folder/part2" "$2/$name.original"; fi
  rm -r "$folder"
done
