/* SPDX-License-Identifier: MIT */
/* Fourier transforms by FFTW: M. Frigo and S. G. Johnson, "The design and implementation of FFTW3", Proc. IEEE 93 (2005)
 * 216-231. Plans are estimated, never measured, so that a length has the same plan in every process; arrays are aligned
 * always, so that it has the same code in every thread. */
#include "dsp/dsp.h"

#include <fftw3.h>
#include <pthread.h>
#include <stdlib.h>

struct ser_fft {
	size_t n;
	fftw_plan forward, inverse;
};

/* FFTW's planner is one for the process: who makes or frees plans holds this. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

struct ser_fft *ser_fft_new(size_t n)
{
	ser_assert(n >= 1 && n <= (size_t)1 << 28);
	struct ser_fft *p = ser_malloc(1, sizeof *p);
	double *x = ser_malloc_aligned(n, sizeof *x), *z = ser_malloc_aligned(ser_fft_len(n), sizeof *z);
	p->n = n;
	ser_assert(pthread_mutex_lock(&planner) == 0);
	p->forward = fftw_plan_dft_r2c_1d((int)n, x, (fftw_complex *)z, FFTW_ESTIMATE | FFTW_DESTROY_INPUT);
	p->inverse = fftw_plan_dft_c2r_1d((int)n, (fftw_complex *)z, x, FFTW_ESTIMATE | FFTW_DESTROY_INPUT);
	ser_assert(pthread_mutex_unlock(&planner) == 0);
	ser_assert(p->forward != NULL && p->inverse != NULL);
	free(x);
	free(z);
	return p;
}

void ser_fft_free(struct ser_fft *p)
{
	if (p == NULL)
		return;
	ser_assert(pthread_mutex_lock(&planner) == 0);
	fftw_destroy_plan(p->forward);
	fftw_destroy_plan(p->inverse);
	ser_assert(pthread_mutex_unlock(&planner) == 0);
	free(p);
}

size_t ser_fft_len(size_t n)
{
	return 2 * (n / 2 + 1);
}

void ser_fft_do(const struct ser_fft *p, double *x, double *z)
{
	ser_assert(fftw_alignment_of(x) == 0 && fftw_alignment_of(z) == 0);
	fftw_execute_dft_r2c(p->forward, x, (fftw_complex *)z);
}

void ser_fft_inverse(const struct ser_fft *p, double *z, double *x)
{
	ser_assert(fftw_alignment_of(x) == 0 && fftw_alignment_of(z) == 0);
	fftw_execute_dft_c2r(p->inverse, (fftw_complex *)z, x);
}

void ser_fft_power(const struct ser_fft *p, double *z)
{
	for (size_t k = 0; k < ser_fft_len(p->n); k += 2) {
		z[k] = z[k] * z[k] + z[k + 1] * z[k + 1];
		z[k + 1] = 0;
	}
}
