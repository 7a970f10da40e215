#!/usr/bin/env python3
"""Makes the cases of tests/test_llama.c: tiny random checkpoints of the Llama family, and what transformers says of them.

A case is one JSON file: config.json as the library writes it, the names and shapes of the tensors, a prompt, 24 greedy ids
and the logits of the last step. Weights are not kept: both sides make them from the formula below. Run it under transformers
4.57.6 and under 5.x (the files end in -4 and -5); everything is computed in f32, weights alone are rounded to the dtype.

  x = FNV-1a 32 of (salt + name); for each element: x = 1664525 x + 1013904223 mod 2^32, u = (x >> 9) / 2^23 - 0.5
  matrix: u * 4 / sqrt(columns); norm: 1 + u / 2; bias: u / 2; then rounded to f32 and to the dtype, ties to even
"""
import json, math, os, sys, tempfile
import numpy as np, torch, transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

MAJOR = int(transformers.__version__.split('.')[0])
HERE = os.path.dirname(os.path.abspath(__file__))
PROMPT, STEPS = [1, 17, 5, 60, 33, 2, 8, 41, 11], 24

def weight(name, shape, salt, scale):
    h = 2166136261
    for b in (salt + name).encode(): h = (h ^ b) * 16777619 % 2**32
    n, x, out = int(np.prod(shape)), h, np.empty(int(np.prod(shape)))
    for k in range(n):
        x = (1664525 * x + 1013904223) % 2**32
        out[k] = (x >> 9) / 8388608 - 0.5
    size = scale if scale else 4 / math.sqrt(shape[-1]) if len(shape) == 2 else 0.5
    base = 1.0 if len(shape) == 1 and name.endswith('.weight') else 0.0
    return torch.from_numpy((base + out * size).astype(np.float32).reshape(shape))

def families(shapes):
    out = {}
    for name, shape in shapes.items():
        parts = name.split('.')
        key = '.'.join('{l}' if p.isdigit() else p for p in parts)
        out.setdefault(key, [list(shape), 0])[1] += '{l}' in key
    return [[k, s, n] for k, (s, n) in sorted(out.items())]

def partial(module):  # neither generation can run a Llama with partial rotation: the rest of a head passes, as in their Phi
    def apply(q, k, cos, sin, *_args, **_more):
        cos, sin, n = cos.unsqueeze(1), sin.unsqueeze(1), cos.shape[-1]
        turn = lambda x: torch.cat((x[..., :n] * cos + module.rotate_half(x[..., :n]) * sin, x[..., n:]), -1)
        return turn(q), turn(k)
    module.apply_rotary_pos_emb = apply

def case(name, family, dtype='f32', shards=1, drop=(), steps=STEPS, prompt=PROMPT, scale=0, salt=None, **config):
    keys = dict(vocab_size=97, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
                num_key_value_heads=2, max_position_embeddings=64, pad_token_id=None, bos_token_id=1, eos_token_id=2) | config
    cfg = AutoConfig.for_model(family, **keys)
    cfg.architectures = [{'llama': 'Llama', 'mistral': 'Mistral', 'qwen2': 'Qwen2', 'qwen3': 'Qwen3', 'smollm3': 'SmolLM3', 'phi3': 'Phi3'}[family] + 'ForCausalLM']
    model = AutoModelForCausalLM.from_config(cfg, attn_implementation='eager').float().eval()
    if 'partial_rotary_factor' in config and family == 'llama': partial(sys.modules[type(model).__module__])
    state = model.state_dict()
    if cfg.tie_word_embeddings: state.pop('lm_head.weight', None)
    salts = [salt] if salt is not None else ['%s%d/' % (name, i) for i in range(50)]
    rounded = {'f32': torch.float32, 'f16': torch.float16, 'bf16': torch.bfloat16}[dtype]
    written = {k: v for k, v in cfg.to_diff_dict().items() if k not in drop}
    written[{4: 'torch_dtype', 5: 'dtype'}[MAJOR]] = {'f32': 'float32', 'f16': 'float16', 'bf16': 'bfloat16'}[dtype]
    for salt in salts:
        full = {k: weight(k, v.shape, salt, scale).to(rounded) for k, v in state.items()}
        with tempfile.TemporaryDirectory() as folder:  # what is read back counts: keys that are missing included
            save_file(full, folder + '/model.safetensors', {'format': 'pt'})
            json.dump(written, open(folder + '/config.json', 'w'))
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation='eager').eval()
        eos = model.config.eos_token_id
        got = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long), do_sample=False,
                             max_new_tokens=steps, min_new_tokens=steps, eos_token_id=None, pad_token_id=0, output_logits=True,
                             return_dict_in_generate=True)
        tops = [torch.topk(l[0], 2).values for l in got.logits]
        margin = min(float(t[0] - t[1]) for t in tops)
        ids = got.sequences[0, len(prompt):].tolist()
        if margin > 0.01 and len(set(ids)) > 5 or len(salts) == 1: break
    else: raise SystemExit(name + ': no salt gives a clear text')
    out = dict(config=written, dtype=dtype, salt=salt, scale=scale, shards=shards, tensors=families({k: v.shape for k, v in state.items()}),
               prompt=prompt, eos=eos, ids=ids, logits=[round(float(x), 6) for x in got.logits[-1][0]])
    with open(os.path.join(HERE, '%s-%d.json' % (name, MAJOR)), 'w') as f:
        f.write('{\n' + ',\n'.join('"%s": %s' % (k, json.dumps(v, sort_keys=True)) for k, v in out.items()) + '\n}\n')
    print('%-22s margin %.3f salt %s ids %s' % (name, margin, salt, ids))

