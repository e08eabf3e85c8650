/* SPDX-License-Identifier: MIT */
/* Reports of predictions: scores pooled over all items and averaged over folds, each with its bootstrap interval, of one
 * system or of the difference of two on the same items. */
#ifndef SER_STAT_EVAL_H
#define SER_STAT_EVAL_H

#include "base/base.h"
#include "stat/boot.h"
#include "stat/metrics.h"

/* Which items belong together. fold [n] in [0,n_fold); unit [n] in [0,n_unit) is what the bootstrap draws: a speaker;
 * NULL: each item by itself. */
struct ser_eval_sets {
	size_t n;
	const size_t *fold;
	size_t n_fold;
	const size_t *unit;
	size_t n_unit;
};

/* ---- classes ---- */

enum ser_ec {
	SER_EC_UAR,
	SER_EC_WAR,
	SER_EC_MACRO_F1,
	SER_EC_MICRO_F1,
	SER_EC_WEIGHTED_F1,
	SER_EC_MACRO_PRECISION,
	SER_EC_KAPPA,
	SER_EC_MCC,
	SER_EC_N
};
const char *ser_ec_name(enum ser_ec s); /* "uar", "war", "macro_f1" ... */
void ser_ec_take(const struct ser_class_score *s, double out[SER_EC_N]);

/* pooled [SER_EC_N], mean [SER_EC_N] over the folds that have items, and, when not NULL, recall [k] pooled, NaN for a
 * class absent from the truth. With pred2 all are differences, pred minus pred2. */
int ser_eval_classes(const struct ser_eval_sets *s, const int *truth, const int *pred, const int *pred2, size_t k,
		     const struct ser_boot_opt *o, struct ser_ci *pooled, struct ser_ci *mean, struct ser_ci *recall,
		     struct ser_err *e);

/* ---- numbers ---- */

enum ser_er { SER_ER_CCC, SER_ER_PEARSON, SER_ER_SPEARMAN, SER_ER_MSE, SER_ER_RMSE, SER_ER_MAE, SER_ER_N };
const char *ser_er_name(enum ser_er s); /* "ccc", "pearson" ... */
void ser_er_take(const struct ser_regress_score *s, double out[SER_ER_N]);

/* pooled [SER_ER_N] and mean [SER_ER_N] over the folds; with pred2 differences. */
int ser_eval_regress(const struct ser_eval_sets *s, const double *truth, const double *pred, const double *pred2,
		     const struct ser_boot_opt *o, struct ser_ci *pooled, struct ser_ci *mean, struct ser_err *e);

/* ---- several classes at once ---- */

enum ser_em {
	SER_EM_HAMMING, /* share of wrong decisions */
	SER_EM_RANKING, /* of pairs of a true and a false class, the share that scores do not put in order; ties count */
	SER_EM_COVERAGE, /* how far down the ranking the last true class is */
	SER_EM_MACRO_F1, /* mean over the classes; one without truth and decisions has 0 */
	SER_EM_MICRO_F1,
	SER_EM_WEIGHTED_F1, /* by true items */
	SER_EM_JS, /* Jensen-Shannon divergence of shares and scores, each divided by its sum, natural logarithm */
	SER_EM_N
};
const char *ser_em_name(enum ser_em s); /* "hamming_loss", "ranking_loss", "coverage" ... */

/* Scores of items whose classes k are true, truth [n,k], and decided for, pred [n,k], by score [n,k]; share [n,k] of votes. As
 * scikit-learn has them, JS as SciPy; an item without a true or a false class has no ranking loss, one without a true class no
 * coverage: 0. pooled [SER_EM_N], mean [SER_EM_N] over the folds; f1 [k] of each class pooled. */
int ser_eval_labels(const struct ser_eval_sets *s, size_t k, const uint8_t *truth, const uint8_t *pred,
		    const double *score, const double *share, const struct ser_boot_opt *o, struct ser_ci *pooled,
		    struct ser_ci *mean, struct ser_ci *f1, struct ser_err *e);

/* ---- posteriors: posterior.c ---- */

enum ser_ep {
	SER_EP_NLL, /* mean negative log posterior of the true class, no posterior below DBL_EPSILON; scikit-learn's log_loss */
	SER_EP_BRIER, /* mean of the sum over classes of (posterior - truth)^2 (Brier 1950) */
	SER_EP_ECE,   /* expected calibration error in ten bins, ser_calibration() */
	SER_EP_AURC, /* area under risk against coverage: mean over m of the error among the m surest; equally sure ones stand
		       * in no order (Geifman and El-Yaniv, NeurIPS 2017) */
	SER_EP_N
};
const char *ser_ep_name(enum ser_ep s); /* "nll", "brier", "ece", "aurc" */

/* What a recogniser says of its surest items alone: those with at least this posterior of the predicted class. */
struct ser_kept {
	double threshold;
	size_t n;
	struct ser_ci uar, war; /* NaN where none is left; UAR is over the classes that are */
};

/* Scores [SER_EP_N] of posteriors post [n,k], rows of sum 1, of which the greatest, the first among equals, predicts, against truth [n]
 * in [0,k). kept [n_kept]: for share[i] in (0,1], falling, the ceil(share[i] n) surest and those as sure as the last of them;
 * thresholds are the sample's in every draw. */
int ser_eval_posteriors(const struct ser_eval_sets *s, const int *truth, const double *post, size_t k,
			const double *share, size_t n_kept, const struct ser_boot_opt *o, struct ser_ci *scores,
			struct ser_kept *kept, struct ser_err *e);

/* The temperature T in [0.01,100] by which logits are divided that makes the mean negative log posterior of truth [n] least (Guo et al.,
 * ICML 2017); post [n,k] as above, none of it taken for less than DBL_EPSILON. ser_temper() makes one row's posteriors at T of those
 * at 1. */
double ser_temperature(const double *post, const int *truth, size_t n, size_t k);
void ser_temper(const double *post, size_t k, double temperature, double *out);

/* ---- verification ---- */

/* eer and min_dcf of trials between speakers a [n] and b [n], in [0,n_spk): a draw of speakers has a trial of two as
 * often as it has pairs of them, a trial within one as often as it has that one. a NULL: trials are drawn singly. */
int ser_eval_verify(const struct ser_verify *v, size_t n, const size_t *a, const size_t *b, size_t n_spk,
		    const struct ser_verify_opt *vo, const struct ser_boot_opt *o, struct ser_ci *eer,
		    struct ser_ci *min_dcf, struct ser_err *e);

/* ---- a mean over groups ---- */

/* Mean of value [n_group], NaN left out, drawn by group. */
int ser_eval_mean(const double *value, size_t n_group, const struct ser_boot_opt *o, struct ser_ci *mean,
		  struct ser_err *e);

#endif
