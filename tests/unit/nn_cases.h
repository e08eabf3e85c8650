/* SPDX-License-Identifier: MIT */
/* Every operator and loss once, over ragged segments: for the gradient test, and, by name, for the comparison with
 * PyTorch (tests/ref/nn_golden.py has the same list). */
#ifndef NN_CASES_H
#define NN_CASES_H

#include "nn/nn.h"

#include <math.h>
#include <stdlib.h>

static const size_t SEG[] = {0, 5, 6, 9, 16}; /* lengths 5 1 3 7 */
enum { B = 4, R = 16 };
static const size_t LONG[] = {0, 8, 17, 22}; /* lengths 8 9 5: for reflection and strides */

struct in {
	size_t r, c;
};
struct kase {
	const char *name;
	int (*net)(struct ser_tape *t, const int *x);
	struct in in[6];
	unsigned mode; /* besides SER_TAPE_GRAD */
};

static int32_t *keep[64]; /* indices that a tape borrows, freed after each run */
static int n_keep;

/* Inputs are parameters, so that their gradients are in one array; as a sequence: */
static int seq_of(struct ser_tape *t, int x, const size_t *seg, size_t n_seg)
{
	int32_t *idx = malloc(seg[n_seg] * sizeof *idx);
	for (size_t i = 0; i < seg[n_seg]; i++)
		idx[i] = (int32_t)i;
	int y = ser_nn_embedding(t, x, seg[n_seg], idx, seg, n_seg);
	keep[n_keep++] = idx;
	return y;
}
static int seq(struct ser_tape *t, int x)
{
	return seq_of(t, x, SEG, B);
}

static int seq_long(struct ser_tape *t, int x)
{
	return seq_of(t, x, LONG, 3);
}

/* clang-format off */
static int n_linear(struct ser_tape *t, const int *x) { return ser_nn_linear(t, x[0], x[1], x[2]); }
static int n_linear_nb(struct ser_tape *t, const int *x) { return ser_nn_linear(t, x[0], x[1], -1); }
static int n_matmul(struct ser_tape *t, const int *x) { return ser_nn_matmul(t, x[0], x[1], false, 0.7); }
static int n_matmul_t(struct ser_tape *t, const int *x) { return ser_nn_matmul(t, x[0], x[1], true, 0.7); }
static int n_gram(struct ser_tape *t, const int *x) { return ser_nn_matmul(t, x[0], x[0], true, 0.7); }

static int n_depthwise(struct ser_tape *t, const int *x) { return ser_nn_depthwise(t, seq(t, x[0]), x[1], x[2]); }
static int n_depthwise_wide(struct ser_tape *t, const int *x) { return ser_nn_depthwise(t, seq(t, x[0]), x[1], -1); }
static int n_conv1d(struct ser_tape *t, const int *x)
{
	return ser_nn_conv1d(t, seq(t, x[0]), x[1], x[2], &(struct ser_conv){.k = 3, .stride = 1, .dil = 1, .pad = 1, .groups = 1});
}
static int n_conv1d_s(struct ser_tape *t, const int *x)
{
	return ser_nn_conv1d(t, seq(t, x[0]), x[1], -1, &(struct ser_conv){.k = 5, .stride = 2, .dil = 1, .pad = 2, .groups = 1});
}
static int n_conv1d_dg(struct ser_tape *t, const int *x)
{
	return ser_nn_conv1d(t, seq(t, x[0]), x[1], x[2], &(struct ser_conv){.k = 3, .stride = 1, .dil = 2, .pad = 2, .groups = 2});
}
static int n_conv1d_valid(struct ser_tape *t, const int *x)
{
	return ser_nn_conv1d(t, seq_long(t, x[0]), x[1], x[2], &(struct ser_conv){.k = 3, .stride = 2, .dil = 2, .pad = 0, .groups = 1});
}
static int n_conv1d_reflect(struct ser_tape *t, const int *x)
{
	struct ser_conv c = {.k = 3, .stride = 1, .dil = 4, .pad = 4, .groups = 2, .reflect = true};
	return ser_nn_conv1d(t, seq_long(t, x[0]), x[1], x[2], &c);
}
static int n_conv1d_s3(struct ser_tape *t, const int *x)
{
	struct ser_conv c = {.k = 2, .stride = 3, .dil = 2, .pad = 3, .groups = 2, .reflect = true};
	return ser_nn_conv1d(t, seq_long(t, x[0]), x[1], x[2], &c);
}
static int n_conv2d(struct ser_tape *t, const int *x)
{
	struct ser_conv c = {.k = 3, .stride = 1, .dil = 1, .pad = 1, .groups = 1};
	return ser_nn_conv2d(t, seq(t, x[0]), x[1], x[2], 4, &c, &c);
}
static int n_conv2d_sg(struct ser_tape *t, const int *x)
{
	struct ser_conv ct = {.k = 3, .stride = 2, .dil = 1, .pad = 1, .groups = 2};
	struct ser_conv cf = {.k = 2, .stride = 2, .dil = 2, .pad = 1, .groups = 1};
	return ser_nn_conv2d(t, seq(t, x[0]), x[1], x[2], 5, &ct, &cf);
}
static int n_max_pool(struct ser_tape *t, const int *x) { return ser_nn_max_pool2d(t, seq(t, x[0]), 5, 2, 2); }

