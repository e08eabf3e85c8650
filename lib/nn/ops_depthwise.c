/* SPDX-License-Identifier: MIT */
/* Convolution over time of each channel by itself: as a product it would have one column, so it is sums of rows instead. */
#include "nn/private.h"

#include <string.h>

enum {
	LANES = 32, /* channels that are summed at once */
	ROWS = 128, /* rows of a share of the work; products of as many are summed before they are added in double */
};

struct depthwise {
	size_t n_ch, k, n_share;
	const size_t *seg; /* [n_seg+1] */
	struct share {
		size_t r0, r1, seg; /* rows [r0,r1) of segment seg */
	} * share;
	const real *x, *w, *bias; /* w [k,C] */
	real *y;
	double *dw; /* [C,k] */
	const real *dy;
};

/* acc += the taps of w, C apart, times rows of x, C apart, from that which the first tap sees, up to `lo` and from `hi` on left out */
SER_CLONES static void taps(size_t lo, size_t hi, size_t n, size_t C, const real *w, const real *x, real *restrict acc)
{
	if (n == LANES)
		for (size_t j = lo; j < hi; j++)
			for (size_t c = 0; c < LANES; c++)
				acc[c] += w[j * C + c] * x[(j - lo) * C + c];
	else
		for (size_t j = lo; j < hi; j++)
			for (size_t c = 0; c < n; c++)
				acc[c] += w[j * C + c] * x[(j - lo) * C + c];
}

/* The first tap of row r that lies in the segment, and the first behind it; taps see rows r - k/2 ... r + k/2. */
static size_t reach(const struct depthwise *s, const struct share *h, size_t r, size_t *hi)
{
	size_t half = s->k / 2, before = r - s->seg[h->seg], after = s->seg[h->seg + 1] - r;
	*hi = after + half < s->k ? after + half : s->k;
	return before < half ? half - before : 0;
}

/* y = bias + sum_j w_j x_(r + j - k/2), or, without bias, added to y */
static void share_fwd(void *ctx, size_t i, int worker)
{
	(void)worker;
	const struct depthwise *s = ctx;
	const struct share *h = &s->share[i];
	for (size_t c = 0, n; c < s->n_ch; c += n) {
		n = s->n_ch - c < LANES ? s->n_ch - c : LANES;
		for (size_t r = h->r0, lo, hi; r < h->r1; r++) {
			real acc[LANES], *y = s->y + r * s->n_ch + c;
			lo = reach(s, h, r, &hi);
			memcpy(acc, s->bias != NULL ? s->bias + c : y, n * sizeof *acc);
			taps(lo, hi, n, s->n_ch, s->w + c, s->x + (r + lo - s->k / 2) * s->n_ch + c, acc);
			memcpy(y, acc, n * sizeof *acc);
		}
	}
}

SER_CLONES static void products(size_t n_row, size_t n, size_t C, const real *x, const real *dy, real *restrict acc)
{
	for (size_t r = 0; r < n_row; r++)
		for (size_t c = 0; c < n; c++)
			acc[c] += x[r * C + c] * dy[r * C + c];
}

/* dw_j = sum_r dy_r x_(r + j - k/2) of the i-th channels */
static void weight_bwd(void *ctx, size_t i, int worker)
{
	(void)worker;
	const struct depthwise *s = ctx;
	size_t c = i * LANES, n = s->n_ch - c < LANES ? s->n_ch - c : LANES, C = s->n_ch;
	for (size_t b = 0; b < s->n_share; b++)
		for (size_t j = 0; j < s->k; j++) {
			const struct share *h = &s->share[b];
			size_t half = s->k / 2, first = s->seg[h->seg] + half, behind = s->seg[h->seg + 1] + half;
			size_t r0 = h->r0 + j < first ? first - j : h->r0;
			size_t r1 = h->r1 + j <= behind ? h->r1 : behind > j ? behind - j : 0;
			real acc[LANES] = {0};
			if (r0 < r1)
				products(r1 - r0, n, C, s->x + (r0 + j - half) * C + c, s->dy + r0 * C + c, acc);
			for (size_t q = 0; q < n; q++)
				s->dw[(c + q) * s->k + j] += (double)acc[q];
		}
}

