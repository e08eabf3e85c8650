/* SPDX-License-Identifier: MIT */
/* The 65 descriptors of the ComParE challenges by openSMILE's numbers: compare2016.c names the papers. */
#include "dsp/smile_sets.h"

#include <math.h>
#include <string.h>

static const double BIN_HZ = (double)SMILE_RATE / SMILE_FFT, POWER_FLOOR = 1e-7;
enum { N = SMILE_BIN - 1 }; /* bins 1 ... 256 make a spectrum */

/* Traunmueller's bark scale with its corrections below 2 and above 20.1 bark, and a weight that doubles every four bark from 16 on, between
 * them as a power of the distance: 1, 2 and 4 at 16, 20 and 24 bark. */
void ser_smile_compare_new(struct ser_smile *p)
{
	for (size_t k = 1; k < SMILE_BIN; k++) {
		double hz = (double)k * BIN_HZ, z = 26.81 * hz / (1960 + hz) - 0.53;
		z += z < 2 ? 0.15 * (2 - z) : z > 20.1 ? 0.22 * (z - 20.1) : 0;
		p->sharp[k] = 0.11 * z * (z > 16 ? 1 + pow((z - 16) / 4, log2(3)) : 1);
	}
}

/* ---- one frame ----------------------------------------------------------------------------------- */

/* Half of the way up and down from one extremum of s [256] to the next; extrema are so among two neighbours to each side. */
static double harmonicity(const double *s)
{
	double sum = 0, last = -1;
	for (size_t k = 2; k + 2 < N; k++) {
		bool up = s[k] > s[k - 1] && s[k] > s[k - 2] && s[k] > s[k + 1] && s[k] > s[k + 2],
		     down = s[k] < s[k - 1] && s[k] < s[k - 2] && s[k] < s[k + 1] && s[k] < s[k + 2];
		if (!up && !down)
			continue;
		sum += last >= 0 ? fabs(s[k] - last) : 0;
		last = s[k];
	}
	return 0.5 * sum;
}

static double flux(const double *pw, bool first, double *last)
{
	double sum = 0;
	for (size_t k = 1; k < SMILE_BIN; k++) {
		double m = sqrt(pw[k]), d = m - last[k];
		sum += d * d;
		last[k] = m;
	}
	return first ? 0 : sqrt(sum / N);
}

