/* SPDX-License-Identifier: MIT */
#include "dsp/smile.h"

#include <math.h>
#include <string.h>

/* ---- periods ------------------------------------------------------------------------------------ */

static const double LEAST_CC = 0.5; /* of the correlation */
static const float NO_HNR = -100;
static const double NO_HARMONIC = -201, MISSING = -200; /* dB: of a frame without the first; one that is not there */
static const double ONE_BIT = 0x1p-16;                  /* half a step of 16-bit samples */
enum { MARGIN = 4, MOST_PERIODS = 64 };                 /* samples that must follow two periods; in a frame */

/* Pearson's correlation of x [n] and x + n. */
static double correlation(const float *x, size_t n)
{
	const float *y = x + n;
	double a = 0, b = 0, aa = 0, bb = 0, ab = 0, m = (double)n;
	for (size_t i = 0; i < n; i++) {
		double u = x[i], v = y[i];
		a += u;
		b += v;
		aa += u * u;
		bb += v * v;
		ab += u * v;
	}
	double d = (aa - a * a / m) * (bb - b * b / m);
	return d > 1e-30 ? (ab - a * b / m) / sqrt(d) : 0;
}

/* The period that begins at x: the highest of the correlation's peaks over lags lo ... hi, interpolated, with its height. 0 when
 * there is none. */
static double period(const float *x, size_t lo, size_t hi, double *cc)
{
	double best = -1, at = 0, c[3] = {0};
	for (size_t t = lo; t <= hi; t++) {
		c[0] = c[1];
		c[1] = c[2];
		c[2] = correlation(x, t);
		if (t < lo + 2 || !(c[1] > c[0] && c[1] >= c[2]) || c[1] <= best)
			continue;
		double to = 0.5 * (c[0] - c[2]) / (c[0] - 2 * c[1] + c[2]);
		best = c[1];
		at = (double)(t - 1) + to;
		*cc = c[1] - 0.25 * (c[0] - c[2]) * to;
	}
	return at;
}

/* From the lowest to the highest sample inside x [n]. */
static double height(const float *x, size_t n)
{
	double lo = x[1], hi = x[1];
	for (size_t i = 2; i + 1 < n; i++) {
		lo = fmin(lo, x[i]);
		hi = fmax(hi, x[i]);
	}
	return hi - lo;
}

/* What the periods of a run of voiced frames have before them. */
struct run {
	double period, change; /* the last; the last difference of two; 0 where there is none yet */
};

/* Of a wave of n samples that recurs at at [k]: the energy of its mean over that of what differs from it, dB. */
static double harmonics_db(const float *x, const size_t *at, size_t k, size_t n)
{
	double harmonic = 0, noise = 0;
	for (size_t i = 0; i < n; i++) {
		double sum = 0, sq = 0;
		for (size_t j = 0; j < k; j++) {
			sum += x[at[j] + i];
			sq += (double)x[at[j] + i] * x[at[j] + i];
		}
		harmonic += sum * sum / (double)k;
		noise += sq - sum * sum / (double)k;
	}
	return harmonic > 0 && noise > 0 ? fmax(-100, fmin(100, 10 * log10(harmonic / noise))) : NO_HNR;
}

/* The periods, of about t0 samples, in x [from, to) of x [end], of which there are at least two by each step of the search;
 * returns where the next begins. */
static size_t frame(const float *x, size_t from, size_t to, size_t end, double t0, double reach, struct run *r,
		    struct ser_smile_periods *y)
{
	double sum = 0, jitter = 0, ddp = 0, shimmer = 0, tall = 0;
	size_t lo = (size_t)(t0 * (1 - reach)), hi = (size_t)(t0 * (1 + reach)), n = 0, n_jitter = 0, n_ddp = 0;
	size_t at[MOST_PERIODS + 1], n_at = 0;
	while (from + 2 * hi + MARGIN <= to && n_at < MOST_PERIODS) {
		double cc = 0, t = period(x + from, lo, hi, &cc);
		size_t step = (size_t)(t + 0.5);
		if (t == 0) {
			from += (size_t)(t0 + 0.5);
			continue;
		}
		at[n_at++] = from;
		if (cc >= LEAST_CC) {
			double a = height(x + from, step), b = height(x + from + step, step);
			shimmer += fabs(a - b) > ONE_BIT ? fabs(a - b) : 0; /* of equal samples exactly 0 */
			tall += 0.5 * (a + b);
			sum += t;
			n++;
			if (r->period != 0) {
				double change = fabs(t - r->period);
				jitter += change;
				n_jitter++;
				if (r->change != 0) {
					ddp += fabs(change - r->change);
					n_ddp++;
				}
				r->change = change;
			}
			r->period = t;
		}
		from += step;
	}
	if (n > 0) {
		double mean = sum / (double)n;
		y->jitter = n_jitter > 0 ? (float)fmin(1, jitter / (double)n_jitter / mean) : 0;
		y->jitter_ddp = n_ddp > 0 ? (float)fmin(1, ddp / (double)n_ddp / mean) : 0;
	}
	if (n > 0 && tall > 0) {
		y->shimmer = (float)fmin(1, shimmer / tall);
		y->shimmer_db = (float)(20 * log10(1 + fmin(1, shimmer / tall)));
	}
	if (n_at > 0)
		at[n_at++] = from;
	if (n_at > 1 && from + (size_t)t0 <= end)
		y->log_hnr = (float)harmonics_db(x, at, n_at, (size_t)t0);
	return from;
}

