#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Normalised features by scikit-learn for tests/unit/test_norm.c: writes tests/golden/norm.txt, lines of a name, how many numbers,
and the numbers: x of five records of two speakers, one behind the other, and what becomes of it."""
import numpy as np
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(11)
n = [4, 2, 7, 3, 5]  # rows of each record
spk = [0, 1, 0, 1, 1]
x = (rng.normal(size=(sum(n), 3)) * [1, 20, 0] + [0, 300, 7]).astype(np.float32)  # the last column is constant
rec = np.repeat(np.arange(5), n)
of_spk = np.repeat(spk, n)


def put(name, v):
    print(name, np.size(v), *(repr(float(t)) for t in np.ravel(v)), file=out)


def scaled(group, **kw):
    y = np.empty(x.shape)
    for g in set(group):
        y[group == g] = StandardScaler(**kw).fit_transform(x[group == g].astype(float))
    return y


with open("tests/golden/norm.txt", "w") as out:
    put("rows", n)
    put("spk", spk)
    put("x", x)
    put("record", scaled(rec))
    put("record_mean", scaled(rec, with_std=False))
    put("spk_both", scaled(of_spk))
    put("all", scaled(rec * 0))
    put("all_var", scaled(rec * 0, with_mean=False))
    put("all_clip", np.clip(scaled(rec * 0), -.5, .5))
    s = StandardScaler().fit(x.astype(float))
    put("shift", s.mean_)
    put("gain", 1 / s.scale_)
