/* SPDX-License-Identifier: MIT */
#include "dsp/lld.h"

#include <math.h>

static const double TINY = 1e-10; /* beside powers under logarithms */

/* Bark: E. Zwicker and E. Terhardt, "Analytical expressions for critical-band rate ...", JASA 68 (1980) 1523-1525. Weight of high
 * bands: E. Zwicker and H. Fastl, Psychoacoustics (1999), 9.2. */
double ser_sharpness_weight(double hz)
{
	double khz = hz / 1000, z = 13 * atan(0.76 * khz) + 3.5 * atan((khz / 7.5) * (khz / 7.5));
	double g = 0.066 * exp(0.171 * z);
	return z * (g > 1 ? g : 1);
}

void ser_moments_do(const float *pw, size_t n_bin, double bin_hz, const double *weight, struct ser_moments *m)
{
	static const double share[4] = {0.25, 0.5, 0.75, 0.9};
	double total = 0, first = 0, log_sum = 0, sharp = 0, vary = 0, mag = 0, last = 0;
	*m = (struct ser_moments){0};
	for (size_t k = 0; k < n_bin; k++) {
		double v = pw[k], f = (double)k * bin_hz, a = sqrt(v);
		total += v;
		first += v * f;
		log_sum += v > 0 ? v * log2(v) : 0;
		sharp += v * weight[k];
		if (f >= 250 && f <= 650)
			m->low += v;
		if (f >= 1000 && f <= 4000)
			m->high += v;
		vary += k > 0 ? fabs(a - last) : 0;
		mag += a;
		last = a;
	}
	if (total < 1e-12)
		return;
	double mean = first / total, m2 = 0, m3 = 0, m4 = 0, sum = 0, n = (double)n_bin,
	       mean_f = 0.5 * (n - 1) * bin_hz;
	int q = 0;
	for (size_t k = 0; k < n_bin; k++) {
		double f = (double)k * bin_hz, d = f - mean, v = pw[k], dv = d * d * v;
		m2 += dv;
		m3 += dv * d;
		m4 += dv * d * d;
		sum += v;
		for (; q < 4 && sum >= share[q] * total; q++)
			m->rolloff[q] = f;
	}
	m2 /= total, m3 /= total, m4 /= total;
	m->centroid = mean;
	m->variance = m2;
	m->skewness = m2 > 0 ? m3 / (m2 * sqrt(m2)) : 0;
	m->kurtosis = m2 > 0 ? m4 / (m2 * m2) : 0;
	m->entropy = log2(total) - log_sum / total;
	/* sum f v - mean f sum v over sum (f - mean f)^2 = bin^2 n (n^2 - 1) / 12 */
	m->slope = (first - mean_f * total) / (bin_hz * bin_hz * n * (n * n - 1) / 12);
	m->sharpness = 0.11 * sharp / total;
	m->harmonicity = vary / mag;
}

double ser_flux(const float *pw, size_t n_bin, bool first, float *last)
{
	double sum = 0;
	for (size_t k = 0; k < n_bin; k++) {
		float a = sqrtf(pw[k]), d = a - last[k];
		sum += (double)d * d;
		last[k] = a;
	}
	return first ? 0 : sqrt(sum / (double)n_bin);
}

double ser_alpha_ratio(const float *pw, size_t n_bin, double bin_hz)
{
	double low = 0, high = 0;
	for (size_t k = 0; k < n_bin; k++) {
		double f = (double)k * bin_hz;
		if (f >= 50 && f <= 1000)
			low += pw[k];
		else if (f > 1000 && f <= 5000)
			high += pw[k];
	}
	return 10 * log10((high + TINY) / (low + TINY));
}

double ser_hammarberg(const float *pw, size_t n_bin, double bin_hz)
{
	double low = 0, high = 0;
	for (size_t k = 0; k < n_bin; k++) {
		double f = (double)k * bin_hz;
		if (f < 2000)
			low = fmax(low, pw[k]);
		else if (f <= 5000)
			high = fmax(high, pw[k]);
	}
	return 10 * log10((low + TINY) / (high + TINY));
}

double ser_slope_db(const float *pw, size_t n_bin, double bin_hz, double lo, double hi)
{
	double n = 0, fx = 0, fy = 0, fxx = 0, fxy = 0;
	for (size_t k = (size_t)ceil(lo / bin_hz); k < n_bin && (double)k * bin_hz <= hi; k++) {
		double f = (double)k * bin_hz, db = 10 * log10(pw[k] + TINY);
		n++, fx += f, fy += db, fxx += f * f, fxy += f * db;
	}
	double d = n * fxx - fx * fx;
	return d > 0 ? (n * fxy - fx * fy) / d : 0;
}
