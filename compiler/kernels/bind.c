// The part of a bundle's library.c for programs that learn at run time what the network takes:
// arrays and symbols by the model's names, shapes checked. What is typed in model.h needs none of
// it.

static int find_name(const char *const *names, int n, const char *name) {
  for (int i = 0; i < n; i++)
    if (strcmp(names[i], name) == 0) return i;
  return -1;
}

static int find_port(const port *ports, int n, const char *name) {
  for (int i = 0; i < n; i++)
    if (strcmp(ports[i].name, name) == 0) return i;
  return -1;
}

int model_input_find(const char *name) { return find_port(input_ports, N_INPUTS, name); }
int model_output_find(const char *name) { return find_port(output_ports, N_OUTPUTS, name); }

static void describe(const port *p, model_array *out) {
  *out = (model_array){
      .name = p->name, .dtype = p->dtype, .element = p->element, .rank = p->rank};
}

bool model_input(int which, model_array *out) {
  if (which < 0 || which >= N_INPUTS) return false;
  describe(&input_ports[which], out);
  for (int i = 0; i < out->rank; i++) out->dims[i] = input_sizes[which][i];
  return true;
}

bool model_output(const model_run *run, int which, model_array *out) {
  if (which < 0 || which >= N_OUTPUTS) return false;
  describe(&output_ports[which], out);
  output_dims(&run->d, which, out->dims);
  out->data = run->held[which], out->bytes = run->held_bytes[which];
  return true;
}

int model_set(model_run *run, const char *symbol, int64_t value) {
  const int i = find_name(symbol_names, N_SYMS, symbol);
  if (i < 0) return fails(run, MODEL_USAGE, "the graph has no symbol '%s'", symbol);
  run->given[i] = value, run->is_given[i] = true;
  return MODEL_OK;
}

int model_bind(model_run *run, const char *input, const void *data, const char *dtype, int rank,
               const int64_t *dims) {
  const int i = model_input_find(input);
  if (i < 0) return fails(run, MODEL_USAGE, "the graph has no input '%s'", input);
  const port *p = &input_ports[i];
  if (strcmp(p->dtype, dtype) != 0 || p->rank != rank)
    return fails(run, MODEL_USAGE, "input '%s' is %s of %d axes, not %s of %d", input, p->dtype,
                 p->rank, dtype, rank);
  run->bound[i] = data;
  for (int k = 0; k < rank; k++) run->bound_dims[i][k] = dims[k];
  return MODEL_OK;
}

int model_bind_golden(model_run *run, int step) {
  dims d = {{0}};
  if (step < 0 || step >= N_GOLDEN || golden_steps[step].fed)
    return fails(run, MODEL_NOINPUT, "there is no golden step %d", step);
  for (int i = 0; i < N_SYMS; i++) {
    const bool pinned = symbol_pins[i] != NO_PIN;
    d.s[i] = run->given[i] = pinned ? symbol_pins[i] : golden_steps[step].symbols[i];
    run->is_given[i] = !pinned && !symbol_is_loop[i];
  }
  for (int i = 0; i < N_INPUTS; i++) {
    run->bound[i] = golden_steps[step].inputs[i];
    input_dims(&d, i, run->bound_dims[i]);
  }
  return MODEL_OK;
}

// ---- a step of what is bound ----

// A dim of an input that is a bare symbol tells it.
static int learn_symbols(model_run *r, int64_t *symbols, bool *known) {
  for (int i = 0; i < N_INPUTS; i++) {
    for (int k = 0; r->bound[i] && k < input_ports[i].rank; k++) {
      const int sym = input_symbols[i][k];
      const int64_t have = r->bound_dims[i][k];
      if (sym < 0) continue;
      if (known[sym] && symbols[sym] != have)
        return fails(r, MODEL_USAGE, "symbol %s is %lld, and input '%s' says %lld",
                     symbol_names[sym], (long long)symbols[sym], input_ports[i].name,
                     (long long)have);
      symbols[sym] = have, known[sym] = true;
    }
  }
  for (int i = 0; i < N_SYMS; i++)
    if (!known[i] && !symbol_is_loop[i])
      return fails(r, MODEL_USAGE, "symbol %s is not known: set it, or bind the input that tells it",
                   symbol_names[i]);
  return MODEL_OK;
}

static int check_shapes(model_run *r) {
  int64_t want[8] = {0};
  for (int i = 0; i < N_INPUTS; i++) {
    if (!r->bound[i])
      return fails(r, MODEL_USAGE, "input '%s' is not bound", input_ports[i].name);
    input_dims(&r->d, i, want);
    for (int k = 0; k < input_ports[i].rank; k++)
      if (r->bound_dims[i][k] != want[k])
        return fails(r, MODEL_USAGE, "input '%s': axis %d is %lld, not %lld", input_ports[i].name,
                     k, (long long)r->bound_dims[i][k], (long long)want[k]);
  }
  return MODEL_OK;
}

int model_step_bound(model_run *run) {
  int64_t symbols[N_SYMS + 1] = {0};
  bool known[N_SYMS + 1] = {0};
  for (int i = 0; i < N_SYMS; i++) {
    known[i] = run->is_given[i] || symbol_pins[i] != NO_PIN;
    symbols[i] = run->is_given[i] ? run->given[i] : symbol_pins[i];
  }
  int code = learn_symbols(run, symbols, known);
  if (!code) code = take_symbols(run, symbols);
  if (!code) code = check_shapes(run);
  if (!code) code = model_step_arrays(run, symbols, run->bound, NULL);
  if (code) return code;
  memset(run->bound, 0, sizeof run->bound);
  memset(run->is_given, 0, sizeof run->is_given);
  return MODEL_OK;
}
