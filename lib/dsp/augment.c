/* SPDX-License-Identifier: MIT */
#include "dsp/augment.h"
#include "dsp/dsp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double ser_mean_square(const float *x, size_t n)
{
	double s = 0;
	for (size_t i = 0; i < n; i++)
		s += (double)x[i] * x[i];
	return n > 0 ? s / (double)n : 0;
}

int ser_noise_add(float *x, size_t n, const float *noise, size_t m, size_t from, double snr_db, struct ser_err *e)
{
	double power = ser_mean_square(x, n), theirs = 0;
	from %= m;
	for (size_t i = 0, k = from; i < n; i++, k = k + 1 == m ? 0 : k + 1)
		theirs += (double)noise[k] * noise[k];
	theirs /= (double)(n > 0 ? n : 1);
	if (n == 0 || power == 0)
		return SER_OK;
	if (!isfinite(theirs))
		return ser_fail(e, SER_EDATA, "a sample of the noise is not a finite number");
	if (theirs < 1e-20)
		return ser_fail(e, SER_EDATA, "the noise is silent: it has no level to set");
	double g = sqrt(power / theirs * pow(10, -snr_db / 10));
	for (size_t i = 0, k = from; i < n; i++, k = k + 1 == m ? 0 : k + 1)
		x[i] = (float)(x[i] + g * noise[k]);
	return SER_OK;
}

/* ---- convolution ------------------------------------------------------------------------------ */

void ser_convolve(const float *x, size_t n, const float *h, size_t m, size_t from, float *y)
{
	size_t size = 1024;
	while (size < 4 * m)
		size *= 2;
	while (size > 1024 && size / 2 >= m + n)
		size /= 2;
	size_t len = size - m + 1, n_z = ser_fft_len(size); /* len: samples of x in a block */
	struct ser_fft *fft = ser_fft_new(size);
	double *in = ser_malloc_aligned(size, sizeof *in), *zh = ser_malloc_aligned(n_z, sizeof *zh);
	double *z = ser_malloc_aligned(n_z, sizeof *z), *sum = ser_calloc(ser_add(n, 1), sizeof *sum); /* y */
	for (size_t k = 0; k < size; k++)
		in[k] = k < m ? h[k] : 0;
	ser_fft_do(fft, in, zh);
	for (size_t at = 0; at < n; at += len) {
		for (size_t i = 0; i < size; i++)
			in[i] = i < len && at + i < n ? x[at + i] : 0;
		ser_fft_do(fft, in, z);
		for (size_t k = 0; k < n_z; k += 2) {
			double a = z[k], b = z[k + 1];
			z[k] = a * zh[k] - b * zh[k + 1];
			z[k + 1] = a * zh[k + 1] + b * zh[k];
		}
		ser_fft_inverse(fft, z, in);
		for (size_t i = 0; i < size; i++)
			if (at + i >= from && at + i - from < n)
				sum[at + i - from] += in[i];
	}
	for (size_t i = 0; i < n; i++)
		y[i] = (float)(sum[i] / (double)size);
	free(sum);
	free(z);
	free(zh);
	free(in);
	ser_fft_free(fft);
}

size_t ser_room_len(double rt60_s, double rate_hz)
{
	return (size_t)ceil(rt60_s * rate_hz) + 1;
}

void ser_room_make(double rt60_s, double drr_db, double rate_hz, struct ser_rng *rng, float *h)
{
	size_t m = ser_room_len(rt60_s, rate_hz);
	double sum = 0;
	h[0] = 1;
	for (size_t k = 1; k < m; k++) {
		h[k] = (float)(ser_rng_normal(rng) * pow(10, -3 * (double)k / (rt60_s * rate_hz)));
		sum += (double)h[k] * h[k];
	}
	double g = sum > 0 ? sqrt(pow(10, -drr_db / 10) / sum) : 0;
	for (size_t k = 1; k < m; k++)
		h[k] = (float)(g * h[k]);
}

/* ---- tempo ------------------------------------------------------------------------------------ */

size_t ser_tempo_len(size_t n, double tempo)
{
	return (size_t)llround((double)n / tempo);
}

static double at(const float *x, size_t n, ptrdiff_t i)
{
	return i >= 0 && (size_t)i < n ? x[i] : 0;
}

/* How well the `win` samples from b on agree with those from a on, in [-1,1]. */
static double likeness(const float *x, size_t n, ptrdiff_t a, ptrdiff_t b, ptrdiff_t win)
{
	double ab = 0, bb = 1e-12;
	if (a >= 0 && b >= 0 && (size_t)(a + win) <= n && (size_t)(b + win) <= n) {
		const float *p = x + a, *q = x + b;
		double s[4] = {0}, t[4] = {0};
		for (ptrdiff_t i = 0; i + 4 <= win; i += 4)
			for (int j = 0; j < 4; j++) {
				s[j] += (double)p[i + j] * q[i + j];
				t[j] += (double)q[i + j] * q[i + j];
			}
		ab = s[0] + s[1] + s[2] + s[3];
		bb += t[0] + t[1] + t[2] + t[3];
	} else {
		for (ptrdiff_t i = 0; i < win; i++) {
			ab += at(x, n, a + i) * at(x, n, b + i);
			bb += at(x, n, b + i) * at(x, n, b + i);
		}
	}
	return ab / sqrt(bb);
}

void ser_tempo_do(const float *x, size_t n, double rate_hz, double tempo, float *y)
{
	size_t n_out = ser_tempo_len(n, tempo);
	ptrdiff_t hop = (ptrdiff_t)llround(0.015 * rate_hz / 4) * 4, reach = (ptrdiff_t)llround(0.010 * rate_hz);
	hop = hop < 4 ? 4 : hop;
	ptrdiff_t win = 2 * hop, last = 0;
	const double pi = 3.14159265358979323846;
	double *sum = ser_calloc(n_out + 1, sizeof *sum), *w = ser_malloc((size_t)win, sizeof *w);
	for (ptrdiff_t i = 0; i < win; i++)
		w[i] = 0.5 - 0.5 * cos(2 * pi * (double)i / (double)win);
	/* piece k is centred on output sample k * hop; half windows overlap to a sum of 1 */
	for (ptrdiff_t k = 0; (k - 1) * hop < (ptrdiff_t)n_out; k++) {
		ptrdiff_t best = (ptrdiff_t)llround((double)(k * hop) * tempo) - hop, goal = last + hop;
		double top = -INFINITY;
		if (k > 0) {
			/* from the middle outwards, so that among equals the nearest wins */
			ptrdiff_t middle = best;
			for (ptrdiff_t d = 0; d <= reach; d++)
				for (int side = 0; side < (d > 0 ? 2 : 1); side++) {
					ptrdiff_t b = middle + (side == 0 ? d : -d);
					double r = likeness(x, n, goal, b, win);
					if (r > top) {
						top = r;
						best = b;
					}
				}
		}
		for (ptrdiff_t i = 0; i < win; i++) {
			ptrdiff_t to = (k - 1) * hop + i;
			if (to >= 0 && to < (ptrdiff_t)n_out)
				sum[to] += w[i] * at(x, n, best + i);
		}
		last = best;
	}
	for (size_t i = 0; i < n_out; i++)
		y[i] = (float)sum[i];
	free(w);
	free(sum);
}
