/* SPDX-License-Identifier: MIT */
/* Low-level descriptors of one frame; dsp.h defines them. Internal to dsp. */
#ifndef SER_DSP_LLD_H
#define SER_DSP_LLD_H

#include <stdbool.h>
#include <stddef.h>

enum { SER_LLD_F0, SER_LLD_VOICING, SER_LLD_HNR /* the first columns, which are not set here */, SER_LLD_N = 19 };
extern const char *const ser_lld_names[SER_LLD_N];

/* x [n] samples, pw [n_bin] power at k * bin_hz; shape [2, n_bin] is the caller's memory from frame to frame. */
void ser_lld_frame(const float *x, size_t n, const float *pw, size_t n_bin, double rate_hz, double bin_hz,
		   double *shape, bool first, float *y);

#endif
