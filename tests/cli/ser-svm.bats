#!/usr/bin/env bats
load helper

setup() {
	work
	"$ROOT"/tests/tools/mkser <"$ROOT"/tests/golden/ser-score.txt >all.ser
}

posteriors() { # NAME: as the golden file has them
	ser-predict -m m.st | ser-dump --data |
		jq -r --arg n "$1" '[$n, .id] + (.post.data | map(tostring)) | @tsv'
}

golden() { # NAME: is the table `got` that of the golden file? Numbers to 2e-4: the solvers stop at different tolerances
	grep "^$1" "$ROOT"/tests/golden/ser-svm.want >want
	[ "$(wc -l <got)" -eq "$(wc -l <want)" ]
	paste got want | awk -F'\t' '{
		n = NF / 2
		for (i = 1; i <= n; i++) {
			a = $i; b = $(i + n); d = a - b
			if (a != b && !((d < 0 ? -d : d) <= 2e-4 && a + 0 == a)) { print; bad = 1 }
		}
	} END { exit bad || NR == 0 }'
}

@test "the machines and the choice of the cost are scikit-learn's" {
	ser-svm --field emb -l emo --test-fold 0 -C 1,1e-3,1e-2,1e-1 --class-weight none --dev-folds 99 --tol 1e-10 -v -o m.st all.ser 2>says
	sed -nE 's/.*: C ([^:]*): UAR ([0-9.]*) .*/dev\t\1\t\2/p' says >got
	golden dev
	[ "$(grep -c 'taken' says)" -eq 1 ]

	ser-svm --class-weight none --field emb -l emo --test-fold 0 -C 0.1 --tol 1e-10 -o m.st all.ser
	ser-select 'fold == 0' all.ser | posteriors four >got
	golden four

	ser-select 'emo in ("anger", "joy")' all.ser >two.ser
	ser-svm --class-weight none --field emb -l emo --test-fold 0 -C 0.1 --tol 1e-10 -o m.st two.ser
	ser-select 'fold == 0' two.ser | posteriors two >got
	golden two
}

@test "logistic regression is scikit-learn's, with weights by class and without" {
	ser-svm --loss logistic --class-weight none --field emb -l emo --test-fold 0 -C 0.1 --tol 1e-7 -o m.st all.ser
	ser-select 'fold == 0' all.ser | posteriors logistic >got
	golden logistic
	ser-svm --loss logistic --field emb -l emo --test-fold 0 -C 0.1 --tol 1e-7 -o m.st all.ser
	ser-select 'fold == 0' all.ser | posteriors weighted >got
	golden weighted
}

@test "test speakers have no part in it, and scoring those trained on is refused" {
	ser-svm --field emb -l emo --test-fold 0 -o with.st all.ser
	ser-select 'fold != 0' all.ser >train.ser
	ser-svm --field emb -l emo -o without.st train.ser
	cmp <(ser-model show with.st | sed '1,/ser-svm/d') <(ser-model show without.st | sed '1,/ser-svm/d')
	ser-predict -m with.st all.ser >pred.ser
	ser-select 'fold == 0' pred.ser | ser-score classes --label emo | grep -q '^train_test_speaker_overlap  0'
	fails 3 'trained on and scored: s2 s3 s4 s5' ser-score classes --label emo pred.ser
}

@test "the model names the speakers that its features were learnt from" {
	ser-train speaker --field emb --arch mlp -e 1 -o spk.st all.ser
	ser-select 'emo != "joy"' all.ser | ser-embed -m spk.st --name vec >vec.ser
	ser-select 'spk in ("s0", "s1")' vec.ser | ser-svm --field vec -l emo -C 0.1 -o m.st
	fails 3 'trained on and scored: s4' ser-score classes --label emo <(ser-select 'spk == "s4"' vec.ser | ser-predict -m m.st)
	ser-select 'spk in ("s0", "s1")' vec.ser | ser-train classify --field vec -l emo --arch linear -e 1 -o m.st
	fails 3 'trained on and scored: s4' ser-score classes --label emo <(ser-select 'spk == "s4"' vec.ser | ser-predict -m m.st)
}

