/* SPDX-License-Identifier: MIT */
/* Posteriors against the true class: how good, how honest, and what is gained by leaving out what is unsure. */
#include "ml/scaling.h"
#include "score/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Shares of the items that are kept, the surest ones. */
static const double share[] = {1, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1};
enum { N_KEPT = sizeof share / sizeof *share };

static int row(const struct ser_score_set *s, const struct ser_header *h, struct ser_record *r, double *post,
	       struct ser_err *e)
{
	const struct ser_val *names = ser_score_said(h, "post", "classes");
	const float *p;
	size_t n;
	double sum = 0;
	int rc = ser_record_f4(r, "post", 1, &p, &n, e);
	if (rc != SER_OK)
		return rc;
	if (names == NULL || names->u.list.n != n || n == 0)
		return ser_record_fail(r, e, SER_EDATA, "the header does not name the classes of \"post\"");
	if (n != s->k)
		return ser_record_fail(r, e, SER_EDATA, "\"post\" has %zu classes, those before had %zu", n, s->k);
	for (size_t i = 0; i < n; i++) {
		const struct ser_val *v = &names->u.list.v[i];
		ptrdiff_t at = v->kind == SER_STR ? ser_map_find(s->name, v->u.str.s, v->u.str.n) : -1;
		if (at < 0 || (size_t)at >= s->k)
			return ser_record_fail(r, e, SER_EDATA, "\"post\" has other classes than those before");
		if (!(p[i] >= 0 && p[i] <= 1.0001F))
			return ser_record_fail(r, e, SER_EDATA, "\"post\" holds %g, expected a probability",
					       (double)p[i]);
		post[at] = (double)p[i];
		sum += (double)p[i];
	}
	if (!(fabs(sum - 1) < 1e-3))
		return ser_record_fail(r, e, SER_EDATA, "\"post\" sums to %g, expected 1", sum);
	return SER_OK;
}

int ser_score_add_posteriors(struct ser_score_set *s, const struct ser_header *h, struct ser_record *r,
			     struct ser_err *e)
{
	const char *truth;
	int rc = ser_record_str(r, s->o->label, &truth, e);
	if (rc != SER_OK)
		return rc;
	s->k = s->n_said;
	ptrdiff_t at = ser_map_find(s->name, truth, strlen(truth));
	if (at < 0 && s->k > 0)
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" is \"%s\", which is no class of \"post\"", s->o->label,
				       truth);
	s->truth = ser_grow(s->truth, &s->cap[2], s->n + 1, sizeof *s->truth);
	s->post = ser_grow(s->post, &s->cap[5], ser_mul(s->n + 1, s->k), sizeof *s->post);
	s->truth[s->n] = (int)at;
	return row(s, h, r, s->post + s->n * s->k, e);
}

/* Posteriors q [n,k] that were made of a set's own: a row with the first n_first values, then their scores. */
static void rescored(struct ser_report *rep, const struct ser_score_opt *o, const struct ser_score_set *s,
		     const double *q, const struct ser_val *first, size_t n_first, struct ser_err *e)
{
	struct ser_score_opt once = *o;
	once.n_boot = 0;
	once.bca = false;
	struct ser_boot_opt boot = ser_score_boot(&once);
	struct ser_eval_sets sets = ser_score_sets(s, false);
	struct ser_ci score[SER_EP_N];
	struct ser_val row[8];
	if (ser_eval_posteriors(&sets, s->truth, q, s->k, NULL, 0, &boot, score, NULL, e) != SER_OK)
		return;
	memcpy(row, first, n_first * sizeof *row);
	row[n_first] = ser_real(score[SER_EP_NLL].value);
	row[n_first + 1] = ser_real(score[SER_EP_BRIER].value);
	row[n_first + 2] = ser_real(score[SER_EP_ECE].value);
	ser_report_row(rep, row);
}

/* The temperature that suits these records best, and what it would make of them. */
static void temperature(struct ser_report *rep, const struct ser_score_opt *o, const struct ser_score_set *s,
			struct ser_err *e)
{
	double t = ser_temperature(s->post, s->truth, s->n, s->k), *q = ser_malloc(ser_mul(s->n, s->k), sizeof *q);
	for (size_t i = 0; i < s->n; i++)
		ser_temper(s->post + i * s->k, s->k, t, q + i * s->k);
	ser_report_table(rep, "temperature", "The temperature that suits these records best, and what it makes of them",
			 (const char *const[]){"fitted", "temperature", "nll", "brier", "ece"}, 5, 1);
	rescored(rep, o, s, q, (struct ser_val[]){ser_str("here"), ser_real(t)}, 2, e);
	free(q);
}

/* How many classes' names come before that of class c. */
static size_t rank_of(const struct ser_score_set *s, size_t c)
{
	size_t n = 0;
	for (size_t i = 0; i < s->k; i++)
		n += strcmp(ser_map_key(s->name, i, NULL), ser_map_key(s->name, c, NULL)) < 0;
	return n;
}

