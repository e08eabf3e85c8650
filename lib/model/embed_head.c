/* SPDX-License-Identifier: MIT */
#include "model/embed.h"

#include <stdlib.h>
#include <string.h>

struct ser_embed_head {
	const struct ser_model *m;
	struct ser_embed_head_opt o;
	struct ser_runner *run;
	struct ser_prompts own; /* over texts: the model's classes, unless prompts are given */
	float *unit;            /* [own.class.n, n_out] */
};

static bool projects(const struct ser_head *h)
{
	return h->kind == SER_HEAD_UNIT || h->kind == SER_HEAD_TOWER;
}

bool ser_embed_head_has(const struct ser_model *m, size_t head)
{
	return projects(&m->head[head]) || m->head[head].n_hidden > 0;
}

bool ser_embed_head_texts(const struct ser_model *m, size_t head)
{
	return m->enc[ser_model_source_term(m, &m->head[head].source, 0).encoder].field == NULL;
}

static int embed_own(struct ser_embed_head *eh, struct ser_err *e)
{
	const struct ser_strs *none = &eh->o.prompt;
	if (ser_prompts_of(&eh->own, eh->m, none, NULL, none, e) != 0)
		return e->code;
	eh->unit = ser_malloc(ser_mul(eh->own.class.n, eh->m->head[eh->o.head].n_out), sizeof *eh->unit);
	return ser_model_embed_classes(eh->m, eh->o.head, &eh->own, eh->unit, e);
}

int ser_embed_head_new(struct ser_embed_head **out, const struct ser_model *m, const struct ser_embed_head_opt *o,
		       enum ser_la_precision p, int n_worker, struct ser_err *e)
{
	bool texts = ser_embed_head_texts(m, o->head);
	struct ser_embed_head *eh = ser_calloc(1, sizeof *eh);
	ser_assert(texts == (o->label != NULL));
	eh->m = m;
	eh->o = *o;
	int rc = texts && o->prompt.n == 0 ? embed_own(eh, e) : SER_OK;
	eh->run = ser_runner_new(m, texts ? NULL : &m->head[o->head].source, n_worker);
	if (rc == SER_OK)
		rc = ser_runner_precision(eh->run, p, e);
	if (rc != SER_OK) {
		ser_embed_head_free(eh);
		eh = NULL;
	}
	*out = eh;
	return rc;
}

void ser_embed_head_free(struct ser_embed_head *eh)
{
	if (eh == NULL)
		return;
	ser_runner_free(eh->run);
	ser_prompts_free(&eh->own);
	free(eh->unit);
	free(eh);
}

void ser_embed_head_consume(struct ser_embed_head *eh)
{
	if (eh->o.label == NULL)
		ser_runner_consume(eh->run);
}

void ser_embed_head_note(const struct ser_embed_head *eh, struct ser_buf *b)
{
	ser_runner_note(eh->run, b);
}

int ser_embed_head_header(struct ser_embed_head *eh, struct ser_header *h, const char *name, struct ser_err *e)
{
	if (eh->o.label == NULL && ser_runner_check_header(eh->run, h, e) != 0)
		return e->code;
	struct ser_val axes = ser_val_list(), *dim = ser_header_dim_add(h, name);
	ser_val_push(&h->arena, &axes, ser_str("dim"));
	ser_val_set(&h->arena, dim, "axes", axes);
	const struct ser_val *spk = ser_val_get(&eh->m->train, "speakers");
	if (spk != NULL)
		ser_val_set(&h->arena, dim, "train_speakers", *spk);
	return SER_OK;
}

/* The class that the label names, in the model's texts or in those given */
static int class_of(const struct ser_embed_head *eh, struct ser_record *r, const char *name, struct ser_err *e)
{
	const char *text;
	size_t d = eh->m->head[eh->o.head].n_out, k = 0;
	if (ser_record_str(r, eh->o.label, &text, e) != 0)
		return e->code;
	float *y = ser_arena_alloc(&r->arena, d, sizeof *y);
	while (k < eh->own.class.n && strcmp(eh->own.class.s[k], text) != 0)
		k++;
	if (k < eh->own.class.n) {
		memcpy(y, eh->unit + k * d, d * sizeof *y);
	} else {
		struct ser_prompts p = {.n = 0};
		struct ser_err why;
		int rc = ser_prompts_of(&p, eh->m, &eh->o.prompt, NULL, &(struct ser_strs){&text, 1}, &why);
		if (rc == 0)
			rc = ser_model_embed_classes(eh->m, eh->o.head, &p, y, &why);
		ser_prompts_free(&p);
		if (rc != 0)
			return ser_record_fail(r, e, SER_EDATA, "%s", why.msg);
	}
	ser_record_set(r, name, ser_f4(y, 1, &d));
	return SER_OK;
}

int ser_embed_head_do(struct ser_embed_head *eh, int worker, struct ser_record *r, const char *name, struct ser_err *e)
{
	struct ser_tape *t;
	int y;
	if (eh->o.label != NULL)
		return class_of(eh, r, name, e);
	if (ser_runner_do(eh->run, worker, 1, &r, &t, &y, e) < 0)
		return e->code;
	y = projects(&eh->m->head[eh->o.head]) ? ser_model_head(eh->m, t, eh->o.head, y)
					       : ser_model_hidden(eh->m, t, eh->o.head, y);
	return ser_runner_set(r, name, ser_tape_node(t, y), false, e);
}
