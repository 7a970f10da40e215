// The drawing of layered graphs: over random graphs links lead downwards, boxes keep apart, all lie
// within the picture, and the same graph gives the same places. A link that closes a cycle goes.
#include "compiler/report_layout.h"
#include "tests/test.h"

static uint32_t next(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33);
}

static oi_layout random_layout(oinf_ctx *ctx, uint64_t seed) {
  oi_layout l = {0};
  uint64_t state = seed;
  const uint32_t n = 1 + next(&state) % 40;
  for (uint32_t i = 0; i < n; i++)
    CHECK(oi_layout_box(ctx, &l, 20 + (int32_t)(next(&state) % 200),
                        10 + (int32_t)(next(&state) % 90)) == i);
  for (uint32_t i = 1; i < n; i++)
    for (uint32_t k = 0; k < next(&state) % 4; k++)
      CHECK(oi_layout_link(ctx, &l, next(&state) % i, i, k));
  CHECK(oi_layout_make(ctx, &l));
  return l;
}

static bool apart(const oi_box *a, const oi_box *b) {
  return a->x + a->w <= b->x || b->x + b->w <= a->x || a->y + a->h <= b->y || b->y + b->h <= a->y;
}

static void check_places(const oi_layout *l, uint64_t seed) {
  for (size_t i = 0; i < l->boxes.n; i++) {
    const oi_box *b = &l->boxes.at[i];
    CHECK_MSG(b->x >= 0 && b->y >= 0 && b->x + b->w <= l->w && b->y + b->h <= l->h,
              "seed %llu: box %zu is outside", (unsigned long long)seed, i);
    for (size_t k = 0; k < i && i < l->n_given; k++)
      CHECK_MSG(apart(b, &l->boxes.at[k]), "seed %llu: boxes %zu and %zu meet",
                (unsigned long long)seed, i, k);
  }
  for (size_t i = 0; i < l->links.n; i++) {
    const oi_link *k = &l->links.at[i];
    const oi_box *from = &l->boxes.at[k->from], *to = &l->boxes.at[k->to];
    CHECK_INT(to->layer, from->layer + 1);
    CHECK(from->y + from->h < to->y);
  }
}

TEST(layout, random_graphs) {
  oinf_ctx *ctx;
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  for (uint64_t seed = 1; seed <= 300; seed++) {
    oi_layout l = random_layout(ctx, seed), again = random_layout(ctx, seed);
    check_places(&l, seed);
    CHECK(l.boxes.n == again.boxes.n && l.w == again.w && l.h == again.h);
    CHECK(memcmp(l.boxes.at, again.boxes.at, l.boxes.n * sizeof *l.boxes.at) == 0);
    oi_layout_free(ctx, &l);
    oi_layout_free(ctx, &again);
  }
  oinf_ctx_destroy(ctx);
}

TEST(layout, cycles_are_cut) {
  oinf_ctx *ctx;
  oi_layout l = {0};
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  for (int i = 0; i < 3; i++) oi_layout_box(ctx, &l, 50, 20);
  for (uint32_t i = 0; i < 3; i++) CHECK(oi_layout_link(ctx, &l, i, (i + 1) % 3, 0));
  CHECK(oi_layout_make(ctx, &l));
  check_places(&l, 0);
  oi_layout_free(ctx, &l);
  oinf_ctx_destroy(ctx);
}
