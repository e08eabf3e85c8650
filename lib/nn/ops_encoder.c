/* SPDX-License-Identifier: MIT */
/* What transformer encoders need besides: weights by direction and length, rows before and after those of a segment,
 * positions, tokens, masked frames. */
#include "nn/private.h"
#include "nn/kern.h"

#include <math.h>
#include <string.h>

/* ---- weight norm ---- */

struct weight_norm {
	double *norm; /* [K] */
};

int ser_nn_weight_norm(struct ser_tape *t, int v, int g)
{
	struct node V = *tape_at(t, v), G = *tape_at(t, g);
	ser_assert(G.n_row == 1 && V.n_col % G.n_col == 0);
	void *saved;
	return tape_op(t, OP_WEIGHT_NORM, 2, (int[]){v, g}, V.n_row, V.n_col, NULL, 0, &saved,
		       sizeof(struct weight_norm));
}

void fwd_weight_norm(struct ser_tape *t, struct rec *r)
{
	struct node V = *tape_at(t, r->in[0]), G = *tape_at(t, r->in[1]);
	size_t K = G.n_col, in = V.n_col / K;
	double *n = ((struct weight_norm *)r->saved)->norm = tape_state(t, r, K, sizeof *n);
	memset(n, 0, K * sizeof *n);
	for (size_t i = 0; i < V.n_row * K; i++)
		n[i % K] += ser_la_dot(in, V.val + i * in, V.val + i * in);
	for (size_t k = 0; k < K; k++)
		n[k] = sqrt(n[k]);
	real *W = tape_at(t, r->out)->val;
	for (size_t i = 0; i < V.n_row * K; i++) {
		real f = (real)((double)G.val[i % K] / n[i % K]);
		for (size_t c = i * in; c < i * in + in; c++)
			W[c] = f * V.val[c];
	}
}

/* w = g v/|v| by tap, s = sum dw v:  dg += s/|v|, dv += g/|v| (dw - v s/|v|^2) */
void bwd_weight_norm(struct ser_tape *t, const struct rec *r)
{
	struct node V = *tape_at(t, r->in[0]), G = *tape_at(t, r->in[1]), W = *tape_at(t, r->out);
	real *dv = tape_grad(t, r->in[0]), *dg = tape_grad(t, r->in[1]);
	const double *n = ((struct weight_norm *)r->saved)->norm;
	size_t K = G.n_col, in = V.n_col / K;
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	double *s = ser_arena_calloc(&t->arena, K, sizeof *s);
	for (size_t i = 0; i < V.n_row * K; i++)
		s[i % K] += ser_la_dot(in, W.grad + i * in, V.val + i * in);
	for (size_t k = 0; dg != NULL && k < K; k++)
		dg[k] += (real)(s[k] / n[k]);
	for (size_t i = 0; dv != NULL && i < V.n_row * K; i++) {
		size_t k = i % K;
		real f = (real)((double)G.val[k] / n[k]), h = (real)(s[k] / (n[k] * n[k]));
		for (size_t c = i * in; c < i * in + in; c++)
			dv[c] += f * (W.grad[c] - V.val[c] * h);
	}
	ser_arena_rewind(&t->arena, m);
}

/* ---- rows of a segment ---- */

struct frames {
	const size_t *in_seg, *out_seg;
	size_t skip, n_before, n_col; /* rows of the segment left out at its begin; rows put before it */
};

/* Each segment: the rows `before` [n_before] (or none), then its own from `skip` on, all but the last `cut` */
static int frames(struct ser_tape *t, int x, int before, size_t skip, size_t cut)
{
	struct node X = *tape_at(t, x);
	size_t nb = before >= 0 ? tape_at(t, before)->n_row : 0;
	ser_assert(X.seg != NULL && (before < 0 || tape_at(t, before)->n_col == X.n_col));
	size_t *seg = ser_arena_alloc(&t->arena, X.n_seg + 1, sizeof *seg);
	seg[0] = 0;
	for (size_t b = 0; b < X.n_seg; b++) {
		size_t n = X.seg[b + 1] - X.seg[b];
		ser_assert(n > skip + cut);
		seg[b + 1] = seg[b] + nb + n - skip - cut;
	}
	void *saved;
	int y = tape_op(t, OP_FRAMES, 2, (int[]){x, before}, seg[X.n_seg], X.n_col, seg, X.n_seg, &saved,
			sizeof(struct frames));
	*(struct frames *)saved = (struct frames){X.seg, seg, skip, nb, X.n_col};
	return y;
}

