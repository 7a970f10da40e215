// The command lines of oinf-convert, oinf-info and oinf-sim: exit codes, what goes to which stream,
// and what lies on disk afterwards.
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "formats/npy.h"
#include "formats/oinf.h"
#include "formats/safetensors.h"
#include "tests/checkpoint.h"
#include "tests/tool_run.h"

TEST(tools, say_what_they_are) {
  static const char *const tools[] = {"oinf-convert", "oinf-info", "oinf-sim"};
  for (int i = 0; i < 3; i++) {
    EXPECT(0, "%s --help", tools[i]);
    CHECK(strstr(tool_out, "usage: ") && strstr(tool_out, "examples:") &&
          strstr(tool_out, "exit codes:") && !*tool_err);
    EXPECT(0, "%s --version", tools[i]);
    CHECK_MSG(strncmp(tool_out, tools[i], strlen(tools[i])) == 0 && !*tool_err, "%s", tool_out);
    EXPECT(64, "%s", tools[i]);
    tool_says(tools[i], "wanted (try");
    EXPECT(64, "%s --no-such-option x", tools[i]);
    tool_says(tools[i], "unknown option '--no-such-option'");
    EXPECT(64, "%s ~a ~b ~c", tools[i]);
    tool_says(tools[i], "one argument too many");
  }
}

TEST(tools, refuse_with_the_documented_codes) {
  tool_package();
  oi_test_put(oi_test_dir(), "text", "no model", 8);
  mkdir(oi_cv_path("empty"), 0777);
  REFUSED(66, "oinf-info", "cannot open", "~none.oinf");
  REFUSED(66, "oinf-convert", "cannot open", "~none -o ~x.oinf");
  REFUSED(66, "oinf-convert", "no weights", "~empty -o ~x.oinf");
  REFUSED(64, "oinf-convert", "-o MODEL.oinf is wanted", "~folder");
  REFUSED(65, "oinf-info", "text", "~text");
  REFUSED(73, "oinf-convert", "", "~folder -o ~no/such/x.oinf");
  REFUSED(64, "oinf-convert", "--quant wants", "~folder -o ~x.oinf --quant q5");
  REFUSED(64, "oinf-convert", "--set wants", "~folder -o ~x.oinf --set kv");
  REFUSED(66, "oinf-convert", "r.yaml", "~folder -o ~x.oinf --recipe ~no-r.yaml");
  REFUSED(64, "oinf-info", "--extract wants -o", "~m.oinf --extract model.norm.weight");
  REFUSED(66, "oinf-info", "no tensor and no blob 'x'", "~m.oinf --extract x -o ~x.npy");
  REFUSED(65, "oinf-info", "carries no tokenizer", "~m.oinf --tokenize a");
  REFUSED(75, "oinf-info", "at least", "~m.oinf --plan --budget 1K");
  REFUSED(64, "oinf-info", "--budget wants", "~m.oinf --plan --budget many");
  REFUSED(64, "oinf-convert", "", "~m.oinf -o ~m.oinf");
  CHECK(access(oi_cv_path("x.oinf"), F_OK) != 0 && access(oi_cv_path("x.npy"), F_OK) != 0);
}

TEST(tools, tell_the_trail_when_asked) {
  oi_test_put(oi_test_dir(), "bad.yaml", "x: y\n", 5);
  tool_package();
  EXPECT(65, "oinf-convert -v ~folder -o ~x.oinf --recipe ~bad.yaml");
  CHECK(strstr(tool_err, "', 1:1: the keys are") && strstr(tool_err, "\nwhile reading recipe '"));
}

// ---- oinf-convert ----

TEST(tools, show_what_would_be_written) {
  tool_package();
  EXPECT(0, "oinf-convert ~folder --dry-run --quant q8_0 -o ~dry.oinf");
  CHECK_MSG(strstr(tool_out, "model.embed_tokens.weight q8_0 [97, 32] 3298\n"), "%s", tool_out);
  CHECK_MSG(strstr(tool_out, "model.norm.weight f16 [32] 64\n"), "%s", tool_out);
  CHECK_MSG(strstr(tool_out, "29 tensors, "), "%s", tool_out);
  CHECK(access(oi_cv_path("dry.oinf"), F_OK) != 0);
}

