/* SPDX-License-Identifier: MIT */
/* Records of a task's clusters, all clusters equally often: one pass over those that no other task has a label for, then one
 * over the others (DeepEmoCluster, Lin, Sridhar and Busso 2021). */
#include "train/private.h"

#include <stdlib.h>

struct uniform {
	struct ser_sampler s;
	const struct ser_task *t;
	size_t n_pass, from[3]; /* units of pass p: s.train[from[p]] to [from[p + 1]] */
	uint64_t step[3];       /* and its steps in an epoch */
	uint64_t drawn;         /* number of the pass in s.order */
};

bool train_uniform_pass(const struct ser_sampler *s, uint64_t step, struct pass *p)
{
	const struct uniform *q = (const struct uniform *)s;
	uint64_t epoch = step / s->per_epoch, k = step % s->per_epoch;
	size_t i = q->n_pass > 1 && k >= q->step[1];
	*p = (struct pass){s->train + q->from[i], q->from[i + 1] - q->from[i], epoch * q->n_pass + i + 1,
			   q->n_pass > 1 && i == 0};
	return k == q->step[i];
}

/* Of each cluster that has members floor(N / clusters) + 1, drawn again where it has no more than that; all shuffled, N taken. */
static void draw(struct uniform *q, const struct pass *p)
{
	const int32_t *code = q->t->code;
	size_t n_class = q->t->n_class, n_used = 0, n = 0;
	size_t *at = ser_calloc(n_class + 1, sizeof *at), *member = ser_malloc(p->n, sizeof *member);
	for (size_t i = 0; i < p->n; i++)
		at[code[p->item[i]] + 1]++;
	for (size_t c = 0; c < n_class; c++) {
		n_used += at[c + 1] > 0;
		at[c + 1] += at[c];
	}
	size_t *next = ser_malloc(n_class, sizeof *next), each = p->n / n_used + 1;
	for (size_t c = 0; c < n_class; c++)
		next[c] = at[c];
	for (size_t i = 0; i < p->n; i++)
		member[next[code[p->item[i]]]++] = p->item[i];
	q->s.order = ser_grow(q->s.order, &q->s.n_order, ser_mul(n_used, each), sizeof *q->s.order);
	for (size_t c = 0; c < n_class; c++) {
		size_t len = at[c + 1] - at[c], *own = member + at[c];
		struct ser_rng r = train_rng(q->s.w.seed, FOR_CLUSTER, p->number, c);
		for (size_t i = 0; len > 0 && i < each; i++) {
			size_t j = (size_t)ser_rng_below(&r, len <= each ? len : len - i), last = len - 1 - i;
			q->s.order[n++] = own[j];
			if (len > each) /* without repetition: what was drawn makes room for the last one */
				own[j] = own[last];
		}
	}
	struct ser_rng r = train_rng(q->s.w.seed, FOR_ORDER, p->number, 0);
	ser_rng_shuffle(&r, q->s.order, n, sizeof *q->s.order);
	q->drawn = p->number;
	free(at);
	free(next);
	free(member);
}

static void part(struct ser_sampler *s, uint64_t step, size_t i_part, size_t n_part, struct ser_batch *b)
{
	struct uniform *q = (struct uniform *)s;
	struct pass p;
	bool begins = train_uniform_pass(s, step, &p);
	if (q->drawn != p.number || (begins && i_part == 0))
		draw(q, &p);
	size_t i = q->n_pass > 1 && !p.unlabelled, k = (size_t)(step % s->per_epoch - q->step[i]);
	size_t n_step = (size_t)(q->step[i + 1] - q->step[i]), first = train_part_begin(p.n, k, n_step);
	size_t n = train_part_begin(p.n, k + 1, n_step) - first;
	for (size_t j = train_part_begin(n, i_part, n_part); j < train_part_begin(n, i_part + 1, n_part); j++)
		train_batch_row(b, s->order[first + j]);
}

int train_sample_uniform(struct ser_sampler **out, const struct ser_draw *w, const struct ser_task *t,
			 struct ser_err *e)
{
	struct uniform *q = ser_calloc(1, sizeof *q);
	struct ser_sampler *s = *out = &q->s;
	const struct ser_task *validator = ser_task_validator(w->task, w->n_task);
	*q = (struct uniform){
		.s = {.w = *w, .part = part, .validate = train_sample_validate, .free = train_sample_free}, .t = t};
	s->train = ser_malloc(w->d->n, sizeof *s->train);
	s->dev = ser_malloc(w->d->n, sizeof *s->dev);
	for (int labelled = 0; labelled < 2; labelled++) {
		for (size_t i = 0; i < w->d->n; i++) {
			bool has = w->n_task == 1;
			for (size_t k = 0; k < w->n_task; k++)
				has = has || (&w->task[k] != t && w->task[k].code != NULL && w->task[k].code[i] >= 0);
			if (w->s->role[i] == SER_ROLE_TRAIN && t->code[i] >= 0 && has == (labelled == 1))
				s->train[s->n_train++] = i;
			else if (labelled == 1 && w->s->role[i] == SER_ROLE_DEV && validator != NULL &&
				 validator->code[i] >= 0)
				s->dev[s->n_dev++] = i;
		}
		if (s->n_train == q->from[q->n_pass])
			continue;
		size_t n = s->n_train - q->from[q->n_pass];
		q->from[++q->n_pass] = s->n_train;
		s->per_epoch += (n + w->batch - 1) / w->batch;
		q->step[q->n_pass] = s->per_epoch;
	}
	return s->n_train > 0 ? 0 : ser_fail(e, SER_EDATA, "no record is left to train on");
}
