/* SPDX-License-Identifier: MIT */
#include "formats/safetensors.h"

#include "stream/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const struct {
	const char *name;
	size_t size;
} types[] = {
	[SER_ST_F32] = {"F32", 4},   [SER_ST_F16] = {"F16", 2}, [SER_ST_BF16] = {"BF16", 2}, [SER_ST_F64] = {"F64", 8},
	[SER_ST_I64] = {"I64", 8},   [SER_ST_I32] = {"I32", 4}, [SER_ST_I16] = {"I16", 2},   [SER_ST_I8] = {"I8", 1},
	[SER_ST_U64] = {"U64", 8},   [SER_ST_U32] = {"U32", 4}, [SER_ST_U16] = {"U16", 2},   [SER_ST_U8] = {"U8", 1},
	[SER_ST_BOOL] = {"BOOL", 1},
};
enum { N_TYPE = sizeof types / sizeof *types };

const char *ser_st_dtype_name(enum ser_st_dtype t)
{
	return types[t].name;
}

size_t ser_st_dtype_size(enum ser_st_dtype t)
{
	return types[t].size;
}

/* ---- elements ---- */

static double half(uint16_t h)
{
	double sign = h >> 15 != 0 ? -1 : 1;
	int exponent = h >> 10 & 31;
	double m = h & 1023;
	if (exponent == 31)
		return m != 0 ? (double)NAN : sign * HUGE_VAL;
	if (exponent == 0)
		return sign * m * 0x1p-24;
	double x = (1024 + m) * 0x1p-25; /* 2^(exponent - 25) (1024 + m) */
	return sign * x * (double)((uint64_t)1 << exponent);
}

static double element(const struct ser_st_tensor *t, size_t i)
{
	const char *p = (const char *)t->data + i * types[t->dtype].size;
	union {
		float f;
		double d;
		int64_t i64;
		int32_t i32;
		int16_t i16;
		int8_t i8;
		uint64_t u64;
		uint32_t u32;
		uint16_t u16;
		uint8_t u8;
	} u = {0};
	memcpy(&u, p, types[t->dtype].size);
	if (SER_BIG_ENDIAN && t->filed)
		ser_le(&u, 1, types[t->dtype].size);
	switch (t->dtype) {
	case SER_ST_F32:
		return (double)u.f;
	case SER_ST_F16:
		return half(u.u16);
	case SER_ST_BF16:
		u.u32 = (uint32_t)u.u16 << 16;
		return (double)u.f;
	case SER_ST_F64:
		return u.d;
	case SER_ST_I64:
		return (double)u.i64;
	case SER_ST_I32:
		return u.i32;
	case SER_ST_I16:
		return u.i16;
	case SER_ST_I8:
		return u.i8;
	case SER_ST_U64:
		return (double)u.u64;
	case SER_ST_U32:
		return u.u32;
	case SER_ST_U16:
		return u.u16;
	case SER_ST_U8:
	case SER_ST_BOOL:
		return u.u8;
	}
	return 0;
}

/* Where element i, counted row by row, is */
static size_t place(const struct ser_st_tensor *t, size_t i)
{
	size_t at = 0;
	for (int k = t->ndim - 1; t->stride != NULL && k >= 0; k--) {
		at += i % t->shape[k] * t->stride[k];
		i /= t->shape[k];
	}
	return t->stride != NULL ? at : i;
}

void ser_st_copy(const struct ser_st_tensor *t, void *out)
{
	size_t size = types[t->dtype].size;
	if (t->n > 0)
		memcpy(out, t->data, t->n * size);
	if (t->filed)
		ser_le(out, t->n, size);
}

void ser_st_f4(const struct ser_st_tensor *t, float *out)
{
	if (t->dtype == SER_ST_F32 && t->stride == NULL)
		ser_st_copy(t, out);
	else
		for (size_t i = 0; i < t->n; i++)
			out[i] = (float)element(t, place(t, i));
}

void ser_st_f8(const struct ser_st_tensor *t, double *out)
{
	for (size_t i = 0; i < t->n; i++)
		out[i] = element(t, place(t, i));
}

/* ---- the checksum: CRC-32 of the whole file, its own digits taken for zeros ---- */

static const char sum_key[] = "{\"__metadata__\":{\"crc32\":\""; /* how a header begins that has one */
enum { SUM_AT = 8 + sizeof sum_key - 1, SUM_DIGITS = 8 };
/* and what says a second time that it has: damage to one of the two does not make a file without a checksum of it */
static const char said_key[] = "checksum", said_val[] = "crc32";

static uint32_t crc(uint32_t c, const void *p, size_t n)
{
	return (uint32_t)crc32_z(c, p, n);
}

static bool has_sum(const char *p, size_t n)
{
	return n >= SUM_AT + SUM_DIGITS && memcmp(p + 8, sum_key, sizeof sum_key - 1) == 0;
}

