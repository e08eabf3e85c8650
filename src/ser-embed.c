/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

struct job {
	const struct ser_model *m;
	struct ser_runner *run;
	struct ser_source source;
	const char *name;
	bool frames;
	bool head; /* its hidden layer */
	size_t i_head;
};

static int header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	struct job *j = ctx;
	if (ser_runner_check_header(j->run, h, e) != 0)
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
	int y;
	if (ser_runner_do(j->run, worker, r, &t, &y, e) < 0)
		return e->code;
	if (j->head)
		y = ser_model_hidden(j->m, t, j->i_head, y);
	if (ser_runner_set(r, j->name, ser_tape_node(t, y), j->frames, e) != 0)
		return e->code;
	return 1;
}

/* What the options ask for: one field is followed with --every. */
static void choose_source(struct ser_cli *c, struct job *j, const char *text)
{
	struct ser_err e;
	if (text != NULL && ser_model_source_parse(j->m, text, &j->source, &e) != 0)
		ser_cli_usage(c, "--source: %s", e.msg);
	if (j->frames && ser_model_source_terms(j->m, &j->source) > 1)
		ser_cli_usage(c, "--frames are of one encoder: --source says which");
	if (j->frames)
		j->source =
			(struct ser_source){1, {{ser_model_source_term(j->m, &j->source, 0).encoder, SER_PART_FRAMES}}};
	j->frames = j->source.n > 0 && j->source.term[0].part == SER_PART_FRAMES;
	if (j->name == NULL)
		j->name = j->frames ? "frames" : "emb";
	bool taken = strcmp(j->name, "id") == 0;
	for (size_t i = 0; i < j->m->n_enc; i++)
		taken = taken || strcmp(j->name, j->m->enc[i].field) == 0;
	if (taken)
		ser_cli_usage(c, "--name: \"%s\" is taken", j->name);
	if (c->every_s > 0 && ser_model_source_terms(j->m, &j->source) > 1)
		ser_cli_usage(c, "--every follows one field: --source says which encoder's");
}

static void choose_head(struct ser_cli *c, struct job *j, const char *name, const char *path)
{
	int i = ser_model_head_find(j->m, name);
	if (i < 0 || j->m->head[i].n_hidden == 0)
		ser_cli_fail(c, SER_EDATA, "%s: has no head \"%s\" with a hidden layer", path, name);
	j->head = true;
	j->i_head = (size_t)i;
	j->source = j->m->head[i].source;
}

int main(int argc, char **argv)
{
	struct job j = {.name = NULL};
	const char *model = NULL, *source = NULL, *head = NULL;
	int precision = SER_LA_FULL;
	const struct ser_option opts[] = {
		{"model", "model of ser-train or ser-model import", SER_OPT_STR(&model, "FILE"), .letter = 'm',
		 .flags = SER_OPTION_NEEDED | SER_OPTION_READ},
		{"source", "encoders whose embeddings stand side by side (default all)",
		 SER_OPT_STR(&source, "NAME[+NAME]...")},
		{"frames", "frame-level states [T,C] instead of one vector", SER_OPT_FLAG(&j.frames)},
		{"head", "the first hidden layer of this head, before its ReLU, instead of the encoder's vector",
		 SER_OPT_STR(&head, "NAME")},
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
	j.m = m;
	if (head != NULL && (j.frames || source != NULL))
		ser_cli_usage(&c, "--head, --frames and --source do not go together");
	choose_source(&c, &j, source);
	if (head != NULL)
		choose_head(&c, &j, head, model);
	j.run = ser_runner_new(m, &j.source, c.n_thread);
	if (ser_runner_precision(j.run, (enum ser_la_precision)precision, &e) != 0)
		ser_cli_die(&c, &e);
	const struct ser_filter filter = {header, record, &j};
	const struct ser_encoder *first = &m->enc[ser_model_source_term(m, &j.source, 0).encoder];
	int status = ser_cli_follow(&c, &filter, first->field, first->arch->min_frame(first->hyper), NULL);
	struct ser_buf note = {0};
	ser_runner_note(j.run, &note);
	if (note.n > 0)
		ser_cli_warn(&c, "%s", note.s);
	ser_buf_free(&note);
	ser_runner_free(j.run);
	ser_model_free(m);
	return status;
}
