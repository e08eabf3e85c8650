#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""k-means by scikit-learn, for tests/unit/test_ml.c: writes tests/golden/ml_kmeans.txt, the data and the least inertia
of 200 starts."""
import numpy as np
from sklearn.cluster import KMeans

rng = np.random.default_rng(2)
out = open("tests/golden/ml_kmeans.txt", "w")


def put(name, v):
    v = np.ravel(v)
    print(name, len(v), *(repr(float(x)) for x in v), file=out)


c = rng.normal(size=(4, 10))
x = np.round(c[rng.integers(4, size=90)] + rng.normal(size=(90, 10)) * .7 + 30, 2).astype(np.float32)
put("x", x)
for k in (1, 2, 4, 7, 20):
    put("inertia.%d" % k, KMeans(k, n_init=200, tol=0, random_state=0).fit(x.astype(float)).inertia_)
