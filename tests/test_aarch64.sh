#!/bin/bash
# The other architecture, under qemu-user: the inner kernels against their scalar definition and a bundle against its
# golden steps, on a processor with the dot product of bytes (max) and on one without (cortex-a53). Skipped where there
# is no cross compiler or emulator (gcc-aarch64-linux-gnu, qemu-user); tests/targets.sh in `make soak` asks for more.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build} passed=0 failed=0 cc=aarch64-linux-gnu-gcc cross=${BUILD:-build}/aarch64
for tool in $cc qemu-aarch64; do
  command -v $tool >/dev/null && continue
  echo "SKIPPED aarch64: no $tool"; echo "0 passed, 0 failed, 1 skipped"; exit 0
done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
check() { # what, command...
  local what=$1; shift
  if "$@" >"$work/log" 2>&1; then passed=$((passed + 1)); else
    failed=$((failed + 1)); echo "FAILED $what: $(grep -aE 'FAILED|error' "$work/log" | head -n 1)"; fi
}
kernels() {
  local parts=(tests/test_dot tests/harness lib/dtype lib/rt/cpu)
  for f in lib/rt/dot*.c; do parts+=("${f%.c}"); done
  parts=("${parts[@]/#/$cross/}")
  make -s -j2 BUILD="$cross" CC=$cc CFLAGS=-O1 "${parts[@]/%/.o}" && $cc -static -o "$cross/test_dot" "${parts[@]/%/.o}" -lm
}
bundle() {
  "$build/oinf-convert" examples/adder/model --quant q8_0 -q -o "$work/m.oinf" &&
    "$build/oinf-emit" "$work/m.oinf" -q -o "$work/b" &&
    make -s -C "$work/b" CC=$cc CFLAGS="-O1 -static -Wall -Wextra -Wpedantic -Werror" model
}
values() { OINF_CPU=$1 qemu-aarch64 -cpu "$2" "$work/b/model" --check; }
bundle >"$work/built" 2>&1 &
check "build of the kernels" kernels
wait $!
check "build of a bundle" test -x "$work/b/model"
for cpu in max cortex-a53; do check "kernels on $cpu" qemu-aarch64 -cpu $cpu "$cross/test_dot"; done
check "values of a bundle, dotprod" values "" max
check "values of a bundle, neon" values "" cortex-a53
check "values of a bundle, plain" values plain max
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
