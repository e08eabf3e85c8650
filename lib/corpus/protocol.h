/* SPDX-License-Identifier: MIT */
/* corpus: the protocols that cut a table of records into folds, and the check that no test data was seen in training.
 * What they rest on, over plain arrays, is in corpus.h (ser_fold_*). */
#ifndef SER_CORPUS_PROTOCOL_H
#define SER_CORPUS_PROTOCOL_H

#include "corpus/corpus.h"

/* Borrowed strings are column names. Start from all zero but for test_fold. */
struct ser_folds_opts {
	const char *name;         /* of the input, for messages */
	const char *by;           /* its values are never parted: speakers, sessions */
	const char *spk, *label;  /* the speaker; the label to balance by */
	uint64_t seed;            /* which of equally good divisions */
	int test_fold;            /* that ser_folds_split() will ask for, -1: none */
	bool allow_shared;        /* a speaker on both sides is told, not refused */
	bool check_text;          /* refuse equal cells of column text on both sides */
	const char *const *sound; /* [n_row] a digest of each record's audio ("": none): refuse equal ones; or NULL */
};

/* A division. Everything is borrowed but what is marked as owned. */
struct ser_folds {
	const struct ser_folds_opts *o;
	struct ser_table *t; /* the records, with a column id; n rows */
	size_t n;
	int *fold;                   /* [n] owned; -1: none; NULL before a protocol was chosen */
	const char **split;          /* [n] owned: "train" "dev" "test" or "", static strings; NULL before _split() */
	int *level;                  /* [n] owned: from _subset(), else NULL */
	struct ser_fold_lists lists; /* owned: from _published() */
};

void ser_folds_init(struct ser_folds *f, const struct ser_folds_opts *o, struct ser_table *t);
void ser_folds_free(struct ser_folds *f);

/* 0 when every record has a value in this column, else SER_EDATA naming the column or the first record without one. */
int ser_folds_need(const struct ser_folds *f, const char *column, struct ser_err *e);

/* The protocols: one of them fills fold or level. A column that is not there is SER_EDATA.
 *   each       a fold for each value of o->by, in bytewise order from 0; SER_EDATA when there are fewer than two
 *   kfold      k >= 2 folds of about equal size, by ser_fold_spread(); SER_EUSAGE with fewer values than folds
 *   holdout    about `frac` of the records are fold 0, the others fold 1; SER_EUSAGE with fewer than two values
 *   published  "CORPUS:NAME", folds of a description that is built in, or a folder for ser_fold_lists_read(), whose
 *              count of unknown entries is in lists.n_unknown, on failure too. A record that is not in exactly one test
 *              list has fold -1, which is SER_EDATA unless o->test_fold chooses.
 *   subset     ser_fold_subsets() of the records whose column split is "train", or of all where there is no split */
int ser_folds_each(struct ser_folds *f, struct ser_err *e);
int ser_folds_kfold(struct ser_folds *f, size_t k, struct ser_err *e);
int ser_folds_holdout(struct ser_folds *f, double frac, struct ser_err *e);
int ser_folds_published(struct ser_folds *f, const char *what, struct ser_err *e);
int ser_folds_subset(struct ser_folds *f, const int *percent, size_t n_percent, struct ser_err *e);
/* "1,10,50" as rising percentages that end with 100, which is added where it is missing. Returns how many; 0: *e says
 * what is no percentage above the one before. */
enum { SER_FOLDS_MAX_PERCENT = 101 };
size_t ser_folds_percents(const char *text, int percent[static SER_FOLDS_MAX_PERCENT], struct ser_err *e);

/* Fill split: fold o->test_fold is "test", the others "train"; by published lists, what their lists say, "" for records in
 * neither. False when there is no such fold, with test data in it. */
bool ser_folds_split(struct ser_folds *f);
/* Then development data out of the training data: fold `dev`, or the first one after the test fold (SER_FOLDS_NEXT, going
 * round); false when there is no fold `dev`. Or about the share `frac` in whole values of o->by; SER_EUSAGE when there are
 * fewer than two. */
enum { SER_FOLDS_NEXT = -1 };
bool ser_folds_dev_fold(struct ser_folds *f, int dev);
int ser_folds_dev_frac(struct ser_folds *f, double frac, struct ser_err *e);

/* What do parts (of split, of each published fold, else the folds) share? Each finding, and with o->sound each pair of
 * equal recordings, is a sentence handed to `say`, borrowed. SER_EPROTO when a finding is to be refused. */
int ser_folds_check(const struct ser_folds *f, void (*say)(void *ctx, const char *sentence), void *ctx,
		    struct ser_err *e);

/* Put what was made into the columns fold, split and subset of the table; empty where there is none. */
void ser_folds_store(const struct ser_folds *f);

#endif
