/* SPDX-License-Identifier: MIT */
/* Activations, gated ones, softmax. */
#include "nn/private.h"
#include "nn/kern.h"

/* ---- activations ---- */

struct ew { /* elementwise work over ranges, or by rows of n_col */
	enum kern_act act;
	const real *x, *y, *dy;
	real *out;
	size_t n_col;
};

static void act_fwd(void *ctx, size_t i0, size_t i1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	kern_act_fwd(e->act, i1 - i0, e->x + i0, e->out + i0);
}

static void act_bwd(void *ctx, size_t i0, size_t i1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	kern_act_bwd(e->act, i1 - i0, e->x + i0, e->y + i0, e->dy + i0, e->out + i0);
}

static int act(struct ser_tape *t, int x, enum kern_act f)
{
	struct node X = *tape_at(t, x);
	void *saved;
	int y = tape_op(t, OP_ACT, 1, &x, X.n_row, X.n_col, X.seg, X.n_seg, &saved, sizeof f);
	*(enum kern_act *)saved = f;
	return y;
}

void fwd_act(struct ser_tape *t, struct rec *r)
{
	struct node X = tape_x(t, r);
	struct ew e = {.act = *(enum kern_act *)r->saved, .x = X.val, .out = tape_at(t, r->out)->val};
	ser_la_range(t->la, X.n_row * X.n_col, GRAIN, act_fwd, &e);
}

void bwd_act(struct ser_tape *t, const struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]), Y = *tape_at(t, r->out);
	struct ew e = {.act = *(enum kern_act *)r->saved, .dy = Y.grad, .out = tape_grad(t, r->in[0])};
	e.x = tape_reads_in(t, r, 0) ? X.val : Y.grad; /* what is not read is not there */
	e.y = tape_reads_out(r) ? Y.val : Y.grad;
	ser_la_range(t->la, X.n_row * X.n_col, GRAIN, act_bwd, &e);
}

int ser_nn_relu(struct ser_tape *t, int x)
{
	return act(t, x, ACT_RELU);
}

static void relu_over(void *ctx, size_t i0, size_t i1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	kern_relu_over(i1 - i0, e->out + i0);
}

static void relu_mask(void *ctx, size_t i0, size_t i1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	kern_relu_mask(i1 - i0, e->x + i0, e->out + i0);
}

/* in the memory of x */
void fwd_relu_in_place(struct ser_tape *t, struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	struct ew e = {.out = Y.val};
	ser_la_range(t->la, Y.n_row * Y.n_col, GRAIN, relu_over, &e);
}

/* the same for rows, with their sums while they are in the cache */
static void relu_mask_part(const void *ctx, size_t r0, size_t n, double *s, double *q)
{
	const struct ew *e = ctx;
	size_t C = e->n_col;
	for (size_t r = r0, m; r < r0 + n; r += m) {
		m = r0 + n - r < AT_ONCE ? r0 + n - r : AT_ONCE;
		kern_relu_mask(m * C, e->x + r * C, e->out + r * C);
		kern_col_sum(m, C, e->out + r * C, C, s, q);
	}
}

/* y = max(x, 0): dx = dy where y > 0, in the memory of dy */
void bwd_relu_in_place(struct ser_tape *t, const struct rec *r)
{
	struct node Y = *tape_at(t, r->out), X = *tape_at(t, r->in[0]);
	struct ew e = {.x = Y.val, .out = Y.grad, .n_col = X.n_bias};
	ser_assert(X.grad == NULL); /* something else used x */
	if (!tape_pass_grad(t, r, 0))
		return;
	if (X.n_bias > 0)
		tape_grad_sums(t, r->in[0], relu_mask_part, &e);
	else
		ser_la_range(t->la, Y.n_row * Y.n_col, GRAIN, relu_mask, &e);
}

int ser_nn_gelu(struct ser_tape *t, int x)
{
	return act(t, x, ACT_GELU);
}

int ser_nn_sigmoid(struct ser_tape *t, int x)
{
	return act(t, x, ACT_SIGMOID);
}

int ser_nn_tanh(struct ser_tape *t, int x)
{
	return act(t, x, ACT_TANH);
}

int ser_nn_silu(struct ser_tape *t, int x)
{
	return act(t, x, ACT_SILU);
}

static void glu_fwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	kern_glu_fwd(r1 - r0, e->n_col, e->x + r0 * 2 * e->n_col, e->out + r0 * e->n_col);
}

static void glu_bwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	kern_glu_bwd(r1 - r0, e->n_col, e->x + r0 * 2 * e->n_col, e->dy + r0 * e->n_col, e->out + r0 * 2 * e->n_col);
}

int ser_nn_glu(struct ser_tape *t, int x)
{
	struct node X = *tape_at(t, x);
	ser_assert(X.n_col % 2 == 0);
	return tape_op(t, OP_GLU, 1, &x, X.n_row, X.n_col / 2, X.seg, X.n_seg, NULL, 0);
}

void fwd_glu(struct ser_tape *t, struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]);
	struct ew e = {.x = X.val, .out = tape_at(t, r->out)->val, .n_col = X.n_col / 2};
	ser_la_range(t->la, X.n_row, grain_rows(X.n_col), glu_fwd, &e);
}

void bwd_glu(struct ser_tape *t, const struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]), Y = *tape_at(t, r->out);
	struct ew e = {.x = X.val, .dy = Y.grad, .out = tape_grad(t, r->in[0]), .n_col = Y.n_col};
	ser_la_range(t->la, X.n_row, grain_rows(X.n_col), glu_bwd, &e);
}

/* ---- softmax ---- */

static void softmax_fwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	kern_softmax_fwd(r1 - r0, e->n_col, e->x + r0 * e->n_col, e->out + r0 * e->n_col);
}

static void softmax_bwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	kern_softmax_bwd(r1 - r0, e->n_col, e->y + r0 * e->n_col, e->dy + r0 * e->n_col, e->out + r0 * e->n_col);
}

int ser_nn_softmax(struct ser_tape *t, int x)
{
	struct node X = *tape_at(t, x);
	return tape_op(t, OP_SOFTMAX, 1, &x, X.n_row, X.n_col, X.seg, X.n_seg, NULL, 0);
}

void fwd_softmax(struct ser_tape *t, struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]);
	struct ew e = {.x = X.val, .out = tape_at(t, r->out)->val, .n_col = X.n_col};
	ser_la_range(t->la, X.n_row, grain_rows(X.n_col), softmax_fwd, &e);
}

void bwd_softmax(struct ser_tape *t, const struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	struct ew e = {.y = Y.val, .dy = Y.grad, .out = tape_grad(t, r->in[0]), .n_col = Y.n_col};
	ser_la_range(t->la, Y.n_row, grain_rows(Y.n_col), softmax_bwd, &e);
}
