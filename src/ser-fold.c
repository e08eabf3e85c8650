/* SPDX-License-Identifier: MIT */
#include "audio/audio.h"
#include "cli/cli.h"
#include "corpus/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum mode { LOSO, LOGO, KFOLD, HOLDOUT, SUBSET, PUBLISHED };

/* What is read: a manifest whole, of a stream the labels that matter; then what is made of it. */
struct job {
	struct ser_cli c;
	struct ser_folds_opts o;
	struct ser_root root;
	const char *dev_fold, *percent;
	int k;
	double test_frac, dev_frac;
	bool check_audio;
	int64_t seed;

	const char *name; /* of the input, for messages */
	int fd;           /* a file that can be read twice */
	off_t at;         /* where the input begins in it */
	bool stream;
	struct ser_table t; /* of a stream: id and the columns asked for */
	const char **sound; /* [rows] a digest of each record's audio, with --check-audio */
	struct ser_folds f;
	struct ser_err e;
};

static void check(struct job *j, int rc)
{
	if (rc < 0)
		ser_cli_die(&j->c, &j->e);
}

/* ---- reading ---- */

static void input_open(struct job *j, const char *path)
{
	bool in = path == NULL || strcmp(path, "-") == 0;
	if (in && isatty(0))
		ser_cli_usage(&j->c, "no input: standard input is a terminal");
	j->name = in ? "<stdin>" : path;
	j->fd = in ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
	if (j->fd < 0)
		ser_cli_fail(&j->c, SER_EIO, "%s: cannot open: %s", j->name, strerror(errno));
	j->fd = ser_fd_seekable(j->fd, j->name, "ser-fold", &j->e); /* it is read twice */
	check(j, j->fd);
	j->at = lseek(j->fd, 0, SEEK_CUR);
	unsigned char b = 0;
	ssize_t got = pread(j->fd, &b, 1, j->at);
	if (got < 0)
		ser_cli_fail(&j->c, SER_EIO, "%s: read failed: %s", j->name, strerror(errno));
	if (got == 0)
		ser_cli_fail(&j->c, SER_EDATA, "%s: empty, expected a manifest or a record stream", j->name);
	j->stream = ser_stream_begins(b);
	ser_out_expect(&j->c, j->stream);
}

static void rewind_input(struct job *j)
{
	if (lseek(j->fd, j->at, SEEK_SET) < 0)
		ser_cli_fail(&j->c, SER_EIO, "%s: cannot go back to its start: %s", j->name, strerror(errno));
}

static const char *hex(uint64_t h)
{
	char s[32];
	snprintf(s, sizeof s, "%016llx", (unsigned long long)h);
	return ser_strdup(s);
}

static void read_stream(struct job *j, const char *const *col, size_t n_col)
{
	struct ser_reader *rd = ser_reader_new(j->fd, j->name, j->c.max_record, &j->e);
	if (rd == NULL)
		ser_cli_die(&j->c, &j->e);
	struct ser_record r = {0};
	struct ser_buf b = {0};
	size_t cap = 0;
	int rc;
	for (size_t i = 0; i < n_col; i++)
		ser_table_add_col(&j->t, col[i]);
	while ((rc = ser_reader_next(rd, &r, NULL, &j->e)) > 0) {
		size_t row = ser_table_add_row(&j->t);
		for (size_t i = 0; i < n_col; i++) {
			const struct ser_val *v = ser_record_get(&r, col[i]);
			b.n = 0;
			if (v != NULL && v->kind < SER_TENSOR)
				ser_val_text(&b, v);
			ser_table_set(&j->t, row, ser_table_add_col(&j->t, col[i]), b.s, b.n);
		}
		if (j->check_audio) {
			j->sound = ser_grow(j->sound, &cap, row + 1, sizeof *j->sound);
			uint64_t h;
			j->sound[row] = ser_record_digest(&r, &h) ? hex(h) : ser_strdup("");
		}
	}
	check(j, rc);
	ser_buf_free(&b);
	ser_record_free(&r);
	ser_reader_free(rd);
}

