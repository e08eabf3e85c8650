/* SPDX-License-Identifier: MIT */
/* Operators along time: recurrent layers, pooling over segments. */
#include "nn/private.h"
#include "nn/kern.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- recurrence ---- */

enum cell { RNN = 1, GRU = 3, LSTM = 4 }; /* by gates */

/* Frames are kept step by step: the segments sorted by length, longest first, those still running at step s are the first
 * n[s], and row at[s] + i is step s of the i-th of them. So every step is one product over contiguous rows, its previous
 * step is the first n[s] rows of the block before, and the input and weight products run over all rows at once. States, and
 * gradients of states and cells, are needed for two steps only: those of step s lie in the half s % 2 of 2 [n_seg,H]. */
struct rnn {
	enum cell cell;
	bool back;
	size_t H, G, n_row, n_seg, n_step;
	size_t *at;            /* [n_step+1] */
	int32_t *frame, *prev; /* [n_row]: packed row of a step row, and of the step before it in its segment, or -1 */
	int32_t *step;         /* [n_row]: step row of a packed row */
	real *a, *u, *c;       /* gates [R,G*H], h part (GRU) [R,3H]: gradients take their place; cells (LSTM) [R,H] */
	real *y;               /* states, packed rows [R,H] */
	const real *dy;
	real *h[2], *dh[2], *dc[2]; /* [n_seg,H] */
	real *da, *du;              /* of one step [n_seg,G*H] */
	const real *wh, *bh;
	struct ser_la *la;
	size_t chunk; /* segments of one thread's share */
};

static void rows_by(const void *ctx, size_t r0, size_t n, int32_t *idx)
{
	memcpy(idx, (const int32_t *)ctx + r0, n * sizeof *idx);
}

struct by_len {
	size_t len, b;
};

static int longer_first(const void *a, const void *b)
{
	const struct by_len *x = a, *y = b;
	if (x->len != y->len)
		return x->len < y->len ? 1 : -1;
	return x->b < y->b ? -1 : 1;
}

static void lay_out(struct ser_tape *t, struct rec *rec, struct rnn *s, const size_t *seg, size_t n_seg)
{
	struct by_len *o = ser_arena_alloc(&t->arena, n_seg, sizeof *o);
	for (size_t b = 0; b < n_seg; b++)
		o[b] = (struct by_len){seg[b + 1] - seg[b], b};
	qsort(o, n_seg, sizeof *o, longer_first);
	s->n_row = seg[n_seg];
	s->n_seg = n_seg;
	s->n_step = o[0].len;
	ser_assert(s->n_row < INT32_MAX);
	s->at = tape_state(t, rec, s->n_step + 1, sizeof *s->at);
	s->frame = tape_state(t, rec, s->n_row, sizeof *s->frame);
	s->prev = tape_state(t, rec, s->n_row, sizeof *s->prev);
	s->step = tape_state(t, rec, s->n_row, sizeof *s->step);
	size_t r = 0, n = n_seg;
	for (size_t i = 0; i < s->n_step; i++) {
		s->at[i] = r;
		while (o[n - 1].len <= i)
			n--;
		for (size_t k = 0; k < n; k++, r++) {
			size_t f = s->back ? seg[o[k].b + 1] - 1 - i : seg[o[k].b] + i;
			s->frame[r] = (int32_t)f;
			s->step[f] = (int32_t)r;
			s->prev[r] = i == 0 ? -1 : s->frame[s->at[i - 1] + k];
		}
	}
	s->at[s->n_step] = r;
}

/* Rows [k0,k1) of step i that are running. */
static size_t running(const struct rnn *s, size_t i, size_t k0, size_t *row)
{
	size_t n = s->at[i + 1] - s->at[i];
	*row = s->at[i] + k0;
	return n <= k0 ? 0 : n - k0 < s->chunk ? n - k0 : s->chunk;
}

/* Rows of packed x [R,H] that steps row to row + n are, to y [n,H] */
static void take(const struct rnn *s, size_t row, size_t n, const real *x, real *y)
{
	for (size_t k = 0; k < n; k++)
		memcpy(y + k * s->H, x + (size_t)s->frame[row + k] * s->H, s->H * sizeof *y);
}

