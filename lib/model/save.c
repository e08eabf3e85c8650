/* SPDX-License-Identifier: MIT */
/* Models as tensors and metadata: ser-model(5). */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

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
	ser_val_set(a, &v, "kind", ser_str(ser_head_kinds[h->kind]));
	ser_val_set(a, &v, "field", h->field != NULL ? ser_str(h->field) : ser_nil());
	ser_val_set(a, &v, "n_out", ser_int((int64_t)h->n_out));
	ser_val_set(a, &v, "n_hidden", ser_int((int64_t)h->n_hidden));
	ser_val_set(a, &v, "n_sub", ser_int((int64_t)h->n_sub));
	if (h->n_proj > 0)
		ser_val_set(a, &v, "n_proj", ser_int((int64_t)h->n_proj));
	if (h->n_layer > 1) /* so that files without it stay as they were */
		ser_val_set(a, &v, "n_layer", ser_int((int64_t)h->n_layer));
	ser_val_set(a, &v, "dropout", ser_real(h->dropout));
	if (h->tanh)
		ser_val_set(a, &v, "activation", ser_str("tanh"));
	ser_val_set(a, &v, "adversarial", ser_bool(h->adversarial));
	if (h->source.n > 0) {
		struct ser_buf b = {0};
		ser_model_source_text(m, &h->source, &b);
		ser_val_set(a, &v, "source", ser_str(ser_arena_strndup(a, b.s, b.n)));
		ser_buf_free(&b);
	}
	if (h->pool != SER_POOL_NONE)
		ser_val_set(a, &v, "pool", ser_str(ser_head_pools[h->pool]));
	if (h->fed.n > 0)
		ser_val_set(a, &v, "fed", ser_model_fed_val(h, a));
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

int ser_model_export(const struct ser_model *m, const char *path, bool encoder_only, struct ser_err *e)
{
	static const struct ser_st_meta pt = {"format", "pt"}; /* what PyTorch's loader looks for */
	struct ser_arena a = {0};
	struct ser_st_tensor *t;
	struct ser_st_meta *meta;
	size_t n, n_meta, kept = 0;
	ser_model_pack(m, &a, &t, &n, &meta, &n_meta);
	for (size_t i = 0; i < n; i++) {
		if (encoder_only && strncmp(t[i].name, "encoder.", 8) != 0)
			continue;
		t[kept] = t[i];
		t[kept++].name += encoder_only ? 8 : 0;
	}
	int rc = ser_st_save(path, t, kept, &pt, 1, e);
	ser_arena_free(&a);
	return rc;
}
