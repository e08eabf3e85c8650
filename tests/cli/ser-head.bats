#!/usr/bin/env bats
load helper

@test "the first N records, whole" {
	mkstream -n 20 >a.ser
	mkstream -n 4 >want.ser
	ser-head -n 4 a.ser | ser-cmp - want.ser
	same "10" bash -c 'ser-head a.ser | ser-dump | wc -l'
	same "20" bash -c 'ser-head -n 21 a.ser | ser-dump | wc -l'
}

@test "-n 0 gives a stream without records" {
	mkstream | ser-head -n 0 >a.ser
	same "0" bash -c 'ser-dump a.ser | wc -l'
	ser-dump --header a.ser | grep -q '"dims":{"feat"'
}

@test "over several files and segments" {
	mkstream -n 3 >a.ser
	mkstream -n 3 --first 3 --tool other >b.ser
	same "2" bash -c 'ser-head -n 4 a.ser b.ser | ser-dump --header | wc -l'
	same "1" bash -c 'ser-head -n 3 a.ser b.ser | ser-dump --header | wc -l'
	cat a.ser b.ser | ser-head -n 5 | ser-cmp - <(ser-head -n 5 a.ser b.ser)
}

@test "a producer that is cut off ends quietly, and what follows is not read" {
	run bash -c 'set -o pipefail; mkstream -n 100000 | ser-head -n 1 | ser-dump | wc -l'
	[ "$output" = 1 ]
	[ "$status" -eq 141 ] # mkstream, by SIGPIPE
	mkstream -n 20 --defect flip | ser-head -n 5 | ser-info >/dev/null
}

@test "the provenance says how many" {
	same '["--records=3"]' bash -c 'mkstream | ser-head -n 3 | ser-dump --header | jq -c .prov[1].args'
	fails 2 'outside' ser-head -n -1
}

@test "head's old way to give a number is told the new one" {
	fails 2 'unknown option -5; numbers stand behind -n' ser-head -5 /dev/null
}
