/* SPDX-License-Identifier: MIT */
#include "la/la.h"

#define T double
#include "la/gemm.inc"

void ser_la_dgemm(bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda,
		  const double *b, size_t ldb, double beta, double *c, size_t ldc)
{
	struct job j = {.m = m, .n = n, .k = k, .alpha = alpha, .beta = beta, .c = c, .ldc = ldc};
	j.a = (struct side){.base = a, .ps = ta ? 1 : lda, .ks = ta ? lda : 1};
	j.b = (struct side){.base = b, .ps = tb ? ldb : 1, .ks = tb ? 1 : ldb};
	product(&j);
}
