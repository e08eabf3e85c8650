/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int ser_parse_int(const char *s, int64_t lo, int64_t hi, int64_t *out, struct ser_err *e)
{
	char *end = NULL;
	errno = 0;
	long long v = isspace((unsigned char)*s) ? 0 : strtoll(s, &end, 10);
	if (end == NULL || end == s || *end != '\0')
		return ser_fail(e, SER_EUSAGE, "\"%s\" is not a whole number", s);
	if (errno == ERANGE || v < lo || v > hi)
		return ser_fail(e, SER_EUSAGE, "%s is outside %lld .. %lld", s, (long long)lo, (long long)hi);
	*out = v;
	return 0;
}

int ser_parse_real(const char *s, double lo, double hi, double *out, struct ser_err *e)
{
	char *end = NULL;
	double v = isspace((unsigned char)*s) ? 0 : strtod(s, &end);
	if (end == NULL || end == s || *end != '\0' || !isfinite(v))
		return ser_fail(e, SER_EUSAGE, "\"%s\" is not a finite number", s);
	if (v < lo || v > hi)
		return ser_fail(e, SER_EUSAGE, "%s is outside %g .. %g", s, lo, hi);
	*out = v;
	return 0;
}

/* Without their sign bits, floats compare as integers, and NaN above infinity above all others. */
float ser_abs_max(const float *x, size_t n)
{
	enum { W = 16 };
	int32_t top[W] = {0}, b[W];
	size_t i = 0;
	for (; i + W <= n; i += W) {
		memcpy(b, x + i, sizeof b);
		for (int k = 0; k < W; k++) {
			int32_t v = b[k] & 0x7fffffff;
			top[k] = v > top[k] ? v : top[k];
		}
	}
	if (i < n) {
		memset(b, 0, sizeof b);
		memcpy(b, x + i, (n - i) * sizeof *x);
		for (int k = 0; k < W; k++) {
			int32_t v = b[k] & 0x7fffffff;
			top[k] = v > top[k] ? v : top[k];
		}
	}
	for (int k = 1; k < W; k++)
		top[0] = top[k] > top[0] ? top[k] : top[0];
	float r;
	memcpy(&r, &top[0], sizeof r);
	return r;
}

double ser_spread(double mean, double var)
{
	double sd = var > 0 ? sqrt(var) : 0;
	return sd > 10 * (double)FLT_EPSILON * fabs(mean) ? sd : 0;
}

double ser_deviation(double mean, double var)
{
	double sd = ser_spread(mean, var);
	return sd > 0 ? sd : 1;
}

static int rising(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

void ser_sort_rising(double *x, size_t n)
{
	if (n > 0)
		qsort(x, n, sizeof *x, rising);
}

double ser_percentile(const double *x, size_t n, double p)
{
	double rank = p * (double)(n - 1);
	size_t i = (size_t)rank;
	return x[i] + (i + 1 < n ? (rank - (double)i) * (x[i + 1] - x[i]) : 0);
}
