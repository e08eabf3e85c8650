#!/usr/bin/env bats
load helper

@test "counts, values, ranges and seconds" {
	mkstream -n 100 --speakers 4 >a.ser
	ser-info --json a.ser >i.json
	same '[1,100,1,true]' jq -c '[.version, .records, .segments, .bytes > 10000]' i.json
	same '{"00":25,"01":25,"02":25,"03":25}' jq -c .fields.spk.values i.json
	same '[[5,7],[4,4]]' jq -c .fields.feat.shape i.json
	same 5.99 jq '.fields.feat.seconds * 100 | round / 100' i.json
	same '{"integer":100}' jq -c .fields.fold.kinds i.json
	same '[0,2,4]' jq -c '.fields.fold | [.min, .mean, .max]' i.json
	same "$(stat -c %s a.ser)" jq .bytes i.json
}

@test "the range of a tensor is NumPy's" {
	"$PYTHON" -c 'import msgpack, msgpack_numpy, numpy' 2>/dev/null || skip "python3-msgpack, -msgpack-numpy or -numpy is not installed"
	for t in '<f4' '<f2' '<f8' '<i2' '|u1'; do
		mkstream -n 20 --dtype "$t" >a.ser
		ser-info -j a.ser | "$PYTHON" -c 'import json, sys, msgpack, msgpack_numpy, numpy as np
x = np.concatenate([m["feat"].ravel() for m in msgpack.Unpacker(open("a.ser", "rb"), object_hook=msgpack_numpy.decode, raw=False) if "id" in m]).astype("f8")
f = json.load(sys.stdin)["fields"]["feat"]
for k, v in (("min", x.min()), ("max", x.max()), ("mean", x.mean())):
    assert abs(f[k] - v) <= 1e-12 * max(1, abs(v)), (k, f[k], v)'
	done
}

@test "several segments and files" {
	mkstream -n 4 >a.ser
	mkstream -n 3 --first 4 >b.ser
	cat a.ser b.ser >c.ser
	same '[7,2]' bash -c 'ser-info -j c.ser | jq -c "[.records, .segments]"'
	same '4 3 7' bash -c 'ser-info -j a.ser b.ser c.ser | jq .records | paste -sd " "'
	same "$(stat -c %s c.ser)" bash -c 'ser-info -j <c.ser | jq .bytes'
}

@test "not finite, absent, nil and mixed" {
	same 1 bash -c 'mkstream --nan 3 | ser-info -j | jq .fields.feat.not_finite'
	ser-cat <(mkstream -n 3) <(mkstream -n 4 --first 3 --no-tensor) | ser-info | grep -q 'feat .*, in 3 records'
	ser-cat <(mkstream -n 3) <(mkstream -n 4 --first 3 --dtype '<f8') | ser-info | grep -q 'feat .*several kinds'
	mkstream -n 3000 --speakers 2000 --no-tensor | ser-info | grep -q 'spk .*more than 1000 values'
	mkstream -n 0 | ser-info | grep -q '0 records'
}

@test "the provenance of merged inputs is shown" {
	ser-join <(mkstream -n 2 --tool one) <(mkstream -n 2 --tool two --name emb) | ser-info >out
	grep -q 'input 2:' out
	grep -q '  two$' out
	grep -q '  ser-join$' out
}

# replays STREAM ARG...: the script that --replay prints makes the same bytes, by each shell that is there.
replays() {
	local stream=$1 sh
	shift
	ser-info --replay "$stream" >replay.sh
	for sh in sh dash bash; do
		command -v $sh >/dev/null || continue
		if ! $sh ./replay.sh "$@" >again.ser || ! cmp again.ser "$stream"; then
			echo "by $sh:"
			cat replay.sh
			return 1
		fi
	done
	command -v shellcheck >/dev/null || return 0
	shellcheck -s sh replay.sh
}

