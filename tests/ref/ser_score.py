#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Scores by scikit-learn for tests/cli/ser-score.bats: writes tests/golden/ser-score.txt, records as tests/tools/mkser reads
them, and tests/golden/ser-score.want, lines of mode, table, row, column and value."""
import numpy as np
from scipy import optimize, stats
from sklearn import metrics as M

rng = np.random.default_rng(3)
names = ["anger", "joy", "neutral", "sadness"]
n = 120
spk = np.arange(n) % 6
fold = spk // 2
t = rng.integers(4, size=n)
p = np.where(rng.random(n) < .6, t, rng.integers(4, size=n))
q = np.where(rng.random(n) < .7, t, rng.integers(4, size=n))
t[(fold == 2) & (t == 3)] = 0  # a class that is absent from a fold
clu = np.where(rng.random(n) < .6, t, rng.integers(5, size=n))
x = (rng.normal(size=(n, 6)) + np.eye(6)[t] * 2 + np.eye(6)[spk] * 4 + 1).astype(np.float32)
aro = rng.normal(size=n)
par = .7 * aro + rng.normal(size=n) * .4
with open("tests/golden/ser-score.txt", "w") as f:
    for i in range(n):
        print("id=u%d" % i, "spk=s%d" % spk[i], "fold:i=%d" % fold[i], "emo=" + names[t[i]], "pred=" + names[p[i]],
              "pred2=" + names[q[i]], "cluster:i=%d" % clu[i], "aro:f=%r" % float(aro[i]), "par:f=%r" % float(par[i]),
              "text=t%d" % (i // 6 % 2), "emb:t=" + ",".join(repr(float(v)) for v in x[i]), sep="\t", file=f)
out = open("tests/golden/ser-score.want", "w")


def want(mode, table, row, column, value):
    print(mode, table, row, column, repr(float(value)), sep="\t", file=out)


def class_scores(t, p):
    return {"uar": M.balanced_accuracy_score(t, p), "war": M.accuracy_score(t, p),
            "macro_f1": M.f1_score(t, p, average="macro"), "weighted_f1": M.f1_score(t, p, average="weighted"),
            "kappa": M.cohen_kappa_score(t, p), "mcc": M.matthews_corrcoef(t, p)}


def regress_scores(y, p):
    ccc = 2 * np.mean((y - y.mean()) * (p - p.mean())) / (y.var() + p.var() + (y.mean() - p.mean()) ** 2)
    return {"ccc": ccc, "pearson": stats.pearsonr(y, p)[0], "spearman": stats.spearmanr(y, p)[0],
            "mse": M.mean_squared_error(y, p), "mae": M.mean_absolute_error(y, p)}


for mode, scores, y, z in ("classes", class_scores, t, p), ("regress", regress_scores, aro, par):
    every = [scores(y[fold == k], z[fold == k]) for k in range(3)]
    for s, v in scores(y, z).items():
        want(mode, "scores", "pooled." + s, "value", v)
        want(mode, "scores", "fold_mean." + s, "value", np.mean([e[s] for e in every]))
for k in range(3):
    want("classes", "folds", k, "uar", M.balanced_accuracy_score(t[fold == k], p[fold == k]))
    want("classes", "folds", k, "classes_absent", 4 - len(set(t[fold == k])))
c = M.confusion_matrix(t, p)
for i in range(4):
    want("classes", "classes", names[i], "recall", c[i, i] / c[i].sum())
    want("classes", "classes", names[i], "precision", c[i, i] / c[:, i].sum())
    for j in range(4):
        want("classes", "confusion", names[i], names[j], c[i, j])

for s, v in class_scores(t, p).items():
    want("compare", "differences", "pooled." + s, "difference", v - class_scores(t, q)[s])
b, d = ((p == t) & (q != t)).sum(), ((q == t) & (p != t)).sum()
want("compare", "mcnemar", n, "first_only", b)
want("compare", "mcnemar", n, "p", stats.binomtest(min(b, d), b + d).pvalue)

rows = []
for k in range(6):
    a, u, e = t[spk == k], clu[spk == k], x[spk == k].astype(float)
    tab = M.cluster.contingency_matrix(a, u)
    i, j = optimize.linear_sum_assignment(-tab)
    rows.append({"purity": tab.max(axis=0).sum() / len(a), "hungarian": tab[i, j].sum() / len(a),
                 "nmi": M.normalized_mutual_info_score(a, u), "ami": M.adjusted_mutual_info_score(a, u),
                 "ari": M.adjusted_rand_score(a, u), "homogeneity": M.homogeneity_score(a, u),
                 "completeness": M.completeness_score(a, u), "v_measure": M.v_measure_score(a, u),
                 "silhouette": M.silhouette_score(e, u, metric="cosine"),
                 "silhouette_label": M.silhouette_score(e, a, metric="cosine")})
    for s, v in rows[-1].items():
        want("clusters", "groups", "s%d.%s" % (k, s), "value", v)
for s in rows[0]:
    want("clusters", "scores", s, "mean", np.mean([r[s] for r in rows]))

u = x.astype(float) / np.linalg.norm(x.astype(float), axis=1, keepdims=True)
cos = u @ u.T
i, j = np.triu_indices(n, 1)


def eer_dcf(score, same):
    fa, hit, _ = M.roc_curve(same, score, drop_intermediate=False)
    k = np.flatnonzero(fa >= 1 - hit)[0]
    gap = (1 - hit[k - 1]) - fa[k - 1]
    a = gap / (gap + fa[k] - (1 - hit[k]))
    return fa[k - 1] + a * (fa[k] - fa[k - 1]), (.05 * (1 - hit) + .95 * fa).min() / .05


same = spk[i] == spk[j]
e, m = eer_dcf(cos[i, j], same)
want("verify", "scores", "eer", "value", e)
want("verify", "scores", "min_dcf", "value", m)
top = np.sort(cos, axis=1)[:, ::-1][:, :20]  # the cohort is the set itself
mu, sd = top.mean(axis=1), top.std(axis=1)
e, m = eer_dcf(((cos[i, j] - mu[i]) / sd[i] + (cos[i, j] - mu[j]) / sd[j]) / 2, same)
want("asnorm", "scores", "eer", "value", e)
want("asnorm", "scores", "min_dcf", "value", m)
