#!/usr/bin/env bats
# Recipes that compare methods by seeds, on a few made sounds: every row of their reports is there, and no figure is missing.
load helper

setup() {
	work
	command -v espeak-ng >/dev/null || skip "espeak-ng is not installed"
	command -v jq >/dev/null || skip "jq is not installed"
}

recipe() { # NAME VARIABLE=VALUE...: NAME.mk with its output in out
	make --no-print-directory -s -C "$ROOT/pipelines" -f "$1.mk" TOOLS="$BINDIR" OUT="$PWD/out" N_BOOT=20 "${@:2}" report >report.txt
	cmp report.txt out/RESULTS.md
	! grep -n 'nan\|null' out/RESULTS.md || false
	grep -q 'shared with training: 0' out/RESULTS.md
	grep -qE '<h2 id="(scores|reports)">' out/report.html
	grep -q '<h2 id="training">' out/report.html
	! grep -q 'No picture' out/report.html || false
}

rows() { # METHOD...: each has a row with a score
	local m
	for m; do grep -qE "^\| $m \| -?[0-9]\.[0-9]{3} \|" out/RESULTS.md || { echo "no $m"; cat out/RESULTS.md; return 1; }; done
}

# BAVED's names: six speakers, two words, three levels that differ in pitch and loudness
baved() {
	local s w l
	for s in 10 11 12 13 14 15; do
		for w in 0 1; do
			mkdir -p "baved/$w"
			for l in 0 1 2; do espeak-ng -w "baved/$w/$s-m-21-$w-$l-$s$w$l.wav" -p $((20 + l * 25 + s % 3)) -a $((60 + 60 * l)) "good afternoon $w"; done
		done
	done
}

@test "chunks.mk: aggregates of chunks against whole utterances, and what an utterance costs" {
	baved
	recipe chunks DATA="$PWD" QUICK=1 FOLDS='0 1' CHANNELS=8 CHUNK_baved='frames=20 chunks=4' TRAIN='--epochs 2 --crop 0 --input-norm global' \
		NET_blstm='--arch blstm --hyper hidden=8'
	rows cnn-mean blstm
	# of so little, what is left of a time without the start may be nothing, and then it is no measure of others
	[ "$(grep -cE '^\| baved \| (cnn-mean|blstm) \| -?[0-9.]+ \| -?[0-9.]+ \| *[0-9.-]* *\| *[0-9.-]* *\|$' out/RESULTS.md)" -eq 2 ]
	recipe chunks DATA="$PWD" CORPORA=baved-emotions COSTS= SEEDS=1 FOLDS='0 1' CHANNELS=8 CHUNK_baved='frames=20 chunks=4' METHODS='cnn-mean cnn-gated' \
		TRAIN='--epochs 1 --crop 0 --input-norm global'
	rows cnn-mean cnn-gated
	grep -q '^| method | UAR |.* McNemar |$' out/RESULTS.md
	grep -qE '^\| cnn-gated \|.*\| [01]\.[0-9]{3} \| [01]\.[0-9]{3} \|$' out/RESULTS.md
	recipe chunks DATA="$PWD" CORPORA='baved baved-emotions' COSTS= SEEDS='1 2' FOLDS='0 1' CHANNELS=8 CHUNK_baved='frames=20 chunks=4' \
		METHODS='cnn-mean whole' TRAIN='--epochs 1 --crop 0 --input-norm global' # numbers and classes in one report
	[ "$(grep -c '^| method | CCC |.* p |$' out/RESULTS.md) $(grep -c '^| method | UAR |.* McNemar |$' out/RESULTS.md)" = '1 1' ]
	same $'ccc\nccc\nccc\nccc\nuar\nuar\nuar\nuar' awk -F'\t' 'NR > 1 {print $14}' out/results.tsv
}

@test "deepemocluster.mk: with clusters and without, with records that have no label, and with a head that is not trained" {
	baved
	recipe deepemocluster DATA="$PWD" QUICK=1 FOLDS='0 1' CORPORA='baved baved-emotions' CLUSTERS=3 CHUNK_baved='-m 31 -c 2' \
		NETWORK='--arch deepemocluster --hyper channels=1 --hyper emb=8 --input-norm global' TRAIN='--epochs 2 --batch 8 --crop 0'
	rows regress clusters unlabelled frozen
	[ "$(grep -c '^| frozen |' out/RESULTS.md) $(grep -c '^| method | CCC ' out/RESULTS.md) $(grep -c '^| method | UAR ' out/RESULTS.md)" = '2 1 1' ]
}

