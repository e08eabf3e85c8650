/* SPDX-License-Identifier: MIT */
#include "stream/join.h"

#include <stdlib.h>
#include <string.h>

struct ser_join {
	const struct ser_join_opt *o;
	struct ser_map *key;
	struct ser_store *store; /* record i of B has key i */
	bool *used;              /* [records of B] */
	size_t cap;
	struct ser_header h;      /* of B */
	struct ser_header joined; /* A's at hand, with B's */
	size_t n_set;             /* training sets of B that it tells apart; 0: B is no stream */
	bool has_header;
	struct ser_record b; /* at hand */
};

struct ser_join *ser_join_new(const struct ser_join_opt *o)
{
	struct ser_join *j = ser_calloc(1, sizeof *j);
	j->o = o;
	j->key = ser_map_new();
	j->store = ser_store_new(o->mem);
	ser_header_init(&j->h);
	ser_header_init(&j->joined);
	return j;
}

void ser_join_free(struct ser_join *j)
{
	if (j == NULL)
		return;
	ser_map_free(j->key);
	ser_store_free(j->store);
	free(j->used);
	ser_header_free(&j->h);
	ser_header_free(&j->joined);
	ser_record_free(&j->b);
	free(j);
}

size_t ser_join_n(const struct ser_join *j)
{
	return ser_map_len(j->key);
}

size_t ser_join_n_used(const struct ser_join *j)
{
	size_t n = 0;
	for (size_t i = 0; i < ser_map_len(j->key); i++)
		n += j->used[i];
	return n;
}

/* ---- B ---- */

int ser_join_add_header(struct ser_join *j, const struct ser_header *h, struct ser_err *e)
{
	if (j->has_header)
		return ser_header_merge(&j->h, h, e);
	j->has_header = true;
	ser_header_free(&j->h);
	ser_header_copy(&j->h, h);
	return 0;
}

int ser_join_add(struct ser_join *j, const char *key, struct ser_record *r, const char *where, struct ser_err *e)
{
	bool is_new;
	size_t i = ser_map_add(j->key, key, strlen(key), &is_new);
	if (!is_new)
		return ser_fail(e, SER_EDATA, "%s: \"%s\" is there twice as %s: which to join is not clear", where, key,
				j->o->on);
	if (j->has_header && ser_header_mark(&j->h, r, e) != 0)
		return e->code;
	j->used = ser_grow(j->used, &j->cap, i + 1, sizeof *j->used);
	j->used[i] = false;
	return ser_store_add(j->store, r, e);
}

/* Is this field of B one to add? */
static bool added(const struct ser_join *j, const char *name)
{
	const struct ser_join_opt *o = j->o;
	if (strcmp(name, "id") == 0 || strcmp(name, "train_set") == 0 || strcmp(name, o->on) == 0 ||
	    (o->concat != NULL && strcmp(name, o->concat) == 0))
		return false;
	for (size_t i = 0; i < o->n_field; i++)
		if (strcmp(o->field[i], name) == 0)
			return true;
	return o->n_field == 0;
}

/* A field's name with room for a suffix. */
static void text_of(char out[static 2 * SER_MAX_NAME + 2], const struct ser_field *f)
{
	snprintf(out, SER_MAX_NAME + 1, "%.*s", (int)f->name_len, f->name);
}

/* ---- one tensor behind the other ---- */

static void push_speakers(struct ser_arena *a, struct ser_map *met, struct ser_val *list, const struct ser_val *dim)
{
	const struct ser_val *said = ser_val_get(dim, "train_speakers");
	for (size_t i = 0; said != NULL && said->kind == SER_LIST && i < said->u.list.n; i++) {
		const struct ser_val *v = &said->u.list.v[i];
		bool is_new = false;
		if (v->kind == SER_STR)
			ser_map_add(met, v->u.str.s, v->u.str.n, &is_new);
		if (is_new)
			ser_val_push(a, list, *v);
	}
}

/* What the headers say of both parts, in their order; the axes are the first's, the speakers that had a part in either are
 * the whole's. */
static void concat_dims(const struct ser_join *j, struct ser_header *h)
{
	const struct ser_val none = ser_val_map(),
			     *dim[2] = {ser_header_dim(h, j->o->concat), ser_header_dim(&j->h, j->o->concat)};
	struct ser_val whole = ser_val_map(), parts = ser_val_list(), speakers = ser_val_list();
	struct ser_map *met = ser_map_new();
	for (int k = 0; k < 2; k++) {
		dim[k] = dim[k] != NULL ? dim[k] : &none;
		const struct ser_val *earlier = ser_val_get(dim[k], "parts");
		for (size_t i = 0; earlier != NULL && earlier->kind == SER_LIST && i < earlier->u.list.n; i++)
			ser_val_push(&h->arena, &parts, earlier->u.list.v[i]);
		if (earlier == NULL)
			ser_val_push(&h->arena, &parts, *dim[k]);
		push_speakers(&h->arena, met, &speakers, dim[k]);
	}
	if (ser_val_get(dim[0], "axes") != NULL)
		ser_val_set(&h->arena, &whole, "axes", *ser_val_get(dim[0], "axes"));
	ser_val_set(&h->arena, &whole, "parts", parts);
	if (speakers.u.list.n > 0)
		ser_val_set(&h->arena, &whole, "train_speakers", speakers);
	ser_val_set(&h->arena, &h->dims, j->o->concat, whole);
	ser_map_free(met);
}

