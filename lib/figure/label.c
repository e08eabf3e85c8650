/* SPDX-License-Identifier: MIT */
#include "figure/private.h"

#include <stdlib.h>
#include <string.h>

struct label label_new(const char *name)
{
	return (struct label){.name = name, .value = ser_map_new()};
}

void label_free(struct label *l)
{
	ser_map_free(l->value);
	free(l->of);
	free(l->sorted);
	free(l->rank);
}

int label_add(struct label *l, struct ser_record *r, const char **shown, struct ser_err *e)
{
	const char *s;
	if (ser_record_str(r, l->name, &s, e) != SER_OK)
		return e->code;
	l->of = ser_grow(l->of, &l->cap, l->n + 1, sizeof *l->of);
	l->of[l->n] = ser_map_add(l->value, s, strlen(s), NULL);
	if (shown != NULL)
		*shown = ser_map_key(l->value, l->of[l->n], NULL);
	l->n++;
	return SER_OK;
}

static int by_number(const void *a, const void *b)
{
	double x = 0, y = 0;
	ser_parse_real(*(const char *const *)a, -1e300, 1e300, &x, NULL);
	ser_parse_real(*(const char *const *)b, -1e300, 1e300, &y, NULL);
	return x < y ? -1 : x > y ? 1 : strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void label_sort(struct label *l, size_t n_first)
{
	size_t n = ser_map_len(l->value);
	bool numbers = true;
	double x;
	l->sorted = ser_malloc(n, sizeof *l->sorted);
	l->rank = ser_malloc(n, sizeof *l->rank);
	for (size_t i = 0; i < n; i++) {
		l->sorted[i] = ser_map_key(l->value, i, NULL);
		numbers = numbers && ser_parse_real(l->sorted[i], -1e300, 1e300, &x, NULL) == 0;
	}
	qsort(l->sorted + n_first, n - n_first, sizeof *l->sorted, numbers ? by_number : by_text);
	for (size_t i = 0; i < n; i++)
		l->rank[ser_map_find(l->value, l->sorted[i], strlen(l->sorted[i]))] = i;
}

struct ser_plot_label label_done(struct label *l)
{
	if (l->name == NULL)
		return (struct ser_plot_label){0};
	label_sort(l, 0);
	for (size_t i = 0; i < l->n; i++)
		l->of[i] = l->rank[l->of[i]];
	return (struct ser_plot_label){l->name, ser_map_len(l->value), l->sorted, l->of};
}
