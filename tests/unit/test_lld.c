/* SPDX-License-Identifier: MIT */
/* The sets of low-level descriptors, ser-llds(7), against Praat, SciPy and NumPy (tests/ref/lld.py), and sounds whose descriptors are
 * known. */
#include "blocks.h"

#include <math.h>

static int load(void **state)
{
	(void)state;
	return load_blocks("tests/golden/lld.bin");
}

static bool near(double have, double want, double tol)
{
	return fabs(have - want) <= tol * fabs(want) + 1e-9;
}

/* Columns [from, from + cols) of y are the golden block. */
static void expect(const struct ser_front *p, const float *y, size_t from, const struct block *g, double tol)
{
	char name[64];
	for (size_t j = 0; j < g->cols; j++) {
		double top = 0;
		for (size_t t = 0; t < g->rows; t++)
			top = fmax(top, fabs(g->x[t * g->cols + j]));
		for (size_t t = 0; t < g->rows; t++) {
			float have = y[t * ser_front_dim(p) + from + j], want = g->x[t * g->cols + j];
			if (!(fabs(have - want) <= tol * top))
				fail_msg("frame %zu, %s: %.8g, expected %.8g", t, ser_front_column(p, from + j, name),
					 have, want);
		}
	}
}

static void test_compare(void **state)
{
	(void)state;
	const struct block *sig = find("signal"), *g = find("compare");
	struct ser_front *p = make("compare");
	char name[64];
	assert_int_equal(ser_front_dim(p), 130);
	assert_int_equal(ser_front_n_frame(p, sig->cols), g->rows);
	assert_string_equal(ser_front_column(p, 0, name), "F0final_sma");
	assert_string_equal(ser_front_column(p, 35, name), "audSpec_Rfilt_sma[25]");
	assert_string_equal(ser_front_column(p, 64, name), "mfcc_sma[14]");
	assert_string_equal(ser_front_column(p, 129, name), "mfcc_sma_de[14]");
	assert_true(ser_front_sparse(p)[0] && ser_front_sparse(p)[4] && !ser_front_sparse(p)[1]);
	float *y = run(p, sig->x, sig->cols);
	expect(p, y, 6, g, 2e-5);
	float *d = ser_malloc(g->rows * 65, sizeof *d);
	ser_delta_do(y, 130, d, 65, g->rows, 65, 2);
	for (size_t j = 0; j < 5; j++) /* inside runs of voiced frames, and nothing between them */
		if (ser_front_sparse(p)[j])
			ser_delta_gaps(y + j, y + j, 130, d + j, 65, g->rows, 2);
	float steepest = 0;
	size_t n_voiced = 0;
	for (size_t t = 0; t < g->rows; t++) {
		const float *v = y + t * 130;
		assert_memory_equal(d + t * 65, v + 65, 65 * sizeof *d);
		n_voiced += v[0] > 0;
		assert_true(v[0] > 0 || v[65] == 0);
		steepest = fmaxf(steepest, fabsf(v[65]));
		assert_true((v[0] > 0) == (v[5] > -100) && (v[0] > 0 || (v[2] == 0 && v[3] == 0 && v[4] == 0)));
		assert_true(v[1] >= 0 && v[1] <= 1);
	}
	assert_true(n_voiced > 70 && n_voiced < 95);
	assert_true(steepest > 0 && steepest < 10); /* Hz a frame */
	free(d);
	free(y);
	ser_front_free(p);
	p = make("preset:chunk-lld"); /* frames of 32 ms every 16 */
	assert_int_equal(ser_front_min_sample(p), 512);
	assert_int_equal(ser_front_n_frame(p, 16000), 1 + (16000 - 512) / 256);
	ser_front_free(p);
}

