/* SPDX-License-Identifier: MIT */
/* Which columns of a table are a format's, by their names, as those who write such tables spell them. */
#include "face/private.h"

#include <stdio.h>
#include <string.h>
#include <stdlib.h>

/* Live Link Face's own order */
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
				  "JawRight",
				  "JawLeft",
				  "JawOpen",
				  "MouthClose",
				  "MouthFunnel",
				  "MouthPucker",
				  "MouthRight",
				  "MouthLeft",
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

void face_layout_free(struct face_layout *l)
{
	for (int p = 0; p < SER_N_FACE_PART; p++) {
		free(l->part[p].col);
		free(l->part[p].name);
	}
}

static void add(struct face_layout *l, enum ser_face_part p, size_t col, const char *name)
{
	size_t n = l->part[p].n++;
	l->part[p].col = ser_grow(l->part[p].col, &l->part[p].cap[0], n + 1, sizeof *l->part[p].col);
	l->part[p].name = ser_grow(l->part[p].name, &l->part[p].cap[1], n + 1, sizeof *l->part[p].name);
	l->part[p].col[n] = col;
	l->part[p].name[n] = name;
	l->n++;
}

/* Those of these columns that are there, whatever the case of their first letter */
static int find_named(struct face_table *t, struct face_layout *l, enum ser_face_part p, const char *const *name,
		      struct ser_err *e)
{
	ptrdiff_t col;
	for (; *name != NULL; name++) {
		char other[64];
		snprintf(other, sizeof other, "%c%s", **name ^ 0x20, *name + 1);
		if (face_table_want(t, *name, &col, e) != 0 || (col < 0 && face_table_want(t, other, &col, e) != 0))
			return e->code;
		if (col >= 0)
			add(l, p, (size_t)col, *name);
	}
	l->part[p].n_dim = 1;
	return 0;
}

/* ---- points ---- */

/* Coordinates as people call them: x_0, x0, landmark_0_x .. */
struct spelling {
	const char *head, *mid;
	bool number_first;
	const char *axes;
};
static const struct spelling spellings[] = {
	{"", "_", false, "xyz"},         {"", "", false, "xyz"},          {"", "_", true, "xyz"},
	{"landmark_", "_", true, "xyz"}, {"Landmark_", "_", true, "XYZ"}, {"landmark_", "_", false, "xyz"},
	{"landmark", "_", true, "xyz"},  {"lm_", "_", true, "xyz"},       {"lm", "_", true, "xyz"},
	{"point_", "_", true, "xyz"},    {"face_", "_", true, "xyz"},     {"mesh_", "_", false, "xyz"},
};

static int coordinate(struct face_table *t, const struct spelling *s, int axis, size_t i, ptrdiff_t *col,
		      char name[static 64], struct ser_err *e)
{
	if (s->number_first)
		snprintf(name, 64, "%s%zu%s%c", s->head, i, s->mid, s->axes[axis]);
	else
		snprintf(name, 64, "%s%c%s%zu", s->head, s->axes[axis], s->mid, i);
	return face_table_want(t, name, col, e);
}

/* n points, those of the table counted from `base` on; in the header they are x_0, y_0 .. of axes */
static int take_points(struct face_table *t, struct face_layout *l, const struct spelling *s, size_t base, size_t n,
		       int n_axis, const char *axes, struct ser_arena *a, struct ser_err *e)
{
	char first[64], name[64];
	ptrdiff_t col;
	if (coordinate(t, s, 0, base, &col, first, e) != 0)
		return e->code;
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < n_axis; k++) {
			if (coordinate(t, s, k, base + i, &col, name, e) != 0)
				return e->code;
			if (col < 0)
				return ser_fail(e, SER_EDATA, "%s: has column \"%s\", but no \"%s\"", t->path, first,
						name);
			char *own = ser_arena_alloc(a, 1, sizeof name);
			snprintf(own, sizeof name, "%c_%zu", axes[k], i);
			add(l, SER_FACE_LAND, (size_t)col, own);
		}
	l->part[SER_FACE_LAND].n_dim = (size_t)n_axis;
	return 0;
}

/* The 68 points of Multi-PIE; more of them are of another scheme, whose first 68 would be taken for these. */
static int find_68(struct face_table *t, struct face_layout *l, const char *axes, struct ser_arena *a,
		   struct ser_err *e)
{
	const struct spelling s = {"", "_", false, axes};
	char name[64];
	ptrdiff_t col, more;
	if (coordinate(t, &s, 0, 68, &more, name, e) != 0)
		return e->code;
	if (more >= 0)
		return ser_fail(e, SER_EDATA,
				"%s: column \"%s\": these are not the 68 points of Multi-PIE; 478 or 468 are read as "
				"MediaPipe's",
				t->path, name);
	if (coordinate(t, &s, 0, 0, &col, name, e) != 0)
		return e->code;
	return col < 0 ? 0 : take_points(t, l, &s, 0, 68, (int)strlen(axes), axes, a, e);
}

