/* SPDX-License-Identifier: MIT */
/* Rows are packed once as the right side of products, so that a vector holds one dimension of many points: a product with a
 * few centres fills the registers however few there are, and the nearest centre is found without a horizontal operation. Bounds (Elkan,
 * Hamerly) save no time over this at some hundred dimensions. */
#include "ml/kmeans.h"

#include "ml/kern.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	P = 256, /* points in a block */
	C = 24   /* centres whose scores with a block are at hand at once */
};

const struct ser_kmeans_opt ser_kmeans_default = {.metric = SER_EUCLIDEAN,
						  .init = SER_KMEANS_PLUSPLUS,
						  .n_init = 10,
						  .max_iter = 300,
						  .tol = 1e-4,
						  .n_thread = 1};

/* What all starts share. */
struct data {
	const struct ser_kmeans_opt *o;
	size_t n, d, k, n_block;
	const float *x;               /* [n,d]; unit rows with SER_COSINE */
	const double *mean;           /* [d] */
	struct ser_la_packed **block; /* [n_block] of the points minus mean, [d,P], the last with fewer */
	const float *sq;              /* [n] squared lengths of the packed points */
	double total;                 /* their sum, in double */
	double tol;                   /* on the squared movement of all centres */
	const char *key;
};

/* What one start needs. */
struct start {
	const struct data *w;
	struct ser_pool *pool;
	struct ser_arena mem;
	double *sum;       /* [k,d] of the raw rows of each cluster */
	double *centre;    /* [k,d] raw */
	real *seen;        /* [k,d] minus mean */
	real *bias;        /* [k] -|c|^2/2, so that the score x.c + bias is greatest at the nearest centre */
	size_t *size;      /* [k] */
	bool *stale;       /* [k] members changed */
	int *label, *next; /* [n] */
	real *best;        /* [n] score of next */
	size_t *moved;     /* [n] rows whose label changes */
	size_t n_moved;
	int *before; /* [n] their old labels */
	float *near; /* [n] squared distance to the nearest centre, while seeding */
	double inertia;
	size_t n_iter;
	real *trial; /* [C,d] seeding: candidates, minus mean */
	real trial_bias[C];
	float *trial_near; /* [C,n] */
	double *pot;       /* [n_block,C] */
	size_t n_trial;
};

static void start_init(struct start *s, const struct data *w, struct ser_pool *pool)
{
	*s = (struct start){.w = w, .pool = pool};
	struct ser_arena *a = &s->mem;
	s->sum = ser_arena_alloc(a, ser_mul(w->k, w->d), sizeof *s->sum);
	s->centre = ser_arena_alloc(a, ser_mul(w->k, w->d), sizeof *s->centre);
	s->seen = ser_arena_alloc(a, ser_mul(w->k, w->d), sizeof *s->seen);
	s->bias = ser_arena_alloc(a, w->k, sizeof *s->bias);
	s->size = ser_arena_alloc(a, w->k, sizeof *s->size);
	s->stale = ser_arena_alloc(a, w->k, sizeof *s->stale);
	s->label = ser_arena_alloc(a, w->n, sizeof *s->label);
	s->next = ser_arena_alloc(a, w->n, sizeof *s->next);
	s->best = ser_arena_alloc(a, w->n, sizeof *s->best);
	s->moved = ser_arena_alloc(a, w->n, sizeof *s->moved);
	s->before = ser_arena_alloc(a, w->n, sizeof *s->before);
	s->near = ser_arena_alloc(a, w->n, sizeof *s->near);
	s->trial = ser_arena_alloc(a, ser_mul(C, w->d), sizeof *s->trial);
	s->trial_near = ser_arena_alloc(a, ser_mul(C, w->n), sizeof *s->trial_near);
	s->pot = ser_arena_alloc(a, ser_mul(w->n_block, C), sizeof *s->pot);
}

/* ---- assignment ---- */

/* How many points block i has. */
static size_t points_of(const struct data *w, size_t i)
{
	return w->n - i * P < P ? w->n - i * P : P;
}

/* score [m,points] = c [m,d] times the points of block i */
static void score_block(const struct data *w, size_t i, size_t m, const real *c, real *score)
{
	ser_la_gemm_packed(NULL, m, c, w->d, w->block[i], NULL, NULL, score, points_of(w, i));
}

