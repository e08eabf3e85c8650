/* SPDX-License-Identifier: MIT */
/* Elementwise kernels, softmax, dropout. */
#include "nn/kern.h"

#include <math.h>

enum { CHUNK = 256 };

static size_t chunk(size_t n, size_t i)
{
	return n - i < CHUNK ? n - i : CHUNK;
}

SER_CLONES static void relu_bwd(size_t n, const real *restrict x, const real *restrict dy, real *restrict dx)
{
	for (size_t i = 0; i < n; i++)
		dx[i] += x[i] > 0 ? dy[i] : 0;
}

SER_CLONES static void relu_plain(size_t n, const real *restrict x, real *restrict y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] <= 0 ? 0 : x[i]; /* NaN stays */
}

SER_CLONES void kern_relu_over(size_t n, real *x)
{
	for (size_t i = 0; i < n; i++)
		x[i] = x[i] <= 0 ? 0 : x[i];
}

SER_CLONES void kern_relu_mask(size_t n, const real *restrict x, real *restrict dy)
{
	for (size_t i = 0; i < n; i++)
		dy[i] = x[i] <= 0 ? 0 : dy[i];
}

/* Phi(x) = (1 + erf(x/sqrt 2)) / 2 */
SER_CLONES static void normal_cdf(size_t n, const real *x, real *p)
{
	for (size_t i = 0; i < n; i++)
		p[i] = x[i] * (real)0.70710678118654752;
	ser_la_erf(n, p, p);
	for (size_t i = 0; i < n; i++)
		p[i] = (1 + p[i]) * (real)0.5;
}

void kern_act_fwd(enum kern_act f, size_t n, const real *x, real *y)
{
	real s[CHUNK];
	switch (f) {
	case ACT_RELU:
		relu_plain(n, x, y);
		break;
	case ACT_GELU:
		for (size_t i = 0; i < n; i += CHUNK) {
			normal_cdf(chunk(n, i), x + i, s);
			for (size_t j = 0; j < chunk(n, i); j++)
				y[i + j] = x[i + j] * s[j];
		}
		break;
	case ACT_SIGMOID:
		ser_la_sigmoid(n, x, y);
		break;
	case ACT_TANH:
		ser_la_tanh(n, x, y);
		break;
	case ACT_SILU:
		ser_la_sigmoid(n, x, y);
		for (size_t i = 0; i < n; i++)
			y[i] *= x[i];
		break;
	}
}

SER_CLONES static void smooth_bwd(enum kern_act f, size_t n, const real *x, const real *y, const real *dy, real *dx)
{
	real s[CHUNK], p[CHUNK];
	for (size_t i = 0; i < n; i += CHUNK, x += CHUNK, y += CHUNK, dy += CHUNK, dx += CHUNK) {
		size_t m = chunk(n, i);
		switch (f) {
		case ACT_GELU: /* (x Phi)' = Phi + x phi */
			normal_cdf(m, x, s);
			for (size_t j = 0; j < m; j++)
				p[j] = x[j] * x[j] * (real)-0.5;
			ser_la_exp(m, p, p);
			for (size_t j = 0; j < m; j++)
				dx[j] += dy[j] * (s[j] + x[j] * p[j] * (real)0.39894228040143268);
			break;
		case ACT_SIGMOID:
			for (size_t j = 0; j < m; j++)
				dx[j] += dy[j] * y[j] * (1 - y[j]);
			break;
		case ACT_TANH:
			for (size_t j = 0; j < m; j++)
				dx[j] += dy[j] * (1 - y[j] * y[j]);
			break;
		default: /* SiLU: (x s)' = s + y (1 - s) */
			ser_la_sigmoid(m, x, s);
			for (size_t j = 0; j < m; j++)
				dx[j] += dy[j] * (s[j] + y[j] * (1 - s[j]));
			break;
		}
	}
}

void kern_act_bwd(enum kern_act f, size_t n, const real *x, const real *y, const real *dy, real *dx)
{
	if (f == ACT_RELU)
		relu_bwd(n, x, dy, dx);
	else
		smooth_bwd(f, n, x, y, dy, dx);
}

void kern_glu_fwd(size_t n_row, size_t n_col, const real *x, real *y)
{
	for (size_t r = 0; r < n_row; r++, x += 2 * n_col, y += n_col) {
		ser_la_sigmoid(n_col, x + n_col, y);
		for (size_t c = 0; c < n_col; c++)
			y[c] *= x[c];
	}
}

/* y = a s(b):  da += dy s, db += dy a s (1 - s) */
void kern_glu_bwd(size_t n_row, size_t n_col, const real *x, const real *dy, real *dx)
{
	real s[CHUNK];
	for (size_t r = 0; r < n_row; r++, x += 2 * n_col, dx += 2 * n_col, dy += n_col)
		for (size_t i = 0; i < n_col; i += CHUNK) {
			size_t m = chunk(n_col, i);
			ser_la_sigmoid(m, x + n_col + i, s);
			for (size_t j = 0; j < m; j++) {
				dx[i + j] += dy[i + j] * s[j];
				dx[n_col + i + j] += dy[i + j] * x[i + j] * s[j] * (1 - s[j]);
			}
		}
}

/* Largest of x; NaN when there is one. */
SER_CLONES static real largest(size_t n, const real *x)
{
	real m = x[0];
	bool bad = false;
	for (size_t i = 0; i < n; i++) {
		m = x[i] > m ? x[i] : m;
		bad |= x[i] != x[i];
	}
	return bad ? (real)NAN : m;
}

