#!/usr/bin/env bats
# ser-cat --from and --to. tests/golden/formats holds files of the formats' own writers, or made from the formats'
# descriptions (tests/ref/formats.py), and what they must be read as. With NumPy, SciPy and scikit-learn at hand their readers
# read what ours wrote.
load helper
G=$ROOT/tests/golden/formats

# reads NAME OPTIONS... FILE: the file comes out as NAME.json says.
reads() {
	local name=$1
	shift
	ser-cat --from json "$G/$name.json" | ser-dump --data >want
	ser-cat "$@" | ser-dump --data >got
	[ -s want ] && diff want got
}

needs() {
	"$PYTHON" -c "import $1" 2>/dev/null || skip "Python's $1 is not installed"
}

@test "npy and npz of NumPy: every type, both byte orders, Fortran's order, compressed" {
	reads keys --from npz "$G/keys.npz"
	reads keys --from npz "$G/packed.npz"
	reads columns --from npz "$G/columns.npz"
	reads one --from npy "$G/one.npy"
}

@test "archives of Kaldi: float, double, integer, text, compressed; and by their index" {
	reads mixed --from ark "$G/mixed.ark"
	reads mixed --from ark,t "$G/mixed.ark"
	cd "$ROOT"
	ser-cat --from scp tests/golden/formats/mixed.scp | ser-dump --data | diff "$BATS_TEST_TMPDIR/work/want" -
}

@test "HTK: floats, compressed with a checksum, waveforms" {
	reads mfcc --from htk "$G/mfcc.htk"
	reads packed_htk --from htk "$G/packed.htk"
	reads wave --from htk "$G/wave.htk"
	ser-cat --from htk "$G/mfcc.htk" | ser-dump --header | grep -qF '"shift_s":0.01,"rate_hz":100.0,"htk_kind":"MFCC_D_0"'
	ser-cat --from htk "$G/wave.htk" | ser-dump --header | grep -qF '"rate_hz":16000.0'
	# files that are unlike make segments
	[ "$(ser-cat --from htk "$G/mfcc.htk" "$G/wave.htk" | ser-dump --header | wc -l)" -eq 2 ]
}

@test "tables: CSV, ARFF as openSMILE writes it, svmlight of scikit-learn" {
	reads table --from csv "$G/table.csv"
	reads smile --from arff --no-id --label name,class "$G/smile.arff"
	ser-cat --from arff --no-id --label name,class "$G/smile.arff" | ser-dump --header | grep -qF '"columns":["F0 mean","loudness"]'
	reads svm --from svmlight "$G/zero.svm"
	reads svm --from svmlight "$G/one.svm"
}

@test "what a format holds comes back as it was" {
	mkstream -n 7 >a.ser
	for f in npz json; do
		ser-cat --to $f -o b.$f a.ser
		ser-cat --from $f b.$f >b.ser
		diff <(ser-dump --data a.ser) <(ser-dump --data b.ser)
	done
	ser-cmp a.ser <(ser-cat --from npz b.npz)
	(ser-dump --header a.ser; cat b.json) | ser-cat --from json | ser-cmp - a.ser
	for f in csv arff; do
		ser-cat --to $f a.ser >b.$f
		ser-cat --from $f b.$f | ser-dump --data >b.json
		diff <(ser-dump --data a.ser) b.json
	done
	ser-select --drop spk,emo,fold,dur true a.ser >t.ser
	for f in ark ark,t; do ser-cat --to $f t.ser | ser-cat --from $f | diff <(ser-dump --data t.ser) <(ser-dump --data); done
	for f in npy htk; do
		ser-cat --to $f -o dir.$f t.ser
		ser-cat --from $f dir.$f | diff <(ser-dump --data t.ser) <(ser-dump --data)
	done
	ser-cat --to ark --scp x.scp -o x.ark t.ser
	tac x.scp | ser-cat --from scp | ser-sort | diff <(ser-dump --data t.ser) <(ser-dump --data)
	ser-cat --from ark x.ark --to npz >y.npz
	fails 1 'a pipe does not allow' bash -c 'cat y.npz | ser-cat --from npz'
	ser-cat --from ark x.ark --to npz -o y.npz
	ser-cat --from npz y.npz | diff <(ser-dump --data t.ser) <(ser-dump --data)
}

@test "every element type through npz, npy and JSON; doubles and integers through Kaldi" {
	for t in '<f4' '<f2' '<f8' '<i2' '<i4' '<i8' '|u1'; do
		mkstream -n 3 --dtype "$t" >a.ser
		ser-cat --to npz -o a.npz a.ser
		ser-cat --from npz a.npz | diff <(ser-dump --data a.ser) <(ser-dump --data)
		ser-cat --to json a.ser | ser-cat --from json | diff <(ser-dump --data a.ser) <(ser-dump --data)
		rm -rf d
		ser-cat --to npy -o d a.ser
		ser-cat --from npy d | ser-dump --data | jq -c .feat | diff <(ser-dump --data a.ser | jq -c .feat) -
	done
	mkstream -n 3 --dtype '<f8' >a.ser
	for f in ark ark,t; do
		ser-cat --to $f a.ser | ser-cat --from $f | ser-dump --data | jq -c .feat.data >b
		if [ $f = ark ]; then ser-dump --data a.ser | jq -c .feat.data | diff - b; fi # text says no type: read as float
	done
	printf '{"id":"a","ali":{"dtype":"<i4","shape":[3],"data":[1,-2,3]}}\n{"id":"b","ali":{"dtype":"<i4","shape":[0],"data":[]}}\n' >i.json
	for f in ark ark,t; do
		ser-cat --from json --to $f i.json | ser-cat --from $f --tensor ali | ser-dump --data | diff i.json -
	done
}

