/* SPDX-License-Identifier: MIT */
#include "nn/impl.h"
#include "nn/kern.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const struct op_kind op_table[N_OP] = {
	[OP_LINEAR] = {"linear", bwd_linear, READS_IN, NULL},
	[OP_MATMUL] = {"matmul", bwd_matmul, READS_IN, NULL},
	[OP_CONV] = {"conv", bwd_conv, READS_IN | VIEWS | PITCHED, NULL},
	[OP_MAX_POOL] = {"max_pool", bwd_max_pool, 0, NULL},
	[OP_BATCH_NORM] = {"batch_norm", bwd_batch_norm, READS_IN, again_batch_norm},
	[OP_RELU_BATCH_NORM] = {"relu_batch_norm", bwd_relu_batch_norm, READS_IN | TAKES, again_relu_batch_norm},
	[OP_BATCH_NORM_RELU] = {"batch_norm_relu", bwd_batch_norm_relu, READS_IN | TAKES, again_batch_norm_relu},
	[OP_NORM_POOL] = {"batch_norm_relu_pool", bwd_norm_pool, READS_IN | READS_OUT | TAKES, NULL},
	[OP_LAYER_NORM] = {"layer_norm", bwd_layer_norm, READS_IN, NULL},
	[OP_GROUP_NORM] = {"group_norm", bwd_group_norm, READS_IN, NULL},
	[OP_L2_NORM] = {"l2_norm", bwd_l2_norm, READS_OUT, NULL},
	[OP_ACT] = {"activation", bwd_act, READS_IN | READS_OUT, NULL},
	[OP_RELU_IN_PLACE] = {"relu", bwd_relu_in_place, READS_IN | READS_OUT, NULL},
	[OP_GLU] = {"glu", bwd_glu, READS_IN, NULL},
	[OP_SOFTMAX] = {"softmax", bwd_softmax, READS_OUT, NULL},
	[OP_LOG_SOFTMAX] = {"log_softmax", bwd_log_softmax, READS_OUT, NULL},
	[OP_SOFTMAX_TIME] = {"softmax_time", bwd_softmax_time, READS_OUT, NULL},
	[OP_DROPOUT] = {"dropout", bwd_dropout, 0, NULL},
	[OP_ADD] = {"add", bwd_add, VIEWS | PITCHED, again_add},
	[OP_MUL] = {"mul", bwd_mul, READS_IN, NULL},
	[OP_SCALE] = {"scale", bwd_scale, 0, NULL},
	[OP_SCALE_EXP] = {"scale_exp", bwd_scale_exp, READS_IN | READS_OUT, NULL},
	[OP_ADD_ROW] = {"add_row", bwd_add_row, 0, NULL},
	[OP_CONCAT] = {"concat", bwd_concat, 0, NULL},
	[OP_SLICE] = {"slice", bwd_slice, 0, NULL},
	[OP_SPLIT] = {"split", bwd_split, VIEWS, NULL},
	[OP_ROOM] = {"room", bwd_room, 0, again_room},
	[OP_JOIN] = {"join", bwd_join, VIEWS, again_join},
	[OP_ROWS] = {"rows", bwd_rows, 0, NULL},
	[OP_TRANSPOSE] = {"transpose", bwd_transpose, 0, NULL},
	[OP_SUM] = {"sum", bwd_sum, 0, NULL},
	[OP_RNN] = {"rnn", bwd_rnn, READS_IN | READS_OUT, NULL},
	[OP_ATTENTION] = {"attention", bwd_attention, READS_IN | READS_OUT | VIEWS, NULL},
	[OP_POOL] = {"pool", bwd_pool, READS_IN | READS_OUT, NULL},
	[OP_POOL_STATS] = {"pool_stats", bwd_pool_stats, READS_IN | READS_OUT, NULL},
	[OP_ATTEND] = {"softmax_time_pool_stats", bwd_attend, READS_IN | READS_OUT | TAKES, NULL},
	[OP_EXPAND] = {"expand", bwd_expand, 0, NULL},
	[OP_SCALE_ROWS] = {"scale_rows", bwd_scale_rows, READS_IN | PITCHED, NULL},
	[OP_LOSS] = {"loss", bwd_loss, READS_IN | READS_OUT, NULL},
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
	for (size_t i = 0; i < t->n_packed; i++)
		ser_la_packed_free(t->packed[i].p);
	t->n_packed = 0;
}

