/* SPDX-License-Identifier: MIT */
#include "stream/inspect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add_label(struct ser_column_info *c, const struct ser_val *v)
{
	struct ser_buf text = {0};
	double x = v->kind == SER_INT ? (double)v->u.i : v->kind == SER_REAL ? v->u.f : 0;
	if (v->kind == SER_INT || v->kind == SER_REAL) {
		struct ser_tensor t = {.dtype = SER_F8, .data = &x};
		ser_tensor_range(&t, &c->range);
	}
	if (c->many || v->kind == SER_NIL)
		return;
	ser_val_text(&text, v);
	size_t i = ser_map_add(c->value, text.s, text.n, NULL);
	size_t old = c->cap;
	c->count = ser_grow(c->count, &c->cap, i + 1, sizeof *c->count);
	if (c->cap > old)
		memset(c->count + old, 0, (c->cap - old) * sizeof *c->count);
	c->count[i]++;
	c->many = ser_map_len(c->value) > SER_COLUMN_VALUES;
	ser_buf_free(&text);
}

static double number(const struct ser_val *map, const char *name)
{
	const struct ser_val *v = ser_val_get(map, name);
	return v == NULL ? 0 : v->kind == SER_REAL ? v->u.f : v->kind == SER_INT ? (double)v->u.i : 0;
}

static void add_tensor(struct ser_column_info *c, const struct ser_tensor *t, const struct ser_val *dim)
{
	if (c->n_kind[SER_TENSOR] == 1) {
		c->dtype = t->dtype;
		c->ndim = t->ndim;
	}
	c->mixed = c->mixed || c->dtype != t->dtype || c->ndim != t->ndim;
	for (int i = 0; i < t->ndim; i++) {
		c->lo[i] = c->n_kind[SER_TENSOR] == 1 || t->shape[i] < c->lo[i] ? t->shape[i] : c->lo[i];
		c->hi[i] = t->shape[i] > c->hi[i] ? t->shape[i] : c->hi[i];
	}
	ser_tensor_range(t, &c->range);
	double shift = number(dim, "shift_s"), rate = number(dim, "rate_hz");
	if (t->ndim > 0 && (shift > 0 || rate > 0)) {
		c->seconds += (double)t->shape[0] * (shift > 0 ? shift : 1 / rate);
		c->timed = true;
	}
}

void ser_inspect_add(struct ser_inspect *f, const struct ser_record *r, const struct ser_header *h)
{
	if (f->name == NULL)
		f->name = ser_map_new();
	for (size_t i = 0; i < r->n; i++) {
		const struct ser_field *x = &r->field[i];
		bool is_new;
		size_t k = ser_map_add(f->name, x->name, x->name_len, &is_new);
		f->col = ser_grow(f->col, &f->cap, k + 1, sizeof *f->col);
		struct ser_column_info *c = &f->col[k];
		if (is_new)
			*c = (struct ser_column_info){.value = ser_map_new()};
		c->n++;
		c->n_kind[x->val.kind]++;
		if (x->val.kind == SER_TENSOR)
			add_tensor(c, &x->val.u.t, ser_header_dim(h, ser_map_key(f->name, k, NULL)));
		else if (!(x->name_len == 2 && memcmp(x->name, "id", 2) == 0)) /* which is never the same twice */
			add_label(c, &x->val);
	}
}

size_t ser_inspect_len(const struct ser_inspect *f)
{
	return f->name != NULL ? ser_map_len(f->name) : 0;
}

void ser_inspect_free(struct ser_inspect *f)
{
	for (size_t i = 0; i < ser_inspect_len(f); i++) {
		ser_map_free(f->col[i].value);
		free(f->col[i].count);
	}
	free(f->col);
	ser_map_free(f->name);
	*f = (struct ser_inspect){0};
}

struct ranked {
	struct ser_value_count v;
	double x; /* what it reads as, NaN for no number */
};

static int cmp_ranked(const void *a, const void *b)
{
	const struct ranked *p = a, *q = b;
	if (isnan(p->x) != isnan(q->x))
		return isnan(p->x) ? 1 : -1;
	return p->x < q->x ? -1 : p->x > q->x ? 1 : strcmp(p->v.s, q->v.s);
}

struct ser_value_count *ser_column_values(const struct ser_column_info *c, size_t *n)
{
	*n = ser_map_len(c->value);
	struct ranked *by = ser_calloc(*n, sizeof *by);
	struct ser_value_count *v = ser_calloc(*n, sizeof *v);
	for (size_t i = 0; i < *n; i++) {
		by[i].v = (struct ser_value_count){ser_map_key(c->value, i, NULL), c->count[i]};
		if (ser_parse_real(by[i].v.s, -HUGE_VAL, HUGE_VAL, &by[i].x, NULL) != 0)
			by[i].x = NAN;
	}
	qsort(by, *n, sizeof *by, cmp_ranked);
	for (size_t i = 0; i < *n; i++)
		v[i] = by[i].v;
	free(by);
	return v;
}