/* MediaPipe's 478 or, without the irises, 468, counted from 0 or 1, with or without z */
static int find_mesh(struct face_table *t, struct face_layout *l, struct ser_arena *a, struct ser_err *e)
{
	char name[64];
	ptrdiff_t col;
	for (size_t k = 0; k < sizeof spellings / sizeof *spellings; k++)
		for (size_t base = 0; base < 2; base++) {
			const struct spelling *s = &spellings[k];
			if (coordinate(t, s, 0, base, &col, name, e) != 0)
				return e->code;
			if (col < 0)
				continue;
			ptrdiff_t more, z;
			if (coordinate(t, s, 0, base + 468, &more, name, e) != 0 ||
			    coordinate(t, s, 2, base, &z, name, e) != 0)
				return e->code;
			return take_points(t, l, s, base, more >= 0 ? 478 : 468, z >= 0 ? 3 : 2, "xyz", a, e);
		}
	return 0;
}

/* ---- action units ---- */

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Columns AU01, AU1 or with a suffix, called AU01 */
static int find_units(struct face_table *t, struct face_layout *l, const char *suffix, struct ser_arena *a,
		      struct ser_err *e)
{
	ptrdiff_t col;
	for (size_t i = 0; i < t->n_col; i++) {
		const char *s = t->name[i];
		size_t n = strncmp(s, "AU", 2) != 0 || !digit(s[2]) ? 0 : digit(s[3]) ? 2 : 1;
		if (n == 0 || strcmp(s + 2 + n, suffix) != 0)
			continue;
		if (face_table_want(t, s, &col, e) != 0)
			return e->code;
		char *name = ser_arena_alloc(a, 1, 5);
		snprintf(name, 5, "AU%c%c", n == 2 ? s[2] : '0', s[1 + n]);
		add(l, SER_FACE_AU, (size_t)col, name);
	}
	l->part[SER_FACE_AU].n_dim = 1;
	return 0;
}

/* OpenFace 3 gives eight units without numbers; who writes them in columns counts them from 0, or as AU01_r to AU08_r, which they are not:
 * no tracker has a unit 3. Are they here? */
static int find_openface3(struct face_table *t, struct face_layout *l, bool wanted, bool *found, struct ser_err *e)
{
	static const struct {
		const char *head, *tail, *probe;
		int first;
	} way[] = {{"AU_", "", "AU_0", 0},
		   {"au_", "", "au_0", 0},
		   {"AU", "", "AU0", 0},
		   {"au", "", "au0", 0},
		   {"AU0", "_r", "AU03_r", 1}};
	static const char *const unit[] = {"AU01", "AU06", "AU12", "AU15", "AU17", "AU02", "AU09", "AU10"};
	ptrdiff_t col = -1;
	char name[16];
	size_t s = 0, n = sizeof way / sizeof *way;
	for (; s < n && col < 0; s++)
		if (face_table_want(t, way[s].probe, &col, e) != 0)
			return e->code;
	*found = col >= 0;
	if (col < 0)
		return wanted ? ser_fail(e, SER_EDATA, "%s: has no units AU_0 to AU_7 of OpenFace 3", t->path) : 0;
	if (!wanted)
		return ser_fail(e, SER_EDATA,
				"%s: column \"%s\" does not say which action unit it is: --openface3 takes eight of "
				"them as OpenFace 3's",
				t->path, way[s - 1].probe);
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof name, "%s%d%s", way[s - 1].head, way[s - 1].first + i, way[s - 1].tail);
		if (face_table_want(t, name, &col, e) != 0)
			return e->code;
		if (col < 0)
			return ser_fail(e, SER_EDATA, "%s: no column \"%s\"", t->path, name);
		add(l, SER_FACE_AU, (size_t)col, unit[i]);
	}
	l->part[SER_FACE_AU].n_dim = 1;
	return 0;
}

/* ---- formats ---- */

const char *const face_id_names[] = {"face_id", "face_idx", "face_index", "face", NULL};