/* A's tensor with B's behind it along the last axis; all others must be equal. */
static int concat(struct ser_join *j, struct ser_record *r, struct ser_err *e)
{
	struct ser_record *rec[2] = {r, &j->b};
	const struct ser_val *v[2];
	const float *x[2];
	size_t shape[2][SER_MAX_AXES], n_row = 1;
	for (int k = 0; k < 2; k++) {
		v[k] = ser_record_get(rec[k], j->o->concat);
		if (v[k] == NULL || v[k]->kind != SER_TENSOR)
			return ser_record_fail(r, e, SER_EDATA, "%s has no tensor \"%s\"", k == 0 ? "A" : "B",
					       j->o->concat);
		if (ser_record_f4(rec[k], j->o->concat, v[0]->u.t.ndim, &x[k], shape[k], e) != 0)
			return e->code;
	}
	int last = v[0]->u.t.ndim - 1;
	if (last < 0)
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" has no axis", j->o->concat);
	for (int i = 0; i < last; n_row *= shape[0][i++])
		if (shape[0][i] != shape[1][i])
			return ser_record_fail(r, e, SER_EDATA, "axis %d of \"%s\" is %zu in A and %zu in B", i,
					       j->o->concat, shape[0][i], shape[1][i]);
	size_t a = shape[0][last], b = shape[1][last];
	float *y = ser_arena_alloc(&r->arena, ser_mul(n_row, a + b), sizeof *y);
	for (size_t i = 0; i < n_row; i++) {
		memcpy(y + i * (a + b), x[0] + i * a, a * sizeof *y);
		memcpy(y + i * (a + b) + a, x[1] + i * b, b * sizeof *y);
	}
	shape[0][last] = a + b;
	ser_record_set(r, j->o->concat, ser_f4(y, last + 1, shape[0]));
	return 0;
}

/* ---- A ---- */

int ser_join_header(struct ser_join *j, struct ser_header *h, struct ser_err *e)
{
	struct ser_header b;
	if (j->o->anti || !j->has_header)
		return 0;
	if (j->o->concat != NULL)
		concat_dims(j, h);
	ser_header_copy(&b, &j->h);
	b.dims = ser_val_map();
	for (size_t i = 0; i < j->h.dims.u.map.n; i++) {
		const struct ser_field *f = &j->h.dims.u.map.f[i];
		char name[2 * SER_MAX_NAME + 2];
		text_of(name, f);
		if (!added(j, name))
			continue;
		if (j->o->suffix != NULL && ser_header_dim(h, name) != NULL)
			snprintf(name + strlen(name), SER_MAX_NAME, "%s", j->o->suffix);
		ser_val_set(&b.arena, &b.dims, name, f->val);
	}
	j->n_set = ser_header_join_sets(h, &b);
	int rc = ser_header_join(h, &b, e);
	ser_header_free(&b);
	ser_header_free(&j->joined);
	ser_header_copy(&j->joined, h);
	return rc;
}

int ser_join_do(struct ser_join *j, struct ser_record *r, struct ser_err *e)
{
	const struct ser_join_opt *o = j->o;
	const char *key;
	int rc = ser_record_str(r, o->on, &key, e);
	if (rc != 0)
		return rc;
	ptrdiff_t i = ser_map_find(j->key, key, strlen(key));
	if (i < 0 && o->left && j->n_set > 0)
		rc = ser_header_join_mark(&j->joined, j->n_set, r, NULL, e);
	if (i < 0)
		return rc < 0 ? rc : o->left || o->anti;
	j->used[i] = true;
	if (o->anti)
		return 0;
	rc = ser_store_get(j->store, (size_t)i, &j->b, e);
	if (rc == 0 && o->concat != NULL)
		rc = concat(j, r, e);
	for (size_t k = 0; rc == 0 && k < j->b.n; k++) {
		const struct ser_field *f = &j->b.field[k];
		char name[2 * SER_MAX_NAME + 2];
		text_of(name, f);
		if (!added(j, name))
			continue;
		const struct ser_val *mine = ser_record_get(r, name);
		if (mine != NULL && o->suffix == NULL) {
			if (ser_val_equal(mine, &f->val))
				continue;
			return ser_record_fail(r, e, SER_EDATA,
					       "field \"%s\" is in both inputs and differs; see --suffix", name);
		}
		if (mine != NULL)
			snprintf(name + strlen(name), SER_MAX_NAME, "%s", o->suffix);
		if (strlen(name) > SER_MAX_NAME || (mine != NULL && ser_record_get(r, name) != NULL))
			return ser_record_fail(r, e, SER_EDATA,
					       "field \"%.300s\" is there already, or its name is too long", name);
		ser_record_set_copy(r, name, f->val);
	}
	if (rc == 0 && j->n_set > 0)
		rc = ser_header_join_mark(&j->joined, j->n_set, r, &j->b, e);
	return rc < 0 ? rc : 1;
}
