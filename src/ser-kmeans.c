/* SPDX-License-Identifier: MIT */
/* Records wait in an unlinked temporary file; only their embeddings are held, until all groups are complete. */
#include "cli/vectors.h"
#include "ml/kmeans.h"

#include <stdlib.h>
#include <string.h>

static const char *by, *field = "emb", *name = "cluster", *centroids, *select_k, *centre, *known;
static int k, metric, init;
static bool margin;
static struct ser_kmeans_opt o;

/* The groups, clustered. */
struct job {
	const struct ser_map *key;
	struct ser_kmeans_group *g;
	size_t n, d;
};

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
		for (size_t q = 0; j->g[i].m != NULL && q < j->g[i].m->k; q++) {
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

/* Off each vector goes the mean of those with its label; the only one of a label is then 0, and has no cosine. */
static void subtract_means(struct ser_cli *c, struct input *p)
{
	size_t n_none = 0;
	ser_centre_groups(p->v.x, p->v.n, p->v.d, p->mean_of, ser_map_len(p->mean_key));
	for (size_t i = 0; metric == SER_COSINE && i < p->v.n; i++) {
		const float *x = p->v.x + i * p->v.d;
		size_t t = 0;
		while (t < p->v.d && x[t] == 0)
			t++;
		if (t == p->v.d) {
			p->group[i] = SER_NO_GROUP;
			n_none++;
		}
	}
	if (n_none > 0)
		ser_cli_warn(
			c,
			"%zu of %zu record%s equal the mean of their %s, so that no direction is left: they get no "
			"cluster",
			n_none, p->v.n, ser_s(p->v.n), centre);
}

/* How many starts have ended, of all */
struct told {
	struct ser_cli *c;
	uint64_t done, of;
};

static void tell(void *ctx)
{
	struct told *t = ctx;
	ser_cli_progress(t->c, "starts", ++t->done, t->of);
}

static void cluster_all(struct ser_cli *c, const struct input *p, size_t k_lo, size_t k_hi, struct job *j)
{
	struct ser_err e;
	size_t failed;
	*j = (struct job){.key = p->key, .n = ser_map_len(p->key), .d = p->v.d};
	struct told t = {c, 0, (uint64_t)j->n * o.n_init * (k_hi > 0 ? k_hi - k_lo + 1 : 1)};
	o.tell = tell;
	o.ctx = &t;
	j->g = ser_kmeans_groups(&o, p->v.x, p->v.n, j->d, p->group, p->key, k_lo, k_hi, &failed, &e);
	if (j->g == NULL) {
		if (by != NULL)
			ser_fail_in(&e, "%s \"%s\"", by, ser_map_key(p->key, failed, NULL));
		ser_cli_die(c, &e);
	}
	size_t n_small = 0, n_record = 0;
	for (size_t i = 0; i < j->n; i++) {
		const struct ser_kmeans_group *g = &j->g[i];
		const char *s = ser_map_key(p->key, i, NULL), *colon = by != NULL ? ": " : "";
		if (g->m == NULL) {
			n_small++;
			n_record += g->n;
			continue;
		}
		if (g->m->n_empty > 0)
			ser_cli_warn(c, "%s%s%zu of %zu cluster%s are empty: fewer records differ", s, colon,
				     g->m->n_empty, g->m->k, ser_s(g->m->k));
		ser_cli_info(c, "%s%s%zu record%s, %zu cluster%s, inertia %.6g after %zu iteration%s", s, colon, g->n,
			     ser_s(g->n), g->m->k, ser_s(g->m->k), g->m->inertia, g->m->n_iter, ser_s(g->m->n_iter));
	}
	if (n_small > 0 && n_small == j->n)
		ser_cli_fail(c, SER_EDATA, "no group has enough records for its clusters");
	if (n_small > 0)
		ser_cli_warn(c, "%zu of %zu group%s have too few records for their clusters: %zu record%s without one",
			     n_small, j->n, ser_s(j->n), n_record, ser_s(n_record));
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
	bool none = f->cluster[i] < 0;
	ser_record_set(r, name, none ? ser_nil() : ser_int(f->cluster[i]));
	if (margin)
		ser_record_set(r, f->margin_name, none ? ser_nil() : ser_real(f->far[i]));
}

/* The records again, with their clusters. */
static void write_all(struct ser_cli *c, const struct input *p, const struct job *j)
{
	struct found f = {ser_malloc(p->v.n, sizeof *f.cluster), ser_malloc(p->v.n, sizeof *f.far), NULL};
	struct ser_out *out = ser_out_open(c);
	struct ser_buf margin_name = {0};
	for (size_t i = 0; i < p->v.n; i++)
		f.cluster[i] = -1;
	for (size_t i = 0; i < j->n; i++)
		for (size_t q = 0; q < j->g[i].n; q++) {
			f.cluster[j->g[i].row[q]] = j->g[i].m != NULL ? j->g[i].m->cluster[q] : -1;
			f.far[j->g[i].row[q]] = margin && j->g[i].m != NULL ? j->g[i].m->margin[q] : 0;
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

static int cluster_vectors(struct ser_cli *c, size_t k_lo, size_t k_hi)
{
	struct input p = {.key = ser_map_new(), .mean_key = ser_map_new()};
	struct job j;
	ser_vectors_read(c, field, metric == SER_COSINE, centre != NULL, label_of, &p, &p.v);
	if (centre != NULL)
		subtract_means(c, &p);
	cluster_all(c, &p, k_lo, k_hi, &j);
	write_all(c, &p, &j);
	ser_kmeans_groups_free(j.g, j.n);
	free(p.group);
	free(p.mean_of);
	ser_map_free(p.key);
	ser_map_free(p.mean_key);
	ser_vectors_free(&p.v);
	return ser_cli_end(c);
}

/* ---- frames ---- */

/* Centres of frames: fitted here, or read. */
struct centres {
	float *c; /* [k,d] */
	size_t k, d, cap;
	const char *field;
};

/* The tensor of units has the field's frame shift. */
static int units_header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	const struct ser_val *of = ser_header_dim(h, field), *shift = of != NULL ? ser_val_get(of, "shift_s") : NULL;
	struct ser_val axes = ser_val_list(), s = shift != NULL ? *shift : ser_nil(),
		       *dim = ser_header_dim_add(h, name);
	(void)ctx;
	(void)e;
	ser_val_push(&h->arena, &axes, ser_str("frame"));
	ser_val_set(&h->arena, dim, "axes", axes);
	if (s.kind != SER_NIL)
		ser_val_set(&h->arena, dim, "shift_s", s);
	return 0;
}

static int assign(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	const struct centres *c = ctx;
	const float *x;
	size_t n, d = c->d;
	(void)worker;
	if (ser_frames_of(r, field, &x, &n, &d, e) != 0)
		return e->code;
	int32_t *unit = ser_arena_alloc(&r->arena, n, sizeof *unit);
	ser_kmeans_assign((enum ser_metric)metric, c->c, c->k, c->d, x, n, unit);
	ser_record_set(r, name, ser_tensor(SER_I4, unit, 1, &n));
	return 1;
}

/* The centres of a file that --centroids wrote */
static void read_centres(struct ser_cli *c, const char *path, struct centres *y)
{
	struct ser_in *in = ser_in_files(c, (char *const[]){(char *)(uintptr_t)path}, 1);
	struct ser_record r = {0};
	struct ser_err e;
	const float *x;
	size_t d;
	while (ser_in_next(in, &r, NULL)) {
		if (ser_record_f4(&r, "centroid", 1, &x, &d, &e) != 0)
			ser_cli_die(c, &e);
		if (d == 0 || (y->k > 0 && d != y->d))
			ser_cli_fail(c, SER_EDATA, "%s: centres of %zu and %zu dimension%s", path, y->d, d, ser_s(d));
		y->d = d;
		y->c = ser_grow(y->c, &y->cap, ser_mul(y->k + 1, d), sizeof *y->c);
		memcpy(y->c + y->k++ * d, x, d * sizeof *x);
	}
	ser_in_close(in);
	ser_record_free(&r);
	if (y->k == 0)
		ser_cli_fail(c, SER_EDATA, "%s: there are no centres", path);
}

static void set_units(void *ctx, size_t i, struct ser_record *r)
{
	struct ser_err e;
	int rc = assign(ctx, 0, r, &e); /* of frames that were read before */
	(void)i;
	ser_assert(rc > 0);
}

/* Of all frames these many */
struct sample {
	size_t n_max;
	struct ser_row_sample *row;
};

static void sample(void *ctx, const char *id, const float *x, size_t n, size_t d)
{
	struct sample *s = ctx;
	if (s->row == NULL)
		s->row = ser_row_sample_new(d, s->n_max, o.seed);
	ser_row_sample_add(s->row, ser_hash(id, strlen(id)), x, n);
}

static int cluster_frames(struct ser_cli *c, size_t n_max)
{
	struct ser_vectors v;
	struct ser_err e;
	struct sample s = {n_max, NULL};
	size_t n;
	ser_frames_read(c, field, sample, &s, &v);
	if (v.n == 0)
		ser_cli_fail(c, SER_EDATA, "there are no records");
	const float *x = ser_row_sample_rows(s.row, &n);
	struct ser_kmeans_group g = {.n = n};
	struct ser_map *key = ser_map_new();
	struct job j = {.key = key, .g = &g, .n = 1, .d = v.d};
	ser_map_add(key, "", 0, NULL);
	struct told t = {c, 0, o.n_init};
	o.tell = tell;
	o.ctx = &t;
	g.m = ser_kmeans_fit(&o, x, n, v.d, (size_t)k, "", &e);
	if (g.m == NULL)
		ser_cli_die(c, &e);
	ser_cli_info(c, "%zu frame%s, %d cluster%s, inertia %.6g after %zu iteration%s", n, ser_s(n), k, ser_s(k),
		     g.m->inertia, g.m->n_iter, ser_s(g.m->n_iter));
	struct centres y = {.c = g.m->centre, .k = g.m->k, .d = v.d};
	if (centroids != NULL)
		write_centroids(c, &v.h, &j);
	struct ser_out *out = ser_out_open(c);
	units_header(NULL, &v.h, &e);
	ser_out_header(out, &v.h);
	ser_vectors_write(c, &v, set_units, &y, out);
	ser_out_close(out);
	ser_kmeans_free(g.m);
	ser_row_sample_free(s.row);
	ser_vectors_free(&v);
	ser_map_free(key);
	return ser_cli_end(c);
}

static int assign_frames(struct ser_cli *c)
{
	struct centres y = {0};
	read_centres(c, known, &y);
	int status = ser_cli_filter(c, &(struct ser_filter){units_header, assign, &y});
	free(y.c);
	return status;
}

/* ---- options ---- */

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
	size_t n_frame = 0;
	o = ser_kmeans_default;
	n_init = (int)o.n_init;
	max_iter = (int)o.max_iter;
	tol = o.tol;
	const struct ser_option opts[] = {
		{"clusters", "clusters in each group", SER_OPT_INT(&k, "N", 1, 1000000), .letter = 'k'},
		{"select-k", "instead of -k: in each group the number of the greatest silhouette",
		 SER_OPT_STR(&select_k, "LO:HI")},
		{"by", "cluster the records of each value of this label apart", SER_OPT_STR(&by, "NAME")},
		{"pass-small", "groups with too few records get no clusters, and are counted",
		 SER_OPT_FLAG(&o.pass_small)},
		{"field", "tensor [D] to cluster", SER_OPT_STR(&field, "NAME")},
		{"frames",
		 "cluster the frames of tensors [T,D], N of all drawn evenly, and write the cluster of each as a "
		 "tensor "
		 "[T]",
		 SER_OPT_COUNT(&n_frame, "N", 1, 100000000)},
		{"assign", "cluster nothing: frames get the nearest of the centres in this file of --centroids",
		 SER_OPT_STR(&known, "FILE"), .flags = SER_OPTION_READ},
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
		NULL,         SER_CLI_FILTER | SER_CLI_STREAM | SER_CLI_THREADS | SER_CLI_PROGRESS};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	o.metric = (enum ser_metric)metric;
	o.init = (enum ser_kmeans_init)init;
	o.n_init = (size_t)n_init;
	o.max_iter = (size_t)max_iter;
	o.tol = tol;
	o.margin = margin;
	o.seed = (uint64_t)seed;
	o.n_thread = c.n_thread;
	size_t k_lo = 0, k_hi = 0;
	bool of_frames = n_frame > 0 || known != NULL;
	if (of_frames && (by != NULL || centre != NULL || select_k != NULL || margin || (k > 0) == (known != NULL) ||
			  (n_frame > 0 && known != NULL)))
		ser_cli_usage(&c, "--frames goes with -k, --assign without, and neither with --by, --center, "
				  "--select-k or --margin");
	if (of_frames) {
		name = ser_cli_given(&c, "name") ? name : "units";
		field = ser_cli_given(&c, "field") ? field : "feat";
		if (strcmp(name, field) == 0 || strcmp(name, "id") == 0)
			ser_cli_usage(&c, "--name: \"%s\" is taken", name);
	}
	if (known != NULL)
		return assign_frames(&c);
	if (n_frame > 0)
		return cluster_frames(&c, n_frame);
	if (select_k != NULL && (k > 0 || !parse_range(select_k, &k_lo, &k_hi)))
		ser_cli_usage(&c, "--select-k wants LO:HI with 2 <= LO <= HI, and no -k beside it");
	if (o.pass_small && by == NULL)
		ser_cli_usage(&c, "--pass-small goes with --by");
	if (select_k == NULL && k == 0)
		ser_cli_usage(&c, "how many clusters? give -k or --select-k");
	return cluster_vectors(&c, select_k != NULL ? k_lo : (size_t)k, k_hi);
}
