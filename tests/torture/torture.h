/* SPDX-License-Identifier: MIT */
/* The fault campaign: one command under one fault, and what came of it. */
#ifndef TORTURE_H
#define TORTURE_H

#include "base/base.h"
#include "torture/shim.h"

#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* What is done to a command. `at` of a case says where; counts begin with 1. */
enum kind {
	CUT,         /* an input ends before byte `at` */
	FLIP,        /* bit `at` of an input is the other one */
	CLOSED,      /* nobody reads standard output; SIGPIPE kills (at 1) or is ignored (at 2) */
	FULL,        /* the disk is full from the at-th change on: write, sync, create, rename */
	WRITE_ERROR, /* the at-th change fails with EIO */
	READ_ERROR,  /* the at-th read fails with EIO */
	INTERRUPTED, /* the at-th read or write ends with EINTR */
	SHORT_READ,  /* none of the first thousand reads gives more than `at` bytes */
	SHORT_WRITE, /* none of the first thousand writes takes more than `at` bytes */
	NO_OPEN,     /* the at-th open fails: too many files */
	NO_MAP,      /* the kernel has no memory for the at-th mapping */
	ALLOC_ONCE,  /* the at-th allocation fails */
	ALLOC,       /* the at-th allocation fails, and all later ones */
	KILL,        /* SIGKILL before the at-th change; then the same command again */
	N_KIND
};
extern const char *const kind_name[N_KIND];
/* Needs a tracer, or the shim's allocator. */
static inline bool kind_traced(enum kind k)
{
	return k == KILL || (k >= FULL && k <= NO_MAP);
}
static inline bool kind_shimmed(enum kind k)
{
	return k == ALLOC_ONCE || k == ALLOC;
}

/* What came of it. */
enum outcome {
	SAME,    /* the clean run's status and bytes */
	REFUSED, /* a failing status, a message, nothing left behind */
	OTHER,   /* the clean run's status and other bytes: the input has no checksum, so it is another, valid input */
	LIBRARY, /* a signal, from a library that does not check its own allocation: verdict.c names those that may */
	ENDED,   /* killed by what was done to it: SIGKILL (and the same command again gave the same bytes), SIGPIPE */
	CRASH,   /* the rest are findings */
	HANG,
	SANITIZER,
	WRONG, /* the clean run's status and other bytes */
	WHOLE, /* failed, and yet wrote a whole stream that is not the clean run's */
	HALF,  /* failed, and a file that is not the clean run's has a final name */
	LITTER,
	CHANGED, /* an input of the command was changed */
	STATUS,  /* a status that is none of the tool's */
	MUTE,    /* failed without a line that begins with the tool's name */
	AGAIN,   /* after SIGKILL the same command does not give the clean run's bytes */
	N_OUTCOME
};
extern const char *const outcome_name[N_OUTCOME];

/* ---- system calls (trace.c) ---- */

/* Kinds that are counted. */
enum call { CALL_READ, CALL_WRITE, CALL_CHANGE, CALL_OPEN, CALL_MAP, N_CALL };

/* Wait for a child that called trace_me() and exec'ed, until it ends; do the fault to it. n_call [N_CALL], may be NULL: the calls
 * that it made since main() began. Returns its wait status. */
int trace_run(pid_t pid, enum kind k, uint64_t at, uint64_t *n_call);
void trace_me(void);
bool trace_here(void); /* can this system do it? */

/* ---- files (files.c) ---- */

enum { MAX_FILE = 256 };
struct file {
	char *name; /* below the row's directory */
	char *s;    /* its bytes, of what a command wrote; NULL for what was there before */
	size_t n;
	struct stat st;
};
struct files {
	struct file f[MAX_FILE];
	int n;
};

_Noreturn void die(const char *what, const char *which); /* which: NULL, nothing */
/* The whole file, malloc'ed; and as the whole file. */
void slurp(const char *path, char **s, size_t *n);
void spill(const char *path, const char *s, size_t n);
char *join(const char *a, const char *b); /* "a/b", malloc'ed */
/* All that is below a directory, by name; without their bytes. */
void list_files(struct files *l, const char *top);
void files_free(struct files *l);
struct file *file_find(struct files *l, const char *name);

