/* SPDX-License-Identifier: MIT */
/* Whose speech had a part in making tensors, over segments: a list in the dims of each segment; under one header everybody's list,
 * and in `train_sets` the segments' own, whose number a record has as its label. */
#include "stream/wire.h"

#include <string.h>

static const char everybody[] = "train_speakers", sets[] = "train_sets", label[] = "train_set";

enum { MAX_PAIRS = 4096 }; /* of sets of two streams that are joined */

static const struct ser_val *list_of(const struct ser_val *dim, const char *name)
{
	const struct ser_val *v = dim != NULL ? ser_val_get(dim, name) : NULL;
	return v != NULL && v->kind == SER_LIST ? v : NULL;
}

size_t ser_header_train_sets(const struct ser_header *h)
{
	size_t n = 1;
	for (size_t i = 0; i < h->dims.u.map.n; i++) {
		const struct ser_val *v = list_of(&h->dims.u.map.f[i].val, sets);
		if (v != NULL && v->u.list.n > n)
			n = v->u.list.n;
	}
	return n;
}

const struct ser_val *ser_header_trained(const struct ser_header *h, const char *tensor, size_t set)
{
	const struct ser_val *dim = ser_header_dim(h, tensor), *own = list_of(dim, sets);
	if (own == NULL || set >= ser_header_train_sets(h))
		return list_of(dim, everybody);
	return set < own->u.list.n && own->u.list.v[set].kind == SER_LIST ? &own->u.list.v[set] : NULL;
}

/* The number that a record itself says; false: none. */
static bool says(const struct ser_record *r, size_t n, size_t *set)
{
	const struct ser_val *v = ser_record_get(r, label);
	bool ok = v != NULL && v->kind == SER_INT && v->u.i >= 0 && (uint64_t)v->u.i < n;
	if (ok)
		*set = (size_t)v->u.i;
	return ok;
}

static int taken(const struct ser_record *r, struct ser_err *e)
{
	return ser_record_fail(
		r, e, SER_EDATA,
		"the label \"%s\" would be replaced by the number of the record's training set: rename or drop it",
		label);
}

size_t ser_header_train_set(const struct ser_header *h, const struct ser_record *r)
{
	size_t n = ser_header_train_sets(h), set = 0;
	return n == 1 || says(r, n, &set) ? set : n;
}

/* ---- merging ---- */

static bool same(const struct ser_val *a, const struct ser_val *b)
{
	return a == NULL || b == NULL ? a == b : ser_val_equal(a, b);
}

/* Set j of `other` is set i of h, for every tensor of h; h has those of `other`, too. */
static bool same_set(const struct ser_header *h, size_t i, const struct ser_header *other, size_t j)
{
	bool ok = true;
	for (size_t k = 0; ok && k < h->dims.u.map.n; k++) {
		const char *name = h->dims.u.map.f[k].name;
		ok = same(ser_header_trained(h, name, i), ser_header_trained(other, name, j));
	}
	return ok;
}

static void push(struct ser_header *h, struct ser_val *list, const struct ser_val *v)
{
	ser_val_push(&h->arena, list, v != NULL ? *v : ser_nil());
}

/* Set j of `other` becomes the last of h, which has n. */
static void add_set(struct ser_header *h, size_t n, const struct ser_header *other, size_t j)
{
	for (size_t k = 0; k < h->dims.u.map.n; k++) {
		struct ser_val *dim = &h->dims.u.map.f[k].val, *own = ser_val_get(dim, sets);
		const char *name = h->dims.u.map.f[k].name;
		const struct ser_val *new = ser_header_trained(other, name, j);
		if (list_of(dim, sets) == NULL) {
			const struct ser_val *all = list_of(dim, everybody);
			if (same(all, new))
				continue;
			struct ser_val list = ser_val_list();
			for (size_t i = 0; i < n; i++)
				push(h, &list, all);
			ser_val_set(&h->arena, dim, sets, list);
			own = ser_val_get(dim, sets);
		}
		while (own->u.list.n < n) /* a file may say less than it should */
			push(h, own, NULL);
		push(h, own, new);
	}
}

/* Those of `more` that `all` lacks go behind it. */
static void add_names(struct ser_arena *a, struct ser_val *all, const struct ser_val *more)
{
	struct ser_map *met = ser_map_new();
	bool is_new;
	for (size_t i = 0; i < all->u.list.n; i++)
		if (all->u.list.v[i].kind == SER_STR)
			ser_map_add(met, all->u.list.v[i].u.str.s, all->u.list.v[i].u.str.n, NULL);
	for (size_t i = 0; i < more->u.list.n; i++) {
		const struct ser_val *v = &more->u.list.v[i];
		if (v->kind == SER_STR && (ser_map_add(met, v->u.str.s, v->u.str.n, &is_new), is_new))
			ser_val_push(a, all, *v);
	}
	ser_map_free(met);
}

