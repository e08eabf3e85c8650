/* SPDX-License-Identifier: MIT */
/* Elementary functions over arrays, without branches so that compilers vectorise them, and without contraction so that
 * every instruction set gives the same bytes. Polynomials: least-error fits in the form of Cephes (Moshier 1989). */
#include "la/la.h"

#include <math.h>
#include <string.h>

SER_CLONES void ser_la_axpy(size_t n, real a, const real *restrict x, real *restrict y)
{
	for (size_t i = 0; i < n; i++)
		y[i] += a * x[i];
}

SER_CLONES double ser_la_dot(size_t n, const real *x, const real *y)
{
	double s[8] = {0};
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		for (int l = 0; l < 8; l++)
			s[l] += (double)x[i + (size_t)l] * (double)y[i + (size_t)l];
	for (int l = 0; i < n; i++, l++)
		s[l] += (double)x[i] * (double)y[i];
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

SER_CLONES double ser_la_sum(size_t n, const real *x)
{
	double s[8] = {0};
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		for (int l = 0; l < 8; l++)
			s[l] += (double)x[i + (size_t)l];
	for (int l = 0; i < n; i++, l++)
		s[l] += (double)x[i];
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

SER_CLONES void ser_la_to_bf16(size_t n, const real *restrict x, uint16_t *restrict y)
{
	for (size_t i = 0; i < n; i++) {
		float f = (float)x[i];
		uint32_t u;
		memcpy(&u, &f, sizeof u);
		uint32_t near = (u + 0x7fff + (u >> 16 & 1)) >> 16, nan = u >> 16 | 0x40;
		y[i] = (uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? nan : near);
	}
}

SER_CLONES void ser_la_from_bf16(size_t n, const uint16_t *restrict x, real *restrict y)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t u = (uint32_t)x[i] << 16;
		float f;
		memcpy(&f, &u, sizeof f);
		y[i] = (real)f;
	}
}

#ifdef SER_REAL_DOUBLE

void ser_la_exp(size_t n, const real *x, real *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = exp(x[i]);
}

void ser_la_exp_minus(size_t n, real m, real *x)
{
	for (size_t i = 0; i < n; i++)
		x[i] = exp(x[i] - m);
}

void ser_la_tanh(size_t n, const real *x, real *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = tanh(x[i]);
}

void ser_la_sigmoid(size_t n, const real *x, real *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = 1 / (1 + exp(-x[i]));
}

void ser_la_erf(size_t n, const real *x, real *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = erf(x[i]);
}

#else

static inline float from_bits(uint32_t u)
{
	float f;
	memcpy(&f, &u, sizeof f);
	return f;
}

static inline uint32_t to_bits(float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	return u;
}

/* e^x = 2^n e^r, |r| <= ln2/2. Adding 1.5*2^23 rounds x/ln2 to an integer in the low bits: *k is n, e^r is returned. */
static inline float exp_parts(float x, int32_t *k)
{
	float t = x * 1.44269504f + 12582912.0f, n = t - 12582912.0f;
	float r = x - n * 0.693359375f;
	r = r + n * 2.12194440e-4f;
	*k = (int32_t)(to_bits(t) - 0x4b400000u);
	float p = 1.9875691500e-4f;
	p = p * r + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	return p * r * r + r + 1.0f;
}

static inline float exp1(float x)
{
	float c = x < -87.33654f ? -87.33654f : x;
	c = c > 88.72284f ? 88.72284f : c;
	int32_t k;
	float p = exp_parts(c, &k);
	/* 2^n as 2^(n/2) twice: n reaches 128 */
	int32_t k1 = k >> 1, k2 = k - k1;
	p = p * from_bits((uint32_t)(k1 + 127) << 23) * from_bits((uint32_t)(k2 + 127) << 23);
	p = x < -87.33654f ? 0.0f : p;
	p = x > 88.72284f ? INFINITY : p;
	return x != x ? x : p;
}

/* exp1 for x below 88: 2^n at once, NaN by the way */
static inline float exp_low(float x)
{
	float c = x < -87.33654f ? -87.33654f : x;
	int32_t k;
	float p = exp_parts(c, &k) * from_bits((uint32_t)(k + 127) << 23);
	return x < -87.33654f ? 0.0f : p;
}

SER_CLONES void ser_la_exp_minus(size_t n, real m, real *x)
{
	for (size_t i = 0; i < n; i++)
		x[i] = exp_low(x[i] - m);
}

SER_CLONES void ser_la_exp(size_t n, const real *x, real *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = exp1(x[i]);
}

static inline float tanh1(float x)
{
	float a = fabsf(x), z = x * x;
	float p = -5.70498872745e-3f;
	p = p * z + 2.06390887954e-2f;
	p = p * z - 5.37397155531e-2f;
	p = p * z + 1.33314422036e-1f;
	p = p * z - 3.33332819422e-1f;
	p = p * z * x + x;
	float q = 1.0f - 2.0f / (exp1(2.0f * a) + 1.0f);
	q = x < 0.0f ? -q : q;
	return a < 0.625f ? p : q; /* NaN: q */
}

SER_CLONES void ser_la_tanh(size_t n, const real *x, real *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = tanh1(x[i]);
}

SER_CLONES void ser_la_sigmoid(size_t n, const real *x, real *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = 1.0f / (1.0f + exp1(-x[i]));
}

/* Abramowitz and Stegun 7.1.26 */
SER_CLONES void ser_la_erf(size_t n, const real *x, real *y)
{
	for (size_t i = 0; i < n; i++) {
		float a = fabsf(x[i]), t = 1.0f / (1.0f + 0.3275911f * a);
		float p = 1.061405429f;
		p = p * t - 1.453152027f;
		p = p * t + 1.421413741f;
		p = p * t - 0.284496736f;
		p = p * t + 0.254829592f;
		float r = 1.0f - p * t * exp_low(-a * a);
		y[i] = x[i] < 0.0f ? -r : r;
	}
}

#endif