static void read_sounds(struct job *j)
{
	rewind_input(j);
	FILE *f = fdopen(dup(j->fd), "rb");
	struct ser_manifest *m = ser_manifest_new(f, j->name, &(struct ser_manifest_opts){.root = j->root}, &j->e);
	if (m == NULL)
		ser_cli_die(&j->c, &j->e);
	j->sound = ser_calloc(j->t.n_row, sizeof *j->sound);
	for (size_t i = 0; i < j->t.n_row; i++) {
		struct ser_audio_opt o = {0};
		uint64_t h;
		check(j, ser_manifest_next(m, &j->e));
		const char *path = ser_manifest_path(m, &j->e);
		if (path == NULL)
			ser_cli_die(&j->c, &j->e);
		check(j, ser_manifest_segment(m, &o.start_s, &o.end_s, &j->e));
		o.end_s = isfinite(o.end_s) ? o.end_s : 0;
		check(j, ser_audio_digest(path, &o, &h, &j->e));
		j->sound[i] = hex(h);
		ser_cli_progress(&j->c, "listening", i + 1, j->t.n_row);
	}
	ser_manifest_free(m);
	fclose(f);
}

static void read_all(struct job *j, const char *const *col, size_t n_col)
{
	rewind_input(j);
	if (j->stream) {
		read_stream(j, col, n_col);
		return;
	}
	FILE *f = fdopen(dup(j->fd), "rb");
	ser_assert(f != NULL);
	check(j, ser_table_read(&j->t, f, j->name, NULL, &j->e));
	fclose(f);
	ser_table_add_col(&j->t, "spk"); /* the writer adds them too */
	ser_table_add_col(&j->t, "emo");
	if (j->check_audio)
		read_sounds(j);
}

/* ---- protocols ---- */

static void make_folds(struct job *j, enum mode mode)
{
	struct ser_folds *f = &j->f;
	if (mode != PUBLISHED)
		check(j, ser_folds_need(f, j->o.by, &j->e));
	if (!j->o.allow_shared)
		check(j, ser_folds_need(f, j->o.spk, &j->e));
	if (mode == LOSO || mode == LOGO)
		check(j, ser_folds_each(f, &j->e));
	else if (mode == KFOLD)
		check(j, ser_folds_kfold(f, (size_t)j->k, &j->e));
	else if (mode == HOLDOUT)
		check(j, ser_folds_holdout(f, j->test_frac, &j->e));
	else {
		int rc = ser_folds_published(f, j->c.operand[0], &j->e);
		if (f->lists.n_unknown > 0)
			ser_cli_warn(&j->c, "%s: %zu entries of its lists are not in %s", j->c.operand[0],
				     f->lists.n_unknown, j->name);
		check(j, rc);
	}
}

static void make_split(struct job *j)
{
	int64_t dev = SER_FOLDS_NEXT;
	if (!ser_folds_split(&j->f))
		ser_cli_usage(&j->c, "--test-fold: there is no fold %d", j->o.test_fold);
	if (j->dev_fold == NULL) {
		if (j->dev_frac > 0)
			check(j, ser_folds_dev_frac(&j->f, j->dev_frac, &j->e));
		return;
	}
	if (strcmp(j->dev_fold, "next") != 0 && ser_parse_int(j->dev_fold, 0, INT32_MAX, &dev, &j->e) != 0)
		ser_cli_usage(&j->c, "--dev-fold: %s, nor is it \"next\"", j->e.msg);
	if (dev == j->o.test_fold)
		ser_cli_usage(&j->c, "--dev-fold and --test-fold are the same");
	if (!ser_folds_dev_fold(&j->f, (int)dev))
		ser_cli_usage(&j->c, "--dev-fold: there is no fold %d", (int)dev);
}

static void say(void *ctx, const char *sentence)
{
	const struct job *j = ctx;
	ser_cli_warn(&j->c, "%s", sentence);
}

/* ---- writing ---- */

