/* SPDX-License-Identifier: MIT */
#include "figure/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One tensor as columns over time. */
struct track {
	size_t n, d; /* frames, columns */
	const float *x;
	double shift_s;
	const struct ser_val *name; /* [d] a list of texts */
};

static bool same_names(const struct ser_val *a, const struct ser_val *b)
{
	if (a->u.list.n != b->u.list.n)
		return false;
	for (size_t i = 0; i < a->u.list.n; i++) {
		const struct ser_val *v = &a->u.list.v[i], *w = &b->u.list.v[i];
		if (v->kind != SER_STR || w->kind != SER_STR || v->u.str.n != w->u.str.n ||
		    memcmp(v->u.str.s, w->u.str.s, v->u.str.n) != 0)
			return false;
	}
	return true;
}

static int read_track(const struct ser_header *h, struct ser_record *r, const char *field, struct track *t,
		      struct ser_err *e)
{
	size_t s[SER_MAX_AXES] = {0};
	const struct ser_val *v = ser_record_get(r, field);
	int ndim = v != NULL && v->kind == SER_TENSOR && v->u.t.ndim == 3 ? 3 : 2;
	if (ser_record_f4(r, field, ndim, &t->x, s, e) != SER_OK)
		return e->code;
	t->n = s[0];
	t->d = ndim == 3 ? s[1] * s[2] : s[1];
	t->shift_s = ser_header_shift(h, field);
	t->name = ser_header_columns(h, field);
	if (t->n == 0)
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" has no frames", field);
	if (t->name == NULL || t->name->u.list.n != t->d || t->shift_s == 0)
		return ser_record_fail(r, e, SER_EDATA, "the header names no %zu column%s and no shift_s of \"%s\"",
				       t->d, ser_s(t->d), field);
	for (size_t i = 0; i < t->n * t->d; i++)
		if (!isfinite(t->x[i]))
			return ser_record_fail(r, e, SER_EDATA, "\"%s\" holds what is no finite number", field);
	return SER_OK;
}

/* ---- points: columns "x_K" and "y_K" ---- */

enum { MOST_POINTS = 478, CONTOURED = 68, MOST_VARIED = 3 };
struct points {
	size_t n, x[MOST_POINTS], y[MOST_POINTS], number[MOST_POINTS]; /* [n] columns, and the K of each */
	size_t n_join, join[CONTOURED][2];
};

/* The 68 landmarks of Multi-PIE: lines from one to another, closed or not */
static const struct {
	size_t first, last;
	bool closed;
} contour[] = {{0, 16, false}, {17, 21, false}, {22, 26, false}, {27, 30, false}, {31, 35, false},
	       {36, 41, true}, {42, 47, true},  {48, 59, true},  {60, 67, true}};

static ptrdiff_t column(const struct ser_val *list, const char *name)
{
	for (size_t i = 0; i < list->u.list.n; i++) {
		const struct ser_val *v = &list->u.list.v[i];
		if (v->kind == SER_STR && v->u.str.n == strlen(name) && memcmp(v->u.str.s, name, v->u.str.n) == 0)
			return (ptrdiff_t)i;
	}
	return -1;
}

static ptrdiff_t point(const struct points *p, size_t number)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->number[i] == number)
			return (ptrdiff_t)i;
	return -1;
}

static void join(struct points *p, size_t a, size_t b)
{
	ptrdiff_t i = point(p, a), k = point(p, b);
	if (i < 0 || k < 0)
		return;
	p->join[p->n_join][0] = (size_t)i;
	p->join[p->n_join++][1] = (size_t)k;
}

static void find_points(struct points *p, const struct ser_val *list)
{
	for (size_t k = 0; k < MOST_POINTS; k++) {
		char name[16];
		snprintf(name, sizeof name, "x_%zu", k);
		ptrdiff_t x = column(list, name);
		name[0] = 'y';
		ptrdiff_t y = x >= 0 ? column(list, name) : -1;
		if (y < 0)
			continue;
		p->x[p->n] = (size_t)x;
		p->y[p->n] = (size_t)y;
		p->number[p->n++] = k;
	}
	for (size_t c = 0; c < sizeof contour / sizeof *contour; c++) {
		if (p->n > 0 && p->number[p->n - 1] >= CONTOURED) /* MediaPipe's */
			break;
		for (size_t k = contour[c].first; k < contour[c].last; k++)
			join(p, k, k + 1);
		if (contour[c].closed)
			join(p, contour[c].last, contour[c].first);
	}
}

/* ---- columns over time ---- */

static double variance(const struct track *t, size_t c)
{
	double sum = 0, square = 0, n = (double)t->n;
	for (size_t i = 0; i < t->n; i++) {
		double v = (double)t->x[i * t->d + c];
		sum += v;
		square += v * v;
	}
	return square / n - sum / n * (sum / n);
}

