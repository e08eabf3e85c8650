/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job {
	struct ser_cli c;
	const struct ser_model *m;
	struct ser_runner *run;
	const struct ser_head *head;
	size_t i_head;
	struct ser_strs drop;
};

static int header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	struct job *j = ctx;
	if (ser_model_check_header(j->m, h, e) != 0)
		return e->code;
	struct ser_val axes = ser_val_list(), classes = ser_val_list(), *dim = ser_header_dim_add(h, "post");
	const struct ser_val *spk = ser_val_get(&j->m->train, "speakers");
	bool values = j->head->kind == SER_HEAD_VALUE;
	ser_val_push(&h->arena, &axes, ser_str(values ? "value" : "class"));
	for (size_t i = 0; i < j->head->n_out; i++)
		ser_val_push(&h->arena, &classes, ser_str(j->head->out[i]));
	ser_val_set(&h->arena, dim, "axes", axes);
	if (!values)
		ser_val_set(&h->arena, dim, "label", ser_str(j->head->field));
	ser_val_set(&h->arena, dim, "classes", classes);
	if (spk != NULL)
		ser_val_set(&h->arena, dim, "train_speakers", *spk);
	for (size_t i = 0; i < j->drop.n; i++)
		ser_header_dim_drop(h, j->drop.s[i]);
	return 0;
}

static int record(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	struct job *j = ctx;
	struct ser_tape *t;
	struct ser_encoded y;
	if (ser_runner_do(j->run, worker, r, &t, &y, e) < 0)
		return e->code;
	bool values = j->head->kind == SER_HEAD_VALUE;
	int out = ser_model_head(j->m, t, j->i_head, y.emb);
	struct ser_node post = ser_tape_node(t, values ? out : ser_nn_softmax(t, out));
	if (ser_runner_set(r, "post", post, false, e) != 0)
		return e->code;
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
	for (size_t i = 0; i < j->drop.n; i++)
		ser_record_drop(r, j->drop.s[i]);
	return 1;
}

/* ---- every so many seconds ----------------------------------------------------------------------- */

/* A sound as it comes, whole or in parts. */
struct live {
	struct job *j;
	double every_s, window_s;
	double shift_s;             /* of the segment at hand */
	struct ser_sliding *s;      /* NULL: between sounds */
	struct ser_record sound, r; /* its labels; a window of it */
	struct ser_buf id;
	double start_s; /* of the sound, where it is itself a part of a recording */
	size_t n_window;
	struct ser_out *out; /* NULL: to a terminal */
};

static void live_header(struct live *l, struct ser_in *in)
{
	struct ser_header h;
	struct ser_err e;
	struct ser_cli *c = &l->j->c;
	const struct ser_val *shift = ser_val_get(ser_header_dim(ser_in_header(in), l->j->m->field), "shift_s");
	ser_header_copy(&h, ser_in_header(in));
	if (header(l->j, &h, &e) != 0) {
		ser_fail_in(&e, "%s", ser_in_name(in));
		ser_cli_die(c, &e);
	}
	if (shift == NULL || shift->kind != SER_REAL || !(shift->u.f > 0))
		ser_cli_fail(c, SER_EDATA, "%s: the header does not say shift_s of \"%s\", which --every needs",
			     ser_in_name(in), l->j->m->field);
	l->shift_s = shift->u.f;
	ser_header_extra_drop(&h, "parts"); /* what goes out is whole */
	if (l->out != NULL)
		ser_out_header(l->out, &h);
	ser_header_free(&h);
}

/* A line for those who look on. */
static void live_print(const struct live *l, const struct ser_record *r)
{
	struct ser_buf b = {0};
	const struct ser_head *head = l->j->head;
	const struct ser_val *pred = ser_record_get(r, "pred"), *post = ser_record_get(r, "post");
	ser_buf_printf(&b, "%s %9.2f s ", l->id.s, ser_record_get(r, "end")->u.f);
	if (head->kind == SER_HEAD_CLASS)
		ser_buf_printf(&b, " %-12.*s", (int)pred->u.str.n, pred->u.str.s);
	for (size_t k = 0; k < head->n_out; k++)
		ser_buf_printf(&b, " %s %.3f", head->out[k], ser_tensor_real(&post->u.t, k));
	puts(b.s);
	ser_buf_free(&b);
}

static void live_window(struct live *l, const float *x, size_t from, size_t to)
{
	struct ser_err e;
	struct ser_record *r = &l->r;
	struct ser_buf id = {0};
	ser_record_copy(r, &l->sound);
	ser_buf_printf(&id, "%s-%06zu", l->id.s, ++l->n_window);
	ser_record_set(r, "id", ser_str(id.s));
	ser_record_set(r, "start", ser_real(l->start_s + (double)from * l->shift_s));
	ser_record_set(r, "end", ser_real(l->start_s + (double)to * l->shift_s));
	ser_record_set(r, l->j->m->field, ser_f4(x, 2, (size_t[]){to - from, l->j->m->n_in}));
	if (record(l->j, 0, r, &e) < 0)
		ser_cli_skip(&l->j->c, id.s, &e);
	else if (l->out != NULL)
		ser_out_record(l->out, r);
	else
		live_print(l, r);
	ser_buf_free(&id);
}

/* What has become due. Windows too short for the network are left out, unless the sound has no other. */
static void live_windows(struct live *l, bool end)
{
	const struct ser_model *m = l->j->m;
	size_t from, to, least = m->arch->min_frame(m->hyper);
	const float *x;
	while (l->s != NULL && ser_sliding_next(l->s, end, &x, &from, &to))
		if (to - from >= least || (end && l->n_window == 0))
			live_window(l, x, from, to);
	if (!end)
		return;
	ser_sliding_free(l->s);
	l->s = NULL;
}

