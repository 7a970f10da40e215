// Folders as outputs: whole or never there. Files go into a folder beside the target; commit gives
// it the target's name, or lets it change places with a folder of an earlier run, which then goes.
#ifndef OINF_FORMATS_OUTDIR_H
#define OINF_FORMATS_OUTDIR_H
#include "lib/ctx.h"

typedef struct oi_outdir oi_outdir;
// `known`: names (n of them) that a folder of an earlier run may hold, the first of which it must.
// A target that holds anything else, or is no folder, is refused (CREATE).
//   oi_outdir_begin(ctx, "out/", known, n, &d);
//   ... files in oi_outdir_path(d) ...
//   oi_outdir_commit(&d);                   ... and on every way out: oi_outdir_abort(&d)
oinf_status oi_outdir_begin(oinf_ctx *ctx, const char *path, const char *const *known, size_t n,
                            oi_outdir **out);
const char *oi_outdir_path(const oi_outdir *d);  // without a slash at its end
// *d is NULL afterwards, whether it went well or not.
oinf_status oi_outdir_commit(oi_outdir **d);
void oi_outdir_abort(oi_outdir **d);  // leaves nothing; a no-op where *d is NULL
#endif
