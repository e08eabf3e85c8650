/* SPDX-License-Identifier: MIT */
/* A Fourier transform of n real values in single precision that rounds as openSMILE's does, to the bit (found by comparing numbers; the
 * form is that of T. Ooura's general purpose FFT package). It is a complex one of n / 2 points, by split radix with both twiddles' angles
 * taken in single precision (P. Duhamel and H. Hollmann, "Split radix FFT algorithm", Electronics Letters 20 (1984) 14-16): a part of m
 * points x goes to its quarters a, b, c, d, whose transforms are every fourth value from 0, 2, 1 and 3 on. Where others would turn b by
 * its twiddles before it goes on, here its own transform is shifted by half a bin; its parts are then shifted every other time. */
#include "dsp/smile.h"

#include <math.h>
#include <stdlib.h>

enum { LEVELS = 7, LEAST = 64, MOST = 8192 };

/* What quarters of m points are multiplied with, [m] each: real and imaginary parts. */
struct twiddles {
	size_t m;
	float *plain[4];   /* of c and d */
	float *shifted[8]; /* of both terms of a and b, and of both of c and d */
};

struct ser_smile_fft {
	size_t n;
	float diagonal; /* cos 45 degrees, by the same angles */
	struct twiddles level[LEVELS];
	float *real[2]; /* [n / 4]: what parts the halves' transform into that of the whole */
	unsigned short *reversed;
};

struct turn {
	float re1, im1, re3, im3; /* exp(i w) and exp(-3 i w) */
};

/* The angle of j parts of the circle's n. */
static struct turn turn(size_t n, size_t j)
{
	float step = (float)(atan(1) / (double)(n / 8)), w = step * (float)j, w3 = 3 * step * (float)j;
	return (struct turn){(float)cos(w), (float)sin(w), (float)cos(w3), (float)-sin(w3)};
}

/* Position q < m / 2 of a part of 4 m points. In the first every other twiddle is the mean of its neighbours, stretched. */
static struct turn plain(const struct ser_smile_fft *p, size_t m, size_t q)
{
	const size_t n = p->n, every = n / (4 * m);
	if (m == 4) {
		struct turn t = turn(n, every * q);
		return (struct turn){t.re1, t.im1, t.im1, -t.re1};
	}
	if (8 * m < n || q % 2 == 0)
		return turn(n, every * q);
	const float d = p->diagonal, to1 = (float)(0.5 / turn(n, 2).re1), to3 = (float)(0.5 / turn(n, 6).re1);
	struct turn a = turn(n, every * (q - 1)),
		    b = 2 * q + 2 < m ? turn(n, every * (q + 1)) : (struct turn){d, d, -d, -d};
	return (struct turn){to1 * (a.re1 + b.re1), to1 * (a.im1 + b.im1), to3 * (a.re3 + b.re3),
			     to3 * (a.im3 + b.im3)};
}

static float *room(size_t m)
{
	return ser_calloc(m, sizeof(float));
}

static void set4(float *const y[4], size_t q, float a, float b, float c, float d)
{
	y[0][q] = a;
	y[1][q] = b;
	y[2][q] = c;
	y[3][q] = d;
}

static void level_new(const struct ser_smile_fft *p, struct twiddles *l, size_t m)
{
	const size_t half = m / 2;
	l->m = m;
	for (int i = 0; i < 4; i++)
		l->plain[i] = room(m);
	for (int i = 0; i < 8; i++)
		l->shifted[i] = room(m);
	l->plain[0][0] = l->plain[2][0] = 1;
	for (size_t q = 1; q < half; q++) { /* and its mirror image, whose sines are cosines */
		struct turn t = plain(p, m, q), a = turn(p->n, p->n / (8 * m) * q),
			    b = turn(p->n, p->n / (8 * m) * (m - q));
		if (m == 4)
			b = (struct turn){a.re3, -a.im3, -a.im1, -a.re1};
		set4(l->plain, q, t.re1, t.im1, t.re3, -t.im3);
		set4(l->plain, m - q, t.im1, t.re1, t.im3, -t.re3);
		set4(l->shifted, q, a.re1, a.im1, b.im1, b.re1);
		set4(l->shifted + 4, q, a.re3, -a.im3, b.im3, -b.re3);
		set4(l->shifted, m - q, b.re1, b.im1, a.im1, a.re1);
		set4(l->shifted + 4, m - q, b.re3, -b.im3, a.im3, -a.re3);
	}
	if (half > 0) {
		struct turn t = turn(p->n, p->n / 16);
		set4(l->shifted, half, t.re1, t.im1, t.im1, t.re1);
		set4(l->shifted + 4, half, t.im1, t.re1, -t.re1, -t.im1);
	}
}

