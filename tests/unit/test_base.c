/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void errors(void **state)
{
	struct ser_err e;
	char longer[2000];
	(void)state;
	assert_int_equal(ser_fail(&e, SER_EDATA, "found \"%s\"", "a\n\x1b[2J\x7f"), SER_EDATA);
	assert_string_equal(e.msg, "found \"a\\x0a\\x1b[2J\\x7f\"");
	assert_int_equal(ser_fail_in(&e, "%s", "file\t1"), SER_EDATA);
	assert_string_equal(e.msg, "file\\x091: found \"a\\x0a\\x1b[2J\\x7f\"");
	/* a terminal's 8-bit control characters, and what is no UTF-8 and may hold them */
	ser_fail(&e, SER_EDATA, "%s",
		 "a\xc2\x9b"
		 "2J\xc3\xa9");
	assert_string_equal(e.msg, "a\\xc2\\x9b2J\xc3\xa9");
	ser_fail(&e, SER_EDATA, "%s",
		 "a\x9b"
		 "2J\xc3\xa9");
	assert_string_equal(e.msg, "a\\x9b2J\\xc3\\xa9");
	assert_int_equal(ser_fail(NULL, SER_EIO, "nobody listens"), SER_EIO);
	memset(longer, '\n', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	ser_fail(&e, SER_EIO, "%s", longer);
	assert_in_range(strlen(e.msg), 900, sizeof e.msg - 1);
	ser_fail_in(&e, "%s", longer);
	assert_in_range(strlen(e.msg), 900, sizeof e.msg - 1);
}

static void sizes(void **state)
{
	size_t r = 7;
	(void)state;
	assert_true(ser_mul_ok(3, 5, &r));
	assert_int_equal(r, 15);
	assert_false(ser_mul_ok(SIZE_MAX / 2, 3, &r));
	assert_int_equal(r, 15);
	assert_int_equal(ser_mul(1 << 20, 1 << 20), 1ull << 40);
	assert_int_equal(ser_add(SIZE_MAX - 1, 1), SIZE_MAX);
	for (size_t n = 0; n < 200; n += 13) {
		char *p = ser_malloc_aligned(n, 3);
		assert_true((uintptr_t)p % 64 == 0);
		memset(p, 1, 3 * n);
		free(p);
	}
}

static void deviation(void **state)
{
	(void)state;
	assert_float_equal(ser_deviation(5, 4), 2, 0);
	assert_float_equal(ser_deviation(0, 1e-12), 1e-6, 1e-20); /* small, not constant */
	assert_float_equal(ser_deviation(0, 0), 1, 0);
	assert_true(ser_spread(0, 0) == 0 && ser_spread(-300, 1e-8) == 0 && ser_spread(5, 4) == 2);
	assert_float_equal(ser_deviation(-300, 1e-8), 1, 0); /* rounding of 300 in float */
	assert_float_equal(ser_deviation(-300, 1e-6), 1e-3, 1e-18);
	assert_float_equal(ser_deviation(1, -1e-18), 1, 0); /* of a difference of sums */
}

static void arena(void **state)
{
	struct ser_arena a = {0};
	(void)state;
	for (size_t round = 0; round < 3; round++) {
		struct ser_arena_mark m = {0};
		char *kept = NULL;
		for (size_t i = 0; i < 2000; i++) {
			size_t n = i * 37 % 5000;
			char *p = ser_arena_alloc(&a, n, 1);
			assert_int_equal((uintptr_t)p % 64, 0);
			memset(p, (int)i, n);
			if (i == 1000) {
				kept = ser_arena_strndup(&a, "kept!", 4);
				m = ser_arena_mark(&a);
			}
		}
		ser_arena_rewind(&a, m);
		assert_int_equal(a.used, m.used);
		char *z = ser_arena_calloc(&a, 300000, 8); /* larger than the spare blocks */
		for (size_t i = 0; i < 300000 * 8; i += 4097)
			assert_int_equal(z[i], 0);
		assert_string_equal(kept, "kept");
		ser_arena_rewind(&a, (struct ser_arena_mark){0});
		assert_int_equal(a.used, 0);
	}
	ser_arena_free(&a);
	ser_arena_free(&a);
}

static void buffer(void **state)
{
	struct ser_buf b = {0};
	(void)state;
	for (int i = 0; i < 1000; i++)
		ser_buf_printf(&b, "%d,", i);
	assert_int_equal(b.n, 10 * 2 + 90 * 3 + 900 * 4);
	assert_int_equal(strlen(b.s), b.n);
	assert_memory_equal(b.s + b.n - 8, "998,999,", 8);
	ser_buf_add(&b, "\0x", 2);
	assert_memory_equal(b.s + b.n - 2, "\0x", 3);
	ser_buf_free(&b);
	ser_buf_add(&b, NULL, 0);
	assert_string_equal(b.s, "");
	ser_buf_free(&b);
}

static void map(void **state)
{
	struct ser_map *m = ser_map_new();
	bool is_new;
	char key[16];
	size_t n;
	(void)state;
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < 20000; i++) {
			int len = snprintf(key, sizeof key, "k%zu", i * 7919);
			assert_int_equal(ser_map_add(m, key, (size_t)len, &is_new), i);
			assert_int_equal(is_new, round == 0);
		}
	assert_int_equal(ser_map_len(m), 20000);
	assert_int_equal(ser_map_find(m, "k7919", 5), 1);
	assert_int_equal(ser_map_find(m, "k7919", 4), -1);
	assert_int_equal(ser_map_find(m, "", 0), -1);
	assert_int_equal(ser_map_add(m, "", 0, NULL), 20000);
	assert_int_equal(ser_map_add(m, "a\0b", 3, NULL), 20001);
	assert_int_equal(ser_map_add(m, "a\0c", 3, NULL), 20002);
	assert_memory_equal(ser_map_key(m, 20001, &n), "a\0b", 4);
	assert_int_equal(n, 3);
	ser_map_free(m);
	ser_map_free(NULL);
}

