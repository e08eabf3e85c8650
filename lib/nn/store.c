/* SPDX-License-Identifier: MIT */
/* Memory of values, gradients and states: the store's, and what others gave back; and values kept as bf16. */
#include "nn/private.h"

enum { STEP = 64 / sizeof(real) }; /* blocks are multiples of the arena's alignment */

static size_t block_size(size_t n)
{
	return ser_add(n, STEP - 1) / STEP * STEP;
}

/* Give n elements back, joined with the spare blocks before and behind them. */
static void block_put(struct ser_tape *t, real *p, size_t n)
{
	struct block b = {p, block_size(n), false};
	for (size_t i = 0; i < t->n_spare;) {
		struct block s = t->spare[i];
		if (s.given || (s.p + s.n != b.p && b.p + b.n != s.p)) {
			i++;
			continue;
		}
		b = (struct block){s.p < b.p ? s.p : b.p, s.n + b.n, false};
		t->spare[i] = t->spare[--t->n_spare];
		i = 0;
	}
	t->spare = ser_grow(t->spare, &t->cap_spare, t->n_spare + 1, sizeof *t->spare);
	t->spare[t->n_spare++] = b;
}

/* From the smallest spare block that is large enough, one that the system has where there is no other; what it has more stays spare. */
static real *block_get(struct ser_tape *t, size_t n)
{
	size_t best = t->n_spare, size = block_size(n);
	for (size_t i = 0; i < t->n_spare; i++) {
		const struct block *b = &t->spare[i], *c = best < t->n_spare ? &t->spare[best] : NULL;
		if (b->n >= size && (c == NULL || b->given < c->given || (b->given == c->given && b->n < c->n)))
			best = i;
	}
	if (best == t->n_spare)
		return ser_arena_alloc(&t->store, n, sizeof(real));
	struct block *b = &t->spare[best];
	real *p = b->p;
	b->p += size;
	b->n -= size;
	if (b->n == 0)
		*b = t->spare[--t->n_spare];
	return p;
}

/* ---- buffers ---- */

int tape_buffer_new(struct ser_tape *t, size_t n)
{
	size_t i = 0;
	while (i < t->n_buffer && t->buffer[i].n_ref > 0)
		i++;
	if (i == t->n_buffer) {
		t->buffer = ser_grow(t->buffer, &t->cap_buffer, i + 1, sizeof *t->buffer);
		t->n_buffer++;
	}
	t->buffer[i] = (struct buffer){block_get(t, n), n, 1};
	return (int)i;
}

int tape_buffer_ref(struct ser_tape *t, int b)
{
	if (b >= 0)
		t->buffer[b].n_ref++;
	return b;
}

void tape_buffer_unref(struct ser_tape *t, int b)
{
	if (b >= 0 && --t->buffer[b].n_ref == 0)
		block_put(t, t->buffer[b].p, t->buffer[b].n);
}

/* What of the gradients of rec's parameters has no room yet, in bytes. Products write all of theirs. */
static size_t to_come(struct ser_tape *t, const struct rec *r)
{
	size_t n = 0;
	for (int j = 0; j < r->n_in && !r->folded; j++) {
		struct node *w = r->in[j] >= 0 ? &t->node[r->in[j]] : NULL;
		if (w == NULL || w->slice < 0 || !w->need || w->counted)
			continue;
		w->counted = true;
		size_t size = w->n_row * w->n_col * sizeof(real);
		n += size;
		if (j == 1 && (r->op == OP_LINEAR || r->op == OP_CONV))
			ser_large_pages(w->grad, size);
	}
	return n;
}

void tape_make_room(struct ser_tape *t, size_t last)
{
	enum { LEAST = 64 << 20, PIECE = 2 << 20 }; /* whole large pages: the system takes its time to part them */
	if (t->p->n * sizeof(real) < LEAST)         /* gradients so small never matter beside it */
		return;
	int block = t->rec[last].block;
	for (size_t i = last + 1; i-- > 0 && t->rec[i].block == block;)
		t->n_owed += to_come(t, &t->rec[i]);
	for (size_t i = t->n_spare; i-- > 0 && t->n_owed >= PIECE;) {
		struct block b = t->spare[i];
		uintptr_t at = (uintptr_t)b.p, from = (at + PIECE - 1) / PIECE * PIECE,
			  to = (at + b.n * sizeof(real)) / PIECE * PIECE;
		if (b.given || from >= to)
			continue;
		size_t n = to - from < t->n_owed ? to - from : t->n_owed / PIECE * PIECE;
		size_t before = (from - at) / sizeof(real), here = n / sizeof(real), after = b.n - before - here;
		ser_give_back(b.p + before, n);
		t->n_owed -= n;
		t->spare = ser_grow(t->spare, &t->cap_spare, t->n_spare + 2, sizeof *t->spare);
		t->spare[i] = (struct block){b.p + before, here, true};
		if (before > 0)
			t->spare[t->n_spare++] = (struct block){b.p, before, false};
		if (after > 0)
			t->spare[t->n_spare++] = (struct block){b.p + before + here, after, false};
	}
}

/* ---- values as bf16 ---- */

struct narrow {
	real *x;
	uint16_t *y;
};

static void to_bf16(void *ctx, size_t i0, size_t i1, int worker)
{
	(void)worker;
	const struct narrow *n = ctx;
	ser_la_to_bf16(i1 - i0, n->x + i0, n->y + i0);
}

static void from_bf16(void *ctx, size_t i0, size_t i1, int worker)
{
	(void)worker;
	const struct narrow *n = ctx;
	ser_la_from_bf16(i1 - i0, n->y + i0, n->x + i0);
}

bool tape_is_product(enum op op)
{
	return op == OP_LINEAR || op == OP_CONV || op == OP_MATMUL || op == OP_ATTENTION;
}

/* Products read it so anyway, and it was made of such numbers. Backward makes all of it again at once: what is a large part of all that is
 * kept so would take more then than it saved. */
static bool may_narrow(const struct ser_tape *t, const struct node *n)
{
	enum { PARTS = 4 };
	return tape_is_product(t->rec[n->rec].op) && n->n_row * n->n_col <= t->n_product / PARTS &&
	       (t->off & TAPE_NARROW) == 0 && ser_la_rounds(t->la) && n->home < 0 && !n->split && !n->taken &&
	       n->ld == n->n_col;
}

void tape_narrow(struct ser_tape *t, int x)
{
	struct node *n = tape_at(t, x);
	size_t size = n->n_row * n->n_col;
	if (!may_narrow(t, n))
		return;
	n->half = tape_buffer_new(t, (size + 1) / 2);
	struct narrow w = {n->val, (void *)t->buffer[n->half].p};
	ser_la_range(t->la, size, GRAIN, to_bf16, &w);
	tape_buffer_unref(t, n->vbuf);
	n->vbuf = -1;
	n->val = NULL;
}

void tape_widen(struct ser_tape *t, int x)
{
	struct node *n = tape_at(t, x);
	size_t size = n->n_row * n->n_col;
	n->vbuf = tape_buffer_new(t, size);
	n->val = t->buffer[n->vbuf].p;
	struct narrow w = {n->val, (void *)t->buffer[n->half].p};
	ser_la_range(t->la, size, GRAIN, from_bf16, &w);
	tape_buffer_unref(t, n->half);
	n->half = -1;
}