static void assign_block(void *arg, size_t i, int worker)
{
	const struct start *s = arg;
	const struct data *w = s->w;
	_Alignas(64) real score[C * P];
	real *best = s->best + i * P;
	int *next = s->next + i * P;
	size_t n = points_of(w, i);
	(void)worker;
	for (size_t p = 0; p < n; p++) {
		best[p] = -INFINITY;
		next[p] = 0;
	}
	for (size_t c = 0; c < w->k; c += C) {
		size_t m = w->k - c < C ? w->k - c : C;
		score_block(w, i, m, s->seen + c * w->d, score);
		ser_kern_best(n, m, score, s->bias + c, (int)c, best, next);
	}
}

static void assign(struct start *s)
{
	ser_pool_for(s->pool, s->w->n_block, assign_block, s);
}

/* Move centre c to `to` [d], raw; returns its squared movement. */
static double set_centre(struct start *s, size_t c, const double *to)
{
	const struct data *w = s->w;
	double *at = s->centre + c * w->d, shift = 0, sq = 0;
	real *seen = s->seen + c * w->d;
	for (size_t t = 0; t < w->d; t++) {
		double move = to[t] - at[t], v = to[t] - w->mean[t];
		shift += move * move;
		sq += v * v;
		at[t] = to[t];
		seen[t] = (real)v;
	}
	s->bias[c] = w->o->metric == SER_COSINE ? 0 : (real)(-0.5 * sq);
	return shift;
}

/* ---- update: each cluster's sum gives up the rows that left and takes those that came, in the rows' order ---- */

enum { SHARE = 8 }; /* clusters to a work item */

static void update_sums(void *arg, size_t i, int worker)
{
	const struct start *s = arg;
	const struct data *w = s->w;
	int lo = (int)(i * SHARE), hi = lo + SHARE;
	(void)worker;
	for (size_t m = 0; m < s->n_moved; m++) {
		size_t r = s->moved[m];
		int from = s->before[m], to = s->label[r];
		if (from >= lo && from < hi)
			ser_kern_sub(s->sum + (size_t)from * w->d, w->x + r * w->d, w->d);
		if (to >= lo && to < hi)
			ser_kern_add(s->sum + (size_t)to * w->d, w->x + r * w->d, w->d);
	}
}

/* Take the labels in `next`; true when any is new. */
static bool take_labels(struct start *s)
{
	const struct data *w = s->w;
	s->n_moved = 0;
	for (size_t r = 0; r < w->n; r++) {
		int from = s->label[r], to = s->next[r];
		if (from == to)
			continue;
		s->moved[s->n_moved] = r;
		s->before[s->n_moved++] = from;
		s->label[r] = to;
		if (from >= 0) {
			s->size[from]--;
			s->stale[from] = true;
		}
		s->size[to]++;
		s->stale[to] = true;
	}
	ser_pool_for(s->n_moved * w->d > 1000000 ? s->pool : NULL, (w->k + SHARE - 1) / SHARE, update_sums, s);
	return s->n_moved > 0;
}

static double row_sqdist(const struct data *w, size_t r, const double *c)
{
	return ser_kern_rowdist(w->x + r * w->d, c, w->d);
}

static void start_far(struct start *s, size_t c)
{
	const struct data *w = s->w;
	double far = 0;
	size_t row = w->n;
	for (size_t r = 0; r < w->n; r++) {
		if (s->size[s->label[r]] < 2)
			continue;
		double q = row_sqdist(w, r, s->centre + (size_t)s->label[r] * w->d);
		if (q > far) {
			far = q;
			row = r;
		}
	}
	if (row == w->n)
		return; /* every row lies on its centre: fewer rows than k differ */
	size_t from = (size_t)s->label[row];
	s->size[from]--;
	s->size[c]++;
	s->stale[from] = s->stale[c] = true;
	s->label[row] = (int)c;
	ser_kern_sub(s->sum + from * w->d, w->x + row * w->d, w->d);
	ser_kern_add(s->sum + c * w->d, w->x + row * w->d, w->d);
}