static int find_clock(struct face_table *t, struct face_layout *l, double fps, struct ser_err *e)
{
	static const struct {
		const char *name;
		enum face_clock clock;
	} clocks[] = {{"timestamp", FACE_SECONDS},
		      {"timestamp_s", FACE_SECONDS},
		      {"time", FACE_SECONDS},
		      {"time_s", FACE_SECONDS},
		      {"timestamp_ms", FACE_MILLISECONDS},
		      {"time_ms", FACE_MILLISECONDS},
		      {"timestampMs", FACE_MILLISECONDS},
		      {"Timecode", FACE_TIMECODE},
		      {"frame", FACE_NUMBER},
		      {"Frame", FACE_NUMBER},
		      {"frame_idx", FACE_NUMBER},
		      {"frame_index", FACE_NUMBER},
		      {"frame_number", FACE_NUMBER},
		      {"frame_id", FACE_NUMBER}};
	l->time = -1;
	for (size_t i = 0; i < sizeof clocks / sizeof *clocks && l->time < 0; i++) {
		if (face_table_want(t, clocks[i].name, &l->time, e) != 0)
			return e->code;
		l->clock = clocks[i].clock;
	}
	if (l->time < 0)
		return ser_fail(e, SER_EDATA,
				"%s: no column \"timestamp\", \"timestamp_ms\", \"Timecode\" or \"frame\"", t->path);
	l->fps = fps > 0 ? fps : l->clock == FACE_TIMECODE ? 60 : 0;
	if (l->clock == FACE_NUMBER && !(l->fps > 0))
		return ser_fail(e, SER_EDATA,
				"%s: numbers its frames and tells no times: --fps says how many a second there are",
				t->path);
	return 0;
}

static int find_face(struct face_table *t, struct face_layout *l, struct ser_err *e)
{
	for (size_t i = 0; face_id_names[i] != NULL && l->face < 0; i++)
		if (face_table_want(t, face_id_names[i], &l->face, e) != 0)
			return e->code;
	return 0;
}

static int openface(struct face_table *t, struct face_layout *l, const struct ser_face_opt *o, struct ser_arena *a,
		    struct ser_err *e)
{
	static const char *const pose[] = {"pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz", NULL};
	bool nameless = false;
	int rc = face_table_want(t, "confidence", &l->confidence, e);
	rc = rc == 0 ? face_table_want(t, "success", &l->success, e) : rc;
	rc = rc == 0 ? find_face(t, l, e) : rc;
	rc = rc == 0 ? find_68(t, l, o->space ? "XYZ" : "xy", a, e) : rc;
	rc = rc == 0 ? find_openface3(t, l, o->openface3, &nameless, e) : rc;
	rc = rc == 0 && !nameless ? find_units(t, l, "_r", a, e) : rc;
	rc = rc == 0 && !nameless && l->part[SER_FACE_AU].n == 0 ? find_units(t, l, "", a, e) : rc;
	return rc == 0 ? find_named(t, l, SER_FACE_POSE, pose, e) : rc;
}

static int pyfeat(struct face_table *t, struct face_layout *l, struct ser_arena *a, struct ser_err *e)
{
	static const char *const pose[] = {"Pitch", "Roll", "Yaw", "X", "Y", "Z", NULL};
	int rc = face_table_want(t, "FaceScore", &l->confidence, e);
	rc = rc == 0 ? find_68(t, l, "xy", a, e) : rc;
	rc = rc == 0 ? find_units(t, l, "", a, e) : rc;
	return rc == 0 ? find_named(t, l, SER_FACE_POSE, pose, e) : rc;
}

int face_layout_find(struct face_layout *l, struct face_table *t, enum ser_face_format format,
		     const struct ser_face_opt *o, struct ser_arena *a, struct ser_err *e)
{
	*l = (struct face_layout){.confidence = -1, .success = -1, .face = -1};
	int rc = find_clock(t, l, o->fps, e);
	if (rc == 0 && format == SER_FACE_OPENFACE) {
		rc = openface(t, l, o, a, e);
	} else if (rc == 0 && format == SER_FACE_MEDIAPIPE) {
		rc = find_face(t, l, e);
		rc = rc == 0 ? find_mesh(t, l, a, e) : rc;
		rc = rc == 0 ? find_named(t, l, SER_FACE_BLEND, face_mediapipe, e) : rc;
	} else if (rc == 0 && format == SER_FACE_ARKIT) {
		rc = find_named(t, l, SER_FACE_BLEND, face_arkit, e);
	} else if (rc == 0) {
		rc = pyfeat(t, l, a, e);
	}
	if (rc == 0 && l->n == 0)
		rc = ser_fail(e, SER_EDATA,
			      "%s: has no column of landmarks, action units, pose or blendshapes of this format",
			      t->path);
	return rc;
}
