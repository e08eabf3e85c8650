/* SPDX-License-Identifier: MIT */
#include "dsp/smile_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum over { ALL, VOICED, UNVOICED, EITHER /* smoothed as the voice is, but everywhere */ };
enum stats { MEAN, MEAN_CV, FULL /* and percentiles and slopes */ };
static const struct row {
	int column;
	enum over over;
	enum stats stats;
} ROWS[] = {
	{F0, VOICED, FULL},
	{LOUDNESS, ALL, FULL},
	{FLUX, ALL, MEAN_CV},
	{MFCC, ALL, MEAN_CV},
	{MFCC + 1, ALL, MEAN_CV},
	{MFCC + 2, ALL, MEAN_CV},
	{MFCC + 3, ALL, MEAN_CV},
	{JITTER, VOICED, MEAN_CV},
	{SHIMMER, VOICED, MEAN_CV},
	{HNR, VOICED, MEAN_CV},
	{H1_H2, VOICED, MEAN_CV},
	{H1_A3, VOICED, MEAN_CV},
	{FORMANT, VOICED, MEAN_CV},
	{FORMANT + 1, VOICED, MEAN_CV},
	{FORMANT + 2, EITHER, MEAN_CV},
	{FORMANT + 3, VOICED, MEAN_CV},
	{FORMANT + 4, VOICED, MEAN_CV},
	{FORMANT + 5, EITHER, MEAN_CV},
	{FORMANT + 6, VOICED, MEAN_CV},
	{FORMANT + 7, VOICED, MEAN_CV},
	{FORMANT + 8, EITHER, MEAN_CV},
	{ALPHA, VOICED, MEAN_CV},
	{HAMMARBERG, VOICED, MEAN_CV},
	{SLOPE_LOW, VOICED, MEAN_CV},
	{SLOPE_HIGH, VOICED, MEAN_CV},
	{FLUX, VOICED, MEAN_CV},
	{MFCC, VOICED, MEAN_CV},
	{MFCC + 1, VOICED, MEAN_CV},
	{MFCC + 2, VOICED, MEAN_CV},
	{MFCC + 3, VOICED, MEAN_CV},
	{ALPHA, UNVOICED, MEAN},
	{HAMMARBERG, UNVOICED, MEAN},
	{SLOPE_LOW, UNVOICED, MEAN},
	{SLOPE_HIGH, UNVOICED, MEAN},
	{FLUX, UNVOICED, MEAN},
};
enum { N_ROW = sizeof ROWS / sizeof ROWS[0] };
static const double SHIFT_S = (double)SMILE_HOP / SMILE_RATE;

/* ---- peaks and slopes --------------------------------------------------------------------------- */

struct slopes {
	double mean[2], deviation[2]; /* rising, falling */
	size_t n_peak;
};

struct side {
	double sum, sq;
	size_t n;
};

static double slope(const double *v, size_t from, size_t to, bool up)
{
	double d = (v[to] - v[from]) / ((double)(to - from) * SHIFT_S);
	return up ? d : -d;
}

/* The turning points of v [n] that differ by a tenth of the range from the extremum before, or from the last turning point, to at [n],
 * negative for minima (which are never at 0). Of two of a kind in a row the higher maximum stays, but one that differs from the
 * extremum before by less must be higher by 5 %, and the lower minimum. */
static size_t turning_points(const double *v, size_t n, ptrdiff_t *at)
{
	double lo = v[0], hi = v[0], last = v[0], before = v[0];
	size_t k = 0;
	for (size_t t = 1; t < n; t++) {
		lo = fmin(lo, v[t]);
		hi = fmax(hi, v[t]);
	}
	for (size_t t = 1; t + 1 < n; t++) {
		bool peak = v[t] > v[t - 1] && v[t] > v[t + 1], dip = v[t] < v[t - 1] && v[t] < v[t + 1];
		if (!peak && !dip)
			continue;
		bool far = fabs(v[t] - before) >= 0.1 * (hi - lo), same = k > 0 && (at[k - 1] > 0) == peak;
		before = v[t];
		if (same ? !(peak ? v[t] > (far ? 1 : 1.05) * last : v[t] < last)
			 : !far && !(fabs(v[t] - last) >= 0.1 * (hi - lo)))
			continue;
		k -= same;
		at[k++] = peak ? (ptrdiff_t)t : -(ptrdiff_t)t;
		last = v[t];
	}
	return k;
}

/* Slopes of the straight lines from the beginning to the first turning point, on to the next, and from the last to the end.
 * As in openSMILE, falling ones are positive but the last, which the deviation leaves out, but counts; and of a contour
 * without turning points the slope is by frames. */
static struct slopes slopes_of(const double *v, size_t n, ptrdiff_t *at)
{
	struct slopes y = {0};
	struct side side[2] = {{0, 0, 0}, {0, 0, 0}};
	size_t k = n > 0 ? turning_points(v, n, at) : 0, from = 0;
	for (size_t i = 0; i < k; i++) {
		bool up = at[i] > 0;
		size_t to = (size_t)(up ? at[i] : -at[i]);
		double s = slope(v, from, to, up);
		struct side *d = &side[!up];
		d->sum += s;
		d->sq += s * s;
		d->n++;
		y.n_peak += up;
		from = to;
	}
	if (k == 0) {
		double d = n > 0 ? (v[n - 1] - v[0]) / (double)n : 0;
		y.mean[d < 0] = d;
		return y;
	}
	double last = slope(v, from, n - 1, true);
	for (int i = 0; i < 2; i++) {
		struct side *d = &side[i];
		bool end = (at[k - 1] < 0) == (i == 0);
		double m = (double)(d->n + end), inside = (double)d->n;
		if (m == 0)
			continue;
		y.mean[i] = (d->sum + (end ? last : 0)) / m;
		double var = (d->sq - 2 * y.mean[i] * d->sum + inside * y.mean[i] * y.mean[i]) / m;
		y.deviation[i] = var > 0 ? sqrt(var) : 0;
	}
	return y;
}

