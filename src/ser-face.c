/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "face/face.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct ser_cli c;
static struct ser_face_opt o;
static const char *field = "land", *points = "all", *track = "post", *prefix, *size;
static int table;
static double fps = 60;

static void check(int rc, const struct ser_err *e)
{
	if (rc < 0)
		ser_cli_die(&c, e);
}

/* ---- tables to records ---- */

struct job {
	const char *path;
	enum ser_face_format format;
	struct ser_face *face; /* NULL: *e says why */
	struct ser_err e;
};

static void read_one(void *ctx, size_t i, int worker)
{
	struct job *j = (struct job *)ctx + i;
	(void)worker;
	if (ser_face_read(&j->face, j->path, j->format, &o, &j->e) != 0)
		j->face = NULL;
}

/* The file's name without folder and suffix; its beginning FROM is TO where --id-prefix says so. */
static void set_id(struct ser_record *r, const char *path)
{
	const char *name = strrchr(path, '/'), *is = prefix != NULL ? strchr(prefix, '=') : NULL;
	struct ser_buf id = {0};
	name = name != NULL ? name + 1 : path;
	size_t n = strlen(name), from = is != NULL ? (size_t)(is - prefix) : 0;
	static const char *const suffix[] = {".csv", ".tsv", ".json", ".jsonl"};
	for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++) {
		size_t m = strlen(suffix[i]);
		if (n > m && strcmp(name + n - m, suffix[i]) == 0) {
			n -= m;
			break;
		}
	}
	if (is != NULL && n >= from && memcmp(name, prefix, from) == 0) {
		ser_buf_str(&id, is + 1);
		name += from;
		n -= from;
	}
	ser_buf_add(&id, name, n);
	ser_record_set(r, "id", ser_strn(id.s, id.n));
	ser_buf_free(&id);
}

static void put_face(struct ser_out **out, struct ser_header *had, struct ser_map *ids, const struct job *j)
{
	struct ser_record r = {0};
	struct ser_header h;
	struct ser_err e;
	bool is_new;
	set_id(&r, j->path);
	const char *id = ser_record_id(&r);
	if (j->face == NULL) {
		ser_cli_skip(&c, id, &j->e);
		ser_record_free(&r);
		return;
	}
	ser_map_add(ids, id, strlen(id), &is_new);
	if (!is_new)
		ser_cli_fail(&c, SER_EDATA, "%s: the id \"%s\" came before", j->path, id);
	ser_header_init(&h);
	ser_face_header(j->face, &h);
	if (*out == NULL) {
		*out = ser_out_open(&c);
		ser_out_header(*out, &h);
		ser_header_copy(had, &h);
	} else if (ser_header_merge(had, &h, &e) != 0) {
		ser_fail_in(&e, "%s", j->path);
		ser_cli_die(&c, &e);
	}
	ser_header_free(&h);
	ser_face_record(j->face, &r);
	ser_out_record(*out, &r);
	ser_record_free(&r);
}

static int from_tables(enum ser_face_format format)
{
	size_t n = (size_t)c.n_operand, n_batch = (size_t)c.n_thread * 4;
	struct ser_out *out = NULL;
	struct ser_header had;
	struct ser_map *ids = ser_map_new();
	struct job *job = ser_calloc(n_batch, sizeof *job);
	if (n == 0)
		ser_cli_usage(&c, "no input: name tables");
	for (size_t i = 0; i < n; i += n_batch) {
		size_t m = n - i < n_batch ? n - i : n_batch;
		for (size_t k = 0; k < m; k++)
			job[k] = (struct job){.path = c.operand[i + k], .format = format};
		ser_parallel_for(c.n_thread, m, read_one, job);
		for (size_t k = 0; k < m; k++) {
			c.n_read++;
			put_face(&out, &had, ids, &job[k]);
			ser_face_free(job[k].face);
		}
	}
	if (out == NULL) { /* all were passed over */
		ser_header_init(&had);
		out = ser_out_open(&c);
		ser_out_header(out, &had);
	}
	ser_out_close(out);
	ser_header_free(&had);
	ser_map_free(ids);
	free(job);
	return ser_cli_end(&c);
}

