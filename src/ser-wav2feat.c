/* SPDX-License-Identifier: MIT */
#include "audio/audio.h"
#include "cli/cli.h"
#include "corpus/corpus.h"
#include "dsp/augment.h"
#include "dsp/dsp.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PER_THREAD = 4, MAX_SAMPLE = 250000000 /* a record holds 1 GiB */ };

/* One sound, and the record that it becomes. */
struct job {
	struct ser_record r;
	char *path;     /* NULL: standard input */
	double rate_hz; /* > 0: no file, but samples at this rate in the record's field "feat" */
	char *place;    /* of messages: manifest and line, or "" */
	struct ser_audio_opt part;
	struct ser_audio_info info;
	float *y, *func;
	size_t n_frame, cap;
	int rc;
	struct ser_err e;
};

struct worker {
	struct ser_front_ws *ws;
	float *x, *z; /* z: samples of a record at the rate of the front-end */
	size_t cap, cap_z;
};

struct tool {
	struct ser_cli c;
	struct ser_front_opt o;
	struct ser_audio_opt audio;
	struct ser_front *front;
	struct ser_func *func; /* NULL: the frames themselves */
	bool *skip_zero;       /* [D] columns that are 0 where there is no voice */
	struct worker *worker;
	struct job *job;
	size_t n_job, cap_job;
	struct ser_out *out;
	struct ser_map *ids; /* when there are several inputs */
	int64_t seed;
	double segment_s, every_s, trim_db;
	struct ser_vad_opt vad; /* threshold_db 0: not asked for */
	const char *root, *id;
	bool begun;         /* the header at hand is that of sounds, which come from no stream */
	uint64_t n_clipped; /* files */
	uint64_t n_mute;    /* sounds without speech */
};

static size_t n_func(const struct tool *t)
{
	return ser_func_n(t->func) * ser_front_dim(t->front);
}

/* ---- samples to features ------------------------------------------------------------------------ */

static int features(struct tool *t, struct worker *w, struct job *j, const float *x, size_t n)
{
	struct ser_rng rng;
	const char *id = ser_record_id(&j->r);
	ser_rng_seed_key(&rng, (uint64_t)t->seed, id, strlen(id));
	j->n_frame = ser_front_n_frame(t->front, n);
	j->y = ser_grow(j->y, &j->cap, ser_mul(j->n_frame, ser_front_dim(t->front)) + 1, sizeof *j->y);
	int rc = ser_front_do(t->front, w->ws, x, n, &rng, j->y, &j->e);
	if (rc == SER_OK && t->func != NULL)
		ser_func_do(t->func, j->y, j->n_frame, ser_front_dim(t->front), ser_front_shift_s(t->front),
			    t->skip_zero, j->func);
	return rc;
}

/* Where samples come from: a file, or memory. */
struct source {
	struct ser_audio *a; /* NULL: memory */
	const float *x;
	size_t n;
};

static int open_source(struct tool *t, struct worker *w, struct job *j, struct source *s)
{
	size_t shape[SER_MAX_AXES];
	*s = (struct source){0};
	if (j->rate_hz <= 0)
		return j->path != NULL ? ser_audio_open(&s->a, j->path, &j->part, &j->e)
				       : ser_audio_open_fd(&s->a, 0, "<stdin>", &j->part, &j->e);
	if (ser_record_f4(&j->r, "feat", 2, &s->x, shape, &j->e) != SER_OK)
		return j->e.code;
	if (shape[0] == 0 || shape[1] != 1)
		return ser_record_fail(&j->r, &j->e, SER_EDATA, "field \"feat\" is [%zu,%zu], expected samples [N,1]",
				       shape[0], shape[1]);
	s->n = shape[0];
	if (j->rate_hz == t->o.sample_frequency)
		return SER_OK;
	int rc = ser_audio_resample(s->x, s->n, j->rate_hz, t->o.sample_frequency, t->audio.vhq, &w->z, &s->n,
				    &w->cap_z, &j->e);
	s->x = w->z;
	return rc;
}