void fwd_frames(struct ser_tape *t, struct rec *r)
{
	const struct frames *s = r->saved;
	const real *x = tape_val(t, r->in[0]), *before = tape_val(t, r->in[1]);
	struct node Y = *tape_at(t, r->out);
	size_t C = s->n_col, nb = s->n_before;
	for (size_t b = 0; b < Y.n_seg; b++) {
		real *to = Y.val + s->out_seg[b] * C;
		if (before != NULL)
			memcpy(to, before, nb * C * sizeof *to);
		memcpy(to + nb * C, x + (s->in_seg[b] + s->skip) * C,
		       (s->out_seg[b + 1] - s->out_seg[b] - nb) * C * sizeof *to);
	}
}

void bwd_frames(struct ser_tape *t, const struct rec *r)
{
	const struct frames *s = r->saved;
	struct node Y = *tape_at(t, r->out);
	real *dx = tape_grad(t, r->in[0]), *db = tape_grad(t, r->in[1]);
	size_t C = s->n_col, nb = s->n_before;
	for (size_t b = 0; b < Y.n_seg; b++) {
		const real *dy = Y.grad + s->out_seg[b] * C;
		size_t n = s->out_seg[b + 1] - s->out_seg[b] - nb;
		if (db != NULL)
			ser_la_axpy(nb * C, 1, dy, db);
		if (dx != NULL)
			ser_la_axpy(n * C, 1, dy + nb * C, dx + (s->in_seg[b] + s->skip) * C);
	}
}

int ser_nn_trim(struct ser_tape *t, int x, size_t first, size_t last)
{
	return first + last == 0 ? x : frames(t, x, -1, first, last);
}

int ser_nn_prepend(struct ser_tape *t, int x, int rows)
{
	return frames(t, x, rows, 0, 0);
}

int ser_nn_cut(struct ser_tape *t, int x, int like, size_t (*n)(size_t n_row))
{
	struct node X = *tape_at(t, x), L = *tape_at(t, like);
	ser_assert(X.seg != NULL && L.seg != NULL && X.n_seg == L.n_seg);
	size_t *seg = ser_arena_alloc(&t->arena, X.n_seg + 1, sizeof *seg);
	seg[0] = 0;
	for (size_t b = 0; b < X.n_seg; b++) {
		seg[b + 1] = seg[b] + n(L.seg[b + 1] - L.seg[b]);
		ser_assert(seg[b + 1] - seg[b] <= X.seg[b + 1] - X.seg[b]);
	}
	void *saved;
	int y = tape_op(t, OP_FRAMES, 2, (int[]){x, -1}, seg[X.n_seg], X.n_col, seg, X.n_seg, &saved,
			sizeof(struct frames));
	*(struct frames *)saved = (struct frames){X.seg, seg, 0, 0, X.n_col};
	return y;
}

/* ---- the same numbers in other rows ---- */

int ser_nn_reshape(struct ser_tape *t, int x, size_t n_col, int like)
{
	struct node X = *tape_at(t, x);
	size_t n = X.n_row * X.n_col;
	ser_assert(n_col > 0 && n % n_col == 0);
	ser_assert(like < 0 || tape_at(t, like)->n_row == n / n_col);
	return tape_op(t, OP_RESHAPE, 1, &x, n / n_col, n_col, like >= 0 ? tape_at(t, like)->seg : NULL,
		       like >= 0 ? tape_at(t, like)->n_seg : 0, NULL, 0);
}

int ser_nn_segments(struct ser_tape *t, int x, size_t n)
{
	struct node X = *tape_at(t, x);
	size_t n_seg = X.n_row / n, *seg = ser_arena_alloc(&t->arena, n_seg + 1, sizeof *seg);
	ser_assert(X.n_row % n == 0);
	for (size_t b = 0; b <= n_seg; b++)
		seg[b] = b * n;
	return tape_op(t, OP_RESHAPE, 1, &x, X.n_row, X.n_col, seg, n_seg, NULL, 0);
}

void fwd_reshape(struct ser_tape *t, struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	memcpy(Y.val, tape_val(t, r->in[0]), Y.n_row * Y.n_col * sizeof *Y.val);
}

