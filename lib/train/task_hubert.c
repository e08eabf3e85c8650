/* SPDX-License-Identifier: MIT */
/* hubert: the units of masked frames (Hsu et al. 2021): numbers that a clustering of frames gave, one more tensor of each record. A
 * projection of each frame is compared with a vector of each unit; cosines over a temperature are logits. The loss is the mean over
 * utterances of the mean over their masked frames, or of a weighted sum of it and the mean over the frames that are heard. */
#include "train/private.h"

#include <math.h>
#include <stdlib.h>

struct opts {
	const char *units;
	size_t n_proj;
	double tau, alpha;
	struct ser_mask mask;
};
static const struct opts defaults = {
	.units = "units", .n_proj = 256, .tau = 0.1, .alpha = 1, .mask = {.prob = 0.8, .span = 10, .least = 2}};
static const struct ser_option options[] = {
	{"units", "tensor of whole numbers, one a frame (ser-kmeans --frames)", SER_AT_STR(struct opts, units, "NAME")},
	{"proj", "dimensions in which frames and units are compared", SER_AT_COUNT(struct opts, n_proj, "N", 1, 65536)},
	{"tau", "temperature", SER_AT_REAL(struct opts, tau, "X", 0.001, 100)},
	{"mask-prob", "share of frames that are masked, were spans not to overlap",
	 SER_AT_REAL(struct opts, mask.prob, "X", 0.001, 1)},
	{"mask-span", "frames of a span", SER_AT_COUNT(struct opts, mask.span, "N", 1, 1000)},
	{"mask-weight", "of the masked frames in the loss; those heard have 1-X",
	 SER_AT_REAL(struct opts, alpha, "X", 0, 1)},
	{0},
};
enum { MAX_UNIT = 65536 };

struct state {
	const struct ser_dataset *d;
	size_t field;         /* of the units */
	double ratio;         /* units a frame of the encoder */
	double rows;          /* units an input row */
	struct masked_rows m; /* of the batch at hand */
	int32_t *label, *of;  /* of all its frames; of the masked ones */
	float *unit;          /* of one record */
	size_t cap_label, cap_of, cap_unit;
};

static const struct opts *own(const struct ser_task *t)
{
	return (const struct opts *)t->own;
}

static const char *head_name(const struct ser_task *t)
{
	return own(t)->units;
}

static void fields(const struct ser_task *t, struct ser_strs *l)
{
	ser_task_want(l, own(t)->units);
}

static const struct ser_mask *mask(const struct ser_task *t)
{
	return &own(t)->mask;
}

/* The largest unit of an item; SER_EDATA: one is none. */
static int look(const struct ser_dataset *d, size_t f, size_t item, struct state *z, size_t *most, struct ser_err *e)
{
	size_t n = d->item[item].piece[f].n_frame;
	z->unit = ser_grow(z->unit, &z->cap_unit, n, sizeof *z->unit);
	ser_dataset_read(d, f, item, 0, n, z->unit);
	for (size_t i = 0; i < n; i++) {
		float u = z->unit[i];
		if (!(u >= 0 && u < MAX_UNIT && u == floorf(u)))
			return ser_fail(e, SER_EDATA, "record \"%s\": \"%s\" has %g at %zu, no unit from 0 to %d",
					d->item[item].id, d->field[f].name, (double)u, i, MAX_UNIT - 1);
		*most = (size_t)u > *most ? (size_t)u : *most;
	}
	return 0;
}

static int head(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_head *h,
		struct ser_err *e)
{
	struct state *z = t->state = ser_calloc(1, sizeof *z);
	size_t most = 0;
	z->d = d;
	z->field = ser_dataset_field(d, own(t)->units);
	(void)s;
	if (train_can_mask(t, ser_model_source_term(t->model, &h->source, 0).encoder, e) != 0)
		return e->code;
	if (d->field[z->field].dim != 1)
		return ser_fail(e, SER_EDATA, "\"%s\" has %zu columns, expected one unit a frame", own(t)->units,
				d->field[z->field].dim);
	for (size_t i = 0; i < d->n; i++)
		if (look(d, z->field, i, z, &most, e) != 0)
			return e->code;
	if (most == 0)
		return ser_fail(e, SER_EDATA, "all units of \"%s\" are 0", own(t)->units);
	h->kind = SER_HEAD_COSINE;
	h->n_out = most + 1;
	h->n_proj = own(t)->n_proj;
	h->field = own(t)->units;
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
	struct state *z = t->state;
	const struct ser_encoder *c = &m->enc[ser_model_source_term(m, &m->head[t->head].source, 0).encoder];
	double input = ser_header_shift(&d->header, c->field), unit = ser_header_shift(&d->header, own(t)->units);
	(void)s;
	if (input == 0 || unit == 0)
		return ser_fail(e, SER_EDATA,
				"the stream's header gives no shift_s for \"%s\": units cannot be laid beside frames",
				input == 0 ? c->field : own(t)->units);
	train_every_item(t, d);
	z->rows = input / unit;
	z->ratio = z->rows * (double)c->arch->hop;
	return 0;
}

