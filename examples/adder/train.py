#!/usr/bin/env python3
"""Trains the demo model: a Llama of 200 thousand parameters that adds numbers of up to four digits.

    python3 examples/adder/train.py [FOLDER]        needs torch; about 8 minutes on one core; FOLDER
                                                    is examples/adder/model where none is named

The text is what a person types, `12+345=`, a token a character, no padding. The answer comes lowest
digit first, `753`, and ends with </s>: so each digit needs no more than a carry from the one before
it. Highest digit first, every digit needs all carries at once; that was tried, and after three
times the steps sums like 9507+516 were still wrong. Who shows the answer turns it round.

What it must not have seen: a hash of the pair (a, b) sets one sum in sixteen aside, and training
never draws such a pair. The last act adds ten thousand of them greedily, half drawn evenly over
0..9999, half evenly over the numbers of digits, and writes the folder only if at least 99.9 % are
right. One seed and one thread: the same torch on the same kind of processor gives the same bytes.

Reached: 10,000 of 10,000.

The network is written out below, small enough to read beside the tensors it saves; the names are
those of transformers' LlamaForCausalLM, which loads the folder (tests/data/adder/sums.py does).
What this file does not do: it is no trainer for anything else, and nothing in oinf needs it to run.
"""
import json
import math
import os
import struct
import sys

import torch
import torch.nn.functional as F
from torch import nn

SEED = 20
LAYERS, WIDTH, HEADS, KV_HEADS, HIDDEN = 2, 96, 4, 2, 256
HEAD = WIDTH // HEADS
THETA, EPS = 100.0, 1e-5
STEPS, BATCH, RATE, WARMUP = 3000, 256, 3e-3, 200
DIGITS, HELD = 4, 16                      # numbers have up to 4 digits; one pair in 16 is held out
PAD, BOS, EOS = 0, 1, 2
VOCAB = ["<pad>", "<s>", "</s>"] + list("0123456789+=")
PLUS, EQUALS, ZERO = VOCAB.index("+"), VOCAB.index("="), VOCAB.index("0")
LENGTH = 2 * DIGITS + 2 + (DIGITS + 1) + 2   # <s> a + b = answer </s>
TEN = 10 ** torch.arange(DIGITS + 2)


# ---- the network ----

def rope_table():
    """cos and sin of every position and frequency: [LENGTH, HEAD / 2]."""
    inverse = THETA ** (-torch.arange(0, HEAD, 2).float() / HEAD)
    angle = torch.arange(LENGTH).float()[:, None] * inverse
    return angle.cos(), angle.sin()


COS, SIN = rope_table()


