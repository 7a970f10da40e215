// The command line of the bundle's program: the words of oinf-sim, from one table.

typedef struct list {
  const char *at[64];
  size_t n;
} list;

typedef struct options {
  const char *prompt, *prompt_file, *tokens, *weights, *save, *load;
  list inputs, outputs, stops;
  int64_t steps, top_k, seed, threads;
  double temperature, top_p, min_p;
  oi_penalties penalties;
  bool hash, check, bench, quiet, verbose, help;
} options;

__attribute__((format(printf, 2, 3))) static int complain(int code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("model: error: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return code;
}

typedef enum option_kind { FLAG, TEXT, COUNT, REAL, LIST } option_kind;
typedef struct option {
  const char *name, *value;
  char brief;  // 'n' for -n, 0: none
  option_kind kind;
  size_t offset;
  const char *help;
} option;

// A network without tokens has the words, and nothing to say of them.
#if !MODEL_GENERATES
#define MODEL_TEMPERATURE 0
#define MODEL_TOP_K 0
#define MODEL_TOP_P 1
#define MODEL_MIN_P 0
#define MODEL_REPETITION_PENALTY 1
#endif
#define WORDS(x) #x
#define USUAL(x) " (" WORDS(x) ")"

#define AT(field) offsetof(options, field)
static const option option_rows[] = {
    {"input", "NAME=@X.npy|VALUE", 'i', LIST, AT(inputs), "an input, or a symbol of the graph"},
    {"output", "NAME=@Y.npy", 0, LIST, AT(outputs), "write a value as npy"},
    {"prompt", "TEXT", 'p', TEXT, AT(prompt), "continue this text"},
    {"prompt-file", "FILE", 0, TEXT, AT(prompt_file), "continue the text of this file"},
    {"tokens", "IDS", 't', TEXT, AT(tokens), "continue these ids: 1,403,407"},
    {"steps", "N", 'n', COUNT, AT(steps), "tokens to make (128)"},
    {"threads", "N", 0, COUNT, AT(threads), "threads (1)"},
    {"temperature", "T", 0, REAL, AT(temperature), "0: greedy" USUAL(MODEL_TEMPERATURE)},
    {"top-k", "N", 0, COUNT, AT(top_k), "draw from the N best; 0: all" USUAL(MODEL_TOP_K)},
    {"top-p", "P", 0, REAL, AT(top_p), "draw from the best with mass P; 1: all" USUAL(MODEL_TOP_P)},
    {"min-p", "P", 0, REAL, AT(min_p),
     "draw from those with P of the best's chance; 0: all" USUAL(MODEL_MIN_P)},
    {"repetition-penalty", "R", 0, REAL, AT(penalties.repetition),
     "of every token so far; 1: none" USUAL(MODEL_REPETITION_PENALTY)},
    {"frequency-penalty", "X", 0, REAL, AT(penalties.frequency),
     "for each time that a token was made; 0: none (0)"},
    {"presence-penalty", "X", 0, REAL, AT(penalties.presence),
     "once for a token that was made; 0: none (0)"},
    {"seed", "N", 's', COUNT, AT(seed), "of the draws (0)"},
    {"stop", "TEXT", 0, LIST, AT(stops), "end before this text; may be given again"},
    {"hash", NULL, 0, FLAG, AT(hash), "print hashes: step name dtype dims hash"},
    {"save-state", "FILE", 0, TEXT, AT(save), "keep states, tokens and sampler at the end"},
    {"load-state", "FILE", 0, TEXT, AT(load), "take them up again"},
    {"weights", "FILE", 0, TEXT, AT(weights), "the weights (weights.oinf beside the program)"},
    {"check", NULL, 0, FLAG, AT(check), "replay the golden steps"},
    {"bench", NULL, 0, FLAG, AT(bench), "time a step"},
    {"quiet", NULL, 'q', FLAG, AT(quiet), "no notes"},
    {"verbose", NULL, 'v', FLAG, AT(verbose), "sizes and speed"},
    {"help", NULL, 'h', FLAG, AT(help), "this text"},
};
enum { N_OPTIONS = sizeof option_rows / sizeof *option_rows };

static bool store(const option *o, options *record, const char *value) {
  char *at = (char *)record + o->offset;
  list *to = (list *)(void *)at;
  switch (o->kind) {
    case FLAG: *(bool *)(void *)at = true; return true;
    case TEXT: *(const char **)(void *)at = value; return true;
    case COUNT: return oi_parse_count(value, (int64_t *)(void *)at);
    case REAL: return oi_parse_real(value, (double *)(void *)at);
    case LIST: return to->n < sizeof to->at / sizeof *to->at && (to->at[to->n++] = value, true);
  }
  return false;
}

static const option *find_option(const char *arg, size_t n) {
  for (size_t i = 0; i < N_OPTIONS; i++) {
    const option *o = &option_rows[i];
    if (arg[1] == '-' ? strlen(o->name) == n - 2 && memcmp(o->name, arg + 2, n - 2) == 0
                      : n == 2 && o->brief == arg[1])
      return o;
  }
  return NULL;
}

static int take_option(options *to, int argc, char **argv, int *i) {
  static const char *const wanted[] = {"nothing", "a value", "a whole number", "a number",
                                       "a value"};
  const char *arg = argv[*i], *equals = arg[1] == '-' ? strchr(arg, '=') : NULL;
  const option *o = find_option(arg, equals ? (size_t)(equals - arg) : strlen(arg));
  if (!o) return complain(MODEL_USAGE, "unknown option '%s' (try --help)", arg);
  if (o->kind == FLAG && equals) return complain(MODEL_USAGE, "--%s takes no value", o->name);
  const char *value = equals ? equals + 1 : NULL;
  if (o->kind != FLAG && !value) {
    if (++*i >= argc) return complain(MODEL_USAGE, "--%s wants %s", o->name, wanted[o->kind]);
    value = argv[*i];
  }
  if (store(o, to, value)) return MODEL_OK;
  return complain(MODEL_USAGE, "--%s wants %s, not '%s'", o->name, wanted[o->kind], value);
}

static int check_options(const options *o) {
  const oi_penalties *p = &o->penalties;
  if (o->temperature < 0 || o->top_p <= 0 || o->top_p > 1 || o->min_p < 0 || o->min_p > 1)
    return complain(MODEL_USAGE, "--temperature wants 0 or more, --top-p more than 0 and at most "
                                 "1, --min-p 0 to 1");
  if (!(p->repetition > 0))
    return complain(MODEL_USAGE, "--repetition-penalty wants more than 0");
  if (p->frequency < -2 || p->frequency > 2 || p->presence < -2 || p->presence > 2)
    return complain(MODEL_USAGE, "--frequency-penalty and --presence-penalty want -2 to 2");
  if ((o->prompt != NULL) + (o->prompt_file != NULL) + (o->tokens != NULL) > 1)
    return complain(MODEL_USAGE, "one of --prompt, --prompt-file and --tokens");
  if (o->threads > 1024 || o->top_k > UINT32_MAX)
    return complain(MODEL_USAGE, "--threads or --top-k is too large");
  for (size_t i = 0; i < o->stops.n; i++)
    if (!*o->stops.at[i]) return complain(MODEL_USAGE, "--stop wants a text that is not empty");
  return MODEL_OK;
}

static int parse(options *o, int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (argv[i][0] != '-' || !argv[i][1])
      return complain(MODEL_USAGE, "'%s' is one argument too many", argv[i]);
    const int code = take_option(o, argc, argv, &i);
    if (code) return code;
  }
  return check_options(o);
}

static void help(void) {
  puts("model: runs the network of this bundle\n\noptions:");
  for (size_t i = 0; i < N_OPTIONS; i++) {
    const option *o = &option_rows[i];
    char left[64];
    snprintf(left, sizeof left, "%s%c%s --%s%s%s", o->brief ? "-" : "", o->brief ? o->brief : ' ',
             o->brief ? "," : " ", o->name, o->value ? " " : "", o->value ? o->value : "");
    printf("  %-30s %s\n", left, o->help);
  }
  puts("\nexit codes: 0 ok, 1 different, 64 usage, 65 bad input, 66 no input, 70 internal error,\n"
       "  73 cannot create, 74 input/output, 75 memory, 130 interrupted");
}
