/* SPDX-License-Identifier: MIT */
/* --compat opensmile against openSMILE's own numbers for a made-up voice (tests/ref/smile.py). */
#include "blocks.h"

#include "dsp/smile_sets.h"
#include "dsp/smile_stat.h"

#include <math.h>
#include <string.h>

static int load(void **state)
{
	(void)state;
	return load_blocks("tests/golden/smile.bin") == 0 ? load_blocks("tests/golden/smile-edges.bin") : -1;
}

/* Column j within tol of its greatest value in the golden block. */
static void expect(const char *what, const float *y, const struct block *g, size_t j, double tol)
{
	double top = 0;
	for (size_t t = 0; t < g->rows; t++)
		top = fmax(top, fabs(g->x[t * g->cols + j]));
	for (size_t t = 0; t < g->rows; t++)
		if (!(fabs(y[t * g->cols + j] - g->x[t * g->cols + j]) <= tol * top))
			fail_msg("frame %zu, %s: %.8g, expected %.8g", t, what, y[t * g->cols + j],
				 g->x[t * g->cols + j]);
}

/* openSMILE's transform of integers over 32767, bit by bit. */
static void test_transform(void **state)
{
	(void)state;
	const struct block *v = find("samples");
	float x[2048], z[2050];
	char name[64];
	for (size_t i = 0; i < v->cols; i++)
		x[i] = v->x[i] / 32767;
	for (size_t n = 64; n <= 2048; n *= 2) {
		snprintf(name, sizeof name, "transform-%zu", n);
		const struct block *g = find(name);
		struct ser_smile_fft *p = ser_smile_fft_new(n);
		ser_smile_fft_do(p, x, z);
		ser_smile_fft_free(p);
		assert_int_equal(g->cols, n);
		assert_true(z[0] == g->x[0] && z[n] == g->x[1] && z[1] == 0 && z[n + 1] == 0);
		for (size_t i = 2; i < n; i++)
			if (z[i] != g->x[i])
				fail_msg("%zu points, value %zu: %.9g, expected %.9g", n, i, z[i], g->x[i]);
	}
}

static void test_descriptors(void **state)
{
	(void)state;
	const struct block *sig = find("signal"), *g = find("egemaps-lld");
	struct ser_front *p = make("egemaps compat=opensmile");
	char name[64];
	assert_int_equal(ser_front_n_frame(p, sig->cols), g->rows);
	assert_int_equal(ser_front_n_frame(p, 959), 0);
	assert_int_equal(ser_front_n_frame(p, 960), 2);
	float *y = run(p, sig->x, sig->cols);
	for (size_t j = 0; j < 25; j++)
		expect(ser_front_column(p, j, name), y, g, j, 1e-4);
	free(y);
	ser_front_free(p);
}

/* Harmonics that are not where the pitch says, in low voices that lack their first: 93 of 100 frames, those of the voice. */
static void test_harmonics(void **state)
{
	(void)state;
	static const char *const name[] = {"without-3", "without-5"};
	char lld[64], column[64];
	for (size_t i = 0; i < 2; i++) {
		snprintf(lld, sizeof lld, "%s-lld", name[i]);
		const struct block *sig = find(name[i]), *g = find(lld);
		struct ser_front *p = make("egemaps compat=opensmile sample-frequency=22050");
		size_t d = g->cols;
		assert_int_equal(ser_front_n_frame(p, sig->cols), g->rows);
		float *y = run(p, sig->x, sig->cols);
		for (size_t j = 0; j < d; j++) {
			size_t near = 0;
			double top = 0;
			for (size_t t = 0; t < g->rows; t++)
				top = fmax(top, fabs(g->x[t * d + j]));
			for (size_t t = 0; t < g->rows; t++)
				near += fabs(y[t * d + j] - g->x[t * d + j]) <= 0.01 * top;
			if (near * 100 < g->rows * 93)
				fail_msg("%s: %s: %zu of %zu", name[i], ser_front_column(p, j, column), near, g->rows);
		}
		free(y);
		ser_front_free(p);
	}
}

