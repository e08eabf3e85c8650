/* SPDX-License-Identifier: MIT */
/* A manifest in memory: struct ser_table. */
#include "corpus/corpus.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 16 }; /* short strings share pieces of the arena, whose own blocks are 64 bytes at least */

static const char *keep(struct ser_table *t, const char *s, size_t n)
{
	if (n == 0)
		return "";
	if (n >= PIECE / 4)
		return ser_arena_strndup(&t->mem, s, n);
	if (t->room <= n) {
		t->at = ser_arena_alloc(&t->mem, PIECE, 1);
		t->room = PIECE;
	}
	char *p = t->at;
	memcpy(p, s, n);
	p[n] = '\0';
	t->at += n + 1;
	t->room -= n + 1;
	return p;
}

void ser_table_free(struct ser_table *t)
{
	for (size_t i = 0; i < t->n_col; i++) {
		free(t->col[i].name);
		free(t->col[i].cell);
	}
	free(t->col);
	ser_arena_free(&t->mem);
	*t = (struct ser_table){0};
}

ptrdiff_t ser_table_col(const struct ser_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_col; i++)
		if (strcmp(t->col[i].name, name) == 0)
			return (ptrdiff_t)i;
	return -1;
}

size_t ser_table_add_col(struct ser_table *t, const char *name)
{
	ptrdiff_t at = ser_table_col(t, name);
	if (at >= 0)
		return (size_t)at;
	t->col = ser_grow(t->col, &t->cap_col, t->n_col + 1, sizeof *t->col);
	struct ser_column *c = &t->col[t->n_col];
	*c = (struct ser_column){.name = ser_strdup(name)};
	c->cell = ser_grow(NULL, &c->cap, t->n_row, sizeof *c->cell);
	for (size_t i = 0; i < t->n_row; i++)
		c->cell[i] = "";
	return t->n_col++;
}

void ser_table_drop_col(struct ser_table *t, const char *name)
{
	ptrdiff_t c = ser_table_col(t, name);
	if (c < 0)
		return;
	free(t->col[c].name);
	free(t->col[c].cell);
	t->n_col--;
	memmove(t->col + c, t->col + c + 1, (t->n_col - (size_t)c) * sizeof *t->col);
}

size_t ser_table_add_row(struct ser_table *t)
{
	for (size_t i = 0; i < t->n_col; i++) {
		struct ser_column *c = &t->col[i];
		c->cell = ser_grow(c->cell, &c->cap, t->n_row + 1, sizeof *c->cell);
		c->cell[t->n_row] = "";
	}
	return t->n_row++;
}

void ser_table_set(struct ser_table *t, size_t row, size_t col, const char *s, size_t n)
{
	ser_assert(row < t->n_row && col < t->n_col);
	t->col[col].cell[row] = keep(t, s, n);
}

const char *ser_table_get(const struct ser_table *t, size_t row, const char *name)
{
	ptrdiff_t c = ser_table_col(t, name);
	ser_assert(row < t->n_row);
	return c < 0 ? "" : t->col[c].cell[row];
}

struct key {
	const char *s;
	size_t at;
};

static int by_key(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int c = strcmp(x->s, y->s);
	return c != 0 ? c : (x->at > y->at) - (x->at < y->at);
}

void ser_table_sort(struct ser_table *t, size_t col)
{
	ser_assert(col < t->n_col);
	struct key *k = ser_calloc(t->n_row, sizeof *k);
	for (size_t i = 0; i < t->n_row; i++)
		k[i] = (struct key){t->col[col].cell[i], i};
	qsort(k, t->n_row, sizeof *k, by_key);
	for (size_t c = 0; c < t->n_col; c++) {
		const char **old = t->col[c].cell;
		const char **cell = ser_calloc(t->n_row, sizeof *cell);
		for (size_t i = 0; i < t->n_row; i++)
			cell[i] = old[k[i].at];
		free(old);
		t->col[c].cell = cell;
		t->col[c].cap = t->n_row;
	}
	free(k);
}

void ser_table_filter(struct ser_table *t, const bool *want)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n_row; i++) {
		if (!want[i])
			continue;
		for (size_t c = 0; c < t->n_col; c++)
			t->col[c].cell[n] = t->col[c].cell[i];
		n++;
	}
	t->n_row = n;
}

void ser_table_append(struct ser_table *t, const struct ser_table *more)
{
	const size_t from = t->n_row;
	for (size_t i = 0; i < more->n_row; i++)
		ser_table_add_row(t);
	for (size_t c = 0; c < more->n_col; c++) {
		const size_t to = ser_table_add_col(t, more->col[c].name);
		for (size_t i = 0; i < more->n_row; i++)
			ser_table_set(t, from + i, to, more->col[c].cell[i], strlen(more->col[c].cell[i]));
	}
}

void ser_table_fill(struct ser_table *t, const char *column, const char *text)
{
	const size_t c = ser_table_add_col(t, column);
	for (size_t i = 0; i < t->n_row; i++)
		ser_table_set(t, i, c, text, strlen(text));
}

