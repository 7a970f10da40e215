// Checkpoint folders: which weights win, what is carried along, what is said where something lacks.
#include "formats/format.h"
#include "formats/safetensors.h"
#include "tests/scarce.h"
#include "tests/test.h"

#include <sys/stat.h>
#include <unistd.h>

static oinf_ctx *ctx;
static char root[256];

static void begin(const char *name) {
  if (!ctx) CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  oinf_error_clear(ctx);
  snprintf(root, sizeof root, "%s/%s", oi_test_dir(), name);
  CHECK(mkdir(root, 0777) == 0);
}

static const char *in_root(const char *name) {
  static char full[600];
  snprintf(full, sizeof full, "%s/%s", root, name);
  return full;
}

static void put(const char *name, const char *text) {
  FILE *f = fopen(in_root(name), "wb");
  CHECK(f && fwrite(text, 1, strlen(text), f) == strlen(text) && fclose(f) == 0);
}

// A file with one tensor, named as given.
static void put_weights(const char *name, const char *tensor) {
  oi_st_tensor t = {{.name = tensor, .dtype = OINF_U8}, "\x2a"};
  CHECK_INT(oi_safetensors_write(ctx, in_root(name), &t, 1), OINF_OK);
}

static oinf_model *open_good(void) {
  oinf_model *m;
  oinf_error_clear(ctx);
  CHECK_MSG(oinf_model_open(ctx, root, &m) == OINF_OK, "%s", oinf_error(ctx));
  return m;
}

static void refused(oinf_status want, const char *word) {
  oinf_model *m;
  oinf_error_clear(ctx);
  oinf_status have = oinf_model_open(ctx, root, &m);
  CHECK_MSG(have == want, "%d: %s", have, oinf_error(ctx));
  CHECK_MSG(strstr(oinf_error(ctx), word), "%s", oinf_error(ctx));
}

static bool has(const char *tensor) {
  oinf_model *m = open_good();
  bool yes = oinf_model_find(m, tensor) && oinf_model_tensor_count(m) == 1;
  oinf_model_destroy(m);
  return yes;
}

TEST(hf, picks_the_weights_in_order) {
  begin("order");
  put("model.safetensors.index.json", "{\"weight_map\":{\"shard\":\"other.safetensors\"}}");
  put_weights("other.safetensors", "shard");
  put_weights("model.safetensors", "whole");
  CHECK(has("whole"));
  CHECK(unlink(in_root("model.safetensors")) == 0);
  CHECK(has("shard"));
  CHECK(unlink(in_root("model.safetensors.index.json")) == 0);
  CHECK(has("shard"));
  put_weights("another.safetensors", "more");
  refused(OINF_NOINPUT, "several .safetensors files");
}

TEST(hf, says_what_a_folder_without_weights_holds) {
  begin("none");
  refused(OINF_NOINPUT, "no weights (model.safetensors); found: nothing");
  put("config.json", "{}");
  refused(OINF_NOINPUT, "found: 'config.json'");
  put("pytorch_model.bin", "\x80\x02");
  refused(OINF_NOINPUT, "only a pickle checkpoint; convert it");
  put("model.safetensors", "version https://git-lfs.github.com/spec/v1\n");
  refused(OINF_FORMAT, "Git LFS pointer");
}

TEST(hf, carries_its_files_and_says_the_architecture) {
  begin("carried");
  put_weights("model.safetensors", "a");
  put("config.json", "{\"model_type\":\"llama\",\"architectures\":[\"LlamaForCausalLM\"],"
                     "\"torch_dtype\":\"bfloat16\",\"x\":Infinity}");
  put("generation_config.json", "{\"eos_token_id\":[1,2]}");
  put("preprocessor_config.json", "{}");
  put("unknown.json", "{}");
  oinf_model *m = open_good();
  CHECK_STR(oinf_model_meta(m, "hf.model_type"), "llama");
  CHECK_STR(oinf_model_meta(m, "hf.architecture"), "LlamaForCausalLM");
  CHECK_STR(oinf_model_meta(m, "hf.dtype"), "bfloat16");
  CHECK_INT(oinf_model_blob_count(m), 3);
  const oinf_blob *b = oinf_model_blob(m, "generation_config.json");
  CHECK(b && b->size == 22 && memcmp(b->data, "{\"eos_token_id\":[1,2]}", 22) == 0);
  CHECK(!oinf_model_blob(m, "unknown.json"));
  oinf_model_destroy(m);
}

