/* SPDX-License-Identifier: MIT */
/* Normalisations. Statistics are formed in double. */
#include "nn/kern.h"

#include <math.h>

/* Four rows at a time: the sums are read and written once for all of them. */
SER_CLONES static void col_sum_one(size_t n_row, size_t n_col, const real *restrict x, size_t ld, double *restrict s)
{
	size_t r = 0;
	for (; r + 4 <= n_row; r += 4, x += 4 * ld)
		for (size_t c = 0; c < n_col; c++)
			s[c] += ((double)x[c] + (double)x[ld + c]) + ((double)x[2 * ld + c] + (double)x[3 * ld + c]);
	for (; r < n_row; r++, x += ld)
		for (size_t c = 0; c < n_col; c++)
			s[c] += (double)x[c];
}

/* s += sum dy, q += sum dy x */
static inline void col_dot(size_t n_row, size_t n_col, const real *dy, size_t ld, const real *x, size_t ld_x, double *s,
			   double *q)
{
	size_t r = 0;
	for (; r + 4 <= n_row; r += 4, x += 4 * ld_x, dy += 4 * ld)
		for (size_t c = 0; c < n_col; c++) {
			double d0 = (double)dy[c], d1 = (double)dy[ld + c], d2 = (double)dy[2 * ld + c],
			       d3 = (double)dy[3 * ld + c];
			s[c] += (d0 + d1) + (d2 + d3);
			q[c] += (d0 * (double)x[c] + d1 * (double)x[ld_x + c]) +
				(d2 * (double)x[2 * ld_x + c] + d3 * (double)x[3 * ld_x + c]);
		}
	for (; r < n_row; r++, x += ld_x, dy += ld)
		for (size_t c = 0; c < n_col; c++) {
			s[c] += (double)dy[c];
			q[c] += (double)dy[c] * (double)x[c];
		}
}

/* Two callers, so that the compiler knows whether dy is x. */
SER_CLONES static void col_sum_two(size_t n_row, size_t n_col, const real *restrict x, size_t ld, double *restrict s,
				   double *restrict q)
{
	col_dot(n_row, n_col, x, ld, x, ld, s, q);
}

SER_CLONES void kern_col_dot(size_t n_row, size_t n_col, const real *restrict dy, size_t ld, const real *restrict x,
			     double *restrict s, double *restrict q)
{
	col_dot(n_row, n_col, dy, ld, x, n_col, s, q);
}

void kern_col_sum(size_t n_row, size_t n_col, const real *x, size_t ld, double *s, double *q)
{
	if (q != NULL)
		col_sum_two(n_row, n_col, x, ld, s, q);
	else
		col_sum_one(n_row, n_col, x, ld, s);
}

static inline void affine(enum kern_relu relu, size_t n_row, size_t n_col, const real *x, const real *a, const real *b,
			  real *y, size_t ld)
{
	for (size_t r = 0; r < n_row; r++, x += n_col, y += ld) {
		if (relu == RELU_NONE)
			for (size_t c = 0; c < n_col; c++)
				y[c] = x[c] * a[c] + b[c];
		else if (relu == RELU_BEFORE)
			for (size_t c = 0; c < n_col; c++)
				y[c] = (x[c] <= 0 ? 0 : x[c]) * a[c] + b[c];
		else
			for (size_t c = 0; c < n_col; c++) {
				real v = x[c] * a[c] + b[c];
				y[c] = v <= 0 ? 0 : v;
			}
	}
}

/* Two callers, so that the compiler knows whether y is x. */
SER_CLONES static void affine_to(enum kern_relu relu, size_t n_row, size_t n_col, const real *restrict x,
				 const real *restrict a, const real *restrict b, real *restrict y, size_t ld)
{
	affine(relu, n_row, n_col, x, a, b, y, ld);
}

SER_CLONES static void affine_over(enum kern_relu relu, size_t n_row, size_t n_col, const real *restrict a,
				   const real *restrict b, real *restrict y)
{
	affine(relu, n_row, n_col, y, a, b, y, n_col);
}

void kern_affine_fwd(enum kern_relu relu, size_t n_row, size_t n_col, const real *x, const real *a, const real *b,
		     real *y, size_t ld)
{
	if (x == y)
		affine_over(relu, n_row, n_col, a, b, y);
	else
		affine_to(relu, n_row, n_col, x, a, b, y, ld);
}

