#!/usr/bin/env bash
# flow.sh MANIFEST OUT: the whole job as one would type it, on any manifest (id path spk emo, from ser-prep): features,
# a speaker encoder, clusters inside each speaker, pairs from them, contrastive pretraining, fine-tuning, and scores on
# a fifth of the speakers, who are never trained on. EPOCHS (default 10) makes it quick or thorough.
set -euo pipefail
manifest=${1:?usage: flow.sh MANIFEST OUT} out=${2:?usage: flow.sh MANIFEST OUT} epochs=${EPOCHS:-10}
mkdir -p "$out"

# Features, wherever the manifest's files are, and folds of whole speakers: fold 0 is for the test.
ser-wav2feat -q --kind fbank --num-mel-bins 40 <"$manifest" | ser-fold holdout --test-frac 0.2 >"$out"/all.ser
ser-select 'fold == 1' <"$out"/all.ser >"$out"/train.ser
ser-select 'fold == 0' <"$out"/all.ser >"$out"/test.ser

# Emotion in speaker embeddings? No emotion label is used before the scores.
ser-train speaker --label spk --arch convpool -e "$epochs" --seed 1 -o "$out"/spk.st <"$out"/train.ser
ser-embed -m "$out"/spk.st --drop feat <"$out"/train.ser >"$out"/emb.ser
ser-kmeans --by spk -k 4 --seed 1 <"$out"/emb.ser >"$out"/clu.ser
ser-score clusters --by spk --label emo <"$out"/clu.ser
ser-project --method pca <"$out"/emb.ser | ser-plot scatter --color spk,emo >"$out"/map.svg

# Pairs from these clusters, an encoder from the pairs, a recogniser from the encoder.
ser-pairs --by spk --seed 1 <"$out"/clu.ser >"$out"/pairs.ser
ser-train contrastive --pairs "$out"/pairs.ser --arch convpool -e "$epochs" --seed 1 -o "$out"/enc.st <"$out"/train.ser
ser-train classify --label emo --init "$out"/enc.st --arch convpool -e "$epochs" --seed 1 -o "$out"/emo.st <"$out"/train.ser
ser-predict -m "$out"/emo.st --drop feat <"$out"/test.ser >"$out"/pred.ser
ser-score classes --label emo <"$out"/pred.ser
