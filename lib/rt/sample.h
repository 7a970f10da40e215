// The sampler: from a row of logits to the next token. Settings, order and meaning are those of
// transformers: repetition penalty, then temperature, top_k, top_p, min_p, each over what the one
// before it left. Frequency and presence penalties, which it has not, are those of OpenAI's and
// vLLM's interfaces and stand where vLLM has them: behind the repetition penalty, before all else.
//
//   oi_sampler s;
//   oi_sampler_init(&s, 42);
//   s.temperature = 0.7, s.top_k = 40;
//   oi_penalize(&(oi_penalties){.repetition = 1.1}, logits, n, ids, n_ids, given, room);
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

// Plain bytes without a gap, so a run is saved and resumed by copying it, with the ids so far. What
// is drawn depends on nothing else.
typedef struct oi_sampler {
  uint64_t rng;        // state of splitmix64; it starts as the seed
  double temperature;  // 0: the best token, without a draw
  double top_p;        // 1: off
  double min_p;        // 0: off
  uint32_t top_k;      // 0: off
  uint32_t given;      // how many of the ids were given, not drawn; oi_sample does not look at it
} oi_sampler;

// They hold for the greedy choice too.
typedef struct oi_penalties {
  double repetition;  // > 0, 1: off. For each id so far, once: below 0 times it, else divided by it
  double frequency;   // 0: off. Taken off for each time that an id was drawn
  double presence;    // 0: off. Taken off once for each id that was drawn
} oi_penalties;

OI_RT void oi_sampler_init(oi_sampler *s, uint64_t seed);  // greedy, every filter off
OI_RT uint64_t oi_sampler_next(oi_sampler *s);             // the generator itself
OI_RT size_t oi_sample_room(size_t n);
// Edits n logits by the ids so far: `given` of a prompt, then those drawn. Ids from n on are none.
OI_RT void oi_penalize(const oi_penalties *p, float *logits, size_t n, const uint32_t *ids,
                       size_t n_ids, size_t given, void *room);
// The next token of n > 0 logits. Logits that are NaN are never taken; of equal logits the lower id
// is better. Uses one number of the generator and leaves the filtered logits, minus infinity for
// what is removed; where temperature is 0 it uses none and leaves them as they are.
OI_RT uint32_t oi_sample(oi_sampler *s, float *logits, size_t n, void *room);
#endif
