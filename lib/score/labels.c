/* SPDX-License-Identifier: MIT */
/* Votes of several classes: how they occur together, and posteriors against them. */
#include "score/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- of a record ---- */

static bool tests(const struct ser_record *r)
{
	const struct ser_val *v = ser_record_get(r, "split");
	return v != NULL && (ser_val_is_str(v, "test") || ser_val_is_str(v, "dev"));
}

/* How many chose each class, into share, divided by their number; 1: nobody chose any. */
static int shares(const struct ser_score_set *s, struct ser_record *r, double *share, struct ser_err *e)
{
	double sum = 0;
	for (size_t k = 0; k < s->k; k++) {
		const char *name = s->o->votes.s[k];
		const struct ser_val *v = ser_record_get(r, name);
		share[k] = 0;
		if (v == NULL || v->kind == SER_NIL)
			continue;
		int rc = ser_record_real(r, name, &share[k], e);
		if (rc == SER_OK && !(share[k] >= 0 && share[k] <= 1e9))
			rc = ser_record_fail(r, e, SER_EDATA, "\"%s\" is %g, no number of votes", name, share[k]);
		if (rc != SER_OK)
			return rc;
		sum += share[k];
	}
	for (size_t k = 0; k < s->k && sum > 0; k++)
		share[k] /= sum;
	return sum > 0 ? SER_OK : 1;
}

/* Posteriors of the same classes, whatever their order in the record. */
static int posteriors(const struct ser_score_set *s, const struct ser_header *h, struct ser_record *r, double *post,
		      struct ser_err *e)
{
	const struct ser_val *names = ser_score_said(h, "post", "classes");
	const float *p;
	size_t n;
	int rc = ser_record_f4(r, "post", 1, &p, &n, e);
	if (rc != SER_OK)
		return rc;
	if (names == NULL || names->u.list.n != n)
		return ser_record_fail(r, e, SER_EDATA, "the header does not name the classes of \"post\"");
	for (size_t k = 0; k < s->k; k++) {
		const char *name = ser_map_key(s->name, k, NULL);
		size_t i = 0;
		while (i < n && !ser_val_is_str(&names->u.list.v[i], name))
			i++;
		if (i == n || n != s->k)
			return ser_record_fail(
				r, e, SER_EDATA, "\"post\" has %zu class%s, expected the %zu of --votes%s%s", n,
				ser_plural(n, "", "es"), s->k, i == n ? ", among them " : "", i == n ? name : "");
		if (!(p[i] >= 0 && p[i] <= 1))
			return ser_record_fail(r, e, SER_EDATA, "\"post\" has a value that is no probability");
		post[k] = (double)p[i];
	}
	return SER_OK;
}

int ser_score_add_votes(struct ser_score_set *s, const struct ser_header *h, struct ser_record *r, struct ser_err *e)
{
	s->k = ser_map_len(s->name);
	if (s->k != s->o->votes.n || s->k < 2)
		return ser_fail(e, SER_EUSAGE, "--votes are of two classes or more, each once");
	s->share = ser_grow(s->share, &s->cap[4], ser_mul(s->n + 1, s->k), sizeof *s->share);
	if (s->kind == SER_SCORE_VOTES && tests(r))
		return 1;
	int rc = shares(s, r, s->share + s->n * s->k, e);
	if (rc != SER_OK || s->kind == SER_SCORE_VOTES)
		return rc;
	const struct ser_val *dim = ser_header_dim(h, "post"),
			     *how = dim != NULL ? ser_val_get(dim, "activation") : NULL;
	s->sigmoid = how != NULL && ser_val_is_str(how, "sigmoid");
	s->post = ser_grow(s->post, &s->cap[5], ser_mul(s->n + 1, s->k), sizeof *s->post);
	return posteriors(s, h, r, s->post + s->n * s->k, e);
}

/* ---- how classes occur together ---- */

static void matrix(struct ser_report *rep, const struct ser_score_set *s, const char *name, const char *title,
		   const struct ser_val *cell)
{
	const char **column = ser_malloc(s->k + 1, sizeof *column);
	struct ser_val *row = ser_malloc(s->k + 1, sizeof *row);
	column[0] = "class";
	for (size_t j = 0; j < s->k; j++)
		column[j + 1] = ser_map_key(s->name, j, NULL);
	ser_report_table(rep, name, title, column, s->k + 1, 1);
	for (size_t j = 0; j < s->k; j++) {
		row[0] = ser_str(column[j + 1]);
		memcpy(row + 1, cell + j * s->k, s->k * sizeof *row);
		ser_report_row(rep, row);
	}
	free(column);
	free(row);
}

static void speakers(struct ser_report *rep, const struct ser_score_set *s)
{
	size_t n_spk = ser_map_len(s->spk);
	int64_t *n = ser_calloc(n_spk + 1, sizeof *n);
	for (size_t i = 0; i < s->n; i++)
		n[s->spk_of[i]]++;
	ser_report_table(rep, "speakers", "Speakers whose votes were counted", (const char *const[]){"speaker", "n"}, 2,
			 1);
	for (size_t i = 0; i < n_spk; i++)
		ser_report_row(rep, (struct ser_val[]){ser_str(ser_map_key(s->spk, i, NULL)), ser_int(n[i])});
	free(n);
}

