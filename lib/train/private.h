/* SPDX-License-Identifier: MIT */
/* train's inside: the trainer, between the files that make a step of it. Which file does what:
 *	dataset.c split.c          what there is to train on, and who trains
 *	task.c task_*.c classes.c masked.c frames.c  what is learnt: heads, targets, losses, scores
 *	sample_*.c batch.c         which records a step takes
 *	read.c                     their features: crops, warps, masks
 *	net.c                      the model to begin with
 *	train.c                    setting up, the step
 *	validate.c rates.c         scores after an epoch; learning rates by layer
 *	checkpoint.c               the state on disk
 *	options.c                  options as rows
 *	run.c                      all steps, with log and checkpoints */
#ifndef SER_TRAIN_PRIVATE_H
#define SER_TRAIN_PRIVATE_H

#include "train/train.h"

/* A file to read; "-" is standard input. *name: what to call it. Its descriptor, or SER_EIO. */
int train_open(const char *path, const char **name, struct ser_err *e);
void train_close(int fd); /* unless it is standard input's, or none */

/* What is taken of an utterance for training: frames [from, from + n_src), played at a speed, bands shifted. */
struct cut {
	size_t from, n_src, n_out;
	double speed, shift;
};

/* ---- task.c ---- */

/* A head of values begins at these [n_out]. */
void train_begin_at(const struct ser_task *t, struct ser_model *m, const double *mean);

/* ---- classes.c: tasks over the classes of a label ---- */

/* The classes that occur in training items; SER_EDATA: less than two. */
int train_class_head(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, const char *label,
		     struct ser_head *h, struct ser_err *e);
/* t->code: output of the head. SER_EDATA when the task is the first and a class validates that was not trained. */
int train_class_codes(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, const char *label,
		      const struct ser_head *h, bool first, struct ser_err *e);
/* n / (K n_k) over training items, from the task's arena. */
real *train_class_weights(struct ser_task *t, const struct ser_split *s);
/* Of a batch's rows that have a code: how many, or the weights of their classes. */
double train_class_sum(const struct ser_task *t, const struct ser_batch *b, const real *class_w);
struct label_rows {
	int32_t *y;
	size_t cap;
};
const int32_t *train_class_rows(const struct ser_task *t, struct label_rows *l, const struct ser_batch *b, size_t lo,
				size_t hi);
size_t train_class_tally_size(const struct ser_task *t);
void train_class_tally(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, double *conf);
double train_class_total(const struct ser_task *t, const double *conf);

/* ---- masked.c: tasks over masked frames ---- */

struct masked_rows {
	const int32_t *label; /* of all frames: where it is negative, one counts for nothing; or NULL */
	int32_t *row;         /* [n] of the frames */
	size_t *seg;          /* [n] */
	real *weight;         /* [n] those of an utterance add up to 1, or to 1 - heard and heard */
	double heard;         /* share of the frames that are not masked, 0 <= heard <= 1; 0: they are left out */
	size_t n, cap_row, cap_seg, cap_weight;
};
/* Those of what is on the tape. How many there are. */
size_t train_masked(const struct ser_task *t, struct ser_tape *tape, struct masked_rows *m);
void train_masked_free(struct masked_rows *m);
/* y [n,d] += share times x [n,d], each column normed to mean 0, variance 1, with 1e-5 */
void train_teacher_add(size_t n, size_t d, const real *x, double share, real *y);
/* All items say something to a task. */
void train_every_item(struct ser_task *t, const struct ser_dataset *d);
/* SER_EUSAGE: an encoder whose frames cannot be masked. */
int train_can_mask(const struct ser_task *t, size_t encoder, struct ser_err *e);
/* The share of right ones: sum {right, all} */
size_t train_hits_size(const struct ser_task *t);
double train_hits_total(const struct ser_task *t, const double *sum);

/* ---- frames.c: tasks over targets that have a row a frame ---- */

struct frame_targets {
	const struct ser_dataset *d;
	size_t field, known; /* the target; whole numbers, one a row of it, below 0 where nothing is known */
	bool has_known;
	double rows;         /* of the target, an input row */
	float *x, *is_known; /* of the record at hand [n_x, dim], [n_x] */
	size_t n_x;
	/* of the batch at hand: rows of the head's outputs that have a target, and 1 over how many of its record have */
	int32_t *row;
	real *weight;
	size_t n, cap_x, cap_known, cap_row, cap_weight;
};
/* known may be NULL. SER_EDATA: the header does not tell how far apart rows are; known has other rows than the target. */
int train_frames_open(struct frame_targets *f, const struct ser_task *t, const struct ser_dataset *d,
		      const char *target, const char *known, struct ser_err *e);
/* Where each output row of the batch's rows [lo, hi) lies on its target goes to take(), a row with a fraction: whether there is a
 * target. How many have one. Records of code -1 have none. */
