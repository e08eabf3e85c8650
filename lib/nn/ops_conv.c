/* SPDX-License-Identifier: MIT */
/* Convolutions as products over gathered rows, and max pooling. */
#include "nn/private.h"
#include "nn/kern.h"

#include <string.h>

ptrdiff_t ser_nn_conv_len(size_t n, const struct ser_conv *c)
{
	ptrdiff_t room = (ptrdiff_t)(n + 2 * c->pad) - (ptrdiff_t)(c->dil * (c->k - 1)) - 1;
	if (c->reflect && n <= c->pad)
		return 0;
	return room < 0 ? 0 : room / (ptrdiff_t)c->stride + 1;
}

static int conv(struct ser_tape *t, int x, int w, int b, size_t n_freq, const struct ser_conv *ct,
		const struct ser_conv *cf)
{
	struct node X = *tape_at(t, x), W = *tape_at(t, w);
	size_t G = ct->groups, K = ct->k * cf->k, n_in = X.n_col / n_freq, n_out = W.n_row;
	ser_assert(X.seg != NULL && n_freq > 0 && X.n_col % n_freq == 0);
	ser_assert(G > 0 && n_in % G == 0 && n_out % G == 0 && W.n_col == K * (n_in / G));
	ser_assert(ct->k > 0 && ct->stride > 0 && ct->dil > 0 && cf->k > 0 && cf->stride > 0 && cf->dil > 0 &&
		   !cf->reflect);
	ser_assert(b < 0 || tape_at(t, b)->n_row * tape_at(t, b)->n_col == n_out);
	ptrdiff_t f = ser_nn_conv_len(n_freq, cf);
	ser_assert(f > 0);
	size_t *seg = ser_arena_alloc(&t->arena, X.n_seg + 1, sizeof *seg);
	seg[0] = 0;
	for (size_t s = 0; s < X.n_seg; s++) {
		ptrdiff_t n = ser_nn_conv_len(X.seg[s + 1] - X.seg[s], ct);
		ser_assert(n > 0);
		seg[s + 1] = seg[s] + (size_t)n;
	}
	size_t n_row = seg[X.n_seg], n_fo = (size_t)f;
	ser_assert(ser_mul(X.n_row, n_freq) < INT32_MAX && ser_mul(n_row, n_fo) < INT32_MAX);
	void *saved;
	int y = tape_op(t, OP_CONV, 3, (int[]){x, w, b}, n_row, n_fo * n_out, seg, X.n_seg, &saved,
			sizeof(struct conv));
	tape_at(t, y)->pitched = n_fo == 1;
	tape_bias(t, y, b);
	*(struct conv *)saved = (struct conv){
		.g = {X.seg, seg, X.n_seg, *ct, *cf, n_freq, n_fo}, .n_in = n_in, .n_out = n_out, .groups = G};
	return y;
}

void fwd_conv(struct ser_tape *t, struct rec *r)
{
	const struct conv *s = r->saved;
	struct node X = *tape_at(t, r->in[0]), W = *tape_at(t, r->in[1]), Y = *tape_at(t, r->out);
	const real *bias = tape_val(t, r->in[2]);
	size_t G = s->groups, K = s->g.t.k * s->g.f.k, g_in = s->n_in / G, g_out = s->n_out / G;
	size_t n_row = Y.n_row * s->g.n_freq_out, ld = Y.ld / s->g.n_freq_out;
	const struct ser_la_packed *packed = G == 1 ? tape_packed(t, r->in[1], 0, W.n_col) : NULL;
	struct ser_la_after after;
	for (size_t g = 0; g < G; g++) {
		struct ser_la_gather a = {X.val + g * g_in, X.ld / s->g.n_freq, K, g_in, kern_conv_rows, &s->g};
		if (packed != NULL) {
			ser_la_gemm_gather_packed(t->la, n_row, &a, packed, bias, tape_after(t, &s->then, &after),
						  Y.val, ld);
			continue;
		}
		ser_la_gemm_gather(t->la, true, n_row, g_out, &a, W.val + g * g_out * K * g_in, K * g_in,
				   bias != NULL ? bias + g * g_out : NULL, 0, Y.val + g * g_out, ld);
	}
}

