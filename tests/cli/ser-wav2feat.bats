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
	same $'id\tpath\ns1\ts1.wav\ns2\ts2.wav' bash -c 'ser-wav2feat --keep-path m.tsv | ser-dump --tsv id,path'
	ser-wav2feat --keep-path m.tsv | ser-select --drop path true | ser-cmp - o.ser
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
		--kind,mel 51, 80
		--kind,mfcc 48, 13
		--kind,mfcc,--delta-order,2 48, 39
		--kind,fbank,--snip-edges=false 50, 80
		--kind,mel,--no-center,--n-fft=512 47, 80
		--use-energy,--num-mel-bins,23 48, 24
		--preset,speechbrain-ecapa 51, 80
		--preset,wespeaker-ecapa 48, 80
		--preset,deepemocluster 32, 128
		--kind,wave,--sample-frequency,8000 4000, 1
		--kind,lld 48, 19
		--kind,compare 49, 130
		--kind,compare,--delta-order,0 49, 65
		--preset,chunk-lld 30, 130
		--kind,egemaps 49, 25
	END
}

@test "ser-wav2feat: functionals stand in place of the frames" {
	wav a.wav 0.5 300
	ser-wav2feat --kind lld --functionals p50,std,mean -t 3 a.wav > o.ser
	same '[57]' sh -c 'ser-dump o.ser | jq -c .func.shape'
	same '[300,0,300]' sh -c 'ser-dump --data o.ser | jq -c "[.func.data[0:3][] | round]"'
	same '["p50","std","mean"]' sh -c 'ser-info --json o.ser 2>/dev/null | jq -c .dims.func.functionals || ser-info o.ser | sed -n "s/.*functionals\":\([^]]*]\).*/\1/p"'
	ser-cat --to csv o.ser | head -1 | grep -q ',f0_hz_p50,f0_hz_std,f0_hz_mean,voicing_p50,'
	ser-wav2feat --kind lld --functionals mean a.wav | ser-cat --to csv | head -1 | grep -q ',f0_hz_mean,voicing_mean,'
	ser-wav2feat --kind egemaps --functionals egemaps a.wav | ser-cat --to csv | head -1 | grep -q ',F0semitoneFrom27.5Hz_sma3nz_amean,'
	ser-wav2feat --kind mfcc --use-energy --delta-order 1 --functionals mean,p5 a.wav | ser-norm --field func --by id -o m.ser
	ser-cat --to csv m.ser | head -1 | grep -q '^id,energy_mean,energy_p5,mfcc.1_mean,mfcc.1_p5,.*,d_energy_mean,.*,d_mfcc.12_p5$'
	ser-cat --to arff m.ser | grep -qx '@attribute mfcc.12_mean numeric'
	for k in wave,wave_std spec,spec.0_std mel,mel.0_std fbank,fbank.0_std; do
		ser-wav2feat --kind "${k%,*}" --functionals std a.wav | ser-cat --to csv | head -1 | grep -Eq "^id,${k#*,}(,|\$)"
	done
	run -2 ser-wav2feat --functionals median -o no.ser a.wav
	fails 2 'functional "is12" is none of mean, std, min' ser-wav2feat --functionals is12 -o no.ser a.wav
	fails 2 'a set: egemaps, gemaps, compare2016, is13, emobase, is09, is10, is11' ser-wav2feat --functionals is12 -o no.ser a.wav
}

