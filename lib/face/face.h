/* SPDX-License-Identifier: MIT */
/* face: what trackers say of a face in a video, frame by frame, from their tables and back to tables. A track has regular frames,
 * laid out by the tables' times; landmarks of 68 points are those of Multi-PIE (jaw 0 to 16, brows 17 to 26, nose 27 to 35, eyes 36 to
 * 47, mouth 48 to 67). Nothing here opens a stream, prints or exits. */
#ifndef SER_FACE_H
#define SER_FACE_H

#include "base/base.h"
#include "stream/stream.h"

/* ---- tracks from tables --------------------------------------------------------------------- */

enum ser_face_format {
	SER_FACE_OPENFACE, /* OpenFace 2, and tables cleaned from its own: times in seconds, success, confidence */
	SER_FACE_MEDIAPIPE, /* x_0 to z_477 in several spellings, a row a point, or JSON; blendshapes by name; `timestamp` in s, `timestamp_ms`,
			     * or frames */
	SER_FACE_ARKIT, /* Live Link Face: time code, blendshapes, rotations of head and eyes */
	SER_FACE_PYFEAT /* Py-Feat: frames, FaceScore, x_0 to y_67, action units */
};

struct ser_face_opt {
	double confidence; /* [0,1] a frame of less counts as one without a face */
	double gap_s;      /* >= 0 what is missing for no longer than this is interpolated */
	double shift_s;    /* > 0 from one frame of the track to the next */
	double fps;   /* > 0 frames a second of a video whose table says no seconds (time codes, numbers of frames) */
	int64_t face; /* of several faces this one; < 0: there is but one */
	/* > 0: MediaPipe's picture has these pixels, and landmarks are in them; 0: they are shares of both, depths of the width */
	double width, height;
	bool space; /* OpenFace's landmarks in mm and three dimensions, X_0 .., instead of pixels */
	bool openface3; /* eight action units without numbers are those of OpenFace 3, in the order in which others found them */
	size_t max; /* bytes of a table and of a track */
};
struct ser_face_opt ser_face_opt_defaults(void);

enum ser_face_part { SER_FACE_LAND, SER_FACE_AU, SER_FACE_POSE, SER_FACE_BLEND, SER_N_FACE_PART };
extern const char *const ser_face_fields[]; /* "land", "au", "pose", "blend", by part */

/* Frame i is at i * shift_s of the video. Between two frames of the video values are interpolated linearly. */
struct ser_face {
	struct ser_arena arena; /* owns what follows */
	size_t n;
	double shift_s;
	int16_t *
		seen; /* [n] 1: tracked; 0: within a gap that was interpolated; -1: not known, values are the nearest known ones */
	struct ser_face_columns {
		size_t n,
			n_dim; /* columns; dimensions of a point, 1 where they are no points; n 0: the table has no such part */
		const char **name; /* [n] "x_0", "y_0", "x_1" ..; "AU01"; as the table has it */
		float *x;          /* [track's n, n] */
	} part[SER_N_FACE_PART];
};
/* SER_EIO; SER_EDATA, naming file and line: no table of this format, columns that are missing or there twice, a cell that is no number,
 * times that do not rise, several faces where none was chosen, no frame with a face; bytes beyond o->max. */
int ser_face_read(struct ser_face **out, const char *path, enum ser_face_format format, const struct ser_face_opt *o,
		  struct ser_err *e);
void ser_face_free(struct ser_face *f); /* NULL: nothing */

/* A track as tensors land [T,68,2], au [T,17] .. and seen [T] of a record, which borrows them; what the header says of them. */
void ser_face_record(const struct ser_face *f, struct ser_record *r);
void ser_face_header(const struct ser_face *f, struct ser_header *h);

/* ---- shape: without the head's motion ------------------------------------------------------- */

/* Rotate, move and scale each frame of x [n, n_point, n_dim] (2 or 3 dimensions; 68 points, or MediaPipe's 468 or 478) into y:
 * centroids to 0, the distance between the outer corners of the eyes to 1, and turned, without a reflection, as near as can be in
 * the least squares to the mean face (Procrustes; Horn 1987), whose eyes are level. x and y may be one. SER_EDATA: another number of
 * points; eyes that coincide. */
int ser_face_align(size_t n, size_t n_point, size_t n_dim, const float *x, float *y, struct ser_err *e);
/* The same of a record's tensor x [s[0], s[1], s[2]], which messages call `field`, into the record's arena. */
int ser_face_align_record(struct ser_record *r, const char *field, const size_t s[static 3], const float *x, float **y,
			  struct ser_err *e);
/* Which of a record's n frames are known, 1, or not, -1: those where its tensor `field` [n] is not below 0. NULL, all are, when there is no
 * such tensor. *seen [n] is in the record's arena. SER_EDATA: a tensor of another shape. */
int ser_face_seen(struct ser_record *r, const char *field, size_t n, const int16_t **seen, struct ser_err *e);
/* Mean speed of points [n, n_point, n_dim] over neighbouring frames that are both known: inter-ocular distances a second. NaN: there are no
 * two such. seen may be NULL: all are known. */
double ser_face_speed(size_t n, size_t n_point, size_t n_dim, const float *x, const int16_t *seen, double shift_s);

/* ---- emotions of action units --------------------------------------------------------------- */

/* Which units together stand for which emotion: lines of its name and numbers of units, "happiness 6 12"; an emotion may have several, and
 * "#" begins a comment. */