/* As ser_audio_read(). */
static ptrdiff_t pull(struct source *s, float *x, size_t n, struct ser_err *e)
{
	if (s->a != NULL)
		return ser_audio_read(s->a, x, n, e);
	n = n < s->n ? n : s->n;
	if (n > 0)
		memcpy(x, s->x, n * sizeof *x);
	s->x += n;
	s->n -= n;
	return (ptrdiff_t)n;
}

static int one(struct tool *t, struct worker *w, struct job *j)
{
	struct source s;
	int rc = open_source(t, w, j, &s);
	if (rc == SER_OK && s.a != NULL) {
		rc = ser_audio_read_all(s.a, MAX_SAMPLE, &w->x, &s.n, &w->cap, &j->e);
		j->info = *ser_audio_info(s.a);
		s.x = w->x;
	}
	ser_audio_free(s.a);
	if (rc != SER_OK)
		return rc;
	size_t from = 0, to = s.n;
	if (t->trim_db > 0) {
		ser_trim_find(s.x, s.n, t->o.sample_frequency, t->trim_db, &from, &to);
		ser_record_set(&j->r, "trim_start", ser_real((double)from / t->o.sample_frequency));
		ser_record_set(&j->r, "trim_end", ser_real((double)to / t->o.sample_frequency));
	}
	rc = features(t, w, j, s.x + from, to - from);
	if (rc == SER_OK || j->rate_hz > 0)
		return rc;
	return ser_fail_in(&j->e, "%s", j->path != NULL ? j->path : "<stdin>");
}

static void work(void *ctx, size_t i, int worker)
{
	struct tool *t = ctx;
	struct job *j = &t->job[i];
	if (j->rc == SER_OK)
		j->rc = one(t, &t->worker[worker], j);
}

static void put(struct tool *t, struct job *j)
{
	const char *id = ser_record_id(&j->r);
	if (j->rc != SER_OK) {
		ser_fail_in(&j->e, "%s\"%s\"", j->place != NULL ? j->place : "", id);
		ser_cli_skip(&t->c, id, &j->e);
		return;
	}
	if (j->info.n_clipped > 0) {
		t->n_clipped++;
		ser_cli_info(&t->c, "\"%s\": %lld samples at full scale or beyond (peak %.3g)", id,
			     (long long)j->info.n_clipped, j->info.peak);
	}
	if (t->func != NULL)
		ser_record_drop(&j->r, "feat"); /* samples */
	if (t->func != NULL)
		ser_record_set(&j->r, "func", ser_f4(j->func, 1, (size_t[]){n_func(t)}));
	else
		ser_record_set(&j->r, "feat", ser_f4(j->y, 2, (size_t[]){j->n_frame, ser_front_dim(t->front)}));
	ser_out_record(t->out, &j->r);
}

static void flush_jobs(struct tool *t)
{
	ser_parallel_for(t->c.n_thread, t->n_job, work, t);
	for (size_t i = 0; i < t->n_job; i++)
		put(t, &t->job[i]);
	t->n_job = 0;
	ser_cli_progress(&t->c, "files", t->c.n_read, 0);
}

/* ---- a long recording, piece by piece ------------------------------------------------------------ */

/* Samples [start, start + n) of a job's sound as a record of its own, ID-000001 and so on; written at once. */
static int put_piece(struct tool *t, struct job *j, const char *whole, size_t k, const float *x, size_t start, size_t n)
{
	struct ser_buf id = {0};
	double rate = t->o.sample_frequency;
	ser_buf_printf(&id, "%s-%06zu", whole, k);
	ser_record_set(&j->r, "id", ser_str(id.s));
	ser_record_set(&j->r, "start", ser_real(j->part.start_s + (double)start / rate));
	ser_record_set(&j->r, "end", ser_real(j->part.start_s + (double)(start + n) / rate));
	ser_buf_free(&id);
	int rc = features(t, &t->worker[0], j, x, n);
	if (rc != SER_OK)
		return rc;
	put(t, j);
	ser_out_flush(t->out);
	return SER_OK;
}

