/* SPDX-License-Identifier: MIT */
#include "score/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int ser_score_add_voice(struct ser_score_set *s, struct ser_record *r, struct ser_err *e)
{
	const float *x;
	double sq = 0;
	int rc = ser_score_get_embedding(s, r, &x, e);
	if (rc != SER_OK)
		return rc;
	for (size_t t = 0; t < s->d; t++)
		sq += (double)x[t] * x[t];
	if (!(sq > 0) || !isfinite(sq))
		return ser_record_fail(r, e, SER_EDATA,
				       "the embedding has no direction: its length is 0 or not finite");
	s->unit = ser_grow(s->unit, &s->cap[5], ser_mul(s->n + 1, s->d), sizeof *s->unit);
	for (size_t t = 0; t < s->d; t++)
		s->unit[s->n * s->d + t] = x[t] / sqrt(sq);
	return SER_OK;
}

/* ---- trials ---- */

struct ser_score_trials {
	size_t n, *a, *b, cap[3]; /* a, b [n]: records of the set */
	bool *target;             /* [n] */
};

static void add_trial(struct ser_score_trials *p, size_t a, size_t b, bool target)
{
	p->a = ser_grow(p->a, &p->cap[0], p->n + 1, sizeof *p->a);
	p->b = ser_grow(p->b, &p->cap[1], p->n + 1, sizeof *p->b);
	p->target = ser_grow(p->target, &p->cap[2], p->n + 1, sizeof *p->target);
	p->a[p->n] = a;
	p->b[p->n] = b;
	p->target[p->n++] = target;
}

/* The record of an id, or a negative SER_E*. */
static ptrdiff_t voice(const struct ser_score_set *s, const char *id, const char *file, size_t line, struct ser_err *e)
{
	ptrdiff_t i = ser_map_find(s->id, id, strlen(id));
	return i >= 0 ? i : ser_fail(e, SER_EDATA, "%s: line %zu: no record has the id \"%s\"", file, line, id);
}

/* "1 id id" or "id id target": 1 or target, 0 or nontarget; tabs between, or blanks where there is no tab. Cuts the
 * text up. */
static int read_line(struct ser_score_trials *p, const struct ser_score_set *s, char *text, const char *file,
		     size_t line, struct ser_err *e)
{
	const char *parted = strchr(text, '\t') != NULL ? "\t\r" : " \r";
	char *w[4], *save;
	int m = 0;
	for (char *word = strtok_r(text, parted, &save); word != NULL && m < 4; word = strtok_r(NULL, parted, &save))
		w[m++] = word;
	if (m == 0)
		return SER_OK;
	int first = m == 3 && (strcmp(w[0], "0") == 0 || strcmp(w[0], "1") == 0);
	const char *key = m == 3 ? w[first ? 0 : 2] : "";
	bool yes = strcmp(key, "1") == 0 || strcmp(key, "target") == 0;
	if (!yes && strcmp(key, "0") != 0 && strcmp(key, "nontarget") != 0)
		return ser_fail(e, SER_EDATA, "%s: line %zu: expected two ids and target or nontarget (or 1 or 0)",
				file, line);
	ptrdiff_t b = voice(s, w[first + 1], file, line, e);
	if (b < 0)
		return (int)b;
	ptrdiff_t a = voice(s, w[first], file, line, e);
	if (a < 0)
		return (int)a;
	add_trial(p, (size_t)a, (size_t)b, yes);
	return SER_OK;
}

static int read_trials(struct ser_score_trials *p, const struct ser_score_set *s, const char *file, struct ser_err *e)
{
	char *all;
	size_t n, line = 0;
	int rc = ser_read_file(file, (size_t)1 << 31, &all, &n, e);
	if (rc != SER_OK)
		return rc;
	rc = ser_lines_whole(all, n, file, e);
	for (char *at = all, *end; rc == SER_OK && at < all + n; at = end + 1) {
		end = memchr(at, '\n', (size_t)(all + n - at));
		if (end == NULL)
			end = all + n;
		*end = '\0';
		rc = read_line(p, s, at, file, ++line, e);
	}
	free(all);
	return rc;
}

