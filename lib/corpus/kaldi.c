/* SPDX-License-Identifier: MIT */
/* Kaldi data directories. */
#include "corpus/private.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int ser_recordings(const struct ser_table *t, const char **rec, struct ser_arena *mem, struct ser_err *e)
{
	struct ser_map *paths = ser_map_new(), *recs = ser_map_new();
	size_t *n = ser_calloc(t->n_row, sizeof *n), *path_of = ser_calloc(t->n_row, sizeof *path_of);
	int rc = 0;
	for (size_t i = 0; i < t->n_row; i++) {
		const char *p = ser_table_get(t, i, "path");
		n[ser_map_add(paths, p, strlen(p), NULL)]++;
	}
	for (size_t i = 0; i < t->n_row && rc == 0; i++) {
		const char *p = ser_table_get(t, i, "path"), *slash = strrchr(p, '/');
		const char *s = slash != NULL ? slash + 1 : p, *dot = strrchr(s, '.');
		size_t at = (size_t)ser_map_find(paths, p, strlen(p));
		rec[i] = ser_table_get(t, i, "recording");
		if (rec[i][0] == '\0')
			rec[i] = n[at] == 1 ? ser_table_get(t, i, "id")
					    : ser_arena_strndup(mem, s,
								dot != NULL && dot > s ? (size_t)(dot - s) : strlen(s));
		bool is_new;
		size_t k = ser_map_add(recs, rec[i], strlen(rec[i]), &is_new);
		if (is_new)
			path_of[k] = at;
		else if (path_of[k] != at)
			rc = ser_fail(e, SER_EDATA,
				      "recording \"%s\" would be both %s and %s: give them names in a column recording",
				      rec[i], ser_map_key(paths, path_of[k], NULL), p);
	}
	free(path_of);
	free(n);
	ser_map_free(recs);
	ser_map_free(paths);
	return rc;
}

/* ---- reading ---- */

/* A file of "KEY value" lines; false in *there when it does not exist. Values are cells of column `text`. */
static int read_map(struct ser_table *t, const char *dir, const char *name, bool *there, struct ser_err *e)
{
	struct ser_buf path = {0}, b = {0};
	struct stat st;
	ser_buf_printf(&path, "%s/%s", dir, name);
	*there = stat(path.s, &st) == 0;
	int rc = 0;
	if (*there)
		rc = ser_slurp_lines(path.s, &b, e);
	if (rc == 0 && *there)
		rc = ser_side_words(t, b.s, b.n, false, path.s, e);
	struct ser_map *seen = ser_map_new();
	for (size_t i = 0; i < t->n_row && rc == 0; i++) {
		const char *k = t->col[0].cell[i];
		bool is_new;
		ser_map_add(seen, k, strlen(k), &is_new);
		if (!is_new)
			rc = ser_fail(e, SER_EDATA, "%s: \"%s\" twice", path.s, k);
	}
	ser_map_free(seen);
	ser_buf_free(&b);
	ser_buf_free(&path);
	return rc;
}

struct kaldi {
	const char *dir;
	struct ser_table *t;
	struct ser_map *utt; /* rows by id */
	struct ser_err *e;
};

static size_t add_utt(struct kaldi *k, const char *id)
{
	size_t row = ser_table_add_row(k->t);
	ser_map_add(k->utt, id, strlen(id), NULL);
	ser_table_set(k->t, row, 0, id, strlen(id));
	return row;
}

static int check_pipe(struct kaldi *k, const char *key, const char *value, bool allow_pipes)
{
	size_t n = strlen(value);
	if (n == 0)
		return ser_fail(k->e, SER_EDATA, "%s/wav.scp: \"%s\" has no file", k->dir, key);
	if (value[n - 1] == '|' && !allow_pipes)
		return ser_fail(k->e, SER_EDATA,
				"%s/wav.scp: \"%s\" is a command, \"%s\", which is not taken from a data "
				"directory unless pipes are allowed",
				k->dir, key, value);
	return 0;
}

