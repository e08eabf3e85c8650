/* SPDX-License-Identifier: MIT */
/* MessagePack itself is msgpack-c's. What is ours: a walk over the bytes that finds an object's end and
 * holds it to our bounds before msgpack-c, which trusts its input's counts, allocates anything. */
#include "stream/wire.h"

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ITEMS = 1 << 20 };

/* ---- walk ---- */

void ser_scan_reset(struct ser_scan *s)
{
	s->at = 0;
	s->depth = 0;
	s->items = 0;
	s->n_edge = 0;
	s->done = false;
}

void ser_scan_free(struct ser_scan *s)
{
	free(s->edge);
	*s = (struct ser_scan){0};
}

static uint64_t big_endian(const unsigned char *p, int n)
{
	uint64_t v = 0;
	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* What a first byte announces: bytes of a length or value field behind it, and what that field counts. */
enum counts { NOTHING, BYTES, ELEMENTS, PAIRS };
struct tag {
	int field;
	enum counts counts;
	uint64_t fixed; /* the count itself when it is in the first byte; added to a counted length otherwise */
};

static bool tag_of(unsigned char c, struct tag *t)
{
	static const struct tag high[32] = {
		[0x00] = {0, NOTHING, 0},  /* nil */
		[0x02] = {0, NOTHING, 0},  /* false */
		[0x03] = {0, NOTHING, 0},  /* true */
		[0x04] = {1, BYTES, 0},    /* bin 8, 16, 32 */
		[0x05] = {2, BYTES, 0},    /**/
		[0x06] = {4, BYTES, 0},    /**/
		[0x07] = {1, BYTES, 1},    /* ext 8, 16, 32: one more byte for the type */
		[0x08] = {2, BYTES, 1},    /**/
		[0x09] = {4, BYTES, 1},    /**/
		[0x0a] = {4, NOTHING, 0},  /* float 32, 64 */
		[0x0b] = {8, NOTHING, 0},  /**/
		[0x0c] = {1, NOTHING, 0},  /* uint 8 .. 64 */
		[0x0d] = {2, NOTHING, 0},  /**/
		[0x0e] = {4, NOTHING, 0},  /**/
		[0x0f] = {8, NOTHING, 0},  /**/
		[0x10] = {1, NOTHING, 0},  /* int 8 .. 64 */
		[0x11] = {2, NOTHING, 0},  /**/
		[0x12] = {4, NOTHING, 0},  /**/
		[0x13] = {8, NOTHING, 0},  /**/
		[0x14] = {0, BYTES, 2},    /* fixext 1 .. 16 */
		[0x15] = {0, BYTES, 3},    /**/
		[0x16] = {0, BYTES, 5},    /**/
		[0x17] = {0, BYTES, 9},    /**/
		[0x18] = {0, BYTES, 17},   /**/
		[0x19] = {1, BYTES, 0},    /* str 8, 16, 32 */
		[0x1a] = {2, BYTES, 0},    /**/
		[0x1b] = {4, BYTES, 0},    /**/
		[0x1c] = {2, ELEMENTS, 0}, /* array 16, 32 */
		[0x1d] = {4, ELEMENTS, 0}, /**/
		[0x1e] = {2, PAIRS, 0},    /* map 16, 32 */
		[0x1f] = {4, PAIRS, 0},    /**/
	};
	if (c < 0x80 || c >= 0xe0)
		*t = (struct tag){0, NOTHING, 0};
	else if (c < 0x90)
		*t = (struct tag){0, PAIRS, c & 0x0fu};
	else if (c < 0xa0)
		*t = (struct tag){0, ELEMENTS, c & 0x0fu};
	else if (c < 0xc0)
		*t = (struct tag){0, BYTES, c & 0x1fu};
	else if (c == 0xc1)
		return false;
	else
		*t = high[c - 0xc0];
	return true;
}

/* An element has ended at s->at: so have the lists and maps that it was the last of. */
static void scan_close(struct ser_scan *s)
{
	for (;;) {
		if (s->depth == 0) {
			s->done = true;
			return;
		}
		if (s->depth == 1) {
			s->edge = ser_grow(s->edge, &s->cap_edge, s->n_edge + 1, sizeof *s->edge);
			s->edge[s->n_edge++] = s->at;
		}
		if (--s->left[s->depth] > 0)
			return;
		s->depth--;
	}
}

int ser_scan_do(struct ser_scan *s, const char *p, size_t n, size_t max, struct ser_err *e)
{
	const unsigned char *u = (const unsigned char *)p;
	while (!s->done && s->at < n) {
		struct tag t;
		unsigned char c = u[s->at];
		if (!tag_of(c, &t))
			return ser_fail(e, SER_EDATA, "byte 0x%02x is not MessagePack", c);
		if (s->items == 0 && t.counts != PAIRS)
			return ser_fail(e, SER_EDATA, "not a ser stream: found byte 0x%02x, expected a MessagePack map",
					c);
		if (n - s->at < 1 + (size_t)t.field)
			return 0;
		uint64_t count = t.fixed + (t.counts != NOTHING ? big_endian(u + s->at + 1, t.field) : 0);
		size_t head = 1 + (size_t)t.field;
		if (t.counts == BYTES) {
			if (count > max || s->at + head + count > max)
				return ser_fail(e, SER_EDATA, "longer than the limit of %zu bytes", max);
			if (n - s->at < head + count)
				return 0;
			head += (size_t)count;
		}
		if (++s->items > MAX_ITEMS)
			return ser_fail(e, SER_EDATA, "more than %d MessagePack objects in one record", MAX_ITEMS);
		s->at += head;
		if (s->at > max)
			return ser_fail(e, SER_EDATA, "longer than the limit of %zu bytes", max);
		if (t.counts == ELEMENTS || t.counts == PAIRS) {
			if (s->depth == SER_MAX_DEPTH)
				return ser_fail(e, SER_EDATA, "nested deeper than %d", SER_MAX_DEPTH);
			if (t.counts == PAIRS && count > SER_MAX_FIELD)
				return ser_fail(e, SER_EDATA, "a map of %llu fields, limit %d",
						(unsigned long long)count, SER_MAX_FIELD);
			if (count > 0) {
				s->left[++s->depth] = t.counts == PAIRS ? 2 * count : count;
				continue;
			}
		}
		scan_close(s);
	}
	return 0;
}

/* ---- decode ---- */

static bool key_is(const msgpack_object *k, const char *s)
{
	size_t n = strlen(s);
	return (k->type == MSGPACK_OBJECT_BIN && k->via.bin.size == n && memcmp(k->via.bin.ptr, s, n) == 0) ||
	       (k->type == MSGPACK_OBJECT_STR && k->via.str.size == n && memcmp(k->via.str.ptr, s, n) == 0);
}

static bool bytes_of(const msgpack_object *o, const char **p, size_t *n)
{
	if (o->type == MSGPACK_OBJECT_BIN) {
		*p = o->via.bin.ptr;
		*n = o->via.bin.size;
	} else if (o->type == MSGPACK_OBJECT_STR) {
		*p = o->via.str.ptr;
		*n = o->via.str.size;
	} else {
		return false;
	}
	return true;
}

/* msgpack-numpy's map: {nd, type, kind, shape, data}, keys as bin (or str). nd false is a NumPy scalar. */
static int decode_tensor(struct ser_arena *a, const msgpack_object_map *m, struct ser_val *out, struct ser_err *e)
{
	const msgpack_object *nd = NULL, *type = NULL, *shape = NULL, *data = NULL, *kind = NULL;
	const struct {
		const char *name;
		const msgpack_object **v;
	} keys[] = {{"nd", &nd}, {"type", &type}, {"kind", &kind}, {"shape", &shape}, {"data", &data}};
	for (uint32_t i = 0; i < m->size; i++)
		for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
			if (!key_is(&m->ptr[i].key, keys[k].name))
				continue;
			if (*keys[k].v != NULL)
				return ser_fail(e, SER_EDATA, "has \"%s\" twice", keys[k].name);
			*keys[k].v = &m->ptr[i].val;
		}
	const char *ts, *p;
	size_t tn, n;
	if (nd == NULL || nd->type != MSGPACK_OBJECT_BOOLEAN || type == NULL || data == NULL || !bytes_of(data, &p, &n))
		return ser_fail(e, SER_EDATA, "is a map, expected a label or a tensor {nd, type, kind, shape, data}");
	const char *ks;
	size_t kn;
	if (!bytes_of(type, &ts, &tn) || (kind != NULL && bytes_of(kind, &ks, &kn) && kn > 0))
		return ser_fail(e, SER_EDATA, "is a structured array; plain numbers are expected");
	struct ser_tensor t = {0};
	if (!ser_dtype_parse(ts, tn, &t.dtype))
		return ser_fail(e, SER_EDATA, "has type \"%.*s\", expected one of <f4 <f2 <f8 <i2 <i4 <i8 |u1",
				(int)(tn < 20 ? tn : 20), ts);
	t.data = p;
	if (nd->via.boolean) {
		if (shape == NULL || shape->type != MSGPACK_OBJECT_ARRAY || shape->via.array.size > SER_MAX_AXES)
			return ser_fail(e, SER_EDATA, "has no shape, or one of more than %d axes", SER_MAX_AXES);
		t.ndim = (int)shape->via.array.size;
	}
	size_t want = ser_dtype_size(t.dtype);
	for (int i = 0; i < t.ndim; i++) {
		const msgpack_object *d = &shape->via.array.ptr[i];
		if (d->type != MSGPACK_OBJECT_POSITIVE_INTEGER || d->via.u64 > UINT32_MAX)
			return ser_fail(e, SER_EDATA, "has a shape that is not of sizes");
		t.shape[i] = (size_t)d->via.u64;
		if (!ser_mul_ok(want, t.shape[i], &want))
			return ser_fail(e, SER_EDATA, "has a shape too large for memory");
	}
	if (want != n)
		return ser_fail(e, SER_EDATA, "has %zu bytes of data, its shape needs %zu", n, want);
	if (SER_BIG_ENDIAN && n > 0) { /* the bytes that were read stay as they are */
		char *own = ser_arena_alloc(a, n, 1);
		memcpy(own, p, n);
		ser_le(own, n / ser_dtype_size(t.dtype), ser_dtype_size(t.dtype));
		t.data = own;
	}
	*out = (struct ser_val){.kind = SER_TENSOR, .u.t = t};
	if (!nd->via.boolean) { /* a scalar is a label */
		double x = ser_tensor_real(&t, 0);
		bool real = t.dtype == SER_F4 || t.dtype == SER_F8 || t.dtype == SER_F2;
		int64_t i8 = real ? 0 : (int64_t)x;
		if (t.dtype == SER_I8)
			memcpy(&i8, t.data, sizeof i8);
		*out = real ? ser_real(x) : ser_int(i8);
	}
	return 0;
}

