/* SPDX-License-Identifier: MIT */
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const ser_model_norms[] = {"none", "mean", "meanvar", "global", NULL};
static const char *const head_kinds[] = {"class", "cosine", "unit", "value", "multi", "tower", "codes"};
enum { N_HEAD_KIND = sizeof head_kinds / sizeof *head_kinds };

const char *ser_head_kind_name(enum ser_head_kind k)
{
	return head_kinds[k];
}

/* ---- making one ---- */

struct ser_model *ser_model_empty(uint64_t seed)
{
	struct ser_model *m = ser_calloc(1, sizeof *m);
	m->train = ser_val_map();
	m->prov = ser_val_list();
	m->params = ser_params_new(seed);
	return m;
}

int ser_model_new(struct ser_model **out, const char *arch, const char *const *hyper, size_t n, uint64_t seed,
		  struct ser_err *e)
{
	struct ser_model *m = ser_model_empty(seed);
	int rc = ser_model_encoder_add(m, NULL, arch, hyper, n, e);
	*out = rc == 0 ? m : NULL;
	if (rc != 0)
		ser_model_free(m);
	return rc;
}

void ser_model_free(struct ser_model *m)
{
	if (m == NULL)
		return;
	free(m->head);
	ser_params_free(m->params);
	ser_arena_free(&m->arena);
	free(m);
}

static char *keep(struct ser_model *m, const char *s)
{
	return ser_arena_strndup(&m->arena, s, strlen(s));
}

int ser_model_head_add(struct ser_model *m, const struct ser_head *h, struct ser_err *e)
{
	if (ser_model_head_find(m, h->name) >= 0)
		return ser_fail(e, SER_EUSAGE, "two heads are named \"%s\"", h->name);
	m->head = ser_grow(m->head, &m->cap_head, m->n_head + 1, sizeof *m->head);
	struct ser_head *new = &m->head[m->n_head];
	*new = *h;
	new->name = keep(m, h->name);
	new->field = h->field != NULL ? keep(m, h->field) : NULL;
	if (h->out != NULL) {
		const char **out = ser_arena_alloc(&m->arena, h->n_out, sizeof *out);
		for (size_t i = 0; i < h->n_out; i++)
			out[i] = keep(m, h->out[i]);
		new->out = out;
	}
	new->n_sub = h->n_sub > 0 ? h->n_sub : 1;
	return (int)m->n_head++;
}

