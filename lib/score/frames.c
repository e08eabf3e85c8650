/* SPDX-License-Identifier: MIT */
/* Predictions of frames against tensors of the same records: numbers by columns, or classes. Of a record sums are kept, not its frames. */
#include "score/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a column: frames, and sums of truth, prediction, their squares and product */
enum { N, Y, P, YY, PP, YP, N_SUM };

/* A record's truth, predictions and what is known of the truth's frames */
struct track {
	const struct ser_tensor *y, *seen;
	const float *post;
	size_t n_y, n_post, k;
	double rows; /* of y a row of post */
	bool classes;
};

static int get_track(const struct ser_score_opt *o, const struct ser_header *h, struct ser_record *r, struct track *t,
		     struct ser_err *e)
{
	const struct ser_val *y = ser_record_get(r, o->label),
			     *seen = o->seen != NULL ? ser_record_get(r, o->seen) : NULL;
	size_t shape[SER_MAX_AXES];
	double step = ser_header_shift(h, "post"), own = ser_header_shift(h, o->label);
	if (y == NULL || y->kind != SER_TENSOR || y->u.t.ndim < 1 || y->u.t.ndim > 2)
		return ser_record_fail(r, e, SER_EDATA, "there is no tensor \"%s\" [T] or [T,D]", o->label);
	if (step == 0 || own == 0)
		return ser_record_fail(r, e, SER_EDATA, "the header gives no shift_s for \"%s\"",
				       own == 0 ? o->label : "post");
	if (ser_record_f4(r, "post", 2, &t->post, shape, e) != SER_OK)
		return e->code;
	t->y = &y->u.t;
	t->n_y = t->y->shape[0];
	t->classes = t->y->dtype >= SER_I2;
	t->n_post = shape[0];
	t->k = shape[1];
	t->rows = step / own;
	size_t width = t->y->ndim == 2 ? t->y->shape[1] : 1;
	if (width != (t->classes ? 1 : t->k))
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" has %zu columns, \"post\" %zu", o->label, width, t->k);
	if (o->seen == NULL)
		return SER_OK;
	if (seen == NULL || seen->kind != SER_TENSOR || seen->u.t.ndim != 1 || seen->u.t.shape[0] != t->n_y)
		return ser_record_fail(r, e, SER_EDATA, "there is no tensor \"%s\" of a number a frame of \"%s\"",
				       o->seen, o->label);
	t->seen = &seen->u.t;
	return SER_OK;
}

static bool known(const struct track *t, size_t i)
{
	return t->seen == NULL || ser_tensor_real(t->seen, i) >= 0;
}

static int add_class(const struct track *t, struct ser_record *r, size_t at, const float *p, double *sum,
		     struct ser_err *e)
{
	double y = ser_tensor_real(t->y, at);
	size_t best = 0;
	if (y < 0)
		return SER_OK;
	if (y >= (double)t->k)
		return ser_record_fail(r, e, SER_EDATA, "class %g of frame %zu is none of the %zu of \"post\"", y, at,
				       t->k);
	for (size_t k = 1; k < t->k; k++)
		best = p[k] > p[best] ? k : best;
	sum[(size_t)y * t->k + best]++;
	return SER_OK;
}

static void add_numbers(const struct track *t, size_t a, size_t c, double w, const float *p, double *sum)
{
	for (size_t k = 0; k < t->k; k++, sum += N_SUM) {
		double y = (1 - w) * ser_tensor_real(t->y, a * t->k + k) + w * ser_tensor_real(t->y, c * t->k + k),
		       x = (double)p[k];
		sum[N]++;
		sum[Y] += y;
		sum[P] += x;
		sum[YY] += y * y;
		sum[PP] += x * x;
		sum[YP] += x * y;
	}
}

/* Frames lie beside each other as in training (ser-train(1)). */
static int add_all(const struct track *t, struct ser_record *r, double *sum, struct ser_err *e)
{
	double last = (double)t->n_y - 1;
	for (size_t k = 0; k < t->n_post && t->n_y > 0; k++) {
		double at = ((double)k + 0.5) * t->rows - 0.5;
		if (at > last + 0.5)
			break;
		at = at < 0 ? 0 : at > last ? last : at;
		size_t near = (size_t)(at + 0.5), a = (size_t)at, c = at > (double)a ? a + 1 : a;
		const float *p = t->post + k * t->k;
		if (t->classes && known(t, near) && add_class(t, r, near, p, sum, e) != SER_OK)
			return e->code;
		if (!t->classes && known(t, a) && known(t, c))
			add_numbers(t, a, c, at - (double)a, p, sum);
	}
	return SER_OK;
}

