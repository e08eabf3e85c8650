#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# Corpora that are not at hand are made up here as empty files with their names.

setup() {
	T=$BATS_TEST_TMPDIR
	DATA=$BATS_TEST_DIRNAME/../../../shared/data
}

real() { # skip unless this real corpus is there
	[ -d "$DATA/$1" ] || skip "no $1 in ../shared/data"
}

counts() { # how often each value of column $2 of the manifest $1 occurs, on one line
	awk -F'\t' -v c="$2" 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == c) k = i; next} {n[$k]++} END {for (v in n) print v "=" n[v]}' "$1" | sort | paste -sd' '
}

make_files() { # names on stdin, below $1
	sed "s|^|$1/|" | while read -r f; do mkdir -p "${f%/*}"; : > "$f"; done
}

@test "ser-prep: --list names every description, --describe says its licence and how to cite it" {
	run -0 ser-prep --list
	[ "${#lines[@]}" -eq $((1 + $(ls "$BATS_TEST_DIRNAME"/../../lib/corpus/desc/*.corpus | wc -l))) ]
	[[ ${lines[0]} == corpus*files*speakers*hours*terms*language*get ]]
	[ "$(awk '$1 == "ravdess" {print $2, $3, $4, $5, $6}' <<<"$output")" = "1440 24 1.5 non-commercial English" ]
	for c in $(ser-prep --list | sed 1d | cut -d' ' -f1); do
		run -0 ser-prep --describe "$c"
		[[ $output == *licence* && $output == *terms* && $output == *cite* && $output == *get* && $output == *source* ]]
		[[ $output =~ terms\ +(open|share-alike|non-commercial|academic|unknown)$'\n' ]]
		[[ $output != *'unknown'$'\n'* || $output == *'licence   no terms '* ]] # said, not left open
	done
	run -2 ser-prep --list ravdess
	[[ $output == *'ser-prep --describe ravdess tells of one corpus'* ]]
	run -0 ser-prep --describe ravdess
	[[ $output == *"holds     files 1440"* && $output == *"folds     emobox"* ]]
}

@test "ser-prep: usage errors have status 2" {
	run -2 ser-prep
	run -2 ser-prep emodb
	run -2 ser-prep nosuch "$T"
	[[ $output == *"no corpus \"nosuch\"; there are:"* ]]
	run -2 ser-prep --pattern '{spk}' --corpus-file x "$T"
	run -2 ser-prep --id '{file}' emodb "$T"
	mkdir -p "$T/e"; : > "$T/e/03a01Fa.wav"
	run -2 ser-prep --label-set zz emodb "$T/e"
	run -2 ser-prep --emo-map zz emodb "$T/e"
}

@test "ser-prep emodb: columns, and an unknown label is an error naming file and place" {
	mkdir -p "$T/e/wav"; : > "$T/e/wav/03a01Fa.wav"; : > "$T/e/wav/16b10Wb.flac"
	run -0 --separate-stderr ser-prep emodb "$T/e/"
	[ "${lines[0]}" = $'id\tpath\tspk\temo\tsex\ttext\ttake\tlang\tcorpus' ]
	[ "${lines[1]}" = "03a01Fa"$'\t'"$T/e/wav/03a01Fa.wav"$'\t03\thappiness\tm\ta01\ta\tde\temodb' ]
	[ "${lines[2]}" = "16b10Wb"$'\t'"$T/e/wav/16b10Wb.flac"$'\t16\tanger\tf\tb10\tb\tde\temodb' ]
	[[ $stderr == *"ser-prep: emodb: 2 files, expected 535"* ]]
	run -1 --separate-stderr ser-prep --strict emodb "$T/e"
	[ -z "$output" ]
	: > "$T/e/wav/03a01Xa.wav"
	run -1 --separate-stderr ser-prep emodb "$T/e"
	[ -z "$output" ]
	[[ $stderr == *'03a01Xa.wav: "X" for emo is none of W L E A F T N (emodb:'* ]]
}

@test "ser-prep ravdess: song and video are passed over, other names are reported" {
	printf '%s\n' Actor_01/03-01-05-02-01-02-01.wav Actor_02/03-01-02-01-02-01-02.wav Actor_02/03-02-02-01-02-01-02.wav \
		Actor_02/02-01-02-01-02-01-02.mp4 Actor_02/copy.wav | make_files "$T/r"
	run -0 --separate-stderr ser-prep --relative ravdess "$T/r"
	[ "${#lines[@]}" -eq 3 ]
	[ "${lines[1]}" = $'03-01-02-01-02-01-02\tActor_02/03-01-02-01-02-01-02.wav\t02\tcalm\tf\tdogs\tnormal\t1\ten\travdess' ]
	[ "${lines[2]}" = $'03-01-05-02-01-02-01\tActor_01/03-01-05-02-01-02-01.wav\t01\tanger\tm\tkids\tstrong\t2\ten\travdess' ]
	[[ $stderr == *"1 audio files match no pattern, such as $T/r/Actor_02/copy.wav"* ]]
}

@test "ser-prep ravdess-song, ravdess-video: whole corpora made up, each passing over the others' files" {
	for a in $(seq -w 24); do
		for c in 01 02; do
			for e in $([ $c = 01 ] && echo 01 02 03 04 05 06 07 08 || [ "$a" = 18 ] || echo 01 02 03 04 05 06); do
				for i in 01 $([ $e = 01 ] || echo 02); do
					for s in 01 02; do for r in 01 02; do echo "Actor_$a/03-$c-$e-$i-$s-$r-$a.wav"; done; done
				done
			done
		done
	done >"$T/names"
	mkdir "$T/r" && (cd "$T/r" && cut -d/ -f1 "$T/names" | sort -u | xargs mkdir && xargs touch <"$T/names" && sed 's|/03-|/01-|' "$T/names" | xargs touch)
	ser-prep --strict ravdess-song "$T/r" >"$T/song.tsv"
	ser-prep --strict ravdess-video "$T/r" >"$T/video.tsv"
	ser-prep --strict ravdess "$T/r" >"$T/speech.tsv"
	[ "$(counts "$T/video.tsv" channel)" = "song=1012 speech=1440" ]
}

@test "ser-prep savee: both ways it is packed, whole corpus made up, --strict" {
	for s in DC JE JK KL; do
		for e in a d f h sa su; do for i in $(seq -w 15); do echo "$s/$e$i.wav"; done; done
		for i in $(seq -w 30); do echo "$s/n$i.wav"; done
	done > "$T/names"
	make_files "$T/AudioData" < "$T/names"
	ser-prep --strict --relative savee "$T/AudioData" > "$T/a.tsv"
	[ "$(counts "$T/a.tsv" emo)" = "anger=60 disgust=60 fear=60 happiness=60 neutral=120 sadness=60 surprise=60" ]
	sed 's|/|_|' "$T/names" | make_files "$T/ALL"
	ser-prep --strict --relative savee "$T/ALL" > "$T/b.tsv"
	cmp <(cut -f1,3- "$T/a.tsv") <(cut -f1,3- "$T/b.tsv")
	grep -q $'^KL_sa03\tKL/sa03.wav\tKL\tsadness\tm\tsa03\ten\tsavee$' "$T/a.tsv"
}

@test "ser-prep tess: whole corpus made up, with its misnamed file" {
	for s in OAF YAF; do for e in angry disgust fear happy neutral ps sad; do for i in $(seq -w 199) bite; do
		echo "${s}_$e/${s}_w${i}_$e.wav"; done; done; done | sed 's|/OAF_wbite_neutral|/OA_bite_neutral|' > "$T/names"
	(mkdir "$T/t" && cd "$T/t" && cut -d/ -f1 "$T/names" | sort -u | xargs mkdir && xargs touch < "$T/names")
	ser-prep --strict tess "$T/t" > "$T/t.tsv"
	[ "$(counts "$T/t.tsv" spk)" = "OAF=1400 YAF=1400" ]
	[ "$(counts "$T/t.tsv" emo)" = "anger=400 disgust=400 fear=400 happiness=400 neutral=400 sadness=400 surprise=400" ]
	cp -r "$T/t" "$T/t2" && mv "$T/t2" "$T/t/t"
	run -1 ser-prep tess "$T/t"
	[[ $output == *'id "OAF_bite_neutral" for both'* ]]
}

@test "ser-prep emovo: whole corpus made up" {
	for s in f1 f2 f3 m1 m2 m3; do for e in dis gio pau rab sor tri neu; do
		for x in b1 b2 b3 l1 l2 l3 l4 n1 n2 n3 n4 n5 d1 d2; do echo "$s/$e-$s-$x.wav"; done; done; done |
		make_files "$T/v"
	ser-prep --strict emovo "$T/v" > "$T/v.tsv"
	[ "$(counts "$T/v.tsv" sex)" = "f=294 m=294" ]
	grep -q $'^gio-m2-n3\t.*\tm2\thappiness\tm\tn3\tit\temovo$' "$T/v.tsv"
}

@test "ser-prep cremad: levels, speakers' sex, and the whole corpus by its list of votes" {
	printf '%s\n' 1001_IEO_ANG_HI.wav 1002_DFA_NEU_XX.wav 1040_ITH_SAD_X.wav | make_files "$T/c/AudioWAV"
	run -0 --separate-stderr ser-prep --relative cremad "$T/c"
	[ "${lines[1]}" = $'1001_IEO_ANG_HI\tAudioWAV/1001_IEO_ANG_HI.wav\t1001\tanger\tm\tIEO\thigh\ten\tcremad' ]
	[ "${lines[2]}" = $'1002_DFA_NEU_XX\tAudioWAV/1002_DFA_NEU_XX.wav\t1002\tneutral\tf\tDFA\t\ten\tcremad' ]
	real labels
	mkdir "$T/all"
	(cd "$T/all" && awk -F'"' 'NR > 1 {print $4 ".wav"}' "$DATA/labels/cremad-summaryTable.csv" | xargs touch)
	ser-prep --strict cremad "$T/all" > "$T/c.tsv"
	[ "$(wc -l < "$T/c.tsv")" -eq 7443 ]
}

@test "ser-prep iemocap: labels from EmoEvaluation, words from transcriptions, the four-class set" {
	S=$T/i/Session1
	mkdir -p "$S/sentences/wav/Ses01F_impro01" "$S/dialog/EmoEvaluation" "$S/dialog/transcriptions" "$S/dialog/wav"
	for n in F000 F001 M000 M001; do : > "$S/sentences/wav/Ses01F_impro01/Ses01F_impro01_$n.wav"; done
	cat > "$S/dialog/EmoEvaluation/Ses01F_impro01.txt" <<'X'
% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
C-E2:	Neutral;	()

[10.0100 - 11.3925]	Ses01F_impro01_F001	exc	[4.0000, 3.5000, 2.0000]
[14.8872 - 18.0175]	Ses01F_impro01_M000	fru	[2.0000, 3.5000, 3.5000]
[19.2900 - 20.7875]	Ses01F_impro01_M001	xxx	[2.5000, 3.0000, 3.0000]
X
	echo "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me." > "$S/dialog/transcriptions/Ses01F_impro01.txt"
	run -0 --separate-stderr ser-prep --relative iemocap "$T/i"
	[ "${lines[0]}" = $'id\tpath\tspk\temo\tsex\tsession\ttext\tvalence\tarousal\tdominance\tlang\tcorpus' ]
	[ "${lines[1]}" = $'Ses01F_impro01_F000\tSession1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav\tSes01F\tneutral\tf\t1\tExcuse me.\t2.5000\t2.5000\t2.5000\ten\tiemocap' ]
	[[ ${lines[3]} == *$'\tSes01M\tfrustration\tm\t1\t\t2.0000\t3.5000\t3.5000\ten\tiemocap' ]]
	[[ ${lines[4]} == *$'\tundecided\t'* ]]
	run -0 --separate-stderr ser-prep --label-set 4class iemocap "$T/i"
	[ "${#lines[@]}" -eq 3 ]
	[[ ${lines[2]} == *$'\tSes01F\thappiness\t'* ]]
	[[ $stderr == *"1 with emo happiness, expected 1636"* ]]
	run -0 --separate-stderr ser-prep --label-set 4class-strict iemocap "$T/i"
	[ "${#lines[@]}" -eq 2 ]
	: > "$S/sentences/wav/Ses01F_impro01/Ses01F_impro01_F099.wav"
	run -1 ser-prep iemocap "$T/i"
	[[ $output == *'no row "Ses01F_impro01_F099" for it in '*EmoEvaluation/Ses01F_impro01.txt* ]]
}

@test "ser-prep esd: with and without part folders" {
	printf '%s\n' 0001/Angry/0001_000351.wav 0012/Surprise/train/0012_001500.wav | make_files "$T/esd"
	run -0 --separate-stderr ser-prep --relative esd "$T/esd"
	[ "${lines[1]}" = $'0001_000351\t0001/Angry/0001_000351.wav\t0001\tanger\tf\tzh\tesd' ]
	[ "${lines[2]}" = $'0012_001500\t0012/Surprise/train/0012_001500.wav\t0012\tsurprise\tm\ten\tesd' ]
}

@test "ser-prep msp-podcast: consensus labels, unknown speakers, partitions" {
	mkdir -p "$T/m/Audios" "$T/m/Labels"
	: > "$T/m/Audios/MSP-PODCAST_0001_0008.wav"; : > "$T/m/Audios/MSP-PODCAST_0001_0019.wav"
	cat > "$T/m/Labels/labels_consensus.csv" <<'X'
FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set
MSP-PODCAST_0001_0008.wav,N,2.2,4,3.2,127,Male,Test1
MSP-PODCAST_0001_0019.wav,X,4.4,3.4,5,Unknown,Unknown,Development
X
	: > "$T/m/Audios/MSP-PODCAST_test3_0001.wav"
	run -0 --separate-stderr ser-prep --relative msp-podcast "$T/m"
	[ "${lines[1]}" = $'MSP-PODCAST_0001_0008\tAudios/MSP-PODCAST_0001_0008.wav\t127\tneutral\tm\ttest\t2.2\t4\t3.2\ten\tmsp-podcast' ]
	[ "${lines[2]}" = $'MSP-PODCAST_0001_0019\tAudios/MSP-PODCAST_0001_0019.wav\t\tundecided\t\tdev\t4.4\t3.4\t5\ten\tmsp-podcast' ]
	[ "${lines[3]}" = $'MSP-PODCAST_test3_0001\tAudios/MSP-PODCAST_test3_0001.wav\t\t\t\ttest3\t\t\t\ten\tmsp-podcast' ] # withheld
	[ -z "$stderr" ]
	: > "$T/m/Audios/MSP-PODCAST_0002_0001.wav" # of which nothing is said
	run -1 ser-prep --relative msp-podcast "$T/m"
	[[ $output == *'MSP-PODCAST_0002_0001.wav: "" for split is none of'* ]]
}

@test "ser-prep voxceleb1, voxceleb2, librispeech: speakers without labels" {
	echo vox1_dev/wav/id10001/1zcIwhmdeo4/00001.wav | make_files "$T/x1"
	echo dev/aac/id00012/21Uxsk56VDQ/00001.m4a | make_files "$T/x2"
	echo LibriSpeech/dev-clean/1272/128104/1272-128104-0000.flac | make_files "$T/l"
	run -0 --separate-stderr ser-prep --relative voxceleb1 "$T/x1"
	[ "${lines[1]}" = $'id10001-1zcIwhmdeo4-00001\tvox1_dev/wav/id10001/1zcIwhmdeo4/00001.wav\tid10001\t\t1zcIwhmdeo4\t00001\tvoxceleb1' ]
	run -0 --separate-stderr ser-prep --relative voxceleb2 "$T/x2"
	[[ ${lines[1]} == id00012-21Uxsk56VDQ-00001* ]]
	run -0 --separate-stderr ser-prep --relative librispeech "$T/l"
	[ "${lines[1]}" = $'1272-128104-0000\tLibriSpeech/dev-clean/1272/128104/1272-128104-0000.flac\t1272\t\t128104\t0000\ten\tlibrispeech' ]
}

@test "ser-prep --pattern and --corpus-file: a corpus of one's own; --emo-map, --labels" {
	printf '%s\n' anna/joy_1.wav anna/rage_2.wav bert/joy_1.wav bert/calm_1.wav | make_files "$T/p"
	run -0 ser-prep --relative --pattern '{spk}/{emo}_{take:#}' "$T/p"
	[ "${lines[1]}" = $'anna_joy_1\tanna/joy_1.wav\tanna\tjoy\t1' ]
	printf '%s\n' anna/joy_1.flac | make_files "$T/p" # two files of one name
	run -1 ser-prep --pattern '{spk}/{emo}_{take:#}' "$T/p"
	[[ $output == *'id "joy_1" for both'* ]]
	rm "$T/p/anna/joy_1.flac"
	run -0 ser-prep --relative --pattern '{spk}/{emo}_{take:#}' --id '{spk}-{file}' --emo-map joy=happiness,rage=anger --labels happiness,anger "$T/p"
	[ "$output" = $'id\tpath\tspk\temo\ttake\nanna-joy_1\tanna/joy_1.wav\tanna\thappiness\t1\nanna-rage_2\tanna/rage_2.wav\tanna\tanger\t2\nbert-joy_1\tbert/joy_1.wav\tbert\thappiness\t1' ]
	printf 'title mine\nfile {spk}/{e:@}_{n:#}\nmap emo e joy=happiness rage=anger\n     calm=calm\nid {spk}.{e}\ncolumns spk emo\nfiles 4\n' > "$T/my.corpus"
	run -0 ser-prep --strict --relative --corpus-file "$T/my.corpus" "$T/p"
	[ "${lines[4]}" = $'bert.joy\tbert/joy_1.wav\tbert\thappiness' ]
	run -0 ser-prep --describe --corpus-file "$T/my.corpus"
	[[ $output == *"title     mine"* ]]
	echo 'nonsense' >> "$T/my.corpus"
	run -2 ser-prep --corpus ravdess "$T/p"
	[[ $output == *"ser-prep ravdess DIR"* ]]
	run -1 ser-prep --corpus-file "$T/my.corpus" "$T/p"
	[[ $output == *'my.corpus:8: unknown word "nonsense"'* ]]
}

@test "ser-prep: a pattern with too many ways to match a name is an error, not a long wait" {
	mkdir -p "$T/w" && : > "$T/w/$(printf 'a%.0s' {1..100})b.wav"
	run -1 ser-prep --pattern "$(printf '*a%.0s' {1..40})c" "$T/w"
	[[ $output == *"too many ways to match"* ]]
}

@test "ser-prep: a folder that is not there, is empty, or holds something else" {
	run -1 ser-prep emodb "$T/nowhere"
	mkdir "$T/empty"
	run -1 ser-prep emodb "$T/empty"
	[[ $output == *"none of the 0 audio files there"* ]]
	: > "$T/empty/"$'a\tb.wav'
	run -1 ser-prep emodb "$T/empty"
	[[ $output == *'a tab'* ]]
}

@test "ser-prep: the order of files on disk does not matter" {
	for f in 16b10Wb 03a01Fa 11a04Td; do mkdir -p "$T/o1" && : > "$T/o1/$f.wav"; done
	for f in 11a04Td 16b10Wb 03a01Fa; do mkdir -p "$T/o2" && : > "$T/o2/$f.wav"; done
	cmp <(ser-prep -q --relative emodb "$T/o1") <(ser-prep -q --relative emodb "$T/o2")
}

@test "ser-prep: real EmoDB, RAVDESS and nEMO are whole" {
	for c in emodb ravdess nemo; do
		real $c
		run -0 --separate-stderr ser-prep --strict "$c" "$DATA/$c"
		[ -z "$stderr" ]
	done
}

@test "ser-prep: real BAVED, LibriSpeech and Arabic Speech Commands, as far as they are there" {
	real baved
	ser-prep -q baved "$DATA/baved" > "$T/b.tsv"
	[ "$(counts "$T/b.tsv" emo)" = "high=671 low=578 neutral=665" ]
	ser-prep librispeech "$DATA/librispeech" > "$T/l.tsv"
	[ "$(cut -f3 "$T/l.tsv" | sort -u | wc -l)" -eq 262 ]
	ser-prep -q arabic-speech-commands "$DATA/arabic-speech-commands" > "$T/c.tsv"
	[ "$(wc -l < "$T/c.tsv")" -eq 3601 ]
}

@test "ser-prep: corpora by their files' names, odd ones too" {
	while IFS='|' read -r corpus file id spk emo; do
		mkdir -p "$T/$corpus"
		echo "$file" | make_files "$T/$corpus"
		ser-prep --relative "$corpus" "$T/$corpus" >"$T/one.tsv" 2>/dev/null
		[ "$(tail -n +2 "$T/one.tsv" | cut -f 1,3,4)" = "$id"$'\t'"$spk"$'\t'"$emo" ] || { echo "$corpus $file"; cat "$T/one.tsv"; return 1; }
		rm -r "${T:?}/$corpus"
	done <<-'NAMES'
		aesdd|disgust/d03 (4).wav|d03 (4)|4|disgust
		aesdd|anger/a06 (5)b.wav|a06 (5)b|5|anger
		aesdd|fear/f12 (01).wav|f12 (01)|1|fear
		ased|04Sad/s4-01-01-02-50.wav|s4-01-01-02-50|50|sadness
		asvp-esd|Audio/actor_101/03-02-04-01-18-101-02-01-00-14-02.wav|03-02-04-01-18-101-02-01-00-14-02|101|sadness
		asvp-esd|Audio/actor_/03-02-13-01-23-106-02-02-02-33.wav|03-02-13-01-23-106-02-02-02-33|106|breath
		cafe|CaFE_48k/Peur/Fort/06-P-2-6.wav|06-P-2-6|06|fear
		casia|zhaoquanyin/surprise/223.wav|zhaoquanyin-surprise-223|zhaoquanyin|surprise
		emov-db|sam_Disgusted/Disgust_197-224_0221.wav|sam_disgust_0221|sam|disgust
		emov-db|josh_Amused/amused_225_252_0236.wav|josh_amusement_0236|josh|amusement
		enterface|subject 42/fear/sentence 5/s42_fe_5.wav|s42_fe_5|42|fear
		enterface|subject 3/happiness/sentence 4/s_3_ha_4.wav|s3_ha_4|3|happiness
		enterface|subject 16/surprise/sentence 3/s16_su_3avi.wav|s16_su_3|16|surprise
		jl-corpus|JL(wav+txt)/female2_concerned_9a_1.wav|female2_concerned_9a_1|female2|concern
		mead|W015/audio/surprised/level_2/026.wav|W015-surprised-2-026|W015|surprise
		mesd|Fear_C_A_tarde.wav|Fear_C_A_tarde|children|fear
		oreau|m/sessd/38a09Da.wav|38a09Da|38|disgust
		pavoque|build/wav/m0170a-poker.wav|m0170a-poker|roettig|poker
		ravdess-song|Actor_02/03-02-04-01-02-01-02.wav|03-02-04-01-02-01-02|02|sadness
		ravdess-video|Actor_02/01-02-06-02-02-01-02.wav|01-02-06-02-02-01-02|02|fear
		resd|test/08_sadness_anger/08_sadness_anger a_010.wav|08_sadness_anger a_010||anger
		resd|train/neutral_fear_27/27_neutral_fear_n_100.wav|27_neutral_fear_n_100||neutral
		polish|m4.s_trzymaj_5.wav|m4.s_trzymaj_5|m4|fear
		shemo|male/M12A35.wav|M12A35|M12|anger
		subesco|F_02_MONIKA_S_10_DISGUST_2.wav|F_02_MONIKA_S_10_DISGUST_2|F02|disgust
		subesco|F_02_MONIKA_S_2_SURPRISE_3].wav|F_02_MONIKA_S_2_SURPRISE_3]|F02|surprise
		turev-db|Sound Source/Calm/6783_sk_sarap.wav|Calm-6783_sk_sarap|6783|calm
		urdu|Neutral/SM5_F55_N083.wav|SM5_F55_N083|SM5|neutral
	NAMES
}
