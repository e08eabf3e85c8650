/* SPDX-License-Identifier: MIT */
#include "train/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ser_train_opts ser_train_defaults(void)
{
	struct ser_train_opts o = {
		.n_epoch = 40,
		.batch = 32,
		.accumulate = 1,
		.mask = {.n_time = 1, .n_freq = 1, .time_width = 20, .freq_width = 8, .max_share = 0.5},
		.opt = ser_opt_defaults(),
		.sched = SER_SCHED_COSINE,
		.lr = 1e-3,
		.warmup = 0.05,
		.clip = 5,
		.ramp = 10};
	for (size_t i = 0; i < SER_MAX_ENCODER; i++)
		o.tune[i] = (struct ser_tune){.lr = 1, .layer_decay = 1, .crop = 300};
	return o;
}

/* ---- one step ---- */

/* The parts of encoders that the heads of tasks stand on. */
static void want(const struct ser_trainer *t, size_t n_task, bool yes[static SER_MAX_ENCODER][SER_N_PART])
{
	for (size_t k = 0; k < n_task; k++) {
		const struct ser_source *s = &t->m->head[t->task[k].head].source;
		for (size_t i = 0; i < ser_model_source_terms(t->m, s); i++) {
			struct ser_source_term term = ser_model_source_term(t->m, s, i);
			yes[term.encoder][term.part] = true;
		}
	}
}

static bool is_frozen(const struct ser_trainer *t, size_t i)
{
	return t->o.tune[i].freeze != NULL && strcmp(t->o.tune[i].freeze, "all") == 0;
}

static struct ser_encoded encode(struct ser_trainer *t, struct ser_tape *tape, size_t i)
{
	const struct rows_in *in = &t->b.in[i];
	int x = ser_tape_batch(tape, t->b.hi - t->b.lo, in->at, in->n_frame, t->m->enc[i].n_in);
	return ser_model_layers(t->m, tape, i, x);
}

/* A value of the tape that runs frozen encoders, as an input of the other */
static int hand_over(struct ser_trainer *t, int x)
{
	struct ser_node n = ser_tape_node(t->fixed, x);
	return ser_tape_input(t->tape, n.val, n.n_row, n.n_col, n.seg, n.n_seg);
}

/* Of a frozen encoder, what its parts and the mixture of its layers are made of */
static void hand_over_all(struct ser_trainer *t, size_t i, const bool yes[static SER_N_PART], struct ser_encoded *y)
{
	bool mixed = t->m->enc[i].adapt.mix != SER_MIX_NONE,
	     frames = yes[SER_PART_MEAN] || yes[SER_PART_FIRST] || yes[SER_PART_FRAMES];
	for (size_t k = 0; mixed && k <= y->n_layer; k++)
		y->layer[k] = hand_over(t, y->layer[k]);
	if (yes[SER_PART_EMB] && !mixed)
		y->emb = hand_over(t, y->emb);
	if (frames && !mixed)
		y->frames = hand_over(t, y->frames);
}

void train_encode(struct ser_trainer *t, unsigned mode, uint64_t seed, size_t n_task)
{
	bool yes[SER_MAX_ENCODER][SER_N_PART] = {{false}}, any[SER_MAX_ENCODER] = {false};
	struct ser_encoded *y = t->encoded;
	want(t, n_task, yes);
	ser_tape_reset(t->tape, mode, seed);
	ser_tape_keys(t->tape, t->b.hi - t->b.lo, t->b.key);
	if (t->task->kind->mask != NULL)
		ser_tape_mask(t->tape, t->task->kind->mask(t->task));
	if (t->fixed != NULL)
		ser_tape_reset(t->fixed, SER_TAPE_FIXED, 0);
	for (size_t i = 0; i < t->m->n_enc; i++) {
		for (int p = 0; p < SER_N_PART; p++)
			any[i] = any[i] || yes[i][p];
		if (any[i])
			y[i] = encode(t, is_frozen(t, i) && mode != 0 ? t->fixed : t->tape, i);
	}
	for (size_t i = 0; i < t->m->n_enc; i++) {
		if (!any[i])
			continue;
		if (is_frozen(t, i) && mode != 0)
			hand_over_all(t, i, yes[i], &y[i]);
		ser_model_mix(t->m, t->tape, i, &y[i]);
		for (int p = 0; p < SER_N_PART; p++)
			if (yes[i][p])
				t->part[i][p] = ser_model_part(t->tape, &y[i], (enum ser_part)p);
	}
}

