#!/bin/bash
# The hash lines of oinf-sim as a person compares them: one for each value of each step, whatever demands the step, and
# the same at every budget, thread count and variant of the processor. Ends like every test program.
. "$(dirname "$0")/shell.sh"
hashes() { "$build/oinf-sim" "$root/m.oinf" -q --prompt "12+345=" --steps 3 --hash "$@"; }
once() { [ -z "$(awk '{print $1, $2}' "$root/all" | sort | uniq -d)" ]; }
steps() { [ "$(awk '{n[$1]++} END {ok = n[0] > 40; for (i in n) ok = ok && n[i] == n[0]; print ok}' "$root/all")" = 1 ]; }
same() { hashes "$@" | cmp - "$root/all"; }
variant() { OINF_CPU=$1 hashes | cmp - "$root/all"; }
check "convert" "$build/oinf-convert" examples/adder/model -o "$root/m.oinf" -q
hashes >"$root/all"
check "each value once a step" once
check "every step alike" steps
for how in "--budget min" "--budget 3M" "--threads 2" "--threads 3 --budget min"; do
  # shellcheck disable=SC2086
  check "$how" same $how
done
for cpu in plain avx2 avx512 amx; do
  case $cpu in plain) ;; *) grep -q "$cpu" /proc/cpuinfo || continue ;; esac
  check "OINF_CPU=$cpu" variant "$cpu"
done
finish
