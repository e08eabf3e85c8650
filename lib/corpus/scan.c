/* SPDX-License-Identifier: MIT */
/* A corpus folder, seen through its description, as a table. */
#include "corpus/private.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 64, MAX_SIDE = 1 << 30, MAX_TRY = 100000 };

/* What libsndfile reads, and, from N_READABLE on, what corpora come in before they are converted. */
static const char *const audio_ext[] = {"wav", "flac", "opus", "ogg",  "oga", "mp3", "aif", "aiff",
					"au",  "caf",  "w64",  "rf64", "sph", "m4a", "mp4", "aac"};
enum { N_READABLE = 13 };

/* ---- the files ---- */

struct walk {
	struct ser_table *out; /* one column: the path below the folder */
	dev_t dev[MAX_DEPTH];
	ino_t ino[MAX_DEPTH];
	struct ser_err *e;
};

static size_t stem_len(const char *path)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
	return dot != NULL && dot > (slash != NULL ? slash + 1 : path) ? (size_t)(dot - path) : strlen(path);
}

static bool has_ext(const char *name, size_t from, size_t to)
{
	const char *ext = name + stem_len(name);
	for (size_t i = from; *ext == '.' && i < to; i++)
		if (strcasecmp(ext + 1, audio_ext[i]) == 0)
			return true;
	return false;
}

static bool is_audio(const char *name)
{
	return has_ext(name, 0, sizeof audio_ext / sizeof *audio_ext);
}

/* Of a sound that was converted, "a.m4a" beside "a.wav", leave what can be read. */
static void drop_originals(struct ser_table *files)
{
	struct ser_map *stem = ser_map_new();
	bool *keep = ser_calloc(files->n_row, sizeof *keep);
	for (size_t i = 0; i < files->n_row; i++) {
		const char *f = files->col[0].cell[i];
		keep[i] = has_ext(f, 0, N_READABLE);
		if (keep[i])
			ser_map_add(stem, f, stem_len(f), NULL);
	}
	for (size_t i = 0; i < files->n_row; i++) {
		const char *f = files->col[0].cell[i];
		keep[i] = keep[i] || ser_map_find(stem, f, stem_len(f)) < 0;
	}
	ser_table_filter(files, keep);
	ser_map_free(stem);
	free(keep);
}

/* path: the folder's; its first `skip` bytes are not part of the table's entries. */
static int walk(struct walk *w, struct ser_buf *path, size_t skip, size_t depth)
{
	DIR *d = opendir(path->s);
	struct stat st;
	if (d == NULL || fstat(dirfd(d), &st) != 0) {
		int rc = ser_fail(w->e, SER_EIO, "%s: cannot read the folder: %s", path->s, strerror(errno));
		if (d != NULL)
			closedir(d);
		return rc;
	}
	int rc = 0;
	for (size_t i = 0; i < depth; i++)
		if (w->dev[i] == st.st_dev && w->ino[i] == st.st_ino) {
			closedir(d);
			return 0; /* a link to a folder that this one is in */
		}
	if (depth == MAX_DEPTH)
		rc = ser_fail(w->e, SER_EDATA, "%s: folders more than %d deep", path->s, MAX_DEPTH);
	else
		w->dev[depth] = st.st_dev, w->ino[depth] = st.st_ino;
	size_t n = path->n;
	for (const struct dirent *f; rc == 0;) {
		errno = 0;
		f = readdir(d);
		if (f == NULL) {
			if (errno != 0)
				rc = ser_fail(w->e, SER_EIO, "%s: cannot read the folder: %s", path->s,
					      strerror(errno));
			break;
		}
		if (f->d_name[0] == '.')
			continue;
		ser_buf_printf(path, "/%s", f->d_name);
		if (stat(path->s, &st) != 0 && is_audio(f->d_name))
			rc = ser_fail(w->e, SER_EIO, "%s: %s", path->s, strerror(errno));
		else if (S_ISDIR(st.st_mode))
			rc = walk(w, path, skip, depth + 1);
		else if (S_ISREG(st.st_mode) && is_audio(f->d_name)) {
			if (!ser_utf8_ok(path->s, path->n) || path->s[strcspn(path->s, "\t\r\n")] != '\0')
				rc = ser_fail(w->e, SER_EDATA,
					      "%s: a path that is not UTF-8 or holds a tab or a line end", path->s);
			size_t row = ser_table_add_row(w->out);
			ser_table_set(w->out, row, 0, path->s + skip, path->n - skip);
		}
		path->n = n;
		path->s[n] = '\0';
	}
	closedir(d);
	return rc;
}

