/* SPDX-License-Identifier: MIT */
/* Names of tensors and settings in other programs, as tables: Hugging Face's transformers, fairseq (with s3prl and unilm), torchaudio,
 * OpenAI's whisper, FunASR. Ours are those of transformers below the model's own prefix. */
#include "model/import.h"

#include <string.h>

const char *const ser_encoder_sources[] = {"hf",          "fairseq", "torchaudio",  "openai-whisper",
					   "ctranslate2", "funasr",  "resemblyzer", NULL};

/* ---- sizes from shapes ---- */

#define LAYERS "encoder.layers.%d."
#define SPEECH_SHAPES                                                                                                  \
	{"dim", "encoder.layer_norm.weight", SER_SHAPE_AXIS, 0},                                                       \
		{"layers", LAYERS "final_layer_norm.weight", SER_SHAPE_COUNT, 0},                                      \
		{"ffn", "encoder.layers.0.feed_forward.intermediate_dense.weight", SER_SHAPE_AXIS, 0},                 \
		{"conv_dim", "feature_extractor.conv_layers.0.conv.weight", SER_SHAPE_AXIS, 0},                        \
		{"conv_norm", "feature_extractor.conv_layers.1.layer_norm.weight", SER_SHAPE_PRESENT, 0},              \
		{"proj_norm", "feature_projection.layer_norm.weight", SER_SHAPE_PRESENT, 0},                           \
	{                                                                                                              \
		"conv_bias", "feature_extractor.conv_layers.0.conv.bias", SER_SHAPE_PRESENT, 0                         \
	}
#define POSITION_CONV  "encoder.pos_conv_embed.conv.weight_v"
#define POSITION_CONVS "encoder.pos_conv_embed.layers.0.conv.weight"
static const struct ser_shape_hyper speech_shapes[] = {
	SPEECH_SHAPES,
	{"pos_kernel", POSITION_CONV, SER_SHAPE_AXIS, 2},
	{"pos_groups", POSITION_CONV, SER_SHAPE_RATIO, 0},
	{NULL, NULL, 0, 0},
};
static const struct ser_shape_hyper wavlm_shapes[] = {
	SPEECH_SHAPES,
	{"pos_kernel", POSITION_CONV, SER_SHAPE_AXIS, 2},
	{"pos_groups", POSITION_CONV, SER_SHAPE_RATIO, 0},
	{"buckets", "encoder.layers.0.attention.rel_attn_embed.weight", SER_SHAPE_AXIS, 0},
	{"heads", "encoder.layers.0.attention.rel_attn_embed.weight", SER_SHAPE_AXIS, 1},
	{NULL, NULL, 0, 0},
};
static const struct ser_shape_hyper data2vec_shapes[] = {
	SPEECH_SHAPES,
	{"pos_layers", "encoder.pos_conv_embed.layers.%d.conv.weight", SER_SHAPE_COUNT, 0},
	{"pos_kernel", POSITION_CONVS, SER_SHAPE_AXIS, 2},
	{"pos_groups", POSITION_CONVS, SER_SHAPE_RATIO, 0},
	{NULL, NULL, 0, 0},
};
#define AUDIO "modality_encoders.AUDIO."
static const struct ser_shape_hyper emotion2vec_shapes[] = {
	{"dim", AUDIO "context_encoder.norm.weight", SER_SHAPE_AXIS, 0},
	{"prenet", AUDIO "context_encoder.blocks.%d.norm1.weight", SER_SHAPE_COUNT, 0},
	{"layers", "blocks.%d.norm1.weight", SER_SHAPE_COUNT, 0},
	{"heads", AUDIO "alibi_scale", SER_SHAPE_SIZE, 0},
	{"ffn", "blocks.0.mlp.fc1.weight", SER_SHAPE_AXIS, 0},
	{"conv_dim", AUDIO "local_encoder.conv_layers.0.0.weight", SER_SHAPE_AXIS, 0},
	{"pos_layers", AUDIO "relative_positional_encoder.%d.0.weight", SER_SHAPE_COUNT, 1},
	{"pos_kernel", AUDIO "relative_positional_encoder.1.0.weight", SER_SHAPE_AXIS, 2},
	{"pos_groups", AUDIO "relative_positional_encoder.1.0.weight", SER_SHAPE_RATIO, 0},
	{"extra", AUDIO "extra_tokens", SER_SHAPE_AXIS, -2},
	{NULL, NULL, 0, 0},
};
static const struct ser_shape_hyper whisper_shapes[] = {
	{"dim", "layer_norm.weight", SER_SHAPE_AXIS, 0},
	{"layers", "layers.%d.final_layer_norm.weight", SER_SHAPE_COUNT, 0},
	{"positions", "embed_positions.weight", SER_SHAPE_AXIS, 0},
	{NULL, NULL, 0, 0},
};
static const struct ser_shape_hyper text_shapes[] = {
	{"vocab", "embeddings.word_embeddings.weight", SER_SHAPE_AXIS, 0},
	{"dim", "embeddings.word_embeddings.weight", SER_SHAPE_AXIS, 1},
	{"layers", "encoder.layer.%d.output.LayerNorm.weight", SER_SHAPE_COUNT, 0},
	{"ffn", "encoder.layer.0.intermediate.dense.weight", SER_SHAPE_AXIS, 0},
	{"positions", "embeddings.position_embeddings.weight", SER_SHAPE_AXIS, 0},
	{"pooler", "pooler.dense.weight", SER_SHAPE_PRESENT, 0},
	{NULL, NULL, 0, 0},
};