@test "ser-wav2feat: openSMILE's eGeMAPS and GeMAPS" {
	wav a.wav 0.5 300
	ser-wav2feat --preset egemaps-opensmile a.wav > e.ser
	ser-wav2feat --preset gemaps-opensmile a.wav > g.ser
	same '[[88],[62]]' sh -c '{ ser-dump e.ser; ser-dump g.ser; } | jq -s -c "[.[].func.shape]"'
	same '["slopeUV500-1500_sma3nz_amean",62,["gemaps"]]' sh -c 'ser-dump --header g.ser | jq -c ".dims.func | [.columns[55], (.columns | length), .functionals]"'
	ser-wav2feat --kind egemaps --compat opensmile --functionals egemaps -t 2 a.wav | ser-cmp - e.ser
	same '[46,25]' sh -c 'ser-wav2feat --kind egemaps --compat opensmile a.wav | ser-dump | jq -c .feat.shape'
	same '[46,25]' sh -c 'ser-wav2feat --kind egemaps --compat opensmile --sample-frequency 8000 a.wav | ser-dump | jq -c .feat.shape'
	for o in '--f0-floor 60' '--sample-frequency 4000' '--delta-order 1' '--functionals compare2016'; do
		run -2 ser-wav2feat --kind egemaps --compat opensmile $o -o no.ser a.wav
	done
	run --separate-stderr ser-wav2feat --preset egemaps-opensmile --sample-frequency 8000 a.wav
	[[ $stderr == *'1 of 1 sounds were not at 8000 Hz and were converted, which openSMILE does not do'* ]]
	run --separate-stderr ser-wav2feat --preset egemaps-opensmile --sample-frequency auto a.wav
	[[ $stderr != *'were converted'* ]]
	wav b.wav 0.05 300
	run -1 ser-wav2feat --preset egemaps-opensmile -o no.ser b.wav
	[ ! -e no.ser ]
}

@test "ser-wav2feat: openSMILE's ComParE" {
	wav a.wav 0.5 300
	ser-wav2feat --preset compare2016 a.wav > c.ser
	same '[[6373],"F0final_sma_ff0_nnz",["compare2016"]]' \
		sh -c 'ser-dump --header c.ser | jq -c ".dims.func | [[.columns | length], .columns[4126], .functionals]"'
	ser-cat --to csv c.ser | head -1 | grep -q ',mfcc_sma_de\[14\]_stddevFallingSlope$'
	ser-wav2feat --kind compare --compat opensmile --functionals compare2016 -t 2 a.wav | ser-cmp - c.ser
	same '[46,130]' sh -c 'ser-wav2feat --kind compare --compat opensmile a.wav | ser-dump | jq -c .feat.shape'
	same '[46,65]' sh -c 'ser-wav2feat --kind compare --compat opensmile --delta-order 0 a.wav | ser-dump | jq -c .feat.shape'
	for o in '--f0-floor 60' '--delta-order 2' '--compat none'; do
		run -2 ser-wav2feat --preset compare2016 $o -o no.ser a.wav
	done
	run -2 ser-wav2feat --kind compare --functionals compare2016 -o no.ser a.wav
	[ ! -e no.ser ]
}

@test "ser-wav2feat: openSMILE's sets of before" {
	wav a.wav 0.5 300
	local set n d
	while read -r set n d; do
		ser-wav2feat --preset $set a.wav > $set.ser
		same "[[$n],[\"$set\"]]" sh -c "ser-dump --header $set.ser | jq -c '.dims.func | [[.columns | length], .functionals]'"
		same "$d" sh -c "ser-wav2feat --kind ${set/is13/compare --compat opensmile} a.wav | ser-dump | jq -c .feat.shape"
		ser-wav2feat --preset $set -t 2 a.wav | ser-cmp - $set.ser
	done <<'END'
emobase 988 [48,52]
is09 384 [49,32]
is10 1582 [45,76]
is11 4368 [45,118]
is13 6373 [46,130]
END
	ser-cat --to csv is10.ser | head -1 | grep -q ',F0final__Turn_numOnsets,F0final__Turn_duration$'
	for o in '--delta-order 2' '--sample-frequency 4000' '--functionals emobase'; do
		run -2 ser-wav2feat --preset is09 $o -o no.ser a.wav
	done
	[ ! -e no.ser ]
}

