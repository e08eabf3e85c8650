/* SPDX-License-Identifier: MIT */
/* Linear classifiers over vectors: the classical baselines, on features standardised by the training records, their cost
 * chosen on speakers that they were not fitted to. The result is an ordinary model of the architecture linear, so that what
 * predicts and scores needs to know nothing of it. Nothing is drawn at random.
 *
 * Squared hinge: a support vector machine for each class against all others, L2-regularised, offset included, solved in the
 * primal by liblinear's trust-region Newton method (Fan et al., JMLR 9, 2008).
 * Logistic: one multinomial logistic regression over all classes, L2-regularised without the offsets, C times the sum of the
 * records' cross-entropies plus half the squared weights, as scikit-learn has it; by liblbfgs (Liu and Nocedal,
 * Math. Prog. 45, 1989). */
#ifndef SER_TRAIN_SVM_H
#define SER_TRAIN_SVM_H

#include "train/train.h"

enum { SER_SVM_MAX_COST = 64 };

enum ser_svm_loss { SER_SVM_SQUARED_HINGE, SER_SVM_LOGISTIC };

struct ser_svm_opts {
	const char *label, *spk; /* what is learnt; who spoke */
	enum ser_svm_loss loss;
	double cost[SER_SVM_MAX_COST]; /* candidates, rising */
	size_t n_cost;
	size_t n_fold;     /* speaker-disjoint folds of the training records that choose among them */
	bool class_weight; /* classes weigh n / (K n_k) */
	bool standardise;  /* false: the features are taken as they are */
	double tol;        /* the solver stops when the gradient's norm is this share of its first */
	uint64_t seed;     /* of the division of speakers into folds */
	/* May be NULL: after each of the models that are fitted, of how many. */
	void (*step)(void *ctx, size_t done, size_t of);
	void *ctx;
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
