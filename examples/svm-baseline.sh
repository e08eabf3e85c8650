#!/usr/bin/env bash
# svm-baseline.sh MANIFEST OUT: the classical baseline on one's own corpus (id path spk emo, from ser-prep): eGeMAPS functionals and a
# linear support vector machine, each of five folds of whole speakers left out once. Leaves scores.txt and confusion.svg.
set -euo pipefail
manifest=${1:?usage: svm-baseline.sh MANIFEST OUT} out=${2:?usage: svm-baseline.sh MANIFEST OUT}
mkdir -p "$out"
ser-wav2feat -q --preset egemaps <"$manifest" | ser-fold kfold -k 5 >"$out"/func.ser
for f in 0 1 2 3 4; do
	ser-svm -q --label emo --test-fold $f -o "$out"/fold$f.st "$out"/func.ser
	ser-select "fold == $f" "$out"/func.ser | ser-predict -m "$out"/fold$f.st >"$out"/fold$f.pred.ser
done
ser-score classes --label emo "$out"/fold?.pred.ser | tee "$out"/scores.txt
ser-plot confusion --label emo -o "$out"/confusion.svg "$out"/fold?.pred.ser
