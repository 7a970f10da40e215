// From the graph to scenes: a walk over regions in builder order. A value knows the level and the
// box that it comes from; a use in an inner region draws the line to the box of the loop around,
// at the level where the value was made.
#include <string.h>

#include "compiler/report_graph.h"

enum {
  BOX_W = 208,
  BOX_H = 44,
  PILL_W = 96,
  PILL_H = 22,
  MOST_BOXES = 96,
  MOST_IN_ALL = 1500,
  FEW_BOXES = 24
};

typedef struct origin {
  uint32_t level, unit;  // unit UINT32_MAX: nothing that is drawn
  bool state;
} origin;
typedef struct builder {
  oi_emit *e;
  oi_scene *scene[OI_MAX_DEPTH + 2];  // by level
  uint32_t open[OI_MAX_DEPTH + 2];    // by level: the box that is being filled
  uint32_t level, most;
  uint32_t group, group_left, group_size;  // the group that takes the next kernel
  bool in_group, grouped, failed;
  origin *of_value, *of_state;
} builder;
static const origin nowhere = {0, UINT32_MAX, false};

// ---- boxes and lines ----

static uint32_t box(builder *b, oi_unit unit, int32_t w, int32_t h) {
  oi_scene *s = b->scene[b->level];
  oi_unit *u = oi_vec_push(b->e->ctx, &s->units);
  const uint32_t id = oi_layout_box(b->e->ctx, &s->layout, w, h);
  if (!u || id == UINT32_MAX) return b->failed = true, 0;
  *u = unit;
  return id;
}

// From where a value comes to box `to` of this level.
static void line(builder *b, uint32_t value, uint32_t to) {
  const origin *o = &b->of_value[value];
  if (o->unit == UINT32_MAX || b->failed) return;
  const uint32_t end = o->level == b->level ? to : b->open[o->level];
  if (end == o->unit) return;
  if (!oi_layout_link(b->e->ctx, &b->scene[o->level]->layout, o->unit, end, o->state))
    b->failed = true;
}

static void comes_from(builder *b, const oi_node *n, uint32_t unit) {
  for (uint32_t i = 0; i < n->n_out; i++) b->of_value[n->out[i]] = (origin){b->level, unit, false};
}

// ---- nodes ----

static void region(builder *b, uint32_t id);

static bool is_drawn(const builder *b, uint32_t id) {
  const oi_node *n = oi_node_at(b->e->g, id);
  if (oi_plan_sides(n->op)) return true;
  return b->e->kernel[id] && n->op != OP_NUM && n->op != OP_SYM_VALUE;
}

static uint32_t group_box(builder *b, uint32_t kernel) {
  if (b->group_left == 0) {
    b->group = box(b, (oi_unit){.kind = OI_UNIT_GROUP, .id = kernel}, BOX_W, BOX_H);
    b->group_left = b->group_size;
  }
  b->group_left--;
  if (!b->failed && kernel) {
    oi_unit *u = &b->scene[b->level]->units.at[b->group];
    if (!u->id) u->id = kernel;
    u->count++;
  }
  return b->group;
}

static void kernel_node(builder *b, uint32_t id) {
  const oi_node *n = oi_node_at(b->e->g, id);
  const uint32_t kernel = b->e->kernel[id];
  const oi_kernel_figures *k = &b->e->fig->kernel[kernel];
  uint32_t unit = UINT32_MAX;
  for (uint32_t i = 0; i < k->n_nodes && !b->group_size; i++) {  // of a kernel of several nodes
    const oi_node *other = oi_node_at(b->e->g, b->e->fig->nodes[k->first + i]);
    if (other == n || !other->n_out) continue;
    const origin *o = &b->of_value[other->out[0]];
    if (o->unit != UINT32_MAX && o->level == b->level) unit = o->unit;
  }
  if (b->group_size) unit = group_box(b, kernel);
  else if (unit == UINT32_MAX)
    unit = box(b, (oi_unit){.kind = OI_UNIT_KERNEL, .id = kernel}, BOX_W, BOX_H);
  for (uint32_t i = 0; i < n->n_in; i++) line(b, n->in[i], unit);
  comes_from(b, n, unit);
  if (n->op == OP_STATE_WRITE) b->of_state[n->state] = (origin){b->level, unit, true};
}

// What made the rows has written them.
static void written_in_place(builder *b, const oi_node *n) {
  const origin *o = &b->of_value[n->in[0]];
  b->of_value[n->out[0]] = *o;
  b->of_state[n->state] = (origin){o->level, o->unit, true};
}

// A region as a scene of its own; its size is known when it is laid out.
static oi_scene *scene(builder *b, uint32_t id, const oi_node *n, bool loop) {
  const oi_region *r = &b->e->g->regions.at[id];
  oi_scene *s = oi_arena_alloc(&b->e->arena, sizeof *s);
  if (!s) return b->failed = true, NULL;
  b->scene[++b->level] = s;
  for (uint32_t i = 0; i < r->n_params; i++) {
    origin *o = &b->of_value[r->params[i]];
    if (!loop) *o = b->of_value[n->in[i + 1]];
    else
      *o = (origin){b->level,
                    box(b, (oi_unit){.kind = OI_UNIT_BEGIN, .id = r->params[i]}, PILL_W, PILL_H),
                    false};
  }
  region(b, id);
  for (uint32_t i = 0; i < r->n_yields; i++)
    line(b, r->yields[i],
         box(b, (oi_unit){.kind = OI_UNIT_END, .id = r->yields[i]}, PILL_W, PILL_H));
  b->level--;
  if (!oi_layout_make(b->e->ctx, &s->layout)) b->failed = true;
  return s;
}

