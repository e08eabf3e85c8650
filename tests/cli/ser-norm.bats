#!/usr/bin/env bats
load helper

# check CODE: a stream in.ser and one out.ser as lists of records a and b (NumPy as np); the code's assertions hold
check() {
	$PYTHON - "$@" <<-'END'
		import sys, msgpack, msgpack_numpy, numpy as np
		def read(name):
		    u = msgpack.Unpacker(open(name, "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0)
		    h = next(u)
		    return [r for r in u if "id" in r], h["dims"].get("feat", {}).get("norm")
		(a, _), (b, norm) = read("in.ser"), read("out.ser")
		assert [r["id"] for r in a] == [r["id"] for r in b], "ids"
		def z(x, of=None, var=True):
		    of = (x if of is None else of).astype("f8")
		    s = of.std(0)
		    return (x - of.mean(0)) / (np.where(s > 0, s, 1) if var else 1)
		def same(f):
		    for r, q in zip(a, b):
		        d = np.abs(f(r) - q["feat"]).max()
		        assert d <= 2e-5 and q["feat"].dtype == np.float32, (r["id"], d)
		all = np.concatenate([r["feat"] for r in a])
		exec(sys.argv[1])
	END
}

setup_file() {
	mkstream -n 20 >"$BATS_FILE_TMPDIR/in.ser"
}

input() {
	cp "$BATS_FILE_TMPDIR/in.ser" .
}

@test "ser-norm: by record" {
	input
	ser-norm -t 2 <in.ser >out.ser
	check 'same(lambda r: z(r["feat"])); assert norm == "mean var by id", norm'
	ser-norm --no-var in.ser >out.ser
	check 'same(lambda r: z(r["feat"], var=False)); assert norm == "mean by id", norm'
	ser-norm --no-mean in.ser >out.ser
	check 'same(lambda r: r["feat"] / r["feat"].astype("f8").std(0))'
}

@test "ser-norm: by speaker, from a pipe and from files" {
	input
	cat in.ser | ser-norm --by spk >out.ser
	check 'same(lambda r: z(r["feat"], np.concatenate([q["feat"] for q in a if q["spk"] == r["spk"]]))); assert norm == "mean var by spk"'
	ser-norm --by spk -t 4 in.ser | cmp - out.ser
	[ "$(ls | wc -l)" -eq 2 ] # no temporary file is left
}

@test "ser-norm: over all records, fitted and applied" {
	input
	ser-norm --global in.ser >out.ser
	check 'same(lambda r: z(r["feat"], all))'
	ser-norm --fit all.st in.ser
	ser-norm --apply all.st in.ser >out.ser
	check 'same(lambda r: z(r["feat"], all)); assert norm.startswith("mean var fitted ")'
	ser-norm --apply all.st --no-var --clip 0.5 in.ser >out.ser
	check 'same(lambda r: np.clip(z(r["feat"], all, var=False), -0.5, 0.5)); assert norm.endswith(" clip 0.5"), norm'
	$PYTHON - <<-'END'
		import json, struct
		b = open("all.st", "rb").read()
		h = json.loads(b[8:8 + struct.unpack("<Q", b[:8])[0]])
		assert h["shift"]["dtype"] == "F64" and h["__metadata__"]["field"] == "feat", h
	END
}

@test "ser-norm: a sliding window that holds the record is the record" {
	input
	ser-norm --sliding 100000 --center in.ser >out.ser
	check 'same(lambda r: z(r["feat"]))'
	ser-norm --sliding 3 --center --no-var in.ser >out.ser
	check 'same(lambda r: np.concatenate([r["feat"][:1] - r["feat"][:3].mean(0)] + [r["feat"][t:t + 1] - r["feat"][t - 1:t + 2].mean(0) for t in range(1, len(r["feat"]) - 1)] + [r["feat"][-1:] - r["feat"][-3:].mean(0)]))'
}

@test "ser-norm: segments of other provenance keep their headers, speakers span them" {
	input
	mkstream -n 5 --first 20 --tool other >other.ser
	cat in.ser other.ser | ser-norm --by spk >out.ser
	same 25 sh -c 'ser-dump out.ser | wc -l'
	same 2 sh -c 'ser-info out.ser | grep -c "ser-norm"'
	mkstream -n 25 | ser-norm --by spk >one.ser
	ser-cmp one.ser out.ser
}

@test "ser-norm: what fails" {
	input
	fails 1 'field "nope"' ser-norm --field nope -o o.ser in.ser
	fails 1 'field "nope"' ser-norm --by nope -o o.ser in.ser
	fails 1 'No such file' ser-norm --apply nope.st -o o.ser in.ser
	ser-norm --fit all.st in.ser
	head -c 40 all.st >cut.st
	fails 1 'cut.st' ser-norm --apply cut.st -o o.ser in.ser
	fails 1 'write' ser-norm --fit /dev/full in.ser
	for o in '--by spk --global' '--no-mean --no-var' '--fit x --clip 1' '--sliding zz' '--sliding 5 --no-mean' '--fit x -o y'; do
		run -2 ser-norm $o in.ser
	done
	[ ! -e o.ser ] && [ ! -e x ]
}

@test "ser-norm: NaN is an error that names the record" {
	mkstream -n 4 --nan 2 >in.ser
	fails 1 'record 3' ser-norm -o o.ser in.ser
	fails 1 'not a finite number' ser-norm --global -o o.ser in.ser
	[ ! -e o.ser ]
}

@test "ser-norm: reads while it computes: segments and faults come out the same from any number of threads" {
	for i in 1 2 3; do mkstream -n 150 --first ${i}000 --shift 0.0$i >$i.ser; done
	mkstream -n 1 --first 4000 --shift 0.05 >4.ser
	ser-norm 1.ser 2.ser 4.ser 3.ser >want.ser
	[ "$(ser-dump want.ser | wc -l)" -eq 451 ]
	for t in 2 5; do
		cat 1.ser 2.ser 4.ser 3.ser | ser-norm -t $t | cmp - <(cat 1.ser 2.ser 4.ser 3.ser | ser-norm)
		ser-norm -t $t 1.ser 2.ser 4.ser 3.ser | cmp - want.ser
	done
	head -c -1000 3.ser >cut.ser
	ser-norm 1.ser cut.ser >want.ser || true
	for t in 2 5; do
		fails 1 "cut.ser: cut off" ser-norm -q -t $t 1.ser cut.ser -o out.ser
		ser-norm -q -t $t 1.ser cut.ser 2>/dev/null >out.ser || true
		cmp want.ser out.ser
		fails 1 "missing.ser: cannot open" ser-norm -q -t $t 1.ser missing.ser -o out.ser
	done
}

@test "--by warns where a value implies the emotion" {
	some() { printf 'id=%s\tspk=%s\temo=%s\tfeat:t=%s\n' "$@" | "$ROOT"/tests/tools/mkser; }
	run -0 --separate-stderr ser-norm --by spk -o /dev/null <(some a 1 x 1,2 b 1 x 2,1 c 2 y 1,3 d 2 y 3,1)
	[[ $stderr == *'2 of the 2 values of "spk" have one emotion alone'* ]]
	run -0 --separate-stderr ser-norm --by spk -o /dev/null <(some a 1 x 1,2 b 1 y 2,1 c 2 y 1,3 d 2 y 3,1)
	[ -z "$stderr" ]
	run -0 --separate-stderr ser-norm --by spk -o /dev/null <(some a 1 x 1,2 b 1 x 2,1 c 2 x 1,3 d 2 x 3,1)
	[ -z "$stderr" ]
}
