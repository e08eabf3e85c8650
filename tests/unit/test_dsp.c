/* SPDX-License-Identifier: MIT */
/* lib/dsp against torchaudio, SciPy and NumPy (tests/ref/front.py), and what must hold for any implementation. */
#include "blocks.h"

#include <math.h>

static int load(void **state)
{
	(void)state;
	return load_blocks("tests/golden/front.bin");
}

static void test_golden(void **state)
{
	(void)state;
	const struct block *sig = find("signal");
	int n_case = 0;
	for (size_t i = 0; i < n_golden; i++) {
		const struct block *g = &golden[i];
		if (strncmp(g->name, "front:", 6) != 0)
			continue;
		struct ser_front *p = make(g->name + 6);
		if (ser_front_n_frame(p, sig->cols) != g->rows || ser_front_dim(p) != g->cols)
			fail_msg("%s: [%zu,%zu], expected [%zu,%zu]", g->name, ser_front_n_frame(p, sig->cols),
				 ser_front_dim(p), g->rows, g->cols);
		float *y = run(p, sig->x, sig->cols);
		/* 2e-5 for logarithms; linear features relative to the largest */
		double top = 0, worst = 0;
		for (size_t k = 0; k < g->rows * g->cols; k++)
			top = fmax(top, fabs(g->x[k]));
		bool linear = ser_front_opt(p)->log == SER_LOG_NONE;
		double tol = linear ? 1e-6 * top : strstr(g->name, "mfcc") != NULL ? 1e-4 : 2e-5;
		for (size_t k = 0; k < g->rows * g->cols; k++) {
			double err = fabs((double)y[k] - g->x[k]);
			worst = fmax(worst, err);
			if (!(err <= tol))
				fail_msg("%s: [%zu,%zu] is %.8g, expected %.8g", g->name, k / g->cols, k % g->cols,
					 y[k], g->x[k]);
		}
		free(y);
		ser_front_free(p);
		n_case++;
	}
	assert_true(n_case >= 20);
}

/* A frame's bytes depend neither on the frames around it nor on where its samples lie in memory. */
static void test_frames(void **state)
{
	(void)state;
	const struct block *sig = find("signal");
	static const char *const text[] = {"fbank use-energy=true dither=1",
					   "mfcc",
					   "mel n-fft=400 log=ln",
					   "spec n-fft=441 win-length=441 power=1.5",
					   "spec n-fft=210 win-length=200 edges=mirror",
					   "lld",
					   "compare",
					   "egemaps",
					   "egemaps compat=opensmile"};
	for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
		struct ser_front *p = make(text[i]);
		size_t n = ser_front_n_frame(p, sig->cols) * ser_front_dim(p);
		float *a = run(p, sig->x, sig->cols), *x = ser_malloc(sig->cols + 4, sizeof *x);
		for (size_t shift = 1; shift < 4; shift++) {
			memcpy(x + shift, sig->x, sig->cols * sizeof *x);
			float *b = run(p, x + shift, sig->cols);
			assert_memory_equal(a, b, n * sizeof *a);
			free(b);
		}
		free(x);
		free(a);
		ser_front_free(p);
	}
	struct ser_front *p = make("fbank");
	float *whole = run(p, sig->x, sig->cols);
	for (size_t m = 400; m < sig->cols; m += 177) {
		float *part = run(p, sig->x, m);
		assert_memory_equal(whole, part, ser_front_n_frame(p, m) * ser_front_dim(p) * sizeof *part);
		free(part);
	}
	free(whole);
	ser_front_free(p);
}

/* Frames of a sound that comes in pieces of up to `most` samples, and none of its own in a first pass; bytes of the whole. */
static void flow(const struct ser_front *p, const float *x, size_t n, size_t most, struct ser_rng *rng)
{
	struct ser_front_ws *ws = ser_front_ws_new(p);
	struct ser_front_flow *f = ser_front_flow_new(p, ws);
	size_t d = ser_front_dim(p), n_row = ser_front_n_frame(p, n), have = 0;
	float *whole = run(p, x, n), *y = ser_calloc(n_row * d, sizeof *y);
	const float *part;
	struct ser_err e;
	for (int left = ser_front_passes(p); left > 0; left--) {
		size_t got, at = 0;
		while (at < n) {
			size_t k = (size_t)ser_rng_below(rng, most) + 1;
			k = k < n - at ? k : n - at;
			assert_int_equal(ser_front_flow_do(f, x + at, k, at + k == n, &part, &got, &e), SER_OK);
			assert_true(left == 1 || got == 0);
			assert_true(have + got <= n_row);
			if (got > 0)
				memcpy(y + have * d, part, got * d * sizeof *y);
			have += got;
			at += k;
		}
		ser_front_flow_again(f);
	}
	assert_int_equal(have, n_row);
	assert_memory_equal(y, whole, n_row * d * sizeof *y);
	free(y);
	free(whole);
	ser_front_flow_free(f);
	ser_front_ws_free(ws);
}

