/* SPDX-License-Identifier: MIT */
#include "model/embed.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const ser_embed_pools[] = {"none", "mean", "mean,std", "max", "first", "gem", NULL};

enum { TOKENS = 512 }; /* of texts that go through the network at once */

/* What has come of the frames so far, n_col columns each. */
struct pooled {
	size_t n, n_col;
	double *a, *b; /* mean or what else is pooled; sum of squares about the mean */
	size_t cap_a, cap_b;
	float *row; /* [n, n_col] of SER_EMBED_NONE */
	size_t cap_row;
};

struct worker {
	const struct ser_embed *em;
	float *x; /* rows that are still to be encoded */
	size_t n, cap;
	bool begun;       /* a chunk has gone */
	struct pooled *y; /* [n_y], of each record by layers; n_y as many as were ever wanted at once */
	size_t n_y;
	size_t lo, hi; /* of the frames of a chunk those that are taken; of several records all */
};

struct ser_embed {
	const struct ser_model *m;
	struct ser_embed_opt o;
	struct ser_runner *run;
	const struct ser_encoder *enc; /* the one of frames */
	size_t hop;                    /* rows a frame; 0: not the same everywhere */
	size_t chunk, overlap;         /* rows, multiples of hop and of 2 hop; 0: whole */
	size_t batch;                  /* rows of records at once: a third of a chunk, enough for full speed */
	int n_worker;
	void **ctx; /* [n_worker] -> w */
	struct worker w[];
};

/* ---- pooling ---- */

/* n more rows of n_col. Mean and squares of these about their own mean, then of both together (Chan et al. 1983). */
static void pool_moments(struct pooled *y, const real *x, size_t n)
{
	size_t c = y->n_col;
	double all = (double)(y->n + n);
	for (size_t j = 0; j < c; j++) {
		double sum = 0, m2 = 0;
		for (size_t i = 0; i < n; i++)
			sum += (double)x[i * c + j];
		double mean = sum / (double)n, d = mean - y->a[j];
		for (size_t i = 0; i < n; i++)
			m2 += ((double)x[i * c + j] - mean) * ((double)x[i * c + j] - mean);
		y->b[j] += m2 + d * d * (double)y->n * (double)n / all;
		y->a[j] += d * (double)n / all;
	}
}

static void pool_rows(struct pooled *y, enum ser_embed_pool pool, const real *x, size_t n, size_t c)
{
	if (n == 0)
		return;
	if (y->n == 0 && pool != SER_EMBED_NONE) {
		y->a = ser_grow(y->a, &y->cap_a, c, sizeof *y->a);
		y->b = ser_grow(y->b, &y->cap_b, c, sizeof *y->b);
		for (size_t j = 0; j < c; j++) {
			y->a[j] = pool == SER_EMBED_MAX || pool == SER_EMBED_FIRST ? (double)x[j] : 0;
			y->b[j] = 0;
		}
	}
	y->n_col = c;
	if (pool == SER_EMBED_NONE) {
		y->row = ser_grow(y->row, &y->cap_row, ser_mul(y->n + n, c), sizeof *y->row);
		for (size_t i = 0; i < n * c; i++)
			y->row[y->n * c + i] = (float)x[i];
	} else if (pool == SER_EMBED_MAX) {
		for (size_t i = 0; i < n * c; i++) /* NaN stays */
			y->a[i % c] = (double)x[i] <= y->a[i % c] ? y->a[i % c] : (double)x[i];
	} else if (pool == SER_EMBED_GEM) {
		for (size_t i = 0; i < n * c; i++) {
			double v = (double)x[i] < 1e-6 ? 1e-6 : (double)x[i];
			y->a[i % c] += v * v * v;
		}
	} else if (pool != SER_EMBED_FIRST) {
		pool_moments(y, x, n);
	}
	y->n += n;
}

static size_t n_layer(const struct ser_embed *em)
{
	return em->o.layers ? em->o.last - em->o.first + 1 : 1;
}

