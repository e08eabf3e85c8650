/* SPDX-License-Identifier: MIT */
#include "corpus/corpus.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ser_manifest {
	FILE *f;
	char *name, *root;
	bool allow_absolute;
	char *header; /* the names, in place */
	const char **col;
	size_t n_col;
	ptrdiff_t id, path, start, end;
	struct ser_buf line, full; /* the row read last; the path made last */
	const char **cell;
	size_t at; /* line number */
	struct ser_map *seen;
};

static bool is_sound(const char *s, size_t n)
{
	static const char *const begins[] = {"RIFF", "RF64", "fLaC", "OggS", "FORM", "ID3", ".snd", "\xff\xfb", NULL};
	for (const char *const *p = begins; *p != NULL; p++)
		if (n >= strlen(*p) && memcmp(s, *p, strlen(*p)) == 0)
			return true;
	return false;
}

/* A line without its end into m->line: 1, 0 at the end of the file, or an error. */
static int read_line(struct ser_manifest *m, struct ser_err *e)
{
	struct ser_buf *b = &m->line;
	b->n = 0;
	m->at++;
	int c;
	flockfile(m->f);
	while ((c = getc_unlocked(m->f)) != EOF && c != '\n' && b->n < SER_MANIFEST_MAX_LINE) {
		ser_buf_reserve(b, 1);
		b->s[b->n++] = (char)c;
	}
	funlockfile(m->f);
	if (c == EOF && ferror(m->f))
		return ser_fail(e, SER_EIO, "%s:%zu: read failed: %s", m->name, m->at, strerror(errno));
	if (c == EOF && b->n == 0)
		return 0;
	if (c == EOF)
		return ser_fail(e, SER_EDATA,
				"%s:%zu: the last line does not end in a newline: the manifest was cut off; if it is "
				"whole, add one",
				m->name, m->at);
	if (c != '\n')
		return ser_fail(e, SER_EDATA, "%s:%zu: line longer than %d bytes", m->name, m->at,
				SER_MANIFEST_MAX_LINE);
	ser_buf_reserve(b, 0);
	if (b->n > 0 && b->s[b->n - 1] == '\r')
		b->n--;
	b->s[b->n] = '\0';
	if (!ser_utf8_ok(b->s, b->n))
		return ser_fail(e, SER_EDATA, "%s:%zu: %s", m->name, m->at,
				m->at == 1 && is_sound(b->s, b->n) ? "a sound, expected a manifest: --stdin takes one"
				: memchr(b->s, '\0', b->n) != NULL ? "a NUL byte"
								   : "not UTF-8");
	return 1;
}

static int no_column(const struct ser_manifest *m, const char *name, struct ser_err *e)
{
	return ser_fail(e, SER_EDATA, "%s:1: no column \"%s\" in the header row of the manifest%s", m->name, name,
			m->col[0][strcspn(m->col[0], ",;")] != '\0'
				? ", which is not parted by tabs: ser-manifest --from csv reads it"
				: "; ser-manifest --from csv --columns takes another for it");
}

/* Cut s at its tabs into at most `cap` fields; returns how many there are. */
static size_t split(char *s, const char **out, size_t cap)
{
	size_t n = 0;
	for (;;) {
		if (n < cap)
			out[n] = s;
		n++;
		s = strchr(s, '\t');
		if (s == NULL)
			return n;
		*s++ = '\0';
	}
}

