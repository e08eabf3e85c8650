/* SPDX-License-Identifier: MIT */
/* frames: the class of each frame, such as its viseme: one more tensor of each record, whole numbers, -1 where it is not known, at a rate
 * of its own. The loss is the mean over records of the mean over their frames. */
#include "train/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct opts {
	const char *label;
};
static const struct opts defaults;
static const struct ser_option options[] = {
	{"frame-label", "tensor of classes to learn, one a frame, -1 where none is known",
	 SER_AT_STR(struct opts, label, "NAME"), .letter = 'l', .flags = SER_OPTION_NEEDED},
	{0},
};
enum { MAX_CLASS = 65536 };

struct state {
	struct frame_targets f;
	int32_t *y; /* [f.n] */
	size_t n_y, cap_y;
};

static const struct opts *own(const struct ser_task *t)
{
	return (const struct opts *)t->own;
}

static const char *head_name(const struct ser_task *t)
{
	return own(t)->label;
}

static void fields(const struct ser_task *t, struct ser_strs *l)
{
	ser_task_want(l, own(t)->label);
}

/* The names of classes that the header gives; *n of them, 0: none */
static const char **named(struct ser_task *t, const struct ser_dataset *d, size_t *n)
{
	const struct ser_val *dim = ser_header_dim(&d->header, own(t)->label),
			     *list = dim != NULL ? ser_val_get(dim, "classes") : NULL;
	*n = 0;
	if (list == NULL || list->kind != SER_LIST)
		return NULL;
	const char **name = ser_arena_calloc(&t->arena, list->u.list.n, sizeof *name);
	for (; *n < list->u.list.n && list->u.list.v[*n].kind == SER_STR; (*n)++)
		name[*n] = ser_arena_strndup(&t->arena, list->u.list.v[*n].u.str.s, list->u.list.v[*n].u.str.n);
	return name;
}

/* Looks at all targets: the largest class, -1 when there is none; which items have any goes into t->code. */
static int look(struct ser_task *t, const struct ser_dataset *d, int64_t *most, struct ser_err *e)
{
	size_t f = ser_dataset_field(d, own(t)->label), cap = 0;
	float *x = NULL;
	int rc = 0;
	t->n_item = d->n;
	t->code = ser_malloc(d->n, sizeof *t->code);
	for (size_t i = 0; i < d->n && rc == 0; i++) {
		size_t n = d->item[i].piece[f].n_frame;
		x = ser_grow(x, &cap, n, sizeof *x);
		ser_dataset_read(d, f, i, 0, n, x);
		t->code[i] = -1;
		for (size_t k = 0; k < n && rc == 0; k++) {
			if (!(x[k] >= -1 && x[k] < MAX_CLASS && x[k] == floorf(x[k])))
				rc = ser_fail(e, SER_EDATA,
					      "record \"%s\": \"%s\" has %g at %zu, no class from -1 to %d",
					      d->item[i].id, own(t)->label, (double)x[k], k, MAX_CLASS - 1);
			else if (x[k] >= 0)
				t->code[i] = 0;
			*most = rc == 0 && (int64_t)x[k] > *most ? (int64_t)x[k] : *most;
		}
	}
	free(x);
	return rc;
}

static int head(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_head *h,
		struct ser_err *e)
{
	size_t n_named, dim = d->field[ser_dataset_field(d, own(t)->label)].dim;
	int64_t most = -1;
	(void)s;
	if (dim != 1)
		return ser_fail(e, SER_EDATA, "\"%s\" has %zu columns, expected one class a frame", own(t)->label, dim);
	if (look(t, d, &most, e) != 0)
		return e->code;
	const char **out = named(t, d, &n_named);
	h->n_out = n_named > 0 ? n_named : (size_t)(most + 1);
	if (most < 0 || h->n_out < 2 || (size_t)most >= h->n_out)
		return ser_fail(e, SER_EDATA, "\"%s\": the greatest class is %lld, of %zu", own(t)->label,
				(long long)most, h->n_out);
	if (n_named == 0)
		out = ser_arena_calloc(&t->arena, h->n_out, sizeof *out);
	for (size_t k = 0; k < h->n_out && n_named == 0; k++) {
		char text[24];
		out[k] = ser_arena_strndup(&t->arena, text, (size_t)snprintf(text, sizeof text, "%zu", k));
	}
	h->kind = SER_HEAD_CLASS;
	h->field = own(t)->label;
	h->out = out;
	t->n_class = h->n_out;
	return 0;
}

static int targets(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_model *m,
		   struct ser_err *e)
{
	struct state *z = t->state = ser_calloc(1, sizeof *z);
	(void)s, (void)m;
	return train_frames_open(&z->f, t, d, own(t)->label, NULL, e);
}

static double weight(const struct ser_task *t, const struct ser_batch *b)
{
	return train_class_sum(t, b, NULL);
}

static bool take(struct ser_task *t, double at)
{
	struct state *z = t->state;
	int32_t y = (int32_t)z->f.x[(size_t)(at + 0.5)];
	if (y < 0)
		return false;
	z->y = ser_grow(z->y, &z->cap_y, z->n_y + 1, sizeof *z->y);
	z->y[z->n_y++] = y;
	return true;
}

static int loss(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, size_t lo, size_t hi,
		double norm)
{
	struct state *z = t->state;
	z->n_y = 0;
	if (train_frames(t, &z->f, tape, b, lo, hi, take) == 0)
		return -1;
	struct ser_loss l = {.weight = z->f.weight, .norm = norm};
	return ser_nn_cross_entropy(tape, ser_nn_rows(tape, out, z->f.n, z->f.row), z->y, &l);
}

/* The confusion matrix of frames */
static void tally(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, double *conf)
{
	struct state *z = t->state;
	struct ser_node y = ser_tape_node(tape, out);
	z->n_y = 0;
	train_frames(t, &z->f, tape, b, 0, b->n, take);
	for (size_t i = 0; i < z->f.n; i++) {
		const real *x = y.val + (size_t)z->f.row[i] * y.n_col;
		size_t best = 0;
		for (size_t k = 1; k < y.n_col; k++)
			best = x[k] > x[best] ? k : best;
		conf[(size_t)z->y[i] * t->n_class + best]++;
	}
}

static void free_state(struct ser_task *t)
{
	struct state *z = t->state;
	if (z == NULL)
		return;
	train_frames_free(&z->f);
	free(z->y);
	free(z);
}

const struct ser_task_kind train_frames_kind = {
	.name = "frames",
	.summary = "Learn the class of every frame, such as its viseme.",
	.options = options,
	.defaults = &defaults,
	.size = sizeof defaults,
	.score = "uar",
	.frames = true,
	.needs_frames = true,
	.head_name = head_name,
	.fields = fields,
	.head = head,
	.targets = targets,
	.weight = weight,
	.loss = loss,
	.tally_size = train_class_tally_size,
	.tally = tally,
	.total = train_class_total,
	.free = free_state,
};
