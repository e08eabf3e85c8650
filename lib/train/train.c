/* SPDX-License-Identifier: MIT */
#include "train/impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ser_train_opts ser_train_defaults(void)
{
	struct ser_train_opts o = {.n_epoch = 40,
				   .batch = 32,
				   .accumulate = 1,
				   .crop = 300,
				   .n_time_mask = 1,
				   .time_mask = 20,
				   .n_freq_mask = 1,
				   .freq_mask = 8,
				   .opt = ser_opt_defaults(),
				   .sched = SER_SCHED_COSINE,
				   .lr = 1e-3,
				   .warmup = 0.05,
				   .clip = 5,
				   .encoder_lr = 1,
				   .layer_decay = 1,
				   .ramp = 10};
	return o;
}

/* ---- one step ---- */

int train_embed(struct ser_trainer *t, unsigned mode, uint64_t seed)
{
	struct batch *b = &t->b;
	ser_tape_reset(t->tape, mode, seed);
	size_t n = b->hi - b->lo;
	ser_tape_keys(t->tape, n, b->key);
	if (!t->o.freeze || mode == 0)
		return ser_model_encode(t->m, t->tape, ser_tape_batch(t->tape, n, b->at, b->n_frame, t->d->dim)).emb;
	ser_tape_reset(t->fixed, SER_TAPE_FIXED, 0);
	int x = ser_tape_batch(t->fixed, n, b->at, b->n_frame, t->d->dim);
	struct ser_node emb = ser_tape_node(t->fixed, ser_model_encode(t->m, t->fixed, x).emb);
	return ser_tape_input(t->tape, emb.val, emb.n_row, emb.n_col, NULL, 0);
}

static uint64_t hash_params(const struct ser_trainer *t)
{
	return ser_hash(t->m->params->val, t->m->params->n * sizeof *t->m->params->val);
}

/* The error again, with the step and the ids of parts [from, to) of its batch. */
static int name_batch(struct ser_trainer *t, size_t from, size_t to, struct ser_err *e)
{
	struct ser_buf b = {0};
	for (size_t p = from; p < to; p++) {
		train_batch_part(t, p);
		for (size_t i = 0; i < t->b.n && b.n < 500; i++)
			ser_buf_printf(&b, "%s%.60s", b.n > 0 ? ", " : "", t->d->item[t->b.row[i]].id);
	}
	ser_fail_in(e, "step %llu, epoch %llu", (unsigned long long)t->step + 1,
		    (unsigned long long)(t->step / t->per_epoch) + 1);
	char msg[sizeof e->msg];
	memcpy(msg, e->msg, sizeof msg);
	ser_fail(e, e->code, "%.400s; the batch was %s%s", msg, b.s, b.n >= 500 ? " ..." : "");
	ser_buf_free(&b);
	return e->code;
}

/* Forward and backward over the batch at hand: adds its gradient, and its share of each objective's loss. */
static int run_part(struct ser_trainer *t, double loss[static SER_MAX_OBJECTIVE], struct ser_err *e)
{
	struct ser_rng r = train_rng(t, FOR_TAPE, t->step, 0);
	train_read_batch(t, true);
	int emb = train_embed(t, SER_TAPE_GRAD | SER_TAPE_TRAIN, ser_rng_next(&r)), total = -1;
	double mine[SER_MAX_OBJECTIVE] = {0}, sum = 0;
	for (size_t k = 0; k < t->n_obj; k++) {
		int l = train_loss(t, k, emb, &mine[k]);
		if (l < 0)
			continue;
		if (!t->obj[k].adversarial && t->obj[k].weight != 1)
			l = ser_nn_scale(t->tape, l, t->obj[k].weight);
		total = total < 0 ? l : ser_nn_add(t->tape, total, l);
	}
	ser_comm_sum(t->o.comm, mine, t->n_obj); /* every process must see what one of them finds */
	for (size_t k = 0; k < t->n_obj; k++) {
		loss[k] += mine[k];
		sum += mine[k];
	}
	if (!isfinite(sum))
		return ser_fail(e, SER_EDATA, "the loss is %g", sum);
	return total >= 0 ? ser_tape_backward(t->tape, total, 1, e) : 0;
}

/* The gradient of the step's whole batch, and the losses. */
static int run_batch(struct ser_trainer *t, double loss[static SER_MAX_OBJECTIVE], struct ser_err *e)
{
	size_t n_part = t->o.accumulate;
	memset(t->norm, 0, sizeof t->norm);
	for (size_t p = 0; p < n_part; p++) {
		train_batch_part(t, p);
		for (size_t k = 0; k < t->n_obj; k++)
			t->norm[k] += train_weight(t, k);
	}
	for (size_t k = 0; k < t->n_obj; k++)
		if (t->obj[k].kind == SER_OBJ_VALUE && t->norm[k] < 2)
			t->norm[k] = 0; /* values are learnt from two records or more */
	ser_params_zero_grad(t->m->params);
	for (size_t p = 0; p < n_part; p++) {
		if (n_part > 1) /* else it is there already */
			train_batch_part(t, p);
		if (t->b.n > 0 && t->b.n < (size_t)ser_comm_size(t->o.comm))
			ser_fail(e, SER_EUSAGE, "%zu records cannot be shared by %d processes", t->b.n,
				 ser_comm_size(t->o.comm));
		else if (t->b.n == 0 || run_part(t, loss, e) == 0)
			continue;
		return name_batch(t, p, p + 1, e);
	}
	train_sum(t, t->m->params->grad, t->m->params->n);
	return 0;
}

