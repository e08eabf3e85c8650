# The recipes for a speaker encoder and for what its embeddings' clusters line up with, on a few words of ten voices of
# espeak-ng, cut into two corpora to train on, whose speakers have equal names, and one to look at.
load helper

setup_file() {
	command -v espeak-ng >/dev/null && command -v parallel >/dev/null || return 0
	export VOICES=$BATS_FILE_TMPDIR/voices
	"$ROOT"/pipelines/demo-corpus "$VOICES" 10 2
	mkdir "$BATS_FILE_TMPDIR"/{one,two,three}
	for i in 1 2 3 4; do
		ln -s "$VOICES/m$i" "$BATS_FILE_TMPDIR/one/s$i"
		ln -s "$VOICES/m$((i + 4))" "$BATS_FILE_TMPDIR/two/s$i"
	done
	ln -s "$VOICES/f1" "$BATS_FILE_TMPDIR/three/s1"
	ln -s "$VOICES/f2" "$BATS_FILE_TMPDIR/three/s2"
}

setup() {
	work
	for p in espeak-ng parallel jq; do
		command -v $p >/dev/null || skip "$p is not installed"
	done
}

# recipe FILE OUT ...: the tools under test come first on PATH.
recipe() {
	local prep="ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' $BATS_FILE_TMPDIR"
	make --no-print-directory -C "$ROOT/pipelines" -f "$1" OUT="$PWD/$2" TOOLS="$BINDIR" SPEAKER_CORPORA="one two" CORPORA=three \
		PREP_one="$prep/one" PREP_two="$prep/two" PREP_three="$prep/three | sed '1s/\$\$/\tlang\tsex/; 1!s/\$\$/\ten\tm/'" \
		HELD_OUT=0.5 HYPER_ecapa="channels=16 mfa=16" TRAIN_SPEAKER="--epochs 2 --crop 0.5 --batch 16" SPEEDS=0.9 TRIALS=20 N_PERM=20 MAP='--method pca' \
		"${@:3}"
}

@test "speaker.mk: an encoder, whom it was trained on, EER and minDCF beside baselines; interrupted, -j" {
	recipe speaker.mk whole -s encoder verify > report
	ser-model show --json whole/encoder.st | jq -e '.arch == "ecapa" and .train.task == "speaker"' > /dev/null
	# two voices are held out of each corpus; the two that are left are there at two speeds
	[ "$(wc -l < whole/speakers.txt)" -eq 8 ]
	[ "$(grep -c '^sp0.9-one-s[1234]$' whole/speakers.txt)" -eq 2 ]
	! cut -f 3 whole/held.tsv | grep -qxFf whole/speakers.txt || false
	jq -e 'length == 18 and all(.[]; .train_test_speaker_overlap == "unknown" or .train_test_speaker_overlap == 0)
		and ([.[] | select(.system == "encoder") | .train_test_speaker_overlap] == [0, 0, 0, 0, 0, 0])' whole/verify.json > /dev/null
	[ "$(grep -cE '^\| (encoder|random|cepstra) \| (all|one|two) \| (cosine|as-norm) \| [0-9.]+ \|' report)" -eq 18 ]
	grep -q '^- two: 2 voices' report
	grep -q '<h2' whole/report.html
	recipe speaker.mk whole -q encoder "$PWD"/whole/verify.txt "$PWD"/whole/report.html

	for s in 0.3 0.6; do # SIGKILL to the whole group: nobody can tidy up
		setsid bash -c "$(declare -f recipe); recipe speaker.mk cut -s encoder" > /dev/null 2>&1 &
		local pid=$!
		sleep $s
		kill -KILL -- -$pid 2> /dev/null || true
		wait $pid || true
	done
	recipe speaker.mk cut -s -j 2 THREADS=2 encoder
	cmp <(ser-model export --encoder -o whole.st whole/encoder.st; cat whole.st) <(ser-model export --encoder -o cut.st cut/encoder.st; cat cut.st)

	# a corpus that must never be trained on, and speakers of nobody knows what, leave no proof
	rm whole/speakers.txt
	run -2 recipe speaker.mk whole -s encoder NEVER="emodb two"
	[[ $output == *"two-s"*"was trained on these, of corpora in NEVER"* ]]
	run -2 recipe speaker.mk whole -s -o "$PWD"/whole/encoder.st encoder SPEAKER_CORPORA=one # an encoder from elsewhere
	[[ $output == *"of no corpus in SPEAKER_CORPORA"* ]]
	[ ! -e whole/speakers.txt ]
}

