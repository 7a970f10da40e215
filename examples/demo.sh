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
figure() { awk -v name="$1" '$1 == "any" {for (i = 1; i < NF; i++) if ($i == name) print $(i + 1)}' "$work/plan"; }

# ask NAME WEIGHTS PEAK PROGRAM SUM...: asks the program, prints each sum, and adds a row to the table.
ask() {
  local name=$1 weights=$2 peak=$3 program=$4 right=0 tokens=0 sum said answer begin took
  shift 4
  title "Asked: $name"
  begin=$(date +%s%N)
  for sum in "$@"; do
    said=$($program --prompt "$sum=")
    answer=$(turned "$said")
    printf '  %s + %s = %s\n' "${sum%+*}" "${sum#*+}" "$answer"
    if [ "$answer" = $((10#${sum%+*} + 10#${sum#*+})) ]; then right=$((right + 1)); fi
    tokens=$((tokens + ${#sum} + ${#answer} + 3)) # <s>, the sum, =, the answer, </s>
  done
  took=$((($(date +%s%N) - begin) / 1000000 + 1))
  printf '  %-18s %14s %12s %12s %14s\n' "$name" "$weights" "$peak" "$right of $#" \
    $((tokens * 1000 / took)) >>"$work/table"
  [ $right = $# ] || wrong=1
}

# The simulator under a budget, with the figures of its plan.
simulate() {
  local name=$1 options=$2 weights
  shift 2
  # shellcheck disable=SC2086  # options are words
  "$tools/oinf-info" "$model" --plan $options >"$work/plan"
  weights=$(figure weights)
  [ "$weights" != 0 ] || weights=mapped
  ask "$name" "$weights" "$(figure peak)" "$tools/oinf-sim $model -q $options" "$@"
}

# The same graph as C: emitted, built, asked, and held to the simulator value by value.
bundle() {
  local folder=$tools/demo/adder
  title "Emitted as C"
  mkdir -p "$tools/demo"
  "$tools/oinf-emit" "$model" -o "$folder" -q
  make -s -C "$folder"
  printf '  %s: %s lines of kernels, built by cc alone\n' "$folder" "$(wc -l <"$folder/kernels.c" | tr -d ' ')"
  ask "as emitted C" mapped "$(awk '/^An instance allocates/ {print $4}' "$folder/README.md")" "$folder/model" "$@"
  "$tools/oinf-sim" "$model" -q --prompt "12+345=" --hash | sort >"$work/simulator"
  "$folder/model" --prompt "12+345=" --hash | sort >"$work/bundle"
  title "Simulator and program, value by value"
  # Values that fusion keeps within a kernel are never in memory; all others are compared.
  if [ -s "$work/bundle" ] && [ -z "$(comm -13 "$work/simulator" "$work/bundle")" ]; then
    printf '  identical: %s hashes, of %s that the simulator makes; the others stay within kernels\n' \
      "$(wc -l <"$work/bundle" | tr -d ' ')" "$(wc -l <"$work/simulator" | tr -d ' ')"
  else
    printf '  they differ\n'
    wrong=1
  fi
}

bytes_of() { cat "$@" | wc -c | tr -d ' '; }
# The last speed that a program says of itself, in tokens a second.
speed() { awk '{for (i = 2; i <= NF; i++) if ($i ~ /^tokens\/s/) x = $(i - 1)} END {printf "%d", x}'; }

# What the bundle weighs, and how fast both decode once they run.
compare() {
  local folder=$tools/demo/adder
  title "Sizes, in bytes"
  printf '  %-34s %10s\n' "the checkpoint folder" "$(bytes_of examples/adder/model/*)" \
    "the package" "$(bytes_of "$model")" "the bundle's weights" "$(bytes_of "$folder/weights.oinf")" \
    "its kernels, as source" "$(bytes_of "$folder/kernels.c")" \
    "all of its source" "$(bytes_of "$folder"/*.[ch] "$folder"/*.inc)" \
    "its program" "$(bytes_of "$folder/model")"
  title "Decoding, without the start of the program"
  printf '  %-34s %10s tokens/s\n' \
    "the simulator" "$("$tools/oinf-sim" "$model" -v --prompt "1234+8766=" 2>&1 >/dev/null | speed)" \
    "the bundle" "$("$folder/model" --bench | speed)"
  printf '\n  What was decided, as a page for a browser: %s/report.html\n' "$folder"
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

simulate "simulated" "" "$@"
simulate "simulated, least" "--budget min" "$@"
bundle "$@"
compare

title "In short"
printf '  %-18s %14s %12s %12s %14s\n' program "weight bytes" "peak bytes" "sums right" tokens/second
cat "$work/table"
cat <<'END'
  Without a budget the weights stay in the file, mapped; under the least they are read into the peak.
  Tokens are counted in and out, and the start of the program is in their time.
END
exit $wrong
