/* SPDX-License-Identifier: MIT */
/* emotion2vec (Ma et al. 2024), and data2vec 2.0 (Baevski et al. 2023) with extra 0: wav2vec2's waveform and data2vec's positions, then
 * learnt tokens before the frames and layers whose attention fades with distance (ALiBi). The input is a waveform [N,1] at 16 kHz
 * in [-1,1]; frames come 50 a second, the embedding is their mean. Below "encoder." the names are those of its authors;
 * extra_tokens is [extra, dim] and alibi_scale [heads] here, without their axes of one element. */
#include "model/arch.h"

#include <math.h>

enum {
	DIM,
	PRENET,
	LAYERS,
	HEADS,
	FFN,
	CONV_DIM,
	POS_KERNEL,
	POS_GROUPS,
	POS_LAYERS,
	EXTRA,
	NORMALIZE,
	DROPOUT,
	ATTN_DROPOUT,
	LAYERDROP
};
static const struct ser_hyper hyper[] = {
	[DIM] = {"dim", 768, 1, 8192, SER_HYPER_WHOLE, "channels of the layers and of the embedding"},
	[PRENET] = {"prenet", 4, 0, SER_MAX_LAYER / 2, SER_HYPER_WHOLE,
		    "transformer layers named as the waveform's own"},
	[LAYERS] = {"layers", 8, 1, SER_MAX_LAYER / 2, SER_HYPER_WHOLE, "transformer layers after them"},
	[HEADS] = {"heads", 12, 1, 64, SER_HYPER_WHOLE, "attention heads of a layer"},
	[FFN] = {"ffn", 3072, 1, 65536, SER_HYPER_WHOLE, "hidden units of their feed-forward part"},
	[CONV_DIM] = {"conv_dim", 512, 1, 8192, SER_HYPER_WHOLE, "channels of the convolutions over the waveform"},
	[POS_KERNEL] = {"pos_kernel", 19, 1, 1024, SER_HYPER_WHOLE, "frames a convolution for positions sees"},
	[POS_GROUPS] = {"pos_groups", 16, 1, 1024, SER_HYPER_WHOLE, "their groups"},
	[POS_LAYERS] = {"pos_layers", 5, 1, 16, SER_HYPER_WHOLE, "so many of them"},
	[EXTRA] = {"extra", 10, 0, 1024, SER_HYPER_WHOLE, "learnt tokens before the frames"},
	[NORMALIZE] = {"normalize", 1, 0, 1, SER_HYPER_WHOLE, "1: waveforms to mean 0 and variance 1"},
	[DROPOUT] = {"dropout", 0.1, 0, 0.95, SER_HYPER_REAL, "dropout before and in layers"},
	[ATTN_DROPOUT] = {"attn_dropout", 0.1, 0, 0.95, SER_HYPER_REAL, "dropout of attention weights"},
	[LAYERDROP] = {"layerdrop", 0, 0, 0.95, SER_HYPER_REAL,
		       "probability that a layer is left out of a training step"},
	{0},
};

/* 2^(-8 i/n), i = 1 .. n, for n a power of two; else those of the next lower one, then every second of the next higher one's (Press
 * et al. 2022) */
static void slopes(size_t n, float *s)
{
	size_t low = 1;
	while (low * 2 <= n)
		low *= 2;
	for (size_t i = 0; i < n; i++)
		s[i] = (float)exp2(i < low ? -8.0 * (double)(i + 1) / (double)low
					   : -8.0 * (double)(2 * (i - low) + 1) / (double)(2 * low));
}

/* [1, n_head]: slopes times what was learnt, none below 0 */
static int alibi(struct ser_tape *t, size_t n_head)
{
	float s[64];
	const float *row = s;
	slopes(n_head, s);
	int a = ser_layer_param(t, "alibi_scale", SER_P_NO_DECAY, (struct ser_init){SER_INIT_CONST, 1}, 1, &n_head);
	return ser_nn_mul(t, ser_nn_relu(t, a), ser_tape_batch(t, 1, &row, (size_t[]){1}, n_head));
}

