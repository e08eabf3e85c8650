/* SPDX-License-Identifier: MIT */
#include "model/embed.h"

#include <stdlib.h>
#include <string.h>

enum { WAITING = 64, FEW = 4 }; /* records a thread at most; with so many batches' rows the fewest */

struct sound {
	struct ser_record r; /* what is said of it, then the result */
	float *x;            /* [n, d] */
	size_t n, d, cap;
	int rc;
	struct ser_err e;
};

struct ser_embed_parts {
	struct ser_embed *em;
	const char *field, *name;
	void (*done)(void *ctx, struct ser_record *r, const struct ser_err *e);
	void *ctx;
	struct ser_pool *pool;
	size_t most, n; /* sounds that wait, at most and now; the last may still grow: */
	bool open;
	bool piped;    /* and is long: what came before is in the network */
	size_t n_row;  /* of those that wait and are whole */
	size_t *rows;  /* [most] */
	size_t *order; /* those that are worked off, the longest first */
	size_t *batch; /* [..+1] what of these goes through the network at once */
	struct sound sound[];
};

struct ser_embed_parts *ser_embed_parts_new(struct ser_embed *em, const char *field, const char *name, int n_worker,
					    void (*done)(void *ctx, struct ser_record *r, const struct ser_err *e),
					    void *ctx)
{
	size_t most = (size_t)n_worker * WAITING;
	struct ser_embed_parts *p = ser_calloc(1, sizeof *p + most * sizeof p->sound[0]);
	p->em = em;
	p->field = field;
	p->name = name;
	p->done = done;
	p->ctx = ctx;
	p->pool = ser_pool_new(n_worker);
	p->most = most;
	p->rows = ser_malloc(most, sizeof *p->rows);
	p->order = ser_malloc(most, sizeof *p->order);
	p->batch = ser_malloc(most + 1, sizeof *p->batch);
	return p;
}

void ser_embed_parts_free(struct ser_embed_parts *p)
{
	for (size_t i = 0; i < p->most; i++) {
		ser_record_free(&p->sound[i].r);
		free(p->sound[i].x);
	}
	ser_pool_free(p->pool);
	free(p->rows);
	free(p->order);
	free(p->batch);
	free(p);
}

static void finish(struct ser_embed_parts *p, struct sound *y)
{
	p->done(p->ctx, &y->r, y->rc == SER_OK ? NULL : &y->e);
}

static void work(void *ctx, size_t k, int worker)
{
	struct ser_embed_parts *p = ctx;
	size_t from = p->batch[k], n = p->batch[k + 1] - from;
	struct ser_record **r = ser_malloc(n, sizeof *r);
	struct ser_err **e = ser_malloc(n, sizeof *e);
	int *rc = ser_malloc(n, sizeof *rc);
	for (size_t i = 0; i < n; i++) {
		struct sound *y = &p->sound[p->order[from + i]];
		ser_record_set(&y->r, p->field, ser_f4(y->x, 2, (size_t[]){y->n, y->d}));
		r[i] = &y->r;
		e[i] = &y->e;
	}
	ser_embed_several(p->em, worker, n, r, p->name, rc, e);
	for (size_t i = 0; i < n; i++) {
		p->sound[p->order[from + i]].rc = rc[i];
		ser_record_drop(r[i], p->field);
	}
	free(r);
	free(e);
	free(rc);
}

/* The first n sounds are whole. */
static void work_off(struct ser_embed_parts *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p->rows[i] = p->sound[i].n;
	ser_pool_for(p->pool, ser_embed_groups(p->em, n, p->rows, p->order, p->batch), work, p);
	p->n_row = 0;
	for (size_t i = 0; i < n; i++)
		finish(p, &p->sound[i]);
	if (n < p->n) { /* the one that grows is first now */
		struct sound last = p->sound[n];
		p->sound[n] = p->sound[0];
		p->sound[0] = last;
	}
	p->n -= n;
}

/* The sound at hand has ended. */
static void close_sound(struct ser_embed_parts *p)
{
	if (!p->open)
		return;
	if (p->piped) {
		struct sound *y = &p->sound[p->n - 1];
		if (y->rc == SER_OK)
			y->rc = ser_embed_end(p->em, 0, &y->r, p->name, &y->e);
		finish(p, y);
		p->n--;
	} else
		p->n_row += p->sound[p->n - 1].n;
	p->open = p->piped = false;
	size_t few = (size_t)ser_pool_threads(p->pool) * FEW, row = ser_embed_batch(p->em);
	if (p->n == p->most || (p->n >= few && p->n_row >= few * row))
		work_off(p, p->n);
}

static bool is_open(struct ser_embed_parts *p, const char *id)
{
	return p->open && strcmp(ser_record_id(&p->sound[p->n - 1].r), id) == 0;
}

static void open_sound(struct ser_embed_parts *p, const struct ser_record *r, const char *id)
{
	struct sound *y = &p->sound[p->n++];
	ser_record_copy(&y->r, r);
	ser_record_drop(&y->r, p->field);
	ser_record_drop(&y->r, "part_of");
	ser_record_set(&y->r, "id", ser_str(id));
	y->n = 0;
	y->rc = SER_OK;
	p->open = true;
}

int ser_embed_parts_add(struct ser_embed_parts *p, struct ser_record *part, struct ser_err *e)
{
	const char *id = ser_record_id(part), *of;
	const float *x;
	size_t shape[2], chunk = ser_embed_chunk(p->em);
	if (ser_record_get(part, "part_of") != NULL && ser_record_str(part, "part_of", &of, e) == SER_OK)
		id = of;
	if (ser_model_tensor(part, p->field, &x, shape, e) != SER_OK)
		return e->code;
	if (!is_open(p, id)) {
		close_sound(p);
		open_sound(p, part, id);
	}
	struct sound *y = &p->sound[p->n - 1];
	if (chunk > 0 && !p->piped && y->n + shape[0] > chunk) {
		work_off(p, p->n - 1);
		y = &p->sound[0];
		p->piped = true;
		y->rc = ser_embed_push(p->em, 0, id, y->x, y->n, &y->e);
	}
	if (p->piped) {
		if (y->rc == SER_OK)
			y->rc = ser_embed_push(p->em, 0, id, x, shape[0], &y->e);
	} else {
		y->d = shape[1];
		y->x = ser_grow(y->x, &y->cap, ser_mul(y->n + shape[0], y->d), sizeof *y->x);
		memcpy(y->x + y->n * y->d, x, shape[0] * y->d * sizeof *x);
		y->n += shape[0];
	}
	return SER_OK;
}

void ser_embed_parts_fail(struct ser_embed_parts *p, const char *id)
{
	if (is_open(p, id)) {
		if (p->piped)
			ser_embed_forget(p->em, 0);
		p->n--;
		p->open = p->piped = false;
	}
	ser_embed_parts_end(p);
}

void ser_embed_parts_end(struct ser_embed_parts *p)
{
	close_sound(p);
	if (p->n > 0)
		work_off(p, p->n);
}
