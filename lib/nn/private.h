/* SPDX-License-Identifier: MIT */
/* nn's inside: the graph and what runs it. */
#ifndef SER_NN_PRIVATE_H
#define SER_NN_PRIVATE_H

#include "nn/kern.h"
#include "nn/nn.h"

#include <pthread.h>

enum op {
	OP_LINEAR,
	OP_MATMUL,
	OP_CONV,
	OP_DEPTHWISE,
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
	OP_SOFTMAX_TIME,
	OP_DROPOUT,
	OP_ADD,
	OP_MUL,
	OP_SCALE,
	OP_SCALE_EXP,
	OP_ADD_ROW,
	OP_MUL_ROW,
	OP_WEIGHT_NORM,
	OP_FRAMES,
	OP_RESHAPE,
	OP_CHUNKS,
	OP_MASK,
	OP_GUMBEL,
	OP_PERPLEXITY,
	OP_CONCAT,
	OP_SLICE,
	OP_ROWS,
	OP_TRANSPOSE,
	OP_SUM,
	OP_RNN,
	OP_ATTENTION,
	OP_POOL,
	OP_POOL_STATS,
	OP_POOL_COV,
	OP_ATTEND,
	OP_EXPAND,
	OP_SCALE_ROWS,
	OP_SCALE_ADD,
	OP_STRIPS,
	OP_LOSS,
	N_OP
};

enum { WANTED_NODE = 1, WANTED_WATCH = 2 }; /* by ser_tape_node, by ser_tape_watch */

struct node {
	size_t n_row, n_col;
	const size_t *seg; /* [n_seg+1] or NULL */
	size_t n_seg;
	real *val, *grad;      /* NULL: not there */
	bool need;             /* a gradient flows here */
	size_t ld, grad_ld;    /* a row's start to the next one's: n_col, more in a view */
	int rec, slice;        /* which operator made it, which parameter it is; or -1 */
	int home;              /* the node of which it is a view, -1; */
	size_t col;            /* from this column on */
	int vbuf, gbuf;        /* buffers of value and gradient, -1: none of the tape's */
	int half;              /* buffer of its value kept as bf16, -1 */
	int uses, reads, last; /* operators still to run with it; backwards that read it; its last user */
	unsigned wanted;       /* of WANTED_* */
	bool pitched;          /* grad_ld may be other than n_col */
	bool dense;            /* something that uses it takes no view */
	bool split;            /* it is used by slices that are views of it, and by nothing else; */
	size_t n_split;        /* so many of its columns */
	bool idle;             /* only they need its memory */
	bool taken;            /* an operator wrote over its value */
	bool read;             /* a parameter that something else than a product with all of it reads */
	bool counted;          /* a parameter whose gradient has its room */
	bool boundary;         /* used outside of the block that it was made in, by what backward may come to */
	size_t n_bias;         /* of the maker's bias, if it wants a gradient: sums down columns of this one's, */
	double *grad_sum;      /* [n_bias], */
	bool summed;           /* formed already by what wrote that */
};

/* An operator's place in the graph. What it is given when the graph is built lies in `saved`; what forward leaves there for
 * backward beside its result comes from tape_state. */
struct rec {
	enum op op;
	int out, n_in;
	int *in; /* -1: absent */
	void *saved;
	int block;     /* of the numbered scope that it lies in, 0: of none */
	bool done;     /* has run, or is part of one that has */
	bool folded;   /* another does its work */
	bool in_place; /* the result takes the memory of in[0] */
	bool view;     /* the result is columns of in[0] */
	int state[8], n_state;
};

/* Memory of values, gradients and states, shared by views and handed on: given back by the last. */
struct buffer {
	real *p;
	size_t n;
	int n_ref;
};

struct block {
	real *p;
	size_t n;
	bool given; /* the system has it: the last to be taken */
};

struct packed {
	size_t slice, col, n_col; /* what of the parameters it holds */
	struct ser_la_packed *p;
};
/* Those of one tape, or of several in several threads. */
struct packs {
	pthread_mutex_t lock;
	struct packed *packed; /* [n] */
	size_t n, cap;
	int n_tape;
	bool consume; /* what they were packed from is given back */
};

