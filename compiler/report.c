// Small parts that the printed reports share.
#include "compiler/report.h"

// ---- names ----

static uint32_t first_of(const unsigned char *s, uint32_t *n) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  uint32_t c = s[0];
  *n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
  if (*n <= 1) return *n == 1 ? c : (*n = 1, 0xfffdu);
  c &= 0x7fu >> *n;
  for (uint32_t i = 1; i < *n; i++) {
    if (s[i] >> 6 != 2) return *n = 1, 0xfffdu;
    c = c << 6 | (s[i] & 63);
  }
  if (c < least[*n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return *n = 1, 0xfffdu;
  return c;
}

uint32_t oi_report_char(const char **at) {
  uint32_t n;
  const uint32_t c = first_of((const unsigned char *)*at, &n);
  if (c) *at += n;
  return c;
}

void oi_report_json(oi_text *to, const char *name) {
  oi_text_put(to, "\"");
  for (uint32_t c; (c = oi_report_char(&name)) != 0;) {
    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<') oi_text_put(to, "%c", (int)c);
    else if (c < 0x10000) oi_text_put(to, "\\u%04x", c);
    else
      oi_text_put(to, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                  0xdc00 + ((c - 0x10000) & 0x3ff));
  }
  oi_text_put(to, "\"");
}

// Controls, blanks without width, marks of direction, private and unassigned planes' tags.
static bool is_seen(uint32_t c) {
  static const uint32_t unseen[][2] = {
      {0, 0x1f},        {0x7f, 0xa0},     {0xad, 0xad},     {0x34f, 0x34f},   {0x61c, 0x61c},
      {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x2000, 0x200f}, {0x2028, 0x202f},
      {0x205f, 0x206f}, {0x3000, 0x3000}, {0x3164, 0x3164}, {0xd800, 0xf8ff}, {0xfe00, 0xfe0f},
      {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffc}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff}};
  for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
    if (c >= unseen[i][0] && c <= unseen[i][1]) return false;
  return true;
}

static void put_utf8(oi_text *to, uint32_t c) {
  const char bytes[] = {(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 63)),
                        (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63))};
  if (c < 0x80) oi_text_put(to, "%c", (int)c);
  else if (c < 0x800) oi_text_put(to, "%c%c", (int)(0xc0 | c >> 6), bytes[3]);
  else if (c < 0x10000) oi_text_put(to, "%c%c%c", (int)(0xe0 | c >> 12), bytes[2], bytes[3]);
  else oi_text_add(to, bytes, sizeof bytes);
}

void oi_report_html(oi_text *to, const char *name, uint32_t most) {
  uint32_t n = 0;
  for (uint32_t c; (c = oi_report_char(&name)) != 0; n++) {
    if (most && n == most) {
      oi_text_put(to, "\xe2\x80\xa6");
      return;
    }
    if (c == '&') oi_text_put(to, "&amp;");
    else if (c == '<') oi_text_put(to, "&lt;");
    else if (c == '>') oi_text_put(to, "&gt;");
    else if (c == '"') oi_text_put(to, "&quot;");
    else if (c == '\'') oi_text_put(to, "&#39;");
    else if (!is_seen(c)) oi_text_put(to, "\\u{%x}", c);
    else put_utf8(to, c);
  }
}

void oi_report_html_part(oi_text *to, const char *text, size_t n) {
  oi_text part;
  oi_text_init(&part, to->ctx);
  oi_text_add(&part, text, n);
  oi_report_html(to, part.at ? part.at : "", 0);
  to->failed |= part.failed;
  oi_text_free(&part);
}

// ---- numbers ----

void oi_report_ratio(oi_text *to, uint64_t num, uint64_t den, int digits) {
  uint64_t rest = den ? num % den : 0;
  oi_text_put(to, "%llu%s", (unsigned long long)(den ? num / den : 0), digits ? "." : "");
  for (int i = 0; i < digits; i++) {
    if (rest > UINT64_MAX / 10) rest /= 10, den /= 10;  // far beyond what the digits show
    oi_text_put(to, "%llu", (unsigned long long)(den ? rest * 10 / den : 0));
    rest = den ? rest * 10 % den : 0;
  }
}

// Three digits that count: 1.23, 12.3, 123.
static void put_scaled(oi_text *to, uint64_t n, uint64_t unit, const char *name) {
  oi_report_ratio(to, n, unit, n / unit >= 100 ? 0 : n / unit >= 10 ? 1 : 2);
  oi_text_put(to, "\xc2\xa0%s", name);
}

