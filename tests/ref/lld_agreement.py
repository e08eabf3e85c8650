#!/usr/bin/python3
"""How far descriptors of real speech agree with Praat's: the table in ser-llds(7).

usage: tests/ref/lld_agreement.py MANIFEST [FILES]       every so many rows of a manifest, 36 files unless told

Needs ser-wav2feat in PATH, Praat and msgpack_numpy. Each line: frames that have a voice in both, correlation and median relative difference over
them, and the same of the files' means. Praat's values are smoothed as ours are. The harmonics-to-noise ratio's difference is in dB.
"""
import io
import subprocess
import sys
import tempfile
import wave

import msgpack
import msgpack_numpy
import numpy as np

PRAAT = '''
snd = Read from file: "{wav}"
pitch = To Pitch (ac): 0.01, 55, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, 1000
selectObject: snd, pitch
pulses = To PointProcess (cc)
selectObject: snd
burg = To Formant (burg): 0.01, 5, 5500, 0.025, 50
selectObject: snd
hnr = To Harmonicity (ac): 0.01, 55, 0.03, 3.0
for k to {frames}
 t = 0.01 * k
 selectObject: pulses
 j = Get jitter (local): t - 0.03, t + 0.03, 0.0001, 0.02, 1.3
 jd = Get jitter (ddp): t - 0.03, t + 0.03, 0.0001, 0.02, 1.3
 selectObject: snd, pulses
 s = Get shimmer (local): t - 0.03, t + 0.03, 0.0001, 0.02, 1.3, 1.6
 sd = Get shimmer (local_dB): t - 0.03, t + 0.03, 0.0001, 0.02, 1.3, 1.6
 selectObject: pitch
 f0 = Get value at time: t, "Hertz", "Linear"
 selectObject: hnr
 h = Get value at time: t, "nearest"
 appendInfo: f0, " ", j, " ", jd, " ", s, " ", sd, " ", h
 selectObject: burg
 for q to 3
  f = Get value at time: q, t, "hertz", "Linear"
  b = Get bandwidth at time: q, t, "hertz", "Linear"
  appendInfo: " ", f, " ", b
 endfor
 appendInfoLine: ""
endfor
'''
# ours: set and column; Praat's column
PAIRS = {"F0 (Hz)": ("compare", 0, 0), "jitterLocal": ("compare", 2, 1), "jitterDDP": ("compare", 3, 2), "shimmerLocal": ("compare", 4, 3),
         "shimmerLocaldB": ("egemaps", 12, 4), "HNRdBACF": ("egemaps", 13, 5),
         **{f"F{q + 1}{n}": ("egemaps", 16 + 3 * q + i, 6 + 2 * q + i) for q in range(3) for i, n in enumerate(("frequency", "bandwidth"))}}


def features(manifest, *options):
    run = subprocess.run(["ser-wav2feat", "-q", *options, manifest], check=True, stdout=subprocess.PIPE)
    records = msgpack.Unpacker(io.BytesIO(run.stdout), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0)
    return {r["id"]: np.array(r["feat"]) for r in records if "id" in r}


def smooth(v, voiced):
    y = np.full(len(v), np.nan)
    for t in np.flatnonzero(voiced):
        near = [v[i] for i in range(max(0, t - 1), min(len(v), t + 2)) if voiced[i] and np.isfinite(v[i])]
        y[t] = np.mean(near) if near else np.nan
    return y


def main(manifest, n="36"):
    lines = open(manifest).read().splitlines()
    pairs = {k: [] for k in PAIRS}
    with tempfile.TemporaryDirectory() as d:
        with open(d + "/m.tsv", "w") as f:
            f.write("\n".join(lines[:1] + lines[1::max(1, (len(lines) - 1) // int(n))]) + "\n")
        waves = features(d + "/m.tsv", "--kind", "wave")
        ours = {"egemaps": features(d + "/m.tsv", "--kind", "egemaps"),
                "compare": features(d + "/m.tsv", "--kind", "compare", "--f0-floor", "55", "--f0-ceiling", "1000")}
        for name, x in waves.items():
            w = wave.open(d + "/x.wav", "wb")
            w.setnchannels(1), w.setsampwidth(2), w.setframerate(16000)
            w.writeframes(np.clip(np.round(x[:, 0] * 32768), -32768, 32767).astype("<i2").tobytes())
            w.close()
            voiced = ours["egemaps"][name][:, 10] > 0
            open(d + "/p.praat", "w").write(PRAAT.format(wav=d + "/x.wav", frames=len(voiced)))
            text = subprocess.run(["praat", "--run", d + "/p.praat"], check=True, capture_output=True, text=True).stdout
            praat = np.array([[np.nan if v == "--undefined--" else float(v) for v in line.split()] for line in text.splitlines()])
            praat[praat[:, 5] < -100, 5] = np.nan
            for k, (kind, column, other) in PAIRS.items():
                a, b = ours[kind][name][:, column], smooth(praat[:, other], voiced)
                both = voiced & np.isfinite(b) & (b != 0)
                pairs[k].append(np.column_stack([a[both], b[both]]))
    for k, v in pairs.items():
        files = np.array([f.mean(0) for f in v if len(f) > 5])
        v = np.concatenate(v)
        off = [np.median(np.abs(u[:, 0] - u[:, 1]) if k == "HNRdBACF" else np.abs(u[:, 0] / u[:, 1] - 1)) for u in (v, files)]
        print(f"{k:15s} {len(v):6d} frames  r {np.corrcoef(v.T)[0, 1]:.3f}  off {off[0]:.4f}    "
              f"{len(files):3d} files  r {np.corrcoef(files.T)[0, 1]:.3f}  off {off[1]:.4f}")


main(*sys.argv[1:])
