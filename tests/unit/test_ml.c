/* SPDX-License-Identifier: MIT */
/* Scores against scikit-learn and SciPy (tests/ref/ml_*.py), and what must hold whatever the numbers: the same bytes
 * for any number of threads and any instruction set, and no dependence on the order of the input where none is
 * promised. */
#include "ml/kern.h"
#include "ml/ml.h"
#include "stat/stat.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- goldens: lines of a name, a count and that many numbers ---- */

static char *text[2];

static double *golden(int file, const char *name, size_t *n)
{
	size_t len = strlen(name);
	for (const char *p = text[file]; p != NULL && *p != '\0'; p = strchr(p, '\n'), p += p != NULL) {
		if (strncmp(p, name, len) != 0 || p[len] != ' ')
			continue;
		char *end;
		*n = strtoul(p + len, &end, 10);
		double *v = ser_malloc(*n, sizeof *v);
		for (size_t i = 0; i < *n; i++)
			v[i] = strtod(end, &end);
		return v;
	}
	fail_msg("no golden %s", name);
	return NULL;
}

static double *part(const char *name, const char *what, size_t *n)
{
	char full[64];
	snprintf(full, sizeof full, "%s.%s", name, what);
	return golden(0, full, n);
}

/* n is read after v was made, so that one expression can do both */
static int *ints(double *v, const size_t *n)
{
	int *i = ser_malloc(*n, sizeof *i);
	for (size_t k = 0; k < *n; k++)
		i[k] = (int)v[k];
	free(v);
	return i;
}

static uint32_t *counts(double *v, const size_t *n)
{
	uint32_t *i = ser_malloc(*n, sizeof *i);
	for (size_t k = 0; k < *n; k++)
		i[k] = (uint32_t)v[k];
	free(v);
	return i;
}

#define NEAR(got, want, tol) near_(#got, got, want, tol, __LINE__)
static void near_(const char *what, double got, double want, double tol, int line)
{
	if (!(fabs(got - want) <= tol * fmax(1, fabs(want))))
		fail_msg("line %d: %s is %.17g, expected %.17g", line, what, got, want);
}

