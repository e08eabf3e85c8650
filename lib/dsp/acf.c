/* SPDX-License-Identifier: MIT */
#include "dsp/acf.h"
#include "dsp/fft.h"

#include <stdlib.h>
#include <string.h>

#define LOOPS "dsp/acf_lanes.h"
#include "dsp/widths.h"

struct ser_acf {
	struct ser_fft_table t;
	size_t n_lane; /* doubles a row */
	void (*autocorrelate)(const struct ser_fft_table *t, double *z, double *q, double *scratch);
};

struct ser_acf_ws {
	double *z, *q, *scratch; /* rows */
};

void ser_acf_force_isa(struct ser_acf *p, int isa)
{
	size_t w = width_for(isa);
	p->autocorrelate = OF_WIDTH(w, autocorrelate);
	p->n_lane = w / 2;
}

struct ser_acf *ser_acf_new(size_t n)
{
	struct ser_acf *p = ser_calloc(1, sizeof *p);
	ser_fft_table_init(&p->t, n);
	ser_acf_force_isa(p, 0);
	return p;
}

void ser_acf_free(struct ser_acf *p)
{
	if (p == NULL)
		return;
	ser_fft_table_free(&p->t);
	free(p);
}

size_t ser_acf_n(const struct ser_acf *p)
{
	return 2 * p->n_lane;
}

static double *rows(size_t n)
{
	size_t len = ser_mul(n, SER_ACF_MOST / 2);
	double *p = ser_malloc_aligned(len, sizeof *p);
	memset(p, 0, len * sizeof *p);
	return p;
}

struct ser_acf_ws *ser_acf_ws_new(const struct ser_acf *p)
{
	struct ser_acf_ws *ws = ser_malloc(1, sizeof *ws);
	ws->z = rows(2 * p->t.n);
	ws->q = rows(2 * p->t.n);
	ws->scratch = rows(2 * p->t.max_radix);
	return ws;
}

void ser_acf_ws_free(struct ser_acf_ws *ws)
{
	if (ws == NULL)
		return;
	free(ws->z);
	free(ws->q);
	free(ws->scratch);
	free(ws);
}

void ser_acf_put(const struct ser_acf *p, struct ser_acf_ws *ws, size_t k, const double *x, size_t m)
{
	double *z = ws->z + k % 2 * p->n_lane + k / 2;
	size_t step = 2 * p->n_lane, n = x != NULL ? m : 0;
	for (size_t i = 0; i < n; i++)
		z[i * step] = x[i];
	for (size_t i = n; i < p->t.n; i++)
		z[i * step] = 0;
}

void ser_acf_do(const struct ser_acf *p, struct ser_acf_ws *ws)
{
	p->autocorrelate(&p->t, ws->z, ws->q, ws->scratch);
}

void ser_acf_get(const struct ser_acf *p, const struct ser_acf_ws *ws, size_t k, double *r, size_t n_lag)
{
	const double *q = ws->q + k % 2 * p->n_lane + k / 2;
	for (size_t i = 0; i < n_lag; i++)
		r[i] = q[p->t.pos[i] * 2 * p->n_lane];
}
