/* SPDX-License-Identifier: MIT */
#include "extract/copies.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PER_THREAD = 4, BATCH_BYTES = 64 << 20 };

/* A record taken, and what its copies are made from. */
struct item {
	struct ser_record r;
	char *id, *source, *spk; /* source: what it is a copy of, or its id */
	const float *x;
	size_t shape[SER_MAX_AXES];
};

/* One copy, or with k = 0 the record itself. */
struct job {
	struct item *it;
	int k;
	struct ser_buf id, what;
	float *y;
	size_t shape[2], cap;
	int rc;
	struct ser_err e;
};

struct ser_copies {
	const struct ser_copies_opt *o;
	double rate_hz;
	struct item *item;
	struct job *job;
	size_t n_item, n_job, cap, n_byte; /* cap: of both */
	struct ser_pool *pool;
	struct ser_augment_ws **ws; /* [n_thread] */
};

struct ser_copies *ser_copies_new(const struct ser_copies_opt *o)
{
	struct ser_copies *c = ser_calloc(1, sizeof *c);
	c->o = o;
	c->cap = o->n_thread > 1 ? (size_t)o->n_thread * PER_THREAD : 1;
	c->item = ser_calloc(c->cap, sizeof *c->item);
	c->job = ser_calloc(c->cap, sizeof *c->job);
	c->pool = ser_pool_new(o->n_thread);
	c->ws = ser_calloc((size_t)o->n_thread, sizeof *c->ws);
	for (int i = 0; i < o->n_thread; i++)
		c->ws[i] = ser_augment_ws_new();
	return c;
}

void ser_copies_free(struct ser_copies *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->cap; i++) {
		ser_record_free(&c->item[i].r);
		free(c->item[i].id);
		free(c->item[i].source);
		free(c->item[i].spk);
		ser_buf_free(&c->job[i].id);
		ser_buf_free(&c->job[i].what);
		free(c->job[i].y);
	}
	ser_pool_free(c->pool);
	for (int i = 0; i < c->o->n_thread; i++)
		ser_augment_ws_free(c->ws[i]);
	free(c->item);
	free(c->job);
	free(c->ws);
	free(c);
}

/* ---- taking records ---- */

void ser_copies_rate(struct ser_copies *c, double rate_hz)
{
	ser_assert(c->n_item == 0);
	c->rate_hz = rate_hz;
}

static int label(struct ser_record *r, const char *name, const char *otherwise, char **to, struct ser_err *e)
{
	const struct ser_val *v = ser_record_get(r, name);
	const char *s = otherwise;
	if (v != NULL && v->kind != SER_NIL && ser_record_str(r, name, &s, e) != SER_OK)
		return e->code;
	free(*to);
	*to = ser_strdup(s);
	return SER_OK;
}

int ser_copies_take(struct ser_copies *c, struct ser_record *r, struct ser_err *e)
{
	const char *field = c->o->field;
	struct item *it = &c->item[c->n_item];
	ser_assert(c->n_item < c->cap);
	if (ser_record_f4(r, field, 2, &it->x, it->shape, e) != SER_OK || label(r, "id", "", &it->id, e) != SER_OK ||
	    label(r, "source", it->id, &it->source, e) != SER_OK || label(r, "spk", "", &it->spk, e) != SER_OK)
		return e->code;
	if (ser_mul(it->shape[0], it->shape[1]) == 0)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is empty", field);
	if (c->rate_hz > 0 && it->shape[1] != 1)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is [%zu,%zu], expected samples [N,1]", field,
				       it->shape[0], it->shape[1]);
	if (c->rate_hz <= 0 && !isfinite(ser_abs_max(it->x, it->shape[0] * it->shape[1])))
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" holds a value that is not a finite number",
				       field);
	c->n_byte += r->bytes.n;
	struct ser_record older = it->r;
	it->r = *r;
	*r = older;
	c->n_item++;
	return SER_OK;
}

bool ser_copies_full(const struct ser_copies *c)
{
	return c->n_item == c->cap || c->n_byte >= BATCH_BYTES;
}

/* ---- making copies ---- */

