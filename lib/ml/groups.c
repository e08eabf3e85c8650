/* SPDX-License-Identifier: MIT */
#include "ml/kmeans.h"

#include <stdlib.h>
#include <string.h>

struct job {
	const struct ser_map *key;
	struct ser_kmeans_group *g;
	struct ser_err *e; /* [n_group] */
	const float *x;    /* [*,d] the rows of all */
	size_t n_group, d, k_lo, k_hi;
	struct ser_kmeans_opt o;
};

/* Too few rows, and they are to be passed over. */
static bool is_small(const struct job *j, const struct ser_kmeans_group *g)
{
	return j->o.pass_small && g->n < (j->k_hi > 0 ? j->k_hi + 1 : j->k_lo);
}

static void fit(void *arg, size_t i, int worker)
{
	struct job *j = arg;
	struct ser_kmeans_group *g = &j->g[i];
	if (is_small(j, g))
		return;
	const char *key = ser_map_key(j->key, i, NULL);
	float *own = NULL; /* the group's rows; the only group has them all */
	(void)worker;
	if (j->n_group > 1)
		own = ser_malloc(ser_mul(g->n, j->d), sizeof *own);
	for (size_t q = 0; own != NULL && q < g->n; q++)
		memcpy(own + q * j->d, j->x + g->row[q] * j->d, j->d * sizeof *own);
	const float *x = own != NULL ? own : j->x;
	g->m = j->k_hi > 0 ? ser_kmeans_select(&j->o, x, g->n, j->d, j->k_lo, j->k_hi, key, NULL, &j->e[i])
			   : ser_kmeans_fit(&j->o, x, g->n, j->d, j->k_lo, key, &j->e[i]);
	free(own);
}

struct ser_kmeans_group *ser_kmeans_groups(const struct ser_kmeans_opt *o, const float *x, size_t n, size_t d,
					   const size_t *of, const struct ser_map *key, size_t k_lo, size_t k_hi,
					   size_t *failed, struct ser_err *e)
{
	struct job j = {.key = key, .x = x, .n_group = ser_map_len(key), .d = d, .k_lo = k_lo, .k_hi = k_hi, .o = *o};
	j.g = ser_calloc(j.n_group, sizeof *j.g);
	j.e = ser_calloc(j.n_group, sizeof *j.e);
	for (size_t i = 0; i < n; i++)
		if (of[i] != SER_NO_GROUP)
			j.g[of[i]].n++;
	for (size_t i = 0; i < j.n_group; i++) {
		j.g[i].row = ser_malloc(j.g[i].n, sizeof *j.g[i].row);
		j.g[i].n = 0;
	}
	for (size_t i = 0; i < n; i++)
		if (of[i] != SER_NO_GROUP)
			j.g[of[i]].row[j.g[of[i]].n++] = i;
	j.o.n_thread = j.n_group == 1 ? o->n_thread : 1;
	ser_parallel_for(j.n_group == 1 ? 1 : o->n_thread, j.n_group, fit, &j);
	size_t i = 0;
	while (i < j.n_group && (j.g[i].m != NULL || is_small(&j, &j.g[i])))
		i++;
	if (i < j.n_group) {
		*failed = i;
		*e = j.e[i];
		ser_kmeans_groups_free(j.g, j.n_group);
		j.g = NULL;
	}
	free(j.e);
	return j.g;
}

void ser_kmeans_groups_free(struct ser_kmeans_group *g, size_t n_group)
{
	for (size_t i = 0; g != NULL && i < n_group; i++) {
		ser_kmeans_free(g[i].m);
		free(g[i].row);
	}
	free(g);
}
