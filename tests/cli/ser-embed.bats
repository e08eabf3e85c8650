#!/usr/bin/env bats
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mkstream -n 30 --frames 20 --bins 10 >d.ser
	ser-train speaker --arch convpool --hyper channels=8 --hyper emb=6 -e 1 -o m.st d.ser
}

@test "an embedding for each record, all else passed on" {
	ser-embed -m m.st d.ser >e.ser
	ser-cmp <(ser-select true --drop emb e.ser) d.ser
	ser-dump e.ser | jq -e -s 'length == 30 and (map(.emb.shape == [6]) | all)' >/dev/null
	same '["dim"] ["00","01","02"]' jq -r '"\(.dims.emb.axes) \(.dims.emb.train_speakers)"' <(ser-dump --header e.ser 2>/dev/null || ser-info --json e.ser)
	[ "$(ser-embed -m m.st --drop feat --name x d.ser | ser-dump | jq -sc 'map(keys) | unique')" = '[["dur","emo","fold","id","spk","x"]]' ]
}

@test "frame-level states" {
	ser-embed -m m.st --frames d.ser | ser-dump | jq -e -s 'map(.frames.shape[1] == 8 and .frames.shape[0] >= 5) | all' >/dev/null
	ser-train speaker --arch linear -e 1 -o l.st d.ser
	fails 1 'no frame-level states' ser-embed -m l.st --frames d.ser
}

@test "alone or among others, on one thread or two: the same bytes" {
	ser-embed -m m.st d.ser >e.ser
	ser-embed -m m.st -t 2 d.ser | cmp - e.ser
	ser-select 'id == "u00007"' d.ser | ser-embed -m m.st >one.ser
	ser-cmp one.ser <(ser-select 'id == "u00007"' e.ser)
}

@test "other features are refused by name" {
	mkstream -n 3 --frames 20 --bins 11 >e.ser
	fails 1 '11 dimensions' ser-embed -m m.st e.ser
	mkstream -n 3 --frames 20 --bins 10 --shift 0.02 >e.ser
	fails 1 'shift_s' ser-embed -m m.st e.ser
	mkstream -n 3 --name other >e.ser
	fails 1 '"feat"' ser-embed -m m.st e.ser
	mkstream -n 30 --frames 20 --bins 10 --nan 3 >e.ser
	fails 1 'record 4 "u00003"' ser-embed -m m.st e.ser
	run --separate-stderr ser-embed -k -m m.st e.ser
	[ "$status" -eq 1 ]
	[[ $stderr == *"29 written, 1 skipped"* ]]
}

@test "files that are no models" {
	fails 1 'd.ser: a stream of records, expected a model' ser-embed -m d.ser d.ser
	fails 1 'none.st: cannot open' ser-embed -m none.st d.ser
	head -c 1000 m.st >cut.st
	fails 1 'cut.st: ' ser-embed -m cut.st d.ser
	: >empty.st
	fails 1 'empty' ser-embed -m empty.st d.ser
	fails 2 '"feat" is taken' ser-embed -m m.st --name feat d.ser
}

@test "--every: an embedding for each window, as if it had been cut out" {
	mkstream -n 6 --frames 20 --bins 10 >d.ser
	ser-train classify -l emo --arch convpool --hyper channels=8 --hyper emb=6 -e 1 -o m.st d.ser
	ser-embed -m m.st --every 100ms --window 150ms d.ser >e.ser
	[ "$(ser-dump e.ser | jq -r .id | head -n 3 | tail -n 1)" = u00001-000001 ]
	[ "$(ser-dump e.ser | wc -l)" -eq 16 ]
	ser-embed -m m.st e.ser | ser-dump --data | diff - <(ser-dump --data e.ser)
	fails 2 'window goes with --every' ser-embed -m m.st --window 1 d.ser
}

