#!/usr/bin/python3
"""Golden file of --compat opensmile: what openSMILE 3 makes of the made-up voice of tests/golden/lld.bin. Needs the package
opensmile of PyPI (openSMILE 3.0.2 by package 2.6.0), whose licence allows research: python3 -m venv, pip install opensmile.

usage: tests/ref/smile.py            writes tests/golden/smile.bin and smile-edges.bin, blocks as tests/ref/front.py's
"""
import tempfile

import numpy as np
import opensmile

data = open("tests/golden/lld.bin", "rb")
name, rows, cols = data.readline().split()
assert name == b"signal"
x = np.frombuffer(data.read(4 * int(rows) * int(cols)), "<f4")

# the program's functionals of one contour: samples of 16 bits at 100 Hz
FUNCTIONALS = """[componentInstances:cComponentManager]
instance[dataMemory].type=cDataMemory
\\{\\cm[source{?}:include external source]}
[componentInstances:cComponentManager]
instance[f].type=cFunctionals
[f:cFunctionals]
reader.dmLevel = wave
writer.dmLevel = func
frameMode = full
frameSize = 0
frameStep = 0
frameCenterSpecial = left
functionalsEnabled = Peaks;Peaks2
Peaks.numPeaks = 1
Peaks.meanPeakDist = 1
Peaks.peakMean = 1
Peaks.peakMeanMeanDist = 1
Peaks.peakDistStddev = 1
Peaks.norm = second
Peaks2.numPeaks = 1
Peaks2.meanPeakDist = 1
Peaks2.peakRangeAbs = 1
Peaks2.peakMeanAbs = 1
Peaks2.norm = second
Peaks2.relThresh = 0.1
Peaks2.dynRelThresh = 0
\\{\\cm[sink{?}:include external sink]}
"""


def peaks(contours):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
        conf.write(FUNCTIONALS)
        conf.flush()
        smile = opensmile.Smile(conf.name, "func")
        return [smile.process_signal(v / 32768, 100).to_numpy()[0] for v in contours]


TRANSFORM = """[componentInstances:cComponentManager]
instance[dataMemory].type=cDataMemory
\\{{\\cm[source{{?}}:include external source]}}
[componentInstances:cComponentManager]
instance[frame].type=cFramer
instance[fft].type=cTransformFFT
[frame:cFramer]
reader.dmLevel = wave
writer.dmLevel = frames
frameMode = fixed
frameSize = {seconds:.9f}
frameStep = {seconds:.9f}
frameCenterSpecial = left
noPostEOIprocessing = 1
[fft:cTransformFFT]
reader.dmLevel = frames
writer.dmLevel = func
\\{{\\cm[sink{{?}}:include external sink]}}
"""


def transform(v):
    """openSMILE's of integers v [n]: 0 Hz, half the rate, then real and imaginary parts of the bins between."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
        conf.write(TRANSFORM.format(seconds=len(v) / 16000))
        conf.flush()
        return opensmile.Smile(conf.name, "func").process_signal((v / 32768).astype("f4"), 16000).to_numpy()[0]


def block(name, a):
    a = np.atleast_2d(np.asarray(a, dtype="<f4"))
    assert np.isfinite(a).all(), name
    out.write(f"{name} {a.shape[0]} {a.shape[1]}\n".encode() + a.tobytes())


SETS = {"egemaps": "eGeMAPSv02", "compare": "ComParE_2016", "emobase": opensmile.FeatureSet("emobase/emobase"),
        "is09": opensmile.FeatureSet("is09-13/IS09_emotion"), "is10": opensmile.FeatureSet("is09-13/IS10_paraling_compat"),
        "is11": opensmile.FeatureSet("is09-13/IS11_speaker_state")}


def at_rate(rate):
    """The same samples at another rate, which make it another voice."""
    for name, set in SETS.items():
        block(f"{name}-lld-{rate}", opensmile.Smile(set, "lld").process_signal(x[: rate // 2], rate).to_numpy())


with open("tests/golden/smile.bin", "wb") as out:
    block("signal", x)
    for level in "lld", "func":
        smile = opensmile.Smile("eGeMAPSv02", level)
        block("egemaps-" + level, smile.process_signal(x, 16000).to_numpy())
    for level in "lld", "lld_de", "func":
        smile = opensmile.Smile("ComParE_2016", level)
        block("compare-" + level, smile.process_signal(x, 16000).to_numpy())
    for name in "emobase", "is09", "is10", "is11":
        for level in "lld", "func":
            block(name + "-" + level, opensmile.Smile(SETS[name], level).process_signal(x, 16000).to_numpy())
    smile = opensmile.Smile(opensmile.FeatureSet("is09-13/IS13_ComParE"), "func")
    block("is13-func", smile.process_signal(x, 16000).to_numpy())

    for rate in 8000, 22050, 44100, 48000:
        at_rate(rate)

    rng = np.random.default_rng(16)
    walks = rng.integers(-900, 900, (40, 100)).cumsum(axis=1)
    contours = np.vstack([walks - walks.mean(axis=1, keepdims=True).round(), 3 * rng.integers(-9000, 9000, (10, 100)),
                          3000 * rng.integers(0, 7, (10, 100))])
    block("contours", contours)
    block("contours-peaks", peaks(contours))

    # a low voice without its first harmonics, in noise: peaks beside harmonics, negative autocorrelations
    for first, count in (3, 27), (5, 35):
        pitch = 62 + 5 * np.sin(4 * np.pi * np.arange(11025) / 22050)
        phase = 2 * np.pi * pitch.cumsum() / 22050
        v = sum(np.cos(k * phase) / k**0.5 for k in range(first, first + count))
        v = np.trunc((0.4 * v / np.abs(v).max() + 0.01 * rng.standard_normal(len(v))) * 32768) / 32768
        block(f"without-{first}", v)
        block(f"without-{first}-lld", opensmile.Smile("eGeMAPSv02", "lld").process_signal(v.astype("f4"), 22050).to_numpy())

    # three tones, whose line spectral frequencies lie in pairs that a coarse search passes over
    t = np.arange(4000) / 16000
    v = np.trunc(0.2 * sum(np.sin(2 * np.pi * f * t) for f in (700, 1200 + 800 * t, 2900)) * 32768) / 32768
    block("tones", v)
    block("tones-lld", opensmile.Smile(SETS["is10"], "lld").process_signal(v.astype("f4"), 16000).to_numpy()[:, 24:32])

    samples = rng.integers(-32768, 32768, 2048)
    block("samples", samples)
    for n in 64, 128, 256, 512, 1024, 2048:
        block(f"transform-{n}", transform(samples[:n]))

with open("tests/golden/smile-edges.bin", "wb") as out:
    for rate in 11025, 32000:
        at_rate(rate)
    # sounds just above the least length, of the voice and of silence
    for name, lengths in ("is09", (400, 480, 560, 720)), ("emobase", (640, 720, 800, 960)), ("is10", (1120, 1200, 1440)), \
            ("compare", (960,)), ("egemaps", (960, 1040)):
        smile = opensmile.Smile(SETS[name], "func")
        for n in lengths:
            block(f"{name}-{n}", smile.process_signal(x[2000 : 2000 + n], 16000).to_numpy())
            block(f"{name}-{n}-silent", smile.process_signal(0 * x[:n], 16000).to_numpy())
