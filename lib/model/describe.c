/* SPDX-License-Identifier: MIT */
/* What a model is, in words. */
#include "model/model.h"

#include <math.h>
#include <string.h>

static void line(struct ser_buf *b, const char *name, const struct ser_val *v)
{
	ser_buf_printf(b, "%-14s", name);
	if (v->kind == SER_STR)
		ser_val_text(b, v);
	else
		ser_val_json(b, v, false);
	ser_buf_str(b, "\n");
}

static void heads(const struct ser_model *m, struct ser_buf *b)
{
	for (size_t i = 0; i < m->n_head; i++) {
		const struct ser_head *h = &m->head[i];
		ser_buf_printf(b, "%-14s%s: %s, %zu output%s", i == 0 ? "heads" : "", h->name, ser_head_kinds[h->kind],
			       h->n_out, ser_s(h->n_out));
		if (h->n_hidden > 0)
			ser_buf_printf(b, ", %zu hidden%s", h->n_hidden, h->tanh ? " with tanh" : "");
		if (h->source.n > 0) {
			ser_buf_str(b, ", on ");
			ser_model_source_text(m, &h->source, b);
		}
		if (h->pool != SER_POOL_NONE)
			ser_buf_printf(b, ", pooling %s", ser_head_pools[h->pool]);
		for (size_t k = 0; k < h->fed.n; k++)
			ser_buf_printf(b, "%s %s", k == 0 ? ", fed by" : ",", h->fed.s[k]);
		if (h->adversarial)
			ser_buf_str(b, ", adversarial");
		for (size_t k = 0; h->out != NULL && k < h->n_out && k < 12; k++)
			ser_buf_printf(b, "%s%s", k == 0 ? ": " : ", ", h->out[k]);
		ser_buf_str(b, h->out != NULL && h->n_out > 12 ? ", ...\n" : "\n");
	}
}

static const struct ser_val *listed(const struct ser_encoder *c, const char *name)
{
	const struct ser_val *v = c->dims.kind == SER_MAP ? ser_val_get(&c->dims, name) : NULL;
	return v != NULL && v->kind == SER_LIST ? v : NULL;
}

/* The name of input dimension j: a column, or a functional of one. */
static void feature(const struct ser_encoder *c, size_t j, struct ser_buf *b)
{
	const struct ser_val *columns = listed(c, "columns"), *of = listed(c, "functionals");
	size_t n = columns != NULL ? columns->u.list.n : 0,
	       each = of != NULL && n > 0 && n < c->n_in ? of->u.list.n : 1;
	if (n * each != c->n_in) {
		ser_buf_printf(b, "%s.%zu", c->field, j);
		return;
	}
	ser_val_text(b, &columns->u.list.v[j / each]);
	if (each > 1) {
		ser_buf_str(b, "_");
		ser_val_text(b, &of->u.list.v[j % each]);
	}
}

/* What weighs most in each output of a linear model, whose inputs are standardised. */
static void weights(const struct ser_model *m, struct ser_buf *b)
{
	enum { N = 5 };
	const struct ser_encoder *c = &m->enc[0];
	const struct ser_head *h = &m->head[0];
	struct ser_buf name = {0};
	if (m->n_enc != 1 || m->n_head != 1 || strcmp(c->arch->name, "linear") != 0 || h->n_hidden > 0)
		return;
	ser_buf_printf(&name, "heads.%s.out.weight", h->name);
	int at = ser_params_find(m->params, name.s);
	ser_buf_free(&name);
	for (size_t k = 0; at >= 0 && h->out != NULL && k < h->n_out; k++) {
		const real *w = m->params->val + m->params->slice[at].at + k * c->n_emb;
		double last = HUGE_VAL;
		size_t last_j = 0;
		ser_buf_printf(b, "%-14s%s:", k == 0 ? "weights" : "", h->out[k]);
		for (size_t i = 0; i < N && i < c->n_in; i++) {
			size_t best = c->n_in; /* the next in order of size, then of place */
			for (size_t j = 0; j < c->n_in; j++) {
				double a = fabs((double)w[j]);
				if ((a < last || (a == last && j > last_j)) &&
				    (best == c->n_in || a > fabs((double)w[best])))
					best = j;
			}
			last = fabs((double)w[best]);
			last_j = best;
			ser_buf_printf(b, "%s %+.3g ", i > 0 ? "," : "", (double)w[best]);
			feature(c, best, b);
		}
		ser_buf_str(b, "\n");
	}
}

void ser_model_describe_training(const struct ser_model *m, struct ser_buf *b)
{
	for (size_t i = 0; i < m->train.u.map.n; i++) {
		const struct ser_field *f = &m->train.u.map.f[i];
		if (strcmp(f->name, "speakers") == 0 && f->val.kind == SER_LIST)
			ser_buf_printf(b, "%-14s%zu training speakers\n", "speakers", f->val.u.list.n);
		else if (f->val.kind != SER_MAP)
			line(b, f->name, &f->val);
		else
			ser_buf_printf(b, "%-14sbegan with another model's encoder\n", f->name);
	}
	for (size_t i = 0; i < m->prov.u.list.n; i++)
		line(b, i == 0 ? "provenance" : "", &m->prov.u.list.v[i]);
}

static void encoder(const struct ser_encoder *c, struct ser_buf *b)
{
	if (c->name != NULL)
		ser_buf_printf(b, "%-14s%s\n", "encoder", c->name);
	ser_buf_printf(b, "%-14s%s:", "architecture", c->arch->name);
	for (size_t i = 0; c->arch->hyper[i].name != NULL; i++) {
		ser_buf_printf(b, " %s=", c->arch->hyper[i].name);
		ser_hyper_print(&c->arch->hyper[i], c->hyper[i], b);
	}
	ser_buf_str(b, "\n");
}

static void input(const struct ser_encoder *c, struct ser_buf *b)
{
	if (c->field == NULL) {
		ser_buf_printf(b, "%-14stexts, by a tokenizer of its own\n", "input");
		ser_buf_printf(b, "%-14s%zu dimension%s\n", "embedding", c->n_emb, ser_s(c->n_emb));
		return;
	}
	ser_buf_printf(b, "%-14s\"%s\", %zu dimension%s a frame, at least %zu frames, normalised: %s\n", "input",
		       c->field, c->n_in, ser_s(c->n_in), c->arch->min_frame(c->hyper), ser_model_norms[c->norm]);
	ser_buf_printf(b, "%-14s", "front-end");
	ser_val_brief(b, &c->dims);
	ser_buf_str(b, "\n");
	ser_buf_printf(b, "%-14s%zu dimension%s\n", "embedding", c->n_emb, ser_s(c->n_emb));
	if (c->adapt.mix != SER_MIX_NONE)
		ser_buf_printf(b, "%-14s%s\n", "layers",
			       c->adapt.mix == SER_MIX_SUM ? "their sum, weighted" : "their sum, normed and weighted");
	if (c->adapt.rank > 0)
		ser_buf_printf(b, "%-14srank %zu, alpha %g\n", "adapters", c->adapt.rank, c->adapt.alpha);
}

void ser_model_describe_network(const struct ser_model *m, struct ser_buf *b)
{
	for (size_t i = 0; i < m->n_enc; i++) {
		encoder(&m->enc[i], b);
		if (i == 0)
			ser_buf_printf(b, "%-14s%zu\n", "parameters", ser_params_count(m->params, false));
		input(&m->enc[i], b);
	}
	heads(m, b);
}

void ser_model_describe(const struct ser_model *m, struct ser_buf *b)
{
	ser_model_describe_network(m, b);
	weights(m, b);
	ser_model_describe_training(m, b);
}
