/* SPDX-License-Identifier: MIT */
/* What tools say of themselves at the end. */
#include "cli/private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static bool alone(unsigned common, double cpu_s, int n_cpu, int argc, char **argv)
{
	const struct ser_option opts[] = {{0}};
	const struct ser_tool tool = {"ser-try", "Try.", "[FILE]...", opts, NULL, common | SER_CLI_LOOSE};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	bool yes = ser_cli_alone(&c, cpu_s, n_cpu);
	free(c.given);
	return yes;
}

/* Only who waited for one processor of several, without having chosen. */
static void threads(void **state)
{
	(void)state;
	char *plain[] = {"ser-try", NULL}, *chosen[] = {"ser-try", "-t", "1", NULL}, *quiet[] = {"ser-try", "-q", NULL};
	assert_true(alone(SER_CLI_THREADS, 31, 16, 1, plain));
	assert_false(alone(SER_CLI_THREADS, 29, 16, 1, plain));
	assert_false(alone(SER_CLI_THREADS, 31, 1, 1, plain));
	assert_false(alone(SER_CLI_THREADS, 31, 16, 3, chosen));
	assert_false(alone(SER_CLI_THREADS, 31, 16, 2, quiet));
	assert_false(alone(0, 31, 16, 1, plain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(threads)};
	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