static void test_flow(void **state)
{
	(void)state;
	static const struct {
		const char *front;
		int n_pass;
	} of[] = {
		{"wave", 1},
		{"fbank use-energy=true", 1},
		{"mfcc htk-compat=true", 1},
		{"fbank edges=mirror", 1},
		{"fbank edges=mirror frame-shift=30", 1},
		{"mel n-fft=400 log=ln", 1},
		{"mel n-fft=400 edges=shifts", 1},
		{"mel n-fft=512 edges=valid win-length=400", 1},
		{"spec n-fft=210 win-length=200 edges=mirror", 1},
		{"mel n-fft=400 pad=constant log=db top-db=20", 2},
		{"mel n-fft=400 edges=silence log=whisper", 2},
		{"mel n-fft=401 win-length=300 edges=silence log=whisper", 2},
		{"fbank subtract-mean=true", 2},
		{"fbank delta-order=1", 0},
		{"fbank peak-norm=true", 0},
		{"fbank dither=1", 0},
		{"mel log=db top-db=20 subtract-mean=true", 0},
		{"lld", 0},
		{"egemaps compat=opensmile", 0},
	};
	const struct block *sig = find("signal");
	struct ser_rng rng;
	struct ser_err e;
	ser_rng_seed(&rng, 3);
	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		struct ser_front *p = make(of[i].front);
		assert_int_equal(ser_front_passes(p), of[i].n_pass);
		for (size_t most = 1; of[i].n_pass > 0 && most < 10000; most *= 7)
			for (int k = 0; k < 4; k++)
				flow(p, sig->x, sig->cols - (size_t)ser_rng_below(&rng, 900), most, &rng);
		size_t least = ser_front_min_sample(p), n_row;
		for (size_t n = least; of[i].n_pass > 0 && n < least + 2000; n += 1 + n / 7)
			flow(p, sig->x, n, 130, &rng);
		if (of[i].n_pass > 0) {
			struct ser_front_ws *ws = ser_front_ws_new(p);
			struct ser_front_flow *f = ser_front_flow_new(p, ws);
			const float *y, bad[] = {0, NAN};
			assert_int_equal(ser_front_flow_do(f, bad, 2, false, &y, &n_row, &e), SER_EDATA);
			assert_int_equal(ser_front_flow_do(f, sig->x, least - 1, true, &y, &n_row, &e), SER_EDATA);
			assert_non_null(strstr(e.msg, "too few for one frame"));
			ser_front_flow_free(f);
			ser_front_ws_free(ws);
		}
		ser_front_free(p);
	}
}

static void test_text(void **state)
{
	(void)state;
	static const char *const preset[] = {"speechbrain-ecapa", "wespeaker-ecapa", "deepemocluster",
					     "chunk-lld",         "egemaps",         "egemaps-opensmile"};
	struct ser_front_opt o, back;
	struct ser_err e = {0};
	for (size_t i = 0; i < 6 + 8; i++) {
		if (i < 6)
			assert_int_equal(ser_front_preset(&o, &(const char *){NULL}, preset[i], &e), SER_OK);
		else
			ser_front_opt_init(&o, (enum ser_front_kind)(i - 6));
		struct ser_buf a = {0}, b = {0};
		ser_front_text(&o, &a);
		assert_int_equal(ser_front_parse(&back, a.s, &e), SER_OK);
		ser_front_text(&back, &b);
		assert_string_equal(a.s, b.s);
		ser_buf_free(&a);
		ser_buf_free(&b);
	}
	struct ser_buf a = {0};
	ser_front_opt_init(&o, SER_WAVE);
	ser_front_text(&o, &a);
	assert_string_equal(a.s, "wave sample-frequency=16000 peak-norm=false");
	ser_buf_free(&a);
}

