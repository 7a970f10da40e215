// Generation settings: what a checkpoint's generation_config.json asks for, as transformers reads
// it, into a package and out again, and packages whose settings are refused.
#include <math.h>

#include "formats/generation.h"
#include "formats/json.h"
#include "tests/scarce.h"
#include "tests/test.h"

static oinf_ctx *new_ctx(const oinf_ctx_desc *desc) {
  oinf_ctx *ctx;
  CHECK_INT(oinf_ctx_create(desc, &ctx), OINF_OK);
  return ctx;
}

// temperature, top_k, top_p, min_p, repetition_penalty; the note; the blob, "" for none.
static const struct {
  const char *config;
  double want[5];
  const char *note, *blob;
} rows[] = {
    {"{}", {0, 0, 1, 0, 1}, "", ""},
    {"{\"temperature\":0.7}", {0, 0, 1, 0, 1}, "", ""},
    {"{\"do_sample\":true}", {1, 50, 1, 0, 1}, "", "{\"temperature\":1,\"top_k\":50}"},
    {"{\"do_sample\":true,\"temperature\":0.6,\"top_p\":0.9,\"max_length\":4096}",
     {0.6, 50, 0.9, 0, 1},
     "",
     "{\"temperature\":0.6,\"top_k\":50,\"top_p\":0.9}"},
    {"{\"do_sample\":true,\"temperature\":0.6,\"top_k\":20,\"top_p\":0.95,\"min_p\":0.01}",
     {0.6, 20, 0.95, 0.01, 1},
     "",
     "{\"temperature\":0.6,\"top_k\":20,\"top_p\":0.95,\"min_p\":0.01}"},
    {"{\"do_sample\":true,\"top_k\":0,\"temperature\":null}",
     {1, 0, 1, 0, 1},
     "",
     "{\"temperature\":1}"},
    {"{\"do_sample\":false,\"repetition_penalty\":1.1,\"top_k\":20}",
     {0, 20, 1, 0, 1.1},
     "",
     "{\"top_k\":20,\"repetition_penalty\":1.1}"},
    {"{\"do_sample\":true,\"top_k\":2.5,\"top_p\":0,\"min_p\":\"x\",\"repetition_penalty\":0}",
     {1, 50, 1, 0, 1},
     "top_k, top_p, min_p, repetition_penalty",
     "{\"temperature\":1,\"top_k\":50}"},
    {"{\"num_beams\":4,\"no_repeat_ngram_size\":0,\"typical_p\":0.5,\"bad_words_ids\":null,"
     "\"suppress_tokens\":[],\"begin_suppress_tokens\":[1,2]}",
     {0, 0, 1, 0, 1},
     "num_beams, typical_p, begin_suppress_tokens",
     ""},
};

static void check_settings(const oi_generation *g, const double want[5], size_t row) {
  const double have[5] = {g->temperature, g->top_k, g->top_p, g->min_p, g->repetition_penalty};
  for (int i = 0; i < 5; i++)
    CHECK_MSG(have[i] == want[i], "row %zu: setting %d is %g, not %g", row, i, have[i], want[i]);
}

TEST(generation, is_taken_from_a_checkpoint_and_kept) {
  oinf_ctx *ctx = new_ctx(NULL);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    oi_generation taken, read;
    oi_text note;
    json_t *config;
    oinf_model *m;
    oi_text_init(&note, ctx);
    CHECK_INT(oi_json_parse(ctx, rows[i].config, strlen(rows[i].config), OI_JSON_PYTHON, "config",
                            &config),
              OINF_OK);
    oi_generation_take(config, &taken, &note);
    check_settings(&taken, rows[i].want, i);
    CHECK_STR(note.at ? note.at : "", rows[i].note);
    CHECK_INT(oinf_model_create(ctx, &m), OINF_OK);
    CHECK_INT(oi_generation_save(&taken, m), OINF_OK);
    const oinf_blob *b = oinf_model_blob(m, "generation");
    CHECK_MSG((b ? b->size : 0) == strlen(rows[i].blob) &&
                  (!b || memcmp(b->data, rows[i].blob, b->size) == 0),
              "row %zu: %.*s", i, b ? (int)b->size : 0, b ? (const char *)b->data : "");
    CHECK_INT(oi_generation_read(ctx, m, &read), OINF_OK);
    check_settings(&read, rows[i].want, i);
    oinf_model_destroy(m);
    json_decref(config);
    oi_text_free(&note);
  }
  oinf_ctx_destroy(ctx);
}

TEST(generation, what_a_package_may_not_say_is_refused) {
  static const struct {
    const char *blob, *words;  // NULL: it may
  } blobs[] = {{"{\"temperature\":0,\"later\":[1]}", NULL},
               {"{\"top_p\":1e-3}", NULL},
               {"{\"temperature\":-1}", "temperature is out of bounds"},
               {"{\"temperature\":\"1\"}", "temperature is out of bounds"},
               {"{\"top_k\":1.5}", "top_k is out of bounds"},
               {"{\"top_k\":4294967296}", "top_k is out of bounds"},
               {"{\"top_p\":0}", "top_p is out of bounds"},
               {"{\"top_p\":1.01}", "top_p is out of bounds"},
               {"{\"min_p\":2}", "min_p is out of bounds"},
               {"{\"repetition_penalty\":0}", "repetition_penalty is out of bounds"},
               {"[1]", "is no JSON object"},
               {"{", "generation"}};
  for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++) {
    oinf_ctx *ctx = new_ctx(NULL);
    oi_generation g;
    oinf_model *m;
    CHECK_INT(oinf_model_create(ctx, &m), OINF_OK);
    CHECK_INT(oinf_model_set_blob(m, "generation", blobs[i].blob, strlen(blobs[i].blob)), OINF_OK);
    CHECK_INT(oi_generation_read(ctx, m, &g), blobs[i].words ? OINF_FORMAT : OINF_OK);
    CHECK_MSG(!blobs[i].words || strstr(oinf_error(ctx), blobs[i].words), "%s: %s", blobs[i].blob,
              oinf_error(ctx));
    oinf_model_destroy(m);
    oinf_ctx_destroy(ctx);
  }
}

// Sets and reads with the fail_at-th allocation failing; gives the status.
static oinf_status run_scarce(scarce *s, const oi_generation *g) {
  oi_generation read = {.top_k = NAN};
  oinf_ctx *ctx = NULL;
  oinf_model *m = NULL;
  oinf_status status = oinf_ctx_create(&(oinf_ctx_desc){.alloc = scarce_alloc, .user = s}, &ctx);
  if (status != OINF_OK) return status;
  status = oinf_model_create(ctx, &m);
  if (status == OINF_OK) status = oi_generation_save(g, m);
  if (status == OINF_OK) status = oi_generation_read(ctx, m, &read);
  if (status == OINF_OK) CHECK(read.top_k == g->top_k && read.min_p == g->min_p);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
  return status;
}

TEST(generation, every_allocation_fails_in_turn) {
  const oi_generation g = {0.5, 40, 0.9, 0.1, 1.2};
  scarce s = {0};
  CHECK_INT(run_scarce(&s, &g), OINF_OK);
  const long n = s.calls;
  for (long i = 1; i <= n; i++) {
    s = (scarce){.fail_at = i};
    CHECK_INT(run_scarce(&s, &g), OINF_MEMORY);
    CHECK_INT(s.bytes, 0);
  }
}
