/* SPDX-License-Identifier: MIT */
/* Weka's attribute-relation file format, dense. The head names the classes of a nominal attribute, so rows wait in a spool
 * until all are known. */
#include "formats/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- reading ---- */

enum type { NUMERIC, INTEGER, STRING, NOMINAL, BOOLEAN };

struct reader {
	struct table_in t;
	enum type *type;
	struct ser_map **classes; /* [n_type] of nominal attributes */
	size_t n_type, cap_type, cap_classes;
	struct table_hint hint; /* is_text is text */
	char tensor[SER_MAX_NAME + 1];
	bool *text;
	struct row w; /* unescaped */
};

static const char *skip(const char *s)
{
	return s + strspn(s, " \t");
}

/* A name or value: up to a blank or one of `stop`, or in quotes with backslashes; appended to b. NULL when quotes do
 * not end. */
static const char *token(const char *s, const char *stop, struct ser_buf *b, bool *quoted)
{
	char q = *s;
	*quoted = q == '\'' || q == '"';
	ser_buf_reserve(b, 1);
	if (!*quoted) {
		size_t n = strcspn(s, stop);
		size_t m = n;
		while (m > 0 && (s[m - 1] == ' ' || s[m - 1] == '\t'))
			m--;
		ser_buf_add(b, s, m);
		return s + n;
	}
	for (s++; *s != q; s++) {
		if (*s == '\\' && s[1] != '\0') {
			s++;
			char c = *s == 'n' ? '\n' : *s == 'r' ? '\r' : *s == 't' ? '\t' : *s;
			ser_buf_add(b, &c, 1);
		} else if (*s == '\0') {
			return NULL;
		} else {
			ser_buf_add(b, s, 1);
		}
	}
	return s + 1;
}

/* {a, b, 'c d'} */
static int classes(struct source *s, const char *at, struct ser_map *known, enum type *type, struct ser_err *e)
{
	struct ser_buf b = {0};
	bool all = true, quoted;
	int n = 0, rc = 0;
	at = skip(at + 1);
	while (rc == 0 && *at != '}') {
		b.n = 0;
		at = token(at, ",}", &b, &quoted);
		at = at != NULL ? skip(at) : "";
		if (*at != ',' && *at != '}')
			rc = ser_line_fail(s, e, "classes that do not end in \"}\"");
		else if (*at == ',')
			at = skip(at + 1);
		if (rc == 0 && ser_map_add(known, b.s, b.n, NULL) >= MAX_CLASS)
			rc = ser_line_fail(s, e, "more than %d classes", MAX_CLASS);
		ser_buf_add(&b, "", 1);
		all = all && !quoted && (strcmp(b.s, "false") == 0 || strcmp(b.s, "true") == 0);
		n++;
	}
	ser_buf_free(&b);
	*type = all && n > 0 && n <= 2 ? BOOLEAN : NOMINAL;
	return rc;
}

static int attribute(struct source *s, struct reader *p, const char *at, struct ser_err *e)
{
	bool quoted;
	size_t from = p->w.text.n;
	enum type type;
	struct ser_map *known = NULL;
	at = token(skip(at), " \t{", &p->w.text, &quoted);
	if (at == NULL || p->w.text.n == from)
		return ser_line_fail(s, e, "an attribute without a name");
	if (ser_row_add(&p->w, s, from, quoted, e) != 0)
		return e->code;
	at = skip(at);
	size_t n = strcspn(at, " \t");
	if (*at == '{') {
		known = ser_map_new();
		if (classes(s, at, known, &type, e) != 0) {
			ser_map_free(known);
			return e->code;
		}
	} else if ((n == 7 && strncasecmp(at, "numeric", n) == 0) || (n == 4 && strncasecmp(at, "real", n) == 0)) {
		type = NUMERIC;
	} else if (n == 7 && strncasecmp(at, "integer", n) == 0) {
		type = INTEGER;
	} else if ((n == 6 && strncasecmp(at, "string", n) == 0) || (n == 4 && strncasecmp(at, "date", n) == 0)) {
		type = STRING;
	} else {
		return ser_line_fail(s, e, "an attribute of type \"%.40s\", which is none that is read", at);
	}
	p->type = ser_grow(p->type, &p->cap_type, p->n_type + 1, sizeof *p->type);
	p->classes = ser_grow(p->classes, &p->cap_classes, p->n_type + 1, sizeof *p->classes);
	p->classes[p->n_type] = known;
	p->type[p->n_type++] = type;
	return 0;
}

