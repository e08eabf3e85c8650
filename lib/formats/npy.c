/* SPDX-License-Identifier: MIT */
/* NumPy's .npy, versions 1.0 to 3.0 read and 1.0 written (numpy.lib.format). */
#include "formats/private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- the description: a Python dict of three known keys, nothing else of Python ---- */

struct text {
	const char *s, *end;
};

static void blanks(struct text *t)
{
	while (t->s < t->end && (*t->s == ' ' || *t->s == '\n' || *t->s == '\t'))
		t->s++;
}

static bool take(struct text *t, char c)
{
	blanks(t);
	if (t->s == t->end || *t->s != c)
		return false;
	t->s++;
	return true;
}

/* A string without escapes, in either kind of quotes. */
static bool quoted(struct text *t, const char **s, size_t *n)
{
	blanks(t);
	if (t->s == t->end || (*t->s != '\'' && *t->s != '"'))
		return false;
	const char *close = memchr(t->s + 1, *t->s, (size_t)(t->end - t->s - 1));
	if (close == NULL || memchr(t->s + 1, '\\', (size_t)(close - t->s - 1)) != NULL)
		return false;
	*s = t->s + 1;
	*n = (size_t)(close - *s);
	t->s = close + 1;
	return true;
}

static bool word(struct text *t, const char *w)
{
	size_t n = strlen(w);
	blanks(t);
	if ((size_t)(t->end - t->s) < n || memcmp(t->s, w, n) != 0)
		return false;
	t->s += n;
	return true;
}

static bool number(struct text *t, size_t *x)
{
	bool any = false;
	*x = 0;
	blanks(t);
	for (; t->s < t->end && *t->s >= '0' && *t->s <= '9'; t->s++, any = true) {
		if (*x > (SIZE_MAX >> 4) / 10)
			return false;
		*x = *x * 10 + (size_t)(*t->s - '0');
	}
	return any;
}

static int descr(const char *s, size_t n, struct npy *a, struct ser_err *e)
{
	struct text t = {s + 2, s + n};
	static const char *const known = "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1";
	if (n < 3 || n > 12 || memchr("<>|=", s[0], 4) == NULL || !number(&t, &a->size) || t.s != t.end)
		return ser_fail(e, SER_EDATA, "an array of type \"%.*s\", which is none that is read",
				n < 40 ? (int)n : 40, s);
	a->kind = s[1];
	a->swap = s[0] == '>' && a->size > 1;
	if (a->kind == 'U' && a->size <= (SIZE_MAX >> 8)) {
		a->size *= 4;
		return 0;
	}
	char code[3] = {s[1], s[2], '\0'};
	if (a->kind == 'S' || (n == 3 && strstr(known, code) != NULL))
		return 0;
	return ser_fail(e, SER_EDATA, "an array of type \"%.*s\", which is none that is read", (int)n, s);
}

static int shape(struct text *t, struct npy *a)
{
	if (!take(t, '('))
		return -1;
	for (a->ndim = 0; !take(t, ')'); a->ndim++) {
		if (a->ndim == SER_MAX_AXES + 1 || !number(t, &a->shape[a->ndim]))
			return -1;
		t->s += t->s < t->end && *t->s == 'L'; /* a long integer of Python 2 */
		if ((!take(t, ',') && (t->s == t->end || *t->s != ')')))
			return -1;
	}
	return 0;
}

