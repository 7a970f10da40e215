// Generation: prompt in chunks, one token a step after it, text as its characters become certain. A
// resumed run takes up the tokens of the saved one: those that no step has seen yet are fed first.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "formats/file.h"
#include "formats/generation.h"
#include "sim/sim.h"
#include "sim/tool.h"

typedef struct talk {
  oi_tool *t;
  oi_tokenizer *tok;
  oi_decoder *dec;
  OI_VEC(uint32_t) ids;        // all, the prompt first
  int32_t *lent;               // `chunk` ids, borrowed by the step that is open
  size_t fed, resumed, asked;  // run through the model; of a saved state; where the answer begins
  oi_sampler sampler;
  const char *input, *output;
  int64_t capacity, chunk, vocab;
  oi_text pending;  // text that a stop string may still cut
  size_t said;      // ids printed (--tokens)
  bool stopped;
  double first;  // when the first logits were there
} talk;

static const char *meta(const talk *k, const char *key, const char *otherwise) {
  const char *v = oinf_model_meta(k->t->model, key);
  return v ? v : otherwise;
}

static oinf_status add_id(talk *k, uint32_t id) {
  uint32_t *slot = oi_vec_push(k->t->ctx, &k->ids);
  if (!slot) return oi_nomem(k->t->err, sizeof *slot);
  *slot = id;
  return OINF_OK;
}

// ---- the prompt ----

static oinf_status parse_ids(talk *k, const char *text) {
  while (*text) {
    char one[24];
    const size_t n = strcspn(text, ",");
    int64_t id;
    if (n >= sizeof one)
      return oi_fail(k->t->err, OINF_USAGE, "--tokens wants ids such as 1,403,407");
    memcpy(one, text, n);
    one[n] = 0;
    if (!oi_parse_count(one, &id) || id > UINT32_MAX)
      return oi_fail(k->t->err, OINF_USAGE, "--tokens wants ids such as 1,403,407, not '%s'", one);
    OI_TRY(add_id(k, (uint32_t)id));
    text += n + (text[n] == ',');
  }
  return OINF_OK;
}

static oinf_status encode(talk *k, const char *text, size_t size) {
  oinf_ctx *ctx = k->t->ctx;
  size_t room = size + 16;
  for (;;) {
    uint32_t *ids = oi_alloc(ctx, room * sizeof *ids);
    if (!ids) return oi_nomem(k->t->err, room * sizeof *ids);
    int64_t n = oi_tokenizer_encode(k->tok, text, size, k->resumed == 0, ids, room);
    oinf_status status =
        n < 0 ? oi_fail(k->t->err, OINF_MEMORY, "the prompt cannot be encoded") : OINF_OK;
    for (int64_t i = 0; status == OINF_OK && n <= (int64_t)room && i < n; i++)
      status = add_id(k, ids[i]);
    oi_free(ctx, ids, room * sizeof *ids);
    if (status != OINF_OK || n <= (int64_t)room) return status;
    room = (size_t)n;
  }
}

static oinf_status take_prompt(talk *k) {
  const oi_tool_opts *o = &k->t->o;
  const size_t before = k->ids.n;
  if (o->tokens) return parse_ids(k, o->tokens);
  if (o->prompt_file) {
    oi_bytes b;
    OI_TRY(oi_file_slurp(k->t->ctx, o->prompt_file, 64u << 20, &b));
    oinf_status status = encode(k, (const char *)b.at, b.n);
    oi_bytes_free(k->t->ctx, &b);
    OI_TRY(status);
  } else if (o->prompt) {
    OI_TRY(encode(k, o->prompt, strlen(o->prompt)));
  }
  if (k->ids.n > before || k->resumed) return OINF_OK;
  int64_t bos = oi_tokenizer_bos(k->tok);
  if (bos < 0 && !oi_parse_count(meta(k, "oinf.bos", ""), &bos)) bos = -1;
  if (bos < 0)
    return oi_fail(k->t->err, OINF_USAGE,
                   "the prompt is empty, and the model has no beginning-of-sequence");
  return add_id(k, (uint32_t)bos);
}

// ---- one step ----

static size_t lent_bytes(const talk *k) { return (size_t)k->chunk * sizeof *k->lent; }

static oinf_status bind(talk *k, size_t from, size_t n) {
  oinf_sim *s = k->t->sim;
  if (!k->lent) k->lent = oi_alloc(k->t->ctx, lent_bytes(k));
  if (!k->lent) return oi_nomem(k->t->err, lent_bytes(k));
  for (size_t i = 0; i < n; i++) k->lent[i] = (int32_t)k->ids.at[from + i];
  int64_t dims[1] = {(int64_t)n};
  if (oi_dims_find(k->t->graph->dims, "P") >= 0) OI_TRY(oinf_sim_set(s, "P", (int64_t)from));
  return oinf_sim_bind(s, k->input, k->lent, OINF_I32, 1, dims);
}