static void rnn_fwd(void *ctx, size_t item, int worker)
{
	const struct rnn *s = ctx;
	struct ser_la *la = ser_la_worker(s->la, worker);
	size_t H = s->H, W = s->G * H, k0 = item * s->chunk, row, n;
	for (size_t i = 0; i < s->n_step && (n = running(s, i, k0, &row)) > 0; i++) {
		const real *hp = i > 0 ? s->h[(i - 1) % 2] + k0 * H : NULL;
		real *a = s->a + row * W, *h = s->h[i % 2] + k0 * H;
		if (s->cell == GRU) {
			real *u = s->u + row * W;
			for (size_t k = 0; k < n; k++)
				for (size_t j = 0; j < W; j++)
					u[k * W + j] = s->bh != NULL ? s->bh[j] : 0;
			if (i > 0)
				ser_la_gemm(la, false, true, n, W, H, 1, hp, H, s->wh, H, 1, u, W);
			kern_gru_fwd(n, H, a, u, hp, h);
		} else {
			if (i > 0)
				ser_la_gemm(la, false, true, n, W, H, 1, hp, H, s->wh, H, 1, a, W);
			if (s->cell == LSTM)
				kern_lstm_fwd(n, H, a, i > 0 ? s->c + (s->at[i - 1] + k0) * H : NULL, s->c + row * H,
					      h);
			else
				kern_rnn_fwd(n, H, a, h);
		}
		for (size_t k = 0; k < n; k++)
			memcpy(s->y + (size_t)s->frame[row + k] * H, h + k * H, H * sizeof *h);
	}
}

static void rnn_bwd(void *ctx, size_t item, int worker)
{
	const struct rnn *s = ctx;
	struct ser_la *la = ser_la_worker(s->la, worker);
	size_t H = s->H, W = s->G * H, k0 = item * s->chunk, row, n, n_next = 0;
	real *da = s->da + k0 * W, *du = s->cell != GRU ? da : s->du + k0 * W, *h = s->h[0] + k0 * H;
	for (size_t i = s->n_step; i-- > 0; n_next = n) {
		n = running(s, i, k0, &row);
		if (n == 0)
			continue;
		real *dh = s->dh[i % 2] + k0 * H, *dhp = i > 0 ? s->dh[(i - 1) % 2] + k0 * H : NULL;
		size_t before = 0, n_before = i > 0 ? running(s, i - 1, k0, &before) : 0;
		if (n_next == 0)
			take(s, row, n, s->dy, dh);
		take(s, before, n_before, s->dy, dhp);
		if (s->cell == LSTM) {
			/* the cell's gradient comes from the next step where there is one */
			real *dc = s->dc[i % 2] + k0 * H;
			if (n_next < n)
				memset(dc + n_next * H, 0, (n - n_next) * H * sizeof *dc);
			kern_lstm_bwd(n, H, s->a + row * W, i > 0 ? s->c + before * H : NULL, s->c + row * H, dh, dc,
				      da, i > 0 ? s->dc[(i - 1) % 2] + k0 * H : NULL);
		} else if (s->cell == RNN) {
			take(s, row, n, s->y, h);
			kern_rnn_bwd(n, H, h, dh, da);
		} else {
			take(s, before, n_before, s->y, h);
			kern_gru_bwd(n, H, s->a + row * W, s->u + row * W, i > 0 ? h : NULL, dh, da, du, dhp);
			memcpy(s->u + row * W, du, n * W * sizeof *du);
		}
		memcpy(s->a + row * W, da, n * W * sizeof *da);
		if (i > 0)
			ser_la_gemm(la, false, false, n, H, W, 1, du, W, s->wh, H, 1, dhp, H);
	}
}

static size_t share(struct ser_tape *t, size_t n_seg)
{
	size_t nt = (size_t)ser_la_threads(t->la);
	return (n_seg + nt - 1) / nt;
}

static int rnn(struct ser_tape *t, int x, int wi, int wh, int bi, int bh, bool back, enum cell cell)
{
	struct node X = *tape_at(t, x), Wi = *tape_at(t, wi), Wh = *tape_at(t, wh);
	size_t G = (size_t)cell, H = Wh.n_col, W = G * H;
	ser_assert(X.seg != NULL && Wi.n_row == W && Wi.n_col == X.n_col && Wh.n_row == W);
	ser_assert(bi < 0 || tape_at(t, bi)->n_col == W);
	ser_assert(bh < 0 || tape_at(t, bh)->n_col == W);
	void *saved;
	int y = tape_op(t, OP_RNN, 5, (int[]){x, wi, wh, bi, bh}, X.n_row, H, X.seg, X.n_seg, &saved,
			sizeof(struct rnn));
	*(struct rnn *)saved = (struct rnn){.cell = cell, .back = back, .H = H, .G = G};
	return y;
}

static void two(struct ser_tape *t, const struct rnn *s, real *of[2])
{
	for (size_t i = 0; i < 2; i++)
		of[i] = tape_alloc(t, ser_mul(s->n_seg, s->H));
}