static int setup(void **state)
{
	const char *name[2] = {"tests/golden/ml_scores.txt", "tests/golden/ml_kmeans.txt"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		size_t n;
		struct ser_err e;
		if (ser_read_file(name[i], 1 << 20, &text[i], &n, &e) != SER_OK) {
			print_error("%s\n", e.msg);
			return -1;
		}
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(text[0]);
	free(text[1]);
	return 0;
}

/* ---- classes ---- */

static void classes_one(const char *name, size_t k)
{
	size_t n, n_score, n_row;
	int *t = ints(part(name, "truth", &n), &n), *p = ints(part(name, "pred", &n), &n);
	double *w = part(name, "weight", &n), *want = part(name, "conf", &n_score), *rows = part(name, "rows", &n_row);
	double *conf = ser_malloc(k * k, sizeof *conf);
	struct ser_class_row *row = ser_malloc(k, sizeof *row);
	struct ser_class_score s;
	assert_int_equal(n_score, k * k);
	assert_int_equal(ser_confusion(t, p, w, n, k, conf, NULL), 0);
	for (size_t i = 0; i < k * k; i++)
		NEAR(conf[i], want[i], 1e-9);
	free(want);
	want = part(name, "score", &n_score);
	ser_score_classes(conf, k, &s, row);
	NEAR(s.uar, want[0], 1e-9);
	NEAR(s.war, want[1], 1e-9);
	NEAR(s.macro_f1, want[2], 1e-9);
	NEAR(s.micro_f1, want[3], 1e-9);
	NEAR(s.weighted_f1, want[4], 1e-9);
	NEAR(s.macro_precision, want[5], 1e-9);
	NEAR(s.kappa, want[6], 1e-9);
	NEAR(s.mcc, want[7], 1e-9);
	for (size_t c = 0; c < k; c++) {
		NEAR(row[c].precision, rows[4 * c], 1e-9);
		NEAR(row[c].recall, rows[4 * c + 1], 1e-9);
		NEAR(row[c].f1, rows[4 * c + 2], 1e-9);
		NEAR(row[c].support, rows[4 * c + 3], 1e-9);
	}
	free(t);
	free(p);
	free(w);
	free(want);
	free(rows);
	free(conf);
	free(row);
}

static void classes(void **state)
{
	(void)state;
	classes_one("c7", 7);
	classes_one("c7w", 7);
	classes_one("absent", 5);
	classes_one("constant", 3);
}

static void classes_edges(void **state)
{
	(void)state;
	struct ser_err e;
	struct ser_class_score s;
	double conf[4];
	ser_score_classes((const double[4]){0, 0, 0, 0}, 2, &s, NULL);
	assert_true(isnan(s.uar) && isnan(s.war) && isnan(s.kappa));
	assert_int_equal(s.n_absent, 2);
	ser_score_classes((const double[4]){5, 0, 0, 0}, 2, &s, NULL);
	assert_true(isnan(s.kappa) && s.mcc == 0 && s.uar == 1 && s.macro_f1 == 1 && s.n_absent == 1);
	assert_int_equal(ser_confusion((const int[]){0, 2}, (const int[]){0, 0}, NULL, 2, 2, conf, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "item 1"));
	assert_int_equal(ser_confusion((const int[]){0}, (const int[]){-1}, NULL, 1, 2, conf, &e), SER_EDATA);
	assert_int_equal(ser_confusion((const int[]){0}, (const int[]){0}, (const double[]){NAN}, 1, 2, conf, &e),
			 SER_EDATA);
}

static void mcnemar(void **state)
{
	static const size_t bc[][2] = {{0, 0}, {3, 11}, {40, 25}, {5, 5}, {1, 0}, {300, 350}};
	(void)state;
	for (size_t i = 0; i < sizeof bc / sizeof *bc; i++) {
		char name[40];
		size_t n;
		snprintf(name, sizeof name, "mcnemar.%zu.%zu", bc[i][0], bc[i][1]);
		double *want = golden(0, name, &n);
		NEAR(ser_mcnemar(bc[i][0], bc[i][1]), *want, 1e-9);
		NEAR(ser_mcnemar(bc[i][1], bc[i][0]), *want, 1e-9);
		free(want);
	}
}

/* By hand: bins (0,0.5] and (0.5,1]; their edges, 0, and a bin that is empty. */
static void calibration(void **state)
{
	static const double sure[6] = {0, 0.5, 0.25, 0.75, 1, 0.95};
	static const bool right[6] = {false, true, false, true, true, false};
	double mean[4], share[4], count[4];
	(void)state;
	NEAR(ser_calibration(sure, right, NULL, 6, 2, mean, share, count), 0.5 * (1 / 3. - 0.25) + 0.5 * (0.9 - 2 / 3.),
	     1e-12);
	NEAR(mean[0], 0.25, 1e-12);
	NEAR(share[0], 1 / 3., 1e-12);
	NEAR(count[1], 3, 0);
	NEAR(mean[1], 0.9, 1e-12);
	NEAR(ser_calibration(sure + 4, right + 4, NULL, 1, 4, mean, share, count), 0, 1e-12);
	NEAR(count[0], 0, 0);
	NEAR(share[0], 0, 0);
	NEAR(count[3], 1, 0);
}

/* ---- numbers ---- */

static void regress_one(const char *name)
{
	size_t n, m;
	double *t = part(name, "truth", &n), *p = part(name, "pred", &n), *want = part(name, "score", &m);
	uint32_t *c = counts(part(name, "count", &n), &n);
	double *ws = ser_malloc(2 * n, sizeof *ws);
	struct ser_regress *r = ser_regress_new(t, p, n, NULL);
	struct ser_regress_score s;
	assert_non_null(r);
	ser_regress_do(r, c, ws, &s);
	NEAR(s.ccc, want[0], 1e-9);
	NEAR(s.pearson, want[1], 1e-9);
	NEAR(s.spearman, want[2], 1e-9);
	NEAR(s.mse, want[3], 1e-9);
	NEAR(s.rmse, want[4], 1e-9);
	NEAR(s.mae, want[5], 1e-9);
	ser_regress_free(r);
	free(t);
	free(p);
	free(c);
	free(ws);
	free(want);
}

static void regress(void **state)
{
	(void)state;
	regress_one("r");
	regress_one("rties");
	regress_one("rpaper");
	struct ser_err e;
	double ws[4], one[2] = {1, 1}, two[2] = {1, NAN};
	struct ser_regress_score s;
	struct ser_regress *r = ser_regress_new(one, one, 2, &e);
	ser_regress_do(r, NULL, ws, &s);
	assert_true(isnan(s.ccc) && isnan(s.pearson) && isnan(s.spearman) && s.mse == 0);
	ser_regress_free(r);
	assert_null(ser_regress_new(one, two, 2, &e));
	assert_non_null(strstr(e.msg, "item 1"));
	assert_null(ser_regress_new(one, one, 0, &e));
}

/* ---- verification ---- */

static void verify_one(const char *name, bool det)
{
	size_t n, m;
	double *s = part(name, "trial", &n), *tv = part(name, "target", &n), *want = part(name, "score", &m);
	double *cost = part(name, "cost", &m);
	uint32_t *c = counts(part(name, "count", &n), &n);
	bool *t = ser_malloc(n, sizeof *t);
	for (size_t i = 0; i < n; i++)
		t[i] = tv[i] > 0;
	struct ser_verify_opt o = {cost[0], cost[1], cost[2]};
	struct ser_verify *v = ser_verify_new(s, t, n, NULL);
	struct ser_verify_score got;
	assert_non_null(v);
	ser_verify_do(v, &o, c, &got);
	NEAR(got.n_target, want[0], 0);
	NEAR(got.n_nontarget, want[1], 0);
	NEAR(got.eer, want[2], 1e-9);
	NEAR(got.min_dcf, want[3], 1e-9);
	if (det) {
		double *fa = part(name, "fa", &m), *miss = part(name, "miss", &m),
		       *x = ser_malloc(3 * (n + 1), sizeof *x);
		assert_int_equal(ser_verify_det(v, x, x + n + 1, x + 2 * (n + 1)), m);
		for (size_t i = 0; i < m; i++) {
			NEAR(x[i], fa[i], 1e-9);
			NEAR(x[n + 1 + i], miss[i], 1e-9);
		}
		free(fa);
		free(miss);
		free(x);
	}
	ser_verify_free(v);
	free(s);
	free(tv);
	free(t);
	free(c);
	free(want);
	free(cost);
}

static void verify(void **state)
{
	(void)state;
	verify_one("v", true);
	verify_one("vties", false);
	verify_one("vperfect", false);
	struct ser_err e;
	struct ser_verify_score got;
	struct ser_verify *v =
		ser_verify_new((const double[]){10, 8, 6, 2, 1}, (const bool[]){true, true, false, true, false}, 5, &e);
	ser_verify_do(v, &ser_verify_default, NULL, &got);
	NEAR(got.eer, 1.0 / 3, 1e-12); /* misses 1/3, and false acceptances two thirds of the way from 0 to 1/2 */
	NEAR(got.thr_eer, 8 - 2 * 2.0 / 3, 1e-12);
	NEAR(got.min_dcf, 1.0 / 3, 1e-12);
	NEAR(got.thr_dcf, 8, 0);
	ser_verify_free(v);
	v = ser_verify_new((const double[]){1, 2}, (const bool[]){true, true}, 2, &e);
	ser_verify_do(v, &ser_verify_default, NULL, &got);
	assert_true(isnan(got.eer) && isnan(got.min_dcf));
	ser_verify_free(v);
	assert_null(ser_verify_new((const double[]){NAN}, (const bool[]){true}, 1, &e));
}

/* ---- clusterings ---- */

static void clusters_one(const char *name)
{
	size_t n, m, kt = 0, kc = 0;
	int *t = ints(part(name, "truth", &n), &n), *c = ints(part(name, "cluster", &n), &n);
	double *want = part(name, "score", &m), got[SER_CS_N], wide[SER_CS_N];
	assert_int_equal(m, SER_CS_N);
	for (size_t i = 0; i < n; i++) {
		kt = (size_t)t[i] >= kt ? (size_t)t[i] + 1 : kt;
		kc = (size_t)c[i] >= kc ? (size_t)c[i] + 1 : kc;
	}
	assert_int_equal(ser_score_clusters(t, kt, c, kc, n, got, NULL), 0);
	assert_int_equal(ser_score_clusters(t, kt + 3, c, kc + 2, n, wide, NULL), 0);
	for (size_t s = 0; s < SER_CS_N; s++) {
		if (!(fabs(got[s] - want[s]) <= 1e-9) || !(fabs(wide[s] - want[s]) <= 1e-9))
			fail_msg("%s: %s is %.17g, with unused classes %.17g, expected %.17g", name,
				 ser_cs_name((enum ser_cs)s), got[s], wide[s], want[s]);
	}
	free(t);
	free(c);
	free(want);
}

static void clusters(void **state)
{
	static const char *const name[] = {"k8",  "k12",        "k3",       "chance", "same",
					   "one", "onecluster", "oneclass", "apart",  "tiny"};
	(void)state;
	for (size_t i = 0; i < sizeof name / sizeof *name; i++)
		clusters_one(name[i]);
	struct ser_err e;
	double got[SER_CS_N];
	assert_int_equal(ser_score_clusters((const int[]){0, 1}, 2, (const int[]){0, 5}, 2, 2, got, &e), SER_EDATA);
	assert_int_equal(ser_score_clusters(NULL, 2, NULL, 2, 0, got, &e), SER_EDATA);
}

static void assign(void **state)
{
	size_t n, r, to[6];
	(void)state;
	double *cost = golden(0, "assign.cost", &n), *want = golden(0, "assign.to", &r);
	ser_assign(cost, r, n / r, to);
	for (size_t i = 0; i < r; i++)
		assert_int_equal(to[i], (size_t)want[i]);
	free(cost);
	free(want);
}

/* The mean of the permuted ARI and AMI is about 0, that of purity is the known chance level; threads change nothing;
 * another group's key gives other shuffles. */
static void permute(void **state)
{
	enum { N = 400 };
	size_t n;
	(void)state;
	int *t = ints(golden(0, "k8.truth", &n), &n), *c = ints(golden(0, "k8.cluster", &n), &n);
	double *a = ser_malloc(N * SER_CS_N, sizeof *a), *b = ser_malloc(N * SER_CS_N, sizeof *b), obs[SER_CS_N];
	const struct ser_watch quiet = {0};
	assert_int_equal(ser_score_clusters(t, 8, c, 8, n, obs, NULL), 0);
	assert_int_equal(ser_cluster_permute(t, 8, c, 8, n, N, 7, "spk", 1, &quiet, a, NULL), 0);
	assert_int_equal(ser_cluster_permute(t, 8, c, 8, n, N, 7, "spk", 4, &quiet, b, NULL), 0);
	assert_memory_equal(a, b, N * SER_CS_N * sizeof *a);
	assert_int_equal(ser_cluster_permute(t, 8, c, 8, n, N, 7, "other", 1, &quiet, b, NULL), 0);
	assert_memory_not_equal(a, b, N * SER_CS_N * sizeof *a);
	struct ser_chance ch = ser_chance(obs[SER_CS_AMI], a + SER_CS_AMI, N, SER_CS_N);
	assert_true(fabs(ch.mean) < 4 * ch.sd / 20 && ch.p == 1. / (N + 1));
	ch = ser_chance(obs[SER_CS_ARI], a + SER_CS_ARI, N, SER_CS_N);
	assert_true(fabs(ch.mean) < 4 * ch.sd / 20);
	/* a permuted labelling is itself as good as chance: its p-value is large */
	ch = ser_chance(a[SER_CS_AMI], a + SER_CS_N + SER_CS_AMI, N - 1, SER_CS_N);
	assert_true(ch.p > 0.01);
	/* all permutations at least as good as the least of them */
	double least = a[0];
	for (size_t i = 0; i < N; i++)
		least = fmin(least, a[i * SER_CS_N]);
	assert_true(ser_chance(least, a, N, SER_CS_N).p == 1);
	free(t);
	free(c);
	free(a);
	free(b);
}

/* Rows of one direction are 0 apart, and never less, though the sum of a unit row's squares rounds to more than 1. */
static void same_direction(void **state)
{
	enum { N = 40, D = 7 };
	float x[2 * N * D];
	double dist[4 * N * N];
	struct ser_rng rng;
	(void)state;
	ser_rng_seed(&rng, 4);
	for (size_t i = 0; i < N * D; i++)
		x[i] = x[N * D + i] = (float)ser_rng_below(&rng, 1000) + 1;
	assert_int_equal(ser_distances(x, 2 * N, D, SER_COSINE, 1, dist, NULL), 0);
	for (size_t i = 0; i < 4 * N * N; i++)
		assert_true(dist[i] >= 0);
	for (size_t i = 0; i < N; i++)
		NEAR(dist[i * 2 * N + N + i], 0, 1e-12);
}

static void silhouette(void **state)
{
	size_t nx, n, m;
	(void)state;
	double *xd = golden(0, "sil.x", &nx), mean, again;
	int *label = ints(golden(0, "sil.label", &n), &n);
	size_t d = nx / n;
	float *x = ser_malloc(nx, sizeof *x);
	for (size_t i = 0; i < nx; i++)
		x[i] = (float)xd[i];
	double *dist = ser_malloc(n * n, sizeof *dist), *item = ser_malloc(n, sizeof *item);
	for (int cos = 0; cos < 2; cos++) {
		double *want = golden(0, cos ? "sil.cosine" : "sil.euclidean", &m);
		double *want_d = golden(0, cos ? "sil.cosdist" : "sil.dist", &m), sum = 0;
		assert_int_equal(ser_distances(x, n, d, cos ? SER_COSINE : SER_EUCLIDEAN, 3, dist, NULL), 0);
		for (size_t i = 0; i < m; i++)
			NEAR(dist[i], want_d[i], 1e-9);
		/* an unused label changes nothing */
		assert_int_equal(ser_silhouette_dist(dist, n, label, 6, item, &mean, NULL), 0);
		for (size_t i = 0; i < n; i++) {
			NEAR(item[i], want[i], 1e-9);
			sum += want[i];
		}
		NEAR(mean, sum / (double)n, 1e-9);
		assert_int_equal(
			ser_silhouette(x, n, d, label, 4, cos ? SER_COSINE : SER_EUCLIDEAN, 2, item, &again, NULL), 0);
		assert_true(mean == again);
		for (size_t i = 0; i < n; i++)
			NEAR(item[i], want[i], 1e-9);
		free(want);
		free(want_d);
	}
	struct ser_err e;
	int *same = ser_calloc(n, sizeof *same);
	assert_int_equal(ser_silhouette(x, n, d, same, 1, SER_EUCLIDEAN, 1, NULL, &mean, &e), SER_EDATA);
	x[5] = NAN;
	assert_int_equal(ser_silhouette(x, n, d, label, 4, SER_EUCLIDEAN, 1, NULL, &mean, &e), SER_EDATA);
	free(same);
	free(xd);
	free(x);
	free(label);
	free(dist);
	free(item);
}

/* ---- bootstrap ---- */

struct mean_ctx {
	const double *z;
	size_t n;
};

/* mean, and a statistic that is undefined whenever unit 0 is drawn */
static void stat_mean(void *arg, const uint32_t *count, double *out, int worker)
{
	const struct mean_ctx *m = arg;
	double s = 0, n = 0;
	(void)worker;
	for (size_t i = 0; i < m->n; i++) {
		s += count[i] * m->z[i];
		n += count[i];
	}
	out[0] = s / n;
	out[1] = count[0] > 0 ? NAN : s / n;
}

static void boot(void **state)
{
	size_t n, n_rep, n_jack, m;
	(void)state;
	double *z = golden(0, "boot.z", &n), *rep = golden(0, "boot.rep", &n_rep),
	       *jack = golden(0, "boot.jack", &n_jack);
	double *pct = golden(0, "boot.percentile", &m), *bca = golden(0, "boot.bca", &m), mean = 0;
	for (size_t i = 0; i < n; i++)
		mean += z[i] / (double)n;
	struct ser_ci ci = ser_boot_interval(mean, rep, n_rep, 1, 0.9, NULL, 0, 0);
	NEAR(ci.lo, pct[0], 1e-12);
	NEAR(ci.hi, pct[1], 1e-12);
	ci = ser_boot_interval(mean, rep, n_rep, 1, 0.9, jack, n_jack, 1);
	NEAR(ci.lo, bca[0], 1e-9);
	NEAR(ci.hi, bca[1], 1e-9);

	struct mean_ctx ctx = {z, n};
	struct ser_boot_opt o = ser_boot_default;
	struct ser_ci a[2], b[2];
	double *ra = ser_malloc(2 * o.n_boot, sizeof *ra), *rb = ser_malloc(2 * o.n_boot, sizeof *rb);
	for (int use_bca = 0; use_bca < 2; use_bca++) {
		o.bca = use_bca;
		o.n_thread = 1;
		assert_int_equal(ser_boot(&o, n, 2, stat_mean, &ctx, a, ra, NULL), 0);
		o.n_thread = 4;
		assert_int_equal(ser_boot(&o, n, 2, stat_mean, &ctx, b, rb, NULL), 0);
		assert_memory_equal(ra, rb, 2 * o.n_boot * sizeof *ra);
		assert_memory_equal(a, b, sizeof a);
	}
	/* the standard error of a mean is known; (1 - 1/n)^n of the draws lack unit 0 */
	double var = 0;
	for (size_t i = 0; i < n; i++)
		var += (z[i] - mean) * (z[i] - mean) / (double)n;
	NEAR(a[0].se, sqrt(var / (double)n), 0.08);
	NEAR(a[0].value, mean, 1e-12);
	assert_true(a[0].n_bad == 0 && isnan(a[1].value));
	NEAR((double)(o.n_boot - a[1].n_bad) / (double)o.n_boot, pow(1 - 1. / (double)n, (double)n), 0.04);
	assert_true(a[0].p == 2. / (double)(o.n_boot + 1)); /* all replicates of a positive mean are positive */
	o.level = 1;
	assert_int_equal(ser_boot(&o, n, 2, stat_mean, &ctx, a, NULL, NULL), SER_EUSAGE);
	o.level = 0.95;
	assert_int_equal(ser_boot(&o, 0, 2, stat_mean, &ctx, a, NULL, NULL), SER_EDATA);
	free(z);
	free(rep);
	free(jack);
	free(pct);
	free(bca);
	free(ra);
	free(rb);
}

static void normal_quantile(void **state)
{
	size_t n;
	(void)state;
	double *p = golden(0, "normal.p", &n), *z = golden(0, "normal.z", &n);
	for (size_t i = 0; i < n; i++)
		NEAR(ser_normal_quantile(p[i]), z[i], 1e-9);
	assert_true(isinf(ser_normal_quantile(0)) && isinf(ser_normal_quantile(1)) && isnan(ser_normal_quantile(NAN)));
	free(p);
	free(z);
}

/* ---- kernels ---- */

static void fill(float *x, size_t n, uint64_t seed)
{
	struct ser_rng r;
	ser_rng_seed(&r, seed);
	for (size_t i = 0; i < n; i++)
		x[i] = (float)ser_rng_normal(&r);
}

static void kernels(void **state)
{
	enum { D = 48, P = 37, M = 7 };
	float x[P * D];
	double a[D], b[5 * D], sum[D] = {0}, want_sum[D] = {0}, sq[5], dot[5], want = 0;
	(void)state;
	fill(x, P * D, 1);
	for (size_t t = 0; t < D; t++)
		a[t] = x[t];
	for (size_t t = 0; t < 5 * D; t++)
		b[t] = x[100 + t];
	for (size_t p = 0; p < P; p++) {
		(p % 3 ? ser_kern_add : ser_kern_sub)(sum, x + p * D, 45);
		for (size_t t = 0; t < 45; t++)
			want_sum[t] += p % 3 ? x[p * D + t] : -x[p * D + t];
	}
	assert_memory_equal(sum, want_sum, sizeof sum);
	for (size_t t = 0; t < 45; t++)
		want += (x[t] - b[t]) * (x[t] - b[t]);
	NEAR(ser_kern_rowdist(x, b, 45), want, 1e-12);
	NEAR(ser_kern_rowdist(x, NULL, 3), (double)x[0] * x[0] + (double)x[1] * x[1] + (double)x[2] * x[2], 1e-12);
	ser_kern_sqdist(a, b, 5, D, sq);
	ser_kern_dot(a, b, 5, D, dot);
	for (size_t j = 0; j < 5; j++) {
		double q = 0, p = 0;
		for (size_t t = 0; t < D; t++) {
			q += (a[t] - b[j * D + t]) * (a[t] - b[j * D + t]);
			p += a[t] * b[j * D + t];
		}
		NEAR(sq[j], q, 1e-12);
		NEAR(dot[j], p, 1e-12);
	}
	/* the best of scores, the first among equals */
	real score[M * P], bias[M], best[P];
	int arg[P];
	for (size_t i = 0; i < M * P; i++)
		score[i] = (real)((int)(i * 5 % 11) - 5);
	for (size_t j = 0; j < M; j++)
		bias[j] = (real)(j % 3);
	for (size_t p = 0; p < P; p++) {
		best[p] = -INFINITY;
		arg[p] = -1;
	}
	ser_kern_best(P, 3, score, bias, 100, best, arg);
	ser_kern_best(P, M - 3, score + 3 * P, bias + 3, 103, best, arg);
	for (size_t p = 0; p < P; p++) {
		size_t top = 0;
		for (size_t j = 1; j < M; j++)
			if (score[j * P + p] + bias[j] > score[top * P + p] + bias[top])
				top = j;
		assert_int_equal(arg[p], 100 + (int)top);
		assert_true(best[p] == score[top * P + p] + bias[top]);
	}
}

/* ---- k-means ---- */

static float *kmeans_data(size_t *n)
{
	size_t m;
	double *v = golden(1, "x", &m);
	float *x = ser_malloc(m, sizeof *x);
	for (size_t i = 0; i < m; i++)
		x[i] = (float)v[i];
	free(v);
	*n = m / 10;
	return x;
}

/* A solution: every row is at its nearest centre, every centre is the mean of its rows (of unit length for the cosine),
 * sizes, inertia and margins are what they say, and clusters are numbered by their first row. */
static void check_solution(const struct ser_kmeans *m, const float *x, enum ser_metric metric, double tol)
{
	size_t d = m->d, seen = 0;
	double inertia = 0, *mean = ser_calloc(m->k * d, sizeof *mean);
	size_t *size = ser_calloc(m->k, sizeof *size);
	for (size_t r = 0; r < m->n; r++) {
		double len = 1, near[2] = {INFINITY, INFINITY}, own = 0;
		if (metric == SER_COSINE) {
			len = 0;
			for (size_t t = 0; t < d; t++)
				len += (double)x[r * d + t] * x[r * d + t];
			len = sqrt(len);
		}
		for (size_t c = 0; c < m->k; c++) {
			double q = 0;
			for (size_t t = 0; t < d; t++) {
				double v = x[r * d + t] / len - m->centre[c * d + t];
				q += v * v;
			}
			q = metric == SER_COSINE ? q / 2 : sqrt(q);
			if ((size_t)m->cluster[r] == c)
				own = q;
			else if (q < near[1])
				near[1] = q;
		}
		assert_true(own <= near[1] + tol);
		inertia += metric == SER_COSINE ? own : own * own;
		if (m->margin != NULL)
			NEAR(m->margin[r], isinf(near[1]) ? 1 : near[1] > own ? (near[1] - own) / near[1] : 0, 1e-4);
		assert_true(m->cluster[r] >= 0 && (size_t)m->cluster[r] <= seen);
		seen += (size_t)m->cluster[r] == seen;
		size[m->cluster[r]]++;
		for (size_t t = 0; t < d; t++)
			mean[(size_t)m->cluster[r] * d + t] += x[r * d + t] / len;
	}
	assert_int_equal(m->n_empty, m->k - seen);
	NEAR(m->inertia, inertia, 1e-5);
	for (size_t c = 0; c < m->k; c++) {
		double len = (double)size[c], sq = 0;
		assert_int_equal(size[c], m->size[c]);
		for (size_t t = 0; t < d; t++)
			sq += mean[c * d + t] * mean[c * d + t];
		if (metric == SER_COSINE)
			len = sqrt(sq);
		for (size_t t = 0; t < d && size[c] > 0; t++)
			NEAR(m->centre[c * d + t], mean[c * d + t] / len, tol);
	}
	free(mean);
	free(size);
}

static void kmeans(void **state)
{
	static const size_t ks[] = {1, 2, 4, 7, 20};
	size_t n, one;
	(void)state;
	float *x = kmeans_data(&n);
	struct ser_kmeans_opt o = ser_kmeans_default;
	o.n_init = 200;
	o.tol = 0;
	o.margin = true;
	for (size_t i = 0; i < 5; i++) {
		char name[24];
		snprintf(name, sizeof name, "inertia.%zu", ks[i]);
		double *want = golden(1, name, &one);
		struct ser_kmeans *m = ser_kmeans_fit(&o, x, n, 10, ks[i], NULL, NULL);
		assert_non_null(m);
		check_solution(m, x, SER_EUCLIDEAN, 1e-4);
		/* the best of 200 starts: as good as scikit-learn's, but for the luck of the starts with many clusters */
		if (!(m->inertia <= *want * (ks[i] > 4 ? 1.02 : 1 + 1e-6)))
			fail_msg("k = %zu: inertia %.9g, expected %.9g", ks[i], m->inertia, *want);
		if (!(m->inertia >= *want * (ks[i] > 4 ? 0.97 : 1 - 1e-6)))
			fail_msg("k = %zu: inertia %.9g is impossible, expected %.9g", ks[i], m->inertia, *want);
		ser_kmeans_free(m);
		o.metric = SER_COSINE;
		o.n_init = 5;
		m = ser_kmeans_fit(&o, x, n, 10, ks[i], NULL, NULL);
		assert_non_null(m);
		check_solution(m, x, SER_COSINE, 1e-5);
		ser_kmeans_free(m);
		o.metric = SER_EUCLIDEAN;
		o.n_init = 200;
		free(want);
	}
	free(x);
}

static void assert_same(const struct ser_kmeans *a, const struct ser_kmeans *b)
{
	assert_memory_equal(a->cluster, b->cluster, a->n * sizeof *a->cluster);
	assert_memory_equal(a->centre, b->centre, a->k * a->d * sizeof *a->centre);
	assert_memory_equal(a->margin, b->margin, a->n * sizeof *a->margin);
	assert_true(a->inertia == b->inertia && a->n_iter == b->n_iter);
}

static void kmeans_threads(void **state)
{
	size_t n;
	(void)state;
	float *x = kmeans_data(&n), *big = ser_malloc(70000 * 61, sizeof *big);
	struct ser_kmeans_opt o = ser_kmeans_default;
	o.margin = true;
	for (int cos = 0; cos < 2; cos++) {
		o.metric = cos ? SER_COSINE : SER_EUCLIDEAN;
		o.n_thread = 1;
		struct ser_kmeans *a = ser_kmeans_fit(&o, x, n, 10, 5, "g", NULL);
		o.n_thread = 4;
		struct ser_kmeans *b = ser_kmeans_fit(&o, x, n, 10, 5, "g", NULL);
		assert_same(a, b);
		ser_kmeans_free(b);
		b = ser_kmeans_fit(&o, x, n, 10, 5, "other", NULL);
		assert_int_equal(b->n_empty, 0);
		ser_kmeans_free(a);
		ser_kmeans_free(b);
	}
	fill(big, 70000 * 61, 4); /* large enough for threads over the rows */
	o.metric = SER_EUCLIDEAN;
	o.n_init = 2;
	o.max_iter = 3;
	for (int init = 0; init < 2; init++) {
		o.init = init ? SER_KMEANS_RANDOM : SER_KMEANS_PLUSPLUS;
		o.n_thread = 1;
		struct ser_kmeans *a = ser_kmeans_fit(&o, big, 70000, 61, 13, NULL, NULL);
		o.n_thread = 3;
		struct ser_kmeans *b = ser_kmeans_fit(&o, big, 70000, 61, 13, NULL, NULL);
		assert_same(a, b);
		assert_int_equal(a->n_iter, 3);
		ser_kmeans_free(a);
		ser_kmeans_free(b);
	}
	free(x);
	free(big);
}

static void kmeans_edges(void **state)
{
	struct ser_err e;
	struct ser_kmeans_opt o = ser_kmeans_default;
	(void)state;
	o.margin = true;
	/* three different rows, four of each, for five clusters: two stay empty and the inertia is 0 */
	float x[12 * 2];
	for (size_t r = 0; r < 12; r++) {
		x[2 * r] = (float)(r % 3) + 0.1f;
		x[2 * r + 1] = 7.3f;
	}
	struct ser_kmeans *m = ser_kmeans_fit(&o, x, 12, 2, 5, NULL, &e);
	assert_non_null(m);
	assert_int_equal(m->n_empty, 2);
	assert_true(m->inertia < 1e-12);
	check_solution(m, x, SER_EUCLIDEAN, 1e-5);
	ser_kmeans_free(m);
	/* as many clusters as rows, all different: each its own */
	float y[5] = {3, 1, 4, 1.5f, 9};
	m = ser_kmeans_fit(&o, y, 5, 1, 5, NULL, &e);
	assert_int_equal(m->n_empty, 0);
	assert_true(m->inertia < 1e-12);
	ser_kmeans_free(m);
	/* clusters 2 and 3 start where no row is nearest: they must not stay empty */
	o.init = SER_KMEANS_RANDOM;
	o.n_init = 1;
	for (o.seed = 0; o.seed < 50; o.seed++) {
		float z[40];
		fill(z, 40, o.seed);
		for (size_t i = 0; i < 20; i++)
			z[i] = 0;
		m = ser_kmeans_fit(&o, z, 40, 1, 6, NULL, &e);
		assert_int_equal(m->n_empty, 0);
		ser_kmeans_free(m);
	}
	o = ser_kmeans_default;
	assert_null(ser_kmeans_fit(&o, y, 5, 1, 6, NULL, &e));
	assert_int_equal(e.code, SER_EDATA);
	assert_null(ser_kmeans_fit(&o, y, 5, 1, 0, NULL, &e));
	y[2] = INFINITY;
	assert_null(ser_kmeans_fit(&o, y, 5, 1, 2, NULL, &e));
	assert_non_null(strstr(e.msg, "row 2"));
	y[2] = 0;
	o.metric = SER_COSINE;
	assert_null(ser_kmeans_fit(&o, y, 5, 1, 2, NULL, &e));
	assert_non_null(strstr(e.msg, "row 2"));
	o.max_iter = 0;
	assert_null(ser_kmeans_fit(&o, y, 5, 1, 2, NULL, &e));
	assert_int_equal(e.code, SER_EUSAGE);
}

/* A constant added to the data, as a speaker's mean is, changes nothing but the centres. */
static void kmeans_offset(void **state)
{
	size_t n;
	(void)state;
	float *x = kmeans_data(&n), *y = ser_malloc(n * 10, sizeof *y);
	struct ser_kmeans_opt o = ser_kmeans_default;
	for (size_t i = 0; i < n * 10; i++)
		y[i] = x[i] + 1024;
	struct ser_kmeans *a = ser_kmeans_fit(&o, x, n, 10, 4, NULL, NULL),
			  *b = ser_kmeans_fit(&o, y, n, 10, 4, NULL, NULL);
	assert_memory_equal(a->cluster, b->cluster, n * sizeof *a->cluster);
	NEAR(a->inertia, b->inertia, 1e-3);
	ser_kmeans_free(a);
	ser_kmeans_free(b);
	free(x);
	free(y);
}

/* Each group as it is by itself; of several, the first that has too few rows is named. */
static void kmeans_groups(void **state)
{
	size_t n, failed = 0;
	(void)state;
	float *x = kmeans_data(&n);
	size_t *of = ser_malloc(n, sizeof *of);
	struct ser_map *key = ser_map_new();
	struct ser_kmeans_opt o = ser_kmeans_default;
	struct ser_err e;
	ser_map_add(key, "a", 1, NULL);
	ser_map_add(key, "b", 1, NULL);
	for (size_t i = 0; i < n; i++)
		of[i] = i % 3 == 0;
	for (int threads = 1; threads <= 3; threads += 2) {
		o.n_thread = threads;
		struct ser_kmeans_group *g = ser_kmeans_groups(&o, x, n, 10, of, key, 3, 0, &failed, &e);
		assert_non_null(g);
		assert_int_equal(g[0].n + g[1].n, n);
		for (size_t k = 0; k < 2; k++) {
			float *own = ser_malloc(g[k].n * 10, sizeof *own);
			for (size_t q = 0; q < g[k].n; q++) {
				assert_int_equal(of[g[k].row[q]], k);
				memcpy(own + q * 10, x + g[k].row[q] * 10, 10 * sizeof *own);
			}
			struct ser_kmeans *m = ser_kmeans_fit(&o, own, g[k].n, 10, 3, k ? "b" : "a", NULL);
			assert_memory_equal(m->cluster, g[k].m->cluster, g[k].n * sizeof *m->cluster);
			assert_true(m->inertia == g[k].m->inertia);
			ser_kmeans_free(m);
			free(own);
		}
		ser_kmeans_groups_free(g, 2);
	}
	for (size_t i = 0; i < n; i++)
		of[i] = i < 2;
	assert_null(ser_kmeans_groups(&o, x, n, 10, of, key, 3, 0, &failed, &e));
	assert_int_equal(failed, 1);
	assert_string_equal(e.msg, "2 rows of 10 dimensions for 3 clusters: expected 1 to as many clusters as rows");
	ser_map_free(key);
	free(of);
	free(x);
}

static void kmeans_choose(void **state)
{
	enum { N = 150, D = 8 };
	(void)state;
	float *x = ser_malloc(N * D, sizeof *x);
	double score[9], mean;
	fill(x, N * D, 5);
	for (size_t r = 0; r < N; r++)
		x[r * D + r % 3] += 12;
	struct ser_kmeans_opt o = ser_kmeans_default;
	for (int cos = 0; cos < 2; cos++) {
		o.metric = cos ? SER_COSINE : SER_EUCLIDEAN;
		struct ser_kmeans *m = ser_kmeans_select(&o, x, N, D, 2, 10, "g", score, NULL);
		assert_non_null(m);
		assert_int_equal(m->k, 3);
		assert_true(score[1] == m->silhouette && score[0] < score[1] && score[2] < score[1]);
		assert_int_equal(ser_silhouette(x, N, D, m->cluster, 3, o.metric, 1, NULL, &mean, NULL), 0);
		assert_true(mean == m->silhouette);
		ser_kmeans_free(m);
	}
	struct ser_err e;
	assert_null(ser_kmeans_select(&o, x, N, D, 1, 4, NULL, NULL, &e));
	assert_int_equal(e.code, SER_EUSAGE);
	assert_null(ser_kmeans_select(&o, x, 2, D, 2, 4, NULL, NULL, &e));
	assert_int_equal(e.code, SER_EDATA);
	free(x);
}

/* ---- pairs ---- */

enum { UTT = 240, SPK = 6, DIM = 5 };

struct corpus {
	char name[UTT][12];
	const char *id[UTT];
	size_t spk[UTT];
	int cluster[UTT];
	double margin[UTT];
	float emb[UTT * DIM];
	struct ser_pairs_in in;
};

static void corpus_make(struct corpus *c)
{
	struct ser_rng r;
	ser_rng_seed(&r, 11);
	fill(c->emb, UTT * DIM, 12);
	for (size_t i = 0; i < UTT; i++) {
		c->spk[i] = (size_t)ser_rng_below(&r, SPK) * 10;
		c->cluster[i] = (int)ser_rng_below(&r, 4);
		c->margin[i] = ser_rng_uniform(&r);
		snprintf(c->name[i], sizeof c->name[i], "u%03d", (int)(i * 7 % UTT));
		c->id[i] = c->name[i];
	}
	c->in = (struct ser_pairs_in){UTT, c->id, c->spk, c->cluster, c->margin, c->emb, DIM};
}

static void check_pairs(const struct ser_pairs *p, const struct corpus *c, double least)
{
	for (size_t i = 0; i < p->n; i++) {
		size_t a = p->anchor[i];
		assert_true(c->margin[a] >= least && c->cluster[a] >= 0);
		for (size_t j = 0; j < p->n_pos; j++) {
			size_t q = p->pos[i * p->n_pos + j];
			assert_true(q != a && c->spk[q] == c->spk[a] && c->cluster[q] == c->cluster[a] &&
				    c->margin[q] >= least);
			for (size_t k = 0; k < j; k++)
				assert_int_not_equal(q, p->pos[i * p->n_pos + k]);
		}
		for (size_t j = 0; j < p->n_all; j++) {
			size_t q = p->neg[i * p->n_all + j];
			assert_true(c->margin[q] >= least);
			if (j < p->n_neg)
				assert_true(c->spk[q] == c->spk[a] && c->cluster[q] != c->cluster[a]);
			else
				assert_true(c->spk[q] != c->spk[a]);
			for (size_t k = 0; k < j; k++)
				assert_int_not_equal(q, p->neg[i * p->n_all + k]);
		}
	}
}

/* The counts one by one, of a label that every seventh item lacks. */
static void check_agree(const struct ser_pairs *p, const struct corpus *c)
{
	size_t label[UTT];
	struct ser_agree got[SER_AGREE_N], want[SER_AGREE_N] = {{0}};
	for (size_t i = 0; i < UTT; i++)
		label[i] = i % 7 == 3 ? SIZE_MAX : i * i % 5;
	ser_pairs_agree(p, &c->in, 10 * SPK, label, 5, got);
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->n_pos + p->n_all; k++) {
			size_t a = label[p->anchor[i]];
			size_t b = label[k < p->n_pos ? p->pos[i * p->n_pos + k] : p->neg[i * p->n_all + k - p->n_pos]];
			size_t kind = k < p->n_pos              ? SER_AGREE_POS
				      : k - p->n_pos < p->n_neg ? SER_AGREE_NEG
								: SER_AGREE_OTHER;
			want[kind].n += a != SIZE_MAX && b != SIZE_MAX;
			want[kind].same += a != SIZE_MAX && a == b;
		}
	for (size_t i = 0; i < UTT; i++)
		for (size_t j = 0; j < i; j++)
			if (c->spk[i] == c->spk[j] && label[i] != SIZE_MAX && label[j] != SIZE_MAX) {
				want[SER_AGREE_ANY].n++;
				want[SER_AGREE_ANY].same += label[i] == label[j];
			}
	for (int i = 0; i < SER_AGREE_N; i++)
		assert_true(got[i].n == want[i].n && got[i].same == want[i].same && got[i].n > 0);
}

