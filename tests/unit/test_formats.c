/* SPDX-License-Identifier: MIT */
/* Other systems' files: bytes as NumPy, HTK, Kaldi and pickle write them, what is in them, and what is refused. */
#include "formats/formats.h"
#include "formats/pickle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_formats.XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

static int format(const char *name)
{
	for (int i = 0; ser_format_names[i] != NULL; i++)
		if (strcmp(ser_format_names[i], name) == 0)
			return i;
	fail_msg("no format %s", name);
	return -1;
}

static void options(void **state)
{
	struct ser_err e;
	(void)state;
	assert_true(ser_format_is_text(format("csv")) && !ser_format_is_text(format("htk")));
	assert_int_equal(ser_format_check(format("csv"), 0, &(struct ser_format_opt){.no_id = true}, &e), SER_OK);
	assert_int_equal(ser_format_check(format("htk"), 0, &(struct ser_format_opt){.no_id = true}, &e), SER_EUSAGE);
	assert_string_equal(e.msg, "--no-id has no meaning from htk to ser");
	assert_int_equal(ser_format_check(0, format("svmlight"), &(struct ser_format_opt){0}, &e), SER_EUSAGE);
	assert_int_equal(ser_format_check(0, format("npy"), &(struct ser_format_opt){.ids = "x"}, &e), SER_EUSAGE);
	assert_int_equal(ser_format_check(0, format("csv"), &(struct ser_format_opt){.tensor = "id"}, &e), SER_EUSAGE);
}

/* A file of these n bytes, opened. */
static struct ser_import *open_bytes(const char *name, const void *p, size_t n, FILE **f)
{
	const struct ser_format_opt o = {0};
	*f = fmemopen((void *)(uintptr_t)p, n, "r");
	assert_non_null(*f);
	return ser_import_file(format(name), &o, *f, "file");
}

/* The file's only record has this id and this tensor "feat" [2,3] or [3]. */
static void holds(const char *name, const void *p, size_t n, const char *id, int ndim, const float *want)
{
	struct ser_record r = {0};
	struct ser_err e;
	const float *x;
	size_t shape[SER_MAX_AXES], len = 1;
	FILE *f;
	struct ser_import *im = open_bytes(name, p, n, &f);
	if (ser_import_next(im, &r, NULL, &e) != 1 || ser_record_f4(&r, "feat", ndim, &x, shape, &e) != SER_OK)
		fail_msg("%s: %s", name, e.msg);
	assert_string_equal(ser_record_id(&r), id);
	assert_int_equal(shape[0], ndim == 2 ? 2 : 3);
	assert_int_equal(shape[ndim - 1], 3);
	for (int i = 0; i < ndim; i++)
		len *= shape[i];
	assert_memory_equal(x, want, len * sizeof *want);
	assert_int_equal(ser_import_next(im, &r, NULL, &e), 0);
	ser_record_free(&r);
	ser_import_free(im);
	fclose(f);
}