@test "labels that look like something else, in CSV, ARFF and JSON" {
	cat >a.json <<-'X'
		{"id":"a","s":"3","r":1.0,"i":-7,"b":true,"n":null,"t":"a,\"b\"\n c","u":"","v":"true","w":" x "}
		{"id":"b,c","s":"x","r":0.1,"i":0,"b":false,"n":null,"t":"?","u":"nan","v":"1.5","w":"é'%{}"}
	X
	ser-cat --from json a.json | ser-cat --to csv | ser-cat --from csv | ser-dump | diff a.json -
	ser-cat --from json a.json | ser-cat --to arff | ser-cat --from arff | ser-dump | diff a.json -
	ser-cat --from json a.json | ser-dump | diff a.json -
}

@test "stacked npy with its ids" {
	mkstream -n 9 --frames 1 --bins 2 >a.ser
	ser-select 'shape(feat, 0) == 1' a.ser >b.ser
	ser-cat --to npy --stack --ids ids -o x.npy b.ser
	ser-cat --from npy --stack --ids ids x.npy | ser-dump --data | jq -c '[.id,.feat.data]' |
		diff <(ser-dump --data b.ser | jq -c '[.id,.feat.data]') -
	same '"0"' bash -c 'ser-cat --from npy --stack x.npy | ser-dump | head -n 1 | jq .id'
	fails 1 'only equal shapes stack' ser-cat --to npy --stack -o y.npy a.ser
	[ ! -e y.npy ]
	head -n 2 ids >few
	fails 1 'few: 2 ids, and the array has 3 rows' ser-cat --from npy --stack --ids few x.npy
	(cat ids; echo more) >many
	fails 1 'many:4: more ids' ser-cat --from npy --stack --ids many x.npy
	ser-cat --to npy --stack b.ser | cmp - x.npy
}

@test "svmlight: classes by name, numbers as they are" {
	printf '{"id":"a","emo":"sad","x":[0,1.5,0]}\n{"id":"b c","emo":"joy","x":[2,0,0]}\n' >a.json
	ser-cat --from json --to svmlight --label emo a.json >a.svm
	diff - a.svm <<-'X'
		# n_features 3
		# target emo: ["joy","sad"]
		1 2:1.5 # a
		0 1:2 # b c
	X
	same '["a","sad",[0,1.5,0]]' bash -c 'ser-cat --from svmlight --tensor x a.svm | ser-dump --data | head -n 1 | jq -c "[.id,.emo,.x.data]"'
	fails 2 'svmlight has one target' ser-cat --to svmlight a.json
}

@test "NumPy, SciPy and scikit-learn read what is written" {
	needs numpy
	mkstream -n 6 --frames 3 --bins 4 >a.ser
	ser-cat --to npz -o a.npz a.ser
	ser-cat --to npy -o d a.ser
	ser-dump --data a.ser >a.json
	"$PYTHON" -c '
import json, numpy as np, zipfile
z = np.load("a.npz")
rec = [json.loads(l) for l in open("a.json")]
assert list(z["id"]) == [r["id"] for r in rec] and z["fold"].dtype == "<i8" and z["dur"].dtype == "<f8"
for i, r in enumerate(rec):
    want = np.array(r["feat"]["data"], "<f4")
    assert (z["feat/" + r["id"]] == want).all() and (np.load("d/%s.npy" % r["id"]) == want).all()
    assert z["emo"][i] == r["emo"] and z["dur"][i] == r["dur"] and z["fold"][i] == r["fold"]
assert zipfile.ZipFile("a.npz").testzip() is None and json.loads(z["ser.json"])["dims"]["feat"]["shift_s"] == 0.01'
}

@test "SciPy reads our ARFF" {
	needs scipy.io.arff
	printf '{"id":"a","emo":"sad","v":1,"x":[0,1.5]}\n{"id":"b c","emo":"joy","v":null,"x":[2,null]}\n' >a.json
	ser-cat --from json --to arff --no-id a.json >a.arff
	"$PYTHON" -c '
import numpy as np
from scipy.io import arff
d, m = arff.loadarff("a.arff")
assert m.names() == ["x.0", "x.1", "emo", "v"] and m.types() == ["numeric", "numeric", "nominal", "numeric"], m
assert d["x.0"].tolist() == [0, 2] and d["x.1"][0] == 1.5 and np.isnan(d["x.1"][1]) and np.isnan(d["v"][1])
assert d["emo"].tolist() == [b"sad", b"joy"]'
}

