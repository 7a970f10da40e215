// Dims: canonical form, equality by handle, bounds, evaluation, text. Expectations are worked by
// hand; the random test holds every maker against plain integer arithmetic.
#include "lib/dims.h"
#include "tests/test.h"

typedef struct table {
  oinf_ctx *ctx;
  oi_arena arena;
  oi_dims *d;
  oinf_dim c, p, t;  // C 1..512, P 0..C-1, T 1..256
} table;

static table make(void) {
  table x = {0};
  CHECK_INT(oinf_ctx_create(NULL, &x.ctx), OINF_OK);
  oi_arena_init(&x.arena, x.ctx);
  return x;
}
static void open_table(table *x) {
  x->d = oi_dims_new(x->ctx, &x->arena);
  CHECK(x->d);
  x->c = oi_dims_sym(x->d, "C", 1, 512, false);
  x->p = oi_dims_sym(x->d, "P", 0, oi_dims_sub(x->d, x->c, 1), false);
  x->t = oi_dims_sym(x->d, "T", 1, 256, false);
}
static void close_table(table *x) {
  oi_dims_free(x->d);
  oi_arena_free(&x->arena);
  oinf_ctx_destroy(x->ctx);
}

static void check_text(table *x, oinf_dim e, const char *want) {
  oi_text text;
  oi_text_init(&text, x->ctx);
  oi_dims_print(x->d, e, &text);
  CHECK_STR(text.at, want);
  const char *at = text.at;
  CHECK(oi_dims_parse(x->d, &at, text.at + text.n) == e);
  CHECK(*at == 0);
  oi_text_free(&text);
}

TEST(dims, equal_expressions_have_equal_handles) {
  table x = make();
  open_table(&x);
  oi_dims *d = x.d;
  CHECK(oi_dims_add(d, x.p, x.t) == oi_dims_add(d, x.t, x.p));
  CHECK(oi_dims_sub(d, oi_dims_add(d, x.p, x.t), x.p) == x.t);
  CHECK(oi_dims_sub(d, x.t, x.t) == 0);
  CHECK(oi_dims_add(d, 3, 4) == 7);
  CHECK(oi_dims_mul(d, x.t, oi_dims_add(d, x.p, 2)) ==
        oi_dims_add(d, oi_dims_mul(d, x.p, x.t), oi_dims_mul(d, 2, x.t)));
  CHECK(oi_dims_mul(d, 0, x.t) == 0);
  CHECK(oi_dims_mul(d, 1, x.t) == x.t);
  CHECK(x.t != x.p);
  close_table(&x);
}

TEST(dims, division_takes_out_what_divides) {
  table x = make();
  open_table(&x);
  oi_dims *d = x.d;
  oinf_dim t4 = oi_dims_mul(d, 4, x.t);
  CHECK(oi_dims_div(d, t4, 4) == x.t);
  CHECK(oi_dims_div(d, oi_dims_add(d, t4, 3), 4) == x.t);
  CHECK(oi_dims_div(d, t4, 8) == oi_dims_div(d, x.t, 2));
  CHECK(oi_dims_div(d, oi_dims_add(d, t4, 1), 8) == oi_dims_div(d, x.t, 2));
  CHECK(oi_dims_div(d, oi_dims_mul(d, t4, x.p), x.t) == oi_dims_mul(d, 4, x.p));
  oinf_dim s = oi_dims_add(d, x.p, x.t);
  CHECK(oi_dims_div(d, oi_dims_mul(d, s, 512), s) == 512);
  CHECK(oi_dims_div(d, oi_dims_mul(d, s, 512), oi_dims_mul(d, s, 8)) == 64);
  CHECK(oi_dims_mod(d, t4, 4) == 0);
  CHECK(oi_dims_mod(d, oi_dims_add(d, t4, 7), 4) == 3);
  CHECK(oi_dims_mod(d, oi_dims_mul(d, s, 6), s) == 0);
  CHECK(oi_dims_div(d, x.p, x.p) != 1);  // P may be 0
  CHECK(oi_dims_div(d, x.t, 0) == OI_DIM_BAD);
  CHECK(oi_dims_div(d, -7, 2) == -4);
  CHECK(oi_dims_mod(d, -7, 2) == 1);
  close_table(&x);
}

