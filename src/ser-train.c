/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "train/train.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLASSIFY, REGRESS, SPEAKER, CONTRASTIVE };

/* Everything that the command line says. */
static struct {
	const char *field, *spk, *label, *cluster, *arch, *init, *pairs, *log, *checkpoint;
	struct ser_strs hyper, also, adversarial, dev_spk, values;
	int norm, precision, optimizer, schedule, sample, class_weight, loss, value_loss;
	double crop_s;
	int64_t seed, every;
	int epochs, batch, accumulate, time_masks, time_mask, freq_masks, freq_mask, patience, hidden, proj, n_spk,
		n_per, n_sub;
	bool resume, freeze;
	struct ser_split_opts split;
	struct ser_train_opts train;
	struct ser_objective obj;
	struct ser_arena text;
} o;

/* Of the processes that mpirun started the first one writes, and speaks when nothing is wrong. */
static struct ser_comm *comm;

static bool first(void)
{
	return ser_comm_rank(comm) == 0;
}

static void join(struct ser_cli *c)
{
	struct ser_err e;
	if (ser_comm_open(&comm, &e) != 0)
		ser_cli_die(c, &e);
	bool standard = c->n_operand == 0 || (o.pairs != NULL && strcmp(o.pairs, "-") == 0);
	for (int i = 0; i < c->n_operand; i++)
		standard = standard || strcmp(c->operand[i], "-") == 0;
	if (ser_comm_size(comm) > 1 && standard)
		ser_cli_usage(c, "with several processes the input must be files: one alone has standard input");
	if (comm == NULL)
		ser_cli_confine(c); /* MPI opens sockets and looks into its neighbours */
	if (!first()) {
		c->quiet = true;
		c->verbose = 0;
		o.log = NULL;
	}
	o.train.comm = comm;
}

static void set_defaults(int mode)
{
	o.field = "feat";
	o.spk = o.split.spk = "spk";
	o.split.fold = "fold";
	o.cluster = "cluster";
	o.train = ser_train_defaults();
	static const enum ser_objective_kind kinds[] = {SER_OBJ_SOFTMAX, SER_OBJ_VALUE, SER_OBJ_AAM, SER_OBJ_PAIRS};
	o.obj = ser_objective_defaults(kinds[mode], NULL, NULL);
	o.norm = -1;
	o.optimizer = SER_OPT_ADAMW;
	o.schedule = SER_SCHED_COSINE;
	o.crop_s = mode == SPEAKER ? 2 : 3;
	o.epochs = (int)o.train.n_epoch;
	o.batch = mode == SPEAKER ? 64 : (int)o.train.batch;
	o.accumulate = (int)o.train.accumulate;
	o.time_masks = (int)o.train.n_time_mask;
	o.time_mask = (int)o.train.time_mask;
	o.freq_masks = (int)o.train.n_freq_mask;
	o.freq_mask = (int)o.train.freq_mask;
	o.proj = (int)o.obj.n_proj;
	o.n_spk = (int)o.obj.n_spk;
	o.n_per = (int)o.obj.n_per;
	o.n_sub = (int)o.obj.n_sub;
	if (mode == SPEAKER)
		o.label = "spk";
}

static void load_defaults_of_mode(int argc, char **argv)
{
	const char *s = argc > 1 ? argv[1] : "";
	set_defaults(strcmp(s, "speaker") == 0       ? SPEAKER
		     : strcmp(s, "contrastive") == 0 ? CONTRASTIVE
		     : strcmp(s, "regress") == 0     ? REGRESS
						     : CLASSIFY);
}

/* ---- objectives ---- */

/* FIELD or FIELD:WEIGHT */
static struct ser_objective extra(struct ser_cli *c, const char *text, bool adversarial)
{
	struct ser_err e;
	const char *colon = strrchr(text, ':');
	char *field = ser_arena_strndup(&o.text, text, colon != NULL ? (size_t)(colon - text) : strlen(text));
	struct ser_objective x = ser_objective_defaults(SER_OBJ_SOFTMAX, field, field);
	x.weight = 0.1;
	x.adversarial = adversarial;
	if (*field == '\0' || (colon != NULL && ser_parse_real(colon + 1, 0, 1e6, &x.weight, &e) != 0))
		ser_cli_usage(c, "--%s: \"%s\" is not FIELD or FIELD:WEIGHT", adversarial ? "adversarial" : "also",
			      text);
	return x;
}

