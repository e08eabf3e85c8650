/* SPDX-License-Identifier: MIT */
/* Records: each once an epoch, or the classes of the first task equally often. */
#include "train/private.h"

#include <stdlib.h>

static uint64_t key(const struct ser_sampler *s, size_t item)
{
	return s->w.d->item[item].key;
}

static void shuffle_plain(struct ser_sampler *s, uint64_t epoch)
{
	train_draw(s, FOR_ORDER, epoch, key, s->order);
}

/* Classes in turn, each through its own items in shuffled passes; then all shuffled. */
static void shuffle_balanced(struct ser_sampler *s, uint64_t epoch)
{
	const struct ser_task *t = &s->w.task[0];
	size_t n = 0, n_class = t->n_class;
	size_t *pass_order = ser_malloc(s->n_train, sizeof *pass_order), *used = ser_calloc(n_class, sizeof *used);
	for (size_t pass = 0; n < s->n_train; pass++) {
		/* so many of each class are still wanted: the rest in equal parts */
		train_draw(s, FOR_CLASS, epoch << 20 | pass, key, pass_order);
		for (size_t k = 0; k < s->n_train && n < s->n_train; k++) {
			size_t c = (size_t)t->code[pass_order[k]], quota = (s->n_train + n_class - 1 - c) / n_class;
			if (used[c] < quota) {
				used[c]++;
				s->order[n++] = pass_order[k];
			}
		}
	}
	struct ser_rng r = train_rng(s->w.seed, FOR_ORDER, epoch, 0);
	ser_rng_shuffle(&r, s->order, n, sizeof *s->order);
	free(pass_order);
	free(used);
}

static void part(struct ser_sampler *s, uint64_t step, size_t p, size_t n_part, struct ser_batch *b)
{
	size_t from, to;
	train_sample_range(s, step, p, n_part, &from, &to);
	for (size_t i = from; i < to; i++)
		train_batch_row(b, s->order[i]);
}

/* Every size'th, in batches of some thousand frames. */
bool train_sample_validate(struct ser_sampler *s, size_t *i, struct ser_batch *b)
{
	for (size_t frames = 0; *i < s->n_dev && b->n < 64 && frames < 20000; ++*i) {
		if (*i % s->w.size != s->w.rank)
			continue;
		frames += s->w.d->item[s->dev[*i]].piece[0].n_frame;
		train_batch_row(b, s->dev[*i]);
	}
	return b->n > 0;
}

int train_sample_items(struct ser_sampler **out, const struct ser_draw *w, struct ser_err *e)
{
	const struct ser_task *t = w->task;
	*out = NULL;
	if (t->n_class == 0 && w->balanced)
		return ser_fail(e, SER_EUSAGE, "the first task has no classes to balance");
	struct ser_sampler *s = *out = ser_calloc(1, sizeof *s);
	*s = (struct ser_sampler){.w = *w,
				  .shuffle = w->balanced ? shuffle_balanced : shuffle_plain,
				  .part = part,
				  .validate = train_sample_validate,
				  .free = train_sample_free};
	s->train = ser_malloc(w->d->n, sizeof *s->train);
	s->dev = ser_malloc(w->d->n, sizeof *s->dev);
	for (size_t i = 0; i < w->d->n; i++) {
		/* An item that says nothing to the first task still teaches the others, unless classes are to be balanced. */
		bool use = t->code[i] >= 0;
		for (size_t k = 1; k < w->n_task && !w->balanced; k++)
			use = use || (t[k].code != NULL && t[k].code[i] >= 0);
		if (use && w->s->role[i] == SER_ROLE_TRAIN)
			s->train[s->n_train++] = i;
		else if (t->code[i] >= 0 && w->s->role[i] == SER_ROLE_DEV)
			s->dev[s->n_dev++] = i;
	}
	s->per_epoch = (s->n_train + w->batch - 1) / w->batch;
	return s->n_train > 0 ? 0 : ser_fail(e, SER_EDATA, "no record with the label is left to train on");
}
