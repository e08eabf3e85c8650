/* SPDX-License-Identifier: MIT */
#include "score/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Scores of a group: those of ser_score_clusters(), the silhouette of the clusters and that of the label. */
enum { SIL_CLUSTER = SER_CS_N, SIL_LABEL, N_SCORE };

static const char *name_of(size_t i)
{
	return i == SIL_CLUSTER ? "silhouette" : i == SIL_LABEL ? "silhouette_label" : ser_cs_name((enum ser_cs)i);
}

int ser_score_add_cluster(struct ser_score_set *s, struct ser_record *r, struct ser_err *e)
{
	const char *truth;
	const float *v = NULL;
	int64_t q;
	int rc = ser_record_str(r, s->o->label, &truth, e);
	if (rc == SER_OK)
		rc = ser_record_int(r, s->o->cluster, &q, e);
	if (rc == SER_OK && (q < 0 || q > 1000000))
		rc = ser_record_fail(r, e, SER_EDATA, "the cluster is not in 0 to 1000000");
	if (rc == SER_OK && s->has_emb)
		rc = ser_score_get_embedding(s, r, &v, e);
	if (rc != SER_OK)
		return rc;
	s->truth = ser_grow(s->truth, &s->cap[2], s->n + 1, sizeof *s->truth);
	s->truth[s->n] = (int)ser_score_put(s->name, truth);
	s->pred = ser_grow(s->pred, &s->cap[3], s->n + 1, sizeof *s->pred);
	s->pred[s->n] = (int)q;
	if (v != NULL) {
		s->emb = ser_grow(s->emb, &s->cap[4], ser_mul(s->n + 1, s->d), sizeof *s->emb);
		memcpy(s->emb + s->n * s->d, v, s->d * sizeof *v);
	}
	return SER_OK;
}

struct scores {
	size_t n_group, n_perm;
	double *obs;               /* [n_group,N_SCORE]; NaN where undefined */
	double *perm;              /* [n_perm,N_SCORE] of the group at hand */
	double *sum;               /* [n_perm,N_SCORE] over groups where the score is defined */
	struct ser_chance *chance; /* [n_group,N_SCORE] */
	size_t *size;              /* [n_group] records */
	size_t n_def[N_SCORE];     /* groups where the score is defined */
	struct ser_ci mean[N_SCORE];
};

/* How far the shuffles of all groups are, of which those of one are a part. */
struct part {
	const struct ser_watch *whole;
	size_t before, total;
};

static void say_part(void *ctx, const char *what, size_t done, size_t total)
{
	const struct part *p = ctx;
	(void)total;
	p->whole->say(p->whole->ctx, what, p->before + done, p->total);
}

/* The records of one group: truth [n], cluster [n] in [0,k), embeddings x [n,d] or NULL. */
struct group {
	int *truth, *own;
	float *x;
	size_t n, k;
};

/* Both silhouettes of a group; undefined for one cluster or one class: they stay NaN. part [n_perm] is scratch. */
static int silhouettes(const struct ser_score_opt *o, const struct ser_score_set *s, const struct group *g,
		       const char *key, double *obs, double *perm, double *part, const struct ser_watch *w,
		       struct ser_err *e)
{
	size_t n_perm = (size_t)o->n_perm, n_class = ser_map_len(s->name);
	double *dist = ser_malloc(ser_mul(g->n, g->n), sizeof *dist);
	struct ser_err undefined;
	int rc = ser_distances(g->x, g->n, s->d, (enum ser_metric)o->metric, o->n_thread, dist, e);
	if (rc != SER_OK) {
		ser_fail_in(e, "%s \"%s\"", ser_score_speaker(o), key);
	} else {
		ser_silhouette_dist(dist, g->n, g->own, g->k, NULL, &obs[SIL_CLUSTER], &undefined);
		if (ser_silhouette_dist(dist, g->n, g->truth, n_class, NULL, &obs[SIL_LABEL], &undefined) == SER_OK) {
			ser_silhouette_permute(dist, g->n, g->truth, n_class, n_perm, (uint64_t)o->seed, key,
					       o->n_thread, w, part, &undefined);
			for (size_t r = 0; r < n_perm; r++)
				perm[r * N_SCORE + SIL_LABEL] = part[r];
		}
	}
	free(dist);
	return rc;
}

