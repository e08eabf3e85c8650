#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""PCA, LDA and t-SNE by scikit-learn, for tests/unit/test_project.c: writes tests/golden/ml_project.txt."""
import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis as LDA
from sklearn.manifold import TSNE

rng = np.random.default_rng(4)
out = open("tests/golden/ml_project.txt", "w")


def put(name, v):
    v = np.ravel(np.asarray(v, dtype=float))
    print(name, len(v), *(repr(int(x) if x == int(x) else float(x)) for x in v), file=out)


c = rng.normal(size=(4, 7)) * 2
lab = rng.integers(4, size=120)
x = np.round(c[lab] + rng.normal(size=(120, 7)) + 3, 3).astype(np.float32)
put("x", x)
put("label", lab)
f = x.astype(float)
p = PCA(3, svd_solver="full").fit(f)
put("pca.abs", np.abs(p.transform(f)))
put("pca.value", p.explained_variance_)
put("pca.share", p.explained_variance_ratio_)
p = PCA(3, svd_solver="full").fit(f[:5])  # fewer rows than dimensions
put("pcafew.abs", np.abs(p.transform(f)))
put("pcafew.value", p.explained_variance_)
for name, s in ("lda", 0), ("ldashrunk", .3):
    m = LDA(solver="eigen", shrinkage=s or None).fit(f, lab)
    z = (f - f.mean(axis=0)) @ m.scalings_[:, :3]
    put(name + ".abs", np.abs(z))
    put(name + ".share", m.explained_variance_ratio_)
start = PCA(2, svd_solver="full").fit_transform(f)
put("tsne.start", start)
start = start / start[:, 0].std() * 1e-4
for name, kw in ("exact", {"method": "exact"}), ("near", {"method": "barnes_hut", "angle": 0.2}):
    put("tsne." + name, TSNE(perplexity=12, init=start, learning_rate="auto", **kw).fit(f).kl_divergence_)
