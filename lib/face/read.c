/* SPDX-License-Identifier: MIT */
/* Tracks from tables: which columns a format has, which rows have a face, regular frames from these. */
#include "face/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const ser_face_fields[] = {"land", "au", "pose", "blend"};

const char *const face_arkit[] = {"EyeBlinkLeft",
				  "EyeLookDownLeft",
				  "EyeLookInLeft",
				  "EyeLookOutLeft",
				  "EyeLookUpLeft",
				  "EyeSquintLeft",
				  "EyeWideLeft",
				  "EyeBlinkRight",
				  "EyeLookDownRight",
				  "EyeLookInRight",
				  "EyeLookOutRight",
				  "EyeLookUpRight",
				  "EyeSquintRight",
				  "EyeWideRight",
				  "JawForward",
				  "JawLeft",
				  "JawRight",
				  "JawOpen",
				  "MouthClose",
				  "MouthFunnel",
				  "MouthPucker",
				  "MouthLeft",
				  "MouthRight",
				  "MouthSmileLeft",
				  "MouthSmileRight",
				  "MouthFrownLeft",
				  "MouthFrownRight",
				  "MouthDimpleLeft",
				  "MouthDimpleRight",
				  "MouthStretchLeft",
				  "MouthStretchRight",
				  "MouthRollLower",
				  "MouthRollUpper",
				  "MouthShrugLower",
				  "MouthShrugUpper",
				  "MouthPressLeft",
				  "MouthPressRight",
				  "MouthLowerDownLeft",
				  "MouthLowerDownRight",
				  "MouthUpperUpLeft",
				  "MouthUpperUpRight",
				  "BrowDownLeft",
				  "BrowDownRight",
				  "BrowInnerUp",
				  "BrowOuterUpLeft",
				  "BrowOuterUpRight",
				  "CheekPuff",
				  "CheekSquintLeft",
				  "CheekSquintRight",
				  "NoseSneerLeft",
				  "NoseSneerRight",
				  "TongueOut",
				  "HeadYaw",
				  "HeadPitch",
				  "HeadRoll",
				  "LeftEyeYaw",
				  "LeftEyePitch",
				  "LeftEyeRoll",
				  "RightEyeYaw",
				  "RightEyePitch",
				  "RightEyeRoll",
				  NULL};
const char *const face_mediapipe[] = {"_neutral",
				      "browDownLeft",
				      "browDownRight",
				      "browInnerUp",
				      "browOuterUpLeft",
				      "browOuterUpRight",
				      "cheekPuff",
				      "cheekSquintLeft",
				      "cheekSquintRight",
				      "eyeBlinkLeft",
				      "eyeBlinkRight",
				      "eyeLookDownLeft",
				      "eyeLookDownRight",
				      "eyeLookInLeft",
				      "eyeLookInRight",
				      "eyeLookOutLeft",
				      "eyeLookOutRight",
				      "eyeLookUpLeft",
				      "eyeLookUpRight",
				      "eyeSquintLeft",
				      "eyeSquintRight",
				      "eyeWideLeft",
				      "eyeWideRight",
				      "jawForward",
				      "jawLeft",
				      "jawOpen",
				      "jawRight",
				      "mouthClose",
				      "mouthDimpleLeft",
				      "mouthDimpleRight",
				      "mouthFrownLeft",
				      "mouthFrownRight",
				      "mouthFunnel",
				      "mouthLeft",
				      "mouthLowerDownLeft",
				      "mouthLowerDownRight",
				      "mouthPressLeft",
				      "mouthPressRight",
				      "mouthPucker",
				      "mouthRight",
				      "mouthRollLower",
				      "mouthRollUpper",
				      "mouthShrugLower",
				      "mouthShrugUpper",
				      "mouthSmileLeft",
				      "mouthSmileRight",
				      "mouthStretchLeft",
				      "mouthStretchRight",
				      "mouthUpperUpLeft",
				      "mouthUpperUpRight",
				      "noseSneerLeft",
				      "noseSneerRight",
				      NULL};

