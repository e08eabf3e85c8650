#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# Corpora whose labels are in tables beside the sound, made up here in their own layout.
load helper

setup() {
	work
	LISTS=$BATS_TEST_DIRNAME/../../../shared/data/folds
}

files() { # names on stdin, below $1
	sed "s|^|$1/|" >names.txt
	sed 's|/[^/]*$||' names.txt | sort -u | tr '\n' '\0' | xargs -0 mkdir -p
	tr '\n' '\0' <names.txt | xargs -0 touch
}

prep() { # CORPUS: the manifest of the folder of its name, without its header row; the totals' warnings are left out
	ser-prep --relative "$1" "$1" 2>/dev/null | tail -n +2
}

@test "ser-prep emns, emozionalmente: labels from CSV, by bars and by commas, speakers from a second table" {
	printf '%s\n' cleaned_webm/recorded_audio_j.webm cleaned_webm/recorded_audio_j.wav | files emns
	cat >emns/metadata.csv <<-'X'
		id|user_id|age|gender|utterance|description|emotion|level|audio_recording
		1|3|20s|Female|"So | it is"|flat|Surprised|4|wavs/recorded_audio_j.webm
	X
	[ "$(prep emns)" = $'recorded_audio_j\tcleaned_webm/recorded_audio_j.wav\temns\tsurprise\tf\tSo | it is\t20s\t4\ten\temns' ]
	echo audio/1614680733939.wav | files emozionalmente
	mkdir emozionalmente/metadata
	printf 'file_name,actor,sentence,emotion_expressed\n1614680733939.wav,032bd,"Vado, poi",neutrality\n' >emozionalmente/metadata/samples.csv
	printf 'username,gender,age\n032bd,f,31\n' >emozionalmente/metadata/users.csv
	[ "$(prep emozionalmente)" = $'1614680733939\taudio/1614680733939.wav\t032bd\tneutral\tf\tVado, poi\t31\tit\temozionalmente' ]
	sed -i 's/neutrality/boredom/' emozionalmente/metadata/samples.csv
	run -1 ser-prep emozionalmente emozionalmente
	[[ $output == *'"boredom" for emo is none of'* ]]
	rm emozionalmente/metadata/users.csv
	run -1 ser-prep emozionalmente emozionalmente
	[[ $output == *users.csv* ]]
}

@test "ser-prep m3ed: turns of plays, their speakers and parts" {
	printf 'modality_speech/%s.wav\n' A_rucikeaidewomen_1_1 B_humamaoba_12_3 A_zhengfu_2_1 | files m3ed
	cat >m3ed/annotation.json <<-'X'
		{"rucikeaidewomen": {"rucikeaidewomen_1": {"SpeakerInfo": {"A": {"Name": "乔英子", "Gender": "Female", "Age": "17"}},
		  "Dialog": {"rucikeaidewomen_1_1": {"Speaker": "A", "Text": "好", "EmoAnnotation": {"final_main_emo": "Neutral"}}}}},
		 "humamaoba": {"humamaoba_12": {"SpeakerInfo": {"B": {"Name": "毕胜男", "Gender": "Female", "Age": "31"}},
		  "Dialog": {"humamaoba_12_3": {"Speaker": "B", "Text": "走", "EmoAnnotation": {"final_main_emo": "Anger"}}}}},
		 "zhengfu": {"zhengfu_2": {"SpeakerInfo": {"A": {"Name": "x", "Gender": "Male", "Age": "40"}},
		  "Dialog": {"zhengfu_2_1": {"Speaker": "A", "Text": "啊", "EmoAnnotation": {"final_main_emo": "Happy"}}}}}}
	X
	prep m3ed >out.tsv
	[ "$(cut -f 1,3,4,5,6,7,8 out.tsv)" = $'A_rucikeaidewomen_1_1\trucikeaidewomen_乔英子\tneutral\tf\ttest\t好\t17\nA_zhengfu_2_1\tzhengfu_x\thappiness\tm\ttrain\t啊\t40\nB_humamaoba_12_3\thumamaoba_毕胜男\tanger\tf\tdev\t走\t31' ]
	for bad in '[]' '{}' '{"a": 3}' '{"a": {"b": {"Dialog": []}}}' '{"a": {"b": ' '{"zhengfu": {"x": {"Dialog": {"zhengfu_2_1": 1, "humamaoba_12_3": {"Speaker": {}}}}}}'; do
		echo "$bad" >m3ed/annotation.json
		run -1 ser-prep m3ed m3ed
		[ "${#lines[@]}" -eq 1 ]
	done
}

