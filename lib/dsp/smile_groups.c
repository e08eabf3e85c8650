/* SPDX-License-Identifier: MIT */
/* The functionals of all sets but eGeMAPS: tables of groups say names, order and values. Those of ComParE: B. Schuller et al., "The
 * INTERSPEECH 2013 computational paralinguistics challenge" (2013); smile_older.c names the papers of the others. */
#include "dsp/smile_sets.h"
#include "dsp/smile_stat.h"

#include <stdlib.h>
#include <string.h>

static const double SHIFT_S = 0.01; /* at any rate */

/* ---- what there is -------------------------------------------------------------------------------- */

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
	"max",
	"min",
	"linregerrA",
	"numOnsets",
	"duration",
	"qmean",
	"downleveltime25",
	"falltime",
	"rightctime",
	"peakMean",
	"ff0_duration",
	"ff0_de_nnz",
	"ff0_de_meanSegLen",
	"ff0_de_maxSegLen",
	"ff0_de_minSegLen",
	"ff0_de_segLenStddev",
	"ff0_de_duration",
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
static const unsigned char EMOBASE[] = {
	MAX,          MIN,    RANGE,    MAX_POS,  MIN_POS,   MEAN,      LINEAR1,   LINEAR2, LINEAR_ERROR_ABS,
	LINEAR_ERROR, STDDEV, SKEWNESS, KURTOSIS, QUARTILE1, QUARTILE2, QUARTILE3, IQR12,   IQR23,
	IQR13};
static const unsigned char IS09[] = {MAX,     MIN,     RANGE,        MAX_POS, MIN_POS,  MEAN,
				     LINEAR1, LINEAR2, LINEAR_ERROR, STDDEV,  SKEWNESS, KURTOSIS};
static const unsigned char IS10[] = {MAX_POS,          MIN_POS, MEAN,     LINEAR1,  LINEAR2,     LINEAR_ERROR_ABS,
				     LINEAR_ERROR,     STDDEV,  SKEWNESS, KURTOSIS, QUARTILE1,   QUARTILE2,
				     QUARTILE3,        IQR12,   IQR23,    IQR13,    PERCENTILE1, PERCENTILE99,
				     PERCENTILE_RANGE, UP75,    UP90};
static const unsigned char IS10_VOICE[] = {MAX_POS,      MIN_POS, MEAN,     LINEAR1,  LINEAR2,      LINEAR_ERROR_ABS,
					   LINEAR_ERROR, STDDEV,  SKEWNESS, KURTOSIS, QUARTILE1,    QUARTILE2,
					   QUARTILE3,    IQR12,   IQR23,    IQR13,    PERCENTILE99, UP75,
					   UP90};
static const unsigned char TURN[] = {ONSETS, DURATION};
static const unsigned char IS11[] = {QUARTILE1,
				     QUARTILE2,
				     QUARTILE3,
				     IQR12,
				     IQR23,
				     IQR13,
				     PERCENTILE1,
				     PERCENTILE99,
				     PERCENTILE_RANGE,
				     MEAN,
				     STDDEV,
				     SKEWNESS,
				     KURTOSIS,
				     PEAK_DIST,
				     PEAK_MEAN_PLAIN,
				     PEAK_MEAN_DIST,
				     PEAK_DIST_STDDEV,
				     SEG_MEAN,
				     SEG_MAX,
				     SEG_MIN,
				     SEG_STDDEV,
				     LINEAR1,
				     LINEAR_ERROR,
				     QUADRATIC1,
				     QUADRATIC2,
				     QUADRATIC_ERROR,
				     CENTROID,
				     DOWN25,
				     UP90,
				     RISE,
				     FALL,
				     LP_GAIN,
				     LPC0,
				     LPC1,
				     LPC2,
				     LPC3,
				     LPC4};
