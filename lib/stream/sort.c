/* SPDX-License-Identifier: MIT */
/* External merge sort: records gather packed in memory; what exceeds it goes to a spool as a sorted run, and the runs are
 * merged at the end through one heap. */
#include "stream/stream.h"

#include <stdlib.h>
#include <string.h>

struct item {
	size_t at, n;        /* bytes of the packed record in `bytes` */
	struct ser_val *key; /* [n_key] */
};

struct run {
	struct ser_spool_walk walk;
	struct ser_record rec; /* the one at hand */
	size_t order;          /* of runs, for stability */
};

struct ser_sort {
	const char *const *by;
	size_t n_key, mem;
	bool reverse;
	struct ser_buf bytes;
	struct item *item, *tmp;
	size_t n, cap, cap_tmp, next;
	struct ser_arena keys;
	struct ser_spool *spool;
	uint64_t *edge; /* where each run ends in the spool */
	size_t n_run, cap_edge;
	struct run *run;
	size_t *heap, n_heap;
	bool first; /* nothing has been taken from the heap yet */
};

struct ser_sort *ser_sort_new(const char *const *by, size_t n_key, bool reverse, size_t mem)
{
	struct ser_sort *s = ser_calloc(1, sizeof *s);
	s->by = by;
	s->n_key = n_key;
	s->reverse = reverse;
	s->mem = mem;
	return s;
}

void ser_sort_free(struct ser_sort *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; s->run != NULL && i < s->n_run; i++) {
		ser_spool_walk_end(&s->run[i].walk);
		ser_record_free(&s->run[i].rec);
	}
	free(s->run);
	free(s->heap);
	free(s->edge);
	free(s->item);
	free(s->tmp);
	ser_buf_free(&s->bytes);
	ser_arena_free(&s->keys);
	ser_spool_free(s->spool);
	free(s);
}

static int cmp_keys(const struct ser_sort *s, const struct ser_val *a, const struct ser_val *b)
{
	for (size_t k = 0; k < s->n_key; k++) {
		int c = ser_val_cmp(&a[k], &b[k]);
		if (c != 0)
			return s->reverse ? -c : c;
	}
	return 0;
}

/* Merge sort from the bottom up: stable. */
static void sort_items(struct ser_sort *s)
{
	s->tmp = ser_grow(s->tmp, &s->cap_tmp, s->n, sizeof *s->tmp);
	struct item *from = s->item, *to = s->tmp;
	for (size_t width = 1; width < s->n; width *= 2) {
		for (size_t lo = 0; lo < s->n; lo += 2 * width) {
			size_t mid = lo + width < s->n ? lo + width : s->n;
			size_t hi = mid + width < s->n ? mid + width : s->n;
			for (size_t i = lo, j = mid, k = lo; k < hi; k++)
				to[k] = i < mid && (j >= hi || cmp_keys(s, from[i].key, from[j].key) <= 0) ? from[i++]
													   : from[j++];
		}
		struct item *t = from;
		from = to;
		to = t;
	}
	if (from != s->item) {
		struct item *t = s->item;
		size_t c = s->cap;
		s->item = s->tmp;
		s->cap = s->cap_tmp;
		s->tmp = t;
		s->cap_tmp = c;
	}
}

static int spill(struct ser_sort *s, struct ser_err *e)
{
	if (s->spool == NULL && (s->spool = ser_spool_new(e)) == NULL)
		return e->code;
	sort_items(s);
	for (size_t i = 0; i < s->n; i++)
		if (ser_spool_add(s->spool, s->bytes.s + s->item[i].at, s->item[i].n, e) != 0)
			return e->code;
	s->edge = ser_grow(s->edge, &s->cap_edge, s->n_run + 1, sizeof *s->edge);
	s->edge[s->n_run++] = ser_spool_size(s->spool);
	s->n = 0;
	s->bytes.n = 0;
	ser_arena_rewind(&s->keys, (struct ser_arena_mark){0});
	return 0;
}