static void unite(struct ser_header *h, struct ser_val *dim, const struct ser_val *more)
{
	const struct ser_val *have = list_of(dim, everybody);
	if (more == NULL || same(have, more))
		return;
	if (have == NULL)
		ser_val_set(&h->arena, dim, everybody, ser_val_list());
	add_names(&h->arena, ser_val_get(dim, everybody), more);
}

/* Records of h's set i with fields of those of the set j of `other` are of the set i m + j. */
static void join_sets(struct ser_header *h, const struct ser_header *other, size_t n, size_t m)
{
	for (size_t k = 0; k < h->dims.u.map.n; k++) {
		struct ser_val *dim = &h->dims.u.map.f[k].val, pairs = ser_val_list();
		const char *name = h->dims.u.map.f[k].name;
		if (list_of(dim, sets) == NULL && list_of(ser_header_dim(other, name), sets) == NULL)
			continue;
		for (size_t p = 0; p < n * m; p++) {
			const struct ser_val *a = ser_header_trained(h, name, p / m),
					     *b = ser_header_trained(other, name, p % m);
			struct ser_val both = a != NULL ? ser_val_copy(&h->arena, a) : ser_val_list();
			if (b != NULL)
				add_names(&h->arena, &both, b);
			ser_val_push(&h->arena, &pairs, a != NULL || b != NULL ? both : ser_nil());
		}
		ser_val_set(&h->arena, dim, sets, pairs);
	}
}

size_t ser_header_join_sets(const struct ser_header *h, const struct ser_header *other)
{
	size_t n = ser_header_train_sets(h), m = ser_header_train_sets(other);
	return m > 1 && m <= MAX_PAIRS / n ? m : 1;
}

int ser_header_join_mark(const struct ser_header *h, size_t m, struct ser_record *r, const struct ser_record *b,
			 struct ser_err *e)
{
	size_t n = ser_header_train_sets(h) / m, i = 0, j = 0;
	if (m == 1)
		return 0;
	if (n == 1 && ser_record_get(r, label) != NULL)
		return taken(r, e);
	if ((n > 1 && !says(r, n, &i)) || (b != NULL && !says(b, m, &j)))
		ser_record_drop(r, label);
	else
		ser_record_set(r, label, ser_int((int64_t)(i * m + j)));
	return 0;
}

void ser_trained_merge(struct ser_header *h, const struct ser_header *other, bool joined)
{
	size_t n = ser_header_train_sets(h), m = joined ? 0 : ser_header_train_sets(other);
	if (joined && ser_header_join_sets(h, other) > 1)
		join_sets(h, other, n, ser_header_train_sets(other));
	h->from.set = m > 0 ? ser_arena_calloc(&h->arena, m, sizeof *h->from.set) : NULL;
	h->from.n = m;
	for (size_t j = 0; j < m; j++) {
		size_t i = 0;
		while (i < n && !same_set(h, i, other, j))
			i++;
		if (i == n)
			add_set(h, n++, other, j);
		h->from.set[j] = i;
	}
	for (size_t k = 0; k < h->dims.u.map.n; k++)
		unite(h, &h->dims.u.map.f[k].val, list_of(ser_header_dim(other, h->dims.u.map.f[k].name), everybody));
	unite(h, &h->extra, list_of(&other->extra, everybody));
}

bool ser_trained_key(const char *name)
{
	return strcmp(name, everybody) == 0 || strcmp(name, sets) == 0;
}

struct ser_val ser_trained_forget(struct ser_arena *a, const struct ser_val *dim)
{
	struct ser_val rest = ser_val_map();
	for (size_t i = 0; i < dim->u.map.n; i++)
		if (!ser_trained_key(dim->u.map.f[i].name))
			ser_val_set(a, &rest, dim->u.map.f[i].name, dim->u.map.f[i].val);
	return rest;
}

/* ---- records ---- */

static bool said(const struct ser_header *h)
{
	bool ok = false;
	for (size_t i = 0; !ok && i < h->dims.u.map.n; i++)
		ok = list_of(&h->dims.u.map.f[i].val, everybody) != NULL;
	return ok;
}

int ser_header_mark(const struct ser_header *h, struct ser_record *r, struct ser_err *e)
{
	size_t set = 0, m = h->from.set != NULL ? h->from.n : ser_header_train_sets(h);
	if (!said(h))
		return 0;
	if (m == 1 && ser_record_get(r, label) != NULL)
		return taken(r, e);
	if (m > 1 && !says(r, m, &set))
		return 0;
	ser_record_set(r, label, ser_int((int64_t)(h->from.set != NULL ? h->from.set[set] : set)));
	return 0;
}

void ser_header_unmark(const struct ser_header *h, struct ser_record *r)
{
	if (said(h) && ser_header_train_sets(h) == 1)
		ser_record_drop(r, label);
}