struct ser_face_opt ser_face_opt_defaults(void)
{
	return (struct ser_face_opt){
		.confidence = 0.5, .gap_s = 0.2, .shift_s = 0.01, .face = -1, .max = (size_t)1 << 30};
}

/* ---- columns ---- */

enum clock { SECONDS, MILLISECONDS, TIMECODE, NUMBER };
struct layout {
	ptrdiff_t time, confidence, success, face;
	enum clock clock;
	double fps;
	size_t n; /* columns of all parts */
	struct {
		size_t n, n_dim, cap[2];
		size_t *col;       /* [n] of the table */
		const char **name; /* [n] what they are called */
	} part[SER_N_FACE_PART];
};

static void layout_free(struct layout *l)
{
	for (int p = 0; p < SER_N_FACE_PART; p++) {
		free(l->part[p].col);
		free(l->part[p].name);
	}
}

static void add(struct layout *l, enum ser_face_part p, size_t col, const char *name)
{
	size_t n = l->part[p].n++;
	l->part[p].col = ser_grow(l->part[p].col, &l->part[p].cap[0], n + 1, sizeof *l->part[p].col);
	l->part[p].name = ser_grow(l->part[p].name, &l->part[p].cap[1], n + 1, sizeof *l->part[p].name);
	l->part[p].col[n] = col;
	l->part[p].name[n] = name;
	l->n++;
}

/* Those of these columns that are there */
static int find_named(struct face_table *t, struct layout *l, enum ser_face_part p, const char *const *name,
		      struct ser_err *e)
{
	ptrdiff_t col;
	for (; *name != NULL; name++) {
		if (face_table_want(t, *name, &col, e) != 0)
			return e->code;
		if (col >= 0)
			add(l, p, (size_t)col, t->name[col]);
	}
	l->part[p].n_dim = 1;
	return 0;
}

/* Points AXIS_0 .. of all axes, as many as there are of the first; there are n_point, or, from as many on, other_point. */
static int find_points(struct face_table *t, struct layout *l, const char *axes, size_t n_point, size_t other_point,
		       struct ser_err *e)
{
	size_t n = 0;
	for (size_t i = 0; i < (n == 0 ? n_point : n); i++)
		for (const char *a = axes; *a != '\0'; a++) {
			char name[32];
			ptrdiff_t col, more;
			snprintf(name, sizeof name, "%c_%zu", *a, other_point);
			if (i == 0 && a == axes && other_point > 0) {
				if (face_table_want(t, name, &more, e) != 0)
					return e->code;
				n = more >= 0 ? n_point : other_point;
			}
			snprintf(name, sizeof name, "%c_%zu", *a, i);
			if (face_table_want(t, name, &col, e) != 0)
				return e->code;
			if (col < 0 && i == 0 && a == axes)
				return 0;
			if (col < 0)
				return ser_fail(e, SER_EDATA, "%s: has column \"%c_0\", but no \"%s\"", t->path, *axes,
						name);
			add(l, SER_FACE_LAND, (size_t)col, t->name[col]);
		}
	l->part[SER_FACE_LAND].n_dim = strlen(axes);
	return 0;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Columns AU01 .. or AU01_r .., called AU01 */
static int find_units(struct face_table *t, struct layout *l, const char *suffix, struct ser_arena *a,
		      struct ser_err *e)
{
	ptrdiff_t col;
	for (size_t i = 0; i < t->n_col; i++) {
		const char *s = t->name[i];
		if (strncmp(s, "AU", 2) != 0 || !digit(s[2]) || !digit(s[3]) || strcmp(s + 4, suffix) != 0)
			continue;
		if (face_table_want(t, s, &col, e) != 0)
			return e->code;
		add(l, SER_FACE_AU, (size_t)col, ser_arena_strndup(a, s, 4));
	}
	l->part[SER_FACE_AU].n_dim = 1;
	return 0;
}

/* OpenFace 3's eight units have no numbers in its tables. */
static int find_openface3(struct face_table *t, struct layout *l, bool wanted, struct ser_err *e)
{
	static const char *const stem[] = {"AU_", "au_", "AU", "au", NULL}, *const unit[] = {"AU01", "AU06", "AU12",
											     "AU15", "AU17", "AU02",
											     "AU09", "AU10"};
	ptrdiff_t col = -1;
	char name[16];
	size_t s = 0;
	for (; stem[s] != NULL && col < 0; s++) {
		snprintf(name, sizeof name, "%s0", stem[s]);
		if (face_table_want(t, name, &col, e) != 0)
			return e->code;
	}
	if (col < 0)
		return wanted ? ser_fail(e, SER_EDATA, "%s: has no units AU_0 to AU_7 of OpenFace 3", t->path) : 0;
	if (!wanted)
		return ser_fail(e, SER_EDATA,
				"%s: column \"%s\" does not say which action unit it is: --openface3 takes eight of "
				"them as OpenFace 3's",
				t->path, name);
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof name, "%s%d", stem[s - 1], i);
		if (face_table_want(t, name, &col, e) != 0)
			return e->code;
		if (col < 0)
			return ser_fail(e, SER_EDATA, "%s: no column \"%s\"", t->path, name);
		add(l, SER_FACE_AU, (size_t)col, unit[i]);
	}
	l->part[SER_FACE_AU].n_dim = 1;
	return 0;
}

