// Arrays of the bundle's program: inputs from npy files or numbers, values as text or npy.

// ---- files ----

static int slurp_open(int fd, const char *path, size_t most, uint8_t **out, size_t *out_n) {
  size_t room = 0, n = 0;
  for (ssize_t got = 1; got > 0; n += (size_t)got) {
    if (n == room) {
      uint8_t *grown = realloc(*out, room = 2 * room + 65536);
      if (!grown) return complain(MODEL_MEMORY, "out of memory");
      *out = grown;
    }
    do got = read(fd, *out + n, room - n);
    while (got < 0 && errno == EINTR);
    if (got < 0) return complain(MODEL_IO, "'%s' cannot be read", path);
    if ((size_t)got > most - n) return complain(MODEL_BAD, "'%s' is too long", path);
  }
  return *out_n = n, MODEL_OK;
}

// A whole file, or a pipe to its end.
static int slurp(const char *path, size_t most, uint8_t **out, size_t *out_n) {
  struct stat st;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return complain(MODEL_NOINPUT, "'%s' cannot be opened", path);
  const bool is_file = fstat(fd, &st) == 0 &&
                       (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode));
  uint8_t *bytes = NULL;
  const int code = is_file ? slurp_open(fd, path, most, &bytes, out_n)
                           : complain(MODEL_BAD, "'%s' is no file", path);
  close(fd);
  if (code) return free(bytes), code;
  return *out = bytes, MODEL_OK;
}

// Written whole, or not at all.
static int write_npy(const char *path, const model_array *a) {
  char temporary[4096];
  uint8_t head[OI_NPY_LONGEST];
  const size_t n = oi_npy_write_head(head, a->dtype, (uint32_t)a->rank, a->dims);
  if (!n) return complain(MODEL_BAD, "numpy has no dtype %s", a->dtype);
  if ((size_t)snprintf(temporary, sizeof temporary, "%s.%ld-tmp", path, (long)getpid()) >=
      sizeof temporary)
    return complain(MODEL_USAGE, "the name '%s' is too long", path);
  FILE *f = fopen(temporary, "wbx");
  if (!f) return complain(MODEL_CREATE, "'%s' cannot be created", path);
  bool whole = fwrite(head, 1, n, f) == n && fwrite(a->data, 1, a->bytes, f) == a->bytes;
  whole = fclose(f) == 0 && whole;
  if (whole && rename(temporary, path) == 0) return MODEL_OK;
  (void)unlink(temporary);
  return complain(MODEL_IO, "'%s' cannot be written", path);
}

// ---- --output NAME=@FILE: values that are caught as they are made ----

typedef struct caught {
  char name[128];
  const char *path;
  model_array array;  // data NULL: not seen
  void *room;
  size_t room_bytes;
} caught;

typedef struct watcher {
  const options *o;
  caught values[64];
  bool failed;
} watcher;

static int split(const char *arg, const char *name_of_option, char name[128],
                 const char **out_value) {
  const char *equals = strchr(arg, '=');
  const size_t n = equals ? (size_t)(equals - arg) : 0;
  if (!n || n >= 128)
    return complain(MODEL_USAGE, "%s wants NAME=..., not '%s'", name_of_option, arg);
  memcpy(name, arg, n);
  name[n] = 0;
  *out_value = equals + 1;
  return MODEL_OK;
}

static int want_outputs(watcher *w) {
  for (size_t i = 0; i < w->o->outputs.n; i++) {
    const char *value = NULL;
    int code = split(w->o->outputs.at[i], "--output", w->values[i].name, &value);
    if (code) return code;
    if (*value != '@')
      return complain(MODEL_USAGE, "--output wants NAME=@FILE.npy, not '%s'",
                      w->o->outputs.at[i]);
    w->values[i].path = value + 1;
  }
  return MODEL_OK;
}

