/* SPDX-License-Identifier: MIT */
#include "la/private.h"

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

struct ser_la *ser_la_new(int n_thread)
{
	ser_assert(n_thread >= 1);
	struct ser_la *la = ser_calloc(1, sizeof *la);
	la->n_thread = n_thread;
	if (n_thread == 1)
		return la;
	la->pool = ser_pool_new(n_thread);
	la->sub = ser_calloc((size_t)n_thread, sizeof *la->sub);
	for (int i = 0; i < n_thread; i++)
		la->sub[i].n_thread = 1;
	return la;
}

void ser_la_free(struct ser_la *la)
{
	if (la == NULL)
		return;
	ser_pool_free(la->pool);
	for (int i = 0; la->sub != NULL && i < la->n_thread; i++)
		free(la->sub[i].ws);
	free(la->sub);
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
	ser_pool_for(la != NULL ? la->pool : NULL, n, fn, ctx);
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
