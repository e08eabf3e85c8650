/* SPDX-License-Identifier: MIT */
#include "la/la.h"

#define T real
#define GATHER
#include "la/gemm.inc"

#include <stdlib.h>
#include <time.h>

void ser_la_gemm(struct ser_la *la, bool ta, bool tb, size_t m, size_t n, size_t k, real alpha, const real *a,
		 size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc)
{
	struct job j = {.la = la, .m = m, .n = n, .k = k, .alpha = alpha, .beta = beta, .c = c, .ldc = ldc};
	j.a = (struct side){.base = a, .ps = ta ? 1 : lda, .ks = ta ? lda : 1};
	j.b = (struct side){.base = b, .ps = tb ? ldb : 1, .ks = tb ? 1 : ldb};
	product(&j);
}

void ser_la_gemm_bias(struct ser_la *la, bool tb, size_t m, size_t n, size_t k, const real *a, size_t lda,
		      const real *b, size_t ldb, const real *bias, real *c, size_t ldc)
{
	struct job j = {.la = la, .m = m, .n = n, .k = k, .alpha = 1, .bias = bias, .c = c, .ldc = ldc};
	j.a = (struct side){.base = a, .ps = lda, .ks = 1};
	j.b = (struct side){.base = b, .ps = tb ? ldb : 1, .ks = tb ? 1 : ldb};
	product(&j);
}

void ser_la_gemm_gather(struct ser_la *la, bool tb, size_t m, size_t n, const struct ser_la_gather *g, const real *b,
			size_t ldb, const real *bias, real beta, real *c, size_t ldc)
{
	struct job j = {
		.la = la, .m = m, .n = n, .k = g->n_tap * g->n_ch, .alpha = 1, .beta = beta, .c = c, .ldc = ldc};
	j.a.g = g;
	j.bias = bias;
	j.b = (struct side){.base = b, .ps = tb ? ldb : 1, .ks = tb ? 1 : ldb};
	product(&j);
}

void ser_la_gemm_gather_t(struct ser_la *la, size_t m, size_t k, const real *a, size_t lda,
			  const struct ser_la_gather *g, real beta, real *c, size_t ldc)
{
	struct job j = {
		.la = la, .m = m, .n = g->n_tap * g->n_ch, .k = k, .alpha = 1, .beta = beta, .c = c, .ldc = ldc};
	j.a = (struct side){.base = a, .ps = 1, .ks = lda};
	j.b.g = g;
	j.b.g_along_k = true;
	product(&j);
}

struct ser_la_packed {
	size_t n, k;
	enum ser_la_precision precision; /* that it is packed in */
	void *data;                      /* 64-byte aligned */
};

struct ser_la_packed *ser_la_pack(struct ser_la *la, bool tb, size_t n, size_t k, const real *b, size_t ldb)
{
	struct ser_la_packed *p = ser_malloc(1, sizeof *p);
	struct side s = {.base = b, .ps = tb ? ldb : 1, .ks = tb ? 1 : ldb};
	*p = (struct ser_la_packed){.n = n, .k = k, .precision = precision_of(la, n, k)};
	struct kern f = kern_for(p->precision);
	p->data = la_ws(NULL, ser_mul(round_up(n, f.nr), round_up(k, f.k_unit)) * f.size);
	pack_blocks(&f, p->data, f.nr, &s, NULL, 0, n, 0, k, 1, true);
	return p;
}

void ser_la_packed_free(struct ser_la_packed *p)
{
	if (p == NULL)
		return;
	la_ws_done(NULL, p->data);
	free(p);
}

static void with_packed(struct job *j, const struct ser_la_packed *b)
{
	ser_assert(b->precision == precision_of(j->la, b->n, b->k));
	j->n = b->n;
	j->k = b->k;
	j->packed = b->data;
	product(j);
}

void ser_la_gemm_packed(struct ser_la *la, size_t m, const real *a, size_t lda, const struct ser_la_packed *b,
			const real *bias, const struct ser_la_after *after, real *c, size_t ldc)
{
	struct job j = {.la = la, .m = m, .alpha = 1, .bias = bias, .after = after, .c = c, .ldc = ldc};
	j.a = (struct side){.base = a, .ps = lda, .ks = 1};
	with_packed(&j, b);
}

void ser_la_gemm_gather_packed(struct ser_la *la, size_t m, const struct ser_la_gather *g,
			       const struct ser_la_packed *b, const real *bias, const struct ser_la_after *after,
			       real *c, size_t ldc)
{
	struct job j = {.la = la, .m = m, .alpha = 1, .bias = bias, .after = after, .c = c, .ldc = ldc};
	ser_assert(g->n_tap * g->n_ch == b->k);
	j.a.g = g;
	with_packed(&j, b);
}

const char *const ser_la_precisions[] = {"f32", "bf16", NULL};

bool ser_la_set_precision(struct ser_la *la, enum ser_la_precision p)
{
#if !defined(HAVE_BF16)
	if (p != SER_LA_FULL)
		return false;
#endif
	if (la == NULL)
		return false;
	la->precision = p;
	for (int i = 0; la->sub != NULL && i < la->n_thread; i++)
		la->sub[i].precision = p;
	return true;
}

bool ser_la_rounds(const struct ser_la *la)
{
	return la != NULL && la->precision != SER_LA_FULL;
}

char *ser_la_describe(char *buf, size_t n)
{
	struct kern k = pick();
#if defined(HAVE_BF16)
	const char *bf16 = kern_for(SER_LA_BF16).name;
#else
	const char *bf16 = "none";
#endif
	snprintf(buf, n, "products: own kernels, %s (%zux%zu tiles of %s), bf16: %s; eigenvalues: LAPACK", k.name, k.mr,
		 k.nr, SER_REAL_NAME, bf16);
	return buf;
}

#include "la/limit.inc"

double ser_la_limit(enum ser_la_precision p)
{
	return limit(p);
}

double ser_la_measure(struct ser_la *la)
{
	enum { M = 1008, N = 1024, K = 1024 };
	real *x = ser_calloc(M * K + K * N + M * N, sizeof *x), *y = x + M * K, *c = y + K * N;
	for (size_t i = 0; i < M * K + K * N; i++)
		x[i] = (real)(i % 7) - 3;
	/* of one thread its own time: that of others on the machine does not count */
	clockid_t clock = ser_la_threads(la) == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
	double best = 0, spent = 0;
	for (int r = 0; r < 64 && spent < 0.1; r++) {
		struct timespec a, b;
		clock_gettime(clock, &a);
		ser_la_gemm(la, false, false, M, N, K, 1, x, K, y, N, 0, c, N);
		clock_gettime(clock, &b);
		double s = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
		spent += s;
		double rate = 2.0 * M * N * K / s;
		best = rate > best ? rate : best;
	}
	free(x);
	return best;
}
