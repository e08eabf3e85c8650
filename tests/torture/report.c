/* SPDX-License-Identifier: MIT */
/* The tables that are printed. */
#include "torture/torture.h"

struct tally *tally;

uint64_t sum(int r, int k, int o)
{
	uint64_t n = 0;
	for (int i = r < 0 ? 0 : r; i < (r < 0 ? n_row : r + 1); i++)
		for (int j = k < 0 ? 0 : k; j < (k < 0 ? N_KIND : k + 1); j++)
			for (int l = o < 0 ? 0 : o; l < (o < 0 ? N_OUTCOME : o + 1); l++)
				n += tally->n[i][j][l];
	return n;
}

uint64_t findings(int r, int k)
{
	uint64_t n = 0;
	for (int o = CRASH; o < N_OUTCOME; o++)
		n += sum(r, k, o);
	return n;
}

static void line(const char *name, int r, int k, const char *args)
{
	static const enum outcome columns[] = {SAME, REFUSED, OTHER, ENDED, LIBRARY};
	if (sum(r, k, -1) == 0)
		return;
	printf("%-24s %9llu", name, (unsigned long long)sum(r, k, -1));
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		printf(" %9llu", (unsigned long long)sum(r, k, (int)columns[i]));
	printf(" %9llu%s%.60s\n", (unsigned long long)findings(r, k), *args != '\0' ? "  " : "", args);
}

void report(void)
{
	printf("\n%-24s %9s %9s %9s %9s %9s %9s %9s\n", "", "cases", "same", "refused", "other", "ended", "library",
	       "findings");
	for (int k = 0; k < N_KIND; k++)
		line(kind_name[k], -1, k, "");
	printf("\n");
	for (int i = 0; i < n_row; i++)
		line(row[i].name, i, -1, row[i].args);
	line("all", -1, -1, "");
	for (int o = CRASH; o < N_OUTCOME; o++)
		if (sum(-1, -1, o) > 0)
			printf("%s: %llu\n", outcome_name[o], (unsigned long long)sum(-1, -1, o));
}
