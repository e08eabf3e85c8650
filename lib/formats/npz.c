/* SPDX-License-Identifier: MIT */
/* NumPy's .npz: a zip archive of .npy members (PKWARE's APPNOTE 6.3, zip64 included). Ours have, of a stream,
 *   NAME/ID.npy   the tensor NAME of record ID
 *   NAME.npy      the label NAME of all records, in their order; id.npy is always there
 *   ser.json      the header
 * Others' have whatever keys they like: with an array "id" of strings, arrays whose first axis is as long are the records'
 * labels or tensors; without it each array is a record. */
#include "formats/private.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum {
	LOCAL = 0x04034b50,
	CENTRAL = 0x02014b50,
	END = 0x06054b50,
	END64 = 0x06064b50,
	LOCATOR64 = 0x07064b50,
	MAX_NAME = 65535
};

static uint64_t le(const void *p, int n)
{
	const unsigned char *u = p;
	uint64_t x = 0;
	for (int i = n - 1; i >= 0; i--)
		x = x << 8 | u[i];
	return x;
}

static void put_le(struct ser_buf *b, uint64_t x, int n)
{
	unsigned char u[8];
	for (int i = 0; i < n; i++)
		u[i] = (unsigned char)(x >> (8 * i));
	ser_buf_add(b, u, (size_t)n);
}

/* ---- reading: the archive ---- */

struct member {
	const char *name; /* in the directory's bytes */
	size_t n_name;
	int method;
	uint32_t crc;
	uint64_t packed, size, at;
	ptrdiff_t next; /* of the same record, or -1 */
	size_t slash;   /* where NAME ends in NAME/ID.npy; 0: there is none */
};

/* An array that all records share. */
struct column {
	char *name;
	struct npy a;
	struct ser_buf raw;
	size_t from, row; /* bytes before the first element; elements of a record */
};

struct reader {
	char *dir; /* the central directory */
	struct member *m;
	size_t n_member;
	struct column *col;
	size_t n_col, cap_col, held; /* bytes held by columns */
	struct column id;            /* raw.s is NULL: each member is a record */
	ptrdiff_t *first;            /* member of each record */
	size_t at, n;                /* records, or members */
	struct ser_buf raw;          /* of the member at hand */
	struct ser_arena arena;      /* elements of the record at hand */
};

static int seek(struct ser_import *im, uint64_t at, struct ser_err *e)
{
	im->in.at = at;
	if (at > INT64_MAX || fseeko(im->in.f, (off_t)at, SEEK_SET) != 0)
		return ser_fail(e, SER_EDATA, "%s: cannot go to byte %" PRIu64, im->in.name, at);
	return 0;
}

/* Values too large for the directory's own 32 bits are in an extra field, those that are, in this order. */
static int extra64(struct member *m, const char *x, size_t n)
{
	uint64_t *want[3] = {&m->size, &m->packed, &m->at};
	for (size_t i = 0; i + 4 <= n;) {
		size_t id = (size_t)le(x + i, 2), len = (size_t)le(x + i + 2, 2), k = i + 4;
		if (len > n - i - 4)
			return -1;
		i += 4 + len;
		if (id != 1)
			continue;
		for (int w = 0; w < 3; w++) {
			if (*want[w] != UINT32_MAX)
				continue;
			if (k + 8 > i)
				return -1;
			*want[w] = le(x + k, 8);
			k += 8;
		}
	}
	return 0;
}