int ser_npy_head(const char *s, size_t n, struct npy *a, struct ser_err *e)
{
	struct text t = {s, s + n};
	unsigned seen = 0;
	*a = (struct npy){0};
	bool ok = take(&t, '{');
	while (ok && !take(&t, '}')) {
		const char *key, *type;
		size_t n_key, n_type;
		ok = quoted(&t, &key, &n_key) && take(&t, ':');
		if (!ok)
			break;
		if (n_key == 5 && memcmp(key, "descr", 5) == 0) {
			if (!quoted(&t, &type, &n_type))
				return ser_fail(e, SER_EDATA, "a structured array, which is not read");
			if (descr(type, n_type, a, e) != 0)
				return e->code;
			ok = !(seen & 1);
			seen |= 1;
		} else if (n_key == 13 && memcmp(key, "fortran_order", 13) == 0) {
			a->fortran = word(&t, "True");
			ok = (a->fortran || word(&t, "False")) && !(seen & 2);
			seen |= 2;
		} else if (n_key == 5 && memcmp(key, "shape", 5) == 0) {
			ok = shape(&t, a) == 0 && !(seen & 4);
			seen |= 4;
		} else {
			ok = false;
		}
		if (ok && !take(&t, ','))
			ok = t.s < t.end && *t.s == '}';
	}
	blanks(&t);
	if (!ok || seen != 7 || t.s != t.end)
		return ser_fail(e, SER_EDATA, "an array whose description is malformed");
	a->n = 1;
	bool zero = false;
	for (int i = 0; i < a->ndim; i++) {
		zero = zero || a->shape[i] == 0;
		if (!ser_mul_ok(a->n, a->shape[i] > 0 ? a->shape[i] : 1, &a->n))
			return ser_fail(e, SER_EDATA, "an array of more elements than can be");
	}
	size_t whole;
	if (!ser_mul_ok(a->n, a->size > 8 ? a->size : 8, &whole))
		return ser_fail(e, SER_EDATA, "an array of more elements than can be");
	if (zero)
		a->n = 0;
	return 0;
}

bool ser_npy_dtype(const struct npy *a, enum ser_dtype *t)
{
	switch (a->kind) {
	case 'f':
		*t = a->size == 2 ? SER_F2 : a->size == 4 ? SER_F4 : SER_F8;
		return true;
	case 'i':
		*t = a->size <= 2 ? SER_I2 : a->size == 4 ? SER_I4 : SER_I8;
		return true;
	case 'u':
		*t = a->size == 1 ? SER_U1 : a->size == 2 ? SER_I4 : SER_I8;
		return true;
	case 'b':
		*t = SER_U1;
		return true;
	default:
		return false;
	}
}

int ser_npy_convert(const struct npy *a, const char *from, size_t n, char *to, struct ser_err *e)
{
	size_t size = a->size;
	enum ser_dtype t = SER_F4;
	ser_npy_dtype(a, &t);
	size_t wide = ser_dtype_size(t);
	if (size == wide && (size == 1 || a->swap == SER_BIG_ENDIAN) && a->kind != 'b' &&
	    !(a->kind == 'u' && size == 8)) {
		if (n > 0 && to != from)
			memcpy(to, from, n * size);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned char b[8] = {0};
		for (size_t k = 0; k < size; k++)
			b[k] = (unsigned char)from[i * size + (a->swap ? size - 1 - k : k)];
		if (a->kind == 'u' && size == 8 && b[7] > 0x7f)
			return ser_fail(e, SER_EDATA, "an unsigned integer beyond 63 bits");
		if (a->kind == 'i' && size < wide && b[size - 1] > 0x7f)
			memset(b + size, 0xff, wide - size);
		if (a->kind == 'b')
			b[0] = b[0] != 0;
		ser_le(b, 1, wide);
		memcpy(to + i * wide, b, wide);
	}
	return 0;
}

void ser_npy_to_c(int ndim, const size_t *shape, size_t size, const char *from, char *to)
{
	size_t at[SER_MAX_AXES + 1] = {0}, step[SER_MAX_AXES + 1], n = 1;
	for (int i = 0; i < ndim; i++) { /* in the order of Fortran the first axis runs fastest */
		step[i] = n;
		n *= shape[i];
	}
	for (size_t k = 0; k < n; k++) {
		size_t src = 0;
		for (int i = 0; i < ndim; i++)
			src += at[i] * step[i];
		memcpy(to + k * size, from + src * size, size);
		for (int i = ndim - 1; i >= 0 && ++at[i] == shape[i]; i--)
			at[i] = 0;
	}
}

int ser_npy_parse(const char *p, size_t n, struct npy *a, size_t *at, struct ser_err *e)
{
	const unsigned char *u = (const unsigned char *)p;
	if (n < 10 || memcmp(p, "\x93NUMPY", 6) != 0)
		return ser_fail(e, SER_EDATA, "not an array of NumPy: its first bytes are others");
	if (u[6] < 1 || u[6] > 3 || u[7] != 0)
		return ser_fail(e, SER_EDATA, "an array of format %d.%d, known are 1.0 to 3.0", u[6], u[7]);
	size_t from = u[6] == 1 ? 10 : 12, len = (size_t)u[8] | (size_t)u[9] << 8;
	if (from == 12 && n >= 12)
		len |= (size_t)u[10] << 16 | (size_t)u[11] << 24;
	if (len > MAX_NPY_HEAD)
		return ser_fail(e, SER_EDATA, "an array whose description has %zu bytes, limit %d", len, MAX_NPY_HEAD);
	if (n < from || n - from < len)
		return ser_fail(e, SER_EDATA, "an array that is cut off in its description");
	*at = from + len;
	return ser_npy_head(p + from, len, a, e);
}

