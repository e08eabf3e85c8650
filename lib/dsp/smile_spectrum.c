/* SPDX-License-Identifier: MIT */
#include "dsp/smile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CEPS = 14 };

size_t ser_smile_samples(double rate_hz, double ms)
{
	return (size_t)(rate_hz * ms / 1000 + 0.5);
}

size_t ser_smile_points(size_t n)
{
	size_t points = 1;
	while (points < n)
		points *= 2;
	return points;
}

void ser_smile_size_of(double rate_hz, double win_ms, struct ser_smile_size *s)
{
	s->rate_hz = rate_hz;
	s->hop = ser_smile_samples(rate_hz, 10);
	s->win = ser_smile_samples(rate_hz, win_ms);
	s->n_fft = ser_smile_points(s->win);
	s->n_bin = s->n_fft / 2 + 1;
	s->bin_hz = (double)s->win / (double)s->n_fft / (win_ms / 1000);
	s->wide = ser_smile_samples(rate_hz, 60);
	s->wide_fft = ser_smile_points(s->wide);
	s->wide_bin = s->wide_fft / 2 + 1;
	s->wide_bin_hz = (double)s->wide / (double)s->wide_fft / 0.06;
}

struct ser_smile_bands {
	size_t n, lo[SMILE_BAND], width[SMILE_BAND];
	double centre_hz[SMILE_BAND], weight[SMILE_BAND][SMILE_BIN];
};