/* The average of the parameters as a teacher */
static void teach(struct ser_trainer *t, struct ser_task *k)
{
	size_t encoder = ser_model_source_term(t->m, &t->m->head[k->head].source, 0).encoder;
	ser_opt_swap_average(t->opt);
	ser_tape_reset(t->teacher, 0, 0);
	struct ser_encoded y = encode(t, t->teacher, encoder);
	k->kind->teach(k, t->teacher, &y);
	ser_opt_swap_average(t->opt);
}

int train_source(struct ser_trainer *t, struct ser_task *k)
{
	if (k->kind->teach != NULL)
		teach(t, k);

	const struct ser_source *s = &t->m->head[k->head].source;
	k->encoder = ser_model_source_term(t->m, s, 0).encoder;
	k->encoded = &t->encoded[k->encoder];
	k->progress = (double)t->step / (double)t->n_step;
	bool training = (ser_tape_mode(t->tape) & SER_TAPE_TRAIN) != 0;
	k->moment = ser_hash_le((uint64_t[]){t->o.seed, training ? t->step + 1 : 0}, 2, 8);
	int part[SER_MAX_SOURCE];
	size_t n = ser_model_source_terms(t->m, s);
	for (size_t i = 0; i < n; i++) {
		struct ser_source_term term = ser_model_source_term(t->m, s, i);
		part[i] = t->part[term.encoder][term.part];
	}
	return ser_model_join(t->tape, n, part);
}

static uint64_t hash_params(const struct ser_trainer *t)
{
	return ser_hash(t->m->params->val, t->m->params->n * sizeof *t->m->params->val);
}