static void write_stream(struct job *j)
{
	rewind_input(j);
	struct ser_reader *rd = ser_reader_new(j->fd, j->name, j->c.max_record, &j->e);
	if (rd == NULL)
		ser_cli_die(&j->c, &j->e);
	struct ser_out *out = ser_out_open(&j->c);
	struct ser_record r = {0};
	const struct ser_folds *f = &j->f;
	ser_out_header(out, ser_reader_header(rd));
	bool segment;
	int rc;
	for (size_t i = 0; (rc = ser_reader_next(rd, &r, &segment, &j->e)) > 0; i++) {
		if (segment && i > 0)
			ser_out_header(out, ser_reader_header(rd));
		if (f->fold != NULL)
			ser_record_set(&r, "fold", f->fold[i] >= 0 ? ser_int(f->fold[i]) : ser_nil());
		if (f->split != NULL)
			ser_record_set(&r, "split", f->split[i][0] != '\0' ? ser_str(f->split[i]) : ser_nil());
		if (f->level != NULL)
			ser_record_set(&r, "subset", f->level[i] > 0 ? ser_int(f->level[i]) : ser_nil());
		ser_out_record(out, &r);
	}
	check(j, rc);
	ser_record_free(&r);
	ser_reader_free(rd);
	ser_out_close(out);
}

static void write_manifest(struct job *j)
{
	struct ser_outfile o;
	ser_folds_store(&j->f);
	check(j, ser_table_write(&j->t, ser_out_text_open(&j->c, &o), &j->e));
	ser_out_text_close(&j->c, &o);
}

/* An option as one mode explains it. */
static struct ser_option as(struct ser_option o, const char *help)
{
	o.help = help;
	return o;
}

/* The rows of a mode and those that several have, in one table; the row that ends it. */
static struct ser_option *join(struct ser_option *to, const struct ser_option *own, const struct ser_option *common)
{
	while (own->name != NULL)
		*to++ = *own++;
	while (common->name != NULL)
		*to++ = *common++;
	*to = *common;
	return to;
}

