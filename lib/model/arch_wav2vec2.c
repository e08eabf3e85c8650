/* SPDX-License-Identifier: MIT */
/* wav2vec2, hubert, wavlm, data2vec-audio: convolutions over the waveform, convolutions for positions, transformer layers
 * (Baevski et al. 2020; Hsu et al. 2021; Chen et al. 2022; Baevski et al. 2022). The input is a waveform [N,1] at 16 kHz in
 * [-1,1]; frames come 50 a second. The embedding is their mean. Parameters as in model/arch.h; weight norm is spelt weight_g,
 * weight_v. Convolutions see each utterance alone, and norms over time its own frames: a batch gives what one by one gives. With pad_to it
 * gives what transformers gives of a batch padded to that, where norms over time, and the five convolutions for positions, hear the
 * zeros. */
#include "model/arch.h"

#include <math.h>

enum {
	DIM,
	LAYERS,
	HEADS,
	FFN,
	CONV_DIM,
	CONV_NORM,
	CONV_BIAS,
	PROJ_NORM,
	PRE_NORM,
	POS_KERNEL,
	POS_GROUPS,
	POS_LAYERS,
	NORMALIZE,
	DROPOUT,
	ATTN_DROPOUT,
	ACT_DROPOUT,
	LAYERDROP,
	MASK,
	MASK_SPAN,
	MASK_CH,
	MASK_CH_SPAN,
	PAD_TO,
	PAD_MASK,
	BUCKETS,
	FAR
};
/* clang-format off */
#define COMMON(norm, kernel, n_pos) \
	[DIM] = {"dim", 768, 1, 8192, SER_HYPER_WHOLE, "channels of the layers and of the embedding"}, \
	[LAYERS] = {"layers", 12, 1, SER_MAX_LAYER, SER_HYPER_WHOLE, "transformer layers"}, \
	[HEADS] = {"heads", 12, 1, 64, SER_HYPER_WHOLE, "attention heads of a layer"}, \
	[FFN] = {"ffn", 3072, 1, 65536, SER_HYPER_WHOLE, "hidden units of their feed-forward part"}, \
	[CONV_DIM] = {"conv_dim", 512, 1, 8192, SER_HYPER_WHOLE, "channels of the convolutions over the waveform"}, \
	[CONV_NORM] = {"conv_norm", norm, 0, 1, SER_HYPER_WHOLE, "1: layer norm in each of them; 0: group norm in the first"}, \
	[CONV_BIAS] = {"conv_bias", 0, 0, 1, SER_HYPER_WHOLE, "1: they have biases"}, \
	[PROJ_NORM] = {"proj_norm", 1, 0, 1, SER_HYPER_WHOLE, "1: a norm before their projection to the layers'"}, \
	[PRE_NORM] = {"pre_norm", 0, 0, 1, SER_HYPER_WHOLE, "1: norms before attention and feed-forward parts; 0: after"}, \
	[POS_KERNEL] = {"pos_kernel", kernel, 1, 1024, SER_HYPER_WHOLE, "frames the convolution for positions sees"}, \
	[POS_GROUPS] = {"pos_groups", 16, 1, 1024, SER_HYPER_WHOLE, "its groups"}, \
	[POS_LAYERS] = {"pos_layers", n_pos, 0, 16, SER_HYPER_WHOLE, "so many of them with norms; 0: one with weight norm"}, \
	[NORMALIZE] = {"normalize", 1, 0, 1, SER_HYPER_WHOLE, "1: waveforms to mean 0 and variance 1"}, \
	[DROPOUT] = {"dropout", 0.1, 0, 0.95, SER_HYPER_REAL, "dropout before and in layers"}, \
	[ATTN_DROPOUT] = {"attn_dropout", 0.1, 0, 0.95, SER_HYPER_REAL, "dropout of attention weights"}, \
	[ACT_DROPOUT] = {"act_dropout", 0, 0, 0.95, SER_HYPER_REAL, "dropout within feed-forward parts"}, \
	[LAYERDROP] = {"layerdrop", 0, 0, 0.95, SER_HYPER_REAL, "probability that a layer is left out of a training step"}, \
	[MASK] = {"mask", 0, 0, 1, SER_HYPER_REAL, "share of frames that training replaces by the mask vector, in spans"}, \
	[MASK_SPAN] = {"mask_span", 10, 1, 1000, SER_HYPER_WHOLE, "frames of a span"}, \
	[MASK_CH] = {"mask_channels", 0, 0, 1, SER_HYPER_REAL, "share of channels that training sets to 0, in spans"}, \
	[MASK_CH_SPAN] = {"mask_channels_span", 10, 1, 1000, SER_HYPER_WHOLE, "channels of a span"}, \
	[PAD_TO] = {"pad_to", 0, 0, 1.6e7, SER_HYPER_WHOLE, "samples to which zeros are put behind waveforms, as in padded batches; 0: none"}, \
	[PAD_MASK] = {"pad_mask", 1, 0, 1, SER_HYPER_WHOLE, "1: frames of such zeros are masked; 0: they count as others do"}