struct ser_report *ser_score_report_cooccurrence(const struct ser_score_set *s, struct ser_err *e)
{
	size_t k = s->k;
	ser_assert(s->kind == SER_SCORE_VOTES);
	int64_t *count = ser_calloc(ser_mul(k, k), sizeof *count);
	struct ser_val *cell = ser_malloc(ser_mul(k, k), sizeof *cell);
	struct ser_report *rep = NULL;
	for (size_t i = 0; i < s->n; i++)
		for (size_t a = 0; a < k; a++)
			for (size_t b = 0; b < k; b++)
				count[a * k + b] += s->share[i * k + a] > 0 && s->share[i * k + b] > 0;
	int rc = SER_OK;
	for (size_t a = 0; a < k && rc == SER_OK; a++)
		if (count[a * k + a] == 0)
			rc = ser_fail(e, SER_EDATA, "nobody chose \"%s\": it has no penalties",
				      ser_map_key(s->name, a, NULL));
	if (rc == SER_OK) {
		rep = ser_report_new();
		ser_report_about(rep, "n", ser_int((int64_t)s->n));
		ser_report_about(rep, "passed_over", ser_int((int64_t)s->n_passed));
		ser_report_about(rep, "speakers", ser_score_n_speaker(s));
		for (size_t i = 0; i < k * k; i++)
			cell[i] = ser_int(count[i]);
		matrix(rep, s, "count", "Records with votes of both classes", cell);
		for (size_t i = 0; i < k * k; i++)
			cell[i] = ser_real(1 - (double)count[i] / (double)count[i % k * k + i % k]);
		matrix(rep, s, "penalty", "Penalties: 1 - count over that of the column's class", cell);
		speakers(rep, s);
	}
	free(count);
	free(cell);
	return rep;
}

/* ---- posteriors against votes ---- */

static const char *score_name(int i)
{
	return ser_em_name((enum ser_em)i);
}

static void each_class(struct ser_report *rep, const struct ser_score_opt *o, const struct ser_score_set *s,
		       const uint8_t *truth, const uint8_t *pred, const struct ser_ci *f1[2])
{
	ser_report_table(
		rep, "classes", "Each class, pooled",
		(const char *const[]){"class", "true", "decided", "f1", "utt_lo", "utt_hi", "spk_lo", "spk_hi"}, 8, 1);
	for (size_t k = 0; k < s->k; k++) {
		int64_t n_true = 0, n_pred = 0;
		for (size_t i = 0; i < s->n; i++) {
			n_true += truth[i * s->k + k];
			n_pred += pred[i * s->k + k];
		}
		bool spk = f1[1] != NULL;
		ser_report_row(rep, (struct ser_val[]){ser_str(ser_map_key(s->name, k, NULL)), ser_int(n_true),
						       ser_int(n_pred), ser_real(f1[0][k].value),
						       ser_score_bound(o, f1[0][k].lo, true),
						       ser_score_bound(o, f1[0][k].hi, true),
						       ser_score_bound(o, spk ? f1[1][k].lo : 0, spk),
						       ser_score_bound(o, spk ? f1[1][k].hi : 0, spk)});
	}
}

struct ser_report *ser_score_report_labels(const struct ser_score_opt *o, const struct ser_score_set *s,
					   struct ser_err *e)
{
	static const char *const truths[] = {"voted", "share"};
	size_t n = s->n * s->k;
	int how = o->truth >= 0 ? o->truth : s->sigmoid ? SER_TRUTH_VOTED : SER_TRUTH_SHARE;
	double share = how == SER_TRUTH_VOTED ? 0 : 1 / (double)s->k;
	double threshold = !isnan(o->threshold) ? o->threshold : s->sigmoid ? 0.5 : 1 / (double)s->k;
	bool spk = ser_score_has_speakers(s);
	struct ser_boot_opt boot = ser_score_boot(o);
	struct ser_ci pooled[2][SER_EM_N], mean[2][SER_EM_N],
		*f1[2] = {ser_calloc(s->k, sizeof *f1[0]), spk ? ser_calloc(s->k, sizeof *f1[0]) : NULL};
	uint8_t *truth = ser_malloc(n, 1), *pred = ser_malloc(n, 1);
	struct ser_report *rep = NULL;
	ser_assert(s->kind == SER_SCORE_LABELS);
	for (size_t i = 0; i < n; i++) {
		truth[i] = s->share[i] > share;
		pred[i] = s->post[i] >
			  (double)(float)threshold; /* posteriors are floats: a third that is one is no more than 1/3 */
	}
	int rc = ser_overlap_check(&s->overlap, o->allow_shared, e);
	for (int u = 0; rc == SER_OK && u < (spk ? 2 : 1); u++) {
		struct ser_eval_sets sets = ser_score_sets(s, u == 1);
		rc = ser_eval_labels(&sets, s->k, truth, pred, s->post, s->share, &boot, pooled[u], mean[u], f1[u], e);
	}
	if (rc == SER_OK) {
		rep = ser_report_new();
		ser_score_about_items(rep, o, s);
		ser_report_about(rep, "passed_over", ser_int((int64_t)s->n_passed));
		ser_report_about(rep, "truth", ser_str(truths[how]));
		ser_report_about(rep, "threshold", ser_real(threshold));
		ser_score_table(rep, o, s, score_name, SER_EM_N, (const struct ser_ci *const[]){pooled[0], pooled[1]},
				(const struct ser_ci *const[]){mean[0], mean[1]}, spk);
		each_class(rep, o, s, truth, pred, (const struct ser_ci *[]){f1[0], f1[1]});
	}
	free(truth);
	free(pred);
	free(f1[0]);
	free(f1[1]);
	return rep;
}
