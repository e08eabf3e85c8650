/* SPDX-License-Identifier: MIT */
#include "stat/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- classes ---- */

int ser_confusion(const int *truth, const int *pred, const double *weight, size_t n, size_t k, double *conf,
		  struct ser_err *e)
{
	memset(conf, 0, ser_mul(ser_mul(k, k), sizeof *conf));
	for (size_t i = 0; i < n; i++) {
		double w = weight != NULL ? weight[i] : 1;
		if (truth[i] < 0 || (size_t)truth[i] >= k || pred[i] < 0 || (size_t)pred[i] >= k)
			return ser_fail(e, SER_EDATA, "item %zu is of class %d and predicted as %d, expected [0,%zu)",
					i, truth[i], pred[i], k);
		if (!(w >= 0) || !isfinite(w))
			return ser_fail(e, SER_EDATA, "item %zu has weight %g, expected a finite number >= 0", i, w);
		conf[(size_t)truth[i] * k + (size_t)pred[i]] += w;
	}
	return SER_OK;
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

void ser_score_classes(const double *conf, size_t k, struct ser_class_score *s, struct ser_class_row *row)
{
	double n = 0, hit = 0, recall = 0, f1 = 0, weighted = 0, precision = 0, chance = 0, tt = 0, pp = 0;
	size_t n_true = 0, n_seen = 0;
	for (size_t c = 0; c < k; c++) {
		double t = 0, p = 0, tp = conf[c * k + c];
		for (size_t j = 0; j < k; j++) {
			t += conf[c * k + j];
			p += conf[j * k + c];
		}
		struct ser_class_row r = {ratio(tp, p), ratio(tp, t), ratio(2 * tp, t + p), t};
		if (row != NULL)
			row[c] = r;
		n += t;
		hit += tp;
		recall += r.recall;
		precision += r.precision;
		f1 += r.f1;
		weighted += r.f1 * t;
		chance += t * p;
		tt += t * t;
		pp += p * p;
		n_true += t > 0;
		n_seen += t > 0 || p > 0;
	}
	*s = (struct ser_class_score){.k = k, .n_absent = k - n_true, .n = n};
	if (!(n > 0)) {
		s->uar = s->war = s->macro_f1 = s->micro_f1 = s->weighted_f1 = s->macro_precision = s->kappa = s->mcc =
			NAN;
		return;
	}
	s->uar = recall / (double)n_true;
	s->war = s->micro_f1 = hit / n; /* each item has one label: the three micro-averages are the accuracy */
	s->macro_f1 = f1 / (double)n_seen;
	s->macro_precision = precision / (double)n_seen;
	s->weighted_f1 = weighted / n;
	/* kappa = (po - pe)/(1 - pe), times n^2; for whole counts both sides are exact */
	double one = n * n - chance;
	s->kappa = one != 0 ? (hit * n - chance) / one : NAN;
	double d = (n * n - pp) * (n * n - tt);
	s->mcc = d > 0 ? (hit * n - chance) / sqrt(d) : 0;
}

double ser_calibration(const double *sure, const bool *right, const uint32_t *count, size_t n, size_t n_bin,
		       double *mean, double *share, double *in_bin)
{
	double ece = 0, all = 0;
	memset(mean, 0, n_bin * sizeof *mean);
	memset(share, 0, n_bin * sizeof *share);
	memset(in_bin, 0, n_bin * sizeof *in_bin);
	for (size_t i = 0; i < n; i++) {
		double at = ceil(sure[i] * (double)n_bin) - 1, w = count != NULL ? count[i] : 1;
		size_t b = at <= 0 ? 0 : at >= (double)n_bin ? n_bin - 1 : (size_t)at;
		mean[b] += w * sure[i];
		share[b] += w * right[i];
		in_bin[b] += w;
		all += w;
	}
	for (size_t b = 0; b < n_bin; b++)
		if (in_bin[b] > 0) {
			mean[b] /= in_bin[b];
			share[b] /= in_bin[b];
			ece += in_bin[b] / all * fabs(share[b] - mean[b]);
		}
	return all > 0 ? ece : NAN;
}

double ser_mcnemar(size_t b, size_t c)
{
	size_t n = b + c, least = b < c ? b : c;
	if (n == 0 || b == c)
		return 1;
	double p = 0, log_half = (double)n * log(0.5), top = lgamma((double)n + 1);
	for (size_t i = 0; i <= least; i++)
		p += exp(top - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) + log_half);
	return p < 0.5 ? 2 * p : 1;
}

