/* SPDX-License-Identifier: MIT */
/* Options as tables of rows: command lines, their text in a provenance, and fingerprints are made from these. */
#ifndef SER_BASE_OPTION_H
#define SER_BASE_OPTION_H

#include "base/base.h"

#include <stddef.h>

enum ser_option_type {
	SER_OPTION_FLAG,   /* bool *       --x, --x=true, --x=false, --no-x */
	SER_OPTION_INT,    /* int *        */
	SER_OPTION_I64,    /* int64_t *    */
	SER_OPTION_COUNT,  /* size_t *     */
	SER_OPTION_REAL,   /* double *     */
	SER_OPTION_STR,    /* const char **, NULL: not given */
	SER_OPTION_CHOICE, /* int *        index into choices */
	SER_OPTION_LIST,   /* struct ser_strs *, may be given several times */
	SER_OPTION_SIZE,   /* size_t *     bytes, with K, M or G behind */
	SER_OPTION_SECONDS /* double *     seconds, with s, ms or min behind */
};

struct ser_strs {
	const char **s;
	size_t n;
};

/* One option: its name, its line of the help, then what it sets, by one of the macros below, and .letter and .flags where there are any:
 *	{"batch", "records, or pairs, a step", SER_OPT_COUNT(&o.batch, "N", 1, 1000000), .letter = 'b'},
 * The variable's value before parsing is the default that --help shows. A library gives the rows of an options struct, which its user
 * turns into those of a command line, by the macros SER_AT_*:
 *	{"tau", "temperature", SER_AT_REAL(struct opts, tau, "X", 0.001, 100)},
 * A table ends with an all-zero row. */
struct ser_option {
	const char *name; /* long name */
	const char *help; /* one line; NULL: an old name, which the help leaves out */
	enum ser_option_type type;
	void *var;                  /* NULL: `at` is its place in an options struct */
	size_t at;                  /* SIZE_MAX: nowhere, the library does what the row says by itself */
	const char *arg;            /* metavariable in the help: N, FILE, NAME ... */
	double lo, hi;              /* range of numbers; both 0: any */
	const char *const *choices; /* NULL-terminated, for SER_OPTION_CHOICE */
	char letter;                /* or 0 */
	unsigned flags;
	unsigned kinds; /* for the library: which kinds of the object have it, as bits */
	/* of a text: the i-th of the words that it takes, NULL after the last; checked by who takes it. NULL: any text. The help, --help=json
	 * and the shells show them. */
	const char *(*known)(size_t i);
};
/* The variable, whose type the compiler checks; a choice's may be of any enum. */
#define SER_OPTION_VAR(type, v) (1 ? (v) : (type *)0)
#define SER_OPTION_NUMBER(kind, ctype, v, metavar, low, high)                                                          \
	.type = SER_OPTION_##kind, .var = SER_OPTION_VAR(ctype, v), .arg = (metavar), .lo = (low), .hi = (high)
#define SER_OPT_INT(v, arg, lo, hi)     SER_OPTION_NUMBER(INT, int, v, arg, lo, hi)
#define SER_OPT_I64(v, arg, lo, hi)     SER_OPTION_NUMBER(I64, int64_t, v, arg, lo, hi)
#define SER_OPT_COUNT(v, arg, lo, hi)   SER_OPTION_NUMBER(COUNT, size_t, v, arg, lo, hi)
#define SER_OPT_REAL(v, arg, lo, hi)    SER_OPTION_NUMBER(REAL, double, v, arg, lo, hi)
#define SER_OPT_SECONDS(v, arg, lo, hi) SER_OPTION_NUMBER(SECONDS, double, v, arg, lo, hi)
#define SER_OPT_SIZE(v, arg, lo, hi)    SER_OPTION_NUMBER(SIZE, size_t, v, arg, lo, hi)
#define SER_OPT_FLAG(v)                 .type = SER_OPTION_FLAG, .var = SER_OPTION_VAR(bool, v)
#define SER_OPT_STR(v, metavar)         .type = SER_OPTION_STR, .var = SER_OPTION_VAR(const char *, v), .arg = (metavar)
#define SER_OPT_LIST(v, metavar)        .type = SER_OPTION_LIST, .var = SER_OPTION_VAR(struct ser_strs, v), .arg = (metavar)
#define SER_OPT_CHOICE(v, metavar, names)                                                                              \
	.type = SER_OPTION_CHOICE, .var = (void *)(v), .arg = (metavar), .choices = (names)
#define SER_OPTION_PLACE(s, m, ctype) .at = offsetof(s, m) + 0 * sizeof(1 ? &((s *)0)->m : (ctype *)0)
#define SER_OPTION_AT(kind, ctype, s, m, metavar, low, high)                                                           \
	.type = SER_OPTION_##kind, SER_OPTION_PLACE(s, m, ctype), .arg = (metavar), .lo = (low), .hi = (high)
#define SER_AT_INT(s, m, arg, lo, hi)   SER_OPTION_AT(INT, int, s, m, arg, lo, hi)
#define SER_AT_COUNT(s, m, arg, lo, hi) SER_OPTION_AT(COUNT, size_t, s, m, arg, lo, hi)
#define SER_AT_REAL(s, m, arg, lo, hi)  SER_OPTION_AT(REAL, double, s, m, arg, lo, hi)
#define SER_AT_FLAG(s, m)               .type = SER_OPTION_FLAG, SER_OPTION_PLACE(s, m, bool)
#define SER_AT_STR(s, m, metavar)       .type = SER_OPTION_STR, SER_OPTION_PLACE(s, m, const char *), .arg = (metavar)
#define SER_AT_LIST(s, m, metavar)      .type = SER_OPTION_LIST, SER_OPTION_PLACE(s, m, struct ser_strs), .arg = (metavar)
#define SER_AT_CHOICE(s, m, metavar, names)                                                                            \
	.type = SER_OPTION_CHOICE, .at = offsetof(s, m), .arg = (metavar), .choices = (names)
enum {
	SER_OPTION_SILENT =
		1, /* cannot change the output, so it is not in the provenance (threads, verbosity, output names) */
	SER_OPTION_ALWAYS = 2, /* in the provenance even when not given (seeds) */
	SER_OPTION_NEEDED = 4, /* usage error when not given */
	/* names a file that is written, or several as a pattern; without it nothing may be written there */
	SER_OPTION_WRITE = 8,
	SER_OPTION_READ = 16 /* names a file that is read: its checksum goes into the provenance too */
};

/* Set what a row is for from text (NULL: a flag that is on); `base`: the struct of a row by place, else NULL. SER_EUSAGE with a
 * sentence that names value and range. A list keeps the pointer. */
int ser_option_set(const struct ser_option *o, void *base, const char *s, struct ser_err *e);
/* Append its value as ser_option_set() reads it; of a list all, parted by blanks; nothing for a text or a choice that is not there. */
void ser_option_text(const struct ser_option *o, const void *base, struct ser_buf *b);

#endif
