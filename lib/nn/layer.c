/* SPDX-License-Identifier: MIT */
/* Operators with their parameters, found by name. Initial values are PyTorch's. */
#include "nn/private.h"

#include <math.h>
#include <stdio.h>

int ser_layer_param(struct ser_tape *t, const char *name, unsigned flags, struct ser_init init, int ndim,
		    const size_t *shape)
{
	char full[512];
	int n = snprintf(full, sizeof full, "%s%s", t->scope.n > 0 ? t->scope.s : "", name);
	ser_assert(n > 0 && (size_t)n < sizeof full);
	int i = ser_params_find(t->p, full);
	if (i < 0) {
		ser_assert(tape_shape_only(t)); /* only a shape pass may create parameters */
		i = ser_params_add(t->p, full, flags, init, ndim, shape);
	}
	const struct ser_slice *s = &t->p->slice[i];
	ser_assert(s->ndim == ndim);
	for (int d = 0; d < ndim; d++)
		ser_assert(s->shape[d] == shape[d]);
	return ser_tape_param(t, i);
}

/* name.suffix with a uniform distribution of width 1/sqrt(fan in) */
static int uniform(struct ser_tape *t, const char *suffix, size_t fan_in, unsigned flags, int ndim, const size_t *shape)
{
	struct ser_init init = {SER_INIT_UNIFORM, 1 / sqrt((double)fan_in)};
	return ser_layer_param(t, suffix, flags, init, ndim, shape);
}

static int constant(struct ser_tape *t, const char *suffix, double a, unsigned flags, size_t n)
{
	return ser_layer_param(t, suffix, flags, (struct ser_init){SER_INIT_CONST, a}, 1, &n);
}

/* y + alpha/rank B A x */
static int adapt(struct ser_tape *t, int x, int y)
{
	size_t n_in = tape_at(t, x)->n_col, n_out = tape_at(t, y)->n_col, r = t->lora_rank;
	if (r == 0 || t->block == 0 || n_in <= 8 * r || n_out <= 8 * r)
		return y;
	int a = uniform(t, "lora_A.weight", n_in, 0, 2, (size_t[]){r, n_in});
	int b = ser_layer_param(t, "lora_B.weight", 0, (struct ser_init){SER_INIT_CONST, 0}, 2, (size_t[]){n_out, r});
	a = ser_nn_scale(t, ser_nn_linear(t, x, a, -1), t->lora_alpha / (double)r);
	return ser_nn_add(t, y, ser_nn_linear(t, a, b, -1));
}

int ser_layer_linear(struct ser_tape *t, const char *name, int x, size_t n_out, bool bias)
{
	size_t n_in = tape_at(t, x)->n_col;
	ser_tape_enter(t, "%s", name);
	int w = uniform(t, "weight", n_in, 0, 2, (size_t[]){n_out, n_in});
	int b = bias ? uniform(t, "bias", n_in, SER_P_NO_DECAY, 1, &n_out) : -1;
	int y = adapt(t, x, ser_nn_linear(t, x, w, b));
	ser_tape_leave(t);
	return y;
}

int ser_layer_conv1d(struct ser_tape *t, const char *name, int x, size_t n_out, const struct ser_conv *c, bool bias)
{
	size_t n_in = tape_at(t, x)->n_col / c->groups, fan = c->k * n_in;
	ser_tape_enter(t, "%s", name);
	int w = uniform(t, "weight", fan, 0, 3, (size_t[]){n_out, c->k, n_in});
	int b = bias ? uniform(t, "bias", fan, SER_P_NO_DECAY, 1, &n_out) : -1;
	ser_tape_leave(t);
	return ser_nn_conv1d(t, x, w, b, c);
}

int ser_layer_depthwise(struct ser_tape *t, const char *name, int x, size_t k)
{
	size_t n = tape_at(t, x)->n_col;
	ser_tape_enter(t, "%s", name);
	int w = uniform(t, "weight", k, 0, 3, (size_t[]){n, k, 1});
	int b = uniform(t, "bias", k, SER_P_NO_DECAY, 1, &n);
	ser_tape_leave(t);
	return ser_nn_depthwise(t, x, w, b);
}

