/* SPDX-License-Identifier: MIT */
/* Comma-separated values (RFC 4180) with a header row. A quoted cell is text; others are what they look like. What parts the
 * first two cells of the header row, a comma, a semicolon or a tab, parts all; with semicolons a cell in single quotes is text, too:
 * so openSMILE writes. */
#include "formats/private.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

struct reader {
	struct table_in t;
	struct row w;
	char sep;   /* '\0': not known yet */
	bool smile; /* single quotes part, too, and one that is followed by more of the cell is a part of it */
};

/* The next row that is not blank: 1, 0 at the end, <0. Lines of a quoted cell count. */
static int read_row(struct ser_import *im, void *ctx, struct ser_err *e)
{
	struct reader *p = ctx;
	struct row *w = &p->w;
	struct source *s = &im->in;
	int c;
	bool quoted = false, inside = false;
	char q = '"';
	size_t from = 0, lines = 0;
again:
	ser_row_clear(w);
	from = 0;
	quoted = inside = false;
	s->line += 1 + lines;
	lines = 0;
	for (;;) {
		c = ser_src_getc(s);
		if (c == EOF && ser_src_bad(s, e) != 0)
			return e->code;
		if (c == EOF && inside)
			return ser_line_fail(s, e, "a quoted cell does not end");
		if (w->text.n >= im->o.max_record)
			return ser_line_fail(s, e, "a row of more than %zu bytes", im->o.max_record);
		if (inside) {
			int after = c == q ? ser_src_peek(s) : 0;
			if (c == q && after == q) {
				ser_src_getc(s);
			} else if (c == q && (q == '"' || strchr(";\r\n", after) != NULL || after == EOF)) {
				inside = false;
				continue;
			}
			lines += c == '\n';
		} else if ((c == '"' || (p->smile && c == '\'')) && w->text.n == from && !quoted) {
			quoted = inside = true;
			q = (char)c;
			continue;
		} else if (c == p->sep || (p->sep == '\0' && (c == ',' || c == ';' || c == '\t')) || c == '\n' ||
			   c == EOF) {
			bool end = c == '\n' || c == EOF;
			p->sep = end || p->sep != '\0' ? p->sep : (char)c;
			if (end && !quoted && w->text.n > from && w->text.s[w->text.n - 1] == '\r')
				w->text.n--;
			if (end && w->n == 0 && w->text.n == 0 && !quoted && (c == EOF || p->t.n_col != 1)) {
				if (c == EOF)
					return 0;
				goto again;
			}
			if (c == EOF && !quoted)
				return ser_line_cut(s, e);
			if (ser_row_add(w, s, from, quoted, e) != 0)
				return e->code;
			from = w->text.n;
			quoted = false;
			if (!end)
				continue;
			break;
		} else if (quoted) {
			if (c == '\r' && ser_src_peek(s) == '\n')
				continue;
			return ser_line_fail(s, e, "text behind a closing quote");
		}
		char byte = (char)c;
		ser_buf_add(&w->text, &byte, 1);
	}
	ser_row_done(w);
	for (size_t i = 0; p->sep == ';' && i < w->n; i++) {
		struct cell *v = &w->cell[i];
		if (!v->quoted && v->n > 1 && v->s[0] == '\'' && v->s[v->n - 1] == '\'')
			*v = (struct cell){v->s + 1, v->n - 2, true};
	}
	for (size_t i = 0; i < w->n; i++)
		if (!ser_utf8_ok(w->cell[i].s, w->cell[i].n))
			return ser_line_fail(s, e, "not UTF-8 text");
	if (p->t.n_col > 0 && w->n != p->t.n_col)
		return ser_line_fail(s, e, "%zu cells, the header has %zu", w->n, p->t.n_col);
	s->line += lines;
	return 1;
}

static int begin(struct ser_import *im, struct ser_err *e)
{
	struct reader *p = ser_calloc(1, sizeof *p);
	im->state = p;
	p->smile = im->fmt == &ser_format_opensmile_csv;
	p->sep = p->smile ? ';' : '\0';
	int rc = read_row(im, p, e);
	if (rc == 0)
		return ser_fail(e, SER_EDATA, "%s: empty, expected a header row", im->in.name);
	if (rc < 0)
		return rc;
	p->sep = p->sep != '\0' ? p->sep : ',';
	size_t bom = ser_utf8_bom(p->w.cell[0].s, p->w.cell[0].n);
	p->w.cell[0].s += bom;
	p->w.cell[0].n -= bom;
	return ser_table_in(&p->t, im, p->w.cell, p->w.n, &(struct table_hint){.smile = p->smile}, e);
}