SER_CLONES void kern_affine_mask(size_t n_row, size_t n_col, const real *restrict x, const real *restrict a,
				 const real *restrict b, real *restrict dy)
{
	for (size_t r = 0; r < n_row; r++, x += n_col, dy += n_col)
		for (size_t c = 0; c < n_col; c++)
			dy[c] = x[c] * a[c] + b[c] <= 0 ? 0 : dy[c];
}

SER_CLONES void kern_affine_bwd_over(bool mask, size_t n_row, size_t n_col, const real *restrict x,
				     const real *restrict a, const real *restrict b, const real *restrict c,
				     real *restrict dy, size_t ld)
{
	for (size_t r = 0; r < n_row; r++, x += n_col, dy += ld) {
		for (size_t j = 0; j < n_col; j++)
			dy[j] = dy[j] * a[j] + (x[j] * b[j] + c[j]);
		if (mask)
			for (size_t j = 0; j < n_col; j++)
				dy[j] = x[j] <= 0 ? 0 : dy[j];
	}
}

SER_CLONES void kern_affine_bwd(size_t n_row, size_t n_col, const real *restrict dy, size_t ld, const real *restrict x,
				const real *restrict a, const real *restrict b, const real *restrict c, bool add,
				real *restrict dx)
{
	for (size_t r = 0; r < n_row; r++, dy += ld, dx += n_col) {
		if (x == NULL && add)
			for (size_t j = 0; j < n_col; j++)
				dx[j] += dy[j] * a[j];
		else if (x == NULL)
			for (size_t j = 0; j < n_col; j++)
				dx[j] = dy[j] * a[j];
		else if (add)
			for (size_t j = 0; j < n_col; j++)
				dx[j] += dy[j] * a[j] + (x[j] * b[j] + c[j]);
		else
			for (size_t j = 0; j < n_col; j++)
				dx[j] = dy[j] * a[j] + (x[j] * b[j] + c[j]);
		x = x != NULL ? x + n_col : NULL;
	}
}

SER_CLONES void kern_layer_norm_fwd(size_t n_row, size_t n_col, const real *x, const real *gain, const real *bias,
				    double eps, real *y, real *mean, real *inv)
{
	for (size_t r = 0; r < n_row; r++, x += n_col, y += n_col) {
		double m = ser_la_sum(n_col, x) / (double)n_col, v = 0;
		real mr = (real)m;
		for (size_t c = 0; c < n_col; c++)
			y[c] = x[c] - mr;
		v = ser_la_dot(n_col, y, y) / (double)n_col;
		real f = (real)(1 / sqrt(v + eps));
		for (size_t c = 0; c < n_col; c++)
			y[c] *= f;
		for (size_t c = 0; gain != NULL && c < n_col; c++)
			y[c] *= gain[c];
		for (size_t c = 0; bias != NULL && c < n_col; c++)
			y[c] += bias[c];
		mean[r] = mr;
		inv[r] = f;
	}
}

/* h = (x - mean) inv, g = dy gain:  dx += inv (g - mean(g) - h mean(g h)) */
SER_CLONES void kern_layer_norm_bwd(size_t n_row, size_t n_col, const real *x, const real *gain, const real *mean,
				    const real *inv, const real *dy, real *dx, double *dgain, double *dbias)
{
	for (size_t r = 0; r < n_row; r++, x += n_col, dy += n_col) {
		double sg = 0, sgh = 0;
		for (size_t c = 0; c < n_col; c++) {
			double h = (double)((x[c] - mean[r]) * inv[r]),
			       g = gain != NULL ? (double)(dy[c] * gain[c]) : (double)dy[c];
			sg += g;
			sgh += g * h;
		}
		real a = (real)(sg / (double)n_col), b = (real)(sgh / (double)n_col);
		for (size_t c = 0; dx != NULL && c < n_col; c++) {
			real h = (x[c] - mean[r]) * inv[r], g = gain != NULL ? dy[c] * gain[c] : dy[c];
			dx[c] += inv[r] * (g - a - h * b);
		}
		for (size_t c = 0; dgain != NULL && c < n_col; c++)
			dgain[c] += (double)(dy[c] * ((x[c] - mean[r]) * inv[r]));
		for (size_t c = 0; dbias != NULL && c < n_col; c++)
			dbias[c] += (double)dy[c];
		if (dx != NULL)
			dx += n_col;
	}
}