TEST(tools, note_an_unknown_architecture_and_simulate_it_not) {
  static const float x[2] = {1, 2};
  const oi_st_tensor t = {{.name = "x", .dtype = OINF_F32, .rank = 1, .dims = {2}}, x};
  oi_cv_clear();
  CHECK_INT(oi_safetensors_write(oi_cv_ctx, oi_cv_path("x.safetensors"), &t, 1), OINF_OK);
  EXPECT(0, "oinf-convert ~x.safetensors -o ~t.oinf");
  CHECK_MSG(strstr(tool_err, "note: architecture") && strstr(tool_err, "llama, mistral"), "%s",
            tool_err);
  EXPECT(0, "oinf-convert -q ~x.safetensors -o ~t.oinf");
  CHECK(!*tool_err && !*tool_out);
  REFUSED(65, "oinf-sim", "holds no graph", "~t.oinf");
  REFUSED(65, "oinf-info", "holds no graph", "~t.oinf --plan");
}

// An old output stays as it is, and nothing else lies in the folder.
TEST(tools, leave_nothing_when_interrupted) {
  static const char head[] =
      "{\"w\":{\"dtype\":\"F32\",\"shape\":[4096,65536],\"data_offsets\":[0,1073741824]}}";
  static const char *const args[] = {"oinf-convert", NULL, "-o", NULL, NULL};
  const uint64_t n = sizeof head - 1;
  const struct timespec soon = {0, 150000000};
  const char *all[5];
  char from[300], to[300];
  mkdir(oi_cv_path("stop"), 0777);
  snprintf(from, sizeof from, "%s/hole.safetensors", oi_test_dir());
  snprintf(to, sizeof to, "%s/stop/m.oinf", oi_test_dir());
  memcpy(all, args, sizeof args);
  all[1] = from, all[3] = to;
  FILE *f = fopen(from, "wb");
  CHECK(f && fwrite(&n, 8, 1, f) == 1 && fwrite(head, n, 1, f) == 1 && fflush(f) == 0);
  CHECK(ftruncate(fileno(f), (off_t)(8 + n + 1073741824)) == 0 && fclose(f) == 0);
  oi_test_put(oi_test_dir(), "stop/m.oinf", "old", 3);
  f = fopen("/dev/null", "wb");
  const pid_t pid = tool_start(all, fileno(f));
  fclose(f);
  nanosleep(&soon, NULL);
  kill(pid, SIGINT);
  CHECK_INT(tool_ended(pid), 130);
  CHECK_MSG(strstr(tool_err, "error: "), "%s", tool_err);
  char old[8];
  tool_read(to, old, sizeof old);
  CHECK_STR(old, "old");
  CHECK(unlink(to) == 0 && rmdir(oi_cv_path("stop")) == 0 && unlink(from) == 0);
}

// ---- oinf-info ----

TEST(tools, summarise_a_package) {
  tool_package();
  EXPECT(0, "oinf-info ~m.oinf");
  static const char *const lines[] = {"format       oinf\n",
                                      "tensors      29, ",
                                      "graph        text\n",
                                      "  dim        P 0 to C-1\n",
                                      "  in         tokens i32 [T]\n",
                                      "  out        logits f32 [97]\n",
                                      "  state      k f32 [3, C, 2, 8]\n",
                                      "  variant    decode T = 1\n",
                                      "golden       3 steps\n",
                                      "meta         oinf.producer = oinf-convert "};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    CHECK_MSG(strstr(tool_out, lines[i]), "no '%s' in %s", lines[i], tool_out);
  EXPECT(0, "oinf-info ~folder --tensors");
  CHECK(strstr(tool_out, "model.norm.weight f16 [32] 64\n"));
  EXPECT(0, "oinf-info ~m.oinf --graph");
  CHECK(strncmp(tool_out, "oinf-graph 1\ngraph \"text\"\n", 26) == 0);
  EXPECT(0, "oinf-info ~m.oinf --verify");
  CHECK_STR(tool_out, "verified     29 tensors, no fault\n");
}

TEST(tools, summarise_for_a_machine) {
  tool_package();
  EXPECT(0, "oinf-info ~m.oinf --json");
  json_error_t why;
  json_t *root = json_loads(tool_out, 0, &why);
  CHECK_MSG(root, "%s", why.text);
  CHECK_INT(json_integer_value(json_object_get(root, "schema")), 1);
  CHECK_INT(json_array_size(json_object_get(root, "tensors")), 29);
  const json_t *graph = json_array_get(json_object_get(root, "graphs"), 0);
  CHECK_STR(json_string_value(json_object_get(json_object_get(graph, "in"), "tokens")), "i32 [T]");
  CHECK_STR(json_string_value(json_object_get(json_object_get(graph, "out"), "logits")),
            "f32 [97]");
  json_decref(root);
}