static bool is_last_chunk(const talk *k, size_t n) { return k->fed + n == k->ids.n; }

// Runs the ids that no step has seen, a chunk a step. The last step is left open, with the logits
// fetched where wanted.
static oinf_status feed(talk *k, bool logits, oinf_array *out) {
  oi_tool *t = k->t;
  oinf_status status = OINF_OK;
  while (status == OINF_OK && k->fed < k->ids.n) {
    size_t n = k->ids.n - k->fed < (size_t)k->chunk ? k->ids.n - k->fed : (size_t)k->chunk;
    const bool last = is_last_chunk(k, n);
    status = oi_tool_sim_failed(t, bind(k, k->fed, n));
    if (status == OINF_OK && t->o.bisect) status = oi_tool_bisect_step(t, NULL);
    if (status == OINF_OK && t->o.fetch.n) status = oi_tool_fetch(t);
    if (status == OINF_OK && last && logits)
      status = oi_tool_sim_failed(t, oinf_sim_fetch(t->sim, k->output, out));
    if (status == OINF_OK && last) status = oi_tool_write_outputs(t);
    const bool abandon = last && t->o.fetch.n && t->o.steps == 0 && !t->o.save;
    if (status == OINF_OK && (!last || !logits))
      status = oi_tool_sim_failed(t, abandon ? oinf_sim_abandon(t->sim) : oinf_sim_end(t->sim));
    k->fed += n;
  }
  return status;
}

// ---- the answer ----

static bool is_eos(const talk *k, uint32_t id) {
  const char *list = meta(k, "oinf.eos", "");
  while (*list) {
    uint64_t x = 0;
    for (; *list >= '0' && *list <= '9'; list++) x = x * 10 + (uint64_t)(*list - '0');
    if (x == id) return true;
    list += *list == ',';
  }
  return false;
}

// How many of the last bytes could begin a stop string; a whole one ends the text before it.
static size_t held_back(talk *k) {
  size_t hold = 0;
  for (size_t i = 0; i < k->t->o.stops.n; i++) {
    const char *stop = k->t->o.stops.at[i],
               *hit = k->pending.at ? strstr(k->pending.at, stop) : NULL;
    if (hit) {
      k->stopped = true;
      k->pending.n = (size_t)(hit - k->pending.at);
      k->pending.at[k->pending.n] = 0;
      return 0;
    }
    size_t most = strlen(stop) - 1;
    if (most > k->pending.n) most = k->pending.n;
    for (; most > hold; most--)
      if (memcmp(k->pending.at + k->pending.n - most, stop, most) == 0) hold = most;
  }
  return hold;
}

static oinf_status say_pending(talk *k, bool all) {
  if (k->t->mute) return k->pending.n = 0, OINF_OK;
  const size_t hold = all ? 0 : held_back(k), n = k->pending.n - hold;
  if (n && !k->t->say(k->pending.at, n)) k->t->closed = true;
  if (n) memmove(k->pending.at, k->pending.at + n, hold + 1), k->pending.n = hold;
  return k->t->closed ? oi_fail(k->t->err, OINF_IO, "standard output is closed") : OINF_OK;
}

static oinf_status say_id(talk *k, uint32_t id) {
  const char *bytes;
  size_t n;
  if (k->t->o.tokens) {
    if (k->t->mute) return OINF_OK;
    return oi_tool_say(k->t, k->said++ ? ",%u" : "%u", id);
  }
  if (!oi_decoder_push(k->dec, id, &bytes, &n)) return oi_nomem(k->t->err, 0);
  oi_text_add(&k->pending, bytes, n);
  return say_pending(k, false);
}

