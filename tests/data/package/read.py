#!/usr/bin/env python3
"""A second reader of OINF packages, written from formats/OINF.md alone, standard library only.

    read.py FILE            proves FILE and lists its root digest and tensors (sample.txt)
    read.py --all FILE      metadata, graphs, states, blobs and golden steps too

It ends with 1 and a line that says which rule is broken."""
import hashlib
import struct
import sys

BLOCK = 1 << 20
RECORD = {0x10: 4, 0x11: 1, 0x20: 8, 0x30: 144, 0x31: 4, 0x40: 8, 0x50: 24, 0x51: 1, 0x60: 56, 0x70: 4,
          0x80: 1, 0x81: 1, 0x90: 4, 0x91: 1, 0x92: 24, 0x93: 16, 0x94: 104, 0x95: 88, 0x96: 1}
# dtype: bytes of a block, elements of a block
DTYPE = {'f64': (8, 1), 'f32': (4, 1), 'f16': (2, 1), 'bf16': (2, 1), 'i8': (1, 1), 'i16': (2, 1),
         'i32': (4, 1), 'i64': (8, 1), 'u8': (1, 1), 'u16': (2, 1), 'u32': (4, 1), 'u64': (8, 1),
         'bool': (1, 1), 'q8_0': (34, 32), 'q4_0': (18, 32)}


class Refused(Exception):
    pass


def need(cond, what):
    if not cond:
        raise Refused(what)


