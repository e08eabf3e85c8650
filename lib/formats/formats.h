/* SPDX-License-Identifier: MIT */
/* formats: records to and from the files of other systems. What each format holds, and what is lost in it, is
 * ser-formats(5). Nothing here prints or exits. */
#ifndef SER_FORMATS_H
#define SER_FORMATS_H

#include "base/base.h"
#include "stream/stream.h"

/* The formats' names, NULL-terminated: [0] is "ser", the stream itself, which is none of this module's. A format is
 * given by its index here. */
extern const char *const ser_format_names[];
const char *ser_format_help(int format); /* one line */
bool ser_format_is_text(int format);

/* What a format needs to know beyond the records. All zero is the default of everything. */
struct ser_format_opt {
	const char
		*tensor; /* writing: the tensor meant; NULL: the record's only one. Reading: its name; NULL: "feat" */
	const char *const
		*label; /* tables: the labels meant, n_label of them; NULL: all. svmlight: [0] is the target */
	size_t n_label;
	bool stack;           /* npy: one array whose first axis is the records */
	bool no_id;           /* csv, arff, writing: without ids; reading these and openSMILE's: records are numbered */
	const char *ids;      /* npy stacked: the ids, one a line, in this file */
	const char *scp;      /* ark, writing: Kaldi's index of the archive goes to this file */
	const char *htk_kind; /* htk, writing: "MFCC_D_A"; NULL: what the header says, or "USER" */
	double shift_s; /* htk, openSMILE's, writing: seconds from frame to frame where the header does not say; 0: not known */
	size_t max_record; /* bytes of a record, a line, a member; 0: SER_MAX_RECORD */
};

/* Options for reading one format and writing another, either of which may be 0. SER_EUSAGE, naming the option, when
 * neither has a use for it. */
int ser_format_check(int from, int to, const struct ser_format_opt *o, struct ser_err *e);

/* ---- reading -------------------------------------------------------------------------------- */

struct ser_import;
/* Read n files, one after another; n == 0, or "-": standard input. Of npy and htk, a directory stands for the files in
 * it, in the order of their names. Everything given is borrowed. Opens nothing yet. */
struct ser_import *ser_import_new(int format, const struct ser_format_opt *o, const char *const *path, size_t n);
/* The same over one open file, which the caller closes after ser_import_free(). */
struct ser_import *ser_import_file(int format, const struct ser_format_opt *o, FILE *f, const char *name);
/* The next record: 1, its strings and tensors valid until the next call; 0 at the end; <0: SER_EDATA or SER_EIO with
 * file and line or byte. An id that came before is an error. *segment (may be NULL): the header is unlike the last. */
int ser_import_next(struct ser_import *im, struct ser_record *r, bool *segment, struct ser_err *e);
/* What is known of the records: of the first after ser_import_next(), borrowed until the next call. */
const struct ser_header *ser_import_header(const struct ser_import *im);
void ser_import_free(struct ser_import *im);

/* ---- writing -------------------------------------------------------------------------------- */

struct ser_export;
/* Write to a file, to standard output (NULL), or to a directory (htk, npy not stacked), which must not exist or be
 * empty. Files and directories get their names when they are whole. NULL and *e on failure. */
struct ser_export *ser_export_new(int format, const struct ser_format_opt *o, const char *path, struct ser_err *e);
/* The header of the records that come now; copied. */
int ser_export_header(struct ser_export *ex, const struct ser_header *h, struct ser_err *e);
/* SER_EDATA, naming the record, when the format cannot hold what is meant to be in it. */
int ser_export_record(struct ser_export *ex, const struct ser_record *r, struct ser_err *e);
int ser_export_flush(struct ser_export *ex, struct ser_err *e);
/* What comes last is written, files get their names. */
int ser_export_end(struct ser_export *ex, struct ser_err *e);
/* Without ser_export_end(), what was written is removed. */
void ser_export_free(struct ser_export *ex);

/* ---- what a file is ------------------------------------------------------------------------- */

/* By its content, not by its name, and without a promise that it is whole. */
enum ser_guess {
	SER_GUESS_NONE,   /* a stream, no regular file, or nothing known */
	SER_GUESS_MODEL,  /* a model of ser-train */
	SER_GUESS_OTHER,  /* something else that tools here write or read */
	SER_GUESS_BROKEN, /* safetensors with a fault, which *e tells */
};
/* What the file of this name is and who reads it, added to *b: "a manifest of 144 rows, columns id path: ser-fold reads it". */
enum ser_guess ser_guess(const char *path, struct ser_buf *b, struct ser_err *e);

#endif