/* ---- one file's fields ---- */

struct side {
	char *path;
	struct ser_table t;
	struct ser_map *key; /* of the rows, in their order */
	bool missing;
	struct side *next;
};

struct scan {
	const struct ser_corpus *c;
	const char **val;     /* [fields], NULL: not set */
	struct ser_arena mem; /* the values of one file */
	const char *path;     /* of the file, as typed */
	size_t n_base;        /* bytes of path before what the pattern covers */
	size_t n_try;         /* to match the file with a pattern */
	struct side *side;
	struct ser_err *e;
};

static bool in_class(char ch, char cls)
{
	if (cls == '#')
		return ch >= '0' && ch <= '9';
	if (cls == '@')
		return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
	return ch != '/';
}

/* Whether parts i.. cover the n bytes of s; fields keep what they covered. */
static bool match(struct scan *sc, const struct parts *q, size_t i, const char *s, size_t n)
{
	if (i == q->n)
		return n == 0;
	if (sc->n_try == MAX_TRY)
		return false;
	sc->n_try++;
	const struct part *p = &q->part[i];
	if (p->lit != NULL) {
		size_t k = strlen(p->lit);
		return k <= n && memcmp(p->lit, s, k) == 0 && match(sc, q, i + 1, s + k, n - k);
	}
	const char **val = p->field != NO_FIELD ? &sc->val[p->field] : NULL;
	if (val != NULL && *val != NULL) { /* the same field again is the same text again */
		size_t k = strlen(*val);
		return k <= n && memcmp(*val, s, k) == 0 && match(sc, q, i + 1, s + k, n - k);
	}
	size_t k = p->field == NO_FIELD ? 0 : p->width > 0 ? p->width : 1, ok = 0;
	for (; k <= n; k++) {
		while (ok < k && in_class(s[ok], p->cls))
			ok++;
		if (ok < k)
			return false;
		if (val == NULL) {
			if (match(sc, q, i + 1, s + k, n - k))
				return true;
			continue;
		}
		struct ser_arena_mark mark = ser_arena_mark(&sc->mem);
		*val = ser_arena_strndup(&sc->mem, s, k);
		if (match(sc, q, i + 1, s + k, n - k))
			return true;
		*val = NULL;
		ser_arena_rewind(&sc->mem, mark);
		if (p->width > 0)
			return false;
	}
	return false;
}

/* Whether a pattern covers the last components of the path, its extension aside: 1, 0, or <0 when it could do so in too many
 * ways for that to be known. */
static int match_path(struct scan *sc, const struct parts *q)
{
	size_t n = stem_len(sc->path), at = n, slashes = 0;
	while (at > 0 && (sc->path[at - 1] != '/' || slashes++ < q->n_slash))
		at--;
	sc->n_base = at;
	sc->n_try = 0;
	if (slashes >= q->n_slash && match(sc, q, 0, sc->path + at, n - at))
		return 1;
	return sc->n_try < MAX_TRY ? 0
				   : ser_fail(sc->e, SER_EDATA, "%s: a pattern of %s has too many ways to match it",
					      sc->path, sc->c->name);
}

static const char *fill(struct scan *sc, const struct parts *q)
{
	struct ser_buf b = {0};
	ser_buf_reserve(&b, 0);
	b.s[0] = '\0';
	for (size_t i = 0; i < q->n; i++) {
		const char *v = q->part[i].lit != NULL ? q->part[i].lit : sc->val[q->part[i].field];
		ser_buf_str(&b, v != NULL ? v : "");
	}
	const char *s = ser_arena_strndup(&sc->mem, b.s, b.n);
	ser_buf_free(&b);
	return s;
}

/* Index the rows by column `key`, or by several, "a,b", whose cells are put together in the same way. */
static int side_index(struct side *d, const char *key, struct ser_err *e)
{
	ptrdiff_t col[8];
	size_t n = 0;
	char *copy = ser_strdup(key);
	for (char *save = NULL, *w = strtok_r(copy, ",", &save); w != NULL; w = strtok_r(NULL, ",", &save)) {
		ptrdiff_t c = n < 8 ? ser_table_col(&d->t, strcmp(w, "-") == 0 ? "" : w) : -1;
		if (c < 0) {
			int rc = ser_fail(e, SER_EDATA, "%s: no column \"%s\"", d->path, w);
			free(copy);
			return rc;
		}
		col[n++] = c;
	}
	free(copy);
	d->key = ser_map_new();
	struct ser_buf b = {0};
	bool is_new = true;
	for (size_t i = 0; i < d->t.n_row && is_new; i++) {
		b.n = 0;
		for (size_t k = 0; k < n; k++)
			ser_buf_printf(&b, "%s%s", k > 0 ? "," : "", d->t.col[col[k]].cell[i]);
		ser_map_add(d->key, b.s, b.n, &is_new);
	}
	int rc = is_new ? 0 : ser_fail(e, SER_EDATA, "%s: %s \"%s\" twice", d->path, key, b.s);
	ser_buf_free(&b);
	return rc;
}