static void pairs(void **state)
{
	struct corpus c;
	struct ser_pairs_opt o = ser_pairs_default;
	(void)state;
	corpus_make(&c);
	o.n_draw = 3;
	o.n_pos = 2;
	o.n_neg = 4;
	o.n_other = 3;
	o.seed = 5;
	struct ser_pairs *p = ser_pairs_new(&o, &c.in, NULL);
	assert_non_null(p);
	assert_int_equal(p->n, 3 * UTT);
	assert_int_equal(p->n_spk, SPK);
	check_pairs(p, &c, 0);
	for (size_t i = 0; i < p->n; i++)
		assert_true(p->anchor[i] == i / 3 && p->draw[i] == i % 3);
	check_agree(p, &c);

	/* the same ids in another order, with other numbers for speakers and clusters: the same draws by id */
	struct corpus s = c;
	s.in = (struct ser_pairs_in){UTT, s.id, s.spk, s.cluster, s.margin, s.emb, DIM};
	for (size_t i = 0; i < UTT; i++) {
		size_t j = (i * 11 + 3) % UTT;
		s.id[i] = c.id[j];
		s.spk[i] = 100 - c.spk[j];
		s.cluster[i] = 9 - c.cluster[j];
		s.margin[i] = c.margin[j];
		memcpy(s.emb + i * DIM, c.emb + j * DIM, DIM * sizeof *s.emb);
	}
	struct ser_pairs *q = ser_pairs_new(&o, &s.in, NULL);
	for (size_t i = 0; i < UTT; i++) {
		size_t j = (i * 11 + 3) % UTT;
		for (size_t k = 0; k < 3 * 2; k++)
			assert_string_equal(s.id[q->pos[i * 6 + k]], c.id[p->pos[j * 6 + k]]);
		for (size_t k = 0; k < 3 * 7; k++)
			assert_string_equal(s.id[q->neg[i * 21 + k]], c.id[p->neg[j * 21 + k]]);
	}
	ser_pairs_free(q);
	o.seed = 6;
	q = ser_pairs_new(&o, &c.in, NULL);
	assert_memory_not_equal(p->neg, q->neg, p->n * p->n_all * sizeof *p->neg);
	ser_pairs_free(p);
	ser_pairs_free(q);
}

