/* SPDX-License-Identifier: MIT */
/* openSMILE's descriptors and functionals to the number, at the sound's own rate. What the papers leave open (orders of sums,
 * edges, floors, weights of the pitch path) was found by comparing numbers with those of the program for made-up
 * signals; ser-llds(7) says how near they are. A sound is worked through whole: raw descriptors frame by frame, the
 * pitch path, the voice at the pitch, smoothing. Internal to dsp.
 *
 * Shapes: N samples, T frames of 20 ms every 10 ms (T20) and of 60 ms (T60 = T20 - 4 at most rates), F = n_bin and wide_bin of
 * struct ser_smile_size. */
#ifndef SER_DSP_SMILE_H
#define SER_DSP_SMILE_H

#include "dsp/dsp.h"

enum {
	SMILE_LEAST_HZ = 8000,
	SMILE_MOST_HZ = 96000,
	SMILE_WIN = 2400,  /* the most samples of 25 ms */
	SMILE_BIN = 2049,  /* and bins */
	SMILE_WIDE = 5760, /* of 60 ms */
	SMILE_WIDE_BIN = 4097,
	SMILE_BAND = 26,
	SMILE_CAND = 6, /* candidates of pitch a frame */
	SMILE_FORMANT = 3,
	SMILE_LSP = 8,
	SMILE_HARMONIC = 100,
	SMILE_SCRATCH = 16416 /* aligned doubles for the transforms */
};

/* Frames at a rate: samples, points of their transforms (powers of two), bins, whose distance is that of a frame of exactly its length in
 * ms, as in openSMILE, also where it was rounded to samples. */
struct ser_smile_size {
	double rate_hz, bin_hz, wide_bin_hz;
	size_t hop, win, n_fft, n_bin;   /* short frames */
	size_t wide, wide_fft, wide_bin; /* of 60 ms */
};
/* Samples of that many ms, rounded as openSMILE does; the points of a transform that holds n. */
size_t ser_smile_samples(double rate_hz, double ms);
size_t ser_smile_points(size_t n);
void ser_smile_size_of(double rate_hz, double win_ms, struct ser_smile_size *s);

/* ---- the transform (smile_fft.c) ------------------------------------------------------------------ */

/* Of n real values, a power of two from 64 to 8192, in single precision, with openSMILE's roundings; const. */
struct ser_smile_fft;
struct ser_smile_fft *ser_smile_fft_new(size_t n);
void ser_smile_fft_free(struct ser_smile_fft *p);
/* x [n] to z [n + 2], sums of x exp(+2 pi i k t / n): imaginary parts have the sign that others' don't. */
void ser_smile_fft_do(const struct ser_smile_fft *p, const float *x, float *z);

/* ---- spectra (smile_spectrum.c) ------------------------------------------------------------------ */

struct ser_smile_spectrum; /* windows, transforms, filters; const */
/* Short frames: their length (20 or 25 ms), pre-emphasis x[i] - a x[i-1] within them, and the bands that are made of them. */
struct ser_smile_frame {
	double win_ms, preemphasis, low_hz /* of the lowest band */;
	bool magnitude; /* bands of magnitudes, else of power */
	double least;   /* of a band */
	double sigma;   /* of the long frames' window, in halves of it; 0: 0.4 */
	bool centred;   /* in the transform's frame, where others begin it */
};
struct ser_smile_spectrum *ser_smile_spectrum_new(const struct ser_smile_frame *f, const struct ser_smile_size *s);
void ser_smile_spectrum_free(struct ser_smile_spectrum *p);
/* One frame's transforms: z [2 n_bin] of the short one under a Hamming window, with its power pw [n_bin]; mag [wide_bin] of 60 ms
 * under a Gaussian one, whose root mean square under the window it returns. x: the first sample of the frame, times
 * 32768 / 32767. */
void ser_smile_short(const struct ser_smile_spectrum *p, const float *x, float *z, double *pw);
double ser_smile_long(const struct ser_smile_spectrum *p, const float *x, double *mag);
/* The autocorrelation r [wide_fft] of the frame with mag [wide_bin]. scratch [SMILE_SCRATCH]: aligned. */
void ser_smile_autocorrelation(const struct ser_smile_spectrum *p, const double *mag, double *scratch, double *r);
/* n <= 26 triangles on the mel scale, without the bins up to the one nearest to low_hz unless that is 0; ln [n] of their sums of
 * s [n_bin], at least `least` each. */
