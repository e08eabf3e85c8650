/* SPDX-License-Identifier: MIT */
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const ser_model_norms[] = {"none", "mean", "meanvar", "global", NULL};
const char *const ser_head_kinds[] = {"class", "cosine", "unit", "value", "multi", "tower", "codes", NULL};

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
	if (h->fed.n > 0) {
		new->fed.s = ser_arena_alloc(&m->arena, h->fed.n, sizeof *new->fed.s);
		for (size_t i = 0; i < h->fed.n; i++)
			new->fed.s[i] = keep(m, h->fed.s[i]);
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
	source = ser_model_fed(m, t, h, source);
	ser_tape_enter(t, "heads.%s", h->name);
	int x = h->pool != SER_POOL_NONE ? ser_adapt_pool(t, h->pool, source) : source;
	x = ser_layer_linear(t, "hidden", x, h->n_hidden, true);
	ser_tape_leave(t);
	return x;
}

static int activation(const struct ser_head *h, struct ser_tape *t, int x)
{
	return h->tanh ? ser_nn_tanh(t, x) : ser_nn_relu(t, x);
}

int ser_model_head(const struct ser_model *m, struct ser_tape *t, size_t head, int source)
{
	const struct ser_head *h = &m->head[head];
	source = ser_model_fed(m, t, h, source);
	ser_tape_enter(t, "heads.%s", h->name);
	int x = h->pool != SER_POOL_NONE ? ser_adapt_pool(t, h->pool, source) : source;
	bool hidden = h->n_hidden > 0 && h->kind != SER_HEAD_CODES;
	if (hidden)
		x = activation(h, t, ser_layer_linear(t, "hidden", x, h->n_hidden, true));
	for (size_t i = 2; i <= h->n_layer && hidden; i++) {
		char name[32];
		snprintf(name, sizeof name, "hidden%zu", i);
		x = activation(h, t, ser_layer_linear(t, name, x, h->n_hidden, true));
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
		return ser_fail(e, SER_EUSAGE,
				"adapters of rank %zu go beside linear layers of more than %zu inputs and outputs in "
				"numbered blocks, of which this %s has none",
				c->adapt.rank, 8 * c->adapt.rank, c->arch->name);
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
	if (ser_model_check_fed(m, h, e) != 0)
		return e->code;
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
		size_t seg[2] = {0, ser_encoder_some_frames(c)};
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

/* ---- parameters from one model to another ---- */

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
