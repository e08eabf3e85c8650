#!/usr/bin/env bats
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mkstream -n 60 --frames 30 --bins 10 --speakers 6 >d.ser
}

small=(--arch convpool --hyper channels=8 --hyper emb=8 --hyper att=4 --hyper blocks=2 --crop 0.2 -b 8)

train() { # OUT ARGS...: classify with a small network
	local o=$1
	shift
	ser-train classify -l emo "${small[@]}" -e 3 -o "$o" "$@"
}

body() { # a model without its provenance: options that cannot change it may differ
	ser-model show --json "$1" | jq -S 'del(.prov)'
	ser-model export -o "$1.plain" "$1" && cat "$1.plain"
}

same_model() {
	cmp <(body "$1") <(body "$2")
}

@test "the same bytes for one thread and two, files, pipes, parts and any order" {
	train a.st d.ser
	train b.st -t 2 d.ser
	cmp a.st b.st
	train b.st <d.ser
	cmp a.st b.st
	cat d.ser | train b.st
	cmp a.st b.st
	mkstream -n 20 --frames 30 --bins 10 --speakers 6 >d1.ser
	mkstream -n 40 --first 20 --frames 30 --bins 10 --speakers 6 >d2.ser
	train b.st d2.ser d1.ser
	cmp a.st b.st
	cat d2.ser d1.ser | train b.st
	cmp a.st b.st
	{ printf junk; cat d.ser; } >junk.ser
	{ dd bs=4 count=1 status=none >/dev/null; train b.st; } <junk.ser # a file that was begun to be read
	cmp a.st b.st
	train b.st --seed 2 d.ser
	run ! cmp -s a.st b.st
}

@test "a record's features count to the last bit, and the labels" {
	train a.st d.ser
	mkstream -n 60 --frames 30 --bins 10 --speakers 6 --seed 2 | train b.st
	run ! cmp -s a.st b.st
}

@test "killed at any moment and resumed: the same bytes" {
	run=(ser-train classify -l emo "${small[@]}" -e 6 --stretch 0.1 --shift 1 --dev-frac 0.3 --ema 0.9 --resume d.ser)
	"${run[@]}" -o a.st --log a.tsv --checkpoint a.ckpt
	for wait in 0.02 0.05 0.08 0.12 0.2; do
		rm -f b.*
		"${run[@]}" -o b.st --log b.tsv --checkpoint b.ckpt --checkpoint-every 1 &
		pid=$!
		sleep $wait
		kill -9 $pid || true
		wait $pid || true
		"${run[@]}" -o b.st --log b.tsv --checkpoint b.ckpt --checkpoint-every 1
		same_model a.st b.st
		cmp a.tsv b.tsv
	done
	# for certain in the middle, of an epoch too: as soon as the first checkpoint is there
	"${run[@]}" -o c.st --log c.tsv --checkpoint c.ckpt --checkpoint-every 3 &
	pid=$!
	while [ ! -e c.ckpt ]; do sleep 0.001; done
	kill -9 $pid || true
	wait $pid || true
	"${run[@]}" -o c.st --log c.tsv --checkpoint c.ckpt --checkpoint-every 3
	same_model a.st c.st
	cmp a.tsv c.tsv
}

@test "speakers left out that had a part in --init, the features or the pairs are named at once" {
	ser-fold loso --by spk <d.ser >f.ser
	train a.st f.ser
	run --separate-stderr train b.st --init a.st --test-fold 3 f.ser
	[ "$status" -eq 0 ]
	[[ $stderr == *'1 of the speakers left out had a part in --init'*'"03"'*'--test-fold'* ]]
	train a.st --test-fold 3 f.ser
	run --separate-stderr train b.st --init a.st --test-fold 3 f.ser
	[ "$status" -eq 0 ] && [ -z "$stderr" ]
}

@test "a checkpoint of other data or options is refused, and none is no error" {
	train a.st --checkpoint a.ckpt --resume d.ser
	fails 1 "other data or with other options: now --lr=0.01" train b.st --checkpoint a.ckpt --resume --lr 0.01 d.ser
	mkstream -n 61 --frames 30 --bins 10 --speakers 6 >e.ser
	fails 1 "other data or with other options" train b.st --checkpoint a.ckpt --resume e.ser
	fails 1 "not a checkpoint" train b.st --checkpoint a.st --resume d.ser
	fails 2 "needs --checkpoint" train b.st --resume d.ser
	ser-model show a.ckpt >/dev/null
	[ ! -e b.st ]
}

@test "learns what can be learnt" {
	ser-train classify -l emo "${small[@]}" --crop 0 --time-masks 0 --freq-masks 0 --hyper dropout=0 --lr 0.01 -e 60 -o m.st d.ser
	n=$(ser-predict -m m.st d.ser | ser-dump | jq -r 'select(.emo == .pred) | .id' | wc -l)
	[ "$n" -ge 57 ]
}

@test "the log: a row for each epoch, losses of all objectives, validation" {
	train a.st --dev-frac 0.4 --also spk:0.2 --adversarial fold:0.1 --log a.tsv d.ser
	[ "$(head -n 1 a.tsv)" = "$(printf 'epoch\tstep\tlr\tloss\tloss_emo\tloss_spk\tloss_fold\tgrad_norm\tdev_uar\tbest')" ]
	[ "$(wc -l <a.tsv)" -eq 4 ]
	awk -F'\t' 'NR > 1 && (NF != 10 || $9 < 0 || $9 > 1 || $10 < $9) {exit 1}' a.tsv
}

@test "speakers on two sides: status 3" {
	fails 3 "speakers are on more than one side" train a.st --test-fold 1 d.ser
	[ ! -e a.st ]
	train a.st --test-fold 1 --allow-shared-speakers d.ser
	ser-model show --json a.st | jq -e '.train.left_out > 0' >/dev/null
}

@test "the label split: test is left out, dev validates, and --split-field names another label or none" {
	ser-fold loso --by spk --test-fold 0 --dev-fold 1 <d.ser >split.ser
	ser-select 'split != "test"' split.ser >seen.ser
	train a.st --log a.tsv split.ser
	train b.st --log b.tsv seen.ser
	cmp <(ser-model export -o x a.st; cat x) <(ser-model export -o y b.st; cat y)
	cmp a.tsv b.tsv
	ser-model show --json a.st | jq -e '.train | .left_out == 10 and .dev_records == 10 and (.speakers | length) == 5' >/dev/null
	train a.st --split-field '' split.ser
	ser-model show --json a.st | jq -e '.train.left_out == 0 and .train.records == 60' >/dev/null
	train a.st --split-field emo split.ser
	ser-model show --json a.st | jq -e '.train.left_out == 0' >/dev/null
}

@test "what lies far from the training data is said once, for any number of threads" {
	mkstream -n 60 --frames 30 --bins 10 --speakers 6 --shift 0 >n.ser
	ser-train classify -l emo --arch mlp --crop 0 -e 1 --input-norm global -o a.st n.ser
	(ser-dump --header n.ser; ser-dump --data n.ser | jq -c 'if .id == "u00017" or .id == "u00040" then .feat.data[7][3] = -1e5 else . end') |
		ser-cat --from json >far.ser
	run --separate-stderr ser-predict -m a.st n.ser
	[ "$status" -eq 0 ] && [ -z "$stderr" ]
	for t in 1 4; do
		for c in ser-predict ser-embed; do
			run --separate-stderr $c -t $t -m a.st far.ser
			[ "$status" -eq 0 ]
			[[ $stderr == *'2 of 60 records have values more than 100 deviations'*'the first is "u00017", dimension 3, -'* ]]
			[ "${#stderr_lines[@]}" -eq 1 ]
		done
	done
}

@test "a column that is constant in training takes no part, and that it varies now is said" {
	mkstream -n 60 --frames 1 --bins 6 --speakers 6 --shift 4 >n.ser
	for x in 'flat 0.25 0' 'moved (.id[1:]|tonumber) -7'; do
		read -r name two five <<<"$x"
		(ser-dump --header n.ser; ser-dump --data n.ser |
			jq -c ".feat = {dtype: .feat.dtype, shape: [6], data: .feat.data[0]} | .feat.data[2] = $two | .feat.data[5] = $five") |
			ser-cat --from json >$name.ser
	done
	ser-train classify -l emo --arch mlp -e 5 --input-norm global -o net.st flat.ser
	ser-svm -l emo --field feat -C 0.1 -o svm.st flat.ser
	for m in net.st svm.st; do
		run --separate-stderr ser-predict -m $m moved.ser
		[ "$status" -eq 0 ]
		[[ $stderr == *'60 of 60 records have other values where what the model was trained on is constant, which take no part; the first is "u00000", dimension 2' ]]
		cmp <(ser-predict -q -m $m moved.ser | ser-dump --data | jq -c .post) <(ser-predict -m $m flat.ser | ser-dump --data | jq -c .post)
	done
}

@test "--patience: stops so many validations after the best, and writes that one" {
	patient=(train a.st --dev-frac 0.4 -e 60 --lr 0.02 --schedule const --checkpoint a.ckpt --resume --log a.tsv d.ser)
	"${patient[@]}" --patience 4
	awk -F'\t' 'NR > 1 {last = $1; if (NR == 2 || $7 > top) {top = $7; at = $1}}
		END {if (last != at + 4 || last >= 60) {print "best at " at ", stopped at " last; exit 1}}' a.tsv
	cp a.st a.first
	cp a.tsv a.log
	"${patient[@]}" --patience 4 # resumed where it had stopped: nothing more is done
	cmp a.st a.first
	cmp a.tsv a.log
	# until then it is the training that has no patience set
	n=$(wc -l <a.log)
	rm a.ckpt
	"${patient[@]}"
	[ "$(wc -l <a.tsv)" -eq 61 ]
	cmp a.log <(head -n "$n" a.tsv)
}

