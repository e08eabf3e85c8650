/* SPDX-License-Identifier: MIT */
/* Frames out of files that have no row a frame: MediaPipe's results as people write them to JSON, and tables with a row a point or
 * a blendshape. */
#include "face/private.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_POINT = 478, MAX_BLEND = 256 };

/* ---- a frame at a time ---- */

struct gather {
	struct face_frames *f;
	const char *path;
	int64_t face;
	size_t max, n_point, n_blend; /* points of the first frame with any; names of blendshapes so far */
	double *x;                    /* [n] of the frame at hand */
	size_t n, cap;
};

void face_frames_free(struct face_frames *f)
{
	if (f == NULL)
		return;
	ser_map_free(f->names);
	ser_arena_free(&f->arena);
	free(f->frame);
	free(f);
}

static void put(struct gather *g, const char *name, double v)
{
	size_t at = ser_map_add(g->f->names, name, strlen(name), NULL);
	g->x = ser_grow(g->x, &g->cap, at + 1, sizeof *g->x);
	for (; g->n <= at; g->n++)
		g->x[g->n] = (double)NAN;
	g->x[at] = v;
}

static void put_point(struct gather *g, size_t i, const double v[3])
{
	char name[32];
	for (int k = 0; k < 3; k++) {
		snprintf(name, sizeof name, "%c_%zu", "xyz"[k], i);
		if (k < 2 || isfinite(v[k]))
			put(g, name, v[k]);
	}
}

static int end_frame(struct gather *g, struct ser_err *e)
{
	struct face_frames *f = g->f;
	f->bytes += g->n * sizeof *g->x + sizeof *f->frame;
	if (f->bytes > g->max)
		return ser_fail(e, SER_EDATA, "%s: frames of more than %zu bytes", g->path, g->max);
	f->frame = ser_grow(f->frame, &f->cap, f->n + 1, sizeof *f->frame);
	double *x = ser_arena_alloc(&f->arena, g->n, sizeof *x);
	memcpy(x, g->x, g->n * sizeof *x);
	f->frame[f->n++] = (struct face_frame){g->n, x};
	g->n = 0;
	return 0;
}

static int fail(const struct gather *g, struct ser_err *e, const char *what)
{
	return ser_fail(e, SER_EDATA, "%s: frame %zu: %s", g->path, g->f->n + 1, what);
}

/* ---- JSON: what a frame says ---- */

/* The member of one of these names of the frame, or of its result */
static json_t *member(const json_t *frame, const char *const *name)
{
	static const char *const inside[] = {"results", "result", "face", NULL};
	for (const char *const *s = name; *s != NULL; s++)
		if (json_object_get(frame, *s) != NULL)
			return json_object_get(frame, *s);
	for (const char *const *in = inside; *in != NULL; in++)
		for (const char *const *s = name; *s != NULL; s++)
			if (json_object_get(json_object_get(frame, *in), *s) != NULL)
				return json_object_get(json_object_get(frame, *in), *s);
	return NULL;
}

static int take_time(struct gather *g, const json_t *frame, struct ser_err *e)
{
	static const char *const ms[] = {"timestamp_ms", "timestampMs", "time_ms", "timeMs", NULL},
				 *const s[] = {"timestamp", "timeStamp", "time", "timestamp_s", "time_s", NULL},
				 *const number[] = {"frame",     "frame_index", "frameIndex", "frame_number",
						    "frame_idx", "frame_id",    NULL};
	static const struct {
		const char *column;
		const char *const *name;
	} clock[] = {{"timestamp_ms", ms}, {"timestamp", s}, {"frame", number}};
	for (size_t i = 0; i < sizeof clock / sizeof *clock; i++) {
		const json_t *v = member(frame, clock[i].name);
		if (!json_is_number(v))
			continue;
		put(g, clock[i].column, json_number_value(v));
		return 0;
	}
	return fail(g, e, "no number \"timestamp_ms\", \"timestamp\" or \"frame\"");
}

/* Of a list of faces the one that is wanted; *v is NULL where it is not there */
static int pick(struct gather *g, json_t *list, json_t **v, struct ser_err *e)
{
	if (g->face < 0 && json_array_size(list) > 1)
		return fail(g, e, "several faces: --face says which");
	*v = json_array_get(list, g->face < 0 ? 0 : (size_t)g->face);
	return 0;
}

