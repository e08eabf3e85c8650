#!/usr/bin/env bats
load helper

setup() {
	T=$BATS_TEST_TMPDIR
	mk() { "$ROOT/tests/tools/mkser" "$@"; }
	mk < "$ROOT/tests/golden/ser-score.txt" > "$T/all.ser"
}

agrees() { # compare TSV on stdin with the golden lines of a mode, to 1e-9; fails when a line has no counterpart
	awk -F'\t' -v mode="$1" '
		NR == FNR {if ($1 == mode) want[$2 FS $3 FS $4] = $5; next}
		$1 FS $2 FS $3 in want {
			d = $4 - want[$1 FS $2 FS $3]; if (d < 0) d = -d
			if (!(d <= 1e-9) || $4 == "") {print "differs:", $0, want[$1 FS $2 FS $3]; bad = 1}
			delete want[$1 FS $2 FS $3]; n++
		}
		END {for (k in want) {print "missing:", k; bad = 1}; exit bad || n == 0}' "$ROOT/tests/golden/ser-score.want" -
}

value() { awk -F'\t' -v t="$1" -v r="$2" -v c="$3" '$1 == t && $2 == r && $3 == c {print $4; n++} END {exit n != 1}'; }

@test "ser-score classes: pooled, per fold and mean as scikit-learn" {
	ser-score classes --label emo --tsv < "$T/all.ser" > "$T/got"
	agrees classes < "$T/got"
	[ "$(value about folds_are value < "$T/got")" = labels ]
	[ "$(value about speakers value < "$T/got")" = 6 ]
}

@test "ser-score regress, clusters, verify, AS-norm: as scikit-learn and SciPy" {
	ser-score regress --label aro --pred par --tsv < "$T/all.ser" | agrees regress
	ser-score clusters --by spk --label emo --tsv --n-perm 50 < "$T/all.ser" | agrees clusters
	ser-score verify --n-boot 20 --tsv < "$T/all.ser" | agrees verify
	ser-score verify --n-boot 20 --tsv --cohort "$T/all.ser" --top 20 < "$T/all.ser" | agrees asnorm
}

@test "progress: replicates, samples with a unit left out and shuffles, where it is asked for or somebody waits at a terminal" {
	ser-score clusters --by spk --label emo --n-perm 50 "$T/all.ser" 2> "$T/err" > "$T/x"
	[ ! -s "$T/err" ]
	ser-score clusters --by spk --label emo --n-perm 50 --progress "$T/all.ser" 2> "$T/err" > "$T/y"
	cmp "$T/x" "$T/y"
	groups=6
	grep -qE "^ser-score: shuffles $((groups * 50 * 2))/$((groups * 50 * 2)), [0-9.]+/s, [0-9]+ s\$" "$T/err"
	ser-score classes --label emo --bca -t 2 --progress "$T/all.ser" 2> "$T/err" > "$T/y"
	grep -qE '^ser-score: replicates 2000/2000(, .*)?$' "$T/err"
	grep -qE '^ser-score: units left out [0-9]+/[0-9]+(, .*)?$' "$T/err"
	# done before anybody looked: the end is said all the same
	ser-score classes --label emo --n-boot 1 -t 1 --progress "$T/all.ser" 2> "$T/err" > "$T/y"
	grep -qE '^ser-score: replicates 1/1$' "$T/err"
	needs_terminal
	script -qec "ser-score classes --label emo --n-boot 10 $T/all.ser >$T/y" /dev/null > "$T/tty"
	[ ! -s "$T/tty" ]
	# more than can be done in the time that it gets
	script -qec "timeout 3 ser-score classes --label emo --n-boot 10000000 $T/all.ser >$T/y || true" /dev/null | tr '\r' '\n' > "$T/tty"
	grep -qE 'replicates [0-9]+/10000000, [0-9]+/s, [0-9]+ s, [0-9]+ s left' "$T/tty"
}

