#!/usr/bin/python3
"""Golden files of lib/model: every architecture defined anew in PyTorch with random weights, written as model files by
struct and json alone, with the embeddings that PyTorch computes.

usage: tests/ref/model.py            writes tests/golden/model_*.st and tests/golden/model_out.st
"""
import json
import struct

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchaudio

torch.manual_seed(1)
D = 12
SHIFT = 0.01
DTYPES = {"float32": "F32", "float64": "F64", "int64": "I64", "float16": "F16"}


def write(path, tensors, meta):
    head, at, blobs = {"__metadata__": meta}, 0, []
    for name, a in tensors.items():
        a = np.asarray(a)
        if a.ndim:
            a = np.ascontiguousarray(a)
        b = a.tobytes()
        head[name] = {"dtype": DTYPES[a.dtype.name], "shape": list(a.shape), "data_offsets": [at, at + len(b)]}
        at += len(b)
        blobs.append(b)
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


class Pool(nn.Module):
    """Attentive statistics pooling, Okabe et al. 2018."""

    def __init__(self, c, h):
        super().__init__()
        self.att = nn.ModuleDict({"0": nn.Linear(c, h), "1": nn.Linear(h, c)})

    def forward(self, x):  # [1, T, C]
        a = self.att["1"](torch.tanh(self.att["0"](x))).softmax(1)
        return stats(x, a, 1e-4)


def stats(x, a, eps):  # [1, T, C]
    m = (a * x).sum(1)
    v = ((a * x * x).sum(1) - m * m).clamp_min(eps)
    return torch.cat([m, v.sqrt()], 1)


def equal(x):
    return torch.full_like(x, 1 / x.shape[1])


class Block(nn.Module):
    def __init__(self, conv, norm):
        super().__init__()
        self.conv, self.norm = conv, norm

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Tdnn(Block):
    def forward(self, x):
        return self.norm(F.relu(self.conv(x)))


class Net(nn.Module):
    def add(self, name, module):
        self.add_module(name, module)
        return module


class ConvPool(Net):
    hyper = dict(channels=6, blocks=3, kernel=3, down=2, att=4, emb=5, dropout=0.5)

    def __init__(self):
        super().__init__()
        self.blocks = [self.add(f"block{i}", Block(nn.Conv1d(D if i == 0 else 6, 6, 3, 2 if i < 2 else 1, 1, bias=False),
                                                   nn.BatchNorm1d(6))) for i in range(3)]
        self.pool, self.emb = Pool(6, 4), nn.Linear(12, 5)

    def forward(self, x):
        y = x.transpose(1, 2)
        for b in self.blocks:
            y = b(y)
        return self.emb(self.pool(y.transpose(1, 2)))