int ser_layer_conv2d(struct ser_tape *t, const char *name, int x, size_t n_freq, size_t n_out,
		     const struct ser_conv *ct, const struct ser_conv *cf, bool bias)
{
	size_t n_in = tape_at(t, x)->n_col / n_freq / ct->groups, fan = ct->k * cf->k * n_in;
	ser_tape_enter(t, "%s", name);
	int w = uniform(t, "weight", fan, 0, 4, (size_t[]){n_out, ct->k, cf->k, n_in});
	int b = bias ? uniform(t, "bias", fan, SER_P_NO_DECAY, 1, &n_out) : -1;
	ser_tape_leave(t);
	return ser_nn_conv2d(t, x, w, b, n_freq, ct, cf);
}

int ser_layer_batch_norm(struct ser_tape *t, const char *name, int x, size_t n_ch)
{
	ser_tape_enter(t, "%s", name);
	int gain = constant(t, "weight", 1, SER_P_NO_DECAY, n_ch), bias = constant(t, "bias", 0, SER_P_NO_DECAY, n_ch);
	int mean = constant(t, "running_mean", 0, SER_P_BUFFER, n_ch);
	int var = constant(t, "running_var", 1, SER_P_BUFFER, n_ch);
	ser_tape_leave(t);
	return ser_nn_batch_norm(t, x, gain, bias, mean, var, 0.1, 1e-5);
}

int ser_layer_layer_norm(struct ser_tape *t, const char *name, int x, size_t n_ch)
{
	ser_tape_enter(t, "%s", name);
	int g = constant(t, "weight", 1, SER_P_NO_DECAY, n_ch), b = constant(t, "bias", 0, SER_P_NO_DECAY, n_ch);
	ser_tape_leave(t);
	return ser_nn_layer_norm(t, x, g, b, 1e-5);
}

int ser_layer_group_norm(struct ser_tape *t, const char *name, int x, size_t n_ch, size_t n_group)
{
	ser_tape_enter(t, "%s", name);
	int g = constant(t, "weight", 1, SER_P_NO_DECAY, n_ch), b = constant(t, "bias", 0, SER_P_NO_DECAY, n_ch);
	ser_tape_leave(t);
	return ser_nn_group_norm(t, x, g, b, n_group, 1e-5);
}

static int recurrent(struct ser_tape *t, const char *name, int x, size_t H, bool bidir, bool lstm)
{
	size_t n_in = tape_at(t, x)->n_col, W = (lstm ? 4 : 3) * H;
	int out[2];
	ser_tape_enter(t, "%s", name);
	for (int back = 0; back <= (bidir ? 1 : 0); back++) {
		const char *const suffix[2][4] = {
			{"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"},
			{"weight_ih_l0_reverse", "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse"}};
		int wi = uniform(t, suffix[back][0], H, 0, 2, (size_t[]){W, n_in});
		int wh = uniform(t, suffix[back][1], H, 0, 2, (size_t[]){W, H});
		int bi = uniform(t, suffix[back][2], H, SER_P_NO_DECAY, 1, &W);
		int bh = uniform(t, suffix[back][3], H, SER_P_NO_DECAY, 1, &W);
		out[back] = (lstm ? ser_nn_lstm : ser_nn_gru)(t, x, wi, wh, bi, bh, back == 1);
	}
	ser_tape_leave(t);
	return bidir ? ser_nn_concat(t, 2, out) : out[0];
}

int ser_layer_gru(struct ser_tape *t, const char *name, int x, size_t n_hidden, bool bidir)
{
	return recurrent(t, name, x, n_hidden, bidir, false);
}

int ser_layer_lstm(struct ser_tape *t, const char *name, int x, size_t n_hidden, bool bidir)
{
	return recurrent(t, name, x, n_hidden, bidir, true);
}

static void thirds(struct ser_tape *t, int x, int part[static 3])
{
	size_t n = tape_at(t, x)->n_col / 3;
	for (size_t i = 0; i < 3; i++)
		part[i] = ser_nn_slice(t, x, i * n, n);
}

