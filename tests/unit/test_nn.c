/* SPDX-License-Identifier: MIT */
/* What the training engine promises as a whole: batching, accumulation, keys, resuming, errors, averages, schedules, and
 * published test vectors of losses. */
#include "nn/private.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { D = 12, K = 3 };

static const struct ser_conv k3 = {.k = 3, .stride = 1, .dil = 1, .pad = 1, .groups = 1};
static const struct ser_conv k5s2 = {.k = 5, .stride = 2, .dil = 1, .pad = 2, .groups = 1};

/* A small encoder: convolutions, a norm, dropout, attentive statistics, a classifier. */
static int encoder(struct ser_tape *t, int x, bool batch, double p)
{
	int h = ser_layer_conv1d(t, "conv1", x, 16, &k3, true);
	h = batch ? ser_layer_batch_norm(t, "norm1", h, 16) : ser_layer_layer_norm(t, "norm1", h, 16);
	h = ser_nn_dropout(t, ser_nn_relu(t, h), p);
	h = ser_nn_relu(t, ser_layer_conv1d(t, "conv2", h, 16, &k5s2, true));
	ser_tape_enter(t, "head");
	h = ser_nn_dropout(t, ser_layer_attn_stats(t, "pool", h, 8, false), p);
	h = ser_layer_linear(t, "out", h, K, true);
	ser_tape_leave(t);
	return h;
}

/* Utterances of class-dependent noise, 10 to 40 frames. */
enum { N = 8 };
struct data {
	float *x[N];
	size_t n[N];
	int32_t y[N];
};

static struct data data_new(void)
{
	struct data d;
	struct ser_rng r;
	ser_rng_seed(&r, 11);
	for (int i = 0; i < N; i++) {
		d.n[i] = 10 + ser_rng_below(&r, 31);
		d.y[i] = (int32_t)ser_rng_below(&r, K);
		d.x[i] = ser_malloc(d.n[i] * D, sizeof(float));
		for (size_t j = 0; j < d.n[i] * D; j++)
			d.x[i][j] = (float)ser_rng_normal(&r);
	}
	return d;
}

static void data_free(struct data *d)
{
	for (int i = 0; i < N; i++)
		free(d->x[i]);
}

static struct ser_params *build(struct ser_tape **t, struct ser_la *la, bool batch)
{
	struct ser_params *p = ser_params_new(7);
	*t = ser_tape_new(la, p);
	ser_tape_reset(*t, SER_TAPE_SHAPE, 0);
	encoder(*t, ser_tape_input(*t, NULL, 8, D, (const size_t[]){0, 8}, 1), batch, 0.2);
	return p;
}

static double step(struct ser_tape *t, const struct data *d, int b0, int b1, bool batch, double p, double norm,
		   uint64_t seed)
{
	static const uint64_t key[N] = {11, 22, 33, 44, 55, 66, 77, 88};
	struct ser_err e;
	ser_tape_reset(t, SER_TAPE_GRAD | SER_TAPE_TRAIN, seed);
	ser_tape_keys(t, (size_t)(b1 - b0), key + b0);
	int x = ser_tape_batch(t, (size_t)(b1 - b0), (const float *const *)d->x + b0, d->n + b0, D);
	int l = ser_nn_cross_entropy(t, encoder(t, x, batch, p), d->y + b0, &(struct ser_loss){.norm = norm});
	assert_int_equal(ser_tape_backward(t, l, 1, &e), 0);
	return ser_tape_scalar(t, l);
}

static void overfit(void **state)
{
	(void)state;
	struct data d = data_new();
	struct ser_tape *t;
	struct ser_params *p = build(&t, NULL, true);
	struct ser_opt_opts o = ser_opt_defaults();
	struct ser_opt *opt;
	struct ser_err e;
	assert_int_equal(ser_opt_new(&opt, &o, p, NULL, &e), 0);
	double first = 0, last = 0;
	size_t bytes = 0;
	for (int i = 0; i < 120; i++) {
		ser_params_zero_grad(p);
		last = step(t, &d, 0, N, true, 0.2, 0, (uint64_t)i);
		first = i == 0 ? last : first;
		assert_int_equal(ser_params_clip(p, 5, NULL, &e), 0);
		ser_opt_step(opt, 0.005);
		if (i == 1)
			bytes = ser_tape_bytes(t);
		assert_true(i < 1 || ser_tape_bytes(t) == bytes); /* every step asks for the same */
	}
	assert_true(first > 0.7 && last < 0.05);
	/* without dropout and with running statistics: all eight right */
	ser_tape_reset(t, 0, 0);
	int y = encoder(t, ser_tape_batch(t, N, (const float *const *)d.x, d.n, D), true, 0.2);
	struct ser_node Y = ser_tape_node(t, y);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < K; k++)
			assert_true(k == d.y[i] || Y.val[i * K + k] < Y.val[i * K + d.y[i]]);
	ser_opt_free(opt);
	ser_tape_free(t);
	ser_params_free(p);
	data_free(&d);
}

/* One by one or all at once: the same bytes come out. */
static void batching(void **state)
{
	(void)state;
	struct data d = data_new();
	struct ser_tape *t;
	struct ser_params *p = build(&t, NULL, true);
	real all[N * K];
	ser_tape_reset(t, 0, 0);
	int y = encoder(t, ser_tape_batch(t, N, (const float *const *)d.x, d.n, D), true, 0.2);
	memcpy(all, ser_tape_node(t, y).val, sizeof all);
	for (int i = 0; i < N; i++) {
		ser_tape_reset(t, 0, 0);
		y = encoder(t, ser_tape_batch(t, 1, (const float *const *)d.x + i, d.n + i, D), true, 0.2);
		assert_memory_equal(ser_tape_node(t, y).val, all + i * K, K * sizeof(real));
	}
	/* with weights that stay packed, twice; and after they changed */
	for (int i = 0; i < 3; i++) {
		ser_tape_reset(t, i < 2 ? SER_TAPE_FIXED : 0, 0);
		y = encoder(t, ser_tape_batch(t, N, (const float *const *)d.x, d.n, D), true, 0.2);
		assert_memory_equal(ser_tape_node(t, y).val, all, sizeof all);
	}
	real *w = p->val + p->slice[ser_params_find(p, "conv1.weight")].at, old = *w;
	*w += 1;
	ser_tape_reset(t, SER_TAPE_FIXED, 0);
	y = encoder(t, ser_tape_batch(t, N, (const float *const *)d.x, d.n, D), true, 0.2);
	assert_memory_not_equal(ser_tape_node(t, y).val, all, sizeof all);
	*w = old;
	/* a value inside: asked for before the network runs, and given up and computed again */
	real *inside[2];
	size_t n_inside = 0;
	for (int i = 0; i < 2; i++) {
		ser_tape_reset(t, 0, 0);
		int x = ser_tape_batch(t, N, (const float *const *)d.x, d.n, D);
		x = ser_nn_relu(t, ser_layer_conv1d(t, "conv1", x, 16, &k3, true));
		y = ser_nn_relu(t, ser_layer_conv1d(t, "conv2", x, 16, &k5s2, true));
		assert_int_equal(ser_tape_shape(t, y).n_seg, N);
		if (i == 1)
			ser_tape_node(t, y);
		struct ser_node v = ser_tape_node(t, x);
		n_inside = v.n_row * v.n_col;
		inside[i] = ser_malloc(n_inside, sizeof *inside[i]);
		memcpy(inside[i], v.val, n_inside * sizeof *inside[i]);
	}
	assert_memory_equal(inside[0], inside[1], n_inside * sizeof *inside[0]);
	free(inside[0]);
	free(inside[1]);
	ser_tape_free(t);
	ser_params_free(p);
	data_free(&d);
}