static void test_egemaps(void **state)
{
	(void)state;
	const struct block *sig = find("signal"), *g = find("egemaps"), *f = find("formants");
	struct ser_front *p = make("egemaps");
	assert_int_equal(ser_front_dim(p), 25);
	float *y = run(p, sig->x, sig->cols);
	expect(p, y, 0, g, 2e-5);
	size_t n = 0;
	for (size_t t = 1; t + 1 < g->rows; t++) { /* means over voiced neighbours of SciPy's poles */
		if (!(y[t * 25 + 10] > 0))
			continue;
		for (size_t j = 0; j < 6; j++) {
			double want = 0, k = 0;
			for (size_t i = t - 1; i <= t + 1; i++)
				if (y[i * 25 + 10] > 0)
					want += f->x[i * 6 + j], k++;
			double have = y[t * 25 + 16 + j / 2 * 3 + j % 2];
			if (!near(have, want / k, 1e-4))
				fail_msg("frame %zu, formants %zu: %.8g, expected %.8g", t, j, have, want / k);
			n++;
		}
	}
	assert_true(n > 400);
	free(y);
	ser_front_free(p);
}

/* Praat's linear prediction is another (Burg's, Gaussian frames of 50 ms), its formants are near. */
static void test_praat_formants(void **state)
{
	(void)state;
	const struct block *sig = find("signal"), *g = find("praat-formants");
	struct ser_front *p = make("egemaps");
	float *y = run(p, sig->x, sig->cols);
	double worst[3] = {0}, sum[6] = {0};
	for (size_t k = 0; k < g->rows; k++) {
		const float *want = g->x + k * g->cols, *have = y + (size_t)want[0] * 25 + 16;
		for (int i = 0; i < 3; i++) {
			worst[i] = fmax(worst[i], fabs(have[3 * i] / want[1 + 2 * i] - 1));
			sum[i] += fabs(have[3 * i] / want[1 + 2 * i] - 1) / (double)g->rows;
			sum[3 + i] += (have[3 * i + 1] / want[2 + 2 * i] - 1) / (double)g->rows;
		}
	}
	for (int i = 0; i < 3; i++) {
		if (!(worst[i] < 0.15 && sum[i] < 0.03))
			fail_msg("F%d: off by %.3f, %.3f in the mean", i + 1, worst[i], sum[i]);
		if (!(fabs(sum[3 + i]) < 0.6))
			fail_msg("B%d: off by %.3f in the mean", i + 1, sum[3 + i]);
	}
	free(y);
	ser_front_free(p);
}

static void test_pulses(void **state)
{
	(void)state;
	const struct block *sig = find("signal"), *pitch = find("praat-pitch"), *g = find("praat-pulse"),
			   *want = find("praat-perturbation");
	struct ser_f0_opt o;
	struct ser_f0 *p;
	struct ser_err e = {0};
	double first;
	ser_f0_opt_init(&o);
	assert_int_equal(ser_f0_new(&p, &o, &e), SER_OK);
	struct ser_f0_ws *ws = ser_f0_ws_new(p);
	size_t n = ser_f0_frames(p, sig->cols, &first), hint = 0;
	assert_int_equal(n, (size_t)pitch->x[0]);
	float *f0 = ser_malloc(n, sizeof *f0);
	assert_int_equal(ser_f0_do(p, ws, sig->x, sig->cols, first, n, f0, NULL, &e), SER_OK);
	struct ser_pulses q = {0};
	ser_pulses_find(&q, sig->x, sig->cols, 16000, f0, first, 0.01, n);
	assert_true(q.n >= g->rows && q.n <= g->rows + 2); /* the ends of the stretches are a matter of taste */
	size_t n_first = 0;
	for (size_t i = 0; i < g->rows; i++) {
		double off = 1;
		for (size_t k = 0; k < q.n; k++)
			off = fmin(off, fabs(q.v[k].at_s - g->x[i]));
		if (!(off < 5e-5)) /* 0.8 samples */
			fail_msg("pulse %zu at %.6f s is off by %.6f", i, g->x[i], off);
	}
	for (size_t k = 0; k < q.n; k++)
		n_first += q.v[k].first;
	assert_int_equal(n_first, 2);
	struct ser_perturbation y;
	ser_perturbation(&q, 0, 1, &hint, &y);
	const float have[4] = {y.jitter, y.jitter_ddp, y.shimmer, y.shimmer_db};
	static const double tol[4] = {0.03, 0.03, 0.1, 0.1};
	for (int k = 0; k < 4; k++)
		if (!near(have[k], want->x[k], tol[k]))
			fail_msg("perturbation %d: %.6g, expected %.6g", k, have[k], want->x[k]);
	hint = 0;
	ser_perturbation(&q, 0.52, 0.56, &hint, &y); /* between the vowels */
	assert_true(y.jitter == 0 && y.shimmer == 0);
	ser_pulses_free(&q);
	ser_f0_ws_free(ws);
	ser_f0_free(p);
	free(f0);
}

