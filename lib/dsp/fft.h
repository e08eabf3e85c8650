/* SPDX-License-Identifier: MIT */
/* Tables of a mixed-radix transform, decimation in frequency, in place. Internal to dsp. */
#ifndef SER_DSP_FFT_H
#define SER_DSP_FFT_H

#include "base/base.h"

enum { SER_FFT_STAGES = 64 };

/* Stage s takes every sub-block of `len` elements, len = product of the radices from s on, as r rows of q = len / r: for
 * each column j the r elements a[m] = z[j + m q] become  z[j + p q] = w_len^(j p) sum_m a[m] w_r^(m p).
 * After the last stage output k of the transform stands at pos[k]. */
struct ser_fft_table {
	size_t n;
	int n_stage;
	size_t radix[SER_FFT_STAGES], len[SER_FFT_STAGES];
	size_t tw_at[SER_FFT_STAGES];   /* first twiddle of the stage: pairs (cos, -sin), [q][r-1] */
	size_t root_at[SER_FFT_STAGES]; /* radices beyond 5: the r roots of unity, pairs */
	double *tw;
	size_t n_tw;
	uint32_t *pos; /* [n] */
	size_t max_radix;
};

void ser_fft_table_init(struct ser_fft_table *t, size_t n);
void ser_fft_table_free(struct ser_fft_table *t);

/* cos and sin of 2 pi k / n, reduced exactly to the first octant. */
void ser_fft_root(size_t k, size_t n, double *c, double *s);

#endif
