/* SPDX-License-Identifier: MIT */
/* PCA, LDA and t-SNE against scikit-learn (tests/ref/ml_project.py). */
#include "ml/project.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 120, D = 7 };

static char *text;
static float x[N * D];
static int label[N];

static double *golden(const char *name, size_t want_n)
{
	size_t len = strlen(name);
	for (const char *p = text; p != NULL && *p != '\0'; p = strchr(p, '\n'), p += p != NULL) {
		if (strncmp(p, name, len) != 0 || p[len] != ' ')
			continue;
		char *end;
		size_t n = strtoul(p + len, &end, 10);
		assert_int_equal(n, want_n);
		double *v = ser_malloc(n, sizeof *v);
		for (size_t i = 0; i < n; i++)
			v[i] = strtod(end, &end);
		return v;
	}
	fail_msg("no golden %s", name);
	return NULL;
}

static void near(const char *name, const double *got, size_t n, bool magnitude, double tol)
{
	double *want = golden(name, n);
	for (size_t i = 0; i < n; i++)
		if (!(fabs((magnitude ? fabs(got[i]) : got[i]) - want[i]) <= tol * fmax(1, fabs(want[i]))))
			fail_msg("%s [%zu] is %.17g, expected %.17g", name, i, got[i], want[i]);
	free(want);
}

static int setup(void **state)
{
	size_t n;
	struct ser_err e;
	(void)state;
	if (ser_read_file("tests/golden/ml_project.txt", 1 << 20, &text, &n, &e) != SER_OK) {
		print_error("%s\n", e.msg);
		return -1;
	}
	double *v = golden("x", N * D), *l = golden("label", N);
	for (size_t i = 0; i < N * D; i++)
		x[i] = (float)v[i];
	for (size_t i = 0; i < N; i++)
		label[i] = (int)l[i];
	free(v);
	free(l);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(text);
	return 0;
}

static void pca(void **state)
{
	double y[N * 3];
	struct ser_err e;
	(void)state;
	struct ser_linear *m = ser_pca_new(x, N, D, 3, &e);
	assert_non_null(m);
	ser_linear_do(m, x, N, y);
	near("pca.abs", y, N * 3, true, 1e-9);
	near("pca.value", m->value, 3, false, 1e-9);
	near("pca.share", m->share, 3, false, 1e-9);
	for (size_t q = 0; q < 3; q++) { /* the sign: the largest component is positive */
		double most = 0;
		for (size_t t = 0; t < D; t++)
			if (fabs(m->basis[q * D + t]) > fabs(most))
				most = m->basis[q * D + t];
		assert_true(most > 0);
	}
	ser_linear_free(m);
	m = ser_pca_new(x, 5, D, 3, &e); /* by the rows' products */
	assert_non_null(m);
	ser_linear_do(m, x, N, y);
	near("pcafew.abs", y, N * 3, true, 1e-9);
	near("pcafew.value", m->value, 3, false, 1e-9);
	ser_linear_free(m);
	assert_null(ser_pca_new(x, N, D, 8, &e));
	assert_null(ser_pca_new(x, 1, D, 1, &e));
	assert_null(ser_pca_new(x, N, D, 0, &e));
}

static void lda(void **state)
{
	double y[N * 3];
	struct ser_err e;
	(void)state;
	for (int shrunk = 0; shrunk < 2; shrunk++) {
		struct ser_linear *m = ser_lda_new(x, N, D, label, 9, 3, shrunk ? 0.3 : 0, &e);
		assert_non_null(m);
		ser_linear_do(m, x, N, y);
		near(shrunk ? "ldashrunk.abs" : "lda.abs", y, N * 3, true, 1e-7);
		near(shrunk ? "ldashrunk.share" : "lda.share", m->share, 3, false, 1e-9);
		ser_linear_free(m);
	}
	assert_null(ser_lda_new(x, N, D, label, 4, 4, 0, &e));
	assert_int_equal(e.code, SER_EDATA);
	assert_null(ser_lda_new(x, N, D, label, 4, 2, 1.5, &e));
	assert_int_equal(e.code, SER_EUSAGE);
	assert_null(ser_lda_new(x, N, D, label, 2, 1, 0, &e));
	assert_null(ser_lda_new(x, 6, D, label, 4, 1, 0, &e)); /* too few rows, and no shrinkage */
}

