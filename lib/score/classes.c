/* SPDX-License-Identifier: MIT */
#include "score/private.h"

#include <stdlib.h>
#include <string.h>

struct scores {
	size_t k;
	bool spk;                                             /* speakers are drawn too */
	struct ser_ci pooled[2][SER_EC_N], mean[2][SER_EC_N]; /* by unit: utterances, speakers */
	struct ser_ci *recall[2];                             /* [k] */
	double *conf;                                         /* [k,k] */
	struct ser_class_row *row;                            /* [k] */
};

static int compute(const struct ser_score_opt *o, const struct ser_score_set *s, struct scores *c, struct ser_err *e)
{
	struct ser_boot_opt boot = ser_score_boot(o);
	struct ser_class_score score;
	int rc = SER_OK;
	for (int u = 0; rc == SER_OK && u < (c->spk ? 2 : 1); u++) {
		struct ser_eval_sets sets = ser_score_sets(s, u == 1);
		rc = ser_eval_classes(&sets, s->truth, s->pred, NULL, c->k, &boot, c->pooled[u], c->mean[u],
				      c->recall[u], e);
	}
	if (rc == SER_OK)
		rc = ser_confusion(s->truth, s->pred, NULL, s->n, c->k, c->conf, e);
	if (rc == SER_OK)
		rc = ser_overlap_check(&s->overlap, o->allow_shared, e);
	if (rc == SER_OK)
		ser_score_classes(c->conf, c->k, &score, c->row);
	return rc;
}

static void folds(struct ser_report *rep, const struct ser_score_set *s, size_t k)
{
	double *part = ser_malloc(ser_mul(k, k), sizeof *part);
	ser_report_table(rep, "folds", "Each fold",
			 (const char *const[]){"fold", "n", "speakers", "classes_absent", "uar", "war", "macro_f1"}, 7,
			 1);
	for (size_t f = 0; f < ser_map_len(s->fold); f++) {
		struct ser_class_score one;
		memset(part, 0, k * k * sizeof *part);
		for (size_t i = 0; i < s->n; i++)
			if (s->fold_of[i] == f)
				part[(size_t)s->truth[i] * k + (size_t)s->pred[i]]++;
		ser_score_classes(part, k, &one, NULL);
		ser_report_row(rep, (struct ser_val[]){ser_str(ser_map_key(s->fold, f, NULL)), ser_int((int64_t)one.n),
						       s->no_spk ? ser_nil()
								 : ser_int((int64_t)ser_score_speakers_of_fold(s, f)),
						       ser_int((int64_t)one.n_absent), ser_real(one.uar),
						       ser_real(one.war), ser_real(one.macro_f1)});
	}
	free(part);
}

static void each_class(struct ser_report *rep, const struct ser_score_opt *o, const struct ser_score_set *s,
		       const struct scores *c)
{
	ser_report_table(rep, "classes", "Each class, pooled",
			 (const char *const[]){"class", "n", "recall", "utt_lo", "utt_hi", "spk_lo", "spk_hi",
					       "precision", "f1"},
			 9, 1);
	for (size_t i = 0; i < c->k; i++)
		ser_report_row(rep,
			       (struct ser_val[]){ser_str(ser_map_key(s->name, i, NULL)),
						  ser_int((int64_t)c->row[i].support), ser_real(c->recall[0][i].value),
						  ser_score_bound(o, c->recall[0][i].lo, true),
						  ser_score_bound(o, c->recall[0][i].hi, true),
						  ser_score_bound(o, c->recall[1][i].lo, c->spk),
						  ser_score_bound(o, c->recall[1][i].hi, c->spk),
						  ser_real(c->row[i].precision), ser_real(c->row[i].f1)});
}