void fwd_rnn(struct ser_tape *t, struct rec *r)
{
	struct rnn *s = r->saved;
	struct node X = *tape_at(t, r->in[0]), Y = *tape_at(t, r->out);
	size_t H = s->H, W = s->G * H;
	s->wh = tape_val(t, r->in[2]);
	s->bh = tape_val(t, r->in[4]);
	s->la = t->la;
	s->chunk = share(t, X.n_seg);
	lay_out(t, r, s, X.seg, X.n_seg);
	s->a = tape_state(t, r, ser_mul(X.n_row, W), sizeof *s->a);
	s->u = s->cell != GRU ? NULL : tape_state(t, r, X.n_row * W, sizeof *s->u);
	s->c = s->cell == LSTM ? tape_state(t, r, X.n_row * H, sizeof *s->c) : NULL;
	two(t, s, s->h);
	s->y = Y.val;
	const real *bx = tape_val(t, r->in[3]);
	real *first = tape_alloc(t, W); /* GRU's bh belongs to the state's part */
	for (size_t j = 0; j < W; j++)
		first[j] = (bx != NULL ? bx[j] : 0) + (s->cell != GRU && s->bh != NULL ? s->bh[j] : 0);
	struct ser_la_gather in = {X.val, X.n_col, 1, X.n_col, rows_by, s->frame};
	ser_la_gemm_gather(t->la, true, X.n_row, W, &in, tape_val(t, r->in[1]), X.n_col, first, 0, s->a, W);
	ser_la_for(t->la, (X.n_seg + s->chunk - 1) / s->chunk, rnn_fwd, s);
}

void bwd_rnn(struct ser_tape *t, const struct rec *r)
{
	struct rnn s = *(struct rnn *)r->saved;
	struct node X = *tape_at(t, r->in[0]), Wi = *tape_at(t, r->in[1]), Y = *tape_at(t, r->out);
	size_t H = s.H, W = s.G * H;
	real beta_x = 1, beta_i = 1, beta_h = 1;
	real *dx = tape_grad_beta(t, r->in[0], &beta_x), *dwi = tape_grad_beta(t, r->in[1], &beta_i);
	real *dwh = tape_grad_beta(t, r->in[2], &beta_h), *dbi = tape_grad(t, r->in[3]), *dbh = tape_grad(t, r->in[4]);
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	s.y = Y.val;
	s.dy = Y.grad;
	s.da = tape_alloc(t, ser_mul(s.n_seg, W));
	s.du = s.cell != GRU ? NULL : tape_alloc(t, ser_mul(s.n_seg, W));
	two(t, &s, s.h);
	two(t, &s, s.dh);
	two(t, &s, s.dc);
	ser_la_for(t->la, (X.n_seg + s.chunk - 1) / s.chunk, rnn_bwd, &s);
	const real *da = s.a, *du = s.cell != GRU ? s.a : s.u;
	if (dx != NULL) {
		struct ser_la_gather g = {da, W, 1, W, rows_by, s.step};
		ser_la_gemm_gather(t->la, false, X.n_row, X.n_col, &g, Wi.val, X.n_col, NULL, beta_x, dx, X.n_col);
	}
	if (dwi != NULL) {
		struct ser_la_gather g = {X.val, X.n_col, 1, X.n_col, rows_by, s.frame};
		ser_la_gemm_gather_t(t->la, W, X.n_row, da, W, &g, beta_i, dwi, X.n_col);
	}
	if (dwh != NULL) {
		struct ser_la_gather g = {Y.val, H, 1, H, rows_by, s.prev};
		ser_la_gemm_gather_t(t->la, W, X.n_row, du, W, &g, beta_h, dwh, H);
	}
	tape_bias_grad(t, X.n_row, W, da, W, dbi);
	tape_bias_grad(t, X.n_row, W, du, W, dbh);
	ser_arena_rewind(&t->arena, m);
}

int ser_nn_gru(struct ser_tape *t, int x, int wi, int wh, int bi, int bh, bool back)
{
	return rnn(t, x, wi, wh, bi, bh, back, GRU);
}

int ser_nn_lstm(struct ser_tape *t, int x, int wi, int wh, int bi, int bh, bool back)
{
	return rnn(t, x, wi, wh, bi, bh, back, LSTM);
}

int ser_nn_rnn(struct ser_tape *t, int x, int wi, int wh, int bi, int bh, bool back)
{
	return rnn(t, x, wi, wh, bi, bh, back, RNN);
}

/* ---- pooling ---- */

enum pool { POOL_SUM, POOL_MAX, POOL_FIRST, POOL_LAST };

