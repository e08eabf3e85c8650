#!/usr/bin/env bats
# Tasks whose targets have a row a frame: ser-train frames and motion, what ser-predict makes of them.
load helper

# records N: features of 10 ms; vis, classes beside them, the first five unknown; y, numbers of 40 ms; z, the features themselves; seen
records() {
	$PYTHON - "$@" <<-'END'
		import sys, msgpack, msgpack_numpy, numpy as np
		rng, n = np.random.default_rng(1), int(sys.argv[1])
		pack = lambda x: sys.stdout.buffer.write(msgpack.packb(x, default=msgpack_numpy.encode))
		pack({"ser": 1, "prov": [], "dims": {"feat": {"axes": ["frame", "bin"], "shift_s": 0.01}, "z": {"shift_s": 0.01},
		      "y": {"shift_s": 0.04, "columns": ["JawOpen", "MouthClose"]}, "seen": {"shift_s": 0.04},
		      "vis": {"shift_s": 0.01, "classes": ["sil", "PP", "aa"]}}})
		for i in range(n):
		    T = 60 + 7 * (i % 5)
		    x = np.repeat(rng.normal(size=(T // 6 + 2, 3)), 6, 0)[:T].astype("f4") + i % 2
		    vis = x.argmax(1).astype("<i2")
		    vis[:5] = -1
		    at = (np.arange((T + 3) // 4) + 0.5) * 4 - 0.5
		    y = np.stack([np.interp(at, np.arange(T), x[:, 0]), np.interp(at, np.arange(T), x[:, 1] - x[:, 2])], 1).astype("f4")
		    seen = np.ones(len(y), "<i2")
		    if i % 4 == 0:
		        y[3:6], seen[3:6] = 50, -1
		    pack({"id": "r%03d" % i, "spk": "s%d" % (i % 6), "emo": "ab"[i % 2], "feat": x, "y": y, "z": x[:T - i % 3], "seen": seen, "vis": vis})
		pack({"end": n})
	END
}

setup() {
	work
	records 24 >d.ser
	net=(--arch blstm --hyper hidden=8 --hyper layers=1 --hyper dropout=0 --input-norm none --time-masks 0 --freq-masks 0 -q)
	emo=(+ classify -l emo --source encoder:frames --head-pool mean)
}

# Of two streams of predictions and the log of a training that changed nothing (--lr 0)
losses() {
	$PYTHON - "$@" <<-'END'
		import sys, msgpack, msgpack_numpy, numpy as np
		def read(f):
		    return {x["id"]: x for x in msgpack.Unpacker(open(f, "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0) if "id" in x}
		kind, log, f = sys.argv[1:4]
		r = read(f)
		rows = [l.rstrip("\n").split("\t") for l in open(log)]
		got = float(dict(zip(rows[0], rows[-1]))["loss"])
		means, t, p = [], [], []
		for x in r.values():
		    n = len(x["feat"])
		    if kind == "frames":
		        y, post = x["vis"], x["post"]
		        means.append(-np.log(post[np.arange(n), y][y >= 0]).mean())
		        continue
		    at = np.clip((np.arange(n) + 0.5) / 4 - 0.5, 0, None)
		    a = np.minimum(at.astype(int), len(x["y"]) - 1)
		    c = np.where(at > a, a + 1, a)
		    ok = at <= len(x["y"]) - 0.5
		    at, a, c = np.minimum(at, len(x["y"]) - 1), a, np.minimum(c, len(x["y"]) - 1)
		    ok &= (x["seen"][a] >= 0) & (x["seen"][c] >= 0)
		    w = (at - a)[:, None]
		    y = (1 - w) * x["y"][a] + w * x["y"][c]
		    t.append(y[ok])
		    p.append(x["post"][ok])
		    means.append(((y - x["post"])[ok] ** 2).mean())
		if kind == "ccc":
		    t, p = np.concatenate(t), np.concatenate(p)
		    want = np.mean([1 - 2 * np.cov(a, b, bias=True)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2) for a, b in zip(t.T, p.T)])
		else:
		    want = np.mean(means)
		assert abs(got - want) < 1e-4 * (1 + want), (kind, got, want)
	END
}

@test "frames and motion: losses over the frames that have a target, at rates of their own, as NumPy forms them" {
	one=("${net[@]}" --crop 0 -e 1 -b 24 --lr 0)
	ser-train frames -l vis "${one[@]}" --log l.tsv -o m.st d.ser
	ser-predict -m m.st d.ser >p.ser
	losses frames l.tsv p.ser
	for l in ccc mse; do
		ser-train motion --target y --seen seen --loss $l "${one[@]}" --log l.tsv -o m.st d.ser
		ser-predict -m m.st d.ser >p.ser
		losses $l l.tsv p.ser
	done
	ser-info p.ser | grep -q 'post {"axes":\["frame","value"\],"shift_s":0.01,"classes":\["JawOpen","MouthClose"\]'
	ser-train motion --target y --seen seen --loss mse --accumulate 3 "${one[@]}" --log l.tsv -o m.st d.ser
	losses mse l.tsv p.ser
}

@test "frames and motion: crops cut targets with features, also of a network that halves the frames" {
	for down in 0 1; do
		ser-train motion --target z --loss mse --arch convpool --hyper channels=12 --hyper blocks=1 --hyper kernel=1 --hyper down=$down \
			--hyper dropout=0 --input-norm none --time-masks 0 --freq-masks 0 --crop 0.3 -e 150 --lr 0.02 -b 8 -q --dev-speaker s3 --log l.tsv -o m.st \
			+ frames -l vis d.ser
		awk -F'\t' -v least=$([ $down = 0 ] && echo 0.98 || echo 0.85) 'END {exit !($NF >= least || $(NF-1) >= least)}' l.tsv || { tail -n 2 l.tsv; false; }
	done
	ser-predict -m m.st d.ser | ser-info | grep -q '"shift_s":0.02'
}

@test "motion beside visemes and emotion, and fed by them: same bytes for threads and interruptions" {
	for fed in "" "--fed vis --fed emo"; do
		run=(ser-train motion --target y --seen seen $fed "${net[@]}" --crop 0.4 -e 3 -b 6 --dev-speaker s5)
		"${run[@]}" -o a.st --log a.tsv + frames -l vis "${emo[@]}" d.ser
		"${run[@]}" -t 2 -o b.st --log b.tsv + frames -l vis "${emo[@]}" <d.ser
		cmp a.tsv b.tsv
		ser-cmp <(ser-predict -m a.st d.ser) <(ser-predict -m b.st d.ser)
		rm -f c.ckpt
		part=("${run[@]}" -o c.st --log c.tsv --checkpoint c.ckpt --checkpoint-every 1 --resume + frames -l vis "${emo[@]}" d.ser)
		"${part[@]}" &
		pid=$!
		while [ ! -e c.ckpt ] && kill -0 $pid 2>/dev/null; do sleep 0.001; done
		kill -9 $pid || true
		wait $pid || true
		"${part[@]}"
		cmp a.tsv c.tsv
		ser-cmp <(ser-predict -m a.st d.ser) <(ser-predict -m c.st d.ser)
		ser-predict -m a.st --head vis d.ser | ser-info | grep -q '"classes":\["sil","PP","aa"\]'
		ser-predict -m a.st --head emo d.ser | ser-dump | grep -q '"pred":"[ab]"'
	done
	ser-model show a.st | grep -q 'y: value, 2 outputs, on encoder:frames, fed by vis, emo'
	same '[["vis","emo"]]' jq -c '[.heads[].fed | select(.)]' <(ser-model show --json a.st)
}

@test "ser-score frames: concordance of columns and recall of classes over all frames, as NumPy forms them, and differences of two systems" {
	for s in 1 2; do
		ser-train motion --target y --seen seen "${net[@]}" --crop 0 -e 3 --lr 0.02 --seed $s -o m$s.st + frames -l vis d.ser
		ser-predict -m m$s.st d.ser >p$s.ser
		ser-predict -m m$s.st --head vis d.ser >v$s.ser
	done
	score=(ser-score frames --n-boot 200 --allow-shared-speakers --json)
	"${score[@]}" --target y --seen seen --against p2.ser p1.ser >y.json
	"${score[@]}" --target y --seen seen -t 3 --against p2.ser p1.ser | cmp - y.json
	"${score[@]}" --target vis v1.ser >v.json
	$PYTHON - <<-'END'
		import json, msgpack, msgpack_numpy, numpy as np
		def read(f):
		    return [x for x in msgpack.Unpacker(open(f, "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0) if "id" in x]
		def ccc(f):
		    t, p = [], []
		    for x in read(f):
		        n = len(x["feat"])
		        at = np.clip((np.arange(n) + 0.5) / 4 - 0.5, 0, None)
		        ok = at <= len(x["y"]) - 0.5
		        at = np.minimum(at, len(x["y"]) - 1)
		        a, c = np.floor(at).astype(int), np.ceil(at).astype(int)
		        ok &= (x["seen"][a] >= 0) & (x["seen"][c] >= 0)
		        w = (at - a)[:, None]
		        t.append(((1 - w) * x["y"][a] + w * x["y"][c])[ok])
		        p.append(x["post"][ok])
		    t, p = np.concatenate(t).astype(float), np.concatenate(p).astype(float)
		    return [2 * np.cov(a, b, bias=True)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2) for a, b in zip(t.T, p.T)], np.sqrt(((t - p) ** 2).mean(0))
		j = json.load(open("y.json"))
		score = {r["score"]: r for r in j["scores"]}
		(a, rmse), (b, _) = ccc("p1.ser"), ccc("p2.ser")
		assert np.allclose([r["ccc"] for r in j["columns"]], a) and np.isclose(score["ccc"]["value"], np.mean(a)), (j["columns"], a)
		assert np.isclose(score["rmse"]["value"], rmse.mean()) and [r["column"] for r in j["columns"]] == ["JawOpen", "MouthClose"]
		d = {r["score"]: r for r in j["differences"]}["ccc"]
		assert np.isclose(d["difference"], np.mean(a) - np.mean(b)) and d["spk_lo"] <= d["difference"] <= d["spk_hi"]
		v = read("v1.ser")
		y, p = np.concatenate([x["vis"] for x in v]), np.concatenate([x["post"].argmax(1) for x in v])
		y, p = y[y >= 0], p[y >= 0]
		s = {r["score"]: r["value"] for r in json.load(open("v.json"))["scores"]}
		assert np.isclose(s["war"], (y == p).mean()) and np.isclose(s["uar"], np.mean([(p[y == k] == k).mean() for k in range(3)]))
	END
	fails 3 'trained on' ser-score frames --target y --seen seen p1.ser
	fails 1 'there is no tensor "emo"' "${score[@]}" --target emo p1.ser
	fails 1 'the second system has' "${score[@]}" --target y --seen seen --against <(ser-head -n 5 p2.ser) p1.ser
}

@test "frames and motion: what fails" {
	fails 1 '"nope"' ser-train frames -l nope "${net[@]}" -o x.st d.ser
	fails 1 'expected one class a frame' ser-train frames -l z "${net[@]}" -o x.st d.ser
	fails 2 'which --head-pool takes away' ser-train frames -l vis --head-pool mean "${net[@]}" -o x.st d.ser
	fails 2 'no frame-level states' ser-train frames -l vis --arch mlp -q -o x.st d.ser
	fails 2 'is fed by "nope", which is not there' ser-train motion --target y --fed nope "${net[@]}" -o x.st d.ser
	fails 2 'stands on another source' ser-train motion --target y --fed emo "${net[@]}" -o x.st + classify -l emo d.ser
	fails 2 'or is fed itself' ser-train motion --target y --fed z "${net[@]}" -o x.st + motion --target z --fed vis + frames -l vis d.ser
	fails 1 'gives no shift_s for "emo3"' ser-train motion --target emo3 "${net[@]}" -o x.st <($PYTHON -c '
import sys, msgpack, msgpack_numpy, numpy as np
w = lambda x: sys.stdout.buffer.write(msgpack.packb(x, default=msgpack_numpy.encode))
w({"ser": 1, "prov": [], "dims": {"feat": {"shift_s": 0.01}}})
for i in range(2): w({"id": str(i), "spk": str(i), "feat": np.zeros((9, 2), "f4"), "emo3": np.zeros((9, 1), "f4")})
w({"end": 2})')
	fails 1 '"seen" 15' ser-train motion --target z --seen seen "${net[@]}" -o x.st d.ser
	[ ! -e x.st ]
}