void ser_npy_put_head(struct ser_buf *b, const char *type, int ndim, const size_t *dim)
{
	struct ser_buf h = {0};
	ser_buf_printf(&h, "{'descr': '%s', 'fortran_order': False, 'shape': (", type);
	for (int i = 0; i < ndim; i++)
		ser_buf_printf(&h, i > 0 ? " %zu," : "%zu,", dim[i]);
	if (ndim > 1)
		h.n--; /* a tuple of one has its comma */
	ser_buf_str(&h, "), }");
	while ((h.n + 11) % 64 != 0)
		ser_buf_str(&h, " ");
	ser_buf_str(&h, "\n");
	unsigned char head[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)h.n, (unsigned char)(h.n >> 8)};
	ser_buf_add(b, head, sizeof head);
	ser_buf_add(b, h.s, h.n);
	ser_buf_free(&h);
}

/* ---- reading ---- */

struct reader {
	struct npy a;
	struct ser_buf raw, data;
	size_t row, n_row, row_len; /* stacked; elements of a row */
	struct source ids;
	bool done;
};

static int fail_in_place(struct ser_import *im, struct ser_err *e)
{
	return ser_fail_in(e, "%s", im->in.name);
}

static int begin(struct ser_import *im, struct ser_err *e)
{
	struct reader *p = ser_calloc(1, sizeof *p);
	struct ser_buf *b = &p->raw;
	size_t at;
	im->state = p;
	if (ser_src_append(&im->in, b, 10, e) != 0)
		return e->code;
	if ((unsigned char)b->s[6] > 1 && ser_src_append(&im->in, b, 2, e) != 0)
		return e->code;
	const unsigned char *u = (const unsigned char *)b->s;
	size_t len = (size_t)u[8] | (size_t)u[9] << 8;
	if (b->n == 12)
		len |= (size_t)u[10] << 16 | (size_t)u[11] << 24;
	if (memcmp(b->s, "\x93NUMPY", 6) == 0 && len <= MAX_NPY_HEAD && ser_src_append(&im->in, b, len, e) != 0)
		return e->code;
	enum ser_dtype t;
	if (ser_npy_parse(b->s, b->n, &p->a, &at, e) != 0)
		return fail_in_place(im, e);
	if (!ser_npy_dtype(&p->a, &t))
		return ser_fail(e, SER_EDATA, "%s: an array of strings, expected numbers", im->in.name);
	if (im->o.stack && p->a.ndim == 0)
		return ser_fail(e, SER_EDATA, "%s: an array without axes, expected records along the first",
				im->in.name);
	if (!im->o.stack && p->a.ndim > SER_MAX_AXES)
		return ser_fail(e, SER_EDATA, "%s: an array of %d axes, limit %d", im->in.name, p->a.ndim,
				SER_MAX_AXES);
	p->n_row = im->o.stack ? p->a.shape[0] : 1;
	p->row_len = p->a.n / (p->n_row > 0 ? p->n_row : 1);
	if (p->row_len == 0 && p->n_row > 1 << 20)
		return ser_fail(e, SER_EDATA, "%s: %zu rows without elements", im->in.name, p->n_row);
	size_t size = p->a.size > ser_dtype_size(t) ? p->a.size : ser_dtype_size(t);
	size_t once = (p->a.fortran && p->a.ndim > 1 ? p->a.n : p->row_len) * size;
	if (once > im->o.max_record)
		return ser_fail(e, SER_EDATA, "%s: %zu bytes at once, limit %zu", im->in.name, once, im->o.max_record);
	if (im->o.ids != NULL) {
		int fd = ser_open_regular(im->o.ids, e);
		if (fd < 0)
			return fd;
		if ((p->ids.f = fdopen(fd, "rb")) == NULL)
			return ser_fail(e, SER_EIO, "%s: cannot read: %s", im->o.ids, strerror(errno));
		p->ids.name = im->o.ids;
	}
	/* In the order of Fortran a row is spread over the whole array. */
	p->raw.n = 0;
	if (p->a.fortran && p->a.ndim > 1) {
		struct ser_buf f = {0};
		if (ser_src_append(&im->in, &f, p->a.n * p->a.size, e) != 0) {
			ser_buf_free(&f);
			return e->code;
		}
		ser_buf_reserve(&p->raw, f.n + 1);
		ser_npy_to_c(p->a.ndim, p->a.shape, p->a.size, f.s, p->raw.s);
		ser_buf_free(&f);
	}
	return 0;
}

