/* SPDX-License-Identifier: MIT */
/* la's inside: the context. */
#ifndef SER_LA_PRIVATE_H
#define SER_LA_PRIVATE_H

#include "la/la.h"

struct ser_la {
	int n_thread;
	enum ser_la_precision precision;
	/* workspace of this context, for one thread: grows, 64-byte aligned */
	void *ws;
	size_t ws_size;
	/* only in a context of several threads */
	struct ser_la *sub; /* [n_thread]: contexts of one thread */
	struct ser_pool *pool;
};

/* At least `size` bytes of a one-thread context's workspace, contents undefined. la NULL: from malloc; give back by
 * la_ws_done either way. */
void *la_ws(struct ser_la *la, size_t size);
void la_ws_done(struct ser_la *la, void *p);

/* *f done to c [m,n]. */
void la_after(const struct ser_la_after *f, size_t m, size_t n, real *c, size_t ldc);

#endif
