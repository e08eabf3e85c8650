/* SPDX-License-Identifier: MIT */
#include "dsp/lld.h"
#include "dsp/smile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The frame of 20 ms, centred in the transform's 512 points, at 11 kHz: 512 points are 352 there, of which the first 220 are taken, and
 * of whose spectrum the first 110 bins. */
enum { ORDER = 11, RATE = 11000, POINTS = 352, TAKEN = 220, BINS = 110 };
static const double LOW_HZ = 50, HIGH_HZ = 5500;

struct ser_smile_formants {
	struct ser_fft *fft;
	double turn[2 * BINS]; /* of the delay that centres the frame */
};

struct ser_smile_formants *ser_smile_formants_new(void)
{
	struct ser_smile_formants *p = ser_malloc(1, sizeof *p);
	p->fft = ser_fft_new(POINTS);
	for (size_t k = 0; k < BINS; k++) {
		double w = 2 * M_PI * (double)k * 0.5 * (SMILE_FFT - SMILE_WIN) / SMILE_FFT;
		p->turn[2 * k] = cos(w);
		p->turn[2 * k + 1] = -sin(w);
	}
	return p;
}

void ser_smile_formants_free(struct ser_smile_formants *p)
{
	if (p == NULL)
		return;
	ser_fft_free(p->fft);
	free(p);
}

void ser_smile_formants_do(const struct ser_smile_formants *p, const double *z, double *scratch, float *hz,
			   float *bandwidth)
{
	double *y = scratch + SMILE_SCRATCH / 2, r[ORDER + 1], a[ORDER + 1], f[ORDER], b[ORDER];
	float v[TAKEN];
	double complex root[ORDER];
	size_t n = 0;
	memset(hz, 0, SMILE_FORMANT * sizeof *hz);
	memset(bandwidth, 0, SMILE_FORMANT * sizeof *bandwidth);
	memset(scratch, 0, 2 * (POINTS / 2 + 1) * sizeof *scratch);
	for (size_t k = 0; k < BINS; k++) {
		double c = p->turn[2 * k], s = p->turn[2 * k + 1];
		scratch[2 * k] = z[2 * k] * c - z[2 * k + 1] * s;
		scratch[2 * k + 1] = z[2 * k] * s + z[2 * k + 1] * c;
	}
	scratch[0] *= 2;
	ser_fft_inverse(p->fft, scratch, y);
	/* sums in single precision, as openSMILE's: a spectrum that ends at 3.4 of 5.5 kHz is so nearly predictable that their
	 * rounding moves roots */
	for (size_t i = 0; i < TAKEN; i++)
		v[i] = (float)(y[i] / SMILE_FFT);
	for (size_t m = 0; m <= ORDER; m++) {
		float sum = 0;
		for (size_t i = 0; i + m < TAKEN; i++)
			sum += v[i] * v[i + m];
		r[m] = sum;
	}
	if (!(r[0] > 0) || !ser_lpc_levinson(r, ORDER, a))
		return;
	for (size_t m = 1; m <= ORDER; m++)
		a[m] = -a[m]; /* openSMILE's polynomial is 1 - sum a[m] z^-m of the filter 1 + sum a[m] z^-m */
	ser_lpc_roots(a, ORDER, root);
	for (size_t i = 0; i < ORDER; i++) {
		double at = atan2(cimag(root[i]), creal(root[i])) * RATE / (2 * M_PI);
		if (!(at > LOW_HZ && at < HIGH_HZ) || cimag(root[i]) < 1e-9)
			continue;
		size_t j = n++;
		for (; j > 0 && f[j - 1] > at; j--)
			f[j] = f[j - 1], b[j] = b[j - 1];
		f[j] = at;
		b[j] = -log(cabs(root[i])) * RATE / M_PI;
	}
	for (size_t i = 0; i < n && i < SMILE_FORMANT; i++)
		hz[i] = (float)f[i], bandwidth[i] = (float)b[i];
}
