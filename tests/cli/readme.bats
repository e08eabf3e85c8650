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
