/* SPDX-License-Identifier: MIT */
/* nn: the training engine: parameters, a tape of operators with their gradients, losses, optimisers, schedules.
 *
 * Every value on the tape is a matrix [n_row, n_col]. A batch of sequences is PACKED: the rows of all its sequences one
 * after another, and seg [n_seg+1] says where each begins (seg[0] = 0, seg[n_seg] = n_row). So there is no padding that
 * could change a result: a linear layer is one large product, a convolution acts inside each segment with zeros (or
 * reflection) at its ends, and statistics see real rows only. Values with one row an utterance have no seg.
 * Two-dimensional feature maps have columns [F, C], channels last: n_col = n_freq * n_ch.
 *
 * A network is one C function that calls operators and layers. Each call checks shapes and adds an operator to the tape's
 * graph; values are computed when one is wanted: by ser_tape_node, ser_tape_scalar or ser_tape_backward. By then the engine
 * knows what uses what. It decides which values are views of others, what is written in place, which operators are done in
 * one pass, when memory is given back and what is computed again for backward; none of it changes a byte of a result. With bf16
 * products what they gave is kept for backward as bf16, too, which rounds.
 *
 *	struct ser_params *p = ser_params_new(seed);
 *	struct ser_tape *t = ser_tape_new(la, p);
 *	ser_tape_reset(t, SER_TAPE_SHAPE, 0);           // once: shapes only; layers create their parameters
 *	net(t, ser_tape_input(t, NULL, 8, 80, NULL, 0));
 *	for each step:
 *		ser_tape_reset(t, SER_TAPE_GRAD | SER_TAPE_TRAIN, step_seed);
 *		x = ser_tape_batch(t, n_seg, feat, n_frame, 80);
 *		loss = ser_nn_cross_entropy(t, net(t, x), label, NULL);
 *		ser_params_zero_grad(p);
 *		if (ser_tape_backward(t, loss, 1, err) < 0 || ser_params_clip(p, 5, &norm, err) < 0) ...
 *		ser_opt_step(opt, ser_sched_lr(&sched, step));
 *
 * Shapes are asserted (a wrong one is a programmer's mistake); numbers that are not finite are SER_EDATA. The same
 * inputs, parameters and seeds give the same bytes, whatever the number of threads. */
#ifndef SER_NN_H
#define SER_NN_H

#include "base/base.h"
#include "la/la.h"

/* ---- parameters ---------------------------------------------------------------------------------- */

enum {
	SER_P_BUFFER = 1,   /* state, not trained: running statistics */
	SER_P_FROZEN = 2,   /* no gradient, no update */
	SER_P_NO_DECAY = 4, /* no weight decay: biases and gains */
	SER_P_GONE = 8      /* its values were given back once they were packed (ser_tape_consume) */
};

enum ser_init_kind { SER_INIT_CONST, SER_INIT_UNIFORM, SER_INIT_NORMAL };
struct ser_init {
	enum ser_init_kind kind;
	double a; /* the constant; uniform in [-a,a]; standard deviation */
};

enum { SER_MAX_DIM = 4 };
struct ser_slice {
	char *name;     /* "block1.conv.weight": PyTorch's names */
	unsigned flags; /* SER_P_*; may be changed at any time but for SER_P_BUFFER */
	int ndim;
	size_t shape[SER_MAX_DIM];
	size_t at, n;    /* place in the flat arrays; at is a multiple of 16, the gaps are zeros */
	double lr_scale; /* 1; factor on the learning rate of this slice */
};

/* One flat array of values and one of gradients, of n elements each, and named slices into both. Freezing, saving,
 * clipping, averaging and reducing over machines are single loops. Pointers into val and grad hold until the next add. */
struct ser_params {
	struct ser_slice *slice;
	size_t n_slice, cap_slice;
	real *val, *grad;
	size_t n, cap;
	uint64_t seed;
	struct ser_map *name;
	bool outline; /* slices get names and shapes, no values: to see what a network needs before memory is taken */
	bool blank;   /* slices to come are zeros, to be filled: no values are drawn for them */
};

struct ser_params *ser_params_new(uint64_t seed);
void ser_params_free(struct ser_params *p);
/* Add a slice and fill it by its init. What is drawn depends on the seed and the name alone. Returns its index. The
 * name must be new; sizes are at least 1. Gradients are to be zero: what was in them may be lost. */
int ser_params_add(struct ser_params *p, const char *name, unsigned flags, struct ser_init init, int ndim,
		   const size_t *shape);
