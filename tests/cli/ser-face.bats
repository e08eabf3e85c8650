#!/usr/bin/env bats
load helper

face() { # face NAME FORMAT OPTION...: a table NAME.csv
	local name=$1 format=$2
	shift 2
	"$ROOT"/tests/tools/mkface -v format="$format" "$@" >"$name.csv"
}

# Records of a stream for Python, as `r`, the header as `h`
py() {
	$PYTHON -c '
import sys, msgpack, msgpack_numpy, numpy as np
u = list(msgpack.Unpacker(open(sys.argv[1], "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0))
h, r = u[0], [x for x in u if "id" in x]
exec(sys.stdin.read())' "$1"
}

@test "ser-face openface: landmarks, units and pose on regular frames, gaps told from what is not known" {
	face a openface -v n=0 -v lost=10-12
	face b openface -v n=1 -v lost=20-40
	ser-face openface a.csv b.csv >f.ser
	ser-face openface -t 3 a.csv b.csv | cmp - f.ser
	py f.ser <<-'END'
		t = [np.genfromtxt(n, delimiter=",", names=True, deletechars="") for n in ("a.csv", "b.csv")]
		# names differ in case only: genfromtxt keeps both
		for x, t in zip(r, t):
		    n = x["land"].shape[0]
		    assert n == 197 and x["au"].shape == (n, 3) and x["pose"].shape == (n, 6), (n, x["au"].shape)
		    good = t["success"] > 0
		    g, at = np.arange(n) * 0.01, t["timestamp"][good]
		    i = np.searchsorted(at, g - 1e-9)
		    span = np.where((i > 0) & (i < len(at)), at[np.minimum(i, len(at) - 1)] - at[np.maximum(i - 1, 0)], 0)
		    on = np.isclose(at[np.minimum(i, len(at) - 1)], g)
		    want = np.where(on | (span < 0.05), 1, np.where(span <= 0.2, 0, -1))
		    assert (x["seen"] == want).all() and (want == (0 if x["id"] == "a" else -1)).any()
		    for k, name in ((("land", 5, 1), "y_5"), (("land", 67, 0), "x_67"), (("au", 2), "AU25_r"), (("pose", 5), "pose_Rz")):
		        y = x[k[0]][(slice(None),) + k[1:]]
		        assert np.allclose(y[want >= 0], np.interp(g, at, t[name][good])[want >= 0], atol=1e-4), name
		        if x["id"] == "b":
		            assert set(y[want < 0]) <= {np.float32(v) for v in t[name][good]}, name
		d = h["dims"]
		assert d["au"]["columns"] == ["AU06", "AU12", "AU25"] and d["land"]["columns"][:3] == ["x_0", "y_0", "x_1"], d
		assert d["seen"]["shift_s"] == 0.01
	END
	ser-face openface --gap 1 b.csv >g.ser
	py g.ser <<<'assert r[0]["seen"].min() == 0'
	ser-face openface --space --shift 0.02 a.csv >s.ser
	py s.ser <<<'assert r[0]["land"].shape == (99, 68, 3) and h["dims"]["land"]["columns"][2] == "Z_0"'
}

@test "ser-face: MediaPipe, Live Link and Py-Feat, OpenFace 3 when asked for" {
	face m mediapipe -v n=0 -v lost=3-4
	face l arkit -v n=1
	face p py-feat -v n=0 -v lost=3-4
	face o openface3 -v n=0
	ser-face mediapipe m.csv >m.ser
	py m.ser <<<'x = r[0]; assert x["land"].shape == (197, 478, 3) and x["blend"].shape[1] == 3 and (x["seen"] == 0).any() and h["dims"]["blend"]["columns"] == ["_neutral", "jawOpen", "mouthSmileLeft"]'
	ser-face mediapipe --size 640x480 m.csv | ser-join --suffix _px m.ser - >j.ser
	py j.ser <<<'x = r[0]; assert np.allclose(x["land"] * np.float32([640, 480, 640]), x["land_px"], rtol=1e-6)'
	fails 2 '"640" is not WxH' ser-face mediapipe --size 640 m.csv
	ser-face arkit --fps 25 l.csv >l.ser
	py l.ser <<<'x = r[0]; assert x["blend"].shape == (197, 4) and abs(x["blend"][0, 0] - 0.5) < 1e-6 and (x["seen"] == 1).all() and h["dims"]["blend"]["columns"][0] == "JawOpen"'
	ser-face py-feat --fps 25 p.csv >p.ser
	py p.ser <<<'x = r[0]; assert x["land"].shape == (197, 68, 2) and x["au"].shape[1] == 3 and h["dims"]["pose"]["columns"] == ["Pitch", "Roll", "Yaw"]'
	fails 1 '--fps says how many' ser-face py-feat p.csv
	fails 1 '--openface3 takes eight' ser-face openface o.csv
	ser-face openface --openface3 o.csv >o.ser
	py o.ser <<<'assert h["dims"]["au"]["columns"] == ["AU01", "AU06", "AU12", "AU15", "AU17", "AU02", "AU09", "AU10"] and (r[0]["au"][0] == np.arange(8)).all()'
}

@test "ser-face shape: Procrustes on the mean face, as NumPy's singular values and SciPy give it" {
	face a openface -v n=0
	for o in '' --space; do
		ser-face openface $o a.csv >a.ser
		ser-face shape a.ser >s.ser
		ser-face shape -t 2 --points 8,48-67 a.ser >p.ser
		py s.ser <<-'END'
			x, y = r[0]["land"].astype(float), r[0]["shape"]
			d = x.shape[2]
			x = x - x.mean(1, keepdims=True)
			x /= np.linalg.norm(x[:, 45] - x[:, 36], axis=1)[:, None, None]
			def onto(x, ref):
			    u, s, vt = np.linalg.svd(np.einsum("tpa,pb->tab", x, ref))
			    u[..., -1] *= np.linalg.det(u @ vt)[:, None]
			    return x @ u @ vt
			ref = x[0]
			for _ in range(2):
			    ref = onto(x, ref).mean(0)
			e = ref[45] - ref[36]
			a = -np.arctan2(e[1], e[0])
			turn = np.eye(d)
			turn[:2, :2] = [[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]
			want = onto(x, ref @ turn)
			try:
			    from scipy.linalg import orthogonal_procrustes
			    assert all(np.allclose(f @ orthogonal_procrustes(f, ref @ turn)[0], w, atol=1e-9) for f, w in zip(x, want))
			except ImportError:
			    pass # NumPy's alone
			assert np.allclose(y.reshape(want.shape), want, atol=2e-6), np.abs(y.reshape(want.shape) - want).max()
			if d == 2: # the head's motion is gone: the brows are still, the jaw is not
			    w = y.reshape(want.shape)
			    assert w[:, 17:27].std(0).max() < 0.02 and w[:, 8].std(0).max() > 0.05, w[:, 17:27].std(0).max()
		END
		py p.ser <<<'d = r[0]["land"].shape[2]; assert r[0]["shape"].shape[1] == 21 * d and h["dims"]["shape"]["columns"][d][-3:] == "_48"'
	done
	ser-face shape --points lower a.ser >p.ser
	py p.ser <<<'assert r[0]["shape"].shape[1] == 31 * 3 == len(h["dims"]["shape"]["columns"])'
}

@test "ser-face write: tables that are read back, and Live Link's" {
	face a openface -v n=0
	face l arkit -v n=1
	ser-face openface --shift 0.04 a.csv >a.ser
	for f in land au; do
		ser-face write --field $f --to openface -o $f a.ser
		ser-face openface --shift 0.04 $f/a.csv >back.ser
		py back.ser <<-END
			old = [x for x in msgpack.Unpacker(open("a.ser", "rb"), object_hook=msgpack_numpy.decode, raw=False) if "id" in x][0]
			assert np.allclose(r[0]["$f"], old["$f"], atol=1e-5)
		END
	done
	ser-face arkit --fps 25 --shift 0.04 l.csv >l.ser
	ser-face write --field blend --to arkit --fps 25 -o again l.ser
	same 63 awk -F, 'NR == 2 {print NF}' again/l.csv
	same 00:00:01:24 awk -F, 'END {print $1}' again/l.csv
	ser-face arkit --fps 25 --shift 0.04 again/l.csv >m.ser
	py m.ser <<-'END'
		old = [x for x in msgpack.Unpacker(open("l.ser", "rb"), object_hook=msgpack_numpy.decode, raw=False) if "id" in x][0]
		c = h["dims"]["blend"]["columns"]
		assert len(c) == 61 and np.allclose(r[0]["blend"][:, c.index("JawOpen")], old["blend"][:, 0], atol=1e-6)
		assert (r[0]["blend"][:, c.index("TongueOut")] == 0).all()
	END
	ser-face write --field au -o csv a.ser
	same timestamp,AU06,AU12,AU25 head -n 1 csv/a.csv
	fails 1 'no column of Live Link' ser-face write --field au --to arkit -o no a.ser
	[ ! -e no ]
}

@test "ser-face: ids, and tables that are refused" {
	face 01-02 openface -v n=0
	same '"03-02"' jq -c .id < <(ser-face openface --id-prefix 01-=03- 01-02.csv | ser-dump)
	mkdir other && cp 01-02.csv other
	fails 1 'the id "01-02" came before' ser-face openface 01-02.csv other/01-02.csv
	run -2 ser-face openface
	run -2 ser-face write 01-02.csv
	run -2 ser-face openface --id-prefix x 01-02.csv
	run -2 ser-face shape --points 9-3 x
	fails 1 'cannot open' ser-face openface none.csv
	head -c 9000 01-02.csv >cut.csv
	fails 1 'was cut off' ser-face openface cut.csv
	sed '5s/,[^,]*$//' 01-02.csv >short.csv
	fails 1 'short.csv:5: 354 cells, the header row has 355' ser-face openface short.csv
	sed '1s/x_9,/x_8,/' 01-02.csv >twice.csv
	fails 1 'column "x_8" is there twice' ser-face openface twice.csv
	sed '1s/y_9,/z_9,/' 01-02.csv >lacks.csv
	fails 1 'has column "x_0", but no "y_9"' ser-face openface lacks.csv
	sed '7s/, 0.200,/, 0.100,/' 01-02.csv >order.csv
	fails 1 'order.csv:7: 0.1 s does not come after 0.16 s' ser-face openface order.csv
	awk 'NR == 1 {print; next} {print; sub(/, 0,/, ", 1,"); print}' 01-02.csv >two.csv
	fails 1 'face 1 beside face 0: --face says which' ser-face openface two.csv
	ser-face openface --face 1 two.csv >one.ser
	py one.ser <<<'assert r[0]["land"].shape[0] == 197'
	sed '4s/0.98/0.9x8/' 01-02.csv >word.csv
	fails 1 'column "confidence" has "0.9x8", no number' ser-face openface word.csv
	face gone openface -v n=0 -v lost=0-99
	fails 1 'no frame with a face among 50' ser-face openface gone.csv
	fails 1 'no column of landmarks' ser-face arkit <(printf 'Timecode\n0:0:0:0\n')
	fails 1 'no column "timestamp"' ser-face openface <(printf 'face, confidence\n0, 1\n')
	fails 1 'are more than' ser-face openface <(printf 'timestamp,AU01_r\n0,1\n9e8,1\n')
	fails 1 'empty' ser-face openface /dev/null
	run -1 --separate-stderr ser-face openface -k gone.csv 01-02.csv
	[[ $stderr == *'"gone"'* || $stderr == *gone* ]]
	same 1 jq -s length <<<"$(ser-face openface -k gone.csv 01-02.csv 2>/dev/null | ser-dump)"
	face b openface -v n=0
	sed 's/AU25_r/AU45_r/' b.csv >c.csv
	fails 1 'c.csv' ser-face openface b.csv c.csv
	fails 1 'expected 68, 468 or 478' ser-face shape --field x <($PYTHON -c '
import sys, msgpack, msgpack_numpy, numpy as np
w = sys.stdout.buffer.write
w(msgpack.packb({"ser": 1, "prov": [], "dims": {}}))
w(msgpack.packb({"id": "a", "x": np.zeros((2, 3, 2), "f4")}, default=msgpack_numpy.encode))
w(msgpack.packb({"end": 1}))')
}

@test "ser-face mediapipe: coordinates, points and JSON as people write them are one track" {
	face m mediapipe -v n=0 -v lost=3-4
	ser-face mediapipe m.csv >m.ser
	$PYTHON <<-'END'
		import csv, json
		rows = list(csv.reader(open("m.csv")))
		head, rows = rows[0], [[float(c) if c else None for c in r] for r in rows[1:]]
		blend = head[1 + 3 * 478:]
		def table(name, head, rows, sep=",", eol="\n"):
		    with open(name, "w", newline="") as f:
		        for r in [head] + rows:
		            f.write(sep.join("" if c is None else str(c) for c in r) + eol)
		for k, spell in enumerate(("{a}{i}", "{i}_{a}", "landmark_{i}_{a}", "lm{i}_{a}", "mesh_{a}_{i}")):
		    table(f"wide{k}.csv", head[:1] + [spell.format(i=i, a=a) for i in range(478) for a in "xyz"] + blend, rows)
		table("upper.csv", ["time_ms"] + [f"Landmark_{i}_{a}" for i in range(478) for a in "XYZ"] + blend, rows, ";", "\r\n")
		table("one.csv", ["timestamp_ms"] + [f"{a}{i}" for i in range(1, 479) for a in "xyz"] + blend, rows)
		table("tab.csv", [f'"{h}"' for h in head], rows, "\t")
		table("quoted.csv", ["", "file"] + head, [[k, '"a, b.mp4"'] + r for k, r in enumerate(rows)])
		table("seconds.csv", ["timestamp"] + head[1:], [[r[0] / 1000] + r[1:] for r in rows])
		table("unnamed.csv", ["timestamp"] + head[1:], rows) # milliseconds that do not say so
		table("epoch.csv", head, [[r[0] + 1710921600000] + r[1:] for r in rows])
		seen = [r for r in rows if r[1] is not None]
		table("long.csv", ["Timestamp_ms", "face_idx", "Landmark_ID", "X", "Y", "Z"],
		      [[r[0], 0, i] + r[1 + 3 * i:4 + 3 * i] for r in seen for i in range(478)])
		table("shapes.csv", ["time_ms", "Blendshape", "Score"], [[r[0], n, v] for r in seen for n, v in zip(blend, r[1435:])])
		table("other.csv", ["timestamp_ms", "face_idx", "landmark_index", "x", "y", "z"],
		      [[r[0], f, i] + [c + f for c in r[1 + 3 * i:4 + 3 * i]] for r in seen for f in (0, 1) for i in range(478)])
		def points(r, kind):
		    p = [r[1 + 3 * i:4 + 3 * i] for i in range(478)]
		    return [dict(zip("xyz", q)) for q in p] if kind == dict else p
		def shapes(r, name): return [{name: b, "score": v} for b, v in zip(blend, r[1435:])]
		def frame(r, kind):
		    t, face = r[0], r[1] is not None
		    if kind == 0: # tasks-vision of JavaScript
		        return {"timestamp": t, "results": {"faceLandmarks": [points(r, dict)] if face else [],
		                "faceBlendshapes": [{"categories": shapes(r, "categoryName"), "headIndex": -1}] if face else []}}
		    if kind == 1: # attributes of Python's
		        return {"timestamp_ms": t, "face_landmarks": [points(r, dict)] if face else [], "face_blendshapes": [shapes(r, "category_name")] if face else []}
		    if kind == 2:
		        return {"timestamp_ms": t, "landmarks": points(r, list) if face else None, "blendshapes": dict(zip(blend, r[1435:])) if face else None}
		    if kind == 3:
		        return {"frame": int(t / 40), "landmarks": sum(points(r, list), []) if face else [], "blendshapes": dict(zip(blend, r[1435:])) if face else {}}
		    return {"timestamp_ms": t, "multi_face_landmarks": [{"landmark": points(r, dict)}] if face else [], "blendshapes": shapes(r, "name") if face else []}
		for k in range(5):
		    json.dump([frame(r, k) for r in rows], open(f"list{k}.json", "w"))
		json.dump({"fps": 25, "note": "[{\"", "frames": [frame(r, 1) for r in rows]}, open("inner.json", "w"), indent=1)
		open("lines.jsonl", "w").write("\n".join(json.dumps(frame(r, 2)) for r in rows))
		two = lambda r: {"timestamp_ms": r[0], "face_landmarks": [points([c + 1 if c else c for c in r], dict), points(r, dict)]}
		json.dump([two(r) for r in seen], open("two.json", "w"))
		json.dump([dict(timestamp_ms=0, landmarks=points(rows[0], list)), dict(timestamp_ms=40, landmarks=points(rows[0], list)[:468])], open("fewer.json", "w"))
	END
	alike() { # FILE OPTION...: the same landmarks, and blendshapes where the file has them
		ser-face mediapipe "${@:2}" "$1" >o.ser
		$PYTHON -c '
import sys, msgpack, msgpack_numpy, numpy as np
a, b = [[x for x in msgpack.Unpacker(open(f, "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0) if "dims" in x or "id" in x] for f in ("m.ser", "o.ser")]
for k in ("land", "blend"):
    if k in b[1]:
        assert np.allclose(a[1][k], b[1][k], atol=1e-5), k
        assert a[0]["dims"][k]["columns"] == b[0]["dims"][k]["columns"], k
assert (a[1]["seen"] == b[1]["seen"]).all()
assert b[1]["id"] == sys.argv[1], b[1]["id"]
print(*(k for k in ("land", "blend") if k in b[1]))' "${1%.*}"
	}
	for f in wide?.csv upper.csv one.csv tab.csv quoted.csv seconds.csv unnamed.csv epoch.csv list[0124].json inner.json lines.jsonl; do
		[ "$(alike "$f")" = 'land blend' ] || { echo "$f"; return 1; }
	done
	[ "$(alike list3.json --fps 25)" = 'land blend' ]
	[ "$(alike long.csv) $(alike other.csv --face 0) $(alike two.json --face 1)" = 'land land land' ]
	[ "$(alike shapes.csv)" = blend ]
	fails 1 '--fps says how many' ser-face mediapipe list3.json
	fails 1 'other.csv:480: face 1 beside face 0: --face says which' ser-face mediapipe other.csv
	fails 1 'frame 1: several faces: --face says which' ser-face mediapipe two.json
	fails 1 'frame 2: 468 points, expected 478' ser-face mediapipe fewer.json
	head -c 100000 list1.json >cut.json
	fails 1 'JSON that does not end: the file was cut off' ser-face mediapipe cut.json
	head -c 100000 lines.jsonl >cut.json
	fails 1 'frame 10: does not end' ser-face mediapipe cut.json
	fails 1 'without frames' ser-face mediapipe <(echo '{"frames": []}')
	fails 1 'frame 1: no object' ser-face mediapipe <(echo '[[1], 2]')
	fails 1 'frame 1: no number "timestamp_ms"' ser-face mediapipe <(echo '[{"landmarks": []}]')
	fails 1 'frame 1: point 1 has no numbers x and y' ser-face mediapipe <(echo '[{"frame": 0, "landmarks": [[1, 2, 3], [1]]}]')
	fails 1 'blendshape "jawOpen" is no number' ser-face mediapipe <(echo '[{"frame": 0, "blendshapes": {"jawOpen": "x"}}]')
	fails 1 'has no column of landmarks' ser-face mediapipe <(echo '[{"timestamp_ms": 0, "blendshapes": {"smile": 1}}]')
	fails 1 '"x_3" again in a frame' ser-face mediapipe <(printf 'frame,landmark,x,y,z\n0,3,1,1,1\n0,3,2,2,2\n')
	fails 1 '"jawOpen" again in a frame' ser-face mediapipe <(printf 'frame,blendshape,score\n0,jawOpen,1\n0,jawOpen,1\n')
	fails 1 'rows without a column "timestamp"' ser-face mediapipe <(printf 'blendshape,score\njawOpen,1\n')
	fails 1 '500 numbers no point from 0 to 477' ser-face mediapipe <(printf 'frame,landmark,x,y,z\n0,500,1,1,1\n')
	fails 1 'has column "x_0", but no "x_1"' ser-face mediapipe --fps 25 <(printf 'frame,landmark,x,y,z\n0,0,1,1,1\n')
}

@test "ser-face: time codes of drop-frame and past midnight, units that are not what their columns say, points of another scheme" {
	fails 1 'a time code counts frame 59 of a second, of 30 frames: --fps' \
		ser-face arkit --fps 30 <(printf 'Timecode,BlendshapeCount,jawOpen\n23:59:59;59,61,0\n00:00:00;00,61,1\n')
	printf 'Timecode,BlendshapeCount,jawOpen\n23:59:59;58,61,0\n23:59:59;59.5,61,0.5\n00:00:00;01,61,1\n' >l.csv
	ser-face arkit --shift 0.025 l.csv >l.ser
	py l.ser <<<'assert np.allclose(r[0]["blend"][:, 0], [0, 0.5, 1]) and h["dims"]["blend"]["columns"] == ["JawOpen"]'
	for fps in 24 25 30 60; do # as many as their numbers tell, over a second and more
		awk -v fps=$fps 'BEGIN {print "Timecode,BlendShapeCount,JawOpen"; for (t = 0; t < 3 * fps; t++) printf "10:00:%02d:%02d.000,61,%.6f\n", 7 + t / fps, t % fps, t / fps}' >c.csv
		ser-face arkit c.csv >c.ser
		py c.ser <<<'y = r[0]["blend"][:, 0]; assert len(y) > 295 and np.allclose(y, np.arange(len(y)) * 0.01, atol=1e-4)'
	done
	units() { # NAME...: a table with these columns
		{ echo "timestamp,$*" | tr ' ' ,; for t in 0 0.04 0.08; do echo "$t $(seq 0.1 0.1 "0.$#")" | tr '\n ' ',,' | sed 's/,$/\n/'; done; } >u.csv
	}
	units AU01_r AU02_r AU03_r AU04_r AU05_r AU06_r AU07_r AU08_r # of OpenFace 3, counted
	fails 1 'column "AU03_r" does not say which action unit it is' ser-face openface u.csv
	ser-face openface --openface3 u.csv >u.ser
	py u.ser <<<'assert h["dims"]["au"]["columns"] == ["AU01", "AU06", "AU12", "AU15", "AU17", "AU02", "AU09", "AU10"] and np.allclose(r[0]["au"][0], np.arange(1, 9) / 10)'
	units AU1 AU2 AU4 AU12 # with their numbers
	ser-face openface u.csv >u.ser
	py u.ser <<<'assert h["dims"]["au"]["columns"] == ["AU01", "AU02", "AU04", "AU12"]'
	fails 1 'has no units AU_0 to AU_7' ser-face openface --openface3 u.csv
	for n in 98 478; do
		{ echo "frame,timestamp$(printf ',x_%d' $(seq 0 $((n - 1))))$(printf ',y_%d' $(seq 0 $((n - 1))))"; echo "0,0$(printf ',%d' $(seq $((2 * n))))"; } >p.csv
		fails 1 'column "x_68": these are not the 68 points' ser-face openface p.csv
		fails 1 'column "x_68": these are not the 68 points' ser-face py-feat p.csv
	done
	face f py-feat -v n=0
	sed -E '1s/$/,X,Y,Z,input,frame2/; 2,$s/$/,1,2,3,"a, b.mp4",0/' f.csv >g.csv # as Py-Feat 0.7 has more, and names of files with commas
	ser-face py-feat --fps 25 g.csv >g.ser
	py g.ser <<<'assert h["dims"]["pose"]["columns"] == ["Pitch", "Roll", "Yaw", "X", "Y", "Z"] and (r[0]["pose"][:, 3:] == [1, 2, 3]).all()'
	face a openface -v n=0 -v lost=10-12
	sed -E '2,$s/^([^,]*, [^,]*, [^,]*, [^,]*), 1,/\1, True,/; 2,$s/^([^,]*, [^,]*, [^,]*, [^,]*), 0,/\1, False,/' a.csv >b.csv
	cmp <(ser-face openface a.csv | ser-dump --data | jq .land.data) <(ser-face openface b.csv | ser-dump --data | jq .land.data)
	same 63 awk -F, 'NR == 1 {print NF}' <(ser-face write --field blend --to arkit -o w l.ser && cat w/l.csv)
	grep -q '^Timecode,BlendShapeCount,EyeBlinkLeft,.*,JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft,MouthSmileLeft' w/l.csv
}

@test "ser-face openface: tables as OpenFace wrote them, 713 and 714 columns, and cleaned ones" {
	dir=$ROOT/../shared/data/openface
	[ -d "$dir" ] || skip "../shared/data/openface is not here"
	head -n 475 "$dir/jt.csv" >jt.csv
	cp "$dir"/head_test.csv "$dir"/demo-clean.csv .
	fails 1 'was cut off' ser-face openface "$dir/jt.csv"
	ser-face openface jt.csv head_test.csv >raw.ser
	py raw.ser <<-'END'
		assert [x["land"].shape for x in r] == [(1893, 68, 2), (2381, 68, 2)] and r[0]["au"].shape[1] == 17
		for x in r:
		    t = np.genfromtxt(x["id"] + ".csv", delimiter=",", skip_header=1)
		    c = [s.strip() for s in open(x["id"] + ".csv").readline().split(",")]
		    time = t[:, c.index("timestamp")]
		    for k, name in ((("land", 30, 0), "x_30"), (("au", 16), "AU45_r"), (("pose", 2), "pose_Tz")):
		        y = x[k[0]][(slice(None),) + k[1:]]
		        want = np.interp(np.arange(len(y)) * 0.01, time, t[:, c.index(name)])
		        assert np.allclose(y, want, rtol=1e-5, atol=1e-4), name
	END
	ser-face openface demo-clean.csv >clean.ser
	py clean.ser <<<'assert "land" not in r[0] and r[0]["au"].shape[1] == 17 and r[0]["pose"].shape[1] == 3'
}
