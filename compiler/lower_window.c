// The pass that lets states keep a window's rows where a window is all that is ever seen of them,
// and what of a bundle depends on it: where a step's rows begin, and how many they are.
//
// Which states these are is asked of the source's graph too. What a saved state holds depends on
// it, and the simulator, which runs that graph, writes the same files.
#include <string.h>

#include "compiler/emit.h"

oinf_status oi_emit_find_windows(oi_emit *e) {
  oi_windowed source;
  OI_TRY(oi_windowed_find(e->source, e->err, &source));
  OI_TRY(oi_windowed_find(e->g, e->err, &e->windowed));
  const oi_state_set *a = &source.states, *b = &e->windowed.states;
  if (source.window != e->windowed.window || memcmp(a, b, sizeof *a) != 0)
    e->windowed = (oi_windowed){.at = OI_DIM_BAD, .rows = OI_DIM_BAD};
  return OINF_OK;
}

static int64_t capacity_of(const oi_emit *e, const oi_state_decl *s) {
  int64_t lo, hi;
  oi_dims_bounds(e->g->dims, s->type.dim[s->layering == OI_LAYERS_FIRST], e->plan.sym_lo,
                 e->plan.sym_hi, &lo, &hi);
  return hi;
}

int64_t oi_emit_rows(const oi_emit *e, uint32_t state) {
  return oi_emit_slides(e, state) ? e->room : capacity_of(e, &e->g->states.at[state]);
}

static void say(oi_pass *p, uint32_t state) {
  const oi_emit *e = p->emit;
  const oi_state_decl *s = &e->g->states.at[state];
  if (!oi_state_in(&e->windowed.seen, state)) return;
  oi_text_put(&p->said, "window: state \"");
  oi_text_escape(&p->said, s->name, strlen(s->name));
  if (oi_emit_slides(e, state))
    oi_text_put(&p->said, "\" keeps %lld rows of %lld, of which a window of %lld is seen\n",
                (long long)e->room, (long long)capacity_of(e, s), (long long)e->windowed.window);
  else if (oi_state_in(&e->windowed.states, state))
    oi_text_put(&p->said, "\" stays whole: it has %lld rows, and a window would take no fewer\n",
                (long long)capacity_of(e, s));
  else oi_text_put(&p->said, "\" stays whole: not all that reads it is attention with a window\n");
}

oinf_status oi_lower_window(oi_pass *p) {
  oi_emit *e = p->emit;
  e->room = oi_windowed_room(e->g, &e->windowed, e->plan.sym_lo, e->plan.sym_hi);
  for (uint32_t i = 0; i < e->g->states.n; i++) {
    p->changes += oi_emit_slides(e, i);
    say(p, i);
  }
  return OINF_OK;
}

void oi_emit_window_rows(oi_emit *e) {
  oi_text_put(&e->out,
              "static void step_rows(const dims *d, int64_t *at, int64_t *rows) {\n"
              "  (void)d;\n  *at = ");
  oi_emit_dim(e, e->room ? e->windowed.at : 0);
  oi_text_put(&e->out, ", *rows = ");
  oi_emit_dim(e, e->room ? e->windowed.rows : 0);
  oi_text_put(&e->out, ";\n}\n\n");
}
