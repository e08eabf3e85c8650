/* SPDX-License-Identifier: MIT */
/* corpus: manifests (what is said, by whom, how, in which file), the descriptions that turn a corpus
 * folder into a manifest, and the protocols that cut one into folds.
 *
 * A manifest is UTF-8 text: a header row of column names, then a row for each utterance, fields
 * parted by single tabs, every line ended by a newline (CR LF is accepted). `id` and `path` must be
 * there; `spk` and `emo` come next by custom; any others may follow. An empty field means that
 * nothing is known. Every cell is text here; ser_manifest_kind() says which columns are numbers in a
 * record stream. */
#ifndef SER_CORPUS_H
#define SER_CORPUS_H

#include "base/base.h"

enum {
	SER_MANIFEST_MAX_LINE = 1 << 20, /* bytes of a line, its end included */
	SER_MANIFEST_MAX_COL = 1024,
	SER_MANIFEST_MAX_NAME = 255, /* bytes of a column name */
	SER_MANIFEST_MAX_ID = 1023   /* bytes of an id */
};

/* ---- reading a manifest row by row ---------------------------------------------------------- */

/* Where the files of a manifest are. What the paths say is looked at, not where links in the folder lead. */
struct ser_root {
	const char
		*dir; /* goes before a relative path, and none may lead out of it; borrowed. NULL: paths are as typed */
	bool allow_absolute; /* let paths lead out of it all the same */
};

/* The file that a manifest's path means, into *full (what was there is forgotten). SER_EDATA when it is empty or, with a
 * folder and unless allowed, leads out of it: it has a ".." component, or is absolute and not below an absolute folder. */
int ser_root_path(const struct ser_root *r, const char *path, struct ser_buf *full, struct ser_err *e);

struct ser_manifest_opts {
	struct ser_root root;
	const char *need; /* names of further columns that must be there, parted by spaces, or NULL */
};

struct ser_manifest;

/* Read the header row from f, which stays the caller's and must outlive the reader; `name` ("<stdin>",
 * a file name) goes into messages and is copied. `o` may be NULL. NULL on failure, with *e filled:
 * no header, no `id` or `path`, a needed column missing, an empty, repeated or over-long name. */
struct ser_manifest *ser_manifest_new(FILE *f, const char *name, const struct ser_manifest_opts *o, struct ser_err *e);
void ser_manifest_free(struct ser_manifest *m);

size_t ser_manifest_n_col(const struct ser_manifest *m);
const char *ser_manifest_name(const struct ser_manifest *m, size_t col);
/* The position of a column, or -1. */
ptrdiff_t ser_manifest_col(const struct ser_manifest *m, const char *name);

/* The next row: 1, 0 at the end of the file, or SER_EDATA/SER_EIO with a sentence that names file and
 * line: a wrong number of fields, an empty, over-long or repeated id, a NUL byte or what is not UTF-8,
 * a line that is too long or not ended. The ids read so far are kept; nothing else is. */
int ser_manifest_next(struct ser_manifest *m, struct ser_err *e);

/* Of the row read last; strings live until the next call of ser_manifest_next(). */
const char *ser_manifest_cell(const struct ser_manifest *m, size_t col);      /* never NULL */
const char *ser_manifest_get(const struct ser_manifest *m, const char *name); /* "" if no such column */
const char *ser_manifest_id(const struct ser_manifest *m);
size_t ser_manifest_line(const struct ser_manifest *m); /* 1 is the header */

/* The file to open, as ser_root_path() has it; NULL and *e when that fails. Lives until the next call of this function. */
const char *ser_manifest_path(struct ser_manifest *m, struct ser_err *e);

/* The part of the file that the row means, seconds: from column `start` (0 if empty or absent) to
 * column `end` (INFINITY, the end of the file, if empty or absent). 0, or SER_EDATA when they are no
 * numbers, negative, or not in order. */
int ser_manifest_segment(const struct ser_manifest *m, double *start, double *end, struct ser_err *e);

