/* SPDX-License-Identifier: MIT */
/* Normalised records against scikit-learn's StandardScaler (tests/ref/norm.py), the file of statistics, and what is refused. */
#include "formats/safetensors.h"
#include "extract/norm.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { N = 5, D = 3, MOST = 100 };

static double golden[12][MOST];
static const char *const name[] = {"rows", "spk",     "x",        "record", "record_mean", "spk_both",
				   "all",  "all_var", "all_clip", "shift",  "gain",        NULL};

static const double *want(const char *what)
{
	for (size_t i = 0; name[i] != NULL; i++)
		if (strcmp(name[i], what) == 0)
			return golden[i];
	fail_msg("no golden %s", what);
	return NULL;
}

static int setup(void **state)
{
	char *text;
	size_t n, k = 0;
	struct ser_err e;
	(void)state;
	if (ser_read_file("tests/golden/norm.txt", 1 << 20, &text, &n, &e) != SER_OK)
		return -1;
	for (char *s = text; *s != '\0' && name[k] != NULL; s = strchr(s, '\n') + 1, k++) {
		assert_memory_equal(s, name[k], strlen(name[k]));
		size_t len = strtoul(s + strlen(name[k]), &s, 10);
		assert_true(len <= MOST);
		for (size_t i = 0; i < len; i++)
			golden[k][i] = strtod(s, &s);
	}
	free(text);
	return name[k] == NULL ? 0 : -1;
}

/* Record i, as it is in the golden file. */
static void make(struct ser_record *r, size_t i)
{
	const double *x = want("x");
	size_t shape[2] = {(size_t)want("rows")[i], D};
	float y[MOST];
	for (size_t k = 0; k < i; k++)
		x += (size_t)want("rows")[k] * D;
	for (size_t k = 0; k < shape[0] * D; k++)
		y[k] = (float)x[k];
	ser_record_clear(r);
	ser_record_set(r, "id", ser_str("r"));
	ser_record_set(r, "spk", ser_str(want("spk")[i] > 0 ? "b" : "a"));
	ser_record_set_copy(r, "feat", ser_f4(y, 2, shape));
}

/* All records, normalised, are the golden numbers. */
static void check(struct ser_norm *n, const char *what)
{
	struct ser_record r = {0};
	struct ser_err e;
	const float *y;
	const double *w = want(what);
	size_t shape[2];
	for (size_t i = 0; i < N; i++) {
		make(&r, i);
		if (ser_norm_do(n, 0, &r, &e) != SER_OK || ser_record_f4(&r, "feat", 2, &y, shape, &e) != SER_OK)
			fail_msg("%s", e.msg);
		assert_int_equal(shape[0], want("rows")[i]);
		assert_int_equal(shape[1], D);
		for (size_t k = 0; k < shape[0] * D; k++, w++)
			if (!(fabs(y[k] - *w) <= 2e-6))
				fail_msg("%s: record %zu: %.9g, expected %.9g", what, i, y[k], *w);
	}
	ser_record_free(&r);
}

static void add_all(struct ser_norm *n)
{
	struct ser_record r = {0};
	struct ser_err e;
	for (size_t i = 0; i < N; i++) {
		make(&r, i);
		assert_int_equal(ser_norm_add(n, &r, &e), SER_OK);
	}
	ser_norm_done(n);
	ser_record_free(&r);
}

static void by_record(void **state)
{
	struct ser_norm_opt o;
	(void)state;
	ser_norm_opt_init(&o);
	struct ser_norm *n = ser_norm_new(&o, 1);
	check(n, "record");
	o.var = false;
	check(n, "record_mean");
	ser_norm_free(n);
	ser_norm_free(NULL);
}

/* Windows as they were asked for; test_dsp has what is done in them. */
static void sliding(void **state)
{
	struct ser_norm_opt o;
	struct ser_record r = {0};
	struct ser_err e;
	const double *x = want("x");
	(void)state;
	ser_norm_opt_init(&o);
	o.sliding = 3;
	o.min_window = 2;
	o.var = false;
	struct ser_norm *n = ser_norm_new(&o, 1);
	for (size_t i = 0; i < N; i++) {
		size_t rows = (size_t)want("rows")[i], shape[2];
		const float *y;
		make(&r, i);
		if (ser_norm_do(n, 0, &r, &e) != SER_OK || ser_record_f4(&r, "feat", 2, &y, shape, &e) != SER_OK)
			fail_msg("%s", e.msg);
		for (size_t t = 0; t < rows; t++)
			for (size_t k = 0; k < D;
			     k++) { /* the frame and, as Kaldi has it, three before; or the first two */
				size_t to = t + 1 > 2 ? t + 1 : rows > 1 ? 2 : 1, from = t > 3 ? t - 3 : 0;
				double mean = 0;
				for (size_t s = from; s < to; s++)
					mean += x[s * D + k] / (double)(to - from);
				assert_true(fabs(y[t * D + k] - (x[t * D + k] - mean)) <= 1e-4);
			}
		x += rows * D;
	}
	ser_record_free(&r);
	ser_norm_free(n);
}