/* Mean of a cluster, of unit length for the cosine; false where that has no direction. */
static bool mean_of(const struct start *s, size_t c, double *out)
{
	const struct data *w = s->w;
	const double *sum = s->sum + c * w->d;
	double scale = (double)s->size[c];
	if (w->o->metric == SER_COSINE) {
		double sq = 0;
		for (size_t t = 0; t < w->d; t++)
			sq += sum[t] * sum[t];
		scale = sqrt(sq);
		if (!(scale > 0))
			return false;
	}
	for (size_t t = 0; t < w->d; t++)
		out[t] = sum[t] / scale;
	return true;
}

/* New centres; returns their squared movement. */
static double update_centres(struct start *s, double *to)
{
	const struct data *w = s->w;
	double shift = 0;
	for (size_t c = 0; c < w->k; c++)
		if (s->size[c] == 0)
			start_far(s, c);
	for (size_t c = 0; c < w->k; c++)
		if (s->stale[c]) {
			s->stale[c] = false;
			if (s->size[c] > 0 && mean_of(s, c, to))
				shift += set_centre(s, c, to);
		}
	return shift;
}

/* ---- seeding ---- */

static void trial_block(void *arg, size_t i, int worker)
{
	const struct start *s = arg;
	const struct data *w = s->w;
	_Alignas(64) real score[C * P];
	size_t n = points_of(w, i);
	(void)worker;
	score_block(w, i, s->n_trial, s->trial, score);
	for (size_t j = 0; j < s->n_trial; j++) {
		float *out = s->trial_near + j * w->n + i * P;
		const float *near = s->near + i * P, *sq = w->sq + i * P;
		double pot = 0;
		for (size_t p = 0; p < n; p++) { /* |x|^2 - 2(x.c - |c|^2/2) */
			float q = sq[p] - 2 * (float)(score[j * n + p] + s->trial_bias[j]);
			q = q > 0 ? q : 0;
			out[p] = q < near[p] ? q : near[p];
			pot += out[p];
		}
		s->pot[i * C + j] = pot;
	}
}

/* What `near` would be with each of m rows as a further centre, into trial_near; pot [m] gets its sums. */
static void try_rows(struct start *s, const size_t *rows, size_t m, double *pot)
{
	const struct data *w = s->w;
	for (size_t j = 0; j < m; j++) {
		double sq = 0;
		for (size_t t = 0; t < w->d; t++) {
			double v = s->trial[j * w->d + t] = (real)(w->x[rows[j] * w->d + t] - w->mean[t]);
			sq += v * v;
		}
		s->trial_bias[j] = (real)(-0.5 * sq);
	}
	s->n_trial = m;
	ser_pool_for(s->pool, w->n_block, trial_block, s);
	for (size_t j = 0; j < m; j++) {
		pot[j] = 0;
		for (size_t i = 0; i < w->n_block; i++)
			pot[j] += s->pot[i * C + j];
		for (size_t i = 0; i < m; i++)
			if (rows[i] == rows[j])
				s->trial_near[j * w->n + rows[j]] = 0;
	}
}

static void seed_centre(struct start *s, size_t c, size_t row, double *to)
{
	const struct data *w = s->w;
	for (size_t t = 0; t < w->d; t++)
		to[t] = w->x[row * w->d + t];
	memset(s->centre + c * w->d, 0, w->d * sizeof *s->centre);
	set_centre(s, c, to);
}

static void seed_plusplus(struct start *s, struct ser_rng *rng, double *to)
{
	const struct data *w = s->w;
	size_t n_trial = 2 + (size_t)log((double)w->k), rows[C];
	double pot[C], *sums = ser_malloc(w->n, sizeof *sums);
	if (n_trial > C)
		n_trial = C;
	for (size_t p = 0; p < w->n; p++)
		s->near[p] = INFINITY;
	for (size_t c = 0; c < w->k; c++) {
		size_t m = c == 0 ? 1 : n_trial, best = 0;
		double total = 0;
		for (size_t r = 0; c > 0 && r < w->n; r++)
			sums[r] = total += s->near[r];
		for (size_t j = 0; j < m; j++) {
			size_t lo = 0, hi = w->n - 1;
			double at = ser_rng_uniform(rng) * total;
			if (c == 0 || !(total > 0)) { /* every row lies on a centre already: any will do */
				rows[j] = (size_t)ser_rng_below(rng, w->n);
				continue;
			}
			while (lo < hi) { /* the first row whose sum is above `at` */
				size_t mid = lo + (hi - lo) / 2;
				if (sums[mid] > at)
					hi = mid;
				else
					lo = mid + 1;
			}
			rows[j] = lo;
		}
		try_rows(s, rows, m, pot);
		for (size_t j = 1; j < m; j++)
			if (pot[j] < pot[best])
				best = j;
		memcpy(s->near, s->trial_near + best * w->n, w->n * sizeof *s->near);
		seed_centre(s, c, rows[best], to);
	}
	free(sums);
}

