#!/usr/bin/env python3
# Writes <op>.txt for every op but rope (make_rope.py): python3 make.py [OP ...]
# Everything is computed in double precision or exact integers from the definitions, by the standard library alone;
# where bits are owed (`exact`), each operation is rounded here as the definition says. tests/test_ops.c has the format.
import math, os, random, struct, sys

HERE = os.path.dirname(os.path.abspath(__file__))
INF, NAN = math.inf, math.nan
WIDTH = {'i8': 8, 'i16': 16, 'i32': 32, 'i64': 64, 'u8': 8, 'u16': 16, 'u32': 32, 'u64': 64}
SIGNED, UNSIGNED = ('i8', 'i16', 'i32', 'i64'), ('u8', 'u16', 'u32', 'u64')


def f32(x):
    """x rounded to f32, to nearest even."""
    try:
        return struct.unpack('<f', struct.pack('<f', x))[0]
    except OverflowError:
        return math.copysign(INF, x)


def bits32(u):
    return struct.unpack('<f', struct.pack('<I', u))[0]


def f16(x):
    try:
        return struct.unpack('<e', struct.pack('<e', x))[0]
    except OverflowError:
        return math.copysign(INF, x)


def bf16(x):
    if x != x or math.isinf(x):
        return x
    u = struct.unpack('<I', struct.pack('<f', x))[0]
    return bits32((u + 0x7fff + (u >> 16 & 1)) & 0xffff0000)


def once(n, digits, scale=0):
    """n * 2^-scale rounded to so many binary digits, to nearest even: one rounding, whatever lies in between."""
    drop = max(abs(n).bit_length() - digits, 0)
    kept, rest = abs(n) >> drop, abs(n) & ((1 << drop) - 1)
    half = 1 << drop >> 1
    kept += rest > half or (rest == half and drop > 0 and kept & 1)
    return math.copysign(math.ldexp(kept << drop, -scale), n)


ROUND = {'f32': f32, 'f16': f16, 'bf16': bf16, 'f64': lambda x: x}


def wrap(x, dtype):
    """x modulo the dtype's width."""
    w = WIDTH[dtype]
    x &= (1 << w) - 1
    return x - (1 << w) if dtype in SIGNED and x >> (w - 1) else x


def lowest(dtype):
    return -(1 << (WIDTH[dtype] - 1)) if dtype in SIGNED else 0


def highest(dtype):
    return (1 << (WIDTH[dtype] - (dtype in SIGNED))) - 1


def show(x, dtype):
    """The shortest decimals that read back: as the dtype, or to 12 digits where a double is owed."""
    if dtype not in ROUND:
        return str(int(x))
    if x != x or math.isinf(x):
        return 'nan' if x != x else 'inf' if x > 0 else '-inf'
    for digits in range(1, 18):
        text = '%.*g' % (digits, x)
        if float(text) == x or (dtype != 'f64' and ROUND[dtype](x) == x == ROUND[dtype](float(text))):
            return text
        if dtype != 'f64' and ROUND[dtype](x) != x and digits == 12:
            return text
    return x.hex()


class T:
    """A tensor: dtype, dims, a flat list."""

    def __init__(self, dtype, dims, data, raw=None):
        self.dtype, self.dims, self.data, self.raw = dtype, list(dims), list(data), raw
        assert raw is not None or len(self.data) == math.prod(self.dims), (dtype, dims, len(self.data))

    def text(self):
        head = '%s [%s]' % (self.dtype, ','.join(map(str, self.dims)))
        return ' '.join([head] + ([self.raw] if self.raw is not None else [show(x, self.dtype) for x in self.data]))


files = {}


def case(op, cls, tol, ins, outs=(), attrs=(), refuse=None, fault=None):
    lines = files.setdefault(op, [])
    lines.append('case %s %s' % (cls, tol))
    for name, value in dict(attrs).items():
        if isinstance(value, (list, tuple)):
            value = ' '.join(map(str, value))
        if isinstance(value, float):
            value = value.hex()
        lines.append('attr %s %s' % (name, int(value) if isinstance(value, bool) else value))
    lines += ['in ' + t.text() for t in ins]
    if refuse:
        lines.append('refuse ' + refuse)
    elif fault:
        lines.append('fault ' + fault)
    else:
        lines += ['out ' + t.text() for t in outs]
    lines.append('')


def refuse(op, cls, words, ins, **attrs):
    case(op, cls, 'exact', ins, refuse=words, attrs=attrs)


rng = random.Random(20)
TINY, SUB, BIG = 2.0**-149, bits32(0x007fffff), bits32(0x7f7fffff)
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, INF, -INF, NAN, TINY, -TINY, SUB, -SUB, 2.0**-126, BIG, -BIG]


def floats(n, spread=4.0, dtype='f32'):
    return [ROUND[dtype](rng.gauss(0, spread)) for _ in range(n)]


def ints(n, dtype):
    lo, hi = lowest(dtype), highest(dtype)
    edge = [lo, hi, 0, 1, hi - 1, lo + 1] + ([-1, -2] if lo else [])
    return [rng.choice(edge) if rng.random() < 0.3 else rng.randint(lo, hi) if rng.random() < 0.5
            else rng.randint(max(lo, -9), 9) for _ in range(n)]


def tensor(dtype, dims, spread=4.0):
    n = math.prod(dims)
    if dtype == 'bool':
        return T(dtype, dims, [rng.randint(0, 1) for _ in range(n)])
    return T(dtype, dims, floats(n, spread, dtype) if dtype in ROUND else ints(n, dtype))


# ---- walks over dims ----
def indices(dims):
    out = [()]
    for d in dims:
        out = [i + (k,) for i in out for k in range(d)]
    return out


def flat(index, dims):
    at = 0
    for i, d in zip(index, dims):
        at = at * d + i
    return at


def get(t, index):
    """Element of t under broadcasting."""
    index = index[len(index) - len(t.dims):] if t.dims else ()
    return t.data[flat([0 if d == 1 else i for i, d in zip(index, t.dims)], t.dims)]


def joint(ins):
    rank = max(len(t.dims) for t in ins)
    dims = [1] * rank
    for t in ins:
        for i, d in enumerate(t.dims):
            at = rank - len(t.dims) + i
            dims[at] = d if dims[at] == 1 else dims[at]
    return dims


def apply(fn, ins, dtype):
    dims = joint(ins)
    return T(dtype, dims, [fn(*[get(t, i) for t in ins]) for i in indices(dims)])


# ---- unary over floats ----
def safe(fn):
    def call(*x):
        try:
            return float(fn(*x))
        except OverflowError:
            return INF
        except (ValueError, ZeroDivisionError):
            return NAN
    return call


def recip(a):
    return math.copysign(INF, a) if a == 0 else 1.0 / a


def sigmoid(a):
    return 0.0 if a < -700 else 1.0 / (1.0 + math.exp(-a))


def relu(a, alpha=0.0, top=0.0):
    if a != a:
        return a
    y = a if a > 0 else f32(alpha * a) if alpha else 0.0
    return min(y, top) if top and y > top else y


def clamp(a, lo, hi):
    return a if a != a else min(max(a, lo), hi)


def rounded(fn):
    def call(a):
        return a if a != a or math.isinf(a) or abs(a) >= 2.0**31 else math.copysign(float(fn(a)), a)
    return call