static void test_line_spectral_frequencies(void **state)
{
	(void)state;
	const struct block *sig = find("tones"), *g = find("tones-lld");
	struct ser_front *p = make("is10 delta-order=0");
	float *y = run(p, sig->x, sig->cols);
	char name[64];
	assert_int_equal(ser_front_n_frame(p, sig->cols), g->rows);
	assert_string_equal(ser_front_column(p, 24, name), "lspFreq_sma[0]");
	for (size_t i = 0; i < g->rows * 8; i++)
		if (!(fabs(y[i / 8 * 38 + 24 + i % 8] - g->x[i]) <= 1e-3))
			fail_msg("frame %zu, %zu: %g, expected %g", i / 8, i % 8, y[i / 8 * 38 + 24 + i % 8], g->x[i]);
	free(y);
	ser_front_free(p);
}

static void test_functionals(void **state)
{
	(void)state;
	const struct block *sig = find("signal"), *g = find("egemaps-func");
	struct ser_front *p = make("egemaps compat=opensmile");
	struct ser_front_ws *ws = ser_front_ws_new(p);
	struct ser_err e = {0};
	float *y = ser_malloc(ser_front_n_frame(p, sig->cols) * 25, sizeof *y), f[SER_EGEMAPS_FUNC_N];
	char name[64];
	assert_int_equal(ser_front_do(p, ws, sig->x, sig->cols, NULL, y, &e), SER_OK);
	ser_front_func(p, ws, ser_func_set("egemaps"), y, ser_front_n_frame(p, sig->cols), sig->x, sig->cols, f);
	for (size_t k = 0; k < SER_EGEMAPS_FUNC_N; k++)
		if (!(fabs(f[k] - g->x[k]) <= 2e-3 * fabs(g->x[k]) + 1e-6))
			fail_msg("%s: %.8g, expected %.8g", ser_egemaps_func_name(k, name), f[k], g->x[k]);
	free(y);
	ser_front_ws_free(ws);
	ser_front_free(p);
}

static void test_compare(void **state)
{
	(void)state;
	const struct block *sig = find("signal"), *g = find("compare-lld"), *d = find("compare-lld_de"),
			   *h = find("compare-func");
	const struct ser_func_set *set = ser_func_set("compare2016");
	struct ser_front *p = make("compare compat=opensmile");
	struct ser_front_ws *ws = ser_front_ws_new(p);
	struct ser_err e = {0};
	size_t n = ser_front_n_frame(p, sig->cols), near = 0;
	float *y = ser_malloc(n * 130, sizeof *y), *f = ser_malloc(set->n, sizeof *f),
	      *half = ser_malloc(n * 65, sizeof *half);
	char name[64];
	assert_int_equal(n, g->rows);
	assert_int_equal(ser_front_do(p, ws, sig->x, sig->cols, NULL, y, &e), SER_OK);
	for (size_t order = 0; order < 2; order++) {
		struct block b = order == 0 ? *g : *d;
		for (size_t t = 0; t < n; t++)
			memcpy(half + t * 65, y + t * 130 + order * 65, 65 * sizeof *half);
		for (size_t j = 0; j < 65; j++) {
			/* openSMILE has two rows of deltas more, other periods and deltas of the voice in the last frames, and a
			 * harmonics-to-noise ratio that is near only */
			b.rows = j < 6 ? n - 6 : n;
			expect(ser_front_column(p, order * 65 + j, name), half, &b, j, j == 5 ? 0.3 : 2e-3);
		}
	}
	ser_front_func(p, ws, set, y, n, sig->x, sig->cols, f);
	assert_int_equal(set->n, h->cols);
	assert_string_equal(set->column(0, name), "audspec_lengthL1norm_sma_range");
	assert_string_equal(set->column(3400, name), "mfcc_sma_de[6]_upleveltime75");
	assert_string_equal(set->column(6372, name), "mfcc_sma_de[14]_stddevFallingSlope");
	for (size_t k = 0; k < set->n; k++) {
		assert_true(isfinite(f[k]));
		near += fabs(f[k] - h->x[k]) <= 0.01 * fabs(h->x[k]) + 1e-7;
	}
	if (near < 6130)
		fail_msg("%zu functionals near", near);
	free(y);
	free(f);
	free(half);
	ser_front_ws_free(ws);
	ser_front_free(p);
}

