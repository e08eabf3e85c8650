/* SPDX-License-Identifier: MIT */
#include "score/private.h"

#include <stdlib.h>

struct ser_boot_opt ser_score_boot(const struct ser_score_opt *o)
{
	return (struct ser_boot_opt){
		.n_boot = o->n_boot > 0 ? (size_t)o->n_boot : 1, /* without intervals: one draw, not shown */
		.level = o->level,
		.seed = (uint64_t)o->seed,
		.n_thread = o->n_thread,
		.bca = o->bca && o->n_boot > 0,
		.watch = o->n_boot > 0 ? o->watch : (struct ser_watch){0},
	};
}

struct ser_eval_sets ser_score_sets(const struct ser_score_set *s, bool speakers)
{
	return (struct ser_eval_sets){s->n, s->fold_of, ser_map_len(s->fold), speakers ? s->spk_of : NULL,
				      ser_map_len(s->spk)};
}

bool ser_score_has_speakers(const struct ser_score_set *s)
{
	return !s->no_spk && ser_map_len(s->spk) > 1;
}

size_t ser_score_speakers_of_fold(const struct ser_score_set *s, size_t fold)
{
	size_t n = 0;
	bool *seen = ser_calloc(ser_map_len(s->spk) + 1, sizeof *seen);
	for (size_t i = 0; i < s->n; i++)
		if (s->fold_of[i] == fold && !seen[s->spk_of[i]]) {
			seen[s->spk_of[i]] = true;
			n++;
		}
	free(seen);
	return n;
}

struct ser_val ser_score_n_speaker(const struct ser_score_set *s)
{
	return s->no_spk ? ser_str("unknown") : ser_int((int64_t)ser_map_len(s->spk));
}

void ser_score_about_draws(struct ser_report *rep, const struct ser_score_opt *o)
{
	ser_report_about(rep, "seed", ser_int(o->seed));
	ser_report_about(rep, "replicates", ser_int(o->n_boot));
	ser_report_about(rep, "level", ser_real(o->level));
	ser_report_about(rep, "interval", ser_str(o->bca ? "bca" : "percentile"));
}

void ser_score_about_items(struct ser_report *rep, const struct ser_score_opt *o, const struct ser_score_set *s)
{
	if (o->label != NULL)
		ser_report_about(rep, "label", ser_str(o->label));
	ser_report_about(rep, "n", ser_int((int64_t)s->n));
	ser_report_about(rep, "folds", ser_int((int64_t)ser_map_len(s->fold)));
	ser_report_about(rep, "folds_are", ser_str(s->by_file ? "files" : "labels"));
	ser_report_about(rep, "speakers", ser_score_n_speaker(s));
	ser_overlap_about(rep, &s->overlap, "");
	ser_score_about_draws(rep, o);
}

struct ser_val ser_score_bound(const struct ser_score_opt *o, double x, bool shown)
{
	return shown && o->n_boot > 0 ? ser_real(x) : ser_nil();
}

static void rows(struct ser_report *rep, const struct ser_score_opt *o, const char *set, const char *(*name)(int),
		 int n, const struct ser_ci *utt, const struct ser_ci *spk)
{
	for (int i = 0; i < n; i++)
		ser_report_row(rep, (struct ser_val[]){ser_str(set), ser_str(name(i)), ser_real(utt[i].value),
						       ser_score_bound(o, utt[i].lo, true),
						       ser_score_bound(o, utt[i].hi, true),
						       ser_score_bound(o, spk != NULL ? spk[i].lo : 0, spk != NULL),
						       ser_score_bound(o, spk != NULL ? spk[i].hi : 0, spk != NULL)});
}

void ser_score_table(struct ser_report *rep, const struct ser_score_opt *o, const struct ser_score_set *s,
		     const char *(*name)(int), int n_score, const struct ser_ci *const pooled[2],
		     const struct ser_ci *const mean[2], bool spk)
{
	static const char *const column[] = {"set", "score", "value", "utt_lo", "utt_hi", "spk_lo", "spk_hi"};
	bool folds = mean != NULL && ser_map_len(s->fold) > 1;
	ser_report_table(rep, "scores", folds ? "Scores, pooled over all items and averaged over folds" : "Scores",
			 column, 7, 2);
	rows(rep, o, "pooled", name, n_score, pooled[0], spk ? pooled[1] : NULL);
	if (folds)
		rows(rep, o, "fold_mean", name, n_score, mean[0], spk ? mean[1] : NULL);
}

const char *ser_score_ec_name(int i)
{
	return ser_ec_name((enum ser_ec)i);
}

const char *ser_score_er_name(int i)
{
	return ser_er_name((enum ser_er)i);
}
