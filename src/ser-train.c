/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "train/train.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLASSIFY, REGRESS, SPEAKER, CONTRASTIVE };

/* Everything that the command line says. */
static struct {
	const char *field, *label, *pairs;
	struct ser_strs hyper, also, adversarial, dev_spk, values;
	int sample, class_weight, loss;
	double crop_s;
	int64_t seed;
	struct ser_split_opts split;
	struct ser_net_opts net;
	struct ser_train_opts train;
	struct ser_train_keep keep;
	struct ser_objective obj; /* the first */
} o;

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

static void join(struct ser_cli *c)
{
	struct ser_err e;
	check(c, ser_comm_open(&o.train.comm, &e), &e);
	bool standard = c->n_operand == 0 || (o.pairs != NULL && strcmp(o.pairs, "-") == 0);
	for (int i = 0; i < c->n_operand; i++)
		standard = standard || strcmp(c->operand[i], "-") == 0;
	if (ser_comm_size(o.train.comm) > 1 && standard)
		ser_cli_usage(c, "with several processes the input must be files: one alone has standard input");
	if (o.train.comm == NULL)
		ser_cli_confine(c); /* MPI opens sockets and looks into its neighbours */
	if (!first()) {
		c->quiet = true;
		c->verbose = 0;
	}
}

/* ---- options ---- */

static void set_defaults(int mode)
{
	static const enum ser_objective_kind kinds[] = {SER_OBJ_SOFTMAX, SER_OBJ_VALUE, SER_OBJ_AAM, SER_OBJ_PAIRS};
	o.field = "feat";
	o.split.fold = "fold";
	o.split.split = "split";
	o.train = ser_train_defaults();
	o.obj = ser_objective_defaults(kinds[mode], NULL, NULL);
	o.obj.spk = "spk";
	o.obj.cluster = "cluster";
	o.net.norm = -1;
	o.net.arch = ser_archs[0]->name;
	o.crop_s = 3;
	if (mode == SPEAKER) {
		o.crop_s = 2;
		o.train.batch = 64;
		o.label = "spk";
	}
}

static void load_defaults_of_mode(int argc, char **argv)
{
	const char *s = argc > 1 ? argv[1] : "";
	set_defaults(strcmp(s, "speaker") == 0       ? SPEAKER
		     : strcmp(s, "contrastive") == 0 ? CONTRASTIVE
		     : strcmp(s, "regress") == 0     ? REGRESS
						     : CLASSIFY);
}

static void check_options(struct ser_cli *c)
{
	struct ser_outfile probe;
	struct ser_err e;
	if (c->out == NULL || strcmp(c->out, "-") == 0)
		ser_cli_usage(c, "option --output is needed: a file for the model");
	if (o.keep.resume && o.keep.checkpoint == NULL)
		ser_cli_usage(c, "--resume needs --checkpoint");
	if (o.train.freeze && o.net.init == NULL)
		ser_cli_usage(c, "--freeze needs --init");
	if (o.keep.every > 0 && o.keep.checkpoint == NULL)
		ser_cli_usage(c, "--checkpoint-every needs --checkpoint");
	if (!first())
		return;
	check(c, ser_outfile_open(&probe, c->out, &e), &e); /* now, and not after hours */
	ser_outfile_abort(&probe);
}

/* What follows from several options, or from the mode. */
static void set_options(const struct ser_cli *c)
{
	o.train.seed = o.split.seed = o.net.seed = (uint64_t)o.seed;
	o.train.balanced = o.sample == 1;
	o.train.keep_input = o.net.init != NULL; /* the encoder was trained on what they make of the features */
	o.split.dev_spk = o.dev_spk.s;
	o.split.n_dev_spk = o.dev_spk.n;
	o.split.dev_by_item = c->mode == SPEAKER;
	o.split.split = *o.split.split != '\0' ? o.split.split : NULL;
	o.split.spk = o.net.spk = c->mode == SPEAKER ? o.label : o.obj.spk;
	o.net.arch = ser_cli_given(c, "arch") ? o.net.arch : NULL;
	o.net.hyper = o.hyper.s;
	o.net.n_hyper = o.hyper.n;
	o.net.task = c->tool->modes[c->mode].name;
	o.obj.name = c->mode == CONTRASTIVE ? "proj" : c->mode == REGRESS ? "values" : o.label;
	o.obj.label = c->mode == CONTRASTIVE || c->mode == REGRESS ? NULL : o.label;
	o.obj.value = o.values.s;
	o.obj.n_value = o.values.n;
	o.obj.class_weight = o.class_weight == 1;
	if (c->mode == SPEAKER && o.loss == 1)
		o.obj.kind = SER_OBJ_SOFTMAX;
}

