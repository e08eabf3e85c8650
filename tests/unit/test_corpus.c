/* SPDX-License-Identifier: MIT */
#include "corpus/corpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void test_builtins(void **state)
{
	(void)state;
	static const char *const need[] = {"name", "title", "lang", "terms", "licence", "cite", "get", "source"};
	const char *name, *last = "";
	size_t n = 0;
	for (; (name = ser_corpus_builtin_name(n)) != NULL; n++) {
		struct ser_err e = {0};
		struct ser_corpus *c = ser_corpus_builtin(name, &e);
		if (c == NULL)
			fail_msg("%s: %s", name, e.msg);
		assert_true(strcmp(last, name) < 0);
		last = name;
		assert_string_equal(ser_corpus_about(c, "name", 0), name);
		for (size_t i = 0; i < sizeof need / sizeof *need; i++)
			if (ser_corpus_about(c, need[i], 0) == NULL)
				fail_msg("%s has no %s", name, need[i]);
		ser_corpus_free(c);
	}
	assert_int_equal(n, 44);
	struct ser_err e = {0};
	assert_null(ser_corpus_builtin("nope", &e));
	assert_int_equal(e.code, SER_EUSAGE);
	assert_non_null(strstr(e.msg, "ravdess"));
}

static void test_folds(void **state)
{
	(void)state;
	struct ser_corpus *c = ser_corpus_builtin("cremad", NULL);
	const char *field;
	struct ser_err e = {0};
	assert_int_equal(ser_corpus_fold_field(c, "speakers", &field, &e), 0);
	assert_string_equal(field, "spk");
	assert_int_equal(ser_corpus_fold_of(c, "speakers", "1037"), 1);
	assert_int_equal(ser_corpus_fold_of(c, "speakers", "1018"), 2);
	assert_int_equal(ser_corpus_fold_of(c, "speakers", "1091"), 3);
	assert_int_equal(ser_corpus_fold_of(c, "speakers", "1092"), 0);
	int n[6] = {0};
	for (int spk = 1001; spk <= 1091; spk++) {
		char s[16];
		snprintf(s, sizeof s, "%d", spk);
		n[ser_corpus_fold_of(c, "speakers", s)]++;
	}
	assert_int_equal(n[0], 0);
	assert_int_equal(n[1] + n[2] + n[3] + n[4] + n[5], 91);
	assert_int_equal(ser_corpus_fold_field(c, "x", &field, &e), SER_EUSAGE);
	ser_corpus_free(c);
}

static void test_bad_descriptions(void **state)
{
	(void)state;
	static const char *const bad[][2] = {
		{"", "no \"file\" pattern"},
		{"file {a\n", "d:1: a \"{\" without name"},
		{"file a}\n", "d:1: a \"}\" without"},
		{"file {}\n", "d:1: a \"{\" without name"},
		{"file {a:x}\n", "d:1: after a field's name"},
		{"# note\nfile {a}\nid {b}\n", "d:3: no field \"b\""},
		{"file {a}\ncolumns b\n", "d:2: no field \"b\""},
		{"file {a}\nmap b a x\n", "d:2: \"x\" is not of the form"},
		{"file {a}\nmap b a x=1 x=2\n", "d:2: \"x\" twice"},
		{"file {a}\nmap b c x=1\n", "d:2: no field \"c\""},
		{"file {a}\njoin b=c\n", "d:2: \"join\" before"},
		{"file {a}\ntable t xml k {a}\n", "d:2: \"xml\" is none of"},
		{"file {a}\nfiles many\n", "d:2: \"many\" is no count"},
		{"file {a}\nfile\n", "d:2: \"file\" takes 1 word,"},
		{"file {a}\nnonsense x\n", "d:2: unknown word"},
		{"file {a}\nfolds f a 9-2\n", "d:2: \"9-2\" is no range"},
		{"\xff", "not UTF-8"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct ser_err e = {0};
		assert_null(ser_corpus_parse(bad[i][0], strlen(bad[i][0]), "d", &e));
		assert_int_equal(e.code, SER_EDATA);
		if (strstr(e.msg, bad[i][1]) == NULL)
			fail_msg("case %zu: \"%s\" lacks \"%s\"", i, e.msg, bad[i][1]);
	}
}

/* ---- scanning a folder made here ---- */

static char dir[] = "/tmp/ser-test-corpus-XXXXXX";

static void put(const char *path, const char *text)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s/%s", dir, path);
	for (char *p = b.s + strlen(dir) + 1; (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = '\0';
		mkdir(b.s, 0777);
	}
	FILE *f = fopen(b.s, "wb");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	ser_buf_free(&b);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	char cmd[64];
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	return system(cmd);
}

static int scan(const char *text, const char *sub, const struct ser_corpus_opts *o, struct ser_table *t,
		struct ser_corpus_report *rep, struct ser_err *e)
{
	struct ser_corpus *c = ser_corpus_parse(text, strlen(text), "d", e);
	assert_non_null(c);
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, sub);
	*t = (struct ser_table){0};
	int rc = ser_corpus_scan(c, path, o, t, rep, e);
	ser_corpus_free(c);
	return rc;
}