int ser_model_head_find(const struct ser_model *m, const char *name)
{
	for (size_t i = 0; i < m->n_head; i++)
		if (strcmp(m->head[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* ---- the network ---- */

int ser_model_hidden(const struct ser_model *m, struct ser_tape *t, size_t head, int source)
{
	const struct ser_head *h = &m->head[head];
	ser_assert(h->n_hidden > 0);
	ser_tape_enter(t, "heads.%s", h->name);
	int x = h->pool != SER_POOL_NONE ? ser_adapt_pool(t, h->pool, source) : source;
	x = ser_layer_linear(t, "hidden", x, h->n_hidden, true);
	ser_tape_leave(t);
	return x;
}

int ser_model_head(const struct ser_model *m, struct ser_tape *t, size_t head, int source)
{
	const struct ser_head *h = &m->head[head];
	ser_tape_enter(t, "heads.%s", h->name);
	int x = h->pool != SER_POOL_NONE ? ser_adapt_pool(t, h->pool, source) : source;
	bool hidden = h->n_hidden > 0 && h->kind != SER_HEAD_CODES;
	if (hidden)
		x = ser_nn_relu(t, ser_layer_linear(t, "hidden", x, h->n_hidden, true));
	for (size_t i = 2; i <= h->n_layer && hidden; i++) {
		char name[32];
		snprintf(name, sizeof name, "hidden%zu", i);
		x = ser_nn_relu(t, ser_layer_linear(t, name, x, h->n_hidden, true));
	}
	if (h->dropout > 0)
		x = ser_nn_dropout(t, x, h->dropout);
	switch (h->kind) {
	case SER_HEAD_CLASS:
	case SER_HEAD_VALUE:
	case SER_HEAD_MULTI:
		x = ser_layer_linear(t, "out", x, h->n_out, true);
		break;
	case SER_HEAD_TOWER:
		ser_layer_param(t, "logit_scale", SER_P_NO_DECAY, (struct ser_init){SER_INIT_CONST, log(1 / 0.07)}, 1,
				(size_t[]){1});
		/* fall through */
	case SER_HEAD_UNIT:
		x = ser_nn_l2_norm(t, ser_layer_linear(t, "out", x, h->n_out, true), 1e-12);
		break;
	case SER_HEAD_CODES:
		ser_tape_leave(t);
		return ser_model_quantize(m, t, head, x, 1, NULL).q;
	case SER_HEAD_COSINE: {
		if (h->n_proj > 0)
			x = ser_layer_linear(t, "proj", x, h->n_proj, true);
		size_t shape[2] = {ser_mul(h->n_out, h->n_sub), ser_tape_shape(t, x).n_col};
		struct ser_init init = {SER_INIT_NORMAL, 1 / sqrt((double)shape[1])};
		int w = ser_layer_param(t, "centre", 0, init, 2, shape);
		x = ser_nn_linear(t, ser_nn_l2_norm(t, x, 1e-12), ser_nn_l2_norm(t, w, 1e-12), -1);
		break;
	}
	}
	ser_tape_leave(t);
	return x;
}

struct ser_quantized ser_model_quantize(const struct ser_model *m, struct ser_tape *t, size_t head, int x, double tau,
					const uint64_t *key)
{
	const struct ser_head *h = &m->head[head];
	size_t G = h->n_sub, V = h->n_hidden, c = h->n_proj;
	struct ser_quantized y;
	struct ser_init one = {SER_INIT_NORMAL, 1}, uniform = {SER_INIT_UNIFORM, 1};
	int part[SER_MAX_GROUP];
	ser_assert(G <= SER_MAX_GROUP);
	ser_tape_enter(t, "heads.%s", h->name);
	ser_tape_enter(t, "quantizer");
	int w = ser_layer_param(t, "weight_proj.weight", 0, one, 2, (size_t[]){G * V, ser_tape_shape(t, x).n_col});
	int b = ser_layer_param(t, "weight_proj.bias", SER_P_NO_DECAY, (struct ser_init){SER_INIT_CONST, 0}, 1,
				(size_t[]){G * V});
	int a = ser_nn_reshape(t, ser_nn_linear(t, x, w, b), V, -1);
	y.prob = ser_nn_softmax(t, a);
	y.choice = ser_nn_gumbel(t, a, tau, key);
	/* [c, G V]: the entries of a group are columns */
	int e = ser_nn_transpose(t, ser_layer_param(t, "codevectors", 0, uniform, 2, (size_t[]){G * V, c}));
	int chosen = ser_nn_reshape(t, y.choice, G * V, -1);
	for (size_t g = 0; g < G; g++)
		part[g] = ser_nn_matmul(t, ser_nn_slice(t, chosen, g * V, V), ser_nn_slice(t, e, g * V, V), true, 1);
	ser_tape_leave(t);
	y.q = ser_layer_linear(t, "project_q", G == 1 ? part[0] : ser_nn_concat(t, (int)G, part), h->n_out, true);
	y.q = ser_nn_l2_norm(t, y.q, 1e-8);
	ser_tape_leave(t);
	return y;
}

static int check_input(const struct ser_encoder *c, struct ser_err *e)
{
	ser_assert(c->n_in > 0 && (c->field != NULL || c->tokenizer != NULL));
	const struct ser_arch *a = c->arch;
	if (c->field == NULL && a->n_token == NULL)
		return ser_fail(e, SER_EUSAGE, "architecture %s reads no tokens, so no texts", a->name);
	const char *wrong = a->check != NULL ? a->check(c->hyper) : NULL;
	if (wrong != NULL)
		return ser_fail(e, SER_EUSAGE, "architecture %s: %s", a->name, wrong);
	if (a->n_in > 0 && c->n_in != a->n_in)
		return ser_fail(e, SER_EUSAGE, "architecture %s takes %zu column%s, field \"%s\" has %zu", a->name,
				a->n_in, a->n_in > 1 ? "s" : "", c->field, c->n_in);
	return 0;
}

static int input_param(struct ser_model *m, const struct ser_encoder *c, const char *name, double value)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s.%s", c->input_prefix, name);
	int k = ser_params_find(m->params, b.s);
	if (k < 0)
		k = ser_params_add(m->params, b.s, SER_P_BUFFER, (struct ser_init){SER_INIT_CONST, value}, 1, &c->n_in);
	ser_buf_free(&b);
	return k;
}

static int check_adapt(const struct ser_model *m, size_t i, const struct ser_encoded *y, struct ser_err *e)
{
	const struct ser_encoder *c = &m->enc[i];
	if (c->adapt.mix != SER_MIX_NONE && y->n_layer == 0)
		return ser_fail(e, SER_EUSAGE, "architecture %s has no layers to mix", c->arch->name);
	if (c->adapt.rank > 0 && !ser_model_has_lora(m, i))
		return ser_fail(e, SER_EUSAGE, "architecture %s has no linear layers for adapters of rank %zu",
				c->arch->name, c->adapt.rank);
	return 0;
}

static int build_head(struct ser_model *m, struct ser_tape *t, size_t i, const struct ser_encoded *y, struct ser_err *e)
{
	const struct ser_head *h = &m->head[i];
	size_t first = ser_model_source_term(m, &h->source, 0).encoder;
	for (size_t k = 0; k < ser_model_source_terms(m, &h->source); k++) {
		struct ser_source_term s = ser_model_source_term(m, &h->source, k);
		if (s.encoder != first && (m->enc[s.encoder].field == NULL || m->enc[first].field == NULL))
			return ser_fail(e, SER_EUSAGE, "head \"%s\": an encoder of texts goes with no other", h->name);
		if (ser_model_part(t, &y[s.encoder], s.part) < 0)
			return ser_fail(e, SER_EUSAGE, "head \"%s\": architecture %s has no frame-level states",
					h->name, m->enc[s.encoder].arch->name);
	}
	ser_model_head(m, t, i, ser_model_source(m, t, &h->source, y));
	return 0;
}

int ser_model_scale_slice(const struct ser_model *m, size_t head)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "heads.%s.logit_scale", m->head[head].name);
	int k = ser_params_find(m->params, b.s);
	ser_buf_free(&b);
	ser_assert(k >= 0);
	return k;
}

int ser_model_scale(const struct ser_model *m, struct ser_tape *t, size_t head)
{
	return ser_tape_param(t, ser_model_scale_slice(m, head));
}

int ser_model_build(struct ser_model *m, struct ser_err *e)
{
	struct ser_encoded y[SER_MAX_ENCODER];
	int rc = 0;
	if (ser_model_source_terms(m, &(struct ser_source){0}) == 0)
		return ser_fail(e, SER_EUSAGE, "no encoder reads a field of the records");
	for (size_t i = 0; i < m->n_enc; i++)
		if (check_input(&m->enc[i], e) != 0)
			return e->code;
	for (size_t i = 0; i < m->n_enc; i++) {
		struct ser_encoder *c = &m->enc[i];
		if (c->norm != SER_NORM_GLOBAL)
			continue;
		c->mean = input_param(m, c, "mean", 0);
		c->std = input_param(m, c, "std", 1);
	}
	struct ser_tape *t = ser_tape_new(NULL, m->params);
	ser_tape_reset(t, SER_TAPE_SHAPE, 0);
	for (size_t i = 0; i < m->n_enc; i++) {
		struct ser_encoder *c = &m->enc[i];
		size_t n = c->arch->min_frame(c->hyper) + 64,
		       most = c->arch->max_frame != NULL ? c->arch->max_frame(c->hyper) : n,
		       seg[2] = {0, n < most ? n : most};
		y[i] = ser_model_encode(m, t, i, ser_tape_input(t, NULL, seg[1], c->n_in, seg, 1));
		c->n_emb = ser_tape_shape(t, y[i].emb).n_col;
	}
	for (size_t i = 0; i < m->n_enc && rc == 0; i++)
		rc = check_adapt(m, i, &y[i], e);
	for (size_t i = 0; i < m->n_head && rc == 0; i++)
		rc = build_head(m, t, i, y, e);
	ser_tape_free(t);
	return rc == 0 ? ser_params_check(m->params, e) : rc;
}

/* ---- features ---- */

void ser_model_normalise(const struct ser_model *m, size_t encoder, float *x, size_t n_frame)
{
	const struct ser_encoder *in = &m->enc[encoder];
	size_t d = in->n_in;
	if (in->norm == SER_NORM_NONE || n_frame == 0)
		return;
	if (in->norm == SER_NORM_GLOBAL) {
		const struct ser_params *p = m->params;
		const real *mean = p->val + p->slice[in->mean].at;
		const real *std = p->val + p->slice[in->std].at;
		for (size_t i = 0; i < n_frame; i++)
			for (size_t j = 0; j < d; j++)
				x[i * d + j] = (float)((x[i * d + j] - mean[j]) / std[j]);
		return;
	}
	double *sum = ser_calloc(2 * d, sizeof *sum), *sq = sum + d;
	for (size_t i = 0; i < n_frame; i++)
		for (size_t j = 0; j < d; j++)
			sum[j] += (double)x[i * d + j];
	for (size_t j = 0; j < d; j++)
		sum[j] /= (double)n_frame;
	for (size_t i = 0; i < n_frame; i++)
		for (size_t j = 0; j < d; j++) {
			double c = (double)x[i * d + j] - sum[j];
			sq[j] += c * c;
			x[i * d + j] = (float)c;
		}
	if (in->norm == SER_NORM_MEANVAR) {
		for (size_t j = 0; j < d; j++)
			sq[j] = 1 / sqrt(sq[j] / (double)n_frame + 1e-10);
		for (size_t i = 0; i < n_frame; i++)
			for (size_t j = 0; j < d; j++)
				x[i * d + j] = (float)((double)x[i * d + j] * sq[j]);
	}
	free(sum);
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

/* Where two texts of front-ends differ, "fbank num-mel-bins=80 ...": by kind, or else option by option. Nothing when they have other
 * options. */
static void front_differs(struct ser_buf *b, const char *want, const char *have)
{
	size_t n = next_word(&want), k = next_word(&have);
	if (n != k || memcmp(want, have, n) != 0) {
		ser_buf_printf(b, "kind=%.*s, not %.*s", (int)n, want, (int)k, have);
		return;
	}
	for (want += n, have += k; (n = next_word(&want)) > 0; want += n, have += k) {
		k = next_word(&have);
		size_t name = strcspn(want, "=");
		if (name >= n || k <= name || memcmp(want, have, name + 1) != 0)
			return;
		if (n != k || memcmp(want, have, n) != 0)
			ser_buf_printf(b, "%s%.*s, not %.*s", b->n > 0 ? "; " : "", (int)n, want, (int)(k - name - 1),
				       have + name + 1);
	}
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
			 "the model was made for other features: field \"%s\" is to have %.600s; ser-wav2feat --like "
			 "MODEL "
			 "makes "
			 "them as it wants them",
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
				"the stream's header says nothing of field \"%s\", which the model was made for",
				c->field);
	/* first what says most: the rest follows from it */
	if (front[0] != NULL && front[1] != NULL && !ser_val_equal(front[0], front[1]))
		return wrong_dims("front", c->field, front[0], front[1], e);
	for (int s = 1; s >= 0; s--)
		for (size_t i = 0; i < side[s]->u.map.n; i++) {
			const char *name = side[s]->u.map.f[i].name;
			const struct ser_val *want = ser_val_get(&c->dims, name), *have = ser_val_get(side[0], name);
			if (want == NULL || have == NULL || !ser_val_equal(want, have))
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
	if (ser_model_tensor(r, c->field, &feat, shape, e) != 0)
		return e->code;
	if (shape[1] != c->n_in)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu dimensions a frame, the model wants %zu",
				       c->field, shape[1], c->n_in);
	if (shape[0] < least)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu frames, the model needs %zu", c->field,
				       shape[0], least);
	size_t most = c->arch->max_frame != NULL ? c->arch->max_frame(c->hyper) : SIZE_MAX;
	if (shape[0] > most)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu frames, the model takes %zu", c->field,
				       shape[0], most);
	size_t bad = ser_encoder_bad_token(c, feat, shape[0]);
	if (bad < shape[0])
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %g at %zu, no token of %zu", c->field,
				       (double)feat[bad], bad, c->arch->n_token(c->hyper));
	size_t n = shape[0] * shape[1];
	*x = ser_grow(*x, cap, n, sizeof **x);
	memcpy(*x, feat, n * sizeof *feat);
	ser_model_normalise(m, encoder, *x, shape[0]);
	return (ptrdiff_t)shape[0];
}

