/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* How long a thread looks for work, or for the end of it, before it sleeps. Waking one takes as long as a small product, so
 * between two of a network's operators none should have slept; a longer pause costs no more than this. */
enum { SPIN_NS = 200000 };

struct ser_pool {
	int n_thread, n_started;
	/* the rest only where there are several */
	pthread_t *thread; /* [n_thread]; 0 is the caller */
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	atomic_ulong generation; /* of jobs */
	atomic_ulong n_busy;     /* workers inside the job; the caller not counted */
	bool open;               /* the job at hand still takes workers */
	bool spin;               /* look for a while before sleeping */
	bool quit;
	void (*fn)(void *ctx, size_t i, int worker);
	void *ctx;
	size_t n;
	struct {
		_Alignas(64) atomic_size_t item;
	} * next; /* [n_thread]: of the thread's share of the items, the next */
};

/* Where the share of a thread begins. */
static size_t share(const struct ser_pool *p, size_t whose)
{
	size_t n_thread = (size_t)p->n_thread;
	return p->n / n_thread * whose + p->n % n_thread * whose / n_thread;
}

/* Each thread has a share of the items, the same stretch of any number of them, so that what it wrote in one job is in its
 * cache in the next; what others leave undone it takes over. */
static void run_items(struct ser_pool *p, int worker)
{
	size_t n_thread = (size_t)p->n_thread;
	for (size_t k = 0; k < n_thread; k++) {
		size_t whose = ((size_t)worker + k) % n_thread, end = share(p, whose + 1);
		for (size_t i; (i = atomic_fetch_add(&p->next[whose].item, 1)) < end;)
			p->fn(p->ctx, i, worker);
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

/* Until *at is `value`, or no longer is; or for as long as it is worth. */
static void spin(const struct ser_pool *p, const atomic_ulong *at, unsigned long value, bool is)
{
	uint64_t end = p->spin ? now() + SPIN_NS : 0;
	while ((atomic_load(at) == value) != is && now() < end)
		breathe();
}

struct start {
	struct ser_pool *pool;
	int worker;
};

/* A worker takes part in a job only if it gets there before the caller has found all items taken: one that sleeps holds nobody
 * up. */
static void *work(void *arg)
{
	struct start s = *(struct start *)arg;
	struct ser_pool *p = s.pool;
	free(arg);
	unsigned long seen = 0;
	for (;;) {
		spin(p, &p->generation, seen, false);
		pthread_mutex_lock(&p->lock);
		while (!p->quit && p->generation == seen)
			pthread_cond_wait(&p->wake, &p->lock);
		bool quit = p->quit, open = p->open;
		seen = p->generation;
		p->n_busy += open;
		pthread_mutex_unlock(&p->lock);
		if (quit)
			return NULL;
		if (!open)
			continue;
		run_items(p, s.worker);
		pthread_mutex_lock(&p->lock);
		if (--p->n_busy == 0)
			pthread_cond_signal(&p->done);
		pthread_mutex_unlock(&p->lock);
	}
}

int ser_n_cpu(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

struct ser_pool *ser_pool_new(int n_thread)
{
	ser_assert(n_thread >= 1);
	struct ser_pool *p = ser_calloc(1, sizeof *p);
	p->n_thread = n_thread;
	if (n_thread == 1)
		return p;
	p->spin = n_thread <= ser_n_cpu();
	p->thread = ser_calloc((size_t)n_thread, sizeof *p->thread);
	p->next = ser_malloc_aligned((size_t)n_thread, sizeof *p->next);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	pthread_cond_init(&p->done, NULL);
	for (int i = 1; i < n_thread; i++) {
		struct start *s = ser_malloc(1, sizeof *s);
		*s = (struct start){.pool = p, .worker = i};
		if (pthread_create(&p->thread[i], NULL, work, s) != 0) {
			free(s);
			break; /* the threads that there are do all the work */
		}
		p->n_started = i;
	}
	return p;
}

void ser_pool_free(struct ser_pool *p)
{
	if (p == NULL)
		return;
	if (p->thread != NULL) {
		pthread_mutex_lock(&p->lock);
		p->quit = true;
		p->generation++;
		pthread_cond_broadcast(&p->wake);
		pthread_mutex_unlock(&p->lock);
		for (int i = 1; i <= p->n_started; i++)
			pthread_join(p->thread[i], NULL);
		pthread_cond_destroy(&p->done);
		pthread_cond_destroy(&p->wake);
		pthread_mutex_destroy(&p->lock);
		free(p->thread);
		free(p->next);
	}
	free(p);
}

int ser_pool_threads(const struct ser_pool *p)
{
	return p == NULL ? 1 : p->n_thread;
}

void ser_pool_for(struct ser_pool *p, size_t n, void (*fn)(void *ctx, size_t i, int worker), void *ctx)
{
	if (p == NULL || p->n_started == 0 || n <= 1) {
		for (size_t i = 0; i < n; i++)
			fn(ctx, i, 0);
		return;
	}
	pthread_mutex_lock(&p->lock);
	ser_assert(p->fn == NULL); /* an item has no other job for the pool that runs it */
	p->fn = fn;
	p->ctx = ctx;
	p->n = n;
	for (int i = 0; i < p->n_thread; i++)
		atomic_store(&p->next[i].item, share(p, (size_t)i));
	p->open = true;
	p->generation++;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	run_items(p, 0);
	pthread_mutex_lock(&p->lock);
	p->open = false;
	pthread_mutex_unlock(&p->lock);
	spin(p, &p->n_busy, 0, true);
	pthread_mutex_lock(&p->lock);
	while (p->n_busy > 0)
		pthread_cond_wait(&p->done, &p->lock);
	p->fn = NULL;
	pthread_mutex_unlock(&p->lock);
}

void ser_parallel_for(int n_thread, size_t n, void (*fn)(void *ctx, size_t i, int worker), void *ctx)
{
	if (n_thread > 1 && (size_t)n_thread > n)
		n_thread = (int)n;
	struct ser_pool *p = n_thread > 1 ? ser_pool_new(n_thread) : NULL;
	ser_pool_for(p, n, fn, ctx);
	ser_pool_free(p);
}

struct watched {
	const struct ser_watch *w;
	const char *what;
	size_t n, done; /* by the caller, counted once for each thread: the others are about as far */
	size_t n_thread;
	void (*fn)(void *ctx, size_t i, int worker);
	void *ctx;
};

static void watched_item(void *arg, size_t i, int worker)
{
	struct watched *p = arg;
	p->fn(p->ctx, i, worker);
	if (worker == 0 && (p->done += p->n_thread) < p->n)
		p->w->say(p->w->ctx, p->what, p->done, p->n);
}

void ser_watched_for(const struct ser_watch *w, const char *what, int n_thread, size_t n,
		     void (*fn)(void *ctx, size_t i, int worker), void *ctx)
{
	struct watched p = {w, what, n, 0, n_thread > 1 ? (size_t)n_thread : 1, fn, ctx};
	if (w->say == NULL || n == 0) {
		ser_parallel_for(n_thread, n, fn, ctx);
		return;
	}
	ser_parallel_for(n_thread, n, watched_item, &p);
	w->say(w->ctx, what, n, n);
}
