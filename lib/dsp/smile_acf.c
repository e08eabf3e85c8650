/* SPDX-License-Identifier: MIT */
/* Pitch by autocorrelation and cepstrum, as emobase and the set of 2009 have it. */
#include "dsp/smile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double MOST_HZ = 500, CUT = 0.55, /* of the voicing */
	KEPT = 0.75;                           /* of the envelope a frame */

struct ser_smile_acf {
	struct ser_smile_acf_opt o;
	double rate_hz;
	size_t win, n_fft, shortest; /* lag, samples */
	struct ser_fft *fft;
	double hamming[SMILE_WIDE];
};

struct ser_smile_acf *ser_smile_acf_new(const struct ser_smile_acf_opt *o, double rate_hz)
{
	struct ser_smile_acf *p = ser_calloc(1, sizeof *p);
	p->o = *o;
	p->rate_hz = rate_hz;
	p->win = ser_smile_samples(rate_hz, o->win_ms);
	p->n_fft = ser_smile_points(p->win);
	p->shortest = (size_t)(rate_hz / MOST_HZ) - 1;
	p->fft = ser_fft_new(p->n_fft);
	for (size_t i = 0; i < p->win; i++)
		p->hamming[i] = 0.54 - 0.46 * cos(2 * M_PI * (double)i / (double)(p->win - 1));
	return p;
}

void ser_smile_acf_free(struct ser_smile_acf *p)
{
	if (p == NULL)
		return;
	ser_fft_free(p->fft);
	free(p);
}

/* log [n / 2 + 1] to the highest peak's lag of its inverse transform. */
static size_t quefrency(const struct ser_smile_acf *p, const double *log_power, double *z, double *y)
{
	size_t n = p->n_fft, best = p->shortest;
	for (size_t k = 0; k <= n / 2; k++) {
		z[2 * k] = log_power[k];
		z[2 * k + 1] = 0;
	}
	ser_fft_inverse(p->fft, z, y);
	for (size_t k = p->shortest; k < n / 2; k++)
		best = y[k] > y[best] ? k : best;
	return best;
}

void ser_smile_acf_do(const struct ser_smile_acf *p, const double *x, double *scratch, float *voicing, float *hz)
{
	double *z = scratch, *y = scratch + SMILE_SCRATCH / 2, log_power[SMILE_WIDE_BIN], top = 0;
	size_t n = p->n_fft;
	for (size_t i = 0; i < p->win; i++)
		y[i] = (x[i] - p->o.preemphasis * x[i > 0 ? i - 1 : 0]) * p->hamming[i];
	memset(y + p->win, 0, (n - p->win) * sizeof *y);
	ser_fft_do(p->fft, y, z);
	ser_fft_power(p->fft, z);
	for (size_t k = 0; k <= n / 2; k++)
		log_power[k] = log(fmax(z[2 * k] + p->o.log_add, 1e-30));
	ser_fft_inverse(p->fft, z, y);
	for (size_t k = p->shortest; k + 1 < n / 2; k++) {
		double a = fabs(y[k]);
		top = a > fabs(y[k - 1]) && a > fabs(y[k + 1]) ? fmax(top, a) : top;
	}
	*voicing = y[0] > 0 ? (float)(top / y[0]) : 0;
	*hz = *voicing > CUT ? (float)p->rate_hz / (float)quefrency(p, log_power, z, y) : 0;
}

void ser_smile_acf_track(float *hz, size_t n)
{
	float before = 0, last = 0, out = 0; /* two frames and one frame ago, and what came out for the one before */
	for (size_t t = 0; t < n; t++) {
		float now = hz[t], alone = before == 0 && now == 0 ? 0 : last;
		hz[t] = alone != 0 && out != 0 ? (alone + out) / 2 : alone;
		out = alone;
		before = last;
		last = now;
	}
}

void ser_smile_envelope(const float *hz, size_t n, float from, float *y)
{
	double e = from;
	for (size_t t = 0; t < n; t++) {
		if (hz[t] > 0)
			e = e < 0 ? hz[t] : KEPT * e + (1 - KEPT) * hz[t];
		y[t] = (float)fmax(e, 0);
	}
}
