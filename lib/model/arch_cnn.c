/* SPDX-License-Identifier: MIT */
/* cnn: convolutions over time and frequency with max pooling (the first moves by two frames instead), attentive statistics
 * pooling (Okabe et al. 2018) of what remains of all bands, batch norm, a linear layer. Small enough to train on a few hundred
 * utterances. */
#include "model/arch.h"

enum { CHANNELS, BLOCKS, KERNEL, ATT, EMB, DROPOUT };
static const struct ser_hyper hyper[] = {
	[CHANNELS] = {"channels", 16, 1, 1024, SER_HYPER_WHOLE,
		      "channels of the first convolution, twice in the second, ..."},
	[BLOCKS] =
		{"blocks", 4, 1, 8, SER_HYPER_WHOLE,
		 "convolutions, each with batch norm, ReLU, dropout and half the frames and bands of the one before"},
	[KERNEL] = {"kernel", 3, 1, 31, SER_HYPER_ODD, "frames and bands a convolution sees"},
	[ATT] = {"att", 64, 1, 4096, SER_HYPER_WHOLE, "hidden units of the attention over time"},
	[EMB] = {"emb", 128, 1, 65536, SER_HYPER_WHOLE, "dimensions of the embedding"},
	[DROPOUT] = {"dropout", 0.2, 0, 0.95, SER_HYPER_REAL,
		     "dropout before the linear layer; half of it after each block"},
	{0},
};

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	size_t n_freq = ser_tape_shape(t, x).n_col;
	struct ser_conv cf = ser_arch_same((size_t)h[KERNEL], 1, 1);
	for (size_t i = 0; i < (size_t)h[BLOCKS]; i++) {
		size_t kf = n_freq >= 2 ? 2 : 1, ch = (i + 1) * (size_t)h[CHANNELS];
		struct ser_conv ct = ser_arch_same((size_t)h[KERNEL], i == 0 ? 2 : 1, 1);
		ser_tape_enter(t, "block%zu", i);
		x = ser_layer_conv2d(t, "conv", x, n_freq, ch, &ct, &cf, false);
		x = ser_nn_relu(t, ser_layer_batch_norm(t, "norm", x, ch));
		x = ser_nn_max_pool2d(t, x, n_freq, i == 0 ? 1 : 2, kf);
		x = ser_nn_dropout(t, x, h[DROPOUT] / 2);
		ser_tape_leave(t);
		n_freq /= kf;
	}
	int u = ser_layer_attn_stats(t, "pool", x, (size_t)h[ATT], false);
	u = ser_layer_batch_norm(t, "norm", u, ser_tape_shape(t, u).n_col);
	u = ser_nn_dropout(t, u, h[DROPOUT]);
	return (struct ser_encoded){.frames = x, .emb = ser_layer_linear(t, "emb", u, (size_t)h[EMB], true)};
}

const struct ser_arch ser_arch_cnn = {
	.name = "cnn",
	.summary = "convolutions over time and frequency, attentive statistics pooling",
	.hyper = hyper,
	.build = build,
	.min_frame = ser_arch_any_length,
};
