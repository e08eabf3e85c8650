/* SPDX-License-Identifier: MIT */
/* train's inside: the trainer, between the files that make a step of it. Which file does what:
 *	dataset.c split.c pairs.c   what there is to train on, and who trains
 *	batch.c      which of it a step takes
 *	read.c       its features: crops, warps, masks
 *	objective.c  heads, targets, losses
 *	validate.c   the metric
 *	rates.c      learning rates by layer
 *	train.c      setting up, the step
 *	checkpoint.c the state on disk
 *	run.c        all steps, with log and checkpoints */
#ifndef SER_TRAIN_IMPL_H
#define SER_TRAIN_IMPL_H

#include "train/train.h"

/* A file to read; "-" is standard input. *name: what to call it. Its descriptor, or SER_EIO. */
int train_open(const char *path, const char **name, struct ser_err *e);
void train_close(int fd); /* unless it is standard input's, or none */

/* What is taken of an utterance for training: frames [from, from + n_src), played at a speed, bands shifted. */
struct cut {
	size_t from, n_src, n_out;
	double speed, shift;
};

/* Rows of a batch, or of a part of it: distinct items, each with one crop. */
struct batch {
	size_t *row, n, cap; /* items */
	size_t lo, hi;       /* the rows that this process reads and embeds; what follows up to the sets is of these */
	int32_t *place;      /* [items] row of an item, -1 */
	float *x;            /* crops, one after another */
	size_t cap_x;
	size_t *n_frame, cap_frame;
	const float **at;
	uint64_t *key;
	struct cut *cut;
	size_t cap_at, cap_key, cap_cut;
	/* the contrastive objective's sets, as rows */
	struct ser_pair_rows set;
	int32_t *anchor, *pos, *neg;
	size_t *pos_at, *neg_at;
	size_t cap_anchor, cap_pos, cap_neg, cap_pos_at, cap_neg_at;
};

struct ser_trainer {
	const struct ser_dataset *d;
	struct ser_model *m;
	struct ser_train_opts o;
	struct ser_objective obj[SER_MAX_OBJECTIVE];
	size_t n_obj;
	int head[SER_MAX_OBJECTIVE];
	int32_t *code[SER_MAX_OBJECTIVE]; /* [items] output of the head for an item's label, -1 */
	real *class_w[SER_MAX_OBJECTIVE];
	real *value[SER_MAX_OBJECTIVE]; /* [items, n_value] */
	real *target;                   /* of the rows of a batch that have them, for each objective in turn */
	int32_t *row;                   /* their numbers */
	size_t cap_target, cap_row;
	size_t *train, *dev; /* items, or pairs of the pair set */
	size_t n_train, n_dev;
	struct ser_la *la;
	struct ser_tape *tape, *fixed,
		*side; /* fixed: runs a frozen encoder; side: losses over the rows of all processes */
	struct ser_opt *opt;
	struct ser_sched sched;
	uint64_t step, n_step, per_epoch;
	size_t *order, order_epoch; /* of the epoch at hand; 0: none yet */
	struct batch b;
	int32_t *label; /* of the rows of a batch, for each objective in turn */
	size_t cap_label;
	float *scratch; /* one whole utterance */
	size_t cap_scratch;
	real *all,
		*own[SER_MAX_OBJECTIVE]; /* outputs of a head for the rows of all processes; gradients for this one's */
	size_t cap_all, cap_own[SER_MAX_OBJECTIVE];
	/* clusters inside speakers: members of each, and of each speaker its clusters */
	size_t *member, *clu_at, n_clu, *spk_at, n_spk;
	/* results so far */
	double norm
		[SER_MAX_OBJECTIVE]; /* of the step at hand: the sum of train_weight() over all its parts; 0: nothing to learn */
	double sum, part[SER_MAX_OBJECTIVE];
	uint64_t n_part[SER_MAX_OBJECTIVE];
	real *best;
	double best_dev;
	size_t best_epoch, n_bad;
	bool stopped;
};

/* ---- random numbers: a stream for each purpose, moment and id ---- */

enum purpose { FOR_ORDER = 1, FOR_CROP, FOR_MASK, FOR_TAPE, FOR_CLASS, FOR_CLUSTER };
struct ser_rng train_rng(const struct ser_trainer *t, enum purpose p, uint64_t moment, uint64_t key);

/* ---- batch.c ---- */

/* Who trains and who validates, from the split and the targets. */
int train_take_units(struct ser_trainer *t, const struct ser_split *s, struct ser_err *e);
void train_batch_free(struct batch *b);
/* Empty the batch; add an item as a row, unless it is one; add pairs with all their members. */
void train_clear_batch(struct ser_trainer *t);
void train_add_row(struct ser_trainer *t, size_t item);
void train_add_pairs(struct ser_trainer *t, const size_t *pair, size_t n);
/* A part, in [0, o.accumulate), of the step's batch: whole records, pairs, or speakers with their clusters. It is empty
 * when the batch has fewer. */
void train_batch_part(struct ser_trainer *t, size_t part);

/* ---- read.c ---- */

/* Features of the batch's rows: for training this process' share of them, cropped, warped and masked; otherwise all, whole. */
void train_read_batch(struct ser_trainer *t, bool training);
float *train_scratch(struct ser_trainer *t, size_t n); /* [n], until the next call */

/* ---- objective.c ---- */

/* What the items' labels and values are to the heads. */
int train_take_targets(struct ser_trainer *t, const struct ser_split *s, struct ser_err *e);
/* What the batch at hand adds to the number that objective k's sum is divided by: the weights of its labelled rows, its
 * rows with values, or its anchors with a positive. */
double train_weight(const struct ser_trainer *t, size_t k);
/* The loss of objective k over the batch, whose rows of this process are embedded as emb, its sum divided by t->norm[k];
 * -1 when the batch says nothing about it. Over all processes the node's gradients add up to the loss's, *value to the loss. */
int train_loss(struct ser_trainer *t, size_t k, int emb, double *value);

/* ---- rates.c ---- */

/* Each slice's factor on the learning rate. */
void train_rates(struct ser_trainer *t);

/* ---- checkpoint.c ---- */

/* Of data, split, options and objectives: what must be the same for training to go on, and in all processes. */
uint64_t train_fingerprint(const struct ser_trainer *t);

/* ---- train.c ---- */

static inline void train_sum(const struct ser_trainer *t, real *x, size_t n)
{
#ifdef SER_REAL_DOUBLE
	ser_comm_sum(t->o.comm, x, n);
#else
	ser_comm_sum_f32(t->o.comm, x, n);
#endif
}
/* The embeddings of the batch read; mode as for ser_tape_reset. */
int train_embed(struct ser_trainer *t, unsigned mode, uint64_t seed);

/* ---- validate.c ---- */

/* At the end of an epoch: fills row->dev, keeps the best parameters, tells the schedule. */
void train_validate(struct ser_trainer *t, struct ser_train_row *row);

#endif
