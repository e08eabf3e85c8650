/* SPDX-License-Identifier: MIT */
/* Naive twins: convolutions, pooling, recurrent layers and attention against plain loops in double, over random
 * geometries, lengths and numbers of threads. */
#include "nn/private.h"

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

/* Attention and its gradients, over lengths of several tiles */
struct attention {
	struct ser_attn o;
	size_t D, B; /* channels of a head; segments */
	real *in[5]; /* q, k, v [R,E], bias [n_bucket,h], gate [R,h] */
	size_t n_bias;
	double *y, *grad[5]; /* as `in`; of sum y mix */
	const real *mix;
};

static bool sees(const struct ser_attn *o, size_t i, size_t j)
{
	size_t far = i > j ? i - j : j - i;
	return (!o->causal || j <= i) && (o->reach == 0 || far <= o->reach);
}

/* Row i of one head: weights p of the frames [from, to) */
static void naive_row(const struct attention *a, size_t from, size_t to, size_t i, size_t g)
{
	const struct ser_attn *o = &a->o;
	size_t D = a->D, E = o->n_head * D, H = o->n_head;
	static double p[MAX], b[MAX], w[MAX];
	static size_t row[MAX];
	double sum = 0, dot = 0, gate = (double)a->in[4][i * H + g], f = 1 / sqrt((double)D);
	for (size_t j = from; j < to; j++) {
		ptrdiff_t d = (ptrdiff_t)j - (ptrdiff_t)i, lim = (ptrdiff_t)o->n_off;
		double score = 0;
		row[j] = o->slope ? 0 : (size_t)((d < -lim ? -lim : d > lim ? lim : d) + lim);
		w[j] = o->slope ? -fabs((double)d) : 1;
		w[j] = i - from < o->n_plain || j - from < o->n_plain ? 0 : w[j];
		b[j] = w[j] * (double)a->in[3][row[j] * H + g];
		for (size_t c = g * D; c < g * D + D; c++)
			score += (double)a->in[0][i * E + c] * (double)a->in[1][j * E + c];
		p[j] = sees(o, i - from, j - from) ? exp(score * f + gate * b[j]) : 0;
		sum += p[j];
	}
	for (size_t j = from; j < to; j++)
		for (size_t c = g * D; c < g * D + D; c++) {
			a->y[i * E + c] += p[j] / sum * (double)a->in[2][j * E + c];
			a->grad[2][j * E + c] += p[j] / sum * (double)a->mix[i * E + c];
		}
	for (size_t c = g * D; c < g * D + D; c++)
		dot += a->y[i * E + c] * (double)a->mix[i * E + c];
	for (size_t j = from; j < to; j++) {
		double dp = 0;
		for (size_t c = g * D; c < g * D + D; c++)
			dp += (double)a->mix[i * E + c] * (double)a->in[2][j * E + c];
		double ds = p[j] / sum * (dp - dot);
		for (size_t c = g * D; c < g * D + D; c++) {
			a->grad[0][i * E + c] += ds * f * (double)a->in[1][j * E + c];
			a->grad[1][j * E + c] += ds * f * (double)a->in[0][i * E + c];
		}
		a->grad[3][row[j] * H + g] += ds * gate * w[j];
		a->grad[4][i * H + g] += ds * b[j];
	}
}

