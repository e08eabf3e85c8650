/* SPDX-License-Identifier: MIT */
/* Tables of numbers that trackers write. */
#include "face/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* Cut the next cell off *line; NULL: there is none. Within quotes a separator is the cell's. */
static char *next_cell(const struct face_table *t, char **line)
{
	char *cell = *line, *s = cell;
	if (cell == NULL)
		return NULL;
	if (s[strspn(s, " ")] == '"')
		for (s = strchr(s, '"') + 1; *s != '\0' && *s != '"'; s++)
			;
	char *end = strchr(s, t->sep);
	if (end != NULL)
		*end = '\0';
	*line = end != NULL ? end + 1 : NULL;
	return cell;
}

static int add_name(struct face_table *t, const char *name, struct ser_err *e)
{
	bool is_new;
	if (t->n_col == MAX_COLUMN)
		return ser_fail(e, SER_EDATA, "%s: more than %d columns", t->path, MAX_COLUMN);
	t->name = ser_grow(t->name, &t->cap[0], t->n_col + 1, sizeof *t->name);
	t->first = ser_grow(t->first, &t->cap[1], t->n_col + 1, sizeof *t->first);
	t->wanted = ser_grow(t->wanted, &t->cap[2], t->n_col + 1, sizeof *t->wanted);
	t->cell = ser_grow(t->cell, &t->cap[3], t->n_col + 1, sizeof *t->cell);
	t->name[t->n_col] = name;
	t->wanted[t->n_col] = false;
	t->cell[t->n_col] = NULL;
	size_t at = ser_map_add(t->names, name, strlen(name), &is_new);
	t->first[at] = is_new ? (ptrdiff_t)t->n_col : TWICE;
	t->n_col++;
	return 0;
}

static int read_names(struct face_table *t, struct ser_err *e)
{
	char *line = next_line(t);
	if (line == NULL)
		return ser_fail(e, SER_EDATA, "%s: empty, expected a header row", t->path);
	t->sep = strchr(line, '\t') != NULL ? '\t' : strchr(line, ',') == NULL && strchr(line, ';') != NULL ? ';' : ',';
	for (char *cell; (cell = next_cell(t, &line)) != NULL;)
		if (add_name(t, trim(cell), e) != 0)
			return e->code;
	return 0;
}

/* From here on the rows are those of the frames. */
static int take_frames(struct face_table *t, struct face_frames *f, struct ser_err *e)
{
	ser_map_free(t->names);
	t->names = ser_map_new();
	t->n_col = t->line = 0;
	t->frames = f;
	for (size_t i = 0; i < ser_map_len(f->names); i++)
		if (add_name(t, ser_map_key(f->names, i, NULL), e) != 0)
			return e->code;
	return 0;
}

int face_table_open(struct face_table *t, const char *path, int64_t face, size_t max, struct ser_err *e)
{
	size_t n;
	*t = (struct face_table){.path = path};
	if (ser_read_file(path, max, &t->text, &n, e) != 0)
		return e->code;
	t->at = t->text;
	t->end = t->text + n;
	t->names = ser_map_new();
	if (!ser_utf8_ok(t->text, n))
		return ser_fail(e, SER_EDATA, "%s: no table: not UTF-8 text", path);
	bool json = face_is_json(t->text);
	if (!json && (ser_lines_whole(t->text, n, path, e) != 0 || read_names(t, e) != 0))
		return e->code;
	if (!json && !face_is_long(t))
		return 0;
	struct face_frames *f = ser_calloc(1, sizeof *f);
	f->names = ser_map_new();
	int rc = json ? face_frames_json(f, path, t->text, n, face, max, e) : face_frames_long(f, t, face, max, e);
	if (rc == 0)
		return take_frames(t, f, e);
	face_frames_free(f);
	return rc;
}

void face_table_close(struct face_table *t)
{
	free(t->text);
	free(t->name);
	free(t->first);
	ser_map_free(t->names);
	free(t->wanted);
	free(t->cell);
	face_frames_free(t->frames);
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
	if (t->frames != NULL)
		return t->line < t->frames->n ? (t->line++, 1) : 0;
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
	static const struct {
		const char *s;
		double x;
	} word[] = {{"", (double)NAN},     {"nan", (double)NAN}, {"-nan", (double)NAN}, {"NA", (double)NAN},
		    {"None", (double)NAN}, {"True", 1},          {"False", 0}};
	const struct face_frame *f = t->frames != NULL ? &t->frames->frame[t->line - 1] : NULL;
	*x = f != NULL && col < f->n ? f->x[col] : (double)NAN;
	if (f != NULL)
		return 0;
	const char *s = t->cell[col];
	for (size_t i = 0; i < sizeof word / sizeof *word; i++)
		if (strcasecmp(s, word[i].s) == 0) {
			*x = word[i].x;
			return 0;
		}
	if (ser_parse_real(s, -1e30, 1e30, x, NULL) == 0)
		return 0;
	return ser_fail(e, SER_EDATA, "%s:%zu: column \"%s\" has \"%.40s\", no number", t->path, t->line, t->name[col],
			s);
}
