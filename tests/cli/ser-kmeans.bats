#!/usr/bin/env bats
load helper

setup() {
	T=$BATS_TEST_TMPDIR
	mk() { "$ROOT/tests/tools/mkser" "$@"; }
	mk < "$ROOT/tests/golden/ser-score.txt" > "$T/all.ser"
}

label() { # the values of a label, in order
	mk -d | awk -F'\t' -v k="$1" '{for (i = 1; i <= NF; i++) if (index($i, k "=") == 1) print substr($i, length(k) + 2)}'
}

two() { # two plain clusters of each of two speakers, the records of both mixed
	printf 'id=a\tspk=1\temb:t=1,2\nid=b\tspk=2\temb:t=5,2\nid=c\tspk=1\temb:t=1,2.1\nid=d\tspk=1\temb:t=5,2\tx=kept\nid=e\tspk=2\temb:t=-5,2\n'
}

@test "ser-kmeans: clusters inside each speaker, in the order of the input, the rest passed through" {
	two | mk > "$T/a.ser"
	ser-kmeans --by spk -k 2 --margin --centroids "$T/c.ser" < "$T/a.ser" > "$T/out.ser"
	[ "$(label id < "$T/out.ser" | paste -sd' ')" = "a b c d e" ]
	[ "$(label cluster < "$T/out.ser" | paste -sd' ')" = "0 0 0 1 1" ]
	[ "$(label x < "$T/out.ser")" = kept ]
	label cluster_margin < "$T/out.ser" | awk '!($1 > .9 && $1 <= 1) {exit 1}'
	[ "$(mk -d < "$T/c.ser" | sed -n 2p)" = $'id=1/0\tcentroid:t=1,2.05\tcluster=0\tsize=2\tspk=1' ]
	[ "$(label id < "$T/c.ser" | paste -sd' ')" = "1/0 1/1 2/0 2/1" ]
	mk -d < "$T/out.ser" | head -1 | grep -q 'ser-kmeans --clusters=2 --by=spk --seed=0 --margin=true'
	# all together
	ser-kmeans -k 3 --name g < "$T/a.ser" > "$T/out.ser"
	[ "$(label g < "$T/out.ser" | paste -sd' ')" = "0 1 0 1 2" ]
}

@test "ser-kmeans: the same bytes for any number of threads, other clusters for another seed" {
	for o in "--by spk -k 4" "-k 7" "--by spk -k 3 --metric cosine" "--by spk --select-k 2:6" "-k 9 --init random"; do
		ser-kmeans $o --margin --centroids "$T/ca" -t 1 < "$T/all.ser" > "$T/a"
		ser-kmeans $o --margin --centroids "$T/cb" -t 4 < "$T/all.ser" > "$T/b"
		cmp "$T/a" "$T/b"
		cmp "$T/ca" "$T/cb"
	done
	ser-kmeans -k 20 --n-init 1 < "$T/all.ser" | label cluster > "$T/a"
	ser-kmeans -k 20 --n-init 1 --seed 1 < "$T/all.ser" | label cluster > "$T/b"
	run -1 cmp -s "$T/a" "$T/b"
}

@test "ser-kmeans: progress counts the starts of all groups, and changes nothing" {
	for i in $(seq 30); do printf 'id=u%d\tspk=s%d\temb:t=%d,%d,7\n' "$i" $((i % 3)) $((i * i % 17)) "$i"; done | mk >x.ser
	ser-kmeans -k 2 --by spk --n-init 4 x.ser >plain.ser
	ser-kmeans -k 2 --by spk --n-init 4 --progress -t 2 x.ser 2>says >y.ser
	grep -qE '^ser-kmeans: starts 12/12, ' says
	cmp plain.ser y.ser
}

@test "ser-kmeans: a speaker's clusters do not depend on who else is there" {
	ser-kmeans --by spk -k 4 < "$T/all.ser" | mk -d | grep spk=s3 > "$T/a"
	grep spk=s3 "$ROOT/tests/golden/ser-score.txt" | mk | ser-kmeans --by spk -k 4 | mk -d | grep spk=s3 > "$T/b"
	cmp "$T/a" "$T/b"
}

