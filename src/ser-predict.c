/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "model/embed.h"
#include "model/model.h"
#include "score/score.h"
#include "ml/scaling.h"
#include "stat/eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct job {
	const struct ser_model *m;
	struct ser_runner *run;
	const struct ser_head *head;
	size_t i_head;
	bool frames;       /* the head stands on frames: a row for each, */
	size_t shift_rows; /* of so many rows of the field; 0: not known */
	/* of classes that are told by texts: */
	struct ser_strs class;
	float *unit; /* [classes, n_out]; NULL: the head has classes or values of its own */
	double scale;
	double temperature, reject;
	double *weight, *offset; /* [classes] of the log posteriors; NULL: as they are */
};

/* Axes, classes, label and speakers of a tensor of classes or values. */
static void say(const struct job *j, struct ser_header *h, const char *tensor)
{
	struct ser_val axes = ser_val_list(), classes = ser_val_list(), *dim = ser_header_dim_add(h, tensor);
	const struct ser_val *spk = ser_val_get(&j->m->train, "speakers");
	bool values = j->head->kind == SER_HEAD_VALUE;
	if (j->frames)
		ser_val_push(&h->arena, &axes, ser_str("frame"));
	ser_val_push(&h->arena, &axes, ser_str(values ? "value" : "class"));
	for (size_t i = 0; i < j->class.n; i++)
		ser_val_push(&h->arena, &classes, ser_str(j->class.s[i]));
	ser_val_set(&h->arena, dim, "axes", axes);
	if (j->shift_rows > 0) {
		const struct ser_encoder *c = &j->m->enc[j->head->source.term[0].encoder];
		const struct ser_val *from = ser_header_dim(h, c->field),
				     *shift = from != NULL ? ser_val_get(from, "shift_s") : NULL;
		if (shift != NULL && shift->kind == SER_REAL)
			ser_val_set(&h->arena, dim, "shift_s", ser_real(shift->u.f * (double)j->shift_rows));
	}
	if (!values && j->head->field != NULL)
		ser_val_set(&h->arena, dim, "label", ser_str(j->head->field));
	ser_val_set(&h->arena, dim, "classes", classes);
	if (j->head->kind == SER_HEAD_MULTI)
		ser_val_set(&h->arena, dim, "activation", ser_str("sigmoid"));
	if (spk != NULL)
		ser_val_set(&h->arena, dim, "train_speakers", *spk);
}

static int header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	struct job *j = ctx;
	if (ser_runner_check_header(j->run, h, e) != 0)
		return e->code;
	say(j, h, "post");
	if (j->unit != NULL)
		say(j, h, "cos");
	return 0;
}

static void set_pred(const struct job *j, struct ser_record *r, size_t n, const real *post)
{
	size_t best = 0;
	for (size_t k = 1; k < n; k++)
		if (post[k] > post[best])
			best = k;
	ser_record_set(r, "pred", (double)post[best] < j->reject ? ser_nil() : ser_str(j->class.s[best]));
}

/* Rows of posteriors by the weights and offsets, in the record's memory. */
static struct ser_node scaled(const struct job *j, struct ser_record *r, struct ser_node post)
{
	size_t n = post.n_row, k = post.n_col;
	real *y = ser_arena_alloc(&r->arena, ser_mul(n, k), sizeof *y);
	double *p = ser_arena_alloc(&r->arena, ser_mul(2, k), sizeof *p), *q = p + k;
	for (size_t i = 0; i < n; i++) {
		for (size_t c = 0; c < k; c++)
			p[c] = (double)post.val[i * k + c];
		ser_scale(p, k, j->weight, j->offset, q);
		for (size_t c = 0; c < k; c++)
			y[i * k + c] = (real)q[c];
	}
	return (struct ser_node){.n_row = n, .n_col = k, .val = y};
}

/* By the cosines of a tower's vector with those of the classes' texts. */
static int by_texts(const struct job *j, struct ser_record *r, struct ser_node u, struct ser_err *e)
{
	size_t n = j->class.n, d = u.n_col;
	real *cosine = ser_arena_alloc(&r->arena, n, sizeof *cosine),
	     *post = ser_arena_alloc(&r->arena, n, sizeof *post);
	double most = -HUGE_VAL, sum = 0;
	for (size_t k = 0; k < n; k++) {
		double c = 0;
		for (size_t i = 0; i < d; i++)
			c += (double)u.val[i] * (double)j->unit[k * d + i];
		cosine[k] = (real)c;
		most = c > most ? c : most;
	}
	for (size_t k = 0; k < n; k++)
		sum += exp(j->scale * ((double)cosine[k] - most));
	for (size_t k = 0; k < n; k++)
		post[k] = (real)(exp(j->scale * ((double)cosine[k] - most)) / sum);
	struct ser_node y = {.n_row = 1, .n_col = n, .val = post}, z = {.n_row = 1, .n_col = n, .val = cosine};
	y = j->weight != NULL ? scaled(j, r, y) : y;
	if (ser_runner_set(r, "post", y, false, e) != 0 || ser_runner_set(r, "cos", z, false, e) != 0)
		return e->code;
	set_pred(j, r, n, y.val);
	return 1;
}

