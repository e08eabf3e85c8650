/* SPDX-License-Identifier: MIT */
/* Batches: which records, or pairs, train and validate, and which of them a step takes. */
#include "train/impl.h"

#include <stdlib.h>
#include <string.h>

struct ser_rng train_rng(const struct ser_trainer *t, enum purpose p, uint64_t moment, uint64_t key)
{
	uint64_t k[3] = {(uint64_t)p, moment, key};
	struct ser_rng r;
	ser_rng_seed_key(&r, t->o.seed, k, sizeof k);
	return r;
}

struct draw {
	uint64_t h, key;
	size_t i;
};

static int by_draw(const void *a, const void *b)
{
	const struct draw *x = a, *y = b;
	if (x->h != y->h)
		return x->h < y->h ? -1 : 1;
	return x->key != y->key ? (x->key < y->key ? -1 : 1) : (x->i > y->i) - (x->i < y->i);
}

/* ---- who trains and who validates ---- */

/* A pair is on the side where all its members are; one that is on both, or left out, is of no use. */
static void take_pairs(struct ser_trainer *t, const struct ser_split *s)
{
	const struct ser_pair_set *p = t->obj[0].pairs;
	t->train = ser_malloc(p->n, sizeof *t->train);
	t->dev = ser_malloc(p->n, sizeof *t->dev);
	for (size_t k = 0; k < p->n; k++) {
		uint8_t role = s->role[p->anchor[k]];
		bool same = true;
		for (size_t i = p->pos_at[k]; i < p->pos_at[k + 1]; i++)
			same = same && s->role[p->pos[i]] == role;
		for (size_t i = p->neg_at[k]; i < p->neg_at[k + 1]; i++)
			same = same && s->role[p->neg[i]] == role;
		if (same && role == SER_ROLE_TRAIN)
			t->train[t->n_train++] = k;
		else if (same && role == SER_ROLE_DEV)
			t->dev[t->n_dev++] = k;
	}
}

static void take_items(struct ser_trainer *t, const struct ser_split *s)
{
	bool labelled = t->obj[0].kind != SER_OBJ_PAIRS;
	t->train = ser_malloc(t->d->n, sizeof *t->train);
	t->dev = ser_malloc(t->d->n, sizeof *t->dev);
	for (size_t i = 0; i < t->d->n; i++) {
		/* An item without the first label still teaches the other objectives, unless classes are to be balanced. */
		bool use = !labelled || t->code[0][i] >= 0;
		for (size_t k = 1; k < t->n_obj && !t->o.balanced; k++)
			use = use || (t->code[k] != NULL && t->code[k][i] >= 0);
		if (use && s->role[i] == SER_ROLE_TRAIN)
			t->train[t->n_train++] = i;
		else if (labelled && t->code[0][i] >= 0 && s->role[i] == SER_ROLE_DEV)
			t->dev[t->n_dev++] = i;
	}
}

/* ---- clusters inside speakers ---- */

struct place {
	int32_t spk, clu;
	size_t i;
};

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->spk != y->spk)
		return x->spk < y->spk ? -1 : 1;
	return x->clu != y->clu ? (x->clu < y->clu ? -1 : 1) : (x->i > y->i) - (x->i < y->i);
}

