/* SPDX-License-Identifier: MIT */
/* Kernels along time: the geometry of convolutions, pooling, gates. */
#include "nn/kern.h"

#include <math.h>
#include <string.h>

/* The segment that row r lies in; seg[b] <= r < seg[b+1]. */
static size_t find_seg(const size_t *seg, size_t n_seg, size_t r)
{
	size_t lo = 0, hi = n_seg;
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (seg[mid] <= r)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Tap j of output i reads input i stride + j dil - pad; -1: a zero. */
static ptrdiff_t tap(const struct ser_conv *c, size_t i, size_t j, size_t len)
{
	ptrdiff_t p = (ptrdiff_t)(i * c->stride + j * c->dil) - (ptrdiff_t)c->pad, n = (ptrdiff_t)len;
	if (p >= 0 && p < n)
		return p;
	if (!c->reflect)
		return -1;
	return p < 0 ? -p : 2 * (n - 1) - p;
}

/* The output that reads input i by tap j without reflection, -1: none. */
static ptrdiff_t untap(const struct ser_conv *c, size_t i, size_t j, size_t len_out)
{
	ptrdiff_t p = (ptrdiff_t)(i + c->pad) - (ptrdiff_t)(j * c->dil), s = (ptrdiff_t)c->stride;
	return p >= 0 && p % s == 0 && p / s < (ptrdiff_t)len_out ? p / s : -1;
}

void kern_conv_rows(const void *ctx, size_t r0, size_t n, int32_t *idx)
{
	const struct kern_conv *g = ctx;
	size_t t = r0 / g->n_freq_out, f = r0 % g->n_freq_out, b = find_seg(g->out_seg, g->n_seg, t);
	for (size_t r = 0; r < n; r++) {
		size_t in0 = g->in_seg[b], len = g->in_seg[b + 1] - in0, i = t - g->out_seg[b];
		size_t from = i * g->t.stride, jt = 0;
		if (g->n_freq == 1 && g->n_freq_out == 1 && g->f.k == 1 && from >= g->t.pad &&
		    from - g->t.pad + (g->t.k - 1) * g->t.dil < len) /* all of it is there */
			for (; jt < g->t.k; jt++)
				*idx++ = (int32_t)(in0 + from - g->t.pad + jt * g->t.dil);
		for (; jt < g->t.k; jt++) {
			ptrdiff_t pt = tap(&g->t, i, jt, len);
			for (size_t jf = 0; jf < g->f.k; jf++) {
				ptrdiff_t pf = pt < 0 ? -1 : tap(&g->f, f, jf, g->n_freq);
				*idx++ = pf < 0 ? -1 : (int32_t)((in0 + (size_t)pt) * g->n_freq + (size_t)pf);
			}
		}
		if (++f == g->n_freq_out) {
			f = 0;
			if (++t == g->out_seg[b + 1])
				b++;
		}
	}
}

void kern_conv_rows_back(const void *ctx, size_t r0, size_t n, int32_t *idx)
{
	const struct kern_conv *g = ctx;
	size_t t = r0 / g->n_freq, f = r0 % g->n_freq, b = find_seg(g->in_seg, g->n_seg, t);
	for (size_t r = 0; r < n; r++) {
		size_t out0 = g->out_seg[b], len = g->out_seg[b + 1] - out0, i = t - g->in_seg[b];
		for (size_t jt = 0; jt < g->t.k; jt++) {
			ptrdiff_t pt = untap(&g->t, i, jt, len);
			for (size_t jf = 0; jf < g->f.k; jf++) {
				ptrdiff_t pf = pt < 0 ? -1 : untap(&g->f, f, jf, g->n_freq_out);
				*idx++ = pf < 0 ? -1 : (int32_t)((out0 + (size_t)pt) * g->n_freq_out + (size_t)pf);
			}
		}
		if (++f == g->n_freq) {
			f = 0;
			if (++t == g->in_seg[b + 1])
				b++;
		}
	}
}

void kern_conv_rows_phase(const void *ctx, size_t r0, size_t n, int32_t *idx)
{
	const struct kern_phase *p = ctx;
	const struct kern_conv *g = p->g;
	size_t at = r0 / g->n_freq, f = r0 % g->n_freq;
	for (size_t r = 0; r < n; r++) {
		size_t b = (size_t)p->seg_of[at], out0 = g->out_seg[b], len = g->out_seg[b + 1] - out0;
		size_t i = (size_t)p->frame[at] - g->in_seg[b];
		for (size_t j = 0; j < p->n_tap; j++) {
			ptrdiff_t pt = untap(&g->t, i, p->tap[j], len);
			for (size_t jf = 0; jf < g->f.k; jf++) {
				ptrdiff_t pf = pt < 0 ? -1 : untap(&g->f, f, jf, g->n_freq_out);
				*idx++ = pf < 0 ? -1 : (int32_t)((out0 + (size_t)pt) * g->n_freq_out + (size_t)pf);
			}
		}
		if (++f == g->n_freq) {
			f = 0;
			at++;
		}
	}
}

void kern_conv_reflect_bwd(const struct kern_conv *g, size_t n_in, size_t n_out, size_t ld_in, size_t ld_out,
			   const real *w, const real *dy, real *dx)
{
	for (size_t b = 0; b < g->n_seg; b++) {
		size_t len = g->in_seg[b + 1] - g->in_seg[b], len_out = g->out_seg[b + 1] - g->out_seg[b];
		for (size_t i = 0; i < len_out; i++)
			for (size_t j = 0; j < g->t.k; j++) {
				ptrdiff_t p = (ptrdiff_t)(i * g->t.stride + j * g->t.dil) - (ptrdiff_t)g->t.pad;
				if (p >= 0 && p < (ptrdiff_t)len)
					continue;
				real *d = dx + (g->in_seg[b] + (size_t)tap(&g->t, i, j, len)) * ld_in;
				const real *e = dy + (g->out_seg[b] + i) * ld_out;
				for (size_t o = 0; o < n_out; o++)
					for (size_t c = 0; c < n_in; c++)
						d[c] += e[o] * w[(o * g->t.k + j) * n_in + c];
			}
	}
}

/* y = x where it is larger than what is there, or NaN */
SER_CLONES static void take_larger(size_t n, const real *restrict x, int32_t from, real *restrict y,
				   int32_t *restrict at)
{
	for (size_t c = 0; c < n; c++) {
		bool take = x[c] > y[c] || x[c] != x[c];
		y[c] = take ? x[c] : y[c];
		at[c] = take ? from + (int32_t)c : at[c];
	}
}

void kern_max_pool_fwd(size_t n_frame_out, size_t last_kt, size_t n_freq, size_t n_ch, size_t kt, size_t kf,
		       const real *x, real *y, int32_t *at)
{
	size_t n_fo = n_freq / kf;
	for (size_t t = 0; t < n_frame_out; t++)
		for (size_t f = 0; f < n_fo; f++, y += n_ch, at += n_ch) {
			size_t nt = t + 1 == n_frame_out ? last_kt : kt, p = (t * kt * n_freq + f * kf) * n_ch;
			for (size_t c = 0; c < n_ch; c++) {
				y[c] = x[p + c];
				at[c] = (int32_t)(p + c);
			}
			for (size_t i = 0; i < nt; i++)
				for (size_t j = i == 0 ? 1 : 0; j < kf; j++) {
					size_t q = p + (i * n_freq + j) * n_ch;
					take_larger(n_ch, x + q, (int32_t)q, y, at);
				}
		}
}

/* The same, the place w in a window for `from` */
SER_CLONES static void take_larger_of(size_t n, const real *restrict x, uint8_t w, real *restrict y,
				      uint8_t *restrict at)
{
	for (size_t c = 0; c < n; c++) {
		bool take = x[c] > y[c] || x[c] != x[c];
		y[c] = take ? x[c] : y[c];
		at[c] = take ? w : at[c];
	}
}

/* Frames of a window, where the segment is shorter than one; windows in time */
static size_t window_frames(const struct kern_pool *g, size_t n_frame)
{
	return n_frame < g->kt ? n_frame : g->kt;
}

static size_t n_window(const struct kern_pool *g, size_t n_frame)
{
	return n_frame < g->kt ? 1 : n_frame / g->kt;
}

/* Row of x that is place w of window f of a frame of windows that begins at row 0 */
static size_t place(const struct kern_pool *g, size_t f, size_t w)
{
	return w / g->kf * g->n_freq + f * g->kf + w % g->kf;
}

void kern_norm_pool_fwd(const struct kern_pool *g, size_t n_frame, const real *x, const real *a, const real *b,
			real *ws, real *y, uint8_t *at)
{
	size_t kt = window_frames(g, n_frame), C = g->n_ch;
	for (size_t t = 0; t < n_window(g, n_frame); t++) {
		kern_affine_fwd(RELU_AFTER, kt * g->n_freq, C, x + t * g->kt * g->n_freq * C, a, b, ws, C);
		for (size_t f = 0; f < g->n_freq / g->kf; f++, y += C, at += C) {
			memcpy(y, ws + place(g, f, 0) * C, C * sizeof *y);
			memset(at, 0, C * sizeof *at);
			for (size_t w = 1; w < kt * g->kf; w++)
				take_larger_of(C, ws + place(g, f, w) * C, (uint8_t)w, y, at);
		}
	}
}

SER_CLONES static void pick(size_t n, const real *restrict x, const uint8_t *restrict at, uint8_t w, real *restrict y)
{
	for (size_t c = 0; c < n; c++)
		y[c] = at[c] == w ? x[c] : y[c];
}

SER_CLONES static void pool_dot(size_t n, const real *restrict x, const real *restrict y, const real *restrict dy,
				double *restrict s, double *restrict q)
{
	for (size_t c = 0; c < n; c++) {
		double d = y[c] <= 0 ? 0 : (double)dy[c];
		s[c] += d;
		q[c] += d * (double)x[c];
	}
}

void kern_norm_pool_sums(const struct kern_pool *g, size_t n_frame, const real *x, const real *y, const real *dy,
			 const uint8_t *at, real *ws, double *s, double *q)
{
	size_t kt = window_frames(g, n_frame), C = g->n_ch;
	for (size_t t = 0; t < n_window(g, n_frame); t++, x += g->kt * g->n_freq * C)
		for (size_t f = 0; f < g->n_freq / g->kf; f++, y += C, dy += C, at += C) {
			memcpy(ws, x + place(g, f, 0) * C, C * sizeof *ws);
			for (size_t w = 1; w < kt * g->kf; w++)
				pick(C, x + place(g, f, w) * C, at, (uint8_t)w, ws);
			pool_dot(C, ws, y, dy, s, q);
		}
}

/* x = x b + c, and where this place was the largest, and above 0, + dy a */
SER_CLONES static void pool_dx(size_t n, const real *restrict a, const real *restrict b, const real *restrict c,
			       const real *restrict y, const real *restrict dy, const uint8_t *restrict at, uint8_t w,
			       real *restrict x)
{
	for (size_t i = 0; i < n; i++) {
		real d = y[i] <= 0 || at[i] != w ? 0 : dy[i] * a[i];
		x[i] = x[i] * b[i] + c[i] + d;
	}
}

SER_CLONES static void affine_self(size_t n_row, size_t n_col, const real *restrict a, const real *restrict b,
				   real *restrict x)
{
	for (size_t r = 0; r < n_row; r++, x += n_col)
		for (size_t c = 0; c < n_col; c++)
			x[c] = x[c] * a[c] + b[c];
}

void kern_norm_pool_bwd(const struct kern_pool *g, size_t n_frame, const real *k, const real *y, const real *dy,
			const uint8_t *at, real *x)
{
	size_t kt = window_frames(g, n_frame), n = n_window(g, n_frame), C = g->n_ch, n_fo = g->n_freq / g->kf;
	const real *a = k, *b = k + C, *c = k + 2 * C;
	for (size_t t = 0; t < n; t++) {
		for (size_t f = 0; f < n_fo; f++, y += C, dy += C, at += C)
			for (size_t w = 0; w < kt * g->kf; w++)
				pool_dx(C, a, b, c, y, dy, at, (uint8_t)w, x + place(g, f, w) * C);
		/* frequencies in no window */
		for (size_t i = 0; i < kt; i++, x += g->n_freq * C)
			affine_self(g->n_freq - n_fo * g->kf, C, b, c, x + n_fo * g->kf * C);
	}
	/* frames in no window */
	affine_self((n_frame - n * kt) * g->n_freq, C, b, c, x);
}

void kern_pool_max_fwd(size_t n_row, size_t n_col, const real *x, real *y, int32_t *at)
{
	for (size_t c = 0; c < n_col; c++) {
		y[c] = x[c];
		at[c] = 0;
	}
	for (size_t r = 1; r < n_row; r++)
		for (size_t c = 0; c < n_col; c++) {
			real v = x[r * n_col + c];
			bool take = v > y[c] || v != v;
			y[c] = take ? v : y[c];
			at[c] = take ? (int32_t)r : at[c];
		}
}

/* The weights of frame r as a row of n_col: a's own row, or one number repeated in `one`. */
static const real *weights(const real *a, size_t ac, size_t r, size_t n_row, size_t n_col, real *one)
{
	if (a != NULL && ac == n_col)
		return a + r * ac;
	real w = a != NULL ? a[r] : (real)1 / (real)n_row;
	for (size_t c = 0; c < n_col && (r == 0 || a != NULL); c++)
		one[c] = w;
	return one;
}

/* n_row rows of x and their weights, step_w apart: m += w x, one row after the other. Four rows at a time: the sums are read and
 * written once for all of them. */
SER_CLONES static void add_weighted(size_t n_row, size_t n, const real *restrict x, const real *restrict w,
				    size_t step_w, double *restrict m)
{
	size_t r = 0, v = step_w;
	for (; r + 4 <= n_row; r += 4, x += 4 * n, w += 4 * v)
		for (size_t c = 0; c < n; c++)
			m[c] = (((m[c] + (double)w[c] * (double)x[c]) + (double)w[v + c] * (double)x[n + c]) +
				(double)w[2 * v + c] * (double)x[2 * n + c]) +
			       (double)w[3 * v + c] * (double)x[3 * n + c];
	for (; r < n_row; r++, x += n, w += v)
		for (size_t c = 0; c < n; c++)
			m[c] += (double)w[c] * (double)x[c];
}

/* q += w (x - m)^2, in the same way */
SER_CLONES static void add_squares(size_t n_row, size_t n, const real *restrict x, const real *restrict w,
				   size_t step_w, const double *restrict m, double *restrict q)
{
	size_t r = 0, v = step_w;
	for (; r + 4 <= n_row; r += 4, x += 4 * n, w += 4 * v)
		for (size_t c = 0; c < n; c++) {
			double x0 = (double)x[c] - m[c], x1 = (double)x[n + c] - m[c], x2 = (double)x[2 * n + c] - m[c],
			       x3 = (double)x[3 * n + c] - m[c];
			q[c] = (((q[c] + (double)w[c] * x0 * x0) + (double)w[v + c] * x1 * x1) +
				(double)w[2 * v + c] * x2 * x2) +
			       (double)w[3 * v + c] * x3 * x3;
		}
	for (; r < n_row; r++, x += n, w += v)
		for (size_t c = 0; c < n; c++)
			q[c] += (double)w[c] * ((double)x[c] - m[c]) * ((double)x[c] - m[c]);
}

/* Two passes: sum a x^2 - m^2 would not be 0 where x is constant, as weights in floating point do not sum to 1. */
static void moments(size_t n_row, size_t n_col, const real *x, const real *a, size_t ac, double *m, double *q,
		    real *one)
{
	bool rows = a == NULL || ac == n_col; /* of weights, or all the same */
	for (size_t c = 0; c < n_col; c++)
		m[c] = q[c] = 0;
	for (int pass = 0; pass < 2; pass++)
		for (size_t r = 0, n = rows ? n_row : 1; r < n_row; r += n) {
			const real *w = weights(a, ac, r, n_row, n_col, one), *v = x + r * n_col;
			size_t step = a != NULL && rows ? ac : 0;
			if (pass == 0)
				add_weighted(n, n_col, v, w, step, m);
			else
				add_squares(n, n_col, v, w, step, m, q);
		}
}

/* n-1 instead of n; of one frame there is but the 0 */
static double unbiased(const struct kern_stats *o, size_t n_row)
{
	return o->sample && n_row > 1 ? (double)n_row / (double)(n_row - 1) : 1;
}

void kern_pool_stats_fwd(const struct kern_stats *o, size_t n_row, size_t n_col, const real *x, const real *a,
			 size_t ac, real *y, double *ws)
{
	double *m = ws, *q = ws + n_col, f = unbiased(o, n_row);
	moments(n_row, n_col, x, a, ac, m, q, (real *)(ws + 2 * n_col));
	for (size_t c = 0; c < n_col; c++) {
		y[c] = (real)m[c];
		y[n_col + c] = (real)sqrt(o->sample ? f * q[c] + o->eps : q[c] < o->eps ? o->eps : q[c]);
	}
}

/* add: to what is there; else instead of it */
SER_CLONES static void stats_dx(size_t n, const real *restrict x, const real *restrict w, const real *restrict m,
				const real *restrict dm, const real *restrict k, bool add, real *restrict dx)
{
	if (add)
		for (size_t c = 0; c < n; c++)
			dx[c] += w[c] * (dm[c] + k[c] * (x[c] - m[c]));
	else
		for (size_t c = 0; c < n; c++)
			dx[c] = w[c] * (dm[c] + k[c] * (x[c] - m[c]));
}

static inline real stats_slope(real x, real m, real dm, real k)
{
	return x * dm + (real)0.5 * k * (x - m) * (x - m);
}

SER_CLONES static void stats_da(size_t n, const real *restrict x, const real *restrict m, const real *restrict dm,
				const real *restrict k, bool add, real *restrict da)
{
	if (add)
		for (size_t c = 0; c < n; c++)
			da[c] += stats_slope(x[c], m[c], dm[c], k[c]);
	else
		for (size_t c = 0; c < n; c++)
			da[c] = stats_slope(x[c], m[c], dm[c], k[c]);
}

/* ds/s, 0 where eps decided */
static void stats_factor(const struct kern_stats *o, size_t n_row, size_t n_col, const real *y, const real *dy, real *k)
{
	real least = o->sample ? 0 : (real)sqrt(o->eps), f = (real)unbiased(o, n_row);
	for (size_t c = 0; c < n_col; c++)
		k[c] = y[n_col + c] > least ? f * dy[n_col + c] / y[n_col + c] : 0;
}

/* m = sum a x, v = sum a (x - m)^2, s = sqrt(v) or sqrt(f v + eps), where sum a = 1:  ds/dx = f a (x - m)/s,
 * ds/da = f (x - m)^2/2s, none where eps decided. With k = f ds/s:  dx += a (dm + k (x - m)),  da += x dm + k (x - m)^2/2 */
void kern_pool_stats_bwd(const struct kern_stats *o, size_t n_row, size_t n_col, const real *x, const real *a,
			 size_t ac, const real *y, const real *dy, bool add_x, real *dx, bool add_a, real *da,
			 double *ws)
{
	real *k = (real *)ws, *one = k + n_col, *part = one + n_col;
	stats_factor(o, n_row, n_col, y, dy, k);
	for (size_t r = 0; r < n_row; r++) {
		const real *v = x + r * n_col;
		if (dx != NULL)
			stats_dx(n_col, v, weights(a, ac, r, n_row, n_col, one), y, dy, k, add_x, dx + r * n_col);
		if (da != NULL && ac == n_col) {
			stats_da(n_col, v, y, dy, k, add_a, da + r * n_col);
		} else if (da != NULL) {
			stats_da(n_col, v, y, dy, k, false, part);
			da[r] = (real)ser_la_sum(n_col, part) + (add_a ? da[r] : 0);
		}
	}
}

/* sum += da a down the columns. Four rows at a time: the sums are read and written once for all of them. */
SER_CLONES static void attend_sums(size_t n_row, size_t n, const real *restrict x, const real *restrict a,
				   const real *restrict m, const real *restrict dm, const real *restrict k,
				   double *restrict sum)
{
	size_t r = 0;
	for (; r + 4 <= n_row; r += 4, x += 4 * n, a += 4 * n)
		for (size_t c = 0; c < n; c++) {
			double d0 = (double)stats_slope(x[c], m[c], dm[c], k[c]),
			       d1 = (double)stats_slope(x[n + c], m[c], dm[c], k[c]),
			       d2 = (double)stats_slope(x[2 * n + c], m[c], dm[c], k[c]),
			       d3 = (double)stats_slope(x[3 * n + c], m[c], dm[c], k[c]);
			sum[c] += (d0 * (double)a[c] + d1 * (double)a[n + c]) +
				  (d2 * (double)a[2 * n + c] + d3 * (double)a[3 * n + c]);
		}
	for (; r < n_row; r++, x += n, a += n)
		for (size_t c = 0; c < n; c++)
			sum[c] += (double)stats_slope(x[c], m[c], dm[c], k[c]) * (double)a[c];
}

SER_CLONES static void attend_over(size_t n, const real *restrict x, const real *restrict m, const real *restrict dm,
				   const real *restrict k, const real *restrict s, real *restrict a)
{
	for (size_t c = 0; c < n; c++)
		a[c] = a[c] * (stats_slope(x[c], m[c], dm[c], k[c]) - s[c]);
}

/* a = softmax(e) down the columns:  de = a (da - sum da a) */
void kern_attend_bwd(const struct kern_stats *o, size_t n_row, size_t n_col, const real *x, const real *y,
		     const real *dy, bool add, real *dx, bool weights_too, real *a, double *ws)
{
	double *sum = ws;
	real *k = (real *)(ws + n_col), *s = k + n_col;
	stats_factor(o, n_row, n_col, y, dy, k);
	for (size_t c = 0; c < n_col; c++)
		sum[c] = 0;
	enum { AT_ONCE = 4 };
	for (size_t r = 0, n; r < n_row; r += n) {
		n = n_row - r < AT_ONCE ? n_row - r : AT_ONCE;
		for (size_t i = r; dx != NULL && i < r + n; i++)
			stats_dx(n_col, x + i * n_col, a + i * n_col, y, dy, k, add, dx + i * n_col);
		if (weights_too)
			attend_sums(n, n_col, x + r * n_col, a + r * n_col, y, dy, k, sum);
	}
	for (size_t c = 0; c < n_col; c++)
		s[c] = (real)sum[c];
	for (size_t r = 0; weights_too && r < n_row; r++)
		attend_over(n_col, x + r * n_col, y, dy, k, s, a + r * n_col);
}

void kern_pool_sum_fwd(size_t n_row, size_t n_col, const real *x, const real *a, size_t ac, real *y, double *ws)
{
	real *one = (real *)(ws + n_col);
	for (size_t c = 0; c < n_col; c++)
		ws[c] = 0;
	if (a == NULL || ac == n_col)
		add_weighted(n_row, n_col, x, weights(a, ac, 0, n_row, n_col, one), a != NULL ? ac : 0, ws);
	for (size_t r = 0; a != NULL && ac != n_col && r < n_row; r++)
		add_weighted(1, n_col, x + r * n_col, weights(a, ac, r, n_row, n_col, one), 0, ws);
	for (size_t c = 0; c < n_col; c++)
		y[c] = (real)ws[c];
}

SER_CLONES static void mul_add(size_t n, const real *restrict x, const real *restrict w, real *restrict y)
{
	for (size_t c = 0; c < n; c++)
		y[c] += w[c] * x[c];
}

void kern_pool_sum_bwd(size_t n_row, size_t n_col, const real *x, const real *a, size_t ac, const real *dy, real *dx,
		       real *da, double *ws)
{
	for (size_t r = 0; r < n_row; r++) {
		if (dx != NULL)
			mul_add(n_col, dy, weights(a, ac, r, n_row, n_col, (real *)ws), dx + r * n_col);
		if (da != NULL && ac == n_col)
			mul_add(n_col, dy, x + r * n_col, da + r * n_col);
		else if (da != NULL)
			da[r] += (real)ser_la_dot(n_col, dy, x + r * n_col);
	}
}

/* r = s(ar + ur), z = s(az + uz), n = tanh(an + r un), h = (1 - z) n + z hp */
void kern_gru_fwd(size_t n, size_t n_hidden, real *a, real *u, const real *hp, real *h)
{
	size_t H = n_hidden;
	for (size_t i = 0; i < n; i++, a += 3 * H, u += 3 * H, h += H) {
		for (size_t j = 0; j < 2 * H; j++)
			a[j] += u[j];
		ser_la_sigmoid(2 * H, a, a);
		for (size_t j = 0; j < H; j++)
			a[2 * H + j] += a[j] * u[2 * H + j];
		ser_la_tanh(H, a + 2 * H, a + 2 * H);
		for (size_t j = 0; j < H; j++)
			h[j] = (1 - a[H + j]) * a[2 * H + j] + (hp != NULL ? a[H + j] * hp[i * H + j] : 0);
	}
}

void kern_gru_bwd(size_t n, size_t n_hidden, const real *a, const real *u, const real *hp, const real *dh, real *da,
		  real *du, real *dhp)
{
	size_t H = n_hidden;
	for (size_t i = 0; i < n; i++, a += 3 * H, u += 3 * H, da += 3 * H, du += 3 * H, dh += H)
		for (size_t j = 0; j < H; j++) {
			real r = a[j], z = a[H + j], c = a[2 * H + j], p = hp != NULL ? hp[i * H + j] : 0;
			real dn = dh[j] * (1 - z) * (1 - c * c);
			real dz = dh[j] * (p - c) * z * (1 - z);
			real dr = dn * u[2 * H + j] * r * (1 - r);
			da[j] = du[j] = dr;
			da[H + j] = du[H + j] = dz;
			da[2 * H + j] = dn;
			du[2 * H + j] = dn * r;
			if (dhp != NULL)
				dhp[i * H + j] += dh[j] * z;
		}
}

/* h = tanh(a) */
void kern_rnn_fwd(size_t n, size_t n_hidden, const real *a, real *h)
{
	ser_la_tanh(n * n_hidden, a, h);
}

void kern_rnn_bwd(size_t n, size_t n_hidden, const real *h, const real *dh, real *da)
{
	for (size_t i = 0; i < n * n_hidden; i++)
		da[i] = dh[i] * (1 - h[i] * h[i]);
}

/* c = f cp + i g, h = o tanh(c) */
void kern_lstm_fwd(size_t n, size_t n_hidden, real *a, const real *cp, real *c, real *h)
{
	size_t H = n_hidden;
	for (size_t i = 0; i < n; i++, a += 4 * H, c += H, h += H) {
		ser_la_sigmoid(2 * H, a, a);
		ser_la_tanh(H, a + 2 * H, a + 2 * H);
		ser_la_sigmoid(H, a + 3 * H, a + 3 * H);
		for (size_t j = 0; j < H; j++)
			c[j] = a[j] * a[2 * H + j] + (cp != NULL ? a[H + j] * cp[i * H + j] : 0);
		ser_la_tanh(H, c, h);
		for (size_t j = 0; j < H; j++)
			h[j] *= a[3 * H + j];
	}
}

void kern_lstm_bwd(size_t n, size_t n_hidden, const real *a, const real *cp, const real *c, const real *dh,
		   const real *dc, real *da, real *dcp)
{
	size_t H = n_hidden;
	real th[256];
	for (size_t i = 0; i < n; i++, a += 4 * H, c += H, dh += H, da += 4 * H)
		for (size_t j0 = 0; j0 < H; j0 += 256) {
			size_t m = H - j0 < 256 ? H - j0 : 256;
			ser_la_tanh(m, c + j0, th);
			for (size_t k = 0; k < m; k++) {
				size_t j = j0 + k;
				real gi = a[j], gf = a[H + j], gg = a[2 * H + j], go = a[3 * H + j], t = th[k];
				real d = dh[j] * go * (1 - t * t) + (dc != NULL ? dc[i * H + j] : 0);
				da[j] = d * gg * gi * (1 - gi);
				da[H + j] = cp != NULL ? d * cp[i * H + j] * gf * (1 - gf) : 0;
				da[2 * H + j] = d * gi * (1 - gg * gg);
				da[3 * H + j] = dh[j] * t * go * (1 - go);
				if (dcp != NULL)
					dcp[i * H + j] = d * gf;
			}
		}
}