static int n_bn(struct ser_tape *t, const int *x) { return ser_nn_batch_norm(t, x[0], x[1], x[2], x[3], x[4], 0.1, 1e-5); }
static int n_bn_plain(struct ser_tape *t, const int *x) { return ser_nn_batch_norm(t, x[0], -1, -1, x[1], x[2], 0.1, 1e-5); }
static int n_relu_bn(struct ser_tape *t, const int *x)
{
	int y = ser_nn_linear(t, x[0], x[1], -1);
	return ser_nn_batch_norm(t, ser_nn_relu(t, y), x[2], x[3], x[4], x[5], 0.1, 1e-5);
}
static int n_bn_relu(struct ser_tape *t, const int *x)
{
	int y = ser_nn_linear(t, x[0], x[1], -1);
	return ser_nn_relu(t, ser_nn_batch_norm(t, y, x[2], x[3], x[4], x[5], 0.1, 1e-5));
}
static int n_bias_relu_bn(struct ser_tape *t, const int *x)
{
	int y = ser_nn_relu(t, ser_nn_linear(t, x[0], x[1], x[2]));
	return ser_nn_batch_norm(t, y, x[3], -1, x[4], x[5], 0.1, 1e-5);
}
/* the same of a norm, and more to add to the gradient that the bias's is summed from */
static int n_bias_bn_relu(struct ser_tape *t, const int *x)
{
	int y = ser_nn_linear(t, x[0], x[1], x[2]), s = ser_nn_scale(t, y, 0.5);
	return ser_nn_add(t, ser_nn_relu(t, ser_nn_batch_norm(t, y, x[3], -1, x[4], x[5], 0.1, 1e-5)), s);
}
static int n_bias_relu(struct ser_tape *t, const int *x) { return ser_nn_relu(t, ser_nn_linear(t, x[0], x[1], x[2])); }
static int n_bn_pool(struct ser_tape *t, const int *x)
{
	int y = ser_nn_linear(t, seq(t, x[0]), x[1], -1);
	y = ser_nn_relu(t, ser_nn_batch_norm(t, y, x[2], x[3], x[4], x[5], 0.1, 1e-5));
	return ser_nn_max_pool2d(t, y, 5, 2, 2);
}
static int n_ln(struct ser_tape *t, const int *x) { return ser_nn_layer_norm(t, x[0], x[1], x[2], 1e-5); }
/* What backward does not read is dropped; the values after it lie in its memory. */
static int n_drop(struct ser_tape *t, const int *x)
{
	int y = ser_nn_linear(t, seq(t, x[0]), x[1], -1), a = ser_nn_slice(t, y, 0, 2), b = ser_nn_slice(t, y, 2, 4);
	int s = ser_nn_softmax_time(t, b), sum = ser_nn_add(t, s, b), z = ser_nn_concat(t, 3, (int[]){a, sum, a});
	return ser_nn_linear(t, z, x[2], -1);
}
/* Columns without copies: a Res2Net chain, residual sums into a room, a part that has to be copied, one that nothing reads. */
static int n_views(struct ser_tape *t, const int *x)
{
	struct ser_conv c3 = {.k = 3, .stride = 1, .dil = 2, .pad = 2, .groups = 1}, c1 = {.k = 1, .stride = 1, .dil = 1, .groups = 1};
	int first = ser_nn_scale(t, ser_nn_conv1d(t, seq_long(t, x[0]), x[1], -1, &c1), 1), part[4], y;
	for (int i = 0; i < 4; i++)
		part[i] = ser_nn_slice(t, first, (size_t)i * 2, 2);
	for (int i = 1; i < 3; i++) {
		y = i > 1 ? ser_nn_add(t, part[i], part[i - 1]) : part[i];
		y = ser_nn_relu(t, ser_nn_conv1d(t, y, x[2], -1, &c3));
		part[i] = ser_nn_batch_norm(t, y, -1, -1, x[4], x[5], 0.1, 1e-5);
	}
	y = ser_nn_concat(t, 3, part);                                  /* part 3 nothing reads */
	y = ser_nn_conv1d(t, y, x[3], -1, &c1);                         /* [.., 4] */
	int mean = ser_nn_sigmoid(t, ser_nn_pool_mean(t, y)), gain = ser_nn_scale_rows(t, y, mean);
	int a = ser_nn_add(t, gain, ser_nn_tanh(t, y)), w = ser_nn_slice(t, x[3], 0, 4);
	int b = ser_nn_add(t, ser_nn_conv1d(t, a, w, -1, &c1), a);
	int sum = ser_nn_add(t, a, b);
	return ser_nn_conv1d(t, ser_nn_concat(t, 4, (int[]){a, b, ser_nn_slice(t, y, 0, 2), sum}), x[1], -1, &c1);
}
static int n_gn(struct ser_tape *t, const int *x) { return ser_nn_group_norm(t, seq(t, x[0]), x[1], x[2], 2, 1e-5); }
static int n_l2(struct ser_tape *t, const int *x) { return ser_nn_l2_norm(t, x[0], 1e-12); }

