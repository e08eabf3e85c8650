/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "score/score.h"

static bool json, tsv;
static int task;
static const char *cohort, *order, *against;
static struct ser_score_opt o;

/* The records of n files, none: standard input. */
static struct ser_score_set *read_set(struct ser_cli *c, char *const *file, int n, enum ser_score_kind kind)
{
	struct ser_score_set *s = ser_score_set_new(&o, kind);
	struct ser_in *in = ser_in_files(c, file, n);
	struct ser_record r = {0};
	struct ser_err e;
	bool segment;
	while (ser_in_next(in, &r, &segment))
		if (ser_score_set_add(s, ser_in_header(in), segment, ser_in_name(in), &r, &e) != SER_OK)
			ser_cli_die(c, &e);
	if (ser_score_set_done(s, ser_in_name(in), &e) != SER_OK)
		ser_cli_die(c, &e);
	ser_record_free(&r);
	ser_in_close(in);
	return s;
}

static struct ser_report *or_die(struct ser_cli *c, struct ser_report *rep, const struct ser_err *e)
{
	if (rep == NULL)
		ser_cli_die(c, e);
	return rep;
}

static void print(struct ser_report *rep)
{
	struct ser_buf b = {0};
	ser_report_format(rep, json ? SER_REPORT_JSON : tsv ? SER_REPORT_TSV : SER_REPORT_TEXT, &b);
	fwrite(b.s, 1, b.n, stdout); /* ser_cli_end() sees whether that went well */
	ser_buf_free(&b);
	ser_report_free(rep);
}

static struct ser_report *classes(struct ser_cli *c)
{
	struct ser_score_set *s = read_set(c, c->operand, c->n_operand, SER_SCORE_CLASSES);
	struct ser_buf absent = {0}, unknown = {0};
	struct ser_err e;
	struct ser_report *rep = ser_score_report_classes(&o, s, &absent, &e);
	or_die(c, rep, &e);
	if (absent.n > 0)
		ser_cli_warn(c, "absent from the truth, so not in UAR: %s", absent.s);
	size_t n_unknown = ser_score_unpredictable(s, &unknown);
	if (n_unknown > 0)
		ser_cli_warn(
			c,
			"unknown to the model, so of recall 0 in UAR: %s (%zu record%s); leave them out by ser-select",
			unknown.s, n_unknown, ser_s(n_unknown));
	ser_buf_free(&absent);
	ser_buf_free(&unknown);
	ser_score_set_free(s);
	return rep;
}

static struct ser_report *regress(struct ser_cli *c)
{
	struct ser_score_set *s = read_set(c, c->operand, c->n_operand, SER_SCORE_NUMBERS);
	struct ser_err e;
	struct ser_report *rep = ser_score_report_regress(&o, s, &e);
	ser_score_set_free(s);
	return or_die(c, rep, &e);
}

static struct ser_report *clusters(struct ser_cli *c)
{
	o.need_field = ser_cli_given(c, "field");
	struct ser_score_set *s = read_set(c, c->operand, c->n_operand, SER_SCORE_CLUSTERS);
	struct ser_err e;
	struct ser_report *rep = ser_score_report_clusters(&o, s, &e);
	ser_score_set_free(s);
	return or_die(c, rep, &e);
}

static struct ser_report *verify(struct ser_cli *c)
{
	struct ser_score_set *s = read_set(c, c->operand, c->n_operand, SER_SCORE_VOICES), *other = NULL;
	struct ser_err e;
	struct ser_score_trials *t = ser_score_trials_new(&o, s, &e);
	if (t == NULL)
		ser_cli_die(c, &e);
	if (cohort != NULL)
		other = read_set(c, (char *const[]){(char *)cohort}, 1, SER_SCORE_COHORT);
	struct ser_report *rep = ser_score_report_verify(&o, s, t, other, cohort, &e);
	ser_score_set_free(other);
	ser_score_trials_free(t);
	ser_score_set_free(s);
	return or_die(c, rep, &e);
}

static struct ser_report *calibration(struct ser_cli *c)
{
	struct ser_score_set *s = read_set(c, c->operand, c->n_operand, SER_SCORE_POSTERIORS);
	struct ser_err e;
	struct ser_report *rep = ser_score_report_calibration(&o, s, &e);
	ser_score_set_free(s);
	return or_die(c, rep, &e);
}

static struct ser_report *labels(struct ser_cli *c)
{
	struct ser_score_set *s = read_set(c, c->operand, c->n_operand, SER_SCORE_LABELS);
	struct ser_err e;
	struct ser_report *rep = ser_score_report_labels(&o, s, &e);
	ser_score_set_free(s);
	return or_die(c, rep, &e);
}

