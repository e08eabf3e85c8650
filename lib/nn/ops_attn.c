/* SPDX-License-Identifier: MIT */
/* Attention over the frames of each segment. */
#include "nn/private.h"
#include "nn/kern.h"

#include <math.h>
#include <string.h>

struct attn {
	struct ser_attn o;
	struct kern_attn all; /* what heads and segments share; q, k, v and the gate from their first row and head on */
	size_t n_seg, n_bucket, longest;
	const size_t *seg;
	const struct ser_tape *t;
	uint64_t seed; /* of dropout */
	const real *bias;
	real *y, *lse; /* lse [n_head][R]: ln of a row's sum of exponentials */
	const real *dy;
	size_t ld_dy;
	struct kern_attn_grad grad;
	double *dbias; /* [n_seg][n_bucket][n_head] */
	real **ws;     /* [threads]: of the kernel, then 2n - 1 biases */
	double **diagonal;
	struct ser_la *la;
};

static size_t n_channel(const struct attn *s)
{
	return s->o.n_head * s->all.D;
}

/* Row of the bias table, and its factor, for frame j seen from frame i, o = j - i */
static size_t bucket_of(const struct attn *s, ptrdiff_t o, real *f)
{
	ptrdiff_t lim = (ptrdiff_t)s->o.n_off;
	*f = s->o.slope ? (real)(o < 0 ? o : -o) : 1;
	if (s->o.slope)
		return 0;
	size_t at = (size_t)((o < -lim ? -lim : o > lim ? lim : o) + lim);
	return s->o.bucket != NULL ? (size_t)s->o.bucket[at] : at;
}

/* Segment b, head h; bias [2n - 1] is filled */
static struct kern_attn one(const struct attn *s, size_t b, size_t h, real *bias)
{
	struct kern_attn a = s->all;
	size_t r0 = s->seg[b], n = s->seg[b + 1] - r0;
	a.n = n;
	a.q += r0 * a.ld_q + h * a.D;
	a.k += r0 * a.ld_k + h * a.D;
	a.v += r0 * a.ld_v + h * a.D;
	a.gate = a.gate != NULL ? a.gate + r0 * a.ld_gate + h : NULL;
	a.stream =
		s->seed + tape_key(s->t, b, s->n_seg) * UINT64_C(0xd1342543de82ef95) + h * UINT64_C(0xa0761d6478bd642f);
	for (size_t i = 0; s->bias != NULL && i < 2 * n - 1; i++) {
		real f;
		size_t row = bucket_of(s, (ptrdiff_t)i - (ptrdiff_t)(n - 1), &f);
		bias[i] = s->bias[row * s->o.n_head + h] * f;
	}
	a.bias = s->bias != NULL ? bias : NULL;
	return a;
}

size_t ser_nn_attn_bucket(ptrdiff_t o, size_t n_bucket, size_t most)
{
	size_t half = n_bucket / 2, exact = half / 2, a = (size_t)(o < 0 ? -o : o), b = a;
	if (a >= exact) { /* in float, as trained models have it */
		float f = logf((float)a / (float)exact) / (float)log((double)most / (double)exact);
		b = exact + (size_t)(f * (float)(half - exact));
		b = b < half ? b : half - 1;
	}
	return b + (o > 0 ? half : 0);
}

static void attn_fwd(void *ctx, size_t item, int worker)
{
	const struct attn *s = ctx;
	size_t b = item / s->o.n_head, h = item % s->o.n_head, r0 = s->seg[b], E = n_channel(s);
	real *ws = s->ws[worker];
	struct kern_attn a = one(s, b, h, ws + kern_attn_ws(s->longest));
	kern_attn_fwd(ser_la_worker(s->la, worker), &a, s->y + r0 * E + h * a.D, E, s->lse + h * s->seg[s->n_seg] + r0,
		      ws);
}

static real *at(real *x, size_t i)
{
	return x != NULL ? x + i : NULL;
}

