/* SPDX-License-Identifier: MIT */
/* deepcluster: the clusters that k-means finds in what the network itself makes of the records, anew before each pass over them
 * (Caron et al. 2018), as DeepEmoCluster does it beside regression (Lin, Sridhar and Busso 2021): of the head's first layer before
 * its ReLU, without dropout, by 20 iterations from a random start; each pass begins with new outputs. */
#include "stat/cluster.h"
#include "ml/kmeans.h"
#include "train/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct opts {
	size_t k;
	const char *cluster;
	double top_lr;
};
static const struct opts defaults = {.k = 10, .top_lr = 1};
static const struct ser_option options[] = {
	{"clusters", "clusters of a pass", SER_AT_COUNT(struct opts, k, "N", 2, 100000), .letter = 'k'},
	{"cluster", "whole number that is the cluster of a record, instead of finding them",
	 SER_AT_STR(struct opts, cluster, "NAME")},
	{"top-lr-scale", "factor on the learning rate of the layer that is begun anew",
	 SER_AT_REAL(struct opts, top_lr, "X", 0, 100000)},
	{0},
};

struct state {
	struct label_rows label;
	float *x; /* what is clustered */
	size_t cap_x;
};

static const struct opts *own(const struct ser_task *t)
{
	return (const struct opts *)t->own;
}

static const char *head_name(const struct ser_task *t)
{
	(void)t;
	return "cluster";
}

static void labels(const struct ser_task *t, struct ser_strs *l)
{
	ser_task_want(l, own(t)->cluster);
}

static int head(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_head *h,
		struct ser_err *e)
{
	const char **out = ser_arena_calloc(&t->arena, own(t)->k, sizeof *out);
	(void)d, (void)s;
	if (t->n_hidden == 0)
		return ser_fail(e, SER_EUSAGE, "deepcluster needs a hidden layer: its units are what is clustered");
	for (size_t k = 0; k < own(t)->k; k++) {
		char text[24];
		snprintf(text, sizeof text, "%zu", k);
		out[k] = ser_arena_strndup(&t->arena, text, strlen(text));
	}
	h->kind = SER_HEAD_CLASS;
	h->field = own(t)->cluster != NULL ? own(t)->cluster : "cluster";
	h->out = out;
	h->n_out = own(t)->k;
	return 0;
}

static int targets(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_model *m,
		   struct ser_err *e)
{
	const struct ser_label *l = own(t)->cluster != NULL ? ser_dataset_label(d, own(t)->cluster) : NULL;
	(void)m;
	t->state = ser_calloc(1, sizeof(struct state));
	t->n_item = d->n;
	t->n_class = own(t)->k;
	t->code = ser_malloc(d->n, sizeof *t->code);
	for (size_t i = 0; i < d->n; i++) {
		double c = l != NULL ? l->num[i] : 0;
		bool trains = s->role[i] == SER_ROLE_TRAIN;
		if (trains && !(c >= 0 && c < (double)t->n_class && c == floor(c)))
			return ser_fail(e, SER_EDATA,
					"record \"%s\": \"%s\" is no cluster, a whole number from 0 to %zu",
					d->item[i].id, own(t)->cluster, t->n_class - 1);
		t->code[i] = trains ? (int32_t)c : -1;
	}
	return 0;
}

static int sampler(struct ser_task *t, const struct ser_draw *w, struct ser_sampler **out, struct ser_err *e)
{
	return t == w->task ? train_sample_uniform(out, w, t, e) : 0;
}

/* ---- before a pass ---- */

/* What is clustered, of the pass's records, into z->x [n, n_hidden]. */
static void embed(struct ser_task *t, struct ser_trainer *tr, const struct pass *p)
{
	struct state *z = t->state;
	size_t d = t->n_hidden;
	z->x = ser_grow(z->x, &z->cap_x, ser_mul(p->n, d), sizeof *z->x);
	for (size_t i = 0; i < p->n;) {
		size_t from = i;
		train_batch_clear(&tr->b);
		for (size_t frames = 0; i < p->n && tr->b.n < 64 && frames < 20000; i++) {
			frames += tr->d->item[p->item[i]].piece[0].n_frame;
			train_batch_row(&tr->b, p->item[i]);
		}
		train_read_batch(tr, false);
		train_encode(tr, 0, 0, tr->n_task);
		int h = ser_model_hidden(tr->m, tr->tape, (size_t)t->head, train_source(tr, t));
		struct ser_node y = ser_tape_node(tr->tape, h);
		for (size_t j = 0; j < (i - from) * d; j++)
			z->x[from * d + j] = (float)y.val[j];
	}
	train_batch_clear(&tr->b);
}

