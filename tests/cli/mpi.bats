#!/usr/bin/env bats
# ser-train in several processes. Needs Open MPI's mpirun and a build that found it.
load helper

setup() {
	work
	command -v mpirun >/dev/null || skip "no mpirun"
	[ -e "$BINDIR/../libexec/ser/mpi.so" ] || skip "built without Open MPI"
	mkstream -n 60 --frames 30 --bins 10 --speakers 6 >d.ser
	# MPI's own leaks are not ours to find; one machine, no network
	export ASAN_OPTIONS=detect_leaks=0 OMPI_MCA_btl=self,vader OMPI_MCA_btl_vader_single_copy_mechanism=none \
		OMPI_MCA_oob_tcp_if_include=lo OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_rmaps_base_oversubscribe=1
	[ "$(id -u)" -ne 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
}

small=(--arch convpool --hyper channels=8 --hyper emb=8 --hyper att=4 --hyper blocks=2 --crop 0.2)

close() { # A.tsv B.tsv TOL: logs whose losses differ by less, and the gradients' norms, in which rounding grows soonest, by ten times it
	paste "$1" "$2" | awk -F'\t' -v tol="$3" 'NR == 1 {n = NF / 2; split($0, name)} NR > 1 {for (i = 4; i <= n; i++) {d = $i - $(i + n)
		if (d < 0) d = -d; if (!(d <= tol * (name[i] == "grad_norm" ? 10 : 1) * ($i > 1 ? $i : 1))) {print "epoch " $1 ", column " i ": " $i ", " $(i + n); exit 1}}}'
	[ "$(wc -l <"$1")" -eq "$(wc -l <"$2")" ]
}

# MODE ARGS...: fifty steps (an epoch is one), in one process and in two; then their losses, gradients' norms and validations
two() {
	ser-train "$1" --log 1.tsv "${@:2}" -o 1.st
	mpirun -n 2 ser-train "$1" --log 2.tsv "${@:2}" -o 2.st
	[ "$(wc -l <1.tsv)" -eq 51 ]
	close 1.tsv 2.tsv 1e-5
}

@test "classes: two processes with a half of each batch have the losses of one, batch norm included" {
	two classify -l emo "${small[@]}" -b 60 -e 50 --dev-frac 0.2 --class-weight balanced --smooth 0.1 --also spk:0.2 --adversarial fold:0.1 d.ser
	ser-model show --json 2.st | jq -e '.train.processes == 2' >/dev/null
	ser-predict -m 1.st d.ser >1.ser
	ser-predict -m 2.st d.ser | ser-cmp -q --atol 1e-3 - 1.ser
}

@test "values: the concordance is the whole batch's" {
	for loss in ccc mse; do
		two regress -l dur -l fold --loss $loss "${small[@]}" -b 60 -e 50 --dev-frac 0.2 --also emo:0.3 d.ser
	done
}

@test "motion: the concordance is that of all processes' frames, though one knows none" {
	net=(--arch blstm --hyper hidden=8 --hyper layers=1 --hyper dropout=0 --time-masks 0 --freq-masks 0)
	two motion --target feat "${net[@]}" --crop 0.2 -b 60 -e 50 --dev-frac 0.2 --also emo:0.3 d.ser
	two motion --target feat "${net[@]}" --crop 0.2 -b 60 --accumulate 2 -e 50 d.ser
	{
		ser-dump --header d.ser
		ser-head -n 2 d.ser | ser-dump -d | jq -c '.seen = {dtype: "<i2", shape: [.feat.shape[0]], data: [range(.feat.shape[0]) | if . < 3 then 1 else -1 end]}'
	} >seen.json
	ser-cat --from json seen.json >s.ser
	two motion --target feat --seen seen "${net[@]}" --crop 0.05 -b 2 -e 50 s.ser
}

@test "speakers, in parts" {
	two speaker "${small[@]}" -b 60 -e 50 --accumulate 3 --sub-centres 2 --dev-frac 0.2 d.ser
}

@test "contrastive: anchors see positives and negatives of the other process" {
	ser-train speaker "${small[@]}" -e 1 -o s.st d.ser
	ser-embed -m s.st d.ser | ser-kmeans --by spk -k 2 --seed 1 >clu.ser
	ser-pairs --by spk --seed 1 --positives 2 --negatives 3 <clu.ser >pairs.ser
	n=$(ser-dump pairs.ser | wc -l)
	two contrastive --pairs pairs.ser "${small[@]}" -b "$n" -e 50 --also spk:0.1 --dev-frac 0.3 d.ser
	two contrastive "${small[@]}" --batch-speakers 6 --batch-per-cluster 5 -e 50 clu.ser
}

@test "clap: records of all processes against all texts, whose encoder learns as in one" {
	ser-tokenize --train 300 --label emo -o tok.json d.ser 2>err
	text=(+ encoder --tokenizer tok.json --arch roberta --hyper dropout=0 --hyper attn_dropout=0)
	for h in vocab=300 dim=16 layers=1 heads=2 ffn=16 positions=40; do text+=(--hyper $h); done
	two clap -l emo --gender fold --gender-mode multitask "${small[@]}" --proj 8 --hidden 16 -b 60 -e 50 --lr 0.001 --dev-frac 0.3 "${text[@]}" d.ser
	two clap -l emo --gender fold "${small[@]}" --proj 8 --hidden 16 -b 60 -e 50 --lr 0.0005 --accumulate 3 "${text[@]}" d.ser
}

