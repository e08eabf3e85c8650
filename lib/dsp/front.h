/* SPDX-License-Identifier: MIT */
/* A front-end's plan and workspace, between the files that make the plan (front.c), fill its tables (front_tables.c) and run it
 * (front_do.c). Internal to dsp. */
#ifndef SER_DSP_FRONT_H
#define SER_DSP_FRONT_H

#include "dsp/dsp.h"
#include "dsp/lld.h"
#include "dsp/smile.h"

struct band {
	size_t lo, n; /* bins [lo, lo + n) */
	size_t at;    /* first weight */
};

/* Mel filters without their zeros. */
struct bank {
	struct band *band; /* [num_mel_bins] */
	float *weight;
};

struct ser_front {
	struct ser_front_opt o;
	size_t win, shift, n_fft, n_bin, dim, base_dim;
	ptrdiff_t offset; /* frame t begins at sample t * shift + offset */
	bool need_energy;
	float log_energy_floor;
	double *window; /* [win], then 4 zeros */
	struct ser_fft *fft;
	struct bank bank;
	double *dct;             /* [num_ceps, num_mel_bins] with lifter */
	struct ser_lld *lld;     /* what makes descriptors of spectra, or NULL */
	struct ser_front *wide;  /* the power spectrum of longer frames that some sets want too, or NULL */
	struct ser_smile *smile; /* compat opensmile: what makes the matrix, or NULL */
	bool *sparse;            /* [dim] */
};

struct ser_front_ws {
	/* one frame; rows are a few elements longer, for loops that go by four */
	float *edge;        /* [win] samples of a frame that reaches over an end, or with dither */
	double *raw;        /* [4 + win] from 4 on, as numbers of double precision */
	double *x;          /* [n_fft] what is transformed */
	double *z;          /* [2 F] its transform */
	float *pw;          /* [F] its power */
	float *mel, *rest;  /* [M]; what cepstra add to mel, that it keeps its precision */
	struct bank warped; /* in place of the plan's, of this factor; 0: none */
	double warp;
	float *sound; /* the signal divided by its peak */
	size_t sound_cap;
	/* descriptors: */
	struct ser_lld_ws *lld;
	struct ser_front_ws *wide;
	struct ser_smile_ws *smile;
};

/* The tables of a plan whose options and geometry are set. */
void ser_front_window(struct ser_front *p);
/* The mel filters, warped by this factor. SER_EUSAGE when the transform is too short for so many: some would hold no bin. */
int ser_front_bands(const struct ser_front *p, double warp, struct bank *to, struct ser_err *e);
void ser_bank_free(struct bank *b);
void ser_front_dct(struct ser_front *p);

/* What front_do.c has for front_flow.c: */
int ser_front_too_few(const struct ser_front *p, size_t n, struct ser_err *e);               /* SER_EDATA */
int ser_front_check(const struct ser_front *p, const float *x, size_t n, struct ser_err *e); /* the samples x [n] */
int ser_front_all_finite(const float *y, size_t n, struct ser_err *e);
/* Frames from_frame and so on of the sound x [N], as they are before anything that looks at all of them, to y [n_frame,D]. */
void ser_front_frames(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n, size_t from_frame,
		      size_t n_frame, struct ser_rng *rng, float *y);
/* The bound and the scale of y [n_frame,D] that hang on the greatest value of a sound's frames. */
void ser_front_limit(const struct ser_front *p, float *y, size_t n_frame, float top);

#endif