/* What a column's cells are as labels of a record: whole numbers (fold subset age channel sample_rate
 * num_samples, vote.X and hot.X), real numbers (start end dur arousal valence dominance, prob.X) or
 * text (all others, so that speaker "03" stays "03"). An empty cell is nil, whatever its kind. */
enum ser_cell { SER_CELL_TEXT, SER_CELL_INT, SER_CELL_REAL };
enum ser_cell ser_manifest_kind(const char *name);

/* ---- writing -------------------------------------------------------------------------------- */

/* One line of n cells (the header too). SER_EDATA, and nothing written, when a cell holds a tab, a
 * line end or what is not UTF-8, or there are more cells or bytes than a reader takes; a failed write shows in ferror(f). */
int ser_manifest_put(FILE *f, const char *const *cell, size_t n, struct ser_err *e);

/* ---- a table in memory ----------------------------------------------------------------------- */

/* Columns of text; every cell is a NUL-terminated string, "" when nothing is known. All zero is an
 * empty table. */
struct ser_column {
	char *name;
	const char **cell; /* [n_row] */
	size_t cap;
};
struct ser_table {
	struct ser_column *col; /* [n_col] */
	size_t n_col, cap_col, n_row;
	struct ser_arena mem; /* holds the cells */
	char *at;             /* room left in the newest piece of mem */
	size_t room;
};
void ser_table_free(struct ser_table *t);
ptrdiff_t ser_table_col(const struct ser_table *t, const char *name); /* or -1 */
/* The position of a column, which is added, empty, when it is not there. */
size_t ser_table_add_col(struct ser_table *t, const char *name);
size_t ser_table_add_row(struct ser_table *t); /* its position; all cells "" */
void ser_table_set(struct ser_table *t, size_t row, size_t col, const char *s, size_t n); /* copies */
const char *ser_table_get(const struct ser_table *t, size_t row, const char *name);       /* "" if no such column */
void ser_table_drop_col(struct ser_table *t, const char *name);
/* SER_EDATA when there is no column id, or an id is empty, too long, or there twice. */
int ser_table_check_ids(const struct ser_table *t, struct ser_err *e);
/* Order the rows by a column, bytewise; equal ones keep their order. */
void ser_table_sort(struct ser_table *t, size_t col);
/* Keep the rows i with keep[i]. */
void ser_table_filter(struct ser_table *t, const bool *keep);
/* Put the rows of `more` behind those of t, cells under columns of their name; columns that only `more` has are added. */
void ser_table_append(struct ser_table *t, const struct ser_table *more);
/* Put `text` in every row of a column, which is added where it is not there. */
void ser_table_fill(struct ser_table *t, const char *column, const char *text);
/* Where the column corpus names several, put its name and a dash before every id, recording and speaker that does not begin with them, so
 * that the speakers "03" of two corpora are two. False: it names none, or one; nothing is changed. */
bool ser_table_name_apart(struct ser_table *t);
/* Put `text` before every cell of a column that is not empty, as Kaldi's utils/copy_data_dir.sh --utt-prefix and
 * --spk-prefix do; a column that is not there stays so. */
void ser_table_prefix(struct ser_table *t, const char *column, const char *text);

/* What is odd in a table, sentences that end in newlines, appended to notes: a speaker of two sexes, emotions or speakers that differ in
 * case or blanks alone, texts that tell the emotion, sounds of one corpus whose sample rates differ. */
void ser_table_oddities(const struct ser_table *t, struct ser_buf *notes);

/* A whole manifest. `o` as for ser_manifest_new(). Paths stay as typed. */
int ser_table_read(struct ser_table *t, FILE *f, const char *name, const struct ser_manifest_opts *o,
		   struct ser_err *e);
/* Write as a manifest: id, path, spk, emo first (added empty when missing), then the others in their
 * order; checks that ids are there and differ. */
int ser_table_write(struct ser_table *t, FILE *f, struct ser_err *e);

/* Delimited text of n bytes with a header row, RFC 4180 but for its separator (quoted fields may hold
 * separators, quotes and line ends); '\t' splits at tabs only. Blanks around a field are taken off
 * unless it is quoted; a byte order mark and blank lines are skipped. `name` is for messages. */
