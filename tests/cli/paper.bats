#!/usr/bin/env bats
# The comparison of pretraining methods, whole, on a small corpus made by espeak-ng.
load helper

speech() { # DIR VOICES SENTENCES
	"$ROOT"/pipelines/demo-corpus "$@"
}

# A speaker encoder from the recordings of a folder.
encoder() { # DIR FILE
	ser-prep -q --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' "$1" |
		awk -F'\t' -v OFS='\t' 'NR > 1 {$3 = "'"$3"'" $3} {print}' |
		ser-wav2feat -q --num-mel-bins 40 | ser-train speaker --arch mlp -e 1 -q -o "$2"
}

paper() { # OUT WHAT...: few epochs, two folds, two shares
	local out=$1
	shift
	make --no-print-directory -j 2 -C "$ROOT"/pipelines -f paper-clusters.mk TOOLS="$BINDIR" OUT="$PWD/$out" ENCODER_ST="$PWD/enc.st" QUICK=1 \
		CORPORA=demo UNLABELLED=demo PREP_demo="ser-prep -q --pattern {spk}/{emo}_{text} --id {spk}_{emo}_{text} $PWD/audio" \
		FOLD_demo='kfold -k 2' FOLDS_demo='0 1' FRAMES='--kind fbank --num-mel-bins 40' CLUSTERS=2 SHARES='50 100' HEADLINE=50 \
		EPOCHS=1 PRETRAIN='--epochs 1' COSTS=1e-3,1e-2 N_BOOT=20 "$@"
}

@test "paper-clusters: every method, paired tests, figures; a test speaker in pretraining is found out" {
	speech audio 4 3
	speech others 6 2
	rm -r others/m[1-4]
	encoder others enc.st ''
	paper out report >log 2>&1 || { cat log; return 1; }
	for m in scratch speaker contrastive multitask adversarial embedding svm; do
		[ "$(grep -c "^| $m | [0-9.]* (" out/RESULTS.md)" -eq 1 ]
		[ "$(awk -F'\t' -v m=$m 'NR > 1 && $4 == m' out/results.tsv | wc -l)" -eq 2 ]
		[ $m = scratch ] || [ "$(awk -F'\t' -v m=$m 'NR > 1 && $4 == m && $5 == "scratch" && $9 != "" && $12 != ""' out/differences.tsv | wc -l)" -eq 2 ]
	done
	same 42 jq '.differences | length' out/results.json
	same '[0]' jq -c '[.results[].overlap] | unique' out/results.json
	same 48 jq '.results[0].n' out/results.json
	[ "$(grep -l '</svg>' out/figures/*.svg | wc -l)" -eq 3 ]
	grep -q 'no difference shown\|gain\|loss' out/RESULTS.md
	for m in scratch svm embedding; do grep -q "none-demo-$m" out/report.html; done

	# what the report says is what ser-score says of the predictions
	same "$(jq -r '.results[] | select(.method == "svm" and .share == 100) | .uar' out/results.json | cut -c1-8)" bash -c \
		'ser-score classes --label emo --tsv --n-boot 0 out/none/demo/svm-100.pred.ser | awk "\$2 == \"pooled.uar\" && \$3 == \"value\" {print \$4}" | cut -c1-8'

	# every stage says what it used: training, scoring, features
	[ "$(wc -l <out/cpu.log)" -gt 200 ]
	jq -e '.about.cpu_minutes > 0' out/results.json

	# the unlabelled speech has no labels, and nobody of the test fold
	ser-dump out/none/demo/fold-0/unlabelled.ser >pool
	[ "$(grep -c '"emo"' pool || true)" -eq 0 ]
	[ "$(jq -r .spk pool | sort -u | wc -l)" -eq 2 ]
	[ -z "$(comm -12 <(jq -r .spk pool | sort -u) <(ser-dump out/none/demo/fold-0/test.ser | jq -r .spk | sort -u))" ]

	# again: nothing is left to do but the report
	paper out report >log 2>&1
	[ "$(grep -c 'ser-train\|ser-svm' log || true)" -eq 0 ]

	# a test speaker among the unlabelled: the model that began with that encoder is not scored
	spk=$(ser-dump out/none/demo/fold-0/test.ser | head -n 1 | jq -r .spk)
	ser-train speaker --field func --arch mlp -e 1 -q -o leak.st out/none/unlabelled.ser
	ser-train classify -l emo --field func --init leak.st -e 1 -q -o leaked.st out/none/demo.ser --test-fold 0
	ser-select "spk == '$spk'" out/none/demo.ser | ser-predict -m leaked.st >leaked.ser
	fails 3 "trained on and scored: $spk" ser-score classes --label emo leaked.ser

	# and in the speaker encoder that the clusters come from: no report
	encoder audio enc.st demo-
	run paper leak report
	[ "$status" -ne 0 ]
	[[ $output == *'were trained on and scored: demo-'* ]]
	[ ! -e leak/RESULTS.md ]
}