@test "penalty.mk: five ways to weigh a penalty that votes give" {
	local s c
	mkdir -p emodb/wav labels
	for s in 03 08 09 10; do
		for c in W E A F N T; do espeak-ng -w "emodb/wav/${s}a01${c}a.wav" -p $((30 + $(printf %d "'$c") % 40)) "good afternoon"; done
	done
	{
		echo '"","A","D","F","H","N","S","fileName","numResponses","agreement","emoVote"'
		for i in 1 2 3 4 5 6; do echo "\"$i\",$((i % 2)),$((i % 3)),1,2,$((i % 4)),1,\"100${i}_IEO_NEU_XX\",$((i % 2 + i % 3 + i % 4 + 4)),1,\"N\""; done
	} >labels/cremad-tabulatedVotes.csv
	recipe penalty DATA="$PWD" QUICK=1 FOLDS='0 1' TRAIN='--field func --arch mlp --hyper hidden=8 --epochs 2'
	rows none half one alone coupled
}

@test "motion.mk: faces out of speech, alone, beside visemes and emotion, and fed by them" {
	recipe motion QUICK=1 VOICES=3 SENTENCES=1 NETWORK='--arch blstm --hyper hidden=4' TRAIN='--epochs 2 --batch 4 --crop 0.5'
	rows single parallel fed
	grep -q 'made-faces' out/RESULTS.md
	grep -q '<h1>[^<]*nothing about people' out/report.html
	# EmoDB's visemes alone make no faces
	make --no-print-directory -n -C "$ROOT/pipelines" -f motion.mk TOOLS="$BINDIR" OUT="$PWD/visemes" DATA="$PWD" CORPORA=emodb report >plan
	grep -q "ser-report --title 'visemes of EmoDB, seed 1'" plan
	! grep -q 'ser-train motion\|made-faces' plan || false
	ser-predict -m out/made/fed-1-0.st out/made.ser | ser-face write --to openface -o faces -
	ser-face openface faces/*.csv 2>&1 | grep -q 'has no column' # points of the lower face alone are no whole face
	head -n 1 faces/m1-sad-0.csv | grep -q 'x_3, y_3, x_4'
}

@test "pretext.mk: energy, faces and action units before the emotions" {
	recipe pretext QUICK=1 VOICES=4 SENTENCES=1 SHARES=100 NETWORK='--arch convpool --hyper channels=4' PRETRAIN='--epochs 1' EPOCHS=2
	rows scratch energy faces
	[ "$(grep -c '^## made-100-' out/RESULTS.md)" -eq 2 ]
	grep -q '<h1>[^<]*nothing about people' out/report.html
	jq -e '.target == "activation" and (.speakers | length) == 2' out/made/targets-0.ser.face.json
}

@test "pretext.mk: RAVDESS' sounds and the tracking of its landmarks, by their own names" {
	mkdir faces
	for a in 01 02 03 04; do
		mkdir -p "ravdess/Actor_$a"
		for e in 03 04; do
			for s in 01 02; do
				n=01-$e-01-$s-01-$a
				espeak-ng -w "ravdess/Actor_$a/03-$n.wav" -p $((20 + 10#$a * 5 + 10#$e * 5)) "dogs are sitting by door $s"
				"$ROOT"/tests/tools/mkface -v format=openface -v seconds=$((1 + 10#$e % 2)) -v n=$((10#$s)) |
					awk '{for (i = 1; i <= split("01 02 04 05 07 09 15 20 23 26", u, " "); i++) $0 = $0 ", " (NR == 1 ? "AU" u[i] "_r" : 0)} 1' >"faces/01-$n.csv"
			done
		done
	done
	ser-prep -q ravdess "$PWD/ravdess" >faces/manifest.tsv
	recipe pretext QUICK=1 FACES="$PWD/faces" TRACKER='openface --id-prefix 01-=03-' SHARES=100 NETWORK='--arch convpool --hyper channels=4' \
		PRETRAIN='--epochs 1' EPOCHS=1
	rows scratch energy faces
	! grep -q made-faces out/RESULTS.md || false
	! grep -q 'nothing about people' out/report.html || false
	jq -e '(.speakers | length) == 2' out/made/targets-0.ser.face.json
}

@test "make demo-faces: motion and the pretexts, on faces made on the spot" {
	make --no-print-directory -n -C "$ROOT" demo-faces QUICK=1 PROGRESS= OUT="$PWD/out" FLAVOUR="$FLAVOUR" >plan
	for line in 'made-faces' 'ser-train motion' 'ser-train classify -l energy'; do
		grep -qF -- "$line" plan || { echo "no $line"; return 1; }
	done
}
