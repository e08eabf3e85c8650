/* SPDX-License-Identifier: MIT */
#include "tests_fuzz.h"

#include "stream/replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_RECORD = 1 << 20 };

int ser_fuzz_stream(int fd, uint64_t *n_record)
{
	struct ser_err e;
	struct ser_record r = {0};
	struct ser_buf json = {0};
	int rc;
	*n_record = 0;
	struct ser_reader *rd = ser_reader_new(fd, "fuzz", 4 * MAX_RECORD, &e);
	if (rd == NULL)
		return e.code;
	ser_replay(&ser_reader_header(rd)->prov, 1, &json, &e);
	while ((rc = ser_reader_next(rd, &r, NULL, &e)) > 0) {
		++*n_record;
		json.n = 0;
		for (size_t i = 0; i < r.n; i++)
			ser_val_json(&json, &r.field[i].val, true);
	}
	ser_buf_free(&json);
	ser_record_free(&r);
	ser_reader_free(rd);
	return rc;
}

void ser_fuzz_import(const char *format, const struct ser_format_opt *o, const uint8_t *p, size_t n)
{
	struct ser_format_opt opt = *o;
	struct ser_record r = {0};
	struct ser_writer *w = NULL;
	struct ser_err e;
	int k = 0, rc, fd = memfd_create("fuzz", 0);
	uint64_t n_record = 0, n_back;
	while (strcmp(ser_format_names[k], format) != 0)
		k++;
	opt.max_record = MAX_RECORD;
	FILE *f = n > 0 ? fmemopen((void *)(uintptr_t)p, n, "rb") : fopen("/dev/null", "rb");
	ser_assert(f != NULL && fd >= 0);
	struct ser_import *im = ser_import_file(k, &opt, f, "fuzz");
	bool segment;
	while ((rc = ser_import_next(im, &r, &segment, &e)) > 0) {
		if (w != NULL && segment) {
			ser_assert(ser_writer_end(w, &e) == 0);
			ser_writer_free(w);
			w = NULL;
		}
		if (w == NULL)
			w = ser_writer_new(fd, "memory", ser_import_header(im));
		ser_assert(ser_writer_record(w, &r, &e) == 0);
		n_record++;
	}
	if (rc < 0)
		ser_assert(e.code < 0 && strlen(e.msg) > 10 && strchr(e.msg, '\n') == NULL);
	if (w != NULL) {
		ser_assert(ser_writer_end(w, &e) == 0);
		ser_writer_free(w);
		lseek(fd, 0, SEEK_SET);
		ser_assert(ser_fuzz_stream(fd, &n_back) == 0 && n_back == n_record);
	}
	ser_import_free(im);
	ser_record_free(&r);
	fclose(f);
	close(fd);
}

int ser_fuzz_file(const uint8_t *p, size_t n, char path[static 32])
{
	int fd = memfd_create("fuzz", 0);
	ser_assert(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	lseek(fd, 0, SEEK_SET);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

/* Whether two cells of a column mean the same: numbers may be respelled and so may JSON, "nothing" is where a file starts, and
 * the sexes have two names each. */
static bool same_meaning(const char *col, const char *a, const char *b)
{
	double x = 0, y = 0;
	if (strcmp(a, b) == 0 || ((a[0] == '[' || a[0] == '{') && a[0] == b[0]))
		return true;
	if (strcmp(col, "sex") == 0)
		return (a[0] == 'f' || a[0] == 'm') && a[0] == b[0];
	return (a[0] == '\0' || ser_parse_real(a, -HUGE_VAL, HUGE_VAL, &x, NULL) == 0) &&
	       (b[0] == '\0' || ser_parse_real(b, -HUGE_VAL, HUGE_VAL, &y, NULL) == 0) && x == y &&
	       (strcmp(col, "start") == 0 || (a[0] != '\0' && b[0] != '\0'));
}

/* No cell has come to mean something else; a column that holds nothing may be missing. */
static void same_cells(const struct ser_table *a, const struct ser_table *b)
{
	ser_assert(a->n_row == b->n_row);
	for (size_t c = 0; c < a->n_col; c++)
		for (size_t i = 0; i < a->n_row; i++) {
			const char *x = a->col[c].cell[i], *y = ser_table_get(b, i, a->col[c].name);
			if (!same_meaning(a->col[c].name, x, y))
				fprintf(stderr, "row %zu, %s: \"%s\" became \"%s\"\n", i, a->col[c].name, x, y);
			ser_assert(same_meaning(a->col[c].name, x, y));
		}
}

static int put_tsv(const struct ser_table *t, FILE *f, struct ser_err *e)
{
	struct ser_table copy = {0};
	for (size_t c = 0; c < t->n_col; c++)
		ser_table_add_col(&copy, t->col[c].name);
	for (size_t i = 0; i < t->n_row; i++) {
		ser_table_add_row(&copy);
		for (size_t c = 0; c < t->n_col; c++)
			ser_table_set(&copy, i, c, t->col[c].cell[i], strlen(t->col[c].cell[i]));
	}
	int rc = ser_table_write(&copy, f, e);
	ser_table_free(&copy);
	return rc;
}

static int get_tsv(struct ser_table *t, const char *path, struct ser_err *e)
{
	FILE *f = fopen(path, "rb");
	ser_assert(f != NULL);
	int rc = ser_table_read(t, f, path, NULL, e);
	fclose(f);
	return rc;
}

static int get_csv(struct ser_table *t, const char *path, struct ser_err *e)
{
	return ser_csv_read(t, path, NULL, e);
}

void ser_fuzz_table(const struct ser_table *t, int rc, const struct ser_err *read)
{
	static const struct {
		int (*put)(const struct ser_table *t, FILE *f, struct ser_err *e);
		int (*get)(struct ser_table *t, const char *path, struct ser_err *e);
	} format[] = {{put_tsv, get_tsv},
		      {ser_csv_write, get_csv},
		      {ser_emobox_write, ser_emobox_read},
		      {ser_audformat_write, ser_audformat_read}};
	struct ser_err e;
	if (rc < 0)
		ser_assert(read->code == rc && strlen(read->msg) > 10);
	if (rc < 0 || ser_table_check_ids(t, &e) != 0 || ser_table_col(t, "path") < 0)
		return;
	for (size_t k = 0; k < sizeof format / sizeof *format; k++) {
		struct ser_table back = {0};
		char *text = NULL, path[32];
		size_t n = 0;
		FILE *f = open_memstream(&text, &n);
		rc = format[k].put(t, f, &e);
		fclose(f);
		int fd = ser_fuzz_file((const uint8_t *)text, n, path);
		if (rc == 0) {
			rc = format[k].get(&back, path, &e);
			if (rc != 0)
				fprintf(stderr, "format %zu: %s\n", k, e.msg);
			ser_assert(rc == 0);
			same_cells(t, &back);
		}
		ser_table_free(&back);
		close(fd);
		free(text);
	}
}
