/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "train/train.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Everything that the command line says. */
static struct {
	const char *spk;
	struct ser_strs also, adversarial, dev_spk;
	int sample;
	bool go_on;
	double crop_s;
	int64_t seed;
	struct ser_split_opts split;
	struct ser_net_opts net;
	struct ser_train_opts train;
	struct ser_train_keep keep;
	struct ser_task task[SER_MAX_TASK];
	size_t n_task;
} o = {.spk = "spk", .split = {.fold = "fold", .split = "split"}, .crop_s = 3};

static const char *const samples[] = {"plain", "balanced", NULL};
enum { QUIET = SER_OPTION_SILENT };
static const struct ser_option own[] = {
	{"resume-optimizer", "--init is a checkpoint: go on from its heads, moments and steps, too",
	 SER_OPT_FLAG(&o.go_on)},
	{"also", "short for + classify --label FIELD --weight WEIGHT", SER_OPT_LIST(&o.also, "FIELD:WEIGHT")},
	{"adversarial", "the same with --adversarial: make the embedding forget this label",
	 SER_OPT_LIST(&o.adversarial, "FIELD:WEIGHT")},
	{"spk", "label that names the speaker", SER_OPT_STR(&o.spk, "NAME")},
	{"dev-speaker", "validate on this speaker", SER_OPT_LIST(&o.dev_spk, "NAME")},
	{"crop", "length of random crops; 0: whole utterances", SER_OPT_REAL(&o.crop_s, "SECONDS", 0, 100000)},
	{"sample", "draw records as they are, or classes equally often", SER_OPT_CHOICE(&o.sample, "HOW", samples)},
	{"seed", "seed of everything random", SER_OPT_I64(&o.seed, "N", 0, 9e18), .flags = SER_OPTION_ALWAYS},
	{"log", "table of losses and validations by epoch (TSV)", SER_OPT_STR(&o.keep.log, "FILE"),
	 .flags = QUIET | SER_OPTION_WRITE},
	{"checkpoint", "keep the state of training here", SER_OPT_STR(&o.keep.checkpoint, "FILE"),
	 .flags = QUIET | SER_OPTION_WRITE},
	{"checkpoint-every", "steps between checkpoints; 0: at each epoch's end",
	 SER_OPT_I64(&o.keep.every, "N", 0, 9e18), .flags = QUIET},
	{"resume", "go on from the checkpoint if it is there", SER_OPT_FLAG(&o.keep.resume), .flags = QUIET},
	{0},
};

static void check(const struct ser_cli *c, int rc, const struct ser_err *e)
{
	if (rc < 0)
		ser_cli_die(c, e);
}

/* Of the processes that mpirun started the first one writes, and speaks when nothing is wrong. */
static bool first(void)
{
	return ser_comm_rank(o.train.comm) == 0;
}

/* ---- tasks and encoders ---- */

enum { MAX_KIND = 24, MAX_ROW = 96 };
static const char encoder[] = "encoder"; /* the mode of a part that is a further encoder */

/* A new task and the rows of its options. */
static struct ser_task *new_task(struct ser_option rows[static MAX_ROW], const struct ser_task_kind *k)
{
	struct ser_task *t = &o.task[o.n_task++];
	ser_task_init(t, k);
	size_t n = ser_cli_rows(rows, 0, MAX_ROW, k->options, t->own);
	n = ser_cli_rows(rows, n, MAX_ROW, ser_task_options, t);
	if (t != o.task)
		ser_cli_rows(rows, n, MAX_ROW, ser_task_reverse, t);
	return t;
}

static size_t new_encoder(struct ser_option rows[static MAX_ROW])
{
	struct ser_encoder_opts *c = &o.net.enc[o.net.n_enc++];
	*c = ser_encoder_defaults();
	return ser_cli_rows(rows, 0, MAX_ROW, ser_encoder_options, c);
}

/* A mode for each kind, and for a further encoder; the options of the one that the command line names are the first task's. */
static void make_modes(struct ser_mode modes[static MAX_KIND], struct ser_option rows[static MAX_ROW], const char *name)
{
	size_t i = 0;
	o.train = ser_train_defaults();
	o.net.enc[0].arch = ser_archs[0]->name;
	for (; ser_task_kinds[i] != NULL; i++) {
		const struct ser_task_kind *k = ser_task_kinds[i];
		ser_assert(i + 2 < MAX_KIND);
		modes[i] = (struct ser_mode){k->name, k->summary, NULL, NULL};
		if (name == NULL || strcmp(name, k->name) != 0)
			continue;
		modes[i].opts = rows;
		new_task(rows, k);
		o.train.batch = k->batch > 0 ? k->batch : o.train.batch;
		o.crop_s = k->crop_s > 0 ? k->crop_s : o.crop_s;
		o.train.opt.ema = k->ema;
	}
	modes[i] = (struct ser_mode){encoder, "Behind +: a further encoder, of this or another field.", NULL, NULL};
}