/* --size WxH */
static void set_size(void)
{
	char *w = ser_strdup(size), *h = strchr(w, 'x');
	int64_t x, y;
	struct ser_err e;
	if (h != NULL)
		*h++ = '\0';
	if (h == NULL || ser_parse_int(w, 1, 1000000, &x, &e) != 0 || ser_parse_int(h, 1, 1000000, &y, &e) != 0)
		ser_cli_usage(&c, "--size: \"%s\" is not WxH, such as 1920x1080", size);
	o.width = (double)x;
	o.height = (double)y;
	free(w);
}

/* ---- landmarks to shapes ---- */

enum { MAX_POINT = 478 };
static size_t chosen[MAX_POINT], n_chosen; /* none: all */

static void choose(size_t from, size_t to)
{
	if (from > to || to >= MAX_POINT || n_chosen + to - from + 1 > MAX_POINT)
		ser_cli_usage(&c, "--points: %zu-%zu is no range of points from 0 to %d, each once", from, to,
			      MAX_POINT - 1);
	for (size_t i = from; i <= to; i++)
		chosen[n_chosen++] = i;
}

static void choose_points(void)
{
	struct ser_strs list = ser_cli_names(&c, "points", points);
	for (size_t i = 0; i < list.n; i++) {
		char *text = ser_strdup(list.s[i]), *dash = strchr(text, '-');
		int64_t from, to;
		struct ser_err e;
		if (dash != NULL)
			*dash = '\0';
		if (strcmp(text, "lower") == 0)
			choose(3, 13);
		if (strcmp(text, "lower") == 0 || strcmp(text, "mouth") == 0) {
			choose(48, 67);
		} else if (strcmp(text, "all") != 0) {
			if (ser_parse_int(text, 0, MAX_POINT - 1, &from, &e) != 0 ||
			    ser_parse_int(dash != NULL ? dash + 1 : text, 0, MAX_POINT - 1, &to, &e) != 0)
				ser_cli_usage(&c, "--points: \"%s\" is not all, lower, mouth, N or N-M", list.s[i]);
			choose((size_t)from, (size_t)to);
		} else if (list.n > 1) {
			ser_cli_usage(&c, "--points: all stands alone");
		}
		free(text);
	}
	ser_cli_names_free(&list);
}

static int shape_header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	const struct ser_val *had = ser_header_columns(h, field), *dim = ser_header_dim(h, field);
	struct ser_val axes = ser_val_list(), names = ser_val_list();
	(void)ctx, (void)e;
	size_t d = 0; /* columns of point 0 */
	while (had != NULL && d < had->u.list.n && had->u.list.v[d].kind == SER_STR && had->u.list.v[d].u.str.n > 2 &&
	       memcmp(had->u.list.v[d].u.str.s + had->u.list.v[d].u.str.n - 2, "_0", 2) == 0)
		d++;
	size_t n = d == 0 ? 0 : n_chosen > 0 ? n_chosen : had->u.list.n / d;
	for (size_t i = 0; i < n * d; i++) {
		size_t at = (n_chosen > 0 ? chosen[i / d] : i / d) * d + i % d;
		if (at < had->u.list.n)
			ser_val_push(&h->arena, &names, had->u.list.v[at]);
	}
	const struct ser_val *shift = dim != NULL ? ser_val_get(dim, "shift_s") : NULL;
	struct ser_val step = shift != NULL ? *shift : ser_nil(), *to = ser_header_dim_add(h, "shape");
	ser_val_push(&h->arena, &axes, ser_str("frame"));
	ser_val_push(&h->arena, &axes, ser_str("coordinate"));
	ser_val_set(&h->arena, to, "axes", axes);
	ser_val_set(&h->arena, to, "shift_s", step);
	if (n > 0)
		ser_val_set(&h->arena, to, "columns", names);
	return SER_OK;
}

