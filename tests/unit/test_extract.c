/* SPDX-License-Identifier: MIT */
/* From sounds to records: the samples themselves, pieces of them, their times, the same for any number of threads, and what is
 * refused. */
#include "extract/extract.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { RATE = 8000, N = 10000, MOST = 64 };

static char folder[] = "/tmp/test_extract.XXXXXX", wav[64];

static int16_t sample(size_t i)
{
	return (int16_t)((int)(i * 7919 % 60001) - 30000);
}

static void put(FILE *f, unsigned x, int n_byte)
{
	for (int k = 0; k < n_byte; k++)
		putc((int)(x >> 8 * k & 255), f);
}

/* A WAV of 1.25 s, 16 bit, one channel. */
static int setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(wav, sizeof wav, "%s/a.wav", folder);
	FILE *f = fopen(wav, "wb");
	if (f == NULL)
		return -1;
	fputs("RIFF", f);
	put(f, 36 + 2 * N, 4);
	fputs("WAVEfmt ", f);
	put(f, 16, 4);
	put(f, 1, 2);
	put(f, 1, 2);
	put(f, RATE, 4);
	put(f, 2 * RATE, 4);
	put(f, 2, 2);
	put(f, 16, 2);
	fputs("data", f);
	put(f, 2 * N, 4);
	for (size_t i = 0; i < N; i++)
		put(f, (uint16_t)sample(i), 2);
	return fclose(f);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(wav) + rmdir(folder);
}

/* What came to the sink. */
struct seen {
	struct ser_record r[MOST];
	size_t n, n_header, n_failed;
	struct ser_err e; /* of the last that failed */
};

static void on_header(void *ctx, const struct ser_header *h)
{
	struct seen *s = ctx;
	s->n_header++;
	assert_true(ser_header_dim(h, "feat") != NULL || ser_header_dim(h, "func") != NULL);
}

static void on_record(void *ctx, const struct ser_record *r)
{
	struct seen *s = ctx;
	assert_true(s->n < MOST);
	ser_record_copy(&s->r[s->n++], r);
}

static void on_failed(void *ctx, const char *id, const struct ser_err *e)
{
	struct seen *s = ctx;
	(void)id;
	s->n_failed++;
	s->e = *e;
}

static void on_clipped(void *ctx, const char *id, const struct ser_audio_info *info)
{
	(void)ctx;
	(void)info;
	fail_msg("%s: samples at full scale", id);
}

static void on_step(void *ctx, uint64_t n_sound, bool flush)
{
	(void)ctx;
	(void)n_sound;
	(void)flush;
}

static struct ser_extract *begin(const struct ser_extract_opt *o, struct seen *s)
{
	const struct ser_extract_sink to = {s, on_header, on_record, on_failed, on_clipped, on_step};
	struct ser_extract *x;
	struct ser_err e;
	*s = (struct seen){0};
	if (ser_extract_new(&x, o, &to, &e) != SER_OK)
		fail_msg("%s", e.msg);
	return x;
}

static void forget(struct seen *s)
{
	for (size_t i = 0; i < s->n; i++)
		ser_record_free(&s->r[i]);
}

static struct ser_extract_opt waves(void)
{
	struct ser_extract_opt o;
	ser_extract_opt_init(&o, SER_WAVE);
	o.front.sample_frequency = RATE;
	return o;
}

/* A record holds the sound's samples [from, from + n). */
static void is_part(struct ser_record *r, const char *id, size_t from, size_t n)
{
	const float *x;
	size_t shape[2];
	struct ser_err e;
	assert_string_equal(ser_record_id(r), id);
	if (ser_record_f4(r, "feat", 2, &x, shape, &e) != SER_OK)
		fail_msg("%s", e.msg);
	assert_int_equal(shape[0], n);
	assert_int_equal(shape[1], 1);
	for (size_t i = 0; i < n; i++)
		assert_true(x[i] == (float)sample(from + i) / 32768);
}

static void whole(void **state)
{
	struct ser_extract_opt o = waves();
	struct seen s;
	(void)state;
	struct ser_extract *x = begin(&o, &s);
	ser_extract_sound(x, wav, NULL);
	ser_extract_sound(x, wav, "b");
	ser_extract_end(x);
	assert_int_equal(s.n_header, 1);
	assert_int_equal(s.n_failed, 0);
	assert_int_equal(s.n, 2);
	is_part(&s.r[0], "a", 0, N);
	is_part(&s.r[1], "b", 0, N);
	assert_int_equal(ser_extract_count(x)->n_sound, 2);
	assert_int_equal(ser_extract_count(x)->n_clipped, 0);
	ser_extract_free(x);
	forget(&s);
}

