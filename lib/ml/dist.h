/* SPDX-License-Identifier: MIT */
/* Distances between the rows of a matrix, and the silhouette of a labelling of them. */
#ifndef SER_ML_DIST_H
#define SER_ML_DIST_H

#include "base/base.h"

enum ser_metric {
	SER_EUCLIDEAN,
	SER_COSINE /* 1 - cosine similarity */
};

/* dist [n,n], double, symmetric with a zero diagonal. x [n,d] finite; with SER_COSINE no row may be all zero:
 * SER_EDATA names the row. The same bytes for every n_thread. */
int ser_distances(const float *x, size_t n, size_t d, enum ser_metric metric, int n_thread, double *dist,
		  struct ser_err *e);

/* Silhouette (Rousseeuw 1987) of label [n] in [0,k) over distances dist [n,n]: per item into `item` [n] (may be
 * NULL) and their mean into *mean. Items alone in their cluster have 0. Labels that do not occur are ignored; where
 * fewer than 2 or more than n - 1 do, the silhouette is undefined: SER_EDATA. */
int ser_silhouette_dist(const double *dist, size_t n, const int *label, size_t k, double *item, double *mean,
			struct ser_err *e);

/* Mean silhouettes perm [n_perm] of the labels shuffled; shuffle r of group `key` is drawn from (seed, key, r) alone. w is told. */
int ser_silhouette_permute(const double *dist, size_t n, const int *label, size_t k, size_t n_perm, uint64_t seed,
			   const char *key, int n_thread, const struct ser_watch *w, double *perm, struct ser_err *e);

/* The same as ser_silhouette_dist() from the rows themselves, in memory O(n k). */
int ser_silhouette(const float *x, size_t n, size_t d, const int *label, size_t k, enum ser_metric metric, int n_thread,
		   double *item, double *mean, struct ser_err *e);

#endif