TEST(tools, draw_what_a_tensor_holds) {
  static const float x[6] = {-1, -1, 0, 0.25f, 1, 1};
  static const char want[] =
      "x f32 [6]\n"
      "  zeros 1, subnormals 0, NaNs 0, infinite 0 of 6\n"
      "  min -1, max 1, mean 0.04166667, deviation 0.8217951\n"
      "  |#                                                              #|\n"
      "  |#                                                              #|\n"
      "  |#                               #       #                      #|\n"
      "  |#                               #       #                      #|\n"
      "   -1                                                             1\n";
  const oi_st_tensor t = {{.name = "x", .dtype = OINF_F32, .rank = 1, .dims = {6}}, x};
  oi_cv_clear();
  CHECK_INT(oi_safetensors_write(oi_cv_ctx, oi_cv_path("d.safetensors"), &t, 1), OINF_OK);
  EXPECT(0, "oinf-info ~d.safetensors --stats");
  CHECK_STR(tool_out, want);
  EXPECT(0, "oinf-info ~d.safetensors --stats --unicode x");
  CHECK_MSG(strstr(tool_out, "  |█    ") && strstr(tool_out, "   █|\n"), "%s", tool_out);
  tool_package();
  EXPECT(0, "oinf-info ~m.oinf --stats model.layers.?.mlp.up_proj.weight");
  CHECK_MSG(strncmp(tool_out, "model.layers.0.mlp.up_proj.weight f16 [", 39) == 0, "%s", tool_out);
  EXPECT(0, "oinf-info ~m.oinf --stats --json model.norm.weight");
  json_t *root = json_loads(tool_out, 0, NULL);
  const json_t *all = json_object_get(root, "tensors"),
               *stats = json_object_get(json_array_get(all, 0), "stats");
  CHECK_INT(json_array_size(all), 1);
  CHECK_INT(json_array_size(json_object_get(stats, "bins")), 64);
  CHECK(json_real_value(json_object_get(stats, "max")) <= 1.25);
  json_decref(root);
  REFUSED(66, "oinf-info", "no tensor's name matches 'y*'", "~m.oinf --stats y*");
  REFUSED(64, "oinf-info", "a pattern goes with", "~m.oinf y*");
}

TEST(tools, tell_models_apart) {
  tool_package();
  EXPECT(0, "oinf-info --diff ~m.oinf ~m.oinf");
  CHECK_STR(tool_out, "equal\n");
  EXPECT(0, "oinf-info ~folder --diff ~m.oinf *");  // every tensor, across formats
  EXPECT(0, "oinf-convert -q ~folder -o ~q8.oinf --quant q8_0");
  EXPECT(1, "oinf-info ~m.oinf --diff ~q8.oinf");
  CHECK(!*tool_err && strstr(tool_out, "\n~ golden   steps, 3 -> 3, from step 0 on: '"));
  CHECK_MSG(strstr(tool_out, "~ graph    text, from line 10 on:\n    -   %0 = weight") &&
                strstr(tool_out, " : f16 [97, 32]\n    +   %0 = ") &&
                strstr(tool_out, " : q8_0 [97, 32]\n"),
            "%s", tool_out);
  EXPECT(0, "oinf-convert -q ~folder -o ~kv.oinf --set kv_dtype=f16");
  EXPECT(1, "oinf-info --diff ~m.oinf ~kv.oinf");
  CHECK_MSG(strstr(tool_out, "\n~ state    text.k: f32 [3, C, 2, 8] -> f16 [3, C, 2, 8]\n"), "%s",
            tool_out);
  REFUSED(64, "oinf-info", "--diff wants two models", "--diff ~m.oinf");
  REFUSED(64, "oinf-info", "--diff stands alone", "--diff ~m.oinf ~m.oinf --json");
  REFUSED(66, "oinf-info", "no tensor's name matches", "--diff ~m.oinf ~m.oinf none");
}

TEST(tools, state_the_smallest_budget) {
  tool_package();
  unsigned long long mapped, least;
  EXPECT(0, "oinf-info ~m.oinf --plan --ctx 64");
  const char *at = strstr(tool_out, "smallest budget ");
  CHECK(strstr(tool_out, "weights are mapped") && at &&
        sscanf(at, "smallest budget %llu", &mapped) == 1);
  EXPECT(0, "oinf-info ~m.oinf --plan --ctx 64 --budget min");
  at = strstr(tool_out, "smallest budget ");
  CHECK(at && sscanf(at, "smallest budget %llu", &least) == 1);
  CHECK_INT(mapped, least);
  EXPECT(0, "oinf-info ~m.oinf --plan --ctx 64 --budget %llu", least);
  EXPECT(75, "oinf-info ~m.oinf --plan --ctx 64 --budget %llu", least - 1);
}