/* ---- files ---- */

/* [O, a, b, .., I] <-> [O, I, a, b, ..]: engine's and PyTorch's convolution weights. `middle` is the product of the
 * axes between. */
static void layout(const struct ser_slice *s, size_t *out, size_t *middle, size_t *in)
{
	*out = s->ndim > 2 ? s->shape[0] : 1;
	*in = s->ndim > 2 ? s->shape[s->ndim - 1] : s->n;
	*middle = s->ndim > 2 ? s->n / *out / *in : 1;
}

void ser_model_slice_shape(const struct ser_slice *s, size_t *shape)
{
	for (int i = 0; i < s->ndim; i++)
		shape[i] = s->ndim > 2 && i > 0 ? s->shape[i == 1 ? s->ndim - 1 : i - 1] : s->shape[i];
}

void ser_model_slice_out(const struct ser_slice *s, const real *val, float *out, size_t *shape)
{
	size_t n_out, n_mid, n_in;
	layout(s, &n_out, &n_mid, &n_in);
	for (size_t o = 0; o < n_out; o++)
		for (size_t k = 0; k < n_mid; k++)
			for (size_t i = 0; i < n_in; i++)
				out[(o * n_in + i) * n_mid + k] = (float)val[(o * n_mid + k) * n_in + i];
	ser_model_slice_shape(s, shape);
}

