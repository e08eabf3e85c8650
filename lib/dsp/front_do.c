/* SPDX-License-Identifier: MIT */
/* A front-end at work: frames out of a signal, in blocks of as many as a vector register has lanes, then what looks at the
 * whole matrix. */
#include "dsp/front.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOOPS "dsp/front_lanes.h"
#include "dsp/widths.h"

/* Samples times scale beyond this are refused: their power spectrum stays far from overflow. */
static const float MAX_SAMPLE = 1e12f;

void ser_front_force_isa(struct ser_front *p, int isa)
{
	p->w = width_for(isa);
	p->block = OF_WIDTH(p->w, block);
	if (p->wide != NULL)
		ser_front_force_isa(p->wide, isa);
	if (p->lld != NULL)
		ser_f0_force_isa(p->lld->f0, isa);
}

static float *rows_of(size_t n)
{
	return ser_malloc_aligned(ser_mul(n, LANES), sizeof(float));
}

struct ser_front_ws *ser_front_ws_new(const struct ser_front *p)
{
	struct ser_front_ws *ws = ser_calloc(1, sizeof *ws);
	if (p->o.kind == SER_WAVE)
		return ws;
	size_t rows = p->win + p->n_bin + p->n_out_row + p->n_ceps_row + p->n_row + p->n_aux_row;
	ws->scratch = rows_of(rows);
	ws->edge = rows_of(p->win);
	if (p->lld != NULL) {
		ws->lld = ser_lld_ws_new(p->lld);
		ws->spec = rows_of(p->n_bin);
	}
	if (p->wide != NULL) {
		ws->wide = ser_front_ws_new(p->wide);
		ws->wide_spec = rows_of(p->wide->n_bin);
	}
	return ws;
}

void ser_front_ws_free(struct ser_front_ws *ws)
{
	if (ws == NULL)
		return;
	free(ws->scratch);
	free(ws->edge);
	free(ws->x);
	ser_lld_ws_free(ws->lld);
	free(ws->spec);
	ser_front_ws_free(ws->wide);
	free(ws->wide_spec);
	free(ws);
}

/* Sample i of a signal of n samples, which may lie outside. */
static float beyond(const struct ser_front *p, const float *x, size_t n, ptrdiff_t i)
{
	ptrdiff_t m = (ptrdiff_t)n;
	if (p->o.edges == SER_EDGES_MIRROR) { /* ... 1 0 | 0 1 ... n-1 | n-1 ... */
		while (i < 0 || i >= m)
			i = i < 0 ? -1 - i : 2 * m - 1 - i;
		return x[i];
	}
	if (p->o.pad == SER_PAD_CONSTANT)
		return i < 0 || i >= m ? 0 : x[i];
	while (i < 0 || i >= m) /* ... 2 1 | 0 1 ... n-1 | n-2 ... */
		i = i < 0 ? -i : 2 * m - 2 - i;
	return x[i];
}

/* Frames [t, t + n_lane) of the wider spectrum, centred as those of p; what lies beyond the ends is 0. */
static void widen(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n, size_t t, size_t n_lane)
{
	const float *src[LANES];
	size_t win = p->wide->win;
	for (size_t l = 0; l < p->wide->w; l++) {
		size_t lane = l < n_lane ? l : 0;
		ptrdiff_t from =
			(ptrdiff_t)((t + lane) * p->shift) + p->offset + (ptrdiff_t)(p->win / 2) - (ptrdiff_t)(win / 2);
		bool inside = from >= 0 && (size_t)from + win <= n;
		float *edge = ws->wide->edge + l * win;
		src[l] = inside ? x + from : edge;
		for (size_t i = 0; !inside && i < win; i++) {
			ptrdiff_t k = from + (ptrdiff_t)i;
			edge[i] = k >= 0 && k < (ptrdiff_t)n ? x[k] : 0;
		}
	}
	p->wide->block(p->wide, ws->wide->scratch, src, ws->wide_spec, p->wide->n_bin, n_lane);
}

static void descriptors(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n,
			const float *const *src, size_t t, size_t n_lane, float *y)
{
	p->block(p, ws->scratch, src, ws->spec, p->n_bin, n_lane);
	if (p->wide != NULL)
		widen(p, ws, x, n, t, n_lane);
	for (size_t l = 0; l < n_lane; l++) {
		const struct ser_lld_frame f = {
			.t = t + l,
			.x = src[l],
			.pw = ws->spec + l * p->n_bin,
			.wide = p->wide != NULL ? ws->wide_spec + l * p->wide->n_bin : NULL,
			.voice = &ws->lld->voice[t + l],
		};
		p->lld->set->frame(p->lld, ws->lld, &f, y + l * p->dim);
	}
}