int main(int argc, char **argv)
{
	static struct job j = {.percent = "1,5,10,25,50,100", .k = 5, .test_frac = 0.2};
	j.o = (struct ser_folds_opts){.spk = "spk", .label = "emo", .test_fold = -1};
	j.o.by = argc > 1 && strcmp(argv[1], "logo") == 0 ? "session" : "spk";
	enum { FOLDS, TEST_FRAC, PERCENT, BY, TEST_FOLD, SPK, LABEL, SEED = LABEL + 3 };
	const struct ser_option o[] = {
		{"folds", "how many folds", SER_OPT_INT(&j.k, "K", 2, 9999), .letter = 'k', .flags = SER_OPTION_ALWAYS},
		{"test-frac", "about how large a share is test data", SER_OPT_REAL(&j.test_frac, "X", 0.001, 0.999),
		 .flags = SER_OPTION_ALWAYS},
		{"percent", "sizes of the subsets", SER_OPT_STR(&j.percent, "P,P,..."), .flags = SER_OPTION_ALWAYS},
		{"by", "a fold for each value of it", SER_OPT_STR(&j.o.by, "COLUMN")},
		{"test-fold", "set split too: this fold is test, the others train; -1: no split",
		 SER_OPT_INT(&j.o.test_fold, "N", -1, 999999)},
		/* from here on, of all modes but subset */
		{"spk", "the speaker", SER_OPT_STR(&j.o.spk, "COLUMN")},
		{"label", "the label to balance by", SER_OPT_STR(&j.o.label, "COLUMN")},
		{"dev-fold", "development data: this fold, or the one after the test fold",
		 SER_OPT_STR(&j.dev_fold, "N|next")},
		{"dev-frac", "development data: about this share of the training data, in whole speakers",
		 SER_OPT_REAL(&j.dev_frac, "X", 0, 0.9)},
		{"seed", "which of equally good divisions", SER_OPT_I64(&j.seed, "N", 0, 9e15),
		 .flags = SER_OPTION_ALWAYS},
		{"allow-shared-speakers", "go on although speakers are on both sides", SER_OPT_FLAG(&j.o.allow_shared)},
		{"check-audio", "refuse the same recording on both sides", SER_OPT_FLAG(&j.check_audio)},
		{"check-text", "refuse the same text on both sides", SER_OPT_FLAG(&j.o.check_text)},
		{"root", "where --check-audio finds a manifest's relative paths", SER_OPT_STR(&j.root.dir, "DIR"),
		 .flags = SER_OPTION_SILENT},
		{"allow-absolute", "let a manifest's paths lead out of the root: absolute, or by way of \"..\"",
		 SER_OPT_FLAG(&j.root.allow_absolute), .flags = SER_OPTION_SILENT},
		{0},
	};
	enum { MAX_ROW = sizeof o / sizeof *o };
	const struct ser_option *common = o + SPK, end = {0};
	struct ser_option groups[MAX_ROW], kfold[MAX_ROW], holdout[MAX_ROW], published[MAX_ROW];
	join(groups, (struct ser_option[]){o[BY], o[TEST_FOLD], end}, common);
	join(kfold, (struct ser_option[]){o[FOLDS], as(o[BY], "what stays in one fold"), o[TEST_FOLD], end}, common);
	join(holdout, (struct ser_option[]){o[TEST_FRAC], as(o[BY], "what stays on one side"), end}, common);
	join(published, (struct ser_option[]){o[TEST_FOLD], end}, common)->known = ser_corpus_builtin_folds;
	const struct ser_option subset[] = {o[PERCENT], o[LABEL], as(o[SEED], "which records"), end};
	const struct ser_mode modes[] = {
		{"loso", "Leave one speaker out: a fold for each.", groups, NULL},
		{"logo", "Leave one group (session) out: a fold for each.", groups, NULL},
		{"kfold", "Folds of about equal size that share no speaker and are balanced by label.", kfold, NULL},
		{"holdout", "One test set of speakers of its own: fold 0; the rest is fold 1.", holdout, NULL},
		{"subset", "Nested subsets of the training data, balanced by label.", subset, NULL},
		{"published", "Folds that somebody published: CORPUS:NAME, or a folder of EmoBox lists.", published,
		 "NAME [FILE]"},
		{0}};
	const struct ser_tool tool = {"ser-fold", "Divide a manifest or a stream into folds by a named protocol.",
				      "[FILE]",   NULL,
				      modes,      SER_CLI_FILTER | SER_CLI_READ_ALL | SER_CLI_PROGRESS};
	ser_cli_begin(&j.c, &tool, argc, argv);
	enum mode mode = (enum mode)j.c.mode;
	int first = mode == PUBLISHED;
	if (j.c.n_operand < first || j.c.n_operand > first + 1)
		ser_cli_usage(&j.c, "expected %s", first ? "NAME and at most one FILE" : "at most one FILE");
	if (first)
		ser_cli_prov(&j.c, j.c.operand[0]);
	if (mode == HOLDOUT)
		j.o.test_fold = 0;
	if (j.dev_fold != NULL && j.dev_frac > 0)
		ser_cli_usage(&j.c, "--dev-fold and --dev-frac exclude each other");
	if ((j.dev_fold != NULL || j.dev_frac > 0) && j.o.test_fold < 0)
		ser_cli_usage(&j.c, "--dev-fold and --dev-frac go with --test-fold");
	if (mode == HOLDOUT && j.dev_fold != NULL)
		ser_cli_usage(&j.c, "holdout has no further fold for --dev-fold: use --dev-frac");

	input_open(&j, j.c.n_operand > first ? j.c.operand[first] : NULL);
	const char *const need[] = {"id", j.o.by, j.o.spk, j.o.label, "text", "split", "session"};
	read_all(&j, need, sizeof need / sizeof *need);
	j.o.name = j.name;
	j.o.seed = (uint64_t)j.seed;
	j.o.sound = j.sound;
	ser_folds_init(&j.f, &j.o, &j.t);
	if (mode == SUBSET) {
		int size[SER_FOLDS_MAX_PERCENT];
		size_t n = ser_folds_percents(j.percent, size, &j.e);
		if (n == 0)
			ser_cli_usage(&j.c, "--percent: %s, in rising order", j.e.msg);
		check(&j, ser_folds_subset(&j.f, size, n, &j.e));
	} else {
		make_folds(&j, mode);
		if (j.o.test_fold >= 0)
			make_split(&j);
		check(&j, ser_folds_check(&j.f, say, &j, &j.e));
	}
	if (j.stream)
		write_stream(&j);
	else
		write_manifest(&j);
	for (size_t i = 0; i < j.t.n_row && j.sound != NULL; i++)
		free((void *)(uintptr_t)j.sound[i]);
	free(j.sound);
	ser_folds_free(&j.f);
	ser_table_free(&j.t);
	close(j.fd);
	return ser_cli_end(&j.c);
}
