/* SPDX-License-Identifier: MIT */
/* lhotse's recordings, supervisions and cuts. */
#include "corpus/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* lhotse's names of what a supervision says, and ours; emotion is in its map "custom". */
static const char *const known[][2] = {{"speaker", "spk"}, {"language", "lang"}, {"gender", "sex"}, {"text", "text"}};

struct lhotse {
	struct ser_table *t;
	struct ser_table rec; /* key path sample_rate num_samples duration */
	struct ser_map *rec_id;
	bool allow_pipes;
	struct ser_buf *notes;
	const char *name; /* of the file, and the line, at hand */
	size_t line;
	struct ser_err *e;
};

#define BAD(l, ...) (ser_fail((l)->e, SER_EDATA, __VA_ARGS__), ser_fail_in((l)->e, "%s:%zu", (l)->name, (l)->line))

static void set(struct ser_table *t, size_t row, const char *col, const char *s)
{
	ser_table_set(t, row, ser_table_add_col(t, col), s, strlen(s));
}

/* Seconds with at most nine decimals. */
static void set_seconds(struct ser_table *t, size_t row, const char *col, double x)
{
	char s[40];
	ser_format_real(round(x * 1e9) / 1e9, s);
	set(t, row, col, s);
}

static int add_recording(struct lhotse *l, const json_t *o)
{
	const char *id = json_string_value(json_object_get(o, "id"));
	const json_t *sources = json_object_get(o, "sources"), *s = json_array_get(sources, 0);
	const char *type = json_string_value(json_object_get(s, "type"));
	const char *path = json_string_value(json_object_get(s, "source"));
	const json_t *rate = json_object_get(o, "sampling_rate"), *n = json_object_get(o, "num_samples");
	const json_t *dur = json_object_get(o, "duration");
	if (id == NULL || path == NULL || type == NULL || !json_is_integer(rate) || !json_is_integer(n) ||
	    !json_is_number(dur))
		return BAD(l, "a recording needs id, sources, sampling_rate, num_samples and duration");
	const json_t *chan = json_object_get(s, "channels");
	if (json_array_size(sources) != 1 || json_array_size(chan) != 1 ||
	    json_integer_value(json_array_get(chan, 0)) != 0)
		return BAD(l, "recording \"%s\" has more than one source or channel, which a manifest cannot hold", id);
	bool pipe = strcmp(type, "command") == 0;
	if (!pipe && strcmp(type, "file") != 0)
		return BAD(l, "recording \"%s\" is a source of type \"%s\", only files are read", id, type);
	if (pipe && !l->allow_pipes)
		return BAD(l, "recording \"%s\" is a command, \"%s\", which is not taken unless pipes are allowed", id,
			   path);
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)o, key, v)
	{
		static const char *const fields[] = {"id",       "sources",     "sampling_rate", "num_samples",
						     "duration", "channel_ids", "type"};
		bool ok = json_is_null(v);
		for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
			ok = ok || strcmp(fields[i], key) == 0;
		if (!ok)
			return BAD(l, "recording \"%s\": \"%s\", which a manifest cannot hold", id, key);
	}
	bool is_new;
	ser_map_add(l->rec_id, id, strlen(id), &is_new);
	if (!is_new)
		return BAD(l, "recording \"%s\" twice", id);
	size_t row = ser_table_add_row(&l->rec);
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s%s", path, pipe ? " |" : "");
	set(&l->rec, row, "path", b.s);
	ser_buf_free(&b);
	ser_json_to_cell(&l->rec, row, ser_table_add_col(&l->rec, "sample_rate"), rate);
	ser_json_to_cell(&l->rec, row, ser_table_add_col(&l->rec, "num_samples"), n);
	set_seconds(&l->rec, row, "duration", json_number_value(dur));
	return 0;
}