/* Clusters of at least two members, of speakers that have at least two of them. */
static int take_clusters(struct ser_trainer *t, struct ser_err *e)
{
	const struct ser_label *spk = ser_dataset_label(t->d, t->obj[0].spk),
			       *clu = ser_dataset_label(t->d, t->obj[0].cluster);
	struct place *p = ser_malloc(t->n_train, sizeof *p);
	size_t n = 0, n_member = 0;
	for (size_t k = 0; k < t->n_train; k++) {
		size_t i = t->train[k];
		if (spk->code[i] >= 0 && clu->code[i] >= 0)
			p[n++] = (struct place){spk->code[i], clu->code[i], i};
	}
	qsort(p, n, sizeof *p, by_place);
	t->member = ser_malloc(n, sizeof *t->member);
	t->clu_at = ser_malloc(n + 1, sizeof *t->clu_at);
	t->spk_at = ser_malloc(n + 1, sizeof *t->spk_at);
	t->clu_at[0] = t->spk_at[0] = 0;
	for (size_t a = 0, b; a < n; a = b) { /* a speaker */
		size_t first = t->n_clu, member0 = n_member;
		for (b = a; b < n && p[b].spk == p[a].spk;) { /* a cluster */
			size_t c = b;
			while (b < n && p[b].spk == p[c].spk && p[b].clu == p[c].clu)
				b++;
			if (b - c < 2)
				continue;
			for (; c < b; c++)
				t->member[n_member++] = p[c].i;
			t->clu_at[++t->n_clu] = n_member;
		}
		if (t->n_clu - first < 2) {
			t->n_clu = first;
			n_member = member0;
		} else {
			t->spk_at[++t->n_spk] = t->n_clu;
		}
	}
	free(p);
	return t->n_spk > 0
		       ? 0
		       : ser_fail(e, SER_EDATA, "no speaker has two clusters of two records (labels \"%s\" and \"%s\")",
				  t->obj[0].spk, t->obj[0].cluster);
}

int train_take_units(struct ser_trainer *t, const struct ser_split *s, struct ser_err *e)
{
	const struct ser_objective *o = &t->obj[0];
	bool pairs = o->kind == SER_OBJ_PAIRS && o->pairs != NULL, clusters = o->kind == SER_OBJ_PAIRS && !pairs;
	if (o->label == NULL && t->o.balanced)
		return ser_fail(e, SER_EUSAGE, "the first objective has no classes to balance");
	if (pairs)
		take_pairs(t, s);
	else
		take_items(t, s);
	if (t->n_train == 0)
		return ser_fail(e, SER_EDATA, "no %s is left to train on", pairs ? "pair" : "record with the label");
	if (clusters && s->n_dev > 0)
		return ser_fail(e, SER_EUSAGE, "validation of a contrastive objective needs a pair set");
	if (s->n_dev > 0 && t->n_dev == 0)
		return ser_fail(e, SER_EDATA, "nothing is left to validate on");
	if (clusters && take_clusters(t, e) != 0)
		return e->code;
	size_t per_batch = clusters ? o->n_spk * 2 * o->n_per : t->o.batch;
	t->per_epoch = (t->n_train + per_batch - 1) / per_batch;
	t->order = ser_malloc(t->n_train, sizeof *t->order);
	t->b.place = ser_malloc(t->d->n, sizeof *t->b.place);
	for (size_t i = 0; i < t->d->n; i++)
		t->b.place[i] = -1;
	return 0;
}

void train_batch_free(struct batch *b)
{
	void *mine[] = {b->row,    b->place, b->x,   b->n_frame, b->at,     b->key,
			b->anchor, b->pos,   b->neg, b->pos_at,  b->neg_at, b->cut};
	for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
		free(mine[i]);
}

/* ---- batches ---- */

static size_t row_of(struct ser_trainer *t, size_t item)
{
	struct batch *b = &t->b;
	if (b->place[item] < 0) {
		b->row = ser_grow(b->row, &b->cap, b->n + 1, sizeof *b->row);
		b->place[item] = (int32_t)b->n;
		b->row[b->n++] = item;
	}
	return (size_t)b->place[item];
}

void train_clear_batch(struct ser_trainer *t)
{
	struct batch *b = &t->b;
	for (size_t i = 0; i < b->n; i++)
		b->place[b->row[i]] = -1;
	b->n = 0;
	b->set = (struct ser_pair_rows){0};
}

void train_add_row(struct ser_trainer *t, size_t item)
{
	row_of(t, item);
}

static void add_anchor(struct ser_trainer *t, int32_t row)
{
	struct batch *b = &t->b;
	size_t n = b->set.n_anchor;
	b->anchor = ser_grow(b->anchor, &b->cap_anchor, n + 1, sizeof *b->anchor);
	b->pos_at = ser_grow(b->pos_at, &b->cap_pos_at, n + 2, sizeof *b->pos_at);
	b->neg_at = ser_grow(b->neg_at, &b->cap_neg_at, n + 2, sizeof *b->neg_at);
	b->anchor[n] = row;
	if (n == 0)
		b->pos_at[0] = b->neg_at[0] = 0;
	b->pos_at[n + 1] = b->pos_at[n];
	b->neg_at[n + 1] = b->neg_at[n];
	b->set.n_anchor++;
}

