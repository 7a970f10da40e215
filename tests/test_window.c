// States of which a window is seen keep the window's rows: every value has the hash that it has
// with whole states, over many windows, in any chunks, at any budget; texts begin anew, go back as
// far as rows are kept, and are saved and taken up again, also by whole states and from files that
// are whole.
#include <unistd.h>

#include "lib/rt/kept.h"
#include "lib/rt/sha256.h"
#include "tests/sim_world.h"

enum {
  MOST = 16,  // rows of a step
  ROOM = 48   // kept.h: 7 + 15 + 16, in sixteens
};

static world opened(oinf_dtype kv, int64_t second, const char *name) {
  world w = world_new(NULL);
  world_windowed(&w, kv, second);
  world_package(&w, name);
  return w;
}

static void bind(oinf_sim *s, int64_t begin, int64_t end) {
  static int32_t ids[MOST];
  const int64_t n = end - begin;
  for (int64_t i = begin; i < end; i++) ids[i - begin] = (int32_t)((7 * i + 3 + i / 9) % VOCAB);
  SIM_OK(s, oinf_sim_set(s, "P", begin));
  SIM_OK(s, oinf_sim_bind(s, "tokens", ids, OINF_I32, 1, &n));
}

// The logits behind positions begin .. end - 1.
static uint64_t step(oinf_sim *s, int64_t begin, int64_t end) {
  bind(s, begin, end);
  const uint64_t hash = world_hash(s, "logits");
  SIM_OK(s, oinf_sim_end(s));
  return hash;
}

static uint64_t want[POSITIONS + 1];  // by position behind the last row

static void by_whole_states(world *w) {
  oinf_sim *s = world_sim(w, &(oinf_sim_desc){.whole_states = true});
  CHECK_INT(s->states[0].rows, POSITIONS);
  for (int64_t i = 0; i < POSITIONS; i++) want[i + 1] = step(s, i, i + 1);
  oinf_sim_destroy(s);
}

// Steps of these many rows, again and again, to the capacity's end.
static void in_chunks(world *w, const oinf_sim_desc *d, const int *rows, int n) {
  oinf_sim *s = world_sim(w, d);
  CHECK_INT(s->states[0].rows, ROOM);
  CHECK_INT(s->states[1].rows, ROOM);
  for (int64_t at = 0, end, i = 0; at < POSITIONS; at = end, i++) {
    end = at + rows[i % n] < POSITIONS ? at + rows[i % n] : POSITIONS;
    CHECK_MSG(step(s, at, end) == want[end], "rows %d to %d", (int)at, (int)end);
    CHECK(s->kept.first % 16 == 0 && s->kept.end == end && end - s->kept.first <= ROOM);
  }
  bind(s, POSITIONS - 1, POSITIONS + 1);
  oinf_array a;
  SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_USAGE, "rows");
  oinf_sim_destroy(s);
}

static void every_chunk(oinf_dtype kv) {
  static const int one[] = {1}, most[] = {MOST}, mixed[] = {3, 1, MOST, 1, 1, 7, 15};
  world w = opened(kv, WINDOW, "chunks.oinf");
  by_whole_states(&w);
  in_chunks(&w, NULL, one, 1);
  in_chunks(&w, &(oinf_sim_desc){.threads = 2}, most, 1);
  in_chunks(&w, &(oinf_sim_desc){.budget = OINF_BUDGET_MIN}, mixed, 7);
  world_free(&w);
}

TEST(window, any_chunks_give_what_whole_states_give) {
  every_chunk(OINF_F32);
  every_chunk(OINF_F16);
}

// ---- every value ----

typedef struct values {
  uint64_t hash[4096];
  char name[4096][24];
  int n, met;
  bool asked;
} values;