int ser_table_parse(struct ser_table *t, const char *s, size_t n, char sep, const char *name, struct ser_err *e);

/* ---- corpus descriptions --------------------------------------------------------------------- */

/* A description says how a corpus' file names, folders and side tables become a manifest, and what the
 * corpus should hold; its text is documented in ser-corpus(5). */
struct ser_corpus;

/* Parse a description of n bytes; `name` is for messages. NULL on failure, naming the line. */
struct ser_corpus *ser_corpus_parse(const char *text, size_t n, const char *name, struct ser_err *e);
/* The one compiled in under this name. NULL: *e (SER_EUSAGE) lists the names that there are. */
struct ser_corpus *ser_corpus_builtin(const char *name, struct ser_err *e);
/* Made of a file-name pattern such as "{spk}/{emo}_{text}": its fields are the columns. `id` is a
 * template for the ids, or NULL: the field {id} where there is one, else the file's name, with as many of the folders above,
 * joined by "_", as tell the files apart. */
struct ser_corpus *ser_corpus_pattern(const char *pattern, const char *id, struct ser_err *e);
void ser_corpus_free(struct ser_corpus *c);

/* The i-th compiled-in name in bytewise order; NULL after the last. */
const char *ser_corpus_builtin_name(size_t i);
/* The i-th published folds of these, as "cremad:speakers"; NULL after the last, and not beyond. */
const char *ser_corpus_builtin_folds(size_t i);

/* The i-th text under a heading: name, title, lang, hours, terms, licence, cite, get, trap, source; NULL after the last. */
const char *ser_corpus_about(const struct ser_corpus *c, const char *heading, size_t i);
/* What the corpus should hold, one fact a line ("files 535"), into b. */
void ser_corpus_totals(const struct ser_corpus *c, struct ser_buf *b);
/* Of these, how many different values a column has, such as spk; "": how many files. NULL: it is not said. */
const char *ser_corpus_total(const struct ser_corpus *c, const char *column);
/* The names of its label sets, and of its published folds, parted by spaces, into b. */
void ser_corpus_label_sets(const struct ser_corpus *c, struct ser_buf *b);
void ser_corpus_fold_names(const struct ser_corpus *c, struct ser_buf *b);

struct ser_corpus_opts {
	const char *label_set; /* one of the description's, or NULL: every label, as the corpus has it */
	const char *emo_map;   /* "a=b,c=d": labels to rename after that, or NULL */
	const char *labels;    /* "a,b": keep these alone after that, or NULL */
	bool relative;         /* paths relative to the folder instead of with it in front */
};
struct ser_corpus_report {
	struct ser_buf notes; /* sentences, each ended by a newline, on what is odd */
	size_t n_file;        /* audio files that the description knows */
	size_t n_off;         /* totals that differ, and audio files that match nothing */
};

/* Look through the folder `dir` (hidden entries aside, links followed) and add to *t a row for every
 * audio file that the description knows: id, path, spk, emo, then the description's columns, sorted by
 * id bytewise. *rep is filled; its notes are freed with ser_buf_free(). SER_EDATA: an unknown label,
 * a missing or broken side table, two files with one id; SER_EIO: a folder that cannot be read;
 * SER_EUSAGE: options that the description does not know. */
int ser_corpus_scan(const struct ser_corpus *c, const char *dir, const struct ser_corpus_opts *o, struct ser_table *t,
		    struct ser_corpus_report *rep, struct ser_err *e);

/* Published folds of a description: the fold (from 1) that a record belongs to as test data, by the
 * value of the description's fold field, which is *field. 0: the value is in no fold. SER_EUSAGE: no
 * such folds. */
int ser_corpus_fold_field(const struct ser_corpus *c, const char *folds, const char **field, struct ser_err *e);
int ser_corpus_fold_of(const struct ser_corpus *c, const char *folds, const char *value);

/* ---- folds ----------------------------------------------------------------------------------- */

/* Codes 0, 1, ... of n strings by the bytewise order of the different ones; equal strings have equal codes.
 * Returns how many different ones there are; (*name)[code] (may be NULL; to be freed; borrows s) names them. */