/* Groups of one channel, KERN_CHANNELS at a time: rows are read in order */

/* y may be x */
SER_CLONES static void channel_norm(size_t n, size_t w, size_t ld, const real *x, const real *restrict mean,
				    const real *restrict inv, real *y)
{
	for (size_t r = 0; r < n; r++, x += ld, y += ld)
		for (size_t c = 0; c < w; c++)
			y[c] = (x[c] - mean[c]) * inv[c];
}

SER_CLONES static void channel_affine(size_t n, size_t w, size_t ld, const real *restrict a, const real *restrict b,
				      real *restrict y)
{
	for (size_t r = 0; r < n; r++, y += ld)
		for (size_t c = 0; c < w; c++)
			y[c] = y[c] * a[c] + b[c];
}

void kern_channel_stats(size_t n, size_t w, const double *s, const double *q, double eps, real *mean, real *inv)
{
	for (size_t c = 0; c < w; c++) {
		double m = s[c] / (double)n, v = q[c] / (double)n - m * m;
		mean[c] = (real)m;
		inv[c] = (real)(1 / sqrt((v > 0 ? v : 0) + eps));
	}
}

void kern_channel_norm_fwd(size_t n, size_t w, size_t ld, const real *x, const real *mean, const real *inv,
			   const real *gain, const real *bias, real *y)
{
	enum { ROWS = 32 }; /* that stay in the first-level cache */
	real a[KERN_CHANNELS], b[KERN_CHANNELS];
	for (size_t c = 0; c < w; c++) {
		a[c] = gain != NULL ? gain[c] : 1;
		b[c] = bias != NULL ? bias[c] : 0;
	}
	for (size_t r = 0; r < n; r += ROWS) {
		size_t k = n - r < ROWS ? n - r : ROWS;
		channel_norm(k, w, ld, x + r * ld, mean, inv, y + r * ld);
		channel_affine(k, w, ld, a, b, y + r * ld);
	}
}

/* s += dy, q += dy h, h = (x - mean) inv */
SER_CLONES static void channel_sums(size_t n, size_t w, size_t ld, const real *restrict x, const real *restrict mean,
				    const real *restrict inv, const real *restrict dy, double *restrict s,
				    double *restrict q)
{
	for (size_t r = 0; r < n; r++, x += ld, dy += ld)
		for (size_t c = 0; c < w; c++) {
			s[c] += (double)dy[c];
			q[c] += (double)(dy[c] * ((x[c] - mean[c]) * inv[c]));
		}
}

SER_CLONES static void channel_dx(size_t n, size_t w, size_t ld, const real *restrict x, const real *restrict mean,
				  const real *restrict inv, const real *restrict f, const real *restrict a,
				  const real *restrict b, const real *restrict dy, real *restrict dx)
{
	for (size_t r = 0; r < n; r++, x += ld, dy += ld, dx += ld)
		for (size_t c = 0; c < w; c++)
			dx[c] += f[c] * (dy[c] - a[c] - (x[c] - mean[c]) * inv[c] * b[c]);
}

static void channel_norm_bwd(size_t n, size_t n_ch, const real *x, const real *gain, const real *mean, const real *inv,
			     const real *dy, real *dx, double *dgain, double *dbias)
{
	for (size_t c0 = 0; c0 < n_ch; c0 += KERN_CHANNELS) {
		size_t w = n_ch - c0 < KERN_CHANNELS ? n_ch - c0 : KERN_CHANNELS;
		double s[KERN_CHANNELS] = {0}, q[KERN_CHANNELS] = {0};
		real a[KERN_CHANNELS], b[KERN_CHANNELS], f[KERN_CHANNELS];
		channel_sums(n, w, n_ch, x + c0, mean + c0, inv + c0, dy + c0, s, q);
		for (size_t c = 0; c < w; c++) {
			a[c] = (real)(s[c] / (double)n);
			b[c] = (real)(q[c] / (double)n);
			f[c] = inv[c0 + c] * (gain != NULL ? gain[c0 + c] : 1);
			if (dgain != NULL)
				dgain[c0 + c] += q[c];
			if (dbias != NULL)
				dbias[c0 + c] += s[c];
		}
		if (dx != NULL)
			channel_dx(n, w, n_ch, x + c0, mean + c0, inv + c0, f, a, b, dy + c0, dx + c0);
	}
}