@test "--class-weight: the loss is the weighted mean of the records' losses, an example counts by the inverse of its class" {
	still=(ser-train classify -l emo --arch linear --crop 0 --time-masks 0 --freq-masks 0 -b 60 -e 1 --lr 0)
	mkstream -n 60 --frames 30 --bins 10 --speakers 6 | ser-select 'emo != "sad" || fold == 1' >u.ser
	"${still[@]}" -o m.st --log none.tsv u.ser
	"${still[@]}" -o w.st --log balanced.tsv --class-weight balanced u.ser
	ser-predict -m m.st u.ser | ser-dump --data >pred.json
	jq -s --arg all "$(ser-model show --json m.st | jq -c '.heads[0].out')" '($all | fromjson) as $class |
		(group_by(.emo) | map({key: .[0].emo, value: length}) | from_entries) as $count |
		map(.emo as $e | {l: -(.post.data[$class | index($e)] | log), w: (1 / $count[$e])}) |
		[(map(.l) | add / length), ((map(.l * .w) | add) / (map(.w) | add))]' pred.json >want.json
	awk -F'\t' 'FNR == 2 {print $4}' none.tsv balanced.tsv | jq -e -s --slurpfile want want.json '
		[., $want[0]] | transpose | map((.[0] - .[1]) | fabs < 1e-5) | all and $want[0][0] - $want[0][1] != 0'
	run ! cmp -s none.tsv balanced.tsv
}

@test "who was left out is not in the model" {
	mkstream -n 60 --frames 30 --bins 10 --speakers 6 | ser-select 'spk != "03"' >part.ser
	train a.st --dev-speaker 04 part.ser
	same '["00","01","02","04","05"]' jq -c '.train.speakers | sort' <(ser-model show --json a.st)
	fails 1 'speaker "09"' train b.st --dev-speaker 09 d.ser
}

@test "what is not there is named" {
	fails 1 '"nose"' ser-train classify -l nose "${small[@]}" -o a.st d.ser
	fails 1 'fold 77' train a.st --test-fold 77 d.ser
	fails 1 '"nose"' train a.st --field nose d.ser
	fails 2 '--output' ser-train classify -l emo d.ser
	fails 2 'none of' train a.st --arch resnet d.ser
	fails 2 'no hyper-parameter "nose"' train a.st --hyper nose=1 d.ser
	mkstream -n 60 --frames 30 --bins 10 --nan 17 >nan.ser
	fails 1 'record 18 "u00017"' train a.st nan.ser
	mkstream --shift 0 -n 60 --frames 30 --bins 10 >noshift.ser
	fails 1 'shift_s' train a.st noshift.ser
	[ ! -e a.st ]
}

@test "a loss that is not finite stops training, names step and records, and leaves no model" {
	run --separate-stderr train a.st --optimizer sgd --lr 1000 --clip 0 --warmup 0 --input-norm none --checkpoint a.ckpt d.ser
	[ "$status" -eq 1 ]
	[[ $stderr == "ser-train: step "*"the batch was u0"* ]]
	[ ! -e a.st ]
	# in parts, too; the checkpoint is the last good one, from which the same failure comes again
	run --separate-stderr train a.st --optimizer sgd --lr 1000 --clip 0 --warmup 0 --input-norm none --accumulate 2 \
		--checkpoint b.ckpt --checkpoint-every 1 --log b.tsv d.ser
	[ "$status" -eq 1 ]
	[[ $stderr == "ser-train: step "*"the batch was u0"* ]]
	[ ! -e a.st ]
	if [ -e b.ckpt ]; then
		first=$stderr
		run --separate-stderr train a.st --optimizer sgd --lr 1000 --clip 0 --warmup 0 --input-norm none --accumulate 2 \
			--checkpoint b.ckpt --resume --log b.tsv d.ser
		[ "$status" -eq 1 ]
		[ "$stderr" = "$first" ]
	fi
}

close() { # A.tsv B.tsv TOL: logs whose numbers differ by less, relative to 1 or to themselves
	paste -d '\n' "$1" "$2" | awk -F'\t' -v tol="$3" 'NR > 2 && NR % 2 == 1 {n = split($0, a)}
		NR > 2 && NR % 2 == 0 {if (NF != n) exit 1; for (i = 1; i <= n; i++) {d = a[i] - $i; s = a[i] > 1 ? a[i] : 1; rows++
			if (d < 0) d = -d; if (!(d <= tol * s)) {print "column " i ": " a[i] " and " $i; exit 1}}} END {if (rows == 0) exit 1}'
	[ "$(wc -l <"$1")" -eq "$(wc -l <"$2")" ]
}

@test "--accumulate: the step of the whole batch, for every objective" {
	plain=(--arch linear --crop 0.2 -b 20 -e 5 --optimizer sgd --momentum 0 --lr 0.05 --ramp 0)
	ser-train speaker "${small[@]}" -e 1 -o s.st d.ser
	ser-embed -m s.st d.ser | ser-kmeans --by spk -k 2 --seed 1 >clu.ser
	ser-pairs --by spk --seed 1 --positives 2 --negatives 3 <clu.ser >pairs.ser
	one() { # NAME ARGS...: with one, three, seven and a hundred parts
		local name=$1 n
		shift
		ser-train "$@" "${plain[@]}" --log "$name.1" -o "$name.st"
		for n in 3 7 100; do
			ser-train "$@" "${plain[@]}" --accumulate $n --log "$name.$n" -o "$name.$n.st"
			close "$name.1" "$name.$n" 5e-6 # six digits
			ser-model show --json "$name.$n.st" | jq -e '.prov[-1].args | join(" ") | test("--accumulate")' >/dev/null
		done
	}
	one classify classify -l emo --class-weight balanced --smooth 0.1 --hidden 16 --head-dropout 0.3 --also spk:0.2 --adversarial fold:0.1 d.ser
	one mse regress -l dur --loss mse --also emo:0.3 d.ser
	one mae regress -l dur -l fold --loss mae --dev-frac 0.2 d.ser
	one aam speaker --sub-centres 2 d.ser
	one ccc regress -l dur --loss ccc --also emo:0.3 --adversarial fold:0.1 d.ser
	one pairs contrastive --pairs pairs.ser --dev-frac 0.3 d.ser
	one supcon contrastive --pairs pairs.ser --loss supcon --hidden 8 --head-dropout 0.3 d.ser
	one clusters contrastive --batch-speakers 5 --batch-per-cluster 2 clu.ser
	# an encoder of texts, and a factor on cosines, which the loss itself has
	told >told.ser
	ser-tokenize --train 300 --label emo -o tok.json told.ser 2>err
	for n in 1 3 7 100; do
		clap --gender sex --gender-mode multitask -b 20 -e 5 --lr 0.01 --accumulate $n --log clap.$n -o clap.$n.st
		close clap.1 clap.$n 2e-5
	done
	# batch norm sees parts, so that the model is another one
	train a.st d.ser
	train b.st --accumulate 2 d.ser
	run ! same_model a.st b.st
	# resumed in the middle
	train c.st --accumulate 2 -e 6 --checkpoint c.ckpt --checkpoint-every 1 --log c.tsv d.ser &
	pid=$!
	while [ ! -e c.ckpt ]; do sleep 0.001; done
	kill -9 $pid || true
	wait $pid || true
	train c.st --accumulate 2 -e 6 --checkpoint c.ckpt --resume --log c.tsv d.ser
	train b.st --accumulate 2 -e 6 --log b.tsv d.ser
	same_model b.st c.st
	cmp b.tsv c.tsv
	fails 1 "other data or with other options" train c.st --accumulate 3 -e 6 --checkpoint c.ckpt --resume d.ser
}

@test "--layer-lr-decay: each layer below the heads moves at so much of the rate of the one above, decay included" {
	cat >moved.py <<'END'
import sys, json, struct
import numpy as np
def read(path):
    b = open(path, "rb").read()
    n = struct.unpack("<Q", b[:8])[0]
    h = json.loads(b[8:8 + n])
    return {k: np.frombuffer(b[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]], "<f4").astype(float)
            for k, v in h.items() if k != "__metadata__"}
start, plain, decayed = (read(f) for f in sys.argv[1:4])
want = dict(w.split("=") for w in sys.argv[4:])
seen = set()
for k, s in start.items():
    if "running" in k or k.startswith("input."):
        continue
    factor = [float(f) for name, f in want.items() if k.startswith(name)]
    assert len(factor) == 1, k
    seen.update(name for name in want if k.startswith(name))
    a, b = plain[k] - s, decayed[k] - s
    assert np.abs(a).max() > 0 or k.endswith("bias"), k # a bias before a softmax has no gradient
    assert np.abs(b - factor[0] * a).max() <= 2e-3 * np.abs(a).max() + 3e-8, (k, np.abs(b).max() / np.abs(a).max())
assert seen == set(want), set(want) - seen
END
	moved() { # ARCH HYPERS NAME=FACTOR...: one step, from the same start
		local arch=$1 hyper=$2
		shift 2
		step=(ser-train classify -l emo --arch "$arch" $hyper --hyper emb=8 --crop 0.2 -b 60 -e 1 --schedule const --warmup 0 --clip 0)
		for opt in "--optimizer sgd --momentum 0 --weight-decay 0 --lr 0.1" "--optimizer adamw --weight-decay 0.5 --lr 0.01"; do
			"${step[@]}" -o start.st --lr 0 d.ser
			"${step[@]}" -o plain.st $opt d.ser
			"${step[@]}" -o decayed.st $opt --encoder-lr-scale 0.5 --layer-lr-decay 0.6 d.ser
			"$PYTHON" moved.py start.st plain.st decayed.st heads.=1 "$@"
		done
	}
	moved convpool "--hyper channels=8 --hyper att=4 --hyper blocks=2" encoder.emb=0.3 encoder.pool=0.3 encoder.block1=0.18 encoder.block0=0.108
	moved ecapa "--hyper channels=16 --hyper mfa=24 --hyper se=4 --hyper att=4" encoder.fc=0.3 encoder.asp=0.3 encoder.mfa=0.3 \
		encoder.blocks.3=0.18 encoder.blocks.2=0.108 encoder.blocks.1=0.0648 encoder.blocks.0=0.03888
	fails 2 "layer-lr-decay" train a.st --layer-lr-decay 1.1 d.ser
}