static void put_corpus(struct ser_table *t, const char *column)
{
	const ptrdiff_t c = ser_table_col(t, column), from = ser_table_col(t, "corpus");
	struct ser_buf b = {0};
	for (size_t i = 0; c >= 0 && i < t->n_row; i++) {
		const char *s = t->col[c].cell[i], *corpus = t->col[from].cell[i];
		size_t n = strlen(corpus);
		if (s[0] == '\0' || n == 0 || (strncmp(s, corpus, n) == 0 && s[n] == '-'))
			continue;
		b.n = 0;
		ser_buf_printf(&b, "%s-%s", corpus, s);
		ser_table_set(t, i, (size_t)c, b.s, b.n);
	}
	ser_buf_free(&b);
}

bool ser_table_name_apart(struct ser_table *t)
{
	const ptrdiff_t c = ser_table_col(t, "corpus");
	size_t first = 0, i = 0;
	while (c >= 0 && first < t->n_row && t->col[c].cell[first][0] == '\0')
		first++;
	for (i = first; c >= 0 && i < t->n_row; i++)
		if (t->col[c].cell[i][0] != '\0' && strcmp(t->col[c].cell[i], t->col[c].cell[first]) != 0)
			break;
	if (c < 0 || i >= t->n_row)
		return false;
	put_corpus(t, "id");
	put_corpus(t, "recording");
	put_corpus(t, "spk");
	return true;
}

void ser_table_prefix(struct ser_table *t, const char *column, const char *text)
{
	const ptrdiff_t c = ser_table_col(t, column);
	struct ser_buf b = {0};
	for (size_t i = 0; c >= 0 && i < t->n_row; i++) {
		const char *s = t->col[c].cell[i];
		b.n = 0;
		ser_buf_printf(&b, "%s%s", text, s);
		if (s[0] != '\0')
			ser_table_set(t, i, (size_t)c, b.s, b.n);
	}
	ser_buf_free(&b);
}

int ser_table_read(struct ser_table *t, FILE *f, const char *name, const struct ser_manifest_opts *o, struct ser_err *e)
{
	struct ser_err own;
	e = e != NULL ? e : &own;
	struct ser_manifest *m = ser_manifest_new(f, name, o, e);
	if (m == NULL)
		return e->code;
	for (size_t c = 0; c < ser_manifest_n_col(m); c++)
		ser_table_add_col(t, ser_manifest_name(m, c));
	int rc;
	while ((rc = ser_manifest_next(m, e)) > 0) {
		size_t r = ser_table_add_row(t);
		for (size_t c = 0; c < t->n_col; c++) {
			const char *s = ser_manifest_cell(m, c);
			ser_table_set(t, r, c, s, strlen(s));
		}
	}
	ser_manifest_free(m);
	return rc;
}

int ser_table_check_ids(const struct ser_table *t, struct ser_err *e)
{
	ptrdiff_t id = ser_table_col(t, "id");
	if (id < 0)
		return ser_fail(e, SER_EDATA, "no column \"id\"");
	struct ser_map *seen = ser_map_new();
	int rc = 0;
	for (size_t i = 0; i < t->n_row && rc == 0; i++) {
		const char *s = t->col[id].cell[i];
		bool is_new;
		ser_map_add(seen, s, strlen(s), &is_new);
		if (s[0] == '\0' || strlen(s) > SER_MANIFEST_MAX_ID)
			rc = ser_fail(e, SER_EDATA, "row %zu: the id is %s", i + 1,
				      s[0] == '\0' ? "empty" : "too long");
		else if (!is_new)
			rc = ser_fail(e, SER_EDATA, "row %zu: id \"%s\" twice", i + 1, s);
	}
	ser_map_free(seen);
	return rc;
}

int ser_table_write(struct ser_table *t, FILE *f, struct ser_err *e)
{
	static const char *const first[] = {"id", "path", "spk", "emo"};
	size_t n_first = sizeof first / sizeof *first;
	for (size_t i = 0; i < n_first; i++)
		ser_table_add_col(t, first[i]);
	int rc = ser_table_check_ids(t, e);
	if (rc != 0)
		return rc;
	size_t *order = ser_calloc(t->n_col, sizeof *order), n = 0;
	for (size_t i = 0; i < n_first; i++)
		order[n++] = (size_t)ser_table_col(t, first[i]);
	for (size_t c = 0; c < t->n_col; c++)
		if (c != order[0] && c != order[1] && c != order[2] && c != order[3])
			order[n++] = c;
	const char **cell = ser_calloc(n, sizeof *cell);
	for (size_t c = 0; c < n; c++) {
		cell[c] = t->col[order[c]].name;
		if (rc == 0 && (cell[c][0] == '\0' || strlen(cell[c]) > SER_MANIFEST_MAX_NAME))
			rc = ser_fail(e, SER_EDATA, "a column's name has 1 to %d bytes, not %zu", SER_MANIFEST_MAX_NAME,
				      strlen(cell[c]));
	}
	if (rc == 0)
		rc = ser_manifest_put(f, cell, n, e);
	for (size_t i = 0; i < t->n_row && rc == 0; i++) {
		for (size_t c = 0; c < n; c++)
			cell[c] = t->col[order[c]].cell[i];
		rc = ser_manifest_put(f, cell, n, e);
		if (rc != 0 && e != NULL)
			ser_fail_in(e, "id \"%s\"", cell[0]);
	}
	free(cell);
	free(order);
	return rc;
}