static int cmp_name(const void *a, const void *b)
{
	const struct ser_field *f = *(const struct ser_field *const *)a, *g = *(const struct ser_field *const *)b;
	if (f->name_len != g->name_len)
		return f->name_len < g->name_len ? -1 : 1;
	return memcmp(f->name, g->name, f->name_len);
}

/* A name that is there twice is refused; sorted, since a record may have thousands. */
static int check_names(struct ser_arena *a, const struct ser_field *f, size_t n, struct ser_err *e)
{
	const struct ser_field **by = ser_arena_alloc(a, n, sizeof *by);
	for (size_t i = 0; i < n; i++)
		by[i] = &f[i];
	qsort(by, n, sizeof *by, cmp_name);
	for (size_t i = 1; i < n; i++)
		if (cmp_name(&by[i - 1], &by[i]) == 0)
			return ser_fail(e, SER_EDATA, "field \"%.*s\" is there twice", (int)by[i]->name_len,
					by[i]->name);
	return 0;
}

static int decode(struct ser_arena *a, const msgpack_object *o, bool flat, struct ser_val *out, struct ser_err *e);

static int decode_map(struct ser_arena *a, const msgpack_object_map *m, bool flat, struct ser_val *out,
		      struct ser_err *e)
{
	*out = ser_val_map();
	struct ser_field *f = ser_arena_calloc(a, m->size, sizeof *f);
	for (uint32_t i = 0; i < m->size; i++) {
		const msgpack_object *k = &m->ptr[i].key;
		if (k->type != MSGPACK_OBJECT_STR || k->via.str.size == 0 || k->via.str.size > SER_MAX_NAME)
			return ser_fail(e, SER_EDATA, "a field's name is not a string of 1 to %d bytes", SER_MAX_NAME);
		f[i].name = k->via.str.ptr;
		f[i].name_len = k->via.str.size;
		if (!ser_utf8_ok(f[i].name, f[i].name_len))
			return ser_fail(e, SER_EDATA, "a field's name is not UTF-8 text");
		if (decode(a, &m->ptr[i].val, flat, &f[i].val, e) != 0)
			return ser_fail_in(e, "field \"%.*s\"", (int)f[i].name_len, f[i].name);
	}
	out->u.map.f = f;
	out->u.map.n = m->size;
	return check_names(a, f, m->size, e);
}

