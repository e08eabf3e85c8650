#!/usr/bin/env bats
# The EXAMPLES of every manual page; tests/tools/examples says how they are written.
load helper

@test "the examples of every manual page work" {
	bad=0
	for page in "$ROOT"/man/*.[1-8]; do
		"$ROOT"/tests/tools/examples "$page" || bad=1
	done
	[ $bad -eq 0 ]
}
