/* SPDX-License-Identifier: MIT */
#include "extract/norm.h"
#include "dsp/dsp.h"
#include "formats/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ser_norm {
	const struct ser_norm_opt *o;
	struct ser_cmvn_by stat; /* over records */
	size_t d;                /* of a file: one affine map; 0: none */
	double *shift, *gain;    /* [d], one block: its hash names it */
	struct scratch {
		float *y;
		size_t cap;
	} * scratch; /* [n_thread] */
	int n_thread;
};

/* A record's tensor as rows. */
struct rows {
	const float *x; /* [n, d] */
	size_t n, d, shape[SER_MAX_AXES];
	int ndim;
};

void ser_norm_opt_init(struct ser_norm_opt *o)
{
	*o = (struct ser_norm_opt){.field = "feat", .mean = true, .var = true, .min_window = 100};
}

struct ser_norm *ser_norm_new(const struct ser_norm_opt *o, int n_thread)
{
	struct ser_norm *n = ser_calloc(1, sizeof *n);
	n->o = o;
	n->n_thread = n_thread;
	n->scratch = ser_calloc((size_t)n_thread, sizeof *n->scratch);
	return n;
}

void ser_norm_free(struct ser_norm *n)
{
	if (n == NULL)
		return;
	for (int i = 0; i < n->n_thread; i++)
		free(n->scratch[i].y);
	free(n->scratch);
	free(n->shift);
	ser_cmvn_by_free(&n->stat);
	free(n);
}

static int get(const struct ser_norm *n, struct ser_record *r, struct rows *m, struct ser_err *e)
{
	const char *field = n->o->field;
	int rc = ser_record_f4(r, field, -1, &m->x, m->shape, e);
	if (rc != SER_OK)
		return rc;
	const struct ser_tensor *t = &ser_record_get(r, field)->u.t;
	m->ndim = t->ndim;
	m->d = m->ndim > 0 ? m->shape[m->ndim - 1] : 1;
	m->n = ser_tensor_len(t) / (m->d > 0 ? m->d : 1);
	if (m->n == 0 || m->d == 0)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is empty", field);
	if (!isfinite(ser_abs_max(m->x, m->n * m->d)))
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" holds a value that is not a finite number",
				       field);
	return SER_OK;
}

/* ---- statistics over records ---- */

/* The label of a record: "" of all without `by`. */
static int label(const struct ser_norm *n, struct ser_record *r, const char **s, struct ser_err *e)
{
	*s = "";
	return n->o->by != NULL ? ser_record_str(r, n->o->by, s, e) : SER_OK;
}

int ser_norm_add(struct ser_norm *n, struct ser_record *r, struct ser_err *e)
{
	struct rows m;
	const char *s;
	int rc = get(n, r, &m, e);
	if (rc != SER_OK)
		return rc;
	if (n->stat.d == 0)
		n->stat.d = m.d;
	if (m.d != n->stat.d)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu column%s, those before it %zu",
				       n->o->field, m.d, ser_s(m.d), n->stat.d);
	rc = label(n, r, &s, e);
	if (rc == SER_OK)
		ser_cmvn_by_add(&n->stat, s, m.x, m.n, m.d);
	return rc;
}

void ser_norm_done(struct ser_norm *n)
{
	ser_cmvn_by_affine(&n->stat, n->o->mean, n->o->var);
}

/* ---- statistics in a file ---- */

int ser_norm_save(const struct ser_norm *n, const char *path, struct ser_err *e)
{
	if (n->stat.d == 0)
		return ser_fail(e, SER_EDATA, "no record to fit to");
	char count[32];
	const struct ser_st_meta meta[] = {
		{"ser_norm", "1"}, {"field", n->o->field}, {"frames", ser_format_real(n->stat.stat[0].n, count)}};
	const struct ser_st_tensor t[] = {
		{.name = "shift", .dtype = SER_ST_F64, .ndim = 1, .shape = {n->stat.d}, .data = n->stat.shift},
		{.name = "gain", .dtype = SER_ST_F64, .ndim = 1, .shape = {n->stat.d}, .data = n->stat.gain},
	};
	return ser_st_save(path, t, 2, meta, 3, e);
}

