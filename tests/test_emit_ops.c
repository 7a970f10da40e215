// Every op of ops.def, over all its vectors, as kernels of a bundle: the simulator computes them
// (test_ops holds it to values from elsewhere), and the bundle gives the same bits. The vectors
// cover each op, class of dtypes and set of attributes; an op of which none came down fails by
// name.
#include "compiler/emit.h"
#include "tests/bundle.h"
#include "tests/op_parts.h"

enum {
  MOST = 8
};

static void bind(void *user, const char *name, const oi_view *in) {
  bundle_input(user, name, in->dtype, in->rank, in->dim, in->data);
}

static uint64_t emit_part(op_part *p, const char *folder, const char *name) {
  bundle b;
  bundle_begin(&b, p->ctx, p->model, p->graph);
  op_part_inputs(p, bind, &b);
  bundle_step(&b);
  const uint64_t values = b.n_values;
  const oinf_emit_desc d = {.name = name};
  oi_pass_options options = {.without = 0};  // each case as it stands: none is folded away
  for (int i = 0; i < OI_PASS_COUNT; i++)
    options.without |= (uint32_t)!oi_pass_needed((oi_pass_id)i) << i;
  CHECK_MSG(oi_emit_run(p->model, p->graph, &d, &options, folder, NULL, NULL, NULL) == OINF_OK,
            "%s", oinf_error(p->ctx));
  bundle_end(&b);
  return values;
}

TEST(emit_ops, every_op_comes_down) {
  static op_part p;
  static char folder[MOST][200], name[MOST][16];
  const char *folders[MOST], *names[MOST];
  uint64_t values[MOST], all = 0;
  int cases = 0, n = 0;
  for (int op = 1; op < OP_COUNT; n++) {
    CHECK(n < MOST);
    snprintf(name[n], sizeof name[n], "part%d", n);
    snprintf(folder[n], sizeof folder[n], "%s/%s", oi_test_dir(), name[n]);
    folders[n] = folder[n], names[n] = name[n];
    op_part_begin(&p, name[n]);
    for (; op < OP_COUNT && p.n < OP_PART_CASES; op++) {
      const int here = op_part_add(&p, (oi_op)op, NULL, NULL);
      CHECK_MSG(here > 0, "no case of op %s comes down", oi_op_info_of((oi_op)op)->name);
      cases += here;
    }
    values[n] = emit_part(&p, folder[n], name[n]);
    all += values[n];
    op_part_end(&p);
  }
  bundle_run(folders, names, values, n, oi_test_soak() ? "-O3" : "-O1 -DOI_BASE_ONLY",
             "vectors of ops");
  printf("emit_ops: %d cases, %llu values equal\n", cases, (unsigned long long)all);
}
