#!/usr/bin/env bats
load helper

setup() {
	work
	mk() { "$ROOT/tests/tools/mkser" "$@"; }
	mk < "$ROOT/tests/golden/ser-score.txt" > all.ser
}

# whole FILE...: well-formed XML by somebody else's parser, and no number that is none
whole() {
	$PYTHON - "$@" <<-'P'
		import re, sys, xml.dom.minidom as m
		for f in sys.argv[1:]:
		    d = m.parse(f)
		    assert d.documentElement.tagName == "svg", f
		    for e in d.getElementsByTagName("*"):
		        for k, v in e.attributes.items():
		            assert not re.search(r"\b(nan|inf)", v, re.I), (f, e.tagName, k, v)
		            if k in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "font-size"):
		                float(v)
		                assert k not in ("r", "width", "height", "font-size") or float(v) >= 0, (f, k, v)
	P
}

# inside FILE...: every text begins and every mark lies within the picture
inside() {
	$PYTHON - "$@" <<-'P'
		import re, sys, xml.dom.minidom as m
		for f in sys.argv[1:]:
		    d = m.parse(f).documentElement
		    w, h = float(d.getAttribute("width")), float(d.getAttribute("height"))
		    for e in d.getElementsByTagName("*"):
		        if e.parentNode.tagName == "pattern":
		            continue
		        g = e.getAttribute
		        p = [(g(a), g(b)) for a, b in (("x", "y"), ("x1", "y1"), ("x2", "y2"), ("cx", "cy")) if g(a)]
		        p += [tuple(q.split(",")) for q in g("points").split()]
		        p += re.findall(r"[ML]([-\d.]+) ([-\d.]+)", g("d"))
		        for x, y in p:
		            assert -0.01 <= float(x) <= w + .01 and -0.01 <= float(y) <= h + .01, (f, e.tagName, x, y)
	P
}

texts() { grep -o '<text[^>]*>[^<]*' "$1" | sed 's/.*>//'; }

islands() { # three speakers far apart, two emotions in each; "far" apart when $1 is not 0
	awk -v far="${1:-50}" 'BEGIN {srand(3); for (i = 0; i < 90; i++) printf "id=u%d\tspk=s%d\temo=%s\tproj:t=%f,%f\n", i, i % 3, i % 2 ? "joy" : "fear", far * (i % 3) + 9 * rand(), (i % 2) * 9 + 9 * rand()}' | mk
}

@test "ser-plot scatter: a marker for each record in the colour of its label, names where the points are" {
	islands | ser-plot scatter --color spk,emo > a.svg
	whole a.svg
	inside a.svg
	[ "$(grep -c '<title>u' a.svg)" -eq 90 ]
	[ "$(grep -c 'class="ser-k3"><title>u[0-9]*, s[012], fear<' a.svg)" -eq 45 ]
	[ "$(grep -c 'class="ser-k4"><title>u[0-9]*, s[012], joy<' a.svg)" -eq 45 ]
	[ "$(grep -c '<polygon' a.svg)" -eq 3 ]
	for s in s0 s1 s2 emo fear joy; do texts a.svg | grep -qx $s; done
	# in the order of the places
	[ "$(grep 'aria-hidden' a.svg | sed -E 's/.* x="([0-9.]*)".*>(s.)<.*/\1 \2/' | sort -n | awk '{printf "%s ", $2}')" = "s0 s1 s2 " ]
	texts a.svg | grep -q 'Names: spk'
}

@test "ser-plot scatter: points far beyond the others do not squash them, and that is said" {
	islands 30 | ser-dump -d - | jq -c 'if .id == "u4" then .proj.data[0] = 1e5 else . end' | ser-cat --from json >out.ser
	ser-plot scatter --color emo -o a.svg out.ser
	whole a.svg
	inside a.svg
	texts a.svg | grep -q 'Far beyond the others, drawn at the frame: 1 of 90'
	ser-plot scatter --color emo <(islands 30) | grep -q 'Far beyond' && return 1
	[ "$(grep -c '<title>u' a.svg)" -eq 90 ]
}

