#!/usr/bin/env bats
load helper

@test "ser-augment: masks are whole bands within their widths, all else is as it was" {
	mkstream -n 40 --frames 60 --bins 24 >in.ser
	ser-augment -n 4 --fill zero --time-masks 1 --time-width 10 --freq-masks 1 --freq-width 5 --seed 3 in.ser >out.ser
	$PYTHON - <<-'END'
		import msgpack, msgpack_numpy, numpy as np
		def read(name):
		    u = msgpack.Unpacker(open(name, "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0)
		    return [r for r in u if "id" in r]
		a, b = read("in.ser"), read("out.ser")
		assert len(b) == 5 * len(a)
		times, freqs = [], []
		for i, r in enumerate(a):
		    assert np.array_equal(b[5 * i]["feat"], r["feat"])
		    for k in range(1, 5):
		        q = b[5 * i + k]
		        assert q["id"] == f"{r['id']}-aug{k}" and q["source"] == r["id"] and q["augment"] == k and q["spk"] == r["spk"]
		        z = q["feat"] == 0
		        rows, cols = np.flatnonzero(z.all(1)), np.flatnonzero(z.all(0))
		        want = r["feat"].copy(); want[rows] = 0; want[:, cols] = 0
		        assert np.array_equal(want, q["feat"])
		        assert len(rows) == 0 or rows[-1] - rows[0] + 1 == len(rows)
		        times.append(len(rows)), freqs.append(len(cols))
		# 160 draws: every width from nothing to the greatest, no wider; near their mean
		assert set(times) == set(range(11)) and set(freqs) == set(range(6)), (set(times), set(freqs))
		assert abs(np.mean(times) - 5) < 1 and abs(np.mean(freqs) - 2.5) < 0.5
	END
}

@test "ser-augment: what is masked goes by id and seed" {
	mkstream -n 10 --frames 60 --bins 24 >in.ser
	ser-augment --no-keep --seed 1 in.ser | ser-sort --by id >a.ser
	ser-sort --by spk in.ser | ser-augment --no-keep --seed 1 | ser-sort --by id >b.ser
	ser-cmp a.ser b.ser
	ser-augment --no-keep --seed 2 in.ser | ser-sort --by id >c.ser
	run -1 ser-cmp a.ser c.ser
	same 10 sh -c 'ser-dump a.ser | wc -l'
}

@test "ser-augment: short records, the mean, usage" {
	mkstream -n 5 --frames 1 --bins 1 >in.ser
	ser-augment --max-share 1 in.ser >o.ser
	same 10 sh -c 'ser-dump o.ser | wc -l'
	fails 1 'field "nope"' ser-augment --field nope -o p.ser in.ser
	for o in '-n 0' '--fill one' '--max-share 2' '--time-width zz'; do run -2 ser-augment $o -o p.ser in.ser; done
	[ ! -e p.ser ]
}

# ---- samples ----

# wavs: six sounds of three speakers, two noises and an impulse response, with manifests m.tsv n.tsv r.tsv; the records are w.ser
wavs() {
	$PYTHON - <<-'END'
		import numpy as np, wave
		rng = np.random.default_rng(1)
		def put(name, x):
		    w = wave.open(name, "wb")
		    w.setnchannels(1), w.setsampwidth(2), w.setframerate(16000)
		    w.writeframes(np.round(x * 32767).astype("<i2").tobytes())
		    w.close()
		for i in range(6):
		    t = np.arange(12000 + 1000 * i) / 16000
		    put(f"s{i}.wav", 0.3 * np.sin(2 * np.pi * (200 + 50 * i) * t) * (1.2 + np.sin(9 * t)) / 2.2)
		put("n0.wav", 0.1 * rng.standard_normal(4000).clip(-4, 4))
		put("n1.wav", 0.2 * rng.standard_normal(80000).clip(-4, 4))
		h = 0.1 * rng.standard_normal(3000).clip(-4, 4) * np.exp(-np.arange(3000) / 600)
		h[40] = 0.8
		put("r.wav", h)
	END
	(printf 'id\tpath\tspk\temo\n' && for i in 0 1 2 3 4 5; do printf 's%d\ts%d.wav\tp%d\tjoy\n' $i $i $((i % 3)); done) >m.tsv
	printf 'id\tpath\nn0\tn0.wav\nn1\tn1.wav\n' >n.tsv
	printf 'id\tpath\nr\tr.wav\n' >r.tsv
	ser-wav2feat --kind wave m.tsv >w.ser
}

# check STREAM: runs the Python on standard input with a function read(name) and the records of w.ser in `src`, of STREAM in `out`
check() {
	{
		cat <<-'END'
			import sys, msgpack, msgpack_numpy, numpy as np
			def read(name):
			    u = msgpack.Unpacker(open(name, "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0)
			    return {r["id"]: dict(r, x=r["feat"][:, 0].astype(float)) for r in u if "id" in r}
			src, out = read("w.ser"), read(sys.argv[1])
			def done(r): return dict(w.split("=", 1) for w in r["aug"].split(" "))
			copies = [r for r in out.values() if "augment" in r]
		END
		cat
	} | $PYTHON - "$1"
}

@test "ser-augment: noise lies at its SNR and is that of the file" {
	wavs
	ser-augment -n 5 --noise n.tsv --snr -5:25 w.ser >o.ser
	check o.ser <<-'END'
		import wave
		noise = {n: np.frombuffer(wave.open(n + ".wav").readframes(10**6), "<i2") / 32768 for n in ("n0", "n1")}
		snrs, used = [], set()
		assert len(copies) == 30 and len(out) == 36
		for r in copies:
		    x = src[r["source"]]["x"]
		    d = r["x"] - x
		    name, snr = done(r)["noise"].split("@")
		    got = 10 * np.log10((x**2).sum() / (d**2).sum())
		    assert abs(got - float(snr)) < 0.01 and -5 <= got <= 25, (got, snr)
		    n = np.tile(noise[name], 6)
		    best = max(abs(np.correlate(n, d[:500], "valid"))) / np.linalg.norm(d[:500])
		    at = np.argmax(abs(np.correlate(n, d[:500], "valid")))
		    assert best / np.linalg.norm(n[at:at + 500]) > 0.999
		    snrs.append(got), used.add(name)
		    assert r["emo"] == "joy" and r["spk"] == src[r["source"]]["spk"]
		assert np.ptp(snrs) > 20 and len(used) == 2
	END
}

@test "ser-augment: a given room is a convolution, as loud and as early as before; synthetic ones decay" {
	wavs
	ser-augment --no-keep --rir r.tsv w.ser >o.ser
	check o.ser <<-'END'
		import wave
		h = np.frombuffer(wave.open("r.wav").readframes(10**6), "<i2") / 32768
		for r in copies:
		    x = src[r["source"]]["x"]
		    y = np.convolve(x, h)[40:40 + len(x)]
		    y *= np.sqrt((x**2).sum() / (y**2).sum())
		    assert len(r["x"]) == len(x) and np.abs(y - r["x"]).max() < 1e-6, np.abs(y - r["x"]).max()
		    assert done(r) == {"rir": "r"}
	END
	ser-augment -n 3 --reverb 0.2:0.5 --drr 5 w.ser >o.ser
	check o.ser <<-'END'
		t60 = [float(done(r)["reverb"].split("@")[0]) for r in copies]
		assert min(t60) >= 0.2 and max(t60) <= 0.5 and len(set(t60)) == 18
		change = []
		for r in copies:
		    x = src[r["source"]]["x"]
		    assert abs((r["x"]**2).sum() / (x**2).sum() - 1) < 1e-4
		    change.append(np.abs(r["x"] - x).max())
		assert min(change) > 0.01 and np.median(change) > 0.05
	END
}

@test "ser-augment: speed, tempo and pitch change what they say and leave the rest" {
	wavs
	for o in speed tempo pitch; do
		l=0.8,1.25
		[ $o = pitch ] && l=-4,3
		ser-augment --no-keep -n 4 --$o $l w.ser >$o.ser
	done
	check speed.ser <<-'END'
		def hz(x):
		    n = 1 << 18
		    f = np.abs(np.fft.rfft(x[1000:-1000] * np.hanning(len(x) - 2000), n))
		    return np.argmax(f) * 16000 / n
		for name in ("speed", "tempo", "pitch"):
		    seen = set()
		    for r in read(name + ".ser").values():
		        x, v = src[r["source"]]["x"], float(done(r)[name])
		        seen.add(v)
		        length = 1 if name == "pitch" else 1 / v
		        tone = {"speed": v, "tempo": 1, "pitch": 2 ** (v / 12)}[name]
		        assert len(r["x"]) == round(len(x) * length), (name, v)
		        assert abs(hz(r["x"]) / hz(x) / tone - 1) < 0.004, (name, v, hz(r["x"]), hz(x))
		        assert abs((r["x"]**2).mean() / (x**2).mean() - 1) < 0.03, (name, v)
		    assert len(seen) == 2
	END
}

@test "ser-augment: gain and codecs" {
	wavs
	ser-augment -n 6 --gain -6:3 --codec mulaw:8000,opus:16000:0.95,mp3,vorbis,gsm,adpcm w.ser >o.ser
	check o.ser <<-'END'
		seen = set()
		for r in copies:
		    x, d = src[r["source"]]["x"], done(r)
		    seen.add(d["codec"])
		    g = (r["x"] @ x) / (x @ x)
		    assert len(r["x"]) == len(x) and abs(20 * np.log10(g) - float(d["gain"])) < 1, (d, g)
		    assert 1e-4 < np.abs(r["x"] - g * x).max()
		assert len(seen) == 6
	END
}

all='-n 3 --pitch -1,1 --tempo 0.9,1.1 --speed 0.9,1.1 --reverb 0.2:0.4 --noise n.tsv --babble m.tsv --voices 2:3 --gain -6:6 --codec mulaw,gsm'

@test "ser-augment: the outcome hangs on seed and id, not on order, threads or other steps" {
	wavs
	ser-augment $all --seed 1 w.ser >a.ser
	ser-augment $all --seed 1 -t 4 w.ser | cmp - a.ser
	ser-augment $all --seed 2 w.ser >c.ser
	run -1 ser-cmp a.ser c.ser
	ser-sort -r --by id w.ser | ser-augment $all --seed 1 | ser-sort --by id >b.ser
	ser-sort --by id a.ser | ser-cmp - b.ser
	(head -n 1 m.tsv && tail -n +2 m.tsv | tac) >back.tsv
	ser-augment ${all/m.tsv/back.tsv} --seed 1 w.ser >b.ser
	ser-cmp a.ser b.ser
	ser-augment ${all/m.tsv/w.ser} --seed 1 w.ser >b.ser # voices out of the stream itself
	ser-cmp a.ser b.ser
	ser-augment -n 3 --noise n.tsv --seed 1 w.ser >b.ser
	one() { ser-dump $1 | jq -r 'select(has("aug")) | .aug' | tr ' ' '\n' | grep ^noise=; }
	[ "$(one a.ser)" = "$(one b.ser)" ]
}

@test "ser-augment: babble is made of others' voices" {
	wavs
	ser-augment --no-keep -n 20 --babble m.tsv --voices 1:4 --snr 3 w.ser >o.ser
	check o.ser <<-'END'
		n = set()
		for r in copies:
		    who = done(r)["babble"].split("@")[0].split("+")
		    n.add(len(who))
		    assert len(set(who)) == len(who) and all(src[w]["spk"] != r["spk"] for w in who), (r["id"], who)
		    x = src[r["source"]]["x"]
		    d = r["x"] - x
		    assert abs(10 * np.log10((x**2).sum() / (d**2).sum()) - 3) < 0.01
		    # what was added lies at the pitches of these voices
		    f = np.abs(np.fft.rfft(d * np.hanning(len(d)), 1 << 16))
		    for v in range(6):
		        k = round((200 + 50 * v) / 16000 * (1 << 16))
		        assert (f[k - 8:k + 9].max() > 0.2 * f.max()) == (f"s{v}" in who), (who, v)
		assert n == {1, 2, 3, 4}
	END
	ser-select 'spk == "p0"' w.ser >p0.ser
	fails 1 'no voice of another speaker' ser-augment --babble p0.ser -o no.ser p0.ser
	ser-augment --no-keep -n 9 --babble p0.ser --same-speaker p0.ser >o.ser
	same 's3 s0' sh -c 'ser-dump o.ser | jq -r ".aug[7:9]" | uniq | paste -sd " "'
	# nor do copies of copies hear themselves
	ser-augment --no-keep -n 1 --gain 0:0 p0.ser | ser-augment --no-keep -n 9 --babble p0.ser --same-speaker >o.ser
	same 's3 s0' sh -c 'ser-dump o.ser | jq -r ".aug[7:9]" | uniq | paste -sd " "'
	ser-select --drop spk true w.ser >anon.ser
	fails 1 'has no speaker' ser-augment --babble m.tsv -o no.ser anon.ser
	run -1 --separate-stderr ser-augment -k --babble m.tsv -o part.ser anon.ser
	[[ $stderr == *'6 skipped'* ]]
	[ ! -e no.ser ]
}

@test "ser-augment: for a silent voice another one babbles" {
	wavs
	$PYTHON -c 'import wave; w = wave.open("z.wav", "wb"); w.setparams((1, 2, 16000, 0, "NONE", "")); w.writeframes(bytes(60000))'
	printf 'z%d\tz.wav\tq\tjoy\n' 0 1 2 3 4 5 6 7 >z.rows
	cat m.tsv z.rows >mz.tsv
	ser-augment --no-keep -n 20 --babble mz.tsv --voices 1:2 --snr 3 --seed 1 w.ser >o.ser
	ser-augment --no-keep -n 20 --babble mz.tsv --voices 1:2 --snr 3 --seed 1 -t 4 w.ser | cmp - o.ser
	check o.ser <<-'END'
		n = []
		for r in copies:
		    who = done(r)["babble"].split("@")[0].split("+")
		    assert len(set(who)) == len(who) and all(w[0] == "s" and src[w]["spk"] != r["spk"] for w in who), (r["id"], who)
		    x = src[r["source"]]["x"]
		    d = r["x"] - x
		    assert abs(10 * np.log10((x**2).sum() / (d**2).sum()) - 3) < 0.01
		    n.append(len(who))
		assert set(n) == {1, 2} and 0.3 < n.count(2) / len(n) < 0.7
	END
	(head -n 1 m.tsv && cat z.rows) >silence.tsv
	fails 1 'all voices of another speaker to babble are silent' ser-augment --babble silence.tsv -o no.ser w.ser
	[ ! -e no.ser ]
}

@test "ser-augment: what does not fit is refused" {
	wavs
	mkstream -n 3 >f.ser
	fails 1 'needs samples' ser-augment --gain 3 -o no.ser f.ser
	fails 1 'is for features' ser-augment --time-masks 1 --gain 3 -o no.ser w.ser
	fails 2 'say what to do' ser-augment -o no.ser w.ser
	$PYTHON - >stereo.ser <<-'END'
		import sys, msgpack, msgpack_numpy
		for x in msgpack.Unpacker(open("w.ser", "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0):
		    if "feat" in x:
		        x["feat"] = x["feat"][:len(x["feat"]) // 2 * 2].reshape(-1, 2)
		    x = {"end": x["end"]} if "end" in x else x
		    sys.stdout.buffer.write(msgpack.packb(x, default=msgpack_numpy.encode))
	END
	fails 1 ',2], expected samples [N,1]' ser-augment --gain 3 -o no.ser stereo.ser
	for o in '--speed 0' '--speed 0.9,' '--speed 1;2' '--snr 5:1' '--snr a' '--gain 1:2:3' '--codec mp5' '--codec mulaw,mulaw' '--voices 1.5' \
		'--reverb 0' '--reverb 1 --rir r.tsv' '--tempo ,'; do
		run -2 ser-augment $o -o no.ser w.ser
		[ "${#lines[@]}" -eq 1 ]
	done
	printf 'id\tpath\n' >empty.tsv
	fails 1 'holds no sounds' ser-augment --noise empty.tsv -o no.ser w.ser
	mkfifo fifo
	fails 1 'fifo: is not a regular file' ser-augment --noise fifo -o no.ser w.ser
	fails 1 'missing.tsv: No such file' ser-augment --noise missing.tsv -o no.ser w.ser
	printf 'id\tpath\nx\tgone.wav\n' >gone.tsv
	fails 1 'gone.tsv: "x": gone.wav: No such file' ser-augment --noise gone.tsv -o no.ser w.ser
	fails 1 'does not hold samples' ser-augment --noise f.ser -o no.ser w.ser
	head -c 3000 w.ser >cut.ser
	fails 1 'cut off' ser-augment --noise cut.ser -o no.ser w.ser
	[ ! -e no.ser ]
	sed "s:\t:\t$PWD/:" n.tsv | sed '1s:.*:id\tpath:' >abs.tsv
	fails 1 'leads out of "sub"' ser-augment --root sub --noise abs.tsv -o no.ser w.ser
	ser-augment --root sub --noise abs.tsv --allow-absolute -o yes.ser w.ser
	ser-augment --noise abs.tsv -o yes.ser w.ser
	ser-augment --root . --noise n.tsv --suffix noisy w.ser | ser-dump | jq -r .id >ids
	[ "$(sed -n 2p ids)" = s0-noisy1 ]
}

@test "ser-augment: between samples and features" {
	wavs
	ser-wav2feat --kind wave <m.tsv | ser-augment $all | ser-wav2feat --kind fbank >f.ser
	same '24 80 24' sh -c 'ser-dump f.ser | jq -s -r "[length, .[0].feat.shape[1], (map(.id) | unique | length)] | join(\" \")"'
	ser-wav2feat m.tsv >d.ser
	ser-select 'not has(augment)' f.ser | ser-cmp - d.ser
}

@test "ser-augment: features that are not finite" {
	mkstream -n 9 --nan 4 >n.ser
	fails 1 '"u00004"' ser-augment -n 1 -o no.ser n.ser
	[[ $stderr == *'holds a value that is not a finite number' ]]
	run -1 --separate-stderr ser-augment -k -n 1 -o part.ser n.ser
	[[ $stderr == *'9 read, 16 written, 1 skipped'* ]] || { echo "$stderr"; false; }
	[ ! -e no.ser ]
}