/* The error again, with the step and the ids of parts [from, to) of its batch. */
static int name_batch(struct ser_trainer *t, size_t from, size_t to, struct ser_err *e)
{
	struct ser_buf b = {0};
	for (size_t p = from; p < (t->whole ? from + 1 : to); p++) {
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

static double ramp(const struct ser_trainer *t)
{
	double p = (double)t->step / (double)t->n_step;
	return t->o.ramp > 0 ? 2 / (1 + exp(-t->o.ramp * p)) - 1 : 1;
}

static double weight_of(const struct ser_task *k, const struct ser_batch *b)
{
	return k->kind->weight != NULL ? k->kind->weight(k, b) : (double)b->n;
}

static bool wants_all(const struct ser_task *k)
{
	return k->kind->all_rows != NULL && k->kind->all_rows(k);
}

/* Does the loss want more rows than are encoded at once: those of other processes, or of other pieces of a batch? Then all outputs are
 * gathered, the whole loss is formed of them, and each row x takes its gradient g further as that of sum(g x). A batch in pieces is
 * run twice, first for its outputs alone, then with gradients (GradCache: Gao et al. 2021). */
static bool is_shared(const struct ser_trainer *t, const struct ser_task *k)
{
	return wants_all(k) && (ser_comm_size(t->o.comm) > 1 || t->b.n_piece > 1);
}

/* A task's head over the rows that are encoded */
static int head_of(struct ser_trainer *t, struct ser_task *k)
{
	int source = train_source(t, k);
	if (k->adversarial)
		source = ser_nn_reverse_grad(t->tape, source, k->weight * ramp(t));
	return ser_model_head(t->m, t->tape, (size_t)k->head, source);
}

/* Outputs x into k->all, in their place; the first ones clear it */
static void gather(struct ser_trainer *t, struct ser_task *k, int x, bool first)
{
	struct ser_node own = ser_tape_node(t->tape, x);
	k->n_out = own.n_col;
	k->all = ser_grow(k->all, &k->cap_all, ser_mul(t->b.n, own.n_col), sizeof *k->all);
	if (first)
		memset(k->all, 0, t->b.n * own.n_col * sizeof *k->all);
	memcpy(k->all + t->b.lo * own.n_col, own.val, own.n_row * own.n_col * sizeof *k->all);
}

/* The loss of what all processes have gathered; the outputs' gradients come in their place */
static void whole_loss(struct ser_trainer *t, struct ser_task *k)
{
	size_t n = t->b.n * k->n_out;
	train_sum(t, k->all, n);
	/* parameters that the loss has itself get the whole gradient here: that of one process counts */
	bool drop = k->kind->more != NULL && ser_comm_rank(t->o.comm) != 0;
	if (drop) {
		t->held = ser_grow(t->held, &t->cap_held, t->n_live, sizeof *t->held);
		ser_params_get(t->m->params, t->m->params->grad, t->held);
	}
	struct ser_rng r = train_rng(t->o.seed, FOR_TAPE, t->step, 1);
	ser_tape_reset(t->side, SER_TAPE_GRAD | SER_TAPE_TRAIN, ser_rng_next(&r));
	int all = ser_tape_variable(t->side, k->all, t->b.n, k->n_out, NULL, 0);
	int l = k->kind->loss(k, t->side, all, &t->b, 0, t->b.n, k->norm);
	k->said = l >= 0;
	if (l < 0)
		return;
	k->whole = ser_tape_scalar(t->side, l);
	ser_tape_backward(t->side, l, 1, NULL); /* refuses what is not finite, and k->whole will tell */
	if (drop)
		ser_params_put(t->m->params, t->held, t->m->params->grad);
	memcpy(k->all, ser_tape_node(t->side, all).grad, n * sizeof *k->all);
}

/* Outputs of a batch in pieces, and the losses of them all */
static void run_ahead(struct ser_trainer *t)
{
	for (size_t p = 0; p < t->b.n_piece; p++) {
		struct ser_rng r = train_rng(t->o.seed, FOR_TAPE, t->step, 0);
		train_batch_part(t, p);
		train_read_batch(t, true);
		train_encode(t, SER_TAPE_TRAIN, ser_rng_next(&r), t->n_task);
		for (size_t k = 0; k < t->n_task; k++)
			if (is_shared(t, &t->task[k]) && t->task[k].norm > 0)
				gather(t, &t->task[k], head_of(t, &t->task[k]), p == 0);
	}
	for (size_t k = 0; k < t->n_task; k++)
		if (is_shared(t, &t->task[k]) && t->task[k].norm > 0)
			whole_loss(t, &t->task[k]);
}

/* The loss of a task over the batch, whose rows of this process are encoded; -1 when the batch says nothing about it. Over
 * all processes the node's gradients add up to the loss's, *value to the loss. */
static int task_loss(struct ser_trainer *t, struct ser_task *k, double *value)
{
	if (k->norm == 0 || weight_of(k, &t->b) == 0)
		return -1;
	int out = head_of(t, k), l;
	if (is_shared(t, k)) {
		if (t->b.n_piece == 1) {
			gather(t, k, out, true);
			whole_loss(t, k);
		}
		bool first = ser_comm_rank(t->o.comm) == 0 && t->b.piece == 0;
		int g = ser_tape_input(t->tape, k->all + t->b.lo * k->n_out, t->b.hi - t->b.lo, k->n_out, NULL, 0);
		*value = k->said && first ? k->whole : 0;
		l = k->said ? ser_nn_sum(t->tape, ser_nn_mul(t->tape, out, g)) : -1;
	} else {
		l = k->kind->loss(k, t->tape, out, &t->b, t->b.lo, t->b.hi, k->norm);
		*value = l >= 0 ? ser_tape_scalar(t->tape, l) : 0;
	}
	return l >= 0 && !k->adversarial && k->weight != 1 ? ser_nn_scale(t->tape, l, k->weight) : l;
}

/* Forward and backward over the batch at hand: adds its gradient, and its share of each task's loss. */
static int run_part(struct ser_trainer *t, double loss[static SER_MAX_TASK], struct ser_err *e)
{
	struct ser_rng r = train_rng(t->o.seed, FOR_TAPE, t->step, 0);
	train_read_batch(t, true);
	train_encode(t, SER_TAPE_GRAD | SER_TAPE_TRAIN, ser_rng_next(&r), t->n_task);
	int total = -1;
	double mine[SER_MAX_TASK] = {0}, sum = 0;
	for (size_t k = 0; k < t->n_task; k++) {
		int l = task_loss(t, &t->task[k], &mine[k]);
		if (l >= 0)
			total = total < 0 ? l : ser_nn_add(t->tape, total, l);
	}
	ser_comm_sum(t->o.comm, mine, t->n_task); /* every process must see what one of them finds */
	for (size_t k = 0; k < t->n_task; k++) {
		loss[k] += mine[k];
		sum += mine[k];
	}
	if (!isfinite(sum))
		return ser_fail(e, SER_EDATA, "the loss is %g", sum);
	return total >= 0 ? ser_tape_backward(t->tape, total, 1, e) : 0;
}

/* Over processes, of what is not frozen */
static void sum_grads(struct ser_trainer *t)
{
	const struct ser_params *p = t->m->params;
	if (t->n_live == p->n) {
		train_sum(t, p->grad, p->n);
	} else if (ser_comm_size(t->o.comm) > 1) {
		t->all = ser_grow(t->all, &t->cap_all, t->n_live, sizeof *t->all);
		ser_params_get(p, p->grad, t->all);
		train_sum(t, t->all, t->n_live);
		ser_params_put(p, t->all, p->grad);
	}
}

/* The gradient of the step's whole batch, and the losses. */
static int run_batch(struct ser_trainer *t, double loss[static SER_MAX_TASK], struct ser_err *e)
{
	size_t n_part = t->o.accumulate;
	for (size_t k = 0; k < t->n_task; k++)
		t->task[k].norm = 0;
	for (size_t p = 0; p < (t->whole ? 1 : n_part); p++) {
		train_batch_part(t, p);
		for (size_t k = 0; k < t->n_task; k++)
			t->task[k].norm += weight_of(&t->task[k], &t->b);
	}
	for (size_t k = 0; k < t->n_task; k++)
		if (t->task[k].norm < t->task[k].kind->least)
			t->task[k].norm = 0;
	ser_params_zero_grad(t->m->params);
	if (t->b.n_piece > 1)
		run_ahead(t);
	n_part = t->whole ? t->b.n_piece : n_part;
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
	sum_grads(t);
	return 0;
}

static void freeze_head(struct ser_trainer *t, const struct ser_task *k, bool on)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "heads.%s.", k->name);
	ser_params_flag(t->m->params, b.s, SER_P_FROZEN, on);
	ser_buf_free(&b);
}

