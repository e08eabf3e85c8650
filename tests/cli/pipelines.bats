# The recipe from sound files to scores, on a few sentences of six voices of espeak-ng.
load helper

setup() {
	work
	command -v espeak-ng >/dev/null || skip "espeak-ng is not installed"
	command -v parallel >/dev/null || skip "GNU parallel is not installed"
	command -v jq >/dev/null || skip "jq is not installed"
}

# The tools under test come first on PATH; the recipe itself would take those of bin/.
recipe() {
	make --no-print-directory -C "$ROOT/pipelines" -f recipe.mk CORPUS=demo VOICES=6 SENTENCES=4 OUT="$PWD/$1" TOOLS="$BINDIR" "${@:2}"
}

# All that a run made but sounds and tables that name its folder.
digest() {
	(cd "$1" && find . -name '*.ser' -o -name '*.tsv' -not -name manifest.tsv -o -name '*.score.txt' | LC_ALL=C sort |
		while read -r f; do case $f in *.ser) ser-dump --data "$f" ;; *) cat "$f" ;; esac | cksum | sed "s|\$| $f|"; done)
}

@test "from sounds to scores; a second run has nothing to do; an interrupted one goes on to the same result" {
	recipe whole report >report.txt
	grep -q '^demo: [0-9]* utterances of [0-9]* speakers' report.txt
	grep -q '^speakers both trained on and scored: 0' report.txt
	grep -qE '^scratch +[01]\.[0-9]{4} ' report.txt
	grep -qE '^pretrained +[01]\.[0-9]{4} ' report.txt
	[ "$(recipe whole -s report | cksum)" = "$(tail -n "$(wc -l <whole/report.txt)" report.txt | cksum)" ]
	recipe whole -q whole/report.txt || recipe whole -q "$PWD/whole/report.txt"

	mkdir cut
	cp -r whole/audio cut/audio
	for s in 0.2 0.4 0.6 0.8 1.0; do # SIGKILL to the whole group: nobody can tidy up
		setsid bash -c 'exec make --no-print-directory -C "$1/pipelines" -f recipe.mk CORPUS=demo VOICES=6 SENTENCES=4 \
			OUT="$2" TOOLS="$3" report' _ "$ROOT" "$PWD/cut" "$BINDIR" >/dev/null 2>&1 &
		local pid=$!
		sleep $s
		kill -KILL -- -$pid 2>/dev/null || true
		wait $pid || true
	done
	recipe cut report >/dev/null
	diff <(digest whole) <(digest cut)
}

@test "a setting with another value remakes what hangs on it, and nothing else; a plan changes nothing" {
	recipe whole report >/dev/null
	for v in $(sed -nE 's/^([A-Z_]+) *\?=.*/\1/p' "$ROOT"/pipelines/{recipe,settings,corpora/demo}.mk | grep -vxE 'TOOLS|THREADS|OUT|PROGRESS'); do
		case $v in NORM) value=speaker ;; *) value=7 ;; esac
		echo "$v"
		recipe whole -n report $v=$value | grep -q '^ser-\|^./demo'
	done
	[ "$(recipe whole -n report | grep -c '^ser-')" -eq 0 ]
	recipe whole -n report SEED=2 >plan
	grep -q 'ser-train classify' plan
	! grep 'ser-wav2feat\|ser-fold' plan || false
	recipe whole report FRAMES='--kind mfcc' >/dev/null
	ser-info whole/feat.ser | grep -q mfcc
	[ "$(recipe whole -n report FRAMES='--kind mfcc' | grep -c '^ser-')" -eq 0 ]
}

