#!/usr/bin/env python3
"""Makes blocks.txt for tests/test_convert.c: `dtype 32-values block`, values as the hex of their f32 bits.
The quantizer is that of the gguf package (pip install gguf), the format's reference."""
import os
import numpy as np
from gguf import GGMLQuantizationType as Q, quants

rng = np.random.default_rng(7)
rows = [np.array([(((i * 37) % 64) - 31) / 16 for i in range(32)]), np.zeros(32), np.full(32, 1.5), np.full(32, -3.0)]
one = np.zeros(32); one[31] = -7.0; rows.append(one)
tie = np.array([(-1) ** i * 4.0 for i in range(32)]); rows.append(tie)                        # equal magnitudes: the first one's sign
rows.append(np.array([127.0] + [i + 0.5 for i in range(31)]))                                 # halves go away from zero
rows.append(np.array([-127.0] + [-(i + 0.5) for i in range(31)]))
rows.append(np.array([-8.0] + [i / 4 - 4 for i in range(31)]))
for scale in (1e-6, 1e-3, 0.05, 1.0, 30.0, 1e5): rows += list(rng.normal(0, scale, (2, 32)))
rows.append(rng.normal(0, 1, 32) ** 5); rows.append(np.round(rng.normal(0, 3, 32) * 4) / 4)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'blocks.txt'), 'w') as f:
    for row in rows:
        x = row.astype(np.float32)
        for name, q in (('q8_0', Q.Q8_0), ('q4_0', Q.Q4_0)):
            f.write('%s %s %s\n' % (name, x.tobytes().hex(), quants.quantize(x[None], q).tobytes().hex()))
