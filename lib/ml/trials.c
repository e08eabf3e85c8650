/* SPDX-License-Identifier: MIT */
#include "ml/trials.h"

#include <stdlib.h>
#include <string.h>

struct pair {
	uint64_t draw; /* the least are kept */
	size_t a, b;   /* ranks of the ids */
};

/* The pairs of one speaker and kind. With a limit it grows to twice that before the worse half goes. */
struct kept {
	struct pair *p;
	size_t n, cap;
};

static int by_draw(const void *x, const void *y)
{
	const struct pair *p = x, *q = y;
	if (p->draw != q->draw)
		return p->draw < q->draw ? -1 : 1;
	return p->a != q->a ? (p->a < q->a ? -1 : 1) : (p->b > q->b) - (p->b < q->b);
}

static void cut(struct kept *k, size_t limit)
{
	if (limit == 0 || k->n <= limit)
		return;
	qsort(k->p, k->n, sizeof *k->p, by_draw);
	k->n = limit;
}

static void keep(struct kept *k, struct pair p, size_t limit)
{
	if (limit > 0 && k->n >= ser_mul(2, limit))
		cut(k, limit);
	k->p = ser_grow(k->p, &k->cap, k->n + 1, sizeof *k->p);
	k->p[k->n++] = p;
}

struct named {
	const char *id;
	size_t at;
};

static int by_id(const void *x, const void *y)
{
	return strcmp(((const struct named *)x)->id, ((const struct named *)y)->id);
}

static int by_rank(const void *x, const void *y)
{
	const struct pair *p = x, *q = y;
	return p->a != q->a ? (p->a < q->a ? -1 : 1) : (p->b > q->b) - (p->b < q->b);
}

/* Codes 0, 1, ... of any numbers, as they first come; returns how many. */
static size_t encode(const size_t *x, size_t n, size_t *code)
{
	struct ser_map *m = ser_map_new();
	for (size_t i = 0; i < n; i++)
		code[i] = ser_map_add(m, (const char *)&x[i], sizeof x[i], NULL);
	size_t k = ser_map_len(m);
	ser_map_free(m);
	return k;
}

struct ser_trials *ser_trials_new(const struct ser_trials_opt *o, const struct ser_trials_in *in, struct ser_err *e)
{
	const size_t n = in->n;
	size_t *spk = ser_malloc(n, sizeof *spk), n_spk = encode(in->spk, n, spk);
	struct named *rank = ser_malloc(n, sizeof *rank);
	uint64_t *hash = ser_malloc(n, sizeof *hash);
	struct kept *kept = ser_calloc(ser_mul(2, n_spk), sizeof *kept); /* targets of each speaker, then the others */
	for (size_t i = 0; i < n; i++)
		rank[i] = (struct named){in->id[i], i};
	qsort(rank, n, sizeof *rank, by_id);
	for (size_t i = 0; i < n; i++)
		hash[i] = ser_hash(rank[i].id, strlen(rank[i].id));

	for (size_t a = 0; a < n; a++)
		for (size_t b = a + 1; b < n; b++) {
			const size_t i = rank[a].at, j = rank[b].at;
			if ((in->within != NULL && in->within[i] != in->within[j]) ||
			    (in->across != NULL && in->across[i] == in->across[j]))
				continue;
			struct ser_rng r;
			uint64_t key[2] = {hash[a], hash[b]};
			ser_le(key, 2, sizeof *key); /* so that machines agree */
			ser_rng_seed_key(&r, o->seed, key, sizeof key);
			const struct pair p = {ser_rng_next(&r), a, b};
			if (spk[i] == spk[j])
				keep(&kept[spk[i]], p, o->n_target);
			else
				keep(&kept[n_spk + spk[ser_rng_below(&r, 2) == 0 ? i : j]], p, o->n_nontarget);
		}

	struct ser_trials *t = ser_calloc(1, sizeof *t);
	struct kept all = {0};
	for (size_t k = 0; k < 2 * n_spk; k++) {
		cut(&kept[k], k < n_spk ? o->n_target : o->n_nontarget);
		for (size_t i = 0; i < kept[k].n; i++)
			keep(&all, kept[k].p[i], 0);
		t->n_target += k < n_spk ? kept[k].n : 0;
		t->n_spk += k < n_spk && kept[k].n > 0;
		free(kept[k].p);
	}
	if (all.n > 0)
		qsort(all.p, all.n, sizeof *all.p, by_rank);
	t->n = all.n;
	t->a = ser_malloc(t->n, sizeof *t->a);
	t->b = ser_malloc(t->n, sizeof *t->b);
	t->target = ser_malloc(t->n, sizeof *t->target);
	for (size_t i = 0; i < t->n; i++) {
		t->a[i] = rank[all.p[i].a].at;
		t->b[i] = rank[all.p[i].b].at;
		t->target[i] = spk[t->a[i]] == spk[t->b[i]];
	}
	free(all.p);
	free(kept);
	free(hash);
	free(rank);
	free(spk);
	if (t->n_target > 0 && t->n_target < t->n)
		return t;
	ser_fail(e, SER_EDATA, "%zu target and %zu non-target trials: both kinds are needed", t->n_target,
		 t->n - t->n_target);
	ser_trials_free(t);
	return NULL;
}

void ser_trials_free(struct ser_trials *t)
{
	if (t == NULL)
		return;
	free(t->a);
	free(t->b);
	free(t->target);
	free(t);
}
