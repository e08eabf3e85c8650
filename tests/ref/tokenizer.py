#!/usr/bin/env python3
"""Golden numbers of lib/text: python3 tests/ref/tokenizer.py DIR > tests/golden/tokenize.json, in an environment with the package
tokenizers; DIR holds encoder.json and vocab.bpe of GPT-2 and dict.txt of RoBERTa (MIT).

The vocabulary "bpe" is RoBERTa's, of merges those that the texts need, so that it is small and gives the texts RoBERTa's own ids."""
import json
import sys

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXTS = [
    "", "a", " ", "  ", "a  b", "a   b ", "Hello world", " Hello world", "Hello world! cécé herlolip 418",
    "The emotion is angry.", " The emotion is angry.", "I'm so happy, aren't you?", "I can't believe it's over...",
    "We'll see; they've gone, he'd say.", "IT'S NOT FAIR!", "don\u2019t", "line one\nline two\n", "tab\there", "\t x \r\n y",
    "1234567 and 3.14", "naïve café — déjà vu", "愤怒", "我很生气!", "Ich bin wütend!", "😡 angry", "x\u00a0y", "sadness/fear_disgust",
    "neutral", " neutral", "Jack and jill", "this must be the place", "'sup 's", "foo123bar", "hello\u3000world", "é\u0301",
    "Я очень зол", "أنا غاضب جدا", "אני כועס", "मैं बहुत गुस्सा हूँ", "とても怒っています。", "정말 화가 나", "ฉันโกรธมาก", "Είμαι πολύ θυμωμένος ΣΑΣ",
    "Σ\u0345x Å Å ﬁ Ⅳ ², ½ ٣٤", "👩‍👩‍👧 family 🇩🇪🏳️‍🌈", "a\u200bb\u00adc\ufeffd", "x\u2028y\u2029z\x85w\x1c.", "İstanbul ISPARTA ı", "ǅ ǈ ß ẞ",
    "won't 'LL 'll''s ' s", "e-mail@example.com #joy :-) ;) <3", "[CLS] laughs [SEP] [MASK]", "<s> cries </s> <mask>",
    "Donaudampfschifffahrtsgesellschaftskapitän", "x" * 120, "\u1680\u2003\u202f\u205f", "q\u0323\u0307 \u0344 \u1e69", "\ue000 \U000f0000 \U0001d165\u302e",
    "$100 €5 £3 ¥7 + = ^ ` | ~", "„Nein“ «non» ‚x‘ ¿qué? ¡sí!", "㐀 豈 𠀀 丽 カﾀ ㋿", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ab" * 40, "\x7f\x01\x1f x",
]
BYTES = ["61ff62", "c3", "e28241", "f09f98", "eda080", "c0af", "f5808080", "80808061", "6100", "e4b8adefbfbd"]


def byte_table():
    t, n = {}, 0
    for b in range(256):
        own = 33 <= b <= 126 or 161 <= b <= 172 or 174 <= b <= 255
        t[b], n = (chr(b), n) if own else (chr(256 + n), n + 1)
    return t


def needed(tok, ranks, texts, byte):
    """Merges that are done in the texts' pieces."""
    used = set()
    for text in texts:
        for piece, _ in tok.pre_tokenizer.pre_tokenize_str(text):
            w = list(piece)
            while True:
                best = min(((ranks[p], i) for i, p in enumerate(zip(w, w[1:])) if p in ranks), default=None)
                if best is None:
                    break
                i = best[1]
                used.add((w[i], w[i + 1]))
                w[i:i + 2] = [w[i] + w[i + 1]]
    return sorted(used, key=ranks.get)


def bytelevel():
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


def main(folder):
    enc = json.load(open(folder + "/encoder.json", encoding="utf-8"))
    lines = open(folder + "/vocab.bpe", encoding="utf-8").read().split("\n")[1:-1]
    ranks = {tuple(line.split(" ")): i for i, line in enumerate(lines)}
    rid = {int(f[0]): 4 + i for i, f in enumerate(map(str.split, open(folder + "/dict.txt"))) if f[0].isdigit()}
    n_dict = sum(1 for _ in open(folder + "/dict.txt"))
    text = TEXTS + [bytes.fromhex(h).decode("utf-8", "replace") for h in BYTES]
    special = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4 + n_dict}

    probe = Tokenizer(models.BPE())
    probe.pre_tokenizer = bytelevel()
    merges = needed(probe, ranks, text, byte_table())
    vocab = dict(special)
    vocab.update({c: rid[enc[c]] for c in byte_table().values()})
    vocab.update({a + b: rid[enc[a + b]] for a, b in merges})
    bpe = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    bpe.pre_tokenizer, bpe.decoder = bytelevel(), decoders.ByteLevel()
    bpe.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)

    bpe.add_special_tokens([AddedToken(name, lstrip=name == "<mask>", normalized=False) for name in special])
    bpe.encode_special_tokens = True  # their names in a text are text

    def pieces(cased):
        t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        t.normalizer = normalizers.BertNormalizer(lowercase=not cased)
        t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tr = trainers.WordPieceTrainer(vocab_size=420, min_frequency=1, show_progress=False,
                                       special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
                                       limit_alphabet=230)
        t.train_from_iterator(TEXTS, tr)
        v = sorted(t.get_vocab(), key=t.get_vocab().get)
        # as a text: without the names of special tokens
        plain = Tokenizer(models.WordPiece(vocab=dict(zip(v, range(len(v)))), unk_token="[UNK]"))
        plain.normalizer, plain.pre_tokenizer = t.normalizer, t.pre_tokenizer
        plain.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        return v, plain

    own = Tokenizer(models.BPE())
    own.pre_tokenizer = bytelevel()
    own.train_from_iterator(TEXTS, trainers.BpeTrainer(
        vocab_size=400, min_frequency=2, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"]))
    trained = json.loads(own.to_str())["model"]

    out = {"text": TEXTS, "bytes": BYTES, "tokenizer": json.loads(bpe.to_str()),
           "bpe": [bpe.encode(s).ids for s in text]}
    for cased in (False, True):
        name = "cased" if cased else "uncased"
        out[name + "_vocab"], t = pieces(cased)
        out[name] = [t.encode(s).ids for s in text]
    out["trained"] = {"size": 400, "vocab": trained["vocab"], "merges": trained["merges"]}
    json.dump(out, sys.stdout, ensure_ascii=True, indent=None, separators=(",", ":"))
    print()


main(sys.argv[1])
