/* SPDX-License-Identifier: MIT */
#include "ml/logistic.h"

#include "la/la.h"

#include <lbfgs.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct job {
	const double *x, *weight; /* x [n,d]; the last feature is 1 */
	const int *y;
	size_t n, d, n_class;
	double *z;        /* [n,n_class] scores, then errors */
	double decay;     /* 1 / cost */
	double first, to; /* norm of the first gradient; the share of it to stop at */
};

/* The objective divided by the cost, and its gradient; w, g [n_class,d]. */
static double loss_at(void *at, const double *w, double *g, const int n_w, const double step)
{
	const struct job *j = at;
	size_t m = j->n_class, d = j->d;
	double loss = 0;
	(void)step;
	ser_la_dgemm(false, true, j->n, m, d, 1, j->x, d, w, d, 0, j->z, m);
	for (size_t k = 0; k < j->n; k++) {
		double *z = j->z + k * m, top = z[0], sum = 0, weight = j->weight[j->y[k]];
		for (size_t c = 1; c < m; c++)
			top = fmax(top, z[c]);
		for (size_t c = 0; c < m; c++)
			sum += exp(z[c] - top);
		loss += weight * (log(sum) + top - z[j->y[k]]);
		for (size_t c = 0; c < m; c++)
			z[c] = weight * (exp(z[c] - top) / sum - ((size_t)j->y[k] == c));
	}
	ser_la_dgemm(true, false, m, d, j->n, 1, j->z, m, j->x, d, 0, g, d);
	for (size_t i = 0; i < (size_t)n_w; i++)
		if (i % d != d - 1) {
			loss += j->decay / 2 * w[i] * w[i];
			g[i] += j->decay * w[i];
		}
	return loss;
}

static int enough(void *at, const double *w, const double *g, const double loss, const double w_norm,
		  const double g_norm, const double step, int n_w, int n_step, int n_eval)
{
	const struct job *j = at;
	(void)w, (void)g, (void)loss, (void)w_norm, (void)step, (void)n_w, (void)n_step, (void)n_eval;
	return g_norm <= j->to * j->first;
}

void ser_logistic_fit(const double *x, const int *y, size_t n, size_t d, size_t n_class, const double *weight,
		      double cost, double tol, double *w)
{
	struct job j = {.weight = weight, .y = y, .n = n, .d = d + 1, .n_class = n_class, .decay = 1 / cost, .to = tol};
	size_t n_w = ser_mul(n_class, d + 1);
	ser_assert(n_w <= INT_MAX - 8);
	double *ones = ser_malloc(ser_mul(n, d + 1), sizeof *ones), *g = ser_malloc(n_w, sizeof *g), loss;
	double *v = ser_malloc_aligned(n_w + 8, sizeof *v); /* liblbfgs rounds its length up to whole vectors */
	for (size_t k = 0; k < n; k++) {
		memcpy(ones + k * (d + 1), x + k * d, d * sizeof *x);
		ones[k * (d + 1) + d] = 1;
	}
	j.x = ones;
	j.z = ser_malloc(ser_mul(n, n_class), sizeof *j.z);
	memset(v, 0, (n_w + 8) * sizeof *v);
	loss_at(&j, v, g, (int)n_w, 0);
	for (size_t i = 0; i < n_w; i++)
		j.first += g[i] * g[i];
	j.first = sqrt(j.first);
	lbfgs_parameter_t par;
	lbfgs_parameter_init(&par);
	par.epsilon = 0; /* `enough` says when */
	par.m = 10;
	lbfgs((int)n_w, v, &loss, loss_at, enough, &j, &par); /* whatever ended it, v is the best point met */
	memcpy(w, v, n_w * sizeof *w);
	free(ones);
	free(g);
	free(v);
	free(j.z);
}
