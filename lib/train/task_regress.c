/* SPDX-License-Identifier: MIT */
/* regress: numbers, such as arousal and valence. A record that lacks one of them takes no part. */
#include "stat/metrics.h"
#include "train/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CCC, MSE, MAE, CCC_MIXED };
static const char *const losses[] = {"ccc", "mse", "mae", "ccc-mixed", NULL};

struct opts {
	struct ser_strs value;
	int loss;
};
static const struct opts defaults;
static const struct ser_option options[] = {
	{"label", "number to learn, such as arousal", SER_AT_LIST(struct opts, value, "NAME"), .letter = 'l',
	 .flags = SER_OPTION_NEEDED},
	{"loss", "1 - concordance, squared or absolute error, the mean over the labels",
	 SER_AT_CHOICE(struct opts, loss, "NAME", losses)},
	{0},
};

struct state {
	real *value;  /* [items, n_value] */
	real *target; /* of the rows of a batch that have them, */
	int32_t *row; /* and their numbers */
	size_t cap_target, cap_row;
};

static const struct opts *own(const struct ser_task *t)
{
	return (const struct opts *)t->own;
}

static const char *head_name(const struct ser_task *t)
{
	(void)t;
	return "values";
}

static void labels(const struct ser_task *t, struct ser_strs *l)
{
	for (size_t v = 0; v < own(t)->value.n; v++)
		ser_task_want(l, own(t)->value.s[v]);
}

static int head(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_head *h,
		struct ser_err *e)
{
	(void)d, (void)s, (void)e;
	h->kind = SER_HEAD_VALUE;
	h->n_out = own(t)->value.n;
	h->out = own(t)->value.s;
	return 0;
}

static bool all_rows(const struct ser_task *t)
{
	return own(t)->loss == CCC || own(t)->loss == CCC_MIXED;
}

static int targets(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_model *m,
		   struct ser_err *e)
{
	const struct ser_strs *name = &own(t)->value;
	struct state *z = t->state = ser_calloc(1, sizeof *z);
	double *mean = ser_calloc(name->n, sizeof *mean);
	bool *varies = ser_calloc(name->n, sizeof *varies);
	size_t n = 0, last = 0, n_lost = 0, first = 0, lacks = 0;
	t->n_item = d->n;
	t->code = ser_calloc(d->n, sizeof *t->code);
	z->value = ser_calloc(ser_mul(d->n, name->n), sizeof *z->value);
	for (size_t i = 0; i < d->n; i++) {
		for (size_t v = name->n; v-- > 0;) {
			double x = ser_dataset_label(d, name->s[v])->num[i];
			z->value[i * name->n + v] = (real)x;
			if (!isfinite(x)) {
				t->code[i] = -1;
				lacks = n_lost == 0 ? v : lacks;
			}
		}
		if (s->role[i] == SER_ROLE_OUT)
			continue;
		if (t->code[i] < 0 && n_lost++ == 0)
			first = i;
		if (t->code[i] < 0 || s->role[i] != SER_ROLE_TRAIN)
			continue;
		for (size_t v = 0; v < name->n; v++) {
			mean[v] += z->value[i * name->n + v];
			varies[v] |= n > 0 && z->value[i * name->n + v] != z->value[last * name->n + v];
		}
		last = i;
		n++;
	}
	for (size_t v = 0; v < name->n && n > 0; v++)
		mean[v] /= (double)n;
	if (n > 0)
		train_begin_at(t, m, mean);
	size_t still = 0;
	while (still < name->n && varies[still])
		still++;
	free(mean);
	free(varies);
	if (n_lost > 0)
		ser_buf_printf(&t->note,
			       "%zu of %zu records take no part: \"%s\" is no finite number, the first is \"%s\"",
			       n_lost, s->n_train + s->n_dev, name->s[lacks], d->item[first].id);
	if (n == 0)
		return ser_fail(e, SER_EDATA, "no training record has a number as \"%s\"%s", name->s[0],
				name->n > 1 ? " and all other values" : "");
	if (all_rows(t) && still < name->n)
		return ser_fail(e, SER_EDATA,
				"label \"%s\" is %g in all training records: concordance needs more than one value",
				name->s[still], (double)z->value[last * name->n + still]);
	return 0;
}

