/* SPDX-License-Identifier: MIT */
/* What is odd in a manifest though every line of it is right. */
#include "corpus/corpus.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The values of one column of each value of another: the first, and whether there is a second. */
struct pairing {
	struct ser_map *of;
	const char **first, **second; /* [of]; second NULL: there is none */
	size_t *n;                    /* [of] rows */
	size_t cap[3];
};

static void pair(struct pairing *p, const struct ser_table *t, ptrdiff_t of, ptrdiff_t what)
{
	p->of = ser_map_new();
	for (size_t i = 0; i < t->n_row; i++) {
		const char *key = t->col[of].cell[i], *value = t->col[what].cell[i];
		if (*key == '\0' || *value == '\0')
			continue;
		size_t n = ser_map_len(p->of), at = ser_map_add(p->of, key, strlen(key), NULL);
		p->first = ser_grow(p->first, &p->cap[0], at + 1, sizeof *p->first);
		p->second = ser_grow(p->second, &p->cap[1], at + 1, sizeof *p->second);
		p->n = ser_grow(p->n, &p->cap[2], at + 1, sizeof *p->n);
		if (at == n) {
			p->first[at] = value;
			p->second[at] = NULL;
			p->n[at] = 0;
		}
		p->n[at]++;
		if (strcmp(p->first[at], value) != 0)
			p->second[at] = value;
	}
}

static void pairing_free(struct pairing *p)
{
	ser_map_free(p->of);
	free(p->first);
	free(p->second);
	free(p->n);
}

static void two_sexes(const struct ser_table *t, struct ser_buf *notes)
{
	ptrdiff_t spk = ser_table_col(t, "spk"), sex = ser_table_col(t, "sex");
	if (spk < 0 || sex < 0)
		return;
	struct pairing p = {0};
	pair(&p, t, spk, sex);
	for (size_t i = 0; i < ser_map_len(p.of); i++)
		if (p.second[i] != NULL)
			ser_buf_printf(notes, "speaker \"%s\" is of sex \"%s\" in some rows and \"%s\" in others\n",
				       ser_map_key(p.of, i, NULL), p.first[i], p.second[i]);
	pairing_free(&p);
}

/* Text codes that repeat, each with one emotion and all together with several: whoever knows the text knows the emotion. */
static void text_names_emotion(const struct ser_table *t, struct ser_buf *notes)
{
	ptrdiff_t text = ser_table_col(t, "text"), emo = ser_table_col(t, "emo");
	if (text < 0 || emo < 0)
		return;
	struct pairing p = {0};
	size_t n = 0, n_several = 0;
	const char *first = NULL;
	bool differ = false;
	pair(&p, t, text, emo);
	for (size_t i = 0; i < ser_map_len(p.of); i++) {
		if (p.n[i] < 2)
			continue;
		n++;
		n_several += p.second[i] != NULL;
		differ = differ || (first != NULL && strcmp(first, p.first[i]) != 0);
		first = p.first[i];
	}
	if (n > 0 && n_several == 0 && differ)
		ser_buf_printf(
			notes,
			"each of the %zu text%s that are said twice or more has one emotion alone: text tells the "
			"emotion\n",
			n, ser_s(n));
	pairing_free(&p);
}

static void case_or_blanks(const struct ser_table *t, const char *column, struct ser_buf *notes)
{
	ptrdiff_t c = ser_table_col(t, column);
	struct pairing p = {.of = ser_map_new()};
	for (size_t i = 0; c >= 0 && i < t->n_row; i++) {
		const char *value = t->col[c].cell[i];
		size_t n = ser_map_len(p.of);
		char *low = ser_strdup(value + strspn(value, " "));
		size_t len = strlen(low);
		while (len > 0 && low[len - 1] == ' ')
			low[--len] = '\0';
		for (char *s = low; *s != '\0'; s++)
			*s = (char)tolower((unsigned char)*s);
		size_t at = ser_map_add(p.of, low, len, NULL);
		free(low);
		p.first = ser_grow(p.first, &p.cap[0], at + 1, sizeof *p.first);
		p.second = ser_grow(p.second, &p.cap[1], at + 1, sizeof *p.second);
		if (at == n) {
			p.first[at] = value;
			p.second[at] = NULL;
		} else if (p.second[at] == NULL && strcmp(p.first[at], value) != 0) {
			p.second[at] = value;
			ser_buf_printf(notes, "\"%s\" and \"%s\" in column %s differ in case or blanks alone\n",
				       p.first[at], value, column);
		}
	}
	pairing_free(&p);
}

/* One corpus, files of several rates: some were overwritten or resampled, and bandwidth may tell classes apart. */
static void rates(const struct ser_table *t, struct ser_buf *notes)
{
	ptrdiff_t rate = ser_table_col(t, "sample_rate"), corpus = ser_table_col(t, "corpus");
	if (rate < 0)
		return;
	struct ser_map *seen = ser_map_new();
	size_t n_first = 0, n_known = 0;
	const char *first = NULL, *of = NULL;
	bool one_corpus = true;
	for (size_t i = 0; i < t->n_row; i++) {
		const char *value = t->col[rate].cell[i];
		if (*value == '\0')
			continue;
		one_corpus = one_corpus && (corpus < 0 || of == NULL || strcmp(of, t->col[corpus].cell[i]) == 0);
		of = corpus >= 0 ? t->col[corpus].cell[i] : NULL;
		first = first == NULL ? value : first;
		n_first += strcmp(first, value) == 0;
		n_known++;
		ser_map_add(seen, value, strlen(value), NULL);
	}
	if (one_corpus && ser_map_len(seen) > 1)
		ser_buf_printf(notes, "%zu of %zu sound%s have a sample rate of %s, the others %s%s\n", n_first,
			       n_known, ser_s(n_known), first, ser_map_len(seen) > 2 ? "several, among them " : "",
			       ser_map_key(seen, 1, NULL));
	ser_map_free(seen);
}

void ser_table_oddities(const struct ser_table *t, struct ser_buf *notes)
{
	two_sexes(t, notes);
	case_or_blanks(t, "emo", notes);
	case_or_blanks(t, "spk", notes);
	text_names_emotion(t, notes);
	rates(t, notes);
}
