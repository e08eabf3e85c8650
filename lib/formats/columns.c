/* SPDX-License-Identifier: MIT */
/* What CSV and ARFF share: which column is what. A tensor of one axis takes columns, one of two axes takes rows, too:
 * one a frame, with its number in the column "frame". */
#include "formats/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

static bool wanted(const struct ser_export *ex, const char *name, size_t n)
{
	for (size_t i = 0; i < ex->o.n_label; i++)
		if (strlen(ex->o.label[i]) == n && memcmp(ex->o.label[i], name, n) == 0)
			return true;
	return ex->o.label == NULL;
}

static const struct ser_val *listed(const struct ser_val *dim, const char *name)
{
	const struct ser_val *v = dim != NULL ? ser_val_get(dim, name) : NULL;
	return v != NULL && v->kind == SER_LIST ? v : NULL;
}

static const char *text_of(const struct ser_val *list, size_t i)
{
	const struct ser_val *v = &list->u.list.v[i];
	return v->kind == SER_STR ? v->u.str.s : "";
}

/* Functionals are of each column, but those of these sets are columns themselves. */
static bool is_set(const char *functional)
{
	static const char *const sets[] = {"egemaps", "gemaps", "compare2016", "emobase",
					   "is09",    "is10",   "is11",        "is13"};
	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
		if (strcmp(functional, sets[i]) == 0)
			return true;
	return false;
}

static int first_record(struct table_out *t, const struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	struct ser_buf b = {0};
	if (ser_export_tensor_name(ex, r, t->tensor, e) != 0)
		return e->code;
	t->label = ser_calloc(r->n, sizeof *t->label);
	for (size_t i = 0; i < r->n; i++) {
		const struct ser_field *f = &r->field[i];
		if (f->val.kind != SER_TENSOR && !(f->name_len == 2 && memcmp(f->name, "id", 2) == 0) &&
		    wanted(ex, f->name, f->name_len))
			t->label[t->n_label++] = ser_strndup(f->name, f->name_len);
	}
	t->known = ser_map_new();
	for (size_t i = 0; i < t->n_label; i++)
		ser_map_add(t->known, t->label[i], strlen(t->label[i]), NULL);
	for (size_t i = 0; i < ex->o.n_label; i++) {
		const struct ser_val *v = ser_record_get(r, ex->o.label[i]);
		if (v == NULL || v->kind == SER_TENSOR)
			return ser_record_fail(r, e, SER_EDATA, "no label \"%s\"", ex->o.label[i]);
	}
	t->ready = true;
	if (t->tensor[0] == '\0') {
		if (ex->o.tensor != NULL)
			return ser_record_fail(r, e, SER_EDATA, "no tensor \"%s\"", ex->o.tensor);
		return 0;
	}
	const struct ser_tensor *x = &ser_record_get(r, t->tensor)->u.t;
	if (x->ndim < 1 || x->ndim > 2)
		return ser_record_fail(r, e, SER_EDATA, "tensor \"%s\" has %d axes, a table takes 1 or 2", t->tensor,
				       x->ndim);
	t->ndim = x->ndim;
	t->width = x->shape[x->ndim - 1];
	if (t->width > MAX_COLUMN)
		return ser_record_fail(r, e, SER_EDATA, "tensor \"%s\" would take %zu columns, limit %d", t->tensor,
				       t->width, MAX_COLUMN);
	if (t->ndim == 2 && t->width == 0) /* rows by the thousand million, it may say, of nothing */
		return ser_record_fail(r, e, SER_EDATA, "tensor \"%s\" has frames without elements", t->tensor);
	t->column = ser_calloc(t->width, sizeof *t->column);
	const struct ser_val *dim = ser_header_dim(&ex->header, t->tensor), *names = listed(dim, "columns"),
			     *func = listed(dim, "functionals");
	size_t n_name = names != NULL ? names->u.list.n : 0, n_func = func != NULL ? func->u.list.n : 0;
	bool of_each = n_func > 0 && n_name * n_func == t->width && !is_set(text_of(func, 0));
	size_t each = of_each ? n_func : 1;
	t->named = n_name * each == t->width;
	for (size_t k = 0; k < t->width; k++) {
		const char *column = t->named ? text_of(names, k / each) : "",
			   *of = of_each ? text_of(func, k % each) : "";
		b.n = 0;
		if (column[0] != '\0')
			ser_buf_printf(&b, "%s%s%s", column, of_each ? "_" : "", of);
		else
			ser_buf_printf(&b, "%s.%zu", t->tensor, k);
		t->column[k] = ser_strndup(b.s, b.n);
	}
	ser_buf_free(&b);
	for (size_t i = 0; i < t->n_label; i++)
		if (t->ndim == 2 && strcmp(t->label[i], "frame") == 0)
			return ser_record_fail(r, e, SER_EDATA,
					       "a label \"frame\", which is the column of the frames' numbers");
	return 0;
}

