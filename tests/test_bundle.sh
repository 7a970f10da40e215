#!/bin/bash
# Bundles as a user meets them: emitted, built without a warning, equal to the simulator by hash and by text, checked by
# themselves; what is refused leaves nothing behind. Ends like every test program.
. "$(dirname "$0")/shell.sh"
make_bundle() { # folder, further CFLAGS...
  local b=$1; shift
  make -s -C "$b" clean && make -s -C "$b" CC="${CC:-cc}" CFLAGS="-std=c11 -Wall -Wextra -Wpedantic -Werror $*"
}
# The bundle says the lines that the simulator says, and those of the outputs among them.
same_hashes() { # bundle, package, words...
  local b=$1 m=$2; shift 2
  "$build/oinf-sim" "$m" "$@" --hash -q | sort -u >"$root/sim" && "$b/model" "$@" --hash | sort -u >"$root/said" &&
    [ -z "$(comm -13 "$root/sim" "$root/said")" ] && grep -q " logits " "$root/said"
}
# What any processor computes is what the bundle said just before.
same_on_all() { # bundle, words...
  local b=$1; shift
  for cpu in plain avx2 avx512 amx; do OINF_CPU=$cpu "$b/model" "$@" --hash | sort -u | cmp "$root/said" - || return 1; done
}
same_text() { # bundle, package, prompt
  [ "$("$1/model" --prompt "$3" --steps 24)" = "$("$build/oinf-sim" "$2" -q --prompt "$3" --steps 24)" ]
}

adder=$root/adder.oinf b=$root/bundle
check "convert the adder" "$build/oinf-convert" examples/adder/model -q -o "$adder"
for storage in plain q8_0 q4_0; do
  m=$adder
  if [ $storage != plain ]; then
    m=$root/$storage.oinf
    check "convert to $storage" "$build/oinf-convert" examples/adder/model -q --quant $storage -o "$m"
  fi
  for budget in "" min; do
    name="$storage${budget:+, budget $budget}"
    check "$name: emit" emits "$m" ${budget:+--budget $budget} -o "$b"
    check "$name: build" make_bundle "$b" -O1
    check "$name: values" same_hashes "$b" "$m" --prompt 12+345= --steps 6
    check "$name: text" same_text "$b" "$m" 999+1=
    check "$name: values on any processor" same_on_all "$b" --prompt 12+345= --steps 6
    check "$name: values on three threads" same_hashes "$b" "$m" --prompt 12+345= --steps 6 --threads 3
    check "$name: its own check" make -s -C "$b" check CFLAGS=-O1
  done
done

bad_cpu() { OINF_CPU=486 "$b/model" --check; }
check "a processor that there is not" ends 64 bad_cpu

# The program in a bundle's README builds without a warning and runs, for a text and for arrays.
readme_runs() { # bundle, lines it says
  awk '/^```c$/ {on = 1; next} /^```$/ {on = 0} on' "$1/README.md" >"$root/use.c" && make -s -C "$1" CFLAGS=-O1 &&
    "${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$1" -o "$root/use" "$root/use.c" "$1"/model.o $(ls "$1"/weights.o 2>/dev/null) -lm -lpthread &&
    (cd "$1" && "$root/use" >"$root/said") && [ "$(wc -l <"$root/said")" = "$2" ]
}
emits "$adder" -o "$b"
check "README: a program that generates" readme_runs "$b" 8
emits "$adder" --weights embed -o "$b"
check "README: a program with its weights" readme_runs "$b" 8
check "an example's bundle" "$build/example_emit" "$root/recall"
check "README: a program of arrays" readme_runs "$root/recall" 1

# Without tokens there is no tokenizer in it. Either kind can be timed.
slim() { [ ! -e "$root/recall/main_text.c" ] && ! grep -qiE 'oi_tokenizer_open|Unicode 1' "$root/recall/runtime.c"; }
check "arrays: no tokenizer" slim
timed() { # bundle, lines, words; what is timed has a name, and a share of a plain read
  (cd "$1" && ./model --bench "${@:3}" >"$root/said") && [ "$(wc -l <"$root/said")" = "$2" ] &&
    grep -qE '^(step|decode): [0-9.]+ ms, [0-9.]+ (steps|tokens)/s, [0-9.]+ MB of weights, [0-9.]+ GB/s, [0-9.]+ of a plain read' "$root/said"
}
printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 64)}" >"$root/x.npy"
head -c 256 /dev/zero >>"$root/x.npy"
check "--bench of a text" timed "$b" 2
check "--bench of arrays" timed "$root/recall" 1 --input "picture=@$root/x.npy"
check "--bench without arrays" ends 66 timed "$root/recall" 1

