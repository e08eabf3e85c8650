/* SPDX-License-Identifier: MIT */
#include "corpus/corpus.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static FILE *text(const char *s, size_t n)
{
	FILE *f = tmpfile();
	assert_non_null(f);
	assert_int_equal(fwrite(s, 1, n, f), n);
	rewind(f);
	return f;
}

static void test_rows(void **state)
{
	(void)state;
	static const char s[] = "\xef\xbb\xbfid\tpath\tspk\temo\tstart\tend\r\n"
				"a\twav/a.wav\t03\tanger\t\t\r\n"
				"b\t/abs/b.wav\t08\t\t1.5\t2.25\n";
	FILE *f = text(s, sizeof s - 1);
	struct ser_err e = {0};
	struct ser_manifest_opts o = {.root = {.dir = "/data", .allow_absolute = true}, .need = "spk emo"};
	struct ser_manifest *m = ser_manifest_new(f, "t", &o, &e);
	assert_non_null(m);
	assert_int_equal(ser_manifest_n_col(m), 6);
	assert_int_equal(ser_manifest_col(m, "emo"), 3);
	assert_int_equal(ser_manifest_col(m, "nope"), -1);
	double a, b;
	assert_int_equal(ser_manifest_next(m, &e), 1);
	assert_string_equal(ser_manifest_id(m), "a");
	assert_string_equal(ser_manifest_path(m, &e), "/data/wav/a.wav");
	assert_int_equal(ser_manifest_segment(m, &a, &b, &e), 0);
	assert_true(a == 0 && isinf(b));
	assert_int_equal(ser_manifest_next(m, &e), 1);
	assert_string_equal(ser_manifest_path(m, &e), "/abs/b.wav");
	assert_string_equal(ser_manifest_get(m, "emo"), "");
	assert_int_equal(ser_manifest_segment(m, &a, &b, &e), 0);
	assert_true(a == 1.5 && b == 2.25);
	assert_int_equal(ser_manifest_line(m), 3);
	assert_int_equal(ser_manifest_next(m, &e), 0);
	ser_manifest_free(m);
	fclose(f);
}

/* Each text fails with a sentence that holds `part`. */
static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *s;
		size_t n; /* 0: strlen(s) */
		const char *part;
	} bad[] = {
		{"", 0, "t: empty"},
		{"id\tspk\n", 0, "t:1: no column \"path\""},
		{"path\n", 0, "t:1: no column \"id\""},
		{"id\tpath\temo\n", 0, "t:1: no column \"spk\""},
		{"id\tpath\tspk\tspk\n", 0, "t:1: column \"spk\" twice"},
		{"id\tpath\tspk\t\n", 0, "t:1: column 4 has no name"},
		{"id\tpath\tspk", 0, "t:1: the last line does not end"},
		{"id\tpath\tspk\na\tb\n", 0, "t:2: 2 fields, expected 3"},
		{"id\tpath\tspk\na\tb\tc\td\n", 0, "t:2: 4 fields, expected 3"},
		{"id\tpath\tspk\n\n", 0, "t:2: 1 fields, expected 3"},
		{"id\tpath\tspk\n\tb\tc\n", 0, "t:2: the id is empty"},
		{"id\tpath\tspk\na\tb\tc\nb\tb\tc\na\tb\tc\n", 0, "t:4: id \"a\" again, it was on line 2"},
		{"id\tpath\tspk\na\tb\tc\nb\tb", 0, "t:3: the last line does not end"},
		{"id\tpath\tspk\na\tb\0x\tc\n", 20, "t:2: a NUL byte"},
		{"id\tpath\tspk\na\t\xc0\xaf\tc\n", 0, "t:2: not UTF-8"},
		{"id\tpath\tspk\na\t\xed\xa0\x80\tc\n", 0, "t:2: not UTF-8"},
		{"id\tpath\tspk\na\t\xe2\x82\tc\n", 0, "t:2: not UTF-8"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		FILE *f = text(bad[i].s, bad[i].n > 0 ? bad[i].n : strlen(bad[i].s));
		struct ser_err e = {0};
		struct ser_manifest *m = ser_manifest_new(f, "t", &(struct ser_manifest_opts){.need = " spk"}, &e);
		int rc = m != NULL ? 1 : e.code;
		while (m != NULL && (rc = ser_manifest_next(m, &e)) > 0)
			;
		assert_int_equal(rc, SER_EDATA);
		if (strstr(e.msg, bad[i].part) == NULL)
			fail_msg("case %zu: \"%s\" lacks \"%s\"", i, e.msg, bad[i].part);
		ser_manifest_free(m);
		fclose(f);
	}
}

