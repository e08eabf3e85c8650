/* SPDX-License-Identifier: MIT */
#include "nn/private.h"
#include "nn/kern.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const struct op_kind op_table[N_OP] = {
	[OP_LINEAR] = {"linear", fwd_linear, bwd_linear, READS_IN},
	[OP_MATMUL] = {"matmul", fwd_matmul, bwd_matmul, READS_IN},
	[OP_CONV] = {"conv", fwd_conv, bwd_conv, READS_IN | IN_VIEW | OUT_VIEW | PITCHED},
	[OP_DEPTHWISE] = {"depthwise", fwd_depthwise, bwd_depthwise, READS_IN},
	[OP_MAX_POOL] = {"max_pool", fwd_max_pool, bwd_max_pool, STATE},
	[OP_BATCH_NORM] = {"batch_norm", fwd_batch_norm, bwd_batch_norm, READS_IN | OUT_VIEW | CHEAP},
	[OP_RELU_BATCH_NORM] = {"relu_batch_norm", fwd_relu_batch_norm, bwd_relu_batch_norm,
				READS_IN | TAKES | OUT_VIEW | CHEAP},
	[OP_BATCH_NORM_RELU] = {"batch_norm_relu", fwd_batch_norm_relu, bwd_batch_norm_relu,
				READS_IN | TAKES | OUT_VIEW | CHEAP},
	[OP_NORM_POOL] = {"norm_pool", fwd_norm_pool, bwd_norm_pool, READS_IN | READS_OUT | TAKES | STATE},
	[OP_LAYER_NORM] = {"layer_norm", fwd_layer_norm, bwd_layer_norm, READS_IN | STATE | CHEAP},
	[OP_GROUP_NORM] = {"group_norm", fwd_group_norm, bwd_group_norm, READS_IN | STATE | CHEAP},
	[OP_L2_NORM] = {"l2_norm", fwd_l2_norm, bwd_l2_norm, READS_OUT | STATE},
	[OP_ACT] = {"act", fwd_act, bwd_act, READS_IN | READS_OUT | CHEAP},
	[OP_RELU_IN_PLACE] = {"relu_in_place", fwd_relu_in_place, bwd_relu_in_place, READS_OUT},
	[OP_GLU] = {"glu", fwd_glu, bwd_glu, READS_IN},
	[OP_SOFTMAX] = {"softmax", fwd_softmax, bwd_softmax, READS_OUT},
	[OP_SOFTMAX_TIME] = {"softmax_time", fwd_softmax_time, bwd_softmax_time, READS_OUT},
	[OP_DROPOUT] = {"dropout", fwd_dropout, bwd_dropout, 0},
	[OP_ADD] = {"add", fwd_add, bwd_add, IN_VIEW | OUT_VIEW | PITCHED | CHEAP},
	[OP_MUL] = {"mul", fwd_mul, bwd_mul, READS_IN},
	[OP_SCALE] = {"scale", fwd_scale, bwd_scale, 0},
	[OP_SCALE_EXP] = {"scale_exp", fwd_scale_exp, bwd_scale_exp, READS_IN | READS_OUT},
	[OP_ADD_ROW] = {"add_row", fwd_add_row, bwd_add_row, 0},
	[OP_MUL_ROW] = {"mul_row", fwd_mul_row, bwd_mul_row, READS_IN},
	[OP_WEIGHT_NORM] = {"weight_norm", fwd_weight_norm, bwd_weight_norm, READS_IN | STATE},
	[OP_FRAMES] = {"frames", fwd_frames, bwd_frames, 0},
	[OP_RESHAPE] = {"reshape", fwd_reshape, bwd_reshape, 0},
	[OP_CHUNKS] = {"chunks", fwd_chunks, bwd_chunks, 0},
	[OP_MASK] = {"mask", fwd_mask, bwd_mask, 0},
	[OP_GUMBEL] = {"gumbel", fwd_gumbel, bwd_gumbel, STATE},
	[OP_PERPLEXITY] = {"perplexity", fwd_perplexity, bwd_perplexity, READS_IN},
	[OP_CONCAT] = {"concat", fwd_concat, bwd_concat, IN_VIEW | CHEAP},
	[OP_SLICE] = {"slice", fwd_slice, bwd_slice, 0},
	[OP_ROWS] = {"rows", fwd_rows, bwd_rows, 0},
	[OP_TRANSPOSE] = {"transpose", fwd_transpose, bwd_transpose, 0},
	[OP_SUM] = {"sum", fwd_sum, bwd_sum, 0},
	[OP_RNN] = {"rnn", fwd_rnn, bwd_rnn, READS_IN | READS_OUT | STATE},
	[OP_ATTENTION] = {"attention", fwd_attention, bwd_attention, READS_IN | READS_OUT | IN_VIEW | STATE},
	[OP_POOL] = {"pool", fwd_pool, bwd_pool, READS_IN | READS_OUT | STATE},
	[OP_POOL_STATS] = {"pool_stats", fwd_pool_stats, bwd_pool_stats, READS_IN | READS_OUT},
	[OP_POOL_COV] = {"pool_cov", fwd_pool_cov, bwd_pool_cov, READS_IN},
	[OP_ATTEND] = {"attend", fwd_attend, bwd_attend, READS_IN | READS_OUT | TAKES},
	[OP_EXPAND] = {"expand", fwd_expand, bwd_expand, 0},
	[OP_SCALE_ROWS] = {"scale_rows", fwd_scale_rows, bwd_scale_rows, READS_IN | PITCHED},
	[OP_SCALE_ADD] = {"scale_add", fwd_scale_add, NULL, OUT_VIEW},
	[OP_STRIPS] = {"strips", fwd_strips, NULL, 0},
	[OP_LOSS] = {"loss", fwd_loss, bwd_loss, READS_IN | STATE},
};

