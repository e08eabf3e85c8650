/* SPDX-License-Identifier: MIT */
/* The inner loops of a front-end on W frames side by side, one frame a vector lane, so that no operation crosses lanes and
 * every frame's arithmetic is the same whatever W is. Included through widths.h.
 * A "row" is one value of all lanes. From the mean to the power spectrum the arithmetic is in double precision, on half
 * the lanes at a time: after pre-emphasis the lowest bands of a loud frame lie below the rounding noise of a transform in
 * single precision, and their logarithms would be wrong by 1 % and more. */

typedef float NAME(vec) __attribute__((vector_size(4 * W), aligned(4 * W)));
typedef float NAME(uvec) __attribute__((vector_size(4 * W), aligned(4)));
typedef int32_t NAME(ivec) __attribute__((vector_size(4 * W), aligned(4 * W)));
typedef float NAME(half) __attribute__((vector_size(2 * W), aligned(2 * W)));
#define V NAME(vec)
#define U NAME(uvec)
#define I NAME(ivec)
#define H NAME(half)

#include "dsp/fft_lanes.h"

#if W == 4
#define LOW  0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#elif W == 8
#define LOW  0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define LOW  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#endif

/* W rows of W values, transposed in place by log2(W) rounds of interleaving row i with row i + W/2. */
static inline TARGET void NAME(transpose)(V *a)
{
	V b[W];
	for (int round = 1; round < W; round *= 2) {
		for (int i = 0; i < W / 2; i++) {
			b[2 * i] = __builtin_shufflevector(a[i], a[i + W / 2], LOW);
			b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + W / 2], HIGH);
		}
		for (int i = 0; i < W; i++)
			a[i] = b[i];
	}
}

/* Sample i of frame l, from src[l][i], to lane l of row i. */
static TARGET void NAME(gather)(const float *const *src, size_t n, float scale, V *x)
{
	size_t i = 0;
	for (; i + W <= n; i += W) {
		V a[W];
		for (int l = 0; l < W; l++)
			a[l] = *(const U *)(src[l] + i) * scale;
		NAME(transpose)(a);
		for (int l = 0; l < W; l++)
			x[i + (size_t)l] = a[l];
	}
	for (; i < n; i++)
		for (int l = 0; l < W; l++)
			x[i][l] = src[l][i] * scale;
}

/* The other way: rows x[0..n) to y[l * stride + i] for the first `n_lane` lanes. */
static TARGET void NAME(scatter)(const V *x, size_t n, float *y, size_t stride, size_t n_lane)
{
	size_t i = 0;
	for (; i + W <= n; i += W) {
		V a[W];
		for (int l = 0; l < W; l++)
			a[l] = x[i + (size_t)l];
		NAME(transpose)(a);
		for (size_t l = 0; l < n_lane; l++)
			*(U *)(y + l * stride + i) = a[l];
	}
	for (; i < n; i++)
		for (size_t l = 0; l < n_lane; l++)
			y[l * stride + i] = x[i][l];
}

/* ln of positive normal numbers: x = 2^k m with sqrt(1/2) <= m < sqrt(2), s = (m-1)/(m+1),
 * ln m = 2 (s + s^3/3 + s^5/5 + s^7/7 + s^9/9), whose next term is below 8e-10. ln 2 in two pieces. */
static inline TARGET V NAME(ln)(V x)
{
	I bits = (I)x;
	I k = (bits - 0x3f3504f3) >> 23;
	V m = (V)(bits - (k << 23));
	V kf = __builtin_convertvector(k, V);
	V f = m - 1.0f, s = f / (m + 1.0f), z = s * s;
	V p = z * (0.66666667f + z * (0.4f + z * (0.28571429f + z * 0.22222222f)));
	/* ln m = 2 s + s p = f - s (f - p), which keeps f exact */
	return kf * 0.693145751953125f + (f - (s * (f - p) - kf * 1.4286068e-6f));
}

static inline TARGET V NAME(max)(V x, float lo)
{
	V b = (V){0} + lo;
	I m = x > b;
	return (V)((m & (I)x) | (~m & (I)b));
}

