/* SPDX-License-Identifier: MIT */
#include "audio/audio.h"
#include "cli/cli.h"
#include "corpus/corpus.h"
#include "dsp/dsp.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PER_THREAD = 4, MAX_SAMPLE = 250000000 /* a record holds 1 GiB */ };

/* One sound, and the record that it becomes. */
struct job {
	struct ser_record r;
	char *path;  /* NULL: standard input */
	char *place; /* of messages: manifest and line, or "" */
	struct ser_audio_opt part;
	struct ser_audio_info info;
	float *y, *func;
	size_t n_frame, cap;
	int rc;
	struct ser_err e;
};

struct worker {
	struct ser_front_ws *ws;
	float *x;
	size_t cap;
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
	double segment_s, trim_db;
	const char *root, *id;
	uint64_t n_clipped; /* files */
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

static int one(struct tool *t, struct worker *w, struct job *j)
{
	struct ser_audio *a;
	size_t n;
	int rc = j->path != NULL ? ser_audio_open(&a, j->path, &j->part, &j->e)
				 : ser_audio_open_fd(&a, 0, "<stdin>", &j->part, &j->e);
	if (rc != SER_OK)
		return rc;
	rc = ser_audio_read_all(a, MAX_SAMPLE, &w->x, &n, &w->cap, &j->e);
	j->info = *ser_audio_info(a);
	ser_audio_free(a);
	if (rc != SER_OK)
		return rc;
	size_t from = 0, to = n;
	if (t->trim_db > 0) {
		ser_trim_find(w->x, n, t->o.sample_frequency, t->trim_db, &from, &to);
		ser_record_set(&j->r, "trim_start", ser_real((double)from / t->o.sample_frequency));
		ser_record_set(&j->r, "trim_end", ser_real((double)to / t->o.sample_frequency));
	}
	rc = features(t, w, j, w->x + from, to - from);
	return rc == SER_OK ? rc : ser_fail_in(&j->e, "%s", j->path != NULL ? j->path : "<stdin>");
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

/* The sound of a job as records of segment_s seconds, ID-000001 and so on. A rest too short for a frame is left out. */
static int in_pieces(struct tool *t, struct job *j)
{
	struct worker *w = &t->worker[0];
	struct ser_audio *a;
	struct ser_buf id = {0}, whole = {0};
	int rc = j->path != NULL ? ser_audio_open(&a, j->path, &j->part, &j->e)
				 : ser_audio_open_fd(&a, 0, "<stdin>", &j->part, &j->e);
	if (rc != SER_OK)
		return rc;
	double rate = ser_audio_rate_hz(a);
	size_t n = (size_t)llrint(t->segment_s * rate), k = 0;
	w->x = ser_grow(w->x, &w->cap, n, sizeof *w->x);
	ser_buf_str(&whole, ser_record_id(&j->r));
	for (ptrdiff_t got = (ptrdiff_t)n; rc == SER_OK && got == (ptrdiff_t)n; k++) {
		got = ser_audio_read(a, w->x, n, &j->e);
		if (got < 0)
			rc = (int)got;
		if (got <= 0 || (k > 0 && ser_front_n_frame(t->front, (size_t)got) == 0))
			break;
		id.n = 0;
		ser_buf_printf(&id, "%s-%06zu", whole.s, k + 1);
		ser_record_set(&j->r, "id", ser_str(id.s));
		ser_record_set(&j->r, "start", ser_real(j->part.start_s + (double)(k * n) / rate));
		ser_record_set(&j->r, "end", ser_real(j->part.start_s + (double)(k * n + (size_t)got) / rate));
		rc = features(t, w, j, w->x, (size_t)got);
		if (rc != SER_OK)
			break;
		struct ser_audio_info info = *ser_audio_info(a);
		j->info = info;
		j->info.n_clipped = 0;
		put(t, j);
		ser_out_flush(t->out);
	}
	ser_record_set(&j->r, "id", ser_str(whole.s)); /* for messages */
	ser_buf_free(&id);
	ser_buf_free(&whole);
	ser_audio_free(a);
	return rc;
}

/* ---- inputs ------------------------------------------------------------------------------------- */

static struct job *add_job(struct tool *t)
{
	struct job *j = &t->job[t->n_job++];
	ser_record_clear(&j->r);
	free(j->path);
	free(j->place);
	j->path = j->place = NULL;
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
	if (t->segment_s > 0) {
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

static bool is_manifest(const char *name)
{
	size_t n = strlen(name);
	return n >= 4 && strcmp(name + n - 4, ".tsv") == 0;
}

static void from_operand(struct tool *t, const char *name)
{
	if (strcmp(name, "-") == 0) {
		from_manifest(t, stdin, "<stdin>");
	} else if (is_manifest(name)) {
		FILE *f = fopen(name, "r");
		if (f == NULL)
			ser_cli_fail(&t->c, SER_EIO, "%s: cannot open: %s", name, strerror(errno));
		from_manifest(t, f, name);
		fclose(f);
	} else {
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

static void write_header(struct tool *t)
{
	static const char *const axes[][2] = {{"sample", "channel"}, {"frame", "bin"},      {"frame", "mel"},
					      {"frame", "mel"},      {"frame", "cepstrum"}, {"frame", "descriptor"}};
	struct ser_header h;
	struct ser_buf text = {0};
	ser_header_init(&h);
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
		{"trim", 0, SER_OPTION_REAL, &t.trim_db, "DB", 0, 200, NULL, 0,
		 "cut silence off both ends: frames so far below the loudest; 0: do not"},
		{"vhq", 0, SER_OPTION_FLAG, &t.audio.vhq, NULL, 0, 0, NULL, 0,
		 "resample with soxr's VHQ instead of HQ"},
		{"seed", 0, SER_OPTION_I64, &t.seed, "N", 0, 9e18, NULL, 0, "seed of --dither, with each id"},
		{0},
	};
	struct ser_option *all = rows(&t.o, own, alias);
	const struct ser_tool tool = {"ser-wav2feat", "Read a manifest or sound files, write records with feat [T,D].",
				      "[FILE]...",    all,
				      NULL,           SER_CLI_THREADS | SER_CLI_KEEP | SER_CLI_OUT | SER_CLI_PROGRESS};
	ser_cli_begin(&t.c, &tool, argc, argv);
	if (e.code != 0)
		ser_cli_die(&t.c, &e);
	if (kind_opt != (int)t.o.kind)
		ser_cli_usage(&t.c,
			      preset != NULL ? "--kind and --preset do not agree" : "--kind must be written in full");
	settle(&t, alias);
	if (t.trim_db > 0 && t.segment_s > 0)
		ser_cli_usage(&t.c, "--trim does not go with --segment");
	if (from_stdin && t.c.n_operand > 0)
		ser_cli_usage(&t.c, "--stdin takes no operands");
	if (t.id != NULL && !from_stdin && (t.c.n_operand != 1 || is_manifest(t.c.operand[0])))
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
	write_header(&t);
	if (from_stdin)
		from_sound(&t, NULL);
	for (int i = 0; i < t.c.n_operand; i++)
		from_operand(&t, t.c.operand[i]);
	if (!from_stdin && t.c.n_operand == 0)
		from_manifest(&t, stdin, "<stdin>");
	flush_jobs(&t);
	ser_out_close(t.out);
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
