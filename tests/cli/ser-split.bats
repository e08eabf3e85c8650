#!/usr/bin/env bats
load helper

setup() {
	work
	mkstream -n 20 >a.ser
}

@test "dealt out in turn" {
	ser-split -n 3 -o 'p-%d.ser' a.ser
	same "$(seq -f 'u%05g' 1 3 19)" bash -c 'ser-dump --tsv id p-1.ser | tail -n +2'
	ser-cat p-*.ser | ser-cmp - a.ser
	ser-cat p-*.ser | ser-sort | ser-dump | cmp - <(ser-dump a.ser)
}

@test "by a label: each value in one part, the same for any order" {
	ser-split -n 4 --by spk -o 'p-%d.ser' a.ser
	ser-sort -r a.ser | ser-split -n 4 --by spk -o 'q-%d.ser'
	for i in 0 1 2 3; do
		ser-cmp p-$i.ser q-$i.ser
		ser-dump --tsv spk p-$i.ser | tail -n +2 | sort -u
	done >values
	[ "$(sort values | uniq -d | wc -l)" -eq 0 ]
	same 4 bash -c 'ls p-*.ser | wc -l'
	fails 1 'expected a label' ser-split -n 4 --by nosuch -o 'r-%d.ser' a.ser
	fails 1 'field "feat" is' ser-split -n 4 --by feat -o 'r-%d.ser' a.ser
	! ls | grep '^r-' || false
}

@test "cut by count and size: put together again, the same bytes" {
	ser-split --records 8 -o 'p-%02d.ser' a.ser
	same "p-00.ser p-01.ser p-02.ser" bash -c 'echo p-*'
	ser-cat p-*.ser | cmp - a.ser
	ser-split --records 20 -o 'one-%d' a.ser
	same one-0 bash -c 'ls one-*'
	ser-split --size 500 -o 's-%03d.ser' a.ser
	[ "$(ls s-*.ser | wc -l)" -gt 5 ]
	for f in s-*.ser; do [ "$(stat -c %s $f)" -lt 800 ]; done
	cat s-*.ser | ser-cat | cmp - a.ser
	ser-split --size 1 -o 't-%03d.ser' a.ser
	same 20 bash -c 'ls t-*.ser | wc -l'
	# records of one size: a part is full with two of them, and with one where two are a byte too many
	rows() { for i in $(seq "$1"); do echo "{\"id\":\"u$i\",\"emo\":\"sad\"}"; done | ser-cat --from json; }
	rows 4 >b.ser
	size=$(($(stat -c %s b.ser) - $(rows 3 | wc -c)))
	ser-split --size $((2 * size)) -o 'two-%d' b.ser
	ser-split --size $((2 * size - 1)) -o 'single-%d' b.ser
	same "2 4" bash -c 'echo $(ls two-* | wc -l) $(ls single-* | wc -l)'
}

@test "segments with unlike headers keep them" {
	mkstream -n 5 --first 20 --tool other >b.ser
	ser-split -n 2 -o 'p-%d' a.ser b.ser
	same 2 bash -c 'ser-dump --header p-0 | wc -l'
	ser-split --records 7 -o 'q-%d' a.ser b.ser
	ser-cat q-0 q-1 q-2 q-3 | cmp - <(ser-cat a.ser b.ser)
}

@test "no records: all parts of -n, one otherwise" {
	mkstream -n 0 | ser-split -n 2 -o 'p-%d'
	mkstream -n 0 | ser-split --records 2 -o 'q-%d'
	ser-info p-0 p-1 q-0 >/dev/null
	[ ! -e q-1 ]
}

@test "formats" {
	ser-split -n 1 -o 'x%%%d' a.ser
	[ -e 'x%0' ]
	for f in p p%% p%d%d p%s p%5d p%-d p%ld p%01000d % p%d% %n%d p%0; do
		fails 2 --output ser-split -n 2 -o "$f" a.ser
	done
	same "a.ser x%0" bash -c "ls | paste -sd \" \""
}

@test "options that do not go together" {
	fails 2 'one of -n' ser-split -o p%d a.ser
	fails 2 'one of -n' ser-split -n 2 --records 3 -o p%d a.ser
	fails 2 'needs -n' ser-split --records 2 --by spk -o p%d a.ser
	fails 2 'needed' ser-split -n 2 a.ser
}

@test "an input may be replaced by a part; a directory that is not there" {
	cp a.ser p-0
	ser-split -n 2 -o 'p-%d' p-0
	ser-cat p-0 p-1 | ser-cmp - a.ser
	fails 1 'cannot create' ser-split -n 2 -o 'no/such/%d' a.ser
}