static const unsigned char IS11_VOICE[] = {QUARTILE1,
					   QUARTILE2,
					   QUARTILE3,
					   IQR12,
					   IQR23,
					   IQR13,
					   PERCENTILE1,
					   PERCENTILE99,
					   PERCENTILE_RANGE,
					   MEAN,
					   SQUARE_MEAN,
					   STDDEV,
					   SKEWNESS,
					   KURTOSIS,
					   PEAK_DIST,
					   PEAK_MEAN_PLAIN,
					   PEAK_MEAN_DIST,
					   PEAK_DIST_STDDEV,
					   LINEAR1,
					   LINEAR_ERROR,
					   QUADRATIC1,
					   QUADRATIC2,
					   QUADRATIC_ERROR,
					   CENTROID,
					   DOWN25,
					   UP90,
					   RISE,
					   FALL,
					   LEFT_CURVE,
					   RIGHT_CURVE,
					   LP_GAIN,
					   LPC0,
					   LPC1,
					   LPC2,
					   LPC3,
					   LPC4};
static const unsigned char PITCH_11[] = {F0_SHARE,      F0_SEG_MEAN,   F0_SEG_MAX,       F0_SEG_MIN,
					 F0_SEG_STDDEV, F0_DURATION,   F0_DE_SHARE,      F0_DE_SEG_MEAN,
					 F0_DE_SEG_MAX, F0_DE_SEG_MIN, F0_DE_SEG_STDDEV, F0_DE_DURATION};
static const unsigned char PITCH[] = {F0_SHARE, F0_SEG_MEAN, F0_SEG_MAX, F0_SEG_MIN, F0_SEG_STDDEV};

/* Columns from ... to of the descriptors or of their deltas. Rows: openSMILE has its functionals begin as soon as they may and end
 * with what has come by then, so that groups are of as many frames as the slowest of their columns, less 0 or 2, but of one at least. */
