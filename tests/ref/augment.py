#!/usr/bin/python3
"""Golden files of lib/dsp/augment.c and lib/audio/codec.c: SciPy's convolution, libsoxr's own one-shot conversion, Python's G.711.

usage: tests/ref/augment.py            writes tests/golden/augment.bin

Blocks as in front.py: a line "name rows cols\\n", then rows*cols little-endian float32. Needs python3-scipy and libsoxr.
"""
import audioop
import ctypes
import numpy as np
import scipy.signal

out = open("tests/golden/augment.bin", "wb")


def block(name, a):
    a = np.atleast_2d(np.asarray(a, dtype="<f4"))
    out.write(f"{name} {a.shape[0]} {a.shape[1]}\n".encode())
    out.write(a.tobytes())


class Quality(ctypes.Structure):
    _fields_ = [("precision", ctypes.c_double), ("phase", ctypes.c_double), ("passband", ctypes.c_double),
                ("stopband", ctypes.c_double), ("e", ctypes.c_void_p), ("flags", ctypes.c_ulong)]


soxr = ctypes.CDLL("libsoxr.so.0")
soxr.soxr_quality_spec.restype = Quality
soxr.soxr_oneshot.restype = ctypes.c_char_p


def oneshot(x, rate_in, rate_out):
    x = np.ascontiguousarray(x, dtype="<f4")
    y = np.zeros(int(len(x) * rate_out / rate_in) + 64, dtype="<f4")
    used, made = ctypes.c_size_t(), ctypes.c_size_t()
    q = soxr.soxr_quality_spec(4, ctypes.c_ulong(0))  # HQ
    e = soxr.soxr_oneshot(ctypes.c_double(rate_in), ctypes.c_double(rate_out), 1, x.ctypes.data_as(ctypes.c_void_p),
                          ctypes.c_size_t(len(x)), ctypes.byref(used), y.ctypes.data_as(ctypes.c_void_p),
                          ctypes.c_size_t(len(y)), ctypes.byref(made), None, ctypes.byref(q), None)
    assert e is None, e
    return y[: made.value]


rng = np.random.default_rng(1)
n = 1800
t = np.arange(n) / 16000
x = 0.3 * np.sin(2 * np.pi * (150 + 9000 * t) * t) + 0.02 * rng.standard_normal(n)
x = x.astype("<f4")
block("x", x)
h = (rng.standard_normal(700) * 10 ** (-3 * np.arange(700) / 600)).astype("<f4")
h[0] = 2
block("h", h)
block("x*h", scipy.signal.fftconvolve(x.astype(float), h.astype(float)))
block("speed-1.1", oneshot(x, 16000 * 1.1, 16000))
block("speed-0.9", oneshot(x, 16000 * 0.9, 16000))
i16 = np.round(x * 32768).astype("<i2")
for name, there, back in (("mulaw", audioop.lin2ulaw, audioop.ulaw2lin), ("alaw", audioop.lin2alaw, audioop.alaw2lin)):
    block(name, np.frombuffer(back(there(i16.tobytes(), 2), 2), "<i2") / 32768)
