/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct ser_outfile *pending; /* files whose temporary names still exist */
static struct ser_outdir *pending_dirs;
static char *private_dir;  /* where ser_tmpfile() makes its files, if there is one */
static int shared_fd = -1; /* it, where it is that of all the user's processes; locked while one uses it */
static bool at_exit;

static void remove_dir(const struct ser_outdir *o)
{
	for (size_t i = 0; i < o->n; i++)
		unlink(o->file[i]);
	rmdir(o->tmp);
}

void ser_outfile_abort_all(void)
{
	for (struct ser_outdir *o = pending_dirs; o != NULL; o = o->next)
		remove_dir(o);
	for (struct ser_outfile *o = pending; o != NULL; o = o->next)
		if (o->tmp != NULL)
			unlink(o->tmp);
	if (private_dir != NULL && (shared_fd < 0 || flock(shared_fd, LOCK_EX | LOCK_NB) == 0)) /* the last */
		rmdir(private_dir);
}

static void clean_up_at_exit(void)
{
	if (!at_exit)
		at_exit = atexit(ser_outfile_abort_all) == 0;
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

/* Of "/dev/fd/3" and the like: 3; of other names -1. */
static int descriptor(const char *path)
{
	static const char *const dirs[] = {"/dev/fd/", "/proc/self/fd/"};
	int64_t fd;
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (strncmp(path, dirs[i], strlen(dirs[i])) == 0 &&
		    ser_parse_int(path + strlen(dirs[i]), 0, INT_MAX, &fd, NULL) == 0)
			return (int)fd;
	return -1;
}

char *ser_outfile_target(const char *path)
{
	char *at = ser_strdup(path), to[4096];
	ssize_t n;
	for (int hop = 0; hop < 40 && descriptor(at) < 0 && (n = readlink(at, to, sizeof to)) > 0; hop++) {
		const char *slash = to[0] != '/' ? strrchr(at, '/') : NULL;
		struct ser_buf b = {0};
		if (slash != NULL) /* from the folder of the link */
			ser_buf_add(&b, at, (size_t)(slash - at) + 1);
		ser_buf_add(&b, to, (size_t)n);
		ser_buf_add(&b, "", 1);
		free(at);
		at = b.s;
	}
	return at;
}

enum { TRIES = 100 };

/* A name beside `path` that is likely to be free; malloc'ed. */
static char *name_beside(const char *path)
{
	static unsigned salt;
	struct timespec t;
	struct ser_buf b = {0};
	clock_gettime(CLOCK_REALTIME, &t);
	salt = salt * 1664525u + (unsigned)t.tv_nsec + (unsigned)getpid() * 2654435761u;
	ser_buf_printf(&b, "%s.%08x", path, salt);
	return b.s;
}

bool ser_outfile_keeps_owner(const struct stat *old)
{
	return geteuid() == 0 && (old->st_uid != 0 || old->st_gid != getegid());
}

/* A new file beside `path`, of the mode and, for root, the owner of `old`, if there is one. A mode given by open() needs no call that a
 * confined process had better not have. */
static int create_beside(const char *path, const struct stat *old, char **name)
{
	int fd = -1;
	for (int i = 0; i < TRIES; i++) {
		char *tmp = name_beside(path);
		mode_t mask = old != NULL ? umask(0) : 0;
		fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, old != NULL ? old->st_mode & 0777 : 0666);
		int err = errno;
		if (old != NULL)
			umask(mask);
		errno = err;
		if (fd >= 0 || errno != EEXIST) {
			*name = tmp;
			break;
		}
		free(tmp);
	}
	if (fd >= 0 && old != NULL && ser_outfile_keeps_owner(old) && fchown(fd, old->st_uid, old->st_gid) != 0) {
		int err = errno;
		close(fd);
		unlink(*name);
		errno = err;
		return -1;
	}
	return fd;
}