/* ---- delimited text of others ---- */

struct scan {
	const char *p, *end, *name;
	char sep;
	size_t line;
	struct ser_buf field;
};

static bool blank(char c, char sep)
{
	return (c == ' ' || c == '\t' || c == '\r') && c != sep;
}

/* One field into sc->field. 0: another follows on this line, 1: it was the last, or an error. */
static int scan_field(struct scan *sc, struct ser_err *e)
{
	struct ser_buf *b = &sc->field;
	b->n = 0;
	ser_buf_reserve(b, 0);
	while (sc->p < sc->end && blank(*sc->p, sc->sep))
		sc->p++;
	bool quoted = sc->sep != '\t' && sc->p < sc->end && *sc->p == '"';
	if (quoted) {
		size_t from = sc->line;
		sc->p++;
		for (;;) {
			const char *q = memchr(sc->p, '"', (size_t)(sc->end - sc->p));
			if (q == NULL)
				return ser_fail(e, SER_EDATA, "%s:%zu: a quote is not closed", sc->name, from);
			ser_buf_add(b, sc->p, (size_t)(q - sc->p));
			for (; sc->p < q; sc->p++)
				sc->line += *sc->p == '\n';
			sc->p = q + 1;
			if (sc->p == sc->end || *sc->p != '"')
				break;
			ser_buf_add(b, "\"", 1);
			sc->p++;
		}
		while (sc->p < sc->end && blank(*sc->p, sc->sep))
			sc->p++;
		if (sc->p < sc->end && *sc->p != sc->sep && *sc->p != '\n')
			return ser_fail(e, SER_EDATA, "%s:%zu: text after a closing quote", sc->name, sc->line);
	} else {
		const char *s = sc->p;
		while (sc->p < sc->end && *sc->p != sc->sep && *sc->p != '\n')
			sc->p++;
		size_t n = (size_t)(sc->p - s);
		while (n > 0 && blank(s[n - 1], sc->sep))
			n--;
		ser_buf_add(b, s, n);
	}
	b->s[b->n] = '\0';
	if (!ser_utf8_ok(b->s, b->n))
		return ser_fail(e, SER_EDATA, "%s:%zu: not UTF-8", sc->name, sc->line);
	if (sc->p < sc->end && *sc->p == sc->sep) {
		sc->p++;
		return 0;
	}
	return 1;
}

int ser_table_parse(struct ser_table *t, const char *s, size_t n, char sep, const char *name, struct ser_err *e)
{
	struct scan sc = {s, s + n, name, sep, 1, {0}};
	sc.p += ser_utf8_bom(s, n);
	int rc = 0;
	bool header = true;
	while (rc == 0 && sc.p < sc.end) {
		if (*sc.p == '\n' || (*sc.p == '\r' && sc.p + 1 < sc.end && sc.p[1] == '\n')) {
			sc.p += *sc.p == '\r' ? 2 : 1;
			sc.line++;
			continue;
		}
		size_t c = 0, row = header ? 0 : ser_table_add_row(t);
		do {
			rc = scan_field(&sc, e);
			if (rc < 0)
				break;
			if (!header && c < t->n_col)
				ser_table_set(t, row, c, sc.field.s, sc.field.n);
			else if (header && c < SER_MANIFEST_MAX_COL && ser_table_add_col(t, sc.field.s) != c) {
				rc = ser_fail(e, SER_EDATA, "%s:1: column \"%s\" twice", name, sc.field.s);
				break;
			}
			c++;
		} while (rc == 0);
		if (rc < 0)
			break;
		if (c > SER_MANIFEST_MAX_COL)
			rc = ser_fail(e, SER_EDATA, "%s:%zu: %zu column%s, at most %d are read", name, sc.line, c,
				      ser_s(c), SER_MANIFEST_MAX_COL);
		else if (!header && c != t->n_col)
			rc = ser_fail(e, SER_EDATA, "%s:%zu: %zu fields, expected %zu as in the header row", name,
				      sc.line, c, t->n_col);
		else
			rc = 0;
		header = false;
		if (sc.p < sc.end)
			sc.p++; /* the newline */
		sc.line++;
	}
	if (rc == 0 && header)
		rc = ser_fail(e, SER_EDATA, "%s: empty, expected a header row", name);
	ser_buf_free(&sc.field);
	return rc;
}