@test "--replay: a chain from a stream, whatever its arguments look like" {
	mkstream -n 12 >"a b.ser"
	ser-norm "a b.ser" | ser-select 'emo != "it'\''s" and id !~ "[$`\\]" or fold == -1' | ser-select --fields emo,feat -- '-dur < 1' |
		ser-sort --by dur,id >o.ser
	replays o.ser "a b.ser"
	grep -q '^#   $@  a stream of "mkstream"$' replay.sh
	ser-norm "a b.ser" | ser-head -n 5 | ser-info --replay >replay.sh
	sh replay.sh "a b.ser" | ser-dump >want
	ser-norm "a b.ser" | ser-head -n 5 | ser-dump | cmp - want
}

@test "--replay: from sounds to clusters, by way of a model that is looked at first" {
	"$PYTHON" - <<-'END'
		import math, struct, wave
		for k in range(12):
		    w = wave.open("u%02d.wav" % k, "wb")
		    w.setnchannels(1); w.setsampwidth(2); w.setframerate(8000)
		    w.writeframes(struct.pack("<4000h", *[int(9000 * math.sin(t * (k + 1) * 0.02)) for t in range(4000)]))
	END
	(printf 'id\tpath\tspk\temo\n'; for k in 00 01 02 03 04 05 06 07 08 09 10 11; do printf 'u%s\tu%s.wav\t%d\t%d\n' $k $k $((10#$k % 4)) $((10#$k / 6)); done) >m.tsv
	ser-wav2feat --kind fbank --sample-frequency 8000 --num-mel-bins 8 m.tsv >f.ser
	replays f.ser m.tsv
	mkdir sub
	(cd sub && sh ../replay.sh --root .. ../m.tsv | cmp - ../f.ser)
	ser-train classify -q --label emo --arch mlp --hyper hidden=4 --epochs 1 --dev-frac 0.25 -o "it's a model.st" f.ser
	ser-embed -m "it's a model.st" f.ser | ser-kmeans --by spk -k 2 --seed 3 >k.ser
	replays k.ser m.tsv
	same "$(cksum <"it's a model.st")" sh -c "ser-info -j k.ser | jq -r '.prov[1].files.model'"
	ser-norm --fit n.ser f.ser >/dev/null
	ser-norm --apply n.ser f.ser >g.ser
	replays g.ser m.tsv
	echo >>n.ser
	run -1 sh replay.sh m.tsv
	[ "$output" = "replay: n.ser is not the file that was read" ]
	# each source is an argument of its own
	ser-norm f.ser >n.ser
	ser-join --fields cluster n.ser k.ser | ser-select 'cluster == 0' >j.ser
	replays j.ser m.tsv m.tsv
	run -2 sh replay.sh m.tsv
	[ "$output" = "replay: expected 2 arguments" ]
	printf 'id\tsize\nu00\tbig\nu01\tsmall\n' >t.tsv
	ser-norm f.ser | ser-join --tsv - t.tsv >t.ser
	replays t.ser m.tsv t.tsv
}

@test "--replay: merged streams, and streams one after another" {
	mkstream -n 4 >a.ser
	mkstream -n 4 --first 4 --tool other >b.ser
	ser-sort --by dur a.ser >na.ser
	ser-sort --by dur b.ser | ser-head -n 3 >nb.ser
	ser-cat --merge na.ser nb.ser <(mkstream -n 2 --first 90 --tool '') | ser-sort --by emo >m.ser
	mkstream -n 2 --first 90 --tool '' >c.ser
	replays m.ser a.ser b.ser c.ser
	grep -q '^#   $3  a stream without provenance$' replay.sh
	cat na.ser nb.ser >two.ser
	replays two.ser a.ser b.ser
	cat na.ser <(mkstream -n 4 --first 4 | ser-sort --by dur) >parts.ser # as parallel leaves them
	ser-info --replay parts.ser >replay.sh
	grep -q 'has 2 segments' replay.sh
	same 8 bash -c 'sh replay.sh a.ser <(mkstream -n 4 --first 4) | ser-info -j | jq .records'
	ser-cat --to npz -o a.npz na.ser # which holds that provenance, too
	ser-cat --from npz a.npz | ser-head -n 2 >z.ser
	replays z.ser a.npz
}

@test "--replay: what a stream says is quoted, and what is none of ser's is not run" {
	"$PYTHON" -c 'import msgpack' 2>/dev/null || skip "python3-msgpack is not installed"
	hostile() { # PROV: a stream that says so
		"$PYTHON" -c 'import json, msgpack, sys
for m in {"ser": 1, "prov": json.loads(sys.argv[1])}, {"id": "a"}, {"end": 1}:
    sys.stdout.buffer.write(msgpack.packb(m))' "$1"
	}
	hostile '[{"tool":"ser-select","version":"0.1.0; touch pwned","args":["--fields=$(touch pwned)`touch pwned`","'"'"'; touch pwned #\n touch pwned"]}]' >h.ser
	ser-info --replay h.ser >replay.sh
	run sh replay.sh h.ser
	[ "$status" -ne 0 ]
	[[ $output == *"replay: ser-select was of version 0.1.0; touch pwned, this is"* ]]
	hostile '[{"tool":"ser-select","version":"0.1.0","args":["--fields=$(touch pwned)","'"'"'; touch pwned #\n touch pwned"],"files":{"fields":"`touch pwned`"}}]' >h.ser
	ser-info --replay h.ser >replay.sh
	run sh replay.sh h.ser
	[ "$status" -ne 0 ]
	hostile '[{"tool":"touch","version":"1","args":["pwned"]},{"tool":"ser-x; touch pwned\ntouch pwned","version":"1","args":[]},{"tool":"ser-sort","version":"0.1.0","args":["--by=id"]}]' >h.ser
	ser-info --replay h.ser >replay.sh
	sh replay.sh h.ser >/dev/null
	grep -q '^#   $@  a stream of "ser-x; touch pwned\\ntouch pwned"$' replay.sh
	[ ! -e pwned ]
	for p in '[]' '[{"tool":"mine.py","version":"1","args":[]}]' '[{"inputs":[]},{"tool":"mine.py"}]'; do
		hostile "$p" >h.ser
		run -1 ser-info --replay h.ser
		[[ $output == *"names no tool that could make it again"* ]]
	done
	for p in '[{"tool":"ser-norm"}]' '[{"tool":"ser-norm","version":"1","args":[1]}]'; do
		hostile "$p" | (run -1 ser-info --replay && [[ $output == *"without version or args"* ]])
	done
	for p in '[1,"x",null]' '[{"tool":"ser-norm","inputs":[["x"]]}]'; do
		hostile "$p" >h.ser
		fails 1 'an entry of "prov" is not a map' ser-info --replay h.ser
	done
	hostile '[{"inputs":[1]}]' | (run -1 ser-info --replay && [[ $output == *"is no list"* ]])
	hostile '[{"tool":"ser-norm","version":"1","args":[],"inputs":[[{"inputs":7},{"tool":"x"}],[]]}]' | ser-info --replay | grep -q '"${2}"'
	# nothing that writes, whatever a table of options calls it; nothing that moves the cursor of who looks
	for option in $(grep -rhB 2 'SER_OPTION_WRITE' "$ROOT"/src "$ROOT"/lib --include=*.c | sed -n 's/.*{"\([a-z-]*\)",.*FILE.*/\1/p') output out centr; do
		hostile '[{"tool":"ser-sort","version":"0.1.0","args":["--'"$option"'=pwned"]}]' >h.ser
		fails 1 'which writes a file' ser-info --replay h.ser
	done
	hostile '[{"tool":"ser-sort","version":"0.1.0","args":["--by=a\u001b[2Jb\u007fc\u009bd\ne"]}]' | ser-info --replay >replay.sh
	! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]\|\xc2[\x80-\x9f]' replay.sh || false
	same "$(printf '%q' $'--by=a\e[2Jb\x7fc\xc2\x9bd\ne')" bash -c 'eval "set -- $(sed -n "/^ser-sort/,/e.*@/p" replay.sh | sed "s/^ser-sort //")"; printf %q "$1"'
	run -2 ser-info --replay --json h.ser
	run -2 ser-info --replay h.ser h.ser
}

@test "--cpu: kernels, what they reach; reads nothing" {
	ser-info --cpu </dev/null >cpu.txt
	grep -q '^kernels      products: own kernels' cpu.txt
	grep -qE '^f32 +[0-9.]+ GFLOP/s on one core' cpu.txt
	grep -qE '^bf16 +[0-9.]+ GFLOP/s on one core' cpu.txt
	ser-info --cpu --json </dev/null | jq -e '(.kernels | type == "string") and ([.f32, .bf16] | map(.gflops > 0) | all)' >/dev/null
	# what multiply-adds the flags of the processor promise, the limit knows
	if grep -qw avx2 /proc/cpuinfo; then ser-info --cpu -j | jq -e '.f32.limit > 1' >/dev/null; fi
	fails 2 "--cpu reads no file" ser-info --cpu d.ser
}

@test "a model says that it is one, and what ser-model show says before its tensors" {
	mkstream -n 12 --frames 20 >f.ser
	ser-train classify -q --label emo --arch mlp --hyper hidden=4 --epochs 1 --dev-frac 0.25 -o m.st f.ser
	ser-info m.st >i
	same 'm.st: a model; more by ser-model show' head -n 1 i
	ser-model show m.st | sed '/^$/,$d' >want
	[ -s want ]
	cmp <(sed 1d i) want
	ser-info f.ser m.st >two
	grep -q '^f.ser: version 1, 12 records' two
	grep -q '^architecture  mlp:' two
	same '{"file":"m.st","is":"a model"}' ser-info -j m.st
	fails 1 'm.st: a model; not a stream' ser-info --replay m.st
	head -c 300 m.st >cut.st
	run ser-info cut.st
	[ "$status" -eq 1 ]
}

# Every kind of file that the tools write or read: NAME, a tab, and how what is said of it begins.
kinds() {
	mkstream -n 12 --frames 20 >f.ser
	ser-train classify -q -l emo --arch mlp --hyper hidden=4 -e 2 --checkpoint c.ckpt --log l.tsv -o m.st f.ser
	ser-predict -m m.st --drop feat f.ser >p.ser
	for t in json tsv; do ser-score classes --label emo --allow-shared --n-boot 5 --$t p.ser >s.$t; done
	ser-score classes --label emo --allow-shared --n-boot 5 p.ser >s.txt
	ser-report --allow-shared --n-boot 5 -o r.html p.ser
	ser-plot confusion --label emo p.ser >c.svg
	ser-tokenize -q --train 300 --label emo -o tok.json f.ser 2>/dev/null
	ser-norm --fit n.st f.ser
	ser-trials f.ser >trials
	ser-dump --tsv id,emo f.ser >d.tsv
	ser-info --replay p.ser >p.sh
	printf 'id\tpath\tspk\na\tb.wav\tc\n' >man.tsv
	printf 'id\tpath\tspk\tsample_rate\tnum_samples\na\tb.wav\tc\t16000\t9\n' >probed.tsv
	ser-manifest --to emobox -o eb.jsonl probed.tsv
	ser-manifest --to lhotse -o lh probed.tsv
	for t in npz ark ark,t arff csv json; do ser-cat --to "$t" --tensor feat -o "x.$t" f.ser; done
	ser-cat --to ark --scp x.scp -o y.ark f.ser
	ser-cat --to htk --frame-shift 10 -o htk f.ser
	ser-cat --to npy --stack -o x.npy <(ser-predict -m m.st --drop feat f.ser)
	ser-cat --to svmlight --tensor post --label emo p.ser -o x.svm
	ser-model export -o foreign.st m.st
	printf 'RIFF\44\0\0\0WAVE' >x.wav
	cp "$(find htk -type f | head -n 1)" x.htk
	cat <<-'END'
		c.ckpt	a checkpoint:
		m.st	a model
		n.st	statistics of "feat" over 2
		foreign.st	12 tensors
		l.tsv	a log of training, 2 epochs
		s.json	a report of ser-score, tables scores
		s.tsv	a report of ser-score, as a table
		s.txt	a report of ser-score, to read
		eb.jsonl	a list of EmoBox
		lh_recordings.jsonl	a manifest of Lhotse
		lh_supervisions.jsonl	a manifest of Lhotse
		r.html	a page of ser-report
		c.svg	a picture as SVG
		tok.json	a tokenizer
		trials	a list of trials
		d.tsv	a table of 12 rows, columns id emo
		man.tsv	a manifest of 1 row, columns id path spk
		p.sh	a script
		x.npz	arrays of NumPy
		x.npy	an array of NumPy
		x.ark	an archive of Kaldi: ser-cat --from ark
		y.ark	an archive of Kaldi: ser-cat --from ark
		x.ark,t	an archive of Kaldi as text
		x.scp	an index of Kaldi
		x.arff	a table of Weka
		x.csv	a table of
		x.json	records as lines of JSON
		x.svm	a table of LIBSVM
		x.htk	parameters of HTK
		x.wav	a sound
	END
}

@test "any file of ours says what it is and who reads it; cut anywhere it breaks nothing" {
	kinds >list
	while IFS=$'\t' read -r f want; do
		is=$(ser-info -j "$f" | jq -r .is)
		[[ $is == "$want"* ]] || { echo "$f: $is"; false; }
		ser-info "$f" | head -n 1 | grep -qF "$f: $is"
		for n in 1 9 30 100 300; do
			head -c $n "$f" >cut
			run ser-info cut
			[ "$status" -le 1 ]
		done
	done <list
	printf 'nothing like it' >x
	fails 1 'not a ser stream' ser-info x
	: >x
	fails 1 '' ser-info x
}

@test "--env: what the tools are built with and what is beside them; reads nothing" {
	ser-info --env </dev/null >env.txt
	grep -q '^version *[0-9]' env.txt
	grep -q '^built_with .*sndfile=[0-9].*openblas=[0-9]' env.txt
	grep -q '^kernels ' env.txt
	mkdir none
	PATH=$BINDIR:$PWD/none ser-info --env --json </dev/null >env.json
	jq -e '.programs == "" and (.not_found | test("jq")) and (.processor | test("cores"))' env.json
	fails 2 "--env reads no file" ser-info --env d.ser
	ser-info --env --cpu </dev/null >both.txt
	[ "$(grep -c '^kernels ' both.txt)" -eq 1 ]
	grep -q '^version' both.txt
	grep -q '^f32 ' both.txt
}

@test "an error is coloured on a terminal, unless NO_COLOR says no" {
	command -v script >/dev/null || skip "script is not installed"
	needs_terminal
	said() { env "$@" script -qec 'ser-info none.ser || true' /dev/null | tr -d '\r'; }
	[[ $(said TERM=xterm NO_COLOR=) == $'\033[1;31mser-info:\033[0m '* ]]
	[[ $(said TERM=xterm NO_COLOR=1) == 'ser-info: '* ]]
	[[ $(said TERM=dumb) == 'ser-info: '* ]]
	[[ $(env TERM=xterm NO_COLOR= script -qec 'ser-info --nosuch || true' /dev/null) == $'\033[1;31mser-info:\033[0m unknown'* ]]
}
