/* SPDX-License-Identifier: MIT */
#include "stat/eval.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 10 };

const char *ser_ep_name(enum ser_ep s)
{
	static const char *const name[SER_EP_N] = {"nll", "brier", "ece", "aurc"};
	ser_assert(s < SER_EP_N);
	return name[s];
}

/* What a posterior of nothing costs: the score's floor, scikit-learn's, and so the temperature's. */
static double log_post(double p)
{
	return log(fmax(p, DBL_EPSILON));
}

/* ---- temperature ---- */

void ser_temper(const double *post, size_t k, double temperature, double *out)
{
	double most = -HUGE_VAL, sum = 0;
	for (size_t c = 0; c < k; c++) {
		out[c] = log_post(post[c]) / temperature;
		most = fmax(most, out[c]);
	}
	for (size_t c = 0; c < k; c++)
		sum += out[c] = exp(out[c] - most);
	for (size_t c = 0; c < k; c++)
		out[c] /= sum;
}

/* Derivative by 1/T of the summed negative log posterior: sum over items of sum_c q_c log p_c - log p_truth, q = p tempered. It rises
 * with 1/T. */
static double slope(const double *post, const int *truth, size_t n, size_t k, double temperature, double *q)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		const double *p = post + i * k;
		ser_temper(p, k, temperature, q);
		for (size_t c = 0; c < k; c++)
			sum += (q[c] - (c == (size_t)truth[i])) * log_post(p[c]);
	}
	return sum;
}

double ser_temperature(const double *post, const int *truth, size_t n, size_t k)
{
	double lo = log(0.01), hi = log(100), *q = ser_malloc(k, sizeof *q);
	for (int i = 0; i < 60; i++) {
		double mid = (lo + hi) / 2;
		if (slope(post, truth, n, k, exp(mid), q) > 0) /* 1/T is too great */
			lo = mid;
		else
			hi = mid;
	}
	free(q);
	return exp((lo + hi) / 2);
}

/* ---- scores ---- */

struct posteriors {
	const struct ser_eval_sets *s;
	const int *truth;
	size_t k, n_kept;
	int *pred;     /* [n] */
	double *sure;  /* [n] posterior of pred */
	bool *right;   /* [n] */
	double *loss;  /* [n,2] negative log posterior, squared error */
	size_t *order; /* [n] the surest first */
	const struct ser_kept *kept;
	uint32_t *count; /* per worker [n] */
	double *conf;    /* per worker [k,k] */
};

/* The items as sure as order[from]: up to which place. */
static size_t tie(const struct posteriors *c, size_t from)
{
	size_t to = from + 1;
	while (to < c->s->n && c->sure[c->order[to]] == c->sure[c->order[from]])
		to++;
	return to;
}

/* out: scores [SER_EP_N], then UAR and WAR of each share kept */
static void draw(void *arg, const uint32_t *unit, double *out, int worker)
{
	const struct posteriors *c = arg;
	size_t n = c->s->n, k = c->k, step = c->n_kept;
	uint32_t *count = c->count + (size_t)worker * n;
	double *conf = c->conf + (size_t)worker * k * k, mean[BINS], share[BINS], in_bin[BINS];
	double seen = 0, wrong = 0, risk = 0, sum[2] = {0, 0};
	struct ser_class_score score;
	for (size_t i = 0; i < n; i++) {
		count[i] = unit[c->s->unit != NULL ? c->s->unit[i] : i];
		sum[0] += count[i] * c->loss[2 * i];
		sum[1] += count[i] * c->loss[2 * i + 1];
	}
	memset(conf, 0, k * k * sizeof *conf);
	for (size_t at = 0, to; at < n; at = to) {
		double w = 0, bad = 0;
		to = tie(c, at);
		for (size_t i = at; i < to; i++) {
			size_t item = c->order[i];
			conf[(size_t)c->truth[item] * k + (size_t)c->pred[item]] += count[item];
			w += count[item];
			bad += count[item] * !c->right[item];
		}
		for (double j = 1; j <= w; j++)
			risk += (wrong + bad * j / w) / (seen + j);
		seen += w;
		wrong += bad;
		for (; step > 0 && c->kept[step - 1].n <= to; step--) {
			double *y = out + SER_EP_N + 2 * (step - 1);
			ser_score_classes(conf, k, &score, NULL);
			y[0] = score.uar;
			y[1] = score.war;
		}
	}
	out[SER_EP_NLL] = sum[0] / seen;
	out[SER_EP_BRIER] = sum[1] / seen;
	out[SER_EP_ECE] = ser_calibration(c->sure, c->right, count, n, BINS, mean, share, in_bin);
	out[SER_EP_AURC] = risk / seen;
}

