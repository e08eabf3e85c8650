/* SPDX-License-Identifier: MIT */
#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of a batch: distinct items, each with one crop. */
struct batch {
	size_t *row, n, cap; /* items */
	int32_t *place;      /* [items] row of an item, -1 */
	float *x;            /* crops, one after another */
	size_t cap_x;
	size_t *n_frame, cap_frame;
	const float **at;
	uint64_t *key;
	struct cut *cut;
	size_t cap_at, cap_key, cap_cut;
	/* the contrastive objective's sets, as rows */
	struct ser_pairs set;
	int32_t *anchor, *pos, *neg;
	size_t *pos_at, *neg_at;
	size_t cap_anchor, cap_pos, cap_neg, cap_pos_at, cap_neg_at;
};

struct ser_trainer {
	const struct ser_dataset *d;
	struct ser_model *m;
	struct ser_train_opts o;
	struct ser_objective obj[SER_MAX_OBJECTIVE];
	size_t n_obj;
	int head[SER_MAX_OBJECTIVE];
	int32_t *code[SER_MAX_OBJECTIVE]; /* [items] output of the head for an item's label, -1 */
	real *class_w[SER_MAX_OBJECTIVE];
	real *value[SER_MAX_OBJECTIVE]; /* [items, n_value] */
	real *target;                   /* of the rows of a batch that have them, for each objective in turn */
	int32_t *row;                   /* their numbers */
	size_t cap_target, cap_row;
	size_t *train, *dev; /* items, or pairs of the pair set */
	size_t n_train, n_dev;
	struct ser_la *la;
	struct ser_tape *tape, *fixed; /* fixed: runs a frozen encoder */
	struct ser_opt *opt;
	struct ser_sched sched;
	uint64_t step, n_step, per_epoch;
	size_t *order, order_epoch; /* of the epoch at hand; 0: none yet */
	struct batch b;
	int32_t *label; /* of the rows of a batch, for each objective in turn */
	size_t cap_label;
	float *scratch; /* one whole utterance */
	size_t cap_scratch;
	/* clusters inside speakers: members of each, and of each speaker its clusters */
	size_t *member, *clu_at, n_clu, *spk_at, n_spk;
	/* results so far */
	double sum, part[SER_MAX_OBJECTIVE];
	uint64_t n_part[SER_MAX_OBJECTIVE];
	real *best;
	double best_dev;
	size_t best_epoch, n_bad;
	bool stopped;
};

struct ser_objective ser_objective_defaults(enum ser_objective_kind kind, const char *name, const char *label)
{
	return (struct ser_objective){.kind = kind,
				      .name = name,
				      .label = label,
				      .weight = 1,
				      .margin = 0.2,
				      .scale = 30,
				      .n_sub = 1,
				      .tau = 0.1,
				      .n_proj = 128,
				      .n_spk = 8,
				      .n_per = 4};
}

struct ser_train_opts ser_train_defaults(void)
{
	struct ser_train_opts o = {.n_epoch = 40,
				   .batch = 32,
				   .crop = 300,
				   .n_time_mask = 1,
				   .time_mask = 20,
				   .n_freq_mask = 1,
				   .freq_mask = 8,
				   .opt = ser_opt_defaults(),
				   .sched = SER_SCHED_COSINE,
				   .lr = 1e-3,
				   .warmup = 0.05,
				   .clip = 5,
				   .encoder_lr = 1,
				   .ramp = 10};
	return o;
}

/* ---- random numbers: a stream for each purpose, moment and id ---- */

enum purpose { FOR_ORDER = 1, FOR_CROP, FOR_MASK, FOR_TAPE, FOR_CLASS, FOR_CLUSTER };

static struct ser_rng stream(const struct ser_trainer *t, enum purpose p, uint64_t moment, uint64_t key)
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

/* ---- heads ---- */

