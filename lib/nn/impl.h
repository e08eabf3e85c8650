/* SPDX-License-Identifier: MIT */
/* nn's inside: the tape. */
#ifndef SER_NN_IMPL_H
#define SER_NN_IMPL_H

#include "nn/nn.h"

enum op {
	OP_LINEAR,
	OP_MATMUL,
	OP_CONV,
	OP_MAX_POOL,
	OP_BATCH_NORM,
	OP_RELU_BATCH_NORM,
	OP_BATCH_NORM_RELU,
	OP_NORM_POOL,
	OP_LAYER_NORM,
	OP_GROUP_NORM,
	OP_L2_NORM,
	OP_ACT,
	OP_RELU_IN_PLACE,
	OP_GLU,
	OP_SOFTMAX,
	OP_LOG_SOFTMAX,
	OP_SOFTMAX_TIME,
	OP_DROPOUT,
	OP_ADD,
	OP_MUL,
	OP_SCALE,
	OP_SCALE_EXP,
	OP_ADD_ROW,
	OP_CONCAT,
	OP_SLICE,
	OP_SPLIT,
	OP_ROOM,
	OP_JOIN,
	OP_ROWS,
	OP_TRANSPOSE,
	OP_SUM,
	OP_RNN,
	OP_ATTENTION,
	OP_POOL,
	OP_POOL_STATS,
	OP_ATTEND,
	OP_EXPAND,
	OP_SCALE_ROWS,
	OP_LOSS,
	N_OP
};

struct rec {
	enum op op;
	int out, n_in;
	const int *in; /* -1: absent */
	void *saved;   /* the operator's own */
	bool over;     /* the result lies over in[0] */
};

struct mark {
	int n_node;
	struct ser_arena_mark at, store_at;
};

struct block {
	real *p;
	size_t n;
};

struct packed {
	size_t slice, col, n_col; /* what of the parameters it holds */
	struct ser_la_packed *p;
};

struct ser_tape {
	struct ser_la *la;
	struct ser_params *p;
	unsigned mode;
	uint64_t seed;
	struct ser_arena arena; /* what operators keep, and scratch */
	struct ser_arena store; /* values and gradients, side by side: what some give back is room for a larger one */
	struct ser_node *node;
	size_t n_node, cap_node;
	struct rec *rec;
	size_t n_rec, cap_rec;
	int *param; /* [n_param] slice -> node, -1 */
	size_t n_param, cap_param;
	const uint64_t *key; /* [n_key] or NULL */
	size_t n_key;
	uint64_t n_drop; /* dropouts so far: each draws its own numbers */
	void (*all_sum)(void *ctx, double *x, size_t n);
	void *all_sum_ctx;
	struct mark *mark;
	size_t n_mark, cap_mark;
	struct block *spare; /* memory of values and gradients that are done with, for the next ones */
	size_t n_spare, cap_spare;
	struct ser_buf scope, keep; /* "block1.conv."; a value that outlives a rewind */
	size_t scope_at[16], n_scope;
	struct packed *packed; /* [n_packed], while SER_TAPE_FIXED */
	size_t n_packed, cap_packed;
	bool ran_back;
};

enum {
	READS_IN = 1,  /* backward reads the values of inputs, */
	READS_OUT = 2, /* of the result: they must still be there */
	VIEWS = 4,     /* inputs may be views */
	PITCHED = 8,   /* the result's gradient may be pitched like a view's */
	TAKES = 16     /* in[0] is written over */
};
extern const struct op_kind {
	const char *name;
	void (*bwd)(struct ser_tape *t, const struct rec *r);
	unsigned does;
	void (*again)(struct ser_tape *t, const struct rec *r); /* forward once more; NULL: not from its inputs alone */
} op_table[N_OP];

static inline bool tape_shape_only(const struct ser_tape *t)
{
	return (t->mode & SER_TAPE_SHAPE) != 0;
}

/* Append operator `op` on n_in nodes, result [n_row,n_col]; *saved gets `size` bytes, zeroed. A record is kept only when
 * a gradient flows: tape_saving then says true. */
int tape_op(struct ser_tape *t, enum op op, int n_in, const int *in, size_t n_row, size_t n_col, const size_t *seg,
	    size_t n_seg, void **saved, size_t size);
