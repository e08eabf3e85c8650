#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Golden files of the training engine, by PyTorch in double: tests/golden/nn_ops.txt (the value of every case of
tests/unit/nn_cases.h), nn_models.txt (losses, gradients and ten optimiser steps of small whole models).

Inputs come from a small generator that the C tests repeat: lcg(seed, n). Lines: name, count, values.
usage: tests/ref/nn_golden.py   (from the top of the tree)"""
import math
import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def lcg(seed, n):
    """uniform with variance 1"""
    v, x = np.empty(n), (seed * 2654435761 + 12345) % 2**32
    for i in range(n):
        x = (x * 1664525 + 1013904223) % 2**32
        v[i] = np.float32((x / 2**32 - 0.5) * math.sqrt(12))
    return v


def put(f, name, t):
    v = np.asarray(t.detach().reshape(-1).numpy() if torch.is_tensor(t) else t).reshape(-1)
    f.write("%s\t%d\t%s\n" % (name, len(v), " ".join("%.8g" % x for x in v)))


SEG, LONG = [0, 5, 6, 9, 16], [0, 8, 17, 22]


def parts(x, seg=SEG):
    return [x[a:b] for a, b in zip(seg, seg[1:])]


def conv1d(x, w, b, k, s, d, p, g, seg=SEG, reflect=False):
    """x [R,I], w [O, k*I/g] tap-major"""
    W = w.reshape(w.shape[0], k, -1).permute(0, 2, 1)
    out = []
    for u in parts(x, seg):
        u = u.T[None]
        if reflect:
            u = F.pad(u, (p, p), mode="reflect")
        out.append(F.conv1d(u, W, None if b is None else b[0], s, 0 if reflect else p, d, g)[0].T)
    return torch.cat(out)


def conv2d(x, w, b, nf, k, s, d, p, g, seg=SEG):
    """x [R, F*I], w [O, kt*kf*I/g]; k s d p: (time, frequency)"""
    W = w.reshape(w.shape[0], k[0], k[1], -1).permute(0, 3, 1, 2)
    out = []
    for u in parts(x, seg):
        u = u.reshape(len(u), nf, -1).permute(2, 0, 1)[None]
        y = F.conv2d(u, W, None if b is None else b[0], s, p, d, g)[0]
        out.append(y.permute(1, 2, 0).reshape(y.shape[1], -1))
    return torch.cat(out)


def max_pool(x, nf, kt, kf, seg=SEG):
    out = []
    for u in parts(x, seg):
        u = u.reshape(len(u), nf, -1).permute(2, 0, 1)[None]
        y = F.max_pool2d(u, (min(kt, u.shape[2]), kf))[0]
        out.append(y.permute(1, 2, 0).reshape(y.shape[1], -1))
    return torch.cat(out)


def ch(x, C):
    return x.reshape(-1, C)


def rnn(kind, x, wi, wh, bi, bh, back, seg=SEG):
    w = [wi, wh] + ([bi[0], bh[0]] if bi is not None else [])
    zero = torch.zeros(1, 1, wh.shape[1])
    out = []
    for u in parts(x, seg):
        u = (u.flip(0) if back else u)[:, None]
        if kind == "rnn":
            y = torch._VF.rnn_tanh(u, zero, w, bi is not None, 1, 0.0, True, False, False)[0][:, 0]
        elif kind == "lstm":
            y = torch._VF.lstm(u, (zero, zero), w, bi is not None, 1, 0.0, True, False, False)[0][:, 0]
        else:
            y = torch._VF.gru(u, zero, w, bi is not None, 1, 0.0, True, False, False)[0][:, 0]
        out.append(y.flip(0) if back else y)
    return torch.cat(out)


def attention(q, k, v, bias, heads, off=0, bucket=None, causal=False, seg=SEG):
    out = []
    D = q.shape[1] // heads
    for a, b in zip(seg, seg[1:]):
        n = b - a
        h = [u[a:b].reshape(n, heads, D).transpose(0, 1) for u in (q, k, v)]
        s = h[0] @ h[1].transpose(1, 2) / math.sqrt(D)
        if bias is not None:
            o = (torch.arange(n)[None] - torch.arange(n)[:, None]).clamp(-off, off) + off
            o = o if bucket is None else torch.tensor(bucket)[o]
            s = s + bias[o].permute(2, 0, 1)
        if causal:
            s = s.masked_fill(torch.triu(torch.ones(n, n, dtype=torch.bool), 1), -math.inf)
        out.append((s.softmax(2) @ h[2]).transpose(0, 1).reshape(n, -1))
    return torch.cat(out)


def stats(x, a, eps=1e-4, seg=SEG):
    """SpeechBrain's formula: the squares are about the weighted mean"""
    out = []
    for i, u in enumerate(parts(x, seg)):
        w = torch.full((len(u), 1), 1 / len(u)) if a is None else parts(a, seg)[i]
        m = (w * u).sum(0)
        out.append(torch.cat([m, (w * (u - m) ** 2).sum(0).clamp(min=eps).sqrt()]))
    return torch.stack(out)


