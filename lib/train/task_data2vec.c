/* SPDX-License-Identifier: MIT */
/* data2vec (Baevski et al. 2022): what a teacher, the average of the network's own parameters over the steps, makes of the
 * unmasked input: of the feed-forward parts of its top layers the mean, each channel normed over the utterance. The network
 * regresses it at masked frames. */
#include "train/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct opts {
	size_t n_top;
	struct ser_mask mask;
};
static const struct opts defaults = {.n_top = 8, .mask = {.prob = 0.65, .span = 10, .least = 1}};
static const struct ser_option options[] = {
	{"top", "layers of the teacher that are averaged, from its last down",
	 SER_AT_COUNT(struct opts, n_top, "N", 1, SER_MAX_LAYER)},
	{"mask-prob", "share of frames that are masked, were spans not to overlap",
	 SER_AT_REAL(struct opts, mask.prob, "X", 0.001, 1)},
	{"mask-span", "frames of a span", SER_AT_COUNT(struct opts, mask.span, "N", 1, 1000)},
	{0},
};

struct state {
	struct masked_rows m;
	real *all, *target; /* [R,D] of the batch at hand; of its masked frames */
	size_t cap_all, cap_target, dim;
};

static const struct opts *own(const struct ser_task *t)
{
	return (const struct opts *)t->own;
}

static const struct ser_mask *mask(const struct ser_task *t)
{
	return &own(t)->mask;
}

/* A linear layer of as many outputs as the layers have channels */
static int head(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_head *h,
		struct ser_err *e)
{
	struct state *z = t->state = ser_calloc(1, sizeof *z);
	size_t encoder = ser_model_source_term(t->model, &h->source, 0).encoder;
	const struct ser_encoder *c = &t->model->enc[encoder];
	(void)d;
	(void)s;
	if (train_can_mask(t, encoder, e) != 0)
		return e->code;
	for (size_t i = 0; c->arch->hyper[i].name != NULL; i++)
		if (strcmp(c->arch->hyper[i].name, "dim") == 0)
			z->dim = (size_t)c->hyper[i];
	ser_assert(z->dim > 0);
	h->kind = SER_HEAD_VALUE;
	h->n_out = z->dim;
	const char **out = ser_arena_calloc(&t->arena, h->n_out, sizeof *out);
	for (size_t k = 0; k < h->n_out; k++) {
		char text[24];
		out[k] = ser_arena_strndup(&t->arena, text, (size_t)snprintf(text, sizeof text, "%zu", k));
	}
	h->out = out;
	return 0;
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

void train_teacher_add(size_t n, size_t d, const real *x, double share, real *y)
{
	for (size_t c = 0; c < d; c++) {
		double m = 0, v = 0;
		for (size_t i = 0; i < n; i++)
			m += (double)x[i * d + c];
		m /= (double)n;
		for (size_t i = 0; i < n; i++)
			v += ((double)x[i * d + c] - m) * ((double)x[i * d + c] - m);
		double f = share / sqrt(v / (double)n + 1e-5);
		for (size_t i = 0; i < n; i++)
			y[i * d + c] += (real)(((double)x[i * d + c] - m) * f);
	}
}

static void teach(struct ser_task *t, struct ser_tape *tape, const struct ser_encoded *y)
{
	struct state *z = t->state;
	size_t n_top = own(t)->n_top < y->n_layer ? own(t)->n_top : y->n_layer;
	struct ser_shape s = ser_tape_shape(tape, y->frames);
	z->all = ser_grow(z->all, &z->cap_all, ser_mul(s.n_row, z->dim), sizeof *z->all);
	memset(z->all, 0, s.n_row * z->dim * sizeof *z->all);
	for (size_t l = y->n_layer - n_top; l < y->n_layer; l++) {
		struct ser_node x = ser_tape_node(tape, y->ffn[l]);
		for (size_t b = 0; b < s.n_seg; b++)
			train_teacher_add(s.seg[b + 1] - s.seg[b], z->dim, x.val + s.seg[b] * z->dim, 1 / (double)n_top,
					  z->all + s.seg[b] * z->dim);
	}
}

/* sum over channels of squares over the root of their number */
static int error(struct ser_task *t, struct ser_tape *tape, int out, double norm)
{
	struct state *z = t->state;
	size_t n = train_masked(t, tape, &z->m), d = z->dim;
	if (n == 0)
		return -1;
	z->target = ser_grow(z->target, &z->cap_target, ser_mul(n, d), sizeof *z->target);
	for (size_t i = 0; i < n; i++)
		memcpy(z->target + i * d, z->all + (size_t)z->m.row[i] * d, d * sizeof *z->target);
	struct ser_loss l = {.weight = z->m.weight, .norm = norm * sqrt((double)d)};
	return ser_nn_mse(tape, ser_nn_rows(tape, out, n, z->m.row), z->target, &l);
}

static int loss(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, size_t lo, size_t hi,
		double norm)
{
	(void)b;
	(void)lo;
	(void)hi;
	return error(t, tape, out, norm);
}

static size_t tally_size(const struct ser_task *t)
{
	(void)t;
	return 2;
}

static void tally(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, double *sum)
{
	int l = error(t, tape, out, 1);
	sum[0] -= l >= 0 ? ser_tape_scalar(tape, l) : 0;
	sum[1] += l >= 0 ? (double)b->n : 0;
}

static void free_state(struct ser_task *t)
{
	struct state *z = t->state;
	if (z == NULL)
		return;
	train_masked_free(&z->m);
	free(z->all);
	free(z->target);
	free(z);
}

const struct ser_task_kind train_data2vec = {
	.name = "data2vec",
	.summary = "Regress what an average of the network makes of masked frames.",
	.options = options,
	.defaults = &defaults,
	.size = sizeof defaults,
	.score = "loss",
	.ema = 0.999,
	.frames = true,
	.needs_frames = true,
	.head = head,
	.targets = targets,
	.mask = mask,
	.teach = teach,
	.loss = loss,
	.tally_size = tally_size,
	.tally = tally,
	.total = train_hits_total,
	.free = free_state,
};