void bwd_reshape(struct ser_tape *t, const struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	ser_la_axpy(Y.n_row * Y.n_col, 1, Y.grad, tape_grad(t, r->in[0]));
}

/* ---- chunks ---- */

struct chunks {
	const size_t *seg;
	size_t n_frame, n_chunk;
};

int ser_nn_chunks(struct ser_tape *t, int x, size_t n_frame, size_t n_chunk)
{
	struct node X = *tape_at(t, x);
	ser_assert(X.seg != NULL && n_frame > 0 && n_chunk > 0);
	size_t n_seg = ser_mul(X.n_seg, n_chunk), *seg = ser_arena_alloc(&t->arena, n_seg + 1, sizeof *seg);
	for (size_t b = 0; b < X.n_seg; b++)
		ser_assert(X.seg[b + 1] - X.seg[b] >= n_frame);
	for (size_t k = 0; k <= n_seg; k++)
		seg[k] = k * n_frame;
	void *saved;
	int y = tape_op(t, OP_CHUNKS, 1, &x, seg[n_seg], X.n_col, seg, n_seg, &saved, sizeof(struct chunks));
	*(struct chunks *)saved = (struct chunks){X.seg, n_frame, n_chunk};
	return y;
}

/* The row of x at which chunk k, counted over all segments, begins */
static size_t chunk_begin(const struct chunks *s, size_t k)
{
	size_t b = k / s->n_chunk, n = s->seg[b + 1] - s->seg[b];
	size_t step = s->n_chunk > 1 ? (n - s->n_frame) / (s->n_chunk - 1) : 0;
	return s->seg[b] + k % s->n_chunk * step;
}

void fwd_chunks(struct ser_tape *t, struct rec *r)
{
	const struct chunks *s = r->saved;
	const real *x = tape_val(t, r->in[0]);
	struct node Y = *tape_at(t, r->out);
	size_t n = s->n_frame * Y.n_col;
	for (size_t k = 0; k < Y.n_seg; k++)
		memcpy(Y.val + k * n, x + chunk_begin(s, k) * Y.n_col, n * sizeof *Y.val);
}

void bwd_chunks(struct ser_tape *t, const struct rec *r)
{
	const struct chunks *s = r->saved;
	struct node Y = *tape_at(t, r->out);
	real *dx = tape_grad(t, r->in[0]);
	size_t n = s->n_frame * Y.n_col;
	for (size_t k = 0; k < Y.n_seg; k++)
		ser_la_axpy(n, 1, Y.grad + k * n, dx + chunk_begin(s, k) * Y.n_col);
}

/* ---- tokens and positions ---- */

int ser_nn_lookup(struct ser_tape *t, int table, int x)
{
	struct node X = *tape_at(t, x);
	ser_assert(X.n_col == 1);
	int32_t *idx = NULL;
	if (!tape_shape_only(t)) { /* x is an input: its values are there before the graph runs */
		ser_assert(X.rec < 0 && X.val != NULL);
		idx = ser_arena_alloc(&t->arena, X.n_row, sizeof *idx);
		for (size_t i = 0; i < X.n_row; i++)
			idx[i] = (int32_t)X.val[i];
	}
	return ser_nn_embedding(t, table, X.n_row, idx, X.seg, X.n_seg);
}

int ser_nn_positions(struct ser_tape *t, int table, int like, size_t first)
{
	struct node L = *tape_at(t, like);
	ser_assert(L.seg != NULL);
	int32_t *idx = ser_arena_alloc(&t->arena, L.n_row, sizeof *idx);
	for (size_t b = 0; b < L.n_seg; b++)
		for (size_t i = L.seg[b]; i < L.seg[b + 1]; i++)
			idx[i] = (int32_t)(first + i - L.seg[b]);
	return ser_nn_embedding(t, table, L.n_row, idx, L.seg, L.n_seg);
}

/* ---- windows ---- */

static size_t n_window(size_t n_row, const struct ser_windows *o)
{
	ser_assert(n_row >= o->tail);
	n_row -= o->tail;
	size_t last = n_row > o->n_row ? (n_row - o->n_row + o->step) / o->step * o->step : 0;
	if (last > 0 && n_row < last + o->least)
		last -= o->step;
	return last / o->step + 1;
}

