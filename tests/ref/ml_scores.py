#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Scores by scikit-learn and SciPy, for tests/unit/test_ml.c: writes tests/golden/ml_scores.txt.
Each line is a name, a count and that many numbers."""
import numpy as np
from scipy import optimize, stats
from scipy.stats import _resampling
from sklearn import metrics as M

rng = np.random.default_rng(1)
out = open("tests/golden/ml_scores.txt", "w")


def put(name, *v):
    v = np.concatenate([np.ravel(np.asarray(x, dtype=float)) for x in v])
    print(name, len(v), *(repr(int(x) if x == int(x) else float(x)) for x in v), file=out)


# ---- classes: truth, prediction, weights, scores, rows ----
def classes(name, k, t, p, w):
    labels = np.arange(k)
    put(name + ".truth", t)
    put(name + ".pred", p)
    put(name + ".weight", w)
    put(name + ".conf", M.confusion_matrix(t, p, labels=labels, sample_weight=w))
    seen = np.union1d(t, p)
    put(name + ".score",
        M.balanced_accuracy_score(t, p, sample_weight=w), M.accuracy_score(t, p, sample_weight=w),
        M.f1_score(t, p, average="macro", zero_division=0, sample_weight=w),
        M.f1_score(t, p, average="micro", labels=seen, zero_division=0, sample_weight=w),
        M.f1_score(t, p, average="weighted", zero_division=0, sample_weight=w),
        M.precision_score(t, p, average="macro", zero_division=0, sample_weight=w),
        M.cohen_kappa_score(t, p, sample_weight=w), M.matthews_corrcoef(t, p, sample_weight=w))
    put(name + ".rows", np.array(M.precision_recall_fscore_support(t, p, labels=labels, zero_division=0, sample_weight=w)).T)


def noisy(t, k, share):
    p = t.copy()
    m = rng.random(len(t)) < share
    p[m] = rng.integers(k, size=m.sum())
    return p


t = rng.choice(7, 300, p=[.3, .2, .15, .15, .1, .05, .05])
classes("c7", 7, t, noisy(t, 7, .5), np.ones(300))
classes("c7w", 7, t, noisy(t, 7, .4), rng.random(300) * 3)
t = rng.choice([0, 1, 3], 80)  # class 2 only predicted, class 4 nowhere
p = noisy(t, 4, .5)
p[0] = 2
classes("absent", 5, t, p, np.ones(80))
classes("constant", 3, rng.integers(3, size=40), np.zeros(40, int), np.ones(40))
for b, c in [(0, 0), (3, 11), (40, 25), (5, 5), (1, 0), (300, 350)]:
    put("mcnemar.%d.%d" % (b, c), stats.binomtest(min(b, c), b + c, 0.5).pvalue if b + c else 1)


# ---- numbers ----
def ccc(y, p):
    return 2 * np.mean((y - y.mean()) * (p - p.mean())) / (y.var() + p.var() + (y.mean() - p.mean()) ** 2)


def regress(name, y, p, count):
    put(name + ".truth", y)
    put(name + ".pred", p)
    put(name + ".count", count)
    y, p = np.repeat(y, count), np.repeat(p, count)
    put(name + ".score", ccc(y, p), stats.pearsonr(y, p)[0], stats.spearmanr(y, p)[0], M.mean_squared_error(y, p),
        M.mean_squared_error(y, p, squared=False), M.mean_absolute_error(y, p))


y = rng.normal(4, 1.2, 120)
q = .6 * y + rng.normal(1, .8, 120)
regress("r", y, q, np.ones(120, int))
y, q = np.round(y * 2) / 2, np.round(q * 2) / 2  # many ties
regress("rties", y, q, rng.integers(0, 4, 120))
regress("rpaper", np.arange(1., 6), np.array([1.5, 1.5, 3.5, 3, 5.5]), np.ones(5, int))


# ---- verification ----
def verify(name, s, t, count, p_target, c_miss, c_fa):
    put(name + ".trial", s)
    put(name + ".target", t)
    put(name + ".count", count)
    put(name + ".cost", p_target, c_miss, c_fa)
    s, t = np.repeat(s, count), np.repeat(t, count)
    fa, hit, thr = M.roc_curve(t, s, drop_intermediate=False)
    # EER: where the piecewise linear curve fa -> 1 - hit meets the diagonal
    i = np.flatnonzero(fa >= 1 - hit)[0]
    u = optimize.brentq(lambda u: fa[i - 1] + u * (fa[i] - fa[i - 1]) - (1 - hit[i - 1] - u * (hit[i] - hit[i - 1])), 0, 1,
                        xtol=1e-15)
    cost = c_miss * p_target * (1 - hit) + c_fa * (1 - p_target) * fa
    put(name + ".score", t.sum(), (1 - t).sum(), fa[i - 1] + u * (fa[i] - fa[i - 1]),
        cost.min() / min(c_miss * p_target, c_fa * (1 - p_target)))
    if name == "v":
        put(name + ".fa", fa)
        put(name + ".miss", 1 - hit)


t = rng.random(400) < .2
s = rng.normal(0, 1, 400) + 1.8 * t
verify("v", s, t, np.ones(400, int), .05, 1, 1)
verify("vties", np.round(s, 1), t, rng.integers(0, 3, 400), .01, 10, 1)
verify("vperfect", t + rng.random(400) * .5, t, np.ones(400, int), .05, 1, 1)


# ---- clusterings ----
def hungarian(c):
    i, j = optimize.linear_sum_assignment(-c)
    return c[i, j].sum() / c.sum()


def clusters(name, t, c):
    put(name + ".truth", t)
    put(name + ".cluster", c)
    tab = M.cluster.contingency_matrix(t, c)
    h, co, v = M.homogeneity_completeness_v_measure(t, c)
    put(name + ".score", tab.max(axis=0).sum() / len(t), hungarian(tab), M.normalized_mutual_info_score(t, c),
        M.adjusted_mutual_info_score(t, c), M.adjusted_rand_score(t, c), h, co, v)


t = rng.integers(8, size=300)
clusters("k8", t, noisy(t, 8, .5))
clusters("k12", t, noisy(t, 12, .7))
clusters("k3", t, (t // 3 + (rng.random(300) < .3)) % 3)
clusters("chance", t, rng.integers(5, size=300))
clusters("same", t, (t + 3) % 8)
clusters("one", np.zeros(20, int), np.zeros(20, int))
clusters("onecluster", rng.integers(4, size=20), np.zeros(20, int))
clusters("oneclass", np.zeros(20, int), rng.integers(4, size=20))
clusters("apart", rng.permutation(20) % 5, np.arange(20))
clusters("tiny", np.array([0, 1]), np.array([0, 0]))
cost = rng.normal(size=(6, 9))
i, j = optimize.linear_sum_assignment(cost)
put("assign.cost", cost)
put("assign.to", j)

# ---- silhouettes: x [60,13], the labels of 4 groups, one of them alone ----
c = rng.normal(size=(4, 13)) * 2
lab = np.concatenate([rng.integers(3, size=59), [3]])
x = (c[lab] + rng.normal(size=(60, 13)) + 5).astype(np.float32)
put("sil.x", x)
put("sil.label", lab)
put("sil.euclidean", M.silhouette_samples(x.astype(float), lab))
put("sil.cosine", M.silhouette_samples(x.astype(float), lab, metric="cosine"))
put("sil.dist", M.pairwise_distances(x.astype(float))[:3])
put("sil.cosdist", M.pairwise_distances(x.astype(float), metric="cosine")[:3])

# ---- bootstrap: intervals of the mean of 30 numbers from given replicates, SciPy's BCa formula ----
z = rng.gamma(1.5, size=30)
idx = rng.integers(30, size=(500, 30))
rep = z[idx].mean(axis=1)
put("boot.z", z)
put("boot.rep", rep)
put("boot.jack", [np.delete(z, i).mean() for i in range(30)])
put("boot.percentile", np.quantile(rep, [.05, .95]))
a1, a2, _ = _resampling._bca_interval((z,), lambda v, axis: v.mean(axis=axis), -1, .05, rep, None)
put("boot.bca", np.quantile(rep, [a1, a2]))
put("normal.p", np.array([1e-12, 1e-5, .025, .2, .5, .7, .975, 1 - 1e-6]))
put("normal.z", stats.norm.ppf(np.array([1e-12, 1e-5, .025, .2, .5, .7, .975, 1 - 1e-6])))
