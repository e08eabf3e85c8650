/* SPDX-License-Identifier: MIT */
/* Pitch by autocorrelation and cepstrum, as emobase and the set of 2009 have it. */
#include "dsp/smile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double MOST_HZ = 500, CUT = 0.55, /* of the voicing */
	NEAR_TOP = 0.6,                        /* of the highest value and the mean size, what a peak must be above */
	FAR = 0.4,                             /* from the running pitch, as a share of it */
	KEPT = 0.75;                           /* of the envelope a frame */

struct ser_smile_acf {
	struct ser_smile_acf_opt o;
	double rate_hz;              /* of a frame that was not rounded to samples */
	size_t win, n_fft, shortest; /* lag, samples */
	struct ser_fft *fft;
	double hamming[SMILE_WIDE];
};

struct ser_smile_acf *ser_smile_acf_new(const struct ser_smile_acf_opt *o, double rate_hz)
{
	struct ser_smile_acf *p = ser_calloc(1, sizeof *p);
	p->o = *o;
	p->win = ser_smile_samples(rate_hz, o->win_ms);
	p->rate_hz = (double)p->win / (o->win_ms / 1000);
	p->n_fft = ser_smile_points(p->win);
	p->shortest = (size_t)ceil(1 / MOST_HZ / (double)(float)(1 / rate_hz)); /* 97, not 96, at 48 kHz */
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

static bool is_peak(const double *y, size_t k)
{
	return y[k] > y[k - 1] && y[k] > y[k + 1];
}

/* The power spectrum z [n_fft + 2] to its cepstrum's first peak that is near the top, 0 when there is none. */
static size_t quefrency(const struct ser_smile_acf *p, double *z, double *y)
{
	size_t n = p->n_fft / 2;
	for (size_t k = 0; k <= n; k++)
		z[2 * k] = log(p->o.old ? fmax(z[2 * k], 1e-30) : 1 + z[2 * k]);
	if (p->o.old) {
		z[0] = exp(z[0]);
		z[2 * n] = 0;
	}
	ser_fft_inverse(p->fft, z, y);
	double top = y[p->shortest], size = 0;
	for (size_t k = 0; k < n; k++) {
		size += fabs(y[k]);
		y[k] = p->o.old ? fabs(y[k]) : y[k];
		top = k >= p->shortest ? fmax(top, y[k]) : top;
	}
	for (size_t k = p->shortest + 1; k + 1 < n; k++)
		if (is_peak(y, k) && y[k] > NEAR_TOP * (top + size / (double)n))
			return k;
	return 0;
}

void ser_smile_acf_do(const struct ser_smile_acf *p, const float *x, double *scratch, float *voicing, float *hz)
{
	double *z = scratch, *y = scratch + SMILE_SCRATCH / 2, power[SMILE_WIDE_BIN];
	size_t n = p->n_fft;
	for (size_t i = 0; i < p->win; i++)
		y[i] = (x[i] - p->o.preemphasis * x[i > 0 ? i - 1 : 0]) * p->hamming[i];
	memset(y + p->win, 0, (n - p->win) * sizeof *y);
	ser_fft_do(p->fft, y, z);
	ser_fft_power(p->fft, z);
	for (size_t k = 0; k <= n / 2; k++)
		power[k] = z[2 * k];
	ser_fft_inverse(p->fft, z, y);
	for (size_t k = 0; k < n / 2; k++)
		y[k] = fabs(y[k]);
	double top = y[n / 2 - 1];
	for (size_t k = p->shortest - 1; k + 1 < n / 2; k++)
		top = is_peak(y, k) ? fmax(top, y[k]) : top;
	*voicing = y[0] > 0 ? (float)(top / y[0]) : 0;
	*hz = 0;
	if (!(*voicing > CUT))
		return;
	for (size_t k = 0; k <= n / 2; k++) {
		z[2 * k] = power[k];
		z[2 * k + 1] = 0;
	}
	size_t lag = quefrency(p, z, y);
	*hz = lag > 0 ? (float)p->rate_hz / (float)lag : 0;
}

void ser_smile_acf_track(float *hz, size_t n)
{
	double before = 0, last = 0, out = 0; /* two frames and one frame ago, and what came out for the one before */
	double running = 0;
	for (size_t t = 0; t < n; t++) {
		double now = hz[t], v = last;
		if (last > 0 && running > 0 && fabs(last - running) > FAR * running) {
			v = running;
			running = 0.9 * running + 0.1 * last;
		} else if (last > 0) {
			running = running > 0 ? 0.7 * running + 0.3 * last : last;
		}
		if (before == 0 && now == 0)
			v = 0;
		hz[t] = (float)(v != 0 && out != 0 ? (v + out) / 2 : v);
		out = v;
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