static void keep(watcher *w, caught *c, const model_array *a) {
  if (c->room_bytes < a->bytes + 1) {
    free(c->room);
    c->room = malloc(a->bytes + 1), c->room_bytes = c->room ? a->bytes + 1 : 0;
  }
  c->array = *a, c->array.data = c->room;
  if (c->room) memcpy(c->room, a->data, a->bytes);
  else w->failed = true;
}

static void print_hash(const model_value *v) {
  printf("%llu %s %s [", (unsigned long long)v->step, v->label, v->dtype);
  for (int i = 0; i < v->rank; i++) printf("%s%lld", i ? ", " : "", (long long)v->dims[i]);
  printf("] %016llx\n", (unsigned long long)v->hash);
}

static void see(void *user, const model_value *v) {
  watcher *w = user;
  if (w->o->hash) print_hash(v);
  for (size_t i = 0; i < w->o->outputs.n; i++) {
    model_array a = {.dtype = v->dtype, .rank = v->rank, .data = v->data, .bytes = v->bytes};
    if (strcmp(w->values[i].name, v->label) != 0) continue;
    memcpy(a.dims, v->dims, (size_t)v->rank * sizeof *a.dims);
    keep(w, &w->values[i], &a);
  }
}

static void watch(watcher *w, model_run *r) {
  if (w->o->hash || w->o->outputs.n) model_watch(r, see, w);
}

// Once the last step has run: outputs by their names, other values as they were seen.
static int write_outputs(watcher *w, const model_run *r) {
  for (size_t i = 0; i < w->o->outputs.n; i++) {
    caught *c = &w->values[i];
    model_array a;
    if (model_output(r, model_output_find(c->name), &a)) keep(w, c, &a);
    if (w->failed) return complain(MODEL_MEMORY, "out of memory");
    if (!c->array.data) return complain(MODEL_USAGE, "no value is called '%s'", c->name);
    const int code = write_npy(c->path, &c->array);
    if (code) return code;
  }
  return MODEL_OK;
}

static void forget(watcher *w) {
  for (size_t i = 0; i < w->o->outputs.n; i++) free(w->values[i].room);
}

// ---- elements as text ----

static void print_element(const model_array *a, size_t i) {
  uint64_t u = 0;
  memcpy(&u, (const uint8_t *)a->data + i * a->element, a->element);
  const unsigned shift = 64 - 8 * (unsigned)a->element;
  const uint32_t low = (uint32_t)u;
  float f;
  double d;
  memcpy(&f, &low, sizeof f);
  memcpy(&d, &u, sizeof d);
  if (strcmp(a->dtype, "bf16") == 0) f = oi_bf16_to_f32(low);
  if (strcmp(a->dtype, "f16") == 0) f = oi_f16_to_f32(low);
  if (a->dtype[0] == 'i') printf(" %lld", (long long)((int64_t)(u << shift) >> shift));
  else if (a->dtype[0] == 'u') printf(" %llu", (unsigned long long)u);
  else if (strcmp(a->dtype, "bool") == 0) printf(" %d", u != 0);
  else if (strcmp(a->dtype, "f64") == 0) printf(" %.17g", d);
  else printf(" %.9g", (double)f);
}

static void print_array(const model_array *a) {
  printf("%s %s [", a->name, a->dtype);
  for (int i = 0; i < a->rank; i++) printf("%s%lld", i ? ", " : "", (long long)a->dims[i]);
  printf("]");
  for (size_t i = 0; i < a->bytes / a->element; i++) print_element(a, i);
  printf("\n");
}

// ---- --input NAME=@FILE or NAME=NUMBER ----

static int load_npy(const char *path, oi_npy *a, void **out) {
  uint8_t *bytes = NULL, head[OI_NPY_HEAD] = {0};
  char dict[OI_NPY_LONGEST + 1];
  size_t size = 0;
  uint32_t at = 0, n = 0;
  int code = slurp(path, SIZE_MAX / 2, &bytes, &size);
  if (code) return code;
  memcpy(head, bytes, size < sizeof head ? size : sizeof head);
  oi_npy_fault fault = oi_npy_place(a, head, size, &at, &n);
  if (!fault) {
    memcpy(dict, bytes + at, n);
    dict[n] = 0;
    fault = oi_npy_read(a, dict, n, size - at - n);
  }
  if (fault) return free(bytes), complain(MODEL_BAD, "'%s' %s", path, a->why);
  memmove(bytes, bytes + at + n, size - at - n);  // where malloc aligned it
  *out = bytes;
  return MODEL_OK;
}