static void add_member(struct ser_trainer *t, bool pos, int32_t row)
{
	struct batch *b = &t->b;
	size_t *n = pos ? &b->pos_at[b->set.n_anchor] : &b->neg_at[b->set.n_anchor];
	if (pos) {
		b->pos = ser_grow(b->pos, &b->cap_pos, *n + 1, sizeof *b->pos);
		b->pos[(*n)++] = row;
	} else {
		b->neg = ser_grow(b->neg, &b->cap_neg, *n + 1, sizeof *b->neg);
		b->neg[(*n)++] = row;
	}
}

static void seal_pairs(struct batch *b)
{
	b->set.anchor = b->anchor;
	b->set.pos = b->pos;
	b->set.neg = b->neg;
	b->set.pos_at = b->pos_at;
	b->set.neg_at = b->neg_at;
}

void train_add_pairs(struct ser_trainer *t, const size_t *pair, size_t n)
{
	const struct ser_pair_set *p = t->obj[0].pairs;
	for (size_t k = 0; k < n; k++) {
		size_t a = pair[k];
		add_anchor(t, (int32_t)row_of(t, (size_t)p->anchor[a]));
		for (size_t i = p->pos_at[a]; i < p->pos_at[a + 1]; i++)
			add_member(t, true, (int32_t)row_of(t, (size_t)p->pos[i]));
		for (size_t i = p->neg_at[a]; i < p->neg_at[a + 1]; i++)
			add_member(t, false, (int32_t)row_of(t, (size_t)p->neg[i]));
	}
	seal_pairs(&t->b);
}

/* n of the numbers below `of`, without repetition, in *out. */
static void choose(struct ser_rng *r, size_t of, size_t n, size_t *out)
{
	size_t *all = ser_malloc(of, sizeof *all);
	for (size_t i = 0; i < of; i++)
		all[i] = i;
	for (size_t i = 0; i < n; i++) {
		size_t j = i + (size_t)ser_rng_below(r, of - i), tmp = all[i];
		all[i] = all[j];
		all[j] = tmp;
		out[i] = all[i];
	}
	free(all);
}

/* Where part p of n things begins, when they are cut into n_part. */
static size_t begin_of(size_t n, size_t p, size_t n_part)
{
	return (size_t)((uint64_t)n * p / n_part);
}

/* Every speaker is drawn, those of the part are taken. */
static void batch_of_clusters(struct ser_trainer *t, size_t part)
{
	const struct ser_objective *o = &t->obj[0];
	struct ser_rng r = train_rng(t, FOR_CLUSTER, t->step, 0);
	size_t n_spk = o->n_spk < t->n_spk ? o->n_spk : t->n_spk, clu[2], side[2];
	size_t *spk = ser_malloc(n_spk, sizeof *spk), *in = ser_malloc(o->n_per, sizeof *in);
	int32_t *row[2] = {ser_malloc(o->n_per, sizeof **row), ser_malloc(o->n_per, sizeof **row)};
	choose(&r, t->n_spk, n_spk, spk);
	for (size_t s = 0; s < n_spk; s++) {
		size_t c0 = t->spk_at[spk[s]];
		bool mine =
			s >= begin_of(n_spk, part, t->o.accumulate) && s < begin_of(n_spk, part + 1, t->o.accumulate);
		choose(&r, t->spk_at[spk[s] + 1] - c0, 2, clu);
		for (int k = 0; k < 2; k++) {
			size_t m0 = t->clu_at[c0 + clu[k]], size = t->clu_at[c0 + clu[k] + 1] - m0;
			side[k] = o->n_per < size ? o->n_per : size;
			choose(&r, size, side[k], in);
			for (size_t i = 0; mine && i < side[k]; i++)
				row[k][i] = (int32_t)row_of(t, t->member[m0 + in[i]]);
		}
		for (int k = 0; mine && k < 2; k++)
			for (size_t i = 0; i < side[k]; i++) {
				add_anchor(t, row[k][i]);
				for (size_t j = 0; j < side[k]; j++)
					if (j != i)
						add_member(t, true, row[k][j]);
				for (size_t j = 0; j < side[1 - k]; j++)
					add_member(t, false, row[1 - k][j]);
			}
	}
	seal_pairs(&t->b);
	free(spk);
	free(in);
	free(row[0]);
	free(row[1]);
}

