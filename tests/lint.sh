#!/bin/bash
# The laws that a grep can see: arrows between folders, where memory, files and Vulkan may be touched, sizes, widths.
# Comments and string literals are blanked before words are looked for. `tests/lint.sh` ends with 1 where one is broken.
cd "$(dirname "$0")/.." || exit 1
bad=0
say() { echo "lint: $*"; bad=1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mapfile -t src < <(git ls-files -co --exclude-standard '*.c' '*.h' '*.inc' '*.def' | grep -vE '^(tests|compiler/kernels)/')
perl -e 'for my $f (@ARGV[1..$#ARGV]) { local $/; open my $i, "<", $f or next; my $t = <$i>;
  $t =~ s{(/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\x27(?:\\.|[^\x27\\\n])*\x27)}{my $m = $1; $m =~ s/[^\n]/ /g; $m}gse;
  my $o = "$ARGV[0]/$f"; my $d = $o; $d =~ s{/[^/]*$}{}; system("mkdir", "-p", $d); open my $w, ">", $o; print $w $t; }' "$work" "${src[@]}"
grep_law() { # message, pattern, files that may
  local hit; hit=$(cd "$work" && grep -nE "$2" "${src[@]}" | grep -vE "$3" | head -n 3)
  [ -z "$hit" ] || say "$1: $hit"
}
fn='(^|[^_a-zA-Z0-9.>])'
grep_law "allocation outside lib/ctx.c" "$fn(malloc|calloc|realloc|free|strdup|aligned_alloc|posix_memalign)\(" '^(lib/ctx\.c|lib/rt/|examples/)'
grep_law "refused function" "$fn(system|popen|strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|alloca|rand)\(" '^$'
grep_law "opens a file" "$fn(fopen|open|openat|openat2|creat)\(" '^(formats/file\.c|lib/rt/|examples/)'
grep_law "prints or exits" "$fn(printf|puts|putchar|perror|exit|abort|_exit)\(" '(main_[a-z]+\.c|/gen_[a-z]+\.c|^lib/rt/|^examples/)'
hit=$(grep -nE '#include <vulkan' "${src[@]}" | grep -v '^lib/rt/'); [ -z "$hit" ] || say "Vulkan header: $hit"
# Arrows: a folder includes only what stands to its left; lib/rt includes nothing of oinf but itself.
order=(include lib/rt lib formats compiler sim convert)
grep -HoE '^#include "[^"]+"' "${src[@]}" | grep -v '^examples/' | while IFS=: read -r file inc; do
  to=${inc#*\"}; to=${to%\"}
  rank() { case $1 in include/*|oinf/*) echo 0 ;; lib/rt/*) echo 1 ;; lib/*) echo 2 ;; formats/*) echo 3 ;; compiler/*) echo 4 ;; sim/*) echo 5 ;; convert/*) echo 6 ;; *) echo 9 ;; esac; }
  [ "$(rank "$to")" -le "$(rank "$file")" ] || echo "$file includes $to"
  case $file in lib/rt/*) [[ $to == lib/rt/* ]] || echo "$file includes $to" ;; esac
done >"$work/arrows"
grep -HE '^#include <oinf/' lib/rt/* 2>/dev/null >>"$work/arrows"
[ -s "$work/arrows" ] && say "arrow: $(head -n 3 "$work/arrows")"
for f in "${src[@]}"; do
  case $f in *.def|*.inc|include/oinf/ops.h) continue ;; esac
  n=$(wc -l <"$f"); [ "$n" -le 600 ] || say "$f has $n lines"
  head -n 1 "$f" | grep -qE '^(//|/\*)' || say "$f has no head comment"
done
hit=$(grep -nE '.{101,}' "${src[@]}" | grep -vE '^[^:]*\.(def|inc):|^include/oinf/ops\.h' | cut -c1-90 | head -n 3); [ -z "$hit" ] || say "over 100 columns: $hit"
hit=$(grep -nE '[[:space:]]+$' "${src[@]}" | cut -c1-90 | head -n 3); [ -z "$hit" ] || say "trailing space: $hit"
[ "$(wc -l <Makefile)" -le 150 ] || say "Makefile has $(wc -l <Makefile) lines"
if ${CC:-cc} -std=c11 -I. -o "$work/gen_ops" lib/gen_ops.c; then
  for f in enums:include/oinf/enums.h header:include/oinf/ops.h page:lib/OPS.md; do
    "$work/gen_ops" "${f%%:*}" | cmp -s - "${f#*:}" || say "${f#*:} is not what the tables say: make gen"
  done
else say "lib/gen_ops.c does not compile"; fi
[ $bad = 0 ] && echo "lint: laws hold over ${#src[@]} files"
exit $bad
