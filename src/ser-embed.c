/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

struct job {
	const struct ser_model *m;
	struct ser_runner *run;
	const char *name;
	bool frames;
};

static int header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	struct job *j = ctx;
	if (ser_model_check_header(j->m, h, e) != 0)
		return e->code;
	struct ser_val axes = ser_val_list(), *dim = ser_header_dim_add(h, j->name);
	if (j->frames)
		ser_val_push(&h->arena, &axes, ser_str("frame"));
	ser_val_push(&h->arena, &axes, ser_str(j->frames ? "channel" : "dim"));
	ser_val_set(&h->arena, dim, "axes", axes);
	const struct ser_val *spk = ser_val_get(&j->m->train, "speakers");
	if (spk != NULL)
		ser_val_set(&h->arena, dim, "train_speakers", *spk);
	return 0;
}

static int record(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	struct job *j = ctx;
	struct ser_tape *t;
	struct ser_encoded y;
	if (ser_runner_do(j->run, worker, r, &t, &y, e) < 0)
		return e->code;
	if (j->frames && y.frames < 0)
		return ser_record_fail(r, e, SER_EDATA, "architecture %s has no frame-level states", j->m->arch->name);
	if (ser_runner_set(r, j->name, ser_tape_node(t, j->frames ? y.frames : y.emb), j->frames, e) != 0)
		return e->code;
	return 1;
}

int main(int argc, char **argv)
{
	struct job j = {.name = NULL};
	const char *model = NULL;
	int precision = SER_LA_FULL;
	const struct ser_option opts[] = {
		{"model", "model of ser-train or ser-model import", SER_OPT_STR(&model, "FILE"), .letter = 'm',
		 .flags = SER_OPTION_NEEDED | SER_OPTION_READ},
		{"frames", "frame-level states [T,C] instead of one vector", SER_OPT_FLAG(&j.frames)},
		{"name", "name of the new tensor (default emb, or frames)", SER_OPT_STR(&j.name, "NAME")},
		{"precision", "of matrix products", SER_OPT_CHOICE(&precision, "NAME", ser_la_precisions)},
		{0},
	};
	const struct ser_tool tool = {
		"ser-embed", "Add what a trained encoder makes of the features of each record.",
		"[FILE]...", opts,
		NULL,        SER_CLI_FILTER | SER_CLI_THREADS | SER_CLI_KEEP | SER_CLI_DROP | SER_CLI_FOLLOW};
	struct ser_cli c;
	struct ser_err e;
	struct ser_model *m;
	ser_cli_begin(&c, &tool, argc, argv);
	if (ser_model_load(&m, model, &e) != 0)
		ser_cli_die(&c, &e);
	if (j.name == NULL)
		j.name = j.frames ? "frames" : "emb";
	if (strcmp(j.name, m->field) == 0 || strcmp(j.name, "id") == 0)
		ser_cli_usage(&c, "--name: \"%s\" is taken", j.name);
	j.m = m;
	j.run = ser_runner_new(m, c.n_thread);
	if (ser_runner_precision(j.run, (enum ser_la_precision)precision, &e) != 0)
		ser_cli_die(&c, &e);
	const struct ser_filter filter = {header, record, &j};
	int status = ser_cli_follow(&c, &filter, m->field, m->arch->min_frame(m->hyper), NULL);
	struct ser_buf note = {0};
	ser_runner_note(j.run, &note);
	if (note.n > 0)
		ser_cli_warn(&c, "%s", note.s);
	ser_buf_free(&note);
	ser_runner_free(j.run);
	ser_model_free(m);
	return status;
}