@test "one speaker, one class, frames, and speakers on both sides" {
	ser-select 'spk == "s1"' all.ser >one.ser
	ser-svm --field emb -l emo -o m.st one.ser 2>says
	grep -q 'a single speaker' says
	fails 1 'no record has the label "nosuch"' ser-svm --field emb -l nosuch -o no.st all.ser
	fails 1 'has 1 class among' ser-svm --field emb -l emo -o m.st <(ser-select 'emo == "joy"' all.ser)
	mkstream -n 6 >frames.ser
	fails 1 'expected one vector' ser-svm --field feat -l emo -o m.st frames.ser
	ser-fold kfold -k 2 --by id --label emo --allow-shared-speakers -q all.ser >shared.ser
	fails 3 'more than one side' ser-svm --field emb -l emo --test-fold 0 -o m2.st shared.ser
	[ ! -e m2.st ]
	fails 2 'cost' ser-svm --field emb -l emo -C 0 -o m.st all.ser
}

@test "the same bytes again; --input-norm, --class-weight and --seed have an effect" {
	ser-svm --field emb -l emo -o a.st all.ser
	ser-sort -r all.ser | ser-svm --field emb -l emo -o b.st
	cmp <(ser-model show a.st | sed '1,/ser-svm/d') <(ser-model show b.st | sed '1,/ser-svm/d')
	for opt in "--input-norm none" "--class-weight none" "--tol 0.5" "--loss logistic"; do
		ser-svm --field emb -l emo -C 0.01 $opt -o b.st all.ser
		! cmp -s <(ser-svm --field emb -l emo -C 0.01 -o c.st all.ser; ser-predict -m c.st all.ser | ser-dump --data) \
			<(ser-predict -m b.st all.ser | ser-dump --data) || false
	done
	ser-svm --field emb -l emo -v -o a.st all.ser 2>one
	ser-svm --field emb -l emo -v --seed 5 -o a.st all.ser 2>two
	! cmp -s one two || false
}

@test "progress: a fit for each cost and fold of speakers, and the last" {
	ser-svm --field emb -l emo -C 1,0.1,0.01 --dev-folds 3 --progress -o m.st all.ser 2>says
	grep -q 'fits 10/10' says
}

@test "progress: none on a terminal where nobody waits" {
	needs_terminal
	script -qec 'ser-svm --field emb -l emo -C 1,0.1,0.01 --dev-folds 3 -o m.st all.ser' /dev/null >tty
	[ ! -s tty ]
}

@test "what weighs most has the names of its columns, through tables, npz and normalisation" {
	printf 'id,emo,spk,F0_sma_amean,loud_p50,mfcc[1]_stddev\na,joy,x,9,1,2\nb,sad,x,1,1.1,1\nc,joy,y,9,1.08,1\nd,sad,y,1,1.1,2\n' |
		ser-cat --from csv --tensor func --label emo,spk >a.ser
	for f in csv arff opensmile-arff npz; do
		ser-cat --to $f -o x.$f a.ser
		if [ $f = csv ]; then o='--label emo,spk'; else o=; fi
		ser-cat --from $f --tensor func $o x.$f | ser-norm --field func --global | ser-svm -q -l emo -C 0.1 -o m.st
		same 'joy: +F0_sma_amean -loud_p50 mfcc[1]_stddev' bash -c "ser-model show m.st | sed -nE 's/^weights  *(joy.*)/\1/p' |
			sed -E 's/([-+])[0-9.e-]+ (F0|loud)/\1\2/g; s/[-+][0-9.e-]+ mfcc/mfcc/; s/,//g'"
	done
	# functionals of columns that are numbered, and no names at all
	printf '{"id":"a","emo":"joy","spk":"x","emb":[1,2]}\n{"id":"b","emo":"sad","spk":"y","emb":[2,1]}\n{"id":"c","emo":"joy","spk":"y","emb":[1,3]}\n{"id":"d","emo":"sad","spk":"x","emb":[3,1]}\n' |
		ser-cat --from json | ser-svm -q --field emb -l emo -C 0.1 -o m.st
	ser-model show m.st | grep -qE '^weights +joy: .*emb\.[01], .*emb\.[01]$'
}