/* Its first record, or what comes after it, is refused with a sentence that holds `what`. */
static void refused(const char *name, const void *p, size_t n, const char *what)
{
	struct ser_record r = {0};
	struct ser_err e;
	int rc;
	FILE *f;
	struct ser_import *im = open_bytes(name, p, n, &f);
	while ((rc = ser_import_next(im, &r, NULL, &e)) > 0)
		;
	assert_int_equal(rc, SER_EDATA);
	if (strstr(e.msg, what) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", name, e.msg, what);
	ser_record_free(&r);
	ser_import_free(im);
	fclose(f);
}

static const float six[6] = {1, -2, 0.5f, 3, 4.25f, -1e-3f};

/* numpy.save() of `six` as <f4; HTK's own header (the HTK Book, 5.10.1): frames, 100 ns,
 * bytes a frame, kind; Kaldi's archive as text. */
static const char npy_head[] = "\x93NUMPY\x01\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
static const unsigned char htk[] = {0,    0,    0, 2, 0,    1,    0x86, 0xa0, 0,    12,   0,    9,
				    0x3f, 0x80, 0, 0, 0xc0, 0,    0,    0,    0x3f, 0,    0,    0,
				    0x40, 0x40, 0, 0, 0x40, 0x88, 0,    0,    0xba, 0x83, 0x12, 0x6f};
static const char ark_t[] = "u1  [\n  1 -2 0.5\n  3 4.25 -0.001 ]\n";

static size_t make_npy(char out[static 256])
{
	memset(out, ' ', 128);
	memcpy(out, npy_head, sizeof npy_head - 1);
	out[127] = '\n';
	for (size_t i = 0; i < 6; i++) {
		uint32_t bits;
		memcpy(&bits, &six[i], 4);
		for (int k = 0; k < 4; k++)
			out[128 + 4 * i + (size_t)k] = (char)(bits >> 8 * k);
	}
	return 128 + 24;
}

static void read_files(void **state)
{
	char npy[256];
	size_t n = make_npy(npy);
	const char table[] = "id,emotion,feat.0,feat.1,feat.2\nu1,anger,1,-2,0.5\n",
		   frames[] = "id,frame,feat.0,feat.1,feat.2\nu1,0,1,-2,0.5\nu1,1,3,4.25,-0.001\n";
	(void)state;
	holds("npy", npy, n, "file", 2, six);
	holds("htk", htk, sizeof htk, "file", 2, six);
	holds("ark", ark_t, sizeof ark_t - 1, "u1", 2, six);
	holds("csv", table, sizeof table - 1, "u1", 1, six);
	holds("csv", frames, sizeof frames - 1, "u1", 2, six);
}

static void refuse_files(void **state)
{
	char npy[256];
	size_t n = make_npy(npy);
	static const char twice[] = "id,feat.0\nu1,1\nu1,2\n", ragged[] = "id,feat.0\nu1,1,2\n",
			  cut[] = "id,feat.0\nu1,1", word[] = "id,frame,feat.0\nu1,0,1\nu1,2,1\n";
	(void)state;
	refused("npy", npy, n - 1, "cut off");
	refused("htk", htk, sizeof htk - 1, "cut off");
	refused("htk", htk, 11, "cut off");
	refused("ark", ark_t, sizeof ark_t - 4, "cut off");
	refused("csv", twice, sizeof twice - 1, "u1");
	refused("csv", ragged, sizeof ragged - 1, "file:2");
	refused("csv", cut, sizeof cut - 1, "cut off");
	refused("csv", word, sizeof word - 1, "frame 2 where 1 is expected");
	npy[8] = (char)0xff; /* the description would be longer than the file */
	refused("npy", npy, n, "cut off");
}

/* Nothing in it, or one byte that begins no file: refused, and given back. */
static void refuse_nothing(void **state)
{
	(void)state;
	for (int i = 1; ser_format_names[i] != NULL; i++)
		for (size_t n = 0; n < 2; n++) {
			const struct ser_format_opt o = {0};
			struct ser_record r = {0};
			struct ser_err e;
			char byte[] = "\x07";
			FILE *f = n == 0 ? fopen("/dev/null", "r") : fmemopen(byte, 1, "r");
			assert_non_null(f);
			struct ser_import *im = ser_import_file(i, &o, f, "file");
			assert_int_equal(ser_import_next(im, &r, NULL, &e), SER_EDATA);
			ser_record_free(&r);
			ser_import_free(im);
			fclose(f);
		}
}

/* One record as a file of a format; its bytes, to be freed. */
static char *written(const char *name, const struct ser_format_opt *o, const char *path, const char *file, size_t *n)
{
	struct ser_record r = {0};
	struct ser_header h;
	struct ser_err e;
	char *text;
	ser_header_init(&h);
	ser_record_set(&r, "id", ser_str("u1"));
	ser_record_set(&r, "feat", ser_f4(six, 2, (size_t[]){2, 3}));
	struct ser_export *ex = ser_export_new(format(name), o, path, &e);
	if (ex == NULL || ser_export_header(ex, &h, &e) != SER_OK || ser_export_record(ex, &r, &e) != SER_OK ||
	    ser_export_end(ex, &e) != SER_OK)
		fail_msg("%s: %s", name, e.msg);
	ser_export_free(ex);
	assert_int_equal(ser_read_file(file, 1 << 20, &text, n, &e), SER_OK);
	ser_record_free(&r);
	ser_header_free(&h);
	return text;
}

static void write_files(void **state)
{
	char npy[256], dir[64], file[80];
	size_t n, n_npy = make_npy(npy);
	(void)state;
	snprintf(dir, sizeof dir, "%s/d", folder);
	snprintf(file, sizeof file, "%s/u1.htk", dir);
	char *s = written("htk", &(struct ser_format_opt){.shift_s = 0.01}, dir, file, &n);
	assert_int_equal(n, sizeof htk);
	assert_memory_equal(s, htk, n);
	free(s);
	assert_int_equal(unlink(file), 0);
	snprintf(file, sizeof file, "%s/u1.npy", dir);
	s = written("npy", &(struct ser_format_opt){0}, dir, file, &n);
	assert_int_equal(n, n_npy);
	assert_memory_equal(s, npy, n);
	free(s);
	assert_int_equal(unlink(file) + rmdir(dir), 0);
	snprintf(file, sizeof file, "%s/a.ark", folder);
	s = written("ark,t", &(struct ser_format_opt){0}, file, file, &n);
	holds("ark", s, n, "u1", 2, six);
	free(s);
	s = written("csv", &(struct ser_format_opt){0}, file, file, &n);
	holds("csv", s, n, "u1", 2, six);
	free(s);
	assert_int_equal(unlink(file), 0);
}

/* What does not fit is named, and leaves no file. */
static void refuse_record(void **state)
{
	char file[64];
	struct ser_record r = {0};
	struct ser_header h;
	struct ser_err e;
	(void)state;
	snprintf(file, sizeof file, "%s/two.ark", folder);
	ser_header_init(&h);
	ser_record_set(&r, "id", ser_str("u1"));
	ser_record_set(&r, "a", ser_f4(six, 1, (size_t[]){3}));
	ser_record_set(&r, "b", ser_f4(six, 1, (size_t[]){3}));
	struct ser_export *ex = ser_export_new(format("ark"), &(struct ser_format_opt){0}, file, &e);
	assert_non_null(ex);
	assert_int_equal(ser_export_header(ex, &h, &e), SER_OK);
	assert_int_equal(ser_export_record(ex, &r, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "u1"));
	ser_export_free(ex);
	assert_int_not_equal(access(file, F_OK), 0);
	ser_record_free(&r);
	ser_header_free(&h);
}

/* pickle.dumps({"a": [1, 2.5, None]}, 2), and what it must not do. */
static void pickles(void **state)
{
	static const char good[] = "\x80\x02}q\0X\x01\0\0\0aq\x01]q\x02(K\x01G@\x04\0\0\0\0\0\0Nes.",
			  call[] = "\x80\x02"
				   "cposix\nsystem\nX\x04\0\0\0true\x85R.";
	struct ser_arena a = {0};
	struct ser_pickled p;
	struct ser_err e;
	const char *const none[] = {NULL}, *const known[] = {"posix system", NULL};
	(void)state;
	assert_int_equal(ser_pickle_parse(&p, good, sizeof good - 1, none, &a, &e), SER_OK);
	assert_int_equal(p.n_byte, sizeof good - 1);
	const struct ser_pickle *v = ser_pickle_get(p.root, "a");
	assert_non_null(v);
	assert_int_equal(v->kind, SER_PICKLE_LIST);
	assert_int_equal(v->n_item, 3);
	assert_int_equal(v->item[0]->i, 1);
	assert_true(v->item[1]->f == 2.5);
	assert_int_equal(v->item[2]->kind, SER_PICKLE_NONE);
	assert_null(ser_pickle_get(p.root, "b"));
	for (size_t n = 0; n < sizeof good - 1; n++)
		assert_int_equal(ser_pickle_parse(&p, good, n, none, &a, &e), SER_EDATA);
	assert_int_equal(ser_pickle_parse(&p, call, sizeof call - 1, none, &a, &e), SER_EDATA);
	assert_int_equal(ser_pickle_parse(&p, call, sizeof call - 1, known, &a, &e),
			 SER_OK); /* named, not carried out */
	assert_int_equal(p.root->kind, SER_PICKLE_OBJECT);
	assert_string_equal(p.root->text, "posix system");
	assert_true(ser_pickle_is_text(p.root->arg->item[0], "true"));
	ser_arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(options),       cmocka_unit_test(read_files),
					   cmocka_unit_test(refuse_files),  cmocka_unit_test(write_files),
					   cmocka_unit_test(refuse_record), cmocka_unit_test(refuse_nothing),
					   cmocka_unit_test(pickles)};
	return cmocka_run_group_tests(tests, setup, teardown);
}