int ser_trainer_step(struct ser_trainer *t, struct ser_train_row *row, struct ser_err *e)
{
	double loss[SER_MAX_OBJECTIVE] = {0};
	bool any = false;
	*row = (struct ser_train_row){.step = t->step, .n_step = t->n_step};
	if (t->step >= t->n_step || t->stopped)
		return 0;
	if (t->step % t->per_epoch == 0) {
		t->sum = 0;
		memset(t->part, 0, sizeof t->part);
		memset(t->n_part, 0, sizeof t->n_part);
	}
	if (run_batch(t, loss, e) != 0)
		return e->code;
	for (size_t k = 0; k < t->n_obj; k++) {
		any = any || t->norm[k] > 0;
		t->part[k] += loss[k];
		t->n_part[k] += t->norm[k] > 0;
		t->sum += (t->obj[k].adversarial ? 1 : t->obj[k].weight) * loss[k];
	}
	if (any) { /* otherwise no row of the batch has a label */
		if (ser_params_clip(t->m->params, t->o.clip, &row->grad_norm, e) != 0)
			return name_batch(t, 0, t->o.accumulate, e);
		row->lr = ser_sched_lr(&t->sched, t->step);
		ser_opt_step(t->opt, row->lr);
	}
	uint64_t in_epoch = t->step++ % t->per_epoch + 1;
	row->step = t->step;
	row->epoch = (size_t)((t->step - 1) / t->per_epoch) + 1;
	row->loss = t->sum / (double)in_epoch;
	for (size_t k = 0; k < t->n_obj; k++)
		row->part[k] = t->n_part[k] > 0 ? t->part[k] / (double)t->n_part[k] : 0;
	row->end_of_epoch = in_epoch == t->per_epoch;
	if (row->end_of_epoch && !ser_comm_same(t->o.comm, hash_params(t)))
		return ser_fail(e, SER_EIO, "epoch %zu: the processes' parameters differ", row->epoch);
	if (row->end_of_epoch && t->n_dev > 0)
		train_validate(t, row);
	row->best = t->best_dev;
	row->best_epoch = t->best_epoch;
	return t->step < t->n_step && !t->stopped;
}

void ser_trainer_finish(struct ser_trainer *t)
{
	struct ser_params *p = t->m->params;
	if (t->best_epoch > 0)
		memcpy(p->val, t->best, p->n * sizeof *p->val);
	else if (t->o.opt.ema > 0)
		ser_opt_swap_average(t->opt);
}

const char *ser_trainer_metric(const struct ser_trainer *t)
{
	return t->obj[0].kind == SER_OBJ_PAIRS ? "loss" : t->obj[0].kind == SER_OBJ_VALUE ? "ccc" : "uar";
}

/* ---- setting up ---- */

/* Mean and deviation of each dimension over the training items' frames, for SER_NORM_GLOBAL. */
static void fit_input(struct ser_trainer *t, const struct ser_split *s)
{
	struct ser_params *p = t->m->params;
	real *mean = p->val + p->slice[ser_params_find(p, "input.mean")].at;
	real *std = p->val + p->slice[ser_params_find(p, "input.std")].at;
	size_t d = t->d->dim, n = 0;
	double *acc = ser_calloc(2 * d, sizeof *acc);
	for (int pass = 0; pass < 2; pass++) {
		n = 0;
		for (size_t i = 0; i < t->d->n; i++) {
			size_t n_frame = t->d->item[i].n_frame;
			if (s->role[i] != SER_ROLE_TRAIN)
				continue;
			float *x = train_scratch(t, n_frame * d);
			ser_dataset_read(t->d, i, 0, n_frame, x);
			for (size_t k = 0; k < n_frame * d; k++) {
				double c = (double)x[k] - (pass == 1 ? acc[k % d] : 0);
				acc[pass * d + k % d] += pass == 1 ? c * c : c;
			}
			n += n_frame;
		}
		for (size_t j = 0; j < d; j++)
			acc[(size_t)pass * d + j] /= (double)n;
	}
	for (size_t j = 0; j < d; j++) {
		mean[j] = (real)acc[j];
		std[j] = (real)ser_deviation(acc[j], acc[d + j]);
	}
	free(acc);
}