/* Records of segment_s seconds, one every every_s. A rest too short for a frame is left out. */
static int in_windows(struct tool *t, struct job *j, struct source *s, const char *whole)
{
	struct worker *w = &t->worker[0];
	double rate = t->o.sample_frequency;
	size_t n = (size_t)llrint(t->segment_s * rate), step = (size_t)llrint(t->every_s * rate), have = 0;
	w->x = ser_grow(w->x, &w->cap, n, sizeof *w->x);
	for (size_t k = 0;; k++) {
		ptrdiff_t got = pull(s, w->x + have, n - have, &j->e);
		if (got < 0)
			return (int)got;
		bool end = have + (size_t)got < n;
		have += (size_t)got;
		if (got == 0 || (k > 0 && ser_front_n_frame(t->front, have) == 0))
			return SER_OK;
		int rc = put_piece(t, j, whole, k + 1, w->x, k * step, have);
		if (rc != SER_OK || end)
			return rc;
		have = n - step;
		memmove(w->x, w->x + step, have * sizeof *w->x);
	}
}

/* Records of the stretches in which somebody speaks. */
static int in_speech(struct tool *t, struct job *j, struct source *s, const char *whole)
{
	struct worker *w = &t->worker[0];
	size_t n = (size_t)(0.1 * t->o.sample_frequency) + 1, k = 0, start, len;
	struct ser_vad *v = ser_vad_new(&t->vad);
	const float *x;
	int rc = SER_OK;
	w->x = ser_grow(w->x, &w->cap, n, sizeof *w->x);
	for (ptrdiff_t got = (ptrdiff_t)n; rc == SER_OK && got == (ptrdiff_t)n;) {
		got = pull(s, w->x, n, &j->e);
		if (got < 0) {
			rc = (int)got;
			break;
		}
		ser_vad_push(v, w->x, (size_t)got);
		while (rc == SER_OK && ser_vad_next(v, got < (ptrdiff_t)n, &x, &start, &len) > 0)
			if (ser_front_n_frame(t->front, len) > 0)
				rc = put_piece(t, j, whole, ++k, x, start, len);
	}
	ser_vad_free(v);
	t->n_mute += rc == SER_OK && k == 0;
	return rc;
}

static int in_pieces(struct tool *t, struct job *j)
{
	struct source s;
	struct ser_buf whole = {0};
	int rc = open_source(t, &t->worker[0], j, &s);
	if (rc != SER_OK)
		return rc;
	ser_buf_str(&whole, ser_record_id(&j->r));
	rc = t->segment_s > 0 ? in_windows(t, j, &s, whole.s) : in_speech(t, j, &s, whole.s);
	if (s.a != NULL && ser_audio_info(s.a)->n_clipped > 0) {
		t->n_clipped++;
		ser_cli_info(&t->c, "\"%s\": %lld samples at full scale or beyond (peak %.3g)", whole.s,
			     (long long)ser_audio_info(s.a)->n_clipped, ser_audio_info(s.a)->peak);
	}
	ser_record_set(&j->r, "id", ser_str(whole.s)); /* for messages */
	ser_buf_free(&whole);
	ser_audio_free(s.a);
	return rc;
}

/* ---- header ------------------------------------------------------------------------------------- */

/* The names of the columns, where they are different things, and of the functionals. */
static void name_columns(struct tool *t, struct ser_header *h, struct ser_val *dim)
{
	struct ser_val cols = ser_val_list(), funcs = ser_val_list();
	char buf[64];
	const char *name = ser_front_column(t->front, 0, buf);
	for (size_t i = 0; name != NULL && i < ser_front_dim(t->front); i++) {
		name = ser_front_column(t->front, i, buf);
		ser_val_push(&h->arena, &cols, ser_str(name));
		t->skip_zero[i] = strcmp(name, "f0_hz") == 0 || strcmp(name, "hnr_db") == 0;
	}
	if (name != NULL)
		ser_val_set(&h->arena, dim, "columns", cols);
	for (size_t k = 0; t->func != NULL && k < ser_func_n(t->func); k++)
		ser_val_push(&h->arena, &funcs, ser_str(ser_func_name(t->func, k)));
	if (t->func != NULL)
		ser_val_set(&h->arena, dim, "functionals", funcs);
}