static size_t objectives(struct ser_cli *c, struct ser_objective *obj)
{
	size_t n = 1;
	struct ser_objective *first = &obj[0];
	*first = o.obj;
	if (c->mode == SPEAKER && o.loss == 1)
		first->kind = SER_OBJ_SOFTMAX;
	first->name = c->mode == CONTRASTIVE ? "proj" : c->mode == REGRESS ? "values" : o.label;
	first->label = c->mode == CONTRASTIVE || c->mode == REGRESS ? NULL : o.label;
	first->value = o.values.s;
	first->n_value = o.values.n;
	first->loss = (enum ser_value_loss)o.value_loss;
	first->class_weight = o.class_weight == 1;
	first->n_hidden = (size_t)o.hidden;
	first->n_proj = (size_t)o.proj;
	first->n_spk = (size_t)o.n_spk;
	first->n_per = (size_t)o.n_per;
	first->n_sub = first->kind == SER_OBJ_AAM ? (size_t)o.n_sub : 1;
	first->spk = o.spk;
	first->cluster = o.cluster;
	if (o.also.n + o.adversarial.n + 1 > SER_MAX_OBJECTIVE)
		ser_cli_usage(c, "at most %d objectives", SER_MAX_OBJECTIVE);
	for (size_t i = 0; i < o.also.n; i++)
		obj[n++] = extra(c, o.also.s[i], false);
	for (size_t i = 0; i < o.adversarial.n; i++)
		obj[n++] = extra(c, o.adversarial.s[i], true);
	return n;
}

/* ---- data ---- */

static void add_file(struct ser_cli *c, const char *name, void (*take)(struct ser_cli *, int, const char *, void *),
		     void *ctx)
{
	bool std = strcmp(name, "-") == 0;
	int fd = std ? 0 : open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		ser_cli_fail(c, SER_EIO, "%s: cannot open: %s", name, strerror(errno));
	take(c, fd, std ? "<stdin>" : name, ctx);
	if (!std)
		close(fd);
}

static void take_data(struct ser_cli *c, int fd, const char *name, void *ctx)
{
	struct ser_err e;
	if (ser_dataset_add(ctx, fd, name, &e) != 0)
		ser_cli_die(c, &e);
}

static struct ser_dataset *read_data(struct ser_cli *c, const struct ser_objective *obj, size_t n_obj)
{
	const char **label = ser_calloc(SER_MAX_OBJECTIVE + o.values.n + 4, sizeof *label);
	struct ser_err e;
	size_t n = 0;
	for (size_t k = 0; k < n_obj; k++)
		if (obj[k].label != NULL)
			label[n++] = obj[k].label;
	label[n++] = o.split.spk;
	label[n++] = o.split.fold;
	if (c->mode == CONTRASTIVE && o.pairs == NULL)
		label[n++] = o.cluster;
	for (size_t k = 0; k < o.values.n; k++)
		label[n++] = o.values.s[k];
	struct ser_dataset *d = ser_dataset_new(o.field, label, n, c->max_record);
	free(label);
	if (c->n_operand == 0 && isatty(0))
		ser_cli_usage(c, "no input: name a file, or pipe a stream in");
	if (c->n_operand == 0)
		add_file(c, "-", take_data, d);
	for (int i = 0; i < c->n_operand; i++)
		add_file(c, c->operand[i], take_data, d);
	if (ser_dataset_done(d, &e) != 0)
		ser_cli_die(c, &e);
	for (size_t k = 0; k < n_obj; k++)
		if (obj[k].label != NULL && ser_dataset_label(d, obj[k].label)->n_class == 0)
			ser_cli_fail(c, SER_EDATA, "no record has the label \"%s\"", obj[k].label);
	c->n_read = c->n_written = d->n;
	return d;
}

struct pairs_ctx {
	struct ser_pair_set *set;
	const struct ser_dataset *d;
};