static int n_relu(struct ser_tape *t, const int *x) { return ser_nn_relu(t, x[0]); }
static int n_relu_in_place(struct ser_tape *t, const int *x)
{
	return ser_nn_relu(t, ser_nn_linear(t, x[0], x[1], -1));
}
static int n_gelu(struct ser_tape *t, const int *x) { return ser_nn_gelu(t, x[0]); }
static int n_sigmoid(struct ser_tape *t, const int *x) { return ser_nn_sigmoid(t, x[0]); }
static int n_tanh(struct ser_tape *t, const int *x) { return ser_nn_tanh(t, x[0]); }
static int n_silu(struct ser_tape *t, const int *x) { return ser_nn_silu(t, x[0]); }
static int n_glu(struct ser_tape *t, const int *x) { return ser_nn_glu(t, x[0]); }
static int n_softmax(struct ser_tape *t, const int *x) { return ser_nn_softmax(t, x[0]); }
static int n_softmax_time(struct ser_tape *t, const int *x) { return ser_nn_softmax_time(t, seq(t, x[0])); }
static int n_dropout(struct ser_tape *t, const int *x) { return ser_nn_dropout(t, seq(t, x[0]), 0.3); }
static int n_add(struct ser_tape *t, const int *x) { return ser_nn_add(t, x[0], x[1]); }
static int n_twice(struct ser_tape *t, const int *x) { return ser_nn_mul(t, ser_nn_add(t, x[0], x[0]), x[0]); }
static int n_sub(struct ser_tape *t, const int *x) { return ser_nn_sub(t, x[0], x[1]); }
static int n_mul(struct ser_tape *t, const int *x) { return ser_nn_mul(t, x[0], x[1]); }
static int n_scale(struct ser_tape *t, const int *x) { return ser_nn_scale(t, x[0], -1.7); }
static int n_scale_exp(struct ser_tape *t, const int *x) { return ser_nn_scale_exp(t, x[0], x[1]); }
static int n_add_row(struct ser_tape *t, const int *x) { return ser_nn_add_row(t, x[0], x[1]); }
static int n_concat(struct ser_tape *t, const int *x) { return ser_nn_concat(t, 4, (int[]){x[0], x[1], x[2], x[0]}); }
static int n_slice(struct ser_tape *t, const int *x) { return ser_nn_slice(t, x[0], 2, 3); }
static int n_rows(struct ser_tape *t, const int *x)
{
	static const int32_t idx[] = {3, -1, 0, 3, 5};
	return ser_nn_rows(t, x[0], 5, idx);
}
static int n_transpose(struct ser_tape *t, const int *x) { return ser_nn_transpose(t, x[0]); }
static int n_sum(struct ser_tape *t, const int *x) { return ser_nn_sum(t, ser_nn_mul(t, x[0], x[0])); }

