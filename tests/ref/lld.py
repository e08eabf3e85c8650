#!/usr/bin/python3
"""Golden file of the sets of low-level descriptors, ser-llds(7): a made-up voice of two vowels; its pulses, jitter, shimmer and
formants by Praat; descriptors of its spectra, linear prediction and functionals by NumPy and SciPy, in double precision.

usage: tests/ref/lld.py            writes tests/golden/lld.bin, blocks as tests/ref/front.py's
"""
import subprocess
import tempfile
import wave

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.signal
import scipy.stats

out = open("tests/golden/lld.bin", "wb")


def block(name, a):
    a = np.atleast_2d(np.asarray(a, dtype="<f4"))
    assert np.isfinite(a).all(), name
    out.write(f"{name} {a.shape[0]} {a.shape[1]}\n".encode())
    out.write(a.tobytes())


# ---- the voice ----
RATE, N = 16000, 16000
rng = np.random.default_rng(11)
x = np.zeros(N)
for begin, end, hz, rise, formants in ((0.05, 0.5, 118, 40, (310, 2020, 2960)), (0.58, 0.95, 210, -60, (730, 1090, 2440))):
    at, source = begin, np.zeros(N)
    while at < end:
        k, part = divmod(at * RATE, 1)
        height = 1 + 0.06 * rng.standard_normal()
        source[int(k)] += (1 - part) * height
        source[int(k) + 1] += part * height
        at += (1 + 0.008 * rng.standard_normal()) / (hz + rise * (at - begin))
    source = scipy.signal.lfilter([1], [1, -0.96], source)
    for f, bw in zip(formants + (3700, 4600), (70, 110, 160, 250, 300)):
        r = np.exp(-np.pi * bw / RATE)
        a = [1, -2 * r * np.cos(2 * np.pi * f / RATE), r * r]
        source = scipy.signal.lfilter([sum(a)], a, source)
    x += source
x = 0.4 * x / np.abs(x).max() + 0.0005 * rng.standard_normal(N)
x = np.round(x * 32768).astype("<i2")
block("signal", x / 32768)

# ---- Praat ----
with tempfile.TemporaryDirectory() as d:
    w = wave.open(d + "/x.wav", "wb")
    w.setnchannels(1), w.setsampwidth(2), w.setframerate(RATE)
    w.writeframes(x.tobytes())
    w.close()
    open(d + "/p.praat", "w").write(f'''
snd = Read from file: "{d}/x.wav"
pitch = To Pitch (ac): 0.01, 75, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, 600
first = Get time from frame number: 1
frames = Get number of frames
appendInfoLine: "pitch ", frames, " ", fixed$(first, 9)
selectObject: snd, pitch
pulses = To PointProcess (cc)
n = Get number of points
for i to n
 t = Get time from index: i
 appendInfoLine: "pulse ", fixed$(t, 9)
endfor
j = Get jitter (local): 0, 0, 0.0001, 0.02, 1.3
jd = Get jitter (ddp): 0, 0, 0.0001, 0.02, 1.3
selectObject: snd, pulses
s = Get shimmer (local): 0, 0, 0.0001, 0.02, 1.3, 1.6
sd = Get shimmer (local_dB): 0, 0, 0.0001, 0.02, 1.3, 1.6
appendInfoLine: "perturbation ", j, " ", jd, " ", s, " ", sd
selectObject: snd
burg = To Formant (burg): 0.01, 5, 5500, 0.025, 50
for k to 90
 if k >= 8 and k <= 46 or k >= 61 and k <= 90
  t = 0.01 * k
  appendInfo: "formants ", k - 1
  for q to 3
   f = Get value at time: q, t, "hertz", "Linear"
   b = Get bandwidth at time: q, t, "hertz", "Linear"
   appendInfo: " ", f, " ", b
  endfor
  appendInfoLine: ""
 endif
endfor
''')
    text = subprocess.run(["praat", "--run", d + "/p.praat"], check=True, capture_output=True, text=True).stdout
said = [line.split() for line in text.splitlines()]
for name in ("pitch", "pulse", "perturbation", "formants"):
    block("praat-" + name, [[float(v) for v in s[1:]] for s in said if s[0] == name])

