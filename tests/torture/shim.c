/* SPDX-License-Identifier: MIT */
/* Loaded into a tool before everything else (LD_PRELOAD). It says when main() begins, so that what the loader does is nobody's
 * business, and lets the n-th allocation after that fail. SER_SHIM names a file with a struct shim, shared with the driver. */
#include "torture/shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);

static struct shim *shim; /* NULL until main() */

#ifndef OWN_ALLOCATOR /* as the sanitizers have */
/* The object file that asked, of those other than the C library. */
static void note(const void *caller)
{
	Dl_info who;
	if (dladdr(caller, &who) == 0 || who.dli_fname == NULL)
		return;
	const char *name = strrchr(who.dli_fname, '/');
	name = name != NULL ? name + 1 : who.dli_fname;
	if (strncmp(name, "libc.", 5) != 0)
		strncpy(shim->asked, name, sizeof shim->asked - 1);
}

static bool refused(const void *caller)
{
	if (shim == NULL)
		return false;
	uint64_t i = atomic_fetch_add(&shim->n_alloc, 1) + 1;
	bool no = shim->fail_at != 0 && (i == shim->fail_at || (shim->for_good && i > shim->fail_at));
	if (no) {
		note(caller);
		errno = ENOMEM;
	}
	return no;
}

void *malloc(size_t n)
{
	return refused(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return refused(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return refused(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}

void *memalign(size_t align, size_t n)
{
	return refused(__builtin_return_address(0)) ? NULL : __libc_memalign(align, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	return refused(__builtin_return_address(0)) ? NULL : __libc_memalign(align, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
	void *got = refused(__builtin_return_address(0)) ? NULL : __libc_memalign(align, n);
	if (got == NULL)
		return ENOMEM;
	*p = got;
	return 0;
}

#endif

static int (*real_main)(int, char **, char **);

static int begin(int argc, char **argv, char **envp)
{
	const char *path = getenv("SER_SHIM");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd >= 0 ? mmap(NULL, sizeof *shim, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		shim = p;
	syscall(SYS_getppid, SHIM_MARK); /* takes no argument: what is there is for the one who traces */
	return real_main(argc, argv, envp);
}

int __libc_start_main(int (*m)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*ld_fini)(void), void *stack_end)
{
	int (*next)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void),
		    void *);
	*(void **)&next = dlsym(RTLD_NEXT, "__libc_start_main");
	real_main = m;
	return next(begin, argc, argv, init, fini, ld_fini, stack_end);
}
