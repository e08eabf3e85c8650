/* SPDX-License-Identifier: MIT */
/* Objectives: their heads, what the records say about them, their losses. */
#include "train/impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ser_objective ser_objective_defaults(enum ser_objective_kind kind, const char *name, const char *label)
{
	return (struct ser_objective){.kind = kind,
				      .name = name,
				      .label = label,
				      .weight = 1,
				      .margin = 0.2,
				      .scale = 30,
				      .n_sub = 1,
				      .tau = 0.1,
				      .n_proj = 128,
				      .n_spk = 8,
				      .n_per = 4};
}

int ser_objective_parse(struct ser_objective *o, const char *text, struct ser_arena *a, struct ser_err *e)
{
	const char *colon = strrchr(text, ':');
	char *field = ser_arena_strndup(a, text, colon != NULL ? (size_t)(colon - text) : strlen(text));
	*o = ser_objective_defaults(SER_OBJ_SOFTMAX, field, field);
	o->weight = 0.1;
	if (*field == '\0' || (colon != NULL && ser_parse_real(colon + 1, 0, 1e6, &o->weight, NULL) != 0))
		return ser_fail(e, SER_EUSAGE, "\"%s\" is not FIELD or FIELD:WEIGHT", text);
	return 0;
}

/* ---- data ---- */

struct ser_dataset *ser_train_data_new(const char *field, const struct ser_objective *o, size_t n,
				       const struct ser_split_opts *s, size_t max_record)
{
	size_t n_label = 0, most = 3;
	for (size_t k = 0; k < n; k++)
		most += 2 + o[k].n_value;
	const char **label = ser_calloc(most, sizeof *label);
	for (size_t k = 0; k < n; k++)
		if (o[k].label != NULL)
			label[n_label++] = o[k].label;
	label[n_label++] = s->spk;
	label[n_label++] = s->fold;
	if (s->split != NULL)
		label[n_label++] = s->split;
	for (size_t k = 0; k < n; k++) {
		if (o[k].kind == SER_OBJ_PAIRS && o[k].pairs == NULL)
			label[n_label++] = o[k].cluster;
		for (size_t i = 0; i < o[k].n_value; i++)
			label[n_label++] = o[k].value[i];
	}
	struct ser_dataset *d = ser_dataset_new(field, label, n_label, max_record);
	free(label);
	return d;
}

int ser_train_data_done(struct ser_dataset *d, const struct ser_objective *o, size_t n, struct ser_err *e)
{
	int rc = ser_dataset_done(d, e);
	for (size_t k = 0; k < n && rc == 0; k++)
		if (o[k].label != NULL && ser_dataset_label(d, o[k].label)->n_class == 0)
			rc = ser_fail(e, SER_EDATA, "no record has the label \"%s\"", o[k].label);
	return rc;
}

/* ---- heads ---- */

