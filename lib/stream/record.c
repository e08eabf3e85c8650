/* SPDX-License-Identifier: MIT */
#include "stream/wire.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- fields by name ---- */

enum { FEW = 24 }; /* fields that are looked through one by one */

static bool named(const struct ser_field *f, const char *name, size_t len)
{
	return f->name_len == len && memcmp(f->name, name, len) == 0;
}

/* The slot of a name, or the free one where it would go: 1 + the place of its field, or 0. */
static uint32_t *slot_of(const struct ser_record *r, const char *name, size_t len)
{
	size_t mask = r->by_name.n_slot - 1, s = (size_t)ser_hash(name, len) & mask;
	while (r->by_name.slot[s] != 0 && !named(&r->field[r->by_name.slot[s] - 1], name, len))
		s = (s + 1) & mask;
	return &r->by_name.slot[s];
}

/* Take into the table what it lacks of a record of many fields. */
static void index_fields(struct ser_record *r)
{
	if (r->n <= FEW)
		return;
	if (r->by_name.n == 0 || r->by_name.n > r->n || r->by_name.n_slot < 2 * r->n) {
		size_t want = r->by_name.n_slot > 0 ? r->by_name.n_slot : 64;
		while (want < 2 * r->n)
			want *= 2;
		if (want > r->by_name.n_slot)
			r->by_name.slot = ser_realloc(r->by_name.slot, want, sizeof *r->by_name.slot);
		r->by_name.n_slot = want;
		memset(r->by_name.slot, 0, r->by_name.n_slot * sizeof *r->by_name.slot);
		r->by_name.n = 0;
	}
	for (; r->by_name.n < r->n; r->by_name.n++) {
		const struct ser_field *f = &r->field[r->by_name.n];
		*slot_of(r, f->name, f->name_len) = (uint32_t)r->by_name.n + 1;
	}
}

static struct ser_field *find(const struct ser_record *r, const char *name)
{
	size_t len = strlen(name);
	if (r->n > FEW && r->by_name.n == r->n) {
		uint32_t i = *slot_of(r, name, len);
		return i > 0 ? &r->field[i - 1] : NULL;
	}
	for (size_t i = 0; i < r->n; i++)
		if (named(&r->field[i], name, len))
			return &r->field[i];
	return NULL;
}

/* ---- content ---- */

void ser_record_clear(struct ser_record *r)
{
	r->n = r->by_name.n = 0;
	r->bytes.n = 0;
	ser_arena_rewind(&r->arena, (struct ser_arena_mark){0});
	r->source = NULL;
	r->index = r->at = 0;
	r->joined = false;
}

void ser_record_free(struct ser_record *r)
{
	free(r->field);
	free(r->by_name.slot);
	ser_buf_free(&r->bytes);
	ser_arena_free(&r->arena);
	*r = (struct ser_record){0};
}

const struct ser_val *ser_record_get(const struct ser_record *r, const char *name)
{
	const struct ser_field *f = find(r, name);
	return f != NULL ? &f->val : NULL;
}

void ser_record_set(struct ser_record *r, const char *name, struct ser_val v)
{
	if (v.kind == SER_STR)
		v = ser_val_copy(&r->arena, &v);
	index_fields(r);
	struct ser_field *f = find(r, name);
	if (f == NULL) {
		size_t len = strlen(name);
		ser_assert(len > 0 && len <= SER_MAX_NAME);
		r->field = ser_grow(r->field, &r->cap, r->n + 1, sizeof *r->field);
		f = &r->field[r->n++];
		f->name = ser_arena_strndup(&r->arena, name, len);
		f->name_len = len;
		index_fields(r);
	}
	f->val = v;
	f->raw = NULL;
	f->raw_len = 0;
}

void ser_record_set_copy(struct ser_record *r, const char *name, struct ser_val v)
{
	if (v.kind == SER_TENSOR)
		v = ser_val_copy(&r->arena, &v);
	ser_record_set(r, name, v);
}

bool ser_record_drop(struct ser_record *r, const char *name)
{
	struct ser_field *f = find(r, name);
	if (f == NULL)
		return false;
	size_t after = r->n - (size_t)(f - r->field) - 1;
	memmove(f, f + 1, after * sizeof *f);
	r->n--;
	r->by_name.n = 0;
	return true;
}