@test "any corpus: a manifest, or a command that prints one, whose paths begin where make was called" {
	"$ROOT"/pipelines/demo-corpus audio 6 2
	ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' audio >m.tsv
	corpus() {
		make --no-print-directory -C "$ROOT/pipelines" TOOLS="$BINDIR" N_FOLDS=3 CLUSTERS=3 TRAIN_SPEAKER='--arch convpool --epochs 1' \
			TRAIN_CLASSIFY='--epochs 1' TRAIN_CONTRASTIVE='--epochs 1' "$@"
	}
	# a manifest, a folder to write to and one to be in, with blanks and quotes in their names
	export XDG_CACHE_HOME=$PWD/cache
	mkdir "our 'voices'"
	cp -r audio m.tsv "our 'voices'"
	(cd "our 'voices'" && mv m.tsv "m 'y.tsv" && corpus corpus MANIFEST="m 'y.tsv" OUT="o 'ne") |
		grep -q '^corpus: 48 utterances of 6 speakers scored, 4 classes, 3 fold'
	mv "our 'voices'/o 'ne" one
	grep -q '^Processor time of all that was run for this, by every run: [0-9.]* \(s\|min\)\.$' one/report.txt
	corpus corpus PREP="ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' audio" OUT=two >/dev/null
	diff <(digest one) <(digest two)
	run corpus corpus OUT=three
	[ "$status" -ne 0 ]
	[[ $output == *'say what the corpus is'* ]]
}

@test "PROGRESS=1: which line of how many, and how long the rest may take; the same bytes" {
	recipe quiet report >/dev/null 2>err
	! grep -q '^\[' err || false
	cp -r quiet/audio audio
	mkdir loud && mv audio loud/audio
	TMPDIR=$PWD recipe loud -j 2 PROGRESS=1 report >/dev/null 2>err
	n=$(sed -nE 's/^\[1\/([0-9]+)\] .*/\1/p' err)
	[ "$n" -gt 30 ]
	! grep '^\[' err | grep -vE "^\[[0-9]+/$n\] [0-9]+:[0-9]{2} min(, about [0-9.]+ (s|min|h) left)?$" || false
	! ls tmp.* || false # it tidies up after the last line
	diff <(digest quiet) <(digest loud)
}

@test "a setting that changes lines of a recipe puts these lines into the plan when all is made" {
	mkdir -p labels
	touch labels/cremad-tabulatedVotes.csv
	for r in chunks deepemocluster penalty gemo-clap; do
		plan() { make -n --no-print-directory -C "$ROOT/pipelines" -f $r.mk OUT="$PWD/$r" TOOLS="$BINDIR" DATA="$PWD" QUICK=1 OTHER=x OTHER_DATA="$PWD" report "$@" 2>/dev/null | sort -u; }
		plan | grep -oE "$PWD/$r/[^ '\">;)]*/" | sort -u | xargs mkdir -p "$r"
		make -t -s -C "$ROOT/pipelines" -f $r.mk OUT="$PWD/$r" TOOLS="$BINDIR" DATA="$PWD" QUICK=1 OTHER=x OTHER_DATA="$PWD" report
		[ "$(plan | grep -vc '^cat ')" -eq 0 ]
		plan -B >all
		[ "$(wc -l <all)" -gt 40 ]
		for v in DATA $(sed -nE 's/^([A-Z_a-z]+) *\?=.*/\1/p' "$ROOT/pipelines/$r.mk" | grep -vx 'OUT\|DATA'); do
			comm -13 all <(plan -B $v=7) >changed
			comm -23 changed <(plan $v=7) >missed
			[ ! -s missed ] || { echo "$r.mk: $v=7"; cat missed; false; }
		done
	done
}

@test "-j 2 makes what -j 1 makes" {
	recipe one report >/dev/null
	mkdir two
	cp -r one/audio two/audio
	recipe two -j 2 THREADS=2 report >/dev/null
	diff <(digest one) <(digest two)
}

