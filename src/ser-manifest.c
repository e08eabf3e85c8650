/* SPDX-License-Identifier: MIT */
#include "audio/audio.h"
#include "cli/cli.h"
#include "corpus/corpus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum format { TSV, CSV, EMOBOX, KALDI, LHOTSE, AUDFORMAT };
static const char *const formats[] = {"tsv", "csv", "emobox", "kaldi", "lhotse", "audformat", NULL};

static int read_tsv(struct ser_table *t, const char *path, struct ser_err *e)
{
	bool in = strcmp(path, "-") == 0;
	FILE *f = in ? stdin : fopen(path, "rb");
	if (f == NULL)
		return ser_fail(e, SER_EIO, "%s: cannot open: %s", path, strerror(errno));
	int rc = ser_table_read(t, f, in ? "<stdin>" : path, NULL, e);
	if (!in)
		fclose(f);
	return rc;
}

/* What the readers are told. */
struct how {
	bool allow_pipes;
	const char *const *columns; /* as ser_csv_read() has them */
	struct ser_strs corpora;    /* of the files, if any */
};

static int read_one(enum format from, struct ser_table *t, char *file, const struct how *h, struct ser_buf *notes,
		    struct ser_err *e)
{
	switch (from) {
	case TSV:
		return read_tsv(t, file, e);
	case CSV:
		return ser_csv_read(t, file, h->columns, e);
	case EMOBOX:
		return ser_emobox_read(t, file, e);
	case KALDI:
		return ser_kaldi_read(t, file, h->allow_pipes, notes, e);
	case LHOTSE:
		return ser_lhotse_read(t, &file, 1, h->allow_pipes, notes, e);
	case AUDFORMAT:
		return ser_audformat_read(t, file, e);
	}
	return 0;
}

/* Speakers of a file that were in one before. */
static void count_shared(const struct ser_table *t, struct ser_map *before, struct ser_map *shared)
{
	ptrdiff_t c = ser_table_col(t, "spk");
	struct ser_map *here = ser_map_new();
	for (size_t i = 0; c >= 0 && i < t->n_row; i++) {
		const char *s = t->col[c].cell[i];
		if (s[0] != '\0' && ser_map_find(before, s, strlen(s)) >= 0)
			ser_map_add(shared, s, strlen(s), NULL);
		ser_map_add(here, s, strlen(s), NULL);
	}
	for (size_t i = 0; i < ser_map_len(here); i++)
		ser_map_add(before, ser_map_key(here, i, NULL), strlen(ser_map_key(here, i, NULL)), NULL);
	ser_map_free(here);
}

/* All files, one after another; lhotse's belong together. */
static int read_from(enum format from, struct ser_table *t, char *const *file, int n, const struct how *h,
		     struct ser_buf *notes, struct ser_err *e)
{
	int rc = 0;
	if (from == LHOTSE)
		return ser_lhotse_read(t, file, n, h->allow_pipes, notes, e);
	struct ser_map *speakers = ser_map_new(), *shared = ser_map_new();
	for (int i = 0; i < n && rc == 0; i++) {
		struct ser_table one = {0};
		rc = read_one(from, &one, file[i], h, notes, e);
		if (rc == 0 && h->corpora.n > 0)
			ser_table_fill(&one, "corpus", h->corpora.s[i]);
		if (rc == 0) {
			count_shared(&one, speakers, shared);
			ser_table_append(t, &one);
		}
		ser_table_free(&one);
	}
	if (rc == 0 && n > 1 && !ser_table_name_apart(t) && ser_map_len(shared) > 0)
		ser_buf_printf(notes,
			       "%zu speaker%s, such as \"%.60s\", %s in several of the files and taken for the same "
			       "people: --corpus keeps them apart\n",
			       ser_map_len(shared), ser_s(ser_map_len(shared)), ser_map_key(shared, 0, NULL),
			       ser_plural(ser_map_len(shared), "is", "are"));
	ser_map_free(speakers);
	ser_map_free(shared);
	return rc;
}

