/* SPDX-License-Identifier: MIT */
/* Losses as operators. Each is a function of one matrix; its derivative is formed beside its value and kept. */
#include "nn/private.h"
#include "nn/kern.h"

#include <math.h>

enum loss {
	LOSS_CROSS_ENTROPY, /* focal with a gamma from 0 on */
	LOSS_SOFT,          /* cross entropy of a distribution; */
	LOSS_KL,            /* less its entropy */
	LOSS_BCE,
	LOSS_UNLIKELIHOOD,
	LOSS_MSE,
	LOSS_MAE,
	LOSS_CCC,
	LOSS_AAM,
	LOSS_NTXENT,
	LOSS_INFONCE,
	LOSS_SUPCON,
	LOSS_PAIRS,
	LOSS_CLAP,
	LOSS_TRIPLET
};

struct loss_op {
	enum loss kind;
	const int32_t *label;
	const real *target;
	double a, b; /* gamma, eps, margin and scale, norm */
	size_t n;    /* sub-centres, triplets, 1: mixed, each */
	const int32_t (*trip)[3];
	struct ser_pair_rows pair;
	bool how; /* o was given */
	struct ser_loss o;
	real *d; /* the derivative, like x */
};

static int loss(struct ser_tape *t, int x, const struct ser_loss *o, struct loss_op l)
{
	void *saved;
	int y = tape_op(t, OP_LOSS, 1, &x, 1, 1, NULL, 0, &saved, sizeof l);
	l.how = o != NULL;
	l.o = o != NULL ? *o : (struct ser_loss){.norm = 0};
	*(struct loss_op *)saved = l;
	return y;
}

static void check_labels(const int32_t *label, size_t n, size_t n_class)
{
	for (size_t i = 0; i < n; i++)
		ser_assert(label[i] < 0 || (size_t)label[i] < n_class);
}

static void check_rows(const int32_t *row, size_t n, size_t n_row)
{
	for (size_t i = 0; i < n; i++)
		ser_assert(row[i] >= 0 && (size_t)row[i] < n_row);
}

static double ccc(struct ser_tape *t, const struct loss_op *l, size_t R, size_t C, const real *x)
{
	const struct kern_all all = {t->all_sum, t->all_sum_ctx};
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	double *sum = ser_arena_calloc(&t->arena, ser_mul(5, C) + 1, sizeof *sum);
	double v = kern_ccc(R, C, x, l->target, l->n == 1, l->a, l->how ? &l->o : NULL, &all, sum, l->d);
	ser_arena_rewind(&t->arena, m);
	return v;
}

static double value(struct ser_tape *t, const struct loss_op *l, size_t R, size_t C, const real *x)
{
	const struct ser_loss *o = l->how ? &l->o : NULL;
	switch (l->kind) {
	case LOSS_CROSS_ENTROPY:
		check_labels(l->label, R, C);
		return kern_cross_entropy(R, C, x, l->label, NULL, false, l->a, o, l->d);
	case LOSS_SOFT:
	case LOSS_KL:
		return kern_cross_entropy(R, C, x, NULL, l->target, l->kind == LOSS_KL, -1, o, l->d);
	case LOSS_BCE:
		return kern_bce(R, C, x, l->target, o, l->d);
	case LOSS_UNLIKELIHOOD:
		return kern_unlikelihood(R, C, x, l->target, l->n == 1, o, l->d);
	case LOSS_MSE:
	case LOSS_MAE:
		return kern_mse(R, C, x, l->target, l->kind == LOSS_MAE, o, l->d);
	case LOSS_CCC:
		return ccc(t, l, R, C, x);
	case LOSS_AAM:
		check_labels(l->label, R, C / l->n);
		return kern_aam(R, C / l->n, l->n, x, l->label, l->a, l->b, o, l->d);
	case LOSS_NTXENT:
		return kern_ntxent(R, x, l->d);
	case LOSS_INFONCE:
		return kern_infonce(R, x, l->d);
	case LOSS_SUPCON:
		return kern_supcon(R, x, l->label, l->d);
	case LOSS_PAIRS:
		check_rows(l->pair.anchor, l->pair.n_anchor, R);
		check_rows(l->pair.pos, l->pair.pos_at[l->pair.n_anchor], R);
		check_rows(l->pair.neg, l->pair.neg_at[l->pair.n_anchor], R);
		return kern_pair_loss(R, x, &l->pair, l->b, l->d);
	case LOSS_CLAP:
		return kern_clap_kl(R, x, l->target, l->d);
	case LOSS_TRIPLET:
		check_rows(l->trip[0], 3 * l->n, R);
		return kern_triplet(R, C, x, l->n, l->trip, l->a, l->d);
	}
	return NAN;
}

void fwd_loss(struct ser_tape *t, struct rec *r)
{
	struct loss_op *l = r->saved;
	struct node X = *tape_at(t, r->in[0]), Y = *tape_at(t, r->out);
	l->d = Y.need ? tape_state(t, r, ser_mul(X.n_row, X.n_col), sizeof *l->d) : NULL;
	*Y.val = (real)value(t, l, X.n_row, X.n_col, X.val);
}