struct ser_smile_spectrum {
	struct ser_smile_frame f;
	struct ser_smile_size s;
	float hamming[SMILE_WIN], gauss[SMILE_WIDE];
	struct ser_smile_fft *fft, *long_fft;
	struct ser_fft *back; /* of the long one */
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

struct ser_smile_bands *ser_smile_bands_new(size_t n, double low_hz, double high_hz, const struct ser_smile_size *s)
{
	struct ser_smile_bands *p = ser_calloc(1, sizeof *p);
	double nyquist = (double)(s->n_bin - 1) * s->bin_hz, bottom = mel(low_hz),
	       step = (mel(high_hz < nyquist ? high_hz : nyquist) - bottom) / (double)(n + 1);
	size_t first_bin = low_hz > 0 ? (size_t)(low_hz / s->bin_hz + 0.5) + 1 : 0;
	p->n = n;
	for (size_t b = 0; b < n; b++) {
		double centre = bottom + step * (double)(b + 1);
		for (size_t k = first_bin; k < s->n_bin; k++) {
			double w = 1 - fabs(mel((double)k * s->bin_hz) - centre) / step;
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

struct ser_smile_spectrum *ser_smile_spectrum_new(const struct ser_smile_frame *f, const struct ser_smile_size *s)
{
	struct ser_smile_spectrum *p = ser_calloc(1, sizeof *p);
	p->f = *f;
	p->s = *s;
	for (size_t i = 0; i < s->win; i++)
		p->hamming[i] = (float)(0.54 - 0.46 * cos(2 * M_PI * (double)i / (double)(s->win - 1)));
	double half = 0.5 * (double)(s->wide - 1), sigma = f->sigma > 0 ? f->sigma : 0.4;
	for (size_t i = 0; i < s->wide; i++) {
		double u = ((double)i - half) / (sigma * half);
		p->gauss[i] = (float)exp(-0.5 * u * u);
	}
	p->fft = ser_smile_fft_new(s->n_fft);
	p->long_fft = ser_smile_fft_new(s->wide_fft);
	p->back = ser_fft_new(s->wide_fft);
	p->bands = ser_smile_bands_new(SMILE_BAND, f->low_hz, 8000, s);
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
	ser_smile_fft_free(p->fft);
	ser_smile_fft_free(p->long_fft);
	ser_fft_free(p->back);
	ser_smile_bands_free(p->bands);
	free(p);
}

void ser_smile_short(const struct ser_smile_spectrum *p, const float *x, float *z, double *pw)
{
	const float a = (float)p->f.preemphasis;
	float v[2 * SMILE_BIN] = {0}, *in = v + (p->f.centred ? (p->s.n_fft - p->s.win) / 2 : 0);
	for (size_t i = 0; i < p->s.win; i++)
		in[i] = (x[i] - a * x[i > 0 ? i - 1 : 0]) * p->hamming[i];
	ser_smile_fft_do(p->fft, v, z);
	for (size_t k = 0; k < p->s.n_bin; k++)
		pw[k] = (double)z[2 * k] * z[2 * k] + (double)z[2 * k + 1] * z[2 * k + 1];
}

double ser_smile_long(const struct ser_smile_spectrum *p, const float *x, double *mag)
{
	float v[2 * SMILE_WIDE_BIN] = {0}, z[2 * SMILE_WIDE_BIN];
	double sq = 0;
	for (size_t i = 0; i < p->s.wide; i++) {
		v[i] = x[i] * p->gauss[i];
		sq += (double)v[i] * v[i];
	}
	ser_smile_fft_do(p->long_fft, v, z);
	for (size_t k = 0; k < p->s.wide_bin; k++)
		mag[k] = sqrt((double)z[2 * k] * z[2 * k] + (double)z[2 * k + 1] * z[2 * k + 1]);
	return sqrt(sq / (double)p->s.wide);
}

void ser_smile_autocorrelation(const struct ser_smile_spectrum *p, const double *mag, double *scratch, double *r)
{
	for (size_t k = 0; k < p->s.wide_bin; k++) {
		scratch[2 * k] = mag[k] * mag[k];
		scratch[2 * k + 1] = 0;
	}
	ser_fft_inverse(p->back, scratch, r);
}

void ser_smile_mel(const struct ser_smile_spectrum *p, const double *pw, double *y)
{
	double mag[SMILE_BIN];
	for (size_t k = 0; p->f.magnitude && k < p->s.n_bin; k++)
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

/* The first bin at or beyond hz, and the last at or before it. */
static size_t from_bin(const struct ser_smile_size *s, double hz)
{
	return (size_t)ceil(hz / s->bin_hz);
}
static size_t to_bin(const struct ser_smile_size *s, double hz)
{
	size_t k = (size_t)(hz / s->bin_hz);
	return k < s->n_bin ? k : s->n_bin - 1;
}

double ser_smile_alpha(const struct ser_smile_size *s, const double *pw)
{
	double low = 0, high = 0;
	size_t k = 0;
	for (; k < from_bin(s, 1000); k++)
		low += pw[k];
	for (; k <= to_bin(s, 5000); k++)
		high += pw[k];
	return low > 0 && high > 0 ? 10 * log10(high / low) : 0;
}

double ser_smile_hammarberg(const struct ser_smile_size *s, const double *pw)
{
	double low = 0, high = 0;
	size_t k = 0;
	for (; k < from_bin(s, 2000); k++)
		low = fmax(low, pw[k]);
	for (; k <= to_bin(s, 5000); k++)
		high = fmax(high, pw[k]);
	return low > 0 && high > 0 ? 10 * log10(low / high) : 0;
}

size_t ser_smile_band(const struct ser_smile_size *s, double lo_hz, double hi_hz, size_t *hi, double *first,
		      double *last)
{
	double from = lo_hz / s->bin_hz, to = hi_hz / s->bin_hz;
	*hi = to_bin(s, hi_hz);
	*first = 1 - (from - floor(from));
	*last = to > floor(to) ? to - floor(to) : 1;
	return (size_t)from;
}

double ser_smile_slope(const struct ser_smile_size *s, const double *pw, double lo_hz, double hi_hz)
{
	double first, last, f = 0, ff = 0, y = 0, fy = 0;
	size_t hi, lo = ser_smile_band(s, lo_hz, hi_hz, &hi, &first, &last);
	double n = (double)(hi - lo);
	for (size_t k = lo; k <= hi; k++) {
		double w = k == lo   ? first
			   : k == hi ? last
				     : 1,
		       hz = w * (double)k * s->bin_hz, db = 10 * log10(fmax(pw[k], 1e-14));
		f += hz;
		ff += hz * hz;
		y += w * db;
		fy += hz * db;
	}
	return (n * fy - f * y) / (n * ff - f * f);
}

double ser_smile_flux(const struct ser_smile_size *s, const double *pw, bool first, double *last)
{
	double sum = 0;
	size_t n = from_bin(s, 5000) < s->n_bin ? from_bin(s, 5000) : s->n_bin;
	for (size_t k = 0; k < n; k++) {
		double m = sqrt(pw[k]), d = first ? 0 : m - last[k];
		sum += d * d;
		last[k] = m;
	}
	return sqrt(sum / (double)n);
}