struct ser_tape {
	struct ser_la *la;
	struct ser_params *p;
	unsigned mode, off; /* off: of TAPE_* */
	uint64_t seed;
	struct ser_arena arena; /* the graph, and scratch */
	struct ser_arena store; /* buffers side by side: what some give back is room for a larger one */
	struct node *node;
	size_t n_node, cap_node;
	struct rec *rec;
	size_t n_rec, cap_rec, n_plan, n_run; /* the first n_plan are planned, the first n_run have run */
	int *param;                           /* [n_param] slice -> node, -1 */
	size_t n_param, cap_param;
	const uint64_t *key; /* [n_key] or NULL */
	size_t n_key;
	uint64_t n_drop; /* dropouts so far: each draws its own numbers */
	void (*all_sum)(void *ctx, double *x, size_t n);
	void *all_sum_ctx;
	struct buffer *buffer;
	size_t n_buffer, cap_buffer;
	struct block *spare; /* memory that was given back */
	size_t n_spare, cap_spare;
	size_t n_owed;        /* bytes that gradients took and spare memory did not make up for yet */
	size_t n_product;     /* elements of results of products that backwards read */
	struct ser_buf scope; /* "block1.conv." */
	size_t scope_at[16], n_scope;
	int block, n_block;  /* of the outermost numbered scope entered, 0: none */
	size_t block_scope;  /* how many scopes were entered before it */
	struct packs *packs; /* while SER_TAPE_FIXED; NULL before the first */
	bool recompute, ran_back;
	const struct ser_mask *mask; /* of ser_tape_mask, or NULL */
	const int *watch;            /* [n_watch], of ser_tape_watch */
	size_t n_watch;
	void (*seen)(void *ctx, size_t i, struct ser_node x);
	void *seen_ctx;
	size_t lora_rank;
	double lora_alpha;
};

/* store.c: buffers of n elements, counted; -1 is none. */
int tape_buffer_new(struct ser_tape *t, size_t n);
int tape_buffer_ref(struct ser_tape *t, int b);
void tape_buffer_unref(struct ser_tape *t, int b);
/* In backward of much to learn, before the block that ends with operator `last`: the system takes as much of the spare memory as the
 * block's gradients of parameters will take. */
void tape_make_room(struct ser_tape *t, size_t last);
/* The value of x, kept for backward, as bf16, where that may be; and back to float. */
bool tape_is_product(enum op op);
void tape_narrow(struct ser_tape *t, int x);
void tape_widen(struct ser_tape *t, int x);

/* What the plan decides; a test may switch each off, and the bytes stay. */
enum {
	TAPE_FUSE = 1,     /* operators one after another in one pass */
	TAPE_VIEW = 2,     /* slices and concatenations without copies */
	TAPE_IN_PLACE = 4, /* a result in the memory of what it is made from */
	TAPE_RELEASE = 8,  /* memory is given back once nothing reads it any more */
	TAPE_REBUILD = 16, /* norms, sums and concatenations within blocks are formed again in backward, not kept */
	TAPE_STRIPS = 32,  /* convolutions one after another go through time by strips */
	TAPE_NARROW =
		64 /* with bf16 products: what they gave is kept for backward as bf16. This one alone changes bytes */
};
void tape_switch_off(struct ser_tape *t, unsigned off); /* of TAPE_*, for the graphs to come */
void tape_plan(struct ser_tape *t);                     /* the operators that have not run */

enum {
	READS_IN = 1,  /* backward reads the values of inputs, */
	READS_OUT = 2, /* of the result: they must still be there */
	IN_VIEW = 4,   /* inputs may be views */
	OUT_VIEW = 8,  /* the result may be a view of a concatenation */
	PITCHED = 16,  /* the result's gradient may be pitched like a view's */
	TAKES = 32,    /* in[0] is written over, in forward or backward */
	STATE = 64,    /* forward leaves more than the result for backward */
	CHEAP = 128    /* one pass over the inputs */
};
extern const struct op_kind {
	const char *name;
	void (*fwd)(struct ser_tape *t, struct rec *r);
	void (*bwd)(struct ser_tape *t, const struct rec *r);
	unsigned does;
} op_table[N_OP];

