#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tiny random encoders written by transformers and torch, and what transformers makes of a sound or a text with them:
tests/golden/import/NAME/ (config.json, weights in one of the kinds of files) and tests/golden/import/want.json, the frames of the last
layer. Needs transformers 4.57 and torch 2 (Debian has neither: a virtual environment with them).
usage: python tests/ref/import_hf.py   (from the top of the tree)"""
import json
import os
import re
import shutil
import struct

import numpy as np
import torch
import transformers as tf
from safetensors.torch import save_file

OUT = "tests/golden/import/"
SPEECH = dict(
    hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, conv_dim=[8] * 7,
    num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, apply_spec_augment=False,
)
TEXT = dict(
    vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
    max_position_embeddings=20, type_vocab_size=2,
)


def unit(n, seed):
    """n numbers in [-1,1), as tests/unit/test_import.c has them"""
    h = np.arange(n, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32((seed * 0x85EBCA77 + 0x165667B1) & 0xFFFFFFFF)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x2C1B3C6D)
    h ^= h >> np.uint32(12)
    h *= np.uint32(0x297A2D39)
    h ^= h >> np.uint32(15)
    return (h >> np.uint32(8)).astype(np.float64) / 8388608.0 - 1.0


def ctranslate2(path, encoder):
    """The encoder of Whisper as CTranslate2 writes it, and what else is in its files: a decoder's variable, a whole number, aliases"""
    def text(s):
        return struct.pack("<H", len(s) + 1) + s.encode() + b"\0"

    def variable(name, x):
        x = x.detach().contiguous().numpy()
        kind = {"float32": 0, "int8": 1, "float16": 4}[x.dtype.name]
        return text(name) + struct.pack("<B%dI" % x.ndim, x.ndim, *x.shape) + struct.pack("<BI", kind, x.nbytes) + x.tobytes()

    s, out = encoder.state_dict(), {}
    for k, v in s.items():
        k = re.sub(r"layers\.(\d+)\.", r"encoder/layer_\1/", k) if k.startswith("layers") else "encoder/" + k
        k = k.replace("embed_positions.weight", "position_encodings/encodings").replace("self_attn_layer_norm", "self_attention/layer_norm")
        k = k.replace("final_layer_norm", "ffn/layer_norm").replace("self_attn.out_proj", "self_attention/linear_1")
        k = k.replace("fc1", "ffn/linear_0").replace("fc2", "ffn/linear_1").replace(".", "/")
        if "layer_norm" in k:
            k = k.replace("/weight", "/gamma").replace("/bias", "/beta")
        if "_proj" not in k:
            out[k] = v
    for i in range(encoder.config.encoder_layers):
        q, k, v = ("layers.%d.self_attn.%s_proj." % (i, p) for p in "qkv")
        to = "encoder/layer_%d/self_attention/linear_0/" % i
        out[to + "weight"] = torch.cat([s[q + "weight"], s[k + "weight"], s[v + "weight"]])
        out[to + "bias"] = torch.cat([s[q + "bias"], torch.zeros_like(s[q + "bias"]), s[v + "bias"]])
    out["decoder/conv/weight"] = torch.ones(2, 3).half()
    out["encoder/num_heads"] = torch.tensor(2, dtype=torch.int8)
    with open(path, "wb") as f:
        f.write(struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(out)))
        f.write(b"".join(variable(k, v) for k, v in sorted(out.items())) + struct.pack("<I", 0))


wave = (0.3 * unit(4000, 77)).astype(np.float32)
mel = unit(80 * 40, 78).astype(np.float32).reshape(1, 40, 80).transpose(0, 2, 1)
ids = torch.tensor([[0, 31, 7, 55, 9, 2]])


def fill(model):
    """Weights that no layer makes alike: norms and biases as well"""
    torch.manual_seed(1)
    with torch.no_grad():
        for n, p in model.named_parameters():
            if "positions" in n and p.shape[-1] == 16 and model.config.model_type == "whisper":
                continue
            p.copy_(torch.randn_like(p) * (0.3 if p.dim() > 1 else 0.1) + (1 if "norm" in n.lower() and n.endswith("weight") else 0))
    return model.eval()