static void integers(void **state)
{
	static const char *const wrong[] = {"",   "zz", "1z", " 1", "1 ", "0x10", "1.0", "--1", "9223372036854775808",
					    "11", "-4", "1e1"};
	int64_t v;
	struct ser_err e;
	(void)state;
	assert_int_equal(ser_parse_int("-3", -3, 10, &v, &e), 0);
	assert_int_equal(v, -3);
	assert_int_equal(ser_parse_int("-9223372036854775808", INT64_MIN, INT64_MAX, &v, &e), 0);
	assert_true(v == INT64_MIN);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (ser_parse_int(wrong[i], -3, 10, &v, &e) != SER_EUSAGE)
			fail_msg("\"%s\" was taken for %lld", wrong[i], (long long)v);
	ser_parse_int("11", -3, 10, &v, &e);
	assert_string_equal(e.msg, "11 is outside -3 .. 10");
}

static void reals(void **state)
{
	static const char *const wrong[] = {"",    "zz",    "1z",  " 1",     "1 ",    "nan",
					    "inf", "1e999", "1,5", "10.001", "-0.001"};
	double v;
	struct ser_err e;
	char text[32];
	struct ser_rng r;
	(void)state;
	assert_int_equal(ser_parse_real("0x1p-3", 0, 10, &v, &e), 0);
	assert_true(v == 0.125);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (ser_parse_real(wrong[i], 0, 10, &v, &e) != SER_EUSAGE)
			fail_msg("\"%s\" was taken for %g", wrong[i], v);
	assert_string_equal(ser_format_real(0.1, text), "0.1");
	assert_string_equal(ser_format_real(-0.0, text), "-0");
	assert_string_equal(ser_format_real(1.0 / 3, text), "0.3333333333333333");
	assert_string_equal(ser_format_real(-NAN, text), "nan");
	assert_string_equal(ser_format_real(-INFINITY, text), "-inf");
	ser_rng_seed(&r, 3);
	for (int i = 0; i < 20000; i++) {
		uint64_t bits = ser_rng_next(&r);
		double x;
		memcpy(&x, &bits, sizeof x);
		if (!isfinite(x))
			continue;
		assert_true(strlen(ser_format_real(x, text)) < sizeof text);
		assert_true(strtod(text, NULL) == x);
	}
}

/* Against Python's and NumPy's shortest texts: tests/ref/decimal_text.py. */
static void shortest_texts(void **state)
{
	FILE *f = fopen("tests/golden/decimal_text.txt", "r");
	char type[4], want[40], got[32];
	unsigned long long bits;
	size_t n = 0, n_bad = 0;
	(void)state;
	assert_non_null(f);
	while (fscanf(f, "%3s %llx %39s", type, &bits, want) == 3) {
		double x;
		float y;
		uint32_t low = (uint32_t)bits;
		memcpy(&x, &bits, sizeof x);
		memcpy(&y, &low, sizeof y);
		if (type[1] == '4')
			ser_format_float(y, got);
		else
			ser_format_real(x, got);
		n++;
		if (strcmp(got, want) != 0 && ++n_bad < 10)
			print_message("%s %llx: \"%s\", expected \"%s\"\n", type, bits, got, want);
	}
	fclose(f);
	assert_int_equal(n_bad, 0);
	assert_true(n > 1000);
}