int ser_trainer_step(struct ser_trainer *t, struct ser_train_row *row, struct ser_err *e)
{
	double loss[SER_MAX_TASK] = {0};
	bool any = false;
	*row = (struct ser_train_row){.step = t->step, .n_step = t->n_step};
	if (t->step >= t->n_step || t->stopped)
		return 0;
	for (size_t k = 0; k < t->n_task && t->step % t->per_epoch == 0; k++)
		t->sum = t->task[k].sum = 0, t->task[k].n_sum = 0;
	for (size_t k = 0; k < t->n_task; k++)
		if (t->task[k].kind->before != NULL && t->task[k].kind->before(&t->task[k], t, e) != 0)
			return e->code;
	if (run_batch(t, loss, e) != 0)
		return e->code;
	for (size_t k = 0; k < t->n_task; k++) {
		struct ser_task *j = &t->task[k];
		any = any || j->norm > 0;
		j->sum += loss[k];
		j->n_sum += j->norm > 0;
		t->sum += (j->adversarial ? 1 : j->weight) * loss[k];
	}
	if (any) { /* otherwise no row of the batch has a label */
		if (ser_params_clip(t->m->params, t->o.clip, &row->grad_norm, e) != 0)
			return name_batch(t, 0, t->o.accumulate, e);
		row->lr = ser_sched_lr(&t->sched, t->step);
		for (size_t k = 0; k < t->n_task; k++)
			if (t->task[k].rests && !t->task[k].frozen)
				freeze_head(t, &t->task[k], true);
		ser_opt_step(t->opt, row->lr);
		for (size_t k = 0; k < t->n_task; k++)
			if (t->task[k].rests && !t->task[k].frozen)
				freeze_head(t, &t->task[k], false);
		for (size_t k = 0; k < t->n_task; k++)
			if (t->task[k].kind->bound != NULL)
				t->task[k].kind->bound(&t->task[k], t->m);
	}
	uint64_t in_epoch = t->step++ % t->per_epoch + 1;
	row->step = t->step;
	row->epoch = (size_t)((t->step - 1) / t->per_epoch) + 1;
	row->loss = t->sum / (double)in_epoch;
	for (size_t k = 0; k < t->n_task; k++)
		row->part[k] = t->task[k].n_sum > 0 ? t->task[k].sum / (double)t->task[k].n_sum : 0;
	row->end_of_epoch = in_epoch == t->per_epoch;
	bool several = ser_comm_size(t->o.comm) > 1;
	if (row->end_of_epoch && several && !ser_comm_same(t->o.comm, hash_params(t)))
		return ser_fail(e, SER_EIO, "epoch %zu: the processes' parameters differ", row->epoch);
	if (row->end_of_epoch && t->task[0].sampler->n_dev > 0)
		train_validate(t, row);
	row->best = t->best_dev;
	row->best_epoch = t->best_epoch;
	return t->step < t->n_step && !t->stopped;
}