/* Comments of this program's tables: elements are between "% tensor NAME" and "% labels". */
static const char TENSOR[] = "% tensor ", LABELS[] = "% labels";

static void comment(struct reader *p, const char *at)
{
	const char *name = at + sizeof TENSOR - 1;
	if (p->hint.tensor == NULL && strncmp(at, TENSOR, sizeof TENSOR - 1) == 0 &&
	    ser_field_name_ok(name, strlen(name))) {
		snprintf(p->tensor, sizeof p->tensor, "%s", name);
		p->hint.tensor = p->tensor;
		p->hint.from = p->n_type;
		p->hint.to = SIZE_MAX;
	} else if (p->hint.to == SIZE_MAX && strcmp(at, LABELS) == 0) {
		p->hint.to = p->n_type;
	}
}

/* openSMILE's tables have a name where others have an id. */
static bool is_smile(const struct ser_import *im, const struct reader *p)
{
	bool id = false;
	for (size_t i = 0; i < p->w.n; i++)
		id = id || (p->w.cell[i].n == 2 && memcmp(p->w.cell[i].s, "id", 2) == 0);
	for (size_t i = 0; i < im->o.n_label; i++)
		id = id || strcmp(im->o.label[i], "name") == 0;
	return !id && p->w.n > 0 && p->type[0] == STRING && p->w.cell[0].n == 4 &&
	       memcmp(p->w.cell[0].s, "name", 4) == 0;
}

/* The next line with something on it; p: of the head, whose comments are read. */
static int line(struct ser_import *im, struct reader *p, const char **at, struct ser_err *e)
{
	int rc;
	do {
		rc = ser_src_line(&im->in, im->o.max_record, e);
		*at = rc > 0 ? skip(im->in.text.s) : "";
		if (p != NULL && **at == '%')
			comment(p, *at);
	} while (rc > 0 && (**at == '\0' || **at == '%'));
	return rc;
}

static int begin(struct ser_import *im, struct ser_err *e)
{
	struct reader *p = ser_calloc(1, sizeof *p);
	const char *at;
	int rc;
	im->state = p;
	while ((rc = line(im, p, &at, e)) > 0 && strncasecmp(at, "@data", 5) != 0) {
		if (strncasecmp(at, "@attribute", 10) == 0 && (at[10] == ' ' || at[10] == '\t')) {
			if (attribute(&im->in, p, at + 10, e) != 0)
				return e->code;
		} else if (strncasecmp(at, "@relation", 9) != 0) {
			return ser_line_fail(&im->in, e, "\"%.40s\": expected @relation, @attribute or @data", at);
		}
	}
	if (rc < 0)
		return rc;
	if (rc == 0)
		return ser_fail(e, SER_EDATA, "%s: no @data", im->in.name);
	ser_row_done(&p->w);
	p->text = ser_calloc(p->n_type, sizeof *p->text);
	for (size_t i = 0; i < p->n_type; i++)
		p->text[i] = p->type[i] > INTEGER;
	p->hint.is_text = p->text;
	p->hint.smile = is_smile(im, p);
	return ser_table_in(&p->t, im, p->w.cell, p->w.n, &p->hint, e);
}

