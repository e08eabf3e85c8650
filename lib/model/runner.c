/* SPDX-License-Identifier: MIT */
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double FAR = 100; /* deviations */

/* Records unlike the training data in some way, and the one that stands first */
struct unlike {
	size_t n, dim;
	uint64_t index; /* of the first in its file */
	char id[100];
	double value;
};

/* What is seen of an encoder's input: values that far from the mean, and other values where all were the same. */
struct seen {
	size_t n;
	struct unlike far, moved;
};

/* What one encoder reads of one record */
struct input {
	float *x;
	size_t n_frame, cap;
};

struct worker {
	struct ser_la *la; /* NULL: float alone */
	struct ser_tape *tape;
	struct input *in; /* [n_in], of each record by encoders */
	size_t n_in;
	struct seen seen[SER_MAX_ENCODER];
};

struct ser_runner {
	const struct ser_model *m;
	struct ser_source source;
	bool runs[SER_MAX_ENCODER]; /* those that the source names */
	bool layers;                /* states of these instead */
	size_t first, last;
	void (*seen)(void *ctx, size_t i, struct ser_node y);
	void *const *seen_ctx; /* [n] */
	int n;
	struct worker w[];
};

/* Weights are packed once for all workers. */
static void share(struct ser_runner *r)
{
	for (int i = 1; i < r->n; i++)
		ser_tape_share_packed(r->w[i].tape, r->w[0].tape);
}

struct ser_runner *ser_runner_new(const struct ser_model *m, const struct ser_source *s, int n_worker)
{
	struct ser_runner *r = ser_calloc(1, sizeof *r + (size_t)n_worker * sizeof r->w[0]);
	r->m = m;
	r->n = n_worker;
	if (s != NULL)
		r->source = *s;
	for (size_t i = 0; i < ser_model_source_terms(m, &r->source); i++)
		r->runs[ser_model_source_term(m, &r->source, i).encoder] = true;
	for (int i = 0; i < n_worker; i++)
		r->w[i].tape = ser_tape_new(NULL, m->params);
	share(r);
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
	if (p != SER_LA_FULL)
		share(r);
	return 0;
}

void ser_runner_consume(struct ser_runner *r)
{
	ser_tape_consume(r->w[0].tape);
}

void ser_runner_layers(struct ser_runner *r, size_t first, size_t last,
		       void (*seen)(void *ctx, size_t i, struct ser_node y), void *const *ctx)
{
	r->layers = true;
	r->first = first;
	r->last = last;
	r->seen = seen;
	r->seen_ctx = ctx;
}

void ser_runner_free(struct ser_runner *r)
{
	if (r == NULL)
		return;
	for (int i = 0; i < r->n; i++) {
		ser_tape_free(r->w[i].tape);
		ser_la_free(r->w[i].la);
		for (size_t k = 0; k < r->w[i].n_in; k++)
			free(r->w[i].in[k].x);
		free(r->w[i].in);
	}
	free(r);
}

static bool before(uint64_t index, const char *id, const struct unlike *u)
{
	return u->n == 0 || index < u->index || (index == u->index && strcmp(id, u->id) < 0);
}

static void count(struct unlike *u, struct ser_record *rec, size_t dim, double value)
{
	if (before(rec->index, ser_record_id(rec), u)) {
		u->index = rec->index;
		u->dim = dim;
		u->value = value;
		snprintf(u->id, sizeof u->id, "%s", ser_record_id(rec));
	}
	u->n++;
}

/* x [n, D], not yet normalised. */
static void look(struct seen *seen, const struct ser_model *m, size_t encoder, struct ser_record *rec, const float *x,
		 size_t n)
{
	const struct ser_encoder *c = &m->enc[encoder];
	const real *mean = m->params->val + m->params->slice[c->mean].at;
	const real *std = m->params->val + m->params->slice[c->std].at;
	size_t far = 0, moved = c->n_in;
	double furthest = 0;
	seen->n++;
	for (size_t i = 0; i < n * c->n_in; i++) {
		size_t j = i % c->n_in;
		double by = (double)x[i] - (double)mean[j];
		if (std[j] > 0 && fabs(by) / (double)std[j] > fabs(furthest)) {
			furthest = by / (double)std[j];
			far = j;
		} else if (!(std[j] > 0) && moved == c->n_in && ser_spread(mean[j], by * by) > 0) {
			moved = j;
		}
	}
	if (fabs(furthest) > FAR)
		count(&seen->far, rec, far, furthest);
	if (moved < c->n_in)
		count(&seen->moved, rec, moved, 0);
}

static void add(struct unlike *all, const struct unlike *u)
{
	size_t n = all->n + u->n;
	if (u->n > 0 && before(u->index, u->id, all))
		*all = *u;
	all->n = n;
}