/* What is pooled begins anew, of n records. */
static void begin(struct worker *w, size_t n)
{
	n *= n_layer(w->em);
	if (w->n_y < n) {
		w->y = ser_realloc(w->y, n, sizeof *w->y);
		memset(w->y + w->n_y, 0, (n - w->n_y) * sizeof *w->y);
		w->n_y = n;
	}
	for (size_t i = 0; i < w->n_y; i++)
		w->y[i].n = 0;
}

/* A layer, or what else the encoder gives, of one record or of several, a segment each */
static void pool_layer(void *ctx, size_t layer, struct ser_node v)
{
	struct worker *w = ctx;
	size_t n = v.n_seg > 1 ? v.n_seg : 1, L = n_layer(w->em);
	for (size_t i = 0; i < n; i++) {
		size_t from = n > 1 ? v.seg[i] : w->lo, to = n > 1 ? v.seg[i + 1] : w->hi;
		if (to > from)
			pool_rows(&w->y[i * L + layer], w->em->o.pool, v.val + from * v.n_col, to - from, v.n_col);
	}
}

/* ---- options ---- */

int ser_embed_layers(struct ser_embed_opt *o, const struct ser_model *m, const char *text, struct ser_err *e)
{
	size_t encoder = ser_model_source_term(m, &o->source, 0).encoder, n = ser_model_n_layer(m, encoder);
	char *first = ser_strdup(text), *dash = strchr(first, '-');
	int64_t a = 0, b = (int64_t)n;
	int rc = SER_OK;
	if (n == 0)
		rc = ser_fail(e, SER_EUSAGE, "architecture %s has no layers to choose among",
			      m->enc[encoder].arch->name);
	o->layers = true;
	o->several = strcmp(text, "all") == 0 || dash != NULL;
	if (dash != NULL)
		*dash = '\0';
	if (rc == SER_OK && strcmp(text, "all") != 0)
		rc = ser_parse_int(first, 0, (int64_t)n, &a, e);
	if (rc == SER_OK && dash != NULL)
		rc = ser_parse_int(dash + 1, a, (int64_t)n, &b, e);
	else if (rc == SER_OK && !o->several)
		b = a;
	o->first = (size_t)a;
	o->last = (size_t)b;
	free(first);
	return rc;
}

int ser_embed_like_padded(struct ser_model *m, const struct ser_embed_opt *o, double s, struct ser_err *e)
{
	static const char name[] = "pad_to";
	for (size_t i = 0; i < ser_model_source_terms(m, &o->source); i++) {
		struct ser_encoder *c = &m->enc[ser_model_source_term(m, &o->source, i).encoder];
		double rate_hz = c->arch->hop > 0 ? 16000 : 100; /* samples, or rows of mel energies */
		if (ser_encoder_hyper(c, name, strlen(name), rint(s * rate_hz), e) != SER_OK)
			return e->code;
		const char *why = c->arch->check != NULL ? c->arch->check(c->hyper) : NULL;
		if (why != NULL)
			return ser_fail(e, SER_EUSAGE, "%s", why);
	}
	return SER_OK;
}

/* Frames of n rows */
static size_t n_frame(const struct ser_model *m, size_t encoder, size_t n)
{
	const struct ser_encoder *c = &m->enc[encoder];
	struct ser_tape *t = ser_tape_new(NULL, m->params);
	ser_tape_reset(t, SER_TAPE_SHAPE, 0);
	int y = ser_model_encode(m, t, encoder, ser_tape_input(t, NULL, n, c->n_in, (size_t[]){0, n}, 1)).frames;
	n = y < 0 ? 0 : ser_tape_shape(t, y).n_row;
	ser_tape_free(t);
	return n;
}

