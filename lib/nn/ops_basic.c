/* SPDX-License-Identifier: MIT */
/* Products, elementwise operators, softmax, dropout, columns and rows. */
#include "nn/impl.h"
#include "nn/kern.h"

#include <math.h>
#include <string.h>

/* The rows of x with the columns C of a per-channel parameter: [R * n_col/C, C]. */
static size_t rows_of(const struct node *x, size_t n_ch)
{
	ser_assert(n_ch > 0 && x->n_col % n_ch == 0);
	return x->n_row * (x->n_col / n_ch);
}

/* ---- products ---- */

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

/* ---- activations ---- */

struct act {
	enum kern_act f;
	real a;
};

struct ew { /* elementwise work over ranges */
	struct act act;
	const real *x, *x2, *y, *dy;
	real *out;
	real alpha, beta;
	size_t n_col;
	double *ws;
};

static void act_fwd(void *ctx, size_t i0, size_t i1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	kern_act_fwd(e->act.f, e->act.a, i1 - i0, e->x + i0, e->out + i0);
}

static void act_bwd(void *ctx, size_t i0, size_t i1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	kern_act_bwd(e->act.f, e->act.a, i1 - i0, e->x + i0, e->y + i0, e->dy + i0, e->out + i0);
}

static int act(struct ser_tape *t, int x, enum kern_act f, double a)
{
	struct node X = *tape_at(t, x);
	void *saved;
	int y = tape_op(t, OP_ACT, 1, &x, X.n_row, X.n_col, X.seg, X.n_seg, &saved, sizeof(struct act));
	*(struct act *)saved = (struct act){f, (real)a};
	return y;
}

void fwd_act(struct ser_tape *t, struct rec *r)
{
	struct node X = tape_x(t, r);
	struct ew e = {.act = *(struct act *)r->saved, .x = X.val, .out = tape_at(t, r->out)->val};
	ser_la_range(t->la, X.n_row * X.n_col, GRAIN, act_fwd, &e);
}

void bwd_act(struct ser_tape *t, const struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]), Y = *tape_at(t, r->out);
	struct ew e = {
		.act = *(struct act *)r->saved, .x = X.val, .y = Y.val, .dy = Y.grad, .out = tape_grad(t, r->in[0])};
	ser_la_range(t->la, X.n_row * X.n_col, GRAIN, act_bwd, &e);
}

int ser_nn_relu(struct ser_tape *t, int x)
{
	return act(t, x, ACT_RELU, 0);
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

int ser_nn_leaky_relu(struct ser_tape *t, int x, double slope)
{
	return act(t, x, ACT_LEAKY, slope);
}

int ser_nn_gelu(struct ser_tape *t, int x)
{
	return act(t, x, ACT_GELU, 0);
}

int ser_nn_sigmoid(struct ser_tape *t, int x)
{
	return act(t, x, ACT_SIGMOID, 0);
}

int ser_nn_tanh(struct ser_tape *t, int x)
{
	return act(t, x, ACT_TANH, 0);
}

int ser_nn_silu(struct ser_tape *t, int x)
{
	return act(t, x, ACT_SILU, 0);
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
	(e->alpha == 0 ? kern_softmax_fwd : kern_log_softmax_fwd)(r1 - r0, e->n_col, e->x + r0 * e->n_col,
								  e->out + r0 * e->n_col);
}

static void softmax_bwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	(e->alpha == 0 ? kern_softmax_bwd : kern_log_softmax_bwd)(r1 - r0, e->n_col, e->y + r0 * e->n_col,
								  e->dy + r0 * e->n_col, e->out + r0 * e->n_col);
}

static int softmax(struct ser_tape *t, int x, enum op op)
{
	struct node X = *tape_at(t, x);
	return tape_op(t, op, 1, &x, X.n_row, X.n_col, X.seg, X.n_seg, NULL, 0);
}

static void softmax_forth(struct ser_tape *t, const struct rec *r, bool log)
{
	struct node X = *tape_at(t, r->in[0]);
	struct ew e = {.x = X.val, .out = tape_at(t, r->out)->val, .n_col = X.n_col, .alpha = log};
	ser_la_range(t->la, X.n_row, grain_rows(X.n_col), softmax_fwd, &e);
}