/* ---- one contour -------------------------------------------------------------------------------- */

static int rising(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double percentile(const double *v, size_t n, double p) /* v sorted */
{
	double rank = p * (double)(n - 1);
	size_t i = (size_t)rank;
	return v[i] + (i + 1 < n ? (rank - (double)i) * (v[i + 1] - v[i]) : 0);
}

/* The contour of a row, without zeros where it hangs on the voice, to v; returns its length. */
static size_t contour(const struct ser_smile_ws *ws, const struct row *r, float *masked, double *v)
{
	size_t n = 0, n_voice = ser_smile_func_rows(ws);
	if (r->over == ALL) {
		for (; n < ws->n_short; n++)
			v[n] = ser_smile_mean3(ws, (size_t)r->column, n, ws->n_short);
		return n;
	}
	for (size_t t = 0; t < ws->n_long; t++) {
		const float *raw = ws->frame[t].raw;
		masked[t] = r->over == EITHER || (raw[F0] > 0) == (r->over == VOICED) ? raw[r->column] : 0;
	}
	for (size_t t = 0; t < n_voice; t++) {
		v[n] = ser_smile_mean3_voice(masked, 1, t, (r->column <= F0 ? ws->n_long : n_voice) - 1);
		n += v[n] != 0;
	}
	return n;
}

static float *statistics(const struct row *r, double *v, size_t n, ptrdiff_t *at, struct slopes *s, float *f)
{
	double m = 0, var = 0;
	size_t k = r->stats == MEAN ? 1 : r->stats == MEAN_CV ? 2 : 10;
	*s = (struct slopes){0};
	memset(f, 0, k * sizeof *f);
	if (n == 0)
		return f + k;
	for (size_t i = 0; i < n; i++)
		m += v[i];
	m /= (double)n;
	for (size_t i = 0; i < n; i++)
		var += (v[i] - m) * (v[i] - m);
	f[0] = (float)m;
	if (k > 1)
		f[1] = m != 0 ? (float)(sqrt(var / (double)n) / m) : 0;
	if (r->stats != FULL)
		return f + k;
	*s = slopes_of(v, n, at);
	qsort(v, n, sizeof *v, rising);
	for (int q = 0; q < 3; q++)
		f[2 + q] = (float)percentile(v, n, 0.2 + 0.3 * q);
	f[5] = f[4] - f[2];
	for (int i = 0; i < 2; i++) {
		f[6 + 2 * i] = (float)s->mean[i];
		f[7 + 2 * i] = (float)s->deviation[i];
	}
	return f + k;
}

/* ---- the voice in time -------------------------------------------------------------------------- */

/* Runs of frames with a voice, or without; those of less than three frames don't count, nor do breaks of one frame between them. A run of n
 * frames is n - 1 long. */
static void segments(const struct ser_smile_ws *ws, bool voiced, double *n, double *mean, double *deviation)
{
	double sum = 0, sq = 0;
	size_t rows = ser_smile_func_rows(ws), from = 0, to = 0;
	bool open = false;
	*n = *mean = *deviation = 0;
	for (size_t t = 0; t <= rows + 1; t++) {
		bool in = t < rows && (ws->frame[t].raw[F0] > 0) == voiced;
		if (in) {
			from = open ? from : t;
			to = t;
			open = true;
		}
		if (in || !open || t - to < 2)
			continue;
		open = false;
		if (to - from < 2)
			continue;
		double s = (double)(to - from) * SHIFT_S;
		sum += s;
		sq += s * s;
		*n += 1;
	}
	if (*n > 0) {
		*mean = sum / *n;
		*deviation = sqrt(fmax(0, sq / *n - *mean * *mean));
	}
}

void ser_smile_func(struct ser_smile_ws *ws, float *f)
{
	struct slopes s;
	size_t n_peak = 0;
	double *v = ser_malloc(ws->n_short, sizeof *v), n, mean, deviation, sq = 0;
	float *masked = ser_malloc(ws->n_long, sizeof *masked);
	ptrdiff_t *at = ser_malloc(ws->n_short, sizeof *at);
	for (size_t i = 0; i < N_ROW; i++) {
		f = statistics(&ROWS[i], v, contour(ws, &ROWS[i], masked, v), at, &s, f);
		n_peak = ROWS[i].column == LOUDNESS ? s.n_peak : n_peak;
	}
	*f++ = (float)((double)n_peak / ((double)ws->n_short * SHIFT_S));
	segments(ws, true, &n, &mean, &deviation);
	*f++ = (float)(n / ((double)ser_smile_func_rows(ws) * SHIFT_S));
	*f++ = (float)mean;
	*f++ = (float)deviation;
	segments(ws, false, &n, &mean, &deviation);
	*f++ = (float)mean;
	*f++ = (float)deviation;
	for (size_t i = 0; i < ws->n; i++)
		sq += ws->x[i] * ws->x[i];
	*f = (float)(10 * log10(sq / (double)ws->n + 1e-30));
	free(v);
	free(masked);
	free(at);
}
