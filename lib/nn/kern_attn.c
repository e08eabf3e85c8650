/* SPDX-License-Identifier: MIT */
/* Attention by tiles (Dao et al. 2022): scores of some rows and some keys at a time, the softmax carried along as the
 * largest score so far and the sum of exponentials over it; backward forms the scores again. */
#include "nn/kern.h"

#include <math.h>
#include <string.h>

enum { ROWS = 192, KEYS = 512 }; /* of a tile: multiples of what product kernels take at once */

size_t kern_attn_ws(size_t n)
{
	size_t keys = n < KEYS ? n : KEYS;
	return 2 * ROWS * keys + ROWS + keys;
}

/* Largest of m and x [n]; which lane finds it makes no difference */
SER_CLONES static real largest(size_t n, const real *x, real m)
{
	real l[16];
	for (size_t i = 0; i < 16; i++)
		l[i] = m;
	size_t i = 0;
	for (; i + 16 <= n; i += 16)
		for (size_t j = 0; j < 16; j++)
			l[j] = x[i + j] > l[j] ? x[i + j] : l[j];
	for (; i < n; i++)
		l[0] = x[i] > l[0] ? x[i] : l[0];
	for (i = 0; i < 16; i++)
		m = l[i] > m ? l[i] : m;
	return m;
}

SER_CLONES static void add_scaled(size_t n, real f, const real *restrict b, real *restrict x)
{
	for (size_t i = 0; i < n; i++)
		x[i] += f * b[i];
}

SER_CLONES static void times_one(size_t n, real f, real *x)
{
	for (size_t i = 0; i < n; i++)
		x[i] *= f;
}

SER_CLONES static void times(size_t n, const real *restrict w, real *restrict x)
{
	for (size_t i = 0; i < n; i++)
		x[i] *= w[i];
}

/* dp = p (dp - d) f */
SER_CLONES static void softmax_over(size_t n, const real *restrict p, real d, real f, real *restrict dp)
{
	for (size_t i = 0; i < n; i++)
		dp[i] = p[i] * ((dp[i] - d) * f);
}

SER_CLONES static void add_diagonal(size_t n, real f, const real *restrict ds, double *restrict d)
{
	for (size_t i = 0; i < n; i++)
		d[i] += (double)(f * ds[i]);
}