static void over_records(void **state)
{
	const struct {
		const char *what, *by;
		bool mean;
		double clip;
	} c[] = {{"spk_both", "spk", true, 0},
		 {"all", NULL, true, 0},
		 {"all_var", NULL, false, 0},
		 {"all_clip", NULL, true, 0.5}};
	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct ser_norm_opt o;
		ser_norm_opt_init(&o);
		o.by = c[i].by;
		o.global = o.by == NULL;
		o.mean = c[i].mean;
		o.clip = c[i].clip;
		struct ser_norm *n = ser_norm_new(&o, 1);
		add_all(n);
		check(n, c[i].what);
		ser_norm_free(n);
	}
}

static void files(void **state)
{
	char path[] = "/tmp/test_norm.XXXXXX", bad[] = "/tmp/test_norm.XXXXXX";
	struct ser_norm_opt o;
	struct ser_err e;
	struct ser_st *s;
	(void)state;
	close(mkstemp(path));
	close(mkstemp(bad));
	ser_norm_opt_init(&o);
	struct ser_norm *n = ser_norm_new(&o, 1);
	assert_int_equal(ser_norm_save(n, path, &e), SER_EDATA);
	assert_string_equal(e.msg, "no record to fit to");
	add_all(n);
	assert_int_equal(ser_norm_save(n, path, &e), SER_OK);
	ser_norm_free(n);

	assert_int_equal(ser_st_open(&s, path, &e), SER_OK);
	double v[D];
	for (int k = 0; k < 2; k++) {
		const char *what = k == 0 ? "shift" : "gain";
		ser_st_f8(ser_st_find(s, what), v);
		for (size_t i = 0; i < D; i++)
			assert_true(fabs(v[i] - want(what)[i]) <= 1e-9 * fabs(want(what)[i]));
	}
	assert_string_equal(ser_st_meta(s, "frames"), "21");
	ser_st_free(s);

	n = ser_norm_new(&o, 1);
	assert_int_equal(ser_norm_load(n, path, &e), SER_OK);
	check(n, "all");
	ser_norm_free(n);
	o.mean = false;
	n = ser_norm_new(&o, 1);
	assert_int_equal(ser_norm_load(n, path, &e), SER_OK);
	check(n, "all_var");
	ser_norm_free(n);

	const double one = 1;
	const struct ser_st_tensor t = {.name = "shift", .dtype = SER_ST_F64, .ndim = 1, .shape = {1}, .data = &one};
	assert_int_equal(ser_st_save(bad, &t, 1, NULL, 0, &e), SER_OK);
	n = ser_norm_new(&o, 1);
	assert_int_equal(ser_norm_load(n, bad, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "is not a file of ser-norm --fit"));
	assert_int_equal(ser_norm_load(n, "/nonexistent/file", &e), SER_EIO);
	ser_norm_free(n);
	unlink(path);
	unlink(bad);
}

static void refused(void **state)
{
	const float bad[2 * D] = {1, 2, 3, 4, NAN, 6}, good[2 * (D + 1)] = {0};
	const struct {
		const float *x;
		size_t shape[2];
		const char *why;
	} c[] = {{bad, {2, D}, "not a finite number"}, {good, {0, D}, "is empty"}, {good, {2, D + 1}, "columns"}};
	struct ser_norm_opt o;
	struct ser_record r = {0};
	struct ser_err e;
	(void)state;
	ser_norm_opt_init(&o);
	o.global = true;
	struct ser_norm *all = ser_norm_new(&o, 1), *each = ser_norm_new(&o, 1);
	add_all(all);
	for (size_t i = 0; i < 3; i++) {
		ser_record_clear(&r);
		ser_record_set(&r, "id", ser_str("r"));
		ser_record_set(&r, "feat", ser_f4(c[i].x, 2, c[i].shape));
		assert_int_equal(ser_norm_do(all, 0, &r, &e), SER_EDATA);
		assert_non_null(strstr(e.msg, c[i].why));
		assert_int_equal(ser_norm_add(all, &r, &e), SER_EDATA);
		assert_non_null(strstr(e.msg, c[i].why));
	}
	ser_record_set(&r, "feat", ser_f4(good, 2, (const size_t[]){1, D}));
	assert_int_equal(ser_norm_do(each, 0, &r, &e), SER_EDATA); /* nothing would be left of it */
	assert_non_null(strstr(e.msg, "has one row"));
	o.field = "other";
	assert_int_equal(ser_norm_do(all, 0, &r, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "no field \"other\""));
	ser_norm_free(all);
	ser_norm_free(each);
	ser_record_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_record), cmocka_unit_test(sliding), cmocka_unit_test(over_records),
		cmocka_unit_test(files),     cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests_name("norm", tests, setup, NULL);
}
