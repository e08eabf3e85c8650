/* SPDX-License-Identifier: MIT */
/* Private to ml: inner loops in the widest vectors that the CPU has. Each result is one fixed chain of operations
 * (fused multiply-adds over the dimensions in order), so every instruction set gives the same bits. */
#ifndef SER_ML_KERN_H
#define SER_ML_KERN_H

#include "base/base.h"

enum ser_isa { SER_ISA_GENERIC, SER_ISA_AVX2, SER_ISA_AVX512, SER_ISA_N };
enum ser_isa ser_isa_best(void); /* of this CPU */

enum {
	SER_KERN_P = 32, /* points in a panel, [d,P]: point p's dimension t is at t*P + p */
	SER_KERN_C = 12  /* centres in a group, [d,C] */
};

/* Panel of rows x [n <= P, d], `stride` apart, minus mean [d] (NULL: 0); absent points are 0. 64-byte aligned. */
void ser_kern_pack_points(const float *x, size_t n, size_t d, size_t stride, const double *mean, float *panel);
/* Group of m <= C rows c [m,d]. */
void ser_kern_pack_centres(const float *c, size_t m, size_t d, float *group);

/* out[j*P + p] = init[j] + sum over t of point[t,p] * centre[t,j], for m <= C centres. */
void ser_kern_score(enum ser_isa isa, const float *panel, const float *group, size_t d, size_t m, const float *init,
		    float *out);
/* Keep the best of the scores so far of each point, the first among equals; the m scores are those of centres
 * base, base + 1, ... */
void ser_kern_best(enum ser_isa isa, const float *score, size_t m, int base, float *best, int *arg);

/* sum[t] += x[t], sum[t] -= x[t] */
void ser_kern_add(enum ser_isa isa, double *sum, const float *x, size_t d);
void ser_kern_sub(enum ser_isa isa, double *sum, const float *x, size_t d);

/* Sum of (x[t] - c[t])^2 in eight partial sums and a tail; c NULL: of x[t]^2. */
double ser_kern_rowdist(enum ser_isa isa, const float *x, const double *c, size_t d);

/* out[j] for j in [0,m): sums of (a[t] - b[j,t])^2, or of a[t]*b[j,t], over d, a multiple of 8, in eight partial sums.
 * Rows of b are d apart. */
void ser_kern_sqdist(enum ser_isa isa, const double *a, const double *b, size_t m, size_t d, double *out);
void ser_kern_dot(enum ser_isa isa, const double *a, const double *b, size_t m, size_t d, double *out);

#endif
