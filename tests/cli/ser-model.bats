#!/usr/bin/env bats
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mkstream -n 30 --frames 20 --bins 10 >d.ser
	ser-train classify -l emo --arch convpool --hyper channels=8 --hyper emb=6 -e 1 -o m.st d.ser
}

@test "show" {
	run ser-model show m.st
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == "architecture  convpool: channels=8"* ]]
	[[ $output == *'encoder.block0.conv.weight '*' 8x10x5 '* ]]
	[[ $output == *'"tool":"ser-train"'* ]]
	ser-model show --json m.st | jq -e '.arch == "convpool" and .parameters > 100 and .train.task == "classify"' >/dev/null
}

@test "every architecture that is listed trains and predicts" {
	mkstream -n 30 --frames 900 --bins 1 >wave.ser
	small=(--hyper dim=16 --hyper heads=2 --hyper layers=1)
	for a in $(ser-model archs | sed -n 's/^\([a-z][a-z0-9-]*\): .*/\1/p'); do
		h=() d=d.ser
		case $a in
		whisper) h=("${small[@]}") ;;
		roberta | bert) continue ;; # mkstream makes no tokens: tests/unit/test_encoders.c
		wav2vec2 | hubert | wavlm | data2vec-audio | emotion2vec) d=wave.ser h=("${small[@]}" --hyper conv_dim=8 --hyper ffn=16 --crop 0) ;;
		esac
		[ "$a" != deepemocluster ] || { ser-chunk -m 12 -c 1 $d >chunks.ser; d=chunks.ser h=(--hyper frames=12 --hyper channels=4); }
		[[ $a != chunk-* ]] || h=(--hyper frames=12 --hyper chunks=3)
		[ "$a" != ecapa ] || h=(--hyper channels=16 --hyper mfa=16)
		[ "$a" != xvector ] || h=(--hyper channels=16 --hyper last=16)
		ser-train classify -l emo --arch "$a" "${h[@]}" -e 1 -o a.st $d
		ser-predict -m a.st $d >p.ser
		ser-predict -m a.st -t 2 $d | cmp - p.ser
	done
}

@test "export is plain safetensors that others read" {
	ser-model export --encoder -o x.st m.st
	"$PYTHON" - <<-'END'
		import json, struct, zlib
		f = open("x.st", "rb").read()
		n = struct.unpack("<Q", f[:8])[0]
		h = json.loads(f[8:8 + n])
		meta = h.pop("__metadata__")
		assert n % 8 == 0 and meta["format"] == "pt"
		digits = meta["crc32"].encode()
		assert list(meta)[0] == "crc32" and zlib.crc32(f.replace(digits, b"0" * 8, 1)) == int(digits, 16)
		assert h["block0.conv.weight"] == {"dtype": "F32", "shape": [8, 10, 5], "data_offsets": [0, 1600]}, h
		assert max(t["data_offsets"][1] for t in h.values()) == len(f) - 8 - n
	END
	fails 1 'not a model of ser-train' ser-model show x.st
}

@test "a damaged model is refused, one without a checksum is not" {
	size=$(stat -c %s m.st)
	for at in 26 29 40 47 700 $((size / 2)) $((size - 1)); do
		cp m.st bad.st
		old=$(od -An -tu1 -j $at -N 1 m.st)
		printf "\\x$(printf %x $((old ^ 4)))" | dd of=bad.st bs=1 seek=$at conv=notrunc status=none
		fails 1 bad.st ser-predict -m bad.st d.ser
	done
	fails 1 'checksum differs' ser-predict -m bad.st d.ser
	sed 's/"crc32":"[0-9a-f]*","checksum"/"crc33":"00000000","checksun"/' m.st >old.st
	[ "$(stat -c %s old.st)" -eq "$size" ]
	run ! cmp -s old.st m.st
	diff <(ser-predict -m old.st d.ser | ser-dump --data) <(ser-predict -m m.st d.ser | ser-dump --data)
}

@test "import" {
	mkstream -n 4 --frames 30 --bins 12 >f.ser
	for t in speechbrain wespeaker wespeaker_glob; do
		ser-model import --from ${t%_glob} --features f.ser -o i.st "$ROOT/tests/golden/import_$t.st"
		ser-embed -m i.st f.ser | ser-dump | jq -e -s 'map(.emb.shape == [5]) | all' >/dev/null
	done
	ser-model import --from wespeaker --features f.ser -o i.st "$ROOT/tests/golden/import_wespeaker.st"
	ser-model import --from wespeaker --features f.ser -o o.st "$ROOT/tests/golden/import/wespeaker.onnx"
	cmp i.st o.st
	head -c 20000 "$ROOT/tests/golden/import/wespeaker.onnx" >cut.onnx
	fails 1 'not an ONNX model, or damaged or cut off' ser-model import --from wespeaker --features f.ser -o j.st cut.onnx
	fails 1 '10 dimensions' ser-model import --from wespeaker --features d.ser -o j.st "$ROOT/tests/golden/import_wespeaker.st"
	fails 1 'not an ECAPA' ser-model import --from wespeaker --features f.ser -o j.st m.st
	fails 1 'neither a safetensors' ser-model import --from wespeaker --features f.ser -o j.st f.ser
	fails 2 '--features' ser-model import --from wespeaker -o j.st m.st
	[ ! -e j.st ]
}