/* "N of M records have WHAT; the first is "ID", dimension 3" */
static void note(const struct ser_runner *r, size_t encoder, const struct unlike *u, size_t n, const char *what,
		 struct ser_buf *b)
{
	ser_buf_printf(b, "%s%zu of %zu records have %s; the first is \"%s\", ", b->n > 0 ? "; " : "", u->n, n, what,
		       u->id);
	if (r->m->n_enc > 1)
		ser_buf_printf(b, "field \"%s\", ", r->m->enc[encoder].field);
	ser_buf_printf(b, "dimension %zu", u->dim);
}

void ser_runner_note(const struct ser_runner *r, struct ser_buf *b)
{
	for (size_t i = 0; i < r->m->n_enc; i++) {
		struct seen all = {0};
		for (int k = 0; k < r->n; k++) {
			const struct seen *s = &r->w[k].seen[i];
			all.n += s->n;
			add(&all.far, &s->far);
			add(&all.moved, &s->moved);
		}
		if (all.far.n > 0) {
			note(r, i, &all.far, all.n,
			     "values more than 100 deviations from what the model was trained on", b);
			ser_buf_printf(b, ", %.3g", all.far.value);
		}
		if (all.moved.n > 0)
			note(r, i, &all.moved, all.n,
			     "other values where what the model was trained on is constant, which take no part", b);
	}
}

int ser_runner_check_header(const struct ser_runner *r, const struct ser_header *h, struct ser_err *e)
{
	for (size_t i = 0; i < r->m->n_enc; i++)
		if (r->runs[i] && ser_encoder_check_header(&r->m->enc[i], h, e) != 0)
			return e->code;
	return 0;
}

/* What the encoders read of n records, all of it before anything is noted: the frames of the first of them that runs, of record 0, or <0 */
static ptrdiff_t read_inputs(struct ser_runner *r, struct worker *w, size_t n, struct ser_record *const *rec,
			     struct ser_err *e)
{
	const struct ser_model *m = r->m;
	ptrdiff_t first = -1;
	if (w->n_in < n * m->n_enc) {
		w->in = ser_realloc(w->in, n * m->n_enc, sizeof *w->in);
		memset(w->in + w->n_in, 0, (n * m->n_enc - w->n_in) * sizeof *w->in);
		w->n_in = n * m->n_enc;
	}
	for (size_t k = 0; k < n * m->n_enc; k++) {
		struct input *in = &w->in[k];
		if (!r->runs[k % m->n_enc])
			continue;
		ptrdiff_t n_frame = ser_model_features(m, k % m->n_enc, rec[k / m->n_enc], &in->x, &in->cap, e);
		if (n_frame < 0)
			return n_frame;
		in->n_frame = (size_t)n_frame;
		first = first < 0 ? n_frame : first;
	}
	for (size_t k = 0; k < n * m->n_enc; k++) {
		size_t i = k % m->n_enc;
		if (r->runs[i] && m->enc[i].norm == SER_NORM_GLOBAL)
			look(&w->seen[i], m, i, rec[k / m->n_enc], w->in[k].x, w->in[k].n_frame);
		if (r->runs[i])
			ser_model_normalise(m, i, w->in[k].x, w->in[k].n_frame);
	}
	return first;
}

ptrdiff_t ser_runner_do(struct ser_runner *r, int worker, size_t n, struct ser_record *const *rec, struct ser_tape **t,
			int *y, struct ser_err *e)
{
	const struct ser_model *m = r->m;
	struct worker *w = &r->w[worker];
	struct ser_encoded enc[SER_MAX_ENCODER];
	ptrdiff_t first = read_inputs(r, w, n, rec, e);
	if (first < 0)
		return first;
	ser_tape_reset(w->tape, SER_TAPE_FIXED, 0);
	for (size_t i = 0; i < m->n_enc; i++) {
		const float **x = ser_malloc(n, sizeof *x);
		size_t *n_frame = ser_malloc(n, sizeof *n_frame);
		for (size_t k = 0; k < n && r->runs[i]; k++) {
			x[k] = w->in[k * m->n_enc + i].x;
			n_frame[k] = w->in[k * m->n_enc + i].n_frame;
		}
		if (r->runs[i])
			enc[i] =
				ser_model_encode(m, w->tape, i, ser_tape_batch(w->tape, n, x, n_frame, m->enc[i].n_in));
		free(x);
		free(n_frame);
	}
	if (r->layers) {
		const struct ser_encoded *of = &enc[ser_model_source_term(m, &r->source, 0).encoder];
		ser_assert(r->first <= r->last && r->last <= of->n_layer);
		ser_tape_watch(w->tape, r->last - r->first + 1, of->layer + r->first, r->seen, r->seen_ctx[worker]);
		*y = of->layer[r->last];
	} else {
		*y = ser_model_source(m, w->tape, &r->source, enc);
	}
	*t = w->tape;
	if (*y < 0)
		return ser_record_fail(rec[0], e, SER_EDATA, "architecture %s has no frame-level states",
				       m->enc[ser_model_source_term(m, &r->source, 0).encoder].arch->name);
	return first;
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
