/* SPDX-License-Identifier: MIT */
#include "dsp/smile_stat.h"
#include "dsp/smile_sets.h"

#include <math.h>
#include <string.h>

static const double SHIFT_S = 0.01; /* at any rate */

void ser_smile_extremes(const double *v, size_t n, bool frames, double *y)
{
	size_t lo = 0, hi = 0;
	for (size_t t = 1; t < n; t++) {
		lo = v[t] < v[lo] ? t : lo;
		hi = v[t] > v[hi] ? t : hi;
	}
	y[RANGE] = v[hi] - v[lo];
	y[MAX] = v[hi];
	y[MIN] = v[lo];
	y[MAX_POS] = (double)hi / (frames ? 1 : (double)n);
	y[MIN_POS] = (double)lo / (frames ? 1 : (double)n);
}

void ser_smile_means(const double *v, size_t n, double *y)
{
	double sum = 0, sq = 0, size = 0, ln = 0, positive = 0, n_positive = 0, n_not_zero = 0;
	for (size_t t = 0; t < n; t++) {
		sum += v[t];
		sq += v[t] * v[t];
		size += fabs(v[t]);
		if (v[t] != 0) {
			ln += log(fabs(v[t]));
			n_not_zero++;
		}
		if (v[t] > 0) {
			positive += v[t];
			n_positive++;
		}
	}
	y[MEAN] = sum / (double)n;
	y[SQUARE_MEAN] = sq / (double)n;
	y[QUADRATIC_MEAN] = sqrt(sq / (double)n);
	y[FLATNESS] = size > 0 ? exp(ln / n_not_zero) / (size / (double)n) : 1;
	y[POSITIVE_MEAN] = n_positive > 0 ? positive / n_positive : 0;
}

void ser_smile_moments(const double *v, size_t n, double *y)
{
	double m2 = 0, m3 = 0, m4 = 0, mean = 0;
	for (size_t t = 0; t < n; t++)
		mean += v[t];
	mean /= (double)n;
	for (size_t t = 0; t < n; t++) {
		double d = v[t] - mean, dd = d * d;
		m2 += dd;
		m3 += dd * d;
		m4 += dd * dd;
	}
	m2 /= (double)n;
	y[STDDEV] = sqrt(m2);
	y[SKEWNESS] = m2 > 0 ? m3 / (double)n / (m2 * sqrt(m2)) : 0;
	y[KURTOSIS] = m2 > 0 ? m4 / (double)n / (m2 * m2) : 0;
}

void ser_smile_order(const double *v, size_t n, double *sorted, double *y)
{
	memcpy(sorted, v, n * sizeof *v);
	ser_sort_rising(sorted, n);
	for (int q = 0; q < 3; q++)
		y[QUARTILE1 + q] = ser_percentile(sorted, n, 0.25 * (q + 1));
	y[IQR12] = y[QUARTILE2] - y[QUARTILE1];
	y[IQR23] = y[QUARTILE3] - y[QUARTILE2];
	y[IQR13] = y[QUARTILE3] - y[QUARTILE1];
	y[PERCENTILE1] = ser_percentile(sorted, n, 0.01);
	y[PERCENTILE99] = ser_percentile(sorted, n, 0.99);
	y[PERCENTILE_RANGE] = y[PERCENTILE99] - y[PERCENTILE1];
}

/* Shares of time above some of the range, rising, and curved to the left. */
void ser_smile_times(const double *v, size_t n, double *y)
{
	static const double level[] = {0.25, 0.5, 0.75, 0.9};
	size_t up[4] = {0}, rise = 0, fall = 0, left = 0, right = 0;
	for (size_t t = 0; t < n; t++) {
		for (int i = 0; i < 4; i++)
			up[i] += v[t] > y[MIN] + level[i] * y[RANGE];
		rise += t > 0 && v[t] > v[t - 1];
		fall += t > 0 && v[t] < v[t - 1];
		left += t > 1 && v[t] - v[t - 1] > v[t - 1] - v[t - 2];
		right += t > 1 && v[t] - v[t - 1] < v[t - 1] - v[t - 2];
	}
	for (int i = 0; i < 4; i++)
		y[UP25 + i] = (double)up[i] / (double)n;
	y[RISE] = n > 1 ? (double)rise / (double)(n - 1) : 0;
	y[FALL] = n > 1 ? (double)fall / (double)(n - 1) : 0;
	y[DOWN25] = 1 - y[UP25];
	y[RIGHT_CURVE] = n > 2 ? (double)right / (double)(n - 2) : 0;
	y[LEFT_CURVE] = n > 2 ? (double)left / (double)(n - 2) : 0;
}