static const struct ser_shape_hyper ge2e_shapes[] = {
	{"hidden", "lstm.weight_hh_l0", SER_SHAPE_AXIS, 1},
	{"layers", "lstm.weight_hh_l%d", SER_SHAPE_COUNT, 0},
	{"emb", "linear.weight", SER_SHAPE_AXIS, 0},
	{NULL, NULL, 0, 0},
};

const struct ser_shape_hyper *ser_encoder_shapes(const char *arch)
{
	static const struct {
		const char *arch;
		const struct ser_shape_hyper *shapes;
	} all[] = {
		{"wavlm", wavlm_shapes},
		{"data2vec-audio", data2vec_shapes},
		{"emotion2vec", emotion2vec_shapes},
		{"whisper", whisper_shapes},
		{"roberta", text_shapes},
		{"bert", text_shapes},
		{"ge2e", ge2e_shapes},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(all[i].arch, arch) == 0)
			return all[i].shapes;
	return speech_shapes;
}

/* ---- Hugging Face: files of any version, from models with heads and without ---- */

static const struct ser_rename hf_speech[] = {
	{"encoder.pos_conv_embed.conv.parametrizations.weight.original0", "encoder.pos_conv_embed.conv.weight_g", 0},
	{"encoder.pos_conv_embed.conv.parametrizations.weight.original1", "encoder.pos_conv_embed.conv.weight_v", 0},
	{"mask_time_emb_vector", "masked_spec_embed", 0},
	{"", "masked_spec_embed", 0},
	{"lm_head.", NULL, 0},
	{"projector.", NULL, 0},
	{"classifier.", NULL, 0},
	{"layer_weights", NULL, 0},
	{"quantizer.", NULL, 0},
	{"project_q.", NULL, 0},
	{"project_hid.", NULL, 0},
	{"", "", 0},
	{NULL, NULL, 0},
};
static const struct ser_rename hf_whisper[] = {
	{"", "embed_positions.weight", SER_AS_NEW}, {"", "", 0}, {NULL, NULL, 0}};
static const struct ser_rename hf_text[] = {
	{"embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight", 0},
	{"embeddings.LayerNorm.beta", "embeddings.LayerNorm.bias", 0},
	{"encoder.layer.%d.attention.output.LayerNorm.gamma", "encoder.layer.%d.attention.output.LayerNorm.weight", 0},
	{"encoder.layer.%d.attention.output.LayerNorm.beta", "encoder.layer.%d.attention.output.LayerNorm.bias", 0},
	{"encoder.layer.%d.output.LayerNorm.gamma", "encoder.layer.%d.output.LayerNorm.weight", 0},
	{"encoder.layer.%d.output.LayerNorm.beta", "encoder.layer.%d.output.LayerNorm.bias", 0},
	{"embeddings.position_ids", NULL, 0},
	{"embeddings.token_type_ids", NULL, 0},
	{"lm_head.", NULL, 0},
	{"cls.", NULL, 0},
	{"classifier.", NULL, 0},
	{"", "", 0},
	{NULL, NULL, 0},
};

