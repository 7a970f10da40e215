#!/bin/bash
# The program of a bundle beside oinf-sim: the same words give the same bytes and end with the same code, a text begun in
# one goes on in the other, arrays go in and out as npy, and what is no saved state of this model is refused. Ends like
# every test program.
. "$(dirname "$0")/shell.sh"
bundle() { # package, folder, words...
  local m=$1 b=$2; shift 2
  "$build/oinf-emit" "$m" -q -o "$b" "$@" && make -s -C "$b" CC="${CC:-cc}" CFLAGS=-O1
}
m=$root/m.oinf b=$root/b p=$root/b/model
check "convert" "$build/oinf-convert" examples/adder/model -q -o "$m"
check "bundle" bundle "$m" "$b"
sim() { "$build/oinf-sim" "$m" -q "$@"; }
same() { # words...: the same bytes on standard output, the same code
  local c1=0 c2=0
  sim "$@" >"$root/o1" || c1=$?
  "$p" "$@" >"$root/o2" || c2=$?
  echo "codes $c1 and $c2"; [ $c1 = $c2 ] && cmp "$root/o1" "$root/o2"
}
while read -r words; do
  # shellcheck disable=SC2086
  check "same: $words" same $words
done <<'END'
--prompt 12+345=
-p 12+345= -n 3
--prompt=99+1= --steps=4
--tokens 1,2,3 --steps 5
--prompt 1+1= --temperature 1.5 --seed 11
--prompt 1+1= --temperature 0.9 --top-k 3 -s 4
--prompt 1+1= --temperature 2 --top-p 0.7
--prompt 1+1= --temperature 1.2 --min-p 0.2 -s 8
--prompt 11+1= --repetition-penalty 1.7
--prompt 11+1= --frequency-penalty 1.5 --presence-penalty -0.5
--prompt 1 --repetition-penalty 0
--prompt 1 --presence-penalty 3
--prompt 999+1= --stop 0
--prompt 999+1= --stop 00 --stop 9
--prompt 5 --steps 0
--steps 2
--prompt a --tokens 1
--prompt-file /nonexistent
--steps x
--frobnicate
--hash=yes
stray
--top-p 0
--temperature -1
--tokens 1,,2
--tokens 4000
--stop=
--input q=1
--input P=0
--input tokens=3
--input tokens=@/nonexistent
--output logits
--load-state /nonexistent
--load-state /
--prompt 1 --steps 0 --save-state /nonexistent/x
END
crowd() { seq 1 600 | paste -sd, | sed 's/[0-9]*/1/g'; }
check "same: more tokens than fit" same --tokens "$(crowd)"
printf '12+345=' >"$root/prompt"
check "same: a prompt of a file" same --prompt-file "$root/prompt"
check "same: a prompt of a folder" same --prompt-file "$root"
piped() { sim --prompt-file <(cat "$root/prompt") >"$root/o1" && "$p" --prompt-file <(cat "$root/prompt") | cmp - "$root/o1"; }
check "same: a prompt of a pipe" piped

# A text begun in one goes on in the other; both write the same file; capacities may differ.
check "bundle of another capacity" bundle "$m" "$root/c" --ctx 24 --name other
handed() { # who begins, who goes on: the text of one that does both
  "$1" "${@:3}" --prompt 12+3 --steps 2 --save-state "$root/state" >/dev/null &&
    "$2" --load-state "$root/state" --steps 3 --temperature 1 >"$root/o1" &&
    sim --prompt 12+3 --steps 2 --save-state "$root/state2" "${@:3}" >/dev/null &&
    sim --load-state "$root/state2" --steps 3 --temperature 1 | cmp - "$root/o1" && cmp "$root/state" "$root/state2"
}
for words in "--seed 3" "--temperature 1 --seed 9"; do
  # shellcheck disable=SC2086
  { check "simulator to bundle $words" handed sim "$p" $words
  check "bundle to simulator $words" handed "$p" sim $words
  check "bundle to bundle $words" handed "$p" "$root/c/model" $words
  check "back again $words" handed "$root/c/model" "$p" $words; }
