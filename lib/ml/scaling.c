/* SPDX-License-Identifier: MIT */
/* Vector scaling: of log posteriors l the posteriors softmax(w l + b), w and b one number a class (Guo et al. 2017; on log posteriors it is
 * the diagonal Dirichlet calibration of Kull et al. 2019). The fit is Newton's method on a strictly convex sum:
 *   f = sum_i -log q_i[truth_i] + (|w - 1|^2 + |b|^2)/2,
 *   df/dw_c = sum_i (q_ic - y_ic) l_ic + w_c - 1,   df/db_c = sum_i (q_ic - y_ic) + b_c,
 *   second derivatives: sum_i s_cd times l_ic l_id, l_ic, or 1, s_cd = q_ic (delta_cd - q_id), and 1 on the diagonal. */
#include "ml/scaling.h"

#include "la/la.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STEP = 100 };

/* One that was rounded to 0 weighs no more than scores make of it, and not as much as all other records. */
static double log_post(double p)
{
	return log(fmax(p, DBL_EPSILON));
}

void ser_scale(const double *post, size_t k, const double *w, const double *b, double *out)
{
	double most = -HUGE_VAL, sum = 0;
	for (size_t c = 0; c < k; c++) {
		out[c] = w[c] * log_post(post[c]) + b[c];
		most = fmax(most, out[c]);
	}
	for (size_t c = 0; c < k; c++)
		sum += out[c] = exp(out[c] - most);
	for (size_t c = 0; c < k; c++)
		out[c] /= sum;
}

struct fit {
	const double *post; /* [n,k] */
	const int *truth;
	size_t n, k;
	double *at;    /* [2k] w, b */
	double *next;  /* [2k] */
	double *grad;  /* [2k], then the step */
	double *hess;  /* [2k,2k], lower half, then LAPACK's factor */
	double *q, *l; /* [k] */
};

static double value(const struct fit *f, const double *at)
{
	double sum = 0;
	for (size_t i = 0; i < f->n; i++) {
		ser_scale(f->post + i * f->k, f->k, at, at + f->k, f->q);
		sum -= log(fmax(f->q[f->truth[i]], DBL_MIN));
	}
	for (size_t c = 0; c < f->k; c++)
		sum += ((at[c] - 1) * (at[c] - 1) + at[f->k + c] * at[f->k + c]) / 2;
	return sum;
}

static void derivatives(struct fit *f)
{
	size_t k = f->k, m = 2 * k;
	memset(f->hess, 0, m * m * sizeof *f->hess);
	for (size_t c = 0; c < k; c++) {
		f->grad[c] = f->at[c] - 1;
		f->grad[k + c] = f->at[k + c];
		f->hess[c * m + c] = f->hess[(k + c) * m + k + c] = 1;
	}
	for (size_t i = 0; i < f->n; i++) {
		const double *p = f->post + i * k;
		ser_scale(p, k, f->at, f->at + k, f->q);
		for (size_t c = 0; c < k; c++)
			f->l[c] = log_post(p[c]);
		for (size_t c = 0; c < k; c++) {
			double r = f->q[c] - (c == (size_t)f->truth[i]);
			f->grad[c] += r * f->l[c];
			f->grad[k + c] += r;
			for (size_t d = 0; d < k; d++) {
				double s = f->q[c] * ((c == d) - f->q[d]);
				if (d <= c) {
					f->hess[c * m + d] += s * f->l[c] * f->l[d];
					f->hess[(k + c) * m + k + d] += s;
				}
				f->hess[(k + c) * m + d] += s * f->l[d];
			}
		}
	}
}

void ser_scaling_fit(const double *post, const int *truth, size_t n, size_t k, double *w, double *b)
{
	size_t m = 2 * k;
	struct ser_err e;
	double *mem = ser_calloc(ser_mul(m, m + 4), sizeof *mem);
	struct fit f = {.post = post, .truth = truth, .n = n, .k = k, .at = mem, .next = mem + m, .grad = mem + 2 * m};
	f.q = mem + 3 * m;
	f.l = f.q + k;
	f.hess = mem + 4 * m;
	for (size_t c = 0; c < k; c++)
		f.at[c] = 1;
	double now = value(&f, f.at);
	for (int step = 0; step < MAX_STEP; step++) {
		double slope = 0, share = 1, then = now;
		derivatives(&f);
		memcpy(f.next, f.grad, m * sizeof *f.next);
		if (ser_la_solve(m, f.hess, f.grad, &e) != 0) /* beyond what doubles tell from singular */
			break;
		for (size_t j = 0; j < m; j++)
			slope += f.next[j] * f.grad[j];
		if (!(slope > 1e-12 * (1 + now)))
			break;
		for (; share > 1e-10; share /= 2) { /* Armijo's rule */
			for (size_t j = 0; j < m; j++)
				f.next[j] = f.at[j] - share * f.grad[j];
			then = value(&f, f.next);
			if (then <= now - 1e-4 * share * slope)
				break;
		}
		if (!(then < now))
			break;
		memcpy(f.at, f.next, m * sizeof *f.at);
		now = then;
	}
	memcpy(w, f.at, k * sizeof *w);
	memcpy(b, f.at + k, k * sizeof *b);
	free(mem);
}
