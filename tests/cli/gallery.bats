#!/usr/bin/env bats
# The short scripts of examples/, on a small spoken corpus.
load helper

setup() {
	work
	command -v espeak-ng >/dev/null && command -v parallel >/dev/null || skip "espeak-ng or parallel is not installed"
	"$ROOT"/pipelines/demo-corpus "$PWD/audio" 5 2
	ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' "$PWD/audio" >m.tsv
}

@test "examples/svm-baseline.sh and gallery.sh: scores, and a page with every picture" {
	"$ROOT"/examples/svm-baseline.sh m.tsv svm >scores.txt
	grep -q '^train_test_speaker_overlap  0' scores.txt
	grep -q '</svg>' svm/confusion.svg
	"$ROOT"/examples/gallery.sh m.tsv gallery
	[ "$(grep -c '<img' gallery/index.html)" -eq 8 ]
	[ "$(grep -l '</svg>' gallery/*.svg | wc -l)" -eq 8 ]
}

@test "examples/features.sh and kaldi.sh: what other programs read" {
	"$ROOT"/examples/features.sh m.tsv out
	[ "$(wc -l <out/egemaps.csv)" -eq 41 ]
	grep -q '^@attribute emo {angry,happy,neutral,sad}' out/egemaps.arff
	[ "$(wc -l <out/feats.scp)" -eq 40 ]
	ser-manifest --to kaldi -o data m.tsv
	"$ROOT"/examples/kaldi.sh data kaldi
	diff <(ser-cat --from scp kaldi/feats.scp | ser-dump --data) <(ser-select --fields feat true kaldi/cmvn.ser | ser-dump --data)
	cmp <(sort data/utt2emo) <(sort kaldi/data/utt2emo)
}

@test "examples/live.sh: posteriors from a microphone" {
	command -v jq >/dev/null || skip "jq is not installed"
	ser-wav2feat -q m.tsv | ser-train classify -q --label emo --arch convpool -e 1 -o live.st
	mkdir bin
	printf '#!/bin/sh\nexec cat %s/audio/m1/angry_01.wav\n' "$PWD" >bin/arecord
	chmod +x bin/arecord
	PATH=$PWD/bin:$PATH "$ROOT"/examples/live.sh live.st | ser-dump | jq -es 'length >= 2 and all(.pred != null)' >/dev/null
}

@test "examples/fine-tune.sh: an encoder of made weights, tuned, scored on a speaker left out; a second run goes on from the first" {
	EPOCHS=2 "$ROOT"/examples/fine-tune.sh "$ROOT"/tests/golden/import/wavlm m.tsv out >scores.txt
	grep -q '^train_test_speaker_overlap  0' scores.txt
	grep -q '</svg>' out/curve.svg
	[ "$(ser-dump --tsv spk out/pred.ser | tail -n +2 | sort -u | wc -l)" -eq 1 ]
	EPOCHS=2 "$ROOT"/examples/fine-tune.sh "$ROOT"/tests/golden/import/wavlm m.tsv out | cmp - scores.txt
}

@test "examples/zero-shot.sh: a class that no sound was trained on is asked for, and can be answered" {
	EPOCHS=5 "$ROOT"/examples/zero-shot.sh m.tsv out sad >scores.txt
	grep -q '^train_test_speaker_overlap  0' scores.txt
	[ "$(ser-dump --tsv emo out/train.ser | grep -c sad)" -eq 0 ]
	[ "$(ser-dump --tsv emo out/pred.ser | grep -c sad)" -eq 4 ]
	ser-info out/pred.ser | grep -q 'angry,happy,neutral,sad'
}

@test "examples/opensmile.sh: openSMILE's sets and names, and its tables again" {
	"$ROOT"/examples/opensmile.sh m.tsv out >scores.txt
	[[ $(head -n 1 out/egemaps.csv) == 'name;frameTime;F0semitoneFrom27.5Hz_sma3nz_amean;'* ]]
	[[ $(head -n 1 out/lld.csv) == 'name;frameTime;Loudness_sma3;'* ]]
	[ "$(grep -c '^@attribute.* numeric' out/compare.arff)" -eq 6373 ]
	grep -q '^train_test_speaker_overlap  0' scores.txt
}
