// Printed C as a person would leave it. Templates and printers put what they are given in
// parentheses, multiply by strides that may be one, and declare what a kernel may want, since none
// of them sees what stands around; here the whole is seen, and what does nothing goes. Meaning is
// kept: floats are never regrouped, and bodies that came with a package are not looked at.
//
//   (x[k])  (64)        parentheses around a primary
//   = (a + b);          parentheses around all that is given
//   i * (d->rows * 64)  a product of dims within a product
//   0 + i * 1           a term of nothing, a factor of one
//   (void)worker;       of what is used; a declaration of d that is not
#include <string.h>

#include "compiler/emit.h"

typedef struct tidying {
  const char *at;
  size_t n;
  bool *drop;  // by character
  bool changed;
} tidying;

// ---- characters and words ----

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
static bool is_one_of(char c, const char *set) { return c && strchr(set, c); }

// The next character behind a string, a character or a comment that begins at i; i: none does.
static size_t skip_quoted(const tidying *t, size_t i) {
  const char q = t->at[i];
  if (q == '/' && i + 1 < t->n && t->at[i + 1] == '/') {
    while (i < t->n && t->at[i] != '\n') i++;
    return i;
  }
  if (q != '"' && q != '\'') return i;
  for (i++; i < t->n && t->at[i] != q; i++) i += t->at[i] == '\\';
  return i + 1;
}

static char before(const tidying *t, size_t i, size_t *where) {
  while (i > 0 && is_one_of(t->at[i - 1], " \n")) i--;
  return *where = i ? i - 1 : 0, i ? t->at[i - 1] : 0;
}
static char behind(const tidying *t, size_t i) {
  for (i++; i < t->n && is_one_of(t->at[i], " \n");) i++;
  return i < t->n ? t->at[i] : 0;
}

static size_t word_end(const tidying *t, size_t i) {
  while (i < t->n && is_word(t->at[i])) i++;
  return i;
}
static bool is_text(const tidying *t, size_t from, size_t to, const char *text) {
  return to - from == strlen(text) && memcmp(t->at + from, text, to - from) == 0;
}

// The bracket that closes the one at i; the end where there is none.
static size_t closing(const tidying *t, size_t i) {
  int depth = 0;
  while (i < t->n) {
    const size_t next = skip_quoted(t, i);
    if (next > i) {
      i = next;
      continue;
    }
    if (is_one_of(t->at[i], "([{")) depth++;
    if (is_one_of(t->at[i], ")]}") && --depth == 0) return i;
    i++;
  }
  return t->n;
}

// ---- parentheses ----

static bool is_type(const tidying *t, size_t from, size_t to) {
  static const char *const names[] = {"float", "double", "bool", "char", "int", "void", "unsigned"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (is_text(t, from, to, names[i])) return true;
  return to - from > 2 && memcmp(t->at + to - 2, "_t", 2) == 0;
}

// Is from .. to - 1 a name or a number, with what hangs on it: indices, arguments, members?
static bool is_primary(const tidying *t, size_t from, size_t to) {
  size_t i = word_end(t, from);
  if (i == from || is_type(t, from, i)) return false;
  while (i < to) {
    if (is_one_of(t->at[i], "[(")) i = closing(t, i) + 1;
    else if (t->at[i] == '-' && t->at[i + 1] == '>') i = word_end(t, i + 2);
    else if (t->at[i] == '.') i = word_end(t, i + 1);
    else return false;
  }
  return i == to;
}

// No comma, assignment or brace of its own within.
static bool is_plain(const tidying *t, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    if (is_one_of(t->at[i], ",;{\"'")) return false;
    if (t->at[i] == '=' && t->at[i - 1] == ' ' && t->at[i + 1] == ' ') return false;
    if (is_one_of(t->at[i], "([")) i = closing(t, i);
  }
  return true;
}

// Numbers and members of d, multiplied.
static bool is_product_of_dims(const tidying *t, size_t from, size_t to) {
  for (size_t i = from; i < to;) {
    const size_t end = word_end(t, i);
    if (is_text(t, i, end, "d")) {
      if (t->at[end] != '-') return false;
      i = word_end(t, end + 2);
    } else {
      for (size_t k = i; k < end; k++)
        if (!(t->at[k] >= '0' && t->at[k] <= '9')) return false;
      if (i == end) return false;
      i = end;
    }
    if (i < to && memcmp(t->at + i, " * ", 3) != 0) return false;
    i += i < to ? 3 : 0;
  }
  return true;
}

// Does a cast to a type that is one word end at i?
static bool is_cast(const tidying *t, size_t i) {
  size_t from = i;
  while (from > 0 && is_word(t->at[from - 1])) from--;
  return t->at[i] == ')' && from < i && from > 1 && t->at[from - 1] == '(' &&
         !is_word(t->at[from - 2]) && is_type(t, from, i);
}

