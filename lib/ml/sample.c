/* SPDX-License-Identifier: MIT */
/* More rows than memory holds: a sample of them to cluster, and the nearest centre of each. */
#include "la/la.h"
#include "ml/kmeans.h"

#include <stdlib.h>
#include <string.h>

struct drawn {
	uint64_t draw, key, t;
	size_t at; /* its row of x */
};

struct ser_row_sample {
	size_t d, n_max, n, cap_x, cap;
	uint64_t seed;
	float *x;            /* [n,d] */
	struct drawn *drawn; /* [n] a heap, the largest draw first */
	float *sorted;
};

struct ser_row_sample *ser_row_sample_new(size_t d, size_t n_max, uint64_t seed)
{
	struct ser_row_sample *s = ser_calloc(1, sizeof *s);
	ser_assert(d > 0 && n_max > 0);
	s->d = d;
	s->n_max = n_max;
	s->seed = seed;
	return s;
}

void ser_row_sample_free(struct ser_row_sample *s)
{
	if (s == NULL)
		return;
	free(s->x);
	free(s->drawn);
	free(s->sorted);
	free(s);
}

static int compare(const struct drawn *a, const struct drawn *b)
{
	if (a->draw != b->draw)
		return a->draw < b->draw ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return (a->t > b->t) - (a->t < b->t);
}

static void swap(struct drawn *a, struct drawn *b)
{
	struct drawn c = *a;
	*a = *b;
	*b = c;
}

static void sift_up(struct drawn *h, size_t i)
{
	for (; i > 0 && compare(&h[(i - 1) / 2], &h[i]) < 0; i = (i - 1) / 2)
		swap(&h[(i - 1) / 2], &h[i]);
}

static void sift_down(struct drawn *h, size_t n)
{
	for (size_t i = 0, k; (k = 2 * i + 1) < n; i = k) {
		k += k + 1 < n && compare(&h[k + 1], &h[k]) > 0;
		if (compare(&h[i], &h[k]) >= 0)
			return;
		swap(&h[i], &h[k]);
	}
}

void ser_row_sample_add(struct ser_row_sample *s, uint64_t key, const float *x, size_t n)
{
	for (size_t t = 0; t < n; t++) {
		struct drawn r = {ser_hash_le((uint64_t[]){s->seed, key, t}, 3, 8), key, t, s->n};
		if (s->n < s->n_max) {
			s->x = ser_grow(s->x, &s->cap_x, ser_mul(s->n + 1, s->d), sizeof *s->x);
			s->drawn = ser_grow(s->drawn, &s->cap, s->n + 1, sizeof *s->drawn);
			s->drawn[s->n++] = r;
			sift_up(s->drawn, s->n - 1);
		} else if (compare(&r, s->drawn) < 0) { /* in the place of the largest */
			r.at = s->drawn->at;
			*s->drawn = r;
			sift_down(s->drawn, s->n);
		} else {
			continue;
		}
		memcpy(s->x + r.at * s->d, x + t * s->d, s->d * sizeof *s->x);
	}
}

static int by_draw(const void *a, const void *b)
{
	return compare(a, b);
}

const float *ser_row_sample_rows(struct ser_row_sample *s, size_t *n)
{
	qsort(s->drawn, s->n, sizeof *s->drawn, by_draw); /* no heap any more, but nothing is added now */
	free(s->sorted);
	s->sorted = ser_malloc(ser_mul(s->n, s->d), sizeof *s->sorted);
	for (size_t i = 0; i < s->n; i++)
		memcpy(s->sorted + i * s->d, s->x + s->drawn[i].at * s->d, s->d * sizeof *s->x);
	*n = s->n;
	return s->sorted;
}

enum { ROWS = 256 };

/* x c - |c|^2/2 is largest where |x - c| is least; of centres of unit length by cosines it is x c. */
void ser_kmeans_assign(enum ser_metric metric, const float *centre, size_t k, size_t d, const float *x, size_t n,
		       int32_t *unit)
{
	double *score = ser_malloc(ser_mul(ROWS, k), sizeof *score), *half = ser_calloc(k, sizeof *half);
	double *a = ser_malloc(ser_mul(ROWS, d), sizeof *a), *b = ser_malloc(ser_mul(k, d), sizeof *b);
	for (size_t i = 0; i < k * d; i++) {
		b[i] = (double)centre[i];
		half[i / d] += metric == SER_EUCLIDEAN ? b[i] * b[i] / 2 : 0;
	}
	for (size_t from = 0; from < n; from += ROWS) {
		size_t m = n - from < ROWS ? n - from : ROWS;
		for (size_t i = 0; i < m * d; i++)
			a[i] = (double)x[from * d + i];
		ser_la_dgemm(false, true, m, k, d, 1, a, d, b, d, 0, score, k);
		for (size_t i = 0; i < m; i++) {
			const double *s = score + i * k;
			size_t best = 0;
			for (size_t c = 1; c < k; c++)
				best = s[c] - half[c] > s[best] - half[best] ? c : best;
			unit[from + i] = (int32_t)best;
		}
	}
	free(score);
	free(half);
	free(a);
	free(b);
}
