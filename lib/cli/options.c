/* SPDX-License-Identifier: MIT */
#include "cli/private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the tables of a tool: its own rows, its mode's, and the shared ones ---- */

#define COMPLETE "--help=complete" /* N WORD...: a shell asks */

static bool help_wanted, json_wanted, version_wanted;
static int trouble = SER_EXIT_FAIL; /* what out_of_memory() exits with */

static void add_rows(struct rows *t, const struct ser_option *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		ser_assert(t->n < SER_CLI_MAX_ROW);
		snprintf(t->negated[t->n], sizeof t->negated[0], "no-%s", o->name);
		t->opt[t->n++] = *o;
	}
}

/* What cannot change the output; behind the tool's own rows, or a part's. */
static void add_shared(struct rows *t, struct ser_cli *c)
{
	const struct ser_tool *tool = c->tool;
	t->n_own = t->n;
	if (tool->common & SER_CLI_OUT)
		add_rows(t, (struct ser_option[]){{"output",
						   "write here instead of standard output; the file appears when whole",
						   SER_OPT_STR(&c->out, "FILE"), .letter = 'o',
						   .flags = SER_OPTION_SILENT | SER_OPTION_WRITE},
						  {0}});
	if (tool->common & SER_CLI_THREADS)
		add_rows(t, (struct ser_option[]){{"threads", "threads; the output is the same bytes for any number",
						   SER_OPT_INT(&c->n_thread, "N", 1, 1024), .letter = 't',
						   .flags = SER_OPTION_SILENT},
						  {0}});
	if (tool->common & SER_CLI_KEEP)
		add_rows(t, (struct ser_option[]){{"keep-going", "skip what fails, list it at the end, exit 1",
						   SER_OPT_FLAG(&c->keep_going), .letter = 'k',
						   .flags = SER_OPTION_SILENT},
						  {0}});
	if (tool->common & SER_CLI_IN)
		add_rows(t,
			 (struct ser_option[]){{"max-record", "refuse records larger than this",
						SER_OPT_SIZE(&c->max_record, "SIZE", 1, 0), .flags = SER_OPTION_SILENT},
					       {0}});
	if (tool->common & SER_CLI_PROGRESS)
		add_rows(t, (struct ser_option[]){{"progress", "show progress even when standard error is no terminal",
						   SER_OPT_FLAG(&c->progress), .flags = SER_OPTION_SILENT},
						  {0}});
	add_rows(t, (struct ser_option[]){{"quiet", "no warnings, no progress", SER_OPT_FLAG(&c->quiet), .letter = 'q',
					   .flags = SER_OPTION_SILENT},
					  {"verbose", "say more on standard error", SER_OPT_FLAG(NULL), .letter = 'v',
					   .flags = SER_OPTION_SILENT},
					  {"help", "print this help; --help=json: for programs",
					   SER_OPT_FLAG(&help_wanted), .letter = 'h', .flags = SER_OPTION_SILENT},
					  {"version", "print the version", SER_OPT_FLAG(&version_wanted), .letter = 'V',
					   .flags = SER_OPTION_SILENT},
					  {0}});
}

void ser_cli_collect(struct rows *t, struct ser_cli *c, int mode)
{
	const struct ser_tool *tool = c->tool;
	t->n = 0;
	add_rows(t, tool->opts);
	if (tool->modes != NULL && mode >= 0)
		add_rows(t, tool->modes[mode].opts);
	if (tool->common & SER_CLI_FOLLOW)
		add_rows(t, (struct ser_option[]){
				    {"every", "a record every S seconds of each sound, as it comes in; 0: one a sound",
				     SER_OPT_SECONDS(&c->every_s, "S", 0, 3600)},
				    {"window", "with --every: of the last S seconds",
				     SER_OPT_SECONDS(&c->window_s, "S", 1e-3, 3600)},
				    {0}});
	if (tool->common & SER_CLI_DROP)
		add_rows(t, (struct ser_option[]){{"drop", "leave this field out of the output, such as the features",
						   SER_OPT_LIST(&c->drop, "NAME")},
						  {0}});
	add_shared(t, c);
}

/* ---- parsing ---- */