/* Of the file's n bytes, when they have a checksum */
static int check_sum(const char *p, size_t n, struct ser_err *e)
{
	char want[SUM_DIGITS + 1];
	if (!has_sum(p, n))
		return 0;
	uint32_t c = crc(crc(0, p, SUM_AT), "00000000", SUM_DIGITS);
	c = crc(c, p + SUM_AT + SUM_DIGITS, n - SUM_AT - SUM_DIGITS);
	snprintf(want, sizeof want, "%08" PRIx32, c);
	return memcmp(p + SUM_AT, want, SUM_DIGITS) == 0
		       ? 0
		       : ser_fail(e, SER_EDATA,
				  "checksum differs: the file was changed or damaged after it was written");
}

/* ---- reading ---- */

static bool size_of(const struct ser_val *v, size_t *out)
{
	if (v->kind != SER_INT || v->u.i < 0 || (uint64_t)v->u.i > SIZE_MAX / 2)
		return false;
	*out = (size_t)v->u.i;
	return true;
}

/* One entry of the header; end is where its bytes stop. */
static int take_tensor(struct ser_st_tensor *t, const struct ser_val *v, const char *data, size_t n_data, size_t *begin,
		       size_t *end, struct ser_err *e)
{
	const struct ser_val *dtype = ser_val_get(v, "dtype"), *shape = ser_val_get(v, "shape");
	const struct ser_val *off = ser_val_get(v, "data_offsets");
	if (v->kind != SER_MAP || dtype == NULL || shape == NULL || off == NULL)
		return ser_fail(e, SER_EDATA, "expected a map with dtype, shape and data_offsets");
	int type = 0;
	while (type < N_TYPE && !ser_val_is_str(dtype, types[type].name))
		type++;
	if (type == N_TYPE)
		return ser_fail(e, SER_EDATA, "dtype %.*s is not known",
				dtype->kind == SER_STR ? (int)dtype->u.str.n : 1,
				dtype->kind == SER_STR ? dtype->u.str.s : "?");
	t->dtype = (enum ser_st_dtype)type;
	if (shape->kind != SER_LIST || shape->u.list.n > SER_ST_MAX_AXES)
		return ser_fail(e, SER_EDATA, "shape is not a list of at most %d sizes", SER_ST_MAX_AXES);
	t->ndim = (int)shape->u.list.n;
	t->n = 1;
	for (int i = 0; i < t->ndim; i++)
		if (!size_of(&shape->u.list.v[i], &t->shape[i]) || !ser_mul_ok(t->n, t->shape[i], &t->n))
			return ser_fail(e, SER_EDATA, "shape holds something that is not a size, or too large a one");
	size_t n_byte;
	if (off->kind != SER_LIST || off->u.list.n != 2 || !size_of(&off->u.list.v[0], begin) ||
	    !size_of(&off->u.list.v[1], end) || *begin > *end)
		return ser_fail(e, SER_EDATA, "data_offsets are not two ascending offsets");
	if (*end > n_data)
		return ser_fail(e, SER_EDATA, "its bytes end at %zu, the file's data at %zu: cut off?", *end, n_data);
	if (!ser_mul_ok(t->n, types[type].size, &n_byte) || n_byte != *end - *begin)
		return ser_fail(e, SER_EDATA, "%zu bytes do not fit its shape of %zu %s elements", *end - *begin, t->n,
				types[type].name);
	t->data = data + *begin;
	t->filed = true;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct ser_st_tensor *x = a, *y = b;
	if (x->data != y->data)
		return (const char *)x->data < (const char *)y->data ? -1 : 1;
	return x->n != y->n ? (x->n < y->n ? -1 : 1) : strcmp(x->name, y->name); /* empty ones first */
}

static int take_meta(struct ser_st *s, const struct ser_val *v, struct ser_err *e)
{
	if (v->kind != SER_MAP)
		return ser_fail(e, SER_EDATA, "__metadata__ is not a map");
	s->meta = ser_arena_alloc(&s->arena, v->u.map.n, sizeof *s->meta);
	for (size_t i = 0; i < v->u.map.n; i++) {
		const struct ser_field *f = &v->u.map.f[i];
		if (f->val.kind != SER_STR)
			return ser_fail(e, SER_EDATA, "__metadata__: \"%s\" is not a string", f->name);
		s->meta[s->n_meta++] = (struct ser_st_meta){f->name, f->val.u.str.s};
	}
	return 0;
}

