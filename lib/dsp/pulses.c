/* SPDX-License-Identifier: MIT */
#include "dsp/dsp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LEAST = 0.3, LEAST_BEYOND = 0.7; /* correlation of neighbours within a stretch, and past its end */
static const double REACH = 0.4;                     /* periods to each side of a pulse that its height is of */
static const double PERIOD_RATIO = 1.3, HEIGHT_RATIO = 1.6;

struct sound {
	const float *x;
	ptrdiff_t n;
	double rate_hz;
	const float *f0;
	double first_s, shift_s;
	size_t from, to; /* frames of the stretch */
};

void ser_pulses_free(struct ser_pulses *p)
{
	free(p->v);
	*p = (struct ser_pulses){0};
}

/* Samples of a period at sample position `at`, from the contour by linear interpolation within the stretch. */
static double period(const struct sound *s, double at)
{
	double t = ((at + 0.5) / s->rate_hz - s->first_s) / s->shift_s, last = (double)(s->to - 1);
	t = t > (double)s->from ? t < last ? t : last : (double)s->from;
	size_t k = (size_t)t;
	double a = s->f0[k], b = k + 1 < s->to ? s->f0[k + 1] : a;
	return s->rate_hz / (a + (b - a) * (t - (double)k));
}

/* The vertex of the parabola through (-1,a) (0,b) (1,c): its place in *at, its value returned. */
static double vertex(double a, double b, double c, double *at)
{
	double bend = 2 * b - a - c, slope = 0.5 * (c - a);
	*at = bend != 0 ? slope / bend : 0;
	if (!(*at > -1 && *at < 1))
		*at = 0;
	return b + 0.5 * slope * *at;
}

/* Root mean square under a raised cosine. */
static double height(const struct sound *s, double at, double per)
{
	double reach = REACH * per, step = M_PI / reach, sum = 0, all = 0;
	ptrdiff_t a = (ptrdiff_t)ceil(at - reach), b = (ptrdiff_t)floor(at + reach);
	a = a > 0 ? a : 0;
	b = b < s->n - 1 ? b : s->n - 1;
	for (ptrdiff_t i = a; i <= b; i++) {
		double w = 0.5 + 0.5 * cos(step * ((double)i - at)), v = w * s->x[i];
		sum += v * v;
		all += w * w;
	}
	return all > 0 ? sqrt(sum / all) : 0;
}

