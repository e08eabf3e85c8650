/* SPDX-License-Identifier: MIT */
#include "nn/nn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PITCH = 16 }; /* slices begin at multiples of so many elements */

struct ser_params *ser_params_new(uint64_t seed)
{
	struct ser_params *p = ser_calloc(1, sizeof *p);
	p->seed = seed;
	p->name = ser_map_new();
	return p;
}

void ser_params_free(struct ser_params *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_slice; i++)
		free(p->slice[i].name);
	free(p->slice);
	free(p->val);
	free(p->grad);
	ser_map_free(p->name);
	free(p);
}

int ser_params_add(struct ser_params *p, const char *name, unsigned flags, struct ser_init init, int ndim,
		   const size_t *shape)
{
	ser_assert(ndim >= 1 && ndim <= SER_MAX_DIM);
	bool is_new;
	size_t i = ser_map_add(p->name, name, strlen(name), &is_new);
	ser_assert(is_new && i == p->n_slice && i < INT32_MAX);
	p->slice = ser_grow(p->slice, &p->cap_slice, i + 1, sizeof *p->slice);
	struct ser_slice *s = &p->slice[p->n_slice++];
	*s = (struct ser_slice){
		.name = ser_strdup(name), .flags = flags, .ndim = ndim, .at = p->n, .n = 1, .lr_scale = 1};
	for (int d = 0; d < ndim; d++) {
		ser_assert(shape[d] > 0);
		s->shape[d] = shape[d];
		s->n = ser_mul(s->n, shape[d]);
	}
	if (p->outline)
		return (int)i;
	size_t n = ser_add(p->n, ser_add(s->n, PITCH - 1) / PITCH * PITCH), cap = p->cap;
	p->val = ser_grow(p->val, &cap, n, sizeof *p->val);
	if (cap > p->cap) { /* zeros that take no memory until something is added to them */
		free(p->grad);
		p->grad = ser_calloc(cap, sizeof *p->grad);
	}
	p->cap = cap;
	memset(p->val + p->n, 0, (n - p->n) * sizeof *p->val);
	struct ser_rng rng;
	ser_rng_seed_key(&rng, p->seed, name, strlen(name));
	real *v = p->val + s->at;
	for (size_t j = 0; j < s->n && !p->blank; j++)
		switch (init.kind) {
		case SER_INIT_CONST:
			v[j] = (real)init.a;
			break;
		case SER_INIT_UNIFORM:
			/* through float, so that both builds start from the same numbers */
			v[j] = (real)(float)(init.a * (2 * ser_rng_uniform(&rng) - 1));
			break;
		case SER_INIT_NORMAL:
			v[j] = (real)(float)(init.a * ser_rng_normal(&rng));
			break;
		}
	p->n = n;
	return (int)i;
}

int ser_params_find(const struct ser_params *p, const char *name)
{
	return (int)ser_map_find(p->name, name, strlen(name));
}

size_t ser_params_flag(struct ser_params *p, const char *prefix, unsigned flags, bool on)
{
	size_t n = 0, len = strlen(prefix);
	for (size_t i = 0; i < p->n_slice; i++)
		if (strncmp(p->slice[i].name, prefix, len) == 0) {
			p->slice[i].flags = on ? p->slice[i].flags | flags : p->slice[i].flags & ~flags;
			n++;
		}
	return n;
}

static bool trainable(const struct ser_slice *s)
{
	return (s->flags & (SER_P_BUFFER | SER_P_FROZEN)) == 0;
}

size_t ser_params_count(const struct ser_params *p, bool trainable_only)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n_slice; i++)
		if ((p->slice[i].flags & SER_P_BUFFER) == 0 && (!trainable_only || trainable(&p->slice[i])))
			n += p->slice[i].n;
	return n;
}

