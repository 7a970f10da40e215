// Generation in the bundle's program: a prompt in chunks, one token a step after it, text as its
// characters become certain. A resumed run takes up the tokens of the saved one: those that no step
// has seen yet are fed first.

typedef struct talk {
  const options *o;
  model_run *run;
  oi_tokenizer *tok;
  oi_decoder *dec;
  oi_sampler sampler;
  uint32_t *ids;       // all, the prompt first: MODEL_CAPACITY + 1
  int64_t n, fed;      // of them; run through the network
  int64_t resumed;     // of a saved state
  int64_t asked;       // where the answer begins
  int64_t said;        // printed
  float *logits;
  void *room;
  char *pending;  // text that a stop string may still cut
  size_t n_pending, pending_room;
  bool stopped;
  const char *reason;
} talk;

static int run_fails(const talk *k, int code) {
  return complain(code, "%s", model_error(k->run));
}
static int no_memory(void) { return complain(MODEL_MEMORY, "out of memory"); }

// ---- the prompt ----

static int add_id(talk *k, uint64_t id) {
  if (id >= MODEL_VOCAB)
    return complain(MODEL_USAGE, "id %llu is outside the vocabulary of %d", (unsigned long long)id,
                    MODEL_VOCAB);
  if (k->n > MODEL_CAPACITY)
    return complain(MODEL_USAGE, "the tokens do not fit a context of %d", MODEL_CAPACITY);
  k->ids[k->n++] = (uint32_t)id;
  return MODEL_OK;
}

static int parse_ids(talk *k, const char *text) {
  while (*text) {
    char one[24] = {0};
    int64_t id;
    const size_t n = strcspn(text, ",");
    if (n < sizeof one) memcpy(one, text, n);
    if (!oi_parse_count(one, &id))
      return complain(MODEL_USAGE, "--tokens wants ids such as 1,403,407");
    const int code = add_id(k, (uint64_t)id);
    if (code) return code;
    text += n + (text[n] == ',');
  }
  return MODEL_OK;
}

static int encode(talk *k, const char *text, size_t size) {
  const bool first = k->resumed == 0;
  const int64_t n = oi_tokenizer_encode(k->tok, text, size, first, NULL, 0);
  uint32_t *ids = n < 0 ? NULL : malloc(sizeof *ids * (size_t)(n + 1));
  if (!ids) return complain(MODEL_MEMORY, "the prompt cannot be encoded");
  const int64_t got = oi_tokenizer_encode(k->tok, text, size, first, ids, (size_t)n);
  int code = MODEL_OK;
  for (int64_t i = 0; i < got && !code; i++) code = add_id(k, ids[i]);
  free(ids);
  return code;
}

static int encode_file(talk *k, const char *path) {
  uint8_t *bytes;
  size_t n;
  int code = slurp(path, 64u << 20, &bytes, &n);
  if (code) return code;
  code = encode(k, (const char *)bytes, n);
  free(bytes);
  return code;
}

static int take_prompt(talk *k) {
  const options *o = k->o;
  const int64_t before = k->n;
  int code = MODEL_OK;
  if (o->tokens) return parse_ids(k, o->tokens);
  if (o->prompt_file) code = encode_file(k, o->prompt_file);
  else if (o->prompt) code = encode(k, o->prompt, strlen(o->prompt));
  if (code || k->n > before || k->resumed) return code;
  int64_t bos = oi_tokenizer_bos(k->tok);
  if (bos < 0) bos = MODEL_BOS;
  if (bos < 0)
    return complain(MODEL_USAGE,
                    "the prompt is empty, and the model has no beginning-of-sequence");
  return add_id(k, (uint64_t)bos);
}

// ---- saving and resuming: the sampler, then the ids ----