@test "scikit-learn reads our svmlight" {
	needs sklearn.datasets
	mkstream -n 6 --frames 1 --bins 4 >a.ser
	ser-dump --data a.ser | jq -c '{id, fold, x: .feat.data[0]}' | ser-cat --from json --to svmlight --label fold -o a.svm
	ser-dump --data a.ser >a.json
	"$PYTHON" -c '
import json, numpy as np
from sklearn.datasets import load_svmlight_file
X, y = load_svmlight_file("a.svm", dtype="f4")
rec = [json.loads(l) for l in open("a.json")]
assert y.tolist() == [r["fold"] for r in rec]
assert (X.toarray() == np.array([r["feat"]["data"][0] for r in rec], "<f4")).all()'
}

@test "a reader of archives from Kaldi's description reads ours" {
	needs numpy
	mkstream -n 4 >a.ser
	ser-cat --to ark --scp a.scp -o a.ark a.ser
	ser-dump --data a.ser >a.json
	"$PYTHON" -c '
import json, struct, numpy as np
rec = {r["id"]: r for r in map(json.loads, open("a.json"))}
b = open("a.ark", "rb").read()
n = 0
for line in open("a.scp"):
    key, place = line.split()
    at = int(place.rsplit(":", 1)[1])
    assert b[:at].endswith(key.encode() + b" ") and b[at:at + 5] == b"\0BFM "
    four, rows, four2, cols = struct.unpack("<bibi", b[at + 5:at + 15])
    assert four == four2 == 4
    x = np.frombuffer(b, "<f4", rows * cols, at + 15).reshape(rows, cols)
    assert (x == np.array(rec[key]["feat"]["data"], "<f4")).all()
    n = at + 15 + x.nbytes
assert n == len(b)'
}

@test "HTK's header, byte for byte" {
	mkstream -n 1 --frames 2 --bins 3 >a.ser
	ser-cat --to htk --target-kind MFCC_E_D -o d a.ser
	same '00000002000186a0000c0146' bash -c 'head -c 12 d/u00000.htk | od -An -tx1 | tr -d " \n"'
	ser-cat --from htk d | ser-dump --header | grep -qF '"htk_kind":"MFCC_E_D"'
	fails 2 'no HTK parameter kind' ser-cat --to htk --target-kind MFCX -o e a.ser
	ser-cat --from json <(printf '{"id":"a","x":[[1]]}\n') >x.ser
	fails 1 'give --frame-shift' ser-cat --to htk -o e x.ser
	ser-cat --to htk --frame-shift 10 -o e x.ser
}

@test "files and directories are whole or not there" {
	mkstream -n 5 >a.ser
	mkstream -n 5 --defect cut >cut.ser
	for f in npz ark csv arff json; do
		fails 1 'cut off' ser-cat --to $f -o out cut.ser
	done
	fails 1 'cut off' ser-cat --to ark --scp scp -o out cut.ser
	for f in npy htk; do fails 1 'cut off' ser-cat --to $f -o out cut.ser; done
	[ "$(ls -A)" = $'a.ser\ncut.ser' ]
	mkdir full
	touch full/x
	fails 1 'full: exists and is not empty' ser-cat --to npy -o full a.ser
	for f in npz ark ark,t csv arff json; do
		fails 1 'write failed: No space left' ser-cat --to $f -o /dev/full a.ser
		run bash -c "ser-cat --to $f a.ser >/dev/full"
		[ "$status" -eq 1 ]
	done
	fails 2 'name a directory with -o' ser-cat --to npy a.ser
}

@test "what a format cannot hold is refused by name" {
	mkstream -n 3 >a.ser
	ser-dump --data a.ser | jq -c '.other=[1,2]' | ser-cat --from json >two.ser
	for f in ark csv arff; do fails 1 'record 1 "u00000"' ser-cat --to $f two.ser; [[ $stderr == *'choose it with --tensor'* ]]; done
	ser-cat --to csv --tensor other two.ser | ser-cat --from csv >/dev/null
	fails 1 'no tensor "none"' ser-cat --to ark --tensor none a.ser
	no() { printf '%s\n' "$3" | ser-cat --from json >x.ser; fails 1 "$2" ser-cat $1 x.ser; }
	no '--to ark' 'white space' '{"id":"a b","x":[1]}'
	no '--to ark' 'Kaldi has vectors and matrices' '{"id":"a","x":[[[1]]]}'
	no '--to htk -o d' 'HTK has frames' '{"id":"a","x":[1]}'
	no '--to npy -o d' "cannot be a file's name" '{"id":"../a","x":[1]}'
	no '--to arff' 'an infinity' '{"id":"a","x":{"dtype":"<f4","shape":[1],"data":[1e39]}}'
	no '--to csv' 'no frames' '{"id":"a","x":{"dtype":"<f4","shape":[0,2],"data":[]}}'
	no '--to csv' 'which the first record has not' $'{"id":"a"}\n{"id":"b","c":1}'
	no '--to svmlight --label c' 'a string in one record' $'{"id":"a","c":1,"x":[1]}\n{"id":"b","c":"1","x":[1]}'
	fails 2 '--stack has no meaning from ser to ark' ser-cat --stack --to ark a.ser
	fails 2 '--tensor has no meaning' ser-cat --tensor feat a.ser
	fails 2 "an archive's index" ser-cat --to scp a.ser
	fails 2 '--merge is of streams' ser-cat -m --to npz a.ser
}

