#!/usr/bin/env bats
load helper

@test "ser-augment: masks are whole bands within their widths, all else is as it was" {
	mkstream -n 40 --frames 60 --bins 24 >in.ser
	ser-augment -n 4 --fill zero --time-masks 1 --time-width 10 --freq-masks 1 --freq-width 5 --seed 3 in.ser >out.ser
	$PYTHON - <<-'END'
		import msgpack, msgpack_numpy, numpy as np
		def read(name):
		    u = msgpack.Unpacker(open(name, "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0)
		    return [r for r in u if "id" in r]
		a, b = read("in.ser"), read("out.ser")
		assert len(b) == 5 * len(a)
		times, freqs = [], []
		for i, r in enumerate(a):
		    assert np.array_equal(b[5 * i]["feat"], r["feat"])
		    for k in range(1, 5):
		        q = b[5 * i + k]
		        assert q["id"] == f"{r['id']}-aug{k}" and q["source"] == r["id"] and q["augment"] == k and q["spk"] == r["spk"]
		        z = q["feat"] == 0
		        rows, cols = np.flatnonzero(z.all(1)), np.flatnonzero(z.all(0))
		        want = r["feat"].copy(); want[rows] = 0; want[:, cols] = 0
		        assert np.array_equal(want, q["feat"])
		        assert len(rows) == 0 or rows[-1] - rows[0] + 1 == len(rows)
		        times.append(len(rows)), freqs.append(len(cols))
		# 160 draws: every width from nothing to the greatest, no wider; near their mean
		assert set(times) == set(range(11)) and set(freqs) == set(range(6)), (set(times), set(freqs))
		assert abs(np.mean(times) - 5) < 1 and abs(np.mean(freqs) - 2.5) < 0.5
	END
}

@test "ser-augment: what is masked goes by id and seed" {
	mkstream -n 10 --frames 60 --bins 24 >in.ser
	ser-augment --no-keep --seed 1 in.ser | ser-sort --by id >a.ser
	ser-sort --by spk in.ser | ser-augment --no-keep --seed 1 | ser-sort --by id >b.ser
	ser-cmp a.ser b.ser
	ser-augment --no-keep --seed 2 in.ser | ser-sort --by id >c.ser
	run -1 ser-cmp a.ser c.ser
	same 10 sh -c 'ser-dump a.ser | wc -l'
}

@test "ser-augment: short records, the mean, usage" {
	mkstream -n 5 --frames 1 --bins 1 >in.ser
	ser-augment --max-share 1 in.ser >o.ser
	same 10 sh -c 'ser-dump o.ser | wc -l'
	fails 1 'field "nope"' ser-augment --field nope -o p.ser in.ser
	for o in '-n 0' '--fill one' '--max-share 2' '--time-width zz'; do run -2 ser-augment $o -o p.ser in.ser; done
	[ ! -e p.ser ]
}
