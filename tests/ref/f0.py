#!/usr/bin/python3
"""Golden file of the pitch tracker: a made-up voice, and its contour by Praat's "To Pitch (ac)" with its standard settings.

usage: tests/ref/f0.py       writes tests/golden/f0.bin: samples of the signal (8 kHz), frames T, as int32; time of the first frame and
                             the step as float64; the signal as int16; F0 [T] as float32
"""
import subprocess
import tempfile
import wave

import numpy as np

rate, n = 8000, 9000
rng = np.random.default_rng(4)
t = np.arange(n) / rate
f0 = np.where(t < 0.5, 120 + 60 * np.sin(2 * np.pi * 1.5 * t), 230 - 90 * (t - 0.5))
phase = 2 * np.pi * np.cumsum(f0) / rate
x = sum(np.cos(k * phase + k * k) / k for k in range(1, 9)) * 0.1
x *= np.clip(np.sin(2 * np.pi * 1.9 * t) + 0.6, 0, 1)
x += rng.standard_normal(n) * np.where((t > 0.4) & (t < 0.5), 0.1, 0.004)
x[:400] *= 0.01
x = np.round(x * 20000).astype("<i2")

with tempfile.TemporaryDirectory() as d:
    w = wave.open(d + "/x.wav", "wb")
    w.setnchannels(1), w.setsampwidth(2), w.setframerate(rate)
    w.writeframes(x.tobytes())
    w.close()
    open(d + "/p.praat", "w").write(f'''
snd = Read from file: "{d}/x.wav"
To Pitch (ac): 0.01, 75, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, 600
n = Get number of frames
for i to n
 t = Get time from frame number: i
 v = Get value in frame: i, "Hertz"
 if v = undefined
  v = 0
 endif
 appendInfoLine: fixed$(t, 9), " ", fixed$(v, 6)
endfor
''')
    rows = subprocess.run(["praat", "--run", d + "/p.praat"], check=True, capture_output=True, text=True).stdout
r = np.array([[float(v) for v in line.split()] for line in rows.splitlines()])
assert 30 < (r[:, 1] > 0).sum() < len(r) - 10
with open("tests/golden/f0.bin", "wb") as f:
    f.write(np.array([n, len(r)], "<i4").tobytes() + np.array([r[0, 0], 0.01], "<f8").tobytes())
    f.write(x.tobytes() + r[:, 1].astype("<f4").tobytes())
print(len(r), "frames,", (r[:, 1] > 0).sum(), "voiced")