/* The unit of each frame of the rows [lo, hi): the nearest to its begin; -1: there is none */
static void units_of(struct ser_task *t, struct ser_tape *tape, const struct ser_batch *b, size_t lo, size_t hi)
{
	struct state *z = t->state;
	struct ser_shape y = ser_tape_shape(tape, t->encoded->frames);
	z->label = ser_grow(z->label, &z->cap_label, y.n_row, sizeof *z->label);
	for (size_t r = lo; r < hi; r++) {
		size_t n = z->d->item[b->row[r]].piece[z->field].n_frame, i = r - lo;
		double from = (double)b->in[t->encoder].cut[r - b->lo].from * z->rows;
		z->unit = ser_grow(z->unit, &z->cap_unit, n, sizeof *z->unit);
		ser_dataset_read(z->d, z->field, b->row[r], 0, n, z->unit);
		for (size_t k = y.seg[i]; k < y.seg[i + 1]; k++) {
			double at = floor(from + (double)(k - y.seg[i]) * z->ratio + 0.5);
			z->label[k] = at < (double)n ? (int32_t)z->unit[(size_t)at] : -1;
		}
	}
	z->m.label = z->label;
}

/* The masked frames that have a unit, and, with a share, those heard; their logits; how many there are */
static size_t logits(struct ser_task *t, struct ser_tape *tape, int *out, const struct ser_batch *b, size_t lo,
		     size_t hi, double heard)
{
	struct state *z = t->state;
	units_of(t, tape, b, lo, hi);
	z->m.heard = heard;
	size_t n = train_masked(t, tape, &z->m);
	z->of = ser_grow(z->of, &z->cap_of, n, sizeof *z->of);
	for (size_t i = 0; i < n; i++)
		z->of[i] = z->label[z->m.row[i]];
	if (n > 0)
		*out = ser_nn_scale(tape, ser_nn_rows(tape, *out, n, z->m.row), 1 / own(t)->tau);
	return n;
}

static int loss(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, size_t lo, size_t hi,
		double norm)
{
	struct state *z = t->state;
	if (logits(t, tape, &out, b, lo, hi, 1 - own(t)->alpha) == 0)
		return -1;
	struct ser_loss l = {.weight = z->m.weight, .norm = norm};
	return ser_nn_cross_entropy(tape, out, z->of, &l);
}

static void tally(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, double *sum)
{
	struct state *z = t->state;
	size_t n = logits(t, tape, &out, b, 0, b->n, 0);
	if (n == 0)
		return;
	struct ser_node y = ser_tape_node(tape, out);
	for (size_t i = 0; i < n; i++) {
		const real *x = y.val + i * y.n_col;
		size_t best = 0;
		for (size_t k = 1; k < y.n_col; k++)
			best = x[k] > x[best] ? k : best;
		sum[0] += best == (size_t)z->of[i];
		sum[1]++;
	}
}

static void free_state(struct ser_task *t)
{
	struct state *z = t->state;
	if (z == NULL)
		return;
	train_masked_free(&z->m);
	free(z->label);
	free(z->of);
	free(z->unit);
	free(z);
}

const struct ser_task_kind train_hubert = {
	.name = "hubert",
	.summary = "Learn the units of masked frames.",
	.options = options,
	.defaults = &defaults,
	.size = sizeof defaults,
	.score = "accuracy",
	.frames = true,
	.needs_frames = true,
	.fields = fields,
	.head_name = head_name,
	.head = head,
	.targets = targets,
	.mask = mask,
	.loss = loss,
	.tally_size = train_hits_size,
	.tally = tally,
	.total = train_hits_total,
	.free = free_state,
};
