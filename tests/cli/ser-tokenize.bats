#!/usr/bin/env bats
load helper

# stream TEXT...: a stream of records a, b, ... with these texts, and a tensor
stream() {
	$PYTHON - "$@" <<-'END'
		import sys, msgpack, msgpack_numpy, numpy as np
		w = sys.stdout.buffer.write
		w(msgpack.packb({"ser": 1, "prov": [], "dims": {}}))
		for i, t in enumerate(sys.argv[1:]):
		    w(msgpack.packb({"id": chr(97 + i), "text": t, "feat": np.zeros((2, 3), "f4")}, default=msgpack_numpy.encode))
		w(msgpack.packb({"end": len(sys.argv) - 1}))
	END
}

# golden NAME: a tokenizer of tests/golden/tokenize.json as a file
golden() {
	jq -c .tokenizer "$ROOT/tests/golden/tokenize.json" >bpe.json
	jq -r '.uncased_vocab[]' "$ROOT/tests/golden/tokenize.json" >vocab.txt
}

ids() {
	ser-dump --data | jq -c .tok.data
}

@test "ser-tokenize: ids of BPE and WordPiece, beside all else of the record" {
	golden
	stream "Hello world" "" "I'm so happy, aren't you?" >in.ser
	same $'[0,31414,232,2]\n[0,2]\n[0,100,437,98,1372,6,2025,75,47,116,2]' ids < <(ser-tokenize -m bpe.json in.ser)
	ser-tokenize -m bpe.json --field ids <in.ser >out.ser
	same '{"id":"a","text":"Hello world","feat":[2,3],"ids":["<i4",[4]]}' jq -c '{id, text, feat: .feat.shape, ids: [.ids.dtype, .ids.shape]}' < <(ser-dump out.ser | head -n 1)
	same '{"axes":["token"],"n_token":50265}' jq -c '.dims.ids | {axes, n_token}' < <(ser-dump --header out.ser | head -n 1)
	same "$(jq -c '.uncased[6,0,11]' "$ROOT/tests/golden/tokenize.json")" ids < <(ser-tokenize -m vocab.txt in.ser)
}

@test "ser-tokenize: threads change nothing" {
	golden
	mapfile -t texts < <(jq -r '.text[] | select(test("[\n\r]") | not)' "$ROOT/tests/golden/tokenize.json")
	stream "${texts[@]}" >in.ser
	ser-tokenize -m bpe.json in.ser >one.ser
	ser-tokenize -t 3 -m bpe.json in.ser | cmp - one.ser
}

@test "ser-tokenize: texts are cut, and it says so" {
	golden
	stream "Hello world" "Hello world!" "Hello" >in.ser
	run --separate-stderr ser-tokenize -m bpe.json --max 4 -o out.ser in.ser
	[ "$status" -eq 0 ]
	[ "$stderr" = "ser-tokenize: 1 of 3 texts were cut to 4 tokens" ]
	same $'[0,31414,232,2]\n[0,31414,232,2]\n[0,31414,2]' ids <out.ser
	fails 2 "leave no room for text beside 2 special ones" ser-tokenize -m bpe.json --max 2 in.ser
	jq -c '.truncation = {max_length: 3}' bpe.json >short.json # the file's own limit
	same $'[0,31414,2]\n[0,31414,2]\n[0,31414,2]' ids < <(ser-tokenize -q -m short.json in.ser)
}

@test "ser-tokenize: special tokens are text unless they are meant, and back" {
	golden
	stream "a <mask>" >in.ser
	same '[0,102,50264,2]' ids < <(ser-tokenize --special -m bpe.json in.ser)
	ser-tokenize -m bpe.json --drop text in.ser >tok.ser
	same '"a <mask>"' jq -c .text < <(ser-tokenize --decode -m bpe.json tok.ser | ser-dump)
	fails 1 'field "feat" is no integer tensor of 1 axis' ser-tokenize --decode --field feat -m bpe.json in.ser
}

@test "ser-tokenize: a vocabulary of one's own" {
	stream "so happy" "so sad" "so happy, so sad" >in.ser
	ser-tokenize --train 270 -o mine.json in.ser
	ser-tokenize --train 270 -o again.json in.ser
	cmp mine.json again.json
	same '[270,"<s>",0,"</s>",2]' jq -c '[(.model.vocab | length), "<s>", .model.vocab["<s>"], "</s>", .model.vocab["</s>"]]' mine.json
	ser-tokenize -m mine.json in.ser >tok.ser
	same $'"so happy"\n"so sad"\n"so happy, so sad"' jq -c .text < <(ser-tokenize --decode -m mine.json tok.ser | ser-dump)
	[ "$(ser-dump tok.ser | jq '.tok.shape[0]' | head -n 1)" -lt 10 ] # merged
	run --separate-stderr ser-tokenize --train 1000 -o mine.json in.ser
	[[ $status -eq 0 && $stderr == *"tokens, not 1000"* ]]
}

@test "ser-tokenize: what is refused" {
	golden
	stream "x" >in.ser
	mkstream -n 1 >no.ser
	fails 1 'field "text"' ser-tokenize -m bpe.json no.ser
	mkdir empty
	fails 1 "no tokenizer.json, vocab.json, encoder.json or vocab.txt" ser-tokenize -m empty in.ser
	fails 1 "nowhere" ser-tokenize -m nowhere in.ser
	fails 2 "either --model or --train" ser-tokenize in.ser
	fails 2 "either --model or --train" ser-tokenize --train 300 -m bpe.json in.ser
	fails 1 "there is no text" ser-tokenize --train 300 -o none.json <(ser-head -n 0 in.ser)
	[ ! -e none.json ]
	fails 2 "--train needs --output" ser-tokenize --train 300 in.ser
	fails 2 '--field: "text" is taken' ser-tokenize -m bpe.json --field text in.ser
	printf '{"model":{"type":"Unigram"}}' >bad.json
	fails 1 'bad.json: model: "Unigram" is not supported' ser-tokenize -m bad.json in.ser
	head -c 3000 bpe.json >bad.json
	fails 1 "bad.json: bad JSON" ser-tokenize -m bad.json in.ser
	[ ! -e mine.json ]
}