struct pool_op {
	enum pool kind;
	size_t n_col, ac;
	const size_t *seg;
	const real *x, *a, *dy;
	real *y, *dx, *da;
	bool add_x, add_a; /* stats: dx, da hold something already */
	int32_t *at;
	struct kern_stats stats;
	double *ws; /* [n_seg][3C] */
};

static void pool_item(void *ctx, size_t b, int worker)
{
	(void)worker;
	const struct pool_op *s = ctx;
	size_t C = s->n_col, n = s->seg[b + 1] - s->seg[b], from = s->seg[b] * C;
	const real *x = s->x + from, *a = s->a != NULL ? s->a + s->seg[b] * s->ac : NULL;
	size_t pick = s->kind == POOL_FIRST ? 0 : (n - 1) * C;
	if (s->dy == NULL) {
		real *y = s->y + b * C;
		if (s->kind == POOL_SUM)
			kern_pool_sum_fwd(n, C, x, a, s->ac, y, s->ws + b * 3 * C);
		else if (s->kind == POOL_MAX)
			kern_pool_max_fwd(n, C, x, y, s->at + b * C);
		else
			memcpy(y, x + pick, C * sizeof *y);
		return;
	}
	const real *dy = s->dy + b * C;
	real *dx = s->dx != NULL ? s->dx + from : NULL;
	if (s->kind == POOL_SUM)
		kern_pool_sum_bwd(n, C, x, a, s->ac, dy, dx, s->da != NULL ? s->da + s->seg[b] * s->ac : NULL,
				  s->ws + b * 3 * C);
	else if (s->kind == POOL_MAX)
		for (size_t c = 0; c < C; c++)
			dx[(size_t)s->at[b * C + c] * C + c] += dy[c];
	else
		for (size_t c = 0; c < C; c++)
			dx[pick + c] += dy[c];
}

/* What was saved, the arrays where they lie now */
static struct pool_op arrays(const struct ser_tape *t, const struct rec *r)
{
	struct pool_op s = *(struct pool_op *)r->saved;
	s.x = tape_val(t, r->in[0]);
	s.a = r->n_in > 1 ? tape_val(t, r->in[1]) : NULL;
	s.y = tape_val(t, r->out);
	return s;
}

static int pool(struct ser_tape *t, int x, int a, enum pool kind)
{
	struct node X = *tape_at(t, x);
	ser_assert(X.seg != NULL);
	void *saved;
	int y = tape_op(t, OP_POOL, 2, (int[]){x, a}, X.n_seg, X.n_col, NULL, 0, &saved, sizeof(struct pool_op));
	struct pool_op *s = saved;
	*s = (struct pool_op){.kind = kind, .n_col = X.n_col, .seg = X.seg};
	if (a >= 0) {
		struct node A = *tape_at(t, a);
		ser_assert(A.n_row == X.n_row && (A.n_col == 1 || A.n_col == X.n_col));
		s->ac = A.n_col;
	}
	return y;
}

void fwd_pool(struct ser_tape *t, struct rec *r)
{
	struct pool_op *s = r->saved;
	size_t n = ser_mul(tape_at(t, r->out)->n_row, s->n_col);
	s->at = s->kind == POOL_MAX ? tape_state(t, r, n, sizeof *s->at) : NULL;
	s->ws = tape_state(t, r, ser_mul(3, n), sizeof *s->ws);
	struct pool_op now = arrays(t, r);
	ser_la_for(t->la, tape_at(t, r->out)->n_row, pool_item, &now);
}

void bwd_pool(struct ser_tape *t, const struct rec *r)
{
	struct pool_op s = arrays(t, r);
	s.dy = tape_at(t, r->out)->grad;
	s.dx = tape_grad(t, r->in[0]);
	s.da = tape_grad(t, r->in[1]);
	ser_la_for(t->la, tape_at(t, r->out)->n_row, pool_item, &s);
}

int ser_nn_pool_mean(struct ser_tape *t, int x)
{
	return pool(t, x, -1, POOL_SUM);
}

int ser_nn_pool_max(struct ser_tape *t, int x)
{
	return pool(t, x, -1, POOL_MAX);
}

int ser_nn_pool_first(struct ser_tape *t, int x)
{
	return pool(t, x, -1, POOL_FIRST);
}

int ser_nn_pool_last(struct ser_tape *t, int x)
{
	return pool(t, x, -1, POOL_LAST);
}

int ser_nn_pool_sum(struct ser_tape *t, int x, int a)
{
	ser_assert(a >= 0);
	return pool(t, x, a, POOL_SUM);
}

