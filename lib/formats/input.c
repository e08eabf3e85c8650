/* SPDX-License-Identifier: MIT */
/* Files being read, and numbers as text. */
#include "formats/private.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int ser_src_getc(struct source *s)
{
	int c = getc_unlocked(s->f);
	s->at += c != EOF;
	return c;
}

int ser_src_peek(struct source *s)
{
	int c = getc_unlocked(s->f);
	if (c != EOF)
		ungetc(c, s->f);
	return c;
}

int ser_src_bad(struct source *s, struct ser_err *e)
{
	if (!ferror(s->f))
		return 0;
	return ser_fail(e, SER_EIO, "%s: read failed: %s", s->name, strerror(errno));
}

static int cut_off(struct source *s, size_t n, struct ser_err *e)
{
	if (ser_src_bad(s, e) != 0)
		return e->code;
	return ser_fail(e, SER_EDATA, "%s: cut off at byte %" PRIu64 ", %zu more expected", s->name, s->at, n);
}

int ser_src_get(struct source *s, void *p, size_t n, struct ser_err *e)
{
	size_t got = fread(p, 1, n, s->f);
	s->at += got;
	return got == n ? 0 : cut_off(s, n - got, e);
}

int ser_src_append(struct source *s, struct ser_buf *b, size_t n, struct ser_err *e)
{
	for (size_t piece = 1 << 20; n > 0; n -= piece) { /* a length that lies costs no memory */
		piece = n < piece ? n : piece;
		ser_buf_reserve(b, piece);
		size_t got = fread(b->s + b->n, 1, piece, s->f);
		b->n += got;
		s->at += got;
		if (got < piece)
			return cut_off(s, n - got, e);
	}
	return 0;
}

static int fail_at(struct ser_err *e, const char *place, const char *fmt, va_list ap)
{
	char text[800];
	vsnprintf(text, sizeof text, fmt, ap);
	return ser_fail(e, SER_EDATA, "%s: %s", place, text);
}

int ser_src_fail(struct source *s, struct ser_err *e, const char *fmt, ...)
{
	char place[400];
	va_list ap;
	snprintf(place, sizeof place, "%.300s: byte %" PRIu64, s->name, s->at);
	va_start(ap, fmt);
	int rc = fail_at(e, place, fmt, ap);
	va_end(ap);
	return rc;
}

int ser_line_fail(struct source *s, struct ser_err *e, const char *fmt, ...)
{
	char place[400];
	va_list ap;
	snprintf(place, sizeof place, "%.300s:%" PRIu64, s->name, s->line);
	va_start(ap, fmt);
	int rc = fail_at(e, place, fmt, ap);
	va_end(ap);
	return rc;
}

int ser_line_cut(struct source *s, struct ser_err *e)
{
	return ser_line_fail(s, e,
			     "the last line does not end in a newline: the file was cut off; if it is whole, add one");
}

int ser_src_line(struct source *s, size_t max, struct ser_err *e)
{
	struct ser_buf *b = &s->text;
	int c;
	b->n = 0;
	s->line++;
	while ((c = ser_src_getc(s)) != EOF && c != '\n') {
		if (b->n == max)
			return ser_line_fail(s, e, "line longer than %zu bytes", max);
		if (b->n + 1 >= b->cap)
			ser_buf_reserve(b, b->n + 1024);
		b->s[b->n++] = (char)c;
	}
	if (ser_src_bad(s, e) != 0)
		return e->code;
	if (c == EOF && b->n == 0)
		return 0;
	if (c == EOF && !s->own_end)
		return ser_line_cut(s, e);
	if (b->n > 0 && b->s[b->n - 1] == '\r')
		b->n--;
	size_t bom = s->line == 1 ? ser_utf8_bom(b->s, b->n) : 0;
	if (bom > 0)
		memmove(b->s, b->s + bom, b->n -= bom);
	ser_buf_reserve(b, 1);
	b->s[b->n] = '\0';
	if (!ser_utf8_ok(b->s, b->n))
		return ser_line_fail(s, e, "not UTF-8 text");
	return 1;
}

/* ---- numbers ---- */

void ser_put_element(struct ser_buf *b, const struct ser_tensor *t, size_t i)
{
	char num[32];
	double x = ser_tensor_real(t, i);
	if (t->dtype == SER_I8) {
		int64_t k;
		memcpy(&k, (const char *)t->data + i * sizeof k, sizeof k);
		ser_buf_printf(b, "%" PRId64, k);
	} else if (t->dtype == SER_I2 || t->dtype == SER_I4 || t->dtype == SER_U1) {
		ser_buf_printf(b, "%.0f", x);
	} else if (t->dtype == SER_F8) {
		ser_buf_str(b, ser_format_real(x, num));
	} else { /* float has half's numbers, too */
		ser_buf_str(b, ser_format_float((float)x, num));
	}
}

/* A number's text in out, which strtod() takes as a whole; hexadecimal and its other extras are not numbers here. */
static bool plain(const char *s, size_t n, char *out, size_t size)
{
	if (n == 0 || n >= size)
		return false;
	size_t sign = s[0] == '-' || s[0] == '+';
	bool digit = n > sign && ((s[sign] >= '0' && s[sign] <= '9') || s[sign] == '.');
	for (size_t i = sign; digit && i < n; i++)
		if (strchr("0123456789.eE+-", s[i]) == NULL)
			return false;
	memcpy(out, s, n);
	out[n] = '\0';
	return digit || strcasecmp(out + sign, "nan") == 0 || strcasecmp(out + sign, "inf") == 0 ||
	       strcasecmp(out + sign, "infinity") == 0;
}

bool ser_text_real(const char *s, size_t n, double *x)
{
	char buf[400], *end;
	if (!plain(s, n, buf, sizeof buf))
		return false;
	*x = strtod(buf, &end);
	return end == buf + n;
}

bool ser_text_f4(const char *s, size_t n, float *x)
{
	char buf[400], *end;
	if (!plain(s, n, buf, sizeof buf))
		return false;
	*x = strtof(buf, &end);
	return end == buf + n;
}

bool ser_text_int(const char *s, size_t n, int64_t *i)
{
	char buf[32];
	if (n == 0 || n >= sizeof buf || memchr(s, '\0', n) != NULL)
		return false;
	memcpy(buf, s, n);
	buf[n] = '\0';
	return strspn(buf, "+-0123456789") == n && ser_parse_int(buf, INT64_MIN, INT64_MAX, i, NULL) == 0;
}
