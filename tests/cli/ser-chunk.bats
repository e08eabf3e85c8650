#!/usr/bin/env bats
load helper

@test "ser-chunk: chunks are the utterance's rows, their starts as the formula has them" {
	mkstream -n 3 --frames 171 --shift 0.016 >in.ser
	ser-chunk -m 62 -c 11 in.ser >out.ser
	ser-chunk -m 62 -c 11 --stack in.ser >stack.ser
	$PYTHON - <<-'END'
		import msgpack, msgpack_numpy, numpy as np
		def read(name):
		    u = msgpack.Unpacker(open(name, "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0)
		    return next(u)["dims"]["feat"], [r for r in u if "id" in r]
		(_, a), (d, b), (ds, s) = read("in.ser"), read("out.ser"), read("stack.ser")
		assert len(b) == 33 and len(s) == 3 and d["chunks"] == 11 and d["chunk_frames"] == 62, d
		assert ds["axes"][0] == "chunk" and ds["frame_shift_s"] == 0.016 and ds["shift_s"] is None, ds
		for i, r in enumerate(a):
		    step = (len(r["feat"]) - 62) // 10
		    for k in range(11):
		        want, q = r["feat"][k * step:k * step + 62], b[11 * i + k]
		        assert np.array_equal(q["feat"], want) and np.array_equal(s[i]["feat"][k], want)
		        assert q["id"] == f"{r['id']}-{k:03}" and q["utt"] == r["id"] and q["chunk"] == k and q["spk"] == r["spk"]
	END
}

@test "ser-chunk: seconds and scale" {
	mkstream -n 2 --frames 171 --shift 0.016 >in.ser
	ser-chunk -m 62 -c 11 in.ser | ser-dump --data >a
	ser-chunk --seconds 0.992 --longest 10.9 in.ser | ser-dump --data >b
	cmp a b
	same 44 sh -c 'ser-chunk -m 62 -c 11 -n 2 in.ser | ser-dump | wc -l'
	same 2 sh -c 'ser-chunk -m 62 -c 1 in.ser | ser-dump | wc -l'
}

@test "ser-chunk --mean: utterances again, each with the mean of its chunks" {
	mkstream -n 3 --frames 90 --shift 0.016 | ser-chunk -m 62 -c 4 >c.ser
	ser-train regress -l dur --arch linear -e 1 -q -o m.st c.ser
	ser-predict -m m.st c.ser >p.ser
	ser-dump --data p.ser | jq -s -c 'group_by(.utt)[] | [.[0].utt, .[0].spk, (map(.post.data[0]) | add / 4)]' >want
	ser-chunk --mean post p.ser >u.ser
	ser-dump --data u.ser | jq -c '[.id, .spk, .post.data[0]]' >got
	paste -d '\n' want got | jq -e -s '[range(3) as $i | .[2 * $i][0:2] == .[2 * $i + 1][0:2] and (.[2 * $i][2] - .[2 * $i + 1][2] | fabs < 1e-5)] | all' >/dev/null
	ser-dump u.ser | jq -e -s 'map(has("feat") or has("chunk") or has("pred") or has("utt")) | any | not' >/dev/null
	ser-score regress --label dur --allow-shared-speakers --n-boot 0 u.ser >/dev/null
	run -2 ser-chunk --mean post -m 3 p.ser
	fails 1 'field "utt"' ser-chunk --mean post u.ser
	fails 1 'field "nope"' ser-chunk --mean nope p.ser
}

@test "ser-chunk: what fails" {
	mkstream -n 3 --frames 60 >in.ser # 60, 61, 62
	fails 1 '60 frames are fewer than a chunk' ser-chunk -m 62 -c 3 -o o.ser in.ser
	[ ! -e o.ser ]
	run -1 --separate-stderr ser-chunk -k -m 62 -c 3 -o o.ser in.ser
	[[ $stderr == *'3 read, 3 written, 2 skipped'* ]]
	fails 1 'field "nope"' ser-chunk --field nope -m 2 -c 3 -o p.ser in.ser
	for o in '-m 62' '-c 3' '-m 3 --seconds 1 -c 2' '-m 62 --longest 3' '-m zz -c 2' '-m 2 -c 2 -n 0'; do
		run -2 ser-chunk $o -o p.ser in.ser
	done
	[ ! -e p.ser ]
}