/* The older sets: descriptors to the number but those of periods, columns from ... to; how many functionals are within 1
 * %. */
static void test_older(void **state)
{
	(void)state;
	static const struct {
		const char *kind, *lld, *func, *first, *last;
		size_t d, from, to, n, near;
	} set[] = {
		{"emobase", "emobase-lld", "emobase-func", "pcm_intensity_sma_max", "F0env_sma_de_iqr1-3", 26, 26, 26,
		 988, 950},
		{"is09", "is09-lld", "is09-func", "pcm_RMSenergy_sma_max", "F0_sma_de_kurtosis", 16, 16, 16, 384, 380},
		{"is10", "is10-lld", "is10-func", "pcm_loudness_sma_maxPos", "F0final__Turn_duration", 38, 35, 38, 1582,
		 1400},
		{"is11", "is11-lld", "is11-func", "audspec_lengthL1norm_sma_quartile1", "F0final_sma_ff0_de_duration",
		 59, 2, 5, 4368, 4100}};
	const struct block *sig = find("signal");
	char name[64];
	for (size_t i = 0; i < sizeof set / sizeof set[0]; i++) {
		const struct block *g = find(set[i].lld), *h = find(set[i].func);
		const struct ser_func_set *func = ser_func_set(set[i].kind);
		struct ser_front *p = make(set[i].kind);
		struct ser_front_ws *ws = ser_front_ws_new(p);
		struct ser_err e = {0};
		size_t n = ser_front_n_frame(p, sig->cols), d = set[i].d, near = 0;
		float *y = ser_malloc(n * 2 * d, sizeof *y), *f = ser_malloc(func->n, sizeof *f),
		      *half = ser_malloc(n * d, sizeof *half);
		assert_int_equal(n, g->rows);
		assert_int_equal(ser_front_dim(p), 2 * d);
		assert_int_equal(g->cols, d);
		assert_int_equal(ser_front_do(p, ws, sig->x, sig->cols, NULL, y, &e), SER_OK);
		for (size_t t = 0; t < n; t++)
			memcpy(half + t * d, y + t * 2 * d, d * sizeof *half);
		for (size_t j = 0; j < d; j++) /* the program reads samples of 16 bits */
			if (j < set[i].from || j >= set[i].to)
				expect(ser_front_column(p, j, name), half, g, j, 1e-3);
		ser_front_func(p, ws, func, y, n, sig->x, sig->cols, f);
		assert_int_equal(func->n, set[i].n);
		assert_int_equal(func->n, h->cols);
		assert_string_equal(func->column(0, name), set[i].first);
		assert_string_equal(func->column(func->n - 1, name), set[i].last);
		for (size_t k = 0; k < func->n; k++) {
			assert_true(isfinite(f[k]));
			near += fabs(f[k] - h->x[k]) <= 0.01 * fabs(h->x[k]) + 1e-6;
		}
		if (near < set[i].near)
			fail_msg("%s: %zu functionals near", set[i].kind, near);
		free(y);
		free(f);
		free(half);
		ser_front_ws_free(ws);
		ser_front_free(p);
	}
}

/* Peaks of contours of integers, which openSMILE scales: how many, their distance, mean and deviation of distances, and how many, distance,
 * range and mean of ComParE's. */
