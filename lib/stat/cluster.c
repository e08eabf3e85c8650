/* SPDX-License-Identifier: MIT */
#include "stat/cluster.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *ser_cs_name(enum ser_cs s)
{
	static const char *const name[SER_CS_N] = {"purity", "hungarian",   "nmi",          "ami",
						   "ari",    "homogeneity", "completeness", "v_measure"};
	ser_assert(s < SER_CS_N);
	return name[s];
}

/* Row i is put in by the cheapest alternating path from it to a free column; u and v are the dual prices, under which
 * no reduced cost is negative. Column and row 0 stand for "none", so both are counted from 1. */
void ser_assign(const double *cost, size_t r, size_t c, size_t *to)
{
	ser_assert(r <= c);
	double *u = ser_calloc(r + 1, sizeof *u), *v = ser_calloc(c + 1, sizeof *v),
	       *dist = ser_malloc(c + 1, sizeof *dist);
	size_t *row = ser_calloc(c + 1, sizeof *row), *from = ser_calloc(c + 1, sizeof *from);
	bool *done = ser_malloc(c + 1, sizeof *done);
	for (size_t i = 1; i <= r; i++) {
		size_t at = 0;
		row[0] = i;
		for (size_t j = 0; j <= c; j++) {
			dist[j] = INFINITY;
			done[j] = false;
		}
		do {
			size_t next = 0, k = row[at];
			double least = INFINITY;
			done[at] = true;
			for (size_t j = 1; j <= c; j++) {
				if (done[j])
					continue;
				double d = cost[(k - 1) * c + (j - 1)] - u[k] - v[j];
				if (d < dist[j]) {
					dist[j] = d;
					from[j] = at;
				}
				if (dist[j] < least) {
					least = dist[j];
					next = j;
				}
			}
			for (size_t j = 0; j <= c; j++)
				if (done[j]) {
					u[row[j]] += least;
					v[j] -= least;
				} else {
					dist[j] -= least;
				}
			at = next;
		} while (row[at] != 0);
		for (; at != 0; at = from[at])
			row[at] = row[from[at]];
	}
	for (size_t j = 1; j <= c; j++)
		if (row[j] != 0)
			to[row[j] - 1] = j - 1;
	free(u);
	free(v);
	free(dist);
	free(row);
	free(from);
	free(done);
}

/* What shuffling the truth leaves as it is. */
struct margins {
	size_t n, n_class, n_cluster;
	double *a, *b;           /* items of each class, of each cluster */
	size_t n_a, n_b;         /* that occur */
	double h_a, h_b;         /* entropies, nats */
	double emi;              /* expected mutual information of the hypergeometric model */
	double pairs_a, pairs_b; /* sum of squared sizes */
};

static double entropy(const double *size, size_t k, double n, size_t *n_used)
{
	double h = 0;
	*n_used = 0;
	for (size_t i = 0; i < k; i++)
		if (size[i] > 0) {
			h -= size[i] / n * (log(size[i]) - log(n));
			++*n_used;
		}
	return *n_used > 1 ? h : 0;
}

/* E[MI] = sum_ij sum_m m/n ln(n m/(a_i b_j)) P(m), where P(m) is the chance that class i and cluster j share m items:
 * a! b! (n-a)! (n-b)! / (n! m! (a-m)! (b-m)! (n-a-b+m)!). Vinh, Epps and Bailey 2010, eq. 24a. */
static double expected_mi(const struct margins *g)
{
	size_t n = g->n;
	double *lf = ser_malloc(n + 1, sizeof *lf), sum = 0; /* ln i! */
	int sign;
	for (size_t i = 0; i <= n; i++)
		lf[i] = lgamma_r((double)i + 1, &sign);
	for (size_t i = 0; i < g->n_class; i++)
		for (size_t j = 0; j < g->n_cluster; j++) {
			size_t a = (size_t)g->a[i], b = (size_t)g->b[j], least = a + b > n ? a + b - n : 0;
			double fixed = lf[a] + lf[b] + lf[n - a] + lf[n - b] - lf[n];
			double scale = log((double)n) - log((double)a * (double)b);
			for (size_t m = least > 1 ? least : 1; m <= a && m <= b; m++)
				sum += (double)m / (double)n * (scale + log((double)m)) *
				       exp(fixed - lf[m] - lf[a - m] - lf[b - m] - lf[n + m - a - b]);
		}
	free(lf);
	return sum;
}

