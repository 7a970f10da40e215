#!/bin/bash
# What is emitted gives one set of bits wherever it is built: every op's vectors and 200 random graphs, and the adder
# in three storages, by gcc and clang at several levels and for aarch64 (under qemu-user, where it and a cross compiler
# are installed: gcc-aarch64-linux-gnu, qemu-user). Options that would change bits are refused by the text itself.
# Part of `make soak`.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build} passed=0 failed=0 skipped=0
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
check() { # what, command...
  local what=$1; shift
  if "$@" >"$work/log" 2>&1; then passed=$((passed + 1)); else
    failed=$((failed + 1)); echo "FAILED $what: $(grep -aE 'FAILED|error' "$work/log" | head -n 1)"; fi
}
refused() { # words of the reason, compiler's words...
  local why=$1; shift
  ! "$@" -std=c11 -c -o "$work/x.o" "$work/plain/model.c" >"$work/why" 2>&1 && grep -q "$why" "$work/why"
}
hashes() { "$@" --prompt "12+345=" --steps 6 --hash; }
adder() { # storage, compiler, flags, runner: what fusion keeps is what the simulator shows of it
  local b=$work/$1
  rm -f "$b/model" "$b"/*.o
  make -s -C "$b" CC="$2" CFLAGS="$3" model && $4 "$b/model" --check && hashes $4 "$b/model" >"$work/shown" &&
    [ -s "$work/shown" ] && ! grep -vxFf "$work/$1.hashes" "$work/shown"
}
graphs() { # compiler, flags, runner
  for t in test_emit test_emit_ops test_emit_user; do
    env -u SOAK CC="$1" BUNDLE_FLAGS="$2" BUNDLE_RUNNER="$3" "$build/$t" || return 1
  done
}
for q in plain q8_0 q4_0; do
  option=; [ $q = plain ] || option="--quant $q"
  # shellcheck disable=SC2086
  check "convert to $q" "$build/oinf-convert" examples/adder/model $option -q -o "$work/$q.oinf"
  hashes "$build/oinf-sim" "$work/$q.oinf" -q >"$work/$q.hashes"
  check "emit $q" "$build/oinf-emit" "$work/$q.oinf" -q -o "$work/$q"
done
while read -r cc flags; do
  runner=; [ "$cc" = aarch64-linux-gnu-gcc ] && runner=qemu-aarch64
  for tool in $cc $runner; do
    command -v "$tool" >/dev/null && continue
    echo "SKIPPED $cc $flags: no $tool"; skipped=$((skipped + 1)); continue 2
  done
  for q in plain q8_0 q4_0; do check "$cc $flags: $q" adder $q "$cc" "$flags" "$runner"; done
  check "$cc $flags: graphs" graphs "$cc" "$flags" "$runner"
done <<'END'
gcc -O0
gcc -O2
gcc -O3 -march=native
clang -O0
clang -O1
clang -O3
aarch64-linux-gnu-gcc -O2 -static
aarch64-linux-gnu-gcc -O0 -static
END
check "-Ofast, by the bundle's Makefile" adder plain gcc "-Ofast -march=native" ""
check "-Ofast is refused" refused "IEEE 754" gcc -Ofast
check "-ffast-math is refused" refused "IEEE 754" clang -O2 -ffast-math
check "-funsafe-math-optimizations is refused" refused "IEEE 754" gcc -O2 -funsafe-math-optimizations
case $(uname -m) in
  x86_64) check "x87 is refused" refused "float arithmetic in float" gcc -O2 -mfpmath=387 ;;
  *) echo "SKIPPED x87: not this machine's"; skipped=$((skipped + 1)) ;;
esac
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
