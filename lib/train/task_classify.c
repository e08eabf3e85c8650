/* SPDX-License-Identifier: MIT */
/* classify: the classes of a label, or the shares that votes give them, perhaps with a penalty by how seldom classes occur together. */
#include "train/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CE, FOCAL, BCE, KL };
static const char *const losses[] = {"ce", "focal", "bce", "kl", NULL};
enum { ALIKE, BALANCED, COOCCUR };
static const char *const weights[] = {"none", "balanced", "cooccur", NULL};

struct opts {
	const char *label;
	struct ser_strs votes;
	int loss, class_weight;
	double gamma, smooth, alpha, beta;
	const char *penalty;
	bool multi_hot, coupled;
};
static const struct opts defaults = {.gamma = 2, .alpha = 1, .beta = 1};
static const struct ser_option options[] = {
	{"label", "label to learn", SER_AT_STR(struct opts, label, "NAME"), .letter = 'l', .flags = SER_OPTION_NEEDED},
	{"votes", "number that says how many chose a class, which is what follows its last dot: soft targets",
	 SER_AT_LIST(struct opts, votes, "NAME")},
	{"loss", "cross entropy, focal loss, binary cross entropy of each class, or Kullback-Leibler divergence",
	 SER_AT_CHOICE(struct opts, loss, "NAME", losses)},
	{"gamma", "exponent of the focal loss", SER_AT_REAL(struct opts, gamma, "X", 0, 100)},
	{"class-weight", "weigh classes by the inverse of their number, or by how seldom votes choose them together",
	 SER_AT_CHOICE(struct opts, class_weight, "HOW", weights)},
	{"smooth", "label smoothing", SER_AT_REAL(struct opts, smooth, "X", 0, 0.99)},
	{"multi-hot", "the target is 1 for every class that has a vote, for --loss bce",
	 SER_AT_FLAG(struct opts, multi_hot)},
	{"penalty", "penalties between classes, which ser-score cooccurrence --json wrote",
	 SER_AT_STR(struct opts, penalty, "FILE"), .flags = SER_OPTION_READ},
	{"alpha", "weight of the penalised loss", SER_AT_REAL(struct opts, alpha, "X", 0, 1000)},
	{"beta", "weight of the loss without penalties beside it", SER_AT_REAL(struct opts, beta, "X", 0, 1000)},
	{"coupled", "penalise what is predicted by what is true, instead of weighing what is true",
	 SER_AT_FLAG(struct opts, coupled)},
	{0},
};

struct state {
	struct ser_val penalties, speakers; /* of the file: objects by class; whose votes they are from */
	double *penalty;                    /* [K,K] of the head's classes, or NULL */
	real *class_w;                      /* [K] or NULL */
	bool weighted;                      /* the loss is divided by the weights of its rows */
	real *share;                        /* [items, K] of votes, or NULL */
	struct label_rows label;
	real *target; /* of a batch's rows */
	size_t cap;
	real *unlikely; /* the same under penalties */
	size_t cap_unlikely;
	real *row_w;
	size_t cap_w;
};

static const struct opts *own(const struct ser_task *t)
{
	return (const struct opts *)t->own;
}

static const char *class_of(const char *vote)
{
	const char *dot = strrchr(vote, '.');
	return dot != NULL ? dot + 1 : vote;
}

static const char *head_name(const struct ser_task *t)
{
	return own(t)->label;
}

static void labels(const struct ser_task *t, struct ser_strs *l)
{
	ser_task_want(l, own(t)->label);
	for (size_t k = 0; k < own(t)->votes.n; k++)
		ser_task_want(l, own(t)->votes.s[k]);
}