void ser_model_slice_in(const struct ser_slice *s, const float *in, real *val)
{
	size_t n_out, n_mid, n_in;
	layout(s, &n_out, &n_mid, &n_in);
	for (size_t o = 0; o < n_out; o++)
		for (size_t k = 0; k < n_mid; k++)
			for (size_t i = 0; i < n_in; i++)
				val[(o * n_mid + k) * n_in + i] = (real)in[(o * n_in + i) * n_mid + k];
}

static void add_meta(struct ser_arena *a, struct ser_st_meta *m, size_t *n, const char *key, const struct ser_val *v)
{
	struct ser_buf b = {0};
	if (v->kind == SER_STR)
		ser_val_text(&b, v);
	else
		ser_val_json(&b, v, false);
	m[(*n)++] = (struct ser_st_meta){key, ser_arena_strndup(a, b.s, b.n)};
	ser_buf_free(&b);
}

static struct ser_val head_val(const struct ser_model *m, struct ser_arena *a, const struct ser_head *h)
{
	struct ser_val v = ser_val_map(), out = ser_val_list();
	ser_val_set(a, &v, "name", ser_str(h->name));
	ser_val_set(a, &v, "kind", ser_str(head_kinds[h->kind]));
	ser_val_set(a, &v, "field", h->field != NULL ? ser_str(h->field) : ser_nil());
	ser_val_set(a, &v, "n_out", ser_int((int64_t)h->n_out));
	ser_val_set(a, &v, "n_hidden", ser_int((int64_t)h->n_hidden));
	ser_val_set(a, &v, "n_sub", ser_int((int64_t)h->n_sub));
	if (h->n_proj > 0)
		ser_val_set(a, &v, "n_proj", ser_int((int64_t)h->n_proj));
	if (h->n_layer > 1) /* so that files without it stay as they were */
		ser_val_set(a, &v, "n_layer", ser_int((int64_t)h->n_layer));
	ser_val_set(a, &v, "dropout", ser_real(h->dropout));
	ser_val_set(a, &v, "adversarial", ser_bool(h->adversarial));
	if (h->source.n > 0) {
		struct ser_buf b = {0};
		ser_model_source_text(m, &h->source, &b);
		ser_val_set(a, &v, "source", ser_str(ser_arena_strndup(a, b.s, b.n)));
		ser_buf_free(&b);
	}
	if (h->pool != SER_POOL_NONE)
		ser_val_set(a, &v, "pool", ser_str(ser_head_pools[h->pool]));
	if (h->out != NULL) {
		out.u.list.v = ser_arena_alloc(a, h->n_out, sizeof *out.u.list.v);
		out.u.list.n = h->n_out;
		for (size_t i = 0; i < h->n_out; i++)
			out.u.list.v[i] = ser_str(h->out[i]);
		ser_val_set(a, &v, "out", out);
	}
	return v;
}

static struct ser_val hyper_val(struct ser_arena *a, const struct ser_encoder *c)
{
	struct ser_val v = ser_val_map();
	for (size_t i = 0; c->arch->hyper[i].name != NULL; i++) {
		const struct ser_hyper *h = &c->arch->hyper[i];
		ser_val_set(a, &v, h->name,
			    h->kind == SER_HYPER_REAL     ? ser_real(c->hyper[i])
			    : h->kind == SER_HYPER_CHOICE ? ser_str(h->names[(size_t)c->hyper[i]])
							  : ser_int((int64_t)c->hyper[i]));
	}
	return v;
}

static struct ser_val input_val(struct ser_arena *a, const struct ser_encoder *c)
{
	struct ser_val v = ser_val_map();
	ser_val_set(a, &v, "field", c->field != NULL ? ser_str(c->field) : ser_nil());
	ser_val_set(a, &v, "dim", ser_int((int64_t)c->n_in));
	ser_val_set(a, &v, "norm", ser_str(ser_model_norms[c->norm]));
	ser_val_set(a, &v, "dims", c->dims);
	return v;
}