@test "--precision bf16: another model, nearly the same losses, the same bytes for any thread count and when resumed" {
	wide=(ser-train classify -l emo --arch convpool --hyper channels=32 --hyper emb=32 --hyper att=32 --hyper blocks=3 --crop 0.2 -b 16 -e 4 --lr 1e-3)
	mkstream -n 60 --frames 30 --bins 40 --speakers 6 >w.ser
	"${wide[@]}" -o f.st --log f.tsv w.ser
	"${wide[@]}" -o b.st --log b.tsv --precision bf16 w.ser
	"${wide[@]}" -o c.st --precision bf16 -t 2 w.ser
	cmp b.st c.st
	run ! same_model f.st b.st
	paste <(cut -f 4 f.tsv) <(cut -f 4 b.tsv) | awk 'NR > 1 {d = $1 - $2; if (d < 0) d = -d; if (!(d < 0.02)) {print; exit 1}}'
	run ! cmp -s f.tsv b.tsv
	ser-model show --json b.st | jq -e '.prov[-1].args | join(" ") | test("--precision.bf16")' >/dev/null
	"${wide[@]}" -o d.st --precision bf16 --checkpoint d.ckpt --checkpoint-every 5 w.ser
	fails 1 "other data or with other options" "${wide[@]}" -o d.st --checkpoint d.ckpt --resume w.ser
	# what a bf16 model says in bf16 is close to what it says in f32
	ser-embed -m b.st w.ser >e32.ser
	ser-embed -m b.st --precision bf16 w.ser >e16.ser
	ser-embed -m b.st --precision bf16 -t 2 w.ser | cmp - e16.ser
	ser-cmp -q --atol 0.05 e32.ser e16.ser
	run ser-cmp -q --atol 1e-6 e32.ser e16.ser
	[ "$status" -eq 1 ]
	ser-predict -m b.st --precision bf16 w.ser >p16.ser
	paste <(ser-predict -m b.st w.ser | ser-dump -d - | jq '.post.data[]') <(ser-dump -d p16.ser | jq '.post.data[]') |
		awk '{d = $1 - $2; if (d < 0) d = -d; if (!(d < 0.05)) {print; exit 1}} END {exit NR != 240}'
}

@test "--recompute: the same bytes" {
	mkstream -n 40 --frames 30 --bins 20 --speakers 4 >w.ser
	for arch in conv-attn conformer; do
		deep=(ser-train classify -l emo --arch "$arch" --hyper layers=3 --crop 0.2 -b 8 -e 2)
		"${deep[@]}" -o a.st w.ser
		"${deep[@]}" --recompute -t 2 -o b.st w.ser
		cmp a.st b.st
	done
}

@test "an architecture or a hyper-parameter that there is not is said before anything is read" {
	mkfifo never
	fails 2 '"no-such" is none of convpool' ser-train classify -l emo --arch no-such -o a.st never
	fails 2 'nose' ser-train classify -l emo --hyper nose=2 -o a.st never
	fails 2 'nose' ser-train classify -l emo -o a.st + encoder --field b --hyper nose=2 never
	fails 2 'stands before "+"' ser-train classify -l emo -o a.st + regress -l dur --recompute never
	fails 2 'there is --hidden' ser-train classify -l emo -o a.st + regress -l dur --hiddn 2 never
}

@test "--hyper gru=1: gated recurrent units instead of LSTM; --head-pool max: the largest of the frames" {
	mkstream -n 12 --frames 30 --bins 20 --speakers 4 >w.ser
	for arch in blstm crnn; do
		ser-train classify -l emo --arch "$arch" --hyper gru=1 --head-pool max -e 1 -o g.st w.ser
		run -0 ser-model show g.st
		[[ "$output" == *gru*weight_ih_l0_reverse* ]]
		[[ "$output" != *encoder.lstm* ]]
		[ "$(ser-predict -m g.st w.ser | ser-dump -d - | jq -c .post.shape | sort | uniq -c | xargs)" = "12 [4]" ]
	done
}

@test "--init takes the encoder, --freeze leaves it alone" {
	train a.st d.ser
	train b.st --init a.st --freeze all --seed 5 d.ser
	ser-model export --encoder -o a.enc a.st
	ser-model export --encoder -o b.enc b.st
	cmp a.enc b.enc
	train g.st --input-norm global d.ser # the normalisation that it was trained behind stays, too
	mkstream -n 20 --first 60 --frames 30 --bins 10 --speakers 6 | train h.st --init g.st --freeze all
	for f in g h; do ser-model show $f.st | grep '^input\.' >$f.norm; done
	[ -s g.norm ]
	cmp g.norm h.norm
	train c.st --init a.st --encoder-lr-scale 0.1 --seed 5 d.ser
	ser-model export --encoder -o c.enc c.st
	run ! cmp -s a.enc c.enc
	ser-model show --json c.st | jq -e '.train.init.train.task == "classify"' >/dev/null
	fails 2 '--freeze needs --init' train d.st --freeze all d.ser
	fails 2 'is of architecture convpool' ser-train classify -l emo --arch mlp --init a.st -o d.st d.ser
	mkstream -n 60 --frames 30 --bins 10 --shift 0.02 >e.ser
	fails 1 "shift_s of field \"feat\" was 0.01, this stream's is 0.02" train d.st --init a.st e.ser
	fails 1 "no parameter" train d.st --init a.st --hyper blocks=3 d.ser
}

@test "speaker: angular margin, and share of each speaker's records as validation" {
	ser-train speaker "${small[@]}" -e 2 --dev-frac 0.2 --sub-centres 2 --log s.tsv -o s.st d.ser
	same '6' jq '.heads[0].n_out' <(ser-model show --json s.st)
	ser-train speaker --loss softmax "${small[@]}" -e 1 -o s.st d.ser
	ser-embed -m s.st d.ser | ser-dump | jq -e -s 'map(.emb.shape == [8]) | all' >/dev/null
}

@test "contrastive: by pairs, by clusters, with a second task" {
	ser-train speaker "${small[@]}" -e 1 -o s.st d.ser
	ser-embed -m s.st d.ser | ser-kmeans --by spk -k 2 --seed 1 >clu.ser
	ser-pairs --by spk --seed 1 --positives 2 --negatives 3 <clu.ser >pairs.ser
	ser-train contrastive --pairs pairs.ser "${small[@]}" -e 2 --also spk:0.1 --log c.tsv -o c.st d.ser
	ser-train contrastive --pairs pairs.ser "${small[@]}" -e 2 --also spk:0.1 -t 2 -o c2.st d.ser
	cmp c.st c2.st
	ser-train contrastive --pairs pairs.ser "${small[@]}" -e 2 --dev-frac 0.3 --hidden 8 -o c.st d.ser
	ser-train contrastive "${small[@]}" -e 2 --batch-speakers 3 --batch-per-cluster 2 -o c.st clu.ser
	ser-select 'spk != "00"' d.ser >part.ser
	run --separate-stderr ser-train contrastive --pairs pairs.ser "${small[@]}" -e 1 -o c.st part.ser
	[ "$status" -eq 0 ]
	[[ $stderr == *"not in the input"* ]]
	fails 1 "expected a label" ser-train contrastive --pairs d.ser "${small[@]}" -o c.st d.ser
	train e.st --init c.st d.ser
}

@test "tasks in a chain: the short forms are the long ones; any kind in any order, each with a head of its own" {
	train a.st --also spk:0.2 --adversarial fold:0.1 --log a.tsv d.ser
	ser-train classify -l emo "${small[@]}" -e 3 --log b.tsv -o b.st + classify --label spk --weight 0.2 + classify --label fold --weight 0.1 --adversarial d.ser
	same_model a.st b.st
	cmp a.tsv b.tsv
	ser-model show --json b.st | jq -e '.prov[-1].args | join(" ") | endswith("+ classify --label=spk --weight=0.2 + classify --label=fold --weight=0.1 --adversarial=true")' >/dev/null
	ser-train speaker "${small[@]}" -e 1 -o s.st d.ser
	ser-embed -m s.st d.ser | ser-kmeans --by spk -k 2 --seed 1 >clu.ser
	ser-pairs --by spk --seed 1 --positives 2 --negatives 3 <clu.ser >pairs.ser
	# the first task says what an epoch is; another's pairs or clusters come on top, more of them than it has records for
	ser-train classify -l emo "${small[@]}" -e 2 --accumulate 2 --log m.tsv -o m.st + contrastive --pairs pairs.ser --hidden 8 + contrastive --batch-speakers 3 \
		+ regress -l dur --loss mse --weight 0.01 --hidden 4 --head-layers 3 + speaker --weight 0.1 + classify -l emo --adversarial --weight 0.1 clu.ser
	[ "$(head -n 1 m.tsv)" = "$(printf 'epoch\tstep\tlr\tloss\tloss_emo\tloss_proj\tloss_proj2\tloss_values\tloss_spk\tloss_emo2\tgrad_norm\tdev_uar\tbest')" ]
	awk -F'\t' 'NR > 1 {for (i = 5; i <= 10; i++) if (!($i > 0)) exit 1}' m.tsv
	same '[8,0,4]' jq -c '[.heads[1,2,3].n_hidden]' <(ser-model show --json m.st)
	same 6 grep -c '^heads\.values\.hidden' <(ser-model show m.st)
	ser-predict -m m.st clu.ser | ser-dump | jq -e -s 'length == 60 and (map(.pred != null) | all)' >/dev/null
	fails 2 'before "+"' train a.st d.ser + classify -l spk
	fails 2 'expected a mode' train a.st + clasify -l spk d.ser
	fails 2 '--label is needed' train a.st + classify d.ser
	fails 2 'option --epochs is of the whole' train a.st + classify -l spk --epochs 3 d.ser
	ser-train classify -l emo + regress --help | grep -q -- '--adversarial'
}

