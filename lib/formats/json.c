/* SPDX-License-Identifier: MIT */
/* JSON lines as ser-dump --data writes them: an object a line, tensors as {"dtype","shape","data"}. Lines of ser-dump
 * --header, which have "ser" and no "id", are headers. A list of numbers, nested or not, is a tensor <f8. */
#include "formats/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

struct reader {
	struct ser_arena arena; /* of the record at hand */
};

static const char *blanks(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

/* The end of the value that begins at s, by its brackets and strings; what is in it is checked later. NULL: it has none. */
static const char *value_end(const char *s)
{
	size_t depth = 0;
	for (;; s++) {
		if (*s == '\0')
			return NULL;
		if (*s == '"') {
			for (s++; *s != '"'; s++) {
				if (*s == '\0' || (*s == '\\' && *++s == '\0'))
					return NULL;
			}
			if (depth == 0)
				return s + 1;
		} else if (*s == '[' || *s == '{') {
			depth++;
		} else if (*s == ']' || *s == '}') {
			if (depth == 0)
				return s;
			if (--depth == 0)
				return s + 1;
		} else if (depth == 0 && (*s == ',' || *s == ' ' || *s == '\t')) {
			return s;
		}
	}
}

/* The next member of an object: 1 with its key (a string in the arena) and the span of its value; 0 at the end; <0. *at is
 * behind the "{" or behind the member before. */
static int member(struct ser_import *im, struct ser_arena *a, const char **at, bool first, struct ser_val *key,
		  const char **s, size_t *n, struct ser_err *e)
{
	const char *p = blanks(*at), *q;
	if (*p == '}') {
		*at = p + 1;
		return 0;
	}
	if (!first && *p++ != ',')
		return ser_line_fail(&im->in, e, "bad JSON: \"%.40s\": expected \",\" or \"}\"", p - 1);
	p = blanks(p);
	q = *p == '"' ? value_end(p) : NULL;
	if (q == NULL)
		return ser_line_fail(&im->in, e, "bad JSON: \"%.40s\": expected a name in quotes", p);
	if (ser_val_from_json(a, p, (size_t)(q - p), key, e) != 0)
		return ser_fail_in(e, "%s:%llu", im->in.name, (unsigned long long)im->in.line);
	p = blanks(q);
	if (*p != ':')
		return ser_line_fail(&im->in, e, "bad JSON: \"%.40s\": expected \":\"", p);
	p = blanks(p + 1);
	q = value_end(p);
	if (q == NULL || q == p)
		return ser_line_fail(&im->in, e, "bad JSON: \"%.40s\": expected a value that ends", p);
	*s = p;
	*n = (size_t)(q - p);
	*at = q;
	return 1;
}

/* ---- a tensor's elements ---- */

struct elements {
	struct ser_import *im;
	enum ser_dtype t;
	struct ser_buf b;
	size_t shape[SER_MAX_AXES];
	int ndim; /* -1 until the first element is met */
	struct ser_err *e;
};

/* float to half, to nearest even (IEEE 754 binary16); the numbers of a half come back exactly. */
static uint16_t half(float x)
{
	uint32_t u;
	memcpy(&u, &x, sizeof u);
	uint16_t sign = (uint16_t)(u >> 16 & 0x8000);
	u &= 0x7fffffff;
	if (u > 0x7f800000)
		return (uint16_t)(sign | 0x7e00);
	if (u >= 0x477ff000) /* 65520 and more round to infinity */
		return (uint16_t)(sign | 0x7c00);
	if (u < 0x38800000) /* subnormal: multiples of 2^-24 */
		return (uint16_t)(sign | (uint16_t)lrint(ldexp((double)fabsf(x), 24)));
	u += 0xfff + (u >> 13 & 1);
	return (uint16_t)(sign | (u - 0x38000000) >> 13);
}

static int add_element(struct elements *x, const char *s, size_t n)
{
	int64_t i;
	double f = NAN;
	float f4 = NAN;
	bool null = n == 4 && memcmp(s, "null", 4) == 0, real = x->t == SER_F4 || x->t == SER_F8 || x->t == SER_F2;
	bool json = n > 0 && (s[0] == '-' || (s[0] >= '0' && s[0] <= '9')); /* not +1, .5, inf */
	if (real && (null || (json && ser_text_real(s, n, &f) && ser_text_f4(s, n, &f4)))) {
		uint16_t f2 = half(f4);
		ser_buf_add(&x->b,
			    x->t == SER_F4   ? (void *)&f4
			    : x->t == SER_F8 ? (void *)&f
					     : (void *)&f2,
			    ser_dtype_size(x->t));
		return 0;
	}
	int64_t lo = x->t == SER_I2   ? INT16_MIN
		     : x->t == SER_I4 ? INT32_MIN
		     : x->t == SER_I8 ? INT64_MIN
				      : 0,
		hi = x->t == SER_I2   ? INT16_MAX
		     : x->t == SER_I4 ? INT32_MAX
		     : x->t == SER_I8 ? INT64_MAX
				      : UINT8_MAX;
	if (!real && json && ser_text_int(s, n, &i) && i >= lo && i <= hi) {
		int16_t i2 = (int16_t)i;
		int32_t i4 = (int32_t)i;
		uint8_t u1 = (uint8_t)i;
		ser_buf_add(&x->b,
			    x->t == SER_I2   ? (void *)&i2
			    : x->t == SER_I4 ? (void *)&i4
			    : x->t == SER_I8 ? (void *)&i
					     : (void *)&u1,
			    ser_dtype_size(x->t));
		return 0;
	}
	return ser_line_fail(&x->im->in, x->e, "\"%.*s\" is no element of a tensor of type %s", (int)(n < 40 ? n : 40),
			     s, ser_dtype_str(x->t));
}

/* What begins at *at on `axis`: a number, or a list of such. All lists of one axis are of one length. */
static int add_axis(struct elements *x, const char **at, int axis)
{
	const char *p = blanks(*at);
	size_t n = 0;
	if (*p != '[') {
		const char *q = p + strcspn(p, ",] \t}");
		if (x->ndim < 0)
			x->ndim = axis;
		*at = q;
		if (x->ndim != axis)
			return ser_line_fail(&x->im->in, x->e, "a tensor's lists are not nested evenly");
		return add_element(x, p, (size_t)(q - p));
	}
	if (axis == SER_MAX_AXES || (x->ndim >= 0 && axis >= x->ndim))
		return ser_line_fail(&x->im->in, x->e, "a tensor's lists are nested unevenly, or deeper than %d",
				     SER_MAX_AXES);
	p = blanks(p + 1);
	if (*p == ']' && x->ndim < 0)
		x->ndim = axis + 1;
	for (; *p != ']'; n++) {
		if (n > 0 && *p++ != ',')
			return ser_line_fail(&x->im->in, x->e, "bad JSON: \"%.40s\": expected \",\" or \"]\"", p - 1);
		if (add_axis(x, &p, axis + 1) != 0)
			return x->e->code;
		p = blanks(p);
	}
	*at = p + 1;
	if (x->shape[axis] == SIZE_MAX)
		x->shape[axis] = n;
	if (x->shape[axis] != n)
		return ser_line_fail(&x->im->in, x->e, "a tensor's list has %zu elements, expected %zu", n,
				     x->shape[axis]);
	return 0;
}

static int read_tensor(struct ser_import *im, const char *s, bool object, struct ser_val *out, struct ser_err *e)
{
	struct reader *p = im->state;
	struct elements x = {.im = im, .t = SER_F8, .ndim = -1, .e = e};
	struct ser_val key, dtype = ser_nil(), shape = ser_nil();
	const char *at = s + 1, *v, *data = object ? NULL : s;
	size_t n;
	int rc = 1;
	for (int k = 0; k < SER_MAX_AXES; k++)
		x.shape[k] = SIZE_MAX;
	for (bool first = true; object && (rc = member(im, &p->arena, &at, first, &key, &v, &n, e)) > 0;
	     first = false) {
		bool is_data = ser_val_is_str(&key, "data");
		struct ser_val *to = ser_val_is_str(&key, "dtype")   ? &dtype
				     : ser_val_is_str(&key, "shape") ? &shape
								     : NULL;
		if ((is_data && data != NULL) || (!is_data && (to == NULL || to->kind != SER_NIL || n > 1000)))
			return ser_line_fail(&im->in, e, "an object that is no tensor: expected dtype, shape and data");
		if (is_data)
			data = v;
		else if (ser_val_from_json(&p->arena, v, n, to, e) != 0)
			return ser_fail_in(e, "%s:%llu", im->in.name, (unsigned long long)im->in.line);
	}
	if (rc < 0)
		return rc;
	if (object && (dtype.kind != SER_STR || !ser_dtype_parse(dtype.u.str.s, dtype.u.str.n, &x.t) ||
		       shape.kind != SER_LIST || shape.u.list.n > SER_MAX_AXES))
		return ser_line_fail(&im->in, e, "an object that is no tensor: expected dtype, shape and data");
	if (data == NULL)
		return ser_line_fail(&im->in, e, "a tensor without its data: ser-dump --data writes them");
	size_t len = ser_dtype_size(x.t);
	for (size_t k = 0; shape.kind == SER_LIST && k < shape.u.list.n; k++) {
		const struct ser_val *d = &shape.u.list.v[k];
		if (d->kind != SER_INT || d->u.i < 0 || d->u.i > UINT32_MAX)
			return ser_line_fail(&im->in, e, "a tensor's shape holds no sizes");
		x.shape[k] = (size_t)d->u.i;
		if (!ser_mul_ok(len, x.shape[k], &len))
			return ser_line_fail(&im->in, e, "a tensor's shape is too large for memory");
	}
	if (shape.kind == SER_LIST)
		x.ndim = (int)shape.u.list.n;
	/* Below an axis of no elements nothing says how many axes there are. */
	if (shape.kind == SER_LIST && len == 0) {
		int depth = 0;
		for (const char *c = data;
		     (*c == '[' || *c == ',' || *c == ' ' || *c == ']') && (c == data || depth > 0); c++)
			depth += (*c == '[') - (*c == ']');
		if (depth != 0 || *data != '[')
			return ser_line_fail(&im->in, e, "elements in a tensor without any");
	} else if (add_axis(&x, &data, 0) != 0) {
		ser_buf_free(&x.b);
		return e->code;
	}
	size_t n_byte = x.b.n;
	char *copy = ser_arena_alloc(&p->arena, n_byte + 1, 1);
	if (n_byte > 0)
		memcpy(copy, x.b.s, n_byte);
	ser_buf_free(&x.b);
	*out = ser_tensor(x.t, copy, x.ndim, x.shape);
	return 0;
}

/* ---- lines ---- */

static int begin(struct ser_import *im, struct ser_err *e)
{
	struct reader *p = ser_calloc(1, sizeof *p);
	(void)e;
	im->state = p;
	im->in.own_end = true; /* its bracket */
	return 0;
}

/* A line of ser-dump --header. Records are whole in JSON, so that none can say that they come in parts. */
static int header(struct ser_import *im, struct ser_err *e)
{
	struct source *s = &im->in;
	struct ser_arena tmp = {0};
	struct ser_header h = {0};
	struct ser_val v;
	int rc = 0;
	if (s->text.n > SER_MAX_HEADER)
		rc = ser_line_fail(s, e, "a header of more than %d bytes", SER_MAX_HEADER);
	else if (ser_val_from_json(&tmp, s->text.s, s->text.n, &v, e) != 0)
		rc = ser_fail_in(e, "%s:%llu", s->name, (unsigned long long)s->line);
	const struct ser_val *version = rc == 0 ? ser_val_get(&v, "ser") : NULL;
	if (rc == 0 && (version == NULL || version->kind != SER_INT || version->u.i != SER_STREAM_VERSION))
		rc = ser_line_fail(s, e, "an object without \"id\"");
	else if (rc == 0 && (ser_val_get(&v, "parts") != NULL || ser_val_depth(&v) > SER_MAX_DEPTH - 2))
		rc = ser_line_fail(s, e, "not a header of whole records");
	else if (rc == 0 && ser_header_take(&h, &v, e) != 0)
		rc = ser_fail_in(e, "%s:%llu: not a stream's header", s->name, (unsigned long long)s->line);
	if (rc == 0) {
		ser_header_free(&im->header);
		ser_header_copy(&im->header, &h);
	}
	ser_header_free(&h);
	ser_arena_free(&tmp);
	return rc;
}

static int set_field(struct ser_import *im, struct ser_record *r, const struct ser_val *key, const char *s, size_t n,
		     struct ser_err *e)
{
	struct reader *p = im->state;
	struct ser_val v;
	if (!ser_field_name_ok(key->u.str.s, key->u.str.n) && !ser_val_is_str(key, "id"))
		return ser_line_fail(&im->in, e, "\"%.100s\" cannot be a field's name", key->u.str.s);
	if (r->n == SER_MAX_FIELD)
		return ser_line_fail(&im->in, e, "more than %d fields", SER_MAX_FIELD);
	if (ser_record_get(r, key->u.str.s) != NULL)
		return ser_line_fail(&im->in, e, "\"%.100s\" comes twice", key->u.str.s);
	if (*s == '{' || *s == '[') {
		if (read_tensor(im, s, *s == '{', &v, e) != 0)
			return e->code;
	} else if (ser_val_from_json(&p->arena, s, n, &v, e) != 0) {
		return ser_fail_in(e, "%s:%llu: \"%.100s\"", im->in.name, (unsigned long long)im->in.line,
				   key->u.str.s);
	}
	if (ser_val_is_str(key, "id") && (v.kind != SER_STR || v.u.str.n == 0 || v.u.str.n > MAX_KEY))
		return ser_line_fail(&im->in, e, "\"id\" is no string of 1 to %d bytes", MAX_KEY);
	if (v.kind == SER_STR && !ser_utf8_ok(v.u.str.s, v.u.str.n))
		return ser_line_fail(&im->in, e, "\"%.100s\" holds a NUL", key->u.str.s);
	ser_record_set(r, key->u.str.s, v);
	return 0;
}

static int next(struct ser_import *im, struct ser_record *r, struct ser_err *e)
{
	struct reader *p = im->state;
	struct source *s = &im->in;
	const char *at, *v;
	struct ser_val key;
	size_t n;
	int rc;
	for (;;) {
		ser_arena_rewind(&p->arena, (struct ser_arena_mark){0});
		ser_record_clear(r);
		if ((rc = ser_src_line(s, im->o.max_record, e)) <= 0)
			return rc;
		at = blanks(s->text.s);
		if (*at == '\0')
			continue;
		if (*at++ != '{')
			return ser_line_fail(s, e, "bad JSON: expected an object");
		/* A header has "ser" and no "id"; its lists and maps are none of a record. */
		bool first = true, ser = false, id = false;
		while ((first || ser) && !id && (rc = member(im, &p->arena, &at, first, &key, &v, &n, e)) > 0) {
			ser = ser || (first && ser_val_is_str(&key, "ser"));
			id = ser_val_is_str(&key, "id");
			first = false;
		}
		if (rc < 0)
			return rc;
		if (ser && !id) {
			if (header(im, e) != 0)
				return e->code;
			continue;
		}
		first = true;
		at = blanks(s->text.s) + 1;
		while ((rc = member(im, &p->arena, &at, first, &key, &v, &n, e)) > 0) {
			first = false;
			if (set_field(im, r, &key, v, n, e) != 0)
				return e->code;
		}
		if (rc < 0)
			return rc;
		if (*blanks(at) != '\0')
			return ser_line_fail(s, e, "bad JSON: text behind the object");
		if (ser_record_get(r, "id") == NULL)
			return ser_line_fail(s, e, "an object without \"id\"");
		return 1;
	}
}

static void end(struct ser_import *im)
{
	struct reader *p = im->state;
	ser_arena_free(&p->arena);
	free(p);
}

/* ---- writing ---- */

static int put(struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	struct ser_val map = ser_val_map();
	struct ser_buf b = {0};
	struct ser_field *own = NULL;
	map.u.map.f = r->field;
	map.u.map.n = r->n;
	if (ex->o.tensor != NULL) { /* of the tensors only this */
		map.u.map.f = own = ser_calloc(r->n, sizeof *own);
		map.u.map.n = 0;
		for (size_t i = 0; i < r->n; i++)
			if (r->field[i].val.kind != SER_TENSOR ||
			    (r->field[i].name_len == strlen(ex->o.tensor) &&
			     memcmp(r->field[i].name, ex->o.tensor, r->field[i].name_len) == 0))
				own[map.u.map.n++] = r->field[i];
	}
	ser_val_json(&b, &map, true);
	ser_buf_str(&b, "\n");
	int rc = ser_export_bytes(ex, ex->f, b.s, b.n, e);
	ser_buf_free(&b);
	free(own);
	return rc;
}

const struct ser_format ser_format_json = {"json",
					   "JSON lines, as ser-dump --data writes them",
					   FORMAT_TEXT | FORMAT_BARE,
					   ".json",
					   begin,
					   next,
					   end,
					   NULL,
					   put,
					   NULL,
					   NULL};