static int read_directory(struct ser_import *im, struct ser_err *e)
{
	struct reader *p = im->state;
	char tail[65557 + 20];
	off_t size;
	if (fseeko(im->in.f, 0, SEEK_END) != 0 || (size = ftello(im->in.f)) < 0)
		return ser_fail(e, SER_EDATA, "%s: an npz is read from its end, which a pipe does not allow",
				im->in.name);
	size_t n = (uint64_t)size < sizeof tail ? (size_t)size : sizeof tail, k;
	if (seek(im, (uint64_t)size - n, e) != 0 || ser_src_get(&im->in, tail, n, e) != 0)
		return e->code;
	for (k = n >= 22 ? n - 22 : 0; n >= 22 && k > 0 && le(tail + k, 4) != END; k--)
		;
	if (n < 22 || le(tail + k, 4) != END)
		return ser_fail(e, SER_EDATA, "%s: not a zip archive, or cut off: no directory at its end",
				im->in.name);
	uint64_t count = le(tail + k + 10, 2), len = le(tail + k + 12, 4), at = le(tail + k + 16, 4);
	if (k >= 20 && le(tail + k - 20, 4) == LOCATOR64) {
		char end[56];
		if (seek(im, le(tail + k - 20 + 8, 8), e) != 0 || ser_src_get(&im->in, end, sizeof end, e) != 0)
			return e->code;
		if (le(end, 4) != END64)
			return ser_fail(e, SER_EDATA, "%s: a zip archive whose end is malformed", im->in.name);
		count = le(end + 32, 8);
		len = le(end + 40, 8);
		at = le(end + 48, 8);
	}
	if (len > (uint64_t)size || at > (uint64_t)size - len || count > len / 46)
		return ser_fail(e, SER_EDATA, "%s: a zip archive whose directory is malformed", im->in.name);
	struct ser_buf dir = {0};
	if (seek(im, at, e) != 0 || ser_src_append(&im->in, &dir, (size_t)len, e) != 0) {
		ser_buf_free(&dir);
		return e->code;
	}
	p->dir = dir.s;
	p->m = ser_calloc((size_t)count, sizeof *p->m);
	size_t pos = 0;
	for (size_t i = 0; i < count; i++) {
		const char *c = dir.s + pos;
		size_t left = dir.n - pos;
		if (left < 46 || le(c, 4) != CENTRAL)
			return ser_fail(e, SER_EDATA, "%s: a zip archive whose directory is malformed", im->in.name);
		struct member *m = &p->m[p->n_member++];
		size_t n_extra = (size_t)le(c + 30, 2), n_comment = (size_t)le(c + 32, 2);
		*m = (struct member){.name = c + 46,
				     .n_name = (size_t)le(c + 28, 2),
				     .method = (int)le(c + 10, 2),
				     .crc = (uint32_t)le(c + 16, 4),
				     .packed = le(c + 20, 4),
				     .size = le(c + 24, 4),
				     .at = le(c + 42, 4),
				     .next = -1};
		if (left - 46 < m->n_name + n_extra + n_comment || extra64(m, c + 46 + m->n_name, n_extra) != 0)
			return ser_fail(e, SER_EDATA, "%s: a zip archive whose directory is malformed", im->in.name);
		if (!ser_utf8_ok(m->name, m->n_name))
			return ser_fail(e, SER_EDATA, "%s: a member whose name is not UTF-8", im->in.name);
		if (le(c + 8, 2) & 1)
			return ser_fail(e, SER_EDATA, "%s: member \"%.*s\" is encrypted", im->in.name,
					(int)(m->n_name < 100 ? m->n_name : 100), m->name);
		pos += 46 + m->n_name + n_extra + n_comment;
	}
	if (pos != dir.n)
		return ser_fail(e, SER_EDATA, "%s: a zip archive whose directory is malformed", im->in.name);
	return 0;
}

static int bad_member(struct ser_import *im, const struct member *m, struct ser_err *e, const char *what)
{
	return ser_fail(e, SER_EDATA, "%s: member \"%.*s\": %s", im->in.name, (int)(m->n_name < 200 ? m->n_name : 200),
			m->name, what);
}

/* The same before a sentence that is there already. */
static int in_member(struct ser_import *im, const struct member *m, struct ser_err *e)
{
	return ser_fail_in(e, "%s: member \"%.*s\"", im->in.name, (int)(m->n_name < 200 ? m->n_name : 200), m->name);
}

static int inflate_member(struct ser_import *im, const struct member *m, struct ser_buf *out, struct ser_err *e)
{
	unsigned char in[16384];
	z_stream z = {0};
	uint64_t left = m->packed;
	int zrc = Z_OK, rc = 0;
	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		ser_oom(65536);
	while (rc == 0 && zrc == Z_OK) {
		if (z.avail_in == 0 && left > 0) {
			size_t n = left < sizeof in ? (size_t)left : sizeof in;
			if ((rc = ser_src_get(&im->in, in, n, e)) != 0)
				break;
			left -= n;
			z.next_in = in;
			z.avail_in = (unsigned)n;
		}
		ser_buf_reserve(out, 65536);
		z.next_out = (unsigned char *)out->s + out->n;
		z.avail_out = 65536;
		zrc = inflate(&z, Z_NO_FLUSH);
		out->n += 65536 - z.avail_out;
		if (out->n > m->size)
			rc = bad_member(im, m, e, "holds more than the directory says");
		else if (zrc != Z_OK && zrc != Z_STREAM_END)
			rc = bad_member(im, m, e, "its compressed bytes are damaged");
	}
	inflateEnd(&z);
	return rc;
}

/* Go to the bytes of a member. Its name is there a second time: the one in the directory has no checksum. */
static int enter(struct ser_import *im, const struct member *m, struct ser_err *e)
{
	char head[30], part[256];
	if (seek(im, m->at, e) != 0 || ser_src_get(&im->in, head, sizeof head, e) != 0)
		return e->code;
	bool same = le(head, 4) == LOCAL && le(head + 26, 2) == m->n_name;
	for (size_t i = 0, n; same && i < m->n_name; i += n) {
		n = m->n_name - i < sizeof part ? m->n_name - i : sizeof part;
		if (ser_src_get(&im->in, part, n, e) != 0)
			return e->code;
		same = memcmp(part, m->name + i, n) == 0;
	}
	if (!same)
		return bad_member(im, m, e, "not where the directory says");
	return seek(im, m->at + 30 + m->n_name + le(head + 28, 2), e);
}