@test "a model of two encoders: their embeddings side by side, or of those asked for, whose fields alone are read" {
	mkstream -n 12 --frames 30 --bins 10 >d.ser
	mkstream -n 12 --frames 4 --bins 1 --dtype '<i4' --name tok | ser-join --fields tok d.ser - >j.ser
	ser-train classify -l emo --arch cnn -e 1 -o m.st + encoder --field tok --arch roberta --hyper vocab=128 --hyper dim=16 \
		--hyper layers=1 --hyper heads=2 --hyper ffn=16 --hyper positions=40 j.ser
	emb() { ser-embed -m m.st "$@" | ser-dump -d | jq -c '.emb.data // .frames.data'; }
	emb -t 2 j.ser >all
	emb --source feat d.ser >feat
	emb --source tok --drop feat j.ser >tok
	cmp <(jq -c . all) <(paste feat tok | jq -sc '_nwise(2) | add')
	emb --source tok+feat j.ser | cmp - <(paste tok feat | jq -sc '_nwise(2) | add')
	emb --source tok:frames j.ser | cmp - <(emb --source tok --frames j.ser)
	fails 1 'tok' ser-embed -m m.st d.ser
	fails 2 'the encoders are feat, tok' ser-embed -m m.st --source voice j.ser
	fails 2 'of one encoder' ser-embed -m m.st --frames j.ser
	fails 2 'frames stand alone' ser-embed -m m.st --source feat:frames+tok j.ser
	fails 2 '"tok" is taken' ser-embed -m m.st --name tok j.ser
	fails 2 'follows one field' ser-embed -m m.st --every 1s j.ser
	fails 2 'follows one field' ser-predict -m m.st --every 1s j.ser
}

@test "a model of ser-train clap: either tower, and ser-score retrieval finds one by the other" {
	mkstream -n 24 --frames 20 --bins 8 >d.ser
	ser-tokenize --train 300 --label emo -o tok.json d.ser 2>/dev/null
	ser-train clap -l emo --arch mlp -e 1 --proj 8 --hidden 0 -o m.st + encoder --tokenizer tok.json --arch roberta --hyper vocab=300 --hyper dim=16 \
		--hyper layers=1 --hyper heads=2 --hyper ffn=16 --hyper positions=40 d.ser
	ser-embed -m m.st --head audio d.ser | ser-embed -m m.st --head text --label emo --name text_emb -t 2 >both.ser
	ser-embed -m m.st d.ser | ser-dump | jq -se '.[0].emb.shape == [128]'
	ser-predict -m m.st both.ser | ser-dump -d >p.jsonl
	# the cosines of both are those that ser-predict gives, and so are ranks
	"$PYTHON" - p.jsonl <<'EOF'
import json, sys
for r in map(json.loads, open(sys.argv[1])):
    dot = sum(a * b for a, b in zip(r["emb"]["data"], r["text_emb"]["data"]))
    assert min(abs(dot - c) for c in r["cos"]["data"]) < 1e-6
    assert abs(sum(a * a for a in r["text_emb"]["data"]) - 1) < 1e-5
EOF
	ser-score retrieval --label emo --allow-shared-speakers --order sad,neutral,happy,angry --n-boot 20 --json both.ser >r.json
	"$PYTHON" - p.jsonl r.json <<'EOF'
import json, math, sys
rows = [json.loads(l) for l in open(sys.argv[1])]
got = {(s["of"], s["score"]): s["value"] for s in json.load(open(sys.argv[2]))["scores"]}
order = ["sad", "neutral", "happy", "angry"]
texts = {r["emo"]: r["text_emb"]["data"] for r in rows}
dot = lambda a, b: sum(x * y for x, y in zip(a, b))
def place(c):
    best = max(x for x, same in c if same)
    return 1 + sum(x >= best for x, same in c if not same)
def tau(x, y):
    s = n = m = 0
    for i in range(len(x)):
        for j in range(i):
            a, b = (x[i] > x[j]) - (x[i] < x[j]), (y[i] > y[j]) - (y[i] < y[j])
            s += a * b; n += a != 0; m += b != 0
    return s / math.sqrt(n * m)
a = [place([(dot(r["emb"]["data"], v), k == r["emo"]) for k, v in texts.items()]) for r in rows]
b = [place([(dot(r["emb"]["data"], v), k == r["emo"]) for r in rows]) for k, v in texts.items()]
for way, p in (("texts", a), ("records", b)):
    for k in (1, 5, 10): assert abs(got[way, "recall@%d" % k] - sum(x <= k for x in p) / len(p)) < 1e-9
    assert abs(got[way, "mrr"] - sum(1 / x for x in p) / len(p)) < 1e-9
t = [tau([dot(r["emb"]["data"], texts[k]) for k in order], [-abs(i - order.index(r["emo"])) for i in range(4)]) for r in rows]
assert abs(got["texts", "ordinal_tau"] - sum(t) / len(t)) < 1e-9
d = [sum(r["emb"]["data"][i] - r["text_emb"]["data"][i] for r in rows) / len(rows) for i in range(8)]
assert abs(got["both", "modality_gap"] - math.sqrt(dot(d, d))) < 1e-5
EOF
	ser-embed -m m.st --head text --label emo --prompt 'a {} one' --prompt '{}' d.ser | ser-dump -d >w.jsonl
	! cmp -s w.jsonl <(ser-embed -m m.st --head text --label emo d.ser | ser-dump -d) || false
	fails 2 'no head "x" with a projection' ser-embed -m m.st --head x d.ser
	fails 2 'go with a --head over texts' ser-embed -m m.st --head text d.ser
	fails 2 'go with a --head over texts' ser-embed -m m.st --label emo d.ser
	fails 1 'reads texts, and no field' ser-embed -m m.st --source text d.ser
	fails 2 'no record is labelled "glad"' ser-score retrieval --label emo --allow-shared-speakers --order sad,glad both.ser
	fails 1 'nothing to find' ser-score retrieval --label emo --allow-shared-speakers <(ser-select 'emo == "sad"' both.ser)
	fails 1 '"text_emb" has 8 dimensions, "emb" has 128' ser-score retrieval --label emo <(ser-embed -m m.st --head text --label emo --name text_emb d.ser | ser-embed -m m.st)
	fails 3 'trained' ser-score retrieval --label emo both.ser
}