/* Half a second, every quarter of one: at 0, 0.25, 0.5 and 0.75 s, and the rest. */
static void pieces(void **state)
{
	struct ser_extract_opt o = waves();
	struct seen s;
	struct ser_err e;
	char id[32];
	double start, end;
	(void)state;
	o.segment_s = 0.5;
	o.every_s = 0.25;
	struct ser_extract *x = begin(&o, &s);
	ser_extract_sound(x, wav, NULL);
	ser_extract_end(x);
	assert_true(s.n >= 4);
	for (size_t i = 0; i < s.n; i++) {
		size_t from = i * RATE / 4, n = from + RATE / 2 <= N ? RATE / 2 : N - from;
		snprintf(id, sizeof id, "a-%06zu", i + 1);
		is_part(&s.r[i], id, from, n);
		assert_int_equal(ser_record_real(&s.r[i], "start", &start, &e), SER_OK);
		assert_int_equal(ser_record_real(&s.r[i], "end", &end, &e), SER_OK);
		assert_true(fabs(start - 0.25 * (double)i) < 1e-12);
		assert_true(fabs(end - start - (double)n / RATE) < 1e-12);
	}
	ser_extract_free(x);
	forget(&s);
}

/* Rows name a part of a sound, and have labels; a row that cannot be read is left out, the next is not. */
static void manifest(void **state)
{
	struct ser_extract_opt o = waves();
	struct seen s;
	struct ser_err e;
	struct ser_buf text = {0};
	const char *emotion;
	(void)state;
	ser_buf_printf(&text, "id\tpath\tstart\tend\temotion\nu1\t%s\t0.25\t0.5\tanger\nu2\t%s/no.wav\t\t\tfear\n", wav,
		       folder);
	ser_buf_printf(&text, "u3\t%s\t9\t10\tjoy\nu4\t%s\t1\t1.25\tfear\n", wav, wav);
	for (int threads = 1; threads <= 3; threads += 2) {
		o.n_thread = threads;
		FILE *f = fmemopen(text.s, text.n, "r");
		struct ser_extract *x = begin(&o, &s);
		if (ser_extract_manifest(x, f, "m.tsv", &e) != SER_OK)
			fail_msg("%s", e.msg);
		ser_extract_end(x);
		fclose(f);
		assert_int_equal(s.n_failed, 2);
		assert_non_null(strstr(s.e.msg, "m.tsv:4"));
		assert_int_equal(s.n, 2);
		is_part(&s.r[0], "u1", RATE / 4, RATE / 4);
		is_part(&s.r[1], "u4", RATE, RATE / 4);
		assert_int_equal(ser_record_str(&s.r[1], "emotion", &emotion, &e), SER_OK);
		assert_string_equal(emotion, "fear");
		ser_extract_free(x);
		forget(&s);
	}
	ser_buf_free(&text);
}

/* Functionals are one vector a sound: here the means of its frames' columns. */
static void functionals(void **state)
{
	struct ser_extract_opt o;
	struct seen s[2];
	struct ser_err e;
	const float *x, *mean;
	size_t shape[2], n;
	(void)state;
	ser_extract_opt_init(&o, SER_FBANK);
	o.front.sample_frequency = RATE;
	for (int k = 0; k < 2; k++) {
		o.functionals = k == 0 ? NULL : "mean";
		struct ser_extract *ex = begin(&o, &s[k]);
		ser_extract_sound(ex, wav, NULL);
		ser_extract_end(ex);
		ser_extract_free(ex);
		assert_int_equal(s[k].n, 1);
	}
	assert_int_equal(ser_record_f4(&s[0].r[0], "feat", 2, &x, shape, &e), SER_OK);
	assert_int_equal(ser_record_f4(&s[1].r[0], "func", 1, &mean, &n, &e), SER_OK);
	assert_int_equal(shape[0], 1 + (N - RATE / 40) / (RATE / 100)); /* 25 ms every 10 ms, whole frames only */
	assert_int_equal(n, shape[1]);
	for (size_t c = 0; c < n; c++) {
		double sum = 0;
		for (size_t t = 0; t < shape[0]; t++)
			sum += (double)x[t * n + c];
		assert_true(fabs((double)mean[c] - sum / (double)shape[0]) <= 1e-5 * fabs(sum / (double)shape[0]));
	}
	forget(&s[0]);
	forget(&s[1]);
}

static void is_refused(const struct ser_extract_opt *o, const char *what)
{
	const struct ser_extract_sink to = {0};
	struct ser_extract *x;
	struct ser_err e;
	assert_int_equal(ser_extract_new(&x, o, &to, &e), SER_EUSAGE);
	assert_null(x);
	if (strstr(e.msg, what) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e.msg, what);
}

static void refused(void **state)
{
	struct ser_extract_opt o = waves();
	(void)state;
	o.segment_s = 1;
	o.trim_db = 40;
	is_refused(&o, "only one of");
	o.trim_db = 0;
	o.every_s = 2;
	is_refused(&o, "not within");
	ser_extract_opt_init(&o, SER_FBANK);
	o.segment_s = 0.01;
	is_refused(&o, "shorter than a frame");
	o.segment_s = 0;
	o.functionals = "egemaps";
	is_refused(&o, "kind egemaps");
	assert_true(ser_extract_is_table("-") && ser_extract_is_table("a.tsv") && ser_extract_is_table("a.ser"));
	assert_false(ser_extract_is_table("a.wav"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(whole), cmocka_unit_test(pieces),
					   cmocka_unit_test(manifest), cmocka_unit_test(functionals),
					   cmocka_unit_test(refused)};
	return cmocka_run_group_tests(tests, setup, teardown);
}
