/* SPDX-License-Identifier: MIT */
#include "dsp/smile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CEPS = 14 };
static const double BIN_HZ = (double)SMILE_RATE / SMILE_FFT;

/* HTK leaves out the bins up to the one nearest to 20 Hz; band energies below that of one of 16-bit samples count as it. */
const struct ser_smile_frame ser_smile_20ms = {.win = SMILE_WIN, .low_hz = 20, .first_bin = 2, .least = 0x1p-30};

struct ser_smile_bands {
	size_t n, lo[SMILE_BAND], width[SMILE_BAND];
	double centre_hz[SMILE_BAND], weight[SMILE_BAND][SMILE_BIN];
};

struct ser_smile_spectrum {
	struct ser_smile_frame f;
	double hamming[SMILE_FFT], gauss[SMILE_LONG];
	struct ser_fft *fft, *long_fft;
	struct ser_smile_bands *bands;
	double loud[SMILE_BAND]; /* equal loudness to the power 0.33 */
	double dct[CEPS][SMILE_BAND];
};

static double mel(double hz)
{
	return 1127 * log(1 + hz / 700);
}

/* Hermansky 1990, eq. 5, and a fall of 42 dB an octave above 4.6 kHz: the factor 1 / (1 + (f / 4606)^7) is read off openSMILE's
 * numbers, exact to 1e-6 of them. */
static double equal_loudness(double hz)
{
	double w2 = 4 * M_PI * M_PI * hz * hz;
	return (w2 + 56.8e6) * w2 * w2 / ((w2 + 6.3e6) * (w2 + 6.3e6) * (w2 + 0.38e9)) /
	       (1 + 2.274101e-26 * pow(hz, 7)) / 0.17;
}

struct ser_smile_bands *ser_smile_bands_new(size_t n, double low_hz, double high_hz, size_t first_bin)
{
	struct ser_smile_bands *p = ser_calloc(1, sizeof *p);
	double bottom = mel(low_hz), step = (mel(high_hz) - bottom) / (double)(n + 1);
	p->n = n;
	for (size_t b = 0; b < n; b++) {
		double centre = bottom + step * (double)(b + 1);
		for (size_t k = first_bin; k < SMILE_BIN; k++) {
			double w = 1 - fabs(mel((double)k * BIN_HZ) - centre) / step;
			if (w <= 0)
				continue;
			if (p->width[b] == 0)
				p->lo[b] = k;
			p->weight[b][k - p->lo[b]] = w;
			p->width[b] = k + 1 - p->lo[b];
		}
		p->centre_hz[b] = 700 * (exp(centre / 1127) - 1);
	}
	return p;
}

void ser_smile_bands_free(struct ser_smile_bands *p)
{
	free(p);
}

void ser_smile_bands_do(const struct ser_smile_bands *p, const double *s, double least, double *ln)
{
	for (size_t b = 0; b < p->n; b++) {
		const double *w = p->weight[b], *from = s + p->lo[b];
		double sum = 0;
		for (size_t k = 0; k < p->width[b]; k++)
			sum += w[k] * from[k];
		ln[b] = log(fmax(sum, least));
	}
}

struct ser_smile_spectrum *ser_smile_spectrum_new(const struct ser_smile_frame *f)
{
	struct ser_smile_spectrum *p = ser_calloc(1, sizeof *p);
	p->f = *f;
	for (size_t i = 0; i < f->win; i++)
		p->hamming[i] = 0.54 - 0.46 * cos(2 * M_PI * (double)i / (double)(f->win - 1));
	double half = 0.5 * (SMILE_LONG - 1), sigma = f->sigma > 0 ? f->sigma : 0.4;
	for (size_t i = 0; i < SMILE_LONG; i++) {
		double u = ((double)i - half) / (sigma * half);
		p->gauss[i] = exp(-0.5 * u * u);
	}
	p->fft = ser_fft_new(SMILE_FFT);
	p->long_fft = ser_fft_new(SMILE_LONG_FFT);
	p->bands = ser_smile_bands_new(SMILE_BAND, f->low_hz, 8000, f->first_bin);
	for (size_t b = 0; b < SMILE_BAND; b++)
		p->loud[b] = pow(equal_loudness(p->bands->centre_hz[b]), 0.33);
	for (size_t c = 1; c <= CEPS; c++)
		for (size_t b = 0; b < SMILE_BAND; b++)
			p->dct[c - 1][b] = sqrt(2.0 / SMILE_BAND) * (1 + 11 * sin(M_PI * (double)c / 22)) *
					   cos(M_PI * (double)c * ((double)b + 0.5) / SMILE_BAND);
	return p;
}

