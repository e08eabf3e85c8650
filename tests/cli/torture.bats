#!/usr/bin/env bats
# The fault campaign in short: a few cases of each kind for every tool. `make torture` runs all of them.
load helper

@test "every tool under every kind of fault: refuses or gives the same bytes, and leaves nothing half-written" {
	run "$ROOT"/tests/torture/run -j 2 -n 1
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *'cannot trace'* ]] || echo "# no faults of the operating system: processes cannot be traced here" >&3
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