static int find_clock(struct face_table *t, struct layout *l, double fps, struct ser_err *e)
{
	static const struct {
		const char *name;
		enum clock clock;
	} clocks[] = {{"timestamp", SECONDS},
		      {"timestamp_ms", MILLISECONDS},
		      {"Timecode", TIMECODE},
		      {"frame", NUMBER},
		      {"Frame", NUMBER}};
	l->time = -1;
	for (size_t i = 0; i < sizeof clocks / sizeof *clocks && l->time < 0; i++) {
		if (face_table_want(t, clocks[i].name, &l->time, e) != 0)
			return e->code;
		l->clock = clocks[i].clock;
	}
	if (l->time < 0)
		return ser_fail(e, SER_EDATA,
				"%s: no column \"timestamp\", \"timestamp_ms\", \"Timecode\" or \"frame\"", t->path);
	l->fps = fps > 0 ? fps : l->clock == TIMECODE ? 60 : 0;
	if (l->clock == NUMBER && !(l->fps > 0))
		return ser_fail(e, SER_EDATA,
				"%s: numbers its frames and tells no times: --fps says how many a second there are",
				t->path);
	return 0;
}

static int find(struct face_table *t, struct layout *l, enum ser_face_format format, const struct ser_face_opt *o,
		struct ser_arena *a, struct ser_err *e)
{
	static const char *const openface[] = {"pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz", NULL},
				 *const pyfeat[] = {"Pitch", "Roll", "Yaw", NULL};
	int rc = find_clock(t, l, o->fps, e);
	l->confidence = l->success = l->face = -1;
	if (rc == 0 && format == SER_FACE_OPENFACE) {
		rc = face_table_want(t, "confidence", &l->confidence, e);
		rc = rc == 0 ? face_table_want(t, "success", &l->success, e) : rc;
		rc = rc == 0 ? face_table_want(t, "face_id", &l->face, e) : rc;
		rc = rc == 0 ? find_points(t, l, o->space ? "XYZ" : "xy", 68, 0, e) : rc;
		rc = rc == 0 ? find_units(t, l, "_r", a, e) : rc;
		rc = rc == 0 ? find_openface3(t, l, o->openface3, e) : rc;
		rc = rc == 0 ? find_named(t, l, SER_FACE_POSE, openface, e) : rc;
	} else if (rc == 0 && format == SER_FACE_MEDIAPIPE) {
		rc = find_points(t, l, "xyz", 478, 468, e);
		rc = rc == 0 ? find_named(t, l, SER_FACE_BLEND, face_mediapipe, e) : rc;
	} else if (rc == 0 && format == SER_FACE_ARKIT) {
		rc = find_named(t, l, SER_FACE_BLEND, face_arkit, e);
	} else if (rc == 0) {
		rc = face_table_want(t, "FaceScore", &l->confidence, e);
		rc = rc == 0 ? find_points(t, l, "xy", 68, 0, e) : rc;
		rc = rc == 0 ? find_units(t, l, "", a, e) : rc;
		rc = rc == 0 ? find_named(t, l, SER_FACE_POSE, pyfeat, e) : rc;
	}
	if (rc == 0 && l->n == 0)
		rc = ser_fail(e, SER_EDATA,
			      "%s: has no column of landmarks, action units, pose or blendshapes of this format",
			      t->path);
	return rc;
}