void ser_smile_spectrum_free(struct ser_smile_spectrum *p)
{
	if (p == NULL)
		return;
	ser_fft_free(p->fft);
	ser_fft_free(p->long_fft);
	ser_smile_bands_free(p->bands);
	free(p);
}

void ser_smile_short(const struct ser_smile_spectrum *p, const double *x, double *scratch, double *z, double *pw)
{
	const double a = p->f.preemphasis;
	for (size_t i = 0; i < p->f.win; i++)
		scratch[i] = (x[i] - a * x[i > 0 ? i - 1 : 0]) * p->hamming[i];
	memset(scratch + p->f.win, 0, (SMILE_FFT - p->f.win) * sizeof *scratch);
	ser_fft_do(p->fft, scratch, z);
	for (size_t k = 0; k < SMILE_BIN; k++)
		pw[k] = z[2 * k] * z[2 * k] + z[2 * k + 1] * z[2 * k + 1];
}

double ser_smile_long(const struct ser_smile_spectrum *p, const double *x, double *scratch, double *mag)
{
	double *z = scratch + SMILE_SCRATCH / 2, sq = 0;
	for (size_t i = 0; i < SMILE_LONG; i++) {
		scratch[i] = x[i] * p->gauss[i];
		sq += scratch[i] * scratch[i];
	}
	memset(scratch + SMILE_LONG, 0, (SMILE_LONG_FFT - SMILE_LONG) * sizeof *scratch);
	ser_fft_do(p->long_fft, scratch, z);
	for (size_t k = 0; k < SMILE_LONG_BIN; k++)
		mag[k] = sqrt(z[2 * k] * z[2 * k] + z[2 * k + 1] * z[2 * k + 1]);
	return sqrt(sq / SMILE_LONG);
}

void ser_smile_autocorrelation(const struct ser_smile_spectrum *p, const double *mag, double *scratch, double *r)
{
	for (size_t k = 0; k < SMILE_LONG_BIN; k++) {
		scratch[2 * k] = mag[k] * mag[k];
		scratch[2 * k + 1] = 0;
	}
	ser_fft_inverse(p->long_fft, scratch, r);
}

void ser_smile_mel(const struct ser_smile_spectrum *p, const double *pw, double *y)
{
	double mag[SMILE_BIN];
	for (size_t k = 0; p->f.magnitude && k < SMILE_BIN; k++)
		mag[k] = sqrt(pw[k]);
	ser_smile_bands_do(p->bands, p->f.magnitude ? mag : pw, p->f.least, y);
}

double ser_smile_loudness(const struct ser_smile_spectrum *p, const double *ln, double *y)
{
	double sum = 0;
	for (size_t b = 0; b < SMILE_BAND; b++) {
		y[b] = p->loud[b] * exp(0.33 * ln[b]);
		sum += y[b];
	}
	return sum / SMILE_BAND;
}

void ser_smile_mfcc(const struct ser_smile_spectrum *p, const double *ln, size_t n, double *y)
{
	for (size_t c = 0; c < n; c++) {
		y[c] = 0;
		for (size_t b = 0; b < SMILE_BAND; b++) /* less the first, so that silence has zeros */
			y[c] += p->dct[c][b] * (ln[b] - ln[0]);
	}
}

double ser_smile_alpha(const double *pw)
{
	double low = 0, high = 0;
	for (size_t k = 0; k < 32; k++)
		low += pw[k];
	for (size_t k = 32; k <= 160; k++)
		high += pw[k];
	return low > 0 && high > 0 ? 10 * log10(high / low) : 0;
}

double ser_smile_hammarberg(const double *pw)
{
	double low = 0, high = 0;
	for (size_t k = 0; k < 64; k++)
		low = fmax(low, pw[k]);
	for (size_t k = 64; k <= 160; k++)
		high = fmax(high, pw[k]);
	return low > 0 && high > 0 ? 10 * log10(low / high) : 0;
}

double ser_smile_slope(const double *pw, size_t lo, size_t hi)
{
	double n = (double)(hi - lo), f = 0, ff = 0, y = 0, fy = 0;
	for (size_t k = lo; k <= hi; k++) {
		double hz = (double)k * BIN_HZ, db = 10 * log10(fmax(pw[k], 1e-14));
		f += hz;
		ff += hz * hz;
		y += db;
		fy += hz * db;
	}
	return (n * fy - f * y) / (n * ff - f * f);
}

double ser_smile_flux(const double *pw, bool first, double *last)
{
	double sum = 0;
	for (size_t k = 0; k < 160; k++) {
		double m = sqrt(pw[k]), d = m - last[k];
		sum += d * d;
		last[k] = m;
	}
	return first ? 0 : sqrt(sum / 160);
}