static int set_member(struct lhotse *l, size_t row, const char *col, const json_t *v)
{
	const char *s = json_string_value(v);
	if (l->t->n_col == SER_MANIFEST_MAX_COL && ser_table_col(l->t, col) < 0)
		return BAD(l, "more than %d different names", SER_MANIFEST_MAX_COL);
	if (strcmp(col, "sex") == 0 && s != NULL && (strcmp(s, "F") == 0 || strcmp(s, "M") == 0))
		set(l->t, row, col, s[0] == 'F' ? "f" : "m");
	else
		ser_json_to_cell(l->t, row, ser_table_add_col(l->t, col), v);
	return 0;
}

/* offset: where the cut begins that the supervision's times are relative to. */
static int add_supervision(struct lhotse *l, const json_t *o, double offset)
{
	const char *id = json_string_value(json_object_get(o, "id")), *key;
	const char *rec = json_string_value(json_object_get(o, "recording_id"));
	const json_t *start = json_object_get(o, "start"), *dur = json_object_get(o, "duration");
	json_t *v, *c;
	if (id == NULL || rec == NULL || !json_is_number(start) || !json_is_number(dur))
		return BAD(l, "a supervision needs id, recording_id, start and duration");
	size_t row = ser_table_add_row(l->t);
	set(l->t, row, "id", id);
	set(l->t, row, "recording", rec);
	json_object_foreach((json_t *)o, key, v)
	{
		static const char *const done[] = {"id", "recording_id", "start", "duration", "custom"};
		bool skip = json_is_null(v);
		for (size_t i = 0; i < sizeof done / sizeof *done; i++)
			skip = skip || strcmp(done[i], key) == 0;
		const char *col = key;
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			col = strcmp(known[i][0], key) == 0 ? known[i][1] : col;
		if (!skip && set_member(l, row, col, v) != 0)
			return SER_EDATA;
	}
	json_object_foreach(json_object_get(o, "custom"), key, c)
	{
		const char *col = strcmp(key, "emotion") == 0 ? "emo" : key;
		if (ser_table_col(l->t, col) >= 0 && ser_table_get(l->t, row, col)[0] != '\0')
			return BAD(l, "supervision \"%s\": \"%s\" twice", id, key);
		if (set_member(l, row, col, c) != 0)
			return SER_EDATA;
	}
	double a = json_number_value(start) + offset;
	set_seconds(l->t, row, "start", a);
	set_seconds(l->t, row, "end", a + json_number_value(dur));
	return 0;
}

static int add_cut(struct lhotse *l, const json_t *o)
{
	const json_t *sups = json_object_get(o, "supervisions"), *start = json_object_get(o, "start");
	const json_t *rec = json_object_get(o, "recording");
	const char *id = json_string_value(json_object_get(rec, "id"));
	if (!json_is_number(start) || !json_is_object(rec) || id == NULL)
		return BAD(l, "a cut needs start and recording");
	if (json_is_object(json_object_get(o, "features")) && l->notes->n == 0)
		ser_buf_printf(l->notes, "%s: features are not read: a manifest cannot hold them\n", l->name);
	int rc = ser_map_find(l->rec_id, id, strlen(id)) < 0 ? add_recording(l, rec) : 0;
	for (size_t i = 0; i < json_array_size(sups) && rc == 0; i++)
		rc = add_supervision(l, json_array_get(sups, i), json_number_value(start));
	return rc;
}

static int read_one(struct lhotse *l, const char *path)
{
	struct lines in;
	json_t *o;
	int rc = ser_lines_open(&in, path, l->e);
	if (rc != 0)
		return rc;
	l->name = in.name;
	while ((rc = ser_lines_json(&in, &o, l->e)) > 0) {
		l->line = in.at;
		if (json_object_get(o, "sources") != NULL)
			rc = add_recording(l, o);
		else if (json_object_get(o, "recording_id") != NULL)
			rc = add_supervision(l, o, 0);
		else if (json_object_get(o, "recording") != NULL)
			rc = add_cut(l, o);
		else
			rc = BAD(l, "neither a recording nor a supervision nor a cut of one recording");
		json_decref(o);
		if (rc < 0)
			break;
	}
	l->name = "lhotse";
	ser_lines_close(&in);
	return rc;
}

