/* SPDX-License-Identifier: MIT */
/* ecapa: ECAPA-TDNN (Desplanques, Thienpondt and Demuynck, Interspeech 2020): a convolution, three squeeze-excitation
 * Res2Net blocks with dilations 2, 3, 4, their outputs aggregated by a convolution, attentive statistics pooling whose
 * attention sees the utterance's mean and deviation, batch norm, a linear layer. With 80 bands and 192 dimensions 6.2
 * million parameters at 512 channels, 14.7 at 1024. Names are SpeechBrain's, doubled parts once. */
#include "model/arch.h"

#include <math.h>
#include <stdio.h>

enum { CHANNELS, MFA, SCALE, SE, ATT, EMB, REFLECT, MFA_NORM, ATT_NORM, CONTEXT };
static const struct ser_hyper hyper[] = {
	[CHANNELS] = {"channels", 512, 8, 8192, SER_HYPER_WHOLE, "channels; a multiple of scale"},
	[MFA] = {"mfa", 1536, 1, 16384, SER_HYPER_WHOLE, "channels of the aggregation"},
	[SCALE] = {"scale", 8, 2, 64, SER_HYPER_WHOLE, "parts of a Res2Net block"},
	[SE] = {"se", 128, 1, 4096, SER_HYPER_WHOLE, "hidden units of squeeze and excitation"},
	[ATT] = {"att", 128, 1, 4096, SER_HYPER_WHOLE, "hidden units of the attention over time"},
	[EMB] = {"emb", 192, 1, 65536, SER_HYPER_WHOLE, "dimensions of the embedding"},
	[REFLECT] = {"reflect", 1, 0, 1, SER_HYPER_WHOLE, "1: the ends are mirrored for convolutions; 0: zeros"},
	[MFA_NORM] = {"mfa_norm", 1, 0, 1, SER_HYPER_WHOLE, "1: batch norm after the aggregation"},
	[ATT_NORM] = {"att_norm", 1, 0, 1, SER_HYPER_WHOLE,
		      "1: ReLU and batch norm within the attention, variances of at least 1e-12; 0: without, 1e-7"},
	[CONTEXT] = {"context", 1, 0, 2, SER_HYPER_WHOLE,
		     "what the attention sees besides a frame: 0 nothing, 1 mean and deviation over time, 2 with the "
		     "root of the variance, by n-1, and 1e-7 as the latter"},
	{0},
};

static struct ser_conv same(const double *h, size_t k, size_t dil)
{
	struct ser_conv c = ser_arch_same(k, 1, dil);
	c.reflect = h[REFLECT] != 0 && c.pad > 0;
	return c;
}

/* The first part passes; each other goes through a convolution of its own, with what came out of the one before added. */
static int res2net(struct ser_tape *t, const double *h, int x, size_t dil)
{
	size_t n = (size_t)h[SCALE], ch = (size_t)h[CHANNELS] / n;
	int part[64];
	for (size_t i = 0; i < n; i++)
		part[i] = ser_nn_slice(t, x, i * ch, ch);
	for (size_t i = 1; i < n; i++) {
		char name[48];
		int y = i > 1 ? ser_nn_add(t, part[i], part[i - 1]) : part[i];
		snprintf(name, sizeof name, "res2net_block.blocks.%zu", i - 1);
		part[i] = ser_arch_conv_relu_bn(t, name, y, ch, same(h, 3, dil));
	}
	return ser_nn_concat(t, (int)n, part);
}

static int se_res2net(struct ser_tape *t, const double *h, int x, size_t dil)
{
	size_t ch = (size_t)h[CHANNELS];
	int y = ser_arch_conv_relu_bn(t, "tdnn1", x, ch, same(h, 1, 1));
	y = ser_arch_conv_relu_bn(t, "tdnn2", res2net(t, h, y, dil), ch, same(h, 1, 1));
	return ser_nn_add(t, ser_layer_se(t, "se_block", y, (size_t)h[SE]), x);
}

/* Softmax over time of V f(W [x; mean; deviation] + b) + k; the constant part of W's product is formed once. */
static int attend(struct ser_tape *t, const double *h, int x)
{
	double eps = h[ATT_NORM] != 0 ? 1e-12 : 1e-7; /* of a variance: SpeechBrain's, WeSpeaker's */
	size_t ch = (size_t)h[MFA], n_att = (size_t)h[ATT], n_in = h[CONTEXT] != 0 ? 3 * ch : ch;
	ser_tape_enter(t, "asp");
	struct ser_init init = {SER_INIT_UNIFORM, 1 / sqrt((double)n_in)};
	int w = ser_layer_param(t, "tdnn.conv.weight", 0, init, 2, (size_t[]){n_att, n_in});
	int b = ser_layer_param(t, "tdnn.conv.bias", SER_P_NO_DECAY, init, 1, &n_att);
	int y;
	if (h[CONTEXT] == 0) {
		y = ser_nn_linear(t, x, w, b);
	} else {
		int u = h[CONTEXT] == 2 ? ser_nn_pool_sample_stats(t, x, eps) : ser_nn_pool_stats(t, x, -1, eps);
		u = ser_nn_linear_part(t, u, w, ch, b);
		y = ser_nn_linear_part(t, x, w, 0, -1);
		y = ser_nn_add(t, y, ser_nn_expand(t, u, y));
	}
	if (h[ATT_NORM] != 0)
		y = ser_layer_batch_norm(t, "tdnn.norm", ser_nn_relu(t, y), n_att);
	y = ser_layer_linear(t, "conv", ser_nn_tanh(t, y), ch, true);
	ser_tape_leave(t);
	return ser_nn_pool_stats(t, x, ser_nn_softmax_time(t, y), eps);
}

static struct ser_encoded build(struct ser_tape *t, const double *h, int x)
{
	size_t ch = (size_t)h[CHANNELS];
	int block[3];
	x = ser_arch_conv_relu_bn(t, "blocks.0", x, ch, same(h, 5, 1));
	for (size_t i = 0; i < 3; i++) {
		ser_tape_enter(t, "blocks.%zu", i + 1);
		block[i] = x = se_res2net(t, h, x, i + 2);
		ser_tape_leave(t);
	}
	x = ser_nn_concat(t, 3, block);
	if (h[MFA_NORM] != 0) {
		x = ser_arch_conv_relu_bn(t, "mfa", x, (size_t)h[MFA], same(h, 1, 1));
	} else {
		struct ser_conv c = same(h, 1, 1);
		x = ser_nn_relu(t, ser_layer_conv1d(t, "mfa.conv", x, (size_t)h[MFA], &c, true));
	}
	int u = ser_layer_batch_norm(t, "asp_bn", attend(t, h, x), 2 * (size_t)h[MFA]);
	return (struct ser_encoded){.frames = x, .emb = ser_layer_linear(t, "fc", u, (size_t)h[EMB], true)};
}

/* A mirror is shorter than what it mirrors: the widest padding is 4 frames. */
static size_t min_frame(const double *h)
{
	return h[REFLECT] != 0 ? 5 : 1;
}

static const char *check(const double *h)
{
	return (size_t)h[CHANNELS] % (size_t)h[SCALE] != 0 ? "channels is not a multiple of scale" : NULL;
}

const struct ser_arch ser_arch_ecapa = {
	.name = "ecapa",
	.summary = "ECAPA-TDNN: SE-Res2Net blocks and attentive statistics pooling",
	.hyper = hyper,
	.build = build,
	.min_frame = min_frame,
	.check = check,
};
