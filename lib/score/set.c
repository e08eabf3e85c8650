/* SPDX-License-Identifier: MIT */
#include "score/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ser_score_opt_init(struct ser_score_opt *o)
{
	*o = (struct ser_score_opt){
		.pred = "pred",
		.fold = "fold",
		.cluster = "cluster",
		.field = "emb",
		.text = "text_emb",
		.n_boot = 2000,
		.level = 0.95,
		.n_thread = 1,
		.n_perm = 1000,
		.metric = SER_COSINE,
		.top = 300,
		.truth = -1,
		.threshold = (double)NAN,
		.cost = ser_verify_default,
	};
}

struct ser_score_set *ser_score_set_new(const struct ser_score_opt *o, enum ser_score_kind kind)
{
	struct ser_score_set *s = ser_calloc(1, sizeof *s);
	*s = (struct ser_score_set){.o = o,
				    .kind = kind,
				    .id = ser_map_new(),
				    .spk = ser_map_new(),
				    .fold = ser_map_new(),
				    .name = ser_map_new(),
				    .said = ser_map_new()};
	return s;
}

void ser_score_set_free(struct ser_score_set *s)
{
	if (s == NULL)
		return;
	ser_map_free(s->id);
	ser_map_free(s->spk);
	ser_map_free(s->fold);
	ser_map_free(s->name);
	ser_map_free(s->said);
	ser_overlap_free(&s->overlap);
	free(s->spk_of);
	free(s->fold_of);
	free(s->truth);
	free(s->pred);
	free(s->x);
	free(s->y);
	free(s->emb);
	free(s->unit);
	free(s->text);
	free(s->share);
	free(s->post);
	free(s);
}

/* Whose the record is. Clusters of records without a speaker are one group. */
static int add_speaker(struct ser_score_set *s, const struct ser_header *h, struct ser_record *r, struct ser_err *e)
{
	const char *spk = NULL;
	int rc = s->no_spk ? SER_OK : ser_record_str(r, ser_score_speaker(s->o), &spk, e);
	if (rc != SER_OK)
		return rc;
	s->spk_of = ser_grow(s->spk_of, &s->cap[0], s->n + 1, sizeof *s->spk_of);
	s->spk_of[s->n] = 0;
	if (spk != NULL)
		s->spk_of[s->n] = ser_score_put(s->spk, spk);
	else if (s->kind == SER_SCORE_CLUSTERS)
		s->spk_of[s->n] = ser_score_put(s->spk, "all");
	ser_overlap_record(&s->overlap, h, r, spk);
	return SER_OK;
}

/* ---- predictions ---- */

/* The posteriors [*k] of a record that has no label of the prediction; `absent` is what to say without. */
static int posteriors(struct ser_record *r, const char *absent, const float **p, size_t *k, struct ser_err *e)
{
	if (ser_record_get(r, "post") == NULL)
		return ser_record_fail(r, e, SER_EDATA, "%s", absent);
	return ser_record_f4(r, "post", 1, p, k, e);
}

/* Class of the greatest posterior, the first among equals, by the header's class names; text in b. */
static int best_class(struct ser_record *r, const struct ser_header *h, struct ser_buf *b, struct ser_err *e)
{
	const struct ser_val *names = ser_score_said(h, "post", "classes");
	const float *p;
	size_t k, best = 0;
	int rc = posteriors(r, "there is neither a label \"pred\" nor a tensor \"post\"; ser-predict makes them", &p,
			    &k, e);
	if (rc != SER_OK)
		return rc;
	if (names == NULL || names->u.list.n != k || k == 0)
		return ser_record_fail(r, e, SER_EDATA, "the header does not name the classes of \"post\"");
	for (size_t i = 0; i < k; i++) {
		if (isnan(p[i]))
			return ser_record_fail(r, e, SER_EDATA, "\"post\" is not a number");
		if (p[i] > p[best])
			best = i;
	}
	ser_buf_str(b, "");
	ser_val_text(b, &names->u.list.v[best]);
	return SER_OK;
}

/* A prediction for the label out of the tensor "post" [K] whose header names its columns. */
static int column_of(struct ser_record *r, const struct ser_header *h, const char *label, double *y, struct ser_err *e)
{
	const struct ser_val *names = ser_score_said(h, "post", "classes");
	const float *p;
	size_t k;
	int rc = posteriors(r, "there is no prediction", &p, &k, e);
	if (rc != SER_OK)
		return rc;
	for (size_t i = 0; names != NULL && names->u.list.n == k && i < k; i++)
		if (ser_val_is_str(&names->u.list.v[i], label)) {
			*y = p[i];
			return SER_OK;
		}
	if (k != 1 || names != NULL)
		return ser_record_fail(r, e, SER_EDATA,
				       "the header does not say which column of \"post\" predicts the label");
	*y = p[0];
	return SER_OK;
}

