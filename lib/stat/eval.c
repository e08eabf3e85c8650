/* SPDX-License-Identifier: MIT */
#include "stat/eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t n_worker(const struct ser_boot_opt *o)
{
	return o->n_thread > 1 ? (size_t)o->n_thread : 1;
}

static size_t n_unit(const struct ser_eval_sets *s)
{
	return s->unit != NULL ? s->n_unit : s->n;
}

static uint32_t times(const struct ser_eval_sets *s, const uint32_t *count, size_t i)
{
	return count[s->unit != NULL ? s->unit[i] : i];
}

/* ---- classes ---- */

const char *ser_ec_name(enum ser_ec s)
{
	static const char *const name[SER_EC_N] = {
		"uar", "war", "macro_f1", "micro_f1", "weighted_f1", "macro_precision", "kappa", "mcc"};
	ser_assert(s < SER_EC_N);
	return name[s];
}

void ser_ec_take(const struct ser_class_score *s, double out[SER_EC_N])
{
	out[SER_EC_UAR] = s->uar;
	out[SER_EC_WAR] = s->war;
	out[SER_EC_MACRO_F1] = s->macro_f1;
	out[SER_EC_MICRO_F1] = s->micro_f1;
	out[SER_EC_WEIGHTED_F1] = s->weighted_f1;
	out[SER_EC_MACRO_PRECISION] = s->macro_precision;
	out[SER_EC_KAPPA] = s->kappa;
	out[SER_EC_MCC] = s->mcc;
}

struct classes {
	const struct ser_eval_sets *s;
	const int *truth, *pred[2];
	size_t k, n_stat;
	double *ws; /* per worker: conf [n_fold + 1,k,k], stat [n_stat] */
	size_t n_ws;
	struct ser_class_row *row; /* per worker [k] */
};

/* pooled [N], mean over folds [N], recall [k] of one system */
static void classes_of(const struct classes *c, const int *pred, const uint32_t *count, double *conf,
		       struct ser_class_row *row, double *out)
{
	const struct ser_eval_sets *s = c->s;
	size_t kk = c->k * c->k;
	double *all = conf + s->n_fold * kk, *mean = out + SER_EC_N, *recall = out + 2 * SER_EC_N, n_used = 0;
	struct ser_class_score score;
	memset(conf, 0, (s->n_fold + 1) * kk * sizeof *conf);
	for (size_t i = 0; i < s->n; i++)
		conf[s->fold[i] * kk + (size_t)c->truth[i] * c->k + (size_t)pred[i]] += times(s, count, i);
	for (size_t i = 0; i < SER_EC_N; i++)
		mean[i] = 0;
	for (size_t f = 0; f < s->n_fold; f++) {
		double one[SER_EC_N];
		for (size_t i = 0; i < kk; i++)
			all[i] += conf[f * kk + i];
		ser_score_classes(conf + f * kk, c->k, &score, NULL);
		if (!(score.n > 0))
			continue; /* no item of this fold was drawn */
		ser_ec_take(&score, one);
		for (size_t i = 0; i < SER_EC_N; i++)
			mean[i] += one[i];
		n_used++;
	}
	for (size_t i = 0; i < SER_EC_N; i++)
		mean[i] /= n_used;
	ser_score_classes(all, c->k, &score, row);
	ser_ec_take(&score, out);
	for (size_t i = 0; i < c->k; i++)
		recall[i] = row[i].support > 0 ? row[i].recall : NAN;
}

static void classes_draw(void *arg, const uint32_t *count, double *out, int worker)
{
	const struct classes *c = arg;
	double *conf = c->ws + (size_t)worker * c->n_ws, *other = conf + c->n_ws - c->n_stat;
	struct ser_class_row *row = c->row + (size_t)worker * c->k;
	classes_of(c, c->pred[0], count, conf, row, out);
	if (c->pred[1] == NULL)
		return;
	classes_of(c, c->pred[1], count, conf, row, other);
	for (size_t i = 0; i < c->n_stat; i++)
		out[i] -= other[i];
}

