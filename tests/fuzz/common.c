/* SPDX-License-Identifier: MIT */
#include "tests_fuzz.h"

#include <stdio.h>
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
	while ((rc = ser_reader_next(rd, &r, NULL, &e)) > 0) {
		++*n_record;
		json.n = 0;
		for (size_t i = 0; i < r.n; i++) {
			/* As text, a tensor of many rows without elements is as long as it says. */
			const struct ser_val *v = &r.field[i].val;
			bool data = true;
			for (int k = 0; v->kind == SER_TENSOR && k < v->u.t.ndim; k++)
				data = data && (v->u.t.shape[k] <= 1024 || ser_tensor_len(&v->u.t) > 0);
			ser_val_json(&json, v, data);
		}
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
