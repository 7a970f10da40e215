#!/bin/bash
# Bundles under the sanitizers: checks, hashes, states, damaged weights and several instances at once, mapped and paged;
# and that a step allocates nothing. Ends like every test program.
. "$(dirname "$0")/shell.sh"
telling='ERROR|WARNING|runtime error'
clean() { ! grep -qE 'Sanitizer|runtime error' "$root/log"; }
m=$root/m.oinf q=$root/q.oinf
check "convert" "$build/oinf-convert" examples/adder/model -q -o "$m"
check "convert to q8_0" "$build/oinf-convert" examples/adder/model -q --quant q8_0 -o "$q"
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=0
# One variant of the kernels: the sanitizers make the others slow to compile; soak takes them all.
[ "${SOAK:-}" ] && base= || base=-DOI_BASE_ONLY
strict="-Wall -Wextra -ffp-contract=off -fno-trapping-math $base"
wraps=-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc
instances() { # package, flags, words of oinf-emit
  local m=$1 flags=$2; shift 2
  "$build/oinf-emit" "$m" -q --name sums -o "$root/i" "$@" || return 1
  # shellcheck disable=SC2086
  ${CC:-cc} -std=c11 -O0 $strict $flags -I"$root/i" -o "$root/instances" tests/bundle/instances.c "$root/i/model.c" -lm -lpthread $wraps &&
    "$root/instances" "$root/i/weights.oinf"
}
check "nothing is allocated in a step" instances "$m" ""
check "nothing is allocated in a paged step" instances "$q" "" --budget min
check "instances, threads, paged" instances "$q" -fsanitize=thread --budget min
if [ "${SOAK:-}" ]; then
  check "instances, threads" instances "$m" -fsanitize=thread
  check "instances, memory" instances "$q" "-fsanitize=address,undefined -fno-sanitize-recover=all"
fi

b=$root/b p=$root/b/model
[ "${SOAK:-}" ] && mapped=$m || mapped=
for words in ${mapped:+"$mapped"} "$q --budget min"; do
  # shellcheck disable=SC2086
  { check "emit $words" "$build/oinf-emit" $words -q -o "$b"; }
  check "build" make -s -C "$b" CC="${CC:-cc}" CFLAGS="-O0 $base -fsanitize=address,undefined -fno-sanitize-recover=all"
  check "its check" "$p" --check
  check "text" "$p" --prompt 12+345= --threads 2
  check "hashes" "$p" --prompt 12+345= --steps 3 --hash
  check "a state is saved" "$p" --prompt 12+3 --steps 2 --temperature 1 --save-state "$root/state"
  check "and resumed" "$p" --load-state "$root/state" --steps 3
  for n in 0 1 64 700 $(($(stat -c %s "$root/state") - 5)); do
    head -c "$n" "$root/state" >"$root/cut"
    check "a state of $n bytes" ends 65 "$p" --load-state "$root/cut"
    check "says nothing else" clean
    head -c "$n" /dev/urandom >"$root/cut"
    check "$n random bytes as a state" ends 65 "$p" --load-state "$root/cut"
    check "and as an array" ends 65 "$p" --input "tokens=@$root/cut" --input P=0
    check "says nothing else" clean
  done
  size=$(stat -c %s "$b/weights.oinf")
  for at in 0 100 5000 $((size / 2)) $((size - 1)); do
    cp "$b/weights.oinf" "$root/w" && printf '\125' | dd of="$root/w" bs=1 seek="$at" conv=notrunc 2>/dev/null
    cmp -s "$root/w" "$b/weights.oinf" && continue
    check "weights damaged at $at" ends 65 "$p" --weights "$root/w" --prompt 1+1=
    check "says nothing else" clean
  done
  head -c $((size / 2)) "$b/weights.oinf" >"$root/w"
  check "weights cut" ends 65 "$p" --weights "$root/w" --prompt 1+1=
  check "a folder as weights" ends 65 "$p" --weights "$root" --prompt 1+1=
  check "no weights" ends 66 "$p" --weights "$root/none" --prompt 1+1=
done
finish