static double cosine(const struct corpus *c, size_t a, size_t b)
{
	double x = 0, y = 0, z = 0;
	for (size_t t = 0; t < DIM; t++) {
		x += (double)c->emb[a * DIM + t] * c->emb[b * DIM + t];
		y += (double)c->emb[a * DIM + t] * c->emb[a * DIM + t];
		z += (double)c->emb[b * DIM + t] * c->emb[b * DIM + t];
	}
	return 1 - x / sqrt(y * z);
}

static void pairs_options(void **state)
{
	struct corpus c;
	struct ser_err e;
	struct ser_pairs_opt o = ser_pairs_default;
	(void)state;
	corpus_make(&c);
	/* margins */
	o.min_margin = 0.5;
	struct ser_pairs *p = ser_pairs_new(&o, &c.in, NULL);
	check_pairs(p, &c, 0.5);
	assert_true(p->n_low > 0 && p->n + p->n_low + p->n_no_pos + p->n_no_neg == UTT);
	ser_pairs_free(p);
	/* with more candidates than there are, the negative is the nearest of all */
	o = ser_pairs_default;
	o.n_hard = 1000;
	o.n_other = 1;
	p = ser_pairs_new(&o, &c.in, NULL);
	for (size_t i = 0; i < p->n; i++)
		for (size_t q = 0; q < UTT; q++)
			if (c.spk[q] == c.spk[p->anchor[i]] && c.cluster[q] != c.cluster[p->anchor[i]])
				assert_true(cosine(&c, p->anchor[i], q) >=
					    cosine(&c, p->anchor[i], p->neg[2 * i]) - 1e-12);
	ser_pairs_free(p);
	/* and so the positive is the nearest of its cluster */
	o = ser_pairs_default;
	o.n_near = 1000;
	p = ser_pairs_new(&o, &c.in, NULL);
	check_pairs(p, &c, 0);
	for (size_t i = 0; i < p->n; i++)
		for (size_t q = 0; q < UTT; q++)
			if (q != p->anchor[i] && c.spk[q] == c.spk[p->anchor[i]] &&
			    c.cluster[q] == c.cluster[p->anchor[i]])
				assert_true(cosine(&c, p->anchor[i], q) >= cosine(&c, p->anchor[i], p->pos[i]) - 1e-12);
	ser_pairs_free(p);
	o = ser_pairs_default;
	o.n_other = 1;
	/* harder negatives are nearer on average */
	double mean[2] = {0, 0};
	for (int hard = 0; hard < 2; hard++) {
		o.n_hard = hard ? 4 : 1;
		p = ser_pairs_new(&o, &c.in, NULL);
		for (size_t i = 0; i < 2 * p->n; i++)
			mean[hard] += cosine(&c, p->anchor[i / 2], p->neg[i]) / (double)p->n;
		ser_pairs_free(p);
	}
	assert_true(mean[1] < mean[0] - 0.2);
	/* as many draws of every speaker, none of an anchor twice before all had their turn */
	o = ser_pairs_default;
	o.per_spk = 70;
	p = ser_pairs_new(&o, &c.in, NULL);
	assert_int_equal(p->n, 70 * SPK);
	check_pairs(p, &c, 0);
	size_t turn[UTT] = {0};
	for (size_t i = 0; i < p->n; i++) {
		assert_int_equal(c.spk[p->anchor[i]], c.spk[p->anchor[i - i % 70]]);
		assert_int_equal(p->draw[i], turn[p->anchor[i]]++);
	}
	for (size_t i = 0; i < UTT; i++)
		for (size_t j = 0; j < UTT; j++)
			if (c.spk[i] == c.spk[j])
				assert_true(turn[i] <= turn[j] + 1);
	ser_pairs_free(p);
	/* too few to be all different: repeated, never wrong */
	o = ser_pairs_default;
	o.n_pos = 300;
	o.n_neg = 300;
	p = ser_pairs_new(&o, &c.in, NULL);
	for (size_t i = 0; i < p->n * 300; i++)
		assert_true(p->pos[i] != p->anchor[i / 300] && c.cluster[p->pos[i]] == c.cluster[p->anchor[i / 300]] &&
			    c.cluster[p->neg[i]] != c.cluster[p->anchor[i / 300]] &&
			    c.spk[p->neg[i]] == c.spk[p->pos[i]]);
	ser_pairs_free(p);
	/* refused */
	o = ser_pairs_default;
	o.min_margin = 2;
	assert_null(ser_pairs_new(&o, &c.in, &e));
	assert_int_equal(e.code, SER_EDATA);
	c.in.margin = NULL;
	assert_null(ser_pairs_new(&o, &c.in, &e));
	assert_int_equal(e.code, SER_EUSAGE);
	o = ser_pairs_default;
	c.id[3] = c.id[9];
	assert_null(ser_pairs_new(&o, &c.in, &e));
	assert_int_equal(e.code, SER_EDATA);
	c.in.n = 0;
	assert_null(ser_pairs_new(&o, &c.in, &e));
}

