// A bundle's library.c, which model.c includes behind its tables: the weights' file, instances,
// threads, states in files, the check. Not every network uses every helper, so those are marked
// MAYBE.
#define MAYBE __attribute__((unused))

// Floor and remainder for positive divisors; what a divisor of 0 gives is never used.
MAYBE static int64_t dim_div(int64_t a, int64_t b) { return b > 0 ? a / b - (a % b < 0) : 0; }
MAYBE static int64_t dim_mod(int64_t a, int64_t b) {
  return b > 0 ? a - dim_div(a, b) * b : 0;
}
MAYBE static int64_t dim_min(int64_t a, int64_t b) { return a < b ? a : b; }
MAYBE static int64_t dim_max(int64_t a, int64_t b) { return a > b ? a : b; }

// A kernel works on units from .. to - 1 (run.c says more), as one of the workers.
struct call;
typedef void kernel(const struct call *c, int64_t from, int64_t to, int worker);

typedef struct pick {  // a row of a table, and the unit that it goes to
  int64_t row, to;
} pick;

struct model_file {
  int fd;
  kernel *const *kernels;  // for this processor, and what they are made of
  const oi_dots *dots;
  uint8_t *room;         // of front, where that is not within the program
  void *mapping;         // of the file
  const uint8_t *front;  // all bytes before the weights: tables and the checksums
  const uint8_t *map;    // of the whole file, NULL under a budget
  struct stat mark;    // of the file as it was opened
  char error[256];
};

struct model_run {
  const model_file *file;
  dims d;
  const void *const *inputs;
  uint8_t *memory;                 // all arenas, one block
  uint8_t *act, *room, *weights, *state[N_STATES + 1], *held[N_OUTPUTS + 1];
  size_t held_bytes[N_OUTPUTS + 1];
  uint8_t proved[WEIGHTS_BLOCKS + 1];  // blocks of a mapping whose checksum was seen to hold
  uint64_t steps;
  int64_t position;
  oi_kept kept;  // where rows lie of states that keep a window of them
  int status;
  atomic_int bad;  // a kernel met data that it cannot use
  oi_threads *threads;  // NULL: the caller alone
  uint8_t *more;        // scratch of all workers but the caller
  void (*show)(void *, const model_value *);
  void *user;
#if !MAPPED  // under a budget
  oi_pager *pager;
  oi_cursor cursor;
  uint64_t streamed, may_read;  // as the step began, and in it at most
  bool follows;                 // the step before it ended well
#endif
  pick *picks;      // rows that an index picks, sorted
  uint8_t *before;  // states as the step began, of those that do not only grow
  uint8_t *loaded;  // the file of model_load: the caller's bytes lie in it
  // What model_bind and model_set say of the next step.
  const void *bound[N_INPUTS + 1];
  int64_t bound_dims[N_INPUTS + 1][8], given[N_SYMS + 1];
  bool is_given[N_SYMS + 1];
  char error[256], label[512];
};

enum { BLOCK = 1 << 20 };

// ---- opening ----

static int open_fails(model_file *f, int code, const char *what) {
  snprintf(f->error, sizeof f->error, "%s", what);
  return code;
}