/* ---- rows (rows.c) ---- */

enum { MAX_ROW = 128, MAX_TARGET = 24 };

/* An input that is cut or changed. */
struct target {
	char *name; /* "-": standard input */
	char *path;
	char *s;
	size_t n;
	struct timespec time[2];
	bool checked; /* has a checksum over all of it: no damage may pass */
};

struct row {
	char *name; /* tool and mode, and ~N from the second of that name */
	char *tool;
	char *in, *args, *setup;
	char *state; /* files, parted by commas, that a command which fails may leave for the next */
	int fail;
	char *dir;
	char **argv; /* [n_arg], then NULL */
	size_t n_arg;
	struct target target[MAX_TARGET];
	int n_target;
	struct files before, made; /* what was there, and what the clean run added */
	char *stdout_s;            /* of the clean run */
	size_t stdout_n;
	bool stdout_stream;
	int status;
	uint64_t n_call[N_CALL], n_alloc;
};

extern struct row row[MAX_ROW];
extern int n_row;
/* Fill them, by name, from tables of tools; tools in bindir that the first table leaves out take a stream and no arguments, unless
 * they have modes. */
void rows_read(const char *bindir, char *const *table, int n_table);
/* Make its directory, find what can be damaged, run it undisturbed, twice. False, and a line printed, when that fails. */
bool prepare(struct row *r);
/* Remove from its directory what was not there before. */
void tidy(struct row *r);

/* ---- one run (child.c) ---- */

struct run {
	enum kind kind;
	uint64_t at;
	const struct target *target; /* whose bytes are these instead, or NULL */
	const char *s;
	size_t n;
	bool clean; /* no fault at all */

	int status; /* as waitpid has it */
	bool hang;
	char *out, *err;
	size_t out_n, err_n;
	uint64_t n_call[N_CALL];
	char asked[sizeof(((struct shim *)0)->asked)];
};

/* Where the worker is: a directory of its own, in it one for temporary files and the shim's file, mapped. */
extern struct place {
	char *work, *tmp_dir, *shim_file;
	struct shim *shim;
} here;
void place_make(const char *dir);

/* Run the row's command under x->kind at x->at and fill the rest of *x. Damaged inputs are whole again afterwards. */
void run(const struct row *r, struct run *x);
void run_free(struct run *x);

/* ---- the verdict (verdict.c) ---- */

/* Is it a whole stream, or several, to the last byte? */
bool whole_stream(const char *s, size_t n);
/* What is in the row's directory, and in that of temporary files, after a run that ended well (the clean run's status) or not.
 * state: something is left that the same command goes on from. */
enum outcome look_around(struct row *r, const struct run *x, bool well, bool *state);
enum outcome judge(struct row *r, const struct run *x, bool *state);

/* ---- the cases (cases.c) ---- */

bool wanted_row(const struct row *r); /* does -o name it, or a case of it? */
/* Put a row that is prepared under all its faults, and count what comes of it. */
void torture(struct row *r);

/* ---- the count (report.c) ---- */

/* What all workers share. */
struct tally {
	_Atomic uint64_t n[MAX_ROW][N_KIND][N_OUTCOME];
	_Atomic int next_row, n_broken;
};

extern struct tally *tally;
/* Cases of a row, a kind, an outcome; -1: of all. */
uint64_t sum(int r, int k, int o);
uint64_t findings(int r, int k);
void report(void);

/* ---- what the command line says (torture.c) ---- */

extern struct options {
	const char *shim_path;
	uint64_t per_group; /* cases of a kind on one target at most; 0: all */
	uint64_t seed;
	int seconds;      /* that a run may take */
	const char *only; /* how a case's name begins, or NULL */
	bool verbose, can_trace;
	unsigned kinds; /* bits of enum kind */
} opt;

#endif
