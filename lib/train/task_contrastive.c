/* SPDX-License-Identifier: MIT */
/* contrastive: projections of an anchor and its positives are drawn together, of its negatives apart; without labels, by pairs that
 * ser-pairs wrote or by clusters inside speakers. */
#include "train/private.h"

#include <stdlib.h>
#include <string.h>

enum { SETS, INFONCE, NT_XENT, SUPCON, TRIPLET };
static const char *const losses[] = {"sets", "infonce", "nt-xent", "supcon", "triplet", NULL};

struct opts {
	const char *pairs, *cluster;
	size_t n_spk, n_per, n_proj;
	int loss;
	double tau, margin;
};
static const struct opts defaults = {
	.cluster = "cluster", .n_spk = 8, .n_per = 4, .n_proj = 128, .tau = 0.1, .margin = 0.5};
static const struct ser_option options[] = {
	{"pairs", "anchors, positives and negatives, of ser-pairs", SER_AT_STR(struct opts, pairs, "FILE"),
	 .flags = SER_OPTION_READ},
	{"cluster", "without --pairs: label that names the cluster", SER_AT_STR(struct opts, cluster, "NAME")},
	{"batch-speakers", "without --pairs: speakers a batch, two clusters of each",
	 SER_AT_COUNT(struct opts, n_spk, "N", 1, 100000)},
	{"batch-per-cluster", "without --pairs: records of each cluster",
	 SER_AT_COUNT(struct opts, n_per, "N", 2, 100000)},
	{"loss", "over each anchor's own negatives (sets, triplet), or over all of the batch",
	 SER_AT_CHOICE(struct opts, loss, "NAME", losses)},
	{"tau", "temperature", SER_AT_REAL(struct opts, tau, "X", 0.001, 100)},
	{"margin", "of --loss triplet, between distances", SER_AT_REAL(struct opts, margin, "X", 0, 2)},
	{"proj", "dimensions of the projection", SER_AT_COUNT(struct opts, n_proj, "N", 1, 65536)},
	{0},
};

struct state {
	struct ser_pair_set pairs;
	struct sets sets; /* of the batch at hand */
	int32_t *row, (*trip)[3];
	size_t cap_row, cap_trip;
};

static const struct opts *own(const struct ser_task *t)
{
	return (const struct opts *)t->own;
}

static const char *head_name(const struct ser_task *t)
{
	(void)t;
	return "proj";
}

static void labels(const struct ser_task *t, struct ser_strs *l)
{
	ser_task_want(l, own(t)->pairs == NULL ? t->spk : NULL);
	ser_task_want(l, own(t)->pairs == NULL ? own(t)->cluster : NULL);
}

static int read_pairs(struct ser_task *t, const struct ser_dataset *d, size_t max_record, struct ser_err *e)
{
	struct state *z = t->state = ser_calloc(1, sizeof *z);
	const char *path = own(t)->pairs;
	if (path == NULL)
		return 0;
	if (ser_pair_set_read_file(&z->pairs, d, path, max_record, e) != 0)
		return e->code;
	if (z->pairs.n_absent > 0)
		ser_buf_printf(&t->note, "%s: %zu of %zu pairs are of records that are not in the input",
			       strcmp(path, "-") == 0 ? "<stdin>" : path, z->pairs.n_absent,
			       z->pairs.n + z->pairs.n_absent);
	return 0;
}

static int head(struct ser_task *t, const struct ser_dataset *d, const struct ser_split *s, struct ser_head *h,
		struct ser_err *e)
{
	(void)d, (void)s, (void)e;
	h->kind = SER_HEAD_UNIT;
	h->n_out = own(t)->n_proj;
	return 0;
}

static int sampler(struct ser_task *t, const struct ser_draw *w, struct ser_sampler **out, struct ser_err *e)
{
	const struct opts *o = own(t);
	struct state *z = t->state;
	return o->pairs != NULL ? train_sample_pairs(out, w, &z->pairs, &z->sets, e)
				: train_sample_clusters(out, w, t->spk, o->cluster, o->n_spk, o->n_per, &z->sets, e);
}

/* Anchors that have a positive. */
static double weight(const struct ser_task *t, const struct ser_batch *b)
{
	(void)b;
	const struct ser_pair_rows *r = &((const struct state *)t->state)->sets.r;
	double n = 0;
	for (size_t i = 0; i < r->n_anchor; i++)
		n += r->pos_at[i + 1] > r->pos_at[i];
	return n;
}

/* Anchors, then the first positive of each, as one matrix. */
static int two_views(struct state *z, struct ser_tape *tape, int out, size_t *n)
{
	const struct ser_pair_rows *r = &z->sets.r;
	z->row = ser_grow(z->row, &z->cap_row, 2 * r->n_anchor, sizeof *z->row);
	*n = 0;
	for (size_t i = 0; i < r->n_anchor; i++)
		if (r->pos_at[i + 1] > r->pos_at[i])
			z->row[(*n)++] = r->anchor[i];
	for (size_t i = 0, k = *n; i < r->n_anchor; i++)
		if (r->pos_at[i + 1] > r->pos_at[i])
			z->row[k++] = r->pos[r->pos_at[i]];
	return ser_nn_rows(tape, out, 2 * *n, z->row);
}

