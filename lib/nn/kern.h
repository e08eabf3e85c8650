/* SPDX-License-Identifier: MIT */
/* nn's kernels: pure functions on plain arrays. Forward writes (=), backward adds (+=). Nothing is allocated. Where a
 * pointer to a gradient may be NULL, it is not wanted. Letters: R rows, C columns or channels, n elements. */
#ifndef SER_NN_KERN_H
#define SER_NN_KERN_H

#include "nn/nn.h"

enum kern_act { ACT_RELU, ACT_GELU, ACT_SIGMOID, ACT_TANH, ACT_SILU };

/* y = f(x) */
void kern_act_fwd(enum kern_act f, size_t n, const real *x, real *y);
/* dx += f'(x) dy */
void kern_act_bwd(enum kern_act f, size_t n, const real *x, const real *y, const real *dy, real *dx);
/* ReLU over its argument: x = 0 where x <= 0; NaN stays. And over its gradient: dy = 0 where x <= 0 */
void kern_relu_over(size_t n, real *x);
void kern_relu_mask(size_t n, const real *x, real *dy);
/* y [R,C] = x[:, :C] * sigmoid(x[:, C:]),  x [R,2C] */
void kern_glu_fwd(size_t n_row, size_t n_col, const real *x, real *y);
void kern_glu_bwd(size_t n_row, size_t n_col, const real *x, const real *dy, real *dx);

/* along rows */
void kern_softmax_fwd(size_t n_row, size_t n_col, const real *x, real *y);
void kern_softmax_bwd(size_t n_row, size_t n_col, const real *y, const real *dy, real *dx);
/* down columns of one segment */
void kern_softmax_col_fwd(size_t n_row, size_t n_col, const real *x, real *y, double *ws); /* ws [2C] */
/* dx may be dy: then dx = */
void kern_softmax_col_bwd(size_t n_row, size_t n_col, const real *y, const real *dy, real *dx, double *ws);

/* Where there is an ld, it is of the array before it: its rows are ld apart. */
/* s[c] += sum over rows of x; q[c] += sum of x^2 (q may be NULL) */
void kern_col_sum(size_t n_row, size_t n_col, const real *x, size_t ld, double *s, double *q);
/* s[c] += sum dy;  q[c] += sum dy * x */
void kern_col_dot(size_t n_row, size_t n_col, const real *dy, size_t ld, const real *x, double *s, double *q);
/* y = x a + b per column, max(x,0) a + b, or max(x a + b, 0); y is x (then ld is n_col) or does not overlap it */
enum kern_relu { RELU_NONE, RELU_BEFORE, RELU_AFTER };
void kern_affine_fwd(enum kern_relu relu, size_t n_row, size_t n_col, const real *x, const real *a, const real *b,
		     real *y, size_t ld);
/* Its use as a backward: dx += dy a + x b + c per column (x, b, c may be NULL); dx = where not add: a first gradient needs
 * no zeros */
void kern_affine_bwd(size_t n_row, size_t n_col, const real *dy, size_t ld, const real *x, const real *a, const real *b,
		     const real *c, bool add, real *dx);
/* The same in the memory of dy; mask: 0 where x <= 0 */
void kern_affine_bwd_over(bool mask, size_t n_row, size_t n_col, const real *x, const real *a, const real *b,
			  const real *c, real *dy, size_t ld);
/* dy = 0 where x a + b <= 0 */
void kern_affine_mask(size_t n_row, size_t n_col, const real *x, const real *a, const real *b, real *dy);

/* rows: y = (x - mean) * inv * gain + bias; mean, inv [R] are written. */
void kern_layer_norm_fwd(size_t n_row, size_t n_col, const real *x, const real *gain, const real *bias, double eps,
			 real *y, real *mean, real *inv);
/* dgain, dbias [C] in double, may be NULL */
void kern_layer_norm_bwd(size_t n_row, size_t n_col, const real *x, const real *gain, const real *mean, const real *inv,
			 const real *dy, real *dx, double *dgain, double *dbias);
/* One segment: x [n, C], groups of C/n_group channels over all n rows; mean, inv [n_group]. Forward is for groups of several; of one
 * channel, w <= KERN_CHANNELS of them at a time in rows ld apart, it is kern_col_sum(), then statistics [w] of n rows, then the norm,
 * y may be x. */
enum { KERN_CHANNELS = 64 };
void kern_channel_stats(size_t n, size_t w, const double *s, const double *q, double eps, real *mean, real *inv);
void kern_channel_norm_fwd(size_t n, size_t w, size_t ld, const real *x, const real *mean, const real *inv,
			   const real *gain, const real *bias, real *y);
void kern_group_norm_fwd(size_t n, size_t n_ch, size_t n_group, const real *x, const real *gain, const real *bias,
			 double eps, real *y, real *mean, real *inv);
void kern_group_norm_bwd(size_t n, size_t n_ch, size_t n_group, const real *x, const real *gain, const real *mean,
			 const real *inv, const real *dy, real *dx, double *dgain, double *dbias);