#define HF_SPEECH                                                                                                      \
	{"hidden_size", "dim", SER_SETTING_AGREE, NULL}, {"num_hidden_layers", "layers", SER_SETTING_AGREE, NULL},     \
		{"intermediate_size", "ffn", SER_SETTING_AGREE, NULL},                                                 \
		{"num_attention_heads", "heads", SER_SETTING_TAKE, NULL},                                              \
		{"conv_bias", "conv_bias", SER_SETTING_SAY, NULL},                                                     \
		{"num_conv_pos_embedding_groups", "pos_groups", SER_SETTING_SAY, NULL},                                \
		{"hidden_dropout", "dropout", SER_SETTING_TAKE, NULL},                                                 \
		{"attention_dropout", "attn_dropout", SER_SETTING_TAKE, NULL},                                         \
		{"activation_dropout", "act_dropout", SER_SETTING_TAKE, NULL},                                         \
		{"layerdrop", "layerdrop", SER_SETTING_TAKE, NULL},                                                    \
		{"mask_time_prob", "mask", SER_SETTING_TAKE, NULL},                                                    \
		{"mask_time_length", "mask_span", SER_SETTING_TAKE, NULL},                                             \
		{"apply_spec_augment", "mask", SER_SETTING_OFF, NULL},                                                 \
		{"do_normalize", "normalize", SER_SETTING_TAKE, NULL},                                                 \
		{"return_attention_mask", "pad_mask", SER_SETTING_TAKE, NULL},                                         \
		{"sampling_rate", NULL, SER_SETTING_ONLY, "16000"},                                                    \
		{"hidden_act", NULL, SER_SETTING_ONLY, "\"gelu\""},                                                    \
		{"feat_extract_activation", NULL, SER_SETTING_ONLY, "\"gelu\""},                                       \
		{"layer_norm_eps", NULL, SER_SETTING_ONLY, "1e-5"},                                                    \
		{"conv_kernel", NULL, SER_SETTING_ONLY, "[10,3,3,3,3,2,2]"},                                           \
		{"conv_stride", NULL, SER_SETTING_ONLY, "[5,2,2,2,2,2,2]"},                                            \
		{"add_adapter", NULL, SER_SETTING_ONLY, "false"},                                                      \
		{"adapter_attn_dim", NULL, SER_SETTING_ONLY, "null"},                                                  \
		{"conv_pos_batch_norm", NULL, SER_SETTING_ONLY, "false"},                                              \
	{                                                                                                              \
		"feat_proj_layer_norm", "proj_norm", SER_SETTING_AGREE, NULL                                           \
	}