/* A label's value is what its attribute says. */
static int check(struct ser_import *im, const struct reader *p, size_t col, struct ser_err *e)
{
	const struct cell *c = &p->w.cell[col];
	const struct ser_map *known = p->classes[col];
	double x;
	if (!c->quoted && c->n == 1 && c->s[0] == '?')
		return 0;
	if (known != NULL && ser_map_find(known, c->s, c->n) < 0)
		return ser_line_fail(&im->in, e, "\"%.*s\" is none of the %zu values that are declared for \"%.100s\"",
				     (int)(c->n < 40 ? c->n : 40), c->s, ser_map_len(known), p->t.name[col]);
	if (p->type[col] <= INTEGER && p->t.is_label[col] && !ser_text_real(c->s, c->n, &x))
		return ser_line_fail(&im->in, e, "\"%.*s\" for \"%.100s\", expected a number",
				     (int)(c->n < 40 ? c->n : 40), c->s, p->t.name[col]);
	return 0;
}

static int read_row(struct ser_import *im, void *ctx, struct ser_err *e)
{
	struct reader *p = ctx;
	const char *at;
	bool quoted;
	int rc = line(im, NULL, &at, e);
	if (rc <= 0)
		return rc;
	if (*at == '{')
		return ser_line_fail(&im->in, e, "a sparse row, which is not read");
	ser_row_clear(&p->w);
	for (;; at++) {
		size_t from = p->w.text.n;
		at = token(skip(at), ",", &p->w.text, &quoted);
		if (at == NULL || ((at = skip(at)), *at != ',' && *at != '\0'))
			return ser_line_fail(&im->in, e, "a quoted value does not end, or is not alone");
		if (ser_row_add(&p->w, &im->in, from, quoted, e) != 0)
			return e->code;
		if (*at == '\0')
			break;
	}
	ser_row_done(&p->w);
	if (p->w.n != p->t.n_col)
		return ser_line_fail(&im->in, e, "%zu values, there are %zu attributes", p->w.n, p->t.n_col);
	for (size_t i = 0; i < p->w.n; i++)
		if (check(im, p, i, e) != 0)
			return e->code;
	return 1;
}

static struct ser_val label(void *ctx, size_t col, const struct cell *c)
{
	const struct reader *p = ctx;
	int64_t i;
	double x;
	if (!c->quoted && c->n == 1 && c->s[0] == '?')
		return ser_nil();
	if (p->type[col] == INTEGER && ser_text_int(c->s, c->n, &i))
		return ser_int(i);
	if (p->type[col] <= INTEGER && ser_text_real(c->s, c->n, &x))
		return ser_real(x);
	if (p->type[col] == BOOLEAN && !c->quoted)
		return ser_bool(c->n == 4);
	return ser_strn(c->s, c->n);
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
	for (size_t i = 0; i < p->n_type; i++)
		ser_map_free(p->classes[i]);
	free(p->classes);
	free(p->text);
	free(p->type);
	free(p);
}

/* ---- writing ---- */

struct column {
	size_t n[SER_STR + 1]; /* values of each kind */
	struct ser_map *seen;  /* as text */
};

struct writer {
	struct table_out t;
	struct column *col; /* of each label */
	struct ser_spool *rows;
	struct ser_buf b, text;
	bool smile; /* openSMILE's names of id and frame; without a label there is an empty one */
};

static int start(struct ser_export *ex, struct ser_err *e)
{
	struct writer *w = ser_calloc(1, sizeof *w);
	ex->state = w;
	w->smile = ex->fmt == &ser_format_opensmile_arff;
	w->rows = ser_spool_new(e);
	return w->rows != NULL ? 0 : e->code;
}