// A number for an input that is a scalar.
static int bind_number(model_run *r, const model_array *in, const char *text, void *room) {
  double x;
  if (in->rank != 0)
    return complain(MODEL_USAGE, "input '%s' is no scalar: give it as @FILE.npy", in->name);
  if (!oi_parse_real(text, &x))
    return complain(MODEL_USAGE, "input '%s' wants a number, not '%s'", in->name, text);
  const float f = (float)x;
  const int64_t i = x >= 0x1p63 ? 0 : (int64_t)x;
  const uint64_t u = x >= 0x1p63 ? (uint64_t)x : (uint64_t)i;
  const uint16_t half = (uint16_t)(in->dtype[0] == 'b' ? oi_f32_to_bf16(f) : oi_f32_to_f16(f));
  const uint8_t yes = x != 0;
  const void *from = in->dtype[0] == 'f' && in->element == 8   ? (const void *)&x
                     : in->dtype[0] == 'f' && in->element == 4 ? (const void *)&f
                     : strcmp(in->dtype, "f16") == 0 || strcmp(in->dtype, "bf16") == 0
                         ? (const void *)&half
                     : strcmp(in->dtype, "bool") == 0 ? (const void *)&yes
                                                      : (const void *)&u;
  memcpy(room, from, in->element);
  const int code = model_bind(r, in->name, room, in->dtype, 0, in->dims);
  return code ? complain(code, "%s", model_error(r)) : MODEL_OK;
}

// *out_data: memory that is bound, the caller's to free.
static int bind_one(model_run *r, const char *arg, uint64_t *room, void **out_data) {
  char name[128];
  const char *value = NULL;
  model_array in;
  oi_npy a;
  int64_t x;
  int code = split(arg, "--input", name, &value);
  if (code) return code;
  if (model_input(model_input_find(name), &in)) {
    if (*value != '@') return bind_number(r, &in, value, room);
    if ((code = load_npy(value + 1, &a, out_data)) != 0) return code;
    code = model_bind(r, name, *out_data, a.dtype, (int)a.rank, a.dims);
    return code ? complain(code, "%s", model_error(r)) : MODEL_OK;
  }
  if (model_set(r, name, 0) != MODEL_OK)
    return complain(MODEL_USAGE, "the graph has no input and no symbol '%s'", name);
  if (!oi_parse_count(value, &x))
    return complain(MODEL_USAGE, "symbol '%s' wants a whole number", name);
  return model_set(r, name, x);
}

static int bind_all(const options *o, model_run *r, uint64_t *numbers, void **data) {
  int code = MODEL_OK;
  for (size_t i = 0; i < o->inputs.n && !code; i++)
    code = bind_one(r, o->inputs.at[i], &numbers[i], &data[i]);
  return code;
}

static int print_outputs(const model_run *r) {
  model_array a;
  for (int i = 0; model_output(r, i, &a); i++) print_array(&a);
  return MODEL_OK;
}

// A step of a network that is no text: inputs in, outputs out.
static int run_values(const options *o, model_run *r, watcher *w) {
  void *data[64] = {NULL};
  uint64_t numbers[64];
  int code = want_outputs(w);
  if (!code) code = bind_all(o, r, numbers, data);
  watch(w, r);
  if (!code && (code = model_step_bound(r)) != 0) complain(code, "%s", model_error(r));
  if (!code && !o->hash && !o->outputs.n) code = print_outputs(r);
  if (!code) code = write_outputs(w, r);
  for (size_t i = 0; i < o->inputs.n; i++) free(data[i]);
  return code;
}