@test "import of an encoder: the model says what sound it wants" {
	imports="$ROOT/tests/golden/import"
	mkstream -n 2 --frames 3000 --bins 1 >wave.ser
	for t in wav2vec2 hubert wavlm data2vec-audio; do
		ser-model import --from hf -o e.st "$imports/$t"
		ser-model show --json e.st | jq -e --arg t $t '.arch == $t and .train.from == "hf" and
			.input.field == "feat" and (.input.dims.front | startswith("wave sample-frequency=16000"))' >/dev/null
		fails 1 'ser-wav2feat --like' ser-embed -m e.st wave.ser # samples of no rate
	done
	ser-model import --from hf --label mood -o e.st "$imports/wavlm"
	ser-model show --json e.st | jq -e '.heads[0] | .name == "mood" and .field == "mood" and .out == ["angry", "happy", "sad"]' >/dev/null
	espeak-ng -w a.wav "so happy"
	printf 'id\tpath\tmood\na\ta.wav\thappy\n' | ser-wav2feat --like e.st | ser-predict -m e.st | ser-dump | jq -e '.pred == "sad"' >/dev/null
	ser-model import --from hf -v -o e.st "$imports/roberta/pytorch_model.bin" 2>log # the settings are beside it
	grep -q 'passed over 6 tensors.*: .*lm_head.bias, roberta.embeddings.position_ids' log
	ser-model show --json e.st | jq -e '.arch == "roberta" and .input.field == "tok" and .hyper.first_position == 2' >/dev/null
	fails 1 'reads ids of tokens and no sound: ser-tokenize' ser-wav2feat --like e.st wave.ser
	fails 1 'reads ids of tokens and no sound: ser-tokenize' ser-embed -m e.st <<<$'id\tpath\na\ta.wav'
	fails 1 'no field "tok": the model reads ids of tokens' ser-embed -m e.st wave.ser
	ser-model import --from hf --hyper pooler=0 --field words -o e.st "$imports/bert"
	ser-model show --json e.st | jq -e '.hyper.pooler == 0 and .input.field == "words"' >/dev/null
}

@test "import of a text encoder: its tokenizer lies beside it, and no other's ids are taken" {
	cp -r "$ROOT/tests/golden/import/roberta" hf
	mkstream -n 4 --frames 3 --bins 2 | ser-select true --drop feat >text.ser
	ser-tokenize -q --train 262 --label emo -o hf/tokenizer.json text.ser
	ser-tokenize -q --train 263 --label emo -o other.json text.ser
	ser-model import --from hf -o beside.st hf
	ser-model import --from hf -o file.st hf/pytorch_model.bin
	ser-model import --from hf -v -o without.st "$ROOT/tests/golden/import/roberta" 2>log
	grep -q 'no tokenizer beside it, ids by any are taken' log
	for m in beside file without; do ser-model show --json $m.st | jq -c '.input.dims | keys'; done >got
	diff got <(printf '%s\n' '["axes","n_token","vocabulary"]' '["axes","n_token","vocabulary"]' '[]')
	printf '{"id": "a", "text": ""}\n' | ser-cat --from json >empty.ser
	ser-tokenize -m hf empty.ser >own.ser
	ser-tokenize -m other.json empty.ser >other.ser
	ser-embed -m beside.st own.ser | ser-cmp - <(ser-embed -m file.st own.ser)
	ser-embed -m without.st other.ser | ser-dump | jq -e '.emb.shape == [16]' >/dev/null
	fails 1 'vocabulary of field "tok"' ser-embed -m beside.st other.ser
}

@test "export to a folder that transformers takes, and back" {
	imports="$ROOT/tests/golden/import"
	for t in wav2vec2 hubert wavlm data2vec-audio whisper roberta bert; do
		ser-model import --from hf -o a.st "$imports/$t"
		ser-model export --to hf -o $t a.st
		jq -e --arg t $t '.model_type == $t' $t/config.json >/dev/null
		ser-model import --from hf -o b.st $t
		diff <(ser-model show a.st | grep -v '^provenance\|"tool"') <(ser-model show b.st | grep -v '^provenance\|"tool"')
	done
	# a Whisper whose decoder's default of 6 heads does not divide its width
	jq -e '.d_model % .decoder_attention_heads == 0 and .decoder_layers == .encoder_layers' whisper/config.json >/dev/null
	[ ! -e bert/preprocessor_config.json ] && jq -e '.do_normalize == true' wav2vec2/preprocessor_config.json >/dev/null
	fails 1 'transformers has no architecture convpool' ser-model export --to hf -o x m.st
	fails 2 'no meaning with --to hf' ser-model export --to hf --encoder -o x m.st
	[ ! -e x ]
}

