// Saving and loading of a simulation's states; what the file looks like is in lib/rt/saved.h.
#include <string.h>

#include "formats/file.h"
#include "lib/rt/saved.h"
#include "sim/sim.h"

// The states as the file's grammar knows them; free with `drop`.
static oinf_status describe(oinf_sim *s, oi_saved *out) {
  const size_t n = s->graph->states.n;
  oi_saved_state *all = oi_alloc(s->ctx, n * sizeof *all);
  *out = (oi_saved){.states = all, .n_states = (uint32_t)n};
  if (!all) return oi_nomem(&s->err, n * sizeof *all);
  memcpy(out->root, s->model->root, sizeof out->root);
  out->first = s->kept.first;
  for (size_t i = 0; i < n; i++) {
    const oi_state_decl *d = &s->graph->states.at[i];
    const oi_state_room *r = &s->states[i];
    oi_view v;
    OI_TRY(oi_sim_type(s, &d->type, &v));
    all[i] = (oi_saved_state){.name = d->name,
                              .dtype = (uint32_t)v.dtype,
                              .rank = v.rank,
                              .axis = r->has_layers ? 1 : 0,
                              .appends = r->appends,
                              .element = (uint32_t)oinf_dtype_block_bytes(v.dtype),
                              .room = r->slides ? r->rows : 0,
                              .data = r->data};
    if (oi_state_in(&s->windowed.states, (uint32_t)i)) all[i].window = s->windowed.window;
    memcpy(all[i].dims, v.dim, sizeof all[i].dims);
  }
  return OINF_OK;
}

static void drop(oinf_sim *s, oi_saved *saved) {
  oi_free(s->ctx, (void *)(uintptr_t)saved->states, saved->n_states * sizeof *saved->states);
}

static oinf_status failed(oinf_sim *s, oi_saved_fault fault, const oi_saved *saved) {
  static const oinf_status of[] = {
      [OI_SAVED_NAME] = OINF_SUPPORT,     [OI_SAVED_OUTPUT] = OINF_IO,
      [OI_SAVED_MALFORMED] = OINF_FORMAT, [OI_SAVED_VERSION] = OINF_SUPPORT,
      [OI_SAVED_DAMAGED] = OINF_CORRUPT,  [OI_SAVED_FOREIGN] = OINF_FORMAT,
      [OI_SAVED_ROWS] = OINF_USAGE};
  return oi_fail(&s->err, of[fault], "%s", saved->why);
}

// File calls report through the context; the simulation's own record takes their failure over.
static oinf_status adopt(oinf_sim *s, oinf_status status) {
  if (status != OINF_OK && s->err.status == OINF_OK) s->err = *oi_ctx_err(s->ctx);
  return status;
}

// ---- saving ----

static bool put(void *user, const void *bytes, size_t n) {
  return oi_out_write(user, bytes, n) == OINF_OK;
}

static oinf_status write_file(oinf_sim *s, oi_saved *saved, const char *path) {
  oi_out *out;
  oinf_error_clear(s->ctx);
  OI_TRY(adopt(s, oi_out_begin(s->ctx, path, &out)));
  const oi_saved_fault fault = oi_saved_write(saved, put, out);
  oinf_status status = OINF_OK;
  if (fault == OI_SAVED_OUTPUT) status = adopt(s, oinf_error_status(s->ctx));
  else if (fault) status = failed(s, fault, saved);
  if (!fault) status = adopt(s, oi_out_commit(&out));
  oi_out_abort(&out);
  return status;
}

static oinf_status check_rows(oinf_sim *s, int64_t rows) {
  if (rows < 0)
    return oi_fail(&s->err, OINF_USAGE, "a state cannot have %lld rows", (long long)rows);
  for (uint32_t i = 0; i < s->graph->states.n; i++)
    if (s->states[i].appends && rows > s->states[i].capacity)
      return oi_fail(&s->err, OINF_USAGE, "state '%s' has %lld rows, not %lld",
                     s->graph->states.at[i].name, (long long)s->states[i].capacity,
                     (long long)rows);
  return oi_sim_window_check(s, rows);
}

oinf_status oinf_sim_save(oinf_sim *s, int64_t rows, const void *extra, size_t extra_size,
                          const char *path) {
  oi_saved saved;
  OI_TRY(oi_sim_ok(s));
  if (s->begun)
    return oi_fail(&s->err, OINF_USAGE,
                   "a state is saved between steps: end or abandon the step first");
  OI_TRY(check_rows(s, rows));
  oinf_status status = describe(s, &saved);
  saved.rows = (uint64_t)rows, saved.extra = extra, saved.extra_bytes = extra_size;
  if (status == OINF_OK) status = write_file(s, &saved, path);
  drop(s, &saved);
  return status;
}

// ---- loading ----

static oinf_status take_over(oinf_sim *s, oi_saved *saved, const oi_bytes *b) {
  const oi_saved_fault fault = oi_saved_check(saved, b->at, b->n);
  if (fault) return failed(s, fault, saved);
  void *kept = oi_alloc(s->ctx, saved->extra_bytes);
  if (!kept) return oi_nomem(&s->err, saved->extra_bytes);
  if (saved->extra_bytes) memcpy(kept, saved->extra, saved->extra_bytes);
  oi_free(s->ctx, s->extra, s->extra_bytes);
  s->extra = kept, s->extra_bytes = saved->extra_bytes;
  if (s->kept.room) oi_kept_loaded(&s->kept, (int64_t)saved->rows);
  s->kept_before = s->kept;
  saved->first = s->kept.first;
  oi_saved_take(saved, b->at);
  for (uint32_t i = 0; i < saved->n_states; i++)
    if (s->states[i].appends) s->states[i].reach = (int64_t)saved->rows;
  return OINF_OK;
}

static oinf_status read_file(oinf_sim *s, oi_saved *saved, const char *path) {
  oi_bytes b = {0};
  oinf_error_clear(s->ctx);
  OI_TRY(adopt(s, oi_file_slurp(s->ctx, path, oi_saved_most(saved) + (64u << 20), &b)));
  oinf_status status = take_over(s, saved, &b);
  oi_bytes_free(s->ctx, &b);
  if (status != OINF_OK) oi_trail(&s->err, "loading '%s'", path);
  return status;
}

oinf_status oinf_sim_load(oinf_sim *s, const char *path, int64_t *out_rows, const void **out_extra,
                          size_t *out_extra_size) {
  oi_saved saved;
  OI_TRY(oi_sim_ok(s));
  if (s->begun)
    return oi_fail(&s->err, OINF_USAGE,
                   "a state is loaded between steps: end or abandon the step first");
  oinf_status status = describe(s, &saved);
  if (status == OINF_OK) status = read_file(s, &saved, path);
  drop(s, &saved);
  OI_TRY(status);
  *out_rows = (int64_t)saved.rows;
  if (out_extra) *out_extra = s->extra;
  if (out_extra_size) *out_extra_size = s->extra_bytes;
  return OINF_OK;
}
