#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The peer of tests/bench/clap_step.c: wav2vec 2.0 base, its extractor frozen, and RoBERTa base by transformers, random weights; two
projections, the loss of GEmo-CLAP's soft form, AdamW. Each distinct text is read once. Prints a line of JSON."""
import argparse
import json
import math
import resource
import statistics
import time

import torch
from transformers import RobertaConfig, RobertaModel, Wav2Vec2Config, Wav2Vec2Model

p = argparse.ArgumentParser()
p.add_argument("-b", type=int, default=8, help="records")
p.add_argument("-s", type=float, default=4, help="seconds of each")
p.add_argument("-t", type=int, default=1, help="threads")
p.add_argument("-r", type=int, default=2, help="repetitions")
p.add_argument("-p", default="f32", choices=["f32", "bf16"])
a = p.parse_args()
torch.set_num_threads(a.t)
torch.manual_seed(1)
sound = Wav2Vec2Model(Wav2Vec2Config(apply_spec_augment=False, layerdrop=0.0))
sound.feature_extractor._freeze_parameters()
text = RobertaModel(RobertaConfig(), add_pooling_layer=False)


def tower():
    return torch.nn.Sequential(torch.nn.Linear(768, 512), torch.nn.ReLU(), torch.nn.Linear(512, 512))


heads = torch.nn.ModuleList([tower(), tower()])
scale = torch.nn.Parameter(torch.full((2,), math.log(1 / 0.07)))
mine = [q for m in (sound, text, heads) for q in m.parameters() if q.requires_grad] + [scale]
opt = torch.optim.AdamW(mine, lr=1e-3)
x = 0.1 * torch.randn(a.b, int(a.s * 16000))
emotion, gender = torch.arange(a.b) % 7, torch.arange(a.b) // 7 % 2
ids = torch.randint(5, 261, (7, 25))  # bytes of "The emotion is feeling 0" and two more
target = (0.9 * (emotion[:, None] == emotion) + 0.1 * (gender[:, None] == gender)).softmax(1)


def step():
    with torch.autocast("cpu", torch.bfloat16, enabled=a.p == "bf16"):
        u = heads[0](sound(x).last_hidden_state.mean(1))
        v = heads[1](text(ids).last_hidden_state[:, 0])
    u, v = (torch.nn.functional.normalize(w.float(), dim=-1) for w in (u, v))
    c = u @ v[emotion].t()
    loss = sum(torch.nn.functional.kl_div((s.exp() * w).log_softmax(1), target, reduction="batchmean") for s, w in zip(scale, (c, c.t()))) / 2
    opt.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(mine, 5)
    opt.step()
    with torch.no_grad():
        scale.clamp_(0, math.log(100))


step()
wall, cpu = [], []
for _ in range(a.r):
    t, c = time.perf_counter(), time.process_time()
    step()
    wall.append(time.perf_counter() - t)
    cpu.append(time.process_time() - c)
print(json.dumps({"wall_s": statistics.median(wall), "cpu_s": statistics.median(cpu), "best_s": min(wall),
                  "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "mparams": sum(q.numel() for q in mine) / 1e6,
                  "who": "torch " + torch.__version__}))
