/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "model/model.h"

#include <stdlib.h>

struct job {
	const struct ser_model *m;
	struct ser_runner *run;
	const struct ser_head *head;
	size_t i_head;
	bool frames; /* the head stands on frames: a row for each */
};

static int header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	struct job *j = ctx;
	if (ser_runner_check_header(j->run, h, e) != 0)
		return e->code;
	struct ser_val axes = ser_val_list(), classes = ser_val_list(), *dim = ser_header_dim_add(h, "post");
	const struct ser_val *spk = ser_val_get(&j->m->train, "speakers");
	bool values = j->head->kind == SER_HEAD_VALUE;
	if (j->frames)
		ser_val_push(&h->arena, &axes, ser_str("frame"));
	ser_val_push(&h->arena, &axes, ser_str(values ? "value" : "class"));
	for (size_t i = 0; i < j->head->n_out; i++)
		ser_val_push(&h->arena, &classes, ser_str(j->head->out[i]));
	ser_val_set(&h->arena, dim, "axes", axes);
	if (!values)
		ser_val_set(&h->arena, dim, "label", ser_str(j->head->field));
	ser_val_set(&h->arena, dim, "classes", classes);
	if (j->head->kind == SER_HEAD_MULTI)
		ser_val_set(&h->arena, dim, "activation", ser_str("sigmoid"));
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
	bool values = j->head->kind == SER_HEAD_VALUE;
	int out = ser_model_head(j->m, t, j->i_head, y);
	bool multi = j->head->kind == SER_HEAD_MULTI;
	struct ser_node post = ser_tape_node(t, values ? out : multi ? ser_nn_sigmoid(t, out) : ser_nn_softmax(t, out));
	if (ser_runner_set(r, "post", post, j->frames, e) != 0)
		return e->code;
	if (j->frames) {
		ser_record_drop(r, "pred"); /* of an earlier prediction */
		return 1;
	}
	size_t best = 0;
	for (size_t k = 1; k < post.n_col; k++)
		if (post.val[k] > post.val[best])
			best = k;
	if (!values)
		ser_record_set(r, "pred", ser_str(j->head->out[best]));
	else if (post.n_col == 1)
		ser_record_set(r, "pred", ser_real((double)post.val[0]));
	else
		ser_record_drop(r, "pred"); /* of an earlier prediction */
	return 1;
}

/* A line for those who look on. */
static void show(void *ctx, struct ser_record *r)
{
	struct job *j = ctx;
	struct ser_buf b = {0};
	const struct ser_val *pred = ser_record_get(r, "pred"), *post = ser_record_get(r, "post");
	ser_buf_printf(&b, "%s %9.2f s ", ser_record_id(r), ser_record_get(r, "end")->u.f);
	if (j->head->kind != SER_HEAD_VALUE)
		ser_buf_printf(&b, " %-12.*s", (int)pred->u.str.n, pred->u.str.s);
	for (size_t k = 0; k < j->head->n_out; k++)
		ser_buf_printf(&b, " %s %.3f", j->head->out[k], ser_tensor_real(&post->u.t, k));
	puts(b.s);
	ser_buf_free(&b);
}

static bool usable(const struct ser_head *h)
{
	return h->kind == SER_HEAD_CLASS || h->kind == SER_HEAD_VALUE || h->kind == SER_HEAD_MULTI;
}

/* The head asked for, or the first one that was no adversary. */
static void choose_head(struct ser_cli *c, struct job *j, const char *name, const char *path)
{
	for (size_t i = 0; i < j->m->n_head && name == NULL; i++)
		if (usable(&j->m->head[i]) && !j->m->head[i].adversarial)
			name = j->m->head[i].name;
	int i = name != NULL ? ser_model_head_find(j->m, name) : -1;
	if (name == NULL)
		ser_cli_fail(c, SER_EDATA,
			     "%s: has no classifier and no values; ser-train classify and regress make them", path);
	if (i < 0 || !usable(&j->m->head[i]))
		ser_cli_fail(c, SER_EDATA, "%s: has no classifier and no values \"%s\"", path, name);
	j->i_head = (size_t)i;
	j->head = &j->m->head[i];
	j->frames = j->head->source.n > 0 && j->head->source.term[0].part == SER_PART_FRAMES &&
		    j->head->pool == SER_POOL_NONE;
}

int main(int argc, char **argv)
{
	struct job j = {0};
	const char *model = NULL, *head = NULL;
	int precision = SER_LA_FULL;
	const struct ser_option opts[] = {
		{"model", "model of ser-train classify or regress", SER_OPT_STR(&model, "FILE"), .letter = 'm',
		 .flags = SER_OPTION_NEEDED | SER_OPTION_READ},
		{"head", "which head of the model (default its first)", SER_OPT_STR(&head, "NAME")},
		{"precision", "of matrix products", SER_OPT_CHOICE(&precision, "NAME", ser_la_precisions)},
		{0},
	};
	const struct ser_tool tool = {
		"ser-predict", "Add posteriors and the most probable class, or values, by a trained model.",
		"[FILE]...",   opts,
		NULL,          SER_CLI_FILTER | SER_CLI_THREADS | SER_CLI_KEEP | SER_CLI_DROP | SER_CLI_FOLLOW};
	struct ser_cli c;
	struct ser_err e;
	struct ser_model *m;
	ser_cli_begin(&c, &tool, argc, argv);
	if (ser_model_load(&m, model, &e) != 0)
		ser_cli_die(&c, &e);
	j.m = m;
	choose_head(&c, &j, head, model);
	if (c.every_s > 0 && ser_model_source_terms(m, &j.head->source) > 1)
		ser_cli_usage(&c, "--every follows one field, head \"%s\" stands on several encoders", j.head->name);
	j.run = ser_runner_new(m, &j.head->source, c.n_thread);
	if (ser_runner_precision(j.run, (enum ser_la_precision)precision, &e) != 0)
		ser_cli_die(&c, &e);
	const struct ser_filter filter = {header, record, &j};
	const struct ser_encoder *first = &m->enc[ser_model_source_term(m, &j.head->source, 0).encoder];
	int status =
		ser_cli_follow(&c, &filter, first->field, first->arch->min_frame(first->hyper), j.frames ? NULL : show);
	struct ser_buf note = {0};
	ser_runner_note(j.run, &note);
	if (note.n > 0)
		ser_cli_warn(&c, "%s", note.s);
	ser_buf_free(&note);
	ser_runner_free(j.run);
	ser_model_free(m);
	return status;
}