def fill_plain(module):
    for p in module.parameters():
        p.copy_(torch.randn_like(p) * 0.3)
    return module


def folder(name, config, processor=None):
    os.makedirs(OUT + name)
    config.save_pretrained(OUT + name)
    if processor is not None:
        with open(OUT + name + "/preprocessor_config.json", "w") as f:
            json.dump(processor, f)
    return OUT + name + "/"


def speech(model, normalize):
    x = torch.from_numpy((wave - wave.mean()) / np.sqrt(wave.var() + 1e-7) if normalize else wave)[None]
    return model(x).last_hidden_state[0]


def whisper_head(encoder):
    """a head of rule on the mean over a window of 40 rows, of which the last is repeated from row 32 on"""
    encoder.config.classifier_proj_size, encoder.config.num_labels = 8, 3
    head = tf.WhisperForAudioClassification(encoder.config).eval()
    head.encoder = encoder
    for seed, p in enumerate((head.projector.weight, head.projector.bias, head.classifier.weight, head.classifier.bias), 81):
        p.copy_(torch.from_numpy(unit(p.numel(), seed)).reshape(p.shape))
    x = unit(33 * 80, 80).astype(np.float32).reshape(33, 80)
    return head(torch.from_numpy(np.concatenate([x, np.repeat(x[-1:], 7, 0)]).T[None].copy())).logits[0]


def state(model, prefix="", dtype=torch.float32):
    return {prefix + k: v.to(dtype).contiguous() for k, v in model.state_dict().items()}


def old_names(s):
    """as torch before 2.1 spelt weight norm"""
    return {
        k.replace("parametrizations.weight.original0", "weight_g").replace("parametrizations.weight.original1", "weight_v"): v
        for k, v in s.items()
    }


EMOTIONS = {0: "angry", 1: "happy", 2: "sad"}


class Dense(torch.nn.Module):
    """the head of audeering's model of arousal, dominance and valence, and of RoBERTa's ForSequenceClassification"""

    def __init__(self):
        super().__init__()
        self.dense, self.out_proj = torch.nn.Linear(16, 16), torch.nn.Linear(16, 3)

    def forward(self, x):
        return self.out_proj(torch.tanh(self.dense(x)))


def with_head(model, kind, settings):
    """transformers' model with a head, whose encoder is `model`"""
    for k, v in settings.items():
        setattr(model.config, k, v)
    full = fill(kind(model.config))
    full.base_model.load_state_dict(model.state_dict(), strict=False)
    return full


def sound_head(model, kind, normalize, **settings):
    x = torch.from_numpy((wave - wave.mean()) / np.sqrt(wave.var() + 1e-7) if normalize else wave)[None]
    full = with_head(model, kind, {"id2label": EMOTIONS, **settings})
    return {k: v.contiguous() for k, v in full.state_dict().items() if not k.startswith(full.base_model_prefix)}, full(x).logits[0]


