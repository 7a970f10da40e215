#!/bin/bash
# One answer whatever the compiler and the level of optimisation: the simulator built in several ways hashes every value
# of a few steps alike. `make soak` runs it, as it builds the tools four times. Ends like every test program.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build} passed=0 failed=0 first=
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
for how in "gcc -O0" "gcc -O3" "clang -O1" "clang -O3"; do
  tools=$build/levels/${how// /}
  make -s CC="${how% *}" BUILD="$tools" CFLAGS="${how#* }" "$tools/oinf-convert" "$tools/oinf-sim" >"$work/log" 2>&1 &&
    "$tools/oinf-convert" examples/adder/model -o "$work/m.oinf" --quant q8_0 -q &&
    "$tools/oinf-sim" "$work/m.oinf" -q --prompt "12+345=" --steps 3 --hash >"$work/hashes"
  if [ $? = 0 ] && [ -s "$work/hashes" ] && { [ -z "$first" ] || cmp -s "$work/hashes" "$work/first"; }; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1)); echo "FAILED $how: $(tail -n 1 "$work/log")"
  fi
  [ -n "$first" ] || { cp "$work/hashes" "$work/first"; first=$how; }
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
