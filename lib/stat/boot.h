/* SPDX-License-Identifier: MIT */
/* Bootstrap confidence intervals (Efron and Tibshirani 1993). A unit is what is drawn with replacement: an
 * utterance, or a speaker with all their utterances (the cluster bootstrap). */
#ifndef SER_STAT_BOOT_H
#define SER_STAT_BOOT_H

#include "base/base.h"

struct ser_boot_opt {
	size_t n_boot; /* replicates; 2000 */
	double level;  /* of the interval, in (0,1); 0.95 */
	uint64_t seed;
	int n_thread;
	bool bca; /* bias-corrected and accelerated; false: percentile */
	struct ser_watch watch;
};
extern const struct ser_boot_opt ser_boot_default;

struct ser_ci {
	double value;  /* of the sample itself, every unit once */
	double lo, hi; /* quantiles with linear interpolation, as numpy's; NaN when no replicate was defined */
	double se;     /* standard deviation of the replicates, n - 1 */
	double p;      /* two-sided, against 0: 2 min((1 + #<=0)/(1 + n), (1 + #>=0)/(1 + n)), at most 1 */
	size_t n_bad;  /* replicates where the statistic was NaN, left out */
};

/* Intervals ci [n_stat] of n_stat statistics of n_unit units. fn computes them for one draw: count [n_unit] says how
 * many times each unit was drawn; it fills out [n_stat]; `worker` in [0,n_thread) tells concurrent calls apart.
 *
 * Replicate b is drawn from (seed, b) alone: the same bytes for every n_thread. rep (may be NULL) gets the replicates,
 * [n_boot, n_stat]. Two systems are compared by a statistic that is their difference. SER_EUSAGE when an option is out
 * of range, SER_EDATA when n_unit = 0. */
int ser_boot(const struct ser_boot_opt *o, size_t n_unit, size_t n_stat,
	     void (*fn)(void *ctx, const uint32_t *count, double *out, int worker), void *ctx, struct ser_ci *ci,
	     double *rep, struct ser_err *e);

/* Interval from replicates that are there already: rep [n] `stride` apart; jack [n_jack] the statistic with each unit
 * left out in turn, or NULL for a percentile interval, which is also taken where the correction is undefined (all
 * replicates on one side of the value, or a jackknife without spread). NaN replicates are left out and counted. */
struct ser_ci ser_boot_interval(double value, const double *rep, size_t n, size_t stride, double level,
				const double *jack, size_t n_jack, size_t jack_stride);

/* Inverse of the standard normal distribution function, p in (0,1). */
double ser_normal_quantile(double p);

#endif
