/* SPDX-License-Identifier: MIT */
#include "score/private.h"

#include <stdlib.h>

/* Scores [n_fold] of each fold. */
static int each_fold(const struct ser_score_set *s, struct ser_regress_score *one, struct ser_err *e)
{
	double *x = ser_malloc(2 * s->n, sizeof *x), *ws = ser_malloc(2 * s->n, sizeof *ws);
	int rc = SER_OK;
	for (size_t f = 0; rc == SER_OK && f < ser_map_len(s->fold); f++) {
		size_t n = 0;
		for (size_t i = 0; i < s->n; i++)
			if (s->fold_of[i] == f) {
				x[n] = s->x[i];
				x[s->n + n++] = s->y[i];
			}
		struct ser_regress *r = ser_regress_new(x, x + s->n, n, e);
		if (r != NULL)
			ser_regress_do(r, NULL, ws, &one[f]);
		else
			rc = e->code;
		ser_regress_free(r);
	}
	free(x);
	free(ws);
	return rc;
}

static void folds(struct ser_report *rep, const struct ser_score_set *s, const struct ser_regress_score *one)
{
	ser_report_table(rep, "folds", "Each fold",
			 (const char *const[]){"fold", "n", "speakers", "ccc", "pearson", "spearman", "rmse"}, 7, 1);
	for (size_t f = 0; f < ser_map_len(s->fold); f++)
		ser_report_row(rep, (struct ser_val[]){
					    ser_str(ser_map_key(s->fold, f, NULL)), ser_int((int64_t)one[f].n),
					    s->no_spk ? ser_nil() : ser_int((int64_t)ser_score_speakers_of_fold(s, f)),
					    ser_real(one[f].ccc), ser_real(one[f].pearson), ser_real(one[f].spearman),
					    ser_real(one[f].rmse)});
}

struct ser_report *ser_score_report_regress(const struct ser_score_opt *o, const struct ser_score_set *s,
					    struct ser_err *e)
{
	struct ser_report *rep = NULL;
	struct ser_ci pooled[2][SER_ER_N], mean[2][SER_ER_N];
	struct ser_regress_score *one = ser_malloc(ser_map_len(s->fold), sizeof *one);
	struct ser_boot_opt boot = ser_score_boot(o);
	bool spk = ser_score_has_speakers(s), several = ser_map_len(s->fold) > 1;
	int rc = SER_OK;
	ser_assert(s->kind == SER_SCORE_NUMBERS);
	for (int u = 0; rc == SER_OK && u < (spk ? 2 : 1); u++) {
		struct ser_eval_sets sets = ser_score_sets(s, u == 1);
		rc = ser_eval_regress(&sets, s->x, s->y, NULL, &boot, pooled[u], mean[u], e);
	}
	if (rc == SER_OK)
		rc = ser_overlap_check(&s->overlap, o->allow_shared, e);
	if (rc == SER_OK && several)
		rc = each_fold(s, one, e);
	if (rc == SER_OK) {
		rep = ser_report_new();
		ser_score_about_items(rep, o, s);
		ser_score_table(rep, o, s, ser_score_er_name, SER_ER_N,
				(const struct ser_ci *const[]){pooled[0], pooled[1]},
				(const struct ser_ci *const[]){mean[0], mean[1]}, spk);
		if (several)
			folds(rep, s, one);
	}
	free(one);
	return rep;
}