/* May an operator write over x? Its maker does not read it in backward. */
bool tape_writable(const struct ser_tape *t, int x);
/* Does no operator so far read x's value in backward? */
bool tape_unread(const struct ser_tape *t, int x);
/* The same, a node of the shape and in the memory of in[0], whose maker must not read its result again. */
int tape_op_over(struct ser_tape *t, enum op op, int n_in, const int *in, void **saved, size_t size);
/* The same, the result [.., n_col] a view of the columns from `col` of home, which has memory of its own. */
int tape_op_to(struct ser_tape *t, enum op op, int n_in, const int *in, int home, size_t col, size_t n_col,
	       void **saved, size_t size);
/* In backward: the memory of the result's gradient becomes that of input i's, which has none yet. True when that was so;
 * false: nothing is done (none is wanted, there is one to add to, or it has a place of its own or may not be pitched). */
bool tape_pass_grad(struct ser_tape *t, const struct rec *r, int i);
/* In backward: the gradient of x, which has none yet, takes the memory of its value, for the operator to write over. False:
 * none is wanted. */
bool tape_grad_over(struct ser_tape *t, int x);
/* Do two nodes' values lie in the same columns of another's? Then their gradients do, too. */
bool tape_same_place(const struct ser_tape *t, int x, int y);
bool tape_saving(const struct ser_tape *t, int out);
real *tape_alloc(struct ser_tape *t, size_t n); /* from the arena; NULL in a shape pass */
/* The gradient of a node in backward, NULL when none is wanted; its rows are the node's grad_ld apart. tape_grad: to be added
 * to. tape_grad_beta: *beta is 0 when nothing is there yet and all of it must be written, else 1. */
real *tape_grad(struct ser_tape *t, int node);
real *tape_grad_beta(struct ser_tape *t, int node, real *beta);
static inline struct ser_node *tape_at(const struct ser_tape *t, int node)
{
	ser_assert(node >= 0 && (size_t)node < t->n_node);
	return &t->node[node];
}

/* Segments [n_seg+1] after windows of kt frames: incomplete ones are dropped, but one is always left. */
const size_t *tape_pool_seg(struct ser_tape *t, const struct ser_node *x, size_t kt);

/* Columns [col, col + n_col) of a parameter's weights [O,K] packed for products with their transpose, or NULL when they may
 * change or node is no parameter. */
const struct ser_la_packed *tape_packed(struct ser_tape *t, int node, size_t col, size_t n_col);
/* Do weights stay packed, and norms use the statistics that they keep? Then what follows a product can be done with it. */
static inline bool tape_at_once(const struct ser_tape *t)
{
	return (t->mode & (SER_TAPE_FIXED | SER_TAPE_TRAIN | SER_TAPE_SHAPE)) == SER_TAPE_FIXED;
}
/* linear and conv1d (no groups) with what follows them, at_once; NULL: nothing. room: -1, or where the result goes, from `col` on. */
int tape_linear(struct ser_tape *t, int x, int w, int b, const struct ser_la_after *after);
int tape_conv1d(struct ser_tape *t, int x, int w, int b, const struct ser_conv *c, const struct ser_la_after *after,
		int room, size_t col);
/* x [R,C] times u [n_seg,C] of its segment, plus y [R,C], into a room; without gradients. */
int tape_scale_add_to(struct ser_tape *t, int x, int u, int y, int room, size_t col);
/* Batch norm of the statistics kept as scale and shift [C] of *f; parameters as in ser_nn_batch_norm. */
void tape_norm_after(struct ser_tape *t, int gain, int bias, int mean, int var, double eps, struct ser_la_after *f);

/* Loops over ranges, on the tape's threads; grain depends on the cost, never on the threads. */
enum { GRAIN = 16384 };
enum { AT_ONCE = 8 }; /* rows that stay in the first-level cache between two kernels; a multiple of what sums take */
static inline size_t grain_rows(size_t n_col)
{
	return n_col >= GRAIN ? 1 : GRAIN / (n_col > 0 ? n_col : 1);
}