static void floats(void **state)
{
	char text[32];
	struct ser_rng r;
	(void)state;
	assert_string_equal(ser_format_float(0.1f, text), "0.1");
	assert_string_equal(ser_format_float(-0.0f, text), "-0");
	assert_string_equal(ser_format_float(-NAN, text), "nan");
	assert_string_equal(ser_format_float(-INFINITY, text), "-inf");
	ser_rng_seed(&r, 4);
	for (int i = 0; i < 200000; i++) {
		uint32_t bits = (uint32_t)ser_rng_next(&r);
		float x;
		memcpy(&x, &bits, sizeof x);
		if (!isfinite(x))
			continue;
		assert_true(strlen(ser_format_float(x, text)) < 17);
		assert_true(strtof(text, NULL) == x);
	}
}

/* The bytes of a code point, whether it is one or not. */
static size_t encode(uint32_t c, char s[4])
{
	if (c < 0x80)
		return s[0] = (char)c, 1;
	if (c < 0x800)
		return s[0] = (char)(0xc0 | c >> 6), s[1] = (char)(0x80 | (c & 63)), 2;
	if (c < 0x10000)
		return s[0] = (char)(0xe0 | c >> 12), s[1] = (char)(0x80 | (c >> 6 & 63)),
		       s[2] = (char)(0x80 | (c & 63)), 3;
	s[0] = (char)(0xf0 | c >> 18);
	s[1] = (char)(0x80 | (c >> 12 & 63));
	s[2] = (char)(0x80 | (c >> 6 & 63));
	s[3] = (char)(0x80 | (c & 63));
	return 4;
}

