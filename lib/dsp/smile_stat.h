/* SPDX-License-Identifier: MIT */
/* What openSMILE makes of one contour. Internal to dsp. */
#ifndef SER_DSP_SMILE_STAT_H
#define SER_DSP_SMILE_STAT_H

#include <stdbool.h>
#include <stddef.h>

enum ser_smile_stat {
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
	MAX,
	MIN,
	LINEAR_ERROR_ABS,
	ONSETS,
	DURATION,
	SQUARE_MEAN,
	DOWN25,
	FALL,
	RIGHT_CURVE,
	PEAK_MEAN_PLAIN,
	F0_DURATION,
	F0_DE_SHARE,
	F0_DE_SEG_MEAN,
	F0_DE_SEG_MAX,
	F0_DE_SEG_MIN,
	F0_DE_SEG_STDDEV,
	F0_DE_DURATION,
	N_STAT
};

/* How a set counts: places of extremes in frames, or as shares of the contour; regressions, over time in steps of `step`, and the centroid
 * of the values as they are, and ratios without a bound, or of values brought to 0 ... 1, of sizes, and at most 20. */
struct ser_smile_scale {
	bool frames, plain;
	double step;
};

/* Statistics of v [n], n > 0, to y [N_STAT], but those of the pitch: of the extremes always (RANGE, MAX ... MIN_POS); the others by the
 * function they are of. at [n], sorted [n]: scratch. */
void ser_smile_extremes(const double *v, size_t n, bool frames, double *y);
void ser_smile_means(const double *v, size_t n, double *y);
void ser_smile_moments(const double *v, size_t n, double *y);
void ser_smile_order(const double *v, size_t n, double *sorted, double *y);
void ser_smile_times(const double *v, size_t n, double *y);
void ser_smile_segments(const double *v, size_t n, double *y);
void ser_smile_prediction(const double *v, size_t n, double *y);
void ser_smile_peak_stats(const double *v, size_t n, bool plain, ptrdiff_t *at, double *y);
/* The four of is11, of peaks found in another way. */
void ser_smile_early_peaks(const double *v, size_t n, ptrdiff_t *at, double *y);
void ser_smile_regression(const double *v, size_t n, struct ser_smile_scale scale, double *y);

#endif