static void test_long_line(void **state)
{
	(void)state;
	struct ser_buf b = {0};
	ser_buf_str(&b, "id\tpath\n");
	for (int i = 0; i < SER_MANIFEST_MAX_LINE; i++)
		ser_buf_str(&b, "x");
	ser_buf_str(&b, "\ty\n");
	FILE *f = text(b.s, b.n);
	struct ser_err e = {0};
	struct ser_manifest *m = ser_manifest_new(f, "t", NULL, &e);
	assert_non_null(m);
	assert_int_equal(ser_manifest_next(m, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "t:2: line longer than 1048576 bytes"));
	ser_manifest_free(m);
	fclose(f);
	ser_buf_free(&b);
}

static void test_paths_and_segments(void **state)
{
	(void)state;
	static const char s[] = "id\tpath\tstart\tend\n"
				"a\t../x.wav\t-1\t\nb\t/x.wav\t2\t1\nc\ta/..b/c.wav\tzz\t\nd\ta/b/..\t\tnan\ne\t\t\t\n";
	static const struct ser_manifest_opts below = {.root = {.dir = "."}};
	static const struct {
		const struct ser_manifest_opts *o;
		bool path_ok[5];
	} way[] = {{NULL, {true, true, true, true, false}}, {&below, {false, false, true, false, false}}};
	static const char *const part[] = {"-1 is outside", "before", "\"zz\" is not", "\"nan\" is not", NULL};
	for (int w = 0; w < 2; w++) {
		FILE *f = text(s, sizeof s - 1);
		struct ser_err e = {0};
		struct ser_manifest *m = ser_manifest_new(f, "t", way[w].o, &e);
		assert_non_null(m);
		for (int i = 0; i < 5; i++) {
			double start, end;
			assert_int_equal(ser_manifest_next(m, &e), 1);
			assert_int_equal(ser_manifest_path(m, &e) != NULL, way[w].path_ok[i]);
			assert_int_equal(ser_manifest_segment(m, &start, &end, &e), part[i] != NULL ? SER_EDATA : 0);
			assert_true(part[i] == NULL || strstr(e.msg, part[i]) != NULL);
		}
		ser_manifest_free(m);
		fclose(f);
	}
}

static void test_table(void **state)
{
	(void)state;
	struct ser_table t = {0};
	struct ser_err e = {0};
	static const char csv[] = "id,\"path\", text \r\nb,\"x, \"\"y\"\"\",  two words \r\n\r\na,p,\"line\nbreak\"";
	assert_int_equal(ser_table_parse(&t, csv, sizeof csv - 1, ',', "c", &e), 0);
	assert_int_equal(t.n_row, 2);
	assert_string_equal(ser_table_get(&t, 0, "path"), "x, \"y\"");
	assert_string_equal(ser_table_get(&t, 0, "text"), "two words");
	assert_string_equal(ser_table_get(&t, 1, "text"), "line\nbreak");
	FILE *f = tmpfile();
	assert_int_equal(ser_table_write(&t, f, &e), SER_EDATA); /* the line break */
	assert_non_null(strstr(e.msg, "id \"a\""));
	ser_table_set(&t, 1, (size_t)ser_table_col(&t, "text"), "ok", 2);
	ser_table_sort(&t, 0);
	rewind(f);
	assert_int_equal(ser_table_write(&t, f, &e), 0);
	fflush(f);
	rewind(f);
	struct ser_table u = {0};
	assert_int_equal(ser_table_read(&u, f, "u", NULL, &e), 0);
	assert_int_equal(u.n_row, 2);
	assert_int_equal(u.n_col, 5);
	assert_string_equal(ser_table_get(&u, 0, "id"), "a");
	assert_string_equal(ser_table_get(&u, 1, "path"), "x, \"y\"");
	assert_string_equal(u.col[4].name, "text");
	ser_table_filter(&u, (const bool[]){false, true});
	assert_int_equal(u.n_row, 1);
	assert_string_equal(ser_table_get(&u, 0, "id"), "b");
	size_t r = ser_table_add_row(&u);
	ser_table_set(&u, r, 0, "b", 1);
	assert_int_equal(ser_table_write(&u, f, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "id \"b\" twice"));
	fclose(f);
	ser_table_free(&u);
	ser_table_free(&t);

	static const char *const bad[] = {"", "a,b\n1\n", "a,a\n", "a\n\"x", "a\n\"x\"y\n", "a\n\xff\n"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct ser_table b = {0};
		assert_int_equal(ser_table_parse(&b, bad[i], strlen(bad[i]), ',', "c", &e), SER_EDATA);
		ser_table_free(&b);
	}
}

static void test_kind(void **state)
{
	(void)state;
	assert_int_equal(ser_manifest_kind("spk"), SER_CELL_TEXT);
	assert_int_equal(ser_manifest_kind("fold"), SER_CELL_INT);
	assert_int_equal(ser_manifest_kind("vote.anger"), SER_CELL_INT);
	assert_int_equal(ser_manifest_kind("prob.anger"), SER_CELL_REAL);
	assert_int_equal(ser_manifest_kind("start"), SER_CELL_REAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),      cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_line), cmocka_unit_test(test_paths_and_segments),
		cmocka_unit_test(test_table),     cmocka_unit_test(test_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