static void add_short(struct ser_cli *c, const char *option, const struct ser_strs *l, bool adversarial)
{
	struct ser_err e;
	for (size_t i = 0; i < l->n; i++) {
		if (o.n_task == SER_MAX_TASK)
			ser_cli_usage(c, "at most %d tasks", SER_MAX_TASK);
		struct ser_task *t = &o.task[o.n_task++];
		if (ser_task_parse(t, l->s[i], &e) != 0)
			ser_cli_usage(c, "--%s: %s", option, e.msg);
		t->adversarial = adversarial;
	}
}

/* Tasks of the short forms, then tasks and encoders behind "+". */
static void more_parts(struct ser_cli *c)
{
	struct ser_option rows[MAX_ROW];
	if (o.n_task == 0)
		ser_cli_usage(c, "a training begins with a task; + encoder adds an encoder to it");
	o.net.enc[0].arch = ser_cli_given(c, "arch") ? o.net.enc[0].arch : NULL;
	add_short(c, "also", &o.also, false);
	add_short(c, "adversarial", &o.adversarial, true);
	for (int mode; (mode = ser_cli_next(c)) >= 0;) {
		bool task = ser_task_kinds[mode] != NULL;
		if (task && o.n_task == SER_MAX_TASK)
			ser_cli_usage(c, "at most %d tasks", SER_MAX_TASK);
		if (!task && o.net.n_enc == SER_MAX_ENCODER)
			ser_cli_usage(c, "at most %d encoders", SER_MAX_ENCODER);
		if (task)
			new_task(rows, ser_task_kinds[mode]);
		else
			new_encoder(rows);
		ser_cli_part(c, mode, rows);
	}
	ser_task_name_all(o.task, o.n_task);
}

/* ---- options ---- */

/* What follows from several options, or from the first task. */
static void set_options(struct ser_cli *c)
{
	struct ser_buf all = {0};
	struct ser_err e;
	if (o.task->kind->encoders != NULL && o.task->kind->encoders(o.task, &o.net, &e) != 0)
		ser_cli_usage(c, "%s", e.msg);
	o.train.seed = o.split.seed = o.net.seed = (uint64_t)o.seed;
	o.train.balanced = o.sample == 1;
	for (size_t i = 0; i < o.net.n_enc; i++) {
		o.train.tune[i] = o.net.enc[i].tune;
		/* the encoder was trained on what they make of the features */
		o.train.tune[i].keep_input = o.net.enc[i].init != NULL;
	}
	o.split.dev_spk = o.dev_spk.s;
	o.split.n_dev_spk = o.dev_spk.n;
	o.split.split = *o.split.split != '\0' ? o.split.split : NULL;
	for (size_t k = 0; k < o.n_task; k++)
		o.task[k].spk = o.spk;
	o.split.spk = o.spk;
	if (o.task->kind->split != NULL)
		o.task->kind->split(o.task, &o.split);
	o.net.spk = o.split.spk;
	ser_cli_text(c, &all);
	o.train.print = ser_hash(all.s, all.n);
	ser_buf_free(&all);
}

/* Does the command line read standard input? */
static bool standard_input(const struct ser_cli *c)
{
	bool yes = c->n_operand == 0;
	for (int i = 0; i < c->n_operand; i++)
		yes = yes || strcmp(c->operand[i], "-") == 0;
	for (size_t k = 0; k < o.n_task; k++)
		for (const struct ser_option *r = o.task[k].kind->options; r->name != NULL; r++) {
			const char *file = r->flags & SER_OPTION_READ ? *(const char **)(o.task[k].own + r->at) : NULL;
			yes = yes || (file != NULL && strcmp(file, "-") == 0);
		}
	return yes;
}

static void join(struct ser_cli *c)
{
	struct ser_err e;
	check(c, ser_comm_open(&o.train.comm, &e), &e);
	if (ser_comm_size(o.train.comm) > 1 && standard_input(c))
		ser_cli_usage(c, "with several processes the input must be files: one alone has standard input");
	if (o.train.comm == NULL)
		ser_cli_confine(c); /* MPI opens sockets and looks into its neighbours */
	if (!first()) {
		c->quiet = true;
		c->verbose = 0;
	}
}