/* x, y and perhaps z of an object or a list */
static bool point(const json_t *v, double x[3])
{
	static const char *const axis[] = {"x", "y", "z"};
	for (size_t k = 0; k < 3; k++) {
		const json_t *c = json_is_array(v) ? json_array_get(v, k) : json_object_get(v, axis[k]);
		x[k] = json_is_number(c) ? json_number_value(c) : (double)NAN;
	}
	return isfinite(x[0]) && isfinite(x[1]);
}

static int take_points(struct gather *g, json_t *v, struct ser_err *e)
{
	double x[3];
	if (json_object_get(v, "landmark") != NULL)
		v = json_object_get(v, "landmark");
	json_t *first = json_array_get(v, 0);
	if (first != NULL && !json_is_number(first) && !point(first, x)) { /* a list of faces */
		if (pick(g, v, &v, e) != 0)
			return e->code;
		if (json_object_get(v, "landmark") != NULL)
			v = json_object_get(v, "landmark");
		first = json_array_get(v, 0);
	}
	if (first == NULL)
		return 0;
	bool flat = json_is_number(first);
	size_t n = json_array_size(v) / (flat ? 3 : 1);
	if (n > MAX_POINT || (g->n_point > 0 && n != g->n_point) || (flat && json_array_size(v) % 3 != 0))
		return ser_fail(e, SER_EDATA, "%s: frame %zu: %zu points, expected %zu", g->path, g->f->n + 1, n,
				g->n_point > 0 ? g->n_point : (size_t)MAX_POINT);
	g->n_point = n;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < 3 && flat; k++)
			x[k] = json_number_value(json_array_get(v, 3 * i + k));
		if (!flat && !point(json_array_get(v, i), x))
			return ser_fail(e, SER_EDATA, "%s: frame %zu: point %zu has no numbers x and y", g->path,
					g->f->n + 1, i);
		put_point(g, i, x);
	}
	return 0;
}

static int take_blend(struct gather *g, const char *name, const json_t *v, struct ser_err *e)
{
	bool known = ser_map_find(g->f->names, name, strlen(name)) >= 0;
	if (!json_is_number(v))
		return ser_fail(e, SER_EDATA, "%s: frame %zu: blendshape \"%.40s\" is no number", g->path, g->f->n + 1,
				name);
	if (!known && g->n_blend++ == MAX_BLEND)
		return fail(g, e, "too many names of blendshapes");
	put(g, name, json_number_value(v));
	return 0;
}

/* {"jawOpen": 0.1 ..}, or {"categories": [..]}, or [{"categoryName": "jawOpen", "score": 0.1} ..], or a list of such, one a face */
static int take_blends(struct gather *g, json_t *v, bool of_face, struct ser_err *e)
{
	static const char *const names[] = {"categoryName", "category_name", "name", NULL}, *const scores[] = {"score",
													       "value",
													       NULL};
	const char *key;
	json_t *x, *list = json_object_get(v, "categories");
	size_t i;
	if (list != NULL)
		v = list;
	json_object_foreach(v, key, x)
	{
		if (take_blend(g, key, x, e) != 0)
			return e->code;
	}
	x = json_array_get(v, 0);
	if (x != NULL && member(x, names) == NULL && !of_face) /* a list of faces */
		return pick(g, v, &v, e) != 0 ? e->code : v != NULL ? take_blends(g, v, true, e) : 0;
	json_array_foreach(v, i, x)
	{
		const char *name = json_string_value(member(x, names));
		if (name == NULL)
			return fail(g, e, "a blendshape without a name");
		if (take_blend(g, name, member(x, scores), e) != 0)
			return e->code;
	}
	return 0;
}

static int take_frame(struct gather *g, const char *text, size_t n, struct ser_err *e)
{
	static const char *const points[] = {"faceLandmarks",        "face_landmarks", "multiFaceLandmarks",
					     "multi_face_landmarks", "landmarks",      NULL},
				 *const blends[] = {"faceBlendshapes", "face_blendshapes", "blendshapes", "blendShapes",
						    NULL};
	json_error_t bad;
	json_t *frame = json_loadb(text, n, JSON_REJECT_DUPLICATES, &bad), *v;
	int rc = frame == NULL            ? fail(g, e, bad.text)
		 : !json_is_object(frame) ? fail(g, e, "no object")
					  : take_time(g, frame, e);
	if (rc == 0 && (v = member(frame, points)) != NULL)
		rc = take_points(g, v, e);
	if (rc == 0 && (v = member(frame, blends)) != NULL)
		rc = take_blends(g, v, false, e);
	json_decref(frame);
	return rc == 0 ? end_frame(g, e) : rc;
}

