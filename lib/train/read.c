/* SPDX-License-Identifier: MIT */
/* Features of a batch: cropped, warped and masked for training, whole for validation. */
#include "train/impl.h"

#include <string.h>

/* y [n,D] from x [m,D]: frame i is taken at i * speed, band j at j + shift, linearly between its neighbours; beyond the
 * ends the last one holds. */
static void warp(const float *x, size_t m, size_t d, double speed, double shift, float *y, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double t = (double)i * speed, last = (double)(m - 1);
		t = t < last ? t : last;
		size_t i0 = (size_t)t, i1 = i0 + 1 < m ? i0 + 1 : i0;
		float a = (float)(t - (double)i0);
		for (size_t j = 0; j < d; j++) {
			double f = (double)j + shift;
			f = f < 0 ? 0 : f < (double)(d - 1) ? f : (double)(d - 1);
			size_t j0 = (size_t)f, j1 = j0 + 1 < d ? j0 + 1 : j0;
			float b = (float)(f - (double)j0);
			float lo = x[i0 * d + j0] * (1 - b) + x[i0 * d + j1] * b,
			      hi = x[i1 * d + j0] * (1 - b) + x[i1 * d + j1] * b;
			y[i * d + j] = lo * (1 - a) + hi * a;
		}
	}
}

static struct cut choose_cut(const struct ser_trainer *t, const struct ser_item *it)
{
	const struct ser_train_opts *o = &t->o;
	struct ser_rng r = train_rng(t->o.seed, FOR_CROP, t->step, it->key);
	struct cut c = {0, it->n_frame, it->n_frame, 1, 0};
	size_t least = t->m->arch->min_frame(t->m->hyper);
	if (o->stretch > 0)
		c.speed = 1 + o->stretch * (2 * ser_rng_uniform(&r) - 1);
	if (o->shift > 0)
		c.shift = o->shift * (2 * ser_rng_uniform(&r) - 1);
	double want = (double)o->crop * c.speed + 0.5;
	if (o->crop > 0 && (double)it->n_frame > want) {
		c.n_src = want > 1 ? (size_t)want : 1;
		c.from = (size_t)ser_rng_below(&r, it->n_frame - c.n_src + 1);
	}
	c.n_out = c.n_src;
	if (o->stretch > 0) {
		c.n_out = (size_t)((double)c.n_src / c.speed + 0.5);
		c.n_out = c.n_out > least ? c.n_out : least;
	}
	return c;
}

float *train_scratch(struct ser_trainer *t, size_t n)
{
	t->scratch = ser_grow(t->scratch, &t->cap_scratch, n, sizeof *t->scratch);
	return t->scratch;
}

/* The cut's frames, normalised over the whole utterance where that is the norm, into x [n_out, D]. */
static void read_cut(struct ser_trainer *t, size_t item, const struct cut *c, float *x)
{
	const struct ser_item *it = &t->d->item[item];
	size_t d = t->d->dim;
	bool warped = t->o.stretch > 0 || t->o.shift > 0;
	bool whole = t->m->norm == SER_NORM_MEAN || t->m->norm == SER_NORM_MEANVAR;
	if (!whole && !warped) {
		ser_dataset_read(t->d, item, c->from, c->n_src, x);
		ser_model_normalise(t->m, x, c->n_src);
		return;
	}
	size_t from = whole ? 0 : c->from, n = whole ? it->n_frame : c->n_src;
	float *src = train_scratch(t, n * d);
	ser_dataset_read(t->d, item, from, n, src);
	ser_model_normalise(t->m, src, n);
	src += (c->from - from) * d;
	if (warped)
		warp(src, c->n_src, d, c->speed, c->shift, x, c->n_out);
	else
		memcpy(x, src, c->n_src * d * sizeof *x);
}

/* This process' share of the rows. */
static void share(struct ser_trainer *t, bool training)
{
	struct ser_batch *b = &t->b;
	size_t rank = (size_t)ser_comm_rank(t->o.comm), size = (size_t)ser_comm_size(t->o.comm);
	b->lo = training ? b->n * rank / size : 0;
	b->hi = training ? b->n * (rank + 1) / size : b->n;
}

void train_read_batch(struct ser_trainer *t, bool training)
{
	struct ser_batch *b = &t->b;
	share(t, training);
	size_t d = t->d->dim, total = 0, n = b->hi - b->lo;
	const size_t *row = b->row + b->lo;
	b->n_frame = ser_grow(b->n_frame, &b->cap_frame, n, sizeof *b->n_frame);
	b->at = ser_grow(b->at, &b->cap_at, n, sizeof *b->at);
	b->key = ser_grow(b->key, &b->cap_key, n, sizeof *b->key);
	b->cut = ser_grow(b->cut, &b->cap_cut, n, sizeof *b->cut);
	for (size_t i = 0; i < n; i++) {
		const struct ser_item *it = &t->d->item[row[i]];
		b->cut[i] = training ? choose_cut(t, it) : (struct cut){0, it->n_frame, it->n_frame, 1, 0};
		b->n_frame[i] = b->cut[i].n_out;
		total = ser_add(total, ser_mul(b->n_frame[i], d));
	}
	b->x = ser_grow(b->x, &b->cap_x, total, sizeof *b->x);
	float *x = b->x;
	for (size_t i = 0; i < n; i++) {
		const struct ser_item *it = &t->d->item[row[i]];
		if (training) {
			read_cut(t, row[i], &b->cut[i], x);
			struct ser_rng r = train_rng(t->o.seed, FOR_MASK, t->step, it->key);
			ser_mask_do(&t->o.mask, &r, x, b->n_frame[i], d);
		} else {
			ser_dataset_read(t->d, row[i], 0, it->n_frame, x);
			ser_model_normalise(t->m, x, it->n_frame);
		}
		b->at[i] = x;
		b->key[i] = it->key;
		x += b->n_frame[i] * d;
	}
}
