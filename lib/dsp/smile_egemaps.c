/* SPDX-License-Identifier: MIT */
/* GeMAPS v01b and eGeMAPS v02: F. Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for voice research and
 * affective computing", IEEE Trans. Affective Computing 7 (2016) 190-202. */
#include "dsp/smile_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float NO_AMPLITUDE = -201; /* of formants where there is no voice */

static void spectra(const struct ser_smile *p, struct ser_smile_ws *ws)
{
	double pw[SMILE_BIN], ln[SMILE_BAND], loud[SMILE_BAND], mag[SMILE_WIDE_BIN], last[SMILE_BIN], mfcc[4];
	float z[2 * SMILE_BIN];
	const struct ser_smile_size *s = &p->size;
	ws->power = 0;
	for (size_t t = 0; t < ws->n_short; t++) {
		const float *x = ws->x + t * s->hop;
		float *y = ser_smile_raw(ws, t);
		for (size_t i = 0; i < s->win; i++)
			ws->power += (double)x[i] * x[i] / (double)s->win;
		memset(y, 0, SER_EGEMAPS_LLD_N * sizeof *y);
		ser_smile_short(p->spectrum, x, z, pw);
		ser_smile_mel(p->spectrum, pw, ln);
		ser_smile_mfcc(p->spectrum, ln, 4, mfcc);
		y[EGEMAPS_LOUDNESS] = (float)ser_smile_loudness(p->spectrum, ln, loud);
		y[EGEMAPS_ALPHA] = (float)ser_smile_alpha(s, pw);
		y[EGEMAPS_HAMMARBERG] = (float)ser_smile_hammarberg(s, pw);
		y[EGEMAPS_SLOPE_LOW] = (float)ser_smile_slope(s, pw, 0, 500);
		y[EGEMAPS_SLOPE_HIGH] = (float)ser_smile_slope(s, pw, 500, 1500);
		y[EGEMAPS_FLUX] = (float)ser_smile_flux(s, pw, t == 0, last);
		for (size_t c = 0; c < 4; c++)
			y[EGEMAPS_MFCC + c] = (float)mfcc[c];
		if (t >= ws->n_long)
			continue;
		float hz[SMILE_FORMANT], width[SMILE_FORMANT];
		ser_smile_formants_do(p->formants, z, hz, width);
		for (size_t i = 0; i < SMILE_FORMANT; i++) {
			y[EGEMAPS_FORMANT + 3 * i] = hz[i];
			y[EGEMAPS_FORMANT + 3 * i + 1] = width[i];
		}
		ws->level[t] = (float)ser_smile_long(p->spectrum, x, mag);
		ser_smile_candidates(p->pitch, mag, &ws->cand[t]);
	}
}

static void voice(const struct ser_smile *p, struct ser_smile_ws *ws)
{
	double mag[SMILE_WIDE_BIN];
	const float *hz = ws->hz;
	ser_smile_track(p, ws, true);
	for (size_t t = 0; t < ws->n_long; t++) {
		float *y = ser_smile_raw(ws, t), formant[SMILE_FORMANT];
		struct ser_smile_harmonics h;
		y[EGEMAPS_JITTER] = ws->period[t].jitter;
		y[EGEMAPS_SHIMMER] = ws->period[t].shimmer_db;
		for (size_t i = 0; i < SMILE_FORMANT; i++)
			y[EGEMAPS_FORMANT + 3 * i + 2] = NO_AMPLITUDE;
		if (!(hz[t] > 0))
			continue;
		for (size_t i = 0; i < SMILE_FORMANT; i++)
			formant[i] = y[EGEMAPS_FORMANT + 3 * i];
		ser_smile_long(p->spectrum, ws->x + t * p->size.hop, mag);
		ser_smile_harmonics_do(p->spectrum, &p->size, mag, hz[t], formant, ws->scratch, &h);
		y[EGEMAPS_F0] = (float)(12 * log2(fmax(hz[t], 29.136) / 27.5));
		y[EGEMAPS_HNR] = (float)h.hnr_db;
		y[EGEMAPS_H1_H2] = (float)h.h1_h2;
		y[EGEMAPS_H1_A3] = (float)h.h1_a3;
		for (size_t i = 0; i < SMILE_FORMANT; i++)
			y[EGEMAPS_FORMANT + 3 * i + 2] = (float)h.amplitude[i];
	}
}

void ser_smile_egemaps_do(const struct ser_smile *p, struct ser_smile_ws *ws, float *y)
{
	spectra(p, ws);
	voice(p, ws);
	for (size_t t = 0; t <= ws->n_long; t++, y += SER_EGEMAPS_LLD_N) {
		for (size_t j = 0; j < EGEMAPS_F0; j++)
			y[j] = ser_smile_mean3(ws, j, t, ws->n_short);
		/* openSMILE's smoothing sees the frames of the voice in two batches: up to where the pitch path is sure before
		 * the sound ends, and from there on; it gives one row more than there are frames */
		size_t last = ws->sure > 0 && t <= ws->sure ? ws->sure - 1 : ws->n_long - 1;
		for (size_t j = EGEMAPS_F0; j < SER_EGEMAPS_LLD_N; j++)
			y[j] = ser_smile_mean3_voice(&ws->raw[j], ws->n_column, t, last);
	}
}
