/* SPDX-License-Identifier: MIT */
/* Between the files of this module only. */
#ifndef SER_FACE_PRIVATE_H
#define SER_FACE_PRIVATE_H

#include "face/face.h"

/* A table of numbers, separated by commas or semicolons, with a header row. Only cells of columns that were asked for are read. */
struct face_table {
	const char *path;
	char *text; /* of the file, cut up as it is read */
	char *at, *end;
	char sep;
	size_t line; /* of the row read last */
	size_t n_col;
	const char **name; /* [n_col], without blanks and quotes around */
	struct ser_map *names;
	ptrdiff_t *first; /* the column of each of these names */
	bool *wanted;     /* [n_col] */
	char **cell;      /* [n_col] of the row read last; NULL where not wanted */
};
int face_table_open(struct face_table *t, const char *path, size_t max, struct ser_err *e);
void face_table_close(struct face_table *t);
/* The column of this name, whose cells are read from here on; -1: there is none. SER_EDATA: it is there twice. */
int face_table_want(struct face_table *t, const char *name, ptrdiff_t *col, struct ser_err *e);
/* 1, 0 at the end, SER_EDATA: a row of other width */
int face_table_next(struct face_table *t, struct ser_err *e);
/* A cell of the row as a number; NaN where it is empty or says so. SER_EDATA: it is none, or infinite. */
int face_table_number(const struct face_table *t, size_t col, double *x, struct ser_err *e);

extern const char *const face_arkit[];     /* Live Link Face's columns, NULL at the end */
extern const char *const face_mediapipe[]; /* MediaPipe's 52 blendshapes */

#endif
