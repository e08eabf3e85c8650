/* SPDX-License-Identifier: MIT */
/* Descriptors of the sets before ComParE's, by openSMILE's numbers: emobase, and those of B. Schuller, S. Steidl and A. Batliner, "The
 * INTERSPEECH 2009 emotion challenge" (2009), and B. Schuller et al., "The INTERSPEECH 2010 paralinguistic challenge" (2010). Frames of
 * 25 ms, those of the pitch of 40, 25 and 60 ms. */
#include "dsp/smile_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_CEPS = 12 };
static const double WIN_MS = 25, PRE = 0.97, REFERENCE = 1e-6 /* intensity of loudness 1 */;

/* ---- columns ------------------------------------------------------------------------------------- */

#define TIMES8(n) n "[0]", n "[1]", n "[2]", n "[3]", n "[4]", n "[5]", n "[6]", n "[7]"
#define CEPS12(n)                                                                                                      \
	n "[1]", n "[2]", n "[3]", n "[4]", n "[5]", n "[6]", n "[7]", n "[8]", n "[9]", n "[10]", n "[11]", n "[12]"

enum { IS09_RMS, IS09_MFCC, IS09_ZCR = IS09_MFCC + N_CEPS, IS09_VOICING, IS09_F0, IS09_N };
static const char *const IS09_NAMES[IS09_N] = {"pcm_RMSenergy_sma", CEPS12("pcm_fftMag_mfcc_sma"), "pcm_zcr_sma",
					       "voiceProb_sma", "F0_sma"};

enum {
	EMO_INTENSITY,
	EMO_LOUDNESS,
	EMO_MFCC,
	EMO_LSP = EMO_MFCC + N_CEPS,
	EMO_ZCR = EMO_LSP + SMILE_LSP,
	EMO_VOICING,
	EMO_F0,
	EMO_ENVELOPE,
	EMO_N
};
static const char *const EMO_NAMES[EMO_N] = {
	"pcm_intensity_sma", "pcm_loudness_sma", CEPS12("mfcc_sma"), TIMES8("lspFreq_sma"),
	"pcm_zcr_sma",       "voiceProb_sma",    "F0_sma",           "F0env_sma"};

enum {
	IS10_LOUDNESS,
	IS10_MFCC, /* 0 ... 14 */
	IS10_BAND = IS10_MFCC + 15,
	IS10_LSP = IS10_BAND + 8,
	IS10_ENVELOPE = IS10_LSP + SMILE_LSP,
	IS10_VOICING,
	IS10_F0,
	IS10_JITTER,
	IS10_JITTER_DDP,
	IS10_SHIMMER,
	IS10_N
};
static const char *const IS10_NAMES[IS10_N] = {"pcm_loudness_sma",    "mfcc_sma[0]",     CEPS12("mfcc_sma"),
					       "mfcc_sma[13]",        "mfcc_sma[14]",    TIMES8("logMelFreqBand_sma"),
					       TIMES8("lspFreq_sma"), "F0finEnv_sma",    "voicingFinalUnclipped_sma",
					       "F0final_sma",         "jitterLocal_sma", "jitterDDP_sma",
					       "shimmerLocal_sma"};

static bool is09_sparse(size_t column)
{
	return column == IS09_F0;
}
static bool emobase_sparse(size_t column)
{
	return column == EMO_F0;
}
static bool is10_sparse(size_t column)
{
	return column >= IS10_F0;
}

const struct ser_lld_set ser_lld_is09 = {.n = IS09_N, .name = IS09_NAMES, .sparse = is09_sparse};
const struct ser_lld_set ser_lld_is10 = {.n = IS10_N, .name = IS10_NAMES, .sparse = is10_sparse};
const struct ser_lld_set ser_lld_emobase = {.n = EMO_N, .name = EMO_NAMES, .sparse = emobase_sparse};

/* ---- the plan ------------------------------------------------------------------------------------ */

static const struct ser_smile_frame FRAME_IS09 = {25, PRE, 0, true, 0x1p-15, 0},
				    FRAME_EMOBASE = {25, PRE, 0, false, 0x1p-30, 0},
				    FRAME_IS10 = {25, PRE, 20, false, 1e-8, 0.25};
