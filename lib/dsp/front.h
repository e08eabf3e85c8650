/* SPDX-License-Identifier: MIT */
/* A front-end's plan and workspace, between the files that make the plan (front.c), fill its tables (front_tables.c) and run it
 * (front_do.c, front_lanes.h). Internal to dsp. */
#ifndef SER_DSP_FRONT_H
#define SER_DSP_FRONT_H

#include "dsp/dsp.h"
#include "dsp/fft.h"
#include "dsp/lld.h"

struct lane_fft {
	struct ser_fft_table t; /* of n/2 points, or of n when n is odd */
	size_t n;
	bool half;
	double *split; /* [n/4+1] pairs cos/2, sin/2 of 2 pi k / n */
};

struct band {
	size_t lo, n; /* bins [lo, lo + n) */
	size_t at;    /* first weight */
};

struct ser_front {
	struct ser_front_opt o;
	size_t win, shift, n_fft, n_bin, dim, base_dim;
	size_t n_row; /* rows of the transform */
	size_t n_out_row, n_ceps_row, n_aux_row;
	ptrdiff_t offset; /* frame t begins at sample t * shift + offset */
	bool need_energy;
	float log_energy_floor;
	double *window;
	struct lane_fft fft;
	struct band *band;
	float *weight;
	double *dct;            /* [num_ceps, num_mel_bins] with lifter */
	struct ser_lld *lld;    /* what makes descriptors of spectra, or NULL */
	struct ser_front *wide; /* the power spectrum of longer frames that some sets want too, or NULL */
	bool *sparse;           /* [dim] */
	void (*block)(const struct ser_front *p, float *scratch, const float *const *src, float *y, size_t y_stride,
		      size_t n_lane);
	size_t w; /* frames a block */
};

enum { LANES = 16 }; /* of the widest registers */

struct ser_front_ws {
	float *scratch; /* rows of a block */
	float *edge;    /* [LANES, win] frames that reach over an end, or with dither */
	float *x;       /* the signal divided by its peak */
	size_t x_cap;
	/* descriptors: */
	struct ser_lld_ws *lld;
	float *spec; /* [LANES, F] */
	struct ser_front_ws *wide;
	float *wide_spec; /* [LANES, F of wide] */
};

/* The tables of a plan whose options and geometry are set. */
void ser_front_fft(struct lane_fft *f, size_t n);
void ser_front_window(struct ser_front *p);
void ser_front_bands(struct ser_front *p); /* the mel filters, without their zeros */
void ser_front_dct(struct ser_front *p);

#endif