/* y = e^(x - max) / sum */
void kern_softmax_fwd(size_t n_row, size_t n_col, const real *x, real *y)
{
	for (size_t r = 0; r < n_row; r++, x += n_col, y += n_col) {
		real m = largest(n_col, x);
		for (size_t c = 0; c < n_col; c++)
			y[c] = x[c] - m;
		ser_la_exp(n_col, y, y);
		real f = (real)(1 / ser_la_sum(n_col, y));
		for (size_t c = 0; c < n_col; c++)
			y[c] *= f;
	}
}

/* dx += y (dy - sum y dy) */
void kern_softmax_bwd(size_t n_row, size_t n_col, const real *y, const real *dy, real *dx)
{
	for (size_t r = 0; r < n_row; r++, y += n_col, dy += n_col, dx += n_col) {
		real s = (real)ser_la_dot(n_col, y, dy);
		for (size_t c = 0; c < n_col; c++)
			dx[c] += y[c] * (dy[c] - s);
	}
}

SER_CLONES static void take_max(size_t n, const real *restrict x, real *restrict m)
{
	for (size_t c = 0; c < n; c++)
		m[c] = x[c] > m[c] ? x[c] : m[c];
}

SER_CLONES static void minus(size_t n, const real *restrict x, const real *restrict m, real *restrict y)
{
	for (size_t c = 0; c < n; c++)
		y[c] = x[c] - m[c];
}

SER_CLONES static void times(size_t n, const real *restrict f, real *restrict y)
{
	for (size_t c = 0; c < n; c++)
		y[c] *= f[c];
}

void kern_softmax_col_fwd(size_t n_row, size_t n_col, const real *x, real *y, double *ws)
{
	double *sum = ws;
	real *f = (real *)(ws + n_col); /* the largest, then the factor */
	for (size_t c = 0; c < n_col; c++) {
		f[c] = x[c];
		sum[c] = 0;
	}
	for (size_t r = 1; r < n_row; r++)
		take_max(n_col, x + r * n_col, f);
	enum { AT_ONCE = 4 }; /* rows that are summed while they are in the first-level cache: as many as a sum takes */
	for (size_t r = 0, n; r < n_row; r += n) {
		n = n_row - r < AT_ONCE ? n_row - r : AT_ONCE;
		for (size_t i = r; i < r + n; i++) {
			minus(n_col, x + i * n_col, f, y + i * n_col);
			ser_la_exp(n_col, y + i * n_col, y + i * n_col);
		}
		kern_col_sum(n, n_col, y + r * n_col, n_col, sum, NULL);
	}
	for (size_t c = 0; c < n_col; c++)
		f[c] = (real)(1 / sum[c]);
	for (size_t r = 0; r < n_row; r++)
		times(n_col, f, y + r * n_col);
}

SER_CLONES static void softmax_col_dx(size_t n, const real *restrict y, const real *restrict dy, const real *restrict s,
				      real *restrict dx)
{
	for (size_t c = 0; c < n; c++)
		dx[c] += y[c] * (dy[c] - s[c]);
}

SER_CLONES static void softmax_col_over(size_t n, const real *restrict y, const real *restrict s, real *restrict dy)
{
	for (size_t c = 0; c < n; c++)
		dy[c] = y[c] * (dy[c] - s[c]);
}

/* dx += y (dy - sum over rows of y dy) */
void kern_softmax_col_bwd(size_t n_row, size_t n_col, const real *y, const real *dy, real *dx, double *ws)
{
	double *sum = ws, *plain = ws + n_col;
	real *s = (real *)plain;
	for (size_t c = 0; c < 2 * n_col; c++)
		ws[c] = 0;
	kern_col_dot(n_row, n_col, dy, n_col, y, plain, sum);
	for (size_t c = 0; c < n_col; c++)
		s[c] = (real)sum[c];
	for (size_t r = 0; r < n_row; r++)
		if (dx == dy)
			softmax_col_over(n_col, y + r * n_col, s, dx + r * n_col);
		else
			softmax_col_dx(n_col, y + r * n_col, dy + r * n_col, s, dx + r * n_col);
}

/* splitmix64's output step over a counter: the bits of column c are a function of (stream, row, c) alone */
static inline uint64_t bits(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static inline uint64_t row_start(uint64_t stream, uint64_t row)
{
	return bits(stream + row * UINT64_C(0x9e3779b97f4a7c15));
}

/* kept when 32 of the bits are at least p 2^32 */
static inline bool kept(uint64_t start, size_t c, uint32_t limit)
{
	return (uint32_t)(bits(start + (uint64_t)c * UINT64_C(0x9e3779b97f4a7c15)) >> 32) >= limit;
}

SER_CLONES void kern_dropout_fwd(size_t n_col, uint64_t stream, uint64_t row, double p, const real *x, real *y)
{
	uint64_t start = row_start(stream, row);
	uint32_t limit = (uint32_t)(p * 4294967296.0);
	real f = (real)(1 / (1 - p));
	for (size_t c = 0; c < n_col; c++)
		y[c] = kept(start, c, limit) ? x[c] * f : 0;
}

SER_CLONES void kern_dropout_bwd(size_t n_col, uint64_t stream, uint64_t row, double p, const real *dy, real *dx)
{
	uint64_t start = row_start(stream, row);
	uint32_t limit = (uint32_t)(p * 4294967296.0);
	real f = (real)(1 / (1 - p));
	for (size_t c = 0; c < n_col; c++)
		dx[c] += kept(start, c, limit) ? dy[c] * f : 0;
}

SER_CLONES void kern_dropout_factors(size_t n, uint64_t stream, uint64_t row, size_t col, double p, real *f)
{
	uint64_t start = row_start(stream, row);
	uint32_t limit = (uint32_t)(p * 4294967296.0);
	real keep = (real)(1 / (1 - p));
	for (size_t c = 0; c < n; c++)
		f[c] = kept(start, col + c, limit) ? keep : 0;
}