struct ser_tape *ser_tape_new(struct ser_la *la, struct ser_params *p)
{
	struct ser_tape *t = ser_calloc(1, sizeof *t);
	t->la = la;
	t->p = p;
	return t;
}

static void drop_packed(struct ser_tape *t)
{
	struct packs *k = t->packs;
	if (k == NULL)
		return;
	t->packs = NULL;
	pthread_mutex_lock(&k->lock);
	bool last = --k->n_tape == 0;
	pthread_mutex_unlock(&k->lock);
	if (!last)
		return;
	for (size_t i = 0; i < k->n; i++)
		ser_la_packed_free(k->packed[i].p);
	free(k->packed);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static struct packs *packs_of(struct ser_tape *t)
{
	if (t->packs == NULL) {
		t->packs = ser_calloc(1, sizeof *t->packs);
		pthread_mutex_init(&t->packs->lock, NULL);
		t->packs->n_tape = 1;
	}
	return t->packs;
}

void ser_tape_share_packed(struct ser_tape *t, struct ser_tape *with)
{
	ser_assert(t->p == with->p && t != with);
	drop_packed(t);
	t->packs = packs_of(with);
	t->packs->n_tape++;
}

void ser_tape_consume(struct ser_tape *t)
{
	packs_of(t)->consume = true;
}

/* Which parameters are read as they are, and not packed alone */
static void count_read(struct ser_tape *t)
{
	struct packs *k = packs_of(t);
	pthread_mutex_lock(&k->lock);
	for (size_t i = t->n_plan; i < t->n_rec; i++) {
		const struct rec *r = &t->rec[i];
		for (int j = 0; j < r->n_in && !r->folded; j++) {
			struct node *w = r->in[j] >= 0 ? &t->node[r->in[j]] : NULL;
			if (w == NULL || w->slice < 0)
				continue;
			bool whole = j == 1 && ((r->op == OP_LINEAR && t->node[r->in[0]].n_col == w->n_col) ||
						(r->op == OP_CONV && ((const struct conv *)r->saved)->groups == 1));
			w->read = w->read || !whole;
			ser_assert(whole || (t->p->slice[w->slice].flags & SER_P_GONE) == 0);
		}
	}
	pthread_mutex_unlock(&k->lock);
}

const struct ser_la_packed *tape_packed(struct ser_tape *t, int node, size_t col, size_t n_col)
{
	const struct node *n = tape_at(t, node);
	if ((t->mode & SER_TAPE_FIXED) == 0 || n->slice < 0)
		return NULL;
	struct packs *k = packs_of(t);
	size_t slice = (size_t)n->slice, i = 0;
	pthread_mutex_lock(&k->lock);
	while (i < k->n && (k->packed[i].slice != slice || k->packed[i].col != col || k->packed[i].n_col != n_col))
		i++;
	if (i == k->n) {
		struct ser_slice *s = &t->p->slice[slice];
		ser_assert((s->flags & SER_P_GONE) == 0);
		k->packed = ser_grow(k->packed, &k->cap, k->n + 1, sizeof *k->packed);
		struct ser_la_packed *p = ser_la_pack(t->la, true, n->n_row, n_col, n->val + col, n->n_col);
		k->packed[k->n++] = (struct packed){slice, col, n_col, p};
		if (k->consume && !n->read) {
			ser_give_back(n->val, s->n * sizeof *n->val);
			s->flags |= SER_P_GONE;
		}
	}
	const struct ser_la_packed *p = k->packed[i].p;
	pthread_mutex_unlock(&k->lock);
	return p;
}

void ser_tape_free(struct ser_tape *t)
{
	if (t == NULL)
		return;
	drop_packed(t);
	ser_arena_free(&t->arena);
	ser_arena_free(&t->store);
	free(t->node);
	free(t->rec);
	free(t->param);
	free(t->buffer);
	free(t->spare);
	ser_buf_free(&t->scope);
	free(t);
}

void ser_tape_reset(struct ser_tape *t, unsigned mode, uint64_t seed)
{
	ser_arena_rewind(&t->arena, (struct ser_arena_mark){0});
	ser_arena_rewind(&t->store, (struct ser_arena_mark){0});
	ser_assert((mode & SER_TAPE_FIXED) == 0 || (mode & SER_TAPE_GRAD) == 0);
	if ((mode & SER_TAPE_FIXED) == 0)
		drop_packed(t);
	t->mode = mode;
	t->seed = seed;
	t->n_node = t->n_rec = t->n_plan = t->n_run = t->n_watch = t->n_buffer = t->n_spare = t->n_param = 0;
	t->block = t->n_block = 0;
	t->key = NULL;
	t->n_key = 0;
	t->n_drop = 0;
	t->ran_back = false;
	t->lora_rank = 0;
	t->mask = NULL;
	t->n_scope = 0;
	t->scope.n = 0;
	ser_buf_str(&t->scope, "");
}

unsigned ser_tape_mode(const struct ser_tape *t)
{
	return t->mode;
}

struct ser_params *ser_tape_params(const struct ser_tape *t)
{
	return t->p;
}

void ser_tape_keys(struct ser_tape *t, size_t n, const uint64_t *key)
{
	t->key = key;
	t->n_key = n;
}

void ser_tape_all_sum(struct ser_tape *t, void (*sum)(void *ctx, double *x, size_t n), void *ctx)
{
	t->all_sum = sum;
	t->all_sum_ctx = ctx;
}

static int push(struct ser_tape *t, struct node n)
{
	ser_assert(t->n_node < INT32_MAX);
	t->node = ser_grow(t->node, &t->cap_node, t->n_node + 1, sizeof *t->node);
	n.ld = n.grad_ld = n.n_col;
	n.home = n.vbuf = n.gbuf = n.half = -1;
	t->node[t->n_node] = n;
	return (int)t->n_node++;
}

real *tape_alloc(struct ser_tape *t, size_t n)
{
	return tape_shape_only(t) ? NULL : ser_arena_alloc(&t->arena, n, sizeof(real));
}

static void check_seg(size_t n_row, const size_t *seg, size_t n_seg)
{
	if (seg == NULL) {
		ser_assert(n_seg == 0);
		return;
	}
	ser_assert(n_seg > 0 && seg[0] == 0 && seg[n_seg] == n_row);
	for (size_t b = 0; b < n_seg; b++)
		ser_assert(seg[b] < seg[b + 1]);
}

int ser_tape_input(struct ser_tape *t, const real *val, size_t n_row, size_t n_col, const size_t *seg, size_t n_seg)
{
	ser_assert((val != NULL || tape_shape_only(t)) && n_row > 0 && n_col > 0);
	check_seg(n_row, seg, n_seg);
	return push(t, (struct node){.n_row = n_row,
				     .n_col = n_col,
				     .seg = seg,
				     .n_seg = n_seg,
				     .val = (real *)val,
				     .rec = -1,
				     .slice = -1});
}

int ser_tape_variable(struct ser_tape *t, const real *val, size_t n_row, size_t n_col, const size_t *seg, size_t n_seg)
{
	int i = ser_tape_input(t, val, n_row, n_col, seg, n_seg);
	if ((t->mode & SER_TAPE_GRAD) != 0 && !tape_shape_only(t)) {
		t->node[i].need = true;
		t->node[i].grad = ser_arena_calloc(&t->store, ser_mul(n_row, n_col), sizeof(real));
	}
	return i;
}

int ser_tape_batch(struct ser_tape *t, size_t n_seg, const float *const *x, const size_t *n_row, size_t n_col)
{
	size_t *seg = ser_arena_alloc(&t->arena, n_seg + 1, sizeof *seg);
	seg[0] = 0;
	for (size_t b = 0; b < n_seg; b++)
		seg[b + 1] = ser_add(seg[b], n_row[b]);
	real *v = tape_alloc(t, ser_mul(seg[n_seg], n_col));
	for (size_t b = 0; v != NULL && b < n_seg; b++)
		for (size_t i = 0; i < n_row[b] * n_col; i++)
			v[seg[b] * n_col + i] = (real)x[b][i];
	return ser_tape_input(t, v, seg[n_seg], n_col, seg, n_seg);
}

int ser_tape_param(struct ser_tape *t, int slice)
{
	ser_assert(slice >= 0 && (size_t)slice < t->p->n_slice);
	if (t->n_param <= (size_t)slice) {
		t->param = ser_grow(t->param, &t->cap_param, (size_t)slice + 1, sizeof *t->param);
		while (t->n_param <= (size_t)slice)
			t->param[t->n_param++] = -1;
	}
	if (t->param[slice] >= 0)
		return t->param[slice];
	const struct ser_slice *s = &t->p->slice[slice];
	struct node n = {.n_row = s->ndim == 1 ? 1 : s->shape[0], .rec = -1, .slice = slice};
	n.n_col = s->n / n.n_row;
	if (!tape_shape_only(t)) {
		n.val = t->p->val + s->at;
		if ((t->mode & SER_TAPE_GRAD) != 0 && (s->flags & (SER_P_BUFFER | SER_P_FROZEN)) == 0) {
			n.grad = t->p->grad + s->at;
			n.need = true;
		}
	}
	return t->param[slice] = push(t, n);
}

struct ser_shape ser_tape_shape(const struct ser_tape *t, int node)
{
	const struct node *n = tape_at(t, node);
	return (struct ser_shape){n->n_row, n->n_col, n->seg, n->n_seg};
}

/* ---- the graph ---- */

int tape_op(struct ser_tape *t, enum op op, int n_in, const int *in, size_t n_row, size_t n_col, const size_t *seg,
	    size_t n_seg, void **saved, size_t size)
{
	struct node n = {.n_row = n_row, .n_col = n_col, .seg = seg, .n_seg = n_seg, .slice = -1};
	ser_assert(n_row > 0 && n_col > 0 && !t->ran_back);
	for (int i = 0; i < n_in; i++)
		n.need = n.need || (in[i] >= 0 && tape_at(t, in[i])->need);
	n.rec = (int)t->n_rec;
	n.pitched = (op_table[op].does & PITCHED) != 0;
	struct rec r = {.op = op, .n_in = n_in, .block = t->block};
	r.in = ser_arena_alloc(&t->arena, (size_t)n_in, sizeof *r.in);
	memcpy(r.in, in, (size_t)n_in * sizeof *r.in);
	r.saved = size > 0 ? ser_arena_calloc(&t->arena, 1, size) : NULL;
	r.out = push(t, n);
	if (saved != NULL)
		*saved = r.saved;
	t->rec = ser_grow(t->rec, &t->cap_rec, t->n_rec + 1, sizeof *t->rec);
	t->rec[t->n_rec++] = r;
	return r.out;
}

bool tape_same_place(const struct ser_tape *t, int x, int y)
{
	const struct node *X = tape_at(t, x), *Y = tape_at(t, y);
	return X->home >= 0 && X->home == Y->home && X->col == Y->col && X->n_col == Y->n_col;
}

/* ---- forward ---- */

void *tape_state(struct ser_tape *t, struct rec *r, size_t n, size_t size)
{
	ser_assert((size_t)r->n_state < sizeof r->state / sizeof *r->state);
	int b = tape_buffer_new(t, (ser_mul(n, size) + sizeof(real) - 1) / sizeof(real));
	r->state[r->n_state++] = b;
	return t->buffer[b].p;
}

void tape_drop_state(struct ser_tape *t, struct rec *r)
{
	while (r->n_state > 0)
		tape_buffer_unref(t, r->state[--r->n_state]);
}

/* Forget a value: its memory goes when no view of it is left. A single number stays, to be read after backward. */
static void forget(struct ser_tape *t, int x)
{
	struct node *n = &t->node[x];
	tape_buffer_unref(t, n->half);
	n->half = -1;
	if (n->vbuf < 0)
		return;
	tape_buffer_unref(t, n->vbuf);
	n->vbuf = -1;
	n->val = NULL;
	struct node *h = n->home >= 0 ? &t->node[n->home] : NULL;
	if (h != NULL && h->idle && h->vbuf >= 0 && t->buffer[h->vbuf].n_ref == 1)
		forget(t, n->home);
}

/* Memory for a result. */
static void place(struct ser_tape *t, const struct rec *r)
{
	struct node *y = &t->node[r->out], *x = r->n_in > 0 && r->in[0] >= 0 ? &t->node[r->in[0]] : NULL;
	y->taken = y->idle = false;
	if (r->view) {
		y->val = x->val + y->col;
		y->ld = x->ld;
		y->vbuf = tape_buffer_ref(t, x->vbuf);
	} else if (r->in_place) {
		y->val = x->val;
		y->ld = x->ld;
		y->vbuf = x->vbuf;
		x->vbuf = -1;
		x->val = NULL;
	} else if (y->home >= 0) { /* columns of a concatenation to come */
		struct node *h = &t->node[y->home];
		if (h->vbuf < 0)
			h->vbuf = tape_buffer_new(t, h->n_row * h->n_col);
		y->val = t->buffer[h->vbuf].p + y->col;
		y->ld = h->n_col;
		y->vbuf = tape_buffer_ref(t, h->vbuf);
	} else {
		if (y->n_row * y->n_col == 1) /* it would part a block for good */
			y->val = tape_alloc(t, 1);
		else if (y->vbuf < 0)
			y->vbuf = tape_buffer_new(t, y->n_row * y->n_col);
		if (y->vbuf >= 0)
			y->val = t->buffer[y->vbuf].p;
	}
}

static void want(struct ser_tape *t, int x);

static void compute(struct ser_tape *t, struct rec *r)
{
	for (int j = 0; j < r->n_in; j++)
		want(t, r->in[j]);
	if (t->node[r->out].val == NULL)
		place(t, r);
	if (r->view)
		return;
	tape_drop_state(t, r);
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	op_table[r->op].fwd(t, r);
	ser_arena_rewind(&t->arena, m);
}

/* See that x has its value as it was kept: what was forgotten is computed again, and first what it is made from. */
static void want(struct ser_tape *t, int x)
{
	if (x >= 0 && t->node[x].half >= 0)
		tape_widen(t, x);
	else if (x >= 0 && t->node[x].val == NULL)
		compute(t, &t->rec[t->node[x].rec]);
}

/* Could x, which is read in backward, be had again there by one pass over what is kept anyway? */
static bool cheap(const struct ser_tape *t, int x, int home)
{
	const struct node *n = &t->node[x];
	const struct rec *r = &t->rec[n->rec];
	if (r->view)
		return t->node[n->home].val != NULL;
	if ((op_table[r->op].does & CHEAP) == 0 || r->in_place || n->home != home)
		return false;
	for (int j = 0; j < r->n_in; j++) {
		const struct node *v = r->in[j] >= 0 ? &t->node[r->in[j]] : NULL;
		bool kept = v == NULL || v->rec < 0 || v->half >= 0 || (v->val != NULL && v->reads > 0);
		bool gone = !kept && v->val == NULL;
		if (!kept && !(r->op == OP_CONCAT ? cheap(t, r->in[j], x) : gone && cheap(t, r->in[j], -1)))
			return false;
	}
	return true;
}

/* All that used x in forward has run. */
static void used(struct ser_tape *t, int x)
{
	struct node *n = &t->node[x];
	bool grad = (t->mode & SER_TAPE_GRAD) != 0;
	if (n->rec < 0 || n->wanted || n->vbuf < 0 || (t->off & TAPE_RELEASE) != 0)
		return;
	int block = t->rec[n->rec].block;
	bool again = grad && t->recompute && block > 0;
	if (again ? n->boundary : grad && n->reads > 0) {
		if ((t->off & TAPE_REBUILD) != 0 || block == 0 || n->home >= 0 || !cheap(t, x, -1)) {
			tape_narrow(t, x);
			return;
		}
	}
	n->idle = n->split;
	if (!n->idle || t->buffer[n->vbuf].n_ref == 1)
		forget(t, x);
}

/* As its user sees it */
static struct ser_node given(struct ser_tape *t, const struct node *x)
{
	struct ser_node n = {x->n_row, x->n_col, x->seg, x->n_seg, x->val, x->grad};
	if (n.val != NULL && x->ld != n.n_col) { /* a view's rows side by side */
		n.val = tape_alloc(t, ser_mul(n.n_row, n.n_col));
		for (size_t r = 0; r < n.n_row; r++)
			memcpy(n.val + r * n.n_col, x->val + r * x->ld, n.n_col * sizeof *n.val);
	}
	return n;
}

static void tell(struct ser_tape *t, int x)
{
	t->node[x].wanted &= ~(unsigned)WANTED_WATCH;
	for (size_t i = 0; i < t->n_watch; i++) {
		struct ser_arena_mark m = ser_arena_mark(&t->arena);
		if (t->watch[i] == x)
			t->seen(t->seen_ctx, i, given(t, &t->node[x]));
		ser_arena_rewind(&t->arena, m);
	}
}

void ser_tape_watch(struct ser_tape *t, size_t n, const int *x, void (*seen)(void *ctx, size_t i, struct ser_node x),
		    void *ctx)
{
	ser_assert((t->mode & SER_TAPE_GRAD) == 0 && t->n_watch == 0);
	int *copy = ser_arena_alloc(&t->arena, n, sizeof *copy);
	for (size_t i = 0; i < n; i++) {
		copy[i] = x[i];
		ser_assert(tape_at(t, x[i])->rec >= (int)t->n_run);
		tape_at(t, x[i])->wanted |= WANTED_WATCH;
	}
	t->watch = copy;
	t->n_watch = n;
	t->seen = seen;
	t->seen_ctx = ctx;
}

/* The operators before `end` that have not run */
static void run_to(struct ser_tape *t, size_t end)
{
	if (tape_shape_only(t) || t->ran_back)
		return;
	if (t->n_plan < t->n_rec) {
		tape_plan(t);
		if ((t->mode & SER_TAPE_FIXED) != 0)
			count_read(t);
		t->n_plan = t->n_rec;
	}
	for (; t->n_run < end; t->n_run++) {
		struct rec *r = &t->rec[t->n_run];
		if (r->folded)
			continue;
		compute(t, r);
		bool keep = t->node[r->out].need && !(t->recompute && r->block > 0);
		if (!keep)
			tape_drop_state(t, r);
		if ((t->node[r->out].wanted & WANTED_WATCH) != 0)
			tell(t, r->out);
		for (int j = 0; j < r->n_in; j++)
			if (r->in[j] >= 0 && --t->node[r->in[j]].uses == 0)
				used(t, r->in[j]);
	}
}

struct ser_node ser_tape_node(struct ser_tape *t, int node)
{
	struct node *x = tape_at(t, node);
	x->wanted |= WANTED_NODE;
	if (!tape_shape_only(t) && !t->ran_back) {
		/* without gradients what comes behind the first that is asked for may never be; what comes behind others may
		 * write over them already */
		bool first = (t->mode & SER_TAPE_GRAD) == 0 && t->n_plan == 0;
		run_to(t, first ? (size_t)(x->rec + 1) : t->n_rec);
		want(t, node);
	}
	return given(t, x);
}

double ser_tape_scalar(struct ser_tape *t, int node)
{
	struct ser_node n = ser_tape_node(t, node);
	ser_assert(n.n_row == 1 && n.n_col == 1 && n.val != NULL);
	return n.val[0];
}

/* ---- backward ---- */

bool tape_pass_grad(struct ser_tape *t, const struct rec *r, int i)
{
	struct node *x = tape_at(t, r->in[i]), *y = tape_at(t, r->out);
	if (!x->need || x->grad != NULL)
		return false;
	if (!tape_same_place(t, r->in[i], r->out)) {
		bool pitched = y->grad_ld != y->n_col;
		if (x->home >= 0 || (pitched && !x->pitched))
			return false;
		for (int j = 0; j < r->n_in; j++) /* another input's gradient will lie there */
			if (j != i && r->in[j] >= 0 && tape_same_place(t, r->in[j], r->out))
				return false;
	}
	x->grad = y->grad;
	x->grad_ld = y->grad_ld;
	x->gbuf = y->gbuf;
	y->grad = NULL;
	y->gbuf = -1;
	return true;
}

bool tape_grad_over(struct ser_tape *t, int x)
{
	struct node *n = tape_at(t, x);
	if (!n->need)
		return false;
	ser_assert(n->grad == NULL && n->vbuf >= 0 && n->ld == n->n_col);
	n->grad = n->val;
	n->gbuf = n->vbuf;
	n->val = NULL;
	n->vbuf = -1;
	return true;
}

static void own_grad(struct ser_tape *t, struct node *n)
{
	n->gbuf = tape_buffer_new(t, n->n_row * n->n_col);
	n->grad = t->buffer[n->gbuf].p;
	n->grad_ld = n->n_col;
}

real *tape_grad_beta(struct ser_tape *t, int node, real *beta)
{
	if (node < 0)
		return NULL;
	struct node *n = tape_at(t, node);
	*beta = 1;
	if (!n->need)
		return NULL;
	n->summed = false;
	if (n->grad != NULL)
		return n->grad;
	*beta = 0;
	if (n->home < 0) {
		own_grad(t, n);
		return n->grad;
	}
	struct node *home = tape_at(t, n->home);
	if (home->grad == NULL)
		own_grad(t, home);
	n->grad = home->grad + n->col;
	n->grad_ld = home->grad_ld;
	n->gbuf = tape_buffer_ref(t, home->gbuf);
	return n->grad;
}

real *tape_grad(struct ser_tape *t, int node)
{
	real beta;
	real *g = tape_grad_beta(t, node, &beta);
	if (g == NULL || beta != 0)
		return g;
	const struct node *n = tape_at(t, node);
	for (size_t r = 0; n->grad_ld != n->n_col && r < n->n_row; r++)
		memset(g + r * n->grad_ld, 0, n->n_col * sizeof *g);
	if (n->grad_ld == n->n_col)
		memset(g, 0, n->n_row * n->n_col * sizeof *g);
	return g;
}

static void back_through(struct ser_tape *t, struct rec *r)
{
	for (int j = 0; j < r->n_in; j++)
		if (tape_reads_in(t, r, j))
			want(t, r->in[j]);
	if (tape_reads_out(r))
		want(t, r->out);
	if ((op_table[r->op].does & STATE) != 0 && r->n_state == 0)
		compute(t, r);
	if (!tape_reads_out(r)) /* all that use this node have run: its memory serves the next */
		forget(t, r->out);
	if (r->view)
		tape_grad(t, r->out); /* it lies in in[0]'s already; of a slice that nothing used it is 0 */
	else
		op_table[r->op].bwd(t, r);
}

int ser_tape_backward(struct ser_tape *t, int loss, double scale, struct ser_err *e)
{
	ser_assert((t->mode & SER_TAPE_GRAD) != 0 && !tape_shape_only(t) && !t->ran_back);
	double v = ser_tape_scalar(t, loss);
	t->ran_back = true;
	t->n_owed = 0;
	if (!isfinite(v))
		return ser_fail(e, SER_EDATA, "the loss is %g", v);
	if (!tape_at(t, loss)->need)
		return 0;
	*tape_grad(t, loss) = (real)scale;
	for (size_t i = t->n_rec; i-- > 0;) {
		struct rec *r = &t->rec[i];
		struct node *y = &t->node[r->out];
		if (r->folded)
			continue;
		if (i + 1 == t->n_rec || r->block != t->rec[i + 1].block)
			tape_make_room(t, i);
		struct ser_arena_mark m = ser_arena_mark(&t->arena);
		if (y->need && (y->grad != NULL || r->view)) /* something that the loss depends on */
			back_through(t, r);
		ser_arena_rewind(&t->arena, m);
		tape_buffer_unref(t, y->gbuf);
		y->gbuf = -1;
		y->grad = NULL;
		forget(t, r->out);
		tape_drop_state(t, r);
	}
	return 0;
}

void ser_tape_recompute(struct ser_tape *t, bool on)
{
	t->recompute = on;
}

size_t ser_tape_bytes(const struct ser_tape *t)
{
	return t->arena.used + t->store.used;
}

/* ---- column sums ---- */

enum { SUM_ROWS = 512 }; /* rows of one partial sum */

struct col_sums {
	size_t n_row, n_col;
	void (*part)(const void *ctx, size_t r0, size_t n, double *s, double *q);
	const void *ctx;
	double *sum; /* [n_part][2C] */
	bool two;
};

static void col_sums_part(void *ctx, size_t i, int worker)
{
	(void)worker;
	const struct col_sums *c = ctx;
	size_t r0 = i * SUM_ROWS, n = c->n_row - r0 < SUM_ROWS ? c->n_row - r0 : SUM_ROWS;
	double *s = c->sum + i * 2 * c->n_col;
	c->part(c->ctx, r0, n, s, c->two ? s + c->n_col : NULL);
}

void tape_col_sums(struct ser_tape *t, size_t n_row, size_t n_col,
		   void (*part)(const void *ctx, size_t r0, size_t n, double *s, double *q), const void *ctx, double *s,
		   double *q)
{
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	size_t n_part = (n_row + SUM_ROWS - 1) / SUM_ROWS;
	struct col_sums c = {
		n_row,    n_col, part, ctx, ser_arena_calloc(&t->arena, ser_mul(n_part, 2 * n_col), sizeof(double)),
		q != NULL};
	ser_la_for(t->la, n_part, col_sums_part, &c);
	for (size_t i = 0; i < n_part; i++)
		for (size_t j = 0; j < n_col; j++) {
			s[j] += c.sum[i * 2 * n_col + j];
			if (q != NULL)
				q[j] += c.sum[i * 2 * n_col + n_col + j];
		}
	ser_arena_rewind(&t->arena, m);
}

struct plain {
	const real *x;
	size_t n_col, ld;
};

static void plain_part(const void *ctx, size_t r0, size_t n, double *s, double *q)
{
	const struct plain *p = ctx;
	kern_col_sum(n, p->n_col, p->x + r0 * p->ld, p->ld, s, q);
}

void tape_bias_grad(struct ser_tape *t, size_t n_row, size_t n_col, const real *dy, size_t ld, real *db)
{
	if (db == NULL)
		return;
	struct ser_arena_mark m = ser_arena_mark(&t->arena);
	double *s = ser_arena_calloc(&t->arena, n_col, sizeof *s);
	tape_col_sums(t, n_row, n_col, plain_part, &(struct plain){dy, n_col, ld}, s, NULL);
	for (size_t c = 0; c < n_col; c++)
		db[c] += (real)s[c];
	ser_arena_rewind(&t->arena, m);
}

void tape_bias(struct ser_tape *t, int y, int b)
{
	struct node *Y = tape_at(t, y);
	if (b < 0 || !tape_at(t, b)->need)
		return;
	Y->n_bias = tape_at(t, b)->n_row * tape_at(t, b)->n_col;
	Y->grad_sum = ser_arena_calloc(&t->arena, Y->n_bias, sizeof *Y->grad_sum);
}

void tape_bias_back(struct ser_tape *t, int y, int b)
{
	real *db = tape_grad(t, b);
	const struct node *Y = tape_at(t, y);
	size_t C = Y->n_bias;
	if (db == NULL)
		return;
	for (size_t c = 0; Y->summed && c < C; c++)
		db[c] += (real)Y->grad_sum[c];
	if (!Y->summed)
		tape_bias_grad(t, Y->n_row * (Y->n_col / C), C, Y->grad, Y->grad_ld == Y->n_col ? C : Y->grad_ld, db);
}

void tape_grad_sums(struct ser_tape *t, int x, void (*part)(const void *ctx, size_t r0, size_t n, double *s, double *q),
		    const void *ctx)
{
	struct node *X = tape_at(t, x);
	tape_col_sums(t, X->n_row * (X->n_col / X->n_bias), X->n_bias, part, ctx, X->grad_sum, NULL);
	X->summed = true;
}

/* ---- names ---- */

void ser_tape_enter(struct ser_tape *t, const char *fmt, ...)
{
	char name[200];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(name, sizeof name, fmt, ap);
	va_end(ap);
	ser_assert(n > 0 && (size_t)n < sizeof name);
	if (t->block == 0 && name[n - 1] >= '0' && name[n - 1] <= '9') {
		t->block = ++t->n_block;
		t->block_scope = t->n_scope;
	}
	ser_assert(t->n_scope < sizeof t->scope_at / sizeof *t->scope_at);
	t->scope_at[t->n_scope++] = t->scope.n;
	ser_buf_printf(&t->scope, "%s.", name);
}

void ser_tape_lora(struct ser_tape *t, size_t rank, double alpha)
{
	t->lora_rank = rank;
	t->lora_alpha = alpha;
}

void ser_tape_leave(struct ser_tape *t)
{
	ser_assert(t->n_scope > 0);
	t->scope.n = t->scope_at[--t->n_scope];
	if (t->n_scope == t->block_scope)
		t->block = 0;
	t->scope.s[t->scope.n] = '\0';
}
