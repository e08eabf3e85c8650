/* SPDX-License-Identifier: MIT */
#include "stream/wire.h"

#include <string.h>

void ser_header_init(struct ser_header *h)
{
	*h = (struct ser_header){.prov = ser_val_list(), .dims = ser_val_map(), .extra = ser_val_map()};
}

void ser_header_free(struct ser_header *h)
{
	ser_arena_free(&h->arena);
	*h = (struct ser_header){0};
}

void ser_header_copy(struct ser_header *dst, const struct ser_header *src)
{
	ser_header_init(dst);
	dst->prov = ser_val_copy(&dst->arena, &src->prov);
	dst->dims = ser_val_copy(&dst->arena, &src->dims);
	dst->extra = ser_val_copy(&dst->arena, &src->extra);
}

bool ser_header_equal(const struct ser_header *a, const struct ser_header *b)
{
	return ser_val_equal(&a->prov, &b->prov) && ser_val_equal(&a->dims, &b->dims) &&
	       ser_val_equal(&a->extra, &b->extra);
}

static bool is_names(const struct ser_val *v)
{
	bool ok = v->kind == SER_LIST && v->u.list.n > 0;
	for (size_t i = 0; ok && i < v->u.list.n; i++)
		ok = v->u.list.v[i].kind == SER_STR;
	return ok;
}

/* A list of maps, and so are those that stand in "inputs". */
static bool is_provenance(const struct ser_val *v)
{
	bool ok = v->kind == SER_LIST;
	for (size_t i = 0; ok && i < v->u.list.n; i++) {
		ok = v->u.list.v[i].kind == SER_MAP;
		const struct ser_val *in = ok ? ser_val_get(&v->u.list.v[i], "inputs") : NULL;
		for (size_t k = 0; ok && in != NULL && in->kind == SER_LIST && k < in->u.list.n; k++)
			ok = in->u.list.v[k].kind != SER_LIST || is_provenance(&in->u.list.v[k]);
	}
	return ok;
}

int ser_header_take(struct ser_header *h, const struct ser_val *map, struct ser_err *e)
{
	ser_header_init(h);
	for (size_t i = 0; i < map->u.map.n; i++) {
		const struct ser_field *f = &map->u.map.f[i];
		char name[SER_MAX_NAME + 1];
		if (f->name_len > SER_MAX_NAME)
			return ser_fail(e, SER_EDATA, "a name of more than %d bytes", SER_MAX_NAME);
		snprintf(name, sizeof name, "%.*s", (int)f->name_len, f->name);
		bool prov = strcmp(name, "prov") == 0, dims = strcmp(name, "dims") == 0;
		if ((prov && f->val.kind != SER_LIST) || (dims && f->val.kind != SER_MAP))
			return ser_fail(e, SER_EDATA, "\"%s\" is not a %s", name, prov ? "list" : "map");
		if (prov && !is_provenance(&f->val))
			return ser_fail(e, SER_EDATA, "an entry of \"prov\" is not a map");
		if (strcmp(name, "parts") == 0 && !is_names(&f->val))
			return ser_fail(e, SER_EDATA, "\"parts\" is not a list of names");
		if (prov)
			h->prov = ser_val_copy(&h->arena, &f->val);
		else if (dims)
			h->dims = ser_val_copy(&h->arena, &f->val);
		else if (strcmp(name, "ser") != 0)
			ser_val_set(&h->arena, &h->extra, name, f->val);
	}
	for (size_t i = 0; i < h->dims.u.map.n; i++)
		if (h->dims.u.map.f[i].val.kind != SER_MAP)
			return ser_fail(e, SER_EDATA, "dims of \"%s\" is not a map", h->dims.u.map.f[i].name);
	return 0;
}

struct ser_val *ser_header_dim(const struct ser_header *h, const char *name)
{
	return ser_val_get(&h->dims, name);
}

double ser_header_shift(const struct ser_header *h, const char *tensor)
{
	const struct ser_val *dim = ser_header_dim(h, tensor), *s = dim != NULL ? ser_val_get(dim, "shift_s") : NULL;
	return s != NULL && s->kind == SER_REAL && s->u.f > 0 ? s->u.f : 0;
}

