/* SPDX-License-Identifier: MIT */
#include "dsp/lld.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double AROUND_S = 0.03; /* jitter and shimmer are of 60 ms about a frame's centre */

float ser_hnr_db(float r)
{
	double s = r < 1 - 1e-6 ? r : 1 - 1e-6;
	return (float)(10 * log10(s / (1 - s)));
}

void ser_lld_init(struct ser_lld *p)
{
	if (p->set == &ser_lld_basic)
		return;
	p->aud = ser_auditory_new(p->rate_hz, p->shift_s, p->n_bin, p->bin_hz);
	if (p->set == &ser_lld_egemaps)
		p->formants = ser_formants_new(p->rate_hz, p->n_bin, p->bin_hz);
	p->weight = ser_malloc(p->n_bin, sizeof *p->weight);
	for (size_t k = 0; k < p->n_bin; k++)
		p->weight[k] = ser_sharpness_weight((double)k * p->bin_hz);
}

void ser_lld_free(struct ser_lld *p)
{
	ser_f0_free(p->f0);
	ser_auditory_free(p->aud);
	ser_formants_free(p->formants);
	free(p->weight);
}

struct ser_lld_ws *ser_lld_ws_new(const struct ser_lld *p)
{
	struct ser_lld_ws *ws = ser_calloc(1, sizeof *ws);
	ws->f0 = ser_f0_ws_new(p->f0);
	if (p->set == &ser_lld_basic)
		ws->shape = ser_malloc(2 * p->n_bin, sizeof *ws->shape);
	else
		ws->last = ser_calloc(p->n_bin, sizeof *ws->last);
	return ws;
}

void ser_lld_ws_free(struct ser_lld_ws *ws)
{
	if (ws == NULL)
		return;
	ser_f0_ws_free(ws->f0);
	ser_pulses_free(&ws->pulses);
	free(ws->pitch);
	free(ws->voice);
	free(ws->shape);
	free(ws->last);
	free(ws->column);
	free(ws);
}

int ser_lld_begin(const struct ser_lld *p, struct ser_lld_ws *ws, const float *x, size_t n, double first_s,
		  size_t n_frame, struct ser_err *e)
{
	ws->pitch = ser_grow(ws->pitch, &ws->pitch_cap, 2 * n_frame, sizeof *ws->pitch);
	ws->voice = ser_grow(ws->voice, &ws->voice_cap, n_frame, sizeof *ws->voice);
	ws->column = ser_grow(ws->column, &ws->column_cap, n_frame, sizeof *ws->column);
	float *f0 = ws->pitch, *r = ws->pitch + n_frame;
	int rc = ser_f0_do(p->f0, ws->f0, x, n, first_s, n_frame, f0, r, e);
	if (rc != SER_OK)
		return rc;
	if (p->set->pulses)
		ser_pulses_find(&ws->pulses, x, n, p->rate_hz, f0, first_s, p->shift_s, n_frame);
	size_t hint = 0;
	for (size_t t = 0; t < n_frame; t++) {
		struct ser_voice *v = &ws->voice[t];
		*v = (struct ser_voice){.f0 = f0[t], .strength = r[t], .peak = (float)ser_f0_peak(p->f0, ws->f0, t)};
		double at = first_s + (double)t * p->shift_s;
		if (f0[t] > 0 && p->set->pulses)
			ser_perturbation(&ws->pulses, at - AROUND_S, at + AROUND_S, &hint, &v->pert);
	}
	return SER_OK;
}

void ser_smooth(struct ser_lld_ws *ws, bool voiced, float *y, size_t n_frame, size_t stride, size_t from, size_t to)
{
	for (size_t j = from; j < to; j++) {
		for (size_t t = 0; t < n_frame; t++)
			ws->column[t] = y[t * stride + j];
		for (size_t t = 0; t < n_frame; t++) {
			double sum = 0, n = 0;
			if (voiced && !(ws->voice[t].f0 > 0))
				continue;
			for (size_t i = t > 0 ? t - 1 : 0; i <= t + 1 && i < n_frame; i++) {
				if (voiced && !(ws->voice[i].f0 > 0))
					continue;
				sum += ws->column[i];
				n++;
			}
			y[t * stride + j] = (float)(sum / n);
		}
	}
}