@test "ser-score compare: differences and McNemar as scikit-learn and SciPy; order of the records is free" {
	sed 's/\tpred=[a-z]*//; s/pred2=/pred=/' "$ROOT/tests/golden/ser-score.txt" | sort > "$T/second.txt"
	mk < "$T/second.txt" > "$T/second.ser"
	ser-score compare --label emo --tsv "$T/all.ser" "$T/second.ser" > "$T/got"
	agrees compare < "$T/got"
	# turned round, the difference changes its sign
	a=$(value differences pooled.uar difference < "$T/got")
	b=$(ser-score compare --label emo --tsv "$T/second.ser" "$T/all.ser" | value differences pooled.uar difference)
	awk -v a="$a" -v b="$b" 'BEGIN {s = a + b; exit !(s < 1e-12 && s > -1e-12)}'
	# a probability that is small is not shown as 0
	for i in $(seq 40); do printf 'id=%s\tspk=%s\temo=%s\tpred=%s\tpred2=%s\n' $i $((i % 4)) joy joy fear; printf 'id=x%s\tspk=1\temo=fear\tpred=fear\tpred2=fear\n' $i; done > "$T/m"
	run -0 ser-score compare --label emo --n-boot 100 <(mk < "$T/m") <(sed 's/\tpred=[a-z]*//; s/pred2/pred/' "$T/m" | mk)
	[[ $output == *' 1.8e-12'* ]]
	# the same system twice: no difference, p is 1
	ser-score compare --task regress --pred par --label aro --tsv "$T/all.ser" "$T/second.ser" > "$T/got"
	[ "$(value differences pooled.ccc difference < "$T/got")" = 0 ]
	[ "$(value differences pooled.ccc utt_p < "$T/got")" = 1 ]
	head -50 "$T/second.txt" | mk > "$T/part.ser"
	run -1 ser-score compare --label emo "$T/all.ser" "$T/part.ser"
	sed 's/^id=u7\t/id=v7\t/' "$T/second.txt" | mk > "$T/part.ser"
	run -1 ser-score compare --label emo "$T/all.ser" "$T/part.ser"
	[[ $output == *'no record "u7"'* ]]
	sed 's/emo=joy/emo=anger/' "$T/second.txt" | mk > "$T/part.ser"
	run -1 ser-score compare --label emo "$T/all.ser" "$T/part.ser"
	[[ $output == *'has another "emo"'* ]]
	run -2 ser-score compare --label emo "$T/all.ser"
}

@test "ser-score: the same bytes for any number of threads, other intervals for another seed" {
	for m in "classes --label emo" "regress --label aro --pred par" "clusters --label emo --n-perm 100" "verify --n-boot 50"; do
		ser-score $m --json -t 1 < "$T/all.ser" > "$T/a"
		ser-score $m --json -t 4 < "$T/all.ser" > "$T/b"
		cmp "$T/a" "$T/b"
		ser-score $m --json --seed 1 < "$T/all.ser" > "$T/b"
		run -1 cmp -s "$T/a" "$T/b"
	done
	ser-score classes --label emo --tsv < "$T/all.ser" > "$T/a"
	ser-score classes --label emo --tsv --bca < "$T/all.ser" > "$T/b"
	[ "$(value scores pooled.uar value < "$T/a")" = "$(value scores pooled.uar value < "$T/b")" ]
	[ "$(value scores pooled.uar utt_lo < "$T/a")" != "$(value scores pooled.uar utt_lo < "$T/b")" ]
}

