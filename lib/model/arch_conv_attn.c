/* SPDX-License-Identifier: MIT */
/* conv-attn: convolutions that lower the frame rate, self-attention layers (pre-norm; Vaswani et al. 2017) with a learnt
 * bias for the distance of two frames, attentive statistics pooling, a linear layer. */
#include "model/arch.h"

#include <stdio.h>

enum { HEAD_SIZE, HEADS, KERNEL, DOWN, LAYERS, FFN, REACH, ATT, EMB, DROPOUT };
static const struct ser_hyper hyper[] = {
	[HEAD_SIZE] = {"head_size", 32, 1, 512, SER_HYPER_WHOLE, "channels of an attention head"},
	[HEADS] = {"heads", 4, 1, 64, SER_HYPER_WHOLE, "attention heads; channels are heads times head_size"},
	[KERNEL] = {"kernel", 5, 1, 63, SER_HYPER_ODD, "frames a convolution sees"},
	[DOWN] = {"down", 2, 1, 8, SER_HYPER_WHOLE, "convolutions, each halves the frame rate"},
	[LAYERS] = {"layers", 2, 1, 48, SER_HYPER_WHOLE, "self-attention layers"},
	[FFN] = {"ffn", 256, 1, 65536, SER_HYPER_WHOLE, "hidden units of their feed-forward part"},
	[REACH] = {"reach", 32, 0, 4096, SER_HYPER_WHOLE,
		   "frames up to which distances have biases of their own; 0: none"},
	[ATT] = {"att", 64, 1, 4096, SER_HYPER_WHOLE, "hidden units of the pooling's attention over time"},
	[EMB] = {"emb", 128, 1, 65536, SER_HYPER_WHOLE, "dimensions of the embedding"},
	[DROPOUT] = {"dropout", 0.2, 0, 0.95, SER_HYPER_REAL,
		     "dropout after convolutions, in layers and after pooling"},
	{0},
};

static int layer(struct ser_tape *t, const double *h, int x)
{
	size_t ch = (size_t)h[HEADS] * (size_t)h[HEAD_SIZE];
	int y = ser_layer_layer_norm(t, "norm1", x, ch);
	y = ser_layer_mha(t, "attn", y, (size_t)h[HEADS], (size_t)h[REACH], 0);
	x = ser_nn_add(t, x, ser_nn_dropout(t, y, h[DROPOUT]));
	y = ser_layer_linear(t, "ffn1", ser_layer_layer_norm(t, "norm2", x, ch), (size_t)h[FFN], true);
	y = ser_layer_linear(t, "ffn2", ser_nn_dropout(t, ser_nn_gelu(t, y), h[DROPOUT]), ch, true);
	return ser_nn_add(t, x, ser_nn_dropout(t, y, h[DROPOUT]));
}

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	size_t ch = (size_t)h[HEADS] * (size_t)h[HEAD_SIZE];
	for (size_t i = 0; i < (size_t)h[DOWN]; i++) {
		char name[32];
		snprintf(name, sizeof name, "conv%zu", i);
		x = ser_arch_conv_bn_relu(t, name, x, ch, ser_arch_same((size_t)h[KERNEL], 2, 1));
		x = ser_nn_dropout(t, x, h[DROPOUT]);
	}
	for (size_t i = 0; i < (size_t)h[LAYERS]; i++) {
		ser_tape_enter(t, "layer%zu", i);
		x = layer(t, h, x);
		ser_tape_leave(t);
	}
	x = ser_layer_layer_norm(t, "norm", x, ch);
	int u = ser_layer_attn_stats(t, "pool", x, (size_t)h[ATT], false);
	u = ser_nn_dropout(t, u, h[DROPOUT]);
	return (struct ser_encoded){.frames = x, .emb = ser_layer_linear(t, "emb", u, (size_t)h[EMB], true)};
}

const struct ser_arch ser_arch_conv_attn = {
	.name = "conv-attn",
	.summary = "convolutions, self-attention and attentive statistics pooling",
	.hyper = hyper,
	.build = build,
	.min_frame = ser_arch_any_length,
};