int ser_eval_classes(const struct ser_eval_sets *s, const int *truth, const int *pred, const int *pred2, size_t k,
		     const struct ser_boot_opt *o, struct ser_ci *pooled, struct ser_ci *mean, struct ser_ci *recall,
		     struct ser_err *e)
{
	struct classes c = {.s = s, .truth = truth, .pred = {pred, pred2}, .k = k, .n_stat = 2 * SER_EC_N + k};
	double *conf = ser_malloc(ser_mul(k, k), sizeof *conf); /* checks the labels */
	int rc = ser_confusion(truth, pred, NULL, s->n, k, conf, e);
	if (rc == SER_OK && pred2 != NULL)
		rc = ser_confusion(truth, pred2, NULL, s->n, k, conf, e);
	free(conf);
	if (rc != SER_OK)
		return rc;
	struct ser_ci *ci = ser_malloc(c.n_stat, sizeof *ci);
	c.n_ws = ser_add(ser_mul(s->n_fold + 1, ser_mul(k, k)), c.n_stat);
	c.ws = ser_malloc(ser_mul(n_worker(o), c.n_ws), sizeof *c.ws);
	c.row = ser_malloc(ser_mul(n_worker(o), k), sizeof *c.row);
	rc = ser_boot(o, n_unit(s), c.n_stat, classes_draw, &c, ci, NULL, e);
	if (rc == SER_OK) {
		memcpy(pooled, ci, SER_EC_N * sizeof *ci);
		memcpy(mean, ci + SER_EC_N, SER_EC_N * sizeof *ci);
		if (recall != NULL)
			memcpy(recall, ci + 2 * SER_EC_N, k * sizeof *ci);
	}
	free(ci);
	free(c.ws);
	free(c.row);
	return rc;
}

/* ---- numbers ---- */

const char *ser_er_name(enum ser_er s)
{
	static const char *const name[SER_ER_N] = {"ccc", "pearson", "spearman", "mse", "rmse", "mae"};
	ser_assert(s < SER_ER_N);
	return name[s];
}

void ser_er_take(const struct ser_regress_score *s, double out[SER_ER_N])
{
	out[SER_ER_CCC] = s->ccc;
	out[SER_ER_PEARSON] = s->pearson;
	out[SER_ER_SPEARMAN] = s->spearman;
	out[SER_ER_MSE] = s->mse;
	out[SER_ER_RMSE] = s->rmse;
	out[SER_ER_MAE] = s->mae;
}

/* Set n_fold is all items; sets below it are the folds. */
struct numbers {
	const struct ser_eval_sets *s;
	size_t *item, *at;         /* items of fold f: item[at[f]] to item[at[f + 1]] */
	double *x[3];              /* truth, pred, pred2 in that order */
	struct ser_regress **r[2]; /* [n_fold + 1] of each system */
	double *ws;                /* per worker [2n] */
	uint32_t *count;           /* per worker [n] */
	int n_system;
};

static void numbers_draw(void *arg, const uint32_t *count, double *out, int worker)
{
	const struct numbers *c = arg;
	const struct ser_eval_sets *s = c->s;
	uint32_t *own = c->count + (size_t)worker * s->n;
	double *ws = c->ws + (size_t)worker * 2 * s->n;
	for (size_t i = 0; i < s->n; i++)
		own[i] = times(s, count, c->item[i]);
	for (size_t i = 0; i < 2 * SER_ER_N; i++)
		out[i] = 0;
	for (int y = 0; y < c->n_system; y++) {
		double one[SER_ER_N], sum[SER_ER_N] = {0}, n_used = 0, sign = y == 0 ? 1 : -1;
		struct ser_regress_score score;
		for (size_t f = 0; f < s->n_fold; f++) {
			size_t drawn = 0;
			for (size_t i = c->at[f]; i < c->at[f + 1]; i++)
				drawn += own[i];
			if (drawn == 0)
				continue;
			ser_regress_do(c->r[y][f], own + c->at[f], ws, &score);
			ser_er_take(&score, one);
			for (size_t i = 0; i < SER_ER_N; i++)
				sum[i] += one[i];
			n_used++;
		}
		ser_regress_do(c->r[y][s->n_fold], own, ws, &score);
		ser_er_take(&score, one);
		for (size_t i = 0; i < SER_ER_N; i++) {
			out[i] += sign * one[i];
			out[SER_ER_N + i] += sign * sum[i] / n_used;
		}
	}
}

