// A sample package that fills every section: splat and noise, block formats, a scalar and an empty
// tensor, states, blobs, golden steps, and a tensor that may be large enough for a page of its own.
#include "tests/package_sample.h"
#include "tests/iofault.h"

oinf_ctx *oi_sample_ctx;
float oi_sample_data[16384 + 37];
const char oi_sample_graph[] =
    "oinf-graph 1\ngraph \"text\"\n  sym C 1 512\n  state k f32 [5, C, 4, 8]\n"
    "  state v f32 [5, C, 4, 8]\n  in tokens i32 [1]\n";

void oi_sample_begin(void) {
  oi_fault_set(NULL);
  if (!oi_sample_ctx) CHECK_INT(oinf_ctx_create(NULL, &oi_sample_ctx), OINF_OK);
  oinf_error_clear(oi_sample_ctx);
}

static void add_bytes(oinf_model *m, const char *name, oinf_dtype dtype, uint32_t rank,
                      const int64_t *dims, const void *data) {
  OK(oinf_model_add(m, name, dtype, rank, dims, data));
}

static void add_made(oinf_model *m, const char *name, oi_tensor_kind kind, oinf_dtype dtype,
                     int64_t n, uint64_t seed) {
  oi_tensor t = {.pub = {.dtype = dtype, .rank = 1, .dims = {n}}, .kind = kind, .seed = seed};
  OK(oi_model_add_tensor(m, &t, name, strlen(name)));
}

oinf_model *oi_sample_model(int64_t elements) {
  static const uint8_t q8[68] = {0, 60, 1, 2, 3, [34] = 0, 60, 255, 254};
  oinf_model *m;
  for (size_t i = 0; i < sizeof oi_sample_data / sizeof(float); i++)
    oi_sample_data[i] = (float)i * 0.25f;
  OK(oinf_model_create(oi_sample_ctx, &m));
  add_bytes(m, "tok_embeddings", OINF_F32, 2, (int64_t[]){4, 3}, oi_sample_data);
  add_bytes(m, "blk.0.wq", OINF_Q8_0, 2, (int64_t[]){2, 32}, q8);
  add_bytes(m, "empty", OINF_I64, 2, (int64_t[]){0, 7}, NULL);
  add_bytes(m, "scalar", OINF_F64, 0, NULL, oi_sample_data + 4);
  add_bytes(m, "big", OINF_F32, 1, &elements, oi_sample_data);
  add_made(m, "ones", OI_TENSOR_SPLAT, OINF_F32, 1000, 0x3f800000);
  add_made(m, "random", OI_TENSOR_NOISE, OINF_BF16, 100, 7 | (uint64_t)3 << 56);
  OK(oi_model_index(m));
  OK(oinf_model_set_meta(m, "oinf.task", "generate"));
  OK(oinf_model_set_meta(m, "a", ""));
  OK(oinf_model_set_meta(m, "note", "gr\xc3\xbc\xc3\x9f""e\nand a second line"));
  OK(oi_model_set_graph(m, "text", oi_sample_graph, sizeof oi_sample_graph - 1));
  OK(oi_model_set_graph(m, "none", "", 0));
  OK(oinf_model_set_blob(m, "tokenizer", oi_sample_data, 777));
  OK(oinf_model_set_blob(m, "generation", "{}", 2));
  return m;
}

oi_golden_step *oi_sample_golden(void) {
  static int32_t token_ids[3] = {3, 10, 17};
  static oi_golden_sym syms[] = {{"P", 0}, {"T", 3}};
  static oi_golden_bytes in = {"tokens", OINF_I32, 1, {3}, token_ids, 12, 0};
  static oi_golden_bytes out[] = {{"logits", OINF_F32, 2, {1, 8}, oi_sample_data, 32, -0.5},
                                  {"loss", OINF_F32, 0, {0}, oi_sample_data + 9, 4, 1e-3}};
  static oi_golden_value values[] = {{"blk.0.attn_out", OINF_F32, 2, {3, 32}, 0x1234},
                                     {"logits", OINF_F32, 2, {1, 8}, ~0ull}};
  static oi_golden_step steps[2];
  steps[0] = (oi_golden_step){"text", NULL, syms, 2, &in, 1, out, 2, values, 2};
  steps[1] = (oi_golden_step){"text", "decode", syms, 1, &in, 1, out, 1, values, 1};
  return steps;
}

const char *oi_sample_path(const char *name) {
  static char full[4][256];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(full[turn], sizeof full[turn], "%s/%s", oi_test_dir(), name);
  return full[turn];
}

void oi_sample_write(oinf_model *m, const char *path) {
  oi_oinf_writer *w;
  oinf_model *again;
  OK(oi_oinf_begin(m, path, NULL, &w));
  OK(oi_oinf_reopen(w, &again));
  CHECK_INT(oinf_model_tensor_count(again), oinf_model_tensor_count(m));
  OK(oi_oinf_set_golden(w, oi_sample_golden(), 2));
  oinf_model_destroy(again);
  OK(oi_oinf_commit(&w));
  CHECK(!w);
}

oi_sample_bytes oi_sample_slurp(const char *path) {
  oi_sample_bytes b;
  b.at = (uint8_t *)oi_test_slurp(path, &b.n);
  return b;
}

oi_sample_bytes oi_sample_package(int64_t elements) {
  oinf_model *m = oi_sample_model(elements);
  const char *path = oi_sample_path("sample.oinf");
  oi_sample_write(m, path);
  oinf_model_destroy(m);
  return oi_sample_slurp(path);
}

oinf_status oi_sample_open(const void *at, size_t n, oinf_model **m) {
  oinf_error_clear(oi_sample_ctx);
  return oi_oinf_open(oi_sample_ctx, (oi_source){.fd = -1, .map = at, .size = n}, m);
}

oinf_status oi_sample_check(const void *at, size_t n) {
  oinf_model *m;
  oinf_status status = oi_sample_open(at, n, &m);
  if (status != OINF_OK) return status;
  status = oi_oinf_verify_weights(m, NULL, NULL);
  oinf_model_destroy(m);
  return status;
}
