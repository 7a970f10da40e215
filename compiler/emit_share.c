// Kernels whose text is the same but for their names share one function: layers of one shape, norms
// of one length, a chain of like ops. Source and code stay small, and what ran last is in the
// processor's cache. Every dispatch keeps a number and a name of its own in model.c: the table of
// kernels says which function it runs.
#include <string.h>

#include "compiler/emit.h"

static bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

static bool is_same(const char *name, const char *word, size_t n) {
  return strlen(name) == n && memcmp(name, word, n) == 0;
}

static const oi_emit_function *find(const oi_emit *e, const char *word, size_t n) {
  for (size_t i = e->functions.n; i-- > 0;)
    if (is_same(e->functions.at[i].name, word, n)) return &e->functions.at[i];
  return NULL;
}

const char *oi_emit_shared_name(const oi_emit *e, const char *name) {
  const oi_emit_function *f = find(e, name, strlen(name));
  return f ? f->as : name;
}

// The name between the next "K(" and ")"; NULL: there is none.
static const char *next_name(const char *at, const char *end, size_t *n) {
  for (; at + 2 < end; at++) {
    if (at[0] != 'K' || at[1] != '(') continue;
    for (*n = 0; is_word(at[2 + *n]);) ++*n;
    if (at[2 + *n] == ')') return at + 2;
  }
  return NULL;
}

// The function with `own` for its own name, and those that others share for theirs.
static void put_renamed(const oi_emit *e, oi_text *to, const char *at, const char *end,
                        const char *self, size_t self_n, const char *own) {
  size_t n = 0;
  for (const char *word; (word = next_name(at, end, &n)); at = word + n) {
    const oi_emit_function *f = find(e, word, n);
    const bool is_self = n == self_n && memcmp(word, self, n) == 0;
    oi_text_add(to, at, (size_t)(word - at));
    if (is_self) oi_text_put(to, "%s", own);
    else if (f) oi_text_put(to, "%s", f->as);
    else oi_text_add(to, word, n);
  }
  oi_text_add(to, at, (size_t)(end - at));
}

static uint64_t hash_of(const oi_text *t) {
  uint64_t h = 14695981039346656037u;
  for (size_t i = 0; i < t->n; i++) h = (h ^ (uint8_t)t->at[i]) * 1099511628211u;
  return h;
}

// Puts the function at .. end - 1 into `to`, unless one that is there already does the same.
static void share(oi_emit *e, oi_text *to, const char *at, const char *end) {
  size_t n = 0;
  oi_text plain;
  const char *self = next_name(at, end, &n);
  oi_emit_function *f = self ? oi_vec_push(e->ctx, &e->functions) : NULL;
  if (!f) {
    to->failed |= self != NULL;
    oi_text_add(to, at, (size_t)(end - at));
    return;
  }
  *f = (oi_emit_function){.name = "", .as = ""};
  oi_text_init(&plain, e->ctx);
  put_renamed(e, &plain, at, end, self, n, "");
  const char *name = oi_arena_text(&e->arena, self, n);
  const char *text = plain.failed ? NULL : oi_arena_text(&e->arena, plain.at, plain.n);
  *f = (oi_emit_function){.name = name, .as = name, .text = text, .hash = hash_of(&plain)};
  oi_text_free(&plain);
  to->failed |= !name || !text;
  if (to->failed) f->name = f->as = "";
  for (oi_emit_function *g = e->functions.at; g < f && !to->failed; g++)
    if (g->hash == f->hash && g->as == g->name && strcmp(g->text, f->text) == 0) {
      f->as = g->name;
      return;
    }
  if (!to->failed) put_renamed(e, to, at, end, self, n, name);
}

void oi_emit_share(oi_emit *e, size_t from) {
  if (e->out.failed || e->out.n == from) return;
  oi_text to;
  const char *at = e->out.at + from;
  oi_text_init(&to, e->ctx);
  for (const char *end; (end = strstr(at, "\n}\n")); at = end + 3) share(e, &to, at, end + 3);
  oi_text_put(&to, "%s", at);
  e->out.n = from, e->out.at[from] = 0;
  e->out.failed |= to.failed;
  oi_text_add(&e->out, to.at ? to.at : "", to.n);
  oi_text_free(&to);
}