int ser_nn_windows(struct ser_tape *t, int x, const struct ser_windows *o)
{
	struct node X = *tape_at(t, x);
	size_t n = 0, k = 0;
	ser_assert(X.seg != NULL && o->n_row > 0 && o->step > 0);
	for (size_t b = 0; b < X.n_seg; b++)
		n += n_window(X.seg[b + 1] - X.seg[b], o);
	size_t *seg = ser_arena_alloc(&t->arena, n + 1, sizeof *seg);
	int32_t *idx = ser_arena_alloc(&t->arena, ser_mul(n, o->n_row), sizeof *idx);
	for (size_t i = 0; i <= n; i++)
		seg[i] = i * o->n_row;
	for (size_t b = 0; b < X.n_seg; b++)
		for (size_t w = 0; w < n_window(X.seg[b + 1] - X.seg[b], o); w++)
			for (size_t i = 0; i < o->n_row; i++) {
				size_t row = X.seg[b] + w * o->step + i;
				idx[k++] = row < X.seg[b + 1] ? (int32_t)row : o->hold ? (int32_t)X.seg[b + 1] - 1 : -1;
			}
	return ser_nn_embedding(t, x, seg[n], idx, seg, n);
}

int ser_nn_of_windows(struct ser_tape *t, int y, int x, const struct ser_windows *o)
{
	struct node X = *tape_at(t, x), Y = *tape_at(t, y);
	size_t *seg = ser_arena_alloc(&t->arena, X.n_seg + 1, sizeof *seg);
	int32_t *idx = ser_arena_alloc(&t->arena, Y.n_row, sizeof *idx);
	seg[0] = 0;
	for (size_t b = 0; b < X.n_seg; b++)
		seg[b + 1] = seg[b] + n_window(X.seg[b + 1] - X.seg[b], o);
	ser_assert(seg[X.n_seg] == Y.n_row);
	for (size_t i = 0; i < Y.n_row; i++)
		idx[i] = (int32_t)i;
	return ser_nn_embedding(t, y, Y.n_row, idx, seg, X.n_seg);
}

/* ---- masked frames ---- */

struct mask {
	bool *masked;  /* [R] frames */
	bool *channel; /* [n_seg,C], or NULL */
};

/* Spans of n things, masked [n]: floor(prob n / span + u) of them, or `least`, their begins all different */
static void draw_spans(double prob, size_t span, size_t least, struct ser_rng *r, size_t n, bool *masked)
{
	size_t room = n >= span ? n - span + 1 : 0;
	size_t k = (size_t)(prob * (double)n / (double)span + ser_rng_uniform(r));
	k = k < least ? least : k;
	k = k > n / span ? n / span : k;
	for (size_t i = 0; i < room && k > 0; i++) /* each subset of begins is equally likely */
		if (ser_rng_below(r, room - i) < k) {
			k--;
			for (size_t j = i; j < i + span; j++)
				masked[j] = true;
		}
}

int ser_nn_mask(struct ser_tape *t, int x, int v, const struct ser_mask *o)
{
	struct node X = *tape_at(t, x), V = *tape_at(t, v);
	size_t C = X.n_col;
	bool active = t->mask != NULL || (t->mode & SER_TAPE_TRAIN) != 0;
	o = t->mask != NULL ? t->mask : o;
	ser_assert(X.seg != NULL && V.n_row == 1 && V.n_col == C && o->span > 0 && (o->ch_prob <= 0 || o->ch_span > 0));
	if ((o->prob <= 0 && o->ch_prob <= 0) || !active || tape_shape_only(t))
		return x;
	void *saved;
	int y = tape_op(t, OP_MASK, 2, (int[]){x, v}, X.n_row, C, X.seg, X.n_seg, &saved, sizeof(struct mask));
	struct mask *m = saved;
	m->masked = ser_arena_calloc(&t->arena, X.n_row, sizeof *m->masked);
	if (o->ch_prob > 0)
		m->channel = ser_arena_calloc(&t->arena, ser_mul(X.n_seg, C), sizeof *m->channel);
	uint64_t n = ++t->n_drop;
	for (size_t b = 0; b < X.n_seg; b++) {
		struct ser_rng r;
		ser_rng_seed(&r, ser_hash_le((uint64_t[]){t->seed, n, tape_key(t, b, X.n_seg)}, 3, 8));
		if (o->prob > 0)
			draw_spans(o->prob, o->span, o->least, &r, X.seg[b + 1] - X.seg[b], m->masked + X.seg[b]);
		if (o->ch_prob > 0)
			draw_spans(o->ch_prob, o->ch_span, 0, &r, C, m->channel + b * C);
	}
	return y;
}

