/* SPDX-License-Identifier: MIT */
/* A sound on its way from the descriptors of a set to its functionals. Internal to dsp. */
#ifndef SER_DSP_SMILE_SETS_H
#define SER_DSP_SMILE_SETS_H

#include "dsp/columns.h"
#include "dsp/smile.h"

struct ser_smile {
	enum ser_front_kind kind;
	struct ser_smile_size size;
	size_t n_column, win_long; /* samples of the longest frames */
	double reach;              /* of the search for a period, about that of the pitch */
	struct ser_smile_spectrum *spectrum;
	struct ser_smile_pitch *pitch;
	struct ser_smile_formants *formants; /* of egemaps */
	struct ser_smile_bands *bands;       /* of is10: eight */
	struct ser_smile_acf *acf;           /* of emobase and is09 */
	double sharp[SMILE_BIN];             /* of compare: 0.11 z g(z) */
};

struct ser_smile_ws {
	double *scratch;
	float *x;   /* [n] samples */
	float *raw; /* [n_short, n_column] before smoothing; columns of the voice of frames t < n_long */
	struct ser_smile_cand *cand;      /* [n_long] */
	struct ser_smile_periods *period; /* [n_long] */
	float *level, *hz, *voicing;      /* [n_long]; level: root mean square of the windowed frames */
	float *smooth, *delta;            /* [n_short, n_column], but of egemaps */
	unsigned char *back;
	double power; /* of egemaps: sum of all short frames' mean squares */
	size_t n_column, n, n_short, n_long /* of the pitch */, sure;
	size_t cap_x, cap_raw, cap_cand, cap_period, cap_level, cap_smooth, cap_back;
};

static inline float *ser_smile_raw(const struct ser_smile_ws *ws, size_t t)
{
	return ws->raw + t * ws->n_column;
}

/* Row t of column j of raw averaged with its neighbours among frames 0 ... n - 1; the first and last count twice at the ends. What
 * follows an only frame is 0. */
float ser_smile_mean3(const struct ser_smile_ws *ws, size_t j, size_t t, size_t n);
/* The same of frames 0 ... last of what hangs on the pitch, column [., stride], without zeros; 0 where the frame is. t may be beyond. */
float ser_smile_mean3_voice(const float *column, size_t stride, size_t t, size_t last);
/* How many frames of the voice functionals are of. */
static inline size_t ser_smile_func_rows(const struct ser_smile_ws *ws)
{
	return ws->sure > 0 ? ws->sure : ws->n_long;
}
/* The pitch of all frames, whose level and candidates are known: hz, 0 without a voice, voicing, periods, sure; by a path through the
 * candidates or each frame's first. */
void ser_smile_track(const struct ser_smile *p, struct ser_smile_ws *ws, bool path);

/* Regression deltas of n_column columns of rows y [n_row, stride], which n frames were smoothed to, to d. Of fewer than three frames the
 * first two rows take for 0 what has not come by then: a frame's neighbours from the n-th on. */
void ser_smile_deltas(const float *y, float *d, size_t n, size_t n_row, size_t stride, size_t n_column);

/* Rows of descriptors that there are. */
size_t ser_smile_rows(const struct ser_smile *p, const struct ser_smile_ws *ws);
/* Changes of sign over samples, where every sample of a stretch of zeros is one. */
double ser_smile_zero_crossings(const float *x, size_t n);

/* smile_egemaps.c, smile_compare.c, smile_older.c: what is raw, then rows of output y [T, n_column]. */
void ser_smile_egemaps_do(const struct ser_smile *p, struct ser_smile_ws *ws, float *y);
extern const unsigned char ser_smile_is11_at[59]; /* its columns among compare's */
void ser_smile_compare_new(struct ser_smile *p);
void ser_smile_compare_do(const struct ser_smile *p, struct ser_smile_ws *ws, float *y, size_t stride, bool delta);
void ser_smile_older_new(struct ser_smile *p);
void ser_smile_older_do(const struct ser_smile *p, struct ser_smile_ws *ws, float *y, size_t stride, bool delta);
/* smile_func.c, smile_groups.c */
void ser_smile_egemaps_func(struct ser_smile_ws *ws, float *f);
void ser_smile_groups_func(const char *set, struct ser_smile_ws *ws, float *f);

/* Runs of frames with a voice in column f0 [., stride] of n rows, or without; those of less than three frames don't count, nor do breaks of
 * one frame between them. A run of n frames is n - 1 long. Seconds. */
struct ser_smile_runs {
	double n, mean, deviation, least, most;
};
struct ser_smile_runs ser_smile_runs_of(const float *f0, size_t stride, size_t n, bool voiced);

/* ---- turning points of a contour (smile_peaks.c) -------------------------------------------------- */

struct ser_smile_peaks {
	double rise[2], fall[2]; /* mean and deviation of slopes, a second */
	double dist[2];          /* of peaks, seconds */
	double peak_lo, peak_hi, peak_mean, dip_lo, dip_hi;
	size_t n_peak, n_dip;
};
/* Of v [n]; at [n] is scratch. */
struct ser_smile_peaks ser_smile_peaks_of(const double *v, size_t n, ptrdiff_t *at);

#endif