static void test_scan(void **state)
{
	(void)state;
	put("a/x/s1-happy01.wav", "");
	put("a/x/s1-sad02.FLAC", "");
	put("a/x/s2-happy01.opus", "");
	put("a/x/.hidden.wav", "");
	put("a/x/notes.txt", "");
	put("a/x/strange.wav", "");
	put("a/info.json", "{\"s1\": {\"age\": 30, \"h\": 1.5}, \"s2\": {\"age\": null}}");
	put("a/x.txt", "s1-happy01 [0.5-1.5]: good day \n\ns2-happy01\tyes\n");
	static const char text[] = "file x/{spk}-{c:@}{n:#2}\n"
				   "table info.json json key {spk}\n"
				   "join age=age\n"
				   "table? x.txt words key {file}\n"
				   "join text=text\n"
				   "table? gone.csv csv id {file}\n"
				   "join no=no\n"
				   "map emo c happy=happiness\n"
				   "     sad=sadness\n"
				   "set both {spk}+{n}\n"
				   "columns age both text\n"
				   "columns spk emo\n"
				   "files 4\n"
				   "distinct spk 2\n"
				   "count emo happiness=2 sadness=2\n"
				   "labels h happiness=joy\n"
				   "count-in h joy=3\n";
	struct ser_table t;
	struct ser_corpus_report rep;
	struct ser_err e = {0};
	assert_int_equal(scan(text, "a", NULL, &t, &rep, &e), 0);
	assert_int_equal(t.n_row, 3);
	assert_string_equal(ser_table_get(&t, 0, "id"), "s1-happy01");
	assert_string_equal(ser_table_get(&t, 1, "id"), "s1-sad02");
	assert_string_equal(ser_table_get(&t, 1, "emo"), "sadness");
	assert_string_equal(ser_table_get(&t, 0, "age"), "30");
	assert_string_equal(ser_table_get(&t, 2, "age"), "");
	assert_string_equal(ser_table_get(&t, 0, "both"), "s1+01");
	assert_string_equal(ser_table_get(&t, 0, "text"), "good day");
	assert_string_equal(ser_table_get(&t, 1, "text"), "");
	assert_string_equal(ser_table_get(&t, 2, "text"), "yes");
	assert_int_equal(rep.n_file, 3);
	assert_int_equal(rep.n_off, 3);
	assert_non_null(strstr(rep.notes.s, "1 audio files match no pattern"));
	assert_non_null(strstr(rep.notes.s, "d: 3 files, expected 4\n"));
	assert_non_null(strstr(rep.notes.s, "d: 1 with emo sadness, expected 2\n"));
	ser_buf_free(&rep.notes);
	ser_table_free(&t);

	struct ser_corpus_opts o = {.label_set = "h", .emo_map = "joy=glee", .labels = "glee,x", .relative = true};
	assert_int_equal(scan(text, "a//", &o, &t, &rep, &e), 0);
	assert_int_equal(t.n_row, 2);
	assert_string_equal(ser_table_get(&t, 0, "path"), "x/s1-happy01.wav");
	assert_string_equal(ser_table_get(&t, 1, "emo"), "glee");
	assert_non_null(strstr(rep.notes.s, "d: 2 with emo joy, expected 3\n"));
	ser_buf_free(&rep.notes);
	ser_table_free(&t);
	assert_int_equal(scan(text, "a", &(struct ser_corpus_opts){.label_set = "z"}, &t, &rep, &e), SER_EUSAGE);
	ser_table_free(&t);
	assert_int_equal(scan(text, "a", &(struct ser_corpus_opts){.emo_map = "z"}, &t, &rep, &e), SER_EUSAGE);
	ser_buf_free(&rep.notes);
	ser_table_free(&t);
}

