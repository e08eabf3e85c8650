/* SPDX-License-Identifier: MIT */
#include "dsp/lld.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ORDER = 10, MOST_STEPS = 100 };
static const double TOP_HZ = 5500, EMPHASIS_HZ = 50, MARGIN_HZ = 50;

struct ser_formants {
	double top_hz;
	size_t n;       /* bins up to top_hz */
	double *cosine; /* [ORDER + 1, n] cos(pi m k / (n - 1)), with pre-emphasis, half at both ends */
};

struct ser_formants *ser_formants_new(double rate_hz, size_t n_bin, double bin_hz)
{
	struct ser_formants *p = ser_malloc(1, sizeof *p);
	size_t n = (size_t)(fmin(TOP_HZ, 0.5 * rate_hz) / bin_hz * (1 + 1e-12)) + 1;
	p->n = n < n_bin ? n : n_bin;
	p->top_hz = (double)(p->n - 1) * bin_hz;
	p->cosine = ser_malloc((ORDER + 1) * p->n, sizeof *p->cosine);
	double a = exp(-M_PI * EMPHASIS_HZ / p->top_hz); /* |1 - a exp(-iw)|^2, a = exp(-2 pi 50 Hz / rate) */
	for (size_t k = 0; k < p->n; k++) {
		double w = M_PI * (double)k / (double)(p->n - 1), end = k == 0 || k + 1 == p->n ? 0.5 : 1,
		       gain = end * (1 + a * a - 2 * a * cos(w));
		for (size_t m = 0; m <= ORDER; m++)
			p->cosine[m * p->n + k] = gain * cos(w * (double)m);
	}
	return p;
}

void ser_formants_free(struct ser_formants *p)
{
	if (p == NULL)
		return;
	free(p->cosine);
	free(p);
}

bool ser_lpc_levinson(const double *r, int order, double *a)
{
	double err = r[0];
	ser_assert(order <= SER_LPC_MAX);
	memset(a, 0, (size_t)(order + 1) * sizeof *a);
	a[0] = 1;
	for (int m = 1; m <= order; m++) {
		double k = r[m], old[SER_LPC_MAX + 1];
		if (!(err > 1e-12 * r[0]))
			return false;
		for (int i = 1; i < m; i++)
			k += a[i] * r[m - i];
		k /= -err;
		memcpy(old, a, (size_t)(m + 1) * sizeof *old);
		for (int i = 1; i <= m; i++)
			a[i] = old[i] + k * old[m - i];
		err *= 1 - k * k;
	}
	return true;
}

/* O. Aberth, "Iteration methods for finding all zeros of a polynomial simultaneously", Math. Comp. 27 (1973) 339-344. */
void ser_lpc_roots(const double *a, int order, double complex *z)
{
	for (int i = 0; i < order; i++)
		z[i] = 0.9 * cexp(I * (2 * M_PI * i / order + 0.3));
	for (int step = 0; step < MOST_STEPS; step++) {
		double most = 0;
		for (int i = 0; i < order; i++) {
			double x = creal(z[i]), y = cimag(z[i]), pr = 1, pi = 0, dr = 0, di = 0, t;
			for (int m = 1; m <= order; m++) { /* the polynomial and its derivative by Horner */
				t = dr * x - di * y + pr;
				di = dr * y + di * x + pi;
				dr = t;
				t = pr * x - pi * y + a[m];
				pi = pr * y + pi * x;
				pr = t;
			}
			double sr = 0, si = 0; /* sum of 1 / (z - others) */
			for (int j = 0; j < order; j++) {
				double u = x - creal(z[j]), v = y - cimag(z[j]), q = u * u + v * v;
				if (j == i || q == 0)
					continue;
				sr += u / q;
				si -= v / q;
			}
			/* step p / (p' - p s) */
			double nr = dr - (pr * sr - pi * si), ni = di - (pr * si + pi * sr), q = nr * nr + ni * ni;
			if (q == 0)
				continue;
			double wr = (pr * nr + pi * ni) / q, wi = (pi * nr - pr * ni) / q;
			z[i] = x - wr + I * (y - wi);
			most = fmax(most, wr * wr + wi * wi);
		}
		if (most < 1e-20)
			return;
	}
}

int ser_formants_do(const struct ser_formants *p, const float *pw, double *hz, double *bandwidth)
{
	double r[ORDER + 1], a[ORDER + 1], f[ORDER], b[ORDER];
	double complex z[ORDER];
	int n = 0;
	memset(hz, 0, 3 * sizeof *hz);
	memset(bandwidth, 0, 3 * sizeof *bandwidth);
	for (size_t m = 0; m <= ORDER; m++) {
		double s[4] = {0};
		const double *c = p->cosine + m * p->n;
		size_t k = 0;
		for (; k + 4 <= p->n; k += 4)
			for (size_t j = 0; j < 4; j++)
				s[j] += c[k + j] * pw[k + j];
		for (; k < p->n; k++)
			s[0] += c[k] * pw[k];
		r[m] = s[0] + s[1] + s[2] + s[3];
	}
	if (!(r[0] > 1e-15) || !ser_lpc_levinson(r, ORDER, a))
		return 0;
	ser_lpc_roots(a, ORDER, z);
	for (int i = 0; i < ORDER; i++) {
		double at = atan2(cimag(z[i]), creal(z[i])) * p->top_hz / M_PI;
		if (!(at > MARGIN_HZ && at < p->top_hz - MARGIN_HZ))
			continue;
		int j = n++;
		for (; j > 0 && f[j - 1] > at; j--)
			f[j] = f[j - 1], b[j] = b[j - 1];
		f[j] = at;
		b[j] = -2 * log(cabs(z[i])) * p->top_hz / M_PI;
	}
	n = n < 3 ? n : 3;
	for (int i = 0; i < n; i++)
		hz[i] = f[i], bandwidth[i] = b[i];
	return n;
}