static int side_load(struct side *d, const struct step *s, struct ser_err *e)
{
	char *text;
	size_t n;
	struct stat st;
	if (s->optional && stat(d->path, &st) != 0 && errno == ENOENT) {
		d->missing = true;
		return 0;
	}
	int rc = ser_read_file(d->path, MAX_SIDE, &text, &n, e);
	if (rc != 0)
		return rc;
	const char *key = "key";
	if (strcmp(s->format, "csv") == 0 || strcmp(s->format, "tsv") == 0 || strcmp(s->format, "psv") == 0) {
		char sep = s->format[0] == 'c' ? ',' : s->format[0] == 't' ? '\t' : '|';
		rc = ser_table_parse(&d->t, text, n, sep, d->path, e);
		key = s->key_col;
	} else if (strcmp(s->format, "json") == 0) {
		rc = ser_side_json(&d->t, text, n, s->key_col, d->path, e);
	} else if (strcmp(s->format, "iemocap") == 0) {
		rc = ser_side_iemocap(&d->t, text, n, d->path, e);
	} else if (strcmp(s->format, "words") == 0) {
		rc = ser_side_words(&d->t, text, n, true, d->path, e);
	} else if (strcmp(s->format, "improv") == 0) {
		rc = ser_side_improv(&d->t, text, n, d->path, e);
	} else if (strcmp(s->format, "m3ed") == 0) {
		rc = ser_side_m3ed(&d->t, text, n, d->path, e);
	} else {
		rc = ser_side_bars(&d->t, text, n, d->path, e);
	}
	free(text);
	return rc != 0 ? rc : side_index(d, key, e);
}

/* The side table of a step for this file, read when it is first needed. */
static int side_get(struct scan *sc, const struct step *s, const struct side **out)
{
	struct ser_buf b = {0};
	ser_buf_add(&b, sc->path, sc->n_base);
	ser_buf_str(&b, fill(sc, &s->path));
	for (struct side *d = sc->side; d != NULL; d = d->next)
		if (strcmp(d->path, b.s) == 0) {
			ser_buf_free(&b);
			*out = d;
			return 0;
		}
	struct side *d = ser_calloc(1, sizeof *d);
	*d = (struct side){.path = b.s, .next = sc->side};
	sc->side = d;
	*out = d;
	return side_load(d, s, sc->e);
}

static int step_map(struct scan *sc, const struct step *s)
{
	const char *from = sc->val[s->from] != NULL ? sc->val[s->from] : "";
	const char *to = ser_pairs_get(&s->pairs, from[0] != '\0' ? from : "-");
	to = to != NULL ? to : ser_pairs_get(&s->pairs, "*");
	if (to != NULL || s->optional) {
		sc->val[s->field] = to != NULL && strcmp(to, "*") == 0 ? from : to;
		return 0;
	}
	struct ser_buf b = {0};
	for (size_t i = 0; i < s->pairs.n && b.n < 200; i++)
		ser_buf_printf(&b, " %s", s->pairs.pair[i].key);
	int rc = ser_fail(sc->e, SER_EDATA, "%s: \"%s\" for %s is none of%s (%s:%zu)", sc->path, from,
			  ser_map_key(sc->c->field, s->field, NULL), b.s != NULL ? b.s : " nothing", sc->c->name,
			  s->line);
	ser_buf_free(&b);
	return rc;
}

