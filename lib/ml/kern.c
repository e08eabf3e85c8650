/* SPDX-License-Identifier: MIT */
#include "ml/kern.h"

#include <math.h>

SER_CLONES void ser_kern_best(size_t n, size_t m, const real *score, const real *bias, int base, real *best, int *arg)
{
	for (size_t j = 0; j < m; j++, score += n)
		for (size_t p = 0; p < n; p++) {
			real s = score[p] + bias[j];
			bool better = s > best[p];
			best[p] = better ? s : best[p];
			arg[p] = better ? base + (int)j : arg[p];
		}
}

/* ---- doubles: element by element, or eight partial sums ---- */

typedef float f8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef double d8 __attribute__((vector_size(64), aligned(8), may_alias));

SER_CLONES void ser_kern_add(double *sum, const float *x, size_t d)
{
	size_t t = 0;
	for (; t + 8 <= d; t += 8)
		*(d8 *)(sum + t) += __builtin_convertvector(*(const f8 *)(x + t), d8);
	for (; t < d; t++)
		sum[t] += x[t];
}

SER_CLONES void ser_kern_sub(double *sum, const float *x, size_t d)
{
	size_t t = 0;
	for (; t + 8 <= d; t += 8)
		*(d8 *)(sum + t) -= __builtin_convertvector(*(const f8 *)(x + t), d8);
	for (; t < d; t++)
		sum[t] -= x[t];
}

#define TOTAL(a) (((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7])))

SER_CLONES double ser_kern_rowdist(const float *x, const double *c, size_t d)
{
	d8 s = {0};
	size_t t = 0;
	double rest = 0;
	for (; t + 8 <= d; t += 8) {
		d8 e = __builtin_convertvector(*(const f8 *)(x + t), d8);
		if (c != NULL)
			e -= *(const d8 *)(c + t);
		s += e * e;
	}
	for (; t < d; t++) {
		double e = c != NULL ? x[t] - c[t] : x[t];
		rest += e * e;
	}
	return TOTAL(s) + rest;
}

SER_CLONES void ser_kern_sqdist(const double *a, const double *b, size_t m, size_t d, double *out)
{
	size_t j = 0;
	for (; j + 4 <= m; j += 4, b += 4 * d) {
		d8 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
		for (size_t t = 0; t < d; t += 8) {
			d8 x = *(const d8 *)(a + t), e0 = x - *(const d8 *)(b + t), e1 = x - *(const d8 *)(b + d + t),
			   e2 = x - *(const d8 *)(b + 2 * d + t), e3 = x - *(const d8 *)(b + 3 * d + t);
			s0 += e0 * e0;
			s1 += e1 * e1;
			s2 += e2 * e2;
			s3 += e3 * e3;
		}
		out[j] = TOTAL(s0);
		out[j + 1] = TOTAL(s1);
		out[j + 2] = TOTAL(s2);
		out[j + 3] = TOTAL(s3);
	}
	for (; j < m; j++, b += d) {
		d8 s = {0};
		for (size_t t = 0; t < d; t += 8) {
			d8 e = *(const d8 *)(a + t) - *(const d8 *)(b + t);
			s += e * e;
		}
		out[j] = TOTAL(s);
	}
}

SER_CLONES void ser_kern_dot(const double *a, const double *b, size_t m, size_t d, double *out)
{
	size_t j = 0;
	for (; j + 4 <= m; j += 4, b += 4 * d) {
		d8 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
		for (size_t t = 0; t < d; t += 8) {
			d8 x = *(const d8 *)(a + t);
			s0 += x * *(const d8 *)(b + t);
			s1 += x * *(const d8 *)(b + d + t);
			s2 += x * *(const d8 *)(b + 2 * d + t);
			s3 += x * *(const d8 *)(b + 3 * d + t);
		}
		out[j] = TOTAL(s0);
		out[j + 1] = TOTAL(s1);
		out[j + 2] = TOTAL(s2);
		out[j + 3] = TOTAL(s3);
	}
	for (; j < m; j++, b += d) {
		d8 s = {0};
		for (size_t t = 0; t < d; t += 8)
			s += *(const d8 *)(a + t) * *(const d8 *)(b + t);
		out[j] = TOTAL(s);
	}
}