@test "bars.mk: protocols, systems and published figures in one table; settings are chosen without the test speakers" {
	"$ROOT"/pipelines/demo-corpus audio 4 2
	ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' audio | ser-wav2feat --preset whisper -q | ser-select --drop spk true |
		ser-train classify --label emo --arch whisper --hyper dim=8 --hyper layers=2 --hyper heads=2 --allow-shared-speakers -e 1 -q -o small.st
	make --no-print-directory -s -C "$ROOT/pipelines" -f bars.mk TOOLS="$BINDIR" OUT="$PWD/out" DATA="$PWD" NORMS='none speaker' PROTOCOLS=ravdess-loso \
		PREP_ravdess="ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' '$PWD/audio'" TESTED_ravdess-loso='0 1 2 3' SEEDS='1 2' \
		SYSTEMS='egemaps-logistic egemaps-svm egemaps+functionals-logistic egemaps-net small-layers' ENCODERS="$PWD/small.st" COSTS_layers=1e-3 NET='--arch mlp --epochs 3' NETS='hidden=8:dropout=0:0.1 hidden=8:dropout=0.5:0.1' \
		DESCRIPTORS='--kind mfcc --functionals mean' CEPSTRA='--kind mfcc --functionals std' COSTS=1e-3,1e-2 N_BOOT=50 report
	[ "$(grep -cE '^\| (egemaps-(logistic|svm)|egemaps\+functionals-logistic|small-layers) \| [0-9.]+ \|' out/RESULTS.md)" -eq 8 ]
	[ "$(ser-dump out/corpora/ravdess.egemaps+functionals.ser | jq -c .func.shape | sort -u)" = '[114]' ]
	[ "$(grep -cE '^\| egemaps-net \| [0-9.]+ ± [0-9.]+ \(2 seeds\) \|' out/RESULTS.md)" -eq 2 ]
	# the mean over seeds is the score of all their predictions together
	jq -es 'all(.[]; (.seeds | add / 2) - (.scores[] | select(.set == "pooled" and .score == "uar").value) | fabs < 1e-9)' out/*/ravdess-loso/egemaps-net.json
	[ "$(grep -c 'both trained on and scored: 0' out/RESULTS.md)" -eq 2 ]
	grep -q '^| \*eGeMAPS, logistic regression\* | \*53.1\* ' out/RESULTS.md
	awk -F'\t' '$3 ~ /net$/ && ($4 != 2 * 32 || $12 != 2) {exit 1} END {exit NR != 11}' out/results.tsv
	grep -q '<h2 id="confusion">' out/report.html
	grep -q '<h2 id="reports">' out/report.html
}

@test "split over jobs: the bytes of the serial run" {
	"$ROOT"/pipelines/demo-corpus audio 4 4
	ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' audio >m.tsv
	ser-wav2feat -q <m.tsv >serial.ser
	parallel --will-cite --pipe --header : -N 10 -k ser-wav2feat -q <m.tsv >jobs.ser
	[ "$(ser-info jobs.ser | grep -c '6 segments\|7 segments')" -eq 1 ]
	cmp serial.ser <(ser-cat --merge jobs.ser)
	ser-wav2feat -q -t 4 <m.tsv | cmp - serial.ser

	ser-train speaker --label spk --arch mlp -e 1 -o spk.st serial.ser
	ser-embed -m spk.st serial.ser >emb.ser
	ser-split -n 3 -o 'part-%d.ser' serial.ser
	ls part-*.ser | parallel --will-cite ser-embed -m spk.st {} '>' {.}.emb.ser
	ser-cat --merge part-*.emb.ser | ser-sort --by id >sharded.ser
	ser-cmp --rtol 0 --atol 0 emb.ser sharded.ser
}

@test "examples/flow.sh: the whole job as one would type it" {
	"$ROOT"/pipelines/demo-corpus audio 5 3
	ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' audio >m.tsv
	EPOCHS=2 "$ROOT"/examples/flow.sh m.tsv out >report.txt
	[ "$(grep -c '^pooled' report.txt)" -ge 5 ]
	grep -q '^train_test_speaker_overlap  0' report.txt
	grep -q '^hungarian' report.txt
	grep -q '<svg' out/map.svg
}

gemo_clap() { # CORPUS OUT ARGS...
	make --no-print-directory -C "$ROOT/pipelines" -f gemo-clap.mk CORPUS="$1" QUICK=1 N_BOOT=20 OUT="$PWD/$2" TOOLS="$BINDIR" "${@:3}"
}

@test "gemo-clap: classes told by texts against a classifier; every figure of the report is there" {
	demo=(VOICES=6 SENTENCES=3 GENDER=spk CANDIDATES='dropout=0.2:1e-3:2 dropout=0.4:1e-3:4')
	gemo_clap demo clap "${demo[@]}" "$PWD/clap/func.ser" >out.txt
	mkdir -p b/1 # another corpus, with one of its classes
	for s in 1 2 3 4; do for l in 0 1 2; do cp "$(find "$PWD/clap/audio" -name '*.wav' | sed -n "$s"p)" b/1/$s-m-20-1-$l-1.wav; done; done
	gemo_clap demo clap "${demo[@]}" OTHER=baved OTHER_DATA="$PWD/b" report >out.txt 2>err || { tail -n 5 err; false; }
	# two for each of the six families, and for the three that the other corpus is asked by
	[ "$(grep -c '^gemo-clap-choose: --hyper dropout=0.[24] --lr 1e-3 --epochs [24]: [01]' err)" -eq 18 ]
	for m in emo ce sl-0.9 ml-0.9 heads rowsum; do [ "$(grep -cE "^\| $m \| [01]\.[0-9]{3} \|" clap/RESULTS.md)" -eq 2 ]; done
	grep -q ', shared with training: 0$' clap/RESULTS.md
	[ "$(grep -cE '^\| (emo|sl-0.9|ml-0.9) \| [a-z,]*neutral' clap/RESULTS.md)" -eq 6 ]
	[ "$(grep -c 'recall@' clap/RESULTS.md)" -eq 6 ]
	! grep -n 'nan\|null\|| |$' <(grep -v '^| emo ' clap/RESULTS.md) || false
	# two runs side by side; what is kept of them is all that the summary needs, and another of the same name takes the one's place
	cp -r clap again
	summary=$ROOT/pipelines/gemo-clap-summary
	"$summary" sum clap
	"$summary" sum again
	[ "$(grep -cE '^\| (clap|again) \| [24] \| [0-9]+ \| [0-9.]+ \| [+-][0-9.]+ \([+-][0-9.]+ to [+-][0-9.]+\) \|.*\| [0-9.]+ \| [0-9]+ of [0-9]+ \|$' sum/RESULTS.md)" -eq 2 ]
	cp -r sum one
	"$summary" one
	"$summary" one clap
	diff -r sum one
	sed -i 's/^Found: .*/Found: 7 of 9./' again/RESULTS.md
	"$summary" one again
	[ "$(diff sum/RESULTS.md one/RESULTS.md | grep -c '^>')" -eq 2 ]
	[ "$(wc -l <sum/results.tsv)" -eq 13 ]
}

