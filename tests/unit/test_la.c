/* SPDX-License-Identifier: MIT */
/* Products against three loops, every kernel of this machine against every other, vector functions against libm. */
#include "base/base.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* the module's inside: the kernels themselves */
#include "la/gemm.c"

static void fill(struct ser_rng *r, size_t n, real *x)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (real)ser_rng_normal(r);
}

static const size_t sizes[][3] = {{1, 1, 1},      {1, 7, 300},   {5, 3, 2},      {12, 32, 256},  {13, 33, 257},
				  {200, 40, 70},  {64, 129, 5},  {3, 4200, 4},   {390, 31, 600}, {25, 47, 0},
				  {9, 17, 40000}, {24, 64, 512}, {7, 1500, 1600}};

static void gemm_naive(void **state)
{
	(void)state;
	struct ser_rng r;
	ser_rng_seed(&r, 1);
	struct ser_la *la = ser_la_new(2);
	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
		for (int form = 0; form < 12; form++) {
			size_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
			bool ta = form & 1, tb = form & 2;
			real alpha = form < 4 ? 1 : (real)-0.7, beta = form < 4 ? 0 : form < 8 ? 1 : (real)0.3;
			size_t lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 1, ldc = n + 2;
			real *a = ser_malloc((ta ? k : m) * lda + 1, sizeof *a),
			     *b = ser_malloc((tb ? n : k) * ldb + 1, sizeof *b);
			real *c = ser_malloc(m * ldc, sizeof *c), *d = ser_malloc(m * ldc, sizeof *d);
			fill(&r, (ta ? k : m) * lda, a);
			fill(&r, (tb ? n : k) * ldb, b);
			fill(&r, m * ldc, c);
			memcpy(d, c, m * ldc * sizeof *c);
			if (beta == 0)
				c[0] = NAN; /* must be ignored */
			ser_la_gemm(la, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
			for (size_t i = 0; i < m; i++)
				for (size_t j = 0; j < ldc; j++) {
					double sum = 0, mag = 1;
					for (size_t q = 0; q < k; q++) {
						double p = (double)a[ta ? q * lda + i : i * lda + q] *
							   (double)b[tb ? j % n * ldb + q : q * ldb + j % n];
						sum += p;
						mag += fabs(p);
					}
					double want = (double)alpha * sum +
						      (beta == 0 ? 0 : (double)beta * (double)d[i * ldc + j]);
					if (j >= n)
						want = (double)d[i * ldc + j]; /* what is beside C stays */
					if (!(fabs((double)c[i * ldc + j] - want) <= 1e-6 * mag))
						fail_msg("%zux%zux%zu form %d: (%zu,%zu) is %g, expected %g", m, n, k,
							 form, i, j, (double)c[i * ldc + j], want);
				}
			free(a);
			free(b);
			free(c);
			free(d);
		}
	ser_la_free(la);
}

static void dgemm_naive(void **state)
{
	(void)state;
	enum { M = 29, N = 37, K = 300 };
	static double a[M * K], b[K * N], c[M * N];
	struct ser_rng r;
	ser_rng_seed(&r, 2);
	for (size_t i = 0; i < M * K; i++)
		a[i] = ser_rng_normal(&r);
	for (size_t i = 0; i < K * N; i++)
		b[i] = ser_rng_normal(&r);
	ser_la_dgemm(false, false, M, N, K, 2, a, K, b, N, 0, c, N);
	for (size_t i = 0; i < M; i++)
		for (size_t j = 0; j < N; j++) {
			double sum = 0;
			for (size_t k = 0; k < K; k++)
				sum += a[i * K + k] * b[k * N + j];
			assert_true(fabs(c[i * N + j] - 2 * sum) <= 1e-11);
		}
}

/* The same bytes from every kernel with fused multiply-add and from every number of threads. */
static void same_bytes(void **state)
{
	(void)state;
	enum { M = 333, N = 129, K = 700 };
	static real a[M * K], b[K * N], c[3][M * N];
	struct ser_rng r;
	ser_rng_seed(&r, 3);
	fill(&r, M * K, a);
	fill(&r, K * N, b);
	for (int n = 0; n < 3; n++) {
		struct ser_la *la = n == 0 ? NULL : ser_la_new(n + 1);
		ser_la_gemm(la, false, true, M, N, K, 1, a, K, b, K, 0, c[n], N);
		ser_la_free(la);
		assert_memory_equal(c[n], c[0], sizeof c[0]);
	}
#if defined(__x86_64__)
	struct kern k = pick();
	if (k.run != kern_avx512) {
		print_message("no AVX-512 here: kernels not compared\n");
		skip();
	}
	struct job j = {.m = M,
			.n = N,
			.k = K,
			.alpha = 1,
			.c = c[1],
			.ldc = N,
			.step_m = M,
			.step_n = N,
			.step_k = K,
			.n_tile_m = 1,
			.n_tile_n = 1};
	j.a = (struct side){.base = a, .ps = K, .ks = 1};
	j.b = (struct side){.base = b, .ps = K, .ks = 1};
	j.kern = kern_of("AVX2", 6, 64, kern_avx2);
	memset(c[1], 0, sizeof c[1]);
	tile(&j, 0, 0);
	assert_memory_equal(c[1], c[0], sizeof c[0]);
	j.kern = kern_of("SSE2", 4, 32, kern_base);
	tile(&j, 0, 0);
	for (size_t i = 0; i < M * N; i++)
		assert_true(fabs((double)(c[1][i] - c[0][i])) <= 1e-4);
#endif
}

/* bf16: products of rounded operands, sums in float; equal bytes for any number of threads. */
static float bf16(float x)
{
	uint32_t u;
	memcpy(&u, &x, sizeof u);
	u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000u;
	memcpy(&x, &u, sizeof x);
	return x;
}

/* An element as AVX512_BF16 forms it: in blocks of 768 of k one chain, of each pair the odd k first; alpha and the sum with c
 * at the block's end. */
static real by_pairs(size_t k, const real *a, size_t da, const real *b, size_t db, float alpha, real c)
{
	float sum = 0, to = (float)c;
	for (size_t q = 0; q < k; q += 2) {
		if (q + 1 < k)
			sum = fmaf(bf16((float)a[(q + 1) * da]), bf16((float)b[(q + 1) * db]), sum);
		sum = fmaf(bf16((float)a[q * da]), bf16((float)b[q * db]), sum);
		if (q % 768 == 766 || q + 2 >= k) {
			to = fmaf(alpha, sum, to);
			sum = 0;
		}
	}
	return to;
}

/* x + y rounded to odd: what float cannot hold is cut off, and leaves a bit of 1 behind. */
static float add_odd(float x, float y)
{
	double sum = (double)x + (double)y, rest = sum - (double)x;
	double lost = ((double)x - (sum - rest)) + ((double)y - rest); /* Knuth's two-sum */
	float f = (float)sum;
	if ((double)f == sum && lost == 0)
		return f;
	if (fabs((double)f) > fabs(sum) || ((double)f == sum && (lost < 0) == (sum > 0)))
		f = nextafterf(f, 0);
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	u |= 1;
	memcpy(&f, &u, sizeof u);
	return f;
}

/* The same as BFMMLA forms it: k in order, the products of two added first, all sums rounded to odd. */
static real by_mmla(size_t k, const real *a, size_t da, const real *b, size_t db, float alpha, real c)
{
	float sum = 0, to = (float)c;
	for (size_t q = 0; q < k; q += 2) {
		float even = bf16((float)a[q * da]) * bf16((float)b[q * db]), odd = 0;
		if (q + 1 < k)
			odd = bf16((float)a[(q + 1) * da]) * bf16((float)b[(q + 1) * db]);
		sum = add_odd(sum, add_odd(even, odd));
		if (q % 256 == 254 || q + 2 >= k) {
			to = fmaf(alpha, sum, to);
			sum = 0;
		}
	}
	return to;
}

static void gemm_bf16(void **state)
{
	(void)state;
	const bool pairs = ser_cpu()->avx512_bf16 && !ser_cpu()->amx_bf16, mmla = ser_cpu()->bf16_mmla;
	struct ser_rng r;
	ser_rng_seed(&r, 7);
	struct ser_la *la = ser_la_new(1), *two = ser_la_new(2), *plain = ser_la_new(2);
	if (!ser_la_set_precision(la, SER_LA_BF16)) {
		ser_la_free(la);
		ser_la_free(two);
		ser_la_free(plain);
		print_message("no bf16 products here\n");
		skip();
	}
	print_message("bf16 products: %s\n", kern_for(SER_LA_BF16).name);
	assert_true(ser_la_set_precision(two, SER_LA_BF16) && ser_la_set_precision(plain, SER_LA_BF16_PLAIN));
	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
		for (int form = 0; form < 4; form++) {
			size_t m = sizes[s][0] + 1, n = sizes[s][1] + 16, k = sizes[s][2] + 32;
			bool ta = form & 1, tb = form & 2;
			size_t lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 1;
			real *a = ser_malloc((ta ? k : m) * lda, sizeof *a),
			     *b = ser_malloc((tb ? n : k) * ldb, sizeof *b);
			real *c = ser_malloc(m * n, sizeof *c), *d = ser_malloc(m * n, sizeof *d);
			real *e = ser_malloc(m * n, sizeof *e);
			fill(&r, (ta ? k : m) * lda, a);
			fill(&r, (tb ? n : k) * ldb, b);
			fill(&r, m * n, c);
			memcpy(d, c, m * n * sizeof *c);
			ser_la_gemm(la, ta, tb, m, n, k, 2, a, lda, b, ldb, 1, c, n);
			for (size_t i = 0; i < m; i += m / 7 + 1)
				for (size_t j = 0; j < n; j += n / 7 + 1) {
					double sum = 0, mag = 1;
					for (size_t q = 0; q < k; q++) {
						double p = (double)bf16((float)a[ta ? q * lda + i : i * lda + q]) *
							   (double)bf16((float)b[tb ? j * ldb + q : q * ldb + j]);
						sum += p;
						mag += fabs(p);
					}
					if (!(fabs((double)c[i * n + j] - (2 * sum + (double)d[i * n + j])) <=
					      4e-6 * mag))
						fail_msg("%zux%zux%zu form %d: (%zu,%zu) is %g, expected %g", m, n, k,
							 form, i, j, (double)c[i * n + j],
							 2 * sum + (double)d[i * n + j]);
				}
			memcpy(e, d, m * n * sizeof *c);
			ser_la_gemm(two, ta, tb, m, n, k, 2, a, lda, b, ldb, 1, d, n);
			assert_memory_equal(c, d, m * n * sizeof *c);
			if (!pairs && !mmla) {
				ser_la_gemm(plain, ta, tb, m, n, k, 2, a, lda, b, ldb, 1, e, n); /* without tiles */
				assert_memory_equal(c, e, m * n * sizeof *c);
			} else if (k < 16384) { /* longer ones are cut into partial sums */
				for (size_t at = 0; at < m * n; at += 7) {
					size_t i = at / n, j = at % n;
					real x = (mmla ? by_mmla : by_pairs)(k, a + i * (ta ? 1 : lda), ta ? lda : 1,
									     b + j * (tb ? ldb : 1), tb ? 1 : ldb, 2,
									     e[at]);
					assert_memory_equal(c + at, &x, sizeof x);
				}
			}
			free(a);
			free(b);
			free(c);
			free(d);
			free(e);
		}
	ser_la_free(la);
	ser_la_free(two);
	ser_la_free(plain);
}

struct rows {
	const int32_t *idx;
	size_t n_tap;
};

static void give_rows(const void *ctx, size_t r0, size_t n, int32_t *idx)
{
	const struct rows *r = ctx;
	memcpy(idx, r->idx + r0 * r->n_tap, n * r->n_tap * sizeof *idx);
}

/* Gathered equals copied, to the byte; in bf16 too. */
static void gathered(void **state)
{
	enum ser_la_precision precision = *state == NULL ? SER_LA_FULL : *(const enum ser_la_precision *)*state;
	struct ser_la *one = ser_la_new(1);
	if (!ser_la_set_precision(one, precision)) {
		ser_la_free(one);
		print_message("no bf16 products here\n");
		skip();
	}
	struct ser_rng r;
	ser_rng_seed(&r, 4);
	for (int round = 0; round < 12; round++) {
		size_t n_src = 50, n_ch = 1 + ser_rng_below(&r, 40), n_tap = 1 + ser_rng_below(&r, 9), ld = n_ch + 2;
		size_t m = 1 + ser_rng_below(&r, 500), n = 1 + ser_rng_below(&r, 70), K = n_ch * n_tap;
		int32_t *idx = ser_malloc(m * n_tap, sizeof *idx);
		for (size_t i = 0; i < m * n_tap; i++)
			idx[i] = (int32_t)ser_rng_below(&r, n_src + 10) - 10;
		real *src = ser_malloc(n_src * ld, sizeof *src), *g = ser_malloc(m * K, sizeof *g);
		real *b = ser_malloc(K * n, sizeof *b), *c = ser_malloc(m * n, sizeof *c),
		     *d = ser_malloc(m * n, sizeof *d);
		real *e = ser_malloc(n * K, sizeof *e), *f = ser_malloc(n * K, sizeof *f);
		fill(&r, n_src * ld, src);
		fill(&r, K * n, b);
		for (size_t i = 0; i < m; i++)
			for (size_t j = 0; j < n_tap; j++)
				for (size_t q = 0; q < n_ch; q++)
					g[i * K + j * n_ch + q] =
						idx[i * n_tap + j] < 0 ? 0 : src[(size_t)idx[i * n_tap + j] * ld + q];
		struct rows rows = {idx, n_tap};
		struct ser_la_gather ga = {src, ld, n_tap, n_ch, give_rows, &rows};
		struct ser_la *la = ser_la_new(1 + round % 2);
		ser_la_set_precision(la, precision);
		for (int tb = 0; tb < 2; tb++) {
			bool bias = n <= n_src * ld && round % 3 == 0;
			ser_la_gemm_gather(la, tb, m, n, &ga, b, tb ? K : n, bias ? src : NULL, 0, c, n);
			if (bias)
				ser_la_gemm_bias(one, tb, m, n, K, g, K, b, tb ? K : n, src, d, n);
			else
				ser_la_gemm(one, false, tb, m, n, K, 1, g, K, b, tb ? K : n, 0, d, n);
			assert_memory_equal(c, d, m * n * sizeof *c);
			struct ser_la_packed *packed = ser_la_pack(la, tb, n, K, b, tb ? K : n);
			memset(c, 0, m * n * sizeof *c);
			ser_la_gemm_gather_packed(la, m, &ga, packed, bias ? src : NULL, NULL, c, n);
			assert_memory_equal(c, d, m * n * sizeof *c);
			memset(c, 0, m * n * sizeof *c);
			ser_la_gemm_packed(one, m, g, K, packed, bias ? src : NULL, NULL, c, n);
			assert_memory_equal(c, d, m * n * sizeof *c);
			ser_la_packed_free(packed);
		}
		fill(&r, n * K, e);
		memcpy(f, e, n * K * sizeof *f);
		ser_la_gemm_gather_t(la, n, m, d, n, &ga, 1, e, K);
		ser_la_gemm(one, true, false, n, K, m, 1, d, n, g, K, 1, f, K);
		assert_memory_equal(e, f, n * K * sizeof *e);
		ser_la_free(la);
		free(idx);
		free(src);
		free(g);
		free(b);
		free(c);
		free(d);
		free(e);
		free(f);
	}
	ser_la_free(one);
}

/* Units in the last place of float. */
static void vector_fn(const char *name, void (*fn)(size_t, const real *, real *), double (*ref)(double), double lo,
		      double hi, double ulp, double abs_tol)
{
	enum { N = 20001 };
	static real x[N], y[N];
	for (size_t i = 0; i < N; i++)
		x[i] = (real)(lo + (hi - lo) * (double)i / (N - 1));
	fn(N, x, y);
	for (size_t i = 0; i < N; i++) {
		double want = ref((double)x[i]), err = fabs((double)y[i] - want);
		if (!(err <= ulp * 1.19209290e-7 * fabs(want) / 2 + abs_tol))
			fail_msg("%s(%.9g) is %.9g, expected %.9g", name, (double)x[i], (double)y[i], want);
	}
}

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static void exp_minus_zero(size_t n, const real *x, real *y)
{
	memcpy(y, x, n * sizeof *y);
	ser_la_exp_minus(n, 0, y);
}

static void vector_functions(void **state)
{
	(void)state;
	vector_fn("exp", ser_la_exp, exp, -87, 88.7, 5, 0);
	vector_fn("exp", ser_la_exp, exp, -1, 1, 5, 0);
	vector_fn("exp_minus", exp_minus_zero, exp, -87, 87, 5, 0);
	vector_fn("tanh", ser_la_tanh, tanh, -12, 12, 6, 0);
	vector_fn("tanh", ser_la_tanh, tanh, -0.01, 0.01, 6, 0);
	vector_fn("sigmoid", ser_la_sigmoid, sigmoid, -80, 80, 6, 0);
	vector_fn("erf", ser_la_erf, erf, -6, 6, 0, 6e-7);
	const real x[] = {(real)-INFINITY, (real)INFINITY, (real)NAN, -200, 200, 0};
	real y[6];
	ser_la_exp(6, x, y);
	assert_true(y[0] == 0 && isinf(y[1]) && isnan(y[2]) && y[3] >= 0 && y[3] < 1e-80 && y[5] == 1);
	assert_true(sizeof(real) == 8 || isinf(y[4]));
	memcpy(y, x, sizeof y);
	y[1] = y[4] = 7;
	ser_la_exp_minus(6, 7, y);
	assert_true(y[0] == 0 && y[1] == 1 && isnan(y[2]) && y[3] >= 0 && y[3] < 1e-80 && y[4] == 1);
	assert_true(fabs((double)y[5] - exp(-7)) <= 1e-9);
	ser_la_tanh(6, x, y);
	assert_true(y[0] == -1 && y[1] == 1 && isnan(y[2]) && y[3] == -1 && y[4] == 1 && y[5] == 0);
	ser_la_sigmoid(6, x, y);
	assert_true(y[0] == 0 && y[1] == 1 && isnan(y[2]) && y[5] == (real)0.5);
}

/* Long thin products, whose partial sums must begin where packed blocks do, and wide ones of several blocks of columns. */
static void packed_blocks(void **state)
{
	enum { M = 7 };
	static const size_t shapes[][2] = {{40, 50000}, {4200, 70}};
	struct ser_rng r;
	ser_rng_seed(&r, 8);
	for (size_t s = 0; s < 4; s++) {
		size_t n = shapes[s / 2][0], k = shapes[s / 2][1];
		struct ser_la *la = ser_la_new(1 + (int)(s % 2));
		if (!ser_la_set_precision(la, *state == NULL ? SER_LA_FULL : *(const enum ser_la_precision *)*state)) {
			ser_la_free(la);
			print_message("no bf16 products here\n");
			skip();
		}
		real *a = ser_malloc((M + n) * k + 2 * M * n, sizeof *a), *b = a + M * k, *c = b + n * k,
		     *d = c + M * n;
		fill(&r, (M + n) * k, a);
		struct ser_la_packed *p = ser_la_pack(la, true, n, k, b, k);
		ser_la_gemm_packed(la, M, a, k, p, NULL, NULL, c, n);
		ser_la_gemm(la, false, true, M, n, k, 1, a, k, b, k, 0, d, n);
		assert_memory_equal(c, d, M * n * sizeof *c);
		assert_true(fabs((double)c[0] - ser_la_dot(k, a, b)) <= (*state == NULL ? 1e-2 : 5));
		ser_la_packed_free(p);
		free(a);
		ser_la_free(la);
	}
}

/* What follows a product, step by step. Products are kept apart from sums: this file is compiled to fuse them, la_after is not. */
static real followed(const struct ser_la_after *f, size_t j, real x)
{
	volatile real y = f->relu == SER_LA_RELU_BEFORE && x <= 0 ? 0 : x;
	if (f->scale != NULL) {
		y = y * f->scale[j];
		y = y + f->shift[j];
	}
	return f->relu == SER_LA_RELU_AFTER && y <= 0 ? 0 : y;
}

/* Done to the tiles or to all of the result afterwards: the same bytes; also of a row alone, and beside C nothing changes. */
static void after(void **state)
{
	enum ser_la_precision precision = *state == NULL ? SER_LA_FULL : *(const enum ser_la_precision *)*state;
	static const size_t shapes[][3] = {{1, 1, 1},     {300, 128, 384}, {13, 33, 257},
					   {40, 32, 700}, {401, 70, 1100}, {64, 129, 33},
					   {25, 47, 0},   {9, 40, 17000},  {5, 4200, 40}};
	struct ser_rng r;
	ser_rng_seed(&r, 9);
	for (size_t s = 0; s < 2 * sizeof shapes / sizeof *shapes; s++) {
		size_t m = shapes[s / 2][0], n = shapes[s / 2][1], k = shapes[s / 2][2], ldc = n + 3;
		struct ser_la *la = ser_la_new(1 + (int)(s % 2));
		if (!ser_la_set_precision(la, precision)) {
			ser_la_free(la);
			print_message("no bf16 products here\n");
			skip();
		}
		real *a = ser_malloc(m * k + 1, sizeof *a), *b = ser_malloc(n * k + 1, sizeof *b);
		real *column = ser_malloc(3 * n, sizeof *column), *bias = column + 2 * n;
		real *sum = ser_malloc(m * n, sizeof *sum), *want = ser_malloc(m * ldc, sizeof *want);
		real *got = ser_malloc(m * ldc, sizeof *got);
		int32_t *idx = ser_malloc(m, sizeof *idx);
		fill(&r, m * k, a);
		fill(&r, n * k, b);
		fill(&r, 3 * n, column);
		bias[n / 2] = NAN;
		for (size_t i = 0; i < m; i++)
			idx[i] = i % 5 == 3 ? -1 : (int32_t)(m - 1 - i);
		struct rows rows = {idx, 1};
		struct ser_la_gather g = {a, k, 1, k, give_rows, &rows};
		struct ser_la_packed *p = ser_la_pack(la, true, n, k, b, k);
		for (int form = 0; form < 24; form++) {
			bool gather = form & 1 && k > 0;
			const real *h = form & 2 ? bias : NULL;
			struct ser_la_after f = {(enum ser_la_relu)(form / 8), NULL, NULL};
			if (form & 4) {
				f.scale = column;
				f.shift = column + n;
			}
			fill(&r, m * ldc, want);
			memcpy(got, want, m * ldc * sizeof *got);
			if (gather) {
				ser_la_gemm_gather_packed(la, m, &g, p, h, NULL, sum, n);
				ser_la_gemm_gather_packed(la, m, &g, p, h, &f, got, ldc);
			} else {
				ser_la_gemm_packed(la, m, a, k, p, h, NULL, sum, n);
				ser_la_gemm_packed(la, m, a, k, p, h, &f, got, ldc);
			}
			for (size_t i = 0; i < m; i++)
				for (size_t j = 0; j < n; j++)
					want[i * ldc + j] = followed(&f, j, sum[i * n + j]);
			assert_memory_equal(got, want, m * ldc * sizeof *got);
			if (gather || k >= 16384) /* long sums are parted by the rows of C, too */
				continue;
			ser_la_gemm_packed(la, 1, a + (m - 1) * k, k, p, h, &f, got, ldc);
			assert_memory_equal(got, want + (m - 1) * ldc, n * sizeof *got);
		}
		ser_la_packed_free(p);
		free(a);
		free(b);
		free(column);
		free(sum);
		free(want);
		free(got);
		free(idx);
		ser_la_free(la);
	}
}

static void sums(void **state)
{
	(void)state;
	real x[37], y[37];
	double dot = 0, sum = 0;
	struct ser_rng r;
	ser_rng_seed(&r, 5);
	fill(&r, 37, x);
	fill(&r, 37, y);
	for (int i = 0; i < 37; i++) {
		dot += (double)x[i] * (double)y[i];
		sum += (double)x[i];
	}
	assert_true(fabs(ser_la_dot(37, x, y) - dot) <= 1e-12);
	assert_true(fabs(ser_la_sum(37, x) - sum) <= 1e-12);
}

/* a v = w v, orthonormal, sorted */
static void eigen(void **state)
{
	(void)state;
	enum { N = 23 };
	static double a[N * N], b[N * N], v[N * N], c[N * N], w[N];
	struct ser_err e = {0};
	struct ser_rng r;
	ser_rng_seed(&r, 6);
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j <= i; j++) {
			a[i * N + j] = a[j * N + i] = ser_rng_normal(&r);
			b[i * N + j] = b[j * N + i] = i == j ? 30 : ser_rng_normal(&r);
		}
	memcpy(v, a, sizeof a);
	assert_int_equal(ser_la_eigh(N, v, w, &e), 0);
	for (size_t i = 0; i < N; i++) {
		assert_true(i == 0 || w[i] <= w[i - 1]);
		for (size_t j = 0; j < N; j++) {
			double av = 0, vv = 0;
			for (size_t k = 0; k < N; k++) {
				av += a[j * N + k] * v[i * N + k];
				vv += v[i * N + k] * v[j * N + k];
			}
			assert_true(fabs(av - w[i] * v[i * N + j]) <= 1e-10);
			assert_true(fabs(vv - (i == j)) <= 1e-12);
		}
	}
	memcpy(v, a, sizeof a);
	memcpy(c, b, sizeof b);
	assert_int_equal(ser_la_eigh_general(N, v, c, w, &e), 0);
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < N; j++) {
			double av = 0, bv = 0;
			for (size_t k = 0; k < N; k++) {
				av += a[j * N + k] * v[i * N + k];
				bv += b[j * N + k] * v[i * N + k];
			}
			assert_true(fabs(av - w[i] * bv) <= 1e-10);
		}
	memset(c, 0, sizeof c);
	memcpy(v, a, sizeof a);
	assert_int_equal(ser_la_eigh_general(N, v, c, w, &e), SER_EDATA);
	memcpy(v, b, sizeof b);
	for (size_t i = 0; i < N; i++)
		w[i] = a[i];
	assert_int_equal(ser_la_solve(N, v, w, &e), 0);
	for (size_t i = 0; i < N; i++) {
		double bw = 0;
		for (size_t k = 0; k < N; k++)
			bw += b[i * N + k] * w[k];
		assert_true(fabs(bw - a[i]) <= 1e-12);
	}
	memset(v, 0, sizeof v);
	assert_int_equal(ser_la_solve(N, v, w, &e), SER_EDATA);
}

