/* SPDX-License-Identifier: MIT */
/* Speakers with two of their clusters each: records of one cluster are positives of each other, those of the other negatives. */
#include "train/private.h"

#include <stdlib.h>
#include <string.h>

/* Members of each cluster, clusters of each speaker. */
struct tree {
	size_t *member, *clu_at, n_clu, *spk_at, n_spk;
	uint64_t *key; /* [n_spk] hash of the speaker's name */
};
struct clusters {
	struct ser_sampler s;
	struct tree train, dev;
	size_t n_spk, n_per;
	struct sets *sets;
};

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
static void grow(struct tree *t, const struct ser_label *spk, const struct ser_label *clu, const size_t *item,
		 size_t n_item)
{
	struct place *p = ser_malloc(n_item, sizeof *p);
	size_t n = 0, n_member = 0;
	for (size_t k = 0; k < n_item; k++) {
		size_t i = item[k];
		if (spk->code[i] >= 0 && clu->code[i] >= 0)
			p[n++] = (struct place){spk->code[i], clu->code[i], i};
	}
	qsort(p, n, sizeof *p, by_place);
	t->member = ser_malloc(n, sizeof *t->member);
	t->clu_at = ser_malloc(n + 1, sizeof *t->clu_at);
	t->spk_at = ser_malloc(n + 1, sizeof *t->spk_at);
	t->key = ser_malloc(n, sizeof *t->key);
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
			const char *name = spk->text[p[a].spk];
			t->key[t->n_spk] = ser_hash(name, strlen(name));
			t->spk_at[++t->n_spk] = t->n_clu;
		}
	}
	free(p);
}

static void tree_free(struct tree *t)
{
	free(t->member);
	free(t->clu_at);
	free(t->spk_at);
	free(t->key);
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

/* Two clusters of a speaker, n_per records of each; without a batch they are only drawn. */
static void add_speaker(struct clusters *q, const struct tree *t, size_t spk, struct ser_rng *r, struct ser_batch *b)
{
	size_t c0 = t->spk_at[spk], clu[2], side[2], *in = ser_malloc(2 * q->n_per, sizeof *in);
	choose(r, t->spk_at[spk + 1] - c0, 2, clu);
	for (int k = 0; k < 2; k++) {
		size_t m0 = t->clu_at[c0 + clu[k]], size = t->clu_at[c0 + clu[k] + 1] - m0,
		       *row = in + (size_t)k * q->n_per;
		side[k] = q->n_per < size ? q->n_per : size;
		choose(r, size, side[k], row);
		for (size_t i = 0; b != NULL && i < side[k]; i++)
			row[i] = train_batch_row(b, t->member[m0 + row[i]]);
	}
	for (size_t k = 0; b != NULL && k < 2; k++)
		for (size_t i = 0; i < side[k]; i++) {
			train_sets_anchor(q->sets, in[k * q->n_per + i]);
			for (size_t j = 0; j < side[k]; j++)
				if (j != i)
					train_sets_member(q->sets, true, in[k * q->n_per + j]);
			for (size_t j = 0; j < side[1 - k]; j++)
				train_sets_member(q->sets, false, in[(1 - k) * q->n_per + j]);
		}
	free(in);
}

/* Every speaker is drawn, those of the part are taken. */
static void part(struct ser_sampler *s, uint64_t step, size_t p, size_t n_part, struct ser_batch *b)
{
	struct clusters *q = (struct clusters *)s;
	struct ser_rng r = train_rng(s->w.seed, FOR_CLUSTER, step, 0);
	size_t n = q->n_spk < q->train.n_spk ? q->n_spk : q->train.n_spk, *spk = ser_malloc(n, sizeof *spk);
	train_sets_clear(q->sets);
	choose(&r, q->train.n_spk, n, spk);
	for (size_t i = 0; i < n; i++) {
		bool mine = i >= train_part_begin(n, p, n_part) && i < train_part_begin(n, p + 1, n_part);
		add_speaker(q, &q->train, spk[i], &r, mine ? b : NULL);
	}
	free(spk);
}

/* Each speaker once, every size'th batch of them: the same records after every epoch. */
static bool validate(struct ser_sampler *s, size_t *i, struct ser_batch *b)
{
	struct clusters *q = (struct clusters *)s;
	size_t at = *i == 0 ? s->w.rank * q->n_spk : *i, end = at + q->n_spk < s->n_dev ? at + q->n_spk : s->n_dev;
	train_sets_clear(q->sets);
	*i = at + s->w.size * q->n_spk;
	for (size_t k = at; k < end; k++) {
		struct ser_rng r = train_rng(s->w.seed, FOR_DEV, 0, q->dev.key[k]);
		add_speaker(q, &q->dev, k, &r, b);
	}
	return at < s->n_dev;
}

static void free_clusters(struct ser_sampler *s)
{
	tree_free(&((struct clusters *)s)->train);
	tree_free(&((struct clusters *)s)->dev);
	train_sample_free(s);
}

int train_sample_clusters(struct ser_sampler **out, const struct ser_draw *w, const char *spk, const char *cluster,
			  size_t n_spk, size_t n_per, struct sets *sets, struct ser_err *e)
{
	const struct ser_label *l = ser_dataset_label(w->d, spk), *c = ser_dataset_label(w->d, cluster);
	struct clusters *q = ser_calloc(1, sizeof *q);
	struct ser_sampler *s = *out = &q->s;
	*q = (struct clusters){.s = {.w = *w, .part = part, .validate = validate, .free = free_clusters},
			       .n_spk = n_spk,
			       .n_per = n_per,
			       .sets = sets};
	size_t *item = ser_malloc(w->d->n, sizeof *item), n_train = 0, n_dev = 0;
	for (size_t i = 0; i < w->d->n; i++)
		if (w->s->role[i] == SER_ROLE_TRAIN)
			item[n_train++] = i;
	grow(&q->train, l, c, item, n_train);
	for (size_t i = 0; i < w->d->n; i++)
		if (w->s->role[i] == SER_ROLE_DEV)
			item[n_dev++] = i;
	grow(&q->dev, l, c, item, n_dev);
	free(item);
	s->n_train = q->train.n_spk;
	s->n_dev = q->dev.n_spk;
	s->per_epoch = (n_train + n_spk * 2 * n_per - 1) / (n_spk * 2 * n_per); /* as many records as there are */
	return s->n_train > 0
		       ? 0
		       : ser_fail(e, SER_EDATA, "no speaker has two clusters of two records (labels \"%s\" and \"%s\")",
				  spk, cluster);
}