@test "the report of GEmo-CLAP's runs that is kept is what its own runs and notes give" {
	cp -r "$ROOT"/pipelines/results/gemo-clap kept
	"$ROOT"/pipelines/gemo-clap-summary kept
	diff -r "$ROOT"/pipelines/results/gemo-clap kept
}

# A made IEMOCAP: five sessions of two speakers, five turns each of the four classes, one that listeners did not agree on, one of
# another class, and the files of a Macintosh and of single listeners that lie beside them.
iemocap() { # DIR
	"$PYTHON" - "$1" <<'EOF'
import os, random, struct, sys, wave
random.seed(1)
for s in range(1, 6):
    dialog, top = "Ses0%dF_impro01" % s, "%s/Session%d/" % (sys.argv[1], s)
    sounds, labels = top + "sentences/wav/%s/" % dialog, top + "dialog/EmoEvaluation/"
    os.makedirs(sounds)
    os.makedirs(labels + "Categorical")
    lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
    for who in "FM":
        for i, code in enumerate(["neu", "ang", "sad", "hap", "exc", "xxx", "oth"]):
            turn = "%s_%s%03d" % (dialog, who, i)
            lines += ["[%d.0 - %d.5]\t%s\t%s\t[2.5000, 3.0000, 3.0000]" % (i, i, turn, code), "C-E1:\tNeutral;\t()", ""]
            with wave.open(sounds + turn + ".wav", "wb") as w:
                w.setparams((1, 2, 16000, 0, "NONE", ""))
                w.writeframes(b"".join(struct.pack("<h", (t * (7 + i) % 160 - 80) * 50 + random.randrange(900)) for t in range(6400)))
            with open(sounds + "._" + turn + ".wav", "wb") as f:
                f.write(b"\0\5\26\7")
    for name in (dialog + ".txt", "Categorical/%s_e1_cat.txt" % dialog):
        with open(labels + name, "w") as f:
            f.write("\n".join(lines) + "\n")
    with open(labels + "._" + dialog + ".txt", "wb") as f:
        f.write(b"\0\5\26\7")
EOF
}

