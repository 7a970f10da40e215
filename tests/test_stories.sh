#!/bin/bash
# A small language model that nobody here trained, where the corpora are at hand: its text byte for byte at every budget
# and thread count, one set of hashes, and logits that do not depend on how a prompt was cut. Ends like every test program.
. "$(dirname "$0")/shell.sh"
sim=$build/oinf-sim
stories=${OINF_CORPUS:-}/lm/stories260K
if [ ! -r "$stories/model.safetensors" ]; then
  skip "OINF_CORPUS is not set, or '$stories' is not there"
  finish
fi
run() { "$sim" "$root/m.oinf" -q --temperature 0 "$@"; }
text() { run --prompt "" --steps 200 "$@" | cmp - "$root/text"; }
hashes() { run --tokens 1,403,407,261,378,432,410,286 --steps 4 --hash "$@"; }
same() { hashes "$@" | cmp - "$root/hashes"; }
check "convert" "$build/oinf-convert" "$stories" -o "$root/m.oinf" -q
{ cat "$stories/expected_greedy_200.txt"; echo; } >"$root/text"
hashes >"$root/hashes"
# Each thread has room of its own, and hashes demand every value: the smallest budget is that of a run, not of a model.
smallest=$("$sim" "$root/m.oinf" --tokens 1 --steps 0 --threads 3 -v 2>&1 | sed -n 's/.*smallest budget \([0-9]*\) .*/\1/p')
check "the smallest budget is stated" [ "${smallest:-0}" -gt 0 ]
for budget in "" min "$smallest" 3M 4M 64M; do
  for threads in 1 2 3; do
    check "text, budget ${budget:-none}, $threads threads" text --threads $threads ${budget:+--budget "$budget"}
  done
  [ "$budget" = "$smallest" ] || check "hashes, budget ${budget:-none}" same --threads 2 ${budget:+--budget "$budget"}
done
below() { run --prompt "" --threads 3 --budget $((smallest - 1)); [ $? = 75 ]; }
check "below the smallest budget: 75" below

# 37 ids in one step, in chunks of 16, 16 and 5, one by one, and saved half-way.
ids() { seq "$1" "$2" | awk '{printf "%s%d", (NR > 1 ? "," : ""), (7 * $1 + 3) % 512}'; }
logits() { run --steps 0 --fetch logits --hash "$@" | tail -n 1 | awk '{print $NF}'; }
whole=$(logits --tokens "$(ids 0 36)" --chunk 37)
equal() { local have; have=$("$@"); echo "logits $have, not $whole"; [ -n "$whole" ] && [ "$have" = "$whole" ]; }
for chunk in 1 16 36; do check "chunks of $chunk" equal logits --tokens "$(ids 0 36)" --chunk $chunk; done
resumed() {
  run --tokens "$(ids 0 18)" --steps 0 --save-state "$root/state" >/dev/null &&
    logits --load-state "$root/state" --tokens "$(ids 19 36)" "$@"
}
check "saved and resumed" equal resumed
check "saved and resumed under the smallest budget" equal resumed --budget min --chunk 5

# Bundles say the same text, mapped and under budgets; a state goes from one to the other.
bundle() { "$build/oinf-emit" "$root/m.oinf" -q -o "$root/$1" "${@:2}" && make -s -C "$root/$1" CC="${CC:-cc}"; }
same_text() { "$root/$1/model" --prompt "" --steps 200 --threads "$2" | cmp - "$root/text"; }
same_hashes() {
  "$root/$1/model" --tokens 1,403,407,261,378,432,410,286 --steps 4 --hash | sort >"$root/said"
  grep -q " logits " "$root/said" && [ -z "$(comm -13 <(sort "$root/hashes") "$root/said")" ]
}
for budget in "" min 3M; do
  name=${budget:-mapped}
  check "bundle, $name" bundle "$name" ${budget:+--budget "$budget"}
  for threads in 1 3; do check "bundle, $name: text, $threads threads" same_text "$name" $threads; done
  check "bundle, $name: hashes" same_hashes "$name"
done
handed() {
  "$root/min/model" --prompt "" --steps 80 --save-state "$root/state" >/dev/null && run --load-state "$root/state" --steps 119 --save-state "$root/state" >"$root/rest" &&
    "$root/mapped/model" --load-state "$root/state" --steps 1 >>"$root/rest" && tr -d '\n' <"$root/rest" | cmp - <(tr -d '\n' <"$root/text" | tail -c "$(tr -d '\n' <"$root/rest" | wc -c)")
}
check "bundle: a text of three programs" handed
# Weights that shrink while the program waits for a reader: said, and no signal ends it.
shrinks() { # bundle
  cp "$1/weights.oinf" "$root/w" && rm -f "$root/pipe" && mkfifo "$root/pipe" || return 1
  { "$1/model" --weights "$root/w" --tokens 1 --steps 60 --hash >"$root/pipe" 2>"$root/err"; echo $? >"$root/code"; } &
  { read -r _ && sleep 0.3 && truncate -s 4096 "$root/w" && cat; } <"$root/pipe" >/dev/null
  wait; cat "$root/err"; [ "$(cat "$root/code")" = 74 ] && grep -q "shorter" "$root/err"
}
check "bundle: mapped weights that shrink" shrinks "$root/mapped"
finish