# A sum that becomes a difference is found, and its kernel named.
mutated() {
  emits "$adder" -o "$root/bad" && sed -i '0,/ + square;/s// - square;/' "$root/bad/kernels.c" &&
    ! make -s -C "$root/bad" check CFLAGS=-O1 >"$root/said" 2>&1 &&
    grep -q "kernel $(grep -m 1 -oE 'K\(k[0-9]+_[a-z_0-9]*rmsnorm' "$root/bad/kernels.c" | cut -c 3-) differs" "$root/said"
}
check "a changed kernel is named" mutated
# A compiler that breaks the arithmetic is refused, or made to keep it.
fast() { make_bundle "$b" -O3 -ffast-math && "$b/model" --check; }
check "-ffast-math cannot break it" fast
contracts() { ends 70 "$1/broken" --check; }
if grep -qw fma /proc/cpuinfo && ${CC:-cc} --version | grep -qv clang; then
  emits "$adder" -o "$b"
  check "contracted by hand: build" "${CC:-cc}" -std=gnu11 -O2 -mfma -ffp-contract=fast -w -o "$root/broken" "$b/main.c" "$b/model.c" -lm -lpthread
  cp "$b/weights.oinf" "$root/"
  check "contracted by hand: refused" contracts "$root"
fi

# Fast numerics: outputs within a bound that the bundle states, on each kind of processor; what moves them is found.
n="$root/near"
near() { OINF_CPU=$1 "$n/model" --check | grep -Eq 'steps: [1-9][0-9]* outputs within [0-9.e-]+ of their largest value'; }
stated() {
  grep -q '"numerics": "fast",' "$n/plan.json" && grep -q '"bound": ' "$n/plan.json" && grep -q '^## Bounds' "$n/README.md" &&
    grep -q 'Fast numerics' "$n/report.html" && grep -q '^#define MODEL_BOUND [0-9.e-]*  ' "$n/model.h"
}
hashes() { [ "$("$n/model" --tokens 1,2 --steps 2 --hash | grep -cE '^[0-9]+ .* [0-9a-f]{16}$')" -gt 20 ]; }
moved() {
  sed -i '0,/ + square;/s// - square;/' "$n/kernels.c" && ! make -s -C "$n" check CFLAGS=-O1 >"$root/said" 2>&1 &&
    grep -Eq "^check: step 0: output '[a-z]+' differs, by [0-9.e+inf-]+ of its largest value: the bound is" "$root/said"
}
twice() { emits "$adder" --numerics fast -o "$root/far" && diff -r "$n" "$root/far"; }
emits "$adder" --numerics fast -o "$n"
check "fast: the same bytes" twice
check "fast: build" make_bundle "$n" -O2
for cpu in plain avx2 avx512; do check "fast: within the bound, $cpu" near $cpu; done
check "fast: said everywhere" stated
check "fast: hashes" hashes
check "fast: a changed kernel is found" moved
check "fast: and ends with 1" ends 1 "$n/model" --check

# The user's words reach every command, but for those that would change results.
words_of_users() {
  make -nB -C "$b" CPPFLAGS=-DUSERS_WORD LDFLAGS="-Wl,-z,users-word -ffast-math" CFLAGS="-Ofast -g" model >"$root/said" &&
    [ "$(grep -c -e ' -c -o .*' "$root/said")" = "$(grep -c -e '-DUSERS_WORD.* -c -o' "$root/said")" ] &&
    grep -e ' -o model ' "$root/said" | grep -q -e '-Wl,-z,users-word' && grep -q -e '-O3 -g' "$root/said" &&
    ! grep -e ' -ffast-math\|-Ofast' "$root/said"
}
check "words of users" words_of_users

# Emission: the same bytes from anywhere, a name of one's own, folders that hold something else.
again() { (cd "$root" && LC_ALL=C.UTF-8 TZ=Asia/Tokyo "$1" adder.oinf -q -o second/) && diff -r "$root/first" "$root/second"; }
emits "$adder" -o "$root/first"
check "the same bytes" again "$(realpath "$build")/oinf-emit"
check "emitted over a bundle" emits "$adder" -o "$root/first"
named() { emits "$adder" --name sums -o "$root/named" && make_bundle "$root/named" -O0 && nm "$root/named/model.o" | awk '$2 == "T" && $3 !~ /^sums_/' | wc -l | grep -qx 0; }
check "a name of one's own" named
mkdir "$root/full" && touch "$root/full/letter"
check "a folder with a letter in it" ends 73 emits "$adder" -o "$root/full"
kept() { [ "$(ls "$root/full")" = letter ] && [ -z "$(find "$root" -maxdepth 1 -name '*oinf-tmp*')" ]; }
check "is left as it was" kept
check "a file in the way" ends 73 emits "$adder" -o "$adder"
check "no model" ends 66 emits "$root/none.oinf" -o "$root/x"
check "unknown target" ends 64 emits "$adder" --target pascal -o "$root/x"
check "unknown numerics" ends 64 emits "$adder" --numerics slow -o "$root/x"
check "too small a budget" ends 75 emits "$adder" --budget 1000 -o "$root/x"
check "no identifier" ends 64 emits "$adder" --name 'a b' -o "$root/x"
nothing() { [ ! -e "$root/x" ]; }
check "refusals leave nothing" nothing

# The weights of another bundle, and none.
swapped() { cp "$root/q8_0w" "$root/first/weights.oinf"; ends 65 "$root/first/model" --check; }
gone() { rm "$root/first/weights.oinf"; ends 66 "$root/first/model" --check; }
emits "$root/q8_0.oinf" -o "$b" && cp "$b/weights.oinf" "$root/q8_0w"
check "build for damage" make_bundle "$root/first" -O0
check "swapped weights" swapped
check "no weights" gone
finish