/* Those of an open file. */
static int take(struct ser_norm *n, const struct ser_st *s, const char *path, struct ser_err *e)
{
	const struct ser_st_tensor *a = ser_st_find(s, "shift"), *b = ser_st_find(s, "gain");
	if (ser_st_meta(s, "ser_norm") == NULL || a == NULL || b == NULL || a->ndim != 1 || b->ndim != 1 ||
	    a->n != b->n || a->n == 0)
		return ser_fail(e, SER_EDATA, "%s: is not a file of ser-norm --fit", path);
	n->d = a->n;
	n->shift = ser_calloc(2 * n->d, sizeof *n->shift);
	n->gain = n->shift + n->d;
	ser_st_f8(a, n->shift);
	ser_st_f8(b, n->gain);
	for (size_t i = 0; i < n->d; i++) {
		n->shift[i] = n->o->mean ? n->shift[i] : 0;
		n->gain[i] = n->o->var ? n->gain[i] : 1;
		if (!isfinite(n->shift[i]) || !isfinite(n->gain[i]))
			return ser_fail(e, SER_EDATA, "%s: column %zu is not finite", path, i);
	}
	return SER_OK;
}

int ser_norm_load(struct ser_norm *n, const char *path, struct ser_err *e)
{
	struct ser_st *s;
	int rc = ser_st_open(&s, path, e);
	if (rc != SER_OK)
		return rc;
	rc = take(n, s, path, e);
	ser_st_free(s);
	return rc;
}

/* ---- what is done ---- */

void ser_norm_header(const struct ser_norm *n, struct ser_header *h)
{
	const struct ser_norm_opt *o = n->o;
	struct ser_buf b = {0};
	struct ser_val *dim = ser_header_dim(h, o->field);
	if (dim == NULL)
		dim = ser_header_dim_add(h, o->field);
	const struct ser_val *old = ser_val_get(dim, "norm");
	if (old != NULL) {
		ser_val_text(&b, old);
		ser_buf_str(&b, "; ");
	}
	ser_buf_str(&b, o->mean && o->var ? "mean var" : o->mean ? "mean" : "var");
	if (o->sliding > 0)
		ser_buf_printf(&b, " sliding %d%s", o->sliding, o->center ? " center" : "");
	else if (n->d > 0)
		ser_buf_printf(&b, " fitted %016llx",
			       (unsigned long long)ser_hash_le(n->shift, 2 * n->d, sizeof *n->shift));
	else
		ser_buf_printf(&b, " by %s", o->global ? "all" : o->by != NULL ? o->by : "id");
	if (o->clip > 0)
		ser_buf_printf(&b, " clip %g", o->clip);
	ser_val_set(&h->arena, dim, "norm", ser_strn(b.s, b.n));
	ser_buf_free(&b);
}

/* y [rows], normalised; before it is limited. */
static int normalise(const struct ser_norm *n, struct ser_record *r, const struct rows *m, float *y, struct ser_err *e)
{
	const struct ser_norm_opt *o = n->o;
	if (o->sliding > 0) {
		ser_cmvn_sliding(m->x, y, m->n, m->d, (size_t)o->sliding, (size_t)o->min_window, o->center, o->var);
		return SER_OK;
	}
	if (n->d == 0 && n->stat.d == 0) {
		if (m->n == 1)
			return ser_record_fail(r, e, SER_EDATA,
					       "field \"%s\" has one row: give --by, --global or --apply", o->field);
		ser_cmvn_self(m->x, y, m->n, m->d, o->mean, o->var);
		return SER_OK;
	}
	const double *shift = n->shift, *gain = n->gain;
	size_t d = n->d > 0 ? n->d : n->stat.d;
	if (m->d != d)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu column%s, expected %zu", o->field, m->d,
				       ser_s(m->d), d);
	if (n->d == 0) {
		const char *s;
		int rc = label(n, r, &s, e);
		if (rc != SER_OK)
			return rc;
		size_t at = ser_cmvn_by_at(&n->stat, s);
		shift = n->stat.shift + at;
		gain = n->stat.gain + at;
	}
	memcpy(y, m->x, m->n * m->d * sizeof *y);
	ser_cmvn_apply(shift, gain, y, m->n, m->d);
	return SER_OK;
}

int ser_norm_do(struct ser_norm *n, int worker, struct ser_record *r, struct ser_err *e)
{
	struct rows m;
	struct scratch *s = &n->scratch[worker];
	int rc = get(n, r, &m, e);
	if (rc != SER_OK)
		return rc;
	size_t len = m.n * m.d;
	float clip = (float)n->o->clip;
	s->y = ser_grow(s->y, &s->cap, len, sizeof *s->y);
	rc = normalise(n, r, &m, s->y, e);
	if (rc != SER_OK)
		return rc;
	for (size_t i = 0; clip > 0 && i < len; i++)
		s->y[i] = fminf(fmaxf(s->y[i], -clip), clip);
	ser_record_set_copy(r, n->o->field, ser_f4(s->y, m.ndim, m.shape));
	return SER_OK;
}
