/* SPDX-License-Identifier: MIT */
/* Records by number: packed one behind the other in memory, and all of them in a spool once they take more than was allowed. */
#include "stream/stream.h"

#include <stdlib.h>

struct ser_store {
	size_t mem;
	struct ser_buf bytes; /* while there is no spool; then of the record at hand */
	uint64_t *at;         /* [n + 1] record i is bytes [at[i], at[i+1]), or a block of the spool at at[i] */
	size_t n, cap;
	struct ser_spool *spool;
	struct ser_spool_walk walk;
	bool walking;
};

/* Of the spool, at a time: records asked for in order come from memory, others cost no more than this. */
enum { CHUNK = 32 * 1024 };

struct ser_store *ser_store_new(size_t mem)
{
	struct ser_store *s = ser_calloc(1, sizeof *s);
	s->mem = mem;
	return s;
}

void ser_store_free(struct ser_store *s)
{
	if (s == NULL)
		return;
	if (s->walking)
		ser_spool_walk_end(&s->walk);
	ser_spool_free(s->spool);
	ser_buf_free(&s->bytes);
	free(s->at);
	free(s);
}

size_t ser_store_len(const struct ser_store *s)
{
	return s->n;
}

static int spill(struct ser_store *s, struct ser_err *e)
{
	s->spool = ser_spool_new(e);
	if (s->spool == NULL)
		return e->code;
	for (size_t i = 0; i < s->n; i++) {
		size_t from = (size_t)s->at[i], n = (size_t)s->at[i + 1] - from;
		s->at[i] = ser_spool_size(s->spool);
		if (ser_spool_add(s->spool, s->bytes.s + from, n, e) != 0)
			return e->code;
	}
	ser_buf_free(&s->bytes);
	return 0;
}

int ser_store_add(struct ser_store *s, const struct ser_record *r, struct ser_err *e)
{
	ser_assert(!s->walking);
	s->at = ser_grow(s->at, &s->cap, s->n + 2, sizeof *s->at);
	if (s->spool != NULL) {
		s->bytes.n = 0;
		ser_record_pack(&s->bytes, r);
		s->at[s->n++] = ser_spool_size(s->spool);
		return ser_spool_add(s->spool, s->bytes.s, s->bytes.n, e);
	}
	s->at[s->n] = s->bytes.n;
	ser_record_pack(&s->bytes, r);
	s->at[++s->n] = s->bytes.n;
	/* The buffer doubles: up to half of it is not used yet. */
	return s->bytes.n > s->mem / 2 ? spill(s, e) : 0;
}

int ser_store_get(struct ser_store *s, size_t i, struct ser_record *r, struct ser_err *e)
{
	const char *p;
	size_t n;
	ser_assert(i < s->n);
	if (s->spool == NULL)
		return ser_record_unpack(r, s->bytes.s + s->at[i], (size_t)(s->at[i + 1] - s->at[i]), e);
	if (!s->walking) {
		if (ser_spool_walk(&s->walk, s->spool, 0, ser_spool_size(s->spool), CHUNK, e) != 0)
			return e->code;
		s->walking = true;
	}
	ser_spool_seek(&s->walk, s->at[i]);
	int rc = ser_spool_next(&s->walk, &p, &n, e);
	ser_assert(rc != 0);
	return rc < 0 ? rc : ser_record_unpack(r, p, n, e);
}
