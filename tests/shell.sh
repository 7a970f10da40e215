#!/bin/bash
# What the shell tests share, sourced by each as its first act: it goes to the project's root, makes a folder $root that
# goes with the test, and counts. A test ends with `finish`, whose line is that of every test program.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck disable=SC2034
build=${BUILD:-build} passed=0 failed=0 skipped=0
root=$(mktemp -d); trap 'rm -rf "$root"' EXIT
telling= # a pattern: the line of a log that tells why; its last one does where there is none
why() { { [ "$telling" ] && grep -a -m 1 -E "$telling" "$root/log"; } || tail -n 1 "$root/log"; }
check() { # what, command...
  local what=$1; shift
  if "$@" >"$root/log" 2>&1; then passed=$((passed + 1)); else
    failed=$((failed + 1)); echo "FAILED $what: $(why)"; fi
}
skip() { skipped=$((skipped + 1)); echo "SKIPPED: $*"; }
ends() { local want=$1 code=0; shift; "$@" || code=$?; echo "ended with $code, not $want"; [ $code = "$want" ]; }
emits() { "$build/oinf-emit" "$@" -q; }
finish() { echo "$passed passed, $failed failed, $skipped skipped"; exit $((failed != 0)); }
