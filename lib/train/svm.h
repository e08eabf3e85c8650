/* SPDX-License-Identifier: MIT */
/* A linear support vector machine over vectors: the classical baseline, on features standardised by the training records,
 * its cost chosen on speakers that it was not fitted to. The solver is liblinear's (Fan et al., JMLR 9, 2008); the result
 * is an ordinary model of the architecture linear, so that what predicts and scores needs to know nothing of it.
 *
 * Each class has a machine of its own against all others: L2-regularised, squared hinge loss, solved in the primal by a
 * trust-region Newton method, which draws nothing at random. */
#ifndef SER_TRAIN_SVM_H
#define SER_TRAIN_SVM_H

#include "train/train.h"

enum { SER_SVM_MAX_COST = 64 };

struct ser_svm_opts {
	const char *label, *spk;       /* what is learnt; who spoke */
	double cost[SER_SVM_MAX_COST]; /* candidates, rising */
	size_t n_cost;
	size_t n_fold;     /* speaker-disjoint folds of the training records that choose among them */
	bool class_weight; /* classes weigh n / (K n_k) */
	bool standardise;  /* false: the features are taken as they are */
	double tol;        /* the solver's, on the gradient */
	uint64_t seed;     /* of the division of speakers into folds */
};

/* What the choice was made from. */
struct ser_svm_choice {
	double uar
		[SER_SVM_MAX_COST]; /* unweighted average recall over all validation folds, pooled; NaN: no validation */
	size_t n_fold, best;        /* folds that were used; index of the cost taken: of the best, the least */
};

/* Fit a model to the training records [1,D] of a data set that holds both labels. Without validation (a single cost, or a
 * single speaker) the least cost is taken. The records' speakers, and those that the features' own model was trained on,
 * are written into the model. SER_EDATA: records of several frames, fewer than two classes. */
int ser_svm_fit(struct ser_model **out, const struct ser_dataset *d, const struct ser_split *s,
		const struct ser_svm_opts *o, struct ser_svm_choice *choice, struct ser_err *e);

#endif