@test "ser-kmeans: --select-k finds the number that is there; --center takes the speaker away" {
	awk 'BEGIN {srand(1); for (i = 0; i < 90; i++) printf "id=u%d\tspk=%d\temb:t=%f,%f,%f\n", i, i % 2, (i % 3 == 0) * 9 + rand() + 50 * (i % 2), (i % 3 == 1) * 9 + rand(), (i % 3 == 2) * 9 + rand()}' | mk > "$T/x.ser"
	[ "$(ser-kmeans --by spk --select-k 2:6 < "$T/x.ser" | label cluster | sort -u | paste -sd' ')" = "0 1 2" ]
	[ "$(ser-kmeans --select-k 2:4 < "$T/x.ser" | label cluster | sort -u | paste -sd' ')" = "0 1" ]
	[ "$(ser-kmeans --center spk --select-k 2:6 < "$T/x.ser" | label cluster | paste -sd' ' | cut -c1-17)" = "0 1 2 0 1 2 0 1 2" ]
}

@test "ser-kmeans: what is refused" {
	two | mk > "$T/a.ser"
	run -2 ser-kmeans < "$T/a.ser"
	run -2 ser-kmeans -k 0 < "$T/a.ser"
	run -2 ser-kmeans -k 2 --select-k 2:3 < "$T/a.ser"
	for k in 1:3 3:2 3 : x:y 2:3x; do run -2 ser-kmeans --select-k $k < "$T/a.ser"; done
	run -1 ser-kmeans --by spk -k 3 < "$T/a.ser"
	[[ $output == *'spk "2": 2 rows'* ]]
	run -1 ser-kmeans --by sex -k 2 < "$T/a.ser"
	run -1 ser-kmeans --field feat -k 2 < "$T/a.ser"
	two | sed 's/-5,2/nan,2/' | mk > "$T/b.ser"
	run -1 ser-kmeans -k 2 < "$T/b.ser"
	[[ $output == *'record 5 "e"'* ]]
	two | sed 's/-5,2/0,0/' | mk > "$T/b.ser"
	run -1 ser-kmeans -k 2 --metric cosine < "$T/b.ser"
	two | sed 's/-5,2/1,2,3/' | mk > "$T/b.ser"
	run -1 ser-kmeans -k 2 < "$T/b.ser"
	[[ $output == *'3 dimensions, expected 2'* ]]
	run -1 bash -c "ser-kmeans -k 2 < '$T/a.ser' > /dev/full"
	run -1 ser-kmeans -k 2 --centroids /dev/full < "$T/a.ser"
	head -c 300 "$T/a.ser" > "$T/cut.ser"
	run -1 ser-kmeans -k 1 -o "$T/never.ser" < "$T/cut.ser"
	[ ! -e "$T/never.ser" ]
	run -0 ser-kmeans -k 2 < <(mk < /dev/null)
}

@test "ser-kmeans: fewer different records than clusters is a warning" {
	printf 'id=a\temb:t=1,2\nid=b\temb:t=1,2\nid=c\temb:t=4,2\n' | mk > "$T/a.ser"
	run -0 --separate-stderr bash -c "ser-kmeans -k 3 < '$T/a.ser' > '$T/out.ser'"
	[[ $stderr == *"1 of 3 clusters are empty"* ]]
	[ "$(label cluster < "$T/out.ser" | paste -sd' ')" = "0 0 1" ]
}

@test "--frames: units of a sample of frames, the same in any order of the records; --assign gives them again" {
	mkstream -n 40 --frames 30 --bins 5 --seed 3 >f.ser
	ser-kmeans -k 6 --frames 500 --seed 1 --centroids c.ser f.ser >u.ser
	[ "$(ser-dump --data u.ser | jq -s '[.[] | (.units.shape[0] == .feat.shape[0]), (.units.data | all(. >= 0 and . < 6))] | all')" = true ]
	[ "$(ser-dump --header u.ser | jq -c .dims.units)" = '{"axes":["frame"],"shift_s":0.01}' ]
	{ mkstream -n 20 --first 20 --frames 30 --bins 5 --seed 3; mkstream -n 20 --frames 30 --bins 5 --seed 3; } |
		ser-kmeans -k 6 --frames 500 --seed 1 --centroids d.ser >/dev/null
	ser-cmp c.ser d.ser
	for t in 1 3; do ser-kmeans --assign c.ser -t $t f.ser | ser-cmp - u.ser; done
	# the nearest centre, by another hand
	"$PYTHON" - <<-END
		import json, subprocess
		def load(f): return [json.loads(l) for l in subprocess.run(["ser-dump", "--data", f], capture_output=True, text=True).stdout.splitlines()]
		c = [r["centroid"]["data"] for r in load("c.ser")]
		for r in load("u.ser"):
		    for x, u in zip(r["feat"]["data"], r["units"]["data"]):
		        d = [sum((a - b) ** 2 for a, b in zip(x, y)) for y in c]
		        assert d[u] <= min(d) + 1e-5, (r["id"], d, u)
	END
	fails 2 'go' ser-kmeans -k 6 --frames 500 --by spk f.ser
	fails 2 'without' ser-kmeans -k 6 --assign c.ser f.ser
	fails 1 'expected frames of 5 dimensions' ser-kmeans --assign c.ser <(mkstream -n 2 --bins 4)
	fails 1 'centroid' ser-kmeans --assign f.ser f.ser
	mkstream -n 4 --frames 5 --nan 2 >nan.ser
	fails 1 'not finite' ser-kmeans -k 2 --frames 9 nan.ser
}

