/* SPDX-License-Identifier: MIT */
/* Records wait in an unlinked temporary file; only their embeddings are held, until all have come. */
#include "cli/vectors.h"
#include "ml/project.h"

#include <stdlib.h>
#include <string.h>

enum { PCA, LDA, TSNE };
static const char *const methods[] = {"pca", "lda", "tsne", NULL};

struct input {
	struct ser_vectors v;
	const char *name; /* of the label, or NULL */
	struct ser_map *class;
	int *label; /* [v.n] */
	size_t cap;
};

static int label_of(void *ctx, size_t i, struct ser_record *r, struct ser_err *e)
{
	struct input *p = ctx;
	const char *s = "";
	int rc = p->name != NULL ? ser_record_str(r, p->name, &s, e) : 0;
	if (rc != 0)
		return rc;
	p->label = ser_grow(p->label, &p->cap, i + 1, sizeof *p->label);
	p->label[i] = (int)ser_map_add(p->class, s, strlen(s), NULL);
	return 0;
}

struct found {
	const char *name;
	const double *y; /* [n,k] */
	size_t k;
	float *row; /* [k] */
};

static void set_found(void *ctx, size_t i, struct ser_record *r)
{
	struct found *f = ctx;
	for (size_t t = 0; t < f->k; t++)
		f->row[t] = (float)f->y[i * f->k + t];
	ser_record_set(r, f->name, ser_f4(f->row, 1, &f->k));
}

/* The records again, with y [n,k]. */
static void write_all(struct ser_cli *c, const struct ser_vectors *v, const char *name, const double *y, size_t k)
{
	struct ser_out *out = ser_out_open(c);
	struct found f = {name, y, k, ser_malloc(k, sizeof *f.row)};
	ser_out_header(out, &v->h);
	ser_vectors_write(c, v, set_found, &f, out);
	ser_out_close(out);
	free(f.row);
}

static void moved(void *c, size_t done, size_t of)
{
	ser_cli_progress(c, "iterations", done, of);
}

