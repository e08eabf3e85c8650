/* SPDX-License-Identifier: MIT */
/* GeMAPS v01b and eGeMAPS v02: F. Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for voice research and
 * affective computing", IEEE Trans. Affective Computing 7 (2016) 190-202. */
#include "dsp/smile_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float QUIET = 0.001f; /* root mean square of a windowed frame of 60 ms, below which there is no voice */

struct ser_smile *ser_smile_new(void)
{
	struct ser_smile *p = ser_malloc(1, sizeof *p);
	p->spectrum = ser_smile_spectrum_new();
	p->pitch = ser_smile_pitch_new();
	p->formants = ser_smile_formants_new();
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
	free(ws->frame);
	free(ws->cand);
	free(ws->back);
	free(ws->level);
	free(ws);
}

size_t ser_smile_n_frame(size_t n)
{
	return n < SMILE_LONG ? 0 : 2 + (n - SMILE_LONG) / SMILE_HOP;
}

static void room(struct ser_smile_ws *ws, size_t n)
{
	size_t t = ser_smile_n_frame(n) - 1;
	ws->n = n;
	ws->n_long = t;
	ws->n_short = 1 + (n - SMILE_WIN) / SMILE_HOP;
	ws->x = ser_grow(ws->x, &ws->cap_x, n, sizeof *ws->x);
	ws->frame = ser_grow(ws->frame, &ws->cap_frame, ws->n_short + 1, sizeof *ws->frame);
	ws->cand = ser_grow(ws->cand, &ws->cap_cand, t, sizeof *ws->cand);
	ws->level = ser_grow(ws->level, &ws->cap_level, t, sizeof *ws->level);
	ws->back = ser_grow(ws->back, &ws->cap_back, ser_mul(t, SMILE_CAND + 1), sizeof *ws->back);
}

static void spectra(const struct ser_smile *p, struct ser_smile_ws *ws)
{
	double pw[SMILE_BIN], mel[SMILE_BAND], mag[SMILE_LONG_BIN], last[SMILE_BIN] = {0}, mfcc[4];
	for (size_t t = 0; t < ws->n_short; t++) {
		struct smile_frame *f = &ws->frame[t];
		float *y = f->raw;
		memset(f, 0, sizeof *f);
		ser_smile_short(p->spectrum, ws->x + t * SMILE_HOP, ws->scratch, ws->z, pw);
		ser_smile_mel(p->spectrum, pw, mel);
		ser_smile_mfcc(p->spectrum, mel, 4, mfcc);
		y[LOUDNESS] = (float)ser_smile_loudness(p->spectrum, mel);
		y[ALPHA] = (float)ser_smile_alpha(pw);
		y[HAMMARBERG] = (float)ser_smile_hammarberg(pw);
		y[SLOPE_LOW] = (float)ser_smile_slope(pw, 0, 16);
		y[SLOPE_HIGH] = (float)ser_smile_slope(pw, 16, 48);
		y[FLUX] = (float)ser_smile_flux(pw, t == 0, last);
		for (size_t c = 0; c < 4; c++)
			y[MFCC + c] = (float)mfcc[c];
		if (t >= ws->n_long)
			continue;
		float hz[SMILE_FORMANT], width[SMILE_FORMANT];
		ser_smile_formants_do(p->formants, ws->z, ws->scratch, hz, width);
		for (size_t i = 0; i < SMILE_FORMANT; i++) {
			y[FORMANT + 3 * i] = hz[i];
			y[FORMANT + 3 * i + 1] = width[i];
		}
		ws->level[t] = (float)ser_smile_long(p->spectrum, ws->x + t * SMILE_HOP, ws->scratch, mag);
		ser_smile_candidates(p->pitch, mag, &ws->cand[t]);
	}
}

static void voice(const struct ser_smile *p, struct ser_smile_ws *ws)
{
	double mag[SMILE_LONG_BIN];
	float *hz = ser_malloc(2 * ws->n_long, sizeof *hz);
	struct ser_smile_periods *period = ser_malloc(ws->n_long, sizeof *period);
	ws->sure = ser_smile_path(ws->cand, ws->n_long, ws->back, hz, hz + ws->n_long);
	for (size_t t = 0; t < ws->n_long; t++)
		hz[t] = ws->level[t] < QUIET ? 0 : hz[t];
	ser_smile_jitter(ws->x, ws->n, hz, ws->n_long, period);
	for (size_t t = 0; t < ws->n_long; t++) {
		float *y = ws->frame[t].raw, formant[SMILE_FORMANT];
		struct ser_smile_harmonics h;
		y[JITTER] = period[t].jitter;
		y[SHIMMER] = period[t].shimmer_db;
		for (size_t i = 0; i < SMILE_FORMANT; i++)
			y[FORMANT + 3 * i + 2] = SMILE_NO_AMPLITUDE;
		if (!(hz[t] > 0))
			continue;
		for (size_t i = 0; i < SMILE_FORMANT; i++)
			formant[i] = y[FORMANT + 3 * i];
		ser_smile_long(p->spectrum, ws->x + t * SMILE_HOP, ws->scratch, mag);
		ser_smile_harmonics_do(p->spectrum, mag, hz[t], formant, ws->scratch, &h);
		y[F0] = (float)(12 * log2(fmax(hz[t], 29.136) / 27.5));
		y[HNR] = (float)h.hnr_db;
		y[H1_H2] = (float)h.h1_h2;
		y[H1_A3] = (float)h.h1_a3;
		for (size_t i = 0; i < SMILE_FORMANT; i++)
			y[FORMANT + 3 * i + 2] = (float)h.amplitude[i];
	}
	free(hz);
	free(period);
}

float ser_smile_mean3(const struct ser_smile_ws *ws, size_t j, size_t t, size_t n)
{
	size_t a = t > 0 ? t - 1 : 0, b = t + 1 < n ? t + 1 : n - 1;
	return (ws->frame[a].raw[j] + ws->frame[t].raw[j] + ws->frame[b].raw[j]) / 3;
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

void ser_smile_do(const struct ser_smile *p, struct ser_smile_ws *ws, const float *x, size_t n, float *y)
{
	room(ws, n);
	for (size_t i = 0; i < n; i++)
		ws->x[i] = x[i] * (32768.0 / 32767);
	spectra(p, ws);
	voice(p, ws);
	size_t stride = sizeof ws->frame[0] / sizeof(float);
	for (size_t t = 0; t <= ws->n_long; t++, y += SER_EGEMAPS_LLD_N) {
		for (size_t j = 0; j < F0; j++)
			y[j] = ser_smile_mean3(ws, j, t, ws->n_short);
		/* openSMILE's smoothing sees the frames of the voice in two batches: up to where the pitch path is sure before
		 * the sound ends, and from there on; it gives one row more than there are frames */
		size_t last = ws->sure > 0 && t <= ws->sure ? ws->sure - 1 : ws->n_long - 1;
		for (size_t j = F0; j < SER_EGEMAPS_LLD_N; j++)
			y[j] = ser_smile_mean3_voice(&ws->frame[0].raw[j], stride, t, last);
	}
}