static int parse(struct ser_st *s, const char *p, size_t n, struct ser_err *e)
{
	if (n < 8)
		return ser_fail(e, SER_EDATA, "%zu bytes are too few for a safetensors file", n);
	uint64_t len = 0;
	for (int i = 7; i >= 0; i--)
		len = len << 8 | (unsigned char)p[i];
	if (n > 5 && memcmp(p + 1, "\xa3ser", 4) == 0)
		return ser_fail(e, SER_EDATA,
				"a stream of records, expected a model: ser-train and ser-model import make models");
	if (len > SER_ST_MAX_HEADER || len > n - 8 || len < 2 || p[8] != '{')
		return ser_fail(e, SER_EDATA, "not a safetensors file, or cut off (header length %llu of %zu bytes)",
				(unsigned long long)len, n);
	struct ser_val head;
	if (check_sum(p, n, e) != 0)
		return e->code;
	if (ser_val_from_json(&s->arena, p + 8, len, &head, e) != 0)
		return ser_fail_in(e, "header");
	if (head.kind != SER_MAP)
		return ser_fail(e, SER_EDATA, "header: not a map");
	if (head.u.map.n > SER_ST_MAX_TENSOR)
		return ser_fail(e, SER_EDATA, "header: %zu tensors, at most %d are read", head.u.map.n,
				SER_ST_MAX_TENSOR);
	const char *data = p + 8 + len;
	size_t n_data = n - 8 - len;
	s->tensor = ser_arena_calloc(&s->arena, head.u.map.n, sizeof *s->tensor);
	for (size_t i = 0; i < head.u.map.n; i++) {
		const struct ser_field *f = &head.u.map.f[i];
		size_t begin, end;
		if (strcmp(f->name, "__metadata__") == 0) {
			if (take_meta(s, &f->val, e) != 0)
				return e->code;
			if (ser_st_meta(s, said_key) != NULL && !has_sum(p, n))
				return ser_fail(e, SER_EDATA,
						"says that it has a checksum, which is not where it belongs");
			continue;
		}
		struct ser_st_tensor *t = &s->tensor[s->n_tensor++];
		t->name = f->name;
		if (take_tensor(t, &f->val, data, n_data, &begin, &end, e) != 0)
			return ser_fail_in(e, "tensor \"%s\"", f->name);
	}
	qsort(s->tensor, s->n_tensor, sizeof *s->tensor, by_place);
	const char *at = data;
	s->name = ser_map_new();
	for (size_t i = 0; i < s->n_tensor; i++) {
		const struct ser_st_tensor *t = &s->tensor[i];
		if ((const char *)t->data != at)
			return ser_fail(e, SER_EDATA, "tensor \"%s\" begins at byte %zd of the data, expected %zd: %s",
					t->name, (const char *)t->data - data, at - data,
					(const char *)t->data < at ? "overlap" : "a hole");
		at += t->n * types[t->dtype].size;
		ser_map_add(s->name, t->name, strlen(t->name), NULL);
	}
	if (at != data + n_data)
		return ser_fail(e, SER_EDATA, "%zd bytes after the last tensor belong to none", data + n_data - at);
	return 0;
}

int ser_st_parse(struct ser_st **out, const void *bytes, size_t n, struct ser_err *e)
{
	struct ser_st *s = ser_calloc(1, sizeof *s);
	int rc = parse(s, bytes, n, e);
	*out = rc == 0 ? s : NULL;
	if (rc != 0)
		ser_st_free(s);
	return rc;
}

bool ser_st_is(const char *path)
{
	struct stat st;
	unsigned char b[9];
	uint64_t n = 0;
	FILE *f = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
	bool whole = f != NULL && fread(b, 1, sizeof b, f) == sizeof b;
	if (f != NULL)
		fclose(f);
	for (int i = 7; whole && i >= 0; i--)
		n = n << 8 | b[i];
	return whole && n <= SER_ST_MAX_HEADER && b[8] == '{';
}

