/* SPDX-License-Identifier: MIT */
/* What the sets have in common: frames, the pitch, smoothing. */
#include "dsp/smile_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float QUIET = 0.001f; /* root mean square of a windowed frame of 60 ms, below which there is no voice */

static const struct ser_smile_pitch_opt PITCH_EGEMAPS = {55, 1000, 25, SMILE_CAND, false, false, 0.7},
					PITCH_COMPARE = {52, 620, 25, SMILE_CAND, false, false, 0.7},
					PITCH_IS11 = {52, 620, 25, 4, true, false, 0.7};

/* Band energies below that of one of 16-bit samples count as it. */
static const struct ser_smile_frame FRAME_COMPARE = {.win_ms = 20, .low_hz = 20, .least = 0x1p-30},
				    FRAME_EGEMAPS = {.win_ms = 20, .low_hz = 20, .least = 0x1p-30, .centred = true};

static const struct ser_lld_set *columns(enum ser_front_kind kind)
{
	return kind == SER_EGEMAPS   ? &ser_lld_egemaps
	       : kind == SER_IS09    ? &ser_lld_is09
	       : kind == SER_IS10    ? &ser_lld_is10
	       : kind == SER_IS11    ? &ser_lld_is11
	       : kind == SER_EMOBASE ? &ser_lld_emobase
				     : &ser_lld_compare;
}

struct ser_smile *ser_smile_new(enum ser_front_kind kind, double rate_hz)
{
	struct ser_smile *p = ser_calloc(1, sizeof *p);
	p->kind = kind;
	p->n_column = kind == SER_IS11 ? SER_COMPARE_N : columns(kind)->n;
	p->reach = kind == SER_EGEMAPS ? 0.1 : 0.25;
	ser_smile_size_of(rate_hz, 20, &p->size);
	p->win_long = p->size.wide;
	if (kind == SER_EGEMAPS) {
		p->spectrum = ser_smile_spectrum_new(&FRAME_EGEMAPS, &p->size);
		p->pitch = ser_smile_pitch_new(&PITCH_EGEMAPS, &p->size);
		p->formants = ser_smile_formants_new(&p->size);
	} else if (kind == SER_COMPARE || kind == SER_IS11) {
		p->spectrum = ser_smile_spectrum_new(&FRAME_COMPARE, &p->size);
		p->pitch = ser_smile_pitch_new(kind == SER_IS11 ? &PITCH_IS11 : &PITCH_COMPARE, &p->size);
		ser_smile_compare_new(p);
	} else {
		ser_smile_older_new(p);
	}
	return p;
}

void ser_smile_free(struct ser_smile *p)
{
	if (p == NULL)
		return;
	ser_smile_spectrum_free(p->spectrum);
	ser_smile_pitch_free(p->pitch);
	ser_smile_formants_free(p->formants);
	ser_smile_bands_free(p->bands);
	ser_smile_acf_free(p->acf);
	free(p);
}

struct ser_smile_ws *ser_smile_ws_new(void)
{
	struct ser_smile_ws *ws = ser_calloc(1, sizeof *ws);
	ws->scratch = ser_malloc_aligned(SMILE_SCRATCH, sizeof *ws->scratch);
	return ws;
}

void ser_smile_ws_free(struct ser_smile_ws *ws)
{
	if (ws == NULL)
		return;
	free(ws->scratch);
	free(ws->x);
	free(ws->raw);
	free(ws->cand);
	free(ws->period);
	free(ws->level);
	free(ws->smooth);
	free(ws->back);
	free(ws);
}

static size_t n_long(const struct ser_smile *p, size_t n)
{
	return 1 + (n - p->win_long) / p->size.hop;
}

size_t ser_smile_least(const struct ser_smile *p)
{
	bool two = p->kind == SER_IS10 || p->kind == SER_IS11; /* frames at least */
	return p->win_long + (two ? p->size.hop : 0);
}

size_t ser_smile_n_frame(const struct ser_smile *p, size_t n)
{
	return n < ser_smile_least(p) ? 0 : n_long(p, n) + (p->kind != SER_IS10 && p->kind != SER_IS11);
}

