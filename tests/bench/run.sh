#!/bin/bash
# Builds and runs the benchmarks, and prints one table: name, value, ratio, its spread and rounds.
# Only ratios carry from one machine to another: both sides of each were measured in one round, in
# turn (tests/bench/bench.h). Called by `make bench`, which hands in BUILD; with arguments only the
# benchmarks named run (open, matvec, sdpa, sim, memory, convert, and peers, which runs only when it is
# named: what it needs stands in tests/bench/peers/run.py). BENCH_ROUNDS scales their rounds
# (default 1). BENCH_OUT names a file that gets the table as Markdown, with date and processor.
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
work=$BUILD/bench
scale=${BENCH_ROUNDS:-1}
table=$work/table
trap 'rm -rf "$work"' EXIT
rm -rf "$work" && mkdir -p "$work/peers"
: >"$table"

compile() { # program, libraries
  local objects=("$BUILD/tests/bench/$1.o" "$BUILD/tests/bench/common.o")
  make --no-print-directory -s BUILD="$BUILD" "${objects[@]}"
  # shellcheck disable=SC2086
  ${CC:-cc} ${CFLAGS:-} -o "$work/$1" "${objects[@]}" ${2:-} -lpthread
}
rounds() {
  awk -v n="$1" -v s="$scale" 'BEGIN {
    r = int(n * s + 0.5); printf "%d", (r < 1 ? 1 : (r > 64 ? 64 : r)) }'
}
wanted() { [ "${#names[@]}" = 0 ] || [[ " ${names[*]} " == *" $1 "* ]]; }
show() { # rows on standard input
  tee -a "$table" | while IFS=$'\t' read -r name value ratio spread rounds; do
    line "$name" "$value" "$ratio" "$spread" "$rounds"
  done
}
line() { printf '%-56s %16s %8s %16s %6s\n' "$@"; }
model() { # shape: a folder, converted
  [ -d "$work/$1" ] || { mkdir "$work/$1"; "$work/make_llama" "$1" "$work/$1"; }
  [ "${2:-}" = folder ] || [ -f "$work/$1.oinf" ] ||
    "$BUILD/oinf-convert" "$work/$1" -q --no-golden -o "$work/$1.oinf"
}
markdown() {
  echo "# Benchmarks, $(date -u +%Y-%m-%d)"
  echo
  printf '%s, %s cores. ' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
    "$(grep -c ^processor /proc/cpuinfo)"
  printf '`make bench` at %s. ' "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
  printf '%s\n' "${BENCH_NOTE:-}" \
    'Both sides of a ratio were measured in one round, in turn; medians.'
  echo
  echo "| what | value | ratio | min..max | rounds |"
  echo "|---|---|---|---|---|"
  awk -F '\t' '{ printf "| %s | %s | %s | %s | %s |\n", $1, $2, $3, $4, $5 }' "$table"
}

names=("$@")
lib="$BUILD/libconvert.a $BUILD/liboinf.a $(pkg-config --libs jansson yaml-0.1) -lm -ldl"
compile make_llama
for name in open matvec sdpa sim memory convert; do
  if wanted $name; then compile bench_$name "$lib"; fi
done
line name value ratio min..max rounds
if wanted open; then
  model open-small && model open-large
  "$work/bench_open" "$work/open-small.oinf" "$work/open-large.oinf" "$(rounds 31)" | show
  rm -rf "$work"/open-*
fi
if wanted matvec; then "$work/bench_matvec" "$(rounds 7)" 512 | show; fi
if wanted sdpa; then "$work/bench_sdpa" "$(rounds 15)" | show; fi
if wanted sim; then model 100m && "$work/bench_sim" "$work/100m.oinf" "$(rounds 15)" | show; fi
if wanted memory; then model 100m && "$work/bench_memory" "$work/100m.oinf" "$(rounds 3)" | show; fi
if wanted convert; then
  model 100m folder
  "$work/bench_convert" "$BUILD/oinf-convert" "$work/100m" "$work" "$(rounds 9)" | show
fi
if [[ " ${names[*]} " == *" peers "* ]]; then
  compile peers/ours "$lib" && compile peers/make_adds "$lib" && compile peers/make_product "$lib"
  "$work/peers/make_adds" "$work/peers/adds.oinf" && cp "$BUILD/oinf-emit" "$work/peers/"
  python3 tests/bench/peers/run.py "$work/peers" --rounds "$(rounds 7)"
fi
[ -z "${BENCH_OUT:-}" ] || markdown >"$BENCH_OUT"
