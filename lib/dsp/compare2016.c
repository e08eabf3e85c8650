/* SPDX-License-Identifier: MIT */
/* The 65 descriptors of the ComParE challenges, as B. Schuller et al., "The INTERSPEECH 2013 computational paralinguistics
 * challenge" (2013), and F. Weninger et al., "On the acoustics of emotion in audio", Frontiers in Psychology 4:292 (2013), list
 * them, in openSMILE's order and under its names. */
#include "dsp/columns.h"

#include <math.h>

static const float NO_HNR = -100; /* dB, where there is no voice */

static const char *const NAMES[SER_COMPARE_N] = {
	"F0final_sma",
	"voicingFinalUnclipped_sma",
	"jitterLocal_sma",
	"jitterDDP_sma",
	"shimmerLocal_sma",
	"logHNR_sma",
	"audspec_lengthL1norm_sma",
	"audspecRasta_lengthL1norm_sma",
	"pcm_RMSenergy_sma",
	"pcm_zcr_sma",
	AUDITORY_BANDS,
	"pcm_fftMag_fband250-650_sma",
	"pcm_fftMag_fband1000-4000_sma",
	"pcm_fftMag_spectralRollOff25.0_sma",
	"pcm_fftMag_spectralRollOff50.0_sma",
	"pcm_fftMag_spectralRollOff75.0_sma",
	"pcm_fftMag_spectralRollOff90.0_sma",
	"pcm_fftMag_spectralFlux_sma",
	"pcm_fftMag_spectralCentroid_sma",
	"pcm_fftMag_spectralEntropy_sma",
	"pcm_fftMag_spectralVariance_sma",
	"pcm_fftMag_spectralSkewness_sma",
	"pcm_fftMag_spectralKurtosis_sma",
	"pcm_fftMag_spectralSlope_sma",
	"pcm_fftMag_psySharpness_sma",
	"pcm_fftMag_spectralHarmonicity_sma",
	"mfcc_sma[1]",
	"mfcc_sma[2]",
	"mfcc_sma[3]",
	"mfcc_sma[4]",
	"mfcc_sma[5]",
	"mfcc_sma[6]",
	"mfcc_sma[7]",
	"mfcc_sma[8]",
	"mfcc_sma[9]",
	"mfcc_sma[10]",
	"mfcc_sma[11]",
	"mfcc_sma[12]",
	"mfcc_sma[13]",
	"mfcc_sma[14]",
};

static bool sparse(size_t column)
{
	return column == COMPARE_F0 || column == COMPARE_JITTER || column == COMPARE_JITTER_DDP ||
	       column == COMPARE_SHIMMER;
}

static void waveform(const float *x, size_t n, float *y)
{
	double sq = 0;
	size_t cross = 0;
	for (size_t i = 0; i < n; i++)
		sq += (double)x[i] * x[i];
	for (size_t i = 1; i < n; i++)
		cross += (x[i] >= 0) != (x[i - 1] >= 0);
	y[COMPARE_RMS] = (float)sqrt(sq / (double)n);
	y[COMPARE_ZCR] = (float)((double)cross / (double)n);
}

static void frame(const struct ser_lld *p, struct ser_lld_ws *ws, const struct ser_lld_frame *f, float *y)
{
	const struct ser_voice *v = f->voice;
	struct ser_moments m;
	double mel[SER_AUD_N], aud[SER_AUD_N];
	y[COMPARE_F0] = v->f0;
	y[COMPARE_VOICING] = v->peak;
	y[COMPARE_JITTER] = v->pert.jitter;
	y[COMPARE_JITTER_DDP] = v->pert.jitter_ddp;
	y[COMPARE_SHIMMER] = v->pert.shimmer;
	y[COMPARE_LOG_HNR] = v->f0 > 0 ? ser_hnr_db(v->strength) : NO_HNR;
	waveform(f->x, p->win, y);
	ser_auditory_mel(p->aud, f->pw, mel);
	y[COMPARE_LOUD] = (float)ser_auditory_spectrum(p->aud, mel, aud);
	y[COMPARE_LOUD_RASTA] = (float)ser_auditory_rasta(p->aud, mel, f->t == 0, ws->rasta, aud);
	for (size_t b = 0; b < SER_AUD_N; b++)
		y[COMPARE_RASTA + b] = (float)aud[b];
	ser_moments_do(f->pw, p->n_bin, p->bin_hz, p->weight, &m);
	y[COMPARE_BAND_LOW] = (float)m.low;
	y[COMPARE_BAND_HIGH] = (float)m.high;
	for (int q = 0; q < 4; q++)
		y[COMPARE_ROLLOFF + q] = (float)m.rolloff[q];
	y[COMPARE_FLUX] = (float)ser_flux(f->pw, p->n_bin, f->t == 0, ws->last);
	y[COMPARE_CENTROID] = (float)m.centroid;
	y[COMPARE_ENTROPY] = (float)m.entropy;
	y[COMPARE_VARIANCE] = (float)m.variance;
	y[COMPARE_SKEWNESS] = (float)m.skewness;
	y[COMPARE_KURTOSIS] = (float)m.kurtosis;
	y[COMPARE_SLOPE] = (float)m.slope;
	y[COMPARE_SHARPNESS] = (float)m.sharpness;
	y[COMPARE_HARMONICITY] = (float)m.harmonicity;
	ser_auditory_mfcc(p->aud, mel, SER_COMPARE_N - COMPARE_MFCC, y + COMPARE_MFCC);
}

static void end(const struct ser_lld *p, struct ser_lld_ws *ws, size_t n_frame, float *y, size_t stride)
{
	(void)p;
	ser_smooth(ws, true, y, n_frame, stride, COMPARE_F0, COMPARE_VOICING);
	ser_smooth(ws, false, y, n_frame, stride, COMPARE_VOICING, COMPARE_JITTER);
	ser_smooth(ws, true, y, n_frame, stride, COMPARE_JITTER, COMPARE_LOUD);
	ser_smooth(ws, false, y, n_frame, stride, COMPARE_LOUD, SER_COMPARE_N);
}

const struct ser_lld_set ser_lld_compare = {SER_COMPARE_N, NAMES, true, false, sparse, frame, end};