int ser_sort_add(struct ser_sort *s, const struct ser_record *r, struct ser_err *e)
{
	size_t at = s->bytes.n;
	ser_record_pack(&s->bytes, r);
	s->item = ser_grow(s->item, &s->cap, s->n + 1, sizeof *s->item);
	struct item *it = &s->item[s->n++];
	*it = (struct item){at, s->bytes.n - at, ser_arena_alloc(&s->keys, s->n_key, sizeof *it->key)};
	for (size_t k = 0; k < s->n_key; k++) {
		const struct ser_val *v = ser_record_get(r, s->by[k]);
		it->key[k] = ser_nil();
		if (v != NULL && v->kind > SER_STR)
			return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is a tensor, expected a label", s->by[k]);
		if (v != NULL)
			it->key[k] = ser_val_copy(&s->keys, v);
	}
	/* Arrays that double and the sort's second one are within the bound, too. */
	if (s->bytes.n + s->keys.used + 4 * s->n * sizeof *s->item > s->mem / 2)
		return spill(s, e);
	return 0;
}

/* ---- merge ---- */

static int cmp_runs(const struct ser_sort *s, size_t a, size_t b)
{
	static const struct ser_val nil = {.kind = SER_NIL};
	for (size_t k = 0; k < s->n_key; k++) {
		const struct ser_val *x = ser_record_get(&s->run[a].rec, s->by[k]);
		const struct ser_val *y = ser_record_get(&s->run[b].rec, s->by[k]);
		int c = ser_val_cmp(x != NULL ? x : &nil, y != NULL ? y : &nil);
		if (c != 0)
			return s->reverse ? -c : c;
	}
	return s->run[a].order < s->run[b].order ? -1 : 1;
}

static void sift(struct ser_sort *s, size_t i)
{
	for (;;) {
		size_t kid = 2 * i + 1;
		if (kid >= s->n_heap)
			return;
		if (kid + 1 < s->n_heap && cmp_runs(s, s->heap[kid + 1], s->heap[kid]) < 0)
			kid++;
		if (cmp_runs(s, s->heap[i], s->heap[kid]) < 0)
			return;
		size_t t = s->heap[i];
		s->heap[i] = s->heap[kid];
		s->heap[kid] = t;
		i = kid;
	}
}

/* The next record of a run: 1, 0 at its end. */
static int advance(struct run *r, struct ser_err *e)
{
	const char *p;
	size_t n;
	int rc = ser_spool_next(&r->walk, &p, &n, e);
	if (rc <= 0)
		return rc;
	return ser_record_unpack(&r->rec, p, n, e) == 0 ? 1 : e->code;
}

int ser_sort_done(struct ser_sort *s, struct ser_err *e)
{
	if (s->n_run == 0) {
		sort_items(s);
		return 0;
	}
	if (s->n > 0 && spill(s, e) != 0)
		return e->code;
	free(s->item);
	free(s->tmp);
	s->item = s->tmp = NULL;
	s->cap = s->cap_tmp = 0;
	ser_buf_free(&s->bytes);
	ser_arena_free(&s->keys);
	s->run = ser_calloc(s->n_run, sizeof *s->run);
	s->heap = ser_calloc(s->n_run, sizeof *s->heap);
	size_t chunk = s->mem / 2 / s->n_run;
	chunk = chunk < 4096 ? 4096 : chunk > 1 << 20 ? 1 << 20 : chunk;
	for (size_t i = 0; i < s->n_run; i++) {
		s->run[i].order = i;
		if (ser_spool_walk(&s->run[i].walk, s->spool, i > 0 ? s->edge[i - 1] : 0, s->edge[i], chunk, e) != 0)
			return e->code;
		int rc = advance(&s->run[i], e);
		if (rc < 0)
			return rc;
		if (rc > 0)
			s->heap[s->n_heap++] = i;
	}
	for (size_t i = s->n_heap / 2; i-- > 0;)
		sift(s, i);
	s->first = true;
	return 0;
}

int ser_sort_next(struct ser_sort *s, struct ser_record *buf, struct ser_record **r, struct ser_err *e)
{
	if (s->n_run == 0) {
		if (s->next == s->n)
			return 0;
		const struct item *it = &s->item[s->next++];
		*r = buf;
		return ser_record_unpack(buf, s->bytes.s + it->at, it->n, e) == 0 ? 1 : e->code;
	}
	if (!s->first) {
		int rc = advance(&s->run[s->heap[0]], e);
		if (rc < 0)
			return rc;
		if (rc == 0)
			s->heap[0] = s->heap[--s->n_heap];
		sift(s, 0);
	}
	s->first = false;
	if (s->n_heap == 0)
		return 0;
	*r = &s->run[s->heap[0]].rec;
	return 1;
}
