/* SPDX-License-Identifier: MIT */
/* What tasks over the classes of a label share: outputs, codes and weights of classes, unweighted average recall. */
#include "stat/metrics.h"
#include "train/private.h"

#include <stdlib.h>
#include <string.h>

int train_class_head(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, const char *label,
		     struct ser_head *h, struct ser_err *e)
{
	const struct ser_label *l = ser_dataset_classes(d, label, e);
	if (l == NULL)
		return e->code;
	bool *met = ser_calloc(l->n_class, sizeof *met);
	const char **out = ser_arena_calloc(&t->arena, l->n_class, sizeof *out);
	for (size_t i = 0; i < d->n; i++)
		if (s->role[i] == SER_ROLE_TRAIN && l->code[i] >= 0)
			met[l->code[i]] = true;
	for (size_t c = 0; c < l->n_class; c++)
		if (met[c])
			out[h->n_out++] = l->text[c];
	free(met);
	h->out = out;
	h->field = label;
	return h->n_out >= 2 ? 0
			     : ser_fail(e, SER_EDATA,
					"label \"%s\" has %zu class%s among the training records, expected at least 2",
					label, h->n_out, ser_plural(h->n_out, "", "es"));
}

int train_class_codes(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, const char *label,
		      const struct ser_head *h, bool first, struct ser_err *e)
{
	const struct ser_label *l = ser_dataset_label(d, label);
	int32_t *of = ser_malloc(l->n_class + 1, sizeof *of);
	int rc = 0;
	for (size_t c = 0; c < l->n_class; c++) {
		of[c] = -1;
		for (size_t j = 0; j < h->n_out; j++)
			if (strcmp(h->out[j], l->text[c]) == 0)
				of[c] = (int32_t)j;
	}
	t->n_class = h->n_out;
	t->n_item = d->n;
	t->code = ser_malloc(d->n, sizeof *t->code);
	for (size_t i = 0; i < d->n; i++) {
		t->code[i] = l->code[i] >= 0 ? of[l->code[i]] : -1;
		if (s->role[i] == SER_ROLE_DEV && first && l->code[i] >= 0 && t->code[i] < 0 && rc == 0)
			rc = ser_fail(e, SER_EDATA, "record \"%s\" validates, but no training record has its %s \"%s\"",
				      d->item[i].id, label, l->text[l->code[i]]);
	}
	free(of);
	return rc;
}

real *train_class_weights(struct ser_task *t, const struct ser_split *s)
{
	double *count = ser_calloc(t->n_class, sizeof *count), n = 0;
	real *w = ser_arena_alloc(&t->arena, t->n_class, sizeof *w);
	for (size_t i = 0; i < t->n_item; i++)
		if (s->role[i] == SER_ROLE_TRAIN && t->code[i] >= 0) {
			count[t->code[i]]++;
			n++;
		}
	for (size_t j = 0; j < t->n_class; j++)
		w[j] = (real)(count[j] > 0 ? n / ((double)t->n_class * count[j]) : 0);
	free(count);
	return w;
}

double train_class_sum(const struct ser_task *t, const struct ser_batch *b, const real *class_w)
{
	double n = 0;
	for (size_t i = 0; i < b->n; i++) {
		int32_t c = t->code[b->row[i]];
		n += c < 0 ? 0 : class_w != NULL ? (double)class_w[c] : 1;
	}
	return n;
}

const int32_t *train_class_rows(const struct ser_task *t, struct label_rows *l, const struct ser_batch *b, size_t lo,
				size_t hi)
{
	l->y = ser_grow(l->y, &l->cap, hi - lo, sizeof *l->y);
	for (size_t i = lo; i < hi; i++)
		l->y[i - lo] = t->code[b->row[i]];
	return l->y;
}

/* The confusion matrix [n_class, n_class]. */
size_t train_class_tally_size(const struct ser_task *t)
{
	return t->n_class * t->n_class;
}

void train_class_tally(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, double *conf)
{
	struct ser_node y = ser_tape_node(tape, out);
	size_t n_sub = y.n_col / t->n_class;
	for (size_t r = 0; r < b->n; r++) {
		size_t best = 0;
		for (size_t c = 1; c < y.n_col; c++)
			if (y.val[r * y.n_col + c] > y.val[r * y.n_col + best])
				best = c;
		conf[(size_t)t->code[b->row[r]] * t->n_class + best / n_sub]++;
	}
}

double train_class_total(const struct ser_task *t, const double *conf)
{
	struct ser_class_score s;
	ser_score_classes(conf, t->n_class, &s, NULL);
	return s.n > 0 ? s.uar : 0;
}