# speak: five sounds, their manifest m.tsv and samples wave.ser, and a small transformer over them, w.st
speak() {
	local i
	printf 'id\tpath\temo\n' >m.tsv
	for i in 1 2 3 4 5; do
		espeak-ng -w s$i.wav -s $((120 + 20 * i)) "This is sound number $i and I am rather happy about it"
		printf 's%d\ts%d.wav\t%s\n' $i $i $((i % 2)) >>m.tsv
	done
	ser-wav2feat --kind wave <m.tsv >wave.ser
	ser-train classify -q -l emo --arch hubert --hyper dim=32 --hyper layers=2 --hyper heads=2 --hyper ffn=32 \
		--hyper conv_dim=16 --hyper pos_groups=4 --hyper proj_norm=0 -e 1 -b 2 -o w.st wave.ser
}

@test "layers and pooling, of samples and straight from a manifest, in chunks and whole" {
	speak
	for o in '' '--layer 1' '--layer all --pool mean,std' '--pool max --dtype f2' --frames '--layer 1-2 --pool none' \
		'--frames --chunk 2 --overlap 1' '--pool gem --chunk 3 --overlap 400ms'; do
		ser-embed -m w.st $o --drop feat <wave.ser >a.ser
		ser-embed -m w.st $o <m.tsv | ser-cmp a.ser -
		ser-embed -m w.st $o -t 3 m.tsv | ser-cmp a.ser -
	done
	shape() { ser-embed -m w.st "$@" m.tsv | ser-dump | jq -sc '.[0] | (.emb // .frames).shape'; }
	[ "$(shape --layer 1) $(shape --layer 0-1) $(shape --layer all --pool mean,std)" = "[32] [2,32] [3,64]" ]
	[ "$(shape --frames --chunk 2 --overlap 1)" = "$(shape --frames)" ]
	same '["frame","layer","channel"] 0.02 0 2' jq -r '.dims.frames | "\(.axes) \(.shift_s) \(.first_layer) \(.last_layer)"' \
		<(ser-embed -m w.st --layer all --pool none m.tsv | ser-dump --header | head -n 1)
}