static double weight(const struct ser_task *t, const struct ser_batch *b)
{
	return train_class_sum(t, b, NULL);
}

/* Of the rows that have values, all or gathered. */
static int loss(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, size_t lo, size_t hi,
		double norm)
{
	struct state *z = t->state;
	size_t n_value = own(t)->value.n, n = 0;
	z->target = ser_grow(z->target, &z->cap_target, n_value * (hi - lo), sizeof *z->target);
	z->row = ser_grow(z->row, &z->cap_row, hi - lo, sizeof *z->row);
	for (size_t i = lo; i < hi; i++)
		if (t->code[b->row[i]] == 0) {
			memcpy(z->target + n * n_value, z->value + b->row[i] * n_value, n_value * sizeof *z->target);
			z->row[n++] = (int32_t)(i - lo);
		}
	if (n == 0 || (all_rows(t) && n < 2)) /* one number has no concordance */
		return -1;
	if (n < hi - lo)
		out = ser_nn_rows(tape, out, n, z->row);
	struct ser_loss l = {.norm = norm * (double)n_value};
	if (own(t)->loss == MSE)
		return ser_nn_mse(tape, out, z->target, &l);
	if (own(t)->loss == MAE)
		return ser_nn_mae(tape, out, z->target, &l);
	return ser_nn_ccc(tape, out, z->target, own(t)->loss == CCC_MIXED, 1e-8, NULL);
}

/* For each value and each item what was predicted, what is true, and whether it validates. */
static size_t tally_size(const struct ser_task *t)
{
	return ser_mul(3 * own(t)->value.n, t->n_item);
}

static void tally(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, double *sum)
{
	const struct state *z = t->state;
	struct ser_node y = ser_tape_node(tape, out);
	for (size_t v = 0; v < y.n_col; v++)
		for (size_t r = 0; r < b->n; r++) {
			double *at = sum + 3 * (v * t->n_item + b->row[r]);
			at[0] = (double)y.val[r * y.n_col + v];
			at[1] = (double)z->value[b->row[r] * y.n_col + v];
			at[2] = 1;
		}
}

static double total(const struct ser_task *t, const double *sum)
{
	size_t n_value = own(t)->value.n;
	double *x = ser_malloc(2 * t->n_item, sizeof *x), *y = x + t->n_item, mean = 0;
	double *ws = ser_malloc(2 * t->n_item, sizeof *ws);
	for (size_t v = 0; v < n_value; v++) {
		size_t n = 0;
		for (size_t i = 0; i < t->n_item; i++) {
			const double *at = sum + 3 * (v * t->n_item + i);
			if (at[2] == 0)
				continue;
			x[n] = at[0];
			y[n++] = at[1];
		}
		struct ser_regress_score s = {0};
		struct ser_regress *r = ser_regress_new(y, x, n, NULL);
		if (r != NULL)
			ser_regress_do(r, NULL, ws, &s);
		ser_regress_free(r);
		mean += isfinite(s.ccc) ? s.ccc / (double)n_value : 0;
	}
	free(x);
	free(ws);
	return mean;
}

static void free_state(struct ser_task *t)
{
	struct state *z = t->state;
	free(((struct opts *)t->own)->value.s);
	if (z == NULL)
		return;
	free(z->value);
	free(z->target);
	free(z->row);
	free(z);
}

const struct ser_task_kind train_regress = {
	.name = "regress",
	.summary = "Learn numbers, such as arousal and valence.",
	.options = options,
	.defaults = &defaults,
	.size = sizeof defaults,
	.score = "ccc",
	.least = 2,
	.head_name = head_name,
	.labels = labels,
	.head = head,
	.targets = targets,
	.weight = weight,
	.loss = loss,
	.all_rows = all_rows,
	.tally_size = tally_size,
	.tally = tally,
	.total = total,
	.free = free_state,
};
