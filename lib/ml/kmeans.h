/* SPDX-License-Identifier: MIT */
/* k-means of embeddings: Lloyd's iterations from several k-means++ starts. */
#ifndef SER_ML_KMEANS_H
#define SER_ML_KMEANS_H

#include "base/base.h"
#include "ml/dist.h"

enum ser_kmeans_init {
	SER_KMEANS_PLUSPLUS, /* Arthur and Vassilvitskii 2007, greedy with 2 + ln k candidates */
	SER_KMEANS_RANDOM    /* k different rows, uniformly */
};

struct ser_kmeans_opt {
	enum ser_metric metric; /* SER_COSINE: spherical k-means, Dhillon and Modha 2001 */
	enum ser_kmeans_init init;
	size_t n_init;   /* starts, the best is kept; 10 */
	size_t max_iter; /* 300 */
	double tol;      /* stop when the centres moved by at most tol * mean variance (squared); 1e-4, 0: to the end */
	bool margin;     /* also compute the margins */
	bool pass_small; /* ser_kmeans_groups(): a group with fewer rows than k, or than k_hi + 1, is no error and has no m */
	uint64_t seed;
	int n_thread;
	/* called when a start has ended, by one thread at a time, perhaps not the caller's; NULL: it is not */
	void (*tell)(void *ctx);
	void *ctx;
};
extern const struct ser_kmeans_opt ser_kmeans_default;

struct ser_kmeans {
	size_t n, d, k;
	int *cluster; /* [n] in [0,k) */
	float *margin; /* [n] (b - a)/b >= 0, a and b the distances to the own and the next centre, 1 if k = 1; or NULL */
	float *centre;     /* [k,d]; unit length with SER_COSINE */
	size_t *size;      /* [k] */
	double inertia;    /* sum of squared distances; with SER_COSINE the sum of 1 - cosine */
	size_t n_iter;     /* of the start that was kept */
	size_t n_empty;    /* clusters left empty, numbered last, because fewer rows than k differ */
	double silhouette; /* of the choice, when k was chosen; else NaN */
};

/* Cluster x [n,d] into k. key (may be NULL) names the group: start s is drawn from (seed, key, s) alone. Returns NULL
 * and fills *e when k = 0 or k > n, when a value is not finite or, with SER_COSINE, a row is all zero, or when an
 * option is out of range.
 *
 * An empty cluster takes the row that is farthest from its centre, as scikit-learn does. Equal distances go to the
 * lower cluster. Clusters are numbered by their first row. The result does not depend on n_thread, nor on which
 * vector instructions the CPU has, where these have fused multiply-adds: each product is la's. */
struct ser_kmeans *ser_kmeans_fit(const struct ser_kmeans_opt *o, const float *x, size_t n, size_t d, size_t k,
				  const char *key, struct ser_err *e);

/* The same with k in [k_lo,k_hi] chosen by the greatest mean silhouette, the lowest k among equals; 2 <= k_lo.
 * k_hi is lowered to n - 1. score (may be NULL) [k_hi - k_lo + 1] gets each silhouette, NaN where undefined. */
struct ser_kmeans *ser_kmeans_select(const struct ser_kmeans_opt *o, const float *x, size_t n, size_t d, size_t k_lo,
				     size_t k_hi, const char *key, double *score, struct ser_err *e);

void ser_kmeans_free(struct ser_kmeans *m);

/* Groups of rows, each clustered by itself. */
struct ser_kmeans_group {
	size_t n;
	size_t *row; /* [n] its rows, rising */
	struct ser_kmeans *m;
};
#define SER_NO_GROUP SIZE_MAX
/* Of x [n,d]: of [n] is the index of a row's group in `key`, whose texts are the groups' keys, or SER_NO_GROUP. k_hi 0: each into k_lo;
 * else k in [k_lo,k_hi] by silhouette. Threads are over the groups, or inside the only one. [ser_map_len(key)], or NULL, *e, and in
 * *failed the first group that could not be clustered. */
struct ser_kmeans_group *ser_kmeans_groups(const struct ser_kmeans_opt *o, const float *x, size_t n, size_t d,
					   const size_t *of, const struct ser_map *key, size_t k_lo, size_t k_hi,
					   size_t *failed, struct ser_err *e);
void ser_kmeans_groups_free(struct ser_kmeans_group *g, size_t n_group);

/* Of more rows than memory holds, up to n_max, each as likely as any other and in whatever order they come: row t of key is drawn by
 * (seed, key, t). */
struct ser_row_sample;
struct ser_row_sample *ser_row_sample_new(size_t d, size_t n_max, uint64_t seed);
void ser_row_sample_add(struct ser_row_sample *s, uint64_t key, const float *x, size_t n); /* x [n,d] */
const float *ser_row_sample_rows(struct ser_row_sample *s, size_t *n); /* [n,d], after the last add */
void ser_row_sample_free(struct ser_row_sample *s);
/* The nearest of k centres [k,d] for each row x [n,d], the lower one among equals. */
void ser_kmeans_assign(enum ser_metric metric, const float *centre, size_t k, size_t d, const float *x, size_t n,
		       int32_t *unit);

/* Take from each row of x [n,d] the mean of the rows of its group, of [n] in [0,n_of): what speakers are apart by is gone then. */
void ser_centre_groups(float *x, size_t n, size_t d, const size_t *of, size_t n_of);

#endif
