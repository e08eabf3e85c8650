/* SPDX-License-Identifier: MIT */
/* A safetensors file: its tensors, the model that it may be, and the models that it may be of other toolkits. */
#include "model/model.h"
#include "tests_fuzz.h"

#include <stdlib.h>
#include <string.h>

/* Metadata but for the checksum, which is the file's own. */
static size_t n_meta(const struct ser_st *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n_meta; i++)
		n += strcmp(s->meta[i].key, "crc32") != 0 && strcmp(s->meta[i].key, "checksum") != 0;
	return n;
}

/* Written again and read again it holds the same. */
static void again(const struct ser_st *s)
{
	struct ser_err e;
	struct ser_st *back;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	ser_assert(ser_st_write(f, "memory", s->tensor, s->n_tensor, s->meta, s->n_meta, &e) == 0 && fclose(f) == 0);
	ser_assert(ser_st_parse(&back, text, n, &e) == 0);
	ser_assert(back->n_tensor == s->n_tensor && n_meta(back) == n_meta(s));
	for (size_t i = 0; i < s->n_tensor; i++) {
		const struct ser_st_tensor *t = &s->tensor[i], *b = ser_st_find(back, t->name);
		size_t n_byte = t->n * ser_st_dtype_size(t->dtype);
		ser_assert(b != NULL && b->dtype == t->dtype && b->ndim == t->ndim && b->n == t->n);
		ser_assert(n_byte == 0 || memcmp(b->data, t->data, n_byte) == 0);
		double *x = ser_malloc(t->n, sizeof *x);
		float *y = ser_malloc(t->n, sizeof *y);
		ser_st_f8(t, x);
		ser_st_f4(t, y);
		free(x);
		free(y);
	}
	ser_st_free(back);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ser_st *s;
	struct ser_model *m;
	struct ser_err e;
	if (ser_st_parse(&s, p, n, &e) != 0)
		return 0;
	again(s);
	if (ser_model_from_st(&m, s, &e) == 0)
		ser_model_free(m);
	for (int k = 0; ser_model_sources[k] != NULL; k++)
		if (ser_model_import(&m, s, (enum ser_model_source)k, "feat", NULL, &e) == 0)
			ser_model_free(m);
	ser_st_free(s);
	return 0;
}
