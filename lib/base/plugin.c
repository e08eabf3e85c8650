/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

const void *ser_plugin(const char *file, const char *symbol, bool global, struct ser_err *e)
{
	static const char below[] = "/../libexec/ser/";
	char path[4096];
	size_t n_file = strlen(file);
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof below - n_file);
	if (n < 0) {
		ser_fail(e, SER_EIO, "/proc/self/exe: %s", strerror(errno));
		return NULL;
	}
	path[n] = '\0';
	char *slash = strrchr(path, '/'), *at = slash != NULL ? slash : path + n;
	memcpy(at, below, sizeof below - 1);
	memcpy(at + sizeof below - 1, file, n_file + 1);
	void *so = dlopen(path, RTLD_NOW | (global ? RTLD_GLOBAL : RTLD_LOCAL)); /* for as long as the process runs */
	const void *p = so != NULL ? dlsym(so, symbol) : NULL;
	if (p == NULL)
		ser_fail(e, SER_EIO, "%s", dlerror());
	return p;
}
