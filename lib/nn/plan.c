/* SPDX-License-Identifier: MIT */
/* What is decided of a graph before it runs: which operators are done in one pass, which values are views, which are
 * written over what they are made from. None of it changes a byte of a result. When memory is given back, and what is computed
 * again for backward, is decided while it runs (tape.c). */
#include "nn/private.h"

void tape_switch_off(struct ser_tape *t, unsigned off)
{
	t->off = off;
}

static bool may(const struct ser_tape *t, unsigned what)
{
	return (t->off & what) == 0;
}

bool tape_reads_out(const struct rec *r)
{
	const enum kern_act *f = r->saved;
	if (r->op == OP_ACT)
		return *f == ACT_SIGMOID || *f == ACT_TANH || *f == ACT_SILU;
	return (op_table[r->op].does & READS_OUT) != 0;
}

bool tape_reads_in(const struct ser_tape *t, const struct rec *r, int j)
{
	const enum kern_act *f = r->saved;
	if (r->op == OP_ACT)
		return *f != ACT_SIGMOID && *f != ACT_TANH;
	if (r->op == OP_LINEAR || r->op == OP_CONV) /* x for the weights' gradient, the weights for x's */
		return j < 2 && r->in[j] >= 0 && t->node[r->in[1 - j]].need;
	return (op_table[r->op].does & READS_IN) != 0;
}

/* For every node: how many operators are to run with it, which is the last, how many backwards read it. */
static void count(struct ser_tape *t)
{
	for (size_t i = 0; i < t->n_node; i++)
		t->node[i].uses = t->node[i].reads = 0;
	t->n_product = 0;
	for (size_t i = 0; i < t->n_rec; i++) {
		const struct rec *r = &t->rec[i];
		struct node *y = &t->node[r->out];
		if (r->folded)
			continue;
		for (int j = 0; j < r->n_in; j++) {
			struct node *x = r->in[j] >= 0 ? &t->node[r->in[j]] : NULL;
			if (x == NULL)
				continue;
			x->uses += i >= t->n_run;
			x->last = (int)i;
			x->reads += y->need && tape_reads_in(t, r, j);
		}
		y->reads += y->need && tape_reads_out(r);
	}
	for (size_t i = 0; i < t->n_node; i++) {
		const struct node *n = &t->node[i];
		if (n->rec >= 0 && n->reads > 0 && tape_is_product(t->rec[n->rec].op))
			t->n_product += n->n_row * n->n_col;
	}
}

/* The operator to come that makes x, where only one uses it and nobody wants it: NULL if there is none. */
static struct rec *inner(const struct ser_tape *t, int x)
{
	const struct node *n = x >= 0 ? &t->node[x] : NULL;
	if (n == NULL || n->rec < (int)t->n_plan || n->wanted || n->uses != 1 || t->rec[n->rec].folded)
		return NULL;
	return &t->rec[n->rec];
}

/* May its only user write over x? Its maker must not read it in backward. */
static bool writable(const struct ser_tape *t, int x)
{
	const struct rec *r = inner(t, x);
	const struct node *n = &t->node[x];
	if (r == NULL || n->n_row * n->n_col == 1 || (n->need && tape_reads_out(r)))
		return false;
	if (n->home < 0)
		return !n->split;
	const struct node *h = &t->node[n->home]; /* part of one that is split */
	return r->view && h->split && !(h->need && tape_reads_out(&t->rec[h->rec]));
}

/* ---- several operators in one pass ---- */

static struct rec *inner_of(const struct ser_tape *t, int x, enum op op)
{
	struct rec *r = inner(t, x);
	return r != NULL && r->op == op ? r : NULL;
}

static bool is_relu(const struct rec *r)
{
	return r->op == OP_ACT && *(const enum kern_act *)r->saved == ACT_RELU;
}

/* r does the work of `before` too, from its inputs. */
static void fold(struct rec *r, enum op op, struct rec *before, void *saved)
{
	before->folded = true;
	r->op = op;
	r->in = before->in;
	r->n_in = before->n_in;
	r->saved = saved;
}

/* Softmax over time, then statistics with it as weights: in the memory of what the softmax is of */
static bool fuse_attend(struct ser_tape *t, struct rec *r)
{
	struct rec *s = inner_of(t, r->in[1], OP_SOFTMAX_TIME);
	struct pool_stats *p = r->saved;
	if (s == NULL || p->ac != p->n_col || s->in[0] == r->in[0] || !writable(t, s->in[0]))
		return false;
	int x = r->in[0];
	s->folded = true;
	r->op = OP_ATTEND;
	r->in[0] = s->in[0];
	r->in[1] = x;
	return true;
}

