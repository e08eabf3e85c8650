#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reports by scikit-learn and SciPy for tests/unit/test_score.c: writes tests/golden/score.txt. A case is a line "case NAME",
lines "h TENSOR.KEY=A,B" of its header, "r" and the fields of a record as tests/tools/mkser has them, and "w TABLE ROW COLUMN
VALUE TOLERANCE" of what a report says; VALUE "-": nothing, the score is undefined.

The chance of clusters is exact: every shuffle of a small group is counted, and the tolerance is five standard errors of the
shuffles that the test draws."""
import itertools

import numpy as np
from scipy import optimize, stats
from scipy.spatial import distance
from sklearn import metrics as M

N_PERM = 20000  # as in the test
out = open("tests/golden/score.txt", "w")


def put(*field):
    print(*field, sep="\t", file=out)


def case(name, header=()):
    put("case", name)
    for h in header:
        put("h", h)


def want(table, row, column, value, tol=1e-9):
    put("w", table, row, column, "-" if value is None or not np.isfinite(value) else repr(float(value)), repr(float(tol)))


def listed(v):
    return ",".join(repr(float(np.float32(x))) for x in v)


# ---- classes: posteriors with ties, a class of the header that is never true, one that is nowhere, two folds ----

names = ["joy", "fear", "anger", "boredom", "none"]
truth = np.array([0, 0, 0, 2, 2, 2, 2, 3, 3, 0, 2, 3, 3, 0, 2, 2])
post = np.array([[4, 0, 0, 0, 0], [2, 2, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 4, 0, 0], [0, 0, 2, 2, 0], [1, 0, 1, 1, 0], [0, 3, 1, 0, 0],
                 [0, 0, 0, 4, 0], [0, 0, 2, 2, 0], [3, 1, 0, 0, 0], [0, 0, 3, 1, 0], [0, 0, 1, 3, 0], [1, 0, 0, 3, 0], [1, 0, 3, 0, 0],
                 [0, 0, 4, 0, 0], [0, 1, 3, 0, 0]]) / 4
pred = post.argmax(axis=1)  # the first of equals
fold = np.repeat([0, 1], [9, 7])
case("classes", ["post.classes=" + ",".join(names)])
for i in range(len(truth)):
    put("r", "id=u%d" % i, "spk=s%d" % (i % 4), "fold:i=%d" % fold[i], "emo=" + names[truth[i]], "post:t=" + listed(post[i]))


def class_scores(t, p):
    with np.errstate(all="ignore"):
        return {"uar": M.recall_score(t, p, average="macro", labels=sorted(set(t)), zero_division=0), "war": M.accuracy_score(t, p),
                "macro_f1": M.f1_score(t, p, average="macro", zero_division=0), "micro_f1": M.f1_score(t, p, average="micro"),
                "weighted_f1": M.f1_score(t, p, average="weighted", zero_division=0),
                "macro_precision": M.precision_score(t, p, average="macro", zero_division=0),
                "kappa": M.cohen_kappa_score(t, p), "mcc": M.matthews_corrcoef(t, p)}


each = [class_scores(truth[fold == f], pred[fold == f]) for f in range(2)]
for s, v in class_scores(truth, pred).items():
    want("scores", "pooled." + s, "value", v)
    want("scores", "fold_mean." + s, "value", np.mean([e[s] for e in each]))
for f in range(2):
    for s in "uar", "war", "macro_f1":
        want("folds", f, s, each[f][s])
    want("folds", f, "n", (fold == f).sum())
    want("folds", f, "classes_absent", 5 - len(set(truth[fold == f])))
prec, rec, f1, support = M.precision_recall_fscore_support(truth, pred, labels=range(5), zero_division=0)
conf = M.confusion_matrix(truth, pred, labels=range(5))
for k in range(5):
    want("classes", names[k], "recall", rec[k] if support[k] > 0 else None)
    want("classes", names[k], "precision", prec[k])
    want("classes", names[k], "f1", f1[k])
    want("classes", names[k], "n", support[k])
    for j in range(5):
        want("confusion", names[k], names[j], conf[k, j])

# ---- one class: whoever says it always is right and no better than chance ----

case("one-class")
for i in range(6):
    put("r", "id=u%d" % i, "emo=joy", "pred=joy")
want("scores", "pooled.uar", "value", 1)
want("scores", "pooled.war", "value", 1)
want("scores", "pooled.kappa", "value", M.cohen_kappa_score(np.zeros(6), np.zeros(6)))  # 0/0
want("scores", "pooled.mcc", "value", M.matthews_corrcoef(np.zeros(6), np.zeros(6)))

# ---- one answer for all: UAR is one over the number of classes, agreement beyond chance is none ----

case("constant")
t = [0, 0, 0, 0, 0, 1, 1, 1, 2]
for i, k in enumerate(t):
    put("r", "id=u%d" % i, "emo=" + names[k], "pred=joy")
for s, v in class_scores(np.array(t), np.zeros(9, int)).items():
    want("scores", "pooled." + s, "value", v)

# ---- intervals: of n items drawn with replacement the number of hits is binomial ----

n, hits = 40, 28
case("binomial")
for i in range(n):
    put("r", "id=u%d" % i, "emo=joy", "pred=" + ("joy" if i < hits else "fear"))
for column, q in ("utt_lo", .025), ("utt_hi", .975):
    want("scores", "pooled.war", column, stats.binom.ppf(q, n, hits / n) / n, 1.001 / n)  # a step to either side

# ---- numbers: ties, and what is constant ----


def numbers(name, y, z, split):
    case(name)
    for i in range(len(y)):
        put("r", "id=u%d" % i, "fold:i=%d" % split[i], "aro:f=%r" % float(y[i]), "pred:f=%r" % float(z[i]))


def regress_scores(y, p):
    den = y.var() + p.var() + (y.mean() - p.mean()) ** 2
    flat = y.var() == 0 or p.var() == 0
    return {"ccc": 2 * np.mean((y - y.mean()) * (p - p.mean())) / den if den > 0 else None,
            "pearson": None if flat else stats.pearsonr(y, p)[0], "spearman": None if flat else stats.spearmanr(y, p)[0],
            "mse": M.mean_squared_error(y, p), "rmse": M.mean_squared_error(y, p) ** .5, "mae": M.mean_absolute_error(y, p)}


y = np.array([1, 1, 2, 2, 2, 3, 4, 5, 5, -1, 0.5, 2.25])
z = np.array([1.5, 1, 2, 2, 3.5, 2, 5, 4, 4, 0, 0, 2])
half = np.repeat([0, 1], 6)
numbers("numbers", y, z, half)
every = [regress_scores(y[half == f], z[half == f]) for f in range(2)]
for s, v in regress_scores(y, z).items():
    want("scores", "pooled." + s, "value", v)
    want("scores", "fold_mean." + s, "value", np.mean([e[s] for e in every]))
for f in range(2):
    for s in "ccc", "pearson", "spearman", "rmse":
        want("folds", f, s, every[f][s])
numbers("flat-prediction", y, np.full(12, 2.), np.zeros(12))
for s, v in regress_scores(y, np.full(12, 2.)).items():
    want("scores", "pooled." + s, "value", v)
numbers("flat", np.full(4, 2.), np.full(4, 2.), np.zeros(4))
for s, v in regress_scores(np.full(4, 2.), np.full(4, 2.)).items():
    want("scores", "pooled." + s, "value", v)

# ---- clusters: the scores of two small groups beside their exact chance ----


def cluster_scores(a, u):
    tab = M.cluster.contingency_matrix(a, u)
    i, j = optimize.linear_sum_assignment(-tab)
    return {"purity": tab.max(axis=0).sum() / len(a), "hungarian": tab[i, j].sum() / len(a),
            "nmi": M.normalized_mutual_info_score(a, u), "ami": M.adjusted_mutual_info_score(a, u),
            "ari": M.adjusted_rand_score(a, u), "homogeneity": M.homogeneity_score(a, u),
            "completeness": M.completeness_score(a, u), "v_measure": M.v_measure_score(a, u)}


def shuffles(a, score):
    """Every value that a score takes over all orders of a, and its share."""
    table, total = {}, 0
    for q in set(itertools.permutations(a)):  # each of these is as likely
        for s, v in score(list(q)).items():
            table.setdefault(s, {}).setdefault(round(v, 10), 0)
            table[s][round(v, 10)] += 1
        total += 1
    return {s: {v: c / total for v, c in d.items()} for s, d in table.items()}


def chance(table, row, cells, observed, dist):
    v, w = np.array(list(dist)), np.array(list(dist.values()))
    mean = (v * w).sum()
    sd = ((v - mean) ** 2 * w).sum() ** .5
    fourth = ((v - mean) ** 4 * w).sum()
    p = w[v >= observed - 1e-8].sum()
    want(table, row, cells, observed)
    want(table, row, "chance", mean, 5 * sd / N_PERM ** .5 + 1e-9)
    want(table, row, "chance_sd", sd, 5 * (max(fourth - sd ** 4, 0) / N_PERM) ** .5 / max(2 * sd, 1e-9) + 1e-6)
    want(table, row, "p", p, 5 * (p * (1 - p) / N_PERM) ** .5 + 1.01 / N_PERM)


groups = {"g": ([0, 0, 0, 1, 1, 2, 2, 2], [0, 0, 1, 1, 1, 7, 7, 1]), "h": ([0, 0, 0, 1, 1, 1], [3, 3, 0, 3, 0, 0])}
rng = np.random.default_rng(5)
emb = {g: np.float32(rng.normal(size=(len(a), 3)) + np.eye(3)[a] * 1.5) for g, (a, u) in groups.items()}
case("clusters")
for g, (a, u) in groups.items():
    for i in range(len(a)):
        put("r", "id=%s%d" % (g, i), "spk=" + g, "emo=" + names[a[i]], "cluster:i=%d" % u[i], "emb:t=" + listed(emb[g][i]))
for metric in ["euclidean"]:
    dist, observed = {}, {}
    for g, (a, u) in groups.items():
        def score(q):
            return dict(cluster_scores(q, u), silhouette_label=M.silhouette_score(emb[g].astype(float), q, metric=metric))
        dist[g], observed[g] = shuffles(a, score), score(a)
        for s, v in observed[g].items():
            chance("groups", "%s.%s" % (g, s), "value", v, dist[g][s])
        want("groups", g + ".silhouette", "value", M.silhouette_score(emb[g].astype(float), u, metric=metric))
    for s in observed["g"]:
        both = {}
        for (v, p), (w, q) in itertools.product(dist["g"][s].items(), dist["h"][s].items()):
            both[(v + w) / 2] = both.get((v + w) / 2, 0) + p * q
        chance("scores", s, "mean", (observed["g"][s] + observed["h"][s]) / 2, both)

case("one-cluster")  # one class in one cluster, then two classes in one: no silhouette of it
for g, a in ("g", [0, 0, 0]), ("h", [0, 1, 1]):
    for i in range(3):
        put("r", "id=%s%d" % (g, i), "spk=" + g, "emo=" + names[a[i]], "cluster:i=5", "emb:t=%d,%d" % (i + 1, 2 - i))
    for s, v in cluster_scores(a, [5, 5, 5]).items():
        want("groups", "%s.%s" % (g, s), "value", v)
    want("groups", g + ".silhouette", "value", None)
x = np.array([[1, 2], [2, 1], [3, 0]])
want("groups", "g.silhouette_label", "value", None)
want("groups", "h.silhouette_label", "value", M.silhouette_score(x, [0, 1, 1]))
want("scores", "silhouette_label", "groups", 1)
want("scores", "silhouette", "groups", 0)
want("scores", "silhouette", "mean", None)

# ---- voices: equal scores of target and non-target trials ----

v = np.array([[2, 0, 0], [1, 0, 0], [0, 3, 0], [0, 1, 1], [1, 0, 1], [0, 1, -1], [4, 0, 1], [1, 1, 1]], float)
who = np.array([0, 0, 1, 1, 2, 2, 0, 2])
case("voices")
for i in range(len(v)):
    put("r", "id=v%d" % i, "spk=s%d" % who[i], "emb:t=" + listed(v[i]))
unit = v / np.linalg.norm(v, axis=1, keepdims=True)
i, j = np.triu_indices(len(v), 1)
score, same = np.round((unit @ unit.T)[i, j], 12), who[i] == who[j]


def eer_dcf(score, same):
    fa, hit, _ = M.roc_curve(same, score, drop_intermediate=False)
    k = np.flatnonzero(fa >= 1 - hit)[0]
    gap = (1 - hit[k - 1]) - fa[k - 1]
    part = gap / (gap + fa[k] - (1 - hit[k]))
    return fa[k - 1] + part * (fa[k] - fa[k - 1]), (.05 * (1 - hit) + .95 * fa).min() / .05


eer, dcf = eer_dcf(score, same)
want("scores", "eer", "value", eer)
want("scores", "min_dcf", "value", dcf)
fa, hit, _ = M.roc_curve(same, score, drop_intermediate=False)
for k in range(len(fa)):
    want("det", k, "false_acceptance", fa[k])
    want("det", k, "miss", 1 - hit[k])
cohort = np.array([[1, 1, 0], [0, 1, 2], [3, -1, 1], [1, 0, 2], [-1, 2, 1]], float)
case("cohort")
for k in range(len(cohort)):
    put("r", "id=c%d" % k, "emb:t=" + listed(cohort[k]))
case("as-norm")
top = np.sort(unit @ (cohort / np.linalg.norm(cohort, axis=1, keepdims=True)).T, axis=1)[:, ::-1][:, :3]
mean, sd = top.mean(axis=1), top.std(axis=1)
eer, dcf = eer_dcf(np.round((((unit @ unit.T)[i, j] - mean[i]) / sd[i] + ((unit @ unit.T)[i, j] - mean[j]) / sd[j]) / 2, 9), same)
want("scores", "eer", "value", eer)
want("scores", "min_dcf", "value", dcf)

# ---- two systems, the second's records in another order ----

second = truth.copy()
second[[1, 2, 8, 9, 13]] = [4, 0, 2, 2, 0]
case("second")
for i in reversed(range(len(truth))):
    put("r", "id=u%d" % i, "emo=" + names[truth[i]], "pred=" + names[second[i]])
case("compare")
for s, v in class_scores(truth, pred).items():
    want("differences", "pooled." + s, "first", v)
    want("differences", "pooled." + s, "difference", v - class_scores(truth, second)[s])
one, two = pred == truth, second == truth
want("mcnemar", len(truth), "both_right", (one & two).sum())
want("mcnemar", len(truth), "first_only", (one & ~two).sum())
want("mcnemar", len(truth), "second_only", (two & ~one).sum())
want("mcnemar", len(truth), "both_wrong", (~one & ~two).sum())
want("mcnemar", len(truth), "p", stats.binomtest(int((one & ~two).sum()), int((one ^ two).sum())).pvalue)

# ---- several classes at once: votes, some of one class, all of them or of none; posteriors with ties, in another order ----

votes = np.array([[3, 1, 0, 0], [0, 2, 2, 0], [0, 0, 5, 0], [1, 1, 1, 1], [0, 0, 0, 0], [4, 0, 0, 1], [0, 1, 6, 0], [0, 0, 3, 1], [2, 0, 0, 3], [1, 5, 1, 0]])
score = np.array([[4, 2, 1, 1], [1, 1, 4, 2], [0, 0, 8, 0], [3, 2, 2, 1], [2, 2, 2, 2], [1, 4, 1, 2], [0, 4, 4, 0], [2, 2, 2, 2], [5, 0, 0, 3], [3, 3, 1, 1]]) / 8
unit = np.arange(10) % 3
some = np.array(["fear", "joy", "anger", "none"])
case("votes", ["post.classes=" + ",".join(some[::-1])])
for i in range(10):
    put("r", "id=u%d" % i, "spk=s%d" % unit[i], "fold:i=%d" % (i // 6),
        *("vote.%s:i=%d" % (some[k], votes[i, k]) for k in range(4) if votes[i, k] > 0 or i % 2), "post:t=" + listed(score[i, ::-1]))
kept = votes.sum(1) > 0
votes, score, fold = votes[kept], score[kept], (np.arange(10) // 6)[kept]
share = votes / votes.sum(1, keepdims=True)


def label_scores(t, p, s, v):
    return {"hamming_loss": M.hamming_loss(t, p), "ranking_loss": M.label_ranking_loss(t, s), "coverage": M.coverage_error(t, s),
            "macro_f1": M.f1_score(t, p, average="macro", zero_division=0), "micro_f1": M.f1_score(t, p, average="micro"),
            "weighted_f1": M.f1_score(t, p, average="weighted", zero_division=0),
            "js_divergence": np.mean([distance.jensenshannon(a, b) ** 2 for a, b in zip(v, s)])}


for name, t, threshold in (("labels-share", share > 1 / 4, 1 / 4), ("labels-voted", votes > 0, 0.4)):
    p = score > threshold
    case(name)
    for s, v in label_scores(t, p, score, share).items():
        want("scores", "pooled." + s, "value", v)
    each = [label_scores(t[fold == f], p[fold == f], score[fold == f], share[fold == f]) for f in range(2)]
    for s in each[0]:
        want("scores", "fold_mean." + s, "value", np.mean([e[s] for e in each]))
    for k in range(4):
        want("classes", some[k], "f1", M.f1_score(t[:, k], p[:, k], zero_division=0))
        want("classes", some[k], "true", t[:, k].sum())
        want("classes", some[k], "decided", p[:, k].sum())
