#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Speaker-disjoint, label-balanced folds by scikit-learn: tests/golden/folds.txt.
A case is a line "case N K", then a line "GROUP LABEL FOLD" for each of N records."""
import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

rng = np.random.default_rng(7)


def case(group, label, k):
    fold = np.empty(len(group), int)
    for f, (_, test) in enumerate(StratifiedGroupKFold(k).split(label, label, group)):
        fold[test] = f
    print("case", len(group), k)
    for row in zip(group, label, fold):
        print(*row)


for n_group, n_label, n, k in ((10, 7, 300, 5), (24, 4, 240, 6), (13, 3, 200, 3), (8, 6, 300, 8), (30, 2, 300, 10)):
    # speakers of unlike sizes and moods
    group = np.concatenate([np.arange(n_group), rng.choice(n_group, n - n_group, p=rng.dirichlet(np.full(n_group, 2)))])
    mood = rng.dirichlet(np.full(n_label, 0.7), n_group)
    label = np.array([rng.choice(n_label, p=mood[g]) for g in group])
    label[: n_label * k] = np.tile(np.arange(n_label), k)  # every label often enough for k folds
    order = rng.permutation(n)
    case(group[order], label[order], k)
