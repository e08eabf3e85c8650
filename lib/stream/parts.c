/* SPDX-License-Identifier: MIT */
/* One record out of those that came in parts. */
#include "stream/wire.h"

#include <stdlib.h>
#include <string.h>

/* A tensor that grows along its first axis. */
struct ser_growing {
	const char *name;
	struct ser_tensor t;
	struct ser_buf data;
};

void ser_parts_begin(struct ser_parts *p, const struct ser_val *names)
{
	ser_parts_free(p);
	p->n = names->u.list.n;
	p->tensor = ser_calloc(p->n, sizeof *p->tensor);
	for (size_t i = 0; i < p->n; i++)
		p->tensor[i].name = names->u.list.v[i].u.str.s;
}

void ser_parts_free(struct ser_parts *p)
{
	for (size_t i = 0; i < p->n; i++)
		ser_buf_free(&p->tensor[i].data);
	free(p->tensor);
	ser_record_free(&p->first);
	*p = (struct ser_parts){0};
}

bool ser_parts_belongs(const struct ser_parts *p, const struct ser_record *r)
{
	const struct ser_val *a = ser_record_get(&p->first, "part_of"), *b = ser_record_get(r, "part_of");
	return b != NULL && ser_val_equal(a, b);
}

/* Whether a part's tensor can be put behind what is there. */
static bool fits(const struct ser_tensor *t, const struct ser_tensor *part)
{
	return part->ndim > 0 && part->dtype == t->dtype && part->ndim == t->ndim &&
	       memcmp(part->shape + 1, t->shape + 1, (size_t)(t->ndim - 1) * sizeof *t->shape) == 0;
}

int ser_parts_add(struct ser_parts *p, const struct ser_record *r, size_t max, struct ser_err *e)
{
	const struct ser_val *of = ser_record_get(r, "part_of");
	if (of == NULL || of->kind != SER_STR || of->u.str.n == 0)
		return ser_record_fail(r, e, SER_EDATA, "is in parts, but \"part_of\" does not say of what");
	bool begins = p->first.n == 0;
	if (begins)
		ser_record_copy(&p->first, r);
	size_t size = 0;
	for (size_t i = 0; i < p->n; i++) {
		struct ser_growing *g = &p->tensor[i];
		const struct ser_val *v = ser_record_get(r, g->name);
		char what[128];
		if (v == NULL || v->kind != SER_TENSOR || !fits(begins ? &v->u.t : &g->t, &v->u.t))
			return ser_record_fail(r, e, SER_EDATA,
					       "field \"%s\" is %s, which does not continue the part before", g->name,
					       v != NULL ? ser_val_what(v, what) : "absent");
		if (begins)
			g->t = v->u.t;
		else
			g->t.shape[0] += v->u.t.shape[0];
		ser_buf_add(&g->data, v->u.t.data, ser_tensor_size(&v->u.t));
		size += g->data.n;
	}
	if (size > max)
		return ser_record_fail(r, e, SER_EDATA, "with the parts before it, it is larger than %zu bytes", max);
	return 0;
}

int ser_parts_join(struct ser_parts *p, struct ser_record *r, struct ser_err *e)
{
	struct ser_record *whole = &p->first;
	struct ser_buf b = {0};
	const char *source = whole->source;
	uint64_t index = whole->index, at = whole->at;
	ser_record_set(whole, "id", *ser_record_get(whole, "part_of"));
	ser_record_drop(whole, "part_of");
	for (size_t i = 0; i < p->n; i++) {
		struct ser_growing *g = &p->tensor[i];
		g->t.data = g->data.s;
		ser_record_set(whole, g->name, (struct ser_val){.kind = SER_TENSOR, .u.t = g->t});
	}
	ser_record_pack(&b, whole);
	ser_record_clear(whole);
	for (size_t i = 0; i < p->n; i++)
		p->tensor[i].data.n = 0;
	int rc = ser_record_unpack(r, b.s, b.n, e);
	ser_buf_free(&b);
	r->source = source;
	r->index = index;
	r->at = at;
	r->joined = true;
	return rc;
}