int ser_params_find(const struct ser_params *p, const char *name); /* index or -1 */
/* Set or clear flags of every slice whose name begins with prefix ("" is all). Returns how many. */
size_t ser_params_flag(struct ser_params *p, const char *prefix, unsigned flags, bool on);
size_t ser_params_count(const struct ser_params *p, bool trainable_only); /* elements, buffers not counted */
/* What may change: the values of all slices that are not frozen, one after another. Without frozen slices it is the flat array. */
size_t ser_params_live(const struct ser_params *p);                            /* how many elements */
void ser_params_get(const struct ser_params *p, const real *flat, real *live); /* out of an array like val */
void ser_params_put(const struct ser_params *p, const real *live, real *flat); /* and into it */
void ser_params_remove(struct ser_params *p,
		       int slice); /* of the list: those behind it move up; the flat arrays stay as they are */
void ser_params_zero_grad(struct ser_params *p);
/* Euclidean norm of all gradients, into *norm (may be NULL); scaled down to max_norm where that is > 0 and less. A
 * gradient that is not finite: SER_EDATA, naming the first such parameter, and nothing is scaled. */
int ser_params_clip(struct ser_params *p, double max_norm, double *norm, struct ser_err *e);
/* SER_EDATA naming the first parameter that holds a value that is not finite. */
int ser_params_check(const struct ser_params *p, struct ser_err *e);

/* ---- tape ---------------------------------------------------------------------------------------- */

enum {
	SER_TAPE_GRAD = 1,  /* keep what backward needs */
	SER_TAPE_TRAIN = 2, /* dropout is on; batch norm uses batch statistics and, with GRAD, keeps running ones */
	SER_TAPE_FIXED =
		8, /* parameters are as they were at the last reset with this: weights stay packed (not with GRAD) */
	SER_TAPE_SHAPE = 4 /* compute nothing: shapes only; layers may create parameters (and only here) */
};

struct ser_tape;
/* A node: what an operator, an input or a parameter gives. */
struct ser_shape {
	size_t n_row, n_col;
	const size_t *seg; /* [n_seg+1] or NULL */
	size_t n_seg;
};
/* With its value, rows side by side. val and grad belong to the tape (or to the parameters, or, for an input, to the caller) and
 * hold until backward or reset: backward reuses the memory of results, single numbers aside. grad is NULL where there is none. */
struct ser_node {
	size_t n_row, n_col;
	const size_t *seg;
	size_t n_seg;
	real *val, *grad;
};

struct ser_tape *ser_tape_new(struct ser_la *la, struct ser_params *p); /* both borrowed; la may be NULL */
void ser_tape_free(struct ser_tape *t);
/* From here on the two use the same packed weights (SER_TAPE_FIXED), from several threads, too: tapes of the same parameters and
 * precision, before either runs. One that is reset without SER_TAPE_FIXED has its own again. */
void ser_tape_share_packed(struct ser_tape *t, struct ser_tape *with);
/* From here on weights that are packed whole, and that nothing but products with them reads, are given back: the parameters are this
 * tape's, and those' that share its packed weights, alone, and always SER_TAPE_FIXED. */
void ser_tape_consume(struct ser_tape *t);
/* Forget all nodes. seed decides every random number drawn until the next reset. No memory is given back, none is
 * asked for in a step like the one before. */
void ser_tape_reset(struct ser_tape *t, unsigned mode, uint64_t seed);
unsigned ser_tape_mode(const struct ser_tape *t);
struct ser_params *ser_tape_params(const struct ser_tape *t);
/* Identities of the batch's utterances (borrowed; after reset): dropout draws for a row by (seed, key of its segment,
 * row in the segment), so that it does not depend on what else is in the batch. A value with several segments or rows for each key
 * has keys formed of that and their place. Default: the index. */
void ser_tape_keys(struct ser_tape *t, size_t n, const uint64_t *key);
/* In training, true with probability p, drawn from the seed: to leave out a layer (LayerDrop, Fan et al. 2020). */
bool ser_tape_chance(struct ser_tape *t, double p);
/* Sums over machines: called where batch statistics are formed, in forward and backward, and by concordance, with the local
 * sums to be replaced by global ones. NULL: this machine is all. */
void ser_tape_all_sum(struct ser_tape *t, void (*sum)(void *ctx, double *x, size_t n), void *ctx);