struct ser_smile_fft *ser_smile_fft_new(size_t n)
{
	ser_assert(n >= LEAST && n <= MOST && (n & (n - 1)) == 0);
	struct ser_smile_fft *p = ser_calloc(1, sizeof *p);
	const size_t points = n / 2, half = n / 8;
	p->n = n;
	p->diagonal = turn(n, n / 8).re1;
	for (size_t m = points / 4, k = 0; m > 0; m /= 4)
		level_new(p, &p->level[k++], m);
	p->real[0] = room(n / 4);
	p->real[1] = room(n / 4);
	const float step = (float)(atan(1) / (double)half);
	for (size_t j = 1; j < n / 4; j++) {
		bool low = j <= half;
		float w = step * (float)(low ? j : n / 4 - j);
		float c = (float)(0.5 * cos(w)), s = (float)(0.5 * sin(w));
		s = j == half ? c : s;
		p->real[0][j] = (float)(0.5 - (low ? s : c));
		p->real[1][j] = low ? c : s;
	}
	p->reversed = ser_calloc(points, sizeof *p->reversed);
	for (size_t i = 1; i < points; i++)
		p->reversed[i] = (unsigned short)(p->reversed[i / 2] / 2 + (i % 2) * points / 2);
	return p;
}

void ser_smile_fft_free(struct ser_smile_fft *p)
{
	if (p == NULL)
		return;
	for (int k = 0; k < LEVELS; k++) {
		for (int i = 0; i < 4; i++)
			free(p->level[k].plain[i]);
		for (int i = 0; i < 8; i++)
			free(p->level[k].shifted[i]);
	}
	free(p->real[0]);
	free(p->real[1]);
	free(p->reversed);
	free(p);
}

/* y [4], real and imaginary, of what stands at q of re, im [4 m] and a quarter, a half and three quarters behind. */
struct four {
	float re[4], im[4];
};
static inline struct four sums(const float *re, const float *im, size_t q, size_t m)
{
	float x0r = re[q] + re[q + 2 * m], x0i = im[q] + im[q + 2 * m], x1r = re[q] - re[q + 2 * m],
	      x1i = im[q] - im[q + 2 * m], x2r = re[q + m] + re[q + 3 * m], x2i = im[q + m] + im[q + 3 * m],
	      x3r = re[q + m] - re[q + 3 * m], x3i = im[q + m] - im[q + 3 * m];
	return (struct four){{x0r + x2r, x0r - x2r, x1r - x3i, x1r + x3i},
			     {x0i + x2i, x0i - x2i, x1i + x3r, x1i - x3r}};
}
/* a +- i c and b +- i d. */
static inline struct four shifted_sums(const float *re, const float *im, size_t q, size_t m)
{
	return (struct four){
		{re[q] - im[q + 2 * m], re[q + m] - im[q + 3 * m], re[q] + im[q + 2 * m], re[q + m] + im[q + 3 * m]},
		{im[q] + re[q + 2 * m], im[q + m] + re[q + 3 * m], im[q] - re[q + 2 * m], im[q + m] - re[q + 3 * m]}};
}

static inline void put(float *re, float *im, size_t at, float r, float i)
{
	re[at] = r;
	im[at] = i;
}

/* To the quarters of re, im [4 m]: sums; those of c and d turned, which half of the way to the next are by 45 and 135 degrees. */
static void part_plain(const struct twiddles *l, float diagonal, float *restrict re, float *restrict im)
{
	const size_t m = l->m, half = m / 2;
	const float *restrict cr = l->plain[0], *restrict ci = l->plain[1], *restrict dr = l->plain[2],
			      *restrict di = l->plain[3];
	const struct four h = sums(re, im, half, m);
	for (size_t q = 0; q < m; q++) {
		struct four y = sums(re, im, q, m);
		put(re, im, q, y.re[0], y.im[0]);
		put(re, im, q + m, y.re[1], y.im[1]);
		put(re, im, q + 2 * m, cr[q] * y.re[2] - ci[q] * y.im[2], cr[q] * y.im[2] + ci[q] * y.re[2]);
		put(re, im, q + 3 * m, dr[q] * y.re[3] - di[q] * y.im[3], dr[q] * y.im[3] + di[q] * y.re[3]);
	}
	if (m == 1)
		return;
	put(re, im, half + 2 * m, diagonal * (h.re[2] - h.im[2]), diagonal * (h.im[2] + h.re[2]));
	put(re, im, half + 3 * m, -diagonal * (h.re[3] + h.im[3]), -diagonal * (h.im[3] - h.re[3]));
}