@test "pretraining on masked frames: units, contrasts, a teacher" {
	mkstream -n 24 --frames 3000 --bins 1 --speakers 6 --shift 0.0000625 >w.ser
	mkstream -n 24 --frames 9 --bins 3 --speakers 6 --shift 0.02 | ser-kmeans -k 5 --frames 100 --seed 1 | ser-join --fields units w.ser - >u.ser
	net=(--arch hubert --hyper dropout=0 --hyper attn_dropout=0)
	for h in dim=8 layers=2 heads=2 ffn=8 conv_dim=4 pos_groups=2 pos_kernel=8; do net+=(--hyper $h); done
	for k in "hubert --proj 16" "wav2vec2 --proj 16 --entries 4 --negatives 5 --diversity 0.5" "data2vec --top 2 --ema 0.9"; do
		two $k "${net[@]}" --mask-span 3 --crop 0 -b 24 -e 50 --dev-frac 0.3 u.ser
	done
}

@test "tasks in a chain, one with a sampler of its own" {
	ser-train speaker "${small[@]}" -e 1 -o s.st d.ser
	ser-embed -m s.st d.ser | ser-kmeans --by spk -k 2 --seed 1 >clu.ser
	two classify -l emo "${small[@]}" -b 60 -e 50 --dev-frac 0.2 + contrastive --batch-speakers 5 --batch-per-cluster 3 --loss supcon --weight 0.2 \
		+ regress -l dur --loss mse --weight 0.01 + classify --label fold --weight 0.1 --adversarial clu.ser
	two contrastive "${small[@]}" --batch-speakers 6 --batch-per-cluster 5 -e 50 --dev-frac 0.3 clu.ser
}

@test "a frozen encoder; odd shares of three processes; the same bytes again and with threads" {
	ser-train speaker "${small[@]}" -e 1 -o s.st d.ser
	run=(classify -l emo --init s.st --freeze all --hidden 8 -b 13 -e 4 --crop 0.2 d.ser)
	ser-train "${run[@]}" --log 1.tsv -o 1.st
	mpirun -n 3 ser-train "${run[@]}" --log 2.tsv -o 2.st
	close 1.tsv 2.tsv 1e-5
	mpirun -n 3 ser-train "${run[@]}" -t 2 --log 3.tsv -o 3.st
	cmp 2.tsv 3.tsv
	cmp 2.st 3.st
}

@test "killed and resumed: the same bytes; by one process, the same losses" {
	alone=(ser-train classify -l emo "${small[@]}" -b 12 -e 6 --dev-frac 0.3 --checkpoint-every 3 --resume d.ser)
	run=(mpirun -n 2 "${alone[@]}")
	"${run[@]}" -o a.st --log a.tsv --checkpoint a.ckpt
	"${run[@]}" -o c.st --log c.tsv --checkpoint c.ckpt 2>/dev/null &
	pid=$!
	while [ ! -e c.ckpt ]; do sleep 0.001; done
	kill -9 $pid || true
	wait $pid || true
	sleep 1 # its processes end with it
	cp c.ckpt d.ckpt
	cp c.tsv d.tsv
	"${run[@]}" -o c.st --log c.tsv --checkpoint c.ckpt
	cmp a.tsv c.tsv
	ser-model export -o a.plain a.st
	ser-model export -o c.plain c.st
	cmp a.plain c.plain
	"${alone[@]}" -o d.st --log d.tsv --checkpoint d.ckpt # or by another number of processes
	close a.tsv d.tsv 1e-5
}

@test "an error in any process ends all, without a model" {
	args=(classify -l emo "${small[@]}" -b 12 -e 1000 -o m.st)
	run -1 mpirun -n 1 ser-train "${args[@]}" d.ser : -n 1 ser-train "${args[@]}" nose.ser
	[[ $output == *"nose.ser: cannot open"* ]]
	mkstream -n 60 --frames 30 --bins 10 --speakers 6 --seed 2 >e.ser
	ser-head -n 59 d.ser >f.ser
	run -2 mpirun -n 1 ser-train "${args[@]}" d.ser : -n 1 ser-train "${args[@]}" f.ser
	[[ $output == *"not the same data"* ]]
	run -2 mpirun -n 2 ser-train "${args[@]}" <d.ser
	[[ $output == *"input must be files"* ]]
	run -2 mpirun -n 5 ser-train classify -l emo "${small[@]}" -b 4 -e 2 -o m.st d.ser
	[[ $output == *"cannot be shared by 5 processes"* ]]
	run -3 mpirun -n 2 ser-train "${args[@]}" --test-fold 1 d.ser
	run -1 mpirun -n 2 ser-train classify -l emo "${small[@]}" -b 8 --optimizer sgd --lr 1000 --clip 0 --warmup 0 --input-norm none \
		--checkpoint a.ckpt -o m.st d.ser
	[[ $output == *"ser-train: step "*"the batch was u0"* ]]
	[ ! -e m.st ]
	run -0 ls
	[[ $output != *.st* ]]
}

@test "without the plug-in: works alone, and refuses to be one of several" {
	mkdir -p alone/bin
	cp "$BINDIR/ser-train" alone/bin
	alone/bin/ser-train classify -l emo "${small[@]}" -e 1 -o m.st d.ser
	run ! grep -q libmpi <(ldd alone/bin/ser-train)
	OMPI_COMM_WORLD_SIZE=2 fails 1 "no MPI support" alone/bin/ser-train classify -l emo "${small[@]}" -e 1 -o n.st d.ser
	[ ! -e n.st ]
}