size_t ser_embed_hop(const struct ser_model *m, size_t encoder)
{
	enum { LONG = 32000 };
	const struct ser_encoder *c = &m->enc[encoder];
	if (c->arch->hop > 0)
		return c->arch->hop;
	size_t most = c->arch->max_frame != NULL ? c->arch->max_frame(c->hyper) : SIZE_MAX;
	size_t n = most / 2 < LONG ? most / 2 : LONG;
	if (n < c->arch->min_frame(c->hyper))
		return 0;
	size_t one = n_frame(m, encoder, n), two = n_frame(m, encoder, 2 * n);
	return two > one && n % (two - one) == 0 ? n / (two - one) : 0;
}

int ser_embed_new(struct ser_embed **out, const struct ser_model *m, const struct ser_embed_opt *o,
		  enum ser_la_precision p, int n_worker, struct ser_err *e)
{
	struct ser_embed *em = ser_calloc(1, sizeof *em + (size_t)n_worker * sizeof em->w[0]);
	size_t encoder = ser_model_source_term(m, &o->source, 0).encoder;
	em->m = m;
	em->o = *o;
	em->n_worker = n_worker;
	em->run = ser_runner_new(m, &o->source, n_worker);
	em->enc = &m->enc[encoder];
	*out = em;
	int rc = ser_runner_precision(em->run, p, e);
	em->ctx = ser_malloc((size_t)n_worker, sizeof *em->ctx);
	for (int i = 0; i < n_worker; i++) {
		em->w[i].em = em;
		em->ctx[i] = &em->w[i];
		begin(&em->w[i], 1);
	}
	if (rc == SER_OK && o->layers)
		ser_runner_layers(em->run, o->first, o->last, pool_layer, em->ctx);
	if (rc == SER_OK && o->frames)
		em->hop = ser_embed_hop(m, encoder);
	if (rc == SER_OK)
		return rc;
	ser_embed_free(em);
	*out = NULL;
	return rc;
}

void ser_embed_free(struct ser_embed *em)
{
	if (em == NULL)
		return;
	for (int i = 0; i < em->n_worker; i++) {
		free(em->w[i].x);
		for (size_t k = 0; k < em->w[i].n_y; k++) {
			free(em->w[i].y[k].a);
			free(em->w[i].y[k].b);
			free(em->w[i].y[k].row);
		}
		free(em->w[i].y);
	}
	free(em->ctx);
	ser_runner_free(em->run);
	free(em);
}

void ser_embed_consume(struct ser_embed *em)
{
	ser_runner_consume(em->run);
}

void ser_embed_note(const struct ser_embed *em, struct ser_buf *b)
{
	ser_runner_note(em->run, b);
}

/* ---- header ---- */

/* Seconds to whole rows, a multiple of `of` */
static size_t rows_of(double s, double shift_s, size_t of)
{
	return (size_t)rint(s / shift_s / (double)of) * of;
}

static int set_chunk(struct ser_embed *em, double shift_s, struct ser_err *e)
{
	const struct ser_encoder *c = em->enc;
	size_t most = c->arch->max_frame != NULL ? c->arch->max_frame(c->hyper) : SIZE_MAX;
	em->chunk = em->overlap = em->batch = 0;
	if (em->o.chunk_s > 0 && shift_s > 0)
		em->batch = rows_of(em->o.chunk_s / 3, shift_s, 1);
	if (c->arch->n_token != NULL) /* texts have no times */
		em->batch = TOKENS;
	if (!em->o.frames || em->o.chunk_s <= 0 || shift_s <= 0 || em->hop == 0)
		return SER_OK;
	em->chunk = rows_of(em->o.chunk_s, shift_s, em->hop);
	if (em->chunk > most)
		em->chunk = most / em->hop * em->hop;
	em->overlap = rows_of(em->o.overlap_s, shift_s, 2 * em->hop);
	if (em->overlap >= em->chunk || em->overlap < c->arch->min_frame(c->hyper))
		return ser_fail(e, SER_EUSAGE, "an overlap of %zu frames is not within chunks of %zu and at least %zu",
				em->overlap, em->chunk, c->arch->min_frame(c->hyper));
	return SER_OK;
}