static void out_of_memory(size_t n)
{
	fprintf(stderr, "%s: out of memory (%zu bytes wanted)\n", program_invocation_short_name, n);
	ser_outfile_abort_all();
	ser_cli_leave_cut();
	_exit(trouble);
}

/* For libraries that would go on with half of what they were given: jansson drops what there is no room for. */
static void *take_memory(size_t n)
{
	return ser_malloc(n, 1);
}

static void stop_signal(int sig)
{
	ser_outfile_abort_all();
	ser_cli_leave_cut();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Does a word look like --output? So that what cannot be parsed leaves nothing on a standard output that was not to be a stream. */
static bool names_output(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strncmp(argv[i], "--o", 3) == 0 ||
		    (argv[i][0] == '-' && argv[i][1] != '-' && strchr(argv[i], 'o') != NULL))
			return true;
	return false;
}

/* An output file opened as descriptor 1 would get what is meant for the pipe. */
static void check_descriptors(const char *tool)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (fd == 1) {
			fprintf(stderr, "%s: <stdout>: is closed\n", tool);
			_exit(trouble);
		}
		if (open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
			_exit(trouble);
	}
}

int ser_cli_find_mode(const struct ser_tool *t, const char *s)
{
	for (int i = 0; t->modes[i].name != NULL; i++)
		if (s != NULL && strcmp(t->modes[i].name, s) == 0)
			return i;
	return -1;
}

const struct ser_option *ser_cli_find_option(const struct rows *t, const char *name, size_t n)
{
	const struct ser_option *found = NULL;
	for (size_t i = 0; i < t->n; i++) {
		if (strncmp(t->opt[i].name, name, n) != 0)
			continue;
		if (t->opt[i].name[n] == '\0')
			return &t->opt[i];
		if (found != NULL) /* it may be any of several */
			return NULL;
		found = &t->opt[i];
	}
	return found;
}

static void add_name(struct ser_strs *l, const char *s)
{
	if (s == NULL || strcmp(s, "-") == 0)
		return;
	l->s = ser_realloc(l->s, l->n + 1, sizeof *l->s);
	l->s[l->n++] = s;
}

void ser_cli_confine(const struct ser_cli *c)
{
	struct ser_strs in = {0}, out = {0};
	struct rows t;
	struct ser_cli scratch = *c;
	ser_cli_collect(&t, &scratch, c->mode);
	for (size_t i = 0; i < t.n; i++) {
		const struct ser_option *o = &t.opt[i];
		bool str = o->type == SER_OPTION_STR, write = o->flags & SER_OPTION_WRITE;
		const struct ser_strs *l = o->type == SER_OPTION_LIST ? o->var : NULL;
		for (size_t k = 0; l != NULL && k < l->n; k++)
			add_name(&in, l->s[k]);
		if (str)
			add_name(&in, *(const char **)o->var);
		if (str && write)
			add_name(&out, *(const char **)o->var);
	}
	for (int i = 0; i < c->n_operand; i++) {
		const char *named = strchr(c->operand[i], '='); /* NAME=FILE */
		add_name(&in, c->operand[i]);
		add_name(&in, named != NULL ? named + 1 : NULL);
	}
	for (size_t i = 0; i < c->files.n; i++)
		add_name(&in, c->files.s[i]);
	ser_confine(&in, &out, c->tool->common & SER_CLI_READ_ALL, ser_tmpdir_private());
	free(in.s);
	free(out.s);
}

/* What is in the files that options name, before anything else reads them. */
static void sum_files(struct ser_cli *c, const struct rows *t, const bool *given)
{
	for (size_t i = 0; i < t->n_own; i++) {
		const struct ser_option *o = &t->opt[i];
		char sum[40];
		struct ser_err e;
		if ((o->flags & SER_OPTION_READ) == 0 || !given[i])
			continue;
		int rc = ser_cksum(*(const char **)o->var, sum, &e);
		if (rc < 0)
			ser_cli_die(c, &e);
		if (rc == 0)
			continue;
		c->sums.s = ser_realloc(c->sums.s, c->sums.n + 2, sizeof *c->sums.s);
		c->sums.s[c->sums.n++] = o->name;
		c->sums.s[c->sums.n++] = ser_strdup(sum);
	}
}

/* How many letters of the shorter are the other's, from the front. */
static size_t alike(const char *a, const char *b)
{
	size_t n = 0;
	while (a[n] != '\0' && a[n] == b[n])
		n++;
	return n;
}