done
untouched() { cp "$root/state" "$root/kept" && ! "$p" --tokens 9999 --save-state "$root/state" && cmp "$root/state" "$root/kept"; }
check "a failed run leaves the old file" untouched
long() { "$p" --tokens "$(seq 1 30 | sed 's/.*/1/' | paste -sd,)" --steps 0 --save-state "$root/long"; ends 64 "$root/c/model" --load-state "$root/long"; }
check "more rows than the capacity" long

# Symbols that become numbers, and steps that are shorter than the golden ones: those are fed in pieces.
pinned() { # the symbol's field, words of oinf-emit
  local field=$1; shift
  bundle "$m" "$root/p" "$@" || return 1
  ! grep -q "int64_t $field;" "$root/p/model.h" && "$root/p/model" --check && "$root/p/model" --prompt 12+345= >"$root/o1" &&
    sim --prompt 12+345= | cmp - "$root/o1" && "$root/p/model" --load-state "$root/state" --steps 2 >"$root/o1" &&
    sim --load-state "$root/state" --steps 2 | cmp - "$root/o1"
}
check "one token a step" pinned rows --pin T=1
check "a capacity that is pinned" pinned rows --pin C=20 --pin T=1
check "short chunks" pinned none --chunk 5
for words in "64 --pin Q=1" "64 --pin T" "64 --pin T=-1" "64 --pin =3" "65 --pin T=0" "65 --pin T=100000" "65 --pin P=700" "64 --weights none" \
  "64 --weights embed --budget min"; do
  # shellcheck disable=SC2086
  check "refused: $words" ends ${words%% *} "$build/oinf-emit" "$m" -o "$root/x" ${words#* }
done
fours() { bundle "$m" "$root/p" --pin T=4 && "$root/p/model" --check | grep -q "1 golden steps" && ends 64 "$root/p/model" --tokens 1,2,3 --steps 1; }
check "four tokens a step" fours
# Weights within the program: it runs from an empty folder.
alone() {
  bundle "$m" "$root/e" --weights embed --name sums && [ ! -e "$root/e/weights.oinf" ] && mkdir "$root/alone" &&
    cp "$root/e/model" "$root/alone/" && (cd "$root/alone" && ./model --check && ./model --prompt 12+345= >"$root/o1") &&
    sim --prompt 12+345= | cmp - "$root/o1" && bundle "$m" "$root/e" && [ ! -e "$root/e/weights.c" ]
}
check "embedded weights" alone
none() { [ ! -e "$root/x" ]; }
check "what is refused leaves nothing" none

# What is no saved state: every cut and some damage end with 65, none by a signal.
cuts() {
  local n; n=$(stat -c %s "$root/state")
  for at in 0 1 63 64 95 96 500 639 640 $((n / 2)) $((n - 33)) $((n - 1)); do
    head -c "$at" "$root/state" >"$root/cut"; ends 65 "$p" --load-state "$root/cut" || return 1
  done
}
damage() {
  for at in 0 9 13 20 50 58 70 550 700 2000; do
    cp "$root/state" "$root/bad" && printf '\377' | dd of="$root/bad" bs=1 seek="$at" conv=notrunc 2>/dev/null
    cmp -s "$root/state" "$root/bad" || ends 65 "$p" --load-state "$root/bad" || return 1
  done
}
noise() { for n in 1 100 5000 100000; do head -c $n /dev/urandom >"$root/noise"; ends 65 "$p" --load-state "$root/noise" || return 1; done; }
check "truncated states" cuts
check "damaged states" damage
check "random bytes" noise
foreign() {
  "$build/oinf-convert" examples/adder/model -q --quant q8_0 -o "$root/q.oinf" &&
    "$build/oinf-sim" "$root/q.oinf" -q --prompt 1 --steps 1 --save-state "$root/foreign" && ends 65 "$p" --load-state "$root/foreign" &&
    grep -q "another model" "$root/log"
}
check "another model's state" foreign

# How the package draws is how the bundle draws; the words on the line go before it.
cp -r examples/adder/model "$root/drawing"
echo '{"eos_token_id": 2, "do_sample": true, "temperature": 1.5, "top_k": 7, "min_p": 0.01, "repetition_penalty": 1.2}' \
  >"$root/drawing/generation_config.json"
drawing() {
  "$build/oinf-convert" "$root/drawing" -q -o "$root/d.oinf" && bundle "$root/d.oinf" "$root/d" &&
    grep -q "^#define MODEL_TEMPERATURE 1.5$" "$root/d/model.h" && "$root/d/model" --help | grep -q "greedy (1.5)$" || return 1
  local own="--temperature 1.5 --top-k 7 --min-p 0.01 --repetition-penalty 1.2" words
  for words in "--seed 4" "--seed 5 --temperature 0" "--seed 6 --top-k 0" "--seed 7 --repetition-penalty 1 --top-p 0.5"; do
    # shellcheck disable=SC2086
    { sim --prompt 12+345= $own $words >"$root/o1" && "$root/d/model" --prompt 12+345= $words | cmp - "$root/o1" &&
      "$build/oinf-sim" "$root/d.oinf" -q --prompt 12+345= $words | cmp - "$root/o1"; } || return 1
  done
}
check "settings of the package" drawing

# Weights that are cut after they were opened: the program waits for its prompt, which comes when the file is short.
cut_short() { # bundle
  local code=0 writer
  cp "$1/weights.oinf" "$root/w" && rm -f "$root/pipe" && mkfifo "$root/pipe" || return 1
  (exec 3>"$root/pipe"; truncate -s 4096 "$root/w"; printf '12+345=' >&3) & writer=$!
  "$1/model" --weights "$root/w" --prompt-file "$root/pipe" >"$root/o1" 2>"$root/err" || code=$?
  kill $writer 2>/dev/null; wait $writer
  cat "$root/err"; echo "ended with $code"; [ $code = 74 ] && [ "$(wc -l <"$root/err")" = 1 ] && grep -q shorter "$root/err"
}
check "mapped weights are cut" cut_short "$b"
check "bundle under a budget" bundle "$m" "$root/paged" --budget min
check "paged weights are cut" cut_short "$root/paged"

# Arrays: a network that generates taken as arrays.
printf '\223NUMPY\001\000\166\000%-117s\n\001\000\000\000\002\000\000\000\003\000\000\000' "{'descr': '<i4', 'fortran_order': False, 'shape': (3,)}" >"$root/x.npy"
check "same: arrays" same --input "tokens=@$root/x.npy" --input P=0
check "a part: arrays by hash" eval 'same --input "tokens=@$root/x.npy" --input P=0 --hash; sort "$root/o1" >"$root/s1"; [ -s "$root/o2" ] && [ -z "$(sort "$root/o2" | comm -13 "$root/s1" -)" ]'
check "same: a symbol out of bounds" same --input "tokens=@$root/x.npy" --input P=100000
check "same: a symbol that differs" same --input "tokens=@$root/x.npy" --input P=0 --input T=2
check "same: no position" same --input "tokens=@$root/x.npy"
written() {
  sim "${@}" --output "logits=@$root/y1.npy" --output "blk.0.attn_norm=@$root/z1.npy" >"$root/o1" &&
    "$p" "${@}" --output "logits=@$root/y2.npy" --output "blk.0.attn_norm=@$root/z2.npy" >"$root/o2" &&
    cmp "$root/o1" "$root/o2" && cmp "$root/y1.npy" "$root/y2.npy" && cmp "$root/z1.npy" "$root/z2.npy"
}
check "outputs as npy" written --input "tokens=@$root/x.npy" --input P=0
check "outputs of the last step" written --prompt 12+3= --steps 3
check "an output of no value" ends 64 "$p" --input "tokens=@$root/x.npy" --input P=0 --output "nothing=@$root/n.npy"
check "an output that cannot be" ends 73 "$p" --input "tokens=@$root/x.npy" --input P=0 --output "logits=@/nonexistent/n.npy"
left() { [ -z "$(find "$root" -name '*-tmp*')" ]; }
check "no temporary file is left" left
closed() { # the reader has gone before the first byte is written
  local code=0
  exec 3> >(true); wait $!
  "$p" --prompt 1+1= --steps 50 >&3 2>"$root/err" || code=$?
  exec 3>&-
  [ $code = 74 ] && [ ! -s "$root/err" ]
}
check "a closed pipe ends quietly" closed
finish
