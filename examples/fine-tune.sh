#!/usr/bin/env bash
# fine-tune.sh ENCODER MANIFEST OUT: a pretrained encoder of speech, the folder of a WavLM, HuBERT, wav2vec2 or data2vec as Hugging Face has
# it, fine-tuned on a corpus of one's own (id path spk emo, from ser-prep), and scored on a fifth of the speakers, none of whom it has heard.
# EPOCHS (default 10). Where memory or time is short, --lora 8 in place of --freeze trains adapters alone, and --recompute keeps less.
set -euo pipefail
encoder=${1:?usage: fine-tune.sh ENCODER MANIFEST OUT} manifest=${2:?a manifest} out=${3:?a folder} epochs=${EPOCHS:-10}
mkdir -p "$out"
ser-model import -q --from hf -o "$out"/encoder.st "$encoder"
ser-wav2feat -q --like "$out"/encoder.st "$manifest" | ser-fold holdout --test-frac 0.2 >"$out"/wave.ser
# Its front end is left as it is; higher layers learn faster than lower ones, all of them slower than the head; the epoch is kept that is
# best on a fifth of the training speakers. A run that was stopped goes on when it is started again.
ser-train classify -q --label emo --init "$out"/encoder.st --freeze extractor --epochs "$epochs" --batch 8 --dev-frac 0.2 --test-fold 0 \
	--lr 1e-3 --encoder-lr-scale 0.03 --layer-lr-decay 0.9 --warmup 0.1 \
	--seed 1 --log "$out"/log.tsv --checkpoint "$out"/checkpoint --resume -o "$out"/emo.st "$out"/wave.ser
ser-select 'fold == 0' "$out"/wave.ser | ser-predict -m "$out"/emo.st --drop feat >"$out"/pred.ser
ser-score classes --label emo "$out"/pred.ser | tee "$out"/scores.txt
ser-plot curve -q -o "$out"/curve.svg "$out"/log.tsv