size_t ser_fold_codes(const char *const *s, size_t n, size_t *code, const char ***name);

/* Cut groups (speakers) into parts so that every label is spread over the parts in proportion to their
 * weights: groups in the order of falling variance of their label counts go, one by one, to the part that
 * leaves the mean over labels of the standard deviation over parts of (count / expected count) least; of those
 * within 1e-5 of it, to the part with fewest records, of these to the first. With equal weights that is the
 * criterion of scikit-learn's StratifiedGroupKFold, which lets rounding choose between equal parts. A part left without group
 * gets the one whose move costs least.
 *   group [n] in [0,n_group)   label [n] in [0,n_label)   weight [n_part] > 0, of any sum
 *   shuffle  NULL: equal variances in the order of the groups; else the groups are shuffled first
 *   part  [n] out, in [0,n_part); no group is in two parts.
 * SER_EUSAGE when there are fewer groups than parts. */
int ser_fold_spread(size_t n, const size_t *group, size_t n_group, const size_t *label, size_t n_label,
		    const double *weight, size_t n_part, struct ser_rng *shuffle, size_t *part, struct ser_err *e);

/* Nested subsets for training with few labels: level[i] is the least of the percentages (rising, the last 100)
 * to whose subset record i belongs; of each label, a subset holds that share, rounded, but at least one
 * record. Which ones is decided by seed and id alone, so that a record's rank among the others does not
 * depend on the order of the input. want[i] false (want may be NULL): left out, level 0. */
void ser_fold_subsets(size_t n, const char *const *id, const size_t *label, size_t n_label, const bool *want,
		      const int *percent, size_t n_percent, uint64_t seed, int *level);

/* Which of n_value values (speakers, texts, sounds) occur in more than one part. value[i] SIZE_MAX or part[i]
 * SIZE_MAX: not counted. shared [n_value] out; returns how many. */
size_t ser_fold_shared(size_t n, const size_t *part, const size_t *value, size_t n_value, bool *shared);

/* Lists of published folds in EmoBox' layout: DIR/fold_K/..._train_fold_K.jsonl and ..._test_fold_K.jsonl. */
enum ser_fold_part { SER_FOLD_NONE, SER_FOLD_TRAIN, SER_FOLD_TEST };
struct ser_fold_lists {
	size_t n_fold;
	int *fold;            /* [n_fold], their numbers, rising */
	unsigned char **part; /* [n_fold][n], enum ser_fold_part of each record */
	size_t n_unknown;     /* keys in the lists that are no record's */
};
/* Read the lists for n records. A key means the id that it equals, or equals without its "DATASET-" in front, or that
 * its audio file is named after. SER_EDATA: a broken list, a record in both lists of a fold; SER_EIO. */
int ser_fold_lists_read(struct ser_fold_lists *l, const char *dir, size_t n, const char *const *id, struct ser_err *e);
void ser_fold_lists_free(struct ser_fold_lists *l);

/* ---- manifests of other systems --------------------------------------------------------------- */

/* Reading adds rows to an empty table; writing takes a table as it is. Names with a meaning are translated (each
 * function says which), other columns pass under their own names. Text files may be gzipped; "-" is standard input.
 * Values that cannot be written in a format are an error, never dropped or changed. What a reader has to pass over
 * (Kaldi's feats.scp, lhotse's features) it says in `notes`, sentences that end in newlines. */

/* EmoBox: a JSON object a line. key=id wav=path start_time=start end_time=end; emo, dataset, sample_rate,
 * ... as they are. Lists and maps are kept as JSON text. A value null reads as nothing. */
int ser_emobox_read(struct ser_table *t, const char *path, struct ser_err *e);
/* Keys in EmoBox' order, then the others; empty cells are left out. Numbers are columns that are numbers in a stream
 * (ser_manifest_kind()), num_frame and length; all else is strings. */
int ser_emobox_write(const struct ser_table *t, FILE *f, struct ser_err *e);

/* A Kaldi data directory: wav.scp, segments, utt2spk, text, spk2gender, utt2NAME for column NAME. `path` is what
 * wav.scp has; with segments, column recording is its first field. Read: spk2utt must agree with utt2spk; every
 * utterance of the other files must be in wav.scp or segments. A wav.scp entry "command |" is SER_EDATA
 * unless allow_pipes. */