@test "gemo-clap on IEMOCAP's layout: a session left out at a time, four classes; also with the paper's towers and training" {
	iemocap data
	gemo_clap iemocap a DATA="$PWD/data" METHODS='emo ce sl-0.9 ml-0.9' CANDIDATES=dropout=0.2:1e-3:4 report >out.txt
	[ "$(ser-dump a/func.ser | jq -rs 'group_by(.emo) | map("\(.[0].emo)=\(length)") | join(" ")')" = "anger=10 happiness=20 neutral=10 sadness=10" ]
	[ "$(ser-dump a/func.ser | jq -rs 'map("\(.fold) \(.session)") | unique | join(",")')" = '1 1,2 2,3 3,4 4,5 5' ]
	grep -q '^## iemocap: 20 utterances of 4 speakers, shared with training: 0$' a/RESULTS.md
	# small towers in place of the published ones
	ser-prep -q --label-set 4class iemocap data 2>err | ser-manifest --spk-prefix others- | ser-wav2feat --kind wave -q >wave.ser
	ser-tokenize --train 300 --label emo -o tok.json wave.ser 2>err
	ser-train clap -l emo --arch wavlm -e 1 -b 50 -o towers.st $(printf -- '--hyper %s ' conv_dim=8 dim=16 layers=1 heads=2 ffn=16 pos_groups=2) \
		+ encoder --tokenizer tok.json --arch roberta $(printf -- '--hyper %s ' vocab=300 dim=16 layers=1 heads=2 ffn=16 positions=40) wave.ser
	mkdir text
	cp tok.json text/tokenizer.json
	cp towers.st text.st
	gemo_clap iemocap p DATA="$PWD/data" METHODS='emo sl-0.9' AUDIO_MODEL="$PWD/towers.st" TEXT_MODEL="$PWD/text.st" report >out.txt
	ser-model show --json p/iemocap/emo-1-1.st | jq -e '.prov[-1].args | (["--optimizer=adam", "--accumulate=4", "--crop=14", "--warmup-epochs=0.1", "--hidden=512"] - .) == []' >/dev/null
	grep -q '^| sl-0.9 | [01]' p/RESULTS.md
	grep -q '<h2 id="training">' p/report.html
}

@test "robust.mk: conditions at their levels, falls, calibration, rejection by validation speakers, gaps; a changed level makes itself alone" {
	"$ROOT"/pipelines/demo-corpus audio 4 2
	robust() {
		make --no-print-directory -C "$ROOT/pipelines" -f robust.mk TOOLS="$BINDIR" OUT="$PWD/out" CORPORA=three FOLD_three='ser-fold loso -q' FOLDS_three='0 1 2 3' \
			PREP_three="ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' '$PWD/audio'" FAMILIES='noise codec' LEVELS_noise='20 0' \
			LEVELS_codec=mulaw:8000 FUNCTIONALS='--kind mfcc --functionals mean,std' N_BOOT=20 LEARN='--loss logistic --cost 1e-3' "$@"
	}
	robust -s report >report.md
	[ "$(grep -cE '^\| (none|noise 20|noise 0|codec mulaw:8000) \| [0-9.]+ \|' report.md)" -eq 4 ]
	grep -q 'both trained on and scored: 0' report.md
	[ "$(grep -cE '^\| (short|middle|long|speaker m[1-4]) \| [0-9]+ \| [0-9.]+ \|' report.md)" -eq 6 ]
	# the fall is the difference of the two recalls, and of no condition none
	awk -F'\t' 'NR == 2 {clean = $6} NR > 1 {d = $6 - clean - $9; if (d > 1e-9 || d < -1e-9) exit 1; n++} END {exit n != 4}' out/results.tsv
	# white: no mean, neighbours that are strangers
	ser-wav2feat --kind wave -q out/noise.tsv | ser-dump --data | jq -e '[.feat.data | flatten[]] | length as $n | (add / $n) as $m | (map(. * .) | add / $n) as $v |
		([range(1; $n) as $i | .[$i] * .[$i - 1]] | add / $n / $v) as $r | $n == 80000 and ($m | fabs) < 0.002 and ($r | fabs) < 0.02 and $v > 0.03 and $v < 0.04'
	# what is kept is what reaches the threshold of the fold, at its temperature
	t=$(jq .t out/three/fold-2.json) x=$(jq 'first(.coverage[] | select(.share == 0.8)).threshold' out/three/fold-2.json)
	ser-select 'fold == 2' out/three/noise-20.pred.ser | ser-dump --data | jq -c --argjson t "$t" --argjson x "$x" \
		'(.post.data | map(log / $t | exp) | max / add) as $p | select(($p - $x | fabs) > 1e-6) | [.id, $p < $x]' >want
	ser-select 'fold == 2' out/three/noise-20.sure.ser | ser-dump | jq -c '[.id, .pred == null]' >got
	[ -s want ] && ! grep -vxFf got want
	robust -q "$PWD/out/RESULTS.md"
	[ "$(robust -n report LEVELS_noise='20 5' | grep -c '^ser-wav2feat --kind wave')" -eq 1 ]
	grep -q '<svg' out/falls-three.svg
	grep -q '<svg' out/reliability-three.svg
	grep -q '<h2 id="calibration">' out/report.html
}