static void fuse_norms(struct ser_tape *t, struct rec *r)
{
	struct rec *b;
	if (r->op == OP_BATCH_NORM) {
		b = inner_of(t, r->in[0], OP_ACT);
		if (b == NULL || !is_relu(b) || !writable(t, b->in[0]))
			return;
		b->folded = true;
		r->op = OP_RELU_BATCH_NORM;
		r->in[0] = b->in[0];
	} else if (is_relu(r) && (b = inner_of(t, r->in[0], OP_BATCH_NORM)) != NULL && writable(t, b->in[0])) {
		fold(r, OP_BATCH_NORM_RELU, b, b->saved);
	} else if (r->op == OP_MAX_POOL && (b = inner_of(t, r->in[0], OP_BATCH_NORM_RELU)) != NULL) {
		struct max_pool *p = r->saved;
		if (p->n_ch != ((struct batch_norm *)b->saved)->n_ch || p->kt > 256 / p->kf)
			return;
		p->norm = b->saved;
		fold(r, OP_NORM_POOL, b, p);
	}
}

/* x u + y for one of u a segment, where no gradient flows */
static void fuse_scale_add(struct ser_tape *t, struct rec *r)
{
	struct rec *s = inner_of(t, r->in[0], OP_SCALE_ROWS);
	if (s == NULL || t->node[r->out].need || *(const real *)r->saved != 1 ||
	    t->node[s->in[1]].n_col != t->node[r->out].n_col)
		return;
	int *in = ser_arena_alloc(&t->arena, 3, sizeof *in);
	in[0] = s->in[0];
	in[1] = s->in[1];
	in[2] = r->in[1];
	s->folded = true;
	r->op = OP_SCALE_ADD;
	r->in = in;
	r->n_in = 3;
}

/* With weights that stay packed a product does what follows it while the result is in the cache. */
static void fuse_product(struct ser_tape *t, struct rec *r)
{
	struct then then = {.norm = r};
	if (r->op == OP_RELU_BATCH_NORM)
		then.what = THEN_RELU_NORM;
	else if (r->op == OP_BATCH_NORM_RELU)
		then.what = THEN_NORM_RELU;
	else if (is_relu(r))
		then.what = THEN_RELU;
	else
		return;
	struct rec *p = inner(t, r->in[0]);
	if (p == NULL || (p->op != OP_CONV && p->op != OP_LINEAR) || t->node[p->in[1]].slice < 0)
		return;
	struct then *to = p->op == OP_CONV ? &((struct conv *)p->saved)->then : &((struct linear *)p->saved)->then;
	if (p->op == OP_CONV && ((struct conv *)p->saved)->groups > 1)
		return;
	if (then.what != THEN_RELU) {
		if (((struct batch_norm *)r->saved)->n_ch != t->node[p->in[1]].n_row)
			return;
		struct rec *norm = ser_arena_alloc(&t->arena, 1, sizeof *norm);
		*norm = *r;
		then.norm = norm;
	}
	*to = then;
	fold(r, p->op, p, p->saved);
}

static void fuse(struct ser_tape *t)
{
	for (size_t i = t->n_plan; i < t->n_rec; i++) {
		struct rec *r = &t->rec[i];
		if (r->op == OP_POOL_STATS && r->in[1] >= 0)
			fuse_attend(t, r);
		else if (r->op == OP_ADD)
			fuse_scale_add(t, r);
		else
			fuse_norms(t, r);
	}
	bool fixed = (t->mode & (SER_TAPE_FIXED | SER_TAPE_TRAIN)) == SER_TAPE_FIXED;
	for (size_t i = t->n_plan; fixed && i < t->n_rec; i++)
		if (!t->rec[i].folded)
			fuse_product(t, &t->rec[i]);
}

/* ---- strips ---- */

/* Kernels whose result may lie where their input lies */
static bool same_place(const struct rec *r)
{
	const enum kern_act *f = r->saved;
	return r->op == OP_RELU_BATCH_NORM || r->op == OP_BATCH_NORM_RELU || r->op == OP_LAYER_NORM ||
	       r->op == OP_GROUP_NORM || (r->op == OP_ACT && (*f == ACT_GELU || *f == ACT_SIGMOID || *f == ACT_TANH));
}

static bool strips_conv(const struct ser_tape *t, const struct rec *r)
{
	const struct conv *s = r->saved;
	if (r->op != OP_CONV || t->node[r->out].need || t->node[r->in[1]].slice < 0)
		return false;
	return s->groups == 1 && s->g.n_freq == 1 && s->g.n_freq_out == 1 && s->g.f.k == 1 && s->g.t.pad == 0 &&
	       s->g.t.stride <= (s->g.t.k - 1) * s->g.t.dil + 1;
}