/* Begin a segment; `from` is the header of the stream that samples come from, or NULL. */
static void write_header(struct tool *t, const struct ser_header *from)
{
	static const char *const axes[][2] = {{"sample", "channel"}, {"frame", "bin"},      {"frame", "mel"},
					      {"frame", "mel"},      {"frame", "cepstrum"}, {"frame", "descriptor"}};
	struct ser_header h;
	struct ser_buf text = {0};
	if (from != NULL)
		ser_header_copy(&h, from);
	else
		ser_header_init(&h);
	size_t n_kept = 0;
	for (size_t i = 0; i < h.dims.u.map.n; i++) /* samples are no longer there */
		if (h.dims.u.map.f[i].name_len != 4 || memcmp(h.dims.u.map.f[i].name, "feat", 4) != 0)
			h.dims.u.map.f[n_kept++] = h.dims.u.map.f[i];
	h.dims.u.map.n = n_kept;
	struct ser_val *dim = ser_header_dim_add(&h, t->func != NULL ? "func" : "feat"), list = ser_val_list();
	if (t->func != NULL) {
		ser_val_push(&h.arena, &list, ser_str("functional"));
	} else {
		ser_val_push(&h.arena, &list, ser_str(axes[t->o.kind][0]));
		ser_val_push(&h.arena, &list, ser_str(axes[t->o.kind][1]));
	}
	ser_val_set(&h.arena, dim, "axes", list);
	if (t->func == NULL) {
		double shift = ser_front_shift_s(t->front);
		ser_val_set(&h.arena, dim, "shift_s", ser_real(shift));
		ser_val_set(&h.arena, dim, "rate_hz", ser_real(1 / shift));
	}
	ser_val_set(&h.arena, dim, "sample_rate_hz", ser_real(t->o.sample_frequency));
	ser_front_text(&t->o, &text);
	ser_val_set(&h.arena, dim, "front", ser_str(text.s));
	name_columns(t, &h, dim);
	ser_out_header(t->out, &h);
	ser_buf_free(&text);
	ser_header_free(&h);
}

/* ---- inputs ------------------------------------------------------------------------------------- */

static struct job *add_job(struct tool *t)
{
	struct job *j = &t->job[t->n_job++];
	ser_record_clear(&j->r);
	free(j->path);
	free(j->place);
	j->path = j->place = NULL;
	j->rate_hz = 0;
	j->info = (struct ser_audio_info){0};
	j->part = t->audio;
	j->rc = SER_OK;
	t->c.n_read++;
	return j;
}

/* The job at the end of the list is complete. */
static void job_ready(struct tool *t)
{
	struct job *j = &t->job[t->n_job - 1];
	if (t->ids != NULL && j->rc == SER_OK) {
		const char *id = ser_record_id(&j->r);
		bool fresh;
		ser_map_add(t->ids, id, strlen(id), &fresh);
		if (!fresh)
			j->rc = ser_fail(&j->e, SER_EDATA, "this id came before, in another of the inputs");
	}
	if (t->segment_s > 0 || t->vad.threshold_db > 0) {
		if (j->rc == SER_OK)
			j->rc = in_pieces(t, j);
		if (j->rc != SER_OK)
			put(t, j);
		t->n_job = 0;
	} else if (t->n_job == t->cap_job) {
		flush_jobs(t);
	}
}

static void set_cell(struct ser_record *r, const char *name, const char *cell)
{
	struct ser_err e;
	struct ser_val v = ser_nil();
	int64_t i;
	double f;
	enum ser_cell kind = ser_manifest_kind(name);
	if (cell[0] == '\0')
		v = ser_nil();
	else if (kind == SER_CELL_INT && ser_parse_int(cell, INT64_MIN, INT64_MAX, &i, &e) == SER_OK)
		v = ser_int(i);
	else if (kind == SER_CELL_REAL && ser_parse_real(cell, -HUGE_VAL, HUGE_VAL, &f, &e) == SER_OK)
		v = ser_real(f);
	else
		v = ser_str(cell);
	ser_record_set(r, name, v);
}