int ser_embed_header(struct ser_embed *em, struct ser_header *h, const char *name, struct ser_err *e)
{
	if (ser_runner_check_header(em->run, h, e) != SER_OK)
		return e->code;
	double shift_s = ser_header_shift(h, em->enc->field);
	if (set_chunk(em, shift_s, e) != SER_OK)
		return e->code;
	bool rows = em->o.frames && em->o.pool == SER_EMBED_NONE;
	struct ser_val axes = ser_val_list(), *dim = ser_header_dim_add(h, name);
	if (rows)
		ser_val_push(&h->arena, &axes, ser_str("frame"));
	if (em->o.several)
		ser_val_push(&h->arena, &axes, ser_str("layer"));
	ser_val_push(&h->arena, &axes, ser_str(rows ? "channel" : "dim"));
	ser_val_set(&h->arena, dim, "axes", axes);
	if (rows && shift_s > 0 && em->hop > 0)
		ser_val_set(&h->arena, dim, "shift_s", ser_real(shift_s * (double)em->hop));
	if (em->o.layers) {
		ser_val_set(&h->arena, dim, "first_layer", ser_int((int64_t)em->o.first));
		ser_val_set(&h->arena, dim, "last_layer", ser_int((int64_t)em->o.last));
	}
	if (em->o.frames && em->o.pool != SER_EMBED_NONE)
		ser_val_set(&h->arena, dim, "pool", ser_str(ser_embed_pools[em->o.pool]));
	const struct ser_val *spk = ser_val_get(&em->m->train, "speakers");
	if (spk != NULL)
		ser_val_set(&h->arena, dim, "train_speakers", *spk);
	return SER_OK;
}

size_t ser_embed_chunk(const struct ser_embed *em)
{
	return em->chunk;
}

size_t ser_embed_batch(const struct ser_embed *em)
{
	return em->batch;
}

size_t ser_embed_rows(const struct ser_embed *em, const struct ser_record *r)
{
	const struct ser_val *v = ser_record_get(r, em->enc->field);
	return v != NULL && v->kind == SER_TENSOR && v->u.t.ndim > 0 ? v->u.t.shape[0] : 0;
}

size_t ser_embed_groups(const struct ser_embed *em, size_t n, const size_t *n_row, size_t *order, size_t *first)
{
	size_t n_group = 0, all = 0;
	for (size_t i = 0; i < n; i++) { /* insertion: those of equal length as they came */
		size_t k = i;
		for (; k > 0 && n_row[order[k - 1]] < n_row[i]; k--)
			order[k] = order[k - 1];
		order[k] = i;
	}
	for (size_t i = 0; i < n; i++) {
		all += n_row[order[i]];
		if (i > 0 && all <= em->batch)
			continue;
		first[n_group++] = i;
		all = n_row[order[i]];
	}
	first[n_group] = n;
	return n_group;
}

/* ---- results ---- */

/* To half precision, nearest even; too large: infinity */
static uint16_t half_of(float x)
{
	union {
		float f;
		uint32_t u;
	} v = {fabsf(x)};
	uint16_t sign = signbit(x) ? 0x8000 : 0;
	if (v.u >= 0x47800000u) /* 65536; infinity */
		return sign | 0x7c00;
	if (v.u < 0x38800000u) { /* below 2^-14: multiples of 2^-24, which addition rounds to */
		v.f += 0.5f;
		return (uint16_t)(sign | (v.u - 0x3f000000u));
	}
	v.u += 0xfffu + (v.u >> 13 & 1);
	return (uint16_t)(sign | ((v.u - 0x38000000u) >> 13));
}