static void softmax_back(struct ser_tape *t, const struct rec *r, bool log)
{
	struct node Y = *tape_at(t, r->out);
	struct ew e = {.y = Y.val, .dy = Y.grad, .out = tape_grad(t, r->in[0]), .n_col = Y.n_col, .alpha = log};
	ser_la_range(t->la, Y.n_row, grain_rows(Y.n_col), softmax_bwd, &e);
}

int ser_nn_softmax(struct ser_tape *t, int x)
{
	return softmax(t, x, OP_SOFTMAX);
}

void fwd_softmax(struct ser_tape *t, struct rec *r)
{
	softmax_forth(t, r, false);
}

void bwd_softmax(struct ser_tape *t, const struct rec *r)
{
	softmax_back(t, r, false);
}

int ser_nn_log_softmax(struct ser_tape *t, int x)
{
	return softmax(t, x, OP_LOG_SOFTMAX);
}

void fwd_log_softmax(struct ser_tape *t, struct rec *r)
{
	softmax_forth(t, r, true);
}

void bwd_log_softmax(struct ser_tape *t, const struct rec *r)
{
	softmax_back(t, r, true);
}

/* ---- dropout ---- */

struct dropout {
	double p;
	uint64_t seed;
	struct ser_tape *t;
	const size_t *seg; /* segments whose keys decide; NULL: each row is an utterance */
	size_t n_seg, n_row, n_col;
	const real *x;
	real *y;
	bool back;
};

/* Segment i, or GRAIN's worth of utterance rows. */
static void dropout_item(void *ctx, size_t i, int worker)
{
	(void)worker;
	const struct dropout *d = ctx;
	size_t r0 = d->seg != NULL ? d->seg[i] : i, r1 = d->seg != NULL ? d->seg[i + 1] : i + 1;
	size_t n = d->seg != NULL ? d->n_seg : d->n_row;
	uint64_t stream = d->seed + tape_key(d->t, i, n) * UINT64_C(0xd1342543de82ef95);
	for (size_t r = r0; r < r1; r++) {
		const real *x = d->x + r * d->n_col;
		real *y = d->y + r * d->n_col;
		(d->back ? kern_dropout_bwd : kern_dropout_fwd)(d->n_col, stream, r - r0, d->p, x, y);
	}
}

int ser_nn_dropout(struct ser_tape *t, int x, double p)
{
	ser_assert(p >= 0 && p < 1);
	struct node X = *tape_at(t, x);
	if (p == 0 || (t->mode & SER_TAPE_TRAIN) == 0 || tape_shape_only(t))
		return x;
	void *saved;
	int y = tape_op(t, OP_DROPOUT, 1, &x, X.n_row, X.n_col, X.seg, X.n_seg, &saved, sizeof(struct dropout));
	uint64_t n = ++t->n_drop;
	*(struct dropout *)saved = (struct dropout){.p = p,
						    .seed = ser_hash((uint64_t[]){t->seed, n}, 16),
						    .t = t,
						    .seg = X.seg,
						    .n_seg = X.n_seg,
						    .n_row = X.n_row,
						    .n_col = X.n_col};
	return y;
}

void fwd_dropout(struct ser_tape *t, struct rec *r)
{
	struct dropout d = *(struct dropout *)r->saved;
	d.x = tape_at(t, r->in[0])->val;
	d.y = tape_at(t, r->out)->val;
	ser_la_for(t->la, d.seg != NULL ? d.n_seg : d.n_row, dropout_item, &d);
}

void bwd_dropout(struct ser_tape *t, const struct rec *r)
{
	struct dropout d = *(struct dropout *)r->saved;
	d.x = tape_at(t, r->out)->grad;
	d.y = tape_grad(t, r->in[0]);
	d.back = true;
	ser_la_for(t->la, d.seg != NULL ? d.n_seg : d.n_row, dropout_item, &d);
}

/* ---- sums and products of elements ---- */

