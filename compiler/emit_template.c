// Texts that a bundle is made of, carried within the library as glsl.c carries the strict text: the
// assembler puts the very files into read-only data, so an installed tool needs no source tree.
// Templates are files of compiler/kernels whose holes are words in capitals, replaced as words; the
// runtime is lib/rt, with its includes put in place.
#include <stdio.h>
#include <string.h>

#include "compiler/emit.h"

// Files, in no order; F(id, path).
#define FILES(F)                                          \
  F(model_h, "compiler/kernels/model_h.txt")              \
  F(report_html, "compiler/kernels/report.html")          \
  F(makefile, "compiler/kernels/Makefile.txt")            \
  F(model_c, "compiler/kernels/model.c")                  \
  F(open, "compiler/kernels/open.c")                      \
  F(run, "compiler/kernels/run.c")                        \
  F(api, "compiler/kernels/api.c")                        \
  F(bind, "compiler/kernels/bind.c")                      \
  F(check_equal, "compiler/kernels/check_equal.c")        \
  F(check_near, "compiler/kernels/check_near.c")          \
  F(check, "compiler/kernels/check.c")                    \
  F(saved_k, "compiler/kernels/saved.c")                  \
  F(mapped, "compiler/kernels/mapped.c")                  \
  F(window, "compiler/kernels/window.c")                  \
  F(page, "compiler/kernels/page.c")                      \
  F(main, "compiler/kernels/main.c")                      \
  F(main_options, "compiler/kernels/main_options.c")      \
  F(main_values, "compiler/kernels/main_values.c")        \
  F(main_text, "compiler/kernels/main_text.c")            \
  F(main_bench, "compiler/kernels/main_bench.c")          \
  F(matmul, "compiler/kernels/matmul.c")                  \
  F(matmul_many, "compiler/kernels/matmul_many.c")        \
  F(matmul_tiles, "compiler/kernels/matmul_tiles.c")      \
  F(matmul_groups, "compiler/kernels/matmul_groups.c")    \
  F(matmul_block_tiles, "compiler/kernels/matmul_block_tiles.c") \
  F(matmul_quads, "compiler/kernels/matmul_quads.c")      \
  F(matmul_widen, "compiler/kernels/matmul_widen.c")      \
  F(matmul_columns, "compiler/kernels/matmul_columns.c")  \
  F(matmul_wide, "compiler/kernels/matmul_wide.c")        \
  F(matmul_any, "compiler/kernels/matmul_any.c")          \
  F(argmax, "compiler/kernels/argmax.c")                  \
  F(rmsnorm, "compiler/kernels/rmsnorm.c")                \
  F(layernorm, "compiler/kernels/layernorm.c")            \
  F(softmax, "compiler/kernels/softmax.c")                \
  F(rope_k, "compiler/kernels/rope.c")                    \
  F(attend, "compiler/kernels/attend.c")                  \
  F(sdpa, "compiler/kernels/sdpa.c")                      \
  F(gather, "compiler/kernels/gather.c")                  \
  F(gather_blocks, "compiler/kernels/gather_blocks.c")    \
  F(gather_groups, "compiler/kernels/gather_groups.c")    \
  F(quantize, "compiler/kernels/quantize.c")              \
  F(dequantize, "compiler/kernels/dequantize.c")          \
  F(strict_h, "lib/rt/strict.h")                          \
  F(strict_base, "lib/rt/strict_base.inc")                \
  F(strict_cast, "lib/rt/strict_cast.inc")                \
  F(strict_int, "lib/rt/strict_int.inc")                  \
  F(strict_math, "lib/rt/strict_math.inc")                \
  F(strict_number, "lib/rt/strict_number.inc")            \
  F(rope_h, "lib/rt/rope.h")                              \
  F(rope_c, "lib/rt/rope.c")                              \
  F(cpu_h, "lib/rt/cpu.h")                                \
  F(cpu_c, "lib/rt/cpu.c")                                \
  F(threads_h, "lib/rt/threads.h")                        \
  F(threads_c, "lib/rt/threads.c")                        \
  F(dot_h, "lib/rt/dot.h")                                \
  F(dot_part_h, "lib/rt/dot_part.h")                      \
  F(dot_float, "lib/rt/dot_float.inc")                    \
  F(dot_panel, "lib/rt/dot_panel.inc")                    \
  F(dot_walk, "lib/rt/dot_walk.inc")                      \
  F(dot_bf16, "lib/rt/dot_bf16.inc")                      \
  F(dot_end, "lib/rt/dot_end.inc")                        \
  F(dot_plain_c, "lib/rt/dot_plain.c")                    \
  F(dot_avx2_c, "lib/rt/dot_avx2.c")                      \
  F(dot_avx512_c, "lib/rt/dot_avx512.c")                  \
  F(dot_amx_c, "lib/rt/dot_amx.c")                        \
  F(dot_neon, "lib/rt/dot_neon.inc")                      \
  F(dot_neon_c, "lib/rt/dot_neon.c")                      \
  F(dot_c, "lib/rt/dot.c")                                \
  F(attend_h, "lib/rt/attend.h")                          \
  F(attend_c, "lib/rt/attend.c")                          \
  F(probe_h, "lib/rt/probe.h")                            \
  F(probe_table, "lib/rt/probe.inc")                      \
  F(probe_kind, "lib/rt/probe_kind.inc")                  \
  F(probe_c, "lib/rt/probe.c")                            \
  F(crc_h, "lib/rt/crc32c.h")                             \
  F(crc_c, "lib/rt/crc32c.c")                             \
  F(sha_h, "lib/rt/sha256.h")                             \
  F(sha_c, "lib/rt/sha256.c")                             \
  F(kept_h, "lib/rt/kept.h")                              \
  F(kept_c, "lib/rt/kept.c")                              \
  F(saved_h, "lib/rt/saved.h")                            \
  F(saved_c, "lib/rt/saved.c")                            \
  F(npy_h, "lib/rt/npy.h")                                \
  F(npy_c, "lib/rt/npy.c")                                \
  F(parse_h, "lib/rt/parse.h")                            \
  F(parse_c, "lib/rt/parse.c")                            \
  F(pager_h, "lib/rt/pager.h")                            \
  F(pager_c, "lib/rt/pager.c")                            \
  F(pages_h, "lib/rt/pages.h")                            \
  F(pages_c, "lib/rt/pages.c")                            \
  F(sample_h, "lib/rt/sample.h")                          \
  F(sample_c, "lib/rt/sample.c")                          \
  F(unicode_h, "lib/rt/unicode.h")                        \
  F(unicode_c, "lib/rt/unicode.c")                        \
  F(unicode_norm_c, "lib/rt/unicode_norm.c")              \
  F(unicode_class, "lib/rt/unicode_class.inc")            \
  F(unicode_lower, "lib/rt/unicode_lower.inc")            \
  F(unicode_norm, "lib/rt/unicode_norm.inc")              \
  F(token_h, "lib/rt/token.h")                            \
  F(token_blob_h, "lib/rt/token_blob.h")                  \
  F(token_run_h, "lib/rt/token_run.h")                    \
  F(token_scan_h, "lib/rt/token_scan.h")                  \
  F(token_scan_def, "lib/rt/token_scan.def")              \
  F(token_c, "lib/rt/token.c")                            \
  F(token_bpe_c, "lib/rt/token_bpe.c")                    \
  F(token_decode_c, "lib/rt/token_decode.c")              \
  F(token_encode_c, "lib/rt/token_encode.c")              \
  F(token_norm_c, "lib/rt/token_norm.c")                  \
  F(token_scan_c, "lib/rt/token_scan.c")                  \
  F(token_split_c, "lib/rt/token_split.c")