bool ser_record_rename(struct ser_record *r, const char *from, const char *to)
{
	struct ser_field *f = find(r, from);
	if (f == NULL)
		return false;
	if (strcmp(from, to) == 0)
		return true;
	if (ser_record_drop(r, to)) /* names are unique, and the fields behind it have moved */
		f = find(r, from);
	r->by_name.n = 0;
	f->name_len = strlen(to);
	ser_assert(f->name_len > 0 && f->name_len <= SER_MAX_NAME);
	f->name = ser_arena_strndup(&r->arena, to, f->name_len);
	f->raw = NULL;
	return true;
}

void ser_record_copy(struct ser_record *dst, const struct ser_record *src)
{
	ser_record_clear(dst);
	for (size_t i = 0; i < src->n; i++) {
		const struct ser_field *f = &src->field[i];
		char *name = ser_arena_strndup(&dst->arena, f->name, f->name_len);
		dst->field = ser_grow(dst->field, &dst->cap, dst->n + 1, sizeof *dst->field);
		dst->field[dst->n++] = (struct ser_field){
			.name = name, .name_len = f->name_len, .val = ser_val_copy(&dst->arena, &f->val)};
	}
	index_fields(dst);
	dst->source = src->source;
	dst->index = src->index;
	dst->at = src->at;
}

int ser_record_fail(const struct ser_record *r, struct ser_err *e, int code, const char *fmt, ...)
{
	char text[800];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	const struct ser_val *id = ser_record_get(r, "id");
	bool named = id != NULL && id->kind == SER_STR;
	int n = named ? (int)(id->u.str.n < 100 ? id->u.str.n : 100) : 0;
	if (r->source == NULL)
		return ser_fail(e, code, "record \"%.*s\": %s", n, named ? id->u.str.s : "", text);
	return ser_fail(e, code, "%s: record %llu \"%.*s\", byte %llu: %s", r->source, (unsigned long long)r->index, n,
			named ? id->u.str.s : "", (unsigned long long)r->at, text);
}

const char *ser_record_id(struct ser_record *r)
{
	const char *s = "";
	struct ser_err e;
	ser_record_str(r, "id", &s, &e);
	return s;
}

/* Which tool makes a field that is not there; else which are. */
static void say_next(struct ser_buf *b, const struct ser_record *r, const char *name)
{
	static const char *const made[][2] = {
		{"feat", "ser-wav2feat"}, {"emb", "ser-embed"},      {"post", "ser-predict"},
		{"pred", "ser-predict"},  {"land", "ser-face"},      {"au", "ser-face"},
		{"tok", "ser-tokenize"},  {"cluster", "ser-kmeans"}, {"fold", "ser-fold"}};
	enum { SHOWN = 8 };
	ser_buf_str(b, "; ");
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		if (strcmp(name, made[i][0]) == 0) {
			ser_buf_printf(b, "%s makes it", made[i][1]);
			return;
		}
	ser_buf_str(b, "there are:");
	for (size_t i = 0; i < r->n && i < SHOWN; i++)
		ser_buf_printf(b, " %.*s", (int)r->field[i].name_len, r->field[i].name);
	if (r->n > SHOWN)
		ser_buf_str(b, " ...");
}

static int wrong(const struct ser_record *r, const char *name, const char *expected, struct ser_err *e)
{
	char what[128];
	const struct ser_val *v = ser_record_get(r, name);
	if (v == NULL) {
		struct ser_buf b = {0};
		say_next(&b, r, name);
		ser_record_fail(r, e, SER_EDATA, "no field \"%s\", expected %s%s", name, expected, b.s);
		ser_buf_free(&b);
		return SER_EDATA;
	}
	return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is %s, expected %s", name, ser_val_what(v, what),
			       expected);
}

int ser_record_str(struct ser_record *r, const char *name, const char **s, struct ser_err *e)
{
	const struct ser_val *v = ser_record_get(r, name);
	if (v == NULL || v->kind == SER_NIL || v->kind > SER_STR)
		return wrong(r, name, "a label", e);
	if (v->kind == SER_STR && memchr(v->u.str.s, '\0', v->u.str.n) != NULL)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" holds a NUL byte", name);
	struct ser_buf b = {0};
	ser_val_text(&b, v);
	*s = ser_arena_strndup(&r->arena, b.s, b.n);
	ser_buf_free(&b);
	return 0;
}

int ser_record_int(struct ser_record *r, const char *name, int64_t *i, struct ser_err *e)
{
	const struct ser_val *v = ser_record_get(r, name);
	if (v == NULL || v->kind != SER_INT)
		return wrong(r, name, "an integer", e);
	*i = v->u.i;
	return 0;
}