static int n_gru(struct ser_tape *t, const int *x) { return ser_nn_gru(t, seq(t, x[0]), x[1], x[2], x[3], x[4], false); }
static int n_gru_back(struct ser_tape *t, const int *x) { return ser_nn_gru(t, seq(t, x[0]), x[1], x[2], x[3], x[4], true); }
static int n_lstm(struct ser_tape *t, const int *x) { return ser_nn_lstm(t, seq(t, x[0]), x[1], x[2], x[3], x[4], false); }
static int n_lstm_back(struct ser_tape *t, const int *x) { return ser_nn_lstm(t, seq(t, x[0]), x[1], x[2], x[3], x[4], true); }
static int n_lstm_nb(struct ser_tape *t, const int *x) { return ser_nn_lstm(t, seq(t, x[0]), x[1], x[2], -1, -1, false); }
static int n_rnn(struct ser_tape *t, const int *x) { return ser_nn_rnn(t, seq(t, x[0]), x[1], x[2], x[3], x[4], false); }
static int n_attn(struct ser_tape *t, const int *x)
{
	return ser_nn_attention(t, seq(t, x[0]), x[1], x[2], -1, -1, &(struct ser_attn){.n_head = 2});
}
static int n_attn_rel(struct ser_tape *t, const int *x)
{
	return ser_nn_attention(t, seq(t, x[0]), x[1], x[2], x[3], -1, &(struct ser_attn){.n_head = 2, .n_off = 2});
}
static int n_attn_bucket(struct ser_tape *t, const int *x)
{
	static const int32_t b[] = {1, 1, 0, 0, 2, 2, 1};
	struct ser_attn a = {.n_head = 2, .n_off = 3, .bucket = b, .causal = true};
	return ser_nn_attention(t, seq(t, x[0]), x[1], x[2], x[3], -1, &a);
}
static int n_attn_reach(struct ser_tape *t, const int *x)
{
	struct ser_attn a = {.n_head = 2, .n_off = 2, .reach = 1, .dropout = 0.3};
	int part[3], all = ser_nn_scale(t, seq(t, x[0]), 1);
	for (size_t i = 0; i < 3; i++)
		part[i] = ser_nn_slice(t, all, i * 6, 6);
	return ser_nn_attention(t, part[0], part[1], part[2], x[1], -1, &a);
}
static int n_attn_gate(struct ser_tape *t, const int *x)
{
	return ser_nn_attention(t, seq(t, x[0]), x[1], x[2], x[3], x[4], &(struct ser_attn){.n_head = 2, .n_off = 3});
}
static int n_attn_slope(struct ser_tape *t, const int *x)
{
	struct ser_attn a = {.n_head = 2, .slope = true, .n_plain = 2, .dropout = 0.2};
	return ser_nn_attention(t, seq(t, x[0]), x[1], x[2], x[3], x[4], &a);
}
static int n_attn_log(struct ser_tape *t, const int *x)
{
	return ser_nn_attention(t, seq(t, x[0]), x[1], x[2], x[3], -1, &(struct ser_attn){.n_head = 2, .most_log = 5});
}
static int n_weight_norm(struct ser_tape *t, const int *x)
{
	struct ser_conv c = {.k = 4, .stride = 1, .dil = 1, .pad = 2, .groups = 2};
	return ser_nn_trim(t, ser_nn_conv1d(t, seq(t, x[0]), ser_nn_weight_norm(t, x[1], x[2]), x[3], &c), 0, 1);
}
static int n_trim(struct ser_tape *t, const int *x) { return ser_nn_trim(t, seq_long(t, x[0]), 1, 3); }
static size_t half_of(size_t n) { return (n + 1) / 2; }
static int n_cut(struct ser_tape *t, const int *x) { return ser_nn_cut(t, seq_long(t, x[0]), seq_long(t, x[0]), half_of); }
static int n_prepend(struct ser_tape *t, const int *x) { return ser_nn_prepend(t, seq(t, x[0]), x[1]); }
static int n_reshape(struct ser_tape *t, const int *x) { return ser_nn_linear(t, ser_nn_reshape(t, seq(t, x[0]), 3, -1), x[1], -1); }
static int n_chunks(struct ser_tape *t, const int *x) { return ser_nn_chunks(t, seq_long(t, x[0]), 3, 4); }
static int n_segments(struct ser_tape *t, const int *x) { return ser_nn_pool_max(t, ser_nn_segments(t, x[0], 2)); }
static int n_mul_row(struct ser_tape *t, const int *x) { return ser_nn_mul_row(t, x[0], x[1]); }
static int n_positions(struct ser_tape *t, const int *x) { return ser_nn_add(t, seq(t, x[0]), ser_nn_positions(t, x[1], seq(t, x[0]), 2)); }
static int n_lookup(struct ser_tape *t, const int *x)
{
	static const real id[] = {2, 0, 4, 2, 1};
	static const size_t s[] = {0, 3, 5};
	return ser_nn_lookup(t, x[0], ser_tape_input(t, id, 5, 1, s, 2));
}
static int n_mask(struct ser_tape *t, const int *x)
{
	return ser_nn_mask(t, seq_long(t, x[0]), x[1], &(struct ser_mask){.prob = 0.5, .span = 2, .least = 1});
}
static int n_mask_channels(struct ser_tape *t, const int *x)
{
	return ser_nn_mask(t, seq_long(t, x[0]), x[1], &(struct ser_mask){0.3, 2, 1, 0.4, 2});
}
static int n_channel_norm(struct ser_tape *t, const int *x) { return ser_nn_group_norm(t, seq(t, x[0]), x[1], x[2], 70, 1e-5); }
static int n_mean(struct ser_tape *t, const int *x) { return ser_nn_pool_mean(t, seq(t, x[0])); }
static int n_max(struct ser_tape *t, const int *x) { return ser_nn_pool_max(t, seq(t, x[0])); }
static int n_first(struct ser_tape *t, const int *x) { return ser_nn_pool_first(t, seq(t, x[0])); }
static int n_last(struct ser_tape *t, const int *x) { return ser_nn_pool_last(t, seq(t, x[0])); }
static int n_stats(struct ser_tape *t, const int *x) { return ser_nn_pool_stats(t, seq(t, x[0]), -1, 1e-4); }
static int n_cov(struct ser_tape *t, const int *x) { return ser_nn_pool_cov(t, seq(t, x[0])); }
static int n_stats_a(struct ser_tape *t, const int *x)
{
	return ser_nn_pool_stats(t, seq(t, x[0]), ser_nn_softmax_time(t, seq(t, x[1])), 1e-4);
}
static int n_stats_soft(struct ser_tape *t, const int *x)
{
	int e = ser_nn_softmax_time(t, ser_nn_linear(t, seq(t, x[1]), x[2], -1));
	return ser_nn_pool_stats(t, seq(t, x[0]), e, 1e-4);
}
/* columns that are constant over time beside others; their deviations are scaled to be seen */
static int n_stats_const(struct ser_tape *t, const int *x)
{
	int v = seq(t, x[1]), both = ser_nn_concat(t, 2, (int[]){ser_nn_expand(t, x[0], v), v});
	int y = ser_nn_pool_stats(t, both, ser_nn_softmax_time(t, seq(t, x[2])), 1e-12);
	return ser_nn_concat(t, 3,
			     (int[]){ser_nn_slice(t, y, 0, 6), ser_nn_scale(t, ser_nn_slice(t, y, 6, 3), 1e5),
				     ser_nn_slice(t, y, 9, 3)});
}
static int n_stats_sample(struct ser_tape *t, const int *x) { return ser_nn_pool_sample_stats(t, seq(t, x[0]), 0.01); }
static int n_pool_sum(struct ser_tape *t, const int *x) { return ser_nn_pool_sum(t, seq(t, x[0]), x[1]); }
static int n_expand(struct ser_tape *t, const int *x) { return ser_nn_expand(t, x[0], seq(t, x[1])); }
static int n_scale_rows(struct ser_tape *t, const int *x) { return ser_nn_scale_rows(t, seq(t, x[0]), x[1]); }

