/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ser_outfile *pending; /* files whose temporary names still exist */
static bool at_exit;

void ser_outfile_abort_all(void)
{
	for (struct ser_outfile *o = pending; o != NULL; o = o->next)
		if (o->tmp != NULL)
			unlink(o->tmp);
}

static void forget(struct ser_outfile *o)
{
	for (struct ser_outfile **p = &pending; *p != NULL; p = &(*p)->next)
		if (*p == o) {
			*p = o->next;
			break;
		}
	free(o->tmp);
	free(o->path);
	*o = (struct ser_outfile){0};
}

int ser_outfile_open(struct ser_outfile *o, const char *path, struct ser_err *e)
{
	*o = (struct ser_outfile){.path = ser_strdup(path)};
	struct stat st;
	int fd;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		fd = open(path, O_WRONLY);
	} else {
		struct ser_buf b = {0};
		ser_buf_printf(&b, "%s.XXXXXX", path);
		fd = mkstemp(b.s);
		o->tmp = b.s;
		if (fd >= 0) {
			mode_t mask = umask(0);
			umask(mask);
			fchmod(fd, 0666 & ~mask);
		}
	}
	o->f = fd >= 0 ? fdopen(fd, "wb") : NULL;
	if (o->f == NULL) {
		int rc = ser_fail(e, SER_EIO, "%s: cannot create: %s", path, strerror(errno));
		if (fd >= 0) {
			close(fd);
			if (o->tmp != NULL)
				unlink(o->tmp);
		}
		forget(o);
		return rc;
	}
	if (!at_exit)
		at_exit = atexit(ser_outfile_abort_all) == 0;
	o->next = pending;
	pending = o;
	return 0;
}

int ser_outfile_commit(struct ser_outfile *o, struct ser_err *e)
{
	int rc = 0;
	errno = 0; /* a write that failed earlier has left its mark in ferror() only */
	bool bad = fflush(o->f) != 0 || ferror(o->f) != 0;
	bad = bad || (o->tmp != NULL && fsync(fileno(o->f)) != 0);
	bad = fclose(o->f) != 0 || bad;
	o->f = NULL;
	if (bad)
		rc = ser_fail(e, SER_EIO, "%s: write failed%s%s", o->path, errno != 0 ? ": " : "",
			      errno != 0 ? strerror(errno) : "");
	else if (o->tmp != NULL && rename(o->tmp, o->path) != 0)
		rc = ser_fail(e, SER_EIO, "%s: cannot rename %s to it: %s", o->path, o->tmp, strerror(errno));
	if (rc != 0 && o->tmp != NULL)
		unlink(o->tmp);
	forget(o);
	return rc;
}

void ser_outfile_abort(struct ser_outfile *o)
{
	if (o->f == NULL)
		return;
	fclose(o->f);
	if (o->tmp != NULL)
		unlink(o->tmp);
	forget(o);
}

int ser_read_file(const char *path, size_t max, char **out, size_t *n, struct ser_err *e)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return ser_fail(e, SER_EIO, "%s: cannot open: %s", path, strerror(errno));
	struct ser_buf b = {0};
	size_t got;
	do {
		ser_buf_reserve(&b, 65536);
		got = fread(b.s + b.n, 1, 65536, f);
		b.n += got;
	} while (got > 0 && b.n <= max);
	int rc = 0;
	if (ferror(f))
		rc = ser_fail(e, SER_EIO, "%s: read failed: %s", path, strerror(errno));
	else if (b.n > max)
		rc = ser_fail(e, SER_EDATA, "%s: longer than %zu bytes", path, max);
	fclose(f);
	if (rc != 0) {
		ser_buf_free(&b);
		return rc;
	}
	b.s[b.n] = '\0';
	*out = b.s;
	*n = b.n;
	return 0;
}
