/* SPDX-License-Identifier: MIT */
/* Products: linear layers, matrix by matrix. */
#include "nn/private.h"
#include "nn/kern.h"

const struct ser_la_after *tape_after(struct ser_tape *t, const struct then *then, struct ser_la_after *a)
{
	if (then->what == THEN_NOTHING)
		return NULL;
	*a = (struct ser_la_after){.relu = then->what == THEN_NORM_RELU ? SER_LA_RELU_AFTER : SER_LA_RELU_BEFORE};
	if (then->what != THEN_RELU)
		tape_norm_after(t, then->norm, a);
	return a;
}

int ser_nn_linear_part(struct ser_tape *t, int x, int w, size_t col, int b)
{
	struct node X = *tape_at(t, x), W = *tape_at(t, w);
	ser_assert(col <= W.n_col && X.n_col <= W.n_col - col);
	ser_assert((b < 0 || tape_at(t, b)->n_row * tape_at(t, b)->n_col == W.n_row));
	void *saved;
	int y = tape_op(t, OP_LINEAR, 3, (int[]){x, w, b}, X.n_row, W.n_row, X.seg, X.n_seg, &saved,
			sizeof(struct linear));
	((struct linear *)saved)->col = col;
	tape_bias(t, y, b);
	return y;
}

int ser_nn_linear(struct ser_tape *t, int x, int w, int b)
{
	ser_assert(tape_at(t, x)->n_col == tape_at(t, w)->n_col);
	return ser_nn_linear_part(t, x, w, 0, b);
}

void fwd_linear(struct ser_tape *t, struct rec *r)
{
	const struct linear *s = r->saved;
	struct node X = *tape_at(t, r->in[0]), W = *tape_at(t, r->in[1]), Y = *tape_at(t, r->out);
	const struct ser_la_packed *packed = tape_packed(t, r->in[1], s->col, X.n_col);
	const real *bias = tape_val(t, r->in[2]);
	struct ser_la_after after;
	if (packed != NULL)
		ser_la_gemm_packed(t->la, X.n_row, X.val, X.n_col, packed, bias, tape_after(t, &s->then, &after), Y.val,
				   W.n_row);
	else
		ser_la_gemm_bias(t->la, true, X.n_row, W.n_row, X.n_col, X.val, X.n_col, W.val + s->col, W.n_col, bias,
				 Y.val, W.n_row);
}

/* y = x w' + b:  dx = dy w, dw = dy' x, db = sum dy; of the columns of w that x meets */
void bwd_linear(struct ser_tape *t, const struct rec *r)
{
	const struct linear *s = r->saved;
	struct node X = *tape_at(t, r->in[0]), W = *tape_at(t, r->in[1]), Y = *tape_at(t, r->out);
	real beta, *g;
	if ((g = tape_grad_beta(t, r->in[0], &beta)) != NULL)
		ser_la_gemm(t->la, false, false, X.n_row, X.n_col, Y.n_col, 1, Y.grad, Y.n_col, W.val + s->col, W.n_col,
			    beta, g, X.n_col);
	if (X.n_col == W.n_col)
		g = tape_grad_beta(t, r->in[1], &beta);
	else {
		g = tape_grad(t, r->in[1]);
		beta = 1;
	}
	if (g != NULL)
		ser_la_gemm(t->la, true, false, Y.n_col, X.n_col, X.n_row, 1, Y.grad, Y.n_col, X.val, X.n_col, beta,
			    g + s->col, W.n_col);
	tape_bias_back(t, r->out, r->in[2]);
}

struct matmul {
	bool tb;
	real alpha;
};

int ser_nn_matmul(struct ser_tape *t, int a, int b, bool tb, double alpha)
{
	struct node A = *tape_at(t, a), B = *tape_at(t, b);
	size_t n = tb ? B.n_row : B.n_col;
	ser_assert(A.n_col == (tb ? B.n_col : B.n_row));
	void *saved;
	int y = tape_op(t, OP_MATMUL, 2, (int[]){a, b}, A.n_row, n, A.seg, A.n_seg, &saved, sizeof(struct matmul));
	*(struct matmul *)saved = (struct matmul){tb, (real)alpha};
	return y;
}

void fwd_matmul(struct ser_tape *t, struct rec *r)
{
	const struct matmul *s = r->saved;
	struct node A = *tape_at(t, r->in[0]), B = *tape_at(t, r->in[1]), Y = *tape_at(t, r->out);
	ser_la_gemm(t->la, false, s->tb, Y.n_row, Y.n_col, A.n_col, s->alpha, A.val, A.n_col, B.val, B.n_col, 0, Y.val,
		    Y.n_col);
}

/* y = alpha a b:  da = alpha dy b', db = alpha a' dy;  with b transposed: da = alpha dy b, db = alpha dy' a */
void bwd_matmul(struct ser_tape *t, const struct rec *r)
{
	const struct matmul *s = r->saved;
	struct node A = *tape_at(t, r->in[0]), B = *tape_at(t, r->in[1]), Y = *tape_at(t, r->out);
	real beta, *g;
	if ((g = tape_grad_beta(t, r->in[0], &beta)) != NULL)
		ser_la_gemm(t->la, false, !s->tb, A.n_row, A.n_col, Y.n_col, s->alpha, Y.grad, Y.n_col, B.val, B.n_col,
			    beta, g, A.n_col);
	if ((g = tape_grad_beta(t, r->in[1], &beta)) == NULL)
		return;
	if (s->tb)
		ser_la_gemm(t->la, true, false, B.n_row, B.n_col, Y.n_row, s->alpha, Y.grad, Y.n_col, A.val, A.n_col,
			    beta, g, B.n_col);
	else
		ser_la_gemm(t->la, true, false, B.n_row, B.n_col, A.n_row, s->alpha, A.val, A.n_col, Y.grad, Y.n_col,
			    beta, g, B.n_col);
}
