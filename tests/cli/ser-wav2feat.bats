#!/usr/bin/env bats
load helper
DATA=$ROOT/../shared/data

# wav FILE SECONDS HZ [RATE [CHANNELS]]: a sine as 16-bit WAV, made by Python's own wave module
wav() {
	$PYTHON - "$@" <<-'END'
		import math, struct, sys, wave
		name, secs, hz = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
		rate = int(sys.argv[4]) if len(sys.argv) > 4 else 16000
		chan = int(sys.argv[5]) if len(sys.argv) > 5 else 1
		w = wave.open(name, "wb")
		w.setnchannels(chan), w.setsampwidth(2), w.setframerate(rate)
		for i in range(round(secs * rate)):
		    w.writeframes(struct.pack("<h", round(8000 * math.sin(2 * math.pi * hz * i / rate))) * chan)
		w.close()
	END
}

# manifest of n sines s1.wav ... with empty and numeric cells
manifest() {
	printf 'id\tpath\tspk\temo\tage\tnote\n'
	for i in $(seq "$1"); do
		wav "s$i.wav" "0.$((i + 2))" $((i * 100))
		printf 's%d\ts%d.wav\t0%d\tjoy\t%d\t\n' "$i" "$i" $((i % 3)) $((20 + i))
	done
}

