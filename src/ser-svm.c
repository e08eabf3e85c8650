/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "train/svm.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *field = "func", *costs = "1e-5,1e-4,1e-3,1e-2,1e-1";
static struct ser_svm_opts o = {.spk = "spk", .n_fold = 3, .tol = 0.01};
static struct ser_split_opts split_opts = {.fold = "fold", .split = "split"};

static void take_costs(struct ser_cli *c)
{
	struct ser_strs l = ser_cli_names(c, "cost", costs);
	struct ser_err e;
	if (l.n > SER_SVM_MAX_COST)
		ser_cli_usage(c, "--cost: at most %d values", SER_SVM_MAX_COST);
	for (size_t i = 0; i < l.n; i++)
		if (ser_parse_real(l.s[i], 1e-12, 1e12, &o.cost[i], &e) != 0)
			ser_cli_usage(c, "--cost: %s", e.msg);
	o.n_cost = l.n;
	ser_sort_rising(o.cost, o.n_cost);
	ser_cli_names_free(&l);
}

static struct ser_dataset *read_data(struct ser_cli *c)
{
	const char *label[] = {o.label, o.spk, split_opts.fold, split_opts.split};
	struct ser_dataset *d = ser_dataset_new(field, label, split_opts.split != NULL ? 4 : 3, c->max_record);
	struct ser_err e;
	if (c->n_operand == 0 && isatty(0))
		ser_cli_usage(c, "no input: name a file, or pipe a stream in");
	for (int i = 0; i < c->n_operand || i == 0; i++)
		if (ser_dataset_add_file(d, c->n_operand > 0 ? c->operand[i] : "-", &e) != 0)
			ser_cli_die(c, &e);
	if (ser_dataset_done(d, &e) != 0)
		ser_cli_die(c, &e);
	c->n_read = c->n_written = d->n;
	return d;
}

static void fitted(void *c, size_t done, size_t of)
{
	ser_cli_progress(c, "fits", done, of);
}

int main(int argc, char **argv)
{
	static const char *const losses[] = {"squared-hinge", "logistic", NULL};
	static const char *const weights[] = {"none", "balanced", NULL}, *const norms[] = {"none", "global", NULL};
	int loss = SER_SVM_SQUARED_HINGE, weight = 1, norm = 1;
	int64_t seed = 0;
	const struct ser_option opts[] = {
		{"label", "label to learn", SER_OPT_STR(&o.label, "NAME"), .letter = 'l', .flags = SER_OPTION_NEEDED},
		{"field", "tensor of one axis to learn from", SER_OPT_STR(&field, "NAME")},
		{"loss", "support vector machines, or logistic regression", SER_OPT_CHOICE(&loss, "LOSS", losses)},
		{"cost", "cost of an error; of several the best on speakers held out", SER_OPT_STR(&costs, "C,C,..."),
		 .letter = 'C'},
		{"dev-folds", "parts of the training speakers, each held out in turn",
		 SER_OPT_COUNT(&o.n_fold, "K", 2, 1000)},
		{"input-norm", "standardise by the training records, or take features as they are",
		 SER_OPT_CHOICE(&norm, "KIND", norms)},
		{"class-weight", "weigh classes by the inverse of their number",
		 SER_OPT_CHOICE(&weight, "HOW", weights)},
		{"tol", "the solver's tolerance", SER_OPT_REAL(&o.tol, "X", 1e-12, 1)},
		{"spk", "label that names the speaker", SER_OPT_STR(&o.spk, "NAME")},
		{"fold-field", "label that names the fold", SER_OPT_STR(&split_opts.fold, "NAME")},
		{"split-field", "label whose value test or dev leaves a record out; '': none",
		 SER_OPT_STR(&split_opts.split, "NAME")},
		{"test-fold", "leave this fold out entirely", SER_OPT_STR(&split_opts.test_fold, "FOLD")},
		{"allow-shared-speakers", "train though speakers are on both sides",
		 SER_OPT_FLAG(&split_opts.allow_shared)},
		{"seed", "seed of the division of speakers", SER_OPT_I64(&seed, "N", 0, 9e18),
		 .flags = SER_OPTION_ALWAYS},
		{0},
	};
	const struct ser_tool tool = {"ser-svm",   "Train a linear classifier on records with vectors.",
				      "[FILE]...", opts,
				      NULL,        SER_CLI_OUT | SER_CLI_IN | SER_CLI_PROGRESS};
	struct ser_cli c;
	struct ser_err e;
	struct ser_outfile probe;
	ser_cli_begin(&c, &tool, argc, argv);
	if (c.out == NULL || strcmp(c.out, "-") == 0)
		ser_cli_usage(&c, "option --output is needed: a file for the model");
	if (ser_outfile_open(&probe, c.out, &e) != 0)
		ser_cli_die(&c, &e);
	ser_outfile_abort(&probe);
	take_costs(&c);
	o.loss = (enum ser_svm_loss)loss;
	o.class_weight = weight == 1;
	o.standardise = norm == 1;
	o.seed = (uint64_t)seed;
	o.step = fitted;
	o.ctx = &c;
	split_opts.spk = o.spk;
	split_opts.split = *split_opts.split != '\0' ? split_opts.split : NULL;

	struct ser_dataset *d = read_data(&c);
	struct ser_split split;
	struct ser_svm_choice choice;
	struct ser_model *m;
	if (ser_split_make(&split, d, &split_opts, &e) != 0 || ser_svm_fit(&m, d, &split, &o, &choice, &e) != 0)
		ser_cli_die(&c, &e);
	if (split.split_out + split.split_dev > 0)
		ser_cli_info(&c, "label \"%s\" leaves out %zu record%s (--split-field '' trains on all)",
			     split_opts.split, split.split_out + split.split_dev,
			     ser_s(split.split_out + split.split_dev));
	for (size_t i = 0; i < o.n_cost && choice.n_fold > 0; i++)
		ser_cli_info(&c, "C %g: UAR %.4f on speakers held out%s", o.cost[i], choice.uar[i],
			     i == choice.best ? ", taken" : "");
	if (o.n_cost > 1 && choice.n_fold == 0)
		ser_cli_warn(&c, "a single speaker: no other to choose a cost on; the least, %g, is taken", o.cost[0]);
	struct ser_header h;
	ser_header_copy(&h, &d->header);
	ser_cli_prov_header(&c, &h);
	m->prov = ser_val_copy(&m->arena, &h.prov);
	ser_header_free(&h);
	if (ser_model_save(m, c.out, &e) != 0)
		ser_cli_die(&c, &e);
	ser_model_free(m);
	ser_split_free(&split);
	ser_dataset_free(d);
	return ser_cli_end(&c);
}