/* The mode's own, then those of --also and --adversarial. */
static size_t objectives(struct ser_cli *c, struct ser_objective obj[static SER_MAX_OBJECTIVE], struct ser_arena *text)
{
	size_t n = 1 + o.also.n + o.adversarial.n;
	struct ser_err e;
	if (n > SER_MAX_OBJECTIVE)
		ser_cli_usage(c, "at most %d objectives", SER_MAX_OBJECTIVE);
	obj[0] = o.obj;
	if (o.obj.kind != SER_OBJ_AAM)
		obj[0].n_sub = 1;
	for (size_t k = 1; k < n; k++) {
		bool adversarial = k > o.also.n;
		const char *s = adversarial ? o.adversarial.s[k - 1 - o.also.n] : o.also.s[k - 1];
		if (ser_objective_parse(&obj[k], s, text, &e) != 0)
			ser_cli_usage(c, "--%s: %s", adversarial ? "adversarial" : "also", e.msg);
		obj[k].adversarial = adversarial;
	}
	return n;
}

/* ---- the parts ---- */

static struct ser_dataset *read_data(struct ser_cli *c, const struct ser_objective *obj, size_t n_obj)
{
	struct ser_dataset *d = ser_train_data_new(o.field, obj, n_obj, &o.split, c->max_record);
	struct ser_err e;
	if (c->n_operand == 0 && isatty(0))
		ser_cli_usage(c, "no input: name a file, or pipe a stream in");
	for (int i = 0; i < c->n_operand || i == 0; i++)
		check(c, ser_dataset_add_file(d, c->n_operand > 0 ? c->operand[i] : "-", &e), &e);
	check(c, ser_train_data_done(d, obj, n_obj, &e), &e);
	c->n_read = c->n_written = d->n;
	return d;
}

static void split_data(struct ser_cli *c, const struct ser_dataset *d, struct ser_split *s)
{
	struct ser_err e;
	check(c, ser_split_make(s, d, &o.split, &e), &e);
	if (s->n_no_spk > 0)
		ser_cli_warn(c,
			     "%zu of %zu records have no label \"%s\": it cannot be known who is shared by training "
			     "and test",
			     s->n_no_spk, d->n, o.split.spk);
	if (s->split_out + s->split_dev > 0)
		ser_cli_info(c,
			     "label \"%s\" leaves out %zu records, and %zu validate (--split-field '' trains on all)",
			     o.split.split, s->split_out, s->split_dev);
	ser_cli_info(c, "training %zu records of %zu speakers, validation %zu of %zu, left out %zu of %zu", s->n_train,
		     s->spk_train, s->n_dev, s->spk_dev, s->n_out, s->spk_out);
}

static void read_pairs(struct ser_cli *c, const struct ser_dataset *d, struct ser_pair_set *p)
{
	struct ser_err e;
	if (o.pairs == NULL)
		return;
	check(c, ser_pair_set_read_file(p, d, o.pairs, c->max_record, &e), &e);
	if (p->n_absent > 0)
		ser_cli_warn(c, "%s: %zu of %zu pairs are of records that are not in the input",
			     strcmp(o.pairs, "-") == 0 ? "<stdin>" : o.pairs, p->n_absent, p->n + p->n_absent);
}

static struct ser_model *make_model(struct ser_cli *c, const struct ser_dataset *d, const struct ser_split *split,
				    const struct ser_objective *obj, size_t n_obj)
{
	struct ser_model *m;
	struct ser_header h;
	struct ser_err e;
	check(c, ser_net_new(&m, d, split, obj, n_obj, &o.net, &e), &e);
	ser_header_copy(&h, &d->header);
	ser_cli_prov_header(c, &h);
	m->prov = ser_val_copy(&m->arena, &h.prov);
	ser_header_free(&h);
	if (ser_comm_size(o.train.comm) > 1)
		ser_val_set(&m->arena, &m->train, "processes", ser_int(ser_comm_size(o.train.comm)));
	ser_train_speakers_add(m, ser_train_speakers_of(&d->header, o.field));
	if (obj[0].pairs != NULL)
		ser_train_speakers_add(m, &obj[0].pairs->speakers);
	return m;
}

