#!/bin/bash
# A small language model that nobody here trained, where the corpora are at hand: its text byte for byte at every budget
# and thread count, one set of hashes, and logits that do not depend on how a prompt was cut. Ends like every test program.
set -u
cd "$(dirname "$0")/.." || exit 1
sim=${BUILD:-build}/oinf-sim passed=0 failed=0
stories=${OINF_CORPUS:-}/lm/stories260K
if [ ! -r "$stories/model.safetensors" ]; then
  echo "SKIPPED: OINF_CORPUS is not set, or '$stories' is not there"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
check() { # what, command...
  local what=$1; shift
  if "$@" >"$work/log" 2>&1; then passed=$((passed + 1)); else
    failed=$((failed + 1)); echo "FAILED $what: $(tail -n 1 "$work/log")"; fi
}
run() { "$sim" "$work/m.oinf" -q --temperature 0 "$@"; }
text() { run --prompt "" --steps 200 "$@" | cmp - "$work/text"; }
hashes() { run --tokens 1,403,407,261,378,432,410,286 --steps 4 --hash "$@"; }
same() { hashes "$@" | cmp - "$work/hashes"; }
check "convert" "${BUILD:-build}/oinf-convert" "$stories" -o "$work/m.oinf" -q
{ cat "$stories/expected_greedy_200.txt"; echo; } >"$work/text"
hashes >"$work/hashes"
# Each thread has room of its own, and hashes demand every value: the smallest budget is that of a run, not of a model.
smallest=$("$sim" "$work/m.oinf" --tokens 1 --steps 0 --threads 3 -v 2>&1 | sed -n 's/.*smallest budget \([0-9]*\) .*/\1/p')
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
  run --tokens "$(ids 0 18)" --steps 0 --save-state "$work/state" >/dev/null &&
    logits --load-state "$work/state" --tokens "$(ids 19 36)" "$@"
}
check "saved and resumed" equal resumed
check "saved and resumed under the smallest budget" equal resumed --budget min --chunk 5

# Bundles say the same text, mapped and under budgets; a state goes from one to the other.
bundle() { "${BUILD:-build}/oinf-emit" "$work/m.oinf" -q -o "$work/$1" "${@:2}" && make -s -C "$work/$1" CC="${CC:-cc}"; }
same_text() { "$work/$1/model" --prompt "" --steps 200 --threads "$2" | cmp - "$work/text"; }
same_hashes() {
  "$work/$1/model" --tokens 1,403,407,261,378,432,410,286 --steps 4 --hash | sort >"$work/said"
  grep -q " logits " "$work/said" && [ -z "$(comm -13 <(sort "$work/hashes") "$work/said")" ]
}
for budget in "" min 3M; do
  name=${budget:-mapped}
  check "bundle, $name" bundle "$name" ${budget:+--budget "$budget"}
  for threads in 1 3; do check "bundle, $name: text, $threads threads" same_text "$name" $threads; done
  check "bundle, $name: hashes" same_hashes "$name"
done
handed() {
  "$work/min/model" --prompt "" --steps 80 --save-state "$work/state" >/dev/null && run --load-state "$work/state" --steps 119 --save-state "$work/state" >"$work/rest" &&
    "$work/mapped/model" --load-state "$work/state" --steps 1 >>"$work/rest" && tr -d '\n' <"$work/rest" | cmp - <(tr -d '\n' <"$work/text" | tail -c "$(tr -d '\n' <"$work/rest" | wc -c)")
}
check "bundle: a text of three programs" handed
# Weights that shrink while the program waits for a reader: said, and no signal ends it.
shrinks() { # bundle
  cp "$1/weights.oinf" "$work/w" && rm -f "$work/pipe" && mkfifo "$work/pipe" || return 1
  { "$1/model" --weights "$work/w" --tokens 1 --steps 60 --hash >"$work/pipe" 2>"$work/err"; echo $? >"$work/code"; } &
  { read -r _ && sleep 0.3 && truncate -s 4096 "$work/w" && cat; } <"$work/pipe" >/dev/null
  wait; cat "$work/err"; [ "$(cat "$work/code")" = 74 ] && grep -q "shorter" "$work/err"
}
check "bundle: mapped weights that shrink" shrinks "$work/mapped"
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