@test "clusters validate, the same records after every epoch" {
	ser-train speaker "${small[@]}" -e 1 -o s.st d.ser
	ser-embed -m s.st d.ser | ser-kmeans --by spk -k 2 --seed 1 >clu.ser
	ser-train contrastive --arch linear --lr 0 -e 3 --dev-frac 0.4 --log c.tsv -o c.st clu.ser
	[ "$(cut -f 7 c.tsv | sed 1d | sort -u | wc -l)" -eq 1 ]
	head -n 1 c.tsv | grep -q dev_loss
	awk -F'\t' 'NR > 1 && !($7 < 0) {exit 1}' c.tsv
}

@test "several encoders: the same bytes for any threads and when resumed; a field each, or one; each with options of its own" {
	mkstream -n 60 --frames 4 --bins 1 --speakers 6 --dtype '<i4' --name tok >t.ser
	ser-join --fields tok d.ser t.ser >j.ser
	text=(+ encoder --field tok --arch roberta)
	for h in vocab=128 dim=16 layers=1 heads=2 ffn=16 positions=40; do text+=(--hyper $h); done
	run=(ser-train classify -l emo "${small[@]}" --dev-frac 0.3 --stretch 0.1 -e 3)
	"${run[@]}" -o a.st "${text[@]}" j.ser
	"${run[@]}" -o b.st -t 2 "${text[@]}" j.ser
	cmp a.st b.st
	cat j.ser | "${run[@]}" -o b.st "${text[@]}"
	cmp a.st b.st
	timeout -s KILL 0.2 "${run[@]}" -o b.st --checkpoint c.ckpt --checkpoint-every 1 "${text[@]}" j.ser || true
	"${run[@]}" -o b.st --checkpoint c.ckpt --resume "${text[@]}" j.ser
	cmp a.st b.st
	[ "$(ser-model show --json a.st | jq -c '[.version, (.encoders[] | .name, .arch, .input.field, .input.norm)]')" = \
		'["2","feat","convpool","feat","mean","tok","roberta","tok","none"]' ]
	ser-model show a.st | grep -q '^heads.emo.out.weight *4x24 ' # 8 + 16
	# heads on some of what they make; an encoder that is left alone, and one at half the rate
	ser-train classify -l emo --init a.st --freeze all -e 1 --source feat+tok:first -o c.st + encoder --field tok --init a.st \
		--encoder-lr-scale 0 + classify -l spk --source tok:mean --adversarial j.ser
	[ "$(ser-model show --json c.st | jq -c '[.heads[].source]')" = '["feat+tok:first","tok:mean"]' ]
	[ "$(ser-model show --json c.st | jq -c '.train.init | keys')" = '["feat","tok"]' ]
	for m in a c; do ser-model show $m.st | grep '^encoder' >$m.params; done
	cmp a.params c.params
	# two networks over one field
	ser-train classify -l emo "${small[@]}" -e 1 --name x -o d.st + encoder --name y --arch mlp d.ser
	ser-embed -m d.st --source y d.ser | ser-predict -m d.st | ser-dump | jq -se '.[0].emb.shape == [128] and .[0].post.shape == [4]'
	# what is wrong
	new=(ser-train classify -l emo "${small[@]}" -o n.st)
	fails 1 'record 1 "u00000", byte 91: no field "tok"' "${new[@]}" "${text[@]}" d.ser
	fails 1 'field "tok" has 40 at 0, no token of 40' "${new[@]}" "${text[@]}" --hyper vocab=40 j.ser
	fails 1 'record "u00001" has 5 frames, architecture roberta takes 4' "${new[@]}" "${text[@]}" --hyper positions=6 j.ser
	fails 2 'tokens, which are not normalised' "${new[@]}" "${text[@]}" --input-norm mean j.ser
	fails 2 'the encoders are feat, tok' "${new[@]}" --source voice "${text[@]}" j.ser
	fails 2 'not from frames' "${new[@]}" --source tok:frames "${text[@]}" j.ser
	fails 2 'architecture mlp has no frame-level states' ser-train classify -l emo --arch mlp --source encoder:mean -o n.st d.ser
	fails 2 'two encoders are named "feat"' "${new[@]}" + encoder --arch mlp d.ser
	fails 2 '"a.b" is no name for an encoder' "${new[@]}" --name a.b d.ser
	fails 2 'begins with a task' ser-train encoder -o n.st d.ser
	fails 2 'none of them "v"' ser-train classify -l emo --name v --init a.st -o n.st j.ser
	[ ! -e n.st ]
}

# Records whose vector says what their class is; the sex of one speaker is not known
told() {
	awk 'BEGIN {split("angry happy neutral sad", e, " "); for (i = 0; i < 60; i++) {c = int(i / 6) % 4; s = i % 6
		v = ""; for (k = 0; k < 6; k++) v = v (k ? "," : "") (k == c ? 2 : 0) + ((i * 7 + k * 5) % 11 - 5) / 10
		printf "id=u%02d\tspk=%02d\temo=%s%s\tfeat:t=%s\n", i, s, e[c + 1], s == 5 ? "" : "\tsex=" (s % 2 ? "f" : "m"), v}}' |
		"$ROOT"/tests/tools/mkser
}
clap() { # ARGS... with a small encoder of texts behind them, of told.ser
	ser-train clap -l emo --arch linear --input-norm none --proj 8 --hidden 16 --weight-decay 0 "$@" + encoder --tokenizer tok.json \
		--arch roberta --hyper dropout=0 --hyper attn_dropout=0 --hyper vocab=300 --hyper dim=16 --hyper layers=1 --hyper heads=2 \
		--hyper ffn=16 --hyper positions=40 told.ser
}

@test "clap: the loss is that of the paper, by cosines, temperatures and labels; records without sex leave that part out" {
	told >told.ser
	ser-tokenize --train 300 --label emo -o tok.json told.ser 2>err
	for how in "" "--gender sex --alpha 0.8" "--gender sex --alpha 0.8 --gender-mode multitask" "--target rowsum" \
		"--gender sex --target rowsum"; do
		clap $how -e 1 -b 60 --lr 0 --time-masks 0 --freq-masks 0 --log l.tsv -o m.st # one step over all, by what is there at the beginning
		ser-predict -m m.st told.ser | ser-dump -d | jq -c '[.emo, .sex, .cos.data]' >cos.jsonl
		"$PYTHON" - "$how" l.tsv cos.jsonl <<'EOF'
import json, math, sys
how, rows = sys.argv[1], [json.loads(l) for l in open(sys.argv[3])]
got = float(open(sys.argv[2]).read().split("\n")[1].split("\t")[3])
name, scale = sorted({r[0] for r in rows}), 1 / 0.07
def ls(x):
    m = max(x); z = m + math.log(sum(math.exp(v - m) for v in x))
    return [v - z for v in x]
def kl(c, m):
    y = 0
    for a, b in zip(c, m):
        t = [math.exp(v) for v in ls(b)] if "rowsum" not in how else [v / sum(b) for v in b]
        y += sum(p * (math.log(p) - q) for p, q in zip(t, ls(a)) if p > 0)
    return y / len(c)
def loss(r, m):
    c = [[scale * a[2][name.index(b[0])] for b in r] for a in r]
    return (kl(c, m) + kl([list(x) for x in zip(*c)], m)) / 2
def same(r, k): return [[float(a[k] == b[k]) for b in r] for a in r]
if "sex" not in how: want = loss(rows, same(rows, 0))
elif "multitask" in how:
    known = [r for r in rows if r[1] is not None]
    want = 0.8 * loss(rows, same(rows, 0)) + 0.2 * loss(known, same(known, 1))
else:
    al = 0.8 if "0.8" in how else 0.9
    want = loss(rows, [[(a[0] == b[0]) if None in (a[1], b[1]) else al * (a[0] == b[0]) + (1 - al) * (a[1] == b[1]) for b in rows] for a in rows])
assert abs(got - want) < 2e-5 * want, (how, got, want)
EOF
	done
}