struct ranked {
	double sure;
	size_t item;
};

static int by_sure(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	return x->sure > y->sure ? -1 : x->sure < y->sure ? 1 : (x->item > y->item) - (x->item < y->item);
}

/* What does not hang on the draw. */
static void look(struct posteriors *c, const double *post, const double *share, struct ser_kept *kept)
{
	size_t n = c->s->n, k = c->k;
	struct ranked *r = ser_malloc(n, sizeof *r);
	for (size_t i = 0; i < n; i++) {
		const double *p = post + i * k;
		size_t best = 0;
		c->loss[2 * i + 1] = 0;
		for (size_t j = 0; j < k; j++) {
			double d = p[j] - (j == (size_t)c->truth[i]);
			c->loss[2 * i + 1] += d * d;
			best = p[j] > p[best] ? j : best;
		}
		c->loss[2 * i] = -log_post(p[c->truth[i]]);
		c->pred[i] = (int)best;
		c->sure[i] = fmin(p[best], 1);
		c->right[i] = c->pred[i] == c->truth[i];
		r[i] = (struct ranked){c->sure[i], i};
	}
	qsort(r, n, sizeof *r, by_sure);
	for (size_t i = 0; i < n; i++)
		c->order[i] = r[i].item;
	free(r);
	for (size_t i = 0; i < c->n_kept; i++) {
		size_t m = (size_t)ceil(share[i] * (double)n - 1e-9);
		ser_assert(m >= 1 && m <= n);
		kept[i].threshold = c->sure[c->order[m - 1]];
		for (kept[i].n = m; kept[i].n < n && c->sure[c->order[kept[i].n]] == kept[i].threshold;)
			kept[i].n++;
	}
}

int ser_eval_posteriors(const struct ser_eval_sets *s, const int *truth, const double *post, size_t k,
			const double *share, size_t n_kept, const struct ser_boot_opt *o, struct ser_ci *scores,
			struct ser_kept *kept, struct ser_err *e)
{
	size_t n_worker = o->n_thread > 1 ? (size_t)o->n_thread : 1, n_stat = SER_EP_N + 2 * n_kept;
	struct posteriors c = {
		.s = s,
		.truth = truth,
		.k = k,
		.n_kept = n_kept,
		.kept = kept,
		.pred = ser_malloc(s->n, sizeof *c.pred),
		.sure = ser_malloc(s->n, sizeof *c.sure),
		.right = ser_malloc(s->n, sizeof *c.right),
		.loss = ser_malloc(ser_mul(2, s->n), sizeof *c.loss),
		.order = ser_malloc(s->n, sizeof *c.order),
		.count = ser_malloc(ser_mul(n_worker, s->n), sizeof *c.count),
		.conf = ser_malloc(ser_mul(n_worker, ser_mul(k, k)), sizeof *c.conf),
	};
	struct ser_ci *ci = ser_malloc(n_stat, sizeof *ci);
	look(&c, post, share, kept);
	int rc = ser_boot(o, s->unit != NULL ? s->n_unit : s->n, n_stat, draw, &c, ci, NULL, e);
	if (rc == SER_OK)
		memcpy(scores, ci, SER_EP_N * sizeof *ci);
	for (size_t i = 0; i < n_kept && rc == SER_OK; i++) {
		kept[i].uar = ci[SER_EP_N + 2 * i];
		kept[i].war = ci[SER_EP_N + 2 * i + 1];
	}
	free(ci);
	free(c.pred);
	free(c.sure);
	free(c.right);
	free(c.loss);
	free(c.order);
	free(c.count);
	free(c.conf);
	return rc;
}
