#!/usr/bin/env bats
# Python reads and writes streams with the code that ser-stream(5) shows, msgpack and msgpack_numpy.
load helper

setup() {
	work
	"$PYTHON" -c 'import msgpack, msgpack_numpy, numpy' 2>/dev/null ||
		skip "python3-msgpack, -msgpack-numpy or -numpy is not installed"
	awk '/^\.Sh/ {on = $2 == "PYTHON"} on' "$ROOT/man/ser-stream.5" | sed -n '/^\.Bd -literal/,/^\.Ed/p' | sed '1d;$d' >stream.py
	grep -q 'def write' stream.py
}

@test "NumPy reads every element type of ours as it is" {
	for t in '<f4' '<f2' '<f8' '<i2' '<i4' '<i8' '|u1'; do
		mkstream -n 5 --dtype "$t" >a.ser
		ser-dump --data a.ser >a.json
		TYPE=$t "$PYTHON" -c '
import json, os
from stream import *
got = list(read(open("a.ser", "rb")))
want = [json.loads(l) for l in open("a.json")]
assert len(got) == 5
for g, w in zip(got, want):
    x, y = g.pop("feat"), w.pop("feat")
    assert x.dtype.str == y["dtype"] == os.environ["TYPE"] and list(x.shape) == y["shape"], (x.dtype, y)
    assert (x == numpy.array(y["data"], x.dtype)).all()
    assert g == w, (g, w)'
	done
}

@test "what NumPy writes our tools take, values and all" {
	"$PYTHON" -c '
from stream import *
rng = numpy.random.default_rng(1)
types = ["<f4", "<f2", "<f8", "<i2", "<i4", "<i8", "|u1"]
rec = [{"id": "a%d" % i, "spk": "0%d" % (i % 3), "n": i, "r": i / 3, "ok": i % 2 == 0, "none": None, "text": "\u00e4\u4e2d",
        "big": -2**63, "scalar": numpy.float32(1.5), "count": numpy.int64(2**62),
        "x": (100 * rng.random((i, 3))).astype(types[i % 7]), "zero": numpy.array(2.5), "wide": numpy.ones((1,) * 8, "<f4")} for i in range(14)]
write(open("a.ser", "wb"), rec, {"x": {"axes": ["time", "bin"], "shift_s": 0.01}})'
	ser-info a.ser >/dev/null
	ser-sort -r a.ser | ser-select 'n >= 0' | ser-sort | ser-cat >b.ser
	ser-cmp a.ser b.ser
	"$PYTHON" -c '
from stream import *
a, b = ({m["id"]: m for m in read(open(f, "rb"))} for f in ("a.ser", "b.ser"))
assert a.keys() == b.keys() and len(a) == 14
for k in a:
    for f in a[k]:
        x, y = a[k][f], b[k][f]
        assert type(x) == type(y) and (numpy.array_equal(x, y) if isinstance(x, numpy.ndarray) else x == y), (k, f, x, y)'
	ser-dump --data a.ser | head -n 1 | grep -qF '"big":-9223372036854775808,"scalar":1.5,"count":4611686018427387904,'
	ser-dump --data a.ser | head -n 1 | grep -qF '"zero":{"dtype":"<f8","shape":[],"data":2.5}'
}

@test "without a sum by hand; with a wrong one refused" {
	"$PYTHON" -c '
import msgpack, zlib
p = msgpack.packb
head, rec = p({"ser": 1}), p({"id": "a"})
open("none.ser", "wb").write(head + rec + p({"end": 1}))
open("right.ser", "wb").write(head + rec + p({"end": 1, "crc32": zlib.crc32(head + rec)}))
open("wrong.ser", "wb").write(head + rec + p({"end": 1, "crc32": zlib.crc32(head + rec) ^ 1}))'
	ser-cmp none.ser right.ser
	fails 1 'checksum differs' ser-info wrong.ser
}

@test "what has no place in a stream is refused by name" {
	no() {
		"$PYTHON" -c "from stream import *
write(open('a.ser', 'wb'), [{'id': 'r1', 'x': $1}])"
		fails 1 "record 1, byte" ser-info a.ser
		[[ $stderr == *'field "x": '"$2"* ]] || { echo "$stderr"; return 1; }
	}
	no 'numpy.zeros(3, ">f4")' 'has type ">f4"'
	no 'numpy.zeros(3, bool)' 'has type "|b1"'
	no 'numpy.zeros(3, "<u2")' 'has type "<u2"'
	no 'numpy.zeros(3, [("a", "<f4")])' 'is a structured array'
	no 'numpy.zeros((1,) * 9, "<f4")' 'has no shape, or one of more than 8 axes'
	no '3j' 'is a map'
	no '{"a": 1}' 'is a map'
	no '[1, 2]' 'is a list'
	no 'b"raw"' 'is raw bytes'
	no '2**63' 'holds 9223372036854775808, beyond 63 bits'
	no '"a\0b"' 'is a string that is not UTF-8'
	no 'msgpack.ExtType(1, b"x")' 'is of a MessagePack extension type'
	no 'msgpack.Timestamp(1, 2)' 'is of a MessagePack extension type'
}

@test "a stream of ours that was cut is told from one that is whole" {
	mkstream -n 3 >a.ser
	"$PYTHON" -c '
import subprocess
s = open("a.ser", "rb").read()
for n in range(0, len(s), 7):
    p = subprocess.run(["ser-info"], input=s[:n], capture_output=True)
    assert p.returncode == 1 and p.stderr.count(b"\n") == 1 and not p.stdout, (n, p)'
}
