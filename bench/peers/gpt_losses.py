"""The losses that the JavaScript peers must repeat: torch_peers.py's Gpt from the weights and tokens that gpt.ts hashes.

    .venv/bin/python gpt_losses.py --layers 2 --width 64 --context 32 --batch 4 --steps 4
"""

import argparse
import json
import sys

import numpy as np

parser = argparse.ArgumentParser()
for name, value in dict(batch=12, context=256, vocabulary=65, width=384, layers=6, heads=6, steps=4).items():
    parser.add_argument(f"--{name}", type=int, default=value)
o = parser.parse_args()
sys.argv = "torch_peers.py gpt --layers 1 --width 6 --context 2 --batch 1 --seconds 0".split()  # it runs a job when imported
import torch
import torch_peers


def uniform(stream, length):
    x = np.arange(length, dtype=np.uint32) + np.uint32(stream * 0x9E3779B9 & 0xFFFFFFFF)
    x = (x ^ x >> np.uint32(16)) * np.uint32(0x85EBCA6B)
    x = (x ^ x >> np.uint32(13)) * np.uint32(0xC2B2AE35)
    return (x ^ x >> np.uint32(16)) / 2.0**32


def weight(stream, rows, columns, scale):
    return torch.from_numpy(((2 * uniform(stream, rows * columns) - 1) * scale).astype(np.float32).reshape(rows, columns))


model, w = torch_peers.Gpt(o), o.width
linear = lambda stream, rows, columns: weight(stream, rows, columns, rows**-0.5).T
with torch.no_grad():
    model.tokens.weight.copy_(weight(0, o.vocabulary, w, 3**0.5))
    model.positions.weight.copy_(weight(1, o.context, w, 3**0.5))
    for i, block in enumerate(model.blocks):
        first = 2 + 6 * i
        block.qkv.weight.copy_(torch.cat([linear(first + j, w, w) for j in range(3)]))
        block.out.weight.copy_(linear(first + 3, w, w))
        block.up.weight.copy_(linear(first + 4, w, 4 * w))
        block.down.weight.copy_(linear(first + 5, 4 * w, w))
    model.head.weight.copy_(linear(2 + 6 * o.layers, w, o.vocabulary))
ids = torch.from_numpy(np.floor(uniform(999, o.batch * (o.context + 1)) * o.vocabulary).astype(np.int64).reshape(o.batch, -1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
losses = []
for _ in range(o.steps):
    loss = torch.nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    losses.append(loss.item())
print(json.dumps(dict(losses=losses)))
