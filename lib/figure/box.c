/* SPDX-License-Identifier: MIT */
#include "figure/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ser_boxes {
	struct ser_boxes_opt o;
	struct label by;
	double *x; /* [by.n] */
	size_t cap;
	size_t d; /* columns of the tensor; 0: a label */
};

struct ser_boxes *ser_boxes_new(const struct ser_boxes_opt *o)
{
	struct ser_boxes *s = ser_calloc(1, sizeof *s);
	s->o = *o;
	s->by = label_new(o->label);
	label_first(&s->by, o->order, o->n_order);
	return s;
}

void ser_boxes_free(struct ser_boxes *s)
{
	if (s == NULL)
		return;
	label_free(&s->by);
	free(s->x);
	free(s);
}

/* A label as it is; of a tensor the column's mean over its rows. */
static int value_of(struct ser_boxes *s, struct ser_record *r, double *x, struct ser_err *e)
{
	const struct ser_val *v = ser_record_get(r, s->o.field);
	const float *y;
	size_t shape[SER_MAX_AXES];
	if (v == NULL || v->kind != SER_TENSOR)
		return ser_record_real(r, s->o.field, x, e);
	if (v->u.t.ndim < 1 || v->u.t.ndim > 2)
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" has %d axes, expected 1 or 2", s->o.field, v->u.t.ndim);
	int rc = ser_record_f4(r, s->o.field, -1, &y, shape, e);
	if (rc != SER_OK)
		return rc;
	size_t rows = v->u.t.ndim == 2 ? shape[0] : 1, d = v->u.t.ndim == 2 ? shape[1] : shape[0];
	if (s->o.column >= d || rows == 0)
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" has %zu row%s of %zu column%s: there is no column %zu",
				       s->o.field, rows, ser_s(rows), d, ser_s(d), s->o.column);
	s->d = d;
	*x = 0;
	for (size_t t = 0; t < rows; t++)
		*x += (double)y[t * d + s->o.column];
	*x /= (double)rows;
	return SER_OK;
}

int ser_boxes_add(struct ser_boxes *s, struct ser_record *r, struct ser_err *e)
{
	double x = 0;
	int rc = value_of(s, r, &x, e);
	if (rc == SER_OK && !isfinite(x))
		rc = ser_record_fail(r, e, SER_EDATA, "\"%s\" is %g, expected a finite number", s->o.field, x);
	if (rc == SER_OK)
		rc = label_add(&s->by, r, NULL, e);
	if (rc != SER_OK)
		return rc;
	s->x = ser_grow(s->x, &s->cap, s->by.n, sizeof *s->x);
	s->x[s->by.n - 1] = x;
	return SER_OK;
}

/* Linear between order statistics, as NumPy's default. */
static double quantile(const double *x, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t i = (size_t)at;
	return i + 1 < n ? x[i] + (at - (double)i) * (x[i + 1] - x[i]) : x[n - 1];
}

/* Of sorted x [n], n > 0. Whiskers reach to the farthest value within 1.5 interquartile ranges of the box (Tukey 1977). The
 * outliers are put in front of x. */
static struct ser_plot_five five(double *x, size_t n)
{
	struct ser_plot_five f = {
		.n = n, .q1 = quantile(x, n, 0.25), .median = quantile(x, n, 0.5), .q3 = quantile(x, n, 0.75)};
	double reach = 1.5 * (f.q3 - f.q1);
	size_t a = 0, b = n;
	while (x[a] < f.q1 - reach)
		a++;
	while (x[b - 1] > f.q3 + reach)
		b--;
	f.low = x[a];
	f.high = x[b - 1];
	memmove(x + a, x + b, (n - b) * sizeof *x);
	f.out = x;
	f.n_out = a + n - b;
	return f;
}

static size_t list_len(const struct ser_val *l)
{
	return l != NULL && l->kind == SER_LIST ? l->u.list.n : 0;
}

static const char *list_str(const struct ser_val *l, size_t i)
{
	return l->u.list.v[i].kind == SER_STR ? l->u.list.v[i].u.str.s : "";
}