/* Moments of the power spectrum pw [257], which counts as pw / 256 where a sum has its scale. */
static void moments(const struct ser_smile *p, const double *pw, float *y)
{
	static const double share[4] = {0.25, 0.5, 0.75, 0.9};
	double sum = 0, f = 0, ff = 0, fy = 0, sharp = 0, low = 0, high = 0, m2 = 0, m3 = 0, m4 = 0, entropy = 0;
	for (size_t k = 1; k < SMILE_BIN; k++) {
		double hz = (double)k * BIN_HZ;
		sum += pw[k];
		f += hz;
		ff += hz * hz;
		fy += hz * pw[k];
		sharp += p->sharp[k] * pw[k];
		low += k >= 8 && k <= 20 ? pw[k] * (k == 20 ? 0.8 : 1) : 0; /* 650 Hz is at 20.8 */
		high += k >= 32 && k <= 128 ? pw[k] : 0;
	}
	double centre = sum > 0 ? fy / sum : 0, up_to = 0;
	int q = 0;
	for (size_t k = 1; k < SMILE_BIN; k++) {
		up_to += pw[k];
		for (; q < 4 && up_to >= share[q] * sum; q++)
			y[COMPARE_ROLLOFF + q] = (float)((double)k * BIN_HZ);
		double d = (double)k * BIN_HZ - centre, w = sum > 0 ? pw[k] / sum : 0;
		m2 += w * d * d;
		m3 += w * d * d * d;
		m4 += w * d * d * d * d;
		double floored = sum > POWER_FLOOR ? fmax(pw[k], POWER_FLOOR) / sum : 0;
		entropy -= floored > 0 ? floored * log2(floored) : 0; /* beyond 8 bits where the sum is little */
	}
	for (; q < 4; q++)
		y[COMPARE_ROLLOFF + q] = (float)(N * BIN_HZ);
	y[COMPARE_BAND_LOW] = (float)(low / N);
	y[COMPARE_BAND_HIGH] = (float)(high / N);
	y[COMPARE_CENTROID] = (float)centre;
	y[COMPARE_ENTROPY] = (float)entropy;
	y[COMPARE_VARIANCE] = (float)m2;
	y[COMPARE_SKEWNESS] = m2 > 0 ? (float)(m3 / (m2 * sqrt(m2))) : 0;
	y[COMPARE_KURTOSIS] = m2 > 0 ? (float)(m4 / (m2 * m2)) : 0;
	y[COMPARE_SLOPE] = (float)((N - 1) * (N * fy - f * sum) / (N * ff - f * f));
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
	double pw[SMILE_BIN], ln[SMILE_BAND], loud[SMILE_BAND], mag[SMILE_LONG_BIN], mfcc[14], last[SMILE_BIN] = {0},
											       power[N];
	struct rasta r = {0};
	for (size_t t = 0; t < ws->n_short; t++) {
		const double *x = ws->x + t * SMILE_HOP;
		float *y = ser_smile_raw(ws, t);
		double sq = 0;
		memset(y, 0, SER_COMPARE_N * sizeof *y);
		for (size_t i = 0; i < SMILE_WIN; i++)
			sq += x[i] * x[i];
		y[COMPARE_RMS] = (float)sqrt(sq / SMILE_WIN);
		ser_smile_short(p->spectrum, x, ws->scratch, ws->z, pw);
		ser_smile_mel(p->spectrum, pw, ln);
		ser_smile_mfcc(p->spectrum, ln, 14, mfcc);
		y[COMPARE_LOUD] = (float)ser_smile_loudness(p->spectrum, ln, loud);
		y[COMPARE_LOUD_RASTA] = (float)rasta(p, ln, t, &r, loud);
		for (size_t b = 0; b < SMILE_BAND; b++)
			y[COMPARE_RASTA + b] = (float)loud[b];
		moments(p, pw, y);
		for (size_t k = 0; k < N; k++)
			power[k] = pw[k + 1];
		y[COMPARE_HARMONICITY] = (float)(harmonicity(power) / N);
		y[COMPARE_FLUX] = (float)flux(pw, t == 0, last);
		for (size_t c = 0; c < 14; c++)
			y[COMPARE_MFCC + c] = (float)mfcc[c];
		if (t >= ws->n_long)
			continue;
		y[COMPARE_ZCR] = (float)ser_smile_zero_crossings(x, SMILE_LONG);
		ws->level[t] = (float)ser_smile_long(p->spectrum, x, ws->scratch, mag);
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
static void smooth(struct ser_smile_ws *ws)
{
	const size_t d = SER_COMPARE_N;
	for (size_t t = 0; t < ws->n_short; t++) {
		float *y = ws->smooth + t * d;
		bool both = t <= ws->n_long;
		for (size_t j = 0; j < COMPARE_LOUD; j++)
			y[j] = both ? ser_smile_mean3_voice(ws->raw + j, d, t, ws->n_long - 1) : 0;
		for (size_t j = COMPARE_LOUD; j < d; j++)
			y[j] = ser_smile_mean3(ws, j, t, j == COMPARE_ZCR ? ws->n_long : ws->n_short);
	}
	memset(ws->delta, 0, ws->n_short * d * sizeof *ws->delta);
	voice_deltas(ws->smooth, ws->delta, ws->n_long + 1, d);
	ser_delta_do(ws->smooth + COMPARE_LOUD, d, ws->delta + COMPARE_LOUD, d, ws->n_long + 1,
		     COMPARE_RASTA - COMPARE_LOUD, 2);
	ser_delta_do(ws->smooth + COMPARE_RASTA, d, ws->delta + COMPARE_RASTA, d, ws->n_short, d - COMPARE_RASTA, 2);
}

void ser_smile_compare_do(const struct ser_smile *p, struct ser_smile_ws *ws, float *y, size_t stride, bool delta)
{
	const size_t d = SER_COMPARE_N;
	spectra(p, ws);
	ser_smile_track(p, ws);
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
	smooth(ws);
	for (size_t t = 0; t <= ws->n_long; t++, y += stride) {
		memcpy(y, ws->smooth + t * d, d * sizeof *y);
		if (delta)
			memcpy(y + d, ws->delta + t * d, d * sizeof *y);
	}
}
