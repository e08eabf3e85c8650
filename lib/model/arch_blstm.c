/* SPDX-License-Identifier: MIT */
/* blstm: bidirectional LSTM (or GRU) layers over frames as they are, for what is told frame by frame; the embedding is their mean over
 * time. */
#include "model/arch.h"

#include <stdio.h>

enum { HIDDEN, LAYERS, DROPOUT, GRU };
static const struct ser_hyper hyper[] = {
	[HIDDEN] = {"hidden", 128, 1, 4096, SER_HYPER_WHOLE, "units of a layer, each direction"},
	[LAYERS] = {"layers", 2, 1, 16, SER_HYPER_WHOLE, "layers"},
	[DROPOUT] = {"dropout", 0.2, 0, 0.95, SER_HYPER_REAL, "dropout after each layer"},
	[GRU] = {"gru", 0, 0, 1, SER_HYPER_WHOLE, "1: gated recurrent units, 0: LSTM"},
	{0},
};

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	for (size_t i = 0; i < (size_t)h[LAYERS]; i++) {
		char name[32];
		snprintf(name, sizeof name, h[GRU] != 0 ? "gru%zu" : "lstm%zu", i);
		x = (h[GRU] != 0 ? ser_layer_gru : ser_layer_lstm)(t, name, x, (size_t)h[HIDDEN], true);
		x = ser_nn_dropout(t, x, h[DROPOUT]);
	}
	return (struct ser_encoded){.frames = x, .emb = ser_nn_pool_mean(t, x)};
}

const struct ser_arch ser_arch_blstm = {
	.name = "blstm",
	.summary = "BLSTM layers, their mean over time",
	.hyper = hyper,
	.build = build,
	.min_frame = ser_arch_any_length,
};
