/* SPDX-License-Identifier: MIT */
/* SVMlight's and LIBSVM's sparse vectors: "TARGET INDEX:VALUE ... # ID", indices from 1. What the format has no place for
 * stands in comments before the first vector, which other readers skip:
 *   # n_features 192
 *   # target emo: angry happy sad      the classes that targets 0, 1, 2 stand for, as JSON strings */
#include "formats/private.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading: twice, since the vectors' length is known at the end ---- */

struct reader {
	struct ser_spool *lines;
	struct ser_spool_walk walk;
	bool walking, zero; /* indices begin at 0 */
	size_t width;       /* elements */
	uint64_t line;
	struct ser_buf data;
	struct ser_arena arena;
	struct ser_val classes; /* a list of strings, or nil */
	char target[SER_MAX_NAME + 1];
};

/* "INDEX:VALUE" at *at, which moves behind it: 1; 0: there is none; <0. */
static int pair(struct source *s, const char **at, size_t *index, float *x, struct ser_err *e)
{
	const char *p = *at + strspn(*at, " \t"), *colon;
	int64_t i;
	if (*p == '\0')
		return 0;
	size_t n = strcspn(p, " \t");
	colon = memchr(p, ':', n);
	if (n > 4 && memcmp(p, "qid:", 4) == 0) { /* a query's number, for ranking */
		*at = p + n;
		return pair(s, at, index, x, e);
	}
	if (colon == NULL || !ser_text_int(p, (size_t)(colon - p), &i) || i < 0 || i > MAX_COLUMN ||
	    !ser_text_f4(colon + 1, n - (size_t)(colon - p) - 1, x))
		return ser_line_fail(s, e, "\"%.*s\": expected INDEX:VALUE, an index up to %d", (int)(n < 40 ? n : 40),
				     p, MAX_COLUMN);
	*index = (size_t)i;
	*at = p + n;
	return 1;
}

/* Our own comments. */
static int comment(struct ser_import *im, const char *p, struct ser_err *e)
{
	struct reader *q = im->state;
	int64_t n;
	size_t len;
	if (strncmp(p, "# n_features ", 13) == 0 && ser_text_int(p + 13, strlen(p + 13), &n) && n >= 0 &&
	    n <= MAX_COLUMN)
		q->width = (size_t)n > q->width ? (size_t)n : q->width;
	const char *list = strncmp(p, "# target ", 9) == 0 ? strstr(p, ": [") : NULL;
	if (list == NULL)
		return 0;
	len = (size_t)(list - p - 9);
	if (!ser_field_name_ok(p + 9, len))
		return 0;
	if (ser_val_from_json(&q->arena, list + 2, strlen(list + 2), &q->classes, e) != 0)
		return ser_line_fail(&im->in, e, "classes of a target that are no JSON list");
	for (size_t i = 0; i < q->classes.u.list.n; i++)
		if (q->classes.u.list.v[i].kind != SER_STR)
			return ser_line_fail(&im->in, e, "classes of a target that are no strings");
	memcpy(q->target, p + 9, len);
	q->target[len] = '\0';
	return 0;
}

