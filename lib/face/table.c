/* SPDX-License-Identifier: MIT */
/* Tables of numbers that trackers write. */
#include "face/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMN = 1 << 16, TWICE = -2 };

static char *trim(char *s)
{
	size_t n = strlen(s);
	while (n > 0 && strchr(" \t\r", s[n - 1]) != NULL)
		s[--n] = '\0';
	s += strspn(s, " \t");
	n = strlen(s);
	if (n > 1 && s[0] == '"' && s[n - 1] == '"') {
		s[n - 1] = '\0';
		s++;
	}
	return s;
}

/* The next line that is not blank, cut off the text; NULL at the end. */
static char *next_line(struct face_table *t)
{
	while (t->at < t->end) {
		char *line = t->at, *end = memchr(line, '\n', (size_t)(t->end - line));
		end = end != NULL ? end : t->end;
		*end = '\0';
		t->at = end + 1;
		t->line++;
		if (line[strspn(line, " \t\r")] != '\0')
			return line;
	}
	return NULL;
}

/* Cut the next cell off *line; NULL: there is none. */
static char *next_cell(const struct face_table *t, char **line)
{
	char *cell = *line;
	if (cell == NULL)
		return NULL;
	char *end = strchr(cell, t->sep);
	if (end != NULL)
		*end = '\0';
	*line = end != NULL ? end + 1 : NULL;
	return cell;
}

int face_table_open(struct face_table *t, const char *path, size_t max, struct ser_err *e)
{
	size_t n, cap = 0, cap_first = 0;
	*t = (struct face_table){.path = path};
	if (ser_read_file(path, max, &t->text, &n, e) != 0)
		return e->code;
	t->at = t->text;
	t->end = t->text + n;
	if (!ser_utf8_ok(t->text, n))
		return ser_fail(e, SER_EDATA, "%s: no table: not UTF-8 text", path);
	if (ser_lines_whole(t->text, n, path, e) != 0)
		return e->code;
	char *line = next_line(t);
	if (line == NULL)
		return ser_fail(e, SER_EDATA, "%s: empty, expected a header row", path);
	t->sep = strchr(line, ',') == NULL && strchr(line, ';') != NULL ? ';' : ',';
	t->names = ser_map_new();
	for (char *cell; (cell = next_cell(t, &line)) != NULL; t->n_col++) {
		if (t->n_col == MAX_COLUMN)
			return ser_fail(e, SER_EDATA, "%s: more than %d columns", path, MAX_COLUMN);
		t->name = ser_grow(t->name, &cap, t->n_col + 1, sizeof *t->name);
		t->first = ser_grow(t->first, &cap_first, t->n_col + 1, sizeof *t->first);
		t->name[t->n_col] = trim(cell);
		bool is_new;
		size_t at = ser_map_add(t->names, t->name[t->n_col], strlen(t->name[t->n_col]), &is_new);
		t->first[at] = is_new ? (ptrdiff_t)t->n_col : TWICE;
	}
	t->wanted = ser_calloc(t->n_col, sizeof *t->wanted);
	t->cell = ser_calloc(t->n_col, sizeof *t->cell);
	return 0;
}

void face_table_close(struct face_table *t)
{
	free(t->text);
	free(t->name);
	free(t->first);
	ser_map_free(t->names);
	free(t->wanted);
	free(t->cell);
}

int face_table_want(struct face_table *t, const char *name, ptrdiff_t *col, struct ser_err *e)
{
	ptrdiff_t at = ser_map_find(t->names, name, strlen(name));
	*col = at < 0 ? -1 : t->first[at];
	if (*col == TWICE)
		return ser_fail(e, SER_EDATA, "%s: column \"%s\" is there twice", t->path, name);
	if (*col >= 0)
		t->wanted[*col] = true;
	return 0;
}

int face_table_next(struct face_table *t, struct ser_err *e)
{
	char *line = next_line(t), *cell;
	size_t n = 0;
	if (line == NULL)
		return 0;
	for (; (cell = next_cell(t, &line)) != NULL; n++)
		if (n < t->n_col)
			t->cell[n] = t->wanted[n] ? trim(cell) : NULL;
	if (n != t->n_col)
		return ser_fail(e, SER_EDATA, "%s:%zu: %zu cells, the header row has %zu", t->path, t->line, n,
				t->n_col);
	return 1;
}

int face_table_number(const struct face_table *t, size_t col, double *x, struct ser_err *e)
{
	const char *s = t->cell[col];
	*x = (double)NAN;
	if (*s == '\0' || strcmp(s, "nan") == 0 || strcmp(s, "NaN") == 0 || strcmp(s, "-nan") == 0)
		return 0;
	if (ser_parse_real(s, -1e30, 1e30, x, NULL) == 0)
		return 0;
	return ser_fail(e, SER_EDATA, "%s:%zu: column \"%s\" has \"%.40s\", no number", t->path, t->line, t->name[col],
			s);
}
