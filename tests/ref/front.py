#!/usr/bin/python3
"""Golden files of lib/dsp: torchaudio's front-ends, deltas and sliding normalisation, NumPy's transform, SciPy's statistics, in double
precision.

usage: tests/ref/front.py            writes tests/golden/front.bin

The file is a sequence of blocks: a line "name rows cols\\n", then rows*cols little-endian float32.
A name that begins with "front:" holds the options of the front-end (spaces as commas) whose features of the block "signal" follow.

torchaudio computes Kaldi's mel filters in float32 whatever the signal's type, as Kaldi does; all else is float64, since in
float32 its own rounding is up to 0.07 in the lowest bands of real speech. Its DCT matrix is float32 too: the cepstra are
SciPy's DCT of its filterbank.
"""
import numpy as np
import scipy.fft
import scipy.stats
import torch
import torchaudio
import torchaudio.compliance.kaldi as K

out = open("tests/golden/front.bin", "wb")


def block(name, a):
    a = np.atleast_2d(np.asarray(a, dtype="<f4"))
    out.write(f"{name.replace(' ', ',')} {a.shape[0]} {a.shape[1]}\n".encode())
    out.write(a.tobytes())


def front(options, a):
    block("front:" + options, a)


rng = np.random.default_rng(1)
n = 2900
t = np.arange(n) / 16000
x = 0.4 * np.sin(2 * np.pi * (200 + 3000 * t) * t) * np.exp(-3 * t) + 0.01 * rng.standard_normal(n)
x += 0.2 * np.sin(2 * np.pi * 130 * t) + 0.02
x[1800:2300] *= 1e-3
x = np.round(x * 32768).astype(np.int16)
block("signal", x / 32768)
x = torch.from_numpy(x / 32768)[None].double()


def fbank(**kw):
    kw = dict(dict(num_mel_bins=80), **kw)
    return K.fbank(x * 32768, **kw).numpy()


def mfcc(n_ceps=13, lifter=22, **kw):
    b = K.fbank(x * 32768, **kw).numpy()
    c = scipy.fft.dct(b, norm="ortho", axis=1)[:, :n_ceps]
    return c * (1 + lifter / 2 * np.sin(np.pi * np.arange(n_ceps) / lifter)) if lifter else c


front("fbank", fbank())
front("fbank num-mel-bins=23 use-energy=true", fbank(num_mel_bins=23, use_energy=True))
front("fbank num-mel-bins=15 use-energy=true htk-compat=true raw-energy=false energy-floor=0",
      fbank(num_mel_bins=15, use_energy=True, htk_compat=True, raw_energy=False, energy_floor=0.0))
front("fbank num-mel-bins=23 snip-edges=false window-type=hamming low-freq=100 high-freq=-400",
      fbank(num_mel_bins=23, snip_edges=False, window_type="hamming", low_freq=100, high_freq=-400))
front("fbank num-mel-bins=20 use-power=false round-to-power-of-two=false window-type=blackman remove-dc-offset=false "
      "preemphasis-coefficient=0",
      fbank(num_mel_bins=20, use_power=False, round_to_power_of_two=False, window_type="blackman", remove_dc_offset=False,
            preemphasis_coefficient=0.0))
front("fbank num-mel-bins=20 window-type=hanning frame-length=20 frame-shift=12.5 subtract-mean=true scale=1",
      K.fbank(x, num_mel_bins=20, window_type="hanning", frame_length=20, frame_shift=12.5, subtract_mean=True))
front("fbank num-mel-bins=20 window-type=rectangular use-log-fbank=false scale=1",
      K.fbank(x, num_mel_bins=20, window_type="rectangular", use_log_fbank=False))
front("mfcc", mfcc())
front("mfcc num-ceps=20 num-mel-bins=40 cepstral-lifter=0", mfcc(20, 0, num_mel_bins=40))
front("fbank num-mel-bins=23 vtln-warp=0.85", fbank(num_mel_bins=23, vtln_warp=0.85))
front("fbank num-mel-bins=30 vtln-warp=1.2 vtln-low=200 vtln-high=6000 low-freq=60 high-freq=-200",
      fbank(num_mel_bins=30, vtln_warp=1.2, vtln_low=200, vtln_high=6000, low_freq=60, high_freq=-200))
front("mfcc vtln-warp=1.12 vtln-high=-700", mfcc(vtln_warp=1.12, vtln_high=-700))
c = mfcc()
e = K.fbank(x * 32768, use_energy=True).numpy()[:, :1]
front("mfcc use-energy=true", np.hstack([e, c[:, 1:]]))
front("mfcc htk-compat=true", np.hstack([c[:, 1:], np.sqrt(2) * c[:, :1]]))
f = fbank(num_mel_bins=10)
d = torchaudio.functional.compute_deltas(torch.from_numpy(f.T[None]))
dd = torchaudio.functional.compute_deltas(d)
front("fbank num-mel-bins=10 delta-order=2", np.hstack([f, d[0].T.numpy(), dd[0].T.numpy()]))
d = torchaudio.functional.compute_deltas(torch.from_numpy(f.T[None]), win_length=7)
front("fbank num-mel-bins=10 delta-order=1 delta-window=3", np.hstack([f, d[0].T.numpy()]))

# wespeaker: kaldi.fbank(wav * (1 << 15), num_mel_bins=80, window_type=hamming), mean subtracted
f = fbank(window_type="hamming")
front("preset:wespeaker-ecapa", f - f.mean(0))

