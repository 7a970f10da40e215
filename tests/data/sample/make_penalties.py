#!/usr/bin/env python3
"""Writes penalties.txt: rows of logits after penalties, and what filters then keep, in f64.

The formulas are written out here, as transformers states its own (RepetitionPenaltyLogitsProcessor,
then Temperature, TopK, TopP and MinP warpers, in that order) and vLLM those of presence and frequency
(between the first and the second, over the tokens made). A case is a line `repetition frequency
presence temperature top_k top_p min_p given`, a line of logits in eighths, a line of the ids so far,
a line of logits after the penalties, and a line of 0 and 1 for what the filters keep. Cases in which
a bound comes close to a sum are left out, as f32 and f64 may fall on either side."""
import os
import random

import numpy as np


def penalized(z, ids, given, repetition, frequency, presence):
    z = z.copy()
    for i in set(ids):
        z[i] = z[i] * repetition if z[i] < 0 else z[i] / repetition
    for i in set(ids[given:]):
        z[i] -= frequency * ids[given:].count(i) + presence
    return z


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def kept(z, temperature, k, p, m):
    """What is left, or None where a bound is too close to tell."""
    z = z / temperature
    order = np.argsort(z, kind='stable')
    if np.diff(z[order]).size and 0 < np.diff(z[order]).min() < 1e-5:
        return None
    if len(set(z)) < len(z) and p < 1:
        return None
    if 0 < k < len(z):
        z[z < z[order[-k]]] = -np.inf
    if p < 1:
        sums = np.cumsum(softmax(z)[order])
        if abs(sums - (1 - p)).min() < 1e-5:
            return None
        gone = order[sums <= 1 - p]
        z[gone[gone != order[-1]]] = -np.inf
    if m > 0:
        share = softmax(z) / softmax(z).max()
        if abs(share - m).min() < 1e-5:
            return None
        z[share < m] = -np.inf
    return np.isfinite(z)


def main():
    r = random.Random(11)
    out = []
    while len(out) < 200:
        n = r.choice([1, 4, 30, 200])
        eighths = [r.randrange(-60, 61) for _ in range(n)]
        ids = [r.randrange(n) for _ in range(r.choice([1, 3, 20, 90]))]
        given = r.randrange(len(ids) + 1)
        how = [r.choice([1.0, 1.1, 1.3, 0.8]), r.choice([0.0, 0.25, 1.5, -0.7]),
               r.choice([0.0, 0.5, 2.0, -1.2])]
        temperature, k = r.choice([0.7, 1.0, 1.5]), r.choice([0, 1, 3, 10])
        p, m = r.choice([1.0, 0.95, 0.5]), r.choice([0.0, 0.0, 0.05, 0.3])
        z = penalized(np.array(eighths) / 8, ids, given, *how)
        keep = kept(z.copy(), temperature, k, p, m)
        if keep is None:
            continue
        out.append('%r %r %r %r %d %r %r %d\n%s\n%s\n%s\n%s\n' % (
            *how, temperature, k, p, m, given, ' '.join(map(str, eighths)), ' '.join(map(str, ids)),
            ' '.join('%.17g' % x for x in z), ''.join('01'[int(x)] for x in keep)))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'penalties.txt'), 'w') as f:
        f.write(''.join(out))


main()