@test "ser-plot scatter: what is not apart is not named, and that is said" {
	islands 0 > mixed.ser
	run --separate-stderr ser-plot scatter --color spk,emo -o a.svg mixed.ser
	[ "$status" -eq 0 ]
	[[ $stderr == *"3 of 3 values of spk"*"--panel spk"* ]]
	! grep -q '<polygon' a.svg || false
	! texts a.svg | grep -qx s0 || false
	texts a.svg | grep -q '3 of 3 spk'
	! texts a.svg | grep -q 'Names:' || false
	run --separate-stderr ser-plot scatter --color emo --panel spk -o b.svg mixed.ser
	[ -z "$stderr" ]
	whole b.svg
	inside b.svg
	[ "$(grep -c '<title>u' b.svg)" -eq 90 ]
	for s in s0 s1 s2; do texts b.svg | grep -qx $s; done
}

@test "ser-plot scatter: axes say what they are" {
	ser-project --method tsne --perplexity 10 --seed 7 all.ser > t.ser
	ser-plot scatter --color emo t.ser > t.svg
	texts t.svg | grep -qx 't-SNE 1'
	texts t.svg | grep -q '^Kullback-Leibler divergence [0-9.]*'
	! texts t.svg | grep -qx '0' || false # no numbers where they mean nothing
	ser-project all.ser | ser-plot scatter > p.svg
	texts p.svg | grep -q '^principal component 2 ([0-9.]* % of the variance)$'
	texts p.svg | grep -qx '0'
	ser-plot scatter --field emb all.ser > e.svg
	texts e.svg | grep -qx 'emb 1'
	whole t.svg p.svg e.svg
	# provenance, with the seed, as JSON
	sed -n 's/<metadata>\(.*\)<\/metadata>/\1/p' t.svg | sed 's/&quot;/"/g' > m.json
	[ "$(jq -r '.prov[0].tool, .prov[1].tool' m.json | paste -sd' ')" = "ser-project ser-plot" ]
	jq -r '.prov[0].args[]' m.json | grep -qx -- '--seed=7'
	jq -e '.dims.proj.kl > 0' m.json
}

@test "ser-plot: equal bytes, from -o too; a size that is asked for" {
	ser-plot scatter --field emb --color emo all.ser > a.svg
	ser-plot scatter --field emb --color emo < all.ser > b.svg
	ser-plot scatter --field emb --color emo -o c.svg all.ser
	cmp a.svg b.svg
	cmp a.svg c.svg
	ser-plot scatter --field emb --color emo --panel spk --width 500 --height 400 all.ser > d.svg
	grep -q '<svg .*width="500" height="400"' d.svg
	ser-plot confusion --label emo --width 300 --height 300 all.ser > e.svg
	ser-plot confusion --label emo all.ser > f.svg
	whole d.svg e.svg f.svg
	inside d.svg e.svg f.svg
}

@test "ser-plot: text is escaped, odd text too" {
	printf 'id=a"<\temo=<b>&"\xe4\xb8\xad\tpred=x\temb:t=1,2\nid=b\temo=x\tpred=\x01\xc2\xa0\temb:t=1,2\n' | mk > odd.ser
	ser-plot scatter --field emb --color emo --title 'a <i>&amp; "b"' odd.ser > a.svg
	ser-plot confusion --label emo odd.ser > b.svg
	whole a.svg b.svg
	grep -q 'a &lt;i&gt;&amp;amp; &quot;b&quot;' a.svg
	! grep -q '<i>' a.svg || false
	! grep -q $'\x01' b.svg || false
	printf 'table\trow\tcolumn\tvalue\nscores\tx\tvalue\t1\n' > r.tsv
	ser-plot bars '<&>=r.tsv' 'y=r.tsv' > c.svg
	whole c.svg
}

@test "ser-plot scatter: many categories differ by colour and marker; too many are refused" {
	many() { awk -v n="$1" 'BEGIN {for (i = 0; i < n; i++) printf "id=u%d\tone=x\tc:i=%d\temb:t=%d,%d\n", i, i, i % 9, i / 9}' | mk; }
	many 64 | ser-plot scatter --field emb --color c > a.svg
	whole a.svg
	inside a.svg
	# the legend's markers, without their places, are all different
	[ "$(grep -E '<(path|circle) .*class="ser-k[0-9]"/>' a.svg | wc -l)" -eq 64 ]
	[ "$($PYTHON -c "
import re
s = set()
for l in open('a.svg'):
    m = re.match(r'<(path|circle) (.*) class=\"(.*)\"/>', l)
    if m:
        p = re.findall(r'([-\d.]+) ([-\d.]+)', m[2])
        s.add((m[3], m[1], tuple((round(float(x) - float(p[0][0]), 1), round(float(y) - float(p[0][1]), 1)) for x, y in p)))
print(len(s))")" -eq 64 ]
	# numbers in the order of numbers
	[ "$(texts a.svg | grep -x '[0-9]*' | tail -64 | paste -sd' ')" = "$(seq -s' ' 0 63)" ]
	many 65 > many.ser
	fails 2 '"c" has 65 values' ser-plot scatter --field emb --color c many.ser
	fails 2 'panels' ser-plot scatter --field emb --panel c many.ser
	many 101 > many.ser
	fails 2 'names' ser-plot scatter --field emb --color c,one many.ser
	awk 'BEGIN {for (i = 0; i < 41; i++) printf "id=u%d\tc=%d\tpred=%d\n", i, i, i}' | mk > many.ser
	fails 2 '41 classes' ser-plot confusion --label c many.ser
}

