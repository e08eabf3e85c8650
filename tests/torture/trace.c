/* SPDX-License-Identifier: MIT */
/* Faults of the operating system, injected into another process's system calls: what the C library calls for itself, too, which
 * nothing preloaded would see. */
#include "torture/torture.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined __x86_64__

struct call_regs {
	struct user_regs_struct r;
	long number;
	unsigned long long arg[3];
};

static bool get_regs(pid_t pid, struct call_regs *c)
{
	if (ptrace(PTRACE_GETREGS, pid, NULL, &c->r) != 0)
		return false;
	c->number = (long)c->r.orig_rax;
	c->arg[0] = c->r.rdi;
	c->arg[1] = c->r.rsi;
	c->arg[2] = c->r.rdx;
	return true;
}

static unsigned long long arg_4(const struct call_regs *c)
{
	return c->r.r10;
}

/* At the entry: do nothing instead. At the exit: this is the result. */
static void skip_call(pid_t pid, struct call_regs *c)
{
	c->r.orig_rax = (unsigned long long)-1;
	ptrace(PTRACE_SETREGS, pid, NULL, &c->r);
}

static void set_result(pid_t pid, struct call_regs *c, long v)
{
	c->r.rax = (unsigned long long)v;
	ptrace(PTRACE_SETREGS, pid, NULL, &c->r);
}

static void set_length(pid_t pid, struct call_regs *c, unsigned long long n)
{
	c->r.rdx = n;
	ptrace(PTRACE_SETREGS, pid, NULL, &c->r);
}

bool trace_here(void)
{
	pid_t pid = fork();
	int status = 0;
	if (pid == 0) {
		trace_me();
		_exit(7);
	}
	bool ok = pid > 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
	if (ok) {
		ptrace(PTRACE_CONT, pid, NULL, NULL);
		waitpid(pid, &status, 0);
	}
	return ok;
}

#else /* registers are written for one machine only */

struct call_regs {
	long number;
	unsigned long long arg[3];
};
static bool get_regs(pid_t pid, struct call_regs *c)
{
	(void)pid, (void)c;
	return false;
}
static unsigned long long arg_4(const struct call_regs *c)
{
	return c->arg[0];
}
static void skip_call(pid_t pid, struct call_regs *c)
{
	(void)pid, (void)c;
}
static void set_result(pid_t pid, struct call_regs *c, long v)
{
	(void)pid, (void)c, (void)v;
}
static void set_length(pid_t pid, struct call_regs *c, unsigned long long n)
{
	(void)pid, (void)c, (void)n;
}
bool trace_here(void)
{
	return false;
}

#endif

void trace_me(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(126);
	raise(SIGSTOP);
}

/* Which of the counted kinds a call is of, as bits. */
static unsigned kinds_of(const struct call_regs *c)
{
	const unsigned change = 1u << CALL_CHANGE;
	switch (c->number) {
	case SYS_read:
	case SYS_pread64:
	case SYS_readv:
	case SYS_preadv:
		return 1u << CALL_READ;
	case SYS_write:
	case SYS_pwrite64:
	case SYS_writev:
	case SYS_pwritev:
		return c->arg[0] == 2 ? 0 : 1u << CALL_WRITE | change;
	case SYS_ftruncate:
	case SYS_fsync:
	case SYS_fdatasync:
	case SYS_syncfs:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_mkdirat:
	case SYS_fallocate:
#ifdef SYS_rename
	case SYS_rename:
	case SYS_mkdir:
#endif
		return change;
#ifdef SYS_open
	case SYS_open:
		return 1u << CALL_OPEN | (c->arg[1] & O_CREAT ? change : 0);
#endif
	case SYS_openat:
		return 1u << CALL_OPEN | (c->arg[2] & O_CREAT ? change : 0);
	case SYS_mmap:
		return arg_4(c) & MAP_ANONYMOUS ? 1u << CALL_MAP : 0;
	case SYS_mremap:
		return 1u << CALL_MAP; /* brk tells its failure otherwise; malloc falls back on mmap */
	default:
		return 0;
	}
}

struct fault {
	enum kind kind;
	uint64_t at;
	uint64_t n[N_CALL];
	bool begun; /* main() has */
	int n_short;
};