static void stats_item(void *ctx, size_t b, int worker)
{
	(void)worker;
	const struct pool_op *s = ctx;
	size_t C = s->n_col, n = s->seg[b + 1] - s->seg[b], from = s->seg[b] * C, w = s->seg[b] * s->ac;
	const real *a = s->a != NULL ? s->a + w : NULL;
	if (s->dy == NULL)
		kern_pool_stats_fwd(&s->stats, n, C, s->x + from, a, s->ac, s->y + b * 2 * C, s->ws + b * 3 * C);
	else
		kern_pool_stats_bwd(&s->stats, n, C, s->x + from, a, s->ac, s->y + b * 2 * C, s->dy + b * 2 * C,
				    s->add_x, s->dx != NULL ? s->dx + from : NULL, s->add_a,
				    s->da != NULL ? s->da + w : NULL, s->ws + b * 3 * C);
}

static int pool_stats(struct ser_tape *t, int x, int a, struct kern_stats o)
{
	struct node X = *tape_at(t, x);
	ser_assert(X.seg != NULL);
	void *saved;
	int y = tape_op(t, OP_POOL_STATS, 2, (int[]){x, a}, X.n_seg, 2 * X.n_col, NULL, 0, &saved,
			sizeof(struct pool_stats));
	struct pool_stats *s = saved;
	*s = (struct pool_stats){.n_col = X.n_col, .seg = X.seg, .stats = o};
	if (a >= 0) {
		struct node A = *tape_at(t, a);
		ser_assert(A.n_row == X.n_row && (A.n_col == 1 || A.n_col == X.n_col));
		s->ac = A.n_col;
	}
	return y;
}

int ser_nn_pool_stats(struct ser_tape *t, int x, int a, double eps)
{
	return pool_stats(t, x, a, (struct kern_stats){.eps = eps});
}

int ser_nn_pool_sample_stats(struct ser_tape *t, int x, double eps)
{
	return pool_stats(t, x, -1, (struct kern_stats){.eps = eps, .sample = true});
}

static struct pool_op stats(struct ser_tape *t, const struct rec *r)
{
	const struct pool_stats *s = r->saved;
	return (struct pool_op){
		.n_col = s->n_col,
		.ac = s->ac,
		.seg = s->seg,
		.stats = s->stats,
		.x = tape_val(t, r->in[0]),
		.a = tape_val(t, r->in[1]),
		.y = tape_val(t, r->out),
		.ws = ser_arena_alloc(&t->arena, ser_mul(tape_at(t, r->out)->n_row, 3 * s->n_col), sizeof(double))};
}

void fwd_pool_stats(struct ser_tape *t, struct rec *r)
{
	struct pool_op s = stats(t, r);
	ser_la_for(t->la, tape_at(t, r->out)->n_row, stats_item, &s);
}

void bwd_pool_stats(struct ser_tape *t, const struct rec *r)
{
	struct pool_op s = stats(t, r);
	s.dy = tape_at(t, r->out)->grad;
	real beta_x = 1, beta_a = 1;
	s.dx = tape_grad_beta(t, r->in[0], &beta_x);
	s.da = tape_grad_beta(t, r->in[1], &beta_a);
	s.add_x = beta_x != 0;
	s.add_a = beta_a != 0;
	ser_la_for(t->la, tape_at(t, r->out)->n_row, stats_item, &s);
}

/* ---- covariances ---- */

struct cov {
	struct ser_tape *t;
	const size_t *seg;
	size_t n_col;
	const real *x, *dy;
	real *y, *dx, *xc, *s; /* xc [R,C] centred; s [n_seg,C,C] */
};

static void cov_item(void *ctx, size_t b, int worker)
{
	const struct cov *k = ctx;
	struct ser_la *la = ser_la_worker(k->t->la, worker);
	size_t C = k->n_col, n = k->seg[b + 1] - k->seg[b], from = k->seg[b] * C, n_out = C * (C + 1) / 2,
	       at = b * n_out;
	real *xc = k->xc + from, *s = k->s + b * C * C;
	for (size_t c = 0; c < C; c++) {
		double m = 0;
		for (size_t i = 0; i < n; i++)
			m += (double)k->x[from + i * C + c];
		for (size_t i = 0; i < n; i++)
			xc[i * C + c] = (real)((double)k->x[from + i * C + c] - m / (double)n);
	}
	real over_n = (real)(1 / (double)n);
	if (k->dy == NULL) {
		ser_la_gemm(la, true, false, C, C, n, over_n, xc, C, xc, C, 0, s, C);
		for (size_t i = 0; i < C; i++)
			for (size_t j = i; j < C; j++)
				k->y[at++] = s[i * C + j];
		return;
	}
	for (size_t i = 0; i < C; i++)
		for (size_t j = i; j < C; j++, at++)
			s[i * C + j] = s[j * C + i] = i == j ? 2 * k->dy[at] : k->dy[at];
	ser_la_gemm(la, false, false, n, C, C, over_n, xc, C, s, C, 1, k->dx + from, C);
}