int ser_table_layout(struct table_out *t, const struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	char name[SER_MAX_NAME + 1];
	if (!t->ready)
		return first_record(t, ex, r, e);
	if (ser_export_tensor_name(ex, r, name, e) != 0)
		return e->code;
	if (strcmp(name, t->tensor) != 0)
		return ser_record_fail(r, e, SER_EDATA, "tensor \"%s\", where the first record has \"%s\"", name,
				       t->tensor);
	if (name[0] != '\0') {
		const struct ser_val *v = ser_record_get(r, name);
		char what[128];
		if (v->u.t.ndim != t->ndim || v->u.t.shape[t->ndim - 1] != t->width)
			return ser_record_fail(r, e, SER_EDATA,
					       "\"%s\" is a %s, and the first record has %zu columns on %d axes", name,
					       ser_val_what(v, what), t->width, t->ndim);
	}
	for (size_t i = 0; ex->o.label == NULL && i < r->n; i++) { /* else these labels are the first record's */
		const struct ser_field *f = &r->field[i];
		if (f->val.kind != SER_TENSOR && !(f->name_len == 2 && memcmp(f->name, "id", 2) == 0) &&
		    ser_map_find(t->known, f->name, f->name_len) < 0)
			return ser_record_fail(
				r, e, SER_EDATA,
				"a label \"%.*s\", which the first record has not and so the table neither",
				(int)f->name_len, f->name);
	}
	return 0;
}

int ser_table_shift(struct table_out *t, const struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	if (t->tensor[0] == '\0')
		return ser_record_fail(r, e, SER_EDATA, "no tensor, and openSMILE's tables are of one");
	t->shift_s = ser_header_shift(&ex->header, t->tensor);
	if (t->shift_s <= 0)
		t->shift_s = ex->o.shift_s;
	if (t->ndim == 2 && !(t->shift_s >= 1e-6))
		return ser_record_fail(r, e, SER_EDATA,
				       "the header does not say how far frames are apart: give --frame-shift");
	return 0;
}

void ser_table_out_free(struct table_out *t)
{
	for (size_t i = 0; i < t->n_label; i++)
		free(t->label[i]);
	for (size_t i = 0; t->column != NULL && i < t->width; i++)
		free(t->column[i]);
	free(t->label);
	free(t->column);
	ser_map_free(t->known);
	*t = (struct table_out){0};
}

/* ---- reading ---- */

/* "NAME.12": the length of NAME, 0 when it is none. */
static size_t element_of(const char *s, size_t *k)
{
	const char *dot = strrchr(s, '.');
	int64_t i;
	if (dot == NULL || dot == s || (dot[1] == '0' && dot[2] != '\0') ||
	    !ser_text_int(dot + 1, strlen(dot + 1), &i) || dot[1] == '+' || i < 0)
		return 0;
	*k = (size_t)i;
	return (size_t)(dot - s);
}

/* Whether names of several things end in numbers, as percentile20.0 and percentile50.0 do: then these count no elements. */
static bool are_names(const struct table_in *t)
{
	const char *first = NULL;
	size_t k, len = 0;
	for (size_t i = 0; i < t->n_col; i++) {
		size_t n = element_of(t->name[i], &k);
		if (n == 0)
			continue;
		if (first != NULL && (n != len || memcmp(first, t->name[i], n) != 0))
			return true;
		first = t->name[i];
		len = n;
	}
	return false;
}