static int record(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	struct job *j = ctx;
	struct ser_tape *t;
	int y;
	if (ser_runner_do(j->run, worker, 1, &r, &t, &y, e) < 0)
		return e->code;
	bool values = j->head->kind == SER_HEAD_VALUE;
	int out = ser_model_head(j->m, t, j->i_head, y);
	if (j->unit != NULL)
		return by_texts(j, r, ser_tape_node(t, out), e);
	bool multi = j->head->kind == SER_HEAD_MULTI;
	if (j->temperature != 1)
		out = ser_nn_scale(t, out, 1 / j->temperature);
	struct ser_node post = ser_tape_node(t, values ? out : multi ? ser_nn_sigmoid(t, out) : ser_nn_softmax(t, out));
	if (j->weight != NULL)
		post = scaled(j, r, post);
	if (ser_runner_set(r, "post", post, j->frames, e) != 0)
		return e->code;
	if (!values && !j->frames)
		set_pred(j, r, post.n_col, post.val);
	else if (post.n_col == 1 && !j->frames)
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
		ser_buf_printf(&b, " %-12.*s", pred->kind == SER_NIL ? 1 : (int)pred->u.str.n,
			       pred->kind == SER_NIL ? "-" : pred->u.str.s);
	for (size_t k = 0; k < j->class.n; k++)
		ser_buf_printf(&b, " %s %.3f", j->class.s[k], ser_tensor_real(&post->u.t, k));
	puts(b.s);
	ser_buf_free(&b);
}

static bool usable(const struct ser_head *h)
{
	return h->kind == SER_HEAD_CLASS || h->kind == SER_HEAD_VALUE || h->kind == SER_HEAD_MULTI;
}

/* The head asked for, or the first one that was no adversary; none where that is told by texts. */
static void choose_head(struct ser_cli *c, struct job *j, const char *name, const char *path)
{
	for (size_t i = 0; i < j->m->n_head && name == NULL && j->m->head[i].kind != SER_HEAD_TOWER; i++)
		if (usable(&j->m->head[i]) && !j->m->head[i].adversarial)
			name = j->m->head[i].name;
	int i = name != NULL ? ser_model_head_find(j->m, name) : -1;
	if (name == NULL && ser_model_tower(j->m, false) >= 0 && ser_model_tower(j->m, true) >= 0)
		return;
	if (name == NULL)
		ser_cli_fail(c, SER_EDATA,
			     "%s: has no classifier and no values; ser-train classify and regress make them", path);
	if (i < 0 || !usable(&j->m->head[i]))
		ser_cli_fail(c, SER_EDATA, "%s: has no classifier and no values \"%s\"", path, name);
	j->i_head = (size_t)i;
	j->head = &j->m->head[i];
	j->class = (struct ser_strs){(const char **)(uintptr_t)j->head->out, j->head->n_out};
	j->frames = j->head->source.n > 0 && j->head->source.term[0].part == SER_PART_FRAMES &&
		    j->head->pool == SER_POOL_NONE;
	j->shift_rows = j->frames ? ser_embed_hop(j->m, j->head->source.term[0].encoder) : 0;
}

/* Classes by texts: those asked for, or what the model was trained with. */
static void read_texts(struct ser_cli *c, struct job *j, struct ser_prompts *p, const struct ser_strs *wording,
		       const char *file, const struct ser_strs *class, const char *path)
{
	struct ser_err e;
	int audio = ser_model_tower(j->m, false), text = ser_model_tower(j->m, true);
	if (audio < 0 || text < 0 || j->m->head[audio].n_out != j->m->head[text].n_out)
		ser_cli_fail(c, SER_EDATA, "%s: knows no texts; ser-train clap makes models that do", path);
	j->i_head = (size_t)audio;
	j->head = &j->m->head[audio];
	if (ser_prompts_of(p, j->m, wording, file, class, &e) != 0)
		ser_cli_die(c, &e);
	j->class = p->class;
	j->unit = ser_malloc(ser_mul(p->class.n, j->head->n_out), sizeof *j->unit);
	if (ser_model_embed_classes(j->m, (size_t)text, p, j->unit, &e) != 0)
		ser_cli_die(c, &e);
	j->scale = 1 / j->temperature *
		   exp((double)j->m->params->val[j->m->params->slice[ser_model_scale_slice(j->m, j->i_head)].at]);
}

static void read_scaling(struct ser_cli *c, struct job *j, const char *path)
{
	struct ser_err e;
	if (j->head->kind == SER_HEAD_MULTI || ser_cli_given(c, "temperature"))
		ser_cli_usage(c, "--scaling is of classes of which one is true, and goes with no --temperature");
	j->weight = ser_malloc(ser_mul(2, j->class.n), sizeof *j->weight);
	j->offset = j->weight + j->class.n;
	if (ser_score_read_scaling(path, &j->class, j->weight, j->offset, &e) != 0)
		ser_cli_die(c, &e);
}