static void centre_groups(void **state)
{
	/* groups 2, 0 and 2 again; nothing is in group 1 */
	float x[] = {1, 10, 5, 5, 3, -4};
	const float want[] = {-1, 7, 0, 0, 1, -7};
	const size_t of[] = {2, 0, 2};
	(void)state;
	ser_centre_groups(x, 3, 2, of, 3);
	assert_memory_equal(x, want, sizeof want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),       cmocka_unit_test(classes_edges), cmocka_unit_test(mcnemar),
		cmocka_unit_test(regress),       cmocka_unit_test(verify),        cmocka_unit_test(clusters),
		cmocka_unit_test(assign),        cmocka_unit_test(permute),       cmocka_unit_test(same_direction),
		cmocka_unit_test(silhouette),    cmocka_unit_test(boot),          cmocka_unit_test(normal_quantile),
		cmocka_unit_test(kernels),       cmocka_unit_test(kmeans),        cmocka_unit_test(kmeans_threads),
		cmocka_unit_test(kmeans_edges),  cmocka_unit_test(kmeans_offset), cmocka_unit_test(kmeans_choose),
		cmocka_unit_test(kmeans_groups), cmocka_unit_test(pairs),         cmocka_unit_test(pairs_options),
		cmocka_unit_test(centre_groups), cmocka_unit_test(calibration),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