static const struct ser_hyper wav2vec2[] = {COMMON(0, 128, 0), {0}};
static const struct ser_hyper data2vec[] = {COMMON(1, 19, 5), {0}};
static const struct ser_hyper wavlm[] = {
	COMMON(0, 128, 0),
	[BUCKETS] = {"buckets", 320, 4, 4096, SER_HYPER_WHOLE, "biases by the distance of two frames"},
	[FAR] = {"max_distance", 800, 8, 65536, SER_HYPER_WHOLE, "frames up to which distances differ"},
	{0},
};
/* clang-format on */

/* One grouped convolution whose weight is a direction and a length by tap; of an even number of frames the last is left out */
static int position_conv(struct ser_tape *t, const double *h, int x)
{
	size_t D = (size_t)h[DIM], k = (size_t)h[POS_KERNEL], G = (size_t)h[POS_GROUPS], in = D / G;
	double std = sqrt(4 / (double)(k * D)); /* g begins as the length that is expected of v */
	struct ser_init normal = {SER_INIT_NORMAL, std}, zero = {SER_INIT_CONST, 0},
			length = {SER_INIT_CONST, std * sqrt((double)(D * in))};
	struct ser_conv c = {.k = k, .stride = 1, .dil = 1, .pad = k / 2, .groups = G};
	ser_tape_enter(t, "encoder.pos_conv_embed.conv");
	int b = ser_layer_param(t, "bias", SER_P_NO_DECAY, zero, 1, &D);
	int g = ser_layer_param(t, "weight_g", 0, length, 3, (size_t[]){1, k, 1});
	int v = ser_layer_param(t, "weight_v", 0, normal, 3, (size_t[]){D, k, in});
	ser_tape_leave(t);
	x = ser_nn_conv1d(t, x, ser_nn_weight_norm(t, v, g), b, &c);
	return ser_nn_gelu(t, ser_nn_trim(t, x, 0, 1 - k % 2));
}

static int positions(struct ser_tape *t, const double *h, int x)
{
	struct ser_arch_positions o = {.layers = "encoder.pos_conv_embed.layers",
				       .conv = "conv",
				       .n_layer = (size_t)h[POS_LAYERS],
				       .k = (size_t)h[POS_KERNEL],
				       .groups = (size_t)h[POS_GROUPS]};
	if (h[PAD_TO] > 0 && h[PAD_MASK] != 0)
		o.pad_to = ser_arch_speech_n((size_t)h[PAD_TO]);
	return o.n_layer > 0 ? ser_arch_position_convs(t, &o, x) : position_conv(t, h, x);
}

static int features(struct ser_tape *t, const double *h, int x, struct ser_encoded *y)
{
	size_t D = (size_t)h[DIM];
	x = ser_arch_speech_frames(t,
				   &(struct ser_arch_speech){.layers = "feature_extractor.conv_layers",
							     .conv = "conv",
							     .norm = "layer_norm",
							     .n_ch = (size_t)h[CONV_DIM],
							     .conv_norm = h[CONV_NORM] != 0,
							     .conv_bias = h[CONV_BIAS] != 0,
							     .wave_eps = h[NORMALIZE] != 0 ? 1e-7 : 0,
							     .pad_to = (size_t)h[PAD_TO],
							     .pad_mask = h[PAD_MASK] != 0},
				   x);
	y->front.there = true;
	if (h[PROJ_NORM] != 0)
		x = ser_arch_norm(t, "feature_projection.layer_norm", x, 1e-5);
	y->front.features = x;
	x = ser_nn_dropout(t, ser_layer_linear(t, "feature_projection.projection", x, D, true), h[DROPOUT]);
	int v = ser_layer_param(t, "masked_spec_embed", SER_P_NO_DECAY, (struct ser_init){SER_INIT_UNIFORM, 1}, 1, &D);
	struct ser_mask mask = {h[MASK], (size_t)h[MASK_SPAN], 2, h[MASK_CH], (size_t)h[MASK_CH_SPAN]};
	return y->front.masked = ser_nn_mask(t, x, v, &mask);
}