class Cnn(Net):
    hyper = dict(channels=3, blocks=3, kernel=3, att=4, emb=5, dropout=0.5)

    def __init__(self):
        super().__init__()
        self.blocks = [self.add(f"block{i}", Block(nn.Conv2d(3 * i if i else 1, 3 * i + 3, 3, (1 if i else 2, 1), 1, bias=False),
                                                   nn.BatchNorm2d(3 * i + 3))) for i in range(3)]
        c = 9 * (D // 8)
        self.pool, self.norm, self.emb = Pool(c, 4), nn.BatchNorm1d(2 * c), nn.Linear(2 * c, 5)

    def forward(self, x):
        y = x[:, None]
        for i, b in enumerate(self.blocks):
            y = F.max_pool2d(b(y), (2 if i else 1, 2))
        y = y.permute(0, 2, 3, 1).flatten(2)  # columns [F, C]
        return self.emb(self.norm(self.pool(y)))


class Crnn(Net):
    hyper = dict(channels=3, blocks=2, kernel=3, hidden=4, att=3, emb=5, dropout=0.5)

    def __init__(self):
        super().__init__()
        self.blocks = [self.add(f"block{i}", Block(nn.Conv2d(3 if i else 1, 3, 3, 1, 1, bias=False), nn.BatchNorm2d(3)))
                       for i in range(2)]
        self.lstm = nn.LSTM(3 * (D // 4), 4, bidirectional=True, batch_first=True)
        self.pool, self.emb = Pool(8, 3), nn.Linear(16, 5)

    def forward(self, x):
        y = x[:, None]
        for i, b in enumerate(self.blocks):
            y = F.max_pool2d(b(y), (2 if i else 1, 2))
        y = self.lstm(y.permute(0, 2, 3, 1).flatten(2))[0]
        return self.emb(self.pool(y))


class Attn(nn.Module):
    """Multi-head attention with a bias for j - i, clipped to +-reach."""

    def __init__(self, e, heads, reach):
        super().__init__()
        self.h, self.reach = heads, reach
        self.in_proj_weight = nn.Parameter(torch.randn(3 * e, e) / e**0.5)
        self.in_proj_bias = nn.Parameter(torch.randn(3 * e))
        self.out_proj = nn.Linear(e, e)
        self.rel_bias = nn.Parameter(torch.randn(2 * reach + 1, heads))

    def forward(self, x):
        t, e = x.shape[1:]
        q, k, v = (F.linear(x, self.in_proj_weight, self.in_proj_bias).reshape(t, 3, self.h, e // self.h)
                   .permute(1, 2, 0, 3))
        i = torch.arange(t)
        o = (i[None, :] - i[:, None]).clamp(-self.reach, self.reach) + self.reach
        a = (q @ k.transpose(1, 2) / (e // self.h)**0.5 + self.rel_bias[o].permute(2, 0, 1)).softmax(-1)
        return self.out_proj((a @ v).transpose(0, 1).reshape(1, t, e))


class Layer(nn.Module):
    def __init__(self, e, heads, ffn, reach):
        super().__init__()
        self.norm1, self.norm2, self.attn = nn.LayerNorm(e), nn.LayerNorm(e), Attn(e, heads, reach)
        self.ffn1, self.ffn2 = nn.Linear(e, ffn), nn.Linear(ffn, e)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.ffn2(F.gelu(self.ffn1(self.norm2(x))))


class ConvAttn(Net):
    hyper = dict(head_size=3, heads=2, kernel=3, down=1, layers=2, ffn=8, reach=3, att=4, emb=5, dropout=0.5)

    def __init__(self):
        super().__init__()
        self.conv0 = Block(nn.Conv1d(D, 6, 3, 2, 1, bias=False), nn.BatchNorm1d(6))
        self.layer0, self.layer1, self.norm = Layer(6, 2, 8, 3), Layer(6, 2, 8, 3), nn.LayerNorm(6)
        self.pool, self.emb = Pool(6, 4), nn.Linear(12, 5)

    def forward(self, x):
        y = self.conv0(x.transpose(1, 2)).transpose(1, 2)
        return self.emb(self.pool(self.norm(self.layer1(self.layer0(y)))))


class Xvector(Net):
    hyper = dict(channels=6, last=8, emb=5, dropout=0.5)

    def __init__(self):
        super().__init__()
        shape = [(D, 6, 5, 1), (6, 6, 3, 2), (6, 6, 3, 3), (6, 6, 1, 1), (6, 8, 1, 1)]
        self.layers = [self.add(f"tdnn{i}", Tdnn(nn.Conv1d(a, b, k, padding=d * (k - 1) // 2, dilation=d), nn.BatchNorm1d(b)))
                       for i, (a, b, k, d) in enumerate(shape)]
        self.emb = nn.Linear(16, 5)

    def forward(self, x):
        y = x.transpose(1, 2)
        for b in self.layers:
            y = b(y)
        y = y.transpose(1, 2)
        return self.emb(stats(y, equal(y), 1e-4))


class Mlp(Net):
    hyper = dict(hidden=6, layers=2, dropout=0.5)

    def __init__(self):
        super().__init__()
        for i in range(2):
            layer = self.add(f"layer{i}", nn.Module())
            layer.linear, layer.norm = nn.Linear(6 if i else 2 * D, 6, bias=False), nn.BatchNorm1d(6)

    def forward(self, x):
        u = stats(x, equal(x), 1e-4)
        for layer in (self.layer0, self.layer1):
            u = F.relu(layer.norm(layer.linear(u)))
        return u


class Linear(Net):
    hyper = {}

    def forward(self, x):
        return stats(x, equal(x), 1e-4)


def conv(i, o, k, d=1):
    return nn.Conv1d(i, o, k, padding=d * (k - 1) // 2, dilation=d, padding_mode="reflect")


class Res2(nn.Module):
    def __init__(self, c, scale, d):
        super().__init__()
        self.scale = scale
        self.blocks = nn.ModuleList([Tdnn(conv(c // scale, c // scale, 3, d), nn.BatchNorm1d(c // scale))
                                     for _ in range(scale - 1)])

    def forward(self, x):
        y = []
        for i, p in enumerate(x.chunk(self.scale, 1)):
            y.append(p if i == 0 else self.blocks[i - 1](p if i == 1 else p + y[-1]))
        return torch.cat(y, 1)


class Se(nn.Module):
    def __init__(self, c, h):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(c, h), nn.Linear(h, c)

    def forward(self, x):
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean(2)))))[:, :, None]


class SeRes2(nn.Module):
    def __init__(self, c, scale, se, d):
        super().__init__()
        self.tdnn1, self.tdnn2 = Tdnn(conv(c, c, 1), nn.BatchNorm1d(c)), Tdnn(conv(c, c, 1), nn.BatchNorm1d(c))
        self.res2net_block, self.se_block = Res2(c, scale, d), Se(c, se)

    def forward(self, x):
        return x + self.se_block(self.tdnn2(self.res2net_block(self.tdnn1(x))))


def speechbrain_stats(x, a):  # as its AttentiveStatisticsPooling has it
    m = (a * x).sum(1)
    return torch.cat([m, (a * (x - m[:, None]) ** 2).sum(1).clamp(1e-12).sqrt()], 1)


class Asp(nn.Module):
    def __init__(self, c, h):
        super().__init__()
        self.tdnn = nn.Module()
        self.tdnn.conv, self.tdnn.norm, self.conv = nn.Linear(3 * c, h), nn.BatchNorm1d(h), nn.Linear(h, c)

    def forward(self, x):  # [1, T, C]
        s = speechbrain_stats(x, equal(x))
        y = F.relu(self.tdnn.conv(torch.cat([x, s[:, None].expand(-1, x.shape[1], -1)], 2)))
        y = torch.tanh(self.tdnn.norm(y.transpose(1, 2)).transpose(1, 2))
        return speechbrain_stats(x, self.conv(y).softmax(1))


class Ecapa(Net):
    hyper = dict(channels=8, mfa=10, scale=4, se=3, att=4, emb=5, reflect=1, mfa_norm=1, att_norm=1)

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Tdnn(conv(D, 8, 5), nn.BatchNorm1d(8))] + [SeRes2(8, 4, 3, d) for d in (2, 3, 4)])
        self.mfa, self.asp = Tdnn(conv(24, 10, 1), nn.BatchNorm1d(10)), Asp(10, 4)
        self.asp_bn, self.fc = nn.BatchNorm1d(20), nn.Linear(20, 5)

    def forward(self, x):
        y = [self.blocks[0](x.transpose(1, 2))]
        for b in list(self.blocks)[1:]:
            y.append(b(y[-1]))
        y = self.mfa(torch.cat(y[1:], 1)).transpose(1, 2)
        return self.fc(self.asp_bn(self.asp(y)))


def randomise(net):
    for name, b in net.named_buffers():
        if name.endswith("running_mean"):
            b.normal_(0, 0.3)
        elif name.endswith("running_var"):
            b.uniform_(0.5, 1.5)
    for name, p in net.named_parameters():
        if p.ndim == 1:
            p.data.normal_(1 if "norm" in name and name.endswith("weight") else 0, 0.3)


def deaden(conv, last):
    """Of the channels that are pooled let two never fire and two hardly, as after training; the norm behind saw that."""
    c = conv.weight.shape[0]
    conv.bias[2:4] = -50
    conv.weight[5:7] *= 1e-3
    conv.bias[5:7] *= 1e-3
    last.running_mean[c + 2:c + 7] = 1e-5
    last.running_var[c + 2:c + 7] = 1e-9


out = {}
x = [torch.randn(1, t, D) for t in (23, 40)]
for i, v in enumerate(x):
    out[f"x{i}"] = v[0].numpy()
for name, make in {"convpool": ConvPool, "cnn": Cnn, "crnn": Crnn, "conv-attn": ConvAttn, "xvector": Xvector, "mlp": Mlp,
                   "linear": Linear, "ecapa": Ecapa}.items():
    net = make().eval()
    with torch.no_grad():
        randomise(net)
        if name == "ecapa":
            deaden(net.mfa.conv, net.asp_bn)
        emb = torch.cat([net(v) for v in x])
        head = nn.Linear(emb.shape[1], 3)
        out[name] = emb.numpy()
        out[name + ".post"] = head(emb).softmax(1).numpy()
    hyper = {k: v for k, v in make.hyper.items()}
    tensors = {"encoder." + k: v.numpy() for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    tensors |= {"heads.emo.out.weight": head.weight.detach().numpy(), "heads.emo.out.bias": head.bias.detach().numpy()}
    meta = {"format": "ser-model", "version": "1", "arch": name, "hyper": json.dumps(hyper),
            "input": json.dumps({"field": "feat", "dim": D, "norm": "none", "dims": {"axes": ["frame", "bin"]}}),
            "heads": json.dumps([{"name": "emo", "kind": "class", "field": "emo", "n_out": 3, "n_hidden": 0, "n_sub": 1,
                                  "dropout": 0.0, "adversarial": False, "out": ["a", "b", "c"]}]),
            "train": json.dumps({"speakers": ["s1", "s2"]}), "prov": json.dumps([{"tool": "model.py", "version": "1", "args": []}])}
    write(f"tests/golden/model_{name}.st", tensors, meta)


# The same network under SpeechBrain's names, and WeSpeaker's own variant of it.
def speechbrain_names(net):
    names = {}
    for k, v in net.state_dict().items():
        for part in ("conv", "norm"):
            k = k.replace(f".{part}.weight", f".{part}.{part}.weight").replace(f".{part}.bias", f".{part}.{part}.bias")
            k = k.replace(f".{part}.running", f".{part}.{part}.running").replace(f".{part}.num_b", f".{part}.{part}.num_b")
        k = k.replace("asp_bn.", "asp_bn.norm.").replace("fc.", "fc.conv.") if k.startswith(("asp_bn", "fc.")) else k
        k = k.replace("se_block.fc1", "se_block.conv1.conv").replace("se_block.fc2", "se_block.conv2.conv")
        v = v.numpy()
        if v.ndim == 2:  # convolutions of one frame
            v = v[:, :, None]
        names["embedding_model." + k] = v
    return names


class WeTdnn(nn.Module):
    def __init__(self, i, o, k=1):
        super().__init__()
        self.conv, self.bn = nn.Conv1d(i, o, k, padding=k // 2), nn.BatchNorm1d(o)

    def forward(self, x):
        return self.bn(F.relu(self.conv(x)))


class WeRes2(nn.Module):
    def __init__(self, c, scale, d):
        super().__init__()
        w = c // scale
        self.convs = nn.ModuleList([nn.Conv1d(w, w, 3, padding=d, dilation=d) for _ in range(scale - 1)])
        self.bns = nn.ModuleList([nn.BatchNorm1d(w) for _ in range(scale - 1)])

    def forward(self, x):
        parts, y = x.chunk(len(self.convs) + 1, 1), []
        for i, (c, b) in enumerate(zip(self.convs, self.bns)):
            y.append(b(F.relu(c(parts[i] + y[-1] if i else parts[i]))))
        return torch.cat(y + [parts[-1]], 1)


class WeSe(nn.Module):
    def __init__(self, c, h):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(c, h), nn.Linear(h, c)

    def forward(self, x):
        return x * torch.sigmoid(self.linear2(F.relu(self.linear1(x.mean(2)))))[:, :, None]


class WeBlock(nn.Module):
    def __init__(self, c, scale, d):
        super().__init__()
        self.se_res2block = nn.Sequential(WeTdnn(c, c), WeRes2(c, scale, d), WeTdnn(c, c), WeSe(c, 3))

    def forward(self, x):
        return x + self.se_res2block(x)


class We(nn.Module):
    def __init__(self, context, c=16, scale=8, emb=5):
        super().__init__()
        self.context = context
        self.layer1 = WeTdnn(D, c, 5)
        self.layer2, self.layer3, self.layer4 = (WeBlock(c, scale, d) for d in (2, 3, 4))
        self.conv, self.pool = nn.Conv1d(3 * c, 12, 1), nn.Module()
        self.pool.linear1, self.pool.linear2 = nn.Conv1d(36 if context else 12, 4, 1), nn.Conv1d(4, 12, 1)
        self.bn, self.linear = nn.BatchNorm1d(24), nn.Linear(24, emb)

    def forward(self, x):
        y = self.layer1(x.transpose(1, 2))
        a = self.layer2(y)
        b = self.layer3(a)
        y = F.relu(self.conv(torch.cat([a, b, self.layer4(b)], 1)))
        z = y
        if self.context:
            z = torch.cat([y, y.mean(2, keepdim=True).expand_as(y), (y.var(2, keepdim=True) + 1e-7).sqrt().expand_as(y)], 1)
        w = self.pool.linear2(torch.tanh(self.pool.linear1(z))).softmax(2)
        return self.linear(self.bn(stats(y.transpose(1, 2), w.transpose(1, 2), 1e-7)))


net = Ecapa().eval()
with torch.no_grad():
    randomise(net)
    deaden(net.mfa.conv, net.asp_bn)
    out["speechbrain"] = torch.cat([net(v) for v in x]).numpy()
write("tests/golden/import_speechbrain.st", speechbrain_names(net), {"format": "pt"})
for name, context in (("wespeaker", False), ("wespeaker_glob", True)):
    net = We(context).eval()
    with torch.no_grad():
        for k, b in net.named_buffers():
            if k.endswith("running_mean"):
                b.normal_(0, 0.3)
            elif k.endswith("running_var"):
                b.uniform_(0.5, 1.5)
        deaden(net.conv, net.bn)
        out[name] = torch.cat([net(v) for v in x]).numpy()
    tensors = {k: v.numpy() for k, v in net.state_dict().items()} | {"projection.weight": np.zeros((3, 5), "f4")}
    write(f"tests/golden/import_{name}.st", tensors, {"format": "pt"})

# Chunk-level networks: as Keras has them, but for PyTorch's gates.
def one_bias(rnn):
    torch.nn.init.zeros_(rnn.bias_hh_l0)
    return rnn


class ChunkVector(nn.Module):
    def __init__(self, kind, emb, n):
        super().__init__()
        self.kind = kind
        if kind == "chunk-lstm":
            self.lstm1, self.lstm2 = nn.LSTM(D, emb, batch_first=True), nn.LSTM(emb, emb, batch_first=True)
            self.norm = nn.BatchNorm1d(emb)
        else:
            ch = [D, 8, 8, 4, 4, 2]
            for i in range(5):
                self.add_module(f"block{i}", Block(nn.Conv1d(ch[i], ch[i + 1], 3, 2 if i == 4 else 1), nn.BatchNorm1d(ch[i + 1])))
            self.dense = nn.Linear(((n - 11) // 2 + 1) * 2, emb)

    def forward(self, x):  # [C, frames, D]
        if self.kind == "chunk-lstm":
            return self.norm(self.lstm2(self.lstm1(x)[0])[0][:, -1])
        y = x.transpose(1, 2)
        for i in range(5):
            y = getattr(self, f"block{i}")(y)
        return F.relu(self.dense(y.transpose(1, 2).flatten(1)))


class Aggregate(nn.Module):
    def __init__(self, how, e, heads, size):
        super().__init__()
        self.how, self.heads = how, heads
        if how == "gated":
            self.gate = nn.Linear(e, 1)
        elif how == "rnn-attention":
            self.rnn, self.score, self.out = nn.RNN(e, e), nn.Linear(e, e, False), nn.Linear(2 * e, e, False)
        elif how == "self-attention":
            self.query, self.key, self.value = (nn.Linear(e, heads * size, False) for _ in range(3))
            self.dense, self.norm = nn.Linear(heads * size, e), nn.LayerNorm(e)

    def forward(self, h):  # [C, emb]
        if self.how == "mean":
            return h.mean(0)
        if self.how == "gated":
            return (torch.sigmoid(self.gate(h)) * h).mean(0)
        if self.how == "rnn-attention":
            u = self.rnn(h)[0]
            a = (self.score(u) @ u[-1]).softmax(0)
            return torch.tanh(self.out(torch.cat([a @ u, u[-1]])))
        q, k, v = (m(h).reshape(len(h), self.heads, -1).transpose(0, 1) for m in (self.query, self.key, self.value))
        y = ((q @ k.transpose(1, 2) / q.shape[2]**0.5).softmax(2) @ v).transpose(0, 1).flatten(1)
        y = h + F.relu(self.dense(y))
        m, s = y.mean(1, keepdim=True), y.std(1, unbiased=False, keepdim=True)
        return (self.norm.weight * (y - m) / (s + 1e-6) + self.norm.bias).mean(0)


class Chunks(nn.Module):
    def __init__(self, kind, how, frames, chunks):
        super().__init__()
        self.frames, self.chunks = frames, chunks
        self.chunk, self.aggregate = ChunkVector(kind, 5, frames), Aggregate(how, 5, 2, 3)

    def forward(self, x):
        step = (x.shape[1] - self.frames) // (self.chunks - 1)
        return self.aggregate(self.chunk(torch.stack([x[0, i * step:i * step + self.frames] for i in range(self.chunks)])))[None]


for arch, how, frames, chunks in (("chunk-lstm", "rnn-attention", 9, 4), ("chunk-cnn", "gated", 14, 3),
                                  ("chunk-lstm", "mean", 23, 2), ("chunk-cnn", "self-attention", 16, 5)):
    net, name = Chunks(arch, how, frames, chunks).eval(), f"{arch}-{how}"
    with torch.no_grad():
        randomise(net)
        for m in net.modules():
            if isinstance(m, nn.RNNBase):
                m.bias_hh_l0.zero_()  # Keras has one bias
        emb, head = torch.cat([net(v) for v in x]), nn.Linear(5, 3)
        out[name], out[name + ".post"] = emb.numpy(), head(emb).softmax(1).numpy()
    hyper = dict(frames=frames, chunks=chunks, emb=5, aggregate=how, heads=2, head_size=3)
    hyper |= {"channels": 8} if arch == "chunk-cnn" else {"dropout": 0.5}
    tensors = {"encoder." + k: v.numpy() for k, v in net.state_dict().items()
               if not k.endswith("num_batches_tracked") and "bias_hh" not in k}
    tensors |= {"heads.emo.out.weight": head.weight.detach().numpy(), "heads.emo.out.bias": head.bias.detach().numpy()}
    meta |= {"arch": arch, "hyper": json.dumps(hyper)}
    write(f"tests/golden/model_{name}.st", tensors, meta)

class DeepEmo(Net):
    def __init__(self):
        super().__init__()
        width, self.blocks = [1, 2, 2, 4, 4, 8, 8, 8], []
        for i in range(7):
            conv2d = nn.Conv2d(width[i], width[i + 1], 3, 1 if i < 2 else 2, 1)
            self.blocks.append(self.add(f"block{i}", Block(conv2d, nn.BatchNorm2d(width[i + 1]))))
        self.emb = nn.Linear(8 * 2 * 1, 5)  # of 40 frames and 12 bands

    def forward(self, x):
        y = x[:, None]
        for b in self.blocks:
            y = b(y)
        return F.relu(self.emb(y.permute(0, 2, 3, 1).flatten(1)))


net = DeepEmo().eval()
with torch.no_grad():
    randomise(net)
    x40 = [x[1], torch.randn(1, 40, D)]
    emb, head = torch.cat([net(v) for v in x40]), nn.Linear(5, 3)
    out["deepemocluster"], out["deepemocluster.post"], out["x2"] = emb.numpy(), head(emb).softmax(1).numpy(), x40[1][0].numpy()
tensors = {"encoder." + k: v.numpy() for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
tensors |= {"heads.emo.out.weight": head.weight.detach().numpy(), "heads.emo.out.bias": head.bias.detach().numpy()}
meta |= {"arch": "deepemocluster", "hyper": json.dumps(dict(frames=40, channels=2, emb=5, dropout=0.5))}
write("tests/golden/model_deepemocluster.st", tensors, meta)


def finish(name, arch, net, hyper, rename=lambda k, v: (k, v)):
    """The embeddings of both inputs, posteriors of a head of three classes, and the model's file"""
    with torch.no_grad():
        emb = torch.cat([net.eval()(v) for v in x])
        head = nn.Linear(emb.shape[1], 3)
        out[name], out[name + ".post"] = emb.numpy(), head(emb).softmax(1).numpy()
    state = dict(rename(k, v) for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked"))
    tensors = {"encoder." + k: v.numpy() for k, v in state.items()}
    tensors |= {"heads.emo.out.weight": head.weight.detach().numpy(), "heads.emo.out.bias": head.bias.detach().numpy()}
    write(f"tests/golden/model_{name}.st", tensors, meta | {"arch": arch, "hyper": json.dumps(hyper)})


class Recurrent(nn.Module):
    def __init__(self, kind, unit):
        super().__init__()
        self.names = [f"{kind}0", f"{kind}1"]
        for name, n_in in zip(self.names, (D, 8)):
            self.add_module(name, unit(n_in, 4, bidirectional=True, batch_first=True))

    def forward(self, x):
        for name in self.names:
            x = getattr(self, name)(x)[0]
        return x.mean(1)


finish("blstm", "blstm", Recurrent("lstm", nn.LSTM), dict(hidden=4, layers=2, dropout=0.5))
finish("blstm-gru", "blstm", Recurrent("gru", nn.GRU), dict(hidden=4, layers=2, dropout=0.5, gru=1))


class Conformer(Net):
    """Of torchaudio's layers"""

    def __init__(self):
        super().__init__()
        self.conv0 = Block(nn.Conv1d(D, 6, 3, 2, 1, bias=False), nn.BatchNorm1d(6))
        self.layer0, self.layer1 = (torchaudio.models.conformer.ConformerLayer(6, 8, 2, 5) for _ in range(2))
        self.pool, self.emb = Pool(6, 4), nn.Linear(12, 5)

    def forward(self, x):
        y = self.conv0(x.transpose(1, 2)).permute(2, 0, 1)
        return self.emb(self.pool(self.layer1(self.layer0(y, None), None).transpose(0, 1)))


def conformer_tensor(k, v):
    for a, b in (("ffn1.sequential.0", "ffn1.norm"), ("ffn1.sequential.1", "ffn1.up"), ("ffn1.sequential.4", "ffn1.down"),
                 ("ffn2.sequential.0", "ffn2.norm"), ("ffn2.sequential.1", "ffn2.up"), ("ffn2.sequential.4", "ffn2.down"),
                 ("self_attn_layer_norm", "attn_norm"), ("self_attn", "attn"), ("final_layer_norm", "norm"),
                 ("conv_module.layer_norm", "conv.norm"), ("conv_module.sequential.0", "conv.up"),
                 ("conv_module.sequential.2", "conv.time"), ("conv_module.sequential.3", "conv.batch_norm"),
                 ("conv_module.sequential.5", "conv.down")):
        k = k.replace(a, b)
    return k, v[:, :, 0] if k.endswith(("conv.up.weight", "conv.down.weight")) else v  # convolutions of one frame


net = Conformer()
with torch.no_grad():
    randomise(net)
finish("conformer", "conformer", net,
       dict(head_size=3, heads=2, down=1, layers=2, kernel=5, ffn=8, reach=0, att=4, emb=5, dropout=0.5), conformer_tensor)

out["whole"] = np.array([1, -2, 3], dtype="i8")
out["scalar"] = np.array(2.5)
out["half"] = np.array([1.5, -0.25, 65504, 6e-8, np.inf], dtype="f2")
write("tests/golden/model_out.st", out, {"by": "PyTorch " + torch.__version__, "quote": "a \"b\" \\ \u00e9"})