void kern_group_norm_fwd(size_t n, size_t n_ch, size_t n_group, const real *x, const real *gain, const real *bias,
			 double eps, real *y, real *mean, real *inv)
{
	size_t w = n_ch / n_group;
	for (size_t g = 0; g < n_group; g++) {
		const real *xg = x + g * w;
		double s = 0, v = 0;
		for (size_t r = 0; r < n; r++)
			for (size_t c = 0; c < w; c++)
				s += xg[r * n_ch + c];
		double m = s / (double)(n * w);
		for (size_t r = 0; r < n; r++)
			for (size_t c = 0; c < w; c++) {
				double d = xg[r * n_ch + c] - m;
				v += d * d;
			}
		mean[g] = (real)m;
		inv[g] = (real)(1 / sqrt(v / (double)(n * w) + eps));
		for (size_t r = 0; r < n; r++)
			for (size_t c = 0; c < w; c++) {
				size_t i = r * n_ch + g * w + c;
				real h = (x[i] - mean[g]) * inv[g];
				h = gain != NULL ? h * gain[g * w + c] : h;
				y[i] = bias != NULL ? h + bias[g * w + c] : h;
			}
	}
}

/* as layer norm, with means over the group */
void kern_group_norm_bwd(size_t n, size_t n_ch, size_t n_group, const real *x, const real *gain, const real *mean,
			 const real *inv, const real *dy, real *dx, double *dgain, double *dbias)
{
	size_t w = n_ch / n_group;
	if (w == 1) {
		channel_norm_bwd(n, n_ch, x, gain, mean, inv, dy, dx, dgain, dbias);
		return;
	}
	for (size_t g = 0; g < n_group; g++) {
		double sg = 0, sgh = 0;
		for (size_t r = 0; r < n; r++)
			for (size_t c = 0; c < w; c++) {
				size_t i = r * n_ch + g * w + c;
				real h = (x[i] - mean[g]) * inv[g], d = gain != NULL ? dy[i] * gain[g * w + c] : dy[i];
				sg += (double)d;
				sgh += (double)d * (double)h;
				if (dgain != NULL)
					dgain[g * w + c] += (double)(dy[i] * h);
				if (dbias != NULL)
					dbias[g * w + c] += (double)dy[i];
			}
		real a = (real)(sg / (double)(n * w)), b = (real)(sgh / (double)(n * w));
		for (size_t r = 0; dx != NULL && r < n; r++)
			for (size_t c = 0; c < w; c++) {
				size_t i = r * n_ch + g * w + c;
				real h = (x[i] - mean[g]) * inv[g], d = gain != NULL ? dy[i] * gain[g * w + c] : dy[i];
				dx[i] += inv[g] * (d - a - h * b);
			}
	}
}

SER_CLONES void kern_l2_norm_fwd(size_t n_row, size_t n_col, const real *x, double eps, real *y, real *inv)
{
	for (size_t r = 0; r < n_row; r++, x += n_col, y += n_col) {
		double n = sqrt(ser_la_dot(n_col, x, x));
		bool small = n < eps;
		real f = (real)(1 / (small ? eps : n));
		for (size_t c = 0; c < n_col; c++)
			y[c] = x[c] * f;
		inv[r] = small ? -f : f;
	}
}

/* y = x/|x|:  dx += (dy - y (y.dy)) / |x|;  where eps decided, y = x/eps and dx += dy/eps */
SER_CLONES void kern_l2_norm_bwd(size_t n_row, size_t n_col, const real *y, const real *inv, const real *dy, real *dx)
{
	for (size_t r = 0; r < n_row; r++, y += n_col, dy += n_col, dx += n_col) {
		real s = inv[r] < 0 ? 0 : (real)ser_la_dot(n_col, y, dy), f = inv[r] < 0 ? -inv[r] : inv[r];
		for (size_t c = 0; c < n_col; c++)
			dx[c] += f * (dy[c] - y[c] * s);
	}
}
