// The part of a bundle's library.c that keeps an instance's states in a file and takes them up
// again: the file is the simulator's, and the other way round.

// What is written goes to a temporary file beside the one that is wanted, which then takes its
// name.
typedef struct saving {
  int fd;
  char temporary[4096];
} saving;

static bool save_piece(void *user, const void *bytes, size_t n) {
  const saving *s = user;
  for (const uint8_t *at = bytes; n;) {
    const ssize_t done = write(s->fd, at, n < BLOCK ? n : BLOCK);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    at += done, n -= (size_t)done;
  }
  return true;
}

static void describe_states(model_run *r, oi_saved *saved, oi_saved_state *states) {
  *saved = (oi_saved){.states = states,
                      .n_states = N_STATES,
                      .rows = (uint64_t)r->position,
                      .first = r->kept.first};
  memcpy(saved->root, source_digest, sizeof saved->root);
  for (int i = 0; i < N_STATES; i++) states[i] = state_shapes[i], states[i].data = r->state[i];
}

static int save_to(model_run *r, oi_saved *saved, saving *s, const char *path) {
  const oi_saved_fault fault = oi_saved_write(saved, save_piece, s);
  bool whole = !fault && fsync(s->fd) == 0;
  whole = close(s->fd) == 0 && whole;
  if (whole && rename(s->temporary, path) == 0) return MODEL_OK;
  (void)unlink(s->temporary);
  if (fault == OI_SAVED_NAME) return fails(r, MODEL_BAD, "%s", saved->why);
  return fails(r, MODEL_IO, "'%s' cannot be written", path);
}

int model_save(model_run *run, const char *path, const void *extra, size_t bytes) {
  oi_saved saved;
  oi_saved_state states[N_STATES + 1];
  saving s;
  const int code = can_follow(run, run->position);
  if (code) return code;
  if ((size_t)snprintf(s.temporary, sizeof s.temporary, "%s.%ld-tmp", path, (long)getpid()) >=
      sizeof s.temporary)
    return fails(run, MODEL_USAGE, "the name of the saved state is too long");
  describe_states(run, &saved, states);
  saved.extra = extra, saved.extra_bytes = bytes;
  s.fd = open(s.temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (s.fd < 0) return fails(run, MODEL_CREATE, "'%s' cannot be created", path);
  return save_to(run, &saved, &s, path);
}

// ---- loading ----

int model_load_bytes(model_run *run, const void *bytes, size_t n, const void **out_extra,
                     size_t *out_bytes) {
  oi_saved saved;
  oi_saved_state states[N_STATES + 1];
  describe_states(run, &saved, states);
  const oi_saved_fault fault = oi_saved_check(&saved, bytes, n);
  if (fault) return fails(run, fault == OI_SAVED_ROWS ? MODEL_USAGE : MODEL_BAD, "%s", saved.why);
  run->position = (int64_t)saved.rows;
  if (WINDOW_ROOM) oi_kept_loaded(&run->kept, run->position);
  saved.first = run->kept.first;
  oi_saved_take(&saved, bytes);
  if (out_extra) *out_extra = saved.extra;
  if (out_bytes) *out_bytes = (size_t)saved.extra_bytes;
  return MODEL_OK;
}

// The whole file in memory of malloc; a folder or what is longer than a state can be is refused.
static int load_file(model_run *r, const char *path, uint8_t **out, size_t *out_n) {
  enum { MOST_EXTRA = 64 << 20 };
  struct stat st;
  oi_saved saved;
  oi_saved_state states[N_STATES + 1];
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fails(r, MODEL_NOINPUT, "'%s' cannot be opened", path);
  int code = MODEL_OK;
  describe_states(r, &saved, states);
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
      (uint64_t)st.st_size > oi_saved_most(&saved) + MOST_EXTRA)
    code = fails(r, MODEL_BAD, "'%s' is no saved state", path);
  uint8_t *bytes = code ? NULL : malloc((size_t)st.st_size + 1);
  if (!code && !bytes) code = fails(r, MODEL_MEMORY, "out of memory");
  if (!code && !read_all(fd, bytes, (uint64_t)st.st_size, 0))
    code = fails(r, MODEL_IO, "'%s' cannot be read", path);
  close(fd);
  if (code) return free(bytes), code;
  *out = bytes, *out_n = (size_t)st.st_size;
  return MODEL_OK;
}

int model_load(model_run *run, const char *path, const void **out_extra, size_t *out_bytes) {
  uint8_t *bytes = NULL;
  size_t n = 0;
  int code = load_file(run, path, &bytes, &n);
  if (!code) code = model_load_bytes(run, bytes, n, out_extra, out_bytes);
  if (code) return free(bytes), code;
  free(run->loaded);
  run->loaded = bytes;
  return MODEL_OK;
}