static const struct ser_smile_pitch_opt PITCH_IS10 = {52, 620, 25, 3, true, true, 0.75};
static const struct ser_smile_acf_opt ACF_IS09 = {25, PRE, false}, ACF_EMOBASE = {40, 0, true};

void ser_smile_older_new(struct ser_smile *p)
{
	const double rate = p->size.rate_hz;
	ser_smile_size_of(rate, WIN_MS, &p->size);
	switch (p->kind) {
	case SER_IS09:
		p->spectrum = ser_smile_spectrum_new(&FRAME_IS09, &p->size);
		p->acf = ser_smile_acf_new(&ACF_IS09, rate);
		p->win_long = p->size.win;
		break;
	case SER_EMOBASE:
		p->spectrum = ser_smile_spectrum_new(&FRAME_EMOBASE, &p->size);
		p->acf = ser_smile_acf_new(&ACF_EMOBASE, rate);
		p->win_long = ser_smile_samples(rate, ACF_EMOBASE.win_ms);
		break;
	default:
		p->spectrum = ser_smile_spectrum_new(&FRAME_IS10, &p->size);
		p->bands = ser_smile_bands_new(8, 20, 6500, &p->size);
		p->pitch = ser_smile_pitch_new(&PITCH_IS10, &p->size);
		p->formants = ser_smile_formants_new(&p->size);
	}
}

/* ---- one frame ----------------------------------------------------------------------------------- */

/* Of a frame's samples openSMILE sums but the first `n`: weighted by the Hamming window, over that window's sum. */
static double intensity(const float *x, size_t win, size_t n)
{
	const double sum = 0.54 * (double)win - 0.46;
	double y = 0;
	for (size_t i = 0; i < n; i++)
		y += (0.54 - 0.46 * cos(2 * M_PI * (double)i / (double)(win - 1))) * x[i] * x[i];
	return y / sum;
}

static double emphasised_rms(const float *x, size_t win)
{
	double sq = 0;
	for (size_t i = 0; i < win; i++) {
		double v = (x[i] - PRE * x[i > 0 ? i - 1 : 0]) *
			   (0.54 - 0.46 * cos(2 * M_PI * (double)i / (double)(win - 1)));
		sq += v * v;
	}
	return sqrt(sq / (double)win);
}

static void cepstra(const struct ser_smile *p, const double *ln, size_t n, float *y)
{
	double mfcc[14];
	ser_smile_mfcc(p->spectrum, ln, n, mfcc);
	for (size_t c = 0; c < n; c++)
		y[c] = (float)mfcc[c];
}

static void frame(const struct ser_smile *p, const struct ser_smile_ws *ws, size_t t, const double *ln,
		  const double *pw, const float *z, float *y)
{
	const size_t win = p->size.win;
	const float *x = ws->x + t * p->size.hop;
	float v[SMILE_WIN];
	if (p->kind == SER_IS09) {
		y[IS09_RMS] = (float)emphasised_rms(x, win);
		cepstra(p, ln, N_CEPS, y + IS09_MFCC);
		y[IS09_ZCR] = (float)ser_smile_zero_crossings(x, win);
	} else if (p->kind == SER_EMOBASE) {
		double level = intensity(x, win, 2);
		y[EMO_INTENSITY] = (float)level;
		y[EMO_LOUDNESS] = (float)pow(level / REFERENCE, 0.3);
		cepstra(p, ln, N_CEPS, y + EMO_MFCC);
		for (size_t i = 0; i < win; i++)
			v[i] = (float)(x[i] - PRE * x[i > 0 ? i - 1 : 0]);
		ser_smile_lsp(v, win, y + EMO_LSP);
		y[EMO_ZCR] = (float)ser_smile_zero_crossings(x, win);
	} else {
		double sum = 0, band[8];
		y[IS10_LOUDNESS] = (float)pow(intensity(x, win, 1) / REFERENCE, 0.3);
		for (size_t b = 0; b < SMILE_BAND; b++)
			sum += ln[b];
		y[IS10_MFCC] = (float)(sqrt(2.0 / SMILE_BAND) * sum);
		cepstra(p, ln, 14, y + IS10_MFCC + 1);
		ser_smile_bands_do(p->bands, pw, 1e-12, band);
		for (size_t b = 0; b < 8; b++)
			y[IS10_BAND + b] = (float)band[b];
		ser_smile_lsp(v, ser_smile_narrow(p->formants, z, v), y + IS10_LSP);
	}
}