/* Floyd's sample of k different rows out of n, in the order in which they are drawn. */
static void seed_random(struct start *s, struct ser_rng *rng, double *to)
{
	const struct data *w = s->w;
	bool *taken = ser_calloc(w->n, sizeof *taken);
	for (size_t c = 0; c < w->k; c++) {
		size_t last = w->n - w->k + c, r = (size_t)ser_rng_below(rng, last + 1);
		if (taken[r])
			r = last;
		taken[r] = true;
		seed_centre(s, c, r, to);
	}
	free(taken);
}

/* ---- one start ---- */

/* Sum of squared distances from the sums alone: |x|^2 - 2 c.S + n |c|^2, all minus the mean. */
static double inertia_of(const struct start *s)
{
	const struct data *w = s->w;
	double q = w->total;
	for (size_t c = 0; c < w->k; c++) {
		double cs = 0, cc = 0, size = (double)s->size[c];
		for (size_t t = 0; t < w->d; t++) {
			double v = s->centre[c * w->d + t] - w->mean[t];
			cs += v * (s->sum[c * w->d + t] - size * w->mean[t]);
			cc += v * v;
		}
		q += size * cc - 2 * cs;
	}
	return q;
}

static void start_run(struct start *s, size_t number)
{
	const struct data *w = s->w;
	struct ser_rng rng;
	char text[24];
	double *to = ser_malloc(w->d, sizeof *to);
	ser_rng_seed_key(&rng, w->o->seed, w->key, strlen(w->key));
	uint64_t seed = ser_rng_next(&rng);
	ser_rng_seed_key(&rng, seed, text, (size_t)snprintf(text, sizeof text, "%zu", number));
	(w->o->init == SER_KMEANS_PLUSPLUS ? seed_plusplus : seed_random)(s, &rng, to);
	memset(s->sum, 0, w->k * w->d * sizeof *s->sum);
	memset(s->size, 0, w->k * sizeof *s->size);
	memset(s->stale, 0, w->k * sizeof *s->stale);
	for (size_t r = 0; r < w->n; r++)
		s->label[r] = -1;
	bool same = false;
	for (s->n_iter = 0; s->n_iter < w->o->max_iter && !same;) {
		s->n_iter++;
		assign(s);
		if (!take_labels(s)) {
			same = true;
			break;
		}
		if (update_centres(s, to) <= w->tol)
			break;
	}
	if (!same) { /* the labels of the last centres */
		assign(s);
		take_labels(s);
	}
	s->inertia = inertia_of(s);
	free(to);
}

struct starts {
	struct start *run, *best; /* [n_worker]; a start that is better than the worker's best changes places with it */
	size_t *number;           /* [n_worker] of the best, or SIZE_MAX */
};

static void one_start(void *arg, size_t number, int worker)
{
	const struct starts *all = arg;
	struct start *s = &all->run[worker], *best = &all->best[worker];
	const struct ser_kmeans_opt *o = s->w->o;
	start_run(s, number);
	if (all->number[worker] == SIZE_MAX || s->inertia < best->inertia ||
	    (s->inertia == best->inertia && number < all->number[worker])) {
		struct start tmp = *s;
		*s = *best;
		*best = tmp;
		all->number[worker] = number;
	}
	if (o->tell != NULL) {
		static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
		pthread_mutex_lock(&one);
		o->tell(o->ctx);
		pthread_mutex_unlock(&one);
	}
}

/* ---- the model ---- */

struct finish {
	const struct start *s;
	float *margin; /* or NULL */
	double *cost;  /* [n] squared distance, or 1 - cosine */
};

