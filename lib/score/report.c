/* SPDX-License-Identifier: MIT */
#include "score/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct table {
	const char *name, *title;
	const char **column;
	size_t n_column, n_key;
	struct ser_val *cell; /* [n_row,n_column] */
	size_t n, cap;        /* cells */
};

struct ser_report {
	struct ser_arena mem;
	struct table about; /* key, value */
	struct table *table;
	size_t n, cap;
};

static void add(struct ser_report *r, struct table *t, struct ser_val v)
{
	t->cell = ser_grow(t->cell, &t->cap, t->n + 1, sizeof *t->cell);
	t->cell[t->n++] = ser_val_copy(&r->mem, &v);
}

static const char *keep(struct ser_report *r, const char *s)
{
	return ser_arena_strndup(&r->mem, s, strlen(s));
}

struct ser_report *ser_report_new(void)
{
	static const char *column[] = {"key", "value"};
	struct ser_report *r = ser_calloc(1, sizeof *r);
	r->about = (struct table){.name = "about", .title = "", .column = column, .n_column = 2, .n_key = 1};
	return r;
}

void ser_report_free(struct ser_report *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		free(r->table[i].cell);
	free(r->about.cell);
	free(r->table);
	ser_arena_free(&r->mem);
	free(r);
}

void ser_report_about(struct ser_report *r, const char *key, struct ser_val v)
{
	add(r, &r->about, ser_str(key));
	add(r, &r->about, v);
}

void ser_report_table(struct ser_report *r, const char *name, const char *title, const char *const *column,
		      size_t n_column, size_t n_key)
{
	r->table = ser_grow(r->table, &r->cap, r->n + 1, sizeof *r->table);
	struct table *t = &r->table[r->n++];
	*t = (struct table){.name = keep(r, name), .title = keep(r, title), .n_column = n_column, .n_key = n_key};
	t->column = ser_arena_alloc(&r->mem, n_column, sizeof *t->column);
	for (size_t i = 0; i < n_column; i++)
		t->column[i] = keep(r, column[i]);
}

void ser_report_row(struct ser_report *r, const struct ser_val *cell)
{
	struct table *t = &r->table[r->n - 1];
	for (size_t i = 0; i < t->n_column; i++)
		add(r, t, cell[i]);
}

/* A value as text on one line: tabs and other control bytes are shown as \xNN. */
static void text_of(struct ser_buf *b, const struct ser_val *v, bool exact)
{
	b->n = 0;
	ser_buf_str(b, "");
	if (v->kind == SER_REAL && !isfinite(v->u.f)) {
		if (!exact)
			ser_buf_str(b, "-");
	} else if (v->kind == SER_REAL && !exact) {
		double size = fabs(v->u.f); /* a small probability is not 0 */
		ser_buf_printf(b, size > 0 && size < 5e-5 ? "%.1e" : size < 1e6 ? "%.4f" : "%.6g", v->u.f);
	} else if (v->kind == SER_STR) {
		for (size_t i = 0; i < v->u.str.n; i++) {
			size_t raw = ser_utf8_control(v->u.str.s + i, v->u.str.n - i);
			if (raw == 0)
				ser_buf_add(b, &v->u.str.s[i], 1);
			for (; raw > 0; raw--, i += raw > 0)
				ser_buf_printf(b, "\\x%02x", (unsigned char)v->u.str.s[i]);
		}
	} else {
		ser_val_text(b, v);
	}
}

