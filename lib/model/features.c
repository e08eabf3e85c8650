/* SPDX-License-Identifier: MIT */
/* What a model reads of streams and records, and whether it is what it was trained on. */
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t ser_model_n_moment(const struct ser_model *m, size_t encoder)
{
	const struct ser_encoder *in = &m->enc[encoder];
	return in->norm == SER_NORM_MEANVAR ? 2 * in->n_in : in->norm == SER_NORM_MEAN ? in->n_in : 0;
}

void ser_model_moments(const struct ser_model *m, size_t encoder, const float *x, size_t n_frame, double *y)
{
	size_t d = m->enc[encoder].n_in;
	double *by = m->enc[encoder].norm == SER_NORM_MEANVAR ? y + d : NULL;
	for (size_t j = 0; j < d; j++)
		y[j] = 0;
	for (size_t i = 0; i < n_frame; i++)
		for (size_t j = 0; j < d; j++)
			y[j] += (double)x[i * d + j];
	for (size_t j = 0; j < d; j++)
		y[j] /= (double)n_frame;
	if (by == NULL)
		return;
	for (size_t j = 0; j < d; j++)
		by[j] = 0;
	for (size_t i = 0; i < n_frame; i++)
		for (size_t j = 0; j < d; j++) {
			double c = (double)x[i * d + j] - y[j];
			by[j] += c * c;
		}
	for (size_t j = 0; j < d; j++)
		by[j] = 1 / sqrt(by[j] / (double)n_frame + 1e-10);
}

void ser_model_normalise_by(const struct ser_model *m, size_t encoder, const double *y, float *x, size_t n_frame)
{
	size_t d = m->enc[encoder].n_in;
	const double *by = m->enc[encoder].norm == SER_NORM_MEANVAR ? y + d : NULL;
	for (size_t i = 0; i < n_frame; i++)
		for (size_t j = 0; j < d; j++) {
			float c = (float)((double)x[i * d + j] - y[j]);
			x[i * d + j] = by != NULL ? (float)((double)c * by[j]) : c;
		}
}

void ser_model_normalise(const struct ser_model *m, size_t encoder, float *x, size_t n_frame)
{
	const struct ser_encoder *in = &m->enc[encoder];
	size_t d = in->n_in, n_moment = ser_model_n_moment(m, encoder);
	if (in->norm == SER_NORM_GLOBAL) {
		const struct ser_params *p = m->params;
		const real *mean = p->val + p->slice[in->mean].at;
		const real *std = p->val + p->slice[in->std].at;
		for (size_t i = 0; i < n_frame; i++)
			for (size_t j = 0; j < d; j++)
				x[i * d + j] = std[j] > 0 ? (float)((x[i * d + j] - mean[j]) / std[j]) : 0;
	}
	if (n_moment == 0 || n_frame == 0)
		return;
	double *y = ser_malloc(n_moment, sizeof *y);
	ser_model_moments(m, encoder, x, n_frame, y);
	ser_model_normalise_by(m, encoder, y, x, n_frame);
	free(y);
}

static const char *json_of(struct ser_buf *b, const struct ser_val *v)
{
	b->n = 0;
	if (v == NULL)
		return "nothing";
	ser_val_json(b, v, false);
	return b->s;
}

/* The next word of a text, and how long it is; 0: there is none. */
static size_t next_word(const char **at)
{
	*at += strspn(*at, " ");
	return strcspn(*at, " ");
}

/* Where "name=" is in a text, n long: its value, up to the next blank; NULL: nowhere. */
static const char *value_of(const char *text, const char *name, size_t n)
{
	for (size_t k; (k = next_word(&text)) > 0; text += k)
		if (k >= n && memcmp(text, name, n) == 0)
			return text + n;
	return NULL;
}

static bool is_off(const char *value, size_t n)
{
	return (n == 5 && memcmp(value, "false", n) == 0) || (n == 4 && memcmp(value, "none", n) == 0) ||
	       (n == 1 && *value == '0');
}

/* Options that `text` has and `other` has not. Options come with new versions of the program: one that is off is as none. */
static void options_lack(struct ser_buf *b, const char *text, const char *other, const char *no)
{
	for (size_t n; (n = next_word(&text)) > 0; text += n) {
		size_t name = strcspn(text, "=") + 1;
		if (value_of(other, text, name) == NULL && !is_off(text + name, n - name))
			ser_buf_printf(b, "%s%s%.*s", b->n > 0 ? "; " : "", no, (int)n, text);
	}
}

