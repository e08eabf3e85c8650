/* SPDX-License-Identifier: MIT */
/* The 6373 functionals of ComParE 2013 to 2016: B. Schuller et al., "The INTERSPEECH 2013 computational paralinguistics challenge"
 * (2013). One table of groups says names, order and values. */
#include "dsp/smile_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double SHIFT_S = (double)SMILE_HOP / SMILE_RATE;

/* ---- what there is -------------------------------------------------------------------------------- */

enum stat {
	RANGE,
	MAX_POS,
	MIN_POS,
	QUARTILE1,
	QUARTILE2,
	QUARTILE3,
	IQR12,
	IQR23,
	IQR13,
	PERCENTILE1,
	PERCENTILE99,
	PERCENTILE_RANGE,
	STDDEV,
	SKEWNESS,
	KURTOSIS,
	SEG_MEAN,
	SEG_MAX,
	SEG_MIN,
	SEG_STDDEV,
	UP25,
	UP50,
	UP75,
	UP90,
	RISE,
	LEFT_CURVE,
	LP_GAIN,
	LPC0,
	LPC1,
	LPC2,
	LPC3,
	LPC4,
	MEAN,
	FLATNESS,
	POSITIVE_MEAN,
	QUADRATIC_MEAN,
	PEAK_DIST,
	PEAK_DIST_STDDEV,
	PEAK_RANGE,
	PEAK_RANGE_REL,
	PEAK_MEAN,
	PEAK_MEAN_DIST,
	PEAK_MEAN_REL,
	DIP_RANGE_REL,
	RISE_MEAN,
	RISE_STDDEV,
	FALL_MEAN,
	FALL_STDDEV,
	LINEAR1,
	LINEAR2,
	LINEAR_ERROR,
	QUADRATIC1,
	QUADRATIC2,
	QUADRATIC3,
	QUADRATIC_ERROR,
	CENTROID,
	F0_SHARE,
	F0_SEG_MEAN,
	F0_SEG_MAX,
	F0_SEG_MIN,
	F0_SEG_STDDEV,
	N_STAT
};
static const char *const STAT_NAMES[N_STAT] = {
	"range",
	"maxPos",
	"minPos",
	"quartile1",
	"quartile2",
	"quartile3",
	"iqr1-2",
	"iqr2-3",
	"iqr1-3",
	"percentile1.0",
	"percentile99.0",
	"pctlrange0-1",
	"stddev",
	"skewness",
	"kurtosis",
	"meanSegLen",
	"maxSegLen",
	"minSegLen",
	"segLenStddev",
	"upleveltime25",
	"upleveltime50",
	"upleveltime75",
	"upleveltime90",
	"risetime",
	"leftctime",
	"lpgain",
	"lpc0",
	"lpc1",
	"lpc2",
	"lpc3",
	"lpc4",
	"amean",
	"flatness",
	"posamean",
	"rqmean",
	"meanPeakDist",
	"peakDistStddev",
	"peakRangeAbs",
	"peakRangeRel",
	"peakMeanAbs",
	"peakMeanMeanDist",
	"peakMeanRel",
	"minRangeRel",
	"meanRisingSlope",
	"stddevRisingSlope",
	"meanFallingSlope",
	"stddevFallingSlope",
	"linregc1",
	"linregc2",
	"linregerrQ",
	"qregc1",
	"qregc2",
	"qregc3",
	"qregerrQ",
	"centroid",
	"ff0_nnz",
	"ff0_meanSegLen",
	"ff0_maxSegLen",
	"ff0_minSegLen",
	"ff0_segLenStddev",
};

static const unsigned char SHAPE[] = {RANGE,      MAX_POS,  MIN_POS,  QUARTILE1,   QUARTILE2,    QUARTILE3,
				      IQR12,      IQR23,    IQR13,    PERCENTILE1, PERCENTILE99, PERCENTILE_RANGE,
				      STDDEV,     SKEWNESS, KURTOSIS, SEG_MEAN,    SEG_MAX,      SEG_MIN,
				      SEG_STDDEV, UP25,     UP50,     UP75,        UP90,         RISE,
				      LEFT_CURVE, LP_GAIN,  LPC0,     LPC1,        LPC2,         LPC3,
				      LPC4};