static int shape(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	const float *x;
	size_t s[SER_MAX_AXES];
	(void)ctx, (void)worker;
	if (ser_record_f4(r, field, 3, &x, s, e) != SER_OK)
		return e->code;
	size_t n = n_chosen > 0 ? n_chosen : s[1];
	float *y;
	if (ser_face_align_record(r, field, s, x, &y, e) != SER_OK)
		return e->code;
	for (size_t t = 0; t < s[0]; t++)
		for (size_t i = 0; i < n; i++) {
			size_t from = n_chosen > 0 ? chosen[i] : i;
			if (from >= s[1])
				return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu points, no %zu", field,
						       s[1], from);
			memmove(y + (t * n + i) * s[2], y + (t * s[1] + from) * s[2], s[2] * sizeof *y);
		}
	ser_record_set(r, "shape", ser_f4(y, 2, (size_t[]){s[0], n * s[2]}));
	return 1;
}

/* ---- records to tables ---- */

/* Names of columns, and seconds from frame to frame */
static const char **names_of(struct ser_in *in, struct ser_arena *a, size_t *n, double *shift_s)
{
	const struct ser_header *h = ser_in_header(in);
	const struct ser_val *list = ser_header_columns(h, track), *dim = ser_header_dim(h, track),
			     *shift = dim != NULL ? ser_val_get(dim, "shift_s") : NULL;
	if (list == NULL || shift == NULL || shift->kind != SER_REAL || !(shift->u.f > 0))
		ser_cli_fail(&c, SER_EDATA, "%s: the header gives no %s for \"%s\"", ser_in_name(in),
			     list == NULL ? "columns" : "shift_s", track);
	const char **name = ser_arena_calloc(a, list->u.list.n, sizeof *name);
	for (size_t i = 0; i < list->u.list.n; i++) {
		const struct ser_val *v = &list->u.list.v[i];
		name[i] = v->kind == SER_STR ? ser_arena_strndup(a, v->u.str.s, v->u.str.n) : "";
	}
	*n = list->u.list.n;
	*shift_s = shift->u.f;
	return name;
}

static int put_table(struct ser_outdir *dir, struct ser_record *r, const char *const *name, size_t n, double shift_s,
		     struct ser_err *e)
{
	const float *x;
	size_t s[SER_MAX_AXES] = {0};
	const struct ser_val *v = ser_record_get(r, track);
	int ndim = v != NULL && v->kind == SER_TENSOR ? v->u.t.ndim : 2;
	if (ser_record_f4(r, track, ndim == 3 ? 3 : 2, &x, s, e) != SER_OK)
		return e->code;
	size_t d = ndim == 3 ? s[1] * s[2] : s[1];
	if (d != n)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu columns, the header names %zu", track, d,
				       n);
	struct ser_buf file = {0};
	ser_buf_printf(&file, "%s.csv", ser_record_id(r));
	if (strchr(file.s, '/') != NULL || file.s[0] == '.') {
		ser_buf_free(&file);
		return ser_record_fail(r, e, SER_EDATA, "the id is no name for a file");
	}
	FILE *f = ser_outdir_create(dir, file.s, e);
	ser_buf_free(&file);
	if (f == NULL)
		return e->code;
	int rc = ser_face_write(f, (enum ser_face_table)table, s[0], d, name, shift_s, fps, x, e);
	bool bad = ferror(f) != 0;
	if ((fclose(f) != 0 || bad) && rc == 0)
		rc = ser_fail(e, SER_EIO, "%s: write failed", dir->file[dir->n - 1]);
	return rc;
}

static int to_tables(void)
{
	struct ser_outdir dir;
	struct ser_err e;
	struct ser_record r = {0};
	struct ser_arena a = {0};
	bool segment;
	double shift_s;
	size_t n;
	if (c.out == NULL)
		ser_cli_usage(&c, "option --output is needed: a folder for the tables");
	struct ser_in *in = ser_in_open(&c);
	const char **name = names_of(in, &a, &n, &shift_s);
	check(ser_outdir_open(&dir, c.out, &e), &e);
	while (ser_in_next(in, &r, &segment)) {
		if (segment)
			name = names_of(in, &a, &n, &shift_s);
		if (put_table(&dir, &r, name, n, shift_s, &e) != 0)
			ser_cli_skip(&c, ser_record_id(&r), &e);
		else
			c.n_written++;
	}
	check(ser_outdir_commit(&dir, &e), &e);
	ser_record_free(&r);
	ser_arena_free(&a);
	ser_in_close(in);
	return ser_cli_end(&c);
}