@test "ser-score classes: speakers shared with training are refused with status 3" {
	g="$ROOT/tests/golden/ser-score.txt"
	run -0 ser-score classes --label emo < "$T/all.ser"
	[[ $output == *"train_test_speaker_overlap  unknown"* ]]
	mk --dim post.train_speakers=x,y < "$g" > "$T/x.ser"
	run -0 ser-score classes --label emo < "$T/x.ser"
	[[ $output == *"train_test_speaker_overlap  0"* ]]
	mk --dim post.train_speakers=x,s4,s1 < "$g" > "$T/x.ser"
	run -3 --separate-stderr ser-score classes --label emo < "$T/x.ser"
	[[ -z $output && $stderr == *"2 speakers were trained on and scored: s1 s4"* ]]
	[[ $stderr == *"ser-manifest --corpus"* && $stderr == *"(--allow-shared-speakers scores all the same)" ]]
	run -0 ser-score classes --allow-shared-speakers --label emo --tsv < "$T/x.ser"
	[[ $output == *"train_test_speaker_overlap"$'\t'"value"$'\t'2* ]]
	[[ $output == *"shared_speakers"$'\t'"value"$'\t'"s1 s4"* ]]
	# each fold has its own training speakers: what another fold trained on is no matter
	for f in 0 1; do
		awk -F'\t' -v f="fold:i=$f" '$3 == f' "$g" | sed 's/\tfold:i=[0-9]//' | mk --dim post.train_speakers="s$((2 - 2 * f)),s5" > "$T/f$f.ser"
	done
	run -0 --separate-stderr ser-score classes --label emo --tsv "$T/f0.ser" "$T/f1.ser"
	[[ $output == *"train_test_speaker_overlap"$'\t'"value"$'\t'0* && $output == *"folds_are"$'\t'"value"$'\t'files* ]]
	# ... however the folds are put together, in whatever order
	for f in 0 1; do
		awk -F'\t' -v f="fold:i=$f" '$3 == f' "$g" | mk --dim post.train_speakers="s$((2 - 2 * f)),s5" > "$T/g$f.ser"
	done
	for how in "ser-cat --merge" "ser-cat --merge -" "ser-sort --by spk,id" "ser-kmeans -k 2 --seed 1" "ser-project --method pca"; do
		if [[ $how = *- ]]; then $how < <(cat "$T/g0.ser" "$T/g1.ser"); else $how "$T/g1.ser" "$T/g0.ser"; fi > "$T/whole.ser"
		[ "$(ser-dump --header "$T/whole.ser" | wc -l)" -eq 1 ]
		run -0 --separate-stderr ser-score classes --label emo --tsv "$T/whole.ser"
		[[ $output == *"train_test_speaker_overlap"$'\t'"value"$'\t'0* ]]
		# merged once more, sorted, chosen from, joined: still each record's own
		ser-cat --merge <(ser-select 'fold == 0' "$T/whole.ser") <(ser-select 'fold == 1' "$T/whole.ser") |
			ser-sort -r | ser-join - <(ser-select --fields emo 'fold >= 0' "$T/whole.ser") > "$T/again.ser"
		run -0 ser-score classes --label emo --tsv "$T/again.ser"
		# another stream's numbers are no matter of this one's
		ser-join "$T/whole.ser" <(ser-sort -r --by spk "$T/g1.ser" "$T/g0.ser" | ser-select --fields train_set,emo 'fold >= 0') > "$T/again.ser"
		run -0 ser-score classes --label emo --tsv "$T/again.ser"
		# without its label a record may be anybody's
		run -3 ser-score classes --label emo <(ser-select --drop train_set 'fold >= 0' "$T/whole.ser")
	done
	# a fold that was trained on a speaker of its own is still found, by its own list
	awk -F'\t' '$3 == "fold:i=1"' "$g" | mk --dim post.train_speakers=s3,s5 > "$T/g1.ser"
	ser-sort "$T/g0.ser" "$T/g1.ser" > "$T/whole.ser"
	run -0 ser-score classes --label emo --tsv "$T/g0.ser"
	run -3 --separate-stderr ser-score classes --label emo "$T/whole.ser"
	want=$stderr
	run -3 --separate-stderr ser-score classes --label emo "$T/g0.ser" "$T/g1.ser"
	[ "$stderr" = "$want" ]
	# embeddings say in their own dims whom they were trained on
	mk --dim emb.train_speakers=s2 < "$g" > "$T/x.ser"
	run -3 ser-score verify --n-boot 0 < "$T/x.ser"
}

