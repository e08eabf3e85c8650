#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Posteriors and what NumPy and SciPy make of them: tests/ref/calibration.py > tests/golden/calibration.txt

Lines of tests/tools/mkser, then lines "want NAME VALUE". Some records are equally sure.
"""
import numpy as np
from scipy.optimize import minimize, minimize_scalar

rng = np.random.default_rng(1)
n, k = 60, 3
z = 2 * rng.standard_normal((n, k))
p = np.exp(z)
p /= p.sum(1, keepdims=True)
p[40:44] = p[40]
p = np.round(p, 5)
p[:, 2] = 1 - p[:, 0] - p[:, 1]
p = np.round(p, 5)
t = np.array([rng.choice(k, p=q**0.5 / (q**0.5).sum()) for q in p])
for i in range(n):
    post = ",".join("%.5f" % x for x in p[i])
    print(f"id=u{i:02d}\tspk=s{i % 6}\tfold:i={i % 3}\temo={'abc'[t[i]]}\tpost:t={post}")

p = p.astype(np.float32).astype(float)
sure, right = p.max(1), p.argmax(1) == t


def nll(a):
    q = a * np.log(p)
    return -(q - np.log(np.exp(q).sum(1))[:, None])[np.arange(n), t].mean()


def ece():
    bins = [(sure > b / 10) & (sure <= (b + 1) / 10) for b in range(10)]
    return sum(m.mean() * abs(right[m].mean() - sure[m].mean()) for m in bins if m.any())


def aurc():  # the mean over orders of the equally sure, which is linear in their errors
    risk, seen, wrong = 0, 0, 0
    for s in sorted(set(sure), reverse=True):
        m = sure == s
        for j in range(1, m.sum() + 1):
            risk += (wrong + (~right[m]).mean() * j) / (seen + j)
        seen, wrong = seen + m.sum(), wrong + (~right[m]).sum()
    return risk / n


def uar(keep):
    return np.mean([right[keep & (t == c)].mean() for c in range(k) if (keep & (t == c)).any()])


def scaled(x):  # negative log posteriors by weights and offsets of the log posteriors
    u = x[:k] * np.log(p) + x[k:]
    return -(u - np.log(np.exp(u).sum(1))[:, None])[np.arange(n), t]


vector = minimize(lambda x: scaled(x).sum() + ((x[:k] - 1) ** 2 + x[k:] ** 2).sum() / 2, np.repeat([1.0, 0], k), method="BFGS", options={"gtol": 1e-9}).x
best = minimize_scalar(nll, bounds=(0.01, 100), method="bounded", options={"xatol": 1e-12})
half = sure >= np.sort(sure)[::-1][n // 2 - 1]
want = {
    "scores pooled.nll value": -np.log(p[np.arange(n), t]).mean(),
    "scores pooled.brier value": ((p - np.eye(k)[t]) ** 2).sum(1).mean(),
    "scores pooled.ece value": ece(),
    "scores pooled.aurc value": aurc(),
    "temperature here temperature": 1 / best.x,
    "temperature here nll": best.fun,
    **{f"vector {c} weight": vector[i] for i, c in enumerate("abc")},
    **{f"vector {c} offset": vector[k + i] for i, c in enumerate("abc")},
    "scaled here nll": scaled(vector).mean(),
    "coverage 0.5 uar": uar(half),
    "coverage 0.5 war": right[half].mean(),
    "coverage 0.5 n": half.sum(),
    "coverage 1 uar": uar(sure > 0),
}
for name, x in want.items():
    print("want\t%s\t%.9g" % (name.replace(" ", "\t"), x))