/* dx of a stride in time: each of its phases is a product with the taps that reach it, so that no zeros are multiplied. */
static void strided_dx(struct ser_tape *t, const struct conv *s, size_t n_frame, const real *w, const real *dy,
		       size_t ld_y, real *dx, size_t ld_x, real beta)
{
	const struct ser_conv *c = &s->g.t;
	size_t in = s->n_in / s->groups, out = s->n_out / s->groups, K = c->k * s->g.f.k, F = s->g.n_freq;
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	int32_t *frame = ser_arena_alloc(&t->arena, n_frame, sizeof *frame);
	int32_t *seg_of = ser_arena_alloc(&t->arena, n_frame, sizeof *seg_of);
	real *turned = tape_alloc(t, K * out * in), *part = tape_alloc(t, ser_mul(n_frame * F, in));
	for (size_t phase = 0; phase < c->stride; phase++) {
		struct kern_phase p = {.g = &s->g, .frame = frame, .seg_of = seg_of};
		size_t n = 0;
		for (size_t b = 0; b < s->g.n_seg; b++)
			for (size_t i = s->g.in_seg[b]; i < s->g.in_seg[b + 1]; i++)
				if ((i - s->g.in_seg[b] + c->pad) % c->stride == phase) {
					frame[n] = (int32_t)i;
					seg_of[n++] = (int32_t)b;
				}
		for (size_t j = 0; j < c->k; j++)
			if (j * c->dil % c->stride == phase)
				p.tap[p.n_tap++] = j;
		for (size_t j = 0; j < p.n_tap * s->g.f.k; j++)
			for (size_t o = 0; o < out; o++)
				memcpy(turned + (j * out + o) * in,
				       w + (o * K + p.tap[j / s->g.f.k] * s->g.f.k + j % s->g.f.k) * in,
				       in * sizeof *w);
		if (p.n_tap > 0) {
			struct ser_la_gather a = {dy, ld_y, p.n_tap * s->g.f.k, out, kern_conv_rows_phase, &p};
			ser_la_gemm_gather(t->la, false, n * F, in, &a, turned, in, NULL, 0, part, in);
		} else {
			memset(part, 0, n * F * in * sizeof *part);
		}
		for (size_t i = 0; i < n * F; i++) {
			real *to = dx + ((size_t)frame[i / F] * F + i % F) * ld_x;
			if (beta == 0)
				memcpy(to, part + i * in, in * sizeof *to);
			else
				ser_la_axpy(in, 1, part + i * in, to);
		}
	}
	ser_arena_rewind(&t->arena, m);
}

/* y_r = sum_j w_j x_(r,j):  dw_j = sum_r dy_r' x_(r,j),  dx_i = sum_j dy_(i,j) w_j over the outputs that read i by tap j */
void bwd_conv(struct ser_tape *t, const struct rec *r)
{
	const struct conv *s = r->saved;
	struct node X = *tape_at(t, r->in[0]), W = *tape_at(t, r->in[1]), Y = *tape_at(t, r->out);
	size_t G = s->groups, K = s->g.t.k * s->g.f.k, in = s->n_in / G, out = s->n_out / G;
	size_t n_row = Y.n_row * s->g.n_freq_out;
	real beta_x = 1, beta_w = 1;
	real *dx = tape_grad_beta(t, r->in[0], &beta_x), *dw = tape_grad_beta(t, r->in[1], &beta_w);
	/* rows of x's and y's gradients */
	size_t ld_y = Y.grad_ld / s->g.n_freq_out, ld_x = tape_at(t, r->in[0])->grad_ld / s->g.n_freq;
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	tape_bias_back(t, r->out, r->in[2]);
	real *turned = dx != NULL && K > 1 ? tape_alloc(t, K * out * in) : NULL; /* w as [K, out, in] */
	for (size_t g = 0; g < G; g++) {
		const real *w = dx != NULL ? W.val + g * out * K * in : NULL;
		if (dw != NULL) {
			struct ser_la_gather a = {X.val + g * in, X.ld / s->g.n_freq, K, in, kern_conv_rows, &s->g};
			ser_la_gemm_gather_t(t->la, out, n_row, Y.grad + g * out, ld_y, &a, beta_w,
					     dw + g * out * K * in, K * in);
		}
		if (dx == NULL)
			continue;
		if (s->g.t.stride > 1 && s->g.t.k <= 64) {
			strided_dx(t, s, X.n_row, w, Y.grad + g * out, ld_y, dx + g * in, ld_x, beta_x);
		} else {
			for (size_t j = 0; K > 1 && j < K; j++)
				for (size_t o = 0; o < out; o++)
					memcpy(turned + (j * out + o) * in, w + (o * K + j) * in, in * sizeof *w);
			struct ser_la_gather a = {Y.grad + g * out, ld_y, K, out, kern_conv_rows_back, &s->g};
			ser_la_gemm_gather(t->la, false, X.n_row * s->g.n_freq, in, &a, K > 1 ? turned : w, in, NULL,
					   beta_x, dx + g * in, ld_x);
		}
		if (s->g.t.reflect)
			kern_conv_reflect_bwd(&s->g, in, out, ld_x, ld_y, w, Y.grad + g * out, dx + g * in);
	}
	ser_arena_rewind(&t->arena, m);
}

