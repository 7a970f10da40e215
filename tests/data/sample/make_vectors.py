#!/usr/bin/env python3
"""Writes vectors.txt: what transformers' logits processors keep, for the sampler's test.

A case is a line `temperature top_k top_p min_p`, a line of logits in eighths, and a line of 0 and 1.
Bounds that the sums come close to are left out, as f32 and f64 sums may fall on either side."""
import os
import random

import torch
from transformers import (MinPLogitsWarper, TemperatureLogitsWarper, TopKLogitsWarper,
                          TopPLogitsWarper)


def close(z, p, m):
    probs = torch.softmax(z.double(), -1)
    sums = torch.cumsum(torch.sort(probs).values, -1)
    near = (sums - (1 - p)).abs().min() < 1e-5 if p < 1 else False
    return bool(near) or bool((probs / probs.max() - m).abs().min() < 1e-5)


def main():
    r = random.Random(5)
    out = []
    while len(out) < 200:
        n = r.choice([1, 2, 8, 40, 300])
        eighths = [r.randrange(-60, 61) for _ in range(n)]
        t, k = r.choice([0.25, 0.7, 1.0, 1.5]), r.choice([0, 1, 3, 10, 50])
        p, m = r.choice([1.0, 0.95, 0.9, 0.5, 0.1]), r.choice([0.0, 0.0, 0.05, 0.3])
        z = TemperatureLogitsWarper(t)(None, torch.tensor([eighths], dtype=torch.float32) / 8)
        if k:
            z = TopKLogitsWarper(k)(None, z)
        if close(z[0], p, 2.0):
            continue
        if p < 1:
            z = TopPLogitsWarper(p)(None, z)
        if m:
            if close(z[0], 1.0, m):
                continue
            z = MinPLogitsWarper(m)(None, z)
        kept = torch.isfinite(z[0]).tolist()
        # Which of equal logits go at the edge of top_p is left open by an unstable sort.
        if any(a == b and x != y for i, (a, x) in enumerate(zip(eighths, kept))
               for b, y in zip(eighths[:i], kept[:i])):
            continue
        out.append('%r %d %r %r\n%s\n%s\n' % (t, k, p, m, ' '.join(map(str, eighths)),
                                              ''.join('01'[x] for x in kept)))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'vectors.txt'), 'w') as f:
        f.write(''.join(out))


main()