static double distance(const struct data *w, size_t r, const double *c)
{
	double q = row_sqdist(w, r, c);
	return w->o->metric == SER_COSINE ? q / 2 : sqrt(q); /* |x - c|^2 = 2 - 2 x.c for unit lengths */
}

static void finish_block(void *arg, size_t i, int worker)
{
	const struct finish *f = arg;
	const struct start *s = f->s;
	const struct data *w = s->w;
	_Alignas(64) real score[C * P];
	real second[P];
	int other[P];
	size_t n = points_of(w, i);
	(void)worker;
	for (size_t p = 0; p < P; p++) {
		second[p] = -INFINITY;
		other[p] = -1;
	}
	for (size_t c = 0; f->margin != NULL && c < w->k; c += C) {
		size_t m = w->k - c < C ? w->k - c : C;
		score_block(w, i, m, s->seen + c * w->d, score);
		for (size_t j = 0; j < m; j++)
			for (size_t p = 0; p < n; p++) {
				real v = score[j * n + p] + s->bias[c + j];
				if (v > second[p] && s->label[i * P + p] != (int)(c + j)) {
					second[p] = v;
					other[p] = (int)(c + j);
				}
			}
	}
	for (size_t p = 0; p < n; p++) {
		size_t r = i * P + p;
		double a = distance(w, r, s->centre + (size_t)s->label[r] * w->d);
		f->cost[r] = w->o->metric == SER_COSINE ? a : a * a;
		if (f->margin == NULL)
			continue;
		double b = other[p] >= 0 ? distance(w, r, s->centre + (size_t)other[p] * w->d) : INFINITY;
		f->margin[r] = !isfinite(b) ? 1 : b > a ? (float)((b - a) / b) : 0;
	}
}

static struct ser_kmeans *finish(const struct start *s, struct ser_pool *pool)
{
	const struct data *w = s->w;
	size_t k = w->k, d = w->d, n_seen = 0;
	struct ser_kmeans *m = ser_calloc(1, sizeof *m);
	*m = (struct ser_kmeans){.n = w->n, .d = d, .k = k, .n_iter = s->n_iter, .silhouette = NAN};
	m->cluster = ser_malloc(w->n, sizeof *m->cluster);
	m->centre = ser_malloc(ser_mul(k, d), sizeof *m->centre);
	m->size = ser_malloc(k, sizeof *m->size);
	if (w->o->margin)
		m->margin = ser_malloc(w->n, sizeof *m->margin);
	struct finish f = {s, m->margin, ser_malloc(w->n, sizeof(double))};
	ser_pool_for(pool, w->n_block, finish_block, &f);
	for (size_t r = 0; r < w->n; r++)
		m->inertia += f.cost[r];
	free(f.cost);
	int *name = ser_malloc(k, sizeof *name);
	for (size_t c = 0; c < k; c++)
		name[c] = -1;
	for (size_t r = 0; r < w->n; r++) {
		int *to = &name[s->label[r]];
		if (*to < 0)
			*to = (int)n_seen++;
		m->cluster[r] = *to;
	}
	m->n_empty = k - n_seen;
	for (size_t c = 0; c < k; c++) {
		size_t to = name[c] >= 0 ? (size_t)name[c] : n_seen++;
		m->size[to] = s->size[c];
		for (size_t t = 0; t < d; t++)
			m->centre[to * d + t] = (float)s->centre[c * d + t];
	}
	free(name);
	return m;
}

/* Points minus mean, block by block, and their lengths. */
static void pack_blocks(struct data *w, struct ser_arena *a)
{
	real *block = ser_malloc(ser_mul(P, w->d), sizeof *block);
	float *sq = ser_arena_calloc(a, w->n, sizeof *sq);
	w->sq = sq;
	w->block = ser_arena_alloc(a, w->n_block, sizeof(void *));
	for (size_t i = 0; i < w->n_block; i++) {
		size_t n = points_of(w, i);
		for (size_t p = 0; p < n; p++)
			for (size_t t = 0; t < w->d; t++) {
				real v = (real)(w->x[(i * P + p) * w->d + t] - w->mean[t]);
				block[p * w->d + t] = v;
				sq[i * P + p] += (float)(v * v);
			}
		w->block[i] = ser_la_pack(NULL, true, n, w->d, block, w->d);
	}
	free(block);
}

