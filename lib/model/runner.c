/* SPDX-License-Identifier: MIT */
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FAR = 100 }; /* deviations */

/* Records with values further than that from the mean of training, and the one that stands first */
struct far {
	size_t n, n_far, dim;
	uint64_t index; /* of the first in its file */
	char id[100];
	double value;
};

struct worker {
	struct ser_la *la; /* NULL: float alone */
	struct ser_tape *tape;
	float *x;
	size_t cap;
	struct far far;
};

struct ser_runner {
	const struct ser_model *m;
	int n;
	struct worker w[];
};

struct ser_runner *ser_runner_new(const struct ser_model *m, int n_worker)
{
	struct ser_runner *r = ser_calloc(1, sizeof *r + (size_t)n_worker * sizeof r->w[0]);
	r->m = m;
	r->n = n_worker;
	for (int i = 0; i < n_worker; i++)
		r->w[i].tape = ser_tape_new(NULL, m->params);
	return r;
}

int ser_runner_precision(struct ser_runner *r, enum ser_la_precision p, struct ser_err *e)
{
	for (int i = 0; i < r->n && p != SER_LA_FULL; i++) {
		struct worker *w = &r->w[i];
		ser_tape_free(w->tape);
		w->la = ser_la_new(1);
		w->tape = ser_tape_new(w->la, r->m->params);
		if (!ser_la_set_precision(w->la, p))
			return ser_fail(e, SER_EUSAGE, "this build has no bf16 products");
	}
	return 0;
}

void ser_runner_free(struct ser_runner *r)
{
	if (r == NULL)
		return;
	for (int i = 0; i < r->n; i++) {
		ser_tape_free(r->w[i].tape);
		ser_la_free(r->w[i].la);
		free(r->w[i].x);
	}
	free(r);
}

static bool before(uint64_t index, const char *id, const struct far *f)
{
	return f->n_far == 0 || index < f->index || (index == f->index && strcmp(id, f->id) < 0);
}

/* x [n, D], in deviations. */
static void look_far(struct far *f, struct ser_record *rec, const float *x, size_t n, size_t d)
{
	size_t at = 0;
	f->n++;
	for (size_t i = 1; i < n * d; i++)
		at = fabsf(x[i]) > fabsf(x[at]) ? i : at;
	if (!(fabsf(x[at]) > FAR))
		return;
	if (before(rec->index, ser_record_id(rec), f)) {
		f->index = rec->index;
		f->dim = at % d;
		f->value = (double)x[at];
		snprintf(f->id, sizeof f->id, "%s", ser_record_id(rec));
	}
	f->n_far++;
}

void ser_runner_note(const struct ser_runner *r, struct ser_buf *b)
{
	struct far all = {0};
	for (int i = 0; i < r->n; i++) {
		const struct far *f = &r->w[i].far;
		size_t n = all.n + f->n, n_far = all.n_far + f->n_far;
		if (f->n_far > 0 && before(f->index, f->id, &all))
			all = *f;
		all.n = n;
		all.n_far = n_far;
	}
	if (all.n_far > 0)
		ser_buf_printf(
			b,
			"%zu of %zu records have values more than %d deviations from what the model was trained on; "
			"the first is \"%s\", dimension %zu, %.3g",
			all.n_far, all.n, FAR, all.id, all.dim, all.value);
}

ptrdiff_t ser_runner_do(struct ser_runner *r, int worker, struct ser_record *rec, struct ser_tape **t,
			struct ser_encoded *y, struct ser_err *e)
{
	struct worker *w = &r->w[worker];
	ptrdiff_t n = ser_model_features(r->m, rec, &w->x, &w->cap, e);
	if (n < 0)
		return n;
	size_t n_frame = (size_t)n;
	const float *x = w->x;
	if (r->m->norm == SER_NORM_GLOBAL)
		look_far(&w->far, rec, x, n_frame, r->m->n_in);
	ser_tape_reset(w->tape, SER_TAPE_FIXED, 0);
	*y = ser_model_encode(r->m, w->tape, ser_tape_batch(w->tape, 1, &x, &n_frame, r->m->n_in));
	*t = w->tape;
	return n;
}

int ser_runner_set(struct ser_record *rec, const char *name, struct ser_node y, bool rows, struct ser_err *e)
{
	size_t n = y.n_row * y.n_col, shape[2] = {y.n_row, y.n_col};
	float *out = ser_arena_alloc(&rec->arena, n, sizeof *out);
	for (size_t i = 0; i < n; i++) {
		out[i] = (float)y.val[i];
		if (!isfinite(out[i]))
			return ser_record_fail(rec, e, SER_EDATA, "the network's output is not finite");
	}
	ser_record_set(rec, name, rows ? ser_f4(out, 2, shape) : ser_f4(out, 1, shape + 1));
	return 0;
}