int ser_outfile_open(struct ser_outfile *o, const char *path, struct ser_err *e)
{
	*o = (struct ser_outfile){.path = ser_outfile_target(path)};
	struct stat st;
	bool there = stat(o->path, &st) == 0;
	int fd = descriptor(o->path);
	if (fd >= 0)
		fd = dup(fd);
	else if (there && !S_ISREG(st.st_mode))
		fd = open(o->path, O_WRONLY | O_CLOEXEC);
	else
		fd = create_beside(o->path, there ? &st : NULL, &o->tmp);
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
	clean_up_at_exit();
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

static bool make_dir_beside(const char *path, char **name)
{
	for (int i = 0; i < TRIES; i++) {
		*name = name_beside(path);
		if (mkdir(*name, 0777) == 0)
			return true;
		int err = errno;
		free(*name);
		*name = NULL;
		errno = err;
		if (err != EEXIST)
			return false;
	}
	return false;
}

int ser_outdir_open(struct ser_outdir *o, const char *path, struct ser_err *e)
{
	size_t n = strlen(path);
	struct stat st;
	while (n > 1 && path[n - 1] == '/')
		n--;
	*o = (struct ser_outdir){.path = ser_strndup(path, n)};
	int rc = 0, found = 0;
	bool there = stat(o->path, &st) == 0;
	DIR *d = there ? opendir(o->path) : NULL;
	while (d != NULL && found < 3 && readdir(d) != NULL)
		found++;
	if (d != NULL)
		closedir(d);
	if (there && d == NULL)
		rc = ser_fail(e, SER_EIO, "%s: exists and is no directory", o->path);
	else if (found > 2) /* "." and ".." are always there */
		rc = ser_fail(e, SER_EIO, "%s: exists and is not empty", o->path);
	else if (!make_dir_beside(o->path, &o->tmp))
		rc = ser_fail(e, SER_EIO, "%s: cannot create: %s", o->path, strerror(errno));
	if (rc != 0) {
		free(o->path);
		free(o->tmp);
		*o = (struct ser_outdir){0};
		return rc;
	}
	clean_up_at_exit();
	o->next = pending_dirs;
	pending_dirs = o;
	return 0;
}

FILE *ser_outdir_create(struct ser_outdir *o, const char *name, struct ser_err *e)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s/%s", o->tmp, name);
	o->file = ser_grow(o->file, &o->cap, o->n + 1,
			   sizeof *o->file); /* before the file is there: it must not be forgotten */
	FILE *f = fopen(b.s, "wbx");
	if (f == NULL) {
		ser_fail(e, SER_EIO, "%s: cannot create: %s", b.s, strerror(errno));
		ser_buf_free(&b);
		return NULL;
	}
	o->file[o->n] = b.s;
	o->n++;
	return f;
}

static void forget_dir(struct ser_outdir *o)
{
	for (struct ser_outdir **p = &pending_dirs; *p != NULL; p = &(*p)->next)
		if (*p == o) {
			*p = o->next;
			break;
		}
	for (size_t i = 0; i < o->n; i++)
		free(o->file[i]);
	free(o->file);
	free(o->path);
	free(o->tmp);
	*o = (struct ser_outdir){0};
}

int ser_outdir_commit(struct ser_outdir *o, struct ser_err *e)
{
	int rc = 0, fd = open(o->tmp, O_RDONLY | O_DIRECTORY);
	if (fd < 0 || syncfs(fd) != 0) /* one call for all its files */
		rc = ser_fail(e, SER_EIO, "%s: write failed: %s", o->path, strerror(errno));
	else if (rename(o->tmp, o->path) != 0)
		rc = ser_fail(e, SER_EIO, "%s: cannot rename %s to it: %s", o->path, o->tmp, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (rc != 0)
		remove_dir(o);
	forget_dir(o);
	return rc;
}

void ser_outdir_abort(struct ser_outdir *o)
{
	if (o->tmp == NULL)
		return;
	remove_dir(o);
	forget_dir(o);
}

/* One byte through the CRC of ISO 8802-3, polynomial 0x04c11db7, most significant bit first. */
static uint32_t crc_byte(const uint32_t table[static 256], uint32_t crc, unsigned char c)
{
	return crc << 8 ^ table[(crc >> 24 ^ c) & 255];
}

int ser_cksum(const char *path, char out[static 40], struct ser_err *e)
{
	uint32_t table[256], crc = 0;
	unsigned char buf[65536];
	uint64_t size = 0;
	ssize_t n;
	struct stat st;
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ser_fail(e, SER_EIO, "%s: cannot open: %s", path, strerror(errno));
	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i << 24;
		for (int k = 0; k < 8; k++)
			table[i] = table[i] << 1 ^ (table[i] >> 31 != 0 ? 0x04c11db7 : 0);
	}
	while ((n = read(fd, buf, sizeof buf)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			crc = crc_byte(table, crc, buf[i]);
		size += (uint64_t)n;
	}
	int rc = n == 0 ? 1 : ser_fail(e, SER_EIO, "%s: read failed: %s", path, strerror(errno));
	close(fd);
	for (uint64_t left = size; left > 0; left >>= 8) /* its length goes behind it */
		crc = crc_byte(table, crc, (unsigned char)(left & 255));
	snprintf(out, 40, "%lu %llu", (unsigned long)(~crc & 0xffffffff), (unsigned long long)size);
	return rc;
}

int ser_read_all(FILE *f, const char *name, size_t max, char **out, size_t *n, struct ser_err *e)
{
	struct ser_buf b = {0};
	size_t got;
	do {
		ser_buf_reserve(&b, 65536);
		got = fread(b.s + b.n, 1, 65536, f);
		b.n += got;
	} while (got > 0 && b.n <= max);
	int rc = 0;
	if (ferror(f))
		rc = ser_fail(e, SER_EIO, "%s: read failed: %s", name, strerror(errno));
	else if (b.n > max)
		rc = ser_fail(e, SER_EDATA, "%s: longer than %zu bytes", name, max);
	if (rc != 0) {
		ser_buf_free(&b);
		return rc;
	}
	size_t bom = ser_utf8_bom(b.s, b.n);
	memmove(b.s, b.s + bom, b.n -= bom);
	b.s[b.n] = '\0';
	*out = b.s;
	*n = b.n;
	return 0;
}

int ser_open_regular(const char *path, struct ser_err *e)
{
	bool own = strcmp(path, "/dev/stdin") == 0 || strncmp(path, "/dev/fd/", 8) == 0;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | (own ? 0 : O_NONBLOCK));
	if (fd < 0)
		return ser_fail(e, SER_EIO, "%s: %s", path, strerror(errno));
	if (!own && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		close(fd);
		return ser_fail(e, SER_EDATA,
				S_ISDIR(st.st_mode) ? "%s: is a directory; ser-prep lists the sounds of one"
						    : "%s: is not a regular file",
				path);
	}
	return fd;
}