static struct ser_encoded encode(struct ser_tape *t, const double *h, int x, size_t n_bucket, size_t most)
{
	struct ser_encoded y = {.n_layer = (size_t)h[LAYERS]};
	struct ser_arch_transformer o = {
		.product = {"attention.q_proj", "attention.k_proj", "attention.v_proj", "attention.out_proj"},
		.norm1 = "layer_norm",
		.up = "feed_forward.intermediate_dense",
		.down = "feed_forward.output_dense",
		.norm2 = "final_layer_norm",
		.attn = {.n_head = (size_t)h[HEADS], .most_log = most, .dropout = h[ATTN_DROPOUT]},
		.n_ffn = (size_t)h[FFN],
		.pre_norm = h[PRE_NORM] != 0,
		.gated = n_bucket > 0,
		.eps = 1e-5,
		.dropout = h[DROPOUT],
		.act_dropout = h[ACT_DROPOUT]};
	x = features(t, h, x, &y);
	x = ser_nn_add(t, x, positions(t, h, x));
	if (!o.pre_norm)
		x = ser_arch_norm(t, "encoder.layer_norm", x, 1e-5);
	x = ser_nn_dropout(t, x, h[DROPOUT]);
	int bias = -1;
	if (n_bucket > 0) /* the first layer's, for all */
		bias = ser_layer_param(t, "encoder.layers.0.attention.rel_attn_embed.weight", SER_P_NO_DECAY,
				       (struct ser_init){SER_INIT_NORMAL, sqrt(2 / (double)(n_bucket + o.attn.n_head))},
				       2, (size_t[]){n_bucket, o.attn.n_head});
	for (size_t i = 0; i < y.n_layer; i++) {
		y.layer[i] = x;
		if (ser_tape_chance(t, h[LAYERDROP]))
			continue;
		ser_tape_enter(t, "encoder.layers.%zu", i);
		x = ser_arch_transformer_layer(t, &o, x, bias);
		y.ffn[i] = o.ffn;
		ser_tape_leave(t);
	}
	if (o.pre_norm)
		x = ser_arch_norm(t, "encoder.layer_norm", x, 1e-5);
	y.frames = y.layer[y.n_layer] = x;
	y.emb = ser_nn_pool_mean(t, x);
	return y;
}

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	return encode(t, h, x, 0, 0);
}

static struct ser_encoded build_wavlm(struct ser_tape *t, const double *h, int x)
{
	return encode(t, h, x, (size_t)h[BUCKETS], (size_t)h[FAR]);
}

static const char *check(const double *h)
{
	if ((size_t)h[DIM] % (size_t)h[HEADS] != 0)
		return "dim is no multiple of heads";
	if (h[PAD_TO] > 0 && h[PAD_TO] < (double)ser_arch_speech_least(h))
		return "pad_to is less than the 400 samples that a frame sees";
	return (size_t)h[DIM] % (size_t)h[POS_GROUPS] != 0 ? "dim is no multiple of pos_groups" : NULL;
}

static size_t max_frame(const double *h)
{
	return h[PAD_TO] > 0 ? (size_t)h[PAD_TO] : SIZE_MAX;
}

static const char *check_wavlm(const double *h)
{
	if ((size_t)h[BUCKETS] % 4 != 0)
		return "buckets is no multiple of 4";
	return h[FAR] <= h[BUCKETS] / 4 ? "max_distance is no more than a quarter of buckets" : check(h);
}

const struct ser_arch ser_arch_wav2vec2 = {
	.name = "wav2vec2",
	.summary = "waveform to transformer layers, trained on contrasts",
	.hyper = wav2vec2,
	.build = build,
	.min_frame = ser_arch_speech_least,
	.check = check,
	.max_frame = max_frame,
	.hop = 320,
	.extractor = "feature_extractor.",
	.n_in = 1,
};
const struct ser_arch ser_arch_hubert = {
	.name = "hubert",
	.summary = "the same, trained on clusters",
	.hyper = wav2vec2,
	.build = build,
	.min_frame = ser_arch_speech_least,
	.check = check,
	.max_frame = max_frame,
	.hop = 320,
	.extractor = "feature_extractor.",
	.n_in = 1,
};
const struct ser_arch ser_arch_wavlm = {
	.name = "wavlm",
	.summary = "the same with gated biases by distance",
	.hyper = wavlm,
	.build = build_wavlm,
	.min_frame = ser_arch_speech_least,
	.check = check_wavlm,
	.max_frame = max_frame,
	.hop = 320,
	.extractor = "feature_extractor.",
	.n_in = 1,
};
const struct ser_arch ser_arch_data2vec_audio = {
	.name = "data2vec-audio",
	.summary = "the same with five convolutions for positions",
	.hyper = data2vec,
	.build = build,
	.min_frame = ser_arch_speech_least,
	.check = check,
	.max_frame = max_frame,
	.hop = 320,
	.extractor = "feature_extractor.",
	.n_in = 1,
};