static void nested(builder *b, uint32_t id) {
  const oi_node *n = oi_node_at(b->e->g, id);
  const bool loop = n->op == OP_LOOP;
  const oi_unit unit = {.kind = loop ? OI_UNIT_LOOP : OI_UNIT_IF, .id = id};
  const uint32_t self = b->open[b->level] = box(b, unit, 0, 0);
  int32_t w = 0, h = 0;
  for (uint32_t i = 0; i < n->n_in; i++) line(b, n->in[i], self);
  for (int i = 0; i < oi_plan_sides(n->op) && !b->failed; i++) {
    oi_scene *s = scene(b, n->sub[i], n, loop);
    b->scene[b->level]->units.at[self].inner[i] = s;
    if (!s) return;
    if (s->layout.w < PILL_W) s->layout.w = PILL_W;  // room for a side's words
    w += s->layout.w + OI_LOOP_PAD;
    if (s->layout.h > h) h = s->layout.h;
  }
  oi_box *to = &b->scene[b->level]->layout.boxes.at[self];
  to->w = w + OI_LOOP_PAD < BOX_W ? BOX_W : w + OI_LOOP_PAD;
  to->h = h + OI_LOOP_HEAD + (loop ? 0 : OI_SIDE_HEAD) + OI_LOOP_PAD;
  comes_from(b, n, self);
}

// In a group everything inside comes from the group's box.
static void swallowed(builder *b, uint32_t id) {
  const oi_node *n = oi_node_at(b->e->g, id);
  const uint32_t unit = group_box(b, 0);
  for (uint32_t i = 0; i < n->n_in; i++) line(b, n->in[i], unit);
  b->open[b->level] = unit;
  const uint32_t left = b->group_left;
  for (int i = 0; i < oi_plan_sides(n->op); i++) {
    const oi_region *r = &b->e->g->regions.at[n->sub[i]];
    for (uint32_t k = 0; k < r->n_params; k++)
      b->of_value[r->params[k]] = (origin){b->level, unit, false};
    b->group_left = UINT32_MAX;
    region(b, n->sub[i]);
  }
  b->group_left = left;
  comes_from(b, n, unit);
}

static void one_node(builder *b, uint32_t id) {
  const oi_node *n = oi_node_at(b->e->g, id);
  if (is_drawn(b, id) && !oi_plan_sides(n->op)) kernel_node(b, id);
  else if (oi_plan_sides(n->op)) b->group_size ? swallowed(b, id) : nested(b, id);
  else if (n->op == OP_STATE_READ) b->of_value[n->out[0]] = b->of_state[n->state];
  else if (n->op == OP_STATE_WRITE) written_in_place(b, n);
  else if (oi_plan_is_view(n->op)) b->of_value[n->out[0]] = b->of_value[n->in[0]];
}

static void region(builder *b, uint32_t id) {
  const oi_region *r = &b->e->g->regions.at[id];
  const uint32_t size = b->group_size;
  uint32_t n = 0;
  for (uint32_t at = r->first; at; at = oi_node_at(b->e->g, at)->next) n += is_drawn(b, at);
  if (!size && n > b->most) {
    b->group_size = 2 * (n + b->most - 1) / b->most, b->group_left = 0;
    b->grouped = true;
  }
  for (uint32_t at = r->first; at && !b->failed; at = oi_node_at(b->e->g, at)->next)
    one_node(b, at);
  b->group_size = size;
}

// ---- the whole ----

static void outermost(builder *b) {
  oinf_graph *g = b->e->g;
  for (size_t i = 0; i < g->inputs.n; i++) {
    const uint32_t v = g->inputs.at[i];
    b->of_value[v] =
        (origin){0, box(b, (oi_unit){.kind = OI_UNIT_INPUT, .id = v}, BOX_W, PILL_H), false};
  }
  region(b, 0);
  for (uint32_t i = 0; i < g->outputs.n; i++)
    line(b, g->outputs.at[i].value,
         box(b, (oi_unit){.kind = OI_UNIT_OUTPUT, .id = i}, BOX_W, PILL_H));
  if (!b->failed && !oi_layout_make(b->e->ctx, &b->scene[0]->layout)) b->failed = true;
}

oi_scene *oi_scene_of(oi_emit *e, bool *out_grouped) {
  builder b = {.e = e, .most = e->n_kernels > MOST_IN_ALL ? FEW_BOXES : MOST_BOXES};
  b.scene[0] = oi_arena_alloc(&e->arena, sizeof *b.scene[0]);
  b.of_value = oi_arena_alloc(&e->arena, e->g->values.n * sizeof *b.of_value);
  b.of_state = oi_arena_alloc(&e->arena, (e->g->states.n + 1) * sizeof *b.of_state);
  if (!b.scene[0] || !b.of_value || !b.of_state) return NULL;
  for (size_t i = 0; i < e->g->values.n; i++) b.of_value[i] = nowhere;
  for (size_t i = 0; i < e->g->states.n; i++) b.of_state[i] = nowhere;
  outermost(&b);
  *out_grouped = b.grouped;
  if (!b.failed) return b.scene[0];
  oi_scene_free(e, b.scene[0]);
  return NULL;
}

void oi_scene_free(oi_emit *e, oi_scene *s) {
  for (size_t i = 0; s && i < s->units.n; i++)
    for (int k = 0; k < 2; k++) oi_scene_free(e, s->units.at[i].inner[k]);
  if (!s) return;
  oi_layout_free(e->ctx, &s->layout);
  oi_vec_free(e->ctx, &s->units);
}