struct ser_smile_bands; /* const */
struct ser_smile_bands *ser_smile_bands_new(size_t n, double low_hz, double high_hz, const struct ser_smile_size *s);
void ser_smile_bands_free(struct ser_smile_bands *p);
void ser_smile_bands_do(const struct ser_smile_bands *p, const double *s, double least, double *ln);
/* ln [26] of the triangles up to 8 kHz. */
void ser_smile_mel(const struct ser_smile_spectrum *p, const double *pw, double *ln);
/* PLP's auditory spectrum y [26]: (energy times equal loudness)^0.33, here with the roll-off above 4.6 kHz. Returns
 * its mean. */
double ser_smile_loudness(const struct ser_smile_spectrum *p, const double *ln, double *y);
/* HTK's cepstra 1 ... n <= 14. */
void ser_smile_mfcc(const struct ser_smile_spectrum *p, const double *ln, size_t n, double *y);
/* 10 log10 of the energy of 1-5 kHz over that below, and of the peak below 2 kHz over that of 2-5 kHz. */
double ser_smile_alpha(const struct ser_smile_size *s, const double *pw);
double ser_smile_hammarberg(const struct ser_smile_size *s, const double *pw);
/* The bins from the return value to hi that a band is of, the outer ones by their shares first and last. */
size_t ser_smile_band(const struct ser_smile_size *s, double lo_hz, double hi_hz, size_t *hi, double *first,
		      double *last);
/* Slope of 10 log10 P, floored at -140 dB, over that band; the number of points is taken as one less, as openSMILE
 * does. */
double ser_smile_slope(const struct ser_smile_size *s, const double *pw, double lo_hz, double hi_hz);
/* Root mean square of the change of magnitudes below 5 kHz; last [n_bin] becomes this frame's. */
double ser_smile_flux(const struct ser_smile_size *s, const double *pw, bool first, double *last);

/* ---- pitch (smile_pitch.c) ----------------------------------------------------------------------- */

struct ser_smile_cand {
	double hz[SMILE_CAND], voicing[SMILE_CAND]; /* 0 where there are fewer */
};
struct ser_smile_pitch; /* const */
struct ser_smile_pitch_opt {
	double low_hz, high_hz; /* of candidates */
	double from_hz;         /* where the octave axis begins */
	size_t n_cand;          /* <= SMILE_CAND */
	bool rising;            /* a peak is one only where it is higher than all of lower pitch */
	bool plain;             /* the spectrum as it is: peaks not enhanced, not smoothed, no auditory weight */
	double cut;             /* of the voicing */
};
struct ser_smile_pitch *ser_smile_pitch_new(const struct ser_smile_pitch_opt *o, const struct ser_smile_size *s);
void ser_smile_pitch_free(struct ser_smile_pitch *p);
/* Candidates by sub-harmonic summation (D. J. Hermes, "Measurement of pitch by subharmonic summation", JASA 83
 * (1988) 257-264): peaks of mag [wide_bin] smoothed and put on an octave axis by a cubic spline, 15 harmonics
 * compressed by 0.85. */
void ser_smile_candidates(const struct ser_smile_pitch *p, const double *mag, struct ser_smile_cand *c);
/* The cheapest path through the candidates of all frames: hz [T], 0 where unvoiced; voicing [T] that of the path, or
 * of the first candidate where unvoiced. back [T * 7] is scratch. Returns how many frames the path is sure of before
 * the last is known, which decides how openSMILE smooths the ends. */
size_t ser_smile_path(const struct ser_smile_cand *c, size_t n_frame, unsigned char *back, float *hz, float *voicing);
/* The older sets have no path: hz [T] of the first candidate, where its voicing and a neighbour's are above the pitch's cut, and the
 * next frame's where it is a spike. The first voicing and pitch are 0. */
void ser_smile_first(const struct ser_smile_pitch *p, const struct ser_smile_cand *c, size_t n_frame, float *hz,
		     float *voicing);

/* ---- the voice (smile_voice.c) ------------------------------------------------------------------- */

struct ser_smile_periods {
	float jitter, jitter_ddp, shimmer, shimmer_db;
	float log_hnr; /* dB; -100 without a voice, 0 where no period was found yet */
};
/* Periods by waveform matching: from where the last one ended, the lag within `reach` of the pitch's period, as a
 * share of it, at which the normalised correlation of a period and the next is highest. x [n], hz [T], y [T]. Where
 * a frame has no period, the values stay. */
void ser_smile_jitter(const struct ser_smile_size *s, const float *x, size_t n, double reach, const float *hz,
		      size_t n_frame, struct ser_smile_periods *y);