static oinf_status say_end(talk *k) {
  const char *bytes;
  size_t n = 0;
  if (k->t->o.steps == 0 || k->t->mute) return OINF_OK;
  if (!k->t->o.tokens) {
    if (!k->stopped && oi_decoder_flush(k->dec, &bytes, &n)) oi_text_add(&k->pending, bytes, n);
    if (!k->stopped) (void)held_back(k);
    OI_TRY(say_pending(k, true));
  }
  return oi_tool_say(k->t, "\n");
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// The next token of a row of logits; the sampler uses its own copy up.
static oinf_status sample(talk *k, const oinf_array *logits, uint32_t *out_id) {
  oi_tool *t = k->t;
  const size_t row_bytes = (size_t)logits->bytes, room_bytes = oi_sample_room((size_t)k->vocab);
  if (logits->dtype != OINF_F32 || (int64_t)(row_bytes / 4) != k->vocab)
    return oi_fail(t->err, OINF_SUPPORT, "'%s' is no row of f32", k->output);
  float *row = oi_alloc(t->ctx, row_bytes);
  void *room = oi_alloc(t->ctx, room_bytes);
  if (row && room) {
    memcpy(row, logits->data, row_bytes);
    oi_penalize(&t->o.penalties, row, (size_t)k->vocab, k->ids.at, k->ids.n, k->sampler.given,
                room);
    *out_id = oi_sample(&k->sampler, row, (size_t)k->vocab, room);
  }
  oinf_status status = row && room ? OINF_OK : oi_nomem(t->err, row_bytes + room_bytes);
  oi_free(t->ctx, row, row_bytes);
  oi_free(t->ctx, room, room_bytes);
  return status;
}

static oinf_status answer(talk *k, const char **out_reason) {
  oi_tool *t = k->t;
  for (int64_t i = 0; i < t->o.steps && !k->stopped; i++) {
    oinf_array logits;
    uint32_t id = 0;
    if ((int64_t)k->ids.n > k->capacity) return *out_reason = "length", OINF_OK;
    OI_TRY(feed(k, true, &logits));
    if (i == 0) k->first = seconds();
    OI_TRY(sample(k, &logits, &id));
    OI_TRY(oi_tool_sim_failed(t, oinf_sim_end(t->sim)));
    OI_TRY(add_id(k, id));
    if (is_eos(k, id)) return *out_reason = "end of sequence", OINF_OK;
    OI_TRY(say_id(k, id));
    if (k->stopped) *out_reason = "stop";
  }
  return OINF_OK;
}

static void note_figures(const talk *k, const char *reason, double begun, double ended) {
  const size_t given = k->asked - k->resumed, made = k->ids.n - k->asked;
  oi_tool_note(k->t, "ended: %s, %zu tokens given, %zu made", reason, given, made);
  if (k->first <= 0) return;
  const double prompt = k->first - begun, rest = ended - k->first;
  oi_tool_note(k->t, "prompt %.3f s, %.1f tokens/s; first token after it, then %.1f tokens/s",
               prompt, prompt > 0 ? (double)given / prompt : 0,
               rest > 0 && made > 1 ? (double)(made - 1) / rest : 0);
}

// ---- saving and resuming: the sampler, then the ids ----

static oinf_status load(talk *k) {
  int64_t rows;
  const void *extra;
  size_t size;
  OI_TRY(oi_tool_sim_failed(k->t, oinf_sim_load(k->t->sim, k->t->o.load, &rows, &extra, &size)));
  if (size < sizeof k->sampler || (size - sizeof k->sampler) % 4)
    return oi_fail(k->t->err, OINF_FORMAT, "the saved state holds no tokens");
  oi_sampler saved;
  memcpy(&saved, extra, sizeof saved);
  k->sampler.rng = saved.rng, k->sampler.given = saved.given;
  for (size_t i = sizeof saved; i < size; i += 4) {
    uint32_t id;
    memcpy(&id, (const char *)extra + i, 4);
    OI_TRY(add_id(k, id));
  }
  if (rows > (int64_t)k->ids.n)
    return oi_fail(k->t->err, OINF_FORMAT, "the saved state has more rows than tokens");
  k->fed = (size_t)rows, k->resumed = k->ids.n;
  return OINF_OK;
}

static oinf_status save(talk *k) {
  const size_t size = sizeof k->sampler + k->ids.n * 4;
  char *extra = oi_alloc(k->t->ctx, size);
  if (!extra) return oi_nomem(k->t->err, size);
  memcpy(extra, &k->sampler, sizeof k->sampler);
  if (k->ids.n) memcpy(extra + sizeof k->sampler, k->ids.at, k->ids.n * 4);
  oinf_status status = oinf_sim_save(k->t->sim, (int64_t)k->fed, extra, size, k->t->o.save);
  oi_free(k->t->ctx, extra, size);
  return oi_tool_sim_failed(k->t, status);
}

// ---- the whole ----

static oinf_status open_tokenizer(talk *k) {
  const oinf_blob *b = oinf_model_blob(k->t->model, "tokenizer");
  if (k->t->o.tokens) return OINF_OK;
  if (!b)
    return oi_fail(k->t->err, OINF_SUPPORT,
                   "the model carries no tokenizer: give ids with --tokens");
  k->tok = oi_tokenizer_open(b->data, b->size);
  if (!k->tok) return oi_fail(k->t->err, OINF_FORMAT, "the model's tokenizer is malformed");
  k->dec = oi_decoder_open(k->tok);
  return k->dec ? OINF_OK : oi_nomem(k->t->err, 0);
}

static int64_t sym_hi(const talk *k, oinf_dim d) {
  int64_t lo, hi;
  oi_dims_bounds(k->t->graph->dims, d, k->t->sim->pin_lo, k->t->sim->pin_hi, &lo, &hi);
  return hi;
}

static oinf_status measure(talk *k) {
  oinf_val tokens = oinf_graph_find(k->t->graph, k->input),
           logits = oinf_graph_find(k->t->graph, k->output);
  if (!tokens.id || !logits.id || oinf_val_rank(tokens) != 1 || oinf_val_rank(logits) != 1)
    return oi_fail(k->t->err, OINF_SUPPORT,
                   "the graph has no tokens [T] and logits [V] to generate with");
  k->vocab = sym_hi(k, oinf_val_dim(logits, 0));
  k->chunk = sym_hi(k, oinf_val_dim(tokens, 0));
  k->capacity = INT64_MAX;
  for (size_t i = 0; i < k->t->graph->states.n; i++)
    if (k->t->sim->states[i].appends && k->t->sim->states[i].capacity < k->capacity)
      k->capacity = k->t->sim->states[i].capacity;
  return OINF_OK;
}

static oinf_status check_ids(const talk *k) {
  for (size_t i = 0; i < k->ids.n; i++)
    if (k->ids.at[i] >= (uint64_t)k->vocab)
      return oi_fail(k->t->err, OINF_USAGE, "id %u is outside the vocabulary of %lld", k->ids.at[i],
                     (long long)k->vocab);
  if (k->ids.n == k->fed && k->t->o.steps)
    return oi_fail(k->t->err, OINF_USAGE, "there is no token to begin with");
  if ((int64_t)k->ids.n > k->capacity)
    return oi_fail(k->t->err, OINF_USAGE, "%zu tokens do not fit a context of %lld (see --ctx)",
                   k->ids.n, (long long)k->capacity);
  return OINF_OK;
}

static oinf_status run(talk *k) {
  const char *reason = "steps";
  OI_TRY(open_tokenizer(k));
  OI_TRY(measure(k));
  if (k->t->o.load) OI_TRY(load(k));
  OI_TRY(take_prompt(k));
  OI_TRY(check_ids(k));
  k->asked = k->ids.n;
  if (k->asked > k->resumed || !k->sampler.given) k->sampler.given = (uint32_t)k->asked;
  if (k->dec && !oi_decoder_prompt(k->dec, k->ids.at, k->ids.n)) return oi_nomem(k->t->err, 0);
  const double begun = seconds();
  if (k->t->o.steps == 0) OI_TRY(feed(k, false, NULL));
  OI_TRY(answer(k, &reason));
  const double ended = seconds();
  OI_TRY(say_end(k));
  if (k->t->o.save) OI_TRY(save(k));
  if (k->t->o.verbose) note_figures(k, reason, begun, ended);
  return OINF_OK;
}

// What the user did not say is as the package has it.
static oinf_status settle(oi_tool *t) {
  oi_generation g;
  oi_tool_opts *o = &t->o;
  OI_TRY(oi_generation_read(t->ctx, t->model, &g));
  if (isnan(o->temperature)) o->temperature = g.temperature;
  if (o->top_k < 0) o->top_k = (int64_t)g.top_k;
  if (isnan(o->top_p)) o->top_p = g.top_p;
  if (isnan(o->min_p)) o->min_p = g.min_p;
  if (isnan(o->penalties.repetition)) o->penalties.repetition = g.repetition_penalty;
  return OINF_OK;
}

oinf_status oi_tool_text(oi_tool *t) {
  talk k = {.t = t};
  OI_TRY(settle(t));
  k.input = meta(&k, "oinf.input", "tokens"), k.output = meta(&k, "oinf.output", "logits");
  oi_sampler_init(&k.sampler, (uint64_t)t->o.seed);
  k.sampler.temperature = t->o.temperature, k.sampler.top_k = (uint32_t)t->o.top_k;
  k.sampler.top_p = t->o.top_p, k.sampler.min_p = t->o.min_p;
  oi_text_init(&k.pending, t->ctx);
  oinf_status status = run(&k);
  oi_decoder_close(k.dec);
  oi_tokenizer_close(k.tok);
  oi_text_free(&k.pending);
  oi_vec_free(t->ctx, &k.ids);
  if (k.lent) oi_free(t->ctx, k.lent, lent_bytes(&k));
  return status;
}