static void attn_bwd(void *ctx, size_t item, int worker)
{
	const struct attn *s = ctx;
	size_t b = item / s->o.n_head, h = item % s->o.n_head, r0 = s->seg[b], n = s->seg[b + 1] - r0;
	size_t E = n_channel(s), D = s->all.D, H = s->o.n_head;
	real *ws = s->ws[worker];
	struct kern_attn a = one(s, b, h, ws + kern_attn_ws(s->longest));
	struct kern_attn_grad g = s->grad;
	g.q = at(g.q, r0 * g.ld_q + h * D);
	g.k = at(g.k, r0 * g.ld_k + h * D);
	g.v = at(g.v, r0 * g.ld_v + h * D);
	g.gate = at(g.gate, r0 * a.ld_gate + h);
	g.diagonal = s->dbias != NULL ? s->diagonal[worker] : NULL;
	if (g.diagonal != NULL)
		memset(g.diagonal, 0, (2 * n - 1) * sizeof *g.diagonal);
	kern_attn_bwd(ser_la_worker(s->la, worker), &a, s->y + r0 * E + h * D, E, s->dy + r0 * s->ld_dy + h * D,
		      s->ld_dy, s->lse + h * s->seg[s->n_seg] + r0, &g, ws);
	double *db = s->dbias != NULL ? s->dbias + b * s->n_bucket * H + h : NULL;
	for (size_t i = 0; db != NULL && i < 2 * n - 1; i++) {
		real f;
		size_t row = bucket_of(s, (ptrdiff_t)i - (ptrdiff_t)(n - 1), &f);
		db[row * H] += (double)f * g.diagonal[i];
	}
}

static void workspaces(struct ser_tape *t, struct attn *s)
{
	size_t nt = (size_t)ser_la_threads(t->la);
	s->ws = ser_arena_alloc(&t->arena, nt, sizeof *s->ws);
	s->diagonal = ser_arena_alloc(&t->arena, nt, sizeof *s->diagonal);
	for (size_t i = 0; i < nt; i++) {
		s->ws[i] = tape_alloc(t, kern_attn_ws(s->longest) + 2 * s->longest);
		s->diagonal[i] = s->dbias != NULL ? ser_arena_alloc(&t->arena, 2 * s->longest, sizeof(double)) : NULL;
	}
}

int ser_nn_attention(struct ser_tape *t, int q, int k, int v, int bias, int gate, const struct ser_attn *a)
{
	struct node Q = *tape_at(t, q), K = *tape_at(t, k), V = *tape_at(t, v);
	ser_assert(Q.seg != NULL && a->n_head > 0 && Q.n_col % a->n_head == 0 && a->dropout >= 0 && a->dropout < 1);
	ser_assert(K.n_row == Q.n_row && K.n_col == Q.n_col && V.n_row == Q.n_row && V.n_col == Q.n_col);
	void *saved;
	int y = tape_op(t, OP_ATTENTION, 5, (int[]){q, k, v, bias, gate}, Q.n_row, Q.n_col, Q.seg, Q.n_seg, &saved,
			sizeof(struct attn));
	struct attn *s = saved;
	size_t D = Q.n_col / a->n_head;
	*s = (struct attn){.o = *a,
			   .all = {.D = D,
				   .scale = (real)(1 / sqrt((double)D)),
				   .reach = a->reach,
				   .n_plain = a->n_plain,
				   .causal = a->causal},
			   .n_seg = Q.n_seg,
			   .seg = Q.seg,
			   .la = t->la};
	if (bias >= 0 && a->most_log > 0) {
		int32_t *row = ser_arena_alloc(&t->arena, 2 * a->most_log + 1, sizeof *row);
		for (size_t i = 0; i < 2 * a->most_log + 1; i++)
			row[i] = (int32_t)ser_nn_attn_bucket((ptrdiff_t)i - (ptrdiff_t)a->most_log,
							     tape_at(t, bias)->n_row, a->most_log);
		s->o.n_off = a->most_log;
		s->o.bucket = row;
	}
	if (bias >= 0) {
		struct node B = *tape_at(t, bias);
		s->n_bucket = B.n_row;
		ser_assert(B.n_col == a->n_head && (!a->slope || B.n_row == 1));
		for (size_t i = 0; !a->slope && i < 2 * s->o.n_off + 1; i++)
			ser_assert(s->o.bucket != NULL ? s->o.bucket[i] >= 0 && (size_t)s->o.bucket[i] < B.n_row
						       : i < B.n_row);
	}
	if (gate >= 0)
		ser_assert(bias >= 0 && tape_at(t, gate)->n_row == Q.n_row && tape_at(t, gate)->n_col == a->n_head);
	if (a->dropout > 0 && (t->mode & SER_TAPE_TRAIN) != 0 && !tape_shape_only(t)) {
		uint64_t n = ++t->n_drop;
		s->all.drop = a->dropout;
		s->seed = ser_hash_le((uint64_t[]){t->seed, n}, 2, 8);
	}
	for (size_t b = 0; b < Q.n_seg; b++)
		s->longest = Q.seg[b + 1] - Q.seg[b] > s->longest ? Q.seg[b + 1] - Q.seg[b] : s->longest;
	return y;
}