# ---- descriptors of spectra ----
x = x / 32768
frames = np.lib.stride_tricks.sliding_window_view(x, 320)[::160]
P = np.abs(np.fft.rfft(frames * np.hamming(320), 512)) ** 2
M = np.sqrt(P)
hz = np.arange(257) * RATE / 512


def mel(f):
    return 2595 * np.log10(1 + f / 700)


edges = np.linspace(mel(20), mel(8000), 28)
weights = np.array([np.interp(mel(hz), edges[b:b + 3], [0, 1, 0], 0, 0) for b in range(26)])
energy = P @ weights.T
w2 = (2 * np.pi * 700 * (10 ** (edges[1:-1] / 2595) - 1)) ** 2
loudness = (w2 + 56.8e6) * w2 ** 2 / ((w2 + 6.3e6) ** 2 * (w2 + 0.38e9))
auditory = (energy * loudness) ** 0.33
log_energy = np.log(np.maximum(energy, 2.0 ** -30))
history = np.vstack([np.repeat(log_energy[:1], 4, 0), log_energy])  # constant before the beginning
rasta = scipy.signal.lfilter([0.2, 0.1, 0, -0.1, -0.2], [1, -0.98], history - history[0], axis=0)[4:]
rasta = (np.exp(rasta) * loudness) ** 0.33
cepstra = scipy.fft.dct(log_energy, norm="ortho", axis=1)[:, 1:15] * (1 + 11 * np.sin(np.pi * np.arange(1, 15) / 22))
flux = np.r_[0, np.sqrt((np.diff(M, axis=0) ** 2).mean(1))]
bark = 13 * np.arctan(0.00076 * hz) + 3.5 * np.arctan((hz / 7500) ** 2)
sharp = bark * np.maximum(1, 0.066 * np.exp(0.171 * bark))
rows = []
for v, p in zip(frames, P):
    c = np.average(hz, weights=p)
    m2, m3, m4 = [np.average((hz - c) ** k, weights=p) for k in (2, 3, 4)]
    m = np.sqrt(p)
    rows.append([
        np.sqrt((v ** 2).mean()), (np.diff(np.signbit(v).astype(int)) != 0).sum() / 320,
        p[(hz >= 250) & (hz <= 650)].sum(), p[(hz >= 1000) & (hz <= 4000)].sum(),
        *[hz[np.searchsorted(np.cumsum(p), q * p.sum())] for q in (0.25, 0.5, 0.75, 0.9)],
        c, scipy.stats.entropy(p, base=2), m2, m3 / m2 ** 1.5, m4 / m2 ** 2, scipy.stats.linregress(hz, p).slope,
        0.11 * np.average(sharp, weights=p), np.abs(np.diff(m)).sum() / m.sum()])
rows = np.array(rows)


def smooth(a):
    a = np.asarray(a)
    a = a[:, None] if a.ndim == 1 else a
    n = np.convolve(np.ones(len(a)), np.ones(3), "same")[:, None]
    return np.apply_along_axis(np.convolve, 0, a, np.ones(3), "same") / n


block("compare", smooth(np.column_stack([auditory.mean(1), rasta.mean(1), rows[:, :2], rasta, rows[:, 2:8], flux, rows[:, 8:], cepstra])))


def slope(lo, hi):
    at = (hz >= lo) & (hz <= hi)
    return [scipy.stats.linregress(hz[at], 10 * np.log10(p[at] + 1e-10)).slope for p in P]


def band(lo, hi):
    return P[:, (hz >= lo) & (hz <= hi)]


alpha = 10 * np.log10(band(1000.1, 5000).sum(1) / band(50, 1000).sum(1))
hammarberg = 10 * np.log10(band(0, 1999.9).max(1) / band(2000, 5000).max(1))
block("egemaps", smooth(np.column_stack([auditory.mean(1), alpha, hammarberg, slope(0, 500), slope(500, 1500), flux, cepstra[:, :4]])))

