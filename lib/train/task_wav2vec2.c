/* SPDX-License-Identifier: MIT */
/* wav2vec2: which code of a product quantiser belongs to a masked frame, told from those of other masked frames of the utterance (Baevski
 * et al. 2020). The quantiser sees the front end's features; that it uses all its entries is part of the loss. */
#include "train/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct opts {
	size_t n_proj, n_group, n_entry, n_negative;
	double tau, hot, cold, diversity;
	struct ser_mask mask;
};
static const struct opts defaults = {.n_proj = 256,
				     .n_group = 2,
				     .n_entry = 320,
				     .n_negative = 100,
				     .tau = 0.1,
				     .hot = 2,
				     .cold = 0.5,
				     .diversity = 0.1,
				     .mask = {.prob = 0.65, .span = 10, .least = 2}};
static const struct ser_option options[] = {
	{"proj", "dimensions in which frames and codes are compared",
	 SER_AT_COUNT(struct opts, n_proj, "N", 16, 65536)},
	{"groups", "groups of the quantiser", SER_AT_COUNT(struct opts, n_group, "N", 1, SER_MAX_GROUP)},
	{"entries", "entries of each", SER_AT_COUNT(struct opts, n_entry, "N", 2, 65536)},
	{"negatives", "other masked frames of the utterance that one is told from",
	 SER_AT_COUNT(struct opts, n_negative, "N", 1, 10000)},
	{"tau", "temperature", SER_AT_REAL(struct opts, tau, "X", 0.001, 100)},
	{"gumbel", "temperature of the quantiser's choice when training begins",
	 SER_AT_REAL(struct opts, hot, "X", 0.01, 100)},
	{"gumbel-end", "and when it ends", SER_AT_REAL(struct opts, cold, "X", 0.01, 100)},
	{"diversity", "weight of the share of entries that is not used",
	 SER_AT_REAL(struct opts, diversity, "X", 0, 100)},
	{"mask-prob", "share of frames that are masked, were spans not to overlap",
	 SER_AT_REAL(struct opts, mask.prob, "X", 0.001, 1)},
	{"mask-span", "frames of a span", SER_AT_COUNT(struct opts, mask.span, "N", 1, 1000)},
	{0},
};

struct state {
	size_t codes; /* head */
	struct masked_rows m;
	struct sets sets;
	uint64_t *key; /* of each masked frame and group */
	int32_t *code; /* [n, groups] */
	real *row;     /* [n] ones, or zeros */
	real share;    /* of the batch */
	size_t cap_key, cap_code, cap_row;
};

static const struct opts *own(const struct ser_task *t)
{
	return (const struct opts *)t->own;
}

static const struct ser_mask *mask(const struct ser_task *t)
{
	return &own(t)->mask;
}

/* Its own head is the frames' projection; the quantiser is another, on the front end. */
static int head(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_head *h,
		struct ser_err *e)
{
	struct state *z = t->state = ser_calloc(1, sizeof *z);
	size_t encoder = ser_model_source_term(t->model, &h->source, 0).encoder;
	struct ser_buf name = {0};
	(void)d;
	(void)s;
	if (train_can_mask(t, encoder, e) != 0)
		return e->code;
	h->kind = SER_HEAD_UNIT;
	h->n_out = own(t)->n_proj;
	ser_buf_printf(&name, "%s-codes", t->name);
	struct ser_head codes = {.name = name.s,
				 .kind = SER_HEAD_CODES,
				 .n_out = own(t)->n_proj,
				 .n_sub = own(t)->n_group,
				 .n_hidden = own(t)->n_entry,
				 .n_proj = own(t)->n_proj / own(t)->n_group,
				 .source = {.n = 1, .term = {{encoder, SER_PART_FRONT}}}};
	int i = ser_model_head_add(t->model, &codes, e);
	ser_buf_free(&name);
	z->codes = (size_t)i;
	return i < 0 ? e->code : 0;
}

static int targets(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_model *m,
		   struct ser_err *e)
{
	(void)s;
	(void)m;
	(void)e;
	train_every_item(t, d);
	return 0;
}

/* Which entry of each group the masked frames chose */
static void read_codes(struct ser_task *t, struct ser_tape *tape, int choice)
{
	struct state *z = t->state;
	struct ser_node c = ser_tape_node(tape, choice);
	z->code = ser_grow(z->code, &z->cap_code, c.n_row, sizeof *z->code);
	for (size_t i = 0; i < c.n_row; i++)
		for (size_t v = 0; v < c.n_col; v++)
			z->code[i] = c.val[i * c.n_col + v] > 0 ? (int32_t)v : z->code[i];
}

/* Each masked frame's code and, of those of others of the utterance, some at random; such as are the same count for nothing. Rows are
 * frames and codes in turn. */
static void draw(struct ser_task *t)
{
	struct state *z = t->state;
	size_t n = z->m.n, G = own(t)->n_group;
	train_sets_clear(&z->sets);
	for (size_t i = 0, from = 0, to = 0; i < n; i++) {
		if (i == to)
			for (from = to; to < n && z->m.seg[to] == z->m.seg[from]; to++)
				;
		struct ser_rng r;
		ser_rng_seed(&r, ser_hash_le((uint64_t[]){t->moment, z->key[i * G]}, 2, 8));
		train_sets_anchor(&z->sets, 2 * i);
		train_sets_member(&z->sets, true, 2 * i + 1);
		for (size_t k = 0; k < own(t)->n_negative && to - from > 1; k++) {
			size_t j = from + (size_t)ser_rng_below(&r, to - from - 1);
			j += j >= i;
			if (memcmp(z->code + i * G, z->code + j * G, G * sizeof *z->code) != 0)
				train_sets_member(&z->sets, false, 2 * j + 1);
		}
	}
}