/* Are there such an architecture and such hyper-parameters? Asked before the records are read. */
static void check_encoder(struct ser_cli *c, const struct ser_encoder_opts *n)
{
	struct ser_err e;
	const char *arch = n->arch != NULL ? n->arch : ser_archs[0]->name;
	if (n->init != NULL) /* which says */
		return;
	struct ser_model *m = ser_model_empty(0);
	if (ser_model_encoder_add(m, NULL, arch, n->hyper.s, n->hyper.n, &e) != 0)
		ser_cli_usage(c, "%s", e.msg);
	ser_model_free(m);
}

static void check_options(struct ser_cli *c)
{
	struct ser_outfile probe;
	struct ser_err e;
	if (c->out == NULL || strcmp(c->out, "-") == 0)
		ser_cli_usage(c, "option --output is needed: a file for the model");
	if (o.keep.resume && o.keep.checkpoint == NULL)
		ser_cli_usage(c, "--resume needs --checkpoint");
	for (size_t i = 0; i < o.net.n_enc; i++)
		check_encoder(c, &o.net.enc[i]);
	for (size_t i = 0; i < o.net.n_enc; i++)
		if (o.net.enc[i].tune.freeze != NULL && o.net.enc[i].init == NULL)
			ser_cli_usage(c, "--freeze needs --init");
		else if (o.net.enc[i].tune.freeze != NULL && o.net.enc[i].lora != NULL)
			ser_cli_usage(c, "--lora freezes the encoder by itself");
	if (o.go_on && (o.net.enc[0].init == NULL || o.keep.resume))
		ser_cli_usage(c, "--resume-optimizer needs --init, and does not go with --resume");
	if (o.keep.every > 0 && o.keep.checkpoint == NULL)
		ser_cli_usage(c, "--checkpoint-every needs --checkpoint");
	size_t n_text = 0;
	for (size_t i = 0; i < o.net.n_enc; i++)
		n_text += ser_encoder_reads_texts(&o.net.enc[i]);
	if (n_text == o.net.n_enc)
		ser_cli_usage(c,
			      "--tokenizer: an encoder of texts goes with one of a field (+ encoder --tokenizer PATH)");
	if (!first())
		return;
	check(c, ser_outfile_open(&probe, c->out, &e), &e); /* now, and not after hours */
	ser_outfile_abort(&probe);
}

/* ---- the parts ---- */

static struct ser_dataset *read_data(struct ser_cli *c)
{
	struct ser_dataset *d = ser_train_data_new(&o.net, o.task, o.n_task, &o.split, c->max_record);
	struct ser_err e;
	if (c->n_operand == 0 && isatty(0))
		ser_cli_usage(c, "no input: name a file, or pipe a stream in");
	for (int i = 0; i < c->n_operand || i == 0; i++)
		check(c, ser_dataset_add_file(d, c->n_operand > 0 ? c->operand[i] : "-", &e), &e);
	check(c, ser_dataset_done(d, &e), &e);
	c->n_read = c->n_written = d->n;
	return d;
}

static void split_data(struct ser_cli *c, const struct ser_dataset *d, struct ser_split *s)
{
	struct ser_err e;
	check(c, ser_split_make(s, d, &o.split, &e), &e);
	if (s->n_no_spk > 0)
		ser_cli_warn(c,
			     "%zu of %zu record%s have no label \"%s\": it cannot be known who is shared by training "
			     "and test",
			     s->n_no_spk, d->n, ser_s(d->n), o.split.spk);
	if (s->split_out + s->split_dev > 0)
		ser_cli_info(c,
			     "label \"%s\" leaves out %zu record%s, and %zu validate (--split-field '' trains on all)",
			     o.split.split, s->split_out, ser_s(s->split_out), s->split_dev);
	ser_cli_info(c, "training %zu record%s of %zu speaker%s, validation %zu of %zu, left out %zu of %zu",
		     s->n_train, ser_s(s->n_train), s->spk_train, ser_s(s->spk_train), s->n_dev, s->spk_dev, s->n_out,
		     s->spk_out);
}

