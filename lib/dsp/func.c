/* SPDX-License-Identifier: MIT */
#include "dsp/dsp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum kind { MEAN, STD, MIN, MAX, RANGE, SKEW, KURT, SLOPE, RMS, PERCENTILE };
static const char *const KINDS[] = {"mean", "std", "min", "max", "range", "skewness", "kurtosis", "slope", "rms"};

struct one {
	enum kind kind;
	double percent;
	char name[16];
};

struct ser_func {
	struct one *f;
	size_t n, cap;
	bool sorts;
};

static int parse(struct one *f, const char *s, size_t n, struct ser_err *e)
{
	*f = (struct one){.kind = PERCENTILE};
	snprintf(f->name, sizeof f->name, "%.*s", n < sizeof f->name ? (int)n : (int)sizeof f->name - 1, s);
	for (int k = 0; k < (int)PERCENTILE; k++)
		if (strlen(KINDS[k]) == n && strncmp(KINDS[k], s, n) == 0) {
			f->kind = (enum kind)k;
			return SER_OK;
		}
	if (n >= 2 && n < sizeof f->name && s[0] == 'p' &&
	    ser_parse_real(f->name + 1, 0, 100, &f->percent, NULL) == SER_OK)
		return SER_OK;
	return ser_fail(e, SER_EUSAGE,
			"functional \"%.*s\" is none of mean, std, min, max, range, skewness, kurtosis, slope, rms, p0 "
			"... p100, nor alone a set: egemaps, gemaps, compare2016, is13, emobase, is09, is10, is11",
			(int)n, s);
}

int ser_func_new(struct ser_func **out, const char *list, struct ser_err *e)
{
	struct ser_func *p = ser_calloc(1, sizeof *p);
	*out = NULL;
	for (const char *s = list;; s++) {
		size_t n = strcspn(s, ",");
		p->f = ser_grow(p->f, &p->cap, p->n + 1, sizeof *p->f);
		int rc = parse(&p->f[p->n], s, n, e);
		if (rc != SER_OK) {
			ser_func_free(p);
			return rc;
		}
		p->sorts |= p->f[p->n++].kind == PERCENTILE;
		s += n;
		if (*s == '\0')
			break;
	}
	*out = p;
	return SER_OK;
}

void ser_func_free(struct ser_func *p)
{
	if (p == NULL)
		return;
	free(p->f);
	free(p);
}

size_t ser_func_n(const struct ser_func *p)
{
	return p->n;
}

const char *ser_func_name(const struct ser_func *p, size_t k)
{
	return p->f[k].name;
}

void ser_func_do(const struct ser_func *p, const float *x, size_t n_frame, size_t d, double shift_s,
		 const bool *skip_zero, float *y)
{
	double *v = ser_malloc(2 * n_frame, sizeof *v), *at = v + n_frame;
	for (size_t j = 0; j < d; j++, y += p->n) {
		size_t n = 0;
		double mean = 0, mean_t = 0, m2 = 0, m3 = 0, m4 = 0, sq = 0, tt = 0, tv = 0;
		for (size_t t = 0; t < n_frame; t++) {
			double s = x[t * d + j];
			if (skip_zero != NULL && skip_zero[j] && s == 0)
				continue;
			at[n] = (double)t * shift_s;
			v[n++] = s;
		}
		memset(y, 0, p->n * sizeof *y);
		if (n == 0)
			continue;
		for (size_t i = 0; i < n; i++) {
			mean += v[i];
			mean_t += at[i];
			sq += v[i] * v[i];
		}
		mean /= (double)n;
		mean_t /= (double)n;
		double lo = v[0], hi = v[0];
		for (size_t i = 0; i < n; i++) {
			double c = v[i] - mean, s = at[i] - mean_t;
			m2 += c * c;
			m3 += c * c * c;
			m4 += c * c * c * c;
			tt += s * s;
			tv += s * c;
			lo = fmin(lo, v[i]);
			hi = fmax(hi, v[i]);
		}
		m2 /= (double)n, m3 /= (double)n, m4 /= (double)n;
		bool flat = m2 <= 1e-14 * (mean * mean + 1e-30); /* constant but for rounding */
		if (p->sorts)
			ser_sort_rising(v, n);
		for (size_t k = 0; k < p->n; k++) {
			double r = 0;
			switch (p->f[k].kind) {
			case MEAN:
				r = mean;
				break;
			case STD:
				r = sqrt(m2);
				break;
			case MIN:
				r = lo;
				break;
			case MAX:
				r = hi;
				break;
			case RANGE:
				r = hi - lo;
				break;
			case SKEW:
				r = flat ? 0 : m3 / (m2 * sqrt(m2));
				break;
			case KURT:
				r = flat ? 0 : m4 / (m2 * m2);
				break;
			case SLOPE:
				r = tt > 0 ? tv / tt : 0;
				break;
			case RMS:
				r = sqrt(sq / (double)n);
				break;
			case PERCENTILE:
				r = ser_percentile(v, n, p->f[k].percent / 100);
				break;
			}
			y[k] = (float)r;
		}
	}
	free(v);
}
