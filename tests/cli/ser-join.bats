#!/usr/bin/env bats
load helper

setup() {
	work
	mkstream -n 6 >a.ser
}

@test "what was taken apart comes together" {
	ser-select --fields feat true a.ser >f.ser
	ser-select --drop feat true a.ser >l.ser
	ser-join l.ser f.ser | ser-cmp - a.ser
	ser-sort -r f.ser | ser-join l.ser - | ser-dump | cmp - <(ser-dump a.ser)
	same '{"feat":{"axes":["time","bin"],"shift_s":0.01}}' bash -c 'ser-join l.ser f.ser | ser-dump --header | jq -c .dims'
}

@test "inner, left, anti" {
	mkstream -n 3 --first 2 --name emb >b.ser
	same 'u00002 u00003 u00004 ' bash -c 'ser-join a.ser b.ser | ser-dump --tsv id | tail -n +2 | tr "\n" " "'
	same '[false,false,true,true,true,false]' bash -c 'ser-join --left a.ser b.ser | ser-dump | jq -sc "[.[] | has(\"emb\")]"'
	same 'u00000 u00001 u00005 ' bash -c 'ser-join --anti a.ser b.ser | ser-dump --tsv id | tail -n +2 | tr "\n" " "'
	same '["feat"]' bash -c 'ser-join --anti a.ser b.ser | ser-dump --header | jq -c ".dims | keys"'
	fails 2 'exclude' ser-join --anti --left a.ser b.ser
}

@test "a field of both: the same, or an error, or a suffix" {
	mkstream -n 6 --seed 2 >b.ser
	fails 1 'field "feat" is in both inputs and differs' ser-join a.ser b.ser
	ser-join --fields emo,spk a.ser b.ser | ser-cmp - a.ser
	same '["id","spk","emo","fold","dur","feat","feat_b"]' bash -c \
		'ser-join --fields feat --suffix _b a.ser b.ser | ser-dump | head -n 1 | jq -c keys_unsorted'
	same '["feat","feat_b"]' bash -c 'ser-join --fields feat --suffix _b a.ser b.ser | ser-dump --header | jq -c ".dims | keys"'
	ser-join --fields feat --suffix _b a.ser b.ser >c.ser
	fails 1 'there already' ser-join --fields feat --suffix _b c.ser b.ser
	fails 1 'too long' ser-join --fields feat --suffix "$(printf 'x%.0s' {1..254})" a.ser b.ser
}

@test "two streams that have no id in common are warned of" {
	mkstream -n 3 --first 100 --name emb >other.ser
	for o in '' --left; do
		ser-join $o a.ser other.ser 2>says | ser-info >/dev/null
		grep -qx 'ser-join: no record of A has the same "id" as one of B' says
	done
	ser-join --anti a.ser other.ser 2>says | ser-info >/dev/null
	[ ! -s says ]
}

@test "the provenances become inputs, unless they are equal" {
	mkstream -n 6 --name emb --tool other >b.ser
	same '["ser-join",["mkstream","other"]]' bash -c 'ser-join a.ser b.ser | ser-dump --header | jq -c ".prov[] | [.tool, [.inputs[][].tool]]"'
	mkstream -n 6 --name emb >b.ser
	same '["mkstream","ser-join"]' bash -c 'ser-join a.ser b.ser | ser-dump --header | jq -c "[.prov[].tool]"'
}

