// See generation.h. One table has the settings; reading, taking over and writing walk it.
#include "formats/generation.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "formats/json.h"
#include "lib/number.h"

typedef struct setting {
  const char *name;
  size_t offset;
  double usual, lo, hi;
  bool whole;
} setting;
#define AT(field) offsetof(oi_generation, field)
static const setting settings[] = {
    {"temperature", AT(temperature), 0, 0, DBL_MAX, false},
    {"top_k", AT(top_k), 0, 0, UINT32_MAX, true},
    {"top_p", AT(top_p), 1, DBL_MIN, 1, false},
    {"min_p", AT(min_p), 0, 0, 1, false},
    {"repetition_penalty", AT(repetition_penalty), 1, DBL_MIN, DBL_MAX, false},
};
enum {
  N_SETTINGS = sizeof settings / sizeof *settings
};

static double *field(oi_generation *g, const setting *s) {
  return (double *)(void *)((char *)g + s->offset);
}

static void set_usual(oi_generation *g) {
  for (size_t i = 0; i < N_SETTINGS; i++) *field(g, &settings[i]) = settings[i].usual;
}

static bool is_fit(const setting *s, const json_t *v) {
  const double x = json_is_number(v) ? json_number_value(v) : NAN;
  return x >= s->lo && x <= s->hi && (!s->whole || x == floor(x));
}

// ---- of a package ----

oinf_status oi_generation_read(oinf_ctx *ctx, const oinf_model *m, oi_generation *out) {
  const oinf_blob *b = oinf_model_blob(m, "generation");
  json_t *root = NULL;
  set_usual(out);
  if (!b) return OINF_OK;
  OI_TRY(oi_json_parse(ctx, b->data, b->size, OI_JSON_STRICT, "blob 'generation'", &root));
  oinf_status status = OINF_OK;
  if (!json_is_object(root))
    status = oi_fail(oi_ctx_err(ctx), OINF_FORMAT, "blob 'generation' is no JSON object");
  for (size_t i = 0; i < N_SETTINGS && status == OINF_OK; i++) {
    const json_t *v = json_object_get(root, settings[i].name);
    if (!v) continue;
    if (is_fit(&settings[i], v)) *field(out, &settings[i]) = json_number_value(v);
    else
      status = oi_fail(oi_ctx_err(ctx), OINF_FORMAT,
                       "the package's generation settings: %s is out of bounds", settings[i].name);
  }
  json_decref(root);
  return status;
}

// Name and number of each setting that is not the usual one, with these around the name.
static void put_unusual(const oi_generation *g, const char *first, const char *next,
                        const char *behind, oi_text *out) {
  oi_generation kept = *g;
  bool any = false;
  for (size_t i = 0; i < N_SETTINGS; i++) {
    const double x = *field(&kept, &settings[i]);
    if (x == settings[i].usual) continue;
    oi_text_put(out, "%s%s%s", any ? next : first, settings[i].name, behind);
    oi_number_print(x, out);
    any = true;
  }
}

void oi_generation_print(const oi_generation *g, oi_text *out) {
  put_unusual(g, "", ", ", " ", out);
}

oinf_status oi_generation_save(const oi_generation *g, oinf_model *m) {
  oi_text text;
  oi_text_init(&text, m->ctx);
  put_unusual(g, "{\"", ",\"", "\":", &text);
  const bool any = text.n > 0;
  oi_text_add(&text, "}", 1);
  oinf_status status = text.failed ? oi_nomem(oi_ctx_err(m->ctx), text.n) : OINF_OK;
  if (status == OINF_OK && any) status = oinf_model_set_blob(m, "generation", text.at, text.n);
  oi_text_free(&text);
  return status;
}

// ---- of a checkpoint ----

// Keys that would change a text, and the number that asks for nothing.
static const struct {
  const char *name;
  double nothing;
} unknown[] = {{"num_beams", 1},
               {"no_repeat_ngram_size", 0},
               {"typical_p", 1},
               {"epsilon_cutoff", 0},
               {"eta_cutoff", 0},
               {"encoder_repetition_penalty", 1},
               {"min_length", 0},
               {"min_new_tokens", 0},
               {"suppress_tokens", NAN},
               {"begin_suppress_tokens", NAN},
               {"bad_words_ids", NAN},
               {"forced_bos_token_id", NAN},
               {"forced_eos_token_id", NAN},
               {"sequence_bias", NAN}};

static void say_left_out(const char *name, oi_text *note) {
  oi_text_put(note, "%s%s", note->n ? ", " : "", name);
}

static bool asks(const json_t *v, double nothing) {
  if (!v || json_is_null(v)) return false;
  return json_is_number(v) ? json_number_value(v) != nothing : json_array_size(v) > 0;
}

void oi_generation_take(const json_t *config, oi_generation *out, oi_text *note) {
  const bool draws = json_is_true(json_object_get(config, "do_sample"));
  set_usual(out);
  if (draws) out->temperature = 1, out->top_k = 50;
  for (size_t i = 0; i < N_SETTINGS; i++) {
    const setting *s = &settings[i];
    const json_t *v = json_object_get(config, s->name);
    if (!v || json_is_null(v) || (s->offset == AT(temperature) && !draws)) continue;
    if (is_fit(s, v)) *field(out, s) = json_number_value(v);
    else say_left_out(s->name, note);
  }
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    const json_t *v = json_object_get(config, unknown[i].name);
    if (asks(v, unknown[i].nothing)) say_left_out(unknown[i].name, note);
  }
}
