/* SPDX-License-Identifier: MIT */
/* The 65 descriptors of the ComParE challenges by openSMILE's numbers: compare2016.c names the papers. */
#include "dsp/smile_sets.h"

#include <math.h>
#include <string.h>

/* The set of 2011: B. Schuller et al., "The INTERSPEECH 2011 speaker state challenge" (2011). */
static const char *const IS11_NAMES[] = {
	"F0final_sma",
	"voicingFinalUnclipped_sma",
	"jitterLocal_sma",
	"jitterDDP_sma",
	"shimmerLocal_sma",
	"audspec_lengthL1norm_sma",
	"audspecRasta_lengthL1norm_sma",
	"pcm_RMSenergy_sma",
	"pcm_zcr_sma",
	AUDITORY_BANDS,
	"pcm_fftMag_fband25-650_sma",
	"pcm_fftMag_fband1000-4000_sma",
	"pcm_fftMag_spectralRollOff25.0_sma",
	"pcm_fftMag_spectralRollOff50.0_sma",
	"pcm_fftMag_spectralRollOff75.0_sma",
	"pcm_fftMag_spectralRollOff90.0_sma",
	"pcm_fftMag_spectralFlux_sma",
	"pcm_fftMag_spectralEntropy_sma",
	"pcm_fftMag_spectralVariance_sma",
	"pcm_fftMag_spectralSkewness_sma",
	"pcm_fftMag_spectralKurtosis_sma",
	"pcm_fftMag_spectralSlope_sma",
	"pcm_fftMag_mfcc_sma[1]",
	"pcm_fftMag_mfcc_sma[2]",
	"pcm_fftMag_mfcc_sma[3]",
	"pcm_fftMag_mfcc_sma[4]",
	"pcm_fftMag_mfcc_sma[5]",
	"pcm_fftMag_mfcc_sma[6]",
	"pcm_fftMag_mfcc_sma[7]",
	"pcm_fftMag_mfcc_sma[8]",
	"pcm_fftMag_mfcc_sma[9]",
	"pcm_fftMag_mfcc_sma[10]",
	"pcm_fftMag_mfcc_sma[11]",
	"pcm_fftMag_mfcc_sma[12]",
};
enum { IS11_N = sizeof IS11_NAMES / sizeof IS11_NAMES[0] };
const unsigned char ser_smile_is11_at[] = {0,  1,  2,  3,  4,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
					   16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
					   31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 44, 45, 46,
					   47, 48, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62};
_Static_assert(sizeof ser_smile_is11_at == IS11_N, "a column for each name");

static bool is11_sparse(size_t column)
{
	return column < 5;
}

const struct ser_lld_set ser_lld_is11 = {.n = IS11_N, .name = IS11_NAMES, .sparse = is11_sparse};

static const double POWER_FLOOR = 1e-7, SILENT_ENTROPY = 1.68594738e-8 /* of a bin of a frame below it */;

/* Traunmueller's bark scale with its corrections below 2 and above 20.1 bark, and a weight that doubles every four bark from 16 on, between
 * them as a power of the distance: 1, 2 and 4 at 16, 20 and 24 bark. */
void ser_smile_compare_new(struct ser_smile *p)
{
	for (size_t k = 1; k < p->size.n_bin; k++) {
		double hz = (double)k * p->size.bin_hz, z = 26.81 * hz / (1960 + hz) - 0.53;
		z += z < 2 ? 0.15 * (2 - z) : z > 20.1 ? 0.22 * (z - 20.1) : 0;
		p->sharp[k] = 0.11 * z * (z > 16 ? 1 + pow((z - 16) / 4, log2(3)) : 1);
	}
}

/* ---- one frame ----------------------------------------------------------------------------------- */

/* Half of the way up and down from one extremum of s [n] to the next; extrema are so among two neighbours to each side. */
static double harmonicity(const double *s, size_t n)
{
	double sum = 0, last = -1;
	for (size_t k = 2; k + 2 < n; k++) {
		bool up = s[k] > s[k - 1] && s[k] > s[k - 2] && s[k] > s[k + 1] && s[k] > s[k + 2],
		     down = s[k] < s[k - 1] && s[k] < s[k - 2] && s[k] < s[k + 1] && s[k] < s[k + 2];
		if (!up && !down)
			continue;
		sum += last >= 0 ? fabs(s[k] - last) : 0;
		last = s[k];
	}
	return 0.5 * sum;
}

/* Bins 1 ... n make a spectrum. */
static double flux(const double *pw, size_t n, bool first, double *last)
{
	double sum = 0;
	for (size_t k = 1; k <= n; k++) {
		double m = sqrt(pw[k]), d = first ? 0 : m - last[k];
		sum += d * d;
		last[k] = m;
	}
	return sqrt(sum / (double)n);
}

static double band(const struct ser_smile_size *s, const double *pw, double lo_hz, double hi_hz)
{
	double first, last, sum = 0;
	size_t hi, lo = ser_smile_band(s, lo_hz, hi_hz, &hi, &first, &last);
	for (size_t k = lo; k <= hi; k++)
		sum += pw[k] * (k == lo ? first : k == hi ? last : 1);
	return sum;
}

