/* SPDX-License-Identifier: MIT */
#include "stream/stream.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- element types ---- */

static const struct {
	const char *str;
	size_t size;
} dtypes[] = {
	[SER_F4] = {"<f4", 4}, [SER_F2] = {"<f2", 2}, [SER_F8] = {"<f8", 8}, [SER_I2] = {"<i2", 2},
	[SER_I4] = {"<i4", 4}, [SER_I8] = {"<i8", 8}, [SER_U1] = {"|u1", 1},
};

size_t ser_dtype_size(enum ser_dtype t)
{
	return dtypes[t].size;
}

const char *ser_dtype_str(enum ser_dtype t)
{
	return dtypes[t].str;
}

bool ser_dtype_parse(const char *s, size_t n, enum ser_dtype *t)
{
	for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
		if (n == 3 && memcmp(s, dtypes[i].str, 3) == 0) {
			*t = (enum ser_dtype)i;
			return true;
		}
	return false;
}

/* ---- tensors ---- */

size_t ser_tensor_len(const struct ser_tensor *t)
{
	size_t n = 1;
	for (int i = 0; i < t->ndim; i++)
		n = ser_mul(n, t->shape[i]);
	return n;
}

size_t ser_tensor_size(const struct ser_tensor *t)
{
	return ser_mul(ser_tensor_len(t), ser_dtype_size(t->dtype));
}

/* IEEE 754 binary16 to double. */
static double half(uint16_t h)
{
	int exp = h >> 10 & 31, man = h & 1023;
	double v = exp == 31 ? (man != 0 ? NAN : INFINITY) : exp == 0 ? ldexp(man, -24) : ldexp(man + 1024, exp - 25);
	return h & 0x8000 ? -v : v;
}

double ser_tensor_real(const struct ser_tensor *t, size_t i)
{
	const char *p = (const char *)t->data + i * ser_dtype_size(t->dtype);
	union {
		float f4;
		double f8;
		uint16_t f2;
		int16_t i2;
		int32_t i4;
		int64_t i8;
		uint8_t u1;
	} x;
	memcpy(&x, p, ser_dtype_size(t->dtype));
	switch (t->dtype) {
	case SER_F4:
		return x.f4;
	case SER_F2:
		return half(x.f2);
	case SER_F8:
		return x.f8;
	case SER_I2:
		return x.i2;
	case SER_I4:
		return x.i4;
	case SER_I8:
		return (double)x.i8;
	case SER_U1:
		return x.u1;
	}
	return NAN;
}