@test "wrong files: one line with file and place" {
	bad() { # FORMAT TEXT BYTES...
		printf "$3" >in
		fails 1 "$2" ser-cat --from "$1" ${4-} in
		[[ $stderr == 'ser-cat: in'* || $stderr == *': in:'* ]] || { echo "$stderr"; return 1; }
	}
	bad npy 'first bytes' 'hello hello\n'
	bad npy 'cut off at byte' '\x93NUMPY\x01\x00'
	bad npy 'limit 65536' '\x93NUMPY\x02\x00\xff\xff\xff\xff'
	bad npy 'malformed' '\x93NUMPY\x01\x00\x03\x00{a}'
	h() { printf '\\x93NUMPY\\x01\\x00\\x%02x\\x00%s' ${#1} "$1"; }
	bad npy 'type "|O"' "$(h "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }")"
	bad npy 'structured' "$(h "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }")"
	bad npy 'bytes at once, limit' "$(h "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }")"
	bad npy 'more elements than can be' "$(h "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999999999), }")"
	bad npy 'cut off' "$(h "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }")12345678"
	bad npy "more than the array's" "$(h "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }")123456789"
	bad npz 'not a zip' 'hello hello hello hello hello\n'
	bad ark 'key "a"' 'a \x00BXX '
	bad ark 'limit 1073741824' 'a \x00BFM \x04\xff\xff\xff\x7f\x04\xff\xff\xff\x7f'
	bad ark 'cut off at byte' 'a \x00BFM \x04\x02\x00\x00\x00\x04\x02\x00\x00\x001234'
	bad ark 'no number' 'a [ 1 x ]\n'
	bad ark 'a row of 1' 'a [\n 1 2\n 3 ]\n'
	bad ark 'id came before' 'a [ 1 ]\na [ 1 ]\n'
	bad scp 'a command' 'a cat x |\n'
	bad scp 'nowhere.ark: No such file' 'a nowhere.ark:12\n'
	bad scp 'part of a matrix' 'a x.ark:12[0:3]\n'
	bad htk 'cut off' 'abc'
	bad htk 'not an HTK file' 'hello hello hello'
	bad htk 'not an HTK file' '\0\0\0\1\x80\0\0\0\0\4\0\11data' # a frame each 214 s, or a negative one
	bad csv 'empty, expected' ''
	bad csv 'no column "id"' 'a,b\n1,2\n'
	bad csv 'in:3: 1 cells, the header has 2' 'id,b\nx,2\ny\n'
	bad csv 'does not end' 'id,b\nx,"2\ny\n'
	bad csv 'no number' 'id,x.0\na,b\n'
	bad csv 'comes twice' 'id,id\n'
	bad csv 'not UTF-8' 'id,a\nx,\xff\n'
	bad csv 'frame 1 where 0' 'id,frame,x.0\na,1,2\n'
	bad csv 'frame 2 where 1' 'id,frame,x.0\na,0,2\na,2,2\n'
	bad csv "unlike those of the same id" 'id,emo,frame,x.0\na,b,0,2\na,c,1,2\n'
	bad arff 'no @data' '@relation x\n'
	bad arff 'expected @relation' 'x\n'
	bad arff 'sparse' '@attribute id string\n@data\n{0 1}\n'
	bad arff 'of type "relational"' '@attribute id relational\n'
	n='@attribute id string\n@attribute emo {joy, "very sad"}\n@attribute a integer\n@attribute b {false,true}\n@data\n'
	bad arff 'in:6: "joi" is none of the 2 values that are declared for "emo"' "${n}x,joi,1,true\n"
	bad arff 'in:6: "nope" is none of the 2 values that are declared for "b"' "${n}x,joy,1,nope\n"
	bad arff 'in:6: "one" for "a", expected a number' "${n}x,?,one,true\n"
	printf "${n}x,'very sad',?,?\n" | ser-cat --from arff | ser-dump | grep -qF '"emo":"very sad"'
	printf '@attribute take {1,2}\n@attribute a numeric\n@data\n1,.5\n' | ser-cat --from arff --no-id | ser-dump | grep -qF '"take":"1","a":0.5'
	bad svmlight 'INDEX:VALUE' '1 1:2 x\n'
	bad svmlight 'comes after' '1 2:1 1:1\n'
	bad svmlight 'index 2 comes after 2' '1 2:1 2:3\n'
	bad svmlight 'an index up to' '1 99999999999:1\n'
	bad svmlight 'expected one number' '1,2 1:1\n'
	bad json 'expected an object' '[1]\n'
	bad json 'without "id"' '{"a":1}\n'
	bad json 'comes twice' '{"id":"a","a":1,"a":2}\n'
	bad json 'expected 2' '{"id":"a","x":[[1,2],[3]]}\n'
	bad json 'unevenly' '{"id":"a","x":[1,[2]]}\n'
	bad json 'no tensor' '{"id":"a","x":{"a":1}}\n'
	bad json 'no element' '{"id":"a","x":{"dtype":"|u1","shape":[1],"data":[256]}}\n'
	bad json 'without its data' '{"id":"a","x":{"dtype":"<f4","shape":[1]}}\n'
	# cut in its last value, which would be read as another
	for f in 'csv id,a\nx,12' 'csv id' 'arff @attribute id string\n@data\nx12' 'svmlight 1 1:2.5' 'ark,t a [ 1 ]\nb 1 23' 'scp a in:12'; do
		bad "${f%% *}" 'cut off' "${f#* }"
	done
	# what says by itself that it is whole needs no last newline
	for f in 'csv id,a\nx,"12"' 'ark,t a [ 1 2 ]' 'json {"id":"a","x":[1,2]}'; do
		printf "${f#* }" >in
		[ "$(ser-cat --from "${f%% *}" in | ser-dump | wc -l)" -eq 1 ]
	done
	# nothing at all is no file of records
	for f in ark ark,t scp svmlight json csv arff npy npz htk; do
		: >in
		fails 1 'in: empty, expected' ser-cat --from $f in
	done
	for f in 'ark \n' 'ark,t \n\n' 'scp \n' 'svmlight # none\n\n' 'json \n \n'; do
		bad "${f%% *}" 'in: no record in it, expected' "${f#* }"
	done
	printf 'a [ 1 ]\n' >x.ark
	bad scp 'in:1: x.ark ends before the offset 8' 'a x.ark:8\n'
	bad scp 'in:1: x.ark ends before the offset 9000' 'a x.ark:9000\n'
	mkfifo p
	bad scp 'p: is not a regular file' 'a p:2\n'
	bad scp '/dev/zero: is not a regular file' 'a /dev/zero:2\n'
	fails 1 'in: cannot open' ser-cat --from csv in/in
	fails 1 'no files *.npy' ser-cat --from npy .
}

