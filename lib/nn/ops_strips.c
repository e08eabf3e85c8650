/* SPDX-License-Identifier: MIT */
/* A chain of convolutions over time with what stands between them, where no gradient flows: it goes through time by strips, so that of
 * what lies between its ends there is never more than a strip, in the cache, and a few frames before it that are still to be read. A
 * norm over time that follows the first convolution wants that done twice: once for the statistics. The plan makes them of
 * operators that are there (plan.c); they give the bytes that those would give. */
#include "nn/private.h"

#include <string.h>

/* A convolution, the operators after it, and the frames that wait for it: those of the chain's input lie where they are. */
struct level {
	struct rec *conv, *after;
	size_t n_after;
	struct ser_conv c;
	real *wait; /* [cap, n_in] */
	size_t n, cap, n_in;
};

static size_t span(const struct ser_conv *c)
{
	return (c->k - 1) * c->dil + 1;
}

static size_t results(const struct ser_conv *c, size_t n)
{
	return n < span(c) ? 0 : (n - span(c)) / c->stride + 1;
}

static void place_node(struct ser_tape *t, int x, real *val, size_t n_row)
{
	tape_at(t, x)->val = val;
	tape_at(t, x)->n_row = n_row;
}

static void run_after(struct ser_tape *t, struct rec *r, real *y, size_t n)
{
	place_node(t, r->in[0], y, n);
	place_node(t, r->out, y, n);
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	op_table[r->op].fwd(t, r);
	ser_arena_rewind(&t->arena, m);
	tape_drop_state(t, r);
}

/* y [n, n_out] from frames `first` on of the node as it stands */
static void run_conv(struct ser_tape *t, const struct level *l, size_t first, real *y, size_t n)
{
	struct conv *s = l->conv->saved;
	const size_t in[2] = {first, first + (n - 1) * l->c.stride + span(&l->c)}, out[2] = {0, n};
	place_node(t, l->conv->out, y, n);
	s->g.in_seg = in;
	s->g.out_seg = out;
	s->g.n_seg = 1;
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	fwd_conv(t, l->conv);
	ser_arena_rewind(&t->arena, m);
}

/* What the chain makes of one segment's frames [x0, x1) of its input: all of its result from y on. */
static void run_segment(struct ser_tape *t, struct level *l, size_t n_level, const struct rec *norm, size_t strip,
			size_t x0, size_t x1, real *y)
{
	size_t n = results(&l[0].c, x1 - x0), C = ((struct conv *)l[0].conv->saved)->n_out;
	real *stats = norm != NULL ? ser_arena_alloc(&t->arena, 2 * C, sizeof *stats) : NULL;
	if (norm != NULL) {
		double *sum = ser_arena_calloc(&t->arena, 2 * C, sizeof *sum);
		for (size_t i = 0; i < n; i += strip) {
			size_t k = n - i < strip ? n - i : strip;
			run_conv(t, &l[0], x0 + i * l[0].c.stride, l[1].wait, k);
			tape_channel_sums(t, norm, l[1].wait, k, sum);
		}
		tape_channel_stats(norm, sum, n, stats);
	}
	for (size_t i = 0; i < n; i += strip) {
		size_t k = n - i < strip ? n - i : strip;
		for (size_t j = 0; j < n_level && k > 0; j++) {
			real *to = j + 1 < n_level ? l[j + 1].wait + l[j + 1].n * l[j + 1].n_in : y;
			if (j > 0)
				place_node(t, l[j].conv->in[0], l[j].wait, l[j].n);
			run_conv(t, &l[j], j == 0 ? x0 + i * l[0].c.stride : 0, to, k);
			if (j == 0 && norm != NULL)
				tape_channel_norm(t, norm, to, k, stats);
			for (size_t a = 0; a < l[j].n_after; a++)
				run_after(t, &l[j].after[a], to, k);
			if (j > 0) {
				size_t done = k * l[j].c.stride;
				l[j].n -= done;
				memmove(l[j].wait, l[j].wait + done * l[j].n_in, l[j].n * l[j].n_in * sizeof *to);
			}
			if (j + 1 == n_level) {
				y += k * ((struct conv *)l[j].conv->saved)->n_out;
				break;
			}
			l[j + 1].n += k;
			ser_assert(l[j + 1].n <= l[j + 1].cap);
			k = results(&l[j + 1].c, l[j + 1].n);
		}
	}
	for (size_t j = 1; j < n_level; j++)
		l[j].n = 0;
}

void fwd_strips(struct ser_tape *t, struct rec *r)
{
	enum { BYTES = 6 << 20 }; /* of the first convolution's part of a strip: larger than the others' */
	const struct strips *s = r->saved;
	struct level *l = ser_arena_calloc(&t->arena, s->n, sizeof *l);
	size_t n_level = 0, size = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct rec *q = &s->rec[i];
		if (q->op == OP_CONV)
			l[n_level++] = (struct level){.conv = q,
						      .after = q + 1,
						      .c = ((struct conv *)q->saved)->g.t,
						      .n_in = ((struct conv *)q->saved)->n_in};
		else
			l[n_level - 1].n_after++;
	}
	const struct rec *norm = l[0].n_after > 0 && l[0].after->op == OP_GROUP_NORM ? l[0].after++ : NULL;
	l[0].n_after -= norm != NULL;
	size_t row = l[1].n_in * sizeof(real), strip = BYTES / row < 64 ? 64 : BYTES / row / 4 * 4, k = strip;
	for (size_t j = 1; j < n_level; j++) {
		l[j].cap = k + span(&l[j].c);
		k = results(&l[j].c, l[j].cap);
		size += l[j].cap * l[j].n_in;
	}
	real *room = tape_state(t, r, size, sizeof *room);
	for (size_t j = 1; j < n_level; room += l[j].cap * l[j].n_in, j++)
		l[j].wait = room;
	struct node X = *tape_at(t, r->in[0]), Y = *tape_at(t, r->out);
	for (size_t b = 0; b < X.n_seg; b++)
		run_segment(t, l, n_level, norm, strip, X.seg[b], X.seg[b + 1], Y.val + Y.seg[b] * Y.n_col);
	for (size_t i = 0; i + 1 < s->n; i++) {
		const struct node *y = tape_at(t, s->rec[i].out);
		place_node(t, s->rec[i].out, NULL, y->seg[y->n_seg]);
	}
	place_node(t, r->out, Y.val, Y.n_row);
}