static void take_pairs(struct ser_cli *c, int fd, const char *name, void *ctx)
{
	struct pairs_ctx *p = ctx;
	struct ser_err e;
	if (ser_pair_set_read(p->set, p->d, fd, name, c->max_record, &e) != 0)
		ser_cli_die(c, &e);
	if (p->set->n_absent > 0)
		ser_cli_warn(c, "%s: %zu of %zu pairs are of records that are not in the input", name, p->set->n_absent,
			     p->set->n + p->set->n_absent);
}

static struct ser_model *make_model(struct ser_cli *c, const struct ser_dataset *d, const struct ser_split *split,
				    const struct ser_objective *obj, size_t n_obj)
{
	struct ser_net_opts net = {.init = o.init,
				   .arch = ser_cli_given(c, "arch") ? o.arch : NULL,
				   .hyper = o.hyper.s,
				   .n_hyper = o.hyper.n,
				   .norm = o.norm,
				   .seed = (uint64_t)o.seed,
				   .task = c->tool->modes[c->mode].name,
				   .spk = o.split.spk};
	struct ser_model *m;
	struct ser_header h;
	struct ser_err e;
	if (ser_net_new(&m, d, split, obj, n_obj, &net, &e) != 0)
		ser_cli_die(c, &e);
	ser_header_copy(&h, &d->header);
	ser_cli_prov_header(c, &h);
	m->prov = ser_val_copy(&m->arena, &h.prov);
	ser_header_free(&h);
	if (ser_comm_size(comm) > 1)
		ser_val_set(&m->arena, &m->train, "processes", ser_int(ser_comm_size(comm)));
	return m;
}

/* ---- the run ---- */

static void save_checkpoint(struct ser_cli *c, const struct ser_trainer *t, const struct ser_train_log *log)
{
	char note[32];
	struct ser_err e;
	ser_train_log_note(log, note);
	if (ser_trainer_save(t, o.checkpoint, note, &e) != 0)
		ser_cli_die(c, &e);
}

static void end_of_epoch(struct ser_cli *c, const struct ser_trainer *t, const struct ser_train_row *row,
			 struct ser_train_log *log, char what[static 160])
{
	struct ser_err e;
	if (log != NULL && ser_train_log_row(log, row, &e) != 0)
		ser_cli_die(c, &e);
	int n = snprintf(what, 160, "epoch %zu, loss %.4f", row->epoch, row->loss);
	if (row->validated)
		snprintf(what + n, 160 - (size_t)n, ", dev %s %.4f, best %.4f (epoch %zu)", ser_trainer_metric(t),
			 row->dev, row->best, row->best_epoch);
	ser_cli_info(c, "%s", what);
}

static void run(struct ser_cli *c, struct ser_trainer *t, const struct ser_objective *obj, size_t n_obj)
{
	struct ser_err e;
	struct ser_train_row row;
	struct ser_train_log *log = NULL;
	char *note = NULL, what[160] = "training";
	int more;
	bool there = o.resume && access(o.checkpoint, F_OK) == 0;
	if (!ser_comm_same(comm, there))
		ser_cli_fail(c, SER_EIO, "%s: not all processes see it", o.checkpoint);
	if (there && ser_trainer_resume(t, o.checkpoint, &note, &e) != 0)
		ser_cli_die(c, &e);
	if (o.log != NULL && ser_train_log_open(&log, o.log, obj, n_obj, ser_trainer_metric(t), note, &e) != 0)
		ser_cli_die(c, &e);
	free(note);
	do {
		more = ser_trainer_step(t, &row, &e);
		if (more < 0)
			ser_cli_die(c, &e);
		if (row.epoch == 0)
			break; /* resumed at the end */
		if (row.end_of_epoch)
			end_of_epoch(c, t, &row, log, what);
		if (first() && o.checkpoint != NULL &&
		    (o.every > 0 ? row.step % (uint64_t)o.every == 0 || more == 0 : row.end_of_epoch))
			save_checkpoint(c, t, log);
		ser_cli_progress(c, what, more > 0 ? row.step : row.n_step, row.n_step);
	} while (more > 0);
	if (ser_train_log_close(log, &e) != 0)
		ser_cli_die(c, &e);
	ser_trainer_finish(t);
}

