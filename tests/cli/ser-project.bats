#!/usr/bin/env bats
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mk() { "$ROOT/tests/tools/mkser" "$@"; }
	mk < "$ROOT/tests/golden/ser-score.txt" > all.ser
}

column() { # component $1 of the tensor proj
	mk -d | awk -F'\t' -v k="$1" '/^id/ {for (i = 1; i <= NF; i++) if (index($i, "proj:t=") == 1) {split(substr($i, 8), v, ","); print v[k]}}'
}

@test "ser-project pca: the points of a line lie on one component, the rest is passed through" {
	for i in 1 2 3 4 5; do printf 'id=u%d\tspk=x\temb:t=%d,%d,7\n' $i $((3 * i)) $((4 * i)); done | mk > line.ser
	ser-project < line.ser > p.ser
	[ "$(column 1 < p.ser | paste -sd' ')" = "-10 -5 0 5 10" ]
	column 2 < p.ser | awk '{if (!($1 < 1e-6 && $1 > -1e-6)) exit 1}'
	mk -d < p.ser | sed -n 2p | grep -q 'spk=x'
	mk -d < p.ser | head -1 | grep -q 'ser-project --method=pca'
	ser-project -d 1 --name q < line.ser | mk -d | grep -q 'q:t=-10	'
}

@test "ser-project lda: classes come apart where principal components do not show them" {
	awk 'BEGIN {srand(1); for (i = 0; i < 200; i++) printf "id=u%d\temo=%s\temb:t=%f,%f,%f\n", i, i % 2 ? "a" : "b", 100 * rand(), (i % 2) * 3 + rand(), 50 * rand()}' | mk > x.ser
	ser-project --method lda --label emo --dims 1 < x.ser | column 1 > y
	awk 'NR % 2 {if ($1 > hi || NR == 1) hi = $1; next} {if ($1 < lo || NR == 2) lo = $1} END {exit !(hi < lo)}' y
	run -1 ser-project --method lda --label emo --dims 2 < x.ser
	run -2 ser-project --method lda < x.ser
	run -2 ser-project --method pca --label emo < x.ser
}

@test "ser-project tsne: same bytes for any threads, speakers far apart stay apart" {
	for r in exact sparse barnes-hut; do
		ser-project --method tsne --repulsion $r --perplexity 10 -t 1 < all.ser > a
		ser-project --method tsne --repulsion $r --perplexity 10 -t 4 < all.ser > b
		cmp a b
	done
	ser-project --method tsne --init random --seed 1 < all.ser | column 1 > a
	ser-project --method tsne --init random --seed 2 < all.ser | column 1 > b
	run -1 cmp -s a b
	run -0 --separate-stderr bash -c 'ser-project -v --method tsne < all.ser > /dev/null'
	[[ $stderr == *"divergence"* ]]
	awk 'BEGIN {srand(2); for (i = 0; i < 60; i++) printf "id=u%d\temb:t=%f,%f,%f\n", i, (i % 2) * 9 + rand(), rand(), rand()}' | mk |
		ser-project --method tsne --perplexity 8 > p.ser
	paste <(column 1 < p.ser) <(column 2 < p.ser) | awk '{x[NR] = $1; y[NR] = $2} END {for (i = 1; i <= NR; i++) {m = -1; for (j = 1; j <= NR; j++) {d = (x[i] - x[j]) ^ 2 + (y[i] - y[j]) ^ 2; if (j != i && (m < 0 || d < m)) {m = d; b = j}} if (b % 2 != i % 2) bad++} exit bad > 0}'
}

@test "ser-project: what is refused" {
	run -2 ser-project --method tsne --dims 3 < all.ser
	run -1 ser-project --method tsne --perplexity 200 < all.ser
	run -1 ser-project --dims 7 < all.ser
	run -1 ser-project --field nosuch < all.ser
	printf 'id=a\temb:t=1,nan\nid=b\temb:t=1,2\n' | mk > x.ser
	fails 1 'record 1 "a"' ser-project x.ser
	printf 'id=a\temb:t=1,2\nid=b\temb:t=1,2,3\n' | mk > x.ser
	fails 1 'has 3 dimensions, expected 2' ser-project x.ser
	mk < /dev/null > none.ser
	run -0 ser-project none.ser
}

@test "ser-project: the header says how the tensor was made and how good it is" {
	dim() { ser-dump --header "$1" | jq -r ".dims.proj | $2"; }
	for i in 1 2 3 4 5; do printf 'id=u%d\temb:t=%d,%d,7\n' $i $((3 * i)) $((4 * i)); done | mk | ser-project > p.ser
	[ "$(dim p.ser '.method, .axes[0]' | paste -sd' ')" = "pca component" ]
	dim p.ser '.share[]' | paste -sd' ' | awk '!($1 > .999999 && $1 <= 1 && $2 >= 0 && $2 < 1e-6) {exit 1}'
	run -0 --separate-stderr ser-project -v --method tsne -o t.ser all.ser
	[ "$(dim t.ser '.kl * 1e6 | round')" = "$(sed -E 's/.*divergence 0*([0-9]*)\.([0-9]*).*/\1\2/; s/^0*//' <<<"$stderr")" ]
	[ "$(dim t.ser .iterations)" = "$(sed -E 's/.*after ([0-9]*) .*/\1/' <<<"$stderr")" ]
}

many() { # 900 points at random
	awk 'BEGIN {srand(1); for (i = 0; i < 900; i++) printf "id=u%d\temb:t=%f,%f,%f\n", i, rand(), rand(), rand()}' | mk
}

@test "progress: how fast and how long it took; none in a pipe that asks for none" {
	many >x.ser
	ser-project --method tsne x.ser 2>err >/dev/null
	[ ! -s err ]
	ser-project --method tsne --progress x.ser 2>err >/dev/null
	grep -qE '^ser-project: iterations 1000/1000, [0-9.]+/s, [0-9]+ s$' err
}

@test "progress on a terminal: what is left; none with -q" {
	needs_terminal
	many >x.ser
	script -qec 'ser-project --method tsne x.ser -o y.ser' /dev/null | tr '\r' '\n' >tty
	grep -qE 'iterations [0-9]+/1000, [0-9.]+/s, [0-9]+ s, [0-9]+ s left' tty
	script -qec 'ser-project -q --method tsne x.ser -o y.ser' /dev/null >tty
	[ ! -s tty ]
}