static bool is_npy(const struct member *m)
{
	return m->n_name > 4 && memcmp(m->name + m->n_name - 4, ".npy", 4) == 0;
}

static int load(struct ser_import *im, const struct member *m, struct ser_buf *out, struct ser_err *e)
{
	out->n = 0;
	if (m->size > (uint64_t)im->o.max_record + MAX_NPY_HEAD)
		return bad_member(im, m, e, "larger than --max-record allows");
	if (enter(im, m, e) != 0)
		return e->code;
	ser_buf_reserve(out, 1);
	int rc = m->method == 0   ? m->packed == m->size ? ser_src_append(&im->in, out, (size_t)m->size, e)
							 : bad_member(im, m, e, "sizes in the directory disagree")
		   : m->method == 8 ? inflate_member(im, m, out, e)
				  : bad_member(im, m, e, "compressed in a way that is not read");
	if (rc != 0)
		return rc;
	if (out->n != m->size || crc32_z(0, (const unsigned char *)out->s, out->n) != m->crc)
		return bad_member(im, m, e, "damaged: its checksum differs");
	return 0;
}

/* ---- reading: arrays to records ---- */

static int parse(struct ser_import *im, const struct member *m, const struct ser_buf *raw, struct npy *a, size_t *at,
		 struct ser_err *e)
{
	if (ser_npy_parse(raw->s, raw->n, a, at, e) != 0)
		return in_member(im, m, e);
	size_t size;
	if (raw->n - *at > im->o.max_record)
		return bad_member(im, m, e, "larger than --max-record allows");
	if (!ser_mul_ok(a->n, a->size, &size) || raw->n - *at != size)
		return bad_member(im, m, e, "not as long as its array");
	return 0;
}

/* String i of an array of text, as UTF-8: NumPy pads with NUL. */
static int text_at(const struct npy *a, const char *data, size_t i, struct ser_buf *b, struct ser_err *e)
{
	const char *s = data + i * a->size;
	b->n = 0;
	ser_buf_add(b, "", 0);
	if (a->kind == 'S') {
		size_t n = a->size;
		while (n > 0 && s[n - 1] == '\0')
			n--;
		ser_buf_add(b, s, n);
	} else {
		size_t n = a->size / 4;
		uint32_t c;
		for (size_t k = 0; k < n; k++) {
			unsigned char u[4], out[4];
			memcpy(u, s + 4 * k, 4);
			c = a->swap ? (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3]
				    : (uint32_t)le(u, 4);
			size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
			if (c > 0x10ffff)
				return ser_fail(e, SER_EDATA, "text that is not Unicode");
			if (c == 0) { /* padding, or a NUL that is found below */
				ser_buf_add(b, "", 1);
				continue;
			}
			for (size_t j = len; j-- > 1; c >>= 6)
				out[j] = (unsigned char)(0x80 | (c & 0x3f));
			out[0] = (unsigned char)(len == 1 ? c : ((0xf00U >> len) & 0xff) | c);
			ser_buf_add(b, out, len);
		}
		while (b->n > 0 && b->s[b->n - 1] == '\0')
			b->n--;
	}
	ser_buf_reserve(b, 1);
	b->s[b->n] = '\0';
	if (!ser_utf8_ok(b->s, b->n))
		return ser_fail(e, SER_EDATA, "text that is not UTF-8 without NUL");
	return 0;
}

/* Take a shared array in: rows of it go to records. */
static int add_column(struct ser_import *im, const struct member *m, struct ser_err *e)
{
	struct reader *p = im->state;
	struct column c = {0};
	enum ser_dtype t;
	size_t n_name = m->n_name - 4;
	if (!ser_field_name_ok(m->name, n_name))
		return bad_member(im, m, e, "its name cannot be a field's");
	if (p->n_col == SER_MAX_FIELD)
		return bad_member(im, m, e, "too many arrays for one record");
	if (load(im, m, &c.raw, e) != 0 || parse(im, m, &c.raw, &c.a, &c.from, e) != 0) {
		ser_buf_free(&c.raw);
		return e->code;
	}
	const char *wrong = NULL;
	if (c.a.ndim == 0 || c.a.shape[0] != p->n)
		wrong = "its first axis is not as long as the array \"id\"";
	else if (c.a.ndim > 1 && !ser_npy_dtype(&c.a, &t))
		wrong = "text of more than one axis";
	else if ((p->held += c.raw.n) > im->o.max_record)
		wrong = "with the arrays before it larger than --max-record allows";
	if (wrong != NULL) {
		ser_buf_free(&c.raw);
		return bad_member(im, m, e, wrong);
	}
	c.row = p->n > 0 ? c.a.n / p->n : 0;
	if (c.a.fortran && c.a.ndim > 1) {
		struct ser_buf b = {0};
		ser_buf_reserve(&b, c.raw.n - c.from + 1);
		b.n = c.raw.n - c.from;
		ser_npy_to_c(c.a.ndim, c.a.shape, c.a.size, c.raw.s + c.from, b.s);
		ser_buf_free(&c.raw);
		c.raw = b;
		c.from = 0;
	}
	c.name = ser_strndup(m->name, n_name);
	p->col = ser_grow(p->col, &p->cap_col, p->n_col + 1, sizeof *p->col);
	p->col[p->n_col++] = c;
	return 0;
}

