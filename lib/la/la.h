/* SPDX-License-Identifier: MIT */
/* la: matrix products, vector functions and LAPACK. The only place that knows BLAS, instruction sets and threads
 * inside one computation.
 *
 * `real` is float; double when the library is built with -DSER_REAL_DOUBLE (make FLAVOUR=double), which is how
 * gradients are checked. Matrices are row-major: element (i,j) of a [m,n] matrix with leading dimension ld is
 * a[i*ld + j]. Sizes of 0 are allowed and do nothing (a product over k = 0 writes beta*C).
 *
 * Every result is the same bytes for every number of threads: each element of a product is one chain of fused
 * multiply-adds over k in fixed order, and work is cut so that no sum depends on the cut. The AVX2 and AVX-512
 * kernels give equal bytes too; a machine without fused multiply-add rounds differently. */
#ifndef SER_LA_H
#define SER_LA_H

#include "base/base.h"

#ifdef SER_REAL_DOUBLE
typedef double real;
#define SER_REAL_NAME "double"
#else
typedef float real;
#define SER_REAL_NAME "float"
#endif

/* ---- context: threads and workspace ---------------------------------------------------------- */

/* Threads that wait for work, and their workspaces. One computation at a time may use a context; wherever one is
 * asked for, NULL is allowed and means this thread alone. */
struct ser_la;
struct ser_la *ser_la_new(int n_thread); /* n_thread >= 1; the caller is one of them */
void ser_la_free(struct ser_la *la);
int ser_la_threads(const struct ser_la *la);

/* How products of this context are formed. BF16: operands rounded to bfloat16 (nearest even), sums in float, where both
 * sides have at least 32 k and 16 columns; everything else stays float. On tiles (AMX) where the machine has them, else by dot
 * products of pairs (AVX512_BF16) where it has these, at about twice the speed of float; on arm64 by products of 2 x 4 and 4 x 2
 * (BFMMLA) where it has those; BF16_PLAIN is what it is elsewhere, at about half the speed of float. Sums are in a fixed order, so
 * the bytes are the same for every number of threads; tiles and PLAIN agree, numbers below 1.2e-38 aside; dot products and BFMMLA
 * add in other orders, dot products in other blocks, and BFMMLA rounds sums to odd, so processors that have these alone give other
 * last bits. False, and nothing changes, when real is double or la is NULL. */
enum ser_la_precision { SER_LA_FULL, SER_LA_BF16, SER_LA_BF16_PLAIN };
bool ser_la_set_precision(struct ser_la *la, enum ser_la_precision p);
bool ser_la_rounds(const struct ser_la *la);  /* it is one of BF16 */
extern const char *const ser_la_precisions[]; /* "f32", "bf16", NULL: names of the first two */

/* Call fn(ctx, i, worker) for i in [0,n), worker in [0,threads); contract of ser_parallel_for, but on threads that
 * are already there. Inside fn the context to use is ser_la_worker(la, worker). */
struct ser_la *ser_la_worker(struct ser_la *la, int worker);
void ser_la_for(struct ser_la *la, size_t n, void (*fn)(void *ctx, size_t i, int worker), void *ctx);

/* The same for ranges: [0,n) cut into ranges of `grain` (the last may be shorter), fn(ctx, begin, end, worker). */
void ser_la_range(struct ser_la *la, size_t n, size_t grain, void (*fn)(void *ctx, size_t i0, size_t i1, int worker),
		  void *ctx);

/* ---- products -------------------------------------------------------------------------------- */

/* C [m,n] = alpha * op(A) op(B) + beta * C;  op(A) is [m,k]: A itself [m,k], or, ta, the transpose of A [k,m];
 * op(B) is [k,n]: B, or, tb, the transpose of B [n,k]. beta 0 ignores what C holds, NaN included. C must not overlap
 * A or B. Rows of A may overlap one another (lda < k). */
void ser_la_gemm(struct ser_la *la, bool ta, bool tb, size_t m, size_t n, size_t k, real alpha, const real *a,
		 size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc);

/* C [m,n] = A op(B) + bias on every row; A [m,k] as it is, bias [n] or NULL. The layer's product in one pass. */
void ser_la_gemm_bias(struct ser_la *la, bool tb, size_t m, size_t n, size_t k, const real *a, size_t lda,
		      const real *b, size_t ldb, const real *bias, real *c, size_t ldc);

/* Rows taken from a matrix by index: how a convolution is a product without a copy of its input. Row r of the
 * gathered matrix [n_row, n_tap*n_ch] is, for tap j, row idx[j] of src [*, ld] (columns [0,n_ch)), or zeros where
 * idx[j] is negative. `rows` fills idx[(r-r0)*n_tap + j] for rows [r0, r0+n); it is called from several threads. */
struct ser_la_gather {
	const real *src;
	size_t ld, n_tap, n_ch;
	void (*rows)(const void *ctx, size_t r0, size_t n, int32_t *idx);
	const void *ctx;
};
/* C [m,n] = G op(B) + beta*C,  G [m, n_tap*n_ch] gathered;  op(B) [n_tap*n_ch, n]. With bias [n] (beta is then ignored) C =
 * G op(B) + bias on every row. */