static int read_header(struct ser_manifest *m, const struct ser_manifest_opts *o, struct ser_err *e)
{
	int rc = read_line(m, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return ser_fail(e, SER_EDATA, "%s: empty, expected a manifest with a header row", m->name);
	const char *s = m->line.s;
	m->header = ser_strdup(s + ser_utf8_bom(s, m->line.n));
	m->col = ser_calloc(SER_MANIFEST_MAX_COL, sizeof *m->col);
	m->n_col = split(m->header, m->col, SER_MANIFEST_MAX_COL);
	if (m->n_col > SER_MANIFEST_MAX_COL)
		return ser_fail(e, SER_EDATA, "%s:1: %zu column%s, at most %d are read", m->name, m->n_col,
				ser_s(m->n_col), SER_MANIFEST_MAX_COL);
	for (size_t i = 0; i < m->n_col; i++) {
		size_t n = strlen(m->col[i]);
		if (n == 0)
			return ser_fail(e, SER_EDATA, "%s:1: column %zu has no name", m->name, i + 1);
		if (n > SER_MANIFEST_MAX_NAME)
			return ser_fail(e, SER_EDATA, "%s:1: the name of column %zu is longer than %d bytes", m->name,
					i + 1, SER_MANIFEST_MAX_NAME);
		if ((size_t)ser_manifest_col(m, m->col[i]) != i)
			return ser_fail(e, SER_EDATA, "%s:1: column \"%s\" twice", m->name, m->col[i]);
	}
	m->id = ser_manifest_col(m, "id");
	m->path = ser_manifest_col(m, "path");
	m->start = ser_manifest_col(m, "start");
	m->end = ser_manifest_col(m, "end");
	if (m->id < 0 || m->path < 0)
		return no_column(m, m->id < 0 ? "id" : "path", e);
	for (const char *w = o->need; w != NULL && *(w += strspn(w, " ")) != '\0'; w += strcspn(w, " ")) {
		char *one = ser_strndup(w, strcspn(w, " "));
		bool there = ser_manifest_col(m, one) >= 0;
		if (!there)
			no_column(m, one, e);
		free(one);
		if (!there)
			return SER_EDATA;
	}
	m->cell = ser_calloc(m->n_col, sizeof *m->cell);
	for (size_t i = 0; i < m->n_col; i++)
		m->cell[i] = "";
	return 0;
}

struct ser_manifest *ser_manifest_new(FILE *f, const char *name, const struct ser_manifest_opts *o, struct ser_err *e)
{
	static const struct ser_manifest_opts none;
	o = o != NULL ? o : &none;
	struct ser_manifest *m = ser_calloc(1, sizeof *m);
	m->f = f;
	m->name = ser_strdup(name);
	m->root = o->root.dir != NULL ? ser_strdup(o->root.dir) : NULL;
	m->allow_absolute = o->root.allow_absolute;
	m->seen = ser_map_new();
	if (read_header(m, o, e) == 0)
		return m;
	ser_manifest_free(m);
	return NULL;
}

void ser_manifest_free(struct ser_manifest *m)
{
	if (m == NULL)
		return;
	free(m->name);
	free(m->root);
	free(m->header);
	free(m->col);
	free(m->cell);
	ser_buf_free(&m->line);
	ser_buf_free(&m->full);
	ser_map_free(m->seen);
	free(m);
}

size_t ser_manifest_n_col(const struct ser_manifest *m)
{
	return m->n_col;
}

const char *ser_manifest_name(const struct ser_manifest *m, size_t col)
{
	ser_assert(col < m->n_col);
	return m->col[col];
}

ptrdiff_t ser_manifest_col(const struct ser_manifest *m, const char *name)
{
	for (size_t i = 0; i < m->n_col; i++)
		if (strcmp(m->col[i], name) == 0)
			return (ptrdiff_t)i;
	return -1;
}

int ser_manifest_next(struct ser_manifest *m, struct ser_err *e)
{
	int rc = read_line(m, e);
	if (rc <= 0)
		return rc;
	size_t n = split(m->line.s, m->cell, m->n_col);
	if (n != m->n_col)
		return ser_fail(e, SER_EDATA, "%s:%zu: %zu fields, expected %zu as in the header row", m->name, m->at,
				n, m->n_col);
	const char *id = m->cell[m->id];
	size_t n_id = strlen(id);
	if (n_id == 0)
		return ser_fail(e, SER_EDATA, "%s:%zu: the id is empty", m->name, m->at);
	if (n_id > SER_MANIFEST_MAX_ID)
		return ser_fail(e, SER_EDATA, "%s:%zu: the id is longer than %d bytes", m->name, m->at,
				SER_MANIFEST_MAX_ID);
	bool is_new;
	size_t first = ser_map_add(m->seen, id, n_id, &is_new);
	if (!is_new)
		return ser_fail(e, SER_EDATA, "%s:%zu: id \"%s\" again, it was on line %zu", m->name, m->at, id,
				first + 2);
	return 1;
}

const char *ser_manifest_cell(const struct ser_manifest *m, size_t col)
{
	ser_assert(col < m->n_col);
	return m->cell[col];
}

const char *ser_manifest_get(const struct ser_manifest *m, const char *name)
{
	ptrdiff_t i = ser_manifest_col(m, name);
	return i < 0 ? "" : m->cell[i];
}

const char *ser_manifest_id(const struct ser_manifest *m)
{
	return m->cell[m->id];
}

size_t ser_manifest_line(const struct ser_manifest *m)
{
	return m->at;
}

static bool has_dotdot(const char *p)
{
	for (; p != NULL; p = strchr(p, '/')) {
		p += strspn(p, "/");
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
			return true;
	}
	return false;
}

/* What a path says below the folder: all of a relative one, of an absolute one what follows the folder's name. NULL: it is
 * elsewhere. */
static const char *below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	if (path[0] != '/')
		return path;
	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (dir[0] != '/' || strncmp(path, dir, n) != 0 || (n > 1 && path[n] != '/'))
		return NULL;
	return n > 1 ? path + n : ""; /* nothing leads out of "/" */
}

