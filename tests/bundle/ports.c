// A user of two bundles in one program, as C11 and as C++17: a network of two inputs and three
// outputs, and one with a state that every step overwrites. Built with -Wall -Wextra -Wpedantic
// -Werror against bundles named `ports` and `rnn`; ends with 0 where all holds.
#include <stdio.h>
#include <string.h>

#include "ports/model.h"
#include "rnn/model.h"

static int failures;
#define EXPECT(what)                                                   \
  do {                                                                 \
    if (!(what)) failures++, printf("line %d: %s\n", __LINE__, #what); \
  } while (0)

static int check_typed(ports_run *r) {
  const float x[6] = {1, 2, 3, 4, 5, 6};
  const int8_t k[2] = {10, 20};
  float sum[PORTS_OUTPUT0_ELEMENTS], twice[PORTS_OUTPUT1_ELEMENTS];
  int8_t same[PORTS_OUTPUT2_ELEMENTS];
  ports_inputs in;
  ports_outputs out;
  memset(&in, 0, sizeof in), memset(&out, 0, sizeof out);
  in.input0 = x, in.input1 = k, in.size0 = 2;
  out.output0 = sum, out.output1 = twice, out.output2 = same;
  EXPECT(ports_step(r, &in, &out) == PORTS_OK);
  EXPECT(sum[0] == 6 && sum[1] == 15);
  EXPECT(twice[0] == 2 && twice[5] == 12);
  EXPECT(same[0] == -10 && same[1] == -20);
  out.output1 = NULL, in.size0 = 1;
  EXPECT(ports_step(r, &in, &out) == PORTS_OK && sum[0] == 6 && twice[5] == 12);
  EXPECT(ports_step(r, &in, NULL) == PORTS_OK);
  in.size0 = 5;
  EXPECT(ports_step(r, &in, &out) == PORTS_USAGE && strstr(ports_error(r), "outside 1 to 4"));
  in.size0 = 1, in.input1 = NULL;
  EXPECT(ports_step(r, &in, &out) == PORTS_USAGE && strstr(ports_error(r), "missing"));
  return failures;
}

static int check_named(ports_run *r) {
  const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const int8_t k[3] = {1, 2, 3};
  const int64_t dims[2] = {3, 3}, wrong[1] = {2};
  ports_array a;
  EXPECT(ports_input_find("k\"*/\n") == 1 && ports_input_find("y") == -1);
  EXPECT(ports_input(0, &a) && a.rank == 2 && a.dims[0] == -1 && a.dims[1] == 3);
  EXPECT(!ports_input(2, &a) && !ports_input(-1, &a));
  EXPECT(ports_bind(r, "x", x, "f64", 2, dims) == PORTS_USAGE);
  EXPECT(ports_bind(r, "y", x, "f32", 2, dims) == PORTS_USAGE);
  EXPECT(ports_bind(r, "x", x, "f32", 2, dims) == PORTS_OK);
  EXPECT(ports_step_bound(r) == PORTS_USAGE && strstr(ports_error(r), "not bound"));
  EXPECT(ports_bind(r, "k\"*/\n", k, "i8", 1, wrong) == PORTS_OK);
  EXPECT(ports_step_bound(r) == PORTS_USAGE && strstr(ports_error(r), "says 2"));
  EXPECT(ports_bind(r, "k\"*/\n", k, "i8", 1, dims) == PORTS_OK);
  EXPECT(ports_step_bound(r) == PORTS_OK);
  EXPECT(ports_output(r, ports_output_find("sum"), &a) && a.rank == 1 && a.dims[0] == 3);
  EXPECT(a.bytes == 12 && ((const float *)a.data)[2] == 24);
  EXPECT(!ports_output(r, 3, &a) && ports_set(r, "Q", 1) == PORTS_USAGE);
  return failures;
}

static float rnn_y(rnn_run *r, const float *x) {
  const int32_t pick = 1;
  float y[RNN_OUTPUT0_ELEMENTS], picked = 0;
  rnn_inputs in;
  rnn_outputs out;
  memset(&in, 0, sizeof in), memset(&out, 0, sizeof out);
  in.input0 = x, in.input1 = &pick, out.output0 = y, out.output1 = &picked;
  EXPECT(rnn_step(r, &in, &out) == RNN_OK && picked == 20);
  return y[0];
}

// The state is written before the index is seen to be bad: it is what it was.
static void fail_a_step(rnn_run *r, const float *x) {
  const int32_t picks[3] = {3, -1, INT32_MAX};
  rnn_inputs in;
  memset(&in, 0, sizeof in);
  in.input0 = x;
  for (int i = 0; i < 3; i++) {
    in.input1 = &picks[i];
    EXPECT(rnn_step(r, &in, NULL) == RNN_BAD && strstr(rnn_error(r), "index"));
  }
}

static int check_states(rnn_run *r, const char *path) {
  const float one[4] = {1, 1, 1, 1};
  const void *extra;
  size_t bytes;
  EXPECT(rnn_y(r, one) == -1);
  fail_a_step(r, one);
  EXPECT(rnn_y(r, one) == -1.5f);
  EXPECT(rnn_save(r, path, "mine", 4) == RNN_OK);
  EXPECT(rnn_y(r, one) == -1.75f);
  rnn_reset(r);
  EXPECT(rnn_y(r, one) == -1);
  EXPECT(rnn_load(r, path, &extra, &bytes) == RNN_OK && bytes == 4 && !memcmp(extra, "mine", 4));
  EXPECT(rnn_y(r, one) == -1.75f);
  EXPECT(rnn_load_bytes(r, "nothing", 7, NULL, NULL) == RNN_BAD);
  EXPECT(rnn_y(r, one) == -1.875f);
  EXPECT(rnn_rewind(r, 1) == RNN_USAGE);
  return failures;
}

int main(int n, char **words) {
  ports_file *pf;
  ports_run *p = NULL;
  rnn_file *rf;
  rnn_run *r = NULL;
  if (n != 4) return 2;
  EXPECT(ports_open(words[1], &pf) == PORTS_OK && ports_new(pf, &p) == PORTS_OK);
  EXPECT(rnn_open(words[2], &rf) == RNN_OK && rnn_new(rf, &r) == RNN_OK);
  check_typed(p);
  check_named(p);
  check_states(r, words[3]);
  ports_free(p), ports_close(pf);
  rnn_free(r), rnn_close(rf);
  return failures != 0;
}