static const unsigned char COURSE[] = {MEAN,          FLATNESS,        QUADRATIC_MEAN, PEAK_DIST,      PEAK_DIST_STDDEV,
				       PEAK_RANGE,    PEAK_RANGE_REL,  PEAK_MEAN,      PEAK_MEAN_DIST, PEAK_MEAN_REL,
				       DIP_RANGE_REL, RISE_MEAN,       RISE_STDDEV,    FALL_MEAN,      FALL_STDDEV,
				       LINEAR1,       LINEAR2,         LINEAR_ERROR,   QUADRATIC1,     QUADRATIC2,
				       QUADRATIC3,    QUADRATIC_ERROR, CENTROID};
static const unsigned char CHANGE[] = {FLATNESS,      POSITIVE_MEAN,  QUADRATIC_MEAN, PEAK_DIST,      PEAK_DIST_STDDEV,
				       PEAK_RANGE,    PEAK_RANGE_REL, PEAK_MEAN,      PEAK_MEAN_DIST, PEAK_MEAN_REL,
				       DIP_RANGE_REL, RISE_MEAN,      RISE_STDDEV,    FALL_MEAN,      FALL_STDDEV};
static const unsigned char VOICE[] = {MEAN,          FLATNESS,
				      POSITIVE_MEAN, QUADRATIC_MEAN,
				      RANGE,         MAX_POS,
				      MIN_POS,       LINEAR1,
				      LINEAR2,       LINEAR_ERROR,
				      QUADRATIC1,    QUADRATIC2,
				      QUADRATIC3,    QUADRATIC_ERROR,
				      CENTROID,      QUARTILE1,
				      QUARTILE2,     QUARTILE3,
				      IQR12,         IQR23,
				      IQR13,         PERCENTILE1,
				      PERCENTILE99,  PERCENTILE_RANGE,
				      STDDEV,        SKEWNESS,
				      KURTOSIS,      UP25,
				      UP50,          UP75,
				      UP90,          RISE,
				      LEFT_CURVE,    LP_GAIN,
				      LPC0,          LPC1,
				      LPC2,          LPC3,
				      LPC4};
static const unsigned char PITCH[] = {F0_SHARE, F0_SEG_MEAN, F0_SEG_MAX, F0_SEG_MIN, F0_SEG_STDDEV};

/* Columns from ... to of the descriptors or of their deltas. Rows: openSMILE has its functionals begin as soon as they may and end
 * with what has come by then, so that groups are of as many frames as the slowest of their columns, less 0, 2 or 3. */
enum rows { SHORT_2 /* n_short - 2 */, LONG_2, LONG_0, SURE_2 /* without zeros */, SURE_0 };
static const struct group {
	unsigned char from, to;
	bool delta;
	enum rows rows;
	double step; /* the unit of time of the regressions */
	const unsigned char *stat;
	size_t n_stat;
} GROUPS[] = {
#define GROUP(from, to, delta, rows, step, list)                                                                       \
	{                                                                                                              \
		from, to, delta, rows, step, list, sizeof list                                                         \
	}
	GROUP(COMPARE_LOUD, COMPARE_RASTA, false, LONG_2, 0.01, SHAPE),
	GROUP(COMPARE_LOUD, COMPARE_RASTA, true, LONG_2, 0.01, SHAPE),
	GROUP(COMPARE_RASTA, SER_COMPARE_N, false, SHORT_2, 0.01, SHAPE),
	GROUP(COMPARE_RASTA, SER_COMPARE_N, true, SHORT_2, 0.01, SHAPE),
	GROUP(COMPARE_F0, COMPARE_LOUD, false, SURE_2, 1, VOICE),
	GROUP(COMPARE_F0, COMPARE_LOUD, true, SURE_2, 1, VOICE),
	GROUP(COMPARE_F0, COMPARE_VOICING, false, SURE_0, 1, PITCH),
	GROUP(COMPARE_LOUD, SER_COMPARE_N, false, LONG_0, 0.01, COURSE),
	GROUP(COMPARE_LOUD, SER_COMPARE_N, true, LONG_2, 0.01, CHANGE),
#undef GROUP
};
enum { N_GROUP = sizeof GROUPS / sizeof GROUPS[0] };

const char *ser_smile_compare_func_name(size_t k, char *buf)
{
	for (size_t g = 0; g < N_GROUP; g++) {
		const struct group *p = &GROUPS[g];
		size_t n = (size_t)(p->to - p->from) * p->n_stat;
		if (k < n) {
			const char *column = ser_lld_compare.name[p->from + k / p->n_stat];
			int head = (int)strcspn(column, "[");
			snprintf(buf, 64, "%.*s%s%s_%s", head, column, p->delta ? "_de" : "", column + head,
				 STAT_NAMES[p->stat[k % p->n_stat]]);
			return buf;
		}
		k -= n;
	}
	ser_assert(!"functional");
	return NULL;
}