int ser_st_open(struct ser_st **out, const char *path, struct ser_err *e)
{
	*out = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0) {
		int rc = ser_fail(e, SER_EIO, "%s: cannot open: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	void *map = MAP_FAILED;
	size_t n = st.st_size > 0 ? (size_t)st.st_size : 0;
	int rc = 0;
	if (!S_ISREG(st.st_mode))
		rc = ser_fail(e, SER_EIO, "%s: not a regular file", path);
	else if (n == 0)
		rc = ser_fail(e, SER_EDATA, "%s: empty, expected a safetensors file", path);
	else if ((map = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
		rc = ser_fail(e, SER_EIO, "%s: cannot map: %s", path, strerror(errno));
	close(fd);
	if (rc != 0)
		return rc;
	if (ser_st_parse(out, map, n, e) != 0) {
		munmap(map, n);
		return ser_fail_in(e, "%s", path);
	}
	(*out)->map = map;
	(*out)->map_size = n;
	ser_give_back(map, n); /* the checksum read all of it */
	return 0;
}

void ser_st_free(struct ser_st *s)
{
	if (s == NULL)
		return;
	if (s->map != NULL)
		munmap(s->map, s->map_size);
	ser_map_free(s->name);
	ser_arena_free(&s->arena);
	free(s);
}

void ser_st_pass(const struct ser_st *s, const struct ser_st_tensor *t)
{
	const char *map = s->map, *p = t->data;
	if (map != NULL)
		ser_give_back((char *)s->map + (p - map), t->n * ser_st_dtype_size(t->dtype));
}

const struct ser_st_tensor *ser_st_find(const struct ser_st *s, const char *name)
{
	ptrdiff_t i = ser_map_find(s->name, name, strlen(name));
	return i >= 0 ? &s->tensor[i] : NULL;
}

const char *ser_st_meta(const struct ser_st *s, const char *key)
{
	for (size_t i = 0; i < s->n_meta; i++)
		if (strcmp(s->meta[i].key, key) == 0)
			return s->meta[i].val;
	return NULL;
}

/* ---- writing ---- */

static void add_json_str(struct ser_buf *b, const char *s)
{
	struct ser_val v = ser_str(s);
	ser_val_json(b, &v, false);
}

/* A tensor's bytes as a file has them */
static const void *as_filed(const struct ser_st_tensor *t, size_t n_byte, struct ser_buf *own)
{
	size_t size = types[t->dtype].size;
	return t->filed ? t->data : ser_le_copy(own, t->data, n_byte / size, size);
}

int ser_st_write(FILE *f, const char *path, const struct ser_st_tensor *t, size_t n, const struct ser_st_meta *m,
		 size_t n_meta, struct ser_err *e)
{
	struct ser_buf b = {0}, own = {0};
	size_t *n_byte = ser_malloc(n, sizeof *n_byte), at = 0;
	ser_buf_printf(&b, "%s00000000\",\"%s\":\"%s\"", sum_key, said_key, said_val);
	for (size_t i = 0; i < n_meta; i++) {
		if (strcmp(m[i].key, "crc32") == 0 || strcmp(m[i].key, said_key) == 0)
			continue; /* of the file that it was read from */
		ser_buf_str(&b, ",");
		add_json_str(&b, m[i].key);
		ser_buf_str(&b, ":");
		add_json_str(&b, m[i].val);
	}
	ser_buf_str(&b, "}");
	for (size_t i = 0; i < n; i++) {
		ser_buf_str(&b, ",");
		add_json_str(&b, t[i].name);
		ser_buf_printf(&b, ":{\"dtype\":\"%s\",\"shape\":[", types[t[i].dtype].name);
		n_byte[i] = types[t[i].dtype].size;
		for (int k = 0; k < t[i].ndim; k++) {
			ser_buf_printf(&b, k > 0 ? ",%zu" : "%zu", t[i].shape[k]);
			n_byte[i] = ser_mul(n_byte[i], t[i].shape[k]);
		}
		ser_buf_printf(&b, "],\"data_offsets\":[%zu,%zu]}", at, ser_add(at, n_byte[i]));
		at += n_byte[i];
	}
	ser_buf_str(&b, "}");
	while (b.n % 8 != 0)
		ser_buf_str(&b, " ");
	unsigned char len[8];
	for (int i = 0; i < 8; i++)
		len[i] = (unsigned char)((uint64_t)b.n >> 8 * i);
	uint32_t c = crc(crc(0, len, 8), b.s, b.n);
	char digits[SUM_DIGITS + 1];
	for (size_t i = 0; i < n; i++)
		c = crc(c, as_filed(&t[i], n_byte[i], &own), n_byte[i]);
	snprintf(digits, sizeof digits, "%08" PRIx32, c);
	memcpy(b.s + SUM_AT - 8, digits, SUM_DIGITS);
	errno = 0;
	bool ok = fwrite(len, 1, 8, f) == 8 && fwrite(b.s, 1, b.n, f) == b.n;
	for (size_t i = 0; i < n && ok; i++)
		ok = n_byte[i] == 0 || fwrite(as_filed(&t[i], n_byte[i], &own), 1, n_byte[i], f) == n_byte[i];
	ser_buf_free(&own);
	ser_buf_free(&b);
	free(n_byte);
	return ok ? 0 : ser_fail(e, SER_EIO, "%s: write failed: %s", path, strerror(errno));
}

int ser_st_save(const char *path, const struct ser_st_tensor *t, size_t n, const struct ser_st_meta *m, size_t n_meta,
		struct ser_err *e)
{
	struct ser_outfile o;
	if (ser_outfile_open(&o, path, e) != 0)
		return e->code;
	if (ser_st_write(o.f, path, t, n, m, n_meta, e) != 0) {
		ser_outfile_abort(&o);
		return e->code;
	}
	return ser_outfile_commit(&o, e);
}