@test "cross.mk: classes that both corpora have, those that one lacks by name, and the tested corpus' own speakers beside" {
	"$ROOT"/pipelines/demo-corpus audio 6 2
	mkdir one two
	ln -s "$PWD"/audio/m[1-4] one
	ln -s "$PWD"/audio/m[3-6] two
	prep="ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' --emo-map happy=joy $PWD"
	cross() {
		make --no-print-directory -C "$ROOT/pipelines" -f cross.mk TOOLS="$BINDIR" OUT="$PWD/out" CORPORA='one two' PREP_one="$prep/one --labels joy,sad,angry" PREP_two="$prep/two" \
			NORMS=none PARTS=2 N_BOOT=20 FUNCTIONALS='--kind mfcc --functionals mean,std' LEARN='--loss logistic --cost 1e-3' "$@"
	}
	cross -s report >report.md
	grep -qE '^\| one \| two \| 24 \| 4 \| 0 \| 3 \|  \| neutral \| [0-9.]+ \| [0-9.]+ - [0-9.]+ \| [0-9.]+ \|' report.md
	grep -qE '^\| two \| one \| 24 \| 4 \| 0 \| 3 \| neutral \|  \| [0-9.]+ \|' report.md
	[ "$(ser-dump out/none/two.one.own.ser | jq -r .fold | sort -u | xargs)" = '0 1' ]
	same "$(jq '.across.scores[] | select(.set == "pooled" and .score == "uar").value' out/none/one.two.json)" bash -c \
		'ser-score classes --label emo --fold none --n-boot 0 --json out/none/one.two.across.ser | jq ".scores[] | select(.set == \"pooled\" and .score == \"uar\").value"'
	grep -q '<h2 id="confusion">' out/report.html
	[ "$(cross -n report LEARN='--loss logistic --cost 1e-2' | grep -c '^ser-wav2feat')" -eq 0 ]
}

