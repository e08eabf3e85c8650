/* SPDX-License-Identifier: MIT */
/* Kaldi's archives of float and double vectors and matrices and of integer vectors, binary and text; compressed matrices,
 * read only; and scp files, which index archives. After matrix/kaldi-matrix.cc, matrix/compressed-matrix.cc and
 * util/kaldi-table-inl.h of Kaldi: what is here is the format, none of the code. */
#include "formats/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

struct reader {
	struct ser_buf data, raw;
	struct source ark; /* scp: the archive at hand */
	char *ark_path;
};

static uint32_t le32(const unsigned char *u)
{
	return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

static unsigned le16(const unsigned char *u)
{
	return (unsigned)u[0] | (unsigned)u[1] << 8;
}

static float le_float(const unsigned char *u)
{
	uint32_t bits = le32(u);
	float x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

/* An integer of four bytes behind its length, as Kaldi writes them all. */
static int get_int(struct source *s, size_t *n, struct ser_err *e)
{
	unsigned char b[5];
	if (ser_src_get(s, b, sizeof b, e) != 0)
		return e->code;
	uint32_t x = le32(b + 1);
	if (b[0] != 4 || x > INT32_MAX)
		return ser_src_fail(s, e, "expected a size, an integer of 4 bytes");
	*n = x;
	return 0;
}

static int check_size(struct source *s, size_t rows, size_t cols, size_t size, size_t max, size_t *n, struct ser_err *e)
{
	size_t bytes;
	if (!ser_mul_ok(rows, cols, n) || !ser_mul_ok(*n, size, &bytes) || bytes > max)
		return ser_src_fail(s, e, "a matrix of %zu by %zu elements, limit %zu bytes", rows, cols, max);
	return 0;
}

static float section(const float *q, unsigned v)
{
	if (v <= 64)
		return q[0] + (q[1] - q[0]) * (float)v * (1 / 64.0F);
	if (v <= 192)
		return q[1] + (q[2] - q[1]) * (float)(v - 64) * (1 / 128.0F);
	return q[2] + (q[3] - q[2]) * (float)(v - 192) * (1 / 63.0F);
}

/* Matrices of 8 or 16 bits an element. CM: bytes by column, each column with four quantiles between which the bytes run
 * linearly, in the sections [0,64], (64,192], (192,255]; CM2, CM3: 16 and 8 bits by row over the whole range. */
static int compressed(struct source *s, struct reader *p, const char *token, size_t max, size_t *shape,
		      struct ser_err *e)
{
	unsigned char h[16];
	size_t n;
	if (ser_src_get(s, h, sizeof h, e) != 0)
		return e->code;
	float min = le_float(h), range = le_float(h + 4);
	size_t rows = le32(h + 8), cols = le32(h + 12), size = strcmp(token, "CM2") == 0 ? 2 : 1;
	if (rows > INT32_MAX || cols > INT32_MAX || (rows == 0) != (cols == 0))
		return ser_src_fail(s, e, "a compressed matrix of %zu by %zu", rows, cols);
	if (check_size(s, rows, cols, sizeof(float), max, &n, e) != 0)
		return e->code;
	shape[0] = rows;
	shape[1] = cols;
	p->raw.n = 0;
	bool by_column = strcmp(token, "CM") == 0;
	size_t heads = by_column ? 8 * cols : 0;
	ser_buf_reserve(&p->raw, 1);
	if (ser_src_append(s, &p->raw, heads, e) != 0 || ser_src_append(s, &p->raw, n * size, e) != 0)
		return e->code;
	ser_buf_reserve(&p->data, n * sizeof(float) + 1);
	const unsigned char *head = (const unsigned char *)p->raw.s, *v = head + heads;
	for (size_t j = 0; by_column && j < cols; j++) {
		float q[4];
		for (int k = 0; k < 4; k++)
			q[k] = min + range * 1.52590218966964e-05F * (float)le16(head + 8 * j + 2 * (size_t)k);
		for (size_t i = 0; i < rows; i++) {
			float x = section(q, v[j * rows + i]);
			memcpy(p->data.s + (i * cols + j) * sizeof x, &x, sizeof x);
		}
	}
	for (size_t i = 0; !by_column && i < n; i++) {
		float step = size == 2 ? range * (1 / 65535.0F) : range * (1 / 255.0F);
		float x = min + step * (float)(size == 2 ? le16(v + 2 * i) : v[i]);
		memcpy(p->data.s + i * sizeof x, &x, sizeof x);
	}
	return 0;
}

/* What stands behind "\0B". */
static int binary(struct source *s, struct reader *p, size_t max, struct ser_val *out, struct ser_err *e)
{
	char token[8] = "";
	size_t shape[2], n, len = 0;
	p->data.n = 0;
	ser_buf_reserve(&p->data, 1);
	if (ser_src_peek(s) == 4) { /* integers, each behind its length */
		if (get_int(s, &n, e) != 0 || check_size(s, n, 1, 5, max, shape, e) != 0)
			return e->code;
		p->raw.n = 0;
		ser_buf_reserve(&p->raw, 1);
		if (ser_src_append(s, &p->raw, 5 * n, e) != 0)
			return e->code;
		for (size_t i = 0; i < n; i++) {
			if (p->raw.s[5 * i] != 4)
				return ser_src_fail(s, e, "integers that are not of 4 bytes");
			ser_buf_add(&p->data, p->raw.s + 5 * i + 1, 4);
		}
		ser_le(p->data.s, n, 4);
		*out = ser_tensor(SER_I4, p->data.s, 1, &n);
		return 0;
	}
	for (int c; len < sizeof token - 1 && (c = ser_src_getc(s)) != ' ' && c != EOF; len++)
		token[len] = (char)c;
	token[len] = '\0';
	if (strcmp(token, "CM") == 0 || strcmp(token, "CM2") == 0 || strcmp(token, "CM3") == 0) {
		if (compressed(s, p, token, max, shape, e) != 0)
			return e->code;
		*out = ser_tensor(SER_F4, p->data.s, 2, shape);
		return 0;
	}
	bool vector = len == 2 && token[1] == 'V', matrix = len == 2 && token[1] == 'M';
	if ((!vector && !matrix) || (token[0] != 'F' && token[0] != 'D')) {
		if (ser_src_bad(s, e) != 0)
			return e->code;
		return ser_src_fail(
			s, e, "an object of Kaldi's type \"%s\"; read are FM DM FV DV CM CM2 CM3 and integers", token);
	}
	enum ser_dtype t = token[0] == 'F' ? SER_F4 : SER_F8;
	shape[1] = 1;
	if (get_int(s, &shape[0], e) != 0 || (matrix && get_int(s, &shape[1], e) != 0))
		return e->code;
	if (matrix && (shape[0] == 0) != (shape[1] == 0))
		return ser_src_fail(s, e, "a matrix of %zu by %zu", shape[0], shape[1]);
	if (check_size(s, shape[0], shape[1], ser_dtype_size(t), max, &n, e) != 0 ||
	    ser_src_append(s, &p->data, n * ser_dtype_size(t), e) != 0)
		return e->code;
	ser_le(p->data.s, n, ser_dtype_size(t));
	*out = ser_tensor(t, p->data.s, matrix ? 2 : 1, shape);
	return 0;
}

/* The next word of a text object in s->text; 1, or 0 at a line's end, which is taken, or <0. */
static int text_word(struct source *s, struct ser_err *e)
{
	int c;
	s->text.n = 0;
	ser_buf_reserve(&s->text, 512);
	while ((c = ser_src_getc(s)) == ' ' || c == '\t' || c == '\r')
		;
	if (c == '\n' || c == EOF)
		return ser_src_bad(s, e);
	for (; c != EOF && c != ' ' && c != '\t' && c != '\n' && c != '\r'; c = ser_src_getc(s)) {
		if (s->text.n == 400)
			return ser_src_fail(s, e, "a word of more than 400 bytes, expected a number");
		s->text.s[s->text.n++] = (char)c;
	}
	if (c == '\n') {
		ungetc(c, s->f);
		s->at--;
	}
	s->text.s[s->text.n] = '\0';
	return ser_src_bad(s, e) != 0 ? e->code : 1;
}

/* "[ 1 2 3 ]", "[\n 1 2\n 3 4 ]", or integers up to the line's end. */
static int text(struct source *s, struct reader *p, size_t max, struct ser_val *out, struct ser_err *e)
{
	size_t shape[2] = {0, 0}, row = 0;
	int rc = text_word(s, e);
	bool matrix = false, first = true;
	p->data.n = 0;
	ser_buf_reserve(&p->data, 1);
	if (rc < 0)
		return rc;
	if (rc == 0 || strcmp(s->text.s, "[") != 0) {
		for (; rc > 0; rc = text_word(s, e)) {
			int64_t i;
			if (!ser_text_int(s->text.s, s->text.n, &i) || i < INT32_MIN || i > INT32_MAX)
				return ser_src_fail(s, e, "\"%.40s\": expected \"[\" or integers of 32 bits",
						    s->text.s);
			int32_t x = (int32_t)i;
			if (p->data.n + sizeof x > max)
				return ser_src_fail(s, e, "more than %zu bytes", max);
			ser_buf_add(&p->data, &x, sizeof x);
			shape[0]++;
		}
		*out = ser_tensor(SER_I4, p->data.s, 1, shape);
		return rc == 0 && feof(s->f) ? ser_src_fail(s, e, "cut off before the line's end") : rc;
	}
	for (;;) {
		rc = text_word(s, e);
		if (rc < 0)
			return rc;
		if (rc == 0) {
			if (ser_src_peek(s) == EOF)
				return ser_src_bad(s, e) != 0 ? e->code : ser_src_fail(s, e, "cut off before \"]\"");
			matrix = true;
		}
		bool close = rc > 0 && strcmp(s->text.s, "]") == 0;
		if ((rc == 0 || close) && row > 0) {
			if (!first && row != shape[1])
				return ser_src_fail(s, e, "a row of %zu elements, the first has %zu", row, shape[1]);
			shape[1] = row;
			shape[0]++;
			row = 0;
			first = false;
		}
		if (close)
			break;
		if (rc == 0)
			continue;
		float x;
		if (!ser_text_f4(s->text.s, s->text.n, &x))
			return ser_src_fail(s, e, "\"%.40s\" is no number", s->text.s);
		if (p->data.n + sizeof x > max)
			return ser_src_fail(s, e, "more than %zu bytes", max);
		ser_buf_add(&p->data, &x, sizeof x);
		row++;
	}
	if (!matrix)
		shape[0] = shape[1];
	*out = ser_tensor(SER_F4, p->data.s, matrix ? 2 : 1, shape);
	int c = ser_src_getc(s);
	while (c == ' ' || c == '\r')
		c = ser_src_getc(s);
	return c == '\n' || c == EOF ? 0 : ser_src_fail(s, e, "expected a line's end after \"]\"");
}

static int value(struct source *s, struct reader *p, size_t max, struct ser_val *out, struct ser_err *e)
{
	if (ser_src_peek(s) != '\0')
		return text(s, p, max, out, e);
	ser_src_getc(s);
	if (ser_src_getc(s) != 'B')
		return ser_src_bad(s, e) != 0 ? e->code
					      : ser_src_fail(s, e, "neither Kaldi's text nor its binary form");
	return binary(s, p, max, out, e);
}

static int begin(struct ser_import *im, struct ser_err *e)
{
	(void)e;
	im->state = ser_calloc(1, sizeof(struct reader));
	return 0;
}

static int next(struct ser_import *im, struct ser_record *r, struct ser_err *e)
{
	struct reader *p = im->state;
	struct source *s = &im->in;
	struct ser_val v;
	int c;
	do
		c = ser_src_getc(s);
	while (c == '\n' || c == '\r');
	if (c == EOF)
		return ser_src_bad(s, e);
	s->text.n = 0;
	bool first = s->at == 1;
	for (; c != EOF && c != ' ' && c != '\t' && c != '\n'; c = ser_src_getc(s)) {
		char byte = (char)c;
		if (s->text.n == MAX_KEY)
			return ser_src_fail(s, e, "a key of more than %d bytes: is this an archive?", MAX_KEY);
		ser_buf_add(&s->text, &byte, 1);
	}
	if (ser_src_bad(s, e) != 0)
		return e->code;
	if (c == '\n' || c == EOF)
		return ser_src_fail(s, e, "a key without a value");
	size_t bom = first ? ser_utf8_bom(s->text.s, s->text.n) : 0;
	const char *key = s->text.n > 0 ? s->text.s + bom : "";
	if (ser_import_id(im, r, key, s->text.n - bom, e) != 0)
		return e->code;
	if (ser_src_peek(s) == EOF) /* an empty vector has its line's end */
		return ser_src_bad(s, e) != 0
			       ? e->code
			       : ser_src_fail(s, e, "key \"%.100s\": cut off behind it", ser_record_id(r));
	if (value(s, p, im->o.max_record, &v, e) != 0)
		return ser_fail_in(e, "key \"%.100s\"", ser_record_id(r));
	ser_record_set(r, im->o.tensor, v);
	return 1;
}

static void close_ark(struct reader *p)
{
	if (p->ark.f != NULL)
		fclose(p->ark.f);
	ser_buf_free(&p->ark.text);
	free(p->ark_path);
	p->ark = (struct source){0};
	p->ark_path = NULL;
}

static int scp_next(struct ser_import *im, struct ser_record *r, struct ser_err *e)
{
	struct reader *p = im->state;
	struct source *s = &im->in;
	struct ser_val v;
	int64_t at = 0;
	int rc;
	do
		rc = ser_src_line(s, 1 << 16, e);
	while (rc > 0 && s->text.n == 0);
	if (rc <= 0)
		return rc;
	char *key = s->text.s, *path = key + strcspn(key, " \t");
	size_t n_key = (size_t)(path - key), n;
	path += strspn(path, " \t");
	n = strlen(path);
	while (n > 0 && (path[n - 1] == ' ' || path[n - 1] == '\t'))
		path[--n] = '\0';
	if (n_key == 0 || n == 0)
		return ser_line_fail(s, e, "expected a key and a file");
	if (path[n - 1] == '|' || path[0] == '|')
		return ser_line_fail(s, e, "\"%.100s\" is a command, which is not run", path);
	if (path[n - 1] == ']')
		return ser_line_fail(s, e, "\"%.100s\" is a part of a matrix, which is not read", path);
	char *colon = strrchr(path, ':');
	if (colon != NULL && ser_text_int(colon + 1, strlen(colon + 1), &at) && at >= 0)
		*colon = '\0';
	else
		at = 0;
	if (ser_import_id(im, r, key, n_key, e) != 0)
		return e->code;
	if (p->ark_path == NULL || strcmp(p->ark_path, path) != 0) {
		close_ark(p);
		p->ark_path = ser_strdup(path);
		p->ark.name = p->ark_path;
		int fd = ser_open_regular(path, e);
		if (fd < 0)
			return ser_fail_in(e, "%s:%llu", s->name, (unsigned long long)s->line);
		p->ark.f = fdopen(fd, "rb");
	}
	if (p->ark.f == NULL || fseeko(p->ark.f, (off_t)at, SEEK_SET) != 0)
		return ser_fail(e, SER_EIO, "%s:%llu: %s: cannot go to the offset: %s", s->name,
				(unsigned long long)s->line, path, strerror(errno));
	p->ark.at = (uint64_t)at;
	if (ser_src_peek(&p->ark) == EOF)
		return ser_src_bad(&p->ark, e) != 0
			       ? e->code
			       : ser_line_fail(s, e, "%s ends before the offset %lld", path, (long long)at);
	if (value(&p->ark, p, im->o.max_record, &v, e) != 0)
		return ser_fail_in(e, "%s:%llu", s->name, (unsigned long long)s->line);
	ser_record_set(r, im->o.tensor, v);
	return 1;
}

static void end(struct ser_import *im)
{
	struct reader *p = im->state;
	close_ark(p);
	ser_buf_free(&p->data);
	ser_buf_free(&p->raw);
	free(p);
}

/* ---- writing ---- */

struct writer {
	uint64_t at; /* bytes of the archive so far */
	struct ser_buf b;
};

static int start(struct ser_export *ex, struct ser_err *e)
{
	struct writer *w = ser_calloc(1, sizeof *w);
	ex->state = w;
	if (ex->o.scp == NULL)
		return 0;
	if (ex->path == NULL)
		return ser_fail(e, SER_EUSAGE, "--scp points into the archive's file: name it with -o");
	return ser_outfile_open(&ex->side, ex->o.scp, e);
}

static void put_int(struct ser_buf *b, size_t x)
{
	unsigned char u[5] = {4, (unsigned char)x, (unsigned char)(x >> 8), (unsigned char)(x >> 16),
			      (unsigned char)(x >> 24)};
	ser_buf_add(b, u, sizeof u);
}

static void put_binary(struct ser_buf *b, const struct ser_tensor *t, enum ser_dtype as)
{
	size_t n = ser_tensor_len(t), size = ser_dtype_size(as);
	ser_buf_add(b, "\0B", 2);
	if (as == SER_I4) {
		put_int(b, t->shape[0]);
		for (size_t i = 0; i < n; i++)
			put_int(b, (uint32_t)(int32_t)ser_tensor_real(t, i));
		return;
	}
	char token[4] = {as == SER_F4 ? 'F' : 'D', t->ndim == 1 ? 'V' : 'M', ' ', '\0'};
	ser_buf_str(b, token);
	for (int i = 0; i < t->ndim; i++)
		put_int(b, t->shape[i]);
	if (t->dtype == as) {
		ser_buf_add_le(b, t->data, n, size);
		return;
	}
	for (size_t i = 0; i < n; i++) { /* half, which float holds */
		float x = (float)ser_tensor_real(t, i);
		ser_buf_add_le(b, &x, 1, sizeof x);
	}
}

static void put_text(struct ser_buf *b, const struct ser_tensor *t)
{
	size_t rows = t->ndim == 2 ? t->shape[0] : 1, cols = t->shape[t->ndim - 1];
	bool whole = t->dtype != SER_F4 && t->dtype != SER_F8 && t->dtype != SER_F2;
	ser_buf_str(b, whole ? "" : " [");
	for (size_t i = 0; i < rows; i++) {
		if (t->ndim == 2)
			ser_buf_str(b, "\n ");
		for (size_t k = 0; k < cols; k++) {
			if (!(whole && k == 0))
				ser_buf_str(b, " ");
			ser_put_element(b, t, i * cols + k);
		}
	}
	ser_buf_str(b, whole ? "\n" : " ]\n");
}

static int put(struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	struct writer *w = ex->state;
	const struct ser_val *id = ser_record_get(r, "id");
	const struct ser_tensor *t = ser_export_tensor(ex, r, e);
	bool as_text = ex->fmt == &ser_format_ark_t;
	if (t == NULL)
		return e->code;
	bool real = t->dtype == SER_F4 || t->dtype == SER_F8 || t->dtype == SER_F2;
	if (t->ndim < 1 || t->ndim > (real ? 2 : 1) || t->dtype == SER_I8) {
		struct ser_val v = {.kind = SER_TENSOR, .u.t = *t};
		char what[128];
		return ser_record_fail(r, e, SER_EDATA,
				       "%s: Kaldi has vectors and matrices of floats and vectors of 32-bit integers",
				       ser_val_what(&v, what));
	}
	for (size_t i = 0; i < id->u.str.n; i++)
		if (strchr(" \t\n\r\v\f", id->u.str.s[i]) != NULL)
			return ser_record_fail(r, e, SER_EDATA, "a key of Kaldi has no white space, and this id has");
	for (int i = 0; i < t->ndim; i++)
		if (t->shape[i] > INT32_MAX)
			return ser_record_fail(r, e, SER_EDATA, "an axis of %zu", t->shape[i]);
	/* Kaldi's empty matrix has neither rows nor columns. */
	struct ser_tensor whole = *t;
	if (t->ndim == 2 && (t->shape[0] == 0 || t->shape[1] == 0))
		whole.shape[0] = whole.shape[1] = 0;
	w->b.n = 0;
	ser_buf_add(&w->b, id->u.str.s, id->u.str.n);
	ser_buf_str(&w->b, " ");
	uint64_t at = w->at + w->b.n;
	if (as_text)
		put_text(&w->b, &whole);
	else
		put_binary(&w->b, &whole, !real ? SER_I4 : t->dtype == SER_F8 ? SER_F8 : SER_F4);
	w->at += w->b.n;
	int rc = ser_export_bytes(ex, ex->f, w->b.s, w->b.n, e);
	if (rc != 0 || ex->side.f == NULL)
		return rc;
	w->b.n = 0;
	ser_buf_printf(&w->b, "%.*s %s:%llu\n", (int)id->u.str.n, id->u.str.s, ex->path, (unsigned long long)at);
	return ser_export_bytes(ex, ex->side.f, w->b.s, w->b.n, e);
}

static void drop(struct ser_export *ex)
{
	struct writer *w = ex->state;
	if (w == NULL)
		return;
	ser_buf_free(&w->b);
	free(w);
}

const struct ser_format ser_format_ark = {
	"ark", "Kaldi archive, binary (reading: or text)", FORMAT_BARE, "", begin, next, end, start, put, NULL, drop};
const struct ser_format ser_format_ark_t = {"ark,t",
					    "Kaldi archive, text (reading: or binary)",
					    FORMAT_TEXT | FORMAT_BARE,
					    "",
					    begin,
					    next,
					    end,
					    start,
					    put,
					    NULL,
					    drop};
const struct ser_format ser_format_scp = {"scp",
					  "Kaldi script file, an index of archives; read only",
					  FORMAT_TEXT | FORMAT_BARE,
					  "",
					  begin,
					  scp_next,
					  end,
					  NULL,
					  NULL,
					  NULL,
					  NULL};