/* Observed scores [N_SCORE] of group i and those of the shuffles, perm [n_perm,N_SCORE]; NaN where undefined. */
static int score_group(const struct ser_score_opt *o, const struct ser_score_set *s, size_t i, double *obs,
		       double *perm, size_t *size, struct part *whole, struct ser_err *e)
{
	const struct ser_watch watch = {o->watch.say != NULL ? say_part : NULL, whole};
	size_t n_class = ser_map_len(s->name), n_perm = (size_t)o->n_perm;
	const char *key = ser_map_key(s->spk, i, NULL);
	struct group g = {.truth = ser_malloc(s->n, sizeof *g.truth),
			  .own = ser_malloc(s->n, sizeof *g.own),
			  .x = s->emb != NULL ? ser_malloc(ser_mul(s->n, s->d), sizeof *g.x) : NULL};
	double *part = ser_malloc(ser_mul(n_perm + 1, SER_CS_N), sizeof *part);
	for (size_t j = 0; j < s->n; j++)
		if (s->spk_of[j] == i) {
			g.truth[g.n] = s->truth[j];
			g.own[g.n] = s->pred[j];
			g.k = (size_t)s->pred[j] >= g.k ? (size_t)s->pred[j] + 1 : g.k;
			if (g.x != NULL)
				memcpy(g.x + g.n * s->d, s->emb + j * s->d, s->d * sizeof *g.x);
			g.n++;
		}
	int rc = ser_score_clusters(g.truth, n_class, g.own, g.k, g.n, obs, e);
	if (rc == SER_OK)
		rc = ser_cluster_permute(g.truth, n_class, g.own, g.k, g.n, n_perm, (uint64_t)o->seed, key, o->n_thread,
					 &watch, part, e);
	whole->before += n_perm;
	if (rc == SER_OK) {
		obs[SIL_CLUSTER] = obs[SIL_LABEL] = NAN;
		for (size_t r = 0; r < n_perm; r++) {
			memcpy(perm + r * N_SCORE, part + r * SER_CS_N, SER_CS_N * sizeof *perm);
			perm[r * N_SCORE + SIL_CLUSTER] = perm[r * N_SCORE + SIL_LABEL] = NAN;
		}
		if (g.x != NULL)
			rc = silhouettes(o, s, &g, key, obs, perm, part, &watch, e);
	}
	whole->before += s->emb != NULL ? n_perm : 0;
	*size = g.n;
	free(part);
	free(g.truth);
	free(g.own);
	free(g.x);
	return rc;
}

static int compute(const struct ser_score_opt *o, const struct ser_score_set *s, struct scores *c, struct ser_err *e)
{
	struct part part = {&o->watch, 0, c->n_group * c->n_perm * (s->emb != NULL ? 2 : 1)};
	struct ser_boot_opt boot = ser_score_boot(o);
	double *column = ser_malloc(c->n_group, sizeof *column);
	int rc = SER_OK;
	for (size_t g = 0; rc == SER_OK && g < c->n_group; g++) {
		rc = score_group(o, s, g, c->obs + g * N_SCORE, c->perm, &c->size[g], &part, e);
		for (size_t i = 0; rc == SER_OK && i < N_SCORE; i++) {
			double obs = c->obs[g * N_SCORE + i];
			if (isnan(obs))
				continue;
			c->n_def[i]++;
			c->chance[g * N_SCORE + i] = ser_chance(obs, c->perm + i, c->n_perm, N_SCORE);
			for (size_t r = 0; r < c->n_perm; r++)
				c->sum[r * N_SCORE + i] += c->perm[r * N_SCORE + i];
		}
	}
	for (size_t i = 0; rc == SER_OK && i < N_SCORE; i++) {
		for (size_t g = 0; g < c->n_group; g++)
			column[g] = c->obs[g * N_SCORE + i];
		for (size_t r = 0; r < c->n_perm; r++)
			c->sum[r * N_SCORE + i] /= (double)c->n_def[i];
		rc = ser_eval_mean(column, c->n_group, &boot, &c->mean[i], e);
	}
	free(column);
	return rc;
}