int ser_score_add_frames(struct ser_score_set *s, const struct ser_header *h, struct ser_record *r, struct ser_err *e)
{
	struct track t = {0};
	if (get_track(s->o, h, r, &t, e) != SER_OK)
		return e->code;
	size_t n_stat = ser_mul(t.k, t.classes ? t.k : N_SUM);
	if (s->n == 0) {
		s->k = t.k;
		s->sigmoid = !t.classes;
		ser_score_put_list(s->name, ser_score_said(h, "post", "classes"));
	}
	if (t.k != s->k || t.classes == s->sigmoid)
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" and \"post\" are not as in the first record",
				       s->o->label);
	if (ser_map_len(s->name) != s->k)
		return ser_record_fail(r, e, SER_EDATA, "the header does not name the %zu columns of \"post\"", s->k);
	s->share = ser_grow(s->share, &s->cap[4], ser_mul(s->n + 1, n_stat), sizeof *s->share);
	memset(s->share + s->n * n_stat, 0, n_stat * sizeof *s->share);
	return add_all(&t, r, s->share + s->n * n_stat, e);
}

/* ---- scores ---- */

enum { N_SCORE = 3 };
static const char *const number_scores[] = {"ccc", "pearson", "rmse"}, *const class_scores[] = {"uar", "war",
												"macro_f1"};

static double ratio(double a, double b)
{
	return b > 0 ? a / b : (double)NAN;
}

/* Concordance (Lin 1989), Pearson's r and the root of the mean squared error of a column */
static void score_column(const double *s, double out[static N_SCORE])
{
	double n = s[N], my = s[Y] / n, mp = s[P] / n, vy = fmax(s[YY] / n - my * my, 0),
	       vp = fmax(s[PP] / n - mp * mp, 0), c = s[YP] / n - my * mp;
	out[0] = ratio(2 * c, vy + vp + (my - mp) * (my - mp));
	out[1] = ratio(c, sqrt(vy * vp));
	out[2] = sqrt(fmax(s[YY] - 2 * s[YP] + s[PP], 0) / n);
}

/* The mean over columns that have a score; or the scores of classes */
static void score(const struct ser_score_set *s, const double *sum, double out[static N_SCORE])
{
	if (!s->sigmoid) {
		struct ser_class_score c;
		ser_score_classes(sum, s->k, &c, NULL);
		memcpy(out, (double[]){c.uar, c.war, c.macro_f1}, N_SCORE * sizeof *out);
		return;
	}
	size_t n[N_SCORE] = {0};
	memset(out, 0, N_SCORE * sizeof *out);
	for (size_t k = 0; k < s->k; k++) {
		double one[N_SCORE];
		score_column(sum + k * N_SUM, one);
		for (int i = 0; i < N_SCORE; i++)
			if (isfinite(one[i])) {
				out[i] += one[i];
				n[i]++;
			}
	}
	for (int i = 0; i < N_SCORE; i++)
		out[i] = n[i] > 0 ? out[i] / (double)n[i] : (double)NAN;
}

/* One system's sums, or two's; of records or of speakers */
struct draw {
	const struct ser_score_set *s;
	size_t n_unit, n_stat;
	const double *sum[2]; /* [n_unit, n_stat]; the second may be NULL */
	double *ws;           /* [worker, n_stat] */
};

static void draw(void *ctx, const uint32_t *count, double *out, int worker)
{
	struct draw *d = ctx;
	double *ws = d->ws + (size_t)worker * d->n_stat, other[N_SCORE];
	for (int b = 0; b < (d->sum[1] != NULL ? 2 : 1); b++) {
		memset(ws, 0, d->n_stat * sizeof *ws);
		for (size_t i = 0; i < d->n_unit; i++)
			for (size_t k = 0; k < d->n_stat && count[i] > 0; k++)
				ws[k] += count[i] * d->sum[b][i * d->n_stat + k];
		score(d->s, ws, b == 0 ? out : other);
	}
	for (int i = 0; i < N_SCORE && d->sum[1] != NULL; i++)
		out[i] -= other[i];
}

