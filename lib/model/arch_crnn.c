/* SPDX-License-Identifier: MIT */
/* crnn: convolutions over time and frequency with max pooling, a bidirectional LSTM (or GRU), attentive statistics pooling, a
 * linear layer. */
#include "model/arch.h"

#include <stdio.h>

enum { CHANNELS, BLOCKS, KERNEL, HIDDEN, ATT, EMB, DROPOUT, GRU };
static const struct ser_hyper hyper[] = {
	[CHANNELS] = {"channels", 32, 1, 1024, SER_HYPER_WHOLE, "channels of every convolution"},
	[BLOCKS] = {"blocks", 3, 1, 8, SER_HYPER_WHOLE,
		    "convolutions, each with batch norm, ReLU, 2 x 2 max pooling (the first only over frequency) and "
		    "dropout"},
	[KERNEL] = {"kernel", 3, 1, 31, SER_HYPER_ODD, "frames and bands a convolution sees"},
	[HIDDEN] = {"hidden", 64, 1, 4096, SER_HYPER_WHOLE, "units of the LSTM, each direction"},
	[ATT] = {"att", 64, 1, 4096, SER_HYPER_WHOLE, "hidden units of the attention over time"},
	[EMB] = {"emb", 128, 1, 65536, SER_HYPER_WHOLE, "dimensions of the embedding"},
	[DROPOUT] = {"dropout", 0.2, 0, 0.95, SER_HYPER_REAL, "dropout after each convolution and after pooling"},
	[GRU] = {"gru", 0, 0, 1, SER_HYPER_WHOLE, "1: gated recurrent units, 0: LSTM"},
	{0},
};

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	size_t ch = (size_t)h[CHANNELS], n_freq = ser_tape_shape(t, x).n_col;
	struct ser_conv c = ser_arch_same((size_t)h[KERNEL], 1, 1);
	for (size_t i = 0; i < (size_t)h[BLOCKS]; i++) {
		size_t kf = n_freq >= 2 ? 2 : 1;
		ser_tape_enter(t, "block%zu", i);
		x = ser_layer_conv2d(t, "conv", x, n_freq, ch, &c, &c, false);
		x = ser_nn_relu(t, ser_layer_batch_norm(t, "norm", x, ch));
		x = ser_nn_max_pool2d(t, x, n_freq, i > 0 ? 2 : 1, kf);
		x = ser_nn_dropout(t, x, h[DROPOUT]);
		ser_tape_leave(t);
		n_freq /= kf;
	}
	x = h[GRU] != 0 ? ser_layer_gru(t, "gru", x, (size_t)h[HIDDEN], true)
			: ser_layer_lstm(t, "lstm", x, (size_t)h[HIDDEN], true);
	int u = ser_layer_attn_stats(t, "pool", x, (size_t)h[ATT], false);
	u = ser_nn_dropout(t, u, h[DROPOUT]);
	return (struct ser_encoded){.frames = x, .emb = ser_layer_linear(t, "emb", u, (size_t)h[EMB], true)};
}

const struct ser_arch ser_arch_crnn = {
	.name = "crnn",
	.summary = "convolutions over time and frequency, BLSTM and attentive statistics pooling",
	.hyper = hyper,
	.build = build,
	.min_frame = ser_arch_any_length,
};