rope = lambda **r: dict(rope_scaling=r) if MAJOR == 4 else dict(rope_parameters=r)
with_theta = lambda theta, **r: dict(rope_theta=theta, rope_scaling=r or None) if MAJOR == 4 else dict(rope_parameters=dict(rope_theta=theta, **({'rope_type': 'default'} | r)))
T = dict(tie_word_embeddings=True); U = dict(tie_word_embeddings=False)
ramp = [1.0 + 0.25 * i for i in range(4)]

case('llama', 'llama', 'bf16', num_key_value_heads=4, **U)
case('llama-tied', 'llama', 'f16', head_dim=8, **T)
case('llama-no-kv-key', 'llama', 'f32', num_key_value_heads=4, drop=('num_key_value_heads', 'head_dim', 'rope_theta', 'rms_norm_eps', 'hidden_act', 'tie_word_embeddings', 'bos_token_id', 'eos_token_id', 'attention_bias'), **U)
case('llama-shards', 'llama', 'bf16', shards=3, num_hidden_layers=4, **U, **with_theta(500000.0))
case('llama-head-dim', 'llama', 'f32', head_dim=24, rms_norm_eps=1e-5, **U)
case('llama-bias', 'llama', 'f16', attention_bias=True, mlp_bias=True, **U)
case('llama-gelu', 'llama', 'f32', hidden_act='gelu_pytorch_tanh', **T)
case('llama3', 'llama', 'bf16', head_dim=16, max_position_embeddings=128, **T, **with_theta(500.0, rope_type='llama3', factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32))
case('linear', 'llama', 'f32', **U, **with_theta(10000.0, rope_type='linear', factor=4.0))
case('dynamic', 'llama', 'f32', **(U | dict(max_position_embeddings=16)), **with_theta(10000.0, rope_type='dynamic', factor=4.0))
case('yarn', 'llama', 'f32', head_dim=16, **U, **with_theta(10000.0, rope_type='yarn', factor=4.0, original_max_position_embeddings=16))
case('yarn-mscale', 'qwen2', 'f32', hidden_size=64, **U, **with_theta(10000.0, rope_type='yarn', factor=4.0, original_max_position_embeddings=16, mscale=0.7, mscale_all_dim=0.3, beta_fast=16.0, beta_slow=0.5, truncate=False))
if MAJOR == 5:  # version 4 wants the original length beside the object
    case('longrope', 'llama', 'f32', head_dim=8, **U, **with_theta(10000.0, rope_type='longrope', factor=4.0, original_max_position_embeddings=16, short_factor=ramp, long_factor=[2.0 * x for x in ramp]))
else:
    case('longrope', 'llama', 'f32', head_dim=8, original_max_position_embeddings=16, **U, **with_theta(10000.0, rope_type='longrope', short_factor=ramp, long_factor=[2.0 * x for x in ramp]))