/* ---- JSON: where the frames are ---- */

static const char *blanks(const char *s, const char *end)
{
	while (s < end && isspace((unsigned char)*s))
		s++;
	return s;
}

/* Behind the string, list, object or word that begins at s; NULL: it does not end. Frames are parsed one by one: a file of them is as
 * large in memory as it is on the disk. */
static const char *behind(const char *s, const char *end)
{
	size_t depth = 0;
	for (; s < end; s++) {
		if (*s == '"') {
			for (s++; s < end && *s != '"'; s++)
				s += *s == '\\';
			if (s >= end)
				return NULL;
		} else if (*s == '{' || *s == '[') {
			depth++;
		} else if (*s == '}' || *s == ']') {
			if (depth == 0)
				return s;
			depth--;
		} else if (depth > 0 || strchr(",: \t\r\n", *s) == NULL) {
			continue;
		} else {
			return s;
		}
		if (depth == 0)
			return s + 1;
	}
	return depth == 0 ? s : NULL;
}

/* The list of frames that an object has as a member, or NULL */
static const char *inner_list(const char *s, const char *end)
{
	static const char *const name[] = {"\"frames\"", "\"data\"", "\"results\""};
	for (s = blanks(s + 1, end); s < end && *s == '"'; s = blanks(s, end)) {
		const char *key = s, *value, *after = behind(s, end);
		if (after == NULL || *(value = blanks(after, end)) != ':')
			return NULL;
		value = blanks(value + 1, end);
		for (size_t i = 0; i < sizeof name / sizeof *name; i++)
			if ((size_t)(after - key) == strlen(name[i]) && memcmp(key, name[i], strlen(name[i])) == 0 &&
			    *value == '[')
				return value;
		if ((s = behind(value, end)) == NULL)
			return NULL;
		s = blanks(s, end);
		s += s < end && *s == ',';
	}
	return NULL;
}

bool face_is_json(const char *text)
{
	text += strspn(text, " \t\r\n");
	return *text == '{' || *text == '[';
}

int face_frames_json(struct face_frames *f, const char *path, const char *text, size_t n, int64_t face, size_t max,
		     struct ser_err *e)
{
	struct gather g = {.f = f, .path = path, .face = face, .max = max};
	const char *end = text + n, *s = blanks(text, end), *list = *s == '[' ? s : inner_list(s, end), *after = NULL;
	int rc = 0;
	if (behind(s, end) == NULL)
		return ser_fail(e, SER_EDATA, "%s: JSON that does not end: the file was cut off", path);
	for (s = list != NULL ? blanks(list + 1, end) : s; rc == 0 && s < end && *s != ']'; s = blanks(after, end)) {
		after = behind(s, end);
		rc = after == NULL ? fail(&g, e, "does not end: the file was cut off")
				   : take_frame(&g, s, (size_t)(after - s), e);
		if (rc != 0)
			break;
		after = blanks(after, end);
		if (list != NULL && after < end && *after != ',' && *after != ']')
			rc = fail(&g, e, "a comma or the end of the list was expected before it");
		after += list != NULL && after < end && *after == ',';
	}
	free(g.x);
	return rc == 0 && f->n == 0 ? ser_fail(e, SER_EDATA, "%s: JSON without frames", path) : rc;
}

/* ---- a row a point, or a row a blendshape ---- */

struct rows {
	ptrdiff_t time, face, what, value[3]; /* columns; -1: there is none. A blendshape has one value. */
	const char *clock;                    /* what the column of times is called */
	bool points;
};

/* The column of one of these names, whatever their case; -1. *name is which. */
static ptrdiff_t called(const struct face_table *t, const char *const *names, const char **name)
{
	for (; *names != NULL; names++)
		for (size_t i = 0; i < t->n_col; i++)
			if (strcasecmp(t->name[i], *names) == 0) {
				*name = *names;
				return (ptrdiff_t)i;
			}
	return -1;
}