@test "ser-score classes: classes that no model of these knows are said" {
	printf 'id=a\tspk=1\temo=joy\tpost:t=.9,.1\nid=b\tspk=2\temo=fear\tpost:t=.2,.8\nid=c\tspk=1\temo=calm\tpost:t=.2,.8\nid=d\tspk=2\temo=calm\tpost:t=.2,.8\n' > "$T/x.tsv"
	mk --dim post.classes=joy,fear < "$T/x.tsv" > "$T/x.ser"
	run -0 --separate-stderr ser-score classes --label emo --n-boot 0 --tsv "$T/x.ser"
	[[ $stderr == *'unknown to the model, so of recall 0 in UAR: calm (2 records)'* ]]
	[ "$(value about classes_unknown_to_model value <<< "$output")" = calm ]
	# what was predicted all the same can be predicted
	sed '1s/$/\tpred=calm/; 2,$s/$/\tpred=joy/' "$T/x.tsv" | mk --dim post.classes=joy,fear > "$T/y.ser"
	run -0 --separate-stderr ser-score classes --label emo --n-boot 0 --tsv "$T/y.ser"
	[[ $stderr != *unknown* && $output != *unknown_to_model* ]]
	# another fold's model knows it
	sed 's/id=/id=2/; s/t=.2,.8/t=0,.2,.8/; s/t=.9,.1/t=.9,.1,0/' "$T/x.tsv" | mk --dim post.classes=joy,calm,fear > "$T/y.ser"
	run -0 --separate-stderr ser-score classes --label emo --n-boot 0 --tsv "$T/x.ser" "$T/y.ser"
	[[ -z $stderr && $output != *unknown_to_model* ]]
}

@test "ser-score clusters: speakers shared with training are reported, not refused" {
	g="$ROOT/tests/golden/ser-score.txt"
	mk --dim emb.train_speakers=s4,x,s1 < "$g" > "$T/x.ser"
	ser-score clusters --label emo --n-perm 20 --tsv < "$T/x.ser" > "$T/got"
	[ "$(value about train_test_speaker_overlap value < "$T/got")" = 2 ]
	[ "$(value about shared_speakers value < "$T/got")" = "s1 s4" ]
	ser-score clusters --label emo --n-perm 20 --tsv < "$T/all.ser" > "$T/want"
	[ "$(value about train_test_speaker_overlap value < "$T/want")" = unknown ]
	diff <(grep -v ^about "$T/got") <(grep -v ^about "$T/want")
}

@test "ser-score classes: posteriors, absent classes, no speakers" {
	printf 'id=a\temo=sad\tpost:t=.2,.5,.3\nid=b\temo=sad\tpost:t=.4,.4,.2\nid=c\temo=joy\tpost:t=.1,.1,.8\n' > "$T/p.txt"
	mk --dim post.classes=joy,sad,fear < "$T/p.txt" > "$T/p.ser"
	run -0 --separate-stderr ser-score classes --label emo --tsv < "$T/p.ser"
	[[ $stderr == *"absent from the truth, so not in UAR: fear"* ]]
	[ "$(value scores pooled.uar value <<<"$output")" = 0.25 ] # joy 0, sad 1/2 (a tie goes to the first class)
	[ "$(value confusion joy fear <<<"$output")" = 1 ]
	[ "$(value about speakers value <<<"$output")" = unknown ]
	[ -z "$(value scores pooled.uar spk_lo <<<"$output")" ]
	ser-score classes --label emo --tsv --order fear,joy --allow-shared-speakers < "$T/p.ser" 2>/dev/null | grep ^confusion > "$T/c"
	[ "$(cut -f 2 "$T/c" | uniq | paste -sd,)" = "fear,joy,sad" ] || { cat "$T/c"; return 1; }
	fails 2 'no class is called "rage"' ser-score classes --label emo --order rage "$T/p.ser"
	run -1 ser-score classes --by spk --label emo < "$T/p.ser"
	mk < "$T/p.txt" > "$T/p.ser"
	run -1 ser-score classes --label emo < "$T/p.ser"
	[[ $output == *'does not name the classes of "post"'* ]]
	run -1 ser-score classes --label nosuch < "$T/all.ser"
	run -0 ser-score classes --label emo --n-boot 0 --tsv < "$T/all.ser"
	[ -z "$(value scores pooled.uar utt_lo <<<"$output")" ]
}