/* What ser-score cooccurrence --json wrote */
static int read_penalty(struct ser_task *t, const struct ser_dataset *d, size_t max_record, struct ser_err *e)
{
	struct state *z = t->state = ser_calloc(1, sizeof *z);
	const char *path = own(t)->penalty;
	struct ser_val v;
	char *text;
	size_t n;
	(void)d;
	if (path == NULL)
		return 0;
	if (ser_read_file(path, max_record, &text, &n, e) != 0)
		return e->code;
	t->print = ser_hash(text, n);
	int rc = ser_val_from_json(&t->arena, text, n, &v, e);
	free(text);
	const struct ser_val *p = rc == 0 ? ser_val_get(&v, "penalty") : NULL,
			     *who = rc == 0 ? ser_val_get(&v, "speakers") : NULL;
	if (rc == 0 && (p == NULL || p->kind != SER_LIST || who == NULL || who->kind != SER_LIST))
		rc = ser_fail(e, SER_EDATA,
			      "it has no lists \"penalty\" and \"speakers\": ser-score cooccurrence --json makes it");
	if (rc != 0)
		return ser_fail_in(e, "%s", path);
	z->penalties = *p;
	z->speakers = ser_val_list();
	for (size_t i = 0; i < who->u.list.n; i++) {
		const struct ser_val *name = ser_val_get(&who->u.list.v[i], "speaker");
		if (name != NULL && name->kind == SER_STR)
			ser_val_push(&t->arena, &z->speakers, *name);
	}
	return 0;
}

static int head(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_head *h,
		struct ser_err *e)
{
	const struct opts *o = own(t);
	h->kind = o->loss == BCE ? SER_HEAD_MULTI : SER_HEAD_CLASS;
	if (o->penalty != NULL && o->class_weight != ALIKE)
		return ser_fail(e, SER_EUSAGE, "--penalty and --class-weight do not go together");
	if (o->coupled && (o->penalty == NULL || o->loss == FOCAL))
		return ser_fail(e, SER_EUSAGE, "--coupled needs --penalty, and another loss than focal");
	if (o->multi_hot && (o->votes.n == 0 || o->loss != BCE))
		return ser_fail(e, SER_EUSAGE, "--multi-hot needs --votes and --loss bce");
	if (o->votes.n == 0 && o->loss == KL)
		return ser_fail(e, SER_EUSAGE, "--loss kl needs --votes: of one class it is the cross entropy");
	if (o->votes.n == 0 && o->class_weight == COOCCUR)
		return ser_fail(e, SER_EUSAGE, "--class-weight cooccur needs --votes");
	if (o->votes.n == 0)
		return train_class_head(t, d, s, o->label, h, e);
	if (o->votes.n == 1 || o->loss == FOCAL || o->smooth > 0)
		return ser_fail(e, SER_EUSAGE, "--votes are of two classes or more, without --loss focal and --smooth");
	const char **out = ser_arena_calloc(&t->arena, o->votes.n, sizeof *out);
	for (size_t k = 0; k < o->votes.n; k++)
		out[k] = class_of(o->votes.s[k]);
	h->out = out;
	h->n_out = o->votes.n;
	h->field = o->label;
	return 0;
}

/* Shares of votes; an item without any takes no part, one without the label has the class that most chose. */
static int take_votes(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_err *e)
{
	const struct opts *o = own(t);
	struct state *z = t->state;
	size_t k_all = t->n_class, n_train = 0;
	double *count = ser_calloc(k_all * k_all, sizeof *count);
	z->share = ser_calloc(ser_mul(d->n, k_all), sizeof *z->share);
	for (size_t i = 0; i < d->n; i++) {
		double sum = 0, top = 0;
		int32_t best = -1;
		for (size_t k = 0; k < k_all; k++) {
			double v = ser_dataset_label(d, o->votes.s[k])->num[i];
			v = v > 0 && isfinite(v) ? v : 0;
			z->share[i * k_all + k] = (real)v;
			best = v > top ? (int32_t)k : best;
			top = v > top ? v : top;
			sum += v;
		}
		t->code[i] = sum > 0 ? (t->code[i] >= 0 ? t->code[i] : best) : -1;
		for (size_t k = 0; sum > 0 && k < k_all; k++)
			z->share[i * k_all + k] = o->multi_hot ? z->share[i * k_all + k] > 0
							       : (real)((double)z->share[i * k_all + k] / sum);
		if (t->code[i] < 0 || s->role[i] != SER_ROLE_TRAIN)
			continue;
		n_train++;
		for (size_t j = 0; j < k_all; j++)
			for (size_t k = 0; k < k_all; k++)
				count[j * k_all + k] += z->share[i * k_all + j] > 0 && z->share[i * k_all + k] > 0;
	}
	int rc = n_train > 0 ? 0 : ser_fail(e, SER_EDATA, "no training record has votes");
	if (rc == 0 && o->class_weight == COOCCUR) {
		z->class_w = ser_arena_alloc(&t->arena, k_all, sizeof *z->class_w);
		rc = ser_nn_cooccur_weights(k_all, count, z->class_w, e);
	}
	free(count);
	return rc;
}

