/* SPDX-License-Identifier: MIT */
/* Between the files of this module only. */
#ifndef SER_CLI_PRIVATE_H
#define SER_CLI_PRIVATE_H

#include "cli/cli.h"

/* The rows of a command line: those of the tool, of its mode and, from n_own on, those that tools share and that cannot change the
 * output. */
enum { SER_CLI_MAX_ROW = 128 };
struct rows {
	struct ser_option opt[SER_CLI_MAX_ROW];
	char negated[SER_CLI_MAX_ROW][64]; /* --no-x for a flag x */
	size_t n, n_own;
};
void ser_cli_collect(struct rows *t, struct ser_cli *c, int mode); /* mode -1: none */
int ser_cli_find_mode(const struct ser_tool *t, const char *s);    /* -1: s, which may be NULL, names none */
/* The row that --name means: its own, or the only one that begins so; NULL when there is none. */
const struct ser_option *ser_cli_find_option(const struct rows *t, const char *name, size_t n);

/* help.c: what the rows say, on standard output. c: as before parsing, so that its options have their defaults. */
void ser_cli_help(struct ser_cli *c, int mode);
void ser_cli_help_part(struct ser_cli *c, int mode, const struct rows *t); /* of a further part behind "+" */
void ser_cli_help_json(struct ser_cli *c, int mode);
/* complete.c: what may stand in place of word[at] on the command line word[0..n) behind the tool's name, a line each: the word, a tab,
 * what it is. A line "/" stands for files, "//" for folders. Of files that the line names, those that are streams are read. */
void ser_cli_complete(struct ser_cli *c, int at, int n, char *const *word);

/* streams.c: ser_in_files(), records in parts handed out as such where they are asked for; and ser_in_next() from any one thread, whose
 * failure is <0 with *e. */
struct ser_in *ser_cli_in_files(struct ser_cli *c, char *const *name, int n, bool in_parts);
int ser_cli_in_next(struct ser_in *in, struct ser_record *r, bool *segment, struct ser_err *e);

/* The end has come: the header that ser_out_expect() promised. Safe in a signal's handler. */
void ser_cli_leave_cut(void);

/* A line on standard error: "ser-x: msg", the name in the colour of its weight where a terminal shows it. */
enum ser_cli_weight { SER_CLI_INFO, SER_CLI_WARNING, SER_CLI_ERROR };
void ser_cli_tell(const struct ser_cli *c, enum ser_cli_weight w, const char *msg);
/* Could the work have been shared? When a run by hand kept one processor busy for half a minute and nobody chose --threads. */
bool ser_cli_alone(const struct ser_cli *c, double cpu_s, int n_cpu);

/* The status when data or I/O failed: 1, or 2 where 1 has a meaning of its own. */
int ser_cli_trouble(const struct ser_tool *t);

/* The command line in one canonical form, for the provenance: mode, options in the table's order, operands. */
void ser_cli_prov_args(const struct ser_cli *c, struct ser_arena *a, struct ser_strs *out);

/* From here on: read these files and what is below these folders, or everything; write where these names, or patterns with %, put
 * their files, and in the folder `tmp`, unless NULL; start no program, open no socket. What the kernel cannot do is left out in silence. */
void ser_confine(const struct ser_strs *read, const struct ser_strs *write, bool read_all, const char *tmp);
void ser_confine_describe(struct ser_buf *b); /* which of the two the kernel has */

#endif
