/* SPDX-License-Identifier: MIT */
#include "stream/wire.h"

#include <errno.h>
#include <libdeflate.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024 };

struct ser_reader {
	int fd;
	const char *name;
	size_t max_record;
	struct ser_buf buf; /* bytes read and not yet consumed begin at `from` */
	size_t from;
	bool eof;
	uint64_t at; /* offset in the file of buf.s[from] */
	struct ser_scan scan;
	bool ahead; /* the scan of the next object has begun */
	struct ser_header header;
	bool open;           /* between a header and its trailer */
	uint64_t in_segment; /* records since the header */
	uint32_t crc;        /* of the segment so far */
	uint64_t n_record, n_segment;
	uint64_t *seen; /* hashes of ids, open addressing, 0 is free */
	size_t n_slot, n_id;
	struct ser_val parts;   /* names of the tensors that come in parts in this segment; nil: records are whole */
	bool in_parts;          /* hand out parts */
	struct ser_parts whole; /* the record whose parts are coming */
	struct ser_record next;
};

/* ---- ids met ---- */

static bool seen_add(struct ser_reader *rd, uint64_t h)
{
	h += h == 0;
	size_t s = (size_t)h & (rd->n_slot - 1);
	for (; rd->seen[s] != 0; s = (s + 1) & (rd->n_slot - 1))
		if (rd->seen[s] == h)
			return false;
	rd->seen[s] = h;
	return true;
}

static bool id_is_new(struct ser_reader *rd, uint64_t h)
{
	if (2 * (rd->n_id + 1) > rd->n_slot) {
		uint64_t *old = rd->seen;
		size_t n = rd->n_slot;
		rd->n_slot = n > 0 ? ser_mul(n, 2) : 1024;
		rd->seen = ser_malloc_aligned(rd->n_slot, sizeof *rd->seen);
		memset(rd->seen, 0, rd->n_slot * sizeof *rd->seen);
		for (size_t i = 0; i < n; i++)
			if (old[i] != 0)
				seen_add(rd, old[i]);
		free(old);
	}
	rd->n_id++;
	return seen_add(rd, h);
}

/* The hash of the id whose encoding is p[0..n), and its place in the table on its way from memory, which takes about as long as
 * decoding a small record. 0 for what is no string. */
static uint64_t hash_id(const struct ser_reader *rd, const unsigned char *p, size_t n)
{
	size_t head = *p == 0xd9 ? 2 : *p == 0xda ? 3 : *p == 0xdb ? 5 : 1;
	if (head == 1 && (*p & 0xe0) != 0xa0)
		return 0;
	uint64_t h = ser_hash(p + head, n - head);
	if (rd->n_slot > 0)
		__builtin_prefetch(&rd->seen[(size_t)h & (rd->n_slot - 1)], 1);
	return h;
}

/* ---- bytes ---- */

static int fill(struct ser_reader *rd, struct ser_err *e)
{
	if (rd->from > 0) {
		memmove(rd->buf.s, rd->buf.s + rd->from, rd->buf.n - rd->from);
		rd->buf.n -= rd->from;
		rd->from = 0;
	}
	ser_buf_reserve(&rd->buf, CHUNK);
	ssize_t got;
	do
		got = read(rd->fd, rd->buf.s + rd->buf.n, CHUNK);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EISDIR)
		return ser_fail(e, SER_EIO, "%s: is a directory; ser-prep lists the sounds of one", rd->name);
	if (got < 0)
		return ser_fail(e, SER_EIO, "%s: read failed at byte %llu: %s", rd->name,
				(unsigned long long)(rd->at + rd->buf.n), strerror(errno));
	rd->buf.n += (size_t)got;
	rd->eof = got == 0;
	return 0;
}

