/* SPDX-License-Identifier: MIT */
#include "ml/pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct ser_pairs_opt ser_pairs_default = {
	.n_draw = 1, .n_pos = 1, .n_neg = 1, .n_near = 1, .n_hard = 1, .metric = SER_COSINE};

/* One item that takes part. Sorted by speaker, cluster and id, where speakers and clusters are ranked by their least
 * id, so that neither the numbers that the caller gave them nor the order of the input matters. */
struct item {
	const char *id;
	size_t i;       /* number in the input */
	size_t spk;     /* rank */
	size_t cluster; /* rank inside the speaker */
	size_t lo, hi;  /* its cluster is item [lo,hi) */
	struct ser_rng rng;
	size_t n_drawn;
};

struct range {
	size_t lo, hi;
};

struct sampler {
	const struct ser_pairs_opt *o;
	const struct ser_pairs_in *in;
	struct item *item; /* [n] sorted */
	size_t n;
	struct range *spk; /* [n_spk] items of each speaker */
	size_t n_spk;
	size_t *deck;      /* [n] 0, 1, ... between draws */
	size_t *swap;      /* [n] what to undo */
	struct near *cand; /* [most candidates of a draw] */
};

struct near {
	double dist;
	size_t pick; /* item */
	size_t turn; /* order of drawing */
};

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->id, ((const struct item *)b)->id);
}

static int by_rank(const void *a, const void *b)
{
	const struct item *p = a, *q = b;
	if (p->spk != q->spk)
		return p->spk < q->spk ? -1 : 1;
	if (p->cluster != q->cluster)
		return p->cluster < q->cluster ? -1 : 1;
	return strcmp(p->id, q->id);
}

static int by_distance(const void *a, const void *b)
{
	const struct near *p = a, *q = b;
	return p->dist < q->dist ? -1 : p->dist > q->dist ? 1 : p->turn < q->turn ? -1 : p->turn > q->turn;
}

/* m numbers out of [0,n), all different while there are enough, then again from the start. */
static void deal(struct sampler *s, struct ser_rng *rng, size_t n, size_t m, size_t *out)
{
	for (size_t done = 0; done < m;) {
		size_t round = m - done < n ? m - done : n;
		for (size_t i = 0; i < round; i++) {
			size_t j = i + (size_t)ser_rng_below(rng, n - i), t = s->deck[i];
			s->deck[i] = s->deck[j];
			s->deck[j] = t;
			s->swap[i] = j;
			out[done + i] = s->deck[i];
		}
		for (size_t i = round; i-- > 0;) {
			size_t j = s->swap[i], t = s->deck[i];
			s->deck[i] = s->deck[j];
			s->deck[j] = t;
		}
		done += round;
	}
}

static double distance(const struct sampler *s, size_t a, size_t b)
{
	const float *x = s->in->emb + s->item[a].i * s->in->d, *y = s->in->emb + s->item[b].i * s->in->d;
	double xx = 0, yy = 0, xy = 0, sq = 0;
	for (size_t t = 0; t < s->in->d; t++) {
		double u = x[t], v = y[t];
		xx += u * u;
		yy += v * v;
		xy += u * v;
		sq += (u - v) * (u - v);
	}
	return s->o->metric == SER_COSINE ? 1 - xy / sqrt(xx) / sqrt(yy) : sq;
}

/* How many candidates are drawn for `want` of n items, of which each is the nearest of `of`: all of the n rather than one twice. */
static size_t n_candidate(size_t want, size_t of, size_t n)
{
	return of > 1 && want * of > n ? n : want * of;
}

/* Of m candidates the `want` nearest to the anchor, nearest first; all of them in the order of drawing when there is
 * no search; again from the first when there are fewer. */
static void keep_nearest(struct sampler *s, size_t anchor, bool search, size_t m, size_t want, size_t *out)
{
	if (search) {
		for (size_t i = 0; i < m; i++)
			s->cand[i].dist = distance(s, anchor, s->cand[i].pick);
		qsort(s->cand, m, sizeof *s->cand, by_distance);
	}
	for (size_t i = 0; i < want; i++)
		out[i] = s->item[s->cand[i % m].pick].i;
}

/* Positives: the items of the anchor's cluster without itself. */
static void same_cluster(struct sampler *s, struct ser_rng *rng, size_t anchor, size_t *out, size_t *deal_to)
{
	const struct item *a = &s->item[anchor];
	size_t n = a->hi - a->lo - 1, m = n_candidate(s->o->n_pos, s->o->n_near, n);
	deal(s, rng, n, m, deal_to);
	for (size_t i = 0; i < m; i++) {
		size_t q = a->lo + deal_to[i];
		s->cand[i] = (struct near){.pick = q < anchor ? q : q + 1, .turn = i};
	}
	keep_nearest(s, anchor, s->o->n_near > 1, m, s->o->n_pos, out);
}

