/* SPDX-License-Identifier: MIT */
/* Losses as operators. Each is a function of one matrix; its derivative is formed beside its value and kept. */
#include "nn/impl.h"
#include "nn/kern.h"

/* The loss of node x, and where its derivative goes (NULL when none is wanted). */
static int loss(struct ser_tape *t, int x, real **d)
{
	struct ser_node X = *tape_at(t, x);
	void *saved;
	int y = tape_op(t, OP_LOSS, 1, &x, 1, 1, NULL, 0, &saved, sizeof(real *));
	*d = tape_saving(t, y) ? tape_alloc(t, X.n_row * X.n_col) : NULL;
	*(real **)saved = *d;
	return y;
}

static int done(struct ser_tape *t, int y, double value)
{
	*tape_at(t, y)->val = (real)value;
	return y;
}

void bwd_loss(struct ser_tape *t, const struct rec *r)
{
	const struct ser_node *X = tape_at(t, r->in[0]);
	real g = *tape_at(t, r->out)->grad;
	real *dx = tape_grad(t, r->in[0]);
	ser_la_axpy(X->n_row * X->n_col, g, *(real **)r->saved, dx);
}

static void check_labels(const int32_t *label, size_t n, size_t n_class)
{
	for (size_t i = 0; i < n; i++)
		ser_assert(label[i] < 0 || (size_t)label[i] < n_class);
}

int ser_nn_cross_entropy(struct ser_tape *t, int logit, const int32_t *label, const struct ser_loss *o)
{
	real *d;
	int y = loss(t, logit, &d);
	struct ser_node X = *tape_at(t, logit);
	if (tape_shape_only(t))
		return y;
	check_labels(label, X.n_row, X.n_col);
	return done(t, y, kern_cross_entropy(X.n_row, X.n_col, X.val, label, NULL, false, -1, o, d));
}

int ser_nn_focal(struct ser_tape *t, int logit, const int32_t *label, double gamma, const struct ser_loss *o)
{
	ser_assert(gamma >= 0);
	real *d;
	int y = loss(t, logit, &d);
	struct ser_node X = *tape_at(t, logit);
	if (tape_shape_only(t))
		return y;
	check_labels(label, X.n_row, X.n_col);
	return done(t, y, kern_cross_entropy(X.n_row, X.n_col, X.val, label, NULL, false, gamma, o, d));
}

int ser_nn_cross_entropy_soft(struct ser_tape *t, int logit, const real *target, const struct ser_loss *o)
{
	real *d;
	int y = loss(t, logit, &d);
	struct ser_node X = *tape_at(t, logit);
	if (tape_shape_only(t))
		return y;
	return done(t, y, kern_cross_entropy(X.n_row, X.n_col, X.val, NULL, target, false, -1, o, d));
}

int ser_nn_kl(struct ser_tape *t, int logit, const real *target, const struct ser_loss *o)
{
	real *d;
	int y = loss(t, logit, &d);
	struct ser_node X = *tape_at(t, logit);
	if (tape_shape_only(t))
		return y;
	return done(t, y, kern_cross_entropy(X.n_row, X.n_col, X.val, NULL, target, true, -1, o, d));
}

int ser_nn_bce(struct ser_tape *t, int logit, const real *target, const struct ser_loss *o)
{
	real *d;
	int y = loss(t, logit, &d);
	struct ser_node X = *tape_at(t, logit);
	if (tape_shape_only(t))
		return y;
	return done(t, y, kern_bce(X.n_row, X.n_col, X.val, target, o, d));
}

static int mean_error(struct ser_tape *t, int x, const real *target, bool absolute, const struct ser_loss *o)
{
	real *d;
	int y = loss(t, x, &d);
	struct ser_node X = *tape_at(t, x);
	if (tape_shape_only(t))
		return y;
	return done(t, y, kern_mse(X.n_row, X.n_col, X.val, target, absolute, o, d));
}

int ser_nn_mse(struct ser_tape *t, int x, const real *target, const struct ser_loss *o)
{
	return mean_error(t, x, target, false, o);
}

int ser_nn_mae(struct ser_tape *t, int x, const real *target, const struct ser_loss *o)
{
	return mean_error(t, x, target, true, o);
}