static int conv_relu_norm(struct ser_tape *t, const char *conv, const char *norm, int x, size_t n,
			  const struct ser_conv *c)
{
	return ser_layer_batch_norm(t, norm, ser_nn_relu(t, ser_layer_conv1d(t, conv, x, n, c, true)), n);
}

static int conv_norm_relu(struct ser_tape *t, const char *conv, const char *norm, int x, size_t n,
			  const struct ser_conv *c)
{
	return ser_nn_relu(t, ser_layer_batch_norm(t, norm, ser_layer_conv1d(t, conv, x, n, c, false), n));
}

/* All that the plan does in one pass: res2net's shape, and a head. */
static int at_once_net(struct ser_tape *t, int x)
{
	const struct ser_conv k3d2 = {.k = 3, .stride = 1, .dil = 2, .pad = 2, .groups = 1, .reflect = true};
	const struct ser_conv two = {.k = 1, .stride = 1, .dil = 1, .groups = 2};
	int part[3];
	x = conv_relu_norm(t, "c1", "n1", x, 32, &k3);
	part[0] = conv_relu_norm(t, "c2", "n2", ser_nn_slice(t, x, 0, 32), 20, &k3d2);
	part[1] = conv_relu_norm(t, "c3", "n3", part[0], 4, &k3d2);
	int y = conv_norm_relu(t, "c4", "n4", part[1], 16, &two);
	int z = ser_nn_relu(t, ser_layer_conv1d(t, "c5", y, 16, &k3d2, true));
	part[2] = ser_nn_add(t, ser_layer_se(t, "se", z, 5), y);
	x = conv_norm_relu(t, "c6", "n6", ser_nn_concat(t, 3, part), 33, &k5s2);
	x = ser_layer_attn_stats(t, "pool", x, 8, true);
	x = ser_nn_relu(t, ser_layer_batch_norm(t, "n7", ser_layer_linear(t, "l1", x, 17, false), 17));
	x = ser_layer_batch_norm(t, "n8", ser_nn_relu(t, ser_layer_linear(t, "l2", x, 18, true)), 18);
	return ser_nn_relu(t, ser_layer_linear(t, "l3", x, 19, true));
}

/* With weights that stay packed what follows a product is done with it: the bytes are those of the operators one after another,
 * those of an utterance alone, and not those of norms that use the batch's statistics. */
static void at_once(void **state)
{
	(void)state;
	enum { W = 19 };
	struct data d = data_new();
	for (int bf16 = 0; bf16 < 2; bf16++) {
		struct ser_la *la = ser_la_new(1 + bf16);
		struct ser_params *p = ser_params_new(5);
		struct ser_tape *t = ser_tape_new(la, p);
		if (bf16)
			ser_la_set_precision(la, SER_LA_BF16); /* double stays itself */
		ser_tape_reset(t, SER_TAPE_SHAPE, 0);
		at_once_net(t, ser_tape_batch(t, N, (const float *const *)d.x, d.n, D));
		struct ser_rng r;
		ser_rng_seed(&r, 6);
		for (size_t i = 0; i < p->n_slice; i++) /* norms that do something */
			for (size_t j = 0; p->slice[i].ndim == 1 && j < p->slice[i].n; j++)
				p->val[p->slice[i].at + j] += (real)(0.9 * ser_rng_uniform(&r));
		real want[N * W];
		const unsigned mode[] = {SER_TAPE_GRAD, 0, SER_TAPE_FIXED, SER_TAPE_FIXED};
		for (int i = 0; i < 4; i++) {
			ser_tape_reset(t, mode[i], 0);
			int y = at_once_net(t, ser_tape_batch(t, N, (const float *const *)d.x, d.n, D));
			if (i == 0)
				memcpy(want, ser_tape_node(t, y).val, sizeof want);
			assert_memory_equal(ser_tape_node(t, y).val, want, sizeof want);
		}
		for (int i = 0; i < N; i++) {
			ser_tape_reset(t, SER_TAPE_FIXED, 0);
			int y = at_once_net(t, ser_tape_batch(t, 1, (const float *const *)d.x + i, d.n + i, D));
			assert_memory_equal(ser_tape_node(t, y).val, want + i * W, W * sizeof *want);
		}
		real both[2][N * W];
		real *before = ser_malloc(p->n, sizeof *before);
		memcpy(before, p->val, p->n * sizeof *before);
		for (int i = 0; i < 2; i++) {
			memcpy(p->val, before, p->n * sizeof *before);
			ser_tape_reset(t, SER_TAPE_TRAIN | (i > 0 ? SER_TAPE_FIXED : 0), 0);
			int y = at_once_net(t, ser_tape_batch(t, N, (const float *const *)d.x, d.n, D));
			memcpy(both[i], ser_tape_node(t, y).val, sizeof both[i]);
		}
		assert_memory_equal(both[0], both[1], sizeof both[0]);
		assert_memory_not_equal(both[0], want, sizeof want);
		free(before);
		ser_tape_free(t);
		ser_params_free(p);
		ser_la_free(la);
	}
	data_free(&d);
}