struct progress {
	struct ser_cli *c;
	const struct ser_trainer *t;
	char what[160];
};

static void tell(void *ctx, const struct ser_train_row *row, bool more)
{
	struct progress *p = ctx;
	size_t size = sizeof p->what;
	if (row->end_of_epoch) {
		int n = snprintf(p->what, size, "epoch %zu, loss %.4f", row->epoch, row->loss);
		if (row->validated)
			snprintf(p->what + n, size - (size_t)n, ", dev %s %.4f, best %.4f (epoch %zu)",
				 ser_trainer_metric(p->t), row->dev, row->best, row->best_epoch);
		ser_cli_info(p->c, "%s", p->what);
	}
	ser_cli_progress(p->c, p->what, more ? row->step : row->n_step, row->n_step);
}

int main(int argc, char **argv)
{
	static const char *const samples[] = {"plain", "balanced", NULL}, *const weights[] = {"none", "balanced", NULL},
				 *const optimizers[] = {"sgd", "adam", "adamw", NULL},
				 *const losses[] = {"aam", "softmax", NULL},
				 *const value_losses[] = {"ccc", "mse", "mae", NULL},
				 *const schedules[] = {"const", "cosine", "step", "plateau", NULL};
	load_defaults_of_mode(argc, argv);
	const unsigned quiet = SER_OPTION_SILENT;
	const struct ser_option opts[] = {
		{"field", "tensor to train on", SER_OPT_STR(&o.field, "NAME")},
		{"arch", "architecture of the encoder (ser-model archs lists them)", SER_OPT_STR(&o.net.arch, "NAME")},
		{"hyper", "a hyper-parameter of it", SER_OPT_LIST(&o.hyper, "NAME=VALUE")},
		{"input-norm", "normalisation of the features (default mean; global for vectors)",
		 SER_OPT_CHOICE(&o.net.norm, "KIND", ser_model_norms)},
		{"init", "begin with this model's encoder", SER_OPT_STR(&o.net.init, "FILE"), .flags = SER_OPTION_READ},
		{"freeze", "leave the encoder as it is, train the heads", SER_OPT_FLAG(&o.train.freeze)},
		{"encoder-lr-scale", "factor on the encoder's learning rate",
		 SER_OPT_REAL(&o.train.encoder_lr, "X", 0, 1000)},
		{"layer-lr-decay", "factor on it for each layer further from the heads",
		 SER_OPT_REAL(&o.train.layer_decay, "X", 0, 1)},
		{"also", "also classify this label, with this weight in the loss",
		 SER_OPT_LIST(&o.also, "FIELD:WEIGHT")},
		{"adversarial", "make the embedding forget this label, by gradient reversal",
		 SER_OPT_LIST(&o.adversarial, "FIELD:WEIGHT")},
		{"ramp", "how fast adversarial weights grow; 0: at once", SER_OPT_REAL(&o.train.ramp, "X", 0, 1000)},
		{"spk", "label that names the speaker", SER_OPT_STR(&o.obj.spk, "NAME")},
		{"fold-field", "label that names the fold", SER_OPT_STR(&o.split.fold, "NAME")},
		{"split-field", "label whose value test leaves a record out, dev lets it validate; '': none",
		 SER_OPT_STR(&o.split.split, "NAME")},
		{"test-fold", "leave this fold out entirely", SER_OPT_STR(&o.split.test_fold, "FOLD")},
		{"dev-fold", "validate on this fold", SER_OPT_STR(&o.split.dev_fold, "FOLD")},
		{"dev-speaker", "validate on this speaker", SER_OPT_LIST(&o.dev_spk, "NAME")},
		{"dev-frac", "validate on this share of the speakers, drawn by the seed; 0: no validation",
		 SER_OPT_REAL(&o.split.dev_frac, "X", 0, 0.9)},
		{"allow-shared-speakers", "train though speakers are on two sides of the split",
		 SER_OPT_FLAG(&o.split.allow_shared)},
		{"epochs", "passes over the training records", SER_OPT_COUNT(&o.train.n_epoch, "N", 1, 1000000),
		 .letter = 'e'},
		{"batch", "records, or pairs, a step", SER_OPT_COUNT(&o.train.batch, "N", 1, 1000000), .letter = 'b'},
		{"accumulate", "work through each batch in N parts, for less memory",
		 SER_OPT_COUNT(&o.train.accumulate, "N", 1, 1000000)},
		{"crop", "length of random crops; 0: whole utterances", SER_OPT_REAL(&o.crop_s, "SECONDS", 0, 100000)},
		{"stretch", "play each crop at a speed between 1-X and 1+X",
		 SER_OPT_REAL(&o.train.stretch, "X", 0, 0.9)},
		{"shift", "shift its bands by up to X of them, down or up", SER_OPT_REAL(&o.train.shift, "X", 0, 1000)},
		{"sample", "draw records as they are, or classes equally often",
		 SER_OPT_CHOICE(&o.sample, "HOW", samples)},
		{"time-masks", "runs of frames set to zero in each crop",
		 SER_OPT_COUNT(&o.train.n_time_mask, "N", 0, 100)},
		{"time-mask", "frames of the longest", SER_OPT_COUNT(&o.train.time_mask, "N", 0, 100000)},
		{"freq-masks", "runs of dimensions set to zero in each crop",
		 SER_OPT_COUNT(&o.train.n_freq_mask, "N", 0, 100)},
		{"freq-mask", "dimensions of the longest", SER_OPT_COUNT(&o.train.freq_mask, "N", 0, 100000)},
		{"precision", "of matrix products; everything else is in f32",
		 SER_OPT_CHOICE(&o.train.precision, "NAME", ser_la_precisions)},
		{"optimizer", "update rule", SER_OPT_CHOICE(&o.train.opt.kind, "NAME", optimizers)},
		{"lr", "highest learning rate", SER_OPT_REAL(&o.train.lr, "X", 0, 1000)},
		{"schedule", "how it changes", SER_OPT_CHOICE(&o.train.sched, "NAME", schedules)},
		{"warmup", "share of the steps in which it rises", SER_OPT_REAL(&o.train.warmup, "X", 0, 1)},
		{"weight-decay", "decay of weights, biases and gains excepted",
		 SER_OPT_REAL(&o.train.opt.weight_decay, "X", 0, 10)},
		{"momentum", "of sgd", SER_OPT_REAL(&o.train.opt.momentum, "X", 0, 0.9999)},
		{"clip", "greatest norm of the gradient; 0: any", SER_OPT_REAL(&o.train.clip, "X", 0, 1e9)},
		{"ema", "decay of the average of parameters that is kept; 0: none",
		 SER_OPT_REAL(&o.train.opt.ema, "X", 0, 0.99999)},
		{"patience", "stop after so many epochs without a better validation; 0: never",
		 SER_OPT_COUNT(&o.train.patience, "N", 0, 1000000)},
		{"seed", "seed of everything random", SER_OPT_I64(&o.seed, "N", 0, 9e18), .flags = SER_OPTION_ALWAYS},
		{"log", "table of losses and validations by epoch (TSV)", SER_OPT_STR(&o.keep.log, "FILE"),
		 .flags = quiet | SER_OPTION_WRITE},
		{"checkpoint", "keep the state of training here", SER_OPT_STR(&o.keep.checkpoint, "FILE"),
		 .flags = quiet | SER_OPTION_WRITE},
		{"checkpoint-every", "steps between checkpoints; 0: at each epoch's end",
		 SER_OPT_I64(&o.keep.every, "N", 0, 9e18), .flags = quiet},
		{"resume", "go on from the checkpoint if it is there", SER_OPT_FLAG(&o.keep.resume), .flags = quiet},
		{0},
	};
	const struct ser_option classify[] = {
		{"label", "label to learn", SER_OPT_STR(&o.label, "NAME"), .letter = 'l', .flags = SER_OPTION_NEEDED},
		{"class-weight", "weigh classes by the inverse of their number",
		 SER_OPT_CHOICE(&o.class_weight, "HOW", weights)},
		{"smooth", "label smoothing", SER_OPT_REAL(&o.obj.smooth, "X", 0, 0.99)},
		{"hidden", "hidden units between embedding and classes; 0: none",
		 SER_OPT_COUNT(&o.obj.n_hidden, "N", 0, 65536)},
		{"head-dropout", "dropout before the classes", SER_OPT_REAL(&o.obj.dropout, "X", 0, 0.95)},
		{0},
	};
	const struct ser_option regress[] = {
		{"label", "number to learn, such as arousal", SER_OPT_LIST(&o.values, "NAME"), .letter = 'l',
		 .flags = SER_OPTION_NEEDED},
		{"loss", "1 - concordance, squared or absolute error",
		 SER_OPT_CHOICE(&o.obj.loss, "NAME", value_losses)},
		{"hidden", "hidden units between embedding and values; 0: none",
		 SER_OPT_COUNT(&o.obj.n_hidden, "N", 0, 65536)},
		{"head-dropout", "dropout before the values", SER_OPT_REAL(&o.obj.dropout, "X", 0, 0.95)},
		{0},
	};
	const struct ser_option speaker[] = {
		{"label", "label to tell apart", SER_OPT_STR(&o.label, "NAME"), .letter = 'l'},
		{"loss", "additive angular margin, or plain softmax", SER_OPT_CHOICE(&o.loss, "NAME", losses)},
		{"margin", "angular margin", SER_OPT_REAL(&o.obj.margin, "RADIANS", 0, 1.5)},
		{"scale", "factor on the cosines", SER_OPT_REAL(&o.obj.scale, "X", 1, 1000)},
		{"sub-centres", "centres a class", SER_OPT_COUNT(&o.obj.n_sub, "N", 1, 100)},
		{"class-weight", "weigh classes by the inverse of their number",
		 SER_OPT_CHOICE(&o.class_weight, "HOW", weights)},
		{"smooth", "label smoothing", SER_OPT_REAL(&o.obj.smooth, "X", 0, 0.99)},
		{0},
	};
	const struct ser_option contrastive[] = {
		{"pairs", "anchors, positives and negatives, of ser-pairs", SER_OPT_STR(&o.pairs, "FILE"),
		 .flags = SER_OPTION_READ},
		{"cluster", "without --pairs: label that names the cluster", SER_OPT_STR(&o.obj.cluster, "NAME")},
		{"batch-speakers", "without --pairs: speakers a batch, two clusters of each",
		 SER_OPT_COUNT(&o.obj.n_spk, "N", 1, 100000)},
		{"batch-per-cluster", "without --pairs: records of each cluster",
		 SER_OPT_COUNT(&o.obj.n_per, "N", 2, 100000)},
		{"tau", "temperature", SER_OPT_REAL(&o.obj.tau, "X", 0.001, 100)},
		{"proj", "dimensions of the projection", SER_OPT_COUNT(&o.obj.n_proj, "N", 1, 65536)},
		{"hidden", "hidden units of the projection; 0: none", SER_OPT_COUNT(&o.obj.n_hidden, "N", 0, 65536)},
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

	struct ser_arena text = {0};
	struct ser_objective obj[SER_MAX_OBJECTIVE];
	struct ser_split split;
	struct ser_pair_set pairs = {0};
	struct ser_trainer *t;
	o.obj.pairs = o.pairs != NULL ? &pairs : NULL;
	size_t n_obj = objectives(&c, obj, &text);
	struct ser_dataset *d = read_data(&c, obj, n_obj);
	split_data(&c, d, &split);
	read_pairs(&c, d, &pairs);
	struct ser_model *m = make_model(&c, d, &split, obj, n_obj);
	check(&c, ser_net_crop(d, o.crop_s, &o.train.crop, &e), &e);
	check(&c, ser_trainer_new(&t, d, &split, m, obj, n_obj, &o.train, c.n_thread, &e), &e);
	ser_cli_info(&c, "%s, %zu parameters", m->arch->name, ser_params_count(m->params, true));
	struct progress progress = {&c, t, "training"};
	check(&c, ser_train_run(t, &o.keep, tell, &progress, &e), &e);
	if (first())
		check(&c, ser_model_save(m, c.out, &e), &e);
	ser_trainer_free(t);
	ser_comm_close(o.train.comm);
	ser_model_free(m);
	ser_pair_set_free(&pairs);
	ser_split_free(&split);
	ser_dataset_free(d);
	struct ser_strs *lists[] = {&o.hyper, &o.also, &o.adversarial, &o.dev_spk, &o.values};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		free(lists[i]->s);
	ser_arena_free(&text);
	return ser_cli_end(&c);
}