static int stacked_id(struct ser_import *im, struct ser_record *r, struct ser_err *e)
{
	struct reader *p = im->state;
	char text[32];
	if (im->o.ids == NULL) {
		snprintf(text, sizeof text, "%zu", p->row);
		ser_record_set(r, "id", ser_str(text));
		return 0;
	}
	int rc = ser_src_line(&p->ids, MAX_KEY, e);
	if (rc == 0)
		return ser_fail(e, SER_EDATA, "%s: %zu ids, and the array has %zu rows", im->o.ids, p->row, p->n_row);
	if (rc > 0 && p->ids.text.n == 0)
		return ser_line_fail(&p->ids, e, "an empty id");
	if (rc > 0)
		ser_record_set(r, "id", ser_strn(p->ids.text.s, p->ids.text.n));
	return rc < 0 ? rc : 0;
}

static int next(struct ser_import *im, struct ser_record *r, struct ser_err *e)
{
	struct reader *p = im->state;
	enum ser_dtype t = SER_F4;
	if (p->row == p->n_row) {
		if (ser_src_getc(&im->in) != EOF)
			return ser_src_fail(&im->in, e, "more than the array's elements");
		if (p->ids.f != NULL) {
			int more = ser_src_line(&p->ids, MAX_KEY, e);
			if (more > 0)
				return ser_line_fail(&p->ids, e, "more ids than the array's %zu rows", p->n_row);
			return more;
		}
		return 0;
	}
	const char *raw = p->raw.s;
	if (p->a.fortran && p->a.ndim > 1) {
		raw += p->row * p->row_len * p->a.size;
	} else {
		p->raw.n = 0;
		ser_buf_reserve(&p->raw, 1);
		if (ser_src_append(&im->in, &p->raw, p->row_len * p->a.size, e) != 0)
			return e->code;
		raw = p->raw.s;
	}
	ser_npy_dtype(&p->a, &t);
	p->data.n = 0;
	ser_buf_reserve(&p->data, p->row_len * ser_dtype_size(t) + 1);
	if (ser_npy_convert(&p->a, raw, p->row_len, p->data.s, e) != 0)
		return fail_in_place(im, e);
	if (im->o.stack) {
		if (stacked_id(im, r, e) != 0)
			return e->code;
	} else {
		ser_import_stem(im, r);
	}
	ser_record_set(r, im->o.tensor, ser_tensor(t, p->data.s, p->a.ndim - im->o.stack, p->a.shape + im->o.stack));
	p->row++;
	return 1;
}

static void end(struct ser_import *im)
{
	struct reader *p = im->state;
	if (p->ids.f != NULL)
		fclose(p->ids.f);
	ser_buf_free(&p->ids.text);
	ser_buf_free(&p->raw);
	ser_buf_free(&p->data);
	free(p);
}

/* ---- writing ---- */

/* A stack's elements wait in a spool until it is known how many there are. */
struct stack {
	struct ser_spool *spool;
	enum ser_dtype dtype;
	int ndim;
	size_t shape[SER_MAX_AXES + 1]; /* [0] unused until the end */
};

static int start(struct ser_export *ex, struct ser_err *e)
{
	struct stack *p = ser_calloc(1, sizeof *p);
	ex->state = p;
	if (!ex->o.stack)
		return 0;
	if (ex->o.ids != NULL && ser_outfile_open(&ex->side, ex->o.ids, e) != 0)
		return e->code;
	p->spool = ser_spool_new(e);
	return p->spool != NULL ? 0 : e->code;
}

