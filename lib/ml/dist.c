/* SPDX-License-Identifier: MIT */
#include "ml/dist.h"

#include "ml/kern.h"
#include "ml/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int ser_rows_init(struct ser_rows *r, const float *x, size_t n, size_t d, enum ser_metric metric, struct ser_err *e)
{
	size_t pad = ser_add(d, 7) & ~(size_t)7;
	*r = (struct ser_rows){.n = n, .d = pad, .metric = metric};
	r->x = ser_calloc(ser_mul(n, pad), sizeof *r->x);
	for (size_t i = 0; i < n; i++) {
		double *y = r->x + i * pad, sq = 0;
		for (size_t t = 0; t < d; t++) {
			y[t] = x[i * d + t];
			sq += y[t] * y[t];
		}
		if (!isfinite(sq) || (metric == SER_COSINE && sq == 0)) {
			ser_rows_free(r);
			return ser_fail(e, SER_EDATA, "row %zu has length %g, expected %s", i, sqrt(sq),
					metric == SER_COSINE ? "a finite one above 0 for the cosine" : "a finite one");
		}
		if (metric == SER_COSINE)
			for (size_t t = 0; t < d; t++)
				y[t] /= sqrt(sq);
	}
	return SER_OK;
}

void ser_rows_free(struct ser_rows *r)
{
	free(r->x);
	r->x = NULL;
}

void ser_rows_distances(const struct ser_rows *r, size_t i, size_t from, double *out)
{
	const double *a = r->x + i * r->d, *b = r->x + from * r->d;
	size_t m = r->n - from;
	if (r->metric == SER_COSINE) {
		ser_kern_dot(a, b, m, r->d, out);
		for (size_t j = 0; j < m; j++)
			out[j] = out[j] < 1 ? 1 - out[j] : 0;
	} else {
		ser_kern_sqdist(a, b, m, r->d, out);
		for (size_t j = 0; j < m; j++)
			out[j] = sqrt(out[j]);
	}
	if (i >= from)
		out[i - from] = 0;
}

struct matrix {
	struct ser_rows r;
	double *dist;
};

static void upper(void *arg, size_t i, int worker)
{
	const struct matrix *m = arg;
	(void)worker;
	ser_rows_distances(&m->r, i, i, m->dist + i * m->r.n + i);
}

int ser_distances(const float *x, size_t n, size_t d, enum ser_metric metric, int n_thread, double *dist,
		  struct ser_err *e)
{
	struct matrix m = {.dist = dist};
	int rc = ser_rows_init(&m.r, x, n, d, metric, e);
	if (rc != SER_OK)
		return rc;
	ser_parallel_for(n_thread, n, upper, &m);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			dist[i * n + j] = dist[j * n + i];
	ser_rows_free(&m.r);
	return SER_OK;
}

static int label_sizes(const int *label, size_t n, size_t k, size_t *size, struct ser_err *e)
{
	size_t n_used = 0;
	memset(size, 0, k * sizeof *size);
	for (size_t i = 0; i < n; i++) {
		if (label[i] < 0 || (size_t)label[i] >= k)
			return ser_fail(e, SER_EDATA, "item %zu has label %d, expected [0,%zu)", i, label[i], k);
		n_used += size[label[i]]++ == 0;
	}
	if (n_used < 2 || n_used + 1 > n)
		return ser_fail(e, SER_EDATA,
				"%zu labels over %zu items have no silhouette: it needs 2 to n - 1 labels", n_used, n);
	return SER_OK;
}

/* (b - a)/max(a,b): a the mean distance to the others of one's own cluster, b the least mean distance to another. */
static double item_silhouette(const double *dist, size_t n, const int *label, size_t own, size_t k, const size_t *size,
			      double *sum)
{
	if (size[own] == 1)
		return 0;
	memset(sum, 0, k * sizeof *sum);
	for (size_t j = 0; j < n; j++)
		sum[label[j]] += dist[j];
	double a = sum[own] / (double)(size[own] - 1), b = INFINITY;
	for (size_t c = 0; c < k; c++)
		if (c != own && size[c] > 0)
			b = fmin(b, sum[c] / (double)size[c]);
	double most = fmax(a, b);
	return most > 0 ? (b - a) / most : 0;
}

