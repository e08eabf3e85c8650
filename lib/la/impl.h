/* SPDX-License-Identifier: MIT */
/* la's inside: the context. */
#ifndef SER_LA_IMPL_H
#define SER_LA_IMPL_H

#include "la/la.h"

#include <pthread.h>
#include <stdatomic.h>

struct ser_la {
	int n_thread;
	enum ser_la_precision precision;
	/* workspace of this context, for one thread: grows, 64-byte aligned */
	void *ws;
	size_t ws_size;
	/* the rest only in a context of several threads */
	struct ser_la *sub; /* [n_thread]: contexts of one thread */
	pthread_t *thread;  /* [n_thread]; 0 is the caller */
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	atomic_ulong generation; /* of jobs */
	atomic_ulong n_busy;     /* workers inside the job; the caller not counted */
	int n_started;
	bool open; /* the job at hand still takes workers */
	bool spin; /* look for a while before sleeping */
	bool quit;
	void (*fn)(void *ctx, size_t i, int worker);
	void *ctx;
	size_t n;
	struct {
		_Alignas(64) atomic_size_t item;
	} * next; /* [n_thread]: of the thread's share of the items, the next */
};

/* At least `size` bytes of a one-thread context's workspace, contents undefined. la NULL: from malloc; give back by
 * la_ws_done either way. */
void *la_ws(struct ser_la *la, size_t size);
void la_ws_done(struct ser_la *la, void *p);

/* *f done to c [m,n]. */
void la_after(const struct ser_la_after *f, size_t m, size_t n, real *c, size_t ldc);

#endif
