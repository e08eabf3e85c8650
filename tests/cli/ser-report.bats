#!/usr/bin/env bats
load helper

setup() {
	work
	"$ROOT/tests/tools/mkser" <"$ROOT/tests/golden/ser-score.txt" >pred.ser
}

@test "a page of everything: what it says is what ser-score says" {
	ser-project -q pred.ser >map.ser
	printf 'epoch\tloss\tdev_uar\tbest\n1\t2\t0.3\t0.3\n2\t1.5\t0.4\t0.4\n' >train.log.tsv
	ser-score compare --label emo --n-boot 50 --json pred.ser pred.ser >compare.json
	ser-score classes --label emo --n-boot 50 --json pred.ser >score.json
	ser-report --label emo --n-boot 50 -o page.html one=pred.ser map.ser train.log.tsv compare.json
	grep -q 'Ring: the best dev_uar, 0.4 at epoch 2' page.html
	for id in overview scores confusion classes speakers training maps corpus protocol reports provenance; do
		grep -q "<h2 id=\"$id\">" page.html || { echo "no section $id"; false; }
	done
	uar=$(jq -r '.scores[] | select(.set == "pooled" and .score == "uar").value' score.json)
	grep -qF "$(printf '<td class="num">%.4f</td>' "$uar")" page.html
	# of guessing each class as often as it occurs: UAR and macro F1 one over the classes, accuracy the sum of the squared shares
	war=$(jq -r '[.classes[].n] | (map(. * .) | add) / (add * add)' score.json)
	[ "$(grep -o 'as often as it occurs.*' page.html | grep -o '[0-9][.][0-9]*' | xargs)" = "$(printf '0.2500 %.4f 0.2500 0.0000 0.0000' "$war")" ]
	ser-select 'emo != "x"' pred.ser | ser-head -n 30 >fewer.ser
	! ser-report --label emo --n-boot 5 one=pred.ser two=fewer.ser | grep -q 'as often as it occurs' || false
	[ "$(grep -c '<polyline' page.html)" -ge 1 ]
	grep -q '<title>[^<]*</title></\(circle\|path\)>' page.html # a point names its utterance
	ser-report --label emo --n-boot 50 one=pred.ser map.ser train.log.tsv compare.json -t 4 | cmp - page.html
}

