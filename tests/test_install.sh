#!/bin/bash
# Installed as a user would: a program builds through pkg-config against the shared library, runs, and uninstalling
# leaves nothing. Ends like every test program.
. "$(dirname "$0")/shell.sh"
cat >"$root/user.c" <<'C'
#include <oinf/sim.h>
#include <stdio.h>
int main(void) {
  oinf_ctx *ctx;
  oinf_model *m;
  oinf_graph *g;
  const float w[2] = {1.0f, 2.0f};
  const int64_t dims[1] = {2};
  if (oinf_ctx_create(NULL, &ctx) || oinf_model_create(ctx, &m)) return 1;
  if (oinf_model_add(m, "w", OINF_F32, 1, dims, w) || oinf_graph_create(ctx, m, "g", &g)) return 1;
  oinf_output(g, "y", oinf_add(oinf_weight(g, "w"), oinf_num(g, 0.5)));
  printf("%s\n", oinf_graph_check(g) ? oinf_error(ctx) : "built");
  return 0;
}
C
flags() { PKG_CONFIG_PATH="$root/opt/oinf/lib/pkgconfig" pkg-config --define-prefix "$@" oinf; }
user() { # extra linker words
  # shellcheck disable=SC2046
  ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -o "$root/user" "$root/user.c" $(flags --cflags --libs) "$@" &&
    [ "$(LD_LIBRARY_PATH=$root/opt/oinf/lib "$root/user")" = built ]
}
soname() { readelf -d "$root/opt/oinf/lib/liboinf.so" | grep -q 'soname: \[liboinf.so.0\]'; }
# What the library shows to a linker is what the public headers declare and nothing else.
symbols() {
  ! nm -D --defined-only "$root/opt/oinf/lib/liboinf.so" | awk '{print $3}' |
    grep -vxFf <(grep -ohE '\b(oinf|oi)_[a-z0-9_]+' include/oinf/*.h)
}
version() { [ "$("$root/opt/oinf/bin/oinf-sim" --version)" = "oinf-sim $(flags --modversion)" ]; }
# A recipe that came along, by its name; one that did not is no input.
recipe() {
  local convert="$root/opt/oinf/bin/oinf-convert"
  "$convert" "$root/none" --recipe llama_short --dry-run 2>"$root/err"
  [ $? = 66 ] && ! grep -q recipe "$root/err" || return 1
  "$convert" "$root/none" --recipe llama_shirt --dry-run 2>"$root/err"
  [ $? = 66 ] && grep -q "no recipe 'llama_shirt' is in '$root/opt/oinf/bin/../share/oinf/recipes'" "$root/err"
}
# Every command that compiles takes the user's CPPFLAGS, every one that links his LDFLAGS.
flags_of_users() {
  make -nB BUILD="$root/none" CC=cc CPPFLAGS=-DUSERS_WORD LDFLAGS=-Wl,-z,users-word tests 2>/dev/null |
    sed -n 's/^@\?\(cc\|g++\) /\1 /p' >"$root/commands"
  [ "$(grep -c -e ' -c -o ' "$root/commands")" -gt 100 ] && [ "$(grep -vc -e ' -c -o ' "$root/commands")" -gt 50 ] &&
    ! grep -e ' -c -o ' "$root/commands" | grep -v -e -DUSERS_WORD &&
    ! grep -v -e ' -c -o ' "$root/commands" | grep -v -e -Wl,-z,users-word
}
gone() { [ -z "$(find "$root/opt/oinf" -type f -o -type l)" ]; }
case $build in *asan*) skip "a sanitized library does not install"; finish ;; esac
check "make install" make --no-print-directory BUILD="$build" DESTDIR="$root" PREFIX=/opt/oinf install
check "a program builds and runs" user
check "soname" soname
check "exported symbols" symbols
check "version" version
check "recipes by name" recipe
check "flags of users" flags_of_users
check "make uninstall" make --no-print-directory BUILD="$build" DESTDIR="$root" PREFIX=/opt/oinf uninstall
check "nothing is left" gone
finish