/* The columns that were asked for, or those that vary most: c [n] */
static int choose(const struct track *t, const struct ser_faces_opt *o, size_t n, size_t *c, struct ser_err *e)
{
	for (size_t i = 0; i < o->n_column; i++) {
		ptrdiff_t at = column(t->name, o->column[i]);
		if (at < 0)
			return ser_fail(e, SER_EUSAGE, "\"%s\" has no column \"%s\"", o->field[0], o->column[i]);
		c[i] = (size_t)at;
	}
	if (o->n_column > 0)
		return SER_OK;
	double *v = ser_malloc(t->d, sizeof *v);
	for (size_t k = 0; k < t->d; k++)
		v[k] = variance(t, k);
	for (size_t i = 0; i < n; i++) {
		c[i] = 0;
		for (size_t k = 1; k < t->d; k++)
			if (v[k] > v[c[i]])
				c[i] = k;
		v[c[i]] = -1;
	}
	free(v);
	return SER_OK;
}

/* ---- the chart ---- */

/* Faces of all tracks in the middles of equal shares of the first one's time */
static struct ser_plot_faces faces_of(const struct track *t, size_t n_track, const struct points *p, size_t n_moment,
				      struct ser_arena *a)
{
	struct ser_plot_faces f = {n_track, n_moment, p->n, p->n_join, NULL, p->join, NULL};
	double *xy = ser_arena_calloc(a, 2 * n_track * n_moment * p->n, sizeof *xy);
	const char **moment = ser_arena_calloc(a, n_moment, sizeof *moment);
	f.xy = xy;
	f.moment = moment;
	for (size_t m = 0; m < n_moment; m++) {
		double at = ((double)m + 0.5) / (double)n_moment * (double)t->n * t->shift_s;
		char text[32];
		moment[m] = ser_arena_strndup(a, text, (size_t)snprintf(text, sizeof text, "%.2f s", at));
		for (size_t s = 0; s < n_track; s++) {
			size_t row = (size_t)fmin(at / t[s].shift_s, (double)(t[s].n - 1));
			for (size_t i = 0; i < p->n; i++) {
				double *q = xy + 2 * ((s * n_moment + m) * p->n + i);
				q[0] = (double)t[s].x[row * t[s].d + p->x[i]];
				q[1] = (double)t[s].x[row * t[s].d + p->y[i]];
			}
		}
	}
	return f;
}

static struct ser_plot_line line_of(const struct track *t, size_t c, struct ser_arena *a)
{
	double *x = ser_arena_calloc(a, t->n, sizeof *x), *y = ser_arena_calloc(a, t->n, sizeof *y);
	for (size_t i = 0; i < t->n; i++) {
		x[i] = (double)i * t->shift_s;
		y[i] = (double)t->x[i * t->d + c];
	}
	return (struct ser_plot_line){.n = t->n, .x = x, .y = y, .best = -1};
}

int ser_faces_draw(const struct ser_header *h, struct ser_record *r, const struct ser_faces_opt *which,
		   const struct ser_plot_opt *opt, struct ser_buf *svg, struct ser_err *e)
{
	struct ser_arena a = {0};
	struct ser_plot_opt o = *opt;
	struct track *t = ser_arena_calloc(&a, which->n_field, sizeof *t);
	struct points *p = ser_arena_calloc(&a, 1, sizeof *p);
	int rc = SER_OK;
	for (size_t s = 0; s < which->n_field && rc == SER_OK; s++) {
		rc = read_track(h, r, which->field[s], &t[s], e);
		if (rc == SER_OK && !same_names(t[0].name, t[s].name))
			rc = ser_record_fail(r, e, SER_EDATA, "\"%s\" and \"%s\" have different columns",
					     which->field[0], which->field[s]);
	}
	size_t n = which->n_column > 0 ? which->n_column : t->d < MOST_VARIED ? t->d : MOST_VARIED;
	size_t *c = ser_arena_calloc(&a, n, sizeof *c);
	if (rc == SER_OK)
		rc = choose(t, which, n, c, e);
	if (rc == SER_OK) {
		const char **panel = ser_arena_calloc(&a, n, sizeof *panel);
		struct ser_plot_line *line = ser_arena_calloc(&a, n * which->n_field, sizeof *line);
		for (size_t k = 0; k < n; k++) {
			const struct ser_val *v = &t->name->u.list.v[c[k]];
			panel[k] = v->kind == SER_STR ? ser_arena_strndup(&a, v->u.str.s, v->u.str.n) : "";
			for (size_t s = 0; s < which->n_field; s++)
				line[k * which->n_field + s] = line_of(&t[s], c[k], &a);
		}
		find_points(p, t->name);
		struct ser_plot_faces f = {0};
		struct ser_plot_curve d = {n, which->n_field, panel, which->field, line, false, NULL};
		if (p->n > 0 && which->n_moment > 0) {
			f = faces_of(t, which->n_field, p, which->n_moment, &a);
			d.faces = &f;
		}
		o.title = o.title != NULL ? o.title : ser_record_id(r);
		o.x_label = "s";
		rc = ser_plot_curve(&o, &d, svg, e);
	}
	ser_arena_free(&a);
	return rc;
}
