#!/usr/bin/env bats
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mkstream -n 30 --frames 20 --bins 10 >d.ser
	ser-train classify -l emo --also spk:0.5 --arch convpool --hyper channels=8 --hyper emb=6 -e 1 -o m.st d.ser
}

@test "posteriors that sum to one, and the greatest one's name" {
	ser-predict -m m.st --drop feat d.ser >p.ser
	ser-dump --data p.ser | jq -e -s 'map((.post.data | add - 1 | fabs < 1e-5) and
		.pred == (["angry","happy","neutral","sad"][.post.data | index(max)])) | all' >/dev/null
	[ "$(ser-dump p.ser | wc -l)" -eq 30 ]
}

@test "another head by name" {
	ser-predict -m m.st --head spk d.ser | ser-dump | jq -e -s 'map(.post.shape == [3]) | all' >/dev/null
	fails 1 'no classifier and no values "nose"' ser-predict -m m.st --head nose d.ser
	ser-train speaker --arch linear -e 1 -o s.st d.ser
	fails 1 'has no classifier' ser-predict -m s.st d.ser
}

@test "the score refuses speakers that the model was trained on" {
	ser-predict -m m.st d.ser >p.ser
	run --separate-stderr ser-score classes --label emo --n-boot 0 p.ser
	[ "$status" -eq 3 ]
	ser-train classify -l emo --test-fold 1 --allow-shared-speakers --arch linear -e 1 -o n.st d.ser
	ser-select 'spk == "02"' d.ser >test.ser
	ser-select 'spk != "02"' d.ser | ser-train classify -l emo --arch linear -e 1 -o n.st
	ser-predict -m n.st test.ser | ser-score classes --label emo --n-boot 0 >/dev/null
}

@test "the same bytes on one thread and two" {
	ser-predict -m m.st d.ser >p.ser
	ser-predict -m m.st -t 2 d.ser | cmp - p.ser
}

@test "values" {
	ser-train regress -l dur -l fold --arch mlp -e 2 -o v.st d.ser
	ser-predict -m v.st d.ser >p.ser
	ser-dump p.ser | jq -e -s 'map(.post.shape == [2] and has("pred") == false) | all' >/dev/null
	ser-train regress -l dur --arch mlp -e 2 -o v.st d.ser
	ser-predict -m v.st d.ser | ser-dump --data | jq -e -s 'map(.pred - .post.data[0] | fabs < 1e-5) | all' >/dev/null
}

@test "--every: one record a window, as if each had been cut out" {
	ser-predict -m m.st --every 70ms --window 0.1 --drop feat d.ser >p.ser
	# sounds of 20, 21 and 22 frames of 10 ms: windows end at 7, 14, 21 and the end
	ser-dump p.ser | jq -s -c '.[:3] | map([.id, .start, .end, .spk])' >times
	id=$(ser-dump d.ser | head -n 1 | jq -r .id) spk=$(ser-dump d.ser | head -n 1 | jq -c .spk)
	diff times - <<<"[[\"$id-000001\",0,0.07,$spk],[\"$id-000002\",0.04,0.14,$spk],[\"$id-000003\",0.1,0.2,$spk]]"
	[ "$(ser-dump p.ser | wc -l)" -eq 100 ]
	ser-predict -m m.st --every 70ms --window 0.1 d.ser | ser-predict -m m.st --drop feat | ser-dump --data >again
	ser-dump --data p.ser | diff - again
	# a window as long as the sound is the sound
	ser-predict -m m.st --every 0.22 --drop feat d.ser | ser-dump --data | jq -c .post >all
	ser-predict -m m.st d.ser | ser-dump --data | jq -c .post | diff - all
	fails 2 '"1x" is no number of seconds' ser-predict -m m.st --every 1x d.ser
	fails 2 'window goes with --every' ser-predict -m m.st --window 1 d.ser
	mkstream -n 30 --shift 0 >z.ser
	ser-train classify -l emo --arch linear --crop 0 -e 1 -o z.st z.ser
	fails 1 'does not say shift_s' ser-predict -m z.st --every 1 z.ser
}

@test "--every on a terminal: lines" {
	needs_terminal
	cat >terminal.py <<-'END'
		import os, pty, sys
		pty.spawn(["sh", "-c", "ser-predict -m m.st --every 100ms d.ser"], lambda fd: os.read(fd, 1024))
	END
	$PYTHON terminal.py </dev/null >lines
	[ "$(wc -l <lines)" -eq 80 ]
	head -n 1 lines | grep -Eq '^[^ ]+ +0\.10 s  [a-z]+ +angry 0\.[0-9]{3} happy 0\.[0-9]{3} neutral 0\.[0-9]{3} sad 0\.[0-9]{3}'
}