int main(int argc, char **argv)
{
	enum { SHAPE = SER_FACE_PYFEAT + 1, WRITE };
	o = ser_face_opt_defaults();
#define COMMON                                                                                                         \
	{"shift", "seconds from one frame to the next", SER_OPT_SECONDS(&o.shift_s, "S", 0.0001, 10)},                 \
		{"gap", "interpolate what is missing for no longer", SER_OPT_SECONDS(&o.gap_s, "S", 0, 1000)},         \
	{                                                                                                              \
		"id-prefix", "an id that begins with FROM begins with TO instead", SER_OPT_STR(&prefix, "FROM=TO")     \
	}
	const struct ser_option openface[] = {
		COMMON,
		{"confidence", "a frame of less has no face", SER_OPT_REAL(&o.confidence, "X", 0, 1)},
		{"face", "of several faces this one; -1: there is but one", SER_OPT_I64(&o.face, "N", -1, 1e9)},
		{"space", "landmarks in three dimensions, mm, instead of pixels", SER_OPT_FLAG(&o.space)},
		{"fps", "frames a second, for tables that tell no times", SER_OPT_REAL(&o.fps, "X", 0, 10000)},
		{"openface3", "eight action units without numbers are OpenFace 3's", SER_OPT_FLAG(&o.openface3)},
		{0},
	};
	const struct ser_option mediapipe[] = {
		COMMON,
		{"face", "of several faces this one; -1: there is but one", SER_OPT_I64(&o.face, "N", -1, 1e9)},
		{"fps", "frames a second, for tables that tell no times", SER_OPT_REAL(&o.fps, "X", 0, 10000)},
		{"size", "the picture's pixels, of which landmarks are shares", SER_OPT_STR(&size, "WxH")},
		{0},
	};
	const struct ser_option arkit[] = {
		COMMON,
		{"fps", "frames a second, for tables that tell no times", SER_OPT_REAL(&o.fps, "X", 0, 10000)},
		{0},
	};
	const struct ser_option pyfeat[] = {
		COMMON,
		{"confidence", "a frame of less has no face", SER_OPT_REAL(&o.confidence, "X", 0, 1)},
		{"fps", "frames a second, for tables that tell no times", SER_OPT_REAL(&o.fps, "X", 0, 10000)},
		{0},
	};
	const struct ser_option shapes[] = {
		{"field", "tensor of landmarks", SER_OPT_STR(&field, "NAME")},
		{"points", "all, lower, mouth, or numbers and ranges", SER_OPT_STR(&points, "LIST")},
		{0},
	};
	const struct ser_option writes[] = {
		{"field", "tensor to write", SER_OPT_STR(&track, "NAME")},
		{"to", "which kind of table", SER_OPT_CHOICE(&table, "KIND", ser_face_tables)},
		{"fps", "frames a second of arkit", SER_OPT_REAL(&fps, "X", 1, 1000)},
		{0},
	};
	const struct ser_mode modes[] = {
		{"openface", "Tables of OpenFace to records.", openface, "TABLE..."},
		{"mediapipe", "Tables of MediaPipe's face landmarker to records.", mediapipe, "TABLE..."},
		{"arkit", "Tables of Live Link Face to records.", arkit, "TABLE..."},
		{"py-feat", "Tables of Py-Feat to records.", pyfeat, "TABLE..."},
		{"shape", "Landmarks without the head's motion.", shapes, NULL},
		{"write", "Records to tables.", writes, NULL},
		{0},
	};
	const struct ser_tool tool = {"ser-face", "What trackers say of a face, frame by frame.", "[FILE]...", NULL,
				      modes,      SER_CLI_FILTER | SER_CLI_THREADS | SER_CLI_KEEP};
	ser_cli_begin(&c, &tool, argc, argv);
	ser_out_expect(&c, c.mode != WRITE);
	o.max = c.max_record;
	if (prefix != NULL && strchr(prefix, '=') == NULL)
		ser_cli_usage(&c, "--id-prefix: \"%s\" is not FROM=TO", prefix);
	if (size != NULL)
		set_size();
	if (c.mode < SHAPE)
		return from_tables((enum ser_face_format)c.mode);
	if (c.mode == WRITE)
		return to_tables();
	choose_points();
	return ser_cli_filter(&c, &(struct ser_filter){shape_header, shape, NULL});
}
