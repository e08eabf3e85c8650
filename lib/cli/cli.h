/* SPDX-License-Identifier: MIT */
/* cli: what every tool's main() shares: the option table, messages and exit statuses, input and output
 * streams, progress. This is the one module that prints and exits. */
#ifndef SER_CLI_H
#define SER_CLI_H

#include "base/base.h"
#include "base/option.h"
#include "stream/stream.h"

/* Exit statuses: 0 done; 1 data or I/O failed; 2 usage; 3 a protocol refused. */
enum { SER_EXIT_OK = 0, SER_EXIT_FAIL = 1, SER_EXIT_USAGE = 2, SER_EXIT_PROTOCOL = 3 };

/* ---- options ------------------------------------------------------------------------------- */

/* Rows of options: base/option.h. */

/* A tool, or one of its modes (ser-score classes): a name, one line, options. */
struct ser_mode {
	const char *name, *summary;
	const struct ser_option *opts; /* as for the tool; may be NULL */
	const char *operands;          /* the same; NULL: the tool's */
};

struct ser_tool {
	const char *name;     /* "ser-norm" */
	const char *summary;  /* one line: what it reads and what it writes */
	const char *operands; /* in the usage line: "[FILE]...", "" for none */
	/* The row that ends them may have .known: words that shells offer as the first operand. */
	const struct ser_option *opts;
	const struct ser_mode *modes; /* NULL, or ends with an all-zero row; then the first argument names one */
	unsigned common;              /* which shared options it takes */
};
enum {
	SER_CLI_THREADS = 1,   /* -t N */
	SER_CLI_KEEP = 2,      /* -k, --keep-going */
	SER_CLI_OUT = 4,       /* -o FILE */
	SER_CLI_IN = 8,        /* --max-record SIZE */
	SER_CLI_PROGRESS = 16, /* --progress */
	SER_CLI_DIFFER = 32,   /* a comparison: status 1 says "differ", so all trouble is 2 */
	SER_CLI_READ_ALL = 64, /* opens files that its command line does not name: those of manifests and indices */
	SER_CLI_LOOSE = 128,   /* is not confined by ser_cli_begin(), but where it calls ser_cli_confine() */
	SER_CLI_DROP = 256,    /* --drop FIELD: left out of what ser_cli_filter() and ser_cli_follow() write */
	SER_CLI_FOLLOW = 512,  /* --every S and --window S, of ser_cli_follow() */
	SER_CLI_CHAIN = 1024,  /* further modes with their options behind arguments "+", see ser_cli_next() */
	SER_CLI_STREAM = 2048, /* without -o, standard output will be a stream: ser_out_expect() from the start */
	SER_CLI_FILTER = 4 | 8 /* reads and writes one stream */
};
/* Every tool has -h --help -V --version -q --quiet -v --verbose. */

struct ser_cli {
	const struct ser_tool *tool;
	int mode; /* index into modes */
	int n_thread;
	bool quiet, keep_going, progress;
	int verbose;
	const char *out; /* -o, or NULL */
	size_t max_record;
	struct ser_strs drop;
	double every_s, window_s;
	char **operand;
	int n_operand;
	bool *given;             /* by row of the tool's table, then of the mode's */
	struct ser_strs prov;    /* operands that belong into the provenance */
	struct ser_strs parts;   /* what ser_cli_part() parsed, as the provenance has it */
	struct ser_strs files;   /* that parts name */
	struct ser_buf text;     /* of parts, see ser_cli_text() */
	char **rest;             /* arguments from the next "+" on, NULL: there is none */
	struct ser_strs sums;    /* checksums of files that options name, name and sum in turn, once they are known */
	struct ser_strs skipped; /* ids that --keep-going passed over */
	uint64_t n_read, n_written, n_skipped;
	char head; /* of standard input, when it is a stream whose first byte was looked at; else 0 */
};

/* Parse the command line; prints help or version and exits when asked to; usage errors exit with 2. Also sees to it that descriptors 0
 * to 2 are open. Call first in main(). */
