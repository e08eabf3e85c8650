/* SPDX-License-Identifier: MIT */
/* Naive twins: convolutions, pooling, recurrent layers and attention against plain loops in double, over random
 * geometries, lengths and numbers of threads. */
#include "nn/nn.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MAX = 1 << 16 };
static real X[MAX], W[MAX], V[MAX], BIAS[512];
static double WANT[MAX];
static size_t SEG[8], OUT[8];

struct setup {
	struct ser_rng r;
	struct ser_la *la;
	struct ser_params *p;
	struct ser_tape *t;
};

static size_t pick(struct setup *s, size_t lo, size_t hi)
{
	return lo + (size_t)ser_rng_below(&s->r, hi - lo + 1);
}

static void fill(struct setup *s, size_t n, real *x)
{
	ser_assert(n <= MAX);
	for (size_t i = 0; i < n; i++)
		x[i] = (real)ser_rng_normal(&s->r);
}

static size_t segments(struct setup *s, size_t least)
{
	size_t n = pick(s, 1, 6);
	SEG[0] = 0;
	for (size_t b = 0; b < n; b++)
		SEG[b + 1] = SEG[b] + least + pick(s, 0, 30);
	return n;
}

static void begin(struct setup *s, uint64_t seed)
{
	ser_rng_seed(&s->r, seed);
	s->la = ser_la_new(1 + (int)(seed % 3));
	s->p = ser_params_new(1);
	s->t = ser_tape_new(s->la, s->p);
	ser_tape_reset(s->t, 0, 0);
}

static void end(struct setup *s)
{
	ser_tape_free(s->t);
	ser_params_free(s->p);
	ser_la_free(s->la);
}

static void compare(const char *what, uint64_t seed, struct setup *s, int y, size_t n_row, size_t n_col)
{
	struct ser_node Y = ser_tape_node(s->t, y);
	assert_int_equal(Y.n_row, n_row);
	assert_int_equal(Y.n_col, n_col);
	for (size_t i = 0; i < n_row * n_col; i++)
		if (!(fabs((double)Y.val[i] - WANT[i]) <= 2e-4 * (1 + fabs(WANT[i]))))
			fail_msg("%s, seed %llu: element %zu is %g, expected %g", what, (unsigned long long)seed, i,
				 (double)Y.val[i], WANT[i]);
}

/* Where tap j of output i reads; -1: zero. */
static ptrdiff_t source(const struct ser_conv *c, size_t i, size_t j, size_t len)
{
	ptrdiff_t p = (ptrdiff_t)(i * c->stride + j * c->dil) - (ptrdiff_t)c->pad, n = (ptrdiff_t)len;
	if (c->reflect && p < 0)
		p = -p;
	if (c->reflect && p >= n)
		p = 2 * n - 2 - p;
	return p >= 0 && p < n ? p : -1;
}

static void convolutions(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct setup s;
		begin(&s, seed);
		bool two = seed % 2 == 0;
		size_t G = pick(&s, 1, 3), I = G * pick(&s, 1, 9), O = G * pick(&s, 1, 20),
		       F = two ? pick(&s, 3, 9) : 1;
		struct ser_conv ct = {pick(&s, 1, 5), pick(&s, 1, 3), pick(&s, 1, 3), 0, G, !two && seed % 3 == 0};
		struct ser_conv cf = {two ? pick(&s, 1, 3) : 1, two ? pick(&s, 1, 2) : 1, 1, 0, 1, false};
		ct.pad = pick(&s, 0, ct.dil * (ct.k - 1));
		cf.pad = pick(&s, 0, cf.k - 1);
		size_t B = segments(&s, ct.dil * (ct.k - 1) + 1), in = I / G, out = O / G, K = ct.k * cf.k;
		size_t Fo = (size_t)ser_nn_conv_len(F, &cf);
		OUT[0] = 0;
		for (size_t b = 0; b < B; b++)
			OUT[b + 1] = OUT[b] + (size_t)ser_nn_conv_len(SEG[b + 1] - SEG[b], &ct);
		fill(&s, SEG[B] * F * I, X);
		fill(&s, O * K * in, W);
		fill(&s, O, BIAS);
		for (size_t b = 0; b < B; b++)
			for (size_t t = 0; t < OUT[b + 1] - OUT[b]; t++)
				for (size_t f = 0; f < Fo; f++)
					for (size_t o = 0; o < O; o++) {
						double sum = (double)BIAS[o];
						for (size_t jt = 0; jt < ct.k; jt++)
							for (size_t jf = 0; jf < cf.k; jf++)
								for (size_t c = 0; c < in; c++) {
									ptrdiff_t pt =
										source(&ct, t, jt, SEG[b + 1] - SEG[b]);
									ptrdiff_t pf = source(&cf, f, jf, F);
									if (pt < 0 || pf < 0)
										continue;
									size_t at = ((SEG[b] + (size_t)pt) * F +
										     (size_t)pf) *
											    I +
										    o / out * in + c;
									sum += (double)X[at] *
									       (double)W[(o * K + jt * cf.k + jf) * in +
											 c];
								}
						WANT[((OUT[b] + t) * Fo + f) * O + o] = sum;
					}
		int x = ser_tape_input(s.t, X, SEG[B], F * I, SEG, B), w = ser_tape_input(s.t, W, O, K * in, NULL, 0);
		int bias = ser_tape_input(s.t, BIAS, 1, O, NULL, 0);
		int y = two ? ser_nn_conv2d(s.t, x, w, bias, F, &ct, &cf) : ser_nn_conv1d(s.t, x, w, bias, &ct);
		compare("convolution", seed, &s, y, OUT[B], Fo * O);
		end(&s);
	}
}

