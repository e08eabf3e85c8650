/* SPDX-License-Identifier: MIT */
/* The set lld: dsp.h says what its columns are. */
#include "dsp/lld.h"

#include <math.h>
#include <string.h>

static const char *const NAMES[SER_LLD_N] = {"f0_hz",    "voicing",      "hnr_db",       "energy_db",    "zcr_hz",
					     "low_db",   "high_db",      "centroid_hz",  "spread_hz",    "skewness",
					     "kurtosis", "rolloff25_hz", "rolloff50_hz", "rolloff75_hz", "rolloff90_hz",
					     "flux",     "entropy",      "flatness",     "slope"};

static bool sparse(size_t column)
{
	return column == 0 || column == 2;
}

static void samples(const float *x, size_t n, double rate_hz, float *y)
{
	double sum = 0, sq = 0;
	size_t cross = 0;
	for (size_t i = 0; i < n; i++) {
		sum += x[i];
		sq += (double)x[i] * x[i];
	}
	double mean = sum / (double)n;
	for (size_t i = 1; i < n; i++)
		cross += (x[i] - mean >= 0) != (x[i - 1] - mean >= 0);
	y[3] = (float)(10 * log10(sq / (double)n + 1e-10));
	y[4] = (float)((double)cross * rate_hz / (double)n);
}

static void frame(const struct ser_lld *p, struct ser_lld_ws *ws, const struct ser_lld_frame *in, float *y)
{
	size_t n_bin = p->n_bin;
	const float *pw = in->pw;
	double bin_hz = p->bin_hz, *shape = ws->shape;
	bool first = in->t == 0;
	y[0] = in->voice->f0;
	y[1] = in->voice->strength;
	y[2] = in->voice->f0 > 0 ? ser_hnr_db(in->voice->strength) : 0;
	samples(in->x, p->win, p->rate_hz, y);
	double total = 0, low = 0, high = 0, mean_f = 0, log_sum = 0, fx = 0, fy = 0, fxx = 0, fxy = 0;
	for (size_t k = 0; k < n_bin; k++) {
		double f = (double)k * bin_hz, v = pw[k], db, khz = f / 1000;
		total += v;
		mean_f += f * v;
		if (f >= 250 && f <= 650)
			low += v;
		if (f >= 1000 && f <= 4000)
			high += v;
		db = 10 * log10(v + 1e-10);
		log_sum += db;
		fx += khz, fy += db, fxx += khz * khz, fxy += khz * db;
	}
	double m = (double)n_bin, *now = shape, *before = shape + n_bin;
	y[5] = (float)(10 * log10(low + 1e-10));
	y[6] = (float)(10 * log10(high + 1e-10));
	memset(y + 7, 0, (SER_LLD_N - 7) * sizeof *y);
	y[17] = (float)(pow(10, log_sum / m / 10) / (total / m + 1e-10));
	y[18] = (float)((m * fxy - fx * fy) / (m * fxx - fx * fx));
	if (total < 1e-12) {
		memset(now, 0, n_bin * sizeof *now);
	} else {
		mean_f /= total;
		double m2 = 0, m3 = 0, m4 = 0, ent = 0, sum = 0;
		static const double share[4] = {0.25, 0.5, 0.75, 0.9};
		int q = 0;
		for (size_t k = 0; k < n_bin; k++) {
			double f = (double)k * bin_hz, v = pw[k] / total, d = f - mean_f;
			m2 += d * d * v;
			m3 += d * d * d * v;
			m4 += d * d * d * d * v;
			ent -= v > 0 ? v * log(v) : 0;
			sum += pw[k];
			for (; q < 4 && sum >= share[q] * total; q++)
				y[11 + q] = (float)f;
			now[k] = sqrt(v);
		}
		y[7] = (float)mean_f;
		y[8] = (float)sqrt(m2);
		y[9] = m2 > 0 ? (float)(m3 / (m2 * sqrt(m2))) : 0;
		y[10] = m2 > 0 ? (float)(m4 / (m2 * m2)) : 0;
		y[16] = (float)(ent / log(m));
	}
	double flux = 0;
	for (size_t k = 0; !first && k < n_bin; k++)
		flux += (now[k] - before[k]) * (now[k] - before[k]);
	y[15] = (float)sqrt(flux);
	memcpy(before, now, n_bin * sizeof *now);
}

const struct ser_lld_set ser_lld_basic = {SER_LLD_N, NAMES, false, false, sparse, frame, NULL};