/* New codes, and how far they are the old ones. */
static int assign(struct ser_task *t, struct ser_trainer *tr, const struct pass *p, struct ser_err *e)
{
	struct state *z = t->state;
	struct ser_kmeans_opt o = {.metric = SER_EUCLIDEAN,
				   .init = SER_KMEANS_RANDOM,
				   .n_init = 1,
				   .max_iter = 20,
				   .seed = tr->o.seed + p->number,
				   .n_thread = ser_la_threads(tr->la)};
	embed(t, tr, p);
	struct ser_kmeans *m = ser_kmeans_fit(&o, z->x, p->n, t->n_hidden, t->n_class, "", e);
	if (m == NULL)
		return ser_fail_in(e, "clusters of %zu records", p->n);
	double score[SER_CS_N];
	int *old = ser_malloc(p->n, sizeof *old);
	for (size_t i = 0; i < p->n; i++)
		old[i] = t->code[p->item[i]];
	bool again = tr->step >= tr->per_epoch;
	t->nmi = again && ser_score_clusters(old, t->n_class, m->cluster, t->n_class, p->n, score, NULL) == 0
			 ? score[SER_CS_NMI]
			 : (double)NAN;
	for (size_t i = 0; i < p->n; i++)
		t->code[p->item[i]] = m->cluster[i];
	free(old);
	ser_kmeans_free(m);
	return 0;
}

/* A new layer of outputs, of which the optimiser knows nothing. */
static void renew(struct ser_task *t, struct ser_trainer *tr, uint64_t number)
{
	static const char *const part[] = {"weight", "bias"};
	struct ser_params *p = tr->m->params;
	for (uint64_t i = 0; i < 2; i++) {
		struct ser_buf b = {0};
		ser_buf_printf(&b, "heads.%s.out.%s", t->name, part[i]);
		struct ser_slice *s = &p->slice[ser_params_find(p, b.s)];
		ser_buf_free(&b);
		struct ser_rng r = train_rng(tr->o.seed, FOR_TOP, number, 0);
		for (size_t k = s->at; k < s->at + s->n; k++)
			p->val[k] = i == 0 ? (real)(0.01 * ser_rng_normal(&r)) : 0;
		s->lr_scale = own(t)->top_lr;
		const char *name;
		real *state;
		for (int a = 0; (state = ser_opt_state(tr->opt, a, &name)) != NULL; a++)
			for (size_t k = s->at; k < s->at + s->n; k++)
				state[k] = strcmp(name, "avg") == 0 ? p->val[k] : 0;
	}
}

static int before(struct ser_task *t, struct ser_trainer *tr, struct ser_err *e)
{
	struct pass p = {tr->task->sampler->train, tr->task->sampler->n_train, tr->step / tr->per_epoch + 1, false};
	bool begins = tr->step % tr->per_epoch == 0;
	if (t->sampler != NULL)
		begins = train_uniform_pass(t->sampler, tr->step, &p);
	/* No record of this pass has another label: their heads rest, whatever moments they have. */
	for (size_t k = 0; k < tr->n_task; k++)
		tr->task[k].rests = &tr->task[k] != t && p.unlabelled;
	if (!begins)
		return 0;
	int rc = own(t)->cluster == NULL ? assign(t, tr, &p, e) : 0;
	if (rc == 0)
		renew(t, tr, p.number);
	return rc;
}

/* ---- a batch ---- */

static double weight(const struct ser_task *t, const struct ser_batch *b)
{
	return train_class_sum(t, b, NULL);
}

static int loss(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, size_t lo, size_t hi,
		double norm)
{
	struct state *z = t->state;
	return ser_nn_cross_entropy(tape, out, train_class_rows(t, &z->label, b, lo, hi),
				    &(struct ser_loss){.norm = norm});
}

static void free_state(struct ser_task *t)
{
	struct state *z = t->state;
	if (z == NULL)
		return;
	free(z->label.y);
	free(z->x);
	free(z);
}

const struct ser_task_kind train_deepcluster = {
	.name = "deepcluster",
	.summary = "Learn clusters of what the network makes of the records, found anew in each pass.",
	.options = options,
	.defaults = &defaults,
	.size = sizeof defaults,
	.n_hidden = 256,
	.head_name = head_name,
	.labels = labels,
	.head = head,
	.targets = targets,
	.sampler = sampler,
	.before = before,
	.weight = weight,
	.loss = loss,
	.free = free_state,
};
