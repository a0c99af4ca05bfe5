#!/bin/sh
# Posts batches to an app as the sidecar does, and says what the sidecar makes of the answers.
#
#   ./post.sh [batch.json ...]     without a name: all of batches/
#
# The app's address is the variable SIDECAR_APP_URL, by default http://127.0.0.1:8080/batches.
set -eu
url=${SIDECAR_APP_URL:-http://127.0.0.1:8080/batches}
newline='
'
[ $# -gt 0 ] || set -- "$(dirname "$0")"/batches/*.json

# meaning STATUS BODY: the table of protocol/README.md.
meaning() {
  case $1 in
    000) echo "the app is down: the sidecar waits until it is there" ;;
    2??) acknowledged "$2" ;;
    429 | 503) echo "the app is busy: the same batch comes again, and nothing is counted" ;;
    400 | 413 | 422) echo "the records are refused: the batch is split to find the one at fault" ;;
    401 | 403 | 404 | 405 | 406 | 410 | 415 | 501 | 1?? | 3??) echo "the set-up is wrong: nothing is acknowledged or counted" ;;
    *) echo "a failed attempt: the batch comes again" ;;
  esac
}

# acknowledged BODY: an acknowledgement has an empty body or a JSON object.
acknowledged() {
  case $(printf '%s' "$1" | tr -d '[:space:]') in
    *'"failures":[{'*) echo "acknowledged, but for what is named" ;;
    '' | '{'*'}') echo "all is acknowledged" ;;
    *) echo "the set-up is wrong: never an acknowledgement with such a body" ;;
  esac
}

for batch in "$@"; do
  id=$(sed -n 's/.*"batch": *"\([^"]*\)".*/\1/p' "$batch")
  # curl writes the status behind the body, on a line of its own; 000 if there was no answer.
  answer=$(curl -s --max-time 15 --data-binary "@$batch" --write-out '\n%{http_code}' \
    -H 'Content-Type: application/json' -H 'Sidecar-Protocol: 1' \
    -H "Sidecar-Batch: $id" -H 'Sidecar-Attempt: 1' "$url") || true
  status=${answer##*"$newline"}
  body=${answer%"$newline"*}
  printf '%s\n  %s %s\n  %s\n' "$batch" "$status" "$body" "$(meaning "$status" "$body")"
done