/* Gradients of the parts add up to those of the large batch, dropout included. */
static void accumulation(void **state)
{
	(void)state;
	struct data d = data_new();
	struct ser_tape *t;
	struct ser_params *p = build(&t, NULL, false);
	ser_params_zero_grad(p);
	double whole = step(t, &d, 0, N, false, 0.3, N, 5), sum = 0, most = 0;
	real *g = ser_malloc(p->n, sizeof *g);
	memcpy(g, p->grad, p->n * sizeof *g);
	ser_params_zero_grad(p);
	sum += step(t, &d, 0, 3, false, 0.3, N, 5);
	sum += step(t, &d, 3, 4, false, 0.3, N, 5);
	sum += step(t, &d, 4, N, false, 0.3, N, 5);
	assert_true(fabs(sum - whole) <= 1e-6);
	for (size_t i = 0; i < p->n; i++)
		most = fmax(most, fabs((double)g[i]));
	for (size_t i = 0; i < p->n; i++)
		assert_true(fabs((double)(g[i] - p->grad[i])) <= 1e-6 * most);
	assert_true(most > 1e-3);
	free(g);
	ser_tape_free(t);
	ser_params_free(p);
	data_free(&d);
}

/* Sums over machines: two tapes whose batch statistics are shared behave as one. Here the other machine has the same
 * data, so that sums double and nothing else changes. */
static void twice(void *ctx, double *x, size_t n)
{
	*(int *)ctx += 1;
	for (size_t i = 0; i < n; i++)
		x[i] *= 2;
}

static void shared_statistics(void **state)
{
	(void)state;
	struct data d = data_new();
	struct ser_tape *t;
	struct ser_params *p = build(&t, NULL, true);
	int calls = 0;
	ser_params_zero_grad(p);
	step(t, &d, 0, N, true, 0, 0, 1);
	real *g = ser_malloc(p->n, sizeof *g);
	memcpy(g, p->grad, p->n * sizeof *g);
	ser_params_zero_grad(p);
	ser_tape_all_sum(t, twice, &calls);
	step(t, &d, 0, N, true, 0, 0, 1);
	assert_int_equal(calls, 2);
	for (size_t i = 0; i < p->n; i++)
		assert_true(fabs((double)(g[i] - p->grad[i])) <= 1e-6);
	free(g);
	ser_tape_free(t);
	ser_params_free(p);
	data_free(&d);
}

/* Residual sums and a Res2Net chain, as ECAPA-TDNN has them, in two blocks. */
static int chain(struct ser_tape *t, int x)
{
	struct ser_conv c1 = {.k = 1, .stride = 1, .dil = 1, .groups = 1};
	int part[4], first = conv_relu_norm(t, "c0", "n0", x, 16, &k3);
	ser_tape_enter(t, "block1");
	int y = conv_relu_norm(t, "c1", "n1", first, 16, &c1);
	for (int i = 0; i < 4; i++)
		part[i] = ser_nn_slice(t, y, (size_t)i * 4, 4);
	for (int i = 1; i < 4; i++) {
		ser_tape_enter(t, "part%d", i);
		part[i] = conv_relu_norm(t, "c", "n", i > 1 ? ser_nn_add(t, part[i], part[i - 1]) : part[i], 4, &k3);
		ser_tape_leave(t);
	}
	int z = conv_norm_relu(t, "c2", "n2", ser_nn_concat(t, 4, part), 16, &c1);
	int a = ser_nn_add(t, ser_layer_se(t, "se", ser_nn_dropout(t, z, 0.1), 4), first);
	ser_tape_leave(t);
	ser_tape_enter(t, "block2");
	int b = ser_layer_conv1d(t, "c3", ser_nn_add(t, first, a), 16, &c1, true);
	b = ser_layer_conv1d(t, "c4", ser_layer_batch_norm(t, "n3", b, 16), 16, &c1, true);
	b = ser_nn_dropout(t, ser_layer_batch_norm(t, "n4", ser_nn_relu(t, b), 16), 0.1);
	b = ser_layer_mha(t, "att", ser_layer_layer_norm(t, "n5", b, 16), 2, 3, 0);
	b = ser_layer_gru(t, "gru", b, 5, true);
	ser_tape_leave(t);
	x = ser_layer_conv1d(t, "c5", ser_nn_concat(t, 2, (int[]){a, b}), 16, &c1, true);
	x = ser_nn_add(t, x, a); /* which the concatenation cannot hold, then */
	return ser_layer_linear(t, "out", ser_layer_attn_stats(t, "pool", x, 8, true), K, true);
}

/* A graph drawn at random: layers, norms, sums, slices and concatenations of what was made before, in blocks that read from each other,
 * and inputs that are used again much later. */
