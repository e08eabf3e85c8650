/* SPDX-License-Identifier: MIT */
#include "stream/wire.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	w->crc = libdeflate_crc32(w->crc, w->buf.s + w->summed, w->buf.n - w->summed);
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

static void put_header(struct ser_buf *b, const struct ser_header *h)
{
	ser_wire_map(b, 3 + h->extra.u.map.n);
	struct ser_field known[] = {{.name = "ser", .name_len = 3, .val = ser_int(SER_STREAM_VERSION)},
				    {.name = "prov", .name_len = 4, .val = h->prov},
				    {.name = "dims", .name_len = 4, .val = h->dims}};
	for (size_t i = 0; i < 3; i++)
		ser_wire_field(b, &known[i]);
	for (size_t i = 0; i < h->extra.u.map.n; i++)
		ser_wire_field(b, &h->extra.u.map.f[i]);
}

void ser_writer_mark(struct ser_buf *b, const char *tool)
{
	struct ser_header h;
	ser_header_init(&h);
	ser_header_prov_add(&h, tool, NULL, 0);
	put_header(b, &h);
	ser_header_free(&h);
}

struct ser_writer *ser_writer_new(int fd, const char *name, const struct ser_header *h)
{
	struct ser_writer *w = ser_calloc(1, sizeof *w);
	w->fd = fd;
	w->name = ser_strdup(name);
	put_header(&w->buf, h);
	return w;
}

/* What no reader would take is an error here, where its maker can be named. */
static int check_field(const struct ser_field *f, const struct ser_field *id, struct ser_err *e)
{
	size_t size = 0;
	if (f->raw != NULL)
		return 0;
	if (f->val.kind == SER_STR) {
		size = f->val.u.str.n;
		if (!ser_utf8_ok(f->val.u.str.s, size))
			return ser_fail(e, SER_EDATA,
					"record \"%.*s\": field \"%.*s\" is a string that is not UTF-8 text",
					(int)id->val.u.str.n, id->val.u.str.s, (int)f->name_len, f->name);
	} else if (f->val.kind == SER_TENSOR) {
		size = ser_tensor_size(&f->val.u.t);
	} else if (f->val.kind > SER_TENSOR) {
		return ser_fail(e, SER_EDATA, "record \"%.*s\": field \"%.*s\" is neither label nor tensor",
				(int)id->val.u.str.n, id->val.u.str.s, (int)f->name_len, f->name);
	}
	if (size > UINT32_MAX || f->name_len == 0 || f->name_len > SER_MAX_NAME || !ser_utf8_ok(f->name, f->name_len))
		return ser_fail(e, SER_EDATA,
				"record \"%.*s\": field \"%.*s\" of %zu bytes is over the format's limits",
				(int)id->val.u.str.n, id->val.u.str.s, (int)f->name_len, f->name, size);
	return 0;
}

int ser_writer_fields(struct ser_writer *w, const struct ser_field *f, size_t n, struct ser_err *e)
{
	size_t id = 0;
	while (id < n && !(f[id].name_len == 2 && memcmp(f[id].name, "id", 2) == 0))
		id++;
	ser_assert(id < n && f[id].val.kind == SER_STR);
	if (n > SER_MAX_FIELD)
		return ser_fail(e, SER_EDATA, "record \"%.*s\": %zu fields, limit %d", (int)f[id].val.u.str.n,
				f[id].val.u.str.s, n, SER_MAX_FIELD);
	for (size_t i = 0; i < n; i++)
		if (check_field(&f[i], &f[id], e) != 0)
			return ser_fail_in(e, "%s", w->name);
	ser_wire_map(&w->buf, n);
	ser_wire_field(&w->buf, &f[id]);
	for (size_t i = 0; i < n; i++)
		if (i != id)
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
