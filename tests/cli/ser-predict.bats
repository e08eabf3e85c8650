#!/usr/bin/env bats
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mkstream -n 30 --frames 20 --bins 10 >d.ser
	ser-train classify -l emo --also spk:0.5 --arch convpool --hyper channels=8 --hyper emb=6 -e 1 -o m.st d.ser
}

@test "posteriors that sum to one, and the greatest one's name" {
	ser-predict -m m.st --drop feat d.ser >p.ser
	ser-dump --data p.ser | jq -e -s 'map((.post.data | add - 1 | fabs < 1e-5) and
		.pred == (["angry","happy","neutral","sad"][.post.data | index(max)])) | all' >/dev/null
	[ "$(ser-dump p.ser | wc -l)" -eq 30 ]
}

@test "another head by name" {
	ser-predict -m m.st --head spk d.ser | ser-dump | jq -e -s 'map(.post.shape == [3]) | all' >/dev/null
	fails 1 'no classifier and no values "nose"' ser-predict -m m.st --head nose d.ser
	ser-train speaker --arch linear -e 1 -o s.st d.ser
	fails 1 'has no classifier' ser-predict -m s.st d.ser
}

@test "the score refuses speakers that the model was trained on" {
	ser-predict -m m.st d.ser >p.ser
	run --separate-stderr ser-score classes --label emo --n-boot 0 p.ser
	[ "$status" -eq 3 ]
	ser-train classify -l emo --test-fold 1 --allow-shared-speakers --arch linear -e 1 -o n.st d.ser
	ser-select 'spk == "02"' d.ser >test.ser
	ser-select 'spk != "02"' d.ser | ser-train classify -l emo --arch linear -e 1 -o n.st
	ser-predict -m n.st test.ser | ser-score classes --label emo --n-boot 0 >/dev/null
}

@test "the same bytes on one thread and two" {
	ser-predict -m m.st d.ser >p.ser
	ser-predict -m m.st -t 2 d.ser | cmp - p.ser
}

@test "values" {
	ser-train regress -l dur -l fold --arch mlp -e 2 -o v.st d.ser
	ser-predict -m v.st d.ser >p.ser
	ser-dump p.ser | jq -e -s 'map(.post.shape == [2] and has("pred") == false) | all' >/dev/null
	ser-train regress -l dur --arch mlp -e 2 -o v.st d.ser
	ser-predict -m v.st d.ser | ser-dump --data | jq -e -s 'map(.pred - .post.data[0] | fabs < 1e-5) | all' >/dev/null
}