static bool has_row(const struct ser_option *rows, const char *name)
{
	while (rows != NULL && rows->name != NULL && strcmp(rows->name, name) != 0)
		rows++;
	return rows != NULL && rows->name != NULL;
}

/* An option that begins several names, or none: with those names, or those that are most like it. */
static _Noreturn void unknown_option(const struct ser_cli *c, const struct rows *t, const char *arg)
{
	const char *name = strncmp(arg, "--", 2) == 0 ? arg + 2 : arg;
	size_t len = strcspn(name, "="), best = 3, n = 0;
	char *given = ser_strndup(name, len);
	struct ser_buf b = {0};
	if (has_row(c->tool->opts, given) || (c->mode >= 0 && has_row(c->tool->modes[c->mode].opts, given)))
		ser_cli_usage(c, "option --%s is of the whole or of its first part: it stands before \"+\"", given);
	for (size_t i = 0; i < t->n; i++)
		best = alike(given, t->opt[i].name) > best ? alike(given, t->opt[i].name) : best;
	for (size_t i = 0; i < t->n && n < 6; i++)
		if (alike(given, t->opt[i].name) >= (best < len ? best : len))
			ser_buf_printf(&b, "%s--%s", n++ > 0 ? ", " : "", t->opt[i].name);
	if (best >= len && n > 1)
		ser_cli_usage(c, "option --%s is ambiguous: %s", given, b.s);
	ser_cli_usage(c, n > 0 ? "unknown option --%s; there is %s" : "unknown option --%s", given, b.s);
}

/* Set what argv[1..argc) gives, up to the operands, which are the last of it then. */
static void parse(struct ser_cli *c, const struct rows *t, bool *given, int argc, char **argv)
{
	struct option longs[2 * SER_CLI_MAX_ROW + 1];
	char letters[2 * SER_CLI_MAX_ROW + 2] = ":";
	size_t n_long = 0;
	for (size_t i = 0; i < t->n; i++) {
		bool flag = t->opt[i].type == SER_OPTION_FLAG;
		longs[n_long++] = (struct option){t->opt[i].name, flag ? optional_argument : required_argument, NULL,
						  1000 + (int)i};
		if (flag)
			longs[n_long++] = (struct option){t->negated[i], no_argument, NULL, 2000 + (int)i};
		if (t->opt[i].letter != 0) {
			size_t at = strlen(letters);
			letters[at] = t->opt[i].letter;
			letters[at + 1] = flag ? '\0' : ':';
			letters[at + 2] = '\0';
		}
	}
	longs[n_long] = (struct option){0};
	opterr = 0;
	optind = 1;
	for (int k; (k = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
		if (k == ':')
			ser_cli_usage(c, "option %s needs a value", argv[optind - 1]);
		if (k == '?') {
			if (optopt >= 1000)
				ser_cli_usage(c, "option --%s takes no value", t->opt[(size_t)optopt % 1000].name);
			if (optopt > 0 && optopt < 256 && strncmp(argv[optind - 1], "--", 2) != 0)
				ser_cli_usage(c,
					      isdigit(optopt) && strchr(letters, 'n') != NULL
						      ? "unknown option -%c; numbers stand behind -n"
						      : "unknown option -%c",
					      optopt);
			unknown_option(c, t, argv[optind - 1]);
		}
		size_t i = 0;
		if (k >= 1000)
			i = (size_t)k % 1000;
		else
			while (t->opt[i].letter != (char)k)
				i++;
		struct ser_err e;
		if (t->opt[i].var == &help_wanted && optarg != NULL && strcmp(optarg, "json") == 0) {
			help_wanted = json_wanted = true;
			continue;
		}
		if (ser_option_set(&t->opt[i], NULL, k >= 2000 ? "false" : optarg, &e) != 0)
			ser_cli_usage(c, "--%s: %s", t->opt[i].name, e.msg);
		given[i] = true;
		if (strcmp(t->opt[i].name, "verbose") == 0)
			c->verbose++;
	}
	bool run = !help_wanted && !version_wanted;
	if (run && c->tool->modes != NULL && c->mode < 0)
		ser_cli_usage(c, "no mode given");
	for (size_t i = 0; i < t->n && run; i++)
		if ((t->opt[i].flags & SER_OPTION_NEEDED) && !given[i])
			ser_cli_usage(c, "option --%s is needed", t->opt[i].name);
	c->operand = argv + optind;
	c->n_operand = argc - optind;
	if (c->rest != NULL && c->n_operand > 0)
		ser_cli_usage(c, "\"%s\" before \"+\": operands stand behind the last part", c->operand[0]);
}

/* Of argv, what is before the first "+"; c->rest is what is behind it. */
static int until_plus(struct ser_cli *c, int argc, char **argv)
{
	c->rest = NULL;
	for (int i = 0; i < argc && c->tool->common & SER_CLI_CHAIN; i++)
		if (strcmp(argv[i], "+") == 0) {
			c->rest = argv + i + 1;
			return i;
		}
	return argc;
}

const char *ser_cli_mode_word(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], COMPLETE) != 0)
		return argc > 1 ? argv[1] : NULL;
	int64_t at = argc > 2 && ser_parse_int(argv[2], 0, argc - 3, &at, NULL) == 0 ? at : 0;
	int first = 3; /* of the part at the cursor */
	for (int i = first; i < argc && i < 3 + at; i++)
		if (strcmp(argv[i], "+") == 0)
			first = i + 1;
	return first < argc ? argv[first] : NULL;
}