def log(a, fn=math.log):
    return NAN if a != a or a < 0 else -INF if a == 0 else fn(a)


WIDE = EDGES + floats(60) + floats(30, 40) + [f32(10.0**k) for k in range(-38, 39, 3)]
NORMAL = [0.0, -0.0, 1.0, -1.0, NAN, TINY, -TINY, SUB] + floats(80, 3)
UNARY = {
    'abs': ('exact', abs, WIDE), 'neg': ('exact', lambda a: -a, WIDE),
    'recip': ('exact', lambda a: f32(recip(a)), WIDE),
    'sqrt': ('exact', lambda a: f32(math.sqrt(a)) if a >= 0 else NAN, WIDE),
    'rsqrt': ('ulp 1.5', lambda a: recip(math.sqrt(a)) if a >= 0 else NAN, [x for x in WIDE if x != 0] + [0.0]),
    'exp': ('ulp 0.9', safe(math.exp), WIDE + [88.72, 88.73, -87.4, -103.9, -103.98, 104.0]),
    'exp2': ('ulp 0.9', safe(lambda a: 2.0**a), WIDE + [127.99, 128.0, -126.5, -149.0, -149.5, -150.5]),
    'log': ('ulp 0.9', log, WIDE + [0.9999999, 1.0000001]),
    'log2': ('ulp 0.9', lambda a: log(a, math.log2), WIDE + [0.9999999, 1.0000001, 8.0, 0.125]),
    'sin': ('ulp 0.82', safe(math.sin), WIDE + [3.1415927, 6.2831855, 1e5, 1e10]),
    'cos': ('ulp 0.82', safe(math.cos), WIDE + [1.5707964, 4.712389, 1e5, 1e10]),
    'tanh': ('ulp 1.3', math.tanh, WIDE), 'sigmoid': ('ulp 2.5', sigmoid, WIDE),
    'erf': ('ulp 1.2', math.erf, WIDE),
    'silu': ('ulp 3.1 abs 1e-42', lambda a: a * sigmoid(a), NORMAL + [INF, 80.0, -80.0, 100.0]),
    'gelu': ('ulp 2 abs 4e-7', lambda a: 0.5 * a * (1.0 + math.erf(a / math.sqrt(2.0))), NORMAL + [INF, 30.0, -30.0]),
    'gelu_tanh': ('ulp 2 abs 6e-7', lambda a: 0.5 * a * (1.0 + math.tanh(math.sqrt(2.0 / math.pi) * (a + 0.044715 * a**3))),
                  NORMAL + [INF, 30.0, -30.0]),
    'softplus': ('ulp 3 abs 1e-44', lambda a: max(a, 0.0) + math.log1p(math.exp(-abs(a))) if a == a else a,
                 NORMAL + [INF, -INF, 100.0, -80.0]),
    'hardsigmoid': ('ulp 1 abs 1e-7', lambda a: clamp(a / 6.0 + 0.5, 0.0, 1.0), NORMAL + [INF, -INF, 3.0, -3.0, 2.9999998]),
    'hardswish': ('ulp 2 abs 5e-7', lambda a: a * clamp(a / 6.0 + 0.5, 0.0, 1.0), NORMAL + [INF, 3.0, -3.0]),
    'floor': ('exact', rounded(math.floor), WIDE), 'ceil': ('exact', rounded(math.ceil), WIDE),
    'round': ('exact', rounded(round), WIDE + [0.5, 1.5, 3.5, -0.5, 8388607.5, 0.49999997]),
    'trunc': ('exact', rounded(math.trunc), WIDE),
    'sign': ('exact', lambda a: a if a == 0 or a != a else math.copysign(1.0, a), WIDE),
}
TESTS = {'is_finite': math.isfinite, 'is_nan': math.isnan, 'is_inf': math.isinf,
         'is_neg': lambda a: math.copysign(1.0, a) < 0}


def one(dtype, values):
    return T(dtype, [len(values)], values)


def make_unary():
    for op, (tol, fn, xs) in UNARY.items():
        if op in ('floor',):  # -0.5 -> -1, and a zero keeps its sign
            fn = lambda a: rounded(math.floor)(a) if a >= 0 or a != a else -rounded(math.ceil)(-a)
        xs = [f32(x) for x in xs]
        case(op, 'F', tol, [one('f32', xs)], [T('f32', [len(xs)], [f32(fn(x)) if tol == 'exact' else overflow(fn(x)) for x in xs])])
        x = tensor('f16', [2, 3, 5], 1.0)
        case(op, 'F', tol, [x], [T('f32', x.dims, [overflow(fn(a)) if tol != 'exact' else f32(fn(a)) for a in x.data])])
        if op not in ('abs', 'neg', 'sign'):
            refuse(op, 'F', 'expected float', [tensor('i32', [3])])
    case('abs', 'F', 'exact', [T('f32', [0, 3], [])], [T('f32', [0, 3], [])])
    for op, fn in TESTS.items():
        case(op, 'F', 'exact', [one('f32', WIDE)], [T('bool', [len(WIDE)], map(fn, WIDE))])
        x = tensor('bf16', [7])
        case(op, 'F', 'exact', [x], [T('bool', x.dims, map(fn, x.data))])
    for alpha, top in ((0.0, 0.0), (0.25, 0.0), (0.0, 6.0), (0.1, 1.0)):
        case('relu', 'F', 'exact', [one('f32', WIDE)],
             [T('f32', [len(WIDE)], [plus(f32(relu(x, f32(alpha), top)), alpha, x) for x in WIDE])], {'alpha': alpha, 'clamp_max': top})
    for alpha in (0.0, 1.0, 0.5):
        k = alpha or 1.0
        xs = NORMAL + [INF, -INF, -30.0]
        case('elu', 'F', 'ulp 3', [one('f32', xs)], [T('f32', [len(xs)], [x if not x < 0 else k * math.expm1(x) for x in xs])], {'alpha': alpha})
    case('clamp', 'F', 'exact', [one('f32', WIDE)], [T('f32', [len(WIDE)], [clamp(x, -1.0, 2.5) for x in WIDE])], {'lo': -1.0, 'hi': 2.5})


def plus(y, alpha, x):
    return 0.0 if not alpha and not x > 0 and x == x else y


def overflow(y):
    return math.copysign(INF, y) if abs(y) >= 2.0**128 - 2.0**103 else y


# ---- integers, f64, bool ----
def tdiv(a, b):
    return 0 if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def shift_right(a, b, w):
    return a >> b if 0 <= b < w else (-1 if a < 0 else 0)


INT_UNARY = {'abs': (abs, SIGNED), 'neg': (lambda a: -a, SIGNED), 'sign': (lambda a: (a > 0) - (a < 0), SIGNED)}
INT_BINARY = {
    'add': lambda a, b, w: a + b, 'sub': lambda a, b, w: a - b, 'mul': lambda a, b, w: a * b,
    'div': lambda a, b, w: tdiv(a, b), 'floor_div': lambda a, b, w: 0 if b == 0 else a // b,
    'rem': lambda a, b, w: a - tdiv(a, b) * b, 'min': lambda a, b, w: min(a, b), 'max': lambda a, b, w: max(a, b),
    'and': lambda a, b, w: a & b, 'or': lambda a, b, w: a | b, 'xor': lambda a, b, w: a ^ b,
    'shl': lambda a, b, w: a << b if 0 <= b < w else 0, 'shr': shift_right,
}
COMPARE = {'eq': lambda a, b: a == b, 'ne': lambda a, b: a != b, 'lt': lambda a, b: a < b, 'le': lambda a, b: a <= b,
           'gt': lambda a, b: a > b, 'ge': lambda a, b: a >= b}