static void set_options(const struct ser_cli *c)
{
	o.train.seed = o.split.seed = (uint64_t)o.seed;
	o.train.n_epoch = (size_t)o.epochs;
	o.train.batch = (size_t)o.batch;
	o.train.accumulate = (size_t)o.accumulate;
	o.train.n_time_mask = (size_t)o.time_masks;
	o.train.time_mask = (size_t)o.time_mask;
	o.train.n_freq_mask = (size_t)o.freq_masks;
	o.train.freq_mask = (size_t)o.freq_mask;
	o.train.patience = (size_t)o.patience;
	o.train.opt.kind = (enum ser_opt_kind)o.optimizer;
	o.train.sched = (enum ser_sched_kind)o.schedule;
	o.train.balanced = o.sample == 1;
	o.train.precision = (enum ser_la_precision)o.precision;
	o.train.freeze = o.freeze;
	o.train.keep_input = o.init != NULL; /* the encoder was trained on what they make of the features */
	o.split.dev_spk = o.dev_spk.s;
	o.split.n_dev_spk = o.dev_spk.n;
	o.split.dev_by_item = c->mode == SPEAKER;
	o.split.spk = c->mode == SPEAKER ? o.label : o.spk;
}

static void check_options(struct ser_cli *c)
{
	struct ser_outfile probe;
	struct ser_err e;
	if (c->out == NULL || strcmp(c->out, "-") == 0)
		ser_cli_usage(c, "option --output is needed: a file for the model");
	if (o.resume && o.checkpoint == NULL)
		ser_cli_usage(c, "--resume needs --checkpoint");
	if (o.freeze && o.init == NULL)
		ser_cli_usage(c, "--freeze needs --init");
	if (o.every > 0 && o.checkpoint == NULL)
		ser_cli_usage(c, "--checkpoint-every needs --checkpoint");
	if (!first())
		return;
	if (ser_outfile_open(&probe, c->out, &e) != 0) /* now, and not after hours */
		ser_cli_die(c, &e);
	ser_outfile_abort(&probe);
}