static struct ser_report *cooccurrence(struct ser_cli *c)
{
	struct ser_score_set *s = read_set(c, c->operand, c->n_operand, SER_SCORE_VOTES);
	struct ser_err e;
	struct ser_report *rep = ser_score_report_cooccurrence(s, &e);
	ser_score_set_free(s);
	return or_die(c, rep, &e);
}

static struct ser_report *retrieval(struct ser_cli *c)
{
	struct ser_score_set *s = read_set(c, c->operand, c->n_operand, SER_SCORE_PAIRS);
	struct ser_err e;
	struct ser_report *rep = ser_score_report_retrieval(&o, s, &e);
	ser_score_set_free(s);
	return or_die(c, rep, &e);
}

static struct ser_report *frames(struct ser_cli *c)
{
	struct ser_score_set *s = read_set(c, c->operand, c->n_operand, SER_SCORE_FRAMES), *other = NULL;
	struct ser_err e;
	if (against != NULL)
		other = read_set(c, (char *const[]){(char *)against}, 1, SER_SCORE_FRAMES);
	struct ser_report *rep = ser_score_report_frames(&o, s, other, &e);
	ser_score_set_free(other);
	ser_score_set_free(s);
	return or_die(c, rep, &e);
}

static struct ser_report *compare(struct ser_cli *c)
{
	enum ser_score_kind kind = task == 1 ? SER_SCORE_NUMBERS : SER_SCORE_CLASSES;
	struct ser_score_set *s[2];
	struct ser_err e;
	if (c->n_operand != 2)
		ser_cli_usage(c, "compare wants two streams, the first system's and the second's");
	for (int i = 0; i < 2; i++)
		s[i] = read_set(c, c->operand + i, 1, kind);
	struct ser_report *rep = ser_score_report_compare(&o, (const struct ser_score_set *const[]){s[0], s[1]},
							  (const char *const[]){c->operand[0], c->operand[1]}, &e);
	ser_score_set_free(s[0]);
	ser_score_set_free(s[1]);
	return or_die(c, rep, &e);
}

static void progress(void *c, const char *what, size_t done, size_t total)
{
	ser_cli_progress(c, what, done, total);
}

