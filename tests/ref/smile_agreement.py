#!/usr/bin/python3
"""How near --compat opensmile comes to openSMILE: concordance of every functional over sounds of 16 kHz, worst first. Needs the package
opensmile of PyPI (its licence allows research), soundfile and NumPy.

usage: tests/ref/smile_agreement.py SOUND...            bin/ser-wav2feat first on PATH
"""
import json
import subprocess
import sys

import numpy as np
import opensmile
import soundfile

smile = opensmile.Smile("eGeMAPSv02", "func")
ours, theirs = [], []
for path in sys.argv[1:]:
    features = subprocess.run(["ser-wav2feat", "-q", "--preset", "egemaps-opensmile", path], check=True, capture_output=True)
    dump = subprocess.run(["ser-dump", "--data"], input=features.stdout, check=True, capture_output=True)
    ours.append(json.loads(dump.stdout)["func"]["data"])
    x, rate = soundfile.read(path, dtype="float32")
    assert rate == 16000 and x.ndim == 1, path
    theirs.append(smile.process_signal(x, rate).to_numpy()[0])
a, b = np.array(ours, float), np.array(theirs, float)
cov = ((a - a.mean(0)) * (b - b.mean(0))).mean(0)
ccc = 2 * cov / (a.var(0) + b.var(0) + (a.mean(0) - b.mean(0)) ** 2)
for k in np.argsort(ccc):
    worst = np.abs(a[:, k] - b[:, k]).argmax()
    print(f"{ccc[k]:.5f} {smile.feature_names[k]:46} {a[worst, k]:.6g} for {b[worst, k]:.6g} in {sys.argv[1 + worst]}")
print(f"{(ccc >= 0.99).sum()} of {len(ccc)} at least 0.99, {(ccc >= 0.9999).sum()} at least 0.9999, over {len(a)} sounds")