static void max_pooling(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct setup s;
		begin(&s, seed);
		size_t F = pick(&s, 2, 9), C = pick(&s, 1, 20), kt = pick(&s, 1, 3), kf = pick(&s, 1, 2),
		       B = segments(&s, 1);
		size_t Fo = F / kf, row = 0;
		fill(&s, SEG[B] * F * C, X);
		for (size_t b = 0; b < B; b++) {
			size_t len = SEG[b + 1] - SEG[b], n = len < kt ? 1 : len / kt;
			for (size_t t = 0; t < n; t++, row++)
				for (size_t f = 0; f < Fo; f++)
					for (size_t c = 0; c < C; c++) {
						double best = -INFINITY;
						for (size_t i = t * kt; i < t * kt + kt && i < len; i++)
							for (size_t j = f * kf; j < f * kf + kf; j++)
								best = fmax(best,
									    (double)X[((SEG[b] + i) * F + j) * C + c]);
						WANT[(row * Fo + f) * C + c] = best;
					}
		}
		int y = ser_nn_max_pool2d(s.t, ser_tape_input(s.t, X, SEG[B], F * C, SEG, B), F, kt, kf);
		compare("max pooling", seed, &s, y, row, Fo * C);
		end(&s);
	}
}

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

/* One sequence at a time, one gate at a time. */
static void recurrent(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 24; seed++) {
		struct setup s;
		begin(&s, seed);
		bool lstm = seed % 2 == 0, back = seed % 4 >= 2;
		size_t H = pick(&s, 1, 20), I = pick(&s, 1, 12), G = lstm ? 4 : 3, B = segments(&s, 1);
		real *bi = BIAS, *bh = BIAS + G * H;
		fill(&s, SEG[B] * I, X);
		fill(&s, G * H * I, W);
		fill(&s, G * H * H, V);
		fill(&s, 2 * G * H, BIAS);
		for (size_t b = 0; b < B; b++) {
			double h[20] = {0}, c[20] = {0}, next[20];
			for (size_t i = 0; i < SEG[b + 1] - SEG[b]; i++) {
				size_t r = back ? SEG[b + 1] - 1 - i : SEG[b] + i;
				for (size_t u = 0; u < H; u++) {
					double gx[4], gh[4];
					for (size_t g = 0; g < G; g++) {
						gx[g] = (double)bi[g * H + u];
						gh[g] = (double)bh[g * H + u];
						for (size_t k = 0; k < I; k++)
							gx[g] += (double)X[r * I + k] * (double)W[(g * H + u) * I + k];
						for (size_t k = 0; k < H; k++)
							gh[g] += h[k] * (double)V[(g * H + u) * H + k];
					}
					if (lstm) {
						c[u] = sigmoid(gx[1] + gh[1]) * c[u] +
						       sigmoid(gx[0] + gh[0]) * tanh(gx[2] + gh[2]);
						next[u] = sigmoid(gx[3] + gh[3]) * tanh(c[u]);
					} else {
						double z = sigmoid(gx[1] + gh[1]),
						       n = tanh(gx[2] + sigmoid(gx[0] + gh[0]) * gh[2]);
						next[u] = (1 - z) * n + z * h[u];
					}
				}
				for (size_t u = 0; u < H; u++)
					WANT[r * H + u] = h[u] = next[u];
			}
		}
		int x = ser_tape_input(s.t, X, SEG[B], I, SEG, B), wi = ser_tape_input(s.t, W, G * H, I, NULL, 0);
		int wh = ser_tape_input(s.t, V, G * H, H, NULL, 0), b1 = ser_tape_input(s.t, bi, 1, G * H, NULL, 0);
		int b2 = ser_tape_input(s.t, bh, 1, G * H, NULL, 0);
		int y = (lstm ? ser_nn_lstm : ser_nn_gru)(s.t, x, wi, wh, b1, b2, back);
		compare("recurrent layer", seed, &s, y, SEG[B], H);
		end(&s);
	}
}

