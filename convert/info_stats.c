// Statistics of tensors for people: figures, and a histogram drawn over four lines of text. ASCII
// always, so that a log is the same everywhere; --unicode asks for finer marks. A bin that holds
// anything is never drawn empty: outliers are what one looks for.
#include "convert/info.h"
#include "convert/stats.h"

enum {
  ROWS = 4
};
typedef struct ink {
  const char *mark[9];  // of a cell, from empty to full
  uint64_t steps;       // from one mark to the last
} ink;
static const ink ascii = {{" ", ".", ":", "#"}, 3};
static const ink blocks = {{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, 8};

static void draw(oi_text *out, const oi_stats *s, const ink *with) {
  const uint64_t levels = ROWS * with->steps;
  uint64_t most = 1;
  for (int b = 0; b < OI_STATS_BINS; b++) most = s->bins[b] > most ? s->bins[b] : most;
  for (uint64_t row = ROWS; row-- > 0;) {
    oi_text_put(out, "  |");
    for (int b = 0; b < OI_STATS_BINS; b++) {
      const uint64_t level = (s->bins[b] * levels + most - 1) / most, below = row * with->steps;
      const uint64_t over = level > below ? level - below : 0;
      oi_text_put(out, "%s", with->mark[over < with->steps ? over : with->steps]);
    }
    oi_text_put(out, "|\n");
  }
}

static void put_stats(oi_info *i, const oinf_tensor *t, const oi_stats *s) {
  oi_text *out = &i->out;
  oi_info_put_tensor(i, t);
  oi_text_put(out, "\n  zeros %llu, subnormals %llu, NaNs %llu, infinite %llu of %llu\n",
              (unsigned long long)s->zeros, (unsigned long long)s->subnormals,
              (unsigned long long)s->nans, (unsigned long long)s->infinite,
              (unsigned long long)s->count);
  if (!oi_stats_finite(s)) return;
  oi_text_put(out, "  min %.7g, max %.7g, mean %.7g, deviation %.7g\n", s->min, s->max, s->mean,
              s->deviation);
  draw(out, s, i->o.unicode ? &blocks : &ascii);
  oi_text_put(out, "   %-31.7g %32.7g\n", s->min, s->max);
}

oinf_status oi_info_stats(oi_info *i, oi_info_each_stats *each, void *user) {
  oinf_status status = OINF_OK;
  oi_stats s;
  oi_values *room = oi_alloc(i->ctx, sizeof *room);
  if (!room) return oi_nomem(oi_ctx_err(i->ctx), sizeof *room);
  for (uint32_t k = 0; k < oinf_model_tensor_count(i->model) && status == OINF_OK; k++) {
    const oinf_tensor *t = oinf_model_tensor(i->model, k);
    if (!oi_info_wants(i, t->name)) continue;
    status = oi_stats_of(room, i->model, k, oi_info_go_on, i, &s);
    if (status == OINF_OK) each(user, t, &s);
  }
  oi_free(i->ctx, room, sizeof *room);
  return status;
}

static void put_each(void *user, const oinf_tensor *t, const oi_stats *s) { put_stats(user, t, s); }

oinf_status oi_info_put_stats(oi_info *i) { return oi_info_stats(i, put_each, i); }