static void put_text(struct ser_buf *b, const char *s, size_t n)
{
	bool quote = n == 0 || (n == 1 && s[0] == '?');
	for (size_t i = 0; i < n && !quote; i++)
		quote = strchr(" ,{}%'\"\\\t\r\n", s[i]) != NULL;
	if (!quote) {
		ser_buf_add(b, s, n);
		return;
	}
	ser_buf_str(b, "'");
	for (size_t i = 0; i < n; i++) {
		const char *escape = s[i] == '\n'   ? "\\n"
				     : s[i] == '\r' ? "\\r"
				     : s[i] == '\t' ? "\\t"
				     : s[i] == '\'' ? "\\'"
				     : s[i] == '\\' ? "\\\\"
						    : NULL;
		ser_buf_add(b, escape != NULL ? escape : s + i, escape != NULL ? 2 : 1);
	}
	ser_buf_str(b, "'");
}

static int put_label(struct writer *w, size_t k, const struct ser_record *r, struct ser_err *e)
{
	const struct ser_val *v = ser_record_get(r, w->t.label[k]);
	if (v == NULL || v->kind == SER_NIL || (v->kind == SER_REAL && isnan(v->u.f))) {
		ser_buf_str(&w->b, "?");
		w->col[k].n[SER_NIL]++;
		return 0;
	}
	if (v->kind == SER_REAL && !isfinite(v->u.f))
		return ser_record_fail(r, e, SER_EDATA, "label \"%s\" is infinite", w->t.label[k]);
	w->text.n = 0;
	ser_val_text(&w->text, v);
	w->col[k].n[v->kind]++;
	if (ser_map_len(w->col[k].seen) <= MAX_CLASS)
		ser_map_add(w->col[k].seen, w->text.s, w->text.n, NULL);
	put_text(&w->b, w->text.s, w->text.n);
	return 0;
}

