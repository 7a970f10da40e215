#!/usr/bin/env python3
"""Writes penalties.txt: rows of logits after penalties, and what filters then keep, for the sampler's test.

Repetition and the filters are transformers' own processors, in its order. Presence and frequency, which it
has not, are written out as vLLM states them, over the tokens made, and stand where vLLM has them: behind
repetition and before the filters. A case is a line `repetition frequency presence temperature top_k top_p
min_p given`, a line of logits in eighths, a line of the ids so far, a line of logits after the penalties,
and a line of 0 and 1 for what the filters keep. Cases in which a bound comes close to a sum are left out, as
sums in another order may fall on either side."""
import os
import random

import torch
from transformers import (MinPLogitsWarper, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper,
                          TopKLogitsWarper, TopPLogitsWarper)


def penalized(z, ids, given, repetition, frequency, presence):
    z = RepetitionPenaltyLogitsProcessor(repetition)(torch.tensor([ids]), z)
    made = torch.bincount(torch.tensor(ids[given:], dtype=torch.int64), minlength=z.shape[1])
    return z - frequency * made - presence * (made > 0)


def is_close(z, p, m):
    """Whether a bound of top_p or min_p is too close to tell, or which of equal logits goes is open."""
    probs = torch.softmax(z.double(), -1)[0]
    sums = torch.cumsum(torch.sort(probs).values, -1)
    near = p < 1 and (bool((sums - (1 - p)).abs().min() < 1e-5) or len(set(z[0].tolist())) < z.shape[1])
    return near or bool((probs / probs.max() - m).abs().min() < 1e-5)


def kept(z, temperature, k, p, m):
    z = TemperatureLogitsWarper(temperature)(None, z)
    gaps = z[0].sort().values.diff()
    if len(gaps[gaps > 0]) and gaps[gaps > 0].min() < 1e-5:
        return None
    z = TopKLogitsWarper(k)(None, z) if k else z
    if is_close(z, p, 2.0):
        return None
    z = TopPLogitsWarper(p)(None, z) if p < 1 else z
    if m and is_close(z, 1.0, m):
        return None
    return torch.isfinite(MinPLogitsWarper(m)(None, z) if m else z)[0].tolist()


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
        z = penalized(torch.tensor([eighths], dtype=torch.float32) / 8, ids, given, *how)
        keep = kept(z, temperature, k, p, m)
        if keep is None:
            continue
        out.append('%r %r %r %r %d %r %r %d\n%s\n%s\n%s\n%s\n' % (
            *how, temperature, k, p, m, given, ' '.join(map(str, eighths)), ' '.join(map(str, ids)),
            ' '.join('%.9g' % x for x in z[0].tolist()), ''.join('01'[x] for x in keep)))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'penalties.txt'), 'w') as f:
        f.write(''.join(out))


main()
