/* SPDX-License-Identifier: MIT */
/* cli: a whole input whose vectors are worked on together: they are held in memory, while the records wait in an unlinked
 * temporary file until they are written again with what was found. Like all of cli this dies on error. */
#ifndef SER_CLI_VECTORS_H
#define SER_CLI_VECTORS_H

#include "cli/cli.h"

struct ser_vectors {
	struct ser_header h;     /* of all segments, merged */
	struct ser_spool *spool; /* the records, as they came; nil for vectors that x holds as they came */
	const char *field;       /* whose vectors they are; the caller's */
	float *x;                /* [n,d]; NULL when n is 0 */
	size_t n, d, cap;
};

/* Read the operands. Tensor `field` [D] of each record must have as many dimensions as the first, and a finite length, above 0 when
 * `direction` is set. alters: the caller will change v->x, which without that is written again. label (may be NULL) takes from
 * record i what else the tool needs: 0, or a negative SER_E* and *e. */
void ser_vectors_read(struct ser_cli *c, const char *field, bool direction, bool alters,
		      int (*label)(void *ctx, size_t i, struct ser_record *r, struct ser_err *e), void *ctx,
		      struct ser_vectors *v);
/* The records again, in their order, to a stream whose header is written; `set` adds to record i what was found. What it sets by
 * reference lives until its next call. */
void ser_vectors_write(struct ser_cli *c, const struct ser_vectors *v,
		       void (*set)(void *ctx, size_t i, struct ser_record *r), void *ctx, struct ser_out *out);
/* The same for tensors [T,d], whose frames are not held: x stays NULL, and ser_vectors_write() has the records as they came. `take` gets
 * the frames x [n,d] of each in turn; all have the first one's d. What ser_frames_of() refuses ends it. */
void ser_frames_read(struct ser_cli *c, const char *field,
		     void (*take)(void *ctx, const char *id, const float *x, size_t n, size_t d), void *ctx,
		     struct ser_vectors *v);
/* A record's frames: *x [*n,*d] of tensor `field`, at least one, finite, and as wide as *d says where that is not 0. SER_EDATA. */
int ser_frames_of(struct ser_record *r, const char *field, const float **x, size_t *n, size_t *d, struct ser_err *e);
void ser_vectors_free(struct ser_vectors *v);

#endif