static void attention(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 24; seed++) {
		struct setup s, other;
		struct ser_err e;
		begin(&s, seed);
		struct attention a = {.o = {.n_head = pick(&s, 1, 3), .n_off = pick(&s, 1, 40)}, .D = pick(&s, 1, 9)};
		bool many = seed % 4 == 0; /* more than a tile of keys, or of rows */
		a.o.causal = seed % 3 == 0;
		a.o.slope = seed % 5 == 0;
		a.o.reach = seed % 2 == 0 ? pick(&s, 1, 60) : 0;
		a.o.n_plain = seed % 7 == 0 ? 3 : 0;
		a.B = segments(&s, 1);
		if (many) {
			a.B = 2;
			SEG[1] = pick(&s, 500, 1200);
			SEG[2] = SEG[1] + pick(&s, 1, 300);
		}
		size_t R = SEG[a.B], H = a.o.n_head, E = H * a.D;
		size_t n[] = {R * E, R * E, R * E, a.o.slope ? H : (2 * a.o.n_off + 1) * H, R * H};
		size_t width[] = {E, E, E, H, H};
		for (int i = 0; i < 5; i++) {
			a.in[i] = ser_malloc(n[i], sizeof(real));
			a.grad[i] = ser_calloc(n[i], sizeof(double));
			fill(&s, n[i], a.in[i]);
		}
		for (size_t i = 0; a.o.slope && i < H; i++)
			a.in[3][i] = (real)0.1 * (real)(i + 1);
		fill(&s, R * E, X);
		memset(WANT, 0, R * E * sizeof *WANT);
		a.y = WANT;
		a.mix = X;
		for (size_t b = 0; b < a.B; b++)
			for (size_t i = SEG[b]; i < SEG[b + 1]; i++)
				for (size_t g = 0; g < H; g++)
					naive_row(&a, SEG[b], SEG[b + 1], i, g);
		begin(&other, seed + 1); /* of another number of threads: the same bytes */
		struct setup *both[] = {&s, &other};
		struct ser_node grad[2][5], out[2];
		for (int k = 0; k < 2; k++) {
			struct ser_tape *t = both[k]->t;
			int x[5];
			ser_tape_reset(t, SER_TAPE_GRAD, 1);
			for (int i = 0; i < 5; i++)
				x[i] = ser_tape_variable(t, a.in[i], n[i] / width[i], width[i], i < 3 ? SEG : NULL,
							 i < 3 ? a.B : 0);
			int y = ser_nn_attention(t, x[0], x[1], x[2], x[3], x[4], &a.o);
			if (k == 0)
				compare("attention", seed, &s, y, R, E);
			out[k] = ser_tape_node(t, y);
			memcpy(k == 0 ? W : V, out[k].val, R * E * sizeof(real));
			int loss = ser_nn_sum(t, ser_nn_mul(t, y, ser_tape_input(t, X, R, E, SEG, a.B)));
			assert_int_equal(ser_tape_backward(t, loss, 1, &e), 0);
			for (int i = 0; i < 5; i++)
				grad[k][i] = ser_tape_node(t, x[i]);
		}
		assert_memory_equal(W, V, R * E * sizeof(real));
		for (int i = 0; i < 5; i++) {
			double largest = 0;
			for (size_t j = 0; j < n[i]; j++)
				largest = fmax(largest, fabs(a.grad[i][j]));
			for (size_t j = 0; j < n[i]; j++)
				if (!(fabs((double)grad[0][i].grad[j] - a.grad[i][j]) <= 2e-5 * (largest + 1e-3)))
					fail_msg("attention, seed %llu: gradient %zu of input %d is %g, expected %g",
						 (unsigned long long)seed, j, i, (double)grad[0][i].grad[j],
						 a.grad[i][j]);
			assert_memory_equal(grad[0][i].grad, grad[1][i].grad, n[i] * sizeof(real));
			free(a.in[i]);
			free(a.grad[i]);
		}
		end(&s);
		end(&other);
	}
}

/* In bf16 nearly the same; backward forms the scores that forward had. */
static void attention_bf16(void **state)
{
	(void)state;
	enum { N = 700, E = 64 };
	struct setup s;
	struct ser_err e;
	begin(&s, 4);
	if (!ser_la_set_precision(s.la, SER_LA_BF16)) {
		end(&s);
		print_message("no bf16 products here\n");
		skip();
	}
	size_t seg[] = {0, N};
	fill(&s, N * E, X);
	real *y[2] = {W, V};
	static real grad[2][N * E];
	for (int k = 0; k < 2; k++) {
		ser_la_set_precision(s.la, k == 0 ? SER_LA_FULL : SER_LA_BF16);
		ser_tape_reset(s.t, SER_TAPE_GRAD, 1);
		int x = ser_tape_variable(s.t, X, N, E, seg, 1);
		int a = ser_nn_attention(s.t, x, x, x, -1, -1, &(struct ser_attn){.n_head = 2});
		memcpy(y[k], ser_tape_node(s.t, a).val, N * E * sizeof(real));
		int loss = ser_nn_sum(s.t, ser_nn_mul(s.t, a, a));
		assert_int_equal(ser_tape_backward(s.t, loss, 1, &e), 0);
		memcpy(grad[k], ser_tape_node(s.t, x).grad, sizeof grad[k]);
	}
	end(&s);
	const real *pair[2][2] = {{y[0], y[1]}, {grad[0], grad[1]}};
	for (int i = 0; i < 2; i++) {
		const real *f = pair[i][0], *b = pair[i][1];
		assert_memory_not_equal(f, b, N * E * sizeof(real));
		double fb = ser_la_dot(N * E, f, b), ff = ser_la_dot(N * E, f, f), bb = ser_la_dot(N * E, b, b);
		assert_true(fb / sqrt(ff * bb) >= 0.999 && fabs(sqrt(bb / ff) - 1) <= 0.01);
	}
}

