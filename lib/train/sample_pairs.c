/* SPDX-License-Identifier: MIT */
/* Anchors with their positives and negatives: sets of rows, and the sampler of those that ser-pairs wrote. */
#include "train/private.h"

#include <stdlib.h>

void train_sets_clear(struct sets *s)
{
	s->r = (struct ser_pair_rows){0};
}

void train_sets_anchor(struct sets *s, size_t row)
{
	size_t n = s->r.n_anchor++;
	s->anchor = ser_grow(s->anchor, &s->cap_anchor, n + 1, sizeof *s->anchor);
	s->pos_at = ser_grow(s->pos_at, &s->cap_pos_at, n + 2, sizeof *s->pos_at);
	s->neg_at = ser_grow(s->neg_at, &s->cap_neg_at, n + 2, sizeof *s->neg_at);
	s->anchor[n] = (int32_t)row;
	if (n == 0)
		s->pos_at[0] = s->neg_at[0] = 0;
	s->pos_at[n + 1] = s->pos_at[n];
	s->neg_at[n + 1] = s->neg_at[n];
	s->r = (struct ser_pair_rows){n + 1, s->anchor, s->pos, s->neg, s->pos_at, s->neg_at, NULL};
}

void train_sets_member(struct sets *s, bool positive, size_t row)
{
	int32_t **list = positive ? &s->pos : &s->neg;
	size_t *n = positive ? &s->pos_at[s->r.n_anchor] : &s->neg_at[s->r.n_anchor];
	*list = ser_grow(*list, positive ? &s->cap_pos : &s->cap_neg, *n + 1, sizeof **list);
	(*list)[(*n)++] = (int32_t)row;
	s->r.pos = s->pos;
	s->r.neg = s->neg;
}

void train_sets_free(struct sets *s)
{
	free(s->anchor);
	free(s->pos);
	free(s->neg);
	free(s->pos_at);
	free(s->neg_at);
}

struct pairs {
	struct ser_sampler s;
	const struct ser_pair_set *p;
	struct sets *sets;
};

static void add(struct pairs *q, const size_t *pair, size_t n, struct ser_batch *b)
{
	const struct ser_pair_set *p = q->p;
	train_sets_clear(q->sets);
	for (size_t k = 0; k < n; k++) {
		size_t a = pair[k];
		train_sets_anchor(q->sets, train_batch_row(b, (size_t)p->anchor[a]));
		for (size_t i = p->pos_at[a]; i < p->pos_at[a + 1]; i++)
			train_sets_member(q->sets, true, train_batch_row(b, (size_t)p->pos[i]));
		for (size_t i = p->neg_at[a]; i < p->neg_at[a + 1]; i++)
			train_sets_member(q->sets, false, train_batch_row(b, (size_t)p->neg[i]));
	}
}

static uint64_t key(const struct ser_sampler *s, size_t pair)
{
	return ((const struct pairs *)s)->p->key[pair];
}

static void shuffle(struct ser_sampler *s, uint64_t epoch)
{
	train_draw(s, FOR_ORDER, epoch, key, s->order);
}

static void part(struct ser_sampler *s, uint64_t step, size_t p, size_t n_part, struct ser_batch *b)
{
	size_t from, to;
	train_sample_range(s, step, p, n_part, &from, &to);
	add((struct pairs *)s, s->order + from, to - from, b);
}

/* Batches of pairs, every size'th of them. */
static bool validate(struct ser_sampler *s, size_t *i, struct ser_batch *b)
{
	size_t at = *i == 0 ? s->w.rank * s->w.batch : *i, n = s->n_dev - at < s->w.batch ? s->n_dev - at : s->w.batch;
	if (at >= s->n_dev)
		return false;
	add((struct pairs *)s, s->dev + at, n, b);
	*i = at + s->w.size * s->w.batch;
	return true;
}

int train_sample_pairs(struct ser_sampler **out, const struct ser_draw *w, const struct ser_pair_set *p,
		       struct sets *sets, struct ser_err *e)
{
	struct pairs *q = ser_calloc(1, sizeof *q);
	struct ser_sampler *s = *out = &q->s;
	*q = (struct pairs){
		{.w = *w, .shuffle = shuffle, .part = part, .validate = validate, .free = train_sample_free}, p, sets};
	s->train = ser_malloc(p->n, sizeof *s->train);
	s->dev = ser_malloc(p->n, sizeof *s->dev);
	for (size_t k = 0; k < p->n; k++) {
		uint8_t role = w->s->role[p->anchor[k]];
		bool same = true;
		for (size_t i = p->pos_at[k]; i < p->pos_at[k + 1]; i++)
			same = same && w->s->role[p->pos[i]] == role;
		for (size_t i = p->neg_at[k]; i < p->neg_at[k + 1]; i++)
			same = same && w->s->role[p->neg[i]] == role;
		if (same && role == SER_ROLE_TRAIN)
			s->train[s->n_train++] = k;
		else if (same && role == SER_ROLE_DEV)
			s->dev[s->n_dev++] = k;
	}
	struct ser_buf all = {0};
	ser_buf_add_le(&all, p->key, p->n, sizeof *p->key);
	ser_buf_add_le(&all, p->anchor, p->n, sizeof *p->anchor);
	ser_buf_add_le(&all, p->pos, p->pos_at[p->n], sizeof *p->pos);
	ser_buf_add_le(&all, p->neg, p->neg_at[p->n], sizeof *p->neg);
	s->print = ser_hash(all.s, all.n);
	ser_buf_free(&all);
	s->per_epoch = (s->n_train + w->batch - 1) / w->batch;
	return s->n_train > 0 ? 0 : ser_fail(e, SER_EDATA, "no pair is left to train on");
}