int ser_nn_pool_cov(struct ser_tape *t, int x)
{
	struct node X = *tape_at(t, x);
	ser_assert(X.seg != NULL && X.n_col < 1 << 15);
	return tape_op(t, OP_POOL_COV, 1, &x, X.n_seg, X.n_col * (X.n_col + 1) / 2, NULL, 0, NULL, 0);
}

static void cov(struct ser_tape *t, const struct rec *r, const real *dy, real *dx)
{
	struct node X = *tape_at(t, r->in[0]);
	struct cov k = {.t = t,
			.seg = X.seg,
			.n_col = X.n_col,
			.x = X.val,
			.dy = dy,
			.y = tape_val(t, r->out),
			.dx = dx,
			.xc = tape_alloc(t, ser_mul(X.n_row, X.n_col)),
			.s = tape_alloc(t, ser_mul(X.n_seg, X.n_col * X.n_col))};
	ser_la_for(t->la, X.n_seg, cov_item, &k);
}

void fwd_pool_cov(struct ser_tape *t, struct rec *r)
{
	cov(t, r, NULL, NULL);
}

/* s_ij = sum_t c_ti c_tj / n, c = x - mean:  dx_ti += (sum_j (1 + [i = j]) ds_ij c_tj) / n: the mean's part is 0 */
void bwd_pool_cov(struct ser_tape *t, const struct rec *r)
{
	real *dx = tape_grad(t, r->in[0]);
	if (dx != NULL)
		cov(t, r, tape_at(t, r->out)->grad, dx);
}

/* ---- softmax over time ---- */

static void softmax_time_item(void *ctx, size_t b, int worker)
{
	(void)worker;
	const struct pool_op *s = ctx;
	size_t n = s->seg[b + 1] - s->seg[b], at = s->seg[b] * s->n_col;
	double *ws = s->ws + b * 3 * s->n_col;
	if (s->dy == NULL)
		kern_softmax_col_fwd(n, s->n_col, s->x + at, s->y + at, ws);
	else
		kern_softmax_col_bwd(n, s->n_col, s->y + at, s->dy + at, s->dx + at, ws);
}

int ser_nn_softmax_time(struct ser_tape *t, int x)
{
	struct node X = *tape_at(t, x);
	ser_assert(X.seg != NULL);
	void *saved;
	int y = tape_op(t, OP_SOFTMAX_TIME, 1, &x, X.n_row, X.n_col, X.seg, X.n_seg, &saved, sizeof(struct pool_op));
	*(struct pool_op *)saved = (struct pool_op){.n_col = X.n_col, .seg = X.seg};
	return y;
}

static struct pool_op along_time(struct ser_tape *t, const struct rec *r)
{
	struct pool_op s = arrays(t, r);
	s.ws = ser_arena_alloc(&t->arena, ser_mul(tape_at(t, r->out)->n_seg, 3 * s.n_col), sizeof *s.ws);
	return s;
}

void fwd_softmax_time(struct ser_tape *t, struct rec *r)
{
	struct pool_op s = along_time(t, r);
	ser_la_for(t->la, tape_at(t, r->out)->n_seg, softmax_time_item, &s);
}

void bwd_softmax_time(struct ser_tape *t, const struct rec *r)
{
	struct pool_op s = along_time(t, r);
	real *dy = tape_at(t, r->out)->grad;
	s.dy = dy;
	s.dx = tape_pass_grad(t, r, 0) ? dy : tape_grad(t, r->in[0]);
	ser_la_for(t->la, tape_at(t, r->out)->n_seg, softmax_time_item, &s);
}

/* ---- the two together ---- */

struct attend {
	size_t n_col;
	const size_t *seg;
	struct kern_stats stats;
	const real *x, *dy;
	real *a, *y, *dx;
	bool formed, add, weights_too; /* formed: a is the softmax already */
	double *ws;                    /* [n_seg][3C] */
};

static void attend_fwd(void *ctx, size_t b, int worker)
{
	(void)worker;
	const struct attend *s = ctx;
	size_t C = s->n_col, n = s->seg[b + 1] - s->seg[b], at = s->seg[b] * C;
	double *ws = s->ws + b * 3 * C;
	if (!s->formed)
		kern_softmax_col_fwd(n, C, s->a + at, s->a + at, ws);
	kern_pool_stats_fwd(&s->stats, n, C, s->x + at, s->a + at, C, s->y + b * 2 * C, ws);
}