/* Columns that a UTF-8 string takes, one for each character. */
static int width(const char *s)
{
	int n = 0;
	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void pad(struct ser_buf *b, const char *s, int w, bool right, bool last)
{
	int n = w - width(s);
	if (n < 0 || (last && !right))
		n = 0;
	ser_buf_printf(b, "%*s%s%*s", right ? n : 0, "", s, right ? 0 : n, "");
}

static void format_table(struct ser_buf *out, const struct table *t, bool head)
{
	struct ser_buf b = {0};
	size_t n_row = t->n / t->n_column;
	int *w = ser_calloc(t->n_column, sizeof *w);
	bool *right = ser_calloc(t->n_column, sizeof *right);
	for (size_t c = 0; c < t->n_column; c++) {
		w[c] = head ? width(t->column[c]) : 0;
		for (size_t i = 0; i < n_row; i++) {
			const struct ser_val *v = &t->cell[i * t->n_column + c];
			text_of(&b, v, false);
			w[c] = width(b.s) > w[c] ? width(b.s) : w[c];
			right[c] = right[c] || (head && v->kind != SER_STR && v->kind != SER_NIL);
		}
	}
	for (size_t i = head ? 0 : 1; i <= n_row; i++) {
		for (size_t c = 0; c < t->n_column; c++) {
			if (i > 0)
				text_of(&b, &t->cell[(i - 1) * t->n_column + c], false);
			if (c > 0)
				ser_buf_str(out, "  ");
			pad(out, i > 0 ? b.s : t->column[c], w[c], right[c], c + 1 == t->n_column);
		}
		ser_buf_str(out, "\n");
	}
	free(w);
	free(right);
	ser_buf_free(&b);
}

static void format_tsv(struct ser_buf *out, const struct table *t)
{
	struct ser_buf b = {0};
	for (size_t i = 0; i < t->n; i += t->n_column)
		for (size_t c = t->n_key; c < t->n_column; c++) {
			ser_buf_printf(out, "%s\t", t->name);
			for (size_t k = 0; k < t->n_key; k++) {
				text_of(&b, &t->cell[i + k], true);
				ser_buf_printf(out, "%s%s", k > 0 ? "." : "", b.s);
			}
			text_of(&b, &t->cell[i + c], true);
			ser_buf_printf(out, "\t%s\t%s\n", t->column[c], b.s);
		}
	ser_buf_free(&b);
}

static void json_pair(struct ser_buf *b, bool first, const char *key, const struct ser_val *v)
{
	struct ser_val k = ser_str(key);
	ser_buf_str(b, first ? "" : ", ");
	ser_val_json(b, &k, false);
	ser_buf_str(b, ": ");
	ser_val_json(b, v, false);
}

static void format_json(struct ser_buf *b, const struct ser_report *r)
{
	ser_buf_str(b, "{\"about\": {");
	for (size_t i = 0; i < r->about.n; i += 2)
		json_pair(b, i == 0, r->about.cell[i].u.str.s, &r->about.cell[i + 1]);
	ser_buf_str(b, "}");
	for (size_t k = 0; k < r->n; k++) {
		const struct table *t = &r->table[k];
		ser_buf_printf(b, ",\n \"%s\": [", t->name);
		for (size_t i = 0; i < t->n; i += t->n_column) {
			ser_buf_str(b, i == 0 ? "\n  {" : ",\n  {");
			for (size_t c = 0; c < t->n_column; c++)
				json_pair(b, c == 0, t->column[c], &t->cell[i + c]);
			ser_buf_str(b, "}");
		}
		ser_buf_str(b, "]");
	}
	ser_buf_str(b, "}\n");
}

void ser_report_format(const struct ser_report *r, enum ser_report_form form, struct ser_buf *b)
{
	if (form == SER_REPORT_JSON) {
		format_json(b, r);
	} else if (form == SER_REPORT_TSV) {
		ser_buf_str(b, "table\trow\tcolumn\tvalue\n");
		format_tsv(b, &r->about);
		for (size_t i = 0; i < r->n; i++)
			format_tsv(b, &r->table[i]);
	} else {
		format_table(b, &r->about, false);
		for (size_t i = 0; i < r->n; i++) {
			ser_buf_printf(b, "\n%s\n", r->table[i].title);
			format_table(b, &r->table[i], true);
		}
	}
}
