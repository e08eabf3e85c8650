/* SPDX-License-Identifier: MIT */
/* Between the files of this module only. */
#ifndef SER_FORMATS_PRIVATE_H
#define SER_FORMATS_PRIVATE_H

#include "formats/formats.h"

enum {
	MAX_KEY = 4096,        /* bytes of an id in a format that has no bound of its own */
	MAX_COLUMN = 1 << 20,  /* columns of a table, its tensor's elements counted */
	MAX_CLASS = 1 << 16,   /* classes in a table's head */
	MAX_NPY_HEAD = 1 << 16 /* bytes of an array's description */
};

/* ---- a file being read ---- */

struct source {
	FILE *f;
	const char *name;
	uint64_t at;   /* bytes taken */
	uint64_t line; /* of the line read last, from 1 */
	bool own_end;  /* the format says by itself where it ends: its last line need not */
	struct ser_buf text;
};
int ser_src_getc(struct source *s); /* EOF at the end and on errors: see ser_src_bad() */
int ser_src_peek(struct source *s);
/* SER_EIO when reading failed, else 0. */
int ser_src_bad(struct source *s, struct ser_err *e);
/* Exactly n bytes; SER_EDATA "cut off" when there are fewer. */
int ser_src_get(struct source *s, void *p, size_t n, struct ser_err *e);
/* The same, appended to b, whose memory grows with what really comes. */
int ser_src_append(struct source *s, struct ser_buf *b, size_t n, struct ser_err *e);
/* The next line into s->text, without its end (LF, CR LF), the first without a byte order mark: 1, 0, or <0: longer than max bytes,
 * NUL, not UTF-8, or cut off before its end. */
int ser_src_line(struct source *s, size_t max, struct ser_err *e);
/* The last line or row has no end. Returns SER_EDATA. */
int ser_line_cut(struct source *s, struct ser_err *e);
/* "name: byte 17: text" and "name:3: text". Return SER_EDATA. */
int ser_src_fail(struct source *s, struct ser_err *e, const char *fmt, ...) SER_PRINTF(3, 4);
int ser_line_fail(struct source *s, struct ser_err *e, const char *fmt, ...) SER_PRINTF(3, 4);

/* ---- numbers as text ---- */

/* The shortest text that reads back as the same element; nan, inf, -inf. */
void ser_put_element(struct ser_buf *b, const struct ser_tensor *t, size_t i);
/* n bytes, the whole of them, as a number in decimal; nan, inf, infinity with a sign too. */
bool ser_text_real(const char *s, size_t n, double *x);
bool ser_text_f4(const char *s, size_t n, float *x);
bool ser_text_int(const char *s, size_t n, int64_t *i);

/* ---- formats ---- */

enum {
	FORMAT_TEXT = 1,
	FORMAT_DIR = 2, /* one file a record */
	FORMAT_BARE = 4 /* records and nothing else: a file without any is none of this format */
};

struct ser_format {
	const char *name, *help;
	unsigned flags;
	const char *suffix; /* of the files of a directory */
	/* Reading one file: begin (may be NULL), next until it gives no more, end (may be NULL; after errors too). */
	int (*begin)(struct ser_import *im, struct ser_err *e);
	int (*next)(struct ser_import *im, struct ser_record *r, struct ser_err *e);
	void (*end)(struct ser_import *im);
	/* Writing: start (may be NULL), put, finish (may be NULL), drop (may be NULL; always called). */
	int (*start)(struct ser_export *ex, struct ser_err *e);
	int (*put)(struct ser_export *ex, const struct ser_record *r, struct ser_err *e);
	int (*finish)(struct ser_export *ex, struct ser_err *e);
	void (*drop)(struct ser_export *ex);
};
extern const struct ser_format ser_format_npy, ser_format_npz, ser_format_ark, ser_format_ark_t, ser_format_scp,
	ser_format_htk, ser_format_arff, ser_format_opensmile_arff, ser_format_csv, ser_format_opensmile_csv,
	ser_format_svmlight, ser_format_json;

struct ser_import {
	const struct ser_format *fmt;
	struct ser_format_opt o; /* tensor and max_record set */
	char **path;             /* of files still to be opened, from `next` */
	size_t n_path, next;
	struct source in;
	bool open, lent;   /* a file is open; it is the caller's */
	bool tensor_given; /* o.tensor is the caller's */
	size_t before;     /* records of the files before it */
	struct ser_header header, last;
	bool begun;
	struct ser_map *ids;
	void *state; /* the format's, of the file at hand */
};
/* The file's name without directory and suffix: the id of a format without ids. */
void ser_import_stem(const struct ser_import *im, struct ser_record *r);
/* Sets the id; SER_EDATA when it is empty, too long or not UTF-8. */
int ser_import_id(struct ser_import *im, struct ser_record *r, const char *s, size_t n, struct ser_err *e);
/* Whether a string may name a field other than the id. */
bool ser_field_name_ok(const char *s, size_t n);

struct ser_export {
	const struct ser_format *fmt;
	struct ser_format_opt o;
	const char *path;
	FILE *f; /* standard output, the file, or the file of the record at hand */
	const char *name;
	struct ser_outfile file, side; /* side: what goes with the file, an index or the ids */
	struct ser_outdir dir;
	struct ser_header header;
	uint64_t n;
	void *state;
};
/* The tensor meant; NULL with *e when there is none or more than one. */
const struct ser_tensor *ser_export_tensor(const struct ser_export *ex, const struct ser_record *r, struct ser_err *e);
/* The name of the record's only tensor, or of that asked for; "" when it has none. SER_EDATA when it has several. */
int ser_export_tensor_name(const struct ser_export *ex, const struct ser_record *r, char name[static SER_MAX_NAME + 1],
			   struct ser_err *e);
