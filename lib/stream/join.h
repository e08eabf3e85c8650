/* SPDX-License-Identifier: MIT */
/* join: the fields of records B put to those records A that have the same label, such as the id. B is read first and kept by its
 * labels, in memory and on disk; then A passes. */
#ifndef SER_STREAM_JOIN_H
#define SER_STREAM_JOIN_H

#include "stream/stream.h"

struct ser_join_opt {
	const char *on;           /* the label to join by; "id" */
	const char *const *field; /* [n_field] add these fields of B alone; 0: all */
	size_t n_field;
	const char *suffix; /* a field that A has, too, is added under its name and this; NULL: it must be equal */
	const char *concat; /* B's tensor of this name goes behind A's, along the last axis; NULL: none */
	bool left;          /* records of A that B lacks pass, too */
	bool anti;          /* they alone pass, and nothing is added */
	size_t mem;         /* bytes of B in memory before they go to disk */
};

/* The options are borrowed. */
struct ser_join;
struct ser_join *ser_join_new(const struct ser_join_opt *o);
void ser_join_free(struct ser_join *j); /* NULL: nothing */

/* A header of B's stream, each before its records; of no use when B is not a stream. SER_EDATA: it does not go with those before. */
int ser_join_add_header(struct ser_join *j, const struct ser_header *h, struct ser_err *e);
/* A record of B, whose label to join by is `key`; it gets the number of its training set. SER_EDATA when that label is there already.
 * where: of r, for messages. */
int ser_join_add(struct ser_join *j, const char *key, struct ser_record *r, const char *where, struct ser_err *e);

/* A header of A: B's dims go with its tensors, its provenance becomes another input. After the last of B. */
int ser_join_header(struct ser_join *j, struct ser_header *h, struct ser_err *e);
/* A record of A, joined: 1 it passes, 0 it does not, SER_EDATA when it cannot be joined. */
int ser_join_do(struct ser_join *j, struct ser_record *r, struct ser_err *e);

size_t ser_join_n(const struct ser_join *j);      /* records of B */
size_t ser_join_n_used(const struct ser_join *j); /* of them, those that a record of A had */

#endif
