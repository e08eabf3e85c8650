/* SPDX-License-Identifier: MIT */
/* norm: a tensor of records made to have mean 0 and variance 1 in every column: by each record's own statistics, by a window's, by
 * those of all records with the same label, or by a file's. A tensor's rows are all its axes but the last. Nothing here opens a
 * stream, prints or exits.
 *
 * Statistics over records need two passes: _add() every record, then _done(), then _do() every record. */
#ifndef SER_EXTRACT_NORM_H
#define SER_EXTRACT_NORM_H

#include "base/base.h"
#include "stream/stream.h"

struct ser_norm_opt {
	const char *field; /* the tensor */
	const char *by;    /* statistics of all records with the same value of this label, or NULL */
	bool global;       /* statistics of all records */
	int sliding;       /* statistics of a window of so many rows (ser_cmvn_sliding()); 0: none */
	int min_window;    /* its least length where it is not centred */
	bool center;       /* it is centred */
	bool mean, var;    /* subtract means, divide by standard deviations; not neither */
	double clip;       /* then limit values to [-clip, clip]; 0: do not */
};
/* The defaults: field "feat", mean and variance of each record. */
void ser_norm_opt_init(struct ser_norm_opt *o);

/* At most one of by, global, sliding, and a file of statistics, is given. The options are borrowed. */
struct ser_norm;
struct ser_norm *ser_norm_new(const struct ser_norm_opt *o, int n_thread);
void ser_norm_free(struct ser_norm *n); /* NULL: nothing */

/* A record's part in the statistics of its label, or of all without `by`. SER_EDATA when it has no such tensor or label, or one that is
 * empty, not finite or of another number of columns than those before. */
int ser_norm_add(struct ser_norm *n, struct ser_record *r, struct ser_err *e);
/* All are in. */
void ser_norm_done(struct ser_norm *n);
/* The statistics of all records, done, to a safetensors file: shift [D], gain [D], y = (x - shift) * gain. SER_EDATA when there was no
 * record. */
int ser_norm_save(const struct ser_norm *n, const char *path, struct ser_err *e);
/* Take those of such a file. SER_EDATA when it is none. */
int ser_norm_load(struct ser_norm *n, const char *path, struct ser_err *e);

/* Say in a header what is done to the tensor, behind what was done to it before: a model can then tell what it was trained on. */
void ser_norm_header(const struct ser_norm *n, struct ser_header *h);
/* Normalise the tensor of a record. worker in [0, n_thread): calls with different ones may run at once. SER_EDATA as for _add(), or when
 * a record has but one row and is to be normalised by itself. */
int ser_norm_do(struct ser_norm *n, int worker, struct ser_record *r, struct ser_err *e);

#endif