/* P of the head's classes, by name; w_j = beta + alpha sum_z P_jz of the form that is printed. */
static int take_penalty(struct ser_task *t, const struct ser_head *h, struct ser_err *e)
{
	const struct opts *o = own(t);
	struct state *z = t->state;
	size_t k_all = h->n_out;
	z->penalty = ser_arena_calloc(&t->arena, ser_mul(k_all, k_all), sizeof *z->penalty);
	for (size_t j = 0; j < k_all; j++) {
		const struct ser_val *row = NULL;
		for (size_t i = 0; i < z->penalties.u.list.n && row == NULL; i++) {
			const struct ser_val *name = ser_val_get(&z->penalties.u.list.v[i], "class");
			row = name != NULL && ser_val_is_str(name, h->out[j]) ? &z->penalties.u.list.v[i] : NULL;
		}
		for (size_t k = 0; k < k_all; k++) {
			const struct ser_val *x = row != NULL ? ser_val_get(row, h->out[k]) : NULL;
			double p = x == NULL             ? (double)NAN
				   : x->kind == SER_INT  ? (double)x->u.i
				   : x->kind == SER_REAL ? x->u.f
							 : (double)NAN;
			if (!(p >= 0 && p <= 1))
				return ser_fail(e, SER_EDATA, "%s: no penalty in [0,1] of class \"%s\" against \"%s\"",
						o->penalty, h->out[j], h->out[k]);
			z->penalty[j * k_all + k] = p;
		}
	}
	z->class_w = ser_arena_calloc(&t->arena, k_all, sizeof *z->class_w);
	for (size_t j = 0; j < k_all; j++) {
		double sum = 0;
		for (size_t k = 0; k < k_all; k++)
			sum += z->penalty[j * k_all + k];
		z->class_w[j] = (real)(o->beta + (o->coupled ? 0 : o->alpha * sum));
	}
	return 0;
}

static int targets(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_model *m,
		   struct ser_err *e)
{
	struct state *z = t->state != NULL ? t->state : ser_calloc(1, sizeof *z);
	t->state = z;
	int rc = train_class_codes(t, d, s, own(t)->label, &m->head[t->head], t->head == 0, e);
	if (rc == 0 && own(t)->votes.n > 0)
		rc = take_votes(t, d, s, e);
	if (rc == 0 && own(t)->class_weight == BALANCED)
		z->class_w = train_class_weights(t, s);
	z->weighted = own(t)->class_weight != ALIKE;
	if (rc == 0 && own(t)->penalty != NULL)
		rc = take_penalty(t, &m->head[t->head], e);
	return rc;
}

static double weight(const struct ser_task *t, const struct ser_batch *b)
{
	const struct state *z = t->state;
	bool by_row = z->weighted && z->share == NULL && own(t)->loss != BCE;
	return train_class_sum(t, b, by_row ? z->class_w : NULL);
}