static bool is(const struct cell *c, const char *s)
{
	return c->n == strlen(s) && memcmp(c->s, s, c->n) == 0;
}

/* What an unquoted cell looks like. An integer with zeros in front is text: it is a name. */
static struct ser_val looks(const struct cell *c)
{
	char text[32];
	int64_t i;
	double x;
	if (c->n == 0)
		return ser_nil();
	if (is(c, "true") || is(c, "false"))
		return ser_bool(c->s[0] == 't');
	if (is(c, "nan") || is(c, "inf") || is(c, "-inf"))
		return ser_text_real(c->s, c->n, &x) ? ser_real(x) : ser_nil();
	if (ser_text_int(c->s, c->n, &i)) {
		snprintf(text, sizeof text, "%lld", (long long)i);
		if (is(c, text))
			return ser_int(i);
	}
	bool point =
		memchr(c->s, '.', c->n) != NULL || memchr(c->s, 'e', c->n) != NULL || memchr(c->s, 'E', c->n) != NULL;
	if (point && ser_text_real(c->s, c->n, &x))
		return ser_real(x);
	return ser_strn(c->s, c->n);
}

static struct ser_val label(void *ctx, size_t col, const struct cell *c)
{
	(void)ctx;
	(void)col;
	return c->quoted ? ser_strn(c->s, c->n) : looks(c);
}

static int next(struct ser_import *im, struct ser_record *r, struct ser_err *e)
{
	static const struct table_format format = {read_row, label};
	struct reader *p = im->state;
	return ser_table_next(&p->t, im, &format, p, &p->w, r, e);
}

static void end(struct ser_import *im)
{
	struct reader *p = im->state;
	ser_table_in_free(&p->t);
	ser_row_free(&p->w);
	free(p);
}

/* ---- writing ---- */

struct writer {
	struct table_out t;
	struct ser_buf b;
};

static int start(struct ser_export *ex, struct ser_err *e)
{
	(void)e;
	ex->state = ser_calloc(1, sizeof(struct writer));
	return 0;
}

static void put_cell(struct ser_buf *b, const char *s, size_t n, bool quote)
{
	for (size_t i = 0; i < n && !quote; i++)
		quote = strchr(",;\t\"\r\n", s[i]) != NULL;
	quote = quote || (n > 0 && (s[0] == ' ' || s[n - 1] == ' '));
	if (!quote) {
		ser_buf_add(b, s, n);
		return;
	}
	ser_buf_str(b, "\"");
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"')
			ser_buf_str(b, "\"");
		ser_buf_add(b, s + i, 1);
	}
	ser_buf_str(b, "\"");
}

static void put_label(struct ser_buf *b, const struct ser_val *v)
{
	struct cell c;
	if (v == NULL || v->kind == SER_NIL)
		return;
	if (v->kind == SER_STR) {
		c = (struct cell){.s = v->u.str.s, .n = v->u.str.n};
		put_cell(b, c.s, c.n, looks(&c).kind != SER_STR);
		return;
	}
	size_t from = b->n;
	ser_val_text(b, v);
	if (v->kind == SER_REAL && b->s[from + strspn(b->s + from, "-0123456789")] == '\0')
		ser_buf_str(b, ".0"); /* a real stays one when read back */
}

static void head(struct ser_export *ex, struct writer *w)
{
	struct table_out *t = &w->t;
	const char *comma = "";
	if (!ex->o.no_id) {
		ser_buf_str(&w->b, "id");
		comma = ",";
	}
	for (size_t i = 0; i < t->n_label; i++, comma = ",") {
		ser_buf_str(&w->b, comma);
		put_cell(&w->b, t->label[i], strlen(t->label[i]), false);
	}
	if (t->ndim == 2) {
		ser_buf_printf(&w->b, "%sframe", comma);
		comma = ",";
	}
	for (size_t k = 0; k < t->width; k++, comma = ",") {
		ser_buf_str(&w->b, comma);
		put_cell(&w->b, t->column[k], strlen(t->column[k]), false);
	}
	ser_buf_str(&w->b, "\n");
}

