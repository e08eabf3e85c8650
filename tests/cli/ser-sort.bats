#!/usr/bin/env bats
load helper

order() { ser-dump --tsv "$1" | tail -n +2 | tr '\n' ' '; }

@test "by id, reversed and back" {
	mkstream -n 30 >a.ser
	same "$(seq -f 'u%05g' 29 -1 0)" bash -c 'ser-sort -r a.ser | ser-dump --tsv id | tail -n +2'
	ser-sort -r a.ser | ser-sort >b.ser
	ser-dump b.ser | cmp - <(ser-dump a.ser)
}

@test "by several labels, stable both ways" {
	mkstream -n 30 | ser-sort --by fold,spk | ser-dump --tsv fold,spk,id | tail -n +2 >got
	mkstream -n 30 | ser-dump --tsv fold,spk,id | tail -n +2 | sort -s -k 1,1n -k 2,2 >want
	cmp got want
	mkstream -n 30 | ser-sort -r --by fold | ser-dump --tsv fold,id | tail -n +2 >got
	mkstream -n 30 | ser-dump --tsv fold,id | tail -n +2 | sort -s -k 1,1nr >want
	cmp got want
}

@test "numbers by value, kinds in order, absent first" {
	"$PYTHON" -c 'import msgpack' 2>/dev/null || skip "python3-msgpack is not installed"
	"$PYTHON" -c 'import msgpack, sys
p = msgpack.packb
v = [10, 9, 9.5, "a", True, None, -1, "B", float("nan"), 2**53 + 1, float(2**53), False, "10"]
out = p({"ser": 1}) + p({"id": "none"})
for i, x in enumerate(v):
    out += p({"id": repr(x), "x": x})
sys.stdout.buffer.write(out + p({"end": len(v) + 1}))' >a.ser
	same "none None False True -1 9 9.5 10 9007199254740992.0 9007199254740993 nan '10' 'B' 'a' " \
		bash -c 'ser-sort --by x a.ser | ser-dump --tsv id | tail -n +2 | tr "\n" " "'
}

@test "the same bytes in memory and through a temporary file" {
	mkstream -n 3000 --frames 20 >a.ser
	ser-sort --by emo,dur a.ser >want.ser
	for mem in 1 4K 100K 1M; do
		ser-sort --mem $mem --by emo,dur a.ser | cmp - want.ser
	done
	ser-sort --mem 10K -r --by spk a.ser | cmp - <(ser-sort -r --by spk a.ser)
	ser-cmp a.ser want.ser
}

@test "memory stays within the bound" {
	mkstream -n 20000 --frames 50 --bins 20 >a.ser
	[ "$(stat -c %s a.ser)" -gt 80000000 ]
	[ "$FLAVOUR" = release ] || skip "sanitizers reserve memory"
	(ulimit -v 60000; ser-sort --mem 16M --by emo a.ser) | ser-info >/dev/null
}

@test "unlike segments are merged; an empty stream stays one" {
	mkstream -n 3 --tool one >a.ser
	mkstream -n 3 --first 3 --tool two >b.ser
	same '[["one"],["two"]]' bash -c 'cat b.ser a.ser | ser-sort | ser-dump --header | jq -c "[.prov[0].inputs[] | [.[].tool]] | sort"'
	mkstream -n 0 | ser-sort | ser-info >/dev/null
	mkstream -n 0 | ser-sort --mem 1 | ser-info >/dev/null
}

@test "a tensor is no key; a full TMPDIR is told" {
	mkstream >a.ser
	fails 1 'field "feat" is a tensor' ser-sort --by feat a.ser
	fails 1 'cannot create a temporary file' env TMPDIR=/no/such ser-sort --mem 1K a.ser
	fails 2 'empty name' ser-sort --by '' a.ser
}