static void attention(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct setup s;
		begin(&s, seed);
		size_t h = pick(&s, 1, 4), D = pick(&s, 1, 9), E = h * D, B = segments(&s, 1), off = pick(&s, 1, 6);
		bool causal = seed % 3 == 0;
		static real q[MAX], k[MAX], v[MAX];
		fill(&s, SEG[B] * E, q);
		fill(&s, SEG[B] * E, k);
		fill(&s, SEG[B] * E, v);
		fill(&s, (2 * off + 1) * h, BIAS);
		for (size_t b = 0; b < B; b++)
			for (size_t g = 0; g < h; g++)
				for (size_t i = SEG[b]; i < SEG[b + 1]; i++) {
					double sum = 0, y[9] = {0};
					for (size_t j = SEG[b]; j < (causal ? i + 1 : SEG[b + 1]); j++) {
						double score = 0;
						for (size_t d = 0; d < D; d++)
							score += (double)q[i * E + g * D + d] *
								 (double)k[j * E + g * D + d];
						ptrdiff_t o = (ptrdiff_t)j - (ptrdiff_t)i, lim = (ptrdiff_t)off;
						o = o < -lim ? -lim : o > lim ? lim : o;
						score = exp(score / sqrt((double)D) +
							    (double)BIAS[(size_t)(o + lim) * h + g]);
						sum += score;
						for (size_t d = 0; d < D; d++)
							y[d] += score * (double)v[j * E + g * D + d];
					}
					for (size_t d = 0; d < D; d++)
						WANT[i * E + g * D + d] = y[d] / sum;
				}
		int nq = ser_tape_input(s.t, q, SEG[B], E, SEG, B), nk = ser_tape_input(s.t, k, SEG[B], E, SEG, B);
		int nv = ser_tape_input(s.t, v, SEG[B], E, SEG, B),
		    nb = ser_tape_input(s.t, BIAS, 2 * off + 1, h, NULL, 0);
		struct ser_attn a = {.n_head = h, .n_off = off, .causal = causal};
		compare("attention", seed, &s, ser_nn_attention(s.t, nq, nk, nv, nb, &a), SEG[B], E);
		end(&s);
	}
}

/* bf16 products change a network's output little: cosine of its embeddings. */
static void bf16_close(void **state)
{
	(void)state;
	struct setup s;
	begin(&s, 4);
	if (!ser_la_set_precision(s.la, SER_LA_BF16)) {
		end(&s);
		print_message("no bf16 products here\n");
		skip();
	}
	struct ser_conv c = {.k = 3, .stride = 1, .dil = 1, .pad = 1, .groups = 1};
	size_t seg[] = {0, 100, 160};
	fill(&s, 160 * 40, X);
	real full[2 * 64];
	for (int pass = 0; pass < 3; pass++) {
		ser_tape_reset(s.t, pass == 0 ? SER_TAPE_SHAPE : 0, 0);
		ser_la_set_precision(s.la, pass == 1 ? SER_LA_FULL : SER_LA_BF16);
		int h = ser_nn_relu(s.t,
				    ser_layer_conv1d(s.t, "a", ser_tape_input(s.t, X, 160, 40, seg, 2), 64, &c, true));
		h = ser_layer_layer_norm(s.t, "n", ser_layer_conv1d(s.t, "b", h, 64, &c, true), 64);
		h = ser_nn_pool_mean(s.t, h);
		if (pass == 1)
			memcpy(full, ser_tape_node(s.t, h).val, sizeof full);
		if (pass < 2)
			continue;
		const real *y = ser_tape_node(s.t, h).val;
		for (int b = 0; b < 2; b++) {
			double xy = ser_la_dot(64, full + 64 * b, y + 64 * b),
			       xx = ser_la_dot(64, full + 64 * b, full + 64 * b);
			double yy = ser_la_dot(64, y + 64 * b, y + 64 * b);
			assert_true(xy / sqrt(xx * yy) >= 0.9999);
		}
		assert_memory_not_equal(full, y, sizeof full);
	}
	end(&s);
}

struct chain {
	size_t n, width, n_out; /* parts, columns of each, columns of a block's result */
	struct ser_conv c;
};

static int conv_norm(struct ser_tape *t, int x, size_t n_out, const struct ser_conv *c, int room, size_t col)
{
	if (room >= 0)
		return ser_layer_conv1d_relu_norm_to(t, "conv", x, n_out, c, "norm", room, col);
	return ser_layer_conv1d_then(t, "conv", x, n_out, c, true, SER_THEN_RELU_NORM, "norm");
}

