/* SPDX-License-Identifier: MIT */
/* Records wait in an unlinked temporary file; only their embeddings are held, until all groups are complete. */
#include "cli/vectors.h"
#include "ml/kmeans.h"

#include <stdlib.h>
#include <string.h>

static const char *by, *field = "emb", *name = "cluster", *centroids, *select_k, *centre;
static int k, metric, init;
static bool margin;
static struct ser_kmeans_opt o;

struct group {
	size_t n;
	size_t *row; /* [n] records of the group */
	struct ser_kmeans *m;
	struct ser_err e;
};

struct job {
	const struct ser_map *key;
	struct group *g;
	const float *x; /* [*,d] all records' vectors */
	size_t n, d, k_lo, k_hi;
	struct ser_kmeans_opt o;
};

static void fit(void *arg, size_t i, int worker)
{
	struct job *j = arg;
	struct group *g = &j->g[i];
	const char *key = ser_map_key(j->key, i, NULL);
	float *own = j->n > 1 ? ser_malloc(ser_mul(g->n, j->d), sizeof *own)
			      : NULL; /* the group's; the only one has them all */
	const float *x = own != NULL ? own : j->x;
	(void)worker;
	for (size_t q = 0; own != NULL && q < g->n; q++)
		memcpy(own + q * j->d, j->x + g->row[q] * j->d, j->d * sizeof *own);
	g->e.code = 0;
	g->m = j->k_hi > 0 ? ser_kmeans_select(&j->o, x, g->n, j->d, j->k_lo, j->k_hi, key, NULL, &g->e)
			   : ser_kmeans_fit(&j->o, x, g->n, j->d, (size_t)k, key, &g->e);
	free(own);
}

static void write_centroids(struct ser_cli *c, const struct ser_header *in, const struct job *j)
{
	struct ser_out *out = ser_out_file(c, centroids);
	struct ser_header h;
	struct ser_record r = {0};
	struct ser_buf id = {0};
	ser_header_copy(&h, in);
	h.dims = ser_val_map();
	struct ser_val axes = ser_val_list(), *dim = ser_header_dim_add(&h, "centroid");
	ser_val_push(&h.arena, &axes, ser_str("dim"));
	ser_val_set(&h.arena, dim, "axes", axes);
	ser_out_header(out, &h);
	for (size_t i = 0; i < j->n; i++)
		for (size_t q = 0; q < j->g[i].m->k; q++) {
			size_t len;
			const char *key = ser_map_key(j->key, i, &len);
			id.n = 0;
			ser_buf_printf(&id, "%s%s%zu", key, by != NULL ? "/" : "", q);
			ser_record_clear(&r);
			ser_record_set(&r, "id", ser_str(id.s));
			if (by != NULL)
				ser_record_set(&r, by, ser_strn(key, len));
			ser_record_set(&r, name, ser_int((int64_t)q));
			ser_record_set(&r, "size", ser_int((int64_t)j->g[i].m->size[q]));
			ser_record_set(&r, "centroid", ser_f4(j->g[i].m->centre + q * j->d, 1, &j->d));
			ser_out_record(out, &r);
		}
	ser_out_close(out);
	ser_buf_free(&id);
	ser_record_free(&r);
	ser_header_free(&h);
}

struct input {
	struct ser_vectors v;
	struct ser_map *key, *mean_key;
	size_t *group, *mean_of; /* [v.n] indices into the maps */
	size_t cap[2];
};

/* Index of a record's label in a map of their texts. */
static int index_of(struct ser_map *map, struct ser_record *r, const char *label, size_t *at, struct ser_err *e)
{
	const char *s = "";
	int rc = label != NULL ? ser_record_str(r, label, &s, e) : 0;
	if (rc == 0)
		*at = ser_map_add(map, s, strlen(s), NULL);
	return rc;
}

