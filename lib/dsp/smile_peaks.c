/* SPDX-License-Identifier: MIT */
#include "dsp/smile_sets.h"

#include <math.h>

static const double SHIFT_S = 0.01; /* at any rate */

struct side {
	double sum, sq;
	size_t n;
};

static double slope(const double *v, size_t from, size_t to, bool up)
{
	double d = (v[to] - v[from]) / ((double)(to - from) * SHIFT_S);
	return up ? d : -d;
}

/* The turning points of v [n], to at [n], negative for minima (which are never at 0): extrema that differ by more than a tenth of the
 * range from the extremum before (far), or by as much from the last opposite turning point (clear). The first minimum must be below v[0]
 * by as much. Of two of a kind in a row the lower minimum stays and the higher maximum; but a maximum that is only clear must be higher by
 * 5 %, and then takes the place of the maximum before also where a minimum lies between. What is clear goes by high and low, the last of
 * their kind that were far or turning points, but for a minimum that is only clear and takes another's place. An extremum that is beyond
 * the last turning point and not taken is passed over. The first two values and the last two are none. Told from positions that the
 * program gives for contours of integers: of 2,940 it has others in 16. */
static size_t turning_points(const double *v, size_t n, ptrdiff_t *at)
{
	double lo = v[0], hi = v[0], before = v[0], low = v[0], high = v[0];
	size_t k = 0;
	for (size_t t = 1; t < n; t++) {
		lo = fmin(lo, v[t]);
		hi = fmax(hi, v[t]);
	}
	const double least = 0.1 * (hi - lo);
	for (size_t t = 2; t + 2 < n; t++) {
		bool peak = v[t] > v[t - 1] && v[t] > v[t + 1], dip = v[t] < v[t - 1] && v[t] < v[t + 1];
		if (!peak && !dip)
			continue;
		const ptrdiff_t here = peak ? (ptrdiff_t)t : -(ptrdiff_t)t;
		const bool far = fabs(v[t] - before) > least, clear = (peak ? v[t] - low : high - v[t]) > least,
			   first = k == 0 && dip, same = k > 0 && (at[k - 1] > 0) == peak;
		const double more = far ? 1 : 1.05, last = k > 0 ? v[at[k - 1] > 0 ? at[k - 1] : -at[k - 1]] : 0;
		bool taken = first ? v[0] - v[t] > least : far || clear, keep = far,
		     beyond = peak ? v[t] > last : v[t] < last;
		if (same) {
			taken = taken && (peak ? v[t] > more * last : beyond);
			keep |= taken && peak;
			k -= taken;
		} else if (taken) {
			keep = true;
			k -= peak && !far && k > 1 && v[t] > more * v[at[k - 2]] ? 2 : 0;
		}
		if (taken)
			at[k++] = here;
		if (taken || !same || !beyond)
			before = v[t];
		if (keep)
			*(peak ? &high : &low) = v[t];
	}
	return k;
}

/* Slopes of the straight lines from the beginning to the first turning point, on to the next, and from the last to the end.
 * As in openSMILE, falling ones are positive but the last, which the deviation leaves out, but counts; and of a contour
 * without turning points the slope is by frames. */
static void slopes(const double *v, size_t n, const ptrdiff_t *at, size_t k, struct ser_smile_peaks *y)
{
	struct side side[2] = {{0, 0, 0}, {0, 0, 0}}; /* up, down */
	double *to_side[2] = {y->rise, y->fall};
	size_t from = 0;
	for (size_t i = 0; i < k; i++) {
		bool up = at[i] > 0;
		size_t to = (size_t)(up ? at[i] : -at[i]);
		double s = slope(v, from, to, up);
		struct side *d = &side[!up];
		d->sum += s;
		d->sq += s * s;
		d->n++;
		from = to;
	}
	if (k == 0) {
		double d = n > 0 ? (v[n - 1] - v[0]) / (double)n : 0;
		to_side[d < 0][0] = d;
		return;
	}
	double last = slope(v, from, n - 1, true);
	for (int i = 0; i < 2; i++) {
		struct side *d = &side[i];
		bool end = (at[k - 1] < 0) == (i == 0);
		double m = (double)(d->n + end), inside = (double)d->n;
		if (m == 0)
			continue;
		double mean = (d->sum + (end ? last : 0)) / m,
		       var = (d->sq - 2 * mean * d->sum + inside * mean * mean) / m;
		to_side[i][0] = mean;
		to_side[i][1] = var > 0 ? sqrt(var) : 0;
	}
}

/* The deviation is, as in openSMILE, that of the ways from a minimum up to the peak after it from the mean between peaks. */
static void distances(const ptrdiff_t *at, size_t k, struct ser_smile_peaks *y)
{
	ptrdiff_t first = -1, last = -1;
	double sq = 0, n = (double)y->n_peak - 1;
	for (size_t i = 0; i < k; i++) {
		if (at[i] < 0)
			continue;
		first = first < 0 ? at[i] : first;
		last = at[i];
	}
	if (y->n_peak < 2)
		return;
	y->dist[0] = (double)(last - first) * SHIFT_S / n;
	for (size_t i = 1; i < k; i++) {
		double d = (double)(at[i] + at[i - 1]) * SHIFT_S - y->dist[0];
		sq += at[i] > first ? d * d : 0;
	}
	y->dist[1] = sqrt(sq / n);
}

struct ser_smile_peaks ser_smile_peaks_of(const double *v, size_t n, ptrdiff_t *at)
{
	struct ser_smile_peaks y = {0};
	size_t k = n > 0 ? turning_points(v, n, at) : 0;
	for (size_t i = 0; i < k; i++) {
		bool peak = at[i] > 0;
		double s = v[peak ? at[i] : -at[i]], *lo = peak ? &y.peak_lo : &y.dip_lo,
		       *hi = peak ? &y.peak_hi : &y.dip_hi;
		size_t *count = peak ? &y.n_peak : &y.n_dip;
		*lo = *count == 0 ? s : fmin(*lo, s);
		*hi = *count == 0 ? s : fmax(*hi, s);
		y.peak_mean += peak ? s : 0;
		*count += 1;
	}
	y.peak_mean = y.n_peak > 0 ? y.peak_mean / (double)y.n_peak : 0;
	slopes(v, n, at, k, &y);
	distances(at, k, &y);
	return y;
}