static int decode(struct ser_arena *a, const msgpack_object *o, bool flat, struct ser_val *out, struct ser_err *e)
{
	switch (o->type) {
	case MSGPACK_OBJECT_NIL:
		*out = ser_nil();
		return 0;
	case MSGPACK_OBJECT_BOOLEAN:
		*out = ser_bool(o->via.boolean);
		return 0;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		if (o->via.u64 > INT64_MAX)
			return ser_fail(e, SER_EDATA, "holds %llu, beyond 63 bits", (unsigned long long)o->via.u64);
		*out = ser_int((int64_t)o->via.u64);
		return 0;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		*out = ser_int(o->via.i64);
		return 0;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		*out = ser_real(o->via.f64);
		return 0;
	case MSGPACK_OBJECT_STR:
		*out = ser_strn(o->via.str.ptr, o->via.str.size);
		if (!ser_utf8_ok(out->u.str.s, out->u.str.n))
			return ser_fail(e, SER_EDATA, "is a string that is not UTF-8 text");
		return 0;
	case MSGPACK_OBJECT_MAP:
		for (uint32_t i = 0; i < o->via.map.size; i++)
			if (flat ||
			    (o->via.map.ptr[i].key.type == MSGPACK_OBJECT_BIN && key_is(&o->via.map.ptr[i].key, "nd")))
				return decode_tensor(a, &o->via.map, out, e);
		return flat ? decode_tensor(a, &o->via.map, out, e) : decode_map(a, &o->via.map, false, out, e);
	case MSGPACK_OBJECT_ARRAY:
		if (flat)
			return ser_fail(e, SER_EDATA, "is a list, expected a label or a tensor");
		*out = ser_val_list();
		out->u.list.n = o->via.array.size;
		out->u.list.v = ser_arena_calloc(a, out->u.list.n, sizeof *out->u.list.v);
		for (uint32_t i = 0; i < o->via.array.size; i++)
			if (decode(a, &o->via.array.ptr[i], false, &out->u.list.v[i], e) != 0)
				return e->code;
		return 0;
	case MSGPACK_OBJECT_BIN:
		return ser_fail(e, SER_EDATA, "is raw bytes, expected a label or a tensor");
	default:
		return ser_fail(e, SER_EDATA, "is of a MessagePack extension type, expected a label or a tensor");
	}
}