/* The group of record i, and whose mean is taken from it. */
static int label_of(void *ctx, size_t i, struct ser_record *r, struct ser_err *e)
{
	struct input *p = ctx;
	p->group = ser_grow(p->group, &p->cap[0], i + 1, sizeof *p->group);
	p->mean_of = ser_grow(p->mean_of, &p->cap[1], i + 1, sizeof *p->mean_of);
	int rc = index_of(p->key, r, by, &p->group[i], e);
	return rc == 0 ? index_of(p->mean_key, r, centre, &p->mean_of[i], e) : rc;
}

/* Rows' numbers to their groups, then threads over the groups, or inside the only one. */
static void cluster_all(struct ser_cli *c, const struct input *p, struct job *j)
{
	j->key = p->key;
	j->n = ser_map_len(p->key);
	j->d = p->v.d;
	j->x = p->v.x;
	j->g = ser_calloc(j->n, sizeof *j->g);
	for (size_t i = 0; i < p->v.n; i++)
		j->g[p->group[i]].n++;
	for (size_t i = 0; i < j->n; i++) {
		j->g[i].row = ser_malloc(j->g[i].n, sizeof *j->g[i].row);
		j->g[i].n = 0;
	}
	for (size_t i = 0; i < p->v.n; i++) {
		struct group *g = &j->g[p->group[i]];
		g->row[g->n++] = i;
	}
	j->o = o;
	j->o.n_thread = j->n == 1 ? c->n_thread : 1;
	ser_parallel_for(j->n == 1 ? 1 : c->n_thread, j->n, fit, j);
	for (size_t i = 0; i < j->n; i++) {
		struct group *g = &j->g[i];
		const char *s = ser_map_key(p->key, i, NULL), *colon = by != NULL ? ": " : "";
		if (g->m == NULL) {
			if (by != NULL)
				ser_fail_in(&g->e, "%s \"%s\"", by, s);
			ser_cli_die(c, &g->e);
		}
		if (g->m->n_empty > 0)
			ser_cli_warn(c, "%s%s%zu of %zu clusters are empty: fewer records differ", s, colon,
				     g->m->n_empty, g->m->k);
		ser_cli_info(c, "%s%s%zu records, %zu clusters, inertia %.6g after %zu iterations", s, colon, g->n,
			     g->m->k, g->m->inertia, g->m->n_iter);
	}
}

/* What the records get, by record. */
struct found {
	int64_t *cluster;
	float *far; /* the margin */
	const char *margin_name;
};

static void set_found(void *ctx, size_t i, struct ser_record *r)
{
	const struct found *f = ctx;
	ser_record_set(r, name, ser_int(f->cluster[i]));
	if (margin)
		ser_record_set(r, f->margin_name, ser_real(f->far[i]));
}

/* The records again, with their clusters. */
static void write_all(struct ser_cli *c, const struct input *p, const struct job *j)
{
	struct found f = {ser_malloc(p->v.n, sizeof *f.cluster), ser_malloc(p->v.n, sizeof *f.far), NULL};
	struct ser_out *out = ser_out_open(c);
	struct ser_buf margin_name = {0};
	for (size_t i = 0; i < j->n; i++)
		for (size_t q = 0; q < j->g[i].n; q++) {
			f.cluster[j->g[i].row[q]] = j->g[i].m->cluster[q];
			f.far[j->g[i].row[q]] = margin ? j->g[i].m->margin[q] : 0;
		}
	ser_buf_printf(&margin_name, "%s_margin", name);
	f.margin_name = margin_name.s;
	ser_out_header(out, &p->v.h);
	ser_vectors_write(c, &p->v, set_found, &f, out);
	if (centroids != NULL)
		write_centroids(c, &p->v.h, j);
	ser_out_close(out);
	ser_buf_free(&margin_name);
	free(f.cluster);
	free(f.far);
}

/* LO:HI of --select-k */
static bool parse_range(const char *s, size_t *k_lo, size_t *k_hi)
{
	int64_t lo, hi;
	const char *colon = strchr(s, ':');
	char *first = ser_strndup(s, colon != NULL ? (size_t)(colon - s) : 0);
	bool ok = colon != NULL && ser_parse_int(first, 2, 1000000, &lo, NULL) == 0 &&
		  ser_parse_int(colon + 1, lo, 1000000, &hi, NULL) == 0;
	free(first);
	if (ok) {
		*k_lo = (size_t)lo;
		*k_hi = (size_t)hi;
	}
	return ok;
}