static int read_header(struct ser_import *im, const struct member *m, struct ser_err *e)
{
	struct ser_buf b = {0};
	struct ser_header h;
	struct ser_val v;
	int rc = m->size <= SER_MAX_HEADER ? load(im, m, &b, e) : bad_member(im, m, e, "larger than a header may be");
	if (rc != 0) {
		ser_buf_free(&b);
		return rc;
	}
	ser_header_init(&h);
	if (ser_val_from_json(&h.arena, b.s, b.n, &v, e) != 0) {
		rc = in_member(im, m, e);
	} else {
		const struct ser_val *prov = ser_val_get(&v, "prov"), *dims = ser_val_get(&v, "dims");
		if (prov == NULL || prov->kind != SER_LIST || dims == NULL || dims->kind != SER_MAP ||
		    ser_val_depth(&v) > SER_MAX_DEPTH - 1)
			rc = bad_member(im, m, e, "not a stream's header");
		for (size_t i = 0; rc == 0 && i < dims->u.map.n; i++)
			if (dims->u.map.f[i].val.kind != SER_MAP)
				rc = bad_member(im, m, e, "not a stream's header");
		if (rc == 0) {
			h.prov = *prov;
			h.dims = *dims;
			ser_header_free(&im->header);
			ser_header_copy(&im->header, &h);
		}
	}
	ser_header_free(&h);
	ser_buf_free(&b);
	return rc;
}

static ptrdiff_t find(const struct reader *p, const char *name)
{
	for (size_t i = 0; i < p->n_member; i++)
		if (p->m[i].n_name == strlen(name) && memcmp(p->m[i].name, name, p->m[i].n_name) == 0)
			return (ptrdiff_t)i;
	return -1;
}

/* Chain the members NAME/ID.npy to their records; take the shared arrays in. */
static int arrange(struct ser_import *im, struct ser_err *e)
{
	struct reader *p = im->state;
	struct ser_map *row = ser_map_new();
	struct ser_buf text = {0};
	int rc = 0;
	ptrdiff_t *last = ser_calloc(p->n, sizeof *last);
	p->first = ser_calloc(p->n, sizeof *p->first);
	for (size_t i = 0; rc == 0 && i < p->n; i++) {
		bool is_new;
		p->first[i] = last[i] = -1;
		if ((rc = text_at(&p->id.a, p->id.raw.s + p->id.from, i, &text, e)) != 0 ||
		    ser_map_add(row, text.s, text.n, &is_new) != i || !is_new)
			rc = ser_fail(e, SER_EDATA, "%s: member \"id.npy\": \"%.100s\" comes twice, or is no id",
				      im->in.name, text.n > 0 ? text.s : "");
	}
	for (size_t i = 0; rc == 0 && i < p->n_member; i++) {
		struct member *m = &p->m[i];
		if (!is_npy(m) || (m->n_name == 6 && memcmp(m->name, "id.npy", 6) == 0))
			continue;
		const char *slash = memchr(m->name, '/', m->n_name);
		if (slash == NULL) {
			rc = add_column(im, m, e);
			continue;
		}
		m->slash = (size_t)(slash - m->name);
		ptrdiff_t at = ser_map_find(row, slash + 1, m->n_name - m->slash - 5);
		if (at < 0 || !ser_field_name_ok(m->name, m->slash)) {
			rc = bad_member(im, m, e, "belongs to no id of the array \"id\"");
			break;
		}
		if (last[at] < 0)
			p->first[at] = (ptrdiff_t)i;
		else
			p->m[last[at]].next = (ptrdiff_t)i;
		last[at] = (ptrdiff_t)i;
	}
	free(last);
	ser_map_free(row);
	ser_buf_free(&text);
	return rc;
}