/* Periods of 100 and 104 samples by turns, of heights 1 and 0.9. */
static void test_known_perturbation(void **state)
{
	(void)state;
	float x[8000] = {0}, f0[50];
	size_t hint = 0;
	for (size_t at = 200, k = 0; at + 60 < 8000; k++) {
		for (size_t i = 0; i < 60; i++)
			x[at + i] = (k % 2 ? 0.9f : 1.0f) * expf(-(float)i / 12) * sinf(0.7f * (float)i);
		at += k % 2 ? 104 : 100;
	}
	for (size_t t = 0; t < 50; t++)
		f0[t] = t >= 5 && t < 45 ? 16000.0f / 102 : 0;
	struct ser_pulses q = {0};
	struct ser_perturbation y;
	ser_pulses_find(&q, x, 8000, 16000, f0, 0.005, 0.01, 50);
	ser_perturbation(&q, 0, 1, &hint, &y);
	assert_true(near(y.jitter, 4.0 / 102, 0.02) && near(y.jitter_ddp, 8.0 / 102, 0.02));
	assert_true(near(y.shimmer, 0.1 / 0.95, 0.1) && near(y.shimmer_db, 20 * log10(1 / 0.9), 0.1));
	ser_pulses_free(&q);
}

/* A tone of three harmonics: 0, -6 and, near 2.8 kHz, -20 dB. */
static void test_harmonics(void **state)
{
	(void)state;
	struct ser_front *p = make("egemaps");
	float x[6400];
	for (size_t i = 0; i < 6400; i++) {
		double w = 2 * M_PI * 200 * (double)i / 16000;
		x[i] = (float)(0.3 * (sin(w) + 0.5 * sin(2 * w) + 0.2 * sin(6 * w) + 0.1 * sin(14 * w)));
	}
	float *y = run(p, x, 6400);
	const float *v = y + 20 * 25;
	assert_true(fabs(v[10] - 12 * log2(200 / 27.5)) < 0.01);
	assert_true(fabs(v[14] - 6.02) < 0.6); /* between bins */
	assert_true(v[11] < 0.001 && v[12] < 0.02 && v[13] > 30);
	for (int i = 0; i < 3; i++)
		assert_true(fabs(v[15] + v[24]) < 1e-5);
	free(y);
	float zero[1600] = {0};
	y = run(p, zero, 1600);
	for (size_t k = 10; k < 25; k++)
		assert_true(y[k] == 0);
	float f[88];
	double scratch[64];
	ser_egemaps_func(y, ser_front_n_frame(p, 1600), 0.01, zero, 1600, scratch, f);
	assert_true(f[0] == 0 && f[82] == 0 && f[87] == -100);
	for (size_t k = 0; k < 88; k++)
		assert_true(isfinite(f[k]));
	free(y);
	ser_front_free(p);
}