def softmax_time(x, seg=SEG):
    return torch.cat([u.softmax(0) for u in parts(x, seg)])


LABEL = torch.tensor([2, 0, -1, 1, 1, 2])
CW = torch.tensor([0.5, 1.5, 2])
RW = torch.tensor([1, 2, 0.5, 1, 0.25, 3])
SOFT = torch.tensor([0.2, 0.3, 0.5, 1, 0, 0, 0, 0.5, 0.5, 0.1, 0.1, 0.8, 0, 1, 0, 0.3, 0.3, 0.4]).reshape(6, 3)
KEPT = [0, 1, 3, 4, 5]


def ce_full(x):
    l = F.cross_entropy(x, LABEL, CW, ignore_index=-1, label_smoothing=0.1, reduction="none")
    return (RW * l)[KEPT].sum() / (RW * CW[LABEL.clamp(min=0)])[KEPT].sum()


def focal(x, g):
    lp = F.log_softmax(x, 1)[KEPT, LABEL[KEPT]]
    return -((1 - lp.exp()) ** g * lp), CW[LABEL[KEPT]] * RW[KEPT]


def cosine(x, w):
    return F.linear(F.normalize(x), F.normalize(w))


def aam(c, m, s, smooth=0.0):
    sin = (1 - c * c).clamp(0, 1).sqrt()
    phi = torch.where(c > math.cos(math.pi - m), c * math.cos(m) - sin * math.sin(m), c - math.sin(math.pi - m) * m)
    hot = F.one_hot(LABEL.clamp(min=0), c.shape[1]).bool()
    return F.cross_entropy(s * torch.where(hot, phi, c), LABEL, ignore_index=-1, label_smoothing=smooth, reduction="none")


def aam_full(x, w):
    l, weight = aam(cosine(x, w), 0.2, 30, 0.1), RW * CW[LABEL.clamp(min=0)]
    return (l * weight)[KEPT].sum() / weight[KEPT].sum()


def supcon(s, y):
    eye = torch.eye(len(y), dtype=torch.bool)
    lp = s - s.masked_fill(eye, -math.inf).logsumexp(1, keepdim=True)
    pos = (y[:, None] == y[None]) & ~eye
    has = pos.sum(1) > 0
    return -((lp * pos).sum(1)[has] / pos.sum(1)[has]).mean()


def pair_loss(s, norm):
    anchor, pos, neg = [0, 1, 4, 0], [[2], [3, 4], [1], [5]], [[1, 3], [0, 2, 5], [0], []]
    l = 0
    for a, ps, ns in zip(anchor, pos, neg):
        for p in ps:
            l = l + (torch.logsumexp(torch.stack([s[a, p]] + [s[a, n] for n in ns]), 0) - s[a, p]) / len(ps)
    return l / (norm or 4)


def triplet(z):
    a, p, n = (torch.tensor(i) for i in ([0, 1, 4, 0], [2, 3, 1, 2], [1, 0, 2, 5]))
    return F.triplet_margin_loss(z[a], z[p], z[n], margin=1.5, eps=0)


def clap(a, b, s):
    c = a @ b.T * s.exp()
    m = torch.tensor([[1., 1, 0], [1, 1, 0], [0, 0, 1]]).softmax(1)
    kl = lambda v: F.kl_div(F.log_softmax(v, 1), m, reduction="batchmean")
    return kl(c) + kl(c.T)


