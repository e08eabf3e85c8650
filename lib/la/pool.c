/* SPDX-License-Identifier: MIT */
#include "la/impl.h"

#include <stdlib.h>

void *la_ws(struct ser_la *la, size_t size)
{
	if (la == NULL)
		return ser_malloc_aligned(size, 1);
	if (la->sub != NULL)
		la = &la->sub[0];
	if (la->ws_size < size) {
		free(la->ws);
		la->ws = ser_malloc_aligned(size, 1);
		la->ws_size = size;
	}
	return la->ws;
}

void la_ws_done(struct ser_la *la, void *p)
{
	if (la == NULL)
		free(p);
}

static void run_items(struct ser_la *la, int worker)
{
	for (size_t i; (i = atomic_fetch_add(&la->next, 1)) < la->n;)
		la->fn(la->ctx, i, worker);
}

struct start {
	struct ser_la *la;
	int worker;
};

static void *work(void *arg)
{
	struct start s = *(struct start *)arg;
	struct ser_la *la = s.la;
	free(arg);
	unsigned long seen = 0;
	pthread_mutex_lock(&la->lock);
	for (;;) {
		while (!la->quit && la->generation == seen)
			pthread_cond_wait(&la->wake, &la->lock);
		if (la->quit)
			break;
		seen = la->generation;
		pthread_mutex_unlock(&la->lock);
		run_items(la, s.worker);
		pthread_mutex_lock(&la->lock);
		if (--la->n_busy == 0)
			pthread_cond_signal(&la->done);
	}
	pthread_mutex_unlock(&la->lock);
	return NULL;
}

struct ser_la *ser_la_new(int n_thread)
{
	ser_assert(n_thread >= 1);
	struct ser_la *la = ser_calloc(1, sizeof *la);
	la->n_thread = n_thread;
	if (n_thread == 1)
		return la;
	la->sub = ser_calloc((size_t)n_thread, sizeof *la->sub);
	la->thread = ser_calloc((size_t)n_thread, sizeof *la->thread);
	for (int i = 0; i < n_thread; i++)
		la->sub[i].n_thread = 1;
	pthread_mutex_init(&la->lock, NULL);
	pthread_cond_init(&la->wake, NULL);
	pthread_cond_init(&la->done, NULL);
	for (int i = 1; i < n_thread; i++) {
		struct start *s = ser_malloc(1, sizeof *s);
		*s = (struct start){.la = la, .worker = i};
		if (pthread_create(&la->thread[i], NULL, work, s) != 0) {
			free(s);
			break; /* the threads that there are do all the work */
		}
		la->n_started = i;
	}
	return la;
}

void ser_la_free(struct ser_la *la)
{
	if (la == NULL)
		return;
	if (la->sub != NULL) {
		pthread_mutex_lock(&la->lock);
		la->quit = true;
		pthread_cond_broadcast(&la->wake);
		pthread_mutex_unlock(&la->lock);
		for (int i = 1; i <= la->n_started; i++)
			pthread_join(la->thread[i], NULL);
		pthread_cond_destroy(&la->done);
		pthread_cond_destroy(&la->wake);
		pthread_mutex_destroy(&la->lock);
		for (int i = 0; i < la->n_thread; i++)
			free(la->sub[i].ws);
		free(la->sub);
		free(la->thread);
	}
	free(la->ws);
	free(la);
}

int ser_la_threads(const struct ser_la *la)
{
	return la == NULL ? 1 : la->n_thread;
}

struct ser_la *ser_la_worker(struct ser_la *la, int worker)
{
	return la == NULL || la->sub == NULL ? la : &la->sub[worker];
}

void ser_la_for(struct ser_la *la, size_t n, void (*fn)(void *ctx, size_t i, int worker), void *ctx)
{
	if (la == NULL || la->n_started == 0 || n <= 1) {
		for (size_t i = 0; i < n; i++)
			fn(ctx, i, 0);
		return;
	}
	pthread_mutex_lock(&la->lock);
	ser_assert(la->fn == NULL); /* inside an item the context is ser_la_worker's */
	la->fn = fn;
	la->ctx = ctx;
	la->n = n;
	atomic_store(&la->next, 0);
	la->n_busy = la->n_started;
	la->generation++;
	pthread_cond_broadcast(&la->wake);
	pthread_mutex_unlock(&la->lock);
	run_items(la, 0);
	pthread_mutex_lock(&la->lock);
	while (la->n_busy > 0)
		pthread_cond_wait(&la->done, &la->lock);
	la->fn = NULL;
	pthread_mutex_unlock(&la->lock);
}

struct range {
	size_t n, grain;
	void (*fn)(void *ctx, size_t i0, size_t i1, int worker);
	void *ctx;
};

static void range_item(void *ctx, size_t i, int worker)
{
	const struct range *r = ctx;
	size_t i0 = i * r->grain, left = r->n - i0;
	r->fn(r->ctx, i0, i0 + (left < r->grain ? left : r->grain), worker);
}

void ser_la_range(struct ser_la *la, size_t n, size_t grain, void (*fn)(void *ctx, size_t i0, size_t i1, int worker),
		  void *ctx)
{
	struct range r = {n, grain > 0 ? grain : 1, fn, ctx};
	ser_la_for(la, (n + r.grain - 1) / r.grain, range_item, &r);
}