static int write_to(enum format to, struct ser_table *t, const char *out, bool gz, struct ser_err *e)
{
	if (to == KALDI)
		return ser_kaldi_write(t, out, e);
	if (to == LHOTSE)
		return ser_lhotse_write(t, out, gz, e);
	struct ser_outfile o = {0};
	bool file = out != NULL && strcmp(out, "-") != 0;
	int rc = file ? ser_outfile_open(&o, out, e) : 0;
	if (rc != 0)
		return rc;
	FILE *f = file ? o.f : stdout;
	rc = to == TSV      ? ser_table_write(t, f, e)
	     : to == CSV    ? ser_csv_write(t, f, e)
	     : to == EMOBOX ? ser_emobox_write(t, f, e)
			    : ser_audformat_write(t, f, e);
	if (file && rc == 0)
		return ser_outfile_commit(&o, e);
	if (file)
		ser_outfile_abort(&o);
	return rc;
}

/* Look into the files: sample_rate, num_samples and dur of each. */
static void probe(struct ser_cli *c, struct ser_table *t, const struct ser_root *root, struct ser_err *e)
{
	const size_t rate = ser_table_add_col(t, "sample_rate"), num = ser_table_add_col(t, "num_samples");
	const size_t dur = ser_table_add_col(t, "dur");
	struct ser_audio_opt o;
	ser_audio_opt_init(&o);
	o.rate_hz = 0;
	for (size_t i = 0; i < t->n_row; i++) {
		struct ser_buf b = {0};
		struct ser_audio *a;
		if (ser_root_path(root, ser_table_get(t, i, "path"), &b, e) != 0) {
			ser_fail_in(e, "\"%s\"", ser_table_get(t, i, "id"));
			ser_cli_die(c, e);
		}
		if (ser_audio_open(&a, b.s, &o, e) != 0)
			ser_cli_die(c, e);
		int64_t n = ser_audio_info(a)->n_frame;
		static float x[1 << 14];
		if (n < 0) { /* its header does not say */
			ptrdiff_t got;
			for (n = 0; (got = ser_audio_read(a, x, 1 << 14, e)) > 0; n += got)
				;
			if (got < 0)
				ser_cli_die(c, e);
		}
		int hz = ser_audio_info(a)->rate_hz;
		char s[40];
		ser_table_set(t, i, rate, s, (size_t)snprintf(s, sizeof s, "%d", hz));
		ser_table_set(t, i, num, s, (size_t)snprintf(s, sizeof s, "%lld", (long long)n));
		snprintf(s, sizeof s, "%.9f", (double)n / hz);
		double d = 0;
		ser_parse_real(s, 0, 1e9, &d, NULL);
		ser_format_real(d, s);
		ser_table_set(t, i, dur, s, strlen(s));
		ser_audio_free(a);
		ser_buf_free(&b);
		ser_cli_progress(c, "looking", i + 1, t->n_row);
	}
}

/* Of NAME=COLUMN, a copy of our own, the column; NAME is cut off before it. */
static char *column_of(struct ser_cli *c, const char *option, const char *name, const char *given)
{
	char *to = strchr((char *)given, '=');
	if (to == NULL || to == given || to[1] == '\0')
		ser_cli_usage(c, "--%s: expected %s=COLUMN,..., found \"%s\"", option, name, given);
	*to++ = '\0';
	return to;
}

/* Of --columns the pairs that ser_csv_read() takes, to be freed. */
static const char **renamed(struct ser_cli *c, const struct ser_strs *names)
{
	const char **pair = ser_calloc(2 * names->n + 1, sizeof *pair);
	for (size_t i = 0; i < names->n; i++) {
		pair[2 * i] = column_of(c, "columns", "NAME", names->s[i]);
		pair[2 * i + 1] = names->s[i];
	}
	return pair;
}

/* Of "id=FileName,anger=A,fear=F" the columns, of whom *names then keeps the words; the id's is "id" where nothing else is said. */
static struct ser_votes_columns named(struct ser_cli *c, struct ser_strs *names, const char **emotion, const char **col)
{
	struct ser_votes_columns v = {.id = "id", .name = col, .emotion = emotion};
	for (size_t i = 0; i < names->n; i++) {
		const char *to = column_of(c, "vote-columns", "EMOTION", names->s[i]);
		if (strcmp(names->s[i], "id") == 0) {
			v.id = to;
			continue;
		}
		for (size_t k = 0; k < v.n; k++)
			if (strcmp(emotion[k], names->s[i]) == 0)
				ser_cli_usage(c, "--vote-columns: \"%s\" is there twice", emotion[k]);
		emotion[v.n] = names->s[i];
		col[v.n++] = to;
	}
	if (v.n < 2)
		ser_cli_usage(c, "--vote-columns: at least 2 emotions are needed");
	return v;
}