int ser_train_heads(struct ser_model *m, const struct ser_dataset *d, const struct ser_split *s,
		    const struct ser_objective *o, size_t n, struct ser_err *e)
{
	for (size_t k = 0; k < n; k++) {
		struct ser_head h = {.name = o[k].name,
				     .n_hidden = o[k].n_hidden,
				     .n_sub = o[k].n_sub,
				     .dropout = o[k].dropout,
				     .adversarial = o[k].adversarial};
		const char **out = NULL;
		if (o[k].kind == SER_OBJ_PAIRS) {
			h.kind = SER_HEAD_UNIT;
			h.n_out = o[k].n_proj;
		} else if (o[k].kind == SER_OBJ_VALUE) {
			h.kind = SER_HEAD_VALUE;
			h.n_out = o[k].n_value;
			h.out = o[k].value;
		} else {
			const struct ser_label *l = ser_dataset_label(d, o[k].label);
			bool *met = ser_calloc(l->n_class + 1, sizeof *met);
			out = ser_calloc(l->n_class + 1, sizeof *out);
			for (size_t i = 0; i < d->n; i++)
				if (s->role[i] == SER_ROLE_TRAIN && l->code[i] >= 0)
					met[l->code[i]] = true;
			for (size_t c = 0; c < l->n_class; c++)
				if (met[c])
					out[h.n_out++] = l->text[c];
			free(met);
			h.kind = o[k].kind == SER_OBJ_AAM ? SER_HEAD_COSINE : SER_HEAD_CLASS;
			h.field = o[k].label;
			h.out = out;
			if (h.n_out < 2) {
				ser_fail(e, SER_EDATA,
					 "label \"%s\" has %zu class%s among the training records, expected at least 2",
					 o[k].label, h.n_out, h.n_out == 1 ? "" : "es");
				free(out);
				return e->code;
			}
		}
		int rc = ser_model_head_add(m, &h, e);
		free(out);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Outputs of a head for the items' labels, and the weights of its classes. */
static int take_labels(struct ser_trainer *t, size_t k, const struct ser_split *s, struct ser_err *e)
{
	const struct ser_head *h = &t->m->head[t->head[k]];
	const struct ser_label *l = ser_dataset_label(t->d, t->obj[k].label);
	int32_t *of = ser_malloc(l->n_class, sizeof *of);
	double *count = ser_calloc(h->n_out, sizeof *count), n = 0;
	int rc = 0;
	for (size_t c = 0; c < l->n_class; c++) {
		of[c] = -1;
		for (size_t j = 0; j < h->n_out; j++)
			if (strcmp(h->out[j], l->text[c]) == 0)
				of[c] = (int32_t)j;
	}
	t->code[k] = ser_malloc(t->d->n, sizeof *t->code[k]);
	for (size_t i = 0; i < t->d->n; i++) {
		int32_t c = l->code[i] >= 0 ? of[l->code[i]] : -1;
		t->code[k][i] = c;
		if (s->role[i] == SER_ROLE_DEV && k == 0 && l->code[i] >= 0 && c < 0 && rc == 0)
			rc = ser_fail(e, SER_EDATA, "record \"%s\" validates, but no training record has its %s \"%s\"",
				      t->d->item[i].id, t->obj[k].label, l->text[l->code[i]]);
		if (s->role[i] == SER_ROLE_TRAIN && c >= 0) {
			count[c]++;
			n++;
		}
	}
	if (t->obj[k].class_weight) {
		t->class_w[k] = ser_malloc(h->n_out, sizeof(real));
		for (size_t j = 0; j < h->n_out; j++)
			t->class_w[k][j] = (real)(count[j] > 0 ? n / ((double)h->n_out * count[j]) : 0);
	}
	free(of);
	free(count);
	return rc;
}

/* The items' values; an item that lacks one has code -1, the others 0. The head begins at the training means. */
static int take_values(struct ser_trainer *t, size_t k, const struct ser_split *s, struct ser_err *e)
{
	const struct ser_objective *o = &t->obj[k];
	size_t n_value = o->n_value, n = 0;
	double *mean = ser_calloc(n_value, sizeof *mean);
	t->code[k] = ser_calloc(t->d->n, sizeof *t->code[k]);
	t->value[k] = ser_calloc(ser_mul(t->d->n, n_value), sizeof(real));
	for (size_t v = 0; v < n_value; v++) {
		const struct ser_label *l = ser_dataset_label(t->d, o->value[v]);
		for (size_t i = 0; i < t->d->n; i++) {
			t->value[k][i * n_value + v] = (real)l->num[i];
			if (!isfinite(l->num[i]))
				t->code[k][i] = -1;
		}
	}
	for (size_t i = 0; i < t->d->n; i++)
		if (t->code[k][i] == 0 && s->role[i] == SER_ROLE_TRAIN) {
			n++;
			for (size_t v = 0; v < n_value; v++)
				mean[v] += t->value[k][i * n_value + v];
		}
	struct ser_buf b = {0};
	ser_buf_printf(&b, "heads.%s.out.bias", o->name);
	real *bias = t->m->params->val + t->m->params->slice[ser_params_find(t->m->params, b.s)].at;
	ser_buf_free(&b);
	for (size_t v = 0; v < n_value && n > 0; v++)
		bias[v] = (real)(mean[v] / (double)n);
	free(mean);
	return n > 0 ? 0
		     : ser_fail(e, SER_EDATA, "no training record has a number as \"%s\"%s", o->value[0],
				n_value > 1 ? " and all other values" : "");
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

/* ---- batches ---- */

static size_t add_row(struct ser_trainer *t, size_t item)
{
	struct batch *b = &t->b;
	if (b->place[item] < 0) {
		b->row = ser_grow(b->row, &b->cap, b->n + 1, sizeof *b->row);
		b->place[item] = (int32_t)b->n;
		b->row[b->n++] = item;
	}
	return (size_t)b->place[item];
}

static void clear_batch(struct ser_trainer *t)
{
	struct batch *b = &t->b;
	for (size_t i = 0; i < b->n; i++)
		b->place[b->row[i]] = -1;
	b->n = 0;
	b->set = (struct ser_pairs){0};
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

static void batch_of_pairs(struct ser_trainer *t, const size_t *pair, size_t n)
{
	const struct ser_pair_set *p = t->obj[0].pairs;
	for (size_t k = 0; k < n; k++) {
		size_t a = pair[k];
		add_anchor(t, (int32_t)add_row(t, (size_t)p->anchor[a]));
		for (size_t i = p->pos_at[a]; i < p->pos_at[a + 1]; i++)
			add_member(t, true, (int32_t)add_row(t, (size_t)p->pos[i]));
		for (size_t i = p->neg_at[a]; i < p->neg_at[a + 1]; i++)
			add_member(t, false, (int32_t)add_row(t, (size_t)p->neg[i]));
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

static void batch_of_clusters(struct ser_trainer *t)
{
	const struct ser_objective *o = &t->obj[0];
	struct ser_rng r = stream(t, FOR_CLUSTER, t->step, 0);
	size_t n_spk = o->n_spk < t->n_spk ? o->n_spk : t->n_spk, clu[2], side[2];
	size_t *spk = ser_malloc(n_spk, sizeof *spk), *in = ser_malloc(o->n_per, sizeof *in);
	int32_t *row[2] = {ser_malloc(o->n_per, sizeof **row), ser_malloc(o->n_per, sizeof **row)};
	choose(&r, t->n_spk, n_spk, spk);
	for (size_t s = 0; s < n_spk; s++) {
		size_t c0 = t->spk_at[spk[s]];
		choose(&r, t->spk_at[spk[s] + 1] - c0, 2, clu);
		for (int k = 0; k < 2; k++) {
			size_t m0 = t->clu_at[c0 + clu[k]], size = t->clu_at[c0 + clu[k] + 1] - m0;
			side[k] = o->n_per < size ? o->n_per : size;
			choose(&r, size, side[k], in);
			for (size_t i = 0; i < side[k]; i++)
				row[k][i] = (int32_t)add_row(t, t->member[m0 + in[i]]);
		}
		for (int k = 0; k < 2; k++)
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
		struct ser_rng r = stream(t, FOR_ORDER, epoch, key);
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
			struct ser_rng r = stream(t, FOR_CLASS, epoch << 20 | pass, key);
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
	struct ser_rng r = stream(t, FOR_ORDER, epoch, 0);
	ser_rng_shuffle(&r, t->order, n, sizeof *t->order);
	free(w);
	free(used);
	free(count);
}

static void next_batch(struct ser_trainer *t)
{
	size_t epoch = (size_t)(t->step / t->per_epoch) + 1, k = (size_t)(t->step % t->per_epoch);
	clear_batch(t);
	if (t->obj[0].kind == SER_OBJ_PAIRS && t->obj[0].pairs == NULL) {
		batch_of_clusters(t);
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
	size_t from = (size_t)((uint64_t)t->n_train * k / t->per_epoch);
	size_t to = (size_t)((uint64_t)t->n_train * (k + 1) / t->per_epoch);
	if (t->obj[0].kind == SER_OBJ_PAIRS)
		batch_of_pairs(t, t->order + from, to - from);
	else
		for (size_t i = from; i < to; i++)
			add_row(t, t->order[i]);
}

/* Zero runs of frames and of dimensions (Park et al. 2019), on features whose mean is near zero. */
static void mask(const struct ser_trainer *t, float *x, size_t n, uint64_t key)
{
	const struct ser_train_opts *o = &t->o;
	struct ser_rng r = stream(t, FOR_MASK, t->step, key);
	size_t d = t->d->dim;
	for (size_t k = 0; k < o->n_time_mask; k++) {
		size_t w = (size_t)ser_rng_below(&r, o->time_mask + 1), from;
		w = w < n / 2 ? w : n / 2;
		from = (size_t)ser_rng_below(&r, n - w + 1);
		memset(x + from * d, 0, w * d * sizeof *x);
	}
	for (size_t k = 0; k < o->n_freq_mask; k++) {
		size_t w = (size_t)ser_rng_below(&r, o->freq_mask + 1), from;
		w = w < d / 2 ? w : d / 2;
		from = (size_t)ser_rng_below(&r, d - w + 1);
		for (size_t i = 0; i < n; i++)
			memset(x + i * d + from, 0, w * sizeof *x);
	}
}

/* y [n,D] from x [m,D]: frame i is taken at i * speed, band j at j + shift, linearly between its neighbours; beyond the
 * ends the last one holds. */
static void warp(const float *x, size_t m, size_t d, double speed, double shift, float *y, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double t = (double)i * speed, last = (double)(m - 1);
		t = t < last ? t : last;
		size_t i0 = (size_t)t, i1 = i0 + 1 < m ? i0 + 1 : i0;
		float a = (float)(t - (double)i0);
		for (size_t j = 0; j < d; j++) {
			double f = (double)j + shift;
			f = f < 0 ? 0 : f < (double)(d - 1) ? f : (double)(d - 1);
			size_t j0 = (size_t)f, j1 = j0 + 1 < d ? j0 + 1 : j0;
			float b = (float)(f - (double)j0);
			float lo = x[i0 * d + j0] * (1 - b) + x[i0 * d + j1] * b,
			      hi = x[i1 * d + j0] * (1 - b) + x[i1 * d + j1] * b;
			y[i * d + j] = lo * (1 - a) + hi * a;
		}
	}
}

/* What is taken of an utterance for training: frames [from, from + n_src), played at a speed, bands shifted. */
struct cut {
	size_t from, n_src, n_out;
	double speed, shift;
};

static struct cut choose_cut(const struct ser_trainer *t, const struct ser_item *it)
{
	const struct ser_train_opts *o = &t->o;
	struct ser_rng r = stream(t, FOR_CROP, t->step, it->key);
	struct cut c = {0, it->n_frame, it->n_frame, 1, 0};
	size_t least = t->m->arch->min_frame(t->m->hyper);
	if (o->stretch > 0)
		c.speed = 1 + o->stretch * (2 * ser_rng_uniform(&r) - 1);
	if (o->shift > 0)
		c.shift = o->shift * (2 * ser_rng_uniform(&r) - 1);
	double want = (double)o->crop * c.speed + 0.5;
	if (o->crop > 0 && (double)it->n_frame > want) {
		c.n_src = want > 1 ? (size_t)want : 1;
		c.from = (size_t)ser_rng_below(&r, it->n_frame - c.n_src + 1);
	}
	c.n_out = c.n_src;
	if (o->stretch > 0) {
		c.n_out = (size_t)((double)c.n_src / c.speed + 0.5);
		c.n_out = c.n_out > least ? c.n_out : least;
	}
	return c;
}

static float *scratch(struct ser_trainer *t, size_t n)
{
	t->scratch = ser_grow(t->scratch, &t->cap_scratch, n, sizeof *t->scratch);
	return t->scratch;
}

/* The cut's frames, normalised over the whole utterance where that is the norm, into x [n_out, D]. */
static void read_cut(struct ser_trainer *t, size_t item, const struct cut *c, float *x)
{
	const struct ser_item *it = &t->d->item[item];
	size_t d = t->d->dim;
	bool warped = t->o.stretch > 0 || t->o.shift > 0;
	bool whole = t->m->norm == SER_NORM_MEAN || t->m->norm == SER_NORM_MEANVAR;
	if (!whole && !warped) {
		ser_dataset_read(t->d, item, c->from, c->n_src, x);
		ser_model_normalise(t->m, x, c->n_src);
		return;
	}
	size_t from = whole ? 0 : c->from, n = whole ? it->n_frame : c->n_src;
	float *src = scratch(t, n * d);
	ser_dataset_read(t->d, item, from, n, src);
	ser_model_normalise(t->m, src, n);
	src += (c->from - from) * d;
	if (warped)
		warp(src, c->n_src, d, c->speed, c->shift, x, c->n_out);
	else
		memcpy(x, src, c->n_src * d * sizeof *x);
}

/* Features of the batch's rows: cropped, warped and masked for training, whole otherwise. */
static void read_batch(struct ser_trainer *t, bool training)
{
	struct batch *b = &t->b;
	size_t d = t->d->dim, total = 0;
	b->n_frame = ser_grow(b->n_frame, &b->cap_frame, b->n, sizeof *b->n_frame);
	b->at = ser_grow(b->at, &b->cap_at, b->n, sizeof *b->at);
	b->key = ser_grow(b->key, &b->cap_key, b->n, sizeof *b->key);
	b->cut = ser_grow(b->cut, &b->cap_cut, b->n, sizeof *b->cut);
	for (size_t i = 0; i < b->n; i++) {
		const struct ser_item *it = &t->d->item[b->row[i]];
		b->cut[i] = training ? choose_cut(t, it) : (struct cut){0, it->n_frame, it->n_frame, 1, 0};
		b->n_frame[i] = b->cut[i].n_out;
		total = ser_add(total, ser_mul(b->n_frame[i], d));
	}
	b->x = ser_grow(b->x, &b->cap_x, total, sizeof *b->x);
	float *x = b->x;
	for (size_t i = 0; i < b->n; i++) {
		const struct ser_item *it = &t->d->item[b->row[i]];
		if (training) {
			read_cut(t, b->row[i], &b->cut[i], x);
			mask(t, x, b->n_frame[i], it->key);
		} else {
			ser_dataset_read(t->d, b->row[i], 0, it->n_frame, x);
			ser_model_normalise(t->m, x, it->n_frame);
		}
		b->at[i] = x;
		b->key[i] = it->key;
		x += b->n_frame[i] * d;
	}
}

/* ---- the graph ---- */

static int embed(struct ser_trainer *t, unsigned mode, uint64_t seed)
{
	struct batch *b = &t->b;
	ser_tape_reset(t->tape, mode, seed);
	ser_tape_keys(t->tape, b->n, b->key);
	if (!t->o.freeze || mode == 0)
		return ser_model_encode(t->m, t->tape, ser_tape_batch(t->tape, b->n, b->at, b->n_frame, t->d->dim)).emb;
	ser_tape_reset(t->fixed, SER_TAPE_FIXED, 0);
	int x = ser_tape_batch(t->fixed, b->n, b->at, b->n_frame, t->d->dim);
	struct ser_node emb = ser_tape_node(t->fixed, ser_model_encode(t->m, t->fixed, x).emb);
	return ser_tape_input(t->tape, emb.val, emb.n_row, emb.n_col, NULL, 0);
}

/* Labels of the batch's rows for objective k; NULL when none has one. */
static const int32_t *labels(struct ser_trainer *t, size_t k)
{
	int32_t *y = t->label + k * t->b.n;
	bool any = false;
	for (size_t i = 0; i < t->b.n; i++) {
		y[i] = t->code[k][t->b.row[i]];
		any = any || y[i] >= 0;
	}
	return any ? y : NULL;
}

static double ramp(const struct ser_trainer *t)
{
	double p = (double)t->step / (double)t->n_step;
	return t->o.ramp > 0 ? 2 / (1 + exp(-t->o.ramp * p)) - 1 : 1;
}

/* A loss over values: rows that have them, all of them or gathered. */
static int value_loss(struct ser_trainer *t, size_t k, int emb)
{
	const struct ser_objective *o = &t->obj[k];
	size_t n_value = o->n_value, n = 0, before = 0;
	for (size_t j = 0; j < k; j++)
		before += t->obj[j].n_value;
	real *y = t->target + before * t->b.n;
	int32_t *row = t->row + k * t->b.n;
	for (size_t i = 0; i < t->b.n; i++)
		if (t->code[k][t->b.row[i]] == 0) {
			memcpy(y + n * n_value, t->value[k] + t->b.row[i] * n_value, n_value * sizeof *y);
			row[n++] = (int32_t)i;
		}
	if (n < 2)
		return -1; /* one number has no concordance */
	int x = ser_model_head(t->m, t->tape, (size_t)t->head[k], emb);
	if (n < t->b.n)
		x = ser_nn_rows(t->tape, x, n, row);
	if (o->loss == SER_VALUE_CCC)
		return ser_nn_ccc(t->tape, x, y, 1e-8, NULL);
	return o->loss == SER_VALUE_MSE ? ser_nn_mse(t->tape, x, y, NULL) : ser_nn_mae(t->tape, x, y, NULL);
}

/* The loss of objective k, or -1 when the batch says nothing about it. */
static int loss_of(struct ser_trainer *t, size_t k, int emb)
{
	const struct ser_objective *o = &t->obj[k];
	if (o->adversarial)
		emb = ser_nn_reverse_grad(t->tape, emb, o->weight * ramp(t));
	if (o->kind == SER_OBJ_PAIRS)
		return ser_nn_pair_loss(t->tape, ser_model_head(t->m, t->tape, (size_t)t->head[k], emb), &t->b.set,
					o->tau, 0);
	if (o->kind == SER_OBJ_VALUE)
		return value_loss(t, k, emb);
	const int32_t *y = labels(t, k);
	if (y == NULL)
		return -1;
	int out = ser_model_head(t->m, t->tape, (size_t)t->head[k], emb);
	struct ser_loss l = {.class_w = t->class_w[k], .smooth = o->smooth};
	if (o->kind == SER_OBJ_AAM)
		return ser_nn_aam(t->tape, out, o->n_sub, y, o->margin, o->scale, &l);
	return ser_nn_cross_entropy(t->tape, out, y, &l);
}

static int name_batch(const struct ser_trainer *t, struct ser_err *e)
{
	struct ser_buf b = {0};
	for (size_t i = 0; i < t->b.n && b.n < 500; i++)
		ser_buf_printf(&b, "%s%.60s", i > 0 ? ", " : "", t->d->item[t->b.row[i]].id);
	ser_fail_in(e, "step %llu, epoch %llu", (unsigned long long)t->step + 1,
		    (unsigned long long)(t->step / t->per_epoch) + 1);
	char msg[sizeof e->msg];
	memcpy(msg, e->msg, sizeof msg);
	ser_fail(e, e->code, "%.400s; the batch was %s%s", msg, b.s, b.n >= 500 ? " ..." : "");
	ser_buf_free(&b);
	return e->code;
}

/* ---- validation ---- */

/* The next records that validate, in batches of some thousand frames. False when there are none left. */
static bool next_dev(struct ser_trainer *t, size_t *i)
{
	clear_batch(t);
	for (size_t frames = 0; *i < t->n_dev && t->b.n < 64 && frames < 20000; ++*i) {
		frames += t->d->item[t->dev[*i]].n_frame;
		add_row(t, t->dev[*i]);
	}
	if (t->b.n > 0)
		read_batch(t, false);
	return t->b.n > 0;
}

/* Concordance of two columns, biased moments. */
static double ccc(const double *x, const double *y, size_t n, size_t stride)
{
	double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
	for (size_t i = 0; i < n; i++) {
		mx += x[i * stride] / (double)n;
		my += y[i * stride] / (double)n;
	}
	for (size_t i = 0; i < n; i++) {
		double a = x[i * stride] - mx, b = y[i * stride] - my;
		xx += a * a;
		yy += b * b;
		xy += a * b;
	}
	double den = xx + yy + (double)n * (mx - my) * (mx - my);
	return den > 0 ? 2 * xy / den : 0;
}

static double validate_values(struct ser_trainer *t)
{
	size_t n_value = t->obj[0].n_value, n = 0;
	double *x = ser_malloc(ser_mul(t->n_dev, n_value), sizeof *x),
	       *y = ser_malloc(ser_mul(t->n_dev, n_value), sizeof *y);
	for (size_t i = 0; next_dev(t, &i);) {
		struct ser_node out =
			ser_tape_node(t->tape, ser_model_head(t->m, t->tape, (size_t)t->head[0], embed(t, 0, 0)));
		for (size_t r = 0; r < t->b.n; r++, n++)
			for (size_t v = 0; v < n_value; v++) {
				x[n * n_value + v] = (double)out.val[r * n_value + v];
				y[n * n_value + v] = (double)t->value[0][t->b.row[r] * n_value + v];
			}
	}
	double sum = 0;
	for (size_t v = 0; v < n_value; v++)
		sum += ccc(x + v, y + v, n, n_value);
	free(x);
	free(y);
	return sum / (double)n_value;
}

static double validate_classes(struct ser_trainer *t)
{
	size_t n_class = t->m->head[t->head[0]].n_out, n_sub = t->m->head[t->head[0]].n_sub, n_recall = 0;
	double *right = ser_calloc(n_class, sizeof *right), *all = ser_calloc(n_class, sizeof *all), uar = 0;
	for (size_t i = 0; next_dev(t, &i);) {
		int out = ser_model_head(t->m, t->tape, (size_t)t->head[0], embed(t, 0, 0));
		struct ser_node y = ser_tape_node(t->tape, out);
		for (size_t r = 0; r < t->b.n; r++) {
			size_t best = 0, truth = (size_t)t->code[0][t->b.row[r]];
			for (size_t c = 1; c < y.n_col; c++)
				if (y.val[r * y.n_col + c] > y.val[r * y.n_col + best])
					best = c;
			all[truth]++;
			right[truth] += best / n_sub == truth;
		}
	}
	for (size_t c = 0; c < n_class; c++)
		if (all[c] > 0) {
			uar += right[c] / all[c];
			n_recall++;
		}
	free(right);
	free(all);
	return n_recall > 0 ? uar / (double)n_recall : 0;
}

static double validate_pairs(struct ser_trainer *t)
{
	double sum = 0;
	for (size_t i = 0; i < t->n_dev; i += t->o.batch) {
		size_t n = t->n_dev - i < t->o.batch ? t->n_dev - i : t->o.batch;
		clear_batch(t);
		batch_of_pairs(t, t->dev + i, n);
		read_batch(t, false);
		int z = ser_model_head(t->m, t->tape, (size_t)t->head[0], embed(t, 0, 0));
		sum += ser_tape_scalar(t->tape, ser_nn_pair_loss(t->tape, z, &t->b.set, t->obj[0].tau, 1));
	}
	return -sum / (double)t->n_dev;
}

static void validate(struct ser_trainer *t, struct ser_train_row *row, size_t epoch)
{
	struct ser_params *p = t->m->params;
	if (t->o.opt.ema > 0)
		ser_opt_swap_average(t->opt);
	row->validated = true;
	row->dev = t->obj[0].kind == SER_OBJ_PAIRS   ? validate_pairs(t)
		   : t->obj[0].kind == SER_OBJ_VALUE ? validate_values(t)
						     : validate_classes(t);
	if (t->best_epoch == 0 || row->dev > t->best_dev) {
		t->best_dev = row->dev;
		t->best_epoch = epoch;
		t->n_bad = 0;
		memcpy(t->best, p->val, p->n * sizeof *t->best);
	} else if (++t->n_bad >= t->o.patience && t->o.patience > 0) {
		t->stopped = true;
	}
	if (t->o.opt.ema > 0)
		ser_opt_swap_average(t->opt);
	ser_sched_report(&t->sched, row->dev);
}

/* ---- one step ---- */

int ser_trainer_step(struct ser_trainer *t, struct ser_train_row *row, struct ser_err *e)
{
	struct ser_params *p = t->m->params;
	*row = (struct ser_train_row){.step = t->step, .n_step = t->n_step};
	if (t->step >= t->n_step || t->stopped)
		return 0;
	if (t->step % t->per_epoch == 0) {
		t->sum = 0;
		memset(t->part, 0, sizeof t->part);
		memset(t->n_part, 0, sizeof t->n_part);
	}
	next_batch(t);
	read_batch(t, true);
	size_t n_value = 0;
	for (size_t k = 0; k < t->n_obj; k++)
		n_value += t->obj[k].n_value;
	t->label = ser_grow(t->label, &t->cap_label, t->n_obj * t->b.n, sizeof *t->label);
	t->row = ser_grow(t->row, &t->cap_row, t->n_obj * t->b.n, sizeof *t->row);
	t->target = ser_grow(t->target, &t->cap_target, n_value * t->b.n, sizeof *t->target);
	struct ser_rng r = stream(t, FOR_TAPE, t->step, 0);
	int emb = embed(t, SER_TAPE_GRAD | SER_TAPE_TRAIN, ser_rng_next(&r)), total = -1;
	for (size_t k = 0; k < t->n_obj; k++) {
		int l = loss_of(t, k, emb);
		if (l < 0)
			continue;
		t->part[k] += ser_tape_scalar(t->tape, l);
		t->n_part[k]++;
		if (!t->obj[k].adversarial && t->obj[k].weight != 1)
			l = ser_nn_scale(t->tape, l, t->obj[k].weight);
		total = total < 0 ? l : ser_nn_add(t->tape, total, l);
	}
	if (total >= 0) { /* otherwise no row of the batch has a label */
		ser_params_zero_grad(p);
		if (ser_tape_backward(t->tape, total, 1, e) != 0 ||
		    ser_params_clip(p, t->o.clip, &row->grad_norm, e) != 0)
			return name_batch(t, e);
		t->sum += ser_tape_scalar(t->tape, total);
		row->lr = ser_sched_lr(&t->sched, t->step);
		ser_opt_step(t->opt, row->lr);
	}
	uint64_t in_epoch = t->step++ % t->per_epoch + 1;
	row->step = t->step;
	row->epoch = (size_t)((t->step - 1) / t->per_epoch) + 1;
	row->loss = t->sum / (double)in_epoch;
	for (size_t k = 0; k < t->n_obj; k++)
		row->part[k] = t->n_part[k] > 0 ? t->part[k] / (double)t->n_part[k] : 0;
	row->end_of_epoch = in_epoch == t->per_epoch;
	if (row->end_of_epoch && t->n_dev > 0)
		validate(t, row, row->epoch);
	row->best = t->best_dev;
	row->best_epoch = t->best_epoch;
	return t->step < t->n_step && !t->stopped;
}

void ser_trainer_finish(struct ser_trainer *t)
{
	struct ser_params *p = t->m->params;
	if (t->best_epoch > 0)
		memcpy(p->val, t->best, p->n * sizeof *p->val);
	else if (t->o.opt.ema > 0)
		ser_opt_swap_average(t->opt);
}

const char *ser_trainer_metric(const struct ser_trainer *t)
{
	return t->obj[0].kind == SER_OBJ_PAIRS ? "loss" : t->obj[0].kind == SER_OBJ_VALUE ? "ccc" : "uar";
}

/* ---- setting up ---- */

/* Mean and deviation of each dimension over the training items' frames, for SER_NORM_GLOBAL. */
static void fit_input(struct ser_trainer *t, const struct ser_split *s)
{
	struct ser_params *p = t->m->params;
	real *mean = p->val + p->slice[ser_params_find(p, "input.mean")].at;
	real *std = p->val + p->slice[ser_params_find(p, "input.std")].at;
	size_t d = t->d->dim, n = 0;
	double *acc = ser_calloc(2 * d, sizeof *acc);
	for (int pass = 0; pass < 2; pass++) {
		n = 0;
		for (size_t i = 0; i < t->d->n; i++) {
			size_t n_frame = t->d->item[i].n_frame;
			if (s->role[i] != SER_ROLE_TRAIN)
				continue;
			float *x = scratch(t, n_frame * d);
			ser_dataset_read(t->d, i, 0, n_frame, x);
			for (size_t k = 0; k < n_frame * d; k++) {
				double c = (double)x[k] - (pass == 1 ? acc[k % d] : 0);
				acc[pass * d + k % d] += pass == 1 ? c * c : c;
			}
			n += n_frame;
		}
		for (size_t j = 0; j < d; j++)
			acc[(size_t)pass * d + j] /= (double)n;
	}
	for (size_t j = 0; j < d; j++) {
		mean[j] = (real)acc[j];
		std[j] = (real)sqrt(acc[d + j] > 1e-10 ? acc[d + j] : 1e-10);
	}
	free(acc);
}

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

static int check_frames(const struct ser_trainer *t, struct ser_err *e)
{
	size_t least = t->m->arch->min_frame(t->m->hyper);
	if (t->o.crop > 0 && t->o.crop < least)
		return ser_fail(e, SER_EUSAGE, "a crop of %zu frames is too short, architecture %s needs %zu",
				t->o.crop, t->m->arch->name, least);
	for (size_t i = 0; i < t->d->n; i++)
		if (t->d->item[i].n_frame < least)
			return ser_fail(e, SER_EDATA, "record \"%s\" has %zu frames, architecture %s needs %zu",
					t->d->item[i].id, t->d->item[i].n_frame, t->m->arch->name, least);
	return 0;
}

static int set_up(struct ser_trainer *t, const struct ser_split *s, int n_thread, struct ser_err *e)
{
	struct ser_params *p = t->m->params;
	const struct ser_train_opts *o = &t->o;
	if (o->n_epoch == 0 || o->batch == 0 || t->n_obj == 0 || t->n_obj > SER_MAX_OBJECTIVE)
		return ser_fail(e, SER_EUSAGE, "epochs, batch and the number of objectives must be at least 1");
	if (t->d->dim != t->m->n_in)
		return ser_fail(e, SER_EDATA, "records have %zu dimensions a frame, the model wants %zu", t->d->dim,
				t->m->n_in);
	if (check_frames(t, e) != 0)
		return e->code;
	for (size_t k = 0; k < t->n_obj; k++) {
		t->head[k] = ser_model_head_find(t->m, t->obj[k].name);
		ser_assert(t->head[k] >= 0 && (t->obj[k].kind != SER_OBJ_PAIRS || k == 0));
		if (t->obj[k].kind == SER_OBJ_VALUE && take_values(t, k, s, e) != 0)
			return e->code;
		if (t->obj[k].label != NULL && take_labels(t, k, s, e) != 0)
			return e->code;
	}
	bool contrastive = t->obj[0].kind == SER_OBJ_PAIRS, clusters = contrastive && t->obj[0].pairs == NULL;
	if (t->obj[0].label == NULL && o->balanced)
		return ser_fail(e, SER_EUSAGE, "the first objective has no classes to balance");
	if (contrastive && !clusters)
		take_pairs(t, s);
	else
		take_items(t, s);
	if (t->n_train == 0)
		return ser_fail(e, SER_EDATA, "no %s is left to train on",
				contrastive && !clusters ? "pair" : "record with the label");
	if (clusters && s->n_dev > 0)
		return ser_fail(e, SER_EUSAGE, "validation of a contrastive objective needs a pair set");
	if (s->n_dev > 0 && t->n_dev == 0)
		return ser_fail(e, SER_EDATA, "nothing is left to validate on");
	if (clusters && take_clusters(t, e) != 0)
		return e->code;
	size_t per_batch = clusters ? t->obj[0].n_spk * 2 * t->obj[0].n_per : o->batch;
	t->per_epoch = (t->n_train + per_batch - 1) / per_batch;
	t->n_step = t->per_epoch * o->n_epoch;
	t->order = ser_malloc(t->n_train, sizeof *t->order);
	t->b.place = ser_malloc(t->d->n, sizeof *t->b.place);
	for (size_t i = 0; i < t->d->n; i++)
		t->b.place[i] = -1;
	if (t->m->norm == SER_NORM_GLOBAL && !o->keep_input)
		fit_input(t, s);
	if (o->freeze)
		ser_params_flag(p, "encoder.", SER_P_FROZEN, true);
	for (size_t i = 0; i < p->n_slice; i++)
		if (strncmp(p->slice[i].name, "encoder.", 8) == 0)
			p->slice[i].lr_scale = o->encoder_lr;
	t->sched = ser_sched_defaults();
	t->sched.kind = o->sched;
	t->sched.lr = o->lr;
	t->sched.n_total = t->n_step;
	t->sched.n_warmup = (uint64_t)(o->warmup * (double)t->n_step + 0.5);
	t->sched.every = t->n_step / 3 > 0 ? t->n_step / 3 : 1;
	t->la = n_thread > 1 ? ser_la_new(n_thread) : NULL;
	t->tape = ser_tape_new(t->la, p);
	if (o->freeze)
		t->fixed = ser_tape_new(t->la, p);
	t->best = ser_calloc(p->n, sizeof *t->best);
	return ser_opt_new(&t->opt, &o->opt, p, t->la, e);
}

int ser_trainer_new(struct ser_trainer **out, const struct ser_dataset *d, const struct ser_split *s,
		    struct ser_model *m, const struct ser_objective *obj, size_t n_obj, const struct ser_train_opts *o,
		    int n_thread, struct ser_err *e)
{
	struct ser_trainer *t = ser_calloc(1, sizeof *t);
	t->d = d;
	t->m = m;
	t->o = *o;
	t->n_obj = n_obj;
	memcpy(t->obj, obj, (n_obj < SER_MAX_OBJECTIVE ? n_obj : SER_MAX_OBJECTIVE) * sizeof *obj);
	int rc = set_up(t, s, n_thread, e);
	*out = rc == 0 ? t : NULL;
	if (rc != 0)
		ser_trainer_free(t);
	return rc;
}

void ser_trainer_free(struct ser_trainer *t)
{
	if (t == NULL)
		return;
	struct batch *b = &t->b;
	void *mine[] = {t->train, t->dev,    t->order,  t->label,   t->member,  t->clu_at, t->spk_at, t->best,
			b->row,   b->place,  b->x,      b->n_frame, b->at,      b->key,    b->anchor, b->pos,
			b->neg,   b->pos_at, b->neg_at, b->cut,     t->scratch, t->target, t->row};
	for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
		free(mine[i]);
	for (size_t k = 0; k < SER_MAX_OBJECTIVE; k++) {
		free(t->code[k]);
		free(t->class_w[k]);
		free(t->value[k]);
	}
	if (t->opt != NULL)
		ser_opt_free(t->opt);
	if (t->tape != NULL)
		ser_tape_free(t->tape);
	if (t->fixed != NULL)
		ser_tape_free(t->fixed);
	if (t->la != NULL)
		ser_la_free(t->la);
	free(t);
}

/* ---- checkpoints ---- */

/* What must be the same for training to go on: data, who does what, options, objectives. */
static uint64_t fingerprint(const struct ser_trainer *t)
{
	const struct ser_train_opts *o = &t->o;
	const struct ser_opt_opts *q = &o->opt;
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%llu %zu %zu %zu %d %zu %zu %zu %zu ", (unsigned long long)o->seed, o->n_epoch, o->batch,
		       o->crop, o->balanced, o->n_time_mask, o->time_mask, o->n_freq_mask, o->freq_mask);
	ser_buf_printf(&b, "%d %a %d %a %a %a %a %a %d ", (int)q->kind, q->momentum, q->nesterov, q->beta1, q->beta2,
		       q->eps, q->weight_decay, q->ema, (int)o->sched);
	ser_buf_printf(&b, "%a %a ", o->stretch, o->shift);
	ser_buf_printf(&b, "%a %a %a %a %d %a %zu ", o->lr, o->warmup, o->clip, o->encoder_lr, o->freeze, o->ramp,
		       o->patience);
	for (size_t k = 0; k < t->n_obj; k++) {
		const struct ser_objective *j = &t->obj[k];
		ser_buf_printf(&b, "%d %s %a %d %a %d %a %a %zu %a %zu %zu ", (int)j->kind, j->name, j->weight,
			       j->adversarial, j->smooth, j->class_weight, j->margin, j->scale, j->n_sub, j->tau,
			       j->n_spk, j->n_per);
		if (j->kind == SER_OBJ_VALUE) {
			ser_buf_printf(&b, "%d ", (int)j->loss);
			ser_buf_add(&b, t->value[k], t->d->n * j->n_value * sizeof *t->value[k]);
		}
		if (t->code[k] != NULL)
			ser_buf_add(&b, t->code[k], t->d->n * sizeof *t->code[k]);
	}
	for (size_t i = 0; i < t->d->n; i++)
		ser_buf_printf(&b, "%s %zu ", t->d->item[i].id, t->d->item[i].n_frame);
	ser_buf_add(&b, t->train, t->n_train * sizeof *t->train);
	ser_buf_add(&b, t->dev, t->n_dev * sizeof *t->dev);
	uint64_t h = ser_hash(b.s, b.n);
	ser_buf_free(&b);
	return h;
}

enum {
	COUNT_STEP,
	COUNT_OPT_STEP,
	COUNT_BEST_EPOCH,
	COUNT_BAD,
	COUNT_STOPPED,
	COUNT_SCHED_BAD,
	COUNT_PRINT,
	COUNT_PART,
	N_COUNT = COUNT_PART + SER_MAX_OBJECTIVE
};
enum { REAL_SUM, REAL_BEST, REAL_SCHED_BEST, REAL_SCHED_SCALE, REAL_PART, N_REAL = REAL_PART + SER_MAX_OBJECTIVE };

static struct ser_st_tensor flat(const char *name, enum ser_st_dtype type, const void *data, size_t n)
{
	return (struct ser_st_tensor){.name = name, .dtype = type, .ndim = 1, .shape = {n}, .n = n, .data = data};
}

static enum ser_st_dtype real_type(void)
{
	return sizeof(real) == 8 ? SER_ST_F64 : SER_ST_F32;
}

int ser_trainer_save(const struct ser_trainer *t, const char *path, const char *note, struct ser_err *e)
{
	const struct ser_params *p = t->m->params;
	struct ser_arena a = {0};
	struct ser_st_tensor *model, *all;
	struct ser_st_meta *meta, *more;
	size_t n, n_meta;
	if (ser_params_check(p, e) != 0)
		return ser_fail_in(e, "%s: not written", path);
	ser_model_pack(t->m, &a, &model, &n, &meta, &n_meta);
	all = ser_arena_alloc(&a, n + 8, sizeof *all);
	memcpy(all, model, n * sizeof *all);
	more = ser_arena_alloc(&a, n_meta + 1, sizeof *more);
	memcpy(more, meta, n_meta * sizeof *more);
	more[n_meta++] = (struct ser_st_meta){"checkpoint", note};
	int64_t count[N_COUNT] = {(int64_t)t->step, (int64_t)t->opt->step, (int64_t)t->best_epoch, (int64_t)t->n_bad,
				  t->stopped,       t->sched.n_bad,        (int64_t)fingerprint(t)};
	double reals[N_REAL] = {t->sum, t->best_dev, t->sched.best, t->sched.scale};
	for (size_t k = 0; k < SER_MAX_OBJECTIVE; k++) {
		count[COUNT_PART + k] = (int64_t)t->n_part[k];
		reals[REAL_PART + k] = t->part[k];
	}
	all[n++] = flat("checkpoint.count", SER_ST_I64, count, N_COUNT);
	all[n++] = flat("checkpoint.real", SER_ST_F64, reals, N_REAL);
	all[n++] = flat("checkpoint.val", real_type(), p->val, p->n);
	if (t->best_epoch > 0)
		all[n++] = flat("checkpoint.best", real_type(), t->best, p->n);
	const char *name;
	real *state;
	for (int i = 0; (state = ser_opt_state(t->opt, i, &name)) != NULL; i++) {
		struct ser_buf b = {0};
		ser_buf_printf(&b, "checkpoint.opt.%s", name);
		all[n++] = flat(ser_arena_strndup(&a, b.s, b.n), real_type(), state, t->opt->n);
		ser_buf_free(&b);
	}
	int rc = ser_st_save(path, all, n, more, n_meta, e);
	ser_arena_free(&a);
	return rc;
}

static int get_flat(const struct ser_st *s, const char *name, enum ser_st_dtype type, size_t n, size_t size, void *out,
		    struct ser_err *e)
{
	const struct ser_st_tensor *t = ser_st_find(s, name);
	if (t == NULL || t->dtype != type || t->n != n)
		return ser_fail(e, SER_EDATA, "\"%s\" is missing or of another size", name);
	memcpy(out, t->data, n * size);
	return 0;
}

static int resume(struct ser_trainer *t, const struct ser_st *s, struct ser_err *e)
{
	struct ser_params *p = t->m->params;
	int64_t count[N_COUNT];
	double reals[N_REAL];
	const char *name;
	real *state;
	if (ser_st_meta(s, "checkpoint") == NULL)
		return ser_fail(e, SER_EDATA, "not a checkpoint of ser-train");
	if (get_flat(s, "checkpoint.count", SER_ST_I64, N_COUNT, 8, count, e) != 0 ||
	    get_flat(s, "checkpoint.real", SER_ST_F64, N_REAL, 8, reals, e) != 0)
		return e->code;
	if ((uint64_t)count[COUNT_PRINT] != fingerprint(t))
		return ser_fail(e, SER_EDATA, "the checkpoint was made from other data or with other options");
	if (count[COUNT_STEP] < 0 || (uint64_t)count[COUNT_STEP] > t->n_step || count[COUNT_BEST_EPOCH] < 0 ||
	    count[COUNT_OPT_STEP] < 0 || count[COUNT_BAD] < 0)
		return ser_fail(e, SER_EDATA, "the checkpoint's counts are out of range");
	if (get_flat(s, "checkpoint.val", real_type(), p->n, sizeof(real), p->val, e) != 0)
		return e->code;
	if (count[COUNT_BEST_EPOCH] > 0 &&
	    get_flat(s, "checkpoint.best", real_type(), p->n, sizeof(real), t->best, e) != 0)
		return e->code;
	for (int i = 0; (state = ser_opt_state(t->opt, i, &name)) != NULL; i++) {
		struct ser_buf b = {0};
		ser_buf_printf(&b, "checkpoint.opt.%s", name);
		int rc = get_flat(s, b.s, real_type(), t->opt->n, sizeof(real), state, e);
		ser_buf_free(&b);
		if (rc != 0)
			return rc;
	}
	t->step = (uint64_t)count[COUNT_STEP];
	t->opt->step = (uint64_t)count[COUNT_OPT_STEP];
	t->best_epoch = (size_t)count[COUNT_BEST_EPOCH];
	t->n_bad = (size_t)count[COUNT_BAD];
	t->stopped = count[COUNT_STOPPED] != 0;
	t->sched.n_bad = (int)count[COUNT_SCHED_BAD];
	t->sum = reals[REAL_SUM];
	t->best_dev = reals[REAL_BEST];
	t->sched.best = reals[REAL_SCHED_BEST];
	t->sched.scale = reals[REAL_SCHED_SCALE];
	for (size_t k = 0; k < SER_MAX_OBJECTIVE; k++) {
		t->n_part[k] = (uint64_t)count[COUNT_PART + k];
		t->part[k] = reals[REAL_PART + k];
	}
	return 0;
}

int ser_trainer_resume(struct ser_trainer *t, const char *path, char **note, struct ser_err *e)
{
	struct ser_st *s;
	if (ser_st_open(&s, path, e) != 0)
		return e->code;
	int rc = resume(t, s, e);
	if (rc == 0)
		*note = ser_strdup(ser_st_meta(s, "checkpoint"));
	ser_st_free(s);
	return rc != 0 ? ser_fail_in(e, "%s", path) : 0;
}