static void data_free(struct data *w)
{
	for (size_t i = 0; w->block != NULL && i < w->n_block; i++)
		ser_la_packed_free(w->block[i]);
}

/* Unit rows, mean, blocks, lengths. */
static int data_init(struct data *w, const struct ser_kmeans_opt *o, struct ser_arena *a, const float *x, size_t n,
		     size_t d, size_t k, const char *key, struct ser_err *e)
{
	double *mean = ser_arena_calloc(a, d, sizeof *mean), var = 0;
	float *unit = o->metric == SER_COSINE ? ser_arena_alloc(a, ser_mul(n, d), sizeof *unit) : NULL;
	*w = (struct data){.o = o,
			   .n = n,
			   .d = d,
			   .k = k,
			   .n_block = (n + P - 1) / P,
			   .x = unit != NULL ? unit : x,
			   .mean = mean,
			   .key = key != NULL ? key : ""};
	for (size_t r = 0; r < n; r++) {
		double sq = ser_kern_rowdist(x + r * d, NULL, d);
		if (!(sq < 1e36) || (unit != NULL && sq == 0))
			return ser_fail(e, SER_EDATA, "row %zu has length %g, expected %s below 1e18", r, sqrt(sq),
					unit != NULL ? "one above 0 and" : "one");
		for (size_t t = 0; unit != NULL && t < d; t++)
			unit[r * d + t] = (float)(x[r * d + t] / sqrt(sq));
		ser_kern_add(mean, w->x + r * d, d);
	}
	for (size_t t = 0; t < d; t++)
		mean[t] /= (double)n;
	for (size_t r = 0; r < n; r++)
		var += row_sqdist(w, r, mean);
	w->tol = o->tol * var / (double)n / (double)d;
	w->total = var;
	if (unit != NULL) { /* products with unit centres need the rows as they are */
		memset(mean, 0, d * sizeof *mean);
		w->total = 0;
		for (size_t r = 0; r < n; r++)
			w->total += row_sqdist(w, r, mean);
	}
	pack_blocks(w, a);
	return SER_OK;
}

static int check(const struct ser_kmeans_opt *o, size_t n, size_t d, size_t k, struct ser_err *e)
{
	if (o->n_init == 0 || o->max_iter == 0 || !(o->tol >= 0))
		return ser_fail(e, SER_EUSAGE,
				"%zu starts of %zu iteration%s with tolerance %g: expected at least 1, 1 and 0",
				o->n_init, o->max_iter, ser_s(o->max_iter), o->tol);
	if (k == 0 || k > n || k > INT32_MAX / 2 || d == 0)
		return ser_fail(
			e, SER_EDATA,
			"%zu row%s of %zu dimension%s for %zu cluster%s: expected 1 to as many clusters as rows", n,
			ser_s(n), d, ser_s(d), k, ser_s(k));
	return SER_OK;
}

struct ser_kmeans *ser_kmeans_fit(const struct ser_kmeans_opt *o, const float *x, size_t n, size_t d, size_t k,
				  const char *key, struct ser_err *e)
{
	struct ser_arena mem = {0};
	struct data w;
	if (check(o, n, d, k, e) != SER_OK)
		return NULL;
	if (data_init(&w, o, &mem, x, n, d, k, key, e) != SER_OK) {
		ser_arena_free(&mem);
		return NULL;
	}
	/* threads over the starts of a small problem, over the rows of a large one: the result is the same */
	int n_thread = o->n_thread > 1 ? o->n_thread : 1;
	bool over_starts = n_thread > 1 && o->n_init > 1 && (double)n * (double)d < 4e6;
	size_t n_worker = over_starts ? (size_t)n_thread : 1;
	struct ser_pool *pool = n_thread > 1 ? ser_pool_new(n_thread) : NULL;
	struct starts all = {ser_malloc(n_worker, sizeof *all.run), ser_malloc(n_worker, sizeof *all.best),
			     ser_malloc(n_worker, sizeof *all.number)};
	for (size_t i = 0; i < n_worker; i++) {
		start_init(&all.run[i], &w, over_starts ? NULL : pool);
		start_init(&all.best[i], &w, over_starts ? NULL : pool);
		all.number[i] = SIZE_MAX;
	}
	ser_pool_for(over_starts ? pool : NULL, o->n_init, one_start, &all);
	size_t win = 0;
	for (size_t i = 1; i < n_worker; i++) {
		double a = all.best[i].inertia, b = all.best[win].inertia;
		if (all.number[i] != SIZE_MAX &&
		    (all.number[win] == SIZE_MAX || a < b || (a == b && all.number[i] < all.number[win])))
			win = i;
	}
	struct ser_kmeans *m = finish(&all.best[win], pool);
	ser_pool_free(pool);
	for (size_t i = 0; i < n_worker; i++) {
		ser_arena_free(&all.run[i].mem);
		ser_arena_free(&all.best[i].mem);
	}
	free(all.run);
	free(all.best);
	free(all.number);
	data_free(&w);
	ser_arena_free(&mem);
	return m;
}