static int add(struct ser_export *ex, const struct ser_record *r, const struct ser_tensor *t, struct ser_err *e)
{
	struct stack *p = ex->state;
	const struct ser_val *id = ser_record_get(r, "id");
	if (ex->n == 0) {
		if (t->ndim > SER_MAX_AXES - 1)
			return ser_record_fail(r, e, SER_EDATA, "a tensor of %d axes cannot be stacked", t->ndim);
		p->dtype = t->dtype;
		p->ndim = t->ndim;
		for (int i = 0; i < t->ndim; i++)
			p->shape[i + 1] = t->shape[i];
	}
	bool same = p->dtype == t->dtype && p->ndim == t->ndim;
	for (int i = 0; same && i < t->ndim; i++)
		same = t->shape[i] == p->shape[i + 1];
	if (!same) {
		struct ser_val a = {.kind = SER_TENSOR, .u.t = *t}, b = {.kind = SER_TENSOR};
		char what[128], first[128];
		b.u.t = *t;
		b.u.t.dtype = p->dtype;
		b.u.t.ndim = p->ndim;
		memcpy(b.u.t.shape, p->shape + 1, (size_t)p->ndim * sizeof p->shape[0]);
		return ser_record_fail(r, e, SER_EDATA, "a %s, and the first record has a %s: only equal shapes stack",
				       ser_val_what(&a, what), ser_val_what(&b, first));
	}
	if (ex->side.f != NULL) {
		if (memchr(id->u.str.s, '\n', id->u.str.n) != NULL || memchr(id->u.str.s, '\r', id->u.str.n) != NULL)
			return ser_record_fail(r, e, SER_EDATA, "this id holds a line end");
		if (ser_export_bytes(ex, ex->side.f, id->u.str.s, id->u.str.n, e) != 0 ||
		    ser_export_bytes(ex, ex->side.f, "\n", 1, e) != 0)
			return e->code;
	}
	struct ser_buf own = {0};
	int rc = ser_spool_add(p->spool, ser_le_copy(&own, t->data, ser_tensor_len(t), ser_dtype_size(t->dtype)),
			       ser_tensor_size(t), e);
	ser_buf_free(&own);
	return rc;
}

static int put(struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	const struct ser_tensor *t = ser_export_tensor(ex, r, e);
	struct ser_buf head = {0}, own = {0};
	if (t == NULL)
		return e->code;
	if (ex->o.stack)
		return add(ex, r, t, e);
	int rc = ser_export_open(ex, r, e);
	if (rc != 0)
		return rc;
	ser_npy_put_head(&head, ser_dtype_str(t->dtype), t->ndim, t->shape);
	rc = ser_export_bytes(ex, ex->f, head.s, head.n, e);
	if (rc == 0)
		rc = ser_export_bytes(ex, ex->f,
				      ser_le_copy(&own, t->data, ser_tensor_len(t), ser_dtype_size(t->dtype)),
				      ser_tensor_size(t), e);
	ser_buf_free(&own);
	ser_buf_free(&head);
	int closed = ser_export_close(ex, rc == 0 ? e : NULL);
	return rc != 0 ? rc : closed;
}

static int finish(struct ser_export *ex, struct ser_err *e)
{
	struct stack *p = ex->state;
	struct ser_spool_walk w;
	struct ser_buf head = {0};
	const char *s;
	size_t n;
	if (!ex->o.stack)
		return 0;
	p->shape[0] = ex->n;
	if (ex->n == 0)
		p->ndim = 0; /* [0]: nothing is known of the records */
	ser_npy_put_head(&head, ser_dtype_str(p->dtype), p->ndim + 1, p->shape);
	int rc = ser_export_bytes(ex, ex->f, head.s, head.n, e);
	ser_buf_free(&head);
	if (rc == 0)
		rc = ser_spool_walk(&w, p->spool, 0, ser_spool_size(p->spool), 0, e);
	if (rc == 0) {
		while ((rc = ser_spool_next(&w, &s, &n, e)) > 0 && (rc = ser_export_bytes(ex, ex->f, s, n, e)) == 0)
			;
		ser_spool_walk_end(&w);
	}
	return rc;
}

static void drop(struct ser_export *ex)
{
	struct stack *p = ex->state;
	if (p == NULL)
		return;
	ser_spool_free(p->spool);
	free(p);
}

const struct ser_format ser_format_npy = {
	"npy",      "NumPy arrays, one a record in a directory, or stacked in one file",
	FORMAT_DIR, ".npy",
	begin,      next,
	end,        start,
	put,        finish,
	drop};