/* Negatives of the same speaker: the items of that range without those of the anchor's cluster. */
static void same_speaker(struct sampler *s, struct ser_rng *rng, size_t anchor, size_t *out, size_t *deal_to)
{
	const struct item *a = &s->item[anchor];
	struct range r = s->spk[a->spk];
	size_t n = (r.hi - r.lo) - (a->hi - a->lo), m = n_candidate(s->o->n_neg, s->o->n_hard, n);
	deal(s, rng, n, m, deal_to);
	for (size_t i = 0; i < m; i++) {
		size_t q = r.lo + deal_to[i];
		s->cand[i] = (struct near){.pick = q < a->lo ? q : q + (a->hi - a->lo), .turn = i};
	}
	keep_nearest(s, anchor, s->o->n_hard > 1, m, s->o->n_neg, out);
}

/* Negatives of others: a speaker, then an item of theirs, each uniformly; drawn again where it is there already. */
static void other_speakers(struct sampler *s, struct ser_rng *rng, size_t anchor, size_t *out)
{
	size_t own = s->item[anchor].spk, m = s->o->n_other * s->o->n_hard;
	for (size_t i = 0; i < m; i++) {
		bool again = true;
		for (int turn = 0; again && turn < 100; turn++) {
			size_t k = (size_t)ser_rng_below(rng, s->n_spk - 1);
			struct range r = s->spk[k < own ? k : k + 1];
			s->cand[i] = (struct near){.pick = r.lo + (size_t)ser_rng_below(rng, r.hi - r.lo), .turn = i};
			again = false;
			for (size_t j = 0; j < i && !again; j++)
				again = s->cand[j].pick == s->cand[i].pick;
		}
	}
	keep_nearest(s, anchor, s->o->n_hard > 1, m, s->o->n_other, out);
}

static void draw(struct sampler *s, struct ser_pairs *p, size_t anchor, size_t *deal_to)
{
	struct item *a = &s->item[anchor];
	size_t at = p->n++, *pos = p->pos + at * p->n_pos, *neg = p->neg + at * p->n_all;
	p->anchor[at] = a->i;
	p->draw[at] = a->n_drawn++;
	same_cluster(s, &a->rng, anchor, pos, deal_to);
	if (p->n_neg > 0)
		same_speaker(s, &a->rng, anchor, neg, deal_to);
	if (p->n_all > p->n_neg)
		other_speakers(s, &a->rng, anchor, neg + p->n_neg);
}

static int check(const struct ser_pairs_opt *o, const struct ser_pairs_in *in, struct ser_err *e)
{
	enum { MOST = 1 << 20 };
	bool search = o->n_hard > 1 || o->n_near > 1;
	if (o->n_draw == 0 || o->n_pos == 0 || o->n_near == 0 || o->n_hard == 0 || o->n_draw > MOST ||
	    o->n_pos > MOST || o->n_neg > MOST || o->n_other > MOST || o->n_near > MOST || o->n_hard > MOST ||
	    o->per_spk > (size_t)MOST * MOST)
		return ser_fail(e, SER_EUSAGE, "draws, positives and candidates must be 1 to %d, negatives 0 to %d",
				MOST, MOST);
	if (o->min_margin > 0 && in->margin == NULL)
		return ser_fail(e, SER_EUSAGE, "a least margin was asked for, but there are no margins");
	if (search && in->emb == NULL)
		return ser_fail(e, SER_EUSAGE, "pairs by distance were asked for, but there are no embeddings");
	for (size_t i = 0; search && i < in->n; i++) {
		double sq = 0;
		for (size_t t = 0; t < in->d; t++)
			sq += (double)in->emb[i * in->d + t] * in->emb[i * in->d + t];
		if (!isfinite(sq) || (o->metric == SER_COSINE && sq == 0))
			return ser_fail(e, SER_EDATA,
					"the embedding of \"%s\" has length %g, expected a finite one above 0",
					in->id[i], sqrt(sq));
	}
	for (size_t i = 0; in->margin != NULL && o->min_margin > 0 && i < in->n; i++)
		if (isnan(in->margin[i]))
			return ser_fail(e, SER_EDATA, "the cluster margin of \"%s\" is not a number", in->id[i]);
	return SER_OK;
}

static size_t most_candidates(const struct ser_pairs_opt *o)
{
	size_t neg = ser_mul(o->n_neg > o->n_other ? o->n_neg : o->n_other, o->n_hard),
	       pos = ser_mul(o->n_pos, o->n_near);
	return pos > neg ? pos : neg;
}

