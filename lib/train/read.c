/* SPDX-License-Identifier: MIT */
/* What encoders read of a batch: cropped, warped and masked for training, whole for validation. */
#include "train/private.h"

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

/* Tokens are taken as they are. */
static bool warps(const struct ser_trainer *t, size_t encoder)
{
	return (t->o.stretch > 0 || t->o.shift > 0) && t->m->enc[encoder].arch->n_token == NULL;
}

/* All encoders' cuts of an item begin with the same random numbers: they are of the same place, as far as frames allow. */
static struct cut choose_cut(const struct ser_trainer *t, size_t encoder, const struct ser_item *it)
{
	const struct ser_train_opts *o = &t->o;
	const struct ser_encoder *c = &t->m->enc[encoder];
	struct ser_rng r = train_rng(t->o.seed, FOR_CROP, t->step, it->key);
	size_t n_frame = it->piece[t->field[encoder]].n_frame, crop = o->tune[encoder].crop;
	struct cut y = {0, n_frame, n_frame, 1, 0};
	size_t least = c->arch->min_frame(c->hyper);
	bool warped = warps(t, encoder);
	if (o->stretch > 0 && warped)
		y.speed = 1 + o->stretch * (2 * ser_rng_uniform(&r) - 1);
	if (o->shift > 0 && warped)
		y.shift = o->shift * (2 * ser_rng_uniform(&r) - 1);
	double want = (double)crop * y.speed + 0.5;
	if (crop > 0 && (double)n_frame > want) {
		y.n_src = want > 1 ? (size_t)want : 1;
		y.from = (size_t)ser_rng_below(&r, n_frame - y.n_src + 1);
	}
	y.n_out = y.n_src;
	if (o->stretch > 0 && warped) {
		y.n_out = (size_t)((double)y.n_src / y.speed + 0.5);
		y.n_out = y.n_out > least ? y.n_out : least;
	}
	return y;
}

float *train_scratch(struct ser_trainer *t, size_t n)
{
	t->scratch = ser_grow(t->scratch, &t->cap_scratch, n, sizeof *t->scratch);
	return t->scratch;
}

/* What normalises an item where that is by the utterance, formed when it is asked for first; else NULL. */
static const double *moments(struct ser_trainer *t, size_t encoder, size_t item)
{
	struct train_moments *k = &t->moments[encoder];
	size_t n = ser_model_n_moment(t->m, encoder), f = t->field[encoder];
	if (n == 0)
		return NULL;
	if (k->y == NULL) {
		k->y = ser_calloc(ser_mul(t->d->n, n), sizeof *k->y);
		k->known = ser_calloc(t->d->n, sizeof *k->known);
	}
	if (!k->known[item]) {
		size_t n_frame = t->d->item[item].piece[f].n_frame;
		float *x = train_scratch(t, ser_mul(n_frame, t->d->field[f].dim));
		ser_dataset_read(t->d, f, item, 0, n_frame, x);
		ser_model_moments(t->m, encoder, x, n_frame, k->y + item * n);
		k->known[item] = true;
	}
	return k->y + item * n;
}

/* The cut's frames, normalised as in their utterance, into x [n_out, D]. */
static void read_cut(struct ser_trainer *t, size_t encoder, size_t item, const struct cut *c, float *x)
{
	size_t f = t->field[encoder], d = t->d->field[f].dim;
	bool warped = warps(t, encoder);
	const double *by = moments(t, encoder, item);
	float *src = warped ? train_scratch(t, c->n_src * d) : x;
	ser_dataset_read(t->d, f, item, c->from, c->n_src, src);
	if (by != NULL)
		ser_model_normalise_by(t->m, encoder, by, src, c->n_src);
	else
		ser_model_normalise(t->m, encoder, src, c->n_src);
	if (warped)
		warp(src, c->n_src, d, c->speed, c->shift, x, c->n_out);
}

/* This process' share of the rows, or of a piece of them. */
static void share(struct ser_trainer *t, bool training)
{
	struct ser_batch *b = &t->b;
	size_t rank = (size_t)ser_comm_rank(t->o.comm), size = (size_t)ser_comm_size(t->o.comm);
	size_t from = training ? train_part_begin(b->n, b->piece, b->n_piece) : 0,
	       n = training ? train_part_begin(b->n, b->piece + 1, b->n_piece) - from : b->n;
	b->lo = training ? from + train_part_begin(n, rank, size) : 0;
	b->hi = training ? from + train_part_begin(n, rank + 1, size) : b->n;
}

static void read_rows(struct ser_trainer *t, size_t encoder, bool training)
{
	struct ser_batch *b = &t->b;
	struct rows_in *in = &b->in[encoder];
	size_t f = t->field[encoder], d = t->d->field[f].dim, total = 0, n = b->hi - b->lo;
	const size_t *row = b->row + b->lo;
	in->n_frame = ser_grow(in->n_frame, &in->cap_frame, n, sizeof *in->n_frame);
	in->at = ser_grow(in->at, &in->cap_at, n, sizeof *in->at);
	in->cut = ser_grow(in->cut, &in->cap_cut, n, sizeof *in->cut);
	for (size_t i = 0; i < n; i++) {
		const struct ser_item *it = &t->d->item[row[i]];
		size_t n_frame = it->piece[f].n_frame;
		in->cut[i] = training ? choose_cut(t, encoder, it) : (struct cut){0, n_frame, n_frame, 1, 0};
		in->n_frame[i] = in->cut[i].n_out;
		total = ser_add(total, ser_mul(in->n_frame[i], d));
	}
	in->x = ser_grow(in->x, &in->cap_x, total, sizeof *in->x);
	float *x = in->x;
	for (size_t i = 0; i < n; i++) {
		const struct ser_item *it = &t->d->item[row[i]];
		if (training) {
			read_cut(t, encoder, row[i], &in->cut[i], x);
			struct ser_rng r = train_rng(t->o.seed, FOR_MASK, t->step, it->key);
			if (t->m->enc[encoder].arch->n_token == NULL)
				ser_mask_do(&t->o.mask, &r, x, in->n_frame[i], d);
		} else {
			ser_dataset_read(t->d, f, row[i], 0, in->n_frame[i], x);
			ser_model_normalise(t->m, encoder, x, in->n_frame[i]);
		}
		in->at[i] = x;
		x += in->n_frame[i] * d;
	}
}

void train_read_batch(struct ser_trainer *t, bool training)
{
	struct ser_batch *b = &t->b;
	share(t, training);
	b->key = ser_grow(b->key, &b->cap_key, b->hi - b->lo, sizeof *b->key);
	for (size_t i = b->lo; i < b->hi; i++)
		b->key[i - b->lo] = t->d->item[b->row[i]].key;
	for (size_t i = 0; i < t->m->n_enc; i++)
		if (t->m->enc[i].field != NULL)
			read_rows(t, i, training);
}