void ser_cli_begin(struct ser_cli *c, const struct ser_tool *t, int argc, char **argv);
/* Before that: the word that names the mode, for tools whose tables hang on it, also of a line that a shell asks about; NULL: none. */
const char *ser_cli_mode_word(int argc, char **argv);
/* Give up what the tool does not need: it can read what its operands and options name (with SER_CLI_READ_ALL everything), write where
 * its outputs go and in the temporary folder, and neither start a program nor open a socket. ser_cli_begin() has done it, unless the
 * tool is SER_CLI_LOOSE. In builds with sanitizers, and where the kernel cannot, nothing happens. */
void ser_cli_confine(const struct ser_cli *c);
/* Rows, of a library's options those of the struct at `base` (base/option.h), behind the n rows that are in the table already;
 * returns how many there are now. The table has room for `cap`, the all-zero row at its end included. */
size_t ser_cli_rows(struct ser_option *table, size_t n, size_t cap, const struct ser_option *rows, void *base);
/* Of SER_CLI_CHAIN: the mode that the next part "+ MODE [OPTION]..." names, or -1 when there is none; then its options are parsed
 * by rows of the caller's and those that cannot change the output (-o, -t, -v ...). Operands are those of the last part. */
int ser_cli_next(struct ser_cli *c);
void ser_cli_part(struct ser_cli *c, int mode, const struct ser_option *rows);
/* Append every option that can change the output, given or not, with its value, and in place of files their checksums: of equal
 * texts and equal inputs the results are equal. */
void ser_cli_text(const struct ser_cli *c, struct ser_buf *b);
/* Was this option (by long name) on the command line? */
bool ser_cli_given(const struct ser_cli *c, const char *name);
/* The names in an option's comma-separated value, in a list of their own; NULL gives none. An empty or repeated name is a
 * usage error that names the option. */
struct ser_strs ser_cli_names(const struct ser_cli *c, const char *option, const char *value);
void ser_cli_names_free(struct ser_strs *l);
/* An operand or derived text that belongs into the provenance (an expression; never an input's name). */
void ser_cli_prov(struct ser_cli *c, const char *arg);
/* The last act of main: says what was skipped, flushes and closes stdout; returns the exit status. */
int ser_cli_end(struct ser_cli *c);

/* One line on stderr: "ser-x: ...". */
void ser_cli_warn(const struct ser_cli *c, const char *fmt, ...) SER_PRINTF(2, 3); /* not with -q */
void ser_cli_info(const struct ser_cli *c, const char *fmt, ...) SER_PRINTF(2, 3); /* only with -v */
/* Print the error and exit with the status of its code; temporary files go. */
_Noreturn void ser_cli_die(const struct ser_cli *c, const struct ser_err *e);
_Noreturn void ser_cli_fail(const struct ser_cli *c, int code, const char *fmt, ...) SER_PRINTF(3, 4);
_Noreturn void ser_cli_usage(const struct ser_cli *c, const char *fmt, ...) SER_PRINTF(2, 3); /* status 2 */

/* A record failed: dies, or with --keep-going notes the id and returns. */
void ser_cli_skip(struct ser_cli *c, const char *id, const struct ser_err *e);

/* Progress on stderr, with the rate and what is left, at most a few times a second; total 0: unknown. done == total ends the line. */
void ser_cli_progress(struct ser_cli *c, const char *what, uint64_t done, uint64_t total);
/* The same where what is left is told by the bytes of the input's files, when these are regular files. */
struct ser_in;
void ser_cli_progress_in(struct ser_cli *c, const char *what, uint64_t done, const struct ser_in *in);
bool ser_cli_progresses(const struct ser_cli *c); /* is it shown? */
/* Rows of the tables that are the tool's input, read for nothing else; 0: it is not regular files of text, or progress is not shown. */
uint64_t ser_cli_rows_ahead(const struct ser_cli *c);

/* A map of texts: version, libraries, processor, system, what is beside the tools. To be asked before ser_cli_confine(). */
struct ser_val ser_cli_env(struct ser_arena *a);

/* ---- input and output streams ---------------------------------------------------------------- */

/* The operands (none, or "-": standard input) one after another, as one stream of segments. */
struct ser_in *ser_in_open(struct ser_cli *c);
/* Whether the first input is text, as manifests are, and no stream: its first byte says. It is still to be read, standard input's
 * by stdin or by ser_in_open(). False where there is none. */