static struct ser_model *make_model(struct ser_cli *c, const struct ser_dataset *d, const struct ser_split *split)
{
	struct ser_model *m;
	struct ser_header h;
	struct ser_err e;
	for (size_t k = 0; k < o.n_task; k++)
		if (o.task[k].kind->read != NULL)
			check(c, o.task[k].kind->read(&o.task[k], d, c->max_record, &e), &e);
	check(c, ser_net_new(&m, d, split, o.task, o.n_task, &o.net, &e), &e);
	ser_header_copy(&h, &d->header);
	ser_cli_prov_header(c, &h);
	m->prov = ser_val_copy(&m->arena, &h.prov);
	ser_header_free(&h);
	if (ser_comm_size(o.train.comm) > 1)
		ser_val_set(&m->arena, &m->train, "processes", ser_int(ser_comm_size(o.train.comm)));
	struct ser_buf names = {0};
	size_t n_known = ser_train_speakers_left(m, d, split, o.split.spk, &names);
	if (n_known > 0)
		ser_cli_warn(c,
			     "%zu of the speakers left out had a part in --init, the features' own model or the pairs: "
			     "%s; make "
			     "those with --test-fold too, or scoring these speakers will be refused",
			     n_known, names.s);
	ser_buf_free(&names);
	for (size_t i = 0; i < m->n_enc; i++)
		check(c, ser_net_crop(d, &m->enc[i], o.crop_s, &o.train.tune[i].crop, &e), &e);
	return m;
}

struct progress {
	struct ser_cli *c;
	time_t said;
	char what[160];
};

/* Into a file, a line every half minute. */
static void tell(void *ctx, const struct ser_train_row *row, bool more)
{
	struct progress *p = ctx;
	size_t size = sizeof p->what;
	if (row->end_of_epoch) {
		int n = snprintf(p->what, size, "epoch %zu, loss %.4f", row->epoch, row->loss);
		if (row->validated)
			snprintf(p->what + n, size - (size_t)n, ", dev %s %.4f, best %.4f (epoch %zu)",
				 ser_task_validator(o.task, o.n_task)->kind->score, row->dev, row->best,
				 row->best_epoch);
		if (p->c->verbose > 0 || (!isatty(2) && !p->c->progress && time(NULL) - p->said >= 30)) {
			ser_cli_warn(p->c, "%s", p->what);
			p->said = time(NULL);
		}
	}
	ser_cli_progress(p->c, p->what, more ? row->step : row->n_step, row->n_step);
}

int main(int argc, char **argv)
{
	struct ser_mode modes[MAX_KIND] = {{0}};
	struct ser_option rows[MAX_ROW], options[MAX_ROW];
	size_t n = ser_cli_rows(options, new_encoder(options), MAX_ROW, own, NULL);
	n = ser_cli_rows(options, n, MAX_ROW, ser_split_options, &o.split);
	ser_cli_rows(options, n, MAX_ROW, ser_train_options, &o.train);
	make_modes(modes, rows, ser_cli_mode_word(argc, argv));
	const struct ser_tool tool = {"ser-train",
				      "Train a network on records with features.",
				      "[+ TASK|encoder [OPTION]...]... [FILE]...",
				      options,
				      modes,
				      SER_CLI_OUT | SER_CLI_IN | SER_CLI_THREADS | SER_CLI_PROGRESS | SER_CLI_LOOSE |
					      SER_CLI_CHAIN};
	struct ser_cli c;
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);
	more_parts(&c);
	set_options(&c);
	join(&c);
	check_options(&c);

	struct ser_split split;
	struct ser_trainer *t;
	struct ser_dataset *d = read_data(&c);
	split_data(&c, d, &split);
	struct ser_model *m = make_model(&c, d, &split);
	check(&c, ser_trainer_new(&t, d, &split, m, o.task, o.n_task, &o.train, c.n_thread, &e), &e);
	if (o.go_on)
		check(&c, ser_trainer_go_on(t, o.net.enc[0].init, &e), &e);
	for (size_t k = 0; k < o.n_task; k++)
		if (o.task[k].note.n > 0)
			ser_cli_warn(&c, "%s", o.task[k].note.s);
	struct ser_buf archs = {0};
	for (size_t i = 0; i < m->n_enc; i++)
		ser_buf_printf(&archs, "%s%s", i > 0 ? ", " : "", m->enc[i].arch->name);
	ser_cli_info(&c, "%s, %zu parameter%s", archs.s, ser_params_count(m->params, true),
		     ser_s(ser_params_count(m->params, true)));
	ser_buf_free(&archs);
	struct progress progress = {&c, time(NULL), "training"};
	check(&c, ser_train_run(t, &o.keep, tell, &progress, &e), &e);
	ser_trainer_free(t);
	ser_model_merge(m);
	if (first())
		check(&c, ser_model_save(m, c.out, &e), &e);
	ser_comm_close(o.train.comm);
	ser_model_free(m);
	ser_split_free(&split);
	for (size_t k = 0; k < o.n_task; k++)
		ser_task_free(&o.task[k]);
	ser_dataset_free(d);
	struct ser_strs *lists[] = {&o.also, &o.adversarial, &o.dev_spk};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		free(lists[i]->s);
	for (size_t i = 0; i < o.net.n_enc; i++)
		free(o.net.enc[i].hyper.s);
	return ser_cli_end(&c);
}