void ser_la_gemm_gather(struct ser_la *la, bool tb, size_t m, size_t n, const struct ser_la_gather *g, const real *b,
			size_t ldb, const real *bias, real beta, real *c, size_t ldc);
/* C [m, n_tap*n_ch] = A' G + beta*C,  A [k,m] is transposed, G [k, n_tap*n_ch] gathered: a convolution's weight gradient. */
void ser_la_gemm_gather_t(struct ser_la *la, size_t m, size_t k, const real *a, size_t lda,
			  const struct ser_la_gather *g, real beta, real *c, size_t ldc);

/* op(B) [k,n] packed once for many products, in the context's precision; a copy, as large as B (half in bf16). A product
 * with it gives the bytes of the product with B. */
struct ser_la_packed;
struct ser_la_packed *ser_la_pack(struct ser_la *la, bool tb, size_t n, size_t k, const real *b, size_t ldb);
void ser_la_packed_free(struct ser_la_packed *p);
/* What is done to each element x of a product, in column j, while it is in the first-level cache: x scale[j] + shift[j],
 * product and sum rounded each, and max(x, 0), NaN staying, before or after that. scale and shift [n] or both NULL: ReLU alone. */
enum ser_la_relu { SER_LA_RELU_NONE, SER_LA_RELU_BEFORE, SER_LA_RELU_AFTER };
struct ser_la_after {
	enum ser_la_relu relu;
	const real *scale, *shift;
};
/* C [m,n] = A op(B) + bias, or G op(B) + bias; bias [n] or NULL; then `after`, or nothing where that is NULL */
void ser_la_gemm_packed(struct ser_la *la, size_t m, const real *a, size_t lda, const struct ser_la_packed *b,
			const real *bias, const struct ser_la_after *after, real *c, size_t ldc);
void ser_la_gemm_gather_packed(struct ser_la *la, size_t m, const struct ser_la_gather *g,
			       const struct ser_la_packed *b, const real *bias, const struct ser_la_after *after,
			       real *c, size_t ldc);

/* The same product in double, for statistics; one thread. */
void ser_la_dgemm(bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda,
		  const double *b, size_t ldb, double beta, double *c, size_t ldc);

void ser_la_axpy(size_t n, real a, const real *x, real *y); /* y += a x */
double ser_la_dot(size_t n, const real *x, const real *y);  /* products and sum in double, in 8 fixed lanes */
double ser_la_sum(size_t n, const real *x);                 /* the same for the sum of x */

/* ---- vector functions -------------------------------------------------------------------------- */

/* y[i] = f(x[i]); y may be x. Own polynomials, equal bytes on every instruction set, errors of a few units in the last
 * place (float: below 3 ulp; double: libm's). exp: 0 below -87.3 in float, +inf above 88.7; NaN stays NaN. */
void ser_la_exp(size_t n, const real *x, real *y);
void ser_la_exp_minus(size_t n, real m, real *x); /* x = e^(x - m), x - m below 88: probabilities from scores */
void ser_la_tanh(size_t n, const real *x, real *y);
void ser_la_sigmoid(size_t n, const real *x, real *y);
void ser_la_erf(size_t n, const real *x, real *y); /* absolute error below 6e-7 in float */

/* Nearest bf16, even at ties, and back; NaN stays. */
void ser_la_to_bf16(size_t n, const real *x, uint16_t *y);
void ser_la_from_bf16(size_t n, const uint16_t *x, real *y);

/* ---- LAPACK, in double ------------------------------------------------------------------------ */

/* Eigenvalues w [n] of the symmetric a [n,n], largest first; row i of a becomes the unit eigenvector of w[i], its
 * largest component in magnitude positive. SER_EDATA when a holds a number that is not finite. */
int ser_la_eigh(size_t n, double *a, double *w, struct ser_err *e);
/* The same for a x = w b x, b [n,n] symmetric positive definite (destroyed); eigenvectors have x' b x = 1. */
int ser_la_eigh_general(size_t n, double *a, double *b, double *w, struct ser_err *e);

/* The x [n] of a x = b, a [n,n] symmetric positive definite, of which the lower half is read; a is destroyed, b becomes x. SER_EDATA when
 * it is not positive definite. */
int ser_la_solve(size_t n, double *a, double *b, struct ser_err *e);

/* ---- what runs here ---------------------------------------------------------------------------- */

/* One line into buf: the product kernel in use, its element type, and the LAPACK behind it. Returns buf. */
char *ser_la_describe(char *buf, size_t n);
/* Rate of multiply-adds that touch no memory on one core of this machine now, in floating-point operations a second (2 per
 * multiply-add), in its own processor time: what a product cannot pass. The best of fifty short runs. 0: not known for this
 * processor or precision. */
double ser_la_limit(enum ser_la_precision p);
/* Rate of the product kernel on this machine now, in the same unit, by a run of about a tenth of a second on la's threads, in la's
 * precision; of one thread in its own processor time. */
double ser_la_measure(struct ser_la *la);

#endif
