/* SPDX-License-Identifier: MIT */
#include "dsp/lld.h"

#include <math.h>
#include <stdlib.h>

enum { TAPS = 4 };

struct ser_auditory {
	size_t lo[SER_AUD_N], n[SER_AUD_N]; /* bins [lo, lo + n) of each band */
	float *weight[SER_AUD_N];
	double loud[SER_AUD_N]; /* equal-loudness curve at the centre */
	double pole;
	double dct[SER_AUD_CEPS][SER_AUD_N]; /* with lifter */
};

static const double LEAST = 1.0 / (1 << 30); /* one of 16-bit samples */
static const double COMPRESS = 0.33;

static double mel(double hz)
{
	return 2595 * log10(1 + hz / 700);
}

/* Sensitivity of hearing at about 40 dB (Hermansky 1990, eq. 5), w = 2 pi f. */
static double equal_loudness(double hz)
{
	double w2 = 4 * M_PI * M_PI * hz * hz;
	return (w2 + 56.8e6) * w2 * w2 / ((w2 + 6.3e6) * (w2 + 6.3e6) * (w2 + 0.38e9));
}

struct ser_auditory *ser_auditory_new(double rate_hz, double shift_s, size_t n_bin, double bin_hz)
{
	struct ser_auditory *a = ser_calloc(1, sizeof *a);
	double top = mel(fmin(8000, 0.5 * rate_hz)), bottom = mel(20), step = (top - bottom) / (SER_AUD_N + 1);
	for (size_t b = 0; b < SER_AUD_N; b++) {
		double centre = bottom + step * (double)(b + 1);
		a->weight[b] = ser_calloc(n_bin, sizeof *a->weight[b]);
		for (size_t k = 0; k < n_bin; k++) {
			double w = 1 - fabs(mel((double)k * bin_hz) - centre) / step;
			if (w <= 0)
				continue;
			if (a->n[b] == 0)
				a->lo[b] = k;
			a->weight[b][k - a->lo[b]] = (float)w;
			a->n[b] = k + 1 - a->lo[b];
		}
		a->loud[b] = equal_loudness(700 * (pow(10, centre / 2595) - 1));
	}
	a->pole = pow(0.98, shift_s / 0.01);
	for (size_t c = 1; c <= SER_AUD_CEPS; c++)
		for (size_t b = 0; b < SER_AUD_N; b++)
			a->dct[c - 1][b] = sqrt(2.0 / SER_AUD_N) * (1 + 11 * sin(M_PI * (double)c / 22)) *
					   cos(M_PI * (double)c * ((double)b + 0.5) / SER_AUD_N);
	return a;
}

void ser_auditory_free(struct ser_auditory *a)
{
	for (size_t b = 0; a != NULL && b < SER_AUD_N; b++)
		free(a->weight[b]);
	free(a);
}

void ser_auditory_mel(const struct ser_auditory *a, const float *pw, double *m)
{
	for (size_t b = 0; b < SER_AUD_N; b++) {
		double sum = 0;
		for (size_t k = 0; k < a->n[b]; k++)
			sum += (double)a->weight[b][k] * pw[a->lo[b] + k];
		m[b] = sum;
	}
}

double ser_auditory_spectrum(const struct ser_auditory *a, const double *m, double *y)
{
	double sum = 0;
	for (size_t b = 0; b < SER_AUD_N; b++) {
		y[b] = pow(m[b] * a->loud[b], COMPRESS);
		sum += y[b];
	}
	return sum / SER_AUD_N;
}

double ser_auditory_rasta(const struct ser_auditory *a, const double *m, bool first, double *state, double *y)
{
	double sum = 0;
	for (size_t b = 0; b < SER_AUD_N; b++) {
		double *s = state + b * (TAPS + 1), x = log(fmax(m[b], LEAST)); /* s: x[t-1] ... x[t-4], y[t-1] */
		for (int i = 0; first && i < TAPS; i++)
			s[i] = x;
		double z = 0.1 * (2 * x + s[0] - s[2] - 2 * s[3]) + a->pole * (first ? 0 : s[TAPS]);
		for (int i = TAPS - 1; i > 0; i--)
			s[i] = s[i - 1];
		s[0] = x;
		s[TAPS] = z;
		y[b] = exp(COMPRESS * z) * pow(a->loud[b], COMPRESS);
		sum += y[b];
	}
	return sum / SER_AUD_N;
}

void ser_auditory_mfcc(const struct ser_auditory *a, const double *m, size_t n, float *y)
{
	double ln[SER_AUD_N];
	for (size_t b = 0; b < SER_AUD_N; b++)
		ln[b] = log(fmax(m[b], LEAST));
	for (size_t c = 0; c < n; c++) {
		double sum = 0;
		for (size_t b = 0; b < SER_AUD_N; b++)
			sum += a->dct[c][b] * ln[b];
		y[c] = (float)sum;
	}
}