/* ---- statistics of one contour v [n], n > 0, to y [N_STAT] ------------------------------------------ */

static void extremes(const double *v, size_t n, double *y)
{
	size_t lo = 0, hi = 0;
	for (size_t t = 1; t < n; t++) {
		lo = v[t] < v[lo] ? t : lo;
		hi = v[t] > v[hi] ? t : hi;
	}
	y[RANGE] = v[hi] - v[lo];
	y[MAX_POS] = (double)hi / (double)n;
	y[MIN_POS] = (double)lo / (double)n;
}

static void means(const double *v, size_t n, double *y)
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
	y[QUADRATIC_MEAN] = sqrt(sq / (double)n);
	y[FLATNESS] = size > 0 ? exp(ln / n_not_zero) / (size / (double)n) : 1;
	y[POSITIVE_MEAN] = n_positive > 0 ? positive / n_positive : 0;
}

static void moments(const double *v, size_t n, double *y)
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

static void order(const double *v, size_t n, double *sorted, double *y)
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
static void times(const double *v, size_t n, double *y)
{
	static const double level[] = {0.25, 0.5, 0.75, 0.9};
	size_t up[4] = {0}, rise = 0, left = 0, lo = 0;
	for (size_t t = 1; t < n; t++)
		lo = v[t] < v[lo] ? t : lo;
	for (size_t t = 0; t < n; t++) {
		for (int i = 0; i < 4; i++)
			up[i] += v[t] > v[lo] + level[i] * y[RANGE];
		rise += t > 0 && v[t] > v[t - 1];
		left += t > 1 && v[t] - v[t - 1] > v[t - 1] - v[t - 2];
	}
	for (int i = 0; i < 4; i++)
		y[UP25 + i] = (double)up[i] / (double)n;
	y[RISE] = n > 1 ? (double)rise / (double)(n - 1) : 0;
	y[LEFT_CURVE] = n > 2 ? (double)left / (double)(n - 2) : 0;
}

/* Segments end where the mean of three values crosses a quarter or three quarters of the range, but last three frames or a hundredth
 * of the contour; what comes after the last crossing is none. */