def make_integers():
    for op, (fn, dtypes) in INT_UNARY.items():
        for dtype in dtypes:
            x = tensor(dtype, [33])
            case(op, 'S', 'exact', [x], [T(dtype, x.dims, [wrap(fn(a), dtype) for a in x.data])])
    for dtype in SIGNED:
        x = tensor(dtype, [21])
        case('clamp', 'S', 'exact', [x], [T(dtype, x.dims, [min(max(a, -5), 7) for a in x.data])], {'lo': -5.0, 'hi': 7.0})
    for dtype in SIGNED + UNSIGNED:
        cls, x, w = 'S' if dtype in SIGNED else 'U', tensor(dtype, [40]), WIDTH[dtype]
        case('not', cls, 'exact', [x], [T(dtype, x.dims, [wrap(~a, dtype) for a in x.data])])
        case('popcount', cls, 'exact', [x], [T(dtype, x.dims, [bin(a & ((1 << w) - 1)).count('1') for a in x.data])])
        for op, fn in INT_BINARY.items():
            a, b = tensor(dtype, [50]), tensor(dtype, [50])
            if op in ('shl', 'shr'):
                b = T(dtype, [50], [rng.choice([0, 1, 2, w - 1, w, w + 1, min(64, highest(dtype))]) if rng.random() < 0.7 or cls == 'U' else -1 for _ in range(50)])
            out = apply(lambda p, q: wrap(fn(p, q, w), dtype), [a, b], dtype)
            case(op, cls, 'exact', [a, b], [out])
        for op, fn in COMPARE.items():
            a, b = tensor(dtype, [4, 9]), tensor(dtype, [9])
            case(op, cls, 'exact', [a, b], [apply(fn, [a, b], 'bool')])
        c, a, b = tensor('bool', [5, 1]), tensor(dtype, [5, 4]), tensor(dtype, [4])
        case('where', cls, 'exact', [c, a, b], [apply(lambda p, q, r: q if p else r, [c, a, b], dtype)])
    for op, fn in INT_BINARY.items():  # the wider operand's width
        a, b = tensor('i8', [3, 4]), tensor('i32', [4])
        case(op, 'S', 'exact', [a, b], [apply(lambda p, q: wrap(fn(p, q, 32), 'i32'), [a, b], 'i32')])
        a, b = tensor('u16', [3, 1]), tensor('u8', [1, 4])
        case(op, 'U', 'exact', [a, b], [apply(lambda p, q: wrap(fn(p, q, 16), 'u16'), [a, b], 'u16')])
        refuse(op, 'S', 'one class', [tensor('i32', [2]), tensor('u32', [2])])


def make_bool():
    a, b = T('bool', [2, 2], [0, 0, 1, 1]), T('bool', [2], [0, 1])
    for op, fn in {'and': lambda p, q: p & q, 'or': lambda p, q: p | q, 'xor': lambda p, q: p ^ q,
                   'eq': lambda p, q: p == q, 'ne': lambda p, q: p != q}.items():
        case(op, 'B', 'exact', [a, b], [apply(fn, [a, b], 'bool')])
    case('not', 'B', 'exact', [a], [T('bool', [2, 2], [1, 1, 0, 0])])
    c = tensor('bool', [3])
    x, y = T('bool', [1], [0]), T('bool', [], [1])
    case('where', 'B', 'exact', [c, x, y], [apply(lambda p, q, r: q if p else r, [c, x, y], 'bool')])
    refuse('add', 'F', 'expected', [a, b])


def fmin(a, b):
    return a if a != a else b if b < a or b != b else a


def fmax(a, b):
    return a if a != a else b if b > a or b != b else a


def fdiv(a, b):
    if a != a or b != b:
        return NAN
    if b == 0:
        return NAN if a == 0 else math.copysign(INF, a) * math.copysign(1.0, b)
    return NAN if math.isinf(a) and math.isinf(b) else a / b


def fpow(a, b):
    try:
        return math.pow(a, b)
    except OverflowError:
        return -INF if a < 0 and b == int(b) and int(b) % 2 else INF
    except ValueError:  # 0 to a negative, or a negative to a fraction
        if a == 0:
            odd = b == int(b) and int(b) % 2 == 1
            return math.copysign(INF, a) if odd else INF
        return NAN


def floor_div(a, b):
    q = f32(fdiv(a, b))
    if q != q or math.isinf(q) or abs(q) > 2.0**30:
        return q
    return math.copysign(float(math.floor(q)), q)


FLOAT_BINARY = {
    'add': lambda a, b: a + b, 'sub': lambda a, b: a - b, 'mul': lambda a, b: a * b, 'div': fdiv, 'min': fmin, 'max': fmax,
}


def pairs():
    xs, ys = [], []
    for a in EDGES:
        for b in EDGES:
            xs.append(a), ys.append(b)
    n = 60
    return one('f32', xs + floats(n)), one('f32', ys + floats(n))


def make_floats():
    a, b = pairs()
    h, g = tensor('f16', [2, 1, 5]), tensor('bf16', [3, 1])
    e, s = T('f32', [0, 4], []), tensor('f32', [])
    for op, fn in list(FLOAT_BINARY.items()) + [('floor_div', floor_div)]:
        ref = lambda p, q: f32(fn(p, q))
        case(op, 'F', 'exact', [a, b], [apply(ref, [a, b], 'f32')])
        case(op, 'F', 'exact', [h, g], [apply(ref, [h, g], 'f32')])
        case(op, 'F', 'exact', [e, s], [T('f32', [0, 4], [])])
        m = tensor('f32', [37, 3])
        case(op, 'F', 'exact', [m, s], [apply(ref, [m, s], 'f32')])
        case(op, 'F', 'exact', [s, s], [apply(ref, [s, s], 'f32')])
        refuse(op, 'F', 'expected', [tensor('f32', [2]), tensor('i32', [2])])
        refuse(op, 'F', 'broadcast', [tensor('f32', [2, 3]), tensor('f32', [2])])
        if op == 'floor_div':
            continue
        da, db = T('f64', a.dims, a.data), tensor('f64', [len(b.data)])
        case(op, 'D', 'exact', [da, db], [apply(fn, [da, db], 'f64')])
        case(op, 'D', 'exact', [da, b], [apply(fn, [da, b], 'f64')])
    refuse('floor_div', 'F', 'expected', [tensor('f64', [2]), tensor('f64', [2])])
    refuse('pow', 'F', 'expected', [tensor('f64', [2]), tensor('f32', [2])])
    for op, fn in COMPARE.items():
        case(op, 'F', 'exact', [a, b], [apply(fn, [a, b], 'bool')])
        da, db = T('f64', [3], [1.0, 1.0 + 2.0**-40, NAN]), T('f32', [3], [1.0, 1.0, 1.0])
        case(op, 'D', 'exact', [da, db], [apply(fn, [da, db], 'bool')])
    x = T('f32', [60], [abs(v) for v in floats(60, 3)])
    y = tensor('f32', [60], 5.0)
    case('pow', 'F', 'ulp 0.95', [x, y], [apply(lambda p, q: overflow(fpow(p, q)), [x, y], 'f32')])
    sp = [v for v in EDGES if abs(v) not in (TINY, SUB)]
    pa = [p for p in sp for _ in sp] + [-2.0, -2.0, -8.0]
    pb = [q for _ in sp for q in sp] + [3.0, 2.0, 1.0 / 3]
    x, y = one('f32', pa), one('f32', [f32(v) for v in pb])
    case('pow', 'F', 'ulp 0.95', [x, y], [apply(lambda p, q: overflow(fpow(p, q)), [x, y], 'f32')])
    x, y, z = tensor('f32', [3, 20]), tensor('f32', [20]), tensor('f16', [3, 1])
    case('fma', 'F', 'exact', [x, y, z], [apply(lambda p, q, r: f32(f32(p * q) + r), [x, y, z], 'f32')])
    x, y, z = one('f32', [INF, 0.0, -0.0, 1.0, BIG]), one('f32', [0.0, -0.0, 1.0, NAN, 2.0]), one('f32', [1.0, 0.0, -0.0, 1.0, -INF])
    case('fma', 'F', 'exact', [x, y, z], [apply(lambda p, q, r: f32(f32(p * q) + r), [x, y, z], 'f32')])
    xs = [v for v in EDGES] + floats(20)
    case('abs', 'D', 'exact', [one('f64', xs)], [one('f64', [abs(v) for v in xs])])
    case('neg', 'D', 'exact', [one('f64', xs)], [one('f64', [-v for v in xs])])
    case('sqrt', 'D', 'exact', [one('f64', xs)], [one('f64', [math.sqrt(v) if v >= 0 else NAN for v in xs])])
    c = tensor('bool', [4, 3])
    for cls, d1, d2, out in (('F', 'f32', 'f32', 'f32'), ('F', 'f16', 'bf16', 'f32'), ('D', 'f64', 'f32', 'f64')):
        p, q = tensor(d1, [4, 3]), tensor(d2, [3])
        case('where', cls, 'exact', [c, p, q], [apply(lambda k, a1, b1: a1 if k else b1, [c, p, q], out)])
    refuse('where', 'F', 'operand a: expected bool', [tensor('f32', [2]), tensor('f32', [2]), tensor('f32', [2])])


