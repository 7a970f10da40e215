#!/bin/bash
# The pipeline from outside: a bundle with any passes left out says only what the simulator says, and says its outputs;
# with none it says all of it. Dumps, names of passes and what is refused. Ends like every test program.
. "$(dirname "$0")/shell.sh"
builds() { make -s -C "$root/b" clean && make -s -C "$root/b" CC="${CC:-cc}" CFLAGS="-std=c11 -O0 -Wall -Wextra -Wpedantic -Werror"; }
said() { "$root/b/model" "$@" --hash | sort -u >"$root/said" && [ -s "$root/said" ]; }
a_part() { said "$@" && [ -z "$(comm -13 "$root/sim" "$root/said")" ] && grep -q ' logits ' "$root/said"; }
the_whole() { said "$@" && cmp "$root/sim" "$root/said"; }
passes=$("$build/oinf-emit" x --without=nothing -o x 2>&1 | sed 's/.*can do without //; s/, /,/g')

# Each pass left out, all of them left out, none.
subsets() { # name, package, words...
  local name=$1 m=$2 out; shift 2
  "$build/oinf-sim" "$m" "$@" --hash -q | sort -u >"$root/sim"
  for out in "" $passes ${SOAK:+${passes//,/ }}; do
    check "$name without '$out': emit" emits "$m" ${out:+--without=$out} -o "$root/b"
    check "$name without '$out': build" builds
    if [ "$out" = "$passes" ]; then check "$name as it is: values" the_whole "$@"; else
      check "$name without '$out': values" a_part "$@"; fi
    check "$name without '$out': its own check" make -s -C "$root/b" check CFLAGS=-O0
  done
}
check "convert the adder" "$build/oinf-convert" examples/adder/model -q --quant q8_0 -o "$root/adder.oinf"
subsets adder "$root/adder.oinf" --prompt 12+345= --steps 4
stories=${OINF_CORPUS:-}/lm/stories260K
if [ -r "$stories/model.safetensors" ]; then
  check "convert stories260K" "$build/oinf-convert" "$stories" -q -o "$root/stories.oinf"
  subsets stories260K "$root/stories.oinf" --tokens 1,403,407,261,378 --steps 3
else
  skip "OINF_CORPUS is not set, or '$stories' is not there"
fi

# Kernels that run in one go, on threads, beside and behind each other.
in_one_go() { # quantized weights, or the model's own
  local words="--tokens $(seq -s, 3 122) --steps 2"
  check "in one go: convert" "$build/oinf-convert" "$stories" -q ${1:+--quant "$1"} -o "$root/go.oinf"
  "$build/oinf-sim" "$root/go.oinf" $words --hash -q | sort -u >"$root/sim"
  check "in one go: emit" emits "$root/go.oinf" -o "$root/b"
  check "in one go: build" make -s -C "$root/b"
  check "in one go, 3 threads${1:+, $1}" a_part $words --threads 3
}
if [ -e "$root/stories.oinf" ]; then in_one_go; in_one_go q8_0; fi

# Memory of activations: within 1.05 of the most bytes that live at once.
tight() { "$build/oinf-emit" "$1" --explain --stop-after=memory 2>&1 >/dev/null |
  awk '$1 == "memory:" && $3 == "bytes" { found = 1; exit !($2 <= 1.05 * $NF) } END { if (!found) exit 1 }'; }
for m in adder stories; do [ -e "$root/$m.oinf" ] && check "$m: memory" tight "$root/$m.oinf"; done

# Dumps: each pass has one, nothing is emitted; what passes did is said.
dumps() { "$build/oinf-emit" "$root/adder.oinf" "$@" -o "$root/none" >"$root/dump" && [ -s "$root/dump" ] && [ ! -e "$root/none" ]; }
for pass in ${passes//,/ } memory paging; do check "dump after $pass" dumps "--dump=$pass"; done
check "stop after cse" dumps --stop-after=cse
is_graph() { grep -qx 'oinf-graph 1' "$root/dump"; }
check "which is a graph" is_graph
explained() { "$build/oinf-emit" "$root/adder.oinf" --explain -q -o "$root/b" | grep -q '^memory: [0-9]* bytes of activations'; }
check "explained" explained
check "an unknown pass" ends 64 emits "$root/adder.oinf" --without=magic -o "$root/x"
check "a pass that is needed" ends 64 emits "$root/adder.oinf" --without=fold,memory -o "$root/x"
check "an unknown dump" ends 64 emits "$root/adder.oinf" --dump=magic
check "a dump behind the end" ends 64 emits "$root/adder.oinf" --dump=layout --stop-after=cse
finish
