#!/usr/bin/env bats
load helper

setup() {
	work
	mk() { "$ROOT/tests/tools/mkser" "$@"; }
	mk < "$ROOT/tests/golden/ser-score.txt" > all.ser # 6 speakers of 20 records, u0 of s0, u1 of s1 ...
	tr '\t' '\n' < "$ROOT/tests/golden/ser-score.txt" | awk -F= '$1 == "id" {id = $2} $1 == "spk" {print id, $2}' > spk
}

# Does every line of a list say of two different records whether they are of one speaker, the lesser id first?
check() {
	awk 'NR == FNR {spk[$1] = $2; next}
		!($1 in spk) || !($2 in spk) || $1 >= $2 || seen[$1, $2]++ || $3 != (spk[$1] == spk[$2] ? "target" : "nontarget") {bad = 1}
		END {exit bad || FNR == 0}' spk "$1"
}

@test "ser-trials: all pairs, once each, sorted; ser-score makes of them what it makes without a list" {
	ser-trials all.ser > t
	check t
	LC_ALL=C sort -c t
	[ "$(grep -c '	target$' t)" -eq $((6 * 20 * 19 / 2)) ]
	[ "$(wc -l < t)" -eq $((120 * 119 / 2)) ]
	ser-score verify --n-boot 0 --tsv all.ser | grep '^scores' > own
	ser-score verify --n-boot 0 --tsv --trials t all.ser | grep '^scores' | cmp - own
	sed -i '1s/nontarget$/target/' t # the check can fail
	run -1 check t
}

@test "ser-trials: so many of each speaker, drawn by seed and ids, whatever the order of the records" {
	ser-trials --targets 7 --nontargets 11 --seed 3 all.ser > t
	check t
	awk 'NR == FNR {spk[$1] = $2; next} $3 == "target" {n[spk[$1]]++} $3 == "nontarget" {m++}
		END {for (s in n) if (n[s] != 7) exit 1; exit length(n) != 6 || m != 66}' spk t
	sort -R "$ROOT/tests/golden/ser-score.txt" --random-source=<(yes) | mk | ser-trials --targets 7 --nontargets 11 --seed 3 | cmp - t
	ser-trials --targets 7 --nontargets 11 --seed 4 all.ser > u
	run -1 cmp -s t u
	ser-trials > all < all.ser # a larger draw holds the smaller one, and 0 is all
	ser-trials --targets 9 --nontargets 0 --seed 3 all.ser > u
	[ "$(comm -23 <(grep -w target t) <(grep -w target u) | wc -l)" -eq 0 ]
	cmp <(grep nontarget u) <(grep nontarget all)
}

@test "ser-trials: every pair is as likely" {
	for s in {1..200}; do ser-trials --targets 19 --nontargets 19 --seed $s all.ser; done |
		awk '{n[$1 " " $2]++; k[$1 " " $2] = $3}
			END {for (p in n) {c[k[p]]++; q[k[p]] += (n[p] - 20 * (k[p] == "target") - 200 * 19 * 6 / 6000 * (k[p] != "target")) ^ 2}
				# binomial: 0.1 of 200 for targets, 0.019 of 200 for the others, so variances of 18 and 3.7
				v = q["target"] / 1140; w = q["nontarget"] / 6000
				exit !(v > 15 && v < 21 && w > 3.2 && w < 4.3)}'
}

@test "ser-trials --within, --across, --by" {
	ser-trials --within emo --across text all.ser > t
	check t
	tr '\t' '\n' < "$ROOT/tests/golden/ser-score.txt" |
		awk -F= '$1 == "id" {id = $2} $1 == "text" {text[id] = $2} $1 == "emo" {emo[id] = $2}
			END {for (a in text) for (b in text) n += a < b && emo[a] == emo[b] && text[a] != text[b]; print n}' > want
	[ "$(wc -l < t)" -eq "$(cat want)" ]
	[ "$(ser-trials --by emo all.ser | grep -c '	target$')" -eq $((37 * 36 / 2 + 32 * 31 / 2 + 32 * 31 / 2 + 19 * 18 / 2)) ]
}

@test "ser-trials: one kind alone, a missing label" {
	head -n 1 "$ROOT/tests/golden/ser-score.txt" | mk > one.ser
	fails 1 "0 target and 0 non-target trials: both kinds are needed" ser-trials one.ser
	fails 1 "1140 target and 0 non-target" ser-trials --within spk all.ser
	fails 1 'record 1 "u0"' ser-trials --within nosuch all.ser
	run -0 ser-trials -o out -v all.ser
	[[ $output == *"1140 target trials of 6 speakers, 6000 non-target" ]]
	[ -s out ]
}

@test "ser-trials: ids with blanks, and ser-score reads them" {
	sed 's/^id=u/id=zoom in /' "$ROOT/tests/golden/ser-score.txt" | mk > blank.ser
	ser-trials --targets 30 --nontargets 40 blank.ser > t
	[ "$(grep -c $'^zoom in [0-9]*\tzoom in [0-9]*\ttarget$' t)" -eq 180 ]
	ser-score verify --n-boot 0 --trials t blank.ser | grep -q '^target *180'
	sed 's/\t/ /g' t > u
	fails 1 "expected two ids" ser-score verify --n-boot 0 --trials u blank.ser
}