/* Rows of n_col, each array's so far apart as its ld says */
struct add_rows {
	size_t n_col, ld_x, ld_x2, ld_out;
	const real *x, *x2;
	real *out; /* may be x */
	real beta;
};

/* Two, so that the compiler knows whether the result is x. */
SER_CLONES static void add_one(size_t n, const real *restrict x, real b, const real *restrict x2, real *restrict out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = x[i] + b * x2[i];
}

static void add_fwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct add_rows *a = ctx;
	bool dense = a->ld_x == a->n_col && a->ld_x2 == a->n_col && a->ld_out == a->n_col;
	size_t step = dense ? r1 - r0 : 1, n = step * a->n_col;
	for (size_t r = r0; r < r1; r += step) {
		real *out = a->out + r * a->ld_out;
		if (a->out == a->x)
			ser_la_axpy(n, a->beta, a->x2 + r * a->ld_x2, out);
		else
			add_one(n, a->x + r * a->ld_x, a->beta, a->x2 + r * a->ld_x2, out);
	}
}

SER_CLONES static void scale_one(size_t n, real a, const real *restrict x, real *restrict y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = a * x[i];
}

static void scale_range(void *ctx, size_t i0, size_t i1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	scale_one(i1 - i0, e->alpha, e->x + i0, e->out + i0);
}

/* dx = or += a dy, rows of n_col */
struct pass {
	size_t n_col, ld_y, ld_x;
	real a;
	bool add;
	const real *dy;
	real *dx;
};

static void pass_rows(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct pass *p = ctx;
	size_t step = p->ld_y == p->n_col && p->ld_x == p->n_col ? r1 - r0 : 1, n = step * p->n_col;
	for (size_t r = r0; r < r1; r += step)
		(p->add ? ser_la_axpy : scale_one)(n, p->a, p->dy + r * p->ld_y, p->dx + r * p->ld_x);
}

/* gradient of `node` += a * the gradient of y; written when nothing is there yet */
static void pass_grad(struct ser_tape *t, int node, real a, const struct node *y)
{
	real beta, *g = tape_grad_beta(t, node, &beta);
	if (g == NULL)
		return;
	struct pass p = {y->n_col, y->grad_ld, tape_at(t, node)->grad_ld, a, beta != 0, y->grad, g};
	ser_la_range(t->la, y->n_row, grain_rows(y->n_col), pass_rows, &p);
}

static int add(struct ser_tape *t, int x, int y, real b)
{
	struct node X = *tape_at(t, x), Y = *tape_at(t, y);
	ser_assert(X.n_row == Y.n_row && X.n_col == Y.n_col);
	void *saved;
	int z = tape_op(t, OP_ADD, 2, (int[]){x, y}, X.n_row, X.n_col, X.seg, X.n_seg, &saved, sizeof(real));
	*(real *)saved = b;
	return z;
}

int ser_nn_add(struct ser_tape *t, int x, int y)
{
	return add(t, x, y, 1);
}

int ser_nn_sub(struct ser_tape *t, int x, int y)
{
	return add(t, x, y, -1);
}

void fwd_add(struct ser_tape *t, struct rec *r)
{
	struct node X = tape_x(t, r), Y = *tape_at(t, r->in[1]), Z = *tape_at(t, r->out);
	struct add_rows a = {X.n_col, X.ld, Y.ld, Z.ld, X.val, Y.val, Z.val, *(real *)r->saved};
	ser_la_range(t->la, X.n_row, grain_rows(X.n_col), add_fwd, &a);
}

/* z = x + b y:  dx += dz, dy += b dz. One of them takes over dz's memory where it has no gradient yet. */
void bwd_add(struct ser_tape *t, const struct rec *r)
{
	struct node Z = *tape_at(t, r->out);
	real b = *(real *)r->saved;
	bool over = tape_same_place(t, r->in[0], r->out);
	int last = b == 1 && !over && tape_at(t, r->in[1])->grad == NULL ? 1 : 0;
	pass_grad(t, r->in[1 - last], last == 0 ? b : 1, &Z);
	if (!tape_pass_grad(t, r, last))
		pass_grad(t, r->in[last], last == 0 ? 1 : b, &Z);
}