/* The next run of slices, from *i on, none of which is frozen: elements [*from, *to). False: there is none. */
static bool live_run(const struct ser_params *p, size_t *i, size_t *from, size_t *to)
{
	while (*i < p->n_slice && (p->slice[*i].flags & SER_P_FROZEN) != 0)
		++*i;
	if (*i == p->n_slice)
		return false;
	*from = p->slice[*i].at;
	while (*i < p->n_slice && (p->slice[*i].flags & SER_P_FROZEN) == 0)
		++*i;
	*to = *i < p->n_slice ? p->slice[*i].at : p->n;
	return true;
}

size_t ser_params_live(const struct ser_params *p)
{
	size_t n = 0;
	for (size_t i = 0, from, to; live_run(p, &i, &from, &to); n += to - from)
		;
	return n;
}

void ser_params_get(const struct ser_params *p, const real *flat, real *live)
{
	for (size_t i = 0, from, to; live_run(p, &i, &from, &to); live += to - from)
		memcpy(live, flat + from, (to - from) * sizeof *live);
}

void ser_params_put(const struct ser_params *p, const real *live, real *flat)
{
	for (size_t i = 0, from, to; live_run(p, &i, &from, &to); live += to - from)
		memcpy(flat + from, live, (to - from) * sizeof *live);
}

void ser_params_remove(struct ser_params *p, int slice)
{
	ser_assert(slice >= 0 && (size_t)slice < p->n_slice);
	free(p->slice[slice].name);
	memmove(p->slice + slice, p->slice + slice + 1, (p->n_slice - (size_t)slice - 1) * sizeof *p->slice);
	p->n_slice--;
	ser_map_free(p->name);
	p->name = ser_map_new();
	for (size_t i = 0; i < p->n_slice; i++)
		ser_map_add(p->name, p->slice[i].name, strlen(p->slice[i].name), &(bool){false});
}

void ser_params_zero_grad(struct ser_params *p)
{
	for (size_t i = 0, from, to;
	     !p->outline && live_run(p, &i, &from, &to);) /* to what is frozen nothing is ever added */
		ser_zero(p->grad + from, (to - from) * sizeof *p->grad);
}

/* Of rows that nothing was added to, tokens that did not come, no memory is written. */
static void scale(size_t n, real f, real *x)
{
	enum { AT_ONCE = 1024 };
	for (size_t i = 0; i < n; i += AT_ONCE) {
		size_t m = n - i < AT_ONCE ? n - i : AT_ONCE;
		bool none = ser_is_zero(x + i, m * sizeof *x);
		for (size_t j = i; !none && j < i + m; j++)
			x[j] *= f;
	}
}

int ser_params_clip(struct ser_params *p, double max_norm, double *norm, struct ser_err *e)
{
	double sum = 0;
	for (size_t i = 0; i < p->n_slice; i++) {
		const struct ser_slice *s = &p->slice[i];
		if (!trainable(s))
			continue;
		double q = ser_la_dot(s->n, p->grad + s->at, p->grad + s->at);
		if (!isfinite(q))
			return ser_fail(e, SER_EDATA, "the gradient of parameter \"%s\" is not finite", s->name);
		sum += q;
	}
	sum = sqrt(sum);
	if (norm != NULL)
		*norm = sum;
	if (max_norm > 0 && sum > max_norm) {
		real f = (real)(max_norm / sum);
		for (size_t i = 0; i < p->n_slice; i++)
			if (trainable(&p->slice[i]))
				scale(p->slice[i].n, f, p->grad + p->slice[i].at);
	}
	return 0;
}

int ser_params_check(const struct ser_params *p, struct ser_err *e)
{
	for (size_t i = 0; i < p->n_slice && !p->outline; i++) {
		const struct ser_slice *s = &p->slice[i];
		for (size_t j = 0; j < s->n; j++)
			if (!isfinite(p->val[s->at + j]))
				return ser_fail(e, SER_EDATA, "parameter \"%s\" holds a value that is not finite",
						s->name);
	}
	return 0;
}
