/* SPDX-License-Identifier: MIT */
/* Between the files of this module only. */
#ifndef SER_SCORE_PRIVATE_H
#define SER_SCORE_PRIVATE_H

#include "ml/ml.h"
#include "stat/stat.h"
#include "score/score.h"

/* Speakers that were trained on and are scored, from what the streams' headers say of a tensor. */
struct overlap {
	struct ser_map **
		train; /* [n_train] who was trained on, by set (ser_header_train_set()); NULL: the segment does not say */
	size_t n_train;
	struct ser_map *shared; /* of them, who is scored */
	size_t n, n_known;      /* records; of them, those whose training is known */
};

/* Keys of the maps are names. Which arrays there are depends on the kind. */
struct ser_score_set {
	const struct ser_score_opt *o;
	enum ser_score_kind kind;
	struct ser_map *id, *spk, *fold, *name; /* name: classes; spk: the groups of clusters */
	struct ser_map *said;                   /* classes that a header names: those a model can predict */
	struct overlap overlap;
	size_t n, n_said;         /* records; classes that the header names */
	size_t d;                 /* dimensions of the embedding */
	size_t *spk_of, *fold_of; /* [n]; spk_of is 0 with no_spk */
	int *truth, *pred;        /* [n] classes; pred is the cluster with SER_SCORE_CLUSTERS */
	double *x, *y;            /* [n] truth and prediction as numbers */
	float *emb;               /* [n,d] as read, of clusters; NULL: no embeddings */
	double *unit, *text;      /* [n,d] of unit length, of voices and pairs; of pairs' texts */
	double *share, *post; /* [n,k] of votes, summing to 1; posteriors. Of frames share has the sums of records */
	size_t k;             /* classes of them, o->votes.n */
	size_t n_passed; /* records without votes, or that test or validate; of classes and clusters, those without */
	bool sigmoid;    /* the posteriors are; of frames: numbers, not classes */
	size_t cap[6];
	bool no_spk;  /* records don't say who speaks */
	bool by_file; /* a file is a fold */
	bool has_emb;
};

/* A file calls what is declared above its own; set.c, which gathers, calls that and what stands last. */

/* ---- fields.c ---- */

/* What the header says about a tensor: a list by name, or NULL. */
const struct ser_val *ser_score_said(const struct ser_header *h, const char *tensor, const char *what);
/* Position of a NUL-terminated key, added when new. */
size_t ser_score_put(struct ser_map *m, const char *s);
/* The strings of a list, which may be NULL. */
void ser_score_put_list(struct ser_map *m, const struct ser_val *list);
/* Name of the speaker's label. */
const char *ser_score_speaker(const struct ser_score_opt *o);
/* The embedding x [s->d] of a record, borrowed from it, of the dimension of those before. */
int ser_score_get_embedding(struct ser_score_set *s, struct ser_record *r, const float **x, struct ser_err *e);

/* ---- overlap.c ---- */

void ser_overlap_segment(struct overlap *o, const struct ser_header *h, const char *tensor);
/* A record of the segment; spk NULL: it doesn't say who speaks. */
void ser_overlap_record(struct overlap *o, const struct ser_header *h, const struct ser_record *r, const char *spk);
void ser_overlap_free(struct overlap *o);
/* SER_EPROTO, naming them, when speakers are shared and that is not allowed. */
int ser_overlap_check(const struct overlap *o, bool allow, struct ser_err *e);
/* The facts; `who` is put behind their keys. */
void ser_overlap_about(struct ser_report *rep, const struct overlap *o, const char *who);

/* ---- about.c: what several reports say ---- */

struct ser_boot_opt ser_score_boot(const struct ser_score_opt *o);
/* Items and the speakers to draw, or NULL for drawing each item by itself. */
struct ser_eval_sets ser_score_sets(const struct ser_score_set *s, bool speakers);
bool ser_score_has_speakers(const struct ser_score_set *s); /* several, so that they can be drawn */
size_t ser_score_speakers_of_fold(const struct ser_score_set *s, size_t fold);
struct ser_val ser_score_n_speaker(const struct ser_score_set *s);
void ser_score_about_draws(struct ser_report *rep, const struct ser_score_opt *o);
void ser_score_about_items(struct ser_report *rep, const struct ser_score_opt *o, const struct ser_score_set *s);
/* x, or nothing when it isn't shown or there are no intervals. */
struct ser_val ser_score_bound(const struct ser_score_opt *o, double x, bool shown);
/* The table "scores": pooled [unit][n_score] and, with several folds, their mean [unit][n_score], unless it is NULL. The units
 * are utterances and, when `spk`, speakers. */
void ser_score_table(struct ser_report *rep, const struct ser_score_opt *o, const struct ser_score_set *s,
		     const char *(*name)(int), int n_score, const struct ser_ci *const pooled[2],
		     const struct ser_ci *const mean[2], bool spk);
const char *ser_score_ec_name(int i);
const char *ser_score_er_name(int i);

/* ---- what a record adds to the set, as its element s->n ---- */

int ser_score_add_cluster(struct ser_score_set *s, struct ser_record *r, struct ser_err *e); /* clusters.c */
/* labels.c. 1: the record is passed over */
int ser_score_add_votes(struct ser_score_set *s, const struct ser_header *h, struct ser_record *r, struct ser_err *e);
int ser_score_add_posteriors(struct ser_score_set *s, const struct ser_header *h, struct ser_record *r,
			     struct ser_err *e); /* calibration.c */
int ser_score_add_frames(struct ser_score_set *s, const struct ser_header *h, struct ser_record *r,
			 struct ser_err *e);                                               /* frames.c */
int ser_score_add_voice(struct ser_score_set *s, struct ser_record *r, struct ser_err *e); /* verify.c */
int ser_score_add_pair(struct ser_score_set *s, struct ser_record *r, struct ser_err *e);  /* retrieval.c */

#endif
