// Writes Hugging Face folders of random Llamas: config.json, model.safetensors in bf16, and, where
// the model wants one, a tokenizer.json with 128000 tokens.
//
//   make_llama NAME FOLDER     NAME: 100m, open-small, open-large
//
// Weights are a formula of tensor and index, so that every machine measures the same model: signs
// and fractions by a hash, magnitudes near 1 / sqrt(hidden), norms 1. The tokenizer is a byte-level
// BPE whose merges build every word of two and three lower-case letters and most of those of four.
// It is no model of anything: what it says is noise.
#include "tests/bench/bench.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct shape {
  const char *name;
  int layers, hidden, inner, heads, kv, vocab, positions;
  bool tied, tokenizer;
} shape;
static const shape shapes[] = {
    {"100m", 12, 768, 2048, 12, 4, 32000, 1024, true, false},          // 100.1 million
    {"open-small", 33, 16, 64, 2, 2, 128000, 1024, false, true},       // 300 tensors, 8 MiB
    {"open-large", 33, 1024, 1408, 16, 16, 128000, 1024, false, true}  // 300 tensors, 1 GiB
};

enum { MOST_TENSORS = 512, BUFFER = 1 << 20 };
typedef struct tensor {
  char name[80];
  int rows, columns;  // columns 0: a norm, [rows]
} tensor;
typedef struct folder {
  const shape *s;
  tensor tensors[MOST_TENSORS];
  int n;
} folder;

static FILE *create(const char *where, const char *name) {
  char path[4096];
  if (snprintf(path, sizeof path, "%s/%s", where, name) >= (int)sizeof path)
    bench_die("the folder's name is too long");
  FILE *f = fopen(path, "wb");
  if (!f) bench_die("cannot create %s", path);
  return f;
}

static void finish(FILE *f) {
  if (fclose(f) != 0) bench_die("cannot write");
}

// ---- tensors ----

static void add(folder *f, const char *name, int rows, int columns) {
  if (f->n == MOST_TENSORS) bench_die("too many tensors");
  tensor *t = &f->tensors[f->n++];
  snprintf(t->name, sizeof t->name, "%s", name);
  t->rows = rows, t->columns = columns;
}

static void add_layer(folder *f, int layer, const char *part, int rows, int columns) {
  char name[80];
  snprintf(name, sizeof name, "model.layers.%d.%s.weight", layer, part);
  add(f, name, rows, columns);
}

static void list(folder *f) {
  const shape *s = f->s;
  const int kv = s->hidden / s->heads * s->kv;
  add(f, "model.embed_tokens.weight", s->vocab, s->hidden);
  for (int l = 0; l < s->layers; l++) {
    add_layer(f, l, "input_layernorm", s->hidden, 0);
    add_layer(f, l, "self_attn.q_proj", s->hidden, s->hidden);
    add_layer(f, l, "self_attn.k_proj", kv, s->hidden);
    add_layer(f, l, "self_attn.v_proj", kv, s->hidden);
    add_layer(f, l, "self_attn.o_proj", s->hidden, s->hidden);
    add_layer(f, l, "post_attention_layernorm", s->hidden, 0);
    add_layer(f, l, "mlp.gate_proj", s->inner, s->hidden);
    add_layer(f, l, "mlp.up_proj", s->inner, s->hidden);
    add_layer(f, l, "mlp.down_proj", s->hidden, s->inner);
  }
  add(f, "model.norm.weight", s->hidden, 0);
  if (!s->tied) add(f, "lm_head.weight", s->vocab, s->hidden);
}

static uint64_t bytes_of(const tensor *t) {
  return 2 * (uint64_t)t->rows * (uint64_t)(t->columns ? t->columns : 1);
}

// The greatest power of two that is at most 1 / sqrt(hidden), as an exponent of bf16.
static uint64_t exponent(int hidden) {
  uint64_t e = 127;
  for (uint64_t n = 1; n < (uint64_t)hidden; n *= 4) e--;
  return e << 7;
}

static void write_tensor(FILE *f, const shape *s, const tensor *t, uint64_t seed) {
  static uint64_t words[BUFFER / 8];
  const uint64_t base = (t->columns ? exponent(s->hidden) : 0x3f80) * 0x0001000100010001u;
  const uint64_t free_bits = t->columns ? 0x807f807f807f807fu : 0;
  uint64_t left = bytes_of(t), x = seed * 0x9e3779b97f4a7c15u + 1;
  while (left) {
    const uint64_t n = left < BUFFER ? left : BUFFER;
    for (uint64_t i = 0; i * 8 < n; i++) {
      x = x * 6364136223846793005u + 1442695040888963407u;
      words[i] = ((x ^ x >> 31) & free_bits) | base;
    }
    if (fwrite(words, 1, n, f) != n) bench_die("cannot write the weights");
    left -= n;
  }
}

