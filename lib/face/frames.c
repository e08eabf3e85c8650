/* SPDX-License-Identifier: MIT */
/* Frames out of files that have no row a frame: MediaPipe's results as people write them to JSON, and tables with a row a point. */
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
	json_object_foreach(v, key, x) if (take_blend(g, key, x, e) != 0) return e->code;
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

/* Behind the string, list, object or word that begins at s; NULL: it does not end. Frames are parsed one by one: a file of them is as large in
 * memory as it is on the disk. */
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

/* ---- a row a point ---- */

/* The column of one of these names, whatever their case; -1 */
static ptrdiff_t called(const struct face_table *t, const char *const *name)
{
	for (; *name != NULL; name++)
		for (size_t i = 0; i < t->n_col; i++)
			if (strcasecmp(t->name[i], *name) == 0)
				return (ptrdiff_t)i;
	return -1;
}

static const char *const index_names[] = {"landmark_index", "landmark_idx", "landmark_id", "landmark",
					  "point_index",    "point",        NULL};

bool face_is_long(const struct face_table *t)
{
	return called(t, index_names) >= 0 && called(t, (const char *const[]){"x", NULL}) >= 0 &&
	       called(t, (const char *const[]){"y", NULL}) >= 0;
}

int face_frames_long(struct face_frames *f, struct face_table *t, int64_t face, size_t max, struct ser_err *e)
{
	static const char *const axis[][2] = {{"x", NULL}, {"y", NULL}, {"z", NULL}},
				 *const clocks[] = {"timestamp_ms", "time_ms",     "timestamp",    "time",     "frame",
						    "frame_idx",    "frame_index", "frame_number", "frame_id", NULL};
	struct gather g = {.f = f, .path = t->path, .face = face, .max = max};
	size_t clock = 0;
	while (clocks[clock] != NULL && called(t, (const char *const[]){clocks[clock], NULL}) < 0)
		clock++;
	ptrdiff_t col[6] = {called(t, clocks),  called(t, index_names), called(t, axis[0]),
			    called(t, axis[1]), called(t, axis[2]),     called(t, face_id_names)};
	double v[6], now = (double)NAN, first_face = (double)NAN;
	int rc = col[0] >= 0 ? 0
			     : ser_fail(e, SER_EDATA,
					"%s: points without a column \"timestamp\", \"timestamp_ms\" or \"frame\"",
					t->path);
	for (int k = 0; k < 6; k++)
		if (col[k] >= 0)
			t->wanted[col[k]] = true;
	while (rc == 0 && (rc = face_table_next(t, e)) > 0) {
		rc = 0;
		for (int k = 0; k < 6; k++) {
			v[k] = (double)NAN;
			if (rc == 0 && col[k] >= 0)
				rc = face_table_number(t, (size_t)col[k], &v[k], e);
		}
		if (rc != 0 || (face >= 0 && col[5] >= 0 && v[5] != (double)face))
			continue;
		if (isnan(first_face))
			first_face = v[5];
		if (face < 0 && col[5] >= 0 && v[5] != first_face) {
			rc = ser_fail(e, SER_EDATA, "%s:%zu: face %g beside face %g: --face says which", t->path,
				      t->line, v[5], first_face);
		} else if (!(v[1] >= 0 && v[1] < MAX_POINT && v[1] == floor(v[1]))) {
			rc = ser_fail(e, SER_EDATA, "%s:%zu: %g numbers no point from 0 to %d", t->path, t->line, v[1],
				      MAX_POINT - 1);
		} else {
			if (f->n + (g.n > 0) > 0 && v[0] != now)
				rc = end_frame(&g, e);
			if (g.n == 0)
				put(&g, clocks[clock], v[0]);
			char name[32];
			snprintf(name, sizeof name, "x_%zu", (size_t)v[1]);
			ptrdiff_t at = ser_map_find(f->names, name, strlen(name));
			if (at >= 0 && (size_t)at < g.n && isfinite(g.x[at]))
				rc = ser_fail(
					e, SER_EDATA,
					"%s:%zu: point %g again in a frame: frames out of order, or several faces",
					t->path, t->line, v[1]);
			put_point(&g, (size_t)v[1], v + 2);
			now = v[0];
		}
	}
	if (rc == 0 && g.n > 0)
		rc = end_frame(&g, e);
	free(g.x);
	return rc == 0 && f->n == 0 ? ser_fail(e, SER_EDATA, "%s: no point of a face", t->path) : rc;
}