static const struct ser_setting hf_speech_settings[] = {
	HF_SPEECH,
	{"do_stable_layer_norm", "pre_norm", SER_SETTING_TAKE, NULL},
	{"num_conv_pos_embeddings", "pos_kernel", SER_SETTING_AGREE, NULL},
	{NULL, NULL, 0, NULL},
};
static const struct ser_setting hf_wavlm_settings[] = {
	HF_SPEECH,
	{"do_stable_layer_norm", "pre_norm", SER_SETTING_TAKE, NULL},
	{"num_conv_pos_embeddings", "pos_kernel", SER_SETTING_AGREE, NULL},
	{"num_buckets", "buckets", SER_SETTING_AGREE, NULL},
	{"max_bucket_distance", "max_distance", SER_SETTING_TAKE, NULL},
	{NULL, NULL, 0, NULL},
};
static const struct ser_setting hf_data2vec_settings[] = {
	HF_SPEECH,
	{"num_conv_pos_embeddings", "pos_layers", SER_SETTING_AGREE, NULL},
	{"conv_pos_kernel_size", "pos_kernel", SER_SETTING_SAY, NULL},
	{NULL, NULL, 0, NULL},
};
static const struct ser_setting hf_whisper_settings[] = {
	{"d_model", "dim", SER_SETTING_AGREE, NULL},
	{"encoder_layers", "layers", SER_SETTING_AGREE, NULL},
	{"encoder_attention_heads", "heads", SER_SETTING_TAKE, NULL},
	{"max_source_positions", "positions", SER_SETTING_AGREE, NULL},
	{"dropout", "dropout", SER_SETTING_TAKE, NULL},
	{"attention_dropout", "attn_dropout", SER_SETTING_TAKE, NULL},
	{"activation_dropout", "act_dropout", SER_SETTING_TAKE, NULL},
	{"encoder_layerdrop", "layerdrop", SER_SETTING_TAKE, NULL},
	{"activation_function", NULL, SER_SETTING_ONLY, "\"gelu\""},
	{"scale_embedding", NULL, SER_SETTING_ONLY, "false"},
	{"sampling_rate", NULL, SER_SETTING_ONLY, "16000"},
	{"n_fft", NULL, SER_SETTING_ONLY, "400"},
	{"hop_length", NULL, SER_SETTING_ONLY, "160"},
	{NULL, NULL, 0, NULL},
};
#define HF_TEXT                                                                                                        \
	{"hidden_size", "dim", SER_SETTING_AGREE, NULL}, {"num_hidden_layers", "layers", SER_SETTING_AGREE, NULL},     \
		{"intermediate_size", "ffn", SER_SETTING_AGREE, NULL},                                                 \
		{"num_attention_heads", "heads", SER_SETTING_TAKE, NULL},                                              \
		{"vocab_size", "vocab", SER_SETTING_SAY, NULL},                                                        \
		{"max_position_embeddings", "positions", SER_SETTING_SAY, NULL},                                       \
		{"hidden_dropout_prob", "dropout", SER_SETTING_TAKE, NULL},                                            \
		{"attention_probs_dropout_prob", "attn_dropout", SER_SETTING_TAKE, NULL},                              \
		{"layer_norm_eps", "norm_eps", SER_SETTING_TAKE, NULL},                                                \
		{"type_vocab_size", "types", SER_SETTING_TAKE, NULL},                                                  \
		{"hidden_act", NULL, SER_SETTING_ONLY, "\"gelu\""},                                                    \
		{"position_embedding_type", NULL, SER_SETTING_ONLY, "\"absolute\""},                                   \
	{                                                                                                              \
		"is_decoder", NULL, SER_SETTING_ONLY, "false"                                                          \
	}
static const struct ser_setting hf_bert_settings[] = {HF_TEXT, {NULL, NULL, 0, NULL}};
static const struct ser_setting hf_roberta_settings[] = {
	HF_TEXT,
	{"pad_token_id", "first_position", SER_SETTING_NEXT, NULL},
	{NULL, NULL, 0, NULL},
};

/* ---- fairseq: model settings by their names there ---- */

#define FAIRSEQ_LAYERS                                                                                                 \
	{LAYERS "self_attn.grep_linear.", LAYERS "attention.gru_rel_pos_linear.", 0},                                  \
		{LAYERS "self_attn.grep_a", LAYERS "attention.gru_rel_pos_const", 0},                                  \
		{LAYERS "self_attn.relative_attention_bias.", LAYERS "attention.rel_attn_embed.", 0},                  \
		{LAYERS "self_attn_layer_norm.", LAYERS "layer_norm.", 0},                                             \
		{LAYERS "self_attn.", LAYERS "attention.", 0},                                                         \
		{LAYERS "fc1.", LAYERS "feed_forward.intermediate_dense.", 0},                                         \
		{LAYERS "fc2.", LAYERS "feed_forward.output_dense.", 0},                                               \
	{                                                                                                              \
		LAYERS "final_layer_norm.", LAYERS "final_layer_norm.", 0                                              \
	}
