// What reader and writer of the package share: the table of sections, alignment, the rules of text
// and names, and the writer's sorted strings.
#include "formats/oinf_layout.h"
#include "lib/rt/sha256.h"

#include <stdlib.h>
#include <string.h>

const oi_section_info oi_section_infos[OI_SEC_COUNT] = {
#define S(name, type, record, title) {type, record, title},
    OI_OINF_SECTIONS(S)
#undef S
};

bool oi_section_place(uint32_t type, uint64_t end, uint64_t *out) {
  bool weights = type == oi_section_infos[OI_SEC_WEIGHTS].type;
  return oi_align_u64(end, weights ? OI_PAGE_SIZE : OI_SECTION_ALIGN, out) && *out <= OI_FILE_MAX;
}

bool oi_payload_place(uint64_t bytes, uint64_t end, uint64_t *out) {
  uint64_t align = bytes >= OI_PAYLOAD_PAGE ? OI_PAGE_SIZE : OI_PAYLOAD_ALIGN;
  return oi_align_u64(end, align, out) && *out <= OI_FILE_MAX;
}

void oi_digest(int level, const void *data, size_t n, uint8_t out[32]) {
  oi_sha256 s;
  oi_sha256_init(&s, level);
  oi_sha256_add(&s, data, n);
  oi_sha256_end(&s, out);
}

// ---- text ----

// One character of strict UTF-8 at *at; 0 where there is none.
static uint32_t next_char(const uint8_t **at, const uint8_t *end) {
  static const uint32_t least[4] = {1, 0x80, 0x800, 0x10000};
  const uint8_t *p = *at;
  uint32_t c = *p++;
  int more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : 3;
  if (more == 3 && (c < 0xf0 || c > 0xf4)) return 0;
  if (end - p < more) return 0;
  if (more) c &= 0x3fu >> more;
  for (int i = 0; i < more; i++, p++) {
    if ((*p & 0xc0) != 0x80) return 0;
    c = c << 6 | (*p & 0x3f);
  }
  if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return 0;
  *at = p;
  return c;
}

// Steps over eight bytes at a time as long as all are ASCII and none is zero.
static const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end) {
  const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
  for (uint64_t v; end - p >= 8; p += 8) {
    memcpy(&v, p, 8);
    if ((v | (v - ones)) & highs) break;
  }
  return p;
}

bool oi_utf8_ok(const char *text, size_t n) {
  const uint8_t *p = (const uint8_t *)text, *end = p + n;
  while (p < end) {
    if (*p - 1u < 0x7f) p++;
    else if (!next_char(&p, end)) return false;
    p = skip_ascii(p, end);
  }
  return true;
}

// Ranges that no name holds: what controls, turns or hides text.
static const uint32_t refused[][2] = {{0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},
                                      {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x2069},
                                      {0xfdd0, 0xfdef}, {0xfeff, 0xfeff}};

static bool char_ok(uint32_t c) {
  if ((c & 0xfffe) == 0xfffe) return false;
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (c >= refused[i][0] && c <= refused[i][1]) return false;
  return true;
}

bool oi_name_ok(const char *name) {
  size_t n = strlen(name);
  if (n == 0 || n > OI_NAME_MAX) return false;
  for (const uint8_t *p = (const uint8_t *)name, *end = p + n; p < end;) {
    if (*p >= 0x20 && *p < 0x7f) {
      p++;
      continue;
    }
    uint32_t c = next_char(&p, end);
    if (c == 0 || !char_ok(c)) return false;
  }
  return true;
}

bool oi_state_next(const char *text, size_t size, size_t *at, const char **out_spec,
                   size_t *out_n) {
  static const char word[] = "state ";
  while (*at < size) {
    const char *line = text + *at, *end = memchr(line, '\n', size - *at);
    size_t n = end ? (size_t)(end - line) : size - *at;
    *at += n + (end != NULL);
    while (n && *line == ' ') line++, n--;
    if (n < sizeof word - 1 || memcmp(line, word, sizeof word - 1) != 0) continue;
    *out_spec = line + (sizeof word - 1), *out_n = n - (sizeof word - 1);
    return true;
  }
  return false;
}

// ---- the writer's strings ----

void oi_pool_add(oi_pool *p, const char *text) {
  const char **at = oi_vec_push(p->ctx, &p->list);
  if (at) *at = text;
  else p->failed = true;
}

static int compare(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

oinf_status oi_pool_close(oi_pool *p) {
  oi_err *err = oi_ctx_err(p->ctx);
  if (p->failed) return oi_nomem(err, p->list.n * sizeof *p->list.at);
  size_t n = 0;
  if (p->list.n) qsort(p->list.at, p->list.n, sizeof *p->list.at, compare);
  for (size_t i = 0; i < p->list.n; i++) {
    if (n && strcmp(p->list.at[n - 1], p->list.at[i]) == 0) continue;
    p->list.at[n++] = p->list.at[i];
    p->size += strlen(p->list.at[i]) + 1;
  }
  p->list.n = n;
  if (p->size <= OI_TEXT_MAX) return OINF_OK;
  return oi_fail(err, OINF_FORMAT, "names and values take %llu bytes, a package holds %d",
                 (unsigned long long)p->size, OI_TEXT_MAX);
}

uint32_t oi_pool_id(const oi_pool *p, const char *text) {
  const char **at = bsearch(&text, p->list.at, p->list.n, sizeof *p->list.at, compare);
  return (uint32_t)(at - p->list.at);
}

void oi_pool_put(const oi_pool *p, uint32_t *ends, char *text) {
  uint32_t end = 0;
  for (size_t i = 0; i < p->list.n; i++) {
    size_t n = strlen(p->list.at[i]) + 1;
    memcpy(text + end, p->list.at[i], n);
    ends[i] = end += (uint32_t)n;
  }
}

void oi_pool_free(oi_pool *p) { oi_vec_free(p->ctx, &p->list); }
