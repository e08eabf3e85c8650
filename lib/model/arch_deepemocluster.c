/* SPDX-License-Identifier: MIT */
/* deepemocluster: seven convolutions over time and frequency, five of which halve both, and a linear layer, of a chunk of so many
 * frames (W.-C. Lin, K. Sridhar and C. Busso, ICASSP 2021, after their code). */
#include "model/arch.h"

#include <math.h>

enum { FRAMES, CHANNELS, EMB, DROPOUT };
static const struct ser_hyper hyper[] = {
	[FRAMES] = {"frames", 62, 1, 100000, SER_HYPER_WHOLE, "frames of a chunk, no more and no fewer"},
	[CHANNELS] = {"channels", 32, 1, 1024, SER_HYPER_WHOLE,
		      "channels of the first two convolutions; twice in the next two, four times in the last three"},
	[EMB] = {"emb", 256, 1, 65536, SER_HYPER_WHOLE, "dimensions of the embedding"},
	[DROPOUT] = {"dropout", 0.5, 0, 0.95, SER_HYPER_REAL, "dropout of the embedding"},
	{0},
};
enum { N_CONV = 7 };

/* The authors' initial values: normal, of variance 2 / (9 channels out), biases 0 */
static int conv(struct ser_tape *t, int x, size_t n_freq, size_t n_out, size_t stride)
{
	const struct ser_conv c = {.k = 3, .stride = stride, .dil = 1, .pad = 1, .groups = 1};
	size_t n_in = ser_tape_shape(t, x).n_col / n_freq, shape[4] = {n_out, 3, 3, n_in};
	ser_tape_enter(t, "conv");
	int w = ser_layer_param(t, "weight", 0, (struct ser_init){SER_INIT_NORMAL, sqrt(2 / (9 * (double)n_out))}, 4,
				shape);
	int b = ser_layer_param(t, "bias", SER_P_NO_DECAY, (struct ser_init){SER_INIT_CONST, 0}, 1, &n_out);
	ser_tape_leave(t);
	return ser_nn_conv2d(t, x, w, b, n_freq, &c, &c);
}

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	static const size_t width[N_CONV] = {1, 1, 2, 2, 4, 4, 4};
	size_t n_freq = ser_tape_shape(t, x).n_col, n_chunk = ser_tape_shape(t, x).n_seg, n_emb = (size_t)h[EMB];
	for (size_t i = 0; i < N_CONV; i++) {
		size_t stride = i < 2 ? 1 : 2, ch = width[i] * (size_t)h[CHANNELS];
		ser_tape_enter(t, "block%zu", i);
		x = conv(t, x, n_freq, ch, stride);
		x = ser_nn_relu(t, ser_layer_batch_norm(t, "norm", x, ch));
		ser_tape_leave(t);
		n_freq = (n_freq - 1) / stride + 1;
	}
	struct ser_shape y = ser_tape_shape(t, x);
	int u = ser_nn_reshape(t, x, y.n_row / n_chunk * y.n_col, -1);
	size_t shape[2] = {n_emb, ser_tape_shape(t, u).n_col};
	ser_tape_enter(t, "emb");
	int w = ser_layer_param(t, "weight", 0, (struct ser_init){SER_INIT_NORMAL, 0.01}, 2, shape);
	int b = ser_layer_param(t, "bias", SER_P_NO_DECAY, (struct ser_init){SER_INIT_CONST, 0}, 1, &n_emb);
	ser_tape_leave(t);
	u = ser_nn_relu(t, ser_nn_linear(t, u, w, b));
	return (struct ser_encoded){.frames = x, .emb = ser_nn_dropout(t, u, h[DROPOUT])};
}

static size_t n_frame(const double *h)
{
	return (size_t)h[FRAMES];
}

const struct ser_arch ser_arch_deepemocluster = {
	.name = "deepemocluster",
	.summary = "seven convolutions over time and frequency of a chunk, a linear layer",
	.hyper = hyper,
	.build = build,
	.min_frame = n_frame,
	.max_frame = n_frame,
};