@test "ser-score verify: lists of trials in both forms, and what is wrong with them" {
	printf 'u0 u6 target\nu0\tu1\tnontarget\nu2 u8 1\nu3 u4 0\n' > "$T/l1"
	printf '1 u0 u6\n0 u0 u1\n1 u2 u8\n\n0 u3 u4\n' > "$T/l2"
	ser-score verify --trials "$T/l1" --json < "$T/all.ser" > "$T/a"
	ser-score verify --trials "$T/l2" --json < "$T/all.ser" > "$T/b"
	cmp "$T/a" "$T/b"
	ser-score verify --trials "$T/l1" --det --tsv < "$T/all.ser" | value det 0 miss
	{ printf '\xef\xbb\xbf'; cat "$T/l2"; } > "$T/l3" # with a byte order mark
	ser-score verify --trials "$T/l3" --json < "$T/all.ser" | diff <(sed "s,$T/l2,$T/l3," "$T/b") -
	printf '1 u0 u6\n0 u0 u1' > "$T/l3" # may have been u11
	run -1 ser-score verify --trials "$T/l3" < "$T/all.ser"
	[[ $output == *"the file was cut off"* ]]
	printf 'u0 nosuch target\n' > "$T/l1"
	run -1 ser-score verify --trials "$T/l1" < "$T/all.ser"
	[[ $output == *'line 1: no record has the id "nosuch"'* ]]
	printf 'u0 u1 maybe\n' > "$T/l1"
	run -1 ser-score verify --trials "$T/l1" < "$T/all.ser"
	printf 'u0 u6 target\n' > "$T/l1"
	run -1 ser-score verify --trials "$T/l1" < "$T/all.ser"
	[[ $output == *"both kinds are needed"* ]]
}

@test "ser-score clusters: chance is near 0 for adjusted scores; a clustering by chance is not significant" {
	ser-score clusters --label emo --tsv --n-perm 400 < "$T/all.ser" > "$T/got"
	awk -v a="$(value scores ami chance < "$T/got")" 'BEGIN {exit !(a < .02 && a > -.02)}'
	awk -v a="$(value scores ami p < "$T/got")" 'BEGIN {exit !(a < .01)}'
	ser-score clusters --cluster fold --by fold --label emo --tsv < "$T/all.ser" > "$T/got" # one cluster a group: says nothing
	[ "$(value scores ari p < "$T/got")" = 1 ]
	[ -z "$(value scores silhouette mean < "$T/got")" ]
	run -1 ser-score clusters --cluster emo --label emo < "$T/all.ser"
	run -0 ser-score clusters --label emo < "$T/all.ser"
	[[ $output != *"Each group"* ]]
	run -0 ser-score clusters --label emo --per-group < "$T/all.ser"
	[[ $output == *"Each group"* ]]
}

@test "ser-score: JSON is JSON" {
	for m in "classes --label emo" "regress --label aro --pred par" "clusters --label emo --n-perm 5" "verify --n-boot 5"; do
		ser-score $m --json < "$T/all.ser" | perl -MJSON::PP -e 'local $/; my $r = decode_json(<STDIN>); exit !(ref $r->{scores} eq "ARRAY" && ref $r->{about} eq "HASH")'
	done
}