def rope(x):                                  # [B, heads, T, HEAD]
    cos, sin = COS[:x.shape[-2]], SIN[:x.shape[-2]]
    lo, hi = x[..., :HEAD // 2], x[..., HEAD // 2:]
    return torch.cat([lo * cos - hi * sin, hi * cos + lo * sin], -1)


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return F.rms_norm(x, (WIDTH,), self.weight, EPS)


def linear(rows_in, rows_out, gain=1.0):
    layer = nn.Linear(rows_in, rows_out, bias=False)
    nn.init.normal_(layer.weight, std=gain / math.sqrt(rows_in))
    return layer


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = linear(WIDTH, HEADS * HEAD)
        self.k_proj = linear(WIDTH, KV_HEADS * HEAD)
        self.v_proj = linear(WIDTH, KV_HEADS * HEAD)
        self.o_proj = linear(HEADS * HEAD, WIDTH, 1 / math.sqrt(2 * LAYERS))

    def forward(self, x):                     # [B, T, WIDTH]
        b, t, _ = x.shape
        q = rope(self.q_proj(x).view(b, t, HEADS, HEAD).transpose(1, 2))
        k = rope(self.k_proj(x).view(b, t, KV_HEADS, HEAD).transpose(1, 2))
        v = self.v_proj(x).view(b, t, KV_HEADS, HEAD).transpose(1, 2)
        k, v = (y.repeat_interleave(HEADS // KV_HEADS, 1) for y in (k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(y.transpose(1, 2).reshape(b, t, HEADS * HEAD))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj = linear(WIDTH, HIDDEN)
        self.up_proj = linear(WIDTH, HIDDEN)
        self.down_proj = linear(HIDDEN, WIDTH, 1 / math.sqrt(2 * LAYERS))

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm, self.self_attn = Norm(), Attention()
        self.post_attention_layernorm, self.mlp = Norm(), Mlp()

    def forward(self, x):
        x = x + self.self_attn(self.input_layernorm(x))
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(len(VOCAB), WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = Norm()
        nn.init.normal_(self.embed_tokens.weight, std=1 / math.sqrt(WIDTH))

    def forward(self, tokens):                # [B, T] -> [B, T, V]; the head is the embedding again
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x) @ self.embed_tokens.weight.t()


# ---- the sums ----

def held_out(a, b):
    """True for the pairs that training never sees, either way round: four bits of a hash are zero."""
    return ((torch.minimum(a, b) * 10007 + torch.maximum(a, b)) * 2654435761 % 2**32 >> 20) % HELD == 0


def by_digits(n, random, weights):
    """n numbers: the number of digits by weight, then evenly among all below that power of ten."""
    width = torch.multinomial(torch.tensor(weights), n, True, generator=random)
    return (torch.rand(n, generator=random) * TEN[width + 1]).long()


def draw(n, random):
    """n pairs to train on, hard ones more often than chance has them. In three of ten, half of b's
    digits become 9 - a's: chains of carries. In another three the longer number is moved so near to
    its power of ten that the shorter one may carry it over: answers a digit longer than either."""
    weights = [2.0, 2.0, 3.0, 6.0]
    a, b = by_digits(n, random, weights), by_digits(n, random, weights)
    kind = torch.rand(n, generator=random)
    nine = (kind < 0.3)[:, None] & (torch.rand(n, DIGITS, generator=random) < 0.5)
    a_digits, b_digits = (x[:, None] // TEN[:DIGITS] % 10 for x in (a, b))
    b = (torch.where(nine, 9 - a_digits, b_digits) * TEN[:DIGITS]).sum(1)
    low, high = torch.minimum(a, b), torch.maximum(a, b)
    below = (torch.rand(n, generator=random) * TEN[n_digits(low)]).long()
    near, swap = TEN[n_digits(high)] - 1 - below, kind < 0.45
    over = (kind >= 0.3) & (kind < 0.6)
    return (torch.where(over, torch.where(swap, near, low), a),
            torch.where(over, torch.where(swap, low, near), b))


def n_digits(x):
    return 1 + (x[:, None] >= TEN[1:DIGITS + 1]).sum(1)


def encode(a, b):
    """Rows `<s> a + b = c </s>`, c lowest digit first, padded behind, [n, LENGTH], and where each
    row's `=` stands, [n]."""
    rows = torch.full((len(a), LENGTH), PAD)
    column = torch.arange(LENGTH)[None]

    def put(start, x, lowest_first=False):
        offset, width = column - start[:, None], n_digits(x)[:, None]
        inside = (offset >= 0) & (offset < width)
        power = (offset if lowest_first else width - 1 - offset).clamp(0, DIGITS)
        rows[inside] = (ZERO + x[:, None] // TEN[power] % 10)[inside]
        return start + n_digits(x)

    rows[:, 0] = BOS
    plus = put(torch.ones_like(a), a)
    equals = put(plus + 1, b)
    end = put(equals + 1, a + b, lowest_first=True)
    for at, token in ((plus, PLUS), (equals, EQUALS), (end, EOS)):
        rows.scatter_(1, at[:, None], token)
    return rows, equals


def batch(n, random):
    a, b = draw(n + n // 4, random)
    seen = ~held_out(a, b)
    return encode(a[seen][:n], b[seen][:n])


def test_pairs(n, random):
    """n held-out pairs without repeats: half even over the numbers, half over their lengths."""
    kinds = []
    for width in ([0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]):
        a, b = by_digits(40 * n, random, width), by_digits(40 * n, random, width)
        pairs = dict.fromkeys(zip(a[held_out(a, b)].tolist(), b[held_out(a, b)].tolist()))
        kinds.append(list(pairs)[:n])
    mixed = dict.fromkeys(kinds[0][:n // 2] + kinds[1])
    return torch.tensor(list(mixed)[:n]).unbind(1)


# ---- training, proof, folder ----

def train(model, random):
    matrices = [p for p in model.parameters() if p.dim() == 2]
    gains = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.01},
                                   {"params": gains, "weight_decay": 0.0}],
                                  lr=RATE, betas=(0.9, 0.98))
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / WARMUP) * (1 - step / STEPS)
        rows, equals = batch(BATCH, random)
        target = rows[:, 1:].clone()          # what follows each token; only answers count
        target[(torch.arange(LENGTH - 1)[None] < equals[:, None]) | (target == PAD)] = -1
        loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), target.flatten(), ignore_index=-1)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 500 == 499:
            print(f"step {step + 1:5d}  loss {loss.item():.5f}", flush=True)


@torch.no_grad()
def right(model, a, b):
    """Which sums greedy decoding gets right, end of text included. The tokens behind `=` are the
    model's own: a row counts only if every argmax along the right answer agrees with it, which is
    the same as decoding, for the first token that differs makes it wrong either way."""
    rows, equals = encode(a, b)
    guess = model(rows[:, :-1]).argmax(-1)
    answer = (torch.arange(LENGTH - 1)[None] >= equals[:, None]) & (rows[:, 1:] != PAD)
    return ((guess == rows[:, 1:]) | ~answer).all(1)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as f:
        f.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_safetensors(path, tensors):
    """Tensors in order of name, as f32, without holes; the header is padded to a multiple of 8."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in sorted(tensors.items()):
        raw = tensor.contiguous().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def config():
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": len(VOCAB),
            "hidden_size": WIDTH, "intermediate_size": HIDDEN, "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": HEAD,
            "hidden_act": "silu", "rms_norm_eps": EPS, "rope_theta": THETA, "rope_scaling": None,
            "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": True,
            "max_position_embeddings": 32, "bos_token_id": BOS, "eos_token_id": EOS,
            "pad_token_id": PAD, "torch_dtype": "float32"}


def tokenizer():
    """Byte-level BPE without merges: a character a token. What is not in the vocabulary, spaces
    too, is dropped, so that `12 + 345 =` asks the same."""
    special = [{"id": i, "content": VOCAB[i], "single_word": False, "lstrip": False,
                "rstrip": False, "normalized": False, "special": True} for i in (PAD, BOS, EOS)]
    begin = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    text = [{"Sequence": {"id": name, "type_id": kind}} for name, kind in (("A", 0), ("B", 1))]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
            "normalizer": None, "pre_tokenizer": level,
            "post_processor": {"type": "TemplateProcessing", "single": [begin, text[0]],
                               "pair": [begin, text[0], text[1]],
                               "special_tokens": {"<s>": {"id": "<s>", "ids": [BOS],
                                                          "tokens": ["<s>"]}}},
            "decoder": level,
            "model": {"type": "BPE", "dropout": None, "unk_token": None,
                      "continuing_subword_prefix": None, "end_of_word_suffix": None,
                      "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                      "vocab": {token: i for i, token in enumerate(VOCAB)}, "merges": []}}


def write_folder(folder, model):
    os.makedirs(folder, exist_ok=True)
    ids = {"bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD}
    write_json(os.path.join(folder, "config.json"), config())
    write_json(os.path.join(folder, "generation_config.json"), ids)
    write_json(os.path.join(folder, "tokenizer.json"), tokenizer())
    write_json(os.path.join(folder, "tokenizer_config.json"),
               {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>",
                "eos_token": "</s>", "pad_token": "<pad>", "model_max_length": 32,
                "clean_up_tokenization_spaces": False})
    write_safetensors(os.path.join(folder, "model.safetensors"),
                      {"model." + name: p.detach() for name, p in model.named_parameters()})


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "model")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    model, random = Llama(), torch.Generator().manual_seed(SEED)
    print(f"{sum(p.numel() for p in model.parameters())} parameters")
    train(model, random)
    a, b = test_pairs(10000, torch.Generator().manual_seed(SEED + 1))
    assert held_out(a, b).all() and len(a) == 10000
    ok = right(model, a, b)
    for x, y in zip(a[~ok].tolist(), b[~ok].tolist()):
        print(f"wrong: {x}+{y}")
    print(f"{ok.sum().item()} of {len(ok)} sums that it never saw are right")
    if ok.float().mean() < 0.999:
        sys.exit("under 99.9 %: nothing is written")
    write_folder(folder, model)


if __name__ == "__main__":
    main()