enum rows {
	SHORT_2 /* n_short - 2 */,
	LONG_2,
	LONG_0,
	LONG_2_VOICE /* without zeros */,
	SURE_2 /* without zeros */,
	SURE_0
};
static const struct group {
	unsigned char from, to;
	bool delta;
	enum rows rows;
	struct ser_smile_scale scale;
	const unsigned char *stat;
	size_t n_stat;
} COMPARE_GROUPS[] = {
#define GROUP(from, to, delta, rows, step, list)                                                                       \
	{                                                                                                              \
		from, to, delta, rows, {false, false, step}, list, sizeof list                                         \
	}
#define PLAIN(from, to, delta, rows, frames, list)                                                                     \
	{                                                                                                              \
		from, to, delta, rows, {frames, true, 1}, list, sizeof list                                            \
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
};
/* As ComParE's in names and order. */
static const struct group IS13_GROUPS[] = {
	PLAIN(COMPARE_LOUD, COMPARE_RASTA, false, LONG_2, false, SHAPE),
	PLAIN(COMPARE_LOUD, COMPARE_RASTA, true, LONG_2, false, SHAPE),
	PLAIN(COMPARE_RASTA, SER_COMPARE_N, false, SHORT_2, false, SHAPE),
	PLAIN(COMPARE_RASTA, SER_COMPARE_N, true, SHORT_2, false, SHAPE),
	PLAIN(COMPARE_F0, COMPARE_LOUD, false, SURE_2, false, VOICE),
	PLAIN(COMPARE_F0, COMPARE_LOUD, true, SURE_2, false, VOICE),
	PLAIN(COMPARE_F0, COMPARE_VOICING, false, SURE_0, false, PITCH),
	PLAIN(COMPARE_LOUD, SER_COMPARE_N, false, LONG_0, false, COURSE),
	PLAIN(COMPARE_LOUD, SER_COMPARE_N, true, LONG_2, false, CHANGE),
};
static const struct group EMOBASE_GROUPS[] = {
	PLAIN(0, 26, false, LONG_2, true, EMOBASE),
	PLAIN(0, 26, true, LONG_2, true, EMOBASE),
};
static const struct group IS09_GROUPS[] = {
	PLAIN(0, 16, false, LONG_2, true, IS09),
	PLAIN(0, 16, true, LONG_2, true, IS09),
};
static const struct group IS10_GROUPS[] = {
	PLAIN(0, 34, false, LONG_2, true, IS10),
	PLAIN(0, 34, true, LONG_2, true, IS10),
	PLAIN(34, 38, false, LONG_2_VOICE, true, IS10_VOICE),
	PLAIN(34, 38, true, LONG_2_VOICE, true, IS10_VOICE),
	PLAIN(34, 35, false, LONG_0, true, TURN),
};
static const struct group IS11_GROUPS[] = {
	PLAIN(5, 9, false, SHORT_2, false, IS11),
	PLAIN(5, 9, true, SHORT_2, false, IS11),
	PLAIN(9, 59, false, SHORT_2, false, IS11),
	PLAIN(9, 59, true, SHORT_2, false, IS11),
	PLAIN(0, 5, false, LONG_2_VOICE, false, IS11_VOICE),
	PLAIN(0, 5, true, LONG_2_VOICE, false, IS11_VOICE),
	PLAIN(0, 1, false, LONG_2, false, PITCH_11),
#undef GROUP
#undef PLAIN
};

#define SET(name, column, group)                                                                                       \
	{                                                                                                              \
		name, &column, group, sizeof group / sizeof group[0]                                                   \
	}
static const struct set {
	const char *name;
	const struct ser_lld_set *column;
	const struct group *group;
	size_t n_group;
} SETS[] = {
	SET("compare2016", ser_lld_compare, COMPARE_GROUPS),
	SET("is13", ser_lld_compare, IS13_GROUPS),
	SET("emobase", ser_lld_emobase, EMOBASE_GROUPS),
	SET("is09", ser_lld_is09, IS09_GROUPS),
	SET("is10", ser_lld_is10, IS10_GROUPS),
	SET("is11", ser_lld_is11, IS11_GROUPS),
};

static const struct set *set_of(const char *name)
{
	const struct set *s = SETS;
	while (strcmp(s->name, name) != 0) {
		s++;
		ser_assert(s < SETS + sizeof SETS / sizeof SETS[0]);
	}
	return s;
}

static size_t n_func(const struct group *g)
{
	return (size_t)(g->to - g->from) * g->n_stat;
}

size_t ser_smile_func_n(const char *set)
{
	const struct set *s = set_of(set);
	size_t n = 0;
	for (size_t g = 0; g < s->n_group; g++)
		n += n_func(&s->group[g]);
	return n;
}

const char *ser_smile_func_name(const char *set, size_t k, char *buf)
{
	const struct set *s = set_of(set);
	const struct group *g = s->group;
	for (; k >= n_func(g); g++) {
		ser_assert(g + 1 < s->group + s->n_group);
		k -= n_func(g);
	}
	const char *column = g->stat == TURN ? "F0final__Turn" : s->column->name[g->from + k / g->n_stat];
	int head = (int)strcspn(column, "[");
	snprintf(buf, 64, "%.*s%s%s_%s", head, column, g->delta ? "_de" : "", column + head,
		 STAT_NAMES[g->stat[k % g->n_stat]]);
	return buf;
}

/* ---- groups ------------------------------------------------------------------------------------------ */

/* Of the rows of column f0 [., stride]: the share that has a value, and the lengths of runs of such, to y [F0_SHARE ... F0_SEG_STDDEV]. */
static void voiced(const float *f0, size_t stride, size_t rows, double *y)
{
	struct ser_smile_runs r = ser_smile_runs_of(f0, stride, rows, true);
	double n = 0;
	for (size_t t = 0; t < rows; t++)
		n += f0[t * stride] != 0;
	y[0] = rows > 0 ? n / (double)rows : 0;
	y[1] = r.mean;
	y[2] = r.most;
	y[3] = r.least;
	y[4] = r.deviation;
}

static void pitch(const struct ser_smile_ws *ws, size_t rows, bool is11, double *y)
{
	if (!is11) {
		voiced(ws->hz, 1, rows, y + F0_SHARE);
		return;
	}
	voiced(ws->smooth, ws->n_column, rows, y + F0_SHARE);
	voiced(ws->delta, ws->n_column, rows, y + F0_DE_SHARE);
	y[F0_DURATION] = y[F0_DE_DURATION] = (double)rows * SHIFT_S;
}

/* How often the voice begins, and the seconds between the first frame and the last. */
static void turn(const struct ser_smile_ws *ws, double *y)
{
	for (size_t t = 0; t < ws->n_long; t++)
		y[ONSETS] += ws->hz[t] > 0 && (t == 0 || ws->hz[t - 1] == 0);
	y[DURATION] = (double)ws->n_long * SHIFT_S;
}

/* Without the last two, but one at least. */
static size_t less_2(size_t n)
{
	return n > 2 ? n - 2 : n > 0;
}

static size_t n_row(const struct ser_smile_ws *ws, enum rows rows)
{
	size_t sure = ser_smile_func_rows(ws);
	switch (rows) {
	case SHORT_2:
		return less_2(ws->n_short);
	case LONG_2:
	case LONG_2_VOICE:
		return less_2(ws->n_long);
	case LONG_0:
		return ws->n_long;
	case SURE_2:
		return less_2(sure);
	default:
		return sure;
	}
}

static bool wants(const struct group *g, enum ser_smile_stat a, enum ser_smile_stat b)
{
	for (size_t k = 0; k < g->n_stat; k++)
		if (g->stat[k] >= a && g->stat[k] <= b)
			return true;
	return false;
}

static void statistics(const struct group *g, const double *v, size_t n, double *sorted, ptrdiff_t *at, double *y)
{
	ser_smile_extremes(v, n, g->scale.frames, y);
	if (wants(g, MEAN, QUADRATIC_MEAN) || wants(g, SQUARE_MEAN, SQUARE_MEAN))
		ser_smile_means(v, n, y);
	if (wants(g, QUARTILE1, PERCENTILE_RANGE))
		ser_smile_order(v, n, sorted, y);
	if (wants(g, STDDEV, KURTOSIS))
		ser_smile_moments(v, n, y);
	if (wants(g, UP25, LEFT_CURVE))
		ser_smile_times(v, n, y);
	if (wants(g, LP_GAIN, LPC4))
		ser_smile_prediction(v, n, y);
	if (wants(g, SEG_MEAN, SEG_STDDEV))
		ser_smile_segments(v, n, y);
	if (wants(g, PEAK_MEAN_PLAIN, PEAK_MEAN_PLAIN))
		ser_smile_early_peaks(v, n, at, y);
	else if (wants(g, PEAK_DIST, FALL_STDDEV))
		ser_smile_peak_stats(v, n, g->scale.plain, at, y);
	if (wants(g, LINEAR1, CENTROID))
		ser_smile_regression(v, n, g->scale, y);
}

void ser_smile_groups_func(const char *set, struct ser_smile_ws *ws, float *f)
{
	const struct set *s = set_of(set);
	double *v = ser_malloc(2 * ws->n_short, sizeof *v), *sorted = v + ws->n_short;
	ptrdiff_t *at = ser_malloc(ws->n_short, sizeof *at);
	for (const struct group *g = s->group; g < s->group + s->n_group; g++)
		for (size_t j = g->from; j < g->to; j++, f += g->n_stat) {
			size_t at_column = s->group == IS11_GROUPS ? ser_smile_is11_at[j] : j;
			const float *column = (g->delta ? ws->delta : ws->smooth) + at_column;
			size_t rows = n_row(ws, g->rows), n = 0;
			double y[N_STAT] = {0};
			for (size_t t = 0; t < rows; t++) {
				v[n] = column[t * ws->n_column];
				n += (g->rows != SURE_2 && g->rows != LONG_2_VOICE) || v[n] != 0;
			}
			if (g->stat == PITCH || g->stat == PITCH_11)
				pitch(ws, rows, g->stat == PITCH_11, y);
			else if (g->stat == TURN)
				turn(ws, y);
			else if (n > 0)
				statistics(g, v, n, sorted, at, y);
			for (size_t k = 0; k < g->n_stat; k++)
				f[k] = (float)y[g->stat[k]];
		}
	free(v);
	free(at);
}