/* A tile: rows [i0, i0 + n_i), keys [j0, j0 + n_j) */
struct tile {
	size_t i0, n_i, j0, n_j;
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Keys [*from, *to) that row i sees, of those from j0 to j1; *to <= *from: none */
static void seen(const struct kern_attn *a, size_t i, size_t j0, size_t j1, size_t *from, size_t *to)
{
	*from = a->reach > 0 && i > a->reach + j0 ? i - a->reach : j0;
	*to = a->causal ? least(j1, i + 1) : j1;
	*to = a->reach > 0 ? least(*to, i + a->reach + 1) : *to;
}

/* The tile of rows from i0 and keys from *j; false when no key is left for these rows. The first has *j = 0. */
static bool next_tile(const struct kern_attn *a, size_t i0, size_t *j, struct tile *t)
{
	size_t n_i = least(a->n - i0, ROWS), from, none, first, to;
	seen(a, i0, 0, a->n, &from, &none);
	seen(a, i0 + n_i - 1, 0, a->n, &first, &to);
	size_t j0 = *j > 0 ? *j : from / KEYS * KEYS;
	if (j0 >= to)
		return false;
	*t = (struct tile){i0, n_i, j0, least(to - j0, KEYS)};
	*j = j0 + KEYS;
	return true;
}

/* Columns of row i that have a bias, of [from, to); and the bias of the first */
static const real *bias_of(const struct kern_attn *a, size_t i, size_t *from, size_t to)
{
	if (a->bias == NULL || i < a->n_plain)
		return NULL;
	*from = *from < a->n_plain ? a->n_plain : *from;
	return *from < to ? a->bias + *from + a->n - 1 - i : NULL;
}

static real gate_of(const struct kern_attn *a, size_t i)
{
	return a->gate != NULL ? a->gate[i * a->ld_gate] : 1;
}

/* s [n_i, n_j] = q k' scale + bias */
static void scores(struct ser_la *la, const struct kern_attn *a, const struct tile *t, real *s)
{
	ser_la_gemm(la, false, true, t->n_i, t->n_j, a->D, a->scale, a->q + t->i0 * a->ld_q, a->ld_q,
		    a->k + t->j0 * a->ld_k, a->ld_k, 0, s, t->n_j);
	for (size_t r = 0; r < t->n_i; r++) {
		size_t i = t->i0 + r, from, to;
		seen(a, i, t->j0, t->j0 + t->n_j, &from, &to);
		const real *b = bias_of(a, i, &from, to);
		if (b != NULL)
			add_scaled(to - from, gate_of(a, i), b, s + r * t->n_j + from - t->j0);
	}
}

/* Zeros in a row of a tile but for the columns [from, to) */
static void clear_unseen(const struct tile *t, size_t from, size_t to, real *s)
{
	to = to < from ? from : to;
	memset(s, 0, least(from - t->j0, t->n_j) * sizeof *s);
	if (to < t->j0 + t->n_j)
		memset(s + (to - t->j0), 0, (t->j0 + t->n_j - to) * sizeof *s);
}

/* What a row's softmax has come to: the largest score, the sum of e^(score - largest), and in this tile the factor e^(last
 * largest - largest) of what was there before */
struct softmax {
	real m, carry;
	double l;
};

/* Row i of a tile: scores s, to weights times dropout's factors; w [n_j] is scratch */
static void row_fwd(const struct kern_attn *a, const struct tile *t, size_t i, struct softmax *x, real *s, real *w)
{
	size_t from, to;
	seen(a, i, t->j0, t->j0 + t->n_j, &from, &to);
	clear_unseen(t, from, to, s);
	x->carry = 1;
	if (from >= to)
		return;
	s += from - t->j0;
	real m = largest(to - from, s, x->m);
	x->carry = x->m;
	ser_la_exp_minus(1, m, &x->carry);
	ser_la_exp_minus(to - from, m, s);
	x->l = x->l * (double)x->carry + ser_la_sum(to - from, s);
	x->m = m;
	if (a->drop > 0) {
		kern_dropout_factors(to - from, a->stream, i, from, a->drop, w);
		times(to - from, w, s);
	}
}

/* m = max(m, s), p = e^(s - m), l = l e^(old m - m) + sum p, y = y e^(old m - m) + p v; at the end y / l */
void kern_attn_fwd(struct ser_la *la, const struct kern_attn *a, real *y, size_t ld_y, real *lse, real *ws)
{
	real *s = ws, *w = ws + ROWS * least(a->n, KEYS);
	struct softmax x[ROWS];
	struct tile t;
	for (size_t i0 = 0; i0 < a->n; i0 += ROWS, y += ROWS * ld_y) {
		size_t n_i = least(a->n - i0, ROWS);
		bool first = true;
		for (size_t r = 0; r < n_i; r++)
			x[r] = (struct softmax){.m = -(real)INFINITY};
		for (size_t j = 0; next_tile(a, i0, &j, &t); first = false) {
			scores(la, a, &t, s);
			for (size_t r = 0; r < n_i; r++)
				row_fwd(a, &t, i0 + r, &x[r], s + r * t.n_j, w);
			for (size_t r = 0; !first && r < n_i; r++)
				times_one(a->D, x[r].carry, y + r * ld_y);
			ser_la_gemm(la, false, false, n_i, a->D, t.n_j, 1, s, t.n_j, a->v + t.j0 * a->ld_v, a->ld_v,
				    first ? 0 : 1, y, ld_y);
		}
		for (size_t r = 0; r < n_i; r++) {
			times_one(a->D, (real)(1 / x[r].l), y + r * ld_y);
			lse[i0 + r] = (real)((double)x[r].m + log(x[r].l));
		}
	}
}

/* Row i of a tile: scores p and dp = dy v', to p times dropout's factors, and ds scale. d = sum p dp; w [n_j] is scratch. */
static void row_bwd(const struct kern_attn *a, const struct tile *t, size_t i, real lse, real d, real *p, real *dp,
		    real *w, const struct kern_attn_grad *g)
{
	size_t from, to;
	seen(a, i, t->j0, t->j0 + t->n_j, &from, &to);
	clear_unseen(t, from, to, p);
	clear_unseen(t, from, to, dp);
	if (from >= to)
		return;
	size_t n = to - from;
	p += from - t->j0;
	ser_la_exp_minus(n, lse, p);
	if (a->drop > 0) {
		kern_dropout_factors(n, a->stream, i, from, a->drop, w);
		times(n, w, dp + from - t->j0);
	}
	softmax_over(n, p, d, a->scale, dp + from - t->j0);
	if (a->drop > 0)
		times(n, w, p);
	const real *b = bias_of(a, i, &from, to), *ds = dp + from - t->j0;
	if (b != NULL && g->diagonal != NULL)
		add_diagonal(to - from, gate_of(a, i) / a->scale, ds, g->diagonal + (b - a->bias));
	if (b != NULL && g->gate != NULL)
		g->gate[i * a->ld_gate] += (real)(ser_la_dot(to - from, ds, b) / (double)a->scale);
}

/* y = p v, p = e^(s - lse), s = q k' scale + gate bias:  dv += p' dy, dp = dy v', ds = p (dp - sum p dp), where sum p dp =
 * y dy; dq += ds k scale, dk += ds' q scale, dbias += gate ds, dgate += ds bias. With dropout factors w: dv += (p w)' dy, dp
 * = w (dy v'). */
void kern_attn_bwd(struct ser_la *la, const struct kern_attn *a, const real *y, size_t ld_y, const real *dy,
		   size_t ld_dy, const real *lse, const struct kern_attn_grad *g, real *ws)
{
	size_t n_key = least(a->n, KEYS);
	real *p = ws, *dp = ws + ROWS * n_key, *d = ws + 2 * ROWS * n_key, *w = d + ROWS;
	struct tile t;
	for (size_t i0 = 0; i0 < a->n; i0 += ROWS) {
		const real *dyt = dy + i0 * ld_dy;
		for (size_t i = i0; i < least(a->n, i0 + ROWS); i++)
			d[i - i0] = (real)ser_la_dot(a->D, y + i * ld_y, dy + i * ld_dy);
		for (size_t j = 0; next_tile(a, i0, &j, &t);) {
			const real *k = a->k + t.j0 * a->ld_k, *v = a->v + t.j0 * a->ld_v, *q = a->q + i0 * a->ld_q;
			scores(la, a, &t, p);
			ser_la_gemm(la, false, true, t.n_i, t.n_j, a->D, 1, dyt, ld_dy, v, a->ld_v, 0, dp, t.n_j);
			for (size_t r = 0; r < t.n_i; r++)
				row_bwd(a, &t, i0 + r, lse[i0 + r], d[r], p + r * t.n_j, dp + r * t.n_j, w, g);
			if (g->v != NULL)
				ser_la_gemm(la, true, false, t.n_j, a->D, t.n_i, 1, p, t.n_j, dyt, ld_dy, 1,
					    g->v + t.j0 * g->ld_v, g->ld_v);
			if (g->q != NULL)
				ser_la_gemm(la, false, false, t.n_i, a->D, t.n_j, 1, dp, t.n_j, k, a->ld_k, 1,
					    g->q + i0 * g->ld_q, g->ld_q);
			if (g->k != NULL)
				ser_la_gemm(la, true, false, t.n_j, a->D, t.n_i, 1, dp, t.n_j, q, a->ld_q, 1,
					    g->k + t.j0 * g->ld_k, g->ld_k);
		}
	}
}