static void utf8(void **state)
{
	static const char *const wrong[] = {
		"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf5\x80\x80\x80",
		"\xfe", "\xff", "\xc3",     "\xe4\xb8", "\xc3\xc3",     "\xe4\xb8x",        "a\xf0\x9f\x98"};
	char s[4];
	(void)state;
	for (uint32_t c = 0; c < 0x200000; c++) {
		size_t n = encode(c, s);
		bool right = c > 0 && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
		if (ser_utf8_ok(s, n) != right || (n > 1 && ser_utf8_ok(s, n - 1)))
			fail_msg("U+%04X", c);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (ser_utf8_ok(wrong[i], strlen(wrong[i])))
			fail_msg("wrong[%zu] was accepted", i);
	assert_true(ser_utf8_ok("", 0));
	assert_false(ser_utf8_ok("a\0b", 3));
}

static void random_numbers(void **state)
{
	/* xoshiro256** from the state 1, 2, 3, 4, and splitmix64 from 0: the authors' programs */
	static const uint64_t want[] = {11520,
					0,
					1509978240,
					1215971899390074240,
					1216172134540287360,
					607988272756665600,
					UINT64_C(16172922978634559625),
					8476171486693032832,
					UINT64_C(10595114339597558777),
					2904607092377533576};
	static const uint64_t seeded[] = {UINT64_C(0xe220a8397b1dcdaf), UINT64_C(0x6e789e6aa1b965f4),
					  UINT64_C(0x06c45d188009454f), UINT64_C(0xf88bb8a8724c81ec)};
	struct ser_rng r = {{1, 2, 3, 4}}, q;
	double sum = 0, square = 0;
	int count[7] = {0}, list[50], seen[50] = {0};
	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		assert_true(ser_rng_next(&r) == want[i]);
	ser_rng_seed(&r, 0);
	assert_memory_equal(r.s, seeded, sizeof seeded);
	for (int i = 0; i < 100000; i++) {
		double x = ser_rng_normal(&r);
		sum += x;
		square += x * x;
		count[ser_rng_below(&r, 7)]++;
		x = ser_rng_uniform(&r);
		assert_true(x >= 0 && x < 1);
	}
	assert_true(fabs(sum / 100000) < 0.02 && fabs(square / 100000 - 1) < 0.03);
	for (int i = 0; i < 7; i++)
		assert_in_range(count[i], 13700, 14900);
	for (int i = 0; i < 50; i++)
		list[i] = i;
	ser_rng_shuffle(&r, list, 50, sizeof *list);
	for (int i = 0; i < 50; i++)
		seen[list[i]]++;
	for (int i = 0; i < 50; i++)
		assert_int_equal(seen[i], 1);
	ser_rng_seed_key(&r, 1, "a", 1);
	ser_rng_seed_key(&q, 1, "b", 1);
	assert_true(ser_rng_next(&r) != ser_rng_next(&q));
	assert_true(ser_hash("a", 1) == UINT64_C(0x5f29c2aadd9b8527));
}

static void directory(char dir[64])
{
	snprintf(dir, 64, "%s", "/tmp/test_base.XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
}

static void outdirs(void **state)
{
	struct ser_outdir o, q;
	struct ser_err e;
	struct stat st;
	char dir[64], *here = getcwd(NULL, 0);
	(void)state;
	directory(dir);
	umask(027);
	assert_int_equal(ser_outdir_open(&o, "d/", &e), 0);
	for (int i = 0; i < 20; i++) {
		char name[16];
		snprintf(name, sizeof name, "f%d", i);
		FILE *f = ser_outdir_create(&o, name, &e);
		assert_non_null(f);
		fputs(name, f);
		fclose(f);
	}
	assert_null(ser_outdir_create(&o, "f3", &e)); /* once is enough */
	assert_int_equal(access("d", F_OK), -1);
	assert_int_equal(ser_outdir_commit(&o, &e), 0);
	assert_int_equal(stat("d", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	assert_int_equal(stat("d/f19", &st), 0);
	assert_int_equal(st.st_size, 3);
	/* what holds something is not replaced; an empty one is */
	assert_int_equal(ser_outdir_open(&o, "d", &e), SER_EIO);
	assert_string_equal(e.msg, "d: exists and is not empty");
	assert_int_equal(ser_outdir_open(&o, "d/f1", &e), SER_EIO);
	assert_int_equal(ser_outdir_open(&o, "no/such/place", &e), SER_EIO);
	assert_int_equal(mkdir("empty", 0700), 0);
	assert_int_equal(ser_outdir_open(&o, "empty", &e), 0);
	assert_int_equal(ser_outdir_open(&q, "other", &e), 0);
	fclose(ser_outdir_create(&q, "x", &e));
	char *tmp = ser_strdup(q.tmp);
	ser_outdir_abort(&q);
	assert_int_equal(access(tmp, F_OK), -1);
	free(tmp);
	assert_int_equal(ser_outdir_commit(&o, &e), 0);
	assert_int_equal(ser_outdir_open(&o, "late", &e), 0);
	fclose(ser_outdir_create(&o, "x", &e));
	tmp = ser_strdup(o.tmp);
	ser_outfile_abort_all();
	assert_int_equal(access(tmp, F_OK), -1);
	assert_int_equal(ser_outdir_commit(&o, &e), SER_EIO);
	free(tmp);
	assert_int_equal(chdir(here), 0);
	free(here);
}

static void outfiles(void **state)
{
	struct ser_outfile o, q;
	struct ser_err e;
	struct stat st;
	char dir[64], *s, *here = getcwd(NULL, 0);
	size_t n;
	(void)state;
	directory(dir);
	umask(027);
	assert_int_equal(ser_outfile_open(&o, "a", &e), 0);
	fputs("one", o.f);
	assert_int_equal(access("a", F_OK), -1);
	assert_int_equal(ser_outfile_commit(&o, &e), 0);
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	/* replaced only when whole */
	assert_int_equal(ser_outfile_open(&o, "a", &e), 0);
	fputs("two", o.f);
	assert_int_equal(ser_outfile_open(&q, "b", &e), 0);
	ser_outfile_abort(&o);
	assert_int_equal(ser_read_file("a", 100, &s, &n, &e), 0);
	assert_string_equal(s, "one");
	free(s);
	char *tmp = ser_strdup(q.tmp);
	assert_int_equal(access(tmp, F_OK), 0);
	ser_outfile_abort_all();
	assert_int_equal(access(tmp, F_OK), -1);
	assert_int_equal(ser_outfile_commit(&q, &e), SER_EIO); /* it is gone */
	assert_int_equal(access("b", F_OK), -1);
	free(tmp);
	assert_int_equal(ser_outfile_open(&o, "no/such/place", &e), SER_EIO);
	assert_non_null(strstr(e.msg, "no/such/place: cannot create"));
	/* one write failed, all others and the last went well */
	assert_int_equal(ser_outfile_open(&o, "c", &e), 0);
	int kept = dup(fileno(o.f)), full = open("/dev/full", O_WRONLY);
	assert_true(kept >= 0 && full >= 0 && dup2(full, fileno(o.f)) >= 0);
	fputs("lost", o.f);
	assert_int_equal(fflush(o.f), EOF);
	assert_true(dup2(kept, fileno(o.f)) >= 0);
	fputs("there", o.f);
	assert_int_equal(fflush(o.f), 0);
	assert_int_equal(ser_outfile_commit(&o, &e), SER_EIO);
	assert_int_equal(access("c", F_OK), -1);
	close(kept);
	close(full);
	assert_int_equal(ser_outfile_open(&o, "/dev/full", &e), 0);
	fputs("x", o.f);
	assert_int_equal(ser_outfile_commit(&o, &e), SER_EIO);
	assert_string_equal(e.msg, "/dev/full: write failed: No space left on device");
	/* reading */
	assert_int_equal(ser_read_file("a", 3, &s, &n, &e), 0);
	free(s);
	assert_int_equal(ser_read_file("a", 2, &s, &n, &e), SER_EDATA);
	assert_int_equal(ser_read_file("nosuch", 2, &s, &n, &e), SER_EIO);
	assert_int_equal(ser_read_file(".", 2, &s, &n, &e), SER_EIO);
	assert_int_equal(unlink("a"), 0);
	assert_int_equal(chdir(here), 0);
	assert_int_equal(rmdir(dir), 0); /* so nothing was left in it */
	free(here);
}

struct squares {
	double *out;
	int n_thread;
};

static void square(void *ctx, size_t i, int worker)
{
	struct squares *s = ctx;
	assert_in_range(worker, 0, s->n_thread > 1 ? s->n_thread - 1 : 0);
	s->out[i] += (double)i * (double)i;
}

static void parallel(void **state)
{
	(void)state;
	for (int t = 0; t <= 8; t++)
		for (size_t n = 0; n < 1000; n = 3 * n + 1) {
			struct squares s = {ser_calloc(n, sizeof(double)), t};
			ser_parallel_for(t, n, square, &s);
			for (size_t i = 0; i < n; i++)
				assert_true(s.out[i] == (double)i * (double)i);
			free(s.out);
		}
}

/* The same bytes and hashes on every machine. */
static void byte_order(void **state)
{
	(void)state;
	const uint16_t h[2] = {0x0102, 0xfffe};
	const float f[2] = {1, -2};
	uint64_t q[2] = {UINT64_C(0x0102030405060708), 3};
	struct ser_buf b = {0}, tmp = {0};
	assert_memory_equal(ser_le_copy(&tmp, h, 2, 2), "\2\1\376\377", 4);
	ser_buf_str(&b, "x");
	ser_buf_add_le(&b, f, 2, 4);
	assert_int_equal(b.n, 9);
	assert_memory_equal(b.s, "x\0\0\200\77\0\0\0\300", 9);
	assert_true(ser_hash_le(q, 2, 8) == ser_hash("\10\7\6\5\4\3\2\1\3\0\0\0\0\0\0\0", 16));
	ser_le(q, 2, 8);
	assert_memory_equal(q, "\10\7\6\5\4\3\2\1\3\0\0\0\0\0\0\0", 16);
	ser_le(q, 2, 8);
	assert_true(q[0] == UINT64_C(0x0102030405060708) && q[1] == 3);
	ser_buf_free(&b);
	ser_buf_free(&tmp);
}

/* Of much, whole pages are given back: all of it is 0 all the same, and nothing beside it. */
static void zeroes(void **state)
{
	(void)state;
	const size_t size[] = {0, 1, 5000, (16 << 20) - 1, (17 << 20) + 17};
	for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
		size_t n = size[i];
		char *p = ser_malloc(n + 2, 1);
		memset(p, 1, n + 2);
		assert_true(n == 0 || !ser_is_zero(p + 1, n));
		ser_zero(p + 1, n);
		assert_true(ser_is_zero(p + 1, n) && p[0] == 1 && p[n + 1] == 1);
		p[n] = 1;
		assert_true(n == 0 || !ser_is_zero(p + 1, n));
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroes),
		cmocka_unit_test(errors),
		cmocka_unit_test(sizes),
		cmocka_unit_test(deviation),
		cmocka_unit_test(arena),
		cmocka_unit_test(buffer),
		cmocka_unit_test(map),
		cmocka_unit_test(integers),
		cmocka_unit_test(reals),
		cmocka_unit_test(shortest_texts),
		cmocka_unit_test(floats),
		cmocka_unit_test(utf8),
		cmocka_unit_test(random_numbers),
		cmocka_unit_test(outfiles),
		cmocka_unit_test(outdirs),
		cmocka_unit_test(parallel),
		cmocka_unit_test(byte_order),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