/* The same where all are shifted by half a bin: every term is turned, the first by 0 and 45 degrees. */
static void part_shifted(const struct twiddles *l, float diagonal, float *restrict re, float *restrict im)
{
	const size_t m = l->m;
	const float *restrict ar = l->shifted[0], *restrict ai = l->shifted[1], *restrict br = l->shifted[2],
			      *restrict bi = l->shifted[3], *restrict cr = l->shifted[4], *restrict ci = l->shifted[5],
			      *restrict dr = l->shifted[6], *restrict di = l->shifted[7];
	const struct four f = shifted_sums(re, im, 0, m);
	for (size_t q = 1; q < m; q++) {
		struct four y = shifted_sums(re, im, q, m);
		float x0r = ar[q] * y.re[0] - ai[q] * y.im[0], x0i = ar[q] * y.im[0] + ai[q] * y.re[0],
		      x2r = br[q] * y.re[1] - bi[q] * y.im[1], x2i = br[q] * y.im[1] + bi[q] * y.re[1],
		      x1r = cr[q] * y.re[2] - ci[q] * y.im[2], x1i = cr[q] * y.im[2] + ci[q] * y.re[2],
		      x3r = dr[q] * y.re[3] - di[q] * y.im[3], x3i = dr[q] * y.im[3] + di[q] * y.re[3];
		put(re, im, q, x0r + x2r, x0i + x2i);
		put(re, im, q + m, x0r - x2r, x0i - x2i);
		put(re, im, q + 2 * m, x1r + x3r, x1i + x3i);
		put(re, im, q + 3 * m, x1r - x3r, x1i - x3i);
	}
	float x2r = diagonal * (f.re[1] - f.im[1]), x2i = diagonal * (f.im[1] + f.re[1]),
	      x3r = diagonal * (f.re[3] - f.im[3]), x3i = diagonal * (f.im[3] + f.re[3]);
	put(re, im, 0, f.re[0] + x2r, f.im[0] + x2i);
	put(re, im, m, f.re[0] - x2r, f.im[0] - x2i);
	put(re, im, 2 * m, f.re[2] - x3i, f.im[2] + x3r);
	put(re, im, 3 * m, f.re[2] + x3i, f.im[2] - x3r);
}

static void part(const struct ser_smile_fft *p, const struct twiddles *l, size_t n, bool shifted, float *re, float *im)
{
	if (n == 2) {
		float br = shifted ? -im[1] : re[1], bi = shifted ? re[1] : im[1];
		put(re, im, 1, re[0] - br, im[0] - bi);
		put(re, im, 0, re[0] + br, im[0] + bi);
		return;
	}
	const size_t m = n / 4;
	(shifted ? part_shifted : part_plain)(l, p->diagonal, re, im);
	for (size_t q = 0; m > 1 && q < 4; q++)
		part(p, l + 1, m, q == 1 || (q == 3 && shifted), re + q * m, im + q * m);
}

void ser_smile_fft_do(const struct ser_smile_fft *p, const float *x, float *z)
{
	const size_t points = p->n / 2;
	float re[MOST / 2], im[MOST / 2];
	for (size_t i = 0; i < points; i++) {
		re[i] = x[2 * i];
		im[i] = x[2 * i + 1];
	}
	part(p, p->level, points, false, re, im);
	for (size_t i = 0; i < points; i++) {
		z[2 * i] = re[p->reversed[i]];
		z[2 * i + 1] = im[p->reversed[i]];
	}
	for (size_t j = 1; j < points / 2; j++) {
		float *a = z + 2 * j, *b = z + 2 * (points - j), wr = p->real[0][j], wi = p->real[1][j];
		float xr = a[0] - b[0], xi = a[1] + b[1], yr = wr * xr - wi * xi, yi = wr * xi + wi * xr;
		a[0] -= yr;
		a[1] -= yi;
		b[0] += yr;
		b[1] -= yi;
	}
	float sum = z[0] + z[1], difference = z[0] - z[1];
	z[0] = sum;
	z[p->n] = difference;
	z[1] = z[p->n + 1] = 0;
}
