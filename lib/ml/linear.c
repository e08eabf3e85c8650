/* SPDX-License-Identifier: MIT */
#include "la/la.h"
#include "ml/project.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct ser_linear *linear_new(size_t d, size_t k)
{
	struct ser_linear *m = ser_calloc(1, sizeof *m);
	*m = (struct ser_linear){.d = d, .k = k};
	m->mean = ser_calloc(d, sizeof *m->mean);
	m->basis = ser_calloc(ser_mul(k, d), sizeof *m->basis);
	m->value = ser_calloc(k, sizeof *m->value);
	m->share = ser_calloc(k, sizeof *m->share);
	return m;
}

void ser_linear_free(struct ser_linear *m)
{
	if (m == NULL)
		return;
	free(m->mean);
	free(m->basis);
	free(m->value);
	free(m->share);
	free(m);
}

void ser_linear_do(const struct ser_linear *m, const float *x, size_t n, double *y)
{
	double *row = ser_malloc(m->d, sizeof *row);
	for (size_t i = 0; i < n; i++) {
		for (size_t t = 0; t < m->d; t++)
			row[t] = x[i * m->d + t] - m->mean[t];
		for (size_t c = 0; c < m->k; c++) {
			double s = 0;
			for (size_t t = 0; t < m->d; t++)
				s += row[t] * m->basis[c * m->d + t];
			y[i * m->k + c] = s;
		}
	}
	free(row);
}

/* Rows minus their mean, in double. */
static double *centred(const float *x, size_t n, size_t d, double *mean)
{
	double *c = ser_malloc(ser_mul(n, d), sizeof *c);
	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; t < d; t++)
			mean[t] += x[i * d + t];
	for (size_t t = 0; t < d; t++)
		mean[t] /= (double)n;
	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; t < d; t++)
			c[i * d + t] = x[i * d + t] - mean[t];
	return c;
}

static void turn(double *v, size_t d)
{
	size_t most = 0;
	for (size_t t = 1; t < d; t++)
		if (fabs(v[t]) > fabs(v[most]))
			most = t;
	if (v[most] < 0)
		for (size_t t = 0; t < d; t++)
			v[t] = -v[t];
}

struct ser_linear *ser_pca_new(const float *x, size_t n, size_t d, size_t k, struct ser_err *e)
{
	size_t m = n < d ? n : d;
	if (n < 2 || k == 0 || k > m) {
		ser_fail(e, SER_EDATA,
			 "%zu principal components of %zu rows of %zu dimensions: expected 1 to %zu, and 2 rows", k, n,
			 d, m);
		return NULL;
	}
	struct ser_linear *p = linear_new(d, k);
	double *c = centred(x, n, d, p->mean), *s = ser_malloc(ser_mul(m, m), sizeof *s), *w = ser_malloc(m, sizeof *w);
	double total = 0, scale = 1 / (double)(n - 1);
	ser_la_dgemm(n >= d, n < d, m, m, n >= d ? n : d, scale, c, d, c, d, 0, s, m);
	for (size_t i = 0; i < m; i++)
		total += s[i * m + i];
	if (ser_la_eigh(m, s, w, e) != 0) {
		ser_linear_free(p);
		p = NULL;
	}
	for (size_t q = 0; p != NULL && q < k; q++) {
		double *b = p->basis + q * d, len = 0;
		if (n >= d) {
			memcpy(b, s + q * d, d * sizeof *b);
		} else { /* an eigenvector u of X X' gives X' u of X' X */
			for (size_t i = 0; i < n; i++)
				for (size_t t = 0; t < d; t++)
					b[t] += s[q * n + i] * c[i * d + t];
			for (size_t t = 0; t < d; t++)
				len += b[t] * b[t];
			for (size_t t = 0; len > 0 && t < d; t++)
				b[t] /= sqrt(len);
		}
		turn(b, d);
		p->value[q] = w[q] > 0 ? w[q] : 0;
		p->share[q] = total > 0 ? p->value[q] / total : 0;
	}
	free(c);
	free(s);
	free(w);
	return p;
}

struct ser_linear *ser_lda_new(const float *x, size_t n, size_t d, const int *label, size_t n_class, size_t k,
			       double shrinkage, struct ser_err *e)
{
	size_t *size = ser_calloc(n_class, sizeof *size), n_used = 0;
	for (size_t i = 0; i < n; i++) {
		if (label[i] < 0 || (size_t)label[i] >= n_class) {
			ser_fail(e, SER_EDATA, "item %zu has class %d, expected [0,%zu)", i, label[i], n_class);
			free(size);
			return NULL;
		}
		n_used += size[label[i]]++ == 0;
	}
	size_t most = n_used == 0 ? 0 : n_used - 1 < d ? n_used - 1 : d;
	if (k == 0 || k > most || !(shrinkage >= 0 && shrinkage <= 1)) {
		ser_fail(e, k == 0 || k > most ? SER_EDATA : SER_EUSAGE,
			 "%zu discriminants of %zu classes in %zu dimensions with shrinkage %g: expected 1 to %zu, and "
			 "0 to 1",
			 k, n_used, d, shrinkage, most);
		free(size);
		return NULL;
	}
	struct ser_linear *p = linear_new(d, k);
	double *c = centred(x, n, d, p->mean), *mean = ser_calloc(ser_mul(n_class, d), sizeof *mean);
	double *within = ser_malloc(ser_mul(d, d), sizeof *within),
	       *between = ser_malloc(ser_mul(d, d), sizeof *between);
	double *w = ser_malloc(d, sizeof *w), trace = 0, total = 0;
	ser_la_dgemm(true, false, d, d, n, 1 / (double)n, c, d, c, d, 0, between, d); /* total covariance, for now */
	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; t < d; t++)
			mean[(size_t)label[i] * d + t] += c[i * d + t] / (double)size[label[i]];
	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; t < d; t++)
			c[i * d + t] -= mean[(size_t)label[i] * d + t];
	ser_la_dgemm(true, false, d, d, n, 1 / (double)n, c, d, c, d, 0, within, d);
	/* both are shrunk towards their own mean variance; between = total - within */
	for (size_t t = 0; t < d; t++)
		trace += within[t * d + t];
	double trace_all = 0;
	for (size_t t = 0; t < d; t++)
		trace_all += between[t * d + t];
	for (size_t i = 0; i < d; i++)
		for (size_t j = 0; j < d; j++) {
			double all =
				(1 - shrinkage) * between[i * d + j] + (i == j ? shrinkage * trace_all / (double)d : 0);
			within[i * d + j] =
				(1 - shrinkage) * within[i * d + j] + (i == j ? shrinkage * trace / (double)d : 0);
			between[i * d + j] = all - within[i * d + j];
		}
	if (ser_la_eigh_general(d, between, within, w, e) != 0) {
		ser_fail_in(e, "the covariance within classes (a little shrinkage helps where rows are few)");
		ser_linear_free(p);
		p = NULL;
	}
	for (size_t t = 0; p != NULL && t < d; t++)
		total += w[t];
	for (size_t q = 0; p != NULL && q < k; q++) {
		memcpy(p->basis + q * d, between + q * d, d * sizeof *between);
		turn(p->basis + q * d, d);
		p->value[q] = w[q];
		p->share[q] = total > 0 ? w[q] / total : 0;
	}
	free(size);
	free(c);
	free(mean);
	free(within);
	free(between);
	free(w);
	return p;
}
