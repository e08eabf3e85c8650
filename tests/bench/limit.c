/* SPDX-License-Identifier: MIT */
/* What one core's arithmetic allows: multiply-adds on registers alone, the best of a few short runs.
 * usage: limit; prints one line of JSON, billions of operations a second: f32 by the widest vectors there are, bf16 on AMX
 * tiles (0 without them). */
#include "la/la.h"

#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Sixteen chains of BYTES wide multiply-adds hide their latency. */
#define FMA_LOOP(NAME, BYTES, TARGET)                                                                                  \
	TARGET static float NAME(long n)                                                                               \
	{                                                                                                              \
		typedef float vec __attribute__((vector_size(BYTES)));                                                 \
		vec acc[16] = {{0}}, a = {0}, b = {0};                                                                 \
		for (int j = 0; j < 16; j++)                                                                           \
			acc[j] += (float)j;                                                                            \
		a += 0.5f;                                                                                             \
		b += 1;                                                                                                \
		for (long i = 0; i < n; i++) {                                                                         \
			_Pragma("GCC unroll 16") for (int j = 0; j < 16; j++) acc[j] = acc[j] * a + b;                 \
			__asm__ volatile("" : "+x"(a), "+x"(b));                                                       \
		}                                                                                                      \
		float sum = 0;                                                                                         \
		for (int j = 0; j < 16; j++)                                                                           \
			sum += acc[j][0];                                                                              \
		return sum;                                                                                            \
	}

#if defined(__x86_64__)
FMA_LOOP(fma512, 64, __attribute__((target("avx512f,fma"))))
FMA_LOOP(fma256, 32, __attribute__((target("avx2,fma"))))

__attribute__((target("amx-tile,amx-bf16"))) static float amx(long n)
{
	static const uint8_t conf[64] __attribute__((aligned(64))) = {
		[0] = 1,   [16] = 64, [18] = 64, [20] = 64, [22] = 64, [24] = 64, [26] = 64,
		[48] = 16, [49] = 16, [50] = 16, [51] = 16, [52] = 16, [53] = 16};
	_tile_loadconfig(conf);
	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
	_tile_zero(4);
	_tile_zero(5);
	for (long i = 0; i < n; i++) {
		_tile_dpbf16ps(0, 4, 5);
		_tile_dpbf16ps(1, 4, 5);
		_tile_dpbf16ps(2, 4, 5);
		_tile_dpbf16ps(3, 4, 5);
	}
	_tile_release();
	return 0;
}
#endif

static double rate(float (*fn)(long), double ops)
{
	enum { N = 200000, RUNS = 20 };
	double best = 0;
	volatile float sink = 0;
	for (int i = 0; fn != NULL && i < RUNS; i++) {
		double t = now();
		sink += fn(N);
		double r = ops * N / (now() - t) / 1e9;
		best = r > best ? r : best;
	}
	(void)sink;
	return best;
}

int main(void)
{
	float (*f32)(long) = NULL, (*bf16)(long) = NULL;
	double width = 0;
#if defined(__x86_64__)
	struct ser_la *la = ser_la_new(1);
	if (__builtin_cpu_supports("avx512f"))
		f32 = fma512, width = 16;
	else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		f32 = fma256, width = 8;
	if (ser_la_set_precision(la, SER_LA_BF16)) /* asks the kernel for the tiles */
		bf16 = amx;
	ser_la_free(la);
#endif
	printf("{\"f32\": %.0f, \"bf16\": %.0f}\n", rate(f32, 16 * width * 2), rate(bf16, 4 * 16 * 16 * 32 * 2));
	return 0;
}