/* Does backward of r read the value of input j, of the result? Not where the gradient that it is for is not wanted. */
bool tape_reads_in(const struct ser_tape *t, const struct rec *r, int j);
bool tape_reads_out(const struct rec *r);

static inline bool tape_shape_only(const struct ser_tape *t)
{
	return (t->mode & SER_TAPE_SHAPE) != 0;
}

/* Append operator `op` on n_in nodes, result [n_row,n_col]; *saved (may be NULL) gets `size` bytes, zeroed. */
int tape_op(struct ser_tape *t, enum op op, int n_in, const int *in, size_t n_row, size_t n_col, const size_t *seg,
	    size_t n_seg, void **saved, size_t size);
/* In backward: the memory of the result's gradient becomes that of input i's, which has none yet. True when that was so;
 * false: nothing is done (none is wanted, there is one to add to, or it has a place of its own or may not be pitched). */
bool tape_pass_grad(struct ser_tape *t, const struct rec *r, int i);
/* In backward: the gradient of x, which has none yet, takes the memory of its value, for the operator to write over. False:
 * none is wanted. */
bool tape_grad_over(struct ser_tape *t, int x);
/* Do two nodes' values lie in the same columns of another's? Then their gradients do, too. */
bool tape_same_place(const struct ser_tape *t, int x, int y);
real *tape_alloc(struct ser_tape *t, size_t n); /* scratch, to the end of forward or backward of one operator */
/* In forward: size times n bytes that are there until backward of r has run. */
void *tape_state(struct ser_tape *t, struct rec *r, size_t n, size_t size);
/* The gradient of a node in backward, NULL when none is wanted; its rows are the node's grad_ld apart. tape_grad: to be added
 * to. tape_grad_beta: *beta is 0 when nothing is there yet and all of it must be written, else 1. */
void tape_drop_state(struct ser_tape *t, struct rec *r); /* its states are not needed any more */
real *tape_grad(struct ser_tape *t, int node);
real *tape_grad_beta(struct ser_tape *t, int node, real *beta);
static inline struct node *tape_at(const struct ser_tape *t, int node)
{
	ser_assert(node >= 0 && (size_t)node < t->n_node);
	return &t->node[node];
}
/* Its value, or NULL where it is absent */
/* What random numbers of segment i of n, or of row i of n without segments, are drawn by: see ser_tape_keys. */
static inline uint64_t tape_key(const struct ser_tape *t, size_t i, size_t n)
{
	size_t m = t->n_key > 0 && n % t->n_key == 0 ? n / t->n_key : 1;
	if (m > 1)
		return ser_hash_le((uint64_t[]){t->key[i / m], i % m}, 2, 8);
	return i < t->n_key ? t->key[i] : i;
}

static inline real *tape_val(const struct ser_tape *t, int node)
{
	return node < 0 ? NULL : tape_at(t, node)->val;
}

/* In forward: in[0] as it is read, in the result's place where it was there */
static inline struct node tape_x(const struct ser_tape *t, const struct rec *r)
{
	struct node x = *tape_at(t, r->in[0]);
	if (r->in_place) {
		x.val = tape_at(t, r->out)->val;
		x.ld = tape_at(t, r->out)->ld;
	}
	return x;
}

/* Segments [n_seg+1] after windows of kt frames: incomplete ones are dropped, but one is always left. */
const size_t *tape_pool_seg(struct ser_tape *t, const struct node *x, size_t kt);

/* Columns [col, col + n_col) of a parameter's weights [O,K] packed for products with their transpose, or NULL when they may
 * change or node is no parameter. */
const struct ser_la_packed *tape_packed(struct ser_tape *t, int node, size_t col, size_t n_col);