static const int32_t label[] = {2, 0, -1, 1, 1, 2};
static const real cw[] = {0.5, 1.5, 2};
static const real rw[] = {1, 2, 0.5, 1, 0.25, 3};
static const real soft[] = {0.2, 0.3, 0.5, 1, 0, 0, 0, 0.5, 0.5, 0.1, 0.1, 0.8, 0, 1, 0, 0.3, 0.3, 0.4};
static const struct ser_loss plain = {0}, full = {.weight = rw, .class_w = cw, .smooth = 0.1},
                             normed = {.weight = rw, .class_w = cw, .norm = 7};

static int l_ce(struct ser_tape *t, const int *x) { return ser_nn_cross_entropy(t, x[0], label, NULL); }
static int l_ce_full(struct ser_tape *t, const int *x) { return ser_nn_cross_entropy(t, x[0], label, &full); }
static int l_ce_soft(struct ser_tape *t, const int *x) { return ser_nn_cross_entropy_soft(t, x[0], soft, &normed); }
static int l_focal(struct ser_tape *t, const int *x) { return ser_nn_focal(t, x[0], label, 2, &normed); }
static int l_focal_half(struct ser_tape *t, const int *x) { return ser_nn_focal(t, x[0], label, 0.5, &plain); }
static int l_kl(struct ser_tape *t, const int *x) { return ser_nn_kl(t, x[0], soft, &normed); }
static int l_bce(struct ser_tape *t, const int *x) { return ser_nn_bce(t, x[0], soft, &normed); }
static int l_mse(struct ser_tape *t, const int *x) { return ser_nn_mse(t, x[0], soft, &normed); }
static int l_mae(struct ser_tape *t, const int *x) { return ser_nn_mae(t, x[0], soft, NULL); }
static int l_ccc(struct ser_tape *t, const int *x) { return ser_nn_ccc(t, x[0], soft, false, 1e-8, &(struct ser_loss){.class_w = cw}); }
static int l_unlikely(struct ser_tape *t, const int *x) { return ser_nn_unlikelihood(t, x[0], soft, false, &normed); }
static int l_unlikely_each(struct ser_tape *t, const int *x) { return ser_nn_unlikelihood(t, x[0], soft, true, &normed); }
static int l_ccc_mixed(struct ser_tape *t, const int *x)
{
	return ser_nn_ccc(t, x[0], soft, true, 1e-8, &(struct ser_loss){.class_w = cw});
}
static int l_ccc_weighted(struct ser_tape *t, const int *x) { return ser_nn_ccc(t, x[0], soft, false, 1e-8, &normed); }
static int cosine(struct ser_tape *t, const int *x)
{
	return ser_nn_linear(t, ser_nn_l2_norm(t, x[0], 1e-12), ser_nn_l2_norm(t, x[1], 1e-12), -1);
}
static int l_aam(struct ser_tape *t, const int *x) { return ser_nn_aam(t, cosine(t, x), 1, label, 0.2, 30, &full); }
static int l_aam_sub(struct ser_tape *t, const int *x) { return ser_nn_aam(t, cosine(t, x), 2, label, 0.5, 8, NULL); }
static int l_ntxent(struct ser_tape *t, const int *x) { return ser_nn_ntxent(t, ser_nn_l2_norm(t, x[0], 1e-12), 0.2); }
static int l_infonce(struct ser_tape *t, const int *x) { return ser_nn_infonce(t, ser_nn_l2_norm(t, x[0], 1e-12), x[1], 0.3); }
static const int32_t group[] = {0, 1, 0, 1, 1, 5};
static int l_supcon(struct ser_tape *t, const int *x) { return ser_nn_supcon(t, ser_nn_l2_norm(t, x[0], 1e-12), group, 0.3); }
static const int32_t trip[][3] = {{0, 2, 1}, {1, 3, 0}, {4, 1, 2}, {0, 2, 5}};
static int l_triplet(struct ser_tape *t, const int *x) { return ser_nn_triplet(t, x[0], 4, trip, 1.5); }
static const int32_t anchor[] = {0, 1, 4, 0}, pos[] = {2, 3, 4, 1, 5}, neg[] = {1, 3, 0, 2, 5, 0};
static const size_t pos_at[] = {0, 1, 3, 4, 5}, neg_at[] = {0, 2, 5, 6, 6};
static const struct ser_pair_rows pairs = {4, anchor, pos, neg, pos_at, neg_at};
static int l_pairs(struct ser_tape *t, const int *x) { return ser_nn_pair_loss(t, ser_nn_l2_norm(t, x[0], 1e-12), &pairs, 0.2, 0); }
static int l_pairs_norm(struct ser_tape *t, const int *x) { return ser_nn_pair_loss(t, x[0], &pairs, 0.5, 9); }
static const real same[] = {1, 1, 0, 1, 1, 0, 0, 0, 1};
static int l_clap(struct ser_tape *t, const int *x)
{
	int c = ser_nn_scale_exp(t, ser_nn_matmul(t, x[0], x[1], true, 1), x[2]);
	return ser_nn_add(t, ser_nn_clap_kl(t, c, same), ser_nn_clap_kl(t, ser_nn_transpose(t, c), same));
}