/* Without --label, the tensor's columns are those of the first column NAME.0 and its successors. */
static int by_names(struct table_in *t, struct ser_import *im, struct ser_err *e)
{
	size_t k, len = 0;
	for (size_t i = 0; i < t->n_col; i++)
		t->is_label[i] = true;
	for (size_t i = 0; i < t->n_col; i++) {
		size_t n = element_of(t->name[i], &k);
		if (n == 0 || (len == 0 && k != 0) || (len > 0 && (n != len || memcmp(t->tensor, t->name[i], n) != 0)))
			continue;
		if (len == 0 && !ser_field_name_ok(t->name[i], n))
			return ser_line_fail(&im->in, e, "\"%.*s\" cannot be a tensor's name", (int)n, t->name[i]);
		if (len == 0)
			snprintf(t->tensor, sizeof t->tensor, "%.*s", (int)n, t->name[i]);
		len = n;
		if (k != t->width)
			return ser_line_fail(&im->in, e, "column \"%s\" where \"%s.%zu\" is expected", t->name[i],
					     t->tensor, t->width);
		t->is_label[i] = false;
		t->element[t->width++] = i;
	}
	return 0;
}

/* All that is no label, nor says which record and frame a row is of, is the tensor. */
static void the_rest(struct table_in *t, struct ser_import *im, const char *tensor)
{
	struct ser_header *h = &im->header;
	struct ser_val names = ser_val_list();
	for (size_t i = 0; i < t->n_col; i++)
		if (!t->is_label[i] && !t->is_key[i] && (ptrdiff_t)i != t->id && (ptrdiff_t)i != t->frame)
			t->element[t->width++] = i;
	if (t->width == 0)
		return;
	snprintf(t->tensor, sizeof t->tensor, "%s", tensor);
	struct ser_val *dim = ser_header_dim_add(h, t->tensor);
	names.u.list.v = ser_arena_calloc(&h->arena, t->width, sizeof *names.u.list.v);
	for (size_t k = 0; k < t->width; k++)
		names.u.list.v[names.u.list.n++] =
			ser_str(ser_arena_strndup(&h->arena, t->name[t->element[k]], strlen(t->name[t->element[k]])));
	ser_val_set(&h->arena, dim, "columns", names);
}

/* The labels are those of --label. */
static int by_labels(struct table_in *t, struct ser_import *im, struct ser_err *e)
{
	for (size_t i = 0; i < im->o.n_label; i++) {
		size_t k = 0;
		while (k < t->n_col && strcmp(t->name[k], im->o.label[i]) != 0)
			k++;
		if (k == t->n_col)
			return ser_line_fail(&im->in, e, "no column \"%s\"", im->o.label[i]);
		t->is_label[k] = true;
	}
	return 0;
}

/* What is no label, by what is known besides names. */
static int by_hint(struct table_in *t, struct ser_import *im, const struct table_hint *hint, struct ser_err *e)
{
	bool marked = hint->tensor != NULL;
	for (size_t i = 0; i < t->n_col; i++) {
		bool is_text = hint->is_text != NULL && hint->is_text[i];
		if (marked && is_text && i >= hint->from && i < hint->to)
			return ser_line_fail(&im->in, e, "\"%.100s\" is of tensor \"%s\", but no number", t->name[i],
					     hint->tensor);
		t->is_label[i] = marked ? i < hint->from || i >= hint->to : is_text || strcmp(t->name[i], "class") == 0;
	}
	return 0;
}

/* Columns that say which record and frame a row is of. */
static int find_keys(struct table_in *t, struct ser_import *im, const struct table_hint *hint, struct ser_err *e)
{
	for (size_t i = 0; i < t->n_col; i++) {
		if (strcmp(t->name[i], hint->smile ? "name" : "id") == 0)
			t->id = (ptrdiff_t)i;
		if (strcmp(t->name[i], "frame") == 0)
			t->frame = (ptrdiff_t)i;
		if (hint->smile && i < 3 &&
		    (strcmp(t->name[i], "frameTime") == 0 || strcmp(t->name[i], "frameIndex") == 0)) {
			t->is_key[i] = true;
			t->time = (ptrdiff_t)i; /* frameTime is behind frameIndex */
		}
	}
	if (hint->smile)
		t->key = t->id;
	if (im->o.no_id)
		t->id = -1;
	else if (t->id < 0)
		return ser_line_fail(&im->in, e, "no column \"%s\": read the rows without ids by --no-id",
				     hint->smile ? "name" : "id");
	if (t->id < 0 || hint->smile) /* frames belong to an id */
		t->frame = -1;
	return 0;
}