static int random_graph(struct ser_tape *t, int x, uint64_t seed)
{
	enum { STEPS = 24, W = 8 };
	int made[STEPS + 1], n = 0, in_block = 0;
	struct ser_rng r;
	ser_rng_seed(&r, seed);
	const struct ser_conv c1 = {.k = 1, .stride = 1, .dil = 1, .groups = 1};
	made[n++] = ser_layer_linear(t, "in", x, W, true);
	for (int i = 0; i < STEPS; i++) {
		char name[16];
		snprintf(name, sizeof name, "l%d_", i);
		if (ser_rng_below(&r, 4) == 0) {
			if (in_block)
				ser_tape_leave(t);
			in_block = ser_rng_below(&r, 4) != 0;
			if (in_block)
				ser_tape_enter(t, "block%d", i);
		}
		/* the newest most often, or any */
		int a = made[ser_rng_below(&r, 3) == 0 ? (int)ser_rng_below(&r, (uint32_t)n) : n - 1];
		int b = made[ser_rng_below(&r, (uint32_t)n)], y = a;
		switch (ser_rng_below(&r, 28)) {
		case 0:
			y = ser_layer_linear(t, name, a, W, true);
			break;
		case 1:
			y = ser_layer_conv1d(t, name, a, W, ser_rng_below(&r, 2) ? &c1 : &k3, true);
			break;
		case 2:
			y = ser_nn_relu(t, ser_layer_conv1d(t, name, a, W, &c1, true));
			break;
		case 3:
			y = ser_layer_batch_norm(t, name, ser_nn_relu(t, a), W);
			break;
		case 4:
			y = ser_nn_relu(t, ser_layer_batch_norm(t, name, a, W));
			break;
		case 5:
			y = ser_layer_layer_norm(t, name, a, W);
			break;
		case 6:
		case 7:
			y = ser_nn_add(t, a, b);
			break;
		case 8:
			y = ser_nn_mul(t, ser_nn_tanh(t, a), b);
			break;
		case 9: /* in halves, of which one goes through more */
			y = ser_nn_concat(
				t, 2,
				(int[]){ser_nn_slice(t, a, 0, W / 2),
					ser_layer_conv1d(t, name, ser_nn_slice(t, a, W / 2, W / 2), W / 2, &c1, true)});
			break;
		case 10:
			y = ser_layer_linear(t, name, ser_nn_concat(t, 2, (int[]){a, b}), W, true);
			break;
		case 11:
			y = ser_nn_dropout(t, a, 0.2);
			break;
		case 12:
			y = ser_layer_se(t, name, a, 4);
			break;
		case 13:
			y = ser_layer_mha(t, name, a, 2, 3, 0.1);
			break;
		case 14:
			y = ser_nn_add(t, ser_nn_gelu(t, ser_layer_linear(t, name, a, W, true)), a);
			break;
		case 15:
			y = ser_layer_gru(t, name, a, W / 2, true);
			break;
		case 16:
			y = ser_nn_glu(t, ser_layer_conv1d(t, name, a, 2 * W, &k3, true));
			break;
		case 17:
			y = ser_layer_group_norm(t, name, a, W, 2);
			break;
		case 18:
			y = ser_nn_scale_rows(t, a, ser_nn_pool_mean(t, ser_nn_sigmoid(t, b)));
			break;
		case 19:
			y = ser_nn_add(t, a, ser_nn_expand(t, ser_nn_pool_max(t, b), a));
			break;
		case 20:
			y = ser_nn_silu(t, ser_nn_sub(t, a, b));
			break;
		case 21:
			y = ser_layer_linear(t, name, ser_layer_conv2d(t, "c2", a, 4, 3, &k3, &k3, true), W, true);
			break;
		case 22:
			y = ser_nn_max_pool2d(
				t,
				ser_nn_relu(t, ser_layer_batch_norm(
						       t, name, ser_layer_conv2d(t, "c3", a, 4, 4, &k3, &k3, true), 4)),
				4, 1, 2);
			break;
		case 23:
			y = ser_nn_mul(t, ser_nn_softmax_time(t, a), b);
			break;
		case 24:
			y = ser_nn_softmax(t, ser_nn_add(t, a, b));
			break;
		case 25:
			y = ser_nn_add(t, ser_nn_tanh(t, a), b);
			break;
		case 26:
			y = ser_nn_concat(
				t, 3,
				(int[]){ser_nn_slice(t, a, 0, 2), ser_nn_slice(t, b, 2, 4), ser_nn_slice(t, a, 6, 2)});
			break;
		default:
			y = ser_nn_add(t, ser_nn_sigmoid(t, a), ser_nn_scale(t, b, 0.5));
		}
		made[n++] = ser_layer_layer_norm(t, "same", y, W);
		if (ser_rng_below(&r, 2))
			made[n - 1] = y;
	}
	if (in_block)
		ser_tape_leave(t);
	return ser_layer_linear(t, "out", ser_layer_attn_stats(t, "pool", made[n - 1], 8, true), K, true);
}

/* Whatever the plan decides, and when blocks are computed again: the same bytes, in less memory. */
static void plan(void **state)
{
	(void)state;
	enum { N_PLAN = 10 };
	/* all on; one off each; all off; recomputing, on two threads, too; and with all else off */
	const unsigned off[N_PLAN] = {0,  TAPE_FUSE, TAPE_VIEW, TAPE_IN_PLACE,     TAPE_RELEASE, TAPE_REBUILD,
				      31, 0,         0,         31 & ~TAPE_RELEASE};
	struct data d = data_new();
	struct ser_err e;
	struct ser_la *two = ser_la_new(2);
	for (int kind = 0; kind < 3; kind++) { /* statistics of the batch, fixed ones, the first layers frozen */
		real *want = NULL, *run = NULL;
		size_t bytes[N_PLAN];
		for (int i = 0; i < N_PLAN; i++) {
			struct ser_params *p = ser_params_new(3);
			struct ser_tape *t = ser_tape_new(i == 8 ? two : NULL, p);
			tape_switch_off(t, off[i]);
			ser_tape_recompute(t, i >= 7);
			ser_tape_reset(t, SER_TAPE_SHAPE, 0);
			chain(t, ser_tape_input(t, NULL, 8, D, (const size_t[]){0, 8}, 1));
			if (kind == 2)
				assert_int_equal(ser_params_flag(p, "c0", SER_P_FROZEN, true) +
							 ser_params_flag(p, "n0", SER_P_FROZEN, true),
						 6);
			for (int step = 0; step < 2; step++) {
				ser_tape_reset(t, SER_TAPE_GRAD | (kind == 1 ? 0 : SER_TAPE_TRAIN), 1);
				int x = ser_tape_batch(t, N, (const float *const *)d.x, d.n, D);
				int l = ser_nn_cross_entropy(t, chain(t, x), d.y, NULL);
				assert_int_equal(ser_tape_backward(t, l, 1, &e), 0);
			}
			bytes[i] = ser_tape_bytes(t);
			if (i == 0) {
				want = ser_malloc(2 * p->n, sizeof *want);
				run = want + p->n;
				memcpy(want, p->grad, p->n * sizeof *want);
				memcpy(run, p->val, p->n * sizeof *run);
				assert_true(ser_la_dot(p->n, want, want) > 1e-3);
			}
			for (size_t k = 0; k < p->n; k++)
				if (!(p->grad[k] == want[k])) /* 0 is -0 */
					fail_msg("kind %d, plan %d: gradient %zu is %.9g, expected %.9g", kind, i, k,
						 (double)p->grad[k], (double)want[k]);
			assert_memory_equal(p->val, run, p->n * sizeof *run); /* running statistics moved once */
			ser_tape_free(t);
			ser_params_free(p);
		}
		assert_true(bytes[0] < bytes[5] && bytes[5] < bytes[6] && bytes[7] < bytes[0]);
		free(want);
	}
	ser_la_free(two);
	data_free(&d);
}

