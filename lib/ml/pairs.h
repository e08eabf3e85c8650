/* SPDX-License-Identifier: MIT */
/* Anchors with positives and negatives out of a clustering inside each speaker, for contrastive training on speech
 * without emotion labels: a positive is of the same speaker and cluster, a negative of the same speaker and another
 * cluster, so that the speaker's identity cannot tell them apart. Only ids, speakers, clusters, margins and
 * embeddings are seen by the draw; a true label only by the account of it. */
#ifndef SER_ML_PAIRS_H
#define SER_ML_PAIRS_H

#include "base/base.h"
#include "ml/dist.h"

struct ser_pairs_opt {
	size_t n_draw;          /* draws per anchor; 1 */
	size_t n_pos;           /* positives per draw, at least 1; 1 */
	size_t n_neg;           /* negatives of the same speaker per draw; 1 */
	size_t n_other;         /* negatives of other speakers per draw, any cluster; 0 */
	size_t n_near;          /* each positive is the nearest to the anchor among this many drawn; 1: no search */
	size_t n_hard;          /* each negative is the nearest to the anchor among this many drawn; 1: no search */
	enum ser_metric metric; /* of these searches */
	double min_margin;      /* items of a smaller margin take no part; 0 */
	size_t per_spk; /* the same number of draws for every speaker that has an anchor; 0: n_draw for each anchor */
	uint64_t seed;
};
extern const struct ser_pairs_opt ser_pairs_default;

struct ser_pairs_in {
	size_t n;
	const char *const *id; /* [n], all different */
	const size_t *spk;     /* [n] any numbers, equal for the same speaker */
	const int *cluster;    /* [n]; negative: takes no part */
	const double *margin;  /* [n], or NULL when min_margin is 0 */
	const float *emb;      /* [n,d], or NULL when n_near and n_hard are 1 */
	size_t d;
};

struct ser_pairs {
	size_t n;                   /* draws */
	size_t n_pos, n_neg, n_all; /* per draw; n_all = n_neg + n_other negatives */
	size_t *anchor;             /* [n] item numbers */
	size_t *draw;               /* [n] how many draws of this anchor came before: 0, 1, ... */
	size_t *pos;                /* [n,n_pos] */
	size_t *neg;                /* [n,n_all]; the same speaker's first */
	size_t n_low;               /* items below min_margin or without cluster */
	size_t n_no_pos, n_no_neg; /* items that are no anchor because they have no positive, or none to be told from */
	size_t n_spk;              /* speakers with an anchor */
};

/* Draw. The draws of an anchor depend on the seed, its id and the set of items, not on their order; they come out in
 * the order of the anchors' input (with per_spk: of the speakers', then of the draw). Positives and negatives of one
 * draw differ as long as there are enough, else repeat. NULL and *e: an option out of range, margins or
 * embeddings wanted but absent, two items of one id, a non-finite or zero embedding, or no anchor at all. */
struct ser_pairs *ser_pairs_new(const struct ser_pairs_opt *o, const struct ser_pairs_in *in, struct ser_err *e);
void ser_pairs_free(struct ser_pairs *p);

/* How often the two of a pair have the same label: anchors with positives, negatives, negatives of other speakers, and, what
 * chance would give, any two items of one speaker. label [in->n], below n_label, or SIZE_MAX: none, and the pair does not count;
 * speakers are below n_spk. */
enum { SER_AGREE_POS, SER_AGREE_NEG, SER_AGREE_OTHER, SER_AGREE_ANY, SER_AGREE_N };
struct ser_agree {
	uint64_t same, n;
};
void ser_pairs_agree(const struct ser_pairs *p, const struct ser_pairs_in *in, size_t n_spk, const size_t *label,
		     size_t n_label, struct ser_agree agree[SER_AGREE_N]);

#endif
