/* SPDX-License-Identifier: MIT */
/* What a front-end multiplies by: windows, mel filters, cosines. */
#include "dsp/front.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ser_front_window(struct ser_front *p)
{
	const struct ser_front_opt *o = &p->o;
	size_t n = p->win, d = o->periodic ? n : n - 1;
	p->window = ser_calloc(n + 4, sizeof *p->window);
	for (size_t i = 0; i < n; i++) {
		double w = 1, angle = 2 * M_PI * (double)i / (double)d, c = cos(angle), c2 = cos(2 * angle);
		switch (o->window_type) {
		case SER_WIN_POVEY:
			w = pow(0.5 - 0.5 * c, 0.85);
			break;
		case SER_WIN_HAMMING:
			w = 0.54 - 0.46 * c;
			break;
		case SER_WIN_HANNING:
			w = 0.5 - 0.5 * c;
			break;
		case SER_WIN_RECTANGULAR:
			break;
		case SER_WIN_BLACKMAN:
			w = o->blackman_coeff - 0.5 * c + (0.5 - o->blackman_coeff) * c2;
			break;
		}
		p->window[i] = w;
	}
}

/* Kaldi's mel scale, in single precision as Kaldi computes it: its filters' edges depend on that. */
static float mel_kaldi(float hz)
{
	return 1127.0f * logf(1.0f + hz / 700.0f);
}

static double hz_to_mel(enum ser_mel_scale s, double hz)
{
	if (s == SER_MEL_HTK)
		return 2595.0 * log10(1.0 + hz / 700.0);
	return hz < 1000.0 ? hz * 3 / 200 : 15.0 + log(hz / 1000.0) * 27 / log(6.4);
}

static double mel_to_hz(enum ser_mel_scale s, double mel)
{
	if (s == SER_MEL_HTK)
		return 700.0 * (pow(10.0, mel / 2595.0) - 1.0);
	return mel < 15.0 ? mel * 200 / 3 : 1000.0 * exp((mel - 15.0) * log(6.4) / 27);
}

/* Where VTLN puts a point of Kaldi's mel axis (Kaldi's feature documentation, "Vocal tract length normalization"): a frequency is
 * divided by the factor between the cut-offs, and in a straight line from there to the ends, which stay. */
static float warped(const struct ser_front_opt *o, double hi_hz, double warp, float mel)
{
	float hz = 700.0f * (expf(mel / 1127.0f) - 1.0f), low = (float)o->low_freq, high = (float)hi_hz;
	float cut = (float)(o->vtln_high > 0 ? o->vtln_high : 0.5 * o->sample_frequency + o->vtln_high);
	float f = (float)warp, l = (float)o->vtln_low * fmaxf(1, f), h = cut * fminf(1, f), scale = 1 / f;
	if (hz < low || hz > high)
		return mel;
	if (hz < l)
		hz = low + (scale * l - low) / (l - low) * (hz - low);
	else if (hz < h)
		hz = scale * hz;
	else
		hz = high + (high - scale * h) / (high - h) * (hz - high);
	return mel_kaldi(hz);
}

/* Row b of the filterbank into w [n_bin]. */
static void filter(const struct ser_front *p, double warp, size_t b, float *w)
{
	const struct ser_front_opt *o = &p->o;
	double nyquist = 0.5 * o->sample_frequency, hi_hz = o->high_freq > 0 ? o->high_freq : nyquist + o->high_freq;
	memset(w, 0, p->n_bin * sizeof *w);
	if (o->mel_shape == SER_SHAPE_MEL) {
		/* slopes as Kaldi's MelBanks; the bin at the Nyquist frequency is left out */
		double lo, hi;
		if (o->mel_scale == SER_MEL_HTK) {
			lo = 1127.0 * log(1.0 + o->low_freq / 700.0);
			hi = 1127.0 * log(1.0 + hi_hz / 700.0);
		} else {
			lo = hz_to_mel(o->mel_scale, o->low_freq);
			hi = hz_to_mel(o->mel_scale, hi_hz);
		}
		float delta = (float)((hi - lo) / (o->num_mel_bins + 1));
		float left = (float)lo + (float)b * delta, center = (float)lo + (float)(b + 1) * delta;
		float right = (float)lo + (float)(b + 2) * delta;
		if (warp != 1 && (o->kind == SER_FBANK || o->kind == SER_MFCC)) {
			left = warped(o, hi_hz, warp, left);
			center = warped(o, hi_hz, warp, center);
			right = warped(o, hi_hz, warp, right);
		}
		float bin_hz = (float)(o->sample_frequency / (double)p->n_fft);
		for (size_t k = 0; k < (p->n_fft + 1) / 2; k++) {
			float hz = bin_hz * (float)k;
			float m = o->mel_scale == SER_MEL_HTK ? mel_kaldi(hz) : (float)hz_to_mel(o->mel_scale, hz);
			float up = (m - left) / (center - left), down = (right - m) / (right - center);
			float v = up < down ? up : down;
			w[k] = v > 0 ? v : 0;
		}
		return;
	}
	double lo = hz_to_mel(o->mel_scale, o->low_freq), hi = hz_to_mel(o->mel_scale, hi_hz), f[3];
	for (int i = 0; i < 3; i++)
		f[i] = mel_to_hz(o->mel_scale, lo + (hi - lo) * ((double)b + i) / (o->num_mel_bins + 1));
	double right_width = o->mel_shape == SER_SHAPE_LEFT ? f[1] - f[0] : f[2] - f[1];
	double gain = o->mel_norm == SER_MEL_NORM_SLANEY ? 2.0 / (f[2] - f[0]) : 1.0;
	for (size_t k = 0; k < p->n_bin; k++) {
		double hz = o->sample_frequency * (double)k / (double)p->n_fft;
		double up = (hz - f[0]) / (f[1] - f[0]), down = (f[1] + right_width - hz) / right_width;
		double v = up < down ? up : down;
		w[k] = v > 0 ? (float)(v * gain) : 0;
	}
}