int main(int argc, char **argv)
{
	static const char *const metrics[] = {"euclidean", "cosine", NULL},
				 *const tasks[] = {"classes", "regress", NULL},
				 *const truths[] = {"voted", "share", NULL};
	ser_score_opt_init(&o);
	const struct ser_option
		label = {"label", "the true label", SER_OPT_STR(&o.label, "NAME"), .flags = SER_OPTION_NEEDED},
		pred = {"pred", "the predicted label; without it, tensor post", SER_OPT_STR(&o.pred, "NAME")},
		fold = {"fold", "label of the fold; without it, a file is a fold", SER_OPT_STR(&o.fold, "NAME")},
		shared = {"allow-shared-speakers", "score speakers that were trained on too, and say so",
			  SER_OPT_FLAG(&o.allow_shared)},
		votes = {"votes", "number that says how many chose a class, which is what follows its last dot",
			 SER_OPT_LIST(&o.votes, "NAME"), .flags = SER_OPTION_NEEDED},
		field = {"field", "tensor [D] of the embedding", SER_OPT_STR(&o.field, "NAME")};
	const struct ser_option opts[] = {
		{"by", "label of the speaker (default spk, when there)", SER_OPT_STR(&o.by, "NAME")},
		{"json", "write JSON", SER_OPT_FLAG(&json)},
		{"tsv", "write one value a line: table, row, column, value", SER_OPT_FLAG(&tsv)},
		{"seed", "random seed of the bootstrap and the shuffles", SER_OPT_I64(&o.seed, "N", 0, 0)},
		{"n-boot", "bootstrap replicates; 0: no intervals", SER_OPT_INT(&o.n_boot, "N", 0, 10000000)},
		{"level", "level of the intervals", SER_OPT_REAL(&o.level, "X", 0.01, 0.9999)},
		{"bca", "BCa intervals instead of percentile ones", SER_OPT_FLAG(&o.bca)},
		{0},
	};
	const struct ser_option item_opts[] = {label, pred, fold, shared, {0}};
	const struct ser_option posterior_opts[] = {label, fold, shared, {0}};
	const struct ser_option class_opts[] = {
		label,  pred,
		fold,   {"order", "classes that come first, parted by commas", SER_OPT_STR(&order, "NAMES")},
		shared, {0},
	};
	const struct ser_option compare_opts[] = {
		label, pred, fold, shared, {"task", "what the predictions are", SER_OPT_CHOICE(&task, "NAME", tasks)},
		{0},
	};
	const struct ser_option cluster_opts[] = {
		label,
		{"cluster", "integer label of the cluster", SER_OPT_STR(&o.cluster, "NAME")},
		{"n-perm", "shuffles for the chance level", SER_OPT_INT(&o.n_perm, "N", 0, 1000000)},
		{"per-group", "show each group too (JSON and TSV always do)", SER_OPT_FLAG(&o.per_group)},
		field,
		{"metric", "distance of the silhouettes", SER_OPT_CHOICE(&o.metric, "NAME", metrics)},
		{0},
	};
	const struct ser_option verify_opts[] = {
		{"trials", "trials to score, \"id id target|nontarget\" or \"1|0 id id\"; default: all pairs",
		 SER_OPT_STR(&o.trials, "FILE")},
		field,
		shared,
		{"cohort", "normalise scores (AS-norm) by this stream of embeddings", SER_OPT_STR(&cohort, "FILE")},
		{"top", "the N nearest of the cohort count", SER_OPT_INT(&o.top, "N", 2, 10000000)},
		{"p-target", "prior of a target trial", SER_OPT_REAL(&o.cost.p_target, "X", 1e-6, 0.999999)},
		{"c-miss", "cost of a miss", SER_OPT_REAL(&o.cost.c_miss, "X", 1e-6, 1e6)},
		{"c-fa", "cost of a false acceptance", SER_OPT_REAL(&o.cost.c_fa, "X", 1e-6, 1e6)},
		{"det", "also write the DET curve", SER_OPT_FLAG(&o.det)},
		{0},
	};
	const struct ser_option retrieval_opts[] = {
		label,
		field,
		{"text", "tensor [D] of the text's embedding", SER_OPT_STR(&o.text, "NAME")},
		{"order", "labels that have an order, in it, parted by commas", SER_OPT_STR(&order, "NAMES")},
		shared,
		{0},
	};
	const struct ser_option votes_opts[] = {votes, {0}};
	const struct ser_option frames_opts[] = {
		{"target", "the true tensor, a row a frame", SER_OPT_STR(&o.label, "NAME"), .flags = SER_OPTION_NEEDED},
		{"seen", "tensor of whole numbers, below 0 where its rows are not known", SER_OPT_STR(&o.seen, "NAME")},
		{"against", "another system's predictions of the same records: differences",
		 SER_OPT_STR(&against, "FILE"), .flags = SER_OPTION_READ},
		shared,
		{0},
	};
	const struct ser_option labels_opts[] = {
		votes,
		{"truth",
		 "classes that anyone voted for, or those with more than 1/K of the votes (default: as the model "
		 "learnt)",
		 SER_OPT_CHOICE(&o.truth, "WHICH", truths)},
		{"threshold", "decide for posteriors above this (default 0.5 of sigmoids, else 1/K)",
		 SER_OPT_REAL(&o.threshold, "X", 0, 1)},
		fold,
		shared,
		{0},
	};
	const struct ser_mode modes[] = {
		{"classes", "Predicted classes: UAR, WAR, F1, confusion matrix.", class_opts, NULL},
		{"regress", "Predicted numbers: CCC, correlations, errors.", item_opts, NULL},
		{"calibration", "Posteriors: calibration, likelihood, temperature, the surest records alone.",
		 posterior_opts, NULL},
		{"clusters", "Clusters against a label: purity, NMI, ARI ... beside chance.", cluster_opts, NULL},
		{"verify", "Speaker verification by cosine: EER, minDCF.", verify_opts, NULL},
		{"retrieval", "Records found by texts and texts by records: recall, ranks, gap.", retrieval_opts, NULL},
		{"multilabel", "Posteriors against votes: Hamming and ranking loss, F1, divergence.", labels_opts,
		 NULL},
		{"cooccurrence", "Penalties between classes, by how seldom votes choose both.", votes_opts, NULL},
		{"frames", "Predictions of frames: CCC of columns, UAR of classes.", frames_opts, NULL},
		{"compare", "Two systems on the same items: paired bootstrap, McNemar.", compare_opts, "FIRST SECOND"},
		{0},
	};
	static struct ser_report *(*const run[])(struct ser_cli *) = {
		classes, regress, calibration, clusters, verify, retrieval, labels, cooccurrence, frames, compare};
	const struct ser_tool tool = {
		"ser-score", "Score predictions, clusters or embeddings, with confidence intervals.",
		"[FILE]...", opts,
		modes,       SER_CLI_IN | SER_CLI_THREADS | SER_CLI_PROGRESS};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	if (json && tsv)
		ser_cli_usage(&c, "--json and --tsv do not go together");
	o.n_thread = c.n_thread;
	o.watch = (struct ser_watch){progress, &c};
	o.per_group = o.per_group || json || tsv;
	o.order = ser_cli_names(&c, "order", order);
	print(run[c.mode](&c));
	ser_cli_names_free(&o.order);
	return ser_cli_end(&c);
}
