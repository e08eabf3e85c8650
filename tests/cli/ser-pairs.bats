#!/usr/bin/env bats
load helper

setup() {
	work
	T=$BATS_TEST_TMPDIR
	mk() { "$ROOT/tests/tools/mkser" "$@"; }
	mk < "$ROOT/tests/golden/ser-score.txt" > "$T/all.ser"
}

# Every draw against the records: speakers and clusters as promised. $1 draws, further: how many of each kind.
check() {
	mk -d < "$1" | awk -F'\t' -v n_neg="$2" -v n_other="$3" '
		NR == FNR {for (i = 1; i <= NF; i++) {split($i, p, "="); f[p[1]] = p[2]} id = f["id"]; spk[id] = f["spk"]; clu[id] = f["cluster:i"]; next}
		/^#/ {next}
		{
			delete v
			for (i = 1; i <= NF; i++) {split($i, p, "="); v[p[1]] = p[2]}
			a = v["anchor"]; n++
			if (v["spk"] != spk[a] || index(v["id"], a "#") != 1) bad = 1
			for (k in v) {
				if (k ~ /^positive/ && !(v[k] != a && spk[v[k]] == spk[a] && clu[v[k]] == clu[a])) bad = 1
				if (k !~ /^negative/) continue
				m = k == "negative" ? 1 : substr(k, 9) + 0
				if (m > n_neg + n_other) bad = 1
				if (m <= n_neg && !(spk[v[k]] == spk[a] && clu[v[k]] != clu[a])) bad = 1
				if (m > n_neg && spk[v[k]] == spk[a]) bad = 1
			}
		}
		END {exit bad || n == 0}' "$ROOT/tests/golden/ser-score.txt" -
}

@test "ser-pairs: positives and negatives are what they should be" {
	ser-pairs --by spk --seed 1 < "$T/all.ser" > "$T/p.ser"
	check "$T/p.ser" 1 0
	ser-pairs --by spk --draws 3 --positives 2 --negatives 3 --other 2 < "$T/all.ser" > "$T/p.ser"
	check "$T/p.ser" 3 2
	mk -d < "$T/p.ser" | sed -n 2p | grep -q 'negative5=.*positive2='
	ser-pairs --by spk --hard 5 < "$T/all.ser" > "$T/p.ser"
	check "$T/p.ser" 1 0
	run -1 check "$T/p.ser" 0 1 # the check can fail
	ser-pairs --by spk --near 3 --positives 2 < "$T/all.ser" > "$T/p.ser"
	check "$T/p.ser" 1 0
	run -1 cmp -s "$T/p.ser" <(ser-pairs --by spk --positives 2 < "$T/all.ser")
}

@test "ser-pairs: seeded; an anchor's draws do not depend on the order of the records" {
	ser-pairs --seed 1 < "$T/all.ser" | mk -d | sort > "$T/a"
	sort "$ROOT/tests/golden/ser-score.txt" | mk | ser-pairs --seed 1 | mk -d | sort > "$T/b"
	cmp "$T/a" "$T/b"
	ser-pairs --seed 2 < "$T/all.ser" | mk -d | sort > "$T/b"
	run -1 cmp -s "$T/a" "$T/b"
}

