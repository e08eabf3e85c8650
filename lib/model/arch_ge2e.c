/* SPDX-License-Identifier: MIT */
/* ge2e: the speaker encoder of Wan et al. (ICASSP 2018) as resemblyzer has it: LSTM layers over windows of 1.6 s, each window's last
 * state projected, rectified and of unit length, and the unit vector along their mean. Windows begin every 0.77 s; the last, filled
 * up with zeros, counts where three quarters of it are sound. resemblyzer puts these zeros behind the waveform: the frames past the
 * end that still hear it are the `tail`. Names are resemblyzer's. */
#include "model/arch.h"

#include <math.h>
#include <stdio.h>

enum { HIDDEN, LAYERS, EMB, TAIL };
static const struct ser_hyper hyper[] = {
	[HIDDEN] = {"hidden", 256, 1, 8192, SER_HYPER_WHOLE, "units of an LSTM layer"},
	[LAYERS] = {"layers", 3, 1, 16, SER_HYPER_WHOLE, "LSTM layers"},
	[EMB] = {"emb", 256, 1, 65536, SER_HYPER_WHOLE, "dimensions of the embedding"},
	[TAIL] = {"tail", 0, 0, 1000, SER_HYPER_WHOLE, "frames past the end, which begin no window"},
	{0},
};

static int param(struct ser_tape *t, const char *what, size_t layer, unsigned flags, size_t H, size_t n_in)
{
	char name[48];
	snprintf(name, sizeof name, "%s_l%zu", what, layer);
	struct ser_init init = {SER_INIT_UNIFORM, 1 / sqrt((double)H)};
	return ser_layer_param(t, name, flags, init, n_in > 0 ? 2 : 1, (size_t[]){4 * H, n_in});
}

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	const struct ser_windows windows = {.n_row = 160, .step = 77, .least = 121, .tail = (size_t)h[TAIL]};
	size_t H = (size_t)h[HIDDEN];
	int y = ser_nn_windows(t, x, &windows);
	ser_tape_enter(t, "lstm");
	for (size_t i = 0; i < (size_t)h[LAYERS]; i++) {
		int wi = param(t, "weight_ih", i, 0, H, ser_tape_shape(t, y).n_col);
		int wh = param(t, "weight_hh", i, 0, H, H);
		int bi = param(t, "bias_ih", i, SER_P_NO_DECAY, H, 0),
		    bh = param(t, "bias_hh", i, SER_P_NO_DECAY, H, 0);
		y = ser_nn_lstm(t, y, wi, wh, bi, bh, false);
	}
	ser_tape_leave(t);
	y = ser_nn_relu(t, ser_layer_linear(t, "linear", ser_nn_pool_last(t, y), (size_t)h[EMB], true));
	y = ser_nn_of_windows(t, ser_nn_l2_norm(t, y, 1e-12), x, &windows);
	return (struct ser_encoded){.frames = -1, .emb = ser_nn_l2_norm(t, ser_nn_pool_mean(t, y), 1e-12)};
}

static size_t min_frame(const double *h)
{
	return 1 + (size_t)h[TAIL];
}

const struct ser_arch ser_arch_ge2e = {
	.name = "ge2e",
	.summary = "LSTM layers over windows of 1.6 s of mel energies, for speakers",
	.hyper = hyper,
	.build = build,
	.min_frame = min_frame,
};