/* The same of a weight and an offset for each class. */
static void vector(struct ser_report *rep, const struct ser_score_opt *o, const struct ser_score_set *s,
		   struct ser_err *e)
{
	double *w = ser_malloc(ser_mul(2, s->k), sizeof *w), *b = w + s->k,
	       *q = ser_malloc(ser_mul(s->n, s->k), sizeof *q);
	ser_scaling_fit(s->post, s->truth, s->n, s->k, w, b);
	for (size_t i = 0; i < s->n; i++)
		ser_scale(s->post + i * s->k, s->k, w, b, q + i * s->k);
	ser_report_table(rep, "vector", "Weights and offsets of the log posteriors that suit these records best",
			 (const char *const[]){"class", "weight", "offset"}, 3, 1);
	for (size_t i = 0; i < s->k; i++) { /* by name: streams may have them in any order */
		size_t c = 0;
		while (rank_of(s, c) != i)
			c++;
		ser_report_row(rep, (struct ser_val[]){ser_str(ser_map_key(s->name, c, NULL)), ser_real(w[c]),
						       ser_real(b[c])});
	}
	ser_report_table(rep, "scaled", "What these make of them",
			 (const char *const[]){"fitted", "nll", "brier", "ece"}, 4, 1);
	rescored(rep, o, s, q, (struct ser_val[]){ser_str("here")}, 1, e);
	free(w);
	free(q);
}

static const char *score_name(int i)
{
	return ser_ep_name((enum ser_ep)i);
}

static void coverage(struct ser_report *rep, const struct ser_score_opt *o, const struct ser_score_set *s,
		     const struct ser_kept kept[N_KEPT], bool spk)
{
	ser_report_table(rep, "coverage", "The surest records alone",
			 (const char *const[]){"share", "coverage", "threshold", "n", "uar", spk ? "spk_lo" : "utt_lo",
					       spk ? "spk_hi" : "utt_hi", "war"},
			 8, 1);
	for (int i = 0; i < N_KEPT; i++)
		ser_report_row(
			rep, (struct ser_val[]){ser_real(share[i]), ser_real((double)kept[i].n / (double)s->n),
						ser_real(kept[i].threshold), ser_int((int64_t)kept[i].n),
						ser_real(kept[i].uar.value), ser_score_bound(o, kept[i].uar.lo, true),
						ser_score_bound(o, kept[i].uar.hi, true), ser_real(kept[i].war.value)});
}

struct ser_report *ser_score_report_calibration(const struct ser_score_opt *o, const struct ser_score_set *s,
						struct ser_err *e)
{
	struct ser_boot_opt boot = ser_score_boot(o);
	struct ser_ci score[2][SER_EP_N];
	struct ser_kept kept[N_KEPT];
	bool spk = ser_score_has_speakers(s);
	int rc = SER_OK;
	ser_assert(s->kind == SER_SCORE_POSTERIORS);
	for (int u = 0; rc == SER_OK && u < (spk ? 2 : 1); u++) {
		struct ser_eval_sets sets = ser_score_sets(s, u == 1);
		rc = ser_eval_posteriors(&sets, s->truth, s->post, s->k, share, N_KEPT, &boot, score[u], kept, e);
	}
	if (rc == SER_OK)
		rc = ser_overlap_check(&s->overlap, o->allow_shared, e);
	if (rc != SER_OK)
		return NULL;
	struct ser_report *rep = ser_report_new();
	ser_score_about_items(rep, o, s);
	ser_report_about(rep, "classes", ser_int((int64_t)s->k));
	ser_score_table(rep, o, s, score_name, SER_EP_N, (const struct ser_ci *const[]){score[0], score[1]}, NULL, spk);
	temperature(rep, o, s, e);
	vector(rep, o, s, e);
	coverage(rep, o, s, kept, spk);
	return rep;
}

/* ---- read again ---- */

/* Which class a row is of, with its numbers; SIZE_MAX when it is no such row. */
static size_t take_row(const struct ser_val *row, const struct ser_strs *class, double *weight, double *offset)
{
	const struct ser_val *name = ser_val_get(row, "class"), *w = ser_val_get(row, "weight"),
			     *b = ser_val_get(row, "offset");
	bool number = w != NULL && b != NULL && (w->kind == SER_REAL || w->kind == SER_INT) &&
		      (b->kind == SER_REAL || b->kind == SER_INT);
	size_t c = number && name != NULL ? 0 : class->n;
	while (c < class->n && !ser_val_is_str(name, class->s[c]))
		c++;
	if (c == class->n)
		return SIZE_MAX;
	weight[c] = w->kind == SER_REAL ? w->u.f : (double)w->u.i;
	offset[c] = b->kind == SER_REAL ? b->u.f : (double)b->u.i;
	return c;
}

int ser_score_read_scaling(const char *path, const struct ser_strs *class, double *weight, double *offset,
			   struct ser_err *e)
{
	struct ser_arena a = {0};
	struct ser_val report;
	char *text;
	size_t size, n = 0;
	int rc = ser_read_file(path, (size_t)1 << 26, &text, &size, e);
	if (rc != SER_OK)
		return rc;
	if ((rc = ser_val_from_json(&a, text, size, &report, e)) != SER_OK)
		ser_fail_in(e, "%s", path);
	const struct ser_val *table = rc == SER_OK ? ser_val_get(&report, "vector") : NULL;
	bool *met = ser_calloc(class->n + 1, sizeof *met);
	if (rc == SER_OK && (table == NULL || table->kind != SER_LIST))
		rc = ser_fail(e, SER_EDATA, "%s: is no report of ser-score calibration --json with a table \"vector\"",
			      path);
	for (size_t i = 0; rc == SER_OK && i < table->u.list.n; i++) {
		size_t c = take_row(&table->u.list.v[i], class, weight, offset);
		if (c == SIZE_MAX || met[c])
			rc = ser_fail(e, SER_EDATA,
				      "%s: row %zu of \"vector\" is of no class of the model, or of one that was there",
				      path, i + 1);
		else
			met[c] = true, n++;
	}
	if (rc == SER_OK && n < class->n)
		rc = ser_fail(e, SER_EDATA, "%s: \"vector\" has %zu of the model's %zu classes", path, n, class->n);
	free(met);
	free(text);
	ser_arena_free(&a);
	return rc;
}
