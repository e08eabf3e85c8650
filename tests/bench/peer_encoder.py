#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The peer of tests/bench/encoder.c: HuBERT base with random weights in PyTorch, by transformers where it is there and else by
torchaudio. One utterance of 5 s, or 16 of 2 to 10 s, in batches of --batch, sorted by length and padded; or --tune: a step of Adam with -b
utterances of 5 s, cross entropy of 4 classes on the mean over time, the feature encoder frozen. Prints a line of JSON."""
import argparse
import json
import resource
import statistics
import time

import torch

p = argparse.ArgumentParser()
p.add_argument("-b", type=int, default=1, help="utterances")
p.add_argument("-t", type=int, default=1, help="threads")
p.add_argument("-r", type=int, default=5, help="repetitions")
p.add_argument("-p", default="f32", choices=["f32", "bf16", "bf16-weights"])
p.add_argument("--batch", type=int, default=1, help="utterances a batch, padded to the longest")
p.add_argument("--attention", default="sdpa", choices=["eager", "sdpa"])
p.add_argument("--compile", action="store_true")
p.add_argument("--tune", action="store_true")
p.add_argument("--checkpoint", action="store_true", help="layers are computed again in backward")
a = p.parse_args()
torch.set_num_threads(a.t)
torch.manual_seed(1)
torch.set_grad_enabled(a.tune)
try:
    from transformers import HubertConfig, HubertModel
    net = HubertModel._from_config(HubertConfig(), attn_implementation=a.attention).eval()
    who = "transformers"
except ImportError:
    from torchaudio.models import hubert_base
    net = hubert_base().eval()
    who = "torchaudio"
dtype = torch.float32
if a.p == "bf16-weights":
    net, dtype = net.bfloat16(), torch.bfloat16
if a.compile:
    net = torch.compile(net)
n = [80000] * a.b if a.b == 1 or a.tune else sorted(int((2 + 8 * (i * 7 % a.b) / (a.b - 1)) * 16000) for i in range(a.b))
x = [0.1 * torch.randn(k) for k in n]


def run():
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=a.p == "bf16"):
        for i in range(0, len(x), a.batch):
            part = x[i:i + a.batch]
            one = torch.nn.utils.rnn.pad_sequence(part, batch_first=True).to(dtype)
            if who == "transformers":
                mask = torch.zeros(one.shape, dtype=torch.long)
                for k, s in enumerate(part):
                    mask[k, :len(s)] = 1
                net(one, attention_mask=mask if len(part) > 1 else None)
            else:
                net(one, torch.tensor([len(s) for s in part]) if len(part) > 1 else None)


if a.tune:
    net.train()
    net.feature_extractor._freeze_parameters()
    if a.checkpoint:
        net.gradient_checkpointing_enable({"use_reentrant": False})
    net.config.layerdrop, net.config.apply_spec_augment = 0, False
    head = torch.nn.Linear(768, 4)
    adam = torch.optim.Adam([w for m in (net, head) for w in m.parameters() if w.requires_grad], lr=1e-5)
    sounds, labels = torch.stack(x), torch.zeros(a.b, dtype=torch.long)

    def run():
        with torch.autocast("cpu", torch.bfloat16, enabled=a.p == "bf16"):
            loss = torch.nn.functional.cross_entropy(head(net(sounds).last_hidden_state.mean(1)).float(), labels)
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([w for m in (net, head) for w in m.parameters() if w.requires_grad], 1.0)
        adam.step()


run()
wall, cpu = [], []
for _ in range(a.r):
    t, c = time.perf_counter(), time.process_time()
    run()
    wall.append(time.perf_counter() - t)
    cpu.append(time.process_time() - c)
print(json.dumps({"wall_s": statistics.median(wall), "cpu_s": statistics.median(cpu), "best_s": min(wall), "sound_s": sum(n) / 16000,
                  "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "who": who + ", torch " + torch.__version__}))