@test "confounds.mk: a table and a map of a corpus that was not trained on, with the encoder made on the way" {
	recipe confounds.mk conf -s SPEAKER="$PWD/spk" confounds > report 2> messages || { cat messages; false; }
	[ -s spk/encoder.st ]
	# 4 embeddings; emo, text and loudness in 4 views, sex and speaker in one; 8 scores of each, and two silhouettes in one view
	[ "$(tail -n +2 conf/confounds.tsv | wc -l)" -eq $((4 * ((3 * 4 + 2) * 8 + 3 * 2))) ]
	[ "$(tail -n +2 conf/confounds.tsv | cut -f 1-4 | sort -u | wc -l)" -eq 56 ]
	awk -F'\t' '$2 == "encoder" && $3 == "speaker" && $14 != "0" {exit 1}' conf/confounds.tsv
	[ "$(grep -cE '^\| (speaker|all)(-centred)? \| (emo|text|loud|sex|spk) \| (encoder|random|cepstra|egemaps) \| -?[0-9]' report)" -eq 56 ]
	ami=$(awk -F'\t' '$2 == "cepstra" && $3 == "speaker" && $4 == "text" && $5 == "ami" {printf "%.3f", $6}' conf/confounds.tsv)
	grep -qF "| speaker | text | cepstra | $ami |" report
	[ "$(grep -cE '^\| three \| (encoder|random|cepstra|egemaps) \| -?[01]\.[0-9]{2} \| -?[01]\.[0-9]{2} - -?[01]\.[0-9]{2} \|' report)" -eq 4 ]
	[ "$(grep -cE '^\| three \| (encoder|random|cepstra|egemaps) \|( -?[01]\.[0-9]{2} \|){3}$' report)" -eq 4 ]
	grep -q '<svg' conf/emotion.svg
	grep -q '<svg' conf/map-three.svg
	grep -q 'three-s2' conf/panels-three.svg
	grep -q '<h2' conf/report.html
	recipe confounds.mk conf -q SPEAKER="$PWD/spk" "$PWD"/conf/confounds.md

	# a model from elsewhere, with its own front-end, beside the same network with random weights; no encoder is trained for it
	ser-wav2feat -q --kind mfcc spk/train.tsv | ser-train speaker --label spk --arch whisper --hyper layers=1 --hyper dim=16 --hyper heads=2 --crop 0.5 -e 1 -q -o other.st
	recipe confounds.mk more -s SPEAKER="$PWD/spk" MODELS="$PWD/other.st" SYSTEMS='other other-random other-layer0 other-random-layer0' "$PWD"/more/confounds.tsv
	[ "$(tail -n +2 more/confounds.tsv | cut -f 2 | sort -u | paste -sd' ')" = 'other other-layer0 other-random other-random-layer0' ]
	run -1 ser-cmp more/three.other-layer0.ser more/three.other-random-layer0.ser
	ser-info more/three.other.ser | grep -q 'emb '

	# a corpus that says nothing of language and sex, and a speaker with fewer utterances than emotions
	bare="ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' $BATS_FILE_TMPDIR/three | awk 'NR < 9 || /s1/ || /angry_/'"
	recipe confounds.mk bare -s SPEAKER="$PWD/spk" SYSTEMS=cepstra PREP_three="$bare" "$PWD"/bare/confounds.tsv "$PWD"/bare/map-three.svg 2> messages
	grep -q '1 of 2 groups have too few records' messages
	[ "$(tail -n +2 bare/confounds.tsv | cut -f 4 | sort -u | paste -sd' ')" = 'emo loud spk text' ]

	# no table of speakers that the encoder was trained on
	run -2 recipe confounds.mk seen -s SPEAKER="$PWD/spk" CORPORA=one "$PWD"/seen/confounds.tsv \
		PREP_one="ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' $BATS_FILE_TMPDIR/one | sed '1s/\$\$/\tlang\tsex/; 1!s/\$\$/\ten\tm/'"
	[[ $output == *"one 2"*"speakers were trained on"* ]]
	[ ! -e seen/confounds.tsv ]
}