/* The tool whose output this is, for the message about its end that is missing. */
static const char *last_tool(const struct ser_reader *rd, char buf[static 64])
{
	const struct ser_val *p = &rd->header.prov;
	const struct ser_val *t = p->u.list.n > 0 ? ser_val_get(&p->u.list.v[p->u.list.n - 1], "tool") : NULL;
	if (t == NULL || t->kind != SER_STR)
		return "its producer";
	snprintf(buf, 64, "%.*s", (int)(t->u.str.n < 63 ? t->u.str.n : 63), t->u.str.s);
	return buf;
}

static int cut_off(struct ser_reader *rd, struct ser_err *e)
{
	char tool[64];
	unsigned long long end = rd->at + (rd->buf.n - rd->from);
	if (!rd->open && rd->n_segment == 0)
		return end == 0 ? ser_fail(e, SER_EDATA, "%s: empty input, expected a stream header", rd->name)
				: ser_fail(e, SER_EDATA, "%s: cut off at byte %llu, within the stream header", rd->name,
					   end);
	if (!rd->open)
		return ser_fail(e, SER_EDATA, "%s: cut off at byte %llu, within the header of segment %llu", rd->name,
				end, (unsigned long long)rd->n_segment + 1);
	return ser_fail(e, SER_EDATA, "%s: cut off at byte %llu after %llu records: no trailer; %s did not finish",
			rd->name, end, (unsigned long long)rd->in_segment, last_tool(rd, tool));
}

/* What a file that is no stream seems to be, and which tool makes a stream of it; NULL: no idea. */
static const char *seems(const char *p, size_t n)
{
	static const char *const sound[] = {"RIFF", "fLaC", "OggS", "ID3", "FORM", ".snd", "NIST_1A"};
	for (size_t i = 0; i < sizeof sound / sizeof *sound; i++)
		if (n >= strlen(sound[i]) && memcmp(p, sound[i], strlen(sound[i])) == 0)
			return "it seems to be a sound: ser-wav2feat reads those that a manifest names";
	if (n > 8 && p[8] == '{' && memcmp(p + 4, "\0\0\0", 4) == 0)
		return "it seems to be a model or a file of tensors: ser-info says more";
	size_t line = 0;
	while (line < n && ((unsigned char)p[line] >= ' ' || p[line] == '\t'))
		line++;
	if (line == n || (p[line] != '\n' && p[line] != '\r'))
		return NULL;
	return memchr(p, '\t', line) != NULL
		       ? "it seems to be a manifest: ser-wav2feat makes features of it, ser-cat --from csv reads tables"
		       : "it seems to be text: ser-cat --from makes a stream of csv, json and other formats";
}

/* Have one whole object at buf.s[from .. from + scan.at). Returns 1, or 0 at a clean end of file. */
static int next_object(struct ser_reader *rd, struct ser_err *e)
{
	if (!rd->ahead)
		ser_scan_reset(&rd->scan);
	rd->ahead = false;
	size_t max = rd->open ? rd->max_record : SER_MAX_HEADER;
	for (;;) {
		size_t have = rd->buf.n - rd->from;
		if (ser_scan_do(&rd->scan, have > 0 ? rd->buf.s + rd->from : "", have, max, e) != 0) {
			char where[96];
			if (rd->open)
				snprintf(where, sizeof where, "record %llu, byte %llu",
					 (unsigned long long)rd->n_record + 1, (unsigned long long)rd->at);
			else
				snprintf(where, sizeof where, "byte %llu", (unsigned long long)rd->at);
			ser_fail_in(e, "%s: %s", rd->name, where);
			const char *what = rd->at == 0 && !rd->open ? seems(rd->buf.s, rd->buf.n) : NULL;
			struct ser_err plain = *e;
			return what != NULL ? ser_fail(e, plain.code, "%s; %s", plain.msg, what) : e->code;
		}
		if (rd->scan.done)
			return 1;
		if (rd->eof) {
			if (have == 0 && !rd->open && rd->n_segment > 0)
				return 0;
			return cut_off(rd, e);
		}
		if (fill(rd, e) != 0)
			return e->code;
	}
}