/* The input of the first layer, and the biases */
static int begin(struct ser_tape *t, const double *h, int x, int *bias)
{
	size_t D = (size_t)h[DIM], n = (size_t)h[EXTRA];
	ser_tape_enter(t, "modality_encoders.AUDIO");
	x = ser_arch_speech_frames(t,
				   &(struct ser_arch_speech){.layers = "local_encoder.conv_layers",
							     .conv = "0",
							     .norm = "2.1",
							     .n_ch = (size_t)h[CONV_DIM],
							     .conv_norm = true,
							     .wave_eps = h[NORMALIZE] != 0 ? 1e-5 : 0},
				   x);
	x = ser_arch_norm(t, "project_features.1", x, 1e-5);
	x = ser_layer_linear(t, "project_features.2", x, D, true);
	x = ser_nn_add(t, x,
		       ser_arch_position_convs(t,
					       &(struct ser_arch_positions){.layers = "relative_positional_encoder",
									    .conv = "0",
									    .first = 1,
									    .n_layer = (size_t)h[POS_LAYERS],
									    .k = (size_t)h[POS_KERNEL],
									    .groups = (size_t)h[POS_GROUPS]},
					       x));
	if (n > 0)
		x = ser_nn_prepend(t, x,
				   ser_layer_param(t, "extra_tokens", 0, (struct ser_init){SER_INIT_NORMAL, 0.02}, 2,
						   (size_t[]){n, D}));
	*bias = alibi(t, (size_t)h[HEADS]);
	x = ser_arch_norm(t, "context_encoder.norm", x, 1e-5);
	ser_tape_leave(t);
	return ser_nn_dropout(t, x, h[DROPOUT]);
}

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	size_t n = (size_t)h[EXTRA], prenet = (size_t)h[PRENET];
	struct ser_encoded y = {.n_layer = prenet + (size_t)h[LAYERS]};
	struct ser_arch_transformer o = {
		.product = {"attn.qkv", NULL, NULL, "attn.proj"},
		.norm1 = "norm1",
		.up = "mlp.fc1",
		.down = "mlp.fc2",
		.norm2 = "norm2",
		.attn = {.n_head = (size_t)h[HEADS], .slope = true, .n_plain = n, .dropout = h[ATTN_DROPOUT]},
		.n_ffn = (size_t)h[FFN],
		.eps = 1e-5,
		.dropout = h[DROPOUT]};
	int bias;
	x = begin(t, h, x, &bias);
	for (size_t i = 0; i < y.n_layer; i++) {
		y.layer[i] = ser_nn_trim(t, x, n, 0);
		if (ser_tape_chance(t, h[LAYERDROP]))
			continue;
		if (i < prenet)
			ser_tape_enter(t, "modality_encoders.AUDIO.context_encoder.blocks.%zu", i);
		else
			ser_tape_enter(t, "blocks.%zu", i - prenet);
		x = ser_arch_transformer_layer(t, &o, x, bias);
		ser_tape_leave(t);
	}
	y.frames = y.layer[y.n_layer] = ser_nn_trim(t, x, n, 0);
	y.emb = ser_nn_pool_mean(t, y.frames);
	return y;
}

static const char *check(const double *h)
{
	if ((size_t)h[DIM] % (size_t)h[HEADS] != 0)
		return "dim is no multiple of heads";
	return (size_t)h[DIM] % (size_t)h[POS_GROUPS] != 0 ? "dim is no multiple of pos_groups" : NULL;
}

const struct ser_arch ser_arch_emotion2vec = {
	.name = "emotion2vec",
	.summary = "emotion2vec, and data2vec 2.0",
	.hyper = hyper,
	.build = build,
	.min_frame = ser_arch_speech_least,
	.check = check,
	.extractor = "modality_encoders.AUDIO.local_encoder.",
	.n_in = 1,
};
