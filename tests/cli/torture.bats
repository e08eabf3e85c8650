#!/usr/bin/env bats
# The fault campaign in short: a few cases of each kind for every tool. `make torture` runs all of them.
load helper

@test "every tool under every kind of fault: refuses or gives the same bytes, and leaves nothing half-written" {
	run "$ROOT"/tests/torture/run -j 2 -n 1
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *'cannot trace'* ]] || echo "# no faults of the operating system: processes cannot be traced here" >&3
}

@test "SIGKILL at random moments, then the same command again: the bytes of the unbroken run" {
	run "$ROOT"/tests/torture/kills 5 0
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *" 5 interrupted runs"*" 0 differ"* ]]
}

@test "shards whose jobs were killed: parallel --resume does the rest, and the whole is the serial run's" {
	command -v parallel >/dev/null || skip "GNU parallel is not installed"
	mkstream -n 40 >a.ser
	ser-norm -q a.ser | ser-sort >serial.ser
	ser-split -n 8 -o part-%d.ser a.ser
	cat >job <<-'END'
		echo "$1" >>begun
		if [ "$1" = part-3.ser ] && [ ! -e killed ]; then # the machine goes down, parallel with it
			touch killed
			kill -KILL $PARALLEL_PID $$
		fi
		exec ser-norm -q -o "${1%.ser}.norm.ser" "$1"
	END
	all() { parallel --will-cite -j 1 --joblog jobs.log --resume bash job {} ::: part-?.ser; }
	run all
	[ "$status" -ne 0 ]
	[ -e killed ]
	n=$(ls part-?.norm.ser | wc -l)
	[ "$n" -ge 1 ] && [ "$n" -lt 8 ]
	for f in part-?.norm.ser; do ser-cat "$f" >/dev/null; done # what has its name is whole
	all
	[ "$(wc -l <begun)" -eq 9 ] # eight, and the one that was killed again
	[ "$(sort begun | uniq -d)" = part-3.ser ]
	ser-cat -m part-?.norm.ser | ser-sort | ser-cmp --rtol 0 --atol 0 serial.ser -
	all # nothing is left to do
	[ "$(wc -l <begun)" -eq 9 ]
}

@test "the campaign finds what is wrong: a tool that does not look at what it reads" {
	mkdir bin
	for t in "$BINDIR"/ser-*; do ln -s "$t" bin/; done
	rm bin/ser-head
	printf '#!/bin/sh\nexec cat\n' >bin/ser-head
	chmod +x bin/ser-head
	run env BINDIR="$PWD/bin" "$ROOT"/tests/torture/run -n 2 -k cut,flip -o ser-head
	[ "$status" -eq 1 ]
	[[ $output == *"WRONG"*"'ser-head:cut:-:"* ]]
	[[ $output == *"WRONG"*"'ser-head:flip:-:"* ]]
}