/* A column NAME.0; of openSMILE's tables, whose names may end so by chance, nothing but such columns. */
static bool has_elements(const struct table_in *t, const struct table_hint *hint)
{
	bool first = false;
	size_t k;
	for (size_t i = 0; i < t->n_col; i++) {
		size_t n = element_of(t->name[i], &k);
		bool other = t->is_key[i] || (ptrdiff_t)i == t->key || (hint->is_text != NULL && hint->is_text[i]) ||
			     strcmp(t->name[i], "class") == 0;
		first = first || (n > 0 && k == 0);
		if (hint->smile && n == 0 && !other)
			return false;
	}
	return first;
}

/* Which columns are labels and which the tensor's: as --label says, as the table says, as its names say; and where these say nothing, what
 * is behind the frame's number is the tensor, and so is all when --tensor names one or there is more than a record has labels. */
static int share_out(struct table_in *t, struct ser_import *im, const struct table_hint *hint, struct ser_err *e)
{
	struct table_hint behind = {.tensor = im->o.tensor, .from = (size_t)(t->frame + 1), .to = t->n_col};
	bool several = are_names(t), elements = !several && has_elements(t, hint);
	int rc = 0;
	bool behind_frame = t->frame >= 0 && !several && hint->is_text == NULL,
	     all = several || im->tensor_given || t->n_col > SER_MAX_FIELD - 2;
	const char *tensor = hint->tensor != NULL && !im->tensor_given ? hint->tensor : im->o.tensor;
	if (im->o.label != NULL) {
		rc = by_labels(t, im, e);
	} else if (hint->tensor == NULL && elements) {
		rc = by_names(t, im, e);
	} else if (hint->tensor != NULL || hint->smile) {
		rc = by_hint(t, im, hint, e);
	} else if (behind_frame) {
		rc = by_hint(t, im, &behind, e);
	} else if (!all) {
		t->frame = -1;
		for (size_t i = 0; i < t->n_col; i++)
			t->is_label[i] = true;
	}
	for (size_t i = 0; i < t->n_col; i++)
		if (t->is_key[i] || (ptrdiff_t)i == t->id || (ptrdiff_t)i == t->frame)
			t->is_label[i] = false;
	if (t->key >= 0 && t->id < 0)
		t->is_label[t->key] = true; /* numbered, the rows keep their names */
	if (t->width == 0)
		the_rest(t, im, tensor);
	return rc;
}

int ser_table_in(struct table_in *t, struct ser_import *im, const struct cell *name, size_t n,
		 const struct table_hint *hint, struct ser_err *e)
{
	struct ser_map *seen = ser_map_new();
	int rc = 0;
	*t = (struct table_in){.id = -1, .frame = -1, .key = -1, .time = -1};
	t->name = ser_calloc(n, sizeof *t->name);
	t->is_label = ser_calloc(n, sizeof *t->is_label);
	t->is_key = ser_calloc(n, sizeof *t->is_key);
	t->element = ser_calloc(n, sizeof *t->element);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		bool is_new;
		t->name[t->n_col++] = ser_strndup(name[i].s, name[i].n);
		ser_map_add(seen, name[i].s, name[i].n, &is_new);
		if (!is_new)
			rc = ser_line_fail(&im->in, e, "column \"%.100s\" comes twice", t->name[i]);
	}
	ser_map_free(seen);
	if (rc == 0)
		rc = find_keys(t, im, hint, e);
	if (rc == 0)
		rc = share_out(t, im, hint, e);
	if (rc != 0)
		return rc;
	t->ndim = t->time >= 0 ? 0 : t->frame >= 0 ? 2 : 1;
	if (t->id >= 0)
		t->is_label[t->id] = false;
	if (t->frame >= 0)
		t->is_label[t->frame] = false;
	size_t n_label = 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		n_label += t->is_label[i];
		if (t->is_label[i] && !ser_field_name_ok(t->name[i], strlen(t->name[i])))
			rc = ser_line_fail(&im->in, e, "\"%.100s\" cannot be a label's name", t->name[i]);
		if (t->is_label[i] && t->width > 0 && strcmp(t->name[i], t->tensor) == 0)
			rc = ser_line_fail(&im->in, e, "\"%s\" would be both a label and the tensor", t->name[i]);
	}
	if (rc == 0 && n_label > SER_MAX_FIELD - 2)
		rc = ser_line_fail(&im->in, e, "%zu columns are labels, limit %d: name the labels by --label", n_label,
				   SER_MAX_FIELD - 2);
	return rc;
}