/* An input, borrowed. With SER_TAPE_SHAPE val may be NULL. */
int ser_tape_input(struct ser_tape *t, const real *val, size_t n_row, size_t n_col, const size_t *seg, size_t n_seg);
/* An input that has a gradient. */
int ser_tape_variable(struct ser_tape *t, const real *val, size_t n_row, size_t n_col, const size_t *seg, size_t n_seg);
/* Utterances x[b] [n_row[b], n_col] float, copied into one packed node. */
int ser_tape_batch(struct ser_tape *t, size_t n_seg, const float *const *x, const size_t *n_row, size_t n_col);
/* A parameter as a node [shape[0], product of the others]; one dimension is a row [1, n]. One node per slice a step. */
int ser_tape_param(struct ser_tape *t, int slice);
struct ser_shape ser_tape_shape(const struct ser_tape *t, int node);
/* A node with its value; runs what has not run, without SER_TAPE_GRAD the first time no further than to it. Best asked for once the
 * graph is built: of a graph that has run, a value that was given up has to be computed again. */
struct ser_node ser_tape_node(struct ser_tape *t, int node);
/* Once the graph is built, before any of it has run, without SER_TAPE_GRAD: seen gets i and each x[i] [n] as it is made, in the order of
 * the operators that make them. They are kept no longer than operators read them. Once between two resets. */
void ser_tape_watch(struct ser_tape *t, size_t n, const int *x, void (*seen)(void *ctx, size_t i, struct ser_node x),
		    void *ctx);
double ser_tape_scalar(struct ser_tape *t, int node); /* of a [1,1] node */
/* Add scale * d loss / d parameter to every parameter's gradient. loss is [1,1]. SER_EDATA when the loss is not finite
 * (nothing is added then). Once a tape. */
int ser_tape_backward(struct ser_tape *t, int loss, double scale, struct ser_err *e);
/* Keep of numbered blocks (scopes whose name ends in a digit, the outermost ones) what other parts use, and compute the rest
 * again when backward comes to them: the memory of activations becomes that of one block and one value a block, for a second
 * forward pass. The same bytes: dropout draws the same numbers, running statistics move once. For all steps to come. */
void ser_tape_recompute(struct ser_tape *t, bool on);
size_t ser_tape_bytes(const struct ser_tape *t); /* memory in use for values, saved state and gradients */

/* ---- operators ------------------------------------------------------------------------------------ */
/* x, y ... are nodes; the result is a node. -1 is "absent" where the comment allows it. "Per channel": the columns
 * are a multiple of the parameter's length C and are taken as [.., C], channels last. */

/* y = x w' + b;  x [R,I], w [O,I], b [1,O] or -1 */
int ser_nn_linear(struct ser_tape *t, int x, int w, int b);
/* The same with the columns [col, col + I) of w: a part of a product over several inputs side by side */
int ser_nn_linear_part(struct ser_tape *t, int x, int w, size_t col, int b);
/* a [m,k] times b [k,n], or, tb, b' with b [n,k]; times alpha. */
int ser_nn_matmul(struct ser_tape *t, int a, int b, bool tb, double alpha);

/* 1-d convolution (cross-correlation) inside each segment. Output length (T + 2 pad - dil (k-1) - 1) / stride + 1, which
 * must be at least 1: ser_nn_conv_len says it. reflect: the input mirrored at its ends (pad < T) instead of zeros. */
struct ser_conv {
	size_t k, stride, dil, pad, groups;
	bool reflect;
};
ptrdiff_t ser_nn_conv_len(size_t n, const struct ser_conv *c); /* <= 0: too short */
/* x [R, I], w [O, k * I/groups] (tap-major: w[o][j][i]), b [1,O] or -1 */
int ser_nn_conv1d(struct ser_tape *t, int x, int w, int b, const struct ser_conv *c);
/* Each channel by itself, zeros beyond the ends: x [R,C], w [C,k], k odd, b [1,C] or -1; [R,C] */
int ser_nn_depthwise(struct ser_tape *t, int x, int w, int b);
/* Weights by direction and length (Salimans and Kingma 2016), by tap: w = g v / |v|, v [O, k * I/groups], g [1,k] */
int ser_nn_weight_norm(struct ser_tape *t, int v, int g);
/* 2-d: time by `ct` inside each segment, frequency by `cf` (no reflection; groups in ct);
 * x [R, F*I], w [O, kt * kf * I/groups], b [1,O] or -1; result [R', F'*O]. */
int ser_nn_conv2d(struct ser_tape *t, int x, int w, int b, size_t n_freq, const struct ser_conv *ct,
		  const struct ser_conv *cf);
/* Max pooling, windows kt x kf with steps of the same size; incomplete windows at the ends are dropped unless that
 * would leave no frame: then the whole segment is the window. x [R, F*C] -> [R', F'*C] */
int ser_nn_max_pool2d(struct ser_tape *t, int x, size_t n_freq, size_t kt, size_t kf);

/* Per channel over all rows. gain, bias [1,C] or -1; mean, var: buffers [1,C]. In training: batch statistics (biased
 * variance), running ones r += momentum (batch - r) with the unbiased variance, as PyTorch has it. */
