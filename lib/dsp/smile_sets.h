/* SPDX-License-Identifier: MIT */
/* A sound on its way through smile_egemaps.c to smile_func.c. Internal to dsp. */
#ifndef SER_DSP_SMILE_SETS_H
#define SER_DSP_SMILE_SETS_H

#include "dsp/lld.h"
#include "dsp/smile.h"

enum {
	LOUDNESS,
	ALPHA,
	HAMMARBERG,
	SLOPE_LOW,
	SLOPE_HIGH,
	FLUX,
	MFCC,
	F0 = 10,
	JITTER,
	SHIMMER,
	HNR,
	H1_H2,
	H1_A3,
	FORMANT /* three times frequency, bandwidth, amplitude */
};
static const float SMILE_NO_AMPLITUDE = -201; /* of formants where there is no voice */

struct ser_smile {
	struct ser_smile_spectrum *spectrum;
	struct ser_smile_pitch *pitch;
	struct ser_smile_formants *formants;
};

struct smile_frame {
	float raw[SER_EGEMAPS_LLD_N]; /* before smoothing */
};

struct ser_smile_ws {
	double *scratch, *z;
	double *x;                 /* [n] samples */
	struct smile_frame *frame; /* [n_short], of the pitch and the formants [n_long] */
	struct ser_smile_cand *cand;
	float *level; /* [n_long] root mean square of the windowed frames */
	unsigned char *back;
	size_t n, n_short, n_long, sure;
	size_t cap_x, cap_frame, cap_cand, cap_back, cap_level;
};

/* Row t of raw column j averaged with its neighbours among frames 0 ... n - 1; the first and last count twice at the ends. */
float ser_smile_mean3(const struct ser_smile_ws *ws, size_t j, size_t t, size_t n);
/* The same of frames 0 ... last of what hangs on the pitch, column [., stride], without zeros; 0 where the frame is. t may be beyond. */
float ser_smile_mean3_voice(const float *column, size_t stride, size_t t, size_t last);
/* How many frames of the voice functionals are of. */
static inline size_t ser_smile_func_rows(const struct ser_smile_ws *ws)
{
	return ws->sure > 0 ? ws->sure : ws->n_long;
}

#endif
