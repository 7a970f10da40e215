#!/usr/bin/env python3
"""Writes unicode_class.inc, unicode_norm.inc and unicode_lower.inc beside itself from Python's unicodedata.

Run it again only to follow a newer Unicode; the files are committed so that a build needs no Python.
The version of the tables stands in the first line of each file (PCRE2 10.42 has the same one, which lets
the suite compare the scanners with it over every character)."""
import os
import unicodedata as u

HERE = os.path.dirname(os.path.abspath(__file__))
LAST = 0x110000
SPACE = set(list(range(9, 14)) + [0x20, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
            + list(range(0x2000, 0x200B)))
# What \w has beside letters, marks, Nd, Nl and Pc: joiners, and symbols with the property Alphabetic.
WORD = {0x200C, 0x200D} | set(range(0x24B6, 0x24EA)) | set(range(0x1F130, 0x1F14A)) \
    | set(range(0x1F150, 0x1F16A)) | set(range(0x1F170, 0x1F18A))
UPPER, LOWER, LETTER, MARK, NUMBER, PUNCT, SYMBOL, WHITE, WORDS = (1 << i for i in range(9))


def classes(c):
    g = u.category(chr(c))
    bits = {'Lu': UPPER, 'Lt': UPPER, 'Ll': LOWER, 'Lm': LETTER, 'Lo': LETTER}.get(g, 0)
    bits |= {'M': MARK, 'N': NUMBER, 'P': PUNCT, 'S': SYMBOL}.get(g[0], 0)
    if c in SPACE:
        bits |= WHITE
    if g[0] in 'LM' or g in ('Nd', 'Nl', 'Pc') or c in WORD:
        bits |= WORDS
    return bits


def ranges(f):
    out, before = [], None
    for c in range(LAST):
        v = f(c)
        if v != before:
            out.append((c, v))
        before = v
    return out


def array(kind, name, values, fmt='0x%x'):
    lines, line = [], ' '
    for v in values:
        item = ' ' + fmt % v + ','
        if len(line) + len(item) > 100:
            lines.append(line)
            line = ' '
        line += item
    lines.append(line)
    return 'static const %s %s[] = {\n%s\n};\n' % (kind, name, '\n'.join(lines))


def write(name, text):
    with open(os.path.join(HERE, name), 'w') as f:
        f.write('// Unicode %s, written by unicode_tables.py.\n' % u.unidata_version + text)


def scalar(c):
    return not 0xD800 <= c < 0xE000


def hangul(c):
    return 0xAC00 <= c < 0xAC00 + 11172


def expansions(form, unless):
    keys, spans, data = [], [], []
    for c in filter(scalar, range(LAST)):
        s = u.normalize(form, chr(c))
        if hangul(c) or s == chr(c) or (unless and s == u.normalize(unless, chr(c))):
            continue
        keys.append(c)
        spans.append(len(data) << 5 | len(s))
        data += [ord(x) for x in s]
    return keys, spans, data


def pairs():
    out = []
    for c in filter(scalar, range(LAST)):
        d = u.decomposition(chr(c))
        if d and '<' not in d and len(d.split()) == 2 and u.normalize('NFC', chr(c)) == chr(c):
            a, b = (int(x, 16) for x in d.split())
            out.append((a, b, c))
    return sorted(out)


def main():
    write('unicode_class.inc', array('uint32_t', 'oi_unicode_classes',
                                     [c << 11 | v for c, v in ranges(classes)]))
    lower = []  # (first, last, step, added)
    for c in filter(scalar, range(LAST)):
        s = chr(c).lower()
        if len(s) != 1 or s == chr(c):
            assert len(s) == 1 or c == 0x130
            continue
        d = ord(s) - c
        if lower and lower[-1][3] == d and (lower[-1][0] == lower[-1][1] and c - lower[-1][1] <= 2
                                            or c - lower[-1][1] == lower[-1][2]):
            lower[-1] = (lower[-1][0], c, c - lower[-1][1], d)
        else:
            lower.append((c, c, 1, d))
    write('unicode_lower.inc', '// Rows of four: first, last, step, what is added modulo 2^32.\n'
          + array('uint32_t', 'oi_unicode_lowers', [x & 0xFFFFFFFF for r in lower for x in r]))
    text = '// Keys in order; spans are offset * 32 + length into the data.\n'
    for name, form, unless in (('nfd', 'NFD', None), ('nfkd', 'NFKD', 'NFD')):
        keys, spans, data = expansions(form, unless)
        text += array('uint32_t', 'oi_unicode_%s_keys' % name, keys)
        text += array('uint32_t', 'oi_unicode_%s_spans' % name, spans)
        text += array('uint32_t', 'oi_unicode_%s_data' % name, data)
    text += '// Rows of three in order: first, second, what they compose to.\n'
    text += array('uint32_t', 'oi_unicode_pairs', [x for p in pairs() for x in p])
    text += '// Ranges: first code point * 256 + combining class.\n'
    text += array('uint32_t', 'oi_unicode_cccs', [c << 8 | v for c, v in ranges(lambda c: u.combining(chr(c)))])
    write('unicode_norm.inc', text)


main()