/* ---- rows ---- */

struct rows {
	size_t n, cap_time, cap_good, cap_x;
	double *time;
	bool *good;
	float *x; /* [n, columns] */
};

/* HH:MM:SS:FF, frames with or without a fraction */
static int timecode(const struct face_table *t, size_t col, double fps, double *y, struct ser_err *e)
{
	int h, m, s, used = 0;
	double f;
	const char *text = t->cell[col];
	if (sscanf(text, "%2d:%2d:%2d:%n", &h, &m, &s, &used) != 3 || used == 0 || h < 0 || m < 0 || s < 0 ||
	    ser_parse_real(text + used, 0, 1000, &f, NULL) != 0)
		return ser_fail(e, SER_EDATA, "%s:%zu: \"%.40s\" is no time code HH:MM:SS:FF", t->path, t->line, text);
	*y = 3600.0 * h + 60.0 * m + s + f / fps;
	return 0;
}

static int time_of(const struct face_table *t, const struct layout *l, double *y, struct ser_err *e)
{
	size_t col = (size_t)l->time;
	if (l->clock == TIMECODE)
		return timecode(t, col, l->fps, y, e);
	if (face_table_number(t, col, y, e) != 0)
		return e->code;
	if (!(*y >= 0 && *y < 1e9))
		return ser_fail(e, SER_EDATA, "%s:%zu: \"%.40s\" is no time", t->path, t->line, t->cell[col]);
	*y = l->clock == MILLISECONDS ? *y / 1000 : l->clock == NUMBER ? *y / l->fps : *y;
	return 0;
}

/* Is this row of the face that is wanted? 1, 0, SER_EDATA; *first: the face of the first row */
static int of_face(const struct face_table *t, const struct layout *l, int64_t want, double *first, struct ser_err *e)
{
	double id;
	if (l->face < 0)
		return 1;
	if (face_table_number(t, (size_t)l->face, &id, e) != 0)
		return e->code;
	if (want >= 0)
		return id == (double)want;
	if (isnan(*first))
		*first = id;
	if (id == *first)
		return 1;
	return ser_fail(e, SER_EDATA, "%s:%zu: face %g beside face %g: --face says which", t->path, t->line, id,
			*first);
}

static int add_row(const struct face_table *t, const struct layout *l, const struct ser_face_opt *o, struct rows *r,
		   struct ser_err *e)
{
	double time, confidence = 1, success = 1, v;
	if (time_of(t, l, &time, e) != 0)
		return e->code;
	if (r->n > 0 && !(time > r->time[r->n - 1]))
		return ser_fail(e, SER_EDATA,
				"%s:%zu: %g s does not come after %g s: frames out of order, or several faces", t->path,
				t->line, time, r->time[r->n - 1]);
	if ((l->confidence >= 0 && face_table_number(t, (size_t)l->confidence, &confidence, e) != 0) ||
	    (l->success >= 0 && face_table_number(t, (size_t)l->success, &success, e) != 0))
		return e->code;
	size_t i = r->n++;
	r->time = ser_grow(r->time, &r->cap_time, i + 1, sizeof *r->time);
	r->good = ser_grow(r->good, &r->cap_good, i + 1, sizeof *r->good);
	r->x = ser_grow(r->x, &r->cap_x, ser_mul(i + 1, l->n), sizeof *r->x);
	r->time[i] = time;
	r->good[i] = success > 0 && confidence >= o->confidence;
	float *x = r->x + i * l->n;
	for (int p = 0; p < SER_N_FACE_PART; p++)
		for (size_t k = 0; k < l->part[p].n; k++) {
			if (face_table_number(t, l->part[p].col[k], &v, e) != 0)
				return e->code;
			r->good[i] = r->good[i] && isfinite(v);
			*x++ = (float)v;
		}
	return 0;
}

