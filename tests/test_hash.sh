#!/bin/bash
# The hash lines of oinf-sim as a person compares them: one for each value of each step, whatever demands the step, and
# the same at every budget, thread count and variant of the processor. Ends like every test program.
set -u
cd "$(dirname "$0")/.." || exit 1
tools=${BUILD:-build} passed=0 failed=0
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
check() { # what, command...
  local what=$1; shift
  if "$@" >"$work/log" 2>&1; then passed=$((passed + 1)); else
    failed=$((failed + 1)); echo "FAILED $what: $(tail -n 1 "$work/log")"; fi
}
hashes() { "$tools/oinf-sim" "$work/m.oinf" -q --prompt "12+345=" --steps 3 --hash "$@"; }
once() { [ -z "$(awk '{print $1, $2}' "$work/all" | sort | uniq -d)" ]; }
steps() { [ "$(awk '{n[$1]++} END {ok = n[0] > 40; for (i in n) ok = ok && n[i] == n[0]; print ok}' "$work/all")" = 1 ]; }
same() { hashes "$@" | cmp - "$work/all"; }
variant() { OINF_CPU=$1 hashes | cmp - "$work/all"; }
check "convert" "$tools/oinf-convert" examples/adder/model -o "$work/m.oinf" -q
hashes >"$work/all"
check "each value once a step" once
check "every step alike" steps
for how in "--budget min" "--budget 3M" "--threads 2" "--threads 3 --budget min"; do
  # shellcheck disable=SC2086
  check "$how" same $how
done
for cpu in plain avx2 avx512; do
  case $cpu in plain) ;; *) grep -q "$cpu" /proc/cpuinfo || continue ;; esac
  check "OINF_CPU=$cpu" variant "$cpu"
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