int ser_wire_decode(struct ser_arena *a, const char *p, size_t n, bool flat, struct ser_val *out, struct ser_err *e)
{
	struct ser_err local;
	if (e == NULL)
		e = &local;
	msgpack_zone zone;
	if (!msgpack_zone_init(&zone, 2048))
		ser_oom(2048);
	msgpack_object o;
	size_t at = 0;
	int rc;
	if (msgpack_unpack(p, n, &at, &zone, &o) != MSGPACK_UNPACK_SUCCESS || o.type != MSGPACK_OBJECT_MAP)
		rc = ser_fail(e, SER_EDATA, "not a MessagePack map");
	else
		rc = decode_map(a, &o.via.map, flat, out, e);
	msgpack_zone_destroy(&zone);
	return rc;
}

/* ---- encode ---- */

static int append(void *data, const char *p, size_t n)
{
	ser_buf_add(data, p, n);
	return 0;
}

static void pack_bin(msgpack_packer *pk, const char *s)
{
	msgpack_pack_bin_with_body(pk, s, strlen(s));
}

static void pack_text(msgpack_packer *pk, const char *s, size_t n)
{
	msgpack_pack_str(pk, n);
	msgpack_pack_str_body(pk, s, n);
}

static void pack_tensor(msgpack_packer *pk, const struct ser_tensor *t)
{
	const char *type = ser_dtype_str(t->dtype);
	size_t size = ser_tensor_size(t);
	struct ser_buf own = {0};
	msgpack_pack_map(pk, 5);
	pack_bin(pk, "nd");
	msgpack_pack_true(pk);
	pack_bin(pk, "type");
	pack_text(pk, type, strlen(type));
	pack_bin(pk, "kind");
	pack_text(pk, "", 0);
	pack_bin(pk, "shape");
	msgpack_pack_array(pk, (size_t)t->ndim);
	for (int i = 0; i < t->ndim; i++)
		msgpack_pack_uint64(pk, t->shape[i]);
	pack_bin(pk, "data");
	msgpack_pack_bin(pk, size);
	if (size > 0)
		msgpack_pack_bin_body(pk, ser_le_copy(&own, t->data, ser_tensor_len(t), ser_dtype_size(t->dtype)),
				      size);
	ser_buf_free(&own);
}