TEST(dims, minimum_and_maximum_use_bounds) {
  table x = make();
  open_table(&x);
  CHECK(oi_dims_min(x.d, x.t, 256) == x.t);
  CHECK(oi_dims_max(x.d, x.t, 256) == 256);
  CHECK(oi_dims_max(x.d, x.t, 1) == x.t);
  CHECK(oi_dims_min(x.d, x.t, x.p) == oi_dims_min(x.d, x.p, x.t));
  CHECK(oi_dims_min(x.d, oi_dims_add(x.d, x.t, 1), x.t) == x.t);
  close_table(&x);
}

TEST(dims, text_is_canonical) {
  table x = make();
  open_table(&x);
  oi_dims *d = x.d;
  check_text(&x, 12, "12");
  check_text(&x, -3, "-3");
  check_text(&x, oi_dims_add(d, oi_dims_mul(d, 2, x.p), oi_dims_sub(d, x.t, 1)), "2*P+T-1");
  check_text(&x, oi_dims_div(d, x.t, 2), "floor(T/2)");
  check_text(&x, oi_dims_div(d, oi_dims_add(d, x.p, x.t), 2), "floor((P+T)/2)");
  check_text(&x, oi_dims_div(d, x.c, oi_dims_mul(d, 2, x.t)), "floor(C/(2*T))");
  check_text(&x, oi_dims_mod(d, oi_dims_sub(d, x.t, x.p), 3), "mod(2*P+T,3)");
  check_text(&x, oi_dims_mul(d, x.p, oi_dims_min(d, x.t, x.p)), "P*min(P,T)");
  check_text(&x, oi_dims_sub(d, 0, x.t), "-T");
  check_text(&x, oi_dims_mul(d, x.t, x.t), "T*T");
  close_table(&x);
}

TEST(dims, text_that_is_wrong_is_refused) {
  table x = make();
  open_table(&x);
  static const char *const wrong[] = {
      "",
      "Q",
      "T+",
      "T*",
      "floor(T)",
      "floor(T/0)",
      "mod(T",
      "min(T,)",
      "99999999999999999999",
      "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((T"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const char *at = wrong[i];
    CHECK_MSG(oi_dims_parse(x.d, &at, at + strlen(at)) == OI_DIM_BAD, "'%s' was read", wrong[i]);
  }
  close_table(&x);
}

TEST(dims, growth_is_bounded) {
  table x = make();
  open_table(&x);
  oinf_dim e = oi_dims_add(x.d, x.t, x.p);
  for (int i = 0; i < 64 && e != OI_DIM_BAD; i++) e = oi_dims_mul(x.d, e, oi_dims_add(x.d, e, x.c));
  CHECK(e == OI_DIM_BAD);
  e = x.t;
  for (int i = 0; i < 64 && e != OI_DIM_BAD; i++)
    e = oi_dims_min(x.d, oi_dims_mul(x.d, e, 3), oi_dims_add(x.d, oi_dims_mul(x.d, e, 2), x.p));
  CHECK(e == OI_DIM_BAD);
  CHECK(oi_dims_mul(x.d, INT64_C(1) << 40, INT64_C(1) << 40) == OI_DIM_BAD);
  CHECK(oi_dims_add(x.d, OI_DIM_BAD, 1) == OI_DIM_BAD);
  CHECK(oi_dims_add(x.d, OINF_INFER, 1) == OI_DIM_BAD);
  close_table(&x);
}

TEST(dims, bounds_and_pins) {
  table x = make();
  open_table(&x);
  int64_t lo, hi;
  oinf_dim s = oi_dims_add(x.d, x.p, x.t);
  oi_dims_bounds(x.d, s, NULL, NULL, &lo, &hi);
  CHECK_INT(lo, 1);
  CHECK_INT(hi, 767);
  int64_t pin_lo[3] = {32, INT64_MIN, 1}, pin_hi[3] = {32, INT64_MAX, 1}, los[3], his[3];
  oi_dims_sym_bounds(x.d, pin_lo, pin_hi, los, his);
  CHECK_INT(los[0], 32);
  CHECK_INT(his[0], 32);
  CHECK_INT(los[1], 0);
  CHECK_INT(his[1], 31);
  oi_dims_bounds(x.d, s, los, his, &lo, &hi);
  CHECK_INT(lo, 1);
  CHECK_INT(hi, 32);
  CHECK(oi_dims_sym(x.d, "E", 5, 4, false) == OI_DIM_BAD);
  close_table(&x);
}