/* ---- the whole sound ------------------------------------------------------------------------------- */

static void put(struct ser_smile_ws *ws, size_t column, const float *y)
{
	for (size_t t = 0; t < ws->n_long; t++)
		ser_smile_raw(ws, t)[column] = y[t];
}

static void pitch(const struct ser_smile *p, struct ser_smile_ws *ws)
{
	float *envelope = ws->level;
	if (p->kind == SER_IS10) {
		ser_smile_track(p, ws, false);
		ser_smile_envelope(ws->hz, ws->n_long, -1, envelope);
		put(ws, IS10_ENVELOPE, envelope);
		put(ws, IS10_VOICING, ws->voicing);
		put(ws, IS10_F0, ws->hz);
		for (size_t t = 0; t < ws->n_long; t++) {
			float *y = ser_smile_raw(ws, t);
			y[IS10_JITTER] = ws->period[t].jitter;
			y[IS10_JITTER_DDP] = ws->period[t].jitter_ddp;
			y[IS10_SHIMMER] = ws->period[t].shimmer;
		}
		return;
	}
	ser_smile_acf_track(ws->hz, ws->n_long);
	put(ws, p->kind == SER_IS09 ? IS09_F0 : EMO_F0, ws->hz);
	put(ws, p->kind == SER_IS09 ? IS09_VOICING : EMO_VOICING, ws->voicing);
	if (p->kind == SER_EMOBASE) {
		ser_smile_envelope(ws->hz, ws->n_long, 0, envelope);
		put(ws, EMO_ENVELOPE, envelope);
	}
}

static size_t first_of_pitch(enum ser_front_kind kind)
{
	return kind == SER_IS09 ? IS09_VOICING : kind == SER_EMOBASE ? EMO_VOICING : IS10_ENVELOPE;
}

void ser_smile_older_do(const struct ser_smile *p, struct ser_smile_ws *ws, float *y, size_t stride, bool delta)
{
	const size_t d = p->n_column, last = ser_smile_rows(p, ws);
	double pw[SMILE_BIN], ln[SMILE_BAND], mag[SMILE_WIDE_BIN];
	float z[2 * SMILE_BIN];
	for (size_t t = 0; t < ws->n_short; t++) {
		const float *x = ws->x + t * p->size.hop;
		ser_smile_short(p->spectrum, x, z, pw);
		ser_smile_mel(p->spectrum, pw, ln);
		frame(p, ws, t, ln, pw, z, ser_smile_raw(ws, t));
		if (t >= ws->n_long)
			continue;
		if (p->acf != NULL) {
			ser_smile_acf_do(p->acf, x, ws->scratch, &ws->voicing[t], &ws->hz[t]);
			continue;
		}
		ws->level[t] = (float)ser_smile_long(p->spectrum, x, mag);
		ser_smile_candidates(p->pitch, mag, &ws->cand[t]);
	}
	pitch(p, ws);
	for (size_t t = 0; t <= ws->n_short; t++)
		for (size_t j = 0; j < d; j++)
			ws->smooth[t * d + j] =
				ser_smile_mean3(ws, j, t, j >= first_of_pitch(p->kind) ? ws->n_long : ws->n_short);
	ser_smile_deltas(ws->smooth, ws->delta, ws->n_long, ws->n_short + 1, d, d);
	for (size_t t = 0; t < last; t++, y += stride) {
		memcpy(y, ws->smooth + t * d, d * sizeof *y);
		if (delta)
			memcpy(y + d, ws->delta + t * d, d * sizeof *y);
	}
}
