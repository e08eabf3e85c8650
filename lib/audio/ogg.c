/* SPDX-License-Identifier: MIT */
/* The pages of an Ogg file (RFC 3533). Decoders skip damaged pages and may end with the first of several sounds, without a word. */
#include "audio/source.h"

#include <stdlib.h>
#include <string.h>

enum {
	PAGE_HEAD = 27,
	HEAD_MAX = PAGE_HEAD + 255,
	PAGE_MAX = HEAD_MAX + 255 * 255,
	MAX_STREAM = 8,
	BEGINS = 2,
	ENDS = 4
};

struct stream {
	uint32_t serial, next; /* number of the page that must follow */
	bool ended;
};

static uint32_t le32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* CRC of polynomial 04c11db7, from 0, not reflected, the page's own field counting as 0. */
static uint32_t crc(const uint32_t table[static 256], const unsigned char *p, size_t n)
{
	uint32_t c = 0;
	for (size_t i = 0; i < n; i++)
		c = c << 8 ^ table[c >> 24 ^ (i >= 22 && i < 26 ? 0 : p[i])];
	return c;
}

static void make_table(uint32_t table[static 256])
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i << 24;
		for (int k = 0; k < 8; k++)
			c = c << 1 ^ ((c >> 31) != 0 ? 0x04c11db7 : 0);
		table[i] = c;
	}
}

/* Bytes of the page at `at`, read into p [PAGE_MAX]; 0: the file is cut off in it, -1: there is none. */
static int64_t read_page(struct ser_source *s, int64_t at, unsigned char *p)
{
	s->pos = at;
	int64_t n = ser_source_read(p, HEAD_MAX, s), len = PAGE_HEAD;
	if (n >= 4 && memcmp(p, "OggS", 4) != 0)
		return -1;
	if (n < len || n < (len += p[26]))
		return 0;
	for (size_t i = 0, n_seg = p[26]; i < n_seg; i++)
		len += p[PAGE_HEAD + i];
	if (len > n)
		n += ser_source_read(p + n, len - n, s);
	return len <= n ? len : 0;
}

static int walk(struct ser_source *s, unsigned char *p, const char *name, struct ser_err *e)
{
	struct stream st[MAX_STREAM];
	uint32_t table[256];
	int n = 0, n_ended = 0;
	bool begun = false; /* a page that is not the first of its stream has been seen */
	int64_t len;
	make_table(table);
	for (int64_t at = 0; at < s->size; at += len) {
		len = read_page(s, at, p);
		if (s->failed != 0)
			return ser_fail(e, SER_EIO, "%s: %s", name, strerror(s->failed));
		if (len == 0)
			return ser_fail(e, SER_EDATA, "%s: the file is cut off in the Ogg page at byte %lld", name,
					(long long)at);
		if (len < 0 || le32(p + 22) != crc(table, p, (size_t)len))
			return ser_fail(e, SER_EDATA, "%s: damaged: no valid Ogg page at byte %lld (copy it anew)",
					name, (long long)at);
		if ((p[5] & BEGINS) != 0 && begun)
			return ser_fail(e, SER_EDATA,
					"%s: another sound begins at byte %lld: chained Ogg must be split first", name,
					(long long)at);
		begun = begun || (p[5] & BEGINS) == 0;
		int i = 0;
		while (i < n && st[i].serial != le32(p + 14))
			i++;
		if (i == n && (n == MAX_STREAM || (p[5] & BEGINS) == 0))
			return ser_fail(e, SER_EDATA, "%s: Ogg stream %lu has no first page", name,
					(unsigned long)le32(p + 14));
		if (i == n)
			st[n++] = (struct stream){.serial = le32(p + 14), .next = le32(p + 18)};
		if (st[i].ended || st[i].next != le32(p + 18))
			return ser_fail(e, SER_EDATA, "%s: pages are missing before byte %lld of the Ogg stream", name,
					(long long)at);
		st[i].next++;
		st[i].ended = (p[5] & ENDS) != 0;
		n_ended += st[i].ended;
	}
	return n_ended == n ? SER_OK
			    : ser_fail(e, SER_EDATA, "%s: the file is cut off: its Ogg stream has no last page", name);
}

int ser_source_ogg_check(struct ser_source *s, const char *name, struct ser_err *e)
{
	unsigned char magic[4];
	if (s->kind == SOURCE_PIPE)
		return SER_OK;
	int rc = SER_OK;
	int64_t keep = s->pos;
	s->pos = 0;
	if (ser_source_read(magic, 4, s) == 4 && memcmp(magic, "OggS", 4) == 0) {
		unsigned char *p = ser_malloc(PAGE_MAX, 1);
		rc = walk(s, p, name, e);
		free(p);
	}
	s->pos = keep;
	return rc;
}