/* Two residual blocks of Res2Net's parts, the results side by side; with views or with copies. */
static int blocks(struct ser_tape *t, int x, const struct chain *k, bool views)
{
	int block[2], part[8], all = -1, one = -1;
	struct ser_conv c1 = {.k = 1, .stride = 1, .dil = 1, .groups = 1};
	ser_tape_enter(t, "in");
	x = conv_norm(t, x, k->n_out, &c1, -1, 0);
	ser_tape_leave(t);
	if (views)
		all = ser_nn_room(t, x, 2 * k->n_out);
	for (size_t b = 0; b < 2; b++) {
		int mark = ser_tape_mark(t);
		ser_tape_enter(t, "block%zu.wide", b);
		int y = conv_norm(t, x, k->n * k->width, &c1, -1, 0);
		ser_tape_leave(t);
		if (views) {
			one = ser_nn_room(t, y, k->n * k->width);
			ser_nn_split(t, y, (int)k->n, part);
		}
		for (size_t i = 0; i < k->n; i++) {
			int own = views ? part[i] : ser_nn_slice(t, y, i * k->width, k->width);
			part[i] = own;
			if (i == 0)
				continue;
			if (i > 1)
				own = (views ? ser_nn_add_over : ser_nn_add)(t, own, part[i - 1]);
			ser_tape_enter(t, "block%zu.%zu", b, i);
			part[i] = conv_norm(t, own, k->width, &k->c, one, i * k->width);
			ser_tape_leave(t);
		}
		y = views ? ser_nn_join(t, one, (int)k->n, part) : ser_nn_concat(t, (int)k->n, part);
		ser_tape_enter(t, "block%zu.narrow", b);
		y = ser_layer_conv1d(t, "conv", y, k->n_out, &c1, true);
		ser_tape_leave(t);
		x = views ? ser_nn_add_to(t, y, x, all, b * k->n_out) : ser_nn_add(t, y, x);
		block[b] = x = ser_tape_keep(t, mark, x);
	}
	x = views ? ser_nn_join(t, all, 2, block) : ser_nn_concat(t, 2, block);
	ser_tape_enter(t, "out");
	x = conv_norm(t, x, 3, &c1, -1, 0);
	ser_tape_leave(t);
	return x;
}

/* Views give the bytes that copies give, and the same gradients. */
static void views(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct setup s;
		struct ser_err e;
		begin(&s, seed);
		struct chain k = {.n = pick(&s, 2, 6), .width = pick(&s, 1, 9), .n_out = pick(&s, 1, 20)};
		k.c = (struct ser_conv){
			.k = 3, .stride = 1, .dil = pick(&s, 1, 4), .groups = 1, .reflect = seed % 2 == 0};
		k.c.pad = k.c.dil;
		size_t B = segments(&s, 5), R = SEG[B];
		fill(&s, R * 4, X);
		for (int mode = 0; mode < 3; mode++) { /* inference, fixed statistics, training */
			unsigned flags = (unsigned[]){0, SER_TAPE_GRAD, SER_TAPE_GRAD | SER_TAPE_TRAIN}[mode];
			real *y[2], *grad[2] = {NULL, NULL};
			for (int v = 0; v < 2; v++) {
				ser_tape_reset(s.t, SER_TAPE_SHAPE, 0);
				blocks(s.t, ser_tape_input(s.t, X, R, 4, SEG, B), &k, v == 1);
				ser_tape_reset(s.t, flags, 0);
				int out = blocks(s.t, ser_tape_input(s.t, X, R, 4, SEG, B), &k, v == 1);
				y[v] = ser_malloc(R * 3, sizeof(real));
				memcpy(y[v], ser_tape_node(s.t, out).val, R * 3 * sizeof(real));
				if (mode == 0)
					continue;
				ser_params_zero_grad(s.p);
				int loss = ser_nn_mse(s.t, out, X, NULL);
				assert_int_equal(ser_tape_backward(s.t, loss, 1, &e), 0);
				grad[v] = ser_malloc(s.p->n, sizeof(real));
				memcpy(grad[v], s.p->grad, s.p->n * sizeof(real));
			}
			assert_memory_equal(y[0], y[1], R * 3 * sizeof(real));
			for (size_t i = 0; mode > 0 && i < s.p->n; i++)
				if (!(fabs((double)(grad[0][i] - grad[1][i])) <= 1e-4 * (1 + fabs((double)grad[0][i]))))
					fail_msg("seed %llu, mode %d: gradient %zu is %g, with copies %g",
						 (unsigned long long)seed, mode, i, (double)grad[1][i],
						 (double)grad[0][i]);
			for (int v = 0; v < 2; v++) {
				free(y[v]);
				free(grad[v]);
			}
		}
		end(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(convolutions), cmocka_unit_test(max_pooling), cmocka_unit_test(recurrent),
		cmocka_unit_test(attention),    cmocka_unit_test(bf16_close),  cmocka_unit_test(views),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
