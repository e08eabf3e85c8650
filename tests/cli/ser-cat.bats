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

@test "TMPDIR: one folder for all, which the last takes away; a killed tool leaves nothing else" {
	[ "$FLAVOUR" = release ] || skip 'builds with sanitizers make none'
	mkdir t and
	export TMPDIR=$PWD/t
	mkstream >a.ser
	mkfifo in
	ser-sort in >/dev/null &
	local of=$!
	exec 9>in
	head -c 100 a.ser >&9
	for _ in {1..50}; do [ -d "t/ser.$(id -u)" ] && break || sleep .1; done
	ser-sort a.ser >/dev/null
	[ "$(ls -A t)" = "ser.$(id -u)" ] # in use
	[ -z "$(ls -A "t/ser.$(id -u)")" ]
	kill -9 $of
	wait $of || true
	exec 9>&-
	[ "$(ls -A t)" = "ser.$(id -u)" ]
	ser-sort a.ser >/dev/null
	[ -z "$(ls -A t)" ]
	ln -s ../and "t/ser.$(id -u)" # another's
	ser-sort a.ser | cmp - <(TMPDIR=/tmp ser-sort a.ser)
	[ "$(ls -A t)" = "ser.$(id -u)" ]
	[ -z "$(ls -A and)" ]
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

@test "a part that failed is seen where parts are put together, though it made no record" {
	python3 - <<-'END'
		import struct
		n = 8000
		open("a.wav", "wb").write(struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + 2 * n, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000,
			2, 16, b"data", 2 * n) + struct.pack("<%dh" % n, *[(i * 7919) % 2001 - 1000 for i in range(n)]))
	END
	{
		ser-wav2feat --id a a.wav
		ser-wav2feat --id b missing.wav || true
	} 2>/dev/null >two.ser
	fails 1 'after 0 records: no trailer; ser-wav2feat did not finish' ser-cat --merge two.ser
	mkstream -n 3 >s.ser
	for filter in 'ser-select true' 'ser-head -n 9' 'ser-cat'; do
		run bash -c "{ head -c 500 s.ser; sleep 0.3; } | $filter 2>/dev/null | ser-info"
		[[ $output = *'cut off'* ]]
	done
	command -v parallel >/dev/null || skip "parallel is not installed"
	printf 'id\tpath\n%s' "$(for i in 1 2 3 4 none 6; do
		[ $i = none ] || cp a.wav $i.wav
		printf 's%s\t%s.wav\n' $i $i
	done)" >m.tsv
	fails 1 'ser-cat' bash -c 'parallel --will-cite --pipe --header : -N 2 -k ser-wav2feat <m.tsv 2>/dev/null | ser-cat --merge >/dev/null'
}

@test "a tool that fails before its first byte is seen in what is put together" {
	mkstream -n 3 >a.ser
	whole() { { cat a.ser; "$@" 2>/dev/null; cat b.ser; } | ser-cat --merge >/dev/null; }
	mkstream -n 4 | ser-cat --id-prefix b- >b.ser
	whole true
	for t in "ser-wav2feat none.ser" "ser-norm none.ser" "ser-wav2feat --knid mfcc" "ser-cat none.ser" "ser-sort --by" \
		"ser-embed -m none.st" "ser-select x==" "ser-join a.ser none.ser" "ser-kmeans none.ser"; do
		run whole $t
		[ "$status" -ne 0 ] || { echo "whole in spite of: $t"; return 1; }
	done
	ser-norm none.ser -o no.ser >out 2>/dev/null || [ ! -s out ]
	ser-norm --nonsense -o no.ser >out 2>/dev/null || [ ! -s out ]
	ser-norm --fit no.cmvn none.ser >out 2>/dev/null || [ ! -s out ]
	ser-cat --to csv none.ser >out 2>/dev/null || [ ! -s out ]
	fails 1 'after 0 records: no trailer; ser-norm did not finish' ser-info <(ser-norm none.ser 2>/dev/null)
}

@test "--expect: the number of records, merged or not" {
	mkstream -n 3 >a.ser
	mkstream -n 4 --first 3 >b.ser
	ser-cat --expect 7 a.ser b.ser | ser-cmp - <(ser-cat --merge --expect 7 <(cat a.ser b.ser))
	for how in '' --merge; do
		fails 1 'found 7 records, expected 8' ser-cat $how --expect 8 -o out.ser a.ser b.ser
		fails 1 'found 7 records, expected 0' ser-cat $how --expect 0 -o out.ser a.ser b.ser
	done
	[ ! -e out.ser ]
	fails 2 'of streams' ser-cat --expect 3 --to csv a.ser
}

@test "-o: links lead on, modes stay, and what is no file is written where it is" {
	mkstream -n 3 >a.ser
	mkdir there
	ln -s there/b.ser b.ser # which is not there yet
	ser-cat -o b.ser a.ser
	[ -L b.ser ]
	cmp a.ser there/b.ser
	ln -s ../c.ser there/c.ser
	ln -s there/c.ser c1.ser
	for mode in 600 640 644; do
		printf old >c.ser
		chmod $mode c.ser
		ser-cat -o c1.ser a.ser
		cmp a.ser c.ser
		same $mode stat -c %a c.ser
	done
	[ -L c1.ser ] && [ -L there/c.ser ]
	same 640 bash -c 'umask 027 && ser-cat -o new.ser a.ser && stat -c %a new.ser'
	if [ "$(id -u)" -eq 0 ]; then
		chown 1:1 c.ser
		ser-cat -o c1.ser a.ser
		same 1:1 stat -c %u:%g c.ser
	fi
	ln -s /dev/stdout out
	for to in /dev/stdout /dev/fd/1 /proc/self/fd/1 out; do
		ser-cat -o $to a.ser | cmp - a.ser
		{ printf x; ser-cat -o $to a.ser; } >got # behind what is there
		cmp got <(printf x | cat - a.ser)
	done
	ser-cat -o /dev/fd/7 a.ser 7>got
	cmp got a.ser
	fails 1 'cannot create' ser-cat -o /dev/fd/77 a.ser
	mkfifo pipe
	cat pipe >got &
	ser-cat -o pipe a.ser
	wait
	cmp got a.ser
	same 'a.ser b.ser c.ser c1.ser got new.ser out pipe there' bash -c 'ls | paste -sd " "'
	[ -L /dev/stdout ]
}

@test "a tool that is stopped leaves no temporary file" {
	mkstream -n 3 >a.ser
	for sig in INT TERM HUP XCPU; do
		mkfifo in
		env --default-signal ser-cat -o out.ser in &
		pid=$!
		exec 9>in
		head -c 600 a.ser >&9
		for _ in $(seq 100); do ls out.ser.* >/dev/null 2>&1 && break || sleep 0.05; done
		ls out.ser.* >/dev/null
		kill -$sig $pid
		wait $pid || true
		exec 9>&-
		rm in
		same 0 bash -c 'ls | grep -c out || true'
	done
	mkstream -n 3000 >big.ser
	run bash -c 'ulimit -f 64 && ser-cat -o out.ser big.ser'
	[ "$status" -ne 0 ]
	same 0 bash -c 'ls | grep -c out || true'
}
