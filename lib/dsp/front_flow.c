/* SPDX-License-Identifier: MIT */
/* A front-end over a sound that comes piece by piece: what is held is the stretch of it that frames still look at. */
#include "dsp/front.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ser_front_flow {
	const struct ser_front *p;
	struct ser_front_ws *ws;
	float *x; /* [n] samples from a multiple of the shift on */
	size_t n, cap;
	size_t next; /* the first frame not made yet, counted from where x begins */
	size_t lead; /* frames that x keeps before it: they hold all that it may be mirrored from */
	float *y;
	size_t cap_y;
	bool listens; /* the first of two passes */
	float top;    /* the greatest value of all frames */
	double *sum;  /* [D] of all frames, */
	size_t n_row; /* so many */
};

static bool levelled(const struct ser_front_opt *o)
{
	return o->log == SER_LOG_WHISPER || (o->log == SER_LOG_DB && o->top_db > 0);
}

int ser_front_passes(const struct ser_front *p)
{
	const struct ser_front_opt *o = &p->o;
	if (o->kind > SER_MFCC || p->smile != NULL || o->peak_norm || o->delta_order > 0 || o->dither != 0)
		return 0;
	if (o->kind == SER_WAVE)
		return 1;
	return levelled(o) && o->subtract_mean ? 0 : levelled(o) || o->subtract_mean ? 2 : 1;
}

struct ser_front_flow *ser_front_flow_new(const struct ser_front *p, struct ser_front_ws *ws)
{
	ser_assert(ser_front_passes(p) > 0);
	struct ser_front_flow *f = ser_calloc(1, sizeof *f);
	f->p = p;
	f->ws = ws;
	f->listens = ser_front_passes(p) == 2;
	f->lead = p->o.kind == SER_WAVE ? 0 : (p->win + p->n_fft) / p->shift + 2;
	f->top = -INFINITY;
	f->sum = ser_calloc(p->dim, sizeof *f->sum);
	return f;
}

void ser_front_flow_free(struct ser_front_flow *f)
{
	if (f == NULL)
		return;
	free(f->x);
	free(f->y);
	free(f->sum);
	free(f);
}

void ser_front_flow_again(struct ser_front_flow *f)
{
	f->listens = false;
	f->n = f->next = 0;
}

/* Frames from where x begins that will not change, whatever comes behind */
static size_t settled(const struct ser_front_flow *f)
{
	const struct ser_front *p = f->p;
	if (f->n < p->win + p->n_fft)
		return 0;
	size_t n = 1 + (size_t)((ptrdiff_t)f->n - p->offset - (ptrdiff_t)p->win) / p->shift;
	size_t most = ser_front_n_frame(p, f->n);
	return n < most ? n : most;
}

static void hear(struct ser_front_flow *f, size_t n_row)
{
	size_t d = f->p->dim;
	for (size_t i = 0; i < n_row * d; i++) {
		f->top = fmaxf(f->top, f->y[i]);
		f->sum[i % d] += f->y[i];
	}
	f->n_row += n_row;
}

static void level(struct ser_front_flow *f, size_t n_row)
{
	size_t d = f->p->dim;
	if (levelled(&f->p->o))
		ser_front_limit(f->p, f->y, n_row, f->top);
	for (size_t i = 0; f->p->o.subtract_mean && i < n_row * d; i++)
		f->y[i] -= (float)(f->sum[i % d] / (double)f->n_row);
}

/* x goes on from the frame that is `lead` before the next. */
static void forget(struct ser_front_flow *f)
{
	if (f->next <= f->lead)
		return;
	size_t skip = (f->next - f->lead) * f->p->shift;
	f->n -= skip;
	memmove(f->x, f->x + skip, f->n * sizeof *f->x);
	f->next = f->lead;
}

int ser_front_flow_do(struct ser_front_flow *f, const float *x, size_t n, bool last, const float **y, size_t *n_row,
		      struct ser_err *e)
{
	const struct ser_front *p = f->p;
	*y = f->y;
	*n_row = 0;
	if (ser_front_check(p, x, n, e) != SER_OK)
		return e->code;
	if (p->o.kind == SER_WAVE) {
		f->next += n;
		*y = x;
		*n_row = n;
		return f->next == 0 && last ? ser_front_too_few(p, 0, e) : SER_OK;
	}
	f->x = ser_grow(f->x, &f->cap, f->n + n, sizeof *f->x);
	if (n > 0)
		memcpy(f->x + f->n, x, n * sizeof *x);
	f->n += n;
	size_t to = last ? ser_front_n_frame(p, f->n) : settled(f);
	if (to == 0 && last)
		return ser_front_too_few(p, f->n, e);
	if (to <= f->next)
		return SER_OK;
	size_t got = to - f->next;
	f->y = ser_grow(f->y, &f->cap_y, ser_mul(got, p->dim), sizeof *f->y);
	ser_front_frames(p, f->ws, f->x, f->n, f->next, got, NULL, f->y);
	f->next = to;
	forget(f);
	if (f->listens) {
		hear(f, got);
		return SER_OK;
	}
	level(f, got);
	*y = f->y;
	*n_row = got;
	return ser_front_all_finite(f->y, got * p->dim, e);
}