const struct ser_la_packed *tape_packed(struct ser_tape *t, int node, size_t col, size_t n_col)
{
	const struct ser_node *n = tape_at(t, node);
	if ((t->mode & SER_TAPE_FIXED) == 0 || n->maker >= 0 || tape_shape_only(t))
		return NULL;
	size_t slice = (size_t)(-n->maker - 1);
	for (size_t i = 0; i < t->n_packed; i++)
		if (t->packed[i].slice == slice && t->packed[i].col == col && t->packed[i].n_col == n_col)
			return t->packed[i].p;
	t->packed = ser_grow(t->packed, &t->cap_packed, t->n_packed + 1, sizeof *t->packed);
	struct packed p = {slice, col, n_col, ser_la_pack(t->la, true, n->n_row, n_col, n->val + col, n->n_col)};
	t->packed[t->n_packed++] = p;
	return p.p;
}

void ser_tape_free(struct ser_tape *t)
{
	if (t == NULL)
		return;
	drop_packed(t);
	free(t->packed);
	ser_arena_free(&t->arena);
	ser_arena_free(&t->store);
	free(t->node);
	free(t->rec);
	free(t->param);
	free(t->mark);
	free(t->spare);
	ser_buf_free(&t->scope);
	ser_buf_free(&t->keep);
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
	t->n_node = t->n_rec = t->n_mark = t->n_spare = t->n_param = 0;
	t->key = NULL;
	t->n_key = 0;
	t->n_drop = 0;
	t->ran_back = false;
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

static int push(struct ser_tape *t, struct ser_node n)
{
	ser_assert(t->n_node < INT32_MAX);
	t->node = ser_grow(t->node, &t->cap_node, t->n_node + 1, sizeof *t->node);
	n.ld = n.ld > 0 ? n.ld : n.n_col;
	n.grad_ld = n.n_col;
	t->node[t->n_node] = n;
	return (int)t->n_node++;
}

real *tape_alloc(struct ser_tape *t, size_t n)
{
	return tape_shape_only(t) ? NULL : ser_arena_alloc(&t->arena, n, sizeof(real));
}

/* ---- memory of values and gradients: the store's, and what others gave back ---- */

enum { STEP = 64 / sizeof(real) }; /* blocks are multiples of the arena's alignment */

static size_t block_size(size_t n)
{
	return ser_add(n, STEP - 1) / STEP * STEP;
}

/* Give n elements back, joined with the spare blocks before and behind them. */
static void block_put(struct ser_tape *t, real *p, size_t n)
{
	struct block b = {p, block_size(n)};
	for (size_t i = 0; i < t->n_spare;) {
		struct block s = t->spare[i];
		if (s.p + s.n != b.p && b.p + b.n != s.p) {
			i++;
			continue;
		}
		b = (struct block){s.p < b.p ? s.p : b.p, s.n + b.n};
		t->spare[i] = t->spare[--t->n_spare];
		i = 0;
	}
	t->spare = ser_grow(t->spare, &t->cap_spare, t->n_spare + 1, sizeof *t->spare);
	t->spare[t->n_spare++] = b;
}

/* From the smallest spare block that is large enough; what it has more stays spare. */
static real *block_get(struct ser_tape *t, size_t n)
{
	size_t best = t->n_spare, size = block_size(n);
	for (size_t i = 0; i < t->n_spare; i++)
		if (t->spare[i].n >= size && (best == t->n_spare || t->spare[i].n < t->spare[best].n))
			best = i;
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
	return push(
		t, (struct ser_node){
			   .n_row = n_row, .n_col = n_col, .seg = seg, .n_seg = n_seg, .val = (real *)val, .home = -1});
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
	struct ser_node n = {.n_row = s->ndim == 1 ? 1 : s->shape[0], .maker = -slice - 1, .home = -1};
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

struct ser_node ser_tape_node(const struct ser_tape *t, int node)
{
	return *tape_at(t, node);
}

double ser_tape_scalar(const struct ser_tape *t, int node)
{
	const struct ser_node *n = tape_at(t, node);
	ser_assert(n->n_row == 1 && n->n_col == 1 && n->val != NULL);
	return n->val[0];
}

/* Append a node with the value `val`, and its record when a gradient flows. */
static int append(struct ser_tape *t, enum op op, int n_in, const int *in, struct ser_node n, void *saved)
{
	ser_assert(n.n_row > 0 && n.n_col > 0);
	for (int i = 0; i < n_in; i++) {
		const struct ser_node *x = in[i] >= 0 ? tape_at(t, in[i]) : NULL;
		ser_assert(x == NULL || (!x->closed && x->maker != OP_ROOM + 1 &&
					 ((op_table[op].does & VIEWS) != 0 || x->ld == x->n_col)));
		n.need = n.need || (x != NULL && x->need);
	}
	n.maker = (int)op + 1;
	n.pitched = (op_table[op].does & PITCHED) != 0;
	int out = push(t, n);
	if (n.need) {
		int *copy = ser_arena_alloc(&t->arena, (size_t)n_in, sizeof *copy);
		memcpy(copy, in, (size_t)n_in * sizeof *copy);
		t->rec = ser_grow(t->rec, &t->cap_rec, t->n_rec + 1, sizeof *t->rec);
		t->rec[t->n_rec++] = (struct rec){op, out, n_in, copy, saved, false};
	}
	return out;
}

int tape_op(struct ser_tape *t, enum op op, int n_in, const int *in, size_t n_row, size_t n_col, const size_t *seg,
	    size_t n_seg, void **saved, size_t size)
{
	if (saved != NULL)
		*saved = ser_arena_calloc(&t->arena, 1, size);
	struct ser_node n = {.n_row = n_row, .n_col = n_col, .seg = seg, .n_seg = n_seg, .home = -1};
	size_t n_val = ser_mul(n_row, n_col);
	if (!tape_shape_only(t)) /* a single number stays: it would part a block for good */
		n.val = n_val == 1 ? tape_alloc(t, 1) : block_get(t, n_val);
	n.owner = true;
	return append(t, op, n_in, in, n, saved != NULL ? *saved : NULL);
}

bool tape_writable(const struct ser_tape *t, int x)
{
	const struct ser_node *n = tape_at(t, x);
	if (n->home >= 0 && !tape_writable(t, n->home))
		return false;
	return n->maker > 0 && (op_table[n->maker - 1].does & READS_OUT) == 0;
}

bool tape_unread(const struct ser_tape *t, int x)
{
	for (size_t i = 0; i < t->n_rec; i++)
		for (int j = 0; j < t->rec[i].n_in; j++)
			if (t->rec[i].in[j] == x && (op_table[t->rec[i].op].does & READS_IN) != 0)
				return false;
	return true;
}

int tape_op_over(struct ser_tape *t, enum op op, int n_in, const int *in, void **saved, size_t size)
{
	ser_assert(tape_writable(t, in[0]));
	if (saved != NULL)
		*saved = ser_arena_calloc(&t->arena, 1, size);
	struct ser_node n = *tape_at(t, in[0]);
	n.grad = NULL;
	n.owner = false;
	int out = append(t, op, n_in, in, n, saved != NULL ? *saved : NULL);
	if (t->node[out].need)
		t->rec[t->n_rec - 1].over = true;
	return out;
}

int tape_op_to(struct ser_tape *t, enum op op, int n_in, const int *in, int home, size_t col, size_t n_col,
	       void **saved, size_t size)
{
	if (saved != NULL)
		*saved = ser_arena_calloc(&t->arena, 1, size);
	struct ser_node n = *tape_at(t, home);
	ser_assert(n.home < 0 && !n.closed && n.ld == n.n_col && col <= n.n_col && n_col <= n.n_col - col);
	n.n_col = n_col;
	n.val = n.val != NULL ? n.val + col : NULL;
	n.grad = NULL;
	n.need = n.owner = n.closed = false;
	n.home = home;
	n.col = col;
	return append(t, op, n_in, in, n, saved != NULL ? *saved : NULL);
}

bool tape_same_place(const struct ser_tape *t, int x, int y)
{
	const struct ser_node *X = tape_at(t, x), *Y = tape_at(t, y);
	return X->home >= 0 && X->home == Y->home && X->col == Y->col && X->n_col == Y->n_col;
}

bool tape_pass_grad(struct ser_tape *t, const struct rec *r, int i)
{
	struct ser_node *x = tape_at(t, r->in[i]), *y = tape_at(t, r->out);
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
	x->grad_owner = y->grad_owner;
	y->grad = NULL;
	return true;
}

bool tape_grad_over(struct ser_tape *t, int x)
{
	struct ser_node *n = tape_at(t, x);
	if (!n->need)
		return false;
	ser_assert(n->grad == NULL && n->owner); /* something else used x */
	n->grad = n->val;
	n->owner = false;
	n->grad_owner = true;
	return true;
}

bool tape_saving(const struct ser_tape *t, int out)
{
	return tape_at(t, out)->need && !tape_shape_only(t);
}

real *tape_grad_beta(struct ser_tape *t, int node, real *beta)
{
	if (node < 0)
		return NULL;
	struct ser_node *n = tape_at(t, node);
	*beta = 1;
	if (!n->need)
		return NULL;
	n->summed = false;
	if (n->grad == NULL && n->home >= 0) {
		struct ser_node *home = tape_at(t, n->home);
		if (home->grad == NULL) {
			home->grad = block_get(t, home->n_row * home->n_col);
			home->grad_owner = true;
		}
		n->grad = home->grad + n->col;
		n->grad_ld = home->n_col;
		*beta = 0;
	} else if (n->grad == NULL) {
		n->grad = block_get(t, n->n_row * n->n_col);
		n->grad_owner = true;
		*beta = 0;
	}
	return n->grad;
}

real *tape_grad(struct ser_tape *t, int node)
{
	real beta;
	real *g = tape_grad_beta(t, node, &beta);
	if (g == NULL || beta != 0)
		return g;
	const struct ser_node *n = tape_at(t, node);
	for (size_t r = 0; n->grad_ld != n->n_col && r < n->n_row; r++)
		memset(g + r * n->grad_ld, 0, n->n_col * sizeof *g);
	if (n->grad_ld == n->n_col)
		memset(g, 0, n->n_row * n->n_col * sizeof *g);
	return g;
}

/* The memory of a node's value, if it has one of its own; a single number stays, to be read after backward. */
static void give_back(struct ser_tape *t, struct ser_node *n)
{
	size_t size = n->n_row * n->n_col;
	if (!n->owner || size == 1)
		return;
	block_put(t, n->val, size);
	n->owner = false;
	n->val = NULL;
}

/* The input that a record's operator wrote over, or will; -1: none. */
static int taken(const struct rec *r)
{
	return r->over || (op_table[r->op].does & TAKES) != 0 ? r->in[0] : -1;
}

/* What the operator of record i took is as it was then. */
static void check_kept(const struct ser_tape *t, size_t i)
{
	const struct rec *r = &t->rec[i];
	for (int j = 0; j < r->n_in; j++) {
		ser_assert(r->in[j] < 0 || t->node[r->in[j]].val != NULL);
		for (size_t k = i + 1; r->in[j] >= 0 && k < t->n_rec; k++)
			ser_assert(taken(&t->rec[k]) != r->in[j]);
	}
}

/* The value of x, where it was given back to be made again, and first of what it is made from. */
static void make_again(struct ser_tape *t, int x)
{
	if (x < 0)
		return;
	x = t->node[x].home >= 0 ? t->node[x].home : x;
	struct ser_node *n = &t->node[x];
	if (!n->again)
		return;
	n->again = false;
	n->val = block_get(t, n->n_row * n->n_col);
	n->owner = true;
	for (size_t i = 0; i < t->n_rec; i++) {
		const struct rec *r = &t->rec[i];
		if (r->out != x && t->node[r->out].home != x)
			continue;
		t->node[r->out].val = n->val + t->node[r->out].col;
		for (int j = 0; j < r->n_in; j++)
			make_again(t, r->in[j]);
		check_kept(t, i);
		op_table[r->op].again(t, r);
	}
}

int ser_tape_backward(struct ser_tape *t, int loss, double scale, struct ser_err *e)
{
	ser_assert((t->mode & SER_TAPE_GRAD) != 0 && !tape_shape_only(t) && !t->ran_back);
	t->ran_back = true;
	double v = ser_tape_scalar(t, loss);
	if (!isfinite(v))
		return ser_fail(e, SER_EDATA, "the loss is %g", v);
	if (!tape_at(t, loss)->need)
		return 0;
	*tape_grad(t, loss) = (real)scale;
	for (size_t i = t->n_rec; i-- > 0;) {
		const struct rec r = t->rec[i];
		if (t->node[r.out].grad == NULL && r.op != OP_SPLIT)
			continue; /* nothing that the loss depends on */
		for (int j = 0; (op_table[r.op].does & READS_IN) != 0 && j < r.n_in; j++)
			make_again(t, r.in[j]);
		/* all that use this node have run: its memory serves the next */
		if ((op_table[r.op].does & READS_OUT) == 0)
			give_back(t, &t->node[r.out]);
		op_table[r.op].bwd(t, &r);
		struct ser_node *n = &t->node[r.out];
		if (n->grad != NULL && n->grad_owner) /* not handed on */
			block_put(t, n->grad, n->n_row * n->n_col);
		n->grad = NULL;
		give_back(t, n);
	}
	return 0;
}

void ser_tape_drop(struct ser_tape *t, int x)
{
	if ((t->mode & SER_TAPE_GRAD) == 0 || tape_shape_only(t))
		return;
	const struct ser_node *n = tape_at(t, x);
	ser_assert(tape_writable(t, x) && tape_unread(t, x));
	ser_assert(n->owner && !n->closed && n->maker != OP_ROOM + 1);
	give_back(t, &t->node[x]);
}

void ser_tape_rebuild(struct ser_tape *t, int x)
{
	if ((t->mode & SER_TAPE_GRAD) == 0 || tape_shape_only(t))
		return;
	x = tape_at(t, x)->home >= 0 ? tape_at(t, x)->home : x;
	struct ser_node *n = tape_at(t, x);
	ser_assert(n->owner && !n->again && n->maker > 0);
	/* a value without a gradient has no record of how it was made: it stays, but for scalars */
	bool recorded = n->need && n->n_row * n->n_col > 1;
	for (size_t i = (size_t)x; i < t->n_node; i++) {
		struct ser_node *v = &t->node[i];
		if ((int)i != x && v->home != x) {
			ser_assert(v->val != n->val);
			continue;
		}
		ser_assert(op_table[v->maker - 1].again != NULL && (op_table[v->maker - 1].does & READS_OUT) == 0);
		v->closed = true;
		recorded = recorded && v->need;
	}
	for (size_t i = 0; i < t->n_rec; i++) {
		int over = taken(&t->rec[i]);
		ser_assert(over < 0 || (over != x && t->node[over].home != x));
	}
	if (!recorded)
		return;
	give_back(t, n);
	n->again = true;
}

int ser_tape_mark(const struct ser_tape *tape)
{
	struct ser_tape *t = (struct ser_tape *)tape;
	t->mark = ser_grow(t->mark, &t->cap_mark, t->n_mark + 1, sizeof *t->mark);
	t->mark[t->n_mark] = (struct mark){(int)t->n_node, ser_arena_mark(&t->arena), ser_arena_mark(&t->store)};
	return (int)t->n_mark++;
}

int ser_tape_keep(struct ser_tape *t, int mark, int keep)
{
	ser_assert(mark >= 0 && (size_t)mark < t->n_mark);
	struct mark m = t->mark[mark];
	t->n_mark = (size_t)mark;
	if ((t->mode & SER_TAPE_GRAD) != 0 || keep < m.n_node)
		return keep;
	struct ser_node n = *tape_at(t, keep);
	bool stays = n.home >= 0 && n.home < m.n_node; /* in memory from before the mark */
	ser_assert(stays || n.ld == n.n_col);
	n.home = stays ? n.home : -1;
	size_t n_val = tape_shape_only(t) || stays ? 0 : n.n_row * n.n_col * sizeof(real);
	size_t n_seg = n.seg != NULL ? (n.n_seg + 1) * sizeof *n.seg : 0;
	t->keep.n = 0;
	if (n_val > 0)
		ser_buf_add(&t->keep, n.val, n_val);
	if (n_seg > 0)
		ser_buf_add(&t->keep, n.seg, n_seg);
	ser_arena_rewind(&t->arena, m.at);
	ser_arena_rewind(&t->store, m.store_at);
	t->n_node = (size_t)m.n_node;
	for (size_t i = 0; i < t->n_param; i++)
		if (t->param[i] >= m.n_node)
			t->param[i] = -1;
	if (n_val > 0) {
		n.val = block_get(t, n.n_row * n.n_col);
		memcpy(n.val, t->keep.s, n_val);
	}
	if (n_seg > 0) {
		size_t *seg = ser_arena_alloc(&t->arena, n.n_seg + 1, sizeof *seg);
		memcpy(seg, t->keep.s + n_val, n_seg);
		n.seg = seg;
	}
	return push(t, n);
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
	struct ser_node *Y = tape_at(t, y);
	if (b < 0 || !tape_at(t, b)->need)
		return;
	Y->n_bias = tape_at(t, b)->n_row * tape_at(t, b)->n_col;
	Y->grad_sum = ser_arena_calloc(&t->arena, Y->n_bias, sizeof *Y->grad_sum);
}

void tape_bias_back(struct ser_tape *t, int y, int b)
{
	real *db = tape_grad(t, b);
	const struct ser_node *Y = tape_at(t, y);
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
	struct ser_node *X = tape_at(t, x);
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
	ser_assert(t->n_scope < sizeof t->scope_at / sizeof *t->scope_at);
	t->scope_at[t->n_scope++] = t->scope.n;
	ser_buf_printf(&t->scope, "%s.", name);
}

void ser_tape_leave(struct ser_tape *t)
{
	ser_assert(t->n_scope > 0);
	t->scope.n = t->scope_at[--t->n_scope];
	t->scope.s[t->scope.n] = '\0';
}