/* ex->f becomes the directory's file of this record; _close sees whether it was written. */
int ser_export_open(struct ser_export *ex, const struct ser_record *r, struct ser_err *e);
int ser_export_close(struct ser_export *ex, struct ser_err *e);
int ser_export_bytes(struct ser_export *ex, FILE *f, const void *p, size_t n, struct ser_err *e);

/* ---- arrays of NumPy ---- */

struct npy {
	char kind;   /* f i u b U S */
	size_t size; /* bytes of an element */
	bool swap, fortran;
	int ndim;
	size_t shape[SER_MAX_AXES + 1];
	size_t n; /* elements */
};
/* Parse the text of a description. SER_EDATA with a sentence that names no place. */
int ser_npy_head(const char *s, size_t n, struct npy *a, struct ser_err *e);
/* The element type that holds an array's numbers; false for strings. */
bool ser_npy_dtype(const struct npy *a, enum ser_dtype *t);
/* n elements in file order to those of the type above; in place when it has the same size. */
int ser_npy_convert(const struct npy *a, const char *from, size_t n, char *to, struct ser_err *e);
/* From the order of Fortran to that of C; elements of `size` bytes. */
void ser_npy_to_c(int ndim, const size_t *shape, size_t size, const char *from, char *to);
/* The file's beginning up to the elements: magic, version 1.0, description. */
void ser_npy_put_head(struct ser_buf *b, const char *descr, int ndim, const size_t *shape);
/* The bytes of a whole file p[0..n) up to its elements; *at is where they begin. */
int ser_npy_parse(const char *p, size_t n, struct npy *a, size_t *at, struct ser_err *e);

/* ---- tables: what CSV and ARFF share ---- */

struct cell {
	const char *s;
	size_t n;
	bool quoted; /* so it is text, whatever it looks like */
};

/* Writing: columns are id, labels, frame (for a tensor of two axes), the tensor's elements. */
struct table_out {
	bool ready, no_id;
	char **label; /* of the first record */
	size_t n_label;
	struct ser_map *known;         /* the same labels */
	char tensor[SER_MAX_NAME + 1]; /* "": none */
	int ndim;
	size_t width;   /* elements of a row */
	char **column;  /* their names */
	bool named;     /* by the header, not NAME.0 NAME.1 ... */
	double shift_s; /* from frame to frame, of openSMILE's tables */
};
/* Fixes the columns by the first record; checks that later ones have no more. */
int ser_table_layout(struct table_out *t, const struct ser_export *ex, const struct ser_record *r, struct ser_err *e);
void ser_table_out_free(struct table_out *t);
/* openSMILE's tables: sets shift_s, checks that the record has a tensor. SER_EDATA: that is not known, or there is none. */
int ser_table_shift(struct table_out *t, const struct ser_export *ex, const struct ser_record *r, struct ser_err *e);

/* Reading: the cells of the row at hand, in one buffer. */
struct row {
	struct ser_buf text;
	struct cell *cell; /* [n]; s is set by ser_row_done() */
	size_t *from;      /* [n] where in the text they begin */
	size_t n, cap[2];
};
void ser_row_clear(struct row *w);
/* What was appended to the text from `from` on is a cell. SER_EDATA: there are too many. */
int ser_row_add(struct row *w, struct source *s, size_t from, bool quoted, struct ser_err *e);
void ser_row_done(struct row *w);
void ser_row_free(struct row *w);

/* Reading: what each column is. */
struct table_in {
	size_t n_col, width;
	ptrdiff_t id, frame; /* columns, or -1 */
	ptrdiff_t key, time; /* of openSMILE's tables: rows of one name at rising times are one record; or -1 */
	char **name;
	bool *is_label, *is_key; /* is_key: of time or key */
	size_t *element;         /* of the columns that are the tensor's */
	char tensor[SER_MAX_NAME + 1];
	struct ser_buf data, first, of; /* elements so far; of the first frame the labels, and what says whose it is */
	size_t n_frame;
	int ndim;             /* of the tensors; 0: the first record will tell */
	double at_s, shift_s; /* where a frame was; from frame to frame */
	bool have;            /* the row at hand belongs to the next record */
};
/* What is known of the columns besides their names. */
struct table_hint {
	bool smile;          /* openSMILE's: name, frameIndex and frameTime come first */
	const bool *is_text; /* [n] no numbers; NULL: not known */
	const char *
		tensor; /* whoever wrote the table says that these are its elements: columns from ... to-1; NULL: does not */
	size_t from, to;
};
/* The names of the columns, copied; o->label says which are labels. */
int ser_table_in(struct table_in *t, struct ser_import *im, const struct cell *name, size_t n,
		 const struct table_hint *hint, struct ser_err *e);
/* The next record into r, from as many rows as it has frames: 1, 0 at the end, <0. `read` fetches a row into w, `label` turns a
 * cell to a value; both get ctx. */
struct table_format {
	int (*read)(struct ser_import *im, void *ctx, struct ser_err *e); /* 1, 0 at the end, <0 */
	struct ser_val (*label)(void *ctx, size_t col, const struct cell *c);
};
int ser_table_next(struct table_in *t, struct ser_import *im, const struct table_format *f, void *ctx, struct row *w,
		   struct ser_record *r, struct ser_err *e);
void ser_table_in_free(struct table_in *t);

#endif
