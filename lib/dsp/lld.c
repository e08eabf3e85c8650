/* SPDX-License-Identifier: MIT */
#include "dsp/dsp.h"
#include "dsp/lld.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const ser_lld_names[SER_LLD_N] = {
	"f0_hz",        "voicing",   "hnr_db",   "energy_db", "zcr_hz",       "low_db",       "high_db",
	"centroid_hz",  "spread_hz", "skewness", "kurtosis",  "rolloff25_hz", "rolloff50_hz", "rolloff75_hz",
	"rolloff90_hz", "flux",      "entropy",  "flatness",  "slope"};

static void samples(const float *x, size_t n, double rate_hz, float *y)
{
	double sum = 0, sq = 0;
	size_t cross = 0;
	for (size_t i = 0; i < n; i++) {
		sum += x[i];
		sq += (double)x[i] * x[i];
	}
	double mean = sum / (double)n;
	for (size_t i = 1; i < n; i++)
		cross += (x[i] - mean >= 0) != (x[i - 1] - mean >= 0);
	y[3] = (float)(10 * log10(sq / (double)n + 1e-10));
	y[4] = (float)((double)cross * rate_hz / (double)n);
}

void ser_lld_frame(const float *x, size_t n, const float *pw, size_t n_bin, double rate_hz, double bin_hz,
		   double *shape, bool first, float *y)
{
	samples(x, n, rate_hz, y);
	double total = 0, low = 0, high = 0, mean_f = 0, log_sum = 0, fx = 0, fy = 0, fxx = 0, fxy = 0;
	for (size_t k = 0; k < n_bin; k++) {
		double f = (double)k * bin_hz, v = pw[k], db, khz = f / 1000;
		total += v;
		mean_f += f * v;
		if (f >= 250 && f <= 650)
			low += v;
		if (f >= 1000 && f <= 4000)
			high += v;
		db = 10 * log10(v + 1e-10);
		log_sum += db;
		fx += khz, fy += db, fxx += khz * khz, fxy += khz * db;
	}
	double m = (double)n_bin, *now = shape, *before = shape + n_bin;
	y[5] = (float)(10 * log10(low + 1e-10));
	y[6] = (float)(10 * log10(high + 1e-10));
	memset(y + 7, 0, (SER_LLD_N - 7) * sizeof *y);
	y[17] = (float)(pow(10, log_sum / m / 10) / (total / m + 1e-10));
	y[18] = (float)((m * fxy - fx * fy) / (m * fxx - fx * fx));
	if (total < 1e-12) {
		memset(now, 0, n_bin * sizeof *now);
	} else {
		mean_f /= total;
		double m2 = 0, m3 = 0, m4 = 0, ent = 0, sum = 0;
		static const double share[4] = {0.25, 0.5, 0.75, 0.9};
		int q = 0;
		for (size_t k = 0; k < n_bin; k++) {
			double f = (double)k * bin_hz, v = pw[k] / total, d = f - mean_f;
			m2 += d * d * v;
			m3 += d * d * d * v;
			m4 += d * d * d * d * v;
			ent -= v > 0 ? v * log(v) : 0;
			sum += pw[k];
			for (; q < 4 && sum >= share[q] * total; q++)
				y[11 + q] = (float)f;
			now[k] = sqrt(v);
		}
		y[7] = (float)mean_f;
		y[8] = (float)sqrt(m2);
		y[9] = m2 > 0 ? (float)(m3 / (m2 * sqrt(m2))) : 0;
		y[10] = m2 > 0 ? (float)(m4 / (m2 * m2)) : 0;
		y[16] = (float)(ent / log(m));
	}
	double flux = 0;
	for (size_t k = 0; !first && k < n_bin; k++)
		flux += (now[k] - before[k]) * (now[k] - before[k]);
	y[15] = (float)sqrt(flux);
	memcpy(before, now, n_bin * sizeof *now);
}

/* ---- functionals ---------------------------------------------------------------------------------- */

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
			"... p100",
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

static int rising(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
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
			qsort(v, n, sizeof *v, rising);
		for (size_t k = 0; k < p->n; k++) {
			double r = 0, rank;
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
				rank = p->f[k].percent / 100 * (double)(n - 1);
				size_t i = (size_t)rank;
				r = v[i] + (i + 1 < n ? (rank - (double)i) * (v[i + 1] - v[i]) : 0);
				break;
			}
			y[k] = (float)r;
		}
	}
	free(v);
}