int ser_nn_batch_norm(struct ser_tape *t, int x, int gain, int bias, int mean, int var, double momentum, double eps);
/* Each row over each run of C columns. gain [1,C], bias [1,C] or -1 */
int ser_nn_layer_norm(struct ser_tape *t, int x, int gain, int bias, double eps);
/* Each row: x / sqrt(mean x^2 + eps) * gain */
/* Each segment (each row when there are none) and group of C/n_group channels, over time and frequency. */
int ser_nn_group_norm(struct ser_tape *t, int x, int gain, int bias, size_t n_group, double eps);
/* Rows divided by max(their Euclidean norm, eps). */
int ser_nn_l2_norm(struct ser_tape *t, int x, double eps);

int ser_nn_relu(struct ser_tape *t, int x);
int ser_nn_gelu(struct ser_tape *t, int x); /* x Phi(x), by erf */
int ser_nn_sigmoid(struct ser_tape *t, int x);
int ser_nn_tanh(struct ser_tape *t, int x);
int ser_nn_silu(struct ser_tape *t, int x);
int ser_nn_glu(struct ser_tape *t, int x);               /* [R,2C] -> first half times sigmoid of second */
int ser_nn_softmax(struct ser_tape *t, int x);           /* along each row */
int ser_nn_dropout(struct ser_tape *t, int x, double p); /* x/(1-p) or 0 in training; otherwise x itself */

int ser_nn_add(struct ser_tape *t, int x, int y); /* equal shapes: the residual sum */
int ser_nn_sub(struct ser_tape *t, int x, int y);
int ser_nn_mul(struct ser_tape *t, int x, int y); /* element by element */
int ser_nn_scale(struct ser_tape *t, int x, double a);
int ser_nn_scale_exp(struct ser_tape *t, int x, int s);     /* x * exp(s), s [1,1]: a learnt temperature */
int ser_nn_add_row(struct ser_tape *t, int x, int row);     /* + row [1,C] on every row, per channel */
int ser_nn_mul_row(struct ser_tape *t, int x, int row);     /* * row [1,C] on every row, per channel */
int ser_nn_concat(struct ser_tape *t, int n, const int *x); /* columns side by side; equal rows */
int ser_nn_slice(struct ser_tape *t, int x, size_t col, size_t n_col);
int ser_nn_rows(struct ser_tape *t, int x, size_t n, const int32_t *idx); /* gather rows (borrowed); negative: zeros */
int ser_nn_transpose(struct ser_tape *t, int x);
int ser_nn_reverse_grad(struct ser_tape *t, int x, double lambda); /* identity; backward times -lambda */
int ser_nn_sum(struct ser_tape *t, int x);                         /* of all elements, [1,1] */
int ser_nn_embedding(struct ser_tape *t, int table, size_t n, const int32_t *idx, const size_t *seg, size_t n_seg);

/* Sequences: x has seg. One node each. */
/* GRU and LSTM with PyTorch's gates and order: wi [G*H, I], wh [G*H, H], bi, bh [1, G*H] or -1; G = 3 (r z n) or 4 (i f g
 * o). back: from the last frame to the first. Result [R,H]. For both directions concatenate two. */
int ser_nn_gru(struct ser_tape *t, int x, int wi, int wh, int bi, int bh, bool back);
int ser_nn_lstm(struct ser_tape *t, int x, int wi, int wh, int bi, int bh, bool back);
/* Elman's: h = tanh(wi x + bi + wh h' + bh); G = 1 */
int ser_nn_rnn(struct ser_tape *t, int x, int wi, int wh, int bi, int bh, bool back);
/* Scaled dot-product attention inside each segment: q, k, v [R, n_head*D]; scores q k'/sqrt(D) + bias, softmax over the frames
 * that are seen. By tiles (Dao et al. 2022): memory is linear in frames.
 * bias [n_bucket, n_head] or -1: the bias of frame j seen from frame i is row bucket[o + n_off], o = j - i clipped to
 * [-n_off, n_off] (bucket [2 n_off + 1] borrowed; NULL: 0, 1, ... 2 n_off). With `slope`, bias [1, n_head]: it is -|j - i| times
 * that (ALiBi, Press et al. 2022). gate [R, n_head] or -1: what the biases of row i are multiplied by (WavLM, Chen et al. 2022). */
