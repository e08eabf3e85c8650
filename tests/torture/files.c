/* SPDX-License-Identifier: MIT */
#include "torture/torture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void die(const char *what, const char *which)
{
	fprintf(stderr, "torture: %s%s%s\n", what, which != NULL ? ": " : "", which != NULL ? which : "");
	exit(2);
}

void slurp(const char *path, char **s, size_t *n)
{
	struct ser_err e;
	if (ser_read_file(path, SIZE_MAX / 2, s, n, &e) != 0)
		die(e.msg, NULL);
}

void spill(const char *path, const char *s, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, s, n) != (ssize_t)n || close(fd) != 0)
		die("cannot write", path);
}

char *join(const char *a, const char *b)
{
	struct ser_buf p = {0};
	ser_buf_printf(&p, "%s/%s", a, b);
	return p.s;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static void list_below(struct files *l, const char *top, const char *sub)
{
	char *path = *sub != '\0' ? join(top, sub) : ser_strdup(top);
	DIR *d = opendir(path);
	struct dirent *de;
	while (d != NULL && (de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		char *name = *sub != '\0' ? join(sub, de->d_name) : ser_strdup(de->d_name), *full = join(top, name);
		struct stat st;
		if (lstat(full, &st) == 0) {
			if (l->n == MAX_FILE)
				die("too many files", path);
			l->f[l->n++] = (struct file){.name = name, .st = st};
			if (S_ISDIR(st.st_mode))
				list_below(l, top, name);
		}
		free(full);
	}
	if (d != NULL)
		closedir(d);
	free(path);
}

void list_files(struct files *l, const char *top)
{
	l->n = 0;
	list_below(l, top, "");
	qsort(l->f, (size_t)l->n, sizeof l->f[0], by_name);
}

void files_free(struct files *l)
{
	for (int i = 0; i < l->n; i++) {
		free(l->f[i].name);
		free(l->f[i].s);
	}
	l->n = 0;
}

struct file *file_find(struct files *l, const char *name)
{
	struct file key = {.name = (char *)(uintptr_t)name};
	return bsearch(&key, l->f, (size_t)l->n, sizeof l->f[0], by_name);
}
