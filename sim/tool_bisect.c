// --bisect: finds a value that differs from the reference though nothing that it is made of does.
// The reference is the package's golden hashes, a file of values (--compare FILE), or the same
// graph run by another variant of the kernels (--compare cpu:plain).
//
// Each step first asks for its ends alone: outputs, and what goes into states. Where all agree the
// step ends and the next begins. Else the values of the step, in the order in which they run, are
// halved: each run demands one value, and so computes no more than that needs. Two values side by
// side need not depend on each other, so the operands of what was found are asked for as well, and
// the search goes on at the first of them that differs. What agrees at all ends is not looked into.
#include "sim/bisect.h"

#include <string.h>

typedef enum verdict {
  EQUAL,
  DIFFERENT,
  ABSENT  // from the reference, or in a side of a branch that is not taken
} verdict;

typedef struct oi_bisect {
  oi_tool *t;
  uint64_t step;
  const oi_golden_step *golden;  // NULL: a file, or another variant
  oinf_model *file;
  int other_cpu;  // 0: none
  oi_spots list;
  uint64_t runs;
  oi_text what;  // how the value that was asked for last lies apart
} oi_bisect;

// ---- one value against the reference ----

// The hash of NaNs' canonical bits, without touching what is held.
static uint64_t hash_of(const oinf_array *a) {
  oi_view v = {.data = (void *)(uintptr_t)a->data, .dtype = a->dtype, .rank = a->rank};
  memcpy(v.dim, a->dims, sizeof v.dim);
  return oi_view_hash(&v);
}

static oinf_status fetch(oi_bisect *b, const oi_spot *p, oinf_array *out, bool *out_there) {
  oinf_sim *s = b->t->sim;
  const oinf_status status = oinf_sim_fetch(s, p->label, out);
  *out_there = status == OINF_OK;
  b->runs++;
  if (status == OINF_USAGE && (strstr(oinf_sim_error(s), "a branch that is not taken") ||
                               strstr(oinf_sim_error(s), "a window is kept")))
    return OINF_OK;
  return oi_tool_sim_failed(b->t, status);
}

static void put_hashes(oi_bisect *b, uint64_t here, uint64_t there) {
  oi_text_put(&b->what, "%016llx here, %016llx there", (unsigned long long)here,
              (unsigned long long)there);
}

// The same value by the other kernels: what this step has computed so far is forgotten.
static oinf_status ask_other(oi_bisect *b, const oi_spot *p, uint64_t here, verdict *out) {
  oinf_sim *s = b->t->sim;
  const int own = s->cpu;
  oinf_array a;
  bool there;
  oi_sim_held_free(s);
  s->cpu = b->other_cpu;
  oinf_status status = fetch(b, p, &a, &there);
  const uint64_t other = status == OINF_OK && there ? hash_of(&a) : here;
  oi_sim_held_free(s);
  s->cpu = own;
  *out = other == here ? EQUAL : DIFFERENT;
  if (*out == DIFFERENT) put_hashes(b, here, other);
  return status;
}

static bool in_reference(const oi_bisect *b, const char *label) {
  if (b->golden) return oi_tool_golden_of(b->golden, label) != NULL;
  return b->other_cpu || oi_tool_find_value(b->t, b->file, b->step, label) >= 0;
}

static oinf_status ask(oi_bisect *b, const oi_spot *p, verdict *out) {
  oinf_array a;
  bool there;
  *out = ABSENT;
  b->what.n = 0;
  if (!in_reference(b, p->label)) return OINF_OK;
  OI_TRY(fetch(b, p, &a, &there));
  if (!there) return OINF_OK;
  if (b->other_cpu) return ask_other(b, p, hash_of(&a), out);
  if (b->golden) {
    const uint64_t here = hash_of(&a), want = oi_tool_golden_of(b->golden, p->label)->hash;
    *out = here == want ? EQUAL : DIFFERENT;
    if (*out == DIFFERENT) put_hashes(b, here, want);
    return OINF_OK;
  }
  const int64_t tensor = oi_tool_find_value(b->t, b->file, b->step, p->label);
  OI_TRY(oi_tool_meet(b->t, b->file, (uint32_t)tensor, &a, &b->what));
  *out = b->what.n ? DIFFERENT : EQUAL;
  return b->what.failed ? oi_nomem(b->t->err, 0) : OINF_OK;
}

// ---- halving ----

// The first end that differs; -1: none.
static oinf_status ask_ends(oi_bisect *b, int64_t *out) {
  *out = -1;
  for (size_t i = 0; i < b->list.n && *out < 0; i++) {
    verdict v = EQUAL;
    if (b->list.at[i].is_end) OI_TRY(ask(b, &b->list.at[i], &v));
    if (v == DIFFERENT) *out = (int64_t)i;
  }
  return OINF_OK;
}

// Value `high` differs. Values that cannot be asked for leave the range from its upper half.
static oinf_status halve(oi_bisect *b, int64_t *high) {
  int64_t low = -1;
  while (*high - low > 1) {
    int64_t middle = low + (*high - low) / 2;
    verdict v = ABSENT;
    for (; v == ABSENT && middle > low; middle--) OI_TRY(ask(b, &b->list.at[middle], &v));
    middle++;
    if (v == DIFFERENT) {
      *high = middle;
      continue;
    }
    // Nothing below the middle can be asked for, or it agrees: what is behind it is left.
    low = low + (*high - low) / 2;
  }
  return OINF_OK;
}

