// How a model wants its text drawn: the blob `generation` of a package, a JSON object of those
// settings that are not the usual ones. A converter makes it of a checkpoint's
// generation_config.json; a tool takes them where its own options say nothing. Ids that end a text
// are metadata (oinf.eos), as every text needs them.
#ifndef OINF_FORMATS_GENERATION_H
#define OINF_FORMATS_GENERATION_H
#include "lib/model.h"

struct json_t;

// As lib/rt/sample.h has them.
typedef struct oi_generation {
  double temperature;          // 0: greedy
  double top_k, top_p, min_p;  // 0, 1, 0: off; top_k is whole
  double repetition_penalty;   // 1: off
} oi_generation;

// The usual ones where the model has no such blob. Keys that are not known here are passed over;
// FORMAT where a known one is out of its bounds.
oinf_status oi_generation_read(oinf_ctx *ctx, const oinf_model *m, oi_generation *out);
// From generation_config.json, with the meaning that transformers gives it: without `do_sample` the
// best token is taken, and with it top_k is 50 unless it says another. What is asked for and cannot
// be done is left out, and said in the note.
void oi_generation_take(const struct json_t *config, oi_generation *out, oi_text *note);
// For people: "temperature 0.6, top_k 50", of the settings that are not the usual ones.
void oi_generation_print(const oi_generation *g, oi_text *out);
// Sets the blob, or leaves it out where every setting is the usual one.
oinf_status oi_generation_save(const oi_generation *g, oinf_model *m);
#endif