@test "clap: learns; zero-shot by the texts of classes; the same bytes for any threads and when resumed" {
	told >told.ser
	ser-tokenize --train 300 --label emo -o tok.json told.ser 2>err
	run=(-b 16 --lr 0.005 -e 30 --dev-frac 0.3 --log l.tsv)
	clap "${run[@]}" -o a.st
	awk -F'\t' 'END {if (!($7 > 0.9)) {print; exit 1}}' l.tsv
	clap "${run[@]}" -t 2 -o b.st
	cmp a.st b.st
	export -f clap
	timeout -s KILL 0.15 bash -c 'clap "$@"' - "${run[@]}" -o b.st --checkpoint d.ckpt --checkpoint-every 1 || true
	clap "${run[@]}" -o b.st --checkpoint d.ckpt --resume
	cmp a.st b.st
	ser-predict -m a.st told.ser >p.ser
	ser-score classes --label emo --allow-shared-speakers --n-boot 0 p.ser | awk '$1 == "pooled" && $2 == "uar" && $3 > 0.9 {ok = 1} END {exit !ok}'
	ser-predict -t 2 -m a.st told.ser | cmp - p.ser
	# the model's own texts, said again; a class less; several wordings; one that it has never met
	ser-dump -d p.ser >want
	ser-predict -m a.st --prompt 'The emotion is {}' told.ser | ser-dump -d | cmp - want
	ser-predict -m a.st --classes sad,angry told.ser | ser-dump -d | jq -se '.[0].post.data | length == 2 and (add - 1 | fabs) < 1e-6'
	printf 'sad\tgrief\r\n \t\n\r\n{} speech\n' >texts # lines of blanks are none
	ser-predict -m a.st --classes sad,joy --prompts texts told.ser | ser-dump | jq -se '.[0].cos.shape == [2]'
	# drawn from several wordings; a frozen encoder of texts stays as it is
	clap -e 2 --prompts texts --prompt 'I am {}' -o w.st
	[ "$(ser-model show --json w.st | jq -c '[.train.prompts[] | select(.[0] == "sad") | .[1]]')" = '["I am sad","grief","sad speech"]' ]
	ser-train clap -l emo --arch linear --input-norm none --proj 8 --hidden 16 -e 1 -o f.st + encoder --tokenizer tok.json --init a.st --freeze all told.ser
	cmp <(ser-model show a.st | grep '^encoder.text') <(ser-model show f.st | grep '^encoder.text')
	# adapters beside its linear layers, or its layers mixed: these learn, and nothing else of it
	texts() { # HOW... f.st, whose encoder of texts begins with that of a.st
		ser-train clap -l emo --arch linear --input-norm none --proj 8 --hidden 16 -e 3 --lr 0.01 -o f.st + encoder --tokenizer tok.json --init a.st "$@" told.ser
	}
	others() { # how many of its parameters are others
		diff <(ser-model show a.st | grep '^encoder.text') <(ser-model show f.st | grep '^encoder.text') | grep -c '^>' || true
	}
	texts --lora 1
	[ "$(others)" -eq 6 ] # four of attention, two behind
	texts --layer-mix --freeze all
	[ "$(others)" -eq 0 ]
	ser-model show f.st | awk '$1 == "mix.text.weight" && $2 == 2 && $5 > 0 {ok = 1} END {exit !ok}'
	ser-predict -m f.st told.ser | ser-dump -d | jq -se 'all(.post.data | length == 4)'
	# beside other tasks
	clap -e 1 + classify -l sex --source feat -o x.st
	ser-predict -m x.st --head sex told.ser | ser-dump | jq -se '.[0].post.shape == [2]'
	ser-predict -m x.st told.ser | ser-dump | jq -se '.[0].post.shape == [4] and .[0].cos.shape == [4]' # the first task's
	# batches of one record, and of one class
	clap -e 1 -b 1 -o x.st
	# what is wrong
	fails 2 'adapters of rank 2 go beside' texts --lora 2
	fails 2 'clap needs an encoder of texts' ser-train clap -l emo --arch linear -o n.st told.ser
	fails 2 '--text is short for' clap --text roberta -o n.st
	fails 2 'prompt "x" has no {}' clap --prompt x -o n.st
	echo x >texts
	fails 1 'texts: line 1: neither' clap --prompts texts -o n.st
	printf 'sad\tgrief\n' >texts
	fails 1 'class "angry" has no prompt' clap --prompts texts -o n.st
	: >none
	fails 1 'none: holds no text' clap --prompts none -o n.st
	fails 2 '--gender-mode and --alpha need --gender' clap --alpha 0.8 -o n.st
	fails 1 'no record has the label "gender"' clap --gender gender -o n.st
	fails 1 'has more than the 38 tokens' clap --prompt "$(printf 'qz%.0s' {1..40}) {}" -o n.st
	fails 1 'knows no texts' ser-predict -m "$ROOT"/tests/golden/model_linear.st --classes a,b told.ser
	fails 1 'class "joy" has no prompt' ser-predict -m a.st --classes joy,sad --prompts texts told.ser
	fails 2 '"sad" is there twice' ser-predict -m a.st --classes sad,sad told.ser
	fails 2 'normalises its input by none' texts --input-norm mean
	fails 2 'tokens, which are not normalised' ser-train clap -l emo --arch linear -o n.st + encoder --tokenizer tok.json --arch roberta --input-norm mean told.ser
	fails 2 'reads texts, and nothing of records' clap -e 1 -o n.st --source text
	[ ! -e n.st ]
}

@test "clap --audio and --text: both encoders by a word each, and a vocabulary of the prompts" {
	told >told.ser
	ser-tokenize --train 300 --label emo told.ser -o tok.json
	clap -e 2 -o a.st
	local one=(ser-train clap -l emo --input-norm none --proj 8 --hidden 16 --weight-decay 0 -e 2 -q)
	local small=(--text-hyper dropout=0 --text-hyper attn_dropout=0 --text-hyper dim=16 --text-hyper layers=1 --text-hyper heads=2
		--text-hyper ffn=16 --text-hyper positions=40)
	# the same network
	"${one[@]}" --audio linear --text roberta --text-hyper vocab=300 "${small[@]}" --tokenizer tok.json -o b.st told.ser
	for m in a b; do ser-model export -o $m.tensors $m.st; done
	cmp a.tensors b.tensors
	# models, which bring their tokenizer
	"${one[@]}" --audio a.st --text a.st -o c.st told.ser
	ser-predict -m c.st told.ser | ser-info >/dev/null
	# a vocabulary of its own: as many tokens as the encoder has rows; the prompts have ids
	"${one[@]}" --audio linear --text roberta "${small[@]}" -e 40 --lr 0.01 --target rowsum -o own.st told.ser
	vocab=$(ser-model show --json own.st | jq '[.encoders[] | select(.hyper.vocab) | .hyper.vocab][0]')
	[ "$vocab" -gt 261 ] && [ "$vocab" -lt 512 ]
	[ "$(ser-predict -m own.st --prompts 'The emotion is {}' told.ser | ser-dump | jq -s 'map(select(.pred == .emo)) | length')" -gt 50 ]
	# what does not go together
	fails 2 '--audio says what --arch' "${one[@]}" --audio linear --arch linear --text roberta -o n.st told.ser
	fails 2 '--text-hyper is of' "${one[@]}" --audio linear --text-hyper dim=16 -o n.st told.ser
	"${one[@]}" --audio linear --text roberta "${small[@]}" --text-hyper vocab=265 -e 1 -o few.st told.ser
	[ "$(ser-model show --json few.st | jq '[.encoders[].hyper.vocab | values][0]')" -eq 265 ]
	fails 2 'an encoder of 260 tokens' "${one[@]}" --audio linear --text roberta --text-hyper vocab=260 -o n.st told.ser
	fails 2 'hubert reads no texts' "${one[@]}" --audio linear --text hubert -o n.st told.ser
	fails 1 'nosuch: cannot open' "${one[@]}" --audio nosuch --text roberta -o n.st told.ser
	ser-train classify -l emo --arch linear -e 1 -q -o plain.st told.ser
	fails 2 'says nothing of its tokenizer' "${one[@]}" --audio linear --text plain.st -o n.st told.ser
	[ ! -e n.st ]
}

@test "--warmup-epochs: the rate rises over so many, not over a share of the steps" {
	ser-train classify -l emo --arch linear -b 20 -e 6 --lr 0.004 --schedule const --warmup-epochs 4 --log l.tsv -o m.st d.ser
	[ "$(awk -F'\t' 'NR > 1 {printf "%.4f ", $3}' l.tsv)" = '0.0010 0.0020 0.0030 0.0040 0.0040 0.0040 ' ]
}

@test "every loss learns" {
	ser-train speaker "${small[@]}" -e 1 -o s.st d.ser
	ser-embed -m s.st d.ser | ser-kmeans --by spk -k 2 --seed 1 >clu.ser
	ser-pairs --by spk --seed 1 --positives 2 --negatives 3 <clu.ser >pairs.ser
	falls() { # the loss of the last epoch is well below that of the first
		ser-train "$@" "${small[@]}" --hyper dropout=0 --crop 0 --time-masks 0 --freq-masks 0 --lr 0.01 -e 30 --log l.tsv -o l.st
		awk -F'\t' 'NR == 2 {a = $4} END {if (!($4 < 0.8 * a)) {print a " " $4; exit 1}}' l.tsv
	}
	for l in focal bce; do falls classify -l emo --loss $l d.ser; done
	falls regress -l dur -l fold --loss mae d.ser
	for l in infonce nt-xent supcon triplet; do
		falls contrastive --pairs pairs.ser --loss $l d.ser
		falls contrastive --loss $l --batch-speakers 3 clu.ser
	done
	fails 2 'kl needs --votes' train a.st --loss kl d.ser
}