static void random_graphs(void **state)
{
	(void)state;
	enum { N_GRAPH = 50, N_PLAN = 7 };
	static const unsigned off[N_PLAN] = {31, 0, TAPE_REBUILD, TAPE_FUSE,
					     0,  0, TAPE_VIEW}; /* from the fourth on recomputing */
	struct data d = data_new();
	struct ser_err e;
	struct ser_la *two = ser_la_new(2);
	for (uint64_t g = 0; g < N_GRAPH; g++) {
		real *want = NULL;
		for (int i = 0; i < N_PLAN; i++) {
			struct ser_params *p = ser_params_new(3);
			struct ser_tape *t = ser_tape_new(i == 5 ? two : NULL, p);
			tape_switch_off(t, off[i]);
			ser_tape_recompute(t, i > 3);
			ser_tape_reset(t, SER_TAPE_SHAPE, 0);
			random_graph(t, ser_tape_input(t, NULL, 8, D, (const size_t[]){0, 8}, 1), g);
			for (size_t k = 0; k < p->n_slice && g % 3 == 0; k++) /* every second one stays as it is */
				p->slice[k].flags |= k % 2 != 0 ? SER_P_FROZEN : 0;
			ser_tape_reset(t, SER_TAPE_GRAD | (g % 5 == 0 ? 0 : SER_TAPE_TRAIN), 1);
			int x = ser_tape_batch(t, N, (const float *const *)d.x, d.n, D);
			int l = ser_nn_cross_entropy(t, random_graph(t, x, g), d.y, NULL);
			assert_int_equal(ser_tape_backward(t, l, 1, &e), 0);
			if (want == NULL) {
				want = ser_malloc(2 * p->n, sizeof *want);
				memcpy(want, p->grad, p->n * sizeof *want);
				memcpy(want + p->n, p->val, p->n * sizeof *want);
				assert_true(ser_la_dot(p->n, want, want) > 0);
			}
			for (size_t k = 0; k < p->n; k++)
				if (!(p->grad[k] == want[k]))
					fail_msg("graph %d, plan %d: gradient %zu is %.9g, expected %.9g", (int)g, i, k,
						 (double)p->grad[k], (double)want[k]);
			assert_memory_equal(p->val, want + p->n, p->n * sizeof *want);
			ser_tape_free(t);
			ser_params_free(p);
		}
		free(want);
	}
	ser_la_free(two);
	data_free(&d);
}

/* Saved after five steps and resumed: the bytes of ten. */
static void resume(void **state)
{
	(void)state;
	struct data d = data_new();
	for (int kind = 0; kind < 3; kind++) {
		struct ser_opt_opts o = ser_opt_defaults();
		o.kind = (enum ser_opt_kind)kind;
		o.ema = 0.99;
		struct ser_tape *t, *u;
		struct ser_params *p = build(&t, NULL, true), *q = build(&u, NULL, true);
		struct ser_opt *a, *b;
		struct ser_err e;
		assert_int_equal(ser_opt_new(&a, &o, p, NULL, &e), 0);
		for (int i = 0; i < 10; i++) {
			if (i == 5) {
				assert_int_equal(ser_opt_new(&b, &o, q, NULL, &e), 0);
				memcpy(q->val, p->val, p->n * sizeof *p->val);
				b->step = a->step;
				const char *n1, *n2;
				int s = 0;
				for (; ser_opt_state(a, s, &n1) != NULL; s++) {
					memcpy(ser_opt_state(b, s, &n2), ser_opt_state(a, s, &n1), a->n * sizeof(real));
					assert_string_equal(n1, n2);
				}
				assert_int_equal(s, kind == SER_OPT_SGD ? 2 : 3);
			}
			ser_params_zero_grad(p);
			step(t, &d, 0, N, true, 0.2, 0, (uint64_t)i);
			ser_opt_step(a, 0.01);
			if (i < 5)
				continue;
			ser_params_zero_grad(q);
			step(u, &d, 0, N, true, 0.2, 0, (uint64_t)i);
			ser_opt_step(b, 0.01);
		}
		assert_memory_equal(p->val, q->val, p->n * sizeof *p->val);
		assert_memory_equal(a->avg, b->avg, p->n * sizeof *p->val);
		real before = p->val[0], mean = a->avg[0];
		ser_opt_swap_average(a);
		assert_true(p->val[0] == mean && a->avg[0] == before && before != mean);
		ser_opt_free(a);
		ser_opt_free(b);
		ser_tape_free(t);
		ser_tape_free(u);
		ser_params_free(p);
		ser_params_free(q);
	}
	data_free(&d);
}

static void not_finite(void **state)
{
	(void)state;
	struct ser_err e = {0};
	struct ser_params *p = ser_params_new(1);
	struct ser_tape *t = ser_tape_new(NULL, p);
	size_t one = 1;
	int s = ser_params_add(p, "a.weight", 0, (struct ser_init){SER_INIT_CONST, 2}, 1, &one);
	ser_tape_reset(t, SER_TAPE_GRAD, 0);
	int y = ser_nn_scale(t, ser_tape_param(t, s), INFINITY);
	assert_int_equal(ser_tape_backward(t, y, 1, &e), SER_EDATA);
	assert_string_equal(e.msg, "the loss is inf");
	assert_true(p->grad[0] == 0);
	p->grad[0] = (real)NAN;
	assert_int_equal(ser_params_clip(p, 1, NULL, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "\"a.weight\""));
	p->grad[0] = 3;
	double norm;
	assert_int_equal(ser_params_clip(p, 1, &norm, &e), 0);
	assert_true(fabs(norm - 3) <= 1e-9 && fabs((double)p->grad[0] - 1) <= 1e-6);
	assert_int_equal(ser_params_check(p, &e), 0);
	p->val[0] = (real)INFINITY;
	assert_int_equal(ser_params_check(p, &e), SER_EDATA);
	/* NaN goes through what compares: relu, max, softmax */
	const real x[] = {1, (real)NAN, 2};
	ser_tape_reset(t, 0, 0);
	int in = ser_tape_input(t, x, 3, 1, (const size_t[]){0, 3}, 1);
	assert_true(isnan(ser_tape_node(t, ser_nn_relu(t, in)).val[1]));
	assert_true(isnan(ser_tape_scalar(t, ser_nn_pool_max(t, in))));
	assert_true(isnan(ser_tape_node(t, ser_nn_softmax(t, ser_nn_transpose(t, in))).val[0]));
	struct ser_opt_opts o = ser_opt_defaults();
	struct ser_opt *opt;
	o.beta1 = 1;
	assert_int_equal(ser_opt_new(&opt, &o, p, NULL, &e), SER_EUSAGE);
	ser_tape_free(t);
	ser_params_free(p);
}