static void pack(msgpack_packer *pk, const struct ser_val *v)
{
	switch (v->kind) {
	case SER_NIL:
		msgpack_pack_nil(pk);
		break;
	case SER_BOOL:
		v->u.b ? msgpack_pack_true(pk) : msgpack_pack_false(pk);
		break;
	case SER_INT:
		msgpack_pack_int64(pk, v->u.i);
		break;
	case SER_REAL:
		msgpack_pack_double(pk, v->u.f);
		break;
	case SER_STR:
		pack_text(pk, v->u.str.s, v->u.str.n);
		break;
	case SER_TENSOR:
		pack_tensor(pk, &v->u.t);
		break;
	case SER_LIST:
		msgpack_pack_array(pk, v->u.list.n);
		for (size_t i = 0; i < v->u.list.n; i++)
			pack(pk, &v->u.list.v[i]);
		break;
	case SER_MAP:
		msgpack_pack_map(pk, v->u.map.n);
		for (size_t i = 0; i < v->u.map.n; i++) {
			pack_text(pk, v->u.map.f[i].name, v->u.map.f[i].name_len);
			pack(pk, &v->u.map.f[i].val);
		}
		break;
	}
}

void ser_wire_val(struct ser_buf *b, const struct ser_val *v)
{
	msgpack_packer pk;
	msgpack_packer_init(&pk, b, append);
	pack(&pk, v);
}

void ser_wire_field(struct ser_buf *b, const struct ser_field *f)
{
	if (f->raw != NULL) {
		ser_buf_add(b, f->raw, f->raw_len);
		return;
	}
	msgpack_packer pk;
	msgpack_packer_init(&pk, b, append);
	pack_text(&pk, f->name, f->name_len);
	pack(&pk, &f->val);
}

void ser_wire_map(struct ser_buf *b, size_t n)
{
	msgpack_packer pk;
	msgpack_packer_init(&pk, b, append);
	msgpack_pack_map(&pk, n);
}
