#!/usr/bin/env python3
# Writes rope.txt with torch and transformers (5.23): their frequencies, angles and rotation, in float.
# Dynamic scaling is asked of them row by row, as a text of that row's length. Interleaved pairs and partial widths
# permute and split their result.
import os, random, struct, torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

HERE = os.path.dirname(os.path.abspath(__file__))
rng = random.Random(11)
lines = ['# Made by make_rope.py; the format stands in tests/test_ops.c.']


def f16(x):
    return struct.unpack('<e', struct.pack('<e', x))[0]


def frequencies(width, theta, length, params, longest):
    kind = params.get('rope_type', 'default')
    config = LlamaConfig(hidden_size=width, num_attention_heads=1, max_position_embeddings=longest,
                         rope_parameters=dict(params, rope_type=kind, rope_theta=theta))
    if kind == 'default':
        return LlamaRotaryEmbedding.compute_default_rope_parameters(config)
    return ROPE_INIT_FUNCTIONS[kind](config, None, torch.tensor(length))


def rotate(x, pos, width, theta, params, longest, interleaved, given=None):
    rows, out = x.shape[0], x.clone()
    for t in range(rows):
        inv, factor = (given, 1.0) if given is not None else frequencies(width, theta, pos + t + 1, params, longest)
        angle = torch.tensor(float(pos + t)) * inv
        cos, sin = torch.cat((angle, angle)).cos() * factor, torch.cat((angle, angle)).sin() * factor
        part = x[t:t + 1, :, :width]
        if interleaved:
            part = torch.cat((part[..., 0::2], part[..., 1::2]), -1)
        y, _ = apply_rotary_pos_emb(part, part, cos[None], sin[None])
        if interleaved:
            h = width // 2
            y = torch.stack((y[..., :h], y[..., h:]), -1).flatten(-2)
        out[t:t + 1, :, :width] = y
    return out


def tensor(dims):
    n = 1
    for d in dims:
        n *= d
    return torch.tensor([f16(rng.gauss(0, 1)) for _ in range(n)]).reshape(dims)


def text(dtype, t):
    return '%s [%s] %s' % (dtype, ','.join(map(str, t.shape)), ' '.join('%.9g' % v for v in t.flatten().tolist()))


def case(dims, pos, theta=10000.0, width=0, params={}, longest=2048, interleaved=False, tol='abs 1e-5', given=None, extra={}):
    x = tensor(dims)
    w = width or dims[-1]
    lines.append('case F ' + tol)
    attrs = dict(pos=pos, theta=theta, width=width, interleaved=int(interleaved))
    if params or given is not None:
        attrs['scaling'] = params.get('rope_type', 'longrope')
    if params:
        attrs['factor'] = params['factor']
        attrs['original'] = float(params.get('original_max_position_embeddings', longest))
        attrs['attention_factor'] = float(frequencies(w, theta, pos + 1, params, longest)[1])
        attrs['low'] = float(params.get('low_freq_factor', params.get('beta_slow', 0)))
        attrs['high'] = float(params.get('high_freq_factor', params.get('beta_fast', 0)))
        attrs['no_truncate'] = int(not params.get('truncate', True))
    lines.extend('attr %s %s' % (k, v.hex() if isinstance(v, float) else v) for k, v in attrs.items() if v or k == 'pos')
    lines.append('in ' + text('f16', x))
    if given is not None:
        lines.append('in ' + text('f32', given))
    lines.append('out ' + text('f32', rotate(x, pos, w, theta, params, longest, interleaved, given)))
    lines.append('')


def refuse(words, dims, **attrs):
    lines.append('case F exact')
    lines.extend('attr %s %s' % (k, v) for k, v in attrs.items())
    lines.append('in ' + text('f16', tensor(dims)))
    lines.append('refuse ' + words)
    lines.append('')


for interleaved in (False, True):
    case([3, 2, 8], 0, interleaved=interleaved)
    case([2, 1, 64], 4094, theta=500000.0, interleaved=interleaved)
    case([2, 3, 10], 100, width=6, interleaved=interleaved)
    case([1, 2, 4], 7, width=2, interleaved=interleaved)
for theta in (10000.0, 500000.0, 1000000.0, 2000000.0):
    for d in (48, 64, 80, 128):
        case([2, 1, d], 4095, theta=theta)
case([1, 1, 160], 1000)
case([0, 2, 8], 3)
case([2, 1, 64], 4000, params=dict(rope_type='linear', factor=4.0))
case([3, 1, 64], 2046, params=dict(rope_type='dynamic', factor=2.0))  # rows on both sides of the longest
# Here the library's own power misses the nearest float at pair 7, which moves that angle by 3e-5.
case([1, 1, 64], 4095, params=dict(rope_type='dynamic', factor=2.0), tol='abs 5e-5')
for d, factor in ((64, 32.0), (128, 8.0)):
    case([2, 1, d], 4095, theta=500000.0, longest=131072,
         params=dict(rope_type='llama3', factor=factor, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192))
for params in (dict(), dict(truncate=False), dict(beta_fast=16.0, beta_slow=2.0), dict(attention_factor=0.75)):
    case([2, 1, 64], 4095, longest=8192, params=dict(params, rope_type='yarn', factor=4.0, original_max_position_embeddings=2048))
case([2, 2, 8], 50, given=torch.tensor([1.0, 0.125, 0.03125, 0.001]))
refuse('expected [.., T, heads, d], found 2 dims', [2, 4])
refuse('expected an even width from 2 to 6, found 8', [1, 1, 6], width=8)
refuse('expected an even width from 2 to 5, found 5', [1, 1, 5])
refuse("expected .scaling linear, dynamic, llama3, yarn or longrope, found 'su'", [1, 1, 4], scaling='su')
refuse('longrope: expected inverse frequencies', [1, 1, 4], scaling='longrope')
refuse('llama3: expected .original above 0', [1, 1, 4], scaling='llama3')
with open(os.path.join(HERE, 'rope.txt'), 'w') as f:
    f.write('\n'.join(lines) + '\n')