/* Names, flags, and that a frozen part and a buffer stay as they are. */
static void parameters(void **state)
{
	(void)state;
	struct data d = data_new();
	struct ser_tape *t;
	struct ser_params *p = build(&t, NULL, true);
	int i = ser_params_find(p, "head.pool.att.0.weight");
	assert_true(i >= 0 && p->slice[i].shape[0] == 8 && p->slice[i].shape[1] == 16 && p->slice[i].ndim == 2);
	assert_int_equal(ser_params_find(p, "head.pool.att.0"), -1);
	size_t want = 16 * 3 * D + 16 + 32 + 16 * 5 * 16 + 16 + 8 * 16 + 8 + 16 * 8 + 16 + K * 32 + K;
	assert_int_equal(ser_params_count(p, false), want);
	assert_int_equal(ser_params_flag(p, "conv1.", SER_P_FROZEN, true), 2);
	assert_int_equal(ser_params_count(p, true), want - 16 * 3 * D - 16);
	/* what is drawn depends on seed and name alone */
	struct ser_params *q = ser_params_new(7);
	int j = ser_params_add(q, "head.pool.att.0.weight", 0, (struct ser_init){SER_INIT_UNIFORM, 0.25}, 2,
			       (size_t[]){8, 16});
	assert_memory_equal(q->val + q->slice[j].at, p->val + p->slice[i].at, 128 * sizeof(real));
	ser_params_free(q);
	struct ser_opt_opts o = ser_opt_defaults();
	struct ser_opt *opt;
	struct ser_err e;
	assert_int_equal(ser_opt_new(&opt, &o, p, NULL, &e), 0);
	real *old = ser_malloc(p->n, sizeof *old);
	memcpy(old, p->val, p->n * sizeof *old);
	ser_params_zero_grad(p);
	step(t, &d, 0, N, true, 0, 0, 0);
	ser_opt_step(opt, 0.01);
	for (size_t k = 0; k < p->n_slice; k++) {
		const struct ser_slice *s = &p->slice[k];
		bool same = memcmp(old + s->at, p->val + s->at, s->n * sizeof *old) == 0;
		assert_int_equal(same, strncmp(s->name, "conv1.", 6) == 0);
	}
	free(old);
	ser_opt_free(opt);
	ser_tape_free(t);
	ser_params_free(p);
	data_free(&d);
}

/* Share kept, scale, and that neighbours do not matter. */
static void dropout(void **state)
{
	(void)state;
	enum { R = 200, C = 100 };
	static real x[R * C];
	for (int i = 0; i < R * C; i++)
		x[i] = 1;
	struct ser_params *p = ser_params_new(1);
	struct ser_tape *t = ser_tape_new(NULL, p);
	ser_tape_reset(t, SER_TAPE_TRAIN, 3);
	const uint64_t key[] = {5, 6}, other[] = {6};
	ser_tape_keys(t, 2, key);
	int in = ser_tape_input(t, x, R, C, (const size_t[]){0, 50, R}, 2);
	int y = ser_nn_dropout(t, in, 0.25), z = ser_nn_dropout(t, in, 0.25);
	real *Y = ser_tape_node(t, y).val, *Z = ser_tape_node(t, z).val;
	double kept = 0, both = 0;
	for (int i = 0; i < R * C; i++) {
		assert_true(Y[i] == 0 || fabs((double)Y[i] - 4.0 / 3) <= 1e-6);
		kept += Y[i] != 0;
		both += Y[i] != 0 && Z[i] != 0;
	}
	/* four standard deviations */
	assert_true(fabs(kept / (R * C) - 0.75) <= 4 * sqrt(0.75 * 0.25 / (R * C)));
	assert_true(fabs(both / (R * C) - 0.5625) <= 4 * sqrt(0.5625 * 0.4375 / (R * C)));
	real *copy = ser_malloc(150 * C, sizeof *copy);
	memcpy(copy, Y + 50 * C, 150 * C * sizeof *copy);
	ser_tape_reset(t, SER_TAPE_TRAIN, 3);
	ser_tape_keys(t, 1, other);
	in = ser_tape_input(t, x, 150, C, (const size_t[]){0, 150}, 1);
	assert_memory_equal(ser_tape_node(t, ser_nn_dropout(t, in, 0.25)).val, copy, 150 * C * sizeof *copy);
	ser_tape_reset(t, SER_TAPE_TRAIN, 4);
	ser_tape_keys(t, 1, other);
	in = ser_tape_input(t, x, 150, C, (const size_t[]){0, 150}, 1);
	assert_memory_not_equal(ser_tape_node(t, ser_nn_dropout(t, in, 0.25)).val, copy, 150 * C * sizeof *copy);
	ser_tape_reset(t, 0, 3);
	in = ser_tape_input(t, x, R, C, NULL, 0);
	assert_int_equal(ser_nn_dropout(t, in, 0.25), in);
	/* of several segments, or rows, of an utterance each draws its own, wherever the utterance stands */
	for (int rows = 0; rows < 2; rows++) {
		const size_t n = rows ? 2 : 20;
		for (size_t b = 2; b > 0; b--) {
			ser_tape_reset(t, SER_TAPE_TRAIN, 3);
			ser_tape_keys(t, b, key + 2 - b);
			in = ser_tape_input(t, x, b * n, C, NULL, 0);
			in = rows ? in : ser_nn_segments(t, in, 10);
			Y = ser_tape_node(t, ser_nn_dropout(t, in, 0.25)).val;
			if (b == 2)
				memcpy(copy, Y + n * C, n * C * sizeof *copy);
		}
		assert_memory_equal(Y, copy, n * C * sizeof *copy);
		assert_memory_not_equal(Y, Y + n / 2 * C, n / 2 * C * sizeof *copy);
	}
	free(copy);
	ser_tape_free(t);
	ser_params_free(p);
}

/* e += (1 - f) (p - e), of every element, whatever the number of threads; frozen slices and gaps stay. */
static void averages(void **state)
{
	(void)state;
	enum { BIG = 3 * 65536 + 77 };
	struct ser_err e;
	struct ser_params *p = ser_params_new(1);
	struct ser_la *la = ser_la_new(2);
	struct ser_init init = {SER_INIT_NORMAL, 1};
	int big = ser_params_add(p, "big", 0, init, 1, (const size_t[]){BIG});
	int frozen = ser_params_add(p, "frozen", SER_P_FROZEN, init, 1, (const size_t[]){5});
	struct ser_opt_opts o = ser_opt_defaults();
	o.ema = 0.75;
	struct ser_opt *opt;
	assert_int_equal(ser_opt_new(&opt, &o, p, la, &e), 0);
	real *want = ser_malloc(p->n, sizeof *want), *last = ser_malloc(p->n, sizeof *last);
	memcpy(want, p->val, p->n * sizeof *want);
	for (int step = 0; step < 3; step++) {
		for (size_t i = 0; i < p->n; i++)
			p->grad[i] = (real)sin((double)(i + 1) * (step + 1));
		ser_opt_step(opt, 0.1);
		for (size_t i = p->slice[big].at; i < p->slice[big].at + BIG; i++)
			want[i] += (real)0.25 * (p->val[i] - want[i]);
	}
	memcpy(last, p->val, p->n * sizeof *last);
	assert_memory_not_equal(last, want, BIG * sizeof *want);
	ser_opt_swap_average(opt);
	assert_memory_equal(p->val, want, p->n * sizeof *want);
	assert_true(memcmp(p->val + p->slice[frozen].at, last + p->slice[frozen].at, 5 * sizeof *last) == 0);
	ser_opt_swap_average(opt);
	assert_memory_equal(p->val, last, p->n * sizeof *last);
	free(want);
	free(last);
	ser_opt_free(opt);
	ser_la_free(la);
	ser_params_free(p);
}

