// The bundle's program: text from a prompt, or ids from ids, with the words of oinf-sim; --check
// replays the golden steps, --bench times. Standard output carries the result alone.
//
// What it does not do: stop strings, saved states, arrays as inputs (a network without tokens is
// used through model.h).
#define _GNU_SOURCE 1
#include "model.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "runtime.c"

typedef struct options {
  const char *prompt, *tokens, *weights;
  long long steps, top_k, seed, threads;
  double temperature, top_p, min_p;
  bool hash, check, bench, help;
} options;

static int complain(int code, const char *what, const char *about) {
  fprintf(stderr, "model: error: %s%s\n", what, about);
  return code;
}

// ---- the command line ----

static bool count_of(const char *text, long long *out) {
  char *end;
  errno = 0;
  *out = strtoll(text, &end, 10);
  return *text >= '0' && *text <= '9' && !*end && !errno;
}

static bool real_of(const char *text, double *out) {
  char *end;
  *out = strtod(text, &end);
  return *text && !*end && *out == *out;
}

static bool flag_of(options *o, const char *name) {
  bool *flag = strcmp(name, "hash") == 0    ? &o->hash
               : strcmp(name, "check") == 0 ? &o->check
               : strcmp(name, "bench") == 0 ? &o->bench
               : strcmp(name, "help") == 0  ? &o->help
                                            : NULL;
  if (flag) *flag = true;
  return flag != NULL;
}

static int value_of(options *o, const char *name, const char *text) {
  const struct {
    const char *name;
    const char **text;
    long long *count;
    double *real;
  } rows[] = {{"prompt", &o->prompt, NULL, NULL},   {"tokens", &o->tokens, NULL, NULL},
              {"weights", &o->weights, NULL, NULL}, {"steps", NULL, &o->steps, NULL},
              {"top-k", NULL, &o->top_k, NULL},     {"seed", NULL, &o->seed, NULL},
              {"threads", NULL, &o->threads, NULL}, {"temperature", NULL, NULL, &o->temperature},
              {"top-p", NULL, NULL, &o->top_p},     {"min-p", NULL, NULL, &o->min_p}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (strcmp(rows[i].name, name) != 0) continue;
    if (!text) return complain(MODEL_USAGE, "a value is wanted by --", name);
    if (rows[i].text) *rows[i].text = text;
    if ((rows[i].count && !count_of(text, rows[i].count)) ||
        (rows[i].real && !real_of(text, rows[i].real)))
      return complain(MODEL_USAGE, "a number is wanted by --", name);
    return MODEL_OK;
  }
  return complain(MODEL_USAGE, "unknown option --", name);
}

static int parse(options *o, int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    char name[32] = {0};
    const char *text = strchr(argv[i], '=');
    size_t n = text ? (size_t)(text - argv[i]) : strlen(argv[i]);
    if (strncmp(argv[i], "--", 2) != 0 || n < 3 || n - 2 >= sizeof name)
      return complain(MODEL_USAGE, "unknown argument ", argv[i]);
    memcpy(name, argv[i] + 2, n - 2);
    if (!text && flag_of(o, name)) continue;
    int code = value_of(o, name, text ? text + 1 : i + 1 < argc ? argv[++i] : NULL);
    if (code) return code;
  }
  if (o->temperature < 0 || !(o->top_p > 0 && o->top_p <= 1) || o->min_p < 0 || o->min_p > 1 ||
      o->top_k > UINT32_MAX || o->threads > 1024)
    return complain(MODEL_USAGE, "an option of sampling or --threads is out of range", "");
  if (o->prompt && o->tokens)
    return complain(MODEL_USAGE, "one of --prompt and --tokens", "");
  return MODEL_OK;
}

static void help(void) {
  puts("model: runs the network of this bundle\n"
       "  --prompt TEXT      continue this text\n"
       "  --tokens IDS       continue these ids: 1,403,407\n"
       "  --steps N          tokens to make (128)\n"
       "  --temperature T    0: greedy (default)\n"
       "  --top-k N, --top-p P, --min-p P, --seed N\n"
       "  --hash             print hashes: step name dtype dims hash\n"
       "  --weights FILE     the weights (weights.oinf beside the program)\n"
       "  --threads N        threads (1)\n"
       "  --check            replay the golden steps\n"
       "  --bench            time decoding");
}

// ---- values and lines ----

static void print_value(void *user, const model_value *v) {
  (void)user;
  printf("%llu %s %s [", (unsigned long long)v->step, v->label, v->dtype);
  for (int i = 0; i < v->rank; i++) printf("%s%lld", i ? ", " : "", (long long)v->dims[i]);
  printf("] %016llx\n", (unsigned long long)v->hash);
}

static void print_line(const char *line) { printf("check: %s\n", line); }