/* The most bands, up to num-mel-bins, of which each holds a bin; 0 when there is no such number. */
static int most_bands(const struct ser_front *p, double warp, float *w)
{
	struct ser_front q = *p;
	for (; q.o.num_mel_bins > 0; q.o.num_mel_bins--) {
		int b = 0; /* the lowest bands are the narrowest */
		for (bool full = true; full && b < q.o.num_mel_bins; b += full) {
			filter(&q, warp, (size_t)b, w);
			full = ser_abs_max(w, q.n_bin) > 0;
		}
		if (b == q.o.num_mel_bins)
			break;
	}
	return q.o.num_mel_bins;
}

void ser_bank_free(struct bank *b)
{
	free(b->band);
	free(b->weight);
	*b = (struct bank){0};
}

int ser_front_bands(const struct ser_front *p, double warp, struct bank *to, struct ser_err *e)
{
	size_t n_mel = (size_t)p->o.num_mel_bins, at = 0, n_empty = 0;
	to->band = ser_calloc(n_mel, sizeof *to->band);
	to->weight = ser_malloc(ser_mul(n_mel, p->n_bin), sizeof *to->weight);
	float *w = ser_malloc(p->n_bin, sizeof *w);
	for (size_t b = 0; b < n_mel; b++) {
		filter(p, warp, b, w);
		size_t lo = 0, hi = p->n_bin;
		while (lo < hi && w[lo] == 0)
			lo++;
		while (hi > lo && w[hi - 1] == 0)
			hi--;
		to->band[b] = (struct band){.lo = lo < p->n_bin ? lo : 0, .n = hi - lo, .at = at};
		memcpy(to->weight + at, w + lo, (hi - lo) * sizeof *w);
		at += hi - lo;
		n_empty += hi == lo;
	}
	int rc = SER_OK;
	if (n_empty > 0)
		rc = ser_fail(e, SER_EUSAGE,
			      "%zu of %zu mel bands hold no bin of a transform of %zu points: num-mel-bins up to %d, "
			      "or a greater n-fft",
			      n_empty, n_mel, p->n_fft, most_bands(p, warp, w));
	free(w);
	if (rc != SER_OK)
		ser_bank_free(to);
	return rc;
}

/* DCT II, orthonormal, with the lifter 1 + L/2 sin(pi c / L) and, where C0 is put last for HTK, C0 times sqrt(2). */
void ser_front_dct(struct ser_front *p)
{
	size_t n = (size_t)p->o.num_mel_bins, n_ceps = (size_t)p->o.num_ceps;
	double lift = p->o.cepstral_lifter;
	p->dct = ser_malloc(ser_mul(n, n_ceps), sizeof *p->dct);
	for (size_t c = 0; c < n_ceps; c++) {
		double gain = sqrt((c == 0 ? 1.0 : 2.0) / (double)n);
		if (lift != 0)
			gain *= 1 + 0.5 * lift * sin(M_PI * (double)c / lift);
		if (c == 0 && p->o.htk_compat && !p->o.use_energy)
			gain *= sqrt(2.0);
		for (size_t b = 0; b < n; b++)
			p->dct[c * n + b] =
				gain * cos(2 * M_PI * (double)(c * (2 * b + 1) % (4 * n)) / (double)(4 * n));
	}
}
