/* SPDX-License-Identifier: MIT */
/* What a shell offers at the cursor. The shells' own part, in completions/, only asks: a tool knows its modes and options, their values,
 * and what the streams on its command line hold. */
#include "cli/private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The word at the cursor and what stands before its end in each candidate: "--label=" of "--label=em", "emo," of "emo,sp". */
struct place {
	const char *before;
	size_t n_before;
	const char *prefix;
};

/* A word that a shell takes as it is, and that ends no line: what a stranger's file says its fields are called is no command. */
static bool plain(const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("\"'`$\\&|;<>()[]{}*?!~#^", *p) != NULL)
			return false;
	return *s != '\0';
}

static void offer(const struct place *at, const char *word, const char *what)
{
	if (plain(word) && strncmp(word, at->prefix, strlen(at->prefix)) == 0)
		printf("%.*s%s\t%s\n", (int)at->n_before, at->before, word, what);
}

/* ---- fields of the streams on the command line ---- */

static void offer_fields(const struct place *at, const char *path)
{
	struct stat st;
	struct ser_err e;
	struct ser_record r = {0};
	int fd = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct ser_reader *rd = fd >= 0 ? ser_reader_new(fd, path, (size_t)64 << 20, &e) : NULL;
	if (rd != NULL && ser_reader_next(rd, &r, NULL, &e) == 1)
		for (size_t i = 0; i < r.n; i++) {
			char *name = ser_strndup(r.field[i].name, r.field[i].name_len), what[128];
			offer(at, name, ser_val_what(&r.field[i].val, what));
			free(name);
		}
	ser_record_free(&r);
	ser_reader_free(rd);
	if (fd >= 0)
		close(fd);
}

/* ---- values ---- */

static bool among(const char *s, const char *const *word)
{
	for (; *word != NULL; word++)
		if (strcmp(s, *word) == 0)
			return true;
	return false;
}

/* Metavariables that stand for a field of a stream, and for words with commas between them. */
static const char *const FIELDS[] = {"NAME", "COLUMN", "NAMES", "[A,]B", NULL}, *const SEVERAL[] = {"NAMES", "[A,]B",
												    "LIST", NULL};

static void complete_value(const struct ser_option *o, struct place at, int n, char *const *word)
{
	const char *arg = o->arg != NULL ? o->arg : "NAME",
		   *comma = among(arg, SEVERAL) ? strrchr(at.prefix, ',') : NULL;
	if (comma != NULL) {
		at.n_before += (size_t)(comma + 1 - at.prefix);
		at.prefix = comma + 1;
	}
	if (o->type == SER_OPTION_FLAG) {
		offer(&at, "true", o->help);
		offer(&at, "false", o->help);
	}
	for (const char *const *s = o->choices; s != NULL && *s != NULL; s++)
		offer(&at, *s, o->name);
	for (size_t i = 0; o->known != NULL && o->known(i) != NULL; i++)
		offer(&at, o->known(i), o->name);
	if (o->choices != NULL || o->known != NULL || (o->type != SER_OPTION_STR && o->type != SER_OPTION_LIST))
		return;
	if (strcmp(arg, "FILE") == 0 || strcmp(arg, "MODEL") == 0)
		puts("/");
	else if (strcmp(arg, "DIR") == 0)
		puts("//");
	else if (among(arg, FIELDS))
		for (int i = 0; i < n; i++)
			offer_fields(&at, word[i]);
}

/* ---- the command line ---- */

/* The option at the end of `word` that takes the next word as its value, NULL: none does. */
static const struct ser_option *waits(const struct rows *t, const char *word)
{
	if (strncmp(word, "--", 2) == 0) {
		const struct ser_option *o =
			strchr(word, '=') == NULL ? ser_cli_find_option(t, word + 2, strlen(word + 2)) : NULL;
		return o != NULL && o->type != SER_OPTION_FLAG ? o : NULL;
	}
	for (const char *s = word[0] == '-' ? word + 1 : ""; *s != '\0'; s++)
		for (size_t i = 0; i < t->n; i++)
			if (t->opt[i].letter == *s && t->opt[i].type != SER_OPTION_FLAG)
				return s[1] == '\0' ? &t->opt[i] : NULL;
	return NULL;
}

static void complete_option(const struct rows *t, const char *word)
{
	const struct place at = {word, 0, word};
	for (size_t i = 0; i < t->n; i++) {
		const struct ser_option *o = &t->opt[i];
		char name[80];
		if (o->help == NULL)
			continue;
		snprintf(name, sizeof name, "--%s", o->name);
		offer(&at, name, o->help);
		snprintf(name, sizeof name, "--%s", t->negated[i]);
		if (o->type == SER_OPTION_FLAG && o->var != NULL && *(const bool *)o->var)
			offer(&at, name, o->help);
	}
}

void ser_cli_complete(struct ser_cli *c, int cursor, int n, char *const *word)
{
	const struct ser_tool *tool = c->tool;
	const char *w = cursor < n ? word[cursor] : "";
	const struct place here = {w, 0, w};
	struct ser_strs read = {0};
	struct rows t;
	int from = 0; /* the words before are of another part, or the mode */
	for (int i = 0; i < cursor && tool->common & SER_CLI_CHAIN; i++)
		if (strcmp(word[i], "+") == 0)
			from = i + 1;
	if (tool->modes != NULL && from == cursor && *w != '-') {
		for (const struct ser_mode *m = tool->modes; m->name != NULL; m++)
			offer(&here, m->name, m->summary);
		return;
	}
	int mode = tool->modes != NULL && from < cursor ? ser_cli_find_mode(tool, word[from]) : -1;
	ser_cli_collect(&t, c, mode);
	for (int i = 0; i < n; i++) {
		read.s = ser_realloc(read.s, read.n + 1, sizeof *read.s);
		read.s[read.n++] = word[i];
	}
	ser_confine(&read, &(struct ser_strs){0}, false, NULL);
	free(read.s);

	const struct ser_option *o = NULL; /* whose value is at the cursor */
	int n_operand = 0;
	bool ended = false; /* by "--" */
	for (int i = from + (mode >= 0); i < cursor; i++) {
		bool value = o != NULL;
		o = value || ended ? NULL : waits(&t, word[i]);
		ended = ended || (!value && strcmp(word[i], "--") == 0);
		n_operand += !value && (ended || word[i][0] != '-');
	}
	const char *eq = strchr(w, '=');
	if (o != NULL) {
		complete_value(o, here, n, word);
	} else if (!ended && strncmp(w, "--", 2) == 0 && eq != NULL) {
		o = ser_cli_find_option(&t, w + 2, (size_t)(eq - w - 2));
		if (o != NULL)
			complete_value(o, (struct place){w, (size_t)(eq + 1 - w), eq + 1}, n, word);
	} else if (!ended && w[0] == '-') {
		complete_option(&t, w);
	} else {
		const struct ser_option *end = mode >= 0 ? tool->modes[mode].opts : tool->opts;
		while (end != NULL && end->name != NULL)
			end++;
		for (size_t i = 0; n_operand == 0 && end != NULL && end->known != NULL && end->known(i) != NULL; i++)
			offer(&here, end->known(i), mode >= 0 ? tool->modes[mode].summary : tool->operands);
		puts("/");
	}
}
