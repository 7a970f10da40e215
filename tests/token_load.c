// What the tests of the tokenizer share: loading, and checks that say where they failed.
#include "tests/token_load.h"

static oi_loaded load_text(const char *json, size_t n, const char *name) {
  oi_loaded l = {0};
  CHECK_INT(oinf_ctx_create(NULL, &l.ctx), OINF_OK);
  oinf_status status = oi_tokenizer_compile(l.ctx, json, n, &l.blob, NULL);
  CHECK_MSG(status == OINF_OK, "%s: %s", name, oinf_error(l.ctx));
  l.tok = oi_tokenizer_open(l.blob.at, l.blob.n);
  CHECK_MSG(l.tok, "%s: its tables are refused", name);
  return l;
}

oi_loaded oi_load_tokenizer(const char *path) {
  size_t n;
  char *text = oi_test_slurp(path, &n);
  oi_loaded l = load_text(text, n, path);
  free(text);
  return l;
}

// A case names the components and the model's flags; the model brings vocabulary and merges.
oi_loaded oi_load_case(const json_t *model, const json_t *one) {
  static const char *const parts[] = {"added_tokens", "normalizer", "pre_tokenizer",
                                      "post_processor", "decoder"};
  static const char *const flags[] = {"unk_token", "fuse_unk", "byte_fallback", "ignore_merges"};
  json_t *root = json_object(), *m = json_copy((json_t *)model);
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (json_object_get(one, flags[i]))
      json_object_set(m, flags[i], json_object_get(one, flags[i]));
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (json_object_get(one, parts[i]))
      json_object_set(root, parts[i], json_object_get(one, parts[i]));
  json_object_set_new(root, "model", m);
  char *text = json_dumps(root, 0);
  oi_loaded l = load_text(text, strlen(text), json_string_value(json_object_get(one, "name")));
  free(text);
  json_decref(root);
  return l;
}

void oi_unload(oi_loaded *l) {
  oi_tokenizer_close(l->tok);
  oi_bytes_free(l->ctx, &l->blob);
  oinf_ctx_destroy(l->ctx);
}

json_t *oi_load_json(const char *path) {
  json_error_t e;
  json_t *root = json_load_file(path, JSON_ALLOW_NUL, &e);
  CHECK_MSG(root, "%s: %s", path, e.text);
  return root;
}

void oi_check_ids(const oi_tokenizer *tok, const char *text, size_t n, bool special,
                  const json_t *want, const char *where) {
  size_t room = n + 64;
  uint32_t *ids = malloc(room * sizeof *ids);
  int64_t count = oi_tokenizer_encode(tok, text, n, special, ids, room);
  CHECK_MSG(count == (int64_t)json_array_size(want), "%s: '%s' has %lld ids, not %zu", where, text,
            (long long)count, json_array_size(want));
  for (int64_t i = 0; i < count; i++)
    CHECK_MSG(ids[i] == json_integer_value(json_array_get(want, (size_t)i)),
              "%s: '%s': id %lld is %u", where, text, (long long)i, ids[i]);
  free(ids);
}

char *oi_decode_all(const oi_tokenizer *tok, const uint32_t *ids, size_t n, bool special,
                    size_t *out_n) {
  oi_decoder *dec = oi_decoder_open(tok);
  CHECK(dec);
  oi_decoder_show_special(dec, special);
  char *out = malloc(1);
  *out_n = 0;
  for (size_t i = 0; i <= n; i++) {
    const char *bytes;
    size_t size;
    bool ok =
        i < n ? oi_decoder_push(dec, ids[i], &bytes, &size) : oi_decoder_flush(dec, &bytes, &size);
    CHECK(ok);
    out = realloc(out, *out_n + size + 1);
    memcpy(out + *out_n, bytes, size);
    *out_n += size;
  }
  out[*out_n] = 0;
  oi_decoder_close(dec);
  return out;
}

void oi_check_text(const oi_tokenizer *tok, const json_t *list, bool special, const json_t *want,
                   const char *where) {
  size_t n = json_array_size(list), size;
  uint32_t *ids = malloc((n + 1) * sizeof *ids);
  for (size_t i = 0; i < n; i++) ids[i] = (uint32_t)json_integer_value(json_array_get(list, i));
  char *have = oi_decode_all(tok, ids, n, special, &size);
  bool equal = size == json_string_length(want) && !memcmp(have, json_string_value(want), size);
  CHECK_MSG(equal, "%s: decoded '%s', not '%s'", where, have, json_string_value(want));
  free(have);
  free(ids);
}
