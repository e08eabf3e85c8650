/* SPDX-License-Identifier: MIT */
/* One run of a command, under one fault or none. */
#include "torture/torture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct place here;

static volatile sig_atomic_t child, expired;

static void on_alarm(int sig)
{
	(void)sig;
	expired = 1;
	if (child > 0)
		kill((pid_t)child, SIGKILL);
}

void place_make(const char *dir)
{
	struct sigaction a = {.sa_handler = on_alarm};
	sigaction(SIGALRM, &a, NULL);
	here.work = ser_strdup(dir);
	here.tmp_dir = join(dir, "tmp");
	here.shim_file = join(dir, "shim");
	if (mkdir(here.work, 0777) != 0 || mkdir(here.tmp_dir, 0777) != 0)
		die("cannot make", dir);
	spill(here.shim_file, (const char *)&(struct shim){0}, sizeof *here.shim);
	int fd = open(here.shim_file, O_RDWR | O_CLOEXEC);
	here.shim = mmap(NULL, sizeof *here.shim, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (here.shim == MAP_FAILED)
		die("cannot map", here.shim_file);
}

static void in_child(const struct row *r, const struct run *x, const char *in, const char *out, const char *err,
		     bool traced, bool shimmed)
{
	const struct rlimit no_core = {0, 0};
	setrlimit(RLIMIT_CORE, &no_core);
	int fd[3] = {open(in, O_RDONLY), open(out, O_WRONLY | O_TRUNC | O_CREAT, 0666),
		     open(err, O_WRONLY | O_TRUNC | O_CREAT, 0666)};
	if (!x->clean && x->kind == CLOSED) {
		int p[2];
		if (pipe(p) != 0)
			_exit(126);
		close(p[0]);
		dup2(p[1], fd[1]);
		close(p[1]);
		signal(SIGPIPE, x->at == 1 ? SIG_DFL : SIG_IGN);
	}
	for (int i = 0; i < 3; i++)
		if (dup2(fd[i], i) < 0)
			_exit(126);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	if (chdir(r->dir) != 0)
		_exit(126);
	setenv("TMPDIR", here.tmp_dir, 1);
	if (traced || shimmed) {
		setenv("LD_PRELOAD", opt.shim_path, 1);
		setenv("SER_SHIM", here.shim_file, 1);
	}
	if (traced)
		trace_me();
	execvp(r->argv[0], r->argv);
	_exit(127);
}

void run(const struct row *r, struct run *x)
{
	char *in = x->target != NULL && strcmp(x->target->name, "-") == 0 ? join(here.work, "in") : NULL;
	char *out = join(here.work, "out"), *err = join(here.work, "err");
	bool traced = opt.can_trace && (x->clean || kind_traced(x->kind)), shimmed = !x->clean && kind_shimmed(x->kind);
	if (x->target != NULL)
		spill(in != NULL ? in : x->target->path, x->s, x->n);
	if (in == NULL)
		in = strcmp(r->in, "none") == 0 ? ser_strdup("/dev/null") : join(r->dir, "good.in");
	*here.shim = (struct shim){.fail_at = shimmed ? x->at : 0, .for_good = x->kind == ALLOC};
	expired = 0;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		in_child(r, x, in, out, err, traced, shimmed);
	if (pid < 0)
		die("cannot fork", strerror(errno));
	child = pid;
	alarm((unsigned)opt.seconds);
	if (traced)
		x->status = trace_run(pid, x->clean ? N_KIND : x->kind, x->at, x->n_call);
	else
		while (waitpid(pid, &x->status, 0) < 0 && errno == EINTR)
			;
	alarm(0);
	child = 0;
	memcpy(x->asked, here.shim->asked, sizeof x->asked);
	x->hang = expired;
	if (x->target != NULL && strcmp(x->target->name, "-") != 0) {
		spill(x->target->path, x->target->s, x->target->n);
		utimensat(AT_FDCWD, x->target->path, x->target->time, 0);
	}
	slurp(out, &x->out, &x->out_n);
	slurp(err, &x->err, &x->err_n);
	free(in);
	free(out);
	free(err);
}

void run_free(struct run *x)
{
	free(x->out);
	free(x->err);
	x->out = x->err = NULL;
}