struct ser_attn {
	size_t n_head, n_off;
	const int32_t *bucket;
	size_t most_log; /* > 0: the rows are ser_nn_attn_bucket's, for distances up to this */
	bool slope;
	size_t n_plain; /* no bias in the first rows of a segment, nor of its first frames */
	bool causal;    /* j <= i only */
	size_t reach;   /* > 0: |j - i| <= reach only */
	double dropout; /* of the weights, in training */
};
int ser_nn_attention(struct ser_tape *t, int q, int k, int v, int bias, int gate, const struct ser_attn *a);
/* Row of a table of n_bucket biases for frame j seen from frame i, o = j - i: the first quarter of n_bucket by distance, the second by
 * its logarithm up to `most`, the second half for frames to come (Raffel et al. 2020). */
size_t ser_nn_attn_bucket(ptrdiff_t o, size_t n_bucket, size_t most);
/* Each segment without its first and last so many rows, of which it must have more; and with `rows` [n,C] before its own. */
int ser_nn_trim(struct ser_tape *t, int x, size_t first, size_t last);
int ser_nn_prepend(struct ser_tape *t, int x, int rows);
/* Each segment's first n(T) rows, of which it must have so many; T is how many that of `like` has. */
int ser_nn_cut(struct ser_tape *t, int x, int like, size_t (*n)(size_t n_row));
/* The same numbers, row after row, in rows of n_col, with the segments of `like`, or, -1, without. */
int ser_nn_reshape(struct ser_tape *t, int x, size_t n_col, int like);
/* The same rows as segments of n each. */
int ser_nn_segments(struct ser_tape *t, int x, size_t n);
/* Each segment as windows, segments of n_row rows that begin at its rows 0, step, 2 step ..: so many that all rows are in one, but
 * without the last, where it is not the only one, if fewer than `least` of its rows were the segment's own. Beyond its end are zeros,
 * and its last `tail` rows, which it must have and one more, are not its own, but where windows go on they are in them. */
struct ser_windows {
	size_t n_row, step, least, tail;
	bool hold; /* beyond the end is the last row again, not zeros */
};
int ser_nn_windows(struct ser_tape *t, int x, const struct ser_windows *o);
/* A row a window, y, in segments as the windows of x had them. */
int ser_nn_of_windows(struct ser_tape *t, int y, int x, const struct ser_windows *o);
/* Each segment, of T >= n_frame rows, as n_chunk segments of n_frame: chunk k begins at row k floor((T - n_frame) / (n_chunk - 1)), so
 * that they overlap, or leave gaps, as T wants it (Lin and Busso 2020). */
int ser_nn_chunks(struct ser_tape *t, int x, size_t n_frame, size_t n_chunk);
/* Row x[i] of the table for each row of x [R,1], whole numbers; and row first + i of the table for frame i of each segment of `like`.
 * The rows are asserted to be there. */
int ser_nn_lookup(struct ser_tape *t, int table, int x);
int ser_nn_positions(struct ser_tape *t, int table, int like, size_t first);
/* In training: spans of frames replaced by v [1,C], then spans of a segment's channels set to 0 (Park et al. 2019; Baevski et al. 2020). A
 * segment of n frames has floor(prob n/span + u) of them, u uniform in [0,1), at least `least`, as far as n/span allows; they may
 * overlap. The same for its channels, of which there may be none. */
struct ser_mask {
	double prob;
	size_t span, least;
	double ch_prob;
	size_t ch_span;
};
int ser_nn_mask(struct ser_tape *t, int x, int v, const struct ser_mask *o);
/* Until the next reset: masks are drawn by *o (borrowed), also where nothing is trained; what networks ask for counts for nothing. */
void ser_tape_mask(struct ser_tape *t, const struct ser_mask *o);
/* Which rows of a result of ser_nn_mask() are v [n_row]; NULL: none, it is x. */
const bool *ser_nn_masked(const struct ser_tape *t, int y);
/* One of the columns of each row x [R,V] is 1, the others 0. In training that of the largest x + n, n Gumbel's noise, drawn by the row's
 * key[i] (borrowed; NULL: by its number); backward is that of softmax((x + n)/tau) (Jang et al. 2017). Else the largest x, without a
 * gradient. */
int ser_nn_gumbel(struct ser_tape *t, int x, double tau, const uint64_t *key);
/* share sum over rows of exp(- sum_v p_v ln(p_v + 1e-7)), [1,1]: how many columns distributions p = x/n use, x [G,V] sums over n rows.
 * Over machines (ser_tape_all_sum) x and n are the sums of all, and the gradient is that of the sum of all values. n 0: equal p. */
int ser_nn_perplexity(struct ser_tape *t, int x, double n, double share);
/* A segment to one row [n_seg, ..] */
int ser_nn_pool_mean(struct ser_tape *t, int x);
int ser_nn_pool_max(struct ser_tape *t, int x);
int ser_nn_pool_last(struct ser_tape *t, int x); /* the last row of each segment */
int ser_nn_pool_first(struct ser_tape *t, int x);
/* Mean and standard deviation over weights a that sum to 1: mean = sum a x, std = sqrt(max(sum a (x - mean)^2, eps)); a [R,C] or [R,1]
 * or -1 (equal weights); result [n_seg, 2C]: means, then deviations. */