/* inv [R] is written: 1 / max(|x|, eps), negative where eps decided */
void kern_l2_norm_fwd(size_t n_row, size_t n_col, const real *x, double eps, real *y, real *inv);
void kern_l2_norm_bwd(size_t n_row, size_t n_col, const real *y, const real *inv, const real *dy, real *dx);

/* Dropout of row `row` of a stream of random bits: y = x/(1-p) or 0; as backward with add: dx += */
void kern_dropout_fwd(size_t n_col, uint64_t stream, uint64_t row, double p, const real *x, real *y);
void kern_dropout_bwd(size_t n_col, uint64_t stream, uint64_t row, double p, const real *dy, real *dx);

/* The factors of the columns [col, col + n) of that row: 0 or 1/(1-p) */
void kern_dropout_factors(size_t n, uint64_t stream, uint64_t row, size_t col, double p, real *f);

/* One head of attention over one segment of n frames. Scores q k' scale + bias, softmax over the keys that a row sees, y = weights
 * times v; all [n, D], rows ld apart. */
struct kern_attn {
	size_t n, D, ld_q, ld_k, ld_v, ld_gate;
	const real *q, *k, *v;
	real scale;
	bool causal;      /* key j <= row i only */
	size_t reach;     /* > 0: |j - i| <= reach only */
	const real *bias; /* [2n-1] or NULL: of j - i = -(n-1), ... n-1; */
	const real *gate; /* [n] or NULL: what a row's is multiplied by; */
	size_t n_plain;   /* none in the first rows and of the first keys */
	double drop;      /* > 0: dropout of the weights, */
	uint64_t stream;  /* by these random bits */
};
struct kern_attn_grad {
	real *q, *k, *v, *gate; /* NULL: not wanted; gate as in the above */
	size_t ld_q, ld_k, ld_v;
	double *diagonal; /* [2n-1] or NULL: of the bias */
};
size_t kern_attn_ws(size_t n); /* elements of scratch that the two need for n frames, or fewer */
/* lse [n]: the logarithm of each row's sum of exponentials, for backward */
void kern_attn_fwd(struct ser_la *la, const struct kern_attn *a, real *y, size_t ld_y, real *lse, real *ws);
void kern_attn_bwd(struct ser_la *la, const struct kern_attn *a, const real *y, size_t ld_y, const real *dy,
		   size_t ld_dy, const real *lse, const struct kern_attn_grad *g, real *ws);

/* Geometry of a convolution over packed segments: which input row each tap of an output row reads. */
struct kern_conv {
	const size_t *in_seg, *out_seg; /* [n_seg+1], rows of x and y in frames */
	size_t n_seg;
	struct ser_conv t, f; /* time, frequency */
	size_t n_freq, n_freq_out;
};
/* For ser_la_gather: rows are (frame, frequency) pairs of the output; taps (time, frequency). ctx is a struct kern_conv */
void kern_conv_rows(const void *ctx, size_t r0, size_t n, int32_t *idx);
/* The same for the gradient of the input: rows are those of x, indices rows of y (reflected taps left out). */
void kern_conv_rows_back(const void *ctx, size_t r0, size_t n, int32_t *idx);
/* The same for the rows of x that a stride of s > 1 in time reaches by the same taps: frames i with (i + pad) mod s = phase,
 * `frame` lists their (packed) numbers, and only the taps `tap` [n_tap] in time, which are those that reach them. */
struct kern_phase {
	const struct kern_conv *g;
	const int32_t *frame, *seg_of; /* [n] frames, and the segment of each */
	size_t n_tap, tap[64];
};
void kern_conv_rows_phase(const void *ctx, size_t r0, size_t n, int32_t *idx);
/* Reflected taps of a 1-d convolution: dx += their part. w [O, k*I] */
void kern_conv_reflect_bwd(const struct kern_conv *g, size_t n_in, size_t n_out, size_t ld_in, size_t ld_out,
			   const real *w, const real *dy, real *dx);

/* Max pooling of one segment: x [T, F*C], windows kt x kf; at [T'*F'*C] offset of the largest in x */
void kern_max_pool_fwd(size_t n_frame_out, size_t last_kt, size_t n_freq, size_t n_ch, size_t kt, size_t kf,
		       const real *x, real *y, int32_t *at);

/* Max pooling of max(x a + b, 0), a and b [C], of one segment x [n_frame, F*C]: y and at [T'*F'*C], at the place of the
 * largest in its window, kt x kf <= 256 of them in order of time, then frequency; ws [kt, F*C] */
struct kern_pool {
	size_t n_freq, n_ch, kt, kf;
};
void kern_norm_pool_fwd(const struct kern_pool *g, size_t n_frame, const real *x, const real *a, const real *b,
			real *ws, real *y, uint8_t *at);
/* Back through ReLU and pooling: d = dy where y > 0: s[c] += sum d, q[c] += sum d x, x taken at `at`; ws [C] */
void kern_norm_pool_sums(const struct kern_pool *g, size_t n_frame, const real *x, const real *y, const real *dy,
			 const uint8_t *at, real *ws, double *s, double *q);
