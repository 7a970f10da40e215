#!/usr/bin/env python3
"""Noise tensors as formats/OINF.md section 4 defines them; prints noise.txt: dtype, seed, bytes of the first units.

Floats go through struct or exact fractions, not through bit tricks: another way than the library's."""
import struct
from fractions import Fraction

M = (1 << 64) - 1


def word(seed, i):
    z = (seed + (i + 1) * 0x9e3779b97f4a7c15) & M
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & M
    z = (z ^ z >> 27) * 0x94d049bb133111eb & M
    return z ^ z >> 31


def exact(seed, i, p):
    return (Fraction(word(seed, i) >> (64 - p), 1 << (p - 1)) - 1) / (1 << (seed >> 56))


def packed(form, x):
    raw = struct.pack(form, float(x))
    assert Fraction(struct.unpack(form, raw)[0]) == x
    return raw


def unit(dtype, seed, i):
    k = seed >> 56
    if dtype in ('f64', 'f32', 'f16'):
        form, p = {'f64': ('<d', 53), 'f32': ('<f', 24), 'f16': ('<e', 11)}[dtype]
        return packed(form, exact(seed, i, p))
    if dtype == 'bf16':
        raw = packed('<f', exact(seed, i, 8))
        assert raw[:2] == b'\0\0'
        return raw[2:]
    if dtype == 'q8_0':
        return packed('<e', Fraction(1, 1 << (7 + k))) + b''.join(struct.pack('<Q', word(seed, 4 * i + j)) for j in range(4))
    if dtype == 'q4_0':
        return packed('<e', Fraction(1, 1 << (3 + k))) + b''.join(struct.pack('<Q', word(seed, 2 * i + j)) for j in range(2))
    if dtype == 'bool':
        return bytes([word(seed, i) & 1])
    return struct.pack('<Q', word(seed, i))[:int(dtype[1:]) // 8]


for name in 'f64 f32 f16 bf16 i8 i16 i32 i64 u8 u16 u32 u64 bool q8_0 q4_0'.split():
    for k in (0, 3, 14):
        s = k << 56 | 12345 + k
        print(name, '%016x' % s, b''.join(unit(name, s, i) for i in range(6)).hex())