void ser_trainer_finish(struct ser_trainer *t)
{
	struct ser_params *p = t->m->params;
	if (t->best_epoch > 0)
		ser_params_put(p, t->best, p->val);
	else if (train_averages(t))
		ser_opt_swap_average(t->opt);
}

/* ---- setting up ---- */

/* Mean and spread of each dimension over the training items' frames, for SER_NORM_GLOBAL. */
static void fit_input(struct ser_trainer *t, size_t encoder)
{
	struct ser_params *p = t->m->params;
	const struct ser_encoder *e = &t->m->enc[encoder];
	real *mean = p->val + p->slice[e->mean].at, *std = p->val + p->slice[e->std].at;
	size_t f = t->field[encoder];
	struct ser_cmvn c;
	ser_cmvn_init(&c, e->n_in);
	for (size_t i = 0; i < t->d->n; i++) {
		size_t n_frame = t->d->item[i].piece[f].n_frame;
		if (t->s->role[i] != SER_ROLE_TRAIN)
			continue;
		float *x = train_scratch(t, n_frame * e->n_in);
		ser_dataset_read(t->d, f, i, 0, n_frame, x);
		ser_cmvn_add(&c, x, n_frame);
	}
	for (size_t j = 0; j < e->n_in; j++) {
		mean[j] = (real)c.mean[j];
		std[j] = (real)ser_spread(c.mean[j], c.m2[j] / c.n);
	}
	ser_cmvn_free(&c);
}

/* A sequence of tokens is one of the encoder's, and not longer than it takes. */
static int check_tokens(struct ser_trainer *t, size_t encoder, size_t item, struct ser_err *e)
{
	const struct ser_encoder *c = &t->m->enc[encoder];
	size_t f = t->field[encoder], n = t->d->item[item].piece[f].n_frame;
	float *x = train_scratch(t, n);
	ser_dataset_read(t->d, f, item, 0, n, x);
	size_t bad = ser_encoder_bad_token(c, x, n);
	if (bad < n)
		return ser_fail(e, SER_EDATA, "record \"%s\": field \"%s\" has %g at %zu, no token of %zu",
				t->d->item[item].id, c->field, (double)x[bad], bad, c->arch->n_token(c->hyper));
	return 0;
}

