/* SPDX-License-Identifier: MIT */
#include "tests_fuzz.h"

#include <string.h>
#include <unistd.h>

/* Row by row below a root: no path leads out of it. */
static void rows(FILE *f)
{
	struct ser_err e;
	struct ser_manifest_opts o = {.root.dir = "root"};
	struct ser_manifest *m = ser_manifest_new(f, "fuzz", &o, &e);
	while (m != NULL && ser_manifest_next(m, &e) > 0) {
		double start, end;
		const char *path = ser_manifest_path(m, &e);
		ser_assert(path == NULL || (strncmp(path, "root/", 5) == 0 && strstr(path, "/../") == NULL));
		ser_assert(ser_manifest_segment(m, &start, &end, &e) != 0 || (start >= 0 && start < end));
	}
	ser_manifest_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char path[32];
	struct ser_table t = {0};
	struct ser_err e;
	int fd = ser_fuzz_file(p, n, path);
	FILE *f = fdopen(fd, "rb");
	rows(f);
	rewind(f);
	ser_fuzz_table(&t, ser_table_read(&t, f, "fuzz", NULL, &e), &e);
	ser_table_free(&t);
	fclose(f);
	return 0;
}
