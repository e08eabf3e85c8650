#!/usr/bin/env bats
load helper

@test "counts, values, ranges and seconds" {
	mkstream -n 100 --speakers 4 >a.ser
	ser-info --json a.ser >i.json
	same '[1,100,1,true]' jq -c '[.version, .records, .segments, .bytes > 10000]' i.json
	same '{"00":25,"01":25,"02":25,"03":25}' jq -c .fields.spk.values i.json
	same '[[5,7],[4,4]]' jq -c .fields.feat.shape i.json
	same 5.99 jq '.fields.feat.seconds * 100 | round / 100' i.json
	same '{"integer":100}' jq -c .fields.fold.kinds i.json
	same '[0,2,4]' jq -c '.fields.fold | [.min, .mean, .max]' i.json
	same "$(stat -c %s a.ser)" jq .bytes i.json
}

@test "the range of a tensor is NumPy's" {
	"$PYTHON" -c 'import msgpack, msgpack_numpy, numpy' 2>/dev/null || skip "python3-msgpack, -msgpack-numpy or -numpy is not installed"
	for t in '<f4' '<f2' '<f8' '<i2' '|u1'; do
		mkstream -n 20 --dtype "$t" >a.ser
		ser-info -j a.ser | "$PYTHON" -c 'import json, sys, msgpack, msgpack_numpy, numpy as np
x = np.concatenate([m["feat"].ravel() for m in msgpack.Unpacker(open("a.ser", "rb"), object_hook=msgpack_numpy.decode, raw=False) if "id" in m]).astype("f8")
f = json.load(sys.stdin)["fields"]["feat"]
for k, v in (("min", x.min()), ("max", x.max()), ("mean", x.mean())):
    assert abs(f[k] - v) <= 1e-12 * max(1, abs(v)), (k, f[k], v)'
	done
}

@test "several segments and files" {
	mkstream -n 4 >a.ser
	mkstream -n 3 --first 4 >b.ser
	cat a.ser b.ser >c.ser
	same '[7,2]' bash -c 'ser-info -j c.ser | jq -c "[.records, .segments]"'
	same '4 3 7' bash -c 'ser-info -j a.ser b.ser c.ser | jq .records | paste -sd " "'
	same "$(stat -c %s c.ser)" bash -c 'ser-info -j <c.ser | jq .bytes'
}

@test "not finite, absent, nil and mixed" {
	same 1 bash -c 'mkstream --nan 3 | ser-info -j | jq .fields.feat.not_finite'
	ser-cat <(mkstream -n 3) <(mkstream -n 4 --first 3 --no-tensor) | ser-info | grep -q 'feat .*, in 3 records'
	ser-cat <(mkstream -n 3) <(mkstream -n 4 --first 3 --dtype '<f8') | ser-info | grep -q 'feat .*several kinds'
	mkstream -n 3000 --speakers 2000 --no-tensor | ser-info | grep -q 'spk .*more than 1000 values'
	mkstream -n 0 | ser-info | grep -q '0 records'
}

@test "the provenance of merged inputs is shown" {
	ser-join <(mkstream -n 2 --tool one) <(mkstream -n 2 --tool two --name emb) | ser-info >out
	grep -q 'input 2:' out
	grep -q '  two$' out
	grep -q '  ser-join$' out
}