static void schedules(void **state)
{
	(void)state;
	struct ser_sched s = ser_sched_defaults();
	s.lr = 2;
	s.n_warmup = 4;
	assert_true(ser_sched_lr(&s, 0) == 0.5 && ser_sched_lr(&s, 3) == 2 && ser_sched_lr(&s, 900) == 2);
	s.kind = SER_SCHED_COSINE;
	s.n_total = 14;
	s.lr_min = 0.2;
	assert_true(fabs(ser_sched_lr(&s, 9) - 1.1) <= 1e-12 && ser_sched_lr(&s, 4) == 2);
	assert_true(fabs(ser_sched_lr(&s, 14) - 0.2) <= 1e-12 && fabs(ser_sched_lr(&s, 99) - 0.2) <= 1e-12);
	s.kind = SER_SCHED_STEP;
	s.every = 3;
	s.factor = 0.5;
	assert_true(ser_sched_lr(&s, 6) == 2 && ser_sched_lr(&s, 7) == 1 && ser_sched_lr(&s, 10) == 0.5);
	s.kind = SER_SCHED_PLATEAU;
	s.patience = 1;
	assert_false(ser_sched_report(&s, 0.5));
	assert_false(ser_sched_report(&s, 0.4));
	assert_true(ser_sched_report(&s, 0.5));
	assert_true(ser_sched_lr(&s, 50) == 1);
	assert_false(ser_sched_report(&s, 0.6));
}

/* Both directions of GEmo-CLAP's loss of cosines c [3,3], targets m: softmax of their rows, or rows as they are. */
static double clap_loss(struct ser_tape *t, const real *cosine, const real *m, bool rows)
{
	ser_tape_reset(t, 0, 0);
	int c = ser_nn_scale(t, ser_tape_input(t, cosine, 3, 3, NULL, 0), 1 / 0.07), ct = ser_nn_transpose(t, c);
	int l = rows ? ser_nn_add(t, ser_nn_kl(t, c, m, NULL), ser_nn_kl(t, ct, m, NULL))
		     : ser_nn_add(t, ser_nn_clap_kl(t, c, m), ser_nn_clap_kl(t, ct, m));
	return ser_tape_scalar(t, l) / 2;
}

/* It (Pan et al. 2024) worked out by hand for three pairs: R = N. */
static void clap_vector(void **state)
{
	(void)state;
	const real cosine[] = {(real)0.9, (real)0.2,  (real)-0.1, (real)0.4, (real)0.7,
			       0,         (real)-0.2, (real)0.1,  (real)0.8};
	const int emotion[] = {0, 0, 1}, gender[] = {0, 1, 1};
	real me[9], mg[9], sl[9], rows[9], mixed[9];
	for (int i = 0; i < 9; i++) {
		me[i] = emotion[i / 3] == emotion[i % 3];
		mg[i] = gender[i / 3] == gender[i % 3];
		sl[i] = (real)0.8 * me[i] + (real)0.2 * mg[i];
		rows[i] = me[i] / (i < 6 ? 2 : 1);
	}
	struct ser_params *p = ser_params_new(1);
	struct ser_tape *t = ser_tape_new(NULL, p);
	double e = clap_loss(t, cosine, me, false), g = clap_loss(t, cosine, mg, false);
	assert_true(fabs(e - 3.983706) <= 2e-6);
	assert_true(fabs(g - 4.478723) <= 2e-6);
	assert_true(fabs(clap_loss(t, cosine, sl, false) - 3.989072) <= 2e-6);
	assert_true(fabs(0.9 * e + 0.1 * g - 4.033208) <= 2e-6);
	assert_true(fabs(clap_loss(t, cosine, rows, true) - 1.921453) <= 2e-6); /* another target, another loss */
	/* multitask is the loss of the targets' mixture, but for what these lose in entropy by it; the soft target's is not */
	double lost = 0;
	for (int i = 0; i < 9; i++) {
		double ze = 0, zg = 0;
		for (int k = i / 3 * 3; k < i / 3 * 3 + 3; k++)
			ze += exp((double)me[k]), zg += exp((double)mg[k]);
		double se = exp((double)me[i]) / ze, sg = exp((double)mg[i]) / zg, s = 0.8 * se + 0.2 * sg;
		mixed[i] = (real)s;
		lost += (0.8 * se * log(se) + 0.2 * sg * log(sg) - s * log(s)) / 3;
	}
	double ml = 0.8 * e + 0.2 * g;
	assert_true(fabs(ml - (clap_loss(t, cosine, mixed, true) + lost)) <= 2e-6);
	assert_true(fabs(ml - (clap_loss(t, cosine, sl, false) + lost)) > 0.01);
	ser_tape_free(t);
	ser_params_free(p);
}

/* The co-occurrence penalty (Chou et al. 2022) as class weights, synthetic counts. */
static void cooccur_vector(void **state)
{
	(void)state;
	const double count[] = {10, 4, 1, 4, 8, 2, 1, 2, 5};
	real w[3];
	struct ser_err e;
	assert_int_equal(ser_nn_cooccur_weights(3, count, w, &e), 0);
	assert_true(fabs((double)w[0] - 1.3) <= 1e-6 && fabs((double)w[1] - 1.2) <= 1e-6 &&
		    fabs((double)w[2] - 1.65) <= 1e-6);
	const double y[] = {0.7, 0.2, 0.1, 0.3, 0.6, 0.1};
	const real soft[] = {1, 0, 0, 0.5, 0.5, 0}, hot[] = {1, 0, 0, 1, 1, 0};
	real logit[6], binary[6];
	for (int i = 0; i < 6; i++) {
		logit[i] = (real)log(y[i]);
		binary[i] = (real)log(y[i] / (1 - y[i]));
	}
	struct ser_params *p = ser_params_new(1);
	struct ser_tape *t = ser_tape_new(NULL, p);
	const struct ser_loss plain = {.norm = 1}, penal = {.norm = 1, .class_w = w};
	ser_tape_reset(t, 0, 0);
	int x = ser_tape_input(t, logit, 2, 3, NULL, 0), b = ser_tape_input(t, binary, 2, 3, NULL, 0);
	assert_true(fabs(ser_tape_scalar(t, ser_nn_cross_entropy_soft(t, x, soft, &plain)) - 1.2140742) <= 1e-6);
	assert_true(fabs(ser_tape_scalar(t, ser_nn_cross_entropy_soft(t, x, soft, &penal)) - 1.5527551) <= 1e-6);
	assert_true(fabs(ser_tape_scalar(t, ser_nn_kl(t, x, soft, &plain)) - 0.5209270) <= 1e-6);
	assert_true(fabs(ser_tape_scalar(t, ser_nn_kl(t, x, soft, &penal)) - 0.6863211) <= 1e-6);
	assert_true(fabs(ser_tape_scalar(t, ser_nn_bce(t, b, hot, &plain)) - 2.5053380) <= 1e-6);
	assert_true(fabs(ser_tape_scalar(t, ser_nn_bce(t, b, hot, &penal)) - 3.2572948) <= 1e-6);
	const double never[] = {1, 0, 0, 0};
	assert_int_equal(ser_nn_cooccur_weights(2, never, w, &e), SER_EDATA);
	ser_tape_free(t);
	ser_params_free(p);
}

