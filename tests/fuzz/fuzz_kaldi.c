/* SPDX-License-Identifier: MIT */
/* A Kaldi data directory as one text: a line "@ NAME" begins the file of this name. */
#include "tests_fuzz.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64];

static void empty(void)
{
	DIR *d = opendir(dir);
	for (const struct dirent *f; d != NULL && (f = readdir(d)) != NULL;)
		if (f->d_name[0] != '.')
			unlinkat(dirfd(d), f->d_name, 0);
	if (d != NULL)
		closedir(d);
}

static void leave(void)
{
	empty();
	rmdir(dir);
}

static const uint8_t *line_end(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *q = memchr(p, '\n', (size_t)(end - p));
	return q != NULL ? q + 1 : end;
}

static FILE *begin(const uint8_t *name, size_t n)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s/", dir);
	for (size_t i = 0; i < n && i < 40; i++)
		if (name[i] > ' ' && name[i] < 127 && name[i] != '/' && !(name[i] == '.' && i == 0))
			ser_buf_add(&b, &name[i], 1);
	FILE *f = b.s[b.n - 1] != '/' ? fopen(b.s, "wb") : NULL;
	ser_buf_free(&b);
	return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;
	struct ser_table t = {0};
	struct ser_buf notes = {0};
	struct ser_err e;
	FILE *f = NULL;
	if (dir[0] == '\0') {
		const char *tmp = getenv("TMPDIR");
		snprintf(dir, sizeof dir, "%.40s/fuzz.XXXXXX", tmp != NULL ? tmp : "/tmp");
		ser_assert(mkdtemp(dir) != NULL);
		atexit(leave);
	}
	while (p < end) {
		const uint8_t *q = line_end(p, end);
		if (p[0] == '@' && q - p > 2) {
			if (f != NULL)
				fclose(f);
			f = begin(p + 2, (size_t)(q - p) - 2);
		} else if (f != NULL) {
			fwrite(p, 1, (size_t)(q - p), f);
		}
		p = q;
	}
	if (f != NULL)
		fclose(f);
	ser_fuzz_table(&t, ser_kaldi_read(&t, dir, true, &notes, &e), &e);
	ser_table_free(&t);
	ser_buf_free(&notes);
	empty();
	return 0;
}
