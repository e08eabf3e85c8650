/* SPDX-License-Identifier: MIT */
/* Blocks of bytes in an unlinked temporary file: [length, 8 bytes][bytes] one after another. */
#include "stream/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLUSH_AT = 256 * 1024 };

struct ser_spool {
	int fd;
	uint64_t size; /* bytes in the file and in buf */
	struct ser_buf buf;
	char dir[256];
};

struct ser_spool *ser_spool_new(struct ser_err *e)
{
	int fd = ser_tmpfile("ser", e);
	if (fd < 0)
		return NULL;
	struct ser_spool *s = ser_calloc(1, sizeof *s);
	s->fd = fd;
	snprintf(s->dir, sizeof s->dir, "%s", ser_tmpdir());
	return s;
}

void ser_spool_free(struct ser_spool *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	ser_buf_free(&s->buf);
	free(s);
}

static int flush(struct ser_spool *s, struct ser_err *e)
{
	for (size_t at = 0; at < s->buf.n;) {
		ssize_t n = write(s->fd, s->buf.s + at, s->buf.n - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ser_fail(e, SER_EIO, "%s: writing a temporary file failed: %s", s->dir, strerror(errno));
		at += (size_t)n;
	}
	if (s->buf.n > 0)
		s->buf.n = 0;
	return 0;
}

int ser_spool_add(struct ser_spool *s, const void *p, size_t n, struct ser_err *e)
{
	uint64_t len = n;
	ser_buf_add(&s->buf, &len, sizeof len);
	ser_buf_add(&s->buf, p, n);
	s->size += sizeof len + n;
	return s->buf.n >= FLUSH_AT ? flush(s, e) : 0;
}

uint64_t ser_spool_size(const struct ser_spool *s)
{
	return s->size;
}

/* Have `need` bytes of the walk in its buffer. */
static int have(struct ser_spool_walk *w, size_t need, struct ser_err *e)
{
	while (w->buf.n - w->from < need) {
		if (w->from > 0) {
			memmove(w->buf.s, w->buf.s + w->from, w->buf.n - w->from);
			w->buf.n -= w->from;
			w->from = 0;
		}
		size_t want = need - w->buf.n > w->chunk ? need - w->buf.n : w->chunk;
		if (want > w->end - w->at)
			want = (size_t)(w->end - w->at);
		ser_buf_reserve(&w->buf, want);
		ssize_t n = pread(w->spool->fd, w->buf.s + w->buf.n, want, (off_t)w->at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ser_fail(e, SER_EIO, "%s: reading a temporary file failed: %s", w->spool->dir,
					n < 0 ? strerror(errno) : "it is shorter than what was written");
		w->buf.n += (size_t)n;
		w->at += (uint64_t)n;
	}
	return 0;
}

int ser_spool_walk(struct ser_spool_walk *w, struct ser_spool *s, uint64_t from, uint64_t end, size_t chunk,
		   struct ser_err *e)
{
	*w = (struct ser_spool_walk){.spool = s, .at = from, .end = end, .chunk = chunk > 0 ? chunk : FLUSH_AT};
	return flush(s, e);
}

void ser_spool_seek(struct ser_spool_walk *w, uint64_t at)
{
	uint64_t begin = w->at - w->buf.n; /* of what is in the buffer */
	if (at >= begin && at <= w->at) {
		w->from = (size_t)(at - begin);
		return;
	}
	w->buf.n = w->from = 0;
	w->at = at;
}

int ser_spool_next(struct ser_spool_walk *w, const char **p, size_t *n, struct ser_err *e)
{
	uint64_t len;
	if (w->at == w->end && w->from == w->buf.n)
		return 0;
	if (have(w, sizeof len, e) != 0)
		return e->code;
	memcpy(&len, w->buf.s + w->from, sizeof len);
	if (have(w, sizeof len + (size_t)len, e) != 0)
		return e->code;
	*p = w->buf.s + w->from + sizeof len;
	*n = (size_t)len;
	w->from += sizeof len + (size_t)len;
	return 1;
}

void ser_spool_walk_end(struct ser_spool_walk *w)
{
	ser_buf_free(&w->buf);
}