int ser_eval_regress(const struct ser_eval_sets *s, const double *truth, const double *pred, const double *pred2,
		     const struct ser_boot_opt *o, struct ser_ci *pooled, struct ser_ci *mean, struct ser_err *e)
{
	struct numbers c = {.s = s, .n_system = pred2 != NULL ? 2 : 1};
	const double *from[3] = {truth, pred, pred2};
	struct ser_ci ci[2 * SER_ER_N];
	int rc = SER_OK;
	c.item = ser_malloc(s->n, sizeof *c.item);
	c.at = ser_calloc(s->n_fold + 2, sizeof *c.at);
	for (size_t i = 0; i < s->n; i++)
		c.at[s->fold[i] + 2]++;
	for (size_t f = 2; f < s->n_fold + 2; f++)
		c.at[f] += c.at[f - 1];
	for (size_t i = 0; i < s->n; i++)
		c.item[c.at[s->fold[i] + 1]++] = i; /* now fold f begins at at[f] */
	for (int a = 0; a < c.n_system + 1; a++) {
		c.x[a] = ser_malloc(s->n, sizeof *c.x[a]);
		for (size_t i = 0; i < s->n; i++)
			c.x[a][i] = from[a][c.item[i]];
	}
	for (int y = 0; y < c.n_system && rc == SER_OK; y++) {
		c.r[y] = ser_calloc(s->n_fold + 1, sizeof *c.r[y]);
		for (size_t f = 0; f <= s->n_fold && rc == SER_OK; f++) {
			size_t lo = f < s->n_fold ? c.at[f] : 0, hi = f < s->n_fold ? c.at[f + 1] : s->n;
			if (lo == hi && f < s->n_fold)
				continue;
			c.r[y][f] = ser_regress_new(c.x[0] + lo, c.x[1 + y] + lo, hi - lo, e);
			if (c.r[y][f] == NULL)
				rc = SER_EDATA;
		}
	}
	if (rc == SER_OK) {
		c.ws = ser_malloc(ser_mul(n_worker(o), 2 * s->n), sizeof *c.ws);
		c.count = ser_malloc(ser_mul(n_worker(o), s->n), sizeof *c.count);
		rc = ser_boot(o, n_unit(s), 2 * SER_ER_N, numbers_draw, &c, ci, NULL, e);
	}
	if (rc == SER_OK) {
		memcpy(pooled, ci, SER_ER_N * sizeof *ci);
		memcpy(mean, ci + SER_ER_N, SER_ER_N * sizeof *ci);
	}
	for (int y = 0; y < 2; y++) {
		for (size_t f = 0; c.r[y] != NULL && f <= s->n_fold; f++)
			ser_regress_free(c.r[y][f]);
		free(c.r[y]);
	}
	for (int a = 0; a < 3; a++)
		free(c.x[a]);
	free(c.item);
	free(c.at);
	free(c.ws);
	free(c.count);
	return rc;
}

/* ---- several classes at once ---- */

const char *ser_em_name(enum ser_em s)
{
	static const char *const name[SER_EM_N] = {"hamming_loss", "ranking_loss", "coverage",     "macro_f1",
						   "micro_f1",     "weighted_f1",  "js_divergence"};
	ser_assert(s < SER_EM_N);
	return name[s];
}

enum { ITEM_HAMMING, ITEM_RANKING, ITEM_COVERAGE, ITEM_JS, N_ITEM };

struct labels {
	const struct ser_eval_sets *s;
	size_t k;
	const uint8_t *truth, *pred;
	double *item; /* [n,N_ITEM] */
	double *ws;   /* per worker: sums [n_fold + 1, n_sum] */
	size_t n_sum; /* items, their sums, then of each class true positives, truths, decisions */
};