@test "the same bytes in memory and through a temporary file, whatever the order" {
	mkstream -n 2000 --speakers 50 --frames 20 >a.ser
	mkstream -n 3000 --first 500 --speakers 50 --frames 20 --name emb >b.ser
	ser-join a.ser b.ser >want.ser
	ser-sort --by emo,dur b.ser >mixed.ser
	ser-sort -r a.ser >back.ser
	ser-join back.ser b.ser >want.back.ser
	for mem in 1 4K 100K 1M; do
		ser-join --mem $mem a.ser b.ser | cmp - want.ser
		ser-join --mem $mem back.ser b.ser | cmp - want.back.ser
		ser-join --mem $mem a.ser mixed.ser | ser-dump --data | cmp - <(ser-join a.ser mixed.ser | ser-dump --data)
	done
	same 1500 bash -c 'ser-join --mem 10K a.ser b.ser | ser-dump --tsv id | tail -n +2 | wc -l'
	(echo $'spk\tnote'; seq -f '%02g' 0 49 | sed 's/$/\tof the table/') >t.tsv
	ser-join --tsv --on spk --mem 100 a.ser t.tsv | cmp - <(ser-join --tsv --on spk a.ser t.tsv)
	ser-head -n 50 a.ser | ser-join --on spk --suffix _b --mem 1K a.ser - | ser-cmp - <(ser-head -n 50 a.ser | ser-join --on spk --suffix _b a.ser -)
	fails 1 'twice' ser-join --on spk --mem 1K a.ser a.ser
	fails 1 'cannot create a temporary file' env TMPDIR=/no/such ser-join --mem 1K a.ser b.ser
}

@test "memory stays within the bound" {
	mkstream -n 20000 --frames 50 --bins 20 >a.ser
	[ "$(stat -c %s a.ser)" -gt 80000000 ]
	[ "$FLAVOUR" = release ] || skip "sanitizers reserve memory"
	(ulimit -v 60000; ser-join --mem 16M a.ser a.ser) | ser-cmp - a.ser
}

@test "a table, by id and by speaker" {
	printf 'id\tage\tnote\nu00001\t31\t\nu00004\t42\ta "b"\n' >t.tsv
	same '[31,null] [42,"a \"b\""]' bash -c 'ser-join --tsv a.ser t.tsv | ser-dump | jq -c "[.age, .note]" | paste -sd " "'
	printf '\xef\xbb\xbfspk\tsex\r\n00\tf\r\n01\tm\r\n' >s.tsv # with a byte order mark
	head -c -2 s.tsv >cut.tsv
	fails 1 'cut.tsv: line 3: the last line does not end in a newline' ser-join --tsv --on spk a.ser cut.tsv
	same '["00","f"] ["01","m"] ["00","f"] ["01","m"]' bash -c \
		'ser-join --tsv --on spk a.ser s.tsv | ser-dump | jq -c "[.spk, .sex]" | paste -sd " "'
	same '["--on=spk","--tsv=true"]' bash -c 'ser-join --tsv --on spk a.ser s.tsv | ser-dump --header | jq -c .prov[1].args'
	cat a.ser | ser-join --tsv --on spk - s.tsv | ser-cmp - <(ser-join --tsv --on spk a.ser - <s.tsv)
}

@test "a stream by speaker: its ids are not taken" {
	ser-head -n 3 a.ser | ser-select --fields spk,emo true >spk.ser
	same '["u00003","00","neutral"]' bash -c \
		'ser-join --on spk --suffix _first a.ser spk.ser | ser-dump | jq -c "[.id, .spk, .emo_first]" | sed -n 4p'
	fails 1 'there twice as spk' ser-join --on spk a.ser a.ser
	fails 1 'field "feat" is' ser-join --on feat a.ser a.ser
}

@test "tables that are wrong" {
	bad() { printf "$2" >t.tsv; fails 1 "$1" ser-join --tsv a.ser t.tsv; }
	bad 'empty, expected a header row' ''
	bad 'no column "id"' 'x\ty\n'
	bad 'line 3: 1 column, the header row has 2' 'id\tx\nu1\t2\nu2\n'
	bad 'line 2: 3 columns' 'id\tx\nu1\t2\t3\n'
	bad 'line 3: "u1" is there twice as id' 'id\tx\nu1\t2\nu1\t3\n'
	bad 'line 2: age: "old" is not a whole number' 'id\tage\nu1\told\n'
	bad 'line 2: valence: "nan" is not a finite number' 'id\tvalence\nu1\tnan\n'
	bad 'line 2: no id' 'id\tx\n\t2\n'
	bad 'column 2: empty' 'id\t\nu1\t2\n'
	bad 'column 3: empty, repeated' 'id\tx\tx\nu1\t2\t3\n'
	bad 'line 2: not UTF-8' 'id\tx\nu1\t\xff\n'
	bad 'line 2: not UTF-8' 'id\tx\nu1\t\x00\n'
	fails 1 'not UTF-8' ser-join --tsv a.ser a.ser
	fails 1 'not a ser stream' ser-join a.ser <(printf 'id\tx\n')
	fails 1 'no/such' ser-join --tsv a.ser no/such
	fails 2 'expected two' ser-join a.ser
}