int ser_kaldi_read(struct ser_table *t, const char *dir, bool allow_pipes, struct ser_buf *notes, struct ser_err *e);
/* Makes the directory; files sorted bytewise as Kaldi wants them. sex m/f becomes spk2gender where every speaker
 * has one sex, else utt2sex. Files of a former directory that would not be written are an error. */
int ser_kaldi_write(const struct ser_table *t, const char *dir, struct ser_err *e);

/* lhotse: a line a JSON object. Read: a file of recordings and one of supervisions in any order, or one of cuts (MonoCut).
 * speaker=spk language=lang gender=sex (F, M: f, m) custom.emotion=emo custom.X=X; start and end are empty where
 * the whole recording is meant; recording, sample_rate, num_samples, dur (the recording's). */
int ser_lhotse_read(struct ser_table *t, char *const *path, int n, bool allow_pipes, struct ser_buf *notes,
		    struct ser_err *e);
/* Writes PREFIX_recordings.jsonl and PREFIX_supervisions.jsonl, with .gz where `gz`. Needs sample_rate and
 * num_samples of every row. */
int ser_lhotse_write(const struct ser_table *t, const char *prefix, bool gz, struct ser_err *e);

/* audformat: CSV with index file or file,start,end (pandas timedeltas, NaT). file=path speaker=spk emotion=emo
 * gender=sex (female, male: f, m) language=lang. Without a column id it is the file's name without
 * extension, with as many of the folders above it, joined by "_", as tell the files apart, and the start behind it where a file has
 * several rows. */
int ser_audformat_read(struct ser_table *t, const char *path, struct ser_err *e);
int ser_audformat_write(const struct ser_table *t, FILE *f, struct ser_err *e);

/* CSV (RFC 4180; reading, also parted by semicolons or tabs, whichever is first in the header row) with the columns of a manifest.
 * `columns`, NULL or pairs that end with NULL, gives names of the file and those that take their place: {"wav", "path", NULL}. Without
 * a column id it is the file's name, as with audformat. */
int ser_csv_read(struct ser_table *t, const char *path, const char *const *columns, struct ser_err *e);
int ser_csv_write(const struct ser_table *t, FILE *f, struct ser_err *e);

/* ---- labels from votes ------------------------------------------------------------------------- */

/* Which columns of a table say how many, or what share, voted for an emotion. */
struct ser_votes_columns {
	const char *id;                           /* of a recording, as in the manifest */
	size_t n;                                 /* at most SER_MANIFEST_MAX_COL */
	const char *const *name, *const *emotion; /* [n] the column's name, and X of vote.X */
	const char *sum;    /* what a row's votes add up to, where there is such a column; NULL: none */
	const char *number; /* only rows in which this column begins with `digit` count; NULL: all */
	char digit;
};
struct ser_votes_columns ser_votes_cremad(int modality); /* of tabulatedVotes.csv; 1 voice, 2 face, 3 both */
/* Add columns vote.X from a table of votes, n bytes, parted by commas or tabs, NUL behind them. *n_without: rows without votes.
 * SER_EDATA: no such column, votes that are no numbers, or do not add up. */
int ser_votes_add(struct ser_table *t, const char *text, size_t n, const struct ser_votes_columns *c, size_t *n_without,
		  struct ser_err *e);

enum ser_votes { SER_VOTES_PLURALITY, SER_VOTES_MULTI_HOT, SER_VOTES_DISTRIBUTION };
/* Labels from the columns vote.X, numbers of votes or shares of them, of which there must be two or more.
 *   plurality     emo is the X with most votes; empty on a tie (counted in *n_tie) or without votes
 *   multi-hot     hot.X is 1 where X has more than `threshold` of the votes (0: 1/K, K the number of X), else 0
 *   distribution  prob.X is X's share of the votes
 * Rows without votes get empty cells. */
int ser_votes_label(struct ser_table *t, enum ser_votes what, double threshold, size_t *n_tie, struct ser_err *e);

#endif
