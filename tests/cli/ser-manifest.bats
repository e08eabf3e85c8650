#!/usr/bin/env bats
bats_require_minimum_version 1.5.0

setup() {
	T=$BATS_TEST_TMPDIR
	DATA=$BATS_TEST_DIRNAME/../../../shared/data
}

real() { # skip unless this real corpus is there
	[ -d "$DATA/$1" ] || skip "no $1 in ../shared/data"
}

# Columns in the order of their names, rows in the order of their ids: what two manifests say, however arranged.
canon() {
	awk -F'\t' 'NR == 1 {n = NF; for (i = 1; i <= n; i++) name[i] = $i} {for (i = 1; i <= n; i++) if ($i != "" && NR > 1) print $1 "\t" name[i] "\t" $i}' "$1" | sort
}

same() { # do two manifests say the same?
	cmp <(canon "$1") <(canon "$2")
}

whole() { # utterances that are files
	printf 'id\tpath\tspk\temo\tsex\ttext\tlang\tage\tscore\n'
	printf 'b-2\td/b 2.wav\ts1\tanger\tf\tDzień dobry, "ty"\tpl\t31\t0.5\n'
	printf 'b-1\td/b-1.wav\ts1\t\tf\t\tpl\t31\tx\n'
	printf 'a-1\t/abs/a-1.flac\ts0\tjoy\tm\t𝄞 [1-2]: back\\slash\tde\t\t\n'
}

parts() { # parts of files
	printf 'id\tpath\tspk\temo\trecording\tstart\tend\ttext\tsample_rate\tnum_samples\n'
	printf 'u1\tx/long.wav\ts1\tjoy\tlong\t0.5\t1.75\thello there\t16000\t160000\n'
	printf 'u2\tx/long.wav\ts2\tanger\tlong\t1.75\t10\tyes\t16000\t160000\n'
	printf 'u3\tx/short.wav\ts2\tanger\tshort\t0.123456789\t2\tno\t8000\t20000\n'
}

@test "ser-manifest: TSV to TSV puts id path spk emo first and checks" {
	printf 'emo\tid\tq\tpath\njoy\ta\t1\tw\n' > "$T/m.tsv"
	run -0 ser-manifest "$T/m.tsv"
	[ "$output" = $'id\tpath\tspk\temo\tq\na\tw\t\tjoy\t1' ]
	run -0 ser-manifest - < "$T/m.tsv"
	printf 'joy\ta\t1\tw\n' >> "$T/m.tsv"
	run -1 ser-manifest "$T/m.tsv"
	[[ $output == *'m.tsv:3: id "a" again, it was on line 2'* ]]
}