static size_t n_stat(const struct ser_score_set *s)
{
	return s->k * (s->sigmoid ? N_SUM : s->k);
}

/* Sums by speaker of a set, its records in the order of another's */
static double *by_unit(const struct ser_score_set *s, const struct ser_score_set *order, bool spk)
{
	size_t n = spk ? ser_map_len(order->spk) : order->n, d = n_stat(s);
	double *y = ser_calloc(ser_mul(n + 1, d), sizeof *y);
	for (size_t i = 0; i < order->n; i++) {
		size_t len;
		const char *id = ser_map_key(order->id, i, &len);
		size_t at = (size_t)ser_map_find(s->id, id, len), to = spk ? order->spk_of[i] : i;
		for (size_t k = 0; k < d; k++)
			y[to * d + k] += s->share[at * d + k];
	}
	return y;
}

static int same_records(const struct ser_score_set *a, const struct ser_score_set *b, struct ser_err *e)
{
	if (a->n != b->n || a->k != b->k || a->sigmoid != b->sigmoid)
		return ser_fail(e, SER_EDATA,
				"the second system has %zu records and %zu columns, the first %zu and %zu", b->n, b->k,
				a->n, a->k);
	for (size_t i = 0; i < a->n; i++) {
		size_t len;
		const char *id = ser_map_key(a->id, i, &len);
		ptrdiff_t at = ser_map_find(b->id, id, len);
		if (at < 0)
			return ser_fail(e, SER_EDATA, "the second system has no record \"%s\"", id);
		double n[2] = {0};
		for (size_t k = 0; k < n_stat(a); k += a->sigmoid ? N_SUM : 1) {
			n[0] += a->share[i * n_stat(a) + k];
			n[1] += b->share[(size_t)at * n_stat(a) + k];
		}
		if (n[0] != n[1])
			return ser_fail(e, SER_EDATA, "record \"%s\": the second system has other frames", id);
	}
	return SER_OK;
}

static int intervals(const struct ser_score_opt *o, const struct ser_score_set *s, const struct ser_score_set *b,
		     bool spk, struct ser_ci ci[static N_SCORE], struct ser_err *e)
{
	struct ser_boot_opt boot = ser_score_boot(o);
	double *sum[2] = {by_unit(s, s, spk), b != NULL ? by_unit(b, s, spk) : NULL};
	struct draw d = {
		.s = s,
		.n_unit = spk ? ser_map_len(s->spk) : s->n,
		.n_stat = n_stat(s),
		.sum = {sum[0], sum[1]},
		.ws = ser_malloc(ser_mul((size_t)(o->n_thread > 0 ? o->n_thread : 1), n_stat(s)), sizeof *d.ws)};
	int rc = ser_boot(&boot, d.n_unit, N_SCORE, draw, &d, ci, NULL, e);
	free(sum[0]);
	free(sum[1]);
	free(d.ws);
	return rc;
}

static void total(const struct ser_score_set *s, double *sum)
{
	memset(sum, 0, n_stat(s) * sizeof *sum);
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < n_stat(s); k++)
			sum[k] += s->share[i * n_stat(s) + k];
}

/* Each column, or class, of all records */
static void parts(struct ser_report *rep, const struct ser_score_set *s)
{
	double *sum = ser_malloc(n_stat(s), sizeof *sum), one[N_SCORE];
	struct ser_class_row *row = ser_malloc(s->k, sizeof *row);
	struct ser_class_score c;
	total(s, sum);
	if (s->sigmoid)
		ser_report_table(rep, "columns", "Each column",
				 (const char *const[]){"column", "frames", "ccc", "pearson", "rmse"}, 5, 1);
	else
		ser_report_table(rep, "classes", "Each class",
				 (const char *const[]){"class", "frames", "precision", "recall", "f1"}, 5, 1);
	if (!s->sigmoid)
		ser_score_classes(sum, s->k, &c, row);
	for (size_t k = 0; k < s->k; k++) {
		struct ser_val name = ser_str(ser_map_key(s->name, k, NULL));
		if (s->sigmoid) {
			score_column(sum + k * N_SUM, one);
			ser_report_row(rep, (struct ser_val[]){name, ser_int((int64_t)sum[k * N_SUM]), ser_real(one[0]),
							       ser_real(one[1]), ser_real(one[2])});
		} else {
			ser_report_row(rep, (struct ser_val[]){name, ser_int((int64_t)row[k].support),
							       ser_real(row[k].precision), ser_real(row[k].recall),
							       ser_real(row[k].f1)});
		}
	}
	free(sum);
	free(row);
}