static int read_rows(struct face_table *t, const struct layout *l, const struct ser_face_opt *o, struct rows *r,
		     struct ser_err *e)
{
	double first = (double)NAN;
	bool any = false;
	int rc;
	while ((rc = face_table_next(t, e)) > 0) {
		rc = of_face(t, l, o->face, &first, e);
		if (rc < 0 || (rc > 0 && add_row(t, l, o, r, e) != 0))
			return e->code;
	}
	for (size_t i = 0; i < r->n; i++)
		any = any || r->good[i];
	if (rc < 0)
		return rc;
	double from = r->n > 0 && (l->clock == NUMBER || l->clock == TIMECODE) ? r->time[0]
									       : 0; /* they count from anywhere */
	for (size_t i = 0; i < r->n; i++)
		r->time[i] -= from;
	return any ? 0 : ser_fail(e, SER_EDATA, "%s: no frame with a face among %zu", t->path, r->n);
}

/* ---- regular frames ---- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The video's usual time from one frame to the next */
static double usual_step(const struct rows *r)
{
	if (r->n < 2)
		return 0;
	double *d = ser_malloc(r->n - 1, sizeof *d);
	for (size_t i = 1; i < r->n; i++)
		d[i - 1] = r->time[i] - r->time[i - 1];
	qsort(d, r->n - 1, sizeof *d, by_size);
	double y = d[(r->n - 1) / 2];
	free(d);
	return y;
}

/* Values at time g between the rows a and b with a face, either of which may be -1; whether they are known */
static int16_t between(const struct rows *r, const struct ser_face_opt *o, double step, double g, ptrdiff_t a,
		       ptrdiff_t b, size_t n, float *y)
{
	double ta = a >= 0 ? r->time[a] : -HUGE_VAL, tb = b >= 0 ? r->time[b] : HUGE_VAL, span = tb - ta;
	bool whole = b == a + 1 && a >= 0 && span <= 1.5 * step, known = whole || span <= o->gap_s;
	double w = known ? (g - ta) / span : g - ta <= tb - g ? 0 : 1;
	const float *xa = r->x + (size_t)(a >= 0 ? a : b) * n, *xb = r->x + (size_t)(b >= 0 ? b : a) * n;
	for (size_t k = 0; k < n; k++)
		y[k] = w <= 0 ? xa[k] : w >= 1 ? xb[k] : (float)((1 - w) * (double)xa[k] + w * (double)xb[k]);
	bool there = g - ta <= 1e-6 * o->shift_s || tb - g <= 1e-6 * o->shift_s;
	return whole || there ? 1 : known ? 0 : -1;
}

static int resample(struct ser_face *f, const struct layout *l, const struct rows *r, const struct ser_face_opt *o,
		    const char *path, struct ser_err *e)
{
	double n = floor(r->time[r->n - 1] / o->shift_s + 1e-6) + 1, step = usual_step(r);
	if (n * (double)l->n * sizeof(float) > (double)o->max)
		return ser_fail(e, SER_EDATA, "%s: %.0f frames of %zu values are more than %zu bytes", path, n, l->n,
				o->max);
	f->n = (size_t)n;
	f->shift_s = o->shift_s;
	f->seen = ser_arena_alloc(&f->arena, f->n, sizeof *f->seen);
	float *at[SER_N_FACE_PART], *row = ser_malloc(l->n, sizeof *row);
	for (int p = 0; p < SER_N_FACE_PART; p++)
		at[p] = f->part[p].x = ser_arena_alloc(&f->arena, ser_mul(f->n, l->part[p].n), sizeof *at[p]);
	ptrdiff_t a = -1, b = -1, rows = (ptrdiff_t)r->n;
	for (size_t i = 0; i < f->n; i++) {
		double g = (double)i * o->shift_s;
		while (b < rows && (b < 0 || !r->good[b] || r->time[b] < g)) { /* b: the first with a face from g on */
			a = b >= 0 && r->good[b] ? b : a;
			b++;
		}
		f->seen[i] = between(r, o, step, g, a, b < rows ? b : -1, l->n, row);
		const float *x = row;
		for (int p = 0; p < SER_N_FACE_PART; x += l->part[p++].n) {
			memcpy(at[p], x, l->part[p].n * sizeof *x);
			at[p] += l->part[p].n;
		}
	}
	free(row);
	return 0;
}

