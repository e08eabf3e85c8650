/* SPDX-License-Identifier: MIT */
/* stream: are two streams the same, by id, whatever their order? */
#ifndef SER_STREAM_COMPARE_H
#define SER_STREAM_COMPARE_H

#include "stream/stream.h"

/* Records of one side that the other has not shown yet, by id. */
struct ser_compare_side {
	struct ser_map *id;
	struct ser_buf *packed; /* s is NULL once met */
	size_t cap;
};

/* A comparison: side 0 is a, side 1 is b. All zero but for what the caller sets. */
struct ser_compare {
	/* set by the caller; borrowed */
	const char *name[2];                      /* for messages */
	double rtol, atol;                        /* numbers are the same when |a-b| <= atol + rtol |b| */
	bool nan_equal;                           /* NaN is NaN */
	void (*say)(void *ctx, const char *line); /* gets a line on each difference, in the order found */
	void *ctx;
	/* found */
	uint64_t n_same, n_differ; /* records */
	double worst;              /* the largest difference of two numbers, and where it was */
	struct ser_buf where;
	/* own */
	struct ser_compare_side side[2];
};

/* Two records of one id: fields that only one has, values that differ. */
void ser_compare_records(struct ser_compare *m, const struct ser_record *a, const struct ser_record *b);
/* A record of one side: it is compared with the other side's of that id if that came before, else kept. SER_EDATA. */
int ser_compare_offer(struct ser_compare *m, int side, const struct ser_record *r, struct ser_err *e);
/* After the last record: those without a partner differ. */
void ser_compare_left(struct ser_compare *m);
/* Dims and what else the headers say, but for the provenance: of each the first place where they differ. */
bool ser_compare_headers(struct ser_compare *m, const struct ser_header *a, const struct ser_header *b);
void ser_compare_free(struct ser_compare *m);

#endif
