#!/usr/bin/env bats
bats_require_minimum_version 1.5.0

setup() {
	T=$BATS_TEST_TMPDIR
	DATA=$BATS_TEST_DIRNAME/../../../shared/data
}

real() { # skip unless this real corpus is there
	[ -d "$DATA/$1" ] || skip "no $1 in ../shared/data"
}

# 6 speakers s0..s5 in sessions 1..3, 8 utterances each, 2 labels, one text in two utterances
corpus() {
	printf 'id\tpath\tspk\temo\tsession\ttext\n'
	for s in 0 1 2 3 4 5; do for i in 0 1 2 3 4 5 6 7; do
		printf 'u%d%d\tw/u%d%d.wav\ts%d\t%s\t%d\tt%d\n' $s $i $s $i $s "$([ $((i % 2)) -eq 0 ] && echo joy || echo calm)" $((s / 2 + 1)) $((4 * s + i / 2))
	done; done
}

col() { # column $1 by name of the manifest on stdin, without the header
	awk -F'\t' -v c="$1" 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == c) k = i; next} {print $k}'
}

# A WAV file of four samples
wav() {
	printf 'RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\x08\0\0\0%-8.8s' "$1"
}

# A stream of two segments, four records with labels only; no sum in the trailer.
stream() {
	printf '\x83\xa3ser\x01\xa4prov\x90\xa4dims\x80'
	printf '\x83\xa2id\xa1a\xa3spk\xa1x\xa3emo\xa1j\x83\xa2id\xa1b\xa3spk\xa1y\xa3emo\xa1j\x81\xa3end\x02'
	printf '\x83\xa3ser\x01\xa4prov\x90\xa4dims\x80'
	printf '\x84\xa2id\xa1c\xa3spk\xa1x\xa3emo\xa1c\xa1q\xc3\x83\xa2id\xa1d\xa3spk\xa1z\xa3emo\xa1c\x81\xa3end\x02'
}

@test "ser-fold loso: a fold for each speaker, in bytewise order from 0; other columns stay" {
	corpus > "$T/m.tsv"
	run -0 ser-fold loso --by spk "$T/m.tsv"
	[ "${lines[0]}" = $'id\tpath\tspk\temo\tsession\ttext\tfold' ]
	[ "${lines[9]}" = $'u10\tw/u10.wav\ts1\tjoy\t1\tt4\t1' ]
	[ "${#lines[@]}" -eq 49 ]
	[ "$(ser-fold loso < "$T/m.tsv" | awk -F'\t' 'NR > 1 && $3 != "s" $7' | wc -l)" -eq 0 ]
	cmp <(ser-fold loso "$T/m.tsv") <(cat "$T/m.tsv" | ser-fold loso)
	ser-fold loso -o "$T/o.tsv" "$T/m.tsv"
	cmp "$T/o.tsv" <(ser-fold loso "$T/m.tsv")
}

@test "ser-fold logo: sessions, and a speaker in two of them is refused with status 3" {
	corpus > "$T/m.tsv"
	[ "$(ser-fold logo "$T/m.tsv" | col fold | sort | uniq -c | xargs)" = "16 0 16 1 16 2" ]
	sed 's/\ts5\t/\ts0\t/' "$T/m.tsv" > "$T/bad.tsv"
	run -3 --separate-stderr ser-fold logo "$T/bad.tsv"
	[ -z "$output" ]
	[[ $stderr == *"folds: 1 of 5 speakers is in more than one: s0"* ]]
	[[ $stderr == *"--allow-shared-speakers"* ]]
	run -0 --separate-stderr ser-fold logo --allow-shared-speakers "$T/bad.tsv"
	[[ $stderr == *"folds: 1 of 5 speakers is in more than one: s0"* ]]
	[ "${#lines[@]}" -eq 49 ]
}