/* "utt rec 1.5 2.25"; -1 is the recording's end. */
static int add_segment(struct kaldi *k, const char *id, const char *value, const struct ser_map *rec,
		       const struct ser_table *wav)
{
	struct ser_table *t = k->t;
	size_t n_rec = strcspn(value, " \t");
	const char *s = value + n_rec + strspn(value + n_rec, " \t");
	size_t n_start = strcspn(s, " \t");
	const char *end = s + n_start + strspn(s + n_start, " \t");
	char *start = ser_strndup(s, n_start);
	double a, b;
	bool to_end = strcmp(end, "-1") == 0 || strcmp(end, "-1.0") == 0;
	bool ok =
		ser_parse_real(start, 0, 1e9, &a, NULL) == 0 && (to_end || ser_parse_real(end, 0, 1e9, &b, NULL) == 0);
	ptrdiff_t r = ser_map_find(rec, value, n_rec);
	int rc = 0;
	if (!ok)
		rc = ser_fail(k->e, SER_EDATA, "%s/segments: \"%s\": expected \"recording start end\", found \"%s\"",
			      k->dir, id, value);
	else if (r < 0)
		rc = ser_fail(k->e, SER_EDATA, "%s/segments: \"%s\": recording \"%.*s\" is not in wav.scp", k->dir, id,
			      (int)n_rec, value);
	else {
		size_t row = add_utt(k, id);
		const char *path = wav->col[1].cell[r];
		ser_table_set(t, row, ser_table_add_col(t, "path"), path, strlen(path));
		ser_table_set(t, row, ser_table_add_col(t, "recording"), value, n_rec);
		if (!to_end || a > 0)
			ser_table_set(t, row, ser_table_add_col(t, "start"), start, n_start);
		if (!to_end)
			ser_table_set(t, row, ser_table_add_col(t, "end"), end, strlen(end));
	}
	free(start);
	return rc;
}

static int read_utterances(struct kaldi *k, bool allow_pipes)
{
	struct ser_table wav = {0}, seg = {0};
	struct ser_map *rec = ser_map_new();
	bool has_wav, has_seg = false;
	int rc = read_map(&wav, k->dir, "wav.scp", &has_wav, k->e);
	if (rc == 0 && !has_wav)
		rc = ser_fail(k->e, SER_EIO, "%s/wav.scp: no such file", k->dir);
	if (rc == 0)
		rc = read_map(&seg, k->dir, "segments", &has_seg, k->e);
	for (size_t i = 0; i < wav.n_row && rc == 0; i++) {
		const char *key = wav.col[0].cell[i], *path = wav.col[1].cell[i];
		ser_map_add(rec, key, strlen(key), NULL);
		rc = check_pipe(k, key, path, allow_pipes);
		if (rc == 0 && !has_seg)
			ser_table_set(k->t, add_utt(k, key), ser_table_add_col(k->t, "path"), path, strlen(path));
	}
	for (size_t i = 0; i < seg.n_row && rc == 0; i++)
		rc = add_segment(k, seg.col[0].cell[i], seg.col[1].cell[i], rec, &wav);
	ser_map_free(rec);
	ser_table_free(&wav);
	ser_table_free(&seg);
	return rc;
}

/* A column of values by utterance. */
static int read_column(struct kaldi *k, const char *file, const char *column)
{
	struct ser_table v = {0};
	bool there;
	int rc = read_map(&v, k->dir, file, &there, k->e);
	for (size_t i = 0; i < v.n_row && rc == 0; i++) {
		const char *id = v.col[0].cell[i], *s = v.col[1].cell[i];
		ptrdiff_t row = ser_map_find(k->utt, id, strlen(id));
		if (row < 0)
			rc = ser_fail(k->e, SER_EDATA, "%s/%s: utterance \"%s\" is not in wav.scp or segments", k->dir,
				      file, id);
		else
			ser_table_set(k->t, (size_t)row, ser_table_add_col(k->t, column), s, strlen(s));
	}
	ser_table_free(&v);
	return rc;
}

static int read_spk2gender(struct kaldi *k)
{
	struct ser_table v = {0};
	bool there;
	int rc = read_map(&v, k->dir, "spk2gender", &there, k->e);
	struct ser_map *m = ser_map_new();
	for (size_t i = 0; i < v.n_row; i++)
		ser_map_add(m, v.col[0].cell[i], strlen(v.col[0].cell[i]), NULL);
	for (size_t i = 0; i < k->t->n_row && rc == 0 && there; i++) {
		const char *spk = ser_table_get(k->t, i, "spk");
		ptrdiff_t at = ser_map_find(m, spk, strlen(spk));
		if (at >= 0)
			ser_table_set(k->t, i, ser_table_add_col(k->t, "sex"), v.col[1].cell[at],
				      strlen(v.col[1].cell[at]));
	}
	ser_map_free(m);
	ser_table_free(&v);
	return rc;
}

