/* SPDX-License-Identifier: MIT */
/* Operators with their parameters, found by name. Initial values are PyTorch's. */
#include "nn/impl.h"

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

struct weights {
	int w, b;
};

static struct weights linear_params(struct ser_tape *t, const char *name, int x, size_t n_out, bool bias)
{
	size_t n_in = tape_at(t, x)->n_col;
	struct weights p;
	ser_tape_enter(t, "%s", name);
	p.w = uniform(t, "weight", n_in, 0, 2, (size_t[]){n_out, n_in});
	p.b = bias ? uniform(t, "bias", n_in, SER_P_NO_DECAY, 1, &n_out) : -1;
	ser_tape_leave(t);
	return p;
}

static struct weights conv1d_params(struct ser_tape *t, const char *name, int x, size_t n_out, const struct ser_conv *c,
				    bool bias)
{
	size_t n_in = tape_at(t, x)->n_col / c->groups, fan = c->k * n_in;
	struct weights p;
	ser_tape_enter(t, "%s", name);
	p.w = uniform(t, "weight", fan, 0, 3, (size_t[]){n_out, c->k, n_in});
	p.b = bias ? uniform(t, "bias", fan, SER_P_NO_DECAY, 1, &n_out) : -1;
	ser_tape_leave(t);
	return p;
}

int ser_layer_linear(struct ser_tape *t, const char *name, int x, size_t n_out, bool bias)
{
	struct weights p = linear_params(t, name, x, n_out, bias);
	return ser_nn_linear(t, x, p.w, p.b);
}

