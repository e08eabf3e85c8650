/* SPDX-License-Identifier: MIT */
/* Scores of predictions against the truth: classes, numbers, and same-speaker trials.
 *
 * Every function that a bootstrap calls takes `count`, how many times each item was drawn; NULL is once
 * each. Drawing an item twice is the same as having it twice, ties included. */
#ifndef SER_STAT_METRICS_H
#define SER_STAT_METRICS_H

#include "base/base.h"

/* ---- classes ------------------------------------------------------------------------------- */

/* Confusion matrix conf [K,K], row = truth, column = prediction, cleared first. truth and pred [n] in [0,K);
 * weight [n] or NULL (all 1). SER_EDATA names the first item out of range or of negative or non-finite weight. */
int ser_confusion(const int *truth, const int *pred, const double *weight, size_t n, size_t k, double *conf,
		  struct ser_err *e);

/* Scores of a confusion matrix, as scikit-learn defines them with zero_division=0.
 *
 * A class that is absent from the truth has no recall: it is left out of `uar` (balanced_accuracy_score), and
 * n_absent says how many there are, so that a report can say so. A class absent from both the truth and the
 * predictions is left out of macro_f1 and macro_precision (f1_score(average="macro") with its default labels);
 * one that was only predicted counts there with 0. */
struct ser_class_score {
	size_t k;        /* classes of the matrix */
	size_t n_absent; /* of them, absent from the truth */
	double n;        /* sum of weights */
	double uar;      /* unweighted average recall: mean recall of the classes in the truth */
	double war;      /* weighted average recall: accuracy */
	double macro_f1, micro_f1, weighted_f1;
	double macro_precision;
	double kappa; /* Cohen 1960; NaN when chance agreement is complete */
	double mcc;   /* multi-class Matthews correlation, Gorodkin 2004; 0 when undefined */
};
struct ser_class_row {
	double precision, recall, f1, support; /* 0 where the denominator is 0 */
};
/* conf [K,K] of non-negative weights; row [K] may be NULL. All scores are NaN when the matrix is empty. */
void ser_score_classes(const double *conf, size_t k, struct ser_class_score *s, struct ser_class_row *row);

/* McNemar's exact test: two-sided binomial p-value of `b` items that only the first system has right and `c` that
 * only the second has; 1 when b + c = 0. */
double ser_mcnemar(size_t b, size_t c);

/* How sure against how right: sure [n] in [0,1], the posterior of the predicted class; right [n], whether it was the true one; bin b of
 * n_bin holds what is in (b/n_bin, (b+1)/n_bin], the first 0 too. mean, share, in_bin [n_bin]: mean of sure, share of right (0 in an
 * empty bin), predictions. Returns the expected calibration error, sum over bins of in_bin/n |share - mean| (Guo et al., ICML 2017);
 * NaN when nothing was drawn. */
double ser_calibration(const double *sure, const bool *right, const uint32_t *count, size_t n, size_t n_bin,
		       double *mean, double *share, double *in_bin);

/* ---- numbers -------------------------------------------------------------------------------- */

struct ser_regress_score {
	size_t n;
	double ccc;      /* concordance correlation, Lin 1989, with biased (1/n) moments; NaN when 0/0 */
	double pearson;  /* NaN when either side is constant */
	double spearman; /* Pearson's r of mid-ranks */
	double mse, rmse, mae;
};
struct ser_regress; /* truth and prediction with their sorting orders, const after _new */
/* truth, pred [n] are borrowed until _free; n >= 1 and all finite, else NULL and *e says which. */
struct ser_regress *ser_regress_new(const double *truth, const double *pred, size_t n, struct ser_err *e);
/* ws [2n] is one thread's scratch. Allocates nothing. */
void ser_regress_do(const struct ser_regress *r, const uint32_t *count, double *ws, struct ser_regress_score *s);
void ser_regress_free(struct ser_regress *r);

/* ---- verification ----------------------------------------------------------------------------- */

struct ser_verify_opt {
	double p_target, c_miss, c_fa; /* NIST detection cost; 0.05, 1, 1 by default */
};
extern const struct ser_verify_opt ser_verify_default;
struct ser_verify_score {
	double n_target, n_nontarget;
	double eer;     /* where the false-acceptance and false-rejection rates cross, linear between thresholds */
	double min_dcf; /* least cost over all thresholds, divided by that of the better constant decision */
	double thr_eer, thr_dcf; /* accept when score >= threshold; thr_dcf is infinite for "accept none" */
};
struct ser_verify; /* trials sorted by score, const after _new */
/* score [n] finite, higher is more alike; target [n]. NULL and *e when n = 0 or a score is not finite. */
struct ser_verify *ser_verify_new(const double *score, const bool *target, size_t n, struct ser_err *e);
/* Both rates NaN when the draw holds no target or no non-target trial. Allocates nothing. */
void ser_verify_do(const struct ser_verify *v, const struct ser_verify_opt *o, const uint32_t *count,
		   struct ser_verify_score *s);
/* DET curve: fa, miss, thr of room [n + 1] each, by falling threshold, the first at "accept none" (infinite).
 * One point a distinct score. Returns the number of points. */
size_t ser_verify_det(const struct ser_verify *v, double *fa, double *miss, double *thr);
void ser_verify_free(struct ser_verify *v);

/* Adaptive score normalisation (Matejka et al. 2017): mean and standard deviation (1/n) of the `top` greatest of a
 * voice's scores [n] against a cohort, n >= 1; all of them when there are fewer. Sorts `score`. sd is at least 1e-12. */
void ser_cohort_do(double *score, size_t n, size_t top, double *mean, double *sd);

#endif