static void each_group(struct ser_report *rep, const struct ser_score_set *s, const struct scores *c)
{
	ser_report_table(rep, "groups", "Each group",
			 (const char *const[]){"group", "score", "n", "value", "chance", "chance_sd", "p"}, 7, 2);
	for (size_t g = 0; g < c->n_group; g++)
		for (size_t i = 0; i < N_SCORE; i++) {
			const struct ser_chance *ch = &c->chance[g * N_SCORE + i];
			double v = c->obs[g * N_SCORE + i];
			bool shown = c->n_perm > 0 && i != SIL_CLUSTER && !isnan(v);
			ser_report_row(rep, (struct ser_val[]){ser_str(ser_map_key(s->spk, g, NULL)),
							       ser_str(name_of(i)), ser_int((int64_t)c->size[g]),
							       ser_real(v), shown ? ser_real(ch->mean) : ser_nil(),
							       shown ? ser_real(ch->sd) : ser_nil(),
							       shown ? ser_real(ch->p) : ser_nil()});
		}
}

static struct ser_report *fill(const struct ser_score_opt *o, const struct ser_score_set *s, const struct scores *c)
{
	struct ser_report *rep = ser_report_new();
	ser_report_about(rep, "label", ser_str(o->label));
	ser_report_about(rep, "cluster", ser_str(o->cluster));
	ser_report_about(rep, "n", ser_int((int64_t)s->n));
	if (s->n_passed > 0)
		ser_report_about(rep, "passed_over", ser_int((int64_t)s->n_passed));
	ser_report_about(rep, "classes", ser_int((int64_t)ser_map_len(s->name)));
	ser_report_about(rep, "groups", ser_int((int64_t)c->n_group));
	ser_report_about(rep, "groups_by", ser_str(o->by != NULL || c->n_group > 1 ? ser_score_speaker(o) : "none"));
	ser_overlap_about(rep, &s->overlap, "");
	ser_report_about(rep, "permutations", ser_int(o->n_perm));
	ser_score_about_draws(rep, o);
	ser_report_table(
		rep, "scores", "Mean over groups; chance is the mean with labels shuffled inside each group",
		(const char *const[]){"score", "mean", "group_lo", "group_hi", "chance", "chance_sd", "p", "groups"}, 8,
		1);
	for (size_t i = 0; i < N_SCORE; i++) {
		const struct ser_ci *ci = &c->mean[i];
		struct ser_chance ch = ser_chance(ci->value, c->sum + i, c->n_perm, N_SCORE);
		bool shown = c->n_perm > 0 && i != SIL_CLUSTER && c->n_def[i] > 0;
		ser_report_row(rep, (struct ser_val[]){
					    ser_str(name_of(i)), ser_real(ci->value),
					    ser_score_bound(o, ci->lo, c->n_group > 1),
					    ser_score_bound(o, ci->hi, c->n_group > 1),
					    shown ? ser_real(ch.mean) : ser_nil(), shown ? ser_real(ch.sd) : ser_nil(),
					    shown ? ser_real(ch.p) : ser_nil(), ser_int((int64_t)c->n_def[i])});
	}
	if (o->per_group)
		each_group(rep, s, c);
	return rep;
}

struct ser_report *ser_score_report_clusters(const struct ser_score_opt *o, const struct ser_score_set *s,
					     struct ser_err *e)
{
	size_t n_group = ser_map_len(s->spk), n_perm = (size_t)o->n_perm;
	ser_assert(s->kind == SER_SCORE_CLUSTERS);
	struct scores c = {
		.n_group = n_group,
		.n_perm = n_perm,
		.obs = ser_malloc(ser_mul(n_group, N_SCORE), sizeof(double)),
		.perm = ser_malloc(ser_mul(n_perm, N_SCORE), sizeof(double)),
		.sum = ser_calloc(ser_mul(n_perm, N_SCORE), sizeof(double)),
		.chance = ser_calloc(ser_mul(n_group, N_SCORE), sizeof(struct ser_chance)),
		.size = ser_calloc(n_group, sizeof(size_t)),
	};
	struct ser_report *rep = compute(o, s, &c, e) == SER_OK ? fill(o, s, &c) : NULL;
	free(c.obs);
	free(c.perm);
	free(c.sum);
	free(c.chance);
	free(c.size);
	return rep;
}