int ser_lines_whole(const char *s, size_t n, const char *name, struct ser_err *e)
{
	if (n == 0 || s[n - 1] == '\n' || s[n - 1] == '"')
		return 0;
	return ser_fail(e, SER_EDATA,
			"%s: the last line does not end in a newline: the file was cut off; if it is whole, add one",
			name);
}

int ser_read_file(const char *path, size_t max, char **out, size_t *n, struct ser_err *e)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return ser_fail(e, SER_EIO, "%s: cannot open: %s", path, strerror(errno));
	int rc = ser_read_all(f, path, max, out, n, e);
	fclose(f);
	return rc;
}

/* Everything that is left of `from`. */
static int copy(int from, int to, const char *name, const char *tmp, struct ser_err *e)
{
	char buf[1 << 16];
	for (ssize_t got; (got = read(from, buf, sizeof buf)) != 0;) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ser_fail(e, SER_EIO, "%s: read failed: %s", name, strerror(errno));
		for (ssize_t done = 0, put; done < got; done += put) {
			put = write(to, buf + done, (size_t)(got - done));
			if (put < 0 && errno != EINTR)
				return ser_fail(e, SER_EIO, "%s: write failed: %s", tmp, strerror(errno));
			put = put < 0 ? 0 : put;
		}
	}
	return lseek(to, 0, SEEK_SET) < 0
		       ? ser_fail(e, SER_EIO, "%s: cannot go back to its start: %s", tmp, strerror(errno))
		       : 0;
}

const char *ser_tmpdir(void)
{
	const char *dir = private_dir != NULL ? private_dir : getenv("TMPDIR");
	return dir != NULL && dir[0] != '\0' ? dir : "/tmp";
}

/* The folder of this user's processes, shared by a lock, so that whoever ends last takes it away, and with it what a killed one left.
 * It must be there, be ours alone, and still be there once it is locked. */
static int open_shared(const char *path)
{
	struct stat st, now;
	for (int i = 0; i < TRIES; i++) {
		bool made = mkdir(path, 0700) == 0;
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && made)
			rmdir(path);
		if (fd < 0)
			return -1;
		bool ours = fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 0777) == 0700;
		if (ours && flock(fd, LOCK_SH | LOCK_NB) == 0 && lstat(path, &now) == 0 && now.st_ino == st.st_ino &&
		    now.st_dev == st.st_dev)
			return fd;
		close(fd);
		if (!ours)
			return -1;
	}
	return -1;
}

const char *ser_tmpdir_private(void)
{
	if (private_dir == NULL) {
		struct ser_buf b = {0};
		ser_buf_printf(&b, "%s/ser.%lu", ser_tmpdir(), (unsigned long)geteuid());
		shared_fd = open_shared(b.s);
		if (shared_fd < 0) { /* another's, or without locks: one of this process alone */
			b.n = 0;
			ser_buf_printf(&b, "%s/ser.XXXXXX", ser_tmpdir());
		}
		if (shared_fd >= 0 || mkdtemp(b.s) != NULL)
			private_dir = b.s;
		else
			ser_buf_free(&b);
		clean_up_at_exit();
	}
	return private_dir;
}

int ser_tmpfile(const char *name, struct ser_err *e)
{
	int fd = -1;
#ifdef O_TMPFILE
	fd = open(ser_tmpdir(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600); /* never had a name */
	if (fd >= 0)
		return fd;
#endif
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s/%s.XXXXXX", ser_tmpdir(), name);
	fd = mkostemp(b.s, O_CLOEXEC);
	if (fd < 0)
		fd = ser_fail(e, SER_EIO, "cannot create a temporary file %s: %s", b.s, strerror(errno));
	else
		unlink(b.s);
	ser_buf_free(&b);
	return fd;
}

int ser_fd_seekable(int fd, const char *name, const char *tmp, struct ser_err *e)
{
	if (lseek(fd, 0, SEEK_CUR) >= 0)
		return fd;
	int to = ser_tmpfile(tmp, e);
	if (to < 0)
		return to;
	int rc = copy(fd, to, name, tmp, e);
	if (rc != 0) {
		close(to);
		return rc;
	}
	close(fd);
	return to;
}