@test "CSV parted by semicolons, as openSMILE writes it, or tabs" {
	printf "name;frameTime;F0_sma;loudness;sma\n'a.wav';0.0;1.5e+02;2.5;1\n'x;y';0.01;1.51e+02;2.6;2\n" >a.csv
	fails 1 'a.csv:3: 6 cells, the header has 5' ser-cat --from csv --no-id --label name,frameTime a.csv
	sed -i 's/x;y/b, too.wav/' a.csv
	ser-cat --from csv --no-id --label name,frameTime a.csv >a.ser
	same '["0","a.wav",0,[150,2.5,1]] ["1","b, too.wav",0.01,[151,2.6,2]]' bash -c \
		'ser-dump --data a.ser | jq -c "[.id, .name, .frameTime, .feat.data]" | paste -sd " "'
	same '["F0_sma","loudness","sma"]' bash -c 'ser-dump --header a.ser | jq -c .dims.feat.columns'
	printf 'id;emo\nx;1,5\n' | ser-cat --from csv | ser-dump | grep -qF '"emo":"1,5"'
	printf 'id,emo\nx,1;5\n' | ser-cat --from csv | ser-dump | grep -qF '"emo":"1;5"'
	printf 'id\nx;5\n' | ser-cat --from csv | ser-dump | grep -qF '"id":"x;5"'
	printf 'id\temo\tf\n"x\ty"\tj,o;y\t1.5\n' | ser-cat --from csv --label emo | ser-dump -d | grep -qF '"id":"x\ty","emo":"j,o;y","feat":{"dtype":"<f4","shape":[1],"data":[1.5]'
}