static void keep(void *user, uint64_t step, const oinf_array *a, uint64_t hash) {
  values *v = user;
  char name[64];
  snprintf(name, sizeof name, "%d %s", (int)step, a->name);
  for (int i = 0; i < v->n && v->asked; i++) {
    if (strcmp(v->name[i], name) != 0) continue;
    CHECK_MSG(v->hash[i] == hash, "%s", name);
    v->met++;
  }
  if (v->asked || v->n == 4096) return;
  snprintf(v->name[v->n], sizeof v->name[0], "%.23s", name);
  v->hash[v->n++] = hash;
}

static void all_values(world *w, values *v, bool whole) {
  oinf_sim *s = world_sim(
      w, &(oinf_sim_desc){.demand_all = true, .whole_states = whole, .on_value = keep, .user = v});
  v->asked = !whole;
  for (int64_t at = 0; at < 100; at += 5) step(s, at, at + 5);
  oinf_sim_destroy(s);
}

TEST(window, every_value_is_the_same_and_rows_of_states_are_none) {
  static values v;
  world w = opened(OINF_F32, WINDOW, "values.oinf");
  oinf_array a;
  all_values(&w, &v, true);
  all_values(&w, &v, false);
  CHECK_INT(v.met, v.n);
  CHECK(v.n > 20 * 20);
  oinf_sim *s = world_sim(&w, NULL);
  const oinf_graph *g = w.graph;
  int reads = 0;
  for (uint32_t i = 1; i < g->values.n; i++) {
    char label[16];
    if (!oi_state_behind(g, i)) continue;
    snprintf(label, sizeof label, "%%%u", oi_value_number(w.graph, i));
    bind(s, 0, 3);
    SIM_REFUSED(s, oinf_sim_fetch(s, label, &a), OINF_USAGE, "of which a window is kept");
    SIM_OK(s, oinf_sim_abandon(s));
    reads++;
  }
  CHECK_INT(reads, 6);
  oinf_sim_destroy(s);
  world_free(&w);
}

// ---- which states they are, and what they take ----

TEST(window, states_that_a_whole_attention_reads_stay_whole) {
  world w = opened(OINF_F32, 0, "mixed.oinf");
  oinf_sim_plan p;
  oinf_sim *s = world_sim(&w, NULL);
  SIM_OK(s, oinf_sim_figures(s, "", &p));
  CHECK(s->states[0].rows == POSITIONS && p.window_rows == 0 && p.window == 0);
  oinf_sim_destroy(s);
  world_free(&w);
}

TEST(window, the_widest_window_counts) {
  world w = opened(OINF_F32, 2 * WINDOW, "widest.oinf");
  oinf_sim *s = world_sim(&w, NULL);
  by_whole_states(&w);
  CHECK_INT(s->kept.window, 2 * WINDOW);
  for (int64_t at = 0; at < POSITIONS; at += 8) CHECK(step(s, at, at + 8) == want[at + 8]);
  oinf_sim_destroy(s);
  world_free(&w);
}

TEST(window, figures_say_what_is_allocated) {
  world w = opened(OINF_F16, WINDOW, "figures.oinf");
  oinf_sim_plan whole, p;
  oinf_sim *s = world_sim(&w, &(oinf_sim_desc){.whole_states = true, .budget = OINF_BUDGET_MIN});
  SIM_OK(s, oinf_sim_figures(s, "", &whole));
  oinf_sim_destroy(s);
  s = world_sim(&w, &(oinf_sim_desc){.budget = OINF_BUDGET_MIN});
  SIM_OK(s, oinf_sim_figures(s, "", &p));
  CHECK_INT(whole.states, 2 * 2 * POSITIONS * WIDTH / 2 * 2);
  CHECK_INT(p.states, 2 * 2 * ROOM * WIDTH / 2 * 2);
  CHECK(p.window == WINDOW && p.window_rows == ROOM && whole.window_rows == 0);
  CHECK(whole.peak - p.peak >= whole.states - p.states && p.smallest < whole.smallest);
  step(s, 0, 16);
  CHECK(oi_sim_allocated(s) <= p.peak);
  oinf_sim_destroy(s);
  s = world_sim(&w, &(oinf_sim_desc){.capacity = ROOM});
  CHECK_INT(s->kept.room, 0);
  oinf_sim_destroy(s);
  s = world_sim(&w, &(oinf_sim_desc){.capacity = ROOM + 1});
  CHECK_INT(s->kept.room, ROOM);
  oinf_sim_destroy(s);
  s = world_sim(&w, &(oinf_sim_desc){.chunk = 1});
  CHECK_INT(s->kept.room, 32);
  oinf_sim_destroy(s);
  world_free(&w);
}