static int put(struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	struct writer *w = ex->state;
	struct table_out *t = &w->t;
	bool first = !t->ready;
	w->b.n = 0;
	if (ser_table_layout(t, ex, r, e) != 0)
		return e->code;
	if (first)
		head(ex, w);
	const struct ser_tensor *x = t->tensor[0] != '\0' ? &ser_record_get(r, t->tensor)->u.t : NULL;
	size_t rows = t->ndim == 2 ? x->shape[0] : 1;
	if (rows == 0)
		return ser_record_fail(r, e, SER_EDATA, "no frames, and a table has a row for each");
	for (size_t i = 0; i < rows; i++) {
		const char *comma = "";
		if (!ex->o.no_id) {
			const struct ser_val *id = ser_record_get(r, "id");
			put_cell(&w->b, id->u.str.s, id->u.str.n, false);
			comma = ",";
		}
		for (size_t k = 0; k < t->n_label; k++, comma = ",") {
			ser_buf_str(&w->b, comma);
			put_label(&w->b, ser_record_get(r, t->label[k]));
		}
		if (t->ndim == 2) {
			ser_buf_printf(&w->b, "%s%zu", comma, i);
			comma = ",";
		}
		for (size_t k = 0; k < t->width; k++, comma = ",") {
			ser_buf_str(&w->b, comma);
			ser_put_element(&w->b, x, i * t->width + k);
		}
		ser_buf_str(&w->b, "\n");
	}
	return ser_export_bytes(ex, ex->f, w->b.s, w->b.n, e);
}

/* Without a record, too, there is a header row. */
static int finish(struct ser_export *ex, struct ser_err *e)
{
	return ex->n > 0 ? 0 : ser_export_bytes(ex, ex->f, "id\n", 3, e);
}

static void drop(struct ser_export *ex)
{
	struct writer *w = ex->state;
	if (w == NULL)
		return;
	ser_table_out_free(&w->t);
	ser_buf_free(&w->b);
	free(w);
}

const struct ser_format ser_format_csv = {
	"csv", "comma-separated values with a header row", FORMAT_TEXT, ".csv", begin, next, end, start, put, finish,
	drop};

/* ---- openSMILE's: name;frameTime;..., a row for each frame or for a sound's functionals ---- */

static int smile_start(struct ser_export *ex, struct ser_err *e)
{
	static const char *const none[1] = {NULL};
	ex->o.label = none;
	ex->o.n_label = 0;
	return start(ex, e);
}

static int smile_head(struct writer *w, const struct ser_record *r, struct ser_err *e)
{
	ser_buf_str(&w->b, "name;frameTime");
	for (size_t k = 0; k < w->t.width; k++) {
		if (strpbrk(w->t.column[k], ";\"\r\n") != NULL)
			return ser_record_fail(r, e, SER_EDATA, "a column \"%.100s\", which openSMILE's CSV can't name",
					       w->t.column[k]);
		ser_buf_printf(&w->b, ";%s", w->t.column[k]);
	}
	ser_buf_str(&w->b, "\n");
	return 0;
}

static int smile_put(struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	struct writer *w = ex->state;
	struct table_out *t = &w->t;
	bool first = !t->ready;
	w->b.n = 0;
	if (ser_table_layout(t, ex, r, e) != 0 || ser_table_shift(t, ex, r, e) != 0 ||
	    (first && smile_head(w, r, e) != 0))
		return e->code;
	const struct ser_tensor *x = &ser_record_get(r, t->tensor)->u.t;
	const struct ser_val *id = ser_record_get(r, "id");
	size_t rows = t->ndim == 2 ? x->shape[0] : 1;
	if (rows == 0)
		return ser_record_fail(r, e, SER_EDATA, "no frames, and a table has a row for each");
	if (memchr(id->u.str.s, '\n', id->u.str.n) != NULL || memchr(id->u.str.s, '\r', id->u.str.n) != NULL)
		return ser_record_fail(r, e, SER_EDATA, "this id has two lines, and openSMILE's names have one");
	for (size_t i = 0; i < rows; i++) {
		ser_buf_str(&w->b, "'");
		for (size_t k = 0; k < id->u.str.n; k++)
			ser_buf_add(&w->b, id->u.str.s[k] == '\'' ? "''" : id->u.str.s + k,
				    1 + (id->u.str.s[k] == '\''));
		ser_buf_printf(&w->b, "';%.6f", (double)i * t->shift_s);
		for (size_t k = 0; k < t->width; k++) {
			ser_buf_str(&w->b, ";");
			ser_put_element(&w->b, x, i * t->width + k);
		}
		ser_buf_str(&w->b, "\n");
	}
	return ser_export_bytes(ex, ex->f, w->b.s, w->b.n, e);
}

static int smile_finish(struct ser_export *ex, struct ser_err *e)
{
	return ex->n > 0 ? 0 : ser_export_bytes(ex, ex->f, "name;frameTime\n", 15, e);
}

const struct ser_format ser_format_opensmile_csv = {"opensmile-csv",
						    "openSMILE's table parted by semicolons",
						    FORMAT_TEXT,
						    ".csv",
						    begin,
						    next,
						    end,
						    smile_start,
						    smile_put,
						    smile_finish,
						    drop};