static void test_usage(void **state)
{
	(void)state;
	static const struct {
		const char *text, *msg;
	} bad[] = {
		{"fbnk", "kind \"fbnk\" is none of wave, spec, mel, fbank, mfcc, lld, compare, egemaps"},
		{"fbank num-mel-bins=zz", "num-mel-bins: "},
		{"fbank num-mel-bins=0", "num-mel-bins: "},
		{"fbank colour=red", "a front-end has no option \"colour\""},
		{"fbank num-ceps=12", "num-ceps has no meaning for fbank"},
		{"fbank window-type=hann", "window-type: \"hann\" is none of povey, hamming"},
		{"fbank snip-edges=yes", "snip-edges: \"yes\" is neither true nor false"},
		{"fbank num-mel-bins=300", "41 of 300 mel bands hold no bin of a transform of 512 points: num-mel-bins "
					   "up to 126, or a greater n-fft"},
		{"mel num-mel-bins=128", "4 of 128 mel bands hold no bin of a transform of 400 points: num-mel-bins up "
					 "to 89, or a greater n-fft"},
		{"fbank n-fft=256", "n-fft 256 is shorter than the window of 400 samples"},
		{"fbank low-freq=5000 high-freq=4000", "low-freq 5000 and high-freq 4000"},
		{"fbank high-freq=9000", "low-freq 20 and high-freq 9000"},
		{"mfcc num-ceps=24", "num-ceps 24 is more than num-mel-bins 23"},
		{"mfcc power=1", "mfcc is of logarithms of power"},
		{"fbank frame-shift=0", "a window of 400 samples every 0"},
		{"fbank mel-norm=slaney", "mel-norm slaney needs mel-shape"},
		{"fbank dither", "front-end: \"dither\" is not NAME=VALUE"},
		{"", "empty front-end"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct ser_front_opt o;
		struct ser_front *p = NULL;
		struct ser_err e = {0};
		int rc = ser_front_parse(&o, bad[i].text, &e);
		if (rc == SER_OK)
			rc = ser_front_new(&p, &o, &e);
		assert_int_equal(rc, SER_EUSAGE);
		assert_null(p);
		if (strncmp(e.msg, bad[i].msg, strlen(bad[i].msg)) != 0)
			fail_msg("%s: \"%s\", expected \"%s...\"", bad[i].text, e.msg, bad[i].msg);
	}
	struct ser_front_opt o;
	struct ser_err e = {0};
	assert_int_equal(ser_front_preset(&o, &(const char *){NULL}, "ecapa", &e), SER_EUSAGE);
}

static void test_bad_signal(void **state)
{
	(void)state;
	struct ser_front *p = make("fbank");
	struct ser_front_ws *ws = ser_front_ws_new(p);
	float x[800] = {0}, y[3 * 80];
	struct ser_err e = {0};
	assert_int_equal(ser_front_do(p, ws, x, 160, NULL, y, &e), SER_EDATA);
	assert_string_equal(e.msg, "160 samples (10 ms) are too few for one frame: 400 are needed (25 ms)");
	x[500] = NAN;
	assert_int_equal(ser_front_do(p, ws, x, 800, NULL, y, &e), SER_EDATA);
	assert_string_equal(e.msg, "a sample is not a finite number");
	x[500] = 1e30f;
	assert_int_equal(ser_front_do(p, ws, x, 800, NULL, y, &e), SER_EDATA);
	x[500] = 0; /* silence: the floor, everywhere */
	assert_int_equal(ser_front_do(p, ws, x, 800, NULL, y, &e), SER_OK);
	for (size_t i = 0; i < 3 * 80; i++)
		assert_true(fabs(y[i] - logf(1.1920929e-7f)) <= 2e-6);
	ser_front_ws_free(ws);
	ser_front_free(p);
	static const struct {
		const char *text;
		size_t min;
	} least[] = {
		{"fbank", 400}, {"fbank snip-edges=false", 80}, {"mel", 201}, {"mel center=false", 400}, {"wave", 1}};
	for (size_t i = 0; i < sizeof least / sizeof least[0]; i++) {
		p = make(least[i].text);
		assert_int_equal(ser_front_min_sample(p), least[i].min);
		assert_int_equal(ser_front_n_frame(p, least[i].min - 1), 0);
		assert_true(ser_front_n_frame(p, least[i].min) >= 1);
		for (size_t n = least[i].min; n < 450; n += 13)
			free(run(p, x, n));
		ser_front_free(p);
	}
}

static void test_abs_max(void **state)
{
	(void)state;
	float x[40];
	for (size_t n = 0; n <= 40; n++)
		for (size_t at = 0; at < n; at++) {
			for (size_t i = 0; i < n; i++)
				x[i] = i % 2 == 0 ? -0.5f : 0.25f;
			x[at] = -3;
			assert_true(ser_abs_max(x, n) == 3);
			x[at] = NAN;
			assert_false(isfinite(ser_abs_max(x, n)));
			x[at] = -INFINITY;
			assert_false(isfinite(ser_abs_max(x, n)));
		}
	assert_true(ser_abs_max(x, 0) == 0);
}

static void test_dither(void **state)
{
	(void)state;
	struct ser_front *p = make(
		"spec n-fft=64 win-length=64 hop-length=64 center=false window-type=rectangular scale=32768 dither=3");
	size_t n = 64 * 400, t = ser_front_n_frame(p, n), d = ser_front_dim(p);
	float *x = ser_calloc(n, sizeof *x), *a = run(p, x, n), *b = run(p, x, n);
	assert_memory_equal(a, b, t * d * sizeof *a); /* the same seed, the same noise */
	double s = 0;
	for (size_t i = 0; i < t; i++)
		for (size_t k = 1; k < 32; k++)
			s += a[i * d + k];
	/* a bin's expected power is 64 sigma^2; the mean of 12400 exponential values is within 5 % */
	assert_true(fabs(s / ((double)t * 31) / (64 * 9) - 1) < 0.05);
	free(x);
	free(a);
	free(b);
	ser_front_free(p);
}

static void test_cmvn(void **state)
{
	(void)state;
	const struct block *m = find("cmvn"), *st = find("stats");
	for (int k = 0; k < 4; k++) {
		char name[40];
		snprintf(name, sizeof name, "sliding:%d%d", k / 2, k % 2);
		const struct block *g = find(name);
		float y[40 * 3];
		ser_cmvn_sliding(m->x, y, 40, 3, 12, 5, k / 2 == 1, k % 2 == 1);
		for (size_t i = 0; i < 120; i++)
			if (!(fabs(y[i] - g->x[i]) <= 2e-6))
				fail_msg("%s: %zu is %g, expected %g", name, i, y[i], g->x[i]);
	}
	struct ser_cmvn a;
	ser_cmvn_init(&a, 3);
	ser_cmvn_add(&a, m->x, 17);
	ser_cmvn_add(&a, m->x + 17 * 3, 23);
	double shift[3], gain[3];
	ser_cmvn_affine(&a, true, true, 0, shift, gain);
	float y[40 * 3];
	memcpy(y, m->x, sizeof y);
	ser_cmvn_apply(shift, gain, y, 40, 3);
	for (size_t j = 0; j < 3; j++) {
		assert_true(fabs(shift[j] - st->x[j]) <= 1e-6);
		assert_true(fabs(1 / gain[j] - st->x[3 + j]) <= 1e-6);
		for (size_t t = 0; t < 40; t++)
			assert_true(fabs(y[3 * t + j] - (m->x[3 * t + j] - st->x[j]) / st->x[3 + j]) <= 2e-6);
	}
	ser_cmvn_affine(&a, true, false, 0, shift, gain);
	assert_true(gain[0] == 1);
	ser_cmvn_free(&a);
	ser_cmvn_init(&a, 1);
	const float c[4] = {2, 2, 2, 2};
	ser_cmvn_add(&a, c, 4); /* a constant column is centred, not blown up */
	ser_cmvn_affine(&a, true, true, 0, shift, gain);
	assert_true(shift[0] == 2 && gain[0] == 1);
	ser_cmvn_free(&a);
}

static void test_fft(void **state)
{
	(void)state;
	int n_case = 0;
	for (size_t i = 0; i < n_golden; i++) {
		const struct block *g = &golden[i];
		if (strcmp(g->name, "fft") != 0)
			continue;
		size_t n = g->rows;
		size_t len = ser_fft_len(n);
		struct ser_fft *p = ser_fft_new(n);
		double *x = ser_malloc_aligned(n, sizeof *x), *a = ser_malloc_aligned(len, sizeof *a),
		       *b = ser_malloc_aligned(len, sizeof *b);
		for (size_t k = 0; k < n; k++)
			x[k] = g->x[4 * k];
		ser_fft_do(p, x, a);
		for (size_t k = 0; k < n; k++)
			x[k] = g->x[4 * k + 1];
		ser_fft_do(p, x, b);
		/* the golden's signal is complex: its transform is A + i B */
		for (size_t k = 0; k < len / 2; k++)
			if (!(fabs(a[2 * k] - b[2 * k + 1] - g->x[4 * k + 2]) <= 4e-6 &&
			      fabs(a[2 * k + 1] + b[2 * k] - g->x[4 * k + 3]) <= 4e-6))
				fail_msg("n = %zu: X[%zu] = %g %+gi", n, k, a[2 * k] - b[2 * k + 1],
					 a[2 * k + 1] + b[2 * k]);
		double square = 0;
		for (size_t k = 0; k < n; k++)
			square += (double)g->x[4 * k + 1] * g->x[4 * k + 1];
		ser_fft_inverse(p, a, x);
		for (size_t k = 0; k < n; k++)
			assert_true(fabs(x[k] / (double)n - g->x[4 * k]) <= 1e-12);
		ser_fft_power(p, b);
		ser_fft_inverse(p, b, x);
		assert_true(fabs(x[0] / (double)n - square) <= 1e-11);
		free(x);
		free(a);
		free(b);
		ser_fft_free(p);
		n_case++;
	}
	assert_int_equal(n_case, 13);
}

/* The contour of Praat: the same frames voiced, but for one, and the same pitch to 0.2 %, nearly everywhere to 0.02 %. */
static void test_f0(void **state)
{
	(void)state;
	struct ser_err e = {0};
	char *s;
	size_t n_byte, off = 0;
	int32_t dim[2];
	double time[2], first;
	assert_int_equal(ser_read_file("tests/golden/f0.bin", 1 << 20, &s, &n_byte, &e), SER_OK);
	memcpy(dim, s, sizeof dim);
	memcpy(time, s + 8, sizeof time);
	size_t n = (size_t)dim[0], n_frame = (size_t)dim[1];
	assert_int_equal(n_byte, 24 + 2 * n + 4 * n_frame);
	float *x = ser_malloc(n, sizeof *x), *want = ser_malloc(n_frame, sizeof *want);
	for (size_t i = 0; i < n; i++) {
		int16_t v;
		memcpy(&v, s + 24 + 2 * i, sizeof v);
		x[i] = (float)v / 32768;
	}
	memcpy(want, s + 24 + 2 * n, n_frame * sizeof *want);
	struct ser_f0_opt o;
	struct ser_f0 *p;
	ser_f0_opt_init(&o);
	o.sample_frequency = 8000;
	assert_int_equal(ser_f0_new(&p, &o, &e), SER_OK);
	struct ser_f0_ws *ws = ser_f0_ws_new(p);
	assert_int_equal(ser_f0_frames(p, n, &first), n_frame);
	assert_true(fabs(first - time[0]) <= 1e-8);
	float *f0 = ser_malloc(n_frame, sizeof *f0), *r = ser_malloc(n_frame, sizeof *r);
	assert_int_equal(ser_f0_do(p, ws, x, n, first, n_frame, f0, r, &e), SER_OK);
	for (size_t t = 0; t < n_frame; t++) {
		assert_true((f0[t] > 0) == (r[t] > 0) && r[t] <= 1);
		if ((f0[t] > 0) != (want[t] > 0)) {
			off++;
			continue;
		}
		double err = want[t] > 0 ? fabs(f0[t] / want[t] - 1) : fabs(f0[t]);
		if (!(err <= 2e-3))
			fail_msg("frame %zu: %g Hz, expected %g", t, f0[t], want[t]);
		off += err > 2e-4;
	}
	if (off > n_frame / 50)
		fail_msg("%zu of %zu frames differ", off, n_frame);
	/* a pure tone is exact; frames far outside the sound are silent */
	for (size_t i = 0; i < n; i++)
		x[i] = (float)(0.3 * sin(2 * M_PI * 201.7 * (double)i / 8000));
	assert_int_equal(ser_f0_do(p, ws, x, n, 0.1, 50, f0, r, &e), SER_OK);
	for (size_t t = 0; t < 50; t++)
		assert_true(fabs(f0[t] - 201.7) <= 0.02 && r[t] > 0.99);
	assert_int_equal(ser_f0_do(p, ws, x, n, 7, 3, f0, NULL, &e), SER_OK);
	assert_true(f0[0] == 0 && f0[2] == 0);
	x[5] = NAN;
	assert_int_equal(ser_f0_do(p, ws, x, n, 0.1, 3, f0, NULL, &e), SER_EDATA);
	ser_f0_ws_free(ws);
	ser_f0_free(p);
	o.floor_hz = 700;
	assert_int_equal(ser_f0_new(&p, &o, &e), SER_EUSAGE);
	free(x);
	free(want);
	free(f0);
	free(r);
	free(s);
}

static void test_lld(void **state)
{
	(void)state;
	const struct block *sig = find("signal"), *g = find("lld");
	struct ser_front *p = make("lld");
	char name[64];
	assert_int_equal(ser_front_dim(p), g->cols + 3);
	assert_int_equal(ser_front_n_frame(p, sig->cols), g->rows);
	assert_string_equal(ser_front_column(p, 0, name), "f0_hz");
	float *y = run(p, sig->x, sig->cols);
	for (size_t t = 0; t < g->rows; t++)
		for (size_t j = 0; j < g->cols; j++) {
			float have = y[t * (g->cols + 3) + 3 + j], want = g->x[t * g->cols + j];
			if (!(fabsf(have - want) <= 1e-5f * (1 + fabsf(want))))
				fail_msg("frame %zu, %s: %.8g, expected %.8g", t, ser_front_column(p, 3 + j, name),
					 have, want);
		}
	free(y);
	float tone[2400];
	for (size_t i = 0; i < 2400; i++)
		tone[i] = sinf(2 * (float)M_PI * 187 * (float)i / 16000);
	y = run(p, tone, 2400);
	float *mid = y + 6 * (g->cols + 3);
	assert_true(fabsf(mid[0] - 187) < 0.1f && mid[1] > 0.99f && mid[2] > 20);
	free(y);
	float zero[800] = {0};
	y = run(p, zero, 800); /* silence */
	assert_true(y[0] == 0 && y[3] == -100 && y[7] == 0 && fabsf(y[17] - 1) < 1e-6f);
	free(y);
	ser_front_free(p);
	p = make("lld delta-order=1");
	assert_string_equal(ser_front_column(p, 19, name), "d_f0_hz");
	ser_front_free(p);
}

/* Of a kind that numbers its columns, names follow the energy and C0 to where --htk-compat puts them, and deltas have theirs. */
static void test_columns_names(void **state)
{
	(void)state;
	static const struct {
		const char *front;
		size_t i;
		const char *name;
	} want[] = {
		{"wave", 0, "wave"},
		{"spec", 200, "spec.200"},
		{"mel", 79, "mel.79"},
		{"fbank", 0, "fbank.0"},
		{"fbank use-energy=true", 0, "energy"},
		{"fbank use-energy=true", 1, "fbank.0"},
		{"fbank use-energy=true", 80, "fbank.79"},
		{"fbank use-energy=true htk-compat=true", 0, "fbank.0"},
		{"fbank use-energy=true htk-compat=true", 80, "energy"},
		{"fbank use-energy=true delta-order=1", 81, "d_energy"},
		{"fbank htk-compat=true", 79, "fbank.79"},
		{"mfcc", 0, "mfcc.0"},
		{"mfcc", 12, "mfcc.12"},
		{"mfcc use-energy=true", 0, "energy"},
		{"mfcc use-energy=true", 1, "mfcc.1"},
		{"mfcc htk-compat=true", 0, "mfcc.1"},
		{"mfcc htk-compat=true", 12, "mfcc.0"},
		{"mfcc use-energy=true htk-compat=true", 11, "mfcc.12"},
		{"mfcc use-energy=true htk-compat=true", 12, "energy"},
		{"mfcc delta-order=2", 13, "d_mfcc.0"},
		{"mfcc delta-order=2", 38, "dd_mfcc.12"},
	};
	for (size_t k = 0; k < sizeof want / sizeof want[0]; k++) {
		struct ser_front *p = make(want[k].front);
		char name[64];
		assert_string_equal(ser_front_column(p, want[k].i, name), want[k].name);
		ser_front_free(p);
	}
}

static void test_func(void **state)
{
	(void)state;
	const struct block *in = find("func-in"), *g = find("func-out");
	struct ser_func *f;
	struct ser_err e = {0};
	float y[3 * 14];
	assert_int_equal(
		ser_func_new(&f, "mean,std,min,max,range,skewness,kurtosis,slope,rms,p0,p5,p50,p66.6,p100", &e),
		SER_OK);
	assert_int_equal(ser_func_n(f), g->cols);
	assert_string_equal(ser_func_name(f, 12), "p66.6");
	ser_func_do(f, in->x, in->rows, in->cols, 0.01, (bool[]){false, true, false}, y);
	for (size_t k = 0; k < g->rows * g->cols; k++)
		if (!(fabsf(y[k] - g->x[k]) <= 2e-6f * (1 + fabsf(g->x[k]))))
			fail_msg("column %zu, %s: %.8g, expected %.8g", k / 14, ser_func_name(f, k % 14), y[k],
				 g->x[k]);
	const float none[4] = {0};
	ser_func_do(f, none, 4, 1, 0.01, (bool[]){true}, y); /* no voice at all */
	for (size_t k = 0; k < 14; k++)
		assert_true(y[k] == 0);
	ser_func_do(f, in->x, 1, 3, 0.01, NULL, y); /* a single frame */
	assert_true(y[0] == in->x[0] && y[1] == 0 && y[7] == 0);
	ser_func_free(f);
	static const char *const bad[] = {"", "mean,", "median", "p101", "p", "p-1", "meanest", "pp5", ",std"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(ser_func_new(&f, bad[i], &e), SER_EUSAGE);
		assert_null(f);
	}
}

/* frames, step and end of the last chunk for 11 chunks of 62 frames */
static void test_chunk(void **state)
{
	(void)state;
	static const size_t want[][3] = {{62, 0, 62}, {171, 10, 162}, {400, 33, 392}, {687, 62, 682}, {1000, 93, 992}};
	struct ser_err e = {0};
	for (size_t i = 0; i < 5; i++) {
		ptrdiff_t step = ser_chunk_step(want[i][0], 62, 11, &e);
		assert_int_equal(step, want[i][1]);
		assert_int_equal(10 * step + 62, want[i][2]);
	}
	assert_int_equal(ser_chunk_step(500, 62, 1, &e), 0);
	assert_int_equal(ser_chunk_step(61, 62, 11, &e), SER_EDATA);
	assert_string_equal(e.msg, "61 frames are fewer than a chunk's 62");
}

static void test_trim(void **state)
{
	(void)state;
	static float x[16000];
	size_t from, to;
	ser_trim_find(x, 16000, 16000, 40, &from, &to); /* silence */
	assert_true(from == 0 && to == 16000);
	for (size_t i = 0; i < 16000; i++)
		x[i] = (i >= 4800 && i < 9600 ? 0.3f : 1e-4f) * (i % 2 == 0 ? 1.0f : -1.0f);
	ser_trim_find(x, 16000, 16000, 40, &from, &to);
	/* the first frame that holds more than a hundredth of a percent of the sound, and the last */
	assert_true(from > 4800 - 400 && from <= 4800 && to >= 9600 && to < 9600 + 400);
	ser_trim_find(x, 16000, 16000, 80, &from, &to);
	assert_true(from == 0 && to == 16000);
	ser_trim_find(x + 4800, 4800, 16000, 40, &from, &to);
	assert_true(from == 0 && to == 4800);
	ser_trim_find(x, 300, 16000, 40, &from, &to);
	assert_true(from == 0 && to == 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),        cmocka_unit_test(test_frames),  cmocka_unit_test(test_text),
		cmocka_unit_test(test_flow),          cmocka_unit_test(test_usage),   cmocka_unit_test(test_bad_signal),
		cmocka_unit_test(test_dither),        cmocka_unit_test(test_abs_max), cmocka_unit_test(test_f0),
		cmocka_unit_test(test_trim),          cmocka_unit_test(test_chunk),   cmocka_unit_test(test_lld),
		cmocka_unit_test(test_func),          cmocka_unit_test(test_cmvn),    cmocka_unit_test(test_fft),
		cmocka_unit_test(test_columns_names),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