static int margins_init(struct margins *g, const int *truth, size_t n_class, const int *cluster, size_t n_cluster,
			size_t n, struct ser_err *e)
{
	if (n == 0)
		return ser_fail(e, SER_EDATA, "there are no items to score");
	for (size_t i = 0; i < n; i++)
		if (truth[i] < 0 || (size_t)truth[i] >= n_class || cluster[i] < 0 || (size_t)cluster[i] >= n_cluster)
			return ser_fail(e, SER_EDATA,
					"item %zu has class %d and cluster %d, expected [0,%zu) and [0,%zu)", i,
					truth[i], cluster[i], n_class, n_cluster);
	*g = (struct margins){.n = n, .n_class = n_class, .n_cluster = n_cluster};
	g->a = ser_calloc(n_class, sizeof *g->a);
	g->b = ser_calloc(n_cluster, sizeof *g->b);
	for (size_t i = 0; i < n; i++) {
		g->a[truth[i]]++;
		g->b[cluster[i]]++;
	}
	g->h_a = entropy(g->a, n_class, (double)n, &g->n_a);
	g->h_b = entropy(g->b, n_cluster, (double)n, &g->n_b);
	for (size_t i = 0; i < n_class; i++)
		g->pairs_a += g->a[i] * g->a[i];
	for (size_t i = 0; i < n_cluster; i++)
		g->pairs_b += g->b[i] * g->b[i];
	g->emi = expected_mi(g);
	return SER_OK;
}

static void margins_free(struct margins *g)
{
	free(g->a);
	free(g->b);
}

/* I = sum n_ij/n ln(n n_ij/(a_i b_j)) */
static double mutual_information(const struct margins *g, const double *tab)
{
	double n = (double)g->n, sum = 0;
	if (g->n_a < 2 || g->n_b < 2)
		return 0;
	for (size_t i = 0; i < g->n_class; i++)
		for (size_t j = 0; j < g->n_cluster; j++) {
			double m = tab[i * g->n_cluster + j];
			if (!(m > 0))
				continue;
			double t = m / n * (log(m) - log(n)) + m / n * (2 * log(n) - log(g->a[i] * g->b[j]));
			sum += fabs(t) < DBL_EPSILON ? 0 : t;
		}
	return sum > 0 ? sum : 0;
}

static double ari(const struct margins *g, const double *tab)
{
	double n = (double)g->n, same = 0; /* ordered pairs, those of an item with itself included */
	for (size_t i = 0; i < g->n_class * g->n_cluster; i++)
		same += tab[i] * tab[i];
	double tp = same - n, fp = g->pairs_b - same, fn = g->pairs_a - same, tn = n * n - fp - fn - same;
	if (fn == 0 && fp == 0)
		return 1;
	return 2 * (tp * tn - fn * fp) / ((tp + fn) * (fn + tn) + (tp + fp) * (fp + tn));
}

static double hungarian(const struct margins *g, const double *tab, double *cost, size_t *to)
{
	size_t r = g->n_class, c = g->n_cluster;
	bool turn = r > c;
	double hit = 0;
	for (size_t i = 0; i < r; i++)
		for (size_t j = 0; j < c; j++)
			cost[turn ? j * r + i : i * c + j] = -tab[i * c + j];
	ser_assign(cost, turn ? c : r, turn ? r : c, to);
	for (size_t i = 0; i < (turn ? c : r); i++)
		hit -= cost[i * (turn ? r : c) + to[i]];
	return hit / (double)g->n;
}

struct scratch {
	double *tab, *cost; /* [n_class,n_cluster] */
	size_t *to;
	int *truth; /* [n] */
};

static struct scratch scratch_new(const struct margins *g)
{
	size_t cells = ser_mul(g->n_class, g->n_cluster);
	return (struct scratch){ser_malloc(cells, sizeof(double)), ser_malloc(cells, sizeof(double)),
				ser_malloc(g->n_class + g->n_cluster, sizeof(size_t)), ser_malloc(g->n, sizeof(int))};
}

static void scratch_free(struct scratch *s)
{
	free(s->tab);
	free(s->cost);
	free(s->to);
	free(s->truth);
}