/* x [n] in the arena of the record, as the options have it */
static int set_result(const struct ser_embed *em, struct ser_record *r, const char *name, const float *x, int ndim,
		      const size_t *shape, struct ser_err *e)
{
	size_t n = 1;
	for (int i = 0; i < ndim; i++)
		n *= shape[i];
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return ser_record_fail(r, e, SER_EDATA, "the network's output is not finite");
	if (em->o.dtype == SER_F4) {
		ser_record_set(r, name, ser_f4(x, ndim, shape));
		return SER_OK;
	}
	uint16_t *h = ser_arena_alloc(&r->arena, n, sizeof *h);
	for (size_t i = 0; i < n; i++) {
		h[i] = half_of(x[i]);
		if ((h[i] & 0x7fff) == 0x7c00)
			return ser_record_fail(r, e, SER_EDATA, "%g is too large for f2", (double)x[i]);
	}
	ser_record_set(r, name, ser_tensor(SER_F2, h, ndim, shape));
	return SER_OK;
}

/* Pooled columns y [n_layer], of each layer its own side by side */
static int finish(const struct ser_embed *em, struct pooled *y, struct ser_record *r, const char *name,
		  struct ser_err *e)
{
	size_t n_row = em->o.pool == SER_EMBED_NONE ? y->n : 1, L = n_layer(em), C = y->n_col;
	size_t n_part = em->o.pool == SER_EMBED_MEAN_STD ? 2 : 1, shape[3] = {n_row, L, n_part * C};
	float *out = ser_arena_alloc(&r->arena, ser_mul(n_row, n_part * L * C), sizeof *out);
	for (size_t l = 0; l < L; l++, y++) {
		double n = (double)y->n;
		float *to = out + l * n_part * C;
		for (size_t i = 0; em->o.pool == SER_EMBED_NONE && i < n_row; i++)
			memcpy(to + i * L * C, y->row + i * C, C * sizeof *to);
		for (size_t j = 0; em->o.pool != SER_EMBED_NONE && j < C; j++) {
			to[j] = (float)(em->o.pool == SER_EMBED_GEM ? cbrt(y->a[j] / n) : y->a[j]);
			if (n_part == 2)
				to[C + j] = (float)sqrt(y->b[j] / n);
		}
	}
	if (!em->o.several) /* one layer: no axis for it */
		shape[1] = shape[2];
	int ndim = em->o.several ? 3 : 2;
	return em->o.pool == SER_EMBED_NONE ? set_result(em, r, name, out, ndim, shape, e)
					    : set_result(em, r, name, out, ndim - 1, shape + 1, e);
}

/* ---- records ---- */

/* A chunk as a record, or the record itself: its frames but those that are another chunk's */
static int encode(struct ser_embed *em, int worker, struct ser_record *r, bool first, bool last, struct ser_err *e)
{
	struct ser_tape *t;
	int y;
	if (ser_runner_do(em->run, worker, 1, &r, &t, &y, e) < 0)
		return e->code;
	size_t half = em->hop > 0 ? em->overlap / 2 / em->hop : 0, n = ser_tape_shape(t, y).n_row;
	struct worker *w = &em->w[worker];
	w->lo = first ? 0 : half;
	w->hi = last ? n : (em->chunk - em->overlap) / em->hop + half;
	ser_assert(w->hi <= n);
	struct ser_node v = ser_tape_node(t, y);
	if (!em->o.layers)
		pool_layer(w, 0, v);
	return SER_OK;
}

static int encode_chunk(struct ser_embed *em, int worker, const char *id, size_t n, bool last, struct ser_err *e)
{
	struct worker *w = &em->w[worker];
	struct ser_record r = {0};
	ser_record_set(&r, "id", ser_str(id));
	ser_record_set(&r, em->enc->field, ser_f4(w->x, 2, (size_t[]){n, em->enc->n_in}));
	int rc = encode(em, worker, &r, !w->begun, last, e);
	ser_record_free(&r);
	w->begun = true;
	return rc;
}

void ser_embed_forget(struct ser_embed *em, int worker)
{
	em->w[worker].n = 0;
	em->w[worker].begun = false;
	begin(&em->w[worker], 1);
}