static int begin(struct ser_import *im, struct ser_err *e)
{
	struct reader *p = ser_calloc(1, sizeof *p);
	im->state = p;
	if (read_directory(im, e) != 0)
		return e->code;
	for (size_t i = 0; i < p->n_member; i++) /* one that is passed over must not be so by a damaged name */
		if (!is_npy(&p->m[i]) && enter(im, &p->m[i], e) != 0)
			return e->code;
	ptrdiff_t ids = find(p, "id.npy"), header = find(p, "ser.json");
	if (header >= 0 && read_header(im, &p->m[header], e) != 0)
		return e->code;
	p->n = p->n_member;
	if (ids < 0)
		return 0;
	struct member *m = &p->m[ids];
	if (load(im, m, &p->id.raw, e) != 0 || parse(im, m, &p->id.raw, &p->id.a, &p->id.from, e) != 0)
		return e->code;
	p->n = p->id.a.n;
	if (p->id.a.ndim != 1 || (p->id.a.kind != 'U' && p->id.a.kind != 'S') || (p->n > 0 && p->id.a.size == 0))
		return bad_member(im, m, e, "not a list of ids: expected text of one axis");
	return arrange(im, e);
}

/* A whole array as a field. Its bytes go to the reader's arena. */
static int set_tensor(struct ser_import *im, struct ser_record *r, const char *name, const struct member *m,
		      struct ser_err *e)
{
	struct reader *p = im->state;
	struct ser_buf *raw = &p->raw;
	struct npy a;
	size_t at;
	enum ser_dtype t;
	if (load(im, m, raw, e) != 0 || parse(im, m, raw, &a, &at, e) != 0)
		return e->code;
	if (!ser_npy_dtype(&a, &t))
		return bad_member(im, m, e, "text, expected numbers");
	if (a.ndim > SER_MAX_AXES)
		return bad_member(im, m, e, "more than 8 axes");
	char *c = ser_arena_alloc(&p->arena, a.n + 1, a.size),
	     *to = ser_arena_alloc(&p->arena, a.n + 1, ser_dtype_size(t));
	if (a.fortran && a.ndim > 1)
		ser_npy_to_c(a.ndim, a.shape, a.size, raw->s + at, c);
	else if (a.n > 0)
		memcpy(c, raw->s + at, a.n * a.size);
	if (ser_npy_convert(&a, c, a.n, to, e) != 0)
		return in_member(im, m, e);
	ser_record_set(r, name, ser_tensor(t, to, a.ndim, a.shape));
	return 0;
}

static int set_column(struct ser_import *im, struct ser_record *r, const struct column *c, size_t row,
		      struct ser_err *e)
{
	struct reader *p = im->state;
	enum ser_dtype t;
	const char *from = c->raw.s + c->from;
	if (!ser_npy_dtype(&c->a, &t)) {
		struct ser_buf b = {0};
		int rc = text_at(&c->a, from, row, &b, e);
		if (rc == 0)
			ser_record_set(r, c->name, ser_strn(b.s, b.n));
		else
			ser_fail_in(e, "%s: member \"%s.npy\"", im->in.name, c->name);
		ser_buf_free(&b);
		return rc;
	}
	char *to = ser_arena_alloc(&p->arena, c->row + 1, ser_dtype_size(t));
	if (ser_npy_convert(&c->a, from + row * c->row * c->a.size, c->row, to, e) != 0)
		return ser_fail_in(e, "%s: member \"%s.npy\"", im->in.name, c->name);
	struct ser_val v = ser_tensor(t, to, c->a.ndim - 1, c->a.shape + 1);
	if (c->a.ndim == 1) {
		int64_t whole = 0;
		double x = ser_tensor_real(&v.u.t, 0);
		memcpy(&whole, to, t == SER_I8 ? 8 : 0);
		v = c->a.kind == 'b'   ? ser_bool(x != 0)
		    : c->a.kind == 'f' ? ser_real(x)
				       : ser_int(t == SER_I8 ? whole : (int64_t)x);
	}
	ser_record_set(r, c->name, v);
	return 0;
}

static int next(struct ser_import *im, struct ser_record *r, struct ser_err *e)
{
	struct reader *p = im->state;
	ser_arena_rewind(&p->arena, (struct ser_arena_mark){0});
	while (p->id.raw.s == NULL && p->at < p->n && !is_npy(&p->m[p->at]))
		p->at++;
	if (p->at == p->n)
		return 0;
	if (p->id.raw.s == NULL) {
		const struct member *m = &p->m[p->at++];
		if (ser_import_id(im, r, m->name, m->n_name - 4, e) != 0 || set_tensor(im, r, im->o.tensor, m, e) != 0)
			return e->code;
		return 1;
	}
	struct ser_buf id = {0};
	int rc = text_at(&p->id.a, p->id.raw.s + p->id.from, p->at, &id, e);
	if (rc == 0)
		rc = ser_import_id(im, r, id.s, id.n, e);
	ser_buf_free(&id);
	for (size_t k = 0; rc == 0 && k < p->n_col; k++)
		rc = set_column(im, r, &p->col[k], p->at, e);
	for (ptrdiff_t k = p->first[p->at]; rc == 0 && k >= 0; k = p->m[k].next) {
		char name[SER_MAX_NAME + 1];
		snprintf(name, sizeof name, "%.*s", (int)p->m[k].slash, p->m[k].name);
		rc = ser_record_get(r, name) != NULL
			     ? bad_member(im, &p->m[k], e, "the record has such a field already")
			     : set_tensor(im, r, name, &p->m[k], e);
	}
	p->at++;
	return rc == 0 ? 1 : rc;
}