#if MODEL_GENERATES
typedef struct talk {
  const options *o;
  model_run *run;
  oi_tokenizer *tok;
  oi_decoder *dec;
  oi_sampler sampler;
  int32_t *ids;  // MODEL_CAPACITY + 1
  int64_t n, fed, said;
  float *logits;
  void *room;
} talk;

static int run_fails(const talk *k, int code) { return complain(code, model_error(k->run), ""); }

static int add_id(talk *k, int64_t id) {
  if (id < 0 || id >= MODEL_VOCAB)
    return complain(MODEL_USAGE, "an id is outside the vocabulary", "");
  if (k->n > MODEL_CAPACITY) return complain(MODEL_USAGE, "the tokens do not fit the context", "");
  k->ids[k->n++] = (int32_t)id;
  return MODEL_OK;
}

static int parse_ids(talk *k, const char *text) {
  while (*text) {
    char one[24] = {0};
    long long id;
    size_t n = strcspn(text, ",");
    if (n >= sizeof one) return complain(MODEL_USAGE, "--tokens wants ids such as 1,403,407", "");
    memcpy(one, text, n);
    if (!count_of(one, &id))
      return complain(MODEL_USAGE, "--tokens wants ids such as 1,403,407", "");
    int code = add_id(k, id);
    if (code) return code;
    text += n + (text[n] == ',');
  }
  return MODEL_OK;
}

static int encode(talk *k, const char *text) {
  int64_t n = oi_tokenizer_encode(k->tok, text, strlen(text), true, NULL, 0), got = 0;
  if (n < 0) return complain(MODEL_MEMORY, "the prompt cannot be encoded", "");
  uint32_t *ids = malloc(sizeof *ids * (size_t)(n + 1));
  if (!ids) return complain(MODEL_MEMORY, "out of memory", "");
  got = oi_tokenizer_encode(k->tok, text, strlen(text), true, ids, (size_t)n);
  int code = MODEL_OK;
  for (int64_t i = 0; i < got && !code; i++) code = add_id(k, ids[i]);
  free(ids);
  return code;
}

static int take_prompt(talk *k) {
  const char *prompt = k->o->prompt ? k->o->prompt : "";
  int code = k->o->tokens ? parse_ids(k, k->o->tokens) : encode(k, prompt);
  if (code || k->o->tokens || k->n) return code;
  int64_t bos = oi_tokenizer_bos(k->tok);
  if (bos < 0) bos = MODEL_BOS;
  if (bos < 0)
    return complain(MODEL_USAGE, "the prompt is empty, and the model has no beginning of sequence",
                    "");
  return add_id(k, bos);
}

static bool ends(uint32_t id) {
  static const int64_t eos[] = MODEL_EOS;
  for (size_t i = 0; i < sizeof eos / sizeof *eos; i++)
    if (eos[i] == (int64_t)id) return true;
  return false;
}

static int say(const char *bytes, size_t n) {
  return fwrite(bytes, 1, n, stdout) == n && fflush(stdout) == 0 ? MODEL_OK : MODEL_IO;
}

static int say_id(talk *k, uint32_t id) {
  const char *bytes;
  size_t n;
  char number[16];
  if (k->o->hash) return MODEL_OK;
  if (k->o->tokens) {
    int length = snprintf(number, sizeof number, k->said++ ? ",%u" : "%u", id);
    return say(number, (size_t)length);
  }
  if (!oi_decoder_push(k->dec, id, &bytes, &n)) return complain(MODEL_MEMORY, "out of memory", "");
  return say(bytes, n);
}

static int say_end(talk *k) {
  const char *bytes;
  size_t n;
  if (k->o->hash || k->o->steps == 0) return MODEL_OK;
  if (!k->o->tokens && oi_decoder_flush(k->dec, &bytes, &n) && say(bytes, n)) return MODEL_IO;
  return say("\n", 1);
}

static int answer(talk *k) {
  for (long long i = 0; i < k->o->steps; i++) {
    if (k->n > MODEL_CAPACITY) return MODEL_OK;
    int code = model_prefill(k->run, k->ids + k->fed, k->n - k->fed, k->logits);
    if (code) return run_fails(k, code);
    k->fed = k->n;
    uint32_t id = oi_sample(&k->sampler, k->logits, MODEL_VOCAB, k->room);
    k->ids[k->n++] = (int32_t)id;
    if (ends(id)) return MODEL_OK;
    code = say_id(k, id);
    if (code) return code;
  }
  return MODEL_OK;
}

