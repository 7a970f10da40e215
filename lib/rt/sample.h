// The sampler: from a row of logits to the next token. Settings, order and meaning are those of
// transformers: temperature, top_k, top_p, min_p, each over what the one before it left.
//
//   oi_sampler s;
//   oi_sampler_init(&s, 42);
//   s.temperature = 0.7, s.top_k = 40;
//   id = oi_sample(&s, logits, n, room);      // room: oi_sample_room(n) bytes
//
// One seed gives one text on every machine: a generator of integers, exp from the strict text, sums
// in one order. One part of the runtime that bundles carry: C11 and libc, nothing of oinf.
#ifndef OI_RT_SAMPLE_H
#define OI_RT_SAMPLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif

// Plain bytes without a gap, so a run is saved and resumed by copying it. What is drawn depends on
// nothing else. Penalties over the tokens so far will edit the logits before the call, and need no
// place here.
typedef struct oi_sampler {
  uint64_t rng;        // state of splitmix64; it starts as the seed
  double temperature;  // 0: the best token, without a draw
  double top_p;        // 1: off
  double min_p;        // 0: off
  uint32_t top_k;      // 0: off
  uint32_t reserved;   // 0
} oi_sampler;

OI_RT void oi_sampler_init(oi_sampler *s, uint64_t seed);  // greedy, every filter off
OI_RT uint64_t oi_sampler_next(oi_sampler *s);             // the generator itself
OI_RT size_t oi_sample_room(size_t n);
// The next token of n > 0 logits. Logits that are NaN are never taken; of equal logits the lower id
// is better. Uses one number of the generator and leaves the filtered logits, minus infinity for
// what is removed; where temperature is 0 it uses none and leaves them as they are.
OI_RT uint32_t oi_sample(oi_sampler *s, float *logits, size_t n, void *room);
#endif