case('mistral', 'mistral', 'bf16', sliding_window=7, **U)
case('mistral-no-window', 'mistral', 'f32', sliding_window=None, head_dim=16, num_hidden_layers=2, **U)
case('mistral-defaults', 'mistral', 'f32', num_attention_heads=8, num_key_value_heads=8, drop=('num_key_value_heads', 'sliding_window', 'rope_theta', 'rope_parameters', 'head_dim'), **U)
case('qwen2', 'qwen2', 'bf16', **T, **with_theta(1000000.0))
case('qwen2-window', 'qwen2', 'f32', num_hidden_layers=5, use_sliding_window=True, sliding_window=6, max_window_layers=2, **U)
case('qwen2-old-window', 'qwen2', 'f32', num_hidden_layers=4, use_sliding_window=True, sliding_window=5, max_window_layers=3, drop=('layer_types',), **U)
case('qwen2-window-unused', 'qwen2', 'f32', use_sliding_window=False, sliding_window=4, max_window_layers=0, drop=('layer_types',), **U)
case('qwen3', 'qwen3', 'bf16', head_dim=16, **T, **with_theta(1000000.0))
case('qwen3-bias', 'qwen3', 'f16', head_dim=8, attention_bias=True, num_hidden_layers=2, **U)
case('smollm3', 'smollm3', 'bf16', num_hidden_layers=8, **T)
case('smollm3-list', 'smollm3', 'f32', num_hidden_layers=5, no_rope_layers=[1, 0, 1, 1, 0], use_sliding_window=True, sliding_window=6, **T)
case('smollm3-old', 'smollm3', 'f32', num_hidden_layers=4, no_rope_layer_interval=2, drop=('layer_types', 'no_rope_layers', 'rope_theta', 'tie_word_embeddings'), **T)
# Phi-3 begins a text anew where it passes the original length; no case goes there.
case('phi3', 'phi3', 'bf16', **U, **with_theta(10000.0))
case('phi3-window', 'phi3', 'f32', sliding_window=7, num_key_value_heads=4, drop=('num_key_value_heads', 'rms_norm_eps', 'original_max_position_embeddings'), **U, **with_theta(10000.0))
case('phi3-longrope', 'phi3', 'f16', original_max_position_embeddings=64, max_position_embeddings=128, partial_rotary_factor=0.5, hidden_size=64, **U, **with_theta(10000.0, rope_type='longrope', short_factor=ramp, long_factor=[2.0 * x for x in ramp], **({} if MAJOR == 4 else dict(partial_rotary_factor=0.5, original_max_position_embeddings=64))))
if MAJOR == 4: case('partial', 'llama', 'f32', head_dim=16, partial_rotary_factor=0.5, **U)

# A plain forward in double precision, of another hand, gives these for weights of scale 0.5 and no salt.
plain = dict(model_type='llama', architectures=['LlamaForCausalLM'], vocab_size=16, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
             num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-5, rope_theta=10000.0, max_position_embeddings=512)
llama3 = dict(rope_scaling=dict(type='llama3', factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64))
shapes = {'model.embed_tokens.weight': [16, 16], 'model.norm.weight': [16], 'lm_head.weight': [16, 16]}
for l in range(2):
    shapes |= {'model.layers.%d.%s.weight' % (l, k): v for k, v in {
        'input_layernorm': [16], 'post_attention_layernorm': [16], 'self_attn.q_proj': [16, 16], 'self_attn.k_proj': [8, 16],
        'self_attn.v_proj': [8, 16], 'self_attn.o_proj': [16, 16], 'mlp.gate_proj': [24, 16], 'mlp.up_proj': [24, 16], 'mlp.down_proj': [16, 24]}.items()}
def sheet(name, config, ids, logits, tied=False):
    out = dict(config=plain | config, dtype='f32', salt='', scale=0.5, shards=1, tensors=families({k: v for k, v in shapes.items() if not (tied and k == 'lm_head.weight')}),
               prompt=[1, 5, 7, 2], eos=2, ids=ids, logits=logits)
    with open(os.path.join(HERE, name + '.json'), 'w') as f:
        f.write('{\n' + ',\n'.join('"%s": %s' % (k, json.dumps(v, sort_keys=True)) for k, v in out.items()) + '\n}\n')
sheet('plain', {}, [11], [-0.582105, -0.052259, 0.303035, -1.268467, -0.949148, -0.155055, -1.413084, -0.077289, 0.674132, -0.252099, -0.546072, 0.960509, 0.831287, 0.010892, 0.776633, -1.013871])
sheet('plain-greedy', {}, [11, 11, 11, 11], None)
sheet('plain-llama3', llama3, [11], [-0.581266, -0.051999, 0.302634, -1.267575, -0.947630, -0.154936, -1.412840, -0.076631, 0.674590, -0.250927, -0.547260, 0.961550, 0.831508, 0.011253, 0.774935, -1.011773])
sheet('plain-tied', {}, [2], [-0.811584, 0.982218, 1.003282, -0.829661, 0.709259, 0.101520, 0.795911, -0.322940, -0.784746, 0.514360, 0.386882, 0.648530, 0.811396, -1.229907, 0.154764, 0.618681], tied=True)