@test "a reliability diagram and a spectrogram, of posteriors and of sound that is at hand" {
	command -v espeak-ng >/dev/null || skip "espeak-ng is not installed"
	mkstream -n 30 >good.ser
	ser-train classify -q -l emo --arch mlp -e 1 -o m.st good.ser
	ser-predict -m m.st good.ser --drop feat >p.ser
	espeak-ng -w a.wav "one two three"
	{ printf 'id\tpath\n'; ser-dump p.ser | sed -E 's/.*"id":"([^"]*)".*/\1\ta.wav/'; } >manifest.tsv
	ser-report --allow-shared-speakers --n-boot 20 --sounds 2 --root . -o page.html p.ser manifest.tsv
	grep -q '<h2 id="calibration">' page.html
	[ "$(grep -o 'src="data:audio/wav;base64,UklGR' page.html | wc -l)" -eq 2 ]
	[ "$(grep -o 'data:image/png;base64,' page.html | wc -l)" -eq 2 ]
	grep -o 'data:audio/wav;base64,[^"]*' page.html | head -n 1 | cut -d, -f2 | base64 -d >page.wav
	$PYTHON - <<-'END' # both lengths say what there is
		import struct
		b = open("page.wav", "rb").read()
		riff, wave, rate, n = *struct.unpack("<4xI4s", b[:12]), *struct.unpack("<I", b[24:28]), *struct.unpack("<I", b[40:44])
		assert (riff, wave, rate, n) == (len(b) - 8, b"WAVE", 16000, len(b) - 44), (riff, wave, rate, n, len(b))
	END
	sed -i 's/a\.wav/none.wav/' manifest.tsv
	ser-report --allow-shared-speakers --n-boot 20 --sounds 2 --root . p.ser manifest.tsv | grep -q 'No sound: .*none.wav'
	sed -i 's/none\.wav/..\/none.wav/' manifest.tsv
	ser-report --allow-shared-speakers --n-boot 20 --sounds 1 --root . p.ser manifest.tsv | grep -q 'No sound: .*\.\./none.wav'
	fails 3 "trained on" ser-report --n-boot 20 p.ser
}

# Labels, ids, names of fields and files that are markup.
hostile() {
	local x='<img src=x onerror=window.hostile=1>' y='"><script>window.hostile=1</script>'
	{
		printf 'id\tspk\temo\tpred\n'
		for i in 1 2 3 4; do printf '%s%d\t%s%d\t%s\t%s\n' "$y" $i "$x" $((i % 2)) "$x" "$( ((i == 4)) && echo "$y" || echo "$x")"; done
	} >p.tsv
	tr '\t' ',' <p.tsv | sed 's/"/""/g; 2,$s/[^,]*/"&"/g' >p.csv
	ser-cat --from csv p.csv -o "$x.ser"
	printf '{"about":{"%s":"%s"},"t":[{"%s|b":"%s","n":0.5}]}' '<b>k' '</script><i>' '<u>c' '&<s>' >r.json
	ser-report --n-boot 20 --label emo --title "</title>$y" "\"><script>hostile()</script>=$x.ser" "<i>r=r.json" "$@"
}

@test "hostile labels stay text" {
	hostile >page.html
	! grep -qE '<(img|i|u|s|b)[ >]' page.html || false
	[ "$(grep -o '<script' page.html | wc -l)" -eq 1 ]
	grep -q 'window.hostile' page.html # it is there, as text
}

@test "the policy allows the page's own script and no other" {
	ser-report --n-boot 20 --label emo pred.ser >page.html
	want=$("$PYTHON" -c 'import base64, hashlib, re; s = open("page.html").read(); print(base64.b64encode(hashlib.sha256(re.search("<script>(.*?)</script>", s, re.S)[1].encode()).digest()).decode())')
	grep -qF "script-src 'sha256-$want'" page.html
	grep -qF "default-src 'none'" page.html
	! grep -qE '(src|href)="?(https?:|//)' page.html || false
}

@test "what is none of it is refused" {
	printf 'a\tb\n1\t2\n' >table.tsv
	fails 1 "table.tsv" ser-report table.tsv
	printf '{"a":1}' >x.json
	fails 1 "about" ser-report x.json
	printf '{"about":' >x.json
	fails 1 "x.json" ser-report x.json
	printf '\xff\xfe\n' >bytes
	fails 1 "bytes" ser-report bytes
	: >empty
	fails 1 "empty" ser-report empty
	fails 1 "nothing-there" ser-report nothing-there
	printf 'id\tpath\na\tx\na\ty\n' >twice.tsv
	fails 1 "twice.tsv" ser-report twice.tsv
	printf 'epoch\tloss\n1\t2\n2\n' >cut.log
	ser-report cut.log | grep -q 'No picture: .*cut.log'
	printf 'epoch\tloss\n1\t2\n2\t1\n' >plain.log
	ser-report plain.log >plain.html
	[ "$(grep -c Ring plain.html)" -eq 0 ] # nothing was validated
}

browser() {
	command -v chromium >/dev/null || skip "chromium is not installed"
	timeout 100 "$ROOT/tests/tools/browse" "$1" || { [ $? -ne 124 ] || skip "chromium does not answer"; false; }
}

@test "in a browser: console, names, contrast, keyboard, print" {
	ser-project -q pred.ser >map.ser
	cp pred.ser two.ser
	ser-report --label emo --n-boot 20 -o page.html pred.ser two.ser map.ser
	browser page.html
}

@test "in a browser: hostile labels" {
	hostile -o page.html
	browser page.html
}

@test "numbers below 0 have one minus" {
	for i in 1 2 3 4 5 6; do printf 'id=u%d\tspk=s%d\taro:f=%d\tpar:f=-%d\n' $i $((i % 3)) $i $i; done | "$ROOT/tests/tools/mkser" >neg.ser
	ser-score regress --label aro --pred par --n-boot 20 --json neg.ser >neg.json
	ser-report -o page.html neg.json
	grep -q '>\xe2\x88\x92[0-9]' page.html || grep -q "$(printf '\342\210\222')[0-9]" page.html
	! grep -q "$(printf '\342\210\222')-" page.html || false
}