/* May it be done to a strip of what operators of a chain before it gave? */
static bool strips_more(const struct ser_tape *t, const struct rec *r, size_t n_before)
{
	if (t->node[r->out].need)
		return false;
	if (r->op == OP_CONV)
		return strips_conv(t, r);
	if (r->op == OP_GROUP_NORM)
		return n_before == 1 && tape_channel_norm_is(r);
	return same_place(r) && (r->op == OP_LAYER_NORM || r->op == OP_ACT);
}

/* From rec i on: the index of the chain's last operator; *n operators, *n_conv convolutions, *bytes between them. */
static size_t chain(const struct ser_tape *t, size_t i, size_t *n, size_t *n_conv, size_t *bytes)
{
	*n = *n_conv = 1;
	*bytes = 0;
	for (;; ++*n) {
		const struct node *y = &t->node[t->rec[i].out];
		if (inner(t, t->rec[i].out) == NULL)
			return i;
		const struct rec *next = &t->rec[y->last];
		if (next->folded || next->in[0] != t->rec[i].out || !strips_more(t, next, *n))
			return i;
		*bytes += y->n_row * y->n_col * sizeof(real);
		*n_conv += next->op == OP_CONV;
		i = (size_t)y->last;
	}
}

/* Convolutions one after another over time, and what stands between them, where that is large: the last does all. */
static void strips(struct ser_tape *t)
{
	enum { LARGE = 8 << 20 };
	for (size_t i = t->n_plan; i < t->n_rec; i++) {
		size_t n, n_conv, bytes;
		if (t->rec[i].folded || !strips_conv(t, &t->rec[i]))
			continue;
		struct rec *last = &t->rec[chain(t, i, &n, &n_conv, &bytes)];
		if (n_conv < 2 || bytes < LARGE)
			continue;
		struct strips *s = ser_arena_alloc(&t->arena, 1, sizeof *s);
		*s = (struct strips){ser_arena_alloc(&t->arena, n, sizeof *s->rec), n};
		int *in = ser_arena_alloc(&t->arena, 1, sizeof *in);
		*in = t->rec[i].in[0];
		struct rec *r = &t->rec[i];
		for (size_t k = 0; k < n; k++, r = k < n ? &t->rec[t->node[r->out].last] : r) {
			s->rec[k] = *r;
			if (r->op == OP_CONV) { /* its frames will be a strip's */
				struct conv *c = ser_arena_alloc(&t->arena, 1, sizeof *c);
				*c = *(struct conv *)r->saved;
				s->rec[k].saved = c;
			}
			r->folded = r != last;
		}
		last->op = OP_STRIPS;
		last->in = in;
		last->n_in = 1;
		last->saved = s;
	}
}

/* ---- views ---- */

/* May input j of r be a view? */
static bool takes_view(const struct rec *r, int j)
{
	if (r->op == OP_ATTENTION)
		return j < 3;
	if (r->op == OP_CONV && ((const struct conv *)r->saved)->g.n_freq > 1)
		return false;
	return (op_table[r->op].does & IN_VIEW) != 0;
}

/* Slices that follow one another to the last column, and with nothing else using what they are cut from, are views of it. */
static void split(struct ser_tape *t)
{
	for (size_t i = t->n_plan; i < t->n_rec; i++) {
		const struct rec *r = &t->rec[i];
		for (int j = 0; !r->folded && j < r->n_in; j++) {
			struct node *x = r->in[j] >= 0 ? &t->node[r->in[j]] : NULL;
			if (x == NULL)
				continue;
			bool next = r->op == OP_SLICE && *(const size_t *)r->saved == x->n_split &&
				    !t->node[r->out].dense && !t->node[r->out].wanted && t->node[r->out].uses > 0;
			x->n_split = next ? x->n_split + t->node[r->out].n_col : SIZE_MAX / 2;
		}
	}
	for (size_t i = t->n_plan; i < t->n_rec; i++) {
		struct rec *r = &t->rec[i];
		if (r->op != OP_SLICE || r->folded)
			continue;
		struct node *x = &t->node[r->in[0]], *y = &t->node[r->out];
		if (x->rec < (int)t->n_plan || x->wanted || x->home >= 0 || x->n_split != x->n_col)
			continue;
		x->split = r->view = true;
		y->home = r->in[0];
		y->col = *(size_t *)r->saved;
	}
}

