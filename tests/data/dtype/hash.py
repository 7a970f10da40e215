#!/usr/bin/env python3
"""Makes hash.inc: hashes of small values by DESIGN section 6, independent of oinf's code.

FNV-1a over 64-bit little-endian words: the dtype's name in 8 zero-padded bytes, the rank, each dim, then the
row-major bytes zero-padded to 8. Element i of a value is the pattern (i * 2654435761 + 12345) mod 2^width, with
NaNs replaced by the canonical one; for bool its lowest bit.
"""
import os
import struct

WIDTH = {"f64": 64, "f32": 32, "f16": 16, "bf16": 16, "i8": 8, "i16": 16, "i32": 32, "i64": 64,
         "u8": 8, "u16": 16, "u32": 32, "u64": 64, "bool": 8}
MANTISSA = {"f64": 52, "f32": 23, "f16": 10, "bf16": 7}


def pattern(dtype, i):
    width = WIDTH[dtype]
    u = (i * 2654435761 + 12345) % (1 << 64) & ((1 << width) - 1)
    if dtype in MANTISSA and i % 5 == 0:  # an infinity or a NaN of either sign
        m = MANTISSA[dtype]
        u |= ((1 << (width - 1 - m)) - 1) << m
    return u & 1 if dtype == "bool" else u


def canonical(dtype, u):
    if dtype not in MANTISSA:
        return u
    width, m = WIDTH[dtype], MANTISSA[dtype]
    inf = ((1 << (width - 1 - m)) - 1) << m
    return inf | 1 << (m - 1) if u & ((1 << (width - 1)) - 1) > inf else u


def words(dtype, dims):
    count = 1
    for d in dims:
        count *= d
    data = b"".join(canonical(dtype, pattern(dtype, i)).to_bytes(WIDTH[dtype] // 8, "little") for i in range(count))
    data += bytes(-len(data) % 8)
    yield int.from_bytes(dtype.encode().ljust(8, b"\0"), "little")
    yield len(dims)
    yield from dims
    yield from struct.unpack(f"<{len(data) // 8}Q", data)


def fnv(ws):
    h = 14695981039346656037
    for w in ws:
        h = (h ^ w) * 1099511628211 % (1 << 64)
    return h


here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "hash.inc"), "w") as out:
    out.write("// Made by hash.py: H(dtype, rank, dims, hash).\n")
    for dtype in WIDTH:
        for dims in ([], [1], [7], [3, 5], [2, 0], [1, 33, 65]):
            d = ", ".join(map(str, dims)) if dims else "0"
            out.write(f'H({dtype.upper()}, {len(dims)}, ({d}), 0x{fnv(words(dtype, dims)):016x})\n')
