/* SPDX-License-Identifier: MIT */
/* What a model is, in words. */
#include "model/model.h"

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
			       h->n_out, h->n_out == 1 ? "" : "s");
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
		ser_buf_printf(b, "%-14s%zu dimensions\n", "embedding", c->n_emb);
		return;
	}
	ser_buf_printf(b, "%-14s\"%s\", %zu dimensions a frame, at least %zu frames, normalised: %s\n", "input",
		       c->field, c->n_in, c->arch->min_frame(c->hyper), ser_model_norms[c->norm]);
	line(b, "front-end", &c->dims);
	ser_buf_printf(b, "%-14s%zu dimensions\n", "embedding", c->n_emb);
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
	ser_model_describe_training(m, b);
}