int ser_embed_push(struct ser_embed *em, int worker, const char *id, const float *x, size_t n, struct ser_err *e)
{
	struct worker *w = &em->w[worker];
	size_t d = em->enc->n_in, step = em->chunk - em->overlap;
	while (n > 0) {
		size_t most = em->chunk > 0 ? em->chunk + 1 - w->n : n, k = n < most ? n : most;
		w->x = ser_grow(w->x, &w->cap, ser_mul(w->n + k, d), sizeof *w->x);
		memcpy(w->x + w->n * d, x, k * d * sizeof *x);
		w->n += k;
		x += k * d;
		n -= k;
		if (em->chunk == 0 || w->n <= em->chunk)
			continue;
		if (encode_chunk(em, worker, id, em->chunk, false, e) != SER_OK) {
			ser_embed_forget(em, worker);
			return e->code;
		}
		w->n -= step;
		memmove(w->x, w->x + step * d, w->n * d * sizeof *w->x);
	}
	return SER_OK;
}

int ser_embed_end(struct ser_embed *em, int worker, struct ser_record *r, const char *name, struct ser_err *e)
{
	struct worker *w = &em->w[worker];
	int rc = encode_chunk(em, worker, ser_record_id(r), w->n, true, e);
	if (rc == SER_OK)
		rc = finish(em, w->y, r, name, e);
	ser_embed_forget(em, worker);
	return rc;
}

/* An embedding x [n] */
static int set_row(const struct ser_embed *em, struct ser_record *r, const char *name, const real *x, size_t n,
		   struct ser_err *e)
{
	float *out = ser_arena_alloc(&r->arena, n, sizeof *out);
	for (size_t i = 0; i < n; i++)
		out[i] = (float)x[i];
	return set_result(em, r, name, out, 1, &n, e);
}

/* Through the network at once */
static int whole(struct ser_embed *em, int worker, struct ser_record *r, const char *name, struct ser_err *e)
{
	struct ser_tape *t;
	int y;
	if (em->o.frames) {
		ser_embed_forget(em, worker);
		int rc = encode(em, worker, r, true, true, e);
		return rc == SER_OK ? finish(em, em->w[worker].y, r, name, e) : rc;
	}
	if (ser_runner_do(em->run, worker, 1, &r, &t, &y, e) < 0)
		return e->code;
	struct ser_node v = ser_tape_node(t, y);
	return set_row(em, r, name, v.val, v.n_col, e);
}

int ser_embed_do(struct ser_embed *em, int worker, struct ser_record *r, const char *name, struct ser_err *e)
{
	const float *x;
	size_t shape[2];
	if (em->chunk == 0 || ser_embed_rows(em, r) <= em->chunk)
		return whole(em, worker, r, name, e);
	if (ser_model_tensor(r, em->enc->field, &x, shape, e) != SER_OK)
		return e->code;
	if (shape[1] != em->enc->n_in)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu dimensions a frame, the model wants %zu",
				       em->enc->field, shape[1], em->enc->n_in);
	ser_embed_forget(em, worker);
	if (ser_embed_push(em, worker, ser_record_id(r), x, shape[0], e) != SER_OK)
		return e->code;
	return ser_embed_end(em, worker, r, name, e);
}

void ser_embed_several(struct ser_embed *em, int worker, size_t n, struct ser_record *const *r, const char *name,
		       int *rc, struct ser_err *const *e)
{
	struct ser_tape *t;
	struct ser_err one_of_them;
	int y;
	if (n == 1 || ser_runner_do(em->run, worker, n, r, &t, &y, &one_of_them) < 0) {
		for (size_t i = 0; i < n; i++)
			rc[i] = ser_embed_do(em, worker, r[i], name, e[i]);
		return;
	}
	struct worker *w = &em->w[worker];
	begin(w, n);
	struct ser_node v = ser_tape_node(t, y);
	if (em->o.frames && !em->o.layers)
		pool_layer(w, 0, v);
	for (size_t i = 0; i < n; i++)
		rc[i] = em->o.frames ? finish(em, w->y + i * n_layer(em), r[i], name, e[i])
				     : set_row(em, r[i], name, v.val + i * v.n_col, v.n_col, e[i]);
}