/* May the result of r be written into columns of a concatenation, its last user? */
static bool placeable(const struct ser_tape *t, int x, size_t concat)
{
	const struct node *n = &t->node[x];
	const struct rec *r = n->rec >= (int)t->n_plan ? &t->rec[n->rec] : NULL;
	if (r == NULL || n->wanted || n->dense || n->home >= 0 || n->split || n->last != (int)concat ||
	    (op_table[r->op].does & OUT_VIEW) == 0)
		return false;
	if (r->op == OP_CONV)
		return ((const struct conv *)r->saved)->g.n_freq_out == 1;
	if (r->op == OP_ADD || r->op == OP_SCALE_ADD)
		return true;
	/* a norm: its kernels take rows of channels, and backward hands on the gradient's memory */
	return ((const struct batch_norm *)r->saved)->n_ch == n->n_col &&
	       (!n->need || (r->op == OP_RELU_BATCH_NORM && t->node[r->in[0]].pitched));
}

static void join(struct ser_tape *t)
{
	for (size_t i = t->n_plan; i < t->n_rec; i++) {
		const struct rec *r = &t->rec[i];
		size_t col = 0;
		if (r->op != OP_CONCAT || t->node[r->out].split)
			continue;
		for (int j = 0; j < r->n_in; j++) {
			struct node *x = &t->node[r->in[j]];
			bool once = true;
			for (int k = 0; k < r->n_in; k++)
				once = once && (k == j || r->in[k] != r->in[j]);
			if (once && placeable(t, r->in[j], i)) {
				x->home = r->out;
				x->col = col;
			}
			col += x->n_col;
		}
	}
}

/* ---- in place ---- */

static void in_place(struct ser_tape *t, struct rec *r)
{
	const struct node *y = &t->node[r->out];
	if (y->home >= 0 || y->n_row * y->n_col == 1)
		return;
	if (is_relu(r)) {
		if (!writable(t, r->in[0]) || t->node[r->in[0]].home >= 0)
			return;
		r->op = OP_RELU_IN_PLACE;
		r->in_place = true;
	} else if (r->op == OP_ADD && r->in[0] != r->in[1]) {
		if (!writable(t, r->in[0]) && *(real *)r->saved == 1 && writable(t, r->in[1])) {
			int x = r->in[0]; /* the sum is the same */
			r->in[0] = r->in[1];
			r->in[1] = x;
		}
		r->in_place = writable(t, r->in[0]);
	} else if (same_place(r)) {
		r->in_place = !y->need && writable(t, r->in[0]) && t->node[r->in[0]].home < 0;
	}
	if (r->in_place) {
		t->node[r->out].home = t->node[r->in[0]].home;
		t->node[r->out].col = t->node[r->in[0]].col;
	}
}

/* What blocks with something to learn, or other parts, take from a block. Nothing is computed again for the others. */
static void boundaries(struct ser_tape *t)
{
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	bool *learns = ser_arena_calloc(&t->arena, (size_t)t->n_block + 1, sizeof *learns);
	for (size_t i = 0; i < t->n_rec; i++)
		learns[t->rec[i].block] = learns[t->rec[i].block] || t->node[t->rec[i].out].need;
	for (size_t i = 0; i < t->n_rec; i++) {
		const struct rec *r = &t->rec[i];
		for (int j = 0; j < r->n_in; j++) {
			struct node *x = r->in[j] >= 0 ? &t->node[r->in[j]] : NULL;
			if (x != NULL && x->rec >= 0 && t->rec[x->rec].block != r->block && learns[r->block])
				x->boundary = true;
		}
	}
	ser_arena_rewind(&t->arena, m);
}

void tape_plan(struct ser_tape *t)
{
	count(t);
	boundaries(t);
	for (size_t i = t->n_plan; i < t->n_rec; i++)
		for (int j = 0; j < t->rec[i].n_in; j++)
			if (t->rec[i].in[j] >= 0 && !takes_view(&t->rec[i], j))
				t->node[t->rec[i].in[j]].dense = true;
	if (may(t, TAPE_FUSE)) {
		fuse(t);
		count(t);
	}
	if (may(t, TAPE_STRIPS)) {
		strips(t);
		count(t);
	}
	for (size_t i = t->n_plan; i < t->n_rec; i++) { /* every gradient that is added must know of the pitch */
		struct node *y = &t->node[t->rec[i].out];
		y->pitched = y->pitched && (!y->dense || y->uses == 1);
	}
	if (may(t, TAPE_VIEW)) {
		split(t);
		join(t);
	}
	for (size_t i = t->n_plan; may(t, TAPE_IN_PLACE) && i < t->n_rec; i++)
		if (!t->rec[i].folded)
			in_place(t, &t->rec[i]);
}
