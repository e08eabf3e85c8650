/* SPDX-License-Identifier: MIT */
/* stream: what the records of a stream say about each field. */
#ifndef SER_STREAM_INSPECT_H
#define SER_STREAM_INSPECT_H

#include "stream/stream.h"

enum { SER_COLUMN_VALUES = 1000 }; /* different values of a label that are counted */

/* One field over all records. */
struct ser_column_info {
	uint64_t n, n_kind[SER_TENSOR + 1]; /* records that have it; by kind of value */
	struct ser_map *value;              /* of a label, as text (nil and the id aside), with a count each */
	uint64_t *count;
	size_t cap;
	bool many;              /* more than SER_COLUMN_VALUES: counts are not complete */
	struct ser_range range; /* of numbers and of tensors' elements */
	enum ser_dtype dtype;   /* of tensors: the first one's */
	int ndim;
	bool mixed;                                /* dtype or number of axes vary */
	size_t lo[SER_MAX_AXES], hi[SER_MAX_AXES]; /* of each axis */
	double seconds; /* sum over tensors whose dims tell shift_s or rate_hz of their first axis */
	bool timed;     /* there was one */
};

/* All fields, in the order of their first appearance. All zero is empty. */
struct ser_inspect {
	struct ser_map *name;
	struct ser_column_info *col; /* by position in name */
	size_t cap;
};
/* Take in a record; h is the header that it stands under. */
void ser_inspect_add(struct ser_inspect *f, const struct ser_record *r, const struct ser_header *h);
size_t ser_inspect_len(const struct ser_inspect *f); /* fields so far */
void ser_inspect_free(struct ser_inspect *f);

/* The values of a label that were counted: numbers in their order, then others bytewise. *n of them; strings are borrowed from c,
 * the array is to be freed. */
struct ser_value_count {
	const char *s;
	uint64_t n;
};
struct ser_value_count *ser_column_values(const struct ser_column_info *c, size_t *n);

#endif