static void votes(struct ser_cli *c, struct ser_table *t, const char *file, int modality, const char *columns,
		  struct ser_err *e)
{
	char *text;
	size_t n, n_without;
	struct ser_strs names = ser_cli_names(c, "vote-columns", columns);
	const char *emotion[SER_MANIFEST_MAX_COL], *col[SER_MANIFEST_MAX_COL];
	if (names.n > SER_MANIFEST_MAX_COL)
		ser_cli_usage(c, "--vote-columns: at most %d", SER_MANIFEST_MAX_COL);
	struct ser_votes_columns from =
		columns != NULL ? named(c, &names, emotion, col) : ser_votes_cremad(modality + 1);
	if (ser_read_file(file, (size_t)1 << 30, &text, &n, e) != 0 || ser_lines_whole(text, n, file, e) != 0)
		ser_cli_die(c, e);
	if (ser_votes_add(t, text, n, &from, &n_without, e) != 0)
		ser_cli_die(c, e);
	free(text);
	ser_cli_names_free(&names);
	if (n_without > 0)
		ser_cli_warn(c, "%zu of %zu utterance%s have no votes in %s", n_without, t->n_row, ser_s(t->n_row),
			     file);
}

static void say_oddities(const struct ser_cli *c, const struct ser_table *t)
{
	struct ser_buf notes = {0};
	ser_table_oddities(t, &notes);
	for (char *save = NULL, *l = notes.n > 0 ? strtok_r(notes.s, "\n", &save) : NULL; l != NULL;
	     l = strtok_r(NULL, "\n", &save))
		ser_cli_warn(c, "%s", l);
	ser_buf_free(&notes);
}

