#!/usr/bin/env bats
load helper

parts() {
	mkstream -n 7 >a.ser
	mkstream -n 5 --first 7 >b.ser
	mkstream -n 8 --first 12 >c.ser
	mkstream -n 20 >all.ser
}

@test "parts of a run are that run, byte for byte" {
	parts
	ser-cat a.ser b.ser c.ser | cmp - all.ser
	cat a.ser b.ser c.ser | ser-cat | cmp - all.ser
	ser-cat a.ser - c.ser <b.ser | cmp - all.ser
}

@test "--merge keeps a header that all have: from files, a redirection and a pipe" {
	parts
	ser-cat --merge a.ser b.ser c.ser | cmp - all.ser
	cat a.ser b.ser c.ser >three.ser
	ser-cat -m <three.ser | cmp - all.ser
	cat three.ser | ser-cat -m | cmp - all.ser
	cat b.ser | ser-cat -m a.ser - c.ser | cmp - all.ser
	ser-cat -m a.ser <(cat b.ser) c.ser | cmp - all.ser
	ser-cat -m -o out.ser a.ser b.ser c.ser
	cmp out.ser all.ser
}

@test "--merge where one operand is standard input from a file read before" {
	parts
	{
		ser-head -n 0 >/dev/null
		true
	} <a.ser
	ser-cat -m - b.ser c.ser <a.ser | cmp - all.ser
}

@test "the output of parallel is the serial run's" {
	command -v parallel >/dev/null || skip "parallel is not installed"
	parts
	ls a.ser b.ser c.ser | parallel -k ser-select --drop dur "'fold != 2'" | ser-cat --merge >out.ser
	ser-select --drop dur 'fold != 2' all.ser | cmp - out.ser
}

@test "without --merge unlike headers stay segments; with it they become inputs" {
	mkstream -n 3 --tool one >a.ser
	mkstream -n 3 --first 3 --tool two >b.ser
	same 2 bash -c 'ser-cat a.ser b.ser | ser-dump --header | wc -l'
	for cmd in 'ser-cat -m a.ser b.ser' 'cat a.ser b.ser | ser-cat -m'; do
		same '[["ser-cat",["--merge=true"],["one","two"]]]' bash -c \
			"$cmd | ser-dump --header | jq -c '[.prov[] | [.tool, .args, [.inputs[][].tool]]]'"
	done
	ser-cmp <(ser-cat -m a.ser b.ser) <(ser-cat a.ser b.ser)
}

@test "a provenance too deep for any reader is refused, not written" {
	mkstream -n 1 --tool t0 >m.ser
	for i in $(seq 1 20); do
		mkstream -n 1 --first "$i" --tool "t$i" >a.ser
		ser-cat -m -o n.ser m.ser a.ser || break
		mv n.ser m.ser
	done
	fails 1 "the provenance nests deeper" ser-cat -m -o n.ser m.ser a.ser
	[ ! -e n.ser ]
	ser-info m.ser
}

@test "many merges nest and can still be read" {
	mkstream -n 1 --tool t0 >m.ser
	for i in 1 2 3 4 5 6 7 8; do
		mkstream -n 1 --first $i --tool t$i >a.ser
		ser-cat -m m.ser a.ser >n.ser
		mv n.ser m.ser
	done
	same 9 bash -c 'ser-dump m.ser | wc -l'
}

@test "dims that disagree cannot be merged" {
	mkstream -n 3 >a.ser
	mkstream -n 3 --first 3 --shift 0.02 >b.ser
	ser-cat a.ser b.ser | ser-dump >/dev/null
	fails 1 'inputs disagree about "feat"' bash -c 'ser-cat -m a.ser b.ser'
}

@test "an id twice, in one file or two" {
	mkstream -n 3 >a.ser
	fails 1 'this id came before, in another of the inputs' ser-cat a.ser a.ser
	fails 1 'this id came before' bash -c 'cat a.ser a.ser | ser-cat'
}

@test "a segment cut off before another is told" {
	mkstream -n 3 --defect no-trailer >a.ser
	mkstream -n 3 --first 3 >b.ser
	fails 1 'a new header after 3 records without a trailer; mkstream did not finish' bash -c 'cat a.ser b.ser | ser-cat'
}

@test "a full or missing TMPDIR" {
	mkstream >a.ser
	fails 1 'cannot create a temporary file' bash -c 'cat a.ser | TMPDIR=/no/such/place ser-cat -m'
	TMPDIR=/no/such/place ser-cat -m a.ser | cmp - a.ser
}

@test "records flow before the input ends" {
	mkstream -n 2 >a.ser
	n=$(($(stat -c %s a.ser) - 30))
	mkfifo in
	(head -c $n a.ser; sleep 3; tail -c 30 a.ser) >in &
	start=$SECONDS
	ser-cat in | ser-dump --tsv id | (read -r _; read -r id; echo "$id $((SECONDS - start))") >got
	wait
	read -r id secs <got
	[ "$id" = u00000 ]
	[ "$secs" -lt 3 ]
}

@test "--id-prefix: streams of the same ids put together" {
	mkstream -n 4 >p.ser
	ser-cat --id-prefix 1/ p.ser >one.ser
	ser-cat --id-prefix 2/ p.ser >two.ser
	same '1/u00000 1/u00003 2/u00000' bash -c 'ser-cat one.ser two.ser | ser-dump --tsv id | sed -n "2p;5p;6p" | paste -sd " "'
	ser-cat --merge --id-prefix 1/ p.ser | ser-cmp - one.ser
	ser-cat --merge --id-prefix 1/ <(cat p.ser) | ser-cmp - one.ser
	same '["--id-prefix=1/"]' bash -c 'ser-dump --header one.ser | jq -c ".prov[-1].args"'
	fails 2 'of streams' ser-cat --id-prefix 1/ --to csv p.ser
}
