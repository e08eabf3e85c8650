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
	free(l->mark);
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

void label_first(struct label *l, const char *const *value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ser_map_add(l->value, value[i], strlen(value[i]), NULL);
	l->n_first = ser_map_len(l->value);
}

/* An emotion has the same colour in every corpus; SIZE_MAX: it is none of these. */
static size_t emotion(const char *s)
{
	static const char *const known[SER_SVG_HUES][5] = {
		{"sadness", "sad"},
		{"anger", "angry"},
		{"disgust", "disgusted"},
		{"fear", "fearful", "anxiety", "afraid"},
		{"happiness", "happy", "joy"},
		{"boredom", "bored", "calm"},
		{"surprise", "surprised"},
		{"neutral"},
	};
	for (size_t i = 0; i < SER_SVG_HUES; i++)
		for (int k = 0; k < 5 && known[i][k] != NULL; k++)
			if (strcmp(s, known[i][k]) == 0)
				return i;
	return SIZE_MAX;
}

/* Emotions have their colours, the first of two that share one; all others, in their order, those that are left. */
static void marks(struct label *l)
{
	size_t n = ser_map_len(l->value), next = 0;
	bool taken[SER_SVG_HUES] = {false};
	l->mark = ser_malloc(n + 1, sizeof *l->mark);
	for (size_t i = 0; i < n; i++) {
		size_t c = emotion(l->sorted[i]);
		l->mark[i] = c != SIZE_MAX && !taken[c] ? c : SIZE_MAX;
		if (l->mark[i] != SIZE_MAX)
			taken[c] = true;
	}
	for (size_t i = 0; i < n; i++) {
		if (l->mark[i] != SIZE_MAX)
			continue;
		while (next < SER_SVG_HUES && taken[next])
			next++;
		l->mark[i] = next++;
	}
}

struct ser_plot_label label_done(struct label *l)
{
	if (l->name == NULL)
		return (struct ser_plot_label){0};
	label_sort(l, l->n_first);
	marks(l);
	for (size_t i = 0; i < l->n; i++)
		l->of[i] = l->rank[l->of[i]];
	return (struct ser_plot_label){l->name, ser_map_len(l->value), l->sorted, l->of, l->mark};
}