void ser_tape_mask(struct ser_tape *t, const struct ser_mask *o)
{
	t->mask = o;
}

const bool *ser_nn_masked(const struct ser_tape *t, int y)
{
	const struct node *n = tape_at(t, y);
	return n->rec >= 0 && t->rec[n->rec].op == OP_MASK ? ((const struct mask *)t->rec[n->rec].saved)->masked : NULL;
}

void fwd_mask(struct ser_tape *t, struct rec *r)
{
	const struct mask *m = r->saved;
	const real *x = tape_val(t, r->in[0]), *v = tape_val(t, r->in[1]);
	struct node Y = *tape_at(t, r->out);
	size_t C = Y.n_col;
	for (size_t i = 0; i < Y.n_row; i++)
		memcpy(Y.val + i * C, m->masked[i] ? v : x + i * C, C * sizeof *Y.val);
	for (size_t b = 0; m->channel != NULL && b < Y.n_seg; b++)
		for (size_t i = Y.seg[b]; i < Y.seg[b + 1]; i++)
			for (size_t c = 0; c < C; c++)
				Y.val[i * C + c] = m->channel[b * C + c] ? 0 : Y.val[i * C + c];
}

/* A masked frame's gradient is v's, any other's x's; of a masked channel there is none. */
void bwd_mask(struct ser_tape *t, const struct rec *r)
{
	struct node Y = *tape_at(t, r->out);
	const struct mask *m = r->saved;
	real *dx = tape_grad(t, r->in[0]), *dv = tape_grad(t, r->in[1]);
	size_t C = Y.n_col;
	for (size_t b = 0; b < Y.n_seg; b++)
		for (size_t i = Y.seg[b]; i < Y.seg[b + 1]; i++) {
			real *to = m->masked[i] ? dv : dx != NULL ? dx + i * C : NULL;
			const real *dy = Y.grad + i * C;
			if (to != NULL && m->channel == NULL)
				ser_la_axpy(C, 1, dy, to);
			for (size_t c = 0; to != NULL && m->channel != NULL && c < C; c++)
				to[c] += m->channel[b * C + c] ? 0 : dy[c];
		}
}

/* ---- choices ---- */

struct gumbel {
	double tau;
	const uint64_t *key;
	uint64_t n; /* of the draw */
	real *p;    /* [R,V] in training */
};

int ser_nn_gumbel(struct ser_tape *t, int x, double tau, const uint64_t *key)
{
	struct node X = *tape_at(t, x);
	ser_assert(tau > 0);
	bool draws = (t->mode & SER_TAPE_TRAIN) != 0;
	void *saved;
	int y = tape_op(t, OP_GUMBEL, 1, &x, X.n_row, X.n_col, X.seg, X.n_seg, &saved, sizeof(struct gumbel));
	*(struct gumbel *)saved = (struct gumbel){.tau = tau, .key = key, .n = draws ? ++t->n_drop : 0};
	return y;
}

static size_t largest(const real *x, size_t n)
{
	size_t best = 0;
	for (size_t i = 1; i < n; i++)
		best = x[i] > x[best] ? i : best;
	return best;
}

void fwd_gumbel(struct ser_tape *t, struct rec *r)
{
	struct gumbel *s = r->saved;
	struct node X = *tape_at(t, r->in[0]);
	real *y = tape_at(t, r->out)->val;
	size_t V = X.n_col;
	bool draws = (t->mode & SER_TAPE_TRAIN) != 0;
	s->p = draws ? tape_state(t, r, ser_mul(X.n_row, V), sizeof *s->p) : NULL;
	memset(y, 0, X.n_row * V * sizeof *y);
	for (size_t i = 0; i < X.n_row; i++) {
		const real *x = X.val + i * V;
		if (draws) {
			struct ser_rng g;
			real *p = s->p + i * V;
			ser_rng_seed(&g,
				     ser_hash_le((uint64_t[]){t->seed, s->n, s->key != NULL ? s->key[i] : i}, 3, 8));
			for (size_t v = 0; v < V; v++) /* in (0,1) */
				p[v] = (real)(((double)x[v] - log(-log(ser_rng_uniform(&g) * (1 - 2e-16) + 1e-16))) /
					      s->tau);
			x = p;
		}
		y[i * V + largest(x, V)] = 1;
		if (draws)
			kern_softmax_fwd(1, V, x, s->p + i * V);
	}
}