// ---- texts that go back ----

TEST(window, texts_begin_anew_and_go_back_as_far_as_rows_are_kept) {
  world w = opened(OINF_F32, WINDOW, "back.oinf");
  oinf_array a;
  by_whole_states(&w);
  oinf_sim *s = world_sim(&w, NULL);
  for (int64_t at = 0; at < 96; at += 12) CHECK(step(s, at, at + 12) == want[at + 12]);
  CHECK(step(s, 86, 88) == want[88]);  // a draft of which two rows were taken
  CHECK(step(s, 88, 97) == want[97]);
  bind(s, 20, 21);
  SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_USAGE, "row 20 cannot follow");
  SIM_OK(s, oinf_sim_abandon(s));
  bind(s, 120, 121);
  SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_USAGE, "row 120 cannot follow");
  SIM_OK(s, oinf_sim_abandon(s));
  CHECK(step(s, 97, 98) == want[98]);
  CHECK(step(s, 0, 16) == want[16]);
  CHECK(step(s, 16, 17) == want[17]);
  oinf_sim_destroy(s);
  world_free(&w);
}

// A step of each kind that is abandoned, then the one that would have followed anyway.
TEST(window, abandoned_steps_leave_the_states_as_before) {
  static const int64_t from[] = {90, 0, 84, 90};
  world w = opened(OINF_F32, WINDOW, "abandon.oinf");
  by_whole_states(&w);
  oinf_sim *s = world_sim(&w, NULL);
  for (int64_t at = 0; at < 90; at += 10) step(s, at, at + 10);
  for (int i = 0; i < 4; i++) {
    bind(s, from[i], from[i] + MOST);
    CHECK(world_hash(s, "logits") == want[from[i] + MOST]);
    CHECK(world_hash(s, "out0") != 0);
    SIM_OK(s, oinf_sim_abandon(s));
  }
  CHECK(step(s, 90, 95) == want[95]);
  for (int64_t at = 95; at < 120; at++) CHECK(step(s, at, at + 1) == want[at + 1]);
  bind(s, 0, 5);
  CHECK_INT(oinf_sim_fetch(s, "logits", &(oinf_array){0}), OINF_OK);
  CHECK(world_hash(s, "out1") != 0);  // a second plan of the step
  SIM_OK(s, oinf_sim_end(s));
  CHECK(step(s, 5, 6) == want[6]);
  oinf_sim_destroy(s);
  world_free(&w);
}

// ---- saved states ----

static int64_t load(oinf_sim *s, const char *path) {
  int64_t rows = -1;
  SIM_OK(s, oinf_sim_load(s, path, &rows, NULL, NULL));
  return rows;
}

static size_t slurp(const char *path, unsigned char *to, size_t room) {
  FILE *f = fopen(path, "rb");
  CHECK(f != NULL);
  const size_t n = fread(to, 1, room, f);
  CHECK(fclose(f) == 0 && n < room);
  return n;
}

