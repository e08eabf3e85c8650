/* SPDX-License-Identifier: MIT */
#include "dsp/lld.h"
#include "dsp/smile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The frame at 11 kHz: as many samples as it has there, of half as many of the transform's bins. */
enum { ORDER = 11, RATE = 11000 };
static const double LOW_HZ = 50, HIGH_HZ = 5450;

enum { BLOCK = 32 }; /* samples that are summed together */
struct ser_smile_formants {
	size_t n_fft, taken, bins;
	float *wave; /* [blocks, bins, 2, BLOCK]: cosine and sine of each bin */
};

struct ser_smile_formants *ser_smile_formants_new(const struct ser_smile_size *s)
{
	struct ser_smile_formants *p = ser_calloc(1, sizeof *p);
	p->n_fft = s->n_fft;
	p->taken = (size_t)(RATE * (double)s->win / ((double)s->n_fft * s->bin_hz) + 0.5);
	p->bins = p->taken / 2 < s->n_bin ? p->taken / 2 : s->n_bin;
	const size_t padded = (p->taken + BLOCK - 1) / BLOCK * BLOCK;
	p->wave = ser_malloc(p->bins * 2 * padded, sizeof *p->wave);
	float *wave = p->wave;
	for (size_t from = 0; from < padded; from += BLOCK)
		for (size_t k = 0; k < p->bins; k++, wave += 2 * BLOCK) {
			double step = 2 * M_PI * (double)k * (double)s->win / ((double)p->taken * (double)s->n_fft);
			for (size_t i = 0; i < BLOCK; i++) {
				wave[i] = (float)cos(step * (double)(from + i));
				wave[BLOCK + i] = (float)sin(step * (double)(from + i));
			}
		}
	return p;
}

void ser_smile_formants_free(struct ser_smile_formants *p)
{
	if (p == NULL)
		return;
	free(p->wave);
	free(p);
}

/* In single precision, bin by bin, as openSMILE does: the prediction of a spectrum that ends early hangs on roundings. 0 Hz counts twice,
 * as the others do. */
size_t ser_smile_narrow(const struct ser_smile_formants *p, const float *z, float *v)
{
	const float *wave = p->wave;
	for (size_t from = 0; from < p->taken; from += BLOCK) {
		float sum[BLOCK] = {0};
		for (size_t k = 0; k < p->bins; k++, wave += 2 * BLOCK)
			for (size_t i = 0; i < BLOCK; i++)
				sum[i] = sum[i] + z[2 * k] * wave[i] + z[2 * k + 1] * wave[BLOCK + i];
		for (size_t i = 0; i < BLOCK && from + i < p->taken; i++)
			v[from + i] = sum[i] * (2 / (float)p->n_fft);
	}
	return p->taken;
}

/* Linear prediction of v [n] to a [order + 1], 1 first; false when there is none. Sums and Durbin's recursion are in single precision
 * and in openSMILE's order: a spectrum that ends below 5.5 kHz is so nearly predictable that rounding moves roots. */
static bool predict(const float *v, size_t n, int order, double *a)
{
	float r[SER_LPC_MAX + 1], c[SER_LPC_MAX + 1] = {1}, last[SER_LPC_MAX + 1];
	for (size_t m = 0; m <= (size_t)order; m++) {
		r[m] = 0;
		for (size_t i = 0; i + m < n; i++)
			r[m] += v[i] * v[i + m];
	}
	float error = r[0];
	if (!(error > 0))
		return false;
	for (int m = 1; m <= order; m++) {
		float k = r[m];
		for (int i = 1; i < m; i++)
			k += c[i] * r[m - i];
		k *= -1 / error;
		memcpy(last, c, sizeof last);
		for (int i = 1; i < m; i++)
			c[i] = last[i] + k * last[m - i];
		c[m] = k;
		error *= 1 - k * k;
		if (!(error > 0)) {
			memset(c + m + 1, 0, (size_t)(order - m) * sizeof *c);
			break;
		}
	}
	for (int m = 0; m <= order; m++)
		a[m] = c[m];
	return true;
}

