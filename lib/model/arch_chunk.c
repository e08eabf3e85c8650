/* SPDX-License-Identifier: MIT */
/* chunk-lstm and chunk-cnn: an utterance of any length as a fixed number of chunks of equal length, a vector of each, and one of them
 * all (W.-C. Lin and C. Busso, Interspeech 2020; IEEE Trans. Affective Computing 14(2), 2023), after their Keras code. What that
 * leaves to this file: gates are PyTorch's sigmoids, dropout of the LSTMs' inputs draws anew for each frame, and the last layer
 * norm adds 1e-12 to the variance where theirs adds 1e-6 to the deviation. Their output net is a head with a hidden layer. */
#include "model/arch.h"

#include <math.h>
#include <stdio.h>

enum { FRAMES, CHUNKS, EMB, AGGREGATE, HEADS, HEAD_SIZE, DROPOUT, CHANNELS = DROPOUT };
enum { MEAN, GATED, RNN_ATTENTION, SELF_ATTENTION };
static const char *const aggregates[] = {"mean", "gated", "rnn-attention", "self-attention", NULL};
/* clang-format off */
#define CHUNK_HYPER \
	[FRAMES] = {"frames", 62, 1, 100000, SER_HYPER_WHOLE, "frames of a chunk; an utterance has no fewer"}, \
	[CHUNKS] = {"chunks", 11, 1, 10000, SER_HYPER_WHOLE, "chunks of an utterance"}, \
	[EMB] = {"emb", 130, 1, 65536, SER_HYPER_WHOLE, "dimensions of a chunk's vector and of the embedding"}, \
	[AGGREGATE] = {"aggregate", MEAN, 0, SELF_ATTENTION, SER_HYPER_CHOICE, "one vector of the chunks'", aggregates}, \
	[HEADS] = {"heads", 3, 1, 64, SER_HYPER_WHOLE, "of self-attention over chunks"}, \
	[HEAD_SIZE] = {"head_size", 50, 1, 4096, SER_HYPER_WHOLE, "channels of one of them"}
/* clang-format on */
static const struct ser_hyper lstm_hyper[] = {
	CHUNK_HYPER,
	[DROPOUT] = {"dropout", 0.5, 0, 0.95, SER_HYPER_REAL, "dropout of the inputs of both LSTM layers"},
	{0},
};
static const struct ser_hyper cnn_hyper[] = {
	CHUNK_HYPER,
	[CHANNELS] = {"channels", 128, 4, 4096, SER_HYPER_WHOLE,
		      "channels of the first two convolutions; half of them in the next two, a quarter in the last"},
	{0},
};

/* ---- of a chunk, a vector: x [n_chunk * frames, D] with chunks as segments; [n_chunk, emb] ---- */

/* One bias a gate, as Keras has it */
static int recurrent(struct ser_tape *t, const char *name, int x, size_t n_gate, size_t n_hidden)
{
	size_t n_in = ser_tape_shape(t, x).n_col, n = n_gate * n_hidden;
	struct ser_init init = {SER_INIT_UNIFORM, 1 / sqrt((double)n_hidden)};
	ser_tape_enter(t, "%s", name);
	int wi = ser_layer_param(t, "weight_ih_l0", 0, init, 2, (size_t[]){n, n_in});
	int wh = ser_layer_param(t, "weight_hh_l0", 0, init, 2, (size_t[]){n, n_hidden});
	int b = ser_layer_param(t, "bias_ih_l0", SER_P_NO_DECAY, init, 1, &n);
	ser_tape_leave(t);
	return (n_gate == 1 ? ser_nn_rnn : ser_nn_lstm)(t, x, wi, wh, b, -1, false);
}

static int lstm(struct ser_tape *t, const double *h, int x)
{
	size_t n = (size_t)h[EMB];
	x = recurrent(t, "lstm1", ser_nn_dropout(t, x, h[DROPOUT]), 4, n);
	x = recurrent(t, "lstm2", ser_nn_dropout(t, x, h[DROPOUT]), 4, n);
	return ser_layer_batch_norm(t, "norm", ser_nn_pool_last(t, x), n);
}

enum { N_CONV = 5, KERNEL = 3 };

static struct ser_conv conv(size_t i)
{
	return (struct ser_conv){.k = KERNEL, .stride = i + 1 == N_CONV ? 2 : 1, .dil = 1, .groups = 1};
}