static void end(struct ser_import *im)
{
	struct reader *p = im->state;
	for (size_t i = 0; i < p->n_col; i++) {
		free(p->col[i].name);
		ser_buf_free(&p->col[i].raw);
	}
	free(p->col);
	ser_buf_free(&p->id.raw);
	ser_buf_free(&p->raw);
	ser_arena_free(&p->arena);
	free(p->first);
	free(p->m);
	free(p->dir);
	free(p);
}

/* ---- writing ---- */

/* A label of all records; its values wait in memory. */
struct label {
	char *name;
	struct ser_val *v; /* [cap]; nil where a record has none */
	size_t n, cap;
	size_t most; /* characters of the longest text */
};

struct writer {
	uint64_t at; /* bytes written */
	struct ser_buf directory;
	uint64_t n_member;
	struct ser_map *names; /* of labels */
	struct label *label;
	size_t cap_label;
	struct ser_map *tensors; /* names: no label may have one */
	struct ser_arena arena;
};

static int emit(struct ser_export *ex, const void *p, size_t n, struct ser_err *e)
{
	((struct writer *)ex->state)->at += n;
	return ser_export_bytes(ex, ex->f, p, n, e);
}

/* The member's local header; its entry in the directory. The date is the zip epoch: equal records make equal bytes. */
static int member(struct ser_export *ex, const char *name, size_t n_name, uint32_t crc, uint64_t size,
		  struct ser_err *e)
{
	struct writer *w = ex->state;
	struct ser_buf b = {0}, *d = &w->directory;
	bool wide = size >= UINT32_MAX, far = w->at >= UINT32_MAX;
	uint64_t shown = wide ? UINT32_MAX : size;
	if (n_name > MAX_NAME)
		return ser_fail(e, SER_EDATA, "%s: the name \"%.100s...\" is longer than a zip archive allows",
				ex->name, name);
	put_le(d, CENTRAL, 4);
	put_le(d, 0x0300 | 45, 2);    /* made by Unix, 4.5 */
	for (int k = 0; k < 2; k++) { /* the part that both have */
		struct ser_buf *to = k == 0 ? d : &b;
		if (k == 1)
			put_le(to, LOCAL, 4);
		put_le(to, wide || (far && k == 0) ? 45 : 20, 2);
		put_le(to, 1 << 11, 2);    /* names are UTF-8 */
		put_le(to, 0, 2);          /* stored */
		put_le(to, 0, 2);          /* 00:00:00 */
		put_le(to, 1 << 5 | 1, 2); /* 1980-01-01 */
		put_le(to, crc, 4);
		put_le(to, shown, 4);
		put_le(to, shown, 4);
		put_le(to, n_name, 2);
		put_le(to, (wide || (far && k == 0) ? 4 : 0) + (wide ? 16 : 0) + (far && k == 0 ? 8 : 0), 2);
	}
	put_le(d, 0, 2); /* comment */
	put_le(d, 0, 2); /* disk */
	put_le(d, 0, 2); /* binary */
	put_le(d, (uint64_t)0100644 << 16, 4);
	put_le(d, far ? UINT32_MAX : w->at, 4);
	ser_buf_add(d, name, n_name);
	ser_buf_add(&b, name, n_name);
	if (wide || far) {
		put_le(d, 1, 2);
		put_le(d, (wide ? 16 : 0) + (far ? 8 : 0), 2);
		if (wide) {
			put_le(d, size, 8);
			put_le(d, size, 8);
			put_le(&b, 1, 2);
			put_le(&b, 16, 2);
			put_le(&b, size, 8);
			put_le(&b, size, 8);
		}
		if (far)
			put_le(d, w->at, 8);
	}
	w->n_member++;
	int rc = emit(ex, b.s, b.n, e);
	ser_buf_free(&b);
	return rc;
}

static int start(struct ser_export *ex, struct ser_err *e)
{
	struct writer *w = ser_calloc(1, sizeof *w);
	(void)e;
	ex->state = w;
	w->names = ser_map_new();
	w->tensors = ser_map_new();
	return 0;
}

static size_t characters(const struct ser_buf *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		n += ((unsigned char)b->s[i] & 0xc0) != 0x80;
	return n;
}