static void test_peaks(void **state)
{
	(void)state;
	const struct block *c = find("contours"), *g = find("contours-peaks");
	double v[100];
	ptrdiff_t at[100];
	size_t n = 0;
	assert_int_equal(c->cols, 100);
	assert_int_equal(g->cols, 9);
	for (size_t i = 0; i < c->rows; i++) {
		double y[N_STAT] = {0};
		for (size_t t = 0; t < 100; t++)
			v[t] = (double)c->x[i * 100 + t] / 32767;
		ser_smile_extremes(v, 100, false, y);
		ser_smile_early_peaks(v, 100, at, y);
		struct ser_smile_peaks p = ser_smile_peaks_of(v, 100, at);
		const double ours[] = {y[PEAK_DIST], y[PEAK_MEAN_PLAIN],    y[PEAK_DIST_STDDEV], (double)p.n_peak,
				       p.dist[0],    p.peak_hi - p.peak_lo, p.peak_mean};
		static const size_t column[] = {1, 2, 4, 5, 6, 7, 8};
		bool same = true;
		for (size_t k = 0; k < 7; k++) {
			bool ok = fabs(ours[k] - g->x[i * 9 + column[k]]) <= 1e-5 * fmax(1, fabs(ours[k]));
			same &= ok;
			if (k < 3 && !ok)
				fail_msg("contour %zu, %zu: %.8g, expected %.8g", i, column[k], ours[k],
					 g->x[i * 9 + column[k]]);
		}
		n += same;
	}
	if (n < 59)
		fail_msg("turning points of %zu contours of %zu", n, c->rows);
}

/* The set of 2013 is of compare's descriptors; its periods are of 2016. */
static void test_is13(void **state)
{
	(void)state;
	const struct block *sig = find("signal"), *h = find("is13-func");
	const struct ser_func_set *set = ser_func_set("is13");
	struct ser_front *p = make("compare compat=opensmile");
	struct ser_front_ws *ws = ser_front_ws_new(p);
	struct ser_err e = {0};
	size_t n = ser_front_n_frame(p, sig->cols), near = 0;
	float *y = ser_malloc(n * 130, sizeof *y), *f = ser_malloc(set->n, sizeof *f);
	assert_int_equal(ser_front_do(p, ws, sig->x, sig->cols, NULL, y, &e), SER_OK);
	ser_front_func(p, ws, set, y, n, sig->x, sig->cols, f);
	assert_int_equal(set->n, h->cols);
	for (size_t k = 0; k < set->n; k++)
		near += fabs(f[k] - h->x[k]) <= 0.01 * fabs(h->x[k]) + 1e-6;
	if (near < 6000)
		fail_msg("%zu functionals near", near);
	free(y);
	free(f);
	ser_front_ws_free(ws);
	ser_front_free(p);
}

/* Other rates: of each column but the periods of the older sets, and of 11.025 kHz, how many values are openSMILE's. */
static void test_rates(void **state)
{
	(void)state;
	static const struct {
		const char *kind, *block;
		size_t from, to, odd; /* columns of periods, which are not compared; and one that is near only */
	} set[] = {{"egemaps compat=opensmile", "egemaps", 0, 0, 25},
		   {"compare compat=opensmile delta-order=0", "compare", 0, 0, 5},
		   {"emobase delta-order=0", "emobase", 0, 0, 26},
		   {"is09 delta-order=0", "is09", 0, 0, 16},
		   {"is10 delta-order=0", "is10", 35, 38, 38},
		   {"is11 delta-order=0", "is11", 2, 5, 59}};
	static const int rate[] = {8000, 11025, 22050, 32000, 44100, 48000};
	enum { N_RATE = sizeof rate / sizeof rate[0] };
	const struct block *sig = find("signal");
	char text[128], name[64];
	for (size_t i = 0; i < N_RATE * sizeof set / sizeof set[0]; i++) {
		int hz = rate[i % N_RATE];
		snprintf(text, sizeof text, "%s-lld-%d", set[i / N_RATE].block, hz);
		const struct block *g = find(text);
		snprintf(text, sizeof text, "%s sample-frequency=%d", set[i / N_RATE].kind, hz);
		struct ser_front *p = make(text);
		size_t n = sig->cols < (size_t)hz / 2 ? sig->cols : (size_t)hz / 2, d = ser_front_dim(p);
		assert_int_equal(ser_front_n_frame(p, n), g->rows);
		assert_int_equal(d, g->cols);
		float *y = run(p, sig->x, n);
		for (size_t j = 0; j < d; j++) {
			size_t near = 0;
			double top = 0;
			for (size_t t = 0; t < g->rows; t++)
				top = fmax(top, fabs(g->x[t * d + j]));
			for (size_t t = 0; t < g->rows; t++)
				near += fabs(y[t * d + j] - g->x[t * d + j]) <= 0.01 * top;
			const char *column = ser_front_column(p, j, name);
			bool counts = (j < set[i / N_RATE].from || j >= set[i / N_RATE].to) &&
				      j != set[i / N_RATE].odd &&
				      !(hz == 11025 && (strstr(column, "jitter") || strstr(column, "shimmer")));
			if (strstr(column, "spectralFlux")) /* the bins that it is of depend on the rate */
				for (size_t t = 0; t < g->rows; t++)
					if (!(fabs(y[t * d + j] - g->x[t * d + j]) <= 1e-4 * top))
						fail_msg("%s: %s: frame %zu", text, column, t);
			if (counts && near * 100 < g->rows * 85)
				fail_msg("%s: %s: %zu of %zu", text, column, near, g->rows);
		}
		free(y);
		ser_front_free(p);
	}
}

