/* SPDX-License-Identifier: MIT */
/* What the sets have in common: frames, the pitch, smoothing. */
#include "dsp/smile_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float QUIET = 0.001f; /* root mean square of a windowed frame of 60 ms, below which there is no voice */

struct ser_smile *ser_smile_new(enum ser_front_kind kind)
{
	struct ser_smile *p = ser_calloc(1, sizeof *p);
	bool egemaps = kind == SER_EGEMAPS;
	p->kind = kind;
	p->n_column = egemaps ? SER_EGEMAPS_LLD_N : SER_COMPARE_N;
	p->reach = egemaps ? 0.1 : 0.25;
	p->spectrum = ser_smile_spectrum_new();
	p->pitch = egemaps ? ser_smile_pitch_new(55, 1000) : ser_smile_pitch_new(52, 620);
	if (egemaps)
		p->formants = ser_smile_formants_new();
	else
		ser_smile_compare_new(p);
	return p;
}

void ser_smile_free(struct ser_smile *p)
{
	if (p == NULL)
		return;
	ser_smile_spectrum_free(p->spectrum);
	ser_smile_pitch_free(p->pitch);
	ser_smile_formants_free(p->formants);
	free(p);
}

struct ser_smile_ws *ser_smile_ws_new(void)
{
	struct ser_smile_ws *ws = ser_calloc(1, sizeof *ws);
	ws->scratch = ser_malloc_aligned(SMILE_SCRATCH, sizeof *ws->scratch);
	ws->z = ser_malloc_aligned(2 * SMILE_BIN, sizeof *ws->z);
	return ws;
}

void ser_smile_ws_free(struct ser_smile_ws *ws)
{
	if (ws == NULL)
		return;
	free(ws->scratch);
	free(ws->z);
	free(ws->x);
	free(ws->raw);
	free(ws->cand);
	free(ws->period);
	free(ws->level);
	free(ws->smooth);
	free(ws->back);
	free(ws);
}

size_t ser_smile_n_frame(size_t n)
{
	return n < SMILE_LONG ? 0 : 2 + (n - SMILE_LONG) / SMILE_HOP;
}

static void room(const struct ser_smile *p, struct ser_smile_ws *ws, size_t n)
{
	size_t t = ser_smile_n_frame(n) - 1, short_frames = 1 + (n - SMILE_WIN) / SMILE_HOP,
	       cells = ser_mul(short_frames, p->n_column);
	ws->n = n;
	ws->n_long = t;
	ws->n_short = short_frames;
	ws->n_column = p->n_column;
	ws->x = ser_grow(ws->x, &ws->cap_x, n, sizeof *ws->x);
	ws->raw = ser_grow(ws->raw, &ws->cap_raw, cells, sizeof *ws->raw);
	ws->cand = ser_grow(ws->cand, &ws->cap_cand, t, sizeof *ws->cand);
	ws->period = ser_grow(ws->period, &ws->cap_period, t, sizeof *ws->period);
	ws->level = ser_grow(ws->level, &ws->cap_level, ser_mul(t, 3), sizeof *ws->level);
	ws->hz = ws->level + t;
	ws->voicing = ws->hz + t;
	ws->back = ser_grow(ws->back, &ws->cap_back, ser_mul(t, SMILE_CAND + 1), sizeof *ws->back);
	if (p->kind != SER_COMPARE)
		return;
	ws->smooth = ser_grow(ws->smooth, &ws->cap_smooth, ser_mul(cells, 2), sizeof *ws->smooth);
	ws->delta = ws->smooth + cells;
}

void ser_smile_track(const struct ser_smile *p, struct ser_smile_ws *ws)
{
	ws->sure = ser_smile_path(ws->cand, ws->n_long, ws->back, ws->hz, ws->voicing);
	for (size_t t = 0; t < ws->n_long; t++)
		if (ws->level[t] < QUIET)
			ws->hz[t] = ws->voicing[t] = 0;
	ser_smile_jitter(ws->x, ws->n, p->reach, ws->hz, ws->n_long, ws->period);
}

float ser_smile_mean3(const struct ser_smile_ws *ws, size_t j, size_t t, size_t n)
{
	size_t a = t > 0 ? t - 1 : 0, b = t + 1 < n ? t + 1 : n - 1, c = t < n ? t : n - 1;
	a = a < n ? a : n - 1;
	return (ser_smile_raw(ws, a)[j] + ser_smile_raw(ws, c)[j] + ser_smile_raw(ws, b)[j]) / 3;
}

float ser_smile_mean3_voice(const float *column, size_t stride, size_t t, size_t last)
{
	size_t at[3] = {t > 0 ? t - 1 : 0, t < last ? t : last, t < last ? t + 1 : last};
	double sum = 0, n = 0;
	at[0] = at[0] < last ? at[0] : last;
	if (column[at[1] * stride] == 0)
		return 0;
	for (int k = 0; k < 3; k++) {
		float v = column[at[k] * stride];
		sum += v;
		n += v != 0;
	}
	return (float)(sum / n);
}

void ser_smile_do(const struct ser_smile *p, struct ser_smile_ws *ws, const float *x, size_t n, float *y, int n_delta)
{
	room(p, ws, n);
	for (size_t i = 0; i < n; i++)
		ws->x[i] = x[i] * (32768.0 / 32767);
	if (p->kind == SER_EGEMAPS)
		ser_smile_egemaps_do(p, ws, y);
	else
		ser_smile_compare_do(p, ws, y, p->n_column * (size_t)(1 + n_delta), n_delta > 0);
}

void ser_smile_func(const struct ser_smile *p, struct ser_smile_ws *ws, float *f)
{
	if (p->kind == SER_EGEMAPS)
		ser_smile_egemaps_func(ws, f);
	else
		ser_smile_compare_func(ws, f);
}
