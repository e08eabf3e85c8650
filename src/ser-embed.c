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
	int head; /* whose projection, or first hidden layer, is wanted; -1: none's */
	/* of a head over texts: */
	const char *label;
	struct ser_strs prompt;
	struct ser_prompts own; /* the model's classes, unless prompts are given */
	float *unit;            /* [own.class.n, n_out] */
};

static bool projects(const struct ser_head *h)
{
	return h->kind == SER_HEAD_UNIT || h->kind == SER_HEAD_TOWER;
}

static int header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	struct job *j = ctx;
	if (j->label == NULL && ser_runner_check_header(j->run, h, e) != 0)
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

/* A head over texts: of the class that a label names, in the model's texts or in those given. */
static int record_text(struct job *j, struct ser_record *r, struct ser_err *e)
{
	const char *text;
	size_t d = j->m->head[j->head].n_out;
	if (ser_record_str(r, j->label, &text, e) != 0)
		return e->code;
	float *y = ser_arena_alloc(&r->arena, d, sizeof *y);
	size_t k = 0;
	while (k < j->own.class.n && strcmp(j->own.class.s[k], text) != 0)
		k++;
	if (k < j->own.class.n) {
		memcpy(y, j->unit + k * d, d * sizeof *y);
	} else {
		struct ser_prompts p = {.n = 0};
		struct ser_err why;
		int rc = ser_prompts_of(&p, j->m, &j->prompt, NULL, &(struct ser_strs){&text, 1}, &why);
		if (rc == 0)
			rc = ser_model_embed_classes(j->m, (size_t)j->head, &p, y, &why);
		ser_prompts_free(&p);
		if (rc != 0)
			return ser_record_fail(r, e, SER_EDATA, "%s", why.msg);
	}
	ser_record_set(r, j->name, ser_f4(y, 1, &d));
	return 1;
}

static int record(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	struct job *j = ctx;
	struct ser_tape *t;
	int y;
	if (j->label != NULL)
		return record_text(j, r, e);
	if (ser_runner_do(j->run, worker, r, &t, &y, e) < 0)
		return e->code;
	if (j->head >= 0)
		y = projects(&j->m->head[j->head]) ? ser_model_head(j->m, t, (size_t)j->head, y)
						   : ser_model_hidden(j->m, t, (size_t)j->head, y);
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
		taken = taken || (j->m->enc[i].field != NULL && strcmp(j->name, j->m->enc[i].field) == 0);
	if (taken)
		ser_cli_usage(c, "--name: \"%s\" is taken", j->name);
	if (c->every_s > 0 && ser_model_source_terms(j->m, &j->source) > 1)
		ser_cli_usage(c, "--every follows one field: --source says which encoder's");
}

/* What a head makes of records or of texts. */
static void choose_head(struct ser_cli *c, struct job *j, const char *name)
{
	struct ser_err e;
	j->head = name != NULL ? ser_model_head_find(j->m, name) : -1;
	const struct ser_head *h = j->head >= 0 ? &j->m->head[j->head] : NULL;
	if (name != NULL && (h == NULL || (!projects(h) && h->n_hidden == 0)))
		ser_cli_usage(c, "--head: the model has no head \"%s\" with a projection or a hidden layer", name);
	if (h != NULL && (j->source.n > 0 || j->frames))
		ser_cli_usage(c, "--head stands on a source of its own, without --source and --frames");
	bool texts = h != NULL && j->m->enc[ser_model_source_term(j->m, &h->source, 0).encoder].field == NULL;
	if (texts != (j->label != NULL) || (j->prompt.n > 0 && !texts))
		ser_cli_usage(c, "--label, and --prompt, go with a --head over texts, as ser-train clap makes it");
	if (h == NULL || !texts) {
		j->source = h != NULL ? h->source : j->source;
		return;
	}
	if (c->every_s > 0)
		ser_cli_usage(c, "--every follows a field, a text has none");
	if (j->prompt.n > 0)
		return;
	if (ser_prompts_of(&j->own, j->m, &j->prompt, NULL, &j->prompt, &e) != 0)
		ser_cli_die(c, &e);
	j->unit = ser_malloc(ser_mul(j->own.class.n, h->n_out), sizeof *j->unit);
	if (ser_model_embed_classes(j->m, (size_t)j->head, &j->own, j->unit, &e) != 0)
		ser_cli_die(c, &e);
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
		{"head",
		 "what this head projects to, or its first hidden layer before the ReLU, in place of embeddings",
		 SER_OPT_STR(&head, "NAME")},
		{"label", "with a head over texts: the label that names the class", SER_OPT_STR(&j.label, "NAME")},
		{"prompt", "text of a class, which stands for {}; of several the mean counts (default the model's)",
		 SER_OPT_LIST(&j.prompt, "TEXT")},
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
	choose_source(&c, &j, source);
	choose_head(&c, &j, head);
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
	ser_prompts_free(&j.own);
	free(j.unit);
	free(j.prompt.s);
	ser_model_free(m);
	return status;
}