/* What it says must be what utt2spk says, in any order. */
static int check_spk2utt(struct kaldi *k)
{
	struct ser_table v = {0};
	bool there;
	int rc = read_map(&v, k->dir, "spk2utt", &there, k->e);
	size_t n = 0;
	for (size_t i = 0; i < v.n_row && rc == 0; i++) {
		for (const char *s = v.col[1].cell[i]; *(s += strspn(s, " \t")) != '\0' && rc == 0;
		     s += strcspn(s, " \t"), n++) {
			size_t len = strcspn(s, " \t");
			ptrdiff_t row = ser_map_find(k->utt, s, len);
			if (row < 0 || strcmp(ser_table_get(k->t, (size_t)row, "spk"), v.col[0].cell[i]) != 0)
				rc = ser_fail(k->e, SER_EDATA,
					      "%s/spk2utt: \"%.*s\" of speaker \"%s\": utt2spk says otherwise", k->dir,
					      (int)len, s, v.col[0].cell[i]);
		}
	}
	if (rc == 0 && there && n != k->t->n_row)
		rc = ser_fail(k->e, SER_EDATA, "%s/spk2utt: %zu utterance%s, there are %zu", k->dir, n, ser_s(n),
			      k->t->n_row);
	ser_table_free(&v);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The entries of a directory, sorted. */
static int entries(const char *dir, char ***name, size_t *n, struct ser_err *e)
{
	DIR *d = opendir(dir);
	if (d == NULL)
		return ser_fail(e, SER_EIO, "%s: cannot read the folder: %s", dir, strerror(errno));
	size_t cap = 0;
	*name = NULL;
	*n = 0;
	for (const struct dirent *f; (f = readdir(d)) != NULL;) {
		if (f->d_name[0] == '.')
			continue;
		*name = ser_grow(*name, &cap, *n + 1, sizeof **name);
		(*name)[(*n)++] = ser_strdup(f->d_name);
	}
	closedir(d);
	if (*n > 0)
		qsort(*name, *n, sizeof **name, by_name);
	return 0;
}

static void free_names(char **name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(name[i]);
	free(name);
}

int ser_kaldi_read(struct ser_table *t, const char *dir, bool allow_pipes, struct ser_buf *notes, struct ser_err *e)
{
	static const char *const known[] = {"wav.scp", "segments", "utt2spk", "spk2utt", "text", "spk2gender"};
	struct ser_err own;
	struct kaldi k = {dir, t, ser_map_new(), e != NULL ? e : &own};
	char **name;
	size_t n;
	ser_table_add_col(t, "id");
	int rc = entries(dir, &name, &n, k.e);
	if (rc == 0) {
		rc = read_utterances(&k, allow_pipes);
		if (rc == 0)
			rc = read_column(&k, "utt2spk", "spk");
		if (rc == 0)
			rc = check_spk2utt(&k);
		if (rc == 0)
			rc = read_column(&k, "text", "text");
		if (rc == 0)
			rc = read_spk2gender(&k);
		for (size_t i = 0; i < n && rc == 0; i++) {
			bool done = false;
			for (size_t j = 0; j < sizeof known / sizeof *known; j++)
				done = done || strcmp(name[i], known[j]) == 0;
			if (done)
				continue;
			if (strncmp(name[i], "utt2", 4) == 0 && name[i][4] != '\0')
				rc = read_column(&k, name[i], name[i] + 4);
			else
				ser_buf_printf(notes, "%s/%s is not read: a manifest cannot hold it\n", dir, name[i]);
		}
		free_names(name, n);
	}
	ser_map_free(k.utt);
	return rc;
}

/* ---- writing ---- */

struct out {
	const struct ser_table *t;
	const char *dir;
	size_t *order; /* rows by id */
	struct ser_map *written;
	struct ser_err *e;
};

/* A value that a line "KEY value" gives back as it is. */
static int check_value(struct out *o, size_t row, const char *what, const char *s, bool one_word)
{
	size_t n = strlen(s);
	if (n == 0 || s[strcspn(s, "\r\n")] != '\0' || strchr(" \t", s[0]) != NULL || strchr(" \t", s[n - 1]) != NULL ||
	    (one_word && s[strcspn(s, " \t")] != '\0'))
		return ser_fail(o->e, SER_EDATA, "id \"%s\": its %s \"%s\" cannot be written in a Kaldi data directory",
				ser_table_get(o->t, row, "id"), what, s);
	return 0;
}

static int open_file(struct out *o, struct ser_outfile *f, const char *name)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s/%s", o->dir, name);
	int rc = ser_outfile_open(f, b.s, o->e);
	ser_buf_free(&b);
	ser_map_add(o->written, name, strlen(name), NULL);
	return rc;
}

