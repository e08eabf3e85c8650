/* SPDX-License-Identifier: MIT */
#include "dsp/dsp.h"
#include "dsp/fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ser_fft_root(size_t k, size_t n, double *c, double *s)
{
	k %= n;
	/* angle = 2 pi k / n = (o + f) pi / 4 with o = floor(8 k / n), 0 <= f < 1 */
	size_t o = 8 * k / n, rest = 8 * k - o * n; /* f = rest / n */
	const double quarter = 0.78539816339744830962;
	double f = (o & 1) != 0 ? (double)(n - rest) / (double)n : (double)rest / (double)n;
	double x = cos(f * quarter), y = sin(f * quarter);
	switch (o) {
	case 0:
		*c = x, *s = y;
		break;
	case 1:
		*c = y, *s = x;
		break;
	case 2:
		*c = -y, *s = x;
		break;
	case 3:
		*c = -x, *s = y;
		break;
	case 4:
		*c = -x, *s = -y;
		break;
	case 5:
		*c = -y, *s = -x;
		break;
	case 6:
		*c = y, *s = -x;
		break;
	default:
		*c = x, *s = -y;
		break;
	}
}

static void add_stage(struct ser_fft_table *t, size_t radix, size_t len)
{
	int s = t->n_stage++;
	size_t q = len / radix, n = q * (radix - 1) + (radix > 5 ? radix : 0);
	t->radix[s] = radix;
	t->len[s] = len;
	t->tw_at[s] = t->n_tw;
	t->root_at[s] = t->n_tw + 2 * q * (radix - 1);
	t->tw = ser_realloc(t->tw, t->n_tw + 2 * n, sizeof *t->tw);
	double *w = t->tw + t->n_tw;
	for (size_t j = 0; j < q; j++)
		for (size_t p = 1; p < radix; p++, w += 2) {
			ser_fft_root(j * p, len, &w[0], &w[1]);
			w[1] = -w[1];
		}
	for (size_t m = 0; radix > 5 && m < radix; m++, w += 2) {
		ser_fft_root(m, radix, &w[0], &w[1]);
		w[1] = -w[1];
	}
	t->n_tw += 2 * n;
	if (radix > t->max_radix)
		t->max_radix = radix;
}

void ser_fft_table_init(struct ser_fft_table *t, size_t n)
{
	ser_assert(n >= 1 && n <= (size_t)1 << 28);
	*t = (struct ser_fft_table){.n = n};
	size_t left = n;
	static const size_t first[] = {4, 2, 3, 5};
	for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
		for (; left % first[i] == 0; left /= first[i])
			add_stage(t, first[i], left);
	for (size_t r = 7; left > 1; r += 2) {
		if (r * r > left)
			r = left;
		for (; left % r == 0; left /= r)
			add_stage(t, r, left);
	}
	t->pos = ser_malloc(n, sizeof *t->pos);
	for (size_t k = 0; k < n; k++) {
		size_t at = 0, rest = k;
		for (int s = 0; s < t->n_stage; s++) {
			at += rest % t->radix[s] * (t->len[s] / t->radix[s]);
			rest /= t->radix[s];
		}
		t->pos[k] = (uint32_t)at;
	}
}

void ser_fft_table_free(struct ser_fft_table *t)
{
	free(t->tw);
	free(t->pos);
	*t = (struct ser_fft_table){0};
}

struct ser_fft64 {
	struct ser_fft_table t;
};

struct ser_fft64 *ser_fft64_new(size_t n)
{
	struct ser_fft64 *p = ser_malloc(1, sizeof *p);
	ser_fft_table_init(&p->t, n);
	return p;
}

void ser_fft64_free(struct ser_fft64 *p)
{
	if (p == NULL)
		return;
	ser_fft_table_free(&p->t);
	free(p);
}

size_t ser_fft64_scratch(const struct ser_fft64 *p)
{
	return 2 * (p->t.n > p->t.max_radix ? p->t.n : p->t.max_radix);
}

/* One column of any radix: b[p] = sum_m a[m] w^(m p), through the table of roots. */
static void column(size_t r, size_t q, double *re, double *im, const double *root, double *b)
{
	for (size_t p = 0; p < r; p++) {
		double sr = 0, si = 0;
		for (size_t m = 0, k = 0; m < r; m++, k = (k + p) % r) {
			sr += re[m * q] * root[2 * k] - im[m * q] * root[2 * k + 1];
			si += re[m * q] * root[2 * k + 1] + im[m * q] * root[2 * k];
		}
		b[2 * p] = sr;
		b[2 * p + 1] = si;
	}
	for (size_t p = 0; p < r; p++) {
		re[p * q] = b[2 * p];
		im[p * q] = b[2 * p + 1];
	}
}

static void column4(size_t q, double *re, double *im)
{
	double s02r = re[0] + re[2 * q], s02i = im[0] + im[2 * q], d02r = re[0] - re[2 * q], d02i = im[0] - im[2 * q];
	double s13r = re[q] + re[3 * q], s13i = im[q] + im[3 * q], d13r = re[q] - re[3 * q], d13i = im[q] - im[3 * q];
	re[0] = s02r + s13r, im[0] = s02i + s13i;
	re[q] = d02r + d13i, im[q] = d02i - d13r;
	re[2 * q] = s02r - s13r, im[2 * q] = s02i - s13i;
	re[3 * q] = d02r - d13i, im[3 * q] = d02i + d13r;
}

void ser_fft64_do(const struct ser_fft64 *p, bool inverse, double *re, double *im, double *scratch)
{
	const struct ser_fft_table *t = &p->t;
	/* the inverse is the forward transform with real and imaginary parts exchanged */
	double *a = inverse ? im : re, *b = inverse ? re : im, root[10];
	for (int s = 0; s < t->n_stage; s++) {
		size_t r = t->radix[s], len = t->len[s], q = len / r;
		const double *roots = t->tw + t->root_at[s];
		for (size_t m = 0; r <= 5 && m < r; m++) {
			ser_fft_root(m, r, &root[2 * m], &root[2 * m + 1]);
			root[2 * m + 1] = -root[2 * m + 1];
			roots = root;
		}
		for (size_t at = 0; at < t->n; at += len) {
			const double *w = t->tw + t->tw_at[s];
			for (size_t j = at; j < at + q; j++) {
				if (r == 4)
					column4(q, a + j, b + j);
				else
					column(r, q, a + j, b + j, roots, scratch);
				for (size_t k = 1; k < r; k++, w += 2) {
					double x = a[j + k * q], y = b[j + k * q];
					a[j + k * q] = x * w[0] - y * w[1];
					b[j + k * q] = x * w[1] + y * w[0];
				}
			}
		}
	}
	for (size_t k = 0; k < t->n; k++) {
		scratch[2 * k] = a[t->pos[k]];
		scratch[2 * k + 1] = b[t->pos[k]];
	}
	for (size_t k = 0; k < t->n; k++) {
		a[k] = scratch[2 * k];
		b[k] = scratch[2 * k + 1];
	}
}
