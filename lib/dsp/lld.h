/* SPDX-License-Identifier: MIT */
/* Sets of low-level descriptors: dsp.h names the sets, ser-llds(7) defines their columns. A front-end of such a kind hands
 * each frame, with its power spectrum, to the set; what looks at the whole sound (voice) comes before the first frame, what
 * looks at neighbours (smoothing) after the last. Internal to dsp. */
#ifndef SER_DSP_LLD_H
#define SER_DSP_LLD_H

#include "dsp/dsp.h"

#include <complex.h>

/* ---- the voice ---------------------------------------------------------------------------------- */

/* Of one frame; all but peak are 0 where there is no voice. */
struct ser_voice {
	float f0, strength;
	float peak; /* ser_f0_peak() */
	struct ser_perturbation pert;
};

/* 10 log10(r / (1 - r)) of a height r of the autocorrelation, at most 60 dB. */
float ser_hnr_db(float r);

/* ---- spectra ------------------------------------------------------------------------------------ */

/* Of P[k] = pw[k] at f[k] = k bin_hz and p = P / sum P; all 0 where sum P < 1e-12. */
struct ser_moments {
	double centroid, variance; /* Hz, Hz^2 */
	double skewness, kurtosis;
	double entropy;     /* -sum p log2 p, bits */
	double slope;       /* of the regression of P on f, 1/Hz */
	double rolloff[4];  /* lowest f up to which lie 25, 50, 75, 90 % of sum P, Hz */
	double sharpness;   /* acum: 0.11 sum p z g(z), z(f) in bark, g(z) = max(1, 0.066 exp(0.171 z)) */
	double harmonicity; /* sum_k |M[k] - M[k-1]| / sum_k M[k], M = sqrt(P): peaks over valleys */
	double low, high;   /* sum P over 250-650 Hz, 1-4 kHz */
};
/* weight [n_bin]: z g(z), from ser_sharpness_weight(). */
void ser_moments_do(const float *pw, size_t n_bin, double bin_hz, const double *weight, struct ser_moments *m);
double ser_sharpness_weight(double hz);

/* sqrt(mean_k (M[k] - last[k])^2) of the magnitudes M = sqrt(P), 0 when `first`; last [n_bin] becomes M. */
double ser_flux(const float *pw, size_t n_bin, bool first, float *last);
/* 10 log10 of the energy in 1-5 kHz over that in 50-1000 Hz; of the strongest bin of 0-2 kHz over that of 2-5 kHz. */
double ser_alpha_ratio(const float *pw, size_t n_bin, double bin_hz);
double ser_hammarberg(const float *pw, size_t n_bin, double bin_hz);
/* Slope of the regression of 10 log10 P on f over [lo, hi] Hz, dB/Hz. */
double ser_slope_db(const float *pw, size_t n_bin, double bin_hz, double lo, double hi);

/* ---- auditory spectrum -------------------------------------------------------------------------- */

enum { SER_AUD_N = 26, SER_AUD_CEPS = 14 };
struct ser_auditory; /* const after _new */
struct ser_auditory *ser_auditory_new(double rate_hz, double shift_s, size_t n_bin, double bin_hz);
void ser_auditory_free(struct ser_auditory *a);
/* Energies of 26 triangles on HTK's mel scale, 20 Hz to 8 kHz or half the rate. */
void ser_auditory_mel(const struct ser_auditory *a, const float *pw, double *mel);
/* PLP's auditory spectrum (H. Hermansky, "Perceptual linear predictive (PLP) analysis of speech", JASA 87 (1990)
 * 1738-1752): energies times the equal-loudness curve of their band's centre, to the power 0.33. Returns its mean. */
double ser_auditory_spectrum(const struct ser_auditory *a, const double *mel, double *y);
/* The same of energies whose logarithms went through RASTA's filter (H. Hermansky and N. Morgan, "RASTA processing of
 * speech", IEEE Trans. Speech and Audio Proc. 2 (1994) 578-589): 0.1 (2 + z^-1 - z^-3 - 2 z^-4) / (1 - r z^-1) with
 * r = 0.98 at frames every 10 ms, and the same time constant at others. state [26, 5] from frame to frame. */
double ser_auditory_rasta(const struct ser_auditory *a, const double *mel, bool first, double *state, double *y);
/* Cepstra 1 ... n <= 14 as HTK's: sqrt(2/26) sum_b ln(mel[b]) cos(pi c (b + 1/2) / 26), times 1 + 11 sin(pi c / 22). Energies
 * below 2^-30 count as that. */