int main(int argc, char **argv)
{
	static const char *const modalities[] = {"voice", "face", "both", NULL};
	static const char *const labels[] = {"none", "plurality", "multi-hot", "distribution", NULL};
	int from = TSV, to = TSV, modality = 0, label = 0;
	bool allow_pipes = false, gz = false, look = false;
	const char *vote_file = NULL, *vote_columns = NULL, *utt_prefix = NULL, *spk_prefix = NULL, *corpora = NULL,
		   *columns = NULL;
	struct ser_root root = {0};
	double threshold = 0;
	const struct ser_option opts[] = {
		{"from", "what is read", SER_OPT_CHOICE(&from, "FORMAT", formats)},
		{"to", "what is written", SER_OPT_CHOICE(&to, "FORMAT", formats)},
		{"columns", "csv: what columns are called there, NAME=COLUMN parted by commas: path=wav,id=ID",
		 SER_OPT_STR(&columns, "NAMES")},
		{"gz", "write lhotse's files gzipped", SER_OPT_FLAG(&gz)},
		{"allow-pipes", "take commands (\"cmd |\") for paths as they are; nothing runs them here",
		 SER_OPT_FLAG(&allow_pipes)},
		{"corpus", "the files' corpora, parted by commas: a column, and what ids and speakers begin with",
		 SER_OPT_STR(&corpora, "NAMES")},
		{"utt-prefix", "put this before every id, and every recording's id", SER_OPT_STR(&utt_prefix, "TEXT")},
		{"spk-prefix", "put this before every speaker", SER_OPT_STR(&spk_prefix, "TEXT")},
		{"probe", "look into the audio files: columns sample_rate, num_samples, dur", SER_OPT_FLAG(&look)},
		{"root", "where --probe finds relative paths", SER_OPT_STR(&root.dir, "DIR")},
		{"allow-absolute",
		 "let the paths that --probe looks at lead out of the root: absolute, or by way of \"..\"",
		 SER_OPT_FLAG(&root.allow_absolute)},
		{"votes", "add columns vote.X from a table of votes, CREMA-D's tabulatedVotes.csv",
		 SER_OPT_STR(&vote_file, "FILE")},
		{"vote-columns", "of another table: EMOTION=COLUMN,..., and id=COLUMN",
		 SER_OPT_STR(&vote_columns, "NAMES")},
		{"modality", "what the listeners of CREMA-D were given", SER_OPT_CHOICE(&modality, "NAME", modalities)},
		{"label", "labels from the columns vote.X: emo, hot.X or prob.X",
		 SER_OPT_CHOICE(&label, "KIND", labels)},
		{"threshold",
		 "with --label=multi-hot: the share of votes that a label exceeds; 0: one by the number of labels",
		 SER_OPT_REAL(&threshold, "X", 0, 1)},
		{0},
	};
	const struct ser_tool tool = {"ser-manifest", "Turn a manifest into one of another system, and back.",
				      "[FILE]...",    opts,
				      NULL,           SER_CLI_OUT | SER_CLI_READ_ALL | SER_CLI_PROGRESS};
	struct ser_cli c;
	struct ser_err e = {0};
	ser_cli_begin(&c, &tool, argc, argv);
	char *none[] = {"-"};
	char **file = c.n_operand > 0 ? c.operand : none;
	int n = c.n_operand > 0 ? c.n_operand : 1;
	for (int i = 0; i < n; i++)
		if (strcmp(file[i], "-") == 0 && (from == KALDI || isatty(0)))
			ser_cli_usage(&c, from == KALDI ? "a Kaldi data directory has to be named"
							: "no input: standard input is a terminal");
	if ((to == KALDI || to == LHOTSE) && (c.out == NULL || strcmp(c.out, "-") == 0))
		ser_cli_usage(&c, "--to=%s needs -o with a %s", formats[to],
			      to == KALDI ? "directory" : "prefix for its files");
	if (gz && to != LHOTSE)
		ser_cli_usage(&c, "--gz goes with --to=lhotse");
	if ((ser_cli_given(&c, "modality") || vote_columns != NULL) && vote_file == NULL)
		ser_cli_usage(&c, "--%s goes with --votes", vote_columns != NULL ? "vote-columns" : "modality");
	if (ser_cli_given(&c, "modality") && vote_columns != NULL)
		ser_cli_usage(&c, "--modality is of CREMA-D's own columns: not with --vote-columns");
	if (threshold > 0 && label != 1 + SER_VOTES_MULTI_HOT)
		ser_cli_usage(&c, "--threshold goes with --label=multi-hot");
	if ((root.dir != NULL || root.allow_absolute) && !look)
		ser_cli_usage(&c, "--%s goes with --probe", root.dir != NULL ? "root" : "allow-absolute");

	if (columns != NULL && from != CSV)
		ser_cli_usage(&c, "--columns goes with --from=csv, which reads tables parted by tabs, too");
	struct ser_strs names = ser_cli_names(&c, "columns", columns);
	const char **pair = columns != NULL ? renamed(&c, &names) : NULL;
	struct how how = {allow_pipes, pair, ser_cli_names(&c, "corpus", corpora)};
	if (how.corpora.n > 0 && (from == LHOTSE || how.corpora.n != (size_t)n))
		ser_cli_usage(&c, "--corpus wants a name for each file, %d, and has %zu", n, how.corpora.n);
	struct ser_table t = {0};
	struct ser_buf notes = {0};
	int rc = read_from((enum format)from, &t, file, n, &how, &notes, &e);
	for (char *save = NULL, *l = rc == 0 && notes.n > 0 ? strtok_r(notes.s, "\n", &save) : NULL; l != NULL;
	     l = strtok_r(NULL, "\n", &save))
		ser_cli_warn(&c, "%s", l);
	ser_buf_free(&notes);
	if (rc == 0 && utt_prefix != NULL) {
		ser_table_prefix(&t, "id", utt_prefix);
		ser_table_prefix(&t, "recording", utt_prefix);
	}
	if (rc == 0 && spk_prefix != NULL)
		ser_table_prefix(&t, "spk", spk_prefix);
	if (rc == 0 && ser_table_check_ids(&t, &e) != 0)
		rc = n > 1 ? e.code : ser_fail_in(&e, "%s", strcmp(file[0], "-") == 0 ? "<stdin>" : file[0]);
	if (rc != 0)
		ser_cli_die(&c, &e);
	if (vote_file != NULL)
		votes(&c, &t, vote_file, modality, vote_columns, &e);
	size_t n_tie = 0;
	if (label > 0 && ser_votes_label(&t, (enum ser_votes)(label - 1), threshold, &n_tie, &e) != 0)
		ser_cli_die(&c, &e);
	if (n_tie > 0)
		ser_cli_warn(&c, "%zu of %zu utterance%s have two emotions with most votes: their emo is empty", n_tie,
			     t.n_row, ser_s(t.n_row));
	if (look)
		probe(&c, &t, &root, &e);
	say_oddities(&c, &t);
	rc = write_to((enum format)to, &t, c.out, gz, &e);
	ser_table_free(&t);
	ser_cli_names_free(&names);
	ser_cli_names_free(&how.corpora);
	free(pair);
	if (rc != 0)
		ser_cli_die(&c, &e);
	return ser_cli_end(&c);
}