size_t train_frames(struct ser_task *t, struct frame_targets *f, struct ser_tape *tape, const struct ser_batch *b,
		    size_t lo, size_t hi, bool (*take)(struct ser_task *t, double at));
bool train_frames_known(const struct frame_targets *f, size_t row);
void train_frames_free(struct frame_targets *f);

/* ---- batch.c ---- */

/* What an encoder reads of a batch's rows: crops, one after another. */
struct rows_in {
	float *x;
	size_t *n_frame;
	const float **at;
	struct cut *cut;
	size_t cap_x, cap_frame, cap_at, cap_cut;
};
/* Rows of a batch, or of a part of it: distinct items, each with one crop. */
struct ser_batch {
	size_t *row, n, cap;   /* items */
	int32_t *place;        /* [items] row of an item, -1 */
	size_t lo, hi;         /* the rows that this process reads and embeds; what follows is of these */
	size_t piece, n_piece; /* of the rows, which one is run: all of them where n_piece is 1 */
	uint64_t *key;
	size_t cap_key;
	uint64_t seed, moment; /* what a task draws from: train_rng(seed, purpose, moment, key) */
	struct rows_in in[SER_MAX_ENCODER];
};
void train_batch_init(struct ser_batch *b, size_t n_item);
void train_batch_clear(struct ser_batch *b);
size_t train_batch_row(struct ser_batch *b, size_t item); /* the row of an item, added unless it is one */
void train_batch_free(struct ser_batch *b);

/* ---- random numbers: a stream for each purpose, moment and id ---- */

enum purpose { FOR_ORDER = 1, FOR_CROP, FOR_MASK, FOR_TAPE, FOR_CLASS, FOR_CLUSTER, FOR_DEV, FOR_TOP, FOR_PROMPT };
struct ser_rng train_rng(uint64_t seed, enum purpose p, uint64_t moment, uint64_t key);

/* ---- samplers ---- */

/* What they draw from. All borrowed. */
struct ser_draw {
	const struct ser_dataset *d;
	const struct ser_split *s;
	const struct ser_task *task; /* [n_task] */
	size_t n_task;
	uint64_t seed;
	size_t batch;      /* units a step */
	bool balanced;     /* classes of the first task equally often */
	size_t rank, size; /* of the processes that share each batch */
};
/* Units are records, pairs, or speakers with clusters. What is drawn depends on the seed, the epoch or step and ids alone. */
struct ser_sampler {
	struct ser_draw w;
	size_t *train, n_train, *dev, n_dev; /* units */
	uint64_t per_epoch;                  /* steps in which all training units were taken once */
	uint64_t print;                      /* of what it draws from beside the data set */
	size_t *order, n_order;              /* [n_train] of the epoch at hand; its capacity where it may be longer */
	uint64_t epoch;                      /* it; 0: none yet */
	/* Fill order for an epoch, from 1; NULL: units are drawn anew each step. */
	void (*shuffle)(struct ser_sampler *s, uint64_t epoch);
	/* Add to a batch a part, in [0, n_part), of what a step takes; it is empty when the step takes fewer. */
	void (*part)(struct ser_sampler *s, uint64_t step, size_t part, size_t n_part, struct ser_batch *b);
	/* Add the next units, from *i on, that this process validates, or none: false. */
	bool (*validate)(struct ser_sampler *s, size_t *i, struct ser_batch *b);
	void (*free)(struct ser_sampler *s);
};
/* Records that any task learns from; those of the first validate. SER_EUSAGE: no classes to balance; SER_EDATA: none is left. */
int train_sample_items(struct ser_sampler **out, const struct ser_draw *w, struct ser_err *e);
/* Pairs whose members are all on one side. */
struct sets;
int train_sample_pairs(struct ser_sampler **out, const struct ser_draw *w, const struct ser_pair_set *p,
		       struct sets *sets, struct ser_err *e);
/* n_spk speakers x 2 clusters x n_per records a step. */
int train_sample_clusters(struct ser_sampler **out, const struct ser_draw *w, const char *spk, const char *cluster,
			  size_t n_spk, size_t n_per, struct sets *sets, struct ser_err *e);
/* Clusters of a task, the first, equally often: passes, of which an epoch has one or two. */
int train_sample_uniform(struct ser_sampler **out, const struct ser_draw *w, const struct ser_task *t,
			 struct ser_err *e);
struct pass {
	const size_t *item; /* [n] */
	size_t n;
	uint64_t number; /* from 1 */
	bool unlabelled; /* no record has a label of another task; another pass follows */
};
/* The pass that a step belongs to; true: it begins with it. */
bool train_uniform_pass(const struct ser_sampler *s, uint64_t step, struct pass *p);
/* What they share: the positions [*from, *to) of the order that a part takes; where part p of n things begins; the training units
 * by a hash of (seed, purpose, moment, key of the unit), so that the input's order does not matter, into order [n_train]. */
