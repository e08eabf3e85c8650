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

@test "published tables: the differences and gains that are quoted of them are theirs" {
	# first is the column that Table 1 heads UAR; macro-F1 of the penalties, second micro-F1
	gains() { # SYSTEM: minus Emo-CLAP, points
		awk -F'\t' -v s="$1" '$1 == "gemo-clap" && $2 == "Emo-CLAP" {b[$3] = $4} $2 == s {x = x sprintf("%s%+.1f", x == "" ? "" : " ", $4 - b[$3])} END {print x}' "$ROOT/tests/golden/published.tsv"
	}
	same '+1.9 +0.7 +1.8 +3.1' gains SL-GEmo-CLAP
	same '+2.1 +0.9 +1.6 +2.7' gains ML-GEmo-CLAP
	quoted() { gains "$1" | sed -E 's/ /, /g; s/, ([^,]*)$/ and \1/'; }
	tr '\n' ' ' <"$ROOT/pipelines/gemo-clap-summary" | grep -qF -- "$(quoted SL-GEmo-CLAP) points as SL-GEmo-CLAP and $(quoted ML-GEmo-CLAP) as ML-GEmo-CLAP"
	same 5531 echo $((1636 + 1103 + 1084 + 1708)) # IEMOCAP's four classes
	relative() { # LABELS SYSTEM: of macro-F1, percent
		awk -F'\t' -v k="$1" -v s="$2" '$1 == "penalty" && $3 == k {v[$2] = $4} END {printf "%.2f\n", 100 * (v[s] - v["beta 1 alpha 0"]) / v["beta 1 alpha 0"]}' "$ROOT/tests/golden/published.tsv"
	}
	same 17.12 relative hard 'beta 1 alpha 1'
	same 12.79 relative multi-label 'beta 0 alpha 1'
	same 25.80 relative distribution 'beta 0 alpha 1'
	for k in hard multi-label distribution; do
		w='beta 0 alpha 1'
		[ $k != hard ] || w='beta 1 alpha 1'
		grep -q "(+$(relative $k "$w") %)" "$ROOT/pipelines/results/penalty/notes.md" || { echo "$k"; return 1; }
	done
}