static int add_fold(struct ser_score_set *s, const char *file, struct ser_record *r, struct ser_err *e)
{
	const char *fold = file;
	int rc = s->by_file ? SER_OK : ser_record_str(r, s->o->fold, &fold, e);
	if (rc != SER_OK)
		return rc;
	s->fold_of = ser_grow(s->fold_of, &s->cap[1], s->n + 1, sizeof *s->fold_of);
	s->fold_of[s->n] = ser_score_put(s->fold, fold);
	return SER_OK;
}

static int add_numbers(struct ser_score_set *s, const struct ser_header *h, struct ser_record *r, struct ser_err *e)
{
	const struct ser_score_opt *o = s->o;
	double x, y;
	int rc = ser_record_real(r, o->label, &x, e);
	if (rc == SER_OK)
		rc = ser_record_get(r, o->pred) != NULL ? ser_record_real(r, o->pred, &y, e)
							: column_of(r, h, o->label, &y, e);
	if (rc != SER_OK)
		return rc;
	s->x = ser_grow(s->x, &s->cap[2], s->n + 1, sizeof *s->x);
	s->y = ser_grow(s->y, &s->cap[3], s->n + 1, sizeof *s->y);
	s->x[s->n] = x;
	s->y[s->n] = y;
	return SER_OK;
}

static int add_classes(struct ser_score_set *s, const struct ser_header *h, struct ser_record *r, struct ser_err *e)
{
	const struct ser_score_opt *o = s->o;
	const char *truth, *pred = NULL;
	struct ser_buf best = {0};
	int rc = ser_record_str(r, o->label, &truth, e);
	if (rc == SER_OK)
		rc = ser_record_get(r, o->pred) != NULL ? ser_record_str(r, o->pred, &pred, e)
							: best_class(r, h, &best, e);
	if (rc == SER_OK) {
		s->truth = ser_grow(s->truth, &s->cap[2], s->n + 1, sizeof *s->truth);
		s->pred = ser_grow(s->pred, &s->cap[3], s->n + 1, sizeof *s->pred);
		s->truth[s->n] = (int)ser_score_put(s->name, truth);
		s->pred[s->n] = (int)ser_score_put(s->name, pred != NULL ? pred : best.s);
	}
	ser_buf_free(&best);
	return rc;
}

/* ser-predict --reject leaves the prediction nil, ser-kmeans --pass-small the cluster. */
static bool rejected(const struct ser_score_set *s, const struct ser_record *r)
{
	if (s->kind != SER_SCORE_CLASSES && s->kind != SER_SCORE_CLUSTERS)
		return false;
	const struct ser_val *v = ser_record_get(r, s->kind == SER_SCORE_CLASSES ? s->o->pred : s->o->cluster);
	return v != NULL && v->kind == SER_NIL;
}

/* ---- the set ---- */

/* What the first record decides for all. */
static void begin(struct ser_score_set *s, const struct ser_header *h, const struct ser_record *r)
{
	const struct ser_score_opt *o = s->o;
	bool need_spk = o->by != NULL;
	if (s->kind == SER_SCORE_VOICES)
		need_spk = need_spk || o->trials == NULL;
	else if (s->kind == SER_SCORE_COHORT)
		need_spk = false;
	s->no_spk = !need_spk && ser_record_get(r, ser_score_speaker(o)) == NULL;
	if (s->kind == SER_SCORE_CLUSTERS)
		s->has_emb = o->need_field || ser_record_get(r, o->field) != NULL;
	for (size_t i = 0; i < o->votes.n && (s->kind == SER_SCORE_VOTES || s->kind == SER_SCORE_LABELS); i++) {
		const char *dot = strrchr(o->votes.s[i], '.');
		ser_score_put(s->name, dot != NULL ? dot + 1 : o->votes.s[i]);
	}
	if (s->kind == SER_SCORE_LABELS)
		s->by_file = ser_record_get(r, o->fold) == NULL;
	if (s->kind != SER_SCORE_CLASSES && s->kind != SER_SCORE_NUMBERS && s->kind != SER_SCORE_POSTERIORS)
		return;
	s->by_file = ser_record_get(r, o->fold) == NULL;
	ser_score_put_list(s->name, ser_score_said(h, "post", "classes"));
	s->n_said = ser_map_len(s->name);
}