const struct ser_val *ser_header_columns(const struct ser_header *h, const char *tensor)
{
	const struct ser_val *dim = ser_header_dim(h, tensor), *list = NULL;
	if (dim != NULL)
		list = ser_val_get(dim, "columns");
	if (dim != NULL && list == NULL)
		list = ser_val_get(dim, "classes");
	return list != NULL && list->kind == SER_LIST ? list : NULL;
}

static void drop(struct ser_val *map, const char *name)
{
	size_t n = 0, len = strlen(name);
	for (size_t i = 0; i < map->u.map.n; i++) {
		const struct ser_field *f = &map->u.map.f[i];
		if (f->name_len != len || memcmp(f->name, name, len) != 0)
			map->u.map.f[n++] = *f;
	}
	map->u.map.n = n;
}

void ser_header_dim_drop(struct ser_header *h, const char *name)
{
	drop(&h->dims, name);
}

void ser_header_extra_drop(struct ser_header *h, const char *name)
{
	drop(&h->extra, name);
}

struct ser_val *ser_header_dim_add(struct ser_header *h, const char *name)
{
	ser_val_set(&h->arena, &h->dims, name, ser_val_map());
	return ser_val_get(&h->dims, name);
}

/* Several provenances side by side are one pending entry {inputs: [prov, prov, ...]} without a tool. */
static struct ser_val *pending(const struct ser_header *h)
{
	if (h->prov.u.list.n != 1 || ser_val_get(&h->prov.u.list.v[0], "tool") != NULL)
		return NULL;
	struct ser_val *in = ser_val_get(&h->prov.u.list.v[0], "inputs");
	return in != NULL && in->kind == SER_LIST ? in : NULL; /* a file may hold anything here */
}

static void forget_inputs(struct ser_header *h)
{
	h->met.slot = NULL;
	h->met.n_slot = h->met.n = 0;
}

void ser_header_prov_add(struct ser_header *h, const char *tool, const char *const *args, size_t n_arg)
{
	struct ser_val entry = ser_val_map(), list = ser_val_list();
	for (size_t i = 0; i < n_arg; i++)
		ser_val_push(&h->arena, &list, ser_str(args[i]));
	ser_val_set(&h->arena, &entry, "tool", ser_str(tool));
	ser_val_set(&h->arena, &entry, "version", ser_str(SER_VERSION));
	ser_val_set(&h->arena, &entry, "args", list);
	struct ser_val *in = pending(h);
	if (in != NULL) {
		ser_val_set(&h->arena, &entry, "inputs", *in);
		h->prov = ser_val_list();
		forget_inputs(h);
	}
	ser_val_push(&h->arena, &h->prov, entry);
}

/* ---- merging ---- */

struct ser_header_slot {
	uint64_t hash;
	size_t i; /* in the list, plus 1; 0: free */
};

/* The slot of a provenance that equals `prov`, or the free one where it would be. */
static struct ser_header_slot *slot_of(const struct ser_header *h, const struct ser_val *in, const struct ser_val *prov,
				       uint64_t hash)
{
	size_t mask = h->met.n_slot - 1;
	for (size_t s = (size_t)hash & mask;; s = (s + 1) & mask) {
		struct ser_header_slot *slot = &h->met.slot[s];
		if (slot->i == 0 || (slot->hash == hash && ser_val_equal(&in->u.list.v[slot->i - 1], prov)))
			return slot;
	}
}