@test "ser-manifest: several manifests become one; prefixes keep their ids and speakers apart" {
	printf 'id\tpath\tspk\temo\tsex\n03a\ta.wav\t03\tjoy\tm\nx\tx.wav\t\tjoy\t\n' > "$T/a.tsv"
	printf 'id\tpath\tspk\temo\trecording\tstart\tend\n03a\tb.wav\t03\tcalm\trec\t0\t1\n' > "$T/b.tsv"
	run -1 ser-manifest "$T/a.tsv" "$T/b.tsv"
	[[ $output == *'id "03a" twice'* ]]
	for c in a b; do ser-manifest --utt-prefix $c- --spk-prefix $c- -o "$T/$c-.tsv" "$T/$c.tsv"; done
	run -0 ser-manifest "$T/a-.tsv" - < "$T/b-.tsv"
	[ "$output" = $'id\tpath\tspk\temo\tsex\trecording\tstart\tend
a-03a\ta.wav\ta-03\tjoy\tm\t\t\t
a-x\tx.wav\t\tjoy\t\t\t\t
b-03a\tb.wav\tb-03\tcalm\t\tb-rec\t0\t1' ]
	ser-manifest --to csv "$T/a-.tsv" > "$T/a.csv"
	ser-manifest --to csv "$T/b-.tsv" > "$T/b.csv"
	ser-manifest --from csv "$T/a.csv" "$T/b.csv" | cmp - <(echo "$output")
	ser-manifest --to kaldi -o "$T/ka" --spk-prefix x- "$T/b-.tsv"
	[ "$(cat "$T/ka/utt2spk")" = "b-03a x-b-03" ]
}

@test "ser-manifest: equal speaker names of two corpora are one speaker to the folds, prefixed ones are two" {
	printf 'id\tpath\tspk\temo\nu1\ta.wav\t03\tjoy\n' > "$T/a.tsv"
	printf 'id\tpath\tspk\temo\nu2\tb.wav\t03\tcalm\n' > "$T/b.tsv"
	run -1 ser-fold loso <(ser-manifest "$T/a.tsv" "$T/b.tsv")
	ser-manifest <(ser-manifest --spk-prefix a- "$T/a.tsv") <(ser-manifest --spk-prefix b- "$T/b.tsv") | ser-fold loso | cut -f 1,5 > "$T/out"
	cmp "$T/out" <(printf 'id\tfold\nu1\t0\nu2\t1\n')
}

@test "ser-manifest csv: there and back, quotes, commas" {
	whole > "$T/m.tsv"
	ser-manifest --to csv "$T/m.tsv" > "$T/m.csv"
	grep -qF 'b-2,d/b 2.wav,s1,anger,f,"Dzień dobry, ""ty""",pl,31,0.5' "$T/m.csv"
	ser-manifest --from csv "$T/m.csv" | cmp - "$T/m.tsv"
	gzip "$T/m.csv"
	ser-manifest --from csv "$T/m.csv.gz" | cmp - "$T/m.tsv"
	printf 'id,path\r\na,"x\ny"\r\n' > "$T/x.csv"
	run -1 ser-manifest --from csv "$T/x.csv"
	[[ $output == *'id "a"'*'holds a tab or a line end'* ]]
	printf 'id,path\na\n' > "$T/x.csv"
	run -1 ser-manifest --from csv "$T/x.csv"
	[[ $output == *'x.csv:2: 1 fields, expected 2'* ]]
	printf 'file\na\n' > "$T/x.csv"
	run -1 ser-manifest --from csv "$T/x.csv"
	[[ $output == *'x.csv:1: no column "path"; --columns path=NAME'* ]]
}

@test "ser-manifest csv: columns called otherwise, ids of their own, other separators" {
	printf 'id\tpath\tspk\temo\tduration\nu1\t/d/a b.wav\ts1\tjoy\t3.2\n' > "$T/want"
	printf 'ID,duration,wav,spk_id,label\nu1,3.2,/d/a b.wav,s1,joy\n' > "$T/x.csv"
	ser-manifest --from csv --columns id=ID,path=wav,spk=spk_id,emo=label "$T/x.csv" | cmp - "$T/want"
	tr , '\t' < "$T/x.csv" | ser-manifest --from csv --columns id=ID,path=wav,spk=spk_id,emo=label | cmp - "$T/want"
	sed 's/wav,spk/"wav";"spk/; s/_id/_id"/; s/,/;/g' "$T/x.csv" | ser-manifest --from csv --columns id=ID,path=wav,spk=spk_id,emo=label |
		cmp - "$T/want"
	# the file's name, with the start where several rows are of one
	printf 'file_name,emo,start\nx/a.wav,joy,0\nx/b.c.wav,sad,0\nx/a.wav,sad,1.5\n' > "$T/x.csv"
	[ "$(ser-manifest --from csv --columns path=file_name "$T/x.csv" | cut -f 1 | paste -sd ' ')" = 'id a_0 b.c a_1.5' ]
	printf 'path\nd/x/a.wav\nd/y/a.wav\nd/y/.b\n' > "$T/y.csv"
	[ "$(ser-manifest --from csv "$T/y.csv" | cut -f 1 | paste -sd ' ')" = 'id x_a y_a y_.b' ]
	printf 'path\na.wav\na.wav\n' | (run -1 ser-manifest --from csv && [[ $output == *'id "a_0" twice'* ]])
	printf 'path\na.wav\na.mp3\n' | (run -1 ser-manifest --from csv && [[ $output == *'id "a" twice'* ]])
	run -1 ser-manifest --from csv --columns path=wave "$T/x.csv"
	[[ $output == *'no column "wave"'* ]]
	run -1 ser-manifest --from csv --columns emo=file_name "$T/x.csv"
	[[ $output == *'both "file_name" and "emo"'* ]]
	run -2 ser-manifest --from csv --columns path "$T/x.csv"
	[[ $output == *'--columns: expected NAME=COLUMN,..., found "path"'* ]]
	run -2 ser-manifest --columns path=wav "$T/x.csv"
	[[ $output == *'--columns goes with --from=csv'* ]]
	# who gives the table itself is told
	run -1 ser-wav2feat < "$T/x.csv"
	[[ $output == *'no column "id"'*'ser-manifest --from csv reads it'* ]]
	printf 'file\tlabel\na\tb\n' | (run -1 ser-wav2feat && [[ $output == *'--columns takes another for it'* ]])
	printf 'RIFF\0\0\0\0WAVE\n' | (run -1 ser-wav2feat && [[ $output == *'a sound, expected a manifest: --stdin takes one'* ]])
}

@test "ser-manifest emobox: there and back, text in ASCII, nested values" {
	whole > "$T/m.tsv"
	ser-manifest --to emobox "$T/m.tsv" > "$T/m.jsonl"
	[ "$(head -n 1 "$T/m.jsonl")" = '{"key": "b-2", "wav": "d/b 2.wav", "emo": "anger", "spk": "s1", "sex": "f", "text": "Dzie\u0144 dobry, \"ty\"", "lang": "pl", "age": 31, "score": "0.5"}' ]
	grep -qF '\ud834\udd1e [1-2]: back\\slash' "$T/m.jsonl"
	ser-manifest --from emobox "$T/m.jsonl" > "$T/back.tsv"
	same "$T/m.tsv" "$T/back.tsv"
	ser-manifest --to emobox "$T/back.tsv" | cmp - "$T/m.jsonl"
	parts > "$T/p.tsv"
	ser-manifest --to emobox "$T/p.tsv" > "$T/p.jsonl"
	grep -q '"start_time": 0.123456789, "end_time": 2' "$T/p.jsonl"
	ser-manifest --from emobox "$T/p.jsonl" > "$T/back.tsv"
	same "$T/p.tsv" "$T/back.tsv"
	printf '{"key": "a", "wav": "w", "probs": [0.5, {"x": null}], "ok": true, "none": null}\n' | tee "$T/n.jsonl" | ser-manifest --from emobox > "$T/n.tsv"
	[ "$(sed -n 2p "$T/n.tsv")" = $'a\tw\t\t\t[0.5,{"x":null}]\ttrue\t' ]
	[ "$(ser-manifest --to emobox "$T/n.tsv")" = '{"key": "a", "wav": "w", "probs": [0.5,{"x":null}], "ok": true}' ]
}

@test "ser-manifest emobox: what its reader could not take back is not written so" {
	printf 'id\tpath\tspk\temo\tnum_samples\na\t\t\t\t99999999999999999999\n' > "$T/x.tsv"
	[ "$(ser-manifest --to emobox "$T/x.tsv")" = '{"key": "a", "wav": "", "num_samples": "99999999999999999999"}' ]
	ser-manifest --to emobox "$T/x.tsv" | ser-manifest --from emobox | cut -f 1,2,5 | cmp - <(cut -f 1,2,5 "$T/x.tsv")
}

@test "ser-manifest emobox: what is wrong is said with its line" {
	printf '{"key": "a", "wav": "w"}\n{"key": "b"}\n' > "$T/x.jsonl"
	run -1 ser-manifest --from emobox "$T/x.jsonl"
	[[ $output == *'x.jsonl:2: no "key" or no "wav"'* ]]
	printf '{"key": "a", "wav": "w"}\n{"key": "a", "wav": "w"}\n' > "$T/x.jsonl"
	run -1 ser-manifest --from emobox "$T/x.jsonl"
	[[ $output == *'id "a" twice'* ]]
	printf '{"key": "a", "wav": "w"\n' > "$T/x.jsonl"
	run -1 ser-manifest --from emobox "$T/x.jsonl"
	printf '{"key": "a", "key": "b", "wav": "w"}\n' > "$T/x.jsonl"
	run -1 ser-manifest --from emobox "$T/x.jsonl"
	printf '[1]\n' > "$T/x.jsonl"
	run -1 ser-manifest --from emobox "$T/x.jsonl"
	[[ $output == *'not a JSON object'* ]]
	printf '{"key": "a", "path": "p", "wav": "w"}\n' > "$T/x.jsonl"
	run -1 ser-manifest --from emobox "$T/x.jsonl"
	[[ $output == *'both "wav" and "path"'* ]]
	printf 'id\tpath\tkey\na\tb\tc\n' > "$T/x.tsv"
	run -1 ser-manifest --to emobox "$T/x.tsv"
	[[ $output == *'column "key" would be mistaken'* ]]
}

@test "ser-manifest emobox: EmoBox' own files come back byte for byte" {
	real folds
	for f in "$DATA"/folds/emobox/*/fold_*/*.jsonl; do
		ser-manifest --from emobox "$f" | ser-manifest --to emobox | cmp - "$f"
	done
}

@test "ser-manifest kaldi: whole files, there and back, sorted as Kaldi wants it" {
	whole | sed 's/b 2.wav/b-2.wav/' > "$T/m.tsv"
	ser-manifest --to kaldi -o "$T/k" "$T/m.tsv"
	[ "$(ls "$T/k" | xargs)" = "spk2gender spk2utt text utt2age utt2emo utt2lang utt2score utt2spk wav.scp" ]
	for f in "$T"/k/*; do LC_ALL=C sort -c "$f"; done
	[ "$(cat "$T/k/wav.scp")" = $'a-1 /abs/a-1.flac\nb-1 d/b-1.wav\nb-2 d/b-2.wav' ]
	[ "$(cat "$T/k/spk2utt")" = $'s0 a-1\ns1 b-1 b-2' ]
	[ "$(cat "$T/k/spk2gender")" = $'s0 m\ns1 f' ]
	ser-manifest --from kaldi "$T/k" > "$T/back.tsv"
	same "$T/m.tsv" "$T/back.tsv"
	ser-manifest --to kaldi -o "$T/k2" "$T/back.tsv"
	diff -r "$T/k" "$T/k2"
}

@test "ser-manifest kaldi: parts of recordings; a speaker of two sexes; leftovers" {
	parts > "$T/p.tsv"
	ser-manifest --to kaldi -o "$T/k" "$T/p.tsv"
	[ "$(cat "$T/k/wav.scp")" = $'long x/long.wav\nshort x/short.wav' ]
	[ "$(cat "$T/k/segments")" = $'u1 long 0.5 1.75\nu2 long 1.75 10\nu3 short 0.123456789 2' ]
	ser-manifest --from kaldi "$T/k" > "$T/back.tsv"
	same "$T/p.tsv" "$T/back.tsv"
	# an end that is not known
	printf 'u1 long 0 -1\nu2 long 3 -1\nu3 short 0 2\n' > "$T/k/segments"
	ser-manifest --from kaldi "$T/k" > "$T/back.tsv"
	[ "$(awk -F'\t' '$1 != "id" {print $1 ":" $6 ":" $7}' "$T/back.tsv" | xargs)" = "u1:: u2:3: u3:0:2" ]
	printf 'id\tpath\tspk\tsex\na\tx\ts\tm\nb\ty\ts\tf\n' > "$T/s.tsv"
	run -1 ser-manifest --to kaldi -o "$T/k" "$T/s.tsv"
	[[ $output == *'was there before and is not of this manifest'* ]]
	ser-manifest --to kaldi -o "$T/k3" "$T/s.tsv"
	[ "$(cat "$T/k3/utt2sex")" = $'a m\nb f' ]
}

@test "ser-manifest kaldi: commands are refused, or kept as they are where allowed; contradictions" {
	mkdir "$T/k"
	printf 'a sox x.wav -t wav - |\nb y.wav\n' > "$T/k/wav.scp"
	printf 'a s\nb s\n' > "$T/k/utt2spk"
	run -1 ser-manifest --from kaldi "$T/k"
	[[ $output == *'"a" is a command, "sox x.wav -t wav - |"'* ]]
	run -0 ser-manifest --from kaldi --allow-pipes "$T/k"
	[ "${lines[1]}" = $'a\tsox x.wav -t wav - |\ts\t' ]
	printf 'a x.wav\nb y.wav\n' > "$T/k/wav.scp"
	printf 's b a\n' > "$T/k/spk2utt"
	: > "$T/k/feats.scp"
	run -0 --separate-stderr ser-manifest --from kaldi "$T/k"
	[[ $stderr == *"feats.scp is not read"* ]]
	printf 's a\nr b\n' > "$T/k/spk2utt"
	run -1 ser-manifest --from kaldi "$T/k"
	[[ $output == *'spk2utt: "b" of speaker "r": utt2spk says otherwise'* ]]
	printf 's a\n' > "$T/k/spk2utt"
	run -1 ser-manifest --from kaldi "$T/k"
	[[ $output == *'spk2utt: 1 utterance, there are 2'* ]]
	rm "$T/k/spk2utt"
	printf 'c hello\n' > "$T/k/text"
	run -1 ser-manifest --from kaldi "$T/k"
	[[ $output == *'text: utterance "c" is not in wav.scp or segments'* ]]
	printf 'a s\na s\n' > "$T/k/utt2spk"
	run -1 ser-manifest --from kaldi "$T/k"
	[[ $output == *'"a" twice'* ]]
	printf 'id\tpath\tspk\na b\tx\ts\n' > "$T/x.tsv"
	run -1 ser-manifest --to kaldi -o "$T/k4" "$T/x.tsv"
	[[ $output == *'its id "a b" cannot be written'* ]]
	printf 'id\tpath\tspk\na\tx\t\n' > "$T/x.tsv"
	run -1 ser-manifest --to kaldi -o "$T/k4" "$T/x.tsv"
	run -2 ser-manifest --to kaldi "$T/x.tsv"
	run -2 ser-manifest --from kaldi < /dev/null
}

@test "ser-manifest lhotse: there and back, gzipped or not" {
	parts > "$T/p.tsv"
	ser-manifest --to lhotse -o "$T/c" "$T/p.tsv"
	[ "$(head -n 1 "$T/c_recordings.jsonl")" = '{"id": "long", "sources": [{"type": "file", "channels": [0], "source": "x/long.wav"}], "sampling_rate": 16000, "num_samples": 160000, "duration": 10.0, "channel_ids": [0]}' ]
	[ "$(wc -l < "$T/c_recordings.jsonl")" -eq 2 ]
	[ "$(head -n 1 "$T/c_supervisions.jsonl")" = '{"id": "u1", "recording_id": "long", "start": 0.5, "duration": 1.25, "channel": 0, "speaker": "s1", "text": "hello there", "custom": {"emotion": "joy"}}' ]
	ser-manifest --from lhotse "$T/c_supervisions.jsonl" "$T/c_recordings.jsonl" > "$T/back.tsv"
	same <(awk -F'\t' 'BEGIN {OFS = "\t"} {print $0, NR == 1 ? "dur" : $10 / $9}' "$T/p.tsv") "$T/back.tsv"
	ser-manifest --to lhotse --gz -o "$T/z" "$T/back.tsv"
	for w in recordings supervisions; do zcat "$T/z_$w.jsonl.gz" | cmp - "$T/c_$w.jsonl"; done
	ser-manifest --from lhotse "$T"/z_*.gz | cmp - "$T/back.tsv"
	whole > "$T/m.tsv"
	run -1 ser-manifest --to lhotse -o "$T/m" "$T/m.tsv"
	[[ $output == *'lhotse needs columns sample_rate and num_samples'* ]]
	awk -F'\t' 'BEGIN {OFS = "\t"} {print $0, NR == 1 ? "sample_rate\tnum_samples\tdur" : "44100\t12345\t0.279931973"}' "$T/m.tsv" > "$T/w.tsv"
	ser-manifest --to lhotse -o "$T/m" "$T/w.tsv"
	ser-manifest --from lhotse "$T"/m_*.jsonl > "$T/back.tsv"
	same "$T/w.tsv" "$T/back.tsv"
}

@test "ser-manifest lhotse: cuts, commands, what cannot be held" {
	R='"sources": [{"type": "file", "channels": [0], "source": "r.wav"}], "sampling_rate": 8000, "num_samples": 80000, "duration": 10.0'
	echo '{"id": "c", "start": 2.0, "duration": 3.0, "channel": 0, "supervisions": [{"id": "s", "recording_id": "r", "start": 0.5, "duration": 1.0, "channel": 0, "gender": "F", "alignment": {"word": [["a", 0.1, 0.2, null]]}}], "features": {"type": "fbank"}, "recording": {"id": "r", '"$R"'}, "type": "MonoCut"}' > "$T/cuts.jsonl"
	run -0 --separate-stderr ser-manifest --from lhotse "$T/cuts.jsonl"
	[ "${lines[1]}" = $'s\tr.wav\t\t\tr\tf\t{"word":[["a",0.1,0.2,null]]}\t2.5\t3.5\t8000\t80000\t10' ]
	[[ $stderr == *"features are not read"* ]]
	S='{"id": "s", "recording_id": "r", "start": 0, "duration": 10, "channel": 0}'
	(echo "$S"; echo '{"id": "r", '"${R/file/command}"'}') > "$T/x.jsonl"
	run -1 ser-manifest --from lhotse "$T/x.jsonl"
	[[ $output == *'x.jsonl:2: recording "r" is a command'* ]]
	run -0 ser-manifest --from lhotse --allow-pipes "$T/x.jsonl"
	[ "${lines[1]}" = $'s\tr.wav |\t\t\tr\t8000\t80000\t10' ]
	(echo "$S"; echo '{"id": "r", '"${R/\[0\]/[0, 1]}"'}') > "$T/x.jsonl"
	run -1 ser-manifest --from lhotse "$T/x.jsonl"
	[[ $output == *'more than one source or channel'* ]]
	(echo "$S"; echo '{"id": "q", '"$R"'}') > "$T/x.jsonl"
	run -1 ser-manifest --from lhotse "$T/x.jsonl"
	[[ $output == *'there is no recording "r"'* ]]
	echo '{}' > "$T/x.jsonl"
	run -1 ser-manifest --from lhotse "$T/x.jsonl"
	parts | sed 's/\t160000$/\t1600/' > "$T/p.tsv"
	run -0 ser-manifest --to lhotse -o "$T/c" "$T/p.tsv"
	parts | awk -F'\t' 'BEGIN {OFS = "\t"} {print $0, NR == 1 ? "dur" : 3}' > "$T/p.tsv"
	run -1 ser-manifest --to lhotse -o "$T/c" "$T/p.tsv"
	[[ $output == *'id "u1": dur 3 is not num_samples / sample_rate, 10'* ]]
}

@test "ser-manifest audformat: index, timedeltas, names; there and back" {
	whole > "$T/m.tsv"
	ser-manifest --to audformat "$T/m.tsv" > "$T/m.csv"
	[ "$(head -n 2 "$T/m.csv")" = $'file,id,speaker,emotion,gender,text,language,age,score\nd/b 2.wav,b-2,s1,anger,female,"Dzień dobry, ""ty""",pl,31,0.5' ]
	ser-manifest --from audformat "$T/m.csv" > "$T/back.tsv"
	same "$T/m.tsv" "$T/back.tsv"
	parts > "$T/p.tsv"
	ser-manifest --to audformat "$T/p.tsv" > "$T/p.csv"
	[ "$(sed -n 2p "$T/p.csv")" = "x/long.wav,0 days 00:00:00.500000,0 days 00:00:01.750000,u1,s1,joy,long,hello there,16000,160000" ]
	grep -q '^x/short.wav,0 days 00:00:00.123456789,0 days 00:00:02,u3' "$T/p.csv"
	ser-manifest --from audformat "$T/p.csv" > "$T/back.tsv"
	same "$T/p.tsv" "$T/back.tsv"
	# ids that are the files' names need no column
	printf 'file,emotion,speaker\na/x.wav,joy,1\na/y.wav,,2\n' > "$T/a.csv"
	ser-manifest --from audformat "$T/a.csv" > "$T/a.tsv"
	[ "$(sed -n 2p "$T/a.tsv")" = $'x\ta/x.wav\t1\tjoy' ]
	ser-manifest --to audformat "$T/a.tsv" | sort | cmp - <(printf 'file,speaker,emotion\na/x.wav,1,joy\na/y.wav,2,\n' | sort)
	printf 'file,start,end,emotion\na/x.wav,0 days 00:00:00,NaT,joy\na/y.wav,1 days 01:01:01.25,,fear\na/y.wav,0 days 00:00:00,0 days 00:00:02,fear\n' > "$T/a.csv"
	ser-manifest --from audformat "$T/a.csv" > "$T/a.tsv"
	[ "$(awk -F'\t' 'NR > 1 {print $1 ":" $5 ":" $6}' "$T/a.tsv" | xargs)" = "x:: y_90061.25:90061.25: y_0:0:2" ]
	ser-manifest --to audformat "$T/a.tsv" | ser-manifest --from audformat | cmp - "$T/a.tsv"
	# as pandas and Python shorten them
	printf 'file,start,end\na,0 days,2 days\nb,1 day 00:00:01,NaT\n' > "$T/x.csv"
	same <(ser-manifest --from audformat "$T/x.csv" | cut -f 1,5,6) <(printf 'id\tstart\tend\na\t0\t172800\nb\t86401\t\n')
	printf 'file,start,end\na,0 days,00:00:12' > "$T/x.csv" # may have been 00:00:12.5
	run -1 ser-manifest --from audformat "$T/x.csv"
	[[ $output == *'the file was cut off'* ]]
	printf '\xef\xbb\xbf{"key": "x", "wav": "x.wav", "emo": "joy"}' > "$T/x.jsonl" # a bracket is an end
	run -0 ser-manifest --from emobox "$T/x.jsonl"
	mkfifo "$T/p"
	run -1 ser-manifest --from emobox "$T/p"
	[[ $output == *'p: is not a regular file'* ]]
	printf 'file,start,end\na,1.5,2\n' > "$T/x.csv"
	run -1 ser-manifest --from audformat "$T/x.csv"
	[[ $output == *'row 1: start "1.5" is no timedelta'* ]]
	for d in '0 days -1:00:00' '+1 days 00:00:00' '106751 days 00:00:00' '1 days 24:00:00' '-1 days' '1 dayss' 'days'; do
		printf 'file,start,end\na,%s,NaT\n' "$d" > "$T/x.csv"
		run -1 ser-manifest --from audformat "$T/x.csv"
		[[ $output == *'is no timedelta'* ]]
	done
	printf 'file,emotion,emo\na,1,2\n' > "$T/x.csv"
	run -1 ser-manifest --from audformat "$T/x.csv"
	[[ $output == *'both "emotion" and "emo"'* ]]
}

@test "ser-manifest: speakers of one name in several corpora are told apart, or it is said that they are not" {
	printf 'id\tpath\tspk\temo\na1\tx\t03\tjoy\n' > "$T/a.tsv"
	printf 'id\tpath\tspk\temo\nb1\ty\t03\tfear\nb2\tz\t04\tfear\n' > "$T/b.tsv"
	run -0 --separate-stderr ser-manifest "$T/a.tsv" "$T/b.tsv"
	[[ $stderr == *'1 speaker, such as "03", is in several of the files and taken for the same people'* ]]
	run -0 --separate-stderr ser-manifest --corpus emodb,savee "$T/a.tsv" "$T/b.tsv"
	[ -z "$stderr" ]
	[ "$(cut -f 1,3 <<< "$output" | tail -n +2 | paste -sd ' ')" = $'emodb-a1\temodb-03 savee-b1\tsavee-03 savee-b2\tsavee-04' ]
	# the column alone does it, and once more changes nothing
	ser-manifest --corpus emodb,savee "$T/a.tsv" "$T/b.tsv" > "$T/c.tsv"
	ser-manifest "$T/c.tsv" <(ser-manifest --corpus tess "$T/a.tsv") > "$T/d.tsv"
	[ "$(cut -f 1,3 "$T/d.tsv" | tail -n 1)" = $'tess-a1\ttess-03' ]
	[ "$(head -4 "$T/d.tsv")" = "$(cat "$T/c.tsv")" ]
	run -2 ser-manifest --corpus emodb "$T/a.tsv" "$T/b.tsv"
	# a corpus that ser-prep knows says its name
	mkdir -p "$T/e/wav" "$T/s"; : > "$T/e/wav/03a01Fa.wav"; : > "$T/s/DC_a01.wav"
	ser-manifest <(ser-prep -q emodb "$T/e") <(ser-prep -q savee "$T/s") > "$T/p.tsv"
	[ "$(cut -f 1,3 "$T/p.tsv" | tail -n +2 | paste -sd ' ')" = $'emodb-03a01Fa\temodb-03 savee-DC_a01\tsavee-DC' ]
}

@test "ser-manifest --votes, --label: plurality, multi-hot, distribution" {
	cat > "$T/votes.csv" <<'X'
"","A","D","F","H","N","S","fileName","numResponses"
"100001",0,0,0,1,3,0,"u1",4
"100002",2,0,2,0,0,0,"u2",4
"200001",4,0,0,0,0,0,"u1",4
X
	printf 'id\tpath\tspk\temo\nu1\tx\ts\tneutral\nu2\ty\ts\tfear\nu3\tz\ts\tjoy\n' > "$T/m.tsv"
	run -0 --separate-stderr ser-manifest --votes "$T/votes.csv" --label plurality "$T/m.tsv"
	[ "${lines[0]}" = $'id\tpath\tspk\temo\tvote.anger\tvote.disgust\tvote.fear\tvote.happiness\tvote.neutral\tvote.sadness' ]
	[ "${lines[1]}" = $'u1\tx\ts\tneutral\t0\t0\t0\t1\t3\t0' ]
	[ "${lines[2]}" = $'u2\ty\ts\t\t2\t0\t2\t0\t0\t0' ]
	[[ $stderr == *"1 of 3 utterances have no votes"* && $stderr == *"1 of 3 utterances have two emotions with most votes"* ]]
	[ "$(ser-manifest -q --votes "$T/votes.csv" --modality face --label plurality "$T/m.tsv" | cut -f4 | xargs -d '\n')" = "emo anger  " ]
	[ "$(ser-manifest -q --votes "$T/votes.csv" --label multi-hot "$T/m.tsv" | cut -f11- | sed -n 2,3p)" = $'0\t0\t0\t1\t1\t0\n1\t0\t1\t0\t0\t0' ]
	[ "$(ser-manifest -q --votes "$T/votes.csv" --label multi-hot --threshold 0.25 "$T/m.tsv" | cut -f11- | sed -n 2p)" = $'0\t0\t0\t0\t1\t0' ]
	[ "$(ser-manifest -q --votes "$T/votes.csv" --label distribution "$T/m.tsv" | cut -f11- | sed -n 2,4p)" = $'0\t0\t0\t0.25\t0.75\t0\n0.5\t0\t0.5\t0\t0\t0\n\t\t\t\t\t' ]
	run -1 ser-manifest --label plurality "$T/m.tsv"
	[[ $output == *"0 columns vote.X"* ]]
	run -1 ser-manifest --votes <(sed 's/"u1",4/"u1",5/' "$T/votes.csv") "$T/m.tsv"
	[[ $output == *'votes: "u1" has 4 of them, numResponses is "5"'* ]]
	run -1 ser-manifest --votes <(sed 's/2,0,2/2,0,-2/' "$T/votes.csv") "$T/m.tsv"
	[[ $output == *'votes: "u2": column F'* ]]
}

@test "ser-manifest --vote-columns: another table, of commas or tabs, of numbers or shares" {
	printf 'file,rater,Ang,Fea\nu2,x,.25,.75\nu1,y,2,1\n' > "$T/v.csv"
	printf 'id\tpath\tspk\temo\nu1\tx\ts\tneutral\nu2\ty\ts\tfear\n' > "$T/m.tsv"
	local of=(--vote-columns id=file,anger=Ang,fear=Fea "$T/m.tsv")
	[ "$(ser-manifest --votes "$T/v.csv" "${of[@]}")" = $'id\tpath\tspk\temo\tvote.anger\tvote.fear\nu1\tx\ts\tneutral\t2\t1\nu2\ty\ts\tfear\t.25\t.75' ]
	[ "$(ser-manifest --votes <(tr , '\t' < "$T/v.csv") --label plurality "${of[@]}" | cut -f 4 | paste -sd ' ')" = 'emo anger fear' ]
	run -1 ser-manifest --votes "$T/v.csv" --vote-columns anger=Ang,fear=Fea "$T/m.tsv"
	[[ $output == *'votes: no column "id"; there are: file rater Ang Fea' ]]
	run -1 ser-manifest --votes <(sed 's/\.25/-1/' "$T/v.csv") "${of[@]}"
	[[ $output == *'votes: "u2": column Ang: '* ]]
	run -2 ser-manifest --votes "$T/v.csv" --vote-columns anger=Ang "$T/m.tsv"
	[[ $output == *'at least 2 emotions are needed'* ]]
	run -2 ser-manifest --votes "$T/v.csv" --vote-columns anger=Ang,fear "$T/m.tsv"
	[[ $output == *'expected EMOTION=COLUMN,..., found "fear"'* ]]
	run -2 ser-manifest --vote-columns anger=Ang,fear=Fea "$T/m.tsv"
	run -2 ser-manifest --votes "$T/v.csv" --modality face "${of[@]}"
}

@test "ser-manifest --votes: CREMA-D's own plurality, for each modality" {
	real labels
	awk -F'"' 'BEGIN {print "id\tpath"} NR > 1 {print $4 "\tx.wav"}' "$DATA/labels/cremad-summaryTable.csv" > "$T/m.tsv"
	for m in 1=voice 2=face 3=both; do
		ser-manifest -q --votes "$DATA/labels/cremad-tabulatedVotes.csv" --modality "${m#*=}" --label plurality "$T/m.tsv" |
			awk -F'\t' 'NR > 1 {print $1, $4 == "" ? "tie" : toupper(substr($4, 1, 1))}' | sort > "$T/ours"
		awk -F, -v m="${m%=*}" '{gsub(/"/, "")} substr($1, 1, 1) == m {print $8, (length($11) > 1 ? "tie" : $11)}' "$DATA/labels/cremad-tabulatedVotes.csv" | sort > "$T/theirs"
		[ "$(wc -l < "$T/theirs")" -eq 7442 ]
		cmp "$T/ours" "$T/theirs"
	done
}

@test "ser-manifest --probe: length and rate of the files" {
	printf 'RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\x08\0\0\0abcdefgh' > "$T/a.wav"
	printf 'id\tpath\na\ta.wav\n' > "$T/m.tsv"
	run -0 ser-manifest --probe --root "$T" "$T/m.tsv"
	[ "${lines[1]}" = $'a\ta.wav\t\t\t8000\t4\t0.0005' ]
	run -1 ser-manifest --probe "$T/m.tsv"
	printf 'id\tpath\na\t../%s/a.wav\n' "$(basename "$T")" > "$T/up.tsv"
	run -1 ser-manifest --probe --root "$T" "$T/up.tsv"
	[[ $output == *'leads out of'* ]]
	run -0 ser-manifest --probe --root "$T" --allow-absolute "$T/up.tsv"
	run -2 ser-manifest --allow-absolute "$T/m.tsv"
}

@test "ser-manifest: real corpora through every format and back" {
	real emodb
	ser-prep emodb "$DATA/emodb" | ser-manifest --probe > "$T/m.tsv"
	for f in csv emobox audformat; do
		ser-manifest --to $f "$T/m.tsv" | ser-manifest --from $f > "$T/back.tsv"
		same "$T/m.tsv" "$T/back.tsv"
	done
	ser-manifest --to kaldi -o "$T/k" "$T/m.tsv"
	ser-manifest --from kaldi "$T/k" > "$T/back.tsv"
	same "$T/m.tsv" "$T/back.tsv"
	ser-manifest --to lhotse --gz -o "$T/l" "$T/m.tsv"
	ser-manifest --from lhotse "$T"/l_*.jsonl.gz > "$T/back.tsv"
	same "$T/m.tsv" "$T/back.tsv"
}

@test "ser-manifest: usage, full disk, cut gzip" {
	whole > "$T/m.tsv"
	run -2 ser-manifest --from nosuch "$T/m.tsv"
	run -2 ser-manifest --from kaldi "$T" -
	run -2 ser-manifest --gz "$T/m.tsv"
	run -2 ser-manifest --modality face "$T/m.tsv"
	run -2 ser-manifest --root x "$T/m.tsv"
	run -1 ser-manifest -o /dev/full "$T/m.tsv"
	run -1 bash -c "ser-manifest '$T/m.tsv' > /dev/full"
	run -1 ser-manifest "$T/nowhere"
	run -1 ser-manifest --from csv "$T/nowhere"
	ser-manifest --to csv "$T/m.tsv" | gzip | head -c -12 > "$T/cut.csv.gz"
	run -1 ser-manifest --from csv "$T/cut.csv.gz"
	run -1 ser-manifest --from emobox "$T/cut.csv.gz"
}

@test "ser-manifest: what the manual pages bound is bounded" {
	long() { head -c "$1" /dev/zero | tr '\0' x; }
	# a name, an id, a line, columns: what is just within is read back, what is beyond is neither read nor written
	printf 'id\tpath\t%s\na\tb\tc\n' "$(long 255)" | ser-manifest | ser-manifest > /dev/null
	printf 'id\tpath\t%s\na\tb\tc\n' "$(long 256)" | (run -1 ser-manifest && [[ $output == *'longer than 255 bytes'* ]])
	printf '{"key":"a","wav":"b","%s":1}\n' "$(long 256)" | (run -1 ser-manifest --from emobox && [[ $output == *'1 to 255 bytes, not 256'* ]])
	printf 'id\tpath\n%s\tb\n' "$(long 1023)" | ser-manifest > /dev/null
	printf 'id\tpath\n%s\tb\n' "$(long 1024)" | (run -1 ser-manifest && [[ $output == *'longer than 1023 bytes'* ]])
	printf '{"key":"%s","wav":"b"}\n' "$(long 1024)" > "$T/id.jsonl"
	run -1 ser-manifest --from emobox "$T/id.jsonl"
	(printf 'id\tpath\na\t'; long 1048571; echo) | ser-manifest | ser-manifest > /dev/null
	(printf 'id\tpath\na\t'; long 1048575; echo) | (run -1 ser-manifest && [[ $output == *'1048576 bytes'* ]])
	(printf '{"key":"a","wav":"'; long 1048576; echo '"}') | (run -1 ser-manifest --from emobox && [[ $output == *'at most 1048576 bytes'* ]])
	(printf '{"key":"a","wav":"'; long 16777216; echo '"}') | (run -1 ser-manifest --from emobox && [[ $output == *'longer than 16777216 bytes'* ]])
	names() { seq -s "$1" -f "c%.0f" "$2"; }
	printf 'id\tpath\t%s\n' "$(names $'\t' 1022)" | ser-manifest --to csv > /dev/null
	printf 'id\tpath\t%s\n' "$(names $'\t' 1023)" | (run -1 ser-manifest && [[ $output == *'1025 columns, at most 1024'* ]])
	printf 'id,path,%s\n' "$(names , 1023)" | (run -1 ser-manifest --from csv && [[ $output == *'1025 columns, at most 1024'* ]])
	members=$(seq -s , -f '"c%.0f":1' 1100)
	printf '{"key":"a","wav":"b",%s}\n' "$members" | (run -1 ser-manifest --from emobox && [[ $output == *'more than 1024'* ]])
	printf '{"id":"a","recording_id":"b","start":0,"duration":1,%s}\n' "$members" > "$T/l.jsonl"
	run -1 ser-manifest --from lhotse "$T/l.jsonl"
	[[ $output == *'more than 1024 different names'* ]]
	printf '{"id":"a","recording_id":"b","start":0,"duration":1,"custom":{%s}}\n' "$members" > "$T/l.jsonl"
	run -1 ser-manifest --from lhotse "$T/l.jsonl"
	[[ $output == *'more than 1024 different names'* ]]
	# nesting
	deep() { printf '{"key":"a","wav":"b","x":%s%s}\n' "$(printf '[%.0s' $(seq "$1"))" "$(printf ']%.0s' $(seq "$1"))"; }
	deep 2000 | ser-manifest --from emobox > /dev/null
	deep 3000 | (run -1 ser-manifest --from emobox && [[ $output == *'maximum parsing depth'* ]])
}

@test "what is odd is warned about, and nothing else: sexes, case, texts that tell the emotion, rates" {
	cd "$T"
	warns() { run --separate-stderr ser-manifest "$@" && [ "$status" -eq 0 ]; }
	printf 'id\tpath\tspk\temo\tsex\ttext\tsample_rate\n' >h
	{ cat h; printf 'a\ta.wav\t1\tsad\tf\tx\t16000\nb\tb.wav\t1\thappy\tf\ty\t16000\nc\tc.wav\t2\thappy\tm\tx\t16000\nd\td.wav\t2\tsad\tm\ty\t16000\n'; } >good.tsv
	warns good.tsv
	[ -z "$stderr" ]
	warns <(sed '2s/\tf\t/\tm\t/' good.tsv)
	[[ $stderr == *'speaker "1" is of sex "m" in some rows and "f" in others'* ]] && [ "${#stderr_lines[@]}" -eq 1 ]
	warns <(sed '2s/sad/Sad/' good.tsv)
	[[ $stderr == *'"Sad" and "sad" in column emo differ in case or blanks alone'* ]] && [ "${#stderr_lines[@]}" -eq 1 ]
	warns <(sed '2s/sad/ sad/' good.tsv)
	[[ $stderr == *'" sad" and "sad" in column emo differ in case or blanks alone'* ]] && [ "${#stderr_lines[@]}" -eq 1 ]
	warns <(sed '2s/\tx\t/\ty\t/; 3s/\ty\t/\tx\t/' good.tsv)
	[[ $stderr == *'each of the 2 texts that are said twice or more has one emotion alone'* ]] && [ "${#stderr_lines[@]}" -eq 1 ]
	warns <(sed '2s/16000/24414/; 3s/16000/8000/' good.tsv)
	[[ $stderr == *'1 of 4 sounds have a sample rate of 24414, the others several, among them 8000'* ]] && [ "${#stderr_lines[@]}" -eq 1 ]
	# texts that come once are no codes; sounds of two corpora may differ
	warns <(sed '2s/\tx\t/\tz\t/; 3s/\ty\t/\tw\t/' good.tsv)
	[ -z "$stderr" ]
	warns <(awk -F'\t' -v OFS='\t' '{print $0, NR == 1 ? "corpus" : NR < 4 ? "one" : "two"}' good.tsv | sed '4,5s/16000/8000/')
	[ -z "$stderr" ]
	# of a corpus' folder, too
	mkdir -p c/s1 && touch c/s1/{sad_1,Sad_2}.wav
	run -0 --separate-stderr ser-prep --pattern '{spk}/{emo}_{text}' c
	[[ $stderr == *'differ in case or blanks alone'* ]]
}