@test "records of a stream that go through the network together: each as alone, and in order" {
	speak
	for i in 0 1 2 3 4 5 6 7 8 9; do
		for k in 1 2 3 4 5; do printf 'p%d%d\ts%d.wav\t%s\t%s\t%d\n' $i $k $k 0.$i 1.$(((7 * i + k) % 10)) $((k % 2)); done
	done | cat <(printf 'id\tpath\tstart\tend\temo\n') - >cuts.tsv
	ser-wav2feat --kind wave cuts.tsv >cuts.ser
	for o in '' '--layer all --pool mean,std' '--frames --chunk 6'; do
		while read -r id; do
			ser-select "id == \"$id\"" cuts.ser | ser-embed -m w.st $o
		done < <(ser-dump cuts.ser | jq -r .id) | ser-cat --merge >alone.ser
		ser-embed -m w.st $o cuts.ser | ser-cmp alone.ser -
		ser-embed -m w.st $o -t 3 cuts.ser | ser-cmp alone.ser -
		ser-embed -m w.st $o --chunk 0 cuts.ser | ser-cmp alone.ser - # alone
	done
	# one that fails among them
	printf 'id\tpath\tend\temo\nbad\ts1.wav\t0.02\t1\n' >b.tsv
	ser-wav2feat --kind wave b.tsv | ser-cat --merge cuts.ser - >with.ser
	for t in 1 2; do
		run --separate-stderr ser-embed -k -t $t -o k.ser -m w.st with.ser
		[ "$status" -eq 1 ]
		[[ $stderr == *"51 read, 50 written, 1 skipped"* ]]
		ser-embed -m w.st cuts.ser | ser-cmp - k.ser
	done
	# what has come is given before more is waited for
	$PYTHON - ser-embed -m w.st --drop feat <<-'END'
		import msgpack, subprocess, sys
		whole = open("cuts.ser", "rb").read()
		u = msgpack.Unpacker(open("cuts.ser", "rb"), raw=False, max_buffer_size=0)
		at = []
		for m in u:
		    at.append(u.tell())
		p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
		p.stdin.write(whole[:at[1]])  # the header and a record
		p.stdin.flush()
		got = msgpack.Unpacker(p.stdout, raw=False, max_buffer_size=0, read_size=1)
		assert next(m for m in got if "emb" in m)["id"] == "p01"
		p.stdin.write(whole[at[1]:])
		p.stdin.close()
		assert sum("emb" in m for m in got) == 49 and p.wait() == 0
	END
	# texts, which have no seconds
	for i in 1 2 3 4 5 6 7 8 9; do
		printf '{"id": "t%d", "emo": "%d", "text": "%s"}\n' $i $((i % 2)) "$(yes 'how are you' | head -n $((i * 5 % 7 + 1)) | paste -sd ' ')"
	done | ser-cat --from json >text.ser
	ser-tokenize -q --train 300 --label text -o tok.json text.ser
	ser-tokenize -m tok.json text.ser >tok.ser
	ser-train classify -q -l emo -e 1 --arch roberta --hyper vocab=300 --hyper dim=16 --hyper layers=1 --hyper heads=2 --hyper ffn=16 \
		--field tok --dev-frac 0 --split-field '' --allow-shared-speakers -o t.st tok.ser
	for i in 1 2 3 4 5 6 7 8 9; do
		ser-select "id == \"t$i\"" tok.ser | ser-embed -m t.st
	done | ser-cat --merge >alone.ser
	ser-embed -m t.st tok.ser | ser-cmp alone.ser -
	ser-embed -m t.st -t 2 tok.ser | ser-cmp alone.ser -
}

