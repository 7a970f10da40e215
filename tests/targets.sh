#!/bin/bash
# What is emitted gives one set of bits wherever it is built: every op's vectors and 200 random graphs, the adder in
# three storages, and 200 tokens of stories260K where the corpora are at hand; by gcc and clang at several levels and for
# aarch64 (under qemu-user, where it and a cross compiler are installed: gcc-aarch64-linux-gnu, qemu-user), for each kind
# of processor that the machine can stand for. The simulator itself is built for aarch64 too, where its libraries are
# found for it (libjansson-dev:arm64 libyaml-dev:arm64; CROSS_FLAGS may say where). Options that would change bits, and
# systems that are not little-endian of 64 bits, are refused by the text itself. Part of `make soak`.
. "$(dirname "$0")/shell.sh"
stories=${OINF_CORPUS:-}/lm/stories260K cross=aarch64-linux-gnu-gcc
telling='FAILED|error'
refused() { # words of the reason, compiler's words...
  local why=$1; shift
  ! "$@" -std=c11 -c -o "$root/x.o" "$root/plain/model.c" >"$root/why" 2>&1 && grep -q "$why" "$root/why"
}
hashes() { # package, program...
  local ask=(--prompt "12+345=" --steps 6)
  [ "$1" = stories ] && ask=(--prompt "" --steps 200 --temperature 0)
  "${@:2}" "${ask[@]}" --hash
}
# What fusion keeps is what the simulator shows of it.
values() { # package, kind of processor, runner
  local -x OINF_CPU=${2#any}
  # shellcheck disable=SC2086
  $3 "$root/$1/model" --check && hashes "$1" $3 "$root/$1/model" | sort >"$root/shown" &&
    grep -q " logits " "$root/shown" && [ -z "$(comm -13 "$root/$1.hashes" "$root/shown")" ]
}
build_one() { rm -f "$root/$1/model" "$root/$1"/*.o; make -s -C "$root/$1" CC="$2" CFLAGS="$3" model; } # package, compiler, flags
on_each() { # compiler, flags, runner, kinds of processors...
  for q in $packages; do
    check "$1 $2: build of $q" build_one "$q" "$1" "$2"
    for cpu in "${@:4}"; do check "$1 $2: $q, $cpu" values "$q" "$cpu" "$3"; done
  done
}
graphs() { # compiler, flags, runner
  for t in test_emit test_emit_ops test_emit_edges; do
    env -u SOAK CC="$1" BUNDLE_FLAGS="$2" BUNDLE_RUNNER="$3" "$build/$t" || return 1
  done
}
simulated() { hashes "$1" qemu-aarch64 -cpu "$2" "$build/aarch64/oinf-sim" "$root/$1.oinf" -q | sort | cmp - "$root/$1.hashes"; }

packages="plain q8_0 q4_0"
for q in $packages; do
  option=; [ $q = plain ] || option="--quant $q"
  # shellcheck disable=SC2086
  check "convert to $q" "$build/oinf-convert" examples/adder/model $option -q -o "$root/$q.oinf"
done
if [ -r "$stories/model.safetensors" ]; then
  packages+=" stories"
  check "convert stories" "$build/oinf-convert" "$stories" -q -o "$root/stories.oinf"
else skip "stories260K: OINF_CORPUS is not set, or '$stories' is not there"; fi
for q in $packages; do
  hashes "$q" "$build/oinf-sim" "$root/$q.oinf" -q | sort >"$root/$q.hashes"
  check "emit $q" "$build/oinf-emit" "$root/$q.oinf" -q -o "$root/$q"
done

while read -r cc flags; do
  runner='' kinds="any plain avx2"
  case "$cc $flags" in *aarch64*) runner=qemu-aarch64 kinds="any plain neon" ;; esac
  for tool in $cc $runner ${runner:+$cross}; do
    command -v "$tool" >/dev/null && continue
    skip "$cc $flags: no $tool"; continue 2
  done
  # shellcheck disable=SC2086
  on_each "$cc" "$flags" "$runner" $kinds
  check "$cc $flags: graphs" graphs "$cc" "$flags" "$runner"
done <<'END'
gcc -O0
gcc -O2
gcc -O3 -march=native
clang -O0
clang -O1
clang -O3 -march=native
aarch64-linux-gnu-gcc -O0 -static
aarch64-linux-gnu-gcc -O3 -static -march=armv8.2-a+dotprod+fp16
clang --target=aarch64-linux-gnu -O2 -static
END

if ! command -v $cross >/dev/null || ! command -v qemu-aarch64 >/dev/null; then skip "oinf-sim for aarch64: no $cross or qemu-aarch64"
elif ! echo 'int main(void) {}' | $cross -static ${CROSS_FLAGS:-} -xc -o "$root/x" - -ljansson -lyaml 2>/dev/null; then
  skip "oinf-sim for aarch64: no libraries for it"
else
  check "oinf-sim for aarch64" make -s -j2 BUILD="$build/aarch64" CC=$cross CFLAGS="-O1 -static ${CROSS_FLAGS:-}" \
    "$build"/aarch64/{oinf-sim,test_matmul,test_sdpa,test_strict}
  for q in $packages; do for cpu in max cortex-a53; do check "oinf-sim on $cpu: $q" simulated "$q" $cpu; done; done
  for t in matmul sdpa strict; do check "test_$t for aarch64" env -u SOAK qemu-aarch64 "$build/aarch64/test_$t"; done
fi

# By a compiler's words alone, without the Makefile's: each kind of processor has the right bits or refuses to open.
raw() { # words of the compiler, runner, kinds of processors...
  local b=$root/plain code
  $1 -std=c11 -o "$b/model" "$b/main.c" "$b/model.c" -lm -lpthread || return 1
  for cpu in "${@:3}"; do
    code=0; OINF_CPU=${cpu#any} $2 "$b/model" --check >"$root/raw" 2>&1 || code=$?
    [ $code = 0 ] || { [ $code = 70 ] && grep -q "arithmetic is not the strict one" "$root/raw"; } ||
      { echo "$cpu: error: ended with $code"; return 1; }
  done
}
for words in "gcc -O2 -march=native -ffp-contract=fast" "gcc -O3 -ffp-contract=fast" "clang -O2 -march=native -ffp-contract=fast" \
  "clang -O2 -fassociative-math -fno-signed-zeros -fno-trapping-math" "clang -O2 -fno-honor-nans"; do
  check "$words" raw "$words" "" any plain avx2
done
if command -v $cross >/dev/null && command -v qemu-aarch64 >/dev/null; then
  check "$cross -ffp-contract=fast" raw "$cross -O2 -static -ffp-contract=fast" qemu-aarch64 any plain neon
fi
build_one plain gcc "-Ofast -march=native"
for cpu in any plain avx2; do check "-Ofast, by the bundle's Makefile, $cpu" values plain $cpu ""; done
check "-Ofast is refused" refused "IEEE 754" gcc -Ofast
check "-ffast-math is refused" refused "IEEE 754" clang -O2 -ffast-math
check "-funsafe-math-optimizations is refused" refused "IEEE 754" gcc -O2 -funsafe-math-optimizations
check "big-endian is refused" refused "little-endian 64-bit" gcc -Wno-builtin-macro-redefined -D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__
case $(uname -m) in
  x86_64)
    check "x87 is refused" refused "float arithmetic in float" gcc -O2 -mfpmath=387
    m32="-m32 -msse2 -idirafter /usr/include/x86_64-linux-gnu"
    # shellcheck disable=SC2086
    if printf '#include <errno.h>\n#include <stdint.h>\n' | gcc $m32 -xc -fsyntax-only - 2>/dev/null; then
      for cc in gcc clang; do check "32 bits are refused, $cc" refused "little-endian 64-bit" $cc $m32; done
    else skip "32 bits: no headers for them (libc6-dev-i386)"; fi ;;
  *) skip "x87, 32 bits: not this machine's" ;;
esac
finish
