/* SPDX-License-Identifier: MIT */
#include "cli/private.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* On a terminal that has colours, and who has not asked for none (no-color.org) */
static bool coloured(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return (no == NULL || *no == '\0') && term != NULL && strcmp(term, "dumb") != 0 && isatty(2);
}

/* A line of progress stands on the terminal, which another begins over. */
static bool unfinished;

void ser_cli_tell(const struct ser_cli *c, enum ser_cli_weight w, const char *msg)
{
	if (unfinished)
		fputs("\r\033[K", stderr);
	unfinished = false;
	static const char *const hue[] = {
		[SER_CLI_INFO] = "", [SER_CLI_WARNING] = "\033[1;33m", [SER_CLI_ERROR] = "\033[1;31m"};
	if (w != SER_CLI_INFO && coloured())
		fprintf(stderr, "%s%s:\033[0m %s\n", hue[w], c->tool->name, msg);
	else
		fprintf(stderr, "%s: %s\n", c->tool->name, msg);
}

static void say(const struct ser_cli *c, enum ser_cli_weight w, const char *fmt, va_list ap)
{
	char msg[1200];
	struct ser_err e;
	vsnprintf(msg, sizeof msg, fmt, ap);
	ser_fail(&e, SER_EDATA, "%s", msg); /* escapes control bytes */
	ser_cli_tell(c, w, e.msg);
}

void ser_cli_warn(const struct ser_cli *c, const char *fmt, ...)
{
	if (c->quiet)
		return;
	va_list ap;
	va_start(ap, fmt);
	say(c, SER_CLI_WARNING, fmt, ap);
	va_end(ap);
}

void ser_cli_info(const struct ser_cli *c, const char *fmt, ...)
{
	if (c->verbose == 0)
		return;
	va_list ap;
	va_start(ap, fmt);
	say(c, SER_CLI_INFO, fmt, ap);
	va_end(ap);
}

int ser_cli_trouble(const struct ser_tool *t)
{
	return t->common & SER_CLI_DIFFER ? SER_EXIT_USAGE : SER_EXIT_FAIL;
}

static int status_of(const struct ser_cli *c, int code)
{
	return code == SER_EUSAGE ? SER_EXIT_USAGE : code == SER_EPROTO ? SER_EXIT_PROTOCOL : ser_cli_trouble(c->tool);
}

_Noreturn void ser_cli_die(const struct ser_cli *c, const struct ser_err *e)
{
	ser_cli_tell(c, SER_CLI_ERROR, e->msg);
	ser_outfile_abort_all();
	ser_cli_leave_cut();
	_exit(status_of(c, e->code)); /* nothing more goes to stdout: a half stream stays cut */
}

_Noreturn void ser_cli_fail(const struct ser_cli *c, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say(c, SER_CLI_ERROR, fmt, ap);
	va_end(ap);
	ser_outfile_abort_all();
	ser_cli_leave_cut();
	_exit(status_of(c, code));
}

void ser_cli_skip(struct ser_cli *c, const char *id, const struct ser_err *e)
{
	if (!c->keep_going)
		ser_cli_die(c, e);
	ser_cli_warn(c, "skipped: %s", e->msg);
	c->skipped.s = ser_realloc(c->skipped.s, c->skipped.n + 1, sizeof *c->skipped.s);
	c->skipped.s[c->skipped.n++] = ser_strdup(id);
	c->n_skipped++;
}

static double seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool ser_cli_alone(const struct ser_cli *c, double cpu_s, int n_cpu)
{
	return (c->tool->common & SER_CLI_THREADS) && !c->quiet && n_cpu > 1 && cpu_s >= 30 && c->given != NULL &&
	       !ser_cli_given(c, "threads");
}

