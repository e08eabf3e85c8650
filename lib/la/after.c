/* SPDX-License-Identifier: MIT */
/* What follows a product, on one tile of its result. Not beside the kernels, where multiplications and additions are fused:
 * these are to give the bytes of the same steps over all of the result. */
#include "la/private.h"

static inline void rows(enum ser_la_relu relu, size_t m, size_t n, const real *restrict a, const real *restrict b,
			real *restrict c, size_t ldc)
{
	for (size_t i = 0; i < m; i++, c += ldc)
		for (size_t j = 0; j < n; j++) {
			real x = c[j];
			if (relu == SER_LA_RELU_BEFORE)
				x = x <= 0 ? 0 : x;
			if (a != NULL)
				x = x * a[j] + b[j];
			if (relu == SER_LA_RELU_AFTER)
				x = x <= 0 ? 0 : x;
			c[j] = x;
		}
}

/* Each case apart, so that the compiler sees one loop without branches. */
static inline void cases(const struct ser_la_after *f, size_t m, size_t n, real *c, size_t ldc)
{
	if (f->scale == NULL && f->relu != SER_LA_RELU_NONE)
		rows(SER_LA_RELU_AFTER, m, n, NULL, NULL, c, ldc);
	else if (f->relu == SER_LA_RELU_BEFORE)
		rows(SER_LA_RELU_BEFORE, m, n, f->scale, f->shift, c, ldc);
	else if (f->relu == SER_LA_RELU_AFTER)
		rows(SER_LA_RELU_AFTER, m, n, f->scale, f->shift, c, ldc);
	else if (f->scale != NULL)
		rows(SER_LA_RELU_NONE, m, n, f->scale, f->shift, c, ldc);
}

SER_CLONES void la_after(const struct ser_la_after *f, size_t m, size_t n, real *c, size_t ldc)
{
	enum { WIDE = 32 }; /* columns of a tile: their maps stay in registers */
	if (n == WIDE)
		cases(f, m, WIDE, c, ldc);
	else
		cases(f, m, n, c, ldc);
}