@test "ser-fold kfold: speakers stay together, labels are balanced, the seed decides" {
	corpus > "$T/m.tsv"
	ser-fold kfold -k 3 "$T/m.tsv" > "$T/f.tsv"
	[ "$(awk -F'\t' 'NR > 1 {print $4, $7}' "$T/f.tsv" | sort | uniq -c | xargs)" = "8 calm 0 8 calm 1 8 calm 2 8 joy 0 8 joy 1 8 joy 2" ]
	[ "$(awk -F'\t' 'NR > 1 {print $3, $7}' "$T/f.tsv" | sort -u | wc -l)" -eq 6 ]
	cmp "$T/f.tsv" <(ser-fold kfold -k 3 --seed 0 "$T/m.tsv")
	for s in 1 2 3 4 5; do ser-fold kfold -k 3 --seed $s "$T/m.tsv" | md5sum; done > "$T/sums"
	[ "$(sort -u "$T/sums" | wc -l)" -gt 1 ]
	run -2 ser-fold kfold -k 7 "$T/m.tsv"
	[[ $output == *'6 different values of "spk" cannot fill 7 parts'* ]]
	run -3 ser-fold kfold -k 3 --by id "$T/m.tsv"
}

@test "ser-fold --test-fold, --dev-fold, --dev-frac: train, dev and test share no speaker" {
	corpus > "$T/m.tsv"
	ser-fold loso --test-fold 5 --dev-fold next "$T/m.tsv" > "$T/f.tsv"
	[ "$(awk -F'\t' 'NR > 1 {print $8, $3}' "$T/f.tsv" | sort -u | xargs)" = "dev s0 test s5 train s1 train s2 train s3 train s4" ]
	ser-fold loso --test-fold 2 --dev-fold 4 "$T/m.tsv" > "$T/f.tsv"
	[ "$(awk -F'\t' 'NR > 1 && $8 != "train" {print $8, $3}' "$T/f.tsv" | sort -u | xargs)" = "dev s4 test s2" ]
	ser-fold kfold -k 3 --test-fold 1 --dev-frac 0.25 "$T/m.tsv" > "$T/f.tsv"
	[ "$(col split < "$T/f.tsv" | sort | uniq -c | xargs)" = "8 dev 16 test 24 train" ]
	[ "$(awk -F'\t' 'NR > 1 {print $3, $8}' "$T/f.tsv" | sort -u | wc -l)" -eq 6 ]
	run -2 ser-fold loso --test-fold 6 "$T/m.tsv"
	run -2 ser-fold loso --test-fold 1 --dev-fold 1 "$T/m.tsv"
	run -2 ser-fold loso --test-fold 1 --dev-fold 9 "$T/m.tsv"
	run -2 ser-fold loso --dev-fold next "$T/m.tsv"
	run -2 ser-fold loso --test-fold 1 --dev-fold next --dev-frac 0.2 "$T/m.tsv"
}

@test "ser-fold holdout: fold 0 is held out" {
	corpus > "$T/m.tsv"
	ser-fold holdout --test-frac 0.34 --dev-frac 0.25 "$T/m.tsv" > "$T/f.tsv"
	[ "$(awk -F'\t' 'NR > 1 {print $7, $8}' "$T/f.tsv" | sort | uniq -c | xargs)" = "16 0 test 8 1 dev 24 1 train" ]
	[ "$(awk -F'\t' 'NR > 1 {print $3, $8}' "$T/f.tsv" | sort -u | wc -l)" -eq 6 ]
}