/* and over x: x k[C+c] + k[2C+c], plus d k[c] at `at` */
void kern_norm_pool_bwd(const struct kern_pool *g, size_t n_frame, const real *k, const real *y, const real *dy,
			const uint8_t *at, real *x);

/* One segment to one row. at [C]: frame of the largest. */
void kern_pool_max_fwd(size_t n_row, size_t n_col, const real *x, real *y, int32_t *at);
/* mean = sum a x, var = sum a (x - mean)^2, a [R, ac], ac = C or 1, or NULL (1/R), with sum a = 1; std = sqrt(max(var, eps)) or, of
 * a sample, sqrt(var R/(R-1) + eps); y [2C]; ws [3C] */
struct kern_stats {
	double eps;
	bool sample;
};
void kern_pool_stats_fwd(const struct kern_stats *o, size_t n_row, size_t n_col, const real *x, const real *a,
			 size_t ac, real *y, double *ws);
/* add_x, add_a: there is something in dx, da to add to; else it is written over */
void kern_pool_stats_bwd(const struct kern_stats *o, size_t n_row, size_t n_col, const real *x, const real *a,
			 size_t ac, const real *y, const real *dy, bool add_x, real *dx, bool add_a, real *da,
			 double *ws);
/* The weights being a softmax of e over time: dx as there, and, where weights_too, the gradient of e over the weights a [R,C] */
void kern_attend_bwd(const struct kern_stats *o, size_t n_row, size_t n_col, const real *x, const real *y,
		     const real *dy, bool add, real *dx, bool weights_too, real *a, double *ws);
void kern_pool_sum_fwd(size_t n_row, size_t n_col, const real *x, const real *a, size_t ac, real *y, double *ws);
void kern_pool_sum_bwd(size_t n_row, size_t n_col, const real *x, const real *a, size_t ac, const real *dy, real *dx,
		       real *da, double *ws);

/* Gates of n rows at one step. gru: a [n,3H] = x part with bi, u [n,3H] = h part with bh; r, z, n are left in a, the h part
 * of n in u. h = (1-z) n + z hp. hp NULL: zeros */
void kern_gru_fwd(size_t n, size_t n_hidden, real *a, real *u, const real *hp, real *h);
/* da, du [n,3H] = gradients before the gates; dhp [n,H] += through z only. dh [n,H] */
void kern_gru_bwd(size_t n, size_t n_hidden, const real *a, const real *u, const real *hp, const real *dh, real *da,
		  real *du, real *dhp);
/* rnn: a [n,H] pre-activations */
void kern_rnn_fwd(size_t n, size_t n_hidden, const real *a, real *h);
void kern_rnn_bwd(size_t n, size_t n_hidden, const real *h, const real *dh, real *da); /* da = */
/* lstm: a [n,4H] pre-activations in, i f g o out; c [n,H], h [n,H]; cp NULL: zeros */
void kern_lstm_fwd(size_t n, size_t n_hidden, real *a, const real *cp, real *c, real *h);
/* da [n,4H] =; dcp [n,H] = ; dc [n,H] gradient of c from the next step or NULL */
void kern_lstm_bwd(size_t n, size_t n_hidden, const real *a, const real *cp, const real *c, const real *dh,
		   const real *dc, real *da, real *dcp);

/* Losses: value returned; d [R,C] = derivative, or NULL. */
double kern_cross_entropy(size_t n_row, size_t n_col, const real *x, const int32_t *label, const real *target, bool kl,
			  double focal, const struct ser_loss *o, real *d);
double kern_bce(size_t n_row, size_t n_col, const real *x, const real *target, const struct ser_loss *o, real *d);
double kern_unlikelihood(size_t n_row, size_t n_col, const real *x, const real *q, bool each, const struct ser_loss *o,
			 real *d);
double kern_mse(size_t n_row, size_t n_col, const real *x, const real *target, bool absolute, const struct ser_loss *o,
		real *d);
/* Rows may lie on several machines: sum, or NULL, makes of sums here those over all; the value is the share of the rows here. The room
 * sum is [5 n_col + 1]. */
struct kern_all {
	void (*sum)(void *ctx, double *x, size_t n);
	void *ctx;
};
double kern_ccc(size_t n_row, size_t n_col, const real *x, const real *target, bool mixed, double eps,
		const struct ser_loss *o, const struct kern_all *all, double *sum, real *d);
double kern_aam(size_t n_row, size_t n_class, size_t n_sub, const real *cosine, const int32_t *label, double margin,
		double scale, const struct ser_loss *o, real *d);
/* over scores s [N,N] */
double kern_ntxent(size_t n, const real *s, real *d);
double kern_infonce(size_t n, const real *s, real *d);
double kern_supcon(size_t n, const real *s, const int32_t *label, real *d);
double kern_pair_loss(size_t n, const real *s, const struct ser_pair_rows *p, double norm, real *d);
double kern_clap_kl(size_t n, const real *s, const real *m, real *d);
double kern_triplet(size_t n_row, size_t n_col, const real *z, size_t n, const int32_t (*trip)[3], double margin,
		    real *d);

#endif