/* Moments of the power spectrum pw [n_bin], which counts as pw / (n_bin - 1) where a sum has its scale. */
static void moments(const struct ser_smile *p, const double *pw, float *y)
{
	static const double share[4] = {0.25, 0.5, 0.75, 0.9};
	const bool is11 = p->kind == SER_IS11;
	const double bin_hz = p->size.bin_hz, n = (double)(p->size.n_bin - 1);
	double sum = 0, f = 0, ff = 0, fy = 0, sharp = 0, m2 = 0, m3 = 0, m4 = 0, entropy = 0;
	for (size_t k = 1; k <= (size_t)n; k++) {
		double hz = (double)k * bin_hz;
		sum += pw[k];
		f += hz;
		ff += hz * hz;
		fy += hz * pw[k];
		sharp += p->sharp[k] * pw[k];
	}
	double centre = sum > 0 ? fy / sum : 0, up_to = 0;
	int q = 0;
	for (size_t k = 1; k <= (size_t)n; k++) {
		up_to += pw[k];
		for (; q < 4 && up_to >= share[q] * sum; q++)
			y[COMPARE_ROLLOFF + q] = (float)((double)k * bin_hz);
		double d = (double)k * bin_hz - centre, w = sum > 0 ? pw[k] / sum : 0;
		m2 += w * d * d;
		m3 += w * d * d * d;
		m4 += w * d * d * d * d;
		double floored = sum > POWER_FLOOR ? fmax(pw[k], POWER_FLOOR) / sum : 0;
		entropy -= floored > 0 ? floored * log2(floored) : 0; /* beyond 8 bits where the sum is little */
	}
	for (; q < 4; q++)
		y[COMPARE_ROLLOFF + q] = (float)(n * bin_hz);
	y[COMPARE_BAND_LOW] = (float)(band(&p->size, pw, is11 ? 25 : 250, 650) / n);
	y[COMPARE_BAND_HIGH] = (float)(band(&p->size, pw, 1000, 4000) / n);
	y[COMPARE_CENTROID] = (float)centre;
	y[COMPARE_ENTROPY] = (float)(sum > POWER_FLOOR ? entropy : n * SILENT_ENTROPY);
	y[COMPARE_VARIANCE] = (float)m2;
	y[COMPARE_SKEWNESS] = m2 > 0 ? (float)(m3 / (m2 * sqrt(m2))) : 0;
	y[COMPARE_KURTOSIS] = m2 > 0 ? (float)(m4 / (m2 * m2)) : 0;
	y[COMPARE_SLOPE] = (float)((n - 1) * (n * fy - f * sum) / (n * ff - f * f));
	y[COMPARE_SHARPNESS] = sum > 0 ? (float)(sharp / sum) : 0;
}

/* RASTA's filter of the logarithms ln [26], with what they were in the last four frames: a derivative over five frames whose response is 0
 * at 29 Hz, and a pole for 1 Hz; 0 in the first five frames. The auditory spectrum y [26] of what comes out; returns its mean. */
struct rasta {
	double in[5][SMILE_BAND], out[SMILE_BAND];
};
static double rasta(const struct ser_smile *p, const double *ln, size_t t, struct rasta *r, double *y)
{
	const double ratio = -2 * cos(2 * M_PI * 0.29), far = 0.5 / (2 + ratio), near = ratio * far,
		     pole = 1 - sin(2 * M_PI * 0.01);
	double(*in)[SMILE_BAND] = r->in;
	memcpy(in[t % 5], ln, sizeof in[0]);
	for (size_t b = 0; t >= 5 && b < SMILE_BAND; b++)
		r->out[b] = pole * r->out[b] + far * (ln[b] - in[(t - 4) % 5][b]) +
			    near * (in[(t - 1) % 5][b] - in[(t - 3) % 5][b]);
	return ser_smile_loudness(p->spectrum, r->out, y);
}

static void spectra(const struct ser_smile *p, struct ser_smile_ws *ws)
{
	double pw[SMILE_BIN], ln[SMILE_BAND], loud[SMILE_BAND], mag[SMILE_WIDE_BIN], mfcc[14], last[SMILE_BIN];
	float z[2 * SMILE_BIN];
	const size_t n = p->size.n_bin - 1, win = p->size.win;
	struct rasta r = {0};
	for (size_t t = 0; t < ws->n_short; t++) {
		const float *x = ws->x + t * p->size.hop;
		float *y = ser_smile_raw(ws, t);
		double sq = 0;
		memset(y, 0, SER_COMPARE_N * sizeof *y);
		for (size_t i = 0; i < win; i++)
			sq += (double)x[i] * x[i];
		y[COMPARE_RMS] = (float)sqrt(sq / (double)win);
		ser_smile_short(p->spectrum, x, z, pw);
		ser_smile_mel(p->spectrum, pw, ln);
		ser_smile_mfcc(p->spectrum, ln, 14, mfcc);
		y[COMPARE_LOUD] = (float)ser_smile_loudness(p->spectrum, ln, loud);
		y[COMPARE_LOUD_RASTA] = (float)rasta(p, ln, t, &r, loud);
		for (size_t b = 0; b < SMILE_BAND; b++)
			y[COMPARE_RASTA + b] = (float)loud[b];
		moments(p, pw, y);
		y[COMPARE_HARMONICITY] = (float)(harmonicity(pw + 1, n) / (double)n);
		y[COMPARE_FLUX] = (float)flux(pw, n, t == 0, last);
		for (size_t c = 0; c < 14; c++)
			y[COMPARE_MFCC + c] = (float)mfcc[c];
		y[COMPARE_ZCR] = p->kind == SER_IS11 ? (float)ser_smile_zero_crossings(x, win) : 0;
		if (t >= ws->n_long)
			continue;
		if (p->kind == SER_COMPARE)
			y[COMPARE_ZCR] = (float)ser_smile_zero_crossings(x, p->size.wide);
		ws->level[t] = (float)ser_smile_long(p->spectrum, x, mag);
		ser_smile_candidates(p->pitch, mag, &ws->cand[t]);
	}
}