/* Options that both have, with other values. */
static void options_differ(struct ser_buf *b, const char *want, const char *have)
{
	for (size_t n; (n = next_word(&want)) > 0; want += n) {
		size_t name = strcspn(want, "=") + 1;
		const char *value = value_of(have, want, name);
		size_t k = value != NULL ? strcspn(value, " ") : 0;
		if (value != NULL && (k != n - name || memcmp(value, want + name, k) != 0))
			ser_buf_printf(b, "%s%.*s, not %.*s", b->n > 0 ? "; " : "", (int)n, want, (int)k, value);
	}
}

/* "KIND NAME=VALUE ..." */
static bool is_front(const char *text)
{
	size_t n = next_word(&text);
	for (text += n; (n = next_word(&text)) > 0; text += n)
		if (strcspn(text, "=") >= n)
			return false;
	return true;
}

/* Where two texts of front-ends differ: by kind, or else option by option. Nothing: they are the same, or no such texts. */
static void front_differs(struct ser_buf *b, const char *want, const char *have)
{
	if (!is_front(want) || !is_front(have))
		return;
	size_t n = next_word(&want), k = next_word(&have);
	if (n != k || memcmp(want, have, n) != 0) {
		ser_buf_printf(b, "kind=%.*s, not %.*s", (int)n, want, (int)k, have);
		return;
	}
	options_differ(b, want + n, have + k);
	options_lack(b, want + n, have + k, "");
	options_lack(b, have + k, want + n, "no ");
}

/* Is a header's entry as the model wants it? */
static bool same(const char *name, const struct ser_val *want, const struct ser_val *have)
{
	if (want == NULL || have == NULL || ser_val_equal(want, have))
		return want != NULL && have != NULL;
	if (strcmp(name, "front") != 0 || want->kind != SER_STR || have->kind != SER_STR || !is_front(want->u.str.s) ||
	    !is_front(have->u.str.s))
		return false;
	struct ser_buf b = {0};
	front_differs(&b, want->u.str.s, have->u.str.s);
	bool y = b.n == 0;
	ser_buf_free(&b);
	return y;
}

static int wrong_dims(const char *name, const char *field, const struct ser_val *want, const struct ser_val *have,
		      struct ser_err *e)
{
	struct ser_buf b = {0}, w = {0}, h = {0};
	if (want != NULL && have != NULL && strcmp(name, "front") == 0 && want->kind == SER_STR &&
	    have->kind == SER_STR)
		front_differs(&b, want->u.str.s, have->u.str.s);
	if (b.n > 0)
		ser_fail(e, SER_EDATA,
			 "the model was made for other features: field \"%s\" is to have %.600s; "
			 "ser-wav2feat --like MODEL makes them as it wants them",
			 field, b.s);
	else
		ser_fail(e, SER_EDATA,
			 "the model was made for other features: %s of field \"%s\" was %.200s, this stream's is "
			 "%.200s; "
			 "ser-wav2feat --like MODEL makes them as it wants them",
			 name, field, json_of(&w, want), json_of(&h, have));
	ser_buf_free(&b);
	ser_buf_free(&w);
	ser_buf_free(&h);
	return e->code;
}

int ser_encoder_check_header(const struct ser_encoder *c, const struct ser_header *h, struct ser_err *e)
{
	if (c->field == NULL)
		return ser_fail(e, SER_EDATA, "encoder \"%s\" reads texts, and no field of a record", c->name);
	const struct ser_val *dim = ser_header_dim(h, c->field), none = ser_val_map();
	const struct ser_val *side[2] = {dim != NULL ? dim : &none, &c->dims};
	const struct ser_val *front[2] = {ser_val_get(side[1], "front"), ser_val_get(side[0], "front")};
	if (dim == NULL && c->dims.u.map.n > 0)
		return ser_fail(e, SER_EDATA,
				"the stream's header says nothing of field \"%s\", which the model was made for; "
				"ser-info of the model tells how it is made",
				c->field);
	if (c->arch->n_token != NULL && c->dims.u.map.n == 0) /* imported without its vocabulary */
		return 0;
	/* first what says most: the rest follows from it */
	if (front[0] != NULL && front[1] != NULL && !same("front", front[0], front[1]))
		return wrong_dims("front", c->field, front[0], front[1], e);
	for (int s = 1; s >= 0; s--)
		for (size_t i = 0; i < side[s]->u.map.n; i++) {
			const char *name = side[s]->u.map.f[i].name;
			const struct ser_val *want = ser_val_get(&c->dims, name), *have = ser_val_get(side[0], name);
			if (!same(name, want, have))
				return wrong_dims(name, c->field, want, have, e);
		}
	return 0;
}