/* "KEY value" for every row with a value. */
static int put_column(struct out *o, const char *file, const char *const *cell, const char *what, bool one_word)
{
	struct ser_outfile f;
	int rc = open_file(o, &f, file);
	if (rc != 0)
		return rc;
	for (size_t k = 0; k < o->t->n_row && rc == 0; k++) {
		size_t i = o->order[k];
		if (cell[i][0] == '\0')
			continue;
		rc = check_value(o, i, what, cell[i], one_word);
		fprintf(f.f, "%s %s\n", ser_table_get(o->t, i, "id"), cell[i]);
	}
	if (rc == 0)
		return ser_outfile_commit(&f, o->e);
	ser_outfile_abort(&f);
	return rc;
}

/* Lines "NAME values of its rows", one for each of the n_name names: spk2utt, spk2gender, wav.scp by recording. */
static int put_groups(struct out *o, const char *file, const char *const *group, const char *const *value, bool all)
{
	size_t n = o->t->n_row, *code = ser_calloc(n, sizeof *code);
	const char **name;
	size_t n_name = ser_fold_codes(group, n, code, &name);
	struct ser_buf *line = ser_calloc(n_name, sizeof *line);
	struct ser_outfile f;
	int rc = open_file(o, &f, file);
	for (size_t k = 0; k < n && rc == 0; k++) {
		size_t i = o->order[k];
		struct ser_buf *b = &line[code[i]];
		if (all || b->n == 0)
			ser_buf_printf(b, " %s", value[i]);
	}
	for (size_t c = 0; c < n_name && rc == 0; c++)
		fprintf(f.f, "%s%s\n", name[c], line[c].s);
	if (rc == 0)
		rc = ser_outfile_commit(&f, o->e);
	for (size_t c = 0; c < n_name; c++)
		ser_buf_free(&line[c]);
	free(line);
	free(name);
	free(code);
	return rc;
}

static int put_segments(struct out *o, const char *const *rec)
{
	struct ser_outfile f;
	int rc = open_file(o, &f, "segments");
	if (rc != 0)
		return rc;
	for (size_t k = 0; k < o->t->n_row; k++) {
		size_t i = o->order[k];
		const char *a = ser_table_get(o->t, i, "start"), *b = ser_table_get(o->t, i, "end");
		fprintf(f.f, "%s %s %s %s\n", ser_table_get(o->t, i, "id"), rec[i], a[0] != '\0' ? a : "0",
			b[0] != '\0' ? b : "-1");
	}
	return ser_outfile_commit(&f, o->e);
}

/* Whether every speaker has one sex, m or f. */
static bool sex_of_speakers(const struct ser_table *t, const char *const *spk, const char *const *sex)
{
	struct ser_map *m = ser_map_new();
	const char **of = ser_calloc(t->n_row, sizeof *of);
	bool ok = true;
	for (size_t i = 0; i < t->n_row && ok; i++) {
		size_t k = ser_map_add(m, spk[i], strlen(spk[i]), NULL);
		of[k] = of[k] != NULL ? of[k] : sex[i];
		ok = strcmp(of[k], sex[i]) == 0 && (strcmp(sex[i], "m") == 0 || strcmp(sex[i], "f") == 0);
	}
	free(of);
	ser_map_free(m);
	return ok;
}

static int check_rows(struct out *o, const char *const *rec, bool segments)
{
	int rc = 0;
	for (size_t i = 0; i < o->t->n_row && rc == 0; i++) {
		double x;
		const char *path = ser_table_get(o->t, i, "path"), *a = ser_table_get(o->t, i, "start"),
			   *b = ser_table_get(o->t, i, "end");
		rc = check_value(o, i, "id", ser_table_get(o->t, i, "id"), true);
		if (rc == 0)
			rc = check_value(o, i, "spk", ser_table_get(o->t, i, "spk"), true);
		if (rc == 0)
			rc = check_value(o, i, "path", path, false);
		if (rc == 0 && segments)
			rc = check_value(o, i, "recording", rec[i], true);
		if (rc == 0 && ((a[0] != '\0' && ser_parse_real(a, 0, 1e9, &x, NULL) != 0) ||
				(b[0] != '\0' && ser_parse_real(b, 0, 1e9, &x, NULL) != 0)))
			rc = ser_fail(o->e, SER_EDATA, "id \"%s\": start \"%s\" or end \"%s\" is no time in seconds",
				      ser_table_get(o->t, i, "id"), a, b);
	}
	return rc;
}

