"""Hugging Face transformers' side of training BERT and T5: the model, the batch and the optimizer that the bench wrote down.

    python3 -m venv .venv && PIP_RETRIES=0 .venv/bin/pip install torch==2.13.0 transformers==5.18.0     # the CPU build
    .venv/bin/python transformers_peers.py bert FOLDER --seconds 10 [--gathered]
    .venv/bin/python transformers_peers.py t5   FOLDER --seconds 10

FOLDER holds a model as transformers saves it and `batch.json`, the arguments of its forward call. One JSON line is printed: the
best and the median seconds of a step, the losses of the first steps, the process's peak memory. `--gathered` computes BERT's output
layer at the hidden places alone; as it comes, the library computes it everywhere. PyTorch runs eagerly, in float32.
"""

import argparse
import json
import resource
import statistics
import time
from pathlib import Path

import torch
import transformers

parser = argparse.ArgumentParser()
parser.add_argument("job", choices=["bert", "t5"])
parser.add_argument("folder", type=Path)
parser.add_argument("--seconds", type=float, default=10)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--gathered", action="store_true")
options = parser.parse_args()
torch.set_num_threads(options.threads)

kinds = dict(bert=transformers.BertForMaskedLM, t5=transformers.T5ForConditionalGeneration)
model = kinds[options.job].from_pretrained(options.folder).train()
batch = {name: torch.tensor(rows) for name, rows in json.loads((options.folder / "batch.json").read_text()).items()}
matrices, others = [[p for p in model.parameters() if (p.dim() >= 2) == wanted] for wanted in (True, False)]
groups = [dict(params=matrices, weight_decay=0.01), dict(params=others, weight_decay=0.0)]
optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, fused=True)
hidden = batch["labels"] >= 0


def loss_of():
    if not options.gathered:
        return model(**batch).loss
    states = model.bert(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
    return torch.nn.functional.cross_entropy(model.cls(states[hidden]), batch["labels"][hidden])


def step():
    loss = loss_of()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


losses = [step() for _ in range(3)]
times, begin = [], time.perf_counter()
while len(times) < 5 or time.perf_counter() - begin < options.seconds:
    start = time.perf_counter()
    step()
    times.append(time.perf_counter() - start)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
versions = dict(torch=torch.__version__, transformers=transformers.__version__)
print(json.dumps(dict(best_s=min(times), median_s=statistics.median(times), losses=losses, peak_mb=peak, **versions)))
