#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Files of other systems' formats, made by their own writers where Debian has them and else by struct from the formats'
descriptions, and what must be read from them as JSON lines: tests/golden/formats/. Run from the top of the tree."""
import io, json, os, struct, zipfile
import numpy as np
from sklearn.datasets import dump_svmlight_file

out = "tests/golden/formats"
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(7)


def tensor(a):
    a = np.array(a, order="C")
    kind = {"|b1": "|u1", "|i1": "<i2", "<u2": "<i4", "<u4": "<i8", "<u8": "<i8"}
    t = kind.get(a.dtype.newbyteorder("<").str, a.dtype.newbyteorder("<").str)
    return {"dtype": t, "shape": list(a.shape), "data": a.astype(t).tolist()}


def want(name, records):
    with open(f"{out}/{name}.json", "w") as f:
        for r in records:
            f.write(json.dumps(r, ensure_ascii=False) + "\n")


# ---- npy and npz: NumPy ----
arrays = {t.strip("<>|=") + ("be" if t[0] == ">" else ""): (100 * rng.random((3, 2))).astype(t)
          for t in ["<f4", "<f8", "<f2", ">f4", ">f8", ">i2", "<i2", "<i4", "<i8", "|i1", "|u1", "<u2", ">u4", "<u8", "|b1"]}
arrays["fortran"] = np.asfortranarray(rng.standard_normal((2, 3, 4)).astype("<f4"))
arrays["zerod"] = np.array(2.5)
arrays["empty"] = np.zeros((0, 80), "<f4")
np.savez(f"{out}/keys.npz", **arrays)
np.savez_compressed(f"{out}/packed.npz", **arrays)
want("keys", [{"id": k, "feat": tensor(v)} for k, v in arrays.items()])
ids = np.array(["a", "bä", "longer name"])
emb = rng.standard_normal((3, 4)).astype("<f4")
np.savez_compressed(f"{out}/columns.npz", id=ids, emb=emb, emo=np.array([b"joy", b"anger", b""]), n=np.arange(3),
                    val=np.array([0.5, np.pi, -1]), ok=np.array([True, False, True]))
want("columns", [{"id": str(ids[i]), "emb": tensor(emb[i]), "emo": ["joy", "anger", ""][i], "n": i,
                  "val": [0.5, np.pi, -1.0][i], "ok": [True, False, True][i]} for i in range(3)])
np.save(f"{out}/one.npy", np.asfortranarray(arrays["f8be"]))
want("one", [{"id": "one", "feat": tensor(arrays["f8be"])}])

# ---- Kaldi ----
def kint(n):
    return b"\4" + struct.pack("<i", n)


def mat(a, t):
    a = a.astype(t)
    return (b"\0B" + (b"F" if t == "<f4" else b"D") + (b"M " if a.ndim == 2 else b"V ") +
            b"".join(kint(n) for n in a.shape) + a.tobytes())


def cm(kind, minimum, span, rows, cols, body):
    return b"\0B" + kind + b" " + struct.pack("<ffii", minimum, span, rows, cols) + body


# Decoding as the description of compressed-matrix.h has it, in float32.
f32 = np.float32
heads = np.sort(rng.integers(0, 65536, (3, 4)).astype("<u2"), axis=1)
codes = np.concatenate([rng.integers(0, 256, (3, 9)), [[0, 64, 65, 128, 192, 193, 255]] * 3], axis=1).astype("u1")
lo, span = f32(-3.5), f32(8.25)
cm1 = np.zeros((16, 3), "<f4")
for j in range(3):
    q = [lo + span * f32(1.52590218966964e-05) * f32(h) for h in heads[j]]
    for i, v in enumerate(codes[j]):
        v = int(v)
        cm1[i, j] = (q[0] + (q[1] - q[0]) * f32(v) * f32(1 / 64) if v <= 64 else
                     q[1] + (q[2] - q[1]) * f32(v - 64) * f32(1 / 128) if v <= 192 else
                     q[2] + (q[3] - q[2]) * f32(v - 192) * f32(1 / 63))
w = rng.integers(0, 65536, (4, 3)).astype("<u2")
b = rng.integers(0, 256, (4, 3)).astype("u1")
m4, m8, v4 = rng.standard_normal((3, 2)), rng.standard_normal((2, 3)), rng.standard_normal(5)
ali = np.array([3, -1, 2**31 - 1], "<i4")
objects = [
    ("fm", mat(m4, "<f4"), m4.astype("<f4")), ("dm", mat(m8, "<f8"), m8), ("fv", mat(v4, "<f4"), v4.astype("<f4")),
    ("dv", mat(v4, "<f8"), v4), ("none", mat(np.zeros((0, 0)), "<f4"), np.zeros((0, 0), "<f4")),
    ("ali", b"\0B" + kint(3) + b"".join(kint(int(x)) for x in ali), ali),
    ("cm", cm(b"CM", lo, span, 16, 3, heads.tobytes() + codes.tobytes()), cm1),
    ("cm2", cm(b"CM2", lo, span, 4, 3, w.tobytes()), lo + span * f32(1 / 65535) * w.astype("<f4")),
    ("cm3", cm(b"CM3", lo, span, 4, 3, b.tobytes()), lo + span * f32(1 / 255) * b.astype("<f4")),
    ("tm", b" [\n  1 2.5 \n  -3e-2 nan ]\n", np.array([[1, 2.5], [-3e-2, 0]], "<f4")),
    ("tv", b" [ 1 2 3 ]\n", np.array([1, 2, 3], "<f4")), ("ti", b"7 8 9 \n", np.array([7, 8, 9], "<i4"))]
ark, scp = b"", ""
for key, data, _ in objects:
    ark += key.encode() + b" "
    scp += f"{key} {out}/mixed.ark:{len(ark)}\n"
    ark += data
open(f"{out}/mixed.ark", "wb").write(ark)
open(f"{out}/mixed.scp", "w").write(scp)
records = [{"id": k, "feat": tensor(a)} for k, _, a in objects]
records[9]["feat"]["data"][1][1] = None
want("mixed", records)

# ---- HTK ----
def htk(name, kind, size, rows, body, period=100000):
    open(f"{out}/{name}.htk", "wb").write(struct.pack(">iihh", rows, period, size, kind) + body)


x = rng.standard_normal((4, 3)).astype("<f4")
htk("mfcc", 0o6 | 0o400 | 0o20000, 12, 4, x.astype(">f4").tobytes())
want("mfcc", [{"id": "mfcc", "feat": tensor(x)}])
A, B, q = np.array([100, 50, 7], "<f4"), np.array([3, -20, 0.5], "<f4"), rng.integers(-9999, 9999, (4, 3)).astype("<i2")
htk("packed", 0o6 | 0o2000 | 0o10000, 6, 8, A.astype(">f4").tobytes() + B.astype(">f4").tobytes() + q.astype(">i2").tobytes() + b"\0\0")
want("packed_htk", [{"id": "packed", "feat": tensor((q.astype("<f4") + B) / A)}])
wave = rng.integers(-999, 999, 20).astype("<i2")
htk("wave", 0, 2, 20, wave.astype(">i2").tobytes(), 625)
want("wave", [{"id": "wave", "feat": tensor(wave)}])

# ---- svmlight: scikit-learn ----
X = np.round(rng.standard_normal((4, 5)), 3) * (rng.random((4, 5)) < 0.6)
X[0, 0] = X[3, 4] = 1.25
X += 0.0  # no negative zeros: sparse vectors have none
for zero in (True, False):
    dump_svmlight_file(X, [1, -1, 1, 2], f"{out}/{'zero' if zero else 'one'}.svm", zero_based=zero)
want("svm", [{"id": str(i), "target": [1, -1, 1, 2][i], "feat": tensor(X[i].astype("<f4"))} for i in range(4)])

# ---- text ----
open(f"{out}/table.csv", "w", newline="").write(
    '\ufeffid,emo,n,r,ok,none,text,x.0,x.1\r\na,joy,3,0.5,true,,"one, ""two""\r\nthree",1,-2.5\r\n"b","3",03,1e3,false,,"",nan,4\r\n')
want("table", [
    {"id": "a", "emo": "joy", "n": 3, "r": 0.5, "ok": True, "none": None, "text": 'one, "two"\r\nthree',
     "x": {"dtype": "<f4", "shape": [2], "data": [1, -2.5]}},
    {"id": "b", "emo": "3", "n": "03", "r": 1000.0, "ok": False, "none": None, "text": "",
     "x": {"dtype": "<f4", "shape": [2], "data": [None, 4]}}])
open(f"{out}/smile.arff", "w").write("""% as openSMILE writes them
@relation SMILEfeatures

@attribute name string
@attribute 'F0 mean' numeric
@attribute loudness numeric
@attribute class {anger, 'very happy',neutral}

@data

'a 1',1.5,2e-1,anger
b,?,3,'very happy'
""")
want("smile", [
    {"id": "0", "name": "a 1", "class": "anger", "feat": {"dtype": "<f4", "shape": [2], "data": [1.5, 0.2]}},
    {"id": "1", "name": "b", "class": "very happy", "feat": {"dtype": "<f4", "shape": [2], "data": [None, 3]}}])
