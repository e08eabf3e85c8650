/* SPDX-License-Identifier: MIT */
/* motion: numbers of each frame, such as points of the lower face (Sadoughi and Busso, FG 2018): one more tensor of each record, at a rate
 * of its own, between whose rows values are interpolated. */
#include "train/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CCC, MSE, MAE };
static const char *const losses[] = {"ccc", "mse", "mae", NULL};

struct opts {
	const char *target, *seen;
	struct ser_strs fed;
	int loss;
};
static const struct opts defaults;
static const struct ser_option options[] = {
	{"target", "tensor to learn, a row a frame", SER_AT_STR(struct opts, target, "NAME"),
	 .flags = SER_OPTION_NEEDED},
	{"seen", "tensor of whole numbers, below 0 where its rows are not known",
	 SER_AT_STR(struct opts, seen, "NAME")},
	{"fed", "a further task whose outputs the head sees, too, by its label", SER_AT_LIST(struct opts, fed, "NAME")},
	{"loss", "1 - concordance, squared or absolute error, the mean over the columns",
	 SER_AT_CHOICE(struct opts, loss, "NAME", losses)},
	{0},
};

struct state {
	struct frame_targets f;
	size_t dim;
	real *y; /* [n_y, dim] of rows with a target */
	size_t n_y, cap_y;
};

static const struct opts *own(const struct ser_task *t)
{
	return (const struct opts *)t->own;
}

static const char *head_name(const struct ser_task *t)
{
	return own(t)->target;
}

static void fields(const struct ser_task *t, struct ser_strs *l)
{
	ser_task_want(l, own(t)->target);
	ser_task_want(l, own(t)->seen);
}

/* As the header names the columns, or by their numbers */
static int head(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_head *h,
		struct ser_err *e)
{
	const struct ser_val *dim = ser_header_dim(&d->header, own(t)->target),
			     *list = dim != NULL ? ser_val_get(dim, "columns") : NULL;
	size_t n = d->field[ser_dataset_field(d, own(t)->target)].dim;
	bool named = list != NULL && list->kind == SER_LIST && list->u.list.n == n;
	const char **out = ser_arena_calloc(&t->arena, n, sizeof *out);
	(void)s, (void)e;
	for (size_t k = 0; k < n; k++) {
		const struct ser_val *v = named ? &list->u.list.v[k] : NULL;
		char text[24];
		size_t len = (size_t)snprintf(text, sizeof text, "%zu", k);
		out[k] = v != NULL && v->kind == SER_STR ? ser_arena_strndup(&t->arena, v->u.str.s, v->u.str.n)
							 : ser_arena_strndup(&t->arena, text, len);
	}
	h->kind = SER_HEAD_VALUE;
	h->n_out = n;
	h->out = out;
	h->fed = own(t)->fed;
	return 0;
}

static int targets(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_model *m,
		   struct ser_err *e)
{
	struct state *z = t->state = ser_calloc(1, sizeof *z);
	size_t f = ser_dataset_field(d, own(t)->target), n_known = 0, cap = 0, cap_known = 0;
	float *x = NULL, *known = NULL;
	z->dim = d->field[f].dim;
	t->n_item = d->n;
	t->code = ser_malloc(d->n, sizeof *t->code);
	if (train_frames_open(&z->f, t, d, own(t)->target, own(t)->seen, e) != 0)
		return e->code;
	double *mean = ser_calloc(z->dim, sizeof *mean);
	for (size_t i = 0; i < d->n; i++) {
		size_t n = d->item[i].piece[f].n_frame;
		t->code[i] = -1;
		x = ser_grow(x, &cap, ser_mul(n, z->dim), sizeof *x);
		known = ser_grow(known, &cap_known, n, sizeof *known);
		ser_dataset_read(d, f, i, 0, n, x);
		for (size_t k = 0; k < n; k++)
			known[k] = 0;
		if (z->f.has_known)
			ser_dataset_read(d, z->f.known, i, 0, n, known);
		for (size_t k = 0; k < n; k++) {
			if (known[k] < 0)
				continue;
			t->code[i] = 0;
			n_known += s->role[i] == SER_ROLE_TRAIN;
			for (size_t c = 0; c < z->dim && s->role[i] == SER_ROLE_TRAIN; c++)
				mean[c] += (double)x[k * z->dim + c];
		}
	}
	for (size_t c = 0; c < z->dim && n_known > 0; c++)
		mean[c] /= (double)n_known;
	train_begin_at(t, m, mean);
	free(mean);
	free(x);
	free(known);
	return n_known > 0 ? 0
			   : ser_fail(e, SER_EDATA, "no training record has a frame of \"%s\" that is known",
				      own(t)->target);
}

static double weight(const struct ser_task *t, const struct ser_batch *b)
{
	return train_class_sum(t, b, NULL);
}

