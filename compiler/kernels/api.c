// The part of a bundle's library.c for instances and steps.

int model_new(model_file *file, model_run **out_run) {
  model_run *r = calloc(1, sizeof *r);
  *out_run = r;
  if (!r) return MODEL_MEMORY;
  r->file = file;
  r->memory = calloc(1, PEAK_BYTES + 64);
  if (!r->memory) return fails(r, MODEL_MEMORY, "out of memory");
  uint8_t *p = r->memory + (64 - (uintptr_t)r->memory % 64) % 64;
  r->act = p, p += ACT_BYTES;
  r->room = p, p += ROOM_BYTES;
  r->weights = p, p += ARENA_BYTES;
  r->picks = (pick *)(void *)p, p += PICK_BYTES;
  for (int i = 0; i < N_STATES; i++) r->state[i] = p, p += state_bytes[i];
  for (int i = 0; i < N_OUTPUTS; i++) r->held[i] = p, p += output_bytes[i];
  r->before = p;
  r->kept = (oi_kept){.window = WINDOW, .room = WINDOW_ROOM};
  return open_paging(r);
}

static void end_threads(model_run *r) {
  oi_threads_stop(r->threads);
  free(r->more);
  r->threads = NULL, r->more = NULL;
}

int model_threads(model_run *r, int n) {
  end_threads(r);
  if (n <= 1) return MODEL_OK;
  if (WORKER_BYTES > 0) r->more = aligned_alloc(64, (size_t)(n - 1) * WORKER_BYTES);
  r->threads = oi_threads_start(n);
  if (r->threads && (r->more || WORKER_BYTES == 0)) return MODEL_OK;
  end_threads(r);
  return fails(r, MODEL_MEMORY, "no thread could be started");
}

void model_free(model_run *run) {
  if (!run) return;
  end_threads(run);
  close_paging(run);
  free(run->loaded);
  free(run->memory);
  free(run);
}

const char *model_error(const model_run *run) { return run ? run->error : "out of memory"; }

void model_watch(model_run *run, void (*show_)(void *, const model_value *), void *user) {
  run->show = show_, run->user = user;
}

// ---- a step ----

static int take_symbols(model_run *r, const int64_t *symbols) {
  r->status = MODEL_OK, r->bad = 0;
  for (int i = 0; i < N_SYMS; i++) r->d.s[i] = symbols[i];
  return check_step(r, &r->d);
}

// States that do not only grow are kept while a step runs. Of the others a step that failed has
// written nothing that a position before it sees.
static void keep_states(model_run *r, bool back) {
  uint8_t *kept = r->before;
  for (int i = 0; i < N_STATES; i++) {
    if (state_shapes[i].appends) continue;
    if (back) memcpy(r->state[i], kept, state_bytes[i]);
    else memcpy(kept, r->state[i], state_bytes[i]);
    kept += state_bytes[i];
  }
}

// Blocks are proved once where they are mapped or stay in memory. A file that was written to since
// is not what was proved.
static int check_file(model_run *r) {
  struct stat now;
  const struct stat *then = &r->file->mark;
  if (EMBEDDED) return MODEL_OK;
  if (fstat(r->file->fd, &now) != 0) return fails(r, MODEL_IO, "the weights cannot be read");
  if (now.st_size < then->st_size)
    return fails(r, MODEL_IO, "the weights have become shorter while in use");
  if (now.st_size == then->st_size && now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
      now.st_mtim.tv_nsec == then->st_mtim.tv_nsec)
    return MODEL_OK;
  return fails(r, MODEL_BAD, "the weights were written to while in use");
}

int model_step_arrays(model_run *run, const int64_t *symbols, const void *const *inputs,
                      void *const *outputs) {
  int code = take_symbols(run, symbols);
  run->inputs = inputs;
  for (int i = 0; i < N_INPUTS && !code; i++)
    if (!inputs[i]) return fails(run, MODEL_USAGE, "input '%s' is missing", input_ports[i].name);
  if (!code) code = make_room(run);
  if (code) return code;
  keep_states(run, false);
  begin_paging(run);
  code = run_step(run, &run->d);
  if (!code) code = end_paging(run);
  if (!code) code = check_file(run);
  if (code) return keep_states(run, true), code;
  run->steps++;
  run->position = step_end(&run->d, run->position);
  wrote_rows(run);
  for (int i = 0; i < N_OUTPUTS && outputs; i++)
    if (outputs[i]) memcpy(outputs[i], run->held[i], run->held_bytes[i]);
  return MODEL_OK;
}

int64_t model_position(const model_run *run) { return run->position; }

int model_rewind(model_run *run, int64_t position) {
  for (int i = 0; i < N_STATES && position; i++)
    if (!state_shapes[i].appends)
      return fails(run, MODEL_USAGE, "state '%s' does not only grow: it goes back to 0 alone",
                   state_shapes[i].name);
  if (position < 0 || position > run->position)
    return fails(run, MODEL_USAGE, "there are %lld rows, not %lld", (long long)run->position,
                 (long long)position);
  const int code = can_follow(run, position);
  if (code) return code;
  for (int i = 0; i < N_STATES && !position; i++)
    if (!state_shapes[i].appends) memset(run->state[i], 0, state_bytes[i]);
  run->position = position;
  return MODEL_OK;
}

void model_reset(model_run *run) { (void)model_rewind(run, 0); }

#if GENERATES
int model_prefill(model_run *run, const int32_t *ids, int64_t n, float *logits) {
  int64_t symbols[N_SYMS + 1] = {0};
  const int64_t fixed = symbol_pins[SYM_ROWS];
  if (fixed != NO_PIN && n % fixed)
    return fails(run, MODEL_USAGE, "a step takes %lld tokens", (long long)fixed);
  for (int64_t done = 0; done < n;) {
    const int64_t rows = n - done < MODEL_CHUNK ? n - done : MODEL_CHUNK;
    const void *inputs[1] = {ids + done};
    if (run->position + rows > MODEL_CAPACITY)
      return fails(run, MODEL_USAGE, "the context is full");
    symbols[SYM_ROWS] = rows;
    if (SYM_POSITION >= 0) symbols[SYM_POSITION < 0 ? 0 : SYM_POSITION] = run->position;
    int code = model_step_arrays(run, symbols, inputs, NULL);
    if (code) return code;
    done += rows;
  }
  if (logits && n > 0) memcpy(logits, run->held[LOGITS], sizeof *logits * MODEL_VOCAB);
  return MODEL_OK;
}

int model_decode(model_run *run, int32_t id, float *logits) {
  return model_prefill(run, &id, 1, logits);
}
#endif