int ser_record_real(struct ser_record *r, const char *name, double *f, struct ser_err *e)
{
	const struct ser_val *v = ser_record_get(r, name);
	if (v == NULL || (v->kind != SER_REAL && v->kind != SER_INT))
		return wrong(r, name, "a number", e);
	*f = v->kind == SER_REAL ? v->u.f : (double)v->u.i;
	if (!isfinite(*f))
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is not finite", name);
	return 0;
}

int ser_record_f4(struct ser_record *r, const char *name, int ndim, const float **x, size_t *shape, struct ser_err *e)
{
	const struct ser_val *v = ser_record_get(r, name);
	char expected[64];
	snprintf(expected, sizeof expected, ndim >= 0 ? "a float tensor of %d %s" : "a float tensor", ndim,
		 ser_plural((size_t)ndim, "axis", "axes"));
	if (v == NULL || v->kind != SER_TENSOR || (ndim >= 0 && v->u.t.ndim != ndim) ||
	    (v->u.t.dtype != SER_F4 && v->u.t.dtype != SER_F2 && v->u.t.dtype != SER_F8))
		return wrong(r, name, expected, e);
	for (int i = 0; i < v->u.t.ndim; i++) {
		if (i > 0 && v->u.t.shape[i] == 0)
			return wrong(r, name, "axes larger than 0", e);
		if (shape != NULL)
			shape[i] = v->u.t.shape[i];
	}
	if (v->u.t.dtype == SER_F4 && (uintptr_t)v->u.t.data % sizeof(float) == 0) {
		*x = v->u.t.data;
		return 0;
	}
	float *copy = ser_arena_alloc(&r->arena, ser_tensor_len(&v->u.t), sizeof *copy);
	ser_tensor_f4(&v->u.t, copy);
	*x = copy;
	return 0;
}

/* ---- bytes ---- */

int ser_record_decode(struct ser_record *r, const struct ser_scan *s, struct ser_err *e)
{
	struct ser_val map;
	if (ser_wire_decode(&r->arena, r->bytes.s, r->bytes.n, true, &map, e) != 0)
		return e->code;
	r->n = map.u.map.n;
	r->by_name.n = 0;
	r->field = ser_grow(r->field, &r->cap, r->n, sizeof *r->field);
	/* The first field begins behind the map's own tag of 1, 3 or 5 bytes. */
	unsigned char c = r->n > 0 ? (unsigned char)r->bytes.s[0] : 0;
	size_t from = c == 0xde ? 3 : c == 0xdf ? 5 : 1;
	for (size_t i = 0; i < r->n; i++) {
		r->field[i] = map.u.map.f[i];
		r->field[i].raw = r->bytes.s + from;
		r->field[i].raw_len = s->edge[2 * i + 1] - from;
		from = s->edge[2 * i + 1];
	}
	index_fields(r);
	return 0;
}

void ser_record_pack(struct ser_buf *b, const struct ser_record *r)
{
	ser_wire_map(b, r->n);
	for (size_t i = 0; i < r->n; i++)
		ser_wire_field(b, &r->field[i]);
}

int ser_record_unpack(struct ser_record *r, const char *p, size_t n, struct ser_err *e)
{
	struct ser_scan s = {0};
	ser_record_clear(r);
	int rc = ser_scan_do(&s, p, n, SIZE_MAX / 2, e);
	if (rc == 0 && (!s.done || s.at != n))
		rc = ser_fail(e, SER_EDATA, "a record's bytes are cut off");
	if (rc == 0) {
		ser_buf_add(&r->bytes, p, n);
		rc = ser_record_decode(r, &s, e);
	}
	ser_scan_free(&s);
	return rc;
}

bool ser_record_digest(const struct ser_record *r, uint64_t *digest)
{
	struct ser_buf b = {0};
	for (size_t i = 0; i < r->n; i++) {
		const struct ser_val *v = &r->field[i].val;
		if (v->kind != SER_TENSOR)
			continue;
		uint64_t h = ser_hash(v->u.t.data, ser_tensor_size(&v->u.t));
		ser_buf_add(&b, r->field[i].name, r->field[i].name_len);
		ser_buf_add(&b, v->u.t.shape, (size_t)v->u.t.ndim * sizeof *v->u.t.shape);
		ser_buf_add(&b, &h, sizeof h);
	}
	bool any = b.n > 0;
	*digest = any ? ser_hash(b.s, b.n) : 0;
	ser_buf_free(&b);
	return any;
}
