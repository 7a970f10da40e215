#!/bin/bash
# The other architecture, under qemu-user: the inner kernels against their scalar definition and a bundle against its
# golden steps, on a processor with the dot product of bytes (max) and on one without (cortex-a53). Skipped where there
# is no cross compiler or emulator (gcc-aarch64-linux-gnu, qemu-user); tests/targets.sh in `make soak` asks for more.
. "$(dirname "$0")/shell.sh"
cc=aarch64-linux-gnu-gcc cross=$build/aarch64
for tool in $cc qemu-aarch64; do
  command -v $tool >/dev/null && continue
  skip "aarch64: no $tool"; finish
done
telling='FAILED|error'
kernels() {
  local parts=(tests/test_dot tests/harness lib/dtype lib/rt/cpu)
  for f in lib/rt/dot*.c; do parts+=("${f%.c}"); done
  parts=("${parts[@]/#/$cross/}")
  make -s -j2 BUILD="$cross" CC=$cc CFLAGS=-O1 "${parts[@]/%/.o}" && $cc -static -o "$cross/test_dot" "${parts[@]/%/.o}" -lm
}
bundle() {
  "$build/oinf-convert" examples/adder/model --quant q8_0 -q -o "$root/m.oinf" &&
    "$build/oinf-emit" "$root/m.oinf" -q -o "$root/b" &&
    make -s -C "$root/b" CC=$cc CFLAGS="-O1 -static -Wall -Wextra -Wpedantic -Werror" model
}
values() { OINF_CPU=$1 qemu-aarch64 -cpu "$2" "$root/b/model" --check; }
bundle >"$root/built" 2>&1 &
check "build of the kernels" kernels
wait $!
check "build of a bundle" test -x "$root/b/model"
for cpu in max cortex-a53; do check "kernels on $cpu" qemu-aarch64 -cpu $cpu "$cross/test_dot"; done
check "values of a bundle, dotprod" values "" max
check "values of a bundle, neon" values "" cortex-a53
check "values of a bundle, plain" values plain max
finish