// Whoever saves at a position, in whatever chunks, memory and chunk bound, writes the same bytes;
// whoever loads them goes on with the same bits.
static void saved_at(world *w, int64_t at) {
  static const oinf_sim_desc kinds[] = {{.capacity = 0},
                                        {.whole_states = true},
                                        {.chunk = 3, .budget = OINF_BUDGET_MIN},
                                        {.capacity = 120, .threads = 2}};
  static unsigned char bytes[2][1 << 18];
  size_t n[2] = {0};
  for (int i = 0; i < 4; i++) {
    oinf_sim *s = world_sim(w, &kinds[i]);
    const int64_t chunk = kinds[i].chunk ? kinds[i].chunk : 5 + i;
    for (int64_t p = 0, end; p < at; p = end)
      end = p + chunk < at ? p + chunk : at, step(s, p, end);
    SIM_OK(s, oinf_sim_save(s, at, "mine", 4, world_path("kept")));
    n[i > 0] = slurp(world_path("kept"), bytes[i > 0], sizeof bytes[0]);
    CHECK_MSG(n[i > 0] == n[0] && memcmp(bytes[0], bytes[i > 0], n[0]) == 0, "kind %d at %d", i,
              (int)at);
    oinf_sim_destroy(s);
  }
  for (int i = 0; i < 4; i++) {
    oinf_sim *s = world_sim(w, &kinds[i]);
    for (int64_t p = 0; p < 99; p += 3) step(s, p, p + 3);
    CHECK_INT(load(s, world_path("kept")), at);
    CHECK(step(s, at, at + 3) == want[at + 3]);
    CHECK(step(s, at + 3, at + 4) == want[at + 4]);
    oinf_sim_destroy(s);
  }
}

TEST(window, saved_states_are_the_same_whoever_saves_them) {
  static const int64_t positions[] = {0, 1, 7, 8, 9, 31, 48, 49, 101};
  for (int kv = 0; kv < 2; kv++) {
    world w = opened(kv ? OINF_F16 : OINF_F32, WINDOW, "saved.oinf");
    by_whole_states(&w);
    for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) saved_at(&w, positions[i]);
    world_free(&w);
  }
}

// Bytes of a file of this many rows a layer; a whole one is what an older writer made.
static size_t file_bytes(int64_t rows) {
  return 64 + 2 * 576 + 2 * (size_t)(2 * rows * WIDTH / 2 * 4) + 32;
}

static void sign(unsigned char *at, size_t n) {
  oi_sha256 sha;
  oi_sha256_init(&sha, oi_sha256_best());
  oi_sha256_add(&sha, at, n - 32);
  oi_sha256_end(&sha, at + n - 32);
}

static void spit(const char *path, const void *at, size_t n) {
  FILE *f = fopen(path, "wb");
  CHECK(f && fwrite(at, 1, n, f) == n && fclose(f) == 0);
}

// The file of a graph whose second layer sees every row, given this package's digest: it holds rows
// from 0 on.
TEST(window, files_of_whole_states_are_taken_and_others_refused) {
  static unsigned char whole[1 << 18], own[1 << 18];
  world w = opened(OINF_F32, WINDOW, "own.oinf"), other = opened(OINF_F32, 0, "whole.oinf");
  const char *path = world_path("own-state");
  int64_t rows;
  by_whole_states(&w);
  oinf_sim *s = world_sim(&w, NULL), *t = world_sim(&other, NULL);
  for (int64_t at = 0; at < 60; at += 10) step(s, at, at + 10), step(t, at, at + 10);
  SIM_OK(s, oinf_sim_save(s, 60, NULL, 0, path));
  CHECK_INT(slurp(path, own, sizeof own), file_bytes(WINDOW - 1));
  SIM_OK(t, oinf_sim_save(t, 60, NULL, 0, path));
  CHECK_INT(slurp(path, whole, sizeof whole), file_bytes(60));
  CHECK(own[8] == 2 && whole[8] == 1);
  // The first layer's rows do not depend on the second's window; the second's do, so they differ.
  memcpy(whole + 16, own + 16, 32);
  sign(whole, file_bytes(60));
  spit(path, whole, file_bytes(60));
  CHECK_INT(load(s, path), 60);
  bind(s, 60, 61);
  const uint64_t first = world_hash(s, "out0");
  SIM_OK(s, oinf_sim_abandon(s));
  spit(path, own, file_bytes(WINDOW - 1));
  CHECK_INT(load(s, path), 60);
  bind(s, 60, 61);
  CHECK(world_hash(s, "out0") == first);
  CHECK(world_hash(s, "logits") == want[61]);
  SIM_OK(s, oinf_sim_abandon(s));
  memcpy(own + 16, t->model->root, 32);
  sign(own, file_bytes(WINDOW - 1));
  spit(path, own, file_bytes(WINDOW - 1));
  SIM_REFUSED(t, oinf_sim_load(t, path, &rows, NULL, NULL), OINF_FORMAT, "not in it");
  CHECK(step(t, 60, 61) != 0);
  oinf_sim_destroy(s), oinf_sim_destroy(t);
  world_free(&w), world_free(&other);
}

