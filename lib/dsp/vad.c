/* SPDX-License-Identifier: MIT */
#include "dsp/augment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK = 5 /* blocks of 100 ms after a frame that its background may come from */ };

struct ser_vad {
	struct ser_vad_opt o;
	size_t win, shift, block; /* samples */
	float *x;                 /* samples [base, base + n) of the recording */
	size_t base, n, cap;
	double *power; /* [n_past + LOOK + 1] mean square of the latest blocks, a ring; block b in b % size */
	size_t n_ring, n_block;
	size_t t;        /* next frame to judge */
	double *energy;  /* [n_energy] mean squares of the frames of the speech at hand, from frame `first` on */
	bool *active;    /* [n_energy] */
	size_t n_energy; /* its capacity */
	bool speech;
	size_t from;    /* its first sample, lead included */
	size_t first;   /* its first frame that was kept in `energy` */
	size_t last;    /* its last active frame */
	size_t n_loud;  /* its active frames */
	size_t end;     /* no speech may begin before this sample: the end of what was given out */
	size_t discard; /* samples before this one are no longer needed */
};

void ser_vad_opt_init(struct ser_vad_opt *o, double rate_hz)
{
	*o = (struct ser_vad_opt){.rate_hz = rate_hz,
				  .threshold_db = 10,
				  .floor_db = -65,
				  .lead_s = 0.1,
				  .hangover_s = 0.3,
				  .min_speech_s = 0.2,
				  .max_speech_s = 30,
				  .past_s = 10};
}

static size_t samples(const struct ser_vad *v, double s)
{
	return (size_t)llround(s * v->o.rate_hz);
}

struct ser_vad *ser_vad_new(const struct ser_vad_opt *o)
{
	struct ser_vad *v = ser_calloc(1, sizeof *v);
	v->o = *o;
	v->shift = samples(v, 0.01) > 0 ? samples(v, 0.01) : 1;
	v->win = samples(v, 0.025) > v->shift ? samples(v, 0.025) : v->shift;
	v->block = 10 * v->shift;
	v->n_ring = (size_t)ceil(o->past_s * 10) + LOOK + 1;
	v->power = ser_calloc(v->n_ring, sizeof *v->power);
	v->n_energy = samples(v, o->max_speech_s) / v->shift + 2;
	v->energy = ser_calloc(v->n_energy, sizeof *v->energy);
	v->active = ser_calloc(v->n_energy, sizeof *v->active);
	return v;
}

void ser_vad_free(struct ser_vad *v)
{
	if (v == NULL)
		return;
	free(v->x);
	free(v->power);
	free(v->energy);
	free(v->active);
	free(v);
}

static void forget(struct ser_vad *v)
{
	size_t drop = v->discard > v->base ? v->discard - v->base : 0;
	if (drop == 0)
		return;
	memmove(v->x, v->x + drop, (v->n - drop) * sizeof *v->x);
	v->base += drop;
	v->n -= drop;
}

void ser_vad_push(struct ser_vad *v, const float *x, size_t n)
{
	forget(v);
	v->x = ser_grow(v->x, &v->cap, v->n + n, sizeof *v->x);
	memcpy(v->x + v->n, x, n * sizeof *x);
	v->n += n;
}

/* The background of frame t, from the blocks known now. */
static double background(const struct ser_vad *v, size_t t)
{
	size_t here = t * v->shift / v->block, past = (size_t)ceil(v->o.past_s * 10);
	size_t from = here > past ? here - past : 0, to = here + LOOK + 1;
	to = to < v->n_block ? to : v->n_block;
	double least = INFINITY;
	for (size_t b = from; b < to; b++) {
		double p = v->power[b % v->n_ring];
		if (p > 1e-10 && p < least)
			least = p;
	}
	return least;
}

/* The speech at hand, up to sample `to`, if there is enough of it. */
static bool give(struct ser_vad *v, size_t to, const float **x, size_t *start, size_t *n)
{
	size_t total = v->base + v->n;
	to = to < total ? to : total;
	bool enough = (double)(v->n_loud * v->shift) >= v->o.min_speech_s * v->o.rate_hz - 0.5;
	*start = v->from;
	*n = to - v->from;
	*x = v->x + (v->from - v->base);
	v->end = to;
	v->speech = false;
	return enough;
}

/* Part the speech at hand, which has become too long, at the weakest frame of its second half. */
static bool part(struct ser_vad *v, const float **x, size_t *start, size_t *n)
{
	size_t n_frame = v->t - v->first, cut = n_frame / 2, n_loud = 0;
	for (size_t i = cut; i < n_frame; i++)
		if (v->energy[i] < v->energy[cut])
			cut = i;
	size_t at = (v->first + cut) * v->shift + v->win / 2;
	for (size_t i = cut; i < n_frame; i++)
		n_loud += v->active[i];
	v->n_loud -= n_loud;
	bool any = give(v, at, x, start, n);
	/* what is behind the cut goes on as the next speech */
	memmove(v->energy, v->energy + cut, (n_frame - cut) * sizeof *v->energy);
	memmove(v->active, v->active + cut, (n_frame - cut) * sizeof *v->active);
	v->speech = true;
	v->from = v->end;
	v->first += cut;
	v->n_loud = n_loud;
	return any;
}

int ser_vad_next(struct ser_vad *v, bool end, const float **x, size_t *start, size_t *n)
{
	double up = pow(10, v->o.threshold_db / 10), floor_ms = pow(10, v->o.floor_db / 10);
	size_t total = v->base + v->n, lead = samples(v, v->o.lead_s), hang = samples(v, v->o.hangover_s);
	for (;;) {
		size_t at = v->t * v->shift;
		bool whole = at + v->win <= total;
		if (!whole && (!end || !v->speech))
			return 0;
		if (!whole) {
			size_t to = v->last * v->shift + v->win + hang;
			return give(v, to, x, start, n) ? 1 : 0;
		}
		while ((v->n_block + 1) * v->block <= total && v->n_block * v->block <= at + LOOK * v->block) {
			v->power[v->n_block % v->n_ring] =
				ser_mean_square(v->x + (v->n_block * v->block - v->base), v->block);
			v->n_block++;
		}
		if (!end && v->n_block * v->block <= at + LOOK * v->block)
			return 0;
		double p = ser_mean_square(v->x + (at - v->base), v->win), back = background(v, v->t);
		bool loud = p > floor_ms && (!isfinite(back) || p > back * up);
		if (loud && !v->speech) {
			v->speech = true;
			v->from = at > v->end + lead ? at - lead : v->end;
			v->first = v->t;
			v->n_loud = 0;
		}
		if (v->speech) {
			v->energy[v->t - v->first] = p;
			v->active[v->t - v->first] = loud;
			v->n_loud += loud;
			v->last = loud ? v->t : v->last;
		} else {
			v->discard = at > lead ? at - lead : 0;
			/* the next block's samples stay */
			v->discard = v->discard < v->n_block * v->block ? v->discard : v->n_block * v->block;
		}
		v->t++;
		if (!v->speech)
			continue;
		bool any = false;
		size_t past = v->last * v->shift + v->win + hang;
		if (v->t * v->shift >= past) {
			any = give(v, past, x, start, n);
			v->discard = v->end > lead ? v->end - lead : 0;
		} else if (v->t - v->first + 1 >= v->n_energy ||
			   v->t * v->shift + v->win - v->from >= samples(v, v->o.max_speech_s)) {
			any = part(v, x, start, n);
			v->discard = v->end;
		}
		if (any)
			return 1;
	}
}
