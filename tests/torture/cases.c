/* SPDX-License-Identifier: MIT */
/* Which faults a row is put under, and where. */
#include "torture/torture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

const char *const kind_name[N_KIND] = {"cut",        "flip",        "closed",     "full",        "write-error",
				       "read-error", "interrupted", "short-read", "short-write", "no-open",
				       "no-map",     "alloc-once",  "alloc",      "kill"};

enum { LONG = 2048, EDGE = 256, ALL_BITS = 24 };

/* ---- one case ---- */

bool wanted_row(const struct row *r)
{
	size_t n = opt.only != NULL ? strcspn(opt.only, ":") : 0;
	return opt.only == NULL || (strlen(r->name) >= n && strncmp(r->name, opt.only, n) == 0 &&
				    (r->name[n] == '\0' || r->name[n] == ' ' || r->name[n] == '~'));
}

static bool wanted(const char *id)
{
	if (opt.only == NULL)
		return true;
	size_t n = strlen(opt.only);
	return strncmp(id, opt.only, n) == 0 &&
	       (id[n] == '\0' || id[n] == ':' || id[n] == '~' || id[n] == ' ' || opt.only[n - 1] == ':');
}

/* The same command, undisturbed, where the first has ended: `o` when it gives what the clean run gave. */
static enum outcome again(struct row *r, enum outcome o)
{
	struct run y = {.clean = true};
	const struct run killed = {.status = SIGKILL}; /* what it left under temporary names may still be there */
	bool state;
	run(r, &y);
	if (!WIFEXITED(y.status) || WEXITSTATUS(y.status) != r->status || y.out_n != r->stdout_n ||
	    memcmp(y.out, r->stdout_s, y.out_n) != 0 || look_around(r, &killed, true, &state) != SAME)
		o = AGAIN;
	run_free(&y);
	return o;
}

static void one_case(struct row *r, enum kind k, const struct target *t, uint64_t at)
{
	char id[256];
	struct run x = {.kind = k, .at = at, .target = t};
	snprintf(id, sizeof id, "%s:%s:%s:%llu", r->name, kind_name[k], t != NULL ? t->name : "",
		 (unsigned long long)at);
	if (!wanted(id))
		return;
	char *copy = NULL;
	if (k == CUT) {
		x.s = t->s;
		x.n = (size_t)at;
	} else if (k == FLIP) {
		copy = ser_malloc(t->n, 1);
		memcpy(copy, t->s, t->n);
		copy[at / 8] = (char)(copy[at / 8] ^ 1 << at % 8);
		x.s = copy;
		x.n = t->n;
	}
	bool state = false;
	run(r, &x);
	enum outcome o = judge(r, &x, &state);
	if (o == ENDED ? k == KILL : o < CRASH && state)
		o = again(r, o);
	tidy(r);
	tally->n[r - row][k][o]++;
	if (o >= CRASH || opt.verbose) {
		bool exited = WIFEXITED(x.status);
		printf("%-9s '%s'  %s %d: %.*s\n", outcome_name[o], id, exited ? "status" : "signal",
		       exited ? WEXITSTATUS(x.status) : WTERMSIG(x.status), (int)strcspn(x.err, "\n"), x.err);
		if (!exited && kind_shimmed(k))
			printf("          %s asked for memory\n", x.asked);
		fflush(stdout);
	}
	run_free(&x);
	free(copy);
}

/* ---- the cases of a row ---- */

/* `n` places for a fault, of which at most opt.per_group are tried, evenly and at random. */
static void spread(struct row *r, enum kind k, const struct target *t, const uint64_t *at, size_t n)
{
	struct ser_rng g;
	char key[256];
	int len = snprintf(key, sizeof key, "%s:%d:%s", r->name, (int)k, t != NULL ? t->name : "");
	ser_rng_seed_key(&g, opt.seed, key, (size_t)len);
	size_t m = opt.per_group > 0 && opt.per_group < n ? (size_t)opt.per_group : n;
	for (size_t i = 0; i < m; i++) {
		size_t lo = i * n / m, hi = (i + 1) * n / m;
		one_case(r, k, t, at[lo + (m < n ? (size_t)ser_rng_below(&g, hi - lo) : 0)]);
	}
}

static void counted(struct row *r, enum kind k, uint64_t n)
{
	uint64_t *at = ser_calloc((size_t)n + 1, sizeof *at);
	for (uint64_t i = 0; i < n; i++)
		at[i] = i + 1;
	if (opt.kinds >> k & 1)
		spread(r, k, NULL, at, (size_t)n);
	free(at);
}

/* Byte positions: all of a short input; of a long one its beginning, its end and a sample between. */
static size_t places(size_t n, uint64_t *at)
{
	size_t m = 0;
	struct ser_rng g;
	ser_rng_seed(&g, opt.seed);
	for (size_t i = 0; i < n; i++)
		if (n <= LONG || i < EDGE || i + EDGE >= n || ser_rng_below(&g, n) < 2 * EDGE)
			at[m++] = i;
	return m;
}

static void damage(struct row *r, const struct target *t)
{
	uint64_t *at = ser_calloc(t->n + 1, sizeof *at), *bit = ser_calloc(t->n + 1, 8 * sizeof *bit);
	size_t m = places(t->n, at), n_bit = 0;
	struct ser_rng g;
	ser_rng_seed_key(&g, opt.seed, r->name, strlen(r->name));
	for (size_t i = 0; i < m; i++) {
		bool edge = at[i] < ALL_BITS || at[i] + ALL_BITS >= t->n;
		unsigned one = (unsigned)ser_rng_below(&g, 8);
		for (unsigned b = 0; b < 8; b++)
			if (edge || b == one)
				bit[n_bit++] = 8 * at[i] + b;
	}
	if (opt.kinds >> CUT & 1)
		spread(r, CUT, t, at, m);
	if (opt.kinds >> FLIP & 1)
		spread(r, FLIP, t, bit, n_bit);
	free(at);
	free(bit);
}

void torture(struct row *r)
{
	static const uint64_t lengths[] = {1, 2, 3, 7, 64, 1000};
	for (int i = 0; i < r->n_target; i++)
		damage(r, &r->target[i]);
	if (r->stdout_n > 0)
		counted(r, CLOSED, 2);
	if (opt.can_trace) {
		counted(r, FULL, r->n_call[CALL_CHANGE]);
		counted(r, WRITE_ERROR, r->n_call[CALL_CHANGE]);
		counted(r, READ_ERROR, r->n_call[CALL_READ]);
		counted(r, INTERRUPTED, r->n_call[CALL_READ] + r->n_call[CALL_WRITE]);
		counted(r, NO_OPEN, r->n_call[CALL_OPEN]);
		counted(r, NO_MAP, r->n_call[CALL_MAP]);
		counted(r, KILL, r->n_call[CALL_CHANGE]);
		for (int k = SHORT_READ; k <= SHORT_WRITE; k++)
			if (opt.kinds >> k & 1)
				spread(r, (enum kind)k, NULL, lengths, sizeof lengths / sizeof *lengths);
	}
	counted(r, ALLOC_ONCE, r->n_alloc);
	counted(r, ALLOC, r->n_alloc);
}