/* ---- numbers ---- */

struct ser_regress {
	const double *x[2]; /* truth, prediction */
	size_t *order[2];   /* by rising value */
	size_t n;
};

struct keyed {
	double v;
	size_t i;
};

static int by_value(const void *a, const void *b)
{
	const struct keyed *p = a, *q = b;
	return p->v < q->v ? -1 : p->v > q->v ? 1 : p->i < q->i ? -1 : p->i > q->i;
}

static size_t *order_new(const double *x, size_t n)
{
	struct keyed *k = ser_malloc(n, sizeof *k);
	size_t *o = ser_malloc(n, sizeof *o);
	for (size_t i = 0; i < n; i++)
		k[i] = (struct keyed){x[i], i};
	qsort(k, n, sizeof *k, by_value);
	for (size_t i = 0; i < n; i++)
		o[i] = k[i].i;
	free(k);
	return o;
}

struct ser_regress *ser_regress_new(const double *truth, const double *pred, size_t n, struct ser_err *e)
{
	if (n == 0) {
		ser_fail(e, SER_EDATA, "there are no items to score");
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (!isfinite(truth[i]) || !isfinite(pred[i])) {
			ser_fail(e, SER_EDATA, "item %zu has truth %g and prediction %g, expected finite numbers", i,
				 truth[i], pred[i]);
			return NULL;
		}
	struct ser_regress *r = ser_calloc(1, sizeof *r);
	*r = (struct ser_regress){{truth, pred}, {order_new(truth, n), order_new(pred, n)}, n};
	return r;
}

static uint32_t times(const uint32_t *count, size_t i)
{
	return count != NULL ? count[i] : 1;
}

/* Mid-ranks of a draw: m items that tie after `before` smaller ones all get before + (m + 1)/2. */
static void ranks(const double *x, const size_t *order, const uint32_t *count, size_t n, double *rank)
{
	double before = 0;
	for (size_t i = 0, j; i < n; i = j) {
		double m = 0;
		for (j = i; j < n && x[order[j]] == x[order[i]]; j++)
			m += times(count, order[j]);
		for (; i < j; i++)
			rank[order[i]] = before + (m + 1) / 2;
		before += m;
	}
}

struct moments {
	double n, mx, my, vx, vy, cov; /* biased */
};

static struct moments moments(const double *x, const double *y, const uint32_t *count, size_t n)
{
	struct moments m = {0};
	for (size_t i = 0; i < n; i++) {
		double w = times(count, i);
		m.n += w;
		m.mx += w * x[i];
		m.my += w * y[i];
	}
	m.mx /= m.n;
	m.my /= m.n;
	for (size_t i = 0; i < n; i++) {
		double w = times(count, i), a = x[i] - m.mx, b = y[i] - m.my;
		m.vx += w * a * a;
		m.vy += w * b * b;
		m.cov += w * a * b;
	}
	m.vx /= m.n;
	m.vy /= m.n;
	m.cov /= m.n;
	return m;
}

static double correlation(struct moments m)
{
	return m.vx > 0 && m.vy > 0 ? m.cov / sqrt(m.vx) / sqrt(m.vy) : NAN;
}

void ser_regress_do(const struct ser_regress *r, const uint32_t *count, double *ws, struct ser_regress_score *s)
{
	const double *t = r->x[0], *p = r->x[1];
	struct moments m = moments(t, p, count, r->n);
	double sq = 0, ab = 0;
	for (size_t i = 0; i < r->n; i++) {
		double d = p[i] - t[i];
		sq += times(count, i) * d * d;
		ab += times(count, i) * fabs(d);
	}
	double shift = m.mx - m.my, both = m.vx + m.vy + shift * shift;
	*s = (struct ser_regress_score){
		.n = (size_t)m.n,
		.ccc = both > 0 ? 2 * m.cov / both : NAN,
		.pearson = correlation(m),
		.mse = sq / m.n,
		.rmse = sqrt(sq / m.n),
		.mae = ab / m.n,
	};
	for (int a = 0; a < 2; a++)
		ranks(r->x[a], r->order[a], count, r->n, ws + (size_t)a * r->n);
	s->spearman = correlation(moments(ws, ws + r->n, count, r->n));
}

void ser_regress_free(struct ser_regress *r)
{
	if (r == NULL)
		return;
	free(r->order[0]);
	free(r->order[1]);
	free(r);
}

/* ---- verification ---- */

const struct ser_verify_opt ser_verify_default = {.p_target = 0.05, .c_miss = 1, .c_fa = 1};

struct ser_verify {
	size_t n;
	double *score; /* rising */
	size_t *item;  /* the trial of each */
	bool *target;
};

struct ser_verify *ser_verify_new(const double *score, const bool *target, size_t n, struct ser_err *e)
{
	if (n == 0) {
		ser_fail(e, SER_EDATA, "there are no trials to score");
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (!isfinite(score[i])) {
			ser_fail(e, SER_EDATA, "trial %zu has score %g, expected a finite number", i, score[i]);
			return NULL;
		}
	struct ser_verify *v = ser_calloc(1, sizeof *v);
	v->n = n;
	v->item = order_new(score, n);
	v->score = ser_malloc(n, sizeof *v->score);
	v->target = ser_malloc(n, sizeof *v->target);
	for (size_t i = 0; i < n; i++) {
		v->score[i] = score[v->item[i]];
		v->target[i] = target[v->item[i]];
	}
	return v;
}

/* The threshold falls from "accept none"; at each distinct score the miss rate falls and the false acceptances rise.
 * Between two thresholds both are taken as linear, as on the straight piece of an ROC curve; they cross where
 * fa0 + u (fa1 - fa0) = miss0 + u (miss1 - miss0). */
void ser_verify_do(const struct ser_verify *v, const struct ser_verify_opt *o, const uint32_t *count,
		   struct ser_verify_score *s)
{
	double nt = 0, nn = 0;
	for (size_t i = 0; i < v->n; i++)
		*(v->target[i] ? &nt : &nn) += times(count, v->item[i]);
	*s = (struct ser_verify_score){
		.n_target = nt, .n_nontarget = nn, .eer = NAN, .min_dcf = NAN, .thr_eer = NAN, .thr_dcf = INFINITY};
	if (!(nt > 0) || !(nn > 0))
		return;
	double miss = o->c_miss * o->p_target, accept = o->c_fa * (1 - o->p_target);
	double t = 0, f = 0, fa0 = 0, miss0 = 1, thr0 = INFINITY, best = miss;
	for (size_t i = v->n, j; i > 0; i = j) {
		for (j = i; j > 0 && v->score[j - 1] == v->score[i - 1]; j--)
			*(v->target[j - 1] ? &t : &f) += times(count, v->item[j - 1]);
		double fa1 = f / nn, miss1 = (nt - t) / nt, thr1 = v->score[i - 1];
		if (isnan(s->eer) && fa1 >= miss1) {
			double gap = miss0 - fa0, u = gap / (gap + (fa1 - miss1));
			s->eer = fa0 + u * (fa1 - fa0);
			s->thr_eer = isfinite(thr0) ? thr0 + u * (thr1 - thr0) : thr1;
		}
		double cost = miss * miss1 + accept * fa1;
		if (cost < best) {
			best = cost;
			s->thr_dcf = thr1;
		}
		fa0 = fa1;
		miss0 = miss1;
		thr0 = thr1;
	}
	s->min_dcf = best / (miss < accept ? miss : accept);
}

size_t ser_verify_det(const struct ser_verify *v, double *fa, double *miss, double *thr)
{
	double nt = 0, nn = 0, t = 0, f = 0;
	for (size_t i = 0; i < v->n; i++)
		*(v->target[i] ? &nt : &nn) += 1;
	size_t n = 1;
	fa[0] = 0;
	miss[0] = 1;
	thr[0] = INFINITY;
	for (size_t i = v->n, j; i > 0; i = j, n++) {
		for (j = i; j > 0 && v->score[j - 1] == v->score[i - 1]; j--)
			*(v->target[j - 1] ? &t : &f) += 1;
		fa[n] = f / nn;
		miss[n] = (nt - t) / nt;
		thr[n] = v->score[i - 1];
	}
	return n;
}

void ser_verify_free(struct ser_verify *v)
{
	if (v == NULL)
		return;
	free(v->score);
	free(v->item);
	free(v->target);
	free(v);
}

static int falling(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x > y ? -1 : x < y;
}

void ser_cohort_do(double *score, size_t n, size_t top, double *mean, double *sd)
{
	double sum = 0, sq = 0;
	size_t m = top < n ? top : n;
	ser_assert(m > 0);
	qsort(score, n, sizeof *score, falling);
	for (size_t i = 0; i < m; i++)
		sum += score[i];
	*mean = sum / (double)m;
	for (size_t i = 0; i < m; i++)
		sq += (score[i] - *mean) * (score[i] - *mean);
	*sd = fmax(sqrt(sq / (double)m), 1e-12);
}
