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

enum { HALF = SMILE_LSP / 2, HALVINGS = 11 };
static const float STEPS[] = {0.2f, 0.05f}; /* in the cosine; the second where the first finds less than all */

/* c [HALF + 1] as a series of Chebyshev polynomials of x, the highest first. */
static float chebyshev(const float *c, float x)
{
	float before = 1, now = x, y = c[HALF] + c[HALF - 1] * x;
	for (int i = 2; i <= HALF; i++) {
		float next = 2 * x * now - before;
		y += c[HALF - i] * next;
		before = now;
		now = next;
	}
	return y;
}

/* The root of c below left, which becomes it, at sign changes in steps of about that many; -2 when there is none. */
static float next_root(const float *c, float step, float *left)
{
	float from = chebyshev(c, *left), right = *left;
	do {
		float d = step * (1 - 0.9f * *left * *left), to;
		right = *left - (fabsf(from) < 0.2f ? 0.5f * d : d);
		to = chebyshev(c, right);
		if (from * to < 0)
			break;
		*left = right;
		from = to;
	} while (right >= -1);
	if (right < -1)
		return -2;
	float middle = right;
	for (int k = 0; k < HALVINGS; k++) {
		middle = 0.5f * (*left + right);
		float y = chebyshev(c, middle);
		if (y * from > 0) {
			from = y;
			*left = middle;
		} else {
			right = middle;
		}
	}
	return *left = middle;
}

/* The sum and the difference of the predictor's polynomial and its mirror image, without their roots at -1 and 1, are series of the
 * angle's cosine whose roots alternate (P. Kabal and R. P. Ramachandran, "The computation of line spectral frequencies using Chebyshev
 * polynomials", IEEE Trans. ASSP 34 (1986) 1419-1426). The steps in which signs are looked at, and how near a root is looked for, are
 * openSMILE's. */
void ser_smile_lsp(const float *v, size_t n, float *y)
{
	double a[SMILE_LSP + 1] = {1};
	float c[2][HALF + 1] = {{1}, {1}};
	if (!predict(v, n, SMILE_LSP, a))
		memset(a + 1, 0, SMILE_LSP * sizeof *a);
	for (int i = 0; i < HALF; i++) {
		float p = (float)a[i + 1], q = (float)a[SMILE_LSP - i];
		c[0][i + 1] = p + q - c[0][i];
		c[1][i + 1] = p - q + c[1][i];
	}
	for (int i = 0; i < HALF; i++) {
		c[0][i] *= 2;
		c[1][i] *= 2;
	}
	for (size_t k = 0, found = 0; k < 2 && found < SMILE_LSP; k++) {
		float left = 1;
		memset(y, 0, SMILE_LSP * sizeof *y);
		for (found = 0; found < SMILE_LSP; found++) {
			float x = next_root(c[found % 2], STEPS[k], &left);
			if (x < -1)
				break;
			y[found] = acosf(x);
		}
	}
}
