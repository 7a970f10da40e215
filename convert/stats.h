// Statistics of a tensor's values, those of blocks dequantized, and their histogram.
#ifndef OINF_CONVERT_STATS_H
#define OINF_CONVERT_STATS_H
#include "convert/values.h"

enum {
  OI_STATS_BINS = 64
};
typedef struct oi_stats {
  uint64_t count, nans, infinite;
  uint64_t zeros, subnormals;        // subnormal: to the tensor's dtype; to f32 for blocks
  double min, max, mean, deviation;  // of finite values; 0 where there are none
  uint64_t bins[OI_STATS_BINS];      // equal parts of min .. max, the last one closed
} oi_stats;

static inline uint64_t oi_stats_finite(const oi_stats *s) {
  return s->count - s->nans - s->infinite;
}
// go_on is asked before each piece, false stops with CANCEL; or NULL.
oinf_status oi_stats_of(oi_values *v, oinf_model *m, uint32_t tensor, bool (*go_on)(void *user),
                        void *user, oi_stats *out);
#endif