/* p = softmax((x + n)/tau):  dx += p (dy - sum dy p) / tau */
void bwd_gumbel(struct ser_tape *t, const struct rec *r)
{
	const struct gumbel *s = r->saved;
	struct node Y = *tape_at(t, r->out);
	real *dx = tape_grad(t, r->in[0]);
	size_t V = Y.n_col;
	for (size_t i = 0; s->p != NULL && dx != NULL && i < Y.n_row; i++) {
		const real *p = s->p + i * V, *dy = Y.grad + i * V;
		double sum = ser_la_dot(V, p, dy);
		for (size_t v = 0; v < V; v++)
			dx[i * V + v] += (real)((double)p[v] * ((double)dy[v] - sum) / s->tau);
	}
}

static const double tiny = 1e-7;

struct perplexity {
	double n, share; /* here; then of all machines */
	double *p;       /* [rows, V] what the rows' distributions are, over all */
};

/* -sum p ln p */
static double entropy(const double *p, size_t n)
{
	double h = 0;
	for (size_t v = 0; v < n; v++)
		h -= p[v] * log(p[v] + tiny);
	return h;
}

int ser_nn_perplexity(struct ser_tape *t, int x, double n, double share)
{
	struct node X = *tape_at(t, x);
	void *saved;
	int y = tape_op(t, OP_PERPLEXITY, 1, &x, 1, 1, NULL, 0, &saved, sizeof(struct perplexity));
	*(struct perplexity *)saved = (struct perplexity){
		n, share, ser_arena_alloc(&t->arena, ser_mul(X.n_row, X.n_col) + 2, sizeof(double))};
	return y;
}

void fwd_perplexity(struct ser_tape *t, struct rec *r)
{
	struct perplexity *s = r->saved;
	struct node X = *tape_at(t, r->in[0]);
	size_t all = X.n_row * X.n_col;
	double sum = 0;
	for (size_t i = 0; i < all; i++)
		s->p[i] = (double)X.val[i];
	s->p[all] = s->n;
	s->p[all + 1] = s->share;
	if (t->all_sum != NULL)
		t->all_sum(t->all_sum_ctx, s->p, all + 2);
	for (size_t i = 0; i < all; i++)
		s->p[i] = s->p[all] > 0 ? s->p[i] / s->p[all] : 1 / (double)X.n_col;
	for (size_t i = 0; i < X.n_row; i++)
		sum += exp(entropy(s->p + i * X.n_col, X.n_col));
	*tape_at(t, r->out)->val = (real)(s->share * sum);
}

/* y = share sum_g e^H, p = x/n:  dx -= dy share/n e^H (ln(p + eps) + p/(p + eps)), n and share those of all machines */
void bwd_perplexity(struct ser_tape *t, const struct rec *r)
{
	const struct perplexity *s = r->saved;
	struct node X = *tape_at(t, r->in[0]);
	size_t all = X.n_row * X.n_col;
	double dy = (double)*tape_at(t, r->out)->grad * s->p[all + 1];
	real *dx = tape_grad(t, r->in[0]);
	for (size_t i = 0; dx != NULL && s->p[all] > 0 && i < X.n_row; i++) {
		double e = dy / s->p[all] * exp(entropy(s->p + i * X.n_col, X.n_col));
		for (size_t v = i * X.n_col; v < (i + 1) * X.n_col; v++)
			dx[v] -= (real)(e * (log(s->p[v] + tiny) + s->p[v] / (s->p[v] + tiny)));
	}
}

bool ser_tape_chance(struct ser_tape *t, double p)
{
	if (p <= 0 || (t->mode & SER_TAPE_TRAIN) == 0 || tape_shape_only(t))
		return false;
	struct ser_rng r;
	uint64_t n = ++t->n_drop;
	ser_rng_seed(&r, ser_hash_le((uint64_t[]){t->seed, n}, 2, 8));
	return ser_rng_uniform(&r) < p;
}