/* What the recordings say goes into the rows; a part that is the whole is none. */
static int join(struct lhotse *l)
{
	bool same = true;
	for (size_t i = 0; i < l->t->n_row; i++) {
		const char *rec = ser_table_get(l->t, i, "recording");
		ptrdiff_t r = ser_map_find(l->rec_id, rec, strlen(rec));
		if (r < 0)
			return ser_fail(l->e, SER_EDATA, "supervision \"%s\": there is no recording \"%s\"",
					ser_table_get(l->t, i, "id"), rec);
		set(l->t, i, "path", ser_table_get(&l->rec, (size_t)r, "path"));
		set(l->t, i, "sample_rate", ser_table_get(&l->rec, (size_t)r, "sample_rate"));
		set(l->t, i, "num_samples", ser_table_get(&l->rec, (size_t)r, "num_samples"));
		set(l->t, i, "dur", ser_table_get(&l->rec, (size_t)r, "duration"));
		if (strcmp(ser_table_get(l->t, i, "start"), "0") == 0 &&
		    strcmp(ser_table_get(l->t, i, "end"), ser_table_get(l->t, i, "dur")) == 0) {
			set(l->t, i, "start", "");
			set(l->t, i, "end", "");
		}
		same = same && strcmp(rec, ser_table_get(l->t, i, "id")) == 0;
	}
	bool parts = false;
	for (size_t i = 0; i < l->t->n_row; i++)
		parts = parts || ser_table_get(l->t, i, "start")[0] != '\0' || ser_table_get(l->t, i, "end")[0] != '\0';
	bool first_channel = true;
	for (size_t i = 0; i < l->t->n_row; i++)
		first_channel = first_channel && strcmp(ser_table_get(l->t, i, "channel"), "0") == 0;
	if (first_channel) /* as is written without the column */
		ser_table_drop_col(l->t, "channel");
	if (same) /* each recording is one utterance of its name */
		ser_table_drop_col(l->t, "recording");
	if (!parts) {
		ser_table_drop_col(l->t, "start");
		ser_table_drop_col(l->t, "end");
	}
	return 0;
}

int ser_lhotse_read(struct ser_table *t, char *const *path, int n, bool allow_pipes, struct ser_buf *notes,
		    struct ser_err *e)
{
	static const char *const first[] = {"id", "path", "spk", "emo"};
	struct ser_err own;
	struct lhotse l = {.t = t,
			   .rec_id = ser_map_new(),
			   .allow_pipes = allow_pipes,
			   .notes = notes,
			   .name = "lhotse",
			   .e = e != NULL ? e : &own};
	for (size_t i = 0; i < sizeof first / sizeof *first; i++)
		ser_table_add_col(t, first[i]);
	int rc = 0;
	for (int i = 0; i < n && rc == 0; i++)
		rc = read_one(&l, path[i]);
	if (rc == 0)
		rc = join(&l);
	ser_map_free(l.rec_id);
	ser_table_free(&l.rec);
	return rc;
}

/* ---- writing ---- */

/* Append a line to f through zlib or as it is. */
static int put(gzFile gz, struct ser_outfile *f, const struct ser_buf *b, struct ser_err *e)
{
	size_t n = gz != NULL ? gzfwrite(b->s, 1, b->n, gz) : fwrite(b->s, 1, b->n, f->f);
	return n == b->n ? 0 : ser_fail(e, SER_EIO, "%s: write failed", f->path);
}

static int open_out(struct ser_outfile *f, gzFile *gz, const char *prefix, const char *what, bool zip,
		    struct ser_err *e)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s_%s.jsonl%s", prefix, what, zip ? ".gz" : "");
	int rc = ser_outfile_open(f, b.s, e);
	ser_buf_free(&b);
	*gz = NULL;
	if (rc == 0 && zip) {
		/* zlib closes the descriptor that it is given; it writes no time stamp, so equal manifests are equal files */
		*gz = gzdopen(dup(fileno(f->f)), "wb9");
		ser_assert(*gz != NULL);
	}
	return rc;
}