int main(int argc, char **argv)
{
	static const char *const samples[] = {"plain", "balanced", NULL}, *const weights[] = {"none", "balanced", NULL},
				 *const optimizers[] = {"sgd", "adam", "adamw", NULL},
				 *const losses[] = {"aam", "softmax", NULL},
				 *const value_losses[] = {"ccc", "mse", "mae", NULL},
				 *const schedules[] = {"const", "cosine", "step", "plateau", NULL};
	load_defaults_of_mode(argc, argv);
	o.arch = ser_archs[0]->name;
	const unsigned quiet = SER_OPTION_SILENT;
	const struct ser_option opts[] = {
		{"field", 0, SER_OPTION_STR, &o.field, "NAME", 0, 0, NULL, 0, "tensor to train on"},
		{"arch", 0, SER_OPTION_STR, &o.arch, "NAME", 0, 0, NULL, 0,
		 "architecture of the encoder (ser-model archs lists them)"},
		{"hyper", 0, SER_OPTION_LIST, &o.hyper, "NAME=VALUE", 0, 0, NULL, 0, "a hyper-parameter of it"},
		{"input-norm", 0, SER_OPTION_CHOICE, &o.norm, "KIND", 0, 0, ser_model_norms, 0,
		 "normalisation of the features (default mean; global for vectors)"},
		{"init", 0, SER_OPTION_STR, &o.init, "FILE", 0, 0, NULL, SER_OPTION_READ,
		 "begin with this model's encoder"},
		{"freeze", 0, SER_OPTION_FLAG, &o.freeze, NULL, 0, 0, NULL, 0,
		 "leave the encoder as it is, train the heads"},
		{"encoder-lr-scale", 0, SER_OPTION_REAL, &o.train.encoder_lr, "X", 0, 1000, NULL, 0,
		 "factor on the encoder's learning rate"},
		{"layer-lr-decay", 0, SER_OPTION_REAL, &o.train.layer_decay, "X", 0, 1, NULL, 0,
		 "factor on it for each layer further from the heads"},
		{"also", 0, SER_OPTION_LIST, &o.also, "FIELD:WEIGHT", 0, 0, NULL, 0,
		 "also classify this label, with this weight in the loss"},
		{"adversarial", 0, SER_OPTION_LIST, &o.adversarial, "FIELD:WEIGHT", 0, 0, NULL, 0,
		 "make the embedding forget this label, by gradient reversal"},
		{"ramp", 0, SER_OPTION_REAL, &o.train.ramp, "X", 0, 1000, NULL, 0,
		 "how fast adversarial weights grow; 0: at once"},
		{"spk", 0, SER_OPTION_STR, &o.spk, "NAME", 0, 0, NULL, 0, "label that names the speaker"},
		{"fold-field", 0, SER_OPTION_STR, &o.split.fold, "NAME", 0, 0, NULL, 0, "label that names the fold"},
		{"test-fold", 0, SER_OPTION_STR, &o.split.test_fold, "FOLD", 0, 0, NULL, 0,
		 "leave this fold out entirely"},
		{"dev-fold", 0, SER_OPTION_STR, &o.split.dev_fold, "FOLD", 0, 0, NULL, 0, "validate on this fold"},
		{"dev-speaker", 0, SER_OPTION_LIST, &o.dev_spk, "NAME", 0, 0, NULL, 0, "validate on this speaker"},
		{"dev-frac", 0, SER_OPTION_REAL, &o.split.dev_frac, "X", 0, 0.9, NULL, 0,
		 "validate on this share of the speakers, drawn by the seed; 0: no validation"},
		{"allow-shared-speakers", 0, SER_OPTION_FLAG, &o.split.allow_shared, NULL, 0, 0, NULL, 0,
		 "train though speakers are on two sides of the split"},
		{"epochs", 'e', SER_OPTION_INT, &o.epochs, "N", 1, 1000000, NULL, 0,
		 "passes over the training records"},
		{"batch", 'b', SER_OPTION_INT, &o.batch, "N", 1, 1000000, NULL, 0, "records, or pairs, a step"},
		{"accumulate", 0, SER_OPTION_INT, &o.accumulate, "N", 1, 1000000, NULL, 0,
		 "work through each batch in N parts, for less memory"},
		{"crop", 0, SER_OPTION_REAL, &o.crop_s, "SECONDS", 0, 100000, NULL, 0,
		 "length of random crops; 0: whole utterances"},
		{"stretch", 0, SER_OPTION_REAL, &o.train.stretch, "X", 0, 0.9, NULL, 0,
		 "play each crop at a speed between 1-X and 1+X"},
		{"shift", 0, SER_OPTION_REAL, &o.train.shift, "X", 0, 1000, NULL, 0,
		 "shift its bands by up to X of them, down or up"},
		{"sample", 0, SER_OPTION_CHOICE, &o.sample, "HOW", 0, 0, samples, 0,
		 "draw records as they are, or classes equally often"},
		{"time-masks", 0, SER_OPTION_INT, &o.time_masks, "N", 0, 100, NULL, 0,
		 "runs of frames set to zero in each crop"},
		{"time-mask", 0, SER_OPTION_INT, &o.time_mask, "N", 0, 100000, NULL, 0, "frames of the longest"},
		{"freq-masks", 0, SER_OPTION_INT, &o.freq_masks, "N", 0, 100, NULL, 0,
		 "runs of dimensions set to zero in each crop"},
		{"freq-mask", 0, SER_OPTION_INT, &o.freq_mask, "N", 0, 100000, NULL, 0, "dimensions of the longest"},
		{"precision", 0, SER_OPTION_CHOICE, &o.precision, "NAME", 0, 0, ser_la_precisions, 0,
		 "of matrix products; everything else is in f32"},
		{"optimizer", 0, SER_OPTION_CHOICE, &o.optimizer, "NAME", 0, 0, optimizers, 0, "update rule"},
		{"lr", 0, SER_OPTION_REAL, &o.train.lr, "X", 0, 1000, NULL, 0, "highest learning rate"},
		{"schedule", 0, SER_OPTION_CHOICE, &o.schedule, "NAME", 0, 0, schedules, 0, "how it changes"},
		{"warmup", 0, SER_OPTION_REAL, &o.train.warmup, "X", 0, 1, NULL, 0,
		 "share of the steps in which it rises"},
		{"weight-decay", 0, SER_OPTION_REAL, &o.train.opt.weight_decay, "X", 0, 10, NULL, 0,
		 "decay of weights, biases and gains excepted"},
		{"momentum", 0, SER_OPTION_REAL, &o.train.opt.momentum, "X", 0, 0.9999, NULL, 0, "of sgd"},
		{"clip", 0, SER_OPTION_REAL, &o.train.clip, "X", 0, 1e9, NULL, 0,
		 "greatest norm of the gradient; 0: any"},
		{"ema", 0, SER_OPTION_REAL, &o.train.opt.ema, "X", 0, 0.99999, NULL, 0,
		 "decay of the average of parameters that is kept; 0: none"},
		{"patience", 0, SER_OPTION_INT, &o.patience, "N", 0, 1000000, NULL, 0,
		 "stop after so many epochs without a better validation; 0: never"},
		{"seed", 0, SER_OPTION_I64, &o.seed, "N", 0, 9e18, NULL, SER_OPTION_ALWAYS,
		 "seed of everything random"},
		{"log", 0, SER_OPTION_STR, &o.log, "FILE", 0, 0, NULL, quiet | SER_OPTION_WRITE,
		 "table of losses and validations by epoch (TSV)"},
		{"checkpoint", 0, SER_OPTION_STR, &o.checkpoint, "FILE", 0, 0, NULL, quiet | SER_OPTION_WRITE,
		 "keep the state of training here"},
		{"checkpoint-every", 0, SER_OPTION_I64, &o.every, "N", 0, 9e18, NULL, quiet,
		 "steps between checkpoints; 0: at each epoch's end"},
		{"resume", 0, SER_OPTION_FLAG, &o.resume, NULL, 0, 0, NULL, quiet,
		 "go on from the checkpoint if it is there"},
		{0},
	};
	const struct ser_option classify[] = {
		{"label", 'l', SER_OPTION_STR, &o.label, "NAME", 0, 0, NULL, SER_OPTION_NEEDED, "label to learn"},
		{"class-weight", 0, SER_OPTION_CHOICE, &o.class_weight, "HOW", 0, 0, weights, 0,
		 "weigh classes by the inverse of their number"},
		{"smooth", 0, SER_OPTION_REAL, &o.obj.smooth, "X", 0, 0.99, NULL, 0, "label smoothing"},
		{"hidden", 0, SER_OPTION_INT, &o.hidden, "N", 0, 65536, NULL, 0,
		 "hidden units between embedding and classes; 0: none"},
		{"head-dropout", 0, SER_OPTION_REAL, &o.obj.dropout, "X", 0, 0.95, NULL, 0,
		 "dropout before the classes"},
		{0},
	};
	const struct ser_option regress[] = {
		{"label", 'l', SER_OPTION_LIST, &o.values, "NAME", 0, 0, NULL, SER_OPTION_NEEDED,
		 "number to learn, such as arousal"},
		{"loss", 0, SER_OPTION_CHOICE, &o.value_loss, "NAME", 0, 0, value_losses, 0,
		 "1 - concordance, squared or absolute error"},
		{"hidden", 0, SER_OPTION_INT, &o.hidden, "N", 0, 65536, NULL, 0,
		 "hidden units between embedding and values; 0: none"},
		{"head-dropout", 0, SER_OPTION_REAL, &o.obj.dropout, "X", 0, 0.95, NULL, 0,
		 "dropout before the values"},
		{0},
	};
	const struct ser_option speaker[] = {
		{"label", 'l', SER_OPTION_STR, &o.label, "NAME", 0, 0, NULL, 0, "label to tell apart"},
		{"loss", 0, SER_OPTION_CHOICE, &o.loss, "NAME", 0, 0, losses, 0,
		 "additive angular margin, or plain softmax"},
		{"margin", 0, SER_OPTION_REAL, &o.obj.margin, "RADIANS", 0, 1.5, NULL, 0, "angular margin"},
		{"scale", 0, SER_OPTION_REAL, &o.obj.scale, "X", 1, 1000, NULL, 0, "factor on the cosines"},
		{"sub-centres", 0, SER_OPTION_INT, &o.n_sub, "N", 1, 100, NULL, 0, "centres a class"},
		{"class-weight", 0, SER_OPTION_CHOICE, &o.class_weight, "HOW", 0, 0, weights, 0,
		 "weigh classes by the inverse of their number"},
		{"smooth", 0, SER_OPTION_REAL, &o.obj.smooth, "X", 0, 0.99, NULL, 0, "label smoothing"},
		{0},
	};
	const struct ser_option contrastive[] = {
		{"pairs", 0, SER_OPTION_STR, &o.pairs, "FILE", 0, 0, NULL, SER_OPTION_READ,
		 "anchors, positives and negatives, of ser-pairs"},
		{"cluster", 0, SER_OPTION_STR, &o.cluster, "NAME", 0, 0, NULL, 0,
		 "without --pairs: label that names the cluster"},
		{"batch-speakers", 0, SER_OPTION_INT, &o.n_spk, "N", 1, 100000, NULL, 0,
		 "without --pairs: speakers a batch, two clusters of each"},
		{"batch-per-cluster", 0, SER_OPTION_INT, &o.n_per, "N", 2, 100000, NULL, 0,
		 "without --pairs: records of each cluster"},
		{"tau", 0, SER_OPTION_REAL, &o.obj.tau, "X", 0.001, 100, NULL, 0, "temperature"},
		{"proj", 0, SER_OPTION_INT, &o.proj, "N", 1, 65536, NULL, 0, "dimensions of the projection"},
		{"hidden", 0, SER_OPTION_INT, &o.hidden, "N", 0, 65536, NULL, 0,
		 "hidden units of the projection; 0: none"},
		{0},
	};
	const struct ser_mode modes[] = {
		[CLASSIFY] = {"classify", "Learn a label, such as an emotion.", classify, NULL},
		[REGRESS] = {"regress", "Learn numbers, such as arousal and valence.", regress, NULL},
		[SPEAKER] = {"speaker", "Learn an embedding that tells speakers apart.", speaker, NULL},
		[CONTRASTIVE] = {"contrastive", "Learn an embedding from pairs inside speakers, without labels.",
				 contrastive, NULL},
		{0},
	};
	const struct ser_tool tool = {
		"ser-train", "Train a network on records with features.",
		"[FILE]...", opts,
		modes,       SER_CLI_OUT | SER_CLI_IN | SER_CLI_THREADS | SER_CLI_PROGRESS | SER_CLI_LOOSE};
	struct ser_cli c;
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);
	set_options(&c);
	join(&c);
	check_options(&c);

	struct ser_objective obj[SER_MAX_OBJECTIVE];
	size_t n_obj = objectives(&c, obj);
	struct ser_dataset *d = read_data(&c, obj, n_obj);
	struct ser_split split;
	if (ser_split_make(&split, d, &o.split, &e) != 0)
		ser_cli_die(&c, &e);
	if (split.n_no_spk > 0)
		ser_cli_warn(&c,
			     "%zu of %zu records have no label \"%s\": it cannot be known who is shared by training "
			     "and test",
			     split.n_no_spk, d->n, o.split.spk);
	ser_cli_info(&c, "training %zu records of %zu speakers, validation %zu of %zu, left out %zu of %zu",
		     split.n_train, split.spk_train, split.n_dev, split.spk_dev, split.n_out, split.spk_out);

	struct ser_pair_set pairs = {0};
	if (o.pairs != NULL) {
		add_file(&c, o.pairs, take_pairs, &(struct pairs_ctx){&pairs, d});
		obj[0].pairs = &pairs;
	}
	struct ser_model *m = make_model(&c, d, &split, obj, n_obj);
	ser_train_speakers_add(m, ser_train_speakers_of(&d->header, o.field));
	ser_train_speakers_add(m, &pairs.speakers);
	struct ser_trainer *t;
	if (ser_net_crop(d, o.crop_s, &o.train.crop, &e) != 0 ||
	    ser_trainer_new(&t, d, &split, m, obj, n_obj, &o.train, c.n_thread, &e) != 0)
		ser_cli_die(&c, &e);
	ser_cli_info(&c, "%s, %zu parameters", m->arch->name, ser_params_count(m->params, true));
	run(&c, t, obj, n_obj);
	if (first() && ser_model_save(m, c.out, &e) != 0)
		ser_cli_die(&c, &e);
	ser_trainer_free(t);
	ser_comm_close(comm);
	ser_model_free(m);
	ser_pair_set_free(&pairs);
	ser_split_free(&split);
	ser_dataset_free(d);
	struct ser_strs *lists[] = {&o.hyper, &o.also, &o.adversarial, &o.dev_spk, &o.values};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		free(lists[i]->s);
	ser_arena_free(&o.text);
	return ser_cli_end(&c);
}