static void from_row(struct tool *t, struct ser_manifest *m, const char *name)
{
	struct job *j = add_job(t);
	struct ser_buf place = {0};
	for (size_t k = 0; k < ser_manifest_n_col(m); k++)
		if (strcmp(ser_manifest_name(m, k), "path") != 0)
			set_cell(&j->r, ser_manifest_name(m, k), ser_manifest_cell(m, k));
	ser_record_set(&j->r, "id", ser_str(ser_manifest_id(m))); /* text, whatever it looks like */
	ser_buf_printf(&place, "%s:%zu: ", name, ser_manifest_line(m));
	j->place = place.s;
	const char *path = ser_manifest_path(m, &j->e);
	j->rc = path == NULL ? j->e.code : ser_manifest_segment(m, &j->part.start_s, &j->part.end_s, &j->e);
	if (j->rc == SER_OK && isinf(j->part.end_s))
		j->part.end_s = 0;
	if (path != NULL)
		j->path = ser_strdup(path);
	job_ready(t);
}

static void from_manifest(struct tool *t, FILE *f, const char *name)
{
	struct ser_err e = {0};
	const struct ser_manifest_opts o = {.root = t->root};
	struct ser_manifest *m = ser_manifest_new(f, name, &o, &e);
	int rc = -1;
	while (m != NULL && (rc = ser_manifest_next(m, &e)) > 0)
		from_row(t, m, name);
	if (m == NULL || rc < 0) {
		flush_jobs(t);
		ser_cli_die(&t->c, &e);
	}
	ser_manifest_free(m);
}

static void from_sound(struct tool *t, const char *path)
{
	struct job *j = add_job(t);
	const char *base = path == NULL ? "stdin" : strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
	const char *dot = strrchr(base, '.');
	size_t n = dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base);
	ser_record_set(&j->r, "id", t->id != NULL ? ser_str(t->id) : ser_strn(base, n));
	if (path != NULL)
		j->path = ser_strdup(path);
	job_ready(t);
}

/* A segment of samples begins: its rate. */
static double begin_samples(struct tool *t, const struct ser_header *h, const char *name)
{
	const struct ser_val *dim = ser_header_dim(h, "feat"), *axes = ser_val_get(dim, "axes");
	const struct ser_val *rate = ser_val_get(dim, "sample_rate_hz");
	double rate_hz = rate != NULL && rate->kind == SER_REAL ? rate->u.f : 0;
	if (axes == NULL || axes->kind != SER_LIST || axes->u.list.n == 0 ||
	    !ser_val_is_str(axes->u.list.v, "sample") || !(rate_hz > 0))
		ser_cli_fail(&t->c, SER_EDATA,
			     "%s: field \"feat\" does not hold samples; ser-wav2feat --kind wave makes them", name);
	flush_jobs(t);
	write_header(t, h);
	return rate_hz;
}

/* The records of a stream of samples. */
static void from_stream(struct tool *t, const void *head, int fd, const char *name)
{
	struct ser_err e;
	struct ser_reader *rd = ser_reader_new_after(head, 1, fd, name, t->c.max_record, &e);
	double rate_hz = 0;
	bool fresh = true;
	flush_jobs(t);
	if (rd == NULL)
		ser_cli_die(&t->c, &e);
	while (true) {
		struct ser_record r = {0};
		if (fresh)
			rate_hz = begin_samples(t, ser_reader_header(rd), name);
		int rc = ser_reader_next(rd, &r, &fresh, &e);
		if (rc < 0) {
			flush_jobs(t);
			ser_cli_die(&t->c, &e);
		}
		if (fresh) /* passed before this record */
			rate_hz = begin_samples(t, ser_reader_header(rd), name);
		fresh = false;
		if (rc == 0)
			break;
		struct job *j = add_job(t);
		ser_record_free(&j->r);
		j->r = r;
		j->rate_hz = rate_hz;
		const struct ser_val *start = ser_record_get(&j->r, "start"); /* of a part of a recording */
		if (start != NULL && start->kind == SER_REAL)
			j->part.start_s = start->u.f;
		job_ready(t);
		if (ser_reader_waits(rd)) {
			flush_jobs(t);
			ser_out_flush(t->out);
		}
	}
	flush_jobs(t);
	ser_reader_free(rd);
	t->begun = false;
}

/* What comes next is sounds of files. */
static void begin_sounds(struct tool *t)
{
	if (!t->begun)
		write_header(t, NULL);
	t->begun = true;
}