TEST(tools, extract_what_the_source_holds) {
  tool_package();
  const char *names[] = {"model.layers.1.mlp.up_proj.weight", "model.norm.weight"};
  for (int i = 0; i < 2; i++) {
    oinf_tensor t;
    void *data;
    uint8_t want[48 * 32 * 2];
    EXPECT(0, "oinf-info ~m.oinf --extract %s -o ~t.npy", names[i]);
    oi_cv_clear();
    oinf_model *m = oi_cv_open(oi_cv_path("folder"));
    CHECK_INT(oi_npy_load(oi_cv_ctx, oi_cv_path("t.npy"), &t, &data), OINF_OK);
    CHECK_INT(t.dtype, OINF_F16);
    CHECK_INT(t.bytes, oinf_model_find(m, names[i])->bytes);
    CHECK_INT(oinf_model_read(m, names[i], want), OINF_OK);
    CHECK(memcmp(want, data, t.bytes) == 0);
    oi_free(oi_cv_ctx, data, t.bytes ? t.bytes : 1);
    oinf_model_destroy(m);
  }
  EXPECT(0, "oinf-info ~m.oinf --extract config.json -o ~c.json");
  json_t *config = json_load_file(oi_cv_path("c.json"), 0, NULL);
  CHECK_STR(json_string_value(json_object_get(config, "model_type")), "llama");
  json_decref(config);
}

TEST(tools, tokenize_with_no_more_than_a_tokenizer) {
  char text[1 << 14];
  tool_read("tests/data/token/spm_bpe.json", text, sizeof text);
  mkdir(oi_cv_path("tok"), 0777);
  oi_test_put(oi_cv_path("tok"), "tokenizer.json", text, strlen(text));
  oi_test_put(oi_test_dir(), "text.txt", "a", 1);
  EXPECT(0, "oinf-info ~tok --tokenize a");
  CHECK_MSG(strspn(tool_out, "0123456789,") + 1 == strlen(tool_out), "%s", tool_out);
  memcpy(text, tool_out, strlen(tool_out) < sizeof text ? strlen(tool_out) + 1 : 0);
  EXPECT(0, "oinf-info ~tok --tokenize @%s", oi_cv_path("text.txt"));
  CHECK_STR(tool_out, text);
}

static int run_closed(const char *const *args) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  close(ends[0]);
  const pid_t pid = tool_start(args, ends[1]);
  close(ends[1]);
  return tool_ended(pid);
}

TEST(tools, end_quietly_where_nobody_reads) {
  tool_package();
  char model[300], from[300];
  snprintf(model, sizeof model, "%s/m.oinf", oi_test_dir());
  snprintf(from, sizeof from, "%s/folder", oi_test_dir());
  const char *const info[] = {"oinf-info", model, NULL},
                    *const help[] = {"oinf-convert", "--help", NULL},
                    *const dry[] = {"oinf-convert", from, "--dry-run", NULL};
  CHECK_INT(run_closed(info), 74);
  CHECK_STR(tool_err, "");
  CHECK_INT(run_closed(help), 74);
  CHECK_STR(tool_err, "");
  CHECK_INT(run_closed(dry), 74);
  CHECK_STR(tool_err, "");
}

// ---- goldens ----

TEST(tools, find_their_goldens_true) {
  tool_package();
  EXPECT(0, "oinf-sim ~m.oinf --compare golden");
  CHECK_MSG(!*tool_out && strstr(tool_err, "3 golden steps: "), "%s", tool_err);
  EXPECT(0, "oinf-convert ~folder -o ~bare.oinf --no-golden");
  REFUSED(66, "oinf-sim", "no golden steps", "~bare.oinf --compare golden");
}

TEST(tools, name_the_first_value_that_differs) {
  tool_package();
  tool_other();
  EXPECT(0, "oinf-info ~other.oinf --verify");
  EXPECT(1, "oinf-sim ~other.oinf --compare golden");
  CHECK_MSG(!*tool_out && strstr(tool_err, "error: ") && strstr(tool_err, "'blk.1.ffn_up'"), "%s",
            tool_err);
}