@test "--resume: another value of any option that can change the model is refused" {
	ser-train speaker --arch mlp -e 1 -o s.st d.ser
	ser-embed -m s.st d.ser | ser-kmeans --by spk -k 2 --seed 1 | ser-fold kfold -k 3 --by spk -q >r.ser
	ser-pairs --by spk --seed 1 <r.ser >pairs.ser
	ser-pairs --by spk --seed 2 <r.ser >pairs2.ser
	ser-train classify -l emo --arch mlp -e 1 --seed 2 --field emb -o i.st r.ser
	ser-train classify -l emo --arch mlp -e 1 --seed 3 --field emb -o j.st r.ser
	silent=' output threads max-record progress quiet verbose help version log checkpoint checkpoint-every resume recompute '
	# what an option is given in place of its default; those of `pairs` and of `init` against a training that has one
	declare -A other=([name]=x [source]=encoder [field]=feat [arch]=linear [hyper]=dropout=0.1 [input-norm]=none [encoder-lr-scale]=0.5 [layer-lr-decay]=0.9 [also]=spk
		[adversarial]=spk [ramp]=3 [spk]=sex [fold-field]=emo [split-field]=fold [test-fold]=1 [dev-fold]=2 [dev-speaker]=03 [dev-frac]=0.3
		[allow-shared-speakers]=true [epochs]=3 [batch]=7 [accumulate]=2 [crop]=0.1 [stretch]=0.1 [shift]=1 [sample]=balanced [time-masks]=2
		[time-width]=3 [freq-masks]=2 [freq-width]=3 [precision]=bf16 [optimizer]=adam [lr]=0.002 [schedule]=const [warmup]=0.1 [warmup-epochs]=1
		[weight-decay]=0.02 [momentum]=0.5 [clip]=4 [ema]=0.5 [patience]=9 [seed]=3 [init]=j.st [freeze]=all [layer-mix]=true [layer-mix-norm]=true
		[lora]=2 [head-pool]=mean [label]=spk [votes]=dur [loss]=x [multi-hot]=true [penalty]=penalty.json [alpha]=2 [beta]=2 [coupled]=true [gamma]=1
		[class-weight]=balanced [smooth]=0.1 [weight]=2 [hidden]=3 [head-layers]=2 [head-dropout]=0.1 [margin]=0.3
		[scale]=20 [sub-centres]=2 [pairs]=pairs2.ser [cluster]=fold [batch-speakers]=2 [batch-per-cluster]=3 [tau]=0.2 [proj]=7
		[clusters]=4 [top-lr-scale]=2 [frozen-head]=true)
	declare -A base=([classify]="-l emo" [regress]="-l dur" [speaker]="-l spk" [contrastive]="" [deepcluster]="-k 3") loss=([classify]=focal [regress]=mae [speaker]=softmax
		[contrastive]=supcon)
	bad=0
	refused() { # NAME ARGS...
		local name=$1
		shift
		rc=0
		"$@" --resume r.ser 2>err || rc=$?
		# what cannot be trained at all has not been gone on with, either
		if [ $rc -eq 0 ]; then echo "resumed with another --$name: $*"; bad=1; fi
		grep -q "other data or with other options" err && hit=$((hit + 1)) || { echo "$name: $(cat err)" >>why; }
	}
	for m in classify regress speaker contrastive deepcluster; do
		hit=0
		: >why
		run=(ser-train "$m" ${base[$m]} --field emb --arch mlp -e 2 -q -o x.st --checkpoint "$m.ckpt")
		"${run[@]}" r.ser
		"${run[@]}" --resume r.ser # goes on when nothing differs
		for o in $(ser-train "$m" --help | sed -nE '/^options:/,/^$/s/^  (-., |    )--([a-z0-9-]+).*/\2/p'); do
			[[ $silent == *" $o "* ]] && continue
			v=${other[$o]-missing}
			[ "$o" != loss ] || v=${loss[$m]}
			[ "$m-$o" != speaker-label ] || v=emo
			[ "$m-$o" != deepcluster-cluster ] || v=cluster
			case $o in init | freeze | pairs | tokenizer | resume-optimizer | layer-mix | layer-mix-norm | lora) continue ;; esac
			[ "$v" != missing ] || { echo "no other value of --$o in this test"; bad=1; continue; }
			refused "$o" "${run[@]}" "--$o=$v"
		done
		cat why
		[ $hit -gt 40 ] || { echo "$m: only $hit refused by the checkpoint"; bad=1; }
	done
	run=(ser-train classify -l emo --field emb --arch mlp -e 2 -q -o x.st --checkpoint i.ckpt)
	"${run[@]}" --init i.st r.ser
	refused init "${run[@]}" --init j.st
	refused init "${run[@]}"
	refused freeze "${run[@]}" --init i.st --freeze all
	cp i.st k.st # a copy by another name is the same
	"${run[@]}" --init k.st --resume r.ser
	run=(ser-train contrastive --field emb --arch mlp -e 2 -q -o x.st --checkpoint p.ckpt)
	"${run[@]}" --pairs pairs.ser r.ser
	refused pairs "${run[@]}" --pairs pairs2.ser
	"${run[@]}" --pairs - --checkpoint s.ckpt r.ser <pairs.ser
	"${run[@]}" --pairs - --checkpoint s.ckpt --resume r.ser <pairs.ser
	fails 1 "other data or with other options" "${run[@]}" --pairs - --checkpoint s.ckpt --resume r.ser <pairs2.ser
	# of a further task, and of the data: one bit of a feature, one label
	run=(ser-train classify -l emo --arch mlp -e 2 -q -o x.st --checkpoint q.ckpt)
	"${run[@]}" + regress -l dur d.ser
	fails 1 "other data or with other options" "${run[@]}" --resume + regress -l dur --weight 2 d.ser
	fails 1 "other data or with other options" "${run[@]}" --resume + regress -l dur <(mkstream -n 60 --frames 30 --bins 10 --speakers 6 --seed 2)
	[ $bad -eq 0 ]
}

@test "--penalty: the printed form is weights of classes, the coupled one weighs what is predicted" {
	awk 'BEGIN {srand(4); for (i = 0; i < 60; i++) {k = i % 3; printf "id=u%02d\tspk=s%d\tfold:i=%d\temo=%s", i, i % 6, i % 2, substr("abc", k + 1, 1)
		for (j = 0; j < 3; j++) printf "\t%s:i=%d", substr("abc", j + 1, 1), j == k ? 3 : j == (k + 1) % 3 && i % 5 < k + 2 ? 1 : 0
		printf "\temb:t=%g,%g,%g,%g\n", rand(), (k == 1) + rand(), (k == 2) + rand(), rand()}}' | "$ROOT"/tests/tools/mkser >v.ser
	votes=(--votes a --votes b --votes c)
	ser-score cooccurrence "${votes[@]}" --json v.ser >p.json
	jq -e '.penalty[0].a == 0 and .penalty[0].b > 0 and (.penalty[0].b != .penalty[1].a) and (.speakers | length) == 6' p.json >/dev/null
	still=(ser-train classify -l emo --field emb --arch linear --time-masks 0 --freq-masks 0 -b 60 -e 1 --lr 0 -o m.st --log l.tsv)
	loss() { "${still[@]}" "$@" v.ser && awk -F'\t' 'NR == 2 {print $4}' l.tsv; }
	for how in "" "--loss ce ${votes[*]}" "--loss kl ${votes[*]}" "--loss bce ${votes[*]}" "--loss bce --multi-hot ${votes[*]}"; do
		# shellcheck disable=SC2086
		awk -v plain="$(loss $how)" -v none="$(loss $how --penalty p.json --alpha 0)" -v both="$(loss $how --penalty p.json --alpha 0.5)" \
			-v alone="$(loss $how --penalty p.json --beta 0)" 'BEGIN {if (plain != none || alone == plain || (both - plain - alone / 2) ^ 2 > 1e-10)
				{print plain, none, both, alone; exit 1}}'
	done
	[ "$(loss "${votes[@]}" --class-weight cooccur)" = "$(loss "${votes[@]}" --penalty p.json --beta 0)" ]
	for how in ce bce; do # sum_jk P_jk y_j (- ln(1 - p_k))
		got=$(loss "${votes[@]}" --loss $how --penalty p.json --coupled --beta 0)
		ser-predict -m m.st v.ser | ser-dump --data | jq -e -s --slurpfile p p.json --argjson got "$got" '["a", "b", "c"] as $c | map(. as $r |
			($c | map($r[.]) | add) as $n | [range(3) as $j | range(3) as $k |
			$p[0].penalty[$j][$c[$k]] * $r[$c[$j]] / $n * -(1 - $r.post.data[$k] | log)] | add) | add / length |
			. > 0.1 and (. - $got | fabs) < 1e-5' >/dev/null
	done
	# whose votes they are from is known to the model
	ser-train classify -l emo --field emb --arch linear -e 1 --test-fold 1 --allow-shared-speakers --penalty p.json -o m.st v.ser
	same 6 jq '.train.speakers | length' <(ser-model show --json m.st)
	# posteriors of bce are of each class for itself
	ser-train classify -l emo --field emb --arch linear -e 20 --lr 0.05 --loss bce --multi-hot "${votes[@]}" -o m.st v.ser
	ser-predict -m m.st v.ser >post.ser
	ser-dump --header post.ser | jq -e '.dims.post.activation == "sigmoid"' >/dev/null
	ser-score multilabel "${votes[@]}" --allow-shared-speakers --json post.ser |
		jq -e '.about.truth == "voted" and .about.threshold == 0.5 and (.scores[] | select(.score == "micro_f1") | .value > 0.6)' >/dev/null
	fails 2 "do not go together" "${still[@]}" --class-weight balanced --penalty p.json v.ser
	fails 2 "coupled needs --penalty" "${still[@]}" --coupled v.ser
	fails 2 "multi-hot needs --votes" "${still[@]}" --multi-hot v.ser
	jq '.penalty[0:2]' p.json >q.json
	fails 1 'no lists "penalty" and "speakers"' "${still[@]}" --penalty q.json v.ser
	jq '.penalty |= .[0:2]' p.json >q.json
	fails 1 'no penalty in [0,1] of class "c" against "a"' "${still[@]}" --penalty q.json v.ser
	jq '.penalty[1].c = 1.5' p.json >q.json
	fails 1 'no penalty in [0,1] of class "b" against "c"' "${still[@]}" --penalty q.json v.ser
	head -c 300 p.json >q.json
	fails 1 'q.json' "${still[@]}" --penalty q.json v.ser
	"${still[@]}" --penalty p.json --checkpoint c.ckpt v.ser
	jq '.penalty[1].c = 1' p.json >q.json && mv q.json p.json
	fails 1 "other data or with other options" "${still[@]}" --penalty p.json --checkpoint c.ckpt --resume v.ser
}

@test "regress: learns numbers, validates by concordance, passes over records without them" {
	for l in ccc ccc-mixed mse mae; do
		ser-train regress -l dur --loss $l --arch convpool --hyper channels=16 --hyper dropout=0 --crop 0 --time-masks 0 \
			--freq-masks 0 --lr 0.01 -b 20 -e 60 --dev-frac 0.2 --log r.tsv -o r.st d.ser
		head -n 1 r.tsv | grep -q 'dev_ccc'
		ser-train regress -l dur --loss $l --arch convpool --hyper channels=16 --hyper dropout=0 --crop 0 --time-masks 0 \
			--freq-masks 0 --lr 0.01 -b 20 -e 60 -o r.st d.ser
		ser-predict -m r.st d.ser | ser-dump | jq -e -s 'map((.pred - .dur) | fabs) | add / length < 1.5' >/dev/null
	done
	fails 1 'no training record has a number as "emo"' ser-train regress -l emo "${small[@]}" -o r.st d.ser
	ser-select 'dur == 0.5' d.ser >still.ser
	fails 1 'label "dur" is 0.5 in all training records' ser-train regress -l dur "${small[@]}" -o r.st still.ser
	fails 1 'label "dur" is 0.5 in all training records' ser-train regress -l fold -l dur --loss ccc-mixed "${small[@]}" -o r.st still.ser
	ser-train regress -l dur --loss mse "${small[@]}" -o r.st still.ser
}