/* p ln(p/m) + q ln(q/m), halved, m between them */
static double js_divergence(size_t k, const double *p, const double *q)
{
	double sp = 0, sq = 0, d = 0;
	for (size_t j = 0; j < k; j++) {
		sp += p[j];
		sq += q[j];
	}
	for (size_t j = 0; j < k; j++) {
		double a = p[j] / sp, b = q[j] / sq, m = (a + b) / 2;
		d += (a > 0 ? a * log(a / m) : 0) + (b > 0 ? b * log(b / m) : 0);
	}
	return d / 2;
}

static void label_item(size_t k, const uint8_t *truth, const uint8_t *pred, const double *score, const double *share,
		       double *out)
{
	double wrong = 0, n_true = 0, bad = 0, least = INFINITY, reach = 0;
	for (size_t j = 0; j < k; j++) {
		wrong += truth[j] != pred[j];
		n_true += truth[j];
		least = truth[j] && score[j] < least ? score[j] : least;
		for (size_t l = 0; l < k; l++)
			bad += truth[j] && !truth[l] && score[l] >= score[j];
	}
	for (size_t j = 0; j < k; j++)
		reach += n_true > 0 && score[j] >= least;
	double n_pair = n_true * ((double)k - n_true);
	out[ITEM_HAMMING] = wrong / (double)k;
	out[ITEM_RANKING] = n_pair > 0 ? bad / n_pair : 0;
	out[ITEM_COVERAGE] = reach;
	out[ITEM_JS] = js_divergence(k, share, score);
}

/* Scores from sums; f1 [k] or NULL */
static void label_scores(size_t k, const double *sum, double out[SER_EM_N], double *f1)
{
	double n = sum[0], macro = 0, weighted = 0, all[3] = {0};
	const double *c = sum + 1 + N_ITEM;
	for (size_t j = 0; j < k; j++, c += 3) {
		double f = c[1] + c[2] > 0 ? 2 * c[0] / (c[1] + c[2]) : 0;
		macro += f / (double)k;
		weighted += f * c[1];
		for (int i = 0; i < 3; i++)
			all[i] += c[i];
		if (f1 != NULL)
			f1[j] = f;
	}
	out[SER_EM_HAMMING] = sum[1 + ITEM_HAMMING] / n;
	out[SER_EM_RANKING] = sum[1 + ITEM_RANKING] / n;
	out[SER_EM_COVERAGE] = sum[1 + ITEM_COVERAGE] / n;
	out[SER_EM_MACRO_F1] = macro;
	out[SER_EM_MICRO_F1] = all[1] + all[2] > 0 ? 2 * all[0] / (all[1] + all[2]) : 0;
	out[SER_EM_WEIGHTED_F1] = all[1] > 0 ? weighted / all[1] : 0;
	out[SER_EM_JS] = sum[1 + ITEM_JS] / n;
}

/* pooled, mean over folds, F1 of each class */
static void labels_draw(void *arg, const uint32_t *count, double *out, int worker)
{
	const struct labels *c = arg;
	const struct ser_eval_sets *s = c->s;
	double *sum = c->ws + (size_t)worker * (s->n_fold + 1) * c->n_sum, *all = sum + s->n_fold * c->n_sum,
	       n_used = 0;
	memset(sum, 0, (s->n_fold + 1) * c->n_sum * sizeof *sum);
	for (size_t i = 0; i < s->n; i++) {
		double w = times(s, count, i), *to = sum + s->fold[i] * c->n_sum;
		*to++ += w;
		for (size_t a = 0; a < N_ITEM; a++)
			*to++ += w * c->item[i * N_ITEM + a];
		for (size_t j = i * c->k; w > 0 && j < (i + 1) * c->k; j++) {
			*to++ += w * (c->truth[j] && c->pred[j]);
			*to++ += w * c->truth[j];
			*to++ += w * c->pred[j];
		}
	}
	for (size_t i = 0; i < SER_EM_N; i++)
		out[SER_EM_N + i] = 0;
	for (size_t f = 0; f < s->n_fold; f++) {
		double one[SER_EM_N], *from = sum + f * c->n_sum;
		if (!(from[0] > 0))
			continue;
		for (size_t i = 0; i < c->n_sum; i++)
			all[i] += from[i];
		label_scores(c->k, from, one, NULL);
		for (size_t i = 0; i < SER_EM_N; i++)
			out[SER_EM_N + i] += one[i];
		n_used++;
	}
	for (size_t i = 0; i < SER_EM_N; i++)
		out[SER_EM_N + i] /= n_used;
	label_scores(c->k, all, out, out + 2 * SER_EM_N);
}

