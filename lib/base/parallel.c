/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct loop {
	void (*fn)(void *ctx, size_t i, int worker);
	void *ctx;
	size_t n;
	atomic_size_t next;
};

struct worker {
	struct loop *loop;
	int id;
	pthread_t thread;
};

static void *work(void *arg)
{
	const struct worker *w = arg;
	struct loop *l = w->loop;
	for (size_t i; (i = atomic_fetch_add(&l->next, 1)) < l->n;)
		l->fn(l->ctx, i, w->id);
	return NULL;
}

void ser_parallel_for(int n_thread, size_t n, void (*fn)(void *ctx, size_t i, int worker), void *ctx)
{
	if (n_thread > 1 && (size_t)n_thread > n)
		n_thread = (int)n;
	if (n_thread <= 1) {
		for (size_t i = 0; i < n; i++)
			fn(ctx, i, 0);
		return;
	}
	struct loop l = {.fn = fn, .ctx = ctx, .n = n};
	struct worker *w = ser_calloc((size_t)n_thread, sizeof *w);
	int started = 0;
	for (int t = 1; t < n_thread; t++) {
		w[t] = (struct worker){.loop = &l, .id = t};
		if (pthread_create(&w[t].thread, NULL, work, &w[t]) != 0)
			break; /* the threads that there are do all the work */
		started = t;
	}
	w[0] = (struct worker){.loop = &l};
	work(&w[0]);
	for (int t = 1; t <= started; t++)
		pthread_join(w[t].thread, NULL);
	free(w);
}
