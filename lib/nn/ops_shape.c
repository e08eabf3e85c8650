/* SPDX-License-Identifier: MIT */
/* Columns and rows: put side by side, taken out, turned; and their sum. */
#include "nn/private.h"
#include "nn/kern.h"

#include <string.h>

struct copy { /* rows of `from` [.., ld_from] to `to` [.., ld_to], n_col wide */
	const real *from;
	real *to;
	size_t ld_from, ld_to, n_col;
	bool add;
};

static void copy_rows(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct copy *c = ctx;
	for (size_t r = r0; r < r1; r++) {
		if (!c->add)
			memcpy(c->to + r * c->ld_to, c->from + r * c->ld_from, c->n_col * sizeof(real));
		else
			ser_la_axpy(c->n_col, 1, c->from + r * c->ld_from, c->to + r * c->ld_to);
	}
}

static void copy_cols(struct ser_tape *t, size_t n_row, struct copy c)
{
	ser_la_range(t->la, n_row, grain_rows(c.n_col), copy_rows, &c);
}

int ser_nn_concat(struct ser_tape *t, int n, const int *x)
{
	ser_assert(n > 0);
	struct node X = *tape_at(t, x[0]);
	size_t n_col = 0;
	for (int i = 0; i < n; i++) {
		ser_assert(tape_at(t, x[i])->n_row == X.n_row);
		n_col += tape_at(t, x[i])->n_col;
	}
	return tape_op(t, OP_CONCAT, n, x, X.n_row, n_col, X.seg, X.n_seg, NULL, 0);
}

/* Is x where it belongs, a view of y from column col on? */
static bool in_place(const struct ser_tape *t, int x, int y, size_t col)
{
	return tape_at(t, x)->home == y && tape_at(t, x)->col == col;
}

void fwd_concat(struct ser_tape *t, struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	size_t col = 0;
	for (int i = 0; i < r->n_in; i++) {
		struct node X = *tape_at(t, r->in[i]);
		if (!in_place(t, r->in[i], r->out, col))
			copy_cols(t, Y.n_row, (struct copy){X.val, Y.val + col, X.ld, Y.ld, X.n_col, false});
		col += X.n_col;
	}
}

/* The gradient of what lies in its place does so already. */
void bwd_concat(struct ser_tape *t, const struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	size_t col = 0;
	for (int i = 0; i < r->n_in; i++) {
		real beta, *g = tape_grad_beta(t, r->in[i], &beta);
		struct node X = *tape_at(t, r->in[i]);
		if (g != NULL && !in_place(t, r->in[i], r->out, col))
			copy_cols(t, Y.n_row, (struct copy){Y.grad + col, g, Y.grad_ld, X.grad_ld, X.n_col, beta != 0});
		col += X.n_col;
	}
}

int ser_nn_slice(struct ser_tape *t, int x, size_t col, size_t n_col)
{
	struct node X = *tape_at(t, x);
	ser_assert(n_col > 0 && col <= X.n_col && n_col <= X.n_col - col);
	void *saved;
	int y = tape_op(t, OP_SLICE, 1, &x, X.n_row, n_col, X.seg, X.n_seg, &saved, sizeof(size_t));
	*(size_t *)saved = col;
	return y;
}

void fwd_slice(struct ser_tape *t, struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]), Y = *tape_at(t, r->out);
	copy_cols(t, Y.n_row, (struct copy){X.val + *(size_t *)r->saved, Y.val, X.n_col, Y.n_col, Y.n_col, false});
}

void bwd_slice(struct ser_tape *t, const struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	size_t n_col = tape_at(t, r->in[0])->n_col;
	copy_cols(t, Y.n_row,
		  (struct copy){Y.grad, tape_grad(t, r->in[0]) + *(size_t *)r->saved, Y.n_col, n_col, Y.n_col, true});
}

static int rows(struct ser_tape *t, int x, size_t n, const int32_t *idx, const size_t *seg, size_t n_seg)
{
	struct node X = *tape_at(t, x);
	void *saved;
	int y = tape_op(t, OP_ROWS, 1, &x, n, X.n_col, seg, n_seg, &saved, sizeof idx);
	*(const int32_t **)saved = idx;
	return y;
}

void fwd_rows(struct ser_tape *t, struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]), Y = *tape_at(t, r->out);
	const int32_t *idx = *(const int32_t **)r->saved;
	for (size_t i = 0; i < Y.n_row; i++, Y.val += X.n_col) {
		ser_assert(idx[i] < 0 || (size_t)idx[i] < X.n_row);
		if (idx[i] < 0)
			memset(Y.val, 0, X.n_col * sizeof *Y.val);
		else
			memcpy(Y.val, X.val + (size_t)idx[i] * X.n_col, X.n_col * sizeof *Y.val);
	}
}

int ser_nn_rows(struct ser_tape *t, int x, size_t n, const int32_t *idx)
{
	return rows(t, x, n, idx, NULL, 0);
}

int ser_nn_embedding(struct ser_tape *t, int table, size_t n, const int32_t *idx, const size_t *seg, size_t n_seg)
{
	return rows(t, table, n, idx, seg, n_seg);
}

/* rows may repeat: in order, on one thread */
void bwd_rows(struct ser_tape *t, const struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	const int32_t *idx = *(const int32_t **)r->saved;
	real *g = tape_grad(t, r->in[0]);
	for (size_t i = 0; i < Y.n_row; i++)
		if (idx[i] >= 0)
			ser_la_axpy(Y.n_col, 1, Y.grad + i * Y.n_col, g + (size_t)idx[i] * Y.n_col);
}

int ser_nn_transpose(struct ser_tape *t, int x)
{
	struct node X = *tape_at(t, x);
	return tape_op(t, OP_TRANSPOSE, 1, &x, X.n_col, X.n_row, NULL, 0, NULL, 0);
}

void fwd_transpose(struct ser_tape *t, struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]), Y = *tape_at(t, r->out);
	for (size_t c = 0; c < X.n_col; c++)
		for (size_t i = 0; i < X.n_row; i++)
			Y.val[c * X.n_row + i] = X.val[i * X.n_col + c];
}

void bwd_transpose(struct ser_tape *t, const struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	real *g = tape_grad(t, r->in[0]);
	for (size_t i = 0; i < Y.n_row; i++)
		for (size_t j = 0; j < Y.n_col; j++)
			g[j * Y.n_row + i] += Y.grad[i * Y.n_col + j];
}

int ser_nn_sum(struct ser_tape *t, int x)
{
	return tape_op(t, OP_SUM, 1, &x, 1, 1, NULL, 0, NULL, 0);
}

void fwd_sum(struct ser_tape *t, struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]);
	*tape_at(t, r->out)->val = (real)ser_la_sum(X.n_row * X.n_col, X.val);
}

void bwd_sum(struct ser_tape *t, const struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]);
	real *g = tape_grad(t, r->in[0]), d = *tape_at(t, r->out)->grad;
	for (size_t i = 0; i < X.n_row * X.n_col; i++)
		g[i] += d;
}