static int check_frames(const struct ser_trainer *t, struct ser_err *e)
{
	size_t least = t->m->arch->min_frame(t->m->hyper);
	if (t->o.crop > 0 && t->o.crop < least)
		return ser_fail(e, SER_EUSAGE, "a crop of %zu frames is too short, architecture %s needs %zu",
				t->o.crop, t->m->arch->name, least);
	for (size_t i = 0; i < t->d->n; i++)
		if (t->d->item[i].n_frame < least)
			return ser_fail(e, SER_EDATA, "record \"%s\" has %zu frames, architecture %s needs %zu",
					t->d->item[i].id, t->d->item[i].n_frame, t->m->arch->name, least);
	return 0;
}

static void sum_over(void *comm, double *x, size_t n)
{
	ser_comm_sum(comm, x, n);
}

static int set_up(struct ser_trainer *t, const struct ser_split *s, int n_thread, struct ser_err *e)
{
	struct ser_params *p = t->m->params;
	const struct ser_train_opts *o = &t->o;
	if (o->n_epoch == 0 || o->batch == 0 || o->accumulate == 0 || t->n_obj == 0 || t->n_obj > SER_MAX_OBJECTIVE)
		return ser_fail(e, SER_EUSAGE,
				"epochs, batch, its parts and the number of objectives must be at least 1");
	if (t->d->dim != t->m->n_in)
		return ser_fail(e, SER_EDATA, "records have %zu dimensions a frame, the model wants %zu", t->d->dim,
				t->m->n_in);
	if (check_frames(t, e) != 0)
		return e->code;
	if (train_take_targets(t, s, e) != 0 || train_take_units(t, s, e) != 0)
		return e->code;
	t->n_step = t->per_epoch * o->n_epoch;
	if (t->m->norm == SER_NORM_GLOBAL && !o->keep_input)
		fit_input(t, s);
	if (o->freeze)
		ser_params_flag(p, "encoder.", SER_P_FROZEN, true);
	train_rates(t);
	t->sched = ser_sched_defaults();
	t->sched.kind = o->sched;
	t->sched.lr = o->lr;
	t->sched.n_total = t->n_step;
	t->sched.n_warmup = (uint64_t)(o->warmup * (double)t->n_step + 0.5);
	t->sched.every = t->n_step / 3 > 0 ? t->n_step / 3 : 1;
	t->la = n_thread > 1 || o->precision != SER_LA_FULL ? ser_la_new(n_thread) : NULL;
	if (o->precision != SER_LA_FULL && !ser_la_set_precision(t->la, o->precision))
		return ser_fail(e, SER_EUSAGE, "this build has no bf16 products");
	t->tape = ser_tape_new(t->la, p);
	if (ser_comm_size(o->comm) > 1) {
		ser_tape_all_sum(t->tape, sum_over, o->comm);
		t->side = ser_tape_new(t->la, p);
	}
	if (o->freeze)
		t->fixed = ser_tape_new(t->la, p);
	t->best = ser_calloc(p->n, sizeof *t->best);
	if (ser_opt_new(&t->opt, &o->opt, p, t->la, e) != 0)
		return e->code;
	if (!ser_comm_same(o->comm, train_fingerprint(t) ^ hash_params(t)))
		return ser_fail(e, SER_EUSAGE, "the processes have not the same data, options and models");
	return 0;
}

int ser_trainer_new(struct ser_trainer **out, const struct ser_dataset *d, const struct ser_split *s,
		    struct ser_model *m, const struct ser_objective *obj, size_t n_obj, const struct ser_train_opts *o,
		    int n_thread, struct ser_err *e)
{
	struct ser_trainer *t = ser_calloc(1, sizeof *t);
	t->d = d;
	t->m = m;
	t->o = *o;
	t->n_obj = n_obj;
	memcpy(t->obj, obj, (n_obj < SER_MAX_OBJECTIVE ? n_obj : SER_MAX_OBJECTIVE) * sizeof *obj);
	int rc = set_up(t, s, n_thread, e);
	*out = rc == 0 ? t : NULL;
	if (rc != 0)
		ser_trainer_free(t);
	return rc;
}

void ser_trainer_free(struct ser_trainer *t)
{
	if (t == NULL)
		return;
	train_batch_free(&t->b);
	void *mine[] = {t->train,  t->dev,  t->order, t->label,   t->member, t->clu_at,
			t->spk_at, t->best, t->all,   t->scratch, t->target, t->row};
	for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
		free(mine[i]);
	for (size_t k = 0; k < SER_MAX_OBJECTIVE; k++) {
		free(t->code[k]);
		free(t->class_w[k]);
		free(t->value[k]);
		free(t->own[k]);
	}
	if (t->opt != NULL)
		ser_opt_free(t->opt);
	if (t->tape != NULL)
		ser_tape_free(t->tape);
	if (t->side != NULL)
		ser_tape_free(t->side);
	if (t->fixed != NULL)
		ser_tape_free(t->fixed);
	if (t->la != NULL)
		ser_la_free(t->la);
	free(t);
}