static int steps(struct scan *sc)
{
	const struct side *side = NULL;
	ptrdiff_t row = -1;
	int rc = 0;
	for (size_t i = 0; i < sc->c->n_step && rc == 0; i++) {
		const struct step *s = &sc->c->step[i];
		switch (s->kind) {
		case STEP_SET:
			sc->val[s->field] = fill(sc, &s->tmpl);
			break;
		case STEP_MAP:
			rc = step_map(sc, s);
			break;
		case STEP_TABLE: {
			rc = side_get(sc, s, &side);
			if (rc != 0)
				break;
			const char *key = fill(sc, &s->tmpl);
			row = side->missing ? -1 : ser_map_find(side->key, key, strlen(key));
			if (row < 0 && !s->optional)
				rc = ser_fail(sc->e, SER_EDATA, "%s: no row \"%s\" for it in %s", sc->path, key,
					      side->path);
			break;
		}
		case STEP_JOIN:
			for (size_t k = 0; k < s->pairs.n && row >= 0 && rc == 0; k++) {
				const struct pair *p = &s->pairs.pair[k];
				ptrdiff_t col = ser_table_col(&side->t, p->value);
				if (col < 0)
					rc = ser_fail(sc->e, SER_EDATA, "%s: no column \"%s\"", side->path, p->value);
				else
					sc->val[ser_map_find(sc->c->field, p->key, strlen(p->key))] =
						side->t.col[col].cell[row];
			}
			break;
		}
	}
	return rc;
}

/* ---- the table ---- */

enum seen { KNOWN, SKIPPED, STRANGE };

static int one_file(struct scan *sc, struct ser_table *t, const char *shown, enum seen *seen)
{
	const struct ser_corpus *c = sc->c;
	size_t n_field = ser_map_len(c->field), i;
	int rc = 0;
	ser_arena_rewind(&sc->mem, (struct ser_arena_mark){0});
	memset(sc->val, 0, n_field * sizeof *sc->val);
	const char *slash = strrchr(sc->path, '/');
	for (i = 0; i < c->n_skip; i++) {
		rc = match_path(sc, &c->skip[i]);
		*seen = SKIPPED;
		if (rc != 0)
			return rc < 0 ? rc : 0;
		memset(sc->val, 0, n_field * sizeof *sc->val);
	}
	const char *name = slash != NULL ? slash + 1 : sc->path;
	sc->val[FIELD_FILE] = ser_arena_strndup(&sc->mem, name, stem_len(name));
	const char *dir = slash;
	while (dir != NULL && dir > sc->path && dir[-1] != '/')
		dir--;
	sc->val[FIELD_DIR] = dir != NULL ? ser_arena_strndup(&sc->mem, dir, (size_t)(slash - dir)) : "";
	const char *file = sc->val[FIELD_FILE], *folder = sc->val[FIELD_DIR];
	for (i = 0; i < c->n_file && (rc = match_path(sc, &c->file[i])) == 0; i++) {
		memset(sc->val, 0, n_field * sizeof *sc->val);
		sc->val[FIELD_FILE] = file;
		sc->val[FIELD_DIR] = folder;
	}
	if (rc < 0)
		return rc;
	if (i == c->n_file) {
		*seen = STRANGE;
		return 0;
	}
	*seen = KNOWN;
	rc = steps(sc);
	if (rc != 0)
		return rc;
	size_t row = ser_table_add_row(t);
	const char *id = fill(sc, &c->id);
	ser_table_set(t, row, 0, id, strlen(id));
	ser_table_set(t, row, 1, shown, strlen(shown));
	for (i = 0; i < c->n_column; i++) {
		const char *v = sc->val[c->column[i]];
		if (v == NULL)
			continue;
		if (v[strcspn(v, "\t\r\n")] != '\0')
			return ser_fail(sc->e, SER_EDATA, "%s: its %s holds a tab or a line end", sc->path,
					ser_map_key(c->field, c->column[i], NULL));
		ser_table_set(t, row, ser_table_add_col(t, ser_map_key(c->field, c->column[i], NULL)), v, strlen(v));
	}
	return 0;
}

static void note(struct ser_corpus_report *rep, const char *corpus, const char *what, const char *value, size_t found,
		 const char *expected)
{
	rep->n_off++;
	ser_buf_printf(&rep->notes, "%s: %zu %s%s%s, expected %s\n", corpus, found, what, value[0] != '\0' ? " " : "",
		       value, expected);
}

