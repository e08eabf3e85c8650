/* SPDX-License-Identifier: MIT */
/* xvector: time-delay network with statistics pooling (Snyder et al., ICASSP 2018). The embedding is the first linear
 * layer after pooling. */
#include "model/arch.h"

#include <stdio.h>

enum { CHANNELS, LAST, EMB, DROPOUT };
static const struct ser_hyper hyper[] = {
	[CHANNELS] = {"channels", 512, 1, 8192, SER_HYPER_WHOLE, "channels of the first four layers"},
	[LAST] = {"last", 1500, 1, 16384, SER_HYPER_WHOLE, "channels of the fifth, which is pooled"},
	[EMB] = {"emb", 512, 1, 65536, SER_HYPER_WHOLE, "dimensions of the embedding"},
	[DROPOUT] = {"dropout", 0, 0, 0.95, SER_HYPER_REAL, "dropout after pooling"},
	{0},
};

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	static const struct {
		size_t k, dil;
	} layer[] = {{5, 1}, {3, 2}, {3, 3}, {1, 1}, {1, 1}};
	for (size_t i = 0; i < 5; i++) {
		char name[32];
		snprintf(name, sizeof name, "tdnn%zu", i);
		x = ser_arch_conv_relu_bn(t, name, x, (size_t)h[i < 4 ? CHANNELS : LAST],
					  ser_arch_same(layer[i].k, 1, layer[i].dil));
	}
	int u = ser_nn_dropout(t, ser_nn_pool_stats(t, x, -1, 1e-4), h[DROPOUT]);
	return (struct ser_encoded){.frames = x, .emb = ser_layer_linear(t, "emb", u, (size_t)h[EMB], true)};
}

const struct ser_arch ser_arch_xvector = {
	.name = "xvector",
	.summary = "time-delay network with statistics pooling",
	.hyper = hyper,
	.build = build,
	.min_frame = ser_arch_any_length,
};
