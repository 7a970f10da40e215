// config.json, read with the defaults that its classes have: a key that equals the default may be
// missing, and null means the derived one. Every number is ranged before anything loops over it.
#ifndef OINF_CONVERT_CONFIG_H
#define OINF_CONVERT_CONFIG_H
#include "formats/json.h"
#include "lib/ctx.h"

typedef struct oi_config {
  oinf_ctx *ctx;
  json_t *root;            // of config.json; owned
  json_t *generation;      // of generation_config.json, or NULL; owned
  const char *model_type;  // "" where there is none
  const char *head;        // architectures[0], "" where there is none
  oi_arena arena;          // bytes of the tensors that an architecture adds to its model
} oi_config;

// From the blobs of an opened checkpoint folder; a model without config.json gives an empty config.
oinf_status oi_config_open(oinf_ctx *ctx, const oinf_model *model, oi_config *out);
void oi_config_close(oi_config *c);
// NULL where the key is missing or null.
const json_t *oi_config_get(const oi_config *c, const char *key);
// Whole numbers in lo .. hi; FORMAT where the value is something else.
oinf_status oi_config_int(const oi_config *c, const char *key, int64_t otherwise, int64_t lo,
                          int64_t hi, int64_t *out);
oinf_status oi_config_real(const oi_config *c, const json_t *object, const char *key,
                           double otherwise, double *out);
bool oi_config_flag(const oi_config *c, const char *key, bool otherwise);
const char *oi_config_text(const json_t *object, const char *key, const char *otherwise);
// "2" or "128001,128008": ids under a key that holds a number or a list, of generation_config.json
// before config.json; `otherwise` where neither has the key.
void oi_config_ids(const oi_config *c, const char *key, const char *otherwise, oi_text *out);
#endif