@test "ser-score: usage, empty, cut and full" {
	run -2 ser-score
	run -2 ser-score nosuch
	run -2 ser-score classes
	run -2 ser-score classes --label emo --json --tsv
	run -2 ser-score classes --label emo --n-boot x
	run -1 ser-score classes --label emo < /dev/null
	mk < /dev/null > "$T/none.ser"
	run -1 ser-score classes --label emo < "$T/none.ser"
	run -1 ser-score verify < "$T/none.ser"
	run -1 ser-score clusters --label emo < "$T/none.ser"
	head -c 5000 "$T/all.ser" > "$T/cut.ser"
	run -1 ser-score classes --label emo < "$T/cut.ser"
	[[ $output == *"ser-score: "* ]]
	run -1 bash -c "ser-score classes --label emo < '$T/all.ser' > /dev/full"
}

@test "calibration: NumPy's and SciPy's figures; any order of classes; what is no posterior, a class that is not said, a shared speaker" {
	grep -v ^want "$ROOT"/tests/golden/calibration.txt > p.txt
	"$ROOT"/tests/tools/mkser --dim post.classes=a,b,c < p.txt > p.ser
	ser-score calibration --label emo --tsv p.ser > got.tsv
	grep ^want "$ROOT"/tests/golden/calibration.txt | cut -f 2- | while IFS=$'\t' read -r table row column want; do
		awk -F'\t' -v t="$table" -v r="$row" -v c="$column" -v w="$want" '$1 == t && $2 == r && $3 == c {n++; d = $4 - w; if (d < 0) d = -d
			if (!(d <= 2e-6 * (w > 1 ? w : 1))) {print r, $4, w; exit 1}} END {exit n != 1}' got.tsv
	done
	ser-score calibration --label emo --tsv -t 4 p.ser | cmp - got.tsv
	awk -F'\t' '$2 == "pooled.ece" && $3 == "spk_lo" {lo = $4} $2 == "pooled.ece" && $3 == "spk_hi" {hi = $4} END {exit !(lo > 0 && hi > lo)}' got.tsv

	sed 's/post:t=\([^,]*\),\([^,]*\),\(.*\)/post:t=\3,\1,\2/' p.txt | "$ROOT"/tests/tools/mkser --dim post.classes=c,a,b > turned.ser
	ser-score calibration --label emo turned.ser | cmp - <(ser-score calibration --label emo p.ser) # but for the last bits of sums

	fails 1 '"emo" is "b", which is no class' ser-score calibration --label emo <("$ROOT"/tests/tools/mkser --dim post.classes=a,x,c < p.txt)
	fails 1 'sums to 1.5' ser-score calibration --label emo <(printf 'id=a\temo=a\tpost:t=0.75,0.75\n' | "$ROOT"/tests/tools/mkser --dim post.classes=a,b)
	fails 1 'expected a probability' ser-score calibration --label emo <(printf 'id=a\temo=a\tpost:t=-0.5,1.5\n' | "$ROOT"/tests/tools/mkser --dim post.classes=a,b)
	fails 1 'does not name the classes' ser-score calibration --label emo <(printf 'id=a\temo=a\tpost:t=0.5,0.5\n' | "$ROOT"/tests/tools/mkser)
	fails 3 s0 ser-score calibration --label emo <("$ROOT"/tests/tools/mkser --dim post.classes=a,b,c --dim post.train_speakers=s0 < p.txt)
}

