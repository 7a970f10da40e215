// --profile: a trace in the Trace Event Format, which chrome://tracing and Perfetto load. One
// complete event for each node that ran, each step, and each run of weights that was read, on rows
// for the steps, the thread that computes and the one that reads ahead. What is read on the spot
// lies within the node that waited for it. The file appears whole at the end, or not at all.
#include <time.h>

#include "compiler/report.h"
#include "sim/tool.h"

enum {
  ROW_STEPS = 1,
  ROW_RUNS = 2,
  ROW_READER = 3,
  PIECE = 1 << 16
};

static void put_text(oi_tool *t, bool all) {
  oi_profile *p = &t->profile;
  if (p->text.failed) p->status = oi_nomem(t->err, p->text.n);
  if (p->status != OINF_OK || (!all && p->text.n < PIECE)) return;
  p->status = oi_out_write(p->out, p->text.at, p->text.n);
  p->text.n = 0;
}

static void put_row(oi_text *to, int row, const char *name) {
  oi_text_put(to, ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_name\",", row);
  oi_text_put(to, "\"args\":{\"name\":\"%s\"}}", name);
  oi_text_put(to, ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_sort_index\",", row);
  oi_text_put(to, "\"args\":{\"sort_index\":%d}}", row);
}

oinf_status oi_tool_profile_begin(oi_tool *t) {
  oi_profile *p = &t->profile;
  if (!t->o.profile) return OINF_OK;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  p->origin = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  oi_text_init(&p->text, t->ctx);
  OI_TRY(oi_out_begin(t->ctx, t->o.profile, &p->out));
  oi_text_put(&p->text,
              "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
              "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":"
              "\"oinf-sim\"}}");
  put_row(&p->text, ROW_STEPS, "steps");
  put_row(&p->text, ROW_RUNS, "nodes");
  put_row(&p->text, ROW_READER, "reading ahead");
  return OINF_OK;
}

static unsigned long long u(uint64_t x) { return (unsigned long long)x; }

// Microseconds with three digits.
static void put_time(oi_text *to, const char *key, uint64_t ns) {
  oi_text_put(to, "\"%s\":%llu.%03llu,", key, u(ns / 1000), u(ns % 1000));
}

static void put_args(oi_text *to, const oinf_event *e) {
  oi_text_put(to, "\"args\":{\"step\":%llu", u(e->step));
  if (e->kind != OINF_EVENT_STEP) oi_text_put(to, ",\"read\":%llu", u(e->read));
  if (e->kind == OINF_EVENT_RUN)
    oi_text_put(to, ",\"written\":%llu,\"flops\":%llu", u(e->written), u(e->flops));
  oi_text_put(to, "}}");
}

void oi_tool_profile_event(oi_tool *t, const oinf_event *e) {
  static const int rows[] = {ROW_RUNS, ROW_RUNS, ROW_STEPS};
  oi_profile *p = &t->profile;
  oi_text *to = &p->text;
  if (!p->out || p->status != OINF_OK) return;
  oi_text_put(to, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%d,", e->ahead ? ROW_READER : rows[e->kind]);
  put_time(to, "ts", e->begin - p->origin);
  put_time(to, "dur", e->end - e->begin);
  oi_text_put(to, "\"cat\":\"%s\",\"name\":", e->op);
  oi_report_json(to, e->name);
  oi_text_put(to, ",");
  put_args(to, e);
  put_text(t, false);
}

oinf_status oi_tool_profile_end(oi_tool *t, oinf_status status) {
  oi_profile *p = &t->profile;
  if (!p->out) return status;
  oi_text_put(&p->text, "\n]}\n");
  put_text(t, true);
  if (status == OINF_OK) status = p->status;
  if (status == OINF_OK) status = oi_out_commit(&p->out);
  oi_out_abort(&p->out);
  oi_text_free(&p->text);
  return status;
}