/* layers, with their parameters beside the inputs */
static const struct ser_conv k3 = {.k = 3, .stride = 1, .dil = 1, .pad = 1, .groups = 1};
static int y_stack(struct ser_tape *t, const int *x)
{
	int h = ser_layer_conv1d(t, "c", seq(t, x[0]), 4, &k3, true);
	h = ser_nn_tanh(t, ser_layer_batch_norm(t, "bn", h, 4));
	h = ser_layer_attn_stats(t, "pool", h, 3, false);
	return ser_layer_linear(t, "out", ser_nn_dropout(t, h, 0.2), 2, true);
}
static int y_context(struct ser_tape *t, const int *x)
{
	int h = ser_layer_se(t, "se", seq(t, x[0]), 3);
	h = ser_layer_group_norm(t, "gn", ser_layer_layer_norm(t, "ln", h, 4), 4, 2);
	return ser_layer_attn_stats(t, "pool", h, 5, true);
}
static int y_blstm(struct ser_tape *t, const int *x)
{
	int h = ser_layer_gru(t, "g", ser_layer_lstm(t, "l", seq(t, x[0]), 3, true), 2, true);
	return ser_nn_pool_mean(t, h);
}
static int y_mha(struct ser_tape *t, const int *x)
{
	int h = seq(t, x[0]);
	h = ser_layer_layer_norm(t, "ln", ser_nn_add(t, h, ser_layer_mha(t, "a", h, 2, 3, 0.1)), 4);
	return ser_nn_pool_mean(t, h);
}
static int y_conv2d(struct ser_tape *t, const int *x)
{
	int h = ser_layer_conv2d(t, "c", seq(t, x[0]), 4, 3, &k3, &k3, true);
	h = ser_nn_max_pool2d(t, ser_nn_silu(t, ser_layer_batch_norm(t, "bn", h, 3)), 4, 2, 2);
	return ser_nn_pool_mean(t, h);
}

