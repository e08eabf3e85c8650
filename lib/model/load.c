/* SPDX-License-Identifier: MIT */
/* Models from tensors and metadata, every word of which may be false. */
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
	if (name == NULL || name->kind != SER_STR || kind == NULL || drop == NULL || drop->kind != SER_REAL ||
	    !(drop->u.f >= 0 && drop->u.f < 1) || !get_size(v, "n_out", 1, &h.n_out) ||
	    !get_size(v, "n_hidden", 0, &h.n_hidden) || !get_size(v, "n_sub", 1, &h.n_sub) ||
	    (ser_val_get(v, "n_proj") != NULL && !get_size(v, "n_proj", 0, &h.n_proj)) ||
	    (ser_val_get(v, "n_layer") != NULL &&
	     (!get_size(v, "n_layer", 1, &h.n_layer) || h.n_layer > SER_MAX_HEAD_LAYER)))
		return ser_fail(e, SER_EDATA, "metadata \"heads\": a head without name, kind, sizes or dropout");
	int k = index_of(ser_head_kinds, kind);
	if (k < 0)
		return ser_fail(e, SER_EDATA, "metadata \"heads\": \"%s\" is of an unknown kind", name->u.str.s);
	h.name = name->u.str.s;
	h.kind = (enum ser_head_kind)k;
	h.dropout = drop->u.f;
	h.adversarial = adv != NULL && adv->kind == SER_BOOL && adv->u.b;
	h.field = field != NULL && field->kind == SER_STR ? field->u.str.s : NULL;
	const struct ser_val *act = ser_val_get(v, "activation");
	h.tanh = act != NULL;
	if (act != NULL && !ser_val_is_str(act, "tanh"))
		return ser_fail(e, SER_EDATA, "metadata \"heads\": \"%s\" has an unknown activation", h.name);
	const struct ser_val *pool = ser_val_get(v, "pool");
	int p = pool != NULL ? index_of(ser_head_pools, pool) : SER_POOL_NONE;
	if (p < 0)
		return ser_fail(e, SER_EDATA, "metadata \"heads\": \"%s\" pools in an unknown way", h.name);
	h.pool = (enum ser_head_pool)p;
	if (ser_model_fed_take(&h, a, ser_val_get(v, "fed"), e) != 0)
		return e->code;
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
		ser_st_pass(s, t);
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
	m->params->blank = true;
	if (rc == 0)
		rc = ser_model_build(m, e);
	m->params->blank = false;
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
