// See parts.h. Each kind of rule makes a new table of tensors of the one before: what is left of
// the source, then split, then merged. A name is looked up in such a table's index, so the work
// grows with the number of tensors and not with its square.
#include "convert/parts.h"

#include <string.h>

#include "convert/holes.h"
#include "lib/cli.h"
#include "lib/op.h"

// A table that is made, and the one it is made of.
typedef struct step {
  oi_parts *p;
  const oi_recipe *r;
  const oi_config *config;
  oinf_model *old;
  oi_mades was;    // for each tensor of `old`
  uint8_t *taken;  // likewise: it goes into a new one
} step;

static oi_err *err(const oi_parts *p) { return oi_ctx_err(p->from->ctx); }

#define REFUSE(s, rule, status, format, ...)                                                       \
  oi_fail(err((s)->p), status, "'%s', %u:%u: " format, (s)->r->path, (rule)->line, (rule)->column, \
          __VA_ARGS__)

// ---- making tensors ----

static oinf_status add_part(oi_parts *p, oi_part part) {
  oi_part *slot = oi_vec_push(p->from->ctx, &p->all);
  if (!slot) return oi_nomem(err(p), sizeof *slot);
  *slot = part;
  return OINF_OK;
}

static oinf_status add_made(oi_parts *p, const oi_tensor *t, const char *name, oi_made made) {
  oi_made *slot = oi_vec_push(p->from->ctx, &p->made);
  if (!slot) return oi_nomem(err(p), sizeof *slot);
  *slot = made;
  return oi_model_add_tensor(p->shape, t, name, strlen(name));
}

static uint64_t elements(const oinf_tensor *t) {
  return t->bytes / oinf_dtype_block_bytes(t->dtype) * oinf_dtype_block(t->dtype);
}

// Of bytes alone: a splat or noise that becomes part of something is read like any other.
static oi_tensor like(const oinf_tensor *t) {
  return (oi_tensor){.pub = *t, .kind = OI_TENSOR_BYTES};
}

// ---- what is left of the source ----

static oinf_status turn(const step *s, const oi_rule *rule, oi_tensor *t) {
  const int64_t rows = t->pub.dims[0];
  if (t->pub.rank != 2)
    return REFUSE(s, rule, OINF_FORMAT, "'%s' has %u axes; two are transposed", t->pub.name,
                  t->pub.rank);
  if (oinf_dtype_block(t->pub.dtype) > 1)
    return REFUSE(s, rule, OINF_SUPPORT, "'%s' is %s; blocks are not transposed", t->pub.name,
                  oinf_dtype_name(t->pub.dtype));
  if ((uint64_t)rows * oinf_dtype_block_bytes(t->pub.dtype) > OI_PARTS_STRIP)
    return REFUSE(s, rule, OINF_SUPPORT, "'%s' has columns of over 8 MiB, too long to transpose",
                  t->pub.name);
  t->pub.dims[0] = t->pub.dims[1], t->pub.dims[1] = rows;
  s->p->changed = true;
  return OINF_OK;
}

static oinf_status take_source(const step *s, uint32_t from) {
  const oi_tensor *t = &s->p->from->tensors.at[from];
  const oi_rule *rule = oi_recipe_transposes(s->r, t->pub.name);
  const oi_made made = {(uint32_t)s->p->all.n, 1};
  oi_tensor is = {.pub = t->pub, .kind = t->kind, .seed = t->seed};
  if (rule) is = like(&t->pub);
  if (rule) OI_TRY(turn(s, rule, &is));
  OI_TRY(add_part(s->p, (oi_part){from, rule != NULL, 0, elements(&t->pub)}));
  return add_made(s->p, &is, t->pub.name, made);
}

static oinf_status take_sources(step *s) {
  for (uint32_t i = 0; i < s->p->from->tensors.n; i++)
    if (!oi_recipe_drops(s->r, s->p->from->tensors.at[i].pub.name)) OI_TRY(take_source(s, i));
  return OINF_OK;
}

// ---- names that rules give ----

// The pattern's name for holes h; of the table's arena.
static const char *fill(const step *s, const char *pattern, const oi_holes *h) {
  oi_text text;
  oi_text_init(&text, s->p->from->ctx);
  oi_holes_fill(pattern, h, &text);
  const char *name =
      text.failed || !text.at ? NULL : oi_arena_text(&s->p->shape->arena, text.at, text.n);
  oi_text_free(&text);
  return name;
}

