/* SPDX-License-Identifier: MIT */
#include "tests_fuzz.h"

#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char path[32];
	struct ser_table t = {0};
	struct ser_buf notes = {0};
	struct ser_err e;
	int fd = ser_fuzz_file(p, n, path);
	ser_fuzz_table(&t, ser_lhotse_read(&t, (char *[]){path}, 1, true, &notes, &e), &e);
	ser_table_free(&t);
	ser_buf_free(&notes);
	close(fd);
	return 0;
}