@test "--like-padded: as in a batch padded to so many seconds, heard as silence or masked" {
	speak
	mkdir hf
	ser-model export --to hf -o hf/w w.st
	jq -e '.feat_proj_layer_norm == false' hf/w/config.json >/dev/null # as DistilHuBERT
	ser-model import --from hf -o masked.st hf/w
	sed -i 's/"return_attention_mask":true/"return_attention_mask":false/' hf/w/preprocessor_config.json
	ser-model import --from hf -o plain.st hf/w
	sox -D s1.wav -r 16000 s.wav
	sox -D -r 16000 -n -b 16 zeros.wav trim 0 6
	sox -D s.wav zeros.wav long.wav trim 0 6
	printf 'id\tpath\temo\ns1\tlong.wav\t1\n' >long.tsv
	printf 'id\tpath\temo\ns1\ts.wav\t1\n' >s.tsv
	ser-embed -m plain.st --layer all long.tsv >want.ser
	ser-embed -m plain.st --layer all --like-padded 6 s.tsv >have.ser
	ser-cmp --atol 1e-5 want.ser have.ser
	shape() { ser-embed -m "$1" --frames "${@:2}" s.tsv | ser-dump | jq -c '.frames.shape'; }
	[ "$(shape plain.st --like-padded 6)" = "[299,32]" ]
	[ "$(shape masked.st --like-padded 6)" = "$(shape plain.st)" ]
	! cmp -s <(ser-embed -m masked.st --like-padded 6 s.tsv | ser-dump -d) <(ser-embed -m masked.st s.tsv | ser-dump -d) || false
	fails 1 'the model takes 32000' ser-embed -m plain.st --like-padded 2 s.tsv
	fails 2 'pad_to is less than the 400' ser-embed -m plain.st --like-padded 20ms s.tsv
	fails 2 'no hyper-parameter "pad_to"' ser-embed -m m.st --like-padded 2 d.ser
	fails 2 'goes without --chunk' ser-embed -m plain.st --like-padded 6 --chunk 5 s.tsv

	# Whisper: of features that go on to silence, filled up to a window; the sound with zeros behind it has the same
	printf 'id\tpath\temo\ns1\ts.wav\t1\ns2\ts.wav\t2\n' >two.tsv
	ser-wav2feat --preset whisper two.tsv |
		ser-train classify -l emo --arch whisper --hyper dim=16 --hyper layers=2 --hyper heads=2 --hyper tail=4 --allow-shared-speakers \
			--input-norm none -e 1 --crop 0 --dev-frac 0 --split-field '' -q -o wh.st
	n=$(ser-embed -m wh.st --frames s.tsv | ser-dump | jq -c '.frames.shape[0]')
	ser-embed -m wh.st --frames --like-padded 6 s.tsv | ser-dump -d | jq -c '.frames.data | flatten' >padded
	ser-embed -m wh.st --frames long.tsv | ser-dump -d | jq -c --argjson n $n '.frames.data[:$n] | flatten' >whole
	python3 -c 'import json; a, b = (json.load(open(f)) for f in ("padded", "whole")); assert len(a) == len(b) and max(abs(x - y) for x, y in zip(a, b)) < 1e-4'
	! cmp -s padded <(ser-embed -m wh.st --frames s.tsv | ser-dump -d | jq -c '.frames.data | flatten') || false
	fails 2 'more than two rows a position' ser-embed -m wh.st --like-padded 31 s.tsv
	fails 1 'the model takes 104' ser-embed -m wh.st --like-padded 1 long.tsv
}

@test "features that hang on the loudest frame of all: a long sound in little memory, and as its whole features give" {
	sox -D -n -r 16000 -b 16 loud.wav synth 4 sine 300:3000 vol 0.9
	sox -D -n -r 16000 -b 16 low.wav synth 70 pinknoise vol 0.02
	sox low.wav loud.wav low.wav loud.wav ends.wav
	printf 'id\tpath\temo\nlow\tlow.wav\t1\nends\tends.wav\t2\nloud\tloud.wav\t1\n' >l.tsv
	sed 1,2d l.tsv | cat <(head -n 1 l.tsv) - <(printf 's2\tloud.wav\t2\n') | sed /ends.wav/d | ser-wav2feat --preset whisper |
		ser-train classify -l emo --arch whisper --hyper dim=16 --hyper layers=2 --hyper heads=2 --hyper tail=4 --allow-shared-speakers \
			--input-norm none -e 1 --crop 0 --dev-frac 0 --split-field '' -q -o wh.st
	ser-wav2feat --like wh.st l.tsv >f.ser
	for o in '--layer all' '--frames --chunk 5 --overlap 2' '--pool mean,std --chunk 20'; do
		ser-embed -m wh.st $o --drop feat f.ser >a.ser
		ser-embed -m wh.st $o l.tsv | ser-cmp a.ser -
		ser-embed -m wh.st $o -t 2 l.tsv | ser-cmp a.ser -
	done
	fails 1 'takes 3004' ser-embed -m wh.st l.tsv # one embedding of the whole
	sed '1!s/low.wav/\/dev\/stdin/' l.tsv >in.tsv # what can be heard once alone
	ser-embed -m wh.st --pool mean in.tsv <low.wav | ser-cmp - <(ser-embed -m wh.st --pool mean l.tsv)
	# its features would take 58 MB, its samples 115
	sox -D -n -r 16000 -b 16 long.wav synth 1800 pinknoise vol 0.1
	printf 'id\tpath\nlong\tlong.wav\n' >long.tsv
	[ "$FLAVOUR" = release ] || return 0 # sanitizers take memory of their own
	$PYTHON - ser-embed -q -m wh.st --layer all -o long.ser long.tsv <<-'END'
		import resource, subprocess, sys
		subprocess.run(sys.argv[1:], check=True)
		assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 40000
	END
}