static void add_label(struct ser_export *ex, const struct ser_field *f)
{
	struct writer *w = ex->state;
	struct ser_buf text = {0};
	bool is_new;
	size_t k = ser_map_add(w->names, f->name, f->name_len, &is_new);
	w->label = ser_grow(w->label, &w->cap_label, k + 1, sizeof *w->label);
	struct label *l = &w->label[k];
	if (is_new)
		*l = (struct label){.name = ser_strndup(f->name, f->name_len), .most = 1};
	l->v = ser_grow(l->v, &l->cap, ex->n + 1, sizeof *l->v);
	while (l->n < ex->n)
		l->v[l->n++] = ser_nil();
	l->v[l->n++] = ser_val_copy(&w->arena, &f->val);
	ser_val_text(&text, &f->val);
	size_t n = characters(&text);
	l->most = n > l->most ? n : l->most;
	ser_buf_free(&text);
}

static int put(struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	struct writer *w = ex->state;
	const struct ser_val *id = ser_record_get(r, "id");
	struct ser_buf name = {0}, head = {0}, own = {0};
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < r->n; i++) {
		const struct ser_field *f = &r->field[i];
		bool tensor = f->val.kind == SER_TENSOR;
		if (tensor && ex->o.tensor != NULL &&
		    (f->name_len != strlen(ex->o.tensor) || memcmp(f->name, ex->o.tensor, f->name_len) != 0))
			continue;
		if (memchr(f->name, '/', f->name_len) != NULL ||
		    ser_map_find(tensor ? w->names : w->tensors, f->name, f->name_len) >= 0) {
			rc = ser_record_fail(
				r, e, SER_EDATA,
				"field \"%.*s\" has a slash in its name, or is a label here and a tensor there",
				(int)f->name_len, f->name);
		} else if (!tensor) {
			add_label(ex, f);
		} else {
			const struct ser_tensor *t = &f->val.u.t;
			size_t size = ser_tensor_size(t);
			const void *data = ser_le_copy(&own, t->data, ser_tensor_len(t), ser_dtype_size(t->dtype));
			name.n = head.n = 0;
			ser_map_add(w->tensors, f->name, f->name_len, NULL);
			ser_buf_printf(&name, "%.*s/%.*s.npy", (int)f->name_len, f->name, (int)id->u.str.n,
				       id->u.str.s);
			ser_npy_put_head(&head, ser_dtype_str(t->dtype), t->ndim, t->shape);
			uint32_t crc = (uint32_t)crc32_z(0, (const unsigned char *)head.s, head.n);
			crc = (uint32_t)crc32_z(crc, size > 0 ? data : (const void *)"", size);
			rc = member(ex, name.s, name.n, crc, head.n + size, e);
			if (rc == 0)
				rc = emit(ex, head.s, head.n, e);
			if (rc == 0)
				rc = emit(ex, data, size, e);
		}
	}
	ser_buf_free(&name);
	ser_buf_free(&head);
	ser_buf_free(&own);
	return rc;
}

/* The type of a column: integers, booleans, numbers with NaN where there is none, or text. */
static char column_kind(const struct label *l)
{
	size_t n[SER_STR + 1] = {0};
	for (size_t i = 0; i < l->n; i++)
		n[l->v[i].kind]++;
	if (l->n > 0 && n[SER_INT] == l->n)
		return 'i';
	if (l->n > 0 && n[SER_BOOL] == l->n)
		return 'b';
	return n[SER_STR] == 0 && n[SER_BOOL] == 0 && n[SER_INT] + n[SER_REAL] > 0 ? 'f' : 'U';
}

/* Row i as bytes of its type. */
static void column_row(const struct label *l, char kind, size_t i, struct ser_buf *b)
{
	const struct ser_val *v = &l->v[i];
	double x = v->kind == SER_REAL ? v->u.f : v->kind == SER_INT ? (double)v->u.i : (double)NAN;
	b->n = 0;
	if (kind == 'i') {
		put_le(b, (uint64_t)v->u.i, 8);
	} else if (kind == 'b') {
		put_le(b, v->u.b, 1);
	} else if (kind == 'f') {
		ser_buf_add_le(b, &x, 1, sizeof x);
	} else {
		struct ser_buf t = {0};
		size_t n = 0;
		ser_val_text(&t, v);
		for (size_t k = 0; k < t.n; n++) { /* UTF-8, checked when it was read */
			unsigned char u = (unsigned char)t.s[k];
			size_t len = u < 0x80 ? 1 : u < 0xe0 ? 2 : u < 0xf0 ? 3 : 4;
			uint32_t c = len == 1 ? u : u & (0xffU >> (len + 1));
			for (size_t j = 1; j < len; j++)
				c = c << 6 | ((unsigned char)t.s[k + j] & 0x3f);
			put_le(b, c, 4);
			k += len;
		}
		for (; n < l->most; n++)
			put_le(b, 0, 4);
		ser_buf_free(&t);
	}
}

