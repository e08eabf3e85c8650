/* SPDX-License-Identifier: MIT */
/* Batches of rows, and what samplers share. */
#include "train/private.h"

#include <stdlib.h>

struct ser_rng train_rng(uint64_t seed, enum purpose p, uint64_t moment, uint64_t key)
{
	uint64_t k[3] = {(uint64_t)p, moment, key};
	struct ser_rng r;
	ser_le(k, 3, sizeof *k); /* so that machines agree */
	ser_rng_seed_key(&r, seed, k, sizeof k);
	return r;
}

/* ---- rows ---- */

void train_batch_init(struct ser_batch *b, size_t n_item)
{
	*b = (struct ser_batch){.place = ser_malloc(n_item, sizeof *b->place)};
	for (size_t i = 0; i < n_item; i++)
		b->place[i] = -1;
}

void train_batch_clear(struct ser_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		b->place[b->row[i]] = -1;
	b->n = 0;
}

size_t train_batch_row(struct ser_batch *b, size_t item)
{
	if (b->place[item] < 0) {
		b->row = ser_grow(b->row, &b->cap, b->n + 1, sizeof *b->row);
		b->place[item] = (int32_t)b->n;
		b->row[b->n++] = item;
	}
	return (size_t)b->place[item];
}

void train_batch_free(struct ser_batch *b)
{
	for (size_t i = 0; i < SER_MAX_ENCODER; i++) {
		struct rows_in *in = &b->in[i];
		void *its[] = {in->x, in->n_frame, in->at, in->cut};
		for (size_t k = 0; k < sizeof its / sizeof *its; k++)
			free(its[k]);
	}
	free(b->row);
	free(b->place);
	free(b->key);
}

void train_batch_part(struct ser_trainer *t, size_t part)
{
	train_batch_clear(&t->b);
	t->b.seed = t->o.seed;
	t->b.moment = t->step;
	for (size_t k = 0; k < t->n_task; k++)
		if (t->task[k].sampler != NULL)
			t->task[k].sampler->part(t->task[k].sampler, t->step, t->whole ? 0 : part,
						 t->whole ? 1 : t->o.accumulate, &t->b);
	size_t most = t->b.n / (size_t)ser_comm_size(t->o.comm); /* a row for each piece */
	t->b.n_piece = !t->whole || most == 0 ? 1 : most < t->o.accumulate ? most : t->o.accumulate;
	t->b.piece = t->whole ? part : 0;
}

/* ---- samplers ---- */

size_t train_part_begin(size_t n, size_t part, size_t n_part)
{
	return (size_t)((uint64_t)n * part / n_part);
}

void train_sample_range(struct ser_sampler *s, uint64_t step, size_t part, size_t n_part, size_t *from, size_t *to)
{
	uint64_t epoch = step / s->per_epoch + 1;
	size_t k = (size_t)(step % s->per_epoch);
	if (s->epoch != epoch) {
		if (s->order == NULL)
			s->order = ser_malloc(s->n_train, sizeof *s->order);
		s->shuffle(s, epoch);
		s->epoch = epoch;
	}
	/* Batches differ by one unit at most, so that there is no small last one. */
	size_t first = train_part_begin(s->n_train, k, s->per_epoch),
	       n = train_part_begin(s->n_train, k + 1, s->per_epoch) - first;
	*from = first + train_part_begin(n, part, n_part);
	*to = first + train_part_begin(n, part + 1, n_part);
}

struct draw {
	uint64_t h, key;
	size_t unit;
};

static int by_draw(const void *a, const void *b)
{
	const struct draw *x = a, *y = b;
	if (x->h != y->h)
		return x->h < y->h ? -1 : 1;
	return x->key != y->key ? (x->key < y->key ? -1 : 1) : (x->unit > y->unit) - (x->unit < y->unit);
}

void train_draw(const struct ser_sampler *s, enum purpose p, uint64_t moment,
		uint64_t (*key)(const struct ser_sampler *s, size_t unit), size_t *order)
{
	struct draw *w = ser_malloc(s->n_train, sizeof *w);
	for (size_t k = 0; k < s->n_train; k++) {
		uint64_t id = key(s, s->train[k]);
		struct ser_rng r = train_rng(s->w.seed, p, moment, id);
		w[k] = (struct draw){ser_rng_next(&r), id, s->train[k]};
	}
	qsort(w, s->n_train, sizeof *w, by_draw);
	for (size_t k = 0; k < s->n_train; k++)
		order[k] = w[k].unit;
	free(w);
}

void train_sample_free(struct ser_sampler *s)
{
	free(s->train);
	free(s->dev);
	free(s->order);
	free(s);
}
