// Emission: a graph bound to a model becomes a directory of C that builds with `make`, needs libc
// alone, and checks itself against the simulator's golden steps.
//
//   oinf_emit_desc d = {.capacity = 512};
//   oinf_emit_bundle(model, graph, &d, "out/");       // whole, or nothing is left
//
// Emission is deterministic to the byte; it needs no network, no device and no compiler.
#ifndef OINF_EMIT_H
#define OINF_EMIT_H
#include <oinf/oinf.h>
#ifdef __cplusplus
extern "C" {
#endif

enum {
  OINF_EMIT_MAPPED = 0,
  OINF_EMIT_SMALLEST = 1,
  OINF_EMIT_EMBEDDED = 16 << 20
};
// A symbol that has one value in every step: it becomes a number in the source.
typedef struct oinf_emit_pin {
  const char *symbol;
  int64_t value;
} oinf_emit_pin;
typedef struct oinf_emit_desc {
  const char *name;  // prefix of the bundle's functions, an identifier; NULL: "model"
  uint64_t budget;   // bytes of all arenas; OINF_EMIT_MAPPED maps the weights, OINF_EMIT_SMALLEST
                     // takes the least
  int64_t capacity;  // of states: 0 takes the smaller of its bound and 4096
  int64_t chunk;     // most rows of a step: 0 takes the smaller of its bound and 256
  const oinf_emit_pin *pins;
  size_t n_pins;
  bool embed;  // weights become an array of the source, at most OINF_EMIT_EMBEDDED bytes of them
} oinf_emit_desc;
typedef struct oinf_emit_figures {
  uint64_t weights, activations, states, io, room;  // arenas of an instance, bytes
  uint64_t peak;                                    // their sum: what an instance allocates
  uint64_t worker;                                  // what each further thread adds to it
  uint64_t step_bytes;                              // of weights that a step uses
  // Under a budget: the smallest peak there could be, and bytes of weights that a step reads at
  // most, one that begins with empty slots and one that follows another; beside what stays.
  uint64_t smallest, read_first, read_per_step;
  uint32_t kernels;
} oinf_emit_figures;

// The folder is made, or replaced as one where it holds a bundle; one that holds anything else is
// refused (CREATE). SUPPORT names the op that has no template yet, and weights that are too many to
// embed. A pin of a symbol that there is not is refused with USAGE, one outside its bounds with
// GRAPH, a budget that is too small with BUDGET. *out_figures may be NULL.
OINF_API oinf_status oinf_emit_bundle(oinf_model *model, oinf_graph *graph,
                                      const oinf_emit_desc *desc, const char *folder,
                                      oinf_emit_figures *out_figures);
#ifdef __cplusplus
}
#endif
#endif