/* Normalised correlation of the 2 h + 1 samples about a with those about b; -1 when these reach past an end. */
static double correlation(const struct sound *s, ptrdiff_t a, ptrdiff_t b, ptrdiff_t h)
{
	if (a < h || b < h || a + h >= s->n || b + h >= s->n)
		return -1;
	double ab = 0, aa = 0, bb = 0;
	const float *x = s->x + a - h, *y = s->x + b - h;
	for (ptrdiff_t i = 0; i <= 2 * h; i++) {
		ab += (double)x[i] * y[i];
		aa += (double)x[i] * x[i];
		bb += (double)y[i] * y[i];
	}
	return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* From `at` one period to the left (dir -1) or right: the place of what is most like it, and how like it is. */
static double neighbour(const struct sound *s, double at, int dir, double *like)
{
	double per = period(s, at), off, before = 0;
	ptrdiff_t c = (ptrdiff_t)floor(at + 0.5), h = (ptrdiff_t)(0.5 * per), lo = (ptrdiff_t)ceil(0.8 * per),
		  hi = (ptrdiff_t)floor(1.2 * per), best = lo;
	double r[3] = {-1, -1, -1}, now = correlation(s, c, c + dir * (lo - 1), h),
	       next = correlation(s, c, c + dir * lo, h);
	for (ptrdiff_t lag = lo; lag <= hi; lag++) {
		before = now;
		now = next;
		next = correlation(s, c, c + dir * (lag + 1), h);
		if (now > r[1]) {
			best = lag;
			r[0] = before, r[1] = now, r[2] = next;
		}
	}
	*like = r[1];
	if (r[0] > -1 && r[2] > -1)
		vertex(r[0], r[1], r[2], &off);
	else
		off = 0;
	return at + dir * ((double)best + off);
}

static void add(struct ser_pulses *p, const struct sound *s, double at, bool first)
{
	p->v = ser_grow(p->v, &p->cap, p->n + 1, sizeof *p->v);
	p->v[p->n++] = (struct ser_pulse){(at + 0.5) / s->rate_hz, height(s, at, period(s, at)), first};
}

/* Pulses from `at` on, which is not added, to one side. Behind one that is left out a new run begins. */
static void walk(struct ser_pulses *p, const struct sound *s, double at, int dir, double end)
{
	double like;
	for (bool gap = false;;) {
		at = neighbour(s, at, dir, &like);
		bool beyond = dir < 0 ? at < end : at > end;
		if (like >= (beyond ? LEAST_BEYOND : LEAST)) {
			if (gap && dir < 0)
				p->v[p->n - 1].first = true;
			add(p, s, at, gap && dir > 0);
			gap = false;
		} else {
			gap = true;
		}
		if (beyond || !(at > 0 && at < (double)s->n))
			return;
	}
}

static void stretch(struct ser_pulses *p, const struct sound *s)
{
	/* sample i lies at (i + 0.5) / rate */
	double left = (s->first_s + ((double)s->from - 0.5) * s->shift_s) * s->rate_hz - 0.5;
	double right = (s->first_s + ((double)s->to - 0.5) * s->shift_s) * s->rate_hz - 0.5;
	double mid = 0.5 * (left + right), per = period(s, mid), off;
	ptrdiff_t a = (ptrdiff_t)ceil(mid - 0.5 * per), b = (ptrdiff_t)floor(mid + 0.5 * per), top;
	a = a > 1 ? a : 1;
	b = b < s->n - 2 ? b : s->n - 2;
	if (a > b)
		return;
	top = a;
	for (ptrdiff_t i = a; i <= b; i++)
		top = fabsf(s->x[i]) > fabsf(s->x[top]) ? i : top;
	vertex(fabsf(s->x[top - 1]), fabsf(s->x[top]), fabsf(s->x[top + 1]), &off);
	double start = (double)top + off;
	size_t at = p->n;
	add(p, s, start, false);
	walk(p, s, start, -1, left);
	for (size_t i = at, j = p->n; i + 1 < j; i++, j--) { /* they came from right to left */
		struct ser_pulse swap = p->v[i];
		p->v[i] = p->v[j - 1];
		p->v[j - 1] = swap;
	}
	walk(p, s, start, 1, right);
	p->v[at].first = true;
}

void ser_pulses_find(struct ser_pulses *p, const float *x, size_t n, double rate_hz, const float *f0, double first_s,
		     double shift_s, size_t n_frame)
{
	struct sound s = {x, (ptrdiff_t)n, rate_hz, f0, first_s, shift_s, 0, 0};
	p->n = 0;
	while (s.to < n_frame) {
		for (s.from = s.to; s.from < n_frame && !(f0[s.from] > 0);)
			s.from++;
		for (s.to = s.from; s.to < n_frame && f0[s.to] > 0;)
			s.to++;
		if (s.to > s.from)
			stretch(p, &s);
	}
}

static bool alike(double a, double b, double ratio)
{
	return a > 0 && b > 0 && a <= ratio * b && b <= ratio * a;
}

void ser_perturbation(const struct ser_pulses *p, double from_s, double to_s, size_t *hint, struct ser_perturbation *y)
{
	const struct ser_pulse *v = p->v;
	double sum_t = 0, jit = 0, ddp = 0, sum_a = 0, shim = 0, db = 0;
	size_t n_t = 0, n_jit = 0, n_ddp = 0, n_a = 0, n_shim = 0, i = *hint > 1 ? *hint : 1;
	while (i < p->n && 0.5 * (v[i - 1].at_s + v[i].at_s) < from_s)
		i++;
	*hint = i;
	size_t begin = i;
	for (; i < p->n && 0.5 * (v[i - 1].at_s + v[i].at_s) <= to_s; i++) {
		if (v[i].first)
			continue;
		double t = v[i].at_s - v[i - 1].at_s;
		sum_t += t;
		n_t++;
		if (i == begin || v[i - 1].first)
			sum_a += v[i - 1].height, n_a++;
		sum_a += v[i].height, n_a++;
		if (alike(v[i].height, v[i - 1].height, HEIGHT_RATIO)) {
			shim += fabs(v[i].height - v[i - 1].height);
			db += fabs(20 * log10(v[i].height / v[i - 1].height));
			n_shim++;
		}
		if (i < begin + 1 || v[i - 1].first)
			continue;
		double t1 = v[i - 1].at_s - v[i - 2].at_s;
		if (!alike(t, t1, PERIOD_RATIO))
			continue;
		jit += fabs(t - t1);
		n_jit++;
		if (i < begin + 2 || v[i - 2].first)
			continue;
		double t2 = v[i - 2].at_s - v[i - 3].at_s;
		if (!alike(t1, t2, PERIOD_RATIO))
			continue;
		ddp += fabs((t - t1) - (t1 - t2));
		n_ddp++;
	}
	double mean_t = n_t > 0 ? sum_t / (double)n_t : 0, mean_a = n_a > 0 ? sum_a / (double)n_a : 0;
	*y = (struct ser_perturbation){0};
	if (n_jit > 0)
		y->jitter = (float)(jit / (double)n_jit / mean_t);
	if (n_ddp > 0)
		y->jitter_ddp = (float)(ddp / (double)n_ddp / mean_t);
	if (n_shim > 0 && mean_a > 0) {
		y->shimmer = (float)(shim / (double)n_shim / mean_a);
		y->shimmer_db = (float)(db / (double)n_shim);
	}
}