void ser_tensor_f4(const struct ser_tensor *t, float *out)
{
	size_t n = ser_tensor_len(t);
	if (t->dtype == SER_F4) {
		if (n > 0)
			memcpy(out, t->data, n * sizeof *out);
		return;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = (float)ser_tensor_real(t, i);
}

void ser_tensor_f8(const struct ser_tensor *t, double *out)
{
	size_t n = ser_tensor_len(t);
	for (size_t i = 0; i < n; i++)
		out[i] = ser_tensor_real(t, i);
}

void ser_tensor_range(const struct ser_tensor *t, struct ser_range *r)
{
	for (size_t i = 0, n = ser_tensor_len(t); i < n; i++) {
		double x = ser_tensor_real(t, i);
		if (!isfinite(x)) {
			r->n_bad++;
			continue;
		}
		r->min = r->n == 0 || x < r->min ? x : r->min;
		r->max = r->n == 0 || x > r->max ? x : r->max;
		r->sum += x;
		r->n++;
	}
}

/* ---- constructors ---- */

struct ser_val ser_nil(void)
{
	return (struct ser_val){.kind = SER_NIL};
}

struct ser_val ser_bool(bool b)
{
	return (struct ser_val){.kind = SER_BOOL, .u.b = b};
}

struct ser_val ser_int(int64_t i)
{
	return (struct ser_val){.kind = SER_INT, .u.i = i};
}

struct ser_val ser_real(double f)
{
	return (struct ser_val){.kind = SER_REAL, .u.f = f};
}

struct ser_val ser_strn(const char *s, size_t n)
{
	return (struct ser_val){.kind = SER_STR, .u.str = {s, n}};
}

struct ser_val ser_str(const char *s)
{
	return ser_strn(s, strlen(s));
}

struct ser_val ser_tensor(enum ser_dtype t, const void *data, int ndim, const size_t *shape)
{
	struct ser_val v = {.kind = SER_TENSOR, .u.t = {.dtype = t, .ndim = ndim, .data = data}};
	ser_assert(ndim >= 0 && ndim <= SER_MAX_AXES);
	for (int i = 0; i < ndim; i++)
		v.u.t.shape[i] = shape[i];
	return v;
}

struct ser_val ser_f4(const float *data, int ndim, const size_t *shape)
{
	return ser_tensor(SER_F4, data, ndim, shape);
}

struct ser_val ser_val_list(void)
{
	return (struct ser_val){.kind = SER_LIST};
}

struct ser_val ser_val_map(void)
{
	return (struct ser_val){.kind = SER_MAP};
}

/* ---- lists and maps; they are short, so each addition copies the array ---- */

struct ser_val *ser_val_get(const struct ser_val *map, const char *name)
{
	if (map == NULL || map->kind != SER_MAP)
		return NULL;
	size_t len = strlen(name);
	for (size_t i = 0; i < map->u.map.n; i++) {
		struct ser_field *f = &map->u.map.f[i];
		if (f->name_len == len && memcmp(f->name, name, len) == 0)
			return &f->val;
	}
	return NULL;
}

void ser_val_set(struct ser_arena *a, struct ser_val *map, const char *name, struct ser_val v)
{
	ser_assert(map->kind == SER_MAP);
	v = ser_val_copy(a, &v);
	struct ser_val *old = ser_val_get(map, name);
	if (old != NULL) {
		*old = v;
		return;
	}
	size_t n = map->u.map.n, len = strlen(name);
	struct ser_field *f = ser_arena_calloc(a, n + 1, sizeof *f);
	if (n > 0)
		memcpy(f, map->u.map.f, n * sizeof *f);
	f[n] = (struct ser_field){.name = ser_arena_strndup(a, name, len), .name_len = len, .val = v};
	map->u.map.f = f;
	map->u.map.n = n + 1;
}

void ser_val_push(struct ser_arena *a, struct ser_val *list, struct ser_val v)
{
	ser_assert(list->kind == SER_LIST);
	size_t n = list->u.list.n;
	v = ser_val_copy(a, &v);
	if (n >= list->u.list.cap) {
		size_t cap = ser_mul(n + 1, 2);
		struct ser_val *w = ser_arena_calloc(a, cap, sizeof *w);
		if (n > 0)
			memcpy(w, list->u.list.v, n * sizeof *w);
		list->u.list.v = w;
		list->u.list.cap = cap;
	}
	list->u.list.v[n] = v;
	list->u.list.n = n + 1;
}

struct ser_val ser_val_copy(struct ser_arena *a, const struct ser_val *v)
{
	struct ser_val c = *v;
	switch (v->kind) {
	case SER_STR:
		c.u.str.s = ser_arena_strndup(a, v->u.str.s, v->u.str.n);
		break;
	case SER_TENSOR: {
		size_t size = ser_tensor_size(&v->u.t);
		void *p = ser_arena_alloc(a, size, 1);
		if (size > 0)
			memcpy(p, v->u.t.data, size);
		c.u.t.data = p;
		break;
	}
	case SER_LIST:
		c.u.list.v = ser_arena_calloc(a, v->u.list.n, sizeof *c.u.list.v);
		c.u.list.cap = v->u.list.n;
		for (size_t i = 0; i < v->u.list.n; i++)
			c.u.list.v[i] = ser_val_copy(a, &v->u.list.v[i]);
		break;
	case SER_MAP:
		c.u.map.f = ser_arena_calloc(a, v->u.map.n, sizeof *c.u.map.f);
		for (size_t i = 0; i < v->u.map.n; i++) {
			const struct ser_field *f = &v->u.map.f[i];
			c.u.map.f[i] = (struct ser_field){.name = ser_arena_strndup(a, f->name, f->name_len),
							  .name_len = f->name_len,
							  .val = ser_val_copy(a, &f->val)};
		}
		break;
	default:
		break;
	}
	return c;
}

/* ---- comparison, text ---- */

static bool real_equal(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

bool ser_val_equal(const struct ser_val *a, const struct ser_val *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case SER_NIL:
		return true;
	case SER_BOOL:
		return a->u.b == b->u.b;
	case SER_INT:
		return a->u.i == b->u.i;
	case SER_REAL:
		return real_equal(a->u.f, b->u.f);
	case SER_STR:
		return a->u.str.n == b->u.str.n && (a->u.str.n == 0 || memcmp(a->u.str.s, b->u.str.s, a->u.str.n) == 0);
	case SER_TENSOR: {
		const struct ser_tensor *s = &a->u.t, *t = &b->u.t;
		if (s->dtype != t->dtype || s->ndim != t->ndim ||
		    memcmp(s->shape, t->shape, (size_t)s->ndim * sizeof *s->shape) != 0)
			return false;
		if (s->dtype == SER_I2 || s->dtype == SER_I4 || s->dtype == SER_I8 || s->dtype == SER_U1)
			return ser_tensor_len(s) == 0 || memcmp(s->data, t->data, ser_tensor_size(s)) == 0;
		for (size_t i = 0, n = ser_tensor_len(s); i < n; i++)
			if (!real_equal(ser_tensor_real(s, i), ser_tensor_real(t, i)))
				return false;
		return true;
	}
	case SER_LIST:
		if (a->u.list.n != b->u.list.n)
			return false;
		for (size_t i = 0; i < a->u.list.n; i++)
			if (!ser_val_equal(&a->u.list.v[i], &b->u.list.v[i]))
				return false;
		return true;
	case SER_MAP: /* whatever the order */
		if (a->u.map.n != b->u.map.n)
			return false;
		for (size_t i = 0; i < a->u.map.n; i++) {
			const struct ser_field *f = &a->u.map.f[i];
			size_t k = 0;
			while (k < b->u.map.n && (b->u.map.f[k].name_len != f->name_len ||
						  memcmp(b->u.map.f[k].name, f->name, f->name_len) != 0))
				k++;
			if (k == b->u.map.n || !ser_val_equal(&f->val, &b->u.map.f[k].val))
				return false;
		}
		return true;
	}
	return false;
}

uint64_t ser_val_hash(const struct ser_val *v)
{
	uint64_t h[3] = {(uint64_t)v->kind, 0, 0};
	double x = v->u.f;
	switch (v->kind) {
	case SER_NIL:
		break;
	case SER_BOOL:
		h[1] = v->u.b;
		break;
	case SER_INT:
		h[1] = (uint64_t)v->u.i;
		break;
	case SER_REAL: /* zeros are equal, and so are all NaN */
		x = isnan(x) ? (double)NAN : x == 0 ? 0.0 : x;
		memcpy(&h[1], &x, sizeof x);
		break;
	case SER_STR:
		h[1] = ser_hash(v->u.str.s, v->u.str.n);
		break;
	case SER_TENSOR: /* the shape is enough to tell most apart */
		h[1] = ser_hash(v->u.t.shape, (size_t)v->u.t.ndim * sizeof *v->u.t.shape);
		h[2] = (uint64_t)v->u.t.dtype;
		break;
	case SER_LIST:
		for (size_t i = 0; i < v->u.list.n; i++) {
			h[2] = ser_val_hash(&v->u.list.v[i]);
			h[1] = ser_hash(&h[1], 2 * sizeof *h);
		}
		h[2] = v->u.list.n;
		break;
	case SER_MAP: /* a sum: whatever the order */
		for (size_t i = 0; i < v->u.map.n; i++) {
			const struct ser_field *f = &v->u.map.f[i];
			uint64_t pair[2] = {ser_hash(f->name, f->name_len), ser_val_hash(&f->val)};
			h[1] += ser_hash(pair, sizeof pair);
		}
		h[2] = v->u.map.n;
		break;
	}
	return ser_hash(h, sizeof h);
}

int ser_val_depth(const struct ser_val *v)
{
	int deepest = 0;
	size_t n = v->kind == SER_LIST ? v->u.list.n : v->kind == SER_MAP ? v->u.map.n : 0;
	for (size_t i = 0; i < n; i++) {
		int d = ser_val_depth(v->kind == SER_LIST ? &v->u.list.v[i] : &v->u.map.f[i].val);
		deepest = d > deepest ? d : deepest;
	}
	return deepest + (v->kind == SER_LIST || v->kind == SER_MAP);
}

bool ser_val_is_str(const struct ser_val *v, const char *s)
{
	return v != NULL && v->kind == SER_STR && v->u.str.n == strlen(s) && memcmp(v->u.str.s, s, v->u.str.n) == 0;
}

const char *ser_val_what(const struct ser_val *v, char buf[static 128])
{
	static const char *const names[] = {
		[SER_NIL] = "nil",      [SER_BOOL] = "a boolean", [SER_INT] = "an integer", [SER_REAL] = "a real",
		[SER_STR] = "a string", [SER_LIST] = "a list",    [SER_MAP] = "a map"};
	if (v == NULL)
		return strcpy(buf, "absent");
	if (v->kind != SER_TENSOR)
		return strcpy(buf, names[v->kind]);
	size_t at = (size_t)snprintf(buf, 128, "%s tensor [", ser_dtype_str(v->u.t.dtype));
	for (int i = 0; i < v->u.t.ndim && at < 100; i++)
		at += (size_t)snprintf(buf + at, 128 - at, i > 0 ? ",%zu" : "%zu", v->u.t.shape[i]);
	snprintf(buf + at, 128 - at, "]");
	return buf;
}

void ser_val_text(struct ser_buf *b, const struct ser_val *v)
{
	char num[32];
	switch (v->kind) {
	case SER_NIL:
		ser_buf_add(b, "", 0);
		break;
	case SER_BOOL:
		ser_buf_str(b, v->u.b ? "true" : "false");
		break;
	case SER_INT:
		ser_buf_printf(b, "%" PRId64, v->u.i);
		break;
	case SER_REAL:
		ser_buf_str(b, ser_format_real(v->u.f, num));
		break;
	case SER_STR:
		ser_buf_add(b, v->u.str.s, v->u.str.n);
		break;
	default:
		ser_assert(!"a label");
	}
}

static int rank(const struct ser_val *v)
{
	switch (v->kind) {
	case SER_NIL:
		return 0;
	case SER_BOOL:
		return 1;
	case SER_INT:
	case SER_REAL:
		return 2;
	case SER_STR:
		return 3;
	default:
		return 4;
	}
}

/* Exact: above 2^53 a double cannot hold every integer, and an order must stay one. */
static int int_real_cmp(int64_t i, double f)
{
	if (isnan(f) || f >= 0x1p63)
		return -1;
	if (f < -0x1p63)
		return 1;
	int64_t whole = (int64_t)f;
	double rest = f - (double)whole;
	return i != whole ? (i > whole ? 1 : -1) : (rest < 0) - (rest > 0);
}

int ser_val_cmp(const struct ser_val *a, const struct ser_val *b)
{
	if (rank(a) != rank(b))
		return rank(a) < rank(b) ? -1 : 1;
	switch (rank(a)) {
	case 1:
		return (int)a->u.b - (int)b->u.b;
	case 2: {
		if (a->kind == SER_INT && b->kind == SER_INT)
			return (a->u.i > b->u.i) - (a->u.i < b->u.i);
		if (a->kind == SER_REAL && b->kind == SER_REAL) {
			double x = a->u.f, y = b->u.f;
			if (isnan(x) || isnan(y)) /* NaN after every number */
				return (int)isnan(x) - (int)isnan(y);
			return (x > y) - (x < y);
		}
		return a->kind == SER_INT ? int_real_cmp(a->u.i, b->u.f) : -int_real_cmp(b->u.i, a->u.f);
	}
	case 3: {
		size_t n = a->u.str.n < b->u.str.n ? a->u.str.n : b->u.str.n;
		int c = n > 0 ? memcmp(a->u.str.s, b->u.str.s, n) : 0;
		return c != 0 ? c : (a->u.str.n > b->u.str.n) - (a->u.str.n < b->u.str.n);
	}
	default:
		return 0;
	}
}
