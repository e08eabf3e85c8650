/* SPDX-License-Identifier: MIT */
/* Private to ml: inner loops whose results are one fixed chain of operations, so that every instruction set gives the same bits. */
#ifndef SER_ML_KERN_H
#define SER_ML_KERN_H

#include "la/la.h"

/* Keep the best score of each of n points so far, the first among equals: score [m,n] + bias [m] is that of centres base, base + 1, ... */
void ser_kern_best(size_t n, size_t m, const real *score, const real *bias, int base, real *best, int *arg);

/* sum[t] += x[t], sum[t] -= x[t] */
void ser_kern_add(double *sum, const float *x, size_t d);
void ser_kern_sub(double *sum, const float *x, size_t d);

/* Sum of (x[t] - c[t])^2 in eight partial sums and a tail; c NULL: of x[t]^2. */
double ser_kern_rowdist(const float *x, const double *c, size_t d);

/* out[j] for j in [0,m): sums of (a[t] - b[j,t])^2, or of a[t]*b[j,t], over d, a multiple of 8, in eight partial sums.
 * Rows of b are d apart. */
void ser_kern_sqdist(const double *a, const double *b, size_t m, size_t d, double *out);
void ser_kern_dot(const double *a, const double *b, size_t m, size_t d, double *out);

#endif
