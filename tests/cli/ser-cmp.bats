#!/usr/bin/env bats
load helper

setup() {
	work
	mkstream -n 6 >a.ser
}

# differs TEXT COMMAND...: status 1, and the text is on standard output
differs() {
	local text=$1
	shift
	run --separate-stderr "$@"
	[ "$status" -eq 1 ] && [[ $output == *"$text"* ]] && [ -z "$stderr" ] || { echo "status $status: $output $stderr"; return 1; }
}

@test "equal: itself, another order, provenance and segments" {
	same '' ser-cmp a.ser a.ser
	same '' bash -c 'ser-sort -r a.ser | ser-cmp - a.ser'
	same '' bash -c 'mkstream -n 6 --tool other | ser-cmp a.ser -'
	same '' bash -c 'cat <(mkstream -n 2) <(mkstream -n 4 --first 2) | ser-cmp a.ser -'
	for i in 1 2; do # predictions of two models, as they are and merged
		mkstream -n 12 --first $((i * 20)) --speakers $((i + 1)) | ser-train classify -l emo --arch mlp -e 1 --crop 0 -q -o $i.st
		mkstream -n 3 --speakers 9 --first $((i * 40)) | ser-predict -m $i.st
	done >p.ser
	ser-cat --merge p.ser >m.ser
	ser-dump m.ser | grep -q '"train_set":1'
	same '' ser-cmp p.ser m.ser
	same '' ser-cmp m.ser p.ser
}

@test "records and fields that only one has" {
	differs 'record "u00005" is only in a.ser' ser-cmp a.ser <(mkstream -n 5)
	differs 'record "u00006" is only in /dev/fd' ser-cmp a.ser <(mkstream -n 7)
	ser-select --drop emo true a.ser >b.ser
	differs 'record "u00000": field "emo" is only in a.ser' ser-cmp a.ser b.ser
	differs 'record "u00000": field "emo" is only in a.ser' ser-cmp b.ser a.ser
	differs '6 of 6 records differ' ser-cmp b.ser a.ser
}

@test "values: labels, elements, shapes, types, dims" {
	mkstream -n 6 --speakers 2 >b.ser
	differs 'record "u00002": field "spk": "02" against "00"' ser-cmp a.ser b.ser
	mkstream -n 6 --seed 2 >b.ser
	differs 'field "feat": 20 of 20 elements differ, most at [' ser-cmp a.ser b.ser
	differs 'the largest difference' ser-cmp a.ser b.ser
	mkstream -n 6 --frames 6 >b.ser
	differs 'field "feat": <f4 tensor [5,4] against <f4 tensor [6,4]' ser-cmp a.ser b.ser
	mkstream -n 6 --dtype '<f8' >b.ser
	differs '<f4 tensor [5,4] against <f8 tensor [5,4]' ser-cmp a.ser b.ser
	mkstream -n 6 --shift 0.02 >b.ser
	differs 'header: dims.feat.shift_s: 0.01 against 0.02' ser-cmp a.ser b.ser
}

@test "headers: the first place where they differ, in short, after however many records" {
	mkstream -n 20 --speakers 2 --frames 6 >c.ser
	mkstream -n 20 --shift 0.02 >b.ser
	differs 'header: dims.feat.shift_s: 0.01 against 0.02' ser-cmp c.ser b.ser
	table() { printf 'id,%s\nu,%s\n' "$(seq -s, -f "$1" "$2")" "$(seq -s, "$2")" | ser-cat --from csv --label ''; }
	differs 'header: dims.feat.columns[0]: "n1" against "m1"' ser-cmp <(table n%g 300) <(table m%g 300)
	differs 'header: dims.feat.columns: 300 values against 299, ["n1","n2",' ser-cmp <(table n%g 300) <(table n%g 299)
	[ ${#output} -lt 500 ]
}

@test "tolerances are NumPy's" {
	"$PYTHON" -c 'import msgpack, msgpack_numpy, numpy' 2>/dev/null || skip "python3-msgpack, -msgpack-numpy or -numpy is not installed"
	"$PYTHON" - <<'E2'
import msgpack, msgpack_numpy, numpy as np
def w(name, x):
    p = msgpack.Packer(default=msgpack_numpy.encode).pack
    open(name, "wb").write(p({"ser": 1}) + p({"id": "a", "x": np.array(x, "<f8"), "r": x[0], "i": int(x[1])}) + p({"end": 1}))
w("a.ser", [1.0, 100.0, 0.0])
w("b.ser", [1.001, 101.0, 0.0])
w("c.ser", [1.0, 100.0, 1e-9])
w("n.ser", [1.0, 100.0, float("nan")])
w("f.ser", [1.0, 100.0, float("inf")])
E2
	differs 'i": 100 against 101' ser-cmp a.ser b.ser
	differs '"r": 1 against 1.001' ser-cmp a.ser b.ser
	differs 'the largest difference, 1, is in record "a": field "x"[1]' ser-cmp a.ser b.ser
	same '' ser-cmp --rtol 0.01 a.ser b.ser
	same '' ser-cmp --atol 1 a.ser b.ser
	differs '' ser-cmp --atol 0.99 a.ser b.ser
	differs '' ser-cmp --rtol 0.0099 a.ser b.ser # of b's 101: 0.9999
	differs '' ser-cmp --rtol 1 c.ser a.ser
	same '' ser-cmp --rtol 1 a.ser c.ser
	same '' ser-cmp --atol 1e-9 a.ser c.ser
	differs 'nan against nan' ser-cmp n.ser n.ser
	same '' ser-cmp --nan-equal n.ser n.ser
	differs '0 against nan' ser-cmp --nan-equal --atol 1e300 a.ser n.ser
	same '' ser-cmp f.ser f.ser
	differs '0 against inf' ser-cmp --atol 1e300 a.ser f.ser
}

@test "integers beyond a double's 53 bits" {
	"$PYTHON" -c 'import msgpack, msgpack_numpy, numpy' 2>/dev/null || skip "python3-msgpack, -msgpack-numpy or -numpy is not installed"
	"$PYTHON" - <<'E2'
import msgpack, msgpack_numpy, numpy as np
for name, v in (("a.ser", 2**53), ("b.ser", 2**53 + 1)):
    p = msgpack.Packer(default=msgpack_numpy.encode).pack
    open(name, "wb").write(p({"ser": 1}) + p({"id": "a", "x": np.array([v], "<i8"), "i": v}) + p({"end": 1}))
E2
	differs 'field "i"' ser-cmp a.ser b.ser
	differs 'field "x": 1 of 1' ser-cmp a.ser b.ser
}

@test "ten lines unless -v, none with -q" {
	mkstream -n 30 --seed 2 >b.ser
	mkstream -n 30 >a.ser
	run ser-cmp a.ser b.ser
	[ "${#lines[@]}" -eq 12 ]
	run ser-cmp -v a.ser b.ser
	[ "${#lines[@]}" -eq 31 ]
	run ser-cmp -q a.ser b.ser
	[ "$status" -eq 1 ]
	[ -z "$output" ]
}

@test "trouble is status 2" {
	fails 2 'expected two streams' ser-cmp a.ser
	fails 2 'cannot open' ser-cmp a.ser no/such
	mkstream -n 6 --defect flip >b.ser
	fails 2 'checksum differs' ser-cmp a.ser b.ser
	fails 2 'outside' ser-cmp --rtol -1 a.ser a.ser
}