@test "ser-plot confusion: counts and shares, classes in order, UAR" {
	ser-plot confusion --label emo all.ser > a.svg
	whole a.svg
	inside a.svg
	texts a.svg | paste -sd' ' | grep -q ' 120 records, UAR 65.3 %, accuracy 63.3 %.* By chance UAR is 25.0 %. '
	# the cells of the golden confusion matrix, row by row; 0 has no share
	want=$(awk -F'\t' '$1 == "classes" && $2 == "confusion" {print $5 + 0}' "$ROOT/tests/golden/ser-score.want" | paste -sd' ')
	got=$(texts a.svg | awk '/^[0-9]+ %$/ && prev ~ /^[0-9]+$/ {sub(/ %/, ""); if ($1 + 0 > 0) print prev} /^0$/ {print 0} {prev = $0}' | head -16 | paste -sd' ')
	[ "$want" = "$got" ]
	printf 'id=a\temo=10\tpred=9\nid=b\temo=9\tpred=9\nid=c\temo=10\tpred=10\n' | mk | ser-plot confusion --label emo > b.svg
	[ "$(texts b.svg | grep -xE '9|10' | paste -sd' ')" = "9 9 10 10" ]
	texts b.svg | paste -sd' ' | grep -q 'UAR 75.0 %, accuracy 66.7 %.* By chance UAR is 50.0 %. '
}

@test "ser-plot confusion --order: classes in the order asked for" {
	printf 'id=a\temo=sad\tpred=joy\nid=b\temo=calm\tpred=calm\nid=c\temo=joy\tpred=joy\n' | mk --dim post.classes=sad,joy > a.ser
	order() { ser-plot confusion --label emo "$@" a.ser | texts /dev/stdin | grep -xE 'sad|joy|calm' | paste -sd' '; }
	[ "$(order)" = "sad sad joy joy calm calm" ]
	[ "$(order --order calm,joy)" = "calm calm joy joy sad sad" ]
	[ "$(order --order joy)" = "joy joy sad sad calm calm" ]
	[ "$(order --order rage,joy)" = "joy joy sad sad calm calm" ] # one list serves several figures
	run -2 ser-plot confusion --label emo --order joy,joy a.ser
}

@test "ser-plot confusion: folds that were trained on different speakers make one matrix" {
	for f in 1 2; do
		printf 'id=a%s\temo=x\tpred=x\nid=b%s\temo=y\tpred=x\n' $f $f |
			mk --dim post.classes=x,y --dim post.train_speakers=s$f > f$f.ser
	done
	ser-plot confusion --label emo f1.ser f2.ser > a.svg
	whole a.svg
	texts a.svg | grep -q '^4 records, UAR 50.0 %'
}

