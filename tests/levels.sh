#!/bin/bash
# One set of hashes whatever the compiler and its optimisation: oinf-sim is built anew at several levels under
# $BUILD/levels and held to the build at hand, over every storage of weights. Part of `make soak`.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build} passed=0 failed=0 skipped=0
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
check() { # what, command...
  local what=$1; shift
  if "$@" >"$work/log" 2>&1; then passed=$((passed + 1)); else
    failed=$((failed + 1)); echo "FAILED $what: $(tail -n 1 "$work/log")"; fi
}
storages="plain q8_0 q4_0"
for q in $storages; do
  option=; [ $q = plain ] || option="--quant $q"
  # shellcheck disable=SC2086
  check "convert to $q" "$build/oinf-convert" examples/adder/model $option -q -o "$work/$q.oinf"
done
hashes() { "$1/oinf-sim" "$work/$2.oinf" -q --prompt "12+345=" --steps 6 --hash; }
same() { hashes "$1" "$2" | cmp - "$work/$2.hashes"; }
for q in $storages; do hashes "$build" $q >"$work/$q.hashes"; done
for level in "gcc -O0" "gcc -O3" "gcc -O3 -march=native" "clang -O2" "clang -O0"; do
  cc=${level%% *} flags=${level#* } to=$build/levels/${level//[^a-zA-Z0-9]/}
  if ! command -v "$cc" >/dev/null; then echo "SKIPPED $level: no $cc"; skipped=$((skipped + 1)); continue; fi
  check "build with $level" make -s -j2 BUILD="$to" CC="$cc" CFLAGS="$flags" "$to/oinf-sim"
  for q in $storages; do
    check "$level: $q" same "$to" $q
    OINF_CPU=plain check "$level: $q, plain kernels" same "$to" $q
  done
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