# ---- formants ----
top = 5500
k = np.arange(177)
emphasis = np.abs(1 - np.exp(-2 * np.pi * 50 / (2 * top)) * np.exp(-1j * np.pi * k / 176)) ** 2
rows = []
for p in P:
    even = np.r_[p[:177] * emphasis, (p[:177] * emphasis)[175:0:-1]]
    r = np.fft.ifft(even).real[:11]
    z = np.roots(np.r_[1, scipy.linalg.solve_toeplitz(r[:10], -r[1:])])
    f, b = np.angle(z) * top / np.pi, -2 * np.log(np.abs(z)) * top / np.pi
    ok = (f > 50) & (f < top - 50)
    order = np.argsort(f[ok])
    f, b = np.r_[f[ok][order], 0, 0, 0][:3], np.r_[b[ok][order], 0, 0, 0][:3]
    rows.append(np.column_stack([f, b]).ravel())
block("formants", rows)

# ---- functionals ----
T = 120
y = np.cumsum(rng.standard_normal((T, 25)), 0) * 0.3 + rng.standard_normal(25) * 5
voiced = np.zeros(T, bool)
voiced[3:40] = voiced[44:45] = voiced[70:101] = True
y[:, 10] = 30 + np.cumsum(rng.standard_normal(T)) * 0.4
y[~voiced, 10:] = 0
y = y.astype("<f4")
block("func-in", y)
y = y.astype("f8")


def turning(v, least):
    """Indices of the ends of v's rising and falling parts, by looking for each in turn."""
    ends, t, want = [0], 0, 0
    while True:
        rest = v[t:]
        fall = np.flatnonzero(np.maximum.accumulate(rest) - rest >= least)
        rise = np.flatnonzero(rest - np.minimum.accumulate(rest) >= least)
        if want == 0:
            want = 1 if len(fall) and (not len(rise) or fall[0] < rise[0]) else -1
            first = True
        hit = fall if want > 0 else rise
        if len(hit) == 0:
            best = t + (np.argmax(rest) if want > 0 else np.argmin(rest))
            ends.append(best if len(fall) + len(rise) or len(ends) > 1 else len(v) - 1)
            return ends
        stop = t + hit[0]
        part = v[t:stop + 1]
        ends.append(t + (np.argmax(part) if want > 0 else np.argmin(part)))
        t, want = stop, -want


def slopes(runs, least):
    up, down, peaks = [], [], 0
    for v in runs:
        if len(v) < 2:
            continue
        e = turning(v, least)
        d = [(v[b] - v[a]) / ((b - a) * 0.01) for a, b in zip(e, e[1:]) if b > a]
        up += [s for s in d if s > 0]
        down += [-s for s in d if s < 0]
        peaks += sum(v[b] - v[a] >= least and v[b] > v[c] for a, b, c in zip(e, e[1:], e[2:]))
    return [*[f(s) if s else 0 for s in (up, down) for f in (np.mean, np.std)]], peaks


def full(v, runs):
    s, peaks = slopes(runs, 0.1 * np.ptp(v))
    q = np.percentile(v, [20, 50, 80])
    return [v.mean(), v.std() / v.mean(), *q, q[2] - q[0], *s], peaks


def pair(v):
    return [v.mean(), v.std() / v.mean()]


cut = np.flatnonzero(np.diff(voiced.astype(int))) + 1
runs = np.split(np.arange(T), cut)
yes, no = [r for r in runs if voiced[r[0]]], [r for r in runs if not voiced[r[0]]]
f = full(y[voiced, 10], [y[r, 10] for r in yes])[0]
loud, peaks = full(y[:, 0], [y[:, 0]])
f += loud
for j in (5, 6, 7, 8, 9):
    f += pair(y[:, j])
for j in range(11, 25):
    f += pair(y[voiced, j])
for j in (1, 2, 3, 4, 5, 6, 7, 8, 9):
    f += pair(y[voiced, j])
f += [y[~voiced, j].mean() for j in (1, 2, 3, 4, 5)]
yes, no = [np.array([len(r) for r in s]) * 0.01 for s in (yes, no)]
f += [peaks / (T * 0.01), len(yes) / (T * 0.01), yes.mean(), yes.std(), no.mean(), no.std(), 10 * np.log10((x ** 2).mean())]
assert len(f) == 88
block("func-out", f)
out.close()