static void count(void *ctx, size_t i0, size_t i1, int worker)
{
	(void)worker;
	int *seen = ctx;
	for (size_t i = i0; i < i1; i++)
		seen[i]++;
}

static void ranges(void **state)
{
	(void)state;
	static int seen[1000];
	for (int n = 1; n < 4; n++) {
		struct ser_la *la = ser_la_new(n);
		assert_int_equal(ser_la_threads(la), n);
		for (size_t g = 1; g < 1200; g += 113) {
			memset(seen, 0, sizeof seen);
			ser_la_range(la, 1000, g, count, seen);
			for (int i = 0; i < 1000; i++)
				assert_int_equal(seen[i], 1);
		}
		ser_la_free(la);
	}
	char buf[200];
	assert_non_null(strstr(ser_la_describe(buf, sizeof buf), "products"));
	assert_true(ser_la_measure(NULL) > 1e8);
}

/* Nearest even, both ways of a tie, overflow to infinity, NaN that stays one. */
static void narrows(void **state)
{
	(void)state;
	static const float x[] = {1, 1.00390625f, 1.01171875f, -1.0078125f, 3.4e38f, INFINITY, NAN, 0};
	static const uint16_t want[] = {0x3f80, 0x3f80, 0x3f82, 0xbf81, 0x7f80, 0x7f80, 0x7fc0, 0};
	real r[8], back[8];
	uint16_t y[8];
	for (int i = 0; i < 8; i++)
		r[i] = (real)x[i];
	ser_la_to_bf16(8, r, y);
	ser_la_from_bf16(8, y, back);
	assert_memory_equal(y, want, sizeof want);
	assert_true(back[3] == (real)-1.0078125 && isnan(back[6]) && isinf(back[4]));
}

int main(void)
{
	static enum ser_la_precision tiles = SER_LA_BF16, plain = SER_LA_BF16_PLAIN;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(narrows),
		cmocka_unit_test(gemm_naive),
		cmocka_unit_test(dgemm_naive),
		cmocka_unit_test(same_bytes),
		cmocka_unit_test(gathered),
		cmocka_unit_test_prestate(gathered, &tiles),
		cmocka_unit_test_prestate(gathered, &plain),
		cmocka_unit_test(gemm_bf16),
		cmocka_unit_test(packed_blocks),
		cmocka_unit_test_prestate(packed_blocks, &tiles),
		cmocka_unit_test_prestate(packed_blocks, &plain),
		cmocka_unit_test(after),
		cmocka_unit_test_prestate(after, &tiles),
		cmocka_unit_test_prestate(after, &plain),
		cmocka_unit_test(vector_functions),
		cmocka_unit_test(sums),
		cmocka_unit_test(eigen),
		cmocka_unit_test(ranges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
