/* SPDX-License-Identifier: MIT */
#include "score/private.h"

#include <stdlib.h>
#include <string.h>

/* The second system's predictions [n] in the first's order. */
struct paired {
	const struct ser_score_set *a, *b;
	bool numbers, spk;
	struct ser_map *name; /* the first's classes, then those that only the second has */
	int *pred2;           /* numbers of `name` */
	double *y2;
	size_t only[2], both;                /* items that one system alone has right, and both */
	struct ser_ci diff[2][2][SER_EC_N];  /* [utterances, speakers][pooled, mean] */
	struct ser_ci alone[2][2][SER_EC_N]; /* [system][pooled, mean] */
};

static int pair(const struct ser_score_opt *o, struct paired *p, const char *const name[2], struct ser_err *e)
{
	const struct ser_score_set *a = p->a, *b = p->b;
	if (a->n != b->n)
		return ser_fail(e, SER_EDATA, "%s has %zu record%s, %s %zu: two systems are compared on the same items",
				name[0], a->n, ser_s(a->n), name[1], b->n);
	for (size_t i = 0; i < a->n; i++) {
		size_t len;
		const char *id = ser_map_key(a->id, i, &len);
		ptrdiff_t at = ser_map_find(b->id, id, len);
		if (at < 0)
			return ser_fail(e, SER_EDATA, "%s: there is no record \"%s\", which %s has", name[1], id,
					name[0]);
		size_t j = (size_t)at;
		bool same = p->numbers ? a->x[i] == b->x[j]
				       : strcmp(ser_map_key(a->name, (size_t)a->truth[i], NULL),
						ser_map_key(b->name, (size_t)b->truth[j], NULL)) == 0;
		if (!same)
			return ser_fail(e, SER_EDATA, "record \"%s\" has another \"%s\" in %s than in %s", id, o->label,
					name[0], name[1]);
		if (p->numbers) {
			p->y2[i] = b->y[j];
			continue;
		}
		p->pred2[i] = (int)ser_score_put(p->name, ser_map_key(b->name, (size_t)b->pred[j], NULL));
		bool hit = a->pred[i] == a->truth[i], hit2 = p->pred2[i] == a->truth[i];
		p->only[0] += hit && !hit2;
		p->only[1] += hit2 && !hit;
		p->both += hit && hit2;
	}
	return SER_OK;
}

/* Pooled and mean scores of one system, second NULL, or the difference of two. */
static int score(const struct paired *p, const struct ser_eval_sets *sets, bool second_alone, bool difference,
		 const struct ser_boot_opt *boot, struct ser_ci ci[2][SER_EC_N], struct ser_err *e)
{
	const struct ser_score_set *a = p->a;
	if (p->numbers)
		return ser_eval_regress(sets, a->x, second_alone ? p->y2 : a->y, difference ? p->y2 : NULL, boot, ci[0],
					ci[1], e);
	return ser_eval_classes(sets, a->truth, second_alone ? p->pred2 : a->pred, difference ? p->pred2 : NULL,
				ser_map_len(p->name), boot, ci[0], ci[1], NULL, e);
}

static int compute(const struct ser_score_opt *o, struct paired *p, struct ser_err *e)
{
	struct ser_boot_opt boot = ser_score_boot(o), once = boot;
	int rc = SER_OK;
	once.n_boot = 1;
	once.bca = false;
	for (int u = 0; rc == SER_OK && u < 2; u++) {
		struct ser_eval_sets sets = ser_score_sets(p->a, u == 1), all = ser_score_sets(p->a, false);
		if (u == 0 || p->spk)
			rc = score(p, &sets, false, true, &boot, p->diff[u], e);
		if (rc == SER_OK)
			rc = score(p, &all, u == 1, false, &once, p->alone[u], e);
	}
	if (rc == SER_OK)
		rc = ser_overlap_check(&p->a->overlap, o->allow_shared, e);
	if (rc == SER_OK)
		rc = ser_overlap_check(&p->b->overlap, o->allow_shared, e);
	return rc;
}