struct ser_smile_harmonics {
	double hnr_db, h1_h2, h1_a3, amplitude[SMILE_FORMANT];
};
/* Of mag [wide_bin] at pitch hz: the autocorrelation's peak by the pitch period over the rest, 10 log10; levels relative
 * to F0, dB, of the peaks next to its multiples. formant [3] Hz. */
void ser_smile_harmonics_do(const struct ser_smile_spectrum *p, const struct ser_smile_size *s, const double *mag,
			    double hz, const float *formant, double *scratch, struct ser_smile_harmonics *y);

/* ---- formants (smile_formants.c) ------------------------------------------------------------------ */

struct ser_smile_formants; /* const */
struct ser_smile_formants *ser_smile_formants_new(const struct ser_smile_size *s);
void ser_smile_formants_free(struct ser_smile_formants *p);
/* The frame z [2 n_bin] brought to 11 kHz, v [SMILE_NARROW at most]; returns how many samples. */
enum { SMILE_NARROW = 275 };
size_t ser_smile_narrow(const struct ser_smile_formants *p, const float *z, float *v);
/* Linear prediction of order 11 of that frame; hz and bandwidth [3], 0 where there are
 * fewer. */
void ser_smile_formants_do(const struct ser_smile_formants *p, const float *z, float *hz, float *bandwidth);
/* Line spectral frequencies y [8] of the linear prediction of order 8 of v [n], radians, rising; 0 where there are fewer. */
void ser_smile_lsp(const float *v, size_t n, float *y);

/* ---- pitch of the older sets (smile_acf.c) -------------------------------------------------------- */

struct ser_smile_acf; /* const */
struct ser_smile_acf_opt {
	double win_ms; /* <= 40 */
	double preemphasis;
	bool old; /* a cepstrum of logarithms of the power itself, whose sizes count, where 0 Hz is without logarithm and the last bin
		   * is 0; else of 1 + power */
};
struct ser_smile_acf *ser_smile_acf_new(const struct ser_smile_acf_opt *o, double rate_hz);
void ser_smile_acf_free(struct ser_smile_acf *p);
/* Of the frame at x, Hamming window: the highest peak of the autocorrelation's magnitude, or its last value, as a share of its
 * beginning, and the pitch at the cepstrum's first peak above 0.6 of the sum of its highest value and its mean size, 0 where the former
 * is at most 0.55. */
void ser_smile_acf_do(const struct ser_smile_acf *p, const float *x, double *scratch, float *voicing, float *hz);
/* That pitch over frames, in place: a frame late, as openSMILE has it, without single frames, each with the one before averaged; one
 * that is 40 % off a running mean is replaced by it. */
void ser_smile_acf_track(float *hz, size_t n);
/* A quarter of the way to the pitch each frame that has one; from: where it begins, below 0: with the first pitch. */
void ser_smile_envelope(const float *hz, size_t n, float from, float *y);

/* ---- sets (smile.c) ------------------------------------------------------------------------------ */

struct ser_smile;                                                          /* const */
struct ser_smile_ws;                                                       /* what a thread has of the sound at hand */
struct ser_smile *ser_smile_new(enum ser_front_kind kind, double rate_hz); /* SER_EGEMAPS and beyond, or SER_COMPARE */
void ser_smile_free(struct ser_smile *p);
struct ser_smile_ws *ser_smile_ws_new(void);
void ser_smile_ws_free(struct ser_smile_ws *ws);
size_t ser_smile_least(const struct ser_smile *p); /* fewest samples of which openSMILE gives something */
/* T for n samples: of the set's longest frames as many as there are, but of is10 and is11, whose pitch has no last frame, and one
 * more; 0 below the least. */
size_t ser_smile_n_frame(const struct ser_smile *p, size_t n);
/* x [n] to y [T, D (1 + n_delta)], D the kind's descriptors; n_delta 0 or, but of SER_EGEMAPS, 1 */
void ser_smile_do(const struct ser_smile *p, struct ser_smile_ws *ws, const float *x, size_t n, float *y, int n_delta);
/* The functionals of the sound of the last _do: of SER_EGEMAPS f [88]; of the other kinds those of a set of theirs, compare2016, is13,
 * emobase, is09, is10 or is11, f [_func_n]. Their names, buf: 64 bytes. */
size_t ser_smile_func_n(const char *set);
const char *ser_smile_func_name(const char *set, size_t k, char *buf);
void ser_smile_func(const struct ser_smile *p, struct ser_smile_ws *ws, const char *set, float *f);

#endif