@test "openSMILE's CSV: functionals, frames, several sounds, its odd last time" {
	h='name;frameTime;F0_percentile20.0;F0_percentile50.0'
	printf "$h\n'a.wav';0.000000;1.5e+02;-2.5e-01\n'b, it's;.wav';0.000000;1;nan\n" >f.csv
	ser-cat --from opensmile-csv --tensor func f.csv >f.ser
	same '["a.wav",[150,-0.25]] ["b, it'\''s;.wav",[1,null]]' bash -c 'ser-dump -d f.ser | jq -c "[.id, .func.data]" | paste -sd " "'
	same '{"columns":["F0_percentile20.0","F0_percentile50.0"]}' bash -c 'ser-dump --header f.ser | jq -c .dims.func'
	printf "%s\n" "$h" "'a.wav';0.000000;150;-0.25" "'b, it''s;.wav';0.000000;1;nan" | diff - <(ser-cat --to opensmile-csv f.ser)
	for f in csv arff opensmile-csv opensmile-arff; do
		ser-cat --to $f f.ser | ser-cat --from $f --tensor func | ser-dump -d | diff <(ser-dump -d f.ser) -
		ser-cat --to $f f.ser | ser-cat --from $f --tensor func | ser-dump --header | jq -c .dims.func.columns |
			diff <(ser-dump --header f.ser | jq -c .dims.func.columns) -
	done
	# frames; the last time of a sound comes twice in what openSMILE writes of ComParE
	printf "$h\n'a';0.000000;1;2\n'a';0.010000;3;4\n'a';0.020000;5;6\n'a';0.020000;7;8\n'b';0.000000;9;10\n" >l.csv
	ser-cat --from opensmile-csv l.csv >l.ser
	same '["a",[4,2],[[1,2],[3,4],[5,6],[7,8]]] ["b",[1,2],[[9,10]]]' bash -c 'ser-dump -d l.ser | jq -c "[.id, .feat.shape, .feat.data]" | paste -sd " "'
	same 0.01 bash -c 'ser-dump --header l.ser | jq -c .dims.feat.shift_s'
	ser-cat --to opensmile-csv l.ser | sed '5s/0.03/0.02/' | diff - l.csv
	sed 's/frameTime/frameIndex;&/; s/^\(.*;\)0.0\([0-3]\)0000/\1\2;0.0\20000/' l.csv | ser-cat --from opensmile-csv | ser-cmp - l.ser
	for f in csv opensmile-csv opensmile-arff; do ser-cat --to $f l.ser | ser-cat --from $f | ser-dump -d | diff - <(ser-dump -d l.ser); done
	sed -i '$s/.*/a;0.030000;1;2\na;0.050000;1;2/' l.csv
	fails 1 "l.csv:7: frameTime 0.05 behind 0.03, where frames are 0.01 apart" ser-cat --from opensmile-csv l.csv
	printf "$h\na;0.0;1;2\nb;0.0;1;2\nb;0.1;3;4\n" >in
	fails 1 "in:4: a further row of this name, where the first name has one" ser-cat --from opensmile-csv in
	printf "$h\nunknown;0.0;1;2\nunknown;0.0;3;4\n" >in
	fails 1 'record "unknown": this id came before; --no-id numbers the records' ser-cat --from opensmile-csv in
	same '["0","unknown",[1,2]] ["1","unknown",[3,4]] ["2","a.wav",[150,-0.25]]' bash -c "ser-cat --from opensmile-csv --no-id in f.csv |
		ser-dump -d | head -3 | jq -c '[.id, .name, .feat.data]' | paste -sd ' '"
	fails 1 'column "frameTime" holds no time' bash -c "sed 's/0[.]0;3/x;3/' in | ser-cat --from opensmile-csv"
	fails 1 'no column "name"' bash -c "printf 'id;x\na;1\n' | ser-cat --from opensmile-csv"
	printf '{"id":"a","feat":{"dtype":"<f4","shape":[2,2],"data":[[1,2],[3,4]]}}\n' | ser-cat --from json >m.ser
	fails 1 'the header does not say how far frames are apart: give --frame-shift' ser-cat --to opensmile-csv m.ser
	ser-cat --to opensmile-csv --frame-shift 5 m.ser | grep -q ';0.005000;'
	fails 2 'label has no meaning from ser to opensmile-csv' ser-cat --to opensmile-csv --label emo m.ser
	same 'in: a table of openSMILE: ser-cat --from opensmile-csv' ser-info in
}

@test "openSMILE's ARFF: name, a class that is open, frames, labels; ComParE's width without an option" {
	printf '@relation x\n@attribute name string\n@attribute a_max numeric\n@attribute b numeric\n@attribute class numeric\n@data\na.wav,1.5e+00,2,?\n' >a.arff
	same '{"id":"a.wav","func":{"dtype":"<f4","shape":[2],"data":[1.5,2]}}' bash -c 'ser-cat --from arff --tensor func a.arff | ser-dump -d'
	sed 's/^@attribute class numeric/@attribute emotion {unknown,joy}/; s/?$/joy/' a.arff | ser-cat --from arff | ser-dump -d | grep -qF '"emotion":"joy","feat":{"dtype":"<f4","shape":[2],'
	ser-cat --from arff a.arff | ser-cat --to opensmile-arff | tail -2 | diff - <(printf '@data\na.wav,1.5,2,?\n')
	sed 's/^@attribute a_max/@attribute frameTime numeric\n&/; s/wav,/wav,0.0,/; $s/$/\na.wav,0.010000,3,4,?\n/' a.arff | ser-cat --from arff >l.ser
	same '[2,2] 0.01' bash -c 'echo $(ser-dump l.ser | jq -c .feat.shape) $(ser-dump --header l.ser | jq -c .dims.feat.shift_s)'
	ser-cat --to opensmile-arff l.ser | ser-cat --from opensmile-arff | ser-cmp - l.ser
	# labels that are numbers, beside elements with names
	printf 'id,age,dur,emo,a_max,b\nx,31,1.25,joy,1,2\ny,40,2.5,sad,3,4\n' | ser-cat --from csv --tensor func --label age,dur,emo >t.ser
	for f in arff opensmile-arff; do ser-cat --to $f t.ser | ser-cat --from arff | ser-cmp - t.ser; done
	# more columns than a record has labels
	awk 'BEGIN { printf "id"; for (i = 0; i < 6373; i++) printf ",c%d_x", i; printf "\nx"; for (i = 0; i < 6373; i++) printf ",%d", i; print "" }' >w.csv
	ser-cat --from csv w.csv >w.ser
	for f in csv arff opensmile-csv opensmile-arff; do ser-cat --to $f w.ser | ser-cat --from $f | ser-cmp - w.ser; done
	grep -v '^%' <(ser-cat --to arff w.ser) | ser-cat --from arff | ser-cmp - w.ser
	printf '@relation x\n@attribute id string\n%% tensor f\n@attribute a string\n@data\n' >in
	fails 1 '"a" is of tensor "f", but no number' ser-cat --from arff in
}