void ser_smile_formants_do(const struct ser_smile_formants *p, const float *z, float *hz, float *bandwidth)
{
	double a[ORDER + 1], f[ORDER], b[ORDER];
	float v[SMILE_NARROW];
	double complex root[ORDER];
	size_t n = 0;
	memset(hz, 0, SMILE_FORMANT * sizeof *hz);
	memset(bandwidth, 0, SMILE_FORMANT * sizeof *bandwidth);
	if (!predict(v, ser_smile_narrow(p, z, v), ORDER, a))
		return;
	for (size_t m = 1; m <= ORDER; m++)
		a[m] = -a[m]; /* openSMILE's polynomial is 1 - sum a[m] z^-m of the filter 1 + sum a[m] z^-m */
	ser_lpc_roots(a, ORDER, root);
	for (size_t i = 0; i < ORDER; i++) {
		double at = atan2(cimag(root[i]), creal(root[i])) * RATE / (2 * M_PI);
		if (!(at > LOW_HZ && at < HIGH_HZ) || cimag(root[i]) < 1e-9)
			continue;
		size_t j = n++;
		for (; j > 0 && f[j - 1] > at; j--)
			f[j] = f[j - 1], b[j] = b[j - 1];
		f[j] = at;
		b[j] = fabs(log(cabs(root[i]))) * RATE / M_PI; /* a pole outside the unit circle is mirrored into it */
	}
	for (size_t i = 0; i < n && i < SMILE_FORMANT; i++)
		hz[i] = (float)f[i], bandwidth[i] = (float)b[i];
}

/* ---- line spectral frequencies -------------------------------------------------------------------- */

enum { HALF = SMILE_LSP / 2, GRID = 512, HALVINGS = 24 };

/* The sum, or the difference, of the predictor's polynomial and its mirror image on the unit circle, as a real function of the angle:
 * F. Itakura, "Line spectrum representation of linear predictor coefficients of speech signals", JASA 57 (1975) S35. */
static double mirror(const double *c, bool sum, double w)
{
	double half = sum ? cos(0.5 * w) : sin(0.5 * w), two = 2 * cos(w), last = sum ? half : -half, now = half, y = 0;
	for (int i = HALF; i >= 0; i--) { /* now: the cosine, or sine, of (HALF + 1/2 - i) w */
		y += c[i] * now;
		double next = two * now - last;
		last = now;
		now = next;
	}
	return y;
}

void ser_smile_lsp(const float *v, size_t n, float *y)
{
	double a[SMILE_LSP + 2] = {1}, c[2][HALF + 1];
	if (!predict(v, n, SMILE_LSP, a))
		memset(a + 1, 0, SMILE_LSP * sizeof *a);
	a[SMILE_LSP + 1] = 0;
	for (int i = 0; i <= HALF; i++) {
		c[0][i] = a[i] + a[SMILE_LSP + 1 - i];
		c[1][i] = a[i] - a[SMILE_LSP + 1 - i];
	}
	memset(y, 0, SMILE_LSP * sizeof *y);
	size_t found = 0, g = 0;
	while (found < SMILE_LSP && g < GRID) { /* zeros of the two alternate */
		bool sum = found % 2 == 0;
		double lo = M_PI * (double)g / GRID, hi = M_PI * (double)(g + 1) / GRID;
		double from = mirror(c[!sum], sum, lo), to = mirror(c[!sum], sum, hi);
		if (from == 0 || (from < 0) == (to < 0)) {
			g++;
			continue;
		}
		for (int k = 0; k < HALVINGS; k++) {
			double mid = 0.5 * (lo + hi);
			bool left = (mirror(c[!sum], sum, mid) < 0) == (from < 0);
			lo = left ? mid : lo;
			hi = left ? hi : mid;
		}
		y[found++] = (float)(0.5 * (lo + hi));
	}
}