int ser_score_set_add(struct ser_score_set *s, const struct ser_header *h, bool new_segment, const char *file,
		      struct ser_record *r, struct ser_err *e)
{
	bool votes = s->kind == SER_SCORE_VOTES || s->kind == SER_SCORE_LABELS;
	bool items = s->kind == SER_SCORE_CLASSES || s->kind == SER_SCORE_NUMBERS || s->kind == SER_SCORE_LABELS ||
		     s->kind == SER_SCORE_POSTERIORS;
	bool frames = s->kind == SER_SCORE_FRAMES;
	if (s->n == 0 || new_segment)
		ser_overlap_segment(&s->overlap, h, items || frames ? "post" : s->o->field);
	if ((s->n == 0 || new_segment) && s->kind == SER_SCORE_CLASSES)
		ser_score_put_list(s->said, ser_score_said(h, "post", "classes"));
	if (s->n == 0)
		begin(s, h, r);
	int rc = votes ? ser_score_add_votes(s, h, r, e) : rejected(s, r);
	if (rc != SER_OK) {
		s->n_passed += rc > 0;
		return rc > 0 ? SER_OK : rc;
	}
	if (s->kind != SER_SCORE_CLUSTERS)
		ser_score_put(s->id, ser_record_id(r));
	rc = add_speaker(s, h, r, e);
	if (rc == SER_OK && items)
		rc = add_fold(s, file, r, e);
	if (rc == SER_OK && !votes)
		rc = s->kind == SER_SCORE_CLASSES      ? add_classes(s, h, r, e)
		     : s->kind == SER_SCORE_NUMBERS    ? add_numbers(s, h, r, e)
		     : s->kind == SER_SCORE_POSTERIORS ? ser_score_add_posteriors(s, h, r, e)
		     : s->kind == SER_SCORE_CLUSTERS   ? ser_score_add_cluster(s, r, e)
		     : frames                          ? ser_score_add_frames(s, h, r, e)
		     : s->kind == SER_SCORE_PAIRS      ? ser_score_add_pair(s, r, e)
						       : ser_score_add_voice(s, r, e);
	s->n += rc == SER_OK;
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Classes in the order that was asked for, then in the header's, then, by name, those that only the records have. */
static int order_classes(struct ser_score_set *s, struct ser_err *e)
{
	size_t k = ser_map_len(s->name);
	for (size_t i = 0; i < s->o->order.n; i++)
		if (ser_map_find(s->name, s->o->order.s[i], strlen(s->o->order.s[i])) < 0)
			return ser_fail(e, SER_EUSAGE, "--order: no class is called \"%s\"", s->o->order.s[i]);
	struct ser_map *sorted = ser_map_new();
	const char **name = ser_malloc(k, sizeof *name);
	for (size_t i = 0; i < k; i++)
		name[i] = ser_map_key(s->name, i, NULL);
	qsort(name + s->n_said, k - s->n_said, sizeof *name, by_name);
	for (size_t i = 0; i < s->o->order.n; i++)
		ser_score_put(sorted, s->o->order.s[i]);
	for (size_t i = 0; i < k; i++)
		ser_score_put(sorted, name[i]);
	for (size_t i = 0; i < s->n; i++) {
		s->truth[i] = (int)ser_score_put(sorted, ser_map_key(s->name, (size_t)s->truth[i], NULL));
		s->pred[i] = (int)ser_score_put(sorted, ser_map_key(s->name, (size_t)s->pred[i], NULL));
	}
	free(name);
	ser_map_free(s->name);
	s->name = sorted;
	return SER_OK;
}

int ser_score_set_done(struct ser_score_set *s, const char *file, struct ser_err *e)
{
	bool voices = s->kind == SER_SCORE_VOICES || s->kind == SER_SCORE_COHORT;
	if (s->n == 0 && s->n_passed > 0 && s->kind == SER_SCORE_CLUSTERS)
		return ser_fail(e, SER_EDATA, "%s: no record has a cluster", file);
	if (s->n == 0 && s->n_passed > 0 && s->kind == SER_SCORE_CLASSES)
		return ser_fail(e, SER_EDATA, "%s: every record was rejected", file);
	if (s->n == 0 && s->n_passed > 0)
		return ser_fail(e, SER_EDATA, "%s: no record has votes, or those that do test or validate", file);
	if (s->n == 0)
		return ser_fail(e, SER_EDATA,
				voices ? "%s: there are no embeddings" : "%s: there are no records to score", file);
	return s->kind == SER_SCORE_CLASSES ? order_classes(s, e) : SER_OK;
}
