#!/bin/bash
# Runs the test programs given, two at a time, and sums their closing lines; the log of a failing one is shown whole.
# Examples and the demo know no closing line: each is one test, passed where it ends with 0.
set -u
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
one() {
  local name=${1##*/} start=$SECONDS
  "$1" >"$2/$name" 2>&1 </dev/null; local rc=$?
  case $name in example_*|demo.sh) [ $rc = 0 ] && echo "1 passed, 0 failed, 0 skipped" >>"$2/$name" ;; esac
  grep -E '^(SKIPPED|FAILED|failed)' "$2/$name" | sed "s/^/  /"
  if ! tail -n 1 "$2/$name" | grep -qE '^[0-9]+ passed, [0-9]+ failed'; then
    tail -n 20 "$2/$name"; echo "$name ended with $rc"; echo "0 passed, 1 failed, 0 skipped" >>"$2/$name"
  fi
  printf '%-28s %s (%ds)\n' "$name" "$(tail -n 1 "$2/$name")" $((SECONDS - start))
}
export -f one
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'one {} '"$out"
cat "$out"/* | awk '/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ {p += $1; f += $3; s += $5}
  END {printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f != 0}'