// The first operand that differs; -1: none.
static oinf_status ask_operands(oi_bisect *b, int64_t at, int64_t *out) {
  oi_spots ops = {0};
  *out = -1;
  oinf_status status = oi_spots_operands(b->t, &b->list.at[at], &ops);
  for (size_t i = 0; i < ops.n && status == OINF_OK && *out < 0; i++) {
    verdict v = EQUAL;
    const int64_t index = oi_spots_find(&b->list, ops.at[i].label);
    if (index >= 0 && index < at) status = ask(b, &b->list.at[index], &v);
    if (v == DIFFERENT) *out = index;
  }
  oi_spots_free(b->t, &ops);
  return status;
}

// ---- what was found ----

static void put_operands(oi_bisect *b, oi_text *to, const oi_spots *ops) {
  for (size_t i = 0; i < ops->n; i++) {
    const bool asked = ops->at[i].value && in_reference(b, ops->at[i].label);
    oi_text_put(to, "%s%s%s", i ? ", " : " ", ops->at[i].label,
                asked || !ops->at[i].value ? "" : " (not in the reference)");
  }
}

static oinf_status say_found(oi_bisect *b, int64_t at) {
  oi_tool *t = b->t;
  const oi_spot *p = &b->list.at[at];
  oi_spots ops = {0};
  oi_text text;
  const uint64_t runs = b->runs;
  verdict v;
  OI_TRY(ask(b, p, &v));  // says how far apart
  oi_text_init(&text, t->ctx);
  oinf_status status = oi_spots_operands(t, p, &ops);
  oi_text_put(&text, "value '%s' of step %llu differs, and what it is made of does not\n", p->label,
              (unsigned long long)b->step);
  oi_text_put(&text, "  op      %s\n  inputs ", p->op);
  put_operands(b, &text, &ops);
  oi_text_put(&text, "\n  apart   %s\n  found   in %llu runs among %zu values\n",
              b->what.at ? b->what.at : "", (unsigned long long)runs, b->list.n);
  if (status == OINF_OK && text.failed) status = oi_nomem(t->err, text.n);
  if (status == OINF_OK && !t->say(text.at, text.n)) status = OINF_IO, t->closed = true;
  if (status == OINF_OK)
    status = oi_fail(t->err, OINF_DIFFERENT, "value '%s' of step %llu differs", p->label,
                     (unsigned long long)b->step);
  oi_text_free(&text);
  oi_spots_free(t, &ops);
  return status;
}

static oinf_status search(oi_bisect *b) {
  int64_t at, operand;
  OI_TRY(oi_spots_list(b->t, &b->list));
  OI_TRY(ask_ends(b, &at));
  if (at < 0) return OINF_OK;
  OI_TRY(halve(b, &at));
  for (;;) {
    OI_TRY(ask_operands(b, at, &operand));
    if (operand < 0) return say_found(b, at);
    at = operand;
  }
}

oinf_status oi_tool_bisect_step(oi_tool *t, const oi_golden_step *golden) {
  oi_bisect b = {.t = t,
                 .step = oinf_sim_steps(t->sim),
                 .golden = golden,
                 .file = t->bisect_file,
                 .other_cpu = t->bisect_cpu};
  oi_text_init(&b.what, t->ctx);
  oinf_status status = search(&b);
  oi_spots_free(t, &b.list);
  oi_text_free(&b.what);
  t->bisect_runs += b.runs, t->bisect_steps++;
  return status;
}

// ---- the reference ----

static oinf_status choose_cpu(oi_tool *t, const char *word) {
  for (int i = OI_CPU_PLAIN; i <= OI_CPU_AMX; i++)
    if (strcmp(word, oi_cpu_name((oi_cpu)i)) == 0) t->bisect_cpu = i;
  if (!t->bisect_cpu) return oi_fail(t->err, OINF_USAGE, "--compare cpu: wants " OI_CPU_WORDS);
  if (oi_cpu_has((oi_cpu)t->bisect_cpu) && t->bisect_cpu <= t->sim->cpu) return OINF_OK;
  return oi_fail(t->err, OINF_DEVICE, "this processor has no %s", word);
}

oinf_status oi_tool_bisect_begin(oi_tool *t) {
  if (!t->o.bisect || !oi_tool_compares_file(t)) return OINF_OK;
  if (strncmp(t->o.compare, "cpu:", 4) == 0) return choose_cpu(t, t->o.compare + 4);
  OI_TRY_AT(t->err, oinf_model_open(t->ctx, t->o.compare, &t->bisect_file), "opening --compare");
  return OINF_OK;
}

oinf_status oi_tool_bisect_end(oi_tool *t, oinf_status status) {
  oinf_model_destroy(t->bisect_file);
  t->bisect_file = NULL;
  if (status == OINF_OK && t->o.bisect)
    oi_tool_note(t, "outputs and states of %llu steps agree, by %llu runs",
                 (unsigned long long)t->bisect_steps, (unsigned long long)t->bisect_runs);
  return status;
}