void ser_auditory_mfcc(const struct ser_auditory *a, const double *mel, size_t n, float *y);

/* ---- formants ----------------------------------------------------------------------------------- */

enum { SER_LPC_MAX = 16 };
/* Levinson and Durbin: r [order + 1] to a [order + 1] with a[0] = 1; false when r is no autocorrelation. */
bool ser_lpc_levinson(const double *r, int order, double *a);
/* All roots z [order] of z^order + a[1] z^(order-1) + ... + a[order]. */
void ser_lpc_roots(const double *a, int order, double complex *z);

struct ser_formants; /* const after _new */
struct ser_formants *ser_formants_new(double rate_hz, size_t n_bin, double bin_hz);
void ser_formants_free(struct ser_formants *p);
/* The three lowest resonances between 50 Hz and 5.45 kHz: poles of the linear prediction of order 10 of the spectrum below
 * 5.5 kHz (selective linear prediction: J. Makhoul, "Spectral linear prediction: properties and applications", IEEE Trans.
 * ASSP 23 (1975) 283-296), pre-emphasised from 50 Hz on. Returns how many were found; hz, bandwidth [3] Hz, 0 where none. */
int ser_formants_do(const struct ser_formants *p, const float *pw, double *hz, double *bandwidth);

/* ---- sets --------------------------------------------------------------------------------------- */

struct ser_lld {
	const struct ser_lld_set *set;
	double rate_hz, shift_s, bin_hz, wide_hz;
	size_t win, n_bin, n_wide;
	struct ser_f0 *f0;
	struct ser_auditory *aud;
	struct ser_formants *formants;
	double *weight; /* [n_bin] of the sharpness */
};

struct ser_lld_ws {
	struct ser_f0_ws *f0;
	struct ser_pulses pulses;
	float *pitch;
	struct ser_voice *voice; /* [T] */
	size_t pitch_cap, voice_cap;
	double *shape; /* [2, n_bin] of the set lld */
	float *last;   /* [n_bin] magnitudes of the frame before */
	double rasta[SER_AUD_N * 5];
	float *column; /* [T] being smoothed */
	size_t column_cap;
};

struct ser_lld_frame {
	size_t t;
	const float *x;    /* [win] samples */
	const float *pw;   /* [n_bin] power spectrum */
	const float *wide; /* [n_wide] that of 60 ms around the same centre, or NULL */
	const struct ser_voice *voice;
};

struct ser_lld_set {
	size_t n;
	const char *const *name;
	bool pulses; /* wants jitter and shimmer */
	bool wide;   /* wants frame.wide */
	bool (*sparse)(size_t column);
	void (*frame)(const struct ser_lld *p, struct ser_lld_ws *ws, const struct ser_lld_frame *f, float *y);
	void (*end)(const struct ser_lld *p, struct ser_lld_ws *ws, size_t n_frame, float *y, size_t stride);
};
extern const struct ser_lld_set ser_lld_basic, ser_lld_compare, ser_lld_egemaps;
extern const struct ser_lld_set ser_lld_is09, ser_lld_is10, ser_lld_is11,
	ser_lld_emobase; /* names only: smile.h has the rest */
enum { SER_LLD_N = 19, SER_COMPARE_N = 65, SER_EGEMAPS_LLD_N = 25 };

/* p's set, rate, geometry and f0 are set by the caller. */
void ser_lld_init(struct ser_lld *p);
void ser_lld_free(struct ser_lld *p);
struct ser_lld_ws *ser_lld_ws_new(const struct ser_lld *p);
void ser_lld_ws_free(struct ser_lld_ws *ws);
/* Before the first frame: ws->voice [n_frame] of the sound x [n]; frame t is centred on first_s + t shift_s. */
int ser_lld_begin(const struct ser_lld *p, struct ser_lld_ws *ws, const float *x, size_t n, double first_s,
		  size_t n_frame, struct ser_err *e);
/* Means over each frame and its two neighbours, of columns [from, to) of y [n_frame, stride]; `voiced`: only over those
 * with a voice, and frames without one stay as they are. */
void ser_smooth(struct ser_lld_ws *ws, bool voiced, float *y, size_t n_frame, size_t stride, size_t from, size_t to);

#endif
