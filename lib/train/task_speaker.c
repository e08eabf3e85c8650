/* SPDX-License-Identifier: MIT */
/* speaker: an embedding that tells the values of a label apart, by the additive angular margin softmax (Deng et al. 2019). */
#include "train/private.h"

#include <stdlib.h>

enum { AAM, SOFTMAX };
static const char *const losses[] = {"aam", "softmax", NULL};
static const char *const weights[] = {"none", "balanced", NULL};

struct opts {
	const char *label;
	int loss, class_weight;
	double margin, scale, smooth;
	size_t n_sub;
};
static const struct opts defaults = {.label = "spk", .margin = 0.2, .scale = 30, .n_sub = 1};
static const struct ser_option options[] = {
	{"label", "label to tell apart", SER_AT_STR(struct opts, label, "NAME"), .letter = 'l'},
	{"loss", "additive angular margin, or plain softmax", SER_AT_CHOICE(struct opts, loss, "NAME", losses)},
	{"margin", "angular margin", SER_AT_REAL(struct opts, margin, "RADIANS", 0, 1.5)},
	{"scale", "factor on the cosines", SER_AT_REAL(struct opts, scale, "X", 1, 1000)},
	{"sub-centres", "centres a class", SER_AT_COUNT(struct opts, n_sub, "N", 1, 100)},
	{"class-weight", "weigh classes by the inverse of their number",
	 SER_AT_CHOICE(struct opts, class_weight, "HOW", weights)},
	{"smooth", "label smoothing", SER_AT_REAL(struct opts, smooth, "X", 0, 0.99)},
	{0},
};

struct state {
	real *class_w; /* [K] or NULL */
	struct label_rows label;
};

static const struct opts *own(const struct ser_task *t)
{
	return (const struct opts *)t->own;
}

/* Validation knows the speakers of training. */
static void split(const struct ser_task *t, struct ser_split_opts *s)
{
	s->spk = own(t)->label;
	s->dev_by_item = true;
}

static const char *head_name(const struct ser_task *t)
{
	return own(t)->label;
}

static void labels(const struct ser_task *t, struct ser_strs *l)
{
	ser_task_want(l, own(t)->label);
}

static int head(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_head *h,
		struct ser_err *e)
{
	h->kind = own(t)->loss == AAM ? SER_HEAD_COSINE : SER_HEAD_CLASS;
	h->n_sub = own(t)->loss == AAM ? own(t)->n_sub : 1;
	return train_class_head(t, d, s, own(t)->label, h, e);
}

static int targets(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_model *m,
		   struct ser_err *e)
{
	struct state *z = t->state = ser_calloc(1, sizeof *z);
	if (train_class_codes(t, d, s, own(t)->label, &m->head[t->head], t->head == 0, e) != 0)
		return e->code;
	z->class_w = own(t)->class_weight == 1 ? train_class_weights(t, s) : NULL;
	return 0;
}

static double weight(const struct ser_task *t, const struct ser_batch *b)
{
	return train_class_sum(t, b, ((const struct state *)t->state)->class_w);
}

static int loss(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, size_t lo, size_t hi,
		double norm)
{
	struct state *z = t->state;
	const struct opts *o = own(t);
	const int32_t *y = train_class_rows(t, &z->label, b, lo, hi);
	struct ser_loss l = {.class_w = z->class_w, .smooth = o->smooth, .norm = norm};
	return o->loss == AAM ? ser_nn_aam(tape, out, o->n_sub, y, o->margin, o->scale, &l)
			      : ser_nn_cross_entropy(tape, out, y, &l);
}

static void free_state(struct ser_task *t)
{
	struct state *z = t->state;
	if (z != NULL)
		free(z->label.y);
	free(z);
}

const struct ser_task_kind train_speaker = {
	.name = "speaker",
	.summary = "Learn an embedding that tells speakers apart.",
	.options = options,
	.defaults = &defaults,
	.size = sizeof defaults,
	.score = "uar",
	.batch = 64,
	.crop_s = 2,
	.split = split,
	.head_name = head_name,
	.labels = labels,
	.head = head,
	.targets = targets,
	.weight = weight,
	.loss = loss,
	.tally_size = train_class_tally_size,
	.tally = train_class_tally,
	.total = train_class_total,
	.free = free_state,
};
