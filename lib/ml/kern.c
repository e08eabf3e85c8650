/* SPDX-License-Identifier: MIT */
#include "ml/kern.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_X86 1
#define AVX2     __attribute__((target("avx2,fma")))
#define AVX512   __attribute__((target("avx512f,avx512dq,avx2,fma")))
#else
#define HAVE_X86 0
#endif
#define INLINE static inline __attribute__((always_inline))

enum { P = SER_KERN_P, C = SER_KERN_C };

enum ser_isa ser_isa_best(void)
{
#if HAVE_X86
	if (ser_cpu()->avx512)
		return SER_ISA_AVX512;
	if (ser_cpu()->avx2)
		return SER_ISA_AVX2;
#endif
	return SER_ISA_GENERIC;
}

void ser_kern_pack_points(const float *x, size_t n, size_t d, size_t stride, const double *mean, float *panel)
{
	if (n < P)
		memset(panel, 0, d * P * sizeof *panel);
	for (size_t t0 = 0; t0 < d; t0 += 16) /* a cache line of each row at a time */
		for (size_t p = 0; p < n; p++)
			for (size_t t = t0; t < t0 + 16 && t < d; t++)
				panel[t * P + p] =
					mean != NULL ? (float)(x[p * stride + t] - mean[t]) : x[p * stride + t];
}

void ser_kern_pack_centres(const float *c, size_t m, size_t d, float *group)
{
	for (size_t t = 0; t < d; t++)
		for (size_t j = 0; j < m; j++)
			group[t * C + j] = c[j * d + t];
}

/* ---- scores: a tile of accumulators stays in registers over all of d ---- */

#define EACH6(M)  M(0) M(1) M(2) M(3) M(4) M(5)
#define EACH12(M) EACH6(M) M(6) M(7) M(8) M(9) M(10) M(11)

static void score_generic(const float *panel, const float *group, size_t d, size_t m, const float *init, float *out)
{
	for (size_t j = 0; j < m; j++) {
		float acc[P];
		for (size_t p = 0; p < P; p++)
			acc[p] = init[j];
		for (size_t t = 0; t < d; t++)
			for (size_t p = 0; p < P; p++)
				acc[p] = fmaf(group[t * C + j], panel[t * P + p], acc[p]);
		memcpy(out + j * P, acc, sizeof acc);
	}
}

static void best_generic(const float *score, size_t m, int base, float *best, int *arg)
{
	for (size_t j = 0; j < m; j++)
		for (size_t p = 0; p < P; p++)
			if (score[j * P + p] > best[p]) {
				best[p] = score[j * P + p];
				arg[p] = base + (int)j;
			}
}

#if HAVE_X86
/* 32 points by m <= 12 centres: at most 24 accumulators of the 32 registers. */
#define DECL(j) __m512 u##j = _mm512_setzero_ps(), v##j = u##j;
#define INIT(j)                                                                                                        \
	if (m > j)                                                                                                     \
		u##j = v##j = _mm512_set1_ps(init[j]);
#define STEP(j)                                                                                                        \
	if (m > j) {                                                                                                   \
		__m512 c = _mm512_set1_ps(group[t * C + j]);                                                           \
		u##j = _mm512_fmadd_ps(c, x0, u##j);                                                                   \
		v##j = _mm512_fmadd_ps(c, x1, v##j);                                                                   \
	}
