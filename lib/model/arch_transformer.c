/* SPDX-License-Identifier: MIT */
/* What pretrained transformer encoders have in common: the layer, the convolutions over a waveform, those for positions. */
#include "model/arch.h"

#include <math.h>

enum { N_CONV = 7 /* over a waveform */ };

int ser_arch_norm(struct ser_tape *t, const char *name, int x, double eps)
{
	size_t n = ser_tape_shape(t, x).n_col;
	struct ser_init one = {SER_INIT_CONST, 1}, zero = {SER_INIT_CONST, 0};
	ser_tape_enter(t, "%s", name);
	int g = ser_layer_param(t, "weight", SER_P_NO_DECAY, one, 1, &n);
	int b = ser_layer_param(t, "bias", SER_P_NO_DECAY, zero, 1, &n);
	ser_tape_leave(t);
	return ser_nn_layer_norm(t, x, g, b, eps);
}

/* r (s c - 1) + 2 of each head, r and s sigmoids of sums of four of the eight outputs of one small product for all heads */
static int gate(struct ser_tape *t, int x, size_t n_head)
{
	size_t d = ser_tape_shape(t, x).n_col / n_head;
	static const real sum[] = {1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1};
	static const real two[] = {2};
	int c = ser_layer_param(t, "gru_rel_pos_const", SER_P_NO_DECAY, (struct ser_init){SER_INIT_CONST, 1}, 4,
				(size_t[]){1, 1, 1, n_head});
	int z = ser_layer_linear(t, "gru_rel_pos_linear", ser_nn_reshape(t, x, d, -1), 8, true);
	z = ser_nn_sigmoid(t, ser_nn_linear(t, z, ser_tape_input(t, sum, 2, 8, NULL, 0), -1));
	int r = ser_nn_reshape(t, ser_nn_slice(t, z, 0, 1), n_head, -1);
	int s = ser_nn_reshape(t, ser_nn_slice(t, z, 1, 1), n_head, -1);
	int y = ser_nn_sub(t, ser_nn_mul(t, r, ser_nn_mul_row(t, s, c)), r);
	return ser_nn_add_row(t, y, ser_tape_input(t, two, 1, 1, NULL, 0));
}

static int attend(struct ser_tape *t, const struct ser_arch_transformer *o, int x, int bias)
{
	int g = -1;
	if (o->gated) {
		ser_tape_enter(t, "attention");
		g = gate(t, x, o->attn.n_head);
		ser_tape_leave(t);
	}
	x = ser_layer_attention(t, o->product, x, !o->plain_keys, bias, g, &o->attn);
	return ser_nn_dropout(t, x, o->dropout);
}

static int feed_forward(struct ser_tape *t, const struct ser_arch_transformer *o, int x)
{
	size_t n = ser_tape_shape(t, x).n_col;
	x = ser_nn_gelu(t, ser_layer_linear(t, o->up, x, o->n_ffn, true));
	x = ser_layer_linear(t, o->down, ser_nn_dropout(t, x, o->act_dropout), n, true);
	return ser_nn_dropout(t, x, o->dropout);
}

int ser_arch_transformer_layer(struct ser_tape *t, struct ser_arch_transformer *o, int x, int bias)
{
	if (o->pre_norm) {
		x = ser_nn_add(t, x, attend(t, o, ser_arch_norm(t, o->norm1, x, o->eps), bias));
		o->ffn = feed_forward(t, o, ser_arch_norm(t, o->norm2, x, o->eps));
		return ser_nn_add(t, x, o->ffn);
	}
	x = ser_arch_norm(t, o->norm1, ser_nn_add(t, x, attend(t, o, x, bias)), o->eps);
	o->ffn = feed_forward(t, o, x);
	return ser_arch_norm(t, o->norm2, ser_nn_add(t, x, o->ffn), o->eps);
}

