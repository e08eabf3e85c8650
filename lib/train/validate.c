/* SPDX-License-Identifier: MIT */
/* Validation: whole utterances, the metric of the first objective. */
#include "train/impl.h"

#include <stdlib.h>
#include <string.h>

/* The next of this process' records, every size'th that validates, in batches of some thousand frames. False when there are none
 * left. */
static bool next_dev(struct ser_trainer *t, size_t *i)
{
	train_clear_batch(t);
	size_t rank = (size_t)ser_comm_rank(t->o.comm), size = (size_t)ser_comm_size(t->o.comm);
	for (size_t frames = 0; *i < t->n_dev && t->b.n < 64 && frames < 20000; ++*i) {
		if (*i % size != rank)
			continue;
		frames += t->d->item[t->dev[*i]].n_frame;
		train_add_row(t, t->dev[*i]);
	}
	if (t->b.n > 0)
		train_read_batch(t, false);
	return t->b.n > 0;
}

/* Concordance of two columns, biased moments. */
static double ccc(const double *x, const double *y, size_t n, size_t stride)
{
	double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
	for (size_t i = 0; i < n; i++) {
		mx += x[i * stride] / (double)n;
		my += y[i * stride] / (double)n;
	}
	for (size_t i = 0; i < n; i++) {
		double a = x[i * stride] - mx, b = y[i * stride] - my;
		xx += a * a;
		yy += b * b;
		xy += a * b;
	}
	double den = xx + yy + (double)n * (mx - my) * (mx - my);
	return den > 0 ? 2 * xy / den : 0;
}

static double validate_values(struct ser_trainer *t)
{
	size_t n_value = t->obj[0].n_value, n = (size_t)ser_comm_rank(t->o.comm);
	double *x = ser_calloc(ser_mul(t->n_dev, 2 * n_value), sizeof *x), *y = x + t->n_dev * n_value;
	for (size_t i = 0; next_dev(t, &i);) {
		struct ser_node out =
			ser_tape_node(t->tape, ser_model_head(t->m, t->tape, (size_t)t->head[0], train_embed(t, 0, 0)));
		for (size_t r = 0; r < t->b.n; r++, n += (size_t)ser_comm_size(t->o.comm))
			for (size_t v = 0; v < n_value; v++) {
				x[n * n_value + v] = (double)out.val[r * n_value + v];
				y[n * n_value + v] = (double)t->value[0][t->b.row[r] * n_value + v];
			}
	}
	ser_comm_sum(t->o.comm, x, 2 * t->n_dev * n_value); /* zeros but for one's own */
	double sum = 0;
	for (size_t v = 0; v < n_value; v++)
		sum += ccc(x + v, y + v, t->n_dev, n_value);
	free(x);
	return sum / (double)n_value;
}

static double validate_classes(struct ser_trainer *t)
{
	size_t n_class = t->m->head[t->head[0]].n_out, n_sub = t->m->head[t->head[0]].n_sub, n_recall = 0;
	double *right = ser_calloc(2 * n_class, sizeof *right), *all = right + n_class, uar = 0;
	for (size_t i = 0; next_dev(t, &i);) {
		int out = ser_model_head(t->m, t->tape, (size_t)t->head[0], train_embed(t, 0, 0));
		struct ser_node y = ser_tape_node(t->tape, out);
		for (size_t r = 0; r < t->b.n; r++) {
			size_t best = 0, truth = (size_t)t->code[0][t->b.row[r]];
			for (size_t c = 1; c < y.n_col; c++)
				if (y.val[r * y.n_col + c] > y.val[r * y.n_col + best])
					best = c;
			all[truth]++;
			right[truth] += best / n_sub == truth;
		}
	}
	ser_comm_sum(t->o.comm, right, 2 * n_class);
	for (size_t c = 0; c < n_class; c++)
		if (all[c] > 0) {
			uar += right[c] / all[c];
			n_recall++;
		}
	free(right);
	return n_recall > 0 ? uar / (double)n_recall : 0;
}

static double validate_pairs(struct ser_trainer *t)
{
	double sum = 0;
	size_t rank = (size_t)ser_comm_rank(t->o.comm), size = (size_t)ser_comm_size(t->o.comm);
	for (size_t i = rank * t->o.batch; i < t->n_dev; i += size * t->o.batch) {
		size_t n = t->n_dev - i < t->o.batch ? t->n_dev - i : t->o.batch;
		train_clear_batch(t);
		train_add_pairs(t, t->dev + i, n);
		train_read_batch(t, false);
		int z = ser_model_head(t->m, t->tape, (size_t)t->head[0], train_embed(t, 0, 0));
		sum += ser_tape_scalar(t->tape, ser_nn_pair_loss(t->tape, z, &t->b.set, t->obj[0].tau, 1));
	}
	ser_comm_sum(t->o.comm, &sum, 1);
	return -sum / (double)t->n_dev;
}

void train_validate(struct ser_trainer *t, struct ser_train_row *row)
{
	struct ser_params *p = t->m->params;
	if (t->o.opt.ema > 0)
		ser_opt_swap_average(t->opt);
	row->validated = true;
	row->dev = t->obj[0].kind == SER_OBJ_PAIRS   ? validate_pairs(t)
		   : t->obj[0].kind == SER_OBJ_VALUE ? validate_values(t)
						     : validate_classes(t);
	if (t->best_epoch == 0 || row->dev > t->best_dev) {
		t->best_dev = row->dev;
		t->best_epoch = row->epoch;
		t->n_bad = 0;
		memcpy(t->best, p->val, p->n * sizeof *t->best);
	} else if (++t->n_bad >= t->o.patience && t->o.patience > 0) {
		t->stopped = true;
	}
	if (t->o.opt.ema > 0)
		ser_opt_swap_average(t->opt);
	ser_sched_report(&t->sched, row->dev);
}