int ser_nn_depthwise(struct ser_tape *t, int x, int w, int b)
{
	struct node X = *tape_at(t, x), W = *tape_at(t, w);
	ser_assert(X.seg != NULL && W.n_row == X.n_col && W.n_col % 2 == 1);
	ser_assert(b < 0 || tape_at(t, b)->n_row * tape_at(t, b)->n_col == X.n_col);
	return tape_op(t, OP_DEPTHWISE, 3, (int[]){x, w, b}, X.n_row, X.n_col, X.seg, X.n_seg, NULL, 0);
}

static struct depthwise shares(struct ser_tape *t, const struct node *x, size_t k)
{
	struct depthwise s = {.n_ch = x->n_col, .k = k, .seg = x->seg, .x = x->val};
	for (size_t b = 0; b < x->n_seg; b++)
		s.n_share += (x->seg[b + 1] - x->seg[b] + ROWS - 1) / ROWS;
	s.share = ser_arena_alloc(&t->arena, s.n_share, sizeof *s.share);
	struct share *h = s.share;
	for (size_t b = 0; b < x->n_seg; b++)
		for (size_t r = x->seg[b], end = x->seg[b + 1]; r < end; r += ROWS)
			*h++ = (struct share){r, end - r < ROWS ? end : r + ROWS, b};
	return s;
}

/* [C,k] as [k,C], the taps backwards or not */
static const real *by_tap(struct ser_tape *t, const struct node *w, bool backwards)
{
	size_t C = w->n_row, k = w->n_col;
	real *v = tape_alloc(t, ser_mul(C, k));
	for (size_t j = 0; j < k; j++)
		for (size_t c = 0; c < C; c++)
			v[j * C + c] = w->val[c * k + (backwards ? k - 1 - j : j)];
	return v;
}

void fwd_depthwise(struct ser_tape *t, struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]), W = *tape_at(t, r->in[1]), Y = *tape_at(t, r->out);
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	struct depthwise s = shares(t, &X, W.n_col);
	s.w = by_tap(t, &W, false);
	s.bias = tape_val(t, r->in[2]);
	s.y = Y.val;
	if (s.bias == NULL)
		memset(Y.val, 0, Y.n_row * Y.n_col * sizeof *Y.val);
	ser_la_for(t->la, s.n_share, share_fwd, &s);
	ser_arena_rewind(&t->arena, m);
}

/* dx is dy through the same taps backwards */
void bwd_depthwise(struct ser_tape *t, const struct rec *r)
{
	struct node X = *tape_at(t, r->in[0]), W = *tape_at(t, r->in[1]), Y = *tape_at(t, r->out);
	real *dx = tape_grad(t, r->in[0]), *dw = tape_grad(t, r->in[1]);
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	struct depthwise s = shares(t, &X, W.n_col);
	tape_bias_grad(t, Y.n_row, Y.n_col, Y.grad, Y.n_col, tape_grad(t, r->in[2]));
	s.dy = Y.grad;
	if (dw != NULL) {
		s.dw = ser_arena_calloc(&t->arena, ser_mul(W.n_row, W.n_col), sizeof *s.dw);
		ser_la_for(t->la, (s.n_ch + LANES - 1) / LANES, weight_bwd, &s);
		for (size_t i = 0; i < W.n_row * W.n_col; i++)
			dw[i] += (real)s.dw[i];
	}
	if (dx != NULL) {
		s.w = by_tap(t, &W, true);
		s.x = Y.grad;
		s.y = dx;
		ser_la_for(t->la, s.n_share, share_fwd, &s);
	}
	ser_arena_rewind(&t->arena, m);
}
