/* SPDX-License-Identifier: MIT */
/* dsp/augment.h and lib/audio's codecs against SciPy, libsoxr and Python's audioop (tests/ref/augment.py), and what must hold for
 * any implementation. */
#include "audio/audio.h"
#include "dsp/augment.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double PI = 3.14159265358979323846;

struct block {
	char name[64];
	size_t rows, n;
	float *x;
};

static struct block golden[16];
static size_t n_golden;

static int load(void **state)
{
	(void)state;
	struct ser_err e = {0};
	char *s;
	size_t n;
	if (ser_read_file("tests/golden/augment.bin", 1 << 24, &s, &n, &e) != SER_OK) {
		fprintf(stderr, "%s\n", e.msg);
		return -1;
	}
	for (size_t at = 0; at < n && n_golden < 16;) {
		struct block *b = &golden[n_golden++];
		if (sscanf(s + at, "%63s %zu %zu", b->name, &b->rows, &b->n) != 3)
			return -1;
		at += strcspn(s + at, "\n") + 1;
		b->x = ser_malloc(b->n, sizeof *b->x);
		memcpy(b->x, s + at, b->n * sizeof *b->x);
		at += b->n * sizeof *b->x;
	}
	free(s);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_golden; i++)
		free(golden[i].x);
	return 0;
}

static const struct block *find(const char *name)
{
	for (size_t i = 0; i < n_golden; i++)
		if (strcmp(golden[i].name, name) == 0)
			return &golden[i];
	fail_msg("no golden block %s", name);
	return NULL;
}

/* The greatest |x - y|, NaN when there is one. */
static double distance(const float *x, const float *y, size_t n)
{
	double d = 0;
	for (size_t i = 0; i < n; i++)
		d = !(fabs((double)x[i] - y[i]) <= d) ? fabs((double)x[i] - y[i]) : d;
	return d;
}

static void test_convolve(void **state)
{
	(void)state;
	const struct block *x = find("x"), *h = find("h"), *y = find("x*h");
	float z[4000];
	assert_true(y->n == x->n + h->n - 1);
	ser_convolve(x->x, x->n, h->x, h->n, 0, z);
	assert_true(distance(z, y->x, x->n) <= 2e-6);
	/* from the middle on, and where the blocks are shorter than the sound */
	ser_convolve(x->x, x->n, h->x, h->n, 100, z);
	assert_true(distance(z, y->x + 100, x->n) <= 2e-6);
	ser_convolve(x->x, x->n, h->x, 1, 0, z);
	for (size_t i = 0; i < x->n; i++)
		assert_true(fabs(z[i] - 2.0 * x->x[i]) <= 1e-6);
	/* many blocks: a train of the golden sound, silence between */
	float *train = ser_calloc(40000, sizeof *train);
	for (size_t k = 0; k < 10; k++)
		memcpy(train + k * 4000, x->x, x->n * sizeof *train);
	ser_convolve(train, 40000, h->x, h->n, 0, train);
	for (size_t k = 0; k < 10; k++)
		assert_true(distance(train + k * 4000, y->x, y->n) <= 2e-6);
	free(train);
}

static void test_speed(void **state)
{
	(void)state;
	const struct block *x = find("x");
	static const struct {
		const char *name;
		double factor;
	} cases[] = {{"speed-1.1", 1.1}, {"speed-0.9", 0.9}};
	for (size_t i = 0; i < 2; i++) {
		const struct block *want = find(cases[i].name);
		float *y = NULL;
		size_t n, cap = 0;
		struct ser_err e;
		assert_int_equal(
			ser_audio_resample(x->x, x->n, 16000 * cases[i].factor, 16000, false, &y, &n, &cap, &e), 0);
		assert_int_equal(n, want->n);
		assert_int_equal(n, llround((double)x->n / cases[i].factor));
		assert_true(distance(y, want->x, n) <= 1e-6);
		free(y);
	}
}