int ser_nn_pool_stats(struct ser_tape *t, int x, int a, double eps);
/* The same over equal weights, std = sqrt(var + eps) with n-1 in var, as PyTorch's. One frame has var 0. */
int ser_nn_pool_sample_stats(struct ser_tape *t, int x, double eps);
/* Covariances of the columns over each segment, divided by its rows: [n_seg, C(C+1)/2], the upper triangle row by row. */
int ser_nn_pool_cov(struct ser_tape *t, int x);
/* Weighted sum over each segment, a [R,C] or [R,1]; result [n_seg,C]. */
int ser_nn_pool_sum(struct ser_tape *t, int x, int a);
int ser_nn_softmax_time(struct ser_tape *t, int x); /* each column over its segment */
/* Utterance rows u [n_seg,C] repeated over the frames of `like`. */
int ser_nn_expand(struct ser_tape *t, int u, int like);
/* x * u, u [n_seg, C] per utterance: squeeze and excitation's last step without the copy. Per channel. */
int ser_nn_scale_rows(struct ser_tape *t, int x, int u);

/* ---- losses: [1,1] nodes --------------------------------------------------------------------------- */

/* What all of them share. A loss is sum_i weight[i] l_i / norm. weight [rows] may be NULL (ones). norm 0: the sum of the
 * weights that were used (with class weights, of the products, as PyTorch has it). Gradient accumulation equals the
 * large batch when every part is given the large batch's norm. All arrays are borrowed until reset. */
struct ser_loss {
	const real *weight; /* [rows] or NULL */
	const real
		*class_w; /* [K] or NULL: of a row's class; for soft targets and binary losses, of each column's term */
	double smooth;    /* label smoothing: the target is (1-s) of the label and s/K of all */
	double norm;
};
/* In each, o may be NULL. label[i] in [0,K), negative: the row is left out. */
int ser_nn_cross_entropy(struct ser_tape *t, int logit, const int32_t *label, const struct ser_loss *o);
int ser_nn_focal(struct ser_tape *t, int logit, const int32_t *label, double gamma, const struct ser_loss *o);
/* - sum_j w_j y_j ln softmax(logit)_j;  target [R,K] */
int ser_nn_cross_entropy_soft(struct ser_tape *t, int logit, const real *target, const struct ser_loss *o);
/* sum_j w_j y_j (ln y_j - ln softmax(logit)_j), 0 ln 0 = 0 */
int ser_nn_kl(struct ser_tape *t, int logit, const real *target, const struct ser_loss *o);
/* - sum_j w_j (y_j ln s(logit_j) + (1 - y_j) ln(1 - s(logit_j))): the sum over columns; norm 0 is over rows */
int ser_nn_bce(struct ser_tape *t, int logit, const real *target, const struct ser_loss *o);
/* - sum_j w_j q_j ln(1 - p_j), p softmax(logit), or with `each` s(logit): of classes that are not to be (Welleck et al. 2020); q [R,K] is
 * how much not */
int ser_nn_unlikelihood(struct ser_tape *t, int logit, const real *q, bool each, const struct ser_loss *o);
/* sum_j w_j (x_j - y_j)^2, or |x_j - y_j|: the sum over columns */
int ser_nn_mse(struct ser_tape *t, int x, const real *target, const struct ser_loss *o);
int ser_nn_mae(struct ser_tape *t, int x, const real *target, const struct ser_loss *o);
/* Mean over columns of 1 - concordance correlation (Lin 1989) over the rows, biased variances, class_w as the columns'
 * weights; a row counts weight times, norm is not used. Over machines (ser_tape_all_sum) the rows are those of all, and the value is the
 * share of those here. eps is added to the denominator. mixed: variances by n - 1 against a covariance by n, as in the
 * code of DeepEmoCluster (Lin, Sridhar and Busso 2021). */
int ser_nn_ccc(struct ser_tape *t, int x, const real *target, bool mixed, double eps, const struct ser_loss *o);
/* Additive angular margin (Deng et al. 2019): cosine [R, K*n_sub] between a unit row and unit class centres (class k's
 * sub-centres are columns k*n_sub ...; the nearest counts), cos(theta + margin) for the row's class (where theta + margin
 * passes pi: cos - margin sin(margin)), times scale, then cross entropy. */