struct ser_score_trials *ser_score_trials_new(const struct ser_score_opt *o, const struct ser_score_set *s,
					      struct ser_err *e)
{
	struct ser_score_trials *p = ser_calloc(1, sizeof *p);
	ser_assert(s->kind == SER_SCORE_VOICES);
	if (o->trials != NULL && read_trials(p, s, o->trials, e) != SER_OK) {
		ser_score_trials_free(p);
		return NULL;
	}
	for (size_t i = 0; o->trials == NULL && i < s->n; i++)
		for (size_t j = i + 1; j < s->n; j++)
			add_trial(p, i, j, s->spk_of[i] == s->spk_of[j]);
	return p;
}

void ser_score_trials_free(struct ser_score_trials *p)
{
	if (p == NULL)
		return;
	free(p->a);
	free(p->b);
	free(p->target);
	free(p);
}

/* ---- scores ---- */

static double cosine(const double *a, const double *b, size_t d)
{
	double s = 0;
	for (size_t t = 0; t < d; t++)
		s += a[t] * b[t];
	return s;
}

/* Mean and deviation of each voice's greatest scores against the cohort: [n] each. */
struct cohort {
	const struct ser_score_set *v, *other;
	size_t top;
	double *mean, *sd, *ws; /* ws [n_thread, other->n] */
};

static void against_cohort(void *arg, size_t i, int worker)
{
	const struct cohort *k = arg;
	size_t d = k->v->d, n = k->other->n;
	double *s = k->ws + (size_t)worker * n;
	for (size_t j = 0; j < n; j++)
		s[j] = cosine(k->v->unit + i * d, k->other->unit + j * d, d);
	ser_cohort_do(s, n, k->top, &k->mean[i], &k->sd[i]);
}

/* AS-norm of the trials' scores, in place. */
static int normalise(const struct ser_score_opt *o, const struct ser_score_set *s, const struct ser_score_trials *p,
		     const struct ser_score_set *other, const char *name, double *score, struct ser_err *e)
{
	if (other->d != s->d || other->n < 2)
		return ser_fail(e, SER_EDATA, "%s: %zu embeddings of %zu dimensions, expected at least 2 of %zu", name,
				other->n, other->d, s->d);
	struct cohort k = {s,
			   other,
			   (size_t)o->top,
			   ser_malloc(s->n, sizeof(double)),
			   ser_malloc(s->n, sizeof(double)),
			   ser_malloc(ser_mul((size_t)o->n_thread, other->n), sizeof(double))};
	ser_parallel_for(o->n_thread, s->n, against_cohort, &k);
	for (size_t i = 0; i < p->n; i++)
		score[i] =
			((score[i] - k.mean[p->a[i]]) / k.sd[p->a[i]] + (score[i] - k.mean[p->b[i]]) / k.sd[p->b[i]]) /
			2;
	free(k.mean);
	free(k.sd);
	free(k.ws);
	return SER_OK;
}

struct scores {
	struct ser_verify *ver;
	struct ser_verify_score s;
	bool spk;
	struct ser_ci eer[2], dcf[2]; /* drawn by trial, by speaker */
};

static int intervals(const struct ser_score_opt *o, const struct ser_score_set *s, const struct ser_score_trials *p,
		     struct scores *c, struct ser_err *e)
{
	struct ser_boot_opt boot = ser_score_boot(o);
	int rc = ser_eval_verify(c->ver, p->n, NULL, NULL, 0, &o->cost, &boot, &c->eer[0], &c->dcf[0], e);
	if (rc != SER_OK || !c->spk)
		return rc;
	size_t *a = ser_malloc(p->n, sizeof *a), *b = ser_malloc(p->n, sizeof *b);
	for (size_t i = 0; i < p->n; i++) {
		a[i] = s->spk_of[p->a[i]];
		b[i] = s->spk_of[p->b[i]];
	}
	rc = ser_eval_verify(c->ver, p->n, a, b, ser_map_len(s->spk), &o->cost, &boot, &c->eer[1], &c->dcf[1], e);
	free(a);
	free(b);
	return rc;
}