void ser_cli_begin(struct ser_cli *c, const struct ser_tool *tool, int argc, char **argv)
{
	*c = (struct ser_cli){.tool = tool, .mode = -1, .n_thread = 1, .max_record = SER_MAX_RECORD, .window_s = 3};
	trouble = ser_cli_trouble(tool);
	check_descriptors(tool->name);
	ser_oom_set(out_of_memory);
	json_set_alloc_funcs(take_memory, free);
	static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXCPU, SIGXFSZ};
	for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
		if (signal(stops[i], stop_signal) == SIG_IGN)
			signal(stops[i], SIG_IGN); /* as the parent has it: nohup */

	if (argc > 2 && strcmp(argv[1], COMPLETE) == 0) {
		int64_t at;
		struct ser_err e;
		if (ser_parse_int(argv[2], 0, argc - 3, &at, &e) != 0)
			ser_cli_usage(c, COMPLETE ": %s", e.msg);
		ser_cli_complete(c, (int)at, argc - 3, argv + 3);
		exit(ser_cli_end(c));
	}
	ser_out_expect(c, tool->common & SER_CLI_STREAM && !names_output(argc, argv));
	bool mode_first = tool->modes != NULL;
	if (mode_first && argc > 1 && argv[1][0] != '-') {
		c->mode = ser_cli_find_mode(tool, argv[1]);
		if (c->mode < 0) {
			struct ser_buf b = {0};
			for (const struct ser_mode *m = tool->modes; m->name != NULL; m++)
				ser_buf_printf(&b, "%s%s", m == tool->modes ? "" : ", ", m->name);
			ser_cli_usage(c, "\"%s\" is none of the modes %s", argv[1], b.s);
		}
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	argc = until_plus(c, argc, argv);
	struct rows t;
	ser_cli_collect(&t, c, c->mode);
	c->given = ser_calloc(t.n, sizeof *c->given);

	parse(c, &t, c->given, argc, argv);
	ser_out_expect(c, tool->common & SER_CLI_STREAM && !help_wanted && !version_wanted);
	if (help_wanted || version_wanted) {
		if (help_wanted) {
			struct ser_cli fresh = *c; /* show the shared options' defaults, not what was just parsed */
			fresh.n_thread = 1;
			fresh.every_s = 0;
			fresh.window_s = 3;
			fresh.quiet = fresh.keep_going = fresh.progress = help_wanted = version_wanted = false;
			(json_wanted ? ser_cli_help_json : ser_cli_help)(&fresh, c->mode);
		} else {
			printf("%s (ser) %s\n", tool->name, SER_VERSION);
		}
		exit(ser_cli_end(c));
	}
	const char *operands =
		mode_first && tool->modes[c->mode].operands != NULL ? tool->modes[c->mode].operands : tool->operands;
	if (*operands == '\0' && c->n_operand > 0)
		ser_cli_usage(c, "unexpected operand \"%s\"", c->operand[0]);
	sum_files(c, &t, c->given);
	if (!(tool->common & SER_CLI_LOOSE))
		ser_cli_confine(c);
}