/* Order of an epoch: by a hash of (seed, epoch, id), so that the input's order does not matter. */
static void shuffle_plain(struct ser_trainer *t, uint64_t epoch)
{
	const struct ser_pair_set *p = t->obj[0].kind == SER_OBJ_PAIRS ? t->obj[0].pairs : NULL;
	struct draw *w = ser_malloc(t->n_train, sizeof *w);
	for (size_t k = 0; k < t->n_train; k++) {
		uint64_t key = p != NULL ? p->key[t->train[k]] : t->d->item[t->train[k]].key;
		struct ser_rng r = train_rng(t, FOR_ORDER, epoch, key);
		w[k] = (struct draw){ser_rng_next(&r), key, t->train[k]};
	}
	qsort(w, t->n_train, sizeof *w, by_draw);
	for (size_t k = 0; k < t->n_train; k++)
		t->order[k] = w[k].i;
	free(w);
}

/* Classes in turn, each through its own items in shuffled passes; then all shuffled. */
static void shuffle_balanced(struct ser_trainer *t, uint64_t epoch)
{
	size_t n_class = t->m->head[t->head[0]].n_out, n = 0;
	struct draw *w = ser_malloc(t->n_train, sizeof *w);
	size_t *used = ser_calloc(n_class, sizeof *used), *count = ser_calloc(n_class, sizeof *count);
	for (size_t k = 0; k < t->n_train; k++)
		count[t->code[0][t->train[k]]]++;
	for (size_t pass = 0; n < t->n_train; pass++) {
		/* so many of each class are still wanted: the rest in equal parts */
		size_t m = 0;
		for (size_t k = 0; k < t->n_train; k++) {
			uint64_t key = t->d->item[t->train[k]].key;
			struct ser_rng r = train_rng(t, FOR_CLASS, epoch << 20 | pass, key);
			w[m++] = (struct draw){ser_rng_next(&r), key, t->train[k]};
		}
		qsort(w, m, sizeof *w, by_draw);
		for (size_t k = 0; k < m && n < t->n_train; k++) {
			size_t c = (size_t)t->code[0][w[k].i];
			size_t quota = (t->n_train + n_class - 1 - c) / n_class;
			if (used[c] < quota) {
				used[c]++;
				t->order[n++] = w[k].i;
			}
		}
	}
	struct ser_rng r = train_rng(t, FOR_ORDER, epoch, 0);
	ser_rng_shuffle(&r, t->order, n, sizeof *t->order);
	free(w);
	free(used);
	free(count);
}

void train_batch_part(struct ser_trainer *t, size_t part)
{
	size_t epoch = (size_t)(t->step / t->per_epoch) + 1, k = (size_t)(t->step % t->per_epoch);
	train_clear_batch(t);
	if (t->obj[0].kind == SER_OBJ_PAIRS && t->obj[0].pairs == NULL) {
		batch_of_clusters(t, part);
		return;
	}
	if (t->order_epoch != epoch) {
		if (t->o.balanced)
			shuffle_balanced(t, epoch);
		else
			shuffle_plain(t, epoch);
		t->order_epoch = epoch;
	}
	/* Batches differ by one item at most, so that there is no small last one. */
	size_t first = begin_of(t->n_train, k, t->per_epoch), n = begin_of(t->n_train, k + 1, t->per_epoch) - first;
	size_t from = first + begin_of(n, part, t->o.accumulate), to = first + begin_of(n, part + 1, t->o.accumulate);
	if (t->obj[0].kind == SER_OBJ_PAIRS)
		train_add_pairs(t, t->order + from, to - from);
	else
		for (size_t i = from; i < to; i++)
			row_of(t, t->order[i]);
}