void bwd_loss(struct ser_tape *t, const struct rec *r)
{
	const struct node *X = tape_at(t, r->in[0]);
	real g = *tape_at(t, r->out)->grad;
	real *dx = tape_grad(t, r->in[0]);
	ser_la_axpy(X->n_row * X->n_col, g, ((struct loss_op *)r->saved)->d, dx);
}

int ser_nn_cross_entropy(struct ser_tape *t, int logit, const int32_t *label, const struct ser_loss *o)
{
	return loss(t, logit, o, (struct loss_op){.kind = LOSS_CROSS_ENTROPY, .label = label, .a = -1});
}

int ser_nn_focal(struct ser_tape *t, int logit, const int32_t *label, double gamma, const struct ser_loss *o)
{
	ser_assert(gamma >= 0);
	return loss(t, logit, o, (struct loss_op){.kind = LOSS_CROSS_ENTROPY, .label = label, .a = gamma});
}

int ser_nn_cross_entropy_soft(struct ser_tape *t, int logit, const real *target, const struct ser_loss *o)
{
	return loss(t, logit, o, (struct loss_op){.kind = LOSS_SOFT, .target = target});
}

int ser_nn_kl(struct ser_tape *t, int logit, const real *target, const struct ser_loss *o)
{
	return loss(t, logit, o, (struct loss_op){.kind = LOSS_KL, .target = target});
}

int ser_nn_bce(struct ser_tape *t, int logit, const real *target, const struct ser_loss *o)
{
	return loss(t, logit, o, (struct loss_op){.kind = LOSS_BCE, .target = target});
}

int ser_nn_unlikelihood(struct ser_tape *t, int logit, const real *q, bool each, const struct ser_loss *o)
{
	return loss(t, logit, o, (struct loss_op){.kind = LOSS_UNLIKELIHOOD, .target = q, .n = each ? 1 : 0});
}

int ser_nn_mse(struct ser_tape *t, int x, const real *target, const struct ser_loss *o)
{
	return loss(t, x, o, (struct loss_op){.kind = LOSS_MSE, .target = target});
}

int ser_nn_mae(struct ser_tape *t, int x, const real *target, const struct ser_loss *o)
{
	return loss(t, x, o, (struct loss_op){.kind = LOSS_MAE, .target = target});
}

int ser_nn_ccc(struct ser_tape *t, int x, const real *target, bool mixed, double eps, const struct ser_loss *o)
{
	return loss(t, x, o, (struct loss_op){.kind = LOSS_CCC, .target = target, .n = mixed ? 1 : 0, .a = eps});
}

int ser_nn_aam(struct ser_tape *t, int cosine, size_t n_sub, const int32_t *label, double margin, double scale,
	       const struct ser_loss *o)
{
	ser_assert(n_sub > 0 && tape_at(t, cosine)->n_col % n_sub == 0);
	return loss(t, cosine, o,
		    (struct loss_op){.kind = LOSS_AAM, .n = n_sub, .label = label, .a = margin, .b = scale});
}

/* ---- contrastive: losses of the scores s = a b'/tau ---- */

int ser_nn_ntxent(struct ser_tape *t, int z, double tau)
{
	ser_assert(tape_at(t, z)->n_row % 2 == 0);
	return loss(t, ser_nn_matmul(t, z, z, true, 1 / tau), NULL, (struct loss_op){.kind = LOSS_NTXENT});
}

int ser_nn_infonce(struct ser_tape *t, int a, int b, double tau)
{
	ser_assert(tape_at(t, a)->n_row == tape_at(t, b)->n_row);
	return loss(t, ser_nn_matmul(t, a, b, true, 1 / tau), NULL, (struct loss_op){.kind = LOSS_INFONCE});
}

int ser_nn_supcon(struct ser_tape *t, int z, const int32_t *label, double tau)
{
	return loss(t, ser_nn_matmul(t, z, z, true, 1 / tau), NULL,
		    (struct loss_op){.kind = LOSS_SUPCON, .label = label});
}

int ser_nn_pair_loss(struct ser_tape *t, int z, const struct ser_pair_rows *p, double tau, double norm)
{
	return loss(t, ser_nn_matmul(t, z, z, true, 1 / tau), NULL,
		    (struct loss_op){.kind = LOSS_PAIRS, .pair = *p, .b = norm});
}

int ser_nn_clap_kl(struct ser_tape *t, int c, const real *m)
{
	ser_assert(tape_at(t, c)->n_col == tape_at(t, c)->n_row);
	return loss(t, c, NULL, (struct loss_op){.kind = LOSS_CLAP, .target = m});
}

int ser_nn_triplet(struct ser_tape *t, int z, size_t n, const int32_t (*trip)[3], double margin)
{
	return loss(t, z, NULL, (struct loss_op){.kind = LOSS_TRIPLET, .n = n, .trip = trip, .a = margin});
}

int ser_nn_cooccur_weights(size_t n, const double *count, real *w, struct ser_err *e)
{
	for (size_t z = 0; z < n; z++)
		if (!(count[z * n + z] > 0))
			return ser_fail(e, SER_EDATA, "co-occurrence weights: class %zu was never chosen", z);
	for (size_t j = 0; j < n; j++) {
		double s = 0;
		for (size_t z = 0; z < n; z++)
			s += 1 - count[j * n + z] / count[z * n + z];
		w[j] = (real)s;
	}
	return 0;
}
