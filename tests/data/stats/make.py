#!/usr/bin/env python3
# Writes stats.json with numpy: tensors as bytes, and what numpy says of their values. Blocks are dequantized here.
import json, os
import numpy as np

rng = np.random.default_rng(7)
TYPE = {'f64': np.float64, 'f32': np.float32, 'f16': np.float16, 'i8': np.int8, 'i64': np.int64, 'u64': np.uint64,
        'bool': np.bool_}
TINY = {'f64': 2.0 ** -1022, 'f32': 2.0 ** -126, 'bf16': 2.0 ** -126, 'f16': 2.0 ** -14, 'q8_0': 2.0 ** -126,
        'q4_0': 2.0 ** -126}


def figures(x, dtype):
    x = x.astype(np.float64)
    fin = x[np.isfinite(x)]
    out = {'count': x.size, 'nans': int(np.isnan(x).sum()), 'infinite': int(np.isinf(x).sum()),
           'zeros': int((fin == 0).sum()),
           'subnormals': int(((fin != 0) & (np.abs(fin) < TINY.get(dtype, 0))).sum())}
    exact = fin.astype(np.longdouble)
    if fin.size:
        out.update(min=fin.min(), max=fin.max(), mean=float(exact.mean()), deviation=float(exact.std()))
        if fin.min() < fin.max():
            out['bins'] = np.histogram(fin, bins=64, range=(fin.min(), fin.max()))[0].tolist()
    return out


def case(name, dtype, dims, raw, x):
    return {'name': name, 'dtype': dtype, 'dims': dims, 'hex': raw.tobytes().hex(), 'want': figures(x, dtype)}


def plain(name, dtype, x):
    x = np.asarray(x).astype(TYPE[dtype])
    return case(name, dtype, list(x.shape), x, x)


def bf16(name, x):
    bits = (np.asarray(x, np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return case(name, 'bf16', list(bits.shape), bits, (bits.astype(np.uint32) << 16).view(np.float32))


def blocks(name, dtype, rows):
    raw, x = bytearray(), []
    for _ in range(rows):
        d = np.float16(rng.uniform(-0.1, 0.1))
        q = rng.integers(-127, 128, 32) if dtype == 'q8_0' else rng.integers(0, 16, 32)
        raw += d.tobytes()
        if dtype == 'q8_0':
            raw += q.astype(np.int8).tobytes()
            x.append(q.astype(np.float32) * np.float32(d))
        else:
            raw += (q[:16] | q[16:] << 4).astype(np.uint8).tobytes()
            x.append((q - 8).astype(np.float32) * np.float32(d))
    return case(name, dtype, [rows, 32], np.frombuffer(bytes(raw), np.uint8), np.concatenate(x))


special = rng.standard_normal(200).astype(np.float32)
special[[3, 50]] = np.nan
special[[4, 60, 61]] = [np.inf, -np.inf, np.inf]
special[[5, 6]] = [0.0, -0.0]
special[[7, 8]] = [1e-40, -1e-45]
half = rng.standard_normal(150) * 0.5
half[:4] = [6e-8, -3e-5, 2.0 ** -14, 0]
cases = [
    plain('special', 'f32', special), plain('half', 'f16', half), bf16('brain', rng.standard_normal(150)),
    plain('far', 'f64', 1e9 + rng.standard_normal(300) * 1e-3),  # a sum of squares would have no digit left
    plain('wide', 'f64', [1e150, -1e150, 5e-324, 1.0]),
    plain('bytes', 'i8', rng.integers(-128, 128, 100)),
    plain('large', 'u64', rng.integers(2 ** 63, 2 ** 64, 40, np.uint64)),
    plain('low', 'i64', rng.integers(-2 ** 62, 0, 40)), plain('yes', 'bool', rng.integers(0, 2, 77)),
    plain('same', 'f32', np.full(9, 0.25)), plain('none', 'f32', np.zeros(0)), plain('nan', 'f16', np.full(3, np.nan)),
    plain('one', 'f32', np.array(3.5)), blocks('eight', 'q8_0', 20), blocks('four', 'q4_0', 20),
]
# Longer than a piece; tests/test_stats.c makes the same values.
x = np.arange(200003, dtype=np.uint64) * 2654435761 % 2 ** 32
long = (x.astype(np.float64) / 2 ** 32 - 0.25).astype(np.float32)
cases.append({'name': 'long', 'dtype': 'f32', 'dims': [200003], 'want': figures(long, 'f32')})
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, 'stats.json'), 'w') as f:
    f.write('[\n' + ',\n'.join(json.dumps(c) for c in cases) + '\n]\n')