SER_CLONES static void mul_rows(void *ctx, size_t i0, size_t i1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	for (size_t i = i0; i < i1; i++)
		e->out[i] = e->x[i] * e->x2[i];
}

SER_CLONES static void mul_add(void *ctx, size_t i0, size_t i1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	for (size_t i = i0; i < i1; i++)
		e->out[i] += e->x[i] * e->dy[i];
}

int ser_nn_mul(struct ser_tape *t, int x, int y)
{
	struct node X = *tape_at(t, x), Y = *tape_at(t, y);
	ser_assert(X.n_row == Y.n_row && X.n_col == Y.n_col);
	return tape_op(t, OP_MUL, 2, (int[]){x, y}, X.n_row, X.n_col, X.seg, X.n_seg, NULL, 0);
}

void fwd_mul(struct ser_tape *t, struct rec *r)
{
	struct node Z = *tape_at(t, r->out);
	struct ew e = {.x = tape_val(t, r->in[0]), .x2 = tape_val(t, r->in[1]), .out = Z.val};
	ser_la_range(t->la, Z.n_row * Z.n_col, GRAIN, mul_rows, &e);
}

/* z = x y:  dx += y dz, dy += x dz */
void bwd_mul(struct ser_tape *t, const struct rec *r)
{
	struct node Z = *tape_at(t, r->out);
	for (int i = 0; i < 2; i++) {
		struct ew e = {.x = tape_at(t, r->in[1 - i])->val, .dy = Z.grad, .out = tape_grad(t, r->in[i])};
		if (e.out != NULL)
			ser_la_range(t->la, Z.n_row * Z.n_col, GRAIN, mul_add, &e);
	}
}

/* y = a x with dx = b dy; a = b but for a reversed gradient */
struct scale {
	real fwd, bwd;
};

static int scale(struct ser_tape *t, int x, double fwd, double bwd)
{
	struct node X = *tape_at(t, x);
	void *saved;
	int y = tape_op(t, OP_SCALE, 1, &x, X.n_row, X.n_col, X.seg, X.n_seg, &saved, sizeof(struct scale));
	*(struct scale *)saved = (struct scale){(real)fwd, (real)bwd};
	return y;
}

void fwd_scale(struct ser_tape *t, struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	struct ew e = {.x = tape_val(t, r->in[0]), .out = Y.val, .alpha = ((struct scale *)r->saved)->fwd};
	ser_la_range(t->la, Y.n_row * Y.n_col, GRAIN, scale_range, &e);
}

int ser_nn_scale(struct ser_tape *t, int x, double a)
{
	return scale(t, x, a, a);
}

int ser_nn_reverse_grad(struct ser_tape *t, int x, double lambda)
{
	return scale(t, x, 1, -lambda);
}

void bwd_scale(struct ser_tape *t, const struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	pass_grad(t, r->in[0], ((struct scale *)r->saved)->bwd, &Y);
}

/* The same value without a way back. */
int ser_nn_stop_grad(struct ser_tape *t, int x)
{
	int y = scale(t, x, 1, 0);
	tape_at(t, y)->need = false;
	return y;
}

int ser_nn_scale_exp(struct ser_tape *t, int x, int s)
{
	struct node X = *tape_at(t, x);
	ser_assert(tape_at(t, s)->n_row == 1 && tape_at(t, s)->n_col == 1);
	return tape_op(t, OP_SCALE_EXP, 2, (int[]){x, s}, X.n_row, X.n_col, X.seg, X.n_seg, NULL, 0);
}

void fwd_scale_exp(struct ser_tape *t, struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	struct ew e = {.x = tape_val(t, r->in[0]), .out = Y.val, .alpha = (real)exp((double)*tape_val(t, r->in[1]))};
	ser_la_range(t->la, Y.n_row * Y.n_col, GRAIN, scale_range, &e);
}

/* y = x e^s:  dx += e^s dy, ds += sum y dy */
void bwd_scale_exp(struct ser_tape *t, const struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	size_t n = Y.n_row * Y.n_col;
	pass_grad(t, r->in[0], (real)exp((double)*tape_at(t, r->in[1])->val), &Y);
	real *g = tape_grad(t, r->in[1]);
	if (g != NULL)
		*g += (real)ser_la_dot(n, Y.val, Y.grad);
}