int ser_model_check_header(const struct ser_model *m, const struct ser_header *h, struct ser_err *e)
{
	for (size_t i = 0; i < m->n_enc; i++)
		if (m->enc[i].field != NULL && ser_encoder_check_header(&m->enc[i], h, e) != 0)
			return e->code;
	return 0;
}

static bool whole(enum ser_dtype t)
{
	return t != SER_F4 && t != SER_F2 && t != SER_F8;
}

/* Of integers, as float32. */
static int integers(struct ser_record *r, const char *field, const struct ser_tensor *t, const float **x,
		    size_t shape[static 2], struct ser_err *e)
{
	if (t->ndim != 1 && t->ndim != 2)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %d axes, expected 1 or 2", field, t->ndim);
	shape[0] = t->shape[0];
	shape[1] = t->ndim == 2 ? t->shape[1] : 1;
	float *y = ser_arena_alloc(&r->arena, ser_tensor_len(t), sizeof *y);
	ser_tensor_f4(t, y);
	*x = y;
	return 0;
}

int ser_model_tensor(struct ser_record *r, const char *field, const float **x, size_t shape[static 2],
		     struct ser_err *e)
{
	const struct ser_val *v = ser_record_get(r, field);
	size_t own[SER_MAX_AXES];
	bool tensor = v != NULL && v->kind == SER_TENSOR, vector = tensor && v->u.t.ndim == 1;
	if (tensor && whole(v->u.t.dtype)) {
		if (integers(r, field, &v->u.t, x, shape, e) != 0)
			return e->code;
	} else {
		if (ser_record_f4(r, field, vector ? 1 : 2, x, own, e) != 0)
			return e->code;
		shape[0] = vector ? 1 : own[0];
		shape[1] = vector ? own[0] : own[1];
	}
	if (shape[1] == 0)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is empty", field);
	for (size_t i = 0; i < shape[0] * shape[1]; i++)
		if (!isfinite((*x)[i]))
			return ser_record_fail(r, e, SER_EDATA,
					       "field \"%s\" is not finite at frame %zu, dimension %zu", field,
					       i / shape[1], i % shape[1]);
	return 0;
}

ptrdiff_t ser_model_features(const struct ser_model *m, size_t encoder, struct ser_record *r, float **x, size_t *cap,
			     struct ser_err *e)
{
	const struct ser_encoder *c = &m->enc[encoder];
	const float *feat;
	size_t shape[2], least = c->arch->min_frame(c->hyper);
	if (c->field == NULL)
		return ser_record_fail(r, e, SER_EDATA, "encoder \"%s\" reads texts, and no field of a record",
				       c->name);
	if (c->arch->n_token != NULL && ser_record_get(r, c->field) == NULL)
		return ser_record_fail(r, e, SER_EDATA,
				       "no field \"%s\": the model reads ids of tokens, which ser-tokenize makes",
				       c->field);
	if (ser_model_tensor(r, c->field, &feat, shape, e) != 0)
		return e->code;
	if (shape[1] != c->n_in)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu dimension%s a frame, the model wants %zu",
				       c->field, shape[1], ser_s(shape[1]), c->n_in);
	if (shape[0] < least)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu frame%s, the model needs %zu", c->field,
				       shape[0], ser_s(shape[0]), least);
	size_t most = c->arch->max_frame != NULL ? c->arch->max_frame(c->hyper) : SIZE_MAX;
	if (shape[0] > most)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu frame%s, the model takes %zu", c->field,
				       shape[0], ser_s(shape[0]), most);
	size_t bad = ser_encoder_bad_token(c, feat, shape[0]);
	if (bad < shape[0])
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %g at %zu, no token of %zu", c->field,
				       (double)feat[bad], bad, c->arch->n_token(c->hyper));
	size_t n = shape[0] * shape[1];
	*x = ser_grow(*x, cap, n, sizeof **x);
	memcpy(*x, feat, n * sizeof *feat);
	return (ptrdiff_t)shape[0];
}