static bool adapted(const struct ser_encoder *c)
{
	return c->adapt.mix != SER_MIX_NONE || c->adapt.rank > 0;
}

static struct ser_val adapt_val(struct ser_arena *a, const struct ser_encoder *c)
{
	struct ser_val v = ser_val_map();
	ser_val_set(a, &v, "mix", ser_str(ser_mixes[c->adapt.mix]));
	ser_val_set(a, &v, "rank", ser_int((int64_t)c->adapt.rank));
	ser_val_set(a, &v, "alpha", ser_real(c->adapt.alpha));
	return v;
}

static struct ser_val encoders_val(const struct ser_model *m, struct ser_arena *a)
{
	struct ser_val list = ser_val_list();
	for (size_t i = 0; i < m->n_enc; i++) {
		const struct ser_encoder *c = &m->enc[i];
		struct ser_val v = ser_val_map();
		ser_val_set(a, &v, "name", ser_str(c->name));
		ser_val_set(a, &v, "arch", ser_str(c->arch->name));
		ser_val_set(a, &v, "hyper", hyper_val(a, c));
		ser_val_set(a, &v, "input", input_val(a, c));
		if (adapted(c))
			ser_val_set(a, &v, "adapt", adapt_val(a, c));
		if (c->tokenizer != NULL)
			ser_val_set(a, &v, "tokenizer", ser_str(c->tokenizer));
		ser_val_push(a, &list, v);
	}
	return list;
}

void ser_model_pack(const struct ser_model *m, struct ser_arena *a, struct ser_st_tensor **t, size_t *n,
		    struct ser_st_meta **meta, size_t *n_meta)
{
	const struct ser_params *p = m->params;
	struct ser_val heads = ser_val_list();
	for (size_t i = 0; i < m->n_head; i++)
		ser_val_push(a, &heads, head_val(m, a, &m->head[i]));
	*meta = ser_arena_alloc(a, 9, sizeof **meta);
	*n_meta = 0;
	add_meta(a, *meta, n_meta, "format", &(struct ser_val){.kind = SER_STR, .u.str = {"ser-model", 9}});
	struct ser_val version = ser_str(m->enc[0].name == NULL ? "1" : "2");
	add_meta(a, *meta, n_meta, "version", &version);
	if (m->enc[0].name == NULL) {
		struct ser_val arch = ser_str(m->enc[0].arch->name), hyper = hyper_val(a, &m->enc[0]),
			       input = input_val(a, &m->enc[0]);
		add_meta(a, *meta, n_meta, "arch", &arch);
		add_meta(a, *meta, n_meta, "hyper", &hyper);
		add_meta(a, *meta, n_meta, "input", &input);
		struct ser_val adapt = adapt_val(a, &m->enc[0]);
		if (adapted(&m->enc[0]))
			add_meta(a, *meta, n_meta, "adapt", &adapt);
	} else {
		struct ser_val encoders = encoders_val(m, a);
		add_meta(a, *meta, n_meta, "encoders", &encoders);
	}
	add_meta(a, *meta, n_meta, "heads", &heads);
	add_meta(a, *meta, n_meta, "train", &m->train);
	add_meta(a, *meta, n_meta, "prov", &m->prov);
	*n = p->n_slice;
	*t = ser_arena_calloc(a, *n, sizeof **t);
	for (size_t i = 0; i < *n; i++) {
		const struct ser_slice *s = &p->slice[i];
		float *data = ser_arena_alloc(a, s->n, sizeof *data);
		(*t)[i] = (struct ser_st_tensor){
			.name = s->name, .dtype = SER_ST_F32, .ndim = s->ndim, .n = s->n, .data = data};
		ser_model_slice_out(s, p->val + s->at, data, (*t)[i].shape);
	}
}

int ser_model_save(const struct ser_model *m, const char *path, struct ser_err *e)
{
	struct ser_arena a = {0};
	struct ser_st_tensor *t;
	struct ser_st_meta *meta;
	size_t n, n_meta;
	if (ser_params_check(m->params, e) != 0)
		return ser_fail_in(e, "%s: not written", path);
	ser_model_pack(m, &a, &t, &n, &meta, &n_meta);
	int rc = ser_st_save(path, t, n, meta, n_meta, e);
	ser_arena_free(&a);
	return rc;
}

/* One value of the metadata, parsed, of the kind wanted. */
static int get_meta(const struct ser_st *s, struct ser_arena *a, const char *key, enum ser_kind kind, struct ser_val *v,
		    struct ser_err *e)
{
	const char *text = ser_st_meta(s, key);
	if (text == NULL)
		return ser_fail(e, SER_EDATA, "not a model of ser-train: its metadata has no \"%s\"", key);
	if (kind == SER_STR) {
		*v = ser_str(text);
		return 0;
	}
	if (ser_val_from_json(a, text, strlen(text), v, e) != 0)
		return ser_fail_in(e, "metadata \"%s\"", key);
	if (v->kind != kind)
		return ser_fail(e, SER_EDATA, "metadata \"%s\" is not a %s", key, kind == SER_MAP ? "map" : "list");
	return 0;
}

static bool get_size(const struct ser_val *map, const char *name, size_t lo, size_t *out)
{
	const struct ser_val *v = ser_val_get(map, name);
	if (v == NULL || v->kind != SER_INT || v->u.i < (int64_t)lo || v->u.i > 1 << 24)
		return false;
	*out = (size_t)v->u.i;
	return true;
}

