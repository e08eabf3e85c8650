/* SPDX-License-Identifier: MIT */
/* Embeddings in few dimensions: principal components, linear discriminants, t-SNE. */
#ifndef SER_ML_PROJECT_H
#define SER_ML_PROJECT_H

#include "base/base.h"
#include "ml/dist.h"

/* ---- linear maps ------------------------------------------------------------------------------ */

/* y = basis (x - mean). The largest component of each row of basis in magnitude is positive. */
struct ser_linear {
	size_t d, k;
	double *mean;  /* [d] */
	double *basis; /* [k,d] */
	double *value; /* [k] PCA: variances, 1/(n - 1); LDA: between- over within-class variance; falling */
	double *share; /* [k] of the sum of all of them */
};

/* The k principal components of x [n,d], rows of basis of unit length. n >= 2, 1 <= k <= min(n,d), x finite, else NULL and
 * *e. By the eigenvectors of the covariance [d,d], or of the products of the rows [n,n] when there are fewer of them. */
struct ser_linear *ser_pca_new(const float *x, size_t n, size_t d, size_t k, struct ser_err *e);

/* The k linear discriminants (Fisher 1936; Rao 1948) of rows labelled label [n] in [0,n_class): the generalised
 * eigenvectors of the covariance between and within classes (1/n), scaled so that the latter becomes the identity.
 * shrinkage in [0,1] draws the within-class covariance towards a multiple of the identity that has its mean variance,
 * which a small sample needs; 0: not at all. k <= min(d, classes that occur - 1). As scikit-learn's solver "eigen". */
struct ser_linear *ser_lda_new(const float *x, size_t n, size_t d, const int *label, size_t n_class, size_t k,
			       double shrinkage, struct ser_err *e);

/* y [n,k] of rows x [n,d]. */
void ser_linear_do(const struct ser_linear *m, const float *x, size_t n, double *y);
void ser_linear_free(struct ser_linear *m);

/* ---- t-SNE ------------------------------------------------------------------------------------ */

enum ser_tsne_method {
	SER_TSNE_AUTO,     /* sparse up to 10000 points, barnes-hut above */
	SER_TSNE_EXACT,    /* all similarities, all repulsions (van der Maaten and Hinton 2008) */
	SER_TSNE_SPARSE,   /* similarities of the 3 * perplexity nearest, all repulsions */
	SER_TSNE_BARNESHUT /* the same similarities, repulsions by a quadtree (van der Maaten 2014) */
};

struct ser_tsne_opt {
	enum ser_tsne_method method;
	enum ser_metric metric; /* SER_COSINE: Euclidean distances of unit rows */
	double perplexity;      /* 30; below n */
	double exaggeration;    /* 12, for the first 250 iterations */
	double rate;            /* learning rate; 0: max(n/exaggeration/4, 50) */
	double theta;  /* of Barnes-Hut, 0.5: a cell counts as a point when its side is below theta * distance */
	size_t n_iter; /* 1000, at least 250 */
	int n_thread;
	void (*step)(void *ctx, size_t done, size_t of); /* may be NULL: after each iteration */
	void *ctx;
};
extern const struct ser_tsne_opt ser_tsne_default;

struct ser_tsne_info {
	double kl; /* divergence of the map from the similarities, nats, repulsions counted exactly */
	size_t n_iter; /* done: it stops early when the gradient is below 1e-7 or nothing has got better for 300 iterations */
};

/* Map y [n,2] of x [n,d]. start [n,2] is where the points begin (its first column is scaled to deviation 1e-4, the second
 * by the same factor); NULL: the first two principal components. Nothing is random: the same bytes for every n_thread.
 * SER_EDATA when n < 4, when perplexity >= n, or when a row is not finite or, with SER_COSINE, zero; SER_EUSAGE when an
 * option is out of range. */
int ser_tsne(const struct ser_tsne_opt *o, const float *x, size_t n, size_t d, const double *start, double *y,
	     struct ser_tsne_info *info, struct ser_err *e);

#endif