/* What the plan gives a product to do with its result at once: ReLU, a norm by the statistics kept, in either order. */
struct then {
	enum { THEN_NOTHING, THEN_RELU, THEN_RELU_NORM, THEN_NORM_RELU } what;
	const struct rec *norm;
};
/* NULL: nothing. *a is filled. */
const struct ser_la_after *tape_after(struct ser_tape *t, const struct then *then, struct ser_la_after *a);

/* Group norm r, of groups of one channel, in strips x [n, C] of a segment, which are normed in place: sum [2C] is added to, stats [2C] are
 * means and inverse deviations of n_all rows. */
bool tape_channel_norm_is(const struct rec *r);
void tape_channel_sums(struct ser_tape *t, const struct rec *r, const real *x, size_t n, double *sum);
void tape_channel_stats(const struct rec *r, const double *sum, size_t n_all, real *stats);
void tape_channel_norm(struct ser_tape *t, const struct rec *r, real *x, size_t n, const real *stats);

/* Batch norm r of the statistics kept as scale and shift [C] of *f. */
void tape_norm_after(struct ser_tape *t, const struct rec *r, struct ser_la_after *f);

struct linear {     /* in: x, w, b */
	size_t col; /* the first column of w */
	struct then then;
};

struct conv { /* in: x, w, b */
	struct kern_conv g;
	size_t n_in, n_out, groups; /* channels of x and y; taps are g.t.k * g.f.k */
	struct then then;
};

struct strips { /* in: x; a chain's operators, each of what the one before gives */
	struct rec *rec;
	size_t n;
};

struct batch_norm {            /* in: x, gain, bias */
	int run_mean, run_var; /* nodes */
	size_t n_ch, n_row;    /* x as [n_row, n_ch] */
	double n;              /* rows on all machines */
	double momentum, eps;
	bool batch;       /* statistics of the batch, which have gradients too */
	bool ready;       /* the statistics are formed */
	real *mean, *inv; /* [C] */
	real *a, *b;      /* [C]: y = x a + b */
};

struct max_pool { /* in: x, or those of a batch norm before it */
	const size_t *in_seg, *out_seg;
	size_t n_freq, n_ch, kt, kf;
	const real *x, *dy;
	real *y, *dx;
	int32_t *at;
	struct batch_norm *norm; /* fused: */
	uint8_t *place;          /* [R',F'C]: place of the largest in its window */
	const real *k;
	real **ws;   /* [threads][kt, n_col], in backward [threads][C] */
	double *sum; /* [n_seg][2C] */
};

struct pool_stats { /* in: x, a or -1; fused with softmax over time: e, x */
	size_t n_col, ac;
	const size_t *seg;
	struct kern_stats stats;
};

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