# ---- reductions, in the one order ----
def fold(xs, start, step):
    part = [start] * 16
    for k, x in enumerate(xs):
        part[k % 16] = step(part[k % 16], x)
    for s in (8, 4, 2, 1):
        for i in range(s):
            part[i] = step(part[i], part[i + s])
    return part[0]


def reduce(fn, t, axes, keep, dtype):
    rank = len(t.dims)
    axes = [a % rank for a in axes] if axes else list(range(rank))
    kept = [d for i, d in enumerate(t.dims) if i not in axes]
    inner = indices([t.dims[a] for a in sorted(axes)])
    data = []
    for at in indices(kept):
        xs = []
        for k in inner:
            outer, red, index = iter(at), iter(k), []
            for i in range(rank):
                index.append(next(red) if i in axes else next(outer))
            xs.append(t.data[flat(index, t.dims)])
        data.append(fn(xs))
    dims = [1 if i in axes else d for i, d in enumerate(t.dims) if keep or i not in axes]
    return T(dtype, dims, data)


def zero(x):
    return 0.0 if x == 0 else x


def sum32(xs):
    return zero(fold(xs, 0.0, lambda p, q: f32(p + q)))


def reductions(dtype):
    """op -> exact function of a list."""
    if dtype in ROUND:
        r = (lambda x: x) if dtype == 'f64' else f32
        total = lambda xs: zero(fold(xs, 0.0, lambda p, q: r(p + q)))
        return {'sum': total, 'mean': lambda xs: r(fdiv(total(xs), float(len(xs)))),
                'prod': lambda xs: fold(xs, 1.0, lambda p, q: r(p * q)),
                'reduce_max': lambda xs: fold(xs, -INF, fmax), 'reduce_min': lambda xs: fold(xs, INF, fmin)}
    return {'sum': lambda xs: wrap(sum(xs), dtype), 'prod': lambda xs: wrap(math.prod(xs), dtype),
            'reduce_max': lambda xs: max(xs + [lowest(dtype)]), 'reduce_min': lambda xs: min(xs + [highest(dtype)])}


def make_reductions():
    for dtype in ('f32', 'f16', 'bf16', 'f64') + SIGNED + UNSIGNED:
        cls = 'F' if dtype in ('f32', 'f16', 'bf16') else 'D' if dtype == 'f64' else 'S' if dtype in SIGNED else 'U'
        out = 'f32' if cls == 'F' else dtype
        for op, fn in reductions(dtype).items():
            for dims, axes, keep in (([1], [], False), ([37], [0], True), ([2, 3, 35], [-1], False), ([5, 4, 3], [0], True),
                                     ([3, 4, 5], [2, 0], False), ([2, 2, 2, 9], [1, 3], True), ([3, 0], [1], False), ([], [], False)):
                if op == 'mean' and 0 in dims:
                    continue
                x = tensor(dtype, dims, 1.0)
                case(op, cls, 'exact', [x], [reduce(fn, x, axes, keep, out)], {'axes': axes, 'keep': keep} if axes else {})
    for op, fn in reductions('f32').items():
        for xs in ([-0.0] * 5, [INF, -INF], [1.0, NAN, 2.0], [0.0, -0.0, 0.0], [-0.0, 0.0], [TINY, TINY, SUB], [BIG, BIG, -BIG]):
            case(op, 'F', 'exact', [one('f32', xs)], [T('f32', [], [fn(xs)])])
        x = tensor('f16', [1, 1100], 1.0)
        case(op, 'F', 'exact', [x], [reduce(fn, x, [1], False, 'f32')], {'axes': [1]})
        x = tensor('f16', [1100, 1], 1.0)
        case(op, 'F', 'exact', [x], [reduce(fn, x, [0], False, 'f32')], {'axes': [0]})
        refuse(op, 'F', 'expected an axis from -2 to 1, found 2', [tensor('f32', [2, 2])], axes=[2])
        refuse(op, 'F', 'twice', [tensor('f32', [2, 2])], axes=[1, -1])
        refuse(op, 'F', 'expected', [tensor('bool', [2, 2])])


def best(xs, better):
    at = 0
    for i, x in enumerate(xs):
        if x != x:
            return i
        if better(x, xs[at]):
            at = i
    return at


def make_arg():
    for op, better in (('argmax', lambda a, b: a > b), ('argmin', lambda a, b: a < b)):
        for dtype in ('f32', 'f16', 'f64') + SIGNED + UNSIGNED:
            cls = 'F' if dtype in ('f32', 'f16') else 'D' if dtype == 'f64' else 'S' if dtype in SIGNED else 'U'
            for dims, axis, keep in (([19], 0, False), ([2, 300], -1, True), ([4, 3, 2], 1, False)):
                x = tensor(dtype, dims)
                case(op, cls, 'exact', [x], [reduce(lambda xs: best(xs, better), x, [axis], keep, 'i64')], {'axis': axis, 'keep': keep})
        for xs in ([1.0, NAN, 9.0, NAN], [0.0, -0.0], [-0.0, 0.0], [INF, INF], [-INF, -INF], [2.0, 3.0, 3.0, 2.0]):
            case(op, 'F', 'exact', [one('f32', xs)], [T('i64', [], [best(xs, better)])])
        refuse(op, 'F', 'expected at most 0, found 1', [T('f32', [0], [])])
        refuse(op, 'F', 'found a scalar', [tensor('f32', [])])