static int load_talk(talk *k) {
  const uint8_t *extra;
  size_t size;
  const void *at;
  oi_sampler saved;
  int code = model_load(k->run, k->o->load, &at, &size);
  if (code) return run_fails(k, code);
  if (size < sizeof saved || (size - sizeof saved) % 4)
    return complain(MODEL_BAD, "the saved state holds no tokens");
  extra = at;
  memcpy(&saved, extra, sizeof saved);
  k->sampler.rng = saved.rng, k->sampler.given = saved.given;
  for (size_t i = sizeof saved; i < size && !code; i += 4) {
    uint32_t id;
    memcpy(&id, extra + i, 4);
    code = add_id(k, id);
  }
  if (!code && model_position(k->run) > k->n)
    code = complain(MODEL_BAD, "the saved state has more rows than tokens");
  k->fed = model_position(k->run), k->resumed = k->n;
  return code;
}

static int save_talk(const talk *k) {
  const size_t size = sizeof k->sampler + (size_t)k->n * 4;
  uint8_t *extra = malloc(size);
  if (!extra) return no_memory();
  memcpy(extra, &k->sampler, sizeof k->sampler);
  memcpy(extra + sizeof k->sampler, k->ids, (size_t)k->n * 4);
  const int code = model_save(k->run, k->o->save, extra, size);
  free(extra);
  return code ? run_fails(k, code) : MODEL_OK;
}

// ---- what is said ----

static bool ends(uint32_t id) {
  static const int64_t eos[] = MODEL_EOS;
  for (size_t i = 0; i < sizeof eos / sizeof *eos; i++)
    if (eos[i] == (int64_t)id) return true;
  return false;
}

static int say(const char *bytes, size_t n) {
  return fwrite(bytes, 1, n, stdout) == n && fflush(stdout) == 0 ? MODEL_OK : MODEL_IO;
}

// How many of the last bytes could begin a stop string; a whole one ends the text before it.
static size_t held_back(talk *k) {
  size_t hold = 0;
  for (size_t i = 0; i < k->o->stops.n; i++) {
    const char *stop = k->o->stops.at[i], *hit = k->pending ? strstr(k->pending, stop) : NULL;
    if (hit) {
      k->stopped = true;
      k->n_pending = (size_t)(hit - k->pending), k->pending[k->n_pending] = 0;
      return 0;
    }
    size_t most = strlen(stop) - 1;
    if (most > k->n_pending) most = k->n_pending;
    for (; most > hold; most--)
      if (memcmp(k->pending + k->n_pending - most, stop, most) == 0) hold = most;
  }
  return hold;
}

static int say_pending(talk *k, const char *bytes, size_t n, bool all) {
  if (k->n_pending + n + 1 > k->pending_room) {
    char *grown = realloc(k->pending, 2 * (k->n_pending + n + 1));
    if (!grown) return no_memory();
    k->pending = grown, k->pending_room = 2 * (k->n_pending + n + 1);
  }
  if (n) memcpy(k->pending + k->n_pending, bytes, n);
  k->n_pending += n, k->pending[k->n_pending] = 0;
  const size_t hold = held_back(k), ready = k->n_pending - (all ? 0 : hold);
  if (ready && say(k->pending, ready)) return MODEL_IO;
  memmove(k->pending, k->pending + ready, k->n_pending - ready + 1);
  k->n_pending -= ready;
  return MODEL_OK;
}

static int say_id(talk *k, uint32_t id) {
  const char *bytes;
  size_t n;
  char number[16];
  if (k->o->hash) return MODEL_OK;
  if (k->o->tokens) {
    const int length = snprintf(number, sizeof number, k->said++ ? ",%u" : "%u", id);
    return say(number, (size_t)length);
  }
  return oi_decoder_push(k->dec, id, &bytes, &n) ? say_pending(k, bytes, n, false) : no_memory();
}

static int say_end(talk *k) {
  const char *bytes = "";
  size_t n = 0;
  if (k->o->hash || k->o->steps == 0) return MODEL_OK;
  if (!k->o->tokens) {
    if (k->stopped || !oi_decoder_flush(k->dec, &bytes, &n)) n = 0;
    const int code = say_pending(k, bytes, n, true);
    if (code) return code;
  }
  return say("\n", 1);
}

// ---- the answer ----

// Runs the ids that no step has seen.
static int feed(talk *k, float *logits) {
  const int32_t *ids = (const int32_t *)k->ids + k->fed;
  const int code = model_prefill(k->run, ids, k->n - k->fed, logits);
  if (code) return run_fails(k, code);
  return k->fed = k->n, MODEL_OK;
}