@test "chunks: utterances of any length, none shorter than a chunk; what a model is, is kept" {
	chunks=(--hyper frames=12 --hyper chunks=5 --hyper emb=8 --crop 0 --time-masks 0 --freq-masks 0 -e 2)
	for a in mean gated rnn-attention self-attention; do
		for kind in lstm cnn; do
			ser-train regress -l dur --arch chunk-$kind --hyper aggregate=$a "${chunks[@]}" --hidden 8 -o c.st d.ser
			same "\"$a\"" jq .hyper.aggregate <(ser-model show --json c.st)
			ser-train regress -l dur --init c.st "${chunks[@]}" -o c2.st d.ser
			same "\"$a\"" jq .hyper.aggregate <(ser-model show --json c2.st)
		done
	done
	ser-predict -m c.st d.ser | ser-dump | jq -e -s 'map(.pred | isnormal) | all' >/dev/null
	ser-train regress -l dur --arch chunk-cnn "${chunks[@]}" -o c.st -t 2 d.ser
	ser-train regress -l dur --arch chunk-cnn "${chunks[@]}" -o c1.st d.ser
	cmp c.st c1.st
	fails 1 'has 30 frames, architecture chunk-cnn needs 62' ser-train regress -l dur --arch chunk-cnn --crop 0 -o c.st d.ser
	fails 2 'expected one of mean, gated, rnn-attention, self-attention' \
		ser-train regress -l dur --arch chunk-cnn --hyper aggregate=most -o c.st d.ser
}

deep=(--arch deepemocluster --hyper frames=12 --hyper channels=4 --hyper emb=16 --hidden 16 --crop 0 --time-masks 0 --freq-masks 0 -b 32
	--lr 0.003 --schedule const --warmup 0 --input-norm global --seed 3 -q)

@test "deepcluster: the task is a loop of ser-embed, ser-kmeans and ser-train" {
	mkstream -n 120 --frames 12 --bins 8 --speakers 6 | ser-chunk -m 12 -c 1 | ser-sort --by id >c.ser
	values=(+ regress -l dur --loss ccc-mixed --hidden 16)
	ser-train deepcluster -k 5 "${deep[@]}" -e 3 -o one.st "${values[@]}" c.ser
	ser-train deepcluster -k 5 "${deep[@]}" -e 1 --checkpoint loop.ckpt -o loop.st "${values[@]}" c.ser
	for e in 2 3; do
		ser-embed -m loop.ckpt --head cluster c.ser | ser-kmeans -k 5 --init random --n-init 1 --max-iter 20 --tol 0 --seed $((3 + e)) -q |
			ser-select --drop emb true >assigned.ser
		ser-train deepcluster -k 5 --cluster cluster --init loop.ckpt --resume-optimizer "${deep[@]}" -e 1 --checkpoint next.ckpt -o loop.st \
			"${values[@]}" assigned.ser
		mv next.ckpt loop.ckpt
	done
	for m in one loop; do ser-model export -o $m.plain $m.st; done
	cmp one.plain loop.plain
	# without the moments it is another one
	ser-train deepcluster -k 5 "${deep[@]}" -e 1 --checkpoint loop.ckpt -o loop.st "${values[@]}" c.ser
	ser-train deepcluster -k 5 --cluster cluster --init loop.ckpt "${deep[@]}" -e 1 -o other.st "${values[@]}" assigned.ser
	ser-train deepcluster -k 5 --cluster cluster --init loop.ckpt --resume-optimizer "${deep[@]}" -e 1 -o loop.st "${values[@]}" assigned.ser
	run ! cmp -s <(ser-model export -o o.plain other.st && cat o.plain) <(ser-model export -o l.plain loop.st && cat l.plain)
	fails 2 'needs --init' ser-train deepcluster -k 5 "${deep[@]}" --resume-optimizer -o x.st c.ser
	fails 1 'not a checkpoint' ser-train deepcluster -k 5 "${deep[@]}" --init one.st --resume-optimizer -o x.st "${values[@]}" c.ser
	fails 1 'of other tasks' ser-train deepcluster -k 5 "${deep[@]}" --init loop.ckpt --resume-optimizer -o x.st + classify -l emo c.ser
	fails 2 'no head "values2" with a projection' ser-embed -m one.st --head values2 c.ser
	fails 2 'without --source and --frames' ser-embed -m one.st --head cluster --frames c.ser
	fails 2 'what a --head makes is f4' ser-embed -m one.st --head cluster --dtype f2 c.ser
}