/* Files of the kinds that we write which were there before and would now be wrong. */
static int check_left(struct out *o)
{
	char **name;
	size_t n;
	int rc = entries(o->dir, &name, &n, o->e);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const char *s = name[i];
		bool ours = strncmp(s, "utt2", 4) == 0 || strncmp(s, "spk2", 4) == 0 || strcmp(s, "wav.scp") == 0 ||
			    strcmp(s, "segments") == 0 || strcmp(s, "text") == 0;
		if (ours && ser_map_find(o->written, s, strlen(s)) < 0)
			rc = ser_fail(o->e, SER_EDATA, "%s/%s was there before and is not of this manifest: remove it",
				      o->dir, s);
	}
	if (n > 0)
		free_names(name, n);
	return rc;
}

static int write_all(struct out *o)
{
	const struct ser_table *t = o->t;
	ptrdiff_t id = ser_table_col(t, "id"), path = ser_table_col(t, "path"), spk = ser_table_col(t, "spk"),
		  sex = ser_table_col(t, "sex");
	if (id < 0 || path < 0 || spk < 0)
		return ser_fail(o->e, SER_EDATA, "no column \"%s\"", id < 0 ? "id" : path < 0 ? "path" : "spk");
	bool segments = false;
	for (size_t i = 0; i < t->n_row; i++)
		segments = segments || ser_table_get(t, i, "start")[0] != '\0' || ser_table_get(t, i, "end")[0] != '\0';
	struct ser_arena mem = {0};
	const char **rec = ser_calloc(t->n_row, sizeof *rec);
	int rc = segments ? ser_recordings(t, rec, &mem, o->e) : 0;
	if (rc == 0)
		rc = check_rows(o, rec, segments);
	if (rc == 0 && segments)
		rc = put_groups(o, "wav.scp", rec, t->col[path].cell, false);
	if (rc == 0 && segments)
		rc = put_segments(o, rec);
	if (rc == 0 && !segments)
		rc = put_column(o, "wav.scp", t->col[path].cell, "path", false);
	if (rc == 0)
		rc = put_column(o, "utt2spk", t->col[spk].cell, "spk", true);
	if (rc == 0)
		rc = put_groups(o, "spk2utt", t->col[spk].cell, t->col[id].cell, true);
	bool by_spk = rc == 0 && sex >= 0 && sex_of_speakers(t, t->col[spk].cell, t->col[sex].cell);
	if (by_spk)
		rc = put_groups(o, "spk2gender", t->col[spk].cell, t->col[sex].cell, false);
	for (ptrdiff_t c = 0; c < (ptrdiff_t)t->n_col && rc == 0; c++) {
		const char *name = t->col[c].name;
		if (c == id || c == path || c == spk || (c == sex && by_spk) || strcmp(name, "start") == 0 ||
		    strcmp(name, "end") == 0 || (segments && strcmp(name, "recording") == 0))
			continue;
		bool any = false;
		for (size_t i = 0; i < t->n_row; i++)
			any = any || t->col[c].cell[i][0] != '\0';
		if (!any)
			continue;
		struct ser_buf file = {0};
		ser_buf_printf(&file, "%s%s", strcmp(name, "text") == 0 ? "" : "utt2", name);
		if (strchr(name, '/') != NULL || strcmp(name, "spk") == 0)
			rc = ser_fail(o->e, SER_EDATA, "column \"%s\" cannot be a file's name", name);
		else
			rc = put_column(o, file.s, t->col[c].cell, name, false);
		ser_buf_free(&file);
	}
	free(rec);
	ser_arena_free(&mem);
	return rc;
}

int ser_kaldi_write(const struct ser_table *t, const char *dir, struct ser_err *e)
{
	struct ser_err own;
	struct out o = {t, dir, ser_calloc(t->n_row, sizeof(size_t)), ser_map_new(), e != NULL ? e : &own};
	int rc = 0;
	if (mkdir(dir, 0777) != 0 && errno != EEXIST)
		rc = ser_fail(o.e, SER_EIO, "%s: cannot create the folder: %s", dir, strerror(errno));
	ptrdiff_t id = ser_table_col(t, "id");
	if (id >= 0) {
		size_t *code = ser_calloc(t->n_row, sizeof *code);
		if (ser_fold_codes(t->col[id].cell, t->n_row, code, NULL) < t->n_row && rc == 0)
			rc = ser_fail(o.e, SER_EDATA, "an id is there twice");
		for (size_t i = 0; i < t->n_row && rc == 0; i++)
			o.order[code[i]] = i;
		free(code);
	}
	if (rc == 0)
		rc = write_all(&o);
	if (rc == 0)
		rc = check_left(&o);
	ser_map_free(o.written);
	free(o.order);
	return rc;
}