#define STORE(j)                                                                                                       \
	if (m > j) {                                                                                                   \
		_mm512_store_ps(out + j * P, u##j);                                                                    \
		_mm512_store_ps(out + j * P + 16, v##j);                                                               \
	}
AVX512 INLINE void tile_avx512(const float *panel, const float *group, size_t d, size_t m, const float *init,
			       float *out)
{
	EACH12(DECL)
	EACH12(INIT)
	for (size_t t = 0; t < d; t++) {
		__m512 x0 = _mm512_load_ps(panel + t * P), x1 = _mm512_load_ps(panel + t * P + 16);
		EACH12(STEP)
	}
	EACH12(STORE)
}
#undef DECL
#undef INIT
#undef STEP
#undef STORE

#define CASE(n)                                                                                                        \
	case n:                                                                                                        \
		tile_avx512(panel, group, d, n, init, out);                                                            \
		break;
AVX512 static void score_avx512(const float *panel, const float *group, size_t d, size_t m, const float *init,
				float *out)
{
	switch (m) {
		CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
	}
}
#undef CASE

AVX512 static void best_avx512(const float *score, size_t m, int base, float *best, int *arg)
{
	for (size_t p = 0; p < P; p += 16) {
		__m512 b = _mm512_load_ps(best + p);
		__m512i a = _mm512_load_si512(arg + p);
		for (size_t j = 0; j < m; j++) {
			__m512 s = _mm512_load_ps(score + j * P + p);
			__mmask16 k = _mm512_cmp_ps_mask(s, b, _CMP_GT_OQ);
			b = _mm512_mask_mov_ps(b, k, s);
			a = _mm512_mask_mov_epi32(a, k, _mm512_set1_epi32(base + (int)j));
		}
		_mm512_store_ps(best + p, b);
		_mm512_store_si512(arg + p, a);
	}
}

/* 16 points by m <= 6 centres: at most 12 accumulators of the 16 registers. */
#define DECL(j) __m256 u##j = _mm256_setzero_ps(), v##j = u##j;
#define INIT(j)                                                                                                        \
	if (m > j)                                                                                                     \
		u##j = v##j = _mm256_set1_ps(init[j]);
#define STEP(j)                                                                                                        \
	if (m > j) {                                                                                                   \
		__m256 c = _mm256_broadcast_ss(group + t * C + j);                                                     \
		u##j = _mm256_fmadd_ps(c, x0, u##j);                                                                   \
		v##j = _mm256_fmadd_ps(c, x1, v##j);                                                                   \
	}
#define STORE(j)                                                                                                       \
	if (m > j) {                                                                                                   \
		_mm256_store_ps(out + j * P, u##j);                                                                    \
		_mm256_store_ps(out + j * P + 8, v##j);                                                                \
	}
AVX2 INLINE void tile_avx2(const float *panel, const float *group, size_t d, size_t m, const float *init, float *out)
{
	EACH6(DECL)
	EACH6(INIT)
	for (size_t t = 0; t < d; t++) {
		__m256 x0 = _mm256_load_ps(panel + t * P), x1 = _mm256_load_ps(panel + t * P + 8);
		EACH6(STEP)
	}
	EACH6(STORE)
}
#undef DECL
#undef INIT
#undef STEP
#undef STORE

#define CASE(n)                                                                                                        \
	case n:                                                                                                        \
		tile_avx2(panel + p, group + j, d, n, init + j, out + j * P + p);                                      \
		break;
AVX2 static void score_avx2(const float *panel, const float *group, size_t d, size_t m, const float *init, float *out)
{
	for (size_t p = 0; p < P; p += 16)
		for (size_t j = 0; j < m; j += 6)
			switch (m - j < 6 ? m - j : 6) {
				CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
			}
}
#undef CASE

AVX2 static void best_avx2(const float *score, size_t m, int base, float *best, int *arg)
{
	for (size_t p = 0; p < P; p += 8) {
		__m256 b = _mm256_load_ps(best + p),
		       a = _mm256_castsi256_ps(_mm256_load_si256((const void *)(arg + p)));
		for (size_t j = 0; j < m; j++) {
			__m256 s = _mm256_load_ps(score + j * P + p), k = _mm256_cmp_ps(s, b, _CMP_GT_OQ);
			b = _mm256_blendv_ps(b, s, k);
			a = _mm256_blendv_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(base + (int)j)), k);
		}
		_mm256_store_ps(best + p, b);
		_mm256_store_si256((void *)(arg + p), _mm256_castps_si256(a));
	}
}
#endif

/* ---- doubles: element by element, or eight partial sums ---- */

typedef float f8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef double d8 __attribute__((vector_size(64), aligned(8), may_alias));

INLINE void add(double *sum, const float *x, size_t d, double sign)
{
	size_t t = 0;
	for (; t + 8 <= d; t += 8)
		*(d8 *)(sum + t) += sign * __builtin_convertvector(*(const f8 *)(x + t), d8);
	for (; t < d; t++)
		sum[t] += sign * x[t];
}

#define TOTAL(a) (((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7])))

INLINE double rowdist(const float *x, const double *c, size_t d)
{
	d8 s = {0};
	size_t t = 0;
	double rest = 0;
	for (; t + 8 <= d; t += 8) {
		d8 e = __builtin_convertvector(*(const f8 *)(x + t), d8);
		if (c != NULL)
			e -= *(const d8 *)(c + t);
		s += e * e;
	}
	for (; t < d; t++) {
		double e = c != NULL ? x[t] - c[t] : x[t];
		rest += e * e;
	}
	return TOTAL(s) + rest;
}

INLINE void sqdist(const double *a, const double *b, size_t m, size_t d, double *out)
{
	size_t j = 0;
	for (; j + 4 <= m; j += 4, b += 4 * d) {
		d8 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
		for (size_t t = 0; t < d; t += 8) {
			d8 x = *(const d8 *)(a + t), e0 = x - *(const d8 *)(b + t), e1 = x - *(const d8 *)(b + d + t),
			   e2 = x - *(const d8 *)(b + 2 * d + t), e3 = x - *(const d8 *)(b + 3 * d + t);
			s0 += e0 * e0;
			s1 += e1 * e1;
			s2 += e2 * e2;
			s3 += e3 * e3;
		}
		out[j] = TOTAL(s0);
		out[j + 1] = TOTAL(s1);
		out[j + 2] = TOTAL(s2);
		out[j + 3] = TOTAL(s3);
	}
	for (; j < m; j++, b += d) {
		d8 s = {0};
		for (size_t t = 0; t < d; t += 8) {
			d8 e = *(const d8 *)(a + t) - *(const d8 *)(b + t);
			s += e * e;
		}
		out[j] = TOTAL(s);
	}
}

INLINE void dot(const double *a, const double *b, size_t m, size_t d, double *out)
{
	size_t j = 0;
	for (; j + 4 <= m; j += 4, b += 4 * d) {
		d8 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
		for (size_t t = 0; t < d; t += 8) {
			d8 x = *(const d8 *)(a + t);
			s0 += x * *(const d8 *)(b + t);
			s1 += x * *(const d8 *)(b + d + t);
			s2 += x * *(const d8 *)(b + 2 * d + t);
			s3 += x * *(const d8 *)(b + 3 * d + t);
		}
		out[j] = TOTAL(s0);
		out[j + 1] = TOTAL(s1);
		out[j + 2] = TOTAL(s2);
		out[j + 3] = TOTAL(s3);
	}
	for (; j < m; j++, b += d) {
		d8 s = {0};
		for (size_t t = 0; t < d; t += 8)
			s += *(const d8 *)(a + t) * *(const d8 *)(b + t);
		out[j] = TOTAL(s);
	}
}

/* One body compiled for each instruction set. */
#define VARIANTS(name, target, args, call)                                                                             \
	target static void name args                                                                                   \
	{                                                                                                              \
		call;                                                                                                  \
	}
#define ADD_ARGS  (double *sum, const float *x, size_t d)
#define ROW_ARGS  (const float *x, const double *c, size_t d, double *out)
#define PAIR_ARGS (const double *a, const double *b, size_t m, size_t d, double *out)
VARIANTS(add_generic, , ADD_ARGS, add(sum, x, d, 1))
VARIANTS(sub_generic, , ADD_ARGS, add(sum, x, d, -1))
VARIANTS(rowdist_generic, , ROW_ARGS, *out = rowdist(x, c, d))
VARIANTS(sqdist_generic, , PAIR_ARGS, sqdist(a, b, m, d, out))
VARIANTS(dot_generic, , PAIR_ARGS, dot(a, b, m, d, out))
#if HAVE_X86
VARIANTS(add_avx2, AVX2, ADD_ARGS, add(sum, x, d, 1))
VARIANTS(sub_avx2, AVX2, ADD_ARGS, add(sum, x, d, -1))
VARIANTS(rowdist_avx2, AVX2, ROW_ARGS, *out = rowdist(x, c, d))
VARIANTS(sqdist_avx2, AVX2, PAIR_ARGS, sqdist(a, b, m, d, out))
VARIANTS(dot_avx2, AVX2, PAIR_ARGS, dot(a, b, m, d, out))
VARIANTS(add_avx512, AVX512, ADD_ARGS, add(sum, x, d, 1))
VARIANTS(sub_avx512, AVX512, ADD_ARGS, add(sum, x, d, -1))
VARIANTS(rowdist_avx512, AVX512, ROW_ARGS, *out = rowdist(x, c, d))
VARIANTS(sqdist_avx512, AVX512, PAIR_ARGS, sqdist(a, b, m, d, out))
VARIANTS(dot_avx512, AVX512, PAIR_ARGS, dot(a, b, m, d, out))
#endif

/* ---- dispatch ---- */

#if HAVE_X86
#define PICK(isa, name, ...)                                                                                           \
	switch (isa) {                                                                                                 \
	case SER_ISA_AVX512:                                                                                           \
		name##_avx512(__VA_ARGS__);                                                                            \
		return;                                                                                                \
	case SER_ISA_AVX2:                                                                                             \
		name##_avx2(__VA_ARGS__);                                                                              \
		return;                                                                                                \
	default:                                                                                                       \
		name##_generic(__VA_ARGS__);                                                                           \
	}
#else
#define PICK(isa, name, ...) ((void)(isa), name##_generic(__VA_ARGS__));
#endif

void ser_kern_score(enum ser_isa isa, const float *panel, const float *group, size_t d, size_t m, const float *init,
		    float *out)
{
	PICK(isa, score, panel, group, d, m, init, out)
}

void ser_kern_best(enum ser_isa isa, const float *score, size_t m, int base, float *best, int *arg)
{
	PICK(isa, best, score, m, base, best, arg)
}

void ser_kern_add(enum ser_isa isa, double *sum, const float *x, size_t d)
{
	PICK(isa, add, sum, x, d)
}

void ser_kern_sub(enum ser_isa isa, double *sum, const float *x, size_t d)
{
	PICK(isa, sub, sum, x, d)
}

static void row_pick(enum ser_isa isa, const float *x, const double *c, size_t d, double *out)
{
	PICK(isa, rowdist, x, c, d, out)
}

double ser_kern_rowdist(enum ser_isa isa, const float *x, const double *c, size_t d)
{
	double out = 0;
	row_pick(isa, x, c, d, &out);
	return out;
}

void ser_kern_sqdist(enum ser_isa isa, const double *a, const double *b, size_t m, size_t d, double *out)
{
	PICK(isa, sqdist, a, b, m, d, out)
}

void ser_kern_dot(enum ser_isa isa, const double *a, const double *b, size_t m, size_t d, double *out)
{
	PICK(isa, dot, a, b, m, d, out)
}