@test "ser-pairs: the label is reported on, and changes nothing" {
	ser-pairs --seed 1 < "$T/all.ser" > "$T/a"
	ser-pairs --seed 1 --report-label emo --report "$T/r.tsv" < "$T/all.ser" > "$T/b"
	cmp "$T/a" "$T/b"
	sed 's/emo=[a-z]*/emo=same/' "$ROOT/tests/golden/ser-score.txt" | mk | ser-pairs --seed 1 > "$T/b"
	cmp "$T/a" "$T/b"
	# positive pairs of a speaker counted by hand
	mk -d < "$T/a" | awk -F'\t' '
		NR == FNR {for (i = 1; i <= NF; i++) {split($i, p, "="); f[p[1]] = p[2]} emo[f["id"]] = f["emo"]; next}
		/^#/ {next}
		{for (i = 1; i <= NF; i++) {split($i, p, "="); v[p[1]] = p[2]} n++; s += emo[v["anchor"]] == emo[v["positive"]]; t += emo[v["anchor"]] == emo[v["negative"]]}
		END {printf "positive\t%d\t%d\t%.6f\nnegative\t%d\t%d\t%.6f\n", n, s, s / n, n, t, t / n}' "$ROOT/tests/golden/ser-score.txt" - > "$T/want"
	sed -n 2,3p "$T/r.tsv" | cmp - "$T/want"
	run -0 --separate-stderr bash -c "ser-pairs --report-label emo < '$T/all.ser' > /dev/null"
	[[ $stderr == *"any_of_one_speaker"* ]]
	run -2 ser-pairs --report "$T/r.tsv" < "$T/all.ser"
	run -2 ser-pairs --cluster emo --report-label emo < "$T/all.ser"
	run -1 ser-pairs --cluster emo < "$T/all.ser" # a text label is no cluster
	run -1 ser-pairs < <(printf 'id=a\tspk=x\tcluster:i=2147483648\nid=b\tspk=x\tcluster:i=1\n' | mk)
	[[ $output == *'"cluster" is 2147483648, expected a cluster of at most 2147483647'* ]]
}

@test "ser-pairs: --per-speaker balances, --min-margin leaves out" {
	ser-pairs --per-speaker 50 < "$T/all.ser" > "$T/p.ser"
	check "$T/p.ser" 1 0
	[ "$(mk -d < "$T/p.ser" | grep -o 'spk=s[0-9]' | sort | uniq -c | awk '{print $1}' | sort -u)" = 50 ]
	ser-kmeans --by spk -k 4 --margin < "$T/all.ser" > "$T/c.ser"
	ser-pairs --min-margin 0.2 < "$T/c.ser" | mk -d | grep -o '=u[0-9]*' | tr -d = | sort -u > "$T/used"
	mk -d < "$T/c.ser" | awk -F'\t' '/^id/ {for (i = 1; i <= NF; i++) {split($i, p, "="); v[p[1]] = p[2]} if (v["cluster_margin"] < .2) print v["id"]}' | sort > "$T/low"
	[ -s "$T/low" ]
	[ -z "$(comm -12 "$T/used" "$T/low")" ]
	run -1 ser-pairs --min-margin 0.2 < "$T/all.ser"
	run -1 ser-pairs --min-margin 1 < "$T/c.ser"
	[[ $output == *"no anchor"* ]]
}

@test "ser-pairs: usage, empty, cut and full" {
	run -2 ser-pairs --positives 0 < "$T/all.ser"
	run -2 ser-pairs --min-margin 2 < "$T/all.ser"
	run -1 ser-pairs --by nosuch < "$T/all.ser"
	run -1 ser-pairs < <(mk < /dev/null)
	head -c 5000 "$T/all.ser" > "$T/cut.ser"
	run -1 ser-pairs < "$T/cut.ser"
	run -1 bash -c "ser-pairs < '$T/all.ser' > /dev/full"
	run -1 ser-pairs --report-label emo --report /dev/full < "$T/all.ser"
}

@test "pairs say whose voices their clusters were learnt from, and the model that is trained on them says so too" {
	mkstream -n 40 --speakers 4 >f.ser
	ser-train speaker --arch mlp -e 1 -o spk.st <(ser-select 'spk in ("00", "01")' f.ser)
	ser-select 'spk in ("02", "03")' f.ser | ser-embed -m spk.st | ser-kmeans --by spk -k 2 >clu.ser
	ser-pairs clu.ser >pairs.ser
	same '["00","01"]' bash -c 'ser-dump --header pairs.ser | jq -c .train_speakers'
	ser-select 'spk in ("02", "03")' f.ser | ser-train contrastive --pairs pairs.ser --arch mlp -e 1 -o enc.st
	ser-train classify -l emo --init enc.st -e 1 -o emo.st <(ser-select 'spk == "02"' f.ser)
	for s in 00 01 02 03; do
		fails 3 "trained on and scored: $s" ser-score classes --label emo \
			<(ser-select "spk == \"$s\"" f.ser | ser-predict -m emo.st)
	done
}