int ser_boxes_column(const struct ser_header *h, const char *field, const char *name, size_t *column, struct ser_err *e)
{
	const struct ser_val *dim = ser_header_dim(h, field), *names = dim != NULL ? ser_val_get(dim, "columns") : NULL,
			     *func = dim != NULL ? ser_val_get(dim, "functionals") : NULL;
	size_t n = list_len(names), k = list_len(func);
	struct ser_buf said = {0};
	int64_t number;
	if (ser_parse_int(name, 0, 1000000, &number, e) == SER_OK) {
		*column = (size_t)number;
		return SER_OK;
	}
	for (size_t i = 0; i < n * (k > 0 ? k : 1); i++) {
		said.n = 0;
		ser_buf_str(&said, list_str(names, k > 0 ? i / k : i));
		if (k > 0)
			ser_buf_printf(&said, "_%s", list_str(func, i % k));
		/* of a whole set, such as eGeMAPS, the columns' names say all */
		if (strcmp(said.s, name) == 0 || (k == 1 && strcmp(list_str(names, i), name) == 0)) {
			ser_buf_free(&said);
			*column = i;
			return SER_OK;
		}
	}
	int rc = n == 0 ? ser_fail(e, SER_EUSAGE,
				   "the header names no columns of \"%s\", so \"%s\" is none: give its number", field,
				   name)
			: ser_fail(e, SER_EUSAGE, "\"%s\" has no column \"%s\"; the last of %zu is \"%s\"", field, name,
				   n * (k > 0 ? k : 1), said.s);
	ser_buf_free(&said);
	return rc;
}

/* The header's name of the column, or its number: of functionals, K of each column of the frames, both names. */
static void name_column(struct ser_buf *b, const struct ser_boxes *s, const struct ser_header *h)
{
	const struct ser_val *dim = ser_header_dim(h, s->o.field),
			     *names = dim != NULL ? ser_val_get(dim, "columns") : NULL,
			     *func = dim != NULL ? ser_val_get(dim, "functionals") : NULL;
	size_t n = list_len(names), k = list_len(func);
	if (s->d > 0 && n == s->d)
		ser_buf_str(b, list_str(names, s->o.column));
	else if (s->d > 0 && n > 0 && k > 0 && n * k == s->d)
		ser_buf_printf(b, "%s, %s", list_str(names, s->o.column / k), list_str(func, s->o.column % k));
	else if (s->d > 0)
		ser_buf_printf(b, "%s, column %zu", s->o.field, s->o.column);
	else
		ser_buf_str(b, s->o.field);
}

int ser_boxes_draw(struct ser_boxes *s, const struct ser_header *h, const struct ser_plot_opt *opt, struct ser_buf *svg,
		   struct ser_err *e)
{
	struct ser_plot_label by = label_done(&s->by);
	size_t *from = ser_calloc(by.n_value + 1, sizeof *from), n_box = 0,
	       *mark = ser_calloc(by.n_value + 1, sizeof *mark);
	double *x = ser_malloc(s->by.n + 1, sizeof *x);
	struct ser_plot_five *box = ser_calloc(by.n_value + 1, sizeof *box);
	const char **name = ser_calloc(by.n_value + 1, sizeof *name);
	struct ser_buf axis = {0}, head = {0};
	struct ser_plot_opt o = *opt;
	for (size_t i = 0; i < s->by.n; i++)
		from[by.of[i] + 1]++;
	for (size_t k = 0; k < by.n_value; k++)
		from[k + 1] += from[k];
	size_t *at = ser_malloc(by.n_value + 1, sizeof *at);
	memcpy(at, from, (by.n_value + 1) * sizeof *at);
	for (size_t i = 0; i < s->by.n; i++)
		x[at[by.of[i]]++] = s->x[i];
	for (size_t k = 0; k < by.n_value; k++) {
		size_t n = from[k + 1] - from[k];
		if (n == 0) /* a name of the order that no record has */
			continue;
		ser_sort_rising(x + from[k], n);
		name[n_box] = by.value[k];
		mark[n_box] = by.mark[k];
		box[n_box++] = five(x + from[k], n);
	}
	name_column(&axis, s, h);
	ser_buf_printf(&head, "%s by %s", axis.s, s->o.label);
	o.title = o.title != NULL ? o.title : head.s;
	o.subtitle = "Boxes: quartiles and median. Whiskers: the farthest within 1.5 interquartile ranges. Grey: how "
		     "many records.";
	o.x_label = axis.s;
	int rc = ser_plot_box(&o, &(struct ser_plot_boxes){n_box, name, box, mark}, svg, e);
	ser_buf_free(&axis);
	ser_buf_free(&head);
	free(from);
	free(at);
	free(mark);
	free(box);
	free(name);
	free(x);
	return rc;
}