/* Between two rows that are known */
static bool take(struct ser_task *t, double at)
{
	struct state *z = t->state;
	size_t a = (size_t)at, c = at > (double)a ? a + 1 : a;
	float w = (float)(at - (double)a);
	if (!train_frames_known(&z->f, a) || !train_frames_known(&z->f, c))
		return false;
	z->y = ser_grow(z->y, &z->cap_y, (z->n_y + 1) * z->dim, sizeof *z->y);
	for (size_t k = 0; k < z->dim; k++)
		z->y[z->n_y * z->dim + k] = (real)((1 - w) * z->f.x[a * z->dim + k] + w * z->f.x[c * z->dim + k]);
	z->n_y++;
	return true;
}

/* Concordance is over the frames of a part of a batch in all processes, and counts by the part's records: a process without a frame that
 * is known takes part with a row of no weight. Errors are means over records of those over frames. */
static int loss(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, size_t lo, size_t hi,
		double norm)
{
	static const int32_t nowhere = -1;
	static const real nothing = 0;
	struct state *z = t->state;
	bool concordance = own(t)->loss == CCC;
	z->n_y = 0;
	size_t n = train_frames(t, &z->f, tape, b, lo, hi, take);
	if (n == 0 && !concordance)
		return -1;
	if (n == 0) {
		z->y = ser_grow(z->y, &z->cap_y, z->dim, sizeof *z->y);
		memset(z->y, 0, z->dim * sizeof *z->y);
	}
	out = n > 0 ? ser_nn_rows(tape, out, n, z->f.row) : ser_nn_rows(tape, out, 1, &nowhere);
	if (concordance) {
		struct ser_loss l = {.weight = n > 0 ? NULL : &nothing};
		double part = weight(t, b) / norm;
		int ccc = ser_nn_ccc(tape, out, z->y, false, 1e-8, &l);
		return part < 1 ? ser_nn_scale(tape, ccc, part) : ccc;
	}
	struct ser_loss l = {.weight = z->f.weight, .norm = norm * (double)z->dim};
	return own(t)->loss == MSE ? ser_nn_mse(tape, out, z->y, &l) : ser_nn_mae(tape, out, z->y, &l);
}

/* Of each column: how many frames, and sums of truth, prediction, their squares and product */
enum { N, Y, P, YY, PP, YP, N_SUM };

static size_t tally_size(const struct ser_task *t)
{
	return ser_mul(N_SUM, t->model->head[t->head].n_out);
}

static void tally(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, double *sum)
{
	struct state *z = t->state;
	struct ser_node y = ser_tape_node(tape, out);
	z->n_y = 0;
	train_frames(t, &z->f, tape, b, 0, b->n, take);
	for (size_t i = 0; i < z->f.n; i++)
		for (size_t k = 0; k < z->dim; k++) {
			double *s = sum + N_SUM * k, p = (double)y.val[(size_t)z->f.row[i] * y.n_col + k],
			       v = (double)z->y[i * z->dim + k];
			s[N]++;
			s[Y] += v;
			s[P] += p;
			s[YY] += v * v;
			s[PP] += p * p;
			s[YP] += v * p;
		}
}

/* The mean over columns of the concordance of all frames; a column that never changes has none. */
static double total(const struct ser_task *t, const double *sum)
{
	size_t dim = t->model->head[t->head].n_out, n_col = 0;
	double mean = 0;
	for (size_t k = 0; k < dim; k++) {
		const double *s = sum + N_SUM * k;
		double n = s[N], vy = s[YY] / n - pow(s[Y] / n, 2), vp = s[PP] / n - pow(s[P] / n, 2),
		       c = s[YP] / n - s[Y] * s[P] / n / n, below = vy + vp + pow((s[Y] - s[P]) / n, 2);
		if (n > 0 && vy > 0 && below > 0) {
			mean += 2 * c / below;
			n_col++;
		}
	}
	return n_col > 0 ? mean / (double)n_col : 0;
}

static void free_state(struct ser_task *t)
{
	struct state *z = t->state;
	free(((struct opts *)t->own)->fed.s);
	if (z == NULL)
		return;
	train_frames_free(&z->f);
	free(z->y);
	free(z);
}

const struct ser_task_kind train_motion = {
	.name = "motion",
	.summary = "Learn numbers of every frame, such as points of the face.",
	.options = options,
	.defaults = &defaults,
	.size = sizeof defaults,
	.score = "ccc",
	.frames = true,
	.needs_frames = true,
	.head_name = head_name,
	.fields = fields,
	.head = head,
	.targets = targets,
	.weight = weight,
	.loss = loss,
	.tally_size = tally_size,
	.tally = tally,
	.total = total,
	.free = free_state,
};