/* Compare a column's counts with what they should be; values that nobody expects are named too. */
static void check_count(const struct ser_corpus *c, const struct ser_table *t, const char *col,
			const struct pairs *want, struct ser_corpus_report *rep)
{
	struct ser_map *val = ser_map_new();
	size_t *n = ser_calloc(t->n_row + want->n + 1, sizeof *n);
	for (size_t i = 0; i < want->n; i++)
		ser_map_add(val, want->pair[i].key, strlen(want->pair[i].key), NULL);
	for (size_t i = 0; i < t->n_row; i++) {
		const char *s = ser_table_get(t, i, col);
		n[ser_map_add(val, s, strlen(s), NULL)]++;
	}
	for (size_t i = 0; i < ser_map_len(val); i++) {
		const char *key = ser_map_key(val, i, NULL);
		const char *expected = i < want->n ? want->pair[i].value : "0";
		int64_t x = -1;
		ser_parse_int(expected, 0, INT64_MAX, &x, NULL);
		if (x < 0 || (uint64_t)x != n[i]) {
			struct ser_buf b = {0};
			ser_buf_printf(&b, "with %s", col);
			note(rep, c->name, b.s, key[0] != '\0' ? key : "(none)", n[i], expected);
			ser_buf_free(&b);
		}
	}
	free(n);
	ser_map_free(val);
}

static void check_totals(const struct ser_corpus *c, const struct ser_table *t, const char *label_set, bool before,
			 struct ser_corpus_report *rep)
{
	for (size_t i = 0; i < c->n_total; i++) {
		const struct total *x = &c->total[i];
		if (x->kind == TOTAL_COUNT_IN) {
			if (!before && label_set != NULL && strcmp(x->name, label_set) == 0)
				check_count(c, t, "emo", &x->pairs, rep);
			continue;
		}
		if (!before)
			continue;
		if (x->kind == TOTAL_COUNT) {
			check_count(c, t, x->name, &x->pairs, rep);
			continue;
		}
		size_t found = t->n_row;
		if (x->kind == TOTAL_DISTINCT) {
			struct ser_map *m = ser_map_new();
			for (size_t k = 0; k < t->n_row; k++) {
				const char *s = ser_table_get(t, k, x->name);
				ser_map_add(m, s, strlen(s), NULL);
			}
			found = ser_map_len(m);
			ser_map_free(m);
		}
		int64_t want = -1;
		ser_parse_int(x->pairs.pair[0].value, 0, INT64_MAX, &want, NULL);
		if (want < 0 || (uint64_t)want != found)
			note(rep, c->name, x->kind == TOTAL_FILES ? "files" : "values of", x->name, found,
			     x->pairs.pair[0].value);
	}
}

/* Rename the labels by the pairs; those not named stay, or go with their rows when `only`. */
static void relabel(struct ser_table *t, const struct pairs *p, bool only)
{
	size_t emo = ser_table_add_col(t, "emo");
	bool *want = ser_calloc(t->n_row, sizeof *want);
	for (size_t i = 0; i < t->n_row; i++) {
		const char *to = ser_pairs_get(p, t->col[emo].cell[i]);
		want[i] = to != NULL || !only;
		if (to != NULL)
			ser_table_set(t, i, emo, to, strlen(to));
	}
	ser_table_filter(t, want);
	free(want);
}

/* "a=b,c=d", or "a,b" as pairs of equals, split in place of *text. */
static int split_list(char *text, bool equals, struct pairs *p, struct ser_err *e)
{
	for (char *save = NULL, *w = strtok_r(text, ",", &save); w != NULL; w = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(w, '=');
		if (equals && (eq == NULL || eq == w))
			return ser_fail(e, SER_EUSAGE, "\"%s\" is not of the form label=label", w);
		if (equals)
			*eq++ = '\0';
		p->pair = ser_grow(p->pair, &p->cap, p->n + 1, sizeof *p->pair);
		p->pair[p->n++] = (struct pair){w, equals ? eq : w};
	}
	return 0;
}

static int list_do(struct ser_table *t, const char *text, bool equals, struct ser_err *e)
{
	if (text == NULL)
		return 0;
	struct pairs p = {0};
	char *copy = ser_strdup(text);
	int rc = split_list(copy, equals, &p, e);
	if (rc == 0)
		relabel(t, &p, !equals);
	free(p.pair);
	free(copy);
	return rc;
}

static void derive_ids(struct ser_table *t)
{
	char **id = ser_derived_ids(t);
	for (size_t i = 0; i < t->n_row; i++)
		ser_table_set(t, i, 0, id[i], strlen(id[i]));
	ser_derived_ids_free(id, t->n_row);
}

static int check_ids(const struct ser_table *t, struct ser_err *e)
{
	for (size_t i = 0; i < t->n_row; i++) { /* they are sorted */
		const char *id = t->col[0].cell[i];
		if (id[0] == '\0')
			return ser_fail(e, SER_EDATA, "%s: its id is empty", t->col[1].cell[i]);
		if (i > 0 && strcmp(id, t->col[0].cell[i - 1]) == 0)
			return ser_fail(e, SER_EDATA, "id \"%s\" for both %s and %s; --pattern with --id makes others",
					id, t->col[1].cell[i - 1], t->col[1].cell[i]);
	}
	return 0;
}