@test "links.mk: pretraining on pairs of real, random, agreed, blurred and true clusters, of which only the source differs" {
	"$ROOT"/pipelines/demo-corpus audio 6 2
	ser-prep --pattern '{spk}/{emo}_{text}' --id '{spk}_{emo}_{text}' audio >all.tsv
	learn_voice() { ser-wav2feat -q --kind mfcc | ser-train speaker --label spk --arch convpool --hyper channels=8 -e 1 -q -o voice.st; }
	awk -F'\t' '$3 ~ /[12]$/ || NR == 1' all.tsv | learn_voice
	awk -F'\t' '$3 !~ /[12]$/' all.tsv >m.tsv
	[ "$(cut -f 3 m.tsv | sort -u | wc -l)" -eq 5 ] # with its header
	links() {
		make --no-print-directory -C "$ROOT/pipelines" -f links.mk TOOLS="$BINDIR" OUT="$PWD/out" CORPORA=three FOLD='ser-fold kfold -k 2 -q' FOLDS='0 1' \
			PREP_three="cat '$PWD/m.tsv' | sed 's|audio/|$PWD/audio/|'" MODELS="$PWD/voice.st" SOURCES='random cepstra voice voice+cepstra true-70 true' SEEDS=1 SHARE=50 \
			FUNCTIONALS='--kind mfcc --functionals mean,std' N_BOOT=20 CONTRASTIVE='--epochs 1' CLASSIFY='--epochs 1' "$@"
	}
	links -s report >report.md
	[ "$(grep -cE '^\| (random|cepstra|voice|voice\+cepstra|true-70|true) \| -?[01]\.[0-9]{2} \| [0-9]+ % \([0-9]+ %\) \| [0-9.]+ \|' report.md)" -eq 6 ]
	grep -qE '^\| true \| 1.00 \| 100 %' report.md
	grep -q 'both trained on and scored: 0' report.md
	# what both say: the records of a cluster share both clusters
	ser-join --suffix 2 --fields cluster out/three/voice+cepstra.clu.ser out/three/voice.clu.ser | ser-join --suffix 3 --fields cluster - out/three/cepstra.clu.ser |
		ser-dump | jq -es 'all(.[]; .cluster == 1000 * .cluster2 + .cluster3)'
	[ "$(ser-dump out/three/true-70.clu.ser | jq -r .cluster | sort -u | wc -l)" -eq 4 ]
	grep -q '<svg' out/gains-three.svg
	grep -q '<h2 id="training">' out/report.html
	links -q "$PWD/out/RESULTS.md"
	# loudness out of the clusters, clusters within it, the surest half: nothing is trained for these
	links -s agreement SOURCES='voice voice.even voice.level voice.sure voice.near true' >agreement.md
	[ "$(grep -cE '^\| (voice|voice\.even|voice\.level|voice\.sure|voice\.near|true) \| -?[01]\.[0-9]{2} \| .* \| [0-9]+ \| [0-9]+ % \| [0-9]+ % \|' agreement.md)" -eq 6 ]
	n=$(ser-dump out/three/voice.clu.ser | wc -l)
	ser-dump out/three/voice.sure.clu.ser | jq -es --argjson n "$n" 'length == $n and (map(select(.cluster != null)) | length) == $n / 2'
	ser-join --tsv out/three/voice.level.clu.ser out/three/level.tsv | ser-dump | jq -es 'all(.[]; .cluster == null or (.cluster / 10 | floor) == (.level | split("/")[1] | tonumber))'
	[ "$(ser-dump out/three/voice.even.clu.ser | jq -s 'map(select(.cluster != null)) | length')" -gt 0 ]
	[ "$(links -n report CLASSIFY='--epochs 2' | grep -c 'ser-train contrastive')" -eq 12 ]
	# a record as its own positive, and speakers told apart: no clusters, other encoders; K clusters, and further tasks
	links -s report SOURCES='self speaker voice.near' FOLDS=0 OUT="$PWD/none" K=3 TASKS='+ classify --label spk --adversarial --weight 0.1 --hidden 4' >none.md
	[ "$(grep -cE '^\| (self|speaker) \| \| \| [0-9.]+ \|' none.md)" -eq 2 ]
	[ "$(ser-dump none/three/voice.near.clu.ser | jq -r 'select(.cluster != null) | .cluster' | sort -u | wc -l)" -eq 3 ]
	run -1 cmp -s none/three/self-1-0.pred.ser none/three/speaker-1-0.pred.ser
	# an encoder over frames
	links -s report SOURCES=true FOLDS=0 OUT="$PWD/frames" VECTORS='ser-wav2feat --kind fbank --num-mel-bins 20' ENCODER='--field feat --arch conformer --hyper head_size=4 --hyper heads=2 --hyper layers=1 --hyper ffn=8' >frames.md
	grep -qE '^\| true \| 1.00 \| 100 %.* \| [0-9.]+ \|' frames.md
	[ "$(links -n report PAIRS='--negatives 1' | grep -c '^ser-wav2feat')" -eq 0 ]
	# clusters of an encoder that has heard the test speakers
	learn_voice <m.tsv
	run -2 links -s report SOURCES=voice OUT="$PWD/heard"
	[[ $output == *'speakers were trained on and scored'* ]]
}
