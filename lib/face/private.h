/* SPDX-License-Identifier: MIT */
/* Between the files of this module only. */
#ifndef SER_FACE_PRIVATE_H
#define SER_FACE_PRIVATE_H

#include "face/face.h"

/* Frames gathered from a file that has no row a frame: JSON, or a row a point. A frame has the columns that were known when it was made;
 * what it has not is missing. */
struct face_frames {
	struct ser_map *names; /* of columns */
	struct ser_arena arena;
	size_t n, cap, bytes;
	struct face_frame {
		size_t n;
		double *x; /* [n] NaN: missing */
	} * frame;
};

/* A table of numbers with a header row, separated by tabs, commas or semicolons, or frames gathered. Only cells of columns that were asked
 * for are read. */
struct face_table {
	const char *path;
	char *text; /* of the file, cut up as it is read */
	char *at, *end;
	char sep;
	size_t line; /* of the row read last; of frames gathered its number, from 1 */
	size_t n_col;
	const char **name; /* [n_col], without blanks and quotes around */
	struct ser_map *names;
	ptrdiff_t *first; /* the column of each of these names */
	bool *wanted;     /* [n_col] */
	char **cell;      /* [n_col] of the row read last; NULL where not wanted */
	size_t cap[4];
	struct face_frames *frames;
};
/* `face`: of several in JSON or a table of points this one, < 0: there is but one */
int face_table_open(struct face_table *t, const char *path, int64_t face, size_t max, struct ser_err *e);
void face_table_close(struct face_table *t);
/* The column of this name, whose cells are read from here on; -1: there is none. SER_EDATA: it is there twice. */
int face_table_want(struct face_table *t, const char *name, ptrdiff_t *col, struct ser_err *e);
/* 1, 0 at the end, SER_EDATA: a row of other width */
int face_table_next(struct face_table *t, struct ser_err *e);
/* A cell of the row as a number; NaN where it is empty or says so. SER_EDATA: it is none, or infinite. */
int face_table_number(const struct face_table *t, size_t col, double *x, struct ser_err *e);

/* Frames of MediaPipe's results as JSON: an array of them, an object with one, or one a line. A text that begins otherwise is none. */
bool face_is_json(const char *text);
int face_frames_json(struct face_frames *f, const char *path, const char *text, size_t n, int64_t face, size_t max,
		     struct ser_err *e);
/* Frames of a table with a row a point, in columns x, y, z and one that numbers it, or a row a blendshape, its name and score. */
bool face_is_long(const struct face_table *t);
int face_frames_long(struct face_frames *f, struct face_table *t, int64_t face, size_t max, struct ser_err *e);
void face_frames_free(struct face_frames *f);

/* ---- which columns a format has ---- */

enum face_clock { FACE_SECONDS, FACE_MILLISECONDS, FACE_TIMECODE, FACE_NUMBER };
struct face_layout {
	ptrdiff_t time, confidence, success, face; /* < 0: there is none */
	enum face_clock clock;
	double fps;
	size_t n; /* columns of all parts */
	struct {
		size_t n, n_dim, cap[2];
		size_t *col;       /* [n] of the table */
		const char **name; /* [n] what they are called */
	} part[SER_N_FACE_PART];
};
/* Names live as long as a. SER_EDATA: columns lack, are there twice, or are of another scheme. */
int face_layout_find(struct face_layout *l, struct face_table *t, enum ser_face_format format,
		     const struct ser_face_opt *o, struct ser_arena *a, struct ser_err *e);
void face_layout_free(struct face_layout *l);

extern const char *const face_id_names[];  /* of columns that number the faces of a frame, NULL at the end */
extern const char *const face_arkit[];     /* Live Link Face's columns, NULL at the end */
extern const char *const face_mediapipe[]; /* MediaPipe's 52 blendshapes */

#endif