@test "ser-fold subset: nested, balanced, of the training data alone, whatever the order" {
	corpus > "$T/m.tsv"
	ser-fold subset --percent 10,50 "$T/m.tsv" > "$T/s.tsv"
	[ "$(awk -F'\t' 'NR > 1 {print $4, $7}' "$T/s.tsv" | sort | uniq -c | xargs)" = "2 calm 10 12 calm 100 10 calm 50 2 joy 10 12 joy 100 10 joy 50" ]
	(head -n 1 "$T/m.tsv"; tail -n +2 "$T/m.tsv" | tac) | ser-fold subset --percent 10,50 | tail -n +2 | sort | cmp - <(tail -n +2 "$T/s.tsv" | sort)
	ser-fold loso --test-fold 0 "$T/m.tsv" | ser-fold subset > "$T/t.tsv"
	[ "$(awk -F'\t' 'NR > 1 && $9 == "" {print $8}' "$T/t.tsv" | sort | uniq -c | xargs)" = "8 test" ]
	run -2 ser-fold subset --percent 50,10 "$T/m.tsv"
	run -2 ser-fold subset --percent 0 "$T/m.tsv"
}

@test "ser-fold --check-text and --check-audio: status 3 when both sides have the same" {
	corpus > "$T/m.tsv"
	run -0 ser-fold loso --check-text "$T/m.tsv"
	sed 's/\tt23$/\tt0/' "$T/m.tsv" > "$T/x.tsv"
	run -3 ser-fold loso --check-text "$T/x.tsv"
	[[ $output == *"folds: 1 of 23 texts is in more than one: t0"* ]]
	mkdir "$T/w"
	for f in $(col id < "$T/m.tsv"); do wav "$f" > "$T/w/$f.wav"; done
	run -0 --separate-stderr ser-fold loso --check-audio --root "$T" "$T/m.tsv"
	[ -z "$stderr" ]
	cp "$T/w/u00.wav" "$T/w/u01.wav"
	run -0 --separate-stderr ser-fold loso --check-audio --root "$T" "$T/m.tsv"
	[[ $stderr == *'"u00" and "u01" are the same recording'* ]]
	(wav u00; printf 'LIST\4\0\0\0note') > "$T/w/u50.wav" # other bytes, the same sound
	run -3 --separate-stderr ser-fold loso --check-audio --root "$T" "$T/m.tsv"
	[ -z "$output" ]
	[[ $stderr == *"folds: 1 of 46 recordings is in more than one: u00"* ]]
	run -1 ser-fold loso --check-audio "$T/m.tsv"
	sed "2s:\tw/:\t$T/w/:" "$T/m.tsv" > "$T/abs.tsv"
	run -1 ser-fold loso --check-audio --root w "$T/abs.tsv"
	[[ $output == *'abs.tsv:2: path "/'*'leads out of "w"'* ]]
	run -3 ser-fold loso --check-audio --root "$T" "$T/abs.tsv"
	cd "$T"
	run -1 ser-fold loso --check-audio --root . abs.tsv
	run -3 ser-fold loso --check-audio --root . --allow-absolute abs.tsv
	run -3 ser-fold loso --check-audio abs.tsv
}

