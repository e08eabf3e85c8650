/* SPDX-License-Identifier: MIT */
/* A task is what a network is trained for: a head on what encoders make of records, targets that the records give
 * it, a loss. Any number of tasks, of any kind and in any order, train the encoders; the first also says which
 * records an epoch has, and validates. A kind of task is one file task_NAME.c and one row of ser_task_kinds[]:
 * nothing else knows it by name.
 *
 * Samplers, sample_NAME.c, say which units (records, pairs, speakers with their clusters) a step takes. */
#ifndef SER_TRAIN_TASK_H
#define SER_TRAIN_TASK_H

#include "base/option.h"
#include "model/model.h"
#include "train/dataset.h"

struct ser_split;
struct ser_split_opts;
struct ser_net_opts;
struct ser_batch;
struct ser_sampler;
struct ser_draw;
struct ser_trainer;
struct ser_task;

struct ser_task_kind {
	const char *name, *summary;
	/* Its options: a struct of `size` bytes, its values to begin with, the rows that set it. */
	const struct ser_option *options;
	const void *defaults;
	size_t size;
	const char *score; /* what it validates by, larger is better: "uar", "ccc", "loss" */
	double least;      /* a batch of less weight teaches nothing */
	bool frames;       /* its head may stand on frames: outputs are a row a frame */
	/* it must, on those of the one encoder unless it is said; that is one that can be pretrained */
	bool needs_frames;
	size_t batch;    /* records a step, and seconds of a crop, when it comes first and nothing else was said; */
	double crop_s;   /* 0: the trainer's defaults */
	size_t n_hidden; /* hidden units of its head where nothing else was said */
	double ema;      /* the same of the average of parameters; needed with teach() */

	/* In the order in which they are called; those marked * may be absent. */
	/* * What it makes of the encoders that were asked for, when it comes first. SER_EUSAGE: they don't go with its options. */
	int (*encoders)(struct ser_task *t, struct ser_net_opts *n, struct ser_err *e);
	/* * What it changes in the split when it comes first. */
	void (*split)(const struct ser_task *t, struct ser_split_opts *s);
	/* Add the names of the record labels that it will look at (ser_task_want). */
	void (*labels)(const struct ser_task *t, struct ser_strs *l);
	/* * Add the names of further tensors of the records that it will look at. */
	void (*fields)(const struct ser_task *t, struct ser_strs *l);
	/* * What its head is called; absent: as its kind. */
	const char *(*head_name)(const struct ser_task *t);
	/* * Add the texts whose words an encoder of texts is to know that has no tokenizer. */
	int (*texts)(struct ser_task *t, const struct ser_dataset *d, struct ser_strs *l, struct ser_err *e);
	/* * Read what it needs beside the records. */
	int (*read)(struct ser_task *t, const struct ser_dataset *d, size_t max_record, struct ser_err *e);
	/* Its head: kind, outputs, field. Text of the task's arena. */
	int (*head)(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_head *h,
		    struct ser_err *e);
	/* * Further heads, whose outputs its loss makes by itself. */
	int (*more)(struct ser_task *t, struct ser_model *m, struct ser_err *e);
	/* * Targets from the data set, t->code among them; the model is built, its head is m->head[t->head]. */
	int (*targets)(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_model *m,
		       struct ser_err *e);
	/* * A sampler of its own; absent: the records that any task can learn from. */
	int (*sampler)(struct ser_task *t, const struct ser_draw *w, struct ser_sampler **out, struct ser_err *e);
	/* * Before each step. Codes of a task that has this are in checkpoints. */
	int (*before)(struct ser_task *t, struct ser_trainer *tr, struct ser_err *e);
	/* * Frames that are masked, in training and validation, when it comes first. */
	const struct ser_mask *(*mask)(const struct ser_task *t);
	/* * What the average of the parameters makes of the batch at hand, unmasked: y on tape, to be looked at now. */
	void (*teach)(struct ser_task *t, struct ser_tape *tape, const struct ser_encoded *y);
	/* * What a batch adds to the number that the loss's sum is divided by; absent: its records. */
	double (*weight)(const struct ser_task *t, const struct ser_batch *b);
	/* The loss over rows [lo, hi) of a batch, out [hi-lo, ..] being the head's outputs, its sum divided by norm;
	 * -1: these rows say nothing. What the tape borrows stays until the next call. */
	int (*loss)(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, size_t lo, size_t hi,
		    double norm);
	/* * Is its loss no sum over rows? Then it is formed over those of all processes and of all parts of a batch;
	 * absent: it is one. */
	bool (*all_rows)(const struct ser_task *t);
	/* * After each update: parameters back into their bounds. */
	void (*bound)(struct ser_task *t, struct ser_model *m);
	/* * Validation, the three or none: doubles [tally_size()], zeros; each batch of whole records adds to them;
	 * those of all processes are summed; their score.
	 * A tally has a place of its own for what must not be summed. */
	size_t (*tally_size)(const struct ser_task *t);
	void (*tally)(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, double *sum);
	double (*total)(const struct ser_task *t, const double *sum);
	/* * Whose speech had a part in what it read: a list. */
	const struct ser_val *(*speakers)(const struct ser_task *t);
	void (*free)(struct ser_task *t); /* * its state */
};
extern const struct ser_task_kind *const ser_task_kinds[];   /* ends with NULL */
const struct ser_task_kind *ser_task_find(const char *name); /* or NULL */