static int write_column(struct ser_export *ex, struct label *l, struct ser_err *e)
{
	struct ser_buf head = {0}, row = {0}, name = {0};
	char type[32];
	while (l->n < ex->n) {
		l->v = ser_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
		l->v[l->n++] = ser_nil();
	}
	char kind = column_kind(l);
	if (kind == 'U')
		snprintf(type, sizeof type, "<U%zu", l->most);
	ser_npy_put_head(&head, kind == 'i' ? "<i8" : kind == 'b' ? "|b1" : kind == 'f' ? "<f8" : type, 1, &l->n);
	uint32_t crc = (uint32_t)crc32_z(0, (const unsigned char *)head.s, head.n);
	uint64_t size = head.n;
	for (size_t i = 0; i < l->n; i++) {
		column_row(l, kind, i, &row);
		crc = (uint32_t)crc32_z(crc, (const unsigned char *)row.s, row.n);
		size += row.n;
	}
	ser_buf_printf(&name, "%s.npy", l->name);
	int rc = member(ex, name.s, name.n, crc, size, e);
	if (rc == 0)
		rc = emit(ex, head.s, head.n, e);
	for (size_t i = 0; rc == 0 && i < l->n; i++) {
		column_row(l, kind, i, &row);
		rc = emit(ex, row.s, row.n, e);
	}
	ser_buf_free(&head);
	ser_buf_free(&row);
	ser_buf_free(&name);
	return rc;
}

static int write_header(struct ser_export *ex, struct ser_err *e)
{
	struct ser_field f[] = {{.name = "ser", .name_len = 3, .val = ser_int(SER_STREAM_VERSION)},
				{.name = "prov", .name_len = 4, .val = ex->header.prov},
				{.name = "dims", .name_len = 4, .val = ex->header.dims}};
	struct ser_val map = ser_val_map();
	struct ser_buf b = {0};
	map.u.map.f = f;
	map.u.map.n = 3;
	ser_val_json(&b, &map, false);
	ser_buf_str(&b, "\n");
	int rc = member(ex, "ser.json", 8, (uint32_t)crc32_z(0, (const unsigned char *)b.s, b.n), b.n, e);
	if (rc == 0)
		rc = emit(ex, b.s, b.n, e);
	ser_buf_free(&b);
	return rc;
}

static int finish(struct ser_export *ex, struct ser_err *e)
{
	struct writer *w = ex->state;
	struct label none = {.name = ser_strdup("id"), .most = 1};
	int rc = write_header(ex, e);
	if (rc == 0 && ex->n == 0)
		rc = write_column(ex, &none, e);
	free(none.name);
	for (size_t i = 0; rc == 0 && i < ser_map_len(w->names); i++)
		rc = write_column(ex, &w->label[i], e);
	if (rc != 0)
		return rc;
	struct ser_buf b = {0};
	uint64_t at = w->at, n = w->n_member, size = w->directory.n;
	bool wide = n >= UINT16_MAX || size >= UINT32_MAX || at >= UINT32_MAX;
	rc = emit(ex, w->directory.s, w->directory.n, e);
	if (wide) {
		uint64_t end64 = w->at;
		put_le(&b, END64, 4);
		put_le(&b, 44, 8);
		put_le(&b, 0x0300 | 45, 2);
		put_le(&b, 45, 2);
		put_le(&b, 0, 4);
		put_le(&b, 0, 4);
		put_le(&b, n, 8);
		put_le(&b, n, 8);
		put_le(&b, size, 8);
		put_le(&b, at, 8);
		put_le(&b, LOCATOR64, 4);
		put_le(&b, 0, 4);
		put_le(&b, end64, 8);
		put_le(&b, 1, 4);
	}
	put_le(&b, END, 4);
	put_le(&b, 0, 4);
	put_le(&b, n < UINT16_MAX ? n : UINT16_MAX, 2);
	put_le(&b, n < UINT16_MAX ? n : UINT16_MAX, 2);
	put_le(&b, size < UINT32_MAX ? size : UINT32_MAX, 4);
	put_le(&b, at < UINT32_MAX ? at : UINT32_MAX, 4);
	put_le(&b, 0, 2);
	if (rc == 0)
		rc = emit(ex, b.s, b.n, e);
	ser_buf_free(&b);
	return rc;
}

static void drop(struct ser_export *ex)
{
	struct writer *w = ex->state;
	if (w == NULL)
		return;
	for (size_t i = 0; i < ser_map_len(w->names); i++) {
		free(w->label[i].name);
		free(w->label[i].v);
	}
	free(w->label);
	ser_map_free(w->names);
	ser_map_free(w->tensors);
	ser_buf_free(&w->directory);
	ser_arena_free(&w->arena);
	free(w);
}

const struct ser_format ser_format_npz = {"npz", "NumPy archive: arrays NAME/ID of tensors, NAME of labels, id",
					  0,     ".npz",
					  begin, next,
					  end,   start,
					  put,   finish,
					  drop};