int ser_nn_aam(struct ser_tape *t, int cosine, size_t n_sub, const int32_t *label, double margin, double scale,
	       const struct ser_loss *o);

/* Contrastive losses over unit rows z. */
/* Rows i and i + R/2 are two views of one thing; the others are negatives (NT-Xent, Chen et al. 2020). */
int ser_nn_ntxent(struct ser_tape *t, int z, double tau);
/* Row i of a belongs to row i of b, all other rows of b are negatives; mean of both directions. */
int ser_nn_infonce(struct ser_tape *t, int a, int b, double tau);
/* Khosla et al. 2020, "out" form: rows of equal label are positives; anchors without any count for nothing. */
int ser_nn_supcon(struct ser_tape *t, int z, const int32_t *label, double tau);
/* mean max(0, |a-p| - |a-n| + margin) over triplets of rows of z, Euclidean distances. trip [n][3], borrowed */
int ser_nn_triplet(struct ser_tape *t, int z, size_t n, const int32_t (*trip)[3], double margin);
/* Explicit sets: anchor i (row anchor[i]) has positives pos[pos_at[i] .. pos_at[i+1]) and negatives neg[neg_at[i] ..),
 * all rows of z:  l_i = - 1/|P| sum_p ln( e^(z.zp/tau) / (e^(z.zp/tau) + sum_n e^(z.zn/tau)) ); the mean over anchors that
 * have a positive (norm > 0: the sum over norm). Borrowed. */
struct ser_pair_rows {
	size_t n_anchor;
	const int32_t *anchor, *pos, *neg;
	const size_t *pos_at, *neg_at; /* [n_anchor+1] */
	const real *weight;            /* [n_anchor] of l_i; NULL: ones */
};
int ser_nn_pair_loss(struct ser_tape *t, int z, const struct ser_pair_rows *s, double tau, double norm);
/* Pan et al. 2023 (GEmo-CLAP): logits c [N,N]; mean over rows of KL(softmax(m) || softmax(c)), m [N,N] itself the 0/1 (or
 * mixed) matrix. For both directions call it on c and on its transpose. */
int ser_nn_clap_kl(struct ser_tape *t, int c, const real *m);
/* Class weights of the co-occurrence penalty (Chou et al. 2022): count [K,K] of classes chosen together, diagonal of
 * classes; P = 1 - count[j][z]/count[z][z], w_j = sum_z P[j][z]. The penalised cross entropy, BCE and KL are those losses
 * with class_w = w. SER_EDATA when a class was never chosen. */
int ser_nn_cooccur_weights(size_t n, const double *count, real *w, struct ser_err *e);

/* ---- layers: operators with their parameters --------------------------------------------------------- */
/* Each finds its parameters by name below the scopes entered (created in a SER_TAPE_SHAPE pass, PyTorch's default init). */

void ser_tape_enter(struct ser_tape *t, const char *fmt, ...) SER_PRINTF(2, 3);
void ser_tape_leave(struct ser_tape *t);
/* Until the next call or reset: low-rank adapters (Hu et al. 2022) beside the linear layers of numbered blocks that have more than 8 rank
 * inputs and outputs, y = x w' + b + alpha/rank (x A') B', A [rank,I] name.lora_A.weight, B [O,rank] name.lora_B.weight, zeros when new.
 * rank 0: none. */
void ser_tape_lora(struct ser_tape *t, size_t rank, double alpha);
/* The parameter <scopes>.<name>, as a node; created when the pass allows it. */
int ser_layer_param(struct ser_tape *t, const char *name, unsigned flags, struct ser_init init, int ndim,
		    const size_t *shape);
/* name.weight [O,I], name.bias [O] */
int ser_layer_linear(struct ser_tape *t, const char *name, int x, size_t n_out, bool bias);
/* name.weight [O, k, I/groups], name.bias [O] */
int ser_layer_conv1d(struct ser_tape *t, const char *name, int x, size_t n_out, const struct ser_conv *c, bool bias);
/* name.weight [C, k, 1], name.bias [C] */
int ser_layer_depthwise(struct ser_tape *t, const char *name, int x, size_t k);
/* name.weight [O, kt, kf, I/groups], name.bias [O] */
int ser_layer_conv2d(struct ser_tape *t, const char *name, int x, size_t n_freq, size_t n_out,
		     const struct ser_conv *ct, const struct ser_conv *cf, bool bias);
