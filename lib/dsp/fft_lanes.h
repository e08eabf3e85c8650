/* SPDX-License-Identifier: MIT */
/* The complex transform on W/2 signals side by side, one a lane of double precision: z[2 i] and z[2 i + 1] are the rows of the
 * real and imaginary parts of element i. Included by loops that widths.h includes, for their W, NAME and TARGET; leaves
 * D, a row, and MUL_TO defined. */

typedef double NAME(dvec) __attribute__((vector_size(4 * W), aligned(4 * W)));
#define D NAME(dvec)

#define MUL_TO(yr, yi, ar, ai, w)                                                                                      \
	do {                                                                                                           \
		D mr_ = (ar), mi_ = (ai);                                                                              \
		(yr) = mr_ * (w)[0] - mi_ * (w)[1];                                                                    \
		(yi) = mr_ * (w)[1] + mi_ * (w)[0];                                                                    \
	} while (0)

static TARGET void NAME(radix4)(D *z, size_t n, size_t len, const double *tw)
{
	size_t q = len / 4;
	for (size_t at = 0; at < n; at += len) {
		const double *w = tw;
		for (size_t j = 0; j < q; j++, w += 6) {
			D *a = z + 2 * (at + j), *b = a + 2 * q, *c = b + 2 * q, *d = c + 2 * q;
			D s0r = a[0] + c[0], s0i = a[1] + c[1], d0r = a[0] - c[0], d0i = a[1] - c[1];
			D s1r = b[0] + d[0], s1i = b[1] + d[1], d1r = b[0] - d[0], d1i = b[1] - d[1];
			a[0] = s0r + s1r;
			a[1] = s0i + s1i;
			if (q == 1) {
				b[0] = d0r + d1i, b[1] = d0i - d1r;
				c[0] = s0r - s1r, c[1] = s0i - s1i;
				d[0] = d0r - d1i, d[1] = d0i + d1r;
			} else {
				MUL_TO(b[0], b[1], d0r + d1i, d0i - d1r, w);
				MUL_TO(c[0], c[1], s0r - s1r, s0i - s1i, w + 2);
				MUL_TO(d[0], d[1], d0r - d1i, d0i + d1r, w + 4);
			}
		}
	}
}

static TARGET void NAME(radix2)(D *z, size_t n, size_t len, const double *tw)
{
	size_t q = len / 2;
	for (size_t at = 0; at < n; at += len)
		for (size_t j = 0; j < q; j++) {
			D *a = z + 2 * (at + j), *b = a + 2 * q, dr = a[0] - b[0], di = a[1] - b[1];
			a[0] = a[0] + b[0];
			a[1] = a[1] + b[1];
			MUL_TO(b[0], b[1], dr, di, tw + 2 * j);
		}
}

static TARGET void NAME(radix3)(D *z, size_t n, size_t len, const double *tw)
{
	const double h = 0.86602540378443864676; /* sin(2 pi / 3) */
	size_t q = len / 3;
	for (size_t at = 0; at < n; at += len) {
		const double *w = tw;
		for (size_t j = 0; j < q; j++, w += 4) {
			D *a = z + 2 * (at + j), *b = a + 2 * q, *c = b + 2 * q;
			D sr = b[0] + c[0], si = b[1] + c[1], dr = (b[0] - c[0]) * h, di = (b[1] - c[1]) * h;
			D er = a[0] - sr * 0.5, ei = a[1] - si * 0.5;
			a[0] = a[0] + sr;
			a[1] = a[1] + si;
			MUL_TO(b[0], b[1], er + di, ei - dr, w);
			MUL_TO(c[0], c[1], er - di, ei + dr, w + 2);
		}
	}
}

static TARGET void NAME(radix5)(D *z, size_t n, size_t len, const double *tw)
{
	/* cos and sin of 2 pi / 5 and 4 pi / 5 */
	const double c1 = 0.30901699437494742410, c2 = -0.80901699437494742410;
	const double s1 = 0.95105651629515357212, s2 = 0.58778525229247312917;
	size_t q = len / 5;
	for (size_t at = 0; at < n; at += len) {
		const double *w = tw;
		for (size_t j = 0; j < q; j++, w += 8) {
			D *a = z + 2 * (at + j), *b = a + 2 * q, *c = b + 2 * q, *d = c + 2 * q, *e = d + 2 * q;
			D pr = b[0] + e[0], pi = b[1] + e[1], mr = b[0] - e[0], mi = b[1] - e[1];
			D qr = c[0] + d[0], qi = c[1] + d[1], nr = c[0] - d[0], ni = c[1] - d[1];
			D e1r = a[0] + pr * c1 + qr * c2, e1i = a[1] + pi * c1 + qi * c2;
			D e2r = a[0] + pr * c2 + qr * c1, e2i = a[1] + pi * c2 + qi * c1;
			D o1r = mr * s1 + nr * s2, o1i = mi * s1 + ni * s2;
			D o2r = mr * s2 - nr * s1, o2i = mi * s2 - ni * s1;
			a[0] = a[0] + pr + qr;
			a[1] = a[1] + pi + qi;
			MUL_TO(b[0], b[1], e1r + o1i, e1i - o1r, w);
			MUL_TO(c[0], c[1], e2r + o2i, e2i - o2r, w + 2);
			MUL_TO(d[0], d[1], e2r - o2i, e2i + o2r, w + 4);
			MUL_TO(e[0], e[1], e1r - o1i, e1i + o1r, w + 6);
		}
	}
}

static TARGET void NAME(radix_any)(D *z, size_t n, size_t r, size_t len, const double *tw, const double *root, D *b)
{
	size_t q = len / r;
	for (size_t at = 0; at < n; at += len) {
		const double *w = tw;
		for (size_t j = 0; j < q; j++) {
			D *a = z + 2 * (at + j);
			for (size_t p = 0; p < r; p++) {
				D sr = a[0], si = a[1];
				for (size_t m = 1, k = p; m < r; m++, k = (k + p) % r) {
					const D *x = a + 2 * m * q;
					sr += x[0] * root[2 * k] - x[1] * root[2 * k + 1];
					si += x[0] * root[2 * k + 1] + x[1] * root[2 * k];
				}
				b[2 * p] = sr;
				b[2 * p + 1] = si;
			}
			a[0] = b[0];
			a[1] = b[1];
			for (size_t p = 1; p < r; p++, w += 2) {
				D *x = a + 2 * p * q;
				MUL_TO(x[0], x[1], b[2 * p], b[2 * p + 1], w);
			}
		}
	}
}

/* Output k stands at t->pos[k]. scratch: 2 t->max_radix rows. */
static TARGET void NAME(stages)(const struct ser_fft_table *t, D *z, D *scratch)
{
	for (int s = 0; s < t->n_stage; s++) {
		const double *tw = t->tw + t->tw_at[s];
		size_t len = t->len[s];
		switch (t->radix[s]) {
		case 4:
			NAME(radix4)(z, t->n, len, tw);
			break;
		case 2:
			NAME(radix2)(z, t->n, len, tw);
			break;
		case 3:
			NAME(radix3)(z, t->n, len, tw);
			break;
		case 5:
			NAME(radix5)(z, t->n, len, tw);
			break;
		default:
			NAME(radix_any)(z, t->n, t->radix[s], len, tw, t->tw + t->root_at[s], scratch);
			break;
		}
	}
}
