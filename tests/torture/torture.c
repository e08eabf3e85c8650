/* SPDX-License-Identifier: MIT */
/* torture: every tool under every fault. Reads tables as tests/cli/contract.tab has them (see there), prepares each row in a
 * directory of its own, runs its command once undisturbed, then once for each case, and judges what came of it by the status, the
 * bytes written and what is left in the directory. PATH has the tools and mkstream, ROOT is the top of the source tree. */
#include "torture/torture.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct options opt = {.seed = 1, .seconds = 20, .kinds = (1u << N_KIND) - 1};

static void worker(void)
{
	for (int i; (i = atomic_fetch_add(&tally->next_row, 1)) < n_row;) {
		struct ser_buf dir = {0};
		if (!wanted_row(&row[i]))
			continue;
		ser_buf_printf(&dir, "%s/%d", getenv("TORTURE_DIR"), i);
		place_make(dir.s);
		ser_buf_free(&dir);
		if (prepare(&row[i])) {
			torture(&row[i]);
		} else {
			printf("%s: its set-up or its clean run fails: see tests/cli/contract.bats\n", row[i].name);
			tally->n_broken++;
		}
		fflush(stdout);
	}
}

/* "full,kill": bits of enum kind */
static unsigned kinds_of(const char *list)
{
	unsigned kinds = 0;
	struct ser_buf all = {0}, one = {0};
	ser_buf_printf(&all, ",%s,", list);
	for (int k = 0; k < N_KIND; k++) {
		one.n = 0;
		ser_buf_printf(&one, ",%s,", kind_name[k]);
		kinds |= (unsigned)(strstr(all.s, one.s) != NULL) << k;
	}
	ser_buf_free(&all);
	ser_buf_free(&one);
	return kinds;
}

static const char usage[] =
	"usage: torture [-j WORKERS] [-n CASES] [-s SEED] [-t SECONDS] [-k KIND,...] [-o CASE] [-v] SHIM BINDIR "
	"TABLE...\n"
	"  -n  at most so many cases of a kind on one row and input; 0: all\n"
	"  -o  only the cases whose name begins so:  'ser-head', 'ser-head:cut', 'ser-head:cut:-:17'\n";

int main(int argc, char **argv)
{
	int n_worker = 1, c;
	while ((c = getopt(argc, argv, "j:n:s:t:k:o:v")) != -1) {
		if (c == 'j') {
			n_worker = (int)strtol(optarg, NULL, 10);
		} else if (c == 'n') {
			opt.per_group = strtoull(optarg, NULL, 10);
		} else if (c == 's') {
			opt.seed = strtoull(optarg, NULL, 10);
		} else if (c == 't') {
			opt.seconds = (int)strtol(optarg, NULL, 10);
		} else if (c == 'o') {
			opt.only = optarg;
		} else if (c == 'v') {
			opt.verbose = true;
		} else if (c == 'k') {
			opt.kinds = kinds_of(optarg);
		} else {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (argc - optind < 3 || getenv("TORTURE_DIR") == NULL) {
		fputs(usage, stderr);
		return 2;
	}
	opt.shim_path = argv[optind];
	rows_read(argv[optind + 1], argv + optind + 2, argc - optind - 2);
	opt.can_trace = trace_here();
	if (!opt.can_trace)
		printf("torture: cannot trace processes here: no faults of the operating system\n");
	tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		die("no memory", NULL);
	fflush(stdout);
	for (int w = 0; w < n_worker; w++)
		if (fork() == 0) {
			worker();
			fflush(stdout);
			_exit(0);
		}
	int status, bad = 0;
	while (wait(&status) > 0)
		bad += status != 0;
	report();
	if (bad > 0 || tally->n_broken > 0)
		printf("torture: %d workers and %d rows failed\n", bad, (int)tally->n_broken);
	return bad > 0 || tally->n_broken > 0 || findings(-1, -1) > 0 || sum(-1, -1, -1) == 0;
}