@test "--pass-small: a group with fewer records than clusters gets none, is counted, and is passed over by pairs and scores" {
	{ for i in 1 2 3 4 5 6; do printf 'id=a%s\tspk=1\temo=%s\temb:t=%s,%s\n' $i $((i % 2)) $((i % 2)) 1; done
	  printf 'id=b1\tspk=2\temo=0\temb:t=0,1\n'; } | "$ROOT"/tests/tools/mkser >g.ser
	fails 1 'spk "2"' ser-kmeans --by spk -k 2 g.ser
	run -0 --separate-stderr ser-kmeans --by spk -k 2 --pass-small -o c.ser g.ser
	[[ $stderr == *'1 of 2 groups have too few records for their clusters: 1 record without one'* ]] && [ "${#stderr_lines[@]}" -eq 1 ]
	same 'b1' bash -c "ser-select '!has(cluster)' c.ser | ser-dump --tsv id | tail -n +2"
	ser-kmeans --by spk -k 2 --pass-small --margin --centroids m.ser -q g.ser >/dev/null
	[ "$(ser-dump m.ser | wc -l)" -eq 2 ]
	[ "$(ser-pairs --by spk c.ser | ser-dump | wc -l)" -eq 6 ]
	ser-score clusters --by spk --label emo --tsv c.ser | grep -qx $'about\tpassed_over\tvalue\t1'
	fails 1 'no group has enough' ser-kmeans --by spk -k 7 --pass-small g.ser
	fails 2 'goes with --by' ser-kmeans -k 2 --pass-small g.ser
}

@test "--frames: a record's training set stays with it, over segments and merged" {
	for i in 1 2; do
		mkstream -n 12 --speakers $((i + 1)) | ser-train classify -l emo --arch mlp -e 1 --crop 0 -q -o $i.st
		mkstream -n 3 --speakers 9 --first $((i * 40)) | ser-predict -m $i.st
	done >p.ser
	same '[0,0,0,1,1,1]' bash -c 'ser-kmeans -k 2 --frames 9 p.ser | ser-dump | jq -sc "[.[].train_set]"'
	same '[0,0,0,1,1,1]' bash -c 'ser-cat --merge p.ser | ser-kmeans -k 2 --frames 9 | ser-dump | jq -sc "[.[].train_set]"'
	same '[null,null,null]' bash -c 'ser-head -n 3 p.ser | ser-kmeans -k 2 --frames 9 | ser-dump | jq -sc "[.[].train_set]"'
}

@test "--center with cosine: the only record of a label has no direction, and no cluster" {
	{ mkstream -n 12 --name emb --speakers 3; mkstream -n 1 --first 12 --name emb --speakers 99; } | ser-select --row emb:0 true | ser-cat --merge >a.ser
	[ "$(ser-dump --tsv spk a.ser | tail -n +2 | sort | uniq -u | wc -l)" -eq 1 ]
	run --separate-stderr ser-kmeans -k 2 --metric cosine --center spk --margin a.ser
	[ "$status" -eq 0 ]
	[ "$stderr" = 'ser-kmeans: 1 of 13 records equal the mean of their spk, so that no direction is left: they get no cluster' ]
	same '1' bash -c 'ser-kmeans -q -k 2 --metric cosine --center spk a.ser | ser-dump | jq -s "map(select(.cluster == null)) | length"'
	same '12' bash -c 'ser-kmeans -q -k 2 --metric cosine --center spk --by spk --pass-small a.ser | ser-dump | jq -s "map(select(.cluster != null)) | length"'
	# of distances there is nothing to miss
	same '0' bash -c 'ser-kmeans -q -k 2 --center spk a.ser | ser-dump | jq -s "map(select(.cluster == null)) | length"'
}