static int close_out(struct ser_outfile *f, gzFile gz, int rc, struct ser_err *e)
{
	if (gz != NULL && gzclose(gz) != Z_OK && rc == 0)
		rc = ser_fail(e, SER_EIO, "%s: write failed", f->path);
	if (rc == 0)
		return ser_outfile_commit(f, e);
	ser_outfile_abort(f);
	return rc;
}

struct times {
	double start, dur;
	int64_t rate, n;
};

static int row_times(const struct ser_table *t, size_t i, struct times *x, struct ser_err *e)
{
	const char *rate = ser_table_get(t, i, "sample_rate"), *n = ser_table_get(t, i, "num_samples");
	const char *a = ser_table_get(t, i, "start"), *b = ser_table_get(t, i, "end"), *d = ser_table_get(t, i, "dur");
	double end = 0, dur = 0;
	if (rate[0] == '\0' || n[0] == '\0')
		return ser_fail(e, SER_EDATA, "id \"%s\": lhotse needs columns sample_rate and num_samples",
				ser_table_get(t, i, "id"));
	int rc = ser_parse_int(rate, 1, 10000000, &x->rate, e);
	if (rc == 0)
		rc = ser_parse_int(n, 0, INT64_MAX, &x->n, e);
	double whole = rc == 0 ? round((double)x->n / (double)x->rate * 1e9) / 1e9 : 0;
	x->start = 0;
	if (rc == 0 && a[0] != '\0')
		rc = ser_parse_real(a, 0, 1e9, &x->start, e);
	if (rc == 0 && d[0] != '\0')
		rc = ser_parse_real(d, 0, 1e9, &dur, e);
	end = whole;
	if (rc == 0 && b[0] != '\0')
		rc = ser_parse_real(b, 0, 1e9, &end, e);
	if (rc == 0 && d[0] != '\0' && fabs(dur - whole) > 0.5 / (double)x->rate)
		rc = ser_fail(e, SER_EDATA, "dur %s is not num_samples / sample_rate, %.9g", d, whole);
	if (rc == 0 && !(x->start < end))
		rc = ser_fail(e, SER_EDATA, "ends at %.9g s, before or where it starts, %.9g s", end, x->start);
	x->dur = round((end - x->start) * 1e9) / 1e9;
	if (rc != 0) {
		ser_fail_in(e, "id \"%s\"", ser_table_get(t, i, "id"));
		return e->code = SER_EDATA;
	}
	return 0;
}

static void put_real(struct ser_buf *b, const char *key, double x)
{
	char s[40];
	ser_format_real(x, s);
	ser_buf_printf(b, "\"%s\": %s%s", key, s, s[strcspn(s, ".e")] == '\0' ? ".0" : "");
}

static void put_string(struct ser_buf *b, const char *key, const char *s)
{
	ser_buf_printf(b, "\"%s\": ", key);
	ser_json_string(b, s);
}

static int put_recordings(const struct ser_table *t, const char *const *rec, const struct times *x, const char *prefix,
			  bool zip, struct ser_err *e)
{
	struct ser_outfile f;
	gzFile gz;
	int rc = open_out(&f, &gz, prefix, "recordings", zip, e);
	if (rc != 0)
		return rc;
	struct ser_map *seen = ser_map_new();
	struct ser_buf b = {0};
	for (size_t i = 0; i < t->n_row && rc == 0; i++) {
		bool is_new;
		ser_map_add(seen, rec[i], strlen(rec[i]), &is_new);
		if (!is_new)
			continue;
		const char *path = ser_table_get(t, i, "path");
		size_t n = strlen(path);
		bool pipe = n > 0 && path[n - 1] == '|';
		while (pipe && n > 0 && strchr("| ", path[n - 1]) != NULL)
			n--;
		char *source = ser_strndup(path, n);
		b.n = 0;
		ser_buf_str(&b, "{");
		put_string(&b, "id", rec[i]);
		ser_buf_printf(&b, ", \"sources\": [{\"type\": \"%s\", \"channels\": [0], ", pipe ? "command" : "file");
		put_string(&b, "source", source);
		ser_buf_printf(&b, "}], \"sampling_rate\": %lld, \"num_samples\": %lld, ", (long long)x[i].rate,
			       (long long)x[i].n);
		put_real(&b, "duration", (double)x[i].n / (double)x[i].rate);
		ser_buf_str(&b, ", \"channel_ids\": [0]}\n");
		free(source);
		rc = put(gz, &f, &b, e);
	}
	ser_buf_free(&b);
	ser_map_free(seen);
	return close_out(&f, gz, rc, e);
}