static const struct kase cases[] = {
	{"linear", n_linear, {{7, 3}, {4, 3}, {1, 4}}, 0},
	{"linear without bias", n_linear_nb, {{7, 3}, {4, 3}}, 0},
	{"matmul", n_matmul, {{4, 3}, {3, 5}}, 0},
	{"matmul transposed", n_matmul_t, {{4, 3}, {5, 3}}, 0},
	{"matmul with itself", n_gram, {{4, 3}}, 0},
	{"depthwise", n_depthwise, {{R, 3}, {3, 13}, {1, 3}}, 0},
	{"depthwise wide", n_depthwise_wide, {{R, 35}, {35, 3}}, 0},
	{"conv1d", n_conv1d, {{R, 3}, {4, 9}, {1, 4}}, 0},
	{"conv1d stride", n_conv1d_s, {{R, 3}, {4, 15}}, 0},
	{"conv1d dilation groups", n_conv1d_dg, {{R, 4}, {6, 6}, {1, 6}}, 0},
	{"conv1d no padding", n_conv1d_valid, {{22, 3}, {2, 9}, {1, 2}}, 0},
	{"conv1d reflect groups", n_conv1d_reflect, {{22, 4}, {4, 6}, {1, 4}}, 0},
	{"conv1d stride 3 reflect groups", n_conv1d_s3, {{22, 4}, {4, 4}, {1, 4}}, 0},
	{"conv2d", n_conv2d, {{R, 8}, {3, 18}, {1, 3}}, 0},
	{"conv2d stride dilation groups", n_conv2d_sg, {{R, 20}, {2, 12}, {1, 2}}, 0},
	{"max_pool2d", n_max_pool, {{R, 15}}, 0},
	{"batch_norm training", n_bn, {{R, 6}, {1, 3}, {1, 3}, {1, 3}, {1, 3}}, SER_TAPE_TRAIN},
	{"batch_norm training plain", n_bn_plain, {{R, 3}, {1, 3}, {1, 3}}, SER_TAPE_TRAIN},
	{"batch_norm fixed", n_bn, {{R, 6}, {1, 3}, {1, 3}, {1, 3}, {1, 3}}, 0},
	{"batch_norm of relu training", n_relu_bn, {{R, 4}, {6, 4}, {1, 3}, {1, 3}, {1, 3}, {1, 3}}, SER_TAPE_TRAIN},
	{"batch_norm of relu fixed", n_relu_bn, {{R, 4}, {6, 4}, {1, 3}, {1, 3}, {1, 3}, {1, 3}}, 0},
	{"batch_norm and relu training", n_bn_relu, {{R, 4}, {6, 4}, {1, 3}, {1, 3}, {1, 3}, {1, 3}}, SER_TAPE_TRAIN},
	{"batch_norm and relu fixed", n_bn_relu, {{R, 4}, {6, 4}, {1, 3}, {1, 3}, {1, 3}, {1, 3}}, 0},
	{"batch_norm of relu with bias", n_bias_relu_bn, {{R, 4}, {3, 4}, {1, 3}, {1, 3}, {1, 3}, {1, 3}}, SER_TAPE_TRAIN},
	{"batch_norm and relu with bias", n_bias_bn_relu, {{R, 4}, {3, 4}, {1, 3}, {1, 3}, {1, 3}, {1, 3}}, SER_TAPE_TRAIN},
	{"relu in place with bias", n_bias_relu, {{R, 4}, {3, 4}, {1, 3}}, 0},
	{"batch_norm relu pool training", n_bn_pool, {{R, 4}, {15, 4}, {1, 3}, {1, 3}, {1, 3}, {1, 3}}, SER_TAPE_TRAIN},
	{"batch_norm relu pool fixed", n_bn_pool, {{R, 4}, {15, 4}, {1, 3}, {1, 3}, {1, 3}, {1, 3}}, 0},
	{"dropped values", n_drop, {{R, 4}, {6, 4}, {2, 8}}, 0},
	{"layer_norm", n_ln, {{5, 8}, {1, 4}, {1, 4}}, 0},
	{"group_norm", n_gn, {{R, 8}, {1, 4}, {1, 4}}, 0},
	{"l2_norm", n_l2, {{5, 4}}, 0},
	{"relu", n_relu, {{5, 4}}, 0},
	{"relu in place", n_relu_in_place, {{5, 3}, {6, 3}}, 0},
	{"gelu", n_gelu, {{5, 70}}, 0},
	{"sigmoid", n_sigmoid, {{5, 70}}, 0},
	{"tanh", n_tanh, {{5, 70}}, 0},
	{"silu", n_silu, {{5, 70}}, 0},
	{"glu", n_glu, {{5, 6}}, 0},
	{"softmax", n_softmax, {{5, 6}}, 0},
	{"softmax_time", n_softmax_time, {{R, 3}}, 0},
	{"dropout", n_dropout, {{R, 5}}, SER_TAPE_TRAIN},
	{"add", n_add, {{5, 4}, {5, 4}}, 0},
	{"one node used three times", n_twice, {{5, 4}}, 0},
	{"sub", n_sub, {{5, 4}, {5, 4}}, 0},
	{"mul", n_mul, {{5, 4}, {5, 4}}, 0},
	{"scale", n_scale, {{5, 4}}, 0},
	{"scale_exp", n_scale_exp, {{5, 4}, {1, 1}}, 0},
	{"add_row", n_add_row, {{5, 6}, {1, 3}}, 0},
	{"batch_norm into views training", n_views, {{22, 14}, {8, 14}, {2, 6}, {4, 6}, {1, 2}, {1, 2}}, SER_TAPE_TRAIN},
	{"batch_norm into views fixed", n_views, {{22, 14}, {8, 14}, {2, 6}, {4, 6}, {1, 2}, {1, 2}}, 0},
	{"concat", n_concat, {{5, 4}, {5, 1}, {5, 2}}, 0},
	{"slice", n_slice, {{5, 6}}, 0},
	{"rows", n_rows, {{6, 3}}, 0},
	{"transpose", n_transpose, {{6, 3}}, 0},
	{"sum", n_sum, {{6, 3}}, 0},
	{"gru", n_gru, {{R, 3}, {12, 3}, {12, 4}, {1, 12}, {1, 12}}, 0},
	{"gru backwards", n_gru_back, {{R, 3}, {12, 3}, {12, 4}, {1, 12}, {1, 12}}, 0},
	{"lstm", n_lstm, {{R, 3}, {16, 3}, {16, 4}, {1, 16}, {1, 16}}, 0},
	{"lstm backwards", n_lstm_back, {{R, 3}, {16, 3}, {16, 4}, {1, 16}, {1, 16}}, 0},
	{"lstm without bias", n_lstm_nb, {{R, 3}, {16, 3}, {16, 4}}, 0},
	{"rnn", n_rnn, {{R, 3}, {4, 3}, {4, 4}, {1, 4}, {1, 4}}, 0},
	{"attention", n_attn, {{R, 6}, {R, 6}, {R, 6}}, 0},
	{"attention relative", n_attn_rel, {{R, 6}, {R, 6}, {R, 6}, {5, 2}}, 0},
	{"attention buckets causal", n_attn_bucket, {{R, 6}, {R, 6}, {R, 6}, {3, 2}}, 0},
	{"attention limited reach views dropout", n_attn_reach, {{R, 18}, {5, 2}}, SER_TAPE_TRAIN},
	{"attention gated bias", n_attn_gate, {{R, 6}, {R, 6}, {R, 6}, {7, 2}, {R, 2}}, 0},
	{"attention slopes dropout", n_attn_slope, {{R, 6}, {R, 6}, {R, 6}, {1, 2}, {R, 2}}, SER_TAPE_TRAIN},
	{"attention logarithmic buckets", n_attn_log, {{R, 6}, {R, 6}, {R, 6}, {8, 2}}, 0},
	{"weight_norm", n_weight_norm, {{R, 4}, {6, 8}, {1, 4}, {1, 6}}, 0},
	{"trim", n_trim, {{22, 3}}, 0},
	{"cut", n_cut, {{22, 3}}, 0},
	{"prepend", n_prepend, {{R, 3}, {2, 3}}, 0},
	{"reshape", n_reshape, {{R, 6}, {4, 3}}, 0},
	{"chunks", n_chunks, {{22, 3}}, 0},
	{"segments", n_segments, {{6, 3}}, 0},
	{"mul_row", n_mul_row, {{5, 6}, {1, 3}}, 0},
	{"positions", n_positions, {{R, 3}, {9, 3}}, 0},
	{"lookup", n_lookup, {{5, 3}}, 0},
	{"mask", n_mask, {{22, 3}, {1, 3}}, SER_TAPE_TRAIN},
	{"mask of frames and channels", n_mask_channels, {{22, 8}, {1, 8}}, SER_TAPE_TRAIN},
	{"group_norm of single channels", n_channel_norm, {{R, 70}, {1, 70}, {1, 70}}, 0},
	{"pool_mean", n_mean, {{R, 3}}, 0},
	{"pool_max", n_max, {{R, 3}}, 0},
	{"pool_first", n_first, {{R, 3}}, 0},
	{"pool_last", n_last, {{R, 3}}, 0},
	{"pool_stats", n_stats, {{R, 3}}, 0},
	{"pool_stats attentive", n_stats_a, {{R, 3}, {R, 3}}, 0},
	{"pool_stats one weight", n_stats_a, {{R, 3}, {R, 1}}, 0},
	{"pool_stats of softmax_time", n_stats_soft, {{R, 3}, {R, 4}, {3, 4}}, 0},
	{"pool_stats of constants", n_stats_const, {{4, 3}, {R, 3}, {R, 6}}, 0},
	{"pool_sample_stats", n_stats_sample, {{R, 3}}, 0},
	{"pool_cov", n_cov, {{R, 3}}, 0},
	{"pool_sum", n_pool_sum, {{R, 3}, {R, 3}}, 0},
	{"pool_sum one weight", n_pool_sum, {{R, 3}, {R, 1}}, 0},
	{"expand", n_expand, {{B, 3}, {R, 2}}, 0},
	{"scale_rows", n_scale_rows, {{R, 6}, {B, 3}}, 0},
	{"cross_entropy", l_ce, {{6, 3}}, 0},
	{"cross_entropy weights smoothing", l_ce_full, {{6, 3}}, 0},
	{"cross_entropy soft", l_ce_soft, {{6, 3}}, 0},
	{"focal", l_focal, {{6, 3}}, 0},
	{"focal half", l_focal_half, {{6, 3}}, 0},
	{"kl", l_kl, {{6, 3}}, 0},
	{"bce", l_bce, {{6, 3}}, 0},
	{"mse", l_mse, {{6, 3}}, 0},
	{"mae", l_mae, {{6, 3}}, 0},
	{"ccc", l_ccc, {{6, 3}}, 0},
	{"unlikelihood", l_unlikely, {{6, 3}}, 0},
	{"unlikelihood each", l_unlikely_each, {{6, 3}}, 0},
	{"ccc mixed", l_ccc_mixed, {{6, 3}}, 0},
	{"ccc weighted", l_ccc_weighted, {{6, 3}}, 0},
	{"aam", l_aam, {{6, 4}, {3, 4}}, 0},
	{"aam sub-centres", l_aam_sub, {{6, 4}, {6, 4}}, 0},
	{"ntxent", l_ntxent, {{6, 4}}, 0},
	{"infonce", l_infonce, {{6, 4}, {6, 4}}, 0},
	{"supcon", l_supcon, {{6, 4}}, 0},
	{"triplet", l_triplet, {{6, 4}}, 0},
	{"pair loss", l_pairs, {{6, 4}}, 0},
	{"pair loss with norm", l_pairs_norm, {{6, 4}}, 0},
	{"clap_kl", l_clap, {{3, 4}, {3, 4}, {1, 1}}, 0},
	{"conv, norm, attentive statistics, linear", y_stack, {{R, 3}}, SER_TAPE_TRAIN},
	{"squeeze, norms, statistics with context", y_context, {{R, 4}}, SER_TAPE_TRAIN},
	{"blstm, bgru", y_blstm, {{R, 3}}, 0},
	{"self-attention block", y_mha, {{R, 4}}, SER_TAPE_TRAIN},
	{"conv2d block", y_conv2d, {{R, 8}}, SER_TAPE_TRAIN},
};