static void write_weights(const folder *f, const char *where) {
  FILE *out = create(where, "model.safetensors");
  uint64_t at = 0;
  fwrite(&at, 8, 1, out);
  fprintf(out, "{\"__metadata__\":{\"format\":\"pt\"}");
  for (int i = 0; i < f->n; i++) {
    const tensor *t = &f->tensors[i];
    fprintf(out, ",\"%s\":{\"dtype\":\"BF16\",\"shape\":[%d", t->name, t->rows);
    if (t->columns) fprintf(out, ",%d", t->columns);
    fprintf(out, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)at,
            (unsigned long long)(at + bytes_of(t)));
    at += bytes_of(t);
  }
  fprintf(out, "}");
  while (ftell(out) % 8) fputc(' ', out);
  const uint64_t header = (uint64_t)ftell(out) - 8;
  for (int i = 0; i < f->n; i++) write_tensor(out, f->s, &f->tensors[i], (uint64_t)i + 1);
  rewind(out);
  fwrite(&header, 8, 1, out);
  finish(out);
}

static void write_config(const shape *s, const char *where) {
  FILE *f = create(where, "config.json");
  fprintf(f,
          "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\",\n"
          " \"hidden_size\": %d, \"intermediate_size\": %d, \"num_hidden_layers\": %d,\n"
          " \"num_attention_heads\": %d, \"num_key_value_heads\": %d, \"vocab_size\": %d,\n"
          " \"max_position_embeddings\": %d, \"rms_norm_eps\": 1e-05, \"rope_theta\": 10000.0,\n"
          " \"hidden_act\": \"silu\", \"tie_word_embeddings\": %s, \"torch_dtype\": \"bfloat16\",\n"
          " \"bos_token_id\": 1, \"eos_token_id\": 2}\n",
          s->hidden, s->inner, s->layers, s->heads, s->kv, s->vocab, s->positions,
          s->tied ? "true" : "false");
  finish(f);
}

// ---- the tokenizer ----

// The character that stands for a byte in byte-level BPE: itself where it can be seen, else the
// next of those from U+0100 on.
static void put_byte(FILE *f, int byte) {
  int next = 0x100;
  for (int b = 0; b <= byte; b++) {
    const bool seen = (b > 32 && b < 127) || (b > 160 && b != 173);
    if (b < byte) next += !seen;
    else if (seen) next = b;
  }
  if (next == '"' || next == '\\') fputc('\\', f);
  if (next < 128) fputc(next, f);
  else fprintf(f, "%c%c", 0xc0 | next >> 6, 0x80 | (next & 63));
}

// Word `i` of those of n letters.
static const char *word(char *out, int n, int i) {
  out[n] = 0;
  for (; n--; i /= 26) out[n] = (char)('a' + i % 26);
  return out;
}

// Calls for each token that merges make, in order: first part, last letter.
static void each_merge(FILE *f, int vocab, void (*put)(FILE *f, const char *text, int n, int id)) {
  char text[8];
  int id = 256;
  for (int n = 2, all = 676; n <= 4; n++, all *= 26)
    for (int i = 0; i < all && id < vocab; i++) put(f, word(text, n, i), n, id++);
}

static void put_token(FILE *f, const char *text, int n, int id) {
  (void)n;
  fprintf(f, ",\"%s\":%d", text, id);
}

static void put_merge(FILE *f, const char *text, int n, int id) {
  fprintf(f, "%s\"%.*s %c\"", id == 256 ? "" : ",", n - 1, text, text[n - 1]);
}

static void write_tokenizer(const shape *s, const char *where) {
  FILE *f = create(where, "tokenizer.json");
  const char *level = "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                      "\"trim_offsets\": true, \"use_regex\": true}";
  fprintf(f,
          "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, \"added_tokens\": [],\n"
          " \"normalizer\": null, \"pre_tokenizer\": %s,\n"
          " \"post_processor\": null, \"decoder\": %s,\n"
          " \"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": null,\n"
          "  \"continuing_subword_prefix\": null, \"end_of_word_suffix\": null,\n"
          "  \"fuse_unk\": false, \"byte_fallback\": false, \"vocab\": {",
          level, level);
  for (int b = 0; b < 256; b++) {
    fputs(b ? ",\"" : "\"", f);
    put_byte(f, b);
    fprintf(f, "\":%d", b);
  }
  each_merge(f, s->vocab, put_token);
  fprintf(f, "},\n  \"merges\": [");
  each_merge(f, s->vocab, put_merge);
  fprintf(f, "]}}\n");
  finish(f);
}

int main(int argc, char **argv) {
  static folder f;
  for (size_t i = 0; argc == 3 && i < sizeof shapes / sizeof *shapes; i++)
    if (strcmp(shapes[i].name, argv[1]) == 0) f.s = &shapes[i];
  if (!f.s) bench_die("usage: make_llama 100m|open-small|open-large FOLDER");
  list(&f);
  write_config(f.s, argv[2]);
  if (f.s->tokenizer) write_tokenizer(f.s, argv[2]);
  write_weights(&f, argv[2]);
  return 0;
}