# ---- cast ----
MODES = {0: 'nearest', 1: 'zero', 2: 'down', 3: 'up'}
FORMAT = {'f64': (52, 11), 'f32': (23, 8), 'f16': (10, 5), 'bf16': (7, 8)}


def to_bits(x, dtype, mode):
    """Bits of the number x (float, or int of any size) in a float format, by exact fractions."""
    from fractions import Fraction
    m, e = FORMAT[dtype]
    top, bias = ((1 << e) - 1) << m, (1 << (e - 1)) - 1
    if isinstance(x, float) and x != x:
        return top | 1 << (m - 1)
    neg = math.copysign(1.0, x) < 0 if isinstance(x, float) else x < 0
    sign = int(neg) << (m + e)
    if isinstance(x, float) and math.isinf(x):
        return sign | top
    v = abs(Fraction(x))
    if v == 0:
        return sign
    k = 0
    while v >= 2:
        v, k = v / 2, k + 1
    while v < 1:
        v, k = v * 2, k - 1
    k = max(k, 1 - bias)
    units = abs(Fraction(x)) / Fraction(2)**(k - m)
    n, rest = units.numerator // units.denominator, units - units.numerator // units.denominator
    up = {0: rest > Fraction(1, 2) or (rest == Fraction(1, 2) and n % 2 == 1), 1: False, 2: neg and rest > 0, 3: not neg and rest > 0}[mode]
    n += up
    z = ((k + bias - 1) << m) + n
    if z >= top:
        away = mode == 0 or (mode == 2 and neg) or (mode == 3 and not neg)
        z = top if away else top - 1
    return sign | z


def to_int(x, dtype, mode, wrapping):
    from fractions import Fraction
    if isinstance(x, float) and x != x:
        return 0
    if isinstance(x, float) and math.isinf(x):
        return 0 if wrapping else highest(dtype) if x > 0 else lowest(dtype)
    v = Fraction(x)
    n = {2: math.floor, 3: math.ceil}.get(mode, math.trunc)(v)
    return wrap(n, dtype) if wrapping else min(max(n, lowest(dtype)), highest(dtype))


class Bits(T):
    def text(self):
        return '%s [%s] ' % (self.dtype, ','.join(map(str, self.dims))) + ' '.join('x%x' % b for b in self.data)


def make_cast():
    edge16 = [65504.0, 65519.9, 65520.0, 2.0**-24, 2.0**-25, 1.5 * 2.0**-25, 2.0**-14, 6.1e-5, 1.0009765, 1.00048828125, 1.00146484375]
    edge_int = [0.5, -0.5, 1.5, 2.5, -1.5, 126.5, 127.5, 128.0, -128.5, -129.0, 255.5, 256.0, 32767.5, 65535.9, 2.0**31, -2.0**31 - 2.0**9,
                2.0**32, 2.0**63, -2.0**63, 2.0**64, 1e20, -1e20, 1e-3]
    sources = {}
    for dtype in ('f64', 'f32', 'f16', 'bf16'):
        base = EDGES + edge16 + edge_int + floats(6, 100.0)
        if dtype == 'f64':
            base += [1e300, -1e300, 5e-324, 1.0 + 2.0**-24, 1.0 + 2.0**-24 + 2.0**-50, 2.0**-150, 1.1 * 2.0**-150, 2.0**127 * (2 - 2.0**-24)]
        sources[dtype] = [ROUND[dtype](v) for v in base]
    for dtype in SIGNED + UNSIGNED:
        more = [v for v in (2049, 2051, 16777217, 16777219, 2**24 + 1, 2**53 + 1, 2**62 + 1, 65519, 65520, 257) if v <= highest(dtype)]
        sources[dtype] = ints(20, dtype) + more
    sources['bool'] = [0, 1]
    for src, xs in sources.items():
        cls = {'f64': 'D', 'bool': 'B'}.get(src) or ('F' if src in ROUND else 'S' if src in SIGNED else 'U')
        x = T(src, [len(xs)], xs)
        for dst in FORMAT:
            for mode in MODES:
                if mode and src == 'bool':
                    continue
                case('cast', cls, 'exact', [x], [Bits(dst, x.dims, [to_bits(v, dst, mode) for v in xs])], {'to': dst, 'rounding': mode})
        for dst in SIGNED + UNSIGNED:
            for mode, wrapping in ((0, False), (0, True), (2, False), (3, False)):
                if (mode or wrapping) and (src == 'bool' or dst not in ('i8', 'u16', 'i64', 'u64', 'i32')):
                    continue
                case('cast', cls, 'exact', [x], [T(dst, x.dims, [to_int(v, dst, mode, wrapping) for v in xs])],
                     {'to': dst, 'rounding': mode, 'wrap': wrapping})
        case('cast', cls, 'exact', [x], [T('bool', x.dims, [v != 0 for v in xs])], {'to': 'bool'})
    refuse('cast', 'F', 'expected .to to be a plain dtype, found none', [tensor('f32', [2])])
    refuse('cast', 'F', 'expected .to to be a plain dtype, found q8_0', [tensor('f32', [32])], to='q8_0')
    refuse('cast', 'F', 'expected .rounding from 0 to 3, found 4', [tensor('f32', [2])], to='f16', rounding=4)


# ---- making and movement ----
PLAIN = {'F': ('f32', 'f16', 'bf16'), 'D': ('f64',), 'S': SIGNED, 'U': UNSIGNED, 'B': ('bool',)}


def every(classes='FDSUB'):
    for cls in classes:
        for dtype in PLAIN[cls]:
            yield cls, dtype


def make_making():
    for cls, dtype in every():
        v = 1 if dtype == 'bool' else 3
        attrs = {'dtype': dtype, 'shape': [2, 3], 'value': float(v)}
        case('fill', cls, 'exact', [], [T(dtype, [2, 3], [v] * 6 if dtype not in ROUND else [float(v)] * 6)], attrs)
    case('fill', 'F', 'exact', [], [T('f32', [], [f32(0.1)])], {'value': 0.1})
    case('fill', 'S', 'exact', [], [T('i8', [600], [wrap(300, 'i8')] * 600)], {'dtype': 'i8', 'shape': [600], 'value': 300.0})
    case('fill', 'F', 'exact', [], [T('f32', [0], [])], {'shape': [0]})
    for dtype, digits in (('bf16', 8), ('f16', 11)):
        n = (1 << 40) + (1 << 40 - digits) + 1  # by f32 it would lie halfway
        case('fill', 'F', 'exact', [], [T(dtype, [2], [once(n, digits, 40)] * 2)], {'dtype': dtype, 'shape': [2], 'value': n / 2.0**40})
    refuse('fill', 'F', 'expected a plain dtype, found q4_0', [], dtype='q4_0')
    for cls, dtype in every('FDSU'):
        for dims, axis, start, step in (([5], 0, 0, 0), ([2, 3], 1, 4, 2), ([3, 2], 0, -3, -5), ([4, 2, 3], -2, 100, 60)):
            data = [start + i[axis % len(dims)] * (step or 1) for i in indices(dims)]
            data = [ROUND[dtype](float(v)) for v in data] if dtype in ROUND else [wrap(v, dtype) for v in data]
            case('iota', cls, 'exact', [], [T(dtype, dims, data)], {'dtype': dtype, 'shape': dims, 'axis': axis, 'start': start, 'step': step})
    case('iota', 'S', 'exact', [], [T('i64', [3], [0, 1, 2])], {'shape': [3]})
    case('iota', 'F', 'exact', [], [T('f32', [3], [16777216.0, 16777216.0, 16777218.0])], {'dtype': 'f32', 'shape': [3], 'start': 2**24})
    for start in (2**25 + 2**17 + 1, -2**25 - 2**17 - 3, 2**61 + 2**53 - 1):  # by f32 the first two would lie halfway
        case('iota', 'F', 'exact', [], [T('bf16', [3], [once(start + i, 8) for i in range(3)])], {'dtype': 'bf16', 'shape': [3], 'start': start})
    refuse('iota', 'S', 'found a scalar', [])
    refuse('iota', 'B', 'expected a dtype of numbers, found bool', [], dtype='bool', shape=[2])


