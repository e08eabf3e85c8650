/* SPDX-License-Identifier: MIT */
#include "dsp/dsp.h"
#include "dsp/lld.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ser_f0 {
	struct ser_f0_opt o;
	double dx;          /* s a sample */
	size_t period;      /* samples of the longest period */
	size_t half, n_win; /* half a window, a window */
	size_t n_fft;
	size_t lag_max;   /* candidates have shorter lags */
	size_t lag_end;   /* the autocorrelation is known for lags up to this */
	double *window;   /* [n_win] */
	double *window_r; /* [lag_end+1] its autocorrelation, 1 at lag 0 */
	struct ser_fft *fft;
};

struct candidate {
	double hz, strength; /* hz 0: unvoiced */
};

struct ser_f0_ws {
	double *x;                 /* [n_fft] a windowed frame, then its autocorrelation */
	double *z;                 /* [ser_fft_len(n_fft)] */
	double *r;                 /* [2 lag_end + 1], lag 0 in the middle */
	struct candidate *cand;    /* [T, max_candidates] */
	int *n_cand, *back;        /* [T], [T, max_candidates] */
	double *score, *intensity; /* [T, max_candidates], [T] */
	size_t cap;                /* frames */
};

void ser_f0_opt_init(struct ser_f0_opt *o)
{
	*o = (struct ser_f0_opt){
		.sample_frequency = 16000,
		.floor_hz = 75,
		.ceiling_hz = 600,
		.shift_s = 0.01,
		.max_candidates = 15,
		.silence_threshold = 0.03,
		.voicing_threshold = 0.45,
		.octave_cost = 0.01,
		.octave_jump_cost = 0.35,
		.voiced_unvoiced_cost = 0.14,
	};
}

static int check(const struct ser_f0_opt *o, struct ser_err *e)
{
	if (!(o->sample_frequency >= 100 && o->sample_frequency <= 1e6))
		return ser_fail(e, SER_EUSAGE, "sample-frequency %g is not in [100,1000000] Hz", o->sample_frequency);
	if (!(o->floor_hz >= 1 && o->floor_hz < o->ceiling_hz && o->ceiling_hz <= 1e6))
		return ser_fail(e, SER_EUSAGE, "pitch floor %g and ceiling %g must satisfy 1 <= floor < ceiling Hz",
				o->floor_hz, o->ceiling_hz);
	if (!(o->shift_s > 0 && o->shift_s <= 10))
		return ser_fail(e, SER_EUSAGE, "pitch frame shift %g is not in (0,10] s", o->shift_s);
	if (o->max_candidates < 2 || o->max_candidates > 1000)
		return ser_fail(e, SER_EUSAGE, "%d pitch candidates are not in [2,1000]", o->max_candidates);
	if (!(o->silence_threshold >= 0 && o->voicing_threshold >= 0 && o->octave_cost >= 0 &&
	      o->octave_jump_cost >= 0 && o->voiced_unvoiced_cost >= 0))
		return ser_fail(e, SER_EUSAGE, "thresholds and costs of pitch must not be negative");
	if (o->sample_frequency * 3 / o->floor_hz < 8)
		return ser_fail(e, SER_EUSAGE, "pitch floor %g Hz is too high for %g Hz", o->floor_hz,
				o->sample_frequency);
	return SER_OK;
}

/* ws->x [n_win] to its autocorrelation, times n_fft. */
static void autocorrelate(const struct ser_f0 *p, struct ser_f0_ws *ws)
{
	memset(ws->x + p->n_win, 0, (p->n_fft - p->n_win) * sizeof *ws->x);
	ser_fft_do(p->fft, ws->x, ws->z);
	ser_fft_power(p->fft, ws->z);
	ser_fft_inverse(p->fft, ws->z, ws->x);
}