/* Sums down columns, in fixed chunks of rows: s [C] and q [C] (NULL: none) += what `part` adds for rows [r0, r0+n). */
void tape_col_sums(struct ser_tape *t, size_t n_row, size_t n_col,
		   void (*part)(const void *ctx, size_t r0, size_t n, double *s, double *q), const void *ctx, double *s,
		   double *q);
/* db [C] += column sums of dy [R,C], rows ld apart: a bias's gradient. db NULL: none is wanted. */
void tape_bias_grad(struct ser_tape *t, size_t n_row, size_t n_col, const real *dy, size_t ld, real *db);
/* In forward: y is a product plus the bias b [C] or -1. In backward, once y has its gradient: b's. */
void tape_bias(struct ser_tape *t, int y, int b);
void tape_bias_back(struct ser_tape *t, int y, int b);
/* In backward: as tape_col_sums, by what writes all of x's gradient, the sums being those that tape_bias_back takes. */
void tape_grad_sums(struct ser_tape *t, int x, void (*part)(const void *ctx, size_t r0, size_t n, double *s, double *q),
		    const void *ctx);

void bwd_linear(struct ser_tape *t, const struct rec *r);
void bwd_matmul(struct ser_tape *t, const struct rec *r);
void bwd_conv(struct ser_tape *t, const struct rec *r);
void bwd_max_pool(struct ser_tape *t, const struct rec *r);
void bwd_batch_norm(struct ser_tape *t, const struct rec *r);
void bwd_relu_batch_norm(struct ser_tape *t, const struct rec *r);
void bwd_batch_norm_relu(struct ser_tape *t, const struct rec *r);
void bwd_norm_pool(struct ser_tape *t, const struct rec *r);
void bwd_layer_norm(struct ser_tape *t, const struct rec *r);
void bwd_group_norm(struct ser_tape *t, const struct rec *r);
void bwd_l2_norm(struct ser_tape *t, const struct rec *r);
void bwd_act(struct ser_tape *t, const struct rec *r);
void bwd_relu_in_place(struct ser_tape *t, const struct rec *r);
void bwd_glu(struct ser_tape *t, const struct rec *r);
void bwd_softmax(struct ser_tape *t, const struct rec *r);
void bwd_log_softmax(struct ser_tape *t, const struct rec *r);
void bwd_softmax_time(struct ser_tape *t, const struct rec *r);
void bwd_dropout(struct ser_tape *t, const struct rec *r);
void bwd_add(struct ser_tape *t, const struct rec *r);
void bwd_mul(struct ser_tape *t, const struct rec *r);
void bwd_scale(struct ser_tape *t, const struct rec *r);
void bwd_scale_exp(struct ser_tape *t, const struct rec *r);
void bwd_add_row(struct ser_tape *t, const struct rec *r);
void bwd_concat(struct ser_tape *t, const struct rec *r);
void bwd_slice(struct ser_tape *t, const struct rec *r);
void bwd_split(struct ser_tape *t, const struct rec *r);
void bwd_room(struct ser_tape *t, const struct rec *r);
void bwd_join(struct ser_tape *t, const struct rec *r);
void bwd_rows(struct ser_tape *t, const struct rec *r);
void bwd_transpose(struct ser_tape *t, const struct rec *r);
void bwd_sum(struct ser_tape *t, const struct rec *r);
void bwd_rnn(struct ser_tape *t, const struct rec *r);
void bwd_attention(struct ser_tape *t, const struct rec *r);
void bwd_pool(struct ser_tape *t, const struct rec *r);
void bwd_pool_stats(struct ser_tape *t, const struct rec *r);
void bwd_attend(struct ser_tape *t, const struct rec *r);
void bwd_expand(struct ser_tape *t, const struct rec *r);
void bwd_scale_rows(struct ser_tape *t, const struct rec *r);
void bwd_loss(struct ser_tape *t, const struct rec *r);
void again_batch_norm(struct ser_tape *t, const struct rec *r);
void again_relu_batch_norm(struct ser_tape *t, const struct rec *r);
void again_batch_norm_relu(struct ser_tape *t, const struct rec *r);
void again_add(struct ser_tape *t, const struct rec *r);
void again_room(struct ser_tape *t, const struct rec *r);
void again_join(struct ser_tape *t, const struct rec *r);

#endif