def make_reshape():
    for cls, dtype in every():
        x = tensor(dtype, [2, 3, 4])
        for shape in ([6, 4], [24], ['infer', 2], [4, 'infer', 3, 1]):
            rest = 24 // math.prod(d for d in shape if d != 'infer')
            case('reshape', cls, 'exact', [x], [T(dtype, [rest if d == 'infer' else d for d in shape], x.data)], {'shape': shape})
        x = tensor(dtype, [1, 3, 1, 2])
        case('squeeze', cls, 'exact', [x], [T(dtype, [3, 2], x.data)])
        case('squeeze', cls, 'exact', [x], [T(dtype, [1, 3, 2], x.data)], {'axes': [-2]})
        case('unsqueeze', cls, 'exact', [x], [T(dtype, [1, 1, 3, 1, 2, 1], x.data)], {'axes': [0, -1]})
    x = tensor('f32', [2, 3])
    case('reshape', 'F', 'exact', [tensor('f32', [0, 3])], [T('f32', [3, 0], [])], {'shape': [3, 0]})
    case('unsqueeze', 'F', 'exact', [x], [x])
    refuse('reshape', 'F', 'expected as many elements as f32 [2, 3] has, found the shape f32 [4, 2]', [x], shape=[4, 2])
    refuse('reshape', 'F', 'OINF_INFER once', [x], shape=['infer', 'infer'])
    refuse('reshape', 'F', 'expected', [x], shape=['infer', 4])
    refuse('squeeze', 'F', 'squeezed axis: expected 1, found 2', [x], axes=[0])
    refuse('unsqueeze', 'F', 'expected an axis from -4 to 3', [x], axes=[4, 0])


def take(t, dims, where):
    return T(t.dtype, dims, [t.data[flat(where(i), t.dims)] for i in indices(dims)])


def make_movement():
    for cls, dtype in every():
        x = tensor(dtype, [2, 3, 4])
        for axes in ([2, 0, 1], [0, 2, 1], [-1, 1, 0], [0, 1, 2]):
            a = [k % 3 for k in axes]
            case('permute', cls, 'exact', [x], [take(x, [x.dims[k] for k in a], lambda i: [i[a.index(k)] for k in range(3)])], {'axes': axes})
        for axis, begin, end, step in ((0, 1, 2, 0), (1, 0, 'infer', 2), (2, -3, -1, 1), (-1, 1, 4, 3), (1, 2, 2, 1)):
            d = x.dims[axis]
            r = range(begin if begin >= 0 else d + begin, d if end == 'infer' else end if end >= 0 else d + end, step or 1)
            dims = [len(r) if k == axis % 3 else n for k, n in enumerate(x.dims)]
            where = lambda i: [r[n] if k == axis % 3 else n for k, n in enumerate(i)]
            case('slice', cls, 'exact', [x], [take(x, dims, where)], {'axis': axis, 'begin': begin, 'end': end, 'step': step})
        for axis, index in ((0, 1), (1, -1), (-1, 0)):
            p, d = axis % 3, index % x.dims[axis]
            dims = [n for k, n in enumerate(x.dims) if k != p]
            case('select', cls, 'exact', [x], [take(x, dims, lambda i: list(i[:p]) + [d] + list(i[p:]))], {'axis': axis, 'index': index})
        y, z = tensor(dtype, [2, 1, 4]), tensor(dtype, [2, 0, 4])
        joined = T(dtype, [2, 4, 4], [v for i in range(2) for v in x.data[12 * i:12 * i + 12] + y.data[4 * i:4 * i + 4]])
        case('concat', cls, 'exact', [x, y, z], [joined], {'axis': 1})
        case('concat', cls, 'exact', [x], [x], {'axis': -1})
        case('concat', cls, 'exact', [x] * 16, [T(dtype, [32, 3, 4], x.data * 16)])
        parts = [take(x, [2, 3, n], lambda i: [i[0], i[1], i[2] + b]) for b, n in ((0, 1), (1, 0), (1, 3))]
        case('split', cls, 'exact', [x], parts, {'axis': 2, 'sizes': [1, 0, 3]})
        y = tensor(dtype, [3, 1, 2])
        for shape in ([3, 4, 2], [5, 3, 1, 2], [2, 'infer', 3, 'infer']):
            dims = [y.dims[k - len(shape)] if n == 'infer' else n for k, n in enumerate(shape)]
            case('expand', cls, 'exact', [y], [T(dtype, dims, [get(y, i) for i in indices(dims)])], {'shape': shape})
    x = tensor('f32', [2, 3])
    refuse('permute', 'F', 'expected 2 axes, found 1', [x], axes=[0])
    refuse('permute', 'F', 'axis 1 is named twice', [x], axes=[1, 1])
    refuse('slice', 'F', 'end of slice: expected at most 3, found 4', [x], axis=1, begin=0, end=4)
    refuse('slice', 'F', 'begin of slice: expected at most 0, found 2', [x], axis=1, begin=2)
    refuse('slice', 'F', 'expected a step of 1 or more', [x], axis=1, end=2, step=-1)
    refuse('select', 'F', 'expected at most 3, found 4', [x], axis=1, index=3)
    refuse('select', 'F', 'selected index', [x], axis=1, index=-4)
    refuse('concat', 'F', 'one dtype and rank', [x, tensor('f16', [2, 3])])
    refuse('concat', 'F', 'dims beside the axis: expected 3, found 4', [x, tensor('f32', [2, 4])])
    refuse('split', 'F', 'sum of the parts: expected 3, found 4', [x], axis=1, sizes=[1, 3])
    refuse('expand', 'F', 'expanded axis: expected 3, found 4', [x], shape=[2, 4])
    refuse('expand', 'F', 'expected from 2 to 8 dims, found 1', [x], shape=[6])


# ---- blocks ----
def q8_block(d, q):
    return struct.pack('<e', d).hex() + bytes(v & 255 for v in q).hex()


def q4_block(d, q):
    return struct.pack('<e', d).hex() + bytes((q[j] + 8) | (q[j + 16] + 8) << 4 for j in range(16)).hex()


class Blocks(T):
    """A tensor of a block dtype: its bytes, scales and quants."""

    def __init__(self, dtype, dims):
        n = math.prod(dims) // 32
        lo, hi = (-8, 7) if dtype == 'q4_0' else (-128, 127)
        self.scale = [f16(abs(rng.gauss(0, 0.05))) for _ in range(n)]
        self.quant = [[rng.randint(lo, hi) for _ in range(32)] for _ in range(n)]
        pack = q4_block if dtype == 'q4_0' else q8_block
        super().__init__(dtype, dims, [f32(q * d) for d, b in zip(self.scale, self.quant) for q in b],
                         ''.join(pack(d, q) for d, q in zip(self.scale, self.quant)))