static TARGET void NAME(log_rows)(V *x, size_t n, const struct ser_front *p)
{
	float lo = (float)p->o.log_floor;
	if (p->o.log == SER_LOG_LNADD)
		for (size_t i = 0; i < n; i++)
			x[i] = NAME(ln)(x[i] + lo);
	else if (p->o.log == SER_LOG_LN)
		for (size_t i = 0; i < n; i++)
			x[i] = NAME(ln)(NAME(max)(x[i], lo));
	else if (p->o.log == SER_LOG_DB)
		for (size_t i = 0; i < n; i++)
			x[i] = NAME(ln)(NAME(max)(x[i], lo)) * 4.34294482f; /* 10 / ln 10 */
}

/* Rows x [n] of real samples, overwritten, to |X[k]|^2 in every second half row of pw, k = 0 .. n/2. */
static TARGET void NAME(power)(const struct lane_fft *f, D *x, H *pw, D *scratch)
{
	const uint32_t *pos = f->t.pos;
	if (!f->half) { /* odd length: real and imaginary rows, spread from the back */
		for (size_t i = f->n; i-- > 0;) {
			x[2 * i] = x[i];
			x[2 * i + 1] = (D){0};
		}
		NAME(stages)(&f->t, x, scratch);
		for (size_t k = 0; k <= f->n / 2; k++) {
			const D *z = x + 2 * pos[k];
			pw[2 * k] = __builtin_convertvector(z[0] * z[0] + z[1] * z[1], H);
		}
		return;
	}
	/* z[i] = x[2i] + i x[2i+1], m = n/2, Z its transform:
	 * X[k] = E + T, X[m-k] = conj(E - T), E = (Z[k] + conj Z[m-k]) / 2, T = w_n^k (Z[k] - conj Z[m-k]) / 2i */
	NAME(stages)(&f->t, x, scratch);
	size_t m = f->n / 2;
	D r0 = x[0] + x[1], rm = x[0] - x[1];
	pw[0] = __builtin_convertvector(r0 * r0, H);
	pw[2 * m] = __builtin_convertvector(rm * rm, H);
	for (size_t k = 1; 2 * k <= m; k++) {
		const D *a = x + 2 * pos[k], *b = x + 2 * pos[m - k];
		const double c = f->split[2 * k], s = f->split[2 * k + 1]; /* cos / 2, sin / 2 */
		D er = (a[0] + b[0]) * 0.5, ei = (a[1] - b[1]) * 0.5, pr = a[1] + b[1], pi = b[0] - a[0];
		D tr = pr * c + pi * s, ti = pi * c - pr * s;
		D ur = er + tr, ui = ei + ti, vr = er - tr, vi = ei - ti;
		pw[2 * (m - k)] = __builtin_convertvector(vr * vr + vi * vi, H);
		pw[2 * k] = __builtin_convertvector(ur * ur + ui * ui, H);
	}
}

/* ---- one block of W frames ------------------------------------------------------------------ */

/* From every second half row of x to rows z: remove the mean, measure the energy, pre-emphasise, window, zero-pad. */
static TARGET void NAME(condition)(const struct ser_front *p, const H *x, D *z, H *energy)
{
	size_t n = p->win;
	D mean = {0}, a[4] = {{0}, {0}, {0}, {0}}, e[2] = {{0}, {0}};
	for (size_t i = 0; i < n; i++)
		z[i] = __builtin_convertvector(x[2 * i], D);
	if (p->o.remove_dc_offset) {
		size_t i = 0;
		for (; i + 4 <= n; i += 4)
			for (int k = 0; k < 4; k++)
				a[k] += z[i + (size_t)k];
		for (; i < n; i++)
			a[0] += z[i];
		mean = ((a[0] + a[1]) + (a[2] + a[3])) / (double)n;
	}
	double pre = p->o.preemphasis_coefficient;
	D last = z[0] - mean;
	if (p->need_energy && p->o.raw_energy) {
		for (size_t i = 0; i < n; i++) {
			D d = z[i] - mean;
			e[i & 1] += d * d;
			z[i] = (d - pre * last) * p->window[i];
			last = d;
		}
	} else {
		for (size_t i = 0; i < n; i++) {
			D d = z[i] - mean;
			z[i] = (d - pre * last) * p->window[i];
			last = d;
		}
		for (size_t i = 0; p->need_energy && i < n; i++)
			e[i & 1] += z[i] * z[i];
	}
	for (size_t i = n; i < p->n_fft; i++)
		z[i] = (D){0};
	*energy = __builtin_convertvector(e[0] + e[1], H);
}

