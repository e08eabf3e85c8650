/* SPDX-License-Identifier: MIT */
/* Posteriors made to fit how often they are right. */
#ifndef SER_ML_SCALING_H
#define SER_ML_SCALING_H

#include <stddef.h>

/* Vector scaling (Guo et al., ICML 2017): weights w [k] and offsets b [k] of the classes' log posteriors, such that the softmax of w log
 * p + b makes the sum of the negative log posteriors of truth [n], and of half the squares of w - 1 and b, least: a normal prior of
 * variance 1 about no change, which few records do not overcome. post [n,k], rows that sum to 1, none of it taken for less than
 * DBL_EPSILON. ser_scale() makes one row's posteriors of those at w = 1, b = 0. k >= 1. */
void ser_scaling_fit(const double *post, const int *truth, size_t n, size_t k, double *w, double *b);
void ser_scale(const double *post, size_t k, const double *w, const double *b, double *out);

#endif