def make_gather():
    for cls, dtype in every():
        x = tensor(dtype, [5, 3])
        for axis, at in ((0, T('i32', [4], [4, 0, 4, 2])), (1, T('u8', [2, 2], [2, 2, 1, 0])), (0, T('i64', [], [3])), (0, T('i64', [0], []))):
            dims = x.dims[:axis] + at.dims + x.dims[axis + 1:]
            n = len(at.dims)
            where = lambda i: list(i[:axis]) + [get(at, i[axis:axis + n])] + list(i[axis + n:])
            case('gather', cls, 'exact', [x, at], [take(x, dims, where)], {'axis': axis})
    for dtype in ('q8_0', 'q4_0'):
        x = Blocks(dtype, [4, 64])
        case('gather', 'Q', 'exact', [x, T('i32', [3], [3, 0, 3])], [T('f32', [3, 64], x.data[192:256] + x.data[:64] + x.data[192:256])])
        refuse('gather', 'Q', 'expected an axis before the last', [x, T('i32', [1], [0])], axis=1)
    x = tensor('f32', [5, 3])
    for bad in (5, -1):
        case('gather', 'F', 'exact', [x, T('i32', [2], [0, bad])], fault='gather: expected an index from 0 to 4, found %d at place 1' % bad)
    case('gather', 'F', 'exact', [x, T('u64', [1], [2**63])], fault='gather: expected an index')
    refuse('gather', 'F', 'operand b: expected signed or unsigned, found f32', [x, tensor('f32', [1])])