static int check_encoder(struct ser_trainer *t, size_t encoder, struct ser_err *e)
{
	const struct ser_encoder *c = &t->m->enc[encoder];
	size_t f = t->field[encoder], least = c->arch->min_frame(c->hyper), crop = t->o.tune[encoder].crop;
	size_t most = c->arch->max_frame != NULL ? c->arch->max_frame(c->hyper) : SIZE_MAX;
	if (t->d->field[f].dim != c->n_in)
		return ser_fail(e, SER_EDATA, "records have %zu dimensions a frame, the model wants %zu",
				t->d->field[f].dim, c->n_in);
	if (crop > 0 && crop < least)
		return ser_fail(e, SER_EUSAGE, "a crop of %zu frames is too short, architecture %s needs %zu", crop,
				c->arch->name, least);
	for (size_t i = 0; i < t->d->n; i++) {
		size_t n = t->d->item[i].piece[f].n_frame;
		if (n < least)
			return ser_fail(e, SER_EDATA, "record \"%s\" has %zu frames, architecture %s needs %zu",
					t->d->item[i].id, n, c->arch->name, least);
		if (n > most && (crop == 0 || crop > most || t->s->role[i] == SER_ROLE_DEV))
			return ser_fail(e, SER_EDATA, "record \"%s\" has %zu frames, architecture %s takes %zu",
					t->d->item[i].id, n, c->arch->name, most);
		if (c->arch->n_token != NULL && check_tokens(t, encoder, i, e) != 0)
			return e->code;
	}
	return 0;
}

static void sum_over(void *comm, double *x, size_t n)
{
	ser_comm_sum(comm, x, n);
}

/* Targets of all tasks, then their samplers, which look at them. */
static int set_up_tasks(struct ser_trainer *t, struct ser_err *e)
{
	const struct ser_draw w = {.d = t->d,
				   .s = t->s,
				   .task = t->task,
				   .n_task = t->n_task,
				   .seed = t->o.seed,
				   .batch = t->o.batch,
				   .balanced = t->o.balanced,
				   .rank = (size_t)ser_comm_rank(t->o.comm),
				   .size = (size_t)ser_comm_size(t->o.comm)};
	int rc = 0;
	for (size_t k = 0; k < t->n_task && rc == 0; k++)
		if (t->task[k].kind->targets != NULL)
			rc = t->task[k].kind->targets(&t->task[k], t->d, t->s, t->m, e);
	if (rc == 0 && t->o.balanced && t->task->n_class == 0)
		rc = ser_fail(e, SER_EUSAGE, "the first task has no classes to balance");
	for (size_t k = 0; k < t->n_task && rc == 0; k++) {
		struct ser_task *j = &t->task[k];
		if (j->kind->sampler != NULL)
			rc = j->kind->sampler(j, &w, &j->sampler, e);
		else if (k == 0)
			rc = train_sample_items(&j->sampler, &w, e);
	}
	if (rc == 0 && t->s->n_dev > 0 && t->task->sampler->n_dev == 0)
		rc = ser_fail(e, SER_EDATA, "nothing is left to validate on");
	return rc;
}

/* Tasks that mask frames come first, before encoders that are trained. */
static int check_masks(const struct ser_trainer *t, struct ser_err *e)
{
	for (size_t k = 0; k < t->n_task; k++) {
		const struct ser_task *j = &t->task[k];
		if (j->kind->mask == NULL)
			continue;
		if (k > 0)
			return ser_fail(e, SER_EUSAGE, "task %s masks frames: it must be the first", j->kind->name);
		if (is_frozen(t, ser_model_source_term(t->m, &t->m->head[j->head].source, 0).encoder))
			return ser_fail(e, SER_EUSAGE, "task %s trains the encoder: --freeze all leaves nothing to it",
					j->kind->name);
	}
	return 0;
}