TEST(dims, loops_end) {
  table x = make();
  open_table(&x);
  oinf_dim l = oi_dims_sym(x.d, "l", 0, 4, true);
  int sym = oi_dims_sym_of(x.d, l);
  CHECK_INT(sym, 3);
  CHECK_INT(oi_dims_find(x.d, "l"), 3);
  oinf_dim e = oi_dims_add(x.d, oi_dims_mul(x.d, 2, l), x.t);
  CHECK(oi_dims_uses(x.d, e, 3) && !oi_dims_uses(x.d, x.t, 3));
  CHECK(oi_dims_valid(x.d, e));
  oi_dims_sym_close(x.d, 3);
  CHECK(!oi_dims_valid(x.d, e));
  CHECK_INT(oi_dims_find(x.d, "l"), -1);
  CHECK(oi_dims_subst(x.d, e, 3, 3) == oi_dims_add(x.d, x.t, 6));
  close_table(&x);
}

static uint64_t next_random(uint64_t *s) {
  *s ^= *s << 13, *s ^= *s >> 7, *s ^= *s << 17;
  return *s;
}

static int64_t floor_of(int64_t a, int64_t b) { return (a - ((a % b + b) % b)) / b; }

// What makers build has the value of plain arithmetic, lies in its bounds, and survives its text.
TEST(dims, random_expressions_agree_with_integers) {
  uint64_t seed = 88172645463325252u;
  for (int round = 0; round < 300; round++) {
    table x = make();
    open_table(&x);
    oinf_dim e[40] = {x.c, x.p, x.t, 3, -2};
    int64_t values[3] = {(int64_t)(next_random(&seed) % 512) + 1, 0,
                         (int64_t)(next_random(&seed) % 256) + 1};
    values[1] = (int64_t)(next_random(&seed) % (uint64_t)values[0]);
    int64_t v[40] = {values[0], values[1], values[2], 3, -2};
    for (int i = 5; i < 40; i++) {
      int a = (int)(next_random(&seed) % (unsigned)i), b = (int)(next_random(&seed) % (unsigned)i);
      int64_t k = (int64_t)(next_random(&seed) % 6) + 1;
      switch (next_random(&seed) % 7) {
        case 0: e[i] = oi_dims_add(x.d, e[a], e[b]), v[i] = v[a] + v[b]; break;
        case 1: e[i] = oi_dims_sub(x.d, e[a], e[b]), v[i] = v[a] - v[b]; break;
        case 2: e[i] = oi_dims_mul(x.d, e[a], k), v[i] = v[a] * k; break;
        case 3: e[i] = oi_dims_div(x.d, e[a], k), v[i] = floor_of(v[a], k); break;
        case 4: e[i] = oi_dims_mod(x.d, e[a], k), v[i] = v[a] - floor_of(v[a], k) * k; break;
        case 5: e[i] = oi_dims_min(x.d, e[a], e[b]), v[i] = v[a] < v[b] ? v[a] : v[b]; break;
        default: e[i] = oi_dims_max(x.d, e[a], e[b]), v[i] = v[a] > v[b] ? v[a] : v[b];
      }
      if (e[i] == OI_DIM_BAD || v[i] > 1000000 || v[i] < -1000000) e[i] = x.t, v[i] = values[2];
      int64_t have, lo, hi;
      CHECK(oi_dims_eval(x.d, e[i], values, &have));
      CHECK_INT(have, v[i]);
      oi_dims_bounds(x.d, e[i], NULL, NULL, &lo, &hi);
      CHECK(lo <= have && have <= hi);
      oi_text text;
      oi_text_init(&text, x.ctx);
      oi_dims_print(x.d, e[i], &text);
      const char *at = text.at;
      CHECK_MSG(oi_dims_parse(x.d, &at, text.at + text.n) == e[i] && !*at, "'%s' reads differently",
                text.at);
      oi_text_free(&text);
    }
    close_table(&x);
  }
}