#define EMBED(id, path)                                                              \
  __asm__(".pushsection .rodata\n.hidden oi_text_" #id "_begin, oi_text_" #id "_end\n" \
          ".globl oi_text_" #id "_begin, oi_text_" #id "_end\noi_text_" #id "_begin:\n" \
          ".incbin \"" path "\"\noi_text_" #id "_end:\n.popsection\n");               \
  extern const char oi_text_##id##_begin[] __attribute__((visibility("hidden")));    \
  extern const char oi_text_##id##_end[] __attribute__((visibility("hidden")));
FILES(EMBED)

static const struct {
  const char *path, *begin, *end;
} files[] = {
#define ROW(id, path) {path, oi_text_##id##_begin, oi_text_##id##_end},
    FILES(ROW)
#undef ROW
};
enum { N_FILES = sizeof files / sizeof *files };

static size_t find_file(const char *path, size_t n) {
  for (size_t i = 0; i < N_FILES; i++)
    if (strlen(files[i].path) == n && memcmp(files[i].path, path, n) == 0) return i;
  return N_FILES;
}

// ---- templates ----

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static const char *hole_of(const oi_hole *holes, size_t n, const char *word, size_t size) {
  for (size_t i = 0; i < n; i++)
    if (strlen(holes[i].name) == size && memcmp(holes[i].name, word, size) == 0)
      return holes[i].text;
  return NULL;
}

// Was the empty hole all that stood on its line? Then the line goes.
static bool leaves_blank(oi_emit *e, const char *at, const char *end) {
  oi_text *out = &e->out;
  size_t n = out->n;
  if (out->failed || at == end || *at != '\n') return false;
  while (n > 0 && out->at[n - 1] == ' ') n--;
  if (n > 0 && out->at[n - 1] != '\n') return false;
  out->n = n;
  return true;
}

static void put_filled(oi_emit *e, const char *at, const char *end, const oi_hole *holes,
                       size_t n) {
  while (at < end) {
    size_t size = 0;
    while (at + size < end && is_word(at[size])) size++;
    const char *text = size ? hole_of(holes, n, at, size) : NULL;
    if (text && !*text && leaves_blank(e, at + size, end)) at++;  // with its end of line
    else if (text) oi_text_put(&e->out, "%s", text);
    else if (!size) oi_text_add(&e->out, at, 1);
    else oi_text_add(&e->out, at, size);
    at += size ? size : 1;
  }
}

oinf_status oi_emit_template(oi_emit *e, const char *file, const oi_hole *holes, size_t n) {
  char path[96];
  const int size = snprintf(path, sizeof path, "compiler/kernels/%s", file);
  const size_t i = find_file(path, (size_t)size);
  if (i == N_FILES) return oi_fail(e->err, OINF_INTERNAL, "there is no template '%s'", file);
  const char *at = files[i].begin, *end = files[i].end;
  const size_t name = strlen(file);
  // A kernel's head comment is for readers of the template: it ends with the first empty line.
  const bool skips = holes && file[name - 1] == 'c';
  while (skips && at + 1 < end && !(at[0] == '\n' && at[1] == '\n')) at++;
  put_filled(e, at + (skips ? 2 : 0), end, holes, n);
  return OINF_OK;
}

// ---- the runtime ----

typedef struct expansion {
  oi_emit *e;
  bool once[N_FILES];
  uint32_t depth;
} expansion;

static void expand(expansion *x, size_t file);

// A line that includes a part of the runtime gives that part, a header once.
static bool put_include(expansion *x, const char *line, size_t n) {
  static const char head[] = "#include \"";
  if (n < sizeof head || memcmp(line, head, sizeof head - 1) != 0) return false;
  const char *path = line + sizeof head - 1, *end = memchr(path, '"', n - (sizeof head - 1));
  const size_t i = end ? find_file(path, (size_t)(end - path)) : N_FILES;
  if (i == N_FILES || x->depth > 8) return false;
  if (end[-1] == 'h' && end[-2] == '.') {
    if (x->once[i]) return true;
    x->once[i] = true;
  }
  x->depth++;
  expand(x, i);
  x->depth--;
  return true;
}

static void expand(expansion *x, size_t file) {
  for (const char *at = files[file].begin, *next; at < files[file].end; at = next) {
    const char *end = memchr(at, '\n', (size_t)(files[file].end - at));
    next = end ? end + 1 : files[file].end;
    if (!put_include(x, at, (size_t)(next - at)))
      oi_text_add(&x->e->out, at, (size_t)(next - at));
  }
}

// Not the tokenizer without tokens, nor the pager where weights are mapped.
static bool is_wanted(const oi_emit *e, const char *path) {
  static const char *const text[] = {"lib/rt/token", "lib/rt/unicode"};
  for (size_t i = 0; i < sizeof text / sizeof *text; i++)
    if (strncmp(path, text[i], strlen(text[i])) == 0) return oi_emit_logits(e) >= 0;
  return strncmp(path, "lib/rt/page", 11) != 0 || e->desc.budget != OINF_EMIT_MAPPED;
}

oinf_status oi_emit_runtime(oi_emit *e) {
  expansion x = {.e = e};
  oi_text_put(&e->out,
              "// The runtime that bundles share: strict arithmetic, threads, inner kernels,\n"
              "// checksums, tokenizer, sampler. Each of the two files that include it uses a\n"
              "// part.\n"
              "#define OI_RT static __attribute__((unused))\n");
  for (size_t i = 0; i < N_FILES; i++) {
    const char *path = files[i].path;
    const size_t n = strlen(path);
    const bool first = strcmp(path, "lib/rt/strict.h") == 0;
    if (strncmp(path, "lib/rt/", 7) != 0 || (!first && strcmp(path + n - 2, ".c") != 0)) continue;
    if (!is_wanted(e, path)) continue;
    const bool kernels = strncmp(path, "lib/rt/dot", 10) == 0 || strstr(path, "attend");
    x.once[i] = true;
    if (kernels) oi_text_put(&e->out, "#if defined(OI_DOT_TYPES)\n");
    expand(&x, i);
    if (kernels) oi_text_put(&e->out, "#endif\n");
  }
  return e->out.failed ? oi_nomem(e->err, e->out.n) : OINF_OK;
}
