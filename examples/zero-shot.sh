#!/usr/bin/env bash
# zero-shot.sh MANIFEST OUT CLASS[,CLASS...]: classes named by texts. Sounds are brought together with texts about their emotion, without
# these classes; then held-out speakers are asked for all classes, these too, by prompts. TEXT=FILE.st takes an encoder of sentences with its
# tokenizer in FILE beside it, as make -C pipelines weights leaves minilm.st, which knows what words have to do with each other. The
# recall of a class that nothing was trained on is the figure to look at: it is seldom above chance. Features are taken by speaker, whose
# utterances are seen together.
set -euo pipefail
manifest=${1:?usage: zero-shot.sh MANIFEST OUT CLASSES} out=${2:?a folder} unseen=${3:?classes, parted by commas}
mkdir -p "$out"
ser-wav2feat -q --preset egemaps "$manifest" | ser-norm --field func --by spk | ser-fold holdout --test-frac 0.3 >"$out"/func.ser
ser-select "fold == 1 and not (emo =~ '^(${unseen//,/|})$')" "$out"/func.ser >"$out"/train.ser
if [ -n "${TEXT:-}" ]; then
	text=(--tokenizer "${TEXT%.st}" --init "$TEXT" --freeze all)
else
	ser-tokenize -q --train 280 --label emo -o "$out"/tok.json "$out"/train.ser
	text=(--tokenizer "$out"/tok.json --arch roberta --hyper vocab=300 --hyper dim=32 --hyper layers=1 --hyper heads=4 --hyper ffn=64)
fi
ser-train clap -q --label emo --field func --arch mlp --prompt 'The emotion is {}' --prompt 'Somebody is {}' --epochs "${EPOCHS:-40}" --seed 1 \
	+ encoder "${text[@]}" -o "$out"/clap.st "$out"/train.ser
classes=$(ser-dump --tsv emo "$out"/func.ser | tail -n +2 | sort -u | paste -sd,)
ser-select 'fold == 0' "$out"/func.ser | ser-predict -m "$out"/clap.st --classes "$classes" --prompt 'The voice sounds {}' >"$out"/pred.ser
ser-score classes --label emo "$out"/pred.ser | tee "$out"/scores.txt