int ser_f0_new(struct ser_f0 **out, const struct ser_f0_opt *o, struct ser_err *e)
{
	*out = NULL;
	int rc = check(o, e);
	if (rc != SER_OK)
		return rc;
	struct ser_f0 *p = ser_calloc(1, sizeof *p);
	p->o = *o;
	p->o.ceiling_hz = fmin(o->ceiling_hz, 0.5 * o->sample_frequency);
	p->dx = 1 / o->sample_frequency;
	p->period = (size_t)(o->sample_frequency / o->floor_hz);
	p->half = (size_t)(3 * o->sample_frequency / o->floor_hz) / 2 - 1;
	p->n_win = 2 * p->half;
	p->lag_max = p->n_win / 3 + 2 < p->n_win ? p->n_win / 3 + 2 : p->n_win;
	p->lag_end = p->n_win / 2;
	for (p->n_fft = 1; 2 * p->n_fft < 3 * p->n_win;)
		p->n_fft *= 2;
	p->fft = ser_fft_new(p->n_fft);
	p->window = ser_malloc(p->n_win, sizeof *p->window);
	for (size_t i = 0; i < p->n_win; i++)
		p->window[i] = 0.5 - 0.5 * cos(2 * M_PI * (double)(i + 1) / (double)(p->n_win + 1));
	p->window_r = ser_malloc(p->lag_end + 1, sizeof *p->window_r);
	struct ser_f0_ws *ws = ser_f0_ws_new(p);
	memcpy(ws->x, p->window, p->n_win * sizeof *ws->x);
	autocorrelate(p, ws);
	for (size_t i = 0; i <= p->lag_end; i++)
		p->window_r[i] = ws->x[i] / ws->x[0];
	ser_f0_ws_free(ws);
	*out = p;
	return SER_OK;
}

void ser_f0_free(struct ser_f0 *p)
{
	if (p == NULL)
		return;
	ser_fft_free(p->fft);
	free(p->window);
	free(p->window_r);
	free(p);
}

struct ser_f0_ws *ser_f0_ws_new(const struct ser_f0 *p)
{
	struct ser_f0_ws *ws = ser_calloc(1, sizeof *ws);
	ws->x = ser_malloc_aligned(p->n_fft, sizeof *ws->x);
	ws->z = ser_malloc_aligned(ser_fft_len(p->n_fft), sizeof *ws->z);
	ws->r = ser_malloc(2 * p->lag_end + 1, sizeof *ws->r);
	return ws;
}

void ser_f0_ws_free(struct ser_f0_ws *ws)
{
	if (ws == NULL)
		return;
	free(ws->x);
	free(ws->z);
	free(ws->r);
	free(ws->cand);
	free(ws->n_cand);
	free(ws->back);
	free(ws->score);
	free(ws->intensity);
	free(ws);
}

size_t ser_f0_frames(const struct ser_f0 *p, size_t n, double *first_s)
{
	double len = (double)n * p->dx, win = 3 / p->o.floor_hz;
	if (len < win)
		return 0;
	double count = floor((len - win) / p->o.shift_s) + 1;
	*first_s = 0.5 * len - 0.5 * count * p->o.shift_s + 0.5 * p->o.shift_s;
	return (size_t)count;
}

/* ---- interpolation between samples ---------------------------------------------------------------- */

typedef double v4 __attribute__((vector_size(32)));

/* One side of it: y[0], y[dir], ... at distances d, d + 1, ... from x, weighted by sinc and by half a raised cosine that
 * ends a sample after the last. sin(pi (d + k)) = (-1)^k sin(pi d); the cosines, four at a time, by rotation. */