int ser_eval_labels(const struct ser_eval_sets *s, size_t k, const uint8_t *truth, const uint8_t *pred,
		    const double *score, const double *share, const struct ser_boot_opt *o, struct ser_ci *pooled,
		    struct ser_ci *mean, struct ser_ci *f1, struct ser_err *e)
{
	struct labels c = {.s = s, .k = k, .truth = truth, .pred = pred, .n_sum = 1 + N_ITEM + 3 * k};
	struct ser_ci *ci = ser_malloc(2 * SER_EM_N + k, sizeof *ci);
	c.item = ser_malloc(ser_mul(s->n, N_ITEM), sizeof *c.item);
	c.ws = ser_malloc(ser_mul(n_worker(o), ser_mul(s->n_fold + 1, c.n_sum)), sizeof *c.ws);
	for (size_t i = 0; i < s->n; i++)
		label_item(k, truth + i * k, pred + i * k, score + i * k, share + i * k, c.item + i * N_ITEM);
	int rc = ser_boot(o, n_unit(s), 2 * SER_EM_N + k, labels_draw, &c, ci, NULL, e);
	if (rc == SER_OK) {
		memcpy(pooled, ci, SER_EM_N * sizeof *ci);
		memcpy(mean, ci + SER_EM_N, SER_EM_N * sizeof *ci);
		memcpy(f1, ci + 2 * SER_EM_N, k * sizeof *ci);
	}
	free(ci);
	free(c.item);
	free(c.ws);
	return rc;
}

/* ---- verification ---- */

struct trials {
	const struct ser_verify *v;
	const struct ser_verify_opt *vo;
	size_t n;
	const size_t *a, *b;
	uint32_t *count; /* per worker [n] */
};

static void trials_draw(void *arg, const uint32_t *count, double *out, int worker)
{
	const struct trials *t = arg;
	uint32_t *own = t->count + (size_t)worker * t->n;
	struct ser_verify_score s;
	if (t->a != NULL)
		for (size_t i = 0; i < t->n; i++)
			own[i] = t->a[i] == t->b[i] ? count[t->a[i]] : count[t->a[i]] * count[t->b[i]];
	ser_verify_do(t->v, t->vo, t->a != NULL ? own : count, &s);
	out[0] = s.eer;
	out[1] = s.min_dcf;
}

int ser_eval_verify(const struct ser_verify *v, size_t n, const size_t *a, const size_t *b, size_t n_spk,
		    const struct ser_verify_opt *vo, const struct ser_boot_opt *o, struct ser_ci *eer,
		    struct ser_ci *min_dcf, struct ser_err *e)
{
	struct trials t = {v, vo, n, a, b, a != NULL ? ser_malloc(ser_mul(n_worker(o), n), sizeof(uint32_t)) : NULL};
	struct ser_ci ci[2];
	int rc = ser_boot(o, a != NULL ? n_spk : n, 2, trials_draw, &t, ci, NULL, e);
	if (rc == SER_OK) {
		*eer = ci[0];
		*min_dcf = ci[1];
	}
	free(t.count);
	return rc;
}

/* ---- a mean over groups ---- */

struct groups {
	const double *value;
	size_t n;
};

static void groups_draw(void *arg, const uint32_t *count, double *out, int worker)
{
	const struct groups *g = arg;
	double n = 0, sum = 0;
	(void)worker;
	for (size_t i = 0; i < g->n; i++)
		if (!isnan(g->value[i])) {
			n += count[i];
			sum += count[i] * g->value[i];
		}
	*out = n > 0 ? sum / n : NAN;
}

int ser_eval_mean(const double *value, size_t n_group, const struct ser_boot_opt *o, struct ser_ci *mean,
		  struct ser_err *e)
{
	struct groups g = {value, n_group};
	return ser_boot(o, n_group, 1, groups_draw, &g, mean, NULL, e);
}
