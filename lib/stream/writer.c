/* SPDX-License-Identifier: MIT */
#include "stream/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { FLUSH_AT = 256 * 1024 };

struct ser_writer {
	int fd;
	char *name;
	struct ser_buf buf;
	size_t summed; /* bytes of buf that crc covers already */
	uint32_t crc;
	uint64_t n_record;
	bool failed;
};

static void sum(struct ser_writer *w)
{
	w->crc = (uint32_t)crc32_z(w->crc, (const unsigned char *)w->buf.s + w->summed, w->buf.n - w->summed);
	w->summed = w->buf.n;
}

int ser_writer_flush(struct ser_writer *w, struct ser_err *e)
{
	sum(w);
	for (size_t at = 0; at < w->buf.n;) {
		ssize_t n = write(w->fd, w->buf.s + at, w->buf.n - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			w->failed = true;
			return ser_fail(e, SER_EIO, "%s: write failed: %s", w->name, strerror(errno));
		}
		at += (size_t)n;
	}
	w->buf.n = w->summed = 0;
	return 0;
}

struct ser_writer *ser_writer_new(int fd, const char *name, const struct ser_header *h)
{
	struct ser_writer *w = ser_calloc(1, sizeof *w);
	w->fd = fd;
	w->name = ser_strdup(name);
	ser_wire_map(&w->buf, 3 + h->extra.u.map.n);
	struct ser_field known[] = {{.name = "ser", .name_len = 3, .val = ser_int(SER_STREAM_VERSION)},
				    {.name = "prov", .name_len = 4, .val = h->prov},
				    {.name = "dims", .name_len = 4, .val = h->dims}};
	for (size_t i = 0; i < 3; i++)
		ser_wire_field(&w->buf, &known[i]);
	for (size_t i = 0; i < h->extra.u.map.n; i++)
		ser_wire_field(&w->buf, &h->extra.u.map.f[i]);
	return w;
}

int ser_writer_fields(struct ser_writer *w, const struct ser_field *f, size_t n, struct ser_err *e)
{
	ser_wire_map(&w->buf, n);
	for (size_t i = 0; i < n; i++)
		ser_wire_field(&w->buf, &f[i]);
	w->n_record++;
	return w->buf.n >= FLUSH_AT ? ser_writer_flush(w, e) : 0;
}

int ser_writer_record(struct ser_writer *w, const struct ser_record *r, struct ser_err *e)
{
	return ser_writer_fields(w, r->field, r->n, e);
}

int ser_writer_end(struct ser_writer *w, struct ser_err *e)
{
	if (w->failed)
		return ser_fail(e, SER_EIO, "%s: an earlier write failed", w->name);
	sum(w);
	struct ser_field t[] = {{.name = "end", .name_len = 3, .val = ser_int((int64_t)w->n_record)},
				{.name = "crc32", .name_len = 5, .val = ser_int(w->crc)}};
	ser_wire_map(&w->buf, 2);
	for (size_t i = 0; i < 2; i++)
		ser_wire_field(&w->buf, &t[i]);
	return ser_writer_flush(w, e);
}

uint64_t ser_writer_records(const struct ser_writer *w)
{
	return w->n_record;
}

void ser_writer_free(struct ser_writer *w)
{
	if (w == NULL)
		return;
	ser_buf_free(&w->buf);
	free(w->name);
	free(w);
}
