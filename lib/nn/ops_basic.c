/* SPDX-License-Identifier: MIT */
/* Dropout; sums and products, element by element and by row. */
#include "nn/private.h"
#include "nn/kern.h"

#include <math.h>

/* The rows of x with the columns C of a per-channel parameter: [R * n_col/C, C]. */
static size_t rows_of(const struct node *x, size_t n_ch)
{
	ser_assert(n_ch > 0 && x->n_col % n_ch == 0);
	return x->n_row * (x->n_col / n_ch);
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
						    .seed = ser_hash_le((uint64_t[]){t->seed, n}, 2, 8),
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

struct ew { /* elementwise work over ranges, or by rows of n_col */
	const real *x, *x2, *dy;
	real *out;
	real alpha;
	size_t n_col;
};

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