static double sinc_side(const double *y, ptrdiff_t dir, size_t count, double d)
{
	double step = M_PI / (d + (double)count), half = 0.5 * sin(M_PI * d) / M_PI, cs = cos(4 * step),
	       sn = sin(4 * step), c1 = cos(step), s1 = sin(step);
	v4 c, s, at = {d, d + 1, d + 2, d + 3}, sign = {half, -half, half, -half}, sum = {0};
	c[0] = cos(step * d), s[0] = sin(step * d);
	for (int i = 1; i < 4; i++) {
		c[i] = c[i - 1] * c1 - s[i - 1] * s1;
		s[i] = s[i - 1] * c1 + c[i - 1] * s1;
	}
	size_t k = 0;
	for (; k + 4 <= count; k += 4) {
		const double *p = y + dir * (ptrdiff_t)k;
		v4 v = {p[0], p[dir], p[2 * dir], p[3 * dir]};
		sum += v * sign / at * (1 + c);
		v4 next = c * cs - s * sn;
		s = s * cs + c * sn;
		c = next;
		at += 4;
	}
	for (int i = 0; k < count; k++, i++)
		sum[i] += y[dir * (ptrdiff_t)k] * sign[i] / at[i] * (1 + c[i]);
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* y [n] at x in [0, n-1], from up to `depth` samples on each side. */
static double interpolate(const double *y, size_t n, double x, size_t depth)
{
	size_t left = (size_t)x;
	if ((double)left == x)
		return y[left];
	if (depth > left + 1)
		depth = left + 1;
	if (depth > n - 1 - left)
		depth = n - 1 - left;
	return sinc_side(y + left, -1, depth, x - (double)left) +
	       sinc_side(y + left + 1, 1, depth, (double)(left + 1) - x);
}

/* The greatest value of the interpolated y in [i - 1, i + 1] and its place *at: R. P. Brent, Algorithms for Minimization
 * without Derivatives (1973), chapter 5. */
static double improve(const double *y, size_t n, size_t i, size_t depth, double *at)
{
	const double gold = 0.3819660112501051;
	double a = (double)i - 1, b = (double)i + 1, x = a + gold * (b - a), w = x, v = x;
	double fx = -interpolate(y, n, x, depth), fw = fx, fv = fx, step = 0, last = 0;
	for (int k = 0; k < 60; k++) {
		double mid = 0.5 * (a + b), tol = 3e-9 * fabs(x) + 1e-11;
		if (fabs(x - mid) + 0.5 * (b - a) <= 2 * tol)
			break;
		double p = 0, q = 0;
		if (fabs(last) > tol) { /* parabola through x, w, v */
			double s = (x - w) * (fx - fv), t = (x - v) * (fx - fw);
			p = (x - v) * t - (x - w) * s;
			q = 2 * (t - s);
			p = q > 0 ? -p : p;
			q = fabs(q);
		}
		if (q > 0 && fabs(p) < fabs(0.5 * q * last) && p > q * (a - x) && p < q * (b - x)) {
			last = step;
			step = p / q;
			if (x + step - a < 2 * tol || b - x - step < 2 * tol)
				step = x < mid ? tol : -tol;
		} else {
			last = (x < mid ? b : a) - x;
			step = gold * last;
		}
		double u = x + (fabs(step) >= tol ? step : step > 0 ? tol : -tol), fu = -interpolate(y, n, u, depth);
		if (fu <= fx) {
			*(u < x ? &b : &a) = x;
			v = w, fv = fw, w = x, fw = fx, x = u, fx = fu;
		} else {
			*(u < x ? &a : &b) = u;
			if (fu <= fw || w == x)
				v = w, fv = fw, w = u, fw = fu;
			else if (fu <= fv || v == x || v == w)
				v = u, fv = fu;
		}
	}
	*at = x;
	return -fx;
}

/* ---- one frame ---------------------------------------------------------------------------------------- */

static double sample(const float *x, size_t n, ptrdiff_t i)
{
	return i < 0 || i >= (ptrdiff_t)n ? 0 : x[i];
}

/* Heights above 1, which dividing by the window's autocorrelation can give, are reflected. */
static double height(double r)
{
	return r > 1 ? 1 / r : r;
}

static void find_candidates(const struct ser_f0 *p, struct ser_f0_ws *ws, struct candidate *c, int *n_cand)
{
	const double *r = ws->r + p->lag_end;
	size_t n_r = 2 * p->lag_end + 1, place[1000];
	for (size_t i = 2; i < p->lag_max && i < p->lag_end; i++) {
		ptrdiff_t k = (ptrdiff_t)i;
		if (!(r[k] > 0.5 * p->o.voicing_threshold && r[k] > r[k - 1] && r[k] >= r[k + 1]))
			continue;
		double slope = 0.5 * (r[k + 1] - r[k - 1]), bend = 2 * r[k] - r[k - 1] - r[k + 1],
		       lag = (double)i + slope / bend;
		struct candidate new = {1 / (p->dx * lag),
					height(interpolate(ws->r, n_r, lag + (double)p->lag_end, 30))};
		int at = *n_cand;
		if (at < p->o.max_candidates) {
			++*n_cand;
		} else { /* in place of the weakest, if that is weaker */
			double least = INFINITY, mine = new.strength - p->o.octave_cost *log2(p->o.floor_hz / new.hz);
			for (int m = 1; m < *n_cand; m++) {
				double s = c[m].strength - p->o.octave_cost * log2(p->o.floor_hz / c[m].hz);
				if (s < least) {
					least = s;
					at = m;
				}
			}
			if (mine <= least)
				continue;
		}
		c[at] = new;
		place[at] = i;
	}
	for (int m = 1; m < *n_cand; m++) {
		double at;
		size_t depth = c[m].hz > 0.3 / p->dx ? 700 : 70;
		c[m].strength = height(improve(ws->r, n_r, place[m] + p->lag_end, depth, &at));
		c[m].hz = 1 / (p->dx * (at - (double)p->lag_end));
	}
}

/* The frame centred on time_s, windowed and with a peak of 1, into ws->x; returns its peak against the sound's. */
static double put_frame(const struct ser_f0 *p, struct ser_f0_ws *ws, const float *x, size_t n, double time_s,
			double peak)
{
	/* sample i lies at (i + 0.5) dx; `left` is the last one not after the centre */
	ptrdiff_t left = (ptrdiff_t)floor(time_s / p->dx - 0.5), period = (ptrdiff_t)p->period,
		  half = (ptrdiff_t)p->half;
	double mean = 0, top = 0;
	for (ptrdiff_t i = left + 1 - period; i <= left + period; i++)
		mean += sample(x, n, i);
	mean /= 2 * (double)period;
	for (size_t i = 0; i < p->n_win; i++)
		ws->x[i] = (sample(x, n, left + 1 - half + (ptrdiff_t)i) - mean) * p->window[i];
	ptrdiff_t half_period = period / 2 + 1, from = half - half_period > 0 ? half - half_period : 0;
	for (ptrdiff_t i = from; i < half + half_period && i < (ptrdiff_t)p->n_win; i++)
		top = fmax(top, fabs(ws->x[i]));
	for (size_t i = 0; top > 0 && i < p->n_win; i++)
		ws->x[i] /= top;
	return top > peak ? 1 : top / peak;
}

/* The candidates of frame t, which stands in ws->x. */
static void search(const struct ser_f0 *p, struct ser_f0_ws *ws, size_t t)
{
	double *r = ws->r + p->lag_end;
	autocorrelate(p, ws);
	for (size_t i = 1; i <= p->lag_end; i++)
		r[i] = r[-(ptrdiff_t)i] = ws->x[i] / (ws->x[0] * p->window_r[i]);
	r[0] = 1;
	find_candidates(p, ws, ws->cand + t * (size_t)p->o.max_candidates, &ws->n_cand[t]);
}

/* ---- the path --------------------------------------------------------------------------------------- */

static bool voiced(const struct ser_f0 *p, double hz)
{
	return hz > 0 && hz < p->o.ceiling_hz;
}

static double transition(const struct ser_f0 *p, double a, double b)
{
	double per = 0.01 / p->o.shift_s;
	if (!voiced(p, a) && !voiced(p, b))
		return 0;
	if (!voiced(p, a) || !voiced(p, b))
		return p->o.voiced_unvoiced_cost * per;
	return p->o.octave_jump_cost * per * fabs(log2(a / b));
}

static void grow(const struct ser_f0 *p, struct ser_f0_ws *ws, size_t n_frame)
{
	size_t k = (size_t)p->o.max_candidates;
	if (n_frame <= ws->cap)
		return;
	ws->cand = ser_realloc(ws->cand, ser_mul(n_frame, k), sizeof *ws->cand);
	ws->score = ser_realloc(ws->score, ser_mul(n_frame, k), sizeof *ws->score);
	ws->back = ser_realloc(ws->back, ser_mul(n_frame, k), sizeof *ws->back);
	ws->n_cand = ser_realloc(ws->n_cand, n_frame, sizeof *ws->n_cand);
	ws->intensity = ser_realloc(ws->intensity, n_frame, sizeof *ws->intensity);
	ws->cap = n_frame;
}

static void best_path(const struct ser_f0 *p, struct ser_f0_ws *ws, size_t n_frame, float *f0, float *strength)
{
	const struct ser_f0_opt *o = &p->o;
	size_t k = (size_t)o->max_candidates;
	for (size_t t = 0; t < n_frame; t++) {
		const struct candidate *c = ws->cand + t * k, *prev = c - k;
		double quiet = 0;
		if (o->silence_threshold > 0)
			quiet = 2 - ws->intensity[t] / (o->silence_threshold / (1 + o->voicing_threshold));
		for (int m = 0; m < ws->n_cand[t]; m++) {
			double best = 0;
			if (t > 0) {
				best = -INFINITY;
				for (int q = 0; q < ws->n_cand[t - 1]; q++) {
					double s =
						ws->score[(t - 1) * k + (size_t)q] - transition(p, prev[q].hz, c[m].hz);
					if (s > best) {
						best = s;
						ws->back[t * k + (size_t)m] = q;
					}
				}
			}
			double own = voiced(p, c[m].hz) ? c[m].strength - o->octave_cost * log2(o->ceiling_hz / c[m].hz)
							: o->voicing_threshold + fmax(0, quiet);
			ws->score[t * k + (size_t)m] = best + own;
		}
	}
	int m = 0;
	for (int q = 1; n_frame > 0 && q < ws->n_cand[n_frame - 1]; q++)
		if (ws->score[(n_frame - 1) * k + (size_t)q] > ws->score[(n_frame - 1) * k + (size_t)m])
			m = q;
	for (size_t t = n_frame; t-- > 0;) {
		const struct candidate *c = ws->cand + t * k + m;
		bool on = voiced(p, c->hz);
		f0[t] = on ? (float)c->hz : 0;
		if (strength != NULL)
			strength[t] = on ? (float)c->strength : 0;
		if (t > 0)
			m = ws->back[t * k + (size_t)m];
	}
}

int ser_f0_do(const struct ser_f0 *p, struct ser_f0_ws *ws, const float *x, size_t n, double first_s, size_t n_frame,
	      float *f0, float *strength, struct ser_err *e)
{
	if (!isfinite(ser_abs_max(x, n)))
		return ser_fail(e, SER_EDATA, "a sample is not a finite number");
	grow(p, ws, n_frame);
	double mean = 0, peak = 0;
	for (size_t i = 0; i < n; i++)
		mean += x[i];
	mean /= n > 0 ? (double)n : 1;
	for (size_t i = 0; i < n; i++)
		peak = fmax(peak, fabs(x[i] - mean));
	for (size_t t = 0; t < n_frame; t++) {
		ws->cand[t * (size_t)p->o.max_candidates] = (struct candidate){0, 0};
		ws->n_cand[t] = 1;
		ws->intensity[t] = 0;
		if (peak > 0)
			ws->intensity[t] = put_frame(p, ws, x, n, first_s + (double)t * p->o.shift_s, peak);
		if (ws->intensity[t] > 0)
			search(p, ws, t);
	}
	best_path(p, ws, n_frame, f0, strength);
	return SER_OK;
}

double ser_f0_peak(const struct ser_f0 *p, const struct ser_f0_ws *ws, size_t t)
{
	const struct candidate *c = ws->cand + t * (size_t)p->o.max_candidates;
	double top = 0;
	for (int m = 1; m < ws->n_cand[t]; m++)
		top = fmax(top, c[m].strength);
	return top;
}