static int two_way(struct state *z, struct ser_tape *tape, int out, double tau)
{
	size_t n;
	two_views(z, tape, out, &n);
	int a = ser_nn_rows(tape, out, n, z->row), p = ser_nn_rows(tape, out, n, z->row + n);
	return ser_nn_infonce(tape, a, p, tau);
}

/* Rows that are linked by positives, directly or through others, are of one class. */
static const int32_t *linked(struct state *z, size_t n_row)
{
	const struct ser_pair_rows *r = &z->sets.r;
	z->row = ser_grow(z->row, &z->cap_row, n_row, sizeof *z->row);
	for (size_t i = 0; i < n_row; i++)
		z->row[i] = (int32_t)i;
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < r->n_anchor; i++)
			for (size_t k = r->pos_at[i]; k < r->pos_at[i + 1]; k++) {
				int32_t *a = &z->row[r->anchor[i]], *p = &z->row[r->pos[k]];
				more = more || *a != *p;
				*a = *p = *a < *p ? *a : *p;
			}
	}
	return z->row;
}

static int triplets(struct state *z, struct ser_tape *tape, int out, double margin)
{
	const struct ser_pair_rows *r = &z->sets.r;
	size_t n = 0;
	for (size_t i = 0; i < r->n_anchor; i++)
		for (size_t p = r->pos_at[i]; p < r->pos_at[i + 1]; p++)
			for (size_t q = r->neg_at[i]; q < r->neg_at[i + 1]; q++) {
				z->trip = ser_grow(z->trip, &z->cap_trip, n + 1, sizeof *z->trip);
				memcpy(z->trip[n++], (int32_t[3]){r->anchor[i], r->pos[p], r->neg[q]}, sizeof *z->trip);
			}
	return n > 0 ? ser_nn_triplet(tape, out, n, (const int32_t(*)[3])z->trip, margin) : -1;
}

static bool all_rows(const struct ser_task *t)
{
	(void)t;
	return true;
}

static int loss(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, size_t lo, size_t hi,
		double norm)
{
	struct state *z = t->state;
	const struct opts *o = own(t);
	size_t n;
	ser_assert(lo == 0 && hi == b->n);
	if (o->loss == SETS)
		return ser_nn_pair_loss(tape, out, &z->sets.r, o->tau, norm);
	int l = o->loss == INFONCE   ? two_way(z, tape, out, o->tau)
		: o->loss == NT_XENT ? ser_nn_ntxent(tape, two_views(z, tape, out, &n), o->tau)
		: o->loss == SUPCON  ? ser_nn_supcon(tape, out, linked(z, b->n), o->tau)
				     : triplets(z, tape, out, o->margin);
	/* A mean over anchors: each part of a batch counts by how many it has. */
	double mine = weight(t, b);
	return l >= 0 && mine != norm ? ser_nn_scale(tape, l, mine / norm) : l;
}

/* The sum over anchors, and how many they are. */
static size_t tally_size(const struct ser_task *t)
{
	(void)t;
	return 2;
}

static void tally(struct ser_task *t, struct ser_tape *tape, int out, const struct ser_batch *b, double *sum)
{
	double n = weight(t, b);
	int l = n > 0 ? loss(t, tape, out, b, 0, b->n, 1) : -1;
	sum[0] += l >= 0 ? ser_tape_scalar(tape, l) : 0;
	sum[1] += n;
}

static double total(const struct ser_task *t, const double *sum)
{
	(void)t;
	return sum[1] > 0 ? -sum[0] / sum[1] : 0;
}

static const struct ser_val *speakers(const struct ser_task *t)
{
	return &((const struct state *)t->state)->pairs.speakers;
}

static void free_state(struct ser_task *t)
{
	struct state *z = t->state;
	if (z == NULL)
		return;
	ser_pair_set_free(&z->pairs);
	train_sets_free(&z->sets);
	free(z->row);
	free(z->trip);
	free(z);
}

const struct ser_task_kind train_contrastive = {
	.name = "contrastive",
	.summary = "Learn an embedding from pairs inside speakers, without labels.",
	.options = options,
	.defaults = &defaults,
	.size = sizeof defaults,
	.score = "loss",
	.head_name = head_name,
	.labels = labels,
	.read = read_pairs,
	.head = head,
	.sampler = sampler,
	.weight = weight,
	.loss = loss,
	.all_rows = all_rows,
	.tally_size = tally_size,
	.tally = tally,
	.total = total,
	.speakers = speakers,
	.free = free_state,
};
