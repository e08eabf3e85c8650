/* SPDX-License-Identifier: MIT */
/* Emotions of action units. */
#include "face/private.h"

#include <stdlib.h>
#include <string.h>

const char ser_face_emfacs[] = "happiness 6 12\n"
			       "sadness 1 4 15\n"
			       "surprise 1 2 5 26\n"
			       "fear 1 2 4 5 7 20 26\n"
			       "anger 4 5 7 23\n"
			       "disgust 9 15\n";

enum { MAX_UNIT = 16 };
struct rule {
	size_t emotion, n, unit[MAX_UNIT]; /* columns */
};
struct ser_face_units {
	struct ser_map *emotion;
	struct rule *rule;
	size_t n, cap, n_column;
};

static int add_unit(struct ser_face_units *u, struct rule *r, const char *word, const char *const *column,
		    struct ser_err *e)
{
	int64_t number;
	char name[16];
	if (ser_parse_int(word, 1, 99, &number, NULL) != 0)
		return ser_fail(e, SER_EDATA, "\"%.40s\" is no action unit from 1 to 99", word);
	if (r->n == MAX_UNIT)
		return ser_fail(e, SER_EDATA, "more than %d units", MAX_UNIT);
	snprintf(name, sizeof name, "AU%02d", (int)number);
	for (size_t i = 0; i < u->n_column; i++)
		if (strcmp(column[i], name) == 0) {
			r->unit[r->n++] = i;
			return 0;
		}
	return ser_fail(e, SER_EDATA, "the records have no unit %s", name);
}

static int add_rule(struct ser_face_units *u, char *line, const char *const *column, struct ser_err *e)
{
	char *save = NULL, *word = strtok_r(line, " \t\r", &save);
	if (word == NULL || word[0] == '#')
		return 0;
	struct rule r = {.emotion = ser_map_add(u->emotion, word, strlen(word), NULL)};
	while ((word = strtok_r(NULL, " \t\r", &save)) != NULL)
		if (add_unit(u, &r, word, column, e) != 0)
			return e->code;
	if (r.n == 0)
		return ser_fail(e, SER_EDATA, "an emotion without units");
	u->rule = ser_grow(u->rule, &u->cap, u->n + 1, sizeof *u->rule);
	u->rule[u->n++] = r;
	return 0;
}

int ser_face_units_new(struct ser_face_units **out, const char *text, const char *name, const char *const *column,
		       size_t n_column, struct ser_err *e)
{
	struct ser_face_units *u = ser_calloc(1, sizeof *u);
	char *copy = ser_strdup(text), *at = copy;
	size_t line = 0;
	int rc = 0;
	u->emotion = ser_map_new();
	u->n_column = n_column;
	while (rc == 0 && *at != '\0') {
		char *end = at + strcspn(at, "\n");
		bool last = *end == '\0';
		*end = '\0';
		line++;
		rc = add_rule(u, at, column, e);
		if (rc != 0)
			ser_fail_in(e, "%s:%zu", name, line);
		at = last ? end : end + 1;
	}
	free(copy);
	if (rc == 0 && u->n == 0)
		rc = ser_fail(e, SER_EDATA, "%s: there is no emotion", name);
	*out = rc == 0 ? u : NULL;
	if (rc != 0)
		ser_face_units_free(u);
	return rc;
}

int ser_face_units_of(struct ser_face_units **out, const char *text, const char *name, const struct ser_header *h,
		      const char *field, struct ser_err *e)
{
	const struct ser_val *dim = ser_header_dim(h, field), *list = dim != NULL ? ser_val_get(dim, "columns") : NULL;
	struct ser_arena a = {0};
	*out = NULL;
	if (list == NULL || list->kind != SER_LIST)
		return ser_fail(e, SER_EDATA, "the header does not name the units of \"%s\"", field);
	const char **column = ser_arena_calloc(&a, list->u.list.n, sizeof *column);
	for (size_t i = 0; i < list->u.list.n; i++) {
		const struct ser_val *v = &list->u.list.v[i];
		column[i] = v->kind == SER_STR ? ser_arena_strndup(&a, v->u.str.s, v->u.str.n) : "";
	}
	int rc = ser_face_units_new(out, text, name, column, list->u.list.n, e);
	ser_arena_free(&a);
	return rc;
}

void ser_face_units_free(struct ser_face_units *u)
{
	if (u == NULL)
		return;
	ser_map_free(u->emotion);
	free(u->rule);
	free(u);
}

size_t ser_face_units_width(const struct ser_face_units *u)
{
	return u->n_column;
}

static const struct rule *rule_of(const struct ser_face_units *u, const float *au, double least)
{
	const struct rule *best = NULL;
	for (size_t i = 0; i < u->n; i++) {
		const struct rule *r = &u->rule[i];
		size_t k = 0;
		while (k < r->n && (double)au[r->unit[k]] >= least)
			k++;
		if (k == r->n && (best == NULL || r->n > best->n))
			best = r;
	}
	return best;
}

const char *ser_face_emotion(const struct ser_face_units *u, size_t n, const float *au, const int16_t *seen,
			     double least, double share)
{
	size_t n_emotion = ser_map_len(u->emotion), known = 0, best = 0;
	size_t *vote = ser_calloc(n_emotion, sizeof *vote);
	for (size_t t = 0; t < n; t++) {
		if (seen != NULL && seen[t] < 0)
			continue;
		known++;
		const struct rule *r = rule_of(u, au + t * u->n_column, least);
		if (r != NULL)
			vote[r->emotion]++;
	}
	for (size_t k = 1; k < n_emotion; k++)
		best = vote[k] > vote[best] ? k : best;
	bool enough = vote[best] > 0 && (double)vote[best] >= share * (double)known;
	free(vote);
	return enough ? ser_map_key(u->emotion, best, NULL) : NULL;
}