static void score(const struct margins *g, const int *truth, const int *cluster, struct scratch *s, double *out)
{
	size_t k = g->n_cluster;
	memset(s->tab, 0, g->n_class * k * sizeof *s->tab);
	for (size_t i = 0; i < g->n; i++)
		s->tab[(size_t)truth[i] * k + (size_t)cluster[i]]++;
	double pure = 0;
	for (size_t j = 0; j < k; j++) {
		double most = 0;
		for (size_t i = 0; i < g->n_class; i++)
			most = fmax(most, s->tab[i * k + j]);
		pure += most;
	}
	bool one = g->n_a == 1 && g->n_b == 1;
	double mi = mutual_information(g, s->tab), h = (g->h_a + g->h_b) / 2, room = h - g->emi;
	room = room < 0 ? fmin(room, -DBL_EPSILON) : fmax(room, DBL_EPSILON);
	double hom = g->h_a > 0 ? mi / g->h_a : 1, com = g->h_b > 0 ? mi / g->h_b : 1;
	out[SER_CS_PURITY] = pure / (double)g->n;
	out[SER_CS_HUNGARIAN] = hungarian(g, s->tab, s->cost, s->to);
	out[SER_CS_NMI] = one ? 1 : mi > 0 ? mi / fmax(h, DBL_EPSILON) : 0;
	out[SER_CS_AMI] = one ? 1 : (mi - g->emi) / room;
	out[SER_CS_ARI] = ari(g, s->tab);
	out[SER_CS_HOMOGENEITY] = hom;
	out[SER_CS_COMPLETENESS] = com;
	out[SER_CS_V] = hom + com > 0 ? 2 * hom * com / (hom + com) : 0;
}

int ser_score_clusters(const int *truth, size_t n_class, const int *cluster, size_t n_cluster, size_t n,
		       double out[SER_CS_N], struct ser_err *e)
{
	struct margins g;
	int rc = margins_init(&g, truth, n_class, cluster, n_cluster, n, e);
	if (rc != SER_OK)
		return rc;
	struct scratch s = scratch_new(&g);
	score(&g, truth, cluster, &s, out);
	scratch_free(&s);
	margins_free(&g);
	return SER_OK;
}

struct shuffles {
	struct margins g;
	const int *truth, *cluster;
	struct scratch *s; /* [n_thread] */
	uint64_t seed;
	double *perm;
};

static void shuffle_once(void *arg, size_t r, int worker)
{
	const struct shuffles *p = arg;
	struct scratch *s = &p->s[worker];
	struct ser_rng rng;
	char key[24];
	int n = snprintf(key, sizeof key, "%zu", r);
	ser_rng_seed_key(&rng, p->seed, key, (size_t)n);
	memcpy(s->truth, p->truth, p->g.n * sizeof *s->truth);
	ser_rng_shuffle(&rng, s->truth, p->g.n, sizeof *s->truth);
	score(&p->g, s->truth, p->cluster, s, p->perm + r * SER_CS_N);
}

int ser_cluster_permute(const int *truth, size_t n_class, const int *cluster, size_t n_cluster, size_t n, size_t n_perm,
			uint64_t seed, const char *key, int n_thread, const struct ser_watch *w, double *perm,
			struct ser_err *e)
{
	struct shuffles p = {.truth = truth, .cluster = cluster, .perm = perm};
	struct ser_rng rng;
	int rc = margins_init(&p.g, truth, n_class, cluster, n_cluster, n, e);
	if (rc != SER_OK)
		return rc;
	ser_rng_seed_key(&rng, seed, key, strlen(key));
	p.seed = ser_rng_next(&rng);
	if (n_thread < 1)
		n_thread = 1;
	p.s = ser_malloc((size_t)n_thread, sizeof *p.s);
	for (int t = 0; t < n_thread; t++)
		p.s[t] = scratch_new(&p.g);
	ser_watched_for(w, "shuffles", n_thread, n_perm, shuffle_once, &p);
	for (int t = 0; t < n_thread; t++)
		scratch_free(&p.s[t]);
	free(p.s);
	margins_free(&p.g);
	return SER_OK;
}

struct ser_chance ser_chance(double observed, const double *perm, size_t n_perm, size_t stride)
{
	double mean = 0, var = 0;
	size_t n_ge = 0;
	for (size_t i = 0; i < n_perm; i++) {
		mean += perm[i * stride];
		n_ge += perm[i * stride] >= observed - 1e-12;
	}
	mean /= (double)n_perm;
	for (size_t i = 0; i < n_perm; i++)
		var += (perm[i * stride] - mean) * (perm[i * stride] - mean);
	return (struct ser_chance){mean, n_perm > 1 ? sqrt(var / (double)(n_perm - 1)) : NAN,
				   (1 + (double)n_ge) / (1 + (double)n_perm)};
}