@test "ser-prep meld: a row by two columns, other parts' turns of one name, what is known to be broken" {
	printf '%s\n' train_splits/dia0_utt0.wav train_splits/dia0_utt0.mp4 train_splits/dia125_utt3.wav dev_splits_complete/dia0_utt0.wav \
		dev_splits_complete/dia49_utt5.wav output_repeated_splits_test/dia0_utt0.wav output_repeated_splits_test/final_videos_testdia0_utt0.wav | files meld
	for p in train dev test; do
		printf 'Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode\n1,"Well, %s",Dr. Horton,joy,positive,0,0,8,21\n2,No,Joey,anger,negative,0,1,8,21\n' $p >meld/${p}_sent_emo.csv
	done
	[ "$(prep meld)" = "$(for p in dev:dev_splits_complete test:output_repeated_splits_test train:train_splits; do
		printf '%s_dia0_utt0\t%s/dia0_utt0.wav\tDr. Horton\thappiness\t%s\tWell, %s\t0\ten\tmeld\n' ${p%:*} ${p#*:} ${p%:*} ${p%:*}
	done)" ]
	touch meld/train_splits/dia0_utt7.wav
	run -1 ser-prep meld meld
	[[ $output == *'no row "0,7" for it in '*train_sent_emo.csv ]]
	sed -i 's/Utterance_ID/Utterance/' meld/test_sent_emo.csv
	rm meld/train_splits/dia0_utt7.wav
	run -1 ser-prep meld meld
	[[ $output == *'column "Utterance" twice'* ]]
	sed -i 's/,Utterance,Season/,Nr,Season/' meld/test_sent_emo.csv
	run -1 ser-prep meld meld
	[[ $output == *'test_sent_emo.csv: no column "Utterance_ID"'* ]]
}

@test "ser-prep mer2023: four parts, nobody's name" {
	printf '%s/sample_00001998.wav\n' train test1 test2 test3 | files mer2023
	printf 'name,discrete,valence\nsample_00001998,worried,-1\n' | tee mer2023/train-label.csv mer2023/test1-label.csv mer2023/test2-label.csv >/dev/null
	printf 'name,discrete\nsample_00001998,happy\n' >mer2023/test3-label.csv
	run -1 ser-prep mer2023 mer2023 # names are a part's own
	rm mer2023/t*[12]/*.wav
	mv mer2023/train/sample_00001998.wav mer2023/train/sample_00000001.wav
	sed -i 's/_00001998/_00000001/' mer2023/train-label.csv
	[ "$(prep mer2023)" = $'sample_00000001\ttrain/sample_00000001.wav\t\tworry\ttrain\ttrain\tzh\tmer2023\nsample_00001998\ttest3/sample_00001998.wav\t\thappiness\ttest\ttest3\tzh\tmer2023' ]
}

@test "ser-prep nnime, biic-podcast: shares of votes out of EMO-SUPERB's tables, whose first column has no name; labels made of them" {
	printf 'Audios/%s.wav\n' angry_01_A_002 frustration_22_A_072 sad_17_A_042 | files nnime
	mkdir nnime/Secondary biic-podcast biic-podcast/Secondary
	cat >nnime/Secondary/labels_consensus_1.csv <<-'X'
		,angry,frustrated,disappointed,sad,fear,neutral,surprise,excited,happy,relax,joy,EmoAct,EmoVal,SpkrID,Gender,Split_Set
		angry_01_A_002.wav,0.95,0.005,0.005,0.005,0.005,0.005,0.005,0.005,0.005,0.005,0.005,4.2,1.4,1,Female,Train
		frustration_22_A_072.wav,0.005,0.4775,0.005,0.005,0.005,0.4775,0.005,0.005,0.005,0.005,0.005,2.3,2.5,8,Male,Train
		sad_17_A_042.wav,0.005,0.005,0.005,0.005,0.95,0.005,0.005,0.005,0.005,0.005,0.005,2.4,2.2,33,Male,Test
	X
	ser-prep --relative nnime nnime 2>/dev/null >n.tsv
	[ "$(cut -f 1,3,5-10 n.tsv | tail -n +2)" = $'angry_01_A_002\t1\tf\ttrain\tangry\t01\t4.2\t1.4\nfrustration_22_A_072\t8\tm\ttrain\tfrustration\t22\t2.3\t2.5\nsad_17_A_042\t33\tm\ttest\tsad\t17\t2.4\t2.2' ]
	ser-manifest -q --label plurality n.tsv >l.tsv
	[ "$(ser-manifest --to csv l.tsv | cut -d , -f 1,4 | tail -n +2 | xargs)" = "angry_01_A_002,anger frustration_22_A_072, sad_17_A_042,fear" ]
	ser-manifest -q --label multi-hot n.tsv | head -n 1 | tr '\t' '\n' | grep -c '^hot[.]' | grep -qx 11
	[ "$(ser-fold published nnime:speakers n.tsv | awk -F '\t' 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == "fold") c = i; next} {print $c}' | xargs)" = "2 2 1" ]
	printf 'Audios/%s.wav\n' BIIC-PODCAST_0001_0016_0001 BIIC-PODCAST_0002_0005 | files biic-podcast
	cat >biic-podcast/Secondary/labels_consensus_2.csv <<-'X'
		,angry,frustrated,annoyed,disappointed,sad,disgust,depressed,contempt,confused,concerned,fear,neutral,surprise,amused,excited,happy,EmoAct,EmoVal,EmoDom,Split_Set
		BIIC-PODCAST_0001_0016_0001.wav,0.003,0.003,0.003,0.003,0.003,0.003,0.003,0.003,0.003,0.003,0.003,0.95,0.003,0.003,0.003,0.003,2.33,4.0,6.33,Test
		BIIC-PODCAST_0002_0005.wav,0.003,0.003,0.003,0.003,0.003,0.003,0.003,0.003,0.003,0.003,0.003,0.003,0.003,0.95,0.003,0.003,4.0,4.75,5.5,Development
	X
	ser-prep --relative biic-podcast biic-podcast 2>/dev/null | ser-manifest -q --label plurality >b.tsv
	[ "$(ser-manifest --to csv b.tsv | cut -d , -f 1,4,5,6 | tail -n +2 | xargs)" = "BIIC-PODCAST_0001_0016_0001,neutral,test,0001 BIIC-PODCAST_0002_0005,amusement,dev,0002" ]
	sed -i 2d biic-podcast/Secondary/labels_consensus_2.csv
	run -1 ser-prep biic-podcast biic-podcast
	[[ $output == *BIIC-PODCAST_0001_0016_0001.wav* ]]
}

@test "ser-prep msp-improv: both ways it is packed, listeners' labels, sessions as folds" {
	printf '%s\n' S01A/R/MSP-IMPROV-S01A-F01-R-FF01.wav S20N/P/MSP-IMPROV-S20N-M01-P-FM02.wav S03S/S/MSP-IMPROV-S03S-F01-S-MF01.wav |
		sed 's|^|session1/|' | files msp-improv
	cat >msp-improv/Evaluation.txt <<-'X'
		UTD-IMPROV-S01A-F01-R-FF01.avi; A; A:2.666667; V:2.333333; D:3.000000 ; N:NaN;
		P44; Angry; Angry,Frustrated; A:2.000000; V:2.000000; D:3.000000; N:NaN;

		UTD-IMPROV-S20N-M01-P-FM02.avi; X; A:3.000000; V:3.000000; D:NaN ; N:4.000000;
		UTD-IMPROV-S03S-F01-S-MF01.avi; N; A:3; V:3; D:3; N:3;
	X
	prep msp-improv >out.tsv
	[ "$(head -n 1 out.tsv)" = $'MSP-IMPROV-S01A-F01-R-FF01\tsession1/S01A/R/MSP-IMPROV-S01A-F01-R-FF01.wav\tF01\tanger\tf\t1\tanger\tR\t01\t2.666667\t2.333333\t3.000000\ten\tmsp-improv' ]
	[ "$(cut -f 3,4,7,12 out.tsv | tail -n 2)" = $'F01\tneutral\tsadness\t3\nM01\tundecided\tneutral\t' ]
	[ "$(ser-prep --label-set 4class msp-improv msp-improv 2>/dev/null | wc -l)" -eq 3 ]
	mkdir msp-improv/Audio
	mv msp-improv/session1 msp-improv/Audio/
	mv msp-improv/Evaluation.txt msp-improv/Evalution.txt
	prep msp-improv | cut -f 1,3- | cmp - <(cut -f 1,3- out.tsv)
	ser-prep msp-improv msp-improv 2>/dev/null | ser-fold published -q msp-improv:sessions --allow-shared-speakers >folded.tsv
	[ "$(awk -F'\t' 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == "fold") c = i; next} {print $c}' folded.tsv | sort -u)" = 1 ]
	for bad in 'UTD-IMPROV-S01A-F01-R-FF01.avi; A; A:2' 'UTD-IMPROV-S01A-F01-R-FF01.avi; A; V:2; A:2; D:3; N:1;' 'UTD-IMPROV-'; do
		printf %s "$bad" >msp-improv/Evalution.txt
		run -1 ser-prep msp-improv msp-improv
		[[ $output == *Evalution.txt:1:* ]]
	done
	: >msp-improv/Evalution.txt
	run -1 ser-prep msp-improv msp-improv
	[[ $output == *'"" for emo is none of A H N S O X'* ]]
}

@test "ser-prep timit, and NIST SPHERE is read" {
	printf '%s\n' TRAIN/DR1/FCJF0/SA1.WAV TRAIN/DR1/FCJF0/SA1.WAV.wav test/dr8/mpam0/sx109.wav | files timit
	[ "$(prep timit)" = $'FCJF0_SA1\tTRAIN/DR1/FCJF0/SA1.WAV\tFCJF0\t\tf\ttrain\t1\tSA1\ten\ttimit\nmpam0_sx109\ttest/dr8/mpam0/sx109.wav\tmpam0\t\tm\ttest\t8\tsx109\ten\ttimit' ]
	header=$'NIST_1A\n   1024\nchannel_count -i 1\nsample_count -i 8000\nsample_rate -i 16000\nsample_n_bytes -i 2\nsample_byte_format -s2 01\nsample_sig_bits -i 16\nend_head\n'
	{
		printf '%s%*s' "$header" $((1024 - ${#header})) ''
		"$PYTHON" -c 'import sys, struct, math; sys.stdout.buffer.write(b"".join(struct.pack("<h", int(8000 * math.sin(i / 9))) for i in range(8000)))'
	} >timit/TRAIN/DR1/FCJF0/SA1.WAV
	rm timit/test/dr8/mpam0/sx109.wav
	ser-prep timit timit 2>/dev/null | ser-wav2feat -q >sphere.ser
	[[ $(ser-dump sphere.ser) == *'"id":"FCJF0_SA1"'*'"shape":[48,80]'* ]]
}

@test "ser-prep: what has been converted counts once, what has not still counts" {
	printf '%s\n' W015/audio/angry/level_1/001.m4a W015/audio/angry/level_1/001.wav W015/audio/angry/level_1/002.m4a | files mead
	[ "$(prep mead | cut -f 2)" = $'W015/audio/angry/level_1/001.wav\nW015/audio/angry/level_1/002.m4a' ]
}

@test "whole corpora, by the names, labels and speakers of EmoBox' lists" {
	[ -e "$LISTS/emobox-folds.tsv.gz" ] || skip "there are no lists"
	list() { zcat "$LISTS/emobox-folds.tsv.gz" | awk -F'\t' -v c="$1" '$1 == c'; } # corpus fold part key path label ...
	list resd | cut -f 5 | sed 's|downloads/resd/||' | files resd
	list pavoque | cut -f 4 | sed 's|^pavoque-|build/wav/|; s|$|.wav|' | files pavoque
	list emns | cut -f 5 | sed 's|downloads/emns/||; s|webm$|wav|' | files emns
	list emns | awk -F'\t' 'BEGIN {print "audio_recording|emotion|utterance|age|level"} {n = split($5, a, "/"); print "wavs/" a[n] "|" $6 "|x|20s|1"}' >emns/metadata.csv
	list emozionalmente | cut -f 5 | sed 's|downloads/emozionalmente/||' | files emozionalmente
	mkdir emozionalmente/metadata
	zcat "$LISTS/emobox-speakers.tsv.gz" "$LISTS/emobox-folds.tsv.gz" | awk -F'\t' '$1 != "emozionalmente" {next} NF == 3 {s[$2] = $3; next}
		!n++ {print "file_name,actor,sentence,emotion_expressed"} {k = split($5, a, "/"); print a[k] "," s[$4] ",x," $6}' >emozionalmente/metadata/samples.csv
	awk -F, 'NR == 1 {print "username,gender,age"; next} !s[$2]++ {print $2 ",f,30"}' emozionalmente/metadata/samples.csv >emozionalmente/metadata/users.csv
	list meld | cut -f 5 | sed 's|downloads/meld/||; s|mp4$|wav|' | files meld
	zcat "$LISTS/emobox-speakers.tsv.gz" "$LISTS/emobox-folds.tsv.gz" | awk -F'\t' '$1 != "meld" {next} NF == 3 {s[$2] = $3; next}
		{n = split($5, a, "/"); f = a[n - 1]; sub(/_.*/, "", f); if (f == "output") f = "test"; f = f == "train" ? "meld/train/train_sent_emo.csv" : "meld/" f "_sent_emo.csv"
		if (!(f in seen)) {seen[f] = 1; print "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID,Season,Episode" >f}
		split(a[n], b, /dia|_utt|\./); print "x," s[$4] "," $6 "," b[2] "," b[3] ",1,1" >f}'
	for c in resd pavoque emns emozionalmente meld; do
		ser-prep --strict "$c" "$c" >$c.tsv
		# the published parts are the column split
		case $c in resd | meld)
			diff <(list "$c" | awk -F'\t' '{n = split($5, a, "/"); f = a[n]; sub(/\.[^.]*$/, "", f); print ($3 == "valid" ? "dev" : $3) "\t" f}' | sort) \
				<(awk -F'\t' 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next} {n = split($2, a, "/"); f = a[n]; sub(/\.[^.]*$/, "", f); print $at["split"] "\t" f}' $c.tsv | sort) ;;
		esac
	done
}