static int add_elements(struct table_in *t, struct ser_import *im, const struct cell *c, struct ser_err *e)
{
	for (size_t k = 0; k < t->width; k++) {
		const struct cell *v = &c[t->element[k]];
		float x = NAN;
		if (!(v->n == 0 || (v->n == 1 && v->s[0] == '?')) && !ser_text_f4(v->s, v->n, &x))
			return ser_line_fail(
				&im->in, e,
				"column \"%.100s\": \"%.*s\" is no number; --label NAMES says which are labels",
				t->name[t->element[k]], (int)(v->n < 40 ? v->n : 40), v->s);
		if (t->data.n + sizeof x > im->o.max_record)
			return ser_line_fail(&im->in, e, "a record of more than %zu bytes", im->o.max_record);
		ser_buf_add(&t->data, &x, sizeof x);
	}
	return 0;
}

/* The cells of all labels with their lengths, to see that all frames of a record have the same. */
static void label_bytes(const struct table_in *t, const struct cell *c, struct ser_buf *b)
{
	for (size_t i = 0; i < t->n_col; i++) {
		if (!t->is_label[i])
			continue;
		ser_buf_add(b, &c[i].n, sizeof c[i].n);
		ser_buf_add(b, c[i].s, c[i].n);
	}
}

/* Where the row's frame is: its number, or openSMILE's time in seconds. */
static int read_frame(const struct table_in *t, struct ser_import *im, const struct cell *c, double *at,
		      struct ser_err *e)
{
	int64_t frame = 0;
	*at = 0;
	if (t->time >= 0 && (!ser_text_real(c[t->time].s, c[t->time].n, at) || !isfinite(*at)))
		return ser_line_fail(&im->in, e, "column \"%s\" holds no time", t->name[t->time]);
	if (t->frame >= 0 && !ser_text_int(c[t->frame].s, c[t->frame].n, &frame))
		return ser_line_fail(&im->in, e, "column \"frame\" holds no number of a frame");
	if (t->frame >= 0)
		*at = (double)frame;
	return 0;
}

/* Frames must be where they are expected; openSMILE's times, in millionths of a second, are as far apart as the first two. */
static int check_frame(struct table_in *t, struct ser_import *im, double at, struct ser_err *e)
{
	if (t->frame >= 0 && at != (double)t->n_frame)
		return ser_line_fail(&im->in, e, "frame %.0f where %zu is expected", at, t->n_frame);
	if (t->time < 0)
		return 0;
	if (t->ndim == 1)
		return ser_line_fail(&im->in, e, "a further row of this name, where the first name has one");
	if (t->shift_s == 0 && strcmp(t->name[t->time], "frameTime") == 0) {
		t->shift_s = round((at - t->at_s) * 1e6) / 1e6;
		struct ser_val *dim = ser_val_get(&im->header.dims, t->tensor);
		if (t->width > 0)
			ser_val_set(&im->header.arena, dim != NULL ? dim : ser_header_dim_add(&im->header, t->tensor),
				    "shift_s", ser_real(t->shift_s));
	} else if (t->shift_s == 0) {
		t->shift_s = at - t->at_s;
	}
	if (at > t->at_s && fabs(at - t->at_s - t->shift_s) > t->shift_s / 2)
		return ser_line_fail(&im->in, e, "%s %g behind %g, where frames are %g apart", t->name[t->time], at,
				     t->at_s, t->shift_s);
	t->at_s = at;
	return 0;
}

/* A row that is a further frame of the record at hand: 1; 0: it belongs to the next. */
static int next_frame(struct table_in *t, struct ser_import *im, const struct cell *c, struct ser_err *e)
{
	const struct cell *of = &c[t->time >= 0 ? t->key : t->id];
	double at;
	if (read_frame(t, im, c, &at, e) != 0)
		return e->code;
	bool earlier =
		t->n_frame > 1 ? at < t->at_s : at <= t->at_s; /* openSMILE may write the last frame's time twice */
	if (of->n != t->of.n || memcmp(of->s, t->of.s, of->n) != 0 || (t->time >= 0 && earlier))
		return 0;
	struct ser_buf b = {0};
	label_bytes(t, c, &b);
	bool same = b.n == t->first.n && (b.n == 0 || memcmp(b.s, t->first.s, b.n) == 0);
	ser_buf_free(&b);
	if (!same)
		return ser_line_fail(&im->in, e, "labels unlike those of the same id's first frame");
	if (check_frame(t, im, at, e) != 0)
		return e->code;
	t->n_frame++;
	return add_elements(t, im, c, e) != 0 ? e->code : 1;
}