static void live_begin(struct live *l, const struct ser_record *r, const struct ser_val *id)
{
	const struct ser_val *start = ser_record_get(r, "start");
	l->id.n = 0;
	ser_buf_add(&l->id, id->u.str.s, id->u.str.n);
	l->start_s = start != NULL && start->kind == SER_REAL ? start->u.f : 0;
	l->n_window = 0;
	ser_record_copy(&l->sound, r);
	ser_record_drop(&l->sound, l->j->m->field);
	ser_record_drop(&l->sound, "part_of");
	l->s = ser_sliding_new((size_t)fmax(1, rint(l->window_s / l->shift_s)),
			       (size_t)fmax(1, rint(l->every_s / l->shift_s)), l->j->m->n_in);
}

static void live_record(struct live *l, struct ser_record *r, bool parts)
{
	struct ser_err e;
	size_t shape[2];
	const float *x;
	const struct ser_model *m = l->j->m;
	const struct ser_val *of = parts ? ser_record_get(r, "part_of") : NULL, *id = ser_record_get(r, "id");
	id = of != NULL && of->kind == SER_STR ? of : id;
	if (l->s != NULL && (!parts || l->id.n != id->u.str.n || memcmp(l->id.s, id->u.str.s, l->id.n) != 0))
		live_windows(l, true);
	int rc = ser_model_tensor(r, m->field, &x, shape, &e);
	if (rc == 0 && shape[1] != m->n_in)
		rc = ser_record_fail(r, &e, SER_EDATA, "field \"%s\" has %zu dimensions a frame, the model wants %zu",
				     m->field, shape[1], m->n_in);
	if (rc != 0) {
		ser_cli_skip(&l->j->c, ser_record_id(r), &e);
		return;
	}
	if (l->s == NULL)
		live_begin(l, r, id);
	ser_sliding_push(l->s, x, shape[0]);
	live_windows(l, !parts);
}

/* Posteriors of the last --window seconds, every --every seconds, while the input comes. */
static int live(struct job *j, double every_s, double window_s)
{
	struct live l = {.j = j, .every_s = every_s, .window_s = window_s};
	struct ser_record r = {0};
	bool turned;
	j->c.in_parts = true;
	struct ser_in *in = ser_in_open(&j->c);
	if (j->c.out != NULL || !isatty(1))
		l.out = ser_out_open(&j->c);
	live_header(&l, in);
	while (ser_in_next(in, &r, &turned)) {
		if (turned) {
			live_windows(&l, true);
			live_header(&l, in);
		}
		live_record(&l, &r, ser_val_get(&ser_in_header(in)->extra, "parts") != NULL);
		if (ser_in_waits(in)) {
			fflush(stdout);
			if (l.out != NULL)
				ser_out_flush(l.out);
		}
	}
	live_windows(&l, true);
	if (l.out != NULL)
		ser_out_close(l.out);
	ser_in_close(in);
	ser_record_free(&r);
	ser_record_free(&l.r);
	ser_record_free(&l.sound);
	ser_buf_free(&l.id);
	return ser_cli_end(&j->c);
}

/* ---- command line -------------------------------------------------------------------------------- */

static bool usable(const struct ser_head *h)
{
	return h->kind == SER_HEAD_CLASS || h->kind == SER_HEAD_VALUE;
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
}

int main(int argc, char **argv)
{
	struct job j = {0};
	const char *model = NULL, *head = NULL;
	int precision = SER_LA_FULL;
	double every_s = 0, window_s = 3;
	const struct ser_option opts[] = {
		{"model", 'm', SER_OPTION_STR, &model, "FILE", 0, 0, NULL, SER_OPTION_NEEDED | SER_OPTION_READ,
		 "model of ser-train classify or regress"},
		{"head", 0, SER_OPTION_STR, &head, "NAME", 0, 0, NULL, 0,
		 "which head of the model (default its first)"},
		{"precision", 0, SER_OPTION_CHOICE, &precision, "NAME", 0, 0, ser_la_precisions, 0,
		 "of matrix products"},
		{"every", 0, SER_OPTION_SECONDS, &every_s, "S", 0, 3600, NULL, 0,
		 "a record every S seconds of each sound, as it comes in; 0: one a sound"},
		{"window", 0, SER_OPTION_SECONDS, &window_s, "S", 1e-3, 3600, NULL, 0,
		 "with --every: of the last S seconds"},
		{"drop", 0, SER_OPTION_LIST, &j.drop, "NAME", 0, 0, NULL, 0,
		 "leave this field out of the output, such as the features"},
		{0},
	};
	const struct ser_tool tool = {
		"ser-predict", "Add posteriors and the most probable class, or values, by a trained model.",
		"[FILE]...",   opts,
		NULL,          SER_CLI_FILTER | SER_CLI_THREADS | SER_CLI_KEEP};
	struct ser_err e;
	struct ser_model *m;
	ser_cli_begin(&j.c, &tool, argc, argv);
	if (every_s <= 0 && ser_cli_given(&j.c, "window"))
		ser_cli_usage(&j.c, "--window goes with --every");
	if (ser_model_load(&m, model, &e) != 0)
		ser_cli_die(&j.c, &e);
	j.m = m;
	choose_head(&j.c, &j, head, model);
	j.run = ser_runner_new(m, j.c.n_thread);
	if (ser_runner_precision(j.run, (enum ser_la_precision)precision, &e) != 0)
		ser_cli_die(&j.c, &e);
	int status = every_s > 0 ? live(&j, every_s, window_s)
				 : ser_cli_filter(&j.c, &(struct ser_filter){header, record, &j});
	ser_runner_free(j.run);
	ser_model_free(m);
	free(j.drop.s);
	return status;
}