/* Replace spk and cluster by ranks in the order of the least id; item is sorted by id. */
static void rank(struct sampler *s)
{
	struct ser_map *spk = ser_map_new(), *both = ser_map_new();
	size_t *n_cluster = ser_calloc(s->n + 1, sizeof *n_cluster), *of = ser_malloc(s->n + 1, sizeof *of);
	for (size_t q = 0; q < s->n; q++) {
		struct item *a = &s->item[q];
		bool is_new;
		size_t k = ser_map_add(spk, (const char *)&a->spk, sizeof a->spk, NULL);
		size_t key[2] = {k, a->cluster}, c = ser_map_add(both, (const char *)key, sizeof key, &is_new);
		if (is_new)
			of[c] = n_cluster[k]++;
		a->spk = k;
		a->cluster = of[c];
	}
	s->n_spk = ser_map_len(spk);
	ser_map_free(spk);
	ser_map_free(both);
	free(n_cluster);
	free(of);
}

static int sampler_init(struct sampler *s, const struct ser_pairs_opt *o, const struct ser_pairs_in *in, size_t *n_low,
			struct ser_err *e)
{
	*s = (struct sampler){.o = o, .in = in};
	s->item = ser_malloc(in->n, sizeof *s->item);
	for (size_t i = 0; i < in->n; i++)
		s->item[i] =
			(struct item){.id = in->id[i], .i = i, .spk = in->spk[i], .cluster = (size_t)in->cluster[i]};
	qsort(s->item, in->n, sizeof *s->item, by_id);
	for (size_t q = 1; q < in->n; q++)
		if (by_id(&s->item[q - 1], &s->item[q]) == 0)
			return ser_fail(e, SER_EDATA, "two items have the id \"%s\"", s->item[q].id);
	for (size_t q = 0; q < in->n; q++) {
		size_t i = s->item[q].i;
		if (in->cluster[i] < 0 || (o->min_margin > 0 && in->margin[i] < o->min_margin))
			++*n_low;
		else
			s->item[s->n++] = s->item[q];
	}
	rank(s);
	qsort(s->item, s->n, sizeof *s->item, by_rank);
	s->spk = ser_calloc(s->n_spk, sizeof *s->spk);
	for (size_t lo = 0, hi; lo < s->n; lo = hi) {
		for (hi = lo;
		     hi < s->n && s->item[hi].spk == s->item[lo].spk && s->item[hi].cluster == s->item[lo].cluster;)
			hi++;
		for (size_t q = lo; q < hi; q++) {
			s->item[q].lo = lo;
			s->item[q].hi = hi;
			ser_rng_seed_key(&s->item[q].rng, o->seed, s->item[q].id, strlen(s->item[q].id));
		}
		struct range *r = &s->spk[s->item[lo].spk];
		if (r->hi == 0)
			r->lo = lo;
		r->hi = hi;
	}
	s->cand = ser_malloc(most_candidates(o), sizeof *s->cand);
	s->deck = ser_malloc(s->n, sizeof *s->deck);
	s->swap = ser_malloc(s->n, sizeof *s->swap);
	for (size_t q = 0; q < s->n; q++)
		s->deck[q] = q;
	return SER_OK;
}

