#!/usr/bin/env bats
load helper

@test "JSON lines: labels, and tensors as shapes" {
	same '{"id":"u00001","spk":"01","emo":"neutral","fold":1,"dur":0.25,"feat":{"dtype":"<f4","shape":[6,4]}}' \
		bash -c 'mkstream -n 2 | ser-dump | tail -n 1'
}

@test "--data: elements of every type read back" {
	for t in '<f4' '<f2' '<f8' '<i2' '<i4' '<i8' '|u1'; do
		same "[\"$t\",[5,4],[5,4]]" bash -c "mkstream -n 1 --dtype '$t' | ser-dump -d | jq -c '.feat | [.dtype, .shape, [(.data | length), (.data[0] | length)]]'"
	done
}

@test "strings that JSON and tables must escape" {
	"$PYTHON" -c 'import msgpack' 2>/dev/null || skip "python3-msgpack is not installed"
	"$PYTHON" -c 'import msgpack, sys
p = msgpack.packb
sys.stdout.buffer.write(p({"ser": 1}) + p({"id": "a", "t": "tab\there \"q\" \\ \n\x01\x7f \u00e4\u4e2d\U0001f600", "n": None, "b": True,
    "r": 1.0, "i": -2**63, "nan": float("nan"), "inf": float("-inf"), "x": 0.1}) + p({"end": 1}))' >a.ser
	ser-dump a.ser | "$PYTHON" -c 'import json, sys
d = json.loads(sys.stdin.read())
assert d == {"id": "a", "t": "tab\there \"q\" \\ \n\x01\x7f \u00e4\u4e2d\U0001f600", "n": None, "b": True, "r": 1.0, "i": -2**63, "nan": None, "inf": None, "x": 0.1}, d
assert type(d["r"]) is float and type(d["i"]) is int'
	same $'id\tt\tb\tr\tn\tx\na\ttab\\there "q" \\\\ \\n\\x01\\x7f \xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80\ttrue\t1\t\t0.1' \
		ser-dump --tsv id,t,b,r,n,x a.ser
	! ser-dump -H a.ser | grep -q $'\x01' || false
}

@test "--tsv: absent is empty, a tensor is its shape, a field that no record has is an error" {
	fails 1 'no record has "nosuch"' bash -c 'mkstream -n 1 | ser-dump --tsv id,nosuch,feat >/dev/null'
	mkstream -n 2 >a.ser
	ser-cat --id-prefix x <(ser-select --drop emo true a.ser) >b.ser
	same $'id\temo\tfeat' bash -c 'ser-cat a.ser b.ser | ser-dump --tsv id,emo,feat | head -n 1'
	same $'xu00000\t\t[5,4]' bash -c 'ser-cat a.ser b.ser | ser-dump --tsv id,emo,feat | sed -n 4p'
	same 'id' bash -c 'mkstream -n 0 | ser-dump --tsv id'
}

@test "--header: one line for each unlike header" {
	mkstream -n 1 --tool one >a.ser
	mkstream -n 1 --first 1 --tool two >b.ser
	same '["one"] ["two"]' bash -c 'cat a.ser b.ser | ser-dump --header | jq -c "[.prov[].tool]" | paste -sd " "'
	same '{"ser":1,"prov":[],"dims":{}}' bash -c 'mkstream -n 0 --no-tensor --tool "" | ser-dump --header'
}

@test "--human: aligned, over more rows than are aligned at a time" {
	run bash -c 'mkstream -n 1201 | ser-dump -H'
	[ "$status" -eq 0 ]
	[ "$(grep -c '^u' <<<"$output")" -eq 1201 ]
	[ "$(grep -c '^id ' <<<"$output")" -eq 3 ]
	[ "$(grep '^u' <<<"$output" | sed -E 's/^(.{17}).*/\1/' | awk '{print length($0)}' | sort -u)" = 17 ]
	mkstream -n 2 --nan 1 | ser-dump -H | grep -q '1 not finite'
	mkstream -n 0 | ser-dump --human | grep -q '^# made by mkstream'
}

@test "options that exclude each other" {
	fails 2 exclude ser-dump -d -H
	fails 2 exclude ser-dump --tsv id --header
	fails 2 exclude ser-dump --data --tsv id
}

@test "a full disk is called that, however much was written before" {
	for n in 1 3000; do
		mkstream -n $n >a.ser
		fails 1 '<stdout>: write failed: No space left on device' bash -c 'ser-dump -d a.ser >/dev/full'
	done
}

@test "control characters of two bytes do not reach the terminal either" {
	printf '{"id":"a\\u009b2J","t":"\\u0085\\u00a0\\u00e9"}\n' | ser-cat --from json >c.ser
	for how in --tsv=id,t -H '' --data; do
		run ! grep -qP '\xc2[\x80-\x9f]' <(ser-dump $how c.ser)
	done
	run ! grep -qP '\xc2[\x80-\x9f]' <(ser-info c.ser)
	same $'id\tt\na\\xc2\\x9b2J\t\\xc2\\x85\xc2\xa0\xc3\xa9' ser-dump --tsv id,t c.ser
	ser-dump --data c.ser | ser-cat --from json | ser-cmp - c.ser
}