static int put(struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	struct writer *w = ex->state;
	struct table_out *t = &w->t;
	if (ser_table_layout(t, ex, r, e) != 0 || (w->smile && ser_table_shift(t, ex, r, e) != 0))
		return e->code;
	if (w->col == NULL) {
		w->col = ser_calloc(t->n_label, sizeof *w->col);
		for (size_t k = 0; k < t->n_label; k++)
			w->col[k].seen = ser_map_new();
	}
	const struct ser_tensor *x = t->tensor[0] != '\0' ? &ser_record_get(r, t->tensor)->u.t : NULL;
	size_t rows = t->ndim == 2 ? x->shape[0] : 1;
	if (rows == 0)
		return ser_record_fail(r, e, SER_EDATA, "no frames, and a table has a row for each");
	for (size_t i = 0; i < rows; i++) {
		const char *comma = "";
		w->b.n = 0;
		if (!ex->o.no_id) {
			const struct ser_val *id = ser_record_get(r, "id");
			put_text(&w->b, id->u.str.s, id->u.str.n);
			comma = ",";
		}
		if (t->ndim == 2) {
			if (w->smile)
				ser_buf_printf(&w->b, ",%.6f", (double)i * t->shift_s);
			else
				ser_buf_printf(&w->b, "%s%zu", comma, i);
			comma = ",";
		}
		for (size_t k = 0; k < t->width; k++, comma = ",") {
			double v = ser_tensor_real(x, i * t->width + k);
			ser_buf_str(&w->b, comma);
			if (isinf(v))
				return ser_record_fail(r, e, SER_EDATA, "tensor \"%s\" holds an infinity", t->tensor);
			if (isnan(v))
				ser_buf_str(&w->b, "?");
			else
				ser_put_element(&w->b, x, i * t->width + k);
		}
		for (size_t k = 0; k < t->n_label; k++, comma = ",") {
			ser_buf_str(&w->b, comma);
			if (put_label(w, k, r, e) != 0)
				return e->code;
		}
		ser_buf_str(&w->b, w->smile && t->n_label == 0 ? ",?\n" : "\n");
		if (ser_spool_add(w->rows, w->b.s, w->b.n, e) != 0)
			return e->code;
	}
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* {a,b,c}, sorted; text with more values than a class has is of type string. */
static void put_type(struct ser_buf *b, const struct column *c)
{
	size_t n = ser_map_len(c->seen), others = c->n[SER_STR] + c->n[SER_BOOL];
	if (others == 0 && c->n[SER_REAL] > 0) {
		ser_buf_str(b, "numeric");
	} else if (others == 0 && c->n[SER_INT] > 0) {
		ser_buf_str(b, "integer");
	} else if (n > MAX_CLASS) {
		ser_buf_str(b, "string");
	} else if (c->n[SER_BOOL] > 0 && c->n[SER_STR] + c->n[SER_INT] + c->n[SER_REAL] == 0) {
		ser_buf_str(b, "{false,true}");
	} else {
		const char **s = ser_calloc(n, sizeof *s);
		for (size_t i = 0; i < n; i++)
			s[i] = ser_map_key(c->seen, i, NULL);
		qsort(s, n, sizeof *s, by_text);
		ser_buf_str(b, "{");
		for (size_t i = 0; i < n; i++) {
			ser_buf_str(b, i > 0 ? "," : "");
			put_text(b, s[i], strlen(s[i]));
		}
		ser_buf_str(b, "}");
		free(s);
	}
}

static int finish(struct ser_export *ex, struct ser_err *e)
{
	struct writer *w = ex->state;
	struct table_out *t = &w->t;
	struct ser_buf *b = &w->b;
	b->n = 0;
	ser_buf_str(b, "@relation ser\n\n");
	if (!ex->o.no_id)
		ser_buf_printf(b, "@attribute %s string\n", w->smile ? "name" : "id");
	if (t->ndim == 2)
		ser_buf_printf(b, "@attribute %s\n", w->smile ? "frameTime numeric" : "frame integer");
	if (t->named)
		ser_buf_printf(b, "%s%s\n", TENSOR, t->tensor);
	for (size_t k = 0; k < t->width; k++) {
		ser_buf_str(b, "@attribute ");
		put_text(b, t->column[k], strlen(t->column[k]));
		ser_buf_str(b, " numeric\n");
	}
	if (t->named)
		ser_buf_printf(b, "%s\n", LABELS);
	if (w->smile && t->n_label == 0)
		ser_buf_str(b, "@attribute class numeric\n");
	for (size_t k = 0; k < t->n_label; k++) {
		ser_buf_str(b, "@attribute ");
		put_text(b, t->label[k], strlen(t->label[k]));
		ser_buf_str(b, " ");
		put_type(b, &w->col[k]);
		ser_buf_str(b, "\n");
	}
	ser_buf_str(b, "\n@data\n");
	int rc = ser_export_bytes(ex, ex->f, b->s, b->n, e);
	struct ser_spool_walk walk;
	const char *p;
	size_t n;
	if (rc == 0)
		rc = ser_spool_walk(&walk, w->rows, 0, ser_spool_size(w->rows), 0, e);
	if (rc != 0)
		return rc;
	while ((rc = ser_spool_next(&walk, &p, &n, e)) > 0 && (rc = ser_export_bytes(ex, ex->f, p, n, e)) == 0)
		;
	ser_spool_walk_end(&walk);
	return rc;
}

static void drop(struct ser_export *ex)
{
	struct writer *w = ex->state;
	if (w == NULL)
		return;
	for (size_t k = 0; w->col != NULL && k < w->t.n_label; k++)
		ser_map_free(w->col[k].seen);
	free(w->col);
	ser_table_out_free(&w->t);
	ser_spool_free(w->rows);
	ser_buf_free(&w->b);
	ser_buf_free(&w->text);
	free(w);
}

const struct ser_format ser_format_arff = {
	"arff", "Weka's attribute-relation file, dense", FORMAT_TEXT, ".arff", begin, next, end, start, put, finish,
	drop};

const struct ser_format ser_format_opensmile_arff = {"opensmile-arff",
						     "openSMILE's attribute-relation file",
						     FORMAT_TEXT,
						     ".arff",
						     begin,
						     next,
						     end,
						     start,
						     put,
						     finish,
						     drop};