/* Frames and codes in turn [2n, proj], unit length; n 0: none is masked. *prob: softmax of the choices [n groups, entries] */
static int compare(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, int *prob)
{
	struct state *z = t->state;
	const struct opts *o = own(t);
	struct ser_shape y = ser_tape_shape(tape, out);
	size_t n = train_masked(t, tape, &z->m), G = o->n_group;
	if (n == 0)
		return -1;
	z->key = ser_grow(z->key, &z->cap_key, ser_mul(n, G), sizeof *z->key);
	for (size_t i = 0; i < n * G; i++) {
		size_t frame = (size_t)z->m.row[i / G] - y.seg[z->m.seg[i / G]];
		z->key[i] = ser_hash_le((uint64_t[]){b->key[z->m.seg[i / G]], frame, i % G}, 3, 8);
	}
	int rows = ser_nn_rows(tape, t->encoded->front.features, n, z->m.row);
	struct ser_quantized q =
		ser_model_quantize(t->model, tape, z->codes, rows, o->hot * pow(o->cold / o->hot, t->progress), z->key);
	*prob = q.prob;
	out = ser_nn_concat(tape, 2, (int[]){ser_nn_rows(tape, out, n, z->m.row), q.q});
	out = ser_nn_reshape(tape, out, o->n_proj, -1);
	read_codes(t, tape, q.choice);
	draw(t);
	return out;
}

/* The share of all entries that the mean choice, of all processes, leaves unused: (G V - sum_g exp(entropy_g)) / (G V). prob -1: none
 * of the choices is made here. */
static int unused(struct ser_task *t, struct ser_tape *tape, int prob, double share)
{
	struct state *z = t->state;
	size_t n = prob >= 0 ? z->m.n : 0, V = own(t)->n_entry, GV = own(t)->n_group * V, n_row = n > 0 ? n : GV;
	z->row = ser_grow(z->row, &z->cap_row, n_row, sizeof *z->row);
	for (size_t i = 0; i < n_row; i++)
		z->row[i] = n > 0;
	int sum = ser_tape_input(tape, z->row, 1, n_row, NULL, 0);
	if (n > 0)
		sum = ser_nn_matmul(tape, sum, ser_nn_reshape(tape, prob, GV, -1), false, 1);
	int used = ser_nn_perplexity(tape, ser_nn_reshape(tape, sum, V, -1), (double)n, share);
	z->share = (real)share;
	used = ser_nn_sub(tape, ser_tape_input(tape, &z->share, 1, 1, NULL, 0),
			  ser_nn_scale(tape, used, 1 / (double)GV));
	return ser_nn_scale(tape, used, own(t)->diversity);
}

static int loss(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, size_t lo, size_t hi,
		double norm)
{
	struct state *z = t->state;
	int prob;
	double share = (double)(hi - lo) / norm;
	out = compare(t, tape, out, b, &prob);
	if (out < 0) /* other processes may have some */
		return own(t)->diversity > 0 ? unused(t, tape, -1, share) : -1;
	z->sets.r.weight = z->m.weight; /* each utterance counts the same */
	int l = ser_nn_pair_loss(tape, out, &z->sets.r, own(t)->tau, norm);
	return own(t)->diversity > 0 ? ser_nn_add(tape, l, unused(t, tape, prob, share)) : l;
}

static void tally(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, double *sum)
{
	struct state *z = t->state;
	int prob;
	out = compare(t, tape, out, b, &prob);
	if (out < 0)
		return;
	struct ser_node y = ser_tape_node(tape, out);
	for (size_t i = 0; i < z->m.n; i++) {
		const real *x = y.val + 2 * i * y.n_col;
		double own_code = ser_la_dot(y.n_col, x, x + y.n_col);
		bool right = true;
		for (size_t k = z->sets.r.neg_at[i]; k < z->sets.r.neg_at[i + 1]; k++)
			right = right && ser_la_dot(y.n_col, x, y.val + (size_t)z->sets.r.neg[k] * y.n_col) < own_code;
		sum[0] += right;
		sum[1]++;
	}
}

static void free_state(struct ser_task *t)
{
	struct state *z = t->state;
	if (z == NULL)
		return;
	train_masked_free(&z->m);
	train_sets_free(&z->sets);
	free(z->key);
	free(z->code);
	free(z->row);
	free(z);
}

const struct ser_task_kind train_wav2vec2 = {
	.name = "wav2vec2",
	.summary = "Tell the code of a masked frame from others'.",
	.options = options,
	.defaults = &defaults,
	.size = sizeof defaults,
	.score = "accuracy",
	.frames = true,
	.needs_frames = true,
	.head = head,
	.targets = targets,
	.mask = mask,
	.loss = loss,
	.tally_size = train_hits_size,
	.tally = tally,
	.total = train_hits_total,
	.free = free_state,
};