shutil.rmtree(OUT, ignore_errors=True)
want = {}
with torch.no_grad():
    # a pickle in a zip archive, a prefix and a head; group norm
    c = tf.Wav2Vec2Config(**SPEECH, do_stable_layer_norm=False)
    m = fill(tf.Wav2Vec2Model(c))
    head, want["wav2vec2 head"] = sound_head(m, tf.Wav2Vec2ForSequenceClassification, True, classifier_proj_size=6)
    d = folder("wav2vec2", m.config, {"do_normalize": True, "sampling_rate": 16000})
    s = {**state(m, "wav2vec2."), **head}
    s["lm_head.weight"], s["lm_head.bias"] = torch.randn(5, 16), torch.randn(5)
    s["quantizer.codevectors"] = torch.randn(1, 4, 4)
    torch.save(s, d + "pytorch_model.bin")
    want["wav2vec2"] = speech(m, True)

    # a plain pickle, the older names, a tensor that is a view across its storage; layer norm, biases, norms before
    c = tf.HubertConfig(**SPEECH, do_stable_layer_norm=True, feat_extract_norm="layer", conv_bias=True)
    m = fill(tf.HubertModel(c))
    dense = fill_plain(Dense())
    want["hubert head"] = dense(speech(m, False).mean(0))
    c.id2label, c.problem_type, c.pooling_mode = {0: "arousal", 1: "dominance", 2: "valence"}, "regression", "mean"
    d = folder("hubert", c, {"do_normalize": False})
    s = {**old_names(state(m)), **{"classifier." + k: v for k, v in dense.state_dict().items()}}
    k = "encoder.layers.0.feed_forward.intermediate_dense.weight"
    s[k] = s[k].t().contiguous().t()
    torch.save(s, d + "pytorch_model.bin", _use_new_zipfile_serialization=False)
    want["hubert"] = speech(m, False)

    # safetensors in two parts
    c = tf.WavLMConfig(**SPEECH, do_stable_layer_norm=False, num_buckets=16, max_bucket_distance=20)
    m = fill(tf.WavLMModel(c))
    head, want["wavlm head"] = sound_head(m, tf.WavLMForSequenceClassification, False, classifier_proj_size=6, use_weighted_layer_sum=True)
    d = folder("wavlm", m.config, {"do_normalize": False})
    s = {**state(m), **head}
    half = sorted(s)[: len(s) // 2]
    parts = {"model-00001-of-00002.safetensors": half, "model-00002-of-00002.safetensors": sorted(set(s) - set(half))}
    for f, names in parts.items():
        save_file({n: s[n] for n in names}, d + f, {"format": "pt"})
    with open(d + "model.safetensors.index.json", "w") as f:
        json.dump({"metadata": {}, "weight_map": {n: f for f, names in parts.items() for n in names}}, f, indent=1)
    want["wavlm"] = speech(m, False)

    # bf16
    sizes = {k: v for k, v in SPEECH.items() if k != "num_conv_pos_embeddings"}
    c = tf.Data2VecAudioConfig(**sizes, num_conv_pos_embeddings=2, conv_pos_kernel_size=5)
    m = fill(tf.Data2VecAudioModel(c).to(torch.bfloat16).to(torch.float32))
    m = m.to(torch.bfloat16).to(torch.float32)
    d = folder("data2vec-audio", c, {"do_normalize": True})
    save_file(state(m, "data2vec_audio.", torch.bfloat16), d + "model.safetensors", {"format": "pt"})
    want["data2vec-audio"] = speech(m, True)

    # f16; the decoder beside it
    c = tf.WhisperConfig(
        vocab_size=20, d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=64, decoder_ffn_dim=16, num_mel_bins=80, max_source_positions=20, max_target_positions=4,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )
    m = fill(tf.WhisperModel(c)).to(torch.float16).to(torch.float32)
    d = folder("whisper", c, {"feature_size": 80, "sampling_rate": 16000, "n_fft": 400, "hop_length": 160})
    save_file(state(m, "model.", torch.float16), d + "model.safetensors", {"format": "pt"})
    os.makedirs(OUT + "ctranslate2")
    ctranslate2(OUT + "ctranslate2/model.bin", m.encoder)
    want["whisper"] = m.encoder(torch.from_numpy(mel.copy())).last_hidden_state[0]
    want["whisper head"] = whisper_head(m.encoder)

    c = tf.RobertaConfig(**{**TEXT, "type_vocab_size": 1}, pad_token_id=1)
    m = fill(tf.RobertaModel(c))
    dense = fill_plain(Dense())
    want["roberta head"] = dense(m(ids).last_hidden_state[0, 0])
    c.id2label, c.problem_type = EMOTIONS, "multi_label_classification"
    d = folder("roberta", c)
    s = {**state(m, "roberta."), **{"classifier." + k: v for k, v in dense.state_dict().items()}}
    s["lm_head.bias"], s["roberta.embeddings.position_ids"] = torch.zeros(60), torch.arange(20)[None]
    torch.save(s, d + "pytorch_model.bin")
    want["roberta"] = m(ids).last_hidden_state[0]

    # the oldest names of norms
    c = tf.BertConfig(**TEXT, pad_token_id=0)
    m = fill(tf.BertModel(c))
    linear = fill_plain(torch.nn.Linear(16, 3))
    want["bert head"] = linear(m(ids).pooler_output[0])
    d = folder("bert", c)
    s = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in state(m, "bert.").items()}
    s.update({"classifier." + k: v for k, v in linear.state_dict().items()})
    save_file(s, d + "model.safetensors", {"format": "pt"})
    want["bert"] = m(ids).last_hidden_state[0]

    # resemblyzer's network, of two layers, for utterances of one, several and three quarters of a window, and three frames past their ends
    torch.manual_seed(2)
    lstm, linear = torch.nn.LSTM(5, 6, 2, batch_first=True), torch.nn.Linear(6, 7)
    s = {"similarity_weight": torch.tensor([10.0])}
    s.update({"lstm." + k: v for k, v in lstm.state_dict().items()})
    s.update({"linear." + k: v for k, v in linear.state_dict().items()})
    os.makedirs(OUT + "ge2e")
    torch.save({"step": 1, "model_state": s, "optimizer_state": {"state": {0: {"exp_avg": s["linear.bias"]}}}},
               OUT + "ge2e/pretrained.pt", _use_new_zipfile_serialization=False)
    rows = []
    for n in (40, 320, 358):
        begins = list(range(0, max(1, n - 160 + 77 + 1), 77))
        if len(begins) > 1 and n - 1 < begins[-1] + 0.75 * 160:
            begins.pop()
        x = torch.zeros(600, 5)
        x[: n + 3] = torch.from_numpy(unit(5 * (n + 3), 79).astype(np.float32)).reshape(n + 3, 5)
        e = linear(lstm(torch.stack([x[b : b + 160] for b in begins]))[1][0][-1]).relu()
        e = (e / e.norm(dim=1, keepdim=True)).mean(0)
        rows.append(e / e.norm())
    want["ge2e"] = torch.stack(rows)

    want["whisper-front"] = torch.from_numpy(
        tf.WhisperFeatureExtractor(feature_size=20)._np_extract_fbank_features(wave[None], "cpu")[0].T.copy())
    # of the same with zeros up to 30 s: to the first frame that hears these alone
    want["whisper-padded"] = torch.from_numpy(
        tf.WhisperFeatureExtractor(feature_size=20)(wave, sampling_rate=16000).input_features[0].T[:29].copy())

# The same with a 256th of every parameter, times 256: what norms add to variances shows
with torch.no_grad():
    for name in ("wav2vec2", "hubert", "wavlm", "data2vec-audio", "whisper", "roberta", "bert"):
        m = tf.AutoModel.from_pretrained(OUT + name).eval()
        m = m.encoder if name == "whisper" else m
        x = ids if name in ("roberta", "bert") else torch.from_numpy(mel.copy()) if name == "whisper" else torch.from_numpy(wave)[None]
        if name not in ("roberta", "bert", "whisper") and json.load(open(OUT + name + "/preprocessor_config.json"))["do_normalize"]:
            x = (x - x.mean()) / (x.var(unbiased=False) + 1e-7).sqrt()
        for p in m.parameters():
            p.data /= 256
        want[name + " small"] = 256 * m(x).last_hidden_state[0]

want = {k: {"shape": list(v.shape), "frames": [float("%.7g" % x) for x in v.reshape(-1)]} for k, v in want.items()}
with open(OUT + "want.json", "w") as f:
    f.write(json.dumps(want, separators=(",", ":")) + "\n")
