#!/usr/bin/env python3
"""Writes hashes.txt: what Python's unicodedata makes of texts that test_unicode.c makes the same way.

Text 0 is every character but surrogates and NUL, each behind an 'a' and a newline; text 1 is random,
rich in marks, compositions and Hangul, by splitmix64 of seed 1. A line is a text, a function, and
the 64-bit FNV-1a hash of its UTF-8."""
import os
import unicodedata

MASK = (1 << 64) - 1
RANGES = [(0x61, 0x7A), (0x41, 0x5A), (0xC0, 0x24F), (0x300, 0x36F), (0x1E00, 0x1FFF), (0x1100, 0x11FF),
          (0xAC00, 0xACFF), (0x591, 0x5F4), (0x900, 0xDFF), (0x1D100, 0x1D1FF), (0xF900, 0xFB4F), (0x20, 0x7E)]


def numbers(seed):
    x = seed
    while True:
        x = (x + 0x9E3779B97F4A7C15) & MASK
        z = x
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
        yield z ^ z >> 31


def fnv(data):
    h = 14695981039346656037
    for b in data:
        h = (h ^ b) * 1099511628211 & MASK
    return h


def random_text(n):
    r, out = numbers(1), []
    for _ in range(n):
        low, high = RANGES[next(r) % len(RANGES)]
        out.append(chr(low + next(r) % (high - low + 1)))
    return ''.join(out)


def main():
    texts = [''.join('a\n' + chr(c) for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000),
             random_text(200000) + ''.join(chr(0x300 + next_) for next_ in [x % 0x70 for x, _ in
                                                                           zip(numbers(2), range(5000))])]
    lines = []
    for i, text in enumerate(texts):
        for form in ('NFD', 'NFC', 'NFKD', 'NFKC'):
            lines.append('%d %s %016x' % (i, form, fnv(unicodedata.normalize(form, text).encode())))
        lines.append('%d lower %016x' % (i, fnv(''.join(c.lower() for c in text).encode())))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'hashes.txt'), 'w') as f:
        f.write('\n'.join(lines) + '\n')


main()
