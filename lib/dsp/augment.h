/* SPDX-License-Identifier: MIT */
/* Sounds changed on purpose: noise at a level, rooms, tempo; and where in a long recording somebody speaks.
 * Samples are in [-1,1], mono. */
#ifndef SER_DSP_AUGMENT_H
#define SER_DSP_AUGMENT_H

#include "base/base.h"

double ser_mean_square(const float *x, size_t n); /* 0 for n = 0 */

/* x[i] += g noise[(from + i) mod m], i < n, m > 0, with g such that 10 log10(sum x^2 / sum (g noise)^2), both sums over these n
 * samples and x as it was, is snr_db. A silent x stays silent. SER_EDATA when the noise is silent there, or not finite. */
int ser_noise_add(float *x, size_t n, const float *noise, size_t m, size_t from, double snr_db, struct ser_err *e);

/* y[i] = sum_k h[k] x[i + from - k] for i in [0,n): n samples of the full convolution of x [n] and h [m], from `from` on, m > 0.
 * In double precision, by overlap-add: its error is of the order of float's rounding. y may be x. Allocates its scratch. */
void ser_convolve(const float *x, size_t n, const float *h, size_t m, size_t from, float *y);

/* A room's impulse response made of noise (Moorer, "About this reverberation business", Computer Music Journal 3(2), 1979):
 * h[0] = 1 is the direct sound; h[k], 0 < k < m, is Gaussian noise times 10^(-3 k / (rt60_s rate_hz)), as a whole drr_db weaker
 * than the direct sound. m = ser_room_len(). rt60_s > 0: seconds until the decay has reached -60 dB. */
size_t ser_room_len(double rt60_s, double rate_hz);
void ser_room_make(double rt60_s, double drr_db, double rate_hz, struct ser_rng *rng, float *h);

/* Tempo without a change of pitch: overlap-add of 30 ms pieces, each taken where, within 10 ms of its time, it goes on best from
 * the piece before (W. Verhelst and M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA)",
 * ICASSP 1993). x [n] to y [ser_tempo_len(n, tempo)], = round(n / tempo). tempo > 0: 1.1 is a tenth faster. */
size_t ser_tempo_len(size_t n, double tempo);
void ser_tempo_do(const float *x, size_t n, double rate_hz, double tempo, float *y);

/* ---- voice activity --------------------------------------------------------------------------- */

/* Speech in a recording of any length, from its energy, in one pass and bounded memory. A frame (25 ms every 10 ms) is active when
 * its mean square lies `threshold_db` above the background and above `floor_db`. The background is the least mean square of
 * the blocks of 100 ms from `past_s` before the frame to 0.5 s after it; blocks of digital silence do not count. Speech begins `lead_s`
 * before an active frame, and ends `hangover_s` after the last one before a longer pause. What has less than `min_speech_s` of
 * active frames is dropped; what grows to `max_speech_s` is parted at the weakest frame of its second half. */
struct ser_vad_opt {
	double rate_hz;
	double threshold_db; /* 10 */
	double floor_db;     /* -65, re full scale */
	double lead_s;       /* 0.1 */
	double hangover_s;   /* 0.3 */
	double min_speech_s; /* 0.2 */
	double max_speech_s; /* 30; at least 1 */
	double past_s;       /* 10 */
};
void ser_vad_opt_init(struct ser_vad_opt *o, double rate_hz);

struct ser_vad;
struct ser_vad *ser_vad_new(const struct ser_vad_opt *o);
void ser_vad_free(struct ser_vad *v);
/* The next n samples. Call _next until it says 0 before the next _push: memory holds what _next has not passed. */
void ser_vad_push(struct ser_vad *v, const float *x, size_t n);
/* 1 and a stretch of speech, samples [*start, *start + *n) of all that was pushed, at *x until the next call; 0 when more samples
 * are needed. `end`: there are no more. */
int ser_vad_next(struct ser_vad *v, bool end, const float **x, size_t *start, size_t *n);

#endif