bool ser_cli_given(const struct ser_cli *c, const char *name)
{
	struct rows t;
	struct ser_cli scratch = *c;
	ser_cli_collect(&t, &scratch, c->mode);
	for (size_t i = 0; i < t.n; i++)
		if (strcmp(t.opt[i].name, name) == 0)
			return c->given[i];
	ser_assert(!"an option of this tool");
	return false;
}

struct ser_strs ser_cli_names(const struct ser_cli *c, const char *option, const char *value)
{
	struct ser_strs l = {0};
	for (const char *s = value; s != NULL;) {
		size_t n = strcspn(s, ",");
		if (n == 0)
			ser_cli_usage(c, "--%s: \"%s\" has an empty name", option, value);
		l.s = ser_realloc(l.s, l.n + 1, sizeof *l.s);
		l.s[l.n++] = ser_strndup(s, n);
		for (size_t i = 0; i + 1 < l.n; i++)
			if (strcmp(l.s[i], l.s[l.n - 1]) == 0)
				ser_cli_usage(c, "--%s: \"%s\" is there twice", option, l.s[i]);
		s = s[n] == ',' ? s + n + 1 : NULL;
	}
	return l;
}

void ser_cli_names_free(struct ser_strs *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((char *)l->s[i]);
	free(l->s);
	*l = (struct ser_strs){0};
}

void ser_cli_prov(struct ser_cli *c, const char *arg)
{
	c->prov.s = ser_realloc(c->prov.s, c->prov.n + 1, sizeof *c->prov.s);
	c->prov.s[c->prov.n++] = arg;
}

/* --x=y of an option into s[*n ..], from the arena; a list gives several. */
static void prov_option(const struct ser_option *o, struct ser_arena *a, const char **s, size_t *n)
{
	struct ser_buf b = {0};
	const struct ser_strs *l = o->type == SER_OPTION_LIST ? o->var : NULL;
	for (size_t k = 0; k < (l != NULL ? l->n : 1); k++) {
		b.n = 0;
		ser_buf_printf(&b, "--%s=", o->name);
		if (l != NULL)
			ser_buf_str(&b, l->s[k]);
		else
			ser_option_text(o, NULL, &b);
		s[(*n)++] = ser_arena_strndup(a, b.s, b.n);
	}
	ser_buf_free(&b);
}

/* The options of rows in the table's order. */
static void prov_rows(const struct rows *t, const bool *given, struct ser_arena *a, struct ser_strs *out)
{
	size_t cap = t->n_own;
	for (size_t i = 0; i < t->n_own; i++)
		if (t->opt[i].type == SER_OPTION_LIST)
			cap += ((struct ser_strs *)t->opt[i].var)->n;
	out->s = ser_arena_calloc(a, cap, sizeof *out->s);
	out->n = 0;
	for (size_t i = 0; i < t->n_own; i++) {
		const struct ser_option *o = &t->opt[i];
		if (!(o->flags & SER_OPTION_SILENT) && (given[i] || (o->flags & SER_OPTION_ALWAYS)))
			prov_option(o, a, out->s, &out->n);
	}
}

/* The command line in one canonical form: mode, options in the table's order, further parts, operands that matter. */
void ser_cli_prov_args(const struct ser_cli *c, struct ser_arena *a, struct ser_strs *out)
{
	struct rows t;
	struct ser_cli scratch = *c;
	struct ser_strs own;
	ser_cli_collect(&t, &scratch, c->mode);
	prov_rows(&t, c->given, a, &own);
	const struct ser_strs mode = {(const char *[]){c->mode >= 0 ? c->tool->modes[c->mode].name : ""}, c->mode >= 0},
			      *all[] = {&mode, &own, &c->parts, &c->prov};
	const char **s = ser_arena_calloc(a, 1 + own.n + c->parts.n + c->prov.n, sizeof *s);
	size_t n = 0;
	for (size_t k = 0; k < sizeof all / sizeof *all; k++)
		for (size_t i = 0; i < all[k]->n; i++)
			s[n++] = all[k]->s[i];
	for (size_t i = 0; i < n; i++) /* a header that no reader would take is not written */
		if (!ser_utf8_ok(s[i], strlen(s[i])))
			ser_cli_usage(c, "\"%s\" is not UTF-8 text, which a stream's provenance is", s[i]);
	*out = (struct ser_strs){s, n};
}