int ser_nn_conv1d(struct ser_tape *t, int x, int w, int b, const struct ser_conv *c)
{
	const struct ser_conv one = {.k = 1, .stride = 1, .dil = 1, .groups = 1};
	return conv(t, x, w, b, 1, c, &one);
}

int ser_nn_conv2d(struct ser_tape *t, int x, int w, int b, size_t n_freq, const struct ser_conv *ct,
		  const struct ser_conv *cf)
{
	ser_assert(!ct->reflect);
	return conv(t, x, w, b, n_freq, ct, cf);
}

/* ---- max pooling ---- */

static void max_pool_item(void *ctx, size_t b, int worker)
{
	(void)worker;
	const struct max_pool *s = ctx;
	size_t n = s->out_seg[b + 1] - s->out_seg[b], len = s->in_seg[b + 1] - s->in_seg[b];
	size_t from = s->in_seg[b] * s->n_freq * s->n_ch, w = s->n_freq / s->kf * s->n_ch, to = s->out_seg[b] * w;
	if (s->dy == NULL)
		kern_max_pool_fwd(n, len < s->kt ? len : s->kt, s->n_freq, s->n_ch, s->kt, s->kf, s->x + from,
				  s->y + to, s->at + to);
	else
		for (size_t i = 0; i < n * w; i++)
			s->dx[from + (size_t)s->at[to + i]] += s->dy[to + i];
}

const size_t *tape_pool_seg(struct ser_tape *t, const struct node *x, size_t kt)
{
	ser_assert(x->seg != NULL);
	size_t *seg = ser_arena_alloc(&t->arena, x->n_seg + 1, sizeof *seg);
	seg[0] = 0;
	for (size_t b = 0; b < x->n_seg; b++) {
		size_t n = (x->seg[b + 1] - x->seg[b]) / kt;
		seg[b + 1] = seg[b] + (n > 0 ? n : 1);
	}
	return seg;
}

int ser_nn_max_pool2d(struct ser_tape *t, int x, size_t n_freq, size_t kt, size_t kf)
{
	struct node X = *tape_at(t, x);
	ser_assert(X.seg != NULL && n_freq > 0 && X.n_col % n_freq == 0 && kt > 0 && kf > 0 && kf <= n_freq);
	const size_t *seg = tape_pool_seg(t, &X, kt);
	size_t C = X.n_col / n_freq;
	void *saved;
	int y = tape_op(t, OP_MAX_POOL, 1, &x, seg[X.n_seg], n_freq / kf * C, seg, X.n_seg, &saved,
			sizeof(struct max_pool));
	*(struct max_pool *)saved =
		(struct max_pool){.in_seg = X.seg, .out_seg = seg, .n_freq = n_freq, .n_ch = C, .kt = kt, .kf = kf};
	return y;
}

void fwd_max_pool(struct ser_tape *t, struct rec *r)
{
	struct max_pool *s = r->saved;
	struct node Y = *tape_at(t, r->out);
	s->x = tape_at(t, r->in[0])->val;
	s->y = Y.val;
	s->at = tape_state(t, r, ser_mul(Y.n_row, Y.n_col), sizeof *s->at);
	ser_la_for(t->la, Y.n_seg, max_pool_item, s);
}

void bwd_max_pool(struct ser_tape *t, const struct rec *r)
{
	struct max_pool s = *(struct max_pool *)r->saved;
	s.dy = tape_at(t, r->out)->grad;
	s.dx = tape_grad(t, r->in[0]);
	ser_la_for(t->la, tape_at(t, r->out)->n_seg, max_pool_item, &s);
}
