/* SPDX-License-Identifier: MIT */
#include "figure/private.h"

#include <stdlib.h>
#include <string.h>

static void put(struct report *s, const char *row, size_t n, const char *column, double x)
{
	size_t r = ser_map_add(s->row, row, n, NULL);
	s->v = ser_grow(s->v, &s->cap, s->n + 1, sizeof *s->v);
	s->v[s->n].row = r;
	s->v[s->n].column = ser_map_add(s->column, column, strlen(column), NULL);
	s->v[s->n++].x = x;
}

bool report_get(const struct report *s, size_t row, const char *column, double *x)
{
	ptrdiff_t c = ser_map_find(s->column, column, strlen(column));
	for (size_t i = 0; c >= 0 && i < s->n; i++)
		if (s->v[i].row == row && s->v[i].column == (size_t)c) {
			*x = s->v[i].x;
			return true;
		}
	return false;
}

static void count_class(struct report *s, double n)
{
	s->n_item += n;
	s->square += n * n;
}

static double number(const struct ser_val *v)
{
	return v == NULL ? 0 : v->kind == SER_INT ? (double)v->u.i : v->kind == SER_REAL ? v->u.f : 0;
}

/* A row's name is its strings, parted by dots, as in the form with tabs. */
static int from_json(struct report *s, const struct ser_figure_text *t, const char *table, struct ser_arena *a,
		     struct ser_err *e)
{
	struct ser_val top;
	struct ser_buf row = {0};
	if (ser_val_from_json(a, t->s, t->n, &top, e) != SER_OK)
		return ser_fail_in(e, "%s", t->shown);
	const struct ser_val *about = ser_val_get(&top, "about"), *list = ser_val_get(&top, table),
			     *class = ser_val_get(&top, "classes");
	if (about != NULL && about->kind == SER_MAP)
		s->about = *about;
	for (size_t i = 0; class != NULL && class->kind == SER_LIST && i < class->u.list.n; i++)
		count_class(s, number(ser_val_get(&class->u.list.v[i], "n")));
	for (size_t i = 0; list != NULL && list->kind == SER_LIST && i < list->u.list.n; i++) {
		const struct ser_val *m = &list->u.list.v[i];
		row.n = 0;
		ser_buf_str(&row, "");
		for (size_t k = 0; m->kind == SER_MAP && k < m->u.map.n; k++)
			if (m->u.map.f[k].val.kind == SER_STR)
				ser_buf_printf(&row, "%s%s", row.n > 0 ? "." : "", m->u.map.f[k].val.u.str.s);
		for (size_t k = 0; m->kind == SER_MAP && k < m->u.map.n; k++) {
			const struct ser_val *v = &m->u.map.f[k].val;
			if (v->kind == SER_REAL || v->kind == SER_INT)
				put(s, row.s, row.n, m->u.map.f[k].name, number(v));
		}
	}
	ser_buf_free(&row);
	return SER_OK;
}

static int from_tsv(struct report *s, const struct ser_figure_text *t, const char *table, struct ser_arena *a,
		    struct ser_err *e)
{
	char *at = t->s, *cell[5];
	size_t n, line = 1;
	double x;
	if (!next_line(&at, cell, 5, &n) || n != 4 || strcmp(cell[0], "table") != 0 || strcmp(cell[1], "row") != 0 ||
	    strcmp(cell[2], "column") != 0 || strcmp(cell[3], "value") != 0)
		return ser_fail(e, SER_EDATA, "%s: is neither of ser-score --tsv nor of --json", t->shown);
	while (next_line(&at, cell, 5, &n)) {
		line++;
		if (n != 4)
			return ser_fail(e, SER_EDATA, "%s:%zu: %zu column%s, expected 4", t->shown, line, n, ser_s(n));
		bool real = ser_parse_real(cell[3], -1e30, 1e30, &x, NULL) == 0;
		if (strcmp(cell[0], "classes") == 0 && strcmp(cell[2], "n") == 0 && real)
			count_class(s, x);
		if (strcmp(cell[0], "about") == 0)
			ser_val_set(a, &s->about, cell[1], ser_str(cell[3]));
		else if (strcmp(cell[0], table) == 0 && real)
			put(s, cell[1], strlen(cell[1]), cell[2], x);
	}
	return SER_OK;
}

int report_read(struct report *s, const struct ser_figure_text *t, const char *table, struct ser_arena *a,
		struct ser_err *e)
{
	*s = (struct report){.row = ser_map_new(), .column = ser_map_new(), .about = ser_val_map()};
	int rc = t->s[strspn(t->s, " \t\r\n")] == '{' ? from_json(s, t, table, a, e) : from_tsv(s, t, table, a, e);
	if (rc == SER_OK && ser_map_len(s->row) == 0)
		rc = ser_fail(e, SER_EDATA, "%s: there is no table \"%s\"", t->shown, table);
	return rc;
}

void report_free(struct report *s)
{
	ser_map_free(s->row);
	ser_map_free(s->column);
	free(s->v);
}

ptrdiff_t report_row(const struct report *s, const char *name)
{
	struct ser_buf b = {0};
	ptrdiff_t r = ser_map_find(s->row, name, strlen(name));
	ser_buf_printf(&b, "pooled.%s", name);
	if (r < 0)
		r = ser_map_find(s->row, b.s, b.n);
	ser_buf_free(&b);
	return r;
}

const char *report_value(const struct report *s)
{
	static const char *const columns[] = {"value", "mean", "difference", "recall"};
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		if (ser_map_find(s->column, columns[i], strlen(columns[i])) >= 0)
			return columns[i];
	return NULL;
}

bool report_interval(const struct report *s, size_t row, const char *kind, double *lo, double *hi)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s_lo", kind);
	bool found = report_get(s, row, b.s, lo);
	b.n = 0;
	ser_buf_printf(&b, "%s_hi", kind);
	found = found && report_get(s, row, b.s, hi);
	ser_buf_free(&b);
	return found;
}