int ser_layer_mha(struct ser_tape *t, const char *name, int x, size_t n_head, size_t n_off, double p_drop)
{
	size_t E = tape_at(t, x)->n_col;
	ser_tape_enter(t, "%s", name);
	/* Xavier's uniform over [3E,E], zero biases: PyTorch's */
	struct ser_init in = {SER_INIT_UNIFORM, sqrt(6.0 / (4.0 * (double)E))}, zero = {SER_INIT_CONST, 0};
	int w = ser_layer_param(t, "in_proj_weight", 0, in, 2, (size_t[]){3 * E, E});
	int b = ser_layer_param(t, "in_proj_bias", SER_P_NO_DECAY, zero, 1, (size_t[]){3 * E});
	int wo = uniform(t, "out_proj.weight", E, 0, 2, (size_t[]){E, E});
	int bo = ser_layer_param(t, "out_proj.bias", SER_P_NO_DECAY, zero, 1, &E);
	int rel = -1;
	if (n_off > 0)
		rel = ser_layer_param(t, "rel_bias", SER_P_NO_DECAY, zero, 2, (size_t[]){2 * n_off + 1, n_head});
	ser_tape_leave(t);
	int part[3], y = ser_nn_linear(t, x, w, b);
	thirds(t, y, part);
	y = ser_nn_attention(t, part[0], part[1], part[2], rel, -1,
			     &(struct ser_attn){.n_head = n_head, .n_off = n_off});
	return ser_nn_dropout(t, ser_nn_linear(t, y, wo, bo), p_drop);
}

int ser_layer_attention(struct ser_tape *t, const char *const name[static 4], int x, bool k_bias, int bias, int gate,
			const struct ser_attn *o)
{
	size_t E = tape_at(t, x)->n_col;
	int part[3];
	if (name[1] == NULL)
		thirds(t, ser_layer_linear(t, name[0], x, 3 * E, true), part);
	for (int i = 0; name[1] != NULL && i < 3; i++)
		part[i] = ser_layer_linear(t, name[i], x, E, i != 1 || k_bias);
	return ser_layer_linear(t, name[3], ser_nn_attention(t, part[0], part[1], part[2], bias, gate, o), E, true);
}

int ser_layer_attn_stats(struct ser_tape *t, const char *name, int x, size_t n_att, bool global)
{
	size_t C = tape_at(t, x)->n_col;
	int h;
	ser_tape_enter(t, "%s", name);
	if (global) {
		/* W [x; mean; std] = Wx x + (Wm mean + Ws std): the context is constant in time, a third of the product */
		size_t fan = 3 * C;
		int w = uniform(t, "tdnn.conv.weight", fan, 0, 3, (size_t[]){n_att, 1, 3 * C});
		int b = uniform(t, "tdnn.conv.bias", fan, SER_P_NO_DECAY, 1, &n_att);
		int u = ser_nn_pool_stats(t, x, -1, 1e-4);
		h = ser_nn_linear_part(t, x, w, 0, -1);
		u = ser_nn_linear_part(t, u, w, C, b);
		h = ser_nn_add(t, h, ser_nn_expand(t, u, h));
		h = ser_layer_batch_norm(t, "tdnn.norm", ser_nn_relu(t, h), n_att);
		h = ser_layer_linear(t, "conv", ser_nn_tanh(t, h), C, true);
	} else {
		h = ser_nn_tanh(t, ser_layer_linear(t, "att.0", x, n_att, true));
		h = ser_layer_linear(t, "att.1", h, C, true);
	}
	ser_tape_leave(t);
	return ser_nn_pool_stats(t, x, ser_nn_softmax_time(t, h), 1e-4);
}

int ser_layer_se(struct ser_tape *t, const char *name, int x, size_t n_mid)
{
	size_t C = tape_at(t, x)->n_col;
	ser_tape_enter(t, "%s", name);
	int u = ser_nn_relu(t, ser_layer_linear(t, "fc1", ser_nn_pool_mean(t, x), n_mid, true));
	u = ser_nn_sigmoid(t, ser_layer_linear(t, "fc2", u, C, true));
	ser_tape_leave(t);
	return ser_nn_scale_rows(t, x, u);
}