static const struct ser_rename fairseq_speech[] = {
	{"mask_emb", "masked_spec_embed", 0},
	{"", "masked_spec_embed", 0},
	{"feature_extractor.conv_layers.%d.0.", "feature_extractor.conv_layers.%d.conv.", 0},
	{"feature_extractor.conv_layers.%d.2.1.", "feature_extractor.conv_layers.%d.layer_norm.", 0},
	{"feature_extractor.conv_layers.0.2.", "feature_extractor.conv_layers.0.layer_norm.", 0},
	{"layer_norm.", "feature_projection.layer_norm.", 0},
	{"post_extract_proj.", "feature_projection.projection.", 0},
	{"encoder.pos_conv.%d.0.", "encoder.pos_conv_embed.layers.%d.conv.", 0},
	{"encoder.pos_conv.0.", "encoder.pos_conv_embed.conv.", 0},
	{"encoder.layer_norm.", "encoder.layer_norm.", 0},
	FAIRSEQ_LAYERS,
	{"quantizer.", NULL, 0},
	{"project_q.", NULL, 0},
	{"final_proj.", NULL, 0},
	{"label_embs_concat", NULL, 0},
	{"proj.", NULL, 0},
	{NULL, NULL, 0},
};
static const struct ser_setting fairseq_settings[] = {
	{"encoder_embed_dim", "dim", SER_SETTING_AGREE, NULL},
	{"encoder_layers", "layers", SER_SETTING_AGREE, NULL},
	{"encoder_ffn_embed_dim", "ffn", SER_SETTING_AGREE, NULL},
	{"encoder_attention_heads", "heads", SER_SETTING_TAKE, NULL},
	{"layer_norm_first", "pre_norm", SER_SETTING_TAKE, NULL},
	{"normalize", "normalize", SER_SETTING_TAKE, NULL},
	{"max_distance", "max_distance", SER_SETTING_TAKE, NULL},
	{"dropout", "dropout", SER_SETTING_TAKE, NULL},
	{"attention_dropout", "attn_dropout", SER_SETTING_TAKE, NULL},
	{"activation_dropout", "act_dropout", SER_SETTING_TAKE, NULL},
	{"encoder_layerdrop", "layerdrop", SER_SETTING_TAKE, NULL},
	{"activation_fn", NULL, SER_SETTING_ONLY, "\"gelu\""},
	{"layer_type", NULL, SER_SETTING_ONLY, "\"transformer\""},
	{NULL, NULL, 0, NULL},
};
static const struct ser_rename fairseq_roberta[] = {
	{"embed_tokens.", "embeddings.word_embeddings.", 0},
	{"embed_positions.", "embeddings.position_embeddings.", 0},
	{"layernorm_embedding.", "embeddings.LayerNorm.", 0},
	{"emb_layer_norm.", "embeddings.LayerNorm.", 0},
	{"", "embeddings.token_type_embeddings.weight", 0},
	{"layers.%d.self_attn.in_proj_weight", "encoder.layer.%d.attention.self.query.weight", 1},
	{"layers.%d.self_attn.in_proj_weight", "encoder.layer.%d.attention.self.key.weight", 2},
	{"layers.%d.self_attn.in_proj_weight", "encoder.layer.%d.attention.self.value.weight", 3},
	{"layers.%d.self_attn.in_proj_bias", "encoder.layer.%d.attention.self.query.bias", 1},
	{"layers.%d.self_attn.in_proj_bias", "encoder.layer.%d.attention.self.key.bias", 2},
	{"layers.%d.self_attn.in_proj_bias", "encoder.layer.%d.attention.self.value.bias", 3},
	{"layers.%d.self_attn.q_proj.", "encoder.layer.%d.attention.self.query.", 0},
	{"layers.%d.self_attn.k_proj.", "encoder.layer.%d.attention.self.key.", 0},
	{"layers.%d.self_attn.v_proj.", "encoder.layer.%d.attention.self.value.", 0},
	{"layers.%d.self_attn.out_proj.", "encoder.layer.%d.attention.output.dense.", 0},
	{"layers.%d.self_attn_layer_norm.", "encoder.layer.%d.attention.output.LayerNorm.", 0},
	{"layers.%d.fc1.", "encoder.layer.%d.intermediate.dense.", 0},
	{"layers.%d.fc2.", "encoder.layer.%d.output.dense.", 0},
	{"layers.%d.final_layer_norm.", "encoder.layer.%d.output.LayerNorm.", 0},
	{"version", NULL, 0},
	{NULL, NULL, 0},
};

/* ---- torchaudio ---- */

#define TA_LAYERS "encoder.transformer.layers.%d."
static const struct ser_rename torchaudio[] = {
	{"encoder.feature_projection.", "feature_projection.", 0},
	{"encoder.transformer.pos_conv_embed.conv.parametrizations.weight.original0",
	 "encoder.pos_conv_embed.conv.weight_g", 0},
	{"encoder.transformer.pos_conv_embed.conv.parametrizations.weight.original1",
	 "encoder.pos_conv_embed.conv.weight_v", 0},
	{TA_LAYERS "attention.attention.in_proj_weight", LAYERS "attention.q_proj.weight", 1},
	{TA_LAYERS "attention.attention.in_proj_weight", LAYERS "attention.k_proj.weight", 2},
	{TA_LAYERS "attention.attention.in_proj_weight", LAYERS "attention.v_proj.weight", 3},
	{TA_LAYERS "attention.attention.in_proj_bias", LAYERS "attention.q_proj.bias", 1},
	{TA_LAYERS "attention.attention.in_proj_bias", LAYERS "attention.k_proj.bias", 2},
	{TA_LAYERS "attention.attention.in_proj_bias", LAYERS "attention.v_proj.bias", 3},
	{TA_LAYERS "attention.attention.out_proj.", LAYERS "attention.out_proj.", 0},
	{"encoder.transformer.", "encoder.", 0},
	{"feature_extractor.", "feature_extractor.", 0},
	{"aux.", NULL, 0},
	{"", "masked_spec_embed", 0},
	{NULL, NULL, 0},
};
static const struct ser_setting no_settings[] = {{NULL, NULL, 0, NULL}};