static void test_noise(void **state)
{
	(void)state;
	const struct block *x = find("x"), *h = find("h");
	struct ser_err e;
	for (double snr = -10; snr <= 40; snr += 12.5) {
		float y[1800];
		double signal = 0, noise = 0;
		memcpy(y, x->x, sizeof y);
		assert_int_equal(ser_noise_add(y, 1800, h->x, h->n, 650, snr, &e), 0);
		for (size_t i = 0; i < 1800; i++) {
			double d = (double)y[i] - x->x[i], k = h->x[(650 + i) % h->n];
			signal += (double)x->x[i] * x->x[i];
			noise += d * d;
			assert_true(fabs(d) < 1e-6 || d * k > 0); /* it is that noise, around again */
		}
		assert_true(fabs(10 * log10(signal / noise) - snr) <= 0.01);
	}
	float quiet[10] = {0}, y[10] = {1};
	assert_int_equal(ser_noise_add(y, 10, quiet, 10, 0, 5, &e), SER_EDATA);
	assert_int_equal(ser_noise_add(quiet, 10, y, 10, 0, 5, &e), SER_OK);
	assert_true(quiet[0] == 0);
}

/* The energy left after time t falls by 60 dB in rt60 (Schroeder): a line through its -5 and -35 dB points. */
static void test_room(void **state)
{
	(void)state;
	for (double rt60 = 0.2; rt60 < 1.2; rt60 += 0.4) {
		struct ser_rng rng;
		ser_rng_seed(&rng, 5);
		size_t n = ser_room_len(rt60, 16000), a = 0, b = 0;
		float *h = ser_malloc(n, sizeof *h);
		ser_room_make(rt60, 3, 16000, &rng, h);
		double tail = ser_mean_square(h + 1, n - 1) * (double)(n - 1), left = tail;
		assert_true(h[0] == 1 && fabs(-10 * log10(tail) - 3) <= 1e-3);
		for (size_t k = 1; k < n; k++) {
			a = left > tail * pow(10, -0.5) ? k : a;
			b = left > tail * pow(10, -3.5) ? k : b;
			left -= (double)h[k] * h[k];
		}
		assert_true(fabs(2 * (double)(b - a) / 16000 / rt60 - 1) <= 0.06);
		free(h);
	}
}

static void test_tempo(void **state)
{
	(void)state;
	const struct block *x = find("x");
	float y[8000];
	assert_int_equal(ser_tempo_len(1800, 1), 1800);
	ser_tempo_do(x->x, x->n, 16000, 1, y);
	assert_true(distance(x->x, y, x->n) <= 1e-6);
	/* a tone stays the tone that it was, whatever its length: frequency and level */
	float tone[16000], *z = ser_malloc(64001, sizeof *z);
	for (size_t i = 0; i < 16000; i++)
		tone[i] = (float)(0.5 * sin(2 * PI * 220 * (double)i / 16000));
	for (double f = 0.5; f < 2.1; f *= 1.25) {
		size_t n = ser_tempo_len(16000, f), cross = 0, first = 0, last = 0;
		assert_int_equal(n, llround(16000 / f));
		ser_tempo_do(tone, 16000, 16000, f, z);
		for (size_t i = 801; i + 800 < n; i++)
			if (z[i - 1] < 0 && z[i] >= 0) {
				first = cross == 0 ? i : first;
				last = i;
				cross++;
			}
		double hz = (double)(cross - 1) * 16000 / (double)(last - first);
		assert_true(fabs(hz - 220) <= 0.5);
		assert_true(fabs(sqrt(2 * ser_mean_square(z + 800, n - 1600)) - 0.5) <= 0.01);
	}
	/* a click in the middle stays in the middle */
	memset(tone, 0, sizeof tone);
	tone[8000] = 1;
	ser_tempo_do(tone, 16000, 16000, 0.8, z);
	size_t top = 0;
	for (size_t i = 0; i < 20000; i++)
		top = fabsf(z[i]) > fabsf(z[top]) ? i : top;
	assert_true(top > 10000 - 250 && top < 10000 + 250);
	free(z);
}

