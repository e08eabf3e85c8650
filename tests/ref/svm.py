#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Linear support vector machines and logistic regression by scikit-learn for tests/cli/ser-svm.bats: reads tests/golden/ser-score.txt, writes
tests/golden/ser-svm.want: for each cost the recall over speakers left out one at a time of folds 1 and 2, then the softmax of
the decision values of fold 0's records, of four classes and of two; then probabilities of logistic regression, weighted by class and
not. Support vector machines are not weighted."""
import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.svm import LinearSVC

rows = [dict(f.split("=", 1) for f in line.rstrip("\n").split("\t")) for line in open("tests/golden/ser-score.txt")]
x = np.array([[float(v) for v in r["emb:t"].split(",")] for r in rows], np.float32).astype(float)
emo, spk, fold = (np.array([r[k] for r in rows]) for k in ("emo", "spk", "fold:i"))
ids = np.array([r["id"] for r in rows])
out = open("tests/golden/ser-svm.want", "w")


def fit(train, cost):
    mean, std = x[train].mean(0), x[train].std(0)
    m = LinearSVC(C=cost, dual=False, tol=1e-10, max_iter=100000).fit((x[train] - mean) / std, emo[train])
    return lambda test: (m, (x[test] - mean) / std)


train = np.flatnonzero(fold != "0")
for cost in (1e-3, 1e-2, 1e-1, 1.0):
    pred = np.empty(len(train), emo.dtype)
    for a, b in LeaveOneGroupOut().split(x[train], emo[train], spk[train]):
        m, z = fit(train[a], cost)(train[b])
        pred[b] = m.predict(z)
    print("dev", "%g" % cost, "%.4f" % balanced_accuracy_score(emo[train], pred), sep="\t", file=out)
for name, keep in (("four", emo != ""), ("two", np.isin(emo, ["anger", "joy"]))):
    test = np.flatnonzero((fold == "0") & keep)
    m, z = fit(np.flatnonzero((fold != "0") & keep), 0.1)(test)
    d = m.decision_function(z)
    p = softmax(np.stack([-d, d], 1) if d.ndim == 1 else d, axis=1)
    for i, row in zip(ids[test], p):
        print(name, i, *("%.6f" % v for v in row), sep="\t", file=out)

train, test = np.flatnonzero(fold != "0"), np.flatnonzero(fold == "0")
mean, std = x[train].mean(0), x[train].std(0)
for name, weight in (("logistic", None), ("weighted", "balanced")):
    m = LogisticRegression(C=0.1, class_weight=weight, tol=1e-10, max_iter=100000).fit((x[train] - mean) / std, emo[train])
    for i, row in zip(ids[test], m.predict_proba((x[test] - mean) / std)):
        print(name, i, *("%.6f" % v for v in row), sep="\t", file=out)