enum { SER_MAX_TASK = 16, SER_TASK_OWN = 256 };
struct ser_task {
	const struct ser_task_kind *kind;
	const char *name; /* of its head and of its loss in the log; ser_task_name_all() */
	/* what every task has, rows ser_task_options: */
	/* of its loss in the sum; when adversarial, of the reversed gradient instead (the head learns at 1) */
	double weight;
	bool adversarial;         /* behind gradient reversal */
	const char *source;       /* what its head stands on (model.h); NULL: the embeddings of all encoders */
	const char *spk;          /* the label that names the speaker */
	size_t n_hidden, n_layer; /* hidden units and layers of its head */
	double dropout;           /* of its head */
	enum ser_head_pool pool;  /* what it makes of frames */
	bool frozen;              /* its head stays as it began */
	_Alignas(16) char own[SER_TASK_OWN]; /* its kind's options */
	/* results */
	struct ser_buf note; /* what its user should be told of the data; empty: nothing */
	struct ser_arena arena;
	struct ser_model *model; /* from head() on */
	int head;                /* index into the model's heads */
	size_t n_item;           /* of the data set */
	/* [n_item] the class of an item, or 0; -1: the item says nothing to this task; NULL: no item does */
	int32_t *code;
	size_t n_class;              /* 0: it has no classes */
	uint64_t print;              /* of what it read beside the records */
	void *state;                 /* its kind's */
	double nmi;                  /* of its codes against those before; NaN: there were none */
	struct ser_sampler *sampler; /* NULL: it goes by the first task's */
	/* of the step at hand, and sums over the epoch: the trainer's */
	bool rests;                        /* its head is left alone */
	const struct ser_encoded *encoded; /* by the encoder that its head stands on first; it is number */
	size_t encoder;
	double progress; /* share of all steps that is done */
	uint64_t moment; /* a number of the seed and the step; of validations always the same */
	double norm, sum;
	uint64_t n_sum;
	/* where its loss is formed over more rows than are encoded at once: */
	real *all; /* [rows, n_out] its outputs for all of them, then their gradients */
	size_t n_out, cap_all;
	bool said;    /* there is a loss, */
	double whole; /* this */
};
/* The rows of what every task has: weight and head; and `adversarial`, for a task that is not the first. */
extern const struct ser_option ser_task_options[], ser_task_reverse[];

/* A task at its kind's defaults. */
void ser_task_init(struct ser_task *t, const struct ser_task_kind *k);
/* The short form of a classifier beside the first task, "FIELD" or "FIELD:WEIGHT", weight 0.1 unless it is said.
 * SER_EUSAGE: it is neither. */
int ser_task_parse(struct ser_task *t, const char *text, struct ser_err *e);
void ser_task_free(struct ser_task *t);
/* Give each a name of its own: what its kind says, a number behind it where that is taken. */
void ser_task_name_all(struct ser_task *t, size_t n);
/* The task that validates: the first that can; NULL: none. */
const struct ser_task *ser_task_validator(const struct ser_task *t, size_t n);
/* For labels(): add a name, NULL is none. */
void ser_task_want(struct ser_strs *l, const char *name);

#endif