static int answer(talk *k) {
  for (int64_t i = 0; i < k->o->steps && !k->stopped; i++) {
    if (interrupted) return complain(INTERRUPTED, "interrupted");
    if (k->n > MODEL_CAPACITY) return k->reason = "length", MODEL_OK;
    int code = feed(k, k->logits);
    if (code) return code;
    oi_penalize(&k->o->penalties, k->logits, MODEL_VOCAB, k->ids, (size_t)k->n, k->sampler.given,
                k->room);
    const uint32_t id = oi_sample(&k->sampler, k->logits, MODEL_VOCAB, k->room);
    k->ids[k->n++] = id;
    if (ends(id)) return k->reason = "end of sequence", MODEL_OK;
    if ((code = say_id(k, id)) != 0) return code;
    if (k->stopped) k->reason = "stop";
  }
  return MODEL_OK;
}

static int open_talk(talk *k, const model_file *file) {
  size_t size;
  const void *tables = model_tokenizer(file, &size);
  k->ids = malloc(sizeof *k->ids * (MODEL_CAPACITY + 2));
  k->logits = malloc(sizeof *k->logits * MODEL_VOCAB);
  k->room = malloc(oi_sample_room(MODEL_VOCAB));
  if (!k->ids || !k->logits || !k->room) return no_memory();
  oi_sampler_init(&k->sampler, (uint64_t)k->o->seed);
  k->sampler.temperature = k->o->temperature, k->sampler.top_k = (uint32_t)k->o->top_k;
  k->sampler.top_p = k->o->top_p, k->sampler.min_p = k->o->min_p;
  if (k->o->tokens) return MODEL_OK;
  if (!tables) return complain(MODEL_BAD, "there is no tokenizer: give ids with --tokens");
  k->tok = oi_tokenizer_open(tables, size);
  k->dec = k->tok ? oi_decoder_open(k->tok) : NULL;
  return k->dec ? MODEL_OK : complain(MODEL_BAD, "the tokenizer cannot be opened");
}

static int begin(talk *k) {
  int code = k->o->load ? load_talk(k) : MODEL_OK;
  if (!code) code = take_prompt(k);
  if (code) return code;
  if (k->n == k->fed && k->o->steps)
    return complain(MODEL_USAGE, "there is no token to begin with");
  if (k->n > MODEL_CAPACITY)
    return complain(MODEL_USAGE, "%lld tokens do not fit a context of %d", (long long)k->n,
                    MODEL_CAPACITY);
  k->asked = k->n;
  if (k->asked > k->resumed || !k->sampler.given) k->sampler.given = (uint32_t)k->asked;
  if (k->dec && !oi_decoder_prompt(k->dec, k->ids, (size_t)k->n)) return no_memory();
  return MODEL_OK;
}

static int converse(talk *k, watcher *w) {
  int code = begin(k);
  if (!code && k->o->steps == 0) code = feed(k, NULL);
  if (!code) code = answer(k);
  if (!code) code = say_end(k);
  if (!code) code = write_outputs(w, k->run);
  if (!code && k->o->save) code = save_talk(k);
  return code;
}

static void note_figures(const talk *k, double took) {
  const int64_t made = k->n - k->asked;
  note(k->o, "ended: %s, %lld tokens given, %lld made, %.1f tokens/s", k->reason,
       (long long)(k->asked - k->resumed), (long long)made, took > 0 ? (double)made / took : 0);
}

static int run_text(const options *o, const model_file *file, model_run *r, watcher *w) {
  talk k = {.o = o, .run = r, .reason = "steps"};
  const double begun = seconds();
  int code = want_outputs(w);
  if (!code) code = open_talk(&k, file);
  watch(w, r);
  if (!code) code = converse(&k, w);
  if (!code && o->verbose) note_figures(&k, seconds() - begun);
  oi_decoder_close(k.dec);
  oi_tokenizer_close(k.tok);
  free(k.ids), free(k.logits), free(k.room), free(k.pending);
  return code;
}