static bool find_rows(const struct face_table *t, struct rows *r)
{
	static const char *const points[] = {"landmark_index", "landmark_idx", "landmark_id", "landmark",
					     "point_index",    "point",        NULL},
				 *const blends[] = {"blendshape", "blendshape_name", "category_name", "categoryname",
						    NULL},
				 *const scores[] = {"score", "value", NULL}, *const axes[3][2] = {{"x"}, {"y"}, {"z"}},
				 *const clocks[] = {"timestamp_ms", "time_ms",     "timestamp",    "time",     "frame",
						    "frame_idx",    "frame_index", "frame_number", "frame_id", NULL};
	const char *name;
	r->time = called(t, clocks, &r->clock);
	r->face = called(t, face_id_names, &name);
	r->what = called(t, points, &name);
	r->points = r->what >= 0;
	r->what = r->points ? r->what : called(t, blends, &name);
	for (int k = 0; k < 3; k++)
		r->value[k] = r->points ? called(t, axes[k], &name) : k == 0 ? called(t, scores, &name) : -1;
	return r->what >= 0 && r->value[0] >= 0 && (!r->points || r->value[1] >= 0);
}

bool face_is_long(const struct face_table *t)
{
	struct rows r;
	return find_rows(t, &r);
}

static int optional(const struct face_table *t, ptrdiff_t col, double *v, struct ser_err *e)
{
	*v = (double)NAN;
	return col < 0 ? 0 : face_table_number(t, (size_t)col, v, e);
}

/* What a row says goes into the frame at hand. */
static int take_row(struct gather *g, const struct face_table *t, const struct rows *r, struct ser_err *e)
{
	double v[3], at;
	char name[32];
	for (int k = 0; k < 3; k++)
		if (optional(t, r->value[k], &v[k], e) != 0)
			return e->code;
	const char *first = r->points ? name : t->cell[r->what];
	if (r->points) {
		if (face_table_number(t, (size_t)r->what, &at, e) != 0)
			return e->code;
		if (!(at >= 0 && at < MAX_POINT && at == floor(at)))
			return ser_fail(e, SER_EDATA, "%s:%zu: %g numbers no point from 0 to %d", t->path, t->line, at,
					MAX_POINT - 1);
		snprintf(name, sizeof name, "x_%zu", (size_t)at);
	} else if (ser_map_find(g->f->names, first, strlen(first)) < 0 && g->n_blend++ == MAX_BLEND) {
		return fail(g, e, "too many names of blendshapes");
	}
	ptrdiff_t had = ser_map_find(g->f->names, first, strlen(first));
	if (had >= 0 && (size_t)had < g->n && isfinite(g->x[had]))
		return ser_fail(e, SER_EDATA,
				"%s:%zu: \"%.40s\" again in a frame: frames out of order, or several faces", t->path,
				t->line, first);
	if (r->points)
		put_point(g, (size_t)at, v);
	else
		put(g, first, v[0]);
	return 0;
}

int face_frames_long(struct face_frames *f, struct face_table *t, int64_t face, size_t max, struct ser_err *e)
{
	struct gather g = {.f = f, .path = t->path, .face = face, .max = max};
	struct rows r;
	double time, id, now = (double)NAN, first = (double)NAN;
	find_rows(t, &r);
	if (r.time < 0)
		return ser_fail(e, SER_EDATA, "%s: rows without a column \"timestamp\", \"timestamp_ms\" or \"frame\"",
				t->path);
	const ptrdiff_t col[] = {r.time, r.face, r.what, r.value[0], r.value[1], r.value[2]};
	for (size_t k = 0; k < sizeof col / sizeof *col; k++)
		if (col[k] >= 0)
			t->wanted[col[k]] = true;
	int rc;
	while ((rc = face_table_next(t, e)) > 0) {
		rc = optional(t, r.face, &id, e) != 0 || optional(t, r.time, &time, e) != 0 ? e->code : 0;
		if (rc == 0 && face >= 0 && !isnan(id) && id != (double)face)
			continue;
		first = isnan(first) ? id : first;
		if (rc == 0 && face < 0 && !isnan(id) && id != first)
			rc = ser_fail(e, SER_EDATA, "%s:%zu: face %g beside face %g: --face says which", t->path,
				      t->line, id, first);
		if (rc == 0 && g.n > 0 && time != now)
			rc = end_frame(&g, e);
		if (rc == 0 && g.n == 0)
			put(&g, r.clock, time);
		now = time;
		rc = rc == 0 ? take_row(&g, t, &r, e) : rc;
		if (rc != 0)
			break;
	}
	if (rc == 0 && g.n > 0)
		rc = end_frame(&g, e);
	free(g.x);
	return rc == 0 && f->n == 0 ? ser_fail(e, SER_EDATA, "%s: no row of a face", t->path) : rc;
}
