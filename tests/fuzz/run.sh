#!/bin/bash
# Builds each tests/fuzz/fuzz_*.c with libFuzzer, ASan and UBSan over all of the library, and runs it
# for FUZZ_SECONDS (60) from the inputs under tests/data/fuzz/<name>, which stay as they are.
# Called by `make fuzz`, which hands in BUILD, SOURCES, FLAGS and LIBS; with arguments only the
# targets named run. Ends with 1 where a target crashed; the input lies in $BUILD/fuzz then, and
# belongs under tests/data/fuzz/<name> once the fault is mended: `make test` replays what lies there.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=${BUILD:-build}/fuzz
cc=${FUZZ_CC:-clang}
command -v "$cc" >/dev/null || { echo "fuzz: $cc is not installed" >&2; exit 1; }
common="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
# The version's quotes do not survive the way here.
FLAGS="$(sed 's/-DOINF_VERSION=[^ ]*//' <<<"$FLAGS") -DOINF_VERSION='\"fuzz\"' -O1 -g $common"
mkdir -p "$work"

# The library's objects, once for all targets.
compile() {
  local out=$work/obj/${1%.c}.o
  if [ -n "$(find "$out" -newer "$1" 2>/dev/null)" ]; then return 0; fi
  mkdir -p "$(dirname "$out")"
  eval "$cc $FLAGS -fsanitize=fuzzer-no-link -c -o '$out' '$1'" || return 255
}
export -f compile
export work cc FLAGS
# An object is older than a header that changed: then all are made again.
if [ -d "$work/obj" ] && [ -n "$(find include lib formats compiler sim convert -name '*.[hdi]*' \
    -newer "$work/obj" 2>/dev/null | head -n 1)" ]; then rm -rf "$work/obj"; fi
mkdir -p "$work/obj" && touch "$work/obj"
printf '%s\n' $SOURCES | xargs -P "$(nproc)" -I{} bash -c 'compile {}' || exit 1
rm -f "$work/lib.a"
printf "$work/obj/%s\n" $SOURCES | sed 's/\.c$/.o/' | xargs ar rcs "$work/lib.a" || exit 1

bad=0
for target in tests/fuzz/fuzz_*.c; do
  name=${target##*/fuzz_}; name=${name%.c}
  [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
  mkdir -p "$work/found/$name" "tests/data/fuzz/$name"
  eval "$cc $FLAGS -fsanitize=fuzzer -o '$work/$name' '$target' '$work/lib.a' $LIBS" ||
    { bad=1; continue; }
  echo "fuzz: $name for ${FUZZ_SECONDS:-60} s"
  if "$work/$name" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 \
      -max_len="${FUZZ_MAX_LEN:-65536}" -artifact_prefix="$work/$name-" -print_final_stats=1 \
      "$work/found/$name" "tests/data/fuzz/$name" >"$work/$name.log" 2>&1; then
    grep -E 'number_of_executed_units' "$work/$name.log" | sed "s/^/fuzz: $name: /"
  else
    tail -n 40 "$work/$name.log"; echo "fuzz: $name has a finding; see $work/$name-*"; bad=1
  fi
done
exit $bad