/* Which of the names it is; -1: none. */
static int index_of(const char *const *name, const struct ser_val *v)
{
	for (int k = 0; name[k] != NULL; k++)
		if (ser_val_is_str(v, name[k]))
			return k;
	return -1;
}

static int take_adapt(struct ser_encoder *c, const struct ser_val *v, struct ser_err *e)
{
	const struct ser_val *mix = ser_val_get(v, "mix"), *alpha = ser_val_get(v, "alpha");
	int k = mix != NULL ? index_of(ser_mixes, mix) : -1;
	if (k < 0 || alpha == NULL || alpha->kind != SER_REAL || !(fabs(alpha->u.f) <= 1e6) ||
	    !get_size(v, "rank", 0, &c->adapt.rank) || c->adapt.rank > 1024)
		return ser_fail(e, SER_EDATA, "metadata \"adapt\" lacks a mix, rank or alpha that is known");
	c->adapt.mix = (enum ser_mix)k;
	c->adapt.alpha = alpha->u.f;
	return 0;
}

static int take_head(struct ser_model *m, struct ser_arena *a, const struct ser_val *v, struct ser_err *e)
{
	const struct ser_val *name = ser_val_get(v, "name"), *kind = ser_val_get(v, "kind"),
			     *out = ser_val_get(v, "out");
	const struct ser_val *field = ser_val_get(v, "field"), *drop = ser_val_get(v, "dropout");
	const struct ser_val *adv = ser_val_get(v, "adversarial"), *source = ser_val_get(v, "source");
	struct ser_head h = {0};
	int k = 0;
	if (name == NULL || name->kind != SER_STR || kind == NULL || drop == NULL || drop->kind != SER_REAL ||
	    !(drop->u.f >= 0 && drop->u.f < 1) || !get_size(v, "n_out", 1, &h.n_out) ||
	    !get_size(v, "n_hidden", 0, &h.n_hidden) || !get_size(v, "n_sub", 1, &h.n_sub) ||
	    (ser_val_get(v, "n_proj") != NULL && !get_size(v, "n_proj", 0, &h.n_proj)) ||
	    (ser_val_get(v, "n_layer") != NULL &&
	     (!get_size(v, "n_layer", 1, &h.n_layer) || h.n_layer > SER_MAX_HEAD_LAYER)))
		return ser_fail(e, SER_EDATA, "metadata \"heads\": a head without name, kind, sizes or dropout");
	while (k < N_HEAD_KIND && !ser_val_is_str(kind, head_kinds[k]))
		k++;
	if (k == N_HEAD_KIND)
		return ser_fail(e, SER_EDATA, "metadata \"heads\": \"%s\" is of an unknown kind", name->u.str.s);
	h.name = name->u.str.s;
	h.kind = (enum ser_head_kind)k;
	h.dropout = drop->u.f;
	h.adversarial = adv != NULL && adv->kind == SER_BOOL && adv->u.b;
	h.field = field != NULL && field->kind == SER_STR ? field->u.str.s : NULL;
	const struct ser_val *pool = ser_val_get(v, "pool");
	int p = pool != NULL ? index_of(ser_head_pools, pool) : SER_POOL_NONE;
	if (p < 0)
		return ser_fail(e, SER_EDATA, "metadata \"heads\": \"%s\" pools in an unknown way", h.name);
	h.pool = (enum ser_head_pool)p;
	if (h.kind == SER_HEAD_CODES && (h.n_sub > SER_MAX_GROUP || h.n_hidden == 0 || h.n_proj == 0))
		return ser_fail(e, SER_EDATA,
				"metadata \"heads\": the codes of \"%s\" have no entries, or too many groups", h.name);
	if (h.kind != SER_HEAD_UNIT && h.kind != SER_HEAD_TOWER && h.kind != SER_HEAD_CODES) {
		if (out == NULL || out->kind != SER_LIST || out->u.list.n != h.n_out)
			return ser_fail(e, SER_EDATA, "metadata \"heads\": \"%s\" does not name its %zu outputs",
					h.name, h.n_out);
		const char **names = ser_arena_alloc(a, h.n_out, sizeof *names);
		for (size_t i = 0; i < h.n_out; i++) {
			if (out->u.list.v[i].kind != SER_STR)
				return ser_fail(e, SER_EDATA, "metadata \"heads\": an output of \"%s\" has no name",
						h.name);
			names[i] = out->u.list.v[i].u.str.s;
		}
		h.out = names;
	}
	if (source != NULL && source->kind != SER_STR)
		return ser_fail(e, SER_EDATA, "metadata \"heads\": the source of \"%s\" is no text", h.name);
	if ((source != NULL && ser_model_source_parse(m, source->u.str.s, &h.source, e) != 0) ||
	    ser_model_head_add(m, &h, e) < 0)
		return ser_fail_in(e, "metadata \"heads\"");
	return 0;
}

static int take_input(struct ser_model *m, const struct ser_val *v, const struct ser_val *tokenizer, struct ser_err *e)
{
	if (tokenizer != NULL) {
		if (tokenizer->kind != SER_STR)
			return ser_fail(e, SER_EDATA, "metadata \"encoders\": a tokenizer that is no text");
		ser_model_texts(m, tokenizer->u.str.s);
		return 0;
	}
	const struct ser_val *field = ser_val_get(v, "field"), *norm = ser_val_get(v, "norm"),
			     *dims = ser_val_get(v, "dims");
	size_t dim;
	int k = 0;
	while (norm != NULL && ser_model_norms[k] != NULL && !ser_val_is_str(norm, ser_model_norms[k]))
		k++;
	if (field == NULL || field->kind != SER_STR || norm == NULL || ser_model_norms[k] == NULL || dims == NULL ||
	    dims->kind != SER_MAP || !get_size(v, "dim", 1, &dim))
		return ser_fail(e, SER_EDATA, "metadata \"input\" lacks a field, dim, norm or dims that is known");
	ser_model_input(m, field->u.str.s, dim, dims, (enum ser_model_norm)k);
	return 0;
}

