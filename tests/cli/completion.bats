#!/usr/bin/env bats
# What the shells offer: the tools' own words first, then bash, zsh and fish themselves.
load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	mkstream -n 5 >a.ser
	mkdir folder
}

words() { # what --help=complete prints for a word at the end of a line
	local tool=$1
	shift
	"$tool" --help=complete $(($# - 1)) "$@" | cut -f 1 | paste -sd ' '
}

@test "modes, options, values, what a flag has, corpora, files and folders" {
	cd "$BATS_FILE_TMPDIR"
	same "classes calibration clusters cooccurrence compare" words ser-score c
	same "--json" words ser-score classes --js
	same "conv-attn" words ser-train classify --arch conv-
	same "--arch=conv-attn" words ser-train classify --arch=conv-
	same "classify clap" words ser-train contrastive --epochs 3 + cl
	same "--json=true --json=false" words ser-score classes --json=
	same "emns emodb emov-db emovo emozionalmente enterface esd /" words ser-prep e
	same "/" words ser-prep ravdess ''
	same "//" words ser-wav2feat --root ''
	same "/" words ser-cat -o ''
	same "" words ser-head --records ''
	same "opus" words ser-augment --codec op
	same "mulaw,gsm" words ser-augment --codec mulaw,g
	same "cremad:speakers /" words ser-fold published crem
	same "/" words ser-fold published cremad:speakers ''
	same "/" words ser-fold kfold crem
}

@test "fields by the names that they have in the streams on the line, wherever these stand" {
	cd "$BATS_FILE_TMPDIR"
	same "emo" words ser-score classes a.ser --label e
	same "emo" bash -c 'ser-sort --help=complete 1 --by e a.ser | cut -f 1'
	same "emo,spk" words ser-dump a.ser --tsv emo,s
	same "" words ser-score classes no-such-file --label e
	printf 'nothing like it' >"$BATS_TEST_TMPDIR/x"
	same "" words ser-score classes "$BATS_TEST_TMPDIR/x" --label e
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	same "" timeout 5 ser-score --help=complete 3 classes "$BATS_TEST_TMPDIR/pipe" --label e
}

@test "a name that is a command, or ends a line, is not offered" {
	printf 'id,"$(touch x)",`x`,two words,a;b,fine\na,w,x,y,z,v\n' | ser-cat --from csv -o hostile.ser
	same '$(touch x) `x` two words a;b fine' bash -c 'ser-dump hostile.ser | jq -r "keys_unsorted[1:] | join(\" \")"'
	same "id fine" words ser-score classes hostile.ser --label ''
}

@test "a wrong place is a usage error" {
	for at in zz -1 9; do
		fails 2 "--help=complete" ser-cat --help=complete $at a
	done
}

tools() {
	for f in "$ROOT"/src/ser-*.c; do basename "$f" .c; done
}

@test "every tool is known to the shells" {
	command -v fish >/dev/null || skip "fish is not installed"
	for t in $(tools); do
		bash -c '. "$1"; complete -p "$2"' _ "$ROOT/completions/ser.bash" "$t" >/dev/null || { echo "bash: $t"; false; }
		fish --no-config -c 'source $argv[1]; complete -C "$argv[2] --ver"' "$ROOT/completions/ser.fish" "$t" | grep -q -- --version || { echo "fish: $t"; false; }
	done
}

lines=('ser-score reg' 'ser-train classify --arch=conv-' 'ser-train classify --arch conv-' 'ser-score classes a.ser --label em' 'ser-prep nem'
	'ser-head --rec' 'ser-cat a.s' 'ser-cat -o a.s' 'ser-cat --output=a.s')
wanted='ser-score regress
ser-train classify --arch=conv-attn
ser-train classify --arch conv-attn
ser-score classes a.ser --label emo
ser-prep nemo
ser-head --records
ser-cat a.ser
ser-cat -o a.ser
ser-cat --output=a.ser'
lines+=('ser-wav2feat --kind fb' 'ser-wav2feat --preset whis')
wanted+='
ser-wav2feat --kind fbank
ser-wav2feat --preset whisper'
lines+=('ser-augment --codec mulaw,op' 'ser-fold published crem' 'ser-fold published cremad:sp' 'ser-fold published iemocap:sess')
wanted+='
ser-augment --codec mulaw,opus
ser-fold published cremad:speakers
ser-fold published cremad:speakers
ser-fold published iemocap:sessions'

@test "bash, on a terminal" {
	needs_terminal
	cd "$BATS_FILE_TMPDIR"
	same "$wanted" bash -c '"$@" | sed "s/ *$//"' _ "$ROOT/tests/tools/type" bash "$ROOT/completions" "${lines[@]}"
}

@test "zsh, on a terminal" {
	command -v zsh >/dev/null || skip "zsh is not installed"
	needs_terminal
	cd "$BATS_FILE_TMPDIR"
	same "$wanted" bash -c '"$@" | sed "s/ *$//"' _ "$ROOT/tests/tools/type" zsh "$ROOT/completions" "${lines[@]}"
}

@test "fish" {
	command -v fish >/dev/null || skip "fish is not installed"
	cd "$BATS_FILE_TMPDIR"
	for l in "${lines[@]}"; do
		echo "${l% *} $(fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$ROOT/completions/ser.fish" "$l" | cut -f 1)"
	done >got
	same "$wanted" cat got
}
