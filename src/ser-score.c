/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "score/score.h"

static bool json, tsv;
static int task;
static const char *cohort;
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
	struct ser_buf absent = {0};
	struct ser_err e;
	struct ser_report *rep = ser_score_report_classes(&o, s, &absent, &e);
	or_die(c, rep, &e);
	if (absent.n > 0)
		ser_cli_warn(c, "absent from the truth, so not in UAR: %s", absent.s);
	ser_buf_free(&absent);
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

static void progress(void *c, size_t done, size_t total)
{
	ser_cli_progress(c, "groups", done, total);
}

static struct ser_report *clusters(struct ser_cli *c)
{
	o.need_field = ser_cli_given(c, "field");
	struct ser_score_set *s = read_set(c, c->operand, c->n_operand, SER_SCORE_CLUSTERS);
	struct ser_err e;
	struct ser_report *rep = ser_score_report_clusters(&o, s, progress, c, &e);
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

int main(int argc, char **argv)
{
	static const char *const metrics[] = {"euclidean", "cosine", NULL}, *const tasks[] = {"classes", "regress",
											      NULL};
	ser_score_opt_init(&o);
#define LABEL                                                                                                          \
	{                                                                                                              \
		"label", 0, SER_OPTION_STR, &o.label, "NAME", 0, 0, NULL, SER_OPTION_NEEDED, "the true label"          \
	}
#define PRED                                                                                                           \
	{                                                                                                              \
		"pred", 0, SER_OPTION_STR, &o.pred, "NAME", 0, 0, NULL, 0,                                             \
			"the predicted label; without it, tensor post"                                                 \
	}
#define FOLD                                                                                                           \
	{                                                                                                              \
		"fold", 0, SER_OPTION_STR, &o.fold, "NAME", 0, 0, NULL, 0,                                             \
			"label of the fold; without it, a file is a fold"                                              \
	}
#define SHARED                                                                                                         \
	{                                                                                                              \
		"allow-shared-speakers", 0, SER_OPTION_FLAG, &o.allow_shared, NULL, 0, 0, NULL, 0,                     \
			"score speakers that were trained on too, and say so"                                          \
	}
#define FIELD                                                                                                          \
	{                                                                                                              \
		"field", 0, SER_OPTION_STR, &o.field, "NAME", 0, 0, NULL, 0, "tensor [D] of the embedding"             \
	}
	const struct ser_option opts[] = {
		{"by", 0, SER_OPTION_STR, &o.by, "NAME", 0, 0, NULL, 0,
		 "label of the speaker (default spk, when there)"},
		{"json", 0, SER_OPTION_FLAG, &json, NULL, 0, 0, NULL, 0, "write JSON"},
		{"tsv", 0, SER_OPTION_FLAG, &tsv, NULL, 0, 0, NULL, 0,
		 "write one value a line: table, row, column, value"},
		{"seed", 0, SER_OPTION_I64, &o.seed, "N", 0, 0, NULL, 0,
		 "random seed of the bootstrap and the shuffles"},
		{"n-boot", 0, SER_OPTION_INT, &o.n_boot, "N", 0, 10000000, NULL, 0,
		 "bootstrap replicates; 0: no intervals"},
		{"level", 0, SER_OPTION_REAL, &o.level, "X", 0.01, 0.9999, NULL, 0, "level of the intervals"},
		{"bca", 0, SER_OPTION_FLAG, &o.bca, NULL, 0, 0, NULL, 0, "BCa intervals instead of percentile ones"},
		{0},
	};
	const struct ser_option item_opts[] = {LABEL, PRED, FOLD, SHARED, {0}};
	const struct ser_option compare_opts[] = {
		LABEL,
		PRED,
		FOLD,
		SHARED,
		{"task", 0, SER_OPTION_CHOICE, &task, "NAME", 0, 0, tasks, 0, "what the predictions are"},
		{0},
	};
	const struct ser_option cluster_opts[] = {
		LABEL,
		{"cluster", 0, SER_OPTION_STR, &o.cluster, "NAME", 0, 0, NULL, 0, "integer label of the cluster"},
		{"n-perm", 0, SER_OPTION_INT, &o.n_perm, "N", 0, 1000000, NULL, 0, "shuffles for the chance level"},
		{"per-group", 0, SER_OPTION_FLAG, &o.per_group, NULL, 0, 0, NULL, 0,
		 "show each group too (JSON and TSV always do)"},
		FIELD,
		{"metric", 0, SER_OPTION_CHOICE, &o.metric, "NAME", 0, 0, metrics, 0, "distance of the silhouettes"},
		{0},
	};
	const struct ser_option verify_opts[] = {
		{"trials", 0, SER_OPTION_STR, &o.trials, "FILE", 0, 0, NULL, 0,
		 "trials to score, \"id id target|nontarget\" or \"1|0 id id\"; default: all pairs"},
		FIELD,
		SHARED,
		{"cohort", 0, SER_OPTION_STR, &cohort, "FILE", 0, 0, NULL, 0,
		 "normalise scores (AS-norm) by this stream of embeddings"},
		{"top", 0, SER_OPTION_INT, &o.top, "N", 2, 10000000, NULL, 0, "the N nearest of the cohort count"},
		{"p-target", 0, SER_OPTION_REAL, &o.cost.p_target, "X", 1e-6, 0.999999, NULL, 0,
		 "prior of a target trial"},
		{"c-miss", 0, SER_OPTION_REAL, &o.cost.c_miss, "X", 1e-6, 1e6, NULL, 0, "cost of a miss"},
		{"c-fa", 0, SER_OPTION_REAL, &o.cost.c_fa, "X", 1e-6, 1e6, NULL, 0, "cost of a false acceptance"},
		{"det", 0, SER_OPTION_FLAG, &o.det, NULL, 0, 0, NULL, 0, "also write the DET curve"},
		{0},
	};
	const struct ser_mode modes[] = {
		{"classes", "Predicted classes: UAR, WAR, F1, confusion matrix.", item_opts, NULL},
		{"regress", "Predicted numbers: CCC, correlations, errors.", item_opts, NULL},
		{"clusters", "Clusters against a label: purity, NMI, ARI ... beside chance.", cluster_opts, NULL},
		{"verify", "Speaker verification by cosine: EER, minDCF.", verify_opts, NULL},
		{"compare", "Two systems on the same items: paired bootstrap, McNemar.", compare_opts, "FIRST SECOND"},
		{0},
	};
	static struct ser_report *(*const run[])(struct ser_cli *) = {classes, regress, clusters, verify, compare};
	const struct ser_tool tool = {
		"ser-score", "Score predictions, clusters or embeddings, with confidence intervals.",
		"[FILE]...", opts,
		modes,       SER_CLI_IN | SER_CLI_THREADS};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	if (json && tsv)
		ser_cli_usage(&c, "--json and --tsv do not go together");
	o.n_thread = c.n_thread;
	o.per_group = o.per_group || json || tsv;
	print(run[c.mode](&c));
	return ser_cli_end(&c);
}
