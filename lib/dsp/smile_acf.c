/* SPDX-License-Identifier: MIT */
/* Pitch by autocorrelation and cepstrum, as emobase and the set of 2009 have it. */
#include "dsp/smile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHORTEST = 31 };         /* lag, samples: 516 Hz */
static const double CUT = 0.55, /* of the voicing */
	KEPT = 0.75;            /* of the envelope a frame */

struct ser_smile_acf {
	struct ser_smile_acf_opt o;
	struct ser_fft *fft;
	double hamming[SMILE_LONG];
};

struct ser_smile_acf *ser_smile_acf_new(const struct ser_smile_acf_opt *o)
{
	struct ser_smile_acf *p = ser_calloc(1, sizeof *p);
	p->o = *o;
	p->fft = ser_fft_new(o->n_fft);
	for (size_t i = 0; i < o->win; i++)
		p->hamming[i] = 0.54 - 0.46 * cos(2 * M_PI * (double)i / (double)(o->win - 1));
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
	size_t n = p->o.n_fft, best = SHORTEST;
	for (size_t k = 0; k <= n / 2; k++) {
		z[2 * k] = log_power[k];
		z[2 * k + 1] = 0;
	}
	ser_fft_inverse(p->fft, z, y);
	for (size_t k = SHORTEST; k < n / 2; k++)
		best = y[k] > y[best] ? k : best;
	return best;
}

void ser_smile_acf_do(const struct ser_smile_acf *p, const double *x, double *scratch, float *voicing, float *hz)
{
	double *z = scratch, *y = scratch + SMILE_SCRATCH / 2, log_power[SMILE_LONG_BIN], top = 0;
	size_t n = p->o.n_fft;
	for (size_t i = 0; i < p->o.win; i++)
		y[i] = (x[i] - p->o.preemphasis * x[i > 0 ? i - 1 : 0]) * p->hamming[i];
	memset(y + p->o.win, 0, (n - p->o.win) * sizeof *y);
	ser_fft_do(p->fft, y, z);
	ser_fft_power(p->fft, z);
	for (size_t k = 0; k <= n / 2; k++)
		log_power[k] = log(fmax(z[2 * k] + p->o.log_add, 1e-30));
	ser_fft_inverse(p->fft, z, y);
	for (size_t k = SHORTEST; k + 1 < n / 2; k++) {
		double a = fabs(y[k]);
		top = a > fabs(y[k - 1]) && a > fabs(y[k + 1]) ? fmax(top, a) : top;
	}
	*voicing = y[0] > 0 ? (float)(top / y[0]) : 0;
	*hz = *voicing > CUT ? (float)SMILE_RATE / (float)quefrency(p, log_power, z, y) : 0;
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