void ser_smile_jitter(const struct ser_smile_size *s, const float *x, size_t n, double reach, const float *hz,
		      size_t n_frame, struct ser_smile_periods *y)
{
	static const struct ser_smile_periods none = {.log_hnr = -100};
	struct ser_smile_periods now = none;
	struct run r = {0};
	size_t at = 0;
	for (size_t t = 0; t < n_frame; t++) {
		size_t begin = t * s->hop;
		if (!(hz[t] > 0)) {
			at = begin + s->hop;
			now = none;
			r = (struct run){0};
		} else {
			double t0 = s->rate_hz / hz[t];
			size_t two = 2 * (size_t)(t0 * (1 + reach)) + MARGIN, to = begin + s->hop;
			to = to > at + two ? to : at + two;
			to = to < at + s->wide ? to : at + s->wide;
			now.log_hnr = now.log_hnr == NO_HNR ? 0 : now.log_hnr;
			size_t next = frame(x, at, to < n ? to : n, n, t0, reach, &r, &now);
			at = next >= begin + s->hop ? at : next; /* read again where the next frame would begin late */
		}
		y[t] = now;
	}
}

/* ---- harmonics ---------------------------------------------------------------------------------- */

static bool is_peak(const double *a, size_t n, size_t i)
{
	return i > 0 && i + 1 < n && a[i] > a[i - 1] && a[i] >= a[i + 1];
}

/* The peak of a [n] nearest to i, n when there is none; of two as near the upper one, or the lower one. */
static size_t nearest(const double *a, size_t n, size_t i, bool upper)
{
	for (size_t r = 0; r < n; r++) {
		size_t up = i + r, down = i >= r ? i - r : 0;
		bool is_up = is_peak(a, n, up), is_down = i >= r && is_peak(a, n, down);
		if (is_up && (upper || !is_down))
			return up;
		if (is_down)
			return down;
	}
	return n;
}

static double hnr(const struct ser_smile_spectrum *p, const struct ser_smile_size *s, const double *mag, double hz,
		  double *scratch)
{
	double *r = scratch + SMILE_SCRATCH / 2;
	ser_smile_autocorrelation(p, mag, scratch, r);
	for (size_t i = 0; i < s->wide_bin; i++)
		r[i] = fabs(r[i]);
	size_t i = nearest(r, s->wide_bin, (size_t)(s->rate_hz / hz), false);
	double c = i < s->wide_bin ? r[i] : 0, rest = r[0] - c;
	return c > 0 && rest > 0 ? 10 * log10(c / rest) : c > 0 ? 100 : -100;
}

void ser_smile_harmonics_do(const struct ser_smile_spectrum *p, const struct ser_smile_size *s, const double *mag,
			    double hz, const float *formant, double *scratch, struct ser_smile_harmonics *y)
{
	const double bin_hz = s->wide_bin_hz;
	double raw[SMILE_HARMONIC], db[SMILE_HARMONIC] = {0}, at[SMILE_HARMONIC];
	size_t n = 0;
	y->hnr_db = hnr(p, s, mag, hz, scratch);
	for (; n < SMILE_HARMONIC; n++) {
		size_t near = (size_t)((double)(n + 1) * hz / bin_hz + 0.5);
		size_t i = near < s->wide_bin - 1 ? nearest(mag, s->wide_bin, near, true) : s->wide_bin;
		if (i == s->wide_bin)
			break;
		if (i < (size_t)(((double)n + 0.5) * hz / bin_hz + 0.5) ||
		    i > (size_t)(((double)n + 1.5) * hz / bin_hz + 0.5)) { /* that of another multiple */
			raw[n] = 0;
			db[n] = MISSING;
			if (n > 0)
				continue;
			y->h1_h2 = y->h1_a3 = 0;
			for (size_t f = 0; f < SMILE_FORMANT; f++)
				y->amplitude[f] = NO_HARMONIC;
			return;
		}
		double a = mag[i - 1], b = mag[i], c = mag[i + 1], to = 0.5 * (a - c) / (a - 2 * b + c);
		raw[n] = b;
		at[n] = ((double)i + to) * bin_hz;
		db[n] = n > 0 ? 20 * log10((b - 0.25 * (a - c) * to) / raw[0]) : 0;
	}
	for (size_t f = 0; f < SMILE_FORMANT; f++) {
		size_t top = n;
		for (size_t i = 0; i < n; i++)
			if (raw[i] > 0 && at[i] >= 0.8 * formant[f] && at[i] <= 1.2 * formant[f] &&
			    (top == n || raw[i] > raw[top]))
				top = i;
		y->amplitude[f] = top < n ? db[top] : 0;
	}
	y->h1_h2 = fmax(NO_HARMONIC, fmin(-NO_HARMONIC, db[1] - db[2]));
	y->h1_a3 = db[1] - y->amplitude[2];
}