static int begin(struct ser_import *im, struct ser_err *e)
{
	struct reader *p = ser_calloc(1, sizeof *p);
	struct source *s = &im->in;
	size_t most = 0, index;
	bool any = false;
	float x;
	int rc;
	im->state = p;
	p->classes = ser_nil();
	snprintf(p->target, sizeof p->target, "%s", im->o.label != NULL ? im->o.label[0] : "target");
	if ((p->lines = ser_spool_new(e)) == NULL)
		return e->code;
	while ((rc = ser_src_line(s, im->o.max_record, e)) > 0) {
		const char *at = s->text.s + strspn(s->text.s, " \t");
		if (ser_spool_add(p->lines, s->text.s, s->text.n + 1, e) != 0)
			return e->code;
		if (*at == '#' && !any && comment(im, at, e) != 0)
			return e->code;
		if (*at == '#' || *at == '\0')
			continue;
		any = true;
		char *hash = strchr(s->text.s, '#');
		if (hash != NULL)
			*hash = '\0';
		at += strcspn(at, " \t");
		while ((rc = pair(s, &at, &index, &x, e)) > 0) {
			most = index > most ? index : most;
			p->zero = p->zero || index == 0;
		}
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	most += p->zero && any;
	p->width = most > p->width ? most : p->width;
	if (p->width * sizeof x > im->o.max_record)
		return ser_fail(e, SER_EDATA, "%s: vectors of %zu elements, limit %zu bytes", s->name, p->width,
				im->o.max_record);
	if (im->o.label != NULL)
		snprintf(p->target, sizeof p->target, "%s", im->o.label[0]);
	s->line = 0;
	rc = ser_spool_walk(&p->walk, p->lines, 0, ser_spool_size(p->lines), 0, e);
	p->walking = rc == 0;
	return rc;
}

static int target(struct ser_import *im, struct ser_record *r, const char *s, size_t n, struct ser_err *e)
{
	struct reader *p = im->state;
	int64_t i;
	double x;
	if (ser_text_int(s, n, &i)) {
		bool known = p->classes.kind == SER_LIST && i >= 0 && (size_t)i < p->classes.u.list.n;
		if (p->classes.kind == SER_LIST && !known)
			return ser_line_fail(&im->in, e, "target %" PRId64 " is none of the %zu classes", i,
					     p->classes.u.list.n);
		ser_record_set(r, p->target, known ? p->classes.u.list.v[i] : ser_int(i));
		return 0;
	}
	if (!ser_text_real(s, n, &x))
		return ser_line_fail(&im->in, e, "\"%.*s\": expected one number as target", (int)(n < 40 ? n : 40), s);
	ser_record_set(r, p->target, ser_real(x));
	return 0;
}

static int next(struct ser_import *im, struct ser_record *r, struct ser_err *e)
{
	struct reader *p = im->state;
	struct source *s = &im->in;
	const char *text, *at;
	size_t n, index, id_len, last = 0;
	char number[32];
	float x;
	int rc;
	do {
		if ((rc = ser_spool_next(&p->walk, &text, &n, e)) <= 0)
			return rc;
		s->line++;
		at = text + strspn(text, " \t");
	} while (*at == '\0' || *at == '#');
	s->text.n = 0;
	ser_buf_add(&s->text, text, n);
	at = s->text.s + (at - text);
	char *hash = strchr(s->text.s, '#');
	const char *id = hash != NULL ? hash + 1 + strspn(hash + 1, " \t") : "";
	if (hash != NULL)
		*hash = '\0';
	id_len = strlen(id);
	while (id_len > 0 && (id[id_len - 1] == ' ' || id[id_len - 1] == '\t'))
		id_len--;
	if (id_len == 0) {
		snprintf(number, sizeof number, "%" PRIu64, p->line);
		id = number;
		id_len = strlen(number);
	}
	p->line++;
	if (ser_import_id(im, r, id, id_len, e) != 0)
		return e->code;
	size_t n_target = strcspn(at, " \t");
	if (target(im, r, at, n_target, e) != 0)
		return e->code;
	at += n_target;
	p->data.n = 0;
	ser_buf_reserve(&p->data, p->width * sizeof x + 1);
	memset(p->data.s, 0, p->width * sizeof x);
	bool first = true;
	while ((rc = pair(s, &at, &index, &x, e)) > 0) {
		if (!first && index <= last)
			return ser_line_fail(s, e, "index %zu comes after %zu", index, last);
		first = false;
		last = index;
		memcpy(p->data.s + (index - !p->zero) * sizeof x, &x, sizeof x);
	}
	if (rc < 0)
		return rc;
	if (strcmp(im->o.tensor, p->target) == 0)
		return ser_fail(e, SER_EUSAGE, "\"%s\" would be both the target and the tensor", p->target);
	ser_record_set(r, im->o.tensor, ser_tensor(SER_F4, p->data.s, 1, &p->width));
	return 1;
}

static void end(struct ser_import *im)
{
	struct reader *p = im->state;
	if (p->walking)
		ser_spool_walk_end(&p->walk);
	ser_spool_free(p->lines);
	ser_buf_free(&p->data);
	ser_arena_free(&p->arena);
	free(p);
}

/* ---- writing: vectors wait until all classes are known ---- */

struct writer {
	struct ser_spool *rows; /* target's text, NUL, rest of the line */
	struct ser_map *classes;
	bool text, number; /* kinds of targets met */
	size_t width;
	struct ser_buf b;
};

static int start(struct ser_export *ex, struct ser_err *e)
{
	struct writer *w = ser_calloc(1, sizeof *w);
	ex->state = w;
	w->classes = ser_map_new();
	ser_assert(ex->o.n_label == 1);
	w->rows = ser_spool_new(e);
	return w->rows != NULL ? 0 : e->code;
}

static int put(struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	struct writer *w = ex->state;
	const struct ser_tensor *t = ser_export_tensor(ex, r, e);
	const struct ser_val *id = ser_record_get(r, "id"), *v = ser_record_get(r, ex->o.label[0]);
	if (t == NULL)
		return e->code;
	char what[128];
	if (v == NULL || (v->kind != SER_STR && v->kind != SER_INT && v->kind != SER_REAL) ||
	    (v->kind == SER_REAL && !isfinite(v->u.f)))
		return ser_record_fail(r, e, SER_EDATA, "label \"%s\" is %s, expected a string or a finite number",
				       ex->o.label[0], ser_val_what(v, what));
	if (t->ndim != 1 || t->shape[0] > MAX_COLUMN)
		return ser_record_fail(r, e, SER_EDATA, "the tensor has %d axes, svmlight has vectors", t->ndim);
	if (ex->n > 0 && t->shape[0] != w->width)
		return ser_record_fail(r, e, SER_EDATA, "a vector of %zu, the first has %zu", t->shape[0], w->width);
	w->width = t->shape[0];
	w->text = w->text || v->kind == SER_STR;
	w->number = w->number || v->kind != SER_STR;
	if (w->text && w->number)
		return ser_record_fail(r, e, SER_EDATA,
				       "label \"%s\" is a string in one record and a number in another",
				       ex->o.label[0]);
	for (size_t i = 0; i < id->u.str.n; i++)
		if (strchr("#\r\n", id->u.str.s[i]) != NULL)
			return ser_record_fail(r, e, SER_EDATA, "this id holds a line end or \"#\"");
	if (strchr(" \t", id->u.str.s[0]) != NULL || strchr(" \t", id->u.str.s[id->u.str.n - 1]) != NULL)
		return ser_record_fail(r, e, SER_EDATA, "this id begins or ends with a blank");
	w->b.n = 0;
	ser_val_text(&w->b, v);
	if (v->kind == SER_STR)
		ser_map_add(w->classes, v->u.str.s, v->u.str.n, NULL);
	else if (v->kind == SER_REAL && w->b.s[strspn(w->b.s, "-0123456789")] == '\0')
		ser_buf_str(&w->b, ".0");
	ser_buf_add(&w->b, "", 1);
	for (size_t i = 0; i < t->shape[0]; i++) {
		double x = ser_tensor_real(t, i);
		if (!isfinite(x))
			return ser_record_fail(r, e, SER_EDATA, "element %zu is not finite", i);
		if (x == 0)
			continue;
		ser_buf_printf(&w->b, " %zu:", i + 1);
		ser_put_element(&w->b, t, i);
	}
	ser_buf_str(&w->b, " # ");
	ser_buf_add(&w->b, id->u.str.s, id->u.str.n);
	ser_buf_str(&w->b, "\n");
	return ser_spool_add(w->rows, w->b.s, w->b.n, e);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int finish(struct ser_export *ex, struct ser_err *e)
{
	struct writer *w = ex->state;
	size_t n_class = ser_map_len(w->classes), n;
	const char **name = ser_calloc(n_class, sizeof *name), *p;
	size_t *code = ser_calloc(n_class, sizeof *code); /* of a class, by its place in the map */
	struct ser_spool_walk walk;
	for (size_t i = 0; i < n_class; i++)
		name[i] = ser_map_key(w->classes, i, NULL);
	qsort(name, n_class, sizeof *name, by_text);
	w->b.n = 0;
	ser_buf_printf(&w->b, "# n_features %zu\n", w->width);
	if (n_class > 0) {
		struct ser_arena a = {0};
		struct ser_val list = ser_val_list();
		for (size_t i = 0; i < n_class; i++) {
			ser_val_push(&a, &list, ser_str(name[i]));
			code[ser_map_find(w->classes, name[i], strlen(name[i]))] = i;
		}
		ser_buf_printf(&w->b, "# target %s: ", ex->o.label[0]);
		ser_val_json(&w->b, &list, false);
		ser_buf_str(&w->b, "\n");
		ser_arena_free(&a);
	}
	int rc = ser_export_bytes(ex, ex->f, w->b.s, w->b.n, e);
	if (rc == 0)
		rc = ser_spool_walk(&walk, w->rows, 0, ser_spool_size(w->rows), 0, e);
	if (rc == 0) {
		while ((rc = ser_spool_next(&walk, &p, &n, e)) > 0) {
			size_t len = strlen(p);
			w->b.n = 0;
			if (n_class > 0)
				ser_buf_printf(&w->b, "%zu", code[ser_map_find(w->classes, p, len)]);
			else
				ser_buf_add(&w->b, p, len);
			ser_buf_add(&w->b, p + len + 1, n - len - 1);
			if ((rc = ser_export_bytes(ex, ex->f, w->b.s, w->b.n, e)) != 0)
				break;
		}
		ser_spool_walk_end(&walk);
	}
	free(name);
	free(code);
	return rc;
}

static void drop(struct ser_export *ex)
{
	struct writer *w = ex->state;
	if (w == NULL)
		return;
	ser_spool_free(w->rows);
	ser_map_free(w->classes);
	ser_buf_free(&w->b);
	free(w);
}

const struct ser_format ser_format_svmlight = {"svmlight",
					       "SVMlight's and LIBSVM's sparse vectors with a target",
					       FORMAT_TEXT | FORMAT_BARE,
					       ".svmlight",
					       begin,
					       next,
					       end,
					       start,
					       put,
					       finish,
					       drop};