/* name.weight, .bias, .running_mean, .running_var [C]; momentum 0.1, eps 1e-5 */
int ser_layer_batch_norm(struct ser_tape *t, const char *name, int x, size_t n_ch);
int ser_layer_layer_norm(struct ser_tape *t, const char *name, int x, size_t n_ch);                 /* eps 1e-5 */
int ser_layer_group_norm(struct ser_tape *t, const char *name, int x, size_t n_ch, size_t n_group); /* eps 1e-5 */
/* name.weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, and with bidir their _reverse; [R,H] or [R,2H] */
int ser_layer_gru(struct ser_tape *t, const char *name, int x, size_t n_hidden, bool bidir);
int ser_layer_lstm(struct ser_tape *t, const char *name, int x, size_t n_hidden, bool bidir);
/* name.in_proj_weight [3E,E], in_proj_bias, out_proj.weight, out_proj.bias; n_off > 0 adds name.rel_bias [2 n_off + 1,
 * n_head], zeros */
int ser_layer_mha(struct ser_tape *t, const char *name, int x, size_t n_head, size_t n_off, double p_drop);
/* Self-attention with a product each for queries, keys, values and what comes out: linear layers name[0..3]; name[1] NULL: the first
 * three are one of that, name[0]. k_bias false: the keys' has no bias. bias, gate and o as in ser_nn_attention. */
int ser_layer_attention(struct ser_tape *t, const char *const name[static 4], int x, bool k_bias, int bias, int gate,
			const struct ser_attn *o);
/* Attention over time by a small network: softmax_time(conv(tanh(linear(x)))) ; [n_seg, 2C]. global: the network also
 * sees the segment's mean and deviation (Desplanques et al. 2020); a batch norm and ReLU before the tanh, as there.
 * Without: name.att.0, tanh, name.att.1 only (Okabe et al. 2018). */
int ser_layer_attn_stats(struct ser_tape *t, const char *name, int x, size_t n_att, bool global);
/* x * sigmoid(fc2(relu(fc1(mean over time)))) */
int ser_layer_se(struct ser_tape *t, const char *name, int x, size_t n_mid);
/* ---- optimisers ----------------------------------------------------------------------------------- */

enum ser_opt_kind { SER_OPT_SGD, SER_OPT_ADAM, SER_OPT_ADAMW };
struct ser_opt_opts {
	enum ser_opt_kind kind;
	double momentum; /* SGD */
	bool nesterov;
	double beta1, beta2, eps; /* Adam */
	double weight_decay;      /* L2 in the gradient for SGD and Adam; decoupled for AdamW */
	double ema;               /* > 0: keep an average of the parameters, e += (1-ema)(p - e) */
};
/* adamw, beta 0.9 0.999, eps 1e-8, decay 0.01, momentum 0.9, no average */
struct ser_opt_opts ser_opt_defaults(void);

/* PyTorch's update rules. Frozen slices and buffers are left alone. State is flat, of the parameters' size. */
struct ser_opt {
	struct ser_opt_opts o;
	struct ser_params *p; /* borrowed */
	struct ser_la *la;
	uint64_t step;
	size_t n;
	real *m, *v, *avg; /* [n] or NULL: first and second moment (or SGD's velocity), averaged parameters */
};
/* After all parameters are there. SER_EUSAGE when options are out of range. */
int ser_opt_new(struct ser_opt **out, const struct ser_opt_opts *o, struct ser_params *p, struct ser_la *la,
		struct ser_err *e);
void ser_opt_free(struct ser_opt *s);
void ser_opt_step(struct ser_opt *s, double lr);
/* What a checkpoint must hold besides the parameters and `step`: array i = 0, 1, ... until NULL; names "m", "v", "avg". */
real *ser_opt_state(struct ser_opt *s, int i, const char **name);
/* Exchange parameters and their average, before and after validation. Buffers are not averaged. */
void ser_opt_swap_average(struct ser_opt *s);

/* ---- schedules -------------------------------------------------------------------------------------- */

enum ser_sched_kind { SER_SCHED_CONST, SER_SCHED_COSINE, SER_SCHED_STEP, SER_SCHED_PLATEAU };
struct ser_sched {
	enum ser_sched_kind kind;
	double lr, lr_min;
	uint64_t n_warmup; /* steps: lr (step+1)/n_warmup */
	uint64_t n_total;  /* cosine: lr_min is reached at this step */
	uint64_t every;    /* step: lr * factor^((step - n_warmup)/every) */
	double factor;     /* step and plateau */
	int patience;      /* plateau: so many validations without improvement */
	/* plateau's state, saved with a checkpoint */
	double best, scale;
	int n_bad;
};
struct ser_sched ser_sched_defaults(void);                     /* const, lr 1e-3 */
double ser_sched_lr(const struct ser_sched *s, uint64_t step); /* step from 0 */
/* A validation result, larger is better. True when the rate was reduced. */
bool ser_sched_report(struct ser_sched *s, double metric);

#endif
