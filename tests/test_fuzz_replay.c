// Replays the inputs under tests/data/fuzz/<target>, seeds and regressions alike, through the very
// functions that `make fuzz` drives. A target is one more include and one more row.
#include "tests/test.h"

#include <dirent.h>

#define LLVMFuzzerTestOneInput fuzz_safetensors
#define read_all safetensors_read_all
#include "tests/fuzz/fuzz_safetensors.c"
#undef read_all
#undef LLVMFuzzerTestOneInput

#define LLVMFuzzerTestOneInput fuzz_oinf
#include "tests/fuzz/fuzz_oinf.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_graph
#include "tests/fuzz/fuzz_graph.c"
#undef LLVMFuzzerTestOneInput

#define LLVMFuzzerTestOneInput fuzz_tokenizer
#define use tokenizer_use
#include "tests/fuzz/fuzz_tokenizer.c"
#undef use
#undef LLVMFuzzerTestOneInput

#define LLVMFuzzerTestOneInput fuzz_npy
#include "tests/fuzz/fuzz_npy.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_yaml
#include "tests/fuzz/fuzz_yaml.c"
#undef LLVMFuzzerTestOneInput

// No byte behind the input belongs to it: a sanitizer sees a read past its end.
static uint8_t *read_whole(const char *path, size_t *out_n) {
  char *bytes = oi_test_slurp(path, out_n);
  return realloc(bytes, *out_n ? *out_n : 1);
}

static void replay(const char *name, int (*target)(const uint8_t *data, size_t size)) {
  char path[1024];
  int n = 0;
  snprintf(path, sizeof path, "tests/data/fuzz/%s", name);
  DIR *d = opendir(path);
  CHECK_MSG(d, "no folder %s", path);
  for (struct dirent *e; (e = readdir(d)) != NULL; n++) {
    if (e->d_name[0] == '.') continue;
    size_t size;
    snprintf(path, sizeof path, "tests/data/fuzz/%s/%s", name, e->d_name);
    uint8_t *bytes = read_whole(path, &size);
    target(bytes, size);
    free(bytes);
  }
  closedir(d);
  CHECK(n > 2);
}

TEST(replay, safetensors) { replay("safetensors", fuzz_safetensors); }
TEST(replay, oinf) { replay("oinf", fuzz_oinf); }
TEST(replay, graph) { replay("graph", fuzz_graph); }
TEST(replay, tokenizer) { replay("tokenizer", fuzz_tokenizer); }
TEST(replay, npy) { replay("npy", fuzz_npy); }
TEST(replay, yaml) { replay("yaml", fuzz_yaml); }