static void confusion(struct ser_report *rep, const struct ser_score_set *s, const double *conf, size_t k)
{
	const char **column = ser_malloc(k + 1, sizeof *column);
	struct ser_val *cell = ser_malloc(k + 1, sizeof *cell);
	column[0] = "truth";
	for (size_t i = 0; i < k; i++)
		column[i + 1] = ser_map_key(s->name, i, NULL);
	ser_report_table(rep, "confusion", "Confusion matrix, pooled: rows are the truth, columns the prediction",
			 column, k + 1, 1);
	for (size_t i = 0; i < k; i++) {
		cell[0] = ser_str(column[i + 1]);
		for (size_t j = 0; j < k; j++)
			cell[j + 1] = ser_int((int64_t)conf[i * k + j]);
		ser_report_row(rep, cell);
	}
	free(column);
	free(cell);
}

size_t ser_score_unpredictable(const struct ser_score_set *s, struct ser_buf *names)
{
	size_t k = ser_map_len(s->name), n = 0;
	size_t *n_of = ser_calloc(k + 1, sizeof *n_of);
	bool *met = ser_calloc(k + 1, sizeof *met);
	for (size_t i = 0; i < s->n; i++) {
		n_of[s->truth[i]]++;
		met[s->pred[i]] = true;
	}
	for (size_t c = 0; c < k && ser_map_len(s->said) > 0; c++) {
		const char *name = ser_map_key(s->name, c, NULL);
		if (n_of[c] == 0 || met[c] || ser_map_find(s->said, name, strlen(name)) >= 0)
			continue;
		ser_buf_printf(names, "%s%s", names->n > 0 ? " " : "", name);
		n += n_of[c];
	}
	free(n_of);
	free(met);
	return n;
}

static struct ser_report *fill(const struct ser_score_opt *o, const struct ser_score_set *s, const struct scores *c,
			       struct ser_buf *absent)
{
	struct ser_report *rep = ser_report_new();
	ser_score_about_items(rep, o, s);
	if (s->n_passed > 0) {
		ser_report_about(rep, "rejected", ser_int((int64_t)s->n_passed));
		ser_report_about(rep, "coverage", ser_real((double)s->n / (double)(s->n + s->n_passed)));
	}
	ser_report_about(rep, "classes", ser_int((int64_t)c->k));
	for (size_t i = 0; i < c->k; i++)
		if (!(c->row[i].support > 0)) /* it has no recall: UAR is over the others */
			ser_buf_printf(absent, "%s%s", absent->n > 0 ? " " : "", ser_map_key(s->name, i, NULL));
	if (absent->n > 0)
		ser_report_about(rep, "classes_absent_from_truth", ser_str(absent->s));
	struct ser_buf unknown = {0};
	if (ser_score_unpredictable(s, &unknown) > 0)
		ser_report_about(rep, "classes_unknown_to_model", ser_str(unknown.s));
	ser_buf_free(&unknown);
	ser_score_table(rep, o, s, ser_score_ec_name, SER_EC_N,
			(const struct ser_ci *const[]){c->pooled[0], c->pooled[1]},
			(const struct ser_ci *const[]){c->mean[0], c->mean[1]}, c->spk);
	if (ser_map_len(s->fold) > 1)
		folds(rep, s, c->k);
	each_class(rep, o, s, c);
	confusion(rep, s, c->conf, c->k);
	return rep;
}

struct ser_report *ser_score_report_classes(const struct ser_score_opt *o, const struct ser_score_set *s,
					    struct ser_buf *absent, struct ser_err *e)
{
	size_t k = ser_map_len(s->name);
	ser_assert(s->kind == SER_SCORE_CLASSES);
	struct scores c = {
		.k = k,
		.spk = ser_score_has_speakers(s),
		.recall = {ser_calloc(k, sizeof(struct ser_ci)), ser_calloc(k, sizeof(struct ser_ci))},
		.conf = ser_malloc(ser_mul(k, k), sizeof(double)),
		.row = ser_malloc(k, sizeof(struct ser_class_row)),
	};
	struct ser_report *rep = compute(o, s, &c, e) == SER_OK ? fill(o, s, &c, absent) : NULL;
	free(c.recall[0]);
	free(c.recall[1]);
	free(c.conf);
	free(c.row);
	return rep;
}
