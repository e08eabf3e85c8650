/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "extract/norm.h"

#include <stdlib.h>

static struct ser_cli c;
static struct ser_norm_opt o;
static struct ser_norm *n;

static void check(int rc, const struct ser_err *e)
{
	if (rc < 0)
		ser_cli_die(&c, e);
}

static int header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	(void)ctx, (void)e;
	ser_norm_header(n, h);
	return SER_OK;
}

static int record(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	(void)ctx;
	int rc = ser_norm_do(n, worker, r, e);
	return rc < 0 ? rc : 1;
}

/* ---- where a speaker implies an emotion ---- */

/* Groups of --by and the one emotion of each, from the labels alone. */
struct implied {
	struct ser_map *group, *emo;
	size_t *emo_of, *n_of; /* [groups] the first emotion, records */
	bool *several;         /* of emotions */
	size_t cap[3];
};

static void look(struct implied *m, const struct ser_record *r)
{
	const struct ser_val *by = ser_record_get(r, o.by), *emo = ser_record_get(r, "emo");
	if (by == NULL || emo == NULL || by->kind != SER_STR || emo->kind != SER_STR)
		return;
	size_t n_before = ser_map_len(m->group), g = ser_map_add(m->group, by->u.str.s, by->u.str.n, NULL),
	       e = ser_map_add(m->emo, emo->u.str.s, emo->u.str.n, NULL);
	m->emo_of = ser_grow(m->emo_of, &m->cap[0], g + 1, sizeof *m->emo_of);
	m->n_of = ser_grow(m->n_of, &m->cap[1], g + 1, sizeof *m->n_of);
	m->several = ser_grow(m->several, &m->cap[2], g + 1, sizeof *m->several);
	if (g == n_before) {
		m->emo_of[g] = e;
		m->n_of[g] = 0;
		m->several[g] = false;
	}
	m->n_of[g]++;
	m->several[g] = m->several[g] || m->emo_of[g] != e;
}

/* Taking off the mean of somebody who is only ever angry takes off the anger. */
static void say_implied(const struct implied *m)
{
	size_t n_one = 0, n_group = ser_map_len(m->group);
	for (size_t g = 0; g < n_group; g++)
		n_one += !m->several[g] && m->n_of[g] > 1;
	if (ser_map_len(m->emo) > 1 && 2 * n_one > n_group)
		ser_cli_warn(
			&c,
			"%zu of the %zu value%s of \"%s\" have one emotion alone, which goes with their mean: what is "
			"left is no fair comparison",
			n_one, n_group, ser_s(n_group), o.by);
}

static void implied_free(struct implied *m)
{
	ser_map_free(m->group);
	ser_map_free(m->emo);
	free(m->emo_of);
	free(m->n_of);
	free(m->several);
}

/* ---- statistics over records ---- */

/* The records between the passes, and the headers that stand before some of them. */
struct kept {
	struct ser_store *record;
	struct segment {
		struct ser_header h;
		size_t at; /* its first record */
	} * segment;
	size_t n_segment, cap;
};

static void keep_header(struct kept *k, const struct ser_header *h)
{
	k->segment = ser_grow(k->segment, &k->cap, k->n_segment + 1, sizeof *k->segment);
	ser_header_copy(&k->segment[k->n_segment].h, h);
	k->segment[k->n_segment++].at = ser_store_len(k->record);
}

/* k: NULL when they are not wanted again. */
static void first_pass(struct kept *k)
{
	struct ser_in *in = ser_in_open(&c);
	struct ser_record r = {0};
	struct implied m = {.group = ser_map_new(), .emo = ser_map_new()};
	bool segment;
	if (k != NULL)
		keep_header(k, ser_in_header(in));
	while (ser_in_next(in, &r, &segment)) {
		struct ser_err e;
		if (segment && k != NULL)
			keep_header(k, ser_in_header(in));
		if (ser_norm_add(n, &r, &e) != SER_OK)
			ser_cli_skip(&c, ser_record_id(&r), &e);
		else if (k != NULL)
			check(ser_store_add(k->record, &r, &e), &e);
		if (o.by != NULL)
			look(&m, &r);
		ser_cli_progress_in(&c, "records", c.n_read, in);
	}
	say_implied(&m);
	implied_free(&m);
	ser_record_free(&r);
	ser_in_close(in);
	ser_norm_done(n);
}

