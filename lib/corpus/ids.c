/* SPDX-License-Identifier: MIT */
/* Ids of rows that have none. */
#include "corpus/private.h"

#include <stdlib.h>
#include <string.h>

/* The last n parts of a path, joined by underscores, without the extension. */
static void name_of(const char *path, int n, struct ser_buf *b)
{
	const char *s = path + strlen(path), *dot = strrchr(path, '.');
	while (s > path && (s[-1] != '/' || --n > 0))
		s--;
	size_t len =
		dot != NULL && dot > s && dot[-1] != '/' && strchr(dot, '/') == NULL ? (size_t)(dot - s) : strlen(s);
	ser_buf_add(b, s, len);
	for (size_t i = b->n - len; i < b->n; i++)
		b->s[i] = b->s[i] == '/' ? '_' : b->s[i];
}

/* How many parts of the paths tell the files apart, if any. */
static int parts_of(const struct ser_table *t, size_t n_file)
{
	enum { MOST = 16 };
	size_t n_name = 0;
	for (int n = 1; n <= MOST; n++) {
		struct ser_map *names = ser_map_new();
		struct ser_buf b = {0};
		for (size_t i = 0; i < t->n_row; i++) {
			b.n = 0;
			name_of(ser_table_get(t, i, "path"), n, &b);
			ser_map_add(names, b.s, b.n, NULL);
		}
		n_name = ser_map_len(names);
		ser_buf_free(&b);
		ser_map_free(names);
		if (n_name == n_file)
			return n;
	}
	return 1;
}

char **ser_derived_ids(const struct ser_table *t)
{
	char **id = ser_calloc(t->n_row, sizeof *id);
	size_t *file = ser_calloc(t->n_row, sizeof *file), *n_of = ser_calloc(t->n_row, sizeof *n_of), n_file = 0;
	ser_fold_codes(t->col[ser_table_col(t, "path")].cell, t->n_row, file, NULL);
	for (size_t i = 0; i < t->n_row; i++)
		n_file += n_of[file[i]]++ == 0;
	int parts = parts_of(t, n_file);
	for (size_t i = 0; i < t->n_row; i++) {
		struct ser_buf b = {0};
		const char *start = ser_table_get(t, i, "start");
		name_of(ser_table_get(t, i, "path"), parts, &b);
		if (n_of[file[i]] > 1)
			ser_buf_printf(&b, "_%s", start[0] != '\0' ? start : "0");
		id[i] = b.s;
	}
	free(file);
	free(n_of);
	return id;
}

void ser_derived_ids_free(char **id, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(id[i]);
	free(id);
}