/* ---- OpenAI's whisper ---- */

static const struct ser_rename openai_whisper[] = {
	{"positional_embedding", "embed_positions.weight", 0},
	{"blocks.%d.attn.query.", "layers.%d.self_attn.q_proj.", 0},
	{"blocks.%d.attn.key.", "layers.%d.self_attn.k_proj.", 0},
	{"blocks.%d.attn.value.", "layers.%d.self_attn.v_proj.", 0},
	{"blocks.%d.attn.out.", "layers.%d.self_attn.out_proj.", 0},
	{"blocks.%d.attn_ln.", "layers.%d.self_attn_layer_norm.", 0},
	{"blocks.%d.mlp.0.", "layers.%d.fc1.", 0},
	{"blocks.%d.mlp.2.", "layers.%d.fc2.", 0},
	{"blocks.%d.mlp_ln.", "layers.%d.final_layer_norm.", 0},
	{"ln_post.", "layer_norm.", 0},
	{"conv1.", "conv1.", 0},
	{"conv2.", "conv2.", 0},
	{NULL, NULL, 0},
};
static const struct ser_setting openai_whisper_settings[] = {
	{"n_audio_state", "dim", SER_SETTING_AGREE, NULL},
	{"n_audio_layer", "layers", SER_SETTING_AGREE, NULL},
	{"n_audio_ctx", "positions", SER_SETTING_AGREE, NULL},
	{"n_audio_head", "heads", SER_SETTING_TAKE, NULL},
	{NULL, NULL, 0, NULL},
};

/* ---- Whisper by CTranslate2's names: queries, keys and values in one; the bias of keys, which is zeros, is not asked for ---- */

#define LAYER "layer_%d."
static const struct ser_rename ctranslate2[] = {
	{"position_encodings.encodings", "embed_positions.weight", 0},
	{LAYER "self_attention.linear_0.weight", "layers.%d.self_attn.q_proj.weight", 1},
	{LAYER "self_attention.linear_0.weight", "layers.%d.self_attn.k_proj.weight", 2},
	{LAYER "self_attention.linear_0.weight", "layers.%d.self_attn.v_proj.weight", 3},
	{LAYER "self_attention.linear_0.bias", "layers.%d.self_attn.q_proj.bias", 1},
	{LAYER "self_attention.linear_0.bias", "layers.%d.self_attn.v_proj.bias", 3},
	{LAYER "self_attention.linear_1.", "layers.%d.self_attn.out_proj.", 0},
	{LAYER "self_attention.layer_norm.gamma", "layers.%d.self_attn_layer_norm.weight", 0},
	{LAYER "self_attention.layer_norm.beta", "layers.%d.self_attn_layer_norm.bias", 0},
	{LAYER "ffn.linear_0.", "layers.%d.fc1.", 0},
	{LAYER "ffn.linear_1.", "layers.%d.fc2.", 0},
	{LAYER "ffn.layer_norm.gamma", "layers.%d.final_layer_norm.weight", 0},
	{LAYER "ffn.layer_norm.beta", "layers.%d.final_layer_norm.bias", 0},
	{"layer_norm.gamma", "layer_norm.weight", 0},
	{"layer_norm.beta", "layer_norm.bias", 0},
	{"conv1.", "conv1.", 0},
	{"conv2.", "conv2.", 0},
	{NULL, NULL, 0},
};

/* ---- emotion2vec, by FunASR's and its authors' names, which are ours ---- */