int ser_root_path(const struct ser_root *r, const char *path, struct ser_buf *full, struct ser_err *e)
{
	const char *dir = r->dir != NULL ? r->dir : "", *rest = below(path, dir);
	full->n = 0;
	if (path[0] == '\0')
		return ser_fail(e, SER_EDATA, "the path is empty");
	if (r->dir != NULL && !r->allow_absolute && (rest == NULL || has_dotdot(rest)))
		return ser_fail(e, SER_EDATA,
				"path \"%s\" leads out of \"%s\", which has to be allowed (--allow-absolute)", path,
				dir);
	if (path[0] != '/' && dir[0] != '\0') {
		ser_buf_str(full, dir);
		if (full->s[full->n - 1] != '/')
			ser_buf_str(full, "/");
	}
	ser_buf_str(full, path);
	return 0;
}

const char *ser_manifest_path(struct ser_manifest *m, struct ser_err *e)
{
	const struct ser_root r = {m->root, m->allow_absolute};
	if (ser_root_path(&r, m->cell[m->path], &m->full, e) == 0)
		return m->full.s;
	ser_fail_in(e, "%s:%zu", m->name, m->at);
	return NULL;
}

static int seconds(const struct ser_manifest *m, ptrdiff_t col, double *out, struct ser_err *e)
{
	if (col < 0 || m->cell[col][0] == '\0')
		return 0;
	if (ser_parse_real(m->cell[col], 0, 1e9, out, e) == 0)
		return 0;
	ser_fail_in(e, "%s:%zu: %s of \"%s\", in seconds", m->name, m->at, m->col[col], m->cell[m->id]);
	return e->code = SER_EDATA;
}

int ser_manifest_segment(const struct ser_manifest *m, double *start, double *end, struct ser_err *e)
{
	struct ser_err own;
	e = e != NULL ? e : &own;
	*start = 0;
	*end = INFINITY;
	int rc = seconds(m, m->start, start, e);
	if (rc == 0)
		rc = seconds(m, m->end, end, e);
	if (rc == 0 && !(*start < *end))
		rc = ser_fail(e, SER_EDATA, "%s:%zu: \"%s\" ends at %g s, before or where it starts, %g s", m->name,
			      m->at, m->cell[m->id], *end, *start);
	return rc;
}

enum ser_cell ser_manifest_kind(const char *name)
{
	static const char *const whole[] = {"fold", "subset", "age", "channel", "sample_rate", "num_samples"};
	static const char *const real[] = {"start", "end", "dur", "arousal", "valence", "dominance"};
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		if (strcmp(name, whole[i]) == 0)
			return SER_CELL_INT;
	for (size_t i = 0; i < sizeof real / sizeof *real; i++)
		if (strcmp(name, real[i]) == 0)
			return SER_CELL_REAL;
	if (strncmp(name, "vote.", 5) == 0 || strncmp(name, "hot.", 4) == 0)
		return SER_CELL_INT;
	return strncmp(name, "prob.", 5) == 0 ? SER_CELL_REAL : SER_CELL_TEXT;
}

int ser_manifest_put(FILE *f, const char *const *cell, size_t n, struct ser_err *e)
{
	size_t len = n;
	if (n > SER_MANIFEST_MAX_COL)
		return ser_fail(e, SER_EDATA, "%zu column%s, a manifest has at most %d", n, ser_s(n),
				SER_MANIFEST_MAX_COL);
	for (size_t i = 0; i < n; i++) {
		len += strlen(cell[i]);
		if (len > SER_MANIFEST_MAX_LINE)
			return ser_fail(e, SER_EDATA, "a line of a manifest has at most %d bytes",
					SER_MANIFEST_MAX_LINE);
		if (cell[i][strcspn(cell[i], "\t\r\n")] != '\0')
			return ser_fail(e, SER_EDATA, "\"%s\" holds a tab or a line end, which a manifest cannot",
					cell[i]);
		if (!ser_utf8_ok(cell[i], strlen(cell[i])))
			return ser_fail(e, SER_EDATA, "\"%s\" is not UTF-8", cell[i]);
	}
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			putc('\t', f);
		fputs(cell[i], f);
	}
	putc('\n', f);
	return 0;
}