int ser_nn_ccc(struct ser_tape *t, int x, const real *target, double eps, const struct ser_loss *o)
{
	real *d;
	int y = loss(t, x, &d);
	struct ser_node X = *tape_at(t, x);
	if (tape_shape_only(t))
		return y;
	return done(t, y, kern_ccc(X.n_row, X.n_col, X.val, target, eps, o, d));
}

int ser_nn_aam(struct ser_tape *t, int cosine, size_t n_sub, const int32_t *label, double margin, double scale,
	       const struct ser_loss *o)
{
	real *d;
	int y = loss(t, cosine, &d);
	struct ser_node X = *tape_at(t, cosine);
	ser_assert(n_sub > 0 && X.n_col % n_sub == 0);
	if (tape_shape_only(t))
		return y;
	check_labels(label, X.n_row, X.n_col / n_sub);
	return done(t, y, kern_aam(X.n_row, X.n_col / n_sub, n_sub, X.val, label, margin, scale, o, d));
}

/* ---- contrastive: losses of the scores s = a b'/tau ---- */

int ser_nn_ntxent(struct ser_tape *t, int z, double tau)
{
	int s = ser_nn_matmul(t, z, z, true, 1 / tau);
	real *d;
	int y = loss(t, s, &d);
	size_t n = tape_at(t, s)->n_row;
	ser_assert(n % 2 == 0);
	return tape_shape_only(t) ? y : done(t, y, kern_ntxent(n, tape_at(t, s)->val, d));
}

int ser_nn_infonce(struct ser_tape *t, int a, int b, double tau)
{
	int s = ser_nn_matmul(t, a, b, true, 1 / tau);
	real *d;
	int y = loss(t, s, &d);
	size_t n = tape_at(t, s)->n_row;
	ser_assert(tape_at(t, s)->n_col == n);
	return tape_shape_only(t) ? y : done(t, y, kern_infonce(n, tape_at(t, s)->val, d));
}

int ser_nn_supcon(struct ser_tape *t, int z, const int32_t *label, double tau)
{
	int s = ser_nn_matmul(t, z, z, true, 1 / tau);
	real *d;
	int y = loss(t, s, &d);
	return tape_shape_only(t) ? y : done(t, y, kern_supcon(tape_at(t, s)->n_row, tape_at(t, s)->val, label, d));
}

int ser_nn_pair_loss(struct ser_tape *t, int z, const struct ser_pair_rows *p, double tau, double norm)
{
	int s = ser_nn_matmul(t, z, z, true, 1 / tau);
	real *d;
	int y = loss(t, s, &d);
	if (tape_shape_only(t))
		return y;
	size_t n = tape_at(t, s)->n_row, a = p->n_anchor;
	for (size_t i = 0; i < a; i++)
		ser_assert(p->anchor[i] >= 0 && (size_t)p->anchor[i] < n);
	for (size_t i = 0; i < p->pos_at[a]; i++)
		ser_assert(p->pos[i] >= 0 && (size_t)p->pos[i] < n);
	for (size_t i = 0; i < p->neg_at[a]; i++)
		ser_assert(p->neg[i] >= 0 && (size_t)p->neg[i] < n);
	return done(t, y, kern_pair_loss(n, tape_at(t, s)->val, p, norm, d));
}

int ser_nn_clap_kl(struct ser_tape *t, int c, const real *m)
{
	real *d;
	int y = loss(t, c, &d);
	size_t n = tape_at(t, c)->n_row;
	ser_assert(tape_at(t, c)->n_col == n);
	return tape_shape_only(t) ? y : done(t, y, kern_clap_kl(n, tape_at(t, c)->val, m, d));
}

int ser_nn_triplet(struct ser_tape *t, int z, size_t n, const int32_t (*trip)[3], double margin)
{
	real *d;
	int y = loss(t, z, &d);
	struct ser_node Z = *tape_at(t, z);
	if (tape_shape_only(t))
		return y;
	for (size_t i = 0; i < 3 * n; i++)
		ser_assert(trip[i / 3][i % 3] >= 0 && (size_t)trip[i / 3][i % 3] < Z.n_row);
	return done(t, y, kern_triplet(Z.n_row, Z.n_col, Z.val, n, trip, margin, d));
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