/* Silence, and sounds of every length about that of a frame, have finite values. */
static void test_edges(void **state)
{
	(void)state;
	static const float zero[1600];
	const struct block *sig = find("signal");
	struct ser_front *p = make("egemaps compat=opensmile");
	struct ser_front_ws *ws = ser_front_ws_new(p);
	struct ser_err e = {0};
	float y[12 * 25], f[SER_EGEMAPS_FUNC_N];
	for (size_t n = 960; n <= 1600; n += 40)
		for (int silent = 0; silent < 2; silent++) {
			const float *x = silent ? zero : sig->x + 2000;
			assert_int_equal(ser_front_do(p, ws, x, n, NULL, y, &e), SER_OK);
			ser_front_func(p, ws, ser_func_set("egemaps"), y, ser_front_n_frame(p, n), x, n, f);
			for (size_t k = 0; k < SER_EGEMAPS_FUNC_N; k++)
				assert_true(isfinite(f[k]));
			assert_true(!silent || (f[0] == 0 && f[10] < 0.0011));
		}
	ser_front_ws_free(ws);
	ser_front_free(p);

	static const char *const others[][2] = {{"compare compat=opensmile", "compare2016"},
						{"compare compat=opensmile", "is13"},
						{"emobase", "emobase"},
						{"is09", "is09"},
						{"is10", "is10"},
						{"is11", "is11"}};
	static const size_t others_least[] = {960, 960, 640, 400, 1120, 1120}; /* below, openSMILE gives nothing */
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		const struct ser_func_set *set = ser_func_set(others[i][1]);
		float *many = ser_malloc(set->n, sizeof *many), *rows = ser_malloc(12 * 130, sizeof *rows);
		p = make(others[i][0]);
		ws = ser_front_ws_new(p);
		size_t least = ser_front_min_sample(p);
		assert_int_equal(least, others_least[i]);
		assert_int_equal(ser_front_n_frame(p, least - 1), 0);
		for (size_t n = least; n <= 1600; n += 160)
			for (int silent = 0; silent < 2; silent++) {
				const float *x = silent ? zero : sig->x + 2000;
				assert_int_equal(ser_front_do(p, ws, x, n, NULL, rows, &e), SER_OK);
				ser_front_func(p, ws, set, rows, ser_front_n_frame(p, n), x, n, many);
				for (size_t k = 0; k < set->n; k++)
					assert_true(isfinite(many[k]));
			}
		free(many);
		free(rows);
		ser_front_ws_free(ws);
		ser_front_free(p);
	}
}