@test "--concat: one tensor behind the other, and what the headers say of both" {
	mkstream -n 6 --bins 3 --seed 2 >b.ser
	same 'u00000	[5,7]' bash -c 'ser-join --concat feat a.ser b.ser | ser-dump --tsv id,feat | sed -n 2p'
	data() { ser-dump --data "$1" | jq -c "select(.id == \"u00003\") | .feat.data"; }
	ser-join --concat feat a.ser b.ser >c.ser
	same true jq -n --argjson a "$(data a.ser)" --argjson b "$(data b.ser)" --argjson c "$(data c.ser)" \
		'[$a, $b] | transpose | map(add) | . == $c'
	ser-join --concat feat c.ser a.ser >d.ser
	same '[["time","bin"],3]' bash -c 'ser-dump --header d.ser | jq -c ".dims.feat | [.axes, (.parts | length)]"'

	ser-train speaker --arch mlp -e 1 -o m.st a.ser
	ser-embed -m m.st --name feat2 a.ser | ser-select --fields spk,emo,feat2 true >e.ser
	ser-join --concat feat2 e.ser e.ser >f.ser
	same '["00","01","02"]' bash -c 'ser-dump --header f.ser | jq -c .dims.feat2.train_speakers'

	mkstream -n 6 --frames 9 >long.ser
	fails 1 'axis 0 of "feat" is 5 in A and 9 in B' ser-join --concat feat a.ser long.ser
	fails 1 'A has no tensor "emb"' ser-join --concat emb a.ser b.ser
	fails 2 'of two streams' ser-join --concat feat --tsv a.ser b.ser
}

@test "whom predictions' models were trained on, whichever stream they come from" {
	for i in 1 2; do
		mkstream -n 12 --first $((i * 20)) --speakers $((i + 1)) | ser-train classify -l emo --arch mlp -e 1 --crop 0 -q -o $i.st
		mkstream -n 3 --speakers 9 --first $((i * 40)) | ser-predict -m $i.st | tee p$i.ser
	done | ser-cat --merge >p.ser
	mkstream -n 100 --first 40 --speakers 9 --name emb | ser-select --fields emb true >b.ser
	sets() { ser-join "$@" | ser-dump | jq -sc '[.[].train_set]'; }
	lists() { ser-join "$@" | ser-dump --header | jq -c "$about"; }
	about='.dims.post.train_sets | map(sort)'
	same '[0,0,0,1,1,1]' sets p.ser b.ser
	same '[["00","01"],["00","01","02"]]' lists p.ser b.ser
	same '[0,0,0,1,1,1]' sets b.ser p.ser
	same '[["00","01"],["00","01","02"]]' lists b.ser p.ser
	cat p2.ser p1.ser >q.ser # another numbering, not merged
	same '[1,1,1,0,0,0]' sets b.ser q.ser
	same '[["00","01","02"],["00","01"]]' lists b.ser q.ser
	same '[1,1,1,0,0,0,null]' bash -c 'ser-join --left b.ser q.ser | ser-head -n 44 | ser-dump | jq -sc "[.[:3][], .[40:43][] | .train_set] + [.[43].pred]"'

	# both say: every pair has its number
	ser-cat q.ser | ser-select --fields post,train_set true | ser-cat --merge >q2.ser
	same '[1,1,1,2,2,2]' sets --suffix 2 p.ser q2.ser
	same '[["00","01"],["00","01"],["00","01","02"],["00","01","02"]]' lists --suffix 2 p.ser q2.ser
	about='.dims.post2.train_sets | map(sort)'
	same '[["00","01","02"],["00","01"],["00","01","02"],["00","01"]]' lists --suffix 2 p.ser q2.ser

	# a label of that name that says something else is not lost
	ser-dump b.ser | jq -c '{id, train_set: "mine"}' | ser-cat --from json -o t.ser
	fails 1 'would be replaced' ser-join t.ser p.ser
}