@test "what pooling gives, by NumPy" {
	speak
	ser-embed -m w.st --layer all --pool none m.tsv >none.ser
	for p in mean mean,std max first gem; do ser-embed -m w.st --layer all --pool $p m.tsv >$p.ser; done
	ser-embed -m w.st --layer all --pool none --dtype f2 m.tsv >f2.ser
	ser-embed -m w.st --layer 1 --pool mean,std --chunk 3 --overlap 2 m.tsv >chunks.ser
	ser-embed -m w.st --layer 1 --pool none --chunk 3 --overlap 2 m.tsv >chunked.ser
	$PYTHON - <<-'END'
		import msgpack, msgpack_numpy, numpy as np
		def read(name):
		    u = msgpack.Unpacker(open(name + ".ser", "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0)
		    return [r.get("emb", r.get("frames")) for r in u if "id" in r]
		def stats(x): return np.concatenate([x.mean(0), x.std(0)], -1)
		want = {"mean": lambda x: x.mean(0), "mean,std": stats, "max": lambda x: x.max(0), "first": lambda x: x[0],
		        "gem": lambda x: np.cbrt((np.maximum(x, 1e-6) ** 3).mean(0))}
		x = read("none")
		for how, f in want.items():
		    for a, b in zip(x, read(how)):
		        assert np.abs(f(a.astype("f8")) - b).max() <= 5e-7, how
		assert all((a.astype("f2") == b).all() and b.dtype == np.float16 for a, b in zip(x, read("f2")))
		for a, b in zip(read("chunked"), read("chunks")):
		    assert np.abs(stats(a.astype("f8")) - b).max() <= 5e-7
		for a, b in zip(x, read("chunked")):  # far from the edges of chunks as the whole has it, about
		    assert a[:, 1].shape == b.shape and np.abs(a[:, 1] - b).mean() < 0.2 * np.abs(a).mean()
	END
}

@test "sounds that cannot be read, and what is refused" {
	speak
	head -c 20000 s2.wav >cut.wav
	sed -i 's/s2.wav/cut.wav/' m.tsv
	fails 1 '"s2": cut.wav' ser-embed -m w.st m.tsv
	run --separate-stderr ser-embed -k -o k.ser -m w.st m.tsv
	[ "$status" -eq 1 ]
	[[ $stderr == *"5 read, 4 written, 1 skipped"* ]]
	[ "$(ser-dump k.ser | jq -r .id | tr '\n' ' ')" = "s1 s3 s4 s5 " ]
	run --separate-stderr ser-embed -k -o k2.ser --pool mean --chunk 1 --overlap 500ms -t 2 -m w.st m.tsv
	[[ $stderr == *"5 read, 4 written, 1 skipped"* ]]
	sox -D -r 16000 -n -b 16 short.wav trim 0 300s # among others that go through the network with it
	printf 's6\tshort.wav\t1\n' >>m.tsv
	sed -i /cut.wav/d m.tsv
	fails 1 '"s6": field "feat" has 300 frames, the model needs 400' ser-embed -m w.st m.tsv
	run --separate-stderr ser-embed -k -o k3.ser -m w.st m.tsv
	[[ $stderr == *"5 read, 4 written, 1 skipped"* ]] && ser-cmp k.ser k3.ser
	fails 2 '3 is outside 0 .. 2' ser-embed -m w.st --layer 3 m.tsv
	fails 2 '1 is outside 2 .. 2' ser-embed -m w.st --layer 2-1 m.tsv
	fails 2 'without --layer and --pool' ser-embed -m w.st --frames --layer 1 m.tsv
	fails 2 'has no layers' ser-embed -m m.st --layer 1 d.ser
	fails 1 'm.tsv: no stream, and a manifest goes without --every' ser-embed -m w.st --every 1 m.tsv
	fails 2 'overlap of' ser-embed -m w.st --pool mean --chunk 2 --overlap 2 m.tsv
	printf 'id\tpath\nx\ts1.wav\n' >one.tsv
	fails 1 'does not say what its features are' ser-embed -m m.st one.tsv
}
