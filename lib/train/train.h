/* SPDX-License-Identifier: MIT */
/* train: a list of encoders and a list of weighted tasks on what they make of records (task.h). Nothing here prints or exits.
 *
 * The result depends on the data, the options and the seed alone: not on the order of the input, on threads or on
 * interruptions; but for rounding, not on the number of processes either. Every random choice is drawn from (seed, epoch or
 * step, id), so that a checkpoint needs no generator. */
#ifndef SER_TRAIN_TRAIN_H
#define SER_TRAIN_TRAIN_H

#include "base/base.h"
#include "train/comm.h"
#include "dsp/dsp.h"
#include "model/model.h"
#include "nn/nn.h"
#include "train/dataset.h"
#include "train/task.h"

/* ---- who trains, who validates, who is left out ------------------------------------------------------ */

enum ser_role { SER_ROLE_TRAIN, SER_ROLE_DEV, SER_ROLE_OUT };

struct ser_split_opts {
	const char *spk;   /* the label that names the speaker */
	const char *fold;  /* the label that names the fold; used with the next two */
	const char *split; /* the label that says what a record is for: test is left out, dev validates; NULL: none */
	const char *test_fold;      /* this fold is left out; NULL: none */
	const char *dev_fold;       /* this fold validates */
	const char *const *dev_spk; /* these speakers validate */
	size_t n_dev_spk;
	double dev_frac;   /* this share of the speakers left validates, chosen by seed, at least one; 0: none */
	bool dev_by_item;  /* the share is of each speaker's utterances instead: for telling speakers apart */
	bool allow_shared; /* speakers may be on two sides */
	uint64_t seed;
};
extern const struct ser_option ser_split_options[]; /* rows of them */
struct ser_split {
	uint8_t *role;                                /* [n] of each item */
	size_t n_train, n_dev, n_out;                 /* items */
	size_t split_dev, split_out;                  /* of them, by the label `split` */
	size_t spk_train, spk_dev, spk_out, n_no_spk; /* speakers; items without one */
};
/* SER_EPROTO naming them when speakers are on two sides; SER_EDATA when a fold, a speaker named or the training part is
 * empty, or an item has no fold. */
int ser_split_make(struct ser_split *s, const struct ser_dataset *d, const struct ser_split_opts *o, struct ser_err *e);
void ser_split_free(struct ser_split *s);

/* ---- pairs -------------------------------------------------------------------------------------------- */

/* Anchors with their positives and negatives as item numbers: from records with the labels "anchor", "pos..." and
 * "neg..." that hold ids (ser-pairs writes them). */
struct ser_pair_set {
	size_t n, cap;
	uint64_t *key;           /* [n] hash of the record's id */
	int32_t *anchor;         /* [n] */
	size_t *pos_at, *neg_at; /* [n+1] */
	int32_t *pos, *neg;
	size_t cap_at, cap_pos, cap_neg;
	size_t n_absent;         /* records passed over because an id of theirs is not in the data set */
	struct ser_val speakers; /* a list: whose speech the clusters' embeddings were learnt from */
	struct ser_arena arena;
};
/* Read such a stream to its end. */
int ser_pair_set_read(struct ser_pair_set *p, const struct ser_dataset *d, int fd, const char *name, size_t max_record,
		      struct ser_err *e);
/* The same of a file; "-" is standard input. */
int ser_pair_set_read_file(struct ser_pair_set *p, const struct ser_dataset *d, const char *path, size_t max_record,
			   struct ser_err *e);
void ser_pair_set_free(struct ser_pair_set *p);

/* ---- whose speech has a part in a model ---------------------------------------------------------------- */

/* Add the names of a list (NULL, or no list: none) to the speakers that a model says it was trained on. */
void ser_train_speakers_add(struct ser_model *m, const struct ser_val *said);
/* Speakers that are left out, but that the model says it was trained on: through another model, the features or pairs. Appends some of
 * their names; returns how many there are. */
size_t ser_train_speakers_left(const struct ser_model *m, const struct ser_dataset *d, const struct ser_split *s,
			       const char *spk, struct ser_buf *names);
/* What a header says: whose speech had a part in making a tensor (train_speakers of the field's dims, as ser-embed writes),
 * or, field NULL, in choosing the records (the header's own train_speakers, as ser-pairs writes). NULL: nothing. */
const struct ser_val *ser_train_speakers_of(const struct ser_header *h, const char *field);

/* ---- data and heads of tasks (task.h) --------------------------------------------------------------------- */