/* A manifest, or a stream: its first byte says which. */
static void from_table(struct tool *t, int fd, const char *name)
{
	unsigned char first;
	ssize_t got;
	do
		got = read(fd, &first, 1);
	while (got < 0 && errno == EINTR);
	if (got == 1 && ser_stream_begins(first)) {
		from_stream(t, &first, fd, name);
		if (fd != 0)
			close(fd);
		return;
	}
	FILE *f = fd == 0 ? stdin : fdopen(fd, "r");
	if (f == NULL)
		ser_cli_fail(&t->c, SER_EIO, "%s: cannot read: %s", name, strerror(errno));
	if (got == 1)
		ungetc(first, f);
	begin_sounds(t);
	from_manifest(t, f, name);
	if (f != stdin)
		fclose(f);
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);
	return n >= m && strcmp(name + n - m, end) == 0;
}

/* A manifest or a stream by its name. */
static bool is_table(const char *name)
{
	return strcmp(name, "-") == 0 || ends_in(name, ".tsv") || ends_in(name, ".ser");
}

static void from_operand(struct tool *t, const char *name)
{
	if (strcmp(name, "-") == 0) {
		from_table(t, 0, "<stdin>");
	} else if (is_table(name)) {
		int fd = open(name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			ser_cli_fail(&t->c, SER_EIO, "%s: cannot open: %s", name, strerror(errno));
		from_table(t, fd, name);
	} else {
		begin_sounds(t);
		from_sound(t, name);
	}
}

/* ---- options ------------------------------------------------------------------------------------- */

/* The value of a long option before the table is parsed, since the defaults hang on it; NULL when absent. */
static const char *look_ahead(int argc, char **argv, const char *name)
{
	const char *v = NULL;
	size_t n = strlen(name);
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strncmp(argv[i], "--", 2) != 0 || strncmp(argv[i] + 2, name, n) != 0)
			continue;
		if (argv[i][2 + n] == '=')
			v = argv[i] + 3 + n;
		else if (argv[i][2 + n] == '\0' && i + 1 < argc)
			v = argv[i + 1];
	}
	return v;
}

static const enum ser_option_type TYPES[] = {[SER_FIELD_BOOL] = SER_OPTION_FLAG,
					     [SER_FIELD_INT] = SER_OPTION_INT,
					     [SER_FIELD_REAL] = SER_OPTION_REAL,
					     [SER_FIELD_ENUM] = SER_OPTION_CHOICE};

/* One row for each field of the front-end's options; alias [n] holds those that stand for a value of another. */
static struct ser_option *rows(struct ser_front_opt *o, const struct ser_option *own, bool *alias)
{
	size_t n, n_own = 0;
	const struct ser_front_field *f = ser_front_fields(&n);
	while (own[n_own].name != NULL)
		n_own++;
	struct ser_option *all = ser_calloc(n_own + n + 1, sizeof *all);
	memcpy(all, own, n_own * sizeof *all);
	for (size_t i = 0; i < n; i++) {
		bool shadow = f[i].offset == SIZE_MAX;
		all[n_own + i] = (struct ser_option){
			.name = f[i].name,
			.type = TYPES[f[i].type],
			.var = shadow ? (void *)&alias[i] : (char *)o + f[i].offset,
			.arg = f[i].type == SER_FIELD_ENUM ? "NAME" : "X",
			.lo = f[i].type == SER_FIELD_BOOL || f[i].type == SER_FIELD_ENUM ? 0 : f[i].lo,
			.hi = f[i].type == SER_FIELD_BOOL || f[i].type == SER_FIELD_ENUM ? 0 : f[i].hi,
			.choices = f[i].values,
			.help = f[i].help,
		};
	}
	return all;
}