/* Shape in the file of a slice. */
static bool shape_fits(const struct ser_slice *s, const struct ser_st_tensor *t)
{
	size_t shape[SER_MAX_DIM];
	ser_model_slice_shape(s, shape);
	return t->ndim == s->ndim && memcmp(t->shape, shape, (size_t)s->ndim * sizeof *shape) == 0;
}

/* The architecture that a parameter is of, or the first. */
static const char *arch_of(const struct ser_model *m, const char *name)
{
	size_t i = m->n_enc;
	while (--i > 0) {
		size_t n = strlen(m->enc[i].prefix);
		if (strncmp(name, m->enc[i].prefix, n) == 0 && name[n] == '.')
			break;
	}
	return m->enc[i].arch->name;
}

/* The file's tensors against what the architecture would have, before that takes any memory: a few bytes of metadata can
 * describe a network of any size. */
static int check_tensors(struct ser_model *m, const struct ser_st *s, struct ser_err *e)
{
	struct ser_params *own = m->params, *p = ser_params_new(0);
	p->outline = true;
	m->params = p;
	int rc = ser_model_build(m, e);
	m->params = own;
	for (size_t i = 0; i < p->n_slice && rc == 0; i++) {
		const struct ser_slice *sl = &p->slice[i];
		const struct ser_st_tensor *t = ser_st_find(s, sl->name);
		const char *arch = arch_of(m, sl->name);
		if (t == NULL)
			rc = ser_fail(e, SER_EDATA, "parameter \"%s\" of architecture %s is missing", sl->name, arch);
		else if (!shape_fits(sl, t))
			rc = ser_fail(
				e, SER_EDATA,
				"parameter \"%s\" has %zu elements and another shape than architecture %s gives it",
				sl->name, t->n, arch);
	}
	for (size_t i = 0; i < s->n_tensor && rc == 0; i++)
		if (ser_params_find(p, s->tensor[i].name) < 0 && strncmp(s->tensor[i].name, "checkpoint.", 11) != 0)
			rc = ser_fail(e, SER_EDATA, "tensor \"%s\" has no place in architecture %s", s->tensor[i].name,
				      arch_of(m, s->tensor[i].name));
	ser_params_free(p);
	return rc;
}

static int fill_params(struct ser_model *m, const struct ser_st *s, struct ser_err *e)
{
	struct ser_params *p = m->params;
	float *buf = NULL;
	size_t cap = 0;
	for (size_t i = 0; i < p->n_slice; i++) {
		const struct ser_slice *sl = &p->slice[i];
		const struct ser_st_tensor *t = ser_st_find(s, sl->name);
		buf = ser_grow(buf, &cap, t->n, sizeof *buf);
		ser_st_f4(t, buf);
		ser_model_slice_in(sl, buf, p->val + sl->at);
	}
	free(buf);
	return ser_params_check(p, e);
}

/* An encoder: its name, NULL for none, architecture, hyper-parameters and input. */
static int take_encoder(struct ser_model *m, const char *name, const struct ser_val *arch, const struct ser_val *hyper,
			const struct ser_val *input, const struct ser_val *adapt, const struct ser_val *tokenizer,
			struct ser_err *e)
{
	int rc = ser_model_encoder_add(m, name, arch->u.str.s, NULL, 0, e);
	for (size_t i = 0; rc == 0 && i < hyper->u.map.n; i++) {
		const struct ser_field *f = &hyper->u.map.f[i];
		double x = f->val.kind == SER_INT    ? (double)f->val.u.i
			   : f->val.kind == SER_REAL ? f->val.u.f
						     : (double)NAN;
		rc = f->val.kind == SER_STR
			     ? ser_encoder_hyper_text(&m->enc[m->n_enc - 1], f->name, f->name_len, f->val.u.str.s, e)
			     : ser_encoder_hyper(&m->enc[m->n_enc - 1], f->name, f->name_len, x, e);
	}
	if (rc == 0 && adapt != NULL)
		rc = take_adapt(&m->enc[m->n_enc - 1], adapt, e);
	return rc == 0 ? take_input(m, input, tokenizer, e) : rc;
}

/* Files of version 1 have one encoder, without a name. */
static int take_encoders(struct ser_model *m, const struct ser_st *s, struct ser_arena *a, bool one, struct ser_err *e)
{
	struct ser_val arch, hyper, input, adapt, list;
	bool more = ser_st_meta(s, "adapt") != NULL;
	if (one)
		return get_meta(s, a, "arch", SER_STR, &arch, e) != 0 ||
				       get_meta(s, a, "hyper", SER_MAP, &hyper, e) != 0 ||
				       get_meta(s, a, "input", SER_MAP, &input, e) != 0 ||
				       (more && get_meta(s, a, "adapt", SER_MAP, &adapt, e) != 0)
			       ? e->code
			       : take_encoder(m, NULL, &arch, &hyper, &input, more ? &adapt : NULL, NULL, e);
	if (get_meta(s, a, "encoders", SER_LIST, &list, e) != 0)
		return e->code;
	for (size_t i = 0; i < list.u.list.n; i++) {
		const struct ser_val *v = &list.u.list.v[i], *name = ser_val_get(v, "name"),
				     *its_arch = ser_val_get(v, "arch"), *its_hyper = ser_val_get(v, "hyper"),
				     *its_input = ser_val_get(v, "input");
		if (name == NULL || name->kind != SER_STR || its_arch == NULL || its_arch->kind != SER_STR ||
		    its_hyper == NULL || its_hyper->kind != SER_MAP || its_input == NULL || its_input->kind != SER_MAP)
			return ser_fail(e, SER_EDATA, "metadata \"encoders\": one without name, arch, hyper or input");
		if (take_encoder(m, name->u.str.s, its_arch, its_hyper, its_input, ser_val_get(v, "adapt"),
				 ser_val_get(v, "tokenizer"), e) != 0)
			return e->code;
	}
	return m->n_enc > 0 ? 0 : ser_fail(e, SER_EDATA, "metadata \"encoders\": there are none");
}