static bool is_superfluous(const tidying *t, size_t open, size_t close) {
  size_t where;
  const char left = before(t, open, &where), right = behind(t, close);
  const bool returns = where >= 5 && is_text(t, where - 5, where + 1, "return");
  const bool follows = is_word(left) || is_one_of(left, ")]");
  if (close == open + 1 || (follows && !returns && !is_cast(t, where))) return false;
  if (is_primary(t, open + 1, close)) return !is_word(right) && !is_one_of(right, "({\"");
  if (left == '*' && is_product_of_dims(t, open + 1, close)) return t->at[where - 1] == ' ';
  const bool begins =
      is_one_of(left, "([{,") || returns || (left == '=' && t->at[where - 1] == ' ');
  if (begins && right == '*' && is_product_of_dims(t, open + 1, close)) return true;
  return begins && is_one_of(right, ")]},;") && is_plain(t, open + 1, close);
}

// ---- terms and factors ----

static void drop(tidying *t, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) t->drop[i] = true;
  t->changed = true;
}

static void look_at(tidying *t, size_t i) {
  size_t where;
  if (t->at[i] == '(') {
    const size_t end = closing(t, i);
    if (end < t->n && is_superfluous(t, i, end)) drop(t, i, i + 1), drop(t, end, end + 1);
  } else if (i + 4 < t->n && memcmp(t->at + i, " * 1", 4) == 0) {
    const char last = i ? t->at[i - 1] : 0, next = t->at[i + 4];
    if ((is_word(last) || is_one_of(last, ")]")) && !is_word(next) && next != '.')
      drop(t, i, i + 4);
  } else if (i + 4 < t->n && memcmp(t->at + i, "0 + ", 4) == 0) {
    if (is_one_of(before(t, i, &where), "([,")) drop(t, i, i + 4);
  }
}

// ---- what is declared and not used ----

// How often a word stands in from .. to - 1, but as a member of something.
static unsigned uses_of(const tidying *t, size_t from, size_t to, size_t word, size_t size) {
  unsigned n = 0;
  for (size_t i = from; i < to;) {
    const size_t end = word_end(t, i);
    if (end - i == size && memcmp(t->at + i, t->at + word, size) == 0)
      n += !(i && is_one_of(t->at[i - 1], ".>"));
    i = end > i ? end : skip_quoted(t, i) > i ? skip_quoted(t, i) : i + 1;
  }
  return n;
}

// "(void)a, (void)b;": those stay that nothing else uses, and the line while one does.
static void look_at_voids(tidying *t, size_t from, size_t to, size_t line) {
  static const char declaration[] = "  const dims *d = c->d;\n";
  const size_t line_end = (size_t)(strchr(t->at + line, '\n') - t->at) + 1;
  size_t kept = 0;  // behind the last that stays
  for (size_t i = line, end; t->at[i] != '\n'; i = end + 1) {
    while (t->at[i] == ' ') i++;
    const size_t word = i + 6;
    end = word_end(t, word);
    const char *made = is_text(t, word, end, "d") ? strstr(t->at + from, declaration) : NULL;
    const bool used = uses_of(t, from, to, word, end - word) > 2;
    if (made && made < t->at + to && !used)
      drop(t, (size_t)(made - t->at), (size_t)(made - t->at) + sizeof declaration - 1);
    if (!used && !made) kept = end;
    else drop(t, kept ? kept : i, kept ? end : t->at[end] == ',' ? end + 2 : end);
  }
  if (!kept) drop(t, line, line_end);
}

static bool is_void_line(const tidying *t, size_t i) {
  while (t->at[i] == ' ') i++;
  for (;;) {
    if (strncmp(t->at + i, "(void)", 6) != 0 || !is_word(t->at[i + 6])) return false;
    i = word_end(t, i + 6);
    if (t->at[i] == ';') return t->at[i + 1] == '\n';
    if (strncmp(t->at + i, ", ", 2) != 0) return false;
    i += 2;
  }
}

// Functions begin and end at the margin.
static void look_at_functions(tidying *t) {
  size_t from = 0;
  for (size_t i = 0; i < t->n; i++) {
    if (i && t->at[i - 1] != '\n') continue;
    if (memcmp(t->at + i, "}\n", 2) == 0) {
      for (size_t k = from; k < i; k++)
        if (t->at[k - (k > 0)] == '\n' && is_void_line(t, k)) look_at_voids(t, from, i, k);
      from = i + 2;
    }
  }
}

// ---- the whole ----

static void compact(oi_emit *e, size_t from, const tidying *t) {
  size_t to = from;
  for (size_t i = 0; i < t->n; i++)
    if (!t->drop[i]) e->out.at[to++] = t->at[i];
  e->out.n = to, e->out.at[to] = 0;
}

static bool pass(oi_emit *e, size_t from, bool *room, bool functions) {
  tidying t = {.at = e->out.at + from, .n = e->out.n - from, .drop = room};
  memset(room, 0, t.n * sizeof *room);
  if (functions) look_at_functions(&t);
  for (size_t i = 0; i < t.n && !functions; i++) {
    const size_t next = skip_quoted(&t, i);
    if (next > i) i = next - 1;
    else look_at(&t, i);
  }
  if (t.changed) compact(e, from, &t);
  return t.changed;
}

void oi_emit_tidy(oi_emit *e, size_t from) {
  if (e->out.failed || !e->out.at || e->out.n == from) return;
  const size_t bytes = e->out.n - from;
  bool *room = oi_alloc(e->ctx, bytes);
  if (!room) {
    e->out.failed = true;
    return;
  }
  while (pass(e, from, room, false)) {
  }
  (void)pass(e, from, room, true);
  oi_free(e->ctx, room, bytes);
}