# show FILE: what Python's msgpack reads, one record a line
show() {
	$PYTHON - "$1" <<-'END'
		import sys, msgpack, msgpack_numpy
		u = msgpack.Unpacker(open(sys.argv[1], "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0)
		for r in u:
		    if "feat" in r:
		        f = r.pop("feat")
		        print(r, f.dtype, f.shape)
		    elif "ser" in r:
		        d = r["dims"]["feat"]
		        print(d["axes"], d["shift_s"], d["rate_hz"], d["sample_rate_hz"], d["front"].split()[0])
		    else:
		        print(r["end"])
	END
}

@test "ser-wav2feat: a manifest's columns become labels, the path goes, shapes and header are right" {
	manifest 2 > m.tsv
	ser-wav2feat < m.tsv > o.ser
	run -0 show o.ser
	[ "${lines[0]}" = "['frame', 'mel'] 0.01 100.0 16000.0 fbank" ]
	[ "${lines[1]}" = "{'id': 's1', 'spk': '01', 'emo': 'joy', 'age': 21, 'note': None} float32 (28, 80)" ]
	[ "${lines[2]}" = "{'id': 's2', 'spk': '02', 'emo': 'joy', 'age': 22, 'note': None} float32 (38, 80)" ]
	[ "${lines[3]}" = 2 ]
	ser-wav2feat m.tsv > p.ser
	cmp o.ser p.ser
}

@test "ser-wav2feat: kinds and presets have their shapes" {
	wav a.wav 0.5 300 22050 2
	while read -r args shape; do
		ser-wav2feat ${args//,/ } a.wav > o.ser
		run -0 show o.ser
		[[ ${lines[1]} == *" float32 ($shape)" ]] || { echo "$args: ${lines[1]}"; false; }
	done <<-'END'
		--kind,wave 8000, 1
		--kind,spec 51, 201
		--kind,mel 51, 128
		--kind,mfcc 48, 13
		--kind,mfcc,--delta-order,2 48, 39
		--kind,fbank,--snip-edges=false 50, 80
		--kind,mel,--no-center,--n-fft=512 47, 128
		--use-energy,--num-mel-bins,23 48, 24
		--preset,speechbrain-ecapa 51, 80
		--preset,wespeaker-ecapa 48, 80
		--preset,deepemocluster 32, 128
		--kind,wave,--sample-frequency,8000 4000, 1
		--kind,lld 48, 19
	END
}

@test "ser-wav2feat: functionals stand in place of the frames" {
	wav a.wav 0.5 300
	ser-wav2feat --kind lld --functionals p50,std,mean -t 3 a.wav > o.ser
	same '[57]' sh -c 'ser-dump o.ser | jq -c .func.shape'
	same '[300,0,300]' sh -c 'ser-dump --data o.ser | jq -c "[.func.data[0:3][] | round]"'
	same '["p50","std","mean"]' sh -c 'ser-info --json o.ser 2>/dev/null | jq -c .dims.func.functionals || ser-info o.ser | sed -n "s/.*functionals\":\([^]]*]\).*/\1/p"'
	run -2 ser-wav2feat --functionals median -o no.ser a.wav
}

@test "ser-wav2feat: the bytes don't depend on threads, nor on --root" {
	manifest 23 > m.tsv
	ser-wav2feat --dither 1 m.tsv > 1.ser
	ser-wav2feat --dither 1 -t 4 m.tsv > 4.ser
	cmp 1.ser 4.ser
	mkdir sub
	(cd sub && ser-wav2feat --dither 1 --root .. ../m.tsv > r.ser)
	cmp 1.ser sub/r.ser
	(head -n 1 m.tsv; tail -n +2 m.tsv | tac) | ser-wav2feat --dither 1 > back.ser # noise goes by id
	[ "$(show 1.ser | sort)" = "$(show back.ser | sort)" ]
}

@test "ser-wav2feat: start and end choose a part" {
	wav a.wav 1 300
	printf 'id\tpath\tstart\tend\nx\ta.wav\t0.25\t0.75\ny\ta.wav\t\t0.5\nz\ta.wav\t0.5\t\n' > m.tsv
	ser-wav2feat --kind wave m.tsv > o.ser
	run -0 show o.ser
	[ "${lines[1]}" = "{'id': 'x', 'start': 0.25, 'end': 0.75} float32 (8000, 1)" ]
	[ "${lines[2]}" = "{'id': 'y', 'start': None, 'end': 0.5} float32 (8000, 1)" ]
	printf 'id\tpath\tstart\tend\nx\ta.wav\t0.25\t1.75\n' > m.tsv
	run -1 ser-wav2feat -o no.ser m.tsv
	[ "$output" = 'ser-wav2feat: m.tsv:2: "x": a.wav: end 1.75 s is past the end of the file at 1 s' ]
	[ ! -e no.ser ]
}

@test "ser-wav2feat: one sound on standard input, whole, of unknown length, or in segments" {
	wav a.wav 1.25 300
	ser-wav2feat --id a --stdin < a.wav > 1.ser
	ser-wav2feat a.wav > 2.ser
	[ "$(show 1.ser)" = "$(show 2.ser)" ]
	$PYTHON -c 'import sys; d = bytearray(open("a.wav", "rb").read()); d[40:44] = d[4:8] = b"\xff" * 4; sys.stdout.buffer.write(d)' |
		ser-wav2feat --id a --stdin > 3.ser
	[ "$(show 3.ser)" = "$(show 2.ser)" ]
	cat a.wav | ser-wav2feat --stdin --segment 0.5 --kind wave > s.ser
	run -0 show s.ser
	[ "${lines[1]}" = "{'id': 'stdin-000001', 'start': 0.0, 'end': 0.5} float32 (8000, 1)" ]
	[ "${lines[3]}" = "{'id': 'stdin-000003', 'start': 1.0, 'end': 1.25} float32 (4000, 1)" ]
	[ "${lines[4]}" = 3 ]
}

@test "ser-wav2feat: what fails names row, id and file; -k passes over it and says so" {
	manifest 4 > m.tsv
	rm s2.wav
	: > s3.wav
	run -1 --separate-stderr ser-wav2feat m.tsv
	[ "$stderr" = 'ser-wav2feat: m.tsv:3: "s2": s2.wav: No such file or directory' ]
	run -1 --separate-stderr ser-wav2feat -k -t 3 -o o.ser m.tsv
	[[ $stderr == *'m.tsv:4: "s3": s3.wav: the file is empty'* ]]
	[[ $stderr == *'failed: s2'*'failed: s3'* ]]
	[[ $stderr == *'4 read, 2 written, 2 skipped'* ]]
	run -0 show o.ser
	[ "${lines[3]}" = 2 ]
	wav short.wav 0.01 300
	run -1 ser-wav2feat -o no.ser short.wav
	[ "$output" = 'ser-wav2feat: "short": short.wav: 160 samples (10 ms) are too few for one frame: 400 are needed (25 ms)' ]
	wav cut.wav 1 300
	head -c 20000 cut.wav > cut2.wav
	run -1 ser-wav2feat -o no.ser cut2.wav
	[[ $output == *'cut2.wav: the file is cut off: its header announces 32000 bytes of samples, 19956 are there' ]]
	run -1 ser-wav2feat -o no.ser cut.wav cut.wav
	[[ $output == *'"cut": this id came before'* ]]
	printf 'id\tspk\n' > no.tsv
	run -1 ser-wav2feat -o no.ser no.tsv
	[[ $output == *no.tsv* && $output == *path* ]]
	run -1 ser-wav2feat -o no.ser missing.tsv
	[[ $output == *'missing.tsv: cannot open'* ]]
	[ ! -e no.ser ]
}

@test "ser-wav2feat: usage errors have status 2" {
	wav a.wav 0.1 300
	for args in --kind=fbnk --preset=zz --num-mel-bins=zz --num-ceps=3 --colour --low-freq=9000 "--kind mfcc --num-ceps 50" \
		"--kind mel --preset wespeaker-ecapa" "--stdin x.wav" "--id x a.wav a.wav" "--segment 0.01" "--use-energy=maybe" "--n-fft 8"; do
		run -2 ser-wav2feat -o no.ser $args a.wav
		[ "${#lines[@]}" -eq 1 ]
	done
	[ ! -e no.ser ]
}

@test "ser-wav2feat: --trim takes silence off both ends and says where" {
	wav a.wav 0.5 300
	wav z.wav 0.3 0
	$PYTHON -c '
import wave
w = wave.open("t.wav", "wb"); w.setnchannels(1); w.setsampwidth(2); w.setframerate(16000)
for f in ("z.wav", "a.wav", "z.wav"):
    w.writeframes(wave.open(f).readframes(10**6))
w.close()'
	ser-wav2feat --kind wave --trim 40 -t 2 t.wav > o.ser
	same true sh -c 'ser-dump o.ser | jq "(.trim_start | . > 0.27 and . <= 0.3) and (.trim_end | . >= 0.8 and . < 0.83)"'
	run -2 ser-wav2feat --trim 40 --segment 1 -o no.ser t.wav
}

@test "ser-wav2feat: clipping is a warning" {
	$PYTHON -c '
import struct, wave
w = wave.open("c.wav", "wb"); w.setnchannels(1); w.setsampwidth(2); w.setframerate(16000)
w.writeframes(struct.pack("<1000h", *[32767 if i % 100 == 0 else 5 for i in range(1000)])); w.close()'
	run -0 --separate-stderr ser-wav2feat -v -o o.ser c.wav
	[[ $stderr == *'"c": 10 samples at full scale or beyond (peak 1)'* ]]
	[[ $stderr == *'1 of 1 sounds have samples at full scale'* ]]
}

@test "ser-wav2feat: RAVDESS and EmoDB, one thread and two" {
	[ -d "$DATA/emodb" ] || skip "no corpora in ../shared/data"
	ser-prep -q emodb "$DATA/emodb" | head -n 100 > m.tsv
	ser-wav2feat -q m.tsv > 1.ser
	ser-wav2feat -q -t 2 m.tsv > 2.ser
	cmp 1.ser 2.ser
}