/* ---- parts ---- */

size_t ser_cli_rows(struct ser_option *table, size_t n, size_t cap, const struct ser_option *rows, void *base)
{
	for (; rows->name != NULL; rows++) {
		ser_assert(n + 1 < cap);
		table[n] = *rows;
		if (rows->var == NULL) /* else it has its place */
			table[n].var = rows->at == SIZE_MAX ? NULL : (char *)base + rows->at;
		n++;
	}
	table[n] = (struct ser_option){0};
	return n;
}

/* name=value of each row; of a file what is in it, not what it is called. */
static void rows_text(const struct rows *t, const bool *given, struct ser_buf *b)
{
	for (size_t i = 0; i < t->n_own; i++) {
		const struct ser_option *o = &t->opt[i];
		char sum[40];
		if (o->flags & SER_OPTION_SILENT)
			continue;
		ser_buf_printf(b, " %s=", o->name);
		if ((o->flags & SER_OPTION_READ) == 0)
			ser_option_text(o, NULL, b);
		else if (given[i] && ser_cksum(*(const char **)o->var, sum, NULL) > 0)
			ser_buf_str(b, sum);
	}
}

void ser_cli_text(const struct ser_cli *c, struct ser_buf *b)
{
	struct rows t;
	struct ser_cli scratch = *c;
	ser_cli_collect(&t, &scratch, c->mode);
	ser_buf_str(b, c->mode >= 0 ? c->tool->modes[c->mode].name : "");
	rows_text(&t, c->given, b);
	ser_buf_add(b, c->text.s, c->text.n);
}

int ser_cli_next(struct ser_cli *c)
{
	if (c->rest == NULL)
		return -1;
	int mode = ser_cli_find_mode(c->tool, *c->rest);
	if (mode < 0)
		ser_cli_usage(c, "behind \"+\": %s%s%s, expected a mode", *c->rest != NULL ? "\"" : "",
			      *c->rest != NULL ? *c->rest : "nothing", *c->rest != NULL ? "\"" : "");
	return mode;
}

void ser_cli_part(struct ser_cli *c, int mode, const struct ser_option *rows)
{
	struct rows t = {0};
	struct ser_arena a = {0};
	struct ser_strs args;
	char **argv = c->rest;
	int argc = 0;
	while (argv[argc] != NULL)
		argc++;
	argc = until_plus(c, argc, argv);
	add_rows(&t, rows);
	add_shared(&t, c);
	bool *given = ser_calloc(t.n, sizeof *given);
	parse(c, &t, given, argc, argv);
	if (help_wanted || version_wanted) {
		ser_cli_help_part(c, mode, &t);
		exit(ser_cli_end(c));
	}
	sum_files(c, &t, given);
	prov_rows(&t, given, &a, &args);
	add_name(&c->parts, ser_strdup("+"));
	add_name(&c->parts, ser_strdup(c->tool->modes[mode].name));
	for (size_t i = 0; i < args.n; i++)
		add_name(&c->parts, ser_strdup(args.s[i]));
	for (size_t i = 0; i < t.n_own; i++)
		if (t.opt[i].flags & SER_OPTION_READ)
			add_name(&c->files, *(const char **)t.opt[i].var);
	ser_buf_printf(&c->text, " + %s", c->tool->modes[mode].name);
	rows_text(&t, given, &c->text);
	ser_arena_free(&a);
	free(given);
}

_Noreturn void ser_cli_usage(const struct ser_cli *c, const char *fmt, ...)
{
	char msg[1000];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	struct ser_err e;
	ser_fail(&e, SER_EUSAGE, "%s", msg);
	char line[sizeof e.msg + 100];
	snprintf(line, sizeof line, "%s (see %s%s%s --help)", e.msg, c->tool->name, c->mode >= 0 ? " " : "",
		 c->mode >= 0 ? c->tool->modes[c->mode].name : "");
	ser_cli_tell(c, SER_CLI_ERROR, line);
	ser_cli_leave_cut();
	exit(SER_EXIT_USAGE);
}
