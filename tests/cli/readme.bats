#!/usr/bin/env bats
# README's own commands, as they stand there, on a small spoken corpus whose files have RAVDESS' names.
load helper

# The lines of README that stand indented below a heading.
block() { awk -v head="## $1" '/^## /{on = $0 == head} on && /^    /' "$ROOT/README.md" | sed 's/^    //'; }

# ../data, as a corpus lies elsewhere: 12 actors, 4 emotions, 2 texts, 2 takes.
speak() {
	"$ROOT"/pipelines/demo-corpus spoken 12 4 >/dev/null
	local -A code=([neutral]=01 [happy]=03 [sad]=04 [angry]=05)
	local actor=0 v e k
	for v in spoken/*/; do
		actor=$((actor + 1))
		mkdir -p ../data/Actor_$actor
		for e in "${!code[@]}"; do
			for k in 1 2 3 4; do
				mv "$v${e}_0$k.wav" "$(printf '../data/Actor_%d/03-01-%s-01-%02d-%02d-%02d.wav' $actor "${code[$e]}" \
					$((1 + (k - 1) / 2)) $((1 + (k - 1) % 2)) $actor)"
			done
		done
	done
}

# What stands for the rest of the world: two passes of training, a microphone that says one thing and is silent, no other machines.
stand_ins() {
	mkdir bin
	printf '#!/bin/sh\nexec %s/ser-train "$@" --epochs 2 --arch mlp\n' "$BINDIR" >bin/ser-train
	printf '#!/bin/sh\nexec cat %s/data/Actor_1/03-01-05-01-01-01-01.wav\n' "${PWD%/*}" >bin/arecord
	chmod +x bin/*
	PATH=$PWD/bin:$PATH
	ln -s "$ROOT/examples" examples
}

@test "as one types it, and from Python" {
	for c in espeak-ng parallel jq; do
		command -v $c >/dev/null || skip "$c is not installed"
	done
	speak
	stand_ins
	block 'As one types it' | sed -n '1,/^examples/p' | sed -e "s|/data/RAVDESS|-q ${PWD%/*}/data|; s| 8/ada 8/bob||" >flow.sh
	sed -i "/spread/i awk -F '\\\\t' 'NR == 1 || \$NF == 3' folded.tsv >vox.tsv" flow.sh
	grep -q 'score classes' flow.sh && grep -q spread flow.sh
	bash -eu flow.sh >out.txt 2>err.txt || { cat err.txt; return 1; }
	grep -q uar out.txt
	cmp fbank.ser same.ser
	ser-cmp <(ser-select 'fold == 3' <fbank.ser) out/feat.ser
	"$PYTHON" -c 'import msgpack_numpy' 2>/dev/null || skip "python3-msgpack-numpy is not installed"
	block 'As one types it' | sed -n '/^import/,$p' | "$PYTHON" - >python.txt
	[ "$(wc -l <python.txt)" -eq 192 ]
}

# The commands of README that begin with this, in blocks or within the text.
commands() { { grep -E "^    $1" "$ROOT/README.md"; grep -oE "\`$1[^\`]*\`" "$ROOT/README.md"; } | sed -E 's/^ *//; s/`//g; s/ +#.*//'; }

@test "its recipes: each has a plan for the corpora it names" {
	for c in espeak-ng parallel jq; do
		command -v $c >/dev/null || skip "$c is not installed"
	done
	ln -s "$ROOT/pipelines" pipelines
	touch sound
	for f in RAVDESS/Actor_01/03-01-05-02-01-02-01.wav ravdess/03-01-05-02-01-02-01.wav EmoDB/03a01Fa.wav emodb/16b10Wb.wav nemo/samples/x_anger_1.wav \
		baved/0/49-m-23-0-1-201.wav librispeech/1272/128104/1272-128104-0000.flac arabic-speech-commands/dataset/zero/01_NO_1.wav mine/anna/joy_1.wav; do
		mkdir -p "data/${f%/*}"
		cp sound "data/$f"
	done
	printf 'id\tpath\tspk\temo\na\ta.wav\ts\tjoy\n' >mine.tsv
	# no block but these recipes, the flow above, and what builds and checks the whole
	! awk '/^## /{h = $0} /^    / && h != "## As one types it"' "$ROOT/README.md" | grep -vE '^    make (deps (demo|check)|-C pipelines) ' || false
	commands 'make -C pipelines' >commands.txt
	[ "$(grep -c 'corpus\|ravdess\|emodb\|speaker\|confounds\|pretrain\|paper-clusters\|robust\|weights' commands.txt)" -ge 10 ]
	while read -r line; do
		echo "$line"
		line=$(sed "s|/data|$PWD/data|g; s|MODELS=[^ ]*||; s|OUT=\([^ ]*\)|OUT=$PWD/\1|" <<<"$line")
		[[ $line == *OUT=* ]] || line+=" OUT=$PWD/out"
		bash -c "${line/make /make -n TOOLS='$BINDIR' } 2>err.txt" >plan.txt || { cat err.txt; false; }
		grep -qE 'ser-|pip ' plan.txt
	done <commands.txt
}

@test "a corpus of one's own, by a manifest and by the command that prints one" {
	for c in espeak-ng parallel jq; do
		command -v $c >/dev/null || skip "$c is not installed"
	done
	"$ROOT"/pipelines/demo-corpus mine 6 2
	ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' mine >mine.tsv
	awk -F'\t' '{print NR == 1 ? "wav,speaker,label" : $2 "," $3 "," $4}' mine.tsv >mine.csv
	ln -s "$ROOT/pipelines" pipelines
	commands 'make -C pipelines -j2 corpus' >commands.txt
	[ "$(wc -l <commands.txt)" -eq 3 ]
	while read -r line; do # one pass of training, three folds
		line=$(sed "s|/data/mine|mine|; s|OUT=\([^ ]*\)|OUT=$PWD/\1 TOOLS='$BINDIR' N_FOLDS=3 CLUSTERS=3 TRAIN_SPEAKER='--arch convpool --epochs 1' TRAIN_CLASSIFY='--epochs 1' TRAIN_CONTRASTIVE='--epochs 1'|" <<<"$line")
		bash -c "$line" >report.txt 2>err.txt || { tail err.txt; false; }
		grep -q '^corpus: 48 utterances of 6 speakers scored' report.txt
		rm -r out-mine
	done <commands.txt
}