int ser_train_heads(struct ser_model *m, const struct ser_dataset *d, const struct ser_split *s,
		    const struct ser_objective *o, size_t n, struct ser_err *e)
{
	for (size_t k = 0; k < n; k++) {
		struct ser_head h = {.name = o[k].name,
				     .n_hidden = o[k].n_hidden,
				     .n_sub = o[k].n_sub,
				     .dropout = o[k].dropout,
				     .adversarial = o[k].adversarial};
		const char **out = NULL;
		if (o[k].kind == SER_OBJ_PAIRS) {
			h.kind = SER_HEAD_UNIT;
			h.n_out = o[k].n_proj;
		} else if (o[k].kind == SER_OBJ_VALUE) {
			h.kind = SER_HEAD_VALUE;
			h.n_out = o[k].n_value;
			h.out = o[k].value;
		} else {
			const struct ser_label *l = ser_dataset_label(d, o[k].label);
			bool *met = ser_calloc(l->n_class + 1, sizeof *met);
			out = ser_calloc(l->n_class + 1, sizeof *out);
			for (size_t i = 0; i < d->n; i++)
				if (s->role[i] == SER_ROLE_TRAIN && l->code[i] >= 0)
					met[l->code[i]] = true;
			for (size_t c = 0; c < l->n_class; c++)
				if (met[c])
					out[h.n_out++] = l->text[c];
			free(met);
			h.kind = o[k].kind == SER_OBJ_AAM ? SER_HEAD_COSINE : SER_HEAD_CLASS;
			h.field = o[k].label;
			h.out = out;
			if (h.n_out < 2) {
				ser_fail(e, SER_EDATA,
					 "label \"%s\" has %zu class%s among the training records, expected at least 2",
					 o[k].label, h.n_out, h.n_out == 1 ? "" : "es");
				free(out);
				return e->code;
			}
		}
		int rc = ser_model_head_add(m, &h, e);
		free(out);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Outputs of a head for the items' labels, and the weights of its classes. */
static int take_labels(struct ser_trainer *t, size_t k, const struct ser_split *s, struct ser_err *e)
{
	const struct ser_head *h = &t->m->head[t->head[k]];
	const struct ser_label *l = ser_dataset_label(t->d, t->obj[k].label);
	int32_t *of = ser_malloc(l->n_class, sizeof *of);
	double *count = ser_calloc(h->n_out, sizeof *count), n = 0;
	int rc = 0;
	for (size_t c = 0; c < l->n_class; c++) {
		of[c] = -1;
		for (size_t j = 0; j < h->n_out; j++)
			if (strcmp(h->out[j], l->text[c]) == 0)
				of[c] = (int32_t)j;
	}
	t->code[k] = ser_malloc(t->d->n, sizeof *t->code[k]);
	for (size_t i = 0; i < t->d->n; i++) {
		int32_t c = l->code[i] >= 0 ? of[l->code[i]] : -1;
		t->code[k][i] = c;
		if (s->role[i] == SER_ROLE_DEV && k == 0 && l->code[i] >= 0 && c < 0 && rc == 0)
			rc = ser_fail(e, SER_EDATA, "record \"%s\" validates, but no training record has its %s \"%s\"",
				      t->d->item[i].id, t->obj[k].label, l->text[l->code[i]]);
		if (s->role[i] == SER_ROLE_TRAIN && c >= 0) {
			count[c]++;
			n++;
		}
	}
	if (t->obj[k].class_weight) {
		t->class_w[k] = ser_malloc(h->n_out, sizeof(real));
		for (size_t j = 0; j < h->n_out; j++)
			t->class_w[k][j] = (real)(count[j] > 0 ? n / ((double)h->n_out * count[j]) : 0);
	}
	free(of);
	free(count);
	return rc;
}

/* The items' values; an item that lacks one has code -1, the others 0. The head begins at the training means. */
static int take_values(struct ser_trainer *t, size_t k, const struct ser_split *s, struct ser_err *e)
{
	const struct ser_objective *o = &t->obj[k];
	size_t n_value = o->n_value, n = 0;
	double *mean = ser_calloc(n_value, sizeof *mean);
	t->code[k] = ser_calloc(t->d->n, sizeof *t->code[k]);
	t->value[k] = ser_calloc(ser_mul(t->d->n, n_value), sizeof(real));
	for (size_t v = 0; v < n_value; v++) {
		const struct ser_label *l = ser_dataset_label(t->d, o->value[v]);
		for (size_t i = 0; i < t->d->n; i++) {
			t->value[k][i * n_value + v] = (real)l->num[i];
			if (!isfinite(l->num[i]))
				t->code[k][i] = -1;
		}
	}
	for (size_t i = 0; i < t->d->n; i++)
		if (t->code[k][i] == 0 && s->role[i] == SER_ROLE_TRAIN) {
			n++;
			for (size_t v = 0; v < n_value; v++)
				mean[v] += t->value[k][i * n_value + v];
		}
	struct ser_buf b = {0};
	ser_buf_printf(&b, "heads.%s.out.bias", o->name);
	real *bias = t->m->params->val + t->m->params->slice[ser_params_find(t->m->params, b.s)].at;
	ser_buf_free(&b);
	for (size_t v = 0; v < n_value && n > 0; v++)
		bias[v] = (real)(mean[v] / (double)n);
	free(mean);
	return n > 0 ? 0
		     : ser_fail(e, SER_EDATA, "no training record has a number as \"%s\"%s", o->value[0],
				n_value > 1 ? " and all other values" : "");
}

int train_take_targets(struct ser_trainer *t, const struct ser_split *s, struct ser_err *e)
{
	for (size_t k = 0; k < t->n_obj; k++) {
		t->head[k] = ser_model_head_find(t->m, t->obj[k].name);
		ser_assert(t->head[k] >= 0 && (t->obj[k].kind != SER_OBJ_PAIRS || k == 0));
		if (t->obj[k].kind == SER_OBJ_VALUE && take_values(t, k, s, e) != 0)
			return e->code;
		if (t->obj[k].label != NULL && take_labels(t, k, s, e) != 0)
			return e->code;
	}
	return 0;
}
/* ---- losses ---- */

double train_weight(const struct ser_trainer *t, size_t k)
{
	const struct batch *b = &t->b;
	double n = 0;
	if (t->obj[k].kind == SER_OBJ_PAIRS) {
		for (size_t i = 0; i < b->set.n_anchor; i++)
			n += b->set.pos_at[i + 1] > b->set.pos_at[i];
		return n;
	}
	for (size_t i = 0; i < b->n; i++) {
		int32_t c = t->code[k][b->row[i]];
		n += c < 0 ? 0 : t->class_w[k] != NULL ? (double)t->class_w[k][c] : 1;
	}
	return n;
}

/* Labels of this process' rows for objective k. */
static const int32_t *labels(struct ser_trainer *t, size_t k)
{
	size_t n = t->b.hi - t->b.lo;
	t->label = ser_grow(t->label, &t->cap_label, t->n_obj * n, sizeof *t->label);
	int32_t *y = t->label + k * n;
	for (size_t i = 0; i < n; i++)
		y[i] = t->code[k][t->b.row[t->b.lo + i]];
	return y;
}

static double ramp(const struct ser_trainer *t)
{
	double p = (double)t->step / (double)t->n_step;
	return t->o.ramp > 0 ? 2 / (1 + exp(-t->o.ramp * p)) - 1 : 1;
}

/* A loss over values x of the batch's rows: of those that have them, all or gathered. */
static int value_loss(struct ser_trainer *t, struct ser_tape *tape, size_t k, int x)
{
	const struct ser_objective *o = &t->obj[k];
	size_t n_value = o->n_value, n = 0, before = 0, all = 0;
	for (size_t j = 0; j < t->n_obj; all += t->obj[j++].n_value)
		before += j < k ? t->obj[j].n_value : 0;
	t->target = ser_grow(t->target, &t->cap_target, all * t->b.n, sizeof *t->target);
	t->row = ser_grow(t->row, &t->cap_row, t->n_obj * t->b.n, sizeof *t->row);
	real *y = t->target + before * t->b.n;
	int32_t *row = t->row + k * t->b.n;
	for (size_t i = 0; i < t->b.n; i++)
		if (t->code[k][t->b.row[i]] == 0) {
			memcpy(y + n * n_value, t->value[k] + t->b.row[i] * n_value, n_value * sizeof *y);
			row[n++] = (int32_t)i;
		}
	if (n < t->b.n)
		x = ser_nn_rows(tape, x, n, row);
	struct ser_loss l = {.norm = t->norm[k]};
	if (o->loss == SER_VALUE_MSE)
		return ser_nn_mse(tape, x, y, &l);
	if (o->loss == SER_VALUE_MAE)
		return ser_nn_mae(tape, x, y, &l);
	/* No mean over rows: each part of a batch counts by how many it has. */
	int ccc = ser_nn_ccc(tape, x, y, 1e-8, NULL);
	return (double)n < t->norm[k] ? ser_nn_scale(tape, ccc, (double)n / t->norm[k]) : ccc;
}

/* A loss over outputs x of all rows of the batch. */
static int rows_loss(struct ser_trainer *t, struct ser_tape *tape, size_t k, int x)
{
	const struct ser_objective *o = &t->obj[k];
	return o->kind == SER_OBJ_PAIRS ? ser_nn_pair_loss(tape, x, &t->b.set, o->tau, t->norm[k])
					: value_loss(t, tape, k, x);
}

/* The same when processes share the rows: each gathers all outputs and forms the whole loss, and takes the gradient g of
 * its own rows x further as that of sum(g x). */
static int shared_loss(struct ser_trainer *t, size_t k, int x, double *value)
{
	struct ser_node own = ser_tape_node(t->tape, x);
	size_t n = t->b.n * own.n_col, at = t->b.lo * own.n_col, n_own = own.n_row * own.n_col;
	t->all = ser_grow(t->all, &t->cap_all, n, sizeof *t->all);
	t->own[k] = ser_grow(t->own[k], &t->cap_own[k], n_own, sizeof *t->own[k]);
	memset(t->all, 0, n * sizeof *t->all);
	memcpy(t->all + at, own.val, n_own * sizeof *t->all);
	train_sum(t, t->all, n);
	ser_tape_reset(t->side, SER_TAPE_GRAD | SER_TAPE_TRAIN, 0);
	int all = ser_tape_variable(t->side, t->all, t->b.n, own.n_col, NULL, 0);
	int l = rows_loss(t, t->side, k, all);
	double v = ser_tape_scalar(t->side, l);
	*value = ser_comm_rank(t->o.comm) == 0 ? v : 0;
	ser_tape_backward(t->side, l, 1, NULL); /* refuses what is not finite, and *value will tell */
	memcpy(t->own[k], ser_tape_node(t->side, all).grad + at, n_own * sizeof *t->own[k]);
	int g = ser_tape_input(t->tape, t->own[k], own.n_row, own.n_col, NULL, 0);
	return ser_nn_sum(t->tape, ser_nn_mul(t->tape, x, g));
}

int train_loss(struct ser_trainer *t, size_t k, int emb, double *value)
{
	const struct ser_objective *o = &t->obj[k];
	double weight = train_weight(t, k);
	if (weight == 0 || t->norm[k] == 0)
		return -1;
	if (o->kind == SER_OBJ_VALUE && o->loss == SER_VALUE_CCC && weight < 2)
		return -1; /* one number has no concordance */
	if (o->adversarial)
		emb = ser_nn_reverse_grad(t->tape, emb, o->weight * ramp(t));
	int out = ser_model_head(t->m, t->tape, (size_t)t->head[k], emb);
	bool rows = o->kind == SER_OBJ_PAIRS || o->kind == SER_OBJ_VALUE;
	if (rows && ser_comm_size(t->o.comm) > 1)
		return shared_loss(t, k, out, value);
	struct ser_loss how = {.class_w = t->class_w[k], .smooth = o->smooth, .norm = t->norm[k]};
	int l;
	if (rows)
		l = rows_loss(t, t->tape, k, out);
	else if (o->kind == SER_OBJ_AAM)
		l = ser_nn_aam(t->tape, out, o->n_sub, labels(t, k), o->margin, o->scale, &how);
	else
		l = ser_nn_cross_entropy(t->tape, out, labels(t, k), &how);
	*value = ser_tape_scalar(t->tape, l);
	return l;
}