TEST(window, damaged_and_forged_files_are_refused) {
  static const struct {
    size_t at;
    uint64_t value;
  } forged[] = {
      {8, 1},        {8, 3},        {48, 59},       {48, 61},       {64 + 496, 8},
      {64 + 552, 8}, {64 + 560, 0}, {64 + 560, 52}, {64 + 560, 54}, {64 + 560, UINT64_MAX},
      {64 + 568, 1}};
  static unsigned char b[1 << 18];
  world w = opened(OINF_F32, WINDOW, "forged.oinf");
  const char *path = world_path("forged-state");
  int64_t rows;
  by_whole_states(&w);
  oinf_sim *s = world_sim(&w, NULL);
  for (int64_t at = 0; at < 60; at += 10) step(s, at, at + 10);
  SIM_OK(s, oinf_sim_save(s, 60, NULL, 0, path));
  const size_t n = slurp(path, b, sizeof b);
  for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
    unsigned char kept[8];
    const size_t size = forged[i].at == 8 ? 4 : 8;
    memcpy(kept, b + forged[i].at, 8);
    memcpy(b + forged[i].at, &forged[i].value, size);
    sign(b, n), spit(path, b, n);
    CHECK_MSG(oinf_status_exit(oinf_sim_load(s, path, &rows, NULL, NULL)) == 65, "%zu: %s", i,
              oinf_sim_error(s));
    memcpy(b + forged[i].at, kept, 8);
  }
  for (size_t i = 0; i < n; i += 97) {
    spit(path, b, i);
    CHECK_MSG(oinf_status_exit(oinf_sim_load(s, path, &rows, NULL, NULL)) == 65, "cut %zu", i);
  }
  CHECK(step(s, 60, 61) == want[61]);  // nothing of them was taken
  SIM_REFUSED(s, oinf_sim_save(s, 20, NULL, 0, path), OINF_USAGE, "row 20 cannot follow");
  oinf_sim_destroy(s);
  world_free(&w);
}

// ---- the arithmetic, against rows kept in a list ----

TEST(window, rows_that_a_step_sees_are_always_there) {
  uint64_t state = 5;
  for (int turn = 0; turn < 200; turn++) {
    const int64_t window = 1 + (int64_t)(state >> 20) % 60, most = 1 + (int64_t)(state >> 40) % 40;
    oi_kept k = {.window = window, .room = oi_kept_room(window, most)};
    for (int64_t at = 0, end; at < 500; at = end) {
      state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
      end = at + 1 + (int64_t)(state >> 33) % most;
      CHECK(oi_kept_serves(&k, at));
      const int64_t by = oi_kept_move(&k, at, end - at);
      CHECK(by >= 0 && by % 16 == 0 && k.first % 16 == 0);
      CHECK(k.first <= (at < window ? 0 : at - window + 1) && end - k.first <= k.room);
      oi_kept_wrote(&k, at, end - at);
      CHECK_INT(k.end, end);
    }
    CHECK(k.room <= window + (most > window / 16 ? most : window / 16) + 30);
  }
}