@test "numbers that end several names are none of elements: eGeMAPS through CSV and ARFF" {
	printf 'id,F0_percentile20.0,F0_percentile50.0,mean\nx,1,2.5,3\n' >a.csv
	ser-cat --from csv --tensor func a.csv >a.ser
	same '["x",[1,2.5,3]]' bash -c 'ser-dump --data a.ser | jq -c "[.id, .func.data]"'
	ser-cat --to arff a.ser | ser-cat --from arff --tensor func | ser-cmp - a.ser
	ser-cat --to csv a.ser | diff - a.csv
	printf 'id,emo,F0_percentile20.0,F0_percentile50.0\nx,joy,1,2\n' >b.csv
	fails 1 'column "emo": "joy" is no number; --label NAMES says which are labels' ser-cat --from csv b.csv
	printf 'id,amean,stddev\nx,1,2\n' | ser-cat --from csv --label '' | ser-dump --header | grep -qF '"columns":["amean","stddev"]'
	ser-cat --from csv --label emo b.csv | ser-dump --header | grep -qF '"columns":["F0_percentile20.0","F0_percentile50.0"]'
}

@test "a byte order mark is passed over in every text" {
	printf 'x [ 1 2 ]\n' >x.ark
	b='\xef\xbb\xbf'
	for f in 'csv id,a\nx,12\n' 'arff @attribute id string\n@data\nx\n' 'svmlight 1 1:2 # x\n' 'ark,t x [ 1 2 ]\n' 'scp x x.ark:2\n' \
		'json {"id":"x","a":1}\n'; do
		printf "$b${f#* }" >in
		same x bash -c "ser-cat --from ${f%% *} in | ser-dump --tsv id | tail -n +2"
	done
	mkstream -n 1 --frames 3 --bins 2 >a.ser
	ser-cat --to npy --stack --ids a.ids -o a.npy a.ser
	{ printf "$b"; cat a.ids; } >b.ids
	ser-cat --from npy --stack --ids b.ids a.npy | ser-dump --tsv id | tail -n +2 | diff - a.ids
	mkdir kaldi
	printf "${b}u /a.wav\n" >kaldi/wav.scp
	printf "${b}u s\n" >kaldi/utt2spk
	same $'id\tpath\tspk\temo\nu\t/a.wav\ts\t' ser-manifest --from kaldi kaldi
	printf "${b}epoch\tloss\n1\t2\n2\t1\n" >log.tsv
	ser-plot curve -o log.svg log.tsv
	printf "${b}[CLS]\n[PAD]\n[UNK]\n[SEP]\nhi\n" >vocab.txt
	printf 'id,text\nx,hi\n' | ser-cat --from csv | ser-tokenize -m vocab.txt >t.ser
	same '[0,4,3]' bash -c 'ser-dump -d t.ser | jq -c .tok.data'
}

@test "npy of Python 2, whose shape is of long integers" {
	h="{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }"
	printf "\\x93NUMPY\\x01\\x00\\x$(printf %02x ${#h})\\x00$h" >a.npy
	head -c 24 /dev/zero >>a.npy
	same '[2,3]' bash -c 'ser-cat --from npy a.npy | ser-dump | jq -c .feat.shape'
}

@test "--max-record bounds what is read" {
	mkstream -n 2 --frames 100 --bins 100 >a.ser
	for f in npz ark json csv; do
		ser-cat --to $f -o x.$f a.ser
		fails 1 'x.'$f ser-cat --from $f --max-record 10K x.$f
	done
}

@test "the provenance says what was converted, and keeps what a format kept" {
	mkstream -n 2 >a.ser
	ser-cat --to npz -o a.npz a.ser
	same '[["mkstream",[]],["ser-cat",["--from=npz"]]]' bash -c \
		"ser-cat --from npz a.npz | ser-dump --header | jq -c '[.prov[] | [.tool, .args]]'"
	same '[["ser-cat",["--from=csv","--label=emo"]]]' bash -c \
		"printf 'id,emo,a\nx,y,1\n' | ser-cat --from csv --label emo | ser-dump --header | jq -c '[.prov[] | [.tool, .args]]'"
}