bool ser_in_is_text(struct ser_cli *c);
/* The same over given names; n == 0: standard input. */
struct ser_in *ser_in_files(struct ser_cli *c, char *const *name, int n);
/* The header of the segment at hand. Dies when the input has none. */
const struct ser_header *ser_in_header(struct ser_in *in);
/* The next record; false at the end. Dies on error. *segment (may be NULL): a header was passed that is unlike the last. */
bool ser_in_next(struct ser_in *in, struct ser_record *r, bool *segment);
/* The same for records of all segments that go out, or are used, under one header h: a copy of the first segment's, it takes in the
 * others', and the record is marked (ser_header_mark()). *turned (may be NULL): a header was taken in. */
bool ser_in_next_merged(struct ser_in *in, struct ser_header *h, struct ser_record *r, bool *turned);
const char *ser_in_name(const struct ser_in *in); /* of the file at hand */
uint64_t ser_in_bytes(const struct ser_in *in);   /* read so far, of all files */
double ser_in_share(const struct ser_in *in);     /* of what there is, 0 to 1; 0: not known */
uint64_t ser_in_segments(const struct ser_in *in);
bool ser_in_waits(const struct ser_in *in); /* the next record would have to be waited for */
void ser_in_close(struct ser_in *in);

/* Standard output will be a stream, or will be none after all: where it will, and is no terminal, whatever ends the tool before the
 * stream's header is out, or between segments, leaves a header without a trailer. So a tool that could not so much as open its input
 * is told from one that was never run, also where outputs of several are put together. ser_out_open() says so, too. */
void ser_out_expect(const struct ser_cli *c, bool will);

/* Standard output or -o FILE, which appears when it is whole. */
struct ser_out;
struct ser_out *ser_out_open(struct ser_cli *c);
struct ser_out *ser_out_file(struct ser_cli *c, const char *path); /* NULL or "-": standard output */
/* Begin a segment with this header, to which the tool appends itself; ends the one before. */
void ser_out_header(struct ser_out *o, const struct ser_header *h);
/* The same without the tool's own entry (only for what merely reframes). */
void ser_out_header_as_is(struct ser_out *o, const struct ser_header *h);
/* Append the tool's own entry to a header's provenance, as ser_out_header does: for outputs that are no streams. */
void ser_cli_prov_header(const struct ser_cli *c, struct ser_header *h);
void ser_out_record(struct ser_out *o, const struct ser_record *r);
void ser_out_flush(struct ser_out *o);
/* Trailer, flush, rename. */
void ser_out_close(struct ser_out *o);

/* The same for what is no stream: standard output, whose failures ser_cli_end() sees, or -o FILE, which appears when it is closed. Die on
 * error. */
FILE *ser_out_text_open(const struct ser_cli *c, struct ser_outfile *o);
void ser_out_text_close(const struct ser_cli *c, struct ser_outfile *o);

/* The usual filter: every record through one function, in order, on -t threads. */
struct ser_filter {
	/* Check and change the header of each segment (may be NULL). Returns 0 or a negative SER_E*. */
	int (*header)(void *ctx, struct ser_header *h, struct ser_err *e);
	/* Change one record. 1: write it; 0: drop it; <0: it failed. `worker` in [0, n_thread). Called concurrently for different records. */
	int (*record)(void *ctx, int worker, struct ser_record *r, struct ser_err *e);
	void *ctx;
	/* Both or neither (NULL): records that are worked on together, in place of `record`. group() makes groups of n records that have
	 * been read: group i are r[order[k]] with first[i] <= k < first[i + 1]; it returns how many, and first[that] = n. several() then
	 * gets each group, with a verdict and an error for each record. What is written must not depend on the groups. */
	size_t (*group)(void *ctx, size_t n, const struct ser_record *r, size_t *order, size_t *first);
	void (*several)(void *ctx, int worker, size_t n, struct ser_record *const *r, int *verdict,
			struct ser_err *const *e);
};
/* Reads the operands, writes stdout or -o. Returns the exit status: what main returns. */
int ser_cli_filter(struct ser_cli *c, const struct ser_filter *f);
/* The same with --every: windows over `field` of the records while they come, by worker 0 alone, of at least so many frames; records in
 * parts are taken as such. Where standard output is a terminal, `show` gets each result instead, if it is not NULL. */
int ser_cli_follow(struct ser_cli *c, const struct ser_filter *f, const char *field, size_t least,
		   void (*show)(void *ctx, struct ser_record *r));

#endif
