/* SPDX-License-Identifier: MIT */
/* conformer: convolutions that lower the frame rate, Conformer blocks (Gulati et al. 2020; where distances have biases of their own
 * instead of relative sinusoids), attentive statistics pooling, a linear layer. */
#include "model/arch.h"

#include <stdio.h>

enum { HEAD_SIZE, HEADS, DOWN, LAYERS, KERNEL, FFN, REACH, ATT, EMB, DROPOUT };
static const struct ser_hyper hyper[] = {
	[HEAD_SIZE] = {"head_size", 36, 1, 512, SER_HYPER_WHOLE, "channels of an attention head"},
	[HEADS] = {"heads", 4, 1, 64, SER_HYPER_WHOLE, "attention heads; channels are heads times head_size"},
	[DOWN] = {"down", 2, 1, 8, SER_HYPER_WHOLE, "convolutions before the blocks, each halves the frame rate"},
	[LAYERS] = {"layers", 4, 1, 48, SER_HYPER_WHOLE, "blocks"},
	[KERNEL] = {"kernel", 31, 1, 255, SER_HYPER_ODD, "frames that a block's convolution sees"},
	[FFN] = {"ffn", 576, 1, 65536, SER_HYPER_WHOLE, "hidden units of a block's two feed-forward parts"},
	[REACH] = {"reach", 32, 0, 4096, SER_HYPER_WHOLE,
		   "frames up to which distances have biases of their own; 0: none"},
	[ATT] = {"att", 64, 1, 4096, SER_HYPER_WHOLE, "hidden units of the pooling's attention over time"},
	[EMB] = {"emb", 128, 1, 65536, SER_HYPER_WHOLE, "dimensions of the embedding"},
	[DROPOUT] = {"dropout", 0.1, 0, 0.95, SER_HYPER_REAL,
		     "dropout after the first convolutions, in blocks and after pooling"},
	{0},
};

/* Half of a feed-forward part is added */
static int feed_forward(struct ser_tape *t, const double *h, const char *name, int x, size_t ch)
{
	ser_tape_enter(t, "%s", name);
	int y = ser_layer_linear(t, "up", ser_layer_layer_norm(t, "norm", x, ch), (size_t)h[FFN], true);
	y = ser_layer_linear(t, "down", ser_nn_dropout(t, ser_nn_silu(t, y), h[DROPOUT]), ch, true);
	ser_tape_leave(t);
	return ser_nn_add(t, x, ser_nn_scale(t, ser_nn_dropout(t, y, h[DROPOUT]), 0.5));
}

static int attention(struct ser_tape *t, const double *h, int x, size_t ch)
{
	int y = ser_layer_layer_norm(t, "attn_norm", x, ch);
	y = ser_layer_mha(t, "attn", y, (size_t)h[HEADS], (size_t)h[REACH], h[DROPOUT]);
	return ser_nn_add(t, x, ser_nn_dropout(t, y, h[DROPOUT]));
}

static int convolution(struct ser_tape *t, const double *h, int x, size_t ch)
{
	ser_tape_enter(t, "conv");
	int y = ser_layer_linear(t, "up", ser_layer_layer_norm(t, "norm", x, ch), 2 * ch, true);
	y = ser_layer_depthwise(t, "time", ser_nn_glu(t, y), (size_t)h[KERNEL]);
	y = ser_nn_silu(t, ser_layer_batch_norm(t, "batch_norm", y, ch));
	y = ser_layer_linear(t, "down", y, ch, true);
	ser_tape_leave(t);
	return ser_nn_add(t, x, ser_nn_dropout(t, y, h[DROPOUT]));
}

static int block(struct ser_tape *t, const double *h, int x, size_t ch)
{
	x = feed_forward(t, h, "ffn1", x, ch);
	x = attention(t, h, x, ch);
	x = convolution(t, h, x, ch);
	x = feed_forward(t, h, "ffn2", x, ch);
	return ser_layer_layer_norm(t, "norm", x, ch);
}

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	size_t ch = (size_t)h[HEADS] * (size_t)h[HEAD_SIZE];
	for (size_t i = 0; i < (size_t)h[DOWN]; i++) {
		char name[32];
		snprintf(name, sizeof name, "conv%zu", i);
		x = ser_arch_conv_bn_relu(t, name, x, ch, ser_arch_same(3, 2, 1));
		x = ser_nn_dropout(t, x, h[DROPOUT]);
	}
	for (size_t i = 0; i < (size_t)h[LAYERS]; i++) {
		ser_tape_enter(t, "layer%zu", i);
		x = block(t, h, x, ch);
		ser_tape_leave(t);
	}
	int u = ser_nn_dropout(t, ser_layer_attn_stats(t, "pool", x, (size_t)h[ATT], false), h[DROPOUT]);
	return (struct ser_encoded){.frames = x, .emb = ser_layer_linear(t, "emb", u, (size_t)h[EMB], true)};
}

const struct ser_arch ser_arch_conformer = {
	.name = "conformer",
	.summary = "convolutions, Conformer blocks and attentive statistics pooling",
	.hyper = hyper,
	.build = build,
	.min_frame = ser_arch_any_length,
};