int ser_model_from_st(struct ser_model **out, const struct ser_st *s, struct ser_err *e)
{
	struct ser_arena a = {0};
	struct ser_val format, version, heads, train, prov;
	*out = NULL;
	int rc = get_meta(s, &a, "format", SER_STR, &format, e);
	if (rc == 0 && !ser_val_is_str(&format, "ser-model"))
		rc = ser_fail(e, SER_EDATA, "not a model of ser-train: its metadata's format is \"%s\"",
			      format.u.str.s);
	if (rc == 0)
		rc = get_meta(s, &a, "version", SER_STR, &version, e);
	bool one = rc == 0 && ser_val_is_str(&version, "1");
	if (rc == 0 && !one && !ser_val_is_str(&version, "2"))
		rc = ser_fail(e, SER_EDATA, "model file version %s is newer than this tool's (2)", version.u.str.s);
	struct ser_model *m = ser_model_empty(0);
	if (rc == 0)
		rc = take_encoders(m, s, &a, one, e);
	if (rc == 0 && ((rc = get_meta(s, &a, "heads", SER_LIST, &heads, e)) != 0 ||
			(rc = get_meta(s, &a, "train", SER_MAP, &train, e)) != 0 ||
			(rc = get_meta(s, &a, "prov", SER_LIST, &prov, e)) != 0))
		rc = e->code;
	for (size_t i = 0; rc == 0 && i < heads.u.list.n; i++)
		rc = take_head(m, &a, &heads.u.list.v[i], e);
	if (rc == 0) {
		m->train = ser_val_copy(&m->arena, &train);
		m->prov = ser_val_copy(&m->arena, &prov);
		rc = check_tensors(m, s, e);
	}
	if (rc == 0)
		rc = ser_model_build(m, e);
	if (rc == 0)
		rc = fill_params(m, s, e);
	ser_arena_free(&a);
	if (rc != 0) {
		ser_model_free(m);
		return e->code = SER_EDATA; /* whatever it is, the file is to blame and not the command line */
	}
	*out = m;
	return 0;
}

int ser_model_load(struct ser_model **out, const char *path, struct ser_err *e)
{
	struct ser_st *s;
	*out = NULL;
	if (ser_st_open(&s, path, e) != 0)
		return e->code;
	int rc = ser_model_from_st(out, s, e);
	ser_st_free(s);
	return rc != 0 ? ser_fail_in(e, "%s", path) : 0;
}

/* What follows a prefix in a name, or NULL. */
static const char *below(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);
	return strncmp(name, prefix, n) == 0 && name[n] == '.' ? name + n + 1 : NULL;
}

static int copy_below(struct ser_params *p, const char *prefix, const struct ser_params *q, const char *other, bool all,
		      struct ser_err *e)
{
	struct ser_buf b = {0};
	int rc = 0;
	for (size_t i = 0; i < p->n_slice && rc == 0; i++) {
		const struct ser_slice *s = &p->slice[i];
		const char *rest = below(s->name, prefix);
		if (rest == NULL)
			continue;
		b.n = 0;
		ser_buf_printf(&b, "%s.%s", other, rest);
		int k = ser_params_find(q, b.s);
		const struct ser_slice *o = k >= 0 ? &q->slice[k] : NULL;
		if (o == NULL && all && strstr(rest, ".lora_") == NULL)
			rc = ser_fail(e, SER_EDATA, "it has no parameter \"%s\"", b.s);
		else if (o != NULL &&
			 (o->ndim != s->ndim || memcmp(o->shape, s->shape, (size_t)s->ndim * sizeof *s->shape) != 0))
			rc = ser_fail(e, SER_EDATA, "its parameter \"%s\" has another shape", b.s);
		else if (o != NULL)
			memcpy(p->val + s->at, q->val + o->at, s->n * sizeof *p->val);
	}
	for (size_t i = 0; i < q->n_slice && rc == 0 && all; i++) {
		const char *rest = below(q->slice[i].name, other);
		if (rest == NULL)
			continue;
		b.n = 0;
		ser_buf_printf(&b, "%s.%s", prefix, rest);
		if (ser_params_find(p, b.s) < 0)
			rc = ser_fail(e, SER_EDATA, "its parameter \"%s\" has no place here", q->slice[i].name);
	}
	ser_buf_free(&b);
	return rc;
}

int ser_model_copy_encoder(struct ser_model *m, size_t i, const struct ser_model *src, size_t j, struct ser_err *e)
{
	const struct ser_encoder *c = &m->enc[i], *o = &src->enc[j];
	if (copy_below(m->params, c->prefix, src->params, o->prefix, true, e) != 0)
		return e->code;
	if (copy_below(m->params, c->mix_prefix, src->params, o->mix_prefix, false, e) != 0)
		return e->code;
	return copy_below(m->params, c->input_prefix, src->params, o->input_prefix, false, e);
}
