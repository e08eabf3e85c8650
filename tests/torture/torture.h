/* SPDX-License-Identifier: MIT */
/* The fault campaign: one command under one fault, and what came of it. */
#ifndef TORTURE_H
#define TORTURE_H

#include "base/base.h"
#include "torture/shim.h"

#include <sys/types.h>

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
	LIBRARY, /* a signal, from a library that does not check its own allocation: torture.c names those that may */
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

/* Kinds of system calls that are counted. */
enum call { CALL_READ, CALL_WRITE, CALL_CHANGE, CALL_OPEN, CALL_MAP, N_CALL };

/* Wait for a child that called trace_me() and exec'ed, until it ends; do the fault to it. n_call [N_CALL], may be NULL: the calls
 * that it made since main() began. Returns its wait status. */
int trace_run(pid_t pid, enum kind k, uint64_t at, uint64_t *n_call);
void trace_me(void);
bool trace_here(void); /* can this system do it? */

#endif