struct ser_kmeans *ser_kmeans_select(const struct ser_kmeans_opt *o, const float *x, size_t n, size_t d, size_t k_lo,
				     size_t k_hi, const char *key, double *score, struct ser_err *e)
{
	enum { KEEP = 8192 }; /* rows whose distances are kept: 512 MiB */
	struct ser_kmeans *best = NULL;
	if (k_lo < 2 || k_hi < k_lo) {
		ser_fail(e, SER_EUSAGE, "clusters from %zu to %zu: expected a range from 2 on", k_lo, k_hi);
		return NULL;
	}
	for (size_t k = k_lo; score != NULL && k <= k_hi; k++)
		score[k - k_lo] = NAN;
	if (n < 3 || k_lo > n - 1) {
		ser_fail(e, SER_EDATA, "%zu row%s have no silhouette for %zu cluster%s", n, ser_s(n), k_lo,
			 ser_s(k_lo));
		return NULL;
	}
	double *dist = n <= KEEP ? ser_malloc(ser_mul(n, n), sizeof *dist) : NULL;
	if (dist != NULL && ser_distances(x, n, d, o->metric, o->n_thread, dist, e) != SER_OK) {
		free(dist);
		return NULL;
	}
	for (size_t k = k_lo; k <= k_hi && k < n; k++) {
		struct ser_kmeans *m = ser_kmeans_fit(o, x, n, d, k, key, e);
		struct ser_err none = {0};
		if (m == NULL) {
			ser_kmeans_free(best);
			free(dist);
			return NULL;
		}
		int rc = dist != NULL ? ser_silhouette_dist(dist, n, m->cluster, k, NULL, &m->silhouette, &none)
				      : ser_silhouette(x, n, d, m->cluster, k, o->metric, o->n_thread, NULL,
						       &m->silhouette, &none);
		if (rc == SER_OK && score != NULL)
			score[k - k_lo] = m->silhouette;
		if (rc == SER_OK && (best == NULL || m->silhouette > best->silhouette)) {
			struct ser_kmeans *old = best;
			best = m;
			m = old;
		}
		ser_kmeans_free(m);
	}
	free(dist);
	if (best == NULL)
		ser_fail(e, SER_EDATA, "no number of clusters from %zu to %zu has a silhouette: too few rows differ",
			 k_lo, k_hi);
	return best;
}

void ser_kmeans_free(struct ser_kmeans *m)
{
	if (m == NULL)
		return;
	free(m->cluster);
	free(m->margin);
	free(m->centre);
	free(m->size);
	free(m);
}

void ser_centre_groups(float *x, size_t n, size_t d, const size_t *of, size_t n_of)
{
	double *mean = ser_calloc(ser_mul(n_of, d), sizeof *mean);
	size_t *count = ser_calloc(n_of, sizeof *count);
	for (size_t i = 0; i < n; i++) {
		count[of[i]]++;
		for (size_t t = 0; t < d; t++)
			mean[of[i] * d + t] += x[i * d + t];
	}
	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; t < d; t++)
			x[i * d + t] = (float)(x[i * d + t] - mean[of[i] * d + t] / (double)count[of[i]]);
	free(mean);
	free(count);
}
