/* SPDX-License-Identifier: MIT */
/* How well a clustering agrees with known classes, and how well it would by chance. */
#ifndef SER_STAT_CLUSTER_H
#define SER_STAT_CLUSTER_H

#include "base/base.h"

enum ser_cs {
	SER_CS_PURITY,      /* share of items in the commonest class of their cluster */
	SER_CS_HUNGARIAN,   /* accuracy under the best one-to-one map of clusters to classes */
	SER_CS_NMI,         /* mutual information over the arithmetic mean of the entropies */
	SER_CS_AMI,         /* adjusted for chance, Vinh, Epps and Bailey 2010, arithmetic mean */
	SER_CS_ARI,         /* Hubert and Arabie 1985 */
	SER_CS_HOMOGENEITY, /* Rosenberg and Hirschberg 2007 */
	SER_CS_COMPLETENESS,
	SER_CS_V, /* their harmonic mean */
	SER_CS_N
};
/* "purity", "hungarian", "nmi", "ami", "ari", "homogeneity", "completeness", "v_measure". */
const char *ser_cs_name(enum ser_cs s);

/* All scores of truth [n] in [0,n_class) and cluster [n] in [0,n_cluster), n >= 1; classes and clusters that do not
 * occur change nothing. As scikit-learn 1.2 in the degenerate cases too (one class and one cluster: NMI, AMI,
 * ARI and V are 1). SER_EDATA names an item out of range. */
int ser_score_clusters(const int *truth, size_t n_class, const int *cluster, size_t n_cluster, size_t n,
		       double out[SER_CS_N], struct ser_err *e);

/* The same with the truth shuffled n_perm times: perm [n_perm, SER_CS_N]. Shuffle r of group `key` is drawn from
 * (seed, key, r) alone, so neither the other groups nor the threads change it. w is told. */
int ser_cluster_permute(const int *truth, size_t n_class, const int *cluster, size_t n_cluster, size_t n, size_t n_perm,
			uint64_t seed, const char *key, int n_thread, const struct ser_watch *w, double *perm,
			struct ser_err *e);

struct ser_chance {
	double mean, sd; /* of the permuted scores */
	double p;        /* (1 + permuted scores >= observed) / (1 + n_perm); ties are judged to 1e-12 */
};
/* Summary of n_perm permuted scores, `stride` doubles apart. */
struct ser_chance ser_chance(double observed, const double *perm, size_t n_perm, size_t stride);

/* Best one-to-one assignment: cost [r,c] row-major, r <= c; to [r] gets the column of each row, so that the sum of
 * cost[i][to[i]] is least. O(r^2 c), shortest augmenting paths (Jonker and Volgenant 1987). */
void ser_assign(const double *cost, size_t r, size_t c, size_t *to);

#endif
