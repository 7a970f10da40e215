#!/usr/bin/env python3
"""Writes sums.txt: 200 sums that the demo model never saw, and what transformers makes of them.

    python3 tests/data/adder/sums.py        needs torch, transformers

Each line holds the prompt, its ids as the folder's tokenizer.json gives them, the new ids of greedy
decoding by LlamaForCausalLM in f32 (</s> included), and the new text: the sum, lowest digit first.
The numbers come from this script's own seed; examples/adder/train.py is asked only which pairs it
held out. Every new token's logit must lead the second by half a unit at least, so that no rounding
can turn an answer; a sum that the model gets wrong, or that is closer, is left out and said.
"""
import os
import sys

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
ADDER = os.path.join(HERE, "..", "..", "..", "examples", "adder")
sys.dont_write_bytecode = True
sys.path.insert(0, ADDER)
import train  # noqa: E402

COUNT, LEAD = 200, 0.5


def pairs(random):
    """Held-out pairs, endlessly: numbers of digits drawn evenly."""
    while True:
        a, b = (train.by_digits(1000, random, [1.0] * train.DIGITS) for _ in "ab")
        keep = train.held_out(a, b)
        yield from zip(a[keep].tolist(), b[keep].tolist())


@torch.no_grad()
def greedy(model, ids):
    """New ids up to </s> and the smallest lead of a chosen logit over the second."""
    new, lead = [], float("inf")
    while not new or new[-1] != train.EOS and len(new) < train.LENGTH:
        logits = model(torch.tensor([ids + new])).logits[0, -1]
        best, second = logits.topk(2).values
        new.append(int(logits.argmax()))
        lead = min(lead, float(best - second))
    return new, lead


def main():
    folder = os.path.join(ADDER, "model")
    torch.set_num_threads(1)
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    lines, done, smallest = [], set(), float("inf")
    for a, b in pairs(torch.Generator().manual_seed(200)):
        if len(lines) == COUNT:
            break
        if (a, b) in done:
            continue
        done.add((a, b))
        prompt = f"{a}+{b}="
        ids = tokenizer.encode(prompt).ids
        new, lead = greedy(model, ids)
        text = tokenizer.decode(ids + new)[len(tokenizer.decode(ids)):]
        if text != str(a + b)[::-1] or lead < LEAD:
            print(f"left out: {prompt}{text}, lead {lead:.3f}")
            continue
        smallest = min(smallest, lead)
        lines.append(" ".join([prompt, ",".join(map(str, ids)), ",".join(map(str, new)), text]))
    with open(os.path.join(HERE, "sums.txt"), "w", encoding="utf-8") as f:
        f.write("# prompt, its ids, new ids, new text: made by sums.py\n" + "\n".join(lines) + "\n")
    print(f"{len(lines)} sums, every token leads by {smallest:.3f} at least")


if __name__ == "__main__":
    main()