/* Bring the table up to the list `in`: what is not in it yet goes in. A list of n has 2 n slots at least. */
static void index_inputs(struct ser_header *h, const struct ser_val *in)
{
	size_t n = in->u.list.n;
	if (n < h->met.n) /* it is another list */
		forget_inputs(h);
	if (2 * (n + 1) > h->met.n_slot) {
		h->met.n = 0;
		h->met.n_slot = h->met.n_slot > 0 ? h->met.n_slot : 16;
		while (h->met.n_slot < 4 * (n + 1))
			h->met.n_slot = ser_mul(h->met.n_slot, 2);
		h->met.slot = ser_arena_calloc(&h->arena, h->met.n_slot, sizeof *h->met.slot);
	}
	for (size_t i = h->met.n; i < n; i++) {
		uint64_t hash = ser_val_hash(&in->u.list.v[i]);
		struct ser_header_slot *slot = slot_of(h, in, &in->u.list.v[i], hash);
		if (slot->i == 0)
			*slot = (struct ser_header_slot){hash, i + 1};
	}
	h->met.n = n;
}

/* What two maps about a tensor say differently; who was trained on may differ, and is united. */
static int disagree(const char *name, const struct ser_val *a, const struct ser_val *b, struct ser_err *e)
{
	struct ser_buf text[2] = {{0}};
	int rc = SER_OK;
	for (int turn = 0; rc == SER_OK && turn < 2; turn++) {
		const struct ser_val *one = turn == 0 ? a : b, *two = turn == 0 ? b : a;
		for (size_t i = 0; rc == SER_OK && i < one->u.map.n; i++) {
			const char *key = one->u.map.f[i].name;
			const struct ser_val *v[2] = {ser_val_get(a, key), ser_val_get(b, key)};
			const struct ser_val *other = ser_val_get(two, key);
			if (ser_trained_key(key) || (other != NULL && ser_val_equal(&one->u.map.f[i].val, other)))
				continue;
			for (int k = 0; k < 2; k++)
				if (v[k] != NULL)
					ser_val_json(&text[k], v[k], false);
			rc = ser_fail(e, SER_EDATA, "inputs disagree about \"%s\": its %s is %.300s and %.300s", name,
				      key, v[0] != NULL ? text[0].s : "not said",
				      v[1] != NULL ? text[1].s : "not said");
		}
	}
	ser_buf_free(&text[0]);
	ser_buf_free(&text[1]);
	return rc;
}

static int merge(struct ser_header *h, const struct ser_header *other, bool joined, struct ser_err *e)
{
	for (size_t i = 0; i < other->dims.u.map.n; i++) {
		const struct ser_field *f = &other->dims.u.map.f[i];
		const struct ser_val *mine = ser_val_get(&h->dims, f->name);
		if (mine != NULL && disagree(f->name, mine, &f->val, e) != 0)
			return e->code;
		if (mine == NULL)
			ser_val_set(&h->arena, &h->dims, f->name, ser_trained_forget(&h->arena, &f->val));
	}
	ser_trained_merge(h, other, joined);
	for (size_t i = 0; i < other->extra.u.map.n; i++) {
		const struct ser_field *f = &other->extra.u.map.f[i];
		char name[SER_MAX_NAME + 1];
		snprintf(name, sizeof name, "%.*s", (int)f->name_len, f->name);
		if (ser_val_get(&h->extra, name) == NULL)
			ser_val_set(&h->arena, &h->extra, name, f->val);
	}
	struct ser_val *in = pending(h);
	if (in == NULL) {
		if (ser_val_equal(&h->prov, &other->prov))
			return 0;
		struct ser_val list = ser_val_list(), entry = ser_val_map();
		ser_val_push(&h->arena, &list, h->prov);
		ser_val_push(&h->arena, &list, other->prov);
		ser_val_set(&h->arena, &entry, "inputs", list);
		h->prov = ser_val_list();
		ser_val_push(&h->arena, &h->prov, entry);
		forget_inputs(h);
		return 0;
	}
	index_inputs(h, in);
	if (slot_of(h, in, &other->prov, ser_val_hash(&other->prov))->i == 0)
		ser_val_push(&h->arena, in, other->prov);
	return 0;
}

int ser_header_merge(struct ser_header *h, const struct ser_header *other, struct ser_err *e)
{
	return merge(h, other, false, e);
}

int ser_header_join(struct ser_header *h, const struct ser_header *other, struct ser_err *e)
{
	return merge(h, other, true, e);
}