static int open_talk(talk *k, const model_file *file) {
  size_t size;
  const void *tables = model_tokenizer(file, &size);
  k->ids = malloc(sizeof *k->ids * (MODEL_CAPACITY + 2));
  k->logits = malloc(sizeof *k->logits * MODEL_VOCAB);
  k->room = malloc(oi_sample_room(MODEL_VOCAB));
  if (!k->ids || !k->logits || !k->room) return complain(MODEL_MEMORY, "out of memory", "");
  oi_sampler_init(&k->sampler, (uint64_t)k->o->seed);
  k->sampler.temperature = k->o->temperature, k->sampler.top_k = (uint32_t)k->o->top_k;
  k->sampler.top_p = k->o->top_p, k->sampler.min_p = k->o->min_p;
  if (k->o->tokens) return MODEL_OK;
  if (!tables) return complain(MODEL_USAGE, "there is no tokenizer: give ids with --tokens", "");
  k->tok = oi_tokenizer_open(tables, size);
  k->dec = k->tok ? oi_decoder_open(k->tok) : NULL;
  return k->dec ? MODEL_OK : complain(MODEL_BAD, "the tokenizer cannot be opened", "");
}

static int converse(talk *k, const model_file *file) {
  int code = open_talk(k, file);
  if (!code) code = take_prompt(k);
  if (!code && k->n == 0) code = complain(MODEL_USAGE, "there is no token to begin with", "");
  if (!code && k->n > MODEL_CAPACITY)
    code = complain(MODEL_USAGE, "the tokens do not fit the context", "");
  if (code) return code;
  uint32_t *asked = malloc(sizeof *asked * (size_t)k->n);
  if (!asked) return complain(MODEL_MEMORY, "out of memory", "");
  for (int64_t i = 0; i < k->n; i++) asked[i] = (uint32_t)k->ids[i];
  if (k->dec && !oi_decoder_prompt(k->dec, asked, (size_t)k->n))
    code = complain(MODEL_MEMORY, "out of memory", "");
  free(asked);
  if (!code && k->o->steps == 0)
    if ((code = model_prefill(k->run, k->ids, k->n, NULL)) != 0) return run_fails(k, code);
  if (!code) code = answer(k);
  return code ? code : say_end(k);
}

static int generate(const options *o, model_file *file) {
  talk k = {.o = o};
  int code = model_new(file, &k.run);
  if (!code) code = model_threads(k.run, (int)o->threads);
  if (code) run_fails(&k, code);
  if (!code && o->hash) model_watch(k.run, print_value, NULL);
  if (!code) code = converse(&k, file);
  oi_decoder_close(k.dec);
  oi_tokenizer_close(k.tok);
  free(k.ids), free(k.logits), free(k.room);
  model_free(k.run);
  return code;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int bench(const options *o, model_file *file) {
  enum { TOKENS = 64 };
  model_run *r;
  int64_t made = 0;
  int code = model_new(file, &r);
  if (!code) code = model_threads(r, (int)o->threads);
  if (!code) code = model_decode(r, 0, NULL);  // proves the weights' checksums
  double begin = seconds();
  for (; !code && made < TOKENS && made + 1 < MODEL_CAPACITY; made++)
    code = model_decode(r, 0, NULL);
  double took = seconds() - begin;
  if (code) complain(code, model_error(r), "");
  else
    printf("decode: %.1f tokens/s, %.2f GB/s of weights\n", (double)made / took,
           1e-9 * (double)made * (double)MODEL_STEP_BYTES / took);
  model_free(r);
  return code;
}
#else
static int generate(const options *o, model_file *file) {
  (void)o, (void)file, (void)print_value;
  return complain(MODEL_USAGE, "this network takes no tokens: use it through model.h", "");
}
static int bench(const options *o, model_file *file) { return generate(o, file); }
#endif

// ---- the whole ----

static void on_bus(int sig) {
  static const char text[] = "model: error: the weights have become shorter while in use\n";
  (void)sig;
  ssize_t n = write(2, text, sizeof text - 1);
  _exit(n < 0 ? MODEL_IO : MODEL_IO);
}

// weights.oinf beside the executable, else in the folder at hand.
static void beside(char *out, size_t room) {
  ssize_t n = readlink("/proc/self/exe", out, room - 16);
  while (n > 0 && out[n - 1] != '/') n--;
  memcpy(out + (n > 0 ? n : 0), "weights.oinf", 13);
}

static int run(const options *o) {
  char path[4096];
  model_file *file;
  beside(path, sizeof path);
  int code = model_open(o->weights ? o->weights : path, &file);
  if (code) complain(code, model_open_error(file), "");
  else if (o->check) code = model_check(file, print_line);
  else if (o->bench) code = bench(o, file);
  else code = generate(o, file);
  model_close(file);
  return code;
}

int main(int argc, char **argv) {
  options o = {.steps = 128, .top_p = 1};
  signal(SIGPIPE, SIG_IGN);
  signal(SIGBUS, on_bus);
  int code = parse(&o, argc, argv);
  if (!code && o.help) help();
  else if (!code) code = run(&o);
  if (fflush(stdout) != 0 && !code) code = MODEL_IO;
  return code;
}
