#!/bin/bash
# One set of hashes whatever the compiler and its optimisation: oinf-sim is built anew at several levels under
# $BUILD/levels and held to the build at hand, over every storage of weights. Part of `make soak`.
. "$(dirname "$0")/shell.sh"
storages="plain q8_0 q4_0"
for q in $storages; do
  option=; [ $q = plain ] || option="--quant $q"
  # shellcheck disable=SC2086
  check "convert to $q" "$build/oinf-convert" examples/adder/model $option -q -o "$root/$q.oinf"
done
hashes() { "$1/oinf-sim" "$root/$2.oinf" -q --prompt "12+345=" --steps 6 --hash; }
same() { hashes "$1" "$2" | cmp - "$root/$2.hashes"; }
for q in $storages; do hashes "$build" $q >"$root/$q.hashes"; done
for level in "gcc -O0" "gcc -O3" "gcc -O3 -march=native" "clang -O2" "clang -O0"; do
  cc=${level%% *} flags=${level#* } to=$build/levels/${level//[^a-zA-Z0-9]/}
  if ! command -v "$cc" >/dev/null; then skip "$level: no $cc"; continue; fi
  check "build with $level" make -s -j2 BUILD="$to" CC="$cc" CFLAGS="$flags" "$to/oinf-sim"
  for q in $storages; do
    check "$level: $q" same "$to" $q
    OINF_CPU=plain check "$level: $q, plain kernels" same "$to" $q
  done
done
finish