/* libsndfile rounds where audioop truncates: they may lie one step apart, which is 1/16 of the value or less. */
static void test_g711(void **state)
{
	(void)state;
	const struct block *x = find("x");
	static const char *const name[] = {"mulaw", "alaw"};
	for (size_t k = 0; k < 2; k++) {
		const struct block *want = find(name[k]);
		struct ser_codec c;
		struct ser_err e;
		float y[1800];
		size_t same = 0;
		assert_int_equal(ser_codec_parse(name[k], &c, &e), 0);
		assert_int_equal(ser_codec_do(&c, x->x, 1800, 16000, y, &e), 0);
		for (size_t i = 0; i < 1800; i++) {
			same += y[i] == want->x[i];
			assert_true(fabs((double)y[i] - want->x[i]) <= fabs((double)want->x[i]) / 15 + 0.0006);
			assert_true(fabs((double)y[i] - x->x[i]) <= fabs((double)x->x[i]) / 28 + 0.0006);
		}
		if (same < 1600)
			fail_msg("%s: %zu same", name[k], same);
	}
}

/* Every codec gives back as many samples as it got, at no delay, and nearly the same sound. */
static void test_codecs(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double least_db;
	} cases[] = {{"mulaw", 30}, {"mulaw:8000", 20},    {"alaw", 30},   {"gsm", 8},  {"adpcm", 20},
		     {"opus", 10},  {"opus:8000:0.97", 6}, {"vorbis", 10}, {"mp3", 10}, {"vorbis:16000:0.5", 8},
		     {"pcm", 80},   {"pcm:4000", 10}};
	enum { N = 24000 };
	float *x = ser_malloc(N, sizeof *x), *y = ser_malloc(N, sizeof *y);
	struct ser_rng rng;
	struct ser_err e;
	ser_rng_seed(&rng, 1);
	double low = 0;
	for (size_t i = 0; i < N; i++) {
		low = 0.95 * low + 0.01 * ser_rng_normal(&rng);
		x[i] = (float)(0.3 * sin((double)i * 0.05) * sin((double)i * 0.0005) + low);
	}
	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		struct ser_codec c;
		struct ser_buf b = {0};
		double err = 0;
		assert_int_equal(ser_codec_parse(cases[k].text, &c, &e), 0);
		ser_codec_text(&c, &b);
		assert_string_equal(b.s, cases[k].text);
		ser_buf_free(&b);
		if (ser_codec_do(&c, x, N, 16000, y, &e) != 0)
			fail_msg("%s: %s", cases[k].text, e.msg);
		for (size_t i = 2000; i < N - 2000; i++)
			err += ((double)y[i] - x[i]) * ((double)y[i] - x[i]);
		double db = 10 * log10(ser_mean_square(x + 2000, N - 4000) * (N - 4000) / err);
		if (!(db >= cases[k].least_db))
			fail_msg("%s: %.1f dB", cases[k].text, db);
	}
	x[5] = 3; /* beyond full scale */
	struct ser_codec c;
	ser_codec_parse("mulaw", &c, &e);
	assert_int_equal(ser_codec_do(&c, x, N, 16000, x, &e), 0);
	assert_true(fabs(x[5] - 1) < 0.05);
	static const char *const bad[] = {"",           "mp4", "mulaw:", "mulaw:zz", "mulaw:8000:0.5", "opus:16000:2",
					  "opus:16000:"};
	for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++)
		assert_int_equal(ser_codec_parse(bad[k], &c, &e), SER_EUSAGE);
	free(x);
	free(y);
}

/* ---- voice activity ----------------------------------------------------------------------------- */

struct stretch {
	size_t start, n;
	double sum;
};

