/* SPDX-License-Identifier: MIT */
/* Autocorrelations of several real signals at once, by their power spectra. Internal to dsp. */
#ifndef SER_DSP_ACF_H
#define SER_DSP_ACF_H

#include <stddef.h>

enum { SER_ACF_MOST = 16 };

struct ser_acf;                        /* const after _new, but for _force_isa() */
struct ser_acf *ser_acf_new(size_t n); /* circular over n samples, n >= 1 */
void ser_acf_free(struct ser_acf *p);
size_t ser_acf_n(const struct ser_acf *p); /* signals at once, even, at most SER_ACF_MOST */
/* As ser_front_force_isa(); the numbers are the same as long as signals 2 i and 2 i + 1 are the same two. */
void ser_acf_force_isa(struct ser_acf *p, int isa);

struct ser_acf_ws;
struct ser_acf_ws *ser_acf_ws_new(const struct ser_acf *p);
void ser_acf_ws_free(struct ser_acf_ws *ws);
/* Signal k is samples x [m], m <= n, then zeros; NULL is silence. */
void ser_acf_put(const struct ser_acf *p, struct ser_acf_ws *ws, size_t k, const double *x, size_t m);
void ser_acf_do(const struct ser_acf *p, struct ser_acf_ws *ws);
/* r[0 .. n_lag): sum_i x[i] x[i + lag] of signal k, times n. */
void ser_acf_get(const struct ser_acf *p, const struct ser_acf_ws *ws, size_t k, double *r, size_t n_lag);

#endif