int main(int argc, char **argv)
{
	static const char *const metrics[] = {"euclidean", "cosine", NULL}, *const inits[] = {"pca", "random", NULL};
	static const char *const repulsions[] = {"auto", "exact", "sparse", "barnes-hut", NULL};
	const char *field = "emb", *name = "proj", *label = NULL;
	int method = PCA, k = 2, metric = SER_EUCLIDEAN, init = 0, variant = SER_TSNE_AUTO, n_iter;
	int64_t seed = 0;
	double shrinkage = 0;
	struct ser_tsne_opt o = ser_tsne_default;
	n_iter = (int)o.n_iter;
	const struct ser_option opts[] = {
		{"method", "how to project", SER_OPT_CHOICE(&method, "NAME", methods), .flags = SER_OPTION_ALWAYS},
		{"dims", "dimensions of the result; t-SNE makes 2", SER_OPT_INT(&k, "N", 1, 65536), .letter = 'd'},
		{"field", "tensor [D] to project", SER_OPT_STR(&field, "NAME")},
		{"name", "tensor that gets the result", SER_OPT_STR(&name, "NAME")},
		{"label", "lda: the label of the classes to tell apart", SER_OPT_STR(&label, "NAME")},
		{"shrinkage", "lda: draw the covariance within classes towards a multiple of the identity",
		 SER_OPT_REAL(&shrinkage, "X", 0, 1)},
		{"metric", "tsne: distance", SER_OPT_CHOICE(&metric, "NAME", metrics)},
		{"perplexity", "tsne: number of neighbours that a point minds, about",
		 SER_OPT_REAL(&o.perplexity, "X", 1, 1e6)},
		{"exaggeration", "tsne: weight of the similarities in the first 250 iterations",
		 SER_OPT_REAL(&o.exaggeration, "X", 1, 1000)},
		{"rate", "tsne: learning rate; 0: max(n / exaggeration / 4, 50)", SER_OPT_REAL(&o.rate, "X", 0, 1e9)},
		{"n-iter", "tsne: iterations at most", SER_OPT_INT(&n_iter, "N", 250, 1000000)},
		{"repulsion",
		 "tsne: exact: all similarities and pairs; sparse: near similarities, all pairs; barnes-hut: a tree",
		 SER_OPT_CHOICE(&variant, "NAME", repulsions)},
		{"theta", "tsne: coarseness of barnes-hut", SER_OPT_REAL(&o.theta, "X", 0, 2)},
		{"init", "tsne: where points start", SER_OPT_CHOICE(&init, "NAME", inits)},
		{"seed", "tsne: random seed of --init random", SER_OPT_I64(&seed, "N", 0, 0),
		 .flags = SER_OPTION_ALWAYS},
		{0},
	};
	const struct ser_tool tool = {
		"ser-project", "Project embeddings to few dimensions: PCA, LDA or t-SNE.",          "[FILE]...", opts,
		NULL,          SER_CLI_FILTER | SER_CLI_STREAM | SER_CLI_THREADS | SER_CLI_PROGRESS};
	struct ser_cli c;
	struct ser_err e;
	struct input p = {0};
	ser_cli_begin(&c, &tool, argc, argv);
	if ((method == LDA) != (label != NULL))
		ser_cli_usage(&c, "--method lda and --label go together");
	if (method == TSNE && k != 2)
		ser_cli_usage(&c, "t-SNE makes 2 dimensions");
	p.name = label;
	p.class = ser_map_new();
	ser_vectors_read(&c, field, method == TSNE && metric == SER_COSINE, false, label_of, &p, &p.v);
	/* the header says how the tensor was made, and how good it is */
	struct ser_val axes = ser_val_list(), share = ser_val_list(), *dim = ser_header_dim_add(&p.v.h, name);
	ser_val_push(&p.v.h.arena, &axes, ser_str("component"));
	ser_val_set(&p.v.h.arena, dim, "axes", axes);
	ser_val_set(&p.v.h.arena, dim, "method", ser_str(methods[method]));

	double *y = ser_malloc(ser_mul(p.v.n, (size_t)k), sizeof *y);
	if (p.v.n == 0) {
		/* an empty stream stays one */
	} else if (method == TSNE) {
		double *start = init == 1 ? ser_malloc(2 * p.v.n, sizeof *start) : NULL;
		struct ser_tsne_info info;
		struct ser_rng rng;
		ser_rng_seed(&rng, (uint64_t)seed);
		for (size_t i = 0; start != NULL && i < 2 * p.v.n; i++)
			start[i] = ser_rng_normal(&rng);
		o.method = (enum ser_tsne_method)variant;
		o.metric = (enum ser_metric)metric;
		o.n_iter = (size_t)n_iter;
		o.n_thread = c.n_thread;
		o.step = moved;
		o.ctx = &c;
		if (ser_tsne(&o, p.v.x, p.v.n, p.v.d, start, y, &info, &e) != SER_OK)
			ser_cli_die(&c, &e);
		ser_cli_info(&c, "Kullback-Leibler divergence %.6f after %zu iterations", info.kl, info.n_iter);
		ser_val_set(&p.v.h.arena, dim, "kl", ser_real(info.kl));
		ser_val_set(&p.v.h.arena, dim, "iterations", ser_int((int64_t)info.n_iter));
		free(start);
	} else {
		struct ser_linear *m = method == PCA ? ser_pca_new(p.v.x, p.v.n, p.v.d, (size_t)k, &e)
						     : ser_lda_new(p.v.x, p.v.n, p.v.d, p.label, ser_map_len(p.class),
								   (size_t)k, shrinkage, &e);
		if (m == NULL)
			ser_cli_die(&c, &e);
		ser_linear_do(m, p.v.x, p.v.n, y);
		for (size_t q = 0; q < m->k; q++) {
			ser_val_push(&p.v.h.arena, &share, ser_real(m->share[q]));
			ser_cli_info(&c, "component %zu has %.2f %% of the variance%s", q + 1, 100 * m->share[q],
				     method == LDA ? " between classes" : "");
		}
		ser_val_set(&p.v.h.arena, dim, "share", share);
		ser_linear_free(m);
	}
	write_all(&c, &p.v, name, y, (size_t)k);

	free(y);
	free(p.label);
	ser_map_free(p.class);
	ser_vectors_free(&p.v);
	return ser_cli_end(&c);
}
