/* SPDX-License-Identifier: MIT */
#include "dsp/smile_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double SHIFT_S = 0.01; /* at any rate */

/* ---- one contour -------------------------------------------------------------------------------- */

/* Amplitudes of formants are smoothed as the voice is, but everywhere. */
static bool everywhere(int column)
{
	return column >= EGEMAPS_FORMANT && (column - EGEMAPS_FORMANT) % EGEMAPS_PER_FORMANT == 2;
}

/* The contour of a row, without zeros where it hangs on the voice, to v; returns its length. */
static size_t contour(const struct ser_smile_ws *ws, const struct ser_egemaps_row *r, float *masked, double *v)
{
	size_t n = 0, n_voice = ser_smile_func_rows(ws);
	if (r->over == EGEMAPS_ALL) {
		for (; n < ws->n_short; n++)
			v[n] = ser_smile_mean3(ws, (size_t)r->column, n, ws->n_short);
		return n;
	}
	for (size_t t = 0; t < ws->n_long; t++) {
		const float *raw = ser_smile_raw(ws, t);
		bool in = everywhere(r->column) || (raw[EGEMAPS_F0] > 0) == (r->over == EGEMAPS_VOICED);
		masked[t] = in ? raw[r->column] : 0;
	}
	for (size_t t = 0; t < n_voice; t++) {
		v[n] = ser_smile_mean3_voice(masked, 1, t, (r->column <= EGEMAPS_F0 ? ws->n_long : n_voice) - 1);
		n += v[n] != 0;
	}
	return n;
}

static float *statistics(const struct ser_egemaps_row *r, double *v, size_t n, ptrdiff_t *at, size_t *n_peak, float *f)
{
	double m = 0, var = 0;
	size_t k = r->stats == EGEMAPS_MEAN ? 1 : r->stats == EGEMAPS_MEAN_CV ? 2 : 10;
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
	if (r->stats != EGEMAPS_FULL)
		return f + k;
	struct ser_smile_peaks s = ser_smile_peaks_of(v, n, at);
	*n_peak = s.n_peak;
	ser_sort_rising(v, n);
	for (int q = 0; q < 3; q++)
		f[2 + q] = (float)ser_percentile(v, n, 0.2 + 0.3 * q);
	f[5] = f[4] - f[2];
	for (int i = 0; i < 2; i++) {
		f[6 + i] = (float)s.rise[i];
		f[8 + i] = (float)s.fall[i];
	}
	return f + k;
}

/* ---- the voice in time -------------------------------------------------------------------------- */

struct ser_smile_runs ser_smile_runs_of(const float *f0, size_t stride, size_t n, bool voiced)
{
	struct ser_smile_runs y = {0};
	double sum = 0, sq = 0;
	size_t from = 0, to = 0;
	bool open = false;
	for (size_t t = 0; t <= n + 1; t++) {
		bool in = t < n && (f0[t * stride] != 0) == voiced;
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
		y.least = y.n == 0 ? s : fmin(y.least, s);
		y.most = fmax(y.most, s);
		y.n++;
	}
	if (y.n > 0) {
		y.mean = sum / y.n;
		y.deviation = sqrt(fmax(0, sq / y.n - y.mean * y.mean));
	}
	return y;
}

void ser_smile_egemaps_func(struct ser_smile_ws *ws, float *f)
{
	size_t n_peak = 0, peaks = 0, rows = ser_smile_func_rows(ws);
	double *v = ser_malloc(ws->n_short, sizeof *v);
	float *masked = ser_malloc(ws->n_long, sizeof *masked);
	ptrdiff_t *at = ser_malloc(ws->n_short, sizeof *at);
	for (size_t i = 0; i < SER_EGEMAPS_ROW_N; i++) {
		const struct ser_egemaps_row *r = &ser_egemaps_rows[i];
		f = statistics(r, v, contour(ws, r, masked, v), at, &peaks, f);
		n_peak = r->column == EGEMAPS_LOUDNESS ? peaks : n_peak;
	}
	*f++ = (float)((double)n_peak / ((double)ws->n_short * SHIFT_S));
	/* runs are of what the path is sure of before the sound ends */
	rows = ws->sure;
	struct ser_smile_runs with = ser_smile_runs_of(ws->raw + EGEMAPS_F0, ws->n_column, rows, true),
			      without = ser_smile_runs_of(ws->raw + EGEMAPS_F0, ws->n_column, rows, false);
	*f++ = rows > 0 ? (float)(with.n / ((double)rows * SHIFT_S)) : 0;
	*f++ = (float)with.mean;
	*f++ = (float)with.deviation;
	*f++ = (float)without.mean;
	*f++ = (float)without.deviation;
	*f = (float)(10 * log10(fmax(ws->power / (double)ws->n_short, 1e-12)));
	free(v);
	free(masked);
	free(at);
}
