/* SPDX-License-Identifier: MIT */
/* What the architectures' files share; within this module only. */
#ifndef SER_MODEL_ARCH_H
#define SER_MODEL_ARCH_H

#include "model/model.h"

extern const struct ser_arch ser_arch_cnn, ser_arch_convpool, ser_arch_conv_attn, ser_arch_conformer, ser_arch_crnn,
	ser_arch_blstm, ser_arch_ecapa, ser_arch_xvector, ser_arch_chunk_lstm, ser_arch_chunk_cnn,
	ser_arch_deepemocluster, ser_arch_mlp, ser_arch_linear, ser_arch_wav2vec2, ser_arch_hubert, ser_arch_wavlm,
	ser_arch_data2vec_audio, ser_arch_emotion2vec, ser_arch_whisper, ser_arch_roberta, ser_arch_bert, ser_arch_ge2e;

/* Convolution over time that keeps the number of frames (stride 1) or divides it, rounding up. k is odd. */
struct ser_conv ser_arch_same(size_t k, size_t stride, size_t dil);
/* Below the scope `name`: conv, batch norm, ReLU (conv without bias); or conv, ReLU, batch norm (with). */
int ser_arch_conv_bn_relu(struct ser_tape *t, const char *name, int x, size_t n_out, struct ser_conv c);
int ser_arch_conv_relu_bn(struct ser_tape *t, const char *name, int x, size_t n_out, struct ser_conv c);
/* For architectures that take utterances of any length. */
size_t ser_arch_any_length(const double *h);

/* ---- pretrained transformer encoders ----
 * Below "encoder." their parameters have the names and, in files, the shapes of Hugging Face's transformers without the model's own
 * prefix (emotion2vec's those of its authors), so that weights are imported by name. What differs is said in the architecture's file. */

/* Layer norm with gain and bias over all columns */
int ser_arch_norm(struct ser_tape *t, const char *name, int x, double eps);

/* A layer (Vaswani et al. 2017): attention, then two products with GELU between, each x + f(x) normed after it or before f. The
 * names are those of its parts: queries, keys, values and output as in ser_layer_attention. */
struct ser_arch_transformer {
	const char *product[4], *norm1, *up, *down, *norm2;
	struct ser_attn attn;
	size_t n_ffn;
	bool pre_norm, plain_keys; /* plain_keys: no bias */
	bool gated;                /* the attention's bias by a gate of each frame and head (WavLM) */
	double eps, dropout, act_dropout;
	int ffn; /* out: the feed-forward part of the last layer made, before it was added */
};
/* bias: as in ser_nn_attention */
int ser_arch_transformer_layer(struct ser_tape *t, struct ser_arch_transformer *o, int x, int bias);

/* Seven convolutions over a waveform x [N,1], 320 samples a step, 400 seen: [T, n_ch] */
struct ser_arch_speech {
	const char *layers, *conv, *norm; /* scope of the numbered layers; names in each */
	size_t n_ch;
	bool conv_norm,
		conv_bias; /* conv_norm: layer norm in each; else a norm over time of each channel in the first */
	double wave_eps;   /* > 0: the waveform is normed to mean 0, variance 1, this added to it */
	/* > 0: zeros behind it make it so many samples, as of a padded batch, and the first norm over time is over these, too. With pad_mask
	 * they come after the waveform was normed, and frames that see any are left out of the result. */
	size_t pad_to;
	bool pad_mask;
};
int ser_arch_speech_frames(struct ser_tape *t, const struct ser_arch_speech *o, int x);
size_t ser_arch_speech_n(size_t n_sample);     /* frames of so many samples, 400 at least */
size_t ser_arch_speech_least(const double *h); /* 400 */
/* Zeros behind each segment, which has n_row rows at most */
int ser_arch_pad(struct ser_tape *t, int x, size_t n_row);

/* n_layer convolutions over frames, k wide, each with a norm without parameters and GELU, for x's positions */
struct ser_arch_positions {
	const char *layers, *conv; /* scope of the layers, numbered from `first`; name in each */
	size_t first, n_layer, k, groups;
	size_t pad_to; /* > 0: zeros behind make x so many rows first, which what follows does not see but through these */
};
int ser_arch_position_convs(struct ser_tape *t, const struct ser_arch_positions *o, int x);

#endif
