// The part of a fast bundle's library.c for what a golden step says, and the comparison: every
// output of floats within a part of its largest value, any other to the bit. The part is the sum of
// the bounds of all that a step runs (README.md), or what the package allows, whichever is more.

typedef struct golden_output {
  int which;
  double tolerance;  // that the package states, absolute
  const void *data;
  size_t bytes;
} golden_output;
typedef struct golden_step {
  const int64_t *symbols;
  const void *const *inputs;
  const golden_output *outputs;
  int n_outputs;
  bool fed;  // too long for a step of this bundle: its ids are taken by shorter ones, unchecked
} golden_step;
#include "golden.inc"

typedef struct checking {
  const golden_step *step;
  int next, seen;
  bool differs;
  double most;  // the greatest error so far, as a part of its output's largest value
  const char *most_of;
  char line[512];
} checking;

static bool is_float(const char *dtype) { return dtype[0] == 'f' || strcmp(dtype, "bf16") == 0; }

static double number_of(const model_array *a, const void *data, size_t i) {
  const uint8_t *at = (const uint8_t *)data + i * a->element;
  double wide;
  float single;
  uint16_t half;
  if (a->element == 8) return memcpy(&wide, at, sizeof wide), wide;
  if (a->element == 4) return memcpy(&single, at, sizeof single), (double)single;
  memcpy(&half, at, sizeof half);
  return (double)(a->dtype[0] == 'b' ? oi_bf16_to_f32(half) : oi_f16_to_f32(half));
}

// The greatest distance of two numbers; infinite where only one of them is NaN or infinite.
static double apart(const model_array *a, const golden_output *g, double *largest) {
  double most = 0;
  *largest = 0;
  for (size_t i = 0; i < a->bytes / a->element; i++) {
    const double have = number_of(a, a->data, i), want = number_of(a, g->data, i);
    const double off = fabs(have - want), size = fabs(want);
    if (isfinite(size) && size > *largest) *largest = size;
    if (have == want || (isnan(have) && isnan(want))) continue;
    if (!(off <= most)) most = isfinite(off) ? off : HUGE_VAL;
  }
  return most;
}

static void check_output(model_run *r, checking *c, const golden_output *g) {
  model_array a = {.name = ""};
  double largest = 0, off = 0, bound = 0;
  c->seen++;
  if (!model_output(r, g->which, &a) || a.bytes != g->bytes) c->differs = true;
  else if (!is_float(a.dtype)) c->differs = memcmp(a.data, g->data, a.bytes) != 0;
  else {
    off = apart(&a, g, &largest), bound = MODEL_BOUND * largest;
    c->differs = !(off <= (g->tolerance > bound ? g->tolerance : bound));
    if (largest > 0) off /= largest;
    if (off > c->most || !c->most_of) c->most = off, c->most_of = a.name;
  }
  if (!c->differs) return;
  snprintf(c->line, sizeof c->line,
           "step %llu: output '%.200s' differs, by %.3g of its largest value: the bound is %.3g",
           (unsigned long long)r->steps - 1, a.name, off, (double)MODEL_BOUND);
}

static void begin_check(model_run *r, checking *c) { (void)r, (void)c; }

static void end_check(model_run *r, checking *c) {
  for (int i = 0; i < c->step->n_outputs && !c->differs; i++)
    check_output(r, c, &c->step->outputs[i]);
}

static void say_seen(checking *c) {
  snprintf(c->line, sizeof c->line,
           "%d golden steps: %d outputs within %.3g of their largest value; the greatest error is "
           "%.3g, in '%.200s'",
           N_GOLDEN, c->seen, (double)MODEL_BOUND, c->most, c->most_of ? c->most_of : "");
}
