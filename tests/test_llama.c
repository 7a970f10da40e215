// The Llama family against transformers: every case of tests/data/llama is written as a checkpoint
// folder, converted through the command's own functions, simulated, and must give the same greedy
// ids and, in the last step, the same logits. The cases are config.json as transformers 4 and 5
// write it; make.py there says how the expectations came about.
#include <dirent.h>
#include <math.h>
#include <oinf/sim.h>

#include "convert/convert.h"
#include "tests/checkpoint.h"
#include "tests/test.h"

#define DATA "tests/data/llama/"

static oinf_ctx *ctx;
static char notes[4096];

static void on_log(void *user, const char *line) {
  (void)user;
  const size_t n = strlen(notes);
  snprintf(notes + n, sizeof notes - n, "%s\n", line);
}

static oinf_ctx *context(void) {
  if (!ctx) CHECK_INT(oinf_ctx_create(&(oinf_ctx_desc){.log = on_log}, &ctx), OINF_OK);
  oinf_error_clear(ctx);
  notes[0] = 0;
  return ctx;
}

static oinf_status convert(const char *folder, const char *out, oi_convert options) {
  options.ctx = context();
  options.source = folder, options.out = out;
  oinf_status status = oi_convert_plan(&options);
  if (status == OINF_OK) status = oi_convert_write(&options);
  oi_convert_free(&options);
  return status;
}

static oinf_model *convert_open(const char *folder, oi_convert options) {
  const char *out = oi_test_path(oi_test_dir(), "made.oinf");
  oinf_model *m;
  oinf_status status = convert(folder, out, options);
  CHECK_MSG(status == OINF_OK, "%s: %s", folder, oinf_error(ctx));
  CHECK_MSG(oinf_model_open(ctx, out, &m) == OINF_OK, "%s", oinf_error(ctx));
  return m;
}

// ---- generating ----

typedef struct text {
  oinf_model *model;
  oinf_graph *graph;
  oinf_sim *sim;
  int64_t at;
  const float *logits;
  int64_t vocab;
} text;

static void begin(text *t, oinf_model *m) {
  *t = (text){.model = m};
  CHECK_MSG(oinf_graph_load(ctx, m, NULL, &t->graph) == OINF_OK, "%s", oinf_error(ctx));
  CHECK_MSG(oinf_sim_create(m, t->graph, NULL, &t->sim) == OINF_OK, "%s", oinf_error(ctx));
}

static void step(text *t, const int32_t *ids, int64_t n) {
  oinf_array a;
  if (t->at) CHECK_INT(oinf_sim_end(t->sim), OINF_OK);
  CHECK_INT(oinf_sim_set(t->sim, "P", t->at), OINF_OK);
  CHECK_INT(oinf_sim_bind(t->sim, "tokens", ids, OINF_I32, 1, &n), OINF_OK);
  CHECK_MSG(oinf_sim_fetch(t->sim, "logits", &a) == OINF_OK, "%s", oinf_sim_error(t->sim));
  CHECK(a.dtype == OINF_F32 && a.rank == 1);
  t->logits = a.data, t->vocab = a.dims[0], t->at += n;
}

static int32_t best(const text *t) {
  int32_t id = 0;
  for (int32_t i = 1; i < t->vocab; i++)
    if (t->logits[i] > t->logits[id]) id = i;
  return id;
}

static void end(text *t) {
  oinf_sim_destroy(t->sim);
  oinf_graph_destroy(t->graph);
  oinf_model_destroy(t->model);
}

static void compare_logits(const text *t, const json_t *want, double tolerance, const char *name) {
  if (!json_is_array(want)) return;
  CHECK_INT(t->vocab, json_array_size(want));
  double worst = 0;
  for (int64_t i = 0; i < t->vocab; i++) {
    const double apart =
        fabs((double)t->logits[i] - json_number_value(json_array_get(want, (size_t)i)));
    if (!(apart <= worst)) worst = apart;
  }
  CHECK_MSG(worst <= tolerance, "%s: logits differ by %g", name, worst);
}

static void generate(const oi_case *c, oinf_model *m, double tolerance, const char *name) {
  const json_t *prompt = json_object_get(c->root, "prompt"), *ids = json_object_get(c->root, "ids");
  int32_t in[64];
  text t;
  begin(&t, m);
  const size_t n = json_array_size(prompt);
  for (size_t i = 0; i < n; i++) in[i] = (int32_t)json_integer_value(json_array_get(prompt, i));
  step(&t, in, (int64_t)n);
  for (size_t i = 0; i < json_array_size(ids); i++) {
    const int32_t id = best(&t);
    CHECK_MSG(id == json_integer_value(json_array_get(ids, i)), "%s: id %zu is %d", name, i, id);
    if (i + 1 < json_array_size(ids)) step(&t, &id, 1);
  }
  compare_logits(&t, json_object_get(c->root, "logits"), tolerance, name);
  end(&t);
}

static void check_end(const oi_case *c, const oinf_model *m, const char *name) {
  char want[32] = "";
  const json_t *eos = json_object_get(c->root, "eos");
  const char *have = oinf_model_meta(m, "oinf.eos");
  if (json_is_integer(eos)) snprintf(want, sizeof want, "%d", (int)json_integer_value(eos));
  CHECK_MSG(strcmp(have ? have : "", want) == 0, "%s: eos is %s, not %s", name, have, want);
}

static void run_case(const char *file) {
  oi_case c;
  char folder[600];
  oi_case_open(oi_test_path(DATA, file), &c);
  snprintf(folder, sizeof folder, "%s/%s", oi_test_dir(), file);
  oi_case_write(context(), &c, folder, NULL);
  oinf_model *m = convert_open(folder, (oi_convert){.no_golden = true});
  CHECK_MSG(!notes[0], "%s: %s", file, notes);
  check_end(&c, m, file);
  generate(&c, m, 2e-4, file);
  oi_case_close(&c);
}

static void run_cases(const char *end_of_name, int at_least) {
  DIR *d = opendir(DATA);
  int n = 0;
  CHECK(d);
  for (struct dirent *e; (e = readdir(d));) {
    const size_t k = strlen(e->d_name), m = strlen(end_of_name);
    if (k < m || strcmp(e->d_name + k - m, end_of_name) != 0) continue;
    run_case(e->d_name);
    n++;
  }
  closedir(d);
  CHECK_MSG(n >= at_least, "%d cases of %s", n, end_of_name);
}

TEST(llama, answers_as_transformers_4) { run_cases("-4.json", 26); }
TEST(llama, answers_as_transformers_5) { run_cases("-5.json", 25); }

TEST(llama, answers_as_a_plain_forward) {
  run_case("plain.json");
  run_case("plain-greedy.json");
  run_case("plain-llama3.json");
  run_case("plain-tied.json");
}