static void test_scan_refuses(void **state)
{
	(void)state;
	put("b/p/1_a.wav", "");
	put("b/q/1_a.wav", "");
	put("b/t.csv", "k,v\n2,x\n");
	put("b/twice.csv", "k,v\n1,x\n1,y\n");
	put("b/bad.json", "{\"1\": 3}");
	put("empty/readme.txt", "");
	static const char *const bad[][3] = {
		{"b", "file {d:@1}/{n}_{e}\nmap emo e b=x\n", "b/p/1_a.wav: \"a\" for emo is none of b (d:2)"},
		{"b", "file {n}_{e}\n", "id \"1_a\" for both"},
		{"b/p", "file p/{n}_{e}\ntable t.csv csv k {n}\n", "no row \"1\" for it in"},
		{"b", "file p/{n}_{e}\nskip q/*\ntable t.csv csv j {n}\n", "no column \"j\""},
		{"b", "file p/{n}_{e}\ntable twice.csv csv k {n}\n", "k \"1\" twice"},
		{"b", "file p/{n}_{e}\ntable bad.json json k {n}\n", "\"1\" is no object"},
		{"b", "file p/{n}_{e}\ntable gone.csv csv k {n}\n", "gone.csv: cannot open"},
		{"b", "file zz{n}\n", "none of the 2 audio files there is named"},
		{"empty", "file {n}\n", "none of the 0 audio files"},
		{"gone", "file {n}\n", "cannot read the folder"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct ser_table t;
		struct ser_corpus_report rep;
		struct ser_err e = {0};
		int rc = scan(bad[i][1], bad[i][0], NULL, &t, &rep, &e);
		assert_true(rc == SER_EDATA || rc == SER_EIO);
		if (strstr(e.msg, bad[i][2]) == NULL)
			fail_msg("case %zu: \"%s\" lacks \"%s\"", i, e.msg, bad[i][2]);
		ser_buf_free(&rep.notes);
		ser_table_free(&t);
	}
}

static void test_pattern(void **state)
{
	(void)state;
	put("c/anna/joy_1.wav", "");
	put("c/bert/joy_1.wav", "");
	struct ser_err e = {0};
	struct ser_table t = {0};
	struct ser_corpus_report rep;
	char path[64];
	snprintf(path, sizeof path, "%s/c", dir);
	struct ser_corpus *c = ser_corpus_pattern("{spk}/{emo}_{take:#}", "{spk}-{file}", &e);
	assert_non_null(c);
	assert_int_equal(ser_corpus_scan(c, path, NULL, &t, &rep, &e), 0);
	assert_string_equal(ser_table_get(&t, 1, "id"), "bert-joy_1");
	assert_string_equal(ser_table_get(&t, 1, "spk"), "bert");
	assert_string_equal(ser_table_get(&t, 1, "emo"), "joy");
	assert_string_equal(ser_table_get(&t, 1, "take"), "1");
	ser_table_free(&t);
	ser_corpus_free(c);
	c = ser_corpus_pattern("{id}/{emo}_{take:#}", NULL, &e);
	t = (struct ser_table){0};
	assert_int_equal(ser_corpus_scan(c, path, NULL, &t, &rep, &e), 0);
	assert_string_equal(ser_table_get(&t, 0, "id"), "anna");
	ser_table_free(&t);
	ser_corpus_free(c);
	assert_null(ser_corpus_pattern("a b", NULL, &e));
	assert_null(ser_corpus_pattern("{x", NULL, &e));
}

/* Folders that link to themselves end; a link to a file that is gone is an error. */
static void test_links(void **state)
{
	(void)state;
	put("l/a/s_1.wav", "");
	char from[64], to[64];
	snprintf(to, sizeof to, "%s/l", dir);
	snprintf(from, sizeof from, "%s/l/a/loop", dir);
	assert_int_equal(symlink(to, from), 0);
	struct ser_table t;
	struct ser_corpus_report rep;
	struct ser_err e = {0};
	assert_int_equal(scan("file {s}_{n}\n", "l", NULL, &t, &rep, &e), 0);
	assert_int_equal(t.n_row, 1);
	ser_table_free(&t);
	snprintf(to, sizeof to, "%s/nowhere.wav", dir);
	snprintf(from, sizeof from, "%s/l/a/s_2.wav", dir);
	assert_int_equal(symlink(to, from), 0);
	assert_int_equal(scan("file {s}_{n}\n", "l", NULL, &t, &rep, &e), SER_EIO);
	ser_table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtins),
		cmocka_unit_test(test_folds),
		cmocka_unit_test(test_bad_descriptions),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_scan_refuses),
		cmocka_unit_test(test_pattern),
		cmocka_unit_test(test_links),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
