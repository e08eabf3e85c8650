/* SPDX-License-Identifier: MIT */
/* Validation: whole utterances, the score of the first task that has one. */
#include "train/private.h"

#include <stdlib.h>
#include <string.h>

static double score(struct ser_trainer *t)
{
	struct ser_task *k = t->task + (ser_task_validator(t->task, t->n_task) - t->task);
	struct ser_sampler *s = t->task->sampler;
	size_t n = k->kind->tally_size(k);
	double *sum = ser_calloc(n, sizeof *sum);
	train_batch_clear(&t->b);
	for (size_t i = 0; s->validate(s, &i, &t->b); train_batch_clear(&t->b)) {
		if (t->b.n == 0)
			continue;
		train_read_batch(t, false);
		train_encode(t, 0, 0, (size_t)(k - t->task) + 1);
		int out = ser_model_head(t->m, t->tape, (size_t)k->head, train_source(t, k));
		k->kind->tally(k, t->tape, out, &t->b, sum);
	}
	ser_comm_sum(t->o.comm, sum, n);
	double total = k->kind->total(k, sum);
	free(sum);
	return total;
}

void train_validate(struct ser_trainer *t, struct ser_train_row *row)
{
	struct ser_params *p = t->m->params;
	if (train_averages(t))
		ser_opt_swap_average(t->opt);
	row->validated = true;
	row->dev = score(t);
	if (t->best_epoch == 0 || row->dev > t->best_dev) {
		t->best_dev = row->dev;
		t->best_epoch = row->epoch;
		t->n_bad = 0;
		ser_params_get(p, p->val, t->best);
	} else if (++t->n_bad >= t->o.patience && t->o.patience > 0) {
		t->stopped = true;
	}
	if (train_averages(t))
		ser_opt_swap_average(t->opt);
	ser_sched_report(&t->sched, row->dev);
}
