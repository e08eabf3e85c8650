/* SPDX-License-Identifier: MIT */
/* Two real signals a lane, one in the real rows, one in the imaginary ones. Included through widths.h. */

#include "dsp/fft_lanes.h"

/* z [2 n rows], in natural order and overwritten, to q: the transforms of |A|^2 + i |B|^2 of the signals' spectra A and B,
 * which Z = A + i B holds as A[k] = (Z[k] + conj Z[n-k]) / 2 and B[k] = (Z[k] - conj Z[n-k]) / 2i. */
static TARGET void NAME(autocorrelate)(const struct ser_fft_table *t, double *z_, double *q_, double *scratch)
{
	D *z = (D *)z_, *q = (D *)q_;
	NAME(stages)(t, z, (D *)scratch);
	for (size_t k = 0; 2 * k <= t->n; k++) {
		size_t m = k == 0 ? 0 : t->n - k;
		const D *u = z + 2 * t->pos[k], *v = z + 2 * t->pos[m];
		D ar = u[0] + v[0], ai = u[1] - v[1], br = u[1] + v[1], bi = v[0] - u[0];
		q[2 * k] = q[2 * m] = (ar * ar + ai * ai) * 0.25;
		q[2 * k + 1] = q[2 * m + 1] = (br * br + bi * bi) * 0.25;
	}
	NAME(stages)(t, q, (D *)scratch);
}

#undef D
#undef MUL_TO
#undef W
#undef NAME
#undef TARGET
