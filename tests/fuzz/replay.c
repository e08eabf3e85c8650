/* SPDX-License-Identifier: MIT */
/* main() of a fuzz target without a fuzzer: every file named, or every file of the directories named, once. */
#include "tests_fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int n_file;

static int replay(const char *path)
{
	char *p;
	size_t n;
	struct ser_err e;
	if (ser_read_file(path, (size_t)1 << 26, &p, &n, &e) != 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	char *exact = ser_malloc(n > 0 ? n : 1, 1); /* so that one byte too far is seen */
	memcpy(exact, p, n);
	free(p);
	LLVMFuzzerTestOneInput((const uint8_t *)exact, n);
	free(exact);
	n_file++;
	return 0;
}

int main(int argc, char **argv)
{
	int bad = 0;
	for (int i = 1; i < argc; i++) {
		struct stat st;
		DIR *d = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode) ? opendir(argv[i]) : NULL;
		struct dirent *entry;
		struct ser_buf path = {0};
		if (d == NULL)
			bad |= replay(argv[i]);
		while (d != NULL && (entry = readdir(d)) != NULL) {
			if (entry->d_name[0] == '.')
				continue;
			path.n = 0;
			ser_buf_printf(&path, "%s/%s", argv[i], entry->d_name);
			bad |= replay(path.s);
		}
		if (d != NULL)
			closedir(d);
		ser_buf_free(&path);
	}
	printf("%d inputs\n", n_file);
	return bad || n_file == 0;
}