static void attend_bwd(void *ctx, size_t b, int worker)
{
	(void)worker;
	const struct attend *s = ctx;
	size_t C = s->n_col, n = s->seg[b + 1] - s->seg[b], at = s->seg[b] * C;
	kern_attend_bwd(&s->stats, n, C, s->x + at, s->y + b * 2 * C, s->dy + b * 2 * C, s->add,
			s->dx != NULL ? s->dx + at : NULL, s->weights_too, s->a + at, s->ws + b * 3 * C);
}

/* in: e, x; the softmax lies over e. It is formed again where e was. */
static struct attend attend(struct ser_tape *t, const struct rec *r)
{
	const struct pool_stats *p = r->saved;
	struct node *e = tape_at(t, r->in[0]);
	struct attend s = {.n_col = p->n_col,
			   .seg = p->seg,
			   .stats = p->stats,
			   .x = tape_val(t, r->in[1]),
			   .a = e->val,
			   .y = tape_val(t, r->out),
			   .formed = e->taken,
			   .ws = ser_arena_alloc(&t->arena, ser_mul(e->n_seg, 3 * p->n_col), sizeof *s.ws)};
	e->taken = true;
	return s;
}

void fwd_attend(struct ser_tape *t, struct rec *r)
{
	struct attend s = attend(t, r);
	ser_la_for(t->la, tape_at(t, r->in[0])->n_seg, attend_fwd, &s);
}

void bwd_attend(struct ser_tape *t, const struct rec *r)
{
	bool formed = tape_at(t, r->in[0])->taken;
	struct attend s = attend(t, r);
	real beta = 1;
	if (!formed)
		ser_la_for(t->la, tape_at(t, r->in[0])->n_seg, attend_fwd, &s);
	s.dy = tape_at(t, r->out)->grad;
	s.dx = tape_grad_beta(t, r->in[1], &beta);
	s.add = beta != 0;
	s.weights_too = tape_grad_over(t, r->in[0]);
	ser_la_for(t->la, tape_at(t, r->in[1])->n_seg, attend_bwd, &s);
}

/* ---- utterance rows over frames ---- */

struct spread {
	size_t n_col, n_ch; /* columns of x, and of u: x as [.., n_ch] */
	const size_t *seg;
	const real *x, *u, *dy;
	real *y, *dx, *du;
	size_t ld; /* of dy in scale_rows */
	bool add;
	double *ws; /* [n_seg][2 n_ch] */
};

static void expand_item(void *ctx, size_t b, int worker)
{
	(void)worker;
	const struct spread *s = ctx;
	size_t C = s->n_col;
	if (s->dy == NULL) {
		for (size_t r = s->seg[b]; r < s->seg[b + 1]; r++)
			memcpy(s->y + r * C, s->u + b * C, C * sizeof *s->y);
		return;
	}
	double *sum = s->ws + b * 2 * C;
	kern_col_sum(s->seg[b + 1] - s->seg[b], C, s->dy + s->seg[b] * C, C, sum, NULL);
	for (size_t c = 0; c < C; c++)
		s->du[b * C + c] += (real)sum[c];
}

int ser_nn_expand(struct ser_tape *t, int u, int like)
{
	struct node U = *tape_at(t, u), L = *tape_at(t, like);
	ser_assert(L.seg != NULL && U.n_row == L.n_seg);
	void *saved;
	int y = tape_op(t, OP_EXPAND, 1, &u, L.n_row, U.n_col, L.seg, L.n_seg, &saved, sizeof(struct spread));
	*(struct spread *)saved = (struct spread){.n_col = U.n_col, .seg = L.seg};
	return y;
}

void fwd_expand(struct ser_tape *t, struct rec *r)
{
	struct spread s = *(struct spread *)r->saved;
	s.u = tape_val(t, r->in[0]);
	s.y = tape_val(t, r->out);
	ser_la_for(t->la, tape_at(t, r->out)->n_seg, expand_item, &s);
}

void bwd_expand(struct ser_tape *t, const struct rec *r)
{
	struct spread s = *(struct spread *)r->saved;
	struct node Y = *tape_at(t, r->out);
	s.dy = Y.grad;
	s.du = tape_grad(t, r->in[0]);
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	s.ws = ser_arena_calloc(&t->arena, ser_mul(Y.n_seg, 2 * s.n_col), sizeof *s.ws);
	ser_la_for(t->la, Y.n_seg, expand_item, &s);
	ser_arena_rewind(&t->arena, m);
}