void oi_report_bytes(oi_text *to, uint64_t n) {
  static const char *const names[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  int i = 0;
  if (n < 1024) {
    oi_text_put(to,
                "%llu\xc2\xa0"
                "B",
                (unsigned long long)n);
    return;
  }
  while (i < 4 && n >> 10 * (i + 2)) i++;
  put_scaled(to, n, (uint64_t)1 << 10 * (i + 1), names[i]);
}

void oi_report_count(oi_text *to, uint64_t n) {
  static const char *const names[] = {"k", "M", "G", "T", "P"};
  uint64_t unit = 1000;
  int i = 0;
  if (n < 1000) {
    oi_text_put(to, "%llu", (unsigned long long)n);
    return;
  }
  while (i < 4 && n / unit >= 1000) unit *= 1000, i++;
  put_scaled(to, n, unit, names[i]);
}

void oi_report_group(oi_text *to, uint64_t n) {
  if (n >= 1000) {
    oi_report_group(to, n / 1000);
    oi_text_put(to, "\xe2\x80\xaf%03llu", (unsigned long long)(n % 1000));
    return;
  }
  oi_text_put(to, "%llu", (unsigned long long)n);
}

// ---- kernels ----

static oi_kernel_kind kind_of(uint32_t op) {
  if (op == OP_matmul) return OI_KIND_PRODUCT;
  if (op == OP_sdpa) return OI_KIND_ATTENTION;
  if (op == OP_USER) return OI_KIND_ELEMENTS;
  if (op >= OP_COUNT) return OI_KIND_MOVES;
  const oi_op_kind kind = oi_op_info_of((oi_op)op)->kind;
  if (kind == OI_ELTWISE || op == OP_rope || op == OP_dequantize) return OI_KIND_ELEMENTS;
  static const uint32_t rows[] = {OP_softmax,  OP_rmsnorm, OP_layernorm,
                                  OP_quantize, OP_argmax,  OP_argmin};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i] == op) return OI_KIND_ROWS;
  return kind == OI_REDUCE ? OI_KIND_ROWS : OI_KIND_MOVES;
}

oi_kernel_kind oi_report_kind(const oi_emit *e, uint32_t kernel) {
  const oi_kernel_figures *k = &e->fig->kernel[kernel];
  oi_kernel_kind least = OI_KIND_MOVES;
  for (uint32_t i = 0; i < k->n_nodes; i++) {
    const oi_kernel_kind kind = kind_of(oi_node_at(e->g, e->fig->nodes[k->first + i])->op);
    if (kind < least) least = kind;
  }
  return least;
}

const char *oi_report_kind_name(oi_kernel_kind kind) {
  static const char *const names[] = {"products", "attention", "rows", "elements", "moves"};
  return names[kind];
}

static uint32_t op_at(const oi_emit *e, const oi_kernel_figures *k, uint32_t i) {
  return oi_node_at(e->g, e->fig->nodes[k->first + i])->op;
}

// Each op once, in the order in which it first comes, with how often.
void oi_report_ops(const oi_emit *e, oi_text *to, uint32_t kernel) {
  const oi_kernel_figures *k = &e->fig->kernel[kernel];
  for (uint32_t i = 0; i < k->n_nodes; i++) {
    const uint32_t op = op_at(e, k, i);
    uint32_t before = 0, n = 0;
    for (uint32_t j = 0; j < k->n_nodes; j++)
      if (op_at(e, k, j) == op) n++, before += j < i;
    if (before) continue;
    oi_text_put(to, "%s%s", i ? ", " : "", oi_kind_name(op));
    if (n > 1) oi_text_put(to, " \xc3\x97%u", n);
  }
}

const char *oi_report_role(const oi_emit *e, uint32_t kernel) {
  const oi_node *n = oi_node_at(e->g, e->fig->kernel[kernel].node);
  return n->n_out ? oi_emit_role_name(oi_val_at(e->g, n->out[0])->hint.role) : "";
}

void oi_report_type(const oi_emit *e, oi_text *to, const oi_type *t, uint32_t most) {
  oi_text plain;
  oi_text_init(&plain, e->ctx);
  oi_type_print(e->g->dims, t, &plain);
  oi_report_html(to, plain.at ? plain.at : "", most);
  to->failed |= plain.failed;
  oi_text_free(&plain);
}

uint64_t oi_report_weights(const oi_emit *e, oinf_dtype dtype, uint64_t *out_bytes) {
  uint64_t n = 0;
  *out_bytes = 0;
  for (size_t i = 0; i < e->tensors.n; i++) {
    const oinf_tensor *t = &e->model->tensors.at[e->tensors.at[i]].pub;
    if (dtype != OINF_NONE && t->dtype != dtype) continue;
    n++, *out_bytes += oi_emit_tensor_bytes(e, e->tensors.at[i]);
  }
  return n;
}
