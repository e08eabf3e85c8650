/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "corpus/corpus.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Text up to the first of these characters, or " ("; a dash where there is none */
static int brief(const char **s, const char *ends)
{
	if (*s == NULL)
		*s = "-";
	const char *end = strstr(*s, " (");
	size_t n = strcspn(*s, ends);
	return (int)(end != NULL && (size_t)(end - *s) < n ? (size_t)(end - *s) : n);
}

static void list(void)
{
	const char *name;
	printf("%-24s%8s%9s%8s  %-16s%-22s%s\n", "corpus", "files", "speakers", "hours", "terms", "language", "get");
	for (size_t i = 0; (name = ser_corpus_builtin_name(i)) != NULL; i++) {
		struct ser_corpus *c = ser_corpus_builtin(name, NULL);
		ser_assert(c != NULL);
		const char *files = ser_corpus_total(c, ""), *spk = ser_corpus_total(c, "spk");
		const char *hours = ser_corpus_about(c, "hours", 0), *terms = ser_corpus_about(c, "terms", 0);
		const char *lang = ser_corpus_about(c, "lang", 0), *get = ser_corpus_about(c, "get", 0);
		int n_lang = brief(&lang, ";,"), n_get = brief(&get, ";");
		printf("%-24s%8s%9s%8s  %-16s%-22.*s%.*s\n", name, files != NULL ? files : "-", spk != NULL ? spk : "-",
		       hours != NULL ? hours : "-", terms != NULL ? terms : "-", n_lang, lang, n_get, get);
		ser_corpus_free(c);
	}
}

static void describe(const struct ser_corpus *c)
{
	static const char *const heading[] = {"title", "lang", "hours", "terms", "licence",
					      "cite",  "get",  "trap",  "source"};
	const char *s;
	for (size_t h = 0; h < sizeof heading / sizeof *heading; h++)
		for (size_t i = 0; (s = ser_corpus_about(c, heading[h], i)) != NULL; i++)
			printf("%-10s%s\n", heading[h], s);
	struct ser_buf b = {0};
	ser_corpus_totals(c, &b);
	for (char *save = NULL, *l = b.n > 0 ? strtok_r(b.s, "\n", &save) : NULL; l != NULL;
	     l = strtok_r(NULL, "\n", &save))
		printf("%-10s%s\n", "holds", l);
	b.n = 0;
	ser_corpus_label_sets(c, &b);
	if (b.n > 0)
		printf("%-10s%s\n", "labels", b.s);
	b.n = 0;
	ser_corpus_fold_names(c, &b);
	if (b.n > 0)
		printf("%-10s%s\n", "folds", b.s);
	ser_buf_free(&b);
}

static struct ser_corpus *from_file(const char *path, struct ser_err *e)
{
	char *text;
	size_t n;
	if (ser_read_file(path, 1 << 20, &text, &n, e) != 0)
		return NULL;
	struct ser_corpus *c = ser_corpus_parse(text, n, path, e);
	free(text);
	return c;
}

/* Is it the name of a corpus that is compiled in? */
static bool known(const char *name)
{
	const char *s;
	for (size_t i = 0; (s = ser_corpus_builtin_name(i)) != NULL; i++)
		if (strcmp(s, name) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	bool list_all = false, about = false, strict = false;
	const char *file = NULL, *pattern = NULL, *id = NULL;
	struct ser_corpus_opts o = {0};
	const struct ser_option opts[] = {
		{"list", "a table of the corpora that are known", SER_OPT_FLAG(&list_all)},
		{"describe", "say of CORPUS what it is, its licence, how to cite and to get it, its traps",
		 SER_OPT_FLAG(&about)},
		{"corpus-file", "a description of your own, in place of CORPUS", SER_OPT_STR(&file, "FILE")},
		{"pattern", "file names such as '{spk}/{emo}_{text}', in place of CORPUS",
		 SER_OPT_STR(&pattern, "PATTERN")},
		{"id", "with --pattern: ids such as '{spk}-{file}' instead of names of files",
		 SER_OPT_STR(&id, "TEMPLATE")},
		{"label-set", "labels merged and chosen as the corpus' description says",
		 SER_OPT_STR(&o.label_set, "NAME")},
		{"emo-map", "rename labels", SER_OPT_STR(&o.emo_map, "A=B,...")},
		{"labels", "keep only these labels", SER_OPT_STR(&o.labels, "A,B,...")},
		{"relative", "paths relative to DIR, for --root DIR of what reads the manifest",
		 SER_OPT_FLAG(&o.relative)},
		{"strict", "a total that differs, or a file of unknown name, is an error", SER_OPT_FLAG(&strict)},
		{.known = ser_corpus_builtin_name},
	};
	const struct ser_tool tool = {
		"ser-prep", "Write the manifest of a corpus folder.", "[CORPUS] DIR", opts, NULL, SER_CLI_READ_ALL};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	if (list_all) {
		if (c.n_operand > 0)
			ser_cli_usage(&c, "--list takes no operand; ser-prep --describe %s tells of one corpus",
				      c.operand[0]);
		list();
		return ser_cli_end(&c);
	}
	if (file != NULL && pattern != NULL)
		ser_cli_usage(&c, "--corpus-file and --pattern exclude each other");
	if (id != NULL && pattern == NULL)
		ser_cli_usage(&c, "--id goes with --pattern");
	int named = file == NULL && pattern == NULL;
	if (c.n_operand != named + !about)
		ser_cli_usage(&c, "expected %s%s%s", named ? "CORPUS " : "", about ? "" : "DIR",
			      named ? "; --list names the corpora, --pattern describes files of your own" : "");
	struct ser_err e = {0};
	struct ser_corpus *corpus = file != NULL      ? from_file(file, &e)
				    : pattern != NULL ? ser_corpus_pattern(pattern, id, &e)
						      : ser_corpus_builtin(c.operand[0], &e);
	if (corpus == NULL && file != NULL && access(file, F_OK) != 0 && known(file))
		ser_cli_usage(&c, "--corpus-file %s: there is no such file; the corpus of this name: ser-prep %s DIR",
			      file, file);
	if (corpus == NULL)
		ser_cli_die(&c, &e);
	if (about) {
		describe(corpus);
		ser_corpus_free(corpus);
		return ser_cli_end(&c);
	}
	struct ser_table t = {0};
	struct ser_corpus_report rep;
	int rc = ser_corpus_scan(corpus, c.operand[named], &o, &t, &rep, &e);
	if (rc == 0 && rep.n_off > 0)
		for (char *save = NULL, *l = strtok_r(rep.notes.s, "\n", &save); l != NULL;
		     l = strtok_r(NULL, "\n", &save))
			ser_cli_warn(&c, "%s", l);
	if (rc == 0 && rep.n_off > 0 && strict)
		rc = ser_fail(&e, SER_EDATA, "%s: %zu differences from what the corpus should hold", c.operand[named],
			      rep.n_off);
	struct ser_buf odd = {0};
	if (rc == 0)
		ser_table_oddities(&t, &odd);
	for (char *save = NULL, *l = odd.n > 0 ? strtok_r(odd.s, "\n", &save) : NULL; l != NULL;
	     l = strtok_r(NULL, "\n", &save))
		ser_cli_warn(&c, "%s", l);
	ser_buf_free(&odd);
	if (rc == 0 && named)
		ser_table_fill(&t, "corpus", c.operand[0]);
	if (rc == 0)
		rc = ser_table_write(&t, stdout, &e);
	ser_buf_free(&rep.notes);
	ser_corpus_free(corpus);
	ser_table_free(&t);
	if (rc != 0)
		ser_cli_die(&c, &e);
	return ser_cli_end(&c);
}