// ---- split ----

static oinf_status share_of(const step *s, const oi_joint *j, uint32_t k, int64_t *out) {
  const int64_t most = 1 << 24;
  const char *text = j->share[k];
  *out = 1;
  if (!text) return OINF_OK;
  if (oi_parse_count(text, out) && *out > 0 && *out <= most) return OINF_OK;
  if (*text >= '0' && *text <= '9')
    return REFUSE(s, j, OINF_FORMAT, "a part of '%s'; 1 to 16777216 is wanted", text);
  if (!oi_config_get(s->config, text))
    return REFUSE(s, j, OINF_FORMAT, "config.json has no key '%s'", text);
  return oi_config_int(s->config, text, 1, 1, most, out);
}

// Elements first .. first + count of an old tensor, as parts of a new one.
static oinf_status cut(const step *s, oi_made old, uint64_t first, uint64_t count) {
  for (uint32_t k = old.first; k < old.first + old.n && count; k++) {
    oi_part part = s->p->all.at[k];
    if (first >= part.count) {
      first -= part.count;
      continue;
    }
    part.first += first, part.count -= first;
    if (part.count > count) part.count = count;
    first = 0, count -= part.count;
    OI_TRY(add_part(s->p, part));
  }
  return OINF_OK;
}

static oinf_status split_one(const step *s, const oi_joint *j, const oi_holes *h, uint32_t old) {
  const oinf_tensor *t = &s->old->tensors.at[old].pub;
  int64_t share[OI_JOINT_PARTS], sum = 0;
  uint64_t first = 0;
  for (uint32_t k = 0; k < j->n; k++) {
    OI_TRY(share_of(s, j, k, &share[k]));
    sum += share[k];
  }
  if (t->rank == 0 || t->dims[0] % sum != 0)
    return REFUSE(s, j, OINF_FORMAT, "'%s' has %lld rows, which %lld does not divide", t->name,
                  t->rank ? (long long)t->dims[0] : 1, (long long)sum);
  if (t->rank == 1 && t->dims[0] / sum % oinf_dtype_block(t->dtype) != 0)
    return REFUSE(s, j, OINF_SUPPORT, "'%s' would be split within a block", t->name);
  for (uint32_t k = 0; k < j->n; k++) {
    oi_tensor part = like(t);
    const char *name = fill(s, j->part[k], h);
    const uint64_t n = elements(t) / (uint64_t)sum * (uint64_t)share[k];
    oi_made made = {(uint32_t)s->p->all.n, 0};
    if (!name) return oi_nomem(err(s->p), 0);
    part.pub.dims[0] = t->dims[0] / sum * share[k];
    OI_TRY(cut(s, s->was.at[old], first, n));
    made.n = (uint32_t)s->p->all.n - made.first;
    OI_TRY(add_made(s->p, &part, name, made));
    first += n;
  }
  return OINF_OK;
}

static oinf_status split_all(step *s) {
  oi_holes h;
  for (uint32_t i = 0; i < s->old->tensors.n; i++)
    for (size_t k = 0; k < s->r->split.n && !s->taken[i]; k++) {
      const oi_joint *j = &s->r->split.at[k];
      if (!oi_holes_match(j->whole, s->old->tensors.at[i].pub.name, &h)) continue;
      OI_TRY(split_one(s, j, &h, i));
      s->taken[i] = 1, s->p->changed = true;
    }
  return OINF_OK;
}

// ---- merge ----

static bool fits(const oinf_tensor *a, const oinf_tensor *b) {
  return a->rank && a->rank == b->rank && a->dtype == b->dtype &&
         memcmp(a->dims + 1, b->dims + 1, (a->rank - 1) * sizeof *a->dims) == 0;
}

static oinf_status add_rows(step *s, const oi_joint *j, oi_tensor *whole, int64_t id,
                            const char *name) {
  if (id < 0)
    return REFUSE(s, j, OINF_FORMAT, "'%s' is to be merged with '%s', which is not there",
                  whole->pub.name, name);
  const oinf_tensor *t = &s->old->tensors.at[id].pub;
  if (s->taken[id])
    return REFUSE(s, j, OINF_FORMAT, "'%s' is merged into another tensor already", name);
  if (!fits(&whole->pub, t))
    return REFUSE(s, j, OINF_FORMAT, "'%s' and '%s' are not of one dtype and of rows of one shape",
                  whole->pub.name, name);
  whole->pub.dims[0] += t->dims[0];
  s->taken[id] = 1;
  return cut(s, s->was.at[id], 0, elements(t));
}