static _Noreturn void no_stream(struct ser_cli *c, const struct ser_encoder *first, const char *model)
{
	const char *name = c->n_operand > 0 && strcmp(c->operand[0], "-") != 0 ? c->operand[0] : "<stdin>";
	if (first->arch->n_token != NULL)
		ser_cli_fail(c, SER_EDATA, "%s: no stream; ser-tokenize makes of texts what the model reads", name);
	ser_cli_fail(c, SER_EDATA, "%s: no stream; ser-wav2feat --like %s makes of sounds what the model reads", name,
		     model);
}

int main(int argc, char **argv)
{
	struct job j = {.temperature = 1};
	const char *model = NULL, *head = NULL, *prompts = NULL, *classes = NULL, *scaling = NULL;
	struct ser_strs prompt = {NULL, 0};
	struct ser_prompts texts = {.n = 0};
	int precision = SER_LA_FULL;
	const struct ser_option opts[] = {
		{"model", "model of ser-train classify or regress", SER_OPT_STR(&model, "FILE"), .letter = 'm',
		 .flags = SER_OPTION_NEEDED | SER_OPTION_READ},
		{"head", "which head of the model (default its first)", SER_OPT_STR(&head, "NAME")},
		{"classes", "of a model of ser-train clap: these classes, parted by commas (default its own)",
		 SER_OPT_STR(&classes, "NAMES")},
		{"prompt", "text of a class, which stands for {}; of several the mean counts (default the model's)",
		 SER_OPT_LIST(&prompt, "TEXT")},
		{"prompts", "texts of classes, a line each: one with {}, or class, tab, text",
		 SER_OPT_STR(&prompts, "FILE"), .flags = SER_OPTION_READ},
		{"temperature", "divide what the softmax takes by this; ser-score calibration fits it",
		 SER_OPT_REAL(&j.temperature, "T", 0.01, 100)},
		{"scaling",
		 "weigh and shift log posteriors by class as this report of ser-score calibration --json says",
		 SER_OPT_STR(&scaling, "FILE"), .flags = SER_OPTION_READ},
		{"reject", "no prediction where the greatest posterior is below this",
		 SER_OPT_REAL(&j.reject, "X", 0, 1)},
		{"precision", "of matrix products", SER_OPT_CHOICE(&precision, "NAME", ser_la_precisions)},
		{0},
	};
	const struct ser_tool tool = {
		"ser-predict",
		"Add posteriors and the most probable class, or values, by a trained model.",
		"[FILE]...",
		opts,
		NULL,
		SER_CLI_FILTER | SER_CLI_STREAM | SER_CLI_THREADS | SER_CLI_KEEP | SER_CLI_DROP | SER_CLI_FOLLOW};
	struct ser_cli c;
	struct ser_err e;
	struct ser_model *m;
	ser_cli_begin(&c, &tool, argc, argv);
	if (ser_model_load(&m, model, &e) != 0)
		ser_cli_die(&c, &e);
	j.m = m;
	struct ser_strs class = ser_cli_names(&c, "classes", classes);
	bool by_text = class.n > 0 || prompt.n > 0 || prompts != NULL;
	if (by_text && head != NULL)
		ser_cli_usage(&c, "--head goes with no --classes, --prompt and --prompts");
	if (!by_text)
		choose_head(&c, &j, head, model);
	if (j.head == NULL)
		read_texts(&c, &j, &texts, &prompt, prompts, &class, model);
	if (j.head->kind == SER_HEAD_VALUE &&
	    (ser_cli_given(&c, "temperature") || ser_cli_given(&c, "reject") || scaling != NULL))
		ser_cli_usage(&c, "--temperature, --scaling and --reject are of classes, head \"%s\" has values",
			      j.head->name);
	if (scaling != NULL)
		read_scaling(&c, &j, scaling);
	if (j.frames && ser_cli_given(&c, "reject"))
		ser_cli_usage(&c, "--reject is of whole records, head \"%s\" stands on frames", j.head->name);
	if (c.every_s > 0 && ser_model_source_terms(m, &j.head->source) > 1)
		ser_cli_usage(&c, "--every follows one field, head \"%s\" stands on several encoders", j.head->name);
	j.run = ser_runner_new(m, &j.head->source, c.n_thread);
	if (ser_runner_precision(j.run, (enum ser_la_precision)precision, &e) != 0)
		ser_cli_die(&c, &e);
	ser_runner_consume(j.run);
	const struct ser_filter filter = {header, record, &j};
	const struct ser_encoder *first = &m->enc[ser_model_source_term(m, &j.head->source, 0).encoder];
	if (ser_in_is_text(&c))
		no_stream(&c, first, model);
	int status =
		ser_cli_follow(&c, &filter, first->field, first->arch->min_frame(first->hyper), j.frames ? NULL : show);
	struct ser_buf note = {0};
	ser_runner_note(j.run, &note);
	if (note.n > 0)
		ser_cli_warn(&c, "%s", note.s);
	ser_buf_free(&note);
	ser_runner_free(j.run);
	free(j.unit);
	free(j.weight);
	ser_prompts_free(&texts);
	ser_cli_names_free(&class);
	free(prompt.s);
	ser_model_free(m);
	return status;
}