static int rows(struct scan *sc, const struct ser_table *files, const char *dir, const struct ser_corpus_opts *o,
		struct ser_table *t, struct ser_corpus_report *rep)
{
	struct ser_buf path = {0};
	size_t n_strange = 0, strange = 0;
	int rc = 0;
	for (size_t i = 0; i < files->n_row && rc == 0; i++) {
		const char *below = files->col[0].cell[i];
		enum seen seen;
		path.n = 0;
		ser_buf_printf(&path, "%s/%s", dir, below);
		sc->path = path.s;
		rc = one_file(sc, t, o->relative ? below : path.s, &seen);
		if (rc == 0 && seen == STRANGE && n_strange++ == 0)
			strange = i;
		rep->n_file += rc == 0 && seen == KNOWN;
	}
	if (rc == 0 && n_strange > 0) {
		rep->n_off++;
		ser_buf_printf(&rep->notes, "%s: %zu audio files match no pattern, such as %s/%s\n", sc->c->name,
			       n_strange, dir, files->col[0].cell[strange]);
	}
	if (rc == 0 && rep->n_file == 0)
		rc = ser_fail(sc->e, SER_EDATA, "%s: none of the %zu audio files there is named as %s's are", dir,
			      files->n_row, sc->c->name);
	ser_buf_free(&path);
	return rc;
}

int ser_corpus_scan(const struct ser_corpus *c, const char *dir, const struct ser_corpus_opts *o, struct ser_table *t,
		    struct ser_corpus_report *rep, struct ser_err *e)
{
	static const struct ser_corpus_opts none;
	struct ser_err own;
	o = o != NULL ? o : &none;
	e = e != NULL ? e : &own;
	*rep = (struct ser_corpus_report){0};
	const struct named *set = NULL;
	for (size_t i = 0; i < c->n_labels && o->label_set != NULL; i++)
		if (strcmp(c->labels[i].name, o->label_set) == 0)
			set = &c->labels[i];
	if (o->label_set != NULL && set == NULL) {
		struct ser_buf b = {0};
		ser_corpus_label_sets(c, &b);
		int bad = ser_fail(e, SER_EUSAGE, "%s has no label set \"%s\"; it has: %s", c->name, o->label_set,
				   b.n > 0 ? b.s : "none");
		ser_buf_free(&b);
		return bad;
	}
	struct ser_table files = {0};
	ser_table_add_col(&files, "path");
	struct ser_buf path = {0};
	ser_buf_str(&path, dir);
	while (path.n > 1 && path.s[path.n - 1] == '/')
		path.s[--path.n] = '\0';
	char *top = ser_strdup(strcmp(path.s, "/") == 0 ? "" : path.s);
	struct walk w = {.out = &files, .e = e};
	int rc = walk(&w, &path, strlen(top) + 1, 0);
	ser_buf_free(&path);

	ser_table_add_col(t, "id");
	ser_table_add_col(t, "path");
	ser_table_add_col(t, "spk");
	ser_table_add_col(t, "emo");
	for (size_t i = 0; i < c->n_column; i++)
		ser_table_add_col(t, ser_map_key(c->field, c->column[i], NULL));
	struct scan sc = {.c = c, .val = ser_calloc(ser_map_len(c->field), sizeof(char *)), .e = e};
	if (rc == 0) {
		drop_originals(&files);
		ser_table_sort(&files, 0);
		rc = rows(&sc, &files, top, o, t, rep);
	}
	if (rc == 0 && c->derives_ids)
		derive_ids(t);
	if (rc == 0) {
		ser_table_sort(t, 0);
		rc = check_ids(t, e);
	}
	if (rc == 0) {
		check_totals(c, t, NULL, true, rep);
		if (set != NULL)
			relabel(t, &set->pairs, true);
		check_totals(c, t, o->label_set, false, rep);
		rc = list_do(t, o->emo_map, true, e);
	}
	if (rc == 0)
		rc = list_do(t, o->labels, false, e);
	for (struct side *d = sc.side, *next; d != NULL; d = next) {
		next = d->next;
		ser_table_free(&d->t);
		ser_map_free(d->key);
		free(d->path);
		free(d);
	}
	free(sc.val);
	ser_arena_free(&sc.mem);
	ser_table_free(&files);
	free(top);
	return rc;
}