size_t ser_smile_rows(const struct ser_smile *p, const struct ser_smile_ws *ws)
{
	return ser_smile_n_frame(p, ws->n);
}

static void room(const struct ser_smile *p, struct ser_smile_ws *ws, size_t n)
{
	size_t t = n_long(p, n), short_frames = 1 + (n - p->size.win) / p->size.hop,
	       cells = ser_mul(short_frames + 1, p->n_column);
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
	if (p->kind == SER_EGEMAPS)
		return;
	ws->smooth = ser_grow(ws->smooth, &ws->cap_smooth, ser_mul(cells, 2), sizeof *ws->smooth);
	ws->delta = ws->smooth + cells;
}

void ser_smile_track(const struct ser_smile *p, struct ser_smile_ws *ws, bool path)
{
	ws->sure = 0;
	if (path)
		ws->sure = ser_smile_path(ws->cand, ws->n_long, ws->back, ws->hz, ws->voicing);
	else
		ser_smile_first(p->pitch, ws->cand, ws->n_long--, ws->hz, ws->voicing);
	for (size_t t = 0; path && t < ws->n_long; t++)
		if (ws->level[t] < QUIET)
			ws->hz[t] = ws->voicing[t] = 0;
	/* without a path the pitch comes a frame late, and the periods are looked for where it is then */
	size_t late = path ? 0 : p->size.hop;
	ser_smile_jitter(&p->size, ws->x + late, ws->n - late, p->reach, ws->hz, ws->n_long, ws->period);
}

float ser_smile_mean3(const struct ser_smile_ws *ws, size_t j, size_t t, size_t n)
{
	size_t a = t > 0 ? t - 1 : 0, b = t + 1 < n ? t + 1 : n - 1, c = t < n ? t : n - 1;
	a = a < n ? a : n - 1;
	float after = t == 0 && n == 1 ? 0 : ser_smile_raw(ws, b)[j];
	return (ser_smile_raw(ws, a)[j] + ser_smile_raw(ws, c)[j] + after) / 3;
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

void ser_smile_deltas(const float *y, float *d, size_t n, size_t n_row, size_t stride, size_t n_column)
{
	ser_delta_do(y, stride, d, stride, n_row, n_column, 2);
	for (size_t t = 0; t < 2 && t < n_row && n < 3; t++)
		for (size_t j = 0; j < n_column; j++) {
			float sum = 0;
			for (size_t k = 1; k <= 2; k++)
				sum += (float)k *
				       ((k < n ? y[(t + k) * stride + j] : 0) - y[(t > k ? t - k : 0) * stride + j]);
			d[t * stride + j] = sum / 10;
		}
}

double ser_smile_zero_crossings(const float *x, size_t n)
{
	size_t crossings = 0;
	for (size_t i = 1; i + 1 < n; i++)
		crossings += x[i - 1] * x[i] < 0 || (x[i] == 0 && x[i - 1] * x[i + 1] <= 0);
	return (double)crossings / (double)n;
}

/* openSMILE takes samples as 16 bits, towards 0, and 32767 for 1. */
void ser_smile_do(const struct ser_smile *p, struct ser_smile_ws *ws, const float *x, size_t n, float *y, int n_delta)
{
	room(p, ws, n);
	for (size_t i = 0; i < n; i++)
		ws->x[i] = (float)trunc(fmax(-32768, fmin(32767, x[i] * 32768.0))) / 32767;
	size_t stride = columns(p->kind)->n * (size_t)(1 + n_delta);
	if (p->kind == SER_EGEMAPS)
		ser_smile_egemaps_do(p, ws, y);
	else if (p->kind == SER_COMPARE || p->kind == SER_IS11)
		ser_smile_compare_do(p, ws, y, stride, n_delta > 0);
	else
		ser_smile_older_do(p, ws, y, stride, n_delta > 0);
}

void ser_smile_func(const struct ser_smile *p, struct ser_smile_ws *ws, const char *set, float *f)
{
	if (p->kind == SER_EGEMAPS)
		ser_smile_egemaps_func(ws, f);
	else
		ser_smile_groups_func(set, ws, f);
}