/* Functionals of sounds just above the least length, of a voice and of silence: how many are within 1 %. */
static void test_short(void **state)
{
	(void)state;
	static const float zero[1440];
	static const struct {
		const char *front, *set, *block;
		size_t length[4], near;
	} set[] = {{"is09", "is09", "is09", {400, 480, 560, 720}, 384},
		   {"emobase", "emobase", "emobase", {640, 720, 800, 960}, 988},
		   {"is10", "is10", "is10", {1120, 1200, 1440}, 1582},
		   {"compare compat=opensmile", "compare2016", "compare", {960}, 6365},
		   {"egemaps compat=opensmile", "egemaps", "egemaps", {960, 1040}, 88}};
	for (size_t i = 0; i < 8 * sizeof set / sizeof set[0]; i++) {
		size_t n = set[i / 8].length[i / 2 % 4], near = 0;
		if (n == 0)
			continue;
		const struct ser_func_set *func = ser_func_set(set[i / 8].set);
		const float *x = i % 2 == 0 ? find("signal")->x + 2000 : zero;
		char name[64];
		snprintf(name, sizeof name, "%s-%zu%s", set[i / 8].block, n, i % 2 == 0 ? "" : "-silent");
		const struct block *g = find(name);
		struct ser_front *p = make(set[i / 8].front);
		struct ser_front_ws *ws = ser_front_ws_new(p);
		struct ser_err e = {0};
		size_t rows = ser_front_n_frame(p, n);
		float *y = ser_malloc(rows * ser_front_dim(p), sizeof *y), *f = ser_malloc(func->n, sizeof *f);
		assert_int_equal(ser_front_do(p, ws, x, n, NULL, y, &e), SER_OK);
		ser_front_func(p, ws, func, y, rows, x, n, f);
		assert_int_equal(func->n, g->cols);
		for (size_t k = 0; k < func->n; k++) {
			assert_true(isfinite(f[k]));
			near += fabs(f[k] - g->x[k]) <= 0.01 * fabs(g->x[k]) + 1e-4;
		}
		if (near < (i % 2 == 0 ? set[i / 8].near : func->n)) /* silence: all */
			fail_msg("%s: %zu functionals near", name, near);
		free(y);
		free(f);
		ser_front_ws_free(ws);
		ser_front_free(p);
	}
}

/* What 16 bits don't hold is cut off, towards 0, and so is what is beyond full scale. */
static void test_sixteen_bits(void **state)
{
	(void)state;
	enum { N = 4000 };
	float fine[N], coarse[N];
	for (int i = 0; i < N; i++) {
		fine[i] = 1.1f * sinf((float)i * 0.05f);
		coarse[i] = truncf(fmaxf(-32768, fminf(32767, fine[i] * 32768))) / 32768;
	}
	struct ser_front *p = make("compare compat=opensmile");
	float *a = run(p, fine, N), *b = run(p, coarse, N);
	assert_memory_equal(a, b, ser_front_n_frame(p, N) * ser_front_dim(p) * sizeof *a);
	free(a);
	free(b);
	ser_front_free(p);
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const text[] = {
		"egemaps compat=opensmile sample-frequency=4000", "egemaps compat=opensmile f0-floor=60",
		"egemaps compat=opensmile delta-order=1", "is09 delta-order=2", "emobase sample-frequency=16000.5"};
	for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
		struct ser_front_opt o;
		struct ser_front *p;
		struct ser_err e = {0};
		assert_int_equal(ser_front_parse(&o, text[i], &e), SER_OK);
		assert_int_equal(ser_front_new(&p, &o, &e), SER_EUSAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transform),   cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_harmonics),   cmocka_unit_test(test_line_spectral_frequencies),
		cmocka_unit_test(test_functionals), cmocka_unit_test(test_compare),
		cmocka_unit_test(test_older),       cmocka_unit_test(test_is13),
		cmocka_unit_test(test_peaks),       cmocka_unit_test(test_edges),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_rates),
		cmocka_unit_test(test_short),       cmocka_unit_test(test_sixteen_bits),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