static void blocks(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n, size_t n_frame,
		   struct ser_rng *rng, float *y)
{
	const float *src[LANES];
	double noise = p->o.dither / p->o.scale;
	for (size_t t = 0; t < n_frame; t += p->w) {
		size_t n_lane = n_frame - t < p->w ? n_frame - t : p->w;
		for (size_t l = 0; l < p->w; l++) {
			if (l >= n_lane) { /* lanes without a frame repeat the first */
				src[l] = src[0];
				continue;
			}
			ptrdiff_t from = (ptrdiff_t)((t + l) * p->shift) + p->offset;
			bool inside = from >= 0 && (size_t)from + p->win <= n;
			float *edge = ws->edge + l * p->win;
			src[l] = inside ? x + from : edge;
			if (!inside)
				for (size_t i = 0; i < p->win; i++)
					edge[i] = beyond(p, x, n, from + (ptrdiff_t)i);
			if (p->o.dither > 0) {
				if (inside)
					memcpy(edge, x + from, p->win * sizeof *edge);
				for (size_t i = 0; i < p->win; i++)
					edge[i] += (float)(noise * ser_rng_normal(rng));
				src[l] = edge;
			}
		}
		if (p->lld == NULL)
			p->block(p, ws->scratch, src, y + t * p->dim, p->dim, n_lane);
		else
			descriptors(p, ws, x, n, src, t, n_lane, y + t * p->dim);
	}
}

static void subtract_mean(float *y, size_t n_frame, size_t d, size_t stride)
{
	for (size_t j = 0; j < d; j++) {
		double s = 0;
		for (size_t t = 0; t < n_frame; t++)
			s += y[t * stride + j];
		float mean = (float)(s / (double)n_frame);
		for (size_t t = 0; t < n_frame; t++)
			y[t * stride + j] -= mean;
	}
}

static void limit_db(const struct ser_front *p, float *y, size_t n_frame)
{
	float top = -INFINITY;
	for (size_t t = 0; t < n_frame; t++)
		for (size_t j = 0; j < p->base_dim; j++)
			top = fmaxf(top, y[t * p->dim + j]);
	top -= (float)p->o.top_db;
	for (size_t t = 0; t < n_frame; t++)
		for (size_t j = 0; j < p->base_dim; j++)
			y[t * p->dim + j] = fmaxf(top, y[t * p->dim + j]);
}

int ser_front_do(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n, struct ser_rng *rng,
		 float *y, struct ser_err *e)
{
	const struct ser_front_opt *o = &p->o;
	ser_assert(o->kind == SER_WAVE || o->dither == 0 || rng != NULL);
	size_t n_frame = ser_front_n_frame(p, n);
	if (n_frame == 0)
		return ser_fail(e, SER_EDATA,
				"%zu samples (%.4g ms) are too few for one frame: %zu are needed (%.4g ms)", n,
				1e3 * (double)n / o->sample_frequency, ser_front_min_sample(p),
				1e3 * (double)ser_front_min_sample(p) / o->sample_frequency);
	float peak = ser_abs_max(x, n);
	if (!isfinite(peak))
		return ser_fail(e, SER_EDATA, "a sample is not a finite number");
	if (o->kind != SER_WAVE && peak * (float)o->scale > MAX_SAMPLE && !o->peak_norm)
		return ser_fail(e, SER_EDATA, "a sample of %g is beyond what a front-end takes (%g)", peak,
				MAX_SAMPLE / o->scale);
	if (o->kind == SER_WAVE) {
		for (size_t i = 0; i < n; i++)
			y[i] = o->peak_norm && peak > 0 ? x[i] / peak : x[i];
		return SER_OK;
	}
	if (o->peak_norm && peak > 0) {
		ws->x = ser_grow(ws->x, &ws->x_cap, n, sizeof *ws->x);
		for (size_t i = 0; i < n; i++)
			ws->x[i] = x[i] / peak;
		x = ws->x;
	}
	double first = ((double)p->offset + 0.5 * (double)p->win) / o->sample_frequency;
	if (p->lld != NULL && ser_lld_begin(p->lld, ws->lld, x, n, first, n_frame, e) != SER_OK)
		return e->code;
	blocks(p, ws, x, n, n_frame, rng, y);
	if (p->lld != NULL && p->lld->set->end != NULL)
		p->lld->set->end(p->lld, ws->lld, n_frame, y, p->dim);
	if (o->log == SER_LOG_DB && o->top_db > 0)
		limit_db(p, y, n_frame);
	if (o->subtract_mean)
		subtract_mean(y, n_frame, p->base_dim, p->dim);
	for (int k = 0; k < o->delta_order; k++)
		ser_delta_do(y + (size_t)k * p->base_dim, p->dim, y + (size_t)(k + 1) * p->base_dim, p->dim, n_frame,
			     p->base_dim, o->delta_window);
	if (!isfinite(ser_abs_max(y, n_frame * p->dim)))
		return ser_fail(e, SER_EDATA, "a feature is not a finite number");
	return SER_OK;
}