static void add_row_rows(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	for (size_t r = r0; r < r1; r++)
		for (size_t c = 0; c < e->n_col; c++)
			e->out[r * e->n_col + c] = e->x[r * e->n_col + c] + e->x2[c];
}

int ser_nn_add_row(struct ser_tape *t, int x, int row)
{
	struct node X = *tape_at(t, x), B = *tape_at(t, row);
	ser_assert(B.n_row == 1);
	rows_of(&X, B.n_col);
	return tape_op(t, OP_ADD_ROW, 2, (int[]){x, row}, X.n_row, X.n_col, X.seg, X.n_seg, NULL, 0);
}

void fwd_add_row(struct ser_tape *t, struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]), B = *tape_at(t, r->in[1]);
	struct ew e = {.x = X.val, .x2 = B.val, .out = tape_at(t, r->out)->val, .n_col = B.n_col};
	ser_la_range(t->la, rows_of(&X, B.n_col), grain_rows(B.n_col), add_row_rows, &e);
}

void bwd_add_row(struct ser_tape *t, const struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	size_t n_ch = tape_at(t, r->in[1])->n_col;
	pass_grad(t, r->in[0], 1, &Y);
	tape_bias_grad(t, rows_of(&Y, n_ch), n_ch, Y.grad, n_ch, tape_grad(t, r->in[1]));
}

SER_CLONES static void mul_row_fwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	for (size_t r = r0; r < r1; r++)
		for (size_t c = 0; c < e->n_col; c++)
			e->out[r * e->n_col + c] = e->x[r * e->n_col + c] * e->x2[c];
}

static void mul_row_bwd(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct ew *e = ctx;
	size_t C = e->n_col;
	kern_affine_bwd(r1 - r0, C, e->dy + r0 * C, C, NULL, e->x2, NULL, NULL, true, e->out + r0 * C);
}

static void mul_row_part(const void *ctx, size_t r0, size_t n, double *s, double *q)
{
	const struct ew *e = ctx;
	size_t C = e->n_col;
	kern_col_dot(n, C, e->dy + r0 * C, C, e->x + r0 * C, s, q);
}

int ser_nn_mul_row(struct ser_tape *t, int x, int row)
{
	struct node X = *tape_at(t, x), B = *tape_at(t, row);
	ser_assert(B.n_row == 1 && rows_of(&X, B.n_col) > 0);
	return tape_op(t, OP_MUL_ROW, 2, (int[]){x, row}, X.n_row, X.n_col, X.seg, X.n_seg, NULL, 0);
}

void fwd_mul_row(struct ser_tape *t, struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]), B = *tape_at(t, r->in[1]);
	struct ew e = {.x = X.val, .x2 = B.val, .out = tape_at(t, r->out)->val, .n_col = B.n_col};
	ser_la_range(t->la, rows_of(&X, B.n_col), grain_rows(B.n_col), mul_row_fwd, &e);
}

/* y = x b:  dx += dy b, db += sum over rows of dy x */
void bwd_mul_row(struct ser_tape *t, const struct rec *r)
{
	struct node Y = *tape_at(t, r->out), B = *tape_at(t, r->in[1]);
	size_t C = B.n_col, n_row = rows_of(&Y, C);
	struct ew e = {.x = tape_at(t, r->in[0])->val, .x2 = B.val, .dy = Y.grad, .n_col = C};
	e.out = tape_grad(t, r->in[0]);
	if (e.out != NULL)
		ser_la_range(t->la, n_row, grain_rows(C), mul_row_bwd, &e);
	real *db = tape_grad(t, r->in[1]);
	if (db == NULL)
		return;
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	double *s = ser_arena_calloc(&t->arena, 2 * C, sizeof *s);
	tape_col_sums(t, n_row, C, mul_row_part, &e, s, s + C);
	for (size_t c = 0; c < C; c++)
		db[c] += (real)s[C + c];
	ser_arena_rewind(&t->arena, m);
}

/* ---- columns and rows ---- */

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