static bool read_all(int fd, void *out, uint64_t bytes, uint64_t at) {
  uint8_t *to = out;
  while (bytes) {
    ssize_t n = pread(fd, to, bytes < BLOCK ? bytes : BLOCK, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n, at += (uint64_t)n, bytes -= (uint64_t)n;
  }
  return true;
}

static int choose_kernels(model_file *f);

static int check_front(model_file *f, const uint8_t *tail) {
  uint8_t digest[32];
  oi_sha256 sha;
  oi_sha256_init(&sha, oi_sha256_best());
  oi_sha256_add(&sha, f->front, WEIGHTS_AT);
  oi_sha256_add(&sha, tail, FILE_BYTES - WEIGHTS_AT - WEIGHTS_BYTES);
  oi_sha256_end(&sha, digest);
  if (memcmp(digest, front_digest, sizeof digest) != 0)
    return open_fails(f, MODEL_BAD, "the weights are damaged, or not those of this bundle");
  return MODEL_OK;
}

#if EMBEDDED
extern const uint64_t model_embedded[];

static int open_weights(model_file *f, const char *path) {
  (void)path;
  f->map = f->front = (const uint8_t *)model_embedded;
  return check_front(f, f->map + WEIGHTS_AT + WEIGHTS_BYTES);
}
#else
static int open_front(model_file *f) {
  uint8_t tail[FILE_BYTES - WEIGHTS_AT - WEIGHTS_BYTES + 1];
  f->room = malloc(WEIGHTS_AT);
  f->front = f->room;
  if (!f->room) return open_fails(f, MODEL_MEMORY, "out of memory");
  if (!read_all(f->fd, f->room, WEIGHTS_AT, 0) ||
      !read_all(f->fd, tail, sizeof tail - 1, WEIGHTS_AT + WEIGHTS_BYTES))
    return open_fails(f, MODEL_IO, "the weights cannot be read");
  return check_front(f, tail);
}

static int open_weights(model_file *f, const char *path) {
  struct stat *st = &f->mark;
  f->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (f->fd < 0) return open_fails(f, MODEL_NOINPUT, "the weights cannot be opened");
  if (fstat(f->fd, st) != 0 || !S_ISREG(st->st_mode))
    return open_fails(f, MODEL_BAD, "the weights are no regular file");
  if ((uint64_t)st->st_size != FILE_BYTES)
    return open_fails(f, MODEL_BAD, "the weights have another size than those of this bundle");
  int code = open_front(f);
  if (code || !MAPPED) return code;
  f->mapping = mmap(NULL, FILE_BYTES, PROT_READ, MAP_PRIVATE, f->fd, 0);
  if (f->mapping == MAP_FAILED) {
    f->mapping = NULL;
    return open_fails(f, MODEL_IO, "the weights cannot be mapped");
  }
  f->map = f->mapping;
  return MODEL_OK;
}
#endif

int model_open(const char *path, model_file **out_file) {
  model_file *f = calloc(1, sizeof *f);
  *out_file = f;
  if (!f) return MODEL_MEMORY;
  f->fd = -1;
  int code = choose_kernels(f);
  return code ? code : open_weights(f, path);
}

void model_close(model_file *file) {
  if (!file) return;
  if (file->mapping) munmap(file->mapping, FILE_BYTES);
  if (file->fd >= 0) close(file->fd);
  free(file->room);
  free(file);
}

const char *model_open_error(const model_file *file) {
  return file ? file->error : "out of memory";
}

const void *model_tokenizer(const model_file *file, size_t *out_size) {
  *out_size = TOKENIZER_BYTES;
  return TOKENIZER_BYTES ? file->front + TOKENIZER_AT : NULL;
}

// ---- where things lie ----

__attribute__((format(printf, 3, 4))) static int fails(model_run *r, int code, const char *format,
                                                       ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(r->error, sizeof r->error, format, args);
  va_end(args);
  return r->status = code;
}

MAYBE static void *at(const model_run *r, uint64_t offset) { return r->act + offset; }
MAYBE static void *state_at(const model_run *r, int state, int64_t offset) {
  return r->state[state] + offset;
}

// ---- what is shown of a step ----

static inline uint64_t hash_word(uint64_t h, uint64_t w) { return (h ^ w) * 1099511628211u; }

static uint64_t canonical(const char *dtype, uint64_t w) {
  uint64_t r = w;
  if (strcmp(dtype, "f64") == 0)
    r = (w & INT64_MAX) > 0x7ff0000000000000u ? 0x7ff8000000000000u : w;
  for (int i = 0; strcmp(dtype, "f32") == 0 && i < 64; i += 32)
    if ((w >> i & 0x7fffffff) > 0x7f800000)
      r = (r & ~((uint64_t)0xffffffff << i)) | (uint64_t)0x7fc00000 << i;
  const bool bf16 = strcmp(dtype, "bf16") == 0;
  for (int i = 0; (bf16 || strcmp(dtype, "f16") == 0) && i < 64; i += 16)
    if ((w >> i & 0x7fff) > (bf16 ? 0x7f80u : 0x7c00u))
      r = (r & ~((uint64_t)0xffff << i)) | (uint64_t)(bf16 ? 0x7fc0u : 0x7e00u) << i;
  return r;
}

// FNV-1a over 64-bit words: dtype, rank, dims, bytes with every NaN the canonical one.
static uint64_t hash_of(const model_value *v) {
  uint64_t h = 14695981039346656037u, word = 0;
  const uint8_t *p = v->data;
  memcpy(&word, v->dtype, strlen(v->dtype));
  h = hash_word(h, word);
  h = hash_word(h, (uint64_t)v->rank);
  for (int i = 0; i < v->rank; i++) h = hash_word(h, (uint64_t)v->dims[i]);
  for (size_t i = 0; i < v->bytes; i += 8) {
    word = 0;
    memcpy(&word, p + i, v->bytes - i < 8 ? v->bytes - i : 8);
    h = hash_word(h, canonical(v->dtype, word));
  }
  return h;
}

static void put_label(char *out, size_t room, const char *label, const int64_t *turn) {
  for (size_t n = 0; *label && n + 1 < room; n += strlen(out + n)) {
    const bool hole = label[0] == '{' && label[1] == '}';
    if (hole) snprintf(out + n, room - n, "%lld", (long long)*turn++);
    else snprintf(out + n, room - n, "%c", *label);
    label += hole ? 2 : 1;
  }
}

// Row `which` of the table of values: where it lies, its dims, the turns that its label speaks of.
MAYBE static void show(model_run *r, int which, const void *data, const int64_t *dim,
                       const int64_t *turn) {
  const shown *s = &values[which];
  model_value v = {.step = r->steps, .kernel = s->kernel, .dtype = s->dtype, .rank = s->rank,
                   .iteration = s->loop < 0 ? -1 : r->d.s[s->loop], .dims = dim, .data = data,
                   .bytes = s->element, .label = r->label};
  r->label[0] = 0;
  put_label(r->label, sizeof r->label, s->label, turn);
  for (int i = 0; i < s->rank; i++) v.bytes *= (size_t)dim[i];
  v.hash = hash_of(&v);
  r->show(r->user, &v);
}

// ---- what model.c says of the network, behind this file ----

static void input_dims(const dims *d, int which, int64_t *out);
static void output_dims(const dims *d, int which, int64_t *out);
static int64_t step_end(const dims *d, int64_t position);  // where a step's rows end
// Rows that a step writes into states which keep a window of them.
static void step_rows(const dims *d, int64_t *at, int64_t *rows);
static int check_step(model_run *r, dims *d);
static int run_step(model_run *r, dims *d);

MAYBE static bool outside(model_run *r, int symbol, int64_t lo, int64_t hi) {
  const int64_t x = r->d.s[symbol];
  if (x < lo || x > hi)
    (void)fails(r, MODEL_USAGE, "symbol %s is %lld, outside %lld to %lld",
                symbol_names[symbol], (long long)x, (long long)lo, (long long)hi);
  return x < lo || x > hi;
}
