// The part of a bundle's library.c that finds weights where their file is mapped: a block's
// checksum is proved before its first use.

static bool proves(model_run *r, uint64_t block, const uint8_t *bytes) {
  uint32_t want;
  const uint64_t left = WEIGHTS_BYTES - block * BLOCK;
  memcpy(&want, r->file->front + CHECKSUMS_AT + 4 * block, sizeof want);
  if (oi_crc32c(0, bytes, left < BLOCK ? (size_t)left : BLOCK) == want) return true;
  (void)fails(r, MODEL_BAD, "the weights are damaged: checksum of block %llu",
              (unsigned long long)block);
  return false;
}

// The bytes of a weight, every block that holds some of them proved; NULL: r->error says why.
MAYBE static const void *weight(model_run *r, uint64_t offset, uint64_t bytes) {
  const uint64_t first = offset / BLOCK, last = bytes ? (offset + bytes - 1) / BLOCK : first;
  if (offset == NO_WEIGHT) return (void)fails(r, MODEL_NOINPUT, "a weight is missing"), NULL;
  if (!bytes) return r->act;
  const uint8_t *base = r->file->map + WEIGHTS_AT;
  for (uint64_t b = first; b <= last; b++) {
    if (r->proved[b]) continue;
    if (!proves(r, b, base + b * BLOCK)) return NULL;
    r->proved[b] = 1;
  }
  return base + offset;
}

static void begin_paging(model_run *r) { (void)r; }
static int end_paging(model_run *r) { return (void)r, MODEL_OK; }
static int open_paging(model_run *r) { return (void)r, MODEL_OK; }
static void close_paging(model_run *r) { (void)r; }
