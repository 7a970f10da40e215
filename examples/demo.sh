#!/bin/bash
# The demo: a checkpoint folder becomes one file, and a network of 200 thousand parameters adds from it.
# `make demo` builds the tools and runs this; `BUILD=build examples/demo.sh 7+8 99+1` asks other sums.
# The network writes its answer lowest digit first (examples/adder/README.md); `turned` turns it round.
# It ends with 1 where a sum is wrong, and with the tool's own code where a tool fails.
set -eu
cd "$(dirname "$0")/.."
tools=${BUILD:-build}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
model=$work/adder.oinf
wrong=0
title() { printf '\n%s\n' "$*"; }
turned() { local i out=; for ((i = ${#1}; i > 0; i--)); do out+=${1:i-1:1}; done; echo "$out"; }
# A figure of the plan: the number behind its name.
figure() { awk -v name="$1" '!done {for (i = 1; i < NF; i++) if ($i == name) {print $(i + 1); done = 1}}' "$work/plan"; }

# ask TITLE OPTIONS SUM...: asks under these options, prints each sum, and adds a row to the table.
ask() {
  local name=$1 options=$2 right=0 tokens=0 sum said answer begin took weights
  shift 2
  title "Asked in the simulator, $name"
  begin=$(date +%s%N)
  for sum in "$@"; do
    # shellcheck disable=SC2086  # options are words
    said=$("$tools/oinf-sim" "$model" -q $options --prompt "$sum=")
    answer=$(turned "$said")
    printf '  %s + %s = %s\n' "${sum%+*}" "${sum#*+}" "$answer"
    if [ "$answer" = $((10#${sum%+*} + 10#${sum#*+})) ]; then right=$((right + 1)); fi
    tokens=$((tokens + ${#sum} + ${#answer} + 3)) # <s>, the sum, =, the answer, </s>
  done
  took=$((($(date +%s%N) - begin) / 1000000 + 1))
  # shellcheck disable=SC2086
  "$tools/oinf-info" "$model" --plan $options >"$work/plan"
  weights=$(figure weights)
  [ "$weights" != 0 ] || weights=mapped
  printf '  %-18s %14s %12s %12s %14s\n' "$name" "$weights" "$(figure peak)" "$right of $#" \
    $((tokens * 1000 / took)) >>"$work/table"
  [ $right = $# ] || wrong=1
}

# None of these sums was in training; tests/data/adder/sums.txt lists more.
if [ $# = 0 ]; then
  # shellcheck disable=SC2046
  set -- 12+345 999+1 0+0 1234+8766 \
    $(awk '/^[0-9]/ && NR % 45 == 2 {sub("=", "", $1); print $1}' tests/data/adder/sums.txt)
fi

title "One file out of a checkpoint folder"
"$tools/oinf-convert" examples/adder/model -o "$model" -q
printf '  examples/adder/model -> adder.oinf, %s bytes\n' "$(wc -c <"$model" | tr -d ' ')"

title "What is in it"
"$tools/oinf-info" "$model" | grep -v '^meta' | sed 's/^/  /'

ask "no budget" "" "$@"
ask "smallest budget" "--budget min" "$@"

title "In short"
printf '  %-18s %14s %12s %12s %14s\n' memory "weight bytes" "peak bytes" "sums right" tokens/second
cat "$work/table"
cat <<'END'
  Without a budget the weights stay in the file, mapped; under one they are read into the peak.
  Tokens are counted in and out, and the start of the program is in their time.
END
exit $wrong