struct ser_pairs *ser_pairs_new(const struct ser_pairs_opt *o, const struct ser_pairs_in *in, struct ser_err *e)
{
	struct sampler s;
	struct ser_pairs *p = NULL;
	if (check(o, in, e) != SER_OK)
		return NULL;
	size_t n_low = 0, n_no_pos = 0, n_no_neg = 0, n_anchor = 0, n_voice = 0;
	size_t *where = ser_malloc(in->n, sizeof *where); /* anchors (items), in the input's order; SIZE_MAX: none */
	size_t *n_of = NULL, *deal_to = NULL;
	if (sampler_init(&s, o, in, &n_low, e) != SER_OK)
		goto out;
	n_of = ser_calloc(s.n_spk + 1, sizeof *n_of);
	for (size_t i = 0; i < in->n; i++)
		where[i] = SIZE_MAX;
	for (size_t q = 0; q < s.n; q++) {
		const struct item *a = &s.item[q];
		struct range r = s.spk[a->spk];
		bool no_pos = a->hi - a->lo<2, no_neg = o->n_neg> 0 && a->hi - a->lo == r.hi - r.lo;
		n_no_pos += no_pos;
		n_no_neg += !no_pos && no_neg;
		if (no_pos || no_neg)
			continue;
		where[a->i] = q;
		n_anchor++;
		n_voice += n_of[a->spk]++ == 0;
	}
	if (n_anchor == 0) {
		ser_fail(e, SER_EDATA,
			 "no anchor among %zu items: %zu below the margin or without cluster, %zu without positive, "
			 "%zu without negative",
			 in->n, n_low, n_no_pos, n_no_neg);
		goto out;
	}
	if (o->n_other > 0 && s.n_spk < 2) {
		ser_fail(e, SER_EDATA, "negatives of other speakers were asked for, but there is one speaker");
		goto out;
	}
	size_t n = o->per_spk > 0 ? ser_mul(n_voice, o->per_spk) : ser_mul(n_anchor, o->n_draw);
	p = ser_calloc(1, sizeof *p);
	*p = (struct ser_pairs){.n_pos = o->n_pos,
				.n_neg = o->n_neg,
				.n_all = o->n_neg + o->n_other,
				.n_low = n_low,
				.n_no_pos = n_no_pos,
				.n_no_neg = n_no_neg,
				.n_spk = n_voice};
	p->anchor = ser_malloc(n, sizeof *p->anchor);
	p->draw = ser_malloc(n, sizeof *p->draw);
	p->pos = ser_malloc(ser_mul(n, p->n_pos), sizeof *p->pos);
	p->neg = ser_malloc(ser_mul(n, p->n_all), sizeof *p->neg);
	deal_to = ser_malloc(most_candidates(o), sizeof *deal_to);
	if (o->per_spk == 0) {
		for (size_t i = 0; i < in->n; i++)
			for (size_t t = 0; where[i] != SIZE_MAX && t < o->n_draw; t++)
				draw(&s, p, where[i], deal_to);
	} else {
		/* each speaker's anchors in a shuffled order, over and over */
		size_t *turn = ser_malloc(s.n, sizeof *turn);
		bool *done = ser_calloc(s.n_spk, sizeof *done);
		for (size_t i = 0; i < in->n; i++) {
			size_t k = where[i] != SIZE_MAX ? s.item[where[i]].spk : 0, m = 0;
			if (where[i] == SIZE_MAX || done[k])
				continue;
			done[k] = true;
			const char *least = NULL;
			for (size_t q = s.spk[k].lo; q < s.spk[k].hi; q++) {
				if (least == NULL || strcmp(s.item[q].id, least) < 0)
					least = s.item[q].id;
				if (where[s.item[q].i] != SIZE_MAX)
					turn[m++] = q;
			}
			struct ser_rng rng;
			ser_rng_seed_key(&rng, ~o->seed, least, strlen(least));
			ser_rng_shuffle(&rng, turn, m, sizeof *turn);
			for (size_t t = 0; t < o->per_spk; t++)
				draw(&s, p, turn[t % m], deal_to);
		}
		free(turn);
		free(done);
	}
out:
	free(where);
	free(n_of);
	free(deal_to);
	free(s.item);
	free(s.spk);
	free(s.deck);
	free(s.swap);
	free(s.cand);
	return p;
}

void ser_pairs_free(struct ser_pairs *p)
{
	if (p == NULL)
		return;
	free(p->anchor);
	free(p->draw);
	free(p->pos);
	free(p->neg);
	free(p);
}

static void count(struct ser_agree *a, const size_t *label, size_t anchor, const size_t *item, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (label[anchor] != SIZE_MAX && label[item[i]] != SIZE_MAX) {
			a->n++;
			a->same += label[anchor] == label[item[i]];
		}
}

void ser_pairs_agree(const struct ser_pairs *p, const struct ser_pairs_in *in, size_t n_spk, const size_t *label,
		     size_t n_label, struct ser_agree agree[SER_AGREE_N])
{
	memset(agree, 0, SER_AGREE_N * sizeof *agree);
	for (size_t i = 0; i < p->n; i++) {
		const size_t *neg = p->neg + i * p->n_all;
		count(&agree[SER_AGREE_POS], label, p->anchor[i], p->pos + i * p->n_pos, p->n_pos);
		count(&agree[SER_AGREE_NEG], label, p->anchor[i], neg, p->n_neg);
		count(&agree[SER_AGREE_OTHER], label, p->anchor[i], neg + p->n_neg, p->n_all - p->n_neg);
	}
	/* of m items n = m(m - 1)/2 pairs: all of a speaker's with a label, in the last column, and those of each label */
	uint64_t *tab = ser_calloc(ser_mul(n_spk, n_label + 1), sizeof *tab);
	for (size_t i = 0; i < in->n; i++)
		if (label[i] != SIZE_MAX) {
			ser_assert(in->spk[i] < n_spk && label[i] < n_label);
			tab[in->spk[i] * (n_label + 1) + label[i]]++;
			tab[in->spk[i] * (n_label + 1) + n_label]++;
		}
	struct ser_agree *any = &agree[SER_AGREE_ANY];
	for (size_t s = 0; s < n_spk; s++)
		for (size_t k = 0; k <= n_label; k++) {
			uint64_t m = tab[s * (n_label + 1) + k];
			*(k < n_label ? &any->same : &any->n) += m > 0 ? m * (m - 1) / 2 : 0;
		}
	free(tab);
}
