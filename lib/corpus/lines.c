/* SPDX-License-Identifier: MIT */
#include "corpus/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { MAX_LINE = 16 << 20 };

int ser_lines_open(struct lines *l, const char *path, struct ser_err *e)
{
	bool in = strcmp(path, "-") == 0;
	*l = (struct lines){.name = ser_strdup(in ? "<stdin>" : path)};
	int fd = in ? dup(0) : ser_open_regular(path, e);
	l->gz = fd >= 0 ? gzdopen(fd, "rb") : NULL;
	if (l->gz != NULL)
		return 0;
	int rc = fd < 0 && !in ? fd : ser_fail(e, SER_EIO, "%s: cannot open: %s", l->name, strerror(errno));
	if (fd >= 0)
		close(fd);
	ser_lines_close(l);
	return rc;
}

int ser_lines_next(struct lines *l, struct ser_err *e)
{
	struct ser_buf *b = &l->line;
	b->n = 0;
	l->at++;
	for (;;) {
		ser_buf_reserve(b, 65536);
		errno = 0;
		bool got = gzgets(l->gz, b->s + b->n, 65536) != NULL;
		int zerr = Z_OK;
		const char *why = gzerror(l->gz, &zerr);
		if (zerr != Z_OK && zerr != Z_STREAM_END)
			return ser_fail(e, zerr == Z_ERRNO ? SER_EIO : SER_EDATA, "%s:%zu: read failed: %s", l->name,
					l->at, zerr == Z_ERRNO && errno != 0 ? strerror(errno) : why);
		size_t n = got ? strlen(b->s + b->n) : 0;
		b->n += n;
		bool end = n > 0 && b->s[b->n - 1] == '\n';
		if (!got && b->n == 0)
			return 0;
		if (got && !end && n == 0)
			return ser_fail(e, SER_EDATA, "%s:%zu: a NUL byte", l->name, l->at);
		if (b->n > MAX_LINE)
			return ser_fail(e, SER_EDATA, "%s:%zu: line longer than %d bytes", l->name, l->at, MAX_LINE);
		if (end || !got)
			break;
	}
	while (b->n > 0 && (b->s[b->n - 1] == '\n' || b->s[b->n - 1] == '\r'))
		b->s[--b->n] = '\0';
	size_t bom = l->at == 1 ? ser_utf8_bom(b->s, b->n) : 0;
	if (bom > 0)
		memmove(b->s, b->s + bom, (b->n -= bom) + 1);
	if (!ser_utf8_ok(b->s, b->n))
		return ser_fail(e, SER_EDATA, "%s:%zu: not UTF-8", l->name, l->at);
	return 1;
}

void ser_lines_close(struct lines *l)
{
	if (l->gz != NULL)
		gzclose(l->gz);
	free(l->name);
	ser_buf_free(&l->line);
	*l = (struct lines){0};
}

int ser_lines_json(struct lines *l, json_t **o, struct ser_err *e)
{
	int rc;
	do
		rc = ser_lines_next(l, e);
	while (rc > 0 && l->line.s[strspn(l->line.s, " \t")] == '\0');
	if (rc <= 0)
		return rc;
	json_error_t je;
	*o = json_loadb(l->line.s, l->line.n, JSON_REJECT_DUPLICATES, &je);
	if (*o != NULL && json_is_object(*o))
		return 1;
	rc = ser_fail(e, SER_EDATA, "%s:%zu: %s", l->name, l->at, *o != NULL ? "not a JSON object" : je.text);
	json_decref(*o);
	return rc;
}

int ser_slurp(const char *path, struct ser_buf *b, struct ser_err *e)
{
	enum { MOST = 1 << 30 };
	struct lines l;
	int rc = ser_lines_open(&l, path, e), got, zerr;
	if (rc != 0)
		return rc;
	b->n = 0;
	do {
		ser_buf_reserve(b, 1 << 16);
		errno = 0;
		got = gzread(l.gz, b->s + b->n, 1 << 16);
		b->n += got > 0 ? (size_t)got : 0;
	} while (got > 0 && b->n <= MOST);
	const char *why = gzerror(l.gz, &zerr);
	if (got < 0 || (zerr != Z_OK && zerr != Z_STREAM_END))
		rc = ser_fail(e, zerr == Z_ERRNO ? SER_EIO : SER_EDATA, "%s: read failed: %s", l.name,
			      zerr == Z_ERRNO && errno != 0 ? strerror(errno) : why);
	else if (b->n > MOST)
		rc = ser_fail(e, SER_EDATA, "%s: longer than %d bytes", l.name, MOST);
	size_t bom = ser_utf8_bom(b->s, b->n);
	memmove(b->s, b->s + bom, b->n -= bom);
	b->s[b->n] = '\0';
	ser_lines_close(&l);
	return rc;
}

int ser_slurp_lines(const char *path, struct ser_buf *b, struct ser_err *e)
{
	int rc = ser_slurp(path, b, e);
	return rc != 0 ? rc : ser_lines_whole(b->s, b->n, strcmp(path, "-") == 0 ? "<stdin>" : path, e);
}