def ccc(x, w=torch.ones(6), mixed=False):
    """a row of weight w counts w times"""
    l, n = 0, w.sum()
    for j in range(3):
        a, b = x[:, j], SOFT[:, j]
        ma, mb = (w * a).sum() / n, (w * b).sum() / n
        c = (w * (a - ma) * (b - mb)).sum() / n
        n_var = n - 1 if mixed else n
        var = (w * (a - ma) ** 2).sum() / n_var + (w * (b - mb) ** 2).sum() / n_var
        v = 2 * c / (var + (ma - mb) ** 2 + 1e-8)
        l = l + CW[j] / CW.sum() * (1 - v)
    return l


def bn(training):
    return lambda x, g, b, m, v: F.batch_norm(ch(x, 3), m[0].detach(), v[0].detach().abs() + 0.5, g[0], b[0], training, 0.1, 1e-5)


L2 = F.normalize
CASES = {
    "linear": ([(7, 3), (4, 3), (1, 4)], lambda x, w, b: F.linear(x, w, b[0])),
    "linear without bias": ([(7, 3), (4, 3)], F.linear),
    "matmul": ([(4, 3), (3, 5)], lambda a, b: 0.7 * a @ b),
    "matmul transposed": ([(4, 3), (5, 3)], lambda a, b: 0.7 * a @ b.T),
    "matmul with itself": ([(4, 3)], lambda a: 0.7 * a @ a.T),
    "depthwise": ([(16, 3), (3, 13), (1, 3)], lambda x, w, b: conv1d(x, w, b, 13, 1, 1, 6, 3)),
    "depthwise wide": ([(16, 35), (35, 3)], lambda x, w: conv1d(x, w, None, 3, 1, 1, 1, 35)),
    "conv1d": ([(16, 3), (4, 9), (1, 4)], lambda x, w, b: conv1d(x, w, b, 3, 1, 1, 1, 1)),
    "conv1d stride": ([(16, 3), (4, 15)], lambda x, w: conv1d(x, w, None, 5, 2, 1, 2, 1)),
    "conv1d dilation groups": ([(16, 4), (6, 6), (1, 6)], lambda x, w, b: conv1d(x, w, b, 3, 1, 2, 2, 2)),
    "conv1d no padding": ([(22, 3), (2, 9), (1, 2)], lambda x, w, b: conv1d(x, w, b, 3, 2, 2, 0, 1, LONG)),
    "conv1d reflect groups": ([(22, 4), (4, 6), (1, 4)], lambda x, w, b: conv1d(x, w, b, 3, 1, 4, 4, 2, LONG, True)),
    "conv1d stride 3 reflect groups": ([(22, 4), (4, 4), (1, 4)], lambda x, w, b: conv1d(x, w, b, 2, 3, 2, 3, 2, LONG, True)),
    "conv2d": ([(16, 8), (3, 18), (1, 3)], lambda x, w, b: conv2d(x, w, b, 4, (3, 3), (1, 1), (1, 1), (1, 1), 1)),
    "conv2d stride dilation groups": ([(16, 20), (2, 12), (1, 2)],
                                      lambda x, w, b: conv2d(x, w, b, 5, (3, 2), (2, 2), (1, 2), (1, 1), 2)),
    "max_pool2d": ([(16, 15)], lambda x: max_pool(x, 5, 2, 2)),
    "batch_norm training": ([(16, 6), (1, 3), (1, 3), (1, 3), (1, 3)], bn(True)),
    "batch_norm training plain": ([(16, 3), (1, 3), (1, 3)], lambda x, m, v: F.batch_norm(x, None, None, None, None, True)),
    "batch_norm fixed": ([(16, 6), (1, 3), (1, 3), (1, 3), (1, 3)], bn(False)),
    "batch_norm of relu training": ([(16, 4), (6, 4)] + 4 * [(1, 3)], lambda x, w, *p: bn(True)(F.relu(x @ w.T), *p)),
    "batch_norm of relu fixed": ([(16, 4), (6, 4)] + 4 * [(1, 3)], lambda x, w, *p: bn(False)(F.relu(x @ w.T), *p)),
    "batch_norm and relu training": ([(16, 4), (6, 4)] + 4 * [(1, 3)], lambda x, w, *p: F.relu(bn(True)(x @ w.T, *p))),
    "batch_norm and relu fixed": ([(16, 4), (6, 4)] + 4 * [(1, 3)], lambda x, w, *p: F.relu(bn(False)(x @ w.T, *p))),
    "batch_norm of relu with bias": ([(16, 4), (3, 4)] + 4 * [(1, 3)], lambda x, w, b, g, m, v: F.batch_norm(F.relu(x @ w.T + b), None, None, g[0], None, True)),
    "batch_norm and relu with bias": ([(16, 4), (3, 4)] + 4 * [(1, 3)], lambda x, w, b, g, m, v: F.relu(F.batch_norm(x @ w.T + b, None, None, g[0], None, True)) + 0.5 * (x @ w.T + b)),
    "relu in place with bias": ([(16, 4), (3, 4), (1, 3)], lambda x, w, b: F.relu(x @ w.T + b)),
    "batch_norm relu pool training": ([(16, 4), (15, 4)] + 4 * [(1, 3)], lambda x, w, *p: max_pool(F.relu(bn(True)(x @ w.T, *p)).reshape(16, 15), 5, 2, 2)),
    "batch_norm relu pool fixed": ([(16, 4), (15, 4)] + 4 * [(1, 3)], lambda x, w, *p: max_pool(F.relu(bn(False)(x @ w.T, *p)).reshape(16, 15), 5, 2, 2)),
    "layer_norm": ([(5, 8), (1, 4), (1, 4)], lambda x, g, b: F.layer_norm(ch(x, 4), (4,), g[0], b[0])),
    "group_norm": ([(16, 8), (1, 4), (1, 4)], lambda x, g, b: torch.cat(
        [F.group_norm(ch(u, 4).T[None], 2, g[0], b[0])[0].T for u in parts(x)])),
    "l2_norm": ([(5, 4)], L2),
    "relu": ([(5, 4)], F.relu),
    "relu in place": ([(5, 3), (6, 3)], lambda x, w: F.relu(x @ w.T)),
    "gelu": ([(5, 70)], F.gelu),
    "sigmoid": ([(5, 70)], torch.sigmoid),
    "tanh": ([(5, 70)], torch.tanh),
    "silu": ([(5, 70)], F.silu),
    "glu": ([(5, 6)], F.glu),
    "softmax": ([(5, 6)], lambda x: x.softmax(1)),
    "softmax_time": ([(16, 3)], softmax_time),
    "gru": ([(16, 3), (12, 3), (12, 4), (1, 12), (1, 12)], lambda *a: rnn("gru", *a, False)),
    "gru backwards": ([(16, 3), (12, 3), (12, 4), (1, 12), (1, 12)], lambda *a: rnn("gru", *a, True)),
    "lstm": ([(16, 3), (16, 3), (16, 4), (1, 16), (1, 16)], lambda *a: rnn("lstm", *a, False)),
    "lstm backwards": ([(16, 3), (16, 3), (16, 4), (1, 16), (1, 16)], lambda *a: rnn("lstm", *a, True)),
    "lstm without bias": ([(16, 3), (16, 3), (16, 4)], lambda x, wi, wh: rnn("lstm", x, wi, wh, None, None, False)),
    "rnn": ([(16, 3), (4, 3), (4, 4), (1, 4), (1, 4)], lambda *a: rnn("rnn", *a, False)),
    "chunks": ([(22, 3)], lambda x: torch.cat([u[i * s:i * s + 3] for u in parts(x, LONG) for s in [(len(u) - 3) // 3]
                                               for i in range(4)])),
    "segments": ([(6, 3)], lambda x: x.reshape(3, 2, 3).max(1)[0]),
    "attention": ([(16, 6)] * 3, lambda q, k, v: attention(q, k, v, None, 2)),
    "attention relative": ([(16, 6)] * 3 + [(5, 2)], lambda q, k, v, b: attention(q, k, v, b, 2, 2)),
    "attention buckets causal": ([(16, 6)] * 3 + [(3, 2)],
                                 lambda q, k, v, b: attention(q, k, v, b, 2, 3, [1, 1, 0, 0, 2, 2, 1], True)),
    "pool_mean": ([(16, 3)], lambda x: torch.stack([u.mean(0) for u in parts(x)])),
    "pool_max": ([(16, 3)], lambda x: torch.stack([u.max(0)[0] for u in parts(x)])),
    "pool_first": ([(16, 3)], lambda x: x[SEG[:-1]]),
    "pool_last": ([(16, 3)], lambda x: x[[i - 1 for i in SEG[1:]]]),
    "pool_stats": ([(16, 3)], lambda x: stats(x, None)),
    "pool_stats attentive": ([(16, 3)] * 2, lambda x, a: stats(x, softmax_time(a))),
    "pool_stats one weight": ([(16, 3), (16, 1)], lambda x, a: stats(x, softmax_time(a))),
    "pool_stats of softmax_time": ([(16, 3), (16, 4), (3, 4)], lambda x, e, w: stats(x, softmax_time(e @ w.T))),
    "pool_stats of constants": ([(4, 3), (16, 3), (16, 6)], lambda u, x, a: stats(torch.cat([u.repeat_interleave(torch.tensor([5, 1, 3, 7]), 0), x], 1),
                                                                                softmax_time(a), 1e-12) * torch.tensor(6 * [1] + 3 * [1e5] + 3 * [1.0])),
    "pool_sample_stats": ([(16, 3)], lambda x: torch.stack([torch.cat([u.mean(0), (u.var(0, unbiased=len(u) > 1) + 0.01).sqrt()]) for u in parts(x)])),
    "pool_cov": ([(16, 3)], lambda x: torch.stack([torch.cov(u.T, correction=0)[torch.triu_indices(3, 3).unbind()] for u in parts(x)])),
    "pool_sum": ([(16, 3)] * 2, lambda x, a: torch.stack([u.sum(0) for u in parts(x * a)])),
    "pool_sum one weight": ([(16, 3), (16, 1)], lambda x, a: torch.stack([u.sum(0) for u in parts(x * a)])),
    "expand": ([(4, 3), (16, 2)], lambda u, x: u.repeat_interleave(torch.tensor([5, 1, 3, 7]), 0)),
    "scale_rows": ([(16, 6), (4, 3)],
                   lambda x, u: x * u.repeat_interleave(torch.tensor([5, 1, 3, 7]), 0).repeat(1, 2)),
    "cross_entropy": ([(6, 3)], lambda x: F.cross_entropy(x, LABEL, ignore_index=-1)),
    "cross_entropy weights smoothing": ([(6, 3)], ce_full),
    "cross_entropy soft": ([(6, 3)], lambda x: -(RW[:, None] * CW * SOFT * x.log_softmax(1)).sum() / 7),
    "focal": ([(6, 3)], lambda x: (lambda l, w: (l * w).sum() / 7)(*focal(x, 2))),
    "focal half": ([(6, 3)], lambda x: focal(x, 0.5)[0].mean()),
    "kl": ([(6, 3)], lambda x: (RW[:, None] * CW * F.kl_div(x.log_softmax(1), SOFT, reduction="none")).sum() / 7),
    "bce": ([(6, 3)], lambda x: (RW[:, None] * CW * F.binary_cross_entropy_with_logits(x, SOFT, reduction="none")).sum() / 7),
    "mse": ([(6, 3)], lambda x: (RW[:, None] * CW * (x - SOFT) ** 2).sum() / 7),
    "mae": ([(6, 3)], lambda x: (x - SOFT).abs().sum() / 6),
    "ccc": ([(6, 3)], ccc),
    "ccc mixed": ([(6, 3)], lambda x: ccc(x, mixed=True)),
    "ccc weighted": ([(6, 3)], lambda x: ccc(x, RW)),
    "unlikelihood": ([(6, 3)], lambda x: -(RW[:, None] * CW * SOFT * (1 - x.softmax(1)).log()).sum() / 7),
    "unlikelihood each": ([(6, 3)], lambda x: -(RW[:, None] * CW * SOFT * (1 - x.sigmoid()).log()).sum() / 7),
    "aam": ([(6, 4), (3, 4)], aam_full),
    "aam sub-centres": ([(6, 4), (6, 4)], lambda x, w: aam(cosine(x, w).reshape(6, 3, 2).max(2)[0], 0.5, 8)[KEPT].mean()),
    "ntxent": ([(6, 4)], lambda z: supcon(L2(z) @ L2(z).T / 0.2, torch.tensor([0, 1, 2, 0, 1, 2]))),
    "infonce": ([(6, 4)] * 2, lambda a, b: (lambda s: (F.cross_entropy(s, torch.arange(6)) + F.cross_entropy(s.T, torch.arange(6))) / 2)(
        L2(a) @ b.T / 0.3)),
    "supcon": ([(6, 4)], lambda z: supcon(L2(z) @ L2(z).T / 0.3, torch.tensor([0, 1, 0, 1, 1, 5]))),
    "triplet": ([(6, 4)], triplet),
    "pair loss": ([(6, 4)], lambda z: pair_loss(L2(z) @ L2(z).T / 0.2, 0)),
    "pair loss with norm": ([(6, 4)], lambda z: pair_loss(z @ z.T / 0.5, 9)),
    "clap_kl": ([(3, 4), (3, 4), (1, 1)], clap),
}

with open("tests/golden/nn_ops.txt", "w") as f:
    for name, (shapes, net) in CASES.items():
        x = [torch.tensor(lcg(i + 1, a * b).reshape(a, b)) for i, (a, b) in enumerate(shapes)]
        for v in x:
            v.requires_grad_(True)
        y = net(*x)
        put(f, name, y)
        # gradients of the value, or of its product with lcg(99)
        l = y if y.numel() == 1 else (y.reshape(-1) * torch.tensor(lcg(99, y.numel()))).sum()
        g = torch.autograd.grad(l, x, allow_unused=True)
        for i, v in enumerate(g):
            if v is not None and not (name.startswith("batch_norm") and i >= len(x) - 2):
                v = v.reshape(-1)
                # the whole of small ones; else a sum against fixed numbers
                put(f, "%s/%d" % (name, i), v if len(v) <= 24 else (v * torch.tensor(lcg(7, len(v)))).sum())


# ---- whole models: parameters by name, each filled by lcg of its place, scaled ----
class Model:
    def __init__(self):
        self.p, self.n = {}, 0

    def get(self, name, shape, scale, offset=0.0):
        if name not in self.p:
            self.n += 1
            v = lcg(1000 + self.n, int(np.prod(shape))).reshape(shape) * np.float32(scale) + np.float32(offset)
            self.p[name] = torch.tensor(v.astype(np.float32).astype(np.float64), requires_grad=True)
        return self.p[name]

    def linear(self, name, x, o):
        w = self.get(name + ".weight", (o, x.shape[1]), 0.3)
        return F.linear(x, w, self.get(name + ".bias", (o,), 0.1))

    def conv1d(self, name, x, o, k, s, d, p, seg):
        w = self.get(name + ".weight", (o, k, x.shape[1]), 0.2)
        return conv1d(x, w.reshape(o, -1), self.get(name + ".bias", (o,), 0.1)[None], k, s, d, p, 1, seg)

    def norm(self, name, x, C, kind):
        g, b = self.get(name + ".weight", (C,), 0.2, 1), self.get(name + ".bias", (C,), 0.1)
        if kind == "batch":
            return F.batch_norm(x.reshape(-1, C), None, None, g, b, True).reshape(x.shape)
        return F.layer_norm(x, (C,), g, b)

    def lstm(self, name, x, H, seg):
        out = []
        for suffix in ("", "_reverse"):
            wi = self.get(name + ".weight_ih_l0" + suffix, (4 * H, x.shape[1]), 0.3)
            wh = self.get(name + ".weight_hh_l0" + suffix, (4 * H, H), 0.3)
            bi = self.get(name + ".bias_ih_l0" + suffix, (4 * H,), 0.1)
            bh = self.get(name + ".bias_hh_l0" + suffix, (4 * H,), 0.1)
            out.append(rnn("lstm", x, wi, wh, bi[None], bh[None], suffix != "", seg))
        return torch.cat(out, 1)

    def attn_stats(self, name, x, n, seg):
        h = torch.tanh(self.linear(name + ".att.0", x, n))
        return stats(x, softmax_time(self.linear(name + ".att.1", h, x.shape[1]), seg), 1e-4, seg)


LEN = [9, 4, 7, 12, 5, 6]
CUM = np.concatenate([[0], np.cumsum(LEN)]).tolist()
Y = torch.tensor([0, 1, 2, 1, 0, 2])
X = torch.tensor(lcg(500, CUM[-1] * 10).reshape(-1, 10))


def strided(seg, k, s, d, p):
    return np.concatenate([[0], np.cumsum([(b - a + 2 * p - d * (k - 1) - 1) // s + 1 for a, b in zip(seg, seg[1:])])]).tolist()


def conv_net(m):  # convolutions, batch norm, attentive statistics, weighted cross entropy
    h = F.relu(m.norm("bn1", m.conv1d("conv1", X, 8, 5, 1, 1, 2, CUM), 8, "batch"))
    seg = strided(CUM, 3, 2, 1, 1)
    h = F.relu(m.norm("bn2", m.conv1d("conv2", h, 8, 3, 2, 1, 1, CUM), 8, "batch"))
    return F.cross_entropy(m.linear("out", m.attn_stats("pool", h, 4, seg), 3), Y, torch.tensor([1, 2, 0.5]))


def attn_net(m):  # transformer block, mean, angular margin
    h = m.linear("in", X, 8)
    w, b = m.get("mha.in_proj_weight", (24, 8), 0.3), m.get("mha.in_proj_bias", (24,), 0.1)
    wo, bo = m.get("mha.out_proj.weight", (8, 8), 0.3), m.get("mha.out_proj.bias", (8,), 0.1)
    rel = m.get("mha.rel_bias", (7, 2), 0.5)
    qkv = F.linear(h, w, b)
    a = attention(qkv[:, :8], qkv[:, 8:16], qkv[:, 16:], rel, 2, 3, None, False, CUM)
    h = m.norm("ln1", h + F.linear(a, wo, bo), 8, "layer")
    h = m.norm("ln2", h + m.linear("ff2", F.gelu(m.linear("ff1", h, 16)), 8), 8, "layer")
    e = torch.stack([u.mean(0) for u in parts(h, CUM)])
    c = cosine(e, m.get("classes", (3, 8), 1))
    sin = (1 - c * c).clamp(0, 1).sqrt()
    phi = torch.where(c > math.cos(math.pi - 0.2), c * math.cos(0.2) - sin * math.sin(0.2), c - math.sin(math.pi - 0.2) * 0.2)
    return F.cross_entropy(30 * torch.where(F.one_hot(Y, 3).bool(), phi, c), Y)


def crnn(m):  # conv2d, pooling, BLSTM, SupCon on unit vectors
    w, b = m.get("conv.weight", (3, 3, 3, 1), 0.3), m.get("conv.bias", (3,), 0.1)
    h = conv2d(X, w.reshape(3, -1), b[None], 10, (3, 3), (1, 1), (1, 1), (1, 1), 1, CUM)
    h = max_pool(F.relu(m.norm("bn", h, 3, "batch")), 10, 2, 2, CUM)
    seg = np.concatenate([[0], np.cumsum([n // 2 for n in LEN])]).tolist()
    h = m.lstm("rnn", h, 4, seg)
    z = L2(m.linear("out", torch.stack([u.mean(0) for u in parts(h, seg)]), 5))
    return supcon(z @ z.T / 0.2, Y)


def optimiser(kind, p):
    if kind == "adam":
        return torch.optim.Adam(p, 0.003, weight_decay=0.05)
    if kind == "adamw":
        return torch.optim.AdamW(p, 0.003, weight_decay=0.05)
    return torch.optim.SGD(p, 0.05, 0.9, weight_decay=0.05, nesterov=True)


with open("tests/golden/nn_models.txt", "w") as f:
    for net in (conv_net, attn_net, crnn):
        for kind in ("adam", "adamw", "sgd"):
            m = Model()
            loss = net(m)
            opt, losses = optimiser(kind, list(m.p.values())), []
            if kind == "adam":
                g = torch.autograd.grad(net(m), list(m.p.values()))
                for n, v in zip(m.p, g):
                    put(f, "%s/%s" % (net.__name__, n), v)
            for _ in range(10):
                opt.zero_grad()
                loss = net(m)
                losses.append(loss.item())
                loss.backward()
                opt.step()
            put(f, "%s/%s" % (net.__name__, kind), np.array(losses))