static void tsne(void **state)
{
	double y[2 * N], again[2 * N];
	struct ser_err e;
	struct ser_tsne_info info, other;
	struct ser_tsne_opt o = ser_tsne_default;
	double *start = golden("tsne.start", 2 * N), *exact = golden("tsne.exact", 1), *few = golden("tsne.near", 1);
	(void)state;
	o.perplexity = 12;
	for (int m = SER_TSNE_EXACT; m <= SER_TSNE_BARNESHUT; m++) {
		double want = m == SER_TSNE_EXACT ? *exact : *few;
		o.method = (enum ser_tsne_method)m;
		o.theta = 0.2;
		o.n_thread = 1;
		assert_int_equal(ser_tsne(&o, x, N, D, start, y, &info, &e), 0);
		/* the descent is chaotic: with starts a little apart, scikit-learn too ends from 0.326 to 0.361 */
		if (!(fabs(info.kl - want) <= 0.1 * want))
			fail_msg("method %d: KL divergence %g, expected %g", m, info.kl, want);
		o.n_thread = 3;
		assert_int_equal(ser_tsne(&o, x, N, D, start, again, &other, &e), 0);
		assert_memory_equal(y, again, sizeof y);
		/* the map keeps most points beside their nearest neighbour's class */
		size_t same = 0;
		for (size_t i = 0; i < N; i++) {
			size_t best = i;
			double least = INFINITY;
			for (size_t j = 0; j < N; j++) {
				double dx = y[2 * i] - y[2 * j], dy = y[2 * i + 1] - y[2 * j + 1],
				       d = dx * dx + dy * dy;
				if (j != i && d < least) {
					least = d;
					best = j;
				}
			}
			same += label[i] == label[best];
		}
		assert_true(same > 100);
	}
	/* all similarities, computed here from the definition: the divergence that is reported is that of the map */
	o.method = SER_TSNE_EXACT;
	o.n_iter = 400;
	assert_int_equal(ser_tsne(&o, x, N, D, NULL, y, &info, &e), 0);
	static double p[N][N];
	double z = 0, kl = 0;
	for (size_t i = 0; i < N; i++) {
		double lo = 0, hi = 1e6;
		for (int step = 0; step < 200; step++) {
			double beta = (lo + hi) / 2, sum = 0, h = 0;
			for (size_t j = 0; j < N; j++) {
				double d = 0;
				for (size_t t = 0; t < D; t++)
					d += ((double)x[i * D + t] - x[j * D + t]) *
					     ((double)x[i * D + t] - x[j * D + t]);
				p[i][j] = j == i ? 0 : exp(-beta * d);
				sum += p[i][j];
			}
			for (size_t j = 0; j < N; j++) {
				p[i][j] /= sum;
				h -= p[i][j] > 0 ? p[i][j] * log(p[i][j]) : 0;
			}
			*(isfinite(h) && h > log(o.perplexity) ? &lo : &hi) = beta;
		}
	}
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < N; i++)
			for (size_t j = 0; j < N; j++) {
				double dx = y[2 * i] - y[2 * j], dy = y[2 * i + 1] - y[2 * j + 1];
				double t = 1 / (1 + dx * dx + dy * dy), both = (p[i][j] + p[j][i]) / (2 * N);
				if (i == j)
					continue;
				if (pass == 0)
					z += t;
				else if (both > 0)
					kl += both * log(both / (t / z));
			}
	if (!(fabs(kl - info.kl) <= 1e-5))
		fail_msg("KL divergence %.9g, by the definition %.9g", info.kl, kl);
	free(start);
	free(exact);
	free(few);
}

static void tsne_edges(void **state)
{
	double y[2 * N];
	struct ser_err e;
	struct ser_tsne_opt o = ser_tsne_default;
	(void)state;
	assert_int_equal(ser_tsne(&o, x, 30, D, NULL, y, NULL, &e), SER_EDATA); /* perplexity 30 */
	o.n_iter = 10;
	assert_int_equal(ser_tsne(&o, x, N, D, NULL, y, NULL, &e), SER_EUSAGE);
	o = ser_tsne_default;
	o.n_iter = 300;
	float bad[N * D];
	memcpy(bad, x, sizeof bad);
	bad[9] = NAN;
	assert_int_equal(ser_tsne(&o, bad, N, D, NULL, y, NULL, &e), SER_EDATA);
	/* many equal rows, a constant column: nothing becomes NaN, by any method */
	for (size_t i = 0; i < N * D; i++)
		bad[i] = i < 60 * D ? 1 : x[i];
	for (int m = SER_TSNE_EXACT; m <= SER_TSNE_BARNESHUT; m++) {
		o.method = (enum ser_tsne_method)m;
		o.metric = m == SER_TSNE_SPARSE ? SER_COSINE : SER_EUCLIDEAN;
		assert_int_equal(ser_tsne(&o, bad, N, D, NULL, y, NULL, &e), 0);
		for (size_t i = 0; i < 2 * N; i++)
			assert_true(isfinite(y[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(pca), cmocka_unit_test(lda), cmocka_unit_test(tsne),
					   cmocka_unit_test(tsne_edges)};
	return cmocka_run_group_tests(tests, setup, teardown);
}