static int first_frame(struct table_in *t, struct ser_import *im, const struct table_format *f, void *ctx,
		       struct ser_record *r, const struct cell *c, struct ser_err *e)
{
	char number[32];
	if (read_frame(t, im, c, &t->at_s, e) != 0)
		return e->code;
	ser_record_clear(r);
	t->data.n = t->first.n = t->of.n = 0;
	ser_buf_reserve(&t->data, 1);
	t->n_frame = 1;
	snprintf(number, sizeof number, "%llu", (unsigned long long)ser_map_len(im->ids));
	struct cell id = t->id >= 0 ? c[t->id] : (struct cell){.s = number, .n = strlen(number)};
	if (id.n == 0 || id.n > MAX_KEY)
		return ser_line_fail(&im->in, e, id.n == 0 ? "an empty id" : "an id of more than %d bytes", MAX_KEY);
	if (t->frame >= 0 && t->at_s != 0)
		return ser_line_fail(&im->in, e, "frame %.0f where 0 is expected", t->at_s);
	ser_record_set(r, "id", ser_strn(id.s, id.n));
	for (size_t i = 0; i < t->n_col; i++) {
		struct ser_val v = t->is_label[i] ? f->label(ctx, i, &c[i]) : ser_nil();
		if (t->is_label[i] && (v.kind != SER_NIL || t->key < 0)) /* an empty class of openSMILE's is none */
			ser_record_set(r, t->name[i], v);
	}
	if (t->ndim != 1 || t->time >= 0) {
		const struct cell *of = &c[t->time >= 0 ? t->key : t->id];
		label_bytes(t, c, &t->first);
		ser_buf_reserve(&t->of, 1);
		ser_buf_add(&t->of, of->s, of->n);
	}
	return add_elements(t, im, c, e) != 0 ? e->code : 1;
}

int ser_table_next(struct table_in *t, struct ser_import *im, const struct table_format *f, void *ctx, struct row *w,
		   struct ser_record *r, struct ser_err *e)
{
	bool frames = t->frame >= 0 || t->time >= 0;
	int rc = t->have ? 1 : f->read(im, ctx, e);
	if (rc <= 0)
		return rc;
	t->have = false;
	rc = first_frame(t, im, f, ctx, r, w->cell, e);
	while (rc > 0 && frames && (rc = f->read(im, ctx, e)) > 0)
		if ((rc = next_frame(t, im, w->cell, e)) == 0)
			t->have = true;
	if (rc < 0)
		return rc;
	if (t->ndim == 0)
		t->ndim = t->n_frame > 1 ? 2 : 1;
	size_t shape[2] = {t->n_frame, t->width};
	if (t->width > 0)
		ser_record_set(r, t->tensor, ser_tensor(SER_F4, t->data.s, t->ndim, shape + (t->ndim == 1)));
	return 1;
}

void ser_table_in_free(struct table_in *t)
{
	for (size_t i = 0; i < t->n_col; i++)
		free(t->name[i]);
	free(t->name);
	free(t->is_label);
	free(t->is_key);
	free(t->element);
	ser_buf_free(&t->data);
	ser_buf_free(&t->first);
	ser_buf_free(&t->of);
	*t = (struct table_in){0};
}

/* ---- rows ---- */

void ser_row_clear(struct row *w)
{
	ser_buf_reserve(&w->text, 1);
	w->text.n = w->n = 0;
}

int ser_row_add(struct row *w, struct source *s, size_t from, bool quoted, struct ser_err *e)
{
	if (w->n == MAX_COLUMN + SER_MAX_FIELD)
		return ser_line_fail(s, e, "more than %d columns", MAX_COLUMN + SER_MAX_FIELD);
	w->cell = ser_grow(w->cell, &w->cap[0], w->n + 1, sizeof *w->cell);
	w->from = ser_grow(w->from, &w->cap[1], w->n + 1, sizeof *w->from);
	w->cell[w->n] = (struct cell){.n = w->text.n - from, .quoted = quoted};
	w->from[w->n++] = from;
	return 0;
}

void ser_row_done(struct row *w)
{
	for (size_t i = 0; i < w->n; i++)
		w->cell[i].s = w->text.s + w->from[i];
}

void ser_row_free(struct row *w)
{
	ser_buf_free(&w->text);
	free(w->cell);
	free(w->from);
}