struct ser_net_opts;
/* A data set, empty, that keeps what the encoders, the tasks and the split will look at. */
struct ser_dataset *ser_train_data_new(const struct ser_net_opts *o, const struct ser_task *t, size_t n,
				       const struct ser_split_opts *s, size_t max_record);
/* Add the heads of tasks, which have names, to a model that is not built yet. Classes are those that occur in training items. */
int ser_train_heads(struct ser_model *m, const struct ser_dataset *d, const struct ser_split *s, struct ser_task *t,
		    size_t n, struct ser_err *e);

/* ---- the model to train -------------------------------------------------------------------------------- */

/* How an encoder is trained. */
struct ser_tune {
	/* Parts that are not trained (ser_model_freeze); "all": no dropout and no batch statistics there either; NULL: none. Of an encoder
	 * with low-rank adapters only these are trained. */
	const char *freeze;
	double lr;          /* factor on its learning rate */
	double layer_decay; /* and on that of each of its layers once for each layer from the heads down: see ser_train_layers */
	size_t crop;     /* frames of a random crop; 0: whole utterances */
	bool keep_input; /* a global normalisation stays as it is; else it is fitted to the training items */
};
/* An encoder of the model to train. */
struct ser_encoder_opts {
	const char *name; /* NULL: its field, or "text", where there are several, none for one */
	const char *field;
	const char *tokenizer; /* it reads texts by this one, and no field; NULL: the field, unless */
	bool sounds;           /* it reads the field, whatever tokenizer is said */
	bool texts; /* it reads texts; without tokenizer by that of init or, of a new one, by one made of the first task's texts */
	const char *arch;      /* NULL: init's, or the first of ser_archs */
	struct ser_strs hyper; /* "name=value" */
	int norm; /* an enum ser_model_norm; -1: init's; of tokens none; of vectors globally; else by the mean */
	const char *
		init; /* begin with this model's encoder (of this name, where it has several), hyper-parameters and normalisation;
			   * NULL: with a new one */
	bool mix, mix_norm; /* a weighted sum of its layers, as they are or each normed; else as init has it */
	const char *lora;   /* low-rank adapters, see ser_lora_parse; NULL: none */
	struct ser_tune tune;
};
struct ser_encoder_opts ser_encoder_defaults(void);
bool ser_encoder_reads_texts(const struct ser_encoder_opts *o);
extern const struct ser_option ser_encoder_options[]; /* rows of them */
struct ser_net_opts {
	struct ser_encoder_opts enc[SER_MAX_ENCODER];
	size_t n_enc;
	uint64_t seed;
	const char *spk; /* the label that names the speaker */
};
/* A model for the data set's fields with heads for the tasks, which says what it is trained on, and the speakers: also those of init,
 * of the field's own model and of what tasks read. SER_EUSAGE, SER_EDATA: init does not fit the stream or the other options. */
int ser_net_new(struct ser_model **out, const struct ser_dataset *d, const struct ser_split *s, struct ser_task *t,
		size_t n, const struct ser_net_opts *o, struct ser_err *e);
/* Frames of an encoder's crop, by the frame shift that the stream's header gives; 0 for 0 seconds, for vectors and for tokens.
 * SER_EDATA when the header gives none. */
int ser_net_crop(const struct ser_dataset *d, const struct ser_encoder *c, double seconds, size_t *n_frame,
		 struct ser_err *e);

/* ---- training ------------------------------------------------------------------------------------------- */

struct ser_train_opts {
	uint64_t seed;
	size_t n_epoch, batch;
	size_t accumulate; /* a batch is worked through in so many parts, whose gradients are added: memory of one part */
	bool recompute;    /* ser_tape_recompute(): the same bytes in less memory */
	double stretch, shift;    /* speed of each crop in 1 +- stretch; its bands shifted by up to so many, +- */
	bool balanced;            /* draw classes of the first task equally often */
	struct ser_mask_opt mask; /* SpecAugment, of each crop */
	struct ser_opt_opts opt;
	enum ser_sched_kind sched;
	double lr, warmup;                     /* warmup: share of all steps */
	double warmup_epochs;                  /* > 0: so many epochs instead */
	double clip;                           /* greatest gradient norm; 0: any */
	struct ser_tune tune[SER_MAX_ENCODER]; /* by the model's encoders */
	double ramp; /* adversarial weights grow as 2/(1+exp(-ramp p)) - 1 with the share p of steps done; 0: at once */
	enum ser_la_precision precision; /* of matrix products; parameters, their moments and all else are in float */
	struct ser_comm
		*comm;   /* borrowed; processes that share each batch, all with the same arguments; NULL: this one */
	size_t patience; /* stop after so many validations without a better one; 0: never */
	uint64_t
		print; /* of all options that the caller has: what else must be the same for a checkpoint to be gone on from */
};
struct ser_train_opts ser_train_defaults(void);
extern const struct ser_option ser_train_options[]; /* rows of them */