int main(int argc, char **argv)
{
	static const char *const metrics[] = {"euclidean", "cosine", NULL}, *const inits[] = {"k-means++", "random",
											      NULL};
	int n_init, max_iter;
	double tol;
	int64_t seed = 0;
	o = ser_kmeans_default;
	n_init = (int)o.n_init;
	max_iter = (int)o.max_iter;
	tol = o.tol;
	const struct ser_option opts[] = {
		{"clusters", "clusters in each group", SER_OPT_INT(&k, "N", 1, 1000000), .letter = 'k'},
		{"select-k", "instead of -k: in each group the number of the greatest silhouette",
		 SER_OPT_STR(&select_k, "LO:HI")},
		{"by", "cluster the records of each value of this label apart", SER_OPT_STR(&by, "NAME")},
		{"field", "tensor [D] to cluster", SER_OPT_STR(&field, "NAME")},
		{"metric", "distance", SER_OPT_CHOICE(&metric, "NAME", metrics)},
		{"center", "first subtract the mean of the records with the same value of this label",
		 SER_OPT_STR(&centre, "NAME")},
		{"n-init", "starts, of which the best is kept", SER_OPT_INT(&n_init, "N", 1, 1000000)},
		{"init", "how a start finds its first centres", SER_OPT_CHOICE(&init, "NAME", inits)},
		{"max-iter", "iterations of a start at most", SER_OPT_INT(&max_iter, "N", 1, 1000000)},
		{"tol", "stop when the centres' squared movement is at most X times the mean variance",
		 SER_OPT_REAL(&tol, "X", 0, 1e9)},
		{"seed", "random seed", SER_OPT_I64(&seed, "N", 0, 0), .flags = SER_OPTION_ALWAYS},
		{"name", "label that gets the cluster", SER_OPT_STR(&name, "NAME")},
		{"margin", "also write NAME_margin: 1 - distance to the own centre / distance to the next",
		 SER_OPT_FLAG(&margin)},
		{"centroids", "write the centres here, as a stream", SER_OPT_STR(&centroids, "FILE"),
		 .flags = SER_OPTION_SILENT | SER_OPTION_WRITE},
		{0},
	};
	const struct ser_tool tool = {
		"ser-kmeans", "Cluster embeddings, all together or in each group, and label the records.",
		"[FILE]...",  opts,
		NULL,         SER_CLI_FILTER | SER_CLI_THREADS};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	o.metric = (enum ser_metric)metric;
	o.init = (enum ser_kmeans_init)init;
	o.n_init = (size_t)n_init;
	o.max_iter = (size_t)max_iter;
	o.tol = tol;
	o.margin = margin;
	o.seed = (uint64_t)seed;
	struct job j = {0};
	struct input p = {0};
	if (select_k != NULL && (k > 0 || !parse_range(select_k, &j.k_lo, &j.k_hi)))
		ser_cli_usage(&c, "--select-k wants LO:HI with 2 <= LO <= HI, and no -k beside it");
	if (select_k == NULL && k == 0)
		ser_cli_usage(&c, "how many clusters? give -k or --select-k");

	p.key = ser_map_new();
	p.mean_key = ser_map_new();
	ser_vectors_read(&c, field, metric == SER_COSINE, centre != NULL, label_of, &p, &p.v);
	if (centre != NULL)
		ser_centre_groups(p.v.x, p.v.n, p.v.d, p.mean_of, ser_map_len(p.mean_key));
	cluster_all(&c, &p, &j);
	write_all(&c, &p, &j);

	for (size_t i = 0; i < j.n; i++) {
		ser_kmeans_free(j.g[i].m);
		free(j.g[i].row);
	}
	free(j.g);
	free(p.group);
	free(p.mean_of);
	ser_map_free(p.key);
	ser_map_free(p.mean_key);
	ser_vectors_free(&p.v);
	return ser_cli_end(&c);
}