# Sound that comes slowly, to a pipe of four tools: the rest of it is written only when the first posteriors have come out.
@test "posteriors while the sound comes in" {
	cat >sound.py <<-'END'
		import struct, sys, numpy as np
		def head(size):
		    return b"RIFF" + struct.pack("<I", size) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16) + \
		        b"data" + struct.pack("<I", size)
		def tone(hz, n):
		    rng = np.random.default_rng(hz)
		    return np.round(6000 * np.sin(2 * np.pi * hz * np.arange(n) / 16000) + 50 * rng.standard_normal(n)).astype("<i2").tobytes()
	END
	cat >train.py <<-'END'
		from sound import *
		print("id\tpath\tspk\temo")
		for i in range(8):
		    x = tone(200 + 100 * i, 16000)
		    open(f"t{i}.wav", "wb").write(head(len(x)) + x)
		    print(f"t{i}\tt{i}.wav\ts{i % 2}\t" + ("happy" if i < 4 else "sad"))
	END
	cat >slow.py <<-'END'
		import os, select, subprocess
		from sound import *
		pipe = subprocess.Popen(sys.argv[1] + " | ser-dump --tsv id,start,end,pred,post",
		                        shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
		x = tone(300, 16000) + tone(800, 48000)
		def send(a, b):
		    pipe.stdin.write(x[2 * a:2 * b])
		    pipe.stdin.flush()
		def lines(n, seconds=60):
		    text = b""
		    while text.count(b"\n") < n:
		        assert select.select([pipe.stdout], [], [], seconds)[0], ("nothing came", text)
		        got = os.read(pipe.stdout.fileno(), 1 << 16)
		        assert got, ("it ended", text)
		        text += got
		    return text
		pipe.stdin.write(head(0xFFFFFFFF))
		send(0, 16100)
		text = lines(2)          # the header row, and the first second
		send(16100, 24100)
		text += lines(1)         # half a second more, one line more
		send(24100, 64000)
		pipe.stdin.close()
		text += pipe.stdout.read()
		assert pipe.wait() == 0
		open("live.tsv", "wb").write(text)
		open("whole.wav", "wb").write(head(len(x)) + x)
	END
	$PYTHON train.py >m.tsv
	ser-wav2feat m.tsv | ser-train classify -l emo --arch mlp -e 3 -q -o live.st
	$PYTHON slow.py "ser-wav2feat --stdin --id mic --segment 1 --every 0.5 | ser-select true | ser-predict -m live.st --drop feat"
	ser-wav2feat --id mic --segment 1 --every 0.5 whole.wav | ser-predict -m live.st | ser-dump --tsv id,start,end,pred,post | diff - live.tsv
	[ "$(wc -l <live.tsv)" -eq 8 ]
	# the frames themselves as they come, and windows of them
	$PYTHON slow.py "ser-wav2feat --stdin --id mic | ser-predict -m live.st --every 500ms --window 1s --drop feat"
	ser-wav2feat --id mic whole.wav | ser-predict -m live.st --every 500ms --window 1s | ser-dump --tsv id,start,end,pred,post | diff - live.tsv
	[ "$(wc -l <live.tsv)" -eq 9 ]
}

@test "a field that is dropped leaves the header, too" {
	mkstream -n 30 >f.ser
	ser-train classify -l emo --arch mlp -e 1 -o m.st f.ser
	same '["post"]' bash -c 'ser-predict -m m.st --drop feat f.ser | ser-dump --header | jq -c ".dims | keys"'
	same '["emb"]' bash -c 'ser-embed -m m.st --drop feat f.ser | ser-dump --header | jq -c ".dims | keys"'
}