/* Segments end where the mean of three values crosses a quarter or three quarters of the range, but last three frames or a hundredth
 * of the contour; what comes after the last crossing is none. */
void ser_smile_segments(const double *v, size_t n, double *y)
{
	size_t least = n / 100 > 3 ? n / 100 : 3, count = 0;
	ptrdiff_t begin = -1 - (ptrdiff_t)(least - 3) / 2;
	double lo = y[MIN], sum = 0, sq = 0, shortest = 0, longest = 0;
	int was = 0;
	for (size_t t = 0; t < n; t++) {
		double mean = t == 0 ? v[0] : t == 1 ? (v[0] + v[1]) / 2 : (v[t - 2] + v[t - 1] + v[t]) / 3;
		int level = (mean > lo + 0.25 * y[RANGE]) + (mean > lo + 0.75 * y[RANGE]);
		bool cross = t > 0 && level != was;
		was = level;
		if (!cross || (ptrdiff_t)t - begin < (ptrdiff_t)least)
			continue;
		double s = (double)((ptrdiff_t)t - begin) * SHIFT_S;
		begin = (ptrdiff_t)t;
		sum += s;
		sq += s * s;
		shortest = count == 0 ? s : fmin(shortest, s);
		longest = fmax(longest, s);
		count++;
	}
	if (count == 0)
		return;
	y[SEG_MEAN] = sum / (double)count;
	y[SEG_MAX] = longest;
	y[SEG_MIN] = shortest;
	y[SEG_STDDEV] = sqrt(fmax(0, sq / (double)count - y[SEG_MEAN] * y[SEG_MEAN]));
}

/* Linear prediction of order 5 from the autocorrelation, whose sums are in single precision as openSMILE's. */
void ser_smile_prediction(const double *v, size_t n, double *y)
{
	enum { ORDER = 5 };
	double r[ORDER + 1], a[ORDER + 1], error;
	for (size_t m = 0; m <= ORDER; m++) {
		float sum = 0;
		for (size_t t = m; t < n; t++)
			sum += (float)v[t] * (float)v[t - m];
		r[m] = sum;
	}
	if (!(r[0] > 0) || !ser_lpc_levinson(r, ORDER, a))
		return;
	error = r[0];
	for (int i = 1; i <= ORDER; i++) {
		error += a[i] * r[i];
		y[LPC0 + i - 1] = a[i];
	}
	y[LP_GAIN] = fmax(0, error) / (double)n;
}

/* A ratio beyond 10 is brought softly to at most 20. */
static double soft(double x)
{
	double over = fabs(x) - 10;
	return over > 0 ? copysign(10 + 10 * (1 - exp(-0.1 * over / pow(1 + 0.35 * over, 0.36))), x) : x;
}

void ser_smile_peak_stats(const double *v, size_t n, bool plain, ptrdiff_t *at, double *y)
{
	struct ser_smile_peaks p = ser_smile_peaks_of(v, n, at);
	double range = y[RANGE];
	y[PEAK_DIST] = p.dist[0];
	y[PEAK_DIST_STDDEV] = p.dist[1];
	y[PEAK_RANGE] = p.peak_hi - p.peak_lo;
	y[PEAK_RANGE_REL] = range > 0 ? y[PEAK_RANGE] / range : 0;
	y[DIP_RANGE_REL] = range > 0 ? (p.dip_hi - p.dip_lo) / range : 0;
	/* without a peak its mean counts as 0, and where the contour's mean is 0, too, their ratio is as large as one may be */
	double peak = p.n_peak > 0 ? p.peak_mean : 0;
	y[PEAK_MEAN] = peak;
	y[PEAK_MEAN_DIST] = peak - y[MEAN];
	if (plain)
		y[PEAK_MEAN_REL] = y[MEAN] != 0 ? peak / y[MEAN] : 0;
	else
		y[PEAK_MEAN_REL] = y[MEAN] != 0 ? soft(peak / y[MEAN]) : 20;
	y[RISE_MEAN] = p.rise[0];
	y[RISE_STDDEV] = p.rise[1];
	y[FALL_MEAN] = p.fall[0];
	y[FALL_STDDEV] = p.fall[1];
}

