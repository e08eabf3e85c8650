#!/usr/bin/env bats
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mkstream -n 21 --frames 40 --bins 6 --speakers 3 >d.ser
}

@test "ser-target energy: the deviation of speech frames' level, cut at the median of the records that train" {
	ser-target energy --fit t.json d.ser
	ser-target energy --apply t.json d.ser >e.ser
	ser-target energy --apply t.json -t 3 d.ser | cmp - e.ser
	ser-head -n 20 d.ser | ser-target energy --fit even.json
	$PYTHON - <<-'END'
		import json, msgpack, msgpack_numpy, numpy as np
		u = msgpack.Unpacker(open("e.ser", "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0)
		r, t = [x for x in u if "id" in x], json.load(open("t.json"))
		def sd(x):
		    db = 10 * np.log10(np.exp(x.astype(float)).sum(1))
		    return db[db >= db.max() - 30].std()
		want = np.array([sd(x["feat"]) for x in r])
		assert np.allclose(want, [x["energy_sd"] for x in r], rtol=1e-9) and np.isclose(t["threshold"], np.median(want))
		assert t["n"] == 21 and sorted(t["speakers"]) == ["00", "01", "02"], t
		assert [x["energy"] for x in r] == ["high" if v > np.median(want) else "low" for v in want]
		assert sum(x["energy"] == "high" for x in r) == 10
		assert np.isclose(json.load(open("even.json"))["threshold"], np.median(want[:20]), rtol=1e-12)
	END
}

@test "ser-target energy: a network learns it, and is fine-tuned" {
	ser-target energy --fit t.json d.ser
	ser-target energy --apply t.json d.ser >e.ser
	ser-train classify -l energy --arch linear --crop 0 -e 2 -q -o pre.st e.ser
	ser-train classify -l emo --arch linear --init pre.st --crop 0 -e 2 -q -o emo.st d.ser
	same 3 jq '.train.speakers | length' <(ser-model show --json emo.st)
}

@test "ser-target: what fails" {
	run -2 ser-target
	run -2 ser-target energy d.ser
	run -2 ser-target energy --fit a --apply b d.ser
	run -2 ser-target energy --fit a.json -o o.ser d.ser
	fails 1 'field "nope"' ser-target energy --field nope --fit a.json d.ser
	fails 1 'no field, range_db and threshold' ser-target energy --apply <(echo '{"field": "feat"}') d.ser
	fails 1 '"u00004", byte' ser-target energy --fit a.json <(mkstream -n 9 --nan 4)
	[[ $stderr == *'not finite' ]]
	fails 1 'no record trains' ser-target energy --fit a.json <(mkstream -n 0)
	[ ! -e a.json ]
}

py() { # Records of a stream as `r`, the header as `h`
	$PYTHON -c '
import sys, msgpack, msgpack_numpy, numpy as np
u = list(msgpack.Unpacker(open(sys.argv[1], "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0))
h, r = u[0], [x for x in u if "id" in x]
exec(sys.stdin.read())' "$1"
}

faces() { # f.ser: eleven faces of two and a half ways to move, some frames lost
	local n
	for n in 0 1 2 3 4 5 6 7 8 9 10; do
		"$ROOT"/tests/tools/mkface -v format=openface -v n=$n -v lost=$n-$((n + (n % 3) * 6)) >f$n.csv
	done
	ser-face openface f*.csv >f.ser
}

@test "ser-target activation: the speed of landmarks on the mean face, cut at the median of training" {
	faces
	ser-target activation --fit t.json f.ser
	ser-target activation --apply t.json f.ser >a.ser
	ser-target activation --apply t.json -t 3 f.ser | cmp - a.ser
	ser-face shape f.ser >s.ser
	py s.ser <<-'END'
		import json
		t = json.load(open("t.json"))
		got = {x["id"]: x for x in msgpack.Unpacker(open("a.ser", "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0) if "id" in x}
		want = {}
		for x in r:
		    y, k = x["shape"].reshape(len(x["shape"]), 68, 2).astype(float), x["seen"] >= 0
		    d = np.linalg.norm(np.diff(y, axis=0), axis=2).mean(1)
		    want[x["id"]] = d[k[1:] & k[:-1]].mean() / 0.01
		assert all(np.isclose(got[i]["face_speed"], v, rtol=1e-4) for i, v in want.items())
		assert np.isclose(t["threshold"], np.median(list(want.values())), rtol=1e-4) and t["target"] == "activation" and t["n"] == 11
		assert sum(x["activation"] == "high" for x in got.values()) == 5
	END
	ser-target energy --fit e.json d.ser
	fails 1 'its threshold is not of activation' ser-target activation --apply e.json f.ser
	fails 1 'field "land"' ser-target activation --apply t.json d.ser
}

@test "ser-target units: emotions of units that are there together" {
	faces
	printf '# smiles\njoy 6 12\nspeech 25\n' >table
	ser-target units --table table f.ser >u.ser
	py u.ser <<-'END'
		for x in r:
		    au, k, c = x["au"], x["seen"] >= 0, h["dims"]["au"]["columns"]
		    joy = ((au[:, c.index("AU06")] >= 1) & (au[:, c.index("AU12")] >= 1))[k]
		    speech = (au[:, c.index("AU25")] >= 1)[k] & ~joy
		    n = {"joy": joy.sum(), "speech": speech.sum()}
		    best = max(n, key=n.get)
		    assert x["au_emotion"] == (best if n[best] >= 0.2 * k.sum() else "none"), (x["id"], n)
		assert {x["au_emotion"] for x in r} == {"joy", "speech"}
	END
	ser-target units --table table --least 2.9 --share 0.5 f.ser >u.ser
	py u.ser <<<'assert {x["au_emotion"] for x in r} == {"none"}'
	printf 'joy 6 12\nlaughter 12 6\n' >both # of as many units the first counts
	ser-target units --table both f.ser >u.ser
	py u.ser <<<'assert {"joy"} <= {x["au_emotion"] for x in r} <= {"joy", "none"}'
	fails 1 'EMFACS:2: the records have no unit AU01' ser-target units f.ser
	fails 1 'is no action unit' ser-target units --table <(echo a x) f.ser
	fails 1 'does not name the units' ser-target units --table table d.ser
}

@test "ser-target visemes: phones of TextGrids, CTM and EmoDB's labels beside frames" {
	mkstream -n 2 --frames 40 --bins 2 >w.ser # u00000, u00001: 40 and 41 frames of 10 ms
	mkdir grid lab
	for i in 0 1; do
		printf 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 0.4\ntiers? <exists>\nsize = 2\nitem []:\n item [1]:\n  class = "IntervalTier"\n  name = "words"\n  xmin = 0\n  xmax = 0.4\n  intervals: size = 1\n  intervals [1]:\n   xmin = 0\n   xmax = 0.4\n   text = "say ""ma"""\n item [2]:\n  class = "IntervalTier"\n  name = "phones"\n  xmin = 0\n  xmax = 0.4\n  intervals: size = 3\n  intervals [1]:\n   xmin = 0\n   xmax = 0.1\n   text = ""\n  intervals [2]:\n   xmin = 0.1\n   xmax = 0.25\n   text = "M"\n  intervals [3]:\n   xmin = 0.25\n   xmax = 0.37\n   text = "AA1"\n' >grid/u0000$i.TextGrid
		printf 'signal x\n#\n 0.1 -1 .\n 0.2 -1 m\n 0.25 -1 \t+hoe\n 0.33 -1 a\t+lar\n 0.37 -1 tasp\n' >lab/u0000${i}xx.lablaut
		printf 'u0000%d 1 0 0.1 SIL\nu0000%d 1 0.1 0.15 M\nu0000%d 1 0.25 0.12 AA1 0.9\n' $i $i $i
	done >all.ctm
	ser-target visemes --phones grid w.ser >g.ser
	ser-target visemes --phones all.ctm --from ctm -t 2 w.ser >c.ser
	ser-cmp g.ser c.ser
	py g.ser <<-'END'
		n = h["dims"]["viseme"]["classes"]
		assert len(n) == 15 and h["dims"]["viseme"]["shift_s"] == 0.01
		for x in r:
		    got = [n[k] if k >= 0 else "?" for k in x["viseme"]]
		    assert got == ["sil"] * 10 + ["PP"] * 15 + ["aa"] * 12 + ["?"] * (len(x["feat"]) - 37), got
	END
	ser-target visemes --phones lab --from lablaut --alphabet sampa --set jali --label v w.ser >l.ser
	py l.ser <<-'END'
		n = h["dims"]["v"]["classes"]
		assert len(n) == 21 and [n[k] for k in r[0]["v"][:37]] == ["sil"] * 10 + ["MBP"] * 15 + ["Aa"] * 8 + ["LNTD"] * 4
	END
	printf 'quiet SIL\nlips M P B\n' >own
	ser-target visemes --phones all.ctm --from ctm --table own w.ser >o.ser
	py o.ser <<<'assert h["dims"]["viseme"]["classes"] == ["quiet", "lips"] and (r[0]["viseme"][25:] == -1).all()'
	ser-train frames -l viseme --arch blstm --hyper hidden=4 -e 1 -q -o m.st g.ser
	fails 1 'there are no phones grid/u00002.TextGrid' ser-target visemes --phones grid <(mkstream -n 3 --frames 40)
	fails 1 'there are no phones of it' ser-target visemes --phones all.ctm --from ctm <(mkstream -n 3 --frames 40)
	fails 1 'no interval tier "mau"' ser-target visemes --phones grid --tier mau w.ser
	head -c 300 grid/u00000.TextGrid >cut && mv cut grid/u00000.TextGrid
	fails 1 'cut off' ser-target visemes --phones grid w.ser
	fails 1 'u00000xx.lablaut:1: no line of utterance' ser-target visemes --phones lab/u00000xx.lablaut --from ctm w.ser
	fails 1 'the phone "M" came before' ser-target visemes --phones all.ctm --from ctm --table <(printf 'a M\nb M\n') w.ser
	fails 1 "before the last one's end" ser-target visemes --from ctm --phones <(printf 'u00000 1 0.5 1 M\nu00000 1 0.2 1 B\n') w.ser
	run -2 ser-target visemes --phones all.ctm --from ctm --table own --set jali w.ser
}

@test "ser-target visemes: EmoDB's own labels" {
	dir=$ROOT/../shared/data/emodb
	[ -d "$dir" ] || skip "../shared/data/emodb is not here"
	ser-prep -q emodb "$dir" | head -n 30 | ser-wav2feat --kind fbank --num-mel-bins 8 -q >e.ser
	ser-target visemes --phones "$dir/lablaut" --from lablaut --alphabet sampa e.ser >v.ser
	py v.ser <<-'END'
		v = np.concatenate([x["viseme"] for x in r])
		assert (v >= 0).mean() > 0.95 and len(set(v)) > 12, (v >= 0).mean()
	END
}
