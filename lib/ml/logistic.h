/* SPDX-License-Identifier: MIT */
/* Multinomial logistic regression. */
#ifndef SER_ML_LOGISTIC_H
#define SER_ML_LOGISTIC_H

#include "base/base.h"

/* Coefficients w [n_class,d+1], an offset after each class's weights, that make
 *   cost * sum over rows of weight[y] * cross-entropy(softmax(w (x, 1)), y) + 1/2 * sum of the squared weights, without the offsets
 * least, for rows x [n,d] of classes y [n] in [0,n_class); weight [n_class]; cost > 0. From 0 by liblbfgs (Liu and Nocedal, Math. Prog.
 * 45, 1989) until the gradient's norm is tol times its first, or rounding ends it. As scikit-learn's LogisticRegression, whose C is cost.
 * n_class (d + 1) fits an int, with 8 to spare. */
void ser_logistic_fit(const double *x, const int *y, size_t n, size_t d, size_t n_class, const double *weight,
		      double cost, double tol, double *w);

#endif