TEST(hf, finds_the_chat_template) {
  static const struct { const char *tokenizer_config, *json, *jinja, *want; } rows[] = {
      {"{\"model_max_length\":1000000000000000019884624838656}", NULL, NULL, NULL},
      {"{\"chat_template\":null}", NULL, NULL, NULL},
      {"{\"chat_template\":\"one\"}", NULL, NULL, "one"},
      {"{\"chat_template\":[{\"name\":\"tool\",\"template\":\"t\"},"
       "{\"name\":\"default\",\"template\":\"d\"}]}", NULL, NULL, "d"},
      {"{\"chat_template\":[{\"name\":\"tool\",\"template\":\"t\"}]}", NULL, NULL, "t"},
      {"{\"chat_template\":\"one\"}", "{\"chat_template\":\"two\"}", NULL, "two"},
      {"{\"chat_template\":\"one\"}", "{\"chat_template\":\"two\"}", "three", "three"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char name[32];
    snprintf(name, sizeof name, "chat%zu", i);
    begin(name);
    put_weights("model.safetensors", "a");
    put("tokenizer_config.json", rows[i].tokenizer_config);
    if (rows[i].json) put("chat_template.json", rows[i].json);
    if (rows[i].jinja) put("chat_template.jinja", rows[i].jinja);
    oinf_model *m = open_good();
    const oinf_blob *b = oinf_model_blob(m, "chat_template.jinja");
    CHECK((b != NULL) == (rows[i].want != NULL));
    if (b) CHECK(b->size == strlen(rows[i].want) && !memcmp(b->data, rows[i].want, b->size));
    oinf_model_destroy(m);
  }
}

TEST(hf, refuses_broken_configuration) {
  begin("broken");
  put_weights("model.safetensors", "a");
  put("config.json", "{\n\"model_type\": llama}");
  refused(OINF_FORMAT, "'config.json', line 2");
  put("config.json", "[]");
  refused(OINF_FORMAT, "is no object");
  CHECK(unlink(in_root("config.json")) == 0 && symlink("/etc/passwd", in_root("config.json")) == 0);
  refused(OINF_FORMAT, "symbolic link");
  CHECK(unlink(in_root("config.json")) == 0 && mkfifo(in_root("config.json"), 0666) == 0);
  refused(OINF_FORMAT, "a pipe");
}

static oinf_status open_metered(scarce *use) {
  oinf_ctx_desc desc = {.alloc = scarce_alloc, .user = use};
  oinf_ctx *own;
  oinf_model *m;
  OI_TRY(oinf_ctx_create(&desc, &own));
  oinf_status status = oinf_model_open(own, root, &m);
  if (status == OINF_OK) oinf_model_destroy(m);
  if (oinf_error_status(own) != status) status = OINF_INTERNAL;
  oinf_ctx_destroy(own);
  return status;
}

TEST(hf, survives_every_failing_allocation) {
  begin("memory");
  put_weights("s1.safetensors", "a");
  put_weights("s2.safetensors", "b");
  put("model.safetensors.index.json",
      "{\"weight_map\":{\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\"}}");
  put("config.json", "{\"model_type\":\"llama\",\"x\":NaN}");
  put("tokenizer_config.json", "{\"chat_template\":\"one\"}");
  long at = 1;
  for (scarce use = {0};; at++) {
    use = (scarce){.fail_at = at};
    oinf_status status = open_metered(&use);
    CHECK_MSG(use.bytes == 0, "%lld bytes are held after call %ld failed", use.bytes, at);
    if (!scarce_fired(&use)) {
      CHECK_INT(status, OINF_OK);
      break;
    }
    CHECK_MSG(status == OINF_MEMORY, "status %d where call %ld failed", status, at);
  }
  CHECK_MSG(at > 20, "%ld calls", at);
}

TEST(hf, reads_a_folder_of_a_tokenizer_alone) {
  begin("tokenizer");
  put("tokenizer.json", "{}");
  oinf_model *m;
  CHECK_INT(oi_huggingface_open(ctx, root, false, &m), OINF_OK);
  CHECK_INT(oinf_model_tensor_count(m), 0);
  CHECK(oinf_model_blob(m, "tokenizer.json"));
  oinf_model_destroy(m);
  CHECK_INT(oi_huggingface_open(ctx, in_root("none"), false, &m), OINF_NOINPUT);
}

TEST(hf, reads_through_the_cache) {
  begin("cache");
  CHECK(mkdir(in_root("models--a--b"), 0777) == 0);
  CHECK(mkdir(in_root("models--a--b/blobs"), 0777) == 0);
  CHECK(mkdir(in_root("models--a--b/snapshots"), 0777) == 0);
  CHECK(mkdir(in_root("models--a--b/snapshots/0f"), 0777) == 0);
  put_weights("models--a--b/blobs/0123456789abcdef0123456789abcdef01234567", "cached");
  snprintf(root, sizeof root, "%s/cache/models--a--b/snapshots/0f", oi_test_dir());
  CHECK(symlink("../../blobs/0123456789abcdef0123456789abcdef01234567",
                in_root("model.safetensors")) == 0);
  CHECK(has("cached"));
}

TEST(hf, opens_stories) {
  oinf_model *m;
  if (!ctx) CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  oinf_error_clear(ctx);
  CHECK_INT(oinf_model_open(ctx, oi_test_corpus("lm/stories260K"), &m), OINF_OK);
  CHECK_STR(oinf_model_meta(m, "hf.model_type"), "llama");
  const oinf_tensor *t = oinf_model_find(m, "model.embed_tokens.weight");
  CHECK(t && t->dtype == OINF_F32 && t->rank == 2 && t->dims[0] == 512 && t->dims[1] == 64);
  CHECK(oinf_model_blob(m, "tokenizer.json") && oinf_model_blob(m, "generation_config.json"));
  oinf_model_destroy(m);
}