/* src[l]: the first sample of frame l. y: the first of n_lane rows of y_stride floats. */
static TARGET void NAME(block)(const struct ser_front *p, float *scratch, const float *const *src, float *y,
			       size_t y_stride, size_t n_lane)
{
	/* rows of V and of D are equally long */
	V *x = (V *)scratch, *pw = x + p->win, *out = pw + p->n_bin, *ceps = out + p->n_out_row, energy;
	D *z = (D *)(ceps + p->n_ceps_row), *aux = z + p->n_row;
	NAME(gather)(src, p->win, (float)p->o.scale, x);
	for (int h = 0; h < 2; h++) {
		NAME(condition)(p, (const H *)x + h, z, (H *)&energy + h);
		NAME(power)(&p->fft, z, (H *)pw + h, aux);
	}
	if (p->o.power == 1)
		for (size_t k = 0; k < p->n_bin; k++)
			for (int l = 0; l < W; l++)
				pw[k][l] = sqrtf(pw[k][l]);
	else if (p->o.power != 2)
		for (size_t k = 0; k < p->n_bin; k++)
			for (int l = 0; l < W; l++)
				pw[k][l] = powf(pw[k][l], (float)(p->o.power / 2));
	if (p->o.kind == SER_SPEC || p->lld != NULL) {
		NAME(log_rows)(pw, p->n_bin, p);
		NAME(scatter)(pw, p->n_bin, y, y_stride, n_lane);
		return;
	}
	size_t n_mel = (size_t)p->o.num_mel_bins;
	V *mel = out;
	for (size_t b = 0; b < n_mel; b++) {
		const float *w = p->weight + p->band[b].at;
		const V *s = pw + p->band[b].lo;
		V a = {0};
		for (size_t k = 0; k < p->band[b].n; k++)
			a += s[k] * w[k];
		mel[b] = a;
	}
	NAME(log_rows)(mel, n_mel, p);
	V log_energy = energy;
	if (p->need_energy) {
		log_energy = NAME(ln)(NAME(max)(energy, 1.1920928955078125e-07f));
		if (p->o.energy_floor > 0)
			log_energy = NAME(max)(log_energy, p->log_energy_floor);
	}
	if (p->o.kind != SER_MFCC) {
		bool first = p->need_energy && !p->o.htk_compat;
		NAME(scatter)(mel, n_mel, y + first, y_stride, n_lane);
		for (size_t l = 0; p->need_energy && l < n_lane; l++)
			y[l * y_stride + (first ? 0 : n_mel)] = log_energy[l];
		return;
	}
	/* cepstra: row c of the matrix holds the lifter and, for htk-compat's C0, sqrt(2) */
	size_t n_ceps = (size_t)p->o.num_ceps;
	for (int h = 0; h < 2; h++) {
		const H *m = (const H *)mel + h;
		for (size_t b = 0; b < n_mel; b++)
			z[b] = __builtin_convertvector(m[2 * b], D);
		for (size_t c = 0; c < n_ceps; c++) {
			const double *w = p->dct + c * n_mel;
			D a[2] = {{0}, {0}};
			for (size_t b = 0; b < n_mel; b++)
				a[b & 1] += z[b] * w[b];
			((H *)ceps + h)[2 * c] = __builtin_convertvector(a[0] + a[1], H);
		}
	}
	if (p->need_energy)
		ceps[0] = log_energy;
	if (p->o.htk_compat) {
		V c0 = ceps[0];
		for (size_t c = 1; c < n_ceps; c++)
			ceps[c - 1] = ceps[c];
		ceps[n_ceps - 1] = c0;
	}
	NAME(scatter)(ceps, n_ceps, y, y_stride, n_lane);
}

#undef V
#undef U
#undef I
#undef H
#undef LOW
#undef HIGH
#undef D
#undef MUL_TO
#undef W
#undef NAME
#undef TARGET