static void test_functionals(void **state)
{
	(void)state;
	const struct block *in = find("func-in"), *g = find("func-out"), *sig = find("signal");
	float f[SER_EGEMAPS_FUNC_N];
	char name[64];
	double *scratch = ser_malloc(2 * in->rows, sizeof *scratch);
	ser_egemaps_func(in->x, in->rows, 0.01, sig->x, sig->cols, scratch, f);
	for (size_t k = 0; k < SER_EGEMAPS_FUNC_N; k++)
		if (!near(f[k], g->x[k], 2e-5))
			fail_msg("%s: %.8g, expected %.8g", ser_egemaps_func_name(k, name), f[k], g->x[k]);
	free(scratch);
	static const struct {
		size_t k;
		const char *name;
	} names[] = {{0, "F0semitoneFrom27.5Hz_sma3nz_amean"},
		     {19, "loudness_sma3_stddevFallingSlope"},
		     {20, "spectralFlux_sma3_amean"},
		     {30, "jitterLocal_sma3nz_amean"},
		     {57, "F3amplitudeLogRelF0_sma3nz_stddevNorm"},
		     {58, "alphaRatioV_sma3nz_amean"},
		     {75, "mfcc4V_sma3nz_stddevNorm"},
		     {80, "spectralFluxUV_sma3nz_amean"},
		     {81, "loudnessPeaksPerSec"},
		     {87, "equivalentSoundLevel_dBp"}};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_string_equal(ser_egemaps_func_name(names[i].k, name), names[i].name);
}

/* Up 1 in 0.1 s, down 1 in 0.2 s, three times, with ripples too small to count. */
static void test_slopes(void **state)
{
	(void)state;
	float y[90 * 25] = {0}, f[88], x = 0;
	double scratch[180];
	for (size_t t = 0; t < 90; t++)
		y[t * 25] = (float)(t % 30 < 10 ? (double)(t % 30) / 10 : 1 - (double)(t % 30 - 10) / 20) +
			    (t % 5 == 2 ? 0.02f : 0);
	ser_egemaps_func(y, 90, 0.01, &x, 1, scratch, f);
	assert_true(near(f[16], 10, 0.02) && near(f[18], 5, 0.02)); /* rising, falling, a second */
	assert_true(f[17] < 0.1 && f[19] < 0.1);
	assert_true(near(f[81], 3 / 0.9, 1e-6));
	assert_true(f[82] == 0 && near(f[85], 0.9, 1e-6)); /* never voiced: one stretch */
}

/* Deltas of what is 0 without a voice do not jump where the voice begins and ends. */
static void test_delta_gaps(void **state)
{
	(void)state;
	static const float x[] = {0, 0, 5, 6, 8, 0, 3, 0}, want[] = {0, 0, 0.7F, 0.9F, 0.8F, 0, 0, 0};
	float y[8];
	ser_delta_gaps(x, x, 1, y, 1, 8, 2);
	for (size_t t = 0; t < 8; t++)
		assert_true(fabs(y[t] - want[t]) <= 1e-6);
	const struct block *sig = find("signal");
	struct ser_front *p = make("egemaps delta-order=2");
	size_t n = ser_front_n_frame(p, sig->cols), d = 25, n_edge = 0;
	float *z = run(p, sig->x, sig->cols), *plain = ser_malloc(n * d, sizeof *plain),
	      *own = ser_malloc(n, sizeof *own);
	assert_int_equal(ser_front_dim(p), 3 * d);
	ser_delta_do(z, 3 * d, plain, d, n, d, 2);
	for (size_t j = 0; j < d; j++) {
		ser_delta_gaps(z + j, z + j, 3 * d, own, 1, n, 2);
		for (size_t t = 0; t < n; t++) {
			const float *v = z + t * 3 * d + j;
			bool sparse = ser_front_sparse(p)[j];
			assert_true(v[d] == (sparse ? own[t] : plain[t * d + j]));
			assert_true(!sparse || v[0] != 0 || (v[d] == 0 && v[2 * d] == 0));
			n_edge += sparse && v[d] != plain[t * d + j];
		}
	}
	assert_true(n_edge > 10);
	free(own);
	free(plain);
	free(z);
	ser_front_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_delta_gaps),
		cmocka_unit_test(test_egemaps),
		cmocka_unit_test(test_pulses),
		cmocka_unit_test(test_praat_formants),
		cmocka_unit_test(test_harmonics),
		cmocka_unit_test(test_known_perturbation),
		cmocka_unit_test(test_functionals),
		cmocka_unit_test(test_slopes),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