static void work(void *ctx, size_t i, int worker)
{
	const struct ser_copies *c = ctx;
	struct job *j = &c->job[i];
	const struct item *it = j->it;
	size_t n = it->shape[0], d = it->shape[1];
	j->id.n = j->what.n = 0;
	j->rc = SER_OK;
	if (j->k == 0)
		return;
	ser_buf_printf(&j->id, "%s-%s%d", it->id, c->o->suffix, j->k);
	j->shape[1] = d;
	if (c->rate_hz > 0) {
		j->rc = ser_augment_do(&c->o->wave, c->ws[worker], j->id.s, it->source, it->spk, it->x, n, c->rate_hz,
				       &j->y, &j->shape[0], &j->cap, &j->what, &j->e);
		return;
	}
	struct ser_rng rng;
	ser_rng_seed_key(&rng, c->o->wave.seed, j->id.s, j->id.n);
	j->y = ser_grow(j->y, &j->cap, n * d, sizeof *j->y);
	memcpy(j->y, it->x, n * d * sizeof *j->y);
	ser_mask_do(&c->o->mask, &rng, j->y, n, d);
	j->shape[0] = n;
	ser_buf_str(&j->what, "mask");
}

static void do_jobs(struct ser_copies *c,
		    void (*put)(void *ctx, const char *id, const struct ser_record *r, const struct ser_err *e),
		    void *ctx)
{
	ser_pool_for(c->pool, c->n_job, work, c);
	for (size_t i = 0; i < c->n_job; i++) {
		struct job *j = &c->job[i];
		struct ser_record *r = &j->it->r;
		if (j->rc != SER_OK) {
			struct ser_err why = j->e;
			ser_record_fail(r, &j->e, j->rc, "%s", why.msg);
			put(ctx, j->id.s, NULL, &j->e);
			continue;
		}
		if (j->k > 0) {
			ser_record_set(r, "id", ser_strn(j->id.s, j->id.n));
			ser_record_set(r, "source", ser_str(j->it->id));
			ser_record_set(r, "augment", ser_int(j->k));
			ser_record_set(r, "aug", ser_strn(j->what.s, j->what.n));
			ser_record_set(r, c->o->field, ser_f4(j->y, 2, j->shape));
		}
		put(ctx, j->k > 0 ? j->id.s : j->it->id, r, NULL);
	}
	c->n_job = 0;
}

void ser_copies_do(struct ser_copies *c,
		   void (*put)(void *ctx, const char *id, const struct ser_record *r, const struct ser_err *e),
		   void *ctx)
{
	for (size_t i = 0; i < c->n_item; i++)
		for (int k = c->o->keep ? 0 : 1; k <= c->o->n_copy; k++) {
			c->job[c->n_job].it = &c->item[i];
			c->job[c->n_job++].k = k;
			if (c->n_job == c->cap)
				do_jobs(c, put, ctx);
		}
	do_jobs(c, put, ctx);
	c->n_item = c->n_byte = 0;
}

/* ---- options as text ---- */

static int number(const char *s, size_t n, double lo, double hi, double *v, struct ser_err *e)
{
	char *text = ser_strndup(s, n);
	int rc = ser_parse_real(text, lo, hi, v, e);
	free(text);
	return rc;
}

int ser_span_parse(struct ser_span *s, const char *text, double lo, double hi, struct ser_err *e)
{
	size_t n = strcspn(text, ":");
	int rc = number(text, n, lo, hi, &s->lo, e);
	s->hi = s->lo;
	if (rc == SER_OK && text[n] == ':')
		rc = number(text + n + 1, strlen(text + n + 1), lo, hi, &s->hi, e);
	if (rc == SER_OK && s->hi < s->lo)
		rc = ser_fail(e, SER_EUSAGE, "%g is greater than %g", s->lo, s->hi);
	return rc;
}

int ser_choice_parse(struct ser_choice *c, const char *text, double lo, double hi, struct ser_err *e)
{
	double *v = NULL;
	size_t cap = 0, n = 0;
	int rc = SER_OK;
	for (const char *s = text; rc == SER_OK && s != NULL; n++) {
		size_t len = strcspn(s, ",");
		v = ser_grow(v, &cap, n + 1, sizeof *v);
		rc = number(s, len, lo, hi, &v[n], e);
		s = s[len] == ',' ? s + len + 1 : NULL;
	}
	*c = (struct ser_choice){v, n};
	return rc;
}
