// The part of a strict bundle's library.c for what a golden step says, and the comparison: every
// value by its hash.

typedef struct golden_value {
  const char *label;
  uint64_t hash;
} golden_value;
typedef struct golden_step {
  const int64_t *symbols;
  const void *const *inputs;
  const golden_value *values;
  int n_values;
  bool fed;  // too long for a step of this bundle: its ids are taken by shorter ones, unchecked
} golden_step;
#include "golden.inc"

typedef struct checking {
  const golden_step *step;
  int next, seen;
  bool differs;
  char line[256];
} checking;

// Values come in the order in which they were written down, so each is looked for from there on.
static void check_value(void *user, const model_value *v) {
  checking *c = user;
  for (int i = 0; i < c->step->n_values && !c->differs; i++) {
    const int k = (c->next + i) % c->step->n_values;
    const golden_value *g = &c->step->values[k];
    if (strcmp(g->label, v->label) != 0) continue;
    c->next = k + 1, c->seen++;
    if (g->hash == v->hash) return;
    c->differs = true;
    if (v->iteration < 0)
      snprintf(c->line, sizeof c->line, "step %llu: kernel %s differs", (unsigned long long)v->step,
               v->kernel);
    else
      snprintf(c->line, sizeof c->line, "step %llu: kernel %s differs, iteration %lld",
               (unsigned long long)v->step, v->kernel, (long long)v->iteration);
    return;
  }
}

static void begin_check(model_run *r, checking *c) {
  model_watch(r, c->step->fed ? NULL : check_value, c);
}

static void end_check(model_run *r, checking *c) { (void)r, (void)c; }

static void say_seen(checking *c) {
  snprintf(c->line, sizeof c->line, "%d golden steps: %d values equal", N_GOLDEN, c->seen);
}
