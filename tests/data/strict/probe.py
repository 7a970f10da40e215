#!/usr/bin/env python3
"""Makes lib/rt/probe.inc: PROBE(kind, a, b, c, bits) of the self-test, by arithmetic that is not oinf's.

f32 operations are done in double and rounded to f32 after each: for + - * that equals one correct rounding, as
53 >= 2 * 24 + 2.
"""
import math
import os
import struct

INF, NAN = math.inf, math.nan
TINY = 2.0 ** -149          # the smallest subnormal
LEAST = 2.0 ** -126         # the smallest normal
MOST = (2 - 2.0 ** -23) * 2.0 ** 127
EPS = 2.0 ** -23
H = 2.0 ** -12


def f32(x):
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return math.copysign(INF, x)


def bits(x):
    return 0x7fc00000 if math.isnan(x) else struct.unpack("<I", struct.pack("<f", x))[0]


def smaller(a, b):
    return a if math.isnan(a) else b if math.isnan(b) or b < a else a


def magic(a):
    return f32(f32(a + 12582912.0) - 12582912.0)


def loop(a, b, c):
    for _ in range(5):
        c = f32(c + f32(a * b))
    return c


F = {  # float kinds
    "add": lambda a, b, c: f32(a + b), "sub": lambda a, b, c: f32(a - b), "mul": lambda a, b, c: f32(a * b),
    "negate": lambda a, b, c: -a,
    "mul_add": lambda a, b, c: f32(f32(a * b) + c), "mul_sub": lambda a, b, c: f32(f32(a * b) - c),
    "sub_mul": lambda a, b, c: f32(c - f32(a * b)),
    "two_products": lambda a, b, c: f32(f32(a * b) + f32(a * c)),
    "two_squares": lambda a, b, c: f32(f32(a * a) - f32(b * b)),
    "product_loop": loop,
    "add_sub": lambda a, b, c: f32(f32(a + b) - b), "add_add": lambda a, b, c: f32(f32(a + b) + c),
    "mul_mul": lambda a, b, c: f32(f32(a * b) * c), "magic_round": lambda a, b, c: magic(a),
    "choose": lambda a, b, c: a if a < b else b, "minimum": lambda a, b, c: smaller(a, b),
    "sum_from_zero": lambda a, b, c: f32(f32(0.0 + a + b) + c) + 0.0,
}
B = {"less": lambda a, b: a < b, "equal": lambda a, b: a == b, "not_itself": lambda a, b: a != a}

rows = []


def p(kind, a, b=0.0, c=0.0):
    assert all(math.isnan(v) or f32(v) == v for v in (a, b, c)), (kind, a, b, c)
    want = bits(F[kind](a, b, c)) if kind in F else int(B[kind](a, b))
    rows.append((kind, bits(a), bits(b), bits(c), want))


def q(kind, x, y, want):
    rows.append((kind, x & 0xffffffff, y & 0xffffffff, 0, want & 0xffffffff))


# Rounding: ties both ways, their neighbours, both signs, at the top and at the bottom of the range.
for s in (1.0, -1.0):
    p("add", s, s * 2.0 ** -24)
    p("add", s * (1 + EPS), s * 2.0 ** -24)
    p("add", s, s * (2.0 ** -24 + 2.0 ** -47))
    p("add", s * 2, s * -(2.0 ** -25))
    p("mul", s * (1 + EPS), 1 + EPS)
    p("mul", s * (1 + 3 * EPS), 1 + 5 * EPS)
    p("mul", s * (2 - EPS), 2 - EPS)
    p("add", s * MOST, s * 2.0 ** 103)
    p("add", s * MOST, s * (2.0 ** 103 - 2.0 ** 79))
    p("mul", s * MOST, 2.0)
    p("mul", s * 3 * TINY, 0.5)
    p("mul", s * 5 * TINY, 0.5)
    p("mul", s * LEAST, 1 - EPS / 2)
p("sub", 1.0, 2.0 ** -25)
p("sub", 1.0, 2.0 ** -26)
# Contraction: the rounding of the product must show.
for x, y in ((1 + H, 1 + H), (1 + H, 1 - H), (1 + 3 * H, 1 + H), (1 + EPS, 1 - EPS)):
    p("mul_add", x, y, -1.0)
    p("mul_sub", x, y, 1.0)
    p("sub_mul", x, y, 1.0)
p("two_products", 1 + H, 1 + H, -1.0)
p("two_products", 1 + H, 1 + H, -(1 - H))
p("two_squares", 1 + H, 1.0)
p("two_squares", 1 + H, 1 - H)
p("product_loop", 1 + H, 1 + H, -5.0)
# Reassociation.
p("add_sub", 1.0, 2.0 ** 25)
p("add_sub", 2.0 ** -30, 1.0)
p("add_add", 2.0 ** 24, 1.0, 1.0)
p("add_add", 1.0, 2.0 ** 25, -(2.0 ** 25))
p("mul_mul", 2.0 ** 100, 2.0 ** 100, 2.0 ** -100)
p("mul_mul", 2.0 ** -100, 2.0 ** -100, 2.0 ** 100)
p("two_products", 2.0 ** 100, 2.0 ** 100, -(2.0 ** 100))
for x in (0.5, 1.5, 2.5, -0.5, -3.5, 0.49999997, 1234567.5):
    p("magic_round", f32(x))
# Subnormals: as result, as operand, compared, moved, negated.
p("mul", LEAST, 0.5)
p("mul", TINY, 2.0 ** 149 / 2 ** 30)
p("add", TINY, TINY)
p("sub", LEAST, TINY)
p("sub", LEAST * (1 + EPS), LEAST)
p("less", 0.0, TINY)
p("less", -TINY, 0.0)
p("equal", TINY, 0.0)
p("choose", TINY, 1.0)
p("negate", TINY)
p("minimum", TINY, 2 * TINY)
# Zeros, infinities, NaN.
p("add", -0.0, 0.0)
p("add", -0.0, -0.0)
p("mul", -1.0, 0.0)
p("mul", INF, 0.0)
p("sub", INF, INF)
p("sub", 0.0, 0.0)
p("negate", 0.0)
p("not_itself", NAN)
p("not_itself", INF)
p("equal", NAN, NAN)
p("less", NAN, 1.0)
p("equal", -0.0, 0.0)
p("add", NAN, 1.0)
p("minimum", NAN, 1.0)
p("minimum", 1.0, NAN)
p("minimum", -0.0, 0.0)
p("minimum", 0.0, -0.0)
p("sum_from_zero", -0.0, -0.0, -0.0)
p("sum_from_zero", -1.0, -0.0, 1.0)
# Integers.
q("from_int", 16777215, 0, bits(16777215.0))
q("from_int", -16777215, 0, bits(-16777215.0))
q("from_int", 0, 0, 0)
q("to_int", bits(-1.9900000095367432), 0, -1)
q("to_int", bits(16777215.0), 0, 16777215)
q("mul_high", 0xffffffff, 0xffffffff, 0xfffffffe)
q("mul_high", 0xc90fdaa2, 0x80000001, (0xc90fdaa2 * 0x80000001) >> 32)
q("shift_right", -8, 1, -4)
q("shift_right", 0x80000000, 31, -1)

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "../../../lib/rt/probe.inc"), "w") as out:
    out.write("// Made by tests/data/strict/probe.py: PROBE(kind, a, b, c, bits).\n")
    for kind, *w in rows:
        out.write("PROBE(%s, %s)\n" % (kind, ", ".join("0x%08xu" % v for v in w)))