static void consume(struct ser_reader *rd, bool summed)
{
	size_t n = rd->scan.at;
	if (summed)
		rd->crc = libdeflate_crc32(rd->crc, rd->buf.s + rd->from, n);
	rd->from += n;
	rd->at += n;
}

/* ---- header, trailer, record ---- */

/* Whoever gets parts is told so by the header. */
static void say_parts(struct ser_reader *rd)
{
	if (rd->in_parts && rd->parts.kind == SER_LIST)
		ser_val_set(&rd->header.arena, &rd->header.extra, "parts", rd->parts);
}

static int take_header(struct ser_reader *rd, struct ser_err *e)
{
	struct ser_arena tmp = {0};
	struct ser_val map;
	int rc = ser_wire_decode(&tmp, rd->buf.s + rd->from, rd->scan.at, false, &map, e);
	const struct ser_val *version = rc == 0 ? ser_val_get(&map, "ser") : NULL;
	unsigned long long at = rd->at;
	if (rc != 0)
		ser_fail_in(e, "%s: byte %llu: header", rd->name, at);
	else if (version == NULL)
		rc = ser_fail(e, SER_EDATA, "%s: byte %llu: found a map without \"ser\", expected a stream header",
			      rd->name, at);
	else if (version->kind != SER_INT || version->u.i < 1)
		rc = ser_fail(e, SER_EDATA, "%s: byte %llu: header: \"ser\" is not a version number", rd->name, at);
	else if (version->u.i > SER_STREAM_VERSION)
		rc = ser_fail(e, SER_EDATA, "%s: byte %llu: stream version %lld is newer than this tool's (%d)",
			      rd->name, at, (long long)version->u.i, SER_STREAM_VERSION);
	struct ser_header h = {0};
	if (rc == 0 && (rc = ser_header_take(&h, &map, e)) != 0)
		ser_fail_in(e, "%s: byte %llu: header", rd->name, at);
	ser_arena_free(&tmp);
	if (rc != 0) {
		ser_header_free(&h);
		return rc;
	}
	ser_header_free(&rd->header);
	rd->header = h;
	const struct ser_val *parts = ser_val_get(&h.extra, "parts");
	rd->parts = parts != NULL ? *parts : ser_nil();
	ser_header_extra_drop(&rd->header, "parts");
	if (rd->parts.kind == SER_LIST)
		ser_parts_begin(&rd->whole, &rd->parts);
	say_parts(rd);
	rd->crc = 0;
	consume(rd, true);
	rd->open = true;
	rd->in_segment = 0;
	rd->n_segment++;
	return 0;
}

static int take_trailer(struct ser_reader *rd, struct ser_err *e)
{
	struct ser_arena tmp = {0};
	struct ser_val map;
	char tool[64];
	int rc = ser_wire_decode(&tmp, rd->buf.s + rd->from, rd->scan.at, false, &map, e);
	const struct ser_val *end = rc == 0 ? ser_val_get(&map, "end") : NULL, *crc = NULL;
	unsigned long long at = rd->at;
	if (rc != 0) {
		ser_fail_in(e, "%s: byte %llu", rd->name, at);
	} else if (end == NULL) {
		rc = ser_val_get(&map, "ser") != NULL
			     ? ser_fail(e, SER_EDATA,
					"%s: byte %llu: a new header after %llu record%s without a trailer; "
					"%s did not finish",
					rd->name, at, (unsigned long long)rd->in_segment, ser_s(rd->in_segment),
					last_tool(rd, tool))
			     : ser_fail(e, SER_EDATA, "%s: record %llu, byte %llu: found a map without \"id\"",
					rd->name, (unsigned long long)rd->n_record + 1, at);
	} else if (end->kind != SER_INT || end->u.i < 0 || (uint64_t)end->u.i != rd->in_segment) {
		struct ser_buf b = {0};
		ser_val_json(&b, end, false);
		rc = ser_fail(e, SER_EDATA, "%s: byte %llu: trailer says %.40s records, found %llu (written by %s)",
			      rd->name, at, b.s, (unsigned long long)rd->in_segment, last_tool(rd, tool));
		ser_buf_free(&b);
	} else if ((crc = ser_val_get(&map, "crc32")) != NULL &&
		   (crc->kind != SER_INT || crc->u.i != (int64_t)rd->crc)) {
		rc = ser_fail(e, SER_EDATA,
			      "%s: byte %llu: checksum differs: the %llu records before it were changed or damaged "
			      "after %s wrote them",
			      rd->name, at, (unsigned long long)rd->in_segment, last_tool(rd, tool));
	}
	if (rc == 0 && map.u.map.n > (crc != NULL ? 2u : 1u)) /* a damaged "crc32" must not pass for none */
		rc = ser_fail(e, SER_EDATA, "%s: byte %llu: the trailer has more than \"end\" and \"crc32\"", rd->name,
			      at);
	ser_arena_free(&tmp);
	if (rc != 0)
		return rc;
	consume(rd, false);
	rd->open = false;
	return 0;
}