@test "calibration: a posterior that was rounded to 0 does not decide by itself; what is fitted is no worse than nothing" {
	for i in $(seq 40); do printf 'id=%s\tspk=%s\temo=%s\tpost:t=0.8,0.15,0.05\n' "$i" $((i % 4)) "$([ $((i % 5)) = 0 ] && echo b || echo a)"; done > most.txt
	{ cat most.txt; printf 'id=far\tspk=1\temo=b\tpost:t=0,0,1\n'; } | "$ROOT"/tests/tools/mkser --dim post.classes=a,b,c > far.ser
	ser-score calibration --label emo --n-boot 0 --tsv far.ser > got.tsv
	cell() { awk -F'\t' -v t="$1" -v r="$2" -v c="$3" '$1 == t && $2 == r && $3 == c {print $4}' got.tsv; }
	awk -v plain="$(cell scores pooled.nll value)" -v warm="$(cell temperature here nll)" -v scaled="$(cell scaled here nll)" -v t="$(cell temperature here temperature)" \
		'BEGIN {exit !(warm > 0 && scaled > 0 && warm <= plain && scaled <= plain && t < 10)}'
}

@test "classes: records whose prediction is nil were rejected, and are counted" {
	printf 'id=%s\tspk=%s\temo=%s\tpred%s\n' a 1 x =x b 1 y :n= c 2 y =y d 2 x =y | "$ROOT"/tests/tools/mkser > r.ser
	ser-score classes --label emo --n-boot 0 --tsv r.ser > got.tsv
	grep -qx $'about\trejected\tvalue\t1' got.tsv
	grep -qx $'about\tcoverage\tvalue\t0.75' got.tsv
	grep -qx $'scores\tpooled.uar\tvalue\t0.75' got.tsv
	fails 1 'every record was rejected' ser-score classes --label emo <(ser-select 'id == "b"' r.ser)
}

@test "ser-score multilabel: a posterior at the threshold is decided against" {
	{
		echo '{"ser":1,"dims":{"post":{"axes":["class"],"classes":["a","b","c"]}}}'
		echo '{"id":"x","spk":"s","v.a":1,"v.b":0,"v.c":2,"post":[0.3333333333,0.3333333333,0.3333333333]}'
		echo '{"id":"y","spk":"t","v.a":1,"v.b":1,"v.c":1,"post":[0.1,0.5,0.4]}'
	} | ser-cat --from json >p.ser
	decided() { ser-score multilabel --votes v.a --votes v.b --votes v.c "$@" --n-boot 0 --json p.ser | jq -c '[.classes[].decided]'; }
	same '[0,1,1]' decided
	same '[2,2,2]' decided --threshold 0.05
	same '[1,2,2]' decided --truth voted --threshold 0.3
	same '[0,1,1]' decided --truth voted --threshold 0.3333333333
	ser-select 'id == "y"' p.ser >q.ser && mv q.ser p.ser
	same '[0,1,1]' decided --threshold 0.1
}

@test "ser-score retrieval: texts that are as near as the right one stand before it" {
	printf 'id=a\temo=joy\tspk=x\temb:t=1,0\ttext_emb:t=1,0\nid=b\temo=sad\tspk=y\temb:t=0,1\ttext_emb:t=1,0\n' | mk > "$T/r.ser"
	ser-score retrieval --label emo --n-boot 0 --tsv "$T/r.ser" > "$T/got" 2>/dev/null
	cat "$T/got"
	[ "$(value scores texts.recall@1 value < "$T/got")" = 0 ]
	[ "$(value scores texts.mrr value < "$T/got")" = 0.5 ]
}

@test "ser-score retrieval: a text counts once, however many records have it, and twice with two labels" {
	printf 'id=%s\temo=%s\tspk=x\temb:t=%s\ttext_emb:t=%s\n' a joy 1,0 1,0 b sad 0,1 0,1 c joy 1,1 1,0 d joy 0,2 1,2 e sad 2,1 1,0 | mk > "$T/r.ser"
	ser-score retrieval --label emo --n-boot 0 --json "$T/r.ser" 2>/dev/null | jq -e '.about | .texts == 4 and .records == 5' >/dev/null
}
