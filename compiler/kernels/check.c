// The part of a bundle's library.c that runs the golden steps again and compares each.

static int replay(model_run *r, const golden_step *g) {
#if GENERATES
  if (g->fed) return model_prefill(r, g->inputs[0], g->symbols[SYM_ROWS], NULL);
#endif
  return model_step_arrays(r, g->symbols, g->inputs, NULL);
}

static int check_steps(model_run *r, checking *c, void (*say)(const char *line)) {
  for (int i = 0; i < N_GOLDEN; i++) {
    c->step = &golden_steps[i], c->next = 0;
    begin_check(r, c);
    int code = replay(r, c->step);
    if (!code && !c->step->fed) end_check(r, c);
    if (c->differs) return say(c->line), MODEL_DIFFERENT;
    if (code) return say(r->error), code;
  }
  say_seen(c);
  return say(c->line), c->seen ? MODEL_OK : MODEL_NOINPUT;
}

int model_check(model_file *file, void (*say)(const char *line)) {
  model_run *r;
  checking c = {.seen = 0};
  if (N_GOLDEN == 0) return say("the package carries no golden steps"), MODEL_NOINPUT;
  int code = model_new(file, &r);
  if (code) say(model_error(r));
  else code = check_steps(r, &c, say);
  model_free(r);
  return code;
}