@test "import of an encoder: what is refused" {
	imports="$ROOT/tests/golden/import"
	cp -r "$imports/wavlm" w
	rm w/model-00002-of-00002.safetensors
	fails 1 'w/model-00002-of-00002.safetensors: cannot open' ser-model import --from hf -o e.st w
	sed -i 's/model-00002-of-00002.safetensors/model-00001-of-00002.safetensors/' w/model.safetensors.index.json
	fails 1 'its files have no tensor' ser-model import --from hf -o e.st w
	sed -i 's/model-00001-of-00002.safetensors/..\/x/' w/model.safetensors.index.json
	fails 1 'in no file of this folder' ser-model import --from hf -o e.st w
	rm w/*.json
	fails 1 'has no model.safetensors' ser-model import --from hf -o e.st w
	cp "$imports/bert/model.safetensors" w
	fails 1 'no config.json' ser-model import --from hf -o e.st w
	echo '{"model_type": "bert", "num_attention_heads": 2, "hidden_size": 99}' >w/config.json
	fails 1 'hidden_size is 99, by its tensors it is 16' ser-model import --from hf -o e.st w
	echo '[1]' >w/config.json
	fails 1 'config.json: not a map' ser-model import --from hf -o e.st w
	printf '\200\002cos\nsystem\nX\005\0\0\0touchR.' >w/pytorch_model.bin
	fails 1 'neither a safetensors file nor one of torch.save' ser-model import --from hf -o e.st w/pytorch_model.bin
	fails 2 'no meaning' ser-model import --from wespeaker --features f.ser --hyper a=1 -o e.st w
	fails 1 'cannot open' ser-model import --from hf -o e.st nowhere
	[ ! -e e.st ]
}

@test "usage" {
	fails 2 'expected one model file' ser-model show
	fails 2 'is needed' ser-model export m.st
	fails 2 'is for export and import' ser-model show -o x m.st
	fails 1 'none.st' ser-model show none.st
}

@test "a small file that describes a giant network takes no memory for it" {
	[ "$FLAVOUR" = release ] || skip "sanitizers take what memory they like"
	(ulimit -v 1000000 && fails 1 'is missing' ser-model show "$ROOT/tests/fuzz/corpus/safetensors/giant")
}

@test "what ser-model(5) bounds is bounded" {
	st() { # HEADER [BYTES]: a safetensors file
		printf "$(printf '\\x%02x\\x%02x\\0\\0\\0\\0\\0\\0' $((${#1} % 256)) $((${#1} / 256)))"
		printf '%s%s' "$1" "${2-}"
	}
	axes() { seq -s , "$1" | sed 's/[0-9][0-9]*/1/g'; }
	st "{\"x\":{\"dtype\":\"U8\",\"shape\":[$(axes 16)],\"data_offsets\":[0,1]}}" z >m.st
	fails 1 'no "format"' ser-model show m.st # so it was read
	st "{\"x\":{\"dtype\":\"U8\",\"shape\":[$(axes 17)],\"data_offsets\":[0,1]}}" z >m.st
	fails 1 'at most 16 sizes' ser-model show m.st
	st '{"x":{"dtype":"U8","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,1]}}' z >m.st
	fails 1 'too large' ser-model show m.st
	st "{\"x\":$(printf '[%.0s' {1..40})$(printf ']%.0s' {1..40})}" >m.st
	fails 1 'deeper than 32' ser-model show m.st
	printf '\1\341\365\5\0\0\0\0{}' >m.st # 100000001
	truncate -s 100000009 m.st
	fails 1 'header length 100000001' ser-model show m.st
}

@test "card: what the file knows, what is said beside it, and nothing that marks up" {
	mkstream -n 40 --frames 9 --bins 4 >train.ser
	ser-train classify -q -l emo --arch mlp -e 1 -o m.st train.ser
	ser-predict -m m.st train.ser | ser-score classes --label emo --allow-shared-speakers --n-boot 20 --json >'re|port.json'
	ser-model card --corpus emodb,ravdess --licence 'CC BY-NC-SA 4.0' --scores 're|port.json' m.st >card.md
	[ "$(grep '^## ' card.md | paste -sd,)" = '## Model,## Data,## Training,## Scores,## Licences,## Intended use' ]
	grep -q '^- The weights: CC BY-NC-SA 4.0\.$' card.md
	grep -q '^- Berlin Database of Emotional Speech (EmoDB); German' card.md
	grep -qF '| pooled | uar |' card.md
	grep -q '^re\\|port\.json: label emo, ' card.md
	grep -q 'speakers, whom no score of this model may be about: ' card.md
	ser-model card m.st | grep -q '^None are given\.$'
	fails 1 'no report of ser-score' ser-model card --scores <(echo '{}') m.st
	fails 2 nowhere ser-model card --corpus nowhere m.st
	fails 2 'output is for export' ser-model card -o x m.st
}
