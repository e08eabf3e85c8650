/* SPDX-License-Identifier: MIT */
/* corpus: what its own files share. */
#ifndef SER_CORPUS_PRIVATE_H
#define SER_CORPUS_PRIVATE_H

#include "corpus/corpus.h"

#include <jansson.h>

/* The descriptions compiled in, made from desc/ by the Makefile; ends with a NULL name. */
struct builtin {
	const char *name, *text;
};
extern const struct builtin ser_corpus_builtins[];
extern const char *const ser_corpus_folds[]; /* "cremad:speakers"; ends with NULL */

/* A file-name pattern or a template: literal text and fields, in order. */
struct part {
	const char *lit; /* NULL: a field */
	size_t field;    /* in ser_corpus.field; NO_FIELD: a nameless run of anything */
	char cls;        /* '#' digits, '@' letters, '\0' anything but '/' */
	size_t width;    /* 0: one character or more, as few as fit */
};
struct parts {
	struct part *part;
	size_t n, n_slash; /* slashes of its literals */
};
#define NO_FIELD SIZE_MAX

struct pair {
	const char *key, *value;
};
struct pairs {
	struct pair *pair;
	size_t n, cap;
};

enum step_kind { STEP_SET, STEP_MAP, STEP_TABLE, STEP_JOIN };
struct step {
	enum step_kind kind;
	bool optional;      /* a key or a table that is not there is no error */
	size_t field, from; /* set, map: what is made; map: of what */
	struct parts tmpl;  /* set: the value; table: the key */
	struct parts path;  /* table: the file */
	const char *format, *key_col;
	struct pairs pairs; /* map: from=to; join: field=column */
	size_t line;
};

struct named {
	const char *name;
	size_t field;
	struct pairs pairs;
};

enum total_kind { TOTAL_FILES, TOTAL_DISTINCT, TOTAL_COUNT, TOTAL_COUNT_IN };
struct total {
	enum total_kind kind;
	const char *name;   /* the field, or the label set of count-in */
	struct pairs pairs; /* value=number; files and distinct: one pair without key */
};

struct ser_corpus {
	struct ser_arena mem;
	const char *name;      /* for messages */
	struct ser_map *field; /* field names; the first ones are FIELD_FILE and FIELD_DIR */
	struct pairs about;
	struct parts *file, *skip;
	size_t n_file, cap_file, n_skip, cap_skip;
	struct parts id;
	bool derives_ids; /* the file's name is not enough */
	size_t *column;
	size_t n_column, cap_column;
	struct step *step;
	size_t n_step, cap_step;
	struct named *labels, *folds;
	size_t n_labels, cap_labels, n_folds, cap_folds;
	struct total *total;
	size_t n_total, cap_total;
};
enum { FIELD_FILE, FIELD_DIR };

/* The value of a key, or NULL. */
const char *ser_pairs_get(const struct pairs *p, const char *key);

/* Text of a JSON string, number (shortest that reads back; a real keeps a point or exponent), boolean
 * or null (""). False for arrays and objects. */
bool ser_json_text(const json_t *v, struct ser_buf *b);

/* Lines of a text file, gzipped or not, "-" for standard input. */
struct lines {
	struct gzFile_s *gz;
	char *name; /* for messages */
	struct ser_buf line;
	size_t at; /* number of the line read last */
};
int ser_lines_open(struct lines *l, const char *path, struct ser_err *e);
int ser_lines_next(struct lines *l, struct ser_err *e); /* 1: l->line, without its end; 0: no more; <0 */
void ser_lines_close(struct lines *l);
/* The next line that is not blank as a JSON object, which the caller drops: 1, 0 or <0. */
int ser_lines_json(struct lines *l, json_t **o, struct ser_err *e);

/* A whole text file, gzipped or not, "-" for standard input, at most 1 GiB. */
int ser_slurp(const char *path, struct ser_buf *b, struct ser_err *e);
/* The same; SER_EDATA when its last line does not end: it was cut off, and its last value with it. */
int ser_slurp_lines(const char *path, struct ser_buf *b, struct ser_err *e);

/* Append JSON text: a string in ASCII; a cell of a column as number, string, or what a nested value was read as. */
void ser_json_string(struct ser_buf *b, const char *s);
bool ser_json_is_number(const char *s);
void ser_json_cell(struct ser_buf *b, const char *column, const char *s);
/* A JSON value of any kind as a cell: nested ones as JSON text. */
void ser_json_to_cell(struct ser_table *t, size_t row, size_t col, const json_t *v);

/* The recording that a row is of: column recording, else the id where no other row has this path, else the file's name.
 * rec [n_row] borrows or is in the table's arena. SER_EDATA: two files of one recording. */
int ser_recordings(const struct ser_table *t, const char **rec, struct ser_arena *mem, struct ser_err *e);

/* Of each row the id that it has when it has none: its file's name without extension, with as many of the folders above, joined by
 * underscores, as tell the files apart, and with its start where the file has several rows. Column path is there. */
char **ser_derived_ids(const struct ser_table *t);
void ser_derived_ids_free(char **id, size_t n);

/* Give a table's columns other names, pairs of from and to, ends with NULL. SER_EDATA: two columns of one name. */
int ser_table_rename(struct ser_table *t, const char *const *pairs, const char *name, struct ser_err *e);
/* Write as CSV with other names for some columns, pairs of name and CSV's name; `skip` (may be NULL) [n_col]; the column
 * names in `first`, ended by NULL, go first. */
int ser_table_put_csv(const struct ser_table *t, const char *const *pairs, const bool *skip, const char *const *first,
		      FILE *f, struct ser_err *e);

/* The side tables of corpora, all with a column `key`: a JSON object of objects or array of objects
 * (`key_col` is the member that is the key, "key" the object's own); IEMOCAP's EmoEvaluation text
 * (columns start end emo valence arousal dominance); lines of "KEY words" (column text, without a
 * "[a-b]:" in front of the words where `times`); lines of fields parted by bars (columns 2, 3, ...; ';' comments);
 * MSP-IMPROV's evaluation (columns emo arousal valence dominance naturalness); M3ED's annotation.json (columns spk gender
 * age text emo). */
int ser_side_json(struct ser_table *t, const char *s, size_t n, const char *key_col, const char *name,
		  struct ser_err *e);
int ser_side_iemocap(struct ser_table *t, const char *s, size_t n, const char *name, struct ser_err *e);
int ser_side_words(struct ser_table *t, const char *s, size_t n, bool times, const char *name, struct ser_err *e);
int ser_side_bars(struct ser_table *t, const char *s, size_t n, const char *name, struct ser_err *e);
int ser_side_improv(struct ser_table *t, const char *s, size_t n, const char *name, struct ser_err *e);
int ser_side_m3ed(struct ser_table *t, const char *s, size_t n, const char *name, struct ser_err *e);

#endif