/* Segments of x, pushed in pieces of `step`. */
static size_t segments(const struct ser_vad_opt *o, const float *x, size_t n, size_t step, struct stretch *s,
		       size_t max)
{
	struct ser_vad *v = ser_vad_new(o);
	size_t k = 0, start, len;
	const float *p;
	for (size_t at = 0; at < n; at += step) {
		ser_vad_push(v, x + at, n - at < step ? n - at : step);
		while (ser_vad_next(v, at + step >= n, &p, &start, &len) > 0) {
			assert_true(k < max && start + len <= n);
			assert_memory_equal(p, x + start, len * sizeof *p);
			s[k++] = (struct stretch){start, len, 0};
		}
	}
	ser_vad_free(v);
	return k;
}

static void burst(float *x, double from_s, double to_s, double level)
{
	for (size_t i = (size_t)(from_s * 16000); i < (size_t)(to_s * 16000); i++)
		x[i] += (float)(level * sin((double)i * 0.1));
}

static void test_vad(void **state)
{
	(void)state;
	enum { N = 20 * 16000 };
	float *x = ser_calloc(N, sizeof *x);
	struct ser_rng rng;
	struct stretch s[64], again[64];
	struct ser_vad_opt o;
	ser_rng_seed(&rng, 3);
	for (size_t i = 0; i < N; i++)
		x[i] = (float)(0.001 * ser_rng_normal(&rng));
	burst(x, 1, 3, 0.1);
	burst(x, 3.2, 4, 0.1);   /* within the hangover */
	burst(x, 6, 6.1, 0.1);   /* too short */
	burst(x, 8, 9, 0.01);    /* soft */
	burst(x, 12, 17, 0.1);   /* long */
	burst(x, 19.5, 20, 0.1); /* to the end */
	ser_vad_opt_init(&o, 16000);
	o.max_speech_s = 4;
	size_t k = segments(&o, x, N, 1600, s, 64);
	static const double want[][2] = {{0.9, 4.3}, {7.9, 9.3}, {11.9, 0}, {0, 17.3}, {19.4, 20}};
	assert_int_equal(k, 5);
	for (size_t i = 0; i < k; i++) {
		double from = (double)s[i].start / 16000, to = (double)(s[i].start + s[i].n) / 16000;
		assert_true(want[i][0] == 0 || fabs(from - want[i][0]) <= 0.03);
		assert_true(want[i][1] == 0 || fabs(to - want[i][1]) <= 0.03);
		assert_true(s[i].n <= 4 * 16000 + 400);
	}
	assert_true(s[3].start == s[2].start + s[2].n); /* the long one: nothing lost at the cut */
	/* how the samples come does not matter */
	for (size_t step = 7; step < 2 * N; step *= 13) {
		assert_int_equal(segments(&o, x, N, step, again, 64), k);
		for (size_t i = 0; i < k; i++)
			assert_true(s[i].start == again[i].start && s[i].n == again[i].n);
	}
	/* of a long one that is parted, a part with too little of it is left out, whatever is behind the cut */
	for (size_t i = 0; i < N; i++)
		x[i] = (float)(0.001 * ser_rng_normal(&rng));
	for (int b = 0; b < 4; b++)
		burst(x, 2 + 0.25 * b, 2.03 + 0.25 * b, 0.1);
	burst(x, 3, 3.4, 0.1);
	o.max_speech_s = 1.2;
	o.min_speech_s = 0.3;
	assert_int_equal(segments(&o, x, N, 1600, s, 64), 1);
	assert_true(s[0].start > 2.5 * 16000 && s[0].start < 3 * 16000 && s[0].start + s[0].n > 3.4 * 16000);
	/* nothing is no speech */
	memset(x, 0, N * sizeof *x);
	assert_int_equal(segments(&o, x, N, 1600, s, 64), 0);
	for (size_t i = 0; i < N; i++)
		x[i] = (float)(0.01 * ser_rng_normal(&rng));
	assert_int_equal(segments(&o, x, N, 1600, s, 64), 0);
	free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_convolve), cmocka_unit_test(test_speed), cmocka_unit_test(test_noise),
		cmocka_unit_test(test_room),     cmocka_unit_test(test_tempo), cmocka_unit_test(test_g711),
		cmocka_unit_test(test_codecs),   cmocka_unit_test(test_vad),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
