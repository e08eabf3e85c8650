/* SPDX-License-Identifier: MIT */
/* convpool: convolutions over time, attentive statistics pooling (Okabe et al. 2018), a linear layer. Small enough to
 * train on a few hundred utterances. */
#include "model/arch.h"

#include <stdio.h>

enum { CHANNELS, BLOCKS, KERNEL, DOWN, ATT, EMB, DROPOUT };
static const struct ser_hyper hyper[] = {
	[CHANNELS] = {"channels", 128, 1, 4096, SER_HYPER_WHOLE, "channels of every convolution"},
	[BLOCKS] = {"blocks", 4, 1, 64, SER_HYPER_WHOLE, "convolutions, each with batch norm, ReLU and dropout"},
	[KERNEL] = {"kernel", 5, 1, 63, SER_HYPER_ODD, "frames a convolution sees"},
	[DOWN] = {"down", 2, 0, 8, SER_HYPER_WHOLE, "the first so many of them halve the frame rate"},
	[ATT] = {"att", 64, 1, 4096, SER_HYPER_WHOLE, "hidden units of the attention over time"},
	[EMB] = {"emb", 128, 1, 65536, SER_HYPER_WHOLE, "dimensions of the embedding"},
	[DROPOUT] = {"dropout", 0.2, 0, 0.95, SER_HYPER_REAL, "dropout after each convolution and after pooling"},
	{0},
};

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	size_t ch = (size_t)h[CHANNELS], n_block = (size_t)h[BLOCKS];
	for (size_t i = 0; i < n_block; i++) {
		char name[32];
		snprintf(name, sizeof name, "block%zu", i);
		x = ser_arch_conv_bn_relu(t, name, x, ch,
					  ser_arch_same((size_t)h[KERNEL], i < (size_t)h[DOWN] ? 2 : 1, 1));
		x = ser_nn_dropout(t, x, h[DROPOUT]);
	}
	int u = ser_layer_attn_stats(t, "pool", x, (size_t)h[ATT], false);
	u = ser_nn_dropout(t, u, h[DROPOUT]);
	return (struct ser_encoded){.frames = x, .emb = ser_layer_linear(t, "emb", u, (size_t)h[EMB], true)};
}

const struct ser_arch ser_arch_convpool = {
	.name = "convpool",
	.summary = "convolutions over time and attentive statistics pooling",
	.hyper = hyper,
	.build = build,
	.min_frame = ser_arch_any_length,
};