@test "ser-fold published: lists of EmoBox' layout" {
	corpus | head -n 5 | sed 's/\ts0\tcalm/\ts1\tcalm/' > "$T/m.tsv"
	mkdir -p "$T/d/fold_1" "$T/d/fold_2"
	e() { printf '{"key": "x-%s", "dataset": "x", "wav": "a/%s.wav"}\n' "$1" "$1"; }
	(e u00; e u02) | tee "$T/d/fold_2/x_train_fold_2.jsonl" > "$T/d/fold_1/x_test_fold_1.jsonl"
	(e u01; e u03) | tee "$T/d/fold_2/x_test_fold_2.jsonl" > "$T/d/fold_1/x_train_fold_1.jsonl"
	run -0 ser-fold published "$T/d" "$T/m.tsv"
	[ "$(ser-fold published "$T/d" "$T/m.tsv" | col fold | xargs)" = "1 2 1 2" ]
	e u02 >> "$T/d/fold_1/x_train_fold_1.jsonl"
	run -1 ser-fold published "$T/d" "$T/m.tsv"
	[[ $output == *'"u02" is in this fold'\''s lists twice'* ]]
	(e u01; e zz) > "$T/d/fold_1/x_train_fold_1.jsonl"
	run -0 --separate-stderr ser-fold published --test-fold 1 "$T/d" "$T/m.tsv"
	[ "$(ser-fold published -q --test-fold 1 "$T/d" "$T/m.tsv" | cut -f8 | xargs -d '\n')" = "split test train test " ]
	[[ $stderr == *"1 entries of its lists are not in"* ]]
	(e u01; e u03) > "$T/d/fold_1/x_train_fold_1.jsonl"
	sed -i 's/\ts1\t/\ts0\t/' "$T/m.tsv"
	run -3 ser-fold published "$T/d" "$T/m.tsv"
	[[ $output == *"fold 1: training and test data: 1 of 1 speaker is in more than one: s0"* ]]
	run -2 ser-fold published ravdess:nosuch "$T/m.tsv"
	run -1 ser-fold published ravdess:emobox "$T/m.tsv"
	[[ $output == *'"u00": spk "s0" is in no fold of ravdess:emobox'* ]]
	run -2 ser-fold published
}

@test "ser-fold published: EmoBox' EmoDB shares all speakers, its RAVDESS none" {
	real folds
	real emodb
	real ravdess
	ser-prep emodb "$DATA/emodb" > "$T/e.tsv"
	run -3 --separate-stderr ser-fold published "$DATA/folds/emobox/emodb" "$T/e.tsv"
	[ "$(grep -c 'training and test data: 10 of 10 speakers are in more than one' <<< "$stderr")" -eq 5 ]
	[ "$(ser-fold published -q --allow-shared-speakers "$DATA/folds/emobox/emodb" "$T/e.tsv" | col fold | sort | uniq -c | xargs)" = "107 1 107 2 107 3 107 4 107 5" ]
	ser-prep ravdess "$DATA/ravdess" > "$T/r.tsv"
	run -0 --separate-stderr ser-fold published "$DATA/folds/emobox/ravdess" "$T/r.tsv"
	[ -z "$stderr" ]
	cmp <(ser-fold published "$DATA/folds/emobox/ravdess" "$T/r.tsv") <(ser-fold published ravdess:emobox "$T/r.tsv")
	run -0 --separate-stderr ser-fold loso --check-audio --root "$DATA" "$T/r.tsv"
	[ "$stderr" = 'ser-fold: "03-01-03-01-02-01-07" and "03-01-03-01-02-02-07" are the same recording' ]
}

@test "ser-fold: streams get the labels, everything else passes; a pipe gives the same bytes" {
	stream > "$T/s.ser"
	ser-fold loso --test-fold 1 "$T/s.ser" > "$T/o.ser"
	cmp "$T/o.ser" <(cat "$T/s.ser" | ser-fold loso --test-fold 1)
	[ "$(LC_ALL=C grep -aoP '\xa4fold[\x00-\x7f]' "$T/o.ser" | od -An -tx1 -w7 | awk '{print $6}' | xargs)" = "00 01 00 02" ]
	[ "$(LC_ALL=C grep -aoP '\xa5split.\K(train|dev|test)' "$T/o.ser" | xargs)" = "train test train train" ]
	[ "$(LC_ALL=C grep -aoc $'\xa1q\xc3' "$T/o.ser")" -eq 1 ]
	LC_ALL=C grep -aq -- '--test-fold=1' "$T/o.ser"
	run -1 ser-fold loso < <(head -c -1 "$T/s.ser")
	[[ $output == *"<stdin>"* ]]
	run -1 ser-fold kfold -k 2 --by nosuch "$T/s.ser"
	[[ $output == *'"a" has no nosuch'* ]]
}

@test "ser-fold: what is wrong with the input is said" {
	run -1 ser-fold loso < /dev/null
	corpus > "$T/m.tsv"
	run -1 ser-fold loso --by nosuch "$T/m.tsv"
	[[ $output == *'no column "nosuch"'* ]]
	sed '3s/\ts0\t/\t\t/' "$T/m.tsv" > "$T/x.tsv"
	run -1 ser-fold loso "$T/x.tsv"
	[[ $output == *'"u01" has no spk'* ]]
	head -n 3 "$T/m.tsv" > "$T/one.tsv"
	run -1 ser-fold loso "$T/one.tsv"
	run -1 ser-fold loso < <(head -c -1 "$T/m.tsv")
	[[ $output == *"the manifest was cut off"* ]]
	run -1 ser-fold loso "$T/nowhere"
	run -2 ser-fold
	run -2 ser-fold nosuch
	run -2 ser-fold loso "$T/m.tsv" "$T/m.tsv"
	run -1 ser-fold loso -o /dev/full "$T/m.tsv"
	run -1 bash -c "ser-fold loso '$T/m.tsv' > /dev/full"
}

@test "published: records of no list are not the next fold's development data" {
	cd "$T"
	for k in 1 2 3; do
		mkdir -p lists/fold_$k
		for j in 1 2 3; do
			w=train
			[ $j -eq $k ] && w=test
			printf '{"key":"u%d"}\n' $j >>lists/fold_$k/x_${w}_fold_$k.jsonl
		done
	done
	printf 'id\tpath\tspk\temo\nu0\ta\ts0\tx\nu1\tb\ts1\tx\nu2\tc\ts2\tx\nu3\td\ts3\tx\n' >m.tsv
	ser-fold published lists --test-fold 1 --dev-fold next m.tsv >out.tsv
	cut -f1,6 out.tsv
	[ "$(awk -F'\t' 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == "split") c = i} $c == "dev" {print $1}' out.tsv)" = u2 ]
}

@test "published folds of descriptions are EmoBox' lists, utterance by utterance" {
	lists=$DATA/folds
	cd "$T"
	[ -e "$lists/emobox-folds.tsv.gz" ] || skip "there are no lists"
	zcat "$lists/emobox-folds.tsv.gz" | awk -F'\t' '$3 == "test" && $1 !~ /^(emodb|iemocap)$/ {print $1 "\t" $2 "\t" $5}' >test.tsv
	fold_of() { awk -F'\t' -v key="$1" 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next} {print $at[key] "\t" $at["fold"]}' | sort -u; }
	for c in $(ser-prep --list | tail -n +2 | cut -d' ' -f1); do
		[[ $(ser-prep --describe "$c" | grep ^folds) == *emobox* ]] || continue
		echo "${c//-/}" >>compared
		awk -F'\t' -v c="${c//-/}" '$1 == c {sub("downloads/" c "/", "", $3); print $3 "\t" $2}' test.tsv | sort -u >want
		mkdir "$c"
		(cd "$c" && cut -f1 ../want | sed 's|^|./|; s|/[^/]*$||' | sort -u | tr '\n' '\0' | xargs -0 mkdir -p && cut -f1 ../want | tr '\n' '\0' | xargs -0 touch)
		ser-prep --strict --relative "$c" "$c" | ser-fold published -q "$c:emobox" | fold_of path | diff want - || { echo "$c"; false; }
	done
	# every corpus of several folds there, but EmoDB, whose folds share speakers, and IEMOCAP, whose folds are sessions
	diff <(sort compared) <(cut -f1,2 test.tsv | sort -u | cut -f1 | uniq -d)
	zcat "$lists/emobox-speakers.tsv.gz" "$lists/emobox-folds.tsv.gz" | awk -F'\t' '$1 != "iemocap" {next}
		NF == 3 {spk[$2] = $3; next} $3 == "test" {print spk[$4] "\t" $2}' | sort -u >want
	awk -F'\t' 'BEGIN {print "id\tpath\tspk\temo\tsession"} {print $1 "\t" $1 ".wav\t" $1 "\tx\t" substr($1, 5, 1)}' want >m.tsv
	ser-fold published -q iemocap:sessions m.tsv | fold_of spk | diff want -
}