/* clang-format on */

/* Numbers that tests/ref/nn_golden.py makes too: uniform, variance 1. */
static void lcg(uint32_t seed, size_t n, real *v)
{
	uint32_t x = seed * UINT32_C(2654435761) + 12345;
	for (size_t i = 0; i < n; i++) {
		x = x * UINT32_C(1664525) + UINT32_C(1013904223);
		v[i] = (real)(float)((x * 0x1p-32 - 0.5) * sqrt(12));
	}
}

/* Run a case: parameters 0, 1, ... are its inputs. *loss gets the value itself when it is one number, else a fixed random
 * combination of its elements. Returns the case's node. */
static int case_run(struct ser_tape *t, const struct kase *k, unsigned mode, int *loss)
{
	int x[6], n = 0;
	static real mix[4096];
	ser_tape_reset(t, mode, 5);
	for (; n < 6 && k->in[n].r > 0; n++)
		x[n] = ser_tape_param(t, n);
	int y = k->net(t, x);
	struct ser_node Y = ser_tape_node(t, y);
	*loss = y;
	if (Y.n_row * Y.n_col > 1) {
		ser_assert(Y.n_row * Y.n_col <= 4096);
		lcg(99, Y.n_row * Y.n_col, mix);
		*loss = ser_nn_sum(t, ser_nn_mul(t, y, ser_tape_input(t, mix, Y.n_row, Y.n_col, Y.seg, Y.n_seg)));
	}
	return y;
}

static void case_done(void)
{
	while (n_keep > 0)
		free(keep[--n_keep]);
}

#endif