static void segments(const double *v, size_t n, double *y)
{
	size_t least = n / 100 > 3 ? n / 100 : 3, count = 0;
	ptrdiff_t begin = -1 - (ptrdiff_t)(least - 3) / 2;
	double lo = v[0], sum = 0, sq = 0, shortest = 0, longest = 0;
	int was = 0;
	for (size_t t = 1; t < n; t++)
		lo = fmin(lo, v[t]);
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
static void prediction(const double *v, size_t n, double *y)
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

static void peaks(const double *v, size_t n, ptrdiff_t *at, double *y)
{
	struct ser_smile_peaks p = ser_smile_peaks_of(v, n, at);
	double range = y[RANGE];
	y[PEAK_DIST] = p.dist[0];
	y[PEAK_DIST_STDDEV] = p.dist[1];
	y[PEAK_RANGE] = p.peak_hi - p.peak_lo;
	y[PEAK_RANGE_REL] = range > 0 ? y[PEAK_RANGE] / range : 0;
	y[DIP_RANGE_REL] = range > 0 ? (p.dip_hi - p.dip_lo) / range : 0;
	if (p.n_peak > 0) {
		y[PEAK_MEAN] = p.peak_mean;
		y[PEAK_MEAN_DIST] = p.peak_mean - y[MEAN];
		y[PEAK_MEAN_REL] = y[MEAN] != 0 ? soft(p.peak_mean / y[MEAN]) : 0;
	}
	y[RISE_MEAN] = p.rise[0];
	y[RISE_STDDEV] = p.rise[1];
	y[FALL_MEAN] = p.fall[0];
	y[FALL_STDDEV] = p.fall[1];
}

/* Lines and parabolas through the contour brought to 0 ... 1, over time in steps of `step`; the centroid of its size over its length. */
static void regression(const double *v, size_t n, double step, double *y)
{
	double lo = v[0], half = 0.5 * (double)(n - 1), s2 = 0, s4 = 0, w0 = 0, w1 = 0, w2 = 0, size = 0, moment = 0;
	for (size_t t = 1; t < n; t++)
		lo = fmin(lo, v[t]);
	for (size_t t = 0; t < n; t++) {
		double u = (double)t - half, w = y[RANGE] > 0 ? (v[t] - lo) / y[RANGE] : 0;
		s2 += u * u;
		s4 += u * u * u * u;
		w0 += w;
		w1 += w * u;
		w2 += w * u * u;
		size += fabs(v[t]);
		moment += fabs(v[t]) * (double)t;
	}
	double m = (double)n, mean = w0 / m, slope = s2 > 0 ? w1 / s2 : 0, d = m * s4 - s2 * s2,
	       bend = n > 2 ? (m * w2 - s2 * w0) / d : 0, base = (w0 - bend * s2) / m, line = 0, curve = 0;
	for (size_t t = 0; t < n; t++) {
		double u = (double)t - half, w = y[RANGE] > 0 ? (v[t] - lo) / y[RANGE] : 0, a = w - mean - slope * u,
		       b = w - base - slope * u - bend * u * u;
		line += a * a;
		curve += b * b;
	}
	y[LINEAR1] = slope / step;
	y[LINEAR2] = mean - slope * half;
	y[LINEAR_ERROR] = line / m;
	y[QUADRATIC1] = bend / (step * step);
	y[QUADRATIC2] = (slope - 2 * bend * half) / step;
	y[QUADRATIC3] = base - slope * half + bend * half * half;
	y[QUADRATIC_ERROR] = curve / m;
	y[CENTROID] = size > 0 ? moment / size / m : 0;
}

/* ---- groups ------------------------------------------------------------------------------------------ */

static void pitch(const struct ser_smile_ws *ws, size_t rows, double *y)
{
	struct ser_smile_runs r = ser_smile_runs_of(ws->hz, 1, rows, true);
	size_t n = 0;
	for (size_t t = 0; t < rows; t++)
		n += ws->hz[t] > 0;
	y[F0_SHARE] = rows > 0 ? (double)n / (double)rows : 0;
	y[F0_SEG_MEAN] = r.mean;
	y[F0_SEG_MAX] = r.most;
	y[F0_SEG_MIN] = r.least;
	y[F0_SEG_STDDEV] = r.deviation;
}

static size_t less(size_t n, size_t by)
{
	return n > by ? n - by : 0;
}

static size_t n_row(const struct ser_smile_ws *ws, enum rows rows)
{
	size_t sure = ser_smile_func_rows(ws);
	switch (rows) {
	case SHORT_2:
		return less(ws->n_short, 2);
	case LONG_2:
		return less(ws->n_long, 2);
	case LONG_0:
		return ws->n_long;
	case SURE_2:
		return less(sure, 2);
	default:
		return sure;
	}
}

void ser_smile_compare_func(struct ser_smile_ws *ws, float *f)
{
	double *v = ser_malloc(2 * ws->n_short, sizeof *v), *sorted = v + ws->n_short;
	ptrdiff_t *at = ser_malloc(ws->n_short, sizeof *at);
	for (const struct group *g = GROUPS; g < GROUPS + N_GROUP; g++)
		for (size_t j = g->from; j < g->to; j++, f += g->n_stat) {
			const float *column = (g->delta ? ws->delta : ws->smooth) + j;
			size_t rows = n_row(ws, g->rows), n = 0;
			double y[N_STAT] = {0};
			for (size_t t = 0; t < rows; t++) {
				v[n] = column[t * SER_COMPARE_N];
				n += g->rows != SURE_2 || v[n] != 0;
			}
			if (g->stat == PITCH)
				pitch(ws, rows, y);
			if (n > 0 && g->stat != PITCH) {
				extremes(v, n, y);
				if (g->stat != SHAPE)
					means(v, n, y);
				if (g->stat == SHAPE || g->stat == VOICE) {
					order(v, n, sorted, y);
					moments(v, n, y);
					times(v, n, y);
					prediction(v, n, y);
				}
				if (g->stat == SHAPE)
					segments(v, n, y);
				if (g->stat == COURSE || g->stat == CHANGE)
					peaks(v, n, at, y);
				if (g->stat == COURSE || g->stat == VOICE)
					regression(v, n, g->step, y);
			}
			for (size_t k = 0; k < g->n_stat; k++)
				f[k] = (float)y[g->stat[k]];
		}
	free(v);
	free(at);
}
