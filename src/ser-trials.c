/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "ml/trials.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A label of all records as numbers. */
struct column {
	const char *name; /* NULL: not asked for */
	struct ser_map *values;
	size_t *code, cap; /* [n] */
};

static void column_add(struct ser_cli *c, struct column *col, struct ser_record *r, size_t n)
{
	const char *s;
	struct ser_err e;
	if (col->name == NULL)
		return;
	if (ser_record_str(r, col->name, &s, &e) != 0)
		ser_cli_die(c, &e);
	if (col->values == NULL)
		col->values = ser_map_new();
	col->code = ser_grow(col->code, &col->cap, n + 1, sizeof *col->code);
	col->code[n] = ser_map_add(col->values, s, strlen(s), NULL);
}

static void column_free(struct column *col)
{
	ser_map_free(col->values);
	free(col->code);
}

static void print(struct ser_cli *c, const struct ser_trials *t, const char *const *id)
{
	struct ser_outfile out;
	FILE *f = ser_out_text_open(c, &out);
	for (size_t i = 0; i < t->n; i++)
		fprintf(f, "%s\t%s\t%s\n", id[t->a[i]], id[t->b[i]], t->target[i] ? "target" : "nontarget");
	ser_out_text_close(c, &out);
}

int main(int argc, char **argv)
{
	struct column spk = {.name = "spk"}, within = {0}, across = {0};
	int n_target = 0, n_nontarget = 0;
	int64_t seed = 0;
	const struct ser_option opts[] = {
		{"by", "label of the speaker", SER_OPT_STR(&spk.name, "NAME")},
		{"targets", "target trials of each speaker, drawn from all; 0: all",
		 SER_OPT_INT(&n_target, "N", 0, INT_MAX)},
		{"nontargets", "non-target trials of each speaker, drawn from all; 0: all",
		 SER_OPT_INT(&n_nontarget, "N", 0, INT_MAX)},
		{"within", "only pairs that agree in this label, such as sex", SER_OPT_STR(&within.name, "NAME")},
		{"across", "only pairs that differ in this label, such as session", SER_OPT_STR(&across.name, "NAME")},
		{"seed", "random seed", SER_OPT_I64(&seed, "N", 0, 0)},
		{0},
	};
	const struct ser_tool tool = {"ser-trials", "List pairs of records for speaker verification.",
				      "[FILE]...",  opts,
				      NULL,         SER_CLI_FILTER};
	struct ser_cli c;
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);

	struct ser_in *in = ser_in_open(&c);
	struct ser_record r = {0};
	struct ser_map *ids = ser_map_new();
	size_t n = 0;
	for (; ser_in_next(in, &r, NULL); n++) {
		const char *id = ser_record_id(&r);
		ser_map_add(ids, id, strlen(id), NULL);
		if (strpbrk(id, "\t\r\n") != NULL &&
		    ser_record_fail(&r, &e, SER_EDATA, "the id has a tab or a line end") != 0)
			ser_cli_die(&c, &e);
		column_add(&c, &spk, &r, n);
		column_add(&c, &within, &r, n);
		column_add(&c, &across, &r, n);
	}
	ser_record_free(&r);

	const char **id = ser_malloc(n, sizeof *id);
	for (size_t i = 0; i < n; i++)
		id[i] = ser_map_key(ids, i, NULL);
	const struct ser_trials_opt o = {(size_t)n_target, (size_t)n_nontarget, (uint64_t)seed};
	struct ser_trials *t =
		ser_trials_new(&o, &(struct ser_trials_in){n, id, spk.code, within.code, across.code}, &e);
	if (t == NULL)
		ser_cli_die(&c, &e);
	ser_cli_info(&c, "%zu target trial%s of %zu speaker%s, %zu non-target", t->n_target, ser_s(t->n_target),
		     t->n_spk, ser_s(t->n_spk), t->n - t->n_target);
	print(&c, t, id);
	ser_trials_free(t);
	free(id);
	ser_map_free(ids);
	ser_in_close(in);
	column_free(&spk);
	column_free(&within);
	column_free(&across);
	return ser_cli_end(&c);
}