static int cnn(struct ser_tape *t, const double *h, int x)
{
	size_t n_chunk = ser_tape_shape(t, x).n_seg;
	for (size_t i = 0; i < N_CONV; i++) {
		struct ser_conv c = conv(i);
		size_t n = (size_t)h[CHANNELS] >> i / 2;
		ser_tape_enter(t, "block%zu", i);
		x = ser_layer_conv1d(t, "conv", x, n, &c, true);
		x = ser_nn_relu(t, ser_layer_batch_norm(t, "norm", x, n));
		ser_tape_leave(t);
	}
	struct ser_shape y = ser_tape_shape(t, x);
	x = ser_nn_reshape(t, x, y.n_row / n_chunk * y.n_col, -1);
	return ser_nn_relu(t, ser_layer_linear(t, "dense", x, (size_t)h[EMB], true));
}

/* ---- of an utterance's chunks, one: x [n_utt * chunks, emb] with utterances as segments; [n_utt, emb] ---- */

static int gated(struct ser_tape *t, const double *h, int x)
{
	int g = ser_nn_sigmoid(t, ser_layer_linear(t, "gate", x, 1, true));
	return ser_nn_scale(t, ser_nn_pool_sum(t, x, g), 1 / h[CHUNKS]);
}

/* Luong's: scores (W u_c) u_C, the last state asking; tanh(W [context; u_C]) */
static int rnn_attention(struct ser_tape *t, const double *h, int x)
{
	size_t n = (size_t)h[EMB];
	int u = recurrent(t, "rnn", x, 1, n), last = ser_nn_pool_last(t, u);
	int key = ser_layer_linear(t, "score", u, n, false), ask = ser_nn_scale(t, u, sqrt(h[EMB]));
	int all = ser_nn_attention(t, ask, key, u, -1, -1, &(struct ser_attn){.n_head = 1});
	int both = ser_nn_concat(t, 2, (int[]){ser_nn_pool_last(t, all), last});
	return ser_nn_tanh(t, ser_layer_linear(t, "out", both, n, false));
}

static int self_attention(struct ser_tape *t, const double *h, int x)
{
	size_t n = (size_t)h[EMB], n_att = (size_t)h[HEADS] * (size_t)h[HEAD_SIZE];
	int q = ser_layer_linear(t, "query", x, n_att, false), k = ser_layer_linear(t, "key", x, n_att, false);
	int v = ser_layer_linear(t, "value", x, n_att, false);
	int y = ser_nn_attention(t, q, k, v, -1, -1, &(struct ser_attn){.n_head = (size_t)h[HEADS]});
	y = ser_nn_add(t, x, ser_nn_relu(t, ser_layer_linear(t, "dense", y, n, true)));
	return ser_nn_pool_mean(t, ser_arch_norm(t, "norm", y, 1e-12));
}

static struct ser_encoded build(struct ser_tape *t, const double *h, int x,
				int (*vector)(struct ser_tape *t, const double *h, int x))
{
	static int (*const one[])(struct ser_tape * t, const double *h, int x) = {
		[GATED] = gated, [RNN_ATTENTION] = rnn_attention, [SELF_ATTENTION] = self_attention};
	size_t how = (size_t)h[AGGREGATE];
	ser_tape_enter(t, "chunk");
	x = vector(t, h, ser_nn_chunks(t, x, (size_t)h[FRAMES], (size_t)h[CHUNKS]));
	ser_tape_leave(t);
	x = ser_nn_segments(t, x, (size_t)h[CHUNKS]);
	ser_tape_enter(t, "aggregate");
	int emb = how == MEAN ? ser_nn_pool_mean(t, x) : one[how](t, h, x);
	ser_tape_leave(t);
	return (struct ser_encoded){.frames = x, .emb = emb};
}

static struct ser_encoded build_lstm(struct ser_tape *t, const double *h, int x)
{
	return build(t, h, x, lstm);
}

static struct ser_encoded build_cnn(struct ser_tape *t, const double *h, int x)
{
	return build(t, h, x, cnn);
}

static size_t min_frame(const double *h)
{
	return (size_t)h[FRAMES];
}

static const char *check_cnn(const double *h)
{
	ptrdiff_t n = (ptrdiff_t)h[FRAMES];
	for (size_t i = 0; i < N_CONV && n > 0; i++) {
		struct ser_conv c = conv(i);
		n = ser_nn_conv_len((size_t)n, &c);
	}
	return n > 0 ? NULL : "a chunk has at least 11 frames";
}

const struct ser_arch ser_arch_chunk_lstm = {
	.name = "chunk-lstm",
	.summary = "equal chunks, two LSTM layers on each, an aggregate of all",
	.hyper = lstm_hyper,
	.build = build_lstm,
	.min_frame = min_frame,
};
const struct ser_arch ser_arch_chunk_cnn = {
	.name = "chunk-cnn",
	.summary = "equal chunks, five convolutions on each, an aggregate of all",
	.hyper = cnn_hyper,
	.build = build_cnn,
	.min_frame = min_frame,
	.check = check_cnn,
};