/* The field "id" of the object at hand: the number of its value among the edges, 0 when there is none. Cheap: looks at
 * keys only. */
static size_t find_id(const struct ser_reader *rd)
{
	const char *p = rd->buf.s + rd->from;
	unsigned char c = (unsigned char)p[0];
	size_t from = c == 0xde ? 3 : c == 0xdf ? 5 : 1;
	for (size_t i = 0; i + 1 < rd->scan.n_edge; i += 2) {
		size_t n = rd->scan.edge[i] - from;
		if ((n == 3 && memcmp(p + from, "\xa2id", 3) == 0) ||
		    (n == 4 && memcmp(p + from, "\xd9\x02id", 4) == 0))
			return i + 1;
		from = rd->scan.edge[i + 1];
	}
	return 0;
}

static int take_record(struct ser_reader *rd, size_t at_id, struct ser_record *r, struct ser_err *e)
{
	size_t from = rd->scan.edge[at_id - 1], n = rd->scan.edge[at_id] - from;
	uint64_t hash = hash_id(rd, (const unsigned char *)rd->buf.s + rd->from + from, n);
	ser_record_clear(r);
	r->source = rd->name;
	r->index = rd->n_record + 1;
	r->at = rd->at;
	ser_buf_add(&r->bytes, rd->buf.s + rd->from, rd->scan.at);
	if (ser_record_decode(r, &rd->scan, e) != 0)
		return ser_fail_in(e, "%s: record %llu, byte %llu", rd->name, (unsigned long long)r->index,
				   (unsigned long long)r->at);
	const struct ser_val *id = ser_record_get(r, "id");
	if (id->kind != SER_STR || id->u.str.n == 0)
		return ser_record_fail(r, e, SER_EDATA, "the id is not a string of at least one byte");
	if (!id_is_new(rd, hash))
		return ser_record_fail(r, e, SER_EDATA, "this id came before; ids are unique within a stream");
	consume(rd, true);
	rd->in_segment++;
	rd->n_record++;
	return 1;
}

struct ser_reader *ser_reader_new(int fd, const char *name, size_t max_record, struct ser_err *e)
{
	return ser_reader_new_after("", 0, fd, name, max_record, e);
}

struct ser_reader *ser_reader_new_after(const void *head, size_t n, int fd, const char *name, size_t max_record,
					struct ser_err *e)
{
	struct ser_reader *rd = ser_calloc(1, sizeof *rd);
	rd->fd = fd;
	rd->name = ser_strdup(name);
	rd->max_record = max_record > 0 ? max_record : SER_MAX_RECORD;
	ser_header_init(&rd->header);
	ser_buf_add(&rd->buf, head, n);
	if (next_object(rd, e) < 0 || take_header(rd, e) != 0) {
		ser_reader_free(rd);
		return NULL;
	}
	return rd;
}