int ser_silhouette_dist(const double *dist, size_t n, const int *label, size_t k, double *item, double *mean,
			struct ser_err *e)
{
	size_t *size = ser_malloc(k, sizeof *size);
	double *sum = ser_malloc(k, sizeof *sum), total = 0;
	int rc = label_sizes(label, n, k, size, e);
	for (size_t i = 0; rc == SER_OK && i < n; i++) {
		double s = item_silhouette(dist + i * n, n, label, (size_t)label[i], k, size, sum);
		total += s;
		if (item != NULL)
			item[i] = s;
	}
	if (rc == SER_OK)
		*mean = total / (double)n;
	free(size);
	free(sum);
	return rc;
}

struct shuffles {
	const double *dist;
	size_t n, k;
	const int *label;
	const size_t *size;
	uint64_t seed;
	int *ws;     /* [n_thread,n] */
	double *sum; /* [n_thread,k] */
	double *perm;
};

static void shuffle_once(void *arg, size_t r, int worker)
{
	const struct shuffles *s = arg;
	int *label = s->ws + (size_t)worker * s->n;
	struct ser_rng rng;
	char key[24];
	double total = 0;
	ser_rng_seed_key(&rng, s->seed, key, (size_t)snprintf(key, sizeof key, "%zu", r));
	memcpy(label, s->label, s->n * sizeof *label);
	ser_rng_shuffle(&rng, label, s->n, sizeof *label);
	for (size_t i = 0; i < s->n; i++)
		total += item_silhouette(s->dist + i * s->n, s->n, label, (size_t)label[i], s->k, s->size,
					 s->sum + (size_t)worker * s->k);
	s->perm[r] = total / (double)s->n;
}

int ser_silhouette_permute(const double *dist, size_t n, const int *label, size_t k, size_t n_perm, uint64_t seed,
			   const char *key, int n_thread, const struct ser_watch *w, double *perm, struct ser_err *e)
{
	size_t *size = ser_malloc(k, sizeof *size), n_worker = n_thread > 1 ? (size_t)n_thread : 1;
	int rc = label_sizes(label, n, k, size, e);
	if (rc == SER_OK) {
		struct shuffles s = {.dist = dist, .n = n, .k = k, .label = label, .size = size, .perm = perm};
		struct ser_rng rng;
		ser_rng_seed_key(&rng, seed, key, strlen(key));
		s.seed = ser_rng_next(&rng);
		s.ws = ser_malloc(ser_mul(n_worker, n), sizeof *s.ws);
		s.sum = ser_malloc(ser_mul(n_worker, k), sizeof *s.sum);
		ser_watched_for(w, "shuffles", (int)n_worker, n_perm, shuffle_once, &s);
		free(s.ws);
		free(s.sum);
	}
	free(size);
	return rc;
}

struct by_row {
	struct ser_rows r;
	const int *label;
	size_t k;
	const size_t *size;
	double *ws; /* [n_thread, n + k] */
	double *item;
};

static void one_row(void *arg, size_t i, int worker)
{
	const struct by_row *b = arg;
	double *dist = b->ws + (size_t)worker * (b->r.n + b->k);
	ser_rows_distances(&b->r, i, 0, dist);
	b->item[i] = item_silhouette(dist, b->r.n, b->label, (size_t)b->label[i], b->k, b->size, dist + b->r.n);
}

int ser_silhouette(const float *x, size_t n, size_t d, const int *label, size_t k, enum ser_metric metric, int n_thread,
		   double *item, double *mean, struct ser_err *e)
{
	size_t *size = ser_malloc(k, sizeof *size);
	struct by_row b = {.label = label, .k = k, .size = size};
	int rc = label_sizes(label, n, k, size, e);
	if (rc == SER_OK)
		rc = ser_rows_init(&b.r, x, n, d, metric, e);
	if (rc == SER_OK) {
		size_t n_worker = n_thread > 1 ? (size_t)n_thread : 1;
		double total = 0;
		b.ws = ser_malloc(ser_mul(n_worker, n + k), sizeof *b.ws);
		b.item = item != NULL ? item : ser_malloc(n, sizeof *b.item);
		ser_parallel_for((int)n_worker, n, one_row, &b);
		for (size_t i = 0; i < n; i++)
			total += b.item[i];
		*mean = total / (double)n;
		free(b.ws);
		ser_rows_free(&b.r);
		if (item == NULL)
			free(b.item);
	}
	free(size);
	return rc;
}