/* What a call that begins is to return instead of being done: a negative errno; 0: it is done. */
static long verdict(struct fault *f, unsigned kinds)
{
	for (int k = 0; k < N_CALL; k++)
		f->n[k] += kinds >> k & 1;
	bool change = kinds >> CALL_CHANGE & 1, rd = kinds >> CALL_READ & 1, wr = kinds >> CALL_WRITE & 1;
	switch (f->kind) {
	case FULL:
		return change && f->n[CALL_CHANGE] >= f->at ? -ENOSPC : 0;
	case WRITE_ERROR:
		return change && f->n[CALL_CHANGE] == f->at ? -EIO : 0;
	case READ_ERROR:
		return rd && f->n[CALL_READ] == f->at ? -EIO : 0;
	case INTERRUPTED:
		return (rd || wr) && f->n[CALL_READ] + f->n[CALL_WRITE] == f->at ? -EINTR : 0;
	case NO_OPEN:
		return (kinds >> CALL_OPEN & 1) && f->n[CALL_OPEN] == f->at ? -EMFILE : 0;
	case NO_MAP:
		return (kinds >> CALL_MAP & 1) && f->n[CALL_MAP] == f->at ? -ENOMEM : 0;
	default:
		return 0;
	}
}

/* Is the call's third argument a number of bytes? */
static bool has_length(long number)
{
	return number == SYS_read || number == SYS_write || number == SYS_pread64 || number == SYS_pwrite64;
}

/* A thread of the traced process, between the entry and the exit of a call. */
struct thread {
	pid_t pid;
	bool inside, skipped, shortened;
	long result;
	unsigned long long length;
};
enum { MAX_THREAD = 64, MAX_SHORT = 1000 };

static struct thread *thread_of(struct thread *t, pid_t pid)
{
	for (int i = 0; i < MAX_THREAD; i++)
		if (t[i].pid == pid || t[i].pid == 0) {
			t[i].pid = pid;
			return &t[i];
		}
	return NULL;
}

static void entry(struct fault *f, struct thread *t, pid_t main_pid)
{
	struct call_regs c;
	if (!get_regs(t->pid, &c))
		return;
	if (c.number == SYS_getppid && c.arg[0] == SHIM_MARK)
		f->begun = true;
	t->skipped = t->shortened = false;
	if (!f->begun)
		return;
	unsigned kinds = kinds_of(&c);
	t->result = verdict(f, kinds);
	if (f->kind == KILL && kinds >> CALL_CHANGE & 1 && f->n[CALL_CHANGE] == f->at) {
		kill(main_pid, SIGKILL);
	} else if (t->result != 0) {
		t->skipped = true;
		skip_call(t->pid, &c);
	} else if (((f->kind == SHORT_READ && kinds >> CALL_READ & 1) ||
		    (f->kind == SHORT_WRITE && kinds >> CALL_WRITE & 1)) &&
		   has_length(c.number) && c.arg[2] > f->at && f->n_short++ < MAX_SHORT) {
		t->shortened = true;
		t->length = c.arg[2];
		set_length(t->pid, &c, f->at);
	}
}

static void leave(struct thread *t)
{
	struct call_regs c;
	if ((!t->skipped && !t->shortened) || !get_regs(t->pid, &c))
		return;
	if (t->skipped)
		set_result(t->pid, &c, t->result);
	else
		set_length(t->pid, &c, t->length); /* a call keeps its arguments' registers */
}

int trace_run(pid_t pid, enum kind k, uint64_t at, uint64_t *n_call)
{
	struct fault f = {.kind = k, .at = at};
	struct thread thread[MAX_THREAD] = {0};
	int status, end = 0;
	bool up = false;
	for (;;) {
		pid_t p = waitpid(-1, &status, __WALL);
		if (p < 0 && errno == EINTR) { /* the driver's alarm has killed it */
			continue;
		} else if (p < 0) {
			break;
		}
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (p == pid)
				end = status;
			continue;
		}
		int sig = WSTOPSIG(status);
		if (p == pid && !up) { /* stopped by itself, before exec */
			ptrace(PTRACE_SETOPTIONS, pid, NULL,
			       PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
				       PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC);
			up = true;
			sig = 0;
		} else if (sig == (SIGTRAP | 0x80)) {
			struct thread *t = thread_of(thread, p);
			if (t != NULL) {
				t->inside = !t->inside;
				if (t->inside)
					entry(&f, t, pid);
				else
					leave(t);
			}
			sig = 0;
		} else if (sig == SIGTRAP || sig == SIGSTOP) { /* of the tracing itself */
			sig = 0;
		}
		ptrace(PTRACE_SYSCALL, p, NULL, (void *)(intptr_t)sig);
	}
	if (n_call != NULL)
		for (int i = 0; i < N_CALL; i++)
			n_call[i] = f.n[i];
	return end;
}
