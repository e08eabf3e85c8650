#!/usr/bin/env bats
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mkstream -n 21 --frames 40 --bins 6 --speakers 3 >d.ser
}

@test "ser-target energy: the deviation of speech frames' level, cut at the median of the records that train" {
	ser-target energy --fit t.json d.ser
	ser-target energy --apply t.json d.ser >e.ser
	ser-target energy --apply t.json -t 3 d.ser | cmp - e.ser
	$PYTHON - <<-'END'
		import json, msgpack, msgpack_numpy, numpy as np
		u = msgpack.Unpacker(open("e.ser", "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0)
		r, t = [x for x in u if "id" in x], json.load(open("t.json"))
		def sd(x):
		    db = 10 * np.log10(np.exp(x.astype(float)).sum(1))
		    return db[db >= db.max() - 30].std()
		want = np.array([sd(x["feat"]) for x in r])
		assert np.allclose(want, [x["energy_sd"] for x in r], rtol=1e-9) and np.isclose(t["threshold"], np.median(want))
		assert t["n"] == 21 and sorted(t["speakers"]) == ["00", "01", "02"], t
		assert [x["energy"] for x in r] == ["high" if v > np.median(want) else "low" for v in want]
		assert sum(x["energy"] == "high" for x in r) == 10
	END
}

@test "ser-target energy: a network learns it, and is fine-tuned" {
	ser-target energy --fit t.json d.ser
	ser-target energy --apply t.json d.ser >e.ser
	ser-train classify -l energy --arch linear --crop 0 -e 2 -q -o pre.st e.ser
	ser-train classify -l emo --arch linear --init pre.st --crop 0 -e 2 -q -o emo.st d.ser
	same 3 jq '.train.speakers | length' <(ser-model show --json emo.st)
}

@test "ser-target: what fails" {
	run -2 ser-target
	run -2 ser-target energy d.ser
	run -2 ser-target energy --fit a --apply b d.ser
	run -2 ser-target energy --fit a.json -o o.ser d.ser
	fails 1 'field "nope"' ser-target energy --field nope --fit a.json d.ser
	fails 1 'no field, range_db and threshold' ser-target energy --apply <(echo '{"field": "feat"}') d.ser
	fails 1 'no record trains' ser-target energy --fit a.json <(mkstream -n 0)
	[ ! -e a.json ]
}