static int compute(const struct ser_score_opt *o, const struct ser_score_set *s, const struct ser_score_trials *p,
		   const struct ser_score_set *cohort, const char *cohort_name, struct scores *c, struct ser_err *e)
{
	double *score = ser_malloc(p->n, sizeof *score);
	int rc = SER_OK;
	for (size_t i = 0; i < p->n; i++)
		score[i] = cosine(s->unit + p->a[i] * s->d, s->unit + p->b[i] * s->d, s->d);
	if (cohort != NULL)
		rc = normalise(o, s, p, cohort, cohort_name, score, e);
	if (rc == SER_OK) {
		c->ver = ser_verify_new(score, p->target, p->n, e);
		rc = c->ver != NULL ? SER_OK : e->code;
	}
	free(score);
	if (rc != SER_OK)
		return rc;
	ser_verify_do(c->ver, &o->cost, NULL, &c->s);
	if (isnan(c->s.eer))
		return ser_fail(e, SER_EDATA, "%g target and %g non-target trials: both kinds are needed",
				c->s.n_target, c->s.n_nontarget);
	rc = intervals(o, s, p, c, e);
	return rc == SER_OK ? ser_overlap_check(&s->overlap, o->allow_shared, e) : rc;
}

static void row(struct ser_report *rep, const struct ser_score_opt *o, const char *name, double value, double threshold,
		const struct ser_ci ci[2], bool spk)
{
	ser_report_row(rep, (struct ser_val[]){ser_str(name), ser_real(value), ser_real(threshold),
					       ser_score_bound(o, ci[0].lo, true), ser_score_bound(o, ci[0].hi, true),
					       ser_score_bound(o, spk ? ci[1].lo : 0, spk),
					       ser_score_bound(o, spk ? ci[1].hi : 0, spk)});
}

static void det(struct ser_report *rep, const struct ser_verify *ver, size_t n_trial)
{
	size_t room = n_trial + 1;
	double *x = ser_malloc(ser_mul(3, room), sizeof *x);
	size_t n = ser_verify_det(ver, x, x + room, x + 2 * room);
	ser_report_table(rep, "det", "Detection error trade-off",
			 (const char *const[]){"point", "false_acceptance", "miss", "threshold"}, 4, 1);
	for (size_t i = 0; i < n; i++)
		ser_report_row(rep, (struct ser_val[]){ser_int((int64_t)i), ser_real(x[i]), ser_real(x[room + i]),
						       ser_real(x[2 * room + i])});
	free(x);
}

static struct ser_report *fill(const struct ser_score_opt *o, const struct ser_score_set *s, size_t n_trial,
			       bool normalised, const struct scores *c)
{
	struct ser_report *rep = ser_report_new();
	ser_report_about(rep, "records", ser_int((int64_t)s->n));
	ser_report_about(rep, "speakers", ser_score_n_speaker(s));
	ser_overlap_about(rep, &s->overlap, "");
	ser_report_about(rep, "normalisation", ser_str(normalised ? "as-norm" : "none"));
	if (normalised)
		ser_report_about(rep, "cohort_top", ser_int(o->top));
	ser_report_about(rep, "trials", ser_str(o->trials != NULL ? "list" : "all pairs"));
	ser_report_about(rep, "target", ser_int((int64_t)c->s.n_target));
	ser_report_about(rep, "nontarget", ser_int((int64_t)c->s.n_nontarget));
	ser_report_about(rep, "p_target", ser_real(o->cost.p_target));
	ser_report_about(rep, "c_miss", ser_real(o->cost.c_miss));
	ser_report_about(rep, "c_fa", ser_real(o->cost.c_fa));
	ser_score_about_draws(rep, o);
	ser_report_table(
		rep, "scores", "Scores; intervals over trials and over speakers",
		(const char *const[]){"score", "value", "threshold", "trial_lo", "trial_hi", "spk_lo", "spk_hi"}, 7, 1);
	row(rep, o, "eer", c->s.eer, c->s.thr_eer, c->eer, c->spk);
	row(rep, o, "min_dcf", c->s.min_dcf, c->s.thr_dcf, c->dcf, c->spk);
	if (o->det)
		det(rep, c->ver, n_trial);
	return rep;
}

struct ser_report *ser_score_report_verify(const struct ser_score_opt *o, const struct ser_score_set *s,
					   const struct ser_score_trials *t, const struct ser_score_set *cohort,
					   const char *cohort_name, struct ser_err *e)
{
	struct scores c = {.spk = ser_score_has_speakers(s)};
	struct ser_report *rep = NULL;
	ser_assert(s->kind == SER_SCORE_VOICES);
	if (compute(o, s, t, cohort, cohort_name, &c, e) == SER_OK)
		rep = fill(o, s, t->n, cohort != NULL, &c);
	ser_verify_free(c.ver);
	return rep;
}