/* ---- the whole sound ------------------------------------------------------------------------------- */

/* Regression deltas of the voice's columns 0 ... 5 of n rows. As in openSMILE, where a value is 0 its pair is left out, and the
 * divisor is the sum of squares of all distances of all columns and frames up to here. */
static void voice_deltas(const float *y, float *d, size_t n, size_t stride)
{
	double divisor = 10;
	for (size_t t = 0; t < n; t++)
		for (size_t j = 0; j < COMPARE_LOUD; j++) {
			double sum = 0;
			for (size_t k = 1; k <= 2; k++) {
				double a = y[(t + k < n ? t + k : n - 1) * stride + j],
				       b = y[(t > k ? t - k : 0) * stride + j];
				if (a == 0 || b == 0)
					continue;
				sum += (double)k * (a - b);
				divisor += (double)(k * k);
			}
			d[t * stride + j] = (float)(sum / divisor);
		}
}

/* Rows 0 ... n_long of the voice and the energies, all of the spectra. */
static void smooth(const struct ser_smile *p, struct ser_smile_ws *ws)
{
	const size_t d = SER_COMPARE_N;
	for (size_t t = 0; t < ws->n_short; t++) {
		float *y = ws->smooth + t * d;
		bool both = t <= ws->n_long;
		for (size_t j = 0; j < COMPARE_LOUD; j++)
			y[j] = both ? ser_smile_mean3_voice(ws->raw + j, d, t, ws->n_long - 1) : 0;
		for (size_t j = COMPARE_LOUD; j < d; j++)
			y[j] = ser_smile_mean3(ws, j, t,
					       j == COMPARE_ZCR && p->kind == SER_COMPARE ? ws->n_long : ws->n_short);
	}
	memset(ws->delta, 0, ws->n_short * d * sizeof *ws->delta);
	if (p->kind == SER_IS11) {
		ser_delta_do(ws->smooth, d, ws->delta, d, ws->n_long + 1, COMPARE_LOUD, 2);
		ser_delta_do(ws->smooth + COMPARE_LOUD, d, ws->delta + COMPARE_LOUD, d, ws->n_short, d - COMPARE_LOUD,
			     2);
		return;
	}
	voice_deltas(ws->smooth, ws->delta, ws->n_long + 1, d);
	ser_smile_deltas(ws->smooth + COMPARE_LOUD, ws->delta + COMPARE_LOUD, ws->n_long, ws->n_long + 1, d,
			 COMPARE_RASTA - COMPARE_LOUD);
	ser_delta_do(ws->smooth + COMPARE_RASTA, d, ws->delta + COMPARE_RASTA, d, ws->n_short, d - COMPARE_RASTA, 2);
}

void ser_smile_compare_do(const struct ser_smile *p, struct ser_smile_ws *ws, float *y, size_t stride, bool delta)
{
	const size_t d = SER_COMPARE_N;
	spectra(p, ws);
	ser_smile_track(p, ws, p->kind == SER_COMPARE);
	for (size_t t = 0; t < ws->n_long; t++) {
		float *v = ser_smile_raw(ws, t);
		const struct ser_smile_periods *r = &ws->period[t];
		v[COMPARE_F0] = ws->hz[t];
		v[COMPARE_VOICING] = ws->voicing[t];
		v[COMPARE_JITTER] = r->jitter;
		v[COMPARE_JITTER_DDP] = r->jitter_ddp;
		v[COMPARE_SHIMMER] = r->shimmer;
		v[COMPARE_LOG_HNR] = r->log_hnr;
	}
	smooth(p, ws);
	const size_t width = p->kind == SER_IS11 ? IS11_N : d, n = ser_smile_rows(p, ws);
	for (size_t t = 0; t < n; t++, y += stride)
		for (size_t j = 0; j < width; j++) {
			size_t at = t * d + (p->kind == SER_IS11 ? ser_smile_is11_at[j] : j);
			y[j] = ws->smooth[at];
			if (delta)
				y[width + j] = ws->delta[at];
		}
}