/* Memory that attention asks for grows with the frames, not with their square. */
static void attention_memory(void **state)
{
	(void)state;
	size_t bytes[2];
	for (size_t i = 0; i < 2; i++) {
		struct setup s;
		struct ser_err e;
		begin(&s, 1);
		size_t n = 2048 << i, seg[] = {0, n};
		fill(&s, n * 8, X);
		ser_tape_reset(s.t, SER_TAPE_GRAD, 1);
		int x = ser_tape_variable(s.t, X, n, 8, seg, 1);
		int y = ser_nn_attention(s.t, x, x, x, -1, -1, &(struct ser_attn){.n_head = 4});
		assert_int_equal(ser_tape_backward(s.t, ser_nn_sum(s.t, y), 1, &e), 0);
		bytes[i] = ser_tape_bytes(s.t);
		end(&s);
	}
	assert_true(bytes[1] <= 2 * bytes[0]);
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

static int conv_norm(struct ser_tape *t, int x, size_t n_out, const struct ser_conv *c)
{
	return ser_layer_batch_norm(t, "norm", ser_nn_relu(t, ser_layer_conv1d(t, "conv", x, n_out, c, true)), n_out);
}

/* Two residual blocks of Res2Net's parts, the results side by side */
static int blocks(struct ser_tape *t, int x, const struct chain *k)
{
	int block[2], part[8];
	struct ser_conv c1 = {.k = 1, .stride = 1, .dil = 1, .groups = 1};
	ser_tape_enter(t, "in");
	x = conv_norm(t, x, k->n_out, &c1);
	ser_tape_leave(t);
	for (size_t b = 0; b < 2; b++) {
		ser_tape_enter(t, "block%zu.wide", b);
		int y = conv_norm(t, x, k->n * k->width, &c1);
		ser_tape_leave(t);
		for (size_t i = 0; i < k->n; i++) {
			part[i] = ser_nn_slice(t, y, i * k->width, k->width);
			if (i == 0)
				continue;
			int own = i > 1 ? ser_nn_add(t, part[i], part[i - 1]) : part[i];
			ser_tape_enter(t, "block%zu.%zu", b, i);
			part[i] = conv_norm(t, own, k->width, &k->c);
			ser_tape_leave(t);
		}
		y = ser_nn_concat(t, (int)k->n, part);
		ser_tape_enter(t, "block%zu.narrow", b);
		y = ser_layer_conv1d(t, "conv", y, k->n_out, &c1, true);
		ser_tape_leave(t);
		block[b] = x = ser_nn_add(t, y, x);
	}
	x = ser_nn_concat(t, 2, block);
	ser_tape_enter(t, "out");
	x = conv_norm(t, x, 3, &c1);
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
				tape_switch_off(s.t, v == 1 ? 0 : TAPE_VIEW | TAPE_IN_PLACE | TAPE_FUSE);
				ser_tape_reset(s.t, SER_TAPE_SHAPE, 0);
				blocks(s.t, ser_tape_input(s.t, X, R, 4, SEG, B), &k);
				ser_tape_reset(s.t, flags, 0);
				int out = blocks(s.t, ser_tape_input(s.t, X, R, 4, SEG, B), &k);
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
				if (!(grad[0][i] == grad[1][i]))
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
		cmocka_unit_test(convolutions),     cmocka_unit_test(max_pooling),
		cmocka_unit_test(recurrent),        cmocka_unit_test(attention),
		cmocka_unit_test(attention_memory), cmocka_unit_test(attention_bf16),
		cmocka_unit_test(bf16_close),       cmocka_unit_test(views),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