torch.set_default_dtype(torch.float64)
T = torchaudio.transforms
front("mel num-mel-bins=40", T.MelSpectrogram(16000, hop_length=160, n_mels=40)(x)[0].T)
front("mel n-fft=512 win-length=400 center=false num-mel-bins=40 log=lnadd log-floor=1e-6",
      (T.MelSpectrogram(16000, n_fft=512, win_length=400, hop_length=160, n_mels=40, center=False)(x) + 1e-6).log()[0].T)
front("mel n-fft=512 win-length=512 hop-length=256 mel-scale=slaney mel-norm=slaney power=1 low-freq=50 high-freq=7600 "
      "num-mel-bins=32",
      T.MelSpectrogram(16000, n_fft=512, hop_length=256, n_mels=32, f_min=50, f_max=7600, power=1, norm="slaney",
                       mel_scale="slaney")(x)[0].T)
front("preset:deepemocluster",
      T.MelSpectrogram(16000, n_fft=512, hop_length=256, n_mels=128, norm="slaney", mel_scale="slaney")(x / x.abs().max())[0].T)
front("spec n-fft=231 win-length=231 hop-length=500 window-type=hamming",
      T.Spectrogram(n_fft=231, hop_length=500, window_fn=torch.hamming_window)(x)[0].T)
front("spec n-fft=88 win-length=80 hop-length=300 power=1 log=db pad=constant",
      10 * torch.log10(T.Spectrogram(n_fft=88, win_length=80, hop_length=300, power=1, pad_mode="constant")(x).clamp(min=1e-10))[0].T)

# speechbrain.lobes.features.Fbank(n_mels=80) as its documentation defines it, then the mean of the sentence
st = torch.stft(x, 400, 160, 400, torch.hamming_window(400), True, "constant", False, True, return_complex=True)
power = torch.view_as_real(st).pow(2).sum(-1).transpose(1, 2)
hz = 700 * (10 ** (torch.linspace(0, 2595 * np.log10(1 + 8000 / 700), 82) / 2595) - 1)
slope = (torch.linspace(0, 8000, 201)[None] - hz[1:-1, None]) / (hz[1:] - hz[:-1])[:-1, None]
mel = power @ torch.clamp(torch.minimum(slope + 1, 1 - slope), min=0).T
db = 10 * torch.log10(mel.clamp(min=1e-10))
db = torch.maximum(db, db.amax(dim=(-2, -1)) - 80)[0]
front("preset:speechbrain-ecapa", db - db.mean(0))

m = np.cumsum(rng.standard_normal((40, 3)), 0)
block("cmvn", m)
for center in (False, True):
    for norm_vars in (False, True):
        y = torchaudio.functional.sliding_window_cmn(torch.from_numpy(m), 12, 5, center, norm_vars)
        block(f"sliding:{int(center)}{int(norm_vars)}", y)
m = m.astype("<f4").astype("f8")
block("stats", np.stack([m.mean(0), m.std(0)]))

for n in (1, 2, 3, 4, 5, 7, 12, 30, 49, 64, 97, 100, 121):
    z = rng.standard_normal((n, 2)).astype("<f4")
    y = np.fft.fft(z[:, 0].astype("f8") + 1j * z[:, 1])
    block("fft", np.hstack([z, y.real[:, None], y.imag[:, None]]))

# descriptors: SciPy's weighted statistics of the spectrum, column by column after those of the voice
sig = x[0].numpy()
frames = np.lib.stride_tricks.sliding_window_view(sig, 400)[::160]
P = np.abs(np.fft.rfft((frames - frames.mean(1, keepdims=True)) * np.hamming(400), 512)) ** 2
hz = np.arange(257) * 16000 / 512
p = P / P.sum(1, keepdims=True)
rows, last = [], None
for w, P_t, p_t in zip(frames, P, p):
    c = np.average(hz, weights=p_t)
    moment = [np.average((hz - c) ** k, weights=p_t) for k in (2, 3, 4)]
    roll = [hz[np.searchsorted(np.cumsum(P_t), q * P_t.sum())] for q in (0.25, 0.5, 0.75, 0.9)]
    u = np.sqrt(P_t) / np.linalg.norm(np.sqrt(P_t))
    db = 10 * np.log10(P_t + 1e-10)
    rows.append([
        10 * np.log10((w ** 2).mean() + 1e-10), (np.diff(np.signbit(w - w.mean()).astype(int)) != 0).sum() * 16000 / 400,
        10 * np.log10(P_t[(hz >= 250) & (hz <= 650)].sum() + 1e-10), 10 * np.log10(P_t[(hz >= 1000) & (hz <= 4000)].sum() + 1e-10),
        c, moment[0] ** 0.5, moment[1] / moment[0] ** 1.5, moment[2] / moment[0] ** 2, *roll,
        0 if last is None else np.linalg.norm(u - last), scipy.stats.entropy(p_t) / np.log(257),
        scipy.stats.gmean(P_t + 1e-10) / (P_t + 1e-10).mean(), scipy.stats.linregress(hz / 1000, db).slope])
    last = u
block("lld", rows)
m = rng.standard_normal((37, 3)).astype("<f4")
m[:, 1] = np.where(m[:, 1] > 0.3, m[:, 1], 0)
m[:, 2] = 7
block("func-in", m)
m = m.astype("f8")
cols = []
for v, t in ((m[:, 0], np.arange(37)), (m[m[:, 1] != 0, 1], np.flatnonzero(m[:, 1]))):
    cols.append([v.mean(), v.std(), v.min(), v.max(), np.ptp(v), scipy.stats.skew(v), scipy.stats.kurtosis(v, fisher=False),
                 scipy.stats.linregress(t * 0.01, v).slope, np.sqrt((v ** 2).mean()), *np.percentile(v, [0, 5, 50, 66.6, 100])])
cols.append([7, 0, 7, 7, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7])
block("func-out", cols)
out.close()
