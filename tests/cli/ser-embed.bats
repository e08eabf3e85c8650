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
	fails 1 'd.ser: not a safetensors file' ser-embed -m d.ser d.ser
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