@test "fuzz targets over their seeds, and over every seed cut short" {
	[ -d "$BUILD/fuzz" ] || skip "the fuzz targets are not built"
	n=0
	for t in "$BUILD"/fuzz/*; do
		[ -x "$t" ] && [ -f "$t" ] || continue
		name=$(basename "$t")
		"$t" "$ROOT/tests/fuzz/corpus/$name" >/dev/null
		for f in "$ROOT/tests/fuzz/corpus/$name"/*; do
			mkdir -p "cut/$name"
			for part in 1 2 3 5 7; do head -c $(($(stat -c %s "$f") * part / 8)) "$f" >"cut/$name/$(basename "$f").$part"; done
		done
		"$t" "cut/$name" >/dev/null
		n=$((n + 1))
	done
	[ $n -eq "$(ls "$ROOT"/tests/fuzz/fuzz_*.c | wc -l)" ]
}

@test "a tensor of thousands of millions of rows without elements takes no room" {
	printf '{"id":"a","feat":{"dtype":"<f4","shape":[4294967295,0],"data":[]}}\n' >a.json
	ser-cat --from json a.json >a.ser
	ser-dump --data a.ser | cmp - a.json
	fails 1 'frames without elements' ser-cat --to csv a.ser
	fails 1 'frames without elements' ser-cat --to arff a.ser
	printf '{"id":"a","feat":{"dtype":"<f4","shape":[4294967295,4294967295,4294967295,0],"data":[]}}\n' >b.json
	fails 1 'too large for memory' ser-cat --from json b.json
}

@test "what ser-formats(5) bounds is bounded" {
	long() { head -c "$1" /dev/zero | tr '\0' x; }
	printf '{"id":"%s"}\n' "$(long 4096)" | ser-cat --from json | ser-info >/dev/null
	printf '{"id":"%s"}\n' "$(long 4097)" >a.json
	fails 1 '1 to 4096 bytes' ser-cat --from json a.json
	printf 'id,x\n%s,1\n' "$(long 4097)" >a.csv
	fails 1 'more than 4096 bytes' ser-cat --from csv a.csv
	printf '{"id":"a","%s":1}\n' "$(long 256)" >a.json
	fails 1 "cannot be a field's name" ser-cat --from json a.json
	(printf '{"id":"a"'; seq -f ',"c%.0f":1' 4096; echo '}') | tr -d '\n' >a.json
	echo >>a.json
	fails 1 'more than 4096 fields' ser-cat --from json a.json
	printf '{"id":"a","x":[[[[[[[[[1]]]]]]]]]}\n' >a.json
	fails 1 'deeper than 8' ser-cat --from json a.json
	printf '{"id":"a","x":{"dtype":"<f4","shape":[4294967296,0],"data":[]}}\n' >a.json
	fails 1 'holds no sizes' ser-cat --from json a.json
	printf '{"id":"a","text":"%s"}\n' "$(long 2000)" >a.json
	fails 1 '' ser-cat --from json --max-record 1K a.json
	(printf '%s' 'id'; seq -f ',c%.0f' 1060000 | tr -d '\n'; echo) >a.csv
	fails 1 'more than 1052672 columns' ser-cat --from csv a.csv
}

@test "damage that a format's checksums do not cover: names in a zip's directory, a key without its value" {
	cp "$G/packed.npz" a.npz
	size=$(stat -c %s a.npz)
	names=$(grep -obUa '\.npy' a.npz | tail -n 1 | cut -d: -f1) # of the directory, which is at the end
	[ "$names" -gt $((size / 2)) ]
	printf q | dd of=a.npz bs=1 seek=$((names + 1)) conv=notrunc status=none
	fails 1 'not where the directory says' ser-cat --from npz a.npz
	cp "$G/packed.npz" a.npz
	count=$(od -An -tu1 -j $((size - 12)) -N 1 a.npz)
	printf "\\x$(printf %x $((count - 1)))" | dd of=a.npz bs=1 seek=$((size - 12)) conv=notrunc status=none
	fails 1 'directory is malformed' ser-cat --from npz a.npz
	fails 1 'key "u1": cut off behind it' ser-cat --from ark <(printf 'u1 ')
	printf 'u1 \n' | ser-cat --from ark | ser-dump --data | grep -q '"shape":\[0\]'
}

@test "300 rows of 4000 named columns: read, written and described in seconds" {
	awk 'BEGIN { for (k = 0; k < 4000; k++) { head = head ",c" k; row = row "," k / 7 }
		print "id" head
		for (i = 0; i < 300; i++) print "r" i row }' >a.csv
	(
		ulimit -t 4 # it was 6 s and more for each
		ser-cat --from csv a.csv >a.ser
		ser-info a.ser | grep -q '^  field    c3999 *real, .* 1 value: 571.286 300$'
		ser-cat --to csv a.ser >b.csv
		ser-cat --to arff a.ser >a.arff
		ser-select --drop "$(seq -s, -f c%.0f 0 2 3998)" true a.ser >odd.ser
		ser-select --fields "$(seq -s, -f c%.0f 1 2 3999)" true a.ser | ser-cmp - odd.ser
	)
	same '[2001,"c1"]' bash -c 'ser-head -n 1 odd.ser | ser-dump | jq -c "[length, keys_unsorted[1]]"' 
	ser-cat --from csv b.csv | ser-cmp - a.ser
	ser-cat --from arff a.arff | ser-cmp - a.ser
}
