#!/usr/bin/env bash
# gallery.sh MANIFEST OUT: every kind of picture that ser-plot draws, of a corpus of one's own, and OUT/index.html, a page that shows each
# above the command that drew it.
set -euo pipefail
manifest=${1:?usage: gallery.sh MANIFEST OUT} out=${2:?usage: gallery.sh MANIFEST OUT}
mkdir -p "$out"
cp "$manifest" "$out"/manifest.tsv
ser-wav2feat -q --preset egemaps "$manifest" | ser-fold kfold -k 3 >"$out"/func.ser
head -n 2 "$manifest" | ser-wav2feat -q --kind fbank >"$out"/fbank.ser
cd "$out"
for f in 0 1 2; do
	ser-svm -q --label emo --test-fold $f -o svm$f.st func.ser
	ser-train classify -q --label emo --field func --arch mlp --epochs 20 --seed 1 --test-fold $f --log mlp$f.tsv -o mlp$f.st func.ser
	for m in svm mlp; do ser-select "fold == $f" func.ser | ser-predict -m $m$f.st >$m$f.ser; done
done
for m in svm mlp; do ser-score classes --label emo --json $m?.ser >$m.json; done
ser-norm --field func func.ser --global | ser-project --field func --method pca >map.ser
ser-norm --field func func.ser --global | ser-score verify --field func --by spk --det --n-boot 0 --json >det.json

{
	echo '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Pictures of ser-plot</title>'
	echo '<style>body{font:16px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}img{max-width:100%}pre{background:#eee;padding:.5em;overflow:auto}</style>'
	echo '<h1>Pictures of ser-plot</h1>'
} >index.html
draw() { # NAME WHAT-IT-SHOWS ARGUMENTS...
	ser-plot "${@:3}" -q -o "$1".svg
	printf '<h2>%s</h2><img src="%s.svg" alt="%s"><pre>ser-plot %s</pre>\n' "$2" "$1" "$2" "${*:3}" >>index.html
}
draw scatter 'Utterances by speaker and emotion' scatter --color spk,emo map.ser
draw confusion 'What is taken for what' confusion --label emo svm0.ser svm1.ser svm2.ser
draw reliability 'How sure, how often right' reliability --label emo mlp0.ser mlp1.ser mlp2.ser
draw bars 'Two systems, with intervals over speakers' bars svm=svm.json mlp=mlp.json
draw curve 'Training, by fold' curve mlp0.tsv mlp1.tsv mlp2.tsv
draw box 'A feature by emotion' box --field func --column 0 --label emo func.ser
draw spectrogram 'A sound' spectrogram fbank.ser
draw det 'Speakers told apart by functionals' det det.json