static struct ser_report *fill(const struct ser_score_opt *o, const struct paired *p, const char *const name[2])
{
	const struct ser_score_set *a = p->a;
	struct ser_report *rep = ser_report_new();
	size_t n_fold = ser_map_len(a->fold);
	bool spk = p->spk;
	ser_report_about(rep, "first", ser_str(name[0]));
	ser_report_about(rep, "second", ser_str(name[1]));
	ser_report_about(rep, "label", ser_str(o->label));
	ser_report_about(rep, "n", ser_int((int64_t)a->n));
	ser_report_about(rep, "folds", ser_int((int64_t)n_fold));
	ser_report_about(rep, "speakers", ser_score_n_speaker(a));
	ser_overlap_about(rep, &a->overlap, "_first");
	ser_overlap_about(rep, &p->b->overlap, "_second");
	ser_score_about_draws(rep, o);
	ser_report_table(rep, "differences",
			 "First minus second, with intervals of the difference and two-sided p-values",
			 (const char *const[]){"set", "score", "first", "second", "difference", "utt_lo", "utt_hi",
					       "utt_p", "spk_lo", "spk_hi", "spk_p"},
			 11, 2);
	for (int m = 0; m < (n_fold > 1 ? 2 : 1); m++)
		for (int i = 0; i < (p->numbers ? (int)SER_ER_N : (int)SER_EC_N); i++) {
			const struct ser_ci *d = &p->diff[0][m][i], *q = &p->diff[1][m][i];
			ser_report_row(rep, (struct ser_val[]){
						    ser_str(m == 0 ? "pooled" : "fold_mean"),
						    ser_str(p->numbers ? ser_score_er_name(i) : ser_score_ec_name(i)),
						    ser_real(p->alone[0][m][i].value),
						    ser_real(p->alone[1][m][i].value), ser_real(d->value),
						    ser_score_bound(o, d->lo, true), ser_score_bound(o, d->hi, true),
						    ser_score_bound(o, d->p, true), ser_score_bound(o, q->lo, spk),
						    ser_score_bound(o, q->hi, spk), ser_score_bound(o, q->p, spk)});
		}
	if (p->numbers)
		return rep;
	ser_report_table(rep, "mcnemar", "McNemar's exact test on which items are right",
			 (const char *const[]){"items", "both_right", "first_only", "second_only", "both_wrong", "p"},
			 6, 1);
	ser_report_row(rep, (struct ser_val[]){ser_int((int64_t)a->n), ser_int((int64_t)p->both),
					       ser_int((int64_t)p->only[0]), ser_int((int64_t)p->only[1]),
					       ser_int((int64_t)(a->n - p->both - p->only[0] - p->only[1])),
					       ser_real(ser_mcnemar(p->only[0], p->only[1]))});
	return rep;
}

struct ser_report *ser_score_report_compare(const struct ser_score_opt *o, const struct ser_score_set *const set[2],
					    const char *const name[2], struct ser_err *e)
{
	struct ser_report *rep = NULL;
	struct paired p = {
		.a = set[0],
		.b = set[1],
		.numbers = set[0]->kind == SER_SCORE_NUMBERS,
		.spk = ser_score_has_speakers(set[0]),
		.name = ser_map_new(),
		.pred2 = ser_malloc(set[0]->n, sizeof(int)),
		.y2 = ser_malloc(set[0]->n, sizeof(double)),
	};
	ser_assert(set[0]->kind == set[1]->kind && (p.numbers || set[0]->kind == SER_SCORE_CLASSES));
	for (size_t i = 0; i < ser_map_len(set[0]->name); i++)
		ser_score_put(p.name, ser_map_key(set[0]->name, i, NULL));
	if (pair(o, &p, name, e) == SER_OK && compute(o, &p, e) == SER_OK)
		rep = fill(o, &p, name);
	ser_map_free(p.name);
	free(p.pred2);
	free(p.y2);
	return rep;
}