int ser_cli_end(struct ser_cli *c)
{
	double cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID);
	if (ser_cli_alone(c, cpu_s, ser_n_cpu()) && isatty(2))
		ser_cli_warn(c, "%.0f s of one processor: -t %d shares them among all, and gives the same bytes", cpu_s,
			     ser_n_cpu());
	if (c->n_skipped > 0) {
		for (size_t i = 0; i < c->skipped.n; i++)
			fprintf(stderr, "%s: failed: %s\n", c->tool->name, c->skipped.s[i]);
		fprintf(stderr, "%s: %llu read, %llu written, %llu skipped\n", c->tool->name,
			(unsigned long long)c->n_read, (unsigned long long)c->n_written,
			(unsigned long long)c->n_skipped);
	}
	if (unfinished)
		fputc('\n', stderr);
	bool failed = c->n_skipped > 0;
	for (size_t i = 0; i < c->skipped.n; i++)
		free((char *)c->skipped.s[i]);
	free(c->skipped.s);
	free(c->prov.s);
	free(c->drop.s);
	for (size_t i = 1; i < c->sums.n; i += 2)
		free((char *)c->sums.s[i]);
	free(c->sums.s);
	for (size_t i = 0; i < c->parts.n; i++)
		free((char *)c->parts.s[i]);
	free(c->parts.s);
	free(c->files.s);
	ser_buf_free(&c->text);
	free(c->given);
	c->skipped = c->prov = c->drop = c->sums = c->parts = c->files = (struct ser_strs){0};
	c->given = NULL;
	errno = 0;
	if (ferror(stdout)) { /* of a write before: one more says why */
		clearerr(stdout);
		fputc('\n', stdout);
		fflush(stdout);
		fprintf(stderr, "%s: <stdout>: write failed%s%s\n", c->tool->name, errno != 0 ? ": " : "",
			errno != 0 ? strerror(errno) : "");
		return ser_cli_trouble(c->tool);
	}
	if (fflush(stdout) != 0 || fclose(stdout) != 0) {
		fprintf(stderr, "%s: <stdout>: write failed: %s\n", c->tool->name, strerror(errno != 0 ? errno : EIO));
		return ser_cli_trouble(c->tool);
	}
	return failed ? SER_EXIT_FAIL : SER_EXIT_OK;
}

/* A time as people say it. */
static void span(char *s, size_t size, double t)
{
	if (t < 120)
		snprintf(s, size, "%.0f s", t);
	else if (t < 7200)
		snprintf(s, size, "%.0f min", t / 60);
	else
		snprintf(s, size, "%.0f h %02.0f min", floor(t / 3600), floor(fmod(t, 3600) / 60));
}

bool ser_cli_progresses(const struct ser_cli *c)
{
	static int tty = -1; /* asked once: this is called for every record */
	if (tty < 0)
		tty = isatty(2);
	return !c->quiet && (tty || c->progress);
}

/* share of the work that is done, 0: not known; of: what `done` will be at the end, 0: not known */
static void progress(const struct ser_cli *c, const char *what, uint64_t done, uint64_t of, double share)
{
	static double began, said;
	static char ended[64]; /* the stage whose end was said last */
	if (!ser_cli_progresses(c))
		return;
	bool tty = isatty(2), last = of > 0 && done == of;
	double t = seconds(CLOCK_MONOTONIC);
	if (last && began == 0 && strncmp(ended, what, sizeof ended - 1) == 0) /* it was said */
		return;
	if (began == 0)
		began = said = t;
	snprintf(ended, sizeof ended, "%s", last ? what : "");
	double spent = t - began;
	if (!last && t - said < (tty ? 0.2 : 5.0))
		return;
	if (last && said == began && spent < 1 && !c->progress) { /* nobody waited */
		began = 0;
		return;
	}
	said = t;
	char took[32], left[32];
	span(took, sizeof took, spent);
	fprintf(stderr, "%s%s: %s %llu", tty ? "\r" : "", c->tool->name, what, (unsigned long long)done);
	if (of > 0)
		fprintf(stderr, "/%llu", (unsigned long long)of);
	double rate = spent > 0 ? (double)done / spent : 0;
	if (rate > 0)
		fprintf(stderr, rate < 100 ? ", %.3g/s, %s" : ", %.0f/s, %s", rate, took);
	if (share > 0 && share < 1) {
		span(left, sizeof left, spent / share * (1 - share));
		fprintf(stderr, ", %s left", left);
	}
	fputs(tty && !last ? "\033[K" : "\n", stderr);
	unfinished = tty && !last;
	if (last)
		began = 0;
}

void ser_cli_progress(struct ser_cli *c, const char *what, uint64_t done, uint64_t total)
{
	progress(c, what, done, total, total > 0 ? (double)done / (double)total : 0);
}

void ser_cli_progress_in(struct ser_cli *c, const char *what, uint64_t done, const struct ser_in *in)
{
	if (ser_cli_progresses(c))
		progress(c, what, done, 0, ser_in_share(in));
}
