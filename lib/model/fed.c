/* SPDX-License-Identifier: MIT */
/* Heads that are fed what others say: motion by visemes and emotion, after Sadoughi and Busso (FG 2018), in our reading. */
#include "model/model.h"

#include <string.h>

int ser_model_fed(const struct ser_model *m, struct ser_tape *t, const struct ser_head *h, int source)
{
	int part[SER_MAX_FED + 1] = {source};
	for (size_t i = 0; i < h->fed.n; i++) {
		int k = ser_model_head_find(m, h->fed.s[i]);
		const struct ser_head *of = &m->head[k];
		int y = ser_model_head(m, t, (size_t)k, source);
		y = of->kind == SER_HEAD_CLASS   ? ser_nn_softmax(t, y)
		    : of->kind == SER_HEAD_MULTI ? ser_nn_sigmoid(t, y)
						 : y;
		part[i + 1] = of->pool != SER_POOL_NONE && h->pool == SER_POOL_NONE ? ser_nn_expand(t, y, source) : y;
	}
	return h->fed.n > 0 ? ser_nn_concat(t, (int)h->fed.n + 1, part) : source;
}

static bool same_source(const struct ser_model *m, const struct ser_head *a, const struct ser_head *b)
{
	size_t n = ser_model_source_terms(m, &a->source);
	if (ser_model_source_terms(m, &b->source) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct ser_source_term x = ser_model_source_term(m, &a->source, i),
				       y = ser_model_source_term(m, &b->source, i);
		if (x.encoder != y.encoder || x.part != y.part)
			return false;
	}
	return true;
}

int ser_model_check_fed(const struct ser_model *m, const struct ser_head *h, struct ser_err *e)
{
	if (h->fed.n > 0 && h->pool != SER_POOL_NONE)
		return ser_fail(e, SER_EUSAGE, "head \"%s\" pools its frames, beside which others stand", h->name);
	if (h->fed.n > SER_MAX_FED)
		return ser_fail(e, SER_EUSAGE, "head \"%s\" is fed by more than %d others", h->name, SER_MAX_FED);
	for (size_t i = 0; i < h->fed.n; i++) {
		int k = ser_model_head_find(m, h->fed.s[i]);
		const struct ser_head *of = k >= 0 ? &m->head[k] : NULL;
		if (of == NULL)
			return ser_fail(e, SER_EUSAGE, "head \"%s\" is fed by \"%s\", which is not there", h->name,
					h->fed.s[i]);
		if (of == h || of->fed.n > 0 ||
		    (of->kind != SER_HEAD_CLASS && of->kind != SER_HEAD_MULTI && of->kind != SER_HEAD_VALUE))
			return ser_fail(
				e, SER_EUSAGE,
				"head \"%s\" is fed by \"%s\", which is no head of classes or values, or is fed itself",
				h->name, of->name);
		if (!same_source(m, h, of))
			return ser_fail(e, SER_EUSAGE,
					"head \"%s\" is fed by \"%s\", which stands on another source: --head-pool "
					"mean makes one vector of frames",
					h->name, of->name);
	}
	return 0;
}

struct ser_val ser_model_fed_val(const struct ser_head *h, struct ser_arena *a)
{
	struct ser_val list = ser_val_list();
	for (size_t i = 0; i < h->fed.n; i++)
		ser_val_push(a, &list, ser_str(h->fed.s[i]));
	return list;
}

int ser_model_fed_take(struct ser_head *h, struct ser_arena *a, const struct ser_val *list, struct ser_err *e)
{
	h->fed = (struct ser_strs){NULL, 0};
	if (list == NULL)
		return 0;
	if (list->kind != SER_LIST || list->u.list.n == 0 || list->u.list.n > SER_MAX_FED)
		return ser_fail(e, SER_EDATA, "metadata \"heads\": what feeds \"%s\" is no list of heads", h->name);
	h->fed.s = ser_arena_alloc(a, list->u.list.n, sizeof *h->fed.s);
	for (size_t i = 0; i < list->u.list.n; i++) {
		if (list->u.list.v[i].kind != SER_STR)
			return ser_fail(e, SER_EDATA, "metadata \"heads\": what feeds \"%s\" is no list of heads",
					h->name);
		h->fed.s[h->fed.n++] = list->u.list.v[i].u.str.s;
	}
	return 0;
}