static void fill(struct ser_report *rep, const struct ser_score_opt *o, const struct ser_score_set *s,
		 const struct ser_score_set *b, struct ser_ci ci[static 2][N_SCORE],
		 struct ser_ci diff[static 2][N_SCORE])
{
	const char *const *name = s->sigmoid ? number_scores : class_scores;
	bool spk = ser_score_has_speakers(s);
	ser_report_about(rep, "label", ser_str(o->label));
	ser_report_about(rep, "n", ser_int((int64_t)s->n));
	ser_report_about(rep, "speakers", ser_score_n_speaker(s));
	ser_overlap_about(rep, &s->overlap, "");
	ser_score_about_draws(rep, o);
	ser_report_table(rep, "scores", s->sigmoid ? "Scores, means over columns" : "Scores",
			 (const char *const[]){"set", "score", "value", "utt_lo", "utt_hi", "spk_lo", "spk_hi"}, 7, 2);
	for (int i = 0; i < N_SCORE; i++)
		ser_report_row(rep, (struct ser_val[]){ser_str("pooled"), ser_str(name[i]), ser_real(ci[0][i].value),
						       ser_score_bound(o, ci[0][i].lo, true),
						       ser_score_bound(o, ci[0][i].hi, true),
						       ser_score_bound(o, ci[1][i].lo, spk),
						       ser_score_bound(o, ci[1][i].hi, spk)});
	if (b != NULL)
		ser_report_table(rep, "differences",
				 "Minus the other's, with intervals of the difference and two-sided p-values",
				 (const char *const[]){"set", "score", "difference", "utt_lo", "utt_hi", "utt_p",
						       "spk_lo", "spk_hi", "spk_p"},
				 9, 2);
	for (int i = 0; i < N_SCORE && b != NULL; i++)
		ser_report_row(rep,
			       (struct ser_val[]){
				       ser_str("pooled"), ser_str(name[i]), ser_real(diff[0][i].value),
				       ser_score_bound(o, diff[0][i].lo, true), ser_score_bound(o, diff[0][i].hi, true),
				       ser_score_bound(o, diff[0][i].p, true), ser_score_bound(o, diff[1][i].lo, spk),
				       ser_score_bound(o, diff[1][i].hi, spk), ser_score_bound(o, diff[1][i].p, spk)});
	parts(rep, s);
}

struct ser_report *ser_score_report_frames(const struct ser_score_opt *o, const struct ser_score_set *s,
					   const struct ser_score_set *other, struct ser_err *e)
{
	struct ser_ci ci[2][N_SCORE] = {{{0}}}, diff[2][N_SCORE] = {{{0}}};
	bool spk = ser_score_has_speakers(s);
	ser_assert(s->kind == SER_SCORE_FRAMES);
	int rc = other != NULL ? same_records(s, other, e) : SER_OK;
	for (int u = 0; rc == SER_OK && u < (spk ? 2 : 1); u++) {
		rc = intervals(o, s, NULL, u == 1, ci[u], e);
		if (rc == SER_OK && other != NULL)
			rc = intervals(o, s, other, u == 1, diff[u], e);
	}
	if (rc == SER_OK)
		rc = ser_overlap_check(&s->overlap, o->allow_shared, e);
	if (rc == SER_OK && other != NULL)
		rc = ser_overlap_check(&other->overlap, o->allow_shared, e);
	if (rc != SER_OK)
		return NULL;
	struct ser_report *rep = ser_report_new();
	fill(rep, o, s, other, ci, diff);
	return rep;
}
