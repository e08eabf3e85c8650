/* SPDX-License-Identifier: MIT */
/* CSV: audformat's and a manifest's. */
#include "tests_fuzz.h"

#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char path[32];
	struct ser_table t = {0};
	struct ser_err e;
	int fd = ser_fuzz_file(p, n, path);
	ser_fuzz_table(&t, ser_audformat_read(&t, path, &e), &e);
	ser_table_free(&t);
	ser_fuzz_table(&t, ser_csv_read(&t, path, NULL, &e), &e);
	ser_table_free(&t);
	close(fd);
	return 0;
}