/* What was saved, the inputs where they lie now */
static struct attn inputs(const struct ser_tape *t, const struct rec *r)
{
	struct attn s = *(const struct attn *)r->saved;
	s.t = t;
	s.all.q = tape_val(t, r->in[0]);
	s.all.k = tape_val(t, r->in[1]);
	s.all.v = tape_val(t, r->in[2]);
	s.all.ld_q = tape_at(t, r->in[0])->ld;
	s.all.ld_k = tape_at(t, r->in[1])->ld;
	s.all.ld_v = tape_at(t, r->in[2])->ld;
	s.bias = tape_val(t, r->in[3]);
	s.all.gate = tape_val(t, r->in[4]);
	s.all.ld_gate = s.o.n_head;
	s.y = tape_val(t, r->out);
	return s;
}

void fwd_attention(struct ser_tape *t, struct rec *r)
{
	real *lse =
		tape_state(t, r, ser_mul(((struct attn *)r->saved)->o.n_head, tape_at(t, r->out)->n_row), sizeof *lse);
	((struct attn *)r->saved)->lse = lse;
	struct attn s = inputs(t, r);
	workspaces(t, &s);
	ser_la_for(t->la, s.n_seg * s.o.n_head, attn_fwd, &s);
}

void bwd_attention(struct ser_tape *t, const struct rec *r)
{
	struct attn s = inputs(t, r);
	struct node Y = *tape_at(t, r->out);
	s.dy = Y.grad;
	s.ld_dy = Y.grad_ld;
	s.grad.q = tape_grad(t, r->in[0]);
	s.grad.k = tape_grad(t, r->in[1]);
	s.grad.v = tape_grad(t, r->in[2]);
	s.grad.ld_q = tape_at(t, r->in[0])->grad_ld;
	s.grad.ld_k = tape_at(t, r->in[1])->grad_ld;
	s.grad.ld_v = tape_at(t, r->in[2])->grad_ld;
	real *db = tape_grad(t, r->in[3]);
	s.grad.gate = tape_grad(t, r->in[4]);
	size_t nb = s.n_bucket * s.o.n_head;
	s.dbias = db != NULL ? ser_arena_calloc(&t->arena, ser_mul(Y.n_seg, nb), sizeof *s.dbias) : NULL;
	workspaces(t, &s);
	ser_la_for(t->la, Y.n_seg * s.o.n_head, attn_bwd, &s);
	for (size_t b = 0; db != NULL && b < Y.n_seg; b++)
		for (size_t i = 0; i < nb; i++)
			db[i] += (real)s.dbias[b * nb + i];
}