struct ser_face_units;
extern const char ser_face_emfacs[]; /* the prototypes of EMFACS (Ekman and Friesen 1983) */
/* For tracks whose units are these columns, "AU06". `name` is for messages: SER_EDATA, with the line; a unit that no column is. */
int ser_face_units_new(struct ser_face_units **out, const char *text, const char *name, const char *const *column,
		       size_t n_column, struct ser_err *e);
/* The same for the units that a header's "columns" of tensor `field` name. SER_EDATA: it has none. */
int ser_face_units_of(struct ser_face_units **out, const char *text, const char *name, const struct ser_header *h,
		      const char *field, struct ser_err *e);
void ser_face_units_free(struct ser_face_units *u);
size_t ser_face_units_width(const struct ser_face_units *u); /* n_column */
/* Each known frame of au [n, n_column] votes for the emotion all of whose units are at least `least`, the one of most units, the first of
 * equals; the emotion of most votes, the first of equals, is the track's, if these are at least `share` of the known frames; else NULL. */
const char *ser_face_emotion(const struct ser_face_units *u, size_t n, const float *au, const int16_t *seen,
			     double least, double share);

/* ---- visemes of phones ----------------------------------------------------------------------- */

enum ser_phone_format {
	SER_PHONES_TEXTGRID, /* Praat's, long or short: the interval tier of a name */
	SER_PHONES_CTM,      /* lines of utterance, channel, begin, duration, phone */
	SER_PHONES_LABLAUT   /* EmoDB's: behind a line "#" lines of end, -1, symbol and marks */
};
extern const char *const ser_phone_formats[]; /* "textgrid", "ctm", "lablaut", NULL */
struct ser_phone {
	double begin_s, end_s;
	const char *symbol;
};
/* The phones of one utterance, from the bytes of a file: of a CTM those of this id, of a TextGrid those of the tier. Allocated in a.
 * *n 0: a CTM without the id. SER_EDATA, naming file and line, when the bytes are no such file. */
int ser_phones_parse(enum ser_phone_format format, const char *text, size_t size, const char *file, const char *id,
		     const char *tier, struct ser_arena *a, struct ser_phone **out, size_t *n, struct ser_err *e);

/* Phones of records: of one CTM file, read here, or of a folder's files ID.TextGrid, ID.textgrid, ID.lablaut or, EmoDB's,
 * IDxx.lablaut. path and tier are borrowed; a file has at most `max` bytes. */
struct ser_phone_files;
int ser_phone_files_open(struct ser_phone_files **out, const char *path, enum ser_phone_format format, const char *tier,
			 size_t max, struct ser_err *e);
void ser_phone_files_free(struct ser_phone_files *f); /* NULL: nothing */
/* Those of a record, by its id, in its arena. SER_EDATA: there are none; an id that is no name for a file; ser_phones_parse()'s. */
int ser_phone_files_read(const struct ser_phone_files *f, struct ser_record *r, struct ser_phone **out, size_t *n,
			 struct ser_err *e);

enum ser_alphabet { SER_ARPABET, SER_SAMPA };
extern const char *const ser_alphabets[];   /* "arpabet", "sampa" (German, EmoDB's variety too), NULL */
extern const char *const ser_viseme_sets[]; /* "oculus" (15), "mpeg4" (15), "jali" (20, and silence), NULL */
struct ser_visemes;
/* One of the sets by its number; or lines of a viseme and its phones, the first that of silence. */
int ser_visemes_new(struct ser_visemes **out, int set, enum ser_alphabet alphabet, struct ser_err *e);
int ser_visemes_from(struct ser_visemes **out, const char *text, const char *name, struct ser_err *e);
void ser_visemes_free(struct ser_visemes *v);
size_t ser_visemes_count(const struct ser_visemes *v);
const char *ser_visemes_name(const struct ser_visemes *v, size_t i);
/* The viseme of a phone, as it is or without its marks of stress, length, release and aspiration; -1: none is known. */
int ser_viseme(const struct ser_visemes *v, const char *symbol);
/* Of frames shift_s apart, each that of the phone in its middle: y [n_frame]; -1: none. p [n] in the order of time. */
void ser_visemes_frames(const struct ser_visemes *v, const struct ser_phone *p, size_t n, size_t n_frame,
			double shift_s, int16_t *y);
/* What a header says of such a tensor `name` beside tensor `field`, whose shift_s it has. SER_EDATA: none is given. */
int ser_visemes_header(const struct ser_visemes *v, struct ser_header *h, const char *field, const char *name,
		       struct ser_err *e);

/* ---- tables from tracks --------------------------------------------------------------------- */

enum ser_face_table { SER_FACE_TO_CSV, SER_FACE_TO_OPENFACE, SER_FACE_TO_ARKIT };
extern const char *const ser_face_tables[]; /* "csv", "openface", "arkit", NULL */
/* Write x [n, d], its columns by name, frames shift_s apart. csv: time and columns. openface: number, time, confidence 1 and success
 * 1 before these, units as AU01_r. arkit: frames fps a second by linear interpolation, Live Link's 61 columns, those that are not
 * there as 0. SER_EDATA: a column that arkit does not know. Failed writes are the caller's to see (ferror). */
int ser_face_write(FILE *f, enum ser_face_table how, size_t n, size_t d, const char *const *name, double shift_s,
		   double fps, const float *x, struct ser_err *e);

#endif