SER_CLONES static void scale_rows_item(void *ctx, size_t b, int worker)
{
	(void)worker;
	const struct spread *s = ctx;
	size_t C = s->n_ch, n = (s->seg[b + 1] - s->seg[b]) * (s->n_col / C), at = s->seg[b] * s->n_col;
	const real *u = s->u + b * C, *x = s->x + at;
	if (s->dy == NULL) {
		real *y = s->y + at;
		for (size_t r = 0; r < n; r++)
			for (size_t c = 0; c < C; c++)
				y[r * C + c] = x[r * C + c] * u[c];
		return;
	}
	size_t ld = s->ld == s->n_col ? C : s->ld;
	const real *dy = s->dy + s->seg[b] * s->ld;
	if (s->dx != NULL)
		kern_affine_bwd(n, C, dy, ld, NULL, u, NULL, NULL, s->add, s->dx + at);
	if (s->du == NULL)
		return;
	double *sum = s->ws + b * 2 * C;
	kern_col_dot(n, C, dy, ld, x, sum, sum + C);
	for (size_t c = 0; c < C; c++)
		s->du[b * C + c] += (real)sum[C + c];
}

int ser_nn_scale_rows(struct ser_tape *t, int x, int u)
{
	struct node X = *tape_at(t, x), U = *tape_at(t, u);
	ser_assert(X.seg != NULL && U.n_row == X.n_seg && X.n_col % U.n_col == 0);
	void *saved;
	int y = tape_op(t, OP_SCALE_ROWS, 2, (int[]){x, u}, X.n_row, X.n_col, X.seg, X.n_seg, &saved,
			sizeof(struct spread));
	tape_at(t, y)->pitched = U.n_col == X.n_col;
	*(struct spread *)saved = (struct spread){.n_col = X.n_col, .n_ch = U.n_col, .seg = X.seg};
	return y;
}

void fwd_scale_rows(struct ser_tape *t, struct rec *r)
{
	struct spread s = *(struct spread *)r->saved;
	s.x = tape_val(t, r->in[0]);
	s.u = tape_val(t, r->in[1]);
	s.y = tape_val(t, r->out);
	ser_la_for(t->la, tape_at(t, r->out)->n_seg, scale_rows_item, &s);
}

/* Rows of x times their utterance's u, plus those of y; so far apart as ld says */
struct scale_add {
	size_t n_col, ld_y, ld_out;
	const size_t *seg;
	const real *x, *u, *y;
	real *out;
};

SER_CLONES static void scale_add_one(size_t n, const real *restrict x, const real *restrict u, const real *restrict y,
				     real *restrict out)
{
	for (size_t c = 0; c < n; c++)
		out[c] = x[c] * u[c] + y[c];
}

static void scale_add_rows(void *ctx, size_t r0, size_t r1, int worker)
{
	(void)worker;
	const struct scale_add *s = ctx;
	size_t b = 0, C = s->n_col;
	for (size_t r = r0; r < r1; r++) {
		while (s->seg[b + 1] <= r)
			b++;
		scale_add_one(C, s->x + r * C, s->u + b * C, s->y + r * s->ld_y, s->out + r * s->ld_out);
	}
}

/* scale_rows and add at once */
void fwd_scale_add(struct ser_tape *t, struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]), Y = *tape_at(t, r->in[2]), Z = *tape_at(t, r->out);
	struct scale_add s = {X.n_col, Y.ld, Z.ld, X.seg, X.val, tape_val(t, r->in[1]), Y.val, Z.val};
	ser_la_range(t->la, X.n_row, grain_rows(X.n_col), scale_add_rows, &s);
}

/* y = x u:  dx += dy u, du += sum over frames of dy x */
void bwd_scale_rows(struct ser_tape *t, const struct rec *r)
{
	struct spread s = *(struct spread *)r->saved;
	struct node Y = *tape_at(t, r->out);
	s.x = tape_at(t, r->in[0])->val;
	s.u = tape_at(t, r->in[1])->val;
	s.dy = Y.grad;
	real beta = 1;
	s.ld = Y.grad_ld;
	s.dx = tape_grad_beta(t, r->in[0], &beta);
	s.add = beta != 0;
	s.du = tape_grad(t, r->in[1]);
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	s.ws = ser_arena_calloc(&t->arena, ser_mul(Y.n_seg, 2 * s.n_ch), sizeof *s.ws);
	ser_la_for(t->la, Y.n_seg, scale_rows_item, &s);
	ser_arena_rewind(&t->arena, m);
}