def make_dequantize():
    for dtype in ('q8_0', 'q4_0'):
        for dims in ([32], [3, 96]):
            x = Blocks(dtype, dims)
            case('dequantize', 'Q', 'exact', [x], [T('f32', dims, x.data)])
    for block in (32, 256):
        q, d = tensor('i8', [3, 512]), tensor('f32', [3, 512 // block], 0.1)
        out = [f32(q.data[i] * d.data[i // block]) for i in range(3 * 512)]
        case('dequantize', 'S', 'exact', [q, d], [T('f32', [3, 512], out)], {'block': block})


def quantized(row, block):
    scales, quants = [], []
    for i in range(0, len(row), block):
        d = f32(max(abs(v) for v in row[i:i + block]) / 127.0)
        scales.append(d)
        quants += [0 if d == 0 else round(f32(v / d)) for v in row[i:i + block]]
    return scales, quants


def make_quantize():
    for dims, block in (([64], 0), ([3, 96], 32), ([2, 2, 512], 256)):
        for dtype in ('f32', 'bf16'):
            x = tensor(dtype, dims)
            for i in range(32 if dims[-1] > 32 else 0):
                x.data[i] = 0.0 if len(dims) > 1 else x.data[i]
            scales, quants = [], []
            k = dims[-1]
            for i in range(0, len(x.data), k):
                s, q = quantized(x.data[i:i + k], block or 32)
                scales += s
                quants += q
            case('quantize', 'F', 'exact', [x], [T('i8', dims, quants), T('f32', dims[:-1] + [k // (block or 32)], scales)], {'block': block})
    xs = [127.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5] + [0.0] * 24  # ties, d = 1
    case('quantize', 'F', 'exact', [one('f32', xs)], [T('i8', [32], quantized(xs, 32)[1]), T('f32', [1], [1.0])])
    refuse('quantize', 'F', 'expected', [tensor('f32', [33])])


# ---- products, rows, attention ----
def matmul(a, b, ta, tb, out, total):
    ra, rb = a.dims[-2:], b.dims[-2:]
    m, k = (ra[1], ra[0]) if ta else ra
    n = rb[0] if tb else rb[1]
    ba, bb = T('i64', a.dims[:-2], range(math.prod(a.dims[:-2]))), T('i64', b.dims[:-2], range(math.prod(b.dims[:-2])))
    batch = joint([ba, bb])
    data = []
    for at in indices(batch):
        pa, pb = get(ba, at) * m * k, get(bb, at) * n * k
        for i in range(m):
            for j in range(n):
                data.append(total([(a.data[pa + (q * m + i if ta else i * k + q)], b.data[pb + (j * k + q if tb else q * n + j)]) for q in range(k)]))
    return T(out, batch + [m, n], data)


def dot32(terms):
    return sum32([f32(x * y) for x, y in terms])


def dot64(terms):
    return zero(fold([x * y for x, y in terms], 0.0, lambda p, q: p + q))


def quant_dot(rows, cols, n_rows, n_cols, k, dx):
    """Blocks: (dw dx) f32(isum), to partial (block mod 4), then 2, 1."""
    out, nb = [], k // 32
    for i in range(n_rows):
        for j in range(n_cols):
            part = [0.0] * 4
            for b in range(nb):
                isum = sum(rows[i * k + b * 32 + e] * cols.quant[j * nb + b][e] for e in range(32))
                scale = f32(cols.scale[j * nb + b] * dx[i * nb + b])
                part[b % 4] = f32(part[b % 4] + f32(scale * f32(isum)))
            part = [f32(part[0] + part[2]), f32(part[1] + part[3])]
            out.append(zero(f32(part[0] + part[1])))
    return out


def make_matmul():
    shapes = (([1, 5], [5, 3], 0, 0), ([2, 33], [33, 4], 0, 0), ([3, 70], [5, 70], 0, 1), ([40, 2], [40, 3], 1, 0), ([17, 2], [6, 17], 1, 1),
              ([2, 3, 20], [20, 2], 0, 0), ([2, 1, 3, 9], [4, 2, 9], 0, 1), ([0, 4], [4, 2], 0, 0), ([2, 0], [0, 2], 0, 0), ([2, 100], [20, 100], 0, 1))
    for cls, dtypes in (('F', ('f32', 'f16', 'bf16')), ('D', ('f64',)), ('S', SIGNED), ('U', UNSIGNED)):
        for dtype in dtypes:
            some = shapes if dtype == 'f32' else shapes[1:4] + shapes[6:7]
            out = 'f32' if cls == 'F' else dtype
            total = dot32 if cls == 'F' else dot64 if cls == 'D' else lambda ts: wrap(sum(x * y for x, y in ts), dtype)
            for da, db, ta, tb in some:
                a, b = tensor(dtype, da, 1.0), tensor(dtype, db, 1.0)
                case('matmul', cls, 'exact', [a, b], [matmul(a, b, ta, tb, out, total)], {'transpose_a': bool(ta), 'transpose_b': bool(tb)})
    a, b = tensor('f32', [3, 50], 1.0), tensor('bf16', [7, 50], 1.0)
    case('matmul', 'F', 'exact', [a, b], [matmul(a, b, 0, 1, 'f32', dot32)], {'transpose_b': True})
    for dtype in ('q8_0', 'q4_0'):
        for m, n, k in ((1, 3, 32), (5, 6, 224), (2, 17, 96)):
            w, x, dx = Blocks(dtype, [n, k]), tensor('i8', [m, k]), T('f32', [m, k // 32], [f32(abs(v)) for v in floats(m * k // 32, 0.1)])
            x.data = [max(v, -127) for v in x.data]  # quantize never gives -128
            case('matmul', 'Q', 'exact', [x, w, dx], [T('f32', [m, n], quant_dot(x.data, w, m, n, k, dx.data))], {'transpose_b': True})
            y = tensor('f32', [m, k], 1.0)
            case('matmul', 'Q', 'exact', [y, w], [matmul(y, w, 0, 1, 'f32', dot32)], {'transpose_b': True, 'act': 'f32'})
    refuse('matmul', 'F', 'expected', [tensor('f32', [2, 3]), tensor('f32', [4, 2])])


def softmax(xs):
    m = max(xs)
    e = [math.exp(x - m) for x in xs]
    return [x / sum(e) for x in e]


def along(fn, t, axis):
    out, p = [0.0] * len(t.data), axis % len(t.dims)
    inner, n = math.prod(t.dims[p + 1:]), t.dims[p]
    for base in range(0, len(t.data), n * inner):
        for i in range(inner):
            for k, v in enumerate(fn([t.data[base + k * inner + i] for k in range(n)])):
                out[base + k * inner + i] = v
    return T('f32', t.dims, out)


def make_rows():
    for dims, axis in (([7], -1), ([3, 40], -1), ([2, 5, 3], 1), ([4, 6], 0), ([1, 1100], 1), ([0, 4], 1)):
        for dtype in ('f32', 'f16') if dims[-1] < 9 else ('f16',):
            x = tensor(dtype, dims)
            case('softmax', 'F', 'ulp 20', [x], [along(softmax, x, axis)], {'axis': axis})
    x = one('f32', [-INF, 0.0, -INF, 0.0])
    case('softmax', 'F', 'exact', [x], [T('f32', [4], [0.0, 0.5, 0.0, 0.5])])
    case('softmax', 'F', 'exact', [one('f32', [-INF, -INF])], [T('f32', [2], [NAN, NAN])])
    case('softmax', 'F', 'exact', [one('f32', [1.0, NAN])], [T('f32', [2], [NAN, NAN])])
    case('softmax', 'F', 'exact', [one('f32', [BIG, -BIG])], [T('f32', [2], [1.0, 0.0])])
    refuse('softmax', 'F', 'expected float', [tensor('f64', [2])])
    for dims in ([1], [2, 16], [2, 2, 37], [1, 1100]):
        for dtype in ('f32', 'bf16') if dims[-1] == 16 else ('bf16',):
            x, w, b = tensor(dtype, dims), tensor('bf16', dims[-1:]), tensor('f16', dims[-1:])
            rms = lambda r, e: [v / math.sqrt(sum(u * u for u in r) / len(r) + e) for v in r]
            eps = f32(1e-5)
            y = along(lambda r: rms(r, eps), x, -1)
            case('rmsnorm', 'F', 'ulp 12', [x], [y], {'eps': 1e-5})
            case('rmsnorm', 'F', 'ulp 12', [x, w], [apply(lambda p, q: p * q, [y, w], 'f32')], {'eps': 1e-5})

            def layer(r):
                m = sum(r) / len(r)
                return [(v - m) / math.sqrt(sum((u - m)**2 for u in r) / len(r) + eps) for v in r]
            y = along(layer, x, -1)
            case('layernorm', 'F', 'ulp 12 abs 1e-5', [x], [y], {'eps': 1e-5})
            case('layernorm', 'F', 'ulp 12 abs 4e-5', [x, w], [apply(lambda p, q: p * q, [y, w], 'f32')], {'eps': 1e-5})
            case('layernorm', 'F', 'ulp 12 abs 4e-5', [x, w, b], [apply(lambda p, q, r: p * q + r, [y, w, b], 'f32')], {'eps': 1e-5})
    for op in ('rmsnorm', 'layernorm'):
        case(op, 'F', 'exact', [T('f32', [2, 3], [0.0] * 6)], [T('f32', [2, 3], [0.0] * 6)], {'eps': 1e-6})
        case(op, 'F', 'exact', [T('f32', [0, 3], [])], [T('f32', [0, 3], [])], {'eps': 1e-6})
        refuse(op, 'F', 'length of the last axis: expected 3, found 2', [tensor('f32', [2, 3]), tensor('f32', [2])])


def sdpa(q, k, v, mask, pos=0, causal=False, window=0, scale=0.0, softcap=0.0):
    t_n, h, d = q.dims
    s_n, g, dv = k.dims[0], k.dims[1], v.dims[2]
    out = []
    for t in range(t_n):
        for head in range(h):
            kv, scores = head // (h // g), []
            for s in range(s_n):
                x = sum(q.data[(t * h + head) * d + e] * k.data[(s * g + kv) * d + e] for e in range(d)) * (scale or 1 / math.sqrt(d))
                if softcap:
                    x = softcap * math.tanh(x / softcap)
                if mask is not None:
                    m = mask.data[t * s_n + s]
                    x = (x if m else -INF) if mask.dtype == 'bool' else x + m
                if (causal and s > pos + t) or (window and s <= pos + t - window):
                    x = -INF
                scores.append(x)
            w = softmax(scores)
            out += [sum(w[s] * v.data[(s * g + kv) * dv + e] for s in range(s_n)) for e in range(dv)]
    return T('f32', [t_n, h, dv], out)


def make_sdpa():
    for t, s, h, g, d in ((1, 1, 1, 1, 2), (3, 3, 4, 2, 2), (1, 37, 4, 1, 8), (5, 21, 2, 2, 6)):
        for dtype in ('bf16', 'f16') if h == 4 else ('f16',):
            q, k, v = tensor('bf16', [t, h, d], 1.0), tensor(dtype, [s, g, d], 1.0), tensor(dtype, [s, g, d], 1.0)
            for attrs in ({}, {'causal': True}, {'causal': True, 'window': 3}, {'scale': 0.25}, {'softcap': 1.0, 'causal': True}):
                if attrs.get('causal'):
                    attrs['pos'] = s - t
                case('sdpa', 'F', 'abs 2e-6', [q, k, v], [sdpa(q, k, v, None, **attrs)], attrs)
            see = T('bool', [t, s], [1 if i % s == 0 else rng.randint(0, 1) for i in range(t * s)])
            case('sdpa', 'F', 'abs 2e-6', [q, k, v, see], [sdpa(q, k, v, see)])
            bias = tensor('f32', [t, s], 1.0)
            case('sdpa', 'F', 'abs 2e-6', [q, k, v, bias], [sdpa(q, k, v, bias, causal=True, pos=s - t)], {'causal': True, 'pos': s - t})
    refuse('sdpa', 'F', 'expected', [tensor('f32', [2, 3, 4]), tensor('f32', [2, 2, 4]), tensor('f32', [2, 2, 4])])


def main():
    for make in (make_unary, make_floats, make_integers, make_bool, make_reductions, make_arg, make_cast, make_making, make_reshape,
                 make_movement, make_gather, make_quantize, make_dequantize, make_matmul, make_rows, make_sdpa):
        rng.seed(make.__name__)
        make()
    for op, lines in files.items():
        if len(sys.argv) > 1 and op not in sys.argv[1:]:
            continue
        with open(os.path.join(HERE, op + '.txt'), 'w') as f:
            f.write('# Made by make.py; the format stands in tests/test_ops.c.\n' + '\n'.join(lines))


main()