void fwd_linear(struct ser_tape *t, struct rec *r);
void fwd_matmul(struct ser_tape *t, struct rec *r);
void fwd_conv(struct ser_tape *t, struct rec *r);
void fwd_depthwise(struct ser_tape *t, struct rec *r);
void fwd_max_pool(struct ser_tape *t, struct rec *r);
void fwd_batch_norm(struct ser_tape *t, struct rec *r);
void fwd_relu_batch_norm(struct ser_tape *t, struct rec *r);
void fwd_batch_norm_relu(struct ser_tape *t, struct rec *r);
void fwd_norm_pool(struct ser_tape *t, struct rec *r);
void fwd_layer_norm(struct ser_tape *t, struct rec *r);
void fwd_group_norm(struct ser_tape *t, struct rec *r);
void fwd_l2_norm(struct ser_tape *t, struct rec *r);
void fwd_act(struct ser_tape *t, struct rec *r);
void fwd_relu_in_place(struct ser_tape *t, struct rec *r);
void fwd_glu(struct ser_tape *t, struct rec *r);
void fwd_softmax(struct ser_tape *t, struct rec *r);
void fwd_softmax_time(struct ser_tape *t, struct rec *r);
void fwd_dropout(struct ser_tape *t, struct rec *r);
void fwd_add(struct ser_tape *t, struct rec *r);
void fwd_mul(struct ser_tape *t, struct rec *r);
void fwd_scale(struct ser_tape *t, struct rec *r);
void fwd_scale_exp(struct ser_tape *t, struct rec *r);
void fwd_add_row(struct ser_tape *t, struct rec *r);
void fwd_mul_row(struct ser_tape *t, struct rec *r);
void fwd_weight_norm(struct ser_tape *t, struct rec *r);
void fwd_frames(struct ser_tape *t, struct rec *r);
void fwd_reshape(struct ser_tape *t, struct rec *r);
void fwd_chunks(struct ser_tape *t, struct rec *r);
void fwd_mask(struct ser_tape *t, struct rec *r);
void fwd_gumbel(struct ser_tape *t, struct rec *r);
void fwd_perplexity(struct ser_tape *t, struct rec *r);
void fwd_concat(struct ser_tape *t, struct rec *r);
void fwd_slice(struct ser_tape *t, struct rec *r);
void fwd_rows(struct ser_tape *t, struct rec *r);
void fwd_transpose(struct ser_tape *t, struct rec *r);
void fwd_sum(struct ser_tape *t, struct rec *r);
void fwd_rnn(struct ser_tape *t, struct rec *r);
void fwd_attention(struct ser_tape *t, struct rec *r);
void fwd_pool(struct ser_tape *t, struct rec *r);
void fwd_pool_stats(struct ser_tape *t, struct rec *r);
void fwd_pool_cov(struct ser_tape *t, struct rec *r);
void fwd_attend(struct ser_tape *t, struct rec *r);
void fwd_expand(struct ser_tape *t, struct rec *r);
void fwd_scale_rows(struct ser_tape *t, struct rec *r);
void fwd_scale_add(struct ser_tape *t, struct rec *r);
void fwd_strips(struct ser_tape *t, struct rec *r);
void fwd_loss(struct ser_tape *t, struct rec *r);
void bwd_linear(struct ser_tape *t, const struct rec *r);
void bwd_matmul(struct ser_tape *t, const struct rec *r);
void bwd_conv(struct ser_tape *t, const struct rec *r);
void bwd_depthwise(struct ser_tape *t, const struct rec *r);
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
void bwd_softmax_time(struct ser_tape *t, const struct rec *r);
void bwd_dropout(struct ser_tape *t, const struct rec *r);
void bwd_add(struct ser_tape *t, const struct rec *r);
void bwd_mul(struct ser_tape *t, const struct rec *r);
void bwd_scale(struct ser_tape *t, const struct rec *r);
void bwd_scale_exp(struct ser_tape *t, const struct rec *r);
void bwd_add_row(struct ser_tape *t, const struct rec *r);
void bwd_mul_row(struct ser_tape *t, const struct rec *r);
void bwd_weight_norm(struct ser_tape *t, const struct rec *r);
void bwd_frames(struct ser_tape *t, const struct rec *r);
void bwd_reshape(struct ser_tape *t, const struct rec *r);
void bwd_chunks(struct ser_tape *t, const struct rec *r);
void bwd_mask(struct ser_tape *t, const struct rec *r);
void bwd_gumbel(struct ser_tape *t, const struct rec *r);
void bwd_perplexity(struct ser_tape *t, const struct rec *r);
void bwd_concat(struct ser_tape *t, const struct rec *r);
void bwd_slice(struct ser_tape *t, const struct rec *r);
void bwd_rows(struct ser_tape *t, const struct rec *r);
void bwd_transpose(struct ser_tape *t, const struct rec *r);
void bwd_sum(struct ser_tape *t, const struct rec *r);
void bwd_rnn(struct ser_tape *t, const struct rec *r);
void bwd_attention(struct ser_tape *t, const struct rec *r);
void bwd_pool(struct ser_tape *t, const struct rec *r);
void bwd_pool_stats(struct ser_tape *t, const struct rec *r);
void bwd_pool_cov(struct ser_tape *t, const struct rec *r);
void bwd_attend(struct ser_tape *t, const struct rec *r);
void bwd_expand(struct ser_tape *t, const struct rec *r);
void bwd_scale_rows(struct ser_tape *t, const struct rec *r);
void bwd_loss(struct ser_tape *t, const struct rec *r);

#endif