/* Targets [n, K] of rows whose label is not known weigh nothing. */
static int soft_loss(struct ser_task *t, struct ser_tape *tape, int out, const int32_t *y, const size_t *row, size_t n,
		     struct ser_loss *l)
{
	struct state *z = t->state;
	size_t k_all = t->n_class;
	double smooth = own(t)->smooth;
	z->target = ser_grow(z->target, &z->cap, n * k_all, sizeof *z->target);
	z->row_w = ser_grow(z->row_w, &z->cap_w, n, sizeof *z->row_w);
	for (size_t i = 0; i < n; i++) {
		z->row_w[i] = y[i] >= 0;
		for (size_t k = 0; k < k_all; k++)
			z->target[i * k_all + k] =
				z->share != NULL
					? z->share[row[i] * k_all + k]
					: (real)(smooth / (double)k_all + ((int32_t)k == y[i] ? 1 - smooth : 0));
	}
	l->weight = z->row_w;
	l->smooth = 0;
	return own(t)->loss == BCE  ? ser_nn_bce(tape, out, z->target, l)
	       : own(t)->loss == KL ? ser_nn_kl(tape, out, z->target, l)
				    : ser_nn_cross_entropy_soft(tape, out, z->target, l);
}

/* alpha sum_jz P_jz y_j (- ln(1 - p_z)), y of the batch's rows */
static int coupled_loss(struct ser_task *t, struct ser_tape *tape, int out, const int32_t *y, const size_t *row,
			size_t n, double norm)
{
	const struct opts *o = own(t);
	struct state *z = t->state;
	size_t k_all = t->n_class;
	z->unlikely = ser_grow(z->unlikely, &z->cap_unlikely, n * k_all, sizeof *z->unlikely);
	memset(z->unlikely, 0, n * k_all * sizeof *z->unlikely);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < k_all && y[i] >= 0; j++) {
			real truth = z->share != NULL ? z->share[row[i] * k_all + j] : (int32_t)j == y[i];
			for (size_t k = 0; k < k_all; k++)
				z->unlikely[i * k_all + k] += truth * (real)(o->alpha * z->penalty[j * k_all + k]);
		}
	return ser_nn_unlikelihood(tape, out, z->unlikely, o->loss == BCE, &(struct ser_loss){.norm = norm});
}

static int plain_loss(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, size_t lo,
		      size_t hi, const int32_t *y, double norm)
{
	struct state *z = t->state;
	struct ser_loss l = {.class_w = z->class_w, .smooth = own(t)->smooth, .norm = norm};
	if (z->share != NULL || own(t)->loss == BCE)
		return soft_loss(t, tape, out, y, b->row + lo, hi - lo, &l);
	if (own(t)->loss == FOCAL)
		return ser_nn_focal(tape, out, y, own(t)->gamma, &l);
	return ser_nn_cross_entropy(tape, out, y, &l);
}

static int loss(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, size_t lo, size_t hi,
		double norm)
{
	struct state *z = t->state;
	const int32_t *y = train_class_rows(t, &z->label, b, lo, hi);
	int l = plain_loss(t, tape, out, b, lo, hi, y, norm);
	return own(t)->coupled ? ser_nn_add(tape, l, coupled_loss(t, tape, out, y, b->row + lo, hi - lo, norm)) : l;
}

/* Whose votes the penalties are from */
static const struct ser_val *speakers(const struct ser_task *t)
{
	const struct state *z = t->state;
	return z != NULL && own(t)->penalty != NULL ? &z->speakers : NULL;
}

static void free_state(struct ser_task *t)
{
	struct state *z = t->state;
	free(((struct opts *)t->own)->votes.s);
	if (z == NULL)
		return;
	free(z->share);
	free(z->label.y);
	free(z->target);
	free(z->row_w);
	free(z->unlikely);
	free(z);
}

const struct ser_task_kind train_classify = {
	.name = "classify",
	.summary = "Learn a label, such as an emotion.",
	.options = options,
	.defaults = &defaults,
	.size = sizeof defaults,
	.score = "uar",
	.head_name = head_name,
	.labels = labels,
	.read = read_penalty,
	.head = head,
	.targets = targets,
	.weight = weight,
	.loss = loss,
	.tally_size = train_class_tally_size,
	.tally = train_class_tally,
	.total = train_class_total,
	.speakers = speakers,
	.free = free_state,
};