static void second_pass(struct kept *k)
{
	struct ser_out *out = ser_out_open(&c);
	struct ser_record r = {0};
	struct ser_err e;
	size_t s = 0;
	for (size_t i = 0; i <= ser_store_len(k->record); i++) {
		for (; s < k->n_segment && k->segment[s].at == i; s++) {
			ser_norm_header(n, &k->segment[s].h);
			ser_out_header(out, &k->segment[s].h);
			ser_header_free(&k->segment[s].h);
		}
		if (i == ser_store_len(k->record))
			break;
		check(ser_store_get(k->record, i, &r, &e), &e);
		check(ser_norm_do(n, 0, &r, &e), &e);
		ser_out_record(out, &r);
	}
	ser_record_free(&r);
	ser_out_close(out);
}

static int over_records(void)
{
	struct kept k = {.record = ser_store_new(0)}; /* on disk */
	first_pass(&k);
	second_pass(&k);
	ser_store_free(k.record);
	free(k.segment);
	return ser_cli_end(&c);
}

int main(int argc, char **argv)
{
	const char *fit = NULL, *apply = NULL;
	ser_norm_opt_init(&o);
	const struct ser_option opts[] = {
		{"field", "tensor to normalise, over all axes but the last", SER_OPT_STR(&o.field, "NAME")},
		{"by", "statistics of all records with the same label, such as spk", SER_OPT_STR(&o.by, "LABEL")},
		{"global", "statistics of all records", SER_OPT_FLAG(&o.global)},
		{"sliding", "statistics of a window of N frames; 0: of the record",
		 SER_OPT_INT(&o.sliding, "N", 0, 1e9)},
		{"min-window", "least frames of that window, when not centred",
		 SER_OPT_INT(&o.min_window, "N", 1, 1e9)},
		{"center", "that window is centred instead of to the left", SER_OPT_FLAG(&o.center)},
		{"fit", "write the statistics of all records here, and no stream", SER_OPT_STR(&fit, "FILE"),
		 .flags = SER_OPTION_WRITE},
		{"apply", "use the statistics that --fit wrote", SER_OPT_STR(&apply, "FILE"), .flags = SER_OPTION_READ},
		{"mean", "subtract means", SER_OPT_FLAG(&o.mean)},
		{"var", "divide by standard deviations", SER_OPT_FLAG(&o.var)},
		{"clip", "then limit values to [-X,X]; 0: do not", SER_OPT_REAL(&o.clip, "X", 0, 1e30)},
		{0},
	};
	const struct ser_tool tool = {
		"ser-norm",  "Normalise the mean and variance of a tensor's columns.",
		"[FILE]...", opts,
		NULL,        SER_CLI_FILTER | SER_CLI_STREAM | SER_CLI_THREADS | SER_CLI_KEEP | SER_CLI_PROGRESS};
	ser_cli_begin(&c, &tool, argc, argv);
	if (fit != NULL)
		ser_out_expect(&c, false);
	if ((o.by != NULL) + o.global + (o.sliding > 0) + (fit != NULL) + (apply != NULL) > 1)
		ser_cli_usage(&c, "of --by, --global, --sliding, --fit and --apply only one can be given");
	if (!o.mean && !o.var)
		ser_cli_usage(&c, "--no-mean and --no-var leave nothing to do");
	if (o.sliding > 0 && !o.mean)
		ser_cli_usage(&c, "--sliding always subtracts means");
	if (fit != NULL && (!o.mean || !o.var || o.clip > 0))
		ser_cli_usage(&c, "--mean, --var and --clip go with --apply, not with --fit");
	if (fit != NULL && c.out != NULL)
		ser_cli_usage(&c, "--fit writes no stream: --output has no use");
	n = ser_norm_new(&o, c.n_thread);
	struct ser_err e;
	int status;
	if (fit != NULL) {
		first_pass(NULL);
		check(ser_norm_save(n, fit, &e), &e);
		status = ser_cli_end(&c);
	} else if (o.by != NULL || o.global) {
		status = over_records();
	} else {
		if (apply != NULL)
			check(ser_norm_load(n, apply, &e), &e);
		status = ser_cli_filter(&c, &(struct ser_filter){header, record, NULL});
	}
	ser_norm_free(n);
	return status;
}