/* Options that the kind does not have are refused; aliases take effect. */
static void settle(struct tool *t, const bool *alias)
{
	size_t n;
	const struct ser_front_field *f = ser_front_fields(&n);
	for (size_t i = 0; i < n; i++) {
		struct ser_err e;
		if (!ser_cli_given(&t->c, f[i].name))
			continue;
		if ((f[i].kinds >> t->o.kind & 1) == 0)
			ser_cli_usage(&t->c, "--%s has no meaning for %s", f[i].name, ser_front_kind_name(t->o.kind));
		if (f[i].offset == SIZE_MAX &&
		    ser_front_set(&t->o, f[i].name, alias[i] ? "true" : "false", &e) != SER_OK)
			ser_cli_die(&t->c, &e);
	}
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = {"wave", "spec", "mel", "fbank", "mfcc", "lld", NULL};
	struct tool t = {0};
	struct ser_err e = {0};
	bool from_stdin = false, alias[128] = {false};
	const char *func = NULL, *preset = look_ahead(argc, argv, "preset"),
		   *kind_text = look_ahead(argc, argv, "kind");
	enum ser_front_kind kind = SER_FBANK;
	int kind_opt;
	if (preset != NULL && ser_front_preset(&t.o, preset, &e) == SER_OK)
		kind = t.o.kind;
	else if (kind_text == NULL || ser_front_kind_parse(kind_text, &kind, &e) == SER_OK)
		ser_front_opt_init(&t.o, kind);
	kind_opt = (int)kind;
	ser_audio_opt_init(&t.audio);
	ser_vad_opt_init(&t.vad, 0);
	t.vad.threshold_db = 0;
	const struct ser_option own[] = {
		{"kind", 0, SER_OPTION_CHOICE, &kind_opt, "KIND", 0, 0, kinds, 0,
		 "what to compute; the defaults below are those of the kind"},
		{"preset", 0, SER_OPTION_STR, &preset, "NAME", 0, 0, NULL, 0,
		 "front-end of a published model: speechbrain-ecapa, wespeaker-ecapa, deepemocluster"},
		{"functionals", 0, SER_OPTION_STR, &func, "LIST", 0, 0, NULL, 0,
		 "of each column over time, as func [D*K] in place of feat: "
		 "mean,std,min,max,range,skewness,kurtosis,slope,rms,p0...p100"},
		{"root", 0, SER_OPTION_STR, &t.root, "DIR", 0, 0, NULL, SER_OPTION_SILENT,
		 "where the relative paths of manifests begin"},
		{"stdin", 0, SER_OPTION_FLAG, &from_stdin, NULL, 0, 0, NULL, 0,
		 "standard input is one sound, not a manifest"},
		{"id", 0, SER_OPTION_STR, &t.id, "ID", 0, 0, NULL, SER_OPTION_SILENT, "id of a single sound"},
		{"segment", 0, SER_OPTION_REAL, &t.segment_s, "S", 0, 36000, NULL, 0,
		 "cut each sound into records of S seconds, written as they come; 0: do not"},
		{"every", 0, SER_OPTION_REAL, &t.every_s, "S", 0, 36000, NULL, 0,
		 "with --segment: one every S seconds, so that they overlap; 0: each after the one before"},
		{"vad", 0, SER_OPTION_REAL, &t.vad.threshold_db, "DB", 0, 200, NULL, 0,
		 "cut each sound into records of speech: frames so far above the background; 0: do not"},
		{"hangover", 0, SER_OPTION_REAL, &t.vad.hangover_s, "S", 0, 60, NULL, 0,
		 "with --vad: shorter pauses do not part speech, s"},
		{"min-speech", 0, SER_OPTION_REAL, &t.vad.min_speech_s, "S", 0, 60, NULL, 0,
		 "with --vad: drop what has less speech, s"},
		{"max-speech", 0, SER_OPTION_REAL, &t.vad.max_speech_s, "S", 1, 3600, NULL, 0,
		 "with --vad: part what is longer, s"},
		{"trim", 0, SER_OPTION_REAL, &t.trim_db, "DB", 0, 200, NULL, 0,
		 "cut silence off both ends: frames so far below the loudest; 0: do not"},
		{"vhq", 0, SER_OPTION_FLAG, &t.audio.vhq, NULL, 0, 0, NULL, 0,
		 "resample with soxr's VHQ instead of HQ"},
		{"seed", 0, SER_OPTION_I64, &t.seed, "N", 0, 9e18, NULL, 0, "seed of --dither, with each id"},
		{0},
	};
	struct ser_option *all = rows(&t.o, own, alias);
	const struct ser_tool tool = {
		"ser-wav2feat", "Read a manifest, sound files or records of samples, write records with feat [T,D].",
		"[FILE]...",    all,
		NULL,           SER_CLI_THREADS | SER_CLI_KEEP | SER_CLI_FILTER | SER_CLI_PROGRESS};
	ser_cli_begin(&t.c, &tool, argc, argv);
	if (e.code != 0)
		ser_cli_die(&t.c, &e);
	if (kind_opt != (int)t.o.kind)
		ser_cli_usage(&t.c,
			      preset != NULL ? "--kind and --preset do not agree" : "--kind must be written in full");
	settle(&t, alias);
	if ((t.trim_db > 0) + (t.segment_s > 0) + (t.vad.threshold_db > 0) > 1)
		ser_cli_usage(&t.c, "only one of --trim, --segment and --vad can be done");
	if (t.every_s > 0 && (t.every_s > t.segment_s || t.every_s * t.o.sample_frequency < 1))
		ser_cli_usage(&t.c, "--every %g s is not within --segment %g s", t.every_s, t.segment_s);
	t.every_s = t.every_s > 0 ? t.every_s : t.segment_s;
	t.vad.rate_hz = t.o.sample_frequency;
	if (from_stdin && t.c.n_operand > 0)
		ser_cli_usage(&t.c, "--stdin takes no operands");
	if (t.id != NULL && !from_stdin && (t.c.n_operand != 1 || is_table(t.c.operand[0])))
		ser_cli_usage(&t.c, "--id goes with a single sound");
	if (ser_front_new(&t.front, &t.o, &e) != SER_OK)
		ser_cli_die(&t.c, &e);
	if (func != NULL && ser_func_new(&t.func, func, &e) != SER_OK)
		ser_cli_usage(&t.c, "--functionals: %s", e.msg);
	t.skip_zero = ser_calloc(ser_front_dim(t.front), sizeof *t.skip_zero);
	if (t.segment_s > 0 && ser_front_n_frame(t.front, (size_t)(t.segment_s * t.o.sample_frequency)) == 0)
		ser_cli_usage(&t.c, "--segment %g s is shorter than a frame", t.segment_s);
	t.audio.rate_hz = t.o.sample_frequency;
	t.worker = ser_calloc((size_t)t.c.n_thread, sizeof *t.worker);
	for (int i = 0; i < t.c.n_thread; i++)
		t.worker[i].ws = ser_front_ws_new(t.front);
	t.cap_job = t.c.n_thread > 1 ? (size_t)t.c.n_thread * PER_THREAD : 1;
	t.job = ser_calloc(t.cap_job, sizeof *t.job);
	for (size_t i = 0; t.func != NULL && i < t.cap_job; i++)
		t.job[i].func = ser_malloc(n_func(&t), sizeof *t.job[i].func);
	if (t.c.n_operand > 1)
		t.ids = ser_map_new();

	t.out = ser_out_open(&t.c);
	if (from_stdin) {
		begin_sounds(&t);
		from_sound(&t, NULL);
	}
	for (int i = 0; i < t.c.n_operand; i++)
		from_operand(&t, t.c.operand[i]);
	if (!from_stdin && t.c.n_operand == 0)
		from_table(&t, 0, "<stdin>");
	flush_jobs(&t);
	ser_out_close(t.out);
	if (t.n_mute > 0)
		ser_cli_warn(&t.c, "%llu of %llu sounds have no speech", (unsigned long long)t.n_mute,
			     (unsigned long long)t.c.n_read);
	if (t.n_clipped > 0)
		ser_cli_warn(&t.c, "%llu of %llu sounds have samples at full scale or beyond (-v names them)",
			     (unsigned long long)t.n_clipped, (unsigned long long)t.c.n_read);

	for (size_t i = 0; i < t.cap_job; i++) {
		ser_record_free(&t.job[i].r);
		free(t.job[i].path);
		free(t.job[i].place);
		free(t.job[i].y);
		free(t.job[i].func);
	}
	for (int i = 0; i < t.c.n_thread; i++) {
		ser_front_ws_free(t.worker[i].ws);
		free(t.worker[i].x);
		free(t.worker[i].z);
	}
	free(t.worker);
	free(t.job);
	free(all);
	ser_map_free(t.ids);
	free(t.skip_zero);
	ser_func_free(t.func);
	ser_front_free(t.front);
	return ser_cli_end(&t.c);
}