@test "--scaling weighs and shifts log posteriors as ser-score calibration says, and makes what it promised" {
	mkstream -n 40 >f.ser
	ser-train classify -l emo --arch mlp -e 3 -q -o m.st f.ser
	ser-predict -m m.st -o one.ser f.ser
	ser-score calibration --label emo --allow-shared-speakers --n-boot 0 --json one.ser >r.json
	ser-predict -m m.st --scaling r.json -o two.ser f.ser
	ser-score calibration --label emo --allow-shared-speakers --n-boot 0 --json two.ser | jq -e --slurpfile r r.json '
		(.scores[] | select(.set == "pooled" and .score == "nll").value) - $r[0].scaled[0].nll | fabs < 1e-5' >/dev/null
	jq -e '.scaled[0].nll <= (.scores[] | select(.set == "pooled" and .score == "nll").value)' r.json >/dev/null
	classes=$(ser-dump --header one.ser | jq -c .dims.post.classes)
	paste -d' ' <(ser-dump --data one.ser | jq -c .post.data) <(ser-dump --data two.ser | jq -c '[.post.data, .pred]') | jq -es --slurpfile r r.json --argjson c "$classes" '
		($r[0].vector | INDEX(.class)) as $v | [range(0; length; 2) as $i | .[$i] as $p | .[$i + 1] as $q |
		[range($c | length) | $v[$c[.]] as $w | ($w.weight * ($p[.] | log) + $w.offset) | exp] as $u | ($u | add) as $s |
		$c[$q[0] | index(max)] == $q[1] and all(range($c | length); ($u[.] / $s - $q[0][.]) | fabs < 1e-5)] | length == 40 and all' >/dev/null
	# nothing to do is what it was
	jq '.vector |= map(.weight = 1 | .offset = 0)' r.json >same.json
	cmp <(ser-predict -m m.st --scaling same.json f.ser | ser-dump --data | jq -c '.post.data | map(. * 1e5 | round)') <(ser-dump --data one.ser | jq -c '.post.data | map(. * 1e5 | round)')
	fails 2 'goes with no --temperature' ser-predict -m m.st --scaling r.json --temperature 2 f.ser
	fails 1 'no report of ser-score calibration' ser-predict -m m.st --scaling <(echo '{}') f.ser
	fails 1 'of the model' ser-predict -m m.st --scaling <(jq '.vector |= .[1:]' r.json) f.ser
	fails 1 'row 1 of "vector" is of no class' ser-predict -m m.st --scaling <(jq '.vector[0].class = "zz"' r.json) f.ser
	fails 1 'row 2 of "vector" is of no class of the model, or of one' ser-predict -m m.st --scaling <(jq '.vector[1] = .vector[0]' r.json) f.ser
	fails 1 'nope' ser-predict -m m.st --scaling nope f.ser
}

@test "--temperature tempers the posteriors and keeps the decisions; --reject leaves out what is unsure, and is scored so" {
	mkstream -n 30 >f.ser
	ser-train classify -l emo --arch mlp -e 3 -o m.st f.ser
	ser-predict -m m.st -o one.ser f.ser
	ser-predict -m m.st --temperature 2 -o two.ser f.ser
	posts() { ser-dump --data "$1" | jq -c '[.pred, .post.data]'; }
	# softmax(z / 2) is the square root of softmax(z), normalised
	paste -d' ' <(posts one.ser) <(posts two.ser) | jq -es '[range(0; length; 2) as $i | .[$i] as $a | .[$i + 1] as $b | ($a[1] | map(sqrt)) as $r | ($r | add) as $s |
		$a[0] == $b[0] and all(range($r | length); ($r[.] / $s - $b[1][.]) | fabs < 1e-6)] | length == 30 and all'
	ser-predict -m m.st --temperature 1 f.ser | ser-dump --data | cmp - <(ser-dump --data one.ser)

	x=$(ser-dump --data one.ser | jq -s '[.[].post.data | max] | sort | (.[14] + .[15]) / 2')
	ser-predict -m m.st --reject "$x" -o half.ser f.ser
	[ "$(ser-dump half.ser | jq -s '[.[] | select(.pred == null)] | length')" -eq 15 ]
	ser-dump --data half.ser | jq -es --argjson x "$x" 'all(.[]; (.pred == null) == ((.post.data | max) < $x))'
	ser-score classes --label emo --allow-shared-speakers --n-boot 0 --tsv half.ser | grep -qx $'about\trejected\tvalue\t15'
	ser-train regress -l dur --arch mlp -e 1 -q -o v.st f.ser
	fails 2 'are of classes' ser-predict -m v.st --reject 0.5 f.ser
	fails 2 'are of classes' ser-predict -m v.st --temperature 2 f.ser
	fails 2 'reject' ser-predict -m m.st --reject 1.5 f.ser
}

@test "sounds and manifests: what makes features of them is said" {
	mkstream -n 12 >f.ser
	ser-train classify -l emo --arch mlp -e 1 -q -o m.st f.ser
	espeak-ng -w a.wav hello
	printf 'id\tpath\na\ta.wav\n' >m.tsv
	fails 1 'a.wav: no stream; ser-wav2feat --like m.st makes' ser-predict -m m.st a.wav
	fails 1 '<stdin>: no stream; ser-wav2feat --like m.st makes' ser-predict -m m.st <m.tsv
}
