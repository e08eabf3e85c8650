/* SPDX-License-Identifier: MIT */
#include "stat/boot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct ser_boot_opt ser_boot_default = {.n_boot = 2000, .level = 0.95, .n_thread = 1};

static double normal_cdf(double z)
{
	return 0.5 * erfc(-z * 0.70710678118654752440);
}

/* A bracketed Newton iteration on the distribution function: short, and as exact as erfc is. */
double ser_normal_quantile(double p)
{
	if (!(p > 0))
		return p == 0 ? -INFINITY : NAN;
	if (!(p < 1))
		return p == 1 ? INFINITY : NAN;
	if (p > 0.5)
		return -ser_normal_quantile(1 - p);
	double lo = -39, hi = 0, z = -1;
	for (int i = 0; i < 200; i++) {
		double f = normal_cdf(z) - p, slope = exp(-0.5 * z * z) * 0.39894228040143267794;
		*(f > 0 ? &hi : &lo) = z;
		double next = slope > 0 ? z - f / slope : lo;
		if (!(next > lo && next < hi))
			next = 0.5 * (lo + hi);
		if (fabs(next - z) <= 1e-16 * fabs(next))
			return next;
		z = next;
	}
	return z;
}

/* x [n] rising; linear between order statistics */
static double quantile(const double *x, size_t n, double q)
{
	double h = q * (double)(n - 1);
	size_t i = (size_t)floor(h);
	return i + 1 < n ? x[i] + (h - (double)i) * (x[i + 1] - x[i]) : x[n - 1];
}

/* Move the two quantile levels as BCa does: a' = Phi(z0 + (z0 + z_a)/(1 - accel (z0 + z_a))). Leaves them where the
 * correction is undefined. */
static void bca_levels(double value, const double *x, size_t n, const double *jack, size_t n_jack, size_t stride,
		       double q[2])
{
	double below = 0, mean = 0, cube = 0, square = 0;
	for (size_t i = 0; i < n; i++)
		below += x[i] < value ? 1 : x[i] == value ? 0.5 : 0;
	double z0 = ser_normal_quantile(below / (double)n);
	for (size_t i = 0; i < n_jack; i++)
		mean += jack[i * stride];
	mean /= (double)n_jack;
	for (size_t i = 0; i < n_jack; i++) {
		double u = mean - jack[i * stride];
		cube += u * u * u;
		square += u * u;
	}
	double accel = cube / (6 * pow(square, 1.5));
	if (!isfinite(z0) || !isfinite(accel))
		return;
	for (int s = 0; s < 2; s++) {
		double z = z0 + ser_normal_quantile(q[s]);
		q[s] = normal_cdf(z0 + z / (1 - accel * z));
	}
}

struct ser_ci ser_boot_interval(double value, const double *rep, size_t n, size_t stride, double level,
				const double *jack, size_t n_jack, size_t jack_stride)
{
	double *x = ser_malloc(n, sizeof *x), mean = 0, var = 0;
	size_t m = 0, n_le = 0, n_ge = 0;
	for (size_t i = 0; i < n; i++) {
		double v = rep[i * stride];
		if (isnan(v))
			continue;
		x[m++] = v;
		mean += v;
		n_le += v <= 0;
		n_ge += v >= 0;
	}
	struct ser_ci ci = {.value = value, .lo = NAN, .hi = NAN, .se = NAN, .p = NAN, .n_bad = n - m};
	if (m > 0) {
		double q[2] = {(1 - level) / 2, (1 + level) / 2};
		mean /= (double)m;
		for (size_t i = 0; i < m; i++)
			var += (x[i] - mean) * (x[i] - mean);
		ser_sort_rising(x, m);
		if (jack != NULL && n_jack > 1)
			bca_levels(value, x, m, jack, n_jack, jack_stride, q);
		ci.lo = quantile(x, m, q[0]);
		ci.hi = quantile(x, m, q[1]);
		ci.se = m > 1 ? sqrt(var / (double)(m - 1)) : NAN;
		ci.p = 2 * (1 + (double)(n_le < n_ge ? n_le : n_ge)) / (1 + (double)m);
		if (ci.p > 1)
			ci.p = 1;
	}
	free(x);
	return ci;
}

struct run {
	const struct ser_boot_opt *o;
	size_t n_unit, n_stat;
	void (*fn)(void *ctx, const uint32_t *count, double *out, int worker);
	void *ctx;
	uint32_t *count; /* [n_thread,n_unit] */
	double *rep, *jack;
};

static void replicate(void *arg, size_t b, int worker)
{
	const struct run *r = arg;
	uint32_t *count = r->count + (size_t)worker * r->n_unit;
	struct ser_rng rng;
	char key[24];
	int n = snprintf(key, sizeof key, "%zu", b);
	ser_rng_seed_key(&rng, r->o->seed, key, (size_t)n);
	memset(count, 0, r->n_unit * sizeof *count);
	for (size_t i = 0; i < r->n_unit; i++)
		count[ser_rng_below(&rng, r->n_unit)]++;
	r->fn(r->ctx, count, r->rep + b * r->n_stat, worker);
}

static void leave_out(void *arg, size_t u, int worker)
{
	const struct run *r = arg;
	uint32_t *count = r->count + (size_t)worker * r->n_unit;
	for (size_t i = 0; i < r->n_unit; i++)
		count[i] = i != u;
	r->fn(r->ctx, count, r->jack + u * r->n_stat, worker);
}

int ser_boot(const struct ser_boot_opt *o, size_t n_unit, size_t n_stat,
	     void (*fn)(void *ctx, const uint32_t *count, double *out, int worker), void *ctx, struct ser_ci *ci,
	     double *rep, struct ser_err *e)
{
	if (n_unit == 0)
		return ser_fail(e, SER_EDATA, "there is nothing to draw from");
	if (o->n_boot == 0 || !(o->level > 0 && o->level < 1))
		return ser_fail(e, SER_EUSAGE,
				"%zu replicates at level %g: expected at least 1 and a level between 0 and 1",
				o->n_boot, o->level);
	size_t n_thread = o->n_thread > 1 ? (size_t)o->n_thread : 1;
	struct run r = {.o = o, .n_unit = n_unit, .n_stat = n_stat, .fn = fn, .ctx = ctx};
	double *all = rep != NULL ? rep : ser_malloc(ser_mul(o->n_boot, n_stat), sizeof *all);
	double *value = ser_malloc(n_stat, sizeof *value);
	r.rep = all;
	r.count = ser_malloc(ser_mul(n_thread, n_unit), sizeof *r.count);
	ser_watched_for(&o->watch, "replicates", (int)n_thread, o->n_boot, replicate, &r);
	if (o->bca) {
		r.jack = ser_malloc(ser_mul(n_unit, n_stat), sizeof *r.jack);
		ser_watched_for(&o->watch, "units left out", (int)n_thread, n_unit, leave_out, &r);
	}
	for (size_t i = 0; i < n_unit; i++)
		r.count[i] = 1;
	fn(ctx, r.count, value, 0);
	for (size_t s = 0; s < n_stat; s++)
		ci[s] = ser_boot_interval(value[s], all + s, o->n_boot, n_stat, o->level, o->bca ? r.jack + s : NULL,
					  n_unit, n_stat);
	free(value);
	free(r.count);
	free(r.jack);
	if (rep == NULL)
		free(all);
	return SER_OK;
}