@test "ser-wav2feat: openSMILE's numbers at each sound's own rate" {
	wav a.wav 0.5 300 44100
	wav b.wav 0.5 300 8000
	wav c.wav 0.5 300 16000
	printf 'id\tpath\na\ta.wav\nb\tb.wav\nc\tc.wav\n' >m.tsv
	ser-wav2feat --preset egemaps-opensmile m.tsv >e.ser 2>err
	[ ! -s err ]
	for f in a.wav:44100 b.wav:8000 c.wav:16000; do
		ser-wav2feat --preset egemaps-opensmile --sample-frequency ${f#*:} ${f%:*} | ser-dump -d
	done | cmp - <(ser-dump -d e.ser)
	cat m.tsv | ser-wav2feat --preset egemaps-opensmile -t 2 | ser-cmp - e.ser
	ser-wav2feat --kind egemaps --compat opensmile --functionals egemaps --sample-frequency auto m.tsv | ser-cmp - e.ser
	ser-wav2feat --stdin --id a --preset egemaps-opensmile <a.wav | ser-dump -d | cmp - <(ser-dump -d e.ser | grep '"a"')
	ser-wav2feat --kind wave --sample-frequency 44100 a.wav | ser-wav2feat --preset egemaps-opensmile | ser-dump -d | cmp - <(ser-dump -d e.ser | grep '"a"')
	same '[null,"sample-frequency=auto"]' sh -c 'ser-dump --header e.ser | jq -c ".dims.func | [.sample_rate_hz, (.front | split(\" \")[1])]"'
	same '[null,0.01]' sh -c 'ser-wav2feat --kind is09 m.tsv | ser-dump --header | jq -c ".dims.feat | [.sample_rate_hz, .shift_s]"'
	same "[0.2,0.4]" sh -c 'ser-wav2feat --preset is09 --segment 0.2 a.wav | ser-dump | sed -n 2p | jq -c "[.start, .end]"'
	ser-wav2feat --preset egemaps-opensmile --compat none c.wav | ser-dump -d | cmp - <(ser-wav2feat --preset egemaps c.wav | ser-dump -d)
	printf 'id\tpath\temo\na\ta.wav\tjoy\nb\tb.wav\tfear\n' >two.tsv
	ser-wav2feat --preset is09 two.tsv >f.ser
	ser-svm --field func -l emo -C 1 -o s.st f.ser
	ser-wav2feat --like s.st two.tsv | ser-cmp - f.ser
	wav d.wav 0.5 300 4000
	fails 1 "\"d\": at 4000 Hz, and openSMILE's numbers are made at 8000 to 96000: --sample-frequency X converts" \
		ser-wav2feat --preset is09 -o no.ser d.wav
	ser-wav2feat -q --preset is09 --sample-frequency 16000 d.wav >d.ser
	[ ! -e no.ser ]
}

@test "ser-wav2feat: --sample-frequency auto" {
	wav a.wav 0.3 200 8000
	wav b.wav 0.3 300 8000
	wav c.wav 0.3 300 16000
	printf 'id\tpath\na\ta.wav\nb\tb.wav\n' >m.tsv
	ser-wav2feat --sample-frequency auto m.tsv 2>err >a.ser
	[ ! -s err ] # nothing is taken at less than its rate
	same '{"sample_rate_hz":8000,"front":"fbank sample-frequency=8000"}' bash -c 'ser-dump --header a.ser |
		jq -c ".dims.feat | {sample_rate_hz, front: (.front | split(\" frame\")[0])}"'
	ser-wav2feat --sample-frequency 8000 m.tsv | ser-dump -d | diff <(ser-dump -d a.ser) -
	ser-wav2feat --kind wave --sample-frequency auto m.tsv >w.ser
	ser-wav2feat --sample-frequency auto w.ser | ser-dump -d | diff <(ser-dump -d a.ser) -
	fails 1 '"c": at 16000 Hz, and the first sound is at 8000: --sample-frequency X converts all to one rate' \
		ser-wav2feat --sample-frequency auto -o no.ser a.wav c.wav
	ser-wav2feat --sample-frequency auto <m.tsv | ser-cmp - a.ser
	ser-wav2feat --sample-frequency auto <w.ser | ser-dump -d | diff <(ser-dump -d a.ser) -
	fails 2 'standard input can be read but once: name a file, or say the rate' bash -c 'cat m.tsv | ser-wav2feat --sample-frequency auto'
	fails 2 'can be read but once' ser-wav2feat --sample-frequency auto <(cat a.wav)
	fails 2 'auto does not go with --stdin' bash -c 'ser-wav2feat --stdin --sample-frequency auto <a.wav'
	fails 2 '"8k" is not a finite number' ser-wav2feat --sample-frequency 8k a.wav
	fails 2 '10 is outside 100 .. 1e+06' ser-wav2feat --sample-frequency 10 a.wav
	printf 'id\tpath\n' >e.tsv
	fails 1 'e.tsv: no sound in it' ser-wav2feat --sample-frequency auto e.tsv
	fails 1 'no.wav: No such file' ser-wav2feat --sample-frequency auto no.wav
	[ ! -e no.ser ]
}

@test "ser-wav2feat: VTLN, of all sounds, of utterances and of speakers" {
	wav a.wav 0.5 300
	wav b.wav 0.5 220
	printf 'id\tpath\tspk\na\ta.wav\ts\nb\tb.wav\ts\n' >m.tsv
	printf 's 0.9\n\nb\t1.1\n' >w
	ser-wav2feat --kind mfcc --vtln-map w -t 2 m.tsv >w.ser
	same 'a 0.9 b 1.1' bash -c 'ser-dump --tsv id,vtln_warp w.ser | tail -n +2 | xargs'
	for r in a:0.9 b:1.1; do
		ser-wav2feat --kind mfcc --vtln-warp ${r#*:} ${r%:*}.wav | ser-dump -d | jq -c .feat |
			diff - <(ser-select "id == '${r%:*}'" w.ser | ser-dump -d | jq -c .feat)
	done
	! cmp -s <(ser-dump -d w.ser) <(ser-wav2feat --kind mfcc m.tsv | ser-dump -d) || false
	ser-wav2feat --vtln-map w --segment 0.2 m.tsv | ser-select "id == 'b-000002'" | ser-dump -d | jq -c .feat >seg
	ser-wav2feat --vtln-warp 1.1 --segment 0.2 b.wav | ser-select "id == 'b-000002'" | ser-dump -d | jq -c .feat | diff - seg
	# what is not warped says so in the words of before
	run -1 grep -q vtln <(ser-wav2feat a.wav | ser-dump --header)
	ser-wav2feat --vtln-warp 0.9 a.wav | ser-dump --header | grep -q 'vtln-warp=0.9 vtln-low=100 vtln-high=-500'
	fails 1 '"x": --vtln-map has a factor neither of it nor of its speaker' ser-wav2feat --vtln-map w --id x a.wav
	for bad in 'x:a:1: expected an utterance' 'x y:a:1: expected' 'x 11:a:1: the warping factor 11 is not in' 'x 1\nx 1:a:2: "x" comes twice' \
		'x nan:a:1: the warping factor nan'; do
		printf "${bad%%:*}\n" >a
		fails 1 "${bad#*:}" ser-wav2feat --vtln-map a a.wav
	done
	fails 2 'vtln-map has no meaning for spec' ser-wav2feat --kind spec --vtln-map w a.wav
	fails 2 'vtln-warp has no meaning for egemaps' ser-wav2feat --kind egemaps --vtln-warp 0.9 a.wav
	fails 2 'vtln-low 10 and vtln-high 7500 must satisfy' ser-wav2feat --vtln-warp 0.9 --vtln-low 10 a.wav
	fails 2 'leaves nothing between' ser-wav2feat --num-mel-bins 10 --vtln-warp 9 --vtln-high 500 a.wav
	fails 2 'is of mel-shape mel' ser-wav2feat --mel-scale slaney --vtln-warp 0.9 a.wav
}

@test "ser-wav2feat: eGeMAPS, its columns by name" {
	wav a.wav 0.5 300
	ser-wav2feat --preset egemaps -t 2 a.wav > o.ser
	same '[[88],88,["egemaps"],"egemaps"]' sh -c '{ ser-dump o.ser; ser-dump --header o.ser; } | jq -s -c \
		"[.[0].func.shape, (.[1].dims.func.columns | length), .[1].dims.func.functionals, (.[1].dims.func.front | split(\" \")[0])]"'
	ser-cat --to csv o.ser > o.csv
	same 'id,F0semitoneFrom27.5Hz_sma3nz_amean' sh -c 'head -n 1 o.csv | cut -d, -f1,2'
	same true sh -c 'ser-dump --data o.ser | jq "(.func.data[0] - 41.37 | fabs < 0.01) and (.func.data[87] + 15.26 | fabs < 0.05)"'
	ser-wav2feat --kind egemaps --functionals egemaps a.wav | ser-cmp - o.ser
	same '["spectralFlux_sma3",25]' sh -c 'ser-wav2feat --kind egemaps a.wav | ser-dump --header | jq -c ".dims.feat.columns | [.[5], length]"'
	same '["F0final_sma","mfcc_sma_de[14]"]' sh -c 'ser-wav2feat --kind compare a.wav | ser-dump --header | jq -c ".dims.feat.columns | [.[0], .[129]]"'
	for o in '--functionals egemaps' '--kind lld --functionals egemaps' '--preset egemaps --delta-order 1' '--preset egemaps --kind compare' \
		'--preset egemaps --num-mel-bins 20'; do
		run -2 ser-wav2feat $o -o no.ser a.wav
	done
	[ ! -e no.ser ]
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

@test "ser-wav2feat --root: a manifest leads nowhere but below it, unless that is allowed" {
	mkdir -p in/sub
	wav in/a.wav 1 300
	wav b.wav 1 200
	ser-wav2feat in/a.wav > a.ser
	show a.ser > want
	for path in "$PWD/in/a.wav" ../work/in/a.wav in/../in/a.wav in/sub/.. / .. "$PWD/in/sub/../../b.wav"; do
		printf 'id\tpath\na\t%s\n' "$path" > m.tsv
		run -1 ser-wav2feat --root . -o no.ser m.tsv
		[[ $output == *"m.tsv:2: path \"$path\" leads out of \".\""* ]]
		[ ! -e no.ser ]
	done
	for path in "$PWD/in/a.wav" ../work/in/a.wav in/../in/a.wav; do # as typed
		printf 'id\tpath\na\t%s\n' "$path" > m.tsv
		ser-wav2feat m.tsv > a.ser && show a.ser | cmp - want
	done
	printf 'id\tpath\na\t%s\n' "$PWD/in/a.wav" > m.tsv
	ser-wav2feat --root "$PWD" m.tsv > a.ser && show a.ser | cmp - want
	ser-wav2feat --root "$PWD/in//" m.tsv > a.ser && show a.ser | cmp - want
	ser-wav2feat --root / m.tsv > a.ser && show a.ser | cmp - want
	run -1 ser-wav2feat -o no.ser --root "$PWD/i" m.tsv
	[[ $output == *"leads out of \"$PWD/i\""* ]]
	printf 'id\tpath\na\t../in/a.wav\n' > m.tsv
	run -1 ser-wav2feat -o no.ser --root in m.tsv
	ser-wav2feat --root in --allow-absolute m.tsv > a.ser && show a.ser | cmp - want
	ser-wav2feat --root in --allow-absolute m.tsv | ser-info | grep -c root && return 1
	printf 'id\tpath\na\tsub/../../b.wav\n' > m.tsv
	run -1 ser-wav2feat -o no.ser --root "$PWD/in" m.tsv
	printf 'id\tpath\na\ta.wav |\n' > m.tsv # the name of a file, never a command
	run -1 ser-wav2feat -o no.ser --root in m.tsv
	[[ $output == *"a.wav |: No such file"* ]]
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

@test "ser-wav2feat: from pipe to pipe a sound goes in parts, which make the record of the file" {
	wav a.wav 1.25 300
	parts() { $PYTHON -c 'import sys, msgpack; print(sum("part_of" in m for m in msgpack.Unpacker(open(sys.argv[1], "rb"), max_buffer_size=0)))' "$1"; }
	for o in "" "--kind mfcc --frame-shift 7" "--kind wave" "--kind mel --edges valid" "--kind mel" "--edges mirror" "--frame-length 10 --frame-shift 40 --num-mel-bins 40"; do
		# shellcheck disable=SC2086
		{
			ser-wav2feat --id stdin $o a.wav >whole.ser
			cat a.wav | ser-wav2feat --stdin $o | cat >parts.ser
		}
		[ "$(parts parts.ser)" -ge 12 ]
		ser-dump --data whole.ser >whole.txt
		ser-dump --data parts.ser | diff - whole.txt
		ser-select true parts.ser | ser-dump --header | jq -e 'has("parts") | not' >/dev/null
	done
	# where frames hang together it is whole, and so is what a file holds
	for o in "--delta-order 1" "--dither 1" "--subtract-mean" "--preset whisper" "--kind lld" "--functionals mean" "--trim 30" "-k"; do
		# shellcheck disable=SC2086
		cat a.wav | ser-wav2feat --stdin $o | cat >whole.ser
		[ "$(parts whole.ser)" -eq 0 ]
	done
	cat a.wav | ser-wav2feat --stdin >whole.ser
	[ "$(parts whole.ser)" -eq 0 ]
	# too short for a frame; damaged on the way; too large together
	wav short.wav 0.01 300
	fails 1 '' bash -c 'set -o pipefail; cat short.wav | ser-wav2feat --stdin | cat >no.ser'
	fails 1 'cut off at byte' bash -c 'cat a.wav | ser-wav2feat --stdin | head -c 20000 | ser-select true >no.ser'
	fails 1 'larger than 20000 bytes' bash -c 'cat a.wav | ser-wav2feat --stdin | ser-select --max-record 20000 true >no.ser'
	fails 1 'is in parts' ser-train classify -l emo --arch linear -o no.st parts.ser
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

@test "ser-wav2feat --stdin --raw: samples without a header" {
	$PYTHON -c '
import array, math, sys, wave
x = [int(9000 * math.sin(i / 5)) for i in range(8001)]
w = wave.open("r.wav", "wb"); w.setnchannels(1); w.setsampwidth(2); w.setframerate(16000); w.writeframes(array.array("h", x).tobytes()); w.close()
open("s16", "wb").write(array.array("h", x).tobytes())
open("two", "wb").write(array.array("h", [v for v in x for _ in (0, 1)]).tobytes())
open("f32", "wb").write(array.array("f", [v / 32768 for v in x]).tobytes())'
	ser-wav2feat --id stdin r.wav > w.ser
	for f in s16=s16le,16000 s16=s16le,16000,1 two=s16le,16000,2 f32=f32le,16000,1; do
		cat "${f%%=*}" | ser-wav2feat --stdin --raw "${f#*=}" | ser-cmp - w.ser
		ser-wav2feat --stdin --raw "${f#*=}" < "${f%%=*}" | ser-cmp - w.ser
	done
	head -c 1001 s16 > cut
	run -1 ser-wav2feat --stdin --raw s16le,16000 -o no.ser < cut
	[[ $output == *'ends within a sample'* ]]
	for o in s16 s16le s16le, s16le,0 s16be,16000 s16le,16000,0 s16le,16000,1,1 s16le,16000,; do
		run -2 ser-wav2feat --stdin --raw $o -o no.ser < s16
	done
	run -2 ser-wav2feat --raw s16le,16000 -o no.ser r.wav
}

@test "ser-wav2feat: sounds of a lower rate than the features' are said" {
	for hz in 8000 11025 16000; do
		$PYTHON -c "
import math, struct, wave
w = wave.open('$hz.wav', 'wb'); w.setnchannels(1); w.setsampwidth(2); w.setframerate($hz)
w.writeframes(struct.pack('<4000h', *[int(9000 * math.sin(i / 5)) for i in range(4000)])); w.close()"
	done
	run -0 --separate-stderr ser-wav2feat -o o.ser 8000.wav 11025.wav 16000.wav
	[ "$stderr" = 'ser-wav2feat: 2 of 3 sounds were taken at less than 16000 Hz, the least at 8000 Hz: they hold nothing above half of that' ]
	run -0 --separate-stderr ser-wav2feat --sample-frequency 8000 -o o.ser 8000.wav 11025.wav
	[ -z "$stderr" ]
	ser-wav2feat -q --kind wave --sample-frequency 8000 8000.wav > w.ser
	run -0 --separate-stderr ser-wav2feat -o o.ser w.ser
	[[ $stderr == *'1 of 1 sounds were taken at less than 16000 Hz, the least at 8000 Hz'* ]]
}

@test "ser-wav2feat: RAVDESS and EmoDB, one thread and two" {
	[ -d "$DATA/emodb" ] || skip "no corpora in ../shared/data"
	ser-prep -q emodb "$DATA/emodb" | head -n 100 > m.tsv
	ser-wav2feat -q --root "$DATA" m.tsv > 1.ser
	ser-wav2feat -q --root / -t 2 m.tsv > 2.ser
	cmp 1.ser 2.ser
}

@test "ser-wav2feat: records of samples give the features that their files give" {
	manifest 7 > m.tsv
	wav odd.wav 0.7 500 22050 2
	printf 'odd\todd.wav\t01\tjoy\t33\t\n' >> m.tsv
	ser-wav2feat --kind wave m.tsv > w.ser
	for o in '--kind fbank' '--kind mfcc --delta-order 2' '--kind lld --functionals mean,p50' '--preset egemaps' '--kind compare' '--dither 1 --seed 3' '--trim 40' \
		'--preset speechbrain-ecapa' '--kind wave'; do
		ser-wav2feat $o m.tsv > d.ser
		ser-wav2feat $o < w.ser > s.ser
		ser-cmp d.ser s.ser || { echo "$o"; false; }
		ser-wav2feat $o -t 3 - < w.ser | cmp - s.ser
	done
	same 'ser-wav2feat ser-wav2feat' sh -c 'ser-dump --header s.ser | jq -r "[.prov[].tool] | join(\" \")"'
	# another rate; parts of parts; beside other inputs; several segments
	ser-wav2feat --kind wave --sample-frequency 8000 m.tsv > w8.ser
	ser-wav2feat w8.ser > s.ser
	same 8 sh -c 'ser-dump s.ser | jq -s length'
	ser-wav2feat --kind wave --segment 0.25 m.tsv | ser-wav2feat --kind wave --segment 0.125 > a.ser
	same '["s1-000002-000002",0.28125,0.3]' sh -c 'ser-wav2feat --kind wave --segment 0.15625 s1.wav | ser-wav2feat --kind wave --segment 0.125 | ser-dump | jq -c "[.id, .start, .end]" | tail -n 1'
	wav more.wav 0.5 200
	ser-wav2feat w.ser more.wav > b.ser
	same 9 sh -c 'ser-dump b.ser | jq -s length'
	cat w.ser w8.ser > two.ser
	fails 1 'id' ser-wav2feat -o no.ser two.ser
	ser-wav2feat m.tsv > f.ser
	fails 1 'does not hold samples' ser-wav2feat -o no.ser f.ser
	head -c 9000 w.ser > cut.ser
	fails 1 'cut off' ser-wav2feat -o no.ser cut.ser
	[ ! -e no.ser ]
}

@test "ser-wav2feat: windows that overlap" {
	wav a.wav 1.3 300
	ser-wav2feat --kind wave a.wav > whole.ser
	ser-wav2feat --kind wave --segment 0.5 --every 0.2 a.wav > o.ser
	same '0 0.5,0.2 0.7,0.4 0.9,0.6 1.1,0.8 1.3' sh -c 'ser-dump o.ser | jq -r "\"\(.start) \(.end)\"" | paste -sd,'
	$PYTHON - <<-'END'
		import msgpack, msgpack_numpy, numpy as np
		def read(name):
		    u = msgpack.Unpacker(open(name, "rb"), object_hook=msgpack_numpy.decode, raw=False, max_buffer_size=0)
		    return [r for r in u if "id" in r]
		x = read("whole.ser")[0]["feat"]
		for r in read("o.ser"):
		    assert np.array_equal(r["feat"], x[round(r["start"] * 16000):round(r["end"] * 16000)])
	END
	for o in '--every 0.2' '--segment 0.5 --every 0.6' '--segment 1 --vad 10' '--trim 3 --vad 10'; do
		run -2 ser-wav2feat $o -o no.ser a.wav
	done
}

# talk SECONDS: a WAV of unknown length on standard output: noise at -60 dB, in every 5 s a second and a half of tone at -20 dB
talk() {
	$PYTHON - "$1" <<-'END'
		import sys, struct, numpy as np
		out = sys.stdout.buffer
		out.write(b"RIFF" + b"\xff" * 4 + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16) + b"data" + b"\xff" * 4)
		rng = np.random.default_rng(1)
		t = np.arange(5 * 16000) / 16000
		x = 0.001 * rng.standard_normal(len(t)) + 0.14 * np.sin(2 * np.pi * 300 * t) * (t >= 1) * (t < 2.5)
		x = np.round(x * 32768).astype("<i2").tobytes()
		for _ in range(int(sys.argv[1]) // 5):
		    out.write(x)
	END
}

@test "ser-wav2feat: --vad cuts out where somebody speaks" {
	talk 20 | ser-wav2feat --stdin --id t --vad 10 --kind wave > o.ser
	ser-dump o.ser | jq -c '[.id, .start, .end]' > got
	$PYTHON - <<-'END'
		import json
		rows = [json.loads(l) for l in open("got")]
		assert [r[0] for r in rows] == [f"t-{k:06d}" for k in range(1, 5)], rows
		for k, (_, a, b) in enumerate(rows):
		    assert abs(a - (5 * k + 0.9)) < 0.03 and abs(b - (5 * k + 2.8)) < 0.03, rows
	END
	# the same from a file and from records; a longer hangover joins, a higher bar drops
	talk 20 > t.wav
	ser-wav2feat --vad 10 --kind wave t.wav | ser-cmp - o.ser
	ser-wav2feat --kind wave t.wav | ser-wav2feat --vad 10 --kind wave | ser-cmp - o.ser
	same 1 sh -c 'ser-wav2feat --vad 10 --hangover 4 t.wav | ser-dump | jq -s length'
	same '8 true' sh -c 'ser-wav2feat --vad 10 --max-speech 1.2 t.wav | ser-dump |
		jq -s -r "[length, (map(.end - .start | . > 0.5 and . < 1.23) | all)] | join(\" \")"'
	run -0 --separate-stderr ser-wav2feat --vad 10 --min-speech 2 -o none.ser t.wav
	[ "$stderr" = 'ser-wav2feat: 1 of 1 sounds have no speech' ]
	# a part of a file: times are those of the file
	printf 'id\tpath\tstart\tend\nx\tt.wav\t5\t10\n' > m.tsv
	same 'true' sh -c 'ser-wav2feat --vad 10 m.tsv | ser-dump | jq -s "length == 1 and (.[0].start - 5.9 | fabs < 0.03)"'
}

@test "ser-wav2feat: an hour of sound in little memory" {
	[ "$FLAVOUR" = release ] || skip "sanitizers take memory of their own"
	cat > peak.py <<-'END'
		import resource, subprocess, sys
		subprocess.run(sys.argv[2:], stdout=open(sys.argv[1], "wb"), check=True)
		print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	END
	talk 3600 | $PYTHON peak.py o.ser ser-wav2feat -q --stdin --vad 10 > kb
	same 720 sh -c 'ser-dump o.ser | jq -s length'
	echo "$(cat kb) kB"
	[ "$(cat kb)" -lt 60000 ]
	talk 3600 | $PYTHON peak.py o.ser ser-wav2feat -q --stdin --segment 10 > kb
	[ "$(cat kb)" -lt 60000 ]
}

@test "ser-wav2feat --like: the front-end of a model, and its functionals" {
	manifest 4
	manifest 4 | awk -F '\t' -v OFS='\t' 'NR > 1 {$4 = NR % 2 ? "joy" : "anger"} 1' >two.tsv
	ser-wav2feat --kind mfcc --num-ceps 7 --delta-order 1 <two.tsv >a.ser
	ser-train classify -q --label emo --arch mlp --hyper hidden=4 -e 1 -o a.st a.ser
	ser-wav2feat --like a.st <two.tsv >b.ser
	ser-cmp a.ser b.ser
	ser-wav2feat --like a.st --num-ceps 5 <two.tsv >c.ser
	[ "$(ser-dump c.ser | jq -c .feat.shape[1] | sort -u)" = 10 ]
	fails 1 'field "feat" is to have num-ceps=7, not 5; ser-wav2feat --like' ser-predict -m a.st c.ser
	ser-wav2feat --kind fbank --functionals mean,p90 <two.tsv >f.ser
	ser-train classify -q --field func --label emo --arch mlp --hyper hidden=4 -e 1 -o f.st f.ser
	ser-wav2feat --like f.st <two.tsv | ser-cmp f.ser -
	fails 2 '--kind and --like do not agree' ser-wav2feat --kind fbank --like a.st two.tsv
	fails 1 'none.st' ser-wav2feat --like none.st two.tsv
}

@test "--edges silence: as of the sound with zeros behind it" {
	sox -D -n -r 16000 -b 16 a.wav synth 0.5 pinknoise vol 0.5
	for n in 1 159 160 4000 4119 4120 4121; do
		sox -D a.wav cut.wav trim 0 ${n}s
		sox -D cut.wav more.wav pad 0 480s
		ser-wav2feat --preset resemblyzer cut.wav | ser-dump -d | jq -c .feat >have
		ser-wav2feat --preset resemblyzer --edges center more.wav | ser-dump -d | jq -c .feat >want
		cmp have want
		jq -e '.data[-1] | all(. == 0)' have
	done
}
