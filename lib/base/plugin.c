/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static int place(const char *file, char path[static 4096])
{
	static const char below[] = "/../libexec/ser/";
	size_t n_file = strlen(file);
	ssize_t n = readlink("/proc/self/exe", path, 4096 - sizeof below - n_file);
	if (n < 0)
		return -1;
	path[n] = '\0';
	char *slash = strrchr(path, '/'), *at = slash != NULL ? slash : path + n;
	memcpy(at, below, sizeof below - 1);
	memcpy(at + sizeof below - 1, file, n_file + 1);
	return 0;
}

bool ser_plugin_there(const char *file)
{
	char path[4096];
	return place(file, path) == 0 && access(path, R_OK) == 0;
}

const void *ser_plugin(const char *file, const char *symbol, bool global, struct ser_err *e)
{
	char path[4096];
	if (place(file, path) != 0) {
		ser_fail(e, SER_EIO, "/proc/self/exe: %s", strerror(errno));
		return NULL;
	}
	void *so = dlopen(path, RTLD_NOW | (global ? RTLD_GLOBAL : RTLD_LOCAL)); /* for as long as the process runs */
	const void *p = so != NULL ? dlsym(so, symbol) : NULL;
	if (p == NULL)
		ser_fail(e, SER_EIO, "%s", dlerror());
	return p;
}
