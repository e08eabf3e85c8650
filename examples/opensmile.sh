#!/usr/bin/env bash
# opensmile.sh MANIFEST OUT: what users of openSMILE know, by openSMILE's names and, as far as ser-llds(7) says, with its numbers: each line
# below the SMILExtract that it stands for, for all files of the manifest (id path spk emo) at once.
set -euo pipefail
manifest=${1:?usage: opensmile.sh MANIFEST OUT} out=${2:?usage: opensmile.sh MANIFEST OUT}
mkdir -p "$out"
# SMILExtract -C egemaps/v02/eGeMAPSv02.conf -I FILE -csvoutput egemaps.csv, which appends to what is there; this makes the file anew
ser-wav2feat -q --preset egemaps-opensmile "$manifest" | ser-cat --to opensmile-csv -o "$out"/egemaps.csv
# ... -lldcsvoutput lld.csv: 25 descriptors every 10 ms
ser-wav2feat -q --kind egemaps --compat opensmile "$manifest" | ser-cat --to opensmile-csv -o "$out"/lld.csv
# SMILExtract -C compare16/ComParE_2016.conf -I FILE -arffoutput compare.arff: 6373 functionals, and the label, for Weka
ser-wav2feat -q --preset compare2016 "$manifest" | ser-cat --to opensmile-arff --label emo -o "$out"/compare.arff
# A table that openSMILE itself has made goes on from here: who speaks from the manifest, folds of whole speakers, a support vector machine
ser-cat --from opensmile-arff "$out"/compare.arff | ser-join --tsv --fields spk - "$manifest" | ser-fold kfold -k 3 >"$out"/func.ser
for f in 0 1 2; do
	ser-svm -q --label emo --test-fold $f -o "$out"/fold$f.st "$out"/func.ser
	ser-select "fold == $f" "$out"/func.ser | ser-predict -m "$out"/fold$f.st >"$out"/fold$f.pred.ser
done
ser-score classes --label emo "$out"/fold?.pred.ser | tee "$out"/scores.txt