bool ser_stream_begins(unsigned char first)
{
	return (first >= 0x80 && first <= 0x8f) || first == 0xde || first == 0xdf;
}

void ser_reader_free(struct ser_reader *rd)
{
	if (rd == NULL)
		return;
	ser_buf_free(&rd->buf);
	ser_scan_free(&rd->scan);
	ser_header_free(&rd->header);
	free((char *)rd->name);
	free(rd->seen);
	ser_parts_free(&rd->whole);
	ser_record_free(&rd->next);
	free(rd);
}

const struct ser_header *ser_reader_header(const struct ser_reader *rd)
{
	return &rd->header;
}

/* What the next object was. */
enum object { END, HEADER, RECORD, TRAILER };

static int take_object(struct ser_reader *rd, struct ser_record *r, struct ser_err *e)
{
	int rc = next_object(rd, e);
	if (rc <= 0)
		return rc < 0 ? rc : END;
	if (!rd->open)
		return take_header(rd, e) == 0 ? HEADER : e->code;
	size_t id = find_id(rd);
	if (id > 0)
		return take_record(rd, id, r, e) > 0 ? RECORD : e->code;
	return take_trailer(rd, e) == 0 ? TRAILER : e->code;
}

/* The record whose parts have come: 1, or <0. */
static int join(struct ser_reader *rd, struct ser_record *r, struct ser_err *e)
{
	if (ser_parts_join(&rd->whole, r, e) != 0)
		return e->code;
	const struct ser_val *id = ser_record_get(r, "id");
	if (!id_is_new(rd, ser_hash(id->u.str.s, id->u.str.n)))
		return ser_record_fail(r, e, SER_EDATA, "this id came before; ids are unique within a stream");
	return 1;
}

/* A part has come: 0 when more may follow; 1 when it is of another record, and the one before is in r. */
static int take_part(struct ser_reader *rd, struct ser_record *r, struct ser_err *e)
{
	bool turned = rd->whole.first.n > 0 && !ser_parts_belongs(&rd->whole, r);
	if (turned && join(rd, &rd->next, e) < 0)
		return e->code;
	if (ser_parts_add(&rd->whole, r, rd->max_record, e) != 0)
		return e->code;
	if (!turned)
		return 0;
	struct ser_record part = *r;
	*r = rd->next;
	rd->next = part;
	return 1;
}

int ser_reader_next(struct ser_reader *rd, struct ser_record *r, bool *new_segment, struct ser_err *e)
{
	int rc;
	if (new_segment != NULL)
		*new_segment = false;
	while ((rc = take_object(rd, r, e)) > END) {
		if (rc == HEADER && new_segment != NULL)
			*new_segment = true;
		if (rc == TRAILER && rd->whole.first.n > 0)
			return join(rd, r, e);
		if (rc != RECORD)
			continue;
		if (rd->parts.kind == SER_NIL || rd->in_parts)
			return 1;
		if ((rc = take_part(rd, r, e)) != 0)
			return rc;
	}
	return rc;
}

void ser_reader_in_parts(struct ser_reader *rd)
{
	rd->in_parts = true;
	say_parts(rd);
}

bool ser_reader_waits(struct ser_reader *rd)
{
	struct pollfd p = {.fd = rd->fd, .events = POLLIN};
	if (!rd->ahead)
		ser_scan_reset(&rd->scan);
	rd->ahead = ser_scan_do(&rd->scan, rd->buf.s + rd->from, rd->buf.n - rd->from,
				rd->open ? rd->max_record : SER_MAX_HEADER, NULL) == 0;
	return rd->ahead && !rd->scan.done && !rd->eof && poll(&p, 1, 0) == 0;
}

uint64_t ser_reader_records(const struct ser_reader *rd)
{
	return rd->n_record;
}

uint64_t ser_reader_segments(const struct ser_reader *rd)
{
	return rd->n_segment;
}

uint64_t ser_reader_bytes(const struct ser_reader *rd)
{
	return rd->at;
}