int ser_face_read(struct ser_face **out, const char *path, enum ser_face_format format, const struct ser_face_opt *o,
		  struct ser_err *e)
{
	struct face_table t;
	struct layout l = {.n = 0};
	struct rows r = {.n = 0};
	struct ser_face *f = ser_calloc(1, sizeof *f);
	int rc = face_table_open(&t, path, o->max, e);
	rc = rc == 0 ? find(&t, &l, format, o, &f->arena, e) : rc;
	rc = rc == 0 ? read_rows(&t, &l, o, &r, e) : rc;
	rc = rc == 0 ? resample(f, &l, &r, o, path, e) : rc;
	for (int p = 0; p < SER_N_FACE_PART && rc == 0; p++) {
		struct ser_face_columns *c = &f->part[p];
		c->n = l.part[p].n;
		c->n_dim = l.part[p].n_dim;
		c->name = ser_arena_calloc(&f->arena, c->n, sizeof *c->name);
		for (size_t k = 0; k < c->n; k++)
			c->name[k] = ser_arena_strndup(&f->arena, l.part[p].name[k], strlen(l.part[p].name[k]));
	}
	face_table_close(&t);
	layout_free(&l);
	free(r.time);
	free(r.good);
	free(r.x);
	*out = rc == 0 ? f : NULL;
	if (rc != 0)
		ser_face_free(f);
	return rc;
}

void ser_face_free(struct ser_face *f)
{
	if (f == NULL)
		return;
	ser_arena_free(&f->arena);
	free(f);
}

/* ---- records ---- */

void ser_face_record(const struct ser_face *f, struct ser_record *r)
{
	for (int p = 0; p < SER_N_FACE_PART; p++) {
		const struct ser_face_columns *c = &f->part[p];
		if (c->n == 0)
			continue;
		size_t points[3] = {f->n, c->n / c->n_dim, c->n_dim};
		ser_record_set(r, ser_face_fields[p], ser_f4(c->x, c->n_dim > 1 ? 3 : 2, points));
	}
	ser_record_set(r, "seen", ser_tensor(SER_I2, f->seen, 1, &f->n));
}

void ser_face_header(const struct ser_face *f, struct ser_header *h)
{
	static const char *const axes[] = {"frame", "point", "coordinate"};
	for (int p = 0; p <= SER_N_FACE_PART; p++) {
		const struct ser_face_columns *c = p < SER_N_FACE_PART ? &f->part[p] : NULL;
		if (c != NULL && c->n == 0)
			continue;
		struct ser_val *dim = ser_header_dim_add(h, c != NULL ? ser_face_fields[p] : "seen"),
			       list = ser_val_list(), columns = ser_val_list();
		ser_val_push(&h->arena, &list, ser_str(axes[0]));
		if (c != NULL && c->n_dim > 1)
			ser_val_push(&h->arena, &list, ser_str(axes[1]));
		if (c != NULL)
			ser_val_push(&h->arena, &list, ser_str(c->n_dim > 1 ? axes[2] : "value"));
		for (size_t k = 0; c != NULL && k < c->n; k++)
			ser_val_push(&h->arena, &columns, ser_str(c->name[k]));
		ser_val_set(&h->arena, dim, "axes", list);
		ser_val_set(&h->arena, dim, "shift_s", ser_real(f->shift_s));
		if (c != NULL)
			ser_val_set(&h->arena, dim, "columns", columns);
	}
}