@test "deepcluster: passes without and with labels, a frozen head, interrupted and in threads: the same bytes" {
	mkstream -n 120 --frames 12 --bins 8 --speakers 6 | ser-chunk -m 12 -c 1 >c.ser
	ser-cat <(ser-select 'fold == 0' c.ser) <(ser-select --drop dur 'fold != 0' c.ser) >half.ser
	run=(ser-train deepcluster -k 5 "${deep[@]}" -e 4)
	values=(+ regress -l dur --loss ccc-mixed --hidden 16)
	"${run[@]}" -o a.st --log a.tsv --dev-speaker 03 "${values[@]}" half.ser
	head -n 1 a.tsv | grep -qP 'loss_cluster\tloss_values\tnmi_cluster\tgrad_norm\tdev_ccc'
	awk -F'\t' 'NR == 2 && $7 != "" || NR > 2 && !($7 >= 0 && $7 <= 1) {exit 1}' a.tsv
	"${run[@]}" -t 2 -o b.st --log b.tsv --dev-speaker 03 "${values[@]}" half.ser
	cmp a.st b.st
	cmp a.tsv b.tsv
	for steps in 3 5; do # cut off inside a pass, again and again
		rm -f c.ckpt
		for n in 1 2 3 4 5 6 7 8; do
			timeout -s KILL 0.0$n "${run[@]}" -o b.st --log b.tsv --checkpoint c.ckpt --checkpoint-every $steps --resume --dev-speaker 03 "${values[@]}" half.ser || true
		done
		"${run[@]}" -o b.st --log b.tsv --checkpoint c.ckpt --checkpoint-every $steps --resume --dev-speaker 03 "${values[@]}" half.ser
		same_model a.st b.st
		cmp a.tsv b.tsv
	done
	value_head() { "$PYTHON" -c '
import json, struct, sys
f = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", f[:8])[0]
for name, t in sorted(json.loads(f[8:8 + n]).items()):
    if name.startswith("heads.values"):
        print(name, f[8 + n + t["data_offsets"][0]:8 + n + t["data_offsets"][1]].hex())' "$1"; }
	ser-train deepcluster -k 5 "${deep[@]}" -e 1 -o f1.st "${values[@]}" --frozen-head half.ser
	"${run[@]}" -o f4.st "${values[@]}" --frozen-head half.ser
	"${run[@]}" -o t4.st "${values[@]}" half.ser
	[ "$(value_head f1.st | wc -l)" -eq 4 ]
	cmp <(value_head f1.st) <(value_head f4.st)
	run ! cmp -s <(value_head t4.st) <(value_head f4.st)
	# behind another task, which then says what an epoch is; any encoder
	ser-train regress -l dur --arch convpool --hyper channels=8 --crop 0 -e 2 -o r.st + deepcluster -k 3 --hidden 8 --weight 0.1 c.ser
	fails 1 'clusters of 120 records' ser-train deepcluster -k 121 "${deep[@]}" -e 1 -o x.st c.ser
	fails 1 '"fold" is no cluster, a whole number from 0 to 1' ser-train deepcluster -k 2 --cluster fold "${deep[@]}" -e 1 -o x.st <(ser-fold kfold -k 4 c.ser)
	fails 2 'needs a hidden layer' ser-train deepcluster "${deep[@]}" --hidden 0 -o x.st c.ser
	fails 1 'nothing is left to validate on' ser-train deepcluster "${deep[@]}" --dev-speaker 03 -o x.st c.ser
	fails 1 'takes 12' ser-train deepcluster "${deep[@]}" -o x.st <(mkstream -n 10 --frames 14 --bins 8)
}

@test "fields of one axis" {
	train a.st d.ser
	ser-embed -m a.st --drop feat d.ser >emb.ser
	ser-train classify -l emo --field emb --arch linear -e 5 -o l.st emb.ser
	same '"global"' jq '.input.norm' <(ser-model show --json l.st)
	ser-predict -m l.st emb.ser | ser-dump | jq -e -s 'map(.post.shape == [4]) | all' >/dev/null
}

@test "real speech: learns on nine speakers, recognises the tenth" {
	data=$ROOT/../shared/data/emodb
	[ -d "$data" ] || skip "no emodb in ../shared/data"
	ser-prep emodb "$data" | awk 'NR == 1 || NR % 3 == 0' | ser-wav2feat --kind fbank --root "$data" | ser-fold loso --by spk >f.ser
	ser-train classify -l emo --test-fold 1 --arch convpool -e 12 -o m.st f.ser
	ser-select 'fold == 1' f.ser | ser-predict -m m.st | ser-score classes --label emo --json --n-boot 0 >s.json
	ser-select 'fold == 2' f.ser | ser-predict -m m.st >seen.ser
	run --separate-stderr ser-score classes --label emo seen.ser
	[ "$status" -eq 3 ]
	jq -e '.scores[] | select(.score == "uar" and .set == "pooled") | .value > 0.3' s.json >/dev/null
}

# a small transformer over waves of 2400 samples
tuned=(--arch wav2vec2 --hyper conv_dim=8 --hyper dim=32 --hyper ffn=64 --hyper layers=2 --hyper heads=2 --hyper pos_groups=4 --hyper pos_kernel=9
	--time-masks 0 --freq-masks 0 --crop 0 -b 8)

waves() {
	mkstream -n 8 --frames 2400 --bins 1 --speakers 4 >w.ser
	ser-train classify -l spk "${tuned[@]}" -e 1 -o base.st w.ser
}

@test "fine-tuning: each way of it gives the same bytes for threads, interruptions and --recompute, and a model that predicts" {
	waves
	ways=("--layer-mix" "--layer-mix-norm --head-pool asp" "--lora 2,8" "--freeze extractor" "--freeze below:1" "--freeze all --layer-mix"
		"--freeze all --head-pool cov" "--head-pool mean,std" "--hyper mask=0.3 --hyper mask_channels=0.2 --hyper layerdrop=0.3")
	for w in "${ways[@]}"; do
		run=(ser-train classify -l emo "${tuned[@]}" -b 4 --init base.st $w -e 3 --lr 0.003 -q)
		"${run[@]}" -o a.st --checkpoint a.ckpt w.ser
		"${run[@]}" -t 2 --recompute -o b.st --checkpoint b.ckpt --checkpoint-every 1 w.ser
		same_model a.st b.st
		rm -f c.ckpt
		"${run[@]}" -o c.st --checkpoint c.ckpt --checkpoint-every 1 w.ser &
		pid=$!
		while [ ! -e c.ckpt ]; do sleep 0.001; done
		kill -9 $pid || true
		wait $pid || true
		"${run[@]}" -o c.st --checkpoint c.ckpt --checkpoint-every 1 --resume w.ser
		same_model a.st c.st
		ser-predict -m a.st w.ser >p.ser
		ser-dump p.ser | jq -se 'all(.post.shape == [4])' >/dev/null
		ser-predict -m a.st -t 2 w.ser | cmp - p.ser
		ser-model show a.ckpt >/dev/null
	done
}

@test "fine-tuning: what is frozen stays to the last bit, adapters become weights" {
	waves
	values() { # MODEL NAME: of the parameters whose names begin so, the bytes
		ser-model export -o "$1.x" "$1"
		"$PYTHON" - "$1.x" "$2" <<-'END'
			import json, struct, sys
			f = open(sys.argv[1], "rb").read()
			n = struct.unpack("<Q", f[:8])[0]
			for k, t in sorted(json.loads(f[8:8 + n]).items()):
			    if k.startswith(sys.argv[2]):
			        print(k, f[8 + n:][slice(*t["data_offsets"])].hex())
		END
	}
	tune() {
		ser-train classify -l emo "${tuned[@]}" -e 2 --lr 0.01 --init base.st -o "$1" "${@:2}" w.ser
	}
	tune a.st --freeze extractor
	cmp <(values base.st encoder.feature_extractor) <(values a.st encoder.feature_extractor)
	run ! cmp -s <(values base.st encoder.feature_projection) <(values a.st encoder.feature_projection)
	tune a.st --freeze below:1
	cmp <(values base.st encoder.encoder.layers.0) <(values a.st encoder.encoder.layers.0)
	run ! cmp -s <(values base.st encoder.encoder.layers.1) <(values a.st encoder.encoder.layers.1)
	tune a.st --lora 2 --checkpoint a.ckpt --checkpoint-every 1
	cmp <(values base.st encoder.feature) <(values a.st encoder.feature)
	run ! cmp -s <(values base.st encoder.encoder.layers.0.attention.q_proj.weight) <(values a.st encoder.encoder.layers.0.attention.q_proj.weight)
	[ -z "$(values a.st encoder | grep lora)" ]
	values a.ckpt encoder | grep -q lora # while it is trained they are apart, and give the same
	ser-predict -m a.ckpt w.ser | ser-cmp --rtol 1e-4 --atol 1e-5 - <(ser-predict -m a.st w.ser)
	tune b.st --init a.ckpt --layer-mix
	[ "$(stat -c %s a.ckpt)" -lt $(($(stat -c %s base.st) * 2)) ]
	fails 2 'below:3: architecture wav2vec2 has 2 transformer layers' tune x.st --freeze below:3
	fails 2 'none of all, extractor, below:N' tune x.st --freeze top
	fails 2 'freezes the encoder by itself' tune x.st --freeze all --lora 2
	fails 2 'not a rank' tune x.st --lora 0
	fails 2 'adapters of rank 900 go beside linear layers of more than 7200 inputs and outputs' tune x.st --lora 900
	fails 2 'has no layers to mix' train x.st --layer-mix d.ser
	train c.st d.ser
	fails 2 'architecture convpool has none' train x.st --init c.st --freeze extractor d.ser
}

@test "fine-tuning overfits 8 utterances" {
	waves
	for w in --layer-mix "--lora 3 --head-pool asp" "--freeze extractor"; do
		ser-train classify -l emo "${tuned[@]}" --init base.st $w --hyper dropout=0 --hyper attn_dropout=0 --lr 0.01 -e 60 --log l.tsv -o m.st w.ser
		[ "$(ser-predict -m m.st w.ser | ser-dump | jq -r 'select(.emo == .pred) | .id' | wc -l)" -eq 8 ]
		awk -F'\t' 'END {exit !($4 < 0.1)}' l.tsv
	done
}

@test "hubert --mask-weight: the loss lies between that of masked frames and that of those heard, whose accuracy is not said" {
	mkstream -n 8 --frames 4000 --bins 1 --speakers 4 --shift 0.0000625 >w.ser
	mkstream -n 8 --frames 12 --bins 3 --speakers 4 --shift 0.02 | ser-kmeans -k 5 --frames 100 --seed 1 | ser-join --fields units w.ser - >u.ser
	for w in 1 0 0.25; do
		ser-train hubert --proj 16 "${tuned[@]/wav2vec2/hubert}" --mask-span 3 --lr 0 -e 1 --dev-frac 0.3 --mask-weight $w --log $w.tsv -q -o $w.st u.ser
	done
	ser-train hubert --proj 16 "${tuned[@]/wav2vec2/hubert}" --mask-span 3 --lr 0 -e 1 --dev-frac 0.3 --log no.tsv -q -o no.st u.ser
	cmp 1.tsv no.tsv
	paste 1.tsv 0.tsv 0.25.tsv | awk -F'\t' 'NR == 1 {for (i = 1; i <= NF / 3; i++) at[$i] = i; n = NF / 3}
		NR > 1 {a = $at["loss"]; b = $(n + at["loss"]); c = $(2 * n + at["loss"]); same = $at["dev_accuracy"] == $(n + at["dev_accuracy"])}
		END {d = .25 * a + .75 * b - c; print a, b, c; exit !((a - b) ^ 2 > 1e-8 && d ^ 2 < 1e-9 && same)}'
	fails 2 'mask-weight' ser-train hubert "${tuned[@]/wav2vec2/hubert}" --mask-weight 1.5 -o x.st u.ser
}

@test "pretraining: hubert, wav2vec2 and data2vec give the same bytes for threads, interruptions and --recompute, and encoders to fine-tune" {
	mkstream -n 12 --frames 4000 --bins 1 --speakers 4 --shift 0.0000625 >w.ser
	mkstream -n 12 --frames 12 --bins 3 --speakers 4 --shift 0.02 | ser-kmeans -k 5 --frames 100 --seed 1 | ser-join --fields units w.ser - >u.ser
	net=("${tuned[@]/wav2vec2/hubert}" --dev-frac 0.3 --crop 0.2 --mask-span 3 -e 3)
	for k in "hubert --proj 16" "wav2vec2 --proj 16 --entries 6 --negatives 5" "data2vec --top 2 --ema 0.9"; do
		run=(ser-train $k "${net[@]}" -b 4 -q u.ser)
		"${run[@]}" -o a.st --log a.tsv --checkpoint a.ckpt
		"${run[@]}" -t 2 --recompute -o b.st --log b.tsv
		same_model a.st b.st
		cmp a.tsv b.tsv
		rm -f c.ckpt
		"${run[@]}" -o c.st --log c.tsv --checkpoint c.ckpt --checkpoint-every 1 &
		pid=$!
		while [ ! -e c.ckpt ]; do sleep 0.001; done
		kill -9 $pid || true
		wait $pid || true
		"${run[@]}" -o c.st --log c.tsv --checkpoint c.ckpt --checkpoint-every 1 --resume
		same_model a.st c.st
		cmp a.tsv c.tsv
		grep -q 'dev_accuracy\|dev_loss' a.tsv
		ser-model show a.ckpt | grep -q '^heads'
		ser-embed -m a.st w.ser >/dev/null
		ser-train classify -l emo --init a.st --layer-mix --freeze extractor --crop 0 -e 1 --time-masks 0 --freq-masks 0 -o f.st w.ser
		ser-predict -m f.st w.ser >/dev/null
	done
	fails 1 '"units"' ser-train hubert "${net[@]}" -o x.st w.ser
	fails 1 'no unit from 0' ser-train hubert "${net[@]}" --units feat -o x.st u.ser
	fails 2 'architecture convpool cannot' ser-train hubert --arch convpool -o x.st u.ser
	fails 2 'must be the first' ser-train classify -l emo "${tuned[@]}" -o x.st + hubert u.ser
	fails 2 'leaves none' ser-train data2vec "${net[@]}" --ema 0 -o x.st u.ser
	fails 2 'leaves nothing' ser-train hubert "${net[@]}" --init a.st --freeze all -o x.st u.ser
	fails 2 'which --head-pool takes away' ser-train hubert "${net[@]}" --head-pool mean -o x.st u.ser
}