/* Columns that are not members of "custom". */
static bool is_own(const char *name)
{
	static const char *const own[] = {"id",  "path",        "start",       "end",     "recording",
					  "dur", "sample_rate", "num_samples", "channel", "alignment"};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (strcmp(own[i], name) == 0)
			return true;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i][1], name) == 0)
			return true;
	return false;
}

static void put_supervision(struct ser_buf *b, const struct ser_table *t, size_t i, const char *rec,
			    const struct times *x)
{
	const char *chan = ser_table_get(t, i, "channel"), *align = ser_table_get(t, i, "alignment");
	b->n = 0;
	ser_buf_str(b, "{");
	put_string(b, "id", ser_table_get(t, i, "id"));
	ser_buf_str(b, ", ");
	put_string(b, "recording_id", rec);
	ser_buf_str(b, ", ");
	put_real(b, "start", x->start);
	ser_buf_str(b, ", ");
	put_real(b, "duration", x->dur);
	ser_buf_str(b, ", \"channel\": ");
	ser_json_cell(b, "channel", chan[0] != '\0' ? chan : "0");
	for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
		const char *s = ser_table_get(t, i, known[k][1]);
		if (s[0] == '\0')
			continue;
		if (k == 2 && (strcmp(s, "f") == 0 || strcmp(s, "m") == 0))
			s = s[0] == 'f' ? "F" : "M";
		ser_buf_str(b, ", ");
		put_string(b, known[k][0], s);
	}
	size_t n_custom = 0;
	for (size_t c = 0; c < t->n_col; c++) {
		const char *name = t->col[c].name, *s = t->col[c].cell[i];
		if (is_own(name) || s[0] == '\0')
			continue;
		ser_buf_str(b, n_custom++ == 0 ? ", \"custom\": {" : ", ");
		ser_json_string(b, strcmp(name, "emo") == 0 ? "emotion" : name);
		ser_buf_str(b, ": ");
		ser_json_cell(b, name, s);
	}
	ser_buf_str(b, n_custom > 0 ? "}" : "");
	if (align[0] != '\0') {
		ser_buf_str(b, ", \"alignment\": ");
		ser_json_cell(b, "alignment", align);
	}
	ser_buf_str(b, "}\n");
}

static int put_supervisions(const struct ser_table *t, const char *const *rec, const struct times *x,
			    const char *prefix, bool zip, struct ser_err *e)
{
	struct ser_outfile f;
	gzFile gz;
	int rc = open_out(&f, &gz, prefix, "supervisions", zip, e);
	if (rc != 0)
		return rc;
	struct ser_buf b = {0};
	for (size_t i = 0; i < t->n_row && rc == 0; i++) {
		put_supervision(&b, t, i, rec[i], &x[i]);
		rc = put(gz, &f, &b, e);
	}
	ser_buf_free(&b);
	return close_out(&f, gz, rc, e);
}

int ser_lhotse_write(const struct ser_table *t, const char *prefix, bool gz, struct ser_err *e)
{
	struct ser_err own;
	struct ser_arena mem = {0};
	const char **rec = ser_calloc(t->n_row, sizeof *rec);
	struct times *x = ser_calloc(t->n_row, sizeof *x);
	e = e != NULL ? e : &own;
	int rc = ser_recordings(t, rec, &mem, e);
	for (size_t i = 0; i < t->n_row && rc == 0; i++)
		rc = row_times(t, i, &x[i], e);
	if (rc == 0)
		rc = put_recordings(t, rec, x, prefix, gz, e);
	if (rc == 0)
		rc = put_supervisions(t, rec, x, prefix, gz, e);
	free(x);
	free(rec);
	ser_arena_free(&mem);
	return rc;
}
