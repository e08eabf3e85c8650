/* SPDX-License-Identifier: MIT */
/* copies: changed copies of records, several at a time: of samples by augment.h's chain, of features by SpecAugment's masks. */
#ifndef SER_EXTRACT_COPIES_H
#define SER_EXTRACT_COPIES_H

#include "extract/augment.h"
#include "dsp/dsp.h"
#include "stream/stream.h"

struct ser_copies_opt {
	const char *field;  /* the tensor: samples [N,1], or features [T,D] */
	const char *suffix; /* copies are called ID-SUFFIX1 and so on */
	int n_copy;
	bool keep;                   /* the record itself comes first */
	struct ser_augment_opt wave; /* what is done to samples; its seed is the masks' too */
	struct ser_mask_opt mask;    /* to features */
	int n_thread;                /* the outcome does not depend on it */
};

/* The options are borrowed. Records are taken until they are a batch, _full(), which is then made into copies by _do(). */
struct ser_copies;
struct ser_copies *ser_copies_new(const struct ser_copies_opt *o);
void ser_copies_free(struct ser_copies *c); /* NULL: nothing */
/* Of the records that are taken from now on: the rate of their samples, or 0: they hold features. After _do(). */
void ser_copies_rate(struct ser_copies *c, double rate_hz);
/* Take a record, for whose content *r gets that of an older one, to be used anew. SER_EDATA, and the record stays as it is, when its
 * tensor is absent, empty or no samples where they are expected. */
int ser_copies_take(struct ser_copies *c, struct ser_record *r, struct ser_err *e);
bool ser_copies_full(const struct ser_copies *c);
/* Make the copies of all records taken, and put them, in the order of the records: e is NULL and r the copy, with labels source,
 * augment and aug; or e says why there is none of this id. Both are put's only while it runs. */
void ser_copies_do(struct ser_copies *c,
		   void (*put)(void *ctx, const char *id, const struct ser_record *r, const struct ser_err *e),
		   void *ctx);

/* ---- options as text ---- */

/* "LO:HI" or one number, in [lo, hi]. SER_EUSAGE. */
int ser_span_parse(struct ser_span *s, const char *text, double lo, double hi, struct ser_err *e);
/* "A,B,C", numbers in [lo, hi]; c->v is malloc'ed. SER_EUSAGE. */
int ser_choice_parse(struct ser_choice *c, const char *text, double lo, double hi, struct ser_err *e);

#endif
