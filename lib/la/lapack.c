/* SPDX-License-Identifier: MIT */
#include "la/la.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* OpenBLAS would use every core, with results that depend on their number. Another BLAS has no such function. */
extern void openblas_set_num_threads(int n) __attribute__((weak));

static void one_thread(void)
{
	if (openblas_set_num_threads != NULL)
		openblas_set_num_threads(1);
}

static int check(size_t n, const double *a, const char *what, struct ser_err *e)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(a[i]))
			return ser_fail(e, SER_EDATA, "%s: the matrix holds a number that is not finite", what);
	return 0;
}

/* The sign of an eigenvector is free: make its largest component positive. */
static bool negative(size_t n, const double *v)
{
	size_t at = 0;
	for (size_t i = 1; i < n; i++)
		if (fabs(v[i]) > fabs(v[at]))
			at = i;
	return n > 0 && v[at] < 0;
}

/* LAPACK's ascending order, eigenvectors in columns of a row-major matrix in, largest first and in rows out. */
static void arrange(size_t n, double *a, double *w)
{
	double *t = ser_malloc(ser_mul(n, n), sizeof *t);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			t[(n - 1 - j) * n + i] = a[i * n + j];
	for (size_t i = 0; i < n; i++) {
		bool neg = negative(n, t + i * n);
		for (size_t j = 0; j < n; j++)
			a[i * n + j] = neg ? -t[i * n + j] : t[i * n + j];
	}
	free(t);
	for (size_t i = 0; i < n / 2; i++) {
		double x = w[i];
		w[i] = w[n - 1 - i];
		w[n - 1 - i] = x;
	}
}

int ser_la_eigh(size_t n, double *a, double *w, struct ser_err *e)
{
	if (n == 0)
		return 0;
	if (check(ser_mul(n, n), a, "eigenvalues", e) < 0)
		return SER_EDATA;
	one_thread();
	int r = LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'U', (lapack_int)n, a, (lapack_int)n, w);
	if (r != 0)
		return ser_fail(e, SER_EDATA, "eigenvalues: no convergence (LAPACK dsyevd returned %d)", r);
	arrange(n, a, w);
	return 0;
}

int ser_la_eigh_general(size_t n, double *a, double *b, double *w, struct ser_err *e)
{
	if (n == 0)
		return 0;
	if (check(ser_mul(n, n), a, "eigenvalues", e) < 0 || check(n * n, b, "eigenvalues", e) < 0)
		return SER_EDATA;
	one_thread();
	int r = LAPACKE_dsygvd(LAPACK_ROW_MAJOR, 1, 'V', 'U', (lapack_int)n, a, (lapack_int)n, b, (lapack_int)n, w);
	if (r > (int)n)
		return ser_fail(e, SER_EDATA, "eigenvalues: the second matrix is not positive definite");
	if (r != 0)
		return ser_fail(e, SER_EDATA, "eigenvalues: no convergence (LAPACK dsygvd returned %d)", r);
	arrange(n, a, w);
	return 0;
}

int ser_la_solve(size_t n, double *a, double *b, struct ser_err *e)
{
	one_thread();
	int r = n > 0 ? LAPACKE_dposv(LAPACK_ROW_MAJOR, 'L', (lapack_int)n, 1, a, (lapack_int)n, b, 1) : 0;
	return r == 0 ? 0 : ser_fail(e, SER_EDATA, "the matrix is not positive definite (LAPACK dposv returned %d)", r);
}