@test "ser-plot curve: a panel for each column, a line for each log, the best ringed" {
	printf 'epoch\tloss\tdev_uar\tbest\n1\t2\t\t\n2\t1.5\t0.25\t0.25\n3\t1.25\t0.5\t0.5\n4\t1\t0.375\t0.5\n' > a.tsv
	sed 's/0.5/0.6/g' a.tsv > b.tsv
	head -c -3 a.tsv > cut.tsv
	run -1 ser-plot curve cut.tsv
	[[ $output == *'cut.tsv: the last line does not end in a newline'* ]]
	ser-plot curve a.tsv > a.svg
	whole a.svg
	inside a.svg
	[ "$(grep -c '<polyline' a.svg)" -eq 2 ]
	[ "$(sed -n 's/.*points="\([^"]*\)".*/\1/p' a.svg | wc -w)" -eq 7 ] # the empty cell is left out
	texts a.svg | grep -qx 'Ring: the best dev_uar, 0.5 at epoch 3.'
	texts a.svg | grep -qx 'loss and dev_uar by epoch'
	ser-plot curve 'seed 1=a.tsv' b.tsv --y loss > b.svg
	whole b.svg
	[ "$(grep -c '<polyline' b.svg)" -eq 2 ]
	texts b.svg | grep -qx 'seed 1'
	texts b.svg | grep -qx b
	ser-plot curve < a.tsv > c.svg
	[ "$(grep -c '<polyline' c.svg)" -eq 2 ]
	ser-plot curve --x loss --y epoch <(sort -r a.tsv | head -1; sort -k2n a.tsv | grep -v epoch) > d.svg
	whole d.svg
	{ printf 'epoch\tloss\tloss_lo\tloss_hi\n'; for i in $(seq 20); do printf '%d\t1\t0.9\t1.1\n' $i; done; } >long.tsv
	ser-plot curve long.tsv >f.svg # no tick between two epochs
	[ "$(texts f.svg | grep -cE '^[0-9]+[.][0-9]*$')" -eq "$(texts f.svg | grep -cE '^[01][.][0-9]+$')" ]
	texts f.svg | grep -qx 15
	texts f.svg | grep -qx 'Bars: the intervals of the tables.'
	printf 'epoch\tloss\n7\t0.5\n' | ser-plot curve > e.svg # one point
	whole e.svg
	inside e.svg
}

@test "ser-plot curve: what is refused" {
	printf 'epoch\tloss\n1\tnan\n' > a.tsv
	fails 1 'a.tsv:2: column "loss"' ser-plot curve a.tsv
	printf 'epoch\tloss\n1\n' > a.tsv
	fails 1 'a.tsv:2: 1 column, expected 2' ser-plot curve a.tsv
	printf 'epoch\tloss\n2\t1\n1\t1\n' > a.tsv
	fails 1 '"epoch" falls' ser-plot curve a.tsv
	printf 'epoch\tx\n2\t1\n' > a.tsv
	fails 1 'neither a column "loss"' ser-plot curve a.tsv
	fails 1 'no column "y"' ser-plot curve --y y a.tsv
	printf 'epoch\tloss\n' > a.tsv
	fails 1 'no points' ser-plot curve a.tsv
	fails 1 'no/such' ser-plot curve no/such
	printf '\xff\n' > a.tsv
	fails 1 'UTF-8' ser-plot curve a.tsv
	printf 'epoch\tloss\n1\t1\n' > a.tsv
	fails 2 '9 lines' ser-plot curve {1..9}=a.tsv
}

@test "ser-plot bars: TSV and JSON give the same picture; values, intervals, chance" {
	ser-score classes --label emo --n-boot 200 --tsv all.ser > a.tsv
	ser-score classes --label emo --n-boot 200 --json all.ser > a.json
	ser-plot bars x=a.tsv | grep -v metadata > t.svg
	ser-plot bars x=a.json | grep -v metadata > j.svg
	cmp t.svg j.svg
	ser-plot bars a.tsv > t.svg
	texts t.svg | grep -qx '0.653'
	texts t.svg | grep -qx 'Intervals: 95 %, over speakers. Dashed: chance.' # one over the classes
	for s in war macro_f1 weighted_f1; do ser-plot bars --score $s a.tsv | texts /dev/stdin | grep -q 'Dashed: chance'; done
	! ser-plot bars --score kappa a.tsv | texts /dev/stdin | grep -q 'Dashed' || false
	ser-plot bars --interval utt --score uar,war a.tsv b=a.json > u.svg
	texts u.svg | grep -qx 'Intervals: 95 %, over records. Dashed: chance.'
	[ "$(texts u.svg | grep -cx '0.653')" -ge 2 ]
	ser-plot bars --table classes a.tsv > c.svg
	for s in anger joy neutral sadness; do texts c.svg | grep -qx $s; done
	[ "$(grep -o 'stroke-dasharray="3 2"' c.svg | wc -l)" -eq 4 ]
	ser-score clusters --label emo --by spk --n-perm 20 --tsv all.ser > k.tsv
	ser-plot bars --score purity,nmi k.tsv > k.svg
	texts k.svg | grep -q 'Dashed: chance.'
	ser-plot bars 1/a=a.tsv 1/b=a.tsv 2/b=a.tsv > g.svg
	[ "$(texts g.svg | grep -cx '0.653')" -eq 6 ] # each with its rim
	whole t.svg u.svg c.svg k.svg g.svg
	inside t.svg u.svg c.svg k.svg g.svg
	sed -n 's/<metadata>\(.*\)<\/metadata>/\1/p' t.svg | sed 's/&quot;/"/g' | jq -e '.inputs[0].about.seed == "0"'
}

@test "ser-plot bars: differences say from whom" {
	printf 'table\trow\tcolumn\tvalue\nabout\tsecond\tvalue\tx/scratch.pred.ser\ndifferences\tuar\tdifference\t0.02\n' > a.tsv
	sed 's/scratch/other/' a.tsv > b.tsv
	ser-plot bars --table differences --score uar a.tsv c=a.tsv | texts /dev/stdin | grep -qx 'UAR: difference from scratch'
	ser-plot bars --table differences --score uar a.tsv b.tsv | texts /dev/stdin | grep -qx 'UAR: difference from the second system'
	sed -i 2d a.tsv
	ser-plot bars --table differences --score uar a.tsv b.tsv | texts /dev/stdin | grep -qx 'UAR: difference from the second system'
}

@test "ser-plot bars: lengths are the values, from 0" {
	printf 'table\trow\tcolumn\tvalue\nscores\ta\tvalue\t0.5\nscores\tb\tvalue\t0.25\nscores\tc\tvalue\t-0.125\n' > a.tsv
	ser-plot bars --score a,b,c a.tsv > a.svg
	whole a.svg
	inside a.svg
	grep '<rect' a.svg | grep "fill=\"#0072b2\"" | sed -E 's/.* width="([0-9.]*)".*/\1/' | awk 'NR == 1 {a = $1} {if ($1 / a - (NR == 1 ? 1 : NR == 2 ? .5 : .25) > .001 || $1 / a - (NR == 1 ? 1 : NR == 2 ? .5 : .25) < -.001) exit 1} END {exit NR != 3}'
}

@test "ser-plot bars: what is refused" {
	printf 'table\trow\tcolumn\tvalue\nscores\ta\tvalue\t0.5\n' > a.tsv
	fails 1 'no row "b"' ser-plot bars --score b a.tsv
	fails 1 'no table "b"' ser-plot bars --table b a.tsv
	fails 1 'no interval over speakers' ser-plot bars --interval spk a.tsv
	fails 2 '--interval is' ser-plot bars --interval x a.tsv
	fails 2 'two bars' ser-plot bars a.tsv a.tsv
	fails 2 'all files or none' ser-plot bars x/y=a.tsv a.tsv
	mkstream -n 2 > s.ser
	fails 1 'a stream of records, expected what ser-score' ser-plot bars s.ser
	printf 'x\ty\n' > b.tsv
	fails 1 'neither of ser-score' ser-plot bars b.tsv
	printf '{"scores": [' > b.json
	fails 1 'b.json' ser-plot bars b.json
	fails 2 'wide' ser-plot bars --width 3 a.tsv
}

@test "ser-plot: records that cannot be drawn" {
	printf 'id=a\temb:t=1,nan\n' | mk > a.ser
	fails 1 'record 1 "a"' ser-plot scatter --field emb a.ser
	printf 'id=a\temb:t=1\n' | mk > a.ser
	fails 1 'has 1 dimension,' ser-plot scatter --field emb a.ser
	fails 1 '"proj"' ser-plot scatter a.ser
	printf 'id=a\temb:t=1,2\n' | mk > a.ser
	fails 1 '"emo"' ser-plot scatter --field emb --color emo a.ser
	fails 2 'one or two labels' ser-plot scatter --field emb --color a,b,c all.ser
	mk < /dev/null > none.ser
	fails 1 'no points' ser-plot scatter none.ser
	fails 1 'nothing to count' ser-plot confusion --label emo none.ser
	fails 1 '"emb"' ser-plot confusion --label emb a.ser
	run -1 bash -c 'ser-plot scatter --field emb all.ser > /dev/full'
	run -1 ser-plot scatter --field emb -o /no/such/x.svg all.ser
}

@test "curve: intervals around values, where a table has them" {
	printf 'share\tUAR\tUAR_lo\tUAR_hi\n1\t0.4\t0.3\t0.5\n10\t0.5\t\t\n100\t0.6\t0.2\t0.9\n' >a.tsv
	printf 'share\tUAR\n1\t0.4\n100\t0.5\n' >b.tsv
	ser-plot curve --x share --y UAR a.tsv b.tsv >with.svg
	cut -f 1,2 a.tsv >c.tsv
	ser-plot curve --x share --y UAR a=c.tsv b.tsv >without.svg
	[ "$(grep -c 'stroke-opacity' with.svg)" -eq 3 ] # a row without bounds has a bar of no length
	[ "$(grep -c 'stroke-opacity' without.svg || true)" -eq 0 ]
	grep -q '>0.8<' with.svg # the scale takes the bounds in
	ser-plot curve --log-x --x share --y UAR a.tsv b.tsv >log.svg
	for s in 1 10 100; do grep -q ">$s</text>" log.svg; done
	[ "$(grep -c '>20</text>' log.svg || true)" -eq 0 ]
	printf 'share\tUAR\n0\t0.4\n' >zero.tsv
	fails 1 'logarithmic' ser-plot curve --log-x --x share --y UAR zero.tsv
	printf 'share\tUAR\tUAR_lo\tUAR_hi\n1\t0.4\tx\t0.5\n' >bad.tsv
	fails 1 'bad.tsv:2: column "UAR_lo"' ser-plot curve --x share --y UAR bad.tsv
}

@test "ser-plot box: NumPy's quartiles, Tukey's whiskers" {
	ser-plot box --field aro --label emo all.ser >a.svg
	whole a.svg
	inside a.svg
	# medians, off the picture by its ticks
	"$ROOT"/tests/tools/mkser -d <all.ser >all.txt
	$PYTHON - a.svg all.txt <<-'P'
		import re, sys
		import numpy as np
		import xml.dom.minidom as m
		by = {}
		for l in open(sys.argv[2]):
		    f = dict(p.split("=", 1) for p in l.rstrip("\n").split("\t") if "=" in p)
		    if "emo" in f:
		        by.setdefault(f["emo"], []).append(float(f["aro"]))
		d = m.parse(sys.argv[1])
		ticks = [(float(t.getAttribute("x")), float(t.firstChild.data.replace("\u2212", "-"))) for t in d.getElementsByTagName("text")
		         if t.getAttribute("text-anchor") == "middle" and re.fullmatch("[\u2212-]?[0-9.]+", t.firstChild.data)]
		(x0, v0), (x1, v1) = ticks[0], ticks[-1]
		at = [v0 + (float(l.getAttribute("x1")) - x0) * (v1 - v0) / (x1 - x0) for l in d.getElementsByTagName("line")
		      if l.getAttribute("stroke") == "#000"]
		want = [np.median(by[k]) for k in sorted(by)]
		assert len(at) == len(want) and np.allclose(at, want, atol=(v1 - v0) * 1e-3), (at, want)
	P
	ser-plot box --field aro --label emo --order zz,sadness all.ser >c.svg
	[ "$(texts c.svg | grep -m 1 -xE "[a-z]*ness|anger|neutral|fear|[a-z]*dom|disgust")" = sadness ]
	ser-plot box --field emb --column 1 --label emo all.ser >b.svg
	whole b.svg
	fails 1 "no column" ser-plot box --field emb --column 99 --label emo all.ser
	fails 2 "names no columns" ser-plot box --field emb --column x --label emo all.ser
	command -v espeak-ng >/dev/null || skip "espeak-ng is not installed"
	espeak-ng -w a.wav "one two" && printf 'id\tpath\temo\na\ta.wav\tx\nb\ta.wav\ty\n' >m.tsv
	ser-wav2feat --kind egemaps --functionals egemaps m.tsv >e.ser
	ser-plot box --field func --column jitterLocal_sma3nz_amean --label emo e.ser | grep -q '>jitterLocal_sma3nz_amean by emo<'
	ser-wav2feat --kind mfcc --functionals mean,std m.tsv >f.ser
	by_column() { ser-plot box --field func --column "$1" --label emo f.ser | sed 's/--column=[^ <]*//'; }
	cmp <(by_column mfcc.1_std) <(by_column 3)
	by_column 3 | grep -q '>mfcc.1, std by emo<'
	fails 2 'has no column "mfcc.99_mean"; the last of 26 is "mfcc.12_std"' ser-plot box --field func --column mfcc.99_mean --label emo f.ser
	fails 1 "nope" ser-plot box --field nope --label emo all.ser
	fails 1 '"spk"' ser-plot box --field spk --label emo all.ser
}

# talking: a record with a face of 68 points, another such tensor, and columns that are no points; the second is not as long
talking() {
	$PYTHON - <<-'P'
		import sys, msgpack, msgpack_numpy, numpy as np
		pack = lambda x: sys.stdout.buffer.write(msgpack.packb(x, default=msgpack_numpy.encode))
		point = [c + "_%d" % i for i in range(68) for c in "xy"]
		pack({"ser": 1, "prov": [], "dims": {"land": {"shift_s": 0.04, "columns": point}, "post": {"shift_s": 0.02, "classes": point},
		      "blend": {"shift_s": 0.04, "columns": ["JawOpen", "MouthClose"]}, "bare": {"shift_s": 0.04}, "odd": {"shift_s": 0.04, "columns": ["a", "b"]}}})
		rng = np.random.default_rng(1)
		x = (rng.normal(size=(1, 68, 2)) + rng.normal(size=(50, 1, 1)) * 0.1).astype("f4")
		x[:, 57, 1] += np.sin(np.arange(50))
		for i in "ab":
		    pack({"id": i, "land": x, "post": np.repeat(x, 2, 0).reshape(100, 136) + 0.1, "blend": rng.normal(size=(50, 2)).astype("f4"),
		          "bare": x, "odd": np.full((3, 2), np.nan, "f4")})
		pack({"end": 2})
	P
}

@test "ser-plot face: at some moments, and what moves most over time; several tensors; columns that are no points" {
	talking >t.ser
	ser-plot face t.ser >a.svg
	ser-plot face --id b --field land,post --columns x_8,y_57 --moments 24 --height 300 t.ser >b.svg
	ser-plot face --field blend --columns MouthClose t.ser >c.svg
	ser-plot face --moments 0 t.ser >d.svg
	whole ?.svg
	inside ?.svg
	grep -q '<title>a</title>' a.svg
	grep -q '>y_57<' a.svg # sways most
	grep -q '>1.83 s<' a.svg
	same 6 grep -cE '>[0-9.]+ s</text>' a.svg
	same 24 grep -cE '>[0-9.]+ s</text>' b.svg
	same 1 grep -c '>post</text>' b.svg
	run ! grep -qE '>[0-9.]+ s</text>' c.svg
	fails 1 'no record "nope"' ser-plot face --id nope t.ser
	fails 1 'names no 136 columns' ser-plot face --field bare t.ser
	fails 1 '"land" and "blend" have different columns' ser-plot face --field land,blend t.ser
	fails 1 'no finite number' ser-plot face --field odd t.ser
	fails 1 '"none"' ser-plot face --field none t.ser
	fails 2 'has no column "z_1"' ser-plot face --columns z_1 t.ser
}

@test "ser-plot spectrogram: the first record, another, none" {
	mkstream -n 5 >f.ser
	ids=($(ser-dump f.ser | jq -r .id))
	ser-plot spectrogram f.ser >a.svg
	espeak-ng -w a.wav hello
	ser-wav2feat -q a.wav | ser-plot spectrogram | grep ">mel<" >/dev/null # the axis, by its name in the header
	whole a.svg
	inside a.svg
	grep -q "<title>${ids[0]}</title>" a.svg
	ser-plot spectrogram --id "${ids[3]}" f.ser | grep -q "<title>${ids[3]}</title>"
	fails 1 "nobody" ser-plot spectrogram --id nobody f.ser
	fails 1 '"emo"' ser-plot spectrogram --field emo f.ser
	# the picture's pixels, by somebody else's decoder of what is in them: zlib, one byte a pixel, the greatest white
	$PYTHON - a.svg <<-'P'
		import base64, re, struct, sys, zlib
		p = base64.b64decode(re.search("data:image/png;base64,([^\"]*)", open(sys.argv[1]).read())[1])
		assert p[:8] == b"\x89PNG\r\n\x1a\n"
		at, chunks = 8, {}
		while at < len(p):
		    n, kind = struct.unpack(">I4s", p[at:at + 8])
		    assert struct.unpack(">I", p[at + 8 + n:at + 12 + n])[0] == zlib.crc32(p[at + 4:at + 8 + n])
		    chunks[kind] = p[at + 8:at + 8 + n]
		    at += 12 + n
		w, h = struct.unpack(">II", chunks[b"IHDR"][:8])
		raw = zlib.decompress(chunks[b"IDAT"])
		assert len(raw) == h * (w + 1) and max(raw) == 255
	P
}

@test "ser-plot det: the equal error rate is ser-score's, from JSON and from TSV" {
	for f in json tsv; do ser-score verify --det --n-boot 0 --$f all.ser >d.$f; done
	ser-plot det d.json >a.svg
	ser-plot det x=d.tsv y=d.json >b.svg
	whole a.svg b.svg
	inside a.svg b.svg
	eer=$(jq -r '.scores[] | select(.score == "eer").value * 100' d.json)
	got=$(texts a.svg | sed -n 's/^EER: \([0-9.]*\) %.*/\1/p')
	awk -v a="$eer" -v b="$got" 'BEGIN {exit !((a - b)^2 < 0.25)}'
	texts a.svg | grep -q 'Dashed: both errors equal.'
	ser-score verify --n-boot 0 --json all.ser >none.json
	fails 1 '"det"' ser-plot det none.json
	printf 'table\trow\tcolumn\tvalue\ndet\t0\tfalse_acceptance\t2\ndet\t0\tmiss\t0\n' >bad.tsv
	fails 1 "[0,1]" ser-plot det bad.tsv
}

@test "ser-plot reliability: posteriors that are none are refused" {
	mkstream -n 30 >good.ser
	ser-train classify -q -l emo --arch mlp -e 1 -o m.st good.ser
	ser-predict -m m.st good.ser >p.ser
	ser-plot reliability --label emo p.ser >a.svg
	whole a.svg
	inside a.svg
	texts a.svg | grep -q '^30 records; expected calibration error 0\.'
	fails 1 '"post"' ser-plot reliability --label emo all.ser
}

@test "ser-plot: emotions have their colours in every corpus, classes the order that is asked for" {
	printf 'id=%d\temo=%s\temb:t=%d,1\n' 1 sad 1 2 angry 2 3 odd 3 | mk >a.ser
	printf 'id=%d\temo=%s\temb:t=%d,1\n' 1 anger 1 2 neutral 2 3 sadness 3 | mk >b.ser
	colour() { grep "<title>$2, $3<" "$1" | grep -o 'ser-k[0-9]'; }
	ser-plot scatter --field emb --color emo a.ser >a.svg
	ser-plot scatter --field emb --color emo b.ser >b.svg
	[ "$(colour a.svg 1 sad)" = "$(colour b.svg 3 sadness)" ]
	[ "$(colour a.svg 2 angry)" = "$(colour b.svg 1 anger)" ]
	[ "$(grep -o 'class="ser-k[0-9]"><title' a.svg | sort -u | wc -l)" -eq 3 ]
	ser-plot scatter --field emb --color emo --order sadness,neutral b.ser >d.svg
	[ "$(texts d.svg | grep -xE 'anger|neutral|sadness' | paste -sd' ')" = "sadness neutral anger" ]
	printf 'id=%d\temo=%s\tpred=%s\n' 1 a b 2 b c 3 c c | mk >c.ser
	ser-plot confusion --label emo --order c c.ser >e.svg
	[ "$(texts e.svg | grep -xE '[abc]' | uniq | head -n 3 | paste -sd' ')" = "c a b" ]
}

@test "ser-plot --format: PDF and PNG of the same picture, the same bytes again; refused where librsvg is not" {
	printf 'id=%d\temo=%s\temb:t=%d,1\n' 1 sad 1 2 angry 2 3 odd 3 | mk >a.ser
	if [ ! -e "$BINDIR/../libexec/ser/rsvg.so" ]; then
		fails 1 librsvg ser-plot scatter --field emb --format pdf a.ser
		skip "built without librsvg"
	fi
	export ASAN_OPTIONS=detect_leaks=0 # fontconfig and Pango keep what they know of fonts
	ser-plot scatter --field emb --color emo --width 400 --height 300 --format png a.ser >a.png
	[ "$(head -c 8 a.png | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ]
	[ "$(head -c 24 a.png | tail -c 8 | od -An -tu1 | xargs)" = "0 0 3 32 0 0 2 88" ] # 800 by 600
	ser-plot scatter --field emb --color emo --format pdf a.ser >a.pdf
	head -c 5 a.pdf | grep -q '^%PDF-'
	grep -aq '/Keywords ({"prov":' a.pdf
	[ -z "$(grep -a Date a.pdf)" ]
	for f in png pdf; do
		ser-plot scatter --field emb --color emo --width 400 --height 300 --format $f -o b.$f a.ser
		ser-plot scatter --field emb --color emo --width 400 --height 300 --format $f -o c.$f a.ser
		cmp b.$f c.$f
	done
	cmp a.png b.png
	ser-plot scatter --field emb --color emo -o named.PDF a.ser # by the file's name
	head -c 5 named.PDF | grep -q '^%PDF-'
	ser-plot scatter --field emb --color emo --format svg -o named.png a.ser
	grep -q '<svg' named.png
}