/* As in openSMILE a peak is worth the value after it. It counts when that is above the value after the last minimum, or above 0 where
 * there was none yet, by more than 0.11 of the range; until the contour was below the last peak by more than 0.09 of the range, a higher
 * one takes its place. Of less than two peaks the distance is that of the ends. */
void ser_smile_early_peaks(const double *v, size_t n, ptrdiff_t *at, double *y)
{
	double least = 0, last = 0, height = 0, sq = 0, range = y[RANGE];
	size_t k = 0;
	bool open = true; /* for another peak */
	for (size_t t = 1; t + 1 < n; t++) {
		double next = v[t + 1];
		open |= v[t] < last - 0.09 * range;
		if (v[t] > v[t - 1] && v[t] > next && (open ? next - least > 0.11 * range : next > last)) {
			k += open;
			at[k - 1] = (ptrdiff_t)t;
			last = next;
			open = false;
		} else if (v[t] < v[t - 1] && v[t] < next) {
			least = next;
		}
	}
	double dist = k < 2 ? (double)n + 1 : (double)(at[k - 1] - at[0]) / (double)(k - 1);
	for (size_t i = 0; i < k; i++) {
		double d = i > 0 ? (double)(at[i] - at[i - 1]) - dist : 0;
		height += v[at[i] + 1];
		sq += d * d;
	}
	height = k > 0 ? height / (double)k : 0;
	y[PEAK_DIST] = dist * SHIFT_S;
	y[PEAK_DIST_STDDEV] = k > 1 ? sqrt(sq / (double)(k - 1)) * SHIFT_S : 0;
	y[PEAK_MEAN_PLAIN] = height;
	y[PEAK_MEAN_DIST] = height - y[MEAN];
}

/* A value of a regression's curve: as it is, or brought to 0 ... 1. */
static double brought(const double *y, bool plain, double v)
{
	return plain ? v : y[RANGE] > 0 ? (v - y[MIN]) / y[RANGE] : 0;
}

/* Lines and parabolas through the contour; the centroid of its values, or of their size, over its length. */
void ser_smile_regression(const double *v, size_t n, struct ser_smile_scale scale, double *y)
{
	const bool plain = scale.plain;
	double half = 0.5 * (double)(n - 1), s2 = 0, s4 = 0, w0 = 0, w1 = 0, w2 = 0, size = 0, moment = 0;
	for (size_t t = 0; t < n; t++) {
		double u = (double)t - half, w = brought(y, plain, v[t]), m = plain ? v[t] : fabs(v[t]);
		s2 += u * u;
		s4 += u * u * u * u;
		w0 += w;
		w1 += w * u;
		w2 += w * u * u;
		size += m;
		moment += m * (double)t;
	}
	double m = (double)n, mean = w0 / m, slope = s2 > 0 ? w1 / s2 : 0, d = m * s4 - s2 * s2,
	       bend = n > 2 ? (m * w2 - s2 * w0) / d : 0, base = (w0 - bend * s2) / m, line = 0, curve = 0, far = 0;
	/* no parabola goes through two values: openSMILE takes 0 for it */
	double none = n == 2 ? brought(y, plain, 0) : 0;
	for (size_t t = 0; t < n; t++) {
		double u = (double)t - half, w = brought(y, plain, v[t]), a = w - mean - slope * u,
		       b = n == 2 ? w - none : w - base - slope * u - bend * u * u;
		line += a * a;
		far += fabs(a);
		curve += b * b;
	}
	y[LINEAR1] = slope / scale.step;
	y[LINEAR2] = mean - slope * half;
	y[LINEAR_ERROR] = line / m;
	y[LINEAR_ERROR_ABS] = far / m;
	y[QUADRATIC1] = bend / (scale.step * scale.step);
	y[QUADRATIC2] = n == 2 ? 0 : (slope - 2 * bend * half) / scale.step;
	y[QUADRATIC3] = n == 2 ? none : base - slope * half + bend * half * half;
	y[QUADRATIC_ERROR] = curve / m;
	y[CENTROID] = size != 0 ? moment / size / m : 0;
}