void train_sample_range(struct ser_sampler *s, uint64_t step, size_t part, size_t n_part, size_t *from, size_t *to);
size_t train_part_begin(size_t n, size_t part, size_t n_part);
void train_draw(const struct ser_sampler *s, enum purpose p, uint64_t moment,
		uint64_t (*key)(const struct ser_sampler *s, size_t unit), size_t *order);
bool train_sample_validate(struct ser_sampler *s, size_t *i, struct ser_batch *b); /* records of dev */
void train_sample_free(struct ser_sampler *s);

/* Anchors of a batch with their positives and negatives, as rows. */
struct sets {
	struct ser_pair_rows r;
	int32_t *anchor, *pos, *neg;
	size_t *pos_at, *neg_at;
	size_t cap_anchor, cap_pos, cap_neg, cap_pos_at, cap_neg_at;
};
void train_sets_clear(struct sets *s);
void train_sets_anchor(struct sets *s, size_t row); /* begin one; members that follow are its */
void train_sets_member(struct sets *s, bool positive, size_t row);
void train_sets_free(struct sets *s);

/* ---- the trainer ---- */

/* What normalises the items, for encoders that do it by the utterance; NULL before the first was asked for. */
struct train_moments {
	double *y;   /* [items, ser_model_n_moment()] */
	bool *known; /* [items] */
};

struct ser_trainer {
	const struct ser_dataset *d;
	const struct ser_split *s;
	struct ser_model *m;
	struct ser_train_opts o;
	struct ser_task *task; /* [n_task] the first one's sampler says what an epoch is */
	size_t n_task;
	size_t field[SER_MAX_ENCODER]; /* of the data set, that each encoder reads */
	struct ser_la *la;
	struct ser_tape *tape, *fixed,
		*side;            /* fixed: runs frozen encoders; side: losses over the rows of all processes */
	struct ser_tape *teacher; /* runs the average of the parameters, or NULL */
	struct ser_encoded encoded[SER_MAX_ENCODER]; /* of the batch at hand */
	int part[SER_MAX_ENCODER][SER_N_PART];       /* nodes of the batch at hand on tape; -1: no head asks for it */
	struct ser_opt *opt;
	struct ser_sched sched;
	uint64_t step, n_step, per_epoch, print;
	struct ser_batch b;
	bool whole; /* batches in parts, and a loss that wants the rows of all of them */
	struct train_moments moments[SER_MAX_ENCODER];
	float *scratch; /* one whole utterance */
	size_t cap_scratch;
	real *all; /* [n_live] gradients of what is not frozen */
	size_t cap_all;
	real *held; /* gradients that a loss over all rows is to leave as they are */
	size_t cap_held;
	double sum;    /* of losses over the epoch so far */
	size_t n_live; /* elements that may change (ser_params_live) */
	real *best;    /* [n_live] */
	double best_dev;
	size_t best_epoch, n_bad;
	bool stopped;
};

/* The part, in [0, o.accumulate), of the step's batch: of all samplers. Where a loss is formed over all rows (t->whole), the whole batch,
 * of which the rows of that part are read. */
void train_batch_part(struct ser_trainer *t, size_t part);

/* ---- read.c ---- */

/* Features of the batch's rows: for training this process' share of them, cropped, warped and masked; otherwise all, whole. */
void train_read_batch(struct ser_trainer *t, bool training);
float *train_scratch(struct ser_trainer *t, size_t n); /* [n], until the next call */

/* ---- rates.c ---- */

/* Each slice's factor on the learning rate. */
void train_rates(struct ser_trainer *t);

/* ---- checkpoint.c ---- */

/* Of data, split and options, and of the model before the first step: what must be the same for training to go on, and in all processes. */
uint64_t train_fingerprint(const struct ser_trainer *t);

/* ---- train.c ---- */

/* Is the average of the parameters what validates and is written? Not where it is a teacher. */
static inline bool train_averages(const struct ser_trainer *t)
{
	return t->o.opt.ema > 0 && t->task->kind->teach == NULL;
}

static inline void train_sum(const struct ser_trainer *t, real *x, size_t n)
{
#ifdef SER_REAL_DOUBLE
	ser_comm_sum(t->o.comm, x, n);
#else
	ser_comm_sum_f32(t->o.comm, x, n);
#endif
}
/* Run the encoders that the first n_task tasks stand on over the batch read; mode as for ser_tape_reset. Then what a task's head
 * stands on. */
void train_encode(struct ser_trainer *t, unsigned mode, uint64_t seed, size_t n_task);
int train_source(struct ser_trainer *t, struct ser_task *k);

/* ---- validate.c ---- */

/* At the end of an epoch: fills row->dev, keeps the best parameters, tells the schedule. */
void train_validate(struct ser_trainer *t, struct ser_train_row *row);

#endif
