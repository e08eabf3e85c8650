#!/usr/bin/python3
"""How near --compat opensmile comes to openSMILE: concordance of every functional over sounds at their own rates, the worst first. Several
channels are mixed for both. Needs the package opensmile of PyPI (its licence allows research), soundfile and NumPy.

usage: tests/ref/smile_agreement.py PRESET SOUND...            bin/ first on PATH
"""
import csv
import os
import subprocess
import sys
import tempfile

import numpy as np
import opensmile
import soundfile

SETS = {"egemaps-opensmile": opensmile.FeatureSet.eGeMAPSv02, "gemaps-opensmile": opensmile.FeatureSet.GeMAPSv01b,
        "compare2016": opensmile.FeatureSet.ComParE_2016, "emobase": opensmile.FeatureSet.emobase,
        "is09": opensmile.FeatureSet("is09-13/IS09_emotion"), "is11": opensmile.FeatureSet("is09-13/IS11_speaker_state"),
        "is13": opensmile.FeatureSet("is09-13/IS13_ComParE"),
        "is10": opensmile.FeatureSet("is09-13/IS10_paraling_compat")}
preset, paths = sys.argv[1], sys.argv[2:]
smile = opensmile.Smile(SETS[preset], "func")
sounds = [soundfile.read(path, dtype="float32", always_2d=True) for path in paths]


def features(rate):
    """Of the sounds of that rate: CSV. Features at different rates don't go into one stream."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as manifest:
        manifest.write("id\tpath\n" + "".join(f"{i:06}\t{os.path.abspath(path)}\n" for i, path in enumerate(paths) if sounds[i][1] == rate))
        manifest.flush()
        records = subprocess.run(["ser-wav2feat", "-q", "--preset", preset, "--sample-frequency", str(rate),
                                  "--allow-absolute", manifest.name], check=True, capture_output=True)
    table = subprocess.run(["ser-cat", "--to", "csv"], input=records.stdout, check=True, capture_output=True)
    return table.stdout.decode().splitlines()


ours = {}
for rate in sorted({rate for _, rate in sounds}):
    header, *rows = csv.reader(features(rate))
    at = [header.index(name) for name in smile.feature_names]
    ours |= {row[header.index("id")]: [row[i] for i in at] for row in rows}
a = np.array([ours[f"{i:06}"] for i in range(len(paths))], float)
b = np.array([smile.process_signal(x.mean(axis=1), rate).to_numpy()[0] for x, rate in sounds], float)
cov = ((a - a.mean(0)) * (b - b.mean(0))).mean(0)
spread = a.var(0) + b.var(0) + (a.mean(0) - b.mean(0)) ** 2
ccc = np.where(spread > 0, 2 * cov / np.where(spread > 0, spread, 1), 1)
for k in np.argsort(ccc):
    worst = np.abs(a[:, k] - b[:, k]).argmax()
    print(f"{ccc[k]:.5f} {smile.feature_names[k]:46} {a[worst, k]:.6g} for {b[worst, k]:.6g} in {paths[worst]}")
print(f"{(ccc >= 0.99).sum()} of {len(ccc)} at least 0.99, {(ccc >= 0.9999).sum()} at least 0.9999, over {len(a)} sounds")
