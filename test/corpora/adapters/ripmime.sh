dpkg-query -W -f '${Version}\n' ripmime
for path in "$1"/*.eml; do
  name=$(basename "$path" .eml)
  folder=$(mktemp -d)
  ripmime -i "$path" -d "$folder" --no-nameless >/dev/null 2>&1
  original=$(grep -rl 'X-IronPort-RemoteIP' "$folder" | head -n 1)
  if [ -n "$original" ]; then cp "$original" "$2/$name.original"; fi
  rm -r "$folder"
done