static const struct ser_rename funasr[] = {
	{AUDIO "decoder.", NULL, 0},
	{AUDIO "extra_tokens", AUDIO "extra_tokens", 0},
	{AUDIO "alibi_scale", AUDIO "alibi_scale", 0},
	{AUDIO "local_encoder.", AUDIO "local_encoder.", 0},
	{AUDIO "project_features.", AUDIO "project_features.", 0},
	{AUDIO "relative_positional_encoder.", AUDIO "relative_positional_encoder.", 0},
	{AUDIO "context_encoder.", AUDIO "context_encoder.", 0},
	{"blocks.", "blocks.", 0},
	{"_ema", NULL, 0},
	{"proj.", NULL, 0},
	{"recon_proj.", NULL, 0},
	{NULL, NULL, 0},
};

/* ---- resemblyzer ---- */

static const struct ser_rename resemblyzer[] = {
	{"lstm.", "lstm.", 0},        {"linear.", "linear.", 0}, {"similarity_weight", NULL, 0},
	{"similarity_bias", NULL, 0}, {NULL, NULL, 0},
};

/* ---- all of them ---- */

#define CONVS "feature_extractor.conv_layers.0."
#define WORDS "embeddings.word_embeddings.weight"
const struct ser_encoder_family ser_encoder_families[] = {
	{SER_FROM_HF, "wav2vec2", "wav2vec2", NULL, CONVS "conv.weight", hf_speech, hf_speech_settings},
	{SER_FROM_HF, "hubert", "hubert", NULL, CONVS "conv.weight", hf_speech, hf_speech_settings},
	{SER_FROM_HF, "wavlm", "wavlm", NULL, CONVS "conv.weight", hf_speech, hf_wavlm_settings},
	{SER_FROM_HF, "data2vec-audio", "data2vec-audio", NULL, CONVS "conv.weight", hf_speech, hf_data2vec_settings},
	{SER_FROM_HF, "whisper", "whisper", NULL, "conv1.weight", hf_whisper, hf_whisper_settings},
	{SER_FROM_HF, "roberta", "roberta", NULL, WORDS, hf_text, hf_roberta_settings},
	{SER_FROM_HF, "roberta", "xlm-roberta", NULL, WORDS, hf_text, hf_roberta_settings},
	{SER_FROM_HF, "bert", "bert", NULL, WORDS, hf_text, hf_bert_settings},
	{SER_FROM_FAIRSEQ, "roberta", NULL, "embed_tokens.weight", "embed_tokens.weight", fairseq_roberta,
	 fairseq_settings},
	{SER_FROM_FAIRSEQ, "emotion2vec", NULL, AUDIO "context_encoder.norm.weight",
	 AUDIO "context_encoder.norm.weight", funasr, no_settings},
	{SER_FROM_FAIRSEQ, "wavlm", NULL, "encoder.layers.0.self_attn.relative_attention_bias.weight", CONVS "0.weight",
	 fairseq_speech, fairseq_settings},
	{SER_FROM_FAIRSEQ, "data2vec-audio", NULL, "encoder.pos_conv.1.0.weight", CONVS "0.weight", fairseq_speech,
	 fairseq_settings},
	{SER_FROM_FAIRSEQ, "hubert", NULL, "label_embs_concat", CONVS "0.weight", fairseq_speech, fairseq_settings},
	{SER_FROM_FAIRSEQ, "wav2vec2", NULL, NULL, CONVS "0.weight", fairseq_speech, fairseq_settings},
	{SER_FROM_TORCHAUDIO, "wavlm", NULL, "encoder.transformer.layers.0.attention.rel_attn_embed.weight",
	 CONVS "conv.weight", torchaudio, no_settings},
	{SER_FROM_TORCHAUDIO, "wav2vec2", NULL, NULL, CONVS "conv.weight", torchaudio, no_settings},
	{SER_FROM_OPENAI_WHISPER, "whisper", NULL, NULL, "conv1.weight", openai_whisper, openai_whisper_settings},
	{SER_FROM_CTRANSLATE2, "whisper", NULL, NULL, "conv1.weight", ctranslate2, no_settings},
	{SER_FROM_FUNASR, "emotion2vec", NULL, NULL, AUDIO "context_encoder.norm.weight", funasr, no_settings},
	{SER_FROM_RESEMBLYZER, "ge2e", NULL, NULL, "lstm.weight_ih_l0", resemblyzer, no_settings},
	{SER_FROM_HF, NULL, NULL, NULL, NULL, NULL, NULL},
};
