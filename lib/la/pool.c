/* SPDX-License-Identifier: MIT */
#include "la/impl.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

/* How long a thread looks for work, or for the end of it, before it sleeps. Waking one takes as long as a small product, so
 * between two of a network's operators none should have slept; a longer pause costs no more than this. */
enum { SPIN_NS = 200000 };

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

/* Where the share of a thread begins. */
static size_t share(const struct ser_la *la, size_t whose)
{
	size_t n_thread = (size_t)la->n_thread;
	return la->n / n_thread * whose + la->n % n_thread * whose / n_thread;
}

/* Each thread has a share of the items, the same stretch of any number of them, so that what it wrote in one job is in its
 * cache in the next; what others leave undone it takes over. */
static void run_items(struct ser_la *la, int worker)
{
	size_t n_thread = (size_t)la->n_thread;
	for (size_t k = 0; k < n_thread; k++) {
		size_t whose = ((size_t)worker + k) % n_thread, end = share(la, whose + 1);
		for (size_t i; (i = atomic_fetch_add(&la->next[whose].item, 1)) < end;)
			la->fn(la->ctx, i, worker);
	}
}

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void breathe(void)
{
	for (int i = 0; i < 16; i++) {
#if defined(__x86_64__)
		__builtin_ia32_pause();
#elif defined(__aarch64__)
		__asm__ volatile("isb");
#endif
	}
}

/* Until *p is `value`, or no longer is; or for as long as it is worth. */
static void spin(const struct ser_la *la, const atomic_ulong *p, unsigned long value, bool is)
{
	uint64_t end = la->spin ? now() + SPIN_NS : 0;
	while ((atomic_load(p) == value) != is && now() < end)
		breathe();
}

struct start {
	struct ser_la *la;
	int worker;
};

/* A worker takes part in a job only if it gets there before the caller has found all items taken: one that sleeps holds nobody
 * up. */
static void *work(void *arg)
{
	struct start s = *(struct start *)arg;
	struct ser_la *la = s.la;
	free(arg);
	unsigned long seen = 0;
	for (;;) {
		spin(la, &la->generation, seen, false);
		pthread_mutex_lock(&la->lock);
		while (!la->quit && la->generation == seen)
			pthread_cond_wait(&la->wake, &la->lock);
		bool quit = la->quit, open = la->open;
		seen = la->generation;
		la->n_busy += open;
		pthread_mutex_unlock(&la->lock);
		if (quit)
			return NULL;
		if (!open)
			continue;
		run_items(la, s.worker);
		pthread_mutex_lock(&la->lock);
		if (--la->n_busy == 0)
			pthread_cond_signal(&la->done);
		pthread_mutex_unlock(&la->lock);
	}
}

/* Processors that this process may use. */
static int n_cpu(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

struct ser_la *ser_la_new(int n_thread)
{
	ser_assert(n_thread >= 1);
	struct ser_la *la = ser_calloc(1, sizeof *la);
	la->n_thread = n_thread;
	if (n_thread == 1)
		return la;
	la->spin = n_thread <= n_cpu();
	la->sub = ser_calloc((size_t)n_thread, sizeof *la->sub);
	la->thread = ser_calloc((size_t)n_thread, sizeof *la->thread);
	la->next = ser_malloc_aligned((size_t)n_thread, sizeof *la->next);
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
		la->generation++;
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
		free(la->next);
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
	for (int i = 0; i < la->n_thread; i++)
		atomic_store(&la->next[i].item, share(la, (size_t)i));
	la->open = true;
	la->generation++;
	pthread_cond_broadcast(&la->wake);
	pthread_mutex_unlock(&la->lock);
	run_items(la, 0);
	pthread_mutex_lock(&la->lock);
	la->open = false;
	pthread_mutex_unlock(&la->lock);
	spin(la, &la->n_busy, 0, true);
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