/* What a step tells. Sums are means over the epoch so far. */
struct ser_train_row {
	uint64_t step, n_step; /* steps done, and in all */
	size_t epoch;          /* from 1 */
	double lr, loss, grad_norm;
	double part[SER_MAX_TASK]; /* loss of each task */
	bool end_of_epoch;         /* what follows is there */
	bool validated;
	double dev, best; /* the first task's score, larger is better */
	size_t best_epoch;
};

/* The layer, from 0 at the input, of each parameter of the encoder below a prefix, into layer [p->n_slice]; SIZE_MAX: it is none of
 * the encoder's. A layer is a block that the names number ("block3.", "blocks.3."); what stands between blocks belongs to the next
 * one; what follows the last (recurrence, pooling, the embedding) is one layer more. Returns how many there are. */
size_t ser_train_layers(const struct ser_params *p, const char *prefix, size_t *layer);

struct ser_trainer;
/* All are borrowed, tasks too, which change; the model is built and has their heads. */
int ser_trainer_new(struct ser_trainer **out, const struct ser_dataset *d, const struct ser_split *s,
		    struct ser_model *m, struct ser_task *task, size_t n_task, const struct ser_train_opts *o,
		    int n_thread, struct ser_err *e);
void ser_trainer_free(struct ser_trainer *t);
/* Do one step, and at the end of an epoch a validation. 1: there are more; 0: it was the last; <0: SER_EDATA, the loss
 * or a gradient is not finite, naming step and ids; the model is of no use then. */
int ser_trainer_step(struct ser_trainer *t, struct ser_train_row *row, struct ser_err *e);
/* Put the best parameters (validation) or the last ones, averaged if so asked, into the model. */
void ser_trainer_finish(struct ser_trainer *t);
/* Everything that the rest of the training depends on, in one safetensors file, which is also a model of the moment;
 * note: text of the caller's that resume gives back (malloc'ed). Resume refuses a file made from other data, options or network. */
int ser_trainer_save(const struct ser_trainer *t, const char *path, const char *note, struct ser_err *e);
int ser_trainer_resume(struct ser_trainer *t, const char *path, char **note, struct ser_err *e);
/* Begin where the training of a checkpoint stood: parameters, heads' too, moments and steps, to which the epochs are added. Records and
 * options may be others; the tasks' heads may not. */
int ser_trainer_go_on(struct ser_trainer *t, const char *path, struct ser_err *e);

/* ---- the log -------------------------------------------------------------------------------------------- */

/* A table, tab-separated, a row an epoch: epoch, step, lr, loss, loss_NAME of each task, grad_norm, dev_METRIC, best.
 * It holds no times, so that two equal runs have equal logs. */
struct ser_train_log;
/* note: what ser_train_log_note said when the checkpoint that is gone on from was written: what is behind it is cut off;
 * NULL: a new log. */
int ser_train_log_open(struct ser_train_log **out, const char *path, const struct ser_task *task, size_t n_task,
		       const char *note, struct ser_err *e);
int ser_train_log_row(struct ser_train_log *l, const struct ser_train_row *r, struct ser_err *e);
/* How far the log has come, for a checkpoint; l may be NULL. */
void ser_train_log_note(const struct ser_train_log *l, char note[static 32]);
int ser_train_log_close(struct ser_train_log *l, struct ser_err *e); /* l may be NULL */

/* ---- the run -------------------------------------------------------------------------------------------- */

struct ser_train_keep {
	const char *log;        /* NULL: none */
	const char *checkpoint; /* NULL: none */
	int64_t every;          /* steps between checkpoints; 0: at each epoch's end */
	bool resume;            /* go on from the checkpoint when it is there */
};
/* Take all steps, then ser_trainer_finish(). Of processes that train together the first one writes. tell (may be NULL) is called after
 * each step; more: it was not the last. */
int ser_train_run(struct ser_trainer *t, const struct ser_train_keep *k,
		  void (*tell)(void *ctx, const struct ser_train_row *row, bool more), void *ctx, struct ser_err *e);

#endif