def align(x, n):
    return -(-x // n) * n


def zero(data, what):
    need(not any(data), what + ' is not zero')


def make_crc_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
        table.append(i)
    return table


CRC_TABLE = make_crc_table()


def crc32c(data):
    c = 0xffffffff
    for b in data:
        c = c >> 8 ^ CRC_TABLE[(c ^ b) & 255]
    return c ^ 0xffffffff


def sha(data):
    return hashlib.sha256(data).digest()


def is_name(text):
    def bad(c):
        return (c < 0x20 or 0x7f <= c <= 0x9f or c in (0x61c, 0x2028, 0x2029, 0xfeff) or 0x200b <= c <= 0x200f or
                0x202a <= c <= 0x202e or 0x2060 <= c <= 0x2069 or 0xfdd0 <= c <= 0xfdef or c & 0xfffe == 0xfffe)
    return 1 <= len(text.encode()) <= 512 and not any(bad(ord(c)) for c in text)


class Strings:
    def __init__(self, ends, text):
        need(len(text) <= 64 << 20, 'text is over 64 MiB')
        self.list, self.used, begin, before = [], set(), 0, None
        for (end,) in struct.iter_unpack('<I', ends):
            need(begin < end <= len(text) and text[end - 1] == 0, 'a string has no zero byte of its own')
            raw = text[begin:end - 1]
            need(b'\0' not in raw, 'a string holds a zero byte')
            need(before is None or before < raw, 'strings do not increase')
            try:
                self.list.append(raw.decode('utf-8', 'strict'))
            except UnicodeDecodeError:
                raise Refused('a string is not UTF-8') from None
            begin, before = end, raw
        need(begin == len(text), 'text stands behind the last string')

    def text(self, i):
        need(i < len(self.list), 'a string that is not there')
        need(len(self.list[i].encode()) <= 1 << 20, 'a string is over 1 MiB')
        self.used.add(i)
        return self.list[i]

    def name(self, i):
        text = self.text(i)
        need(is_name(text), 'no name: ' + ascii(text))
        return text

    def done(self):
        need(len(self.used) == len(self.list), 'a string is used by nothing')


def shape(dtype, rank, dims):
    name = dtype.rstrip(b'\0')
    need(b'\0' not in name, 'dtype is not zero-padded')
    need(name.decode('latin-1') in DTYPE, 'unknown dtype')
    size, block = DTYPE[name.decode()]
    need(rank <= 8 and not any(dims[rank:]), 'rank or dims behind it')
    dims, count, bound = list(dims[:rank]), 1, 1
    for d in dims:
        need(0 <= d <= 1 << 40, 'dim out of range')
        count *= d
        bound *= max(d, 1)
    need(bound <= 1 << 42, 'too many elements')
    need(block == 1 or (rank and dims[-1] % block == 0), 'blocks are not filled')
    return name.decode(), dims, count // block * size


def groups(dtype, dims):
    """Layout 1: bytes of the tensor, and for each byte of quants and scales that pads, what it must be."""
    need(dtype in ('q8_0', 'q4_0') and len(dims) == 2 and all(dims), 'layout 1 of another tensor')
    rows, blocks, quants = dims[0], dims[1] // 32, 512 if dtype == 'q8_0' else 256
    supers, size = align(blocks, 4) // 4, 128 + 4 * quants

    def padding():
        for at in range(align(rows, 16) // 16 * supers):
            row, block = at // supers * 16, at % supers * 4
            for b in range(4):
                for r in range(16):
                    if row + r < rows and block + b < blocks:
                        continue
                    base = at * size
                    yield from ((base + 32 * b + 2 * r + i, 0) for i in range(2))
                    base += 128 + quants * b + 4 * r
                    yield from ((base + 64 * c + i, 0x80 if quants == 512 else 0x88)
                                for c in range(quants // 64) for i in range(4))
    return align(rows, 16) // 16 * supers * size, padding


class Package:
    def __init__(self, data):
        self.data = data
        self.page()
        self.sections()
        page, sec = data[:4096], self.sec
        need(sha(data[4096:sec[0x80][0]]) == page[64:96], 'metadata digest')
        need(sha(data[sum(sec[0x81]):]) == page[96:128], 'tail digest')
        self.root = sha(page[32:96])
        self.tables()
        self.golden()
        self.weights()

    def page(self):
        p = self.data[:4096]
        need(len(p) == 4096, 'shorter than a page')
        need(p[:8] == bytes.fromhex('894f494e460d0a1a'), 'magic')
        major, _, size, file_size, self.count, flags = struct.unpack_from('<HHIQII', p, 8)
        need(major == 1 and size == 4096, 'version or page size')
        need(sha(p[:4064]) == p[4064:], 'page digest')
        need(file_size == len(self.data), 'file size')
        required, self.optional, least = struct.unpack_from('<QQI', p, 32)
        need(required <= 1, 'unknown required feature')
        self.required = required
        need(least == 1, 'needs a newer reader')
        zero(struct.pack('<I', flags) + p[52:64] + p[128:256] + p[1792:4064], 'reserved')

    def sections(self):
        self.sec, end, before = {}, 4096, 0
        need(self.count <= 64, 'too many sections')
        for i in range(self.count):
            kind, flags, offset, size = struct.unpack_from('<IIQQ', self.data, 256 + 24 * i)
            need(kind > before and flags <= 1, 'section type or flags')
            start = align(end, 4096 if kind == 0x81 else 64)
            need(offset == start and size <= len(self.data) - start, 'section does not tile')
            zero(self.data[end:start], 'padding before a section')
            need(kind in RECORD or flags == 0, 'unknown critical section')
            if kind in RECORD:
                need(flags == 1 and size % RECORD[kind] == 0, 'section is not critical or whole')
                self.sec[kind] = (offset, size)
            before, end = kind, start + size
        need(len(self.sec) == len(RECORD) and end == len(self.data), 'a section is missing, or bytes behind')
        zero(self.data[256 + 24 * self.count:1792], 'unused section entry')

    def bytes(self, kind):
        offset, size = self.sec[kind]
        return self.data[offset:offset + size]

    def rows(self, kind, form):
        return list(struct.iter_unpack('<' + form, self.bytes(kind)))

    def tables(self):
        s = self.strings = Strings(self.bytes(0x10), self.bytes(0x11))
        meta = self.rows(0x20, 'II')
        need(all(a[0] < b[0] for a, b in zip(meta, meta[1:])), 'metadata keys do not increase')
        self.meta = [(s.name(k), s.text(v)) for k, v in meta]
        self.tensors = [self.tensor(r) for r in self.rows(0x30, 'II8s8qQQQII32s')]
        need(self.required == any(t['padding'] for t in self.tensors), 'feature bit of layouts')
        names = [r[0] for r in self.rows(0x31, 'I')]
        need(len(names) == len(self.tensors) and all(i < len(names) for i in names), 'names')
        order = [self.tensors[i]['id'] for i in names]
        need(all(a < b for a, b in zip(order, order[1:])), 'names of tensors do not increase')
        self.graphs()
        self.blobs()
        s.done()

    def tensor(self, r):
        (ident, rank, dtype), dims, (size, offset, seed, source, layout, digest) = r[:3], r[3:11], r[11:]
        dtype, dims, have = shape(dtype, rank, dims)
        need(layout <= self.required and (layout == 0 or source == 0), 'layout of a tensor')
        padding = None
        if layout:
            have, padding = groups(dtype, dims)
        need(have == size and source <= 2, 'bytes or source of a tensor')
        if source == 0:
            need(seed == 0, 'a seed beside bytes')
        else:
            need(offset == 0 and not any(digest), 'offset or digest without bytes')
        if source == 1:
            width, block = DTYPE[dtype]
            need(block == 1 and seed < (2 if dtype == 'bool' else 1 << 8 * width), 'bits of a splat')
        need(source != 2 or seed >> 56 <= 14, 'scale of a noise')
        return {'id': ident, 'name': self.strings.name(ident), 'dtype': dtype, 'dims': dims, 'size': size,
                'offset': offset, 'seed': seed, 'source': source, 'digest': digest, 'padding': padding}

    def graphs(self):
        text, end, self.graph = self.bytes(0x51), 0, []
        states = []
        for name, reserved, offset, size in self.rows(0x50, 'IIQQ'):
            need(reserved == 0 and offset == end and end + size < len(text) and text[end + size] == 0, 'graph text')
            body = text[end:end + size]
            need(b'\0' not in body, 'zero byte in a graph')
            for line in body.split(b'\n'):
                line = line.lstrip(b' ')
                if line.startswith(b'state '):
                    states.append((len(self.graph), line[6:].decode()))
            self.graph.append((self.strings.name(name), body.decode('utf-8', 'strict')))
            end += size + 1
        need(end == len(text), 'text behind the last graph')
        need(len({g[0] for g in self.graph}) == len(self.graph), 'two graphs of one name')
        self.states = [(g, self.strings.text(t)) for g, t in self.rows(0x40, 'II')]
        need(self.states == states, 'states are not what the graphs declare')

    def blobs(self):
        data, end, before, self.blob = self.bytes(0x80), 0, -1, []
        for name, crc, offset, size, digest in self.rows(0x60, 'IIQQ32s'):
            start = align(end, 64)
            need(name > before and offset == start and start + size <= len(data), 'blobs do not tile')
            zero(data[end:start], 'padding before a blob')
            body = data[start:start + size]
            need(crc32c(body) == crc and sha(body) == digest, 'blob is damaged')
            self.blob.append((self.strings.name(name), body))
            before, end = name, start + size
        need(end == len(data), 'bytes behind the last blob')

    def golden(self):
        s = Strings(self.bytes(0x90), self.bytes(0x91))
        syms, arrays = iter(self.rows(0x93, 'IIq')), iter(self.rows(0x94, 'II8s8qQQ8s'))
        values, self.steps, self.end = iter(self.rows(0x95, 'II8s8qQ')), [], 0
        for graph, variant, n_syms, n_in, n_out, n_values in self.rows(0x92, '6I'):
            step = {'graph': s.name(graph), 'variant': s.text(variant)}
            need(not step['variant'] or is_name(step['variant']), 'variant')
            step['syms'] = [self.golden_sym(s, next(syms)) for _ in range(n_syms)]
            step['inputs'] = [self.golden_array(s, next(arrays), True) for _ in range(n_in)]
            step['outputs'] = [self.golden_array(s, next(arrays), False) for _ in range(n_out)]
            step['values'] = [self.golden_value(s, next(values)) for _ in range(n_values)]
            self.steps.append(step)
        need(not list(syms) + list(arrays) + list(values), 'golden tables hold more than the steps')
        need(self.end == self.sec[0x96][1], 'bytes behind the last golden array')
        s.done()

    def golden_sym(self, s, r):
        need(r[1] == 0, 'reserved')
        return s.name(r[0]), r[2]

    def golden_array(self, s, r, is_input):
        dtype, dims, size = shape(r[2], r[1], r[3:11])
        offset, have, raw = r[11:]
        start, data = align(self.end, 64), self.bytes(0x96)
        need(DTYPE[dtype][1] == 1 and size == have and offset == start and start + size <= len(data), 'golden array')
        zero(data[self.end:start], 'padding before a golden array')
        (tolerance,) = struct.unpack('<d', raw)
        good = not any(raw) or not is_input and (tolerance == -1 or 0 < tolerance < float('inf'))
        need(good, 'tolerance')
        self.end = start + size
        return s.name(r[0]), dtype, dims, tolerance, data[start:start + size]

    def golden_value(self, s, r):
        dtype, dims, _ = shape(r[2], r[1], r[3:11])
        need(DTYPE[dtype][1] == 1, 'golden value in blocks')
        return s.name(r[0]), dtype, dims, r[11]

    def weights(self):
        data, end = self.bytes(0x81), 0
        sums = [r[0] for r in self.rows(0x70, 'I')]
        need(sums == [crc32c(data[i:i + BLOCK]) for i in range(0, len(data), BLOCK)], 'checksum of weights')
        for t in self.tensors:
            if t['source']:
                continue
            start = align(end, 4096 if t['size'] >= 65536 else 64)
            need(t['offset'] == start and start + t['size'] <= len(data), 'payloads do not tile')
            zero(data[end:start], 'padding before ' + ascii(t['name']))
            end = start + t['size']
            need(sha(data[start:end]) == t['digest'], 'digest of ' + ascii(t['name']))
            if t['padding']:
                need(all(data[start + at] == v for at, v in t['padding']()), 'padding in ' + ascii(t['name']))
        need(end == len(data), 'weights that belong to no tensor')


def main(argv):
    everything = argv[1:2] == ['--all']
    with open(argv[-1], 'rb') as f:
        try:
            p = Package(f.read())
        except (Refused, UnicodeDecodeError, StopIteration) as e:
            print('refused:', e, file=sys.stderr)
            return 1
    print('root', p.root.hex())
    for t in p.tensors:
        what = t['digest'].hex() if t['source'] == 0 else '%s %016x' % (('', 'splat', 'noise')[t['source']], t['seed'])
        print(t['name'], t['dtype'], t['dims'], what)
    if everything:
        for key, value in p.meta:
            print('meta', ascii(key), ascii(value))
        for name, text in p.graph:
            print('graph', ascii(name), len(text))
        for state in p.states:
            print('state', *state)
        for name, body in p.blob:
            print('blob', ascii(name), len(body))
        for step in p.steps:
            print('step', step)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