/* Gathers, masks and edges that a loss can meet. */
static void loss_edges(void **state)
{
	(void)state;
	struct ser_params *p = ser_params_new(1);
	struct ser_tape *t = ser_tape_new(NULL, p);
	struct ser_err e;
	const real z[] = {1000, -1000, 0, 1, 0, 0};
	const int32_t none[] = {-1, -1}, two[] = {0, 2};
	const real soft[] = {0, 1, (real)0.5, 1, 0, 1};
	ser_tape_reset(t, SER_TAPE_GRAD, 0);
	int x = ser_tape_variable(t, z, 2, 3, NULL, 0);
	int l = ser_nn_cross_entropy(t, x, none, NULL); /* nothing labelled: no loss, no gradient */
	assert_true(ser_tape_scalar(t, l) == 0);
	assert_int_equal(ser_tape_backward(t, l, 1, &e), 0);
	for (int i = 0; i < 6; i++)
		assert_true(ser_tape_node(t, x).grad[i] == 0);
	ser_tape_reset(t, 0, 0);
	x = ser_tape_input(t, z, 2, 3, NULL, 0);
	double v = ser_tape_scalar(t, ser_nn_cross_entropy(t, x, two, NULL));
	assert_true(fabs(v - log(exp(1) + 2) / 2) <= 1e-6); /* logits of 1000 do no harm */
	assert_true(isfinite(ser_tape_scalar(t, ser_nn_bce(t, x, soft, NULL))));
	/* an anchor without positives counts for nothing; one without negatives has no loss */
	const int32_t anchor[] = {0, 1}, pos[] = {0};
	const size_t pos_at[] = {0, 0, 1}, neg_at[] = {0, 0, 0};
	const struct ser_pair_rows s = {2, anchor, pos, pos, pos_at, neg_at};
	assert_true(fabs(ser_tape_scalar(t, ser_nn_pair_loss(t, x, &s, 1000, 0))) <= 1e-6);
	ser_tape_free(t);
	ser_params_free(p);
}

/* Concordance with both variances biased, and as DeepEmoCluster's code has it. */
static void ccc_vector(void **state)
{
	(void)state;
	const real y[] = {1, 2, 3, 4, 5}, p[] = {1.5, 1.5, 3.5, 3, 5.5};
	struct ser_params *q = ser_params_new(1);
	struct ser_tape *t = ser_tape_new(NULL, q);
	ser_tape_reset(t, 0, 0);
	int x = ser_tape_input(t, p, 5, 1, NULL, 0);
	assert_true(fabs(1 - ser_tape_scalar(t, ser_nn_ccc(t, x, y, false, 0, NULL)) - 0.9047619) <= 1e-6);
	assert_true(fabs(1 - ser_tape_scalar(t, ser_nn_ccc(t, x, y, true, 0, NULL)) - 0.7238095) <= 1e-6);
	ser_tape_free(t);
	ser_params_free(q);
}

enum { N_DEEP = 3 };
struct seen {
	struct ser_tape *t;
	int x[N_DEEP + 1];
	size_t n;
	real *want[N_DEEP];
};

/* It comes once, in its place, with its value, and those before it are gone */
static void seen(void *ctx, size_t i, struct ser_node v)
{
	struct seen *s = ctx;
	assert_int_equal(i, s->n++);
	assert_memory_equal(v.val, s->want[i], v.n_row * v.n_col * sizeof *v.val);
	for (size_t j = 0; j + 1 < i; j++)
		assert_null(tape_at(s->t, s->x[j])->val);
}

/* Values are seen as they are made, and nothing runs that stands behind what is asked for. */
static void watching(void **state)
{
	(void)state;
	struct data d = data_new();
	struct ser_params *p = ser_params_new(5);
	struct seen s = {.t = ser_tape_new(NULL, p)};
	for (int way = 0; way < 3; way++) { /* 0: parameters are made, 1: what is to come */
		ser_tape_reset(s.t, way == 0 ? SER_TAPE_SHAPE : SER_TAPE_FIXED, 0);
		int x = ser_tape_batch(s.t, N, (const float *const *)d.x, d.n, D);
		for (int i = 0; i <= N_DEEP; i++) {
			ser_tape_enter(s.t, "layer%d", i);
			x = s.x[i] = ser_nn_add(s.t, x, ser_nn_gelu(s.t, ser_layer_linear(s.t, "w", x, D, true)));
			ser_tape_leave(s.t);
		}
		for (int i = 0; way == 1 && i < N_DEEP; i++) {
			struct ser_node v = ser_tape_node(s.t, s.x[i]);
			s.want[i] = ser_malloc(v.n_row * v.n_col, sizeof(real));
			memcpy(s.want[i], v.val, v.n_row * v.n_col * sizeof(real));
		}
	}
	ser_tape_watch(s.t, N_DEEP, s.x, seen, &s);
	ser_tape_node(s.t, s.x[N_DEEP - 1]);
	assert_int_equal(s.n, N_DEEP);
	assert_null(tape_at(s.t, s.x[N_DEEP])->val);
	assert_non_null(ser_tape_node(s.t, s.x[N_DEEP]).val);
	for (int i = 0; i < N_DEEP; i++)
		free(s.want[i]);
	ser_tape_free(s.t);
	ser_params_free(p);
	data_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_once),      cmocka_unit_test(overfit),       cmocka_unit_test(batching),
		cmocka_unit_test(accumulation), cmocka_unit_test(at_once),       cmocka_unit_test(shared_statistics),
		cmocka_unit_test(plan),         cmocka_unit_test(random_graphs), cmocka_unit_test(resume),
		cmocka_unit_test(not_finite),   cmocka_unit_test(parameters),    cmocka_unit_test(dropout),
		cmocka_unit_test(schedules),    cmocka_unit_test(clap_vector),   cmocka_unit_test(cooccur_vector),
		cmocka_unit_test(loss_edges),   cmocka_unit_test(averages),      cmocka_unit_test(ccc_vector),
		cmocka_unit_test(watching),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
