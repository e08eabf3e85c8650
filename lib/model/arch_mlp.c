/* SPDX-License-Identifier: MIT */
/* mlp and linear: no view of time but the mean and the deviation of each dimension; for functionals and embeddings, and
 * as baselines. A field of one axis is one frame, whose deviation says nothing. */
#include "model/arch.h"

#include <stdio.h>

enum { HIDDEN, LAYERS, DROPOUT };
static const struct ser_hyper hyper[] = {
	[HIDDEN] = {"hidden", 128, 1, 65536, SER_HYPER_WHOLE, "units of each layer; the last is the embedding"},
	[LAYERS] = {"layers", 2, 1, 32, SER_HYPER_WHOLE, "linear layers, each with batch norm, ReLU and dropout"},
	[DROPOUT] = {"dropout", 0.2, 0, 0.95, SER_HYPER_REAL, "dropout"},
	{0},
};
static const struct ser_hyper none[] = {{0}};

static struct ser_encoded build_linear(struct ser_tape *t, const double *h, int x)
{
	(void)h;
	return (struct ser_encoded){.frames = -1, .emb = ser_nn_pool_stats(t, x, -1, 1e-4)};
}

static struct ser_encoded build_mlp(struct ser_tape *t, const double *h, int x)
{
	int u = ser_nn_pool_stats(t, x, -1, 1e-4);
	for (size_t i = 0; i < (size_t)h[LAYERS]; i++) {
		ser_tape_enter(t, "layer%zu", i);
		u = ser_layer_linear(t, "linear", u, (size_t)h[HIDDEN], false);
		u = ser_nn_relu(t, ser_layer_batch_norm(t, "norm", u, (size_t)h[HIDDEN]));
		u = ser_nn_dropout(t, u, h[DROPOUT]);
		ser_tape_leave(t);
	}
	return (struct ser_encoded){.frames = -1, .emb = u};
}

const struct ser_arch ser_arch_mlp = {
	.name = "mlp",
	.summary = "mean and deviation over time, then linear layers",
	.hyper = hyper,
	.build = build_mlp,
	.min_frame = ser_arch_any_length,
};
const struct ser_arch ser_arch_linear = {
	.name = "linear",
	.summary = "mean and deviation over time, nothing more",
	.hyper = none,
	.build = build_linear,
	.min_frame = ser_arch_any_length,
};