int ser_layer_conv1d(struct ser_tape *t, const char *name, int x, size_t n_out, const struct ser_conv *c, bool bias)
{
	struct weights p = conv1d_params(t, name, x, n_out, c, bias);
	return ser_nn_conv1d(t, x, p.w, p.b, c);
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

struct norm_params {
	int gain, bias, mean, var;
};

static struct norm_params norm_params(struct ser_tape *t, const char *name, size_t n_ch)
{
	ser_tape_enter(t, "%s", name);
	struct norm_params p;
	p.gain = constant(t, "weight", 1, SER_P_NO_DECAY, n_ch);
	p.bias = constant(t, "bias", 0, SER_P_NO_DECAY, n_ch);
	p.mean = constant(t, "running_mean", 0, SER_P_BUFFER, n_ch);
	p.var = constant(t, "running_var", 1, SER_P_BUFFER, n_ch);
	ser_tape_leave(t);
	return p;
}

int ser_layer_batch_norm(struct ser_tape *t, const char *name, int x, size_t n_ch)
{
	struct norm_params p = norm_params(t, name, n_ch);
	return ser_nn_batch_norm(t, x, p.gain, p.bias, p.mean, p.var, 0.1, 1e-5);
}

int ser_layer_relu_batch_norm(struct ser_tape *t, const char *name, int x, size_t n_ch)
{
	struct norm_params p = norm_params(t, name, n_ch);
	return ser_nn_relu_batch_norm(t, x, p.gain, p.bias, p.mean, p.var, 0.1, 1e-5);
}

int ser_layer_relu_batch_norm_to(struct ser_tape *t, const char *name, int x, size_t n_ch, int room, size_t col)
{
	struct norm_params p = norm_params(t, name, n_ch);
	return ser_nn_relu_batch_norm_to(t, x, p.gain, p.bias, p.mean, p.var, 0.1, 1e-5, room, col);
}

int ser_layer_batch_norm_relu(struct ser_tape *t, const char *name, int x, size_t n_ch)
{
	struct norm_params p = norm_params(t, name, n_ch);
	return ser_nn_batch_norm_relu(t, x, p.gain, p.bias, p.mean, p.var, 0.1, 1e-5);
}

int ser_layer_batch_norm_relu_pool(struct ser_tape *t, const char *name, int x, size_t n_ch, size_t n_freq, size_t kt,
				   size_t kf)
{
	struct norm_params p = norm_params(t, name, n_ch);
	return ser_nn_batch_norm_relu_pool(t, x, n_freq, kt, kf, p.gain, p.bias, p.mean, p.var, 0.1, 1e-5);
}

/* What follows a product, for the product itself */
static struct ser_la_after after(struct ser_tape *t, enum ser_then then, struct norm_params p)
{
	struct ser_la_after f = {.relu = then == SER_THEN_NORM_RELU ? SER_LA_RELU_AFTER : SER_LA_RELU_BEFORE};
	if (then != SER_THEN_RELU)
		tape_norm_after(t, p.gain, p.bias, p.mean, p.var, 1e-5, &f);
	return f;
}

/* The same as operators on its result */
static int follow(struct ser_tape *t, int x, enum ser_then then, struct norm_params p)
{
	if (then == SER_THEN_RELU)
		return ser_nn_relu_in_place(t, x);
	return (then == SER_THEN_RELU_NORM ? ser_nn_relu_batch_norm : ser_nn_batch_norm_relu)(t, x, p.gain, p.bias,
											      p.mean, p.var, 0.1, 1e-5);
}

int ser_layer_conv1d_then(struct ser_tape *t, const char *name, int x, size_t n_out, const struct ser_conv *c,
			  bool bias, enum ser_then then, const char *norm)
{
	struct weights w = conv1d_params(t, name, x, n_out, c, bias);
	struct norm_params p = {0};
	if (then != SER_THEN_RELU)
		p = norm_params(t, norm, n_out);
	if (!tape_at_once(t) || c->groups > 1)
		return follow(t, ser_nn_conv1d(t, x, w.w, w.b, c), then, p);
	struct ser_la_after f = after(t, then, p);
	return tape_conv1d(t, x, w.w, w.b, c, &f, -1, 0);
}

int ser_layer_conv1d_relu_norm_to(struct ser_tape *t, const char *name, int x, size_t n_out, const struct ser_conv *c,
				  const char *norm, int room, size_t col)
{
	struct weights w = conv1d_params(t, name, x, n_out, c, true);
	struct norm_params p = norm_params(t, norm, n_out);
	if (!tape_at_once(t) || c->groups > 1)
		return ser_nn_relu_batch_norm_to(t, ser_nn_conv1d(t, x, w.w, w.b, c), p.gain, p.bias, p.mean, p.var,
						 0.1, 1e-5, room, col);
	struct ser_la_after f = after(t, SER_THEN_RELU_NORM, p);
	return tape_conv1d(t, x, w.w, w.b, c, &f, room, col);
}

int ser_layer_linear_then(struct ser_tape *t, const char *name, int x, size_t n_out, bool bias, enum ser_then then,
			  const char *norm)
{
	struct weights w = linear_params(t, name, x, n_out, bias);
	struct norm_params p = {0};
	if (then != SER_THEN_RELU)
		p = norm_params(t, norm, n_out);
	if (!tape_at_once(t))
		return follow(t, ser_nn_linear(t, x, w.w, w.b), then, p);
	struct ser_la_after f = after(t, then, p);
	return tape_linear(t, x, w.w, w.b, &f);
}

int ser_layer_layer_norm(struct ser_tape *t, const char *name, int x, size_t n_ch)
{
	ser_tape_enter(t, "%s", name);
	int g = constant(t, "weight", 1, SER_P_NO_DECAY, n_ch), b = constant(t, "bias", 0, SER_P_NO_DECAY, n_ch);
	ser_tape_leave(t);
	return ser_nn_layer_norm(t, x, g, b, 1e-5);
}

int ser_layer_rms_norm(struct ser_tape *t, const char *name, int x, size_t n_ch)
{
	ser_tape_enter(t, "%s", name);
	int g = constant(t, "weight", 1, SER_P_NO_DECAY, n_ch);
	ser_tape_leave(t);
	return ser_nn_rms_norm(t, x, g, 1e-6);
}

int ser_layer_group_norm(struct ser_tape *t, const char *name, int x, size_t n_ch, size_t n_group)
{
	ser_tape_enter(t, "%s", name);
	int g = constant(t, "weight", 1, SER_P_NO_DECAY, n_ch), b = constant(t, "bias", 0, SER_P_NO_DECAY, n_ch);
	ser_tape_leave(t);
	return ser_nn_group_norm(t, x, g, b, n_group, 1e-5);
}

int ser_layer_embedding(struct ser_tape *t, const char *name, size_t n_vocab, size_t dim, size_t n, const int32_t *idx,
			const size_t *seg, size_t n_seg)
{
	ser_tape_enter(t, "%s", name);
	int w = ser_layer_param(t, "weight", 0, (struct ser_init){SER_INIT_NORMAL, 1}, 2, (size_t[]){n_vocab, dim});
	ser_tape_leave(t);
	return ser_nn_embedding(t, w, n, idx, seg, n_seg);
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
	int qkv = ser_nn_linear(t, x, w, b), part[3];
	ser_nn_split(t, qkv, 3, part);
	int y = ser_nn_attention(t, part[0], part[1], part[2], rel, -1,
				 &(struct ser_attn){.n_head = n_head, .n_off = n_off});
	return ser_nn_dropout(t, ser_nn_linear(t, y, wo, bo), p_drop);
}

int ser_layer_attention(struct ser_tape *t, const char *const name[static 4], int x, bool k_bias, int bias, int gate,
			const struct ser_attn *o)
{
	size_t E = tape_at(t, x)->n_col;
	int part[3];
	if (name[1] == NULL)
		ser_nn_split(t, ser_layer_linear(t, name[0], x, 3 * E, true), 3, part);
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
		h = ser_layer_relu_batch_norm(t, "tdnn.norm", h, n_att);
		h = ser_layer_linear(t, "conv", ser_nn_tanh(t, h), C, true);
	} else {
		h = ser_nn_tanh(t, ser_layer_linear(t, "att.0", x, n_att, true));
		h = ser_layer_linear(t, "att.1", h, C, true);
	}
	ser_tape_leave(t);
	return ser_nn_softmax_time_pool_stats(t, x, h, 1e-4);
}

/* What each channel is multiplied by, [n_seg,C] */
static int excitation(struct ser_tape *t, const char *name, int x, size_t n_mid)
{
	size_t C = tape_at(t, x)->n_col;
	ser_tape_enter(t, "%s", name);
	int u = ser_layer_linear_then(t, "fc1", ser_nn_pool_mean(t, x), n_mid, true, SER_THEN_RELU, NULL);
	u = ser_nn_sigmoid(t, ser_layer_linear(t, "fc2", u, C, true));
	ser_tape_leave(t);
	return u;
}

int ser_layer_se(struct ser_tape *t, const char *name, int x, size_t n_mid)
{
	return ser_nn_scale_rows(t, x, excitation(t, name, x, n_mid));
}

int ser_layer_se_add_to(struct ser_tape *t, const char *name, int x, size_t n_mid, int y, int room, size_t col)
{
	int u = excitation(t, name, x, n_mid);
	if ((t->mode & (SER_TAPE_GRAD | SER_TAPE_SHAPE)) == 0)
		return tape_scale_add_to(t, x, u, y, room, col);
	x = ser_nn_scale_rows(t, x, u);
	y = ser_nn_add_to(t, x, y, room, col);
	ser_tape_drop(t, x);
	return y;
}