static int set_up(struct ser_trainer *t, int n_thread, struct ser_err *e)
{
	struct ser_params *p = t->m->params;
	const struct ser_train_opts *o = &t->o;
	if (o->n_epoch == 0 || o->batch == 0 || o->accumulate == 0 || t->n_task == 0 || t->n_task > SER_MAX_TASK)
		return ser_fail(e, SER_EUSAGE, "epochs, batch, its parts and the number of tasks must be at least 1");
	for (size_t i = 0; i < t->m->n_enc; i++) {
		if (t->m->enc[i].field == NULL)
			continue;
		t->field[i] = ser_dataset_field(t->d, t->m->enc[i].field);
		if (check_encoder(t, i, e) != 0)
			return e->code;
	}
	if (check_masks(t, e) != 0)
		return e->code;
	train_batch_init(&t->b, t->d->n);
	t->print = hash_params(t); /* of what init and the seed make */
	if (set_up_tasks(t, e) != 0)
		return e->code;
	t->per_epoch = t->task->sampler->per_epoch;
	t->n_step = t->per_epoch * o->n_epoch;
	bool frozen = false;
	for (size_t i = 0; i < t->m->n_enc; i++) {
		if (t->m->enc[i].norm == SER_NORM_GLOBAL && !o->tune[i].keep_input)
			fit_input(t, i);
		if (o->tune[i].freeze != NULL && ser_model_freeze(t->m, i, o->tune[i].freeze, e) != 0)
			return e->code;
		if (t->m->enc[i].adapt.rank > 0)
			ser_model_freeze_base(t->m, i);
		frozen = frozen || is_frozen(t, i);
	}
	for (size_t k = 0; k < t->n_task; k++)
		if (t->task[k].frozen)
			freeze_head(t, &t->task[k], true);
	train_rates(t);
	t->sched = ser_sched_defaults();
	t->sched.kind = o->sched;
	t->sched.lr = o->lr;
	t->sched.n_total = t->n_step;
	t->sched.n_warmup = (uint64_t)(0.5 + (o->warmup_epochs > 0 ? o->warmup_epochs * (double)t->per_epoch
								   : o->warmup * (double)t->n_step));
	t->sched.every = t->n_step / 3 > 0 ? t->n_step / 3 : 1;
	t->la = n_thread > 1 || o->precision != SER_LA_FULL ? ser_la_new(n_thread) : NULL;
	if (o->precision != SER_LA_FULL && !ser_la_set_precision(t->la, o->precision))
		return ser_fail(e, SER_EUSAGE, "this build has no bf16 products");
	t->tape = ser_tape_new(t->la, p);
	ser_tape_recompute(t->tape, t->o.recompute);
	for (size_t k = 0; k < t->n_task; k++)
		t->whole = t->whole || (o->accumulate > 1 && wants_all(&t->task[k]));
	if (ser_comm_size(o->comm) > 1)
		ser_tape_all_sum(t->tape, sum_over, o->comm);
	if (ser_comm_size(o->comm) > 1 || t->whole)
		t->side = ser_tape_new(t->la, p);
	if (t->task->kind->teach != NULL && o->opt.ema == 0)
		return ser_fail(e, SER_EUSAGE, "task %s learns from the average of parameters: --ema 0 leaves none",
				t->task->kind->name);
	if (t->task->kind->teach != NULL)
		t->teacher = ser_tape_new(t->la, p);
	if (frozen)
		t->fixed = ser_tape_new(t->la, p);
	t->n_live = ser_params_live(p);
	t->best = ser_calloc(t->n_live, sizeof *t->best);
	if (ser_opt_new(&t->opt, &o->opt, p, t->la, e) != 0)
		return e->code;
	if (ser_comm_size(o->comm) > 1 && !ser_comm_same(o->comm, train_fingerprint(t) ^ hash_params(t)))
		return ser_fail(e, SER_EUSAGE, "the processes have not the same data, options and models");
	return 0;
}

int ser_trainer_new(struct ser_trainer **out, const struct ser_dataset *d, const struct ser_split *s,
		    struct ser_model *m, struct ser_task *task, size_t n_task, const struct ser_train_opts *o,
		    int n_thread, struct ser_err *e)
{
	struct ser_trainer *t = ser_calloc(1, sizeof *t);
	t->d = d;
	t->m = m;
	t->o = *o;
	t->s = s;
	t->task = task;
	t->n_task = n_task;
	int rc = set_up(t, n_thread, e);
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
	free(t->best);
	free(t->all);
	free(t->held);
	free(t->scratch);
	for (size_t i = 0; i < SER_MAX_ENCODER; i++) {
		free(t->moments[i].y);
		free(t->moments[i].known);
	}
	if (t->opt != NULL)
		ser_opt_free(t->opt);
	if (t->tape != NULL)
		ser_tape_free(t->tape);
	if (t->side != NULL)
		ser_tape_free(t->side);
	if (t->fixed != NULL)
		ser_tape_free(t->fixed);
	if (t->teacher != NULL)
		ser_tape_free(t->teacher);
	if (t->la != NULL)
		ser_la_free(t->la);
	free(t);
}