// Begun by the first part.
static oinf_status merge_one(step *s, const oi_joint *j, const oi_holes *h, uint32_t first) {
  oi_tensor whole = like(&s->old->tensors.at[first].pub);
  oi_made made = {(uint32_t)s->p->all.n, 0};
  whole.pub.dims[0] = 0;
  for (uint32_t k = 0; k < j->n; k++) {
    const char *name = fill(s, j->part[k], h);
    if (!name) return oi_nomem(err(s->p), 0);
    OI_TRY(add_rows(s, j, &whole, oi_model_tensor_id(s->old, name), name));
  }
  const char *name = fill(s, j->whole, h);
  if (!name) return oi_nomem(err(s->p), 0);
  made.n = (uint32_t)s->p->all.n - made.first;
  s->p->changed = true;
  return add_made(s->p, &whole, name, made);
}

// A part that no first one has taken misses its fellows.
static oinf_status refuse_left(const step *s, const oi_joint *j) {
  oi_holes h;
  for (uint32_t i = 0; i < s->old->tensors.n; i++)
    for (uint32_t k = 1; k < j->n && !s->taken[i]; k++)
      if (oi_holes_match(j->part[k], s->old->tensors.at[i].pub.name, &h))
        return REFUSE(s, j, OINF_FORMAT, "'%s' is to be merged with a tensor that is not there",
                      s->old->tensors.at[i].pub.name);
  return OINF_OK;
}

static oinf_status merge_all(step *s) {
  oi_holes h;
  for (size_t k = 0; k < s->r->merge.n; k++) {
    const oi_joint *j = &s->r->merge.at[k];
    for (uint32_t i = 0; i < s->old->tensors.n; i++)
      if (oi_holes_match(j->part[0], s->old->tensors.at[i].pub.name, &h))
        OI_TRY(merge_one(s, j, &h, i));
    OI_TRY(refuse_left(s, j));
  }
  return OINF_OK;
}

// ---- steps ----

static oinf_status keep_rest(step *s) {
  for (uint32_t i = 0; i < s->old->tensors.n; i++) {
    const oi_tensor *t = &s->old->tensors.at[i];
    if (!s->taken[i]) OI_TRY(add_made(s->p, t, t->pub.name, s->was.at[i]));
  }
  return OINF_OK;
}

typedef oinf_status step_fn(step *s);

// A table by `make` of the one that stands, and of what it did not take.
static oinf_status next_table(step *s, step_fn *make) {
  oinf_ctx *ctx = s->p->from->ctx;
  s->old = s->p->shape, s->was = s->p->made;
  s->p->shape = NULL, s->p->made = (oi_mades){0};
  const size_t room = s->old->tensors.n + 1;
  s->taken = oi_alloc(ctx, room);
  oinf_status status =
      s->taken ? oi_model_new(ctx, "memory", &s->p->shape) : oi_nomem(err(s->p), room);
  if (status == OINF_OK) status = make(s);
  if (status == OINF_OK) status = keep_rest(s);
  if (status == OINF_OK) status = oi_model_index(s->p->shape);
  oi_free(ctx, s->taken, room);
  oi_vec_free(ctx, &s->was);
  oinf_model_destroy(s->old);
  return status;
}

oinf_status oi_parts_make(oi_parts *p, const oi_recipe *r, const oi_config *config,
                          oinf_model *from) {
  step s = {.p = p, .r = r, .config = config};
  p->from = from;
  OI_TRY(oi_model_new(from->ctx, "memory", &p->shape));
  OI_TRY(take_sources(&s));
  OI_TRY(oi_model_index(p->shape));
  if (r->split.n) OI_TRY(next_table(&s, split_all));
  if (r->merge.n) OI_TRY(next_table(&s, merge_all));
  return OINF_OK;
}

void oi_parts_free(oi_parts *p) {
  if (!p->from) return;
  oi_free(p->from->ctx, p->strip, OI_PARTS_STRIP);
  oi_free(p->from->ctx, p->row, OI_PARTS_STRIP);
  oi_vec_free(p->from->ctx, &p->made);
  oi_vec_free(p->from->ctx, &p->all);
  oinf_model_destroy(p->shape);
}