/* He et al. 2015's weights when new: with smaller ones little would be left of the waveform after seven layers. */
static int speech_conv(struct ser_tape *t, const struct ser_arch_speech *o, int x, const struct ser_conv *c)
{
	size_t n_in = ser_tape_shape(t, x).n_col;
	struct ser_init normal = {SER_INIT_NORMAL, sqrt(2 / (double)(c->k * n_in))}, zero = {SER_INIT_CONST, 0};
	ser_tape_enter(t, "%s", o->conv);
	int w = ser_layer_param(t, "weight", 0, normal, 3, (size_t[]){o->n_ch, c->k, n_in});
	int b = o->conv_bias ? ser_layer_param(t, "bias", SER_P_NO_DECAY, zero, 1, &o->n_ch) : -1;
	ser_tape_leave(t);
	return ser_nn_conv1d(t, x, w, b, c);
}

static struct ser_conv speech_conv_of(size_t i)
{
	static const size_t k[] = {10, 3, 3, 3, 3, 2, 2};
	return (struct ser_conv){.k = k[i], .stride = i == 0 ? 5 : 2, .dil = 1, .groups = 1};
}

size_t ser_arch_speech_n(size_t n_sample)
{
	for (size_t i = 0; i < N_CONV; i++) {
		struct ser_conv c = speech_conv_of(i);
		n_sample = (size_t)ser_nn_conv_len(n_sample, &c);
	}
	return n_sample;
}

int ser_arch_pad(struct ser_tape *t, int x, size_t n_row)
{
	return ser_nn_windows(t, x, &(struct ser_windows){.n_row = n_row, .step = n_row, .least = n_row});
}

int ser_arch_speech_frames(struct ser_tape *t, const struct ser_arch_speech *o, int x)
{
	int wave = x;
	if (o->pad_to > 0 && !o->pad_mask)
		x = ser_arch_pad(t, x, o->pad_to);
	if (o->wave_eps > 0)
		x = ser_nn_group_norm(t, x, -1, -1, 1, o->wave_eps);
	if (o->pad_to > 0 && o->pad_mask)
		x = ser_arch_pad(t, x, o->pad_to);
	for (size_t i = 0; i < N_CONV; i++) {
		struct ser_conv c = speech_conv_of(i);
		ser_tape_enter(t, "%s.%zu", o->layers, i);
		x = speech_conv(t, o, x, &c);
		if (o->conv_norm)
			x = ser_arch_norm(t, o->norm, x, 1e-5);
		else if (i == 0)
			x = ser_layer_group_norm(t, o->norm, x, o->n_ch, o->n_ch);
		x = ser_nn_gelu(t, x);
		ser_tape_leave(t);
	}
	return o->pad_to > 0 && o->pad_mask ? ser_nn_cut(t, x, wave, ser_arch_speech_n) : x;
}

static size_t all_rows(size_t n)
{
	return n;
}

int ser_arch_position_convs(struct ser_tape *t, const struct ser_arch_positions *o, int x)
{
	int own = x;
	size_t n_ch = ser_tape_shape(t, x).n_col;
	struct ser_conv c = {.k = o->k, .stride = 1, .dil = 1, .pad = o->k / 2, .groups = o->groups};
	if (o->pad_to > 0)
		x = ser_arch_pad(t, x, o->pad_to);
	for (size_t i = 0; i < o->n_layer; i++) {
		ser_tape_enter(t, "%s.%zu", o->layers, o->first + i);
		x = ser_nn_trim(t, ser_layer_conv1d(t, o->conv, x, n_ch, &c, true), 0, 1 - o->k % 2);
		ser_tape_leave(t);
		x = ser_nn_gelu(t, ser_nn_layer_norm(t, x, -1, -1, 1e-5));
	}
	return o->pad_to > 0 ? ser_nn_cut(t, x, own, all_rows) : x;
}

size_t ser_arch_speech_least(const double *h)
{
	(void)h;
	return 400;
}
